/* test_subtype.c - when one machine can stand in for another.
 *
 * Small machines whose answer is known, with the whole text of a no; then random
 * ones: the machines of one role or two of an accepted protocol are changed at
 * random, and whenever the changed ones are said to be subtypes, they are put into
 * the system in the place of the old ones, and exploring must find nothing wrong.
 *
 * MATY_TEST_SEED sets the first seed; each protocol has a seed of its own, which
 * is printed with what went wrong.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static maty_module_t *read_machines(const char *name, const char *text) {
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  maty_status status =
      maty_machines_read(&module, name, text, strlen(text), MATY_MACHINES_PLAIN, &config);
  cr_assert(status == MATY_OK, "%s: %s\n%s", maty_status_text(status),
            module == NULL ? "" : maty_module_diagnostic(module, 0)->text, text);
  return module;
}

/* The verdict on role 0 of two texts, as text. */
static char *compare(const char *sub, const char *super) {
  maty_module_t *new_module = read_machines("new", sub), *old_module = read_machines("old", super);
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_subtype(&verdict, maty_module_image(new_module, 0), 0,
                                    maty_module_image(old_module, 0), 0, &config);
  char *found = test_verdict("new", status, verdict);
  maty_module_free(new_module);
  maty_module_free(old_module);
  return found;
}

static void expect(const char *sub, const char *super, const char *verdict) {
  char *found = compare(sub, super);
  cr_expect_str_eq(found, verdict, "%s\nfor\n%s\nexpected\n%s\nfound\n%s", sub, super, verdict,
                   found);
  free(found);
}

/* Role A with these states, and two that are only named. */
#define A(states) "machine A { " states " } role B; role C;"

/* ===== In one order ====================================================== */

Test(subtype, sends_less_and_receives_more) {
  const char *old = A("0: a() to B -> 1; b() to B -> 1; 1: c() from B -> 2; 2: end;");
  expect(old, old, "ok\n");
  expect(A("0: a() to B -> 1; 1: c() from B -> 2; d() from B -> 0; 2: end;"), old, "ok\n");
  expect(A("0: a() to B -> 1; x() to B -> 1; 1: c() from B -> 2; 2: end;"), old,
         "the protocol is not accepted\n"
         "1:31 [subtype] role 'A': 'x' to 'B' is sent where it is not expected\n"
         "  1. A sends x to B (line 1)\n"
         "     expected here: to send a() to B or b() to B\n");
  expect(A("0: a() to B -> 1; 1: d() from B -> 2; 2: end;"), old,
         "the protocol is not accepted\n"
         "1:31 [subtype] role 'A': 'c' from 'B' may come and is not received\n"
         "  1. A sends a to B (line 1)\n"
         "     expected here: to receive c() from B\n");
  expect(A("0: a() to B -> 1; 1: end;"), old,
         "the protocol is not accepted\n"
         "1:31 [subtype] role 'A': has ended where a message may come\n"
         "  1. A sends a to B (line 1)\n"
         "     expected here: to receive c() from B\n");
  expect(A("0: end;"), old,
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': has ended where a message has to be sent\n"
         "     expected here: to send a() to B or b() to B\n");
  expect(A("0: c() from B -> 1; 1: end;"), old,
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': waits for a message where one has to be sent\n"
         "     expected here: to send a() to B or b() to B\n");
  expect(A("0: a() to B -> 1; 1: c() from B -> 2; 2: c() from B -> 3; 3: end;"), old,
         "the protocol is not accepted\n"
         "1:51 [subtype] role 'A': waits for a message where the end is expected\n"
         "  1. A sends a to B (line 1)\n"
         "  2. A receives c from B (line 1)\n"
         "     expected here: the end\n");
}

Test(subtype, peers_are_known_by_name) {
  expect("role C; machine A { 0: a() to B -> 0; } role B;", A("0: a() to B -> 0;"),
         "the protocol is not accepted\n"
         "1:6 [subtype] role 'C': has ended where a message has to be sent\n"
         "     expected here: to send a() to B\n");
  expect("machine A { 0: a() to B -> 0; } role X; role B;", A("0: a() to B -> 0;"), "ok\n");
  expect("machine A { 0: a() to X -> 0; } role X;", A("0: a() to B -> 0;"),
         "the protocol is not accepted\n"
         "1:16 [subtype] role 'A': 'a' to 'X' is sent where it is not expected\n"
         "  1. A sends a to X (line 1)\n"
         "     expected here: to send a() to B\n");
}

