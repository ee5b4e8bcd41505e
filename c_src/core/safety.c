/* safety.c - what is wrong with one configuration.
 *
 * Four things, and no later step mends any of them:
 *
 *   A message stands first in its queue, and its receiver can never take it: on
 *   no way through the receiver's machine from where it stands is this message
 *   the next one that is taken from that queue. Where it could take others of
 *   the queue it is a reception error; where it takes none any more it is an
 *   orphan message, or, if the receiver cannot end either, one that waits for
 *   ever. A message that the receiver does not take just now is no error: where
 *   it waits for several senders, that of another one may come first.
 *
 *   A role waits for several senders, and of each of them a message has come
 *   that it could take at another time only: a reception error too.
 *
 *   No role can move, and some wait for each other: a deadlock.
 *
 *   No role can move, and a role waits for such as have ended, or as wait for
 *   those: it is unfinished.
 *
 * What comes after an error is its consequence, and not looked at.
 */
#include <string.h>

#include "explore.h"

static const char *role_name(const maty__explore_t *explore, uint32_t role) {
  return explore->image->strings + explore->image->roles[role].name;
}

static uint32_t state_of(const maty__explore_t *explore, uint32_t number, uint32_t role) {
  return maty__system_state(&explore->system, maty__reach_at(&explore->reach, number), role);
}

/* ===== Messages that will never be taken ================================= */

/* What the ways through a machine from one state come to. */
typedef struct outlook {
  bool takes; /* the message is the next one of its queue to be taken */
  bool hears; /* some message of the queue is */
  bool ends;
} outlook_t;

static maty_status look_ahead(maty__explore_t *explore, uint32_t state, uint32_t channel,
                              uint32_t message, outlook_t *out) {
  const maty_image_t *image = explore->image;
  if (explore->seen == NULL) {
    explore->seen = maty__zarray(&explore->arena, uint32_t, image->header->states.count);
    explore->ahead = maty__array(&explore->arena, uint32_t, image->header->states.count);
    MATY__NEED(explore->seen != NULL && explore->ahead != NULL);
  }
  uint32_t search = ++explore->search, found = 1;
  *out = (outlook_t){.takes = false};
  explore->ahead[0] = state;
  explore->seen[state] = search;
  for (uint32_t i = 0; i < found; i++) {
    const maty__state_t *record = &image->states[explore->ahead[i]];
    uint32_t first_state = image->roles[record->role].first_state;
    out->ends = out->ends || record->phase == MATY_PHASE_FINAL;
    for (uint32_t j = 0; j < record->transition_count; j++) {
      const maty__move_t *move = &explore->system.moves[record->first_transition + j];
      uint32_t target = first_state + move->target;
      if (!move->sends && move->channel == channel) {
        out->hears = true;
        out->takes = out->takes || move->message == message;
      } else if (explore->seen[target] != search) {
        explore->seen[target] = search;
        explore->ahead[found++] = target;
      }
    }
  }
  return maty__pace(explore->pace, found);
}

static maty_status may_take(maty__explore_t *explore, uint32_t state, uint32_t channel,
                            uint32_t message, bool *may) {
  const maty__state_t *record = &explore->image->states[state];
  const maty__move_t *moves = explore->system.moves + record->first_transition;
  *may = true;
  if (record->phase == MATY_PHASE_RECEIVE)
    for (uint32_t i = 0; i < record->transition_count; i++)
      if (moves[i].channel == channel && moves[i].message == message)
        return MATY_OK;
  uint64_t key = (uint64_t)state << 32 | (explore->system.first_message[channel] + message);
  uint32_t *known = maty__map_put(&explore->arena, &explore->takes, key);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    outlook_t outlook;
    MATY__TRY(look_ahead(explore, state, channel, message, &outlook));
    *known = outlook.takes;
  }
  *may = *known != 0;
  return MATY_OK;
}

/* Adds what a role can take next of a queue: 'a', 'b' or 'c'. */
static maty_status add_takes(maty__explore_t *explore, uint32_t state, uint32_t channel,
                             maty__text_t *text) {
  enum { SHOWN = 3 };
  uint32_t messages =
      explore->system.first_message[channel + 1] - explore->system.first_message[channel];
  uint32_t taken[SHOWN + 1], count = 0;
  for (uint32_t i = 1; i <= messages && count <= SHOWN; i++) {
    bool may;
    MATY__TRY(may_take(explore, state, channel, i, &may));
    if (may)
      taken[count++] = i;
  }
  for (uint32_t i = 0; i < count && i < SHOWN; i++)
    maty__text_add(text, "%s'%s'",
                   i == 0           ? ""
                   : i + 1 == count ? " or "
                                    : ", ",
                   maty__system_label(&explore->system, channel, taken[i]));
  maty__text_add(text, "%s", count > SHOWN ? " or others" : "");
  return MATY_OK;
}

