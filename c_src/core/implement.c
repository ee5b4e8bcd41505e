/* implement.c - see implement.h.
 *
 * The conditions speak of all pairs of states, which are many: all states
 * between two messages of a role are seen alike by it. Most pairs need not be
 * made, since
 *
 *   - the two conditions about what is ahead hold for all states reached from
 *     one entry (see view.h) if and only if they hold along each transition
 *     that the role has no part in: s and the state behind it are seen alike,
 *     and what is ahead of the second is ahead of the first;
 *   - then all states reached from an entry have the same ahead, so a pair of
 *     entries stands for all pairs of states reached from them.
 *
 * A state's transitions have one sender; so one from which the role sends has
 * no other transitions, and what it sends there is all that can be ahead.
 */
#include "implement.h"

#include <stddef.h>

#include "explain.h"
#include "limits.h"

typedef struct maty__entry_facts {
  bool sends, receives, several; /* several: it receives from more than one role */
  uint32_t sender;               /* whom it receives from first */
  uint32_t send_set;
} entry_facts_t;

maty_status maty__implement_init(maty__implement_t *implement, maty__view_t *view) {
  const maty__automaton_t *automaton = view->automaton;
  maty__arena_t *scratch = view->check->scratch;
  uint32_t point_count = automaton->points.count, edge_count = automaton->edges.count;
  *implement = (maty__implement_t){.view = view,
                                   .source = maty__array(scratch, uint32_t, edge_count),
                                   .hears = maty__zarray(scratch, uint32_t, point_count),
                                   .sends = maty__array(scratch, uint32_t, point_count),
                                   .sends_of = maty__zarray(scratch, uint32_t, point_count)};
  MATY__NEED(implement->source != NULL && implement->hears != NULL && implement->sends != NULL &&
             implement->sends_of != NULL);
  MATY__NEED(maty__groups_make(scratch, &implement->incoming, point_count, automaton->edges.at,
                               edge_count, sizeof(maty__edge_t), offsetof(maty__edge_t, target)));
  maty__available_init(&implement->available, view);
  for (uint32_t point = 0; point < point_count; point++)
    for (uint32_t i = 0; i < automaton->points.at[point].edge_count; i++)
      implement->source[automaton->points.at[point].first_edge + i] = point;
  return MATY_OK;
}

/* Whether each transition that the role has no part in, out of the states in
 * the queue, leads to a state that is marked too. */
static bool is_closed(const maty__implement_t *implement, const uint32_t *mark, uint32_t value) {
  const maty__automaton_t *automaton = implement->view->automaton;
  for (uint32_t i = 0; i < implement->queue.count; i++) {
    const maty__point_t *point = &automaton->points.at[implement->queue.at[i]];
    for (uint32_t j = 0; j < point->edge_count; j++) {
      uint32_t edge = point->first_edge + j;
      if (!maty__view_takes_part(implement->view, edge) &&
          mark[automaton->edges.at[edge].target] != value)
        return false;
    }
  }
  return true;
}

/* Told when it ends, along transitions the role has no part in: marks in
 * "hears" the states that have a message of the role ahead. */
static maty_status decide_hearing(maty__implement_t *implement, bool *holds) {
  maty__view_t *view = implement->view;
  maty__arena_t *scratch = view->check->scratch;
  const maty__groups_t *incoming = &implement->incoming;
  uint32_t mark = view->role + 1;
  uint64_t work = 0;
  implement->queue.count = 0;
  for (uint32_t i = view->first_edge[view->role]; i < view->first_edge[view->role + 1]; i++) {
    uint32_t point = implement->source[view->edges[i]];
    if (implement->hears[point] == mark)
      continue;
    implement->hears[point] = mark;
    MATY__NEED(maty__vec_push(scratch, &implement->queue, point));
  }
  for (uint32_t i = 0; i < implement->queue.count; i++) {
    uint32_t point = implement->queue.at[i];
    for (uint32_t j = incoming->first[point]; j < incoming->first[point + 1]; j++) {
      uint32_t edge = incoming->items[j], before = implement->source[edge];
      work++;
      if (implement->hears[before] == mark || maty__view_takes_part(view, edge))
        continue;
      implement->hears[before] = mark;
      MATY__NEED(maty__vec_push(scratch, &implement->queue, before));
    }
  }
  *holds = is_closed(implement, implement->hears, mark);
  return maty__view_work(view, work);
}

