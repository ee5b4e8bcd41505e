/* behaviour_check.c - a behaviour against the machine of a role.
 *
 * Whoever reads a program at once with the state its role is in goes from one pair
 * (node, state) to others; the check finds all pairs that can be reached and looks at
 * what is done there. What is called is gone through once for each state it begins in,
 * a frame, and its ends are handed to all who call it in that state: the tabulation of
 * Reps, Horwitz and Sagiv, "Precise Interprocedural Dataflow Analysis via Graph
 * Reachability" (POPL 1995).
 *
 *     frame   entry and state, and the calls that wait for its ends
 *     point   frame, node, state; from which point it was reached, and by which message
 *
 * Points are found breadth first, so the way back from one is as short a run as leads
 * there. A state has a mark beside it once something had to be guessed on the way: what
 * is wrong from there on may not happen, and is not reported as wrong.
 *
 * What always holds: a point is in "points" once; a frame's ends have been handed to
 * all of its calls.
 */
#include <string.h>

#include "behaviour.h"
#include "limits.h"
#include "verdict.h"

/* Bits of a point's key. */
enum { STATE_BITS = 21, NODE_BITS = 21, FRAME_BITS = 22 };

enum { TEXT_SIZE = 256, MAX_CALLERS_SHOWN = 4, MAX_NOTES = 3 };

typedef struct point {
  uint32_t frame, node, state; /* the state twice, and 1 if something was guessed */
  uint32_t from;               /* a point, or MATY__NONE */
  uint32_t transition;         /* number within the state there, or MATY__NONE */
} point_t;

typedef struct caller {
  uint32_t frame, node, next; /* the next one in "callers" */
} caller_t;

typedef struct end {
  uint32_t exit, state, point, next;
} end_t;

typedef struct frame {
  uint32_t entry, state;
  uint32_t callers, ends; /* lists, MATY__NONE at the end */
} frame_t;

typedef struct finding {
  maty_diagnostic_t diagnostics[2 + MAX_NOTES + MAX_CALLERS_SHOWN];
  uint32_t count;
} finding_t;

typedef struct search {
  const maty_image_t *image;
  const maty__behaviour_t *behaviour;
  maty_verdict_t *verdict;
  maty__arena_t *scratch;
  const maty_config_t *config;
  uint32_t role;
  maty_role_info_t info;
  MATY__VEC(point_t) points;
  MATY__VEC(frame_t) frames;
  MATY__VEC(caller_t) callers;
  MATY__VEC(end_t) ends;
  MATY__VEC(finding_t) findings;
  maty__map_t seen;     /* points by key */
  maty__map_t frame_of; /* by entry and state */
  maty__map_t marks;    /* that were reached */
  uint32_t *suspended;  /* by handler: the point that suspended it first, or none */
  bool *lacking;        /* by handler: whether a message has no clause */
  bool guessed, errors, limit;
} search_t;

/* ===== Going on ========================================================== */

static maty_status go_to(search_t *search, point_t point) {
  uint64_t key = (uint64_t)point.frame << (NODE_BITS + STATE_BITS) |
                 (uint64_t)point.node << STATE_BITS | point.state;
  /* What is certain here does not have to be guessed as well. */
  if ((point.state & 1) != 0 && maty__map_get(&search->seen, key & ~(uint64_t)1) != MATY__NONE)
    return MATY_OK;
  uint32_t *slot = maty__map_put(search->scratch, &search->seen, key);
  MATY__NEED(slot != NULL);
  if (*slot != MATY__NONE)
    return MATY_OK;
  if (search->points.count >= MATY_MAX_BEHAVIOUR_POINTS) {
    search->limit = true;
    return MATY_OK;
  }
  *slot = search->points.count;
  MATY__NEED(maty__vec_push(search->scratch, &search->points, point));
  return MATY_OK;
}

static maty_status go_from(search_t *search, uint32_t from, uint32_t node, uint32_t state,
                           uint32_t transition) {
  return go_to(search, (point_t){.frame = search->points.at[from].frame,
                                 .node = node,
                                 .state = state,
                                 .from = from,
                                 .transition = transition});
}

static const maty__node_t *node_at(const search_t *search, uint32_t node) {
  return &search->behaviour->nodes.at[node];
}

