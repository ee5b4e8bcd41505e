/* subtype.c - whether one machine can stand in for another.
 *
 * The two machines, sub and super, play a game: a position is a state of sub and
 * what is left of super (residual.h), and at first both are at their beginning.
 *
 *   sub sends      every message that sub may send is taken out of what is left
 *                  of super. It may come before what super sends to others, since
 *                  nobody sees in which order two messages leave; then super's
 *                  choices without it are ruled out. It may come before what super
 *                  receives, if it comes whatever super receives.
 *   sub receives   whatever super receives next on the channels on which sub waits
 *                  has to be among what sub takes, and super sends nothing before.
 *                  Each of these is taken out of what is left of super; it may come
 *                  before what super receives from others. A message that sub takes
 *                  and that super never does is not sent by anybody.
 *   sub has ended  so has super, and nothing is put off.
 *
 * Payloads that sub sends fit those of super, and the other way for what it
 * receives. If sub can always go on, and goes round no loop for ever with an
 * action put off on a channel that the loop does not use, it is a subtype. The
 * positions without anything put off alone are the relation of Gay and Hole
 * ("Subtyping for Session Types in the Pi Calculus", Acta Informatica 2005); the
 * others are the reorderings of Ghilezan, Pantovic, Prokic, Scalas, Yoshida
 * ("Precise Subtyping for Asynchronous Multiparty Sessions", POPL 2021), with
 * choices kept as trees, as in Bravetti, Carbone, Lange, Yoshida, Zavattaro ("A
 * Sound Algorithm for Asynchronous Session Subtyping and its Implementation",
 * LMCS 2021).
 *
 * What is decided: all pairs of machines in which only boundedly many actions are
 * put off at any time, MATY_MAX_PUT_OFF one behind the other; that is always so
 * if one of the two is finite. It cannot be told (MATY_ELIMIT) if more and more
 * are put off, if an action is to come before a loop that it does not end, and if
 * sends run ahead of receives in a system where some role receives from several
 * others at one moment: to such a role the order in which messages come matters,
 * and in other systems it does not. A role whose machine is not told counts as
 * one that does not.
 *
 * A yes is right for every system that is safe and live with super: with sub it
 * is safe. It need not be live: sub may have dropped the choice that ends a loop.
 * A no can be wrong in two ways: payload types are compared as fits.h says, and
 * where super may send a message now, or send to somebody else and then send it,
 * it is taken to be sent now.
 */
#include <string.h>

#include "image_text.h"
#include "limits.h"
#include "names.h"
#include "reach.h"
#include "residual.h"
#include "verdict.h"

typedef struct position {
  uint32_t state; /* of sub */
  uint32_t left;  /* of super: node */
  uint32_t from;  /* the position it was first reached from; its own number at first */
  uint32_t by;    /* and the transition of sub */
} position_t;

typedef struct edge {
  uint32_t from, to;
  uint32_t channel;
} edge_t;

typedef struct game {
  maty_verdict_t *verdict;
  maty__pace_t pace;
  maty__arena_t arena;
  const maty_image_t *sub, *super;
  uint32_t sub_role, super_role;
  maty__key_id_t *sub_keys, *super_keys; /* by action */
  maty__fits_t sent, received;
  maty__residual_t residual;
  MATY__VEC(position_t) positions;
  maty__map_t position_of; /* by state and node */
  MATY__VEC(edge_t) edges;
  uint8_t *endless; /* by state of sub, from its first: it may send for ever, and not receive */
  /* Of the receiving state that is looked at. */
  maty__map_t waits;   /* channels */
  maty__map_t takes;   /* by key: its transition */
  maty__map_t colours; /* by node: 0 on the way, 1 done */
  maty__u32s_t walk;   /* node, next branch */
  const char *untold;  /* why it cannot be told; NULL if it can */
  uint32_t untold_at;  /* position */
} game_t;

static maty__key_id_t sub_key(const game_t *game, uint32_t transition) {
  return game->sub_keys[game->sub->transitions[transition].action];
}

/* ===== Keys ============================================================== */

