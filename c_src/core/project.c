/* project.c - see project.h.
 *
 * Determinising is the subset construction over the view's entries. Minimising
 * is Valmari, "Fast brief practical DFA minimization" (Information Processing
 * Letters 112, 2012): O(m log n) for m transitions, whatever the number of
 * messages, since it refines a partition of the states and one of the
 * transitions in turn and always goes on with the smaller half.
 */
#include "project.h"

#include <stddef.h>
#include <string.h>

#include "limits.h"

/* ===== Determinising ===================================================== */

typedef struct builder {
  maty__view_t *view;
  maty__arena_t *arena;
  maty__pool_t kernels; /* by state: its entries */
  MATY__VEC(maty__local_state_t) states;
  MATY__VEC(maty__local_move_t) moves;
  maty__u64s_t outs; /* of one state: message, then transition */
  maty__u32s_t targets;
} builder_t;

static maty_status too_large(builder_t *builder, const char *what, uint32_t bound) {
  const maty__view_t *view = builder->view;
  const maty__use_t *role = &view->automaton->roles[view->role];
  MATY__TRY(maty__error(view->check, MATY_CLASS_LIMIT, role->at,
                        maty__name_length(&view->check->names, role->name),
                        "the machines up to that of '%.*s' have more than %u %s",
                        MATY__NAME(&view->check->names, role->name), bound, what));
  return MATY_EREJECTED;
}

static maty_status find_state(builder_t *builder, uint32_t *state) {
  builder->targets.count = maty__sort_unique(builder->targets.at, builder->targets.count);
  *state = maty__pool_put(builder->arena, &builder->kernels, builder->targets.at,
                          builder->targets.count);
  MATY__NEED(*state != MATY__NONE);
  if (*state == builder->states.count)
    MATY__NEED(maty__vec_push(builder->arena, &builder->states, ((maty__local_state_t){.at = 0})));
  return MATY_OK;
}

/* The outs of all entries of a state. */
static maty_status gather(builder_t *builder, uint32_t state) {
  const maty__view_t *view = builder->view;
  uint32_t entry_count = maty__pool_length(&builder->kernels, state);
  builder->outs.count = 0;
  for (uint32_t i = 0; i < entry_count; i++) {
    const maty__entry_t *entry = &view->entries.at[maty__pool_at(&builder->kernels, state)[i]];
    MATY__NEED(maty__vec_reserve(builder->arena, &builder->outs, entry->out_count));
    for (uint32_t j = 0; j < entry->out_count; j++) {
      uint32_t edge = view->outs.at[entry->first_out + j];
      builder->outs.at[builder->outs.count++] =
          (uint64_t)view->automaton->edges.at[edge].message << 32 | edge;
    }
  }
  if (entry_count > 1)
    maty__sort(builder->outs.at, builder->outs.count);
  return maty__view_work(builder->view, builder->outs.count + 1);
}

static maty_status expand(builder_t *builder, const maty__machines_t *machines, uint32_t state) {
  const maty__view_t *view = builder->view;
  if (machines->states.count + builder->states.count > MATY_MAX_STATES)
    return too_large(builder, "states", MATY_MAX_STATES);
  if (builder->kernels.words.count > MATY_MAX_MEMBERS)
    return too_large(builder, "members in the sets of their states", MATY_MAX_MEMBERS);
  MATY__TRY(gather(builder, state));
  maty__local_state_t filled = {.first_move = builder->moves.count,
                                .phase = MATY_PHASE_FINAL,
                                .at = view->automaton->protocol->end_at};
  for (uint32_t first = 0, end; first < builder->outs.count; first = end) {
    uint64_t message = builder->outs.at[first] >> 32;
    const maty__edge_t *edge = &view->automaton->edges.at[(uint32_t)builder->outs.at[first]];
    maty__local_move_t move = {.message = edge->message, .payload = edge->payload, .at = edge->at};
    builder->targets.count = 0;
    for (end = first; end < builder->outs.count && builder->outs.at[end] >> 32 == message; end++) {
      uint32_t out = (uint32_t)builder->outs.at[end];
      if (view->automaton->edges.at[out].at < move.at)
        move.at = view->automaton->edges.at[out].at;
      if (view->automaton->messages.at[message].receiver == view->role)
        filled.deadline = maty__sooner(filled.deadline, view->automaton->edges.at[out].deadline);
      MATY__NEED(
          maty__vec_push(builder->arena, &builder->targets, maty__view_target_entry(view, out)));
    }
    MATY__TRY(find_state(builder, &move.target));
    if (filled.move_count++ == 0 || move.at < filled.at)
      filled.at = move.at;
    filled.phase = view->automaton->messages.at[message].sender == view->role ? MATY_PHASE_SEND
                                                                              : MATY_PHASE_RECEIVE;
    MATY__NEED(maty__vec_push(builder->arena, &builder->moves, move));
  }
  builder->states.at[state] = filled;
  return MATY_OK;
}

