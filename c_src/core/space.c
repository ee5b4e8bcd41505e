/* space.c - live sessions, and the monitor that moves them.
 *
 * A slot is found by the handle's slot number. Slots stand in chunks that are
 * never moved, so growing costs the same whether there are ten or a million:
 *
 *   chunks -> [ slot | slot | ... 1024 ]     slot: name (space, generation,
 *             [ slot | slot | ... 1024 ]           slot number), session
 *
 *   session: header | endpoint of role 0 | ... | channel 0 | channel 1 | ...
 *            and if a role is away: seen on channel 0 | on channel 1 | ...
 *
 * A session is one allocation. A channel is an ordered pair of roles; it counts
 * what was sent and what was received, which is all that is needed to know
 * whether a message is the next one, and whether anything is still under way. What
 * was sent by a role that is away is known from reports and from what was seen to
 * come; should its space be lost, the latter is all that there is.
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
 *     reported last, or ENDPOINT_AWAY; nothing but a report moves it;
 *   - an endpoint that has a deadline is live and waits.
 */
#include <string.h>

#include "deadlines.h"
#include "image.h"

enum {
  SPACE_CHUNK_BITS = 10,
  SPACE_CHUNK_SLOTS = 1 << SPACE_CHUNK_BITS,
  SPACE_CHUNKS = 1 << (MATY_HANDLE_SLOT_BITS - SPACE_CHUNK_BITS),
  SPACE_ROLE_MASK = (1 << MATY_HANDLE_ROLE_BITS) - 1,
  SPACE_SLOT_MASK = (1 << MATY_HANDLE_SLOT_BITS) - 1
};

#define SPACE_NONE UINT32_MAX

/* States of an endpoint that has ended, in two ways for one that is away: LOST was
 * cancelled, and only what has been seen of its messages counts. AWAY has not been
 * reported of. */
#define ENDPOINT_DONE MATY_STATE_DONE
#define ENDPOINT_CANCELLED MATY_STATE_CANCELLED
#define ENDPOINT_LOST (UINT32_MAX - 2)
#define ENDPOINT_AWAY (UINT32_MAX - 3)

/* The neighbours in the owner's list are named by slot and role, the low 32
 * bits of their handles. */
typedef struct endpoint {
  uint32_t state;
  uint32_t owner; /* index in space->owners; SPACE_NONE: the role is away */
  uint32_t next, previous;
} endpoint_t;

typedef struct session {
  maty_image_t *image;
  uint32_t salt;
  uint16_t role_count;
  uint16_t live;      /* endpoints */
  uint32_t cancelled; /* endpoints */
  uint32_t deadlines; /* endpoints that have one */
  uint32_t away;      /* endpoints */
  uint32_t most;      /* messages under way on each channel */
  maty_overload overload;
  endpoint_t endpoints[];
} session_t;

typedef struct slot {
  uint64_t name; /* a handle without its role bits */
  session_t *session;
  uint32_t next_free;
} slot_t;

typedef struct owner {
  maty_owner_t word; /* 0 if the record is free */
  uint32_t first;    /* of its endpoints; of a free record, the next free one */
} owner_t;

struct maty_space {
  maty_allocator_t allocator;
  uint64_t random;
  uint64_t number;

  slot_t *chunks[SPACE_CHUNKS];
  uint32_t slot_count;
  uint32_t first_free, last_free; /* first in, first out: a name comes back late */

  owner_t *owners;
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
typedef struct place {
  session_t *session;
  endpoint_t *endpoint;
  uint32_t local; /* slot and role */
} place_t;

/* ----- Memory ----- */

static void *space_resize(maty_space_t *space, void *block, size_t old_size, size_t size) {
  void *result = space->allocator.resize(space->allocator.context, block, old_size, size);
  if (result != NULL || size == 0) {
    space->counters.bytes += size - old_size;
  }
  return result;
}

static size_t session_size(const maty_image_t *image, bool away) {
  return sizeof(session_t) + image->header->roles.count * sizeof(endpoint_t) +
         image->header->channel_count * (sizeof(maty_channel_t) + (away ? sizeof(uint32_t) : 0));
}

maty_status maty_space_new(maty_space_t **out, uint32_t number, uint64_t seed,
                           const maty_allocator_t *allocator) {
  *out = NULL;
  if (number >= 1u << MATY_HANDLE_SPACE_BITS) {
    return MATY_EINVAL;
  }
  maty_space_t *space = allocator->resize(allocator->context, NULL, 0, sizeof *space);
  if (space == NULL) {
    return MATY_ENOMEM;
  }
  memset(space, 0, sizeof *space);
  space->allocator = *allocator;
  space->random = seed;
  space->number = number;
  space->first_free = space->last_free = SPACE_NONE;
  space->first_free_owner = SPACE_NONE;
  space->counters.bytes = sizeof *space;
  *out = space;
  return MATY_OK;
}

static slot_t *space_slot(const maty_space_t *space, uint32_t number) {
  return &space->chunks[number >> SPACE_CHUNK_BITS][number & (SPACE_CHUNK_SLOTS - 1)];
}

static void session_free(maty_space_t *space, session_t *session) {
  size_t size = session_size(session->image, session->away > 0);
  maty_image_release(session->image);
  space_resize(space, session, size, 0);
}

void maty_space_free(maty_space_t *space) {
  if (space == NULL) {
    return;
  }
  for (uint32_t i = 0; i < space->slot_count; i++) {
    if (space_slot(space, i)->session != NULL) {
      session_free(space, space_slot(space, i)->session);
    }
  }
  for (uint32_t i = 0; i < SPACE_CHUNKS && space->chunks[i] != NULL; i++) {
    space_resize(space, space->chunks[i], SPACE_CHUNK_SLOTS * sizeof(slot_t), 0);
  }
  space_resize(space, space->owners, space->owner_capacity * sizeof(owner_t), 0);
  maty__wordmap_free(&space->owner_index, &space->allocator);
  maty__deadlines_free(&space->deadlines, &space->allocator);
  space->allocator.resize(space->allocator.context, space, sizeof *space, 0);
}

void maty_space_counters(const maty_space_t *space, maty_space_counters_t *out) {
  *out = space->counters;
  out->bytes += space->owner_index.capacity * sizeof(maty__wordmap_entry_t) +
                maty__deadlines_size(&space->deadlines);
}

/* The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014 (SplitMix64). */
static uint32_t space_random(maty_space_t *space) {
  uint64_t z = space->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)(z ^ (z >> 31));
}