static maty_status find_keys(game_t *game, maty__names_t *names, const maty_image_t *image,
                             uint32_t role, maty__key_id_t **keys) {
  const maty__role_t *record = &image->roles[role];
  *keys = maty__array(&game->arena, maty__key_id_t, record->action_count);
  MATY__NEED(*keys != NULL);
  for (uint32_t i = 0; i < record->action_count; i++) {
    const maty__action_t *action = &image->actions[record->first_action + i];
    const char *peer = image->strings + image->roles[action->peer].name;
    const char *label = image->strings + action->label;
    uint32_t peer_name = maty__names_put(names, peer, (uint32_t)strlen(peer));
    uint32_t label_name = maty__names_put(names, label, (uint32_t)strlen(label));
    MATY__NEED(peer_name != MATY__NONE && label_name != MATY__NONE);
    (*keys)[i] = (uint64_t)peer_name << 33 |
                 (uint64_t)(action->direction == MATY_DIRECTION_RECEIVE) << 32 | label_name;
  }
  return MATY_OK;
}

/* Whether no role of an image ever receives from several others at one moment. */
static bool hears_one_at_a_time(const maty_image_t *image) {
  for (uint32_t i = 0; i < image->header->states.count; i++) {
    const maty__state_t *state = &image->states[i];
    const maty__transition_t *transitions = &image->transitions[state->first_transition];
    const maty__action_t *actions = &image->actions[image->roles[state->role].first_action];
    for (uint32_t j = 1; state->phase == MATY_PHASE_RECEIVE && j < state->transition_count; j++)
      if (actions[transitions[j].action].peer != actions[transitions[0].action].peer)
        return false;
  }
  return true;
}

/* States that send are taken away from which no message leads to one that is still
 * there; who is left may send for ever. */
static maty_status find_endless(game_t *game) {
  const maty__role_t *role = &game->sub->roles[game->sub_role];
  const maty__state_t *states = &game->sub->states[role->first_state];
  uint32_t *outs = maty__zarray(&game->arena, uint32_t, role->state_count);
  maty__u64s_t arcs = {0}; /* target, state: sorted */
  maty__u32s_t gone = {0};
  game->endless = maty__array(&game->arena, uint8_t, role->state_count);
  MATY__NEED(outs != NULL && game->endless != NULL);
  for (uint32_t i = 0; i < role->state_count; i++) {
    game->endless[i] = states[i].phase == MATY_PHASE_SEND;
    for (uint32_t j = 0; game->endless[i] && j < states[i].transition_count; j++, outs[i]++) {
      uint32_t target = game->sub->transitions[states[i].first_transition + j].target;
      MATY__NEED(
          maty__vec_push(&game->arena, &arcs, (uint64_t)(target - role->first_state) << 32 | i));
    }
    if (!game->endless[i])
      MATY__NEED(maty__vec_push(&game->arena, &gone, i));
  }
  if (arcs.count > 1)
    maty__sort(arcs.at, arcs.count);
  for (uint32_t i = 0; i < gone.count; i++) {
    uint32_t low = 0, high = arcs.count; /* the first arc to it is in [low, high] */
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (arcs.at[middle] >> 32 < gone.at[i])
        low = middle + 1;
      else
        high = middle;
    }
    for (; low < arcs.count && arcs.at[low] >> 32 == gone.at[i]; low++)
      if (--outs[(uint32_t)arcs.at[low]] == 0) {
        game->endless[(uint32_t)arcs.at[low]] = 0;
        MATY__NEED(maty__vec_push(&game->arena, &gone, (uint32_t)arcs.at[low]));
      }
  }
  return MATY_OK;
}

/* ===== Telling =========================================================== */

/* What super does at this point, as the last line of a run. */
static const char *describe_left(game_t *game, uint32_t node) {
  enum { SHOWN = 4 };
  maty__text_t text;
  maty__text_init(&text, &game->verdict->arena);
  uint32_t count = maty__residual_count(&game->residual, node);
  if (maty__residual_phase(&game->residual, node) == MATY_PHASE_FINAL)
    maty__text_add(&text, "expected here: the end");
  for (uint32_t i = 0; i < count; i++) {
    maty__branch_t branch;
    if (i == SHOWN) {
      maty__text_add(&text, ", or %u more", count - i);
      break;
    }
    if (maty__residual_branch(&game->residual, node, i, &branch) != MATY_OK)
      return NULL;
    const maty__transition_t *transition = &game->super->transitions[branch.transition];
    const maty__action_t *action =
        &game->super
             ->actions[game->super->roles[game->super_role].first_action + transition->action];
    bool sends = action->direction == MATY_DIRECTION_SEND;
    maty__text_add(&text, "%s%s",
                   i == 0 ? (sends ? "expected here: to send " : "expected here: to receive ")
                          : " or ",
                   game->super->strings + action->label);
    maty__text_add_payload(&text, game->super, transition);
    maty__text_add(&text, " %s %s", sends ? "to" : "from",
                   game->super->strings + game->super->roles[action->peer].name);
  }
  return text.failed ? NULL : text.at;
}

