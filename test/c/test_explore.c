/* test_explore.c - a second opinion on what the checker accepts.
 *
 * Random protocols are checked, and the machines of those that are accepted are
 * run against one another in every possible order, with queues of at most 1, 2
 * and 3 messages for each ordered pair of roles. Nothing may go wrong:
 *
 *   reception   a role waits for one sender only, and another message of it comes;
 *   ambiguity   messages of two senders can both be taken: the order would decide;
 *   orphan      a message is left for a role that has ended;
 *   stuck       no role can move, and not all have ended;
 *   starved     a role waits, and whatever the others do it will never move.
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

static char *random_protocol(uint64_t seed) {
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

/* ===== Exploring ========================================================= */

enum {
  MAX_BOUND = 3,
  MAX_CONFIGS = 2000, /* of one exploration; a larger one is left unfinished */
  SLOT_COUNT = 2 * 4096
};

/* Roles' states, and messages on their way by sender and receiver: the
 * receiver's actions plus one, the oldest first. */
typedef struct config {
  uint16_t state[MAX_ROLES];
  uint16_t queue[MAX_ROLES][MAX_ROLES][MAX_BOUND];
} config_t;

typedef struct explorer {
  const maty_image_t *image;
  uint32_t roles, bound;
  config_t configs[MAX_CONFIGS];
  uint32_t count;
  bool complete;
  uint32_t slots[SLOT_COUNT]; /* index plus one */
  uint8_t moved[MAX_CONFIGS]; /* bit r: role r can move here or later */
  uint8_t waits[MAX_CONFIGS]; /* bit r: role r waits for a message here */
  struct {
    uint32_t from, to;
  } arcs[MAX_CONFIGS * MAX_ROLES * 4];
  uint32_t arc_count;
  const char *wrong;
} explorer_t;

static uint32_t add_config(explorer_t *explorer, const config_t *config) {
  uint64_t hash = 0;
  const unsigned char *bytes = (const unsigned char *)config;
  for (size_t i = 0; i < sizeof *config; i++)
    hash = (hash ^ bytes[i]) * 0x100000001b3u;
  uint32_t slot = (uint32_t)(hash >> 20) % SLOT_COUNT;
  for (; explorer->slots[slot] != 0; slot = (slot + 1) % SLOT_COUNT)
    if (memcmp(&explorer->configs[explorer->slots[slot] - 1], config, sizeof *config) == 0)
      return explorer->slots[slot] - 1;
  if (explorer->count == MAX_CONFIGS) {
    explorer->complete = false;
    return UINT32_MAX;
  }
  explorer->configs[explorer->count] = *config;
  explorer->slots[slot] = explorer->count + 1;
  return explorer->count++;
}

static void add_arc(explorer_t *explorer, uint32_t from, uint32_t role, const config_t *config) {
  uint32_t to = add_config(explorer, config);
  explorer->moved[from] |= (uint8_t)(1u << role);
  if (to == UINT32_MAX)
    return;
  if (explorer->arc_count == sizeof explorer->arcs / sizeof *explorer->arcs) {
    explorer->complete = false;
    return;
  }
  explorer->arcs[explorer->arc_count].from = from;
  explorer->arcs[explorer->arc_count++].to = to;
}

static uint32_t queue_length(const explorer_t *explorer, const config_t *config, uint32_t sender,
                             uint32_t receiver) {
  uint32_t length = 0;
  while (length < explorer->bound && config->queue[sender][receiver][length] != 0)
    length++;
  return length;
}

static void move_role(explorer_t *explorer, uint32_t from, uint32_t role, bool *able) {
  const config_t config = explorer->configs[from];
  maty_state_info_t state;
  cr_assert_eq(maty_image_state(explorer->image, config.state[role], &state), MATY_OK);
  uint32_t senders = 0, taken = 0; /* bits: roles that it waits for, whose message it can take */
  for (uint32_t i = 0; i < state.transition_count; i++) {
    maty_transition_info_t transition;
    maty_action_info_t action;
    config_t next = config;
    cr_assert_eq(maty_image_transition(explorer->image, config.state[role], i, &transition),
                 MATY_OK);
    cr_assert_eq(maty_image_action(explorer->image, role, transition.action, &action), MATY_OK);
    next.state[role] = (uint16_t)transition.target;
    if (state.phase == MATY_PHASE_SEND) {
      uint32_t length = queue_length(explorer, &config, role, action.peer);
      *able = true;
      if (length < explorer->bound) {
        next.queue[role][action.peer][length] = (uint16_t)(action.peer_action + 1);
        add_arc(explorer, from, role, &next);
      }
      continue;
    }
    senders |= 1u << action.peer;
    if (config.queue[action.peer][role][0] != transition.action + 1)
      continue;
    uint16_t *queue = next.queue[action.peer][role];
    memmove(queue, queue + 1, (MAX_BOUND - 1) * sizeof *queue);
    queue[MAX_BOUND - 1] = 0;
    taken |= 1u << action.peer;
    *able = true;
    add_arc(explorer, from, role, &next);
  }
  if (state.phase == MATY_PHASE_RECEIVE)
    explorer->waits[from] |= (uint8_t)(1u << role);
  if ((taken & (taken - 1)) != 0)
    explorer->wrong = "ambiguity";
  for (uint32_t peer = 0; peer < explorer->roles; peer++) {
    bool first = config.queue[peer][role][0] != 0;
    if (first && state.phase == MATY_PHASE_FINAL)
      explorer->wrong = "orphan";
    if (first && senders == 1u << peer && taken == 0)
      explorer->wrong = "reception";
  }
}

