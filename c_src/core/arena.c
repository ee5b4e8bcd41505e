/* arena.c - see arena.h. */
#include "arena.h"

#include <string.h>

/* Chunks double from the first size to the last. Under an address sanitizer
 * every block is a chunk, so that a step beyond a block is seen. */
#if defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_A_CHUNK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_A_CHUNK 1
#endif
#endif

enum { ALIGNMENT = 16, FIRST_CHUNK = 8 * 1024, LAST_CHUNK = 1024 * 1024 };

struct maty__chunk {
  maty__chunk_t *below;
  size_t size; /* of the room behind the header */
  size_t used;
  size_t reserved; /* keeps the room aligned */
};

static char *room(maty__chunk_t *chunk) { return (char *)(chunk + 1); }

void maty__arena_init(maty__arena_t *arena, const maty_allocator_t *allocator) {
  arena->allocator = *allocator;
  arena->top = NULL;
}

static void drop_top(maty__arena_t *arena) {
  maty__chunk_t *chunk = arena->top;
  arena->top = chunk->below;
  arena->allocator.resize(arena->allocator.context, chunk, sizeof *chunk + chunk->size, 0);
}

void maty__arena_free(maty__arena_t *arena) {
  while (arena->top != NULL)
    drop_top(arena);
}

static bool add_chunk(maty__arena_t *arena, size_t size) {
  size_t room_size = size;
#ifndef ONE_BLOCK_A_CHUNK
  size_t wanted = arena->top == NULL ? FIRST_CHUNK : 2 * arena->top->size;
  if (wanted > LAST_CHUNK)
    wanted = LAST_CHUNK;
  if (room_size < wanted)
    room_size = wanted;
#endif
  if (room_size > SIZE_MAX - sizeof(maty__chunk_t))
    return false;
  maty__chunk_t *chunk =
      arena->allocator.resize(arena->allocator.context, NULL, 0, sizeof *chunk + room_size);
  if (chunk == NULL)
    return false;
  chunk->below = arena->top;
  chunk->size = room_size;
  chunk->used = 0;
  arena->top = chunk;
  return true;
}

static size_t rounded(size_t size) {
#ifdef ONE_BLOCK_A_CHUNK
  return size == 0 ? 1 : size;
#else
  return (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
#endif
}

void *maty__arena_alloc(maty__arena_t *arena, size_t size) {
  if (size > SIZE_MAX / 2)
    return NULL;
  size = rounded(size);
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
  if (copy != NULL)
    memcpy(copy, block, old_size);
  return copy;
}

maty__arena_mark_t maty__arena_mark(const maty__arena_t *arena) {
  return (maty__arena_mark_t){.top = arena->top, .used = arena->top == NULL ? 0 : arena->top->used};
}

void maty__arena_rewind(maty__arena_t *arena, maty__arena_mark_t mark) {
  while (arena->top != mark.top)
    drop_top(arena);
  if (arena->top != NULL)
    arena->top->used = mark.used;
}