/* Adds the error; its text begins with the role, since a place in a protocol may be
 * that of several. */
static maty_status add_error(game_t *game, maty_class class_, uint32_t line, uint32_t column,
                             const char *text) {
  return maty__verdict_add(game->verdict, game->sub, class_, line, column, "role '%s': %s",
                           game->sub->strings + game->sub->roles[game->sub_role].name, text);
}

/* Adds the steps to a position; "last" is one more, MATY__NONE for none. */
static maty_status add_run(game_t *game, uint32_t position, uint32_t last, const char *ending) {
  maty__runs_t runs;
  maty__u32s_t steps = {0};
  if (last != MATY__NONE)
    MATY__NEED(maty__vec_push(&game->arena, &steps, last));
  for (uint32_t at = position; game->positions.at[at].from != at; at = game->positions.at[at].from)
    MATY__NEED(maty__vec_push(&game->arena, &steps, game->positions.at[at].by));
  maty__runs_init(&runs, &game->verdict->arena);
  maty__runs_begin(&runs, "");
  for (uint32_t i = 0; i < steps.count; i++) {
    const maty__transition_t *transition = &game->sub->transitions[steps.at[steps.count - 1 - i]];
    if (maty__runs_shows(i, steps.count))
      MATY__TRY(maty__verdict_step(game->verdict, game->sub, game->sub_role, transition->action,
                                   i + 1, transition->line, &runs));
  }
  maty__runs_end(&runs, ending);
  return maty__verdict_runs(game->verdict, &runs);
}

/* Reports that sub is none, since of a transition (MATY__NONE: of the state).
 * Returns MATY_EREJECTED. */
static maty_status differ(game_t *game, uint32_t position, uint32_t transition, bool taken,
                          const char *text) {
  const position_t *at = &game->positions.at[position];
  const maty__state_t *state = &game->sub->states[at->state];
  uint32_t line = state->line, column = state->column;
  if (transition != MATY__NONE) {
    line = game->sub->transitions[transition].line;
    column = game->sub->transitions[transition].column;
  }
  const char *ending = describe_left(game, at->left);
  MATY__NEED(text != NULL && ending != NULL);
  if (game->residual.cut) {
    game->untold = "an action was put off before a choice that a loop repeats";
    game->untold_at = position;
    return MATY_ELIMIT;
  }
  MATY__TRY(add_error(game, MATY_CLASS_SUBTYPE, line, column, text));
  MATY__TRY(add_run(game, position, taken ? transition : MATY__NONE, ending));
  return MATY_EREJECTED;
}

/* The text of a difference: a message, and what is wrong with it. */
static const char *about(game_t *game, const maty_image_t *image, uint32_t role,
                         uint32_t transition, const char *after) {
  maty__text_t text;
  const maty__transition_t *record = &image->transitions[transition];
  const maty__action_t *action = &image->actions[image->roles[role].first_action + record->action];
  maty__text_init(&text, &game->verdict->arena);
  maty__text_add(&text, "'%s' %s '%s' %s", image->strings + action->label,
                 action->direction == MATY_DIRECTION_SEND ? "to" : "from",
                 image->strings + image->roles[action->peer].name, after);
  return text.failed ? NULL : text.at;
}

/* The same where payloads differ; "taken" may not be known. */
static const char *about_payload(game_t *game, const maty_image_t *sent_image,
                                 const maty__transition_t *sent, const maty_image_t *taken_image,
                                 const maty__transition_t *taken, const char *message) {
  maty__text_t text;
  maty__text_init(&text, &game->verdict->arena);
  if (message == NULL)
    return NULL;
  maty__text_add(&text, "%s: ", message);
  maty__text_add_payload(&text, sent_image, sent);
  maty__text_add(&text, " does not fit");
  if (taken != NULL) {
    maty__text_add(&text, " ");
    maty__text_add_payload(&text, taken_image, taken);
  }
  return text.failed ? NULL : text.at;
}

static void cannot_tell(game_t *game, uint32_t position, const char *why) {
  if (game->untold == NULL) {
    game->untold = why;
    game->untold_at = position;
  }
}