/* ----- Owners ----- */

bool maty_space_enrolled(const maty_space_t *space, maty_owner_t owner) {
  uint32_t index;
  return owner != 0 && maty__wordmap_get(&space->owner_index, owner, &index);
}

maty_status maty_space_enrol(maty_space_t *space, maty_owner_t owner) {
  if (owner == 0) {
    return MATY_EINVAL;
  }
  if (maty_space_enrolled(space, owner)) {
    return MATY_OK;
  }
  if (space->first_free_owner == SPACE_NONE && space->owner_count == space->owner_capacity) {
    uint32_t capacity = space->owner_capacity == 0 ? 8 : space->owner_capacity * 2;
    owner_t *owners = space_resize(space, space->owners, space->owner_capacity * sizeof *owners,
                                   capacity * sizeof *owners);
    if (owners == NULL) {
      return MATY_ENOMEM;
    }
    space->owners = owners;
    space->owner_capacity = capacity;
  }
  bool reuse = space->first_free_owner != SPACE_NONE;
  uint32_t index = reuse ? space->first_free_owner : space->owner_count;
  maty_status status = maty__wordmap_put(&space->owner_index, owner, index, &space->allocator);
  if (status != MATY_OK) {
    return status;
  }
  if (reuse) {
    space->first_free_owner = space->owners[index].first;
  } else {
    space->owner_count++;
  }
  space->owners[index] = (owner_t){.word = owner, .first = SPACE_NONE};
  return MATY_OK;
}

void maty_space_on_failure(maty_space_t *space, maty_failure_fn failure, void *context) {
  space->failure = failure;
  space->failure_context = context;
}

void maty_space_on_report(maty_space_t *space, maty_report_fn report, void *context) {
  space->report = report;
  space->report_context = context;
}

/* ----- Finding an endpoint ----- */

static endpoint_t *space_local(const maty_space_t *space, uint32_t local) {
  session_t *session = space_slot(space, local >> MATY_HANDLE_ROLE_BITS)->session;
  return &session->endpoints[local & SPACE_ROLE_MASK];
}

static bool endpoint_is_away(const endpoint_t *endpoint) { return endpoint->owner == SPACE_NONE; }

/* Whether the endpoint, at home or away, is known to be in a state of the image. */
static bool endpoint_stands(const endpoint_t *endpoint) { return endpoint->state < ENDPOINT_AWAY; }

static bool endpoint_is_live(const endpoint_t *endpoint) {
  return endpoint_stands(endpoint) && !endpoint_is_away(endpoint);
}

static bool endpoint_has_ended(const endpoint_t *endpoint) {
  return endpoint->state > ENDPOINT_AWAY;
}

static bool endpoint_is_cancelled(const endpoint_t *endpoint) {
  return endpoint->state == ENDPOINT_CANCELLED || endpoint->state == ENDPOINT_LOST;
}

static maty_status space_find(const maty_space_t *space, maty_handle_t handle, place_t *out) {
  uint32_t number = (uint32_t)(handle >> MATY_HANDLE_ROLE_BITS) & SPACE_SLOT_MASK;
  uint32_t role = (uint32_t)handle & SPACE_ROLE_MASK;
  if (number >= space->slot_count) {
    return MATY_ESTALE;
  }
  const slot_t *slot = space_slot(space, number);
  if (slot->name != handle - role || slot->session == NULL || role >= slot->session->role_count) {
    return MATY_ESTALE;
  }
  out->session = slot->session;
  out->endpoint = &slot->session->endpoints[role];
  out->local = (uint32_t)handle;
  return endpoint_is_live(out->endpoint) ? MATY_OK : MATY_ESTALE;
}

