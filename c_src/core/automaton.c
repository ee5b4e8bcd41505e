/* automaton.c - see automaton.h.
 *
 * The subset construction over the graph's nodes: a state is the set of nodes
 * that one run of messages leads to, kept in a pool, so that its number there
 * is its number in the automaton. Nearly every set has one node.
 */
#include "automaton.h"

#include "dialect.h"
#include "graph.h"
#include "lex.h"
#include "limits.h"

/* What sorting a message takes, in steps along arcs. */
enum { SORTED_STEPS = 16 };

typedef struct builder {
  maty__check_t *check;
  const maty__dialect_t *dialect;
  maty__automaton_t *automaton;
  const maty__graph_t *graph;
  maty__pool_t kernels;  /* by state: its nodes, before jumps are followed */
  maty__jumps_t jumps;   /* of this state's nodes */
  maty__u32s_t choosers; /* nodes of this state where a choice begins */
  maty__u32s_t targets;
  bool ends; /* the end is one of this state's nodes */
  uint64_t steps;
  bool rejected;
} builder_t;

static const char *role_text(const builder_t *builder, uint32_t role, int *length) {
  const maty__name_text_t *text =
      &builder->check->names.items.at[builder->automaton->roles[role].name];
  *length = (int)text->length;
  return text->at;
}

maty_status maty__automaton_step(maty__check_t *check, const maty__automaton_t *automaton,
                                 maty__runs_t *runs, uint32_t number, uint32_t edge) {
  const maty__edge_t *taken = &automaton->edges.at[edge];
  const maty__message_t *message = &automaton->messages.at[taken->message];
  maty_run_step_t step = {.kind = MATY_STEP_MESSAGE,
                          .number = number,
                          .line = maty__check_place(check, taken->at).line};
  MATY__TRY(maty__check_show(check, automaton->roles[message->sender].name, &step.sender));
  MATY__TRY(maty__check_show(check, automaton->roles[message->receiver].name, &step.receiver));
  MATY__TRY(maty__check_show(check, message->label, &step.label));
  maty__runs_step(runs, step);
  return MATY_OK;
}

maty_status maty__automaton_run(maty__check_t *check, const maty__automaton_t *automaton,
                                maty__runs_t *runs, const maty__u32s_t *edges) {
  for (uint32_t i = 0; i < edges->count; i++)
    if (maty__runs_shows(i, edges->count))
      MATY__TRY(
          maty__automaton_step(check, automaton, runs, i + 1, edges->at[edges->count - 1 - i]));
  return MATY_OK;
}

/* The shortest run to a state: states are found breadth first, so the way each
 * was found by is one. */
static maty_status run_to(builder_t *builder, uint32_t state, maty__runs_t *runs,
                          uint32_t *length) {
  maty__u32s_t edges = {0};
  for (; state != 0; state = builder->automaton->points.at[state].from)
    MATY__NEED(
        maty__vec_push(builder->check->scratch, &edges, builder->automaton->points.at[state].by));
  *length = edges.count;
  if (edges.count == 0)
    return MATY_OK;
  maty__runs_begin(runs, "");
  MATY__TRY(maty__automaton_run(builder->check, builder->automaton, runs, &edges));
  maty__runs_end(runs, "");
  return MATY_OK;
}

/* The run to a state and the two ways on that do not go together; "second" may
 * be MATY__NONE, the end. */
static maty_status report_run(builder_t *builder, uint32_t state, uint32_t first, uint32_t second) {
  maty__check_t *check = builder->check;
  maty__runs_t runs;
  uint32_t length;
  if (check->full)
    return MATY_OK;
  maty__runs_init(&runs, check->arena);
  MATY__TRY(run_to(builder, state, &runs, &length));
  maty__runs_begin(&runs, "either");
  MATY__TRY(maty__automaton_step(check, builder->automaton, &runs, length + 1, first));
  maty__runs_end(&runs, "");
  maty__runs_begin(&runs, "or");
  if (second != MATY__NONE)
    MATY__TRY(maty__automaton_step(check, builder->automaton, &runs, length + 1, second));
  maty__runs_end(&runs, second == MATY__NONE ? "the end" : "");
  return maty__report_runs(check, &runs);
}

