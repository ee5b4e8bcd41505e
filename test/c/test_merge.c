/* test_merge.c - a second projection, to hold the machines against.
 *
 * The textbook projects a global type onto a role by structure: what the role
 * has no part in is left out, and where it does not see which branch was taken,
 * the projections of the branches are merged (Honda, Yoshida, Carbone,
 * "Multiparty Asynchronous Session Types", POPL 2008; full merging as in Scalas
 * and Yoshida, "Less is More", POPL 2019, Def. 3.3). Merging is partial: it
 * fails on much that is implementable. Wherever it succeeds for every role of a
 * random global type, the type has to be accepted, and each machine has to be
 * bisimilar to the local type.
 *
 * MATY_TEST_SEED sets the first seed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MOST_BRANCHES = 3, MOST_LABELS = 8, MOST_NODES = 4096, MOST_LOOPS = 8, NONE = -1 };

typedef enum kind { END, VAR, REC, COMM } kind_t;

/* A global type, and a local one: there "sender" is the direction and "receiver"
 * the peer. Nodes are named by their index. */
typedef struct node {
  kind_t kind;
  int loop; /* of VAR and REC */
  int sender, receiver;
  int count;
  int label[MOST_LABELS]; /* sorted */
  int next[MOST_LABELS];  /* REC: next[0] */
} node_t;

static node_t nodes[MOST_NODES];
static int node_count;

static int add_node(node_t node) {
  if (node_count == MOST_NODES)
    return NONE;
  nodes[node_count] = node;
  return node_count++;
}

/* ===== Random global types =============================================== */

typedef struct generator {
  uint64_t seed;
  int roles, loops;
} generator_t;

static int random_below(generator_t *generator, int bound) {
  generator->seed ^= generator->seed >> 12;
  generator->seed ^= generator->seed << 25;
  generator->seed ^= generator->seed >> 27;
  return (int)((generator->seed * 0x2545f4914f6cdd1du >> 33) % (uint64_t)bound);
}

/* "open": loops around, as bits; "guarded": those with a message since. */
static int random_type(generator_t *generator, int depth, unsigned open, unsigned guarded) {
  int what = random_below(generator, 10);
  if (depth == 0 || what == 0) {
    for (int loop = 0; loop < MOST_LOOPS; loop++)
      if ((guarded >> loop & 1) != 0 && random_below(generator, 3) != 0)
        return add_node((node_t){.kind = VAR, .loop = loop});
    return add_node((node_t){.kind = END});
  }
  if (what <= 2 && generator->loops < MOST_LOOPS) {
    node_t node = {.kind = REC, .loop = generator->loops++, .count = 1};
    node.next[0] = random_type(generator, depth - 1, open | 1u << node.loop, guarded);
    return add_node(node);
  }
  node_t node = {.kind = COMM, .sender = random_below(generator, generator->roles)};
  node.receiver =
      (node.sender + 1 + random_below(generator, generator->roles - 1)) % generator->roles;
  node.count = random_below(generator, 2) == 0 ? 1 : 1 + random_below(generator, MOST_BRANCHES);
  for (int i = 0; i < node.count; i++) {
    node.label[i] = (i == 0 ? 0 : node.label[i - 1] + 1) + random_below(generator, 2);
    node.next[i] = random_type(generator, depth - 1, open, open);
  }
  return add_node(node);
}

static void write_type(test_text_t *text, int type) {
  const node_t *node = &nodes[type];
  if (node->kind == VAR)
    test_text_add(text, "continue X%d; ", node->loop);
  if (node->kind == REC) {
    test_text_add(text, "rec X%d { ", node->loop);
    write_type(text, node->next[0]);
    test_text_add(text, "} ");
  }
  if (node->kind != COMM)
    return;
  for (int i = 0; i < node->count; i++) {
    if (node->count > 1 && i == 0)
      test_text_add(text, "choice at %c { ", 'A' + node->sender);
    test_text_add(text, "%c() from %c to %c; ", 'a' + node->label[i], 'A' + node->sender,
                  'A' + node->receiver);
    write_type(text, node->next[i]);
    if (node->count > 1)
      test_text_add(text, i + 1 < node->count ? "} or { " : "} ");
  }
}