/* ===== The game ========================================================== */

static maty_status add_position(game_t *game, uint32_t state, uint32_t left, uint32_t from,
                                uint32_t by) {
  uint32_t *number = maty__map_put(&game->arena, &game->position_of, (uint64_t)state << 32 | left);
  MATY__NEED(number != NULL);
  if (*number == MATY__NONE) {
    *number = game->positions.count;
    position_t position = {
        .state = state, .left = left, .from = from == MATY__NONE ? *number : from, .by = by};
    MATY__NEED(maty__vec_push(&game->arena, &game->positions, position));
  }
  if (from == MATY__NONE)
    return MATY_OK;
  edge_t edge = {.from = from, .to = *number, .channel = maty__key_channel(sub_key(game, by))};
  MATY__NEED(maty__vec_push(&game->arena, &game->edges, edge));
  return MATY_OK;
}

/* The transition of super that could be this message, if what is left begins
 * with it; for showing. */
static const maty__transition_t *expected_like(game_t *game, uint32_t node, maty__key_id_t key) {
  maty__branch_t branch;
  for (uint32_t i = 0; i < maty__residual_count(&game->residual, node); i++)
    if (maty__residual_branch(&game->residual, node, i, &branch) == MATY_OK &&
        maty__residual_key(&game->residual, branch.transition) == key)
      return &game->super->transitions[branch.transition];
  return NULL;
}

static maty_status play_send(game_t *game, uint32_t number, uint32_t transition) {
  const position_t position = game->positions.at[number];
  const maty__transition_t *sent = &game->sub->transitions[transition];
  maty__key_id_t key = sub_key(game, transition);
  maty__taken taken;
  uint32_t left;
  bool misfit, ever = true;
  MATY__TRY(maty__residual_take(&game->residual, position.left, key, sent, &game->sent, &taken,
                                &left, &misfit));
  if (taken == MATY__TAKEN)
    return add_position(game, sent->target, left, number, transition);
  if (taken == MATY__NOT_TOLD)
    MATY__TRY(maty__residual_ever(&game->residual, position.left, key, &ever));
  if (taken == MATY__NOT_TOLD && ever) {
    cannot_tell(game, number,
                game->residual.ahead
                    ? "a message is sent ahead of more than can be followed"
                    : "a message is sent ahead in a system where a role receives from several");
    return MATY_OK;
  }
  const char *text = about(game, game->sub, game->sub_role, transition,
                           misfit ? "has another payload" : "is sent where it is not expected");
  if (misfit)
    text = about_payload(game, game->sub, sent, game->super,
                         expected_like(game, position.left, key), text);
  return differ(game, number, transition, true, text);
}

/* One branch of what is left, where sub waits. Sets *on if it is to be followed. */
static maty_status cover_branch(game_t *game, uint32_t number, const maty__branch_t *branch,
                                bool *on) {
  const maty__transition_t *sent = &game->super->transitions[branch->transition];
  maty__key_id_t key = maty__residual_key(&game->residual, branch->transition);
  *on = maty__map_get(&game->waits, maty__key_channel(key)) == MATY__NONE;
  if (*on)
    return MATY_OK;
  uint32_t transition = maty__map_get(&game->takes, key);
  if (transition == MATY__NONE)
    return differ(game, number, MATY__NONE, false,
                  about(game, game->super, game->super_role, branch->transition,
                        "may come and is not received"));
  bool fit;
  const maty__transition_t *taken = &game->sub->transitions[transition];
  MATY__TRY(maty__payload_fits(&game->received, sent, taken, &fit));
  if (fit)
    return MATY_OK;
  return differ(game, number, transition, false,
                about_payload(game, game->super, sent, game->sub, taken,
                              about(game, game->super, game->super_role, branch->transition,
                                    "has another payload")));
}

