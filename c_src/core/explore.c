/* explore.c - running machines against one another in every order that matters.
 *
 * Breadth first, from where all roles begin, with queues of at most "bound"
 * messages. At each configuration safety.c says whether something is wrong;
 * progress.c looks at endless runs when all is found.
 *
 * Most orders of steps make no difference. Where a role can send, and each of
 * its queues has room, or where it waits for one sender whose message has come,
 * nothing that others do can keep it from these steps, change them, or add one:
 * others put behind the messages that it takes, and take before those that it
 * puts. So it is enough to follow the steps of this one role; they are a
 * persistent set (Godefroid, "Partial-Order Methods for the Verification of
 * Concurrent Systems", LNCS 1032, 1996, chapter 4). To leave out the other roles
 * for ever on a loop would be wrong, so one of the steps has to lead to a
 * configuration numbered after this one (the condition of Bosnacki, Leue and
 * Lluch Lafuente, "Partial-Order Reduction for General State Exploring
 * Algorithms", SPIN 2006, for search breadth first).
 *
 * What this keeps. Let w be steps that can be made from a configuration c that
 * was reached. Then some steps v can be followed from c that are w and steps
 * independent of it in another order: if the role chosen in c has a step in w,
 * its first one there is among those followed, and can be made first, so w
 * becomes shorter; else w can still be made after the step that leads to a
 * greater number; and numbers end. Hence:
 *   - where no role can move is reached, since nothing can be added to it;
 *   - an error of one configuration is reached, since no later step mends it;
 *   - for what a role does never again in any continuation of c, some reduced
 *     run comes to a c' of which this is true, and whatever is not done in any
 *     reduced continuation is not done in any. So the terminal components of
 *     the reduced and of the whole graph starve the same roles and messages.
 * Under unfair choice a role that always chooses alike need not choose the step
 * to the greater number, so there each of the steps has to lead to one. Then the
 * above holds of every way to choose by itself.
 *
 * A run found in the reduced graph need not be a shortest one. So where
 * something is wrong the whole graph is looked at again, if it is small enough.
 */
#include "explore.h"

#include <string.h>

#include "limits.h"

/* The whole graph is gone through up to this size for shorter runs. */
enum { MAX_SHORTENED = 1000000 };

maty_status maty__explore_first(maty__explore_t *explore, maty_class kind, uint32_t role,
                                bool *first) {
  uint32_t *known = maty__map_put(&explore->arena, &explore->reported, (uint64_t)kind << 32 | role);
  MATY__NEED(known != NULL);
  *first = *known == MATY__NONE && explore->verdict->diagnostics.count < MATY_MAX_DIAGNOSTICS;
  *known = 0;
  return MATY_OK;
}

bool maty__explore_excused(maty__explore_t *explore, bool full) {
  bool excused = full && (explore->how & MATY__EXPLORE_ANY_BOUND) != 0;
  explore->excused = explore->excused || excused;
  return excused;
}

/* Whether the steps of a role are enough to follow. */
static bool suffices(const maty__explore_t *explore, const uint64_t *configuration, uint32_t role) {
  const maty__system_t *system = &explore->system;
  uint32_t number = maty__system_state(system, configuration, role);
  const maty__state_t *state = &explore->image->states[number];
  if (state->phase == MATY_PHASE_RECEIVE)
    return !explore->hears_several[number] && maty__system_moves(system, configuration, role);
  for (uint32_t i = 0; i < state->transition_count; i++)
    if (!maty__system_can(system, configuration, &system->moves[state->first_transition + i]))
      return false;
  return state->phase == MATY_PHASE_SEND;
}

/* Whether what was followed of configuration "number", to "newest" and by the
 * edges from "first" on, keeps others from being left out for ever. */
static bool leads_on(const maty__explore_t *explore, uint32_t number, uint32_t newest,
                     uint32_t first) {
  if ((explore->how & MATY__EXPLORE_UNFAIR) != 0)
    for (uint32_t edge = first; edge < explore->reach.edges.count; edge++)
      if (maty__reach_edge(&explore->reach, edge) <= number)
        return false;
  return newest > number;
}

