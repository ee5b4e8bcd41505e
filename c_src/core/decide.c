/* decide.c - see decide.h. */
#include "decide.h"

#include <string.h>

#include "dialect.h"
#include "enabling.h"
#include "graph.h"
#include "image_build.h"
#include "implement.h"
#include "limits.h"
#include "local.h"

static maty_status make_machines(maty__check_t *check, const maty__automaton_t *automaton,
                                 maty__machines_t *machines) {
  maty__view_t view;
  maty__implement_t implement;
  bool rejected = false;
  MATY__TRY(maty__view_init(&view, check, automaton));
  MATY__TRY(maty__implement_init(&implement, &view));
  for (uint32_t role = 0; role < automaton->role_count; role++) {
    MATY__TRY(maty__view_role(&view, role));
    maty_status status = maty__implement_role(&implement);
    /* One error a role is enough, but each role may have its own. */
    if (status == MATY_EREJECTED)
      rejected = true;
    else if (status != MATY_OK)
      return status;
    if (!rejected)
      MATY__TRY(maty__project(&view, machines));
  }
  return rejected ? MATY_EREJECTED : MATY_OK;
}

static maty_status make_image(maty__check_t *check, const maty__automaton_t *automaton,
                              const maty__machines_t *machines, const maty__types_t *types,
                              maty_image_t **image) {
  const maty__use_t name = {.name = automaton->protocol->path, .at = automaton->protocol->name.at};
  const maty__image_parts_t of = {.protocol = &name,
                                  .roles = automaton->roles,
                                  .role_count = automaton->role_count,
                                  .messages = automaton->messages.at,
                                  .message_count = automaton->messages.count,
                                  .machines = machines,
                                  .types = types,
                                  .source = check->sources.at[0].name};
  return maty__image_build(check, &of, image);
}

static maty_fairness fairness_of(const maty__check_t *check) {
  return check->config->fairness == MATY_FAIRNESS_DEFAULT
             ? maty__dialect(check->config->dialect)->choice
             : check->config->fairness;
}

static maty_status copy_text(maty__check_t *check, const char *text, const char **copy) {
  size_t size = strlen(text) + 1;
  char *at = maty__arena_alloc(check->arena, size);
  MATY__NEED(at != NULL);
  *copy = memcpy(at, text, size);
  return MATY_OK;
}

static maty_status adopt_run(maty__check_t *check, const maty_run_t *run, maty__runs_t *runs) {
  const char *heading, *ending;
  MATY__TRY(copy_text(check, run->heading, &heading));
  MATY__TRY(copy_text(check, run->ending, &ending));
  maty__runs_begin(runs, heading);
  for (uint32_t i = 0; i < run->step_count; i++) {
    maty_run_step_t step = run->steps[i];
    MATY__TRY(copy_text(check, step.sender, &step.sender));
    MATY__TRY(copy_text(check, step.receiver, &step.receiver));
    MATY__TRY(copy_text(check, step.label, &step.label));
    maty__runs_step(runs, step);
  }
  maty__runs_end(runs, ending);
  return MATY_OK;
}

/* Makes what was found in the machines of a protocol part of the check. */
static maty_status adopt(maty__check_t *check, const maty__protocol_t *protocol,
                         const maty_verdict_t *verdict) {
  for (size_t i = 0; i < maty_verdict_diagnostic_count(verdict); i++) {
    const maty_diagnostic_t *found = maty_verdict_diagnostic(verdict, i);
    maty__runs_t runs;
    uint32_t at = protocol->name.at;
    if (found->line > 0) /* of the first text: places in others have no line in an image */
      at = check->lines.at[found->line - 1] + found->column - 1;
    MATY__TRY(
        maty__report(check, found->severity, found->class_, at, found->length, "%s", found->text));
    maty__runs_init(&runs, check->arena);
    for (uint32_t j = 0; j < found->run_count; j++)
      MATY__TRY(adopt_run(check, &found->runs[j], &runs));
    if (found->run_count > 0)
      MATY__TRY(maty__report_runs(check, &runs));
  }
  return MATY_OK;
}

/* Runs the machines of an image against one another, with one message under way
 * from one role to another. */
static maty_status explore_image(maty__check_t *check, const maty__protocol_t *protocol,
                                 const maty_image_t *image) {
  const maty_explore_options_t options = {
      .bound = 1, .max_states = MATY_MAX_CHECK_EXPLORED, .fairness = fairness_of(check)};
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, image, &options, check->config);
  if (verdict != NULL && adopt(check, protocol, verdict) != MATY_OK)
    status = MATY_ENOMEM;
  maty_verdict_free(verdict);
  return status == MATY_ELIMIT ? MATY_EREJECTED : status;
}

/* Whether no state of a machine has two ways on with one message. */
static bool is_deterministic(const maty__machines_t *machines) {
  for (uint32_t i = 0; i < machines->states.count; i++) {
    const maty__local_state_t *state = &machines->states.at[i];
    const maty__local_move_t *moves = machines->moves.at + state->first_move;
    for (uint32_t j = 1; j < state->move_count; j++)
      if (moves[j].message == moves[j - 1].message)
        return false;
  }
  return true;
}