static maty_status go_on(search_t *search, uint32_t from, uint32_t state, uint32_t transition) {
  const maty__node_t *node = node_at(search, search->points.at[from].node);
  for (uint32_t i = 0; i < node->count; i++)
    MATY__TRY(
        go_from(search, from, search->behaviour->targets.at[node->first + i], state, transition));
  return MATY_OK;
}

static maty_status frame_for(search_t *search, uint32_t entry, uint32_t state, uint32_t *frame) {
  uint32_t *slot = maty__map_put(search->scratch, &search->frame_of, (uint64_t)entry << 32 | state);
  MATY__NEED(slot != NULL);
  if (*slot == MATY__NONE) {
    *slot = search->frames.count;
    frame_t made = {.entry = entry, .state = state, .callers = MATY__NONE, .ends = MATY__NONE};
    MATY__NEED(maty__vec_push(search->scratch, &search->frames, made));
  }
  *frame = *slot;
  return MATY_OK;
}

/* Begins what is at an entry, in a frame of its own. */
static maty_status begin(search_t *search, uint32_t entry, uint32_t state, uint32_t from,
                         uint32_t transition, uint32_t *frame) {
  MATY__TRY(frame_for(search, entry, state, frame));
  return go_to(
      search,
      (point_t){
          .frame = *frame, .node = entry, .state = state, .from = from, .transition = transition});
}

static maty_status return_to(search_t *search, const caller_t *caller, const end_t *end) {
  const maty__node_t *call = node_at(search, caller->node);
  uint32_t node = MATY__NONE;
  if (end->exit == MATY__EXIT_REFUSED)
    node = call->refused;
  else if (end->exit == MATY__EXIT_RAISED)
    node = call->raised;
  else if (call->count > 0)
    node = search->behaviour->targets
               .at[call->first + (end->exit < call->count ? end->exit : call->count - 1)];
  if (node == MATY__NONE)
    return MATY_OK;
  return go_to(search, (point_t){.frame = caller->frame,
                                 .node = node,
                                 .state = end->state,
                                 .from = end->point,
                                 .transition = MATY__NONE});
}

static maty_status do_call(search_t *search, uint32_t at, const maty__node_t *node) {
  point_t point = search->points.at[at];
  uint32_t frame;
  MATY__TRY(begin(search, node->number, point.state, at, MATY__NONE, &frame));
  caller_t caller = {
      .frame = point.frame, .node = point.node, .next = search->frames.at[frame].callers};
  search->frames.at[frame].callers = search->callers.count;
  MATY__NEED(maty__vec_push(search->scratch, &search->callers, caller));
  for (uint32_t i = search->frames.at[frame].ends; i != MATY__NONE; i = search->ends.at[i].next) {
    end_t end = search->ends.at[i];
    MATY__TRY(return_to(search, &caller, &end));
  }
  return MATY_OK;
}

static maty_status do_exit(search_t *search, uint32_t at, const maty__node_t *node) {
  point_t point = search->points.at[at];
  frame_t *frame = &search->frames.at[point.frame];
  end_t end = {.exit = node->number, .state = point.state, .point = at, .next = frame->ends};
  frame->ends = search->ends.count;
  MATY__NEED(maty__vec_push(search->scratch, &search->ends, end));
  for (uint32_t i = frame->callers; i != MATY__NONE; i = search->callers.at[i].next) {
    caller_t caller = search->callers.at[i];
    MATY__TRY(return_to(search, &caller, &end));
  }
  return MATY_OK;
}

/* ===== Findings ========================================================== */

static uint32_t image_state(const search_t *search, uint32_t state) {
  return search->info.first_state + (state >> 1);
}

static const char *peer_name(const search_t *search, uint32_t peer) {
  maty_role_info_t info;
  return maty_image_role(search->image, peer, &info) == MATY_OK ? info.name : "";
}