static maty_status space_find_owned(const maty_space_t *space, maty_handle_t handle,
                                    maty_owner_t owner, place_t *out) {
  maty_status status = space_find(space, handle, out);
  if (status == MATY_OK && space->owners[out->endpoint->owner].word != owner) {
    return MATY_EOWNER;
  }
  return status;
}

maty_status maty_endpoint_info(const maty_space_t *space, maty_handle_t handle,
                               maty_endpoint_info_t *out) {
  place_t place;
  maty_status status = space_find(space, handle, &place);
  if (status == MATY_OK) {
    const maty_image_t *image = place.session->image;
    *out = (maty_endpoint_info_t){
        .image = image,
        .owner = space->owners[place.endpoint->owner].word,
        .role = (uint32_t)handle & SPACE_ROLE_MASK,
        .state = place.endpoint->state,
        .phase = (maty_phase)image->states[place.endpoint->state].phase,
    };
  }
  return status;
}

maty_status maty_space_next(const maty_space_t *space, uint32_t *cursor, uint32_t slots,
                            maty_handle_t *session, const maty_image_t **image) {
  for (; *cursor < space->slot_count; slots--) {
    if (slots == 0) {
      return MATY_EWAIT;
    }
    const slot_t *slot = space_slot(space, (*cursor)++);
    if (slot->session != NULL) {
      *session = slot->name;
      *image = slot->session->image;
      return MATY_OK;
    }
  }
  return MATY_ESTALE;
}

/* ----- Opening ----- */

maty_status maty_space_reserve(maty_space_t *space) {
  if (space->first_free != SPACE_NONE) {
    return MATY_OK;
  }
  uint32_t chunk = space->slot_count >> SPACE_CHUNK_BITS;
  if (chunk >= SPACE_CHUNKS) {
    return MATY_ELIMIT;
  }
  slot_t *slots = space_resize(space, NULL, 0, SPACE_CHUNK_SLOTS * sizeof *slots);
  if (slots == NULL) {
    return MATY_ENOMEM;
  }
  for (uint32_t i = 0; i < SPACE_CHUNK_SLOTS; i++) {
    uint64_t number = space->slot_count + i;
    /* Names begin at random, so that those of another space, as before a
     * restart, are not mistaken for its own. */
    uint64_t generation = space_random(space) >> (33 - MATY_HANDLE_GENERATION_BITS);
    slots[i] = (slot_t){
        .name =
            (((space->number << MATY_HANDLE_GENERATION_BITS | generation) << MATY_HANDLE_SLOT_BITS |
              number)
             << MATY_HANDLE_ROLE_BITS),
        .next_free = i + 1 < SPACE_CHUNK_SLOTS ? (uint32_t)number + 1 : SPACE_NONE,
    };
  }
  space->chunks[chunk] = slots;
  space->first_free = space->slot_count;
  space->slot_count += SPACE_CHUNK_SLOTS;
  space->last_free = space->slot_count - 1;
  return MATY_OK;
}

/* Takes the first free slot. There is one. */
static uint32_t space_take_slot(maty_space_t *space) {
  uint32_t number = space->first_free;
  space->first_free = space_slot(space, number)->next_free;
  if (space->first_free == SPACE_NONE) {
    space->last_free = SPACE_NONE;
  }
  return number;
}

static void space_give_slot(maty_space_t *space, uint32_t number) {
  slot_t *slot = space_slot(space, number);
  const uint64_t one = UINT64_C(1) << (MATY_HANDLE_SLOT_BITS + MATY_HANDLE_ROLE_BITS);
  const uint64_t generations = ((UINT64_C(1) << MATY_HANDLE_GENERATION_BITS) - 1) * one;
  slot->session = NULL;
  slot->next_free = SPACE_NONE;
  if ((slot->name & generations) == generations) {
    return; /* retired: its last name stays used up */
  }
  slot->name += one;
  if (space->last_free == SPACE_NONE) {
    space->first_free = number;
  } else {
    space_slot(space, space->last_free)->next_free = number;
  }
  space->last_free = number;
}

static void endpoint_link(maty_space_t *space, endpoint_t *endpoint, uint32_t local) {
  owner_t *owner = &space->owners[endpoint->owner];
  endpoint->previous = SPACE_NONE;
  endpoint->next = owner->first;
  if (owner->first != SPACE_NONE) {
    space_local(space, owner->first)->previous = local;
  }
  owner->first = local;
}

static void endpoint_unlink(maty_space_t *space, const endpoint_t *endpoint) {
  if (endpoint->next != SPACE_NONE) {
    space_local(space, endpoint->next)->previous = endpoint->previous;
  }
  if (endpoint->previous != SPACE_NONE) {
    space_local(space, endpoint->previous)->next = endpoint->next;
  } else {
    space->owners[endpoint->owner].first = endpoint->next;
  }
}