static bool takes_part(int type, int role) {
  const node_t *node = &nodes[type];
  if (node->kind == COMM && (node->sender == role || node->receiver == role))
    return true;
  for (int i = 0; i < node->count; i++)
    if (takes_part(node->next[i], role))
      return true;
  return false;
}

/* ===== Projection ======================================================== */

static bool equal(int one, int other) {
  const node_t *a = &nodes[one], *b = &nodes[other];
  if (a->kind != b->kind || a->count != b->count)
    return false;
  if (a->kind == VAR || a->kind == REC)
    return a->loop == b->loop && (a->kind == VAR || equal(a->next[0], b->next[0]));
  if (a->kind == COMM && (a->sender != b->sender || a->receiver != b->receiver))
    return false;
  for (int i = 0; i < a->count; i++)
    if (a->label[i] != b->label[i] || !equal(a->next[i], b->next[i]))
      return false;
  return true;
}

/* Returns NONE where merging is not defined. */
static int merge(int one, int other) {
  const node_t *a = &nodes[one], *b = &nodes[other];
  if (one == other || equal(one, other))
    return one;
  if (a->kind != COMM || b->kind != COMM || a->sender != b->sender || a->receiver != b->receiver)
    return NONE;
  node_t merged = {.kind = COMM, .sender = a->sender, .receiver = a->receiver};
  for (int i = 0, j = 0; i < a->count || j < b->count;) {
    bool from_a = j == b->count || (i < a->count && a->label[i] <= b->label[j]);
    bool from_b = i == a->count || (j < b->count && b->label[j] <= a->label[i]);
    /* Only who receives may see other messages in other branches. */
    if (from_a != from_b && a->sender == MATY_DIRECTION_SEND)
      return NONE;
    merged.label[merged.count] = from_a ? a->label[i] : b->label[j];
    int next = from_a && from_b ? merge(a->next[i], b->next[j]) : from_a ? a->next[i] : b->next[j];
    if (next == NONE || merged.count + 1 == MOST_LABELS)
      return NONE;
    merged.next[merged.count++] = next;
    i += from_a;
    j += from_b;
  }
  return add_node(merged);
}

static int project(int type, int role) {
  const node_t *node = &nodes[type];
  if (node->kind == END || node->kind == VAR)
    return type;
  if (node->kind == REC) {
    int body = project(node->next[0], role);
    if (body == NONE || nodes[body].kind == END ||
        (nodes[body].kind == VAR && nodes[body].loop != node->loop))
      return body;
    if (!takes_part(node->next[0], role))
      return add_node((node_t){.kind = END});
    return add_node((node_t){.kind = REC, .loop = node->loop, .count = 1, .next = {[0] = body}});
  }
  node_t local = {.kind = COMM, .count = node->count};
  memcpy(local.label, node->label, sizeof local.label);
  bool sends = node->sender == role;
  local.sender = sends ? MATY_DIRECTION_SEND : MATY_DIRECTION_RECEIVE;
  local.receiver = sends ? node->receiver : node->sender;
  for (int i = 0; i < node->count; i++)
    if ((local.next[i] = project(node->next[i], role)) == NONE)
      return NONE;
  if (sends || node->receiver == role)
    return add_node(local);
  int merged = local.next[0];
  for (int i = 1; i < local.count && merged != NONE; i++)
    merged = merge(merged, local.next[i]);
  return merged;
}

/* ===== Bisimulation ====================================================== */

typedef struct pairs {
  const maty_image_t *image;
  int body[MOST_LOOPS]; /* of each loop of the local type */
  struct {
    int type;
    uint32_t state;
  } at[MOST_NODES];
  int count;
} pairs_t;

