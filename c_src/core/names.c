/* names.c - see names.h. */
#include "names.h"

#include <string.h>

static uint32_t name_hash(const char *at, uint32_t length) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char)at[i]) * 16777619u;
  return hash ^ (hash >> 15);
}

static bool names_grow(maty__names_t *names) {
  uint32_t larger = names->slot_count == 0 ? 256 : 2 * names->slot_count;
  maty__name_t *slots = larger == 0 ? NULL : maty__array(names->arena, maty__name_t, larger);
  if (slots == NULL)
    return false;
  memset(slots, 0xff, (size_t)larger * sizeof *slots);
  for (uint32_t i = 0; i < names->items.count; i++) {
    uint32_t slot = names->items.at[i].hash & (larger - 1);
    while (slots[slot] != MATY__NONE)
      slot = (slot + 1) & (larger - 1);
    slots[slot] = i;
  }
  maty__arena_leave(names->arena, names->slots, (size_t)names->slot_count * sizeof *names->slots);
  names->slots = slots;
  names->slot_count = larger;
  return true;
}

maty__name_t maty__names_put(maty__names_t *names, const char *at, uint32_t length) {
  if (names->items.count >= names->slot_count / 2 && !names_grow(names))
    return MATY__NONE;
  maty__name_text_t text = {.at = at, .length = length, .hash = name_hash(at, length)};
  uint32_t mask = names->slot_count - 1, slot = text.hash & mask;
  for (; names->slots[slot] != MATY__NONE; slot = (slot + 1) & mask) {
    const maty__name_text_t *other = &names->items.at[names->slots[slot]];
    if (other->hash == text.hash && other->length == length && memcmp(other->at, at, length) == 0)
      return names->slots[slot];
  }
  if (!maty__vec_push(names->arena, &names->items, text))
    return MATY__NONE;
  names->slots[slot] = names->items.count - 1;
  return names->slots[slot];
}

maty_status maty__names_init(maty__names_t *names, maty__arena_t *arena) {
  static const struct {
    char text[12];
    uint32_t length;
  } words[] = {{"", 0},
#define WORD_TEXT(name, text) {text, sizeof text - 1},
               MATY__WORD_MAP(WORD_TEXT)
#undef WORD_TEXT
  };
  *names = (maty__names_t){.arena = arena};
  for (uint32_t i = 0; i < MATY__WORD_COUNT; i++)
    MATY__NEED(maty__names_put(names, words[i].text, words[i].length) != MATY__NONE);
  return MATY_OK;
}

/* Of names longer than this, or beyond so many, a suggestion is no help; nor is one of
 * which so few letters are known. */
enum { MAX_DISTANCE = 2, MAX_COMPARED = 64, MAX_OFFERED = 1000, MIN_BEGINNING = 3 };

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* Three rows of the usual table; names are short where this matters. */
static uint32_t distance(const maty__name_text_t *a, const maty__name_text_t *b) {
  uint32_t rows[3][MAX_COMPARED + 1];
  for (uint32_t j = 0; j <= b->length; j++)
    rows[0][j] = j;
  for (uint32_t i = 1; i <= a->length; i++) {
    uint32_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
    row[0] = i;
    for (uint32_t j = 1; j <= b->length; j++) {
      uint32_t change = last[j - 1] + (a->at[i - 1] != b->at[j - 1]);
      row[j] = least(change, least(last[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a->at[i - 1] == b->at[j - 2] && a->at[i - 2] == b->at[j - 1])
        row[j] = least(row[j], before[j - 2] + 1);
    }
  }
  return rows[a->length % 3][b->length];
}

void maty__nearest_init(maty__nearest_t *nearest, const maty__names_t *names, maty__name_t meant,
                        bool wanted) {
  *nearest = (maty__nearest_t){.names = names,
                               .meant = meant,
                               .name = MATY__NONE,
                               .distance = MAX_DISTANCE + 1,
                               .left = wanted ? MAX_OFFERED : 0};
}

void maty__nearest_offer(maty__nearest_t *nearest, maty__name_t candidate) {
  if (nearest->left == 0 || candidate == nearest->meant)
    return;
  nearest->left--;
  const maty__name_text_t *meant = &nearest->names->items.at[nearest->meant];
  const maty__name_text_t *text = &nearest->names->items.at[candidate];
  uint32_t longer = meant->length > text->length ? meant->length : text->length;
  uint32_t shorter = least(meant->length, text->length);
  uint32_t found = MAX_DISTANCE + 1;
  if (longer > MAX_COMPARED)
    return;
  if (longer - shorter <= MAX_DISTANCE)
    found = distance(meant, text);
  /* A name of which half is another is not near. */
  if (2 * found >= shorter)
    found = MAX_DISTANCE + 1;
  if (meant->length >= MIN_BEGINNING && shorter == meant->length &&
      memcmp(meant->at, text->at, meant->length) == 0)
    found = least(found, MAX_DISTANCE);
  if (found < nearest->distance) {
    nearest->distance = found;
    nearest->name = candidate;
  }
}
