/* space.c - the table of sessions: its slots, who owns the endpoints, and how a
 * session begins and ends. See session.h for the layout, and what always holds.
 */
#include "session.h"

#include <string.h>

/* ----- Memory ----- */

static void *space_resize(maty_space_t *space, void *block, size_t old_size, size_t size) {
  void *result = space->allocator.resize(space->allocator.context, block, old_size, size);
  if (result != NULL || size == 0) {
    space->counters.bytes += size - old_size;
  }
  return result;
}

/* Returns the items of a growing array with room for one more, or NULL. */
static void *space_grow(maty_space_t *space, void *items, uint32_t count, uint32_t *capacity,
                        size_t size) {
  if (count < *capacity) {
    return items;
  }
  uint32_t larger = count == 0 ? 8 : 2 * count;
  void *moved = space_resize(space, items, count * size, larger * size);
  *capacity = moved == NULL ? *capacity : larger;
  return moved;
}

static size_t session_size(const maty_image_t *image, bool away) {
  size_t role = sizeof(maty__endpoint_t) + sizeof(uint16_t);
  size_t channel = sizeof(maty_channel_t) + (away ? sizeof(uint32_t) : 0);
  return sizeof(maty__session_t) + image->header->roles.count * role +
         image->header->channel_count * channel;
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
  space->first_free = space->last_free = MATY__NONE;
  space->first_free_owner = MATY__NONE;
  space->counters.bytes = sizeof *space;
  *out = space;
  return MATY_OK;
}

static void session_free(maty_space_t *space, maty__session_t *session) {
  size_t size = session_size(session->image, session->away > 0);
  maty_image_release(session->image);
  space_resize(space, session, size, 0);
}

void maty_space_free(maty_space_t *space) {
  if (space == NULL) {
    return;
  }
  for (uint32_t i = 0; i < space->slot_count; i++) {
    if (maty__space_slot(space, i)->session != NULL) {
      session_free(space, maty__space_slot(space, i)->session);
    }
  }
  for (uint32_t i = 0; i < space->slot_count; i += MATY__CHUNK_SLOTS) {
    space_resize(space, maty__space_slot(space, i), MATY__CHUNK_SLOTS * sizeof(maty__slot_t), 0);
  }
  space_resize(space, space->chunks, space->chunk_capacity * sizeof(maty__slot_t *), 0);
  space_resize(space, space->owners, space->owner_capacity * sizeof(maty__owner_t), 0);
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
  bool reuse = space->first_free_owner != MATY__NONE;
  if (!reuse) {
    maty__owner_t *owners = space_grow(space, space->owners, space->owner_count,
                                       &space->owner_capacity, sizeof *owners);
    MATY__NEED(owners != NULL);
    space->owners = owners;
  }
  uint32_t index = reuse ? space->first_free_owner : space->owner_count;
  MATY__TRY(maty__wordmap_put(&space->owner_index, owner, index, &space->allocator));
  if (reuse) {
    space->first_free_owner = space->owners[index].first;
  } else {
    space->owner_count++;
  }
  space->owners[index] = (maty__owner_t){.word = owner, .first = MATY__NONE};
  return MATY_OK;
}

void maty_space_dismiss(maty_space_t *space, maty_owner_t owner) {
  uint32_t index;
  if (owner == 0 || !maty__wordmap_get(&space->owner_index, owner, &index)) {
    return;
  }
  while (space->owners[index].first != MATY__NONE) {
    maty__seat_t seat = maty__space_seat(space, space->owners[index].first);
    maty__endpoint_cancel(space, &seat);
  }
  maty__wordmap_remove(&space->owner_index, owner);
  space->owners[index] = (maty__owner_t){.word = 0, .first = space->first_free_owner};
  space->first_free_owner = index;
}

/* ----- Looking ----- */

maty_status maty_endpoint_info(const maty_space_t *space, maty_handle_t handle,
                               maty_endpoint_info_t *out) {
  maty__seat_t seat;
  MATY__TRY(maty__space_find(space, handle, &seat));
  const maty_image_t *image = seat.session->image;
  *out = (maty_endpoint_info_t){
      .image = image,
      .owner = space->owners[seat.endpoint->owner].word,
      .role = (uint32_t)handle & MATY__ROLE_MASK,
      .state = seat.endpoint->state,
      .phase = (maty_phase)image->states[seat.endpoint->state].phase,
  };
  return MATY_OK;
}

