/* local.c - see local.h.
 *
 * The graph of a role's part is made into a machine without jumps: a state stands
 * for a node that one of the role's messages leads to, and its moves are the
 * messages that jumps lead to from there.
 */
#include "local.h"

#include "graph.h"
#include "limits.h"

typedef struct builder {
  maty__check_t *check;
  maty__automaton_t *automaton;
  maty__machines_t *machines;
  maty__graph_t graph;
  uint32_t role;
  maty__u32s_t nodes;   /* by state */
  uint32_t *state_of;   /* by node: its state, plus one */
  maty__jumps_t jumps;  /* of one state's node */
  maty__u64s_t targets; /* of one message: target, then arc */
  bool rejected;
} builder_t;

static const maty__message_t *message_of(const builder_t *builder, uint32_t arc) {
  return &builder->automaton->messages.at[builder->graph.arcs.at[arc].message];
}

static maty_status find_state(builder_t *builder, uint32_t node, uint32_t *state) {
  if (builder->state_of[node] == 0) {
    MATY__NEED(maty__vec_push(builder->check->work, &builder->nodes, node));
    builder->state_of[node] = builder->nodes.count;
  }
  *state = builder->state_of[node] - 1;
  return MATY_OK;
}

/* One payload for each message that may come next. */
static maty_status check_payloads(builder_t *builder, uint32_t first, uint32_t end) {
  const maty__arc_t *one = &builder->graph.arcs.at[(uint32_t)builder->jumps.arcs.at[first]];
  for (uint32_t i = first + 1; i < end; i++) {
    const maty__arc_t *other = &builder->graph.arcs.at[(uint32_t)builder->jumps.arcs.at[i]];
    if (one->payload == other->payload)
      continue;
    builder->rejected = true;
    return maty__automaton_payloads(builder->check, builder->automaton, one->message, one->at,
                                    other->at);
  }
  return MATY_OK;
}

/* The moves with one message, arcs[first .. end - 1]. */
static maty_status add_moves(builder_t *builder, uint32_t first, uint32_t end,
                             maty__local_state_t *state) {
  maty__u64s_t *targets = &builder->targets;
  targets->count = 0;
  MATY__TRY(check_payloads(builder, first, end));
  for (uint32_t i = first; i < end; i++) {
    uint32_t arc = (uint32_t)builder->jumps.arcs.at[i], target;
    if (message_of(builder, arc)->receiver == builder->role)
      state->deadline = maty__sooner(state->deadline, builder->graph.arcs.at[arc].deadline);
    MATY__TRY(find_state(builder, builder->graph.onward[builder->graph.arcs.at[arc].to], &target));
    MATY__NEED(maty__vec_push(builder->check->work, targets, (uint64_t)target << 32 | arc));
  }
  maty__sort(targets->at, targets->count);
  for (uint32_t i = 0; i < targets->count; i++) {
    if (i > 0 && targets->at[i] >> 32 == targets->at[i - 1] >> 32)
      continue;
    const maty__arc_t *arc = &builder->graph.arcs.at[(uint32_t)targets->at[i]];
    maty__local_move_t move = {.message = arc->message,
                               .target = (uint32_t)(targets->at[i] >> 32),
                               .payload = arc->payload,
                               .at = arc->at};
    if (state->move_count++ == 0 || move.at < state->at)
      state->at = move.at;
    MATY__NEED(maty__vec_push(builder->check->scratch, &builder->machines->moves, move));
  }
  return MATY_OK;
}

/* One subject for each state: the role sends, or it hears from one other role. */
static maty_status check_subject(builder_t *builder) {
  const maty__check_t *check = builder->check;
  for (uint32_t i = 1; i < builder->jumps.arcs.count; i++) {
    uint32_t one = (uint32_t)builder->jumps.arcs.at[0], other = (uint32_t)builder->jumps.arcs.at[i];
    if (message_of(builder, one)->sender == message_of(builder, other)->sender)
      continue;
    if (builder->graph.arcs.at[one].at > builder->graph.arcs.at[other].at) {
      other = one;
      one = (uint32_t)builder->jumps.arcs.at[i];
    }
    const maty__arc_t *here = &builder->graph.arcs.at[other], *there = &builder->graph.arcs.at[one];
    const maty__use_t *roles = builder->automaton->roles;
    uint32_t length = maty__name_length(&check->names, message_of(builder, other)->label);
    builder->rejected = true;
    MATY__TRY(maty__error(
        builder->check, MATY_CLASS_CHOICE_SUBJECT, here->at, length,
        "what comes first for '%.*s' is from '%.*s' here, and from '%.*s' in another branch: one "
        "role has to tell it in all of them",
        MATY__NAME(&check->names, roles[builder->role].name),
        MATY__NAME(&check->names, roles[message_of(builder, other)->sender].name),
        MATY__NAME(&check->names, roles[message_of(builder, one)->sender].name)));
    return maty__note(builder->check, MATY_CLASS_CHOICE_SUBJECT, there->at,
                      maty__name_length(&check->names, message_of(builder, one)->label),
                      "the other branch is here");
  }
  return MATY_OK;
}

