/* implement.h - whether each role can play its part knowing only what it sees.
 *
 * Two states are seen alike by a role if it can have taken part in the same
 * messages on the way to each. An automaton can be implemented if and only if
 * for every role p and all states s, t that p sees alike:
 *
 *   send validity     if s has p->q:m, a state with it can be reached from t by
 *                     messages that p has no part in;
 *   no mixed choice   not both: s has a message sent by p, t one received by p;
 *   receive validity  if s has q->p:m and t has r->p:n to t', q not r, then
 *                     q->p:m is not available in t' while p is blocked;
 *
 * which are the conditions of Li, Stutz, Wies, Zufferey, "Characterizing
 * Implementability of Global Protocols with Infinite States and Data" (OOPSLA
 * 2025). Two more make a machine of it that ends and that the runtime can
 * check:
 *
 *   told when it ends if a message of p can be reached from s by messages p has
 *                     no part in, then from t too;
 *   one payload       if s and t both have q->r:m with p in it, the payloads
 *                     are the same.
 */
#ifndef MATY_IMPLEMENT_H
#define MATY_IMPLEMENT_H

#include "available.h"

/* What the steps of deciding and of explaining share. */
typedef struct maty__implement {
  maty__view_t *view;
  maty__available_t available;
  uint32_t *source;        /* by transition: its state */
  maty__groups_t incoming; /* transitions by target */
  uint32_t *hears;         /* by state: the last role that has a message ahead, plus one */
  uint32_t *sends;         /* by state: what the viewed role may send ahead, in send_sets */
  uint32_t *sends_of;      /* by state: the role that "sends" is about, plus one */
  maty__pool_t send_sets;  /* messages */
  maty__u32s_t queue, words;
  MATY__VEC(struct maty__entry_facts) entries;
  maty__map_t pairs; /* of entries that were seen alike */
  maty__u64s_t open; /* those of them still to be looked at */
  maty_class broken; /* the condition that does not hold; found first, not for the shortest run */
} maty__implement_t;

maty_status maty__implement_init(maty__implement_t *implement, maty__view_t *view);

/* Decides for the role that is being viewed. MATY_EREJECTED: it cannot play
 * its part, and why is reported; or a limit is. */
maty_status maty__implement_role(maty__implement_t *implement);

#endif /* MATY_IMPLEMENT_H */