Test(subtype, payloads) {
  static const struct {
    const char *sub, *super;
    bool fits;
  } pairs[] = {
      {"integer", "number", true},
      {"number", "integer", false},
      {"number", "integer | float", true},
      {"1..9", "integer", true},
      {"3", "1..9", true},
      {"1..10", "1..9", false},
      {"1..9", "5..20 | 1..4", true},
      {"1..9", "5..20 | 1..3", false},
      {":ok", "atom", true},
      {":ok", ":no", false},
      {":ok", ":no | :ok", true},
      {":ok | :no", ":ok", false},
      {":true", "boolean", true},
      {"boolean", ":true | :false", true},
      {"boolean", "atom", true},
      {"atom", "boolean", false},
      {"string", "binary", true},
      {"binary", "string", false},
      {"any", "any", true},
      {"any", "Widget", false},
      {"Widget", "any", true},
      {"Widget", "Widget", true},
      {"Widget", "Gadget", false},
      {"list(1..3)", "list(integer)", true},
      {"list(integer)", "list(1..3)", false},
      {"{integer, :a}", "{number, atom}", true},
      {"{integer}", "{integer, integer}", false},
      {"{1 | 2}", "{1} | {2}", false}, /* true, and not seen */
      {"%{a: integer, b: pid}", "%{a: number}", true},
      {"%{a: number}", "%{a: number, b: pid}", false},
      {"%{a: :x}", "%{a: :y}", false},
      {"date", "date", true},
      {"date", "%{}", false},
      {"x: integer", "y: integer", true},
      {"integer, integer", "integer", false},
      {"", "", true},
      {"", "any", false},
      {"list({:a | :b, list(1..2)}) | pid", "list({atom, list(number)}) | {} | any", true},
      {"list({:a | :b, list(1..2)}) | pid", "list({atom, list(float)}) | pid", false},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    test_text_t send = {0}, sent = {0}, receive = {0}, received = {0};
    test_text_add(&send, A("0: m(%s) to B -> 0;"), pairs[i].sub);
    test_text_add(&sent, A("0: m(%s) to B -> 0;"), pairs[i].super);
    test_text_add(&receive, A("0: m(%s) from B -> 0;"), pairs[i].super);
    test_text_add(&received, A("0: m(%s) from B -> 0;"), pairs[i].sub);
    test_text_t none = {0};
    test_text_add(
        &none,
        "the protocol is not accepted\n"
        "1:16 [subtype] role 'A': 'm' to 'B' has another payload: (%s) does not fit (%s)\n"
        "  1. A sends m to B (line 1)\n"
        "     expected here: to send m(%s) to B\n",
        pairs[i].sub, pairs[i].super, pairs[i].super);
    expect(send.at, sent.at, pairs[i].fits ? "ok\n" : none.at);
    none.length = 0;
    test_text_add(
        &none,
        "the protocol is not accepted\n"
        "1:16 [subtype] role 'A': 'm' from 'B' has another payload: (%s) does not fit (%s)\n"
        "     expected here: to receive m(%s) from B\n",
        pairs[i].sub, pairs[i].super, pairs[i].sub);
    expect(receive.at, received.at, pairs[i].fits ? "ok\n" : none.at);
    free(send.at);
    free(sent.at);
    free(receive.at);
    free(received.at);
    free(none.at);
  }
}

/* ===== In another order ================================================== */