/* The messages that are sent from one state, as a set. */
static maty_status sent_from(maty__implement_t *implement, uint32_t point, uint32_t *set) {
  const maty__automaton_t *automaton = implement->view->automaton;
  const maty__point_t *from = &automaton->points.at[point];
  implement->words.count = 0;
  for (uint32_t i = 0; i < from->edge_count; i++)
    MATY__NEED(maty__vec_push(implement->view->check->scratch, &implement->words,
                              automaton->edges.at[from->first_edge + i].message));
  *set = maty__pool_put(implement->view->check->scratch, &implement->send_sets, implement->words.at,
                        implement->words.count);
  MATY__NEED(*set != MATY__NONE);
  return MATY_OK;
}

/* Send validity, along transitions the role has no part in: all states from
 * which one where it sends can be reached have to lead to the same messages. */
static maty_status decide_sending(maty__implement_t *implement, bool *holds) {
  maty__view_t *view = implement->view;
  maty__arena_t *scratch = view->check->scratch;
  const maty__groups_t *incoming = &implement->incoming;
  uint32_t mark = view->role + 1;
  uint64_t work = 0;
  *holds = true;
  implement->queue.count = 0;
  for (uint32_t i = view->first_edge[view->role]; i < view->first_edge[view->role + 1]; i++) {
    uint32_t point = implement->source[view->edges[i]];
    if (view->automaton->points.at[point].sender != view->role ||
        implement->sends_of[point] == mark)
      continue;
    implement->sends_of[point] = mark;
    MATY__TRY(sent_from(implement, point, &implement->sends[point]));
    MATY__NEED(maty__vec_push(scratch, &implement->queue, point));
  }
  for (uint32_t i = 0; i < implement->queue.count; i++) {
    uint32_t point = implement->queue.at[i];
    for (uint32_t j = incoming->first[point]; j < incoming->first[point + 1]; j++) {
      uint32_t edge = incoming->items[j], before = implement->source[edge];
      work++;
      if (maty__view_takes_part(view, edge))
        continue;
      if (implement->sends_of[before] == mark) {
        *holds = *holds && implement->sends[before] == implement->sends[point];
        continue;
      }
      implement->sends_of[before] = mark;
      implement->sends[before] = implement->sends[point];
      MATY__NEED(maty__vec_push(scratch, &implement->queue, before));
    }
  }
  *holds = *holds && is_closed(implement, implement->sends_of, mark);
  return maty__view_work(view, work);
}

static maty_status find_facts(maty__implement_t *implement) {
  maty__view_t *view = implement->view;
  maty__arena_t *scratch = view->check->scratch;
  implement->entries.count = 0;
  for (uint32_t i = 0; i < view->entries.count; i++) {
    const maty__entry_t *entry = &view->entries.at[i];
    entry_facts_t facts = {.sender = MATY__NONE};
    implement->words.count = 0;
    for (uint32_t j = 0; j < entry->out_count; j++) {
      uint32_t edge = view->outs.at[entry->first_out + j];
      const maty__message_t *message = maty__view_message(view, edge);
      uint32_t number = view->automaton->edges.at[edge].message;
      if (message->receiver == view->role) {
        facts.several = facts.several || (facts.receives && facts.sender != message->sender);
        facts.receives = true;
        facts.sender = message->sender;
      } else if (!facts.sends || implement->words.at[implement->words.count - 1] != number) {
        facts.sends = true;
        MATY__NEED(maty__vec_push(scratch, &implement->words, number));
      }
    }
    facts.send_set =
        maty__pool_put(scratch, &implement->send_sets, implement->words.at, implement->words.count);
    MATY__NEED(facts.send_set != MATY__NONE);
    MATY__NEED(maty__vec_push(scratch, &implement->entries, facts));
  }
  return MATY_OK;
}

/* Receive validity, one way round: what one entry waits for may not arrive
 * after another message that the other entry waits for. */
static maty_status decide_receiving(maty__implement_t *implement, uint32_t one, uint32_t other,
                                    bool *holds) {
  maty__view_t *view = implement->view;
  const maty__entry_t *waiting = &view->entries.at[one], *taking = &view->entries.at[other];
  for (uint32_t i = 0; i < taking->out_count; i++) {
    uint32_t taken = view->outs.at[taking->first_out + i];
    uint32_t point = view->automaton->edges.at[taken].target;
    for (uint32_t j = 0; j < waiting->out_count; j++) {
      uint32_t edge = view->outs.at[waiting->first_out + j], answer;
      uint32_t sender = maty__view_message(view, edge)->sender;
      if (sender == maty__view_message(view, taken)->sender)
        continue;
      MATY__TRY(maty__available_find(&implement->available, point, sender, &answer));
      if (maty__available_has(&implement->available, answer,
                              view->automaton->edges.at[edge].message)) {
        *holds = false;
        return MATY_OK;
      }
    }
    MATY__TRY(maty__view_work(view, waiting->out_count));
  }
  return MATY_OK;
}

