/* view.c - see view.h. */
#include "view.h"

#include <string.h>

#include "limits.h"

maty_status maty__view_work(maty__view_t *view, uint64_t steps) {
  view->work += steps;
  if (view->work <= MATY_MAX_STEPS)
    return maty__check_work(view->check, steps);
  const maty__use_t *role = &view->automaton->roles[view->role];
  const maty__names_t *names = &view->check->names;
  MATY__TRY(maty__error(view->check, MATY_CLASS_LIMIT, role->at,
                        maty__name_length(names, role->name),
                        "deciding the conversation as '%.*s' sees it takes more than %u steps",
                        MATY__NAME(names, role->name), MATY_MAX_STEPS));
  return MATY_EREJECTED;
}

maty_status maty__view_init(maty__view_t *view, maty__check_t *check,
                            const maty__automaton_t *automaton) {
  maty__arena_t *scratch = check->scratch;
  uint32_t edge_count = automaton->edges.count, point_count = automaton->points.count;
  *view = (maty__view_t){.check = check,
                         .automaton = automaton,
                         .first_edge = maty__zarray(scratch, uint32_t, automaton->role_count + 2),
                         .edges = maty__array(scratch, uint32_t, 2 * (size_t)edge_count),
                         .entry_of = maty__array(scratch, uint32_t, point_count),
                         .seen = maty__zarray(scratch, uint32_t, point_count)};
  MATY__NEED(view->first_edge != NULL && view->edges != NULL && view->entry_of != NULL &&
             view->seen != NULL);
  memset(view->entry_of, 0xff, point_count * sizeof *view->entry_of);
  uint32_t *next = view->first_edge + 1; /* ends up as the first one of the next role */
  for (uint32_t edge = 0; edge < edge_count; edge++) {
    next[maty__view_message(view, edge)->sender + 1]++;
    next[maty__view_message(view, edge)->receiver + 1]++;
  }
  for (uint32_t role = 0; role < automaton->role_count; role++)
    next[role + 1] += next[role];
  for (uint32_t edge = 0; edge < edge_count; edge++) {
    view->edges[next[maty__view_message(view, edge)->sender]++] = edge;
    view->edges[next[maty__view_message(view, edge)->receiver]++] = edge;
  }
  return MATY_OK;
}

static maty_status add_entry(maty__view_t *view, uint32_t point) {
  if (view->entry_of[point] != MATY__NONE)
    return MATY_OK;
  view->entry_of[point] = view->entries.count;
  MATY__NEED(
      maty__vec_push(view->check->scratch, &view->entries, ((maty__entry_t){.point = point})));
  return MATY_OK;
}

static maty_status find_outs(maty__view_t *view, maty__entry_t *entry) {
  maty__arena_t *scratch = view->check->scratch;
  uint64_t followed = 1;
  view->walk++;
  view->found.count = 0;
  view->seen[entry->point] = view->walk;
  MATY__NEED(maty__vec_push(scratch, &view->stack, entry->point));
  while (view->stack.count > 0) {
    const maty__point_t *point = &view->automaton->points.at[view->stack.at[--view->stack.count]];
    followed += point->edge_count;
    for (uint32_t i = 0; i < point->edge_count; i++) {
      uint32_t edge = point->first_edge + i;
      const maty__edge_t *taken = &view->automaton->edges.at[edge];
      if (maty__view_takes_part(view, edge)) {
        MATY__NEED(maty__vec_push(scratch, &view->found, (uint64_t)taken->message << 32 | edge));
      } else if (view->seen[taken->target] != view->walk) {
        view->seen[taken->target] = view->walk;
        MATY__NEED(maty__vec_push(scratch, &view->stack, taken->target));
      }
    }
  }
  maty__sort(view->found.at, view->found.count);
  entry->first_out = view->outs.count;
  entry->out_count = view->found.count;
  MATY__NEED(maty__vec_reserve(scratch, &view->outs, view->found.count));
  for (uint32_t i = 0; i < view->found.count; i++)
    view->outs.at[view->outs.count++] = (uint32_t)view->found.at[i];
  return maty__view_work(view, followed + (uint64_t)MATY_STEP_KEPT * entry->out_count);
}

maty_status maty__view_role(maty__view_t *view, uint32_t role) {
  for (uint32_t i = 0; i < view->entries.count; i++)
    view->entry_of[view->entries.at[i].point] = MATY__NONE;
  view->entries.count = 0;
  view->outs.count = 0;
  view->role = role;
  MATY__TRY(add_entry(view, 0));
  for (uint32_t i = view->first_edge[role]; i < view->first_edge[role + 1]; i++)
    MATY__TRY(add_entry(view, view->automaton->edges.at[view->edges[i]].target));
  for (uint32_t i = 0; i < view->entries.count; i++)
    MATY__TRY(find_outs(view, &view->entries.at[i]));
  return MATY_OK;
}