Test(subtype, sends_may_run_ahead) {
  const char *old = A("0: q() from B -> 1; 1: r() to B -> 0;");
  expect(A("i: r() to B -> 0; 0: q() from B -> 1; 1: r() to B -> 0;"), old, "ok\n");
  expect(A("i: r() to B -> k; k: r() to B -> 0; 0: q() from B -> 1; 1: r() to B -> 0;"), old,
         "ok\n");
  expect(old, A("i: r() to B -> 0; 0: q() from B -> 1; 1: r() to B -> 0;"),
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': waits for a message where one has to be sent\n"
         "     expected here: to send r() to B\n");
  expect(A("i: r() to B -> i;"), old,
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': 'q' from 'B' can be put off for ever\n"
         "  1. A sends r to B (line 1)\n"
         "     and from here on for ever without it\n");
  expect(A("i: r() to B -> i;"), A("0: q() from B -> 1; 1: r() to B -> 1;"),
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': 'q' from 'B' can be put off for ever\n"
         "  1. A sends r to B (line 1)\n"
         "     and from here on for ever without it\n");
}

Test(subtype, sends_come_whatever_is_received) {
  const char *old = A("0: y() from B -> 1; n() from B -> 2; 1: a() to B -> 3; b() to B -> 3;"
                      "2: a() to B -> 3; c() to B -> 3; 3: end;");
  expect(A("0: a() to B -> 1; 1: y() from B -> 2; n() from B -> 2; 2: end;"), old, "ok\n");
  expect(A("0: b() to B -> 1; 1: y() from B -> 2; n() from B -> 2; 2: end;"), old,
         "the protocol is not accepted\n"
         "1:16 [subtype] role 'A': 'b' to 'B' is sent where it is not expected\n"
         "  1. A sends b to B (line 1)\n"
         "     expected here: to receive y() from B or n() from B\n");
}

Test(subtype, two_peers_two_orders) {
  const char *old = A("0: a() to B -> 1; 1: b() to C -> 2; 2: c() from B -> 3; 3: d() from C -> 4;"
                      "4: end;");
  expect(A("0: b() to C -> 1; 1: a() to B -> 2; 2: d() from C -> 3; 3: c() from B -> 4; 4: end;"),
         old, "ok\n");
  /* What is sent must not wait for what is received. */
  expect(A("0: b() to C -> 1; 1: c() from B -> 2; 2: a() to B -> 3; 3: d() from C -> 4; 4: end;"),
         old,
         "the protocol is not accepted\n"
         "1:31 [subtype] role 'A': waits for a message where one has to be sent\n"
         "  1. A sends b to C (line 1)\n"
         "     expected here: to send a() to B\n");
  /* Nor may one channel change its order. */
  expect(A("0: b() to B -> 1; 1: a() to B -> 2; 2: end;"),
         A("0: a() to B -> 1; 1: b() to B -> 2; 2: end;"),
         "the protocol is not accepted\n"
         "1:16 [subtype] role 'A': 'b' to 'B' is sent where it is not expected\n"
         "  1. A sends b to B (line 1)\n"
         "     expected here: to send a() to B\n");
}

Test(subtype, a_choice_is_ruled_out_by_what_is_sent_first) {
  const char *old =
      A("0: x() to B -> 1; y() to B -> 2; 1: p() to C -> 3; 2: q() to C -> 3; 3: end;");
  expect(A("0: p() to C -> 1; 1: x() to B -> 2; 2: end;"), old, "ok\n");
  expect(A("0: p() to C -> 1; 1: y() to B -> 2; 2: end;"), old,
         "the protocol is not accepted\n"
         "1:34 [subtype] role 'A': 'y' to 'B' is sent where it is not expected\n"
         "  1. A sends p to C (line 1)\n"
         "  2. A sends y to B (line 1)\n"
         "     expected here: to send x() to B\n");
}

