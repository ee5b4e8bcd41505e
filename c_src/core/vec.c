/* vec.c - see vec.h. */
#include "vec.h"

#include <string.h>

void *maty__vec_grow(maty__arena_t *arena, void *at, uint32_t *count, uint32_t *capacity,
                     uint32_t more, size_t item_size) {
  uint64_t needed = (uint64_t)*count + more, doubled = 2 * (uint64_t)*capacity;
  uint64_t larger = needed > doubled ? needed : doubled;
  if (larger < 8)
    larger = 8;
  void *grown = larger >= MATY__NONE ? NULL
                                     : maty__arena_grow(arena, at, *capacity * item_size,
                                                        (size_t)larger * item_size);
  *capacity = grown == NULL ? 0 : (uint32_t)larger;
  if (grown == NULL)
    *count = 0;
  return grown;
}

/* Heapsort above a few items: in place, and n log n whatever the input is. */
#define DEFINE_SORT(name, type)                                                                    \
  static void name##_sink(type *keys, uint32_t root, uint32_t count) {                             \
    type key = keys[root];                                                                         \
    for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {                     \
      if (child + 1 < count && keys[child] < keys[child + 1])                                      \
        child++;                                                                                   \
      if (keys[child] <= key)                                                                      \
        break;                                                                                     \
      keys[root] = keys[child];                                                                    \
      root = child;                                                                                \
    }                                                                                              \
    keys[root] = key;                                                                              \
  }                                                                                                \
  void name(type *keys, uint32_t count) {                                                          \
    uint32_t sorted = 1;                                                                           \
    while (sorted < count && keys[sorted - 1] <= keys[sorted])                                     \
      sorted++;                                                                                    \
    if (sorted >= count)                                                                           \
      return;                                                                                      \
    if (count <= 24) {                                                                             \
      for (uint32_t i = sorted; i < count; i++) {                                                  \
        type key = keys[i];                                                                        \
        uint32_t j = i;                                                                            \
        for (; j > 0 && keys[j - 1] > key; j--)                                                    \
          keys[j] = keys[j - 1];                                                                   \
        keys[j] = key;                                                                             \
      }                                                                                            \
      return;                                                                                      \
    }                                                                                              \
    for (uint32_t i = count / 2; i-- > 0;)                                                         \
      name##_sink(keys, i, count);                                                                 \
    for (uint32_t i = count - 1; i > 0; i--) {                                                     \
      type largest = keys[0];                                                                      \
      keys[0] = keys[i];                                                                           \
      keys[i] = largest;                                                                           \
      name##_sink(keys, 0, i);                                                                     \
    }                                                                                              \
  }

DEFINE_SORT(maty__sort, uint64_t)
DEFINE_SORT(maty__sort_u32, uint32_t)

uint32_t maty__sort_unique(uint32_t *keys, uint32_t count) {
  if (count < 2)
    return count;
  maty__sort_u32(keys, count);
  uint32_t kept = 1;
  for (uint32_t i = 1; i < count; i++)
    if (keys[i] != keys[kept - 1])
      keys[kept++] = keys[i];
  return kept;
}

/* The finaliser of MurmurHash3: every bit of the key reaches every bit. */
static uint64_t mixed(uint64_t key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccdu;
  key ^= key >> 33;
  key *= 0xc4ceb9fe1a85ec53u;
  return key ^ (key >> 33);
}

static uint32_t map_slot(const maty__map_t *map, uint64_t key) {
  uint32_t mask = map->capacity - 1, slot = (uint32_t)mixed(key) & mask;
  while (map->keys[slot] != key && map->keys[slot] != UINT64_MAX)
    slot = (slot + 1) & mask;
  return slot;
}

bool maty__map_reserve(maty__arena_t *arena, maty__map_t *map, uint32_t count) {
  maty__map_t larger = {.count = map->count, .capacity = 16};
  while (larger.capacity != 0 && larger.capacity / 2 < count)
    larger.capacity *= 2;
  if (larger.capacity == 0)
    return false;
  if (larger.capacity <= map->capacity)
    return true;
  larger.keys = maty__array(arena, uint64_t, larger.capacity);
  larger.values = maty__array(arena, uint32_t, larger.capacity);
  if (larger.keys == NULL || larger.values == NULL)
    return false;
  memset(larger.keys, 0xff, (size_t)larger.capacity * sizeof *larger.keys);
  for (uint32_t i = 0; i < map->capacity; i++)
    if (map->keys[i] != UINT64_MAX) {
      uint32_t slot = map_slot(&larger, map->keys[i]);
      larger.keys[slot] = map->keys[i];
      larger.values[slot] = map->values[i];
    }
  maty__arena_leave(arena, map->keys, (size_t)map->capacity * sizeof *map->keys);
  maty__arena_leave(arena, map->values, (size_t)map->capacity * sizeof *map->values);
  *map = larger;
  return true;
}

