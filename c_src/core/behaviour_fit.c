/* behaviour_fit.c - whether a value that is known in part can be of a type.
 *
 * "No" is said only where no value fits: what the checker calls wrong has to be. A
 * value is compared with a type by the tags it may have; a literal, and what is in a
 * tuple or a list, further. Pairs that are still to be compared stand on a stack of
 * fixed size: each of them has to fit, so to leave some out is to say yes too often,
 * never to say no. Inside of a union only tags and literals are looked at.
 */
#include <string.h>

#include "behaviour.h"
#include "limits.h"

#define BIT(tag) (1u << MATY_TAG_##tag)

enum { MAX_PAIRS = 256 };

typedef struct pair {
  const maty__known_t *value;
  uint32_t type;
} pair_t;

static unsigned tags_of(const maty__known_t *value) {
  switch (value->kind) {
  case 'i':
  case '=':
    return BIT(INTEGER);
  case 'f':
    return BIT(FLOAT);
  case 'n':
    return BIT(INTEGER) | BIT(FLOAT);
  case 'b':
    return BIT(BOOLEAN);
  case 'a':
    return BIT(ATOM) | BIT(BOOLEAN);
  case '"':
    return strcmp(value->atom, "true") == 0 || strcmp(value->atom, "false") == 0 ? BIT(BOOLEAN)
                                                                                 : BIT(ATOM);
  case 's':
  case 'u':
    return BIT(BINARY);
  case 'p':
    return BIT(PID);
  case 'r':
    return BIT(REFERENCE);
  case 'm':
  case 'M':
    return BIT(MAP);
  case 't':
  case 'T':
    return BIT(TUPLE);
  case 'l':
    return BIT(LIST);
  case 'o':
    return BIT(OTHER);
  default:
    return ~0u;
  }
}

/* Whether a literal can be one of the types of a union, which stand one in another. */
static bool literal_fits(const maty_image_t *image, const maty__known_t *value, uint32_t type) {
  uint32_t stack[MAX_PAIRS], count = 0;
  stack[count++] = type;
  while (count > 0) {
    const maty__type_t *at = &image->types[stack[--count]];
    if (at->kind == MATY__TYPE_UNION) {
      if (at->count > MAX_PAIRS - count)
        return true;
      for (uint32_t i = 0; i < at->count; i++)
        stack[count++] = image->keys[at->first + i].type;
      continue;
    }
    bool fits = ((at->tags | at->look) & tags_of(value)) != 0;
    if (at->kind == MATY__TYPE_LITERAL && value->kind == '"')
      fits = fits && strcmp(image->strings + at->first, value->atom) == 0;
    if (at->kind == MATY__TYPE_RANGE && value->kind == '=')
      fits = fits && value->integer >= at->low && value->integer <= at->high;
    if (fits)
      return true;
  }
  return false;
}

/* Compares one pair; puts what is in them on the stack. */
static bool pair_fits(const maty_image_t *image, pair_t pair, pair_t *stack, uint32_t *count) {
  const maty__type_t *type = &image->types[pair.type];
  const maty__known_t *value = pair.value;
  if (((type->tags | type->look) & tags_of(value)) == 0)
    return false;
  bool moment = type->kind == MATY__TYPE_DATE || type->kind == MATY__TYPE_TIME ||
                type->kind == MATY__TYPE_DATETIME;
  if (moment && (value->kind == 'T' || value->kind == 'M'))
    return false;
  if (value->kind == '"' || value->kind == '=')
    return literal_fits(image, value, pair.type);
  if (value->count == MATY__NONE)
    return true;
  bool tuple = (value->kind == 't' || value->kind == 'T') && type->kind == MATY__TYPE_TUPLE;
  bool list = value->kind == 'l' && type->kind == MATY__TYPE_LIST;
  if (tuple && value->count != type->count)
    return false;
  if ((!tuple && !list) || value->count > MAX_PAIRS - *count)
    return true;
  const maty__known_t *part = value + 1;
  for (uint32_t i = 0; i < value->count; i++) {
    uint32_t key = type->first + (tuple ? i : 0);
    stack[(*count)++] = (pair_t){.value = part, .type = image->keys[key].type};
    part += maty__known_size(part);
  }
  return true;
}

static bool one_fits(const maty_image_t *image, const maty__known_t *value, uint32_t type) {
  pair_t stack[MAX_PAIRS];
  uint32_t count = 0;
  stack[count++] = (pair_t){.value = value, .type = type};
  while (count > 0) {
    pair_t pair = stack[--count];
    if (!pair_fits(image, pair, stack, &count))
      return false;
  }
  return true;
}

bool maty__known_fits(const maty_image_t *image, const maty__known_t *values, uint32_t type) {
  if (values->kind != 'v')
    return one_fits(image, values, type);
  const maty__known_t *value = values + 1;
  for (uint32_t i = 0; i < values->count; i++) {
    if (one_fits(image, value, type))
      return true;
    value += maty__known_size(value);
  }
  return values->count == 0;
}