static maty_status dead_letter(maty__explore_t *explore, uint32_t number, uint32_t channel,
                               uint32_t message) {
  const maty__queue_t *queue = &explore->system.queues[channel];
  uint32_t state = state_of(explore, number, queue->receiver);
  const maty__state_t *record = &explore->image->states[state];
  outlook_t outlook;
  bool first;
  MATY__TRY(look_ahead(explore, state, channel, message, &outlook));
  maty_class kind = outlook.hears  ? MATY_CLASS_RECEPTION
                    : outlook.ends ? MATY_CLASS_ORPHAN
                                   : MATY_CLASS_EVENTUAL_RECEPTION;
  MATY__TRY(maty__explore_first(explore, kind, queue->receiver, &first));
  if (!first)
    return MATY_OK;
  maty__text_t text;
  maty__text_init(&text, &explore->verdict->arena);
  maty__text_add(&text, "'%s' from '%s' may come here, and '%s' ",
                 maty__system_label(&explore->system, channel, message),
                 role_name(explore, queue->sender), role_name(explore, queue->receiver));
  if (outlook.hears) {
    maty__text_add(&text, "can first take only ");
    MATY__TRY(add_takes(explore, state, channel, &text));
  } else {
    maty__text_add(&text, "%s",
                   record->phase == MATY_PHASE_FINAL ? "has ended"
                   : outlook.ends                    ? "ends without taking it"
                                                     : "goes on for ever without taking it");
  }
  MATY__NEED(!text.failed);
  MATY__TRY(maty__verdict_add(explore->verdict, explore->image, kind, record->line, record->column,
                              "%s", text.at));
  return maty__witness(explore, number, NULL, "");
}

/* ===== Roles that are misled ============================================= */

/* Whether each sender that the role waits for has sent something, and nothing of
 * it can be taken now. */
static bool is_misled(const maty__explore_t *explore, const uint64_t *configuration,
                      uint32_t state) {
  const maty__state_t *record = &explore->image->states[state];
  for (uint32_t i = 0; i < record->transition_count; i++) {
    const maty__move_t *move = &explore->system.moves[record->first_transition + i];
    uint32_t head = maty__queue_head(&explore->system.queues[move->channel], configuration);
    if (head == 0 || head == move->message)
      return false;
  }
  return true;
}

static maty_status misled(maty__explore_t *explore, uint32_t number, uint32_t role,
                          uint32_t state) {
  const maty__state_t *record = &explore->image->states[state];
  bool first;
  MATY__TRY(maty__explore_first(explore, MATY_CLASS_RECEPTION, role, &first));
  if (!first)
    return MATY_OK;
  MATY__TRY(maty__verdict_add(
      explore->verdict, explore->image, MATY_CLASS_RECEPTION, record->line, record->column,
      "'%s' waits here for one of several roles, and from each of them another message may come "
      "first",
      role_name(explore, role)));
  return maty__witness(explore, number, NULL, "");
}

maty_status maty__safety_check(maty__explore_t *explore, uint32_t number, bool *wrong) {
  const maty__system_t *system = &explore->system;
  const uint64_t *configuration = maty__reach_at(&explore->reach, number);
  *wrong = false;
  for (uint32_t i = 0; i < system->queue_count; i++) {
    uint32_t head = maty__queue_head(&system->queues[i], configuration);
    bool may;
    if (head == 0)
      continue;
    MATY__TRY(may_take(explore,
                       maty__system_state(system, configuration, system->queues[i].receiver), i,
                       head, &may));
    if (!may) {
      *wrong = true;
      MATY__TRY(dead_letter(explore, number, i, head));
    }
  }
  for (uint32_t role = 0; role < system->role_count && !*wrong; role++) {
    uint32_t state = maty__system_state(system, configuration, role);
    if (explore->hears_several[state] && is_misled(explore, configuration, state)) {
      *wrong = true;
      MATY__TRY(misled(explore, number, role, state));
    }
  }
  return MATY_OK;
}

/* ===== Nobody can move =================================================== */

/* A role that could let "role" go on, if it moved: one that is not "over" yet.
 * MATY__NONE: there is none. */
