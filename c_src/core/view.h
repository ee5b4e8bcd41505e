/* view.h - the automaton as one role sees it.
 *
 * A role sees only the messages it takes part in. So of the automaton it needs
 * to know the entries - the initial state, and every state that one of its
 * messages leads to - and for each of them its outs: the transitions with the
 * role that can be reached from there by messages it has no part in.
 *
 *     entry --A->B--> o --B->A--> o --B->C:m--> entry'      (seen by C)
 *     '---------- silent ---------'  `- an out of "entry"
 *
 * Two entries are seen alike if the same messages of the role lead to both; all
 * that decides whether they may be is in their outs.
 */
#ifndef MATY_VIEW_H
#define MATY_VIEW_H

#include "automaton.h"

typedef struct maty__entry {
  uint32_t point;
  uint32_t first_out, out_count; /* in "outs" */
} maty__entry_t;

typedef struct maty__view {
  maty__check_t *check;
  const maty__automaton_t *automaton;
  uint32_t *first_edge; /* by role and one more: its transitions in "edges" */
  uint32_t *edges;
  uint32_t *entry_of; /* by state: its entry, or MATY__NONE */
  uint32_t *seen;     /* by state: the last walk that came by */
  uint32_t walk;
  uint64_t work; /* done for this protocol, bounded by MATY_MAX_STEPS */

  uint32_t role; /* the one that is being looked at, and what it sees: */
  MATY__VEC(maty__entry_t) entries;
  maty__u32s_t outs; /* transitions, sorted by message within an entry */

  maty__u32s_t stack;
  maty__u64s_t found;
} maty__view_t;

/* Prepares for the automaton's roles, in check->scratch. */
maty_status maty__view_init(maty__view_t *view, maty__check_t *check,
                            const maty__automaton_t *automaton);

/* Looks at the automaton as "role" does. Entry 0 is the initial state. */
maty_status maty__view_role(maty__view_t *view, uint32_t role);

static inline const maty__message_t *maty__view_message(const maty__view_t *view, uint32_t edge) {
  return &view->automaton->messages.at[view->automaton->edges.at[edge].message];
}

static inline bool maty__view_takes_part(const maty__view_t *view, uint32_t edge) {
  const maty__message_t *message = maty__view_message(view, edge);
  return message->sender == view->role || message->receiver == view->role;
}

static inline uint32_t maty__view_target_entry(const maty__view_t *view, uint32_t edge) {
  return view->entry_of[view->automaton->edges.at[edge].target];
}

/* Counts work. Past MATY_MAX_STEPS it is reported as a limit, at the role, and
 * MATY_EREJECTED. */
maty_status maty__view_work(maty__view_t *view, uint64_t steps);

#endif /* MATY_VIEW_H */
