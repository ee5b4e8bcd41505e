/* arena.c - see arena.h. */
#include "arena.h"

#include <string.h>

/* Chunks double from the first size to the last. Under an address sanitizer
 * every block is a chunk, so that a step beyond a block is seen, and one that was
 * left is used for nothing else, so that a look at it is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_A_CHUNK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_A_CHUNK 1
#endif
#endif

#ifdef ONE_BLOCK_A_CHUNK
#include <sanitizer/asan_interface.h>
#endif

enum {
  ALIGNMENT = 16,
  FIRST_CHUNK = 8 * 1024,
  LAST_CHUNK = 1024 * 1024,
  MOST_EXPECTED = 4 * LAST_CHUNK,
  LEAST_LEFT = 64
};

struct maty__chunk {
  maty__chunk_t *below;
  size_t size; /* of the room behind the header */
  size_t used;
  size_t reserved; /* keeps the room aligned */
};

struct maty__left {
  maty__left_t *next;
  size_t size;
};

static char *room(maty__chunk_t *chunk) { return (char *)(chunk + 1); }

void maty__arena_init(maty__arena_t *arena, const maty_allocator_t *allocator) {
  *arena = (maty__arena_t){.allocator = *allocator, .next_size = FIRST_CHUNK};
}

void maty__arena_expect(maty__arena_t *arena, size_t size) {
  arena->next_size = size < FIRST_CHUNK ? FIRST_CHUNK : size > MOST_EXPECTED ? MOST_EXPECTED : size;
}

static maty__chunk_t *take_top(maty__arena_t *arena) {
  maty__chunk_t *chunk = arena->top;
  arena->top = chunk->below;
  return chunk;
}

static void free_chunk(maty__arena_t *arena, maty__chunk_t *chunk) {
  if (chunk == NULL)
    return;
#ifdef ONE_BLOCK_A_CHUNK
  /* The allocator may be one that the sanitizer knows nothing of. */
  ASAN_UNPOISON_MEMORY_REGION(room(chunk), chunk->size);
#endif
  arena->allocator.resize(arena->allocator.context, chunk, sizeof *chunk + chunk->size, 0);
}

void maty__arena_free(maty__arena_t *arena) {
  while (arena->top != NULL)
    free_chunk(arena, take_top(arena));
  free_chunk(arena, arena->spare);
  arena->spare = NULL;
}

static void put_on_top(maty__arena_t *arena, maty__chunk_t *chunk) {
  chunk->below = arena->top;
  chunk->used = 0;
  arena->top = chunk;
}

static bool add_chunk(maty__arena_t *arena, size_t size) {
  size_t room_size = size;
  if (arena->spare != NULL && arena->spare->size >= size) {
    put_on_top(arena, arena->spare);
    arena->spare = NULL;
    return true;
  }
#ifndef ONE_BLOCK_A_CHUNK
  if (room_size < arena->next_size)
    room_size = arena->next_size;
  if (arena->next_size < LAST_CHUNK)
    arena->next_size *= 2;
#endif
  if (room_size > SIZE_MAX - sizeof(maty__chunk_t))
    return false;
  maty__chunk_t *chunk =
      arena->allocator.resize(arena->allocator.context, NULL, 0, sizeof *chunk + room_size);
  if (chunk == NULL)
    return false;
  chunk->size = room_size;
  put_on_top(arena, chunk);
  return true;
}

static size_t rounded(size_t size) {
#ifdef ONE_BLOCK_A_CHUNK
  return size == 0 ? 1 : size;
#else
  return (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
#endif
}

/* The list that a block of this size belongs to. */
static uint32_t list_of(size_t size) {
  uint32_t list = 0;
  while (list + 1 < MATY__ARENA_SIZES && size >= (size_t)LEAST_LEFT << (list + 1))
    list++;
  return list;
}

void maty__arena_leave(maty__arena_t *arena, void *block, size_t size) {
#ifdef ONE_BLOCK_A_CHUNK
  (void)arena;
  if (block != NULL)
    ASAN_POISON_MEMORY_REGION(block, size);
#else
  if (block == NULL || size < LEAST_LEFT)
    return;
  maty__left_t **list = &arena->left[list_of(size)], *left = block;
  *left = (maty__left_t){.next = *list, .size = size};
  *list = left;
#endif
}

/* A block that was left and is large enough, though less than four times so; or NULL.
 * Of a list only the first is looked at. */
static void *take_left(maty__arena_t *arena, size_t size) {
  if (size < LEAST_LEFT)
    return NULL;
  uint32_t first = list_of(size);
  for (uint32_t list = first; list < first + 2 && list < MATY__ARENA_SIZES; list++) {
    maty__left_t *left = arena->left[list];
    if (left != NULL && left->size >= size) {
      arena->left[list] = left->next;
      return left;
    }
  }
  return NULL;
}

void *maty__arena_alloc(maty__arena_t *arena, size_t size) {
  if (size > SIZE_MAX / 2)
    return NULL;
  size = rounded(size);
  void *left = take_left(arena, size);
  if (left != NULL)
    return left;
  if ((arena->top == NULL || arena->top->size - arena->top->used < size) && !add_chunk(arena, size))
    return NULL;
  void *block = room(arena->top) + arena->top->used;
  arena->top->used += size;
  return block;
}

void *maty__arena_zalloc(maty__arena_t *arena, size_t size) {
  void *block = maty__arena_alloc(arena, size);
  if (block != NULL)
    memset(block, 0, size);
  return block;
}

void *maty__arena_grow(maty__arena_t *arena, void *block, size_t old_size, size_t size) {
  if (block == NULL)
    return maty__arena_alloc(arena, size);
  if (size > SIZE_MAX / 2)
    return NULL;
  maty__chunk_t *top = arena->top;
  size_t old_room = rounded(old_size), new_room = rounded(size);
  if ((char *)block + old_room == room(top) + top->used &&
      new_room - old_room <= top->size - top->used) {
    top->used += new_room - old_room;
    return block;
  }
  void *copy = maty__arena_alloc(arena, size);
  if (copy != NULL) {
    memcpy(copy, block, old_size);
    maty__arena_leave(arena, block, old_size);
  }
  return copy;
}

maty__arena_mark_t maty__arena_mark(const maty__arena_t *arena) {
  return (maty__arena_mark_t){.top = arena->top, .used = arena->top == NULL ? 0 : arena->top->used};
}

void maty__arena_rewind(maty__arena_t *arena, maty__arena_mark_t mark) {
  while (arena->top != mark.top) {
    maty__chunk_t *chunk = take_top(arena);
#ifndef ONE_BLOCK_A_CHUNK
    if (arena->spare == NULL || arena->spare->size < chunk->size) {
      maty__chunk_t *smaller = arena->spare;
      arena->spare = chunk;
      chunk = smaller;
    }
#endif
    free_chunk(arena, chunk);
  }
  memset(arena->left, 0, sizeof arena->left);
  if (arena->top != NULL)
    arena->top->used = mark.used;
}
