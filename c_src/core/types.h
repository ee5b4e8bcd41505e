/* types.h - payload types, resolved.
 *
 * Types and payloads are kept in pools, so equal ones have equal numbers: two
 * types are the same if they are written the same once declared names are
 * replaced by what they stand for. A type's parts have smaller numbers than it.
 *
 * A type's words in the pool:  kind, name, low (2), high (2), then for each
 * part name and type. A payload's words: for each field name and type. A
 * signature's: label and payload.
 *
 * A protocol's parameters are numbers too: of a type or of a signature. Inside of
 * it a parameter stands for itself, a type of which nothing is known or a label.
 * Where the protocol is called, what depends on its parameters is written anew.
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
  maty__arena_t *arena; /* of all of it: it grows while a protocol is looked at */
  maty__pool_t types;
  MATY__VEC(maty__type_facts_t) facts;
  maty__pool_t payloads;
  maty__pool_t signatures;
  uint32_t invitation;    /* payload of what invites to a nested protocol: anything, once */
  uint32_t *resolved;     /* by expression: its type, or MATY__NONE if it has none */
  maty__u32s_t instances; /* by expression of one statement: the same, written anew */
  maty__u32s_t words;     /* of what is put into a pool */
} maty__types_t;

/* In types_resolve.c. Resolves all type declarations, the payloads of all messages of the tree and
 * what is handed to parameters: sets "payload" of each message, "number" of each
 * value and parameter. The arena is not rewound as long as "types" is used. What is wrong is
 * reported and makes the protocol broken. */
maty_status maty__types_resolve(maty__check_t *check, maty__tree_t *tree, maty__arena_t *arena,
                                maty__types_t *types);

/* The label and the payload of a message, where "numbers" stand for the parameters
 * of its protocol. MATY_EREJECTED: too large, which is reported. */
maty_status maty__types_message(maty__check_t *check, const maty__tree_t *tree,
                                maty__types_t *types, const maty__stmt_t *stmt,
                                const uint32_t *numbers, maty__name_t *label, uint32_t *payload);

/* What a "do" hands over, likewise: one number for each value, into "out". */
maty_status maty__types_values(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                               const maty__stmt_t *stmt, const uint32_t *numbers, uint32_t *out);

/* Each puts something into a pool. The errors of a type that is too large are
 * reported at "expr", which says what of the type is more than a name; "numbers"
 * has the types of its parts, or of the fields, from the expression "base" on.
 * MATY_EREJECTED: too large, or a part has no type. */
maty_status maty__types_add_name(maty__check_t *check, maty__types_t *types,
                                 const maty__type_expr_t *expr, maty__type_kind kind,
                                 maty__name_t name, uint32_t *type);
maty_status maty__types_add_compound(maty__check_t *check, const maty__tree_t *tree,
                                     maty__types_t *types, const maty__type_expr_t *expr,
                                     const uint32_t *numbers, uint32_t base, uint32_t *type);
maty_status maty__types_add_payload(const maty__tree_t *tree, maty__types_t *types,
                                    uint32_t first_field, uint32_t count, const uint32_t *numbers,
                                    uint32_t base, uint32_t *payload);
maty_status maty__types_add_signature(maty__types_t *types, maty__name_t label, uint32_t payload,
                                      uint32_t *number);

/* A signature of which no more than the name is known. */
maty_status maty__types_add_bare_signature(maty__types_t *types, maty__name_t label,
                                           uint32_t *number);

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
