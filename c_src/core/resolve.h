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

/* Returns the unit that a module's name stands for in "unit", or MATY__NONE. The
 * empty name stands for "unit" itself. */
uint32_t maty__module_named(const maty__tree_t *tree, uint32_t unit, maty__name_t name);

/* The same, in *found. That there is none is reported, as "class_" if the module
 * is not imported. */
maty_status maty__resolve_module(maty__check_t *check, const maty__tree_t *tree, uint32_t unit,
                                 const maty__use_t *module, maty_class class_, uint32_t *found);

#endif /* MATY_RESOLVE_H */
