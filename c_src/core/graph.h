/* graph.h - a protocol with what it stands for inlined, as nodes and arcs.
 *
 * A node is a place between two statements. An arc is a message, or a jump:
 * into a loop, back to its beginning, into a call, past an empty branch. The
 * branches of a choice all begin at one node:
 *
 *     rec X { choice at A { m() from A to B; continue X; } or { n() from A to B; } }
 *
 *              .-- jump --.                A->B:n
 *     begin ---+--> X <---'---------------------------> end
 *                   '--- A->B:m ---> o --- jump ---> X
 *
 * A "do" is inlined once for each order of roles, all that is handed to the
 * protocol's parameters, and each node to go on at; to do again what is being
 * inlined, in last place, is a jump back. A nested protocol that is called goes on
 * in a session of its own: here it is one message to each role that is invited.
 *
 * What always holds of a graph that was built without an error: no circle is
 * made of jumps alone, unless the dialect prunes loops; and no node of such a
 * circle needs it to be left.
 */
#ifndef MATY_GRAPH_H
#define MATY_GRAPH_H

#include "automaton.h"
#include "parts.h"

typedef struct maty__arc {
  uint32_t from, to;
  uint32_t message;  /* MATY__NONE: a jump */
  uint32_t payload;  /* of a message */
  uint32_t deadline; /* of a message, see tree.h */
  uint32_t at, length;
} maty__arc_t;

/* "choice at" a role, at the node where its branches begin. */
typedef struct maty__chooser {
  uint32_t role;
  uint32_t at, length;
  uint32_t next; /* another one at this node, or MATY__NONE */
} maty__chooser_t;

typedef struct maty__graph {
  uint32_t node_count, begin, end;
  MATY__VEC(maty__arc_t) arcs; /* sorted by "from" */
  uint32_t *first_arc;         /* by node, and one more */
  uint32_t *onward;            /* by node: where a way of single jumps from it ends */
  maty__u32s_t chooser_of;     /* by node, or MATY__NONE */
  MATY__VEC(maty__chooser_t) choosers;
} maty__graph_t;

/* Fills "graph", in check->work, and adds messages to "automaton", whose protocol and
 * roles are set.
 *
 * With "parts", blocks that have no message are left out. With a role besides
 * (else it is MATY__ANY_ROLE) so is all that is nothing to the role, and a branch
 * of a choice where another branch is something to it: what remains is the role's
 * part as it is written.
 *
 * MATY_EREJECTED: something is wrong and reported, or the protocol calls a broken
 * one. */
maty_status maty__graph_build(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                              maty__parts_t *parts, uint32_t role, maty__automaton_t *automaton,
                              maty__graph_t *graph);

/* What jumps lead to from some nodes. Zeroed, but for "seen", which is
 * zeros by node. */
typedef struct maty__jumps {
  uint32_t *seen;     /* by node: the last search that came there */
  uint32_t search;    /* the number of this one */
  maty__u32s_t begin; /* where it begins; empty when it is over */
  maty__u32s_t nodes; /* all that it came to */
  maty__u64s_t arcs;  /* messages that begin there: message, then arc; sorted */
  uint32_t again;     /* a jump that leads where another does, or MATY__NONE */
} maty__jumps_t;

/* Adds a node to begin at, which "onward" leads to. */
maty_status maty__jumps_begin(maty__jumps_t *jumps, maty__check_t *check, uint32_t node);

/* Follows the jumps from there. */
maty_status maty__jumps_follow(maty__jumps_t *jumps, maty__check_t *check,
                               const maty__graph_t *graph);

#endif /* MATY_GRAPH_H */