static maty_status expand(maty__explore_t *explore, uint32_t number) {
  maty__reach_t *reach = &explore->reach;
  const bool whole = (explore->how & MATY__EXPLORE_WHOLE) != 0;
  const uint64_t *configuration = maty__reach_at(reach, number);
  uint32_t newest = MATY__NONE;
  bool wrong;
  MATY__TRY(maty__reach_open(reach, number));
  MATY__TRY(maty__safety_check(explore, number, &wrong));
  if (wrong)
    return MATY_OK;
  for (uint32_t role = 0; role < explore->system.role_count && !whole; role++) {
    if (!suffices(explore, configuration, role))
      continue;
    uint32_t first = reach->edges.count;
    MATY__TRY(maty__reach_follow(reach, number, role, &newest));
    if (leads_on(explore, number, newest, first))
      return MATY_OK;
  }
  for (uint32_t role = 0; role < explore->system.role_count; role++)
    if (whole || !suffices(explore, configuration, role))
      MATY__TRY(maty__reach_follow(reach, number, role, &newest));
  return newest == MATY__NONE ? maty__safety_stuck(explore, number) : MATY_OK;
}

static maty_status too_many(maty__explore_t *explore) {
  const maty_verdict_facts_t *facts = &explore->verdict->facts;
  if (explore->verdict->diagnostics.count > 0)
    return MATY_EREJECTED;
  MATY__TRY(maty__verdict_add(explore->verdict, explore->image, MATY_CLASS_LIMIT, 0, 0,
                              "nothing is wrong in %llu configurations with queues of %u, and "
                              "there are more than can be looked at",
                              (unsigned long long)facts->states, facts->bound));
  return MATY_ELIMIT;
}

static maty__keep what_to_keep(unsigned how) {
  if ((how & (MATY__EXPLORE_UNFAIR | MATY__EXPLORE_ANY_BOUND)) != 0)
    return MATY__KEEP_STEPS;
  return (how & MATY__EXPLORE_PROGRESS) != 0 ? MATY__KEEP_EDGES : MATY__KEEP_NODES;
}

static maty_status run(maty__explore_t *explore, uint32_t max_states) {
  const maty_image_t *image = explore->image;
  const unsigned how = explore->how;
  maty_verdict_facts_t *facts = &explore->verdict->facts;
  explore->hears_several = maty__array(&explore->arena, bool, image->header->states.count);
  explore->ended = maty__array(&explore->arena, bool, explore->system.role_count);
  explore->over = maty__array(&explore->arena, bool, explore->system.role_count);
  MATY__NEED(explore->hears_several != NULL && explore->ended != NULL && explore->over != NULL);
  for (uint32_t i = 0; i < image->header->states.count; i++)
    explore->hears_several[i] = image->states[i].phase == MATY_PHASE_RECEIVE &&
                                !maty__system_hears_one(&explore->system, i);
  maty_status status = maty__reach_init(&explore->reach, &explore->system, max_states,
                                        what_to_keep(how), explore->pace);
  for (uint32_t i = 0; status == MATY_OK && i < maty__reach_count(&explore->reach); i++)
    status = expand(explore, i);
  facts->states = maty__reach_count(&explore->reach);
  facts->transitions = explore->reach.transitions;
  facts->bytes = explore->reach.bytes;
  if (status == MATY_ELIMIT)
    return too_many(explore);
  if (status != MATY_OK)
    return status;
  maty__reach_close(&explore->reach);
  if ((how & MATY__EXPLORE_PROGRESS) != 0)
    status = maty__progress_check(explore, (how & MATY__EXPLORE_UNFAIR) != 0);
  if (status == MATY_ELIMIT && explore->verdict->diagnostics.count == 0)
    MATY__TRY(maty__verdict_add(explore->verdict, image, MATY_CLASS_LIMIT, 0, 0,
                                "there are more ways to choose always alike than can be looked "
                                "at; without them nothing is wrong"));
  else if (status == MATY_ELIMIT || (status == MATY_OK && explore->verdict->diagnostics.count > 0))
    return MATY_EREJECTED;
  return status;
}

