/* system.c - see system.h. */
#include "system.h"

#include <string.h>

#include "limits.h"

enum { WORD_BITS = 64 };

/* Bits that tell so many values apart, "bits" at least. */
static uint32_t bits_for(uint64_t values, uint32_t bits) {
  while (bits < WORD_BITS && (uint64_t)1 << bits < values)
    bits++;
  return bits;
}

static uint64_t low_bits(uint32_t bits) {
  return bits == WORD_BITS ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

/* The next free bits of the words. */
typedef struct room {
  uint64_t word;
  uint32_t used; /* bits of that word */
} room_t;

/* Makes room for "bits" of one word. */
static void find_room(room_t *room, uint32_t bits) {
  if (room->used == WORD_BITS || room->used + bits > WORD_BITS)
    *room = (room_t){.word = room->word + 1};
}

static maty_status number_messages(maty__system_t *system, maty__arena_t *arena,
                                   uint32_t *message_of) {
  const maty_image_t *image = system->image;
  system->first_message = maty__zarray(arena, uint32_t, system->queue_count + 1);
  system->actions = maty__array(arena, uint32_t, image->header->actions.count);
  MATY__NEED(system->first_message != NULL && system->actions != NULL);
  for (uint32_t role = 0; role < system->role_count; role++)
    for (uint32_t i = 0; i < image->roles[role].action_count; i++) {
      const maty__action_t *action = &image->actions[image->roles[role].first_action + i];
      if (action->direction != MATY_DIRECTION_SEND)
        continue;
      system->queues[action->channel].sender = role;
      system->queues[action->channel].receiver = action->peer;
      system->first_message[action->channel + 1]++;
    }
  for (uint32_t i = 0; i < system->queue_count; i++)
    system->first_message[i + 1] += system->first_message[i];
  uint32_t *next = maty__array(arena, uint32_t, system->queue_count);
  MATY__NEED(next != NULL);
  memcpy(next, system->first_message, system->queue_count * sizeof *next);
  for (uint32_t role = 0; role < system->role_count; role++)
    for (uint32_t i = 0; i < image->roles[role].action_count; i++) {
      uint32_t number = image->roles[role].first_action + i;
      const maty__action_t *action = &image->actions[number];
      if (action->direction != MATY_DIRECTION_SEND)
        continue;
      uint32_t at = next[action->channel]++, peer = image->roles[action->peer].first_action;
      system->actions[at] = number;
      message_of[number] = at - system->first_message[action->channel] + 1;
      message_of[peer + action->peer_action] = message_of[number];
    }
  return MATY_OK;
}

static void lay_out_queue(maty__system_t *system, uint32_t channel, room_t *room) {
  maty__queue_t *queue = &system->queues[channel];
  uint32_t messages = system->first_message[channel + 1] - system->first_message[channel];
  queue->bits = bits_for((uint64_t)messages + 1, 1);
  queue->slot_mask = low_bits(queue->bits);
  queue->slots = WORD_BITS / queue->bits;
  bool wide = queue->slots < system->bound;
  if (!wide)
    queue->slots = system->bound;
  queue->word_count = wide ? (system->bound - 1) / queue->slots + 1 : 1;
  queue->mask = low_bits(queue->slots * queue->bits);
  find_room(room, wide ? WORD_BITS : queue->slots * queue->bits);
  queue->word = (uint32_t)room->word;
  queue->shift = room->used;
  queue->last_word = queue->word + queue->word_count - 1;
  queue->last_shift =
      queue->shift + (system->bound - 1 - (queue->word_count - 1) * queue->slots) * queue->bits;
  room->word += queue->word_count - 1;
  room->used = wide ? WORD_BITS : room->used + queue->slots * queue->bits;
}

static maty_status lay_out(maty__system_t *system) {
  room_t room = {0};
  for (uint32_t i = 0; i < system->role_count; i++) {
    uint32_t bits = bits_for(system->image->roles[i].state_count, 0);
    find_room(&room, bits);
    system->roles[i] = (maty__role_field_t){
        .word = (uint32_t)room.word, .shift = room.used, .mask = low_bits(bits)};
    room.used += bits;
  }
  for (uint32_t i = 0; i < system->queue_count; i++) {
    lay_out_queue(system, i, &room);
    if (room.word >= MATY_MAX_CONFIGURATION / sizeof(uint64_t))
      return MATY_ELIMIT;
  }
  system->words = (uint32_t)room.word + 1;
  return MATY_OK;
}

static void add_moves(maty__system_t *system, uint32_t number, const uint32_t *message_of) {
  const maty_image_t *image = system->image;
  const maty__state_t *state = &image->states[number];
  const maty__role_t *role = &image->roles[state->role];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__transition_t *transition = &image->transitions[state->first_transition + i];
    uint32_t action = role->first_action + transition->action;
    uint32_t target = transition->target - role->first_state;
    uint64_t changes = target ^ (number - role->first_state);
    system->moves[state->first_transition + i] =
        (maty__move_t){.flips = changes << system->roles[state->role].shift,
                       .target = target,
                       .channel = image->actions[action].channel,
                       .message = message_of[action],
                       .sends = image->actions[action].direction == MATY_DIRECTION_SEND};
  }
}