maty_status maty_space_open(maty_space_t *space, maty_image_t *image, const maty_owner_t *owners,
                            maty_handle_t *session_out) {
  uint32_t role_count = image->header->roles.count;
  uint32_t at_home = 0;
  for (uint32_t role = 0; role < role_count; role++) {
    if (owners[role] != 0 && !maty_space_enrolled(space, owners[role])) {
      return MATY_EDEAD;
    }
    at_home += owners[role] != 0;
  }
  if (at_home == 0) {
    return MATY_EINVAL;
  }

  size_t size = session_size(image, at_home < role_count);
  session_t *session = space_resize(space, NULL, 0, size);
  if (session == NULL) {
    return MATY_ENOMEM;
  }
  maty_status status = maty_space_reserve(space);
  if (status != MATY_OK) {
    space_resize(space, session, size, 0);
    return status;
  }
  uint32_t number = space_take_slot(space);

  memset(session, 0, size);
  session->image = maty_image_retain(image);
  session->role_count = (uint16_t)role_count;
  session->live = (uint16_t)at_home;
  session->away = role_count - at_home;
  session->salt = session->away > 0 ? 0 : space_random(space);
  session->most = UINT32_MAX;
  slot_t *slot = space_slot(space, number);
  slot->session = session;
  for (uint32_t role = 0; role < role_count; role++) {
    endpoint_t *endpoint = &session->endpoints[role];
    if (owners[role] == 0) {
      endpoint->state = ENDPOINT_AWAY;
      endpoint->owner = SPACE_NONE;
      continue;
    }
    endpoint->state = image->roles[role].initial;
    (void)maty__wordmap_get(&space->owner_index, owners[role], &endpoint->owner);
    endpoint_link(space, endpoint, (number << MATY_HANDLE_ROLE_BITS) | role);
  }
  space->counters.sessions_opened++;
  space->counters.endpoints += at_home;
  *session_out = slot->name;
  return MATY_OK;
}

/* ----- Ending and failing ----- */

/* What an endpoint waited for has come, or it waits no more. */
static void endpoint_clear_deadline(maty_space_t *space, const place_t *place) {
  if (place->session->deadlines > 0 && maty__deadlines_clear(&space->deadlines, place->local)) {
    place->session->deadlines--;
  }
}

static maty_channel_t *session_channel(session_t *session, uint32_t channel) {
  maty_channel_t *channels = (maty_channel_t *)&session->endpoints[session->role_count];
  return &channels[channel];
}

/* How many messages from a role that is away were seen. */
static uint32_t *session_seen(session_t *session, uint32_t channel) {
  uint32_t count = session->image->header->channel_count;
  return (uint32_t *)session_channel(session, count) + channel;
}

/* Reports where an endpoint at home stands now, or how it has ended. */
static void endpoint_report(maty_space_t *space, const place_t *place) {
  session_t *session = place->session;
  if (session->away > 0 && space->report != NULL) {
    const maty_report_t report = {
        .session = space_slot(space, place->local >> MATY_HANDLE_ROLE_BITS)->name,
        .role = place->local & SPACE_ROLE_MASK,
        .state = place->endpoint->state,
        .live = session->live,
        .channel_count = session->image->header->channel_count,
        .channels = session_channel(session, 0),
    };
    space->report(space->report_context, &report);
  }
}

/* From the first cancelled endpoint on it matters elsewhere where the others
 * stand. */
static void session_report(maty_space_t *space, session_t *session, uint32_t number) {
  for (uint32_t role = 0; role < session->role_count && session->away > 0; role++) {
    place_t place = {.session = session,
                     .endpoint = &session->endpoints[role],
                     .local = (number << MATY_HANDLE_ROLE_BITS) | role};
    if (endpoint_is_live(place.endpoint)) {
      endpoint_report(space, &place);
    }
  }
}

/* Returns whether the session went with its last endpoint. */
static bool endpoint_end(maty_space_t *space, const place_t *place, uint32_t how) {
  endpoint_clear_deadline(space, place);
  endpoint_unlink(space, place->endpoint);
  place->endpoint->state = how;
  place->session->cancelled += how == ENDPOINT_CANCELLED;
  space->counters.cancelled += how == ENDPOINT_CANCELLED;
  space->counters.endpoints--;
  place->session->live--;
  endpoint_report(space, place);
  if (place->session->live > 0) {
    if (how == ENDPOINT_CANCELLED && place->session->cancelled == 1) {
      session_report(space, place->session, place->local >> MATY_HANDLE_ROLE_BITS);
    }
    return false;
  }
  space->counters.sessions_closed++;
  session_free(space, place->session);
  space_give_slot(space, place->local >> MATY_HANDLE_ROLE_BITS);
  return true;
}

/* Set in the state of an endpoint while a cascade takes it for one that waits in
 * vain; never outside of session_cascade. */
#define ENDPOINT_IN_VAIN (UINT32_C(1) << 31)

static bool endpoint_in_vain(const endpoint_t *endpoint) {
  return endpoint_stands(endpoint) && (endpoint->state & ENDPOINT_IN_VAIN) != 0;
}