static const maty__message_t *message_of(const builder_t *builder, uint32_t edge) {
  return &builder->automaton->messages.at[builder->automaton->edges.at[edge].message];
}

static uint32_t label_length(const builder_t *builder, uint32_t edge) {
  return maty__word_length(builder->check, builder->automaton->edges.at[edge].at);
}

/* One sender for each state: the one that the choice names, if it names one
 * that is there. */
static maty_status check_sender(builder_t *builder, uint32_t state) {
  maty__point_t *point = &builder->automaton->points.at[state];
  uint32_t end = point->first_edge + point->edge_count, chosen = point->first_edge;
  uint32_t subject = MATY__NONE;
  if (builder->choosers.count > 0) {
    uint32_t chooser = builder->graph->chooser_of.at[builder->choosers.at[0]];
    subject = builder->graph->choosers.at[chooser].role;
  }
  for (uint32_t edge = point->first_edge; edge < end; edge++)
    if (message_of(builder, edge)->sender == subject) {
      chosen = edge;
      break;
    }
  point->sender = message_of(builder, chosen)->sender;
  for (uint32_t edge = point->first_edge; edge < end; edge++) {
    if (message_of(builder, edge)->sender == point->sender)
      continue;
    int one_length, other_length;
    const char *other = role_text(builder, message_of(builder, edge)->sender, &other_length);
    const char *one = role_text(builder, point->sender, &one_length);
    uint32_t at = builder->automaton->edges.at[edge].at;
    builder->rejected = true;
    MATY__TRY(maty__error(
        builder->check, MATY_CLASS_CHOICE_SENDER, at, label_length(builder, edge),
        "'%.*s' may go on with this message where '%.*s' may go on too (line %u): one role has "
        "to choose",
        other_length, other, one_length, one,
        maty__check_place(builder->check, builder->automaton->edges.at[chosen].at).line));
    return report_run(builder, state, chosen, edge);
  }
  return MATY_OK;
}

static maty_status check_choosers(builder_t *builder, uint32_t state) {
  uint32_t sender = builder->automaton->points.at[state].sender;
  for (uint32_t i = 0; i < builder->choosers.count; i++) {
    const maty__chooser_t *chooser;
    for (uint32_t next = builder->graph->chooser_of.at[builder->choosers.at[i]]; next != MATY__NONE;
         next = chooser->next) {
      chooser = &builder->graph->choosers.at[next];
      builder->steps++;
      if (chooser->role == sender)
        continue;
      int named_length, sender_length = 0;
      const char *named = role_text(builder, chooser->role, &named_length);
      builder->rejected = true;
      if (sender == MATY__NONE) {
        MATY__TRY(maty__error(
            builder->check, MATY_CLASS_CHOICE_SUBJECT, chooser->at, chooser->length,
            "the choice is at '%.*s', but no branch begins with a message", named_length, named));
        continue;
      }
      const char *actual = role_text(builder, sender, &sender_length);
      MATY__TRY(maty__error(builder->check, MATY_CLASS_CHOICE_SUBJECT, chooser->at, chooser->length,
                            "the choice is at '%.*s', but its branches begin with messages of "
                            "'%.*s'",
                            named_length, named, sender_length, actual));
    }
  }
  return MATY_OK;
}

/* One receiver for each state, where the dialect asks for it. */
static maty_status check_receiver(builder_t *builder, uint32_t state) {
  const maty__point_t *point = &builder->automaton->points.at[state];
  uint32_t first = point->first_edge;
  for (uint32_t edge = first + 1; edge < first + point->edge_count; edge++) {
    if (message_of(builder, edge)->receiver == message_of(builder, first)->receiver)
      continue;
    int one_length, other_length;
    const char *one = role_text(builder, message_of(builder, first)->receiver, &one_length);
    const char *other = role_text(builder, message_of(builder, edge)->receiver, &other_length);
    builder->rejected = true;
    return maty__error(
        builder->check, MATY_CLASS_CHOICE_SUBJECT, builder->automaton->edges.at[edge].at,
        label_length(builder, edge),
        "one branch begins with a message to '%.*s', and another with one to '%.*s' (line %u): "
        "one role has to be told first in all of them",
        other_length, other, one_length, one,
        maty__check_place(builder->check, builder->automaton->edges.at[first].at).line);
  }
  return MATY_OK;
}

