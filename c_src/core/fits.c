/* fits.c - see fits.h.
 *
 * A pair is decided by pairs of parts. Since parts are less deep than what they
 * are part of, the pairs that wait for another one's answer are no more than the
 * two depths together, and stand on a stack of that size. A pair whose answer
 * needs another one that is not known waits, and goes on where it stopped.
 */
#include "fits.h"

#include <string.h>

#include "limits.h"

enum { NO = 0, YES = 1, UNKNOWN = 2 };

/* A pair under way. The parts before "next" have been looked at, and decided
 * nothing. */
typedef struct pair {
  uint32_t sub, super;
  uint32_t next;
} pair_t;

typedef struct judge {
  maty__fits_t *fits;
  pair_t missing; /* what has to be known first */
} judge_t;

void maty__fits_init(maty__fits_t *fits, maty__arena_t *arena, const maty_image_t *sub,
                     const maty_image_t *super) {
  *fits = (maty__fits_t){.arena = arena, .sub = sub, .super = super};
}

static bool same_text(const judge_t *judge, const maty__type_t *sub, const maty__type_t *super) {
  return strcmp(judge->fits->sub->strings + sub->first,
                judge->fits->super->strings + super->first) == 0;
}

static bool is_boolean_literal(const judge_t *judge, const maty__type_t *sub) {
  const char *text = judge->fits->sub->strings + sub->first;
  return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* Both are of one kind that has no parts, or super's kind is the wider one. */
static int simple(const judge_t *judge, const maty__type_t *sub, const maty__type_t *super) {
  switch (super->kind) {
  case MATY__TYPE_ANY:
    return *(judge->fits->super->strings + super->first) == '\0' ||
           (sub->kind == MATY__TYPE_ANY && same_text(judge, sub, super));
  case MATY__TYPE_INTEGER:
    return sub->kind == MATY__TYPE_INTEGER || sub->kind == MATY__TYPE_RANGE;
  case MATY__TYPE_NUMBER:
    return sub->kind == MATY__TYPE_INTEGER || sub->kind == MATY__TYPE_RANGE ||
           sub->kind == MATY__TYPE_FLOAT || sub->kind == MATY__TYPE_NUMBER;
  case MATY__TYPE_BOOLEAN:
    return sub->kind == MATY__TYPE_BOOLEAN ||
           (sub->kind == MATY__TYPE_LITERAL && is_boolean_literal(judge, sub));
  case MATY__TYPE_ATOM:
    return sub->kind == MATY__TYPE_ATOM || sub->kind == MATY__TYPE_BOOLEAN ||
           sub->kind == MATY__TYPE_LITERAL;
  case MATY__TYPE_BINARY:
    return sub->kind == MATY__TYPE_BINARY || sub->kind == MATY__TYPE_STRING;
  case MATY__TYPE_LITERAL:
    return sub->kind == MATY__TYPE_LITERAL && same_text(judge, sub, super);
  case MATY__TYPE_RANGE:
    return sub->kind == MATY__TYPE_RANGE && sub->low >= super->low && sub->high <= super->high;
  default:
    return sub->kind == super->kind;
  }
}

static int ask(judge_t *judge, uint32_t sub, uint32_t super) {
  const maty__type_t *left = &judge->fits->sub->types[sub];
  const maty__type_t *right = &judge->fits->super->types[super];
  judge->fits->steps++;
  if (left->count == 0 && right->count == 0)
    return simple(judge, left, right);
  uint32_t known = maty__map_get(&judge->fits->known, (uint64_t)sub << 32 | super);
  if (known != MATY__NONE)
    return (int)known;
  judge->missing = (pair_t){.sub = sub, .super = super};
  return UNKNOWN;
}

/* All parts of sub fit super's of the same place. */
static int pointwise(judge_t *judge, const maty__type_t *sub, const maty__type_t *super,
                     uint32_t *next) {
  if (sub->count != super->count)
    return NO;
  for (; *next < sub->count; ++*next) {
    int answer = ask(judge, judge->fits->sub->keys[sub->first + *next].type,
                     judge->fits->super->keys[super->first + *next].type);
    if (answer != YES)
      return answer;
  }
  return YES;
}

/* Sub has all keys of super, with types that fit. */
static int keywise(judge_t *judge, const maty__type_t *sub, const maty__type_t *super,
                   uint32_t *next) {
  const maty_image_t *left = judge->fits->sub, *right = judge->fits->super;
  for (; *next < super->count; ++*next) {
    const maty__key_t *wanted = &right->keys[super->first + *next];
    uint32_t found = 0;
    while (found < sub->count && strcmp(left->strings + left->keys[sub->first + found].name,
                                        right->strings + wanted->name) != 0)
      found++;
    if (found == sub->count)
      return NO;
    int answer = ask(judge, left->keys[sub->first + found].type, wanted->type);
    if (answer != YES)
      return answer;
  }
  return YES;
}

/* The members of a type: of a union, its parts' members, else itself. Keeps the
 * unions that are open; a part of one is less deep than it. */
typedef struct members {
  const maty_image_t *image;
  uint32_t depth;
  struct {
    uint32_t at, end; /* keys */
  } open[MATY_MAX_TYPE_DEPTH];
} members_t;

static void members_init(members_t *members, const maty_image_t *image, const maty__type_t *type) {
  members->image = image;
  members->depth = 1;
  members->open[0].at = type->first;
  members->open[0].end = type->first + type->count;
}

static const maty__type_t *members_next(members_t *members) {
  while (members->depth > 0) {
    uint32_t top = members->depth - 1;
    if (members->open[top].at == members->open[top].end) {
      members->depth--;
      continue;
    }
    const maty__type_t *type =
        &members->image->types[members->image->keys[members->open[top].at++].type];
    if (type->kind != MATY__TYPE_UNION)
      return type;
    members->open[top + 1].at = type->first;
    members->open[top + 1].end = type->first + type->count;
    members->depth++;
  }
  return NULL;
}

/* The ranges among the members, one behind the other, hold all of sub's. */
static bool ranges_cover(judge_t *judge, const maty__type_t *sub, const maty__type_t *super) {
  int64_t from = sub->low;
  for (;;) {
    const maty__type_t *member, *next = NULL;
    members_t members;
    members_init(&members, judge->fits->super, super);
    judge->fits->steps += super->count;
    if (judge->fits->steps > MATY_MAX_STEPS)
      return false;
    while ((member = members_next(&members)) != NULL)
      if (member->kind == MATY__TYPE_RANGE && member->low <= from && member->high >= from &&
          (next == NULL || member->high > next->high))
        next = member;
    if (next == NULL)
      return false;
    if (next->high >= sub->high)
      return true;
    from = next->high + 1;
  }
}

/* The few types without parts that several members can hold together. */
static bool members_cover(judge_t *judge, const maty__type_t *sub, const maty__type_t *super) {
  bool yes = false, no = false, integers = false, floats = false;
  const maty__type_t *member;
  members_t members;
  if (sub->kind == MATY__TYPE_RANGE)
    return ranges_cover(judge, sub, super);
  members_init(&members, judge->fits->super, super);
  while ((member = members_next(&members)) != NULL) {
    if (member->kind == MATY__TYPE_LITERAL) {
      const char *text = judge->fits->super->strings + member->first;
      yes = yes || strcmp(text, "true") == 0;
      no = no || strcmp(text, "false") == 0;
    }
    integers = integers || member->kind == MATY__TYPE_INTEGER;
    floats = floats || member->kind == MATY__TYPE_FLOAT;
  }
  return (sub->kind == MATY__TYPE_BOOLEAN && yes && no) ||
         (sub->kind == MATY__TYPE_NUMBER && integers && floats);
}

/* YES, NO, or UNKNOWN with the pair that is missing. */
static int decide(judge_t *judge, pair_t *pair) {
  const maty__type_t *sub = &judge->fits->sub->types[pair->sub];
  const maty__type_t *super = &judge->fits->super->types[pair->super];
  if (sub->kind == MATY__TYPE_UNION) {
    for (; pair->next < sub->count; pair->next++) {
      int answer = ask(judge, judge->fits->sub->keys[sub->first + pair->next].type, pair->super);
      if (answer != YES)
        return answer;
    }
    return YES;
  }
  if (super->kind == MATY__TYPE_UNION) {
    for (; pair->next < super->count; pair->next++) {
      int answer = ask(judge, pair->sub, judge->fits->super->keys[super->first + pair->next].type);
      if (answer != NO)
        return answer;
    }
    return members_cover(judge, sub, super) ? YES : NO;
  }
  if (super->kind == sub->kind && super->kind == MATY__TYPE_MAP)
    return keywise(judge, sub, super, &pair->next);
  if (super->kind == sub->kind &&
      (super->kind == MATY__TYPE_LIST || super->kind == MATY__TYPE_TUPLE))
    return pointwise(judge, sub, super, &pair->next);
  return simple(judge, sub, super);
}

maty_status maty__type_fits(maty__fits_t *fits, uint32_t sub, uint32_t super, bool *answer) {
  judge_t judge = {.fits = fits};
  pair_t waiting[2 * MATY_MAX_TYPE_DEPTH];
  uint32_t depth = 0;
  int found = ask(&judge, sub, super);
  if (found == UNKNOWN)
    waiting[depth++] = judge.missing;
  while (depth > 0) {
    found = decide(&judge, &waiting[depth - 1]);
    if (fits->steps > MATY_MAX_STEPS)
      return MATY_ELIMIT;
    if (found == UNKNOWN) {
      waiting[depth++] = judge.missing;
      continue;
    }
    const pair_t *pair = &waiting[--depth];
    uint32_t *known =
        maty__map_put(fits->arena, &fits->known, (uint64_t)pair->sub << 32 | pair->super);
    MATY__NEED(known != NULL);
    *known = (uint32_t)found;
  }
  *answer = found == YES;
  return MATY_OK;
}

maty_status maty__payload_fits(maty__fits_t *fits, const maty__transition_t *sub,
                               const maty__transition_t *super, bool *answer) {
  *answer = sub->arity == super->arity;
  for (uint32_t i = 0; i < sub->arity && *answer; i++)
    MATY__TRY(maty__type_fits(fits, fits->sub->fields[sub->first_field + i].type,
                              fits->super->fields[super->first_field + i].type, answer));
  return MATY_OK;
}
