/* tree.h - a parsed text and the texts that it imports.
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
 * however deep a text nests. A protocol that is nested in another is one of its
 * own, with its statements before those of the outer one.
 *
 * A set of machines is one protocol whose statements are MACHINE, STATE and
 * MESSAGE and which declares no roles.
 *
 * What always holds: every protocol's statements end in BODY_END and "end"
 * leads to the marker of the same block, whatever errors the text has. What one
 * text declares lies together. The numbers that names stand for (roles, types,
 * protocols) are filled in by resolve.c and types.c; a protocol in which
 * something is wrong is "broken", and nobody looks into its statements any more.
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
  maty__use_t name;    /* of a message without a label the empty one */
  maty__use_t subject;
  maty__use_t module;                      /* where what "name" stands for is; may be empty */
  uint32_t first_argument, argument_count; /* in maty__tree.uses */
  uint32_t first_value, value_count;       /* of a DO: in maty__tree.values */
  uint32_t first_field, field_count;       /* in maty__tree.fields */
  uint32_t first_type, end_type;           /* all that is written in it */
  uint32_t payload;                        /* its number, see types.h */
  uint32_t deadline; /* of a message: milliseconds in which it has to be sent; 0: it has none */
  bool bare;         /* a message without brackets; its name may be a signature's */
  bool calls;        /* a DO that starts a nested protocol beside this one, by the subject */
  bool generic;      /* depends on what is handed to the protocol's parameters */
} maty__stmt_t;

static inline bool maty__stmt_ends_block(const maty__stmt_t *stmt) {
  return stmt->kind == MATY__STMT_OR || stmt->kind == MATY__STMT_CHOICE_END ||
         stmt->kind == MATY__STMT_REC_END || stmt->kind == MATY__STMT_BODY_END;
}

/* A type as it is written. A compound one's parts come before it. */
typedef struct maty__type_expr {
  uint16_t kind; /* maty__type_kind, or MATY__TYPE_EXPR_NAME */
  uint32_t at, length;
  maty__name_t module;   /* of a NAME: where it is from; may be empty */
  maty__name_t name;     /* of a NAME or LITERAL */
  uint32_t first, count; /* in maty__tree.parts */
  int64_t low, high;
  uint32_t parameter; /* of the protocol, that a NAME is; MATY__NONE: no such */
} maty__type_expr_t;

enum { MATY__TYPE_EXPR_NAME = 0xffff };

/* Part of a type, or field of a payload. */
typedef struct maty__part {
  maty__name_t name; /* the empty one if it has none */
  uint32_t at;
  uint32_t type; /* in maty__tree.types */
} maty__part_t;

/* m(T), or P@A: what is sent is a session of P, to be gone on with as A. */
typedef struct maty__delegation {
  maty__use_t module, protocol, role;
  uint32_t inside; /* the protocol that it stands in */
} maty__delegation_t;

/* What can be handed to a protocol: types, and signatures of messages. */
typedef enum maty__value_kind { MATY__VALUE_TYPE, MATY__VALUE_SIGNATURE } maty__value_kind;

/* protocol P<type name, sig name> */
typedef struct maty__parameter {
  maty__value_kind kind;
  maty__use_t name;
  uint32_t number; /* what stands for it where nothing is handed over, see types.h */
} maty__parameter_t;

/* do P<name, name(fields), type> */
typedef struct maty__value {
  maty__value_kind kind; /* of one that is more than a name */
  bool bare;             /* only a name: what it is, the parameter says */
  maty__use_t module;    /* of one that is only a name: where it is from; may be empty */
  maty__use_t name;
  uint32_t at, length;
  uint32_t type;                     /* in maty__tree.types */
  uint32_t first_field, field_count; /* in maty__tree.fields */
  uint32_t number;                   /* of the type or the signature, see types.h */
  uint32_t parameter;                /* of the caller, that the name is; MATY__NONE: no such */
} maty__value_t;

/* type name = ...; or one of another language, with nothing more to say of it */
typedef struct maty__type_decl {
  maty__value_kind kind;
  maty__use_t name;
  uint32_t unit;
  uint32_t first_type, end_type; /* its expressions; the last is the whole */
  bool broken;
} maty__type_decl_t;

typedef struct maty__protocol {
  maty__use_t name;
  maty__name_t path; /* what it goes by outside: its name, if it is nested in P then P.name */
  bool aux;
  bool nested;
  bool headless; /* its head cannot be read, so its roles are not known */
  bool broken;
  uint32_t unit;
  uint32_t outer;                            /* protocol that it stands in, or MATY__NONE */
  uint32_t first_role, role_count;           /* in maty__tree.uses */
  uint32_t new_role_count;                   /* the last ones: not handed in by who calls it */
  uint32_t first_invitation;                 /* of a nested one, in maty__tree.invitations */
  bool called;                               /* a statement calls it, see maty__stmt.calls */
  uint32_t first_parameter, parameter_count; /* in maty__tree.parameters */
  uint32_t first_stmt;
  uint32_t end_at; /* the brace that ends it */
} maty__protocol_t;

/* import module as visible; */
typedef struct maty__import {
  maty__use_t module, visible;
  uint32_t unit; /* MATY__NONE: there is none */
} maty__import_t;

/* What one text declares. */
typedef struct maty__unit {
  maty__use_t name; /* by its module line; the empty one if it has none */
  uint32_t first_import, end_import;
  uint32_t first_type_decl, end_type_decl;
  uint32_t first_protocol, end_protocol;
} maty__unit_t;

typedef struct maty__tree {
  MATY__VEC(maty__unit_t) units; /* by number of the source; the text that was given comes first */
  MATY__VEC(maty__import_t) imports;
  MATY__VEC(maty__protocol_t) protocols;
  MATY__VEC(maty__type_decl_t) type_decls;
  MATY__VEC(maty__stmt_t) stmts;
  MATY__VEC(maty__use_t) uses;
  MATY__VEC(maty__parameter_t) parameters;
  MATY__VEC(maty__value_t) values;
  MATY__VEC(maty__delegation_t) delegations;
  /* For each role of a nested protocol but the new ones: the label of the message
   * that invites to it. */
  MATY__VEC(maty__name_t) invitations;
  MATY__VEC(maty__part_t) fields;
  MATY__VEC(maty__part_t) parts;
  MATY__VEC(maty__type_expr_t) types;
  maty__map_t modules; /* by unit and the name that a module has there: its import */
} maty__tree_t;

/* The key of a name that means something in a scope only. */
static inline uint64_t maty__scoped(uint32_t scope, maty__name_t name) {
  return (uint64_t)scope << 32 | name;
}

#endif /* MATY_TREE_H */
