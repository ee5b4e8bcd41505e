/* tree.h - a parsed text.
 *
 * The tree is kept flat, in the order of the text. A block's statements stand
 * between the statement that opens it and a marker that ends it:
 *
 *     rec X {                 REC          end = 6
 *       choice at A {         CHOICE       end = 5
 *         m() from A to B;    MESSAGE
 *         continue X;         CONTINUE
 *       } or { }              OR           end = 5
 *                             CHOICE_END
 *     }                       REC_END
 *   }                         BODY_END
 *
 * So whoever walks it needs a stack for the open blocks and no recursion,
 * however deep a text nests.
 *
 * A set of machines is one protocol whose statements are MACHINE, STATE and
 * MESSAGE and which declares no roles.
 *
 * What always holds: every protocol's statements end in BODY_END and "end"
 * leads to the marker of the same block, whatever errors the text has. The
 * numbers that names stand for (roles, types, protocols) are filled in by
 * resolve.c; a protocol in which something is wrong is "broken", and nobody
 * looks into its statements any more.
 */
#ifndef MATY_TREE_H
#define MATY_TREE_H

#include "names.h"

/* A name where it is used, and what it was found to mean. */
typedef struct maty__use {
  maty__name_t name;
  uint32_t at;
  uint32_t meaning; /* index of a role, type, protocol or statement */
} maty__use_t;

typedef enum maty__stmt_kind {
  MATY__STMT_MESSAGE, /* name(fields) from subject to arguments */
  MATY__STMT_CHOICE,  /* choice at subject */
  MATY__STMT_OR,      /* the next branch */
  MATY__STMT_CHOICE_END,
  MATY__STMT_REC, /* rec name */
  MATY__STMT_REC_END,
  MATY__STMT_CONTINUE, /* continue name */
  MATY__STMT_DO,       /* do name(arguments) */
  MATY__STMT_MACHINE,  /* machine name, or role name: the role; its states follow */
  MATY__STMT_STATE,    /* name: its transitions follow, each a MESSAGE from subject whose
                          arguments are the receiver and the state that follows */
  MATY__STMT_BODY_END
} maty__stmt_kind;

typedef struct maty__stmt {
  maty__stmt_kind kind;
  uint32_t at, length; /* of a message to its ';', else of the head */
  uint32_t end;        /* the marker that ends what this opens */
  maty__use_t name;
  maty__use_t subject;
  uint32_t first_argument, argument_count; /* in maty__tree.uses */
  uint32_t first_field, field_count;       /* in maty__tree.fields */
  uint32_t payload;                        /* its number, see types.h */
} maty__stmt_t;

/* A type as it is written. A compound one's parts come before it. */
typedef struct maty__type_expr {
  uint16_t kind; /* maty__type_kind, or MATY__TYPE_EXPR_NAME */
  uint32_t at, length;
  maty__name_t name;     /* of a NAME or LITERAL */
  uint32_t first, count; /* in maty__tree.parts */
  int64_t low, high;
} maty__type_expr_t;

enum { MATY__TYPE_EXPR_NAME = 0xffff };

/* Part of a type, or field of a payload. */
typedef struct maty__part {
  maty__name_t name; /* the empty one if it has none */
  uint32_t at;
  uint32_t type; /* in maty__tree.types */
} maty__part_t;

/* type name = ...; */
typedef struct maty__type_decl {
  maty__use_t name;
  uint32_t first_type, end_type; /* its expressions; the last is the whole */
  bool broken;
} maty__type_decl_t;

typedef struct maty__protocol {
  maty__use_t name;
  bool aux;
  bool broken;
  uint32_t first_role, role_count; /* in maty__tree.uses */
  uint32_t first_stmt;
  uint32_t end_at; /* the brace that ends it */
} maty__protocol_t;

typedef struct maty__tree {
  MATY__VEC(maty__protocol_t) protocols;
  MATY__VEC(maty__type_decl_t) type_decls;
  MATY__VEC(maty__stmt_t) stmts;
  MATY__VEC(maty__use_t) uses;
  MATY__VEC(maty__part_t) fields;
  MATY__VEC(maty__part_t) parts;
  MATY__VEC(maty__type_expr_t) types;
} maty__tree_t;

#endif /* MATY_TREE_H */
