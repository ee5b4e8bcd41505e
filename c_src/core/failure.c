/* failure.c - how endpoints end: closed, cancelled, beyond their deadline, or
 * because nothing can come any more for which they wait.
 *
 * An endpoint that is cancelled takes those along that wait for it in vain, and no
 * other: a role that does not need the cancelled one goes on (Fowler and Hu, "Speak
 * Now: Safe Actor Programming with Multiparty Session Types", OOPSLA 2026). See
 * maty__session_cascade for who they are.
 *
 * What always holds: outside of a cascade no endpoint is marked as waiting in vain, and
 * a failure is told after the failure that is its cause.
 */
#include "session.h"

void maty_space_on_failure(maty_space_t *space, maty_failure_fn failure, void *context) {
  space->failure = failure;
  space->failure_context = context;
}

static void tell_failure(const maty_space_t *space, const maty__seat_t *seat, uint32_t cause) {
  if (space->failure != NULL) {
    space->failure(space->failure_context, maty__seat_handle(space, seat),
                   space->owners[seat->endpoint->owner].word, cause);
  }
}

/* ----- Who waits in vain ----- */

/* Set in the state of an endpoint while a cascade takes it for one that waits in
 * vain; never outside of maty__session_cascade. */
#define STATE_IN_VAIN (UINT32_C(1) << 31)

static bool endpoint_in_vain(const maty__endpoint_t *endpoint) {
  return maty__endpoint_stands(endpoint) && (endpoint->state & STATE_IN_VAIN) != 0;
}

/* Returns whether a message can still come for an endpoint that waits: one is under
 * way from a role it waits for, or such a role can send, or nothing is known of it.
 * What has been found to wait in this very state does not count, and nothing behind it
 * can come before it. If nothing can come, "cause" is a role it waits for, a cancelled
 * one if there is one. */
static bool endpoint_can_hear(maty__session_t *session, const maty__endpoint_t *endpoint,
                              uint32_t *cause) {
  const maty_image_t *image = session->image;
  uint32_t number = endpoint->state & ~STATE_IN_VAIN;
  const maty__state_t *state = &image->states[number];
  const maty__action_t *actions = &image->actions[image->roles[state->role].first_action];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__action_t *action = &actions[image->transitions[state->first_transition + i].action];
    const maty_channel_t *channel = maty__session_channel(session, action->channel);
    const maty__endpoint_t *peer = &session->endpoints[action->peer];
    bool empty = channel->sent == channel->received;
    bool can_send = !maty__endpoint_has_ended(peer) && !endpoint_in_vain(peer);
    if (empty ? can_send : channel->blocked != number + 1) {
      return true;
    }
    if (i == 0 || maty__endpoint_is_cancelled(peer)) {
      *cause = action->peer;
    }
  }
  return false;
}

/* What a cascade does with the endpoints that it looks at. */
typedef enum pass {
  PASS_HEAR,        /* takes the mark from those that can hear from somebody */
  PASS_AFTER_CAUSE, /* fails those that are marked and wait for a cancelled role */
  PASS_ANY          /* fails those that are marked */
} pass_t;

/* Whoever was found to hear from somebody, or has failed, stands in the queue until
 * those are looked at who may wait for it. No role is in it twice in one pass. */
typedef struct cascade {
  maty_space_t *space;
  const maty__seat_t *seat; /* any of the session */
  uint16_t *queue;
  uint32_t first, count;
  uint32_t marked; /* endpoints that are; 0 once the session has gone */
} cascade_t;

/* Looks at an endpoint that is marked. */
static void cascade_look(cascade_t *cascade, pass_t pass, uint32_t role) {
  maty__seat_t seat = maty__seat_of(cascade->seat, role);
  uint32_t cause = 0;
  bool hears = endpoint_can_hear(seat.session, seat.endpoint, &cause);
  bool fails = !maty__endpoint_is_away(seat.endpoint) &&
               (pass == PASS_ANY || maty__endpoint_is_cancelled(&seat.session->endpoints[cause]));
  if (pass == PASS_HEAR ? !hears : !fails) {
    return;
  }
  cascade->queue[cascade->count++] = (uint16_t)role;
  cascade->marked--;
  seat.endpoint->state &= ~STATE_IN_VAIN;
  if (pass != PASS_HEAR) {
    tell_failure(cascade->space, &seat, cause);
    if (maty__endpoint_end(cascade->space, &seat, MATY_STATE_CANCELLED)) {
      cascade->marked = 0;
    }
  }
}

static void cascade_pass(cascade_t *cascade, pass_t pass) {
  const maty__session_t *session = cascade->seat->session;
  const maty_image_t *image = session->image;
  cascade->first = cascade->count = 0;
  for (uint32_t role = 0; cascade->marked > 0 && role < image->header->roles.count; role++) {
    if (endpoint_in_vain(&session->endpoints[role])) {
      cascade_look(cascade, pass, role);
    }
    while (cascade->marked > 0 && cascade->first < cascade->count) {
      const maty__role_t *changed = &image->roles[cascade->queue[cascade->first++]];
      for (uint32_t i = 0; cascade->marked > 0 && i < changed->action_count; i++) {
        const maty__action_t *action = &image->actions[changed->first_action + i];
        if (action->direction == MATY_DIRECTION_SEND &&
            endpoint_in_vain(&session->endpoints[action->peer])) {
          cascade_look(cascade, pass == PASS_HEAR ? PASS_HEAR : PASS_AFTER_CAUSE, action->peer);
        }
      }
    }
  }
}