/* ===== Minimising ======================================================== */

/* A partition of 0 .. n - 1: the elements in an order in which each set is one
 * run, its marked elements first. */
typedef struct partition {
  uint32_t set_count;
  uint32_t *elements, *where;     /* where[elements[i]] == i */
  uint32_t *set_of;               /* by element */
  uint32_t *first, *end, *marked; /* by set; "marked" is the end of the marked ones */
  uint32_t *touched;              /* sets with marks */
  uint32_t touched_count;
} partition_t;

static bool partition_init(partition_t *partition, maty__arena_t *arena, uint32_t count) {
  uint32_t **arrays[] = {&partition->elements, &partition->where, &partition->set_of,
                         &partition->first,    &partition->end,   &partition->marked,
                         &partition->touched};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    if ((*arrays[i] = maty__array(arena, uint32_t, count)) == NULL)
      return false;
  for (uint32_t i = 0; i < count; i++) {
    partition->elements[i] = partition->where[i] = i;
    partition->set_of[i] = 0;
  }
  partition->set_count = count > 0;
  partition->touched_count = 0;
  if (count > 0) {
    partition->first[0] = partition->marked[0] = 0;
    partition->end[0] = count;
  }
  return true;
}

static void partition_mark(partition_t *partition, uint32_t element) {
  uint32_t set = partition->set_of[element], at = partition->where[element];
  uint32_t to = partition->marked[set];
  if (at < to)
    return;
  if (to == partition->first[set])
    partition->touched[partition->touched_count++] = set;
  partition->elements[at] = partition->elements[to];
  partition->where[partition->elements[at]] = at;
  partition->elements[to] = element;
  partition->where[element] = to;
  partition->marked[set]++;
}

/* Splits every set into its marked and its other elements; the smaller part
 * becomes a new set. */
static void partition_split(partition_t *partition) {
  while (partition->touched_count > 0) {
    uint32_t set = partition->touched[--partition->touched_count];
    uint32_t first = partition->first[set], end = partition->end[set];
    uint32_t marked = partition->marked[set], added = partition->set_count;
    partition->marked[set] = first;
    if (marked == end)
      continue;
    if (marked - first <= end - marked) {
      partition->first[added] = first;
      partition->end[added] = marked;
      partition->first[set] = partition->marked[set] = marked;
    } else {
      partition->first[added] = marked;
      partition->end[added] = end;
      partition->end[set] = marked;
    }
    partition->marked[added] = partition->first[added];
    for (uint32_t i = partition->first[added]; i < partition->end[added]; i++)
      partition->set_of[partition->elements[i]] = added;
    partition->set_count++;
  }
}

/* Moves with one message and payload are one set at first. */
static maty_status split_by_message(const builder_t *builder, partition_t *moves) {
  maty__u64s_t order = {0};
  uint32_t count = builder->moves.count;
  maty__map_t labels = {0};
  MATY__NEED(maty__vec_reserve(builder->arena, &order, count) &&
             maty__map_reserve(builder->arena, &labels, count));
  for (uint32_t i = 0; i < count; i++) {
    const maty__local_move_t *move = &builder->moves.at[i];
    uint32_t *label =
        maty__map_put(builder->arena, &labels, (uint64_t)move->message << 32 | move->payload);
    MATY__NEED(label != NULL);
    if (*label == MATY__NONE)
      *label = labels.count - 1;
    order.at[order.count++] = (uint64_t)*label << 32 | i;
  }
  maty__sort(order.at, order.count);
  for (uint32_t first = 0, end; first < count; first = end) {
    uint64_t label = order.at[first] >> 32;
    for (end = first; end < count && order.at[end] >> 32 == label; end++)
      partition_mark(moves, (uint32_t)order.at[end]);
    partition_split(moves);
  }
  return MATY_OK;
}

/* States with one deadline are one set at first. */
static maty_status split_by_deadline(const builder_t *builder, partition_t *states) {
  maty__u64s_t order = {0};
  for (uint32_t i = 0; i < builder->states.count; i++)
    if (builder->states.at[i].deadline != 0)
      MATY__NEED(maty__vec_push(builder->arena, &order,
                                (uint64_t)builder->states.at[i].deadline << 32 | i));
  maty__sort(order.at, order.count);
  for (uint32_t first = 0, end; first < order.count; first = end) {
    uint64_t deadline = order.at[first] >> 32;
    for (end = first; end < order.count && order.at[end] >> 32 == deadline; end++)
      partition_mark(states, (uint32_t)order.at[end]);
    partition_split(states);
  }
  return MATY_OK;
}

