/* system.h - the machines of an image side by side, with a queue for each channel.
 *
 * This is the system of communicating finite state machines that is explored.
 * What it is in at one moment is a configuration: where each role stands, and
 * what is under way on each channel. A configuration is a few words of 64 bits:
 *
 *       roles' states            queues, the oldest message in the lowest bits
 *     +----+----+----+---+----------+----------+----------+-- . . --+
 *     | A  | B  | C  |   | A -> B   | B -> A   | B -> C   |         |
 *     +----+----+----+---+----------+----------+----------+-- . . --+
 *
 * A role takes the bits that number its states. A queue has a slot for each of
 * "bound" messages, a slot the bits that number the channel's labels from 1; 0
 * is an empty slot, and no message stands behind one. A queue of more than a
 * word has words of its own. What always holds: no field but such a queue
 * crosses a word, and bits that belong to no field are zero, so equal
 * configurations are equal words.
 *
 * A step is a role's transition: a send that puts its message into a queue that
 * is not full, or a receive that takes the oldest one from a queue.
 */
#ifndef MATY_SYSTEM_H
#define MATY_SYSTEM_H

#include "image.h"
#include "vec.h"

typedef struct maty__role_field {
  uint32_t word, shift;
  uint64_t mask;
} maty__role_field_t;

typedef struct maty__queue {
  uint32_t sender, receiver; /* roles */
  uint32_t word, shift;      /* of the first slot */
  uint32_t word_count;       /* more than one: shift is 0 */
  uint32_t bits;             /* of a slot */
  uint32_t slots;            /* of a word; all of them, if there is one word */
  uint32_t last_word, last_shift;
  uint64_t slot_mask, mask; /* of the lowest slot, of the slots of a word */
} maty__queue_t;

/* What a transition does, by its number in the image. */
typedef struct maty__move {
  uint64_t flips;   /* bits of the role's field that change */
  uint32_t target;  /* counts within the role */
  uint32_t channel; /* queue */
  uint32_t message; /* the label's number on the channel, from 1 */
  bool sends;
} maty__move_t;

typedef struct maty__system {
  const maty_image_t *image;
  uint32_t bound;
  uint32_t role_count, queue_count;
  uint32_t words; /* of a configuration, 1 at least */
  maty__role_field_t *roles;
  maty__queue_t *queues; /* by channel */
  maty__move_t *moves;   /* by transition */
  uint32_t *actions;     /* the sender's action of each message, by first_message + number - 1 */
  uint32_t *first_message;
} maty__system_t;

/* Lays out the configurations of an image. MATY_ELIMIT: one takes more than
 * MATY_MAX_CONFIGURATION bytes. */
maty_status maty__system_init(maty__system_t *system, const maty_image_t *image, uint32_t bound,
                              maty__arena_t *arena);

/* Fills in where all begin. */
void maty__system_begin(const maty__system_t *system, uint64_t *configuration);

/* The configuration after a role's move that can be made. */
void maty__system_make(const maty__system_t *system, const uint64_t *from, uint32_t role,
                       const maty__move_t *move, uint64_t *to);

/* The label of a message by its number on the channel. */
const char *maty__system_label(const maty__system_t *system, uint32_t channel, uint32_t message);

/* The state of a role, by its number in the image. */
static inline uint32_t maty__system_state(const maty__system_t *system,
                                          const uint64_t *configuration, uint32_t role) {
  const maty__role_field_t *field = &system->roles[role];
  return system->image->roles[role].first_state +
         (uint32_t)(configuration[field->word] >> field->shift & field->mask);
}

/* The oldest message of a queue, 0 if it is empty. */
static inline uint32_t maty__queue_head(const maty__queue_t *queue, const uint64_t *configuration) {
  return (uint32_t)(configuration[queue->word] >> queue->shift & queue->slot_mask);
}

static inline bool maty__queue_full(const maty__queue_t *queue, const uint64_t *configuration) {
  return (configuration[queue->last_word] >> queue->last_shift & queue->slot_mask) != 0;
}

/* Whether a role that stands before a move can make it. */
static inline bool maty__system_can(const maty__system_t *system, const uint64_t *configuration,
                                    const maty__move_t *move) {
  const maty__queue_t *queue = &system->queues[move->channel];
  return move->sends ? !maty__queue_full(queue, configuration)
                     : maty__queue_head(queue, configuration) == move->message;
}

/* Whether a role can make any move. */
bool maty__system_moves(const maty__system_t *system, const uint64_t *configuration, uint32_t role);

/* Whether a role waits for messages of one sender only. */
bool maty__system_hears_one(const maty__system_t *system, uint32_t state);

#endif /* MATY_SYSTEM_H */