/* One message as the role sees it: "quote(integer) to Buyer1". */
static void add_message(const search_t *search, maty__text_t *text,
                        const maty_transition_info_t *transition) {
  maty_action_info_t action;
  if (maty_image_action(search->image, search->role, transition->action, &action) != MATY_OK)
    return;
  maty__text_add(text, "%s(", action.label);
  for (uint32_t i = 0; i < transition->arity; i++) {
    char type[TEXT_SIZE];
    const char *name;
    uint32_t number;
    (void)maty_image_field(search->image, transition->first_field + i, &name, &number);
    (void)maty_image_type_text(search->image, number, type, sizeof type);
    maty__text_add(text, "%s%s", i == 0 ? "" : ", ", type);
  }
  maty__text_add(text, ") %s %s", action.direction == MATY_DIRECTION_SEND ? "to" : "from",
                 peer_name(search, action.peer));
}

/* What the role does in a state: "it sends quote(integer) to Buyer1 next". */
static void add_expected(const search_t *search, maty__text_t *text, uint32_t state) {
  maty_state_info_t info;
  if (maty_image_state(search->image, state, &info) != MATY_OK)
    return;
  if (info.phase == MATY_PHASE_FINAL) {
    maty__text_add(text, "it has come to its end");
    return;
  }
  maty__text_add(text, info.phase == MATY_PHASE_SEND ? "it has to send " : "it waits for ");
  for (uint32_t i = 0; i < info.transition_count; i++) {
    maty_transition_info_t transition;
    if (i > 0)
      maty__text_add(text, " or ");
    if (i == MAX_NOTES + 1) {
      maty__text_add(text, "%u more", info.transition_count - i);
      return;
    }
    if (maty_image_transition(search->image, state, i, &transition) == MATY_OK)
      add_message(search, text, &transition);
  }
}

/* The place that is meant: that of a caller, if the place says so. */
static maty__code_place_t place_of(const search_t *search, uint32_t frame,
                                   maty__code_place_t place) {
  for (uint32_t steps = 0; place.caller && steps < search->frames.count; steps++) {
    uint32_t first = search->frames.at[frame].callers;
    if (first == MATY__NONE)
      break;
    frame = search->callers.at[first].frame;
    place = node_at(search, search->callers.at[first].node)->place;
  }
  return place;
}

static maty_status diagnose(search_t *search, finding_t *finding, maty_severity severity,
                            maty_class class_, const char *source, uint32_t line, uint32_t column,
                            const char *text) {
  if (finding->count == sizeof finding->diagnostics / sizeof *finding->diagnostics)
    return MATY_OK;
  maty_diagnostic_t made = {.severity = severity,
                            .class_ = class_,
                            .source = maty__verdict_text(search->verdict, source),
                            .line = line,
                            .column = column,
                            .text = maty__verdict_text(search->verdict, text)};
  MATY__NEED(made.source != NULL && made.text != NULL);
  finding->diagnostics[finding->count++] = made;
  return MATY_OK;
}

/* Whether the same was found before. */
static bool is_known(const search_t *search, const maty_diagnostic_t *made) {
  for (uint32_t i = 0; i < search->findings.count; i++) {
    const maty_diagnostic_t *other = &search->findings.at[i].diagnostics[0];
    if (other->line == made->line && other->column == made->column &&
        other->class_ == made->class_ && strcmp(other->text, made->text) == 0)
      return true;
  }
  return false;
}

/* The messages on the way to a point. */
static maty_status show_run(search_t *search, finding_t *finding, uint32_t at) {
  maty__u32s_t steps = {0};
  for (uint32_t i = at; i != MATY__NONE; i = search->points.at[i].from)
    if (search->points.at[i].transition != MATY__NONE)
      MATY__NEED(maty__vec_push(search->scratch, &steps, i));
  if (steps.count == 0)
    return MATY_OK;
  maty__runs_t runs;
  maty__runs_init(&runs, &search->verdict->arena);
  maty__runs_begin(&runs, "after");
  for (uint32_t i = 0; i < steps.count; i++) {
    const point_t *point = &search->points.at[steps.at[steps.count - 1 - i]];
    maty_transition_info_t transition;
    MATY__TRY(maty_image_transition(search->image,
                                    image_state(search, search->points.at[point->from].state),
                                    point->transition, &transition));
    if (maty__runs_shows(i, steps.count))
      MATY__TRY(maty__verdict_step(search->verdict, search->image, search->role, transition.action,
                                   i + 1, transition.line, &runs));
  }
  maty__runs_end(&runs, "");
  return maty__runs_finish(&runs, &finding->diagnostics[0]);
}

