/* resolve.h - what the names in a tree mean.
 *
 * Fills in "meaning" of every use: the index of a role within its protocol, of
 * the REC statement that a "continue" goes back to, of the protocol that a "do"
 * stands for. Reports names that are not declared or declared twice, roles that
 * are not distinct, calls with too few or too many roles or arguments; a protocol
 * in which something is wrong becomes broken. Names of types are left to types.h.
 *
 * A protocol is seen in its own text by its name, if it is nested in another only
 * inside of that; in others by the name that they import its text by and its own,
 * a.b.C.P.
 */
#ifndef MATY_RESOLVE_H
#define MATY_RESOLVE_H

#include "report.h"
#include "tree.h"

maty_status maty__resolve(maty__check_t *check, maty__tree_t *tree);

#endif /* MATY_RESOLVE_H */
