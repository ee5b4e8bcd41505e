/* types.h - payload types, resolved.
 *
 * Types and payloads are kept in pools, so equal ones have equal numbers: two
 * types are the same if they are written the same once declared names are
 * replaced by what they stand for. A type's parts have smaller numbers than it.
 *
 * A type's words in the pool:  kind, name, low (2), high (2), then for each
 * part name and type. A payload's words: for each field name and type.
 */
#ifndef MATY_TYPES_H
#define MATY_TYPES_H

#include "image.h"
#include "report.h"
#include "tree.h"

typedef struct maty__type_facts {
  uint16_t tags, look; /* as in image.h */
  uint16_t depth;      /* of the types in it, itself included */
  uint32_t parts;      /* in it when written out, itself included */
} maty__type_facts_t;

typedef struct maty__types {
  maty__pool_t types;
  MATY__VEC(maty__type_facts_t) facts;
  maty__pool_t payloads;
} maty__types_t;

/* Resolves all type declarations and the payloads of all messages of the tree:
 * sets "payload" of each message. What is wrong is reported and makes the
 * protocol broken. */
maty_status maty__types_resolve(maty__check_t *check, maty__tree_t *tree, maty__types_t *types);

/* One type, read back from its words. */
typedef struct maty__type_view {
  maty__type_kind kind;
  maty__name_t name;
  int64_t low, high;
  uint32_t part_count;
  const uint32_t *parts; /* name, type, name, type ... */
} maty__type_view_t;

maty__type_view_t maty__types_view(const maty__types_t *types, uint32_t type);

/* Whether tags alone cannot judge this payload. */
bool maty__payload_looks(const maty__types_t *types, uint32_t payload);

/* The tags and look of a kind of type, those of a union's parts and the two
 * boolean literals left aside. */
uint16_t maty__type_tags(maty__type_kind kind);
uint16_t maty__type_look(maty__type_kind kind);

#endif /* MATY_TYPES_H */