/* Whatever super receives next on the channels of sub's state is taken there. */
static maty_status cover(game_t *game, uint32_t number) {
  uint32_t root = game->positions.at[number].left;
  maty__map_clear(&game->colours);
  game->walk.count = 0;
  for (uint32_t enter = root;;) {
    if (enter != MATY__NONE) {
      maty_phase phase = maty__residual_phase(&game->residual, enter);
      if (phase != MATY_PHASE_RECEIVE)
        return differ(game, number, MATY__NONE, false,
                      phase == MATY_PHASE_FINAL ? "waits for a message where the end is expected"
                                                : "waits for a message where one has to be sent");
      uint32_t *colour = maty__map_put(&game->arena, &game->colours, enter);
      MATY__NEED(colour != NULL && maty__vec_reserve(&game->arena, &game->walk, 2));
      *colour = 0;
      game->walk.at[game->walk.count++] = enter;
      game->walk.at[game->walk.count++] = 0;
      enter = MATY__NONE;
    }
    if (game->walk.count == 0)
      return MATY_OK;
    uint32_t node = game->walk.at[game->walk.count - 2];
    uint32_t next = game->walk.at[game->walk.count - 1]++;
    if (next == maty__residual_count(&game->residual, node)) {
      uint32_t *colour = maty__map_put(&game->arena, &game->colours, node);
      MATY__NEED(colour != NULL);
      *colour = 1;
      game->walk.count -= 2;
      continue;
    }
    maty__branch_t branch;
    bool on;
    MATY__TRY(maty__residual_branch(&game->residual, node, next, &branch));
    MATY__TRY(cover_branch(game, number, &branch, &on));
    uint32_t colour = on ? maty__map_get(&game->colours, branch.child) : 1;
    if (colour == MATY__NONE)
      enter = branch.child;
    else if (colour == 0)
      cannot_tell(game, number, "a message is received ahead of a loop");
  }
}

static maty_status play_receive(game_t *game, uint32_t number) {
  const position_t position = game->positions.at[number];
  const maty__state_t *state = &game->sub->states[position.state];
  maty__map_clear(&game->waits);
  maty__map_clear(&game->takes);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    maty__key_id_t key = sub_key(game, state->first_transition + i);
    uint32_t *take = maty__map_put(&game->arena, &game->takes, key);
    MATY__NEED(take != NULL);
    *take = state->first_transition + i;
    uint32_t *wait = maty__map_put(&game->arena, &game->waits, maty__key_channel(key));
    MATY__NEED(wait != NULL);
    *wait = 0;
  }
  MATY__TRY(cover(game, number));
  for (uint32_t i = 0; i < state->transition_count; i++) {
    uint32_t transition = state->first_transition + i, left;
    maty__taken taken;
    bool misfit;
    MATY__TRY(maty__residual_take(&game->residual, position.left, sub_key(game, transition), NULL,
                                  NULL, &taken, &left, &misfit));
    if (taken == MATY__TAKEN)
      MATY__TRY(
          add_position(game, game->sub->transitions[transition].target, left, number, transition));
    else if (taken == MATY__NOT_NOW)
      return differ(game, number, transition, true,
                    about(game, game->sub, game->sub_role, transition,
                          "may be received before a message is sent that comes first"));
    else if (taken == MATY__NOT_TOLD)
      cannot_tell(game, number, "a message is received ahead of more than can be followed");
  }
  return MATY_OK;
}

/* Reports that an action of super on a channel is put off for ever. */
static maty_status report_loop(game_t *game, uint32_t position, uint32_t channel) {
  const position_t *at = &game->positions.at[position];
  const maty__state_t *state = &game->sub->states[at->state];
  maty__map_t channels = {0};
  MATY__TRY(maty__residual_channels(&game->residual, at->left, &channels));
  const char *text = about(game, game->super, game->super_role, maty__map_get(&channels, channel),
                           "can be put off for ever");
  MATY__NEED(text != NULL);
  MATY__TRY(add_error(game, MATY_CLASS_SUBTYPE, state->line, state->column, text));
  MATY__TRY(add_run(game, position, MATY__NONE, "and from here on for ever without it"));
  return MATY_EREJECTED;
}

/* Whatever is to be received never is, if sub goes on sending. */
static maty_status check_endless(game_t *game, uint32_t number) {
  const position_t *at = &game->positions.at[number];
  maty__map_t channels = {0};
  if (!game->endless[at->state - game->sub->roles[game->sub_role].first_state] ||
      maty__residual_is_state(&game->residual, at->left))
    return MATY_OK;
  MATY__TRY(maty__residual_channels(&game->residual, at->left, &channels));
  for (uint32_t i = 0; i < channels.capacity; i++)
    if (channels.keys[i] != UINT64_MAX && (channels.keys[i] & 1) != 0)
      return report_loop(game, number, (uint32_t)channels.keys[i]);
  return MATY_OK;
}

