/* residual.c - see residual.h. */
#include "residual.h"

#include <string.h>

#include "limits.h"

/* ===== Nodes ============================================================= */

maty_status maty__residual_init(maty__residual_t *residual, maty__arena_t *arena,
                                const maty_image_t *image, uint32_t role,
                                const maty__key_id_t *key_of, bool ahead) {
  const maty__role_t *record = &image->roles[role];
  *residual = (maty__residual_t){
      .arena = arena, .image = image, .role = role, .key_of = key_of, .ahead = ahead};
  const maty__state_t *first = &image->states[record->first_state];
  const maty__state_t *last = &image->states[record->first_state + record->state_count - 1];
  uint32_t count = last->first_transition + last->transition_count - first->first_transition;
  residual->first_transition = first->first_transition;
  residual->state_of = maty__array(arena, uint32_t, count);
  MATY__NEED(residual->state_of != NULL);
  for (uint32_t i = 0; i < record->state_count; i++)
    for (uint32_t j = 0; j < first[i].transition_count; j++)
      residual->state_of[first[i].first_transition - first->first_transition + j] =
          record->first_state + i;
  return MATY_OK;
}

static maty_status add_node(maty__residual_t *residual, const uint32_t *words, uint32_t count,
                            uint32_t *node) {
  *node = maty__pool_put(residual->arena, &residual->nodes, words, count);
  MATY__NEED(*node != MATY__NONE);
  if (*node == residual->facts.count)
    MATY__NEED(
        maty__vec_push(residual->arena, &residual->facts, ((maty__node_facts_t){.walk = 0})));
  return MATY_OK;
}

maty_status maty__residual_state(maty__residual_t *residual, uint32_t state, uint32_t *node) {
  return add_node(residual, &state, 1, node);
}

bool maty__residual_is_state(const maty__residual_t *residual, uint32_t node) {
  return maty__pool_length(&residual->nodes, node) == 1;
}

/* The state that a node is, or was before its actions were put off. */
static const maty__state_t *state_at(const maty__residual_t *residual, uint32_t node) {
  uint32_t word = maty__pool_at(&residual->nodes, node)[0];
  if (!maty__residual_is_state(residual, node))
    word = residual->state_of[word - residual->first_transition];
  return &residual->image->states[word];
}

maty_phase maty__residual_phase(const maty__residual_t *residual, uint32_t node) {
  return (maty_phase)state_at(residual, node)->phase;
}

uint32_t maty__residual_count(const maty__residual_t *residual, uint32_t node) {
  if (maty__residual_is_state(residual, node))
    return state_at(residual, node)->transition_count;
  return maty__pool_length(&residual->nodes, node) / 2;
}

maty_status maty__residual_branch(maty__residual_t *residual, uint32_t node, uint32_t index,
                                  maty__branch_t *branch) {
  if (maty__residual_is_state(residual, node)) {
    branch->transition = state_at(residual, node)->first_transition + index;
    return maty__residual_state(residual, residual->image->transitions[branch->transition].target,
                                &branch->child);
  }
  const uint32_t *words = maty__pool_at(&residual->nodes, node) + (size_t)2 * index;
  *branch = (maty__branch_t){.transition = words[0], .child = words[1]};
  return MATY_OK;
}

maty__key_id_t maty__residual_key(const maty__residual_t *residual, uint32_t transition) {
  return residual->key_of[residual->image->transitions[transition].action];
}

/* Makes an inner node of the words from "first" on, and takes them away. */
static maty_status make_node(maty__residual_t *residual, uint32_t first, uint32_t *node) {
  uint32_t count = residual->words.count - first;
  residual->words.count = first;
  return add_node(residual, residual->words.at + first, count, node);
}

/* ===== Taking an action out ============================================== */

/* Depth first over the tree, and on from its leaves over the machine. A node on
 * the way is a frame; what came of a node is kept, by its number: of TAKEN the
 * rest, else one of these. */
#define ON_THE_WAY 0xfffffff0u
#define IS_NEVER 0xfffffff1u
#define IS_NOT_NOW 0xfffffff2u
#define IS_NOT_TOLD 0xfffffff3u

typedef struct frame {
  uint32_t node;
  uint32_t next;  /* branch */
  uint32_t first; /* of its words that are gathered */
  bool cut;       /* a branch was left out that may be possible */
} frame_t;

