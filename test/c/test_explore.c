/* test_explore.c - what exploring machines finds, and how it shows it. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "support.h"

static void expect_with(const char *machines, maty_explore_options_t options,
                        const char *expected) {
  maty_module_t *module = test_read_machines(machines);
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, maty_module_image(module, 0), &options, &config);
  char *found = test_verdict("test.machines", status, verdict);
  cr_expect_str_eq(found, expected, "of\n%s\nexpected\n%s\nfound\n%s", machines, expected, found);
  free(found);
  maty_module_free(module);
}

static void expect(const char *machines, const char *expected) {
  expect_with(machines, (maty_explore_options_t){0}, expected);
}

/* ===== What is wrong with one configuration ============================== */

Test(explore, reception) {
  expect("machine A {\n"
         "  0: go() to B -> 1;\n"
         "     stop() to B -> 1;\n"
         "  1: end;\n"
         "}\n"
         "machine B {\n"
         "  0: go() from A -> 1;\n"
         "  1: end;\n"
         "}\n",
         "the protocol is not accepted\n"
         "7:3 [reception] 'stop' from 'A' may come here, and 'B' can first take only 'go'\n"
         "  1. A sends stop to B (line 3)\n");
}

/* It is seen before B comes to where it would have to take the message. */
Test(explore, reception_later) {
  expect("machine A { 0: two() to B -> 1; 1: one() to B -> 2; 2: end; }\n"
         "machine B { 0: x() to A -> 1; 1: one() from A -> 2; 2: two() from A -> 3; 3: end; }\n",
         "the protocol is not accepted\n"
         "2:13 [reception] 'two' from 'A' may come here, and 'B' can first take only 'one'\n"
         "  1. A sends two to B (line 1)\n"
         "1:13 [orphan] 'x' from 'B' may come here, and 'A' ends without taking it\n"
         "  1. B sends x to A (line 2)\n");
}

/* A message of another sender may come first. */
Test(explore, no_reception_error_of_several_senders) {
  expect("machine A { 0: go() to B -> 1; 1: a() to C -> 2; 2: end; }\n"
         "machine B { 0: go() from A -> 1; 1: b() to C -> 2; 2: end; }\n"
         "machine C {\n"
         "  0: b() from B -> 1; x() from A -> 1;\n"
         "  1: a() from A -> 2;\n"
         "  2: end;\n"
         "}\n",
         "ok\n");
}

Test(explore, reception_misled_by_all_senders) {
  expect("machine A { 0: a() to C -> 1; 1: end; }\n"
         "machine B { 0: b() to C -> 1; 1: end; }\n"
         "machine C {\n"
         "  0: x() from A -> 1; y() from B -> 2;\n"
         "  1: b() from B -> 3;\n"
         "  2: a() from A -> 3;\n"
         "  3: end;\n"
         "}\n",
         "the protocol is not accepted\n"
         "4:3 [reception] 'C' waits here for one of several roles, and from each of them another "
         "message may come first\n"
         "  1. A sends a to C (line 1)\n"
         "  2. B sends b to C (line 2)\n");
}

Test(explore, orphan) {
  expect("machine A { 0: m() to B -> 1; 1: n() to B -> 2; 2: end; }\n"
         "machine B { 0: m() from A -> 1; 1: end; }\n",
         "the protocol is not accepted\n"
         "2:33 [orphan] 'n' from 'A' may come here, and 'B' has ended\n"
         "  1. A sends m to B (line 1)\n"
         "  2. B receives m from A (line 2)\n"
         "  3. A sends n to B (line 1)\n");
}

Test(explore, orphan_before_the_end) {
  expect("machine A { 0: m() to B -> 1; 1: m() to B -> 2; 2: k() from B -> 3; 3: end; }\n"
         "machine B { 0: m() from A -> 1; 1: k() to A -> 2; 2: end; }\n",
         "the protocol is not accepted\n"
         "2:33 [orphan] 'm' from 'A' may come here, and 'B' ends without taking it\n"
         "  1. A sends m to B (line 1)\n"
         "  2. B receives m from A (line 2)\n"
         "  3. A sends m to B (line 1)\n");
}

