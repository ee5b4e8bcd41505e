/* test_random.c - random machines, and a second opinion on them.
 *
 * Random protocols are checked, and the machines of those that are accepted are
 * explored: nothing may be wrong. Then single transitions of them are changed,
 * and what the explorer says is held against a plain search here, which knows
 * nothing of packed configurations, of steps that may be left out, of components
 * or of lazy choices. It goes by the definition: from every configuration that
 * can be reached, who waits can move in some continuation, every message can be
 * taken in some, and where nothing can move all roles have ended.
 *
 * MATY_TEST_SEED sets the first seed; each protocol has a seed of its own, which
 * is printed with what went wrong.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* ===== Random protocols ================================================== */

enum { MAX_ROLES = 4, MAX_LOOPS = 4 };

typedef struct generator {
  uint64_t seed;
  test_text_t text;
  uint32_t roles, loops;
  uint32_t labels; /* fewer labels: more that look alike */
} generator_t;

/* Marsaglia's xorshift64*. */
static uint32_t random_below(generator_t *generator, uint32_t bound) {
  generator->seed ^= generator->seed >> 12;
  generator->seed ^= generator->seed << 25;
  generator->seed ^= generator->seed >> 27;
  return (uint32_t)(generator->seed * 0x2545f4914f6cdd1du >> 33) % bound;
}

static uint32_t other_role(generator_t *generator, uint32_t role) {
  return (role + 1 + random_below(generator, generator->roles - 1)) % generator->roles;
}

static void add_message(generator_t *generator, uint32_t sender) {
  static const char *const payloads[] = {"", "", "", "", "", "", "integer", "string"};
  uint32_t label = random_below(generator, generator->labels);
  const char *payload = payloads[random_below(generator, 8)];
  uint32_t receiver = other_role(generator, sender);
  test_text_add(&generator->text, "%c(%s) from %c to %c; ", (int)('a' + label), payload,
                (int)('A' + sender), (int)('A' + receiver));
}

/* Statements, the first of them a message of "sender". "loops" are open. */
static void add_block(generator_t *generator, uint32_t sender, uint32_t depth, uint32_t loops) {
  add_message(generator, sender);
  for (uint32_t left = random_below(generator, 3); left > 0; left--)
    add_message(generator, random_below(generator, generator->roles));
  uint32_t what = depth == 0 ? 5 : random_below(generator, 6);
  uint32_t chooser = random_below(generator, generator->roles);
  if (what == 0 && generator->loops < MAX_LOOPS) {
    uint32_t loop = generator->loops++;
    test_text_add(&generator->text, "rec X%u { ", loop);
    add_block(generator, chooser, depth - 1, loops | 1u << loop);
    test_text_add(&generator->text, "} ");
  } else if (what <= 2) {
    test_text_add(&generator->text, "choice at %c { ", (int)('A' + chooser));
    add_block(generator, chooser, depth - 1, loops);
    for (uint32_t left = 1 + random_below(generator, 2); left > 0; left--) {
      test_text_add(&generator->text, "} or { ");
      add_block(generator, chooser, depth - 1, loops);
    }
    test_text_add(&generator->text, "} ");
    return;
  }
  if (loops != 0 && random_below(generator, 3) != 0) {
    uint32_t loop = random_below(generator, MAX_LOOPS);
    while ((loops >> loop & 1) == 0)
      loop = (loop + 1) % MAX_LOOPS;
    test_text_add(&generator->text, "continue X%u; ", loop);
  }
}

char *test_random_protocol(uint64_t seed) {
  generator_t generator = {.seed = seed * 0x9e3779b97f4a7c15u | 1};
  generator.roles = 2 + random_below(&generator, MAX_ROLES - 1);
  generator.labels = 2 + random_below(&generator, 6);
  test_text_add(&generator.text, "protocol P(");
  for (uint32_t i = 0; i < generator.roles; i++)
    test_text_add(&generator.text, "%srole %c", i == 0 ? "" : ", ", (int)('A' + i));
  test_text_add(&generator.text, ") { ");
  if (random_below(&generator, 2) == 0) {
    generator.loops = 1;
    test_text_add(&generator.text, "rec X0 { ");
    add_block(&generator, random_below(&generator, generator.roles), 2, 1);
    test_text_add(&generator.text, "} ");
  } else {
    add_block(&generator, random_below(&generator, generator.roles), 3, 0);
  }
  test_text_add(&generator.text, "}\n");
  return generator.text.at;
}

/* ===== The second opinion ================================================ */

