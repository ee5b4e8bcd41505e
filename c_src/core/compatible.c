/* compatible.c - whether machines are safe with queues of any size.
 *
 * That is undecidable; k-multiparty compatibility is enough for it, and can be
 * decided for each k (Lange and Yoshida, "Verifying Asynchronous Interactions via
 * Communicating Session Automata", CAV 2019). Machines here are communicating
 * session automata by what holds of an image: deterministic, and no state both
 * sends and receives. Of the configurations that can be reached with queues of k:
 *
 *   k-safe        whatever stands first in a queue can be received in the end,
 *                 and whoever waits can receive something in the end. That is
 *                 what maty_explore looks for, under fair choice.
 *   k-exhaustive  whatever a role may send, though its queue be full, can be sent
 *                 after some steps of other roles.
 *   output bound  where one send of a state can be done, all of them can.
 *   independent
 *   input bound   where a role has a message to take, no message of another
 *   independent   sender that it could take instead is there, nor can be sent by
 *                 steps that do not depend on taking the first, which are those
 *                 that the role itself has no part in. (The paper's chained input
 *                 bound independence, with the chain of dependencies written as
 *                 what remains without it: steps that do not depend on a step of
 *                 the role can be made before it.)
 *
 * The paper's theorem: machines of which all four hold for some k are safe with
 * queues of any size, and do nothing that cannot be done with queues of k.
 *
 * An error in which no role is kept from sending by a full queue is one for every
 * greater k, so the search ends with it. A violated input condition is one for
 * every greater k as well. For all else the next k is tried.
 */
#include <string.h>

#include "explore.h"
#include "limits.h"

typedef struct compatible {
  maty__explore_t *explore;
  const maty__system_t *system;
  const maty__reach_t *reach;
  maty__arena_t *arena;
  maty__sources_t sources;
  uint8_t *marks;       /* by node */
  maty__u32s_t pending; /* marked nodes whose sources are to be looked at */
  bool *fills;          /* by queue: it is in the way of a send somewhere */
} compatible_t;

/* What keeps machines from being compatible with queues of k. */
typedef enum obstacle {
  OBSTACLE_NONE,
  OBSTACLE_FULL, /* not exhaustive, or not output bound independent */
  OBSTACLE_RACE  /* not input bound independent */
} obstacle_t;

typedef struct finding {
  obstacle_t obstacle;
  uint32_t node;
  uint32_t role;
  uint32_t channel;
} finding_t;

static const maty__state_t *local(const compatible_t *compatible, uint32_t node, uint32_t role,
                                  uint32_t *number) {
  *number = maty__system_state(compatible->system, maty__reach_at(compatible->reach, node), role);
  return &compatible->explore->image->states[*number];
}

static maty_status mark(compatible_t *compatible, uint32_t node) {
  if (compatible->marks[node])
    return MATY_OK;
  compatible->marks[node] = true;
  MATY__NEED(maty__vec_push(compatible->arena, &compatible->pending, node));
  return MATY_OK;
}

/* Marks what leads to a marked node by steps of other roles than "role". */
static maty_status mark_sources(compatible_t *compatible, uint32_t role) {
  const maty__sources_t *sources = &compatible->sources;
  while (compatible->pending.count > 0) {
    uint32_t node = compatible->pending.at[--compatible->pending.count];
    for (uint32_t i = sources->into[node]; i < sources->into[node + 1]; i++)
      if (sources->roles[i] != role)
        MATY__TRY(mark(compatible, sources->nodes[i]));
    MATY__TRY(maty__pace(compatible->explore->pace, 1));
  }
  return MATY_OK;
}

static void clear_marks(compatible_t *compatible) {
  memset(compatible->marks, 0, maty__reach_count(compatible->reach));
}

/* ===== Sends ============================================================= */

/* Looks at the sends of one node: notes which queues are in the way, and whether
 * some sends of a state can be done, and others cannot. */
static void look_at_sends(compatible_t *compatible, uint32_t node, finding_t *finding) {
  const maty__system_t *system = compatible->system;
  const uint64_t *configuration = maty__reach_at(compatible->reach, node);
  for (uint32_t role = 0; role < system->role_count; role++) {
    uint32_t number, blocked = MATY__NONE;
    const maty__state_t *state = local(compatible, node, role, &number);
    bool open = false;
    for (uint32_t i = 0; state->phase == MATY_PHASE_SEND && i < state->transition_count; i++) {
      const maty__move_t *move = &system->moves[state->first_transition + i];
      if (maty__system_can(system, configuration, move)) {
        open = true;
      } else {
        compatible->fills[move->channel] = true;
        blocked = move->channel;
      }
    }
    if (open && blocked != MATY__NONE && finding->obstacle == OBSTACLE_NONE)
      *finding =
          (finding_t){.obstacle = OBSTACLE_FULL, .node = node, .role = role, .channel = blocked};
  }
}