static maty_status add_pair(maty__implement_t *implement, uint32_t one, uint32_t other) {
  maty__arena_t *scratch = implement->view->check->scratch;
  uint64_t key = one < other ? (uint64_t)one << 32 | other : (uint64_t)other << 32 | one;
  uint32_t *known = maty__map_put(scratch, &implement->pairs, key);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    *known = 0;
    MATY__NEED(maty__vec_push(scratch, &implement->open, key));
  }
  return MATY_OK;
}

/* Where the same message leads from both; its payload has to be the same. */
static maty_status step_pair(maty__implement_t *implement, uint32_t one, uint32_t other,
                             bool *holds) {
  maty__view_t *view = implement->view;
  const maty__edge_t *edges = view->automaton->edges.at;
  uint32_t a = view->entries.at[one].first_out, a_end = a + view->entries.at[one].out_count;
  uint32_t b = view->entries.at[other].first_out, b_end = b + view->entries.at[other].out_count;
  uint64_t work = MATY_STEP_KEPT;
  while (a < a_end && b < b_end) {
    const maty__edge_t *edge = &edges[view->outs.at[a]];
    if (edge->message != edges[view->outs.at[b]].message) {
      if (edge->message < edges[view->outs.at[b]].message)
        a++;
      else
        b++;
      work++;
      continue;
    }
    for (uint32_t c = b; c < b_end && edges[view->outs.at[c]].message == edge->message; c++) {
      *holds = *holds && edge->payload == edges[view->outs.at[c]].payload;
      MATY__TRY(add_pair(implement, view->entry_of[edge->target],
                         maty__view_target_entry(view, view->outs.at[c])));
      work++;
    }
    a++;
  }
  return maty__view_work(view, work);
}

static maty_status breaks(maty__implement_t *implement, maty_class broken, bool *holds) {
  implement->broken = broken;
  *holds = false;
  return MATY_OK;
}

static maty_status decide_pairs(maty__implement_t *implement, bool *holds) {
  maty__available_reset(&implement->available);
  maty__map_clear(&implement->pairs);
  implement->open.count = 0;
  MATY__TRY(find_facts(implement));
  MATY__NEED(maty__map_reserve(implement->view->check->scratch, &implement->pairs,
                               implement->entries.count));
  MATY__TRY(add_pair(implement, 0, 0));
  for (uint32_t i = 0; i < implement->open.count; i++) {
    uint32_t one = (uint32_t)(implement->open.at[i] >> 32), other = (uint32_t)implement->open.at[i];
    const entry_facts_t *a = &implement->entries.at[one], *b = &implement->entries.at[other];
    if ((a->sends || b->sends) && (a->receives || b->receives))
      return breaks(implement, MATY_CLASS_MIXED_CHOICE, holds);
    if (a->receives != b->receives)
      return breaks(implement, MATY_CLASS_UNFINISHED, holds);
    if (a->send_set != b->send_set)
      return breaks(implement, MATY_CLASS_SEND_VALIDITY, holds);
    if (a->receives && (a->several || b->several || a->sender != b->sender)) {
      MATY__TRY(decide_receiving(implement, one, other, holds));
      if (one != other)
        MATY__TRY(decide_receiving(implement, other, one, holds));
      if (!*holds)
        return breaks(implement, MATY_CLASS_RECEIVE_VALIDITY, holds);
    }
    MATY__TRY(step_pair(implement, one, other, holds));
    if (!*holds)
      return breaks(implement, MATY_CLASS_NONDET_PAYLOAD, holds);
  }
  return MATY_OK;
}

maty_status maty__implement_role(maty__implement_t *implement) {
  bool holds;
  implement->broken = MATY_CLASS_UNFINISHED;
  MATY__TRY(decide_hearing(implement, &holds));
  if (holds) {
    implement->broken = MATY_CLASS_SEND_VALIDITY;
    MATY__TRY(decide_sending(implement, &holds));
  }
  if (holds)
    MATY__TRY(decide_pairs(implement, &holds));
  return holds ? MATY_OK : maty__explain(implement);
}
