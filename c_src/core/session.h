/* session.h - live sessions, as the files that move them see them.
 *
 *   space.c     the table: slots, owners, a session's beginning and end
 *   monitor.c   the steps: what is sent and received
 *   failure.c   who ends before the end, and who fails because of it
 *   away.c      roles that are played in other spaces
 *
 * A slot is found by the handle's slot number. Slots stand in small chunks that are
 * never moved, so a space with few sessions is small, and growing costs the same
 * whether there are ten or a million:
 *
 *   chunks -> [ slot | slot | ... 64 ]     slot: name (space, generation,
 *             [ slot | slot | ... 64 ]           slot number), session
 *
 *   session: header | endpoint of role 0 | ... | channel 0 | channel 1 | ...
 *            and if a role is away: seen on channel 0 | on channel 1 | ...
 *            and a role number for each role: the queue of a cascade
 *
 * A session is one allocation. A channel is an ordered pair of roles that exchange
 * messages; it counts what was sent and what was received, which is all that is
 * needed to know whether a message is the next one, and whether anything is still
 * under way.
 *
 * What always holds:
 *   - a slot's name is that of the session in it, or, if it is free, of the
 *     next one; it never has a name again that it had before, and is retired
 *     when its generations are used up;
 *   - an endpoint is live (its state is one of the image's) or gone; a live one
 *     is in the list of exactly one owner; a session lives as long as one of
 *     its endpoints does;
 *   - on any channel with an end at home, received <= sent, modulo 2^32;
 *   - where an endpoint was cancelled, every live one that waits can still hear
 *     from somebody, as far as is known of roles that are away;
 *   - the endpoint of a role that is away has no owner, and the state that was
 *     reported last, or MATY__STATE_AWAY; nothing but a report moves it;
 *   - an endpoint that has a deadline is live and waits.
 */
#ifndef MATY_SESSION_H
#define MATY_SESSION_H

#include "deadlines.h"
#include "image.h"
#include "vec.h"

enum {
  MATY__CHUNK_BITS = 6,
  MATY__CHUNK_SLOTS = 1 << MATY__CHUNK_BITS,
  MATY__CHUNKS = 1 << (MATY_HANDLE_SLOT_BITS - MATY__CHUNK_BITS),
  MATY__ROLE_MASK = (1 << MATY_HANDLE_ROLE_BITS) - 1,
  MATY__SLOT_MASK = (1 << MATY_HANDLE_SLOT_BITS) - 1
};

/* States of an endpoint that no image has, besides MATY_STATE_DONE and
 * MATY_STATE_CANCELLED. Both are of roles that are away: LOST is cancelled, and only
 * what has been seen of its messages counts. AWAY has not been reported of. */
#define MATY__STATE_LOST (UINT32_MAX - 2)
#define MATY__STATE_AWAY (UINT32_MAX - 3)

/* The neighbours in the owner's list are named by slot and role, the low 32
 * bits of their handles. */
typedef struct maty__endpoint {
  uint32_t state;
  uint32_t owner; /* index in space->owners; MATY__NONE: the role is away */
  uint32_t next, previous;
} maty__endpoint_t;

typedef struct maty__session {
  maty_image_t *image;
  uint32_t salt;
  uint16_t role_count;
  uint16_t live;      /* endpoints */
  uint32_t cancelled; /* endpoints */
  uint32_t deadlines; /* endpoints that have one */
  uint32_t away;      /* endpoints */
  uint32_t most;      /* messages under way on each channel */
  maty_overload overload;
  maty__endpoint_t endpoints[];
} maty__session_t;

typedef struct maty__slot {
  uint64_t name; /* a handle without its role bits */
  maty__session_t *session;
  uint32_t next_free;
} maty__slot_t;

typedef struct maty__owner {
  maty_owner_t word; /* 0 if the record is free */
  uint32_t first;    /* of its endpoints; of a free record, the next free one */
} maty__owner_t;

struct maty_space {
  maty_allocator_t allocator;
  uint64_t random;
  uint64_t number;

  maty__slot_t **chunks;
  uint32_t chunk_capacity;
  uint32_t slot_count;
  uint32_t first_free, last_free; /* first in, first out: a name comes back late */

  maty__owner_t *owners;
  uint32_t owner_count, owner_capacity;
  uint32_t first_free_owner;
  maty__wordmap_t owner_index;

  maty__deadlines_t deadlines;
  maty_failure_fn failure;
  void *failure_context;
  maty_report_fn report;
  void *report_context;
  maty_space_counters_t counters;
};

/* An endpoint that a call is about, with what leads to it. */
typedef struct maty__seat {
  maty__session_t *session;
  maty__endpoint_t *endpoint;
  uint32_t local; /* slot and role */
} maty__seat_t;

/* ----- Looking ----- */

static inline maty__slot_t *maty__space_slot(const maty_space_t *space, uint32_t number) {
  return &space->chunks[number >> MATY__CHUNK_BITS][number & (MATY__CHUNK_SLOTS - 1)];
}

/* The seat of an endpoint of a session that is there. */
static inline maty__seat_t maty__space_seat(const maty_space_t *space, uint32_t local) {
  maty__session_t *session = maty__space_slot(space, local >> MATY_HANDLE_ROLE_BITS)->session;
  return (maty__seat_t){
      .session = session, .endpoint = &session->endpoints[local & MATY__ROLE_MASK], .local = local};
}

/* The seat of another role of the same session. */
static inline maty__seat_t maty__seat_of(const maty__seat_t *seat, uint32_t role) {
  return (maty__seat_t){.session = seat->session,
                        .endpoint = &seat->session->endpoints[role],
                        .local = (seat->local & ~(uint32_t)MATY__ROLE_MASK) | role};
}