Test(explore, deadlock) {
  expect("machine A { 0: go() to B -> 1; 1: x() from C -> 2; 2: end; }\n"
         "machine B { 0: go() from A -> 1; 1: y() from A -> 2; 2: z() to C -> 3; 3: end; }\n"
         "machine C { 0: z() from B -> 1; 1: x() to A -> 2; 2: end; }\n"
         "machine D { 0: w() from B -> 1; 1: end; }\n",
         "the protocol is not accepted\n"
         "3:13 [deadlock] 'C' waits for 'B', 'B' waits for 'A', 'A' waits for 'C': none can go on\n"
         "  1. A sends go to B (line 1)\n"
         "  2. B receives go from A (line 2)\n");
}

Test(explore, deadlock_of_full_queues) {
  static const char machines[] =
      "machine A { 0: a() to B -> 1; 1: a() to B -> 2; 2: b() from B -> 3; 3: b() from B -> 4; "
      "4: end; }\n"
      "machine B { 0: b() to A -> 1; 1: b() to A -> 2; 2: a() from A -> 3; 3: a() from A -> 4; "
      "4: end; }\n";
  expect(machines, "the protocol is not accepted\n"
                   "1:31 [deadlock] 'A' cannot send more to 'B', 'B' cannot send more to 'A': none "
                   "can go on with queues of 1\n"
                   "  1. A sends a to B (line 1)\n"
                   "  2. B sends b to A (line 2)\n");
  expect_with(machines, (maty_explore_options_t){.bound = 2}, "ok\n");
}

Test(explore, unfinished) {
  expect("machine A { 0: go() to B -> 1; stop() to B -> 2; 1: done() to C -> 2; 2: end; }\n"
         "machine B { 0: go() from A -> 1; stop() from A -> 1; 1: end; }\n"
         "machine C { 0: done() from A -> 1; 1: more() to D -> 2; 2: end; }\n"
         "machine D { 0: more() from C -> 1; 1: end; }\n",
         "the protocol is not accepted\n"
         "3:13 [unfinished] 'C' may wait here for ever: nobody is left to go on with\n"
         "  1. A sends stop to B (line 1)\n"
         "  2. B receives stop from A (line 2)\n"
         "     the end\n"
         "4:13 [unfinished] 'D' may wait here for ever: nobody is left to go on with\n"
         "  1. A sends stop to B (line 1)\n"
         "  2. B receives stop from A (line 2)\n"
         "     the end\n");
}

/* ===== Endless runs ====================================================== */

Test(explore, role_progress) {
  expect("machine A { 0: go() to B -> 1; stop() to B -> 2; 1: go() to B -> 1;\n"
         "  2: stop() to C -> 3; 3: end; }\n"
         "machine B { 0: go() from A -> 1; stop() from A -> 2; 1: go() from A -> 1; 2: end; }\n"
         "machine C { 0: stop() from A -> 1; 1: end; }\n",
         "the protocol is not accepted\n"
         "4:13 [role-progress] 'C' may wait here for ever while others go on\n"
         "  1. A sends go to B (line 1)\n"
         "  2. B receives go from A (line 3)\n"
         "for ever:\n"
         "  3. A sends go to B (line 1)\n"
         "  4. B receives go from A (line 3)\n");
}

Test(explore, role_progress_from_the_beginning) {
  expect("machine A { 0: m() to B -> 0; }\n"
         "machine B { 0: m() from A -> 0; }\n"
         "machine C { 0: n() from A -> 0; }\n",
         "the protocol is not accepted\n"
         "3:13 [role-progress] 'C' may wait here for ever while others go on\n"
         "for ever:\n"
         "  1. A sends m to B (line 1)\n"
         "  2. B receives m from A (line 2)\n");
}

Test(explore, eventual_reception) {
  expect("machine A { 0: m() to B -> 0; }\n"
         "machine B { 0: m() from A -> 0; n() from C -> 1; 1: m() from A -> 1; }\n"
         "machine C { 0: n() to B -> 1; 1: n() to B -> 2; 2: end; }\n",
         "the protocol is not accepted\n"
         "2:50 [eventual-reception] 'n' from 'C' may come here, and 'B' goes on for ever without "
         "taking it\n"
         "  1. C sends n to B (line 3)\n"
         "  2. B receives n from C (line 2)\n"
         "  3. C sends n to B (line 3)\n");
}

static const char may_never_stop[] =
    "machine A { 0: go() to B -> 0; stop() to B -> 1; 1: stop() to C -> 2; 2: end; }\n"
    "machine B { 0: go() from A -> 0; stop() from A -> 1; 1: end; }\n"
    "machine C { 0: stop() from A -> 1; 1: end; }\n";