/* Returns whether a message can still come for an endpoint that waits: one is
 * under way from a role it waits for, or such a role can send, or nothing is known of it. What
 * has been found to wait in this very state does not count, and nothing behind
 * it can come before it. If nothing can come, "cause" is a role it waits for, a cancelled one if
 * there is one. */
static bool endpoint_can_hear(session_t *session, const endpoint_t *endpoint, uint32_t *cause) {
  const maty_image_t *image = session->image;
  uint32_t number = endpoint->state & ~ENDPOINT_IN_VAIN;
  const maty__state_t *state = &image->states[number];
  const maty__action_t *actions = &image->actions[image->roles[state->role].first_action];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__action_t *action = &actions[image->transitions[state->first_transition + i].action];
    const maty_channel_t *channel = session_channel(session, action->channel);
    const endpoint_t *peer = &session->endpoints[action->peer];
    bool empty = channel->sent == channel->received;
    bool can_send = !endpoint_has_ended(peer) && !endpoint_in_vain(peer);
    if (empty ? can_send : channel->blocked != number + 1) {
      return true;
    }
    if (i == 0 || endpoint_is_cancelled(peer)) {
      *cause = action->peer;
    }
  }
  return false;
}

/* Chooses the endpoint at home that fails next: one that waits for a cancelled role, so
 * that each failure comes after its cause, and any one where they wait for each
 * other. Returns false if none is left. */
static bool session_next_failure(session_t *session, uint32_t *role, uint32_t *cause) {
  bool found = false;
  for (uint32_t i = 0; i < session->role_count; i++) {
    uint32_t peer = 0;
    if (!endpoint_in_vain(&session->endpoints[i]) || endpoint_is_away(&session->endpoints[i])) {
      continue;
    }
    (void)endpoint_can_hear(session, &session->endpoints[i], &peer);
    bool cancelled = endpoint_is_cancelled(&session->endpoints[peer]);
    if (!found || cancelled) {
      *role = i;
      *cause = peer;
      found = true;
    }
    if (cancelled) {
      break;
    }
  }
  return found;
}

/* Fails the endpoints for which nothing can come any more because others were
 * cancelled. They are the largest set of waiting endpoints that hear from nobody
 * outside of the set: at first all that wait, less those that can still hear
 * from somebody, until nothing changes.
 *
 * Roles that are away count as what was reported of them last. That may be out of
 * date, and the set is right all the same: of all in it, take the one that first
 * moved on after its report. What it received was sent by one that is in the
 * set, too, or has ended, before that one's report, which then counts it as under
 * way. So there is none. Those of the set that are away fail where they are at
 * home. */
static void session_cascade(maty_space_t *space, session_t *session, uint32_t number) {
  const maty_image_t *image = session->image;
  uint32_t ignored = 0;
  for (uint32_t role = 0; role < session->role_count; role++) {
    endpoint_t *endpoint = &session->endpoints[role];
    if (endpoint_stands(endpoint) && image->states[endpoint->state].phase == MATY_PHASE_RECEIVE) {
      endpoint->state |= ENDPOINT_IN_VAIN;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t role = 0; role < session->role_count; role++) {
      endpoint_t *endpoint = &session->endpoints[role];
      if (endpoint_in_vain(endpoint) && endpoint_can_hear(session, endpoint, &ignored)) {
        endpoint->state &= ~ENDPOINT_IN_VAIN;
        changed = true;
      }
    }
  }
  uint32_t role = 0, cause = 0;
  while (session_next_failure(session, &role, &cause)) {
    place_t place = {.session = session,
                     .endpoint = &session->endpoints[role],
                     .local = (number << MATY_HANDLE_ROLE_BITS) | role};
    place.endpoint->state &= ~ENDPOINT_IN_VAIN;
    if (space->failure != NULL) {
      space->failure(space->failure_context, space_slot(space, number)->name | role,
                     space->owners[place.endpoint->owner].word, cause);
    }
    if (endpoint_end(space, &place, ENDPOINT_CANCELLED)) {
      return;
    }
  }
  for (role = 0; role < session->role_count && session->away > 0; role++) {
    if (endpoint_in_vain(&session->endpoints[role])) {
      session->endpoints[role].state &= ~ENDPOINT_IN_VAIN;
    }
  }
}

/* After a step in a session in which somebody was cancelled. */
static void endpoint_settle(maty_space_t *space, const place_t *place) {
  endpoint_report(space, place);
  session_cascade(space, place->session, place->local >> MATY_HANDLE_ROLE_BITS);
}

static void endpoint_cancel(maty_space_t *space, const place_t *place) {
  if (!endpoint_end(space, place, ENDPOINT_CANCELLED)) {
    session_cascade(space, place->session, place->local >> MATY_HANDLE_ROLE_BITS);
  }
}

void maty_space_dismiss(maty_space_t *space, maty_owner_t owner) {
  uint32_t index;
  if (owner == 0 || !maty__wordmap_get(&space->owner_index, owner, &index)) {
    return;
  }
  while (space->owners[index].first != SPACE_NONE) {
    uint32_t local = space->owners[index].first;
    place_t place = {.session = space_slot(space, local >> MATY_HANDLE_ROLE_BITS)->session,
                     .endpoint = space_local(space, local),
                     .local = local};
    endpoint_cancel(space, &place);
  }
  maty__wordmap_remove(&space->owner_index, owner);
  space->owners[index] = (owner_t){.word = 0, .first = space->first_free_owner};
  space->first_free_owner = index;
}