static void find_loops(pairs_t *pairs, int type) {
  const node_t *node = &nodes[type];
  if (node->kind == REC)
    pairs->body[node->loop] = node->next[0];
  for (int i = 0; i < node->count; i++)
    find_loops(pairs, node->next[i]);
}

static void add_pair(pairs_t *pairs, int type, uint32_t state) {
  while (nodes[type].kind == VAR || nodes[type].kind == REC)
    type = nodes[type].kind == VAR ? pairs->body[nodes[type].loop] : nodes[type].next[0];
  for (int i = 0; i < pairs->count; i++)
    if (pairs->at[i].type == type && pairs->at[i].state == state)
      return;
  cr_assert_lt(pairs->count, MOST_NODES);
  pairs->at[pairs->count].type = type;
  pairs->at[pairs->count++].state = state;
}

/* Both are deterministic: they are bisimilar if every pair of states that one
 * sequence of messages leads to has the same messages. */
static bool bisimilar(const maty_image_t *image, uint32_t role, int type) {
  static pairs_t pairs;
  maty_role_info_t info;
  cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
  pairs = (pairs_t){.image = image};
  find_loops(&pairs, type);
  add_pair(&pairs, type, info.initial);
  for (int i = 0; i < pairs.count; i++) {
    const node_t *node = &nodes[pairs.at[i].type];
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(image, pairs.at[i].state, &state), MATY_OK);
    if ((int)state.transition_count != node->count)
      return false;
    for (uint32_t j = 0; j < state.transition_count; j++) {
      maty_transition_info_t transition;
      maty_action_info_t action;
      cr_assert_eq(maty_image_transition(image, pairs.at[i].state, j, &transition), MATY_OK);
      cr_assert_eq(maty_image_action(image, role, transition.action, &action), MATY_OK);
      int same = 0;
      while (same < node->count && node->label[same] != action.label[0] - 'a')
        same++;
      if (same == node->count || (int)action.direction != node->sender ||
          (int)action.peer != node->receiver)
        return false;
      add_pair(&pairs, node->next[same], transition.target);
    }
  }
  return true;
}

/* ===== Tests ============================================================= */

Test(merge, agrees_with_the_textbook, .timeout = 300) {
  enum { TYPES = 20000 };
  const char *given = getenv("MATY_TEST_SEED");
  uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
  int compared = 0, looping = 0;
  cr_log_info("seeds %llu and on", (unsigned long long)first);
  for (uint64_t seed = first; seed < first + TYPES; seed++) {
    generator_t generator = {.seed = seed * 0x9e3779b97f4a7c15u | 1};
    int local[4];
    bool defined = true;
    node_count = 0;
    generator.roles = 2 + random_below(&generator, 3);
    int type = random_type(&generator, 5, 0, 0);
    for (int role = 0; role < generator.roles && defined; role++) {
      local[role] = takes_part(type, role) ? project(type, role) : NONE;
      defined = local[role] != NONE;
    }
    if (!defined)
      continue;
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A");
    for (int role = 1; role < generator.roles; role++)
      test_text_add(&text, ", role %c", 'A' + role);
    test_text_add(&text, ") { ");
    write_type(&text, type);
    test_text_add(&text, "}\n");
    maty_module_t *module = test_check(text.at);
    const maty_image_t *image = maty_module_image(module, 0);
    cr_assert_not_null(image, "seed %llu is refused: %s", (unsigned long long)seed, text.at);
    for (int role = 0; role < generator.roles; role++)
      cr_assert(bisimilar(image, (uint32_t)role, local[role]), "seed %llu, role %c: %s",
                (unsigned long long)seed, 'A' + role, text.at);
    compared++;
    looping += strstr(text.at, "continue") != NULL;
    maty_module_free(module);
    free(text.at);
  }
  cr_log_info("%d of %d compared, %d of them with loops", compared, (int)TYPES, looping);
  cr_expect(compared > TYPES / 20 && looping > TYPES / 100, "too few could be compared: %d, %d",
            compared, looping);
}
