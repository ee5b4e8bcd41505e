/* progress.c - roles and messages that wait for ever while others go on.
 *
 * Fair choice. An endless run ends up in a terminal strongly connected component
 * of the graph of configurations, and goes through all of it again and again. A
 * role that waits there and can move nowhere in it makes no progress; a message
 * whose receiver does move, and never takes it, is never received. (Hu and
 * Yoshida, "Explicit Connection Actions in Multiparty Session Types", FASE 2017;
 * that a role waits explains the messages that wait for it.)
 * The components are found by Tarjan's algorithm (SIAM Journal on Computing 1,
 * 1972), with a stack of its own. What can reach a node without edges, that is
 * an end or an error, is in no such component; one pass backward finds nearly
 * all of that, and as a rule everything.
 *
 * Unfair choice. Each machine, at each of its states where it has several sends,
 * may from some moment on always take the same one, against the interest of who
 * waits. A waiter, a role or a message, is starved in a configuration if with
 * some such choices it goes on waiting in everything that can be reached from
 * there, and nothing of that is an end. Two steps:
 *   1. The largest set of configurations in which the waiter waits, no step of a
 *      role without a choice leads out of the set, and no role with a choice has
 *      only choices that lead out of it. It holds all configurations that are
 *      starved, and in most cases no other.
 *   2. In this set choices are tried, each when it is first needed, and taken
 *      back when the set is left. That takes exponential time in the worst case,
 *      and is bounded.
 * A choice whose queue is full is one to wait with.
 */
#include <string.h>

#include "explore.h"
#include "limits.h"

/* Who may be starved: a role, or the first message of a queue. */
typedef struct waiter {
  bool is_role;
  uint32_t number;
} waiter_t;

/* A node of the search for components, its next edge, and the first node that is
 * known to be of its component. */
typedef struct frame {
  uint32_t node, edge, low;
} frame_t;

typedef struct progress {
  maty__explore_t *explore;
  const maty__system_t *system;
  const maty__reach_t *reach;
  maty__arena_t *arena;
  uint32_t *order;           /* by node: when it was found, from 1; 0: not yet; MATY__NONE: done */
  uint32_t *starved;         /* by role, then by queue: the first node where it is; or MATY__NONE */
  bool *active;              /* by role, then by queue: moves, is received, in a component */
  uint32_t *choices;         /* by state */
  MATY__VEC(frame_t) frames; /* of the search for components: the way to where it is */
  maty__u32s_t stack;        /* nodes found, whose components are not complete */
} progress_t;

static uint32_t local_state(const progress_t *progress, uint32_t node, uint32_t role) {
  return maty__system_state(progress->system, maty__reach_at(progress->reach, node), role);
}

static const maty__state_t *local(const progress_t *progress, uint32_t node, uint32_t role) {
  return &progress->explore->image->states[local_state(progress, node, role)];
}

static bool has_edges(const progress_t *progress, uint32_t node) {
  return maty__reach_node(progress->reach, node)->first_edge <
         maty__reach_end(progress->reach, node);
}

static uint32_t waiter_count(const progress_t *progress) {
  return progress->system->role_count + progress->system->queue_count;
}

static waiter_t waiter_at(const progress_t *progress, uint32_t index) {
  uint32_t roles = progress->system->role_count;
  return index < roles ? (waiter_t){.is_role = true, .number = index}
                       : (waiter_t){.is_role = false, .number = index - roles};
}

/* ===== What is wrong ===================================================== */

static maty_status report(progress_t *progress, waiter_t waiter, uint32_t node, bool unfair) {
  maty__explore_t *explore = progress->explore;
  const maty_image_t *image = explore->image;
  const maty__queue_t *queue = &progress->system->queues[waiter.is_role ? 0 : waiter.number];
  uint32_t role = waiter.is_role ? waiter.number : queue->receiver;
  const maty__state_t *state = local(progress, node, role);
  const char *name = image->strings + image->roles[role].name;
  maty_class kind = waiter.is_role ? MATY_CLASS_ROLE_PROGRESS : MATY_CLASS_EVENTUAL_RECEPTION;
  bool first;
  MATY__TRY(maty__explore_first(explore, kind, role, &first));
  if (!first)
    return MATY_OK;
  const char *how = unfair ? ", if choices are always made alike" : "";
  if (waiter.is_role)
    MATY__TRY(maty__verdict_add(explore->verdict, image, kind, state->line, state->column,
                                "'%s' may wait here for ever while others go on%s", name, how));
  else
    MATY__TRY(maty__verdict_add(
        explore->verdict, image, kind, state->line, state->column,
        "'%s' may go on for ever without taking '%s' from '%s'%s", name,
        maty__system_label(progress->system, waiter.number,
                           maty__queue_head(queue, maty__reach_at(progress->reach, node))),
        image->strings + image->roles[queue->sender].name, how));
  return maty__witness(explore, node, progress->choices, "");
}