maty_status maty_endpoint_close(maty_space_t *space, maty_handle_t handle, maty_owner_t owner) {
  place_t place;
  maty_status status = space_find_owned(space, handle, owner, &place);
  if (status != MATY_OK) {
    return status;
  }
  if (place.session->image->states[place.endpoint->state].phase != MATY_PHASE_FINAL) {
    return MATY_EUNFINISHED;
  }
  if (!endpoint_end(space, &place, ENDPOINT_DONE) && place.session->cancelled > 0) {
    session_cascade(space, place.session, place.local >> MATY_HANDLE_ROLE_BITS);
  }
  return MATY_OK;
}

maty_status maty_endpoint_cancel(maty_space_t *space, maty_handle_t handle, maty_owner_t owner) {
  place_t place;
  maty_status status = space_find_owned(space, handle, owner, &place);
  if (status == MATY_OK) {
    endpoint_cancel(space, &place);
  }
  return status;
}

/* ----- Roles that are away ----- */

/* Whether a count is behind another, both modulo 2^32. */
static bool count_is_later(uint32_t count, uint32_t other) { return (int32_t)(count - other) > 0; }

/* Takes over what a report says of the role's channels. What has been seen of
 * messages that came is not forgotten. */
static void session_count(session_t *session, const maty_report_t *report) {
  const maty__role_t *role = &session->image->roles[report->role];
  for (uint32_t i = 0; i < role->action_count; i++) {
    const maty__action_t *action = &session->image->actions[role->first_action + i];
    const maty_channel_t *said = &report->channels[action->channel];
    maty_channel_t *channel = session_channel(session, action->channel);
    bool peer_away = endpoint_is_away(&session->endpoints[action->peer]);
    if (action->direction == MATY_DIRECTION_SEND) {
      if (count_is_later(said->sent, channel->sent)) {
        channel->sent = said->sent;
      }
    } else if (peer_away || !count_is_later(said->received, channel->sent)) {
      if (session->endpoints[action->peer].state == ENDPOINT_LOST) {
        channel->sent = said->sent;
      }
      channel->received = said->received;
      channel->blocked = said->blocked;
    }
  }
}

/* What has not been seen of a role's messages will not come. */
static void session_forget(session_t *session, uint32_t number) {
  const maty__role_t *role = &session->image->roles[number];
  for (uint32_t i = 0; i < role->action_count; i++) {
    const maty__action_t *action = &session->image->actions[role->first_action + i];
    if (action->direction == MATY_DIRECTION_SEND) {
      session_channel(session, action->channel)->sent = *session_seen(session, action->channel);
    }
  }
}

maty_status maty_space_report(maty_space_t *space, const maty_report_t *report) {
  uint32_t number = (uint32_t)(report->session >> MATY_HANDLE_ROLE_BITS) & SPACE_SLOT_MASK;
  if (number >= space->slot_count || space_slot(space, number)->name != report->session ||
      space_slot(space, number)->session == NULL) {
    return MATY_ESTALE;
  }
  session_t *session = space_slot(space, number)->session;
  const maty_image_t *image = session->image;
  bool ended = report->state == ENDPOINT_DONE || report->state == ENDPOINT_CANCELLED;
  bool counted = report->channels != NULL && report->channel_count == image->header->channel_count;
  if (report->role >= session->role_count || !endpoint_is_away(&session->endpoints[report->role]) ||
      !(ended || (report->state < image->header->states.count &&
                  image->states[report->state].role == report->role)) ||
      !(counted || (report->channels == NULL && report->state == ENDPOINT_CANCELLED))) {
    return MATY_EINVAL;
  }
  endpoint_t *endpoint = &session->endpoints[report->role];
  if (endpoint->state == ENDPOINT_LOST || (counted && endpoint_has_ended(endpoint))) {
    return MATY_OK;
  }
  bool before = endpoint_is_cancelled(endpoint);
  if (counted) {
    session_count(session, report);
    endpoint->state = report->state;
  } else {
    session_forget(session, report->role);
    endpoint->state = ENDPOINT_LOST;
  }
  session->cancelled += endpoint_is_cancelled(endpoint) && !before;
  if (session->cancelled > 0) {
    if (endpoint_is_cancelled(endpoint)) {
      session_report(space, session, number);
    }
    session_cascade(space, session, number);
  }
  return MATY_OK;
}