static bool is_blocked(const compatible_t *compatible, uint32_t node, uint32_t channel) {
  const maty__queue_t *queue = &compatible->system->queues[channel];
  uint32_t number;
  const maty__state_t *state = local(compatible, node, queue->sender, &number);
  if (state->phase != MATY_PHASE_SEND ||
      !maty__queue_full(queue, maty__reach_at(compatible->reach, node)))
    return false;
  for (uint32_t i = 0; i < state->transition_count; i++)
    if (compatible->system->moves[state->first_transition + i].channel == channel)
      return true;
  return false;
}

/* Whether wherever a queue is in the way, its receiver can make room without the
 * sender. */
static maty_status check_room(compatible_t *compatible, uint32_t channel, finding_t *finding) {
  const maty__queue_t *queue = &compatible->system->queues[channel];
  uint32_t count = maty__reach_count(compatible->reach);
  clear_marks(compatible);
  for (uint32_t node = 0; node < count; node++)
    if (!maty__queue_full(queue, maty__reach_at(compatible->reach, node)))
      MATY__TRY(mark(compatible, node));
  MATY__TRY(mark_sources(compatible, queue->sender));
  for (uint32_t node = 0; node < count && finding->obstacle == OBSTACLE_NONE; node++)
    if (!compatible->marks[node] && is_blocked(compatible, node, channel))
      *finding = (finding_t){
          .obstacle = OBSTACLE_FULL, .node = node, .role = queue->sender, .channel = channel};
  return MATY_OK;
}

/* ===== Receives ========================================================== */

/* Whether a role that hears several can take a message of another queue. */
static bool takes_other(const compatible_t *compatible, uint32_t node, uint32_t channel) {
  uint32_t number;
  const uint64_t *configuration = maty__reach_at(compatible->reach, node);
  const maty__state_t *state =
      local(compatible, node, compatible->system->queues[channel].receiver, &number);
  if (!compatible->explore->hears_several[number])
    return false;
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__move_t *move = &compatible->system->moves[state->first_transition + i];
    if (move->channel != channel && maty__system_can(compatible->system, configuration, move))
      return true;
  }
  return false;
}

/* Whether at a node the sender of a queue can send what the receiver could take
 * where it stands, or has sent it. */
static bool offers(const compatible_t *compatible, uint32_t node, uint32_t channel) {
  const maty__system_t *system = compatible->system;
  const maty__queue_t *queue = &system->queues[channel];
  const uint64_t *configuration = maty__reach_at(compatible->reach, node);
  uint32_t number;
  const maty__state_t *receiver = local(compatible, node, queue->receiver, &number);
  if (!compatible->explore->hears_several[number])
    return false;
  const maty__state_t *sender = local(compatible, node, queue->sender, &number);
  for (uint32_t i = 0; i < receiver->transition_count; i++) {
    const maty__move_t *take = &system->moves[receiver->first_transition + i];
    if (take->channel != channel)
      continue;
    if (maty__system_can(system, configuration, take))
      return true;
    for (uint32_t j = 0; j < sender->transition_count; j++) {
      const maty__move_t *put = &system->moves[sender->first_transition + j];
      if (put->sends && put->channel == channel && put->message == take->message &&
          maty__system_can(system, configuration, put))
        return true;
    }
  }
  return false;
}

static maty_status check_race(compatible_t *compatible, uint32_t channel, finding_t *finding) {
  uint32_t receiver = compatible->system->queues[channel].receiver;
  uint32_t count = maty__reach_count(compatible->reach);
  clear_marks(compatible);
  for (uint32_t node = 0; node < count; node++)
    if (offers(compatible, node, channel))
      MATY__TRY(mark(compatible, node));
  MATY__TRY(mark_sources(compatible, receiver));
  for (uint32_t node = 0; node < count; node++)
    if (compatible->marks[node] && takes_other(compatible, node, channel)) {
      *finding = (finding_t){
          .obstacle = OBSTACLE_RACE, .node = node, .role = receiver, .channel = channel};
      break;
    }
  return MATY_OK;
}

/* Marks the queues of senders that some role hears besides others. */
static bool *find_several(const compatible_t *compatible) {
  const maty_image_t *image = compatible->explore->image;
  bool *several = maty__zarray(compatible->arena, bool, compatible->system->queue_count);
  for (uint32_t i = 0; several != NULL && i < image->header->states.count; i++)
    for (uint32_t j = 0; j < image->states[i].transition_count; j++)
      if (compatible->explore->hears_several[i])
        several[compatible->system->moves[image->states[i].first_transition + j].channel] = true;
  return several;
}

