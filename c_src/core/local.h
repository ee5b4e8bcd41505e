/* local.h - the roles' machines as their parts are written.
 *
 * A role's local type is what is left of the text when all is taken out that is
 * nothing to the role, and of a choice the branches that are nothing to it where
 * others are something. Its machine has a state for each place in it, and more
 * than one way on with one message where two branches begin with it: the role
 * has to know, as the text has it, which branch it is in.
 *
 * That is what the Scribble toolchain explores, and it can be less than the
 * protocol asks for, and less than the machines of project.h can do: those follow
 * all branches at once until they differ.
 *
 *     choice at A { m() from A to B; x() from B to A; }
 *     or          { m() from A to B; y() from B to A; }
 *
 *     A here:  0 -B!m-> 1 -B?x-> 3        A of project.h:  0 -B!m-> 1 -B?x-> 2
 *              0 -B!m-> 2 -B?y-> 3                                  1 -B?y-> 2
 */
#ifndef MATY_LOCAL_H
#define MATY_LOCAL_H

#include "parts.h"
#include "project.h"

/* Adds the machines of all roles to "machines", in check->scratch. The automaton has
 * the protocol's messages. A state's moves may have the same message twice.
 *
 * MATY_EREJECTED, and reported: a role has a part where its own way never leads;
 * or it hears of a choice from one role in one branch and from another in the
 * other. */
maty_status maty__local_machines(maty__check_t *check, const maty__tree_t *tree,
                                 maty__types_t *types, maty__parts_t *parts,
                                 maty__automaton_t *automaton, maty__machines_t *machines);

#endif /* MATY_LOCAL_H */
