/* available.h - which messages can arrive out of turn.
 *
 * The question of receive validity: a role p has just been sent a message; may
 * a message of another role q to p be under way as well? It may if q can send
 * it without waiting for p: if from here a message q->p:m can be reached on a
 * way where q is not blocked. Blocked is p, and whoever waits for a message of
 * a blocked role.
 *
 * Answered by walking over pairs of a state and a set of blocked roles: the
 * least fixed point of Li, Stutz, Wies, Zufferey, "Characterizing
 * Implementability of Global Protocols with Infinite States and Data" (OOPSLA
 * 2025), definition of available messages. The sets make it exponential in the
 * worst case, so the walk is bounded by MATY_MAX_AVAILABILITY.
 */
#ifndef MATY_AVAILABLE_H
#define MATY_AVAILABLE_H

#include "view.h"

typedef struct maty__available {
  maty__view_t *view;
  maty__pool_t blocked; /* sets of roles, as bits */
  maty__map_t grown;    /* set and role to the set with the role in it */
  maty__map_t seen;     /* state and set */
  maty__u64s_t stack;
  maty__u32s_t words, found;
  maty__map_t answer_of; /* by state and sender */
  maty__pool_t answers;  /* messages, sorted */
} maty__available_t;

void maty__available_init(maty__available_t *available, maty__view_t *view);

/* Forgets the answers given for the role that was viewed before. */
void maty__available_reset(maty__available_t *available);

/* Finds the messages from "sender" to the viewed role that are available at
 * "point" while that role is blocked: a number in "answers". MATY_EREJECTED:
 * the bound is reached, and reported. */
maty_status maty__available_find(maty__available_t *available, uint32_t point, uint32_t sender,
                                 uint32_t *answer);

bool maty__available_has(const maty__available_t *available, uint32_t answer, uint32_t message);

#endif /* MATY_AVAILABLE_H */