maty_status maty__system_init(maty__system_t *system, const maty_image_t *image, uint32_t bound,
                              maty__arena_t *arena) {
  const maty__header_t *header = image->header;
  *system = (maty__system_t){.image = image,
                             .bound = bound,
                             .role_count = header->roles.count,
                             .queue_count = header->channel_count};
  system->roles = maty__array(arena, maty__role_field_t, system->role_count);
  system->queues = maty__zarray(arena, maty__queue_t, system->queue_count);
  system->moves = maty__array(arena, maty__move_t, header->transitions.count);
  uint32_t *message_of = maty__array(arena, uint32_t, header->actions.count);
  MATY__NEED(system->roles != NULL && system->queues != NULL && system->moves != NULL &&
             message_of != NULL);
  MATY__TRY(number_messages(system, arena, message_of));
  MATY__TRY(lay_out(system));
  for (uint32_t i = 0; i < header->states.count; i++)
    add_moves(system, i, message_of);
  return MATY_OK;
}

void maty__system_begin(const maty__system_t *system, uint64_t *configuration) {
  memset(configuration, 0, system->words * sizeof *configuration);
  for (uint32_t i = 0; i < system->role_count; i++) {
    const maty__role_t *role = &system->image->roles[i];
    configuration[system->roles[i].word] |= (uint64_t)(role->initial - role->first_state)
                                            << system->roles[i].shift;
  }
}

/* Of the last word in which a queue has messages, which is its first word if it
 * has none, and of the slots in use there. */
static uint32_t last_used(const maty__queue_t *queue, const uint64_t *configuration,
                          uint32_t *used) {
  uint32_t word = queue->word + queue->word_count - 1;
  while (word > queue->word && configuration[word] == 0)
    word--;
  uint64_t field = configuration[word] >> queue->shift & queue->mask;
  *used = 0;
  while (field != 0) {
    field = queue->slots == 1 ? 0 : field >> queue->bits;
    ++*used;
  }
  return word;
}

static void put_message(const maty__queue_t *queue, uint64_t *configuration, uint32_t message) {
  uint32_t used;
  uint32_t word = last_used(queue, configuration, &used);
  if (used == queue->slots) {
    word++;
    used = 0;
  }
  configuration[word] |= (uint64_t)message << (queue->shift + used * queue->bits);
}

static void take_message(const maty__queue_t *queue, uint64_t *configuration) {
  uint64_t *words = configuration + queue->word;
  if (queue->word_count == 1) {
    uint64_t field = words[0] >> queue->shift & queue->mask;
    uint64_t rest = queue->slots == 1 ? 0 : field >> queue->bits;
    words[0] ^= (field ^ rest) << queue->shift;
    return;
  }
  for (uint32_t i = 0; i < queue->word_count; i++) {
    uint64_t next = i + 1 < queue->word_count ? words[i + 1] & queue->slot_mask : 0;
    words[i] = words[i] >> queue->bits | next << (queue->slots - 1) * queue->bits;
  }
}

void maty__system_make(const maty__system_t *system, const uint64_t *from, uint32_t role,
                       const maty__move_t *move, uint64_t *to) {
  const maty__queue_t *queue = &system->queues[move->channel];
  for (uint32_t i = 0; i < system->words; i++)
    to[i] = from[i];
  to[system->roles[role].word] ^= move->flips;
  if (system->bound == 1)
    to[queue->word] ^= (uint64_t)move->message << queue->shift;
  else if (move->sends)
    put_message(queue, to, move->message);
  else
    take_message(queue, to);
}

const char *maty__system_label(const maty__system_t *system, uint32_t channel, uint32_t message) {
  const maty_image_t *image = system->image;
  uint32_t action = system->actions[system->first_message[channel] + message - 1];
  return image->strings + image->actions[action].label;
}

bool maty__system_moves(const maty__system_t *system, const uint64_t *configuration,
                        uint32_t role) {
  const maty__state_t *state =
      &system->image->states[maty__system_state(system, configuration, role)];
  for (uint32_t i = 0; i < state->transition_count; i++)
    if (maty__system_can(system, configuration, &system->moves[state->first_transition + i]))
      return true;
  return false;
}

bool maty__system_hears_one(const maty__system_t *system, uint32_t state) {
  const maty__state_t *record = &system->image->states[state];
  const maty__move_t *moves = system->moves + record->first_transition;
  for (uint32_t i = 1; i < record->transition_count; i++)
    if (moves[i].channel != moves[0].channel)
      return false;
  return record->phase == MATY_PHASE_RECEIVE;
}