static uint32_t waits_for(const maty__explore_t *explore, const uint64_t *configuration,
                          uint32_t role, const bool *over) {
  const maty__system_t *system = &explore->system;
  const maty__state_t *state =
      &explore->image->states[maty__system_state(system, configuration, role)];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__move_t *move = &system->moves[state->first_transition + i];
    const maty__queue_t *queue = &system->queues[move->channel];
    uint32_t peer = move->sends ? queue->receiver : queue->sender;
    bool open = move->sends || maty__queue_head(queue, configuration) == 0;
    if (open && !over[peer])
      return peer;
  }
  return MATY__NONE;
}

static maty_status unfinished(maty__explore_t *explore, uint32_t number, uint32_t role) {
  const maty__state_t *record = &explore->image->states[state_of(explore, number, role)];
  bool first;
  MATY__TRY(maty__explore_first(explore, MATY_CLASS_UNFINISHED, role, &first));
  if (!first)
    return MATY_OK;
  MATY__TRY(maty__verdict_add(
      explore->verdict, explore->image, MATY_CLASS_UNFINISHED, record->line, record->column,
      "'%s' may wait here for ever: nobody is left to go on with", role_name(explore, role)));
  return maty__witness(explore, number, NULL, "the end");
}

/* Follows who waits for whom from "role" until it comes round. */
static maty_status deadlock(maty__explore_t *explore, uint32_t number, uint32_t role,
                            const bool *over) {
  const uint64_t *configuration = maty__reach_at(&explore->reach, number);
  uint32_t count = explore->system.role_count;
  bool full = false, first;
  for (uint32_t i = 0; i < count; i++)
    role = waits_for(explore, configuration, role, over);
  MATY__TRY(maty__explore_first(explore, MATY_CLASS_DEADLOCK, role, &first));
  if (!first)
    return MATY_OK;
  maty__text_t text;
  maty__text_init(&text, &explore->verdict->arena);
  uint32_t at = role;
  do {
    uint32_t next = waits_for(explore, configuration, at, over);
    const maty__state_t *state = &explore->image->states[state_of(explore, number, at)];
    full = full || state->phase == MATY_PHASE_SEND;
    maty__text_add(&text, "%s'%s' %s '%s'", at == role ? "" : ", ", role_name(explore, at),
                   state->phase == MATY_PHASE_SEND ? "cannot send more to" : "waits for",
                   role_name(explore, next));
    MATY__TRY(maty__explore_first(explore, MATY_CLASS_DEADLOCK, at, &first));
    at = next;
  } while (at != role);
  MATY__NEED(!text.failed);
  const maty__state_t *record = &explore->image->states[state_of(explore, number, role)];
  if (full)
    MATY__TRY(maty__verdict_add(explore->verdict, explore->image, MATY_CLASS_DEADLOCK, record->line,
                                record->column, "%s: none can go on with queues of %u", text.at,
                                explore->system.bound));
  else
    MATY__TRY(maty__verdict_add(explore->verdict, explore->image, MATY_CLASS_DEADLOCK, record->line,
                                record->column, "%s: none can go on", text.at));
  return maty__witness(explore, number, NULL, "");
}

/* Tells of the roles that have not "ended": those that wait for such as are "over"
 * are over themselves, the others are in a deadlock. */
static maty_status report_stuck(maty__explore_t *explore, uint32_t number) {
  bool *over = explore->over;
  const uint64_t *configuration = maty__reach_at(&explore->reach, number);
  uint32_t count = explore->system.role_count;
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t role = 0; role < count; role++)
      if (!over[role] && waits_for(explore, configuration, role, over) == MATY__NONE)
        over[role] = changed = true;
  }
  for (uint32_t role = 0; role < count; role++)
    if (over[role] && !explore->ended[role])
      MATY__TRY(unfinished(explore, number, role));
  for (uint32_t role = 0; role < count; role++)
    if (!over[role])
      return deadlock(explore, number, role, over);
  return MATY_OK;
}

maty_status maty__safety_stuck(maty__explore_t *explore, uint32_t number) {
  uint32_t count = explore->system.role_count, left = 0;
  bool full = false;
  bool *over = explore->over, *ended = explore->ended;
  for (uint32_t role = 0; role < count; role++) {
    const maty__state_t *state = &explore->image->states[state_of(explore, number, role)];
    over[role] = ended[role] = state->phase == MATY_PHASE_FINAL;
    full = full || state->phase == MATY_PHASE_SEND;
    left += !ended[role];
  }
  if (left == 0 || maty__explore_excused(explore, full))
    return MATY_OK;
  return report_stuck(explore, number);
}