static maty_status play(game_t *game, uint32_t number) {
  const position_t position = game->positions.at[number];
  const maty__state_t *state = &game->sub->states[position.state];
  maty_phase left = maty__residual_phase(&game->residual, position.left);
  uint64_t steps = game->residual.steps + game->sent.steps + game->received.steps;
  switch ((maty_phase)state->phase) {
  case MATY_PHASE_FINAL:
    if (left != MATY_PHASE_FINAL)
      return differ(game, number, MATY__NONE, false,
                    left == MATY_PHASE_SEND ? "has ended where a message has to be sent"
                                            : "has ended where a message may come");
    break;
  case MATY_PHASE_SEND:
    MATY__TRY(check_endless(game, number));
    for (uint32_t i = 0; i < state->transition_count; i++)
      MATY__TRY(play_send(game, number, state->first_transition + i));
    break;
  case MATY_PHASE_RECEIVE:
    MATY__TRY(play_receive(game, number));
    break;
  }
  steps = game->residual.steps + game->sent.steps + game->received.steps - steps;
  if (game->residual.steps > MATY_MAX_STEPS)
    return MATY_ELIMIT;
  return maty__pace(&game->pace, steps + 1);
}

/* ===== Loops ============================================================= */

/* A loop of positions in all of which an action is put off on a channel that no
 * step of the loop uses: it is put off for ever. For each channel, positions are
 * taken away from which no such step leads to one that is still there; where some
 * are left there is a loop. */
typedef struct loops {
  maty__u64s_t put_off;     /* channel, position: sorted */
  uint8_t *waits;           /* by position: an action of the channel is put off */
  uint32_t *outs;           /* by position: such steps to positions that are still there */
  uint32_t *first_out;      /* by position, and one more: its edges, which are one run */
  uint32_t *first_in, *ins; /* the same: the edges that lead to it */
  maty__u32s_t gone;
} loops_t;

static maty_status find_put_off(game_t *game, loops_t *loops) {
  maty__map_t channels = {0};
  for (uint32_t i = 0; i < game->positions.count; i++) {
    uint32_t left = game->positions.at[i].left;
    if (maty__residual_is_state(&game->residual, left))
      continue;
    maty__map_clear(&channels);
    MATY__TRY(maty__residual_channels(&game->residual, left, &channels));
    for (uint32_t j = 0; j < channels.capacity; j++)
      if (channels.keys[j] != UINT64_MAX)
        MATY__NEED(maty__vec_push(&game->arena, &loops->put_off, channels.keys[j] << 32 | i));
    MATY__TRY(maty__pace(&game->pace, channels.capacity));
  }
  if (loops->put_off.count > 1)
    maty__sort(loops->put_off.at, loops->put_off.count);
  return MATY_OK;
}

static maty_status index_edges(game_t *game, loops_t *loops) {
  uint32_t count = game->positions.count, edge_count = game->edges.count;
  loops->first_out = maty__zarray(&game->arena, uint32_t, (size_t)count + 2);
  loops->first_in = maty__zarray(&game->arena, uint32_t, (size_t)count + 2);
  loops->ins = maty__array(&game->arena, uint32_t, edge_count);
  loops->waits = maty__zarray(&game->arena, uint8_t, count);
  loops->outs = maty__zarray(&game->arena, uint32_t, count);
  MATY__NEED(loops->first_out != NULL && loops->first_in != NULL && loops->ins != NULL &&
             loops->waits != NULL && loops->outs != NULL);
  uint32_t *next = loops->first_in + 1;
  for (uint32_t i = 0; i < edge_count; i++) {
    next[game->edges.at[i].to + 1]++;
    loops->first_out[game->edges.at[i].from + 1]++;
  }
  for (uint32_t i = 0; i < count; i++) {
    next[i + 1] += next[i];
    loops->first_out[i + 1] += loops->first_out[i];
  }
  for (uint32_t i = 0; i < edge_count; i++)
    loops->ins[next[game->edges.at[i].to]++] = i;
  return MATY_OK;
}

static bool stays(const game_t *game, const loops_t *loops, uint32_t channel, uint32_t edge) {
  const edge_t *record = &game->edges.at[edge];
  return record->channel != channel && loops->waits[record->from] && loops->waits[record->to];
}

/* The same for the positions put_off.at[first .. end - 1], all of one channel. Sets
 * *found to one that leads to such a loop, or to MATY__NONE. */
