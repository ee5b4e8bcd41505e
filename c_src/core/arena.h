/* arena.h - memory that is given back all at once.
 *
 * An arena is a list of chunks, the newest first; a block is cut from the
 * newest chunk, and one too large for it gets a chunk of its own.
 *
 *     top -> [ header | block block block ..free.. ] -> [ header | ... ] -> NULL
 *
 * Memory that was never touched before costs more than most of what is done in
 * it. So what a vector or a table leaves behind when it grows is cut into other
 * blocks, and of the chunks that a rewind empties the largest is kept.
 *
 * What always holds: blocks are aligned for every scalar type, stay where they
 * are until they are left or the arena is freed or rewound past them, and need
 * not be left. So whoever builds in an arena can give up half-way, out of memory
 * or stopped, without cleaning up: the owner of the arena frees it.
 */
#ifndef MATY_ARENA_H
#define MATY_ARENA_H

#include "maty.h"

typedef struct maty__chunk maty__chunk_t;

typedef struct maty__left maty__left_t;

/* Blocks that were left are listed by size: those in left[i] have 64 << i bytes at
 * least, and less than twice as many. */
enum { MATY__ARENA_SIZES = 24 };

typedef struct maty__arena {
  maty_allocator_t allocator;
  maty__chunk_t *top;
  maty__chunk_t *spare; /* an empty one, or NULL */
  size_t next_size;     /* of the next chunk's room */
  maty__left_t *left[MATY__ARENA_SIZES];
} maty__arena_t;

/* A moment in an arena's life, to rewind to. */
typedef struct maty__arena_mark {
  maty__chunk_t *top;
  size_t used;
} maty__arena_mark_t;

void maty__arena_init(maty__arena_t *arena, const maty_allocator_t *allocator);
void maty__arena_free(maty__arena_t *arena);

/* Some "size" bytes will be needed, as far as can be told: the first chunk has as
 * many, within reason. */
void maty__arena_expect(maty__arena_t *arena, size_t size);

/* Returns a block that is not initialised, or NULL out of memory. */
void *maty__arena_alloc(maty__arena_t *arena, size_t size);

/* The same, filled with zeros. */
void *maty__arena_zalloc(maty__arena_t *arena, size_t size);

/* Makes a block larger. Returns where it is from now on; or NULL out of memory, and
 * then the old block is still good. */
void *maty__arena_grow(maty__arena_t *arena, void *block, size_t old_size, size_t size);

/* Nobody will look at a block of this size any more. It may be NULL. */
void maty__arena_leave(maty__arena_t *arena, void *block, size_t size);

maty__arena_mark_t maty__arena_mark(const maty__arena_t *arena);

/* Gives back every block that is newer than the mark or has grown since. */
void maty__arena_rewind(maty__arena_t *arena, maty__arena_mark_t mark);

#endif /* MATY_ARENA_H */
