/* dialect.h - what the dialects differ in.
 *
 * One parser and one checker serve them all; a dialect is a row of rules that
 * they ask. Which constructs of the grammar a dialect has is a table of its own,
 * in parse.c.
 */
#ifndef MATY_DIALECT_H
#define MATY_DIALECT_H

#include "maty.h"

/* What a payload's type may be. */
typedef enum maty__payload_rule {
  MATY__PAYLOAD_TYPES,    /* the types of docs/protocols.md, or declared names */
  MATY__PAYLOAD_DECLARED, /* names that the text declares, nothing else */
  MATY__PAYLOAD_FREE      /* any name */
} maty__payload_rule;

/* Two branches that begin with one label from one role to one role. */
typedef enum maty__label_rule {
  MATY__LABEL_DETERMINISED, /* both are followed at once; their payloads agree */
  MATY__LABEL_SAME_PAYLOAD, /* the same, wherever in a choice a role sees them */
  MATY__LABEL_FORBIDDEN
} maty__label_rule;

typedef struct maty__dialect {
  const char *name;
  maty__payload_rule payloads;
  maty__label_rule labels;
  bool module_line;     /* required; its last part is the file's name */
  bool ordered;         /* imports come before types, and those before protocols */
  bool names_first;     /* nothing is judged while a name or the syntax is wrong anywhere */
  bool bare_signatures; /* a message without brackets is a declared signature */
  bool unused_roles;    /* a role that takes no part is allowed */
  bool loops_differ;    /* a loop in another one has a name of its own */
  bool one_receiver;    /* the first messages of a choice's branches go to one role */
  bool prunes_loops;    /* a loop that can go round without a message is cut, not refused */
  bool last_continue;   /* nothing follows a block that goes on with a loop around it */
  bool passes_loops;    /* a role goes past what is nothing to it, even if it never ends */
  bool enabling;        /* the rules of enabling.h apply */
  bool explored;        /* machines are explored with one message for each ordered pair */
  maty_fairness choice; /* of those explorations */
} maty__dialect_t;

const maty__dialect_t *maty__dialect(maty_dialect dialect);

#endif /* MATY_DIALECT_H */