static maty_status minimise(const builder_t *builder, partition_t *states) {
  uint32_t state_count = builder->states.count, move_count = builder->moves.count;
  partition_t moves;
  maty__groups_t incoming; /* moves by target */
  uint32_t *source = maty__array(builder->arena, uint32_t, move_count);
  MATY__NEED(source != NULL && partition_init(states, builder->arena, state_count) &&
             partition_init(&moves, builder->arena, move_count));
  MATY__NEED(maty__groups_make(builder->arena, &incoming, state_count, builder->moves.at,
                               move_count, sizeof(maty__local_move_t),
                               offsetof(maty__local_move_t, target)));
  for (uint32_t state = 0; state < state_count; state++)
    for (uint32_t i = 0; i < builder->states.at[state].move_count; i++)
      source[builder->states.at[state].first_move + i] = state;
  MATY__TRY(split_by_message(builder, &moves));
  MATY__TRY(split_by_deadline(builder, states));
  uint32_t done = 1; /* one of the first sets of states need not be a splitter */
  for (uint32_t set = 0; set < moves.set_count; set++) {
    for (uint32_t i = moves.first[set]; i < moves.end[set]; i++)
      partition_mark(states, source[moves.elements[i]]);
    partition_split(states);
    for (; done < states->set_count; done++) {
      for (uint32_t i = states->first[done]; i < states->end[done]; i++) {
        uint32_t state = states->elements[i];
        for (uint32_t j = incoming.first[state]; j < incoming.first[state + 1]; j++)
          partition_mark(&moves, incoming.items[j]);
      }
      partition_split(&moves);
    }
  }
  return MATY_OK;
}

/* ===== Numbering ========================================================= */

/* Each set of states becomes one, numbered breadth first from the initial
 * one's. Its member that was found first stands for it. */
static maty_status add_machine(const builder_t *builder, const partition_t *partition,
                               maty__machines_t *machines) {
  maty__arena_t *scratch = builder->view->check->scratch;
  uint32_t set_count = partition->set_count, filled = 1;
  uint32_t *number = maty__array(builder->arena, uint32_t, set_count);
  uint32_t *order = maty__array(builder->arena, uint32_t, set_count);
  uint32_t *stands_for = maty__array(builder->arena, uint32_t, set_count);
  MATY__NEED(number != NULL && order != NULL && stands_for != NULL);
  memset(number, 0xff, set_count * sizeof *number);
  for (uint32_t state = builder->states.count; state-- > 0;)
    stands_for[partition->set_of[state]] = state;
  MATY__NEED(maty__vec_reserve(scratch, &machines->states, set_count));
  order[0] = partition->set_of[0];
  number[order[0]] = 0;
  for (uint32_t i = 0; i < filled; i++) {
    const maty__local_state_t *from = &builder->states.at[stands_for[order[i]]];
    maty__local_state_t state = *from;
    state.first_move = machines->moves.count;
    MATY__NEED(maty__vec_reserve(scratch, &machines->moves, from->move_count));
    for (uint32_t j = 0; j < from->move_count; j++) {
      maty__local_move_t move = builder->moves.at[from->first_move + j];
      uint32_t set = partition->set_of[move.target];
      if (number[set] == MATY__NONE) {
        number[set] = filled;
        order[filled++] = set;
      }
      move.target = number[set];
      machines->moves.at[machines->moves.count++] = move;
    }
    machines->states.at[machines->states.count++] = state;
  }
  MATY__NEED(maty__vec_push(scratch, &machines->first_state, machines->states.count));
  return MATY_OK;
}

static maty_status project(builder_t *builder, maty__machines_t *machines) {
  partition_t partition;
  uint32_t state;
  MATY__NEED(maty__vec_push(builder->arena, &builder->targets, 0)); /* the initial entry */
  if (machines->first_state.count == 0)
    MATY__NEED(maty__vec_push(builder->view->check->scratch, &machines->first_state, 0));
  MATY__TRY(find_state(builder, &state));
  for (uint32_t next = 0; next < builder->states.count; next++)
    MATY__TRY(expand(builder, machines, next));
  MATY__TRY(minimise(builder, &partition));
  return add_machine(builder, &partition, machines);
}

maty_status maty__project(maty__view_t *view, maty__machines_t *machines) {
  maty__arena_t *work = view->check->work;
  builder_t builder = {.view = view, .arena = work};
  maty__arena_mark_t mark = maty__arena_mark(work);
  maty_status status = project(&builder, machines);
  maty__arena_rewind(work, mark);
  return status;
}
