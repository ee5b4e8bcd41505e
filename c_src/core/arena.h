/* arena.h - memory that is given back all at once.
 *
 * An arena is a list of chunks, the newest first; a block is cut from the
 * newest chunk, and one too large for it gets a chunk of its own.
 *
 *     top -> [ header | block block block ..free.. ] -> [ header | ... ] -> NULL
 *
 * What always holds: blocks are aligned for every scalar type, stay where they
 * are until the arena is freed or rewound past them, and are never freed one
 * by one. So whoever builds in an arena can give up half-way, out of memory or
 * stopped, without cleaning up: the owner of the arena frees it.
 */
#ifndef MATY_ARENA_H
#define MATY_ARENA_H

#include "maty.h"

typedef struct maty__chunk maty__chunk_t;

typedef struct maty__arena {
  maty_allocator_t allocator;
  maty__chunk_t *top;
} maty__arena_t;

/* A moment in an arena's life, to rewind to. */
typedef struct maty__arena_mark {
  maty__chunk_t *top;
  size_t used;
} maty__arena_mark_t;

void maty__arena_init(maty__arena_t *arena, const maty_allocator_t *allocator);
void maty__arena_free(maty__arena_t *arena);

/* Returns a block that is not initialised, or NULL out of memory. */
void *maty__arena_alloc(maty__arena_t *arena, size_t size);

/* The same, filled with zeros. */
void *maty__arena_zalloc(maty__arena_t *arena, size_t size);

/* Makes a block larger; its contents move if the block is not the newest one.
 * Returns NULL out of memory, and then the old block is still good. */
void *maty__arena_grow(maty__arena_t *arena, void *block, size_t old_size, size_t size);

maty__arena_mark_t maty__arena_mark(const maty__arena_t *arena);

/* Gives back every block that is newer than the mark. */
void maty__arena_rewind(maty__arena_t *arena, maty__arena_mark_t mark);

#endif /* MATY_ARENA_H */