Test(subtype, what_is_received_may_come_before_what_others_send) {
  const char *old = A("0: x() from B -> 1; y() from B -> 2; 1: p() from C -> 3; 2: q() from C -> 3;"
                      "3: end;");
  expect(A("0: p() from C -> 1; q() from C -> 2; 1: x() from B -> 3; 2: y() from B -> 3; 3: end;"),
         old, "ok\n");
  expect(A("0: p() from C -> 1; 1: x() from B -> 3; 3: end;"), old,
         "the protocol is not accepted\n"
         "1:13 [subtype] role 'A': 'q' from 'C' may come and is not received\n"
         "     expected here: to receive x() from B or y() from B\n");
  /* Both at one moment, as they come. */
  expect(
      A("0: p() from C -> 1; q() from C -> 2; x() from B -> 4; y() from B -> 5; 1: x() from B -> "
        "3; 2: y() from B -> 3; 3: end; 4: p() from C -> 3; 5: q() from C -> 3;"),
      old, "ok\n");
  /* A message that comes behind one that is sent must not be taken before. */
  expect(A("0: x() from B -> 1; r() from C -> 3; 1: s() to C -> 2; 2: r() from C -> 3; 3: end;"),
         A("0: x() from B -> 1; 1: s() to C -> 2; 2: r() from C -> 3; 3: end;"),
         "the protocol is not accepted\n"
         "1:33 [subtype] role 'A': 'r' from 'C' may be received before a message is sent that "
         "comes "
         "first\n"
         "  1. A receives r from C (line 1)\n"
         "     expected here: to receive x() from B\n");
}

/* A control station sends all its commands before it reads any measurement; a
 * probe that is read first. Under fair choice one could do for the other; with
 * endless runs it is not so, and no finite tree says what is left. */
Test(subtype, ahead_of_a_loop_cannot_be_told) {
  expect(A("0: tell() to B -> 0; done() to B -> 1; 1: seen() from B -> 1; over() from B -> 2; 2: "
           "end;"),
         A("0: seen() from B -> 0; over() from B -> 1; 1: tell() to B -> 1; done() to B -> 2; 2: "
           "end;"),
         "a limit of the engine is reached\n"
         "1:13 [limit] role 'A': it cannot be told: a message is sent ahead of more than can be "
         "followed\n");
}

/* More and more is put off: batches of two answers for each question. */
Test(subtype, ever_more_ahead_cannot_be_told) {
  char *found = compare(A("0: r() to B -> 1; 1: r() to B -> 2; 2: q() from B -> 0;"),
                        A("0: q() from B -> 1; 1: r() to B -> 0;"));
  cr_expect_eq(strncmp(found, "a limit of the engine is reached\n1:", 35), 0, "%s", found);
  free(found);
}

/* A loop of each, with as many pairs as the product of their lengths. */
static char *loop_of(uint32_t length) {
  test_text_t text = {0};
  test_text_add(&text, "machine A {");
  for (uint32_t i = 0; i < length; i++)
    test_text_add(&text, "%u: a() to B -> %u;", i, (i + 1) % length);
  test_text_add(&text, "} role B;");
  return text.at;
}

Test(subtype, too_many_pairs_cannot_be_told) {
  char *few = loop_of(313), *more = loop_of(317), *many = loop_of(331);
  expect(few, more, "ok\n");
  char *found = compare(more, many);
  static const char begin[] =
      "a limit of the engine is reached\n"
      "1:12 [limit] role 'A': it cannot be told: there are too many pairs of states\n";
  cr_expect_str_eq(found, begin, "%s", found);
  free(found);
  free(few);
  free(more);
  free(many);
}

/* Where some role receives from several others, when a message comes may decide. */
Test(subtype, not_ahead_where_a_role_hears_several) {
  static const char others[] =
      "machine X { 0: k() to Q -> 1; m2() to A -> 4; 1: ack() from Q -> 2; 2: m1() to A -> 3; 3: "
      "end; 4: end; }\n"
      "machine Q { 0: k() from X -> 1; b() from A -> 3; 1: ack() to X -> 2; 2: b() from A -> 3; 3: "
      "end; }\n";
  test_text_t old = {0}, ahead = {0};
  test_text_add(&old,
                "machine A { 0: m1() from X -> 1; m2() from X -> 1; 1: b() to Q -> 2; 2: end; "
                "}\n%s",
                others);
  test_text_add(
      &ahead, "machine A { 0: b() to Q -> 1; 1: m1() from X -> 2; m2() from X -> 2; 2: end; }\n%s",
      others);
  expect(ahead.at, old.at,
         "a limit of the engine is reached\n"
         "1:13 [limit] role 'A': it cannot be told: a message is sent ahead in a system where "
         "a role "
         "receives from several\n");
  free(old.at);
  free(ahead.at);
}

/* ===== Versions ========================================================== */

