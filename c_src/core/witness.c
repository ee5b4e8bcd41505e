/* witness.c - the runs that show what an exploration has found.
 *
 * The run to a configuration is the way it was found first. What goes on for
 * ever from there is a walk on which roles take turns and choose as they are
 * told, so what it does next depends only on the configuration and on whose turn
 * it is; sooner or later it comes to where it has been. The loop is found by
 * Brent's algorithm (BIT Numerical Mathematics 20, 1980), with two
 * configurations of memory.
 */
#include <string.h>

#include "explore.h"

typedef struct step {
  uint32_t role, transition;
} step_t;

static maty_status show(maty__explore_t *explore, step_t step, uint32_t number,
                        maty__runs_t *runs) {
  const maty__transition_t *transition = &explore->image->transitions[step.transition];
  return maty__verdict_step(explore->verdict, explore->image, step.role, transition->action, number,
                            transition->line, runs);
}

/* The step from a configuration to one that it leads to. */
static step_t step_between(const maty__explore_t *explore, uint32_t from, uint32_t to) {
  const maty__system_t *system = &explore->system;
  const uint64_t *here = maty__reach_at(&explore->reach, from);
  const uint64_t *there = maty__reach_at(&explore->reach, to);
  uint64_t *next = explore->reach.next;
  for (uint32_t role = 0; role < system->role_count; role++) {
    const maty__state_t *state = &explore->image->states[maty__system_state(system, here, role)];
    for (uint32_t i = 0; i < state->transition_count; i++) {
      const maty__move_t *move = &system->moves[state->first_transition + i];
      if (!maty__system_can(system, here, move))
        continue;
      maty__system_make(system, here, role, move, next);
      if (memcmp(next, there, system->words * sizeof *next) == 0)
        return (step_t){.role = role, .transition = state->first_transition + i};
    }
  }
  return (step_t){0};
}

/* ===== A walk ============================================================ */

typedef struct walk {
  uint64_t *configuration;
  uint32_t turn; /* the role that moves next */
} walk_t;

/* The next step: of the first role from the one in turn on that can move. Some
 * role can. */
static step_t next_step(const maty__explore_t *explore, maty__choices_t choices, walk_t *walk) {
  const maty__system_t *system = &explore->system;
  for (uint32_t i = 0; i < system->role_count; i++) {
    uint32_t role = (walk->turn + i) % system->role_count;
    uint32_t number = maty__system_state(system, walk->configuration, role);
    const maty__state_t *state = &explore->image->states[number];
    for (uint32_t j = 0; j < state->transition_count; j++) {
      uint32_t transition = state->first_transition + j;
      bool chosen = choices[number] == MATY__NONE || choices[number] == transition;
      if (!chosen || !maty__system_can(system, walk->configuration, &system->moves[transition]))
        continue;
      walk->turn = role;
      return (step_t){.role = role, .transition = transition};
    }
  }
  return (step_t){0};
}

static step_t advance(maty__explore_t *explore, maty__choices_t choices, walk_t *walk) {
  const maty__system_t *system = &explore->system;
  step_t step = next_step(explore, choices, walk);
  maty__system_make(system, walk->configuration, step.role, &system->moves[step.transition],
                    explore->reach.next);
  memcpy(walk->configuration, explore->reach.next, system->words * sizeof *walk->configuration);
  walk->turn = (step.role + 1) % system->role_count;
  (void)next_step(explore, choices, walk);
  return step;
}

static maty_status new_walk(maty__explore_t *explore, uint32_t number, maty__choices_t choices,
                            walk_t *walk) {
  uint32_t words = explore->system.words;
  walk->configuration = maty__array(&explore->arena, uint64_t, words);
  walk->turn = 0;
  MATY__NEED(walk->configuration != NULL);
  memcpy(walk->configuration, maty__reach_at(&explore->reach, number),
         words * sizeof *walk->configuration);
  (void)next_step(explore, choices, walk);
  return MATY_OK;
}

static void set_walk(const maty__explore_t *explore, walk_t *walk, const walk_t *to) {
  memcpy(walk->configuration, to->configuration,
         explore->system.words * sizeof *walk->configuration);
  walk->turn = to->turn;
}

static bool same_walk(const maty__explore_t *explore, const walk_t *one, const walk_t *other) {
  return one->turn == other->turn &&
         memcmp(one->configuration, other->configuration,
                explore->system.words * sizeof *one->configuration) == 0;
}

/* Steps until the walk from a configuration comes to where it will be again, and
 * from there until it is. */
static maty_status find_loop(maty__explore_t *explore, uint32_t number, maty__choices_t choices,
                             uint32_t *before, uint32_t *length) {
  walk_t slow, fast;
  MATY__TRY(new_walk(explore, number, choices, &slow));
  MATY__TRY(new_walk(explore, number, choices, &fast));
  uint64_t power = 1, steps = 0;
  do {
    if (steps == power) {
      set_walk(explore, &slow, &fast);
      power *= 2;
      steps = 0;
    }
    (void)advance(explore, choices, &fast);
    steps++;
    MATY__TRY(maty__pace(explore->pace, 1));
  } while (!same_walk(explore, &slow, &fast));
  *length = (uint32_t)steps;
  MATY__TRY(new_walk(explore, number, choices, &slow));
  MATY__TRY(new_walk(explore, number, choices, &fast));
  for (uint32_t i = 0; i < *length; i++)
    (void)advance(explore, choices, &fast);
  for (*before = 0; !same_walk(explore, &slow, &fast); ++*before) {
    (void)advance(explore, choices, &slow);
    (void)advance(explore, choices, &fast);
  }
  return MATY_OK;
}

/* ===== Runs ============================================================== */

maty_status maty__witness(maty__explore_t *explore, uint32_t number, maty__choices_t choices,
                          const char *ending) {
  maty__runs_t runs;
  maty__u32s_t way = {0};
  uint32_t before = 0, length = 0, shown = 0;
  maty__arena_mark_t mark = maty__arena_mark(&explore->arena);
  if (choices != NULL)
    MATY__TRY(find_loop(explore, number, choices, &before, &length));
  for (uint32_t at = number; at != 0; at = maty__reach_node(&explore->reach, at)->from)
    MATY__NEED(maty__vec_push(&explore->arena, &way, at));
  maty__runs_init(&runs, &explore->verdict->arena);
  uint32_t from = 0, count = way.count + before;
  maty__runs_begin(&runs, count == 0 && length > 0 ? "for ever" : "");
  for (uint32_t i = way.count; i-- > 0; from = way.at[i], shown++)
    if (maty__runs_shows(shown, count))
      MATY__TRY(show(explore, step_between(explore, from, way.at[i]), shown + 1, &runs));
  walk_t walk;
  if (choices != NULL)
    MATY__TRY(new_walk(explore, number, choices, &walk));
  for (uint32_t i = 0; i < before + length; i++) {
    if (i == before && count > 0) {
      maty__runs_end(&runs, "");
      maty__runs_begin(&runs, "for ever");
    }
    step_t step = advance(explore, choices, &walk);
    bool shows =
        i < before ? maty__runs_shows(shown + i, count) : maty__runs_shows(i - before, length);
    if (shows)
      MATY__TRY(show(explore, step, shown + i + 1, &runs));
  }
  maty__runs_end(&runs, count + length == 0 ? "nothing yet" : ending);
  maty__arena_rewind(&explore->arena, mark);
  return maty__verdict_runs(explore->verdict, &runs);
}
