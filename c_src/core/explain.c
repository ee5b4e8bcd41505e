/* explain.c - see explain.h.
 *
 * The conditions once more, this time word for word as implement.h has them:
 * breadth first over the pairs of states that the role sees alike, each pair
 * with the step it was found by. The first pair that breaks a condition gives
 * the shortest runs. It is slow where deciding is fast; it runs when something
 * is wrong, and is bounded by MATY_MAX_EXPLAINED.
 */
#include "explain.h"

#include "lex.h"
#include "limits.h"

/* Two states seen alike, and the last step to them: one message of the role on
 * both sides, or one on either side that it has no part in. */
typedef struct alike {
  uint32_t one, other;
  uint32_t parent;
  uint32_t one_edge, other_edge; /* MATY__NONE: no step on this side */
} alike_t;

typedef struct explainer {
  maty__implement_t *implement;
  maty__view_t *view;
  maty__map_t seen;
  MATY__VEC(alike_t) pairs;
  maty__u32s_t stack, came_by;
  maty_class broken; /* MATY_CLASS_COUNT: nothing yet */
  uint32_t pair;     /* that breaks it */
  uint32_t edge;     /* the message after the one run */
  uint32_t rival;    /* the message after the other, MATY__NONE if there is none */
} explainer_t;

static const maty__point_t *point_at(const explainer_t *explainer, uint32_t point) {
  return &explainer->view->automaton->points.at[point];
}

static const maty__edge_t *edge_at(const explainer_t *explainer, uint32_t edge) {
  return &explainer->view->automaton->edges.at[edge];
}

/* Walks from a state by messages the role has no part in, breadth first. Stops
 * at the first transition with "message" (MATY__NONE: at the first one the role
 * takes part in), and says which; or at none. With "ends", says whether the
 * conversation can end on the way. */
static maty_status look_ahead(explainer_t *explainer, uint32_t point, uint32_t message,
                              uint32_t *found, bool *ends) {
  maty__view_t *view = explainer->view;
  maty__arena_t *scratch = view->check->scratch;
  maty__u32s_t *queue = &explainer->stack, *came_by = &explainer->came_by;
  view->walk++;
  view->seen[point] = view->walk;
  queue->count = came_by->count = 0;
  *found = MATY__NONE;
  if (ends != NULL)
    *ends = false;
  MATY__NEED(maty__vec_push(scratch, queue, point));
  MATY__NEED(maty__vec_push(scratch, came_by, MATY__NONE));
  for (uint32_t i = 0; i < queue->count; i++) {
    const maty__point_t *from = point_at(explainer, queue->at[i]);
    if (ends != NULL && from->edge_count == 0)
      *ends = true;
    view->check->explaining += from->edge_count + 1;
    MATY__TRY(maty__check_work(view->check, from->edge_count + 1));
    for (uint32_t j = 0; j < from->edge_count; j++) {
      uint32_t edge = from->first_edge + j, target = edge_at(explainer, edge)->target;
      if (maty__view_takes_part(view, edge)) {
        if (message == MATY__NONE || edge_at(explainer, edge)->message == message) {
          *found = edge;
          return MATY_OK;
        }
      } else if (view->seen[target] != view->walk) {
        view->seen[target] = view->walk;
        MATY__NEED(maty__vec_push(scratch, queue, target));
        MATY__NEED(maty__vec_push(scratch, came_by, edge));
      }
    }
  }
  return MATY_OK;
}

static void breaks(explainer_t *explainer, maty_class broken, uint32_t pair, uint32_t edge,
                   uint32_t rival) {
  explainer->broken = broken;
  explainer->pair = pair;
  explainer->edge = edge;
  explainer->rival = rival;
}

/* Holds a transition of the one state, with the role in it, against one of the
 * other state. */