typedef struct walk {
  maty__residual_t *residual;
  maty__key_id_t key;
  const maty__transition_t *sent;
  maty__fits_t *fits;
  bool misfit;
  MATY__VEC(frame_t) open;
} walk_t;

static uint32_t what_came(const maty__residual_t *residual, uint32_t node) {
  const maty__node_facts_t *facts = &residual->facts.at[node];
  return facts->walk == residual->walks ? facts->found : MATY__NONE;
}

static void keep(maty__residual_t *residual, uint32_t node, uint32_t found) {
  residual->facts.at[node].walk = residual->walks;
  residual->facts.at[node].found = found;
}

/* A branch that is the action itself. */
static maty_status find_direct(walk_t *walk, uint32_t node, uint32_t *found) {
  maty__residual_t *residual = walk->residual;
  uint32_t count = maty__residual_count(residual, node);
  *found = IS_NOT_TOLD;
  for (uint32_t i = 0; i < count; i++) {
    maty__branch_t branch;
    MATY__TRY(maty__residual_branch(residual, node, i, &branch));
    if (maty__residual_key(residual, branch.transition) != walk->key)
      continue;
    bool fit = true;
    if (walk->sent != NULL)
      MATY__TRY(maty__payload_fits(walk->fits, walk->sent,
                                   &residual->image->transitions[branch.transition], &fit));
    walk->misfit = walk->misfit || !fit;
    *found = fit ? branch.child : IS_NOT_NOW;
    return MATY_OK;
  }
  return MATY_OK;
}

/* What can be said of a node without its children; else IS_NOT_TOLD, and a frame
 * is opened. */
static maty_status enter(walk_t *walk, uint32_t node) {
  maty__residual_t *residual = walk->residual;
  maty_phase phase = maty__residual_phase(residual, node);
  bool receives = maty__key_receives(walk->key), ever;
  uint32_t found = IS_NOT_TOLD;
  residual->steps += 1 + (uint64_t)maty__residual_count(residual, node);
  if (phase == (receives ? MATY_PHASE_RECEIVE : MATY_PHASE_SEND)) {
    MATY__TRY(find_direct(walk, node, &found));
  } else if (phase == MATY_PHASE_FINAL) {
    found = receives ? IS_NEVER : IS_NOT_NOW;
  } else if (receives) {
    MATY__TRY(maty__residual_ever(residual, node, walk->key, &ever));
    found = ever ? IS_NOT_NOW : IS_NEVER;
  }
  bool open = found == IS_NOT_TOLD && walk->open.count < MATY_MAX_PUT_OFF &&
              (receives || phase == MATY_PHASE_SEND || residual->ahead);
  keep(residual, node, open ? ON_THE_WAY : found);
  if (open)
    MATY__NEED(maty__vec_push(residual->arena, &walk->open,
                              ((frame_t){.node = node, .first = residual->words.count})));
  return MATY_OK;
}

/* All branches of the innermost frame are known, or one has decided it. */
static maty_status leave(walk_t *walk, uint32_t found) {
  maty__residual_t *residual = walk->residual;
  frame_t top = walk->open.at[--walk->open.count];
  if (found == ON_THE_WAY && residual->words.count == top.first)
    found = maty__key_receives(walk->key) ? IS_NEVER : top.cut ? IS_NOT_TOLD : IS_NOT_NOW;
  if (found == ON_THE_WAY) {
    residual->cut = residual->cut || top.cut;
    MATY__TRY(make_node(residual, top.first, &found));
  }
  residual->words.count = top.first;
  keep(residual, top.node, found);
  return MATY_OK;
}

