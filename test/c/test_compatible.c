/* test_compatible.c - machines that are safe with queues of any size. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "support.h"

static void expect(const char *machines, uint32_t most, uint32_t bound, const char *expected) {
  maty_module_t *module = test_read_machines(machines);
  maty_config_t config = maty_config_default();
  maty_verdict_facts_t facts;
  maty_verdict_t *verdict;
  maty_status status = maty_compatible(&verdict, maty_module_image(module, 0), most, NULL, &config);
  cr_assert_not_null(verdict);
  maty_verdict_facts(verdict, &facts);
  cr_expect_eq(facts.bound, bound, "queues of %u, not %u, for\n%s", facts.bound, bound, machines);
  char *found = test_verdict("test.machines", status, verdict);
  cr_expect_str_eq(found, expected, "of\n%s\nexpected\n%s\nfound\n%s", machines, expected, found);
  free(found);
  maty_module_free(module);
}

/* A sends as much as it likes before B takes it, and nothing depends on that. */
Test(compatible, a_stream) {
  expect("machine A { 0: more() to B -> 0; last() to B -> 1; 1: end; }\n"
         "machine B { 0: more() from A -> 0; last() from A -> 1; 1: end; }\n",
         4, 1, "ok\n");
}

static const char both_send_first[] =
    "machine A { 0: a() to B -> 1; 1: a() to B -> 2; 2: b() from B -> 3; 3: b() from B -> 4; "
    "4: end; }\n"
    "machine B { 0: b() to A -> 1; 1: b() to A -> 2; 2: a() from A -> 3; 3: a() from A -> 4; "
    "4: end; }\n";

Test(compatible, the_least_bound) {
  expect(both_send_first, 4, 2, "ok\n");
  expect(both_send_first, 1, 1,
         "a limit of the engine is reached\n"
         "1:31 [limit] it cannot be told: what 'A' sends to 'B' may need a queue of more than 1\n"
         "  1. A sends a to B (line 1)\n");
}

/* Each may be ahead of the other by any number of messages. */
Test(compatible, no_bound_will_do) {
  expect("machine A { 0: a() to B -> 0; stop() to B -> 1; 1: b() from B -> 1; stop() from B -> 2; "
         "2: end; }\n"
         "machine B { 0: b() to A -> 0; stop() to A -> 1; 1: a() from A -> 1; stop() from A -> 2; "
         "2: end; }\n",
         3, 3,
         "a limit of the engine is reached\n"
         "1:13 [limit] it cannot be told: what 'A' sends to 'B' may need a queue of more than 3\n"
         "  1. A sends a to B (line 1)\n"
         "  2. A sends a to B (line 1)\n"
         "  3. A sends a to B (line 1)\n"
         "  4. B sends b to A (line 2)\n"
         "  5. B sends b to A (line 2)\n"
         "  6. B sends b to A (line 2)\n");
}

Test(compatible, not_safe) {
  expect("machine A { 0: a() to B -> 1; 1: end; }\n"
         "machine B { 0: b() from A -> 1; 1: end; }\n",
         4, 1,
         "the protocol is not accepted\n"
         "2:13 [reception] 'a' from 'A' may come here, and 'B' can first take only 'b'\n"
         "  1. A sends a to B (line 1)\n");
}

/* With queues of one the second message cannot be sent before B has read. */
Test(compatible, not_safe_with_more) {
  expect("machine A { 0: a() to B -> 1; 1: x() to B -> 2; 2: b() from B -> 3; 3: end; }\n"
         "machine B { 0: b() to A -> 1; 1: a() from A -> 2; 2: y() from A -> 3; 3: end; }\n",
         4, 1,
         "the protocol is not accepted\n"
         "2:51 [reception] 'x' from 'A' may come here, and 'B' can first take only 'y'\n"
         "  1. A sends a to B (line 1)\n"
         "  2. B sends b to A (line 2)\n"
         "  3. B receives a from A (line 2)\n"
         "  4. A sends x to B (line 1)\n");
}

Test(compatible, a_race) {
  expect("machine A { 0: a() to C -> 1; 1: end; }\n"
         "machine B { 0: b() to C -> 1; 1: end; }\n"
         "machine C { 0: a() from A -> 1; b() from B -> 2; 1: b() from B -> 3;\n"
         "  2: a() from A -> 3; 3: end; }\n",
         4, 1,
         "a limit of the engine is reached\n"
         "3:13 [limit] it cannot be told: 'C' may take a message of 'A' here, or one of another "
         "role, whichever comes first\n"
         "  1. B sends b to C (line 2)\n");
}

/* B sends only once C has taken the message of A. */
Test(compatible, several_senders_in_turn) {
  expect("machine A { 0: a() to C -> 1; x() to B -> 1; 1: end; }\n"
         "machine B { 0: x() from A -> 1; y() from C -> 2; 1: b() to C -> 2; 2: end; }\n"
         "machine C { 0: a() from A -> 1; b() from B -> 2; 1: y() to B -> 2; 2: end; }\n",
         4, 1, "ok\n");
}

/* One of two sends of a state may have to wait when the other need not. */
Test(compatible, output_bound) {
  expect("machine A { 0: b() to B -> 1; 1: b() to B -> 2; c() to C -> 3; 2: c() to C -> 4;\n"
         "  3: b() to B -> 4; 4: end; }\n"
         "machine B { 0: b() from A -> 1; 1: b() from A -> 2; 2: end; }\n"
         "machine C { 0: c() from A -> 1; 1: end; }\n",
         4, 2, "ok\n");
}

Test(compatible, arguments) {
  maty_config_t config = maty_config_default();
  maty_module_t *module = test_read_machines("machine A { 0: end; }\nmachine B { 0: end; }\n");
  const maty_image_t *image = maty_module_image(module, 0);
  maty_verdict_t *verdict;
  cr_expect_eq(maty_compatible(NULL, image, 1, NULL, &config), MATY_EINVAL);
  cr_expect_eq(maty_compatible(&verdict, NULL, 1, NULL, &config), MATY_EINVAL);
  cr_expect_null(verdict);
  cr_expect_eq(maty_compatible(&verdict, image, 0, NULL, &config), MATY_EINVAL);
  cr_expect_eq(maty_compatible(&verdict, image, 1, NULL, NULL), MATY_EINVAL);
  maty_module_free(module);
}

Test(compatible, every_allocation_fails) {
  maty_module_t *module = test_read_machines(both_send_first);
  test_memory_t memory = {.fail_at = 1};
  maty_config_t config = maty_config_default();
  config.allocator = test_allocator(&memory);
  maty_status status;
  do {
    maty_verdict_t *verdict;
    status = maty_compatible(&verdict, maty_module_image(module, 0), 2, NULL, &config);
    maty_verdict_free(verdict);
  } while (test_failed(&memory, status, MATY_OK));
  maty_module_free(module);
}