/* ===== Terminal components =============================================== */

/* Marks as done what certainly can reach a node without edges. */
static void mark_ending(progress_t *progress) {
  for (uint32_t node = maty__reach_count(progress->reach); node-- > 0;) {
    uint32_t end = maty__reach_end(progress->reach, node);
    bool ends = !has_edges(progress, node);
    for (uint32_t i = maty__reach_node(progress->reach, node)->first_edge; i < end && !ends; i++)
      ends = progress->order[maty__reach_edge(progress->reach, i)] == MATY__NONE;
    progress->order[node] = ends ? MATY__NONE : 0;
  }
}

static bool is_terminal(const progress_t *progress, const uint32_t *nodes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t end = maty__reach_end(progress->reach, nodes[i]);
    for (uint32_t j = maty__reach_node(progress->reach, nodes[i])->first_edge; j < end; j++)
      if (progress->order[maty__reach_edge(progress->reach, j)] == MATY__NONE)
        return false;
  }
  return true;
}

/* Who moves, and what is received, in configuration "node". Returns whether a
 * full queue keeps someone from sending there. */
static bool mark_active(progress_t *progress, uint32_t node) {
  const maty__system_t *system = progress->system;
  const uint64_t *configuration = maty__reach_at(progress->reach, node);
  bool full = false;
  for (uint32_t role = 0; role < system->role_count; role++) {
    const maty__state_t *state = local(progress, node, role);
    for (uint32_t i = 0; i < state->transition_count; i++) {
      const maty__move_t *move = &system->moves[state->first_transition + i];
      if (!maty__system_can(system, configuration, move)) {
        full = full || move->sends;
        continue;
      }
      progress->active[role] = true;
      if (!move->sends)
        progress->active[system->role_count + move->channel] = true;
    }
  }
  return full;
}

static maty_status look_at_component(progress_t *progress, const uint32_t *nodes, uint32_t count) {
  const maty__system_t *system = progress->system;
  uint32_t first = nodes[0];
  bool full = false;
  if (!is_terminal(progress, nodes, count))
    return MATY_OK;
  memset(progress->active, 0, waiter_count(progress) * sizeof *progress->active);
  for (uint32_t i = 0; i < count; i++) {
    full = mark_active(progress, nodes[i]) || full;
    first = nodes[i] < first ? nodes[i] : first;
  }
  for (uint32_t i = 0; i < waiter_count(progress); i++) {
    waiter_t waiter = waiter_at(progress, i);
    const maty__queue_t *queue = &system->queues[waiter.is_role ? 0 : waiter.number];
    bool waits = waiter.is_role
                     ? local(progress, first, waiter.number)->phase == MATY_PHASE_RECEIVE
                     : progress->active[queue->receiver] &&
                           maty__queue_head(queue, maty__reach_at(progress->reach, first)) != 0;
    if (waits && !progress->active[i] && !maty__explore_excused(progress->explore, full) &&
        first < progress->starved[i])
      progress->starved[i] = first;
  }
  return maty__pace(progress->explore->pace, (uint64_t)count * system->role_count);
}