/* Where the calls are that lead to a point, for a place that is not where it is sent. */
static maty_status note_callers(search_t *search, finding_t *finding, uint32_t frame,
                                maty__code_place_t shown) {
  for (uint32_t i = 0; i < MAX_CALLERS_SHOWN; i++) {
    uint32_t first = search->frames.at[frame].callers;
    if (first == MATY__NONE)
      break;
    const caller_t *caller = &search->callers.at[first];
    maty__code_place_t place =
        place_of(search, caller->frame, node_at(search, caller->node)->place);
    if (place.line != 0 && place.line != shown.line)
      MATY__TRY(diagnose(search, finding, MATY_SEVERITY_NOTE, finding->diagnostics[0].class_,
                         search->behaviour->source, place.line, place.column, "called here"));
    shown = place;
    frame = caller->frame;
  }
  return MATY_OK;
}

/* What the protocol has at a state. */
static maty_status note_protocol(search_t *search, finding_t *finding, uint32_t state) {
  maty_state_info_t info;
  maty_class class_ = finding->diagnostics[0].class_;
  const char *source = maty_image_source(search->image);
  MATY__TRY(maty_image_state(search->image, state, &info));
  for (uint32_t i = 0; i < info.transition_count && i < MAX_NOTES; i++) {
    maty_transition_info_t transition;
    maty__text_t text;
    maty__text_init(&text, search->scratch);
    MATY__TRY(maty_image_transition(search->image, state, i, &transition));
    maty__text_add(&text, "the protocol has ");
    add_message(search, &text, &transition);
    MATY__NEED(!text.failed);
    MATY__TRY(diagnose(search, finding, MATY_SEVERITY_NOTE, class_, source, transition.line,
                       transition.column, text.at));
  }
  if (info.transition_count == 0 && info.line > 0)
    MATY__TRY(diagnose(search, finding, MATY_SEVERITY_NOTE, class_, source, info.line, info.column,
                       "the protocol has nothing more for this role"));
  return MATY_OK;
}

static maty_status keep(search_t *search, const finding_t *finding) {
  if (is_known(search, &finding->diagnostics[0]) || search->findings.count >= MATY_MAX_DIAGNOSTICS)
    return MATY_OK;
  search->errors |= finding->diagnostics[0].severity == MATY_SEVERITY_ERROR;
  MATY__NEED(maty__vec_push(search->scratch, &search->findings, *finding));
  return MATY_OK;
}

/* An error at a point, with the run there, and what the protocol has at its state. */
static maty_status report(search_t *search, uint32_t at, maty_class class_,
                          maty__code_place_t where, const maty__text_t *text) {
  finding_t finding = {.count = 0};
  uint32_t frame = search->points.at[at].frame;
  maty__code_place_t place = place_of(search, frame, where);
  MATY__NEED(!text->failed);
  MATY__TRY(diagnose(search, &finding, MATY_SEVERITY_ERROR, class_, search->behaviour->source,
                     place.line, place.column, text->at));
  if (is_known(search, &finding.diagnostics[0]))
    return MATY_OK;
  MATY__TRY(show_run(search, &finding, at));
  if (!where.caller)
    MATY__TRY(note_callers(search, &finding, frame, place));
  MATY__TRY(note_protocol(search, &finding, image_state(search, search->points.at[at].state)));
  return keep(search, &finding);
}

/* Something that is not wrong at every point, or not about one. */
static maty_status remark(search_t *search, maty_severity severity, maty_class class_,
                          maty__code_place_t place, const char *text) {
  finding_t finding = {.count = 0};
  MATY__TRY(diagnose(search, &finding, severity, class_, search->behaviour->source, place.line,
                     place.column, text));
  return keep(search, &finding);
}

static maty_status guess(search_t *search, uint32_t at, maty__code_place_t place,
                         const char *text) {
  search->guessed = true;
  return remark(search, MATY_SEVERITY_WARNING, MATY_CLASS_UNKNOWN,
                place_of(search, search->points.at[at].frame, place), text);
}