uint32_t *maty__map_put(maty__arena_t *arena, maty__map_t *map, uint64_t key) {
  if (map->count >= map->capacity / 2 && !maty__map_reserve(arena, map, map->count + 1))
    return NULL;
  uint32_t slot = map_slot(map, key);
  if (map->keys[slot] == UINT64_MAX) {
    map->keys[slot] = key;
    map->values[slot] = MATY__NONE;
    map->count++;
  }
  return &map->values[slot];
}

uint32_t maty__map_get(const maty__map_t *map, uint64_t key) {
  if (map->count == 0)
    return MATY__NONE;
  uint32_t slot = map_slot(map, key);
  return map->keys[slot] == key ? map->values[slot] : MATY__NONE;
}

void maty__map_clear(maty__map_t *map) {
  if (map->count > 0)
    memset(map->keys, 0xff, (size_t)map->capacity * sizeof *map->keys);
  map->count = 0;
}

static const uint32_t *field_of(const void *records, size_t offset) {
  return (const void *)((const char *)records + offset);
}

/* A counting sort. */
bool maty__groups_make(maty__arena_t *arena, maty__groups_t *groups, uint32_t key_count,
                       const void *records, uint32_t record_count, size_t record_size,
                       size_t offset) {
  groups->first = maty__zarray(arena, uint32_t, (size_t)key_count + 2);
  groups->items = maty__array(arena, uint32_t, record_count);
  if (groups->first == NULL || groups->items == NULL)
    return false;
  uint32_t *next = groups->first + 1; /* ends up as the first one of the next key */
  for (uint32_t i = 0; i < record_count; i++)
    next[*field_of(records, i * record_size + offset) + 1]++;
  for (uint32_t i = 0; i < key_count; i++)
    next[i + 1] += next[i];
  for (uint32_t i = 0; i < record_count; i++)
    groups->items[next[*field_of(records, i * record_size + offset)]++] = i;
  return true;
}

static uint32_t words_hash(const uint32_t *words, uint32_t count) {
  uint64_t hash = count;
  for (uint32_t i = 0; i < count; i++)
    hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(mixed(hash) >> 16);
}

static bool pool_grow(maty__arena_t *arena, maty__pool_t *pool) {
  uint32_t larger = pool->slot_count == 0 ? 16 : 2 * pool->slot_count;
  uint32_t *slots = larger == 0 ? NULL : maty__array(arena, uint32_t, larger);
  if (slots == NULL)
    return false;
  memset(slots, 0xff, (size_t)larger * sizeof *slots);
  for (uint32_t i = 0; i < pool->items.count; i++) {
    uint32_t slot = pool->items.at[i].hash & (larger - 1);
    while (slots[slot] != MATY__NONE)
      slot = (slot + 1) & (larger - 1);
    slots[slot] = i;
  }
  maty__arena_leave(arena, pool->slots, (size_t)pool->slot_count * sizeof *pool->slots);
  pool->slots = slots;
  pool->slot_count = larger;
  return true;
}

uint32_t maty__pool_put(maty__arena_t *arena, maty__pool_t *pool, const uint32_t *words,
                        uint32_t count) {
  if (pool->items.count >= pool->slot_count / 2 && !pool_grow(arena, pool))
    return MATY__NONE;
  maty__sequence_t item = {
      .first = pool->words.count, .count = count, .hash = words_hash(words, count)};
  uint32_t mask = pool->slot_count - 1, slot = item.hash & mask;
  for (; pool->slots[slot] != MATY__NONE; slot = (slot + 1) & mask) {
    const maty__sequence_t *other = &pool->items.at[pool->slots[slot]];
    if (other->hash == item.hash && other->count == count &&
        (count == 0 ||
         memcmp(pool->words.at + other->first, words, (size_t)count * sizeof *words) == 0))
      return pool->slots[slot];
  }
  /* One word more, so that even the empty sequence stands somewhere. */
  if (!maty__vec_reserve(arena, &pool->words, count + 1) ||
      !maty__vec_push(arena, &pool->items, item))
    return MATY__NONE;
  if (count > 0)
    memcpy(pool->words.at + pool->words.count, words, (size_t)count * sizeof *words);
  pool->words.count += count;
  pool->slots[slot] = pool->items.count - 1;
  return pool->slots[slot];
}

void maty__pool_clear(maty__pool_t *pool) {
  if (pool->items.count > 0)
    memset(pool->slots, 0xff, (size_t)pool->slot_count * sizeof *pool->slots);
  pool->words.count = 0;
  pool->items.count = 0;
}