static bool has_ended(const explorer_t *explorer, const config_t *config) {
  for (uint32_t role = 0; role < explorer->roles; role++) {
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(explorer->image, config->state[role], &state), MATY_OK);
    if (state.phase != MATY_PHASE_FINAL)
      return false;
  }
  return true;
}

/* What can happen later can happen from here: back along the arcs until nothing
 * is added. They lead forward mostly, so this takes few rounds. */
static void find_starved(explorer_t *explorer) {
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t i = explorer->arc_count; i-- > 0;) {
      uint8_t *before = &explorer->moved[explorer->arcs[i].from];
      uint8_t more = (uint8_t)(*before | explorer->moved[explorer->arcs[i].to]);
      changed = changed || more != *before;
      *before = more;
    }
  }
  for (uint32_t i = 0; i < explorer->count; i++)
    if ((explorer->waits[i] & ~explorer->moved[i]) != 0)
      explorer->wrong = "starved";
}

/* Returns what goes wrong, or NULL. */
static const char *explore(explorer_t *explorer, const maty_image_t *image, uint32_t bound) {
  config_t initial;
  memset(&initial, 0, sizeof initial);
  memset(explorer, 0, sizeof *explorer);
  explorer->image = image;
  explorer->roles = maty_image_role_count(image);
  explorer->bound = bound;
  explorer->complete = true;
  for (uint32_t role = 0; role < explorer->roles; role++) {
    maty_role_info_t info;
    cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
    initial.state[role] = (uint16_t)info.initial;
  }
  (void)add_config(explorer, &initial);
  for (uint32_t i = 0; i < explorer->count && explorer->wrong == NULL; i++) {
    bool able = false;
    for (uint32_t role = 0; role < explorer->roles; role++)
      move_role(explorer, i, role, &able);
    if (!able && !has_ended(explorer, &explorer->configs[i]))
      explorer->wrong = "stuck";
  }
  if (explorer->wrong == NULL && explorer->complete)
    find_starved(explorer);
  return explorer->wrong;
}

static explorer_t explorer;

static void explore_all(const maty_module_t *module, const char *what) {
  for (size_t i = 0; i < maty_module_protocol_count(module); i++) {
    const maty_image_t *image = maty_module_image(module, i);
    if (image == NULL || maty_image_role_count(image) > MAX_ROLES)
      continue;
    for (uint32_t bound = 1; bound <= MAX_BOUND; bound++) {
      const char *wrong = explore(&explorer, image, bound);
      cr_assert_null(wrong, "%s with queues of %u: protocol %s of\n%s", wrong, bound,
                     maty_image_protocol(image), what);
    }
  }
}

Test(explore, random_protocols, .timeout = 120) {
  enum { PROTOCOLS = 20000 };
  const char *given = getenv("MATY_TEST_SEED");
  uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
  uint32_t accepted = 0, looping = 0;
  cr_log_info("seeds %llu and on", (unsigned long long)first);
  for (uint64_t seed = first; seed < first + PROTOCOLS; seed++) {
    char *text = random_protocol(seed);
    maty_module_t *module = test_check(text);
    if (maty_module_image(module, 0) != NULL) {
      test_text_t what = {0};
      test_text_add(&what, "seed %llu: %s", (unsigned long long)seed, text);
      explore_all(module, what.at);
      accepted++;
      looping += strstr(text, "continue") != NULL;
      free(what.at);
    }
    maty_module_free(module);
    free(text);
  }
  cr_log_info("%u of %u accepted, %u of them with loops", accepted, (uint32_t)PROTOCOLS, looping);
  cr_expect(accepted > PROTOCOLS / 20 && looping > PROTOCOLS / 100,
            "the generator makes too few good protocols: %u, %u with loops", accepted, looping);
}

/* A rejection always says where and, for these classes, shows it. */
Test(explore, rejections_show_a_run, .timeout = 120) {
  for (uint64_t seed = 1; seed < 5000; seed++) {
    char *text = random_protocol(seed);
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
Test(explore, real_protocols, .timeout = 120) {
  static const char *const files[] = {"actors.scr", "chain.scr",     "chat.scr",    "documents.scr",
                                      "graph.scr",  "placement.scr", "servers.scr", "shop.scr"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = test_protocols(files[i]);
    test_accept(text);
    maty_module_t *module = test_check(text);
    explore_all(module, files[i]);
    maty_module_free(module);
    free(text);
  }
}