/* Something would be wrong at a point if what was guessed on the way there were so. Says
 * what that was, if it was not said. */
static maty_status doubt(search_t *search, uint32_t at) {
  for (; at != MATY__NONE; at = search->points.at[at].from) {
    const maty__node_t *node = node_at(search, search->points.at[at].node);
    if (node->kind == MATY__NODE_SUPPOSE)
      return guess(search, at, node->place, node->text);
  }
  return MATY_OK;
}

/* ===== What is done at a point =========================================== */

/* How a message that is sent compares with one that may be. */
typedef enum maty__match { MISMATCH, PAYLOAD, MATCH } match_t;

static match_t compare(const search_t *search, const maty__node_t *node,
                       const maty_transition_info_t *transition, uint32_t *field) {
  maty_action_info_t action;
  if (maty_image_action(search->image, search->role, transition->action, &action) != MATY_OK ||
      action.direction != MATY_DIRECTION_SEND ||
      (node->label != NULL && strcmp(node->label, action.label) != 0) ||
      (node->role != NULL && strcmp(node->role, peer_name(search, action.peer)) != 0))
    return MISMATCH;
  if (node->arity == MATY__NONE)
    return MATCH;
  *field = 0;
  if (node->arity != transition->arity)
    return PAYLOAD;
  const maty__known_t *value = &search->behaviour->values.at[node->first_value];
  for (uint32_t i = 0; i < node->arity; i++) {
    const char *name;
    uint32_t type;
    *field = i + 1;
    if (maty_image_field(search->image, transition->first_field + i, &name, &type) != MATY_OK ||
        !maty__known_fits(search->image, value, type))
      return PAYLOAD;
    value += maty__known_size(value);
  }
  return MATCH;
}

static maty_status report_payload(search_t *search, uint32_t at, const maty__node_t *node,
                                  const maty_transition_info_t *expected, uint32_t field) {
  maty__text_t text;
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s sends %s with ", search->behaviour->role, node->label);
  if (field == 0) {
    maty__text_add(&text, "%u field%s", node->arity, node->arity == 1 ? "" : "s");
  } else {
    maty__text_add(&text, "field %u of another type", field);
  }
  maty__text_add(&text, "; expected ");
  add_message(search, &text, expected);
  return report(search, at, MATY_CLASS_BAD_PAYLOAD, node->place, &text);
}

static maty_status report_send(search_t *search, uint32_t at, const maty__node_t *node) {
  maty__text_t text;
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s sends ", search->behaviour->role);
  if (node->label == NULL)
    maty__text_add(&text, "a message");
  else if (node->arity == MATY__NONE)
    maty__text_add(&text, "%s", node->label);
  else
    maty__text_add(&text, "%s/%u", node->label, node->arity);
  maty__text_add(&text, " to %s, which the protocol does not allow here; ",
                 node->role == NULL ? "a role" : node->role);
  add_expected(search, &text, image_state(search, search->points.at[at].state));
  return report(search, at, MATY_CLASS_BAD_SEND, node->place, &text);
}

static maty_status do_send(search_t *search, uint32_t at, const maty__node_t *node) {
  uint32_t state = search->points.at[at].state;
  bool known = node->role != NULL && node->label != NULL;
  uint32_t field = 0, wrong_field = 0, wrong_index = 0, fitting = 0;
  maty_transition_info_t transition, wrong = {.arity = MATY__NONE};
  maty_state_info_t info;
  MATY__TRY(maty_image_state(search->image, image_state(search, state), &info));
  for (uint32_t i = 0; i < info.transition_count; i++) {
    MATY__TRY(maty_image_transition(search->image, image_state(search, state), i, &transition));
    match_t match = compare(search, node, &transition, &field);
    if (match == PAYLOAD && known) {
      wrong = transition;
      wrong_field = field;
      wrong_index = i;
    }
    if (match != MATCH)
      continue;
    fitting++;
    uint32_t target = (transition.target - search->info.first_state) << 1;
    MATY__TRY(go_on(search, at, target | (known ? state & 1 : 1), i));
  }
  if (fitting > 0)
    return known ? MATY_OK
                 : guess(search, at, node->place, "what is sent here is not known, or to whom");
  if (node->refused != MATY__NONE)
    return go_from(search, at, node->refused, state, MATY__NONE);
  if ((state & 1) != 0)
    return doubt(search, at);
  if (wrong.arity == MATY__NONE)
    return report_send(search, at, node);
  MATY__TRY(report_payload(search, at, node, &wrong, wrong_field));
  /* Which message is meant is clear, so what follows it can be looked at. */
  return go_on(search, at, (wrong.target - search->info.first_state) << 1, wrong_index);
}