enum {
  MAX_BOUND = 3,
  MAX_CONFIGS = 2000, /* of one search; a larger one is left unfinished */
  MAX_ARCS = MAX_CONFIGS * MAX_ROLES * 4,
  SLOT_COUNT = 2 * 4096
};

/* Roles' states, and messages on their way by sender and receiver: the
 * receiver's actions plus one, the oldest first. */
typedef struct config {
  uint16_t state[MAX_ROLES];
  uint16_t queue[MAX_ROLES][MAX_ROLES][MAX_BOUND];
} config_t;

typedef struct arc {
  uint32_t from, to;
  uint32_t does;  /* bits: a role, then from bit 4 on the pair of roles whose message it takes */
  uint32_t state; /* where the role stood, and which of its transitions this is */
  uint32_t index;
} arc_t;

typedef struct search {
  const maty_image_t *image;
  uint32_t roles, bound;
  config_t configs[MAX_CONFIGS];
  uint32_t count;
  bool complete;
  uint32_t slots[SLOT_COUNT];  /* index plus one */
  uint32_t wants[MAX_CONFIGS]; /* bits as of arcs: roles that wait, messages that are there */
  uint32_t gets[MAX_CONFIGS];  /* bits as of arcs: what is done here or later */
  bool ends[MAX_CONFIGS];      /* nothing can move, here or later */
  arc_t arcs[MAX_ARCS];
  uint32_t arc_count;
  bool stuck;           /* nothing can move somewhere, and not all have ended */
  uint8_t choice[4096]; /* by state: the transition that unfair choice takes */
} search_t;

static uint32_t pair_bit(uint32_t sender, uint32_t receiver) {
  return 1u << (MAX_ROLES + sender * MAX_ROLES + receiver);
}

static uint32_t add_config(search_t *search, const config_t *config) {
  uint64_t hash = 0;
  const unsigned char *bytes = (const unsigned char *)config;
  for (size_t i = 0; i < sizeof *config; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  uint32_t slot = (uint32_t)(hash >> 20) % SLOT_COUNT;
  for (; search->slots[slot] != 0; slot = (slot + 1) % SLOT_COUNT)
    if (memcmp(&search->configs[search->slots[slot] - 1], config, sizeof *config) == 0)
      return search->slots[slot] - 1;
  if (search->count == MAX_CONFIGS) {
    search->complete = false;
    return 0;
  }
  search->configs[search->count] = *config;
  search->slots[slot] = search->count + 1;
  return search->count++;
}

static uint32_t queue_length(const search_t *search, const uint16_t *queue) {
  uint32_t length = 0;
  while (length < search->bound && queue[length] != 0)
    length++;
  return length;
}

static void move_role(search_t *search, uint32_t from, uint32_t role) {
  const config_t config = search->configs[from];
  maty_state_info_t state;
  cr_assert_eq(maty_image_state(search->image, config.state[role], &state), MATY_OK);
  if (state.phase == MATY_PHASE_RECEIVE)
    search->wants[from] |= 1u << role;
  for (uint32_t i = 0; i < state.transition_count; i++) {
    maty_transition_info_t transition;
    maty_action_info_t action;
    config_t next = config;
    arc_t arc = {.from = from, .does = 1u << role, .state = config.state[role], .index = i};
    cr_assert_eq(maty_image_transition(search->image, config.state[role], i, &transition), MATY_OK);
    cr_assert_eq(maty_image_action(search->image, role, transition.action, &action), MATY_OK);
    next.state[role] = (uint16_t)transition.target;
    if (state.phase == MATY_PHASE_SEND) {
      uint32_t length = queue_length(search, config.queue[role][action.peer]);
      if (length == search->bound)
        continue;
      next.queue[role][action.peer][length] = (uint16_t)(action.peer_action + 1);
    } else {
      uint16_t *queue = next.queue[action.peer][role];
      if (queue[0] != transition.action + 1)
        continue;
      memmove(queue, queue + 1, (MAX_BOUND - 1) * sizeof *queue);
      queue[MAX_BOUND - 1] = 0;
      arc.does |= pair_bit(action.peer, role);
    }
    arc.to = add_config(search, &next);
    search->complete = search->complete && search->arc_count < MAX_ARCS;
    if (search->complete)
      search->arcs[search->arc_count++] = arc;
  }
}

static bool has_ended(const search_t *search, const config_t *config) {
  for (uint32_t role = 0; role < search->roles; role++) {
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(search->image, config->state[role], &state), MATY_OK);
    if (state.phase != MATY_PHASE_FINAL)
      return false;
  }
  return true;
}