static maty_status check_state(builder_t *builder, uint32_t state) {
  const maty__point_t *point = &builder->automaton->points.at[state];
  bool rejected = builder->rejected;
  builder->rejected = false;
  if (point->edge_count > 0)
    MATY__TRY(check_sender(builder, state));
  if (!builder->rejected && builder->dialect->one_receiver && point->edge_count > 0)
    MATY__TRY(check_receiver(builder, state));
  if (!builder->rejected)
    MATY__TRY(check_choosers(builder, state));
  if (!builder->rejected && builder->ends && point->edge_count > 0) {
    uint32_t edge = point->first_edge;
    builder->rejected = true;
    MATY__TRY(maty__error(builder->check, MATY_CLASS_UNFINISHED,
                          builder->automaton->edges.at[edge].at, label_length(builder, edge),
                          "the conversation may be over here, or go on with '%.*s': nobody is "
                          "told which",
                          MATY__NAME(&builder->check->names, message_of(builder, edge)->label)));
    MATY__TRY(report_run(builder, state, edge, MATY__NONE));
  }
  builder->rejected = builder->rejected || rejected;
  return MATY_OK;
}

/* Two branches that are the same call have one node, so no message of theirs
 * stands there twice. */
static maty_status check_jumps(builder_t *builder, uint32_t state) {
  if (builder->dialect->labels != MATY__LABEL_FORBIDDEN || builder->jumps.again == MATY__NONE ||
      builder->jumps.arcs.count == 0 || maty__pool_length(&builder->kernels, state) > 1)
    return MATY_OK;
  const maty__arc_t *jump = &builder->graph->arcs.at[builder->jumps.again];
  builder->rejected = true;
  return maty__error(builder->check, MATY_CLASS_DUP_LABEL, jump->at, jump->length,
                     "two branches go on in the same way here: what comes next has to differ in "
                     "its label");
}

/* Follows jumps from one state's nodes and gathers the messages behind. */
static maty_status gather(builder_t *builder, uint32_t state) {
  const maty__graph_t *graph = builder->graph;
  maty__jumps_t *jumps = &builder->jumps;
  builder->choosers.count = 0;
  builder->ends = false;
  for (uint32_t i = 0; i < maty__pool_length(&builder->kernels, state); i++)
    MATY__TRY(maty__jumps_begin(jumps, builder->check, maty__pool_at(&builder->kernels, state)[i]));
  MATY__TRY(maty__jumps_follow(jumps, builder->check, graph));
  for (uint32_t i = 0; i < jumps->nodes.count; i++) {
    uint32_t node = jumps->nodes.at[i];
    builder->ends = builder->ends || node == graph->end;
    if (graph->chooser_of.at[node] != MATY__NONE)
      MATY__NEED(maty__vec_push(builder->check->work, &builder->choosers, node));
    builder->steps += graph->first_arc[node + 1] - graph->first_arc[node];
  }
  builder->steps += SORTED_STEPS * (uint64_t)jumps->arcs.count;
  return MATY_OK;
}

maty_status maty__automaton_payloads(maty__check_t *check, const maty__automaton_t *automaton,
                                     uint32_t message, uint32_t one, uint32_t other) {
  maty__name_t label = automaton->messages.at[message].label;
  MATY__TRY(maty__error(check, MATY_CLASS_NONDET_PAYLOAD, other, maty__word_length(check, other),
                        "'%.*s' has another payload here than in line %u, and both may come next",
                        MATY__NAME(&check->names, label), maty__check_place(check, one).line));
  return maty__note(check, MATY_CLASS_NONDET_PAYLOAD, one, maty__word_length(check, one),
                    "the other one is here");
}

static maty_status check_label(builder_t *builder, const maty__arc_t *one,
                               const maty__arc_t *other) {
  const maty__message_t *message = &builder->automaton->messages.at[one->message];
  uint32_t length = maty__word_length(builder->check, other->at);
  builder->rejected = true;
  MATY__TRY(maty__error(builder->check, MATY_CLASS_DUP_LABEL, other->at, length,
                        "two branches begin with '%.*s': what comes next has to differ in its "
                        "label",
                        MATY__NAME(&builder->check->names, message->label)));
  return maty__note(builder->check, MATY_CLASS_DUP_LABEL, one->at,
                    maty__word_length(builder->check, one->at), "the other one is here");
}

