/* deadlines.h - which endpoint has to be failed next, and when.
 *
 * A binary heap, the earliest moment on top, and a map from an endpoint (slot and
 * role, the low 32 bits of its handle) to its place in the heap, so that a
 * deadline that is met is taken out again: there is never more than one for an
 * endpoint, and none for one that is gone.
 *
 *     heap:  [ 10 e4 | 30 e1 | 12 e9 | 31 e2 ]       places: e4 -> 0, e1 -> 1 ...
 *
 * Setting and clearing take time in the logarithm of how many are set.
 */
#ifndef MATY_DEADLINES_H
#define MATY_DEADLINES_H

#include "wordmap.h"

typedef struct maty__deadline {
  uint64_t at; /* a moment, in whatever unit the owner of the space has */
  uint32_t local;
} maty__deadline_t;

/* All zeros is an empty one. */
typedef struct maty__deadlines {
  maty__deadline_t *heap;
  uint32_t count, capacity;
  maty__wordmap_t places;
} maty__deadlines_t;

void maty__deadlines_free(maty__deadlines_t *deadlines, const maty_allocator_t *allocator);

/* Sets or moves an endpoint's deadline. MATY_ENOMEM: all is as it was. */
maty_status maty__deadlines_set(maty__deadlines_t *deadlines, uint32_t local, uint64_t at,
                                const maty_allocator_t *allocator);

/* Clears it, if there is one. Returns whether there was. */
bool maty__deadlines_clear(maty__deadlines_t *deadlines, uint32_t local);

/* Bytes held. */
size_t maty__deadlines_size(const maty__deadlines_t *deadlines);

#endif /* MATY_DEADLINES_H */