static maty_status check_edges(explainer_t *explainer, uint32_t pair, uint32_t edge,
                               uint32_t rival) {
  maty__view_t *view = explainer->view;
  const maty__message_t *message = maty__view_message(view, edge);
  const maty__message_t *other = maty__view_message(view, rival);
  if (message->sender == view->role && other->receiver == view->role) {
    breaks(explainer, MATY_CLASS_MIXED_CHOICE, pair, edge, rival);
  } else if (edge_at(explainer, edge)->message == edge_at(explainer, rival)->message) {
    if (edge_at(explainer, edge)->payload != edge_at(explainer, rival)->payload)
      breaks(explainer, MATY_CLASS_NONDET_PAYLOAD, pair, edge, rival);
  } else if (message->receiver == view->role && other->receiver == view->role &&
             message->sender != other->sender) {
    uint32_t answer;
    MATY__TRY(maty__available_find(&explainer->implement->available,
                                   edge_at(explainer, rival)->target, message->sender, &answer));
    if (maty__available_has(&explainer->implement->available, answer,
                            edge_at(explainer, edge)->message))
      breaks(explainer, MATY_CLASS_RECEIVE_VALIDITY, pair, edge, rival);
  }
  return MATY_OK;
}

static maty_status check_pair(explainer_t *explainer, uint32_t pair) {
  maty__view_t *view = explainer->view;
  alike_t alike = explainer->pairs.at[pair];
  const maty__point_t *one = point_at(explainer, alike.one);
  const maty__point_t *other = point_at(explainer, alike.other);
  const uint32_t *hears = explainer->implement->hears;
  for (uint32_t i = 0; i < one->edge_count; i++) {
    uint32_t edge = one->first_edge + i, found;
    if (!maty__view_takes_part(view, edge))
      continue;
    view->check->explaining += other->edge_count;
    for (uint32_t j = 0; j < other->edge_count; j++)
      if (maty__view_takes_part(view, other->first_edge + j)) {
        MATY__TRY(check_edges(explainer, pair, edge, other->first_edge + j));
        if (explainer->broken != MATY_CLASS_COUNT)
          return MATY_OK;
      }
    if (maty__view_message(view, edge)->sender != view->role ||
        hears[alike.other] != view->role + 1)
      continue;
    MATY__TRY(look_ahead(explainer, alike.other, edge_at(explainer, edge)->message, &found, NULL));
    if (found == MATY__NONE) {
      breaks(explainer, MATY_CLASS_SEND_VALIDITY, pair, edge, MATY__NONE);
      return MATY_OK;
    }
  }
  if (hears[alike.one] == view->role + 1 && hears[alike.other] != view->role + 1) {
    uint32_t found;
    bool ends;
    MATY__TRY(look_ahead(explainer, alike.other, MATY__NONE, &found, &ends));
    breaks(explainer, ends ? MATY_CLASS_UNFINISHED : MATY_CLASS_ROLE_PROGRESS, pair, MATY__NONE,
           MATY__NONE);
  }
  return MATY_OK;
}

static maty_status add_pair(explainer_t *explainer, alike_t alike) {
  maty__arena_t *scratch = explainer->view->check->scratch;
  uint32_t *known =
      maty__map_put(scratch, &explainer->seen, (uint64_t)alike.one << 32 | alike.other);
  MATY__NEED(known != NULL);
  if (*known != MATY__NONE)
    return MATY_OK;
  *known = 0;
  MATY__NEED(maty__vec_push(scratch, &explainer->pairs, alike));
  return MATY_OK;
}

static maty_status step_one(explainer_t *explainer, uint32_t parent, bool first) {
  alike_t alike = explainer->pairs.at[parent];
  uint32_t moved = first ? alike.one : alike.other;
  for (uint32_t i = 0; i < point_at(explainer, moved)->edge_count; i++) {
    uint32_t edge = point_at(explainer, moved)->first_edge + i;
    uint32_t target = edge_at(explainer, edge)->target;
    if (maty__view_takes_part(explainer->view, edge))
      continue;
    MATY__TRY(add_pair(explainer, (alike_t){.one = first ? target : alike.one,
                                            .other = first ? alike.other : target,
                                            .parent = parent,
                                            .one_edge = first ? edge : MATY__NONE,
                                            .other_edge = first ? MATY__NONE : edge}));
  }
  return MATY_OK;
}

static maty_status step_both(explainer_t *explainer, uint32_t parent) {
  alike_t alike = explainer->pairs.at[parent];
  const maty__point_t *one = point_at(explainer, alike.one);
  const maty__point_t *other = point_at(explainer, alike.other);
  for (uint32_t i = 0, j = 0; i < one->edge_count && j < other->edge_count;) {
    uint32_t a = one->first_edge + i, b = other->first_edge + j;
    if (edge_at(explainer, a)->message != edge_at(explainer, b)->message) {
      if (edge_at(explainer, a)->message < edge_at(explainer, b)->message)
        i++;
      else
        j++;
      continue;
    }
    if (maty__view_takes_part(explainer->view, a))
      MATY__TRY(add_pair(explainer, (alike_t){.one = edge_at(explainer, a)->target,
                                              .other = edge_at(explainer, b)->target,
                                              .parent = parent,
                                              .one_edge = a,
                                              .other_edge = b}));
    i++;
    j++;
  }
  return MATY_OK;
}