static char *compare_versions(const char *next, const char *before) {
  maty_module_t *new_module = test_check(next), *old_module = test_check(before);
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_versions(&verdict, maty_module_image(new_module, 0),
                                     maty_module_image(old_module, 0), &config);
  char *found = test_verdict("test.scr", status, verdict);
  maty_module_free(new_module);
  maty_module_free(old_module);
  return found;
}

static void expect_versions(const char *next, const char *before, const char *verdict) {
  char *found = compare_versions(next, before);
  cr_expect_str_eq(found, verdict, "%s", found);
  free(found);
}

Test(subtype, versions_of_a_protocol) {
  static const char old[] = "protocol P(role Buyer, role Seller) {\n"
                            "  ask(string) from Buyer to Seller;\n"
                            "  choice at Seller { price(integer) from Seller to Buyer; }\n"
                            "  or { none() from Seller to Buyer; }\n"
                            "}\n";
  expect_versions(old, old, "ok\n");
  expect_versions("protocol P(role Seller, role Buyer) {\n"
                  "  ask(binary) from Buyer to Seller;\n"
                  "  choice at Seller { price(integer) from Seller to Buyer; }\n"
                  "  or { none() from Seller to Buyer; }\n"
                  "  or { later() from Seller to Buyer; }\n"
                  "}\n",
                  old,
                  "the protocol is not accepted\n"
                  "5:8 [subtype] role 'Seller': 'later' to 'Buyer' is sent where it is not "
                  "expected\n"
                  "  1. Seller receives ask from Buyer (line 2)\n"
                  "  2. Seller sends later to Buyer (line 5)\n"
                  "     expected here: to send price(integer) to Buyer or none() to Buyer\n"
                  "2:3 [subtype] role 'Buyer': 'ask' to 'Seller' has another payload: (binary) "
                  "does not fit (string)\n"
                  "  1. Buyer sends ask to Seller (line 2)\n"
                  "     expected here: to send ask(string) to Seller\n");
  expect_versions("protocol P(role Buyer, role Shop) {\n"
                  "  ask(string) from Buyer to Shop;\n"
                  "}\n",
                  old,
                  "the protocol is not accepted\n"
                  "1:29 [subtype] role 'Seller': the new version does not have it\n"
                  "1:29 [subtype] role 'Shop': the old version does not have it\n"
                  "2:3 [subtype] role 'Buyer': 'ask' to 'Shop' is sent where it is not expected\n"
                  "  1. Buyer sends ask to Shop (line 2)\n"
                  "     expected here: to send ask(string) to Seller\n");
}

Test(subtype, arguments) {
  maty_module_t *module = read_machines("new", A("0: end;"));
  maty_config_t config = maty_config_default();
  const maty_image_t *image = maty_module_image(module, 0);
  maty_verdict_t *verdict;
  cr_expect_eq(maty_subtype(NULL, image, 0, image, 0, &config), MATY_EINVAL);
  cr_expect_eq(maty_subtype(&verdict, NULL, 0, image, 0, &config), MATY_EINVAL);
  cr_expect_null(verdict);
  cr_expect_eq(maty_subtype(&verdict, image, 3, image, 0, &config), MATY_EINVAL);
  cr_expect_eq(maty_subtype(&verdict, image, 0, image, 3, &config), MATY_EINVAL);
  cr_expect_eq(maty_subtype(&verdict, image, 0, image, 0, NULL), MATY_EINVAL);
  cr_expect_eq(maty_versions(NULL, image, image, &config), MATY_EINVAL);
  cr_expect_eq(maty_versions(&verdict, image, NULL, &config), MATY_EINVAL);
  maty_module_free(module);
}

