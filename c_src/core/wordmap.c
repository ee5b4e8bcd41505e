/* wordmap.c - a hash map from 64-bit words to 32-bit numbers; see wordmap.h. */
#include "wordmap.h"

#include <string.h>

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4): the high bits of the product are
 * well mixed even for keys that count up or are aligned. */
static uint32_t wordmap_slot(uint64_t key, uint32_t capacity) {
  return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (capacity - 1);
}

void maty__wordmap_free(maty__wordmap_t *map, const maty_allocator_t *allocator) {
  if (map->capacity > 0) {
    allocator->resize(allocator->context, map->entries, map->capacity * sizeof *map->entries, 0);
  }
  memset(map, 0, sizeof *map);
}

uint32_t *maty__wordmap_at(const maty__wordmap_t *map, uint64_t key) {
  if (map->capacity == 0) {
    return NULL;
  }
  for (uint32_t i = wordmap_slot(key, map->capacity); map->entries[i].key != 0;
       i = (i + 1) & (map->capacity - 1)) {
    if (map->entries[i].key == key) {
      return &map->entries[i].value;
    }
  }
  return NULL;
}

bool maty__wordmap_get(const maty__wordmap_t *map, uint64_t key, uint32_t *value) {
  const uint32_t *found = maty__wordmap_at(map, key);
  if (found != NULL) {
    *value = *found;
  }
  return found != NULL;
}

/* Puts a key that may be there into a map that has room. */
static void wordmap_insert(maty__wordmap_t *map, uint64_t key, uint32_t value) {
  uint32_t i = wordmap_slot(key, map->capacity);
  while (map->entries[i].key != 0 && map->entries[i].key != key) {
    i = (i + 1) & (map->capacity - 1);
  }
  map->count += map->entries[i].key == 0;
  map->entries[i].key = key;
  map->entries[i].value = value;
}

maty_status maty__wordmap_put(maty__wordmap_t *map, uint64_t key, uint32_t value,
                              const maty_allocator_t *allocator) {
  if ((map->count + 1) * 4 > map->capacity * 3) {
    maty__wordmap_t larger = {.capacity = map->capacity == 0 ? 16 : map->capacity * 2};
    size_t size = larger.capacity * sizeof *larger.entries;
    larger.entries = allocator->resize(allocator->context, NULL, 0, size);
    if (larger.entries == NULL) {
      return MATY_ENOMEM;
    }
    memset(larger.entries, 0, size);
    for (uint32_t i = 0; i < map->capacity; i++) {
      if (map->entries[i].key != 0) {
        wordmap_insert(&larger, map->entries[i].key, map->entries[i].value);
      }
    }
    maty__wordmap_free(map, allocator);
    *map = larger;
  }
  wordmap_insert(map, key, value);
  return MATY_OK;
}

void maty__wordmap_remove(maty__wordmap_t *map, uint64_t key) {
  if (map->capacity == 0) {
    return;
  }
  uint32_t mask = map->capacity - 1;
  uint32_t hole = wordmap_slot(key, map->capacity);
  while (map->entries[hole].key != key) {
    if (map->entries[hole].key == 0) {
      return;
    }
    hole = (hole + 1) & mask;
  }
  /* An entry behind the hole moves into it unless it already stands at or
   * after its own first place, counted from the hole on. */
  for (uint32_t i = (hole + 1) & mask; map->entries[i].key != 0; i = (i + 1) & mask) {
    uint32_t home = wordmap_slot(map->entries[i].key, map->capacity);
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      map->entries[hole] = map->entries[i];
      hole = i;
    }
  }
  map->entries[hole].key = 0;
  map->count--;
}
