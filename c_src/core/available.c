/* available.c - see available.h. */
#include "available.h"

#include <string.h>

#include "limits.h"

void maty__available_init(maty__available_t *available, maty__view_t *view) {
  *available = (maty__available_t){.view = view};
}

void maty__available_reset(maty__available_t *available) {
  maty__map_clear(&available->answer_of);
  maty__pool_clear(&available->answers);
}

static bool is_blocked(const maty__available_t *available, uint32_t set, uint32_t role) {
  return (maty__pool_at(&available->blocked, set)[role / 32] >> role % 32 & 1) != 0;
}

/* The set with one role more. */
static maty_status block(maty__available_t *available, uint32_t set, uint32_t role,
                         uint32_t *larger) {
  maty__arena_t *scratch = available->view->check->scratch;
  uint32_t count = available->words.count;
  uint32_t *known = maty__map_put(scratch, &available->grown, (uint64_t)set << 32 | role);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    memcpy(available->words.at, maty__pool_at(&available->blocked, set),
           count * sizeof *available->words.at);
    available->words.at[role / 32] |= 1u << role % 32;
    *known = maty__pool_put(scratch, &available->blocked, available->words.at, count);
    MATY__NEED(*known != MATY__NONE);
  }
  *larger = *known;
  return MATY_OK;
}

static maty_status too_many(const maty__available_t *available) {
  const maty__view_t *view = available->view;
  const maty__use_t *role = &view->automaton->roles[view->role];
  MATY__TRY(maty__error(view->check, MATY_CLASS_LIMIT, role->at,
                        maty__name_length(&view->check->names, role->name),
                        "which messages can arrive at '%.*s' out of turn takes more than %u "
                        "steps to decide",
                        MATY__NAME(&view->check->names, role->name), MATY_MAX_AVAILABILITY));
  return MATY_EREJECTED;
}

static maty_status visit(maty__available_t *available, uint32_t point, uint32_t set) {
  maty__arena_t *scratch = available->view->check->scratch;
  uint64_t key = (uint64_t)point << 32 | set;
  uint32_t *seen = maty__map_put(scratch, &available->seen, key);
  MATY__NEED(seen != NULL);
  if (*seen != MATY__NONE)
    return MATY_OK;
  *seen = 0;
  if (available->seen.count > MATY_MAX_AVAILABILITY)
    return too_many(available);
  MATY__NEED(maty__vec_push(scratch, &available->stack, key));
  return MATY_OK;
}

static maty_status follow(maty__available_t *available, uint32_t point, uint32_t set,
                          uint32_t sender) {
  const maty__view_t *view = available->view;
  const maty__point_t *from = &view->automaton->points.at[point];
  bool sender_blocked = from->sender != MATY__NONE && is_blocked(available, set, from->sender);
  MATY__TRY(maty__view_work(available->view, from->edge_count + 1));
  for (uint32_t i = 0; i < from->edge_count; i++) {
    uint32_t edge = from->first_edge + i;
    const maty__edge_t *taken = &view->automaton->edges.at[edge];
    const maty__message_t *message = maty__view_message(view, edge);
    if (message->sender == sender && message->receiver == view->role) {
      /* Its channel's first; those behind it have to wait for it. */
      MATY__NEED(maty__vec_push(view->check->scratch, &available->found, taken->message));
      continue;
    }
    uint32_t next = set;
    if (sender_blocked)
      MATY__TRY(block(available, set, message->receiver, &next));
    /* Once blocked the sender stays so: no need to look on. */
    if (!is_blocked(available, next, sender))
      MATY__TRY(visit(available, taken->target, next));
  }
  return MATY_OK;
}

maty_status maty__available_find(maty__available_t *available, uint32_t point, uint32_t sender,
                                 uint32_t *answer) {
  const maty__view_t *view = available->view;
  maty__arena_t *scratch = view->check->scratch;
  uint64_t key = (uint64_t)point << 32 | sender;
  *answer = maty__map_get(&available->answer_of, key);
  if (*answer != MATY__NONE)
    return MATY_OK;
  uint32_t count = (view->automaton->role_count + 31) / 32, set;
  maty__pool_clear(&available->blocked);
  maty__map_clear(&available->grown);
  maty__map_clear(&available->seen);
  available->stack.count = available->found.count = available->words.count = 0;
  MATY__NEED(maty__vec_reserve(scratch, &available->words, count));
  available->words.count = count;
  memset(available->words.at, 0, count * sizeof *available->words.at);
  available->words.at[view->role / 32] |= 1u << view->role % 32;
  set = maty__pool_put(scratch, &available->blocked, available->words.at, count);
  MATY__NEED(set != MATY__NONE);
  MATY__TRY(visit(available, point, set));
  while (available->stack.count > 0) {
    uint64_t next = available->stack.at[--available->stack.count];
    MATY__TRY(follow(available, (uint32_t)(next >> 32), (uint32_t)next, sender));
  }
  available->found.count = maty__sort_unique(available->found.at, available->found.count);
  *answer =
      maty__pool_put(scratch, &available->answers, available->found.at, available->found.count);
  uint32_t *kept = maty__map_put(scratch, &available->answer_of, key);
  MATY__NEED(*answer != MATY__NONE && kept != NULL);
  *kept = *answer;
  return MATY_OK;
}

bool maty__available_has(const maty__available_t *available, uint32_t answer, uint32_t message) {
  const uint32_t *messages = maty__pool_at(&available->answers, answer);
  uint32_t low = 0, high = maty__pool_length(&available->answers, answer);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (messages[middle] == message)
      return true;
    if (messages[middle] < message)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}