static const maty__on_t *on_message(const search_t *search, const maty__handler_t *handler,
                                    const maty_action_info_t *action) {
  for (uint32_t i = 0; i < handler->on_count; i++) {
    const maty__on_t *on = &search->behaviour->ons.at[handler->first_on + i];
    if (strcmp(on->label, action->label) == 0 &&
        strcmp(on->peer, peer_name(search, action->peer)) == 0)
      return on;
  }
  return NULL;
}

static maty_status report_no_clause(search_t *search, uint32_t at, const maty__node_t *node,
                                    const maty_transition_info_t *transition) {
  const maty__handler_t *handler = &search->behaviour->handlers.at[node->number];
  finding_t finding = {.count = 0};
  maty__text_t text;
  search->lacking[node->number] = true;
  maty__code_place_t place = handler->place;
  maty__code_place_t suspended = place_of(search, search->points.at[at].frame, node->place);
  if (place.line == 0)
    place = suspended;
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s has no clause for ", handler->name);
  add_message(search, &text, transition);
  MATY__NEED(!text.failed);
  MATY__TRY(diagnose(search, &finding, MATY_SEVERITY_ERROR, MATY_CLASS_NO_CLAUSE,
                     search->behaviour->source, place.line, place.column, text.at));
  if (is_known(search, &finding.diagnostics[0]))
    return MATY_OK;
  MATY__TRY(show_run(search, &finding, at));
  if (suspended.line != place.line && suspended.line != 0)
    MATY__TRY(diagnose(search, &finding, MATY_SEVERITY_NOTE, MATY_CLASS_NO_CLAUSE,
                       search->behaviour->source, suspended.line, suspended.column,
                       "suspended here"));
  MATY__TRY(diagnose(search, &finding, MATY_SEVERITY_NOTE, MATY_CLASS_NO_CLAUSE,
                     maty_image_source(search->image), transition->line, transition->column,
                     "the protocol has it here"));
  return keep(search, &finding);
}

/* The only clause for a message has a guard that may fail. */
static maty_status doubt_clause(search_t *search, uint32_t number,
                                const maty_transition_info_t *transition) {
  const maty__handler_t *handler = &search->behaviour->handlers.at[number];
  maty__text_t text;
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s has only a clause with a guard for ", handler->name);
  add_message(search, &text, transition);
  MATY__NEED(!text.failed);
  search->lacking[number] = true;
  return remark(search, MATY_SEVERITY_WARNING, MATY_CLASS_UNKNOWN, handler->place, text.at);
}

static maty_status hear(search_t *search, uint32_t at, const maty__node_t *node,
                        const maty_state_info_t *info) {
  uint32_t state = search->points.at[at].state, frame;
  const maty__handler_t *handler = &search->behaviour->handlers.at[node->number];
  if (search->suspended[node->number] == MATY__NONE)
    search->suspended[node->number] = at;
  for (uint32_t i = 0; i < info->transition_count; i++) {
    maty_transition_info_t transition;
    maty_action_info_t action;
    MATY__TRY(maty_image_transition(search->image, image_state(search, state), i, &transition));
    MATY__TRY(maty_image_action(search->image, search->role, transition.action, &action));
    const maty__on_t *on = on_message(search, handler, &action);
    uint32_t target = (transition.target - search->info.first_state) << 1 | (state & 1);
    if (on != NULL && !on->certain)
      MATY__TRY(doubt_clause(search, node->number, &transition));
    if (on != NULL)
      MATY__TRY(begin(search, on->node, target, at, i, &frame));
    else
      MATY__TRY((state & 1) != 0 ? doubt(search, at)
                                 : report_no_clause(search, at, node, &transition));
  }
  return MATY_OK;
}