static inline maty_handle_t maty__seat_handle(const maty_space_t *space, const maty__seat_t *seat) {
  return maty__space_slot(space, seat->local >> MATY_HANDLE_ROLE_BITS)->name |
         (seat->local & MATY__ROLE_MASK);
}

static inline maty_channel_t *maty__session_channel(maty__session_t *session, uint32_t channel) {
  maty_channel_t *channels = (maty_channel_t *)&session->endpoints[session->role_count];
  return &channels[channel];
}

/* How many messages from a role that is away were seen; only where one is. */
static inline uint32_t *maty__session_seen(maty__session_t *session, uint32_t channel) {
  uint32_t count = session->image->header->channel_count;
  return (uint32_t *)maty__session_channel(session, count) + channel;
}

/* Room for the number of each role, for one cascade. */
static inline uint16_t *maty__session_queue(maty__session_t *session) {
  uint32_t count = session->image->header->channel_count;
  return (uint16_t *)maty__session_seen(session, session->away > 0 ? count : 0);
}

static inline bool maty__endpoint_is_away(const maty__endpoint_t *endpoint) {
  return endpoint->owner == MATY__NONE;
}

/* Whether the endpoint, at home or away, is known to be in a state of the image. */
static inline bool maty__endpoint_stands(const maty__endpoint_t *endpoint) {
  return endpoint->state < MATY__STATE_AWAY;
}

static inline bool maty__endpoint_is_live(const maty__endpoint_t *endpoint) {
  return maty__endpoint_stands(endpoint) && !maty__endpoint_is_away(endpoint);
}

static inline bool maty__endpoint_has_ended(const maty__endpoint_t *endpoint) {
  return endpoint->state > MATY__STATE_AWAY;
}

static inline bool maty__endpoint_is_cancelled(const maty__endpoint_t *endpoint) {
  return endpoint->state == MATY_STATE_CANCELLED || endpoint->state == MATY__STATE_LOST;
}

/* ----- Finding -----
 *
 * Every step does this first, and is a fifth slower if it is not inlined. */

/* Role 0 of a session, by its handle: MATY_ESTALE. It need not be live. */
static inline maty_status maty__space_find_session(const maty_space_t *space, maty_handle_t session,
                                                   maty__seat_t *out) {
  uint32_t number = (uint32_t)(session >> MATY_HANDLE_ROLE_BITS) & MATY__SLOT_MASK;
  if (number >= space->slot_count) {
    return MATY_ESTALE;
  }
  const maty__slot_t *slot = maty__space_slot(space, number);
  if (slot->name != session || slot->session == NULL) {
    return MATY_ESTALE;
  }
  *out = (maty__seat_t){
      .session = slot->session, .endpoint = slot->session->endpoints, .local = (uint32_t)session};
  return MATY_OK;
}

/* A live endpoint, by its handle: MATY_ESTALE. */
static inline maty_status maty__space_find(const maty_space_t *space, maty_handle_t handle,
                                           maty__seat_t *out) {
  uint32_t role = (uint32_t)handle & MATY__ROLE_MASK;
  MATY__TRY(maty__space_find_session(space, handle - role, out));
  if (role >= out->session->role_count) {
    return MATY_ESTALE;
  }
  *out = maty__seat_of(out, role);
  return maty__endpoint_is_live(out->endpoint) ? MATY_OK : MATY_ESTALE;
}

/* The same, and its owner's: MATY_EOWNER. */
static inline maty_status maty__space_find_owned(const maty_space_t *space, maty_handle_t handle,
                                                 maty_owner_t owner, maty__seat_t *out) {
  MATY__TRY(maty__space_find(space, handle, out));
  return space->owners[out->endpoint->owner].word == owner ? MATY_OK : MATY_EOWNER;
}

/* ----- space.c ----- */

/* Ends a live endpoint, as MATY_STATE_DONE or MATY_STATE_CANCELLED. Returns whether
 * the session went with it, its last one. */
bool maty__endpoint_end(maty_space_t *space, const maty__seat_t *seat, uint32_t how);

/* ----- failure.c ----- */

/* Fails the endpoints of a session, one of whose seats is given, for which nothing can
 * come any more; the session may go with them. To be called when something has changed
 * in a session with a cancelled endpoint. */
void maty__session_cascade(maty_space_t *space, const maty__seat_t *seat);

/* Cancels an endpoint and tells its owner why, as maty_failure_fn says. */
void maty__endpoint_fail(maty_space_t *space, const maty__seat_t *seat, uint32_t cause);

void maty__endpoint_cancel(maty_space_t *space, const maty__seat_t *seat);

/* What an endpoint waited for has come, or it waits no more. */
static inline void maty__endpoint_clear_deadline(maty_space_t *space, const maty__seat_t *seat) {
  if (seat->session->deadlines > 0 && maty__deadlines_clear(&space->deadlines, seat->local)) {
    seat->session->deadlines--;
  }
}

/* ----- away.c: only for sessions that have a role that is away ----- */

/* Reports where an endpoint at home stands now, or how it has ended. */
void maty__away_report(maty_space_t *space, const maty__seat_t *seat);

/* Reports where all endpoints at home stand, of the session of a seat. */
void maty__away_report_all(maty_space_t *space, const maty__seat_t *seat);

/* A message from a role that is away has come, the "count"th on channel "number". */
void maty__away_see(maty__session_t *session, uint32_t number, uint32_t count);

/* Whether the sender of a message that is being received has to be told of it. */
bool maty__away_receipt_is_due(const maty__session_t *session, const maty_channel_t *channel);

#endif /* MATY_SESSION_H */