/* The state that the messages arcs[first .. end - 1], all the same, lead to. */
static maty_status find_target(builder_t *builder, uint32_t state, uint32_t first, uint32_t end,
                               uint32_t *target) {
  maty__automaton_t *automaton = builder->automaton;
  const maty__arc_t *arcs = builder->graph->arcs.at;
  builder->targets.count = 0;
  for (uint32_t i = first; i < end; i++) {
    const maty__arc_t *arc = &arcs[(uint32_t)builder->jumps.arcs.at[i]];
    const maty__arc_t *first_arc = &arcs[(uint32_t)builder->jumps.arcs.at[first]];
    if (i > first && builder->dialect->labels == MATY__LABEL_FORBIDDEN) {
      MATY__TRY(check_label(builder, first_arc, arc));
      continue; /* what comes of both at once would be its consequence */
    }
    if (arc->payload != first_arc->payload) {
      builder->rejected = true;
      MATY__TRY(maty__automaton_payloads(builder->check, automaton, arc->message, first_arc->at,
                                         arc->at));
    }
    MATY__NEED(
        maty__vec_push(builder->check->work, &builder->targets, builder->graph->onward[arc->to]));
  }
  builder->targets.count = maty__sort_unique(builder->targets.at, builder->targets.count);
  *target = maty__pool_put(builder->check->work, &builder->kernels, builder->targets.at,
                           builder->targets.count);
  MATY__NEED(*target != MATY__NONE);
  if (*target < automaton->points.count)
    return MATY_OK;
  maty__point_t point = {.sender = MATY__NONE, .from = state, .by = automaton->edges.count};
  MATY__NEED(maty__vec_push(builder->check->scratch, &automaton->points, point));
  return MATY_OK;
}

static maty_status too_large(builder_t *builder, const char *what, uint32_t bound) {
  const maty__protocol_t *protocol = builder->automaton->protocol;
  MATY__TRY(maty__error(builder->check, MATY_CLASS_LIMIT, protocol->name.at,
                        maty__name_length(&builder->check->names, protocol->name.name),
                        "the conversation '%.*s' has more than %u %s",
                        MATY__NAME(&builder->check->names, protocol->name.name), bound, what));
  return MATY_EREJECTED;
}

static maty_status expand(builder_t *builder, uint32_t state) {
  maty__automaton_t *automaton = builder->automaton;
  MATY__TRY(gather(builder, state));
  MATY__TRY(check_jumps(builder, state));
  uint32_t first_edge = automaton->edges.count;
  automaton->points.at[state].first_edge = first_edge;
  for (uint32_t first = 0, end; first < builder->jumps.arcs.count; first = end) {
    uint64_t message = builder->jumps.arcs.at[first] >> 32;
    for (end = first + 1;
         end < builder->jumps.arcs.count && builder->jumps.arcs.at[end] >> 32 == message;)
      end++;
    const maty__arc_t *arc = &builder->graph->arcs.at[(uint32_t)builder->jumps.arcs.at[first]];
    maty__edge_t edge = {.message = arc->message, .payload = arc->payload, .at = arc->at};
    for (uint32_t i = first; i < end; i++)
      edge.deadline = maty__sooner(
          edge.deadline, builder->graph->arcs.at[(uint32_t)builder->jumps.arcs.at[i]].deadline);
    MATY__TRY(find_target(builder, state, first, end, &edge.target));
    MATY__NEED(maty__vec_push(builder->check->scratch, &automaton->edges, edge));
    automaton->points.at[state].edge_count++;
  }
  if (automaton->points.count > MATY_MAX_STATES)
    return too_large(builder, "states", MATY_MAX_STATES);
  if (automaton->edges.count > MATY_MAX_TRANSITIONS)
    return too_large(builder, "transitions", MATY_MAX_TRANSITIONS);
  if (builder->kernels.words.count > MATY_MAX_MEMBERS)
    return too_large(builder, "members in the sets of its states", MATY_MAX_MEMBERS);
  if (builder->steps > MATY_MAX_STEPS)
    return too_large(builder, "steps between its states", MATY_MAX_STEPS);
  if (automaton->edges.count > first_edge) /* more than one sender is told from here */
    automaton->points.at[state].sender = message_of(builder, first_edge)->sender;
  return check_state(builder, state);
}