/* Explores the roles' parts as they are written. If nothing is wrong, "kept" becomes
 * their image, or stays NULL if they cannot run. "begun" is what the automaton's graph
 * was found to be, reported behind the first "from" diagnostics: of the rules that
 * come before exploring, the first one that is broken is told of. */
static maty_status explore_local_types(maty__check_t *check, const maty__tree_t *tree,
                                       maty__types_t *types, maty__parts_t *parts,
                                       maty__automaton_t *automaton, maty_status begun,
                                       uint32_t from, maty_image_t **kept) {
  static const maty_class rules[] = {MATY_CLASS_UNUSED_ROLE, MATY_CLASS_CHOICE_SUBJECT,
                                     MATY_CLASS_UNREACHABLE, MATY_CLASS_NONDET_PAYLOAD};
  maty__machines_t machines = {.states = {0}};
  maty_image_t *image = NULL;
  maty_status status = maty__local_machines(check, tree, types, parts, automaton, &machines);
  maty__report_first_of(check, from, rules, sizeof rules / sizeof *rules);
  if (status == MATY_OK && automaton->unused)
    status = MATY_EREJECTED;
  if (status == MATY_OK)
    status = begun;
  if (status == MATY_OK)
    status = make_image(check, automaton, &machines, types, &image);
  if (status == MATY_OK)
    status = explore_image(check, automaton->protocol, image);
  if (status == MATY_OK && is_deterministic(&machines))
    *kept = image;
  else
    maty_image_release(image);
  return status;
}

static maty_status reject_aside(maty__check_t *check, const maty__stmt_t *stmt) {
  MATY__TRY(maty__error(check, MATY_CLASS_UNSUPPORTED, stmt->at, stmt->length,
                        "this goes on beside what comes before and never ends: with two branches "
                        "that begin with one message, that is not supported"));
  return MATY_EREJECTED;
}

/* Judges the conversation as one automaton, and makes the machines that run. */
static maty_status decide_automaton(maty__check_t *check, maty__automaton_t *automaton,
                                    const maty__graph_t *graph, const maty__types_t *types,
                                    maty_image_t **image) {
  maty__machines_t machines = {.states = {0}};
  MATY__TRY(maty__automaton_finish(check, automaton, graph));
  MATY__TRY(make_machines(check, automaton, &machines));
  return make_image(check, automaton, &machines, types, image);
}

/* The same, where the roles' parts as they are written were explored. In one
 * automaton a role is held up by what comes before its part, even if that is
 * nothing to it. If that is all that is wrong, the role goes past it and its part
 * as it is written runs. */
static maty_status decide_explored(maty__check_t *check, maty__automaton_t *automaton,
                                   const maty__graph_t *graph, const maty__types_t *types,
                                   maty_image_t **written, maty_image_t **image) {
  uint32_t from = check->diagnostics.count;
  if (automaton->aside != NULL && *written == NULL)
    return reject_aside(check, automaton->aside);
  if (automaton->aside == NULL) {
    maty_status status = decide_automaton(check, automaton, graph, types, image);
    if (status != MATY_EREJECTED || *written == NULL || check->full ||
        !maty__report_all_of(check, from, MATY_CLASS_ROLE_PROGRESS))
      return status;
    maty__report_drop(check, from);
  }
  *image = *written;
  *written = NULL;
  return MATY_OK;
}

static maty_status decide(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                          maty__parts_t *parts, const maty__protocol_t *protocol,
                          maty_image_t **image) {
  const maty__dialect_t *dialect = maty__dialect(check->config->dialect);
  maty__automaton_t automaton;
  maty__graph_t graph;
  if (protocol->broken)
    return MATY_EREJECTED;
  if (dialect->enabling)
    MATY__TRY(maty__enabling_check(check, tree, (uint32_t)(protocol - tree->protocols.at)));
  uint32_t from = check->diagnostics.count;
  maty_status status =
      maty__automaton_begin(check, tree, types, parts, protocol, &automaton, &graph);
  if (status != MATY_OK && (status != MATY_EREJECTED || graph.onward == NULL))
    return status;
  if (dialect->explored) {
    maty_image_t *written = NULL;
    status = explore_local_types(check, tree, types, parts, &automaton, status, from, &written);
    if (status == MATY_OK)
      status = decide_explored(check, &automaton, &graph, types, &written, image);
    maty_image_release(written);
    return status;
  }
  MATY__TRY(status);
  MATY__TRY(decide_automaton(check, &automaton, &graph, types, image));
  if (fairness_of(check) != MATY_FAIRNESS_UNFAIR)
    return MATY_OK;
  status = explore_image(check, protocol, *image);
  if (status != MATY_OK) {
    maty_image_release(*image);
    *image = NULL;
  }
  return status;
}

maty_status maty__decide(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                         maty__parts_t *parts, const maty__protocol_t *protocol,
                         maty_image_t **image) {
  maty__arena_mark_t mark = maty__arena_mark(check->work);
  maty_status status = decide(check, tree, types, parts, protocol, image);
  maty__arena_rewind(check->work, mark);
  return status;
}