static maty_status search(explainer_t *explainer) {
  maty__check_t *check = explainer->view->check;
  alike_t begin = {.parent = MATY__NONE, .one_edge = MATY__NONE, .other_edge = MATY__NONE};
  MATY__TRY(add_pair(explainer, begin));
  for (uint32_t i = 0; i < explainer->pairs.count; i++) {
    if (check->full || check->explained++ >= MATY_MAX_EXPLAINED ||
        check->explaining > MATY_MAX_EXPLAINED_STEPS)
      return MATY_OK;
    MATY__TRY(maty__check_work(check, 1));
    MATY__TRY(check_pair(explainer, i));
    if (explainer->broken != MATY_CLASS_COUNT)
      return MATY_OK;
    MATY__TRY(step_one(explainer, i, true));
    MATY__TRY(step_one(explainer, i, false));
    MATY__TRY(step_both(explainer, i));
  }
  return MATY_OK;
}

/* ===== Writing it down =================================================== */

typedef struct name_text {
  int length;
  const char *at;
} name_text_t;

static name_text_t name_of(const explainer_t *explainer, maty__name_t name) {
  const maty__name_text_t *text = &explainer->view->check->names.items.at[name];
  return (name_text_t){.length = (int)text->length, .at = text->at};
}

static name_text_t role_of(const explainer_t *explainer, uint32_t role) {
  return name_of(explainer, explainer->view->automaton->roles[role].name);
}

/* One of the two runs, with its last message if there is one. */
static maty_status add_run(explainer_t *explainer, maty__runs_t *runs, bool one, uint32_t last) {
  maty__arena_t *scratch = explainer->view->check->scratch;
  maty__u32s_t edges = {0};
  if (last != MATY__NONE)
    MATY__NEED(maty__vec_push(scratch, &edges, last));
  for (uint32_t pair = explainer->pair; pair != MATY__NONE;) {
    const alike_t *alike = &explainer->pairs.at[pair];
    uint32_t edge = one ? alike->one_edge : alike->other_edge;
    if (edge != MATY__NONE)
      MATY__NEED(maty__vec_push(scratch, &edges, edge));
    pair = alike->parent;
  }
  maty__runs_begin(runs, one ? "one run" : "the other");
  MATY__TRY(maty__automaton_run(explainer->view->check, explainer->view->automaton, runs, &edges));
  maty__runs_end(runs, one                                          ? ""
                       : explainer->broken == MATY_CLASS_UNFINISHED ? "the end"
                       : edges.count == 0                           ? "nothing yet"
                                                                    : "");
  return MATY_OK;
}

/* The messages between the one state and the role's next, where the pair was
 * broken before that: look_ahead has just been there. */
static maty_status extend_run(explainer_t *explainer, uint32_t last) {
  maty__view_t *view = explainer->view;
  uint32_t start = explainer->pairs.at[explainer->pair].one;
  maty__u32s_t way = {0};
  maty__map_t came_to = {0};
  for (uint32_t i = 0; i < explainer->stack.count; i++) {
    uint32_t *by = maty__map_put(view->check->scratch, &came_to, explainer->stack.at[i]);
    MATY__NEED(by != NULL);
    *by = explainer->came_by.at[i];
  }
  for (uint32_t point = explainer->implement->source[last]; point != start;) {
    uint32_t edge = maty__map_get(&came_to, point);
    MATY__NEED(maty__vec_push(view->check->scratch, &way, edge));
    point = explainer->implement->source[edge];
  }
  while (way.count > 0) {
    alike_t alike = {.one = edge_at(explainer, way.at[way.count - 1])->target,
                     .other = explainer->pairs.at[explainer->pair].other,
                     .parent = explainer->pair,
                     .one_edge = way.at[way.count - 1],
                     .other_edge = MATY__NONE};
    way.count--;
    explainer->pair = explainer->pairs.count;
    MATY__NEED(maty__vec_push(view->check->scratch, &explainer->pairs, alike));
  }
  return MATY_OK;
}