Test(explore, unfair_role_progress) {
  expect(may_never_stop, "ok\n");
  expect_with(may_never_stop, (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR},
              "the protocol is not accepted\n"
              "3:13 [role-progress] 'C' may wait here for ever while others go on, if choices are "
              "always made alike\n"
              "for ever:\n"
              "  1. A sends go to B (line 1)\n"
              "  2. B receives go from A (line 2)\n");
  expect_with(may_never_stop,
              (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR, .safety_only = true},
              "ok\n");
}

Test(explore, unfair_eventual_reception) {
  static const char machines[] =
      "machine A { 0: go() to B -> 0; stop() to B -> 1; 1: end; }\n"
      "machine B { 0: go() from A -> 0; stop() from A -> 1; 1: n() from C -> 2; 2: end; }\n"
      "machine C { 0: n() to B -> 1; 1: end; }\n";
  expect(machines, "ok\n");
  expect_with(machines, (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR},
              "the protocol is not accepted\n"
              "2:13 [eventual-reception] 'B' may go on for ever without taking 'n' from 'C', if "
              "choices are always made alike\n"
              "  1. C sends n to B (line 3)\n"
              "for ever:\n"
              "  2. A sends go to B (line 1)\n"
              "  3. B receives go from A (line 2)\n");
}

/* A chooses the same in the same state: it cannot go and halt in turns, with
 * which C and D would wait for ever. */
Test(explore, unfair_choice_has_no_memory) {
  expect_with("machine A { 0: go() to B -> 1; halt() to B -> 2; 1: c() to C -> 0;\n"
              "  2: d() to D -> 0; }\n"
              "machine B { 0: go() from A -> 0; halt() from A -> 0; }\n"
              "machine C { 0: c() from A -> 0; }\n"
              "machine D { 0: d() from A -> 0; }\n",
              (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR},
              "the protocol is not accepted\n"
              "4:13 [role-progress] 'C' may wait here for ever while others go on, if choices are "
              "always made alike\n"
              "for ever:\n"
              "  1. A sends halt to B (line 1)\n"
              "  2. B receives halt from A (line 3)\n"
              "  3. A sends d to D (line 2)\n"
              "  4. D receives d from A (line 5)\n"
              "5:13 [role-progress] 'D' may wait here for ever while others go on, if choices are "
              "always made alike\n"
              "for ever:\n"
              "  1. A sends go to B (line 1)\n"
              "  2. B receives go from A (line 3)\n"
              "  3. A sends c to C (line 1)\n"
              "  4. C receives c from A (line 4)\n");
}

/* Two states of A look like a way never to tell C, but what leads from the one
 * to the other is told. */
Test(explore, unfair_choices_that_do_not_fit_together) {
  expect_with("machine A {\n"
              "  0: a() to B -> 1; b() to B -> 2;\n"
              "  1: c() to C -> 0;\n"
              "  2: c() to C -> 0; d() to B -> 3;\n"
              "  3: c() to C -> 0;\n"
              "}\n"
              "machine B { 0: a() from A -> 0; b() from A -> 0; d() from A -> 0; }\n"
              "machine C { 0: c() from A -> 0; }\n",
              (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR}, "ok\n");
}

/* To leave C waiting, A would have to send x and y in turns from one state; and
 * it has many more choices, which make no difference. */
Test(explore, too_many_unfair_choices, .timeout = 300) {
  enum { MORE = 24 };
  test_text_t text = {0};
  test_text_add(&text, "machine A { 0: x() to B -> 1; y() to B -> 1;");
  for (uint32_t i = 1; i <= MORE; i++)
    test_text_add(&text, " %u: a() to B -> %u; b() to B -> %u;", i, (i + 1) % (MORE + 1),
                  (i + 1) % (MORE + 1));
  test_text_add(&text, " }\nmachine B {");
  for (uint32_t round = 0; round < 2; round++) {
    uint32_t first = 100 * round, other = 100 * (1 - round);
    test_text_add(&text, " %u: %c() from A -> %u; %c() from A -> %u; %u: word() to C -> %u;", first,
                  "xy"[round], first + 2, "yx"[round], first + 1, first + 1, first + 2);
    for (uint32_t i = first + 2; i < first + 2 + MORE; i++) {
      uint32_t next = i + 1 < first + 2 + MORE ? i + 1 : other;
      test_text_add(&text, " %u: a() from A -> %u; b() from A -> %u;", i, next, next);
    }
  }
  test_text_add(&text, " }\nmachine C { 0: word() from B -> 0; }\n");
  expect(text.at, "ok\n");
  expect_with(text.at, (maty_explore_options_t){.fairness = MATY_FAIRNESS_UNFAIR},
              "a limit of the engine is reached\n"
              "0:0 [limit] there are more ways to choose always alike than can be looked at; "
              "without them nothing is wrong\n");
  free(text.at);
}