static maty_status find_components(progress_t *progress, uint32_t root) {
  uint32_t found = 0, next = root;
  do {
    if (next != MATY__NONE) {
      frame_t frame = {.node = next,
                       .edge = maty__reach_node(progress->reach, next)->first_edge,
                       .low = ++found};
      progress->order[next] = found;
      MATY__NEED(maty__vec_push(progress->arena, &progress->frames, frame));
      MATY__NEED(maty__vec_push(progress->arena, &progress->stack, next));
      MATY__TRY(maty__pace(progress->explore->pace, 1));
    }
    frame_t *top = &progress->frames.at[progress->frames.count - 1];
    next = MATY__NONE;
    for (uint32_t end = maty__reach_end(progress->reach, top->node);
         top->edge < end && next == MATY__NONE; top->edge++) {
      uint32_t to = maty__reach_edge(progress->reach, top->edge), order = progress->order[to];
      if (order == 0)
        next = to;
      else if (order < top->low)
        top->low = order;
    }
    if (next != MATY__NONE)
      continue;
    frame_t done = progress->frames.at[--progress->frames.count];
    if (progress->frames.count > 0 &&
        done.low < progress->frames.at[progress->frames.count - 1].low)
      progress->frames.at[progress->frames.count - 1].low = done.low;
    if (done.low != progress->order[done.node])
      continue;
    uint32_t bottom = progress->stack.count;
    while (progress->stack.at[--bottom] != done.node)
      ;
    MATY__TRY(
        look_at_component(progress, progress->stack.at + bottom, progress->stack.count - bottom));
    while (progress->stack.count > bottom)
      progress->order[progress->stack.at[--progress->stack.count]] = MATY__NONE;
  } while (progress->frames.count > 0);
  return MATY_OK;
}

static maty_status check_fair(progress_t *progress) {
  mark_ending(progress);
  for (uint32_t node = 0; node < maty__reach_count(progress->reach); node++)
    if (progress->order[node] == 0)
      MATY__TRY(find_components(progress, node));
  for (uint32_t i = 0; i < waiter_count(progress); i++)
    if (progress->starved[i] != MATY__NONE)
      MATY__TRY(report(progress, waiter_at(progress, i), progress->starved[i], false));
  return MATY_OK;
}

/* ===== Unfair choice ===================================================== */

typedef struct decision {
  uint32_t state;   /* of the image, with a choice */
  uint32_t visited; /* nodes that were when it was made */
  uint32_t at;      /* the node that needed it, among the visited */
} decision_t;

typedef struct unfair {
  progress_t *progress;
  waiter_t waiter;
  bool *inside;  /* by node: is in the set */
  bool *endless; /* by node: an endless run may begin there */
  maty__sources_t sources;
  uint32_t *stamps; /* by node: the attempt that has visited it */
  uint32_t attempt;
  maty__u32s_t pending; /* nodes that have left the set; then nodes visited */
  MATY__VEC(decision_t) decisions;
  uint32_t tried;
} unfair_t;

/* Whether the waiter is there and cannot go on now. */
static bool waits(const progress_t *progress, waiter_t waiter, uint32_t node) {
  const maty__system_t *system = progress->system;
  const uint64_t *configuration = maty__reach_at(progress->reach, node);
  if (waiter.is_role)
    return local(progress, node, waiter.number)->phase == MATY_PHASE_RECEIVE &&
           !maty__system_moves(system, configuration, waiter.number);
  const maty__queue_t *queue = &system->queues[waiter.number];
  uint32_t head = maty__queue_head(queue, configuration);
  const maty__state_t *state = local(progress, node, queue->receiver);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__move_t *move = &system->moves[state->first_transition + i];
    if (!move->sends && move->channel == waiter.number && move->message == head)
      return false;
  }
  return head != 0;
}

/* Whether a role has a choice between several sends. */
static bool chooses(const maty__state_t *state) {
  return state->phase == MATY_PHASE_SEND && state->transition_count > 1;
}

/* Whether everyone can act at a node so that the set is not left. */
static bool can_stay(const unfair_t *unfair, uint32_t node) {
  const maty__reach_t *reach = unfair->progress->reach;
  uint32_t end = maty__reach_end(reach, node);
  for (uint32_t edge = maty__reach_node(reach, node)->first_edge; edge < end;) {
    uint32_t role = maty__reach_role(reach, edge), first = edge, inside = 0;
    for (; edge < end && maty__reach_role(reach, edge) == role; edge++)
      inside += unfair->inside[maty__reach_edge(reach, edge)];
    uint32_t leave = edge - first - inside;
    const maty__state_t *state = local(unfair->progress, node, role);
    if (chooses(state) ? leave == state->transition_count : leave > 0)
      return false;
  }
  return true;
}