maty_status maty_space_abandon(maty_space_t *space, maty_handle_t handle) {
  uint32_t number = (uint32_t)(handle >> MATY_HANDLE_ROLE_BITS) & SPACE_SLOT_MASK;
  if (number >= space->slot_count || space_slot(space, number)->name != handle ||
      space_slot(space, number)->session == NULL) {
    return MATY_ESTALE;
  }
  session_t *session = space_slot(space, number)->session;
  maty_report_fn report = space->report;
  space->report = NULL;
  for (uint32_t role = 0; role < session->role_count; role++) {
    place_t place = {.session = session,
                     .endpoint = &session->endpoints[role],
                     .local = (number << MATY_HANDLE_ROLE_BITS) | role};
    if (endpoint_is_live(place.endpoint) && endpoint_end(space, &place, ENDPOINT_CANCELLED)) {
      break;
    }
  }
  space->report = report;
  return MATY_OK;
}

/* ----- Deadlines ----- */

maty_status maty_endpoint_deadline(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                   uint64_t at) {
  place_t place;
  maty_status status = space_find_owned(space, handle, owner, &place);
  if (status != MATY_OK) {
    return status;
  }
  if (place.session->image->states[place.endpoint->state].phase != MATY_PHASE_RECEIVE) {
    return MATY_EMOMENT;
  }
  uint32_t before = space->deadlines.count;
  status = maty__deadlines_set(&space->deadlines, place.local, at, &space->allocator);
  place.session->deadlines += space->deadlines.count - before;
  return status;
}

/* Whether what an endpoint waits for is under way: its sender was in time. */
static bool endpoint_is_served(session_t *session, const endpoint_t *endpoint) {
  const maty_image_t *image = session->image;
  const maty__state_t *state = &image->states[endpoint->state];
  const maty__action_t *actions = &image->actions[image->roles[state->role].first_action];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    uint32_t action = image->transitions[state->first_transition + i].action;
    const maty_channel_t *channel = session_channel(session, actions[action].channel);
    if (channel->sent != channel->received && channel->blocked != endpoint->state + 1) {
      return true;
    }
  }
  return false;
}

bool maty_space_expire(maty_space_t *space, uint64_t now, uint64_t *next) {
  while (space->deadlines.count > 0 && space->deadlines.heap[0].at <= now) {
    uint32_t local = space->deadlines.heap[0].local;
    uint32_t number = local >> MATY_HANDLE_ROLE_BITS;
    place_t place = {.session = space_slot(space, number)->session,
                     .endpoint = space_local(space, local),
                     .local = local};
    if (endpoint_is_served(place.session, place.endpoint)) {
      endpoint_clear_deadline(space, &place);
      continue;
    }
    space->counters.expired++;
    if (space->failure != NULL) {
      space->failure(space->failure_context,
                     space_slot(space, number)->name | (local & SPACE_ROLE_MASK),
                     space->owners[place.endpoint->owner].word, MATY_CAUSE_DEADLINE);
    }
    endpoint_cancel(space, &place);
  }
  if (space->deadlines.count > 0) {
    *next = space->deadlines.heap[0].at;
  }
  return space->deadlines.count > 0;
}

/* ----- Overload ----- */

maty_status maty_session_bound(maty_space_t *space, maty_handle_t session, uint32_t most,
                               maty_overload overload) {
  uint32_t number = (uint32_t)(session >> MATY_HANDLE_ROLE_BITS) & SPACE_SLOT_MASK;
  if (number >= space->slot_count || space_slot(space, number)->session == NULL ||
      space_slot(space, number)->name != session) {
    return MATY_ESTALE;
  }
  session_t *found = space_slot(space, number)->session;
  found->most = most == 0 ? UINT32_MAX : most;
  found->overload = overload;
  return MATY_OK;
}

/* As many messages of a channel are under way as there may be, as far as is known
 * of a receiver that is away. That is nothing to one that has ended, which gets none. */
static maty_status endpoint_overload(maty_space_t *space, const place_t *place, uint32_t peer) {
  session_t *session = place->session;
  if (endpoint_has_ended(&session->endpoints[peer])) {
    return MATY_OK;
  }
  space->counters.overloaded++;
  if (session->overload == MATY_OVERLOAD_FAIL) {
    uint32_t number = place->local >> MATY_HANDLE_ROLE_BITS;
    if (space->failure != NULL) {
      space->failure(space->failure_context,
                     space_slot(space, number)->name | (place->local & SPACE_ROLE_MASK),
                     space->owners[place->endpoint->owner].word, MATY_CAUSE_OVERLOAD);
    }
    endpoint_cancel(space, place);
  }
  return MATY_EFULL;
}

/* Whether the sender of a message that is being received has to be told of it. One
 * that is away counts it as under way until then; so that each message does not
 * cost a report, it is told when half of what may be under way was received. From
 * the first cancelled endpoint on it hears of every step. */