/* A handler that is held runs from the state it is held in, whatever happens elsewhere. */
static maty_status go_on_held(search_t *search, uint32_t at, const maty__node_t *node) {
  uint32_t frame, resume = search->behaviour->handlers.at[node->number].resume;
  if (search->suspended[node->number] == MATY__NONE)
    search->suspended[node->number] = at;
  if (resume == MATY__NONE)
    return MATY_OK;
  return begin(search, resume, search->points.at[at].state, at, MATY__NONE, &frame);
}

/* How a handler ends, and where that is right. */
typedef struct ending {
  maty_phase phase;
  maty_class class_;
  const char *wrong;
} ending_t;

static ending_t ending_of(maty__node_kind kind) {
  switch (kind) {
  case MATY__NODE_SUSPEND:
    return (ending_t){MATY_PHASE_RECEIVE, MATY_CLASS_BAD_SUSPEND,
                      "suspends where it does not wait"};
  case MATY__NODE_HOLD:
    return (ending_t){MATY_PHASE_SEND, MATY_CLASS_BAD_SUSPEND, "holds where it does not send"};
  default:
    return (ending_t){MATY_PHASE_FINAL, MATY_CLASS_BAD_DONE,
                      "is done before it has come to its end"};
  }
}

static maty_status do_end(search_t *search, uint32_t at, const maty__node_t *node) {
  ending_t ending = ending_of(node->kind);
  uint32_t state = search->points.at[at].state;
  maty_state_info_t info;
  maty__text_t text;
  MATY__TRY(maty_image_state(search->image, image_state(search, state), &info));
  if (info.phase == ending.phase) {
    if (node->number == MATY__NONE)
      return MATY_OK;
    return node->kind == MATY__NODE_HOLD ? go_on_held(search, at, node)
                                         : hear(search, at, node, &info);
  }
  if ((state & 1) != 0)
    return doubt(search, at);
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s %s; ", search->behaviour->role, ending.wrong);
  add_expected(search, &text, image_state(search, state));
  return report(search, at, ending.class_, node->place, &text);
}

static maty_status do_bad(search_t *search, uint32_t at, const maty__node_t *node) {
  maty__text_t text;
  maty__text_init(&text, search->scratch);
  maty__text_add(&text, "%s", node->text);
  MATY__TRY(report(search, at, node->class_, node->place, &text));
  return go_on(search, at, search->points.at[at].state | 1, MATY__NONE);
}

static maty_status do_point(search_t *search, uint32_t at) {
  uint32_t state = search->points.at[at].state;
  const maty__node_t *node = node_at(search, search->points.at[at].node);
  switch (node->kind) {
  case MATY__NODE_GO:
    return go_on(search, at, state, MATY__NONE);
  case MATY__NODE_SEND:
    return do_send(search, at, node);
  case MATY__NODE_CALL:
    return do_call(search, at, node);
  case MATY__NODE_EXIT:
    return do_exit(search, at, node);
  case MATY__NODE_SUSPEND:
  case MATY__NODE_HOLD:
  case MATY__NODE_DONE:
    return do_end(search, at, node);
  case MATY__NODE_MARK:
    MATY__NEED(maty__map_put(search->scratch, &search->marks, node->number) != NULL);
    *maty__map_put(search->scratch, &search->marks, node->number) = 1;
    return go_on(search, at, state, MATY__NONE);
  case MATY__NODE_BAD:
    return do_bad(search, at, node);
  case MATY__NODE_GUESS:
    MATY__TRY(guess(search, at, node->place, node->text));
    return go_on(search, at, state | 1, MATY__NONE);
  case MATY__NODE_SUPPOSE:
    return go_on(search, at, state | 1, MATY__NONE);
  }
  return MATY_EINVAL;
}

/* ===== The whole ========================================================= */

/* Clauses of handlers that were suspended, but that no message ever fits. They are
 * only of no use, unless the handler lacks a clause that was meant. */