/* Finds all configurations; "complete" says whether there were not too many. */
static void find_configs(search_t *search, const maty_image_t *image, uint32_t bound) {
  config_t initial;
  memset(&initial, 0, sizeof initial);
  memset(search, 0, sizeof *search);
  search->image = image;
  search->roles = maty_image_role_count(image);
  search->bound = bound;
  search->complete = true;
  for (uint32_t role = 0; role < search->roles; role++) {
    maty_role_info_t info;
    cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
    initial.state[role] = (uint16_t)info.initial;
  }
  (void)add_config(search, &initial);
  for (uint32_t i = 0; i < search->count && search->complete; i++) {
    uint32_t before = search->arc_count;
    for (uint32_t role = 0; role < search->roles; role++) {
      move_role(search, i, role);
      for (uint32_t peer = 0; peer < search->roles; peer++)
        if (search->configs[i].queue[peer][role][0] != 0)
          search->wants[i] |= pair_bit(peer, role);
    }
    if (search->arc_count == before && !has_ended(search, &search->configs[i]))
      search->stuck = true;
  }
}

/* What can happen later can happen from here: back along the arcs until nothing
 * is added. "unfair": along those that the choices take. */
static void find_later(search_t *search, bool unfair) {
  for (uint32_t i = 0; i < search->count; i++) {
    search->gets[i] = 0;
    search->ends[i] = true;
  }
  for (uint32_t i = 0; i < search->arc_count; i++) {
    const arc_t *arc = &search->arcs[i];
    if (!unfair || search->choice[arc->state] == UINT8_MAX ||
        search->choice[arc->state] == arc->index)
      search->ends[arc->from] = false;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = search->arc_count; i-- > 0;) {
      const arc_t *arc = &search->arcs[i];
      if (unfair && search->choice[arc->state] != UINT8_MAX &&
          search->choice[arc->state] != arc->index)
        continue;
      uint32_t gets = search->gets[arc->from] | arc->does | search->gets[arc->to];
      bool ends = search->ends[arc->from] || search->ends[arc->to];
      changed = changed || gets != search->gets[arc->from] || ends != search->ends[arc->from];
      search->gets[arc->from] = gets;
      search->ends[arc->from] = ends;
    }
  }
}

static bool is_safe(search_t *search) {
  find_later(search, false);
  for (uint32_t i = 0; i < search->count; i++)
    if ((search->wants[i] & ~search->gets[i]) != 0)
      return false;
  return !search->stuck;
}

/* Goes to the next combination of choices; false when there are no more. */
static bool next_choices(search_t *search) {
  for (uint32_t i = 0; i < maty_image_state_count(search->image); i++) {
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(search->image, i, &state), MATY_OK);
    if (search->choice[i] == UINT8_MAX)
      continue;
    if (++search->choice[i] < state.transition_count)
      return true;
    search->choice[i] = 0;
  }
  return false;
}

/* Whether some role or message, by some choices that are always made alike, goes
 * on waiting in everything that comes, and no end comes. Of machines that are
 * safe; *complete: there were not too many choices. */
static bool is_unfair(search_t *search, bool *complete) {
  uint32_t combinations = 1;
  for (uint32_t i = 0; i < maty_image_state_count(search->image); i++) {
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(search->image, i, &state), MATY_OK);
    bool choice = state.phase == MATY_PHASE_SEND && state.transition_count > 1;
    search->choice[i] = choice ? 0 : UINT8_MAX;
    combinations *= choice ? state.transition_count : 1;
    *complete = combinations <= 200;
    if (!*complete)
      return false;
  }
  do {
    find_later(search, true);
    for (uint32_t i = 0; i < search->count; i++)
      if ((search->wants[i] & ~search->gets[i]) != 0 && !search->ends[i])
        return true;
  } while (next_choices(search));
  return false;
}

/* ===== Machines that are changed ========================================= */

enum { MAX_STATES = 64, MAX_EDGES = 8 };

typedef struct edge {
  uint32_t peer, target;
  char label;
} edge_t;

typedef struct node {
  maty_phase phase;
  uint32_t count;
  edge_t edges[MAX_EDGES];
} node_t;

typedef struct machines {
  uint32_t roles;
  uint32_t states[MAX_ROLES];
  node_t nodes[MAX_ROLES][MAX_STATES];
} machines_t;