/* Goes on with the innermost frame. */
static maty_status step(walk_t *walk) {
  maty__residual_t *residual = walk->residual;
  frame_t *top = &walk->open.at[walk->open.count - 1];
  bool receives = maty__key_receives(walk->key);
  bool chooses = maty__residual_phase(residual, top->node) == MATY_PHASE_SEND;
  uint32_t count = maty__residual_count(residual, top->node);
  for (; top->next < count; top->next++) {
    maty__branch_t branch;
    MATY__TRY(maty__residual_branch(residual, top->node, top->next, &branch));
    maty__key_id_t key = maty__residual_key(residual, branch.transition);
    /* Another message on the same channel: what is taken rules it out. */
    if (maty__key_channel(key) == maty__key_channel(walk->key))
      continue;
    uint32_t known = what_came(residual, branch.child);
    if (known == MATY__NONE)
      return enter(walk, branch.child);
    if (known == ON_THE_WAY) { /* round a loop: the rest is no finite tree */
      bool ever = true;
      if (receives)
        MATY__TRY(maty__residual_ever(residual, branch.child, walk->key, &ever));
      known = ever ? IS_NOT_TOLD : IS_NEVER;
    }
    if (known < ON_THE_WAY) {
      MATY__NEED(maty__vec_reserve(residual->arena, &residual->words, 2));
      residual->words.at[residual->words.count++] = branch.transition;
      residual->words.at[residual->words.count++] = known;
    } else if (receives ? known != IS_NEVER : !chooses) {
      return leave(walk, known);
    } else {
      top->cut = top->cut || known == IS_NOT_TOLD;
    }
  }
  return leave(walk, ON_THE_WAY);
}

maty_status maty__residual_take(maty__residual_t *residual, uint32_t node, maty__key_id_t key,
                                const maty__transition_t *sent, maty__fits_t *fits,
                                maty__taken *taken, uint32_t *left, bool *misfit) {
  walk_t walk = {.residual = residual, .key = key, .sent = sent, .fits = fits};
  residual->walks++;
  residual->words.count = 0;
  MATY__TRY(enter(&walk, node));
  while (walk.open.count > 0)
    MATY__TRY(step(&walk));
  uint32_t found = what_came(residual, node);
  *misfit = walk.misfit;
  *left = found;
  *taken = found == IS_NEVER     ? MATY__NEVER
           : found == IS_NOT_NOW ? MATY__NOT_NOW
           : found < ON_THE_WAY  ? MATY__TAKEN
                                 : MATY__NOT_TOLD;
  return MATY_OK;
}

/* ===== Looking ahead ===================================================== */

/* Adds a node to what a search has come upon. */
static maty_status come_upon(maty__residual_t *residual, uint32_t node) {
  if (residual->facts.at[node].search == residual->searches)
    return MATY_OK;
  residual->facts.at[node].search = residual->searches;
  MATY__NEED(maty__vec_push(residual->arena, &residual->list, node));
  return MATY_OK;
}

static maty_status begin_search(maty__residual_t *residual, uint32_t node) {
  residual->searches++;
  residual->list.count = 0;
  return come_upon(residual, node);
}

maty_status maty__residual_ever(maty__residual_t *residual, uint32_t node, maty__key_id_t key,
                                bool *answer) {
  *answer = false;
  MATY__TRY(begin_search(residual, node));
  for (uint32_t i = 0; i < residual->list.count; i++) {
    uint32_t at = residual->list.at[i], count = maty__residual_count(residual, at);
    residual->steps += 1 + (uint64_t)count;
    for (uint32_t j = 0; j < count; j++) {
      maty__branch_t branch;
      MATY__TRY(maty__residual_branch(residual, at, j, &branch));
      maty__key_id_t next = maty__residual_key(residual, branch.transition);
      if (next == key) {
        *answer = true;
        return MATY_OK;
      }
      if (maty__key_channel(next) != maty__key_channel(key))
        MATY__TRY(come_upon(residual, branch.child));
    }
  }
  return MATY_OK;
}

maty_status maty__residual_channels(maty__residual_t *residual, uint32_t node,
                                    maty__map_t *channels) {
  MATY__TRY(begin_search(residual, node));
  for (uint32_t i = 0; i < residual->list.count; i++) {
    uint32_t at = residual->list.at[i], count = maty__residual_count(residual, at);
    for (uint32_t j = 0; j < count && !maty__residual_is_state(residual, at); j++) {
      maty__branch_t branch;
      MATY__TRY(maty__residual_branch(residual, at, j, &branch));
      uint32_t *known =
          maty__map_put(residual->arena, channels,
                        maty__key_channel(maty__residual_key(residual, branch.transition)));
      MATY__NEED(known != NULL);
      *known = branch.transition;
      MATY__TRY(come_upon(residual, branch.child));
    }
  }
  return MATY_OK;
}
