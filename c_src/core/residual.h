/* residual.h - what is left of a machine when another one runs ahead of it.
 *
 * Another machine is compared with this one, and need not act in the same order:
 * some of this one's actions are put off. What is left of it then is a tree. Its
 * leaves are states of the machine, its inner nodes are states whose actions are
 * put off; some of a node's branches may have been ruled out.
 *
 *     1: ok from B -> 2, no from B -> 3        [1]   after "bye to C":   (1)
 *     2: bye to C -> 4                                                  ok / \ no
 *     3: bye to C -> 5                                                  [4]   [5]
 *
 * Nodes are kept in a pool, equal ones once, so a tree is a number and comparing
 * two of them is comparing two numbers.
 *
 * A message is known by its key: direction, peer and label, by name, so that keys
 * of two images can be compared.
 */
#ifndef MATY_RESIDUAL_H
#define MATY_RESIDUAL_H

#include "fits.h"

/* The label in the lower half; above it the peer, and one bit: it is received. */
typedef uint64_t maty__key_id_t;

static inline uint32_t maty__key_channel(maty__key_id_t key) { return (uint32_t)(key >> 32); }
static inline bool maty__key_receives(maty__key_id_t key) { return (key >> 32 & 1) != 0; }

/* What comes of taking one action out of a tree. */
typedef enum maty__taken {
  MATY__TAKEN,   /* it can be the next one on its channel; *left is the rest */
  MATY__NEVER,   /* it never comes next on its channel: nobody sends it */
  MATY__NOT_NOW, /* it is not possible here */
  MATY__NOT_TOLD /* it may be, but the rest is no tree or a bound is reached */
} maty__taken;

typedef struct maty__branch {
  uint32_t transition; /* of the image */
  uint32_t child;      /* node */
} maty__branch_t;

typedef struct maty__node_facts {
  uint32_t walk, found; /* what came of the node, and in which walk */
  uint32_t search;      /* the last search that came upon it */
} maty__node_facts_t;

typedef struct maty__residual {
  maty__arena_t *arena;
  const maty_image_t *image;
  uint32_t role;
  const maty__key_id_t *key_of; /* by action of the role */
  bool ahead;                   /* sends may come before receives */
  maty__pool_t nodes;           /* a leaf: state; an inner node: pairs of words, a branch each */
  MATY__VEC(maty__node_facts_t) facts;
  uint32_t *state_of; /* by transition of the role, counted from its first: the state it is in */
  uint32_t first_transition;
  uint32_t walks, searches; /* so far */
  maty__u32s_t list;        /* nodes that a search has come upon */
  maty__u32s_t words;       /* of the nodes that are being made */
  bool cut;                 /* a branch was ruled out only since it goes round a loop, or too far */
  uint64_t steps;
} maty__residual_t;

maty_status maty__residual_init(maty__residual_t *residual, maty__arena_t *arena,
                                const maty_image_t *image, uint32_t role,
                                const maty__key_id_t *key_of, bool ahead);

/* Sets *node to the tree that is one state. */
maty_status maty__residual_state(maty__residual_t *residual, uint32_t state, uint32_t *node);

/* What comes first in a tree. */
maty_phase maty__residual_phase(const maty__residual_t *residual, uint32_t node);
uint32_t maty__residual_count(const maty__residual_t *residual, uint32_t node);
maty_status maty__residual_branch(maty__residual_t *residual, uint32_t node, uint32_t index,
                                  maty__branch_t *branch);
maty__key_id_t maty__residual_key(const maty__residual_t *residual, uint32_t transition);

/* Whether nothing is put off. */
bool maty__residual_is_state(const maty__residual_t *residual, uint32_t node);

/* Takes one action out. What is sent may come before receives, and before sends
 * to others, of which then some are ruled out; what is received may come before
 * receives from others. With "sent", a transition of the image of "fits", its
 * payload has to fit; *misfit is set if that is why it is not possible. */
maty_status maty__residual_take(maty__residual_t *residual, uint32_t node, maty__key_id_t key,
                                const maty__transition_t *sent, maty__fits_t *fits,
                                maty__taken *taken, uint32_t *left, bool *misfit);

/* Whether the action can be the next one on its channel, however much comes before it
 * on others. */
maty_status maty__residual_ever(maty__residual_t *residual, uint32_t node, maty__key_id_t key,
                                bool *answer);

/* Adds the channels (the upper half of keys) whose actions are put off to a map,
 * each with a transition of such an action. */
maty_status maty__residual_channels(maty__residual_t *residual, uint32_t node,
                                    maty__map_t *channels);

#endif /* MATY_RESIDUAL_H */
