/* monitor.c - the steps of a session: what each role may send and receive now.
 *
 * A step finds the endpoint and the transition of its state for the action, judges
 * the message, moves the endpoint and counts the message on its channel. Nothing is
 * searched that grows with the number of sessions or roles, and nothing is allocated;
 * only in a session with a cancelled endpoint is there more to do after it. What every
 * step needs is inline.
 *
 * What always holds: a refused step has changed nothing but the counters of the space,
 * unless the session's overload policy fails its sender.
 */
#include "session.h"

/* ----- Overload ----- */

maty_status maty_session_bound(maty_space_t *space, maty_handle_t session, uint32_t most,
                               maty_overload overload) {
  maty__seat_t seat;
  MATY__TRY(maty__space_find_session(space, session, &seat));
  seat.session->most = most == 0 ? UINT32_MAX : most;
  seat.session->overload = overload;
  return MATY_OK;
}

/* As many messages of a channel are under way as there may be, as far as is known
 * of a receiver that is away. That is nothing to one that has ended, which gets none. */
static maty_status endpoint_overload(maty_space_t *space, const maty__seat_t *seat, uint32_t peer) {
  if (maty__endpoint_has_ended(&seat->session->endpoints[peer])) {
    return MATY_OK;
  }
  space->counters.overloaded++;
  if (seat->session->overload == MATY_OVERLOAD_FAIL) {
    maty__endpoint_fail(space, seat, MATY_CAUSE_OVERLOAD);
  }
  return MATY_EFULL;
}

/* ----- Steps ----- */

/* A state's transitions are sorted by action; most states have a few. */
static const maty__transition_t *state_find(const maty_image_t *image, const maty__state_t *state,
                                            uint32_t action) {
  const maty__transition_t *low = &image->transitions[state->first_transition];
  uint32_t count = state->transition_count;
  while (count > 1) {
    uint32_t half = count / 2;
    low += low[half].action <= action ? half : 0;
    count -= half;
  }
  return count == 1 && low->action == action ? low : NULL;
}

/* Judges a payload by the tags of its fields. */
static maty_status payload_judge_tags(const maty_image_t *image,
                                      const maty__transition_t *transition, uint32_t tags,
                                      uint16_t *wrong) {
  bool look = transition->arity > MATY_TAG_FIELDS;
  for (uint32_t i = 0; i < transition->arity && i < MATY_TAG_FIELDS; i++) {
    uint32_t tag = tags & ((1u << MATY_TAG_BITS) - 1);
    const maty__type_t *type = &image->types[image->fields[transition->first_field + i].type];
    tags >>= MATY_TAG_BITS;
    if (((type->tags >> tag) & 1u) != 0) {
      continue;
    }
    if (((type->look >> tag) & 1u) == 0) {
      *wrong = tag == MATY_TAG_NONE ? 0 : (uint16_t)(i + 1);
      return MATY_EPAYLOAD;
    }
    look = true;
  }
  if (tags != 0) {
    *wrong = 0;
    return MATY_EPAYLOAD;
  }
  return look ? MATY_ELOOK : MATY_OK;
}

static inline maty_status payload_judge(const maty_image_t *image,
                                        const maty__transition_t *transition,
                                        const maty_payload_t *payload, uint16_t *wrong) {
  if (payload->judge == NULL) {
    return payload_judge_tags(image, transition, payload->tags, wrong);
  }
  uint32_t field = 0;
  maty_status status =
      payload->judge(payload->context, image, transition->first_field, transition->arity, &field);
  *wrong = (uint16_t)field;
  return status;
}

/* After a step in a session in which somebody was cancelled. */
static void endpoint_settle(maty_space_t *space, const maty__seat_t *seat) {
  if (seat->session->away > 0) {
    maty__away_report(space, seat);
  }
  maty__session_cascade(space, seat);
}

/* Moves the endpoint along a transition and says where it stands then. An
 * endpoint that now waits for a role that is cancelled fails, with all that
 * follows from it; nobody else would notice. */
static inline void endpoint_move(maty_space_t *space, const maty__seat_t *seat,
                                 const maty__state_t *state, const maty__transition_t *transition,
                                 maty_step_t *step) {
  const maty_image_t *image = seat->session->image;
  maty__endpoint_clear_deadline(space, seat);
  seat->endpoint->state = transition->target;
  step->phase = (maty_phase)image->states[transition->target].phase;
  step->slot = (uint16_t)(transition - &image->transitions[state->first_transition]);
  if (seat->session->cancelled > 0) {
    endpoint_settle(space, seat);
  }
}

static maty_status refuse(maty_space_t *space, maty_status status) {
  space->counters.refused++;
  return status;
}

