/* automaton.h - the automaton of a global type.
 *
 * States are points of the conversation. A transition is one message p->q:m;
 * "do" is inlined, "calls" is its invitations, "continue" is a jump, and where two
 * ways begin with the same message it is followed along both at once. So the
 * automaton is deterministic.
 *
 * What always holds of one that was built without an error:
 *   - state 0 is the initial one; every state can be reached from it;
 *   - states are numbered breadth first, messages in the order of the text;
 *   - a state's transitions are sorted by message, no message twice, and all
 *     are sent by one role; a final state has none;
 *   - every role takes part in some message, or calls a nested protocol, unless
 *     the dialect allows others.
 */
#ifndef MATY_AUTOMATON_H
#define MATY_AUTOMATON_H

#include "parts.h"
#include "report.h"
#include "tree.h"
#include "types.h"

typedef struct maty__message {
  uint32_t sender, receiver; /* roles */
  maty__name_t label;
  uint32_t invitation; /* in maty__tree.invitations; MATY__NONE: it is none */
} maty__message_t;

typedef struct maty__edge {
  uint32_t message;
  uint32_t target;   /* state */
  uint32_t payload;  /* see types.h */
  uint32_t deadline; /* the soonest of all ways that it stands for; 0: none has one */
  uint32_t at;       /* in the text */
} maty__edge_t;

/* The sooner of two deadlines, of which 0 is none. */
static inline uint32_t maty__sooner(uint32_t one, uint32_t other) {
  return one != 0 && (other == 0 || one < other) ? one : other;
}

typedef struct maty__point {
  uint32_t first_edge, edge_count;
  uint32_t sender;   /* of all its transitions; MATY__NONE if it has none */
  uint32_t from, by; /* the state and the transition it was first reached by; of state 0 none */
} maty__point_t;

typedef struct maty__automaton {
  const maty__protocol_t *protocol;
  const maty__use_t *roles;
  uint32_t role_count;
  MATY__VEC(maty__message_t) messages;
  maty__map_t message_of; /* by sender, receiver and label */
  maty__u32s_t callers;   /* roles that call a nested protocol */
  /* The first statement that goes on beside one that never ends, if there is one:
   * then only the messages are known, since there is no one order of them. */
  const maty__stmt_t *aside;
  bool unused; /* a role takes no part, and the dialect forbids that */
  MATY__VEC(maty__point_t) points;
  MATY__VEC(maty__edge_t) edges;
} maty__automaton_t;

struct maty__graph;

/* Builds the graph of one protocol, in check->work, and the automaton's messages, in
 * check->scratch; without "parts" nothing is pruned. A role that takes no part is
 * reported, and no obstacle yet. MATY_EREJECTED: something is wrong, and that is
 * reported or was before (the protocol, or one that it calls, is broken); if
 * graph->onward is set, the messages are all there nevertheless. */
maty_status maty__automaton_begin(maty__check_t *check, const maty__tree_t *tree,
                                  maty__types_t *types, maty__parts_t *parts,
                                  const maty__protocol_t *protocol, maty__automaton_t *automaton,
                                  struct maty__graph *graph);

/* Finds the states of an automaton that was begun with MATY_OK. MATY_EREJECTED:
 * something is wrong with it, and that is reported. */
maty_status maty__automaton_finish(maty__check_t *check, maty__automaton_t *automaton,
                                   const struct maty__graph *graph);

/* Both of them. */
maty_status maty__automaton_build(maty__check_t *check, const maty__tree_t *tree,
                                  maty__types_t *types, maty__parts_t *parts,
                                  const maty__protocol_t *protocol, maty__automaton_t *automaton);

/* Reports that a message stands in two places with different payloads, where
 * either may come next. */
maty_status maty__automaton_payloads(maty__check_t *check, const maty__automaton_t *automaton,
                                     uint32_t message, uint32_t one, uint32_t other);

/* Adds one transition to a run, as its step "number". */
maty_status maty__automaton_step(maty__check_t *check, const maty__automaton_t *automaton,
                                 maty__runs_t *runs, uint32_t number, uint32_t edge);

/* Adds a run whose transitions are in "edges", the last one first. */
maty_status maty__automaton_run(maty__check_t *check, const maty__automaton_t *automaton,
                                maty__runs_t *runs, const maty__u32s_t *edges);

#endif /* MATY_AUTOMATON_H */