static bool copy_machines(const maty_image_t *image, machines_t *machines) {
  machines->roles = maty_image_role_count(image);
  for (uint32_t role = 0; role < machines->roles; role++) {
    maty_role_info_t info;
    cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
    machines->states[role] = info.state_count;
    if (info.state_count > MAX_STATES)
      return false;
    for (uint32_t i = 0; i < info.state_count; i++) {
      node_t *node = &machines->nodes[role][i];
      maty_state_info_t state;
      cr_assert_eq(maty_image_state(image, info.first_state + i, &state), MATY_OK);
      node->phase = state.phase;
      node->count = state.transition_count;
      if (node->count > MAX_EDGES)
        return false;
      for (uint32_t j = 0; j < node->count; j++) {
        maty_transition_info_t transition;
        maty_action_info_t action;
        cr_assert_eq(maty_image_transition(image, info.first_state + i, j, &transition), MATY_OK);
        cr_assert_eq(maty_image_action(image, role, transition.action, &action), MATY_OK);
        node->edges[j] = (edge_t){.peer = action.peer,
                                  .target = transition.target - info.first_state,
                                  .label = action.label[0]};
      }
    }
  }
  return true;
}

static void change(generator_t *generator, machines_t *machines) {
  uint32_t role = random_below(generator, machines->roles);
  node_t *node = &machines->nodes[role][random_below(generator, machines->states[role])];
  if (node->count == 0)
    return;
  edge_t *edge = &node->edges[random_below(generator, node->count)];
  switch (random_below(generator, 5)) {
  case 0:
    edge->target = random_below(generator, machines->states[role]);
    break;
  case 1:
    edge->label = (char)('a' + random_below(generator, 4));
    break;
  case 2:
    edge->peer = (role + 1 + random_below(generator, machines->roles - 1)) % machines->roles;
    break;
  case 3:
    if (node->count > 1)
      *edge = node->edges[--node->count];
    break;
  default:
    if (node->count < MAX_EDGES) {
      node->edges[node->count] = *edge;
      node->edges[node->count].label = (char)('a' + random_below(generator, 6));
      node->edges[node->count++].target = random_below(generator, machines->states[role]);
    }
  }
}

/* The machines as text, without what cannot be reached. */
static char *write_machines(const machines_t *machines) {
  test_text_t text = {0};
  for (uint32_t role = 0; role < machines->roles; role++) {
    bool reached[MAX_STATES] = {true};
    for (uint32_t round = 0; round < machines->states[role]; round++)
      for (uint32_t i = 0; i < machines->states[role]; i++)
        for (uint32_t j = 0; j < machines->nodes[role][i].count && reached[i]; j++)
          reached[machines->nodes[role][i].edges[j].target] = true;
    test_text_add(&text, "machine %c {\n", (int)('A' + role));
    for (uint32_t i = 0; i < machines->states[role]; i++) {
      const node_t *node = &machines->nodes[role][i];
      if (!reached[i])
        continue;
      test_text_add(&text, "  %u:%s", i, node->count == 0 ? " end;" : "");
      for (uint32_t j = 0; j < node->count; j++)
        test_text_add(&text, " %c() %s %c -> %u;", node->edges[j].label,
                      node->phase == MATY_PHASE_SEND ? "to" : "from",
                      (int)('A' + node->edges[j].peer), node->edges[j].target);
      test_text_add(&text, "\n");
    }
    test_text_add(&text, "}\n");
  }
  return text.at;
}

/* ===== What the explorer says ============================================ */

static maty_status explore(const maty_image_t *image, uint32_t bound, bool whole,
                           maty_fairness fairness) {
  maty_config_t config = maty_config_default();
  maty_explore_options_t options = {.bound = bound, .whole = whole, .fairness = fairness};
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, image, &options, &config);
  cr_assert_not_null(verdict);
  cr_expect_eq(status == MATY_OK, maty_verdict_diagnostic_count(verdict) == 0);
  for (size_t i = 0; i < maty_verdict_diagnostic_count(verdict); i++)
    cr_expect_gt(maty_verdict_diagnostic(verdict, i)->run_count, 0);
  maty_verdict_free(verdict);
  return status;
}

/* Compatible machines are safe with larger queues too, and machines that are not
 * safe for that reason are safe with none. */