static maty_status find_loop(game_t *game, loops_t *loops, uint32_t first, uint32_t end,
                             uint32_t *found) {
  uint32_t channel = (uint32_t)(loops->put_off.at[first] >> 32);
  uint64_t steps = end - first;
  *found = MATY__NONE;
  loops->gone.count = 0;
  for (uint32_t i = first; i < end; i++)
    loops->waits[(uint32_t)loops->put_off.at[i]] = 1;
  for (uint32_t i = first; i < end; i++) {
    uint32_t at = (uint32_t)loops->put_off.at[i];
    loops->outs[at] = 0;
    for (uint32_t j = loops->first_out[at]; j < loops->first_out[at + 1]; j++, steps++)
      loops->outs[at] += stays(game, loops, channel, j);
    if (loops->outs[at] == 0)
      MATY__NEED(maty__vec_push(&game->arena, &loops->gone, at));
  }
  for (uint32_t i = 0; i < loops->gone.count; i++) {
    uint32_t to = loops->gone.at[i];
    for (uint32_t j = loops->first_in[to]; j < loops->first_in[to + 1]; j++, steps++) {
      uint32_t from = game->edges.at[loops->ins[j]].from;
      if (stays(game, loops, channel, loops->ins[j]) && --loops->outs[from] == 0)
        MATY__NEED(maty__vec_push(&game->arena, &loops->gone, from));
    }
  }
  for (uint32_t i = end; i-- > first;) {
    uint32_t at = (uint32_t)loops->put_off.at[i];
    loops->waits[at] = 0;
    if (loops->outs[at] > 0)
      *found = at;
  }
  return maty__pace(&game->pace, steps);
}

static maty_status check_loops(game_t *game) {
  loops_t loops = {.put_off = {0}};
  MATY__TRY(find_put_off(game, &loops));
  if (loops.put_off.count == 0)
    return MATY_OK;
  MATY__TRY(index_edges(game, &loops));
  for (uint32_t first = 0, end; first < loops.put_off.count; first = end) {
    uint64_t channel = loops.put_off.at[first] >> 32;
    uint32_t found;
    for (end = first; end < loops.put_off.count && loops.put_off.at[end] >> 32 == channel; end++)
      ;
    MATY__TRY(find_loop(game, &loops, first, end, &found));
    if (found != MATY__NONE)
      return report_loop(game, found, (uint32_t)channel);
  }
  return MATY_OK;
}

/* ===== The whole ========================================================= */

static maty_status prepare(game_t *game) {
  maty__names_t names;
  uint32_t left;
  MATY__TRY(maty__names_init(&names, &game->arena));
  MATY__TRY(find_keys(game, &names, game->sub, game->sub_role, &game->sub_keys));
  MATY__TRY(find_keys(game, &names, game->super, game->super_role, &game->super_keys));
  MATY__TRY(find_endless(game));
  maty__fits_init(&game->sent, &game->arena, game->sub, game->super);
  maty__fits_init(&game->received, &game->arena, game->super, game->sub);
  MATY__TRY(maty__residual_init(&game->residual, &game->arena, game->super, game->super_role,
                                game->super_keys, hears_one_at_a_time(game->super)));
  MATY__TRY(
      maty__residual_state(&game->residual, game->super->roles[game->super_role].initial, &left));
  return add_position(game, game->sub->roles[game->sub_role].initial, left, MATY__NONE, MATY__NONE);
}

static maty_status play_all(game_t *game) {
  MATY__TRY(prepare(game));
  for (uint32_t i = 0; i < game->positions.count; i++) {
    if (game->positions.count > MATY_MAX_SUBTYPE_PAIRS) {
      cannot_tell(game, 0, "there are too many pairs of states");
      return MATY_ELIMIT;
    }
    MATY__TRY(play(game, i));
  }
  MATY__TRY(check_loops(game));
  return game->untold == NULL ? MATY_OK : MATY_ELIMIT;
}

static maty_status tell_untold(game_t *game) {
  const position_t *at = &game->positions.at[game->untold_at];
  const maty__state_t *state = &game->sub->states[at->state];
  if (game->untold == NULL)
    game->untold = "there are too many steps";
  maty__text_t text;
  maty__text_init(&text, &game->verdict->arena);
  maty__text_add(&text, "it cannot be told: %s", game->untold);
  MATY__NEED(!text.failed);
  MATY__TRY(add_error(game, MATY_CLASS_LIMIT, state->line, state->column, text.at));
  return at->from == game->untold_at ? MATY_OK : add_run(game, game->untold_at, MATY__NONE, "");
}