/* Fails the endpoints for which nothing can come any more because others were
 * cancelled. They are the largest set of waiting endpoints that hear from nobody
 * outside of the set: at first all that wait, less those that can still hear from
 * somebody. Each failure comes after its cause, and any one is first where they wait
 * for each other. An endpoint is looked at once, and again for each message that one
 * which has changed can send it, so the order of the roles makes no difference.
 *
 * Roles that are away count as what was reported of them last. That may be out of
 * date, and the set is right all the same: of all in it, take the one that first
 * moved on after its report. What it received was sent by one that is in the
 * set, too, or has ended, before that one's report, which then counts it as under
 * way. So there is none. Those of the set that are away fail where they are at
 * home. */
void maty__session_cascade(maty_space_t *space, const maty__seat_t *seat) {
  maty__session_t *session = seat->session;
  cascade_t cascade = {.space = space, .seat = seat, .queue = maty__session_queue(session)};
  for (uint32_t role = 0; role < session->role_count; role++) {
    maty__endpoint_t *endpoint = &session->endpoints[role];
    if (maty__endpoint_stands(endpoint) &&
        session->image->states[endpoint->state].phase == MATY_PHASE_RECEIVE) {
      endpoint->state |= STATE_IN_VAIN;
      cascade.marked++;
    }
  }
  for (pass_t pass = PASS_HEAR; pass <= PASS_ANY && cascade.marked > 0; pass++) {
    cascade_pass(&cascade, pass);
  }
  for (uint32_t role = 0; cascade.marked > 0; role++) { /* those that are away */
    maty__endpoint_t *endpoint = &session->endpoints[role];
    if (endpoint_in_vain(endpoint)) {
      endpoint->state &= ~STATE_IN_VAIN;
      cascade.marked--;
    }
  }
}

/* ----- Ending ----- */

void maty__endpoint_cancel(maty_space_t *space, const maty__seat_t *seat) {
  if (!maty__endpoint_end(space, seat, MATY_STATE_CANCELLED)) {
    maty__session_cascade(space, seat);
  }
}

void maty__endpoint_fail(maty_space_t *space, const maty__seat_t *seat, uint32_t cause) {
  tell_failure(space, seat, cause);
  maty__endpoint_cancel(space, seat);
}

maty_status maty_endpoint_close(maty_space_t *space, maty_handle_t handle, maty_owner_t owner) {
  maty__seat_t seat;
  MATY__TRY(maty__space_find_owned(space, handle, owner, &seat));
  if (seat.session->image->states[seat.endpoint->state].phase != MATY_PHASE_FINAL) {
    return MATY_EUNFINISHED;
  }
  if (!maty__endpoint_end(space, &seat, MATY_STATE_DONE) && seat.session->cancelled > 0) {
    maty__session_cascade(space, &seat);
  }
  return MATY_OK;
}

maty_status maty_endpoint_cancel(maty_space_t *space, maty_handle_t handle, maty_owner_t owner) {
  maty__seat_t seat;
  MATY__TRY(maty__space_find_owned(space, handle, owner, &seat));
  maty__endpoint_cancel(space, &seat);
  return MATY_OK;
}

maty_status maty_space_abandon(maty_space_t *space, maty_handle_t handle) {
  maty__seat_t first;
  MATY__TRY(maty__space_find_session(space, handle, &first));
  maty_report_fn report = space->report;
  space->report = NULL;
  for (uint32_t role = 0, count = first.session->role_count; role < count; role++) {
    maty__seat_t seat = maty__seat_of(&first, role);
    if (maty__endpoint_is_live(seat.endpoint) &&
        maty__endpoint_end(space, &seat, MATY_STATE_CANCELLED)) {
      break;
    }
  }
  space->report = report;
  return MATY_OK;
}

/* ----- Deadlines ----- */

maty_status maty_endpoint_deadline(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                   uint64_t at) {
  maty__seat_t seat;
  MATY__TRY(maty__space_find_owned(space, handle, owner, &seat));
  if (seat.session->image->states[seat.endpoint->state].phase != MATY_PHASE_RECEIVE) {
    return MATY_EMOMENT;
  }
  uint32_t before = space->deadlines.count;
  maty_status status = maty__deadlines_set(&space->deadlines, seat.local, at, &space->allocator);
  seat.session->deadlines += space->deadlines.count - before;
  return status;
}

/* Whether what an endpoint waits for is under way: its sender was in time. */
static bool endpoint_is_served(maty__session_t *session, const maty__endpoint_t *endpoint) {
  const maty_image_t *image = session->image;
  const maty__state_t *state = &image->states[endpoint->state];
  const maty__action_t *actions = &image->actions[image->roles[state->role].first_action];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    uint32_t action = image->transitions[state->first_transition + i].action;
    const maty_channel_t *channel = maty__session_channel(session, actions[action].channel);
    if (channel->sent != channel->received && channel->blocked != endpoint->state + 1) {
      return true;
    }
  }
  return false;
}

bool maty_space_expire(maty_space_t *space, uint64_t now, uint64_t *next) {
  while (space->deadlines.count > 0 && space->deadlines.heap[0].at <= now) {
    maty__seat_t seat = maty__space_seat(space, space->deadlines.heap[0].local);
    if (endpoint_is_served(seat.session, seat.endpoint)) {
      maty__endpoint_clear_deadline(space, &seat);
    } else {
      space->counters.expired++;
      maty__endpoint_fail(space, &seat, MATY_CAUSE_DEADLINE);
    }
  }
  if (space->deadlines.count > 0) {
    *next = space->deadlines.heap[0].at;
  }
  return space->deadlines.count > 0;
}