static void compare_compatible(const maty_image_t *image, const char *what) {
  maty_config_t config = maty_config_default();
  maty_verdict_facts_t facts;
  maty_verdict_t *verdict;
  maty_status status = maty_compatible(&verdict, image, 2, NULL, &config);
  cr_assert_not_null(verdict);
  maty_verdict_facts(verdict, &facts);
  maty_verdict_free(verdict);
  for (uint32_t more = 0; status != MATY_ELIMIT && more <= 2; more++) {
    maty_status larger = explore(image, facts.bound + more, false, MATY_FAIRNESS_FAIR);
    cr_expect_eq(larger, status, "compatible with %u: %s; with %u: %s\n%s", facts.bound,
                 maty_status_text(status), facts.bound + more, maty_status_text(larger), what);
  }
}

static search_t search;

typedef struct tally {
  uint32_t compared, safe, unfair;
} tally_t;

static void compare(const maty_image_t *image, const char *what, tally_t *tally) {
  for (uint32_t bound = 1; bound <= MAX_BOUND; bound++) {
    bool complete;
    find_configs(&search, image, bound);
    if (!search.complete)
      return;
    maty_status expected = is_safe(&search) ? MATY_OK : MATY_EREJECTED;
    maty_status whole = explore(image, bound, true, MATY_FAIRNESS_FAIR);
    maty_status reduced = explore(image, bound, false, MATY_FAIRNESS_FAIR);
    cr_expect_eq(whole, expected, "whole, queues of %u, %s: %s\n%s", bound,
                 maty_status_text(expected), maty_status_text(whole), what);
    cr_expect_eq(reduced, expected, "reduced, queues of %u, %s: %s\n%s", bound,
                 maty_status_text(expected), maty_status_text(reduced), what);
    tally->compared++;
    if (expected != MATY_OK)
      continue;
    tally->safe++;
    expected = is_unfair(&search, &complete) ? MATY_EREJECTED : MATY_OK;
    if (!complete)
      continue;
    maty_status unfair = explore(image, bound, false, MATY_FAIRNESS_UNFAIR);
    cr_expect_eq(unfair, expected, "unfair, queues of %u, %s: %s\n%s", bound,
                 maty_status_text(expected), maty_status_text(unfair), what);
    tally->unfair += expected == MATY_EREJECTED;
  }
}

static uint64_t first_seed(void) {
  const char *given = getenv("MATY_TEST_SEED");
  uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
  cr_log_info("seeds %llu and on", (unsigned long long)first);
  return first;
}

static void compare_changed(const maty_image_t *image, uint64_t seed, tally_t *tally) {
  static machines_t machines;
  generator_t generator = {.seed = seed * 0x9e3779b97f4a7c15u | 1};
  if (!copy_machines(image, &machines))
    return;
  for (uint32_t changes = 0; changes < 3; changes++) {
    change(&generator, &machines);
    char *text = write_machines(&machines);
    maty_config_t config = maty_config_default();
    maty_module_t *module;
    maty_status status = maty_machines_read(&module, "test.machines", text, strlen(text),
                                            MATY_MACHINES_PLAIN, &config);
    if (status == MATY_OK) {
      test_text_t what = {0};
      test_text_add(&what, "seed %llu:\n%s", (unsigned long long)seed, text);
      compare(maty_module_image(module, 0), what.at, tally);
      compare_compatible(maty_module_image(module, 0), what.at);
      free(what.at);
    }
    maty_module_free(module);
    free(text);
  }
}

Test(random, accepted_machines_are_safe, .timeout = 300) {
  enum { PROTOCOLS = 20000 };
  uint64_t first = first_seed();
  uint32_t accepted = 0, looping = 0;
  for (uint64_t seed = first; seed < first + PROTOCOLS; seed++) {
    char *text = test_random_protocol(seed);
    maty_module_t *module = test_check(text);
    const maty_image_t *image = maty_module_image(module, 0);
    for (uint32_t bound = 1; image != NULL && bound <= MAX_BOUND; bound++)
      cr_expect_eq(explore(image, bound, false, MATY_FAIRNESS_FAIR), MATY_OK,
                   "seed %llu, queues of %u: %s", (unsigned long long)seed, bound, text);
    accepted += image != NULL;
    looping += image != NULL && strstr(text, "continue") != NULL;
    maty_module_free(module);
    free(text);
  }
  cr_log_info("%u of %u accepted, %u of them with loops", accepted, (uint32_t)PROTOCOLS, looping);
  cr_expect(accepted > PROTOCOLS / 20 && looping > PROTOCOLS / 100,
            "the generator makes too few good protocols: %u, %u with loops", accepted, looping);
}