maty_status maty__explore_run(maty__explore_t *explore, const maty_image_t *image, uint32_t bound,
                              uint32_t max_states, unsigned how, maty__pace_t *pace) {
  const maty_allocator_t *allocator = &pace->config->allocator;
  *explore = (maty__explore_t){.image = image, .pace = pace, .how = how};
  maty__arena_init(&explore->arena, allocator);
  maty__arena_init(&explore->reach.arena, allocator);
  explore->verdict = maty__verdict_new(allocator);
  MATY__NEED(explore->verdict != NULL);
  explore->verdict->facts.bound = bound;
  maty_status status = maty__system_init(&explore->system, image, bound, &explore->arena);
  if (status == MATY_ELIMIT)
    MATY__TRY(maty__verdict_add(explore->verdict, image, MATY_CLASS_LIMIT, 0, 0,
                                "with queues of %u a configuration takes more than %u bytes", bound,
                                MATY_MAX_CONFIGURATION));
  MATY__TRY(status);
  return run(explore, max_states);
}

void maty__explore_free(maty__explore_t *explore) {
  maty__reach_free(&explore->reach);
  maty__arena_free(&explore->arena);
}

uint32_t maty__explore_max(const maty_explore_options_t *options) {
  bool given = options != NULL && options->max_states != 0;
  return given && options->max_states < MATY_MAX_EXPLORED ? (uint32_t)options->max_states
                                                          : MATY_MAX_EXPLORED;
}

static bool is_verdict(maty_status status) {
  return status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT;
}

static maty_status explore_once(maty_verdict_t **out, const maty_image_t *image, uint32_t bound,
                                uint32_t max_states, unsigned how, maty__pace_t *pace) {
  maty__explore_t explore;
  maty_status status = maty__explore_run(&explore, image, bound, max_states, how, pace);
  maty__explore_free(&explore);
  *out = explore.verdict;
  if (!is_verdict(status)) {
    maty_verdict_free(*out);
    *out = NULL;
  }
  return status;
}

/* Looks at the whole graph for shorter runs of what is wrong in "out", which is
 * replaced if they are found. */
static maty_status shorten(maty_verdict_t **out, const maty_image_t *image, uint32_t bound,
                           uint32_t max_states, unsigned how, maty__pace_t *pace) {
  maty_verdict_t *longer = *out, *shorter;
  if (max_states > MAX_SHORTENED)
    max_states = MAX_SHORTENED;
  maty_status status =
      explore_once(&shorter, image, bound, max_states, how | MATY__EXPLORE_WHOLE, pace);
  if (!is_verdict(status)) {
    maty_verdict_free(longer);
    *out = NULL;
    return status;
  }
  bool all = status == MATY_EREJECTED && shorter->diagnostics.count >= longer->diagnostics.count;
  *out = all ? shorter : longer;
  maty_verdict_free(all ? longer : shorter);
  return MATY_EREJECTED;
}

maty_status maty_explore(maty_verdict_t **out, const maty_image_t *image,
                         const maty_explore_options_t *options, const maty_config_t *config) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  if (image == NULL || config == NULL || config->allocator.resize == NULL)
    return MATY_EINVAL;
  const maty_explore_options_t defaults = {0}, *chosen = options == NULL ? &defaults : options;
  if ((unsigned)chosen->fairness > MATY_FAIRNESS_UNFAIR)
    return MATY_EINVAL;
  uint32_t bound = chosen->bound == 0 ? 1 : chosen->bound;
  uint32_t max_states = maty__explore_max(options);
  bool unfair = !chosen->safety_only && chosen->fairness == MATY_FAIRNESS_UNFAIR;
  unsigned how = (chosen->safety_only ? 0u : MATY__EXPLORE_PROGRESS) |
                 (chosen->whole ? MATY__EXPLORE_WHOLE : 0u) | (unfair ? MATY__EXPLORE_UNFAIR : 0u);
  maty__pace_t pace = {.config = config};
  maty_status status = explore_once(out, image, bound, max_states, how, &pace);
  if (status == MATY_EREJECTED && (how & MATY__EXPLORE_WHOLE) == 0)
    status = shorten(out, image, bound, max_states, how, &pace);
  return status;
}