/* Compares into a verdict that may have errors already. */
static maty_status compare(maty_verdict_t *verdict, const maty_image_t *sub, uint32_t sub_role,
                           const maty_image_t *super, uint32_t super_role,
                           const maty_config_t *config) {
  game_t game = {.sub = sub,
                 .super = super,
                 .sub_role = sub_role,
                 .super_role = super_role,
                 .pace = {.config = config},
                 .verdict = verdict};
  maty__arena_init(&game.arena, &config->allocator);
  maty_status status = play_all(&game);
  if (status == MATY_ELIMIT && tell_untold(&game) != MATY_OK)
    status = MATY_ENOMEM;
  verdict->facts.states += game.positions.count;
  verdict->facts.transitions += game.edges.count;
  verdict->facts.bytes += (uint64_t)game.positions.count * sizeof *game.positions.at +
                          (uint64_t)game.edges.count * sizeof *game.edges.at;
  maty__arena_free(&game.arena);
  return status;
}

static maty_status hand_out(maty_verdict_t **out, maty_verdict_t *verdict, maty_status status) {
  if (status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT)
    *out = verdict;
  else
    maty_verdict_free(verdict);
  return status;
}

static bool arguments_are_good(maty_verdict_t **out, const maty_image_t *sub,
                               const maty_image_t *super, const maty_config_t *config) {
  if (out != NULL)
    *out = NULL;
  return out != NULL && sub != NULL && super != NULL && config != NULL &&
         config->allocator.resize != NULL;
}

maty_status maty_subtype(maty_verdict_t **out, const maty_image_t *sub, uint32_t sub_role,
                         const maty_image_t *super, uint32_t super_role,
                         const maty_config_t *config) {
  if (!arguments_are_good(out, sub, super, config) || sub_role >= sub->header->roles.count ||
      super_role >= super->header->roles.count)
    return MATY_EINVAL;
  maty_verdict_t *verdict = maty__verdict_new(&config->allocator);
  MATY__NEED(verdict != NULL);
  return hand_out(out, verdict, compare(verdict, sub, sub_role, super, super_role, config));
}

/* ===== Versions of a protocol ============================================ */

static uint32_t find_role(const maty_image_t *image, const char *name) {
  for (uint32_t i = 0; i < image->header->roles.count; i++)
    if (strcmp(image->strings + image->roles[i].name, name) == 0)
      return i;
  return MATY__NONE;
}

/* Reports the roles of "image" that "other" does not have. */
static maty_status check_roles(maty_verdict_t *verdict, const maty_image_t *image,
                               const maty_image_t *other, const char *what) {
  bool all = true;
  for (uint32_t i = 0; i < image->header->roles.count; i++) {
    const maty__role_t *role = &image->roles[i];
    if (find_role(other, image->strings + role->name) != MATY__NONE)
      continue;
    all = false;
    MATY__TRY(maty__verdict_add(verdict, image, MATY_CLASS_SUBTYPE, role->line, role->column,
                                "role '%s': %s", image->strings + role->name, what));
  }
  return all ? MATY_OK : MATY_EREJECTED;
}

static maty_status compare_all(maty_verdict_t *verdict, const maty_image_t *next,
                               const maty_image_t *before, const maty_config_t *config) {
  maty_status worst = check_roles(verdict, before, next, "the new version does not have it");
  if (worst != MATY_OK && worst != MATY_EREJECTED)
    return worst;
  maty_status status = check_roles(verdict, next, before, "the old version does not have it");
  for (uint32_t i = 0;; i++) {
    if (status != MATY_OK && status != MATY_EREJECTED && status != MATY_ELIMIT)
      return status;
    if (status == MATY_EREJECTED || (status == MATY_ELIMIT && worst == MATY_OK))
      worst = status;
    if (i == next->header->roles.count)
      return worst;
    uint32_t old_role = find_role(before, next->strings + next->roles[i].name);
    status = old_role == MATY__NONE ? MATY_OK : compare(verdict, next, i, before, old_role, config);
  }
}

maty_status maty_versions(maty_verdict_t **out, const maty_image_t *next,
                          const maty_image_t *before, const maty_config_t *config) {
  if (!arguments_are_good(out, next, before, config))
    return MATY_EINVAL;
  maty_verdict_t *verdict = maty__verdict_new(&config->allocator);
  MATY__NEED(verdict != NULL);
  return hand_out(out, verdict, compare_all(verdict, next, before, config));
}