Test(random, explored_as_by_the_definition, .timeout = 300) {
  enum { PROTOCOLS = 6000 };
  uint64_t first = first_seed();
  tally_t tally = {0};
  for (uint64_t seed = first; seed < first + PROTOCOLS; seed++) {
    char *text = test_random_protocol(seed);
    maty_module_t *module = test_check(text);
    const maty_image_t *image = maty_module_image(module, 0);
    if (image != NULL) {
      compare(image, text, &tally);
      compare_compatible(image, text);
      compare_changed(image, seed, &tally);
    }
    maty_module_free(module);
    free(text);
  }
  cr_log_info("%u compared, %u safe, %u of them not when choice is unfair", tally.compared,
              tally.safe, tally.unfair);
  cr_expect(tally.compared > PROTOCOLS / 2 && tally.safe > PROTOCOLS / 10 &&
                tally.compared - tally.safe > PROTOCOLS / 4 && tally.unfair > PROTOCOLS / 1000,
            "the generator makes too little of a kind: %u, %u, %u", tally.compared, tally.safe,
            tally.unfair);
}

/* What is left of a protocol for each role, explored, is no more than the
 * automaton asks for: the scribble dialect accepts nothing that ours does not,
 * loops of others and loops without a message apart, which are not made here. */
Test(random, scribble_accepts_no_more, .timeout = 300) {
  enum { PROTOCOLS = 20000 };
  uint64_t first = first_seed();
  uint32_t accepted = 0, rejected = 0;
  for (uint64_t seed = first; seed < first + PROTOCOLS; seed++) {
    char *protocol = test_random_protocol(seed);
    test_text_t text = {0};
    test_text_add(&text, "module test;\nglobal %s", protocol);
    maty_module_t *strict = test_check_in(MATY_DIALECT_SCRIBBLE, NULL, text.at);
    maty_module_t *ours = test_check(text.at);
    if (maty_module_image(strict, 0) != NULL) {
      accepted++;
      cr_expect_not_null(maty_module_image(ours, 0), "seed %llu: %s", (unsigned long long)seed,
                         text.at);
    }
    rejected += maty_module_image(strict, 0) == NULL && maty_module_image(ours, 0) != NULL;
    maty_module_free(strict);
    maty_module_free(ours);
    free(text.at);
    free(protocol);
  }
  cr_log_info("%u accepted, %u by our dialect only", accepted, rejected);
  cr_expect(accepted > PROTOCOLS / 50 && rejected > PROTOCOLS / 1000,
            "the generator makes too little of a kind: %u, %u", accepted, rejected);
}

/* A rejection always says where and, for these classes, shows it. */
Test(random, rejections_show_a_run, .timeout = 300) {
  for (uint64_t seed = 1; seed < 5000; seed++) {
    char *text = test_random_protocol(seed);
    maty_module_t *module = test_check(text);
    for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
      const maty_diagnostic_t *found = maty_module_diagnostic(module, i);
      cr_expect(found->line > 0 && found->column > 0);
      switch (found->class_) {
      case MATY_CLASS_CHOICE_SENDER:
      case MATY_CLASS_SEND_VALIDITY:
      case MATY_CLASS_RECEIVE_VALIDITY:
      case MATY_CLASS_MIXED_CHOICE:
      case MATY_CLASS_UNFINISHED:
      case MATY_CLASS_ROLE_PROGRESS:
        cr_expect_not_null(found->run, "seed %llu: %s", (unsigned long long)seed, text);
        break;
      case MATY_CLASS_NONDET_PAYLOAD:
      case MATY_CLASS_UNUSED_ROLE:
      case MATY_CLASS_UNREACHABLE:
        break;
      default:
        cr_expect_fail("%s of seed %llu: %s", maty_class_name(found->class_),
                       (unsigned long long)seed, text);
      }
    }
    maty_module_free(module);
    free(text);
  }
}

/* Every conversation of test/protocols is accepted, and runs. */
Test(random, real_protocols, .timeout = 300) {
  static const char *const files[] = {"actors.scr", "chain.scr",     "chat.scr",    "documents.scr",
                                      "graph.scr",  "placement.scr", "servers.scr", "shop.scr"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = test_protocols(files[i]);
    test_accept(text);
    maty_module_t *module = test_check(text);
    for (size_t j = 0; j < maty_module_protocol_count(module); j++)
      for (uint32_t bound = 1; bound <= MAX_BOUND; bound++)
        cr_expect_eq(explore(maty_module_image(module, j), bound, false, MATY_FAIRNESS_FAIR),
                     MATY_OK, "%s of %s, queues of %u", maty_module_protocol_name(module, j),
                     files[i], bound);
    maty_module_free(module);
    free(text);
  }
}