/* Step 1: the largest set. Returns how many are in it. */
static maty_status find_set(unfair_t *unfair, uint32_t *size) {
  progress_t *progress = unfair->progress;
  uint32_t count = maty__reach_count(progress->reach);
  *size = 0;
  unfair->pending.count = 0;
  for (uint32_t node = 0; node < count; node++) {
    unfair->inside[node] = unfair->endless[node] && waits(progress, unfair->waiter, node);
    *size += unfair->inside[node];
  }
  MATY__TRY(maty__pace(progress->explore->pace, count));
  for (uint32_t node = 0; node<count && * size> 0; node++)
    if (unfair->inside[node] && !can_stay(unfair, node)) {
      unfair->inside[node] = false;
      --*size;
      MATY__NEED(maty__vec_push(progress->arena, &unfair->pending, node));
    }
  while (unfair->pending.count > 0 && *size > 0) {
    uint32_t gone = unfair->pending.at[--unfair->pending.count];
    for (uint32_t i = unfair->sources.into[gone]; i < unfair->sources.into[gone + 1]; i++) {
      uint32_t node = unfair->sources.nodes[i];
      if (!unfair->inside[node] || can_stay(unfair, node))
        continue;
      unfair->inside[node] = false;
      --*size;
      MATY__NEED(maty__vec_push(progress->arena, &unfair->pending, node));
    }
    MATY__TRY(maty__pace(progress->explore->pace,
                         unfair->sources.into[gone + 1] - unfair->sources.into[gone] + 1));
  }
  return MATY_OK;
}

static maty_status visit(unfair_t *unfair, uint32_t node) {
  if (unfair->stamps[node] == unfair->attempt)
    return MATY_OK;
  unfair->stamps[node] = unfair->attempt;
  MATY__NEED(maty__vec_push(unfair->progress->arena, &unfair->pending, node));
  return MATY_OK;
}

/* Follows from one node what the choices made so far let happen. *open: a state
 * whose choice is needed and not made, or MATY__NONE. *good: the set is not left,
 * and something goes on. */
static maty_status follow(unfair_t *unfair, uint32_t node, uint32_t *open, bool *good) {
  progress_t *progress = unfair->progress;
  const maty__reach_t *reach = progress->reach;
  uint32_t end = maty__reach_end(reach, node);
  bool moves = false;
  *open = MATY__NONE;
  *good = true;
  for (uint32_t edge = maty__reach_node(reach, node)->first_edge; edge < end; edge++) {
    uint32_t number = local_state(progress, node, maty__reach_role(reach, edge));
    if (chooses(&progress->explore->image->states[number])) {
      if (progress->choices[number] == MATY__NONE) {
        *open = number;
        return MATY_OK;
      }
      if (progress->choices[number] != maty__reach_step(reach, edge))
        continue;
    }
    uint32_t to = maty__reach_edge(reach, edge);
    moves = true;
    *good = *good && unfair->inside[to];
    MATY__TRY(visit(unfair, to));
  }
  *good = *good && moves;
  return MATY_OK;
}

/* Goes back to the last choice that has another way. Returns false if none has. */
static bool reconsider(unfair_t *unfair, uint32_t *at) {
  progress_t *progress = unfair->progress;
  while (unfair->decisions.count > 0) {
    const decision_t *last = &unfair->decisions.at[unfair->decisions.count - 1];
    const maty__state_t *state = &progress->explore->image->states[last->state];
    while (unfair->pending.count > last->visited)
      unfair->stamps[unfair->pending.at[--unfair->pending.count]] = 0;
    *at = last->at;
    if (++progress->choices[last->state] < state->first_transition + state->transition_count)
      return true;
    progress->choices[last->state] = MATY__NONE;
    unfair->decisions.count--;
  }
  return false;
}