static maty_status expand(builder_t *builder, uint32_t number) {
  maty__local_state_t state = {.first_move = builder->machines->moves.count,
                               .phase = MATY_PHASE_FINAL,
                               .at = builder->automaton->protocol->end_at};
  MATY__TRY(maty__jumps_begin(&builder->jumps, builder->check, builder->nodes.at[number]));
  MATY__TRY(maty__jumps_follow(&builder->jumps, builder->check, &builder->graph));
  if (builder->jumps.arcs.count > 0)
    state.phase = message_of(builder, (uint32_t)builder->jumps.arcs.at[0])->sender == builder->role
                      ? MATY_PHASE_SEND
                      : MATY_PHASE_RECEIVE;
  MATY__TRY(check_subject(builder));
  for (uint32_t first = 0, end; first < builder->jumps.arcs.count; first = end) {
    uint64_t message = builder->jumps.arcs.at[first] >> 32;
    for (end = first + 1;
         end < builder->jumps.arcs.count && builder->jumps.arcs.at[end] >> 32 == message;)
      end++;
    MATY__TRY(add_moves(builder, first, end, &state));
  }
  MATY__NEED(maty__vec_push(builder->check->scratch, &builder->machines->states, state));
  return MATY_OK;
}

static maty_status too_large(builder_t *builder, const char *what, uint32_t bound) {
  const maty__use_t *role = &builder->automaton->roles[builder->role];
  MATY__TRY(maty__error(builder->check, MATY_CLASS_LIMIT, role->at,
                        maty__name_length(&builder->check->names, role->name),
                        "the local types up to that of '%.*s' have more than %u %s",
                        MATY__NAME(&builder->check->names, role->name), bound, what));
  return MATY_EREJECTED;
}

static maty_status add_machine(builder_t *builder) {
  maty__arena_t *work = builder->check->work;
  uint32_t begin;
  builder->state_of = maty__zarray(work, uint32_t, builder->graph.node_count);
  builder->jumps.seen = maty__zarray(work, uint32_t, builder->graph.node_count);
  MATY__NEED(builder->state_of != NULL && builder->jumps.seen != NULL);
  MATY__TRY(find_state(builder, builder->graph.onward[builder->graph.begin], &begin));
  for (uint32_t state = 0; state < builder->nodes.count; state++) {
    MATY__TRY(expand(builder, state));
    if (builder->machines->states.count > MATY_MAX_STATES)
      return too_large(builder, "states", MATY_MAX_STATES);
    if (builder->machines->moves.count > MATY_MAX_TRANSITIONS)
      return too_large(builder, "transitions", MATY_MAX_TRANSITIONS);
  }
  MATY__NEED(maty__vec_push(builder->check->scratch, &builder->machines->first_state,
                            builder->machines->states.count));
  return MATY_OK;
}

maty_status maty__local_machines(maty__check_t *check, const maty__tree_t *tree,
                                 maty__types_t *types, maty__parts_t *parts,
                                 maty__automaton_t *automaton, maty__machines_t *machines) {
  bool rejected = false;
  MATY__NEED(maty__vec_push(check->scratch, &machines->first_state, 0));
  for (uint32_t role = 0; role < automaton->role_count; role++) {
    builder_t builder = {
        .check = check, .automaton = automaton, .machines = machines, .role = role};
    maty__arena_mark_t mark = maty__arena_mark(check->work);
    maty_status status =
        maty__graph_build(check, tree, types, parts, role, automaton, &builder.graph);
    rejected = rejected || status == MATY_EREJECTED;
    /* What is unreachable does not change who tells the role of a choice. */
    if (builder.graph.onward != NULL && (status == MATY_OK || status == MATY_EREJECTED))
      status = add_machine(&builder);
    maty__arena_rewind(check->work, mark);
    if (status != MATY_OK && status != MATY_EREJECTED)
      return status;
    /* One error a role is enough, but each role may have its own. */
    rejected = rejected || status == MATY_EREJECTED || builder.rejected;
  }
  return rejected ? MATY_EREJECTED : MATY_OK;
}