maty_status maty_endpoint_send(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                               uint32_t action_number, const maty_payload_t *payload,
                               maty_step_t *step) {
  maty__seat_t seat;
  maty_status status = maty__space_find_owned(space, handle, owner, &seat);
  if (status != MATY_OK) {
    return refuse(space, status);
  }
  const maty_image_t *image = seat.session->image;
  const maty__state_t *state = &image->states[seat.endpoint->state];
  const maty__role_t *role = &image->roles[state->role];
  if (action_number >= role->action_count) {
    return refuse(space, MATY_EACTION);
  }
  const maty__action_t *action = &image->actions[role->first_action + action_number];
  const maty__transition_t *transition = state_find(image, state, action_number);
  if (transition == NULL || action->direction != MATY_DIRECTION_SEND) {
    return refuse(space, MATY_EMOMENT);
  }
  status = payload_judge(image, transition, payload, &step->field);
  if (status == MATY_ELOOK) {
    return status;
  }
  if (status != MATY_OK) {
    return refuse(space, status);
  }
  maty_channel_t *channel = maty__session_channel(seat.session, action->channel);
  if (channel->sent - channel->received >= seat.session->most) {
    status = endpoint_overload(space, &seat, action->peer);
    if (status != MATY_OK) {
      return refuse(space, status);
    }
  }
  channel->sent++;
  step->ticket = (uint16_t)(channel->sent ^ seat.session->salt);
  space->counters.sent++;
  endpoint_move(space, &seat, state, transition, step);
  return MATY_OK;
}

/* Returns whether a state receives from this role and from no other. */
static bool state_waits_for(const maty_image_t *image, const maty__state_t *state,
                            const maty__action_t *actions, uint32_t peer) {
  for (uint32_t i = 0; i < state->transition_count; i++) {
    if (actions[image->transitions[state->first_transition + i].action].peer != peer) {
      return false;
    }
  }
  return state->phase == MATY_PHASE_RECEIVE;
}

/* What to do with a message that is not one the state expects next. It may be
 * early, but not if the state waits for its sender alone, because a channel
 * keeps its order, and not at the end. "Ahead" of it, as many messages of this
 * channel are still to be received. What a role at home or one that has ended has
 * sent is known; what one that is away has sent, is learned here. */
static maty_status receive_early(maty__session_t *session, const maty__state_t *state,
                                 const maty__action_t *actions, const maty__action_t *action,
                                 uint16_t ticket) {
  const maty_image_t *image = session->image;
  maty_channel_t *channel = maty__session_channel(session, action->channel);
  const maty__endpoint_t *peer = &session->endpoints[action->peer];
  uint16_t ahead = (uint16_t)((ticket ^ session->salt) - channel->received - 1u);
  bool known = ahead < channel->sent - channel->received;
  if (!known && (!maty__endpoint_is_away(peer) || maty__endpoint_has_ended(peer))) {
    return maty__endpoint_is_away(peer) ? MATY_ESTALE : MATY_EFORGED;
  }
  if (state->phase == MATY_PHASE_FINAL ||
      (ahead == 0 && state_waits_for(image, state, actions, action->peer))) {
    return MATY_EMOMENT;
  }
  if (maty__endpoint_is_away(peer)) {
    maty__away_see(session, action->channel, channel->received + ahead + 1u);
  }
  if (ahead == 0) {
    channel->blocked = (uint32_t)(state - image->states) + 1;
  }
  return MATY_EWAIT;
}

maty_status maty_endpoint_receive(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                  uint32_t action_number, uint16_t ticket,
                                  const maty_payload_t *payload, maty_step_t *step) {
  maty__seat_t seat;
  maty_status status = maty__space_find_owned(space, handle, owner, &seat);
  if (status != MATY_OK) {
    return refuse(space, status);
  }
  const maty_image_t *image = seat.session->image;
  const maty__state_t *state = &image->states[seat.endpoint->state];
  const maty__role_t *role = &image->roles[state->role];
  const maty__action_t *actions = &image->actions[role->first_action];
  if (action_number >= role->action_count ||
      actions[action_number].direction != MATY_DIRECTION_RECEIVE) {
    return refuse(space, MATY_EACTION);
  }
  const maty__action_t *action = &actions[action_number];
  const maty__transition_t *transition = state_find(image, state, action_number);
  maty_channel_t *channel = maty__session_channel(seat.session, action->channel);
  const maty__endpoint_t *peer = &seat.session->endpoints[action->peer];
  bool away = maty__endpoint_is_away(peer);
  if (transition == NULL ||
      (uint16_t)(ticket ^ seat.session->salt) != (uint16_t)(channel->received + 1) ||
      (channel->sent == channel->received && (!away || maty__endpoint_has_ended(peer)))) {
    status = receive_early(seat.session, state, actions, action, ticket);
    if (status != MATY_EWAIT) {
      return refuse(space, status);
    }
    space->counters.waited++;
    if (seat.session->cancelled > 0) {
      endpoint_settle(space, &seat);
    }
    return status;
  }
  if (away) {
    status = payload == NULL ? MATY_ELOOK : payload_judge(image, transition, payload, &step->field);
    if (status == MATY_ELOOK) {
      return status;
    }
    if (status != MATY_OK) {
      return refuse(space, status);
    }
    maty__away_see(seat.session, action->channel, channel->received + 1);
  }
  channel->received++;
  channel->blocked = 0;
  space->counters.received++;
  bool receipt = away && maty__away_receipt_is_due(seat.session, channel);
  endpoint_move(space, &seat, state, transition, step);
  if (receipt) {
    maty__away_report(space, &seat);
  }
  return MATY_OK;
}