/* Step 2, from one node of the set. Good choices are left in "choices". */
static maty_status find_choices(unfair_t *unfair, uint32_t root, bool *found) {
  progress_t *progress = unfair->progress;
  uint32_t at = 0;
  unfair->attempt++;
  unfair->pending.count = 0;
  unfair->decisions.count = 0;
  *found = false;
  MATY__TRY(visit(unfair, root));
  while (at < unfair->pending.count) {
    uint32_t open, visited = unfair->pending.count;
    bool good;
    if (++unfair->tried > MATY_MAX_STRATEGIES)
      return MATY_ELIMIT;
    MATY__TRY(maty__pace(progress->explore->pace, 1));
    MATY__TRY(follow(unfair, unfair->pending.at[at], &open, &good));
    if (open != MATY__NONE) {
      decision_t decision = {.state = open, .visited = visited, .at = at};
      progress->choices[open] = progress->explore->image->states[open].first_transition;
      MATY__NEED(maty__vec_push(progress->arena, &unfair->decisions, decision));
    } else if (good) {
      at++;
    } else if (!reconsider(unfair, &at)) {
      return MATY_OK;
    }
  }
  *found = true;
  return MATY_OK;
}

static maty_status check_waiter(unfair_t *unfair, uint32_t *starved) {
  progress_t *progress = unfair->progress;
  uint32_t size, states = progress->explore->image->header->states.count;
  bool found = false;
  MATY__TRY(find_set(unfair, &size));
  for (uint32_t node = 0; node < maty__reach_count(progress->reach) && size > 0 && !found; node++)
    if (unfair->inside[node]) {
      size--;
      MATY__TRY(find_choices(unfair, node, &found));
      if (!found)
        continue;
      *starved = node;
      MATY__TRY(report(progress, unfair->waiter, node, true));
    }
  memset(progress->choices, 0xff, states * sizeof *progress->choices);
  return MATY_OK;
}

/* Marks what leads to an edge that does not lead to a greater number. An endless
 * run has such edges. */
static bool mark_endless(unfair_t *unfair) {
  const maty__reach_t *reach = unfair->progress->reach;
  bool any = false;
  for (uint32_t node = maty__reach_count(reach); node-- > 0;) {
    uint32_t end = maty__reach_end(reach, node);
    unfair->endless[node] = false;
    for (uint32_t i = maty__reach_node(reach, node)->first_edge; i < end; i++) {
      uint32_t to = maty__reach_edge(reach, i);
      unfair->endless[node] = unfair->endless[node] || to <= node || unfair->endless[to];
    }
    any = any || unfair->endless[node];
  }
  return any;
}

static maty_status check_unfair(progress_t *progress) {
  uint32_t count = maty__reach_count(progress->reach);
  unfair_t unfair = {.progress = progress};
  unfair.inside = maty__array(progress->arena, bool, count);
  unfair.stamps = maty__zarray(progress->arena, uint32_t, count);
  unfair.endless = maty__array(progress->arena, bool, count);
  MATY__NEED(unfair.inside != NULL && unfair.stamps != NULL && unfair.endless != NULL);
  if (!mark_endless(&unfair))
    return MATY_OK;
  MATY__TRY(maty__sources_init(&unfair.sources, progress->reach, progress->arena));
  for (uint32_t i = 0; i < waiter_count(progress); i++) {
    unfair.waiter = waiter_at(progress, i);
    if (progress->starved[i] != MATY__NONE ||
        (!unfair.waiter.is_role &&
         progress->starved[progress->system->queues[unfair.waiter.number].receiver] != MATY__NONE))
      continue;
    MATY__TRY(check_waiter(&unfair, &progress->starved[i]));
  }
  return MATY_OK;
}

maty_status maty__progress_check(maty__explore_t *explore, bool unfair) {
  progress_t progress = {.explore = explore,
                         .system = &explore->system,
                         .reach = &explore->reach,
                         .arena = &explore->arena};
  uint32_t states = explore->image->header->states.count;
  progress.order = maty__zarray(progress.arena, uint32_t, maty__reach_count(progress.reach));
  progress.starved = maty__array(progress.arena, uint32_t, waiter_count(&progress));
  progress.active = maty__array(progress.arena, bool, waiter_count(&progress));
  progress.choices = maty__array(progress.arena, uint32_t, states);
  MATY__NEED(progress.order != NULL && progress.starved != NULL && progress.active != NULL &&
             progress.choices != NULL);
  memset(progress.starved, 0xff, waiter_count(&progress) * sizeof *progress.starved);
  memset(progress.choices, 0xff, states * sizeof *progress.choices);
  MATY__TRY(check_fair(&progress));
  return unfair ? check_unfair(&progress) : MATY_OK;
}