/* ===== Bounds and limits ================================================= */

/* A queue of more than one word: two bits for each of 100 messages. */
Test(explore, wide_queues) {
  test_text_t text = {0};
  test_text_add(&text, "machine A {");
  for (uint32_t i = 0; i < 99; i++)
    test_text_add(&text, " %u: %c() to B -> %u;", i, "ab"[i % 2], i + 1);
  test_text_add(&text, " 99: a() from B -> 100; 100: end; }\nmachine B {");
  for (uint32_t i = 0; i < 99; i++)
    test_text_add(&text, " %u: %c() from A -> %u;", i, "ab"[i % 2], i + 1);
  test_text_add(&text, " 99: a() to A -> 100; 100: end; }\n");
  for (uint32_t bound = 1; bound <= 128; bound = bound * 2 + 1)
    expect_with(text.at, (maty_explore_options_t){.bound = bound, .whole = true}, "ok\n");
  free(text.at);
}

Test(explore, facts) {
  maty_module_t *module = test_read_machines("machine A { 0: m() to B -> 1; 1: end; }\n"
                                             "machine B { 0: m() from A -> 1; 1: end; }\n"
                                             "machine C { 0: m() to D -> 1; 1: end; }\n"
                                             "machine D { 0: m() from C -> 1; 1: end; }\n");
  maty_config_t config = maty_config_default();
  for (int i = 0; i < 4; i++) {
    bool whole = i % 2 == 1;
    maty_explore_options_t options = {
        .bound = 3, .whole = whole, .fairness = i < 2 ? MATY_FAIRNESS_FAIR : MATY_FAIRNESS_UNFAIR};
    maty_verdict_facts_t facts;
    maty_verdict_t *verdict;
    cr_assert_eq(maty_explore(&verdict, maty_module_image(module, 0), &options, &config), MATY_OK);
    maty_verdict_facts(verdict, &facts);
    cr_expect_eq(facts.bound, 3);
    cr_expect_eq(facts.states, whole ? 9 : 5);
    cr_expect_eq(facts.transitions, whole ? 12 : 4);
    cr_expect_gt(facts.bytes, 0);
    maty_verdict_free(verdict);
  }
  maty_module_free(module);
}

Test(explore, too_many_configurations) {
  expect_with(
      "machine A { 0: m() to B -> 1; 1: end; }\nmachine B { 0: m() from A -> 1; 1: end; }\n",
      (maty_explore_options_t){.max_states = 2},
      "a limit of the engine is reached\n"
      "0:0 [limit] nothing is wrong in 2 configurations with queues of 1, and there are more than "
      "can be looked at\n");
}

/* What was found before counts. */
Test(explore, too_many_configurations_and_an_error) {
  expect_with("machine A { 0: m() to B -> 1; 1: m() to C -> 2; 2: end; }\n"
              "machine B { 0: n() from A -> 1; 1: end; }\n"
              "machine C { 0: m() from A -> 1; 1: end; }\n",
              (maty_explore_options_t){.max_states = 2},
              "the protocol is not accepted\n"
              "2:13 [reception] 'm' from 'A' may come here, and 'B' can first take only 'n'\n"
              "  1. A sends m to B (line 1)\n");
}

Test(explore, too_large_configurations) {
  expect_with("machine A { 0: m() to B -> 0; }\nmachine B { 0: m() from A -> 0; }\n",
              (maty_explore_options_t){.bound = 8 * MATY_MAX_CONFIGURATION + 1},
              "a limit of the engine is reached\n"
              "0:0 [limit] with queues of 262145 a configuration takes more than 32768 bytes\n");
  expect_with(
      "machine A { 0: m() to B -> 0; }\nmachine B { 0: m() from A -> 0; }\n",
      (maty_explore_options_t){.bound = UINT32_MAX},
      "a limit of the engine is reached\n"
      "0:0 [limit] with queues of 4294967295 a configuration takes more than 32768 bytes\n");
}