Test(subtype, every_allocation_fails_once) {
  maty_module_t *sub = read_machines(
      "new",
      A("0: b() to C -> 1; 1: a(1..2) to B -> 2; 2: y(any) from C -> 3; 3: x() from B -> 0;"));
  maty_module_t *super =
      read_machines("old", A("0: x() from B -> 1; 1: y({integer}) from C -> 2; 2: "
                             "a(integer | {}) to B -> 3; 3: b() to C -> 0;"));
  maty_module_t *other =
      read_machines("old", A("0: x() from B -> 1; 1: y({integer}) from C -> 2; 2: "
                             "a(:none | {}) to B -> 3; 3: b() to C -> 0;"));
  const maty_module_t *supers[] = {super, other};
  const maty_status results[] = {MATY_OK, MATY_EREJECTED};
  const maty_image_t *image = maty_module_image(sub, 0);
  for (size_t i = 0; i < 2; i++) {
    const maty_image_t *super_image = maty_module_image(supers[i], 0);
    test_memory_t memory = {.fail_at = 1};
    maty_config_t config = maty_config_default();
    config.allocator = test_allocator(&memory);
    maty_verdict_t *verdict;
    maty_status status;
    do {
      status = maty_subtype(&verdict, image, 0, super_image, 0, &config);
      maty_verdict_free(verdict);
    } while (test_failed(&memory, status, results[i]));
    cr_expect(memory.fail_at > 2);
    memory = (test_memory_t){.fail_at = 1};
    do {
      status = maty_versions(&verdict, image, super_image, &config);
      maty_verdict_free(verdict);
    } while (test_failed(&memory, status, results[i]));
  }
  maty_module_free(sub);
  maty_module_free(super);
  maty_module_free(other);
}

/* ===== Random refinements ================================================ */

enum { MAX_STATES = 64, MAX_MOVES = 8, LABEL_SIZE = 16, PAYLOAD_SIZE = 32 };

typedef struct move {
  bool sends;
  char peer;
  char label[LABEL_SIZE], payload[PAYLOAD_SIZE];
  uint32_t target;
} move_t;

typedef struct machine {
  char role;
  uint32_t state_count;
  struct {
    uint32_t move_count;
    move_t moves[MAX_MOVES];
  } states[MAX_STATES];
} machine_t;

static uint32_t random_below(uint64_t *seed, uint32_t bound) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33) % bound;
}

/* Returns false if it has no room. Roles have names of one letter. */
static bool copy_machine(const maty_image_t *image, uint32_t role, machine_t *machine) {
  maty_role_info_t info;
  cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
  memset(machine, 0, sizeof *machine);
  machine->role = info.name[0];
  machine->state_count = info.state_count;
  if (info.state_count > MAX_STATES / 2)
    return false;
  for (uint32_t i = 0; i < info.state_count; i++) {
    maty_state_info_t state;
    cr_assert_eq(maty_image_state(image, info.first_state + i, &state), MATY_OK);
    if (state.transition_count > MAX_MOVES - 1)
      return false;
    machine->states[i].move_count = state.transition_count;
    for (uint32_t j = 0; j < state.transition_count; j++) {
      move_t *move = &machine->states[i].moves[j];
      maty_transition_info_t transition;
      maty_action_info_t action;
      maty_role_info_t peer;
      const char *name;
      uint32_t type;
      cr_assert_eq(maty_image_transition(image, info.first_state + i, j, &transition), MATY_OK);
      cr_assert_eq(maty_image_action(image, role, transition.action, &action), MATY_OK);
      cr_assert_eq(maty_image_role(image, action.peer, &peer), MATY_OK);
      move->sends = action.direction == MATY_DIRECTION_SEND;
      move->peer = peer.name[0];
      move->target = transition.target - info.first_state;
      strncpy(move->label, action.label, LABEL_SIZE - 1);
      if (transition.arity == 1) {
        cr_assert_eq(maty_image_field(image, transition.first_field, &name, &type), MATY_OK);
        (void)maty_image_type_text(image, type, move->payload, PAYLOAD_SIZE);
      }
    }
  }
  return true;
}

static uint32_t add_state(machine_t *machine) {
  return machine->state_count < MAX_STATES ? machine->state_count++ : 0;
}

static bool same_message(const move_t *a, const move_t *b) {
  return a->sends == b->sends && a->peer == b->peer && strcmp(a->label, b->label) == 0 &&
         strcmp(a->payload, b->payload) == 0;
}

