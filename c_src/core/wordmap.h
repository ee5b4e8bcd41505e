/* wordmap.h - a hash map from 64-bit words to 32-bit numbers.
 *
 * Open addressing with linear probing over a power of two of entries, at most
 * three quarters full. Removing shifts the entries behind back, so there are
 * no tombstones and a map that shrinks stays fast. The key 0 is not allowed:
 * it marks an empty entry.
 */
#ifndef MATY_WORDMAP_H
#define MATY_WORDMAP_H

#include "maty.h"

typedef struct maty__wordmap_entry {
  uint64_t key;
  uint32_t value;
} maty__wordmap_entry_t;

typedef struct maty__wordmap {
  maty__wordmap_entry_t *entries;
  uint32_t capacity; /* 0 or a power of two */
  uint32_t count;
} maty__wordmap_t;

/* A map that is all zeros is an empty one. */
void maty__wordmap_free(maty__wordmap_t *map, const maty_allocator_t *allocator);

/* Returns whether the key is there, and its value through "value". */
bool maty__wordmap_get(const maty__wordmap_t *map, uint64_t key, uint32_t *value);

/* Returns where the value of a key stands, good until the next put or remove;
 * NULL if the key is not there. */
uint32_t *maty__wordmap_at(const maty__wordmap_t *map, uint64_t key);

/* Adds or replaces. Returns MATY_ENOMEM with the map as it was. */
maty_status maty__wordmap_put(maty__wordmap_t *map, uint64_t key, uint32_t value,
                              const maty_allocator_t *allocator);

/* Removes the key if it is there. */
void maty__wordmap_remove(maty__wordmap_t *map, uint64_t key);

#endif /* MATY_WORDMAP_H */