Test(explore, arguments) {
  maty_config_t config = maty_config_default(), empty = {0};
  maty_module_t *module = test_read_machines("machine A { 0: end; }\nmachine B { 0: end; }\n");
  const maty_image_t *image = maty_module_image(module, 0);
  maty_verdict_t *verdict;
  cr_expect_eq(maty_explore(NULL, image, NULL, &config), MATY_EINVAL);
  cr_expect_eq(maty_explore(&verdict, NULL, NULL, &config), MATY_EINVAL);
  cr_expect_null(verdict);
  cr_expect_eq(maty_explore(&verdict, image, NULL, NULL), MATY_EINVAL);
  cr_expect_eq(maty_explore(&verdict, image, NULL, &empty), MATY_EINVAL);
  cr_expect_eq(maty_explore(&verdict, image, NULL, &config), MATY_OK);
  maty_verdict_free(verdict);
  maty_verdict_free(NULL);
  const maty_explore_options_t options = {.fairness = (maty_fairness)3};
  cr_expect_eq(maty_explore(&verdict, maty_module_image(module, 0), &options, &config),
               MATY_EINVAL);
  maty_module_free(module);
}

/* ===== Without memory, and stopped ======================================= */

/* Finds something of each kind: endless runs, which are none where choice is fair; a dead
 * letter, where nobody moves. */
static const char *const all_kinds[] = {
    may_never_stop,
    "machine A { 0: a() to B -> 1; b() to B -> 2; c() to B -> 0; 1: m() to C -> 3;\n"
    "  2: n() to C -> 2; 3: end; }\n"
    "machine B { 0: a() from A -> 1; b() from A -> 1; c() from A -> 0; 1: x() from C -> 2; 2: end; "
    "}\n"
    "machine C { 0: n() from A -> 0; o() from A -> 1; 1: x() to B -> 2; 2: end; }\n"
    "machine D { 0: p() from B -> 1; 1: end; }\n",
};

static maty_status explore_with(const maty_image_t *image, maty_config_t config) {
  maty_explore_options_t options = {.fairness = MATY_FAIRNESS_UNFAIR, .bound = 2};
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, image, &options, &config);
  cr_expect_eq(verdict != NULL, status == MATY_OK || status == MATY_EREJECTED);
  maty_verdict_free(verdict);
  if (verdict == NULL)
    return status;
  options = (maty_explore_options_t){.bound = 1};
  status = maty_explore(&verdict, image, &options, &config);
  cr_expect_eq(verdict != NULL, status == MATY_OK || status == MATY_EREJECTED);
  maty_verdict_free(verdict);
  return status;
}

Test(explore, every_allocation_fails) {
  for (size_t i = 0; i < 2 * sizeof all_kinds / sizeof *all_kinds; i++) {
    maty_module_t *module = test_read_machines(all_kinds[i / 2]);
    test_memory_t memory = {.fail_at = 1, .for_good = i % 2 == 1};
    maty_config_t config = maty_config_default();
    config.allocator = test_allocator(&memory);
    maty_status status;
    do
      status = explore_with(maty_module_image(module, 0), config);
    while (test_failed(&memory, status, i < 2 ? MATY_OK : MATY_EREJECTED));
    maty_module_free(module);
  }
}

Test(explore, can_be_stopped) {
  test_text_t text = {0};
  for (uint32_t i = 0; i < 8; i++)
    test_text_add(&text,
                  "machine A%u { 0: m() to B%u -> 1; 1: a() from B%u -> 0; }\n"
                  "machine B%u { 0: m() from A%u -> 1; 1: a() to A%u -> 0; }\n",
                  i, i, i, i, i, i);
  maty_module_t *module = test_read_machines(text.at);
  free(text.at);
  for (uint64_t stop_after = 0; stop_after < 4; stop_after++) {
    test_memory_t memory = {0};
    test_watch_t seen = {.stop_after = stop_after};
    maty_config_t config = maty_config_default();
    maty_explore_options_t options = {.whole = true};
    maty_verdict_t *verdict;
    config.allocator = test_allocator(&memory);
    config.progress = test_watch;
    config.progress_context = &seen;
    maty_status status = maty_explore(&verdict, maty_module_image(module, 0), &options, &config);
    cr_expect_eq(status, stop_after == 0 ? MATY_OK : MATY_ECANCELED);
    cr_expect(stop_after == 0 ? seen.calls > 4 : seen.calls == stop_after);
    maty_verdict_free(verdict);
    cr_expect_eq(memory.blocks, 0);
  }
  maty_module_free(module);
}