/* A state's message that all states behind it have comes first. */
static void advance(machine_t *machine, uint32_t state, uint64_t *seed) {
  uint32_t count = machine->states[state].move_count;
  if (count == 0 || machine->state_count == MAX_STATES)
    return;
  uint32_t behind = machine->states[state].moves[0].target;
  if (machine->states[behind].move_count == 0)
    return;
  move_t first =
      machine->states[behind].moves[random_below(seed, machine->states[behind].move_count)];
  uint32_t middle = add_state(machine);
  machine->states[middle] = machine->states[state];
  for (uint32_t i = 0; i < count; i++) {
    move_t *move = &machine->states[middle].moves[i];
    uint32_t target = move->target, found = MAX_MOVES;
    for (uint32_t j = 0; j < machine->states[target].move_count; j++)
      if (same_message(&machine->states[target].moves[j], &first))
        found = j;
    if (found == MAX_MOVES) {
      machine->state_count--;
      return;
    }
    move->target = machine->states[target].moves[found].target;
  }
  first.target = middle;
  machine->states[state].move_count = 1;
  machine->states[state].moves[0] = first;
}

static void change(machine_t *machine, uint64_t *seed) {
  uint32_t state = random_below(seed, machine->state_count);
  uint32_t count = machine->states[state].move_count;
  if (count == 0)
    return;
  move_t *moves = machine->states[state].moves;
  move_t *move = &moves[random_below(seed, count)];
  switch (random_below(seed, 9)) {
  case 0:
    if (count > 1)
      *move = moves[--machine->states[state].move_count];
    break;
  case 1:
    if (count < MAX_MOVES && !move->sends) {
      moves[count] = *move;
      strcpy(moves[count].label, random_below(seed, 2) == 0 ? "new" : "b");
      moves[count].target = random_below(seed, machine->state_count);
      machine->states[state].move_count++;
    }
    break;
  case 2:
    if (strcmp(move->payload, "integer") == 0)
      strcpy(move->payload, move->sends ? "1..5" : "number");
    else if (strcmp(move->payload, "string") == 0 && !move->sends)
      strcpy(move->payload, "any");
    break;
  case 3:
    move->target = random_below(seed, machine->state_count);
    break;
  case 4: /* what another state waits for, too */
    if (count < MAX_MOVES && !move->sends) {
      uint32_t other = random_below(seed, machine->state_count);
      if (machine->states[other].move_count > 0 && !machine->states[other].moves[0].sends) {
        moves[count] = machine->states[other].moves[0];
        machine->states[state].move_count++;
      }
    }
    break;
  default:
    advance(machine, state, seed);
  }
}

/* Only the states that can be reached: others would be errors. */
static void write_machine(const machine_t *machine, test_text_t *text) {
  uint32_t list[MAX_STATES] = {0}, count = 1;
  bool seen[MAX_STATES] = {true};
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t j = 0; j < machine->states[list[i]].move_count; j++) {
      uint32_t target = machine->states[list[i]].moves[j].target;
      if (!seen[target])
        list[count++] = target;
      seen[target] = true;
    }
  test_text_add(text, "machine %c {\n", machine->role);
  for (uint32_t i = 0; i < count; i++) {
    test_text_add(text, "  %u:%s", list[i],
                  machine->states[list[i]].move_count == 0 ? " end;" : "");
    for (uint32_t j = 0; j < machine->states[list[i]].move_count; j++) {
      const move_t *move = &machine->states[list[i]].moves[j];
      test_text_add(text, " %s(%s) %s %c -> %u;", move->label, move->payload,
                    move->sends ? "to" : "from", move->peer, move->target);
    }
    test_text_add(text, "\n");
  }
  test_text_add(text, "}\n");
}

/* The system of an image with the machine of one role, or of two, replaced. */
static char *write_system(const maty_image_t *image, const uint32_t *roles,
                          const machine_t *machines) {
  test_text_t text = {0};
  for (uint32_t i = 0; i < maty_image_role_count(image); i++) {
    if (i == roles[0] || i == roles[1]) {
      write_machine(&machines[i != roles[0]], &text);
      continue;
    }
    char *all = test_write_machines(image, i, MATY_MACHINES_PLAIN);
    const char *begin = strstr(all, "\nmachine "), *end = strstr(begin, "\n}\n");
    test_text_add(&text, "%.*s\n", (int)(end + 2 - begin), begin);
    free(all);
  }
  return text.at;
}