static maty_status find_dead_clauses(search_t *search) {
  const maty__behaviour_t *behaviour = search->behaviour;
  for (uint32_t i = 0; i < behaviour->handlers.count; i++) {
    const maty__handler_t *handler = &behaviour->handlers.at[i];
    if (search->suspended[i] == MATY__NONE || (search->guessed && !search->lacking[i]))
      continue;
    for (uint32_t j = 0; j < handler->clause_count; j++) {
      const maty__clause_t *clause = &behaviour->clauses.at[handler->first_clause + j];
      if (maty__map_get(&search->marks, clause->mark) == MATY__NONE)
        MATY__TRY(remark(search, search->lacking[i] ? MATY_SEVERITY_ERROR : MATY_SEVERITY_WARNING,
                         MATY_CLASS_DEAD_CLAUSE, clause->place,
                         "this clause fits no message that comes here"));
    }
  }
  return MATY_OK;
}

/* Puts the findings into the order of the code. */
static maty_status finish(search_t *search) {
  uint32_t count = search->findings.count;
  uint64_t *keys = maty__array(search->scratch, uint64_t, count + 1);
  MATY__NEED(keys != NULL);
  for (uint32_t i = 0; i < count; i++)
    keys[i] = (uint64_t)search->findings.at[i].diagnostics[0].line << 32 | i;
  maty__sort(keys, count);
  for (uint32_t i = 0; i < count; i++) {
    const finding_t *finding = &search->findings.at[(uint32_t)keys[i]];
    for (uint32_t j = 0; j < finding->count; j++)
      MATY__NEED(maty__vec_push(&search->verdict->arena, &search->verdict->diagnostics,
                                finding->diagnostics[j]));
  }
  search->verdict->facts.states = search->points.count;
  return MATY_OK;
}

static maty_status find_role(search_t *search) {
  uint32_t count = maty_image_role_count(search->image);
  for (search->role = 0; search->role < count; search->role++) {
    MATY__TRY(maty_image_role(search->image, search->role, &search->info));
    if (strcmp(search->info.name, search->behaviour->role) == 0)
      return MATY_OK;
  }
  return MATY_EINVAL;
}

static maty_status run(search_t *search) {
  const maty__behaviour_t *behaviour = search->behaviour;
  uint32_t handlers = behaviour->handlers.count, frame;
  MATY__TRY(find_role(search));
  search->suspended = maty__array(search->scratch, uint32_t, handlers + 1);
  search->lacking = maty__zarray(search->scratch, bool, handlers + 1);
  MATY__NEED(search->suspended != NULL && search->lacking != NULL);
  memset(search->suspended, 0xff, (handlers + 1) * sizeof *search->suspended);
  uint32_t initial = (search->info.initial - search->info.first_state) << 1;
  MATY__TRY(begin(search, behaviour->start, initial, MATY__NONE, MATY__NONE, &frame));
  for (uint32_t at = 0; at < search->points.count; at++) {
    MATY__TRY(do_point(search, at));
    if (at % 1024 == 1023 && search->config->progress != NULL &&
        !search->config->progress(search->config->progress_context, at))
      return MATY_ECANCELED;
  }
  MATY__TRY(find_dead_clauses(search));
  return finish(search);
}

maty_status maty_behaviour_check(maty_verdict_t **out, const maty_image_t *image, const char *text,
                                 size_t length, const maty_config_t *config) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  if (image == NULL || config == NULL || (text == NULL && length > 0))
    return MATY_EINVAL;
  maty_verdict_t *verdict = maty__verdict_new(&config->allocator);
  MATY__NEED(verdict != NULL);
  maty__arena_t scratch;
  maty__arena_init(&scratch, &config->allocator);
  maty__behaviour_t behaviour;
  maty_status status = maty__behaviour_read(&behaviour, &scratch, text == NULL ? "" : text, length);
  search_t search = {.image = image,
                     .behaviour = &behaviour,
                     .verdict = verdict,
                     .scratch = &scratch,
                     .config = config};
  if (status == MATY_OK)
    status = run(&search);
  if (status == MATY_OK && search.errors)
    status = MATY_EREJECTED;
  else if (status == MATY_OK && search.limit)
    status = MATY_ELIMIT;
  maty__arena_free(&scratch);
  if (status == MATY_OK || status == MATY_EREJECTED || (status == MATY_ELIMIT && search.limit))
    *out = verdict;
  else
    maty_verdict_free(verdict);
  return status;
}
