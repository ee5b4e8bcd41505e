/* vec.h - the four containers that everything is built from.
 *
 *   vector   MATY__VEC(type): a growing array. Read it as vec.at[i], vec.count.
 *   map      64-bit keys to 32-bit values, open addressing.
 *   groups   items by their key, in their order.
 *   pool     sequences of 32-bit numbers, each kept once and known by a small
 *            number; equal sequences have equal numbers. A set of states, the
 *            arguments of a call, a payload, a type: each is a sequence, and
 *            comparing two of them is comparing two numbers.
 *
 * All of them live in an arena and are never freed one by one. What fails for
 * want of memory returns false, NULL or MATY__NONE and leaves a container that
 * may be read; the caller gives up.
 */
#ifndef MATY_VEC_H
#define MATY_VEC_H

#include "arena.h"

/* No such index. */
#define MATY__NONE UINT32_MAX

/* Leaves the function with the status of a step that is not MATY_OK. */
#define MATY__TRY(expression)                                                                      \
  do {                                                                                             \
    maty_status try_status_ = (expression);                                                        \
    if (try_status_ != MATY_OK)                                                                    \
      return try_status_;                                                                          \
  } while (0)

/* Leaves the function with MATY_ENOMEM if a step found no memory. */
#define MATY__NEED(condition)                                                                      \
  do {                                                                                             \
    if (!(condition))                                                                              \
      return MATY_ENOMEM;                                                                          \
  } while (0)

/* ===== Vector ============================================================ */

#define MATY__VEC(type)                                                                            \
  struct {                                                                                         \
    type *at;                                                                                      \
    uint32_t count, capacity;                                                                      \
  }

typedef MATY__VEC(uint32_t) maty__u32s_t;
typedef MATY__VEC(uint64_t) maty__u64s_t;

/* Makes room for "more" items. Out of memory the vector becomes empty. */
#define maty__vec_reserve(arena, vec, more)                                                        \
  ((vec)->capacity - (vec)->count >= (more) ||                                                     \
   ((vec)->at = maty__vec_grow((arena), (vec)->at, &(vec)->count, &(vec)->capacity, (more),        \
                               sizeof *(vec)->at)) != NULL)

#define maty__vec_push(arena, vec, value)                                                          \
  (maty__vec_reserve((arena), (vec), 1) && ((vec)->at[(vec)->count++] = (value), true))

void *maty__vec_grow(maty__arena_t *arena, void *at, uint32_t *count, uint32_t *capacity,
                     uint32_t more, size_t item_size);

/* An array of "count" items, not initialised, or NULL. */
#define maty__array(arena, type, count)                                                            \
  ((type *)maty__arena_alloc((arena), (size_t)(count) * sizeof(type)))
#define maty__zarray(arena, type, count)                                                           \
  ((type *)maty__arena_zalloc((arena), (size_t)(count) * sizeof(type)))

/* Sorts in place, smallest first. */
void maty__sort(uint64_t *keys, uint32_t count);
void maty__sort_u32(uint32_t *keys, uint32_t count);

/* Sorts and drops doubles; returns how many are left. */
uint32_t maty__sort_unique(uint32_t *keys, uint32_t count);

/* ===== Map =============================================================== */

typedef struct maty__map {
  uint64_t *keys; /* UINT64_MAX: free */
  uint32_t *values;
  uint32_t count, capacity; /* capacity is 0 or a power of two */
} maty__map_t;

/* Returns where the value of a key stands, MATY__NONE if the key is new; NULL
 * out of memory. Good until the next call. UINT64_MAX is no key. */
uint32_t *maty__map_put(maty__arena_t *arena, maty__map_t *map, uint64_t key);

/* Returns the value of a key, or MATY__NONE. */
uint32_t maty__map_get(const maty__map_t *map, uint64_t key);

/* Makes room for "count" keys in all, so that putting them moves nothing. */
bool maty__map_reserve(maty__arena_t *arena, maty__map_t *map, uint32_t count);

void maty__map_clear(maty__map_t *map);

/* ===== Groups ============================================================ */

typedef struct maty__groups {
  uint32_t *first; /* by key, and one more: in "items" */
  uint32_t *items;
} maty__groups_t;

/* Groups the numbers of records by a field of theirs, a uint32_t below "key_count" that
 * stands "offset" bytes behind the beginning. */
bool maty__groups_make(maty__arena_t *arena, maty__groups_t *groups, uint32_t key_count,
                       const void *records, uint32_t record_count, size_t record_size,
                       size_t offset);

/* ===== Pool ============================================================== */

typedef struct maty__sequence {
  uint32_t first, count, hash;
} maty__sequence_t;

typedef struct maty__pool {
  maty__u32s_t words;
  MATY__VEC(maty__sequence_t) items;
  uint32_t *slots;
  uint32_t slot_count; /* 0 or a power of two */
} maty__pool_t;

/* Returns the number of a sequence: a new one if "items.count" has grown.
 * MATY__NONE out of memory. */
uint32_t maty__pool_put(maty__arena_t *arena, maty__pool_t *pool, const uint32_t *words,
                        uint32_t count);

static inline const uint32_t *maty__pool_at(const maty__pool_t *pool, uint32_t item) {
  return &pool->words.at[pool->items.at[item].first];
}

static inline uint32_t maty__pool_length(const maty__pool_t *pool, uint32_t item) {
  return pool->items.at[item].count;
}

void maty__pool_clear(maty__pool_t *pool);

#endif /* MATY_VEC_H */