typedef struct tally {
  uint32_t same, yes, no, untold; /* "same": of the yeses, nothing was changed */
} tally_t;

/* Queues have room for what is sent ahead: a machine that needs more room is no
 * worse for it. */
static void check_safe(const maty_image_t *image, uint64_t seed, const char *text,
                       const char *protocol) {
  maty_explore_options_t options = {.bound = 6, .max_states = 20000, .safety_only = true};
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, image, &options, &config);
  cr_assert(status == MATY_OK || status == MATY_ELIMIT, "seed %llu: %s\n%s\nof\n%s\n%s",
            (unsigned long long)seed, maty_verdict_diagnostic(verdict, 0)->text, text, protocol,
            maty_verdict_diagnostic(verdict, 0)->run);
  maty_verdict_free(verdict);
}

/* The worse of the verdicts on both roles, which may be one. */
static maty_status compare_roles(const maty_image_t *sub, const maty_image_t *super,
                                 const uint32_t *roles) {
  maty_status worst = MATY_OK;
  maty_config_t config = maty_config_default();
  for (size_t i = 0; i < 2; i++) {
    maty_verdict_t *verdict;
    maty_status status = maty_subtype(&verdict, sub, roles[i], super, roles[i], &config);
    cr_assert(status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT);
    cr_assert_eq(maty_verdict_diagnostic_count(verdict), status == MATY_OK ? 0 : 1);
    worst = worst == MATY_EREJECTED || status == MATY_OK ? worst : status;
    maty_verdict_free(verdict);
  }
  return worst;
}

static void refine(const maty_image_t *image, uint64_t seed, const char *protocol, tally_t *tally) {
  static machine_t machines[2];
  uint64_t random = seed * 0x9e3779b97f4a7c15u;
  uint32_t roles[2] = {random_below(&random, maty_image_role_count(image))};
  maty_config_t config = maty_config_default();
  roles[1] = random_below(&random, 2) == 0 ? roles[0]
                                           : random_below(&random, maty_image_role_count(image));
  for (size_t i = 0; i < 2; i++)
    if (!copy_machine(image, roles[i], &machines[i]))
      return;
  char *before = write_system(image, roles, machines);
  for (size_t i = 0; i < 2; i++)
    for (uint32_t left = 1 + random_below(&random, 3); left > 0; left--)
      change(&machines[i], &random);
  char *text = write_system(image, roles, machines);
  maty_module_t *module;
  maty_status status =
      maty_machines_read(&module, "new", text, strlen(text), MATY_MACHINES_PLAIN, &config);
  if (status == MATY_OK) {
    status = compare_roles(maty_module_image(module, 0), image, roles);
    tally->yes += status == MATY_OK;
    tally->same += status == MATY_OK && strcmp(before, text) == 0;
    tally->no += status == MATY_EREJECTED;
    tally->untold += status == MATY_ELIMIT;
    if (status == MATY_OK)
      check_safe(maty_module_image(module, 0), seed, text, protocol);
  }
  maty_module_free(module);
  free(before);
  free(text);
}

Test(subtype, random_refinements_are_safe, .timeout = 300) {
  enum { PROTOCOLS = 6000, REFINEMENTS = 8 };
  const char *given = getenv("MATY_TEST_SEED");
  uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
  tally_t tally = {0};
  cr_log_info("seeds %llu and on", (unsigned long long)first);
  for (uint64_t seed = first; seed < first + PROTOCOLS; seed++) {
    char *protocol = test_random_protocol(seed);
    maty_module_t *module = test_check(protocol);
    const maty_image_t *image = maty_module_image(module, 0);
    for (uint32_t i = 0; image != NULL && i < REFINEMENTS; i++)
      refine(image, seed * REFINEMENTS + i, protocol, &tally);
    maty_module_free(module);
    free(protocol);
  }
  cr_log_info("%u yes, %u of them changed in nothing, %u no, %u cannot be told", tally.yes,
              tally.same, tally.no, tally.untold);
  cr_expect(tally.yes - tally.same > PROTOCOLS / 10 && tally.no > PROTOCOLS / 10,
            "the changes tell too little: %u yes, %u no", tally.yes - tally.same, tally.no);
}