static maty_status report_text(explainer_t *explainer) {
  maty__check_t *check = explainer->view->check;
  const maty__message_t *message = maty__view_message(explainer->view, explainer->edge);
  uint32_t at = edge_at(explainer, explainer->edge)->at;
  name_text_t role = role_of(explainer, explainer->view->role);
  name_text_t label = name_of(explainer, message->label);
  name_text_t sender = role_of(explainer, message->sender), other = sender, rival = label;
  uint32_t length = maty__word_length(check, at);
  if (explainer->rival != MATY__NONE) {
    other = role_of(explainer, maty__view_message(explainer->view, explainer->rival)->sender);
    rival = name_of(explainer, maty__view_message(explainer->view, explainer->rival)->label);
  }
  switch (explainer->broken) {
  case MATY_CLASS_MIXED_CHOICE:
    return maty__error(check, explainer->broken, at, length,
                       "'%.*s' sends '%.*s' after one run, and waits for '%.*s' from '%.*s' after "
                       "another that is the same to it",
                       role.length, role.at, label.length, label.at, rival.length, rival.at,
                       other.length, other.at);
  case MATY_CLASS_NONDET_PAYLOAD:
    return maty__error(check, explainer->broken, at, length,
                       "'%.*s' has one payload after one run, and another payload after another "
                       "that is the same to '%.*s'",
                       label.length, label.at, role.length, role.at);
  case MATY_CLASS_RECEIVE_VALIDITY:
    return maty__error(check, explainer->broken, at, length,
                       "'%.*s' waits for '%.*s' from '%.*s' after one run; after another that is "
                       "the same to it, '%.*s' from '%.*s' comes first, and both can be there",
                       role.length, role.at, label.length, label.at, sender.length, sender.at,
                       rival.length, rival.at, other.length, other.at);
  case MATY_CLASS_SEND_VALIDITY:
    return maty__error(check, explainer->broken, at, length,
                       "'%.*s' may send '%.*s' after one run, and may not after another that is "
                       "the same to it",
                       role.length, role.at, label.length, label.at);
  default:
    return maty__error(check, explainer->broken, at, length,
                       "'%.*s' goes on with '%.*s' after one run; after another that is the same "
                       "to it %s, and it waits for ever",
                       role.length, role.at, label.length, label.at,
                       explainer->broken == MATY_CLASS_UNFINISHED
                           ? "the conversation is over"
                           : "the conversation goes on without it");
  }
}

static maty_status report(explainer_t *explainer) {
  maty__runs_t runs;
  if (explainer->edge == MATY__NONE) {
    uint32_t start = explainer->pairs.at[explainer->pair].one;
    MATY__TRY(look_ahead(explainer, start, MATY__NONE, &explainer->edge, NULL));
    MATY__TRY(extend_run(explainer, explainer->edge));
  }
  MATY__TRY(report_text(explainer));
  maty__runs_init(&runs, explainer->view->check->arena);
  MATY__TRY(add_run(explainer, &runs, true, explainer->edge));
  MATY__TRY(add_run(explainer, &runs, false, explainer->rival));
  MATY__TRY(maty__report_runs(explainer->view->check, &runs));
  return MATY_EREJECTED;
}

/* There are too many pairs to find the shortest runs. */
static maty_status report_bare(explainer_t *explainer) {
  maty__check_t *check = explainer->view->check;
  const maty__use_t *role = &explainer->view->automaton->roles[explainer->view->role];
  name_text_t text = role_of(explainer, explainer->view->role);
  MATY__TRY(maty__error(check, explainer->implement->broken, role->at, (uint32_t)text.length,
                        "'%.*s' cannot tell apart two runs after which it has to do different "
                        "things; they are too long to be shown",
                        text.length, text.at));
  return MATY_EREJECTED;
}

maty_status maty__explain(maty__implement_t *implement) {
  explainer_t explainer = {
      .implement = implement, .view = implement->view, .broken = MATY_CLASS_COUNT};
  maty__available_reset(&implement->available);
  MATY__TRY(search(&explainer));
  return explainer.broken == MATY_CLASS_COUNT ? report_bare(&explainer) : report(&explainer);
}