static bool receipt_is_due(const session_t *session, const maty_channel_t *channel) {
  return session->most != UINT32_MAX && session->cancelled == 0 &&
         channel->received % (session->most / 2 + session->most % 2) == 0;
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

static maty_status payload_judge(const maty_image_t *image, const maty__transition_t *transition,
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

/* Moves the endpoint along a transition and says where it stands then. An
 * endpoint that now waits for a role that is cancelled fails, with all that
 * follows from it; nobody else would notice. */
static void endpoint_move(maty_space_t *space, const place_t *place, const maty__state_t *state,
                          const maty__transition_t *transition, maty_step_t *step) {
  const maty_image_t *image = place->session->image;
  endpoint_clear_deadline(space, place);
  place->endpoint->state = transition->target;
  step->phase = (maty_phase)image->states[transition->target].phase;
  step->slot = (uint16_t)(transition - &image->transitions[state->first_transition]);
  if (place->session->cancelled > 0) {
    endpoint_settle(space, place);
  }
}

static maty_status refuse(maty_space_t *space, maty_status status) {
  space->counters.refused++;
  return status;
}

maty_status maty_endpoint_send(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                               uint32_t action_number, const maty_payload_t *payload,
                               maty_step_t *step) {
  place_t place;
  maty_status status = space_find_owned(space, handle, owner, &place);
  if (status != MATY_OK) {
    return refuse(space, status);
  }
  const maty_image_t *image = place.session->image;
  const maty__state_t *state = &image->states[place.endpoint->state];
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
  maty_channel_t *channel = session_channel(place.session, action->channel);
  if (channel->sent - channel->received >= place.session->most) {
    status = endpoint_overload(space, &place, action->peer);
    if (status != MATY_OK) {
      return refuse(space, status);
    }
  }
  channel->sent++;
  step->ticket = (uint16_t)(channel->sent ^ place.session->salt);
  space->counters.sent++;
  endpoint_move(space, &place, state, transition, step);
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

/* A message from a role that is away has come, by its number on its channel. */
static void channel_see(session_t *session, uint32_t number, uint32_t count) {
  maty_channel_t *channel = session_channel(session, number);
  uint32_t *seen = session_seen(session, number);
  *seen = count_is_later(count, *seen) ? count : *seen;
  channel->sent = count_is_later(count, channel->sent) ? count : channel->sent;
}

/* What to do with a message that is not one the state expects next. It may be
 * early, but not if the state waits for its sender alone, because a channel
 * keeps its order, and not at the end. "Ahead" of it, as many messages of this
 * channel are still to be received. What a role at home or one that has ended has
 * sent is known; what one that is away has sent, is learned here. */
static maty_status receive_early(session_t *session, const maty__state_t *state,
                                 const maty__action_t *actions, const maty__action_t *action,
                                 uint16_t ticket) {
  const maty_image_t *image = session->image;
  maty_channel_t *channel = session_channel(session, action->channel);
  const endpoint_t *peer = &session->endpoints[action->peer];
  uint16_t ahead = (uint16_t)((ticket ^ session->salt) - channel->received - 1u);
  bool known = ahead < channel->sent - channel->received;
  if (!known && (!endpoint_is_away(peer) || endpoint_has_ended(peer))) {
    return endpoint_is_away(peer) ? MATY_ESTALE : MATY_EFORGED;
  }
  if (state->phase == MATY_PHASE_FINAL ||
      (ahead == 0 && state_waits_for(image, state, actions, action->peer))) {
    return MATY_EMOMENT;
  }
  if (endpoint_is_away(peer)) {
    channel_see(session, action->channel, channel->received + ahead + 1u);
  }
  if (ahead == 0) {
    channel->blocked = (uint32_t)(state - image->states) + 1;
  }
  return MATY_EWAIT;
}

maty_status maty_endpoint_receive(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                  uint32_t action_number, uint16_t ticket,
                                  const maty_payload_t *payload, maty_step_t *step) {
  place_t place;
  maty_status status = space_find_owned(space, handle, owner, &place);
  if (status != MATY_OK) {
    return refuse(space, status);
  }
  const maty_image_t *image = place.session->image;
  const maty__state_t *state = &image->states[place.endpoint->state];
  const maty__role_t *role = &image->roles[state->role];
  const maty__action_t *actions = &image->actions[role->first_action];
  if (action_number >= role->action_count ||
      actions[action_number].direction != MATY_DIRECTION_RECEIVE) {
    return refuse(space, MATY_EACTION);
  }
  const maty__action_t *action = &actions[action_number];
  const maty__transition_t *transition = state_find(image, state, action_number);
  maty_channel_t *channel = session_channel(place.session, action->channel);
  const endpoint_t *peer = &place.session->endpoints[action->peer];
  bool away = endpoint_is_away(peer);
  if (transition == NULL ||
      (uint16_t)(ticket ^ place.session->salt) != (uint16_t)(channel->received + 1) ||
      (channel->sent == channel->received && (!away || endpoint_has_ended(peer)))) {
    status = receive_early(place.session, state, actions, action, ticket);
    if (status != MATY_EWAIT) {
      return refuse(space, status);
    }
    space->counters.waited++;
    if (place.session->cancelled > 0) {
      endpoint_settle(space, &place);
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
    channel_see(place.session, action->channel, channel->received + 1);
  }
  channel->received++;
  channel->blocked = 0;
  space->counters.received++;
  bool receipt = away && receipt_is_due(place.session, channel);
  endpoint_move(space, &place, state, transition, step);
  if (receipt) {
    endpoint_report(space, &place);
  }
  return MATY_OK;
}