maty_status maty_space_next(const maty_space_t *space, uint32_t *cursor, uint32_t slots,
                            maty_handle_t *session, const maty_image_t **image) {
  for (; *cursor < space->slot_count; slots--) {
    if (slots == 0) {
      return MATY_EWAIT;
    }
    const maty__slot_t *slot = maty__space_slot(space, (*cursor)++);
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
  if (space->first_free != MATY__NONE) {
    return MATY_OK;
  }
  uint32_t chunk = space->slot_count >> MATY__CHUNK_BITS;
  if (chunk >= MATY__CHUNKS) {
    return MATY_ELIMIT;
  }
  maty__slot_t **chunks =
      space_grow(space, space->chunks, chunk, &space->chunk_capacity, sizeof(maty__slot_t *));
  MATY__NEED(chunks != NULL);
  space->chunks = chunks;
  maty__slot_t *slots = space_resize(space, NULL, 0, MATY__CHUNK_SLOTS * sizeof *slots);
  MATY__NEED(slots != NULL);
  for (uint32_t i = 0; i < MATY__CHUNK_SLOTS; i++) {
    uint64_t number = space->slot_count + i;
    /* Names begin at random, so that those of another space, as before a
     * restart, are not mistaken for its own. */
    uint64_t generation = space_random(space) >> (33 - MATY_HANDLE_GENERATION_BITS);
    slots[i] = (maty__slot_t){
        .name =
            (((space->number << MATY_HANDLE_GENERATION_BITS | generation) << MATY_HANDLE_SLOT_BITS |
              number)
             << MATY_HANDLE_ROLE_BITS),
        .next_free = i + 1 < MATY__CHUNK_SLOTS ? (uint32_t)number + 1 : MATY__NONE,
    };
  }
  space->chunks[chunk] = slots;
  space->first_free = space->slot_count;
  space->slot_count += MATY__CHUNK_SLOTS;
  space->last_free = space->slot_count - 1;
  return MATY_OK;
}

/* Takes the first free slot. There is one. */
static uint32_t space_take_slot(maty_space_t *space) {
  uint32_t number = space->first_free;
  space->first_free = maty__space_slot(space, number)->next_free;
  if (space->first_free == MATY__NONE) {
    space->last_free = MATY__NONE;
  }
  return number;
}

static void space_give_slot(maty_space_t *space, uint32_t number) {
  maty__slot_t *slot = maty__space_slot(space, number);
  const uint64_t one = UINT64_C(1) << (MATY_HANDLE_SLOT_BITS + MATY_HANDLE_ROLE_BITS);
  const uint64_t generations = ((UINT64_C(1) << MATY_HANDLE_GENERATION_BITS) - 1) * one;
  slot->session = NULL;
  slot->next_free = MATY__NONE;
  if ((slot->name & generations) == generations) {
    return; /* retired: its last name stays used up */
  }
  slot->name += one;
  if (space->last_free == MATY__NONE) {
    space->first_free = number;
  } else {
    maty__space_slot(space, space->last_free)->next_free = number;
  }
  space->last_free = number;
}

static void endpoint_link(maty_space_t *space, maty__endpoint_t *endpoint, uint32_t local) {
  maty__owner_t *owner = &space->owners[endpoint->owner];
  endpoint->previous = MATY__NONE;
  endpoint->next = owner->first;
  if (owner->first != MATY__NONE) {
    maty__space_seat(space, owner->first).endpoint->previous = local;
  }
  owner->first = local;
}

static void endpoint_unlink(maty_space_t *space, const maty__endpoint_t *endpoint) {
  if (endpoint->next != MATY__NONE) {
    maty__space_seat(space, endpoint->next).endpoint->previous = endpoint->previous;
  }
  if (endpoint->previous != MATY__NONE) {
    maty__space_seat(space, endpoint->previous).endpoint->next = endpoint->next;
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
  maty__session_t *session = space_resize(space, NULL, 0, size);
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
  maty__slot_t *slot = maty__space_slot(space, number);
  slot->session = session;
  for (uint32_t role = 0; role < role_count; role++) {
    maty__endpoint_t *endpoint = &session->endpoints[role];
    if (owners[role] == 0) {
      endpoint->state = MATY__STATE_AWAY;
      endpoint->owner = MATY__NONE;
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

/* ----- Ending ----- */

bool maty__endpoint_end(maty_space_t *space, const maty__seat_t *seat, uint32_t how) {
  maty__session_t *session = seat->session;
  maty__endpoint_clear_deadline(space, seat);
  endpoint_unlink(space, seat->endpoint);
  seat->endpoint->state = how;
  session->cancelled += how == MATY_STATE_CANCELLED;
  space->counters.cancelled += how == MATY_STATE_CANCELLED;
  space->counters.endpoints--;
  session->live--;
  if (session->away > 0) {
    maty__away_report(space, seat);
    if (how == MATY_STATE_CANCELLED && session->cancelled == 1) {
      maty__away_report_all(space, seat);
    }
  }
  if (session->live > 0) {
    return false;
  }
  space->counters.sessions_closed++;
  session_free(space, session);
  space_give_slot(space, seat->local >> MATY_HANDLE_ROLE_BITS);
  return true;
}
