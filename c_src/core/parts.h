/* parts.h - which statements a role has a part in.
 *
 * A role has a part in the messages it sends or receives, in the calls that hand
 * it to a protocol where it has one, and in the blocks around these:
 *
 *     rec X {                  A, B, C
 *       m() from A to B;       A, B
 *       choice at A {          A, B, C
 *         do Q(A, C);          A, C, if Q has something for both of its roles
 *         continue X;
 *       } or { ... }
 *     }
 *
 * What a role does in a conversation is what is left of the text when the rest
 * is taken out. A "continue" to a loop around a block counts as something in it:
 * it is where the role's way goes on.
 *
 * What always holds: the protocols asked about are not broken.
 */
#ifndef MATY_PARTS_H
#define MATY_PARTS_H

#include "report.h"
#include "tree.h"

/* In place of a role: all of them. */
#define MATY__ANY_ROLE UINT32_MAX

typedef struct maty__parts {
  const maty__tree_t *tree;
  uint32_t *first_pair; /* by protocol: its roles in "has_part", and one more for any role */
  uint8_t *has_part;    /* by protocol and role */
  uint32_t *branch_end; /* by CHOICE or OR: the marker that ends the branch it begins */
  /* The outermost loop that is continued in a block, or MATY__NONE: by REC, by
   * CHOICE for all of it, and by the marker that ends a branch for that branch. */
  uint32_t *outermost;
  /* For one role of each protocol at a time, the last one asked about: */
  uint32_t *role_of; /* by protocol, plus one */
  uint32_t *before;  /* by statement: how many before it in its protocol are the role's */
} maty__parts_t;

/* Finds the parts of all roles of a tree whose names are resolved. All of it
 * lives in check->scratch. */
maty_status maty__parts_init(maty__parts_t *parts, maty__check_t *check, const maty__tree_t *tree);

/* Whether a role of a protocol has a part in it. */
bool maty__parts_has(const maty__parts_t *parts, uint32_t protocol, uint32_t role);

/* Whether something is left for a role of a statement, with all that it opens. */
bool maty__parts_keeps(maty__parts_t *parts, uint32_t protocol, uint32_t role, uint32_t stmt);

/* The same of the branch that a CHOICE or an OR begins. */
bool maty__parts_keeps_branch(maty__parts_t *parts, uint32_t protocol, uint32_t role,
                              uint32_t stmt);

#endif /* MATY_PARTS_H */