static maty_status check_unused(maty__check_t *check, maty__automaton_t *automaton) {
  uint8_t *used = maty__zarray(check->scratch, uint8_t, automaton->role_count);
  MATY__NEED(used != NULL);
  for (uint32_t i = 0; i < automaton->messages.count; i++) {
    used[automaton->messages.at[i].sender] = 1;
    used[automaton->messages.at[i].receiver] = 1;
  }
  for (uint32_t i = 0; i < automaton->callers.count; i++)
    used[automaton->callers.at[i]] = 1;
  for (uint32_t i = 0; i < automaton->role_count; i++) {
    if (used[i])
      continue;
    const maty__use_t *role = &automaton->roles[i];
    automaton->unused = true;
    MATY__TRY(maty__error(check, MATY_CLASS_UNUSED_ROLE, role->at,
                          maty__name_length(&check->names, role->name),
                          "the role '%.*s' takes no part in the conversation",
                          MATY__NAME(&check->names, role->name)));
  }
  return MATY_OK;
}

static maty_status find_states(builder_t *builder) {
  maty__arena_t *work = builder->check->work;
  builder->jumps.seen = maty__zarray(work, uint32_t, builder->graph->node_count);
  MATY__NEED(builder->jumps.seen != NULL);
  uint32_t begin = builder->graph->onward[builder->graph->begin];
  MATY__NEED(maty__pool_put(work, &builder->kernels, &begin, 1) != MATY__NONE);
  MATY__NEED(maty__vec_push(builder->check->scratch, &builder->automaton->points,
                            ((maty__point_t){.sender = MATY__NONE, .by = MATY__NONE})));
  for (uint32_t state = 0; state < builder->automaton->points.count; state++)
    MATY__TRY(expand(builder, state));
  return MATY_OK;
}

maty_status maty__automaton_begin(maty__check_t *check, const maty__tree_t *tree,
                                  maty__types_t *types, maty__parts_t *parts,
                                  const maty__protocol_t *protocol, maty__automaton_t *automaton,
                                  maty__graph_t *graph) {
  *automaton = (maty__automaton_t){.protocol = protocol,
                                   .roles = tree->uses.at + protocol->first_role,
                                   .role_count = protocol->role_count};
  maty_status status =
      maty__graph_build(check, tree, types, parts, MATY__ANY_ROLE, automaton, graph);
  const maty__dialect_t *dialect = maty__dialect(check->config->dialect);
  /* Where nothing is passed over, the graph ends at what nothing leads to. */
  bool whole = status == MATY_OK || (dialect->passes_loops && graph->onward != NULL);
  if (whole && !dialect->unused_roles)
    MATY__TRY(check_unused(check, automaton));
  return status;
}

maty_status maty__automaton_finish(maty__check_t *check, maty__automaton_t *automaton,
                                   const maty__graph_t *graph) {
  builder_t builder = {.check = check,
                       .dialect = maty__dialect(check->config->dialect),
                       .automaton = automaton,
                       .graph = graph};
  maty__arena_mark_t mark = maty__arena_mark(check->work);
  maty_status status = automaton->aside == NULL ? find_states(&builder) : MATY_OK;
  maty__arena_rewind(check->work, mark);
  if (status != MATY_OK)
    return status;
  return builder.rejected || automaton->unused ? MATY_EREJECTED : MATY_OK;
}

maty_status maty__automaton_build(maty__check_t *check, const maty__tree_t *tree,
                                  maty__types_t *types, maty__parts_t *parts,
                                  const maty__protocol_t *protocol, maty__automaton_t *automaton) {
  maty__graph_t graph;
  maty__arena_mark_t mark = maty__arena_mark(check->work);
  maty_status status =
      maty__automaton_begin(check, tree, types, parts, protocol, automaton, &graph);
  if (status == MATY_OK)
    status = maty__automaton_finish(check, automaton, &graph);
  maty__arena_rewind(check->work, mark);
  return status;
}
