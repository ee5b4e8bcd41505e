/* away.c - roles of a session that are played in another space, as on another node.
 *
 * Each space keeps the whole session, moves the endpoints that are at home, and hears
 * of the others by reports: where a role stands, and what was sent and received on its
 * channels. A report is late by nature, so a channel whose sender is away counts the
 * larger of two numbers: what was reported, and what was seen to come. Should the
 * sender's space be lost, what was seen is all that there is; so it is kept apart,
 * in a counter for each channel behind the session's channels.
 *
 * A report costs a message to every other space. Most steps have none: there is one when
 * an endpoint has ended, as a receipt if messages are bounded, and, from the first
 * cancelled endpoint on, whenever one has moved, since others may wait for it.
 *
 * What always holds: of a role that is away, what was seen <= what was sent, modulo
 * 2^32; one that has ended is not brought back by a report.
 */
#include "session.h"

void maty_space_on_report(maty_space_t *space, maty_report_fn report, void *context) {
  space->report = report;
  space->report_context = context;
}

/* ----- Telling the others ----- */

void maty__away_report(maty_space_t *space, const maty__seat_t *seat) {
  if (space->report != NULL) {
    uint32_t role = seat->local & MATY__ROLE_MASK;
    const maty_report_t report = {
        .session = maty__seat_handle(space, seat) - role,
        .role = role,
        .state = seat->endpoint->state,
        .live = seat->session->live,
        .channel_count = seat->session->image->header->channel_count,
        .channels = maty__session_channel(seat->session, 0),
    };
    space->report(space->report_context, &report);
  }
}

void maty__away_report_all(maty_space_t *space, const maty__seat_t *seat) {
  for (uint32_t role = 0; role < seat->session->role_count; role++) {
    maty__seat_t other = maty__seat_of(seat, role);
    if (maty__endpoint_is_live(other.endpoint)) {
      maty__away_report(space, &other);
    }
  }
}

/* The sender counts a message as under way until it is told; so that each does not cost
 * a report, it is told when half of what may be under way was received. From the first
 * cancelled endpoint on it hears of every step. */
bool maty__away_receipt_is_due(const maty__session_t *session, const maty_channel_t *channel) {
  return session->most != UINT32_MAX && session->cancelled == 0 &&
         channel->received % (session->most / 2 + session->most % 2) == 0;
}

/* ----- Hearing from them ----- */

/* Whether a count is behind another, both modulo 2^32. */
static bool count_is_later(uint32_t count, uint32_t other) { return (int32_t)(count - other) > 0; }

void maty__away_see(maty__session_t *session, uint32_t number, uint32_t count) {
  maty_channel_t *channel = maty__session_channel(session, number);
  uint32_t *seen = maty__session_seen(session, number);
  *seen = count_is_later(count, *seen) ? count : *seen;
  channel->sent = count_is_later(count, channel->sent) ? count : channel->sent;
}

/* Takes over what a report says of the role's channels. What has been seen of
 * messages that came is not forgotten. */
static void session_count(maty__session_t *session, const maty_report_t *report) {
  const maty__role_t *role = &session->image->roles[report->role];
  for (uint32_t i = 0; i < role->action_count; i++) {
    const maty__action_t *action = &session->image->actions[role->first_action + i];
    const maty_channel_t *said = &report->channels[action->channel];
    maty_channel_t *channel = maty__session_channel(session, action->channel);
    bool peer_away = maty__endpoint_is_away(&session->endpoints[action->peer]);
    if (action->direction == MATY_DIRECTION_SEND) {
      if (count_is_later(said->sent, channel->sent)) {
        channel->sent = said->sent;
      }
    } else if (peer_away || !count_is_later(said->received, channel->sent)) {
      if (session->endpoints[action->peer].state == MATY__STATE_LOST) {
        channel->sent = said->sent;
      }
      channel->received = said->received;
      channel->blocked = said->blocked;
    }
  }
}

/* What has not been seen of a role's messages will not come. */
static void session_forget(maty__session_t *session, uint32_t number) {
  const maty__role_t *role = &session->image->roles[number];
  for (uint32_t i = 0; i < role->action_count; i++) {
    const maty__action_t *action = &session->image->actions[role->first_action + i];
    if (action->direction == MATY_DIRECTION_SEND) {
      maty__session_channel(session, action->channel)->sent =
          *maty__session_seen(session, action->channel);
    }
  }
}

/* Whether a report can be one of the role: of one that is away, in a state of its own or
 * ended, and with all channels unless the role is lost. */
static bool report_is_sound(const maty__session_t *session, const maty_report_t *report) {
  const maty_image_t *image = session->image;
  if (report->role >= session->role_count ||
      !maty__endpoint_is_away(&session->endpoints[report->role])) {
    return false;
  }
  if (report->channels == NULL) {
    return report->state == MATY_STATE_CANCELLED;
  }
  return report->channel_count == image->header->channel_count &&
         (report->state == MATY_STATE_DONE || report->state == MATY_STATE_CANCELLED ||
          (report->state < image->header->states.count &&
           image->states[report->state].role == report->role));
}

maty_status maty_space_report(maty_space_t *space, const maty_report_t *report) {
  maty__seat_t first;
  MATY__TRY(maty__space_find_session(space, report->session, &first));
  maty__session_t *session = first.session;
  if (!report_is_sound(session, report)) {
    return MATY_EINVAL;
  }
  maty__endpoint_t *endpoint = &session->endpoints[report->role];
  bool lost = report->channels == NULL;
  if (endpoint->state == MATY__STATE_LOST || (!lost && maty__endpoint_has_ended(endpoint))) {
    return MATY_OK;
  }
  bool before = maty__endpoint_is_cancelled(endpoint);
  if (lost) {
    session_forget(session, report->role);
    endpoint->state = MATY__STATE_LOST;
  } else {
    session_count(session, report);
    endpoint->state = report->state;
  }
  session->cancelled += maty__endpoint_is_cancelled(endpoint) && !before;
  if (session->cancelled > 0) {
    if (maty__endpoint_is_cancelled(endpoint)) {
      maty__away_report_all(space, &first);
    }
    maty__session_cascade(space, &first);
  }
  return MATY_OK;
}