/* ===== One k ============================================================= */

/* Of machines that are explored whole. */
static maty_status find_obstacle(maty__explore_t *explore, finding_t *finding) {
  compatible_t compatible = {.explore = explore,
                             .system = &explore->system,
                             .reach = &explore->reach,
                             .arena = &explore->arena};
  uint32_t count = maty__reach_count(&explore->reach), queues = explore->system.queue_count;
  *finding = (finding_t){.obstacle = OBSTACLE_NONE};
  compatible.marks = maty__array(compatible.arena, uint8_t, count);
  compatible.fills = maty__zarray(compatible.arena, bool, queues);
  const bool *several = find_several(&compatible);
  MATY__NEED(compatible.marks != NULL && compatible.fills != NULL && several != NULL);
  MATY__TRY(maty__sources_init(&compatible.sources, &explore->reach, compatible.arena));
  for (uint32_t i = 0; i < queues && finding->obstacle == OBSTACLE_NONE; i++)
    if (several[i])
      MATY__TRY(check_race(&compatible, i, finding));
  for (uint32_t node = 0; node < count && finding->obstacle == OBSTACLE_NONE; node++)
    look_at_sends(&compatible, node, finding);
  for (uint32_t i = 0; i < queues && finding->obstacle == OBSTACLE_NONE; i++)
    if (compatible.fills[i])
      MATY__TRY(check_room(&compatible, i, finding));
  return MATY_OK;
}

static maty_status report(maty__explore_t *explore, const finding_t *finding) {
  const maty_image_t *image = explore->image;
  const maty__queue_t *queue = &explore->system.queues[finding->channel];
  uint32_t number = maty__system_state(
      &explore->system, maty__reach_at(&explore->reach, finding->node), finding->role);
  const maty__state_t *state = &image->states[number];
  const char *role = image->strings + image->roles[finding->role].name;
  if (finding->obstacle == OBSTACLE_RACE)
    MATY__TRY(maty__verdict_add(explore->verdict, image, MATY_CLASS_LIMIT, state->line,
                                state->column,
                                "it cannot be told: '%s' may take a message of '%s' here, or one "
                                "of another role, whichever comes first",
                                role, image->strings + image->roles[queue->sender].name));
  else
    MATY__TRY(maty__verdict_add(
        explore->verdict, image, MATY_CLASS_LIMIT, state->line, state->column,
        "it cannot be told: what '%s' sends to '%s' may need a queue of more than %u", role,
        image->strings + image->roles[queue->receiver].name, explore->system.bound));
  MATY__TRY(maty__witness(explore, finding->node, NULL, ""));
  return MATY_ELIMIT;
}

/* Decides for one k. *again: a greater one may do. */
static maty_status decide(maty__explore_t *explore, const maty_image_t *image, uint32_t k,
                          uint32_t max_states, bool last, maty__pace_t *pace, bool *again) {
  finding_t finding;
  *again = false;
  MATY__TRY(maty__explore_run(
      explore, image, k, max_states,
      MATY__EXPLORE_WHOLE | MATY__EXPLORE_PROGRESS | MATY__EXPLORE_ANY_BOUND, pace));
  MATY__TRY(find_obstacle(explore, &finding));
  if (finding.obstacle != OBSTACLE_NONE) {
    *again = finding.obstacle == OBSTACLE_FULL && !last;
    return *again ? MATY_OK : report(explore, &finding);
  }
  if (!explore->excused)
    return MATY_OK;
  /* All that happens at all happens with queues of k, so no error is excused. */
  maty_verdict_free(explore->verdict);
  maty__explore_free(explore);
  return maty__explore_run(explore, image, k, max_states,
                           MATY__EXPLORE_WHOLE | MATY__EXPLORE_PROGRESS, pace);
}

maty_status maty_compatible(maty_verdict_t **out, const maty_image_t *image, uint32_t most,
                            const maty_explore_options_t *options, const maty_config_t *config) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  if (image == NULL || most == 0 || config == NULL || config->allocator.resize == NULL)
    return MATY_EINVAL;
  maty__pace_t pace = {.config = config};
  maty_status status = MATY_OK;
  bool again = true;
  for (uint32_t k = 1; again; k++) {
    maty__explore_t explore;
    maty_verdict_free(*out);
    status = decide(&explore, image, k, maty__explore_max(options), k == most, &pace, &again);
    maty__explore_free(&explore);
    *out = explore.verdict;
  }
  if (status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT)
    return status;
  maty_verdict_free(*out);
  *out = NULL;
  return status;
}
