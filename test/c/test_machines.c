/* test_machines.c - sets of machines as text, in both notations. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static maty_module_t *read_text(const char *text, maty_machine_format format) {
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  maty_status status =
      maty_machines_read(&module, "test.machines", text, strlen(text), format, &config);
  cr_assert(status == MATY_OK || status == MATY_EREJECTED, "status %s", maty_status_text(status));
  cr_assert_eq(status == MATY_OK, maty_module_diagnostic_count(module) == 0);
  cr_assert_eq(status == MATY_OK, maty_module_image(module, 0) != NULL);
  return module;
}

static void expect_errors(const char *text, maty_machine_format format, const char *diagnostics) {
  maty_module_t *module = read_text(text, format);
  char *found = test_module_diagnostics(module);
  cr_expect_str_eq(found, diagnostics, "of\n%s\nexpected\n%s\nfound\n%s", text, diagnostics, found);
  free(found);
  maty_module_free(module);
}

/* Reads a text in one notation and writes it in another. */
static void expect_written(const char *text, maty_machine_format from, maty_machine_format to,
                           const char *written) {
  maty_module_t *module = read_text(text, from);
  char *errors = test_module_diagnostics(module);
  cr_assert_str_empty(errors, "of\n%s\n%s", text, errors);
  char *found = test_write_machines(maty_module_image(module, 0), MATY_ALL_ROLES, to);
  cr_expect_str_eq(found, written, "of\n%s\nexpected\n%s\nfound\n%s", text, written, found);
  free(found);
  free(errors);
  maty_module_free(module);
}

#define PLAIN MATY_MACHINES_PLAIN
#define CFSM MATY_MACHINES_CFSM

/* ===== The plain notation ================================================ */

static const char shop[] = "// Buying things.\n"
                           "machines Shop;\n"
                           "type order = {integer, string};\n"
                           "machine Customer {\n"
                           "  start: order(order) to Seller -> waits;\n"
                           "         bye to Seller -> over;\n"
                           "  waits: price(amount: number) from Seller -> start;\n"
                           "         () from Seller -> start;\n"
                           "  over:  end;\n"
                           "}\n"
                           "machine Seller {\n"
                           "  0: bye() from Customer -> 2;\n"
                           "     order({integer, string}) from Customer -> 1; /* and */\n"
                           "  1: price(amount: 1..99 | -1) to Customer -> 0;\n"
                           "     () to Customer -> 0;\n"
                           "  2: end;\n"
                           "}\n"
                           "role Witness;\n";

static const char shop_written[] = "machines Shop;\n"
                                   "\n"
                                   "machine Customer {\n"
                                   "  0: bye() to Seller -> 2;\n"
                                   "     order({integer, string}) to Seller -> 1;\n"
                                   "  1: () from Seller -> 0;\n"
                                   "     price(amount: number) from Seller -> 0;\n"
                                   "  2: end;\n"
                                   "}\n"
                                   "\n"
                                   "machine Seller {\n"
                                   "  0: bye() from Customer -> 2;\n"
                                   "     order({integer, string}) from Customer -> 1;\n"
                                   "  1: () to Customer -> 0;\n"
                                   "     price(amount: 1..99 | -1) to Customer -> 0;\n"
                                   "  2: end;\n"
                                   "}\n"
                                   "\n"
                                   "machine Witness {\n"
                                   "  0: end;\n"
                                   "}\n";

Test(machines, plain) { expect_written(shop, PLAIN, PLAIN, shop_written); }

Test(machines, places_are_kept) {
  maty_module_t *module = read_text(shop, PLAIN);
  const maty_image_t *image = maty_module_image(module, 0);
  maty_role_info_t role;
  maty_state_info_t state;
  maty_transition_info_t transition;
  cr_expect_str_eq(maty_module_protocol_name(module, 0), "Shop");
  cr_expect_str_eq(maty_image_protocol(image), "Shop");
  cr_expect_str_eq(maty_image_source(image), "test.machines");
  cr_assert_eq(maty_image_role(image, 1, &role), MATY_OK);
  cr_expect_eq(role.line, 11);
  cr_expect_eq(role.column, 9);
  cr_assert_eq(maty_image_state(image, role.initial, &state), MATY_OK);
  cr_expect_eq(state.line, 12);
  cr_expect_eq(state.column, 3);
  cr_assert_eq(maty_image_transition(image, role.initial, 0, &transition), MATY_OK);
  cr_expect_eq(transition.line, 13);
  cr_expect_eq(transition.column, 6);
  cr_assert_eq(maty_image_role(image, 2, &role), MATY_OK);
  cr_expect_eq(role.line, 18);
  maty_module_free(module);
}

Test(machines, one_role) {
  maty_module_t *module = read_text(shop, PLAIN);
  char *written = test_write_machines(maty_module_image(module, 0), 1, PLAIN);
  static const char seller[] = "machines Shop;\n"
                               "\n"
                               "role Customer;\n"
                               "\n"
                               "machine Seller {\n"
                               "  0: bye() from Customer -> 2;\n"
                               "     order({integer, string}) from Customer -> 1;\n"
                               "  1: () to Customer -> 0;\n"
                               "     price(amount: 1..99 | -1) to Customer -> 0;\n"
                               "  2: end;\n"
                               "}\n"
                               "\n"
                               "role Witness;\n";
  cr_expect_str_eq(written, seller, "%s", written);
  maty_module_t *again = read_text(written, PLAIN);
  char *rewritten = test_write_machines(maty_module_image(again, 0), 1, PLAIN);
  cr_expect_str_eq(rewritten, seller, "%s", rewritten);
  free(written);
  free(rewritten);
  written = test_write_machines(maty_module_image(module, 0), 1, CFSM);
  cr_expect_str_eq(written,
                   "-- one machine of a set, which names the others\n"
                   ".outputs Seller\n.state graph\n"
                   "0 Customer ? bye 1\n0 Customer ? order 2\n"
                   "2 Customer ! () 0\n2 Customer ! price 0\n.marking 0\n.end\n\n",
                   "%s", written);
  free(written);
  maty_module_free(module);
  maty_module_free(again);
}

Test(machines, syntax) {
  expect_errors("", PLAIN, "1:1+0 error [syntax] expected a machine, found the end of the text\n");
  expect_errors("machines ;machine A { 0: end; }", PLAIN,
                "1:10+1 error [syntax] expected a name after 'machines', found ';'\n");
  expect_errors("protocol P(role A) { }", PLAIN,
                "1:1+8 error [syntax] expected 'machine', 'role' or 'type', found 'protocol'\n");
  expect_errors("machine A { }", PLAIN,
                "1:13+1 error [syntax] expected a state's name and ':', found '}'\n");
  expect_errors("machine A { 0: }", PLAIN,
                "1:16+1 error [syntax] expected a message, a state or '}', found '}'\n");
  expect_errors("machine A { 0: end; m() to B -> 0; } role B;", PLAIN,
                "1:21+1 error [syntax] expected a state or '}' after 'end', found 'm'\n");
  expect_errors("machine A { 0: end;\nmachine B { 0: end; }", PLAIN,
                "2:1+7 error [syntax] expected a state or '}' after 'end', found 'machine'\n"
                "2:1+7 error [syntax] expected a message, a state or '}', found 'machine'\n");
  expect_errors("role A machine B { 0: m(integer, {atom) to A -> 0;\n n(intger) to A -> 0;\n"
                " o() at A -> 0; p() to A > 0; q() from A -> ; }",
                PLAIN,
                "1:7+0 error [syntax] expected ';' after the role\n"
                "1:39+1 error [syntax] expected ',' or '}' in the tuple, found ')'\n"
                "2:4+6 error [unbound-type] there is no type 'intger'; did you mean 'integer'?\n"
                "3:6+2 error [syntax] expected 'to' or 'from' after the message, found 'at'\n"
                "3:26+1 error [syntax] expected '->' and a state after the role, found '>'\n"
                "3:45+1 error [syntax] expected the state that follows, found ';'\n");
}

Test(machines, meaning) {
  expect_errors("machine A { 0: end; } role A;", PLAIN,
                "1:28+1 error [dup-role] the role 'A' stands twice\n"
                "1:9+1 note [dup-role] it stands here first\n");
  expect_errors("machine A { 0: m() to B -> 0; 0: end; } role B;", PLAIN,
                "1:31+1 error [dup-label] the state '0' stands twice\n"
                "1:13+1 note [dup-label] it stands here first\n");
  expect_errors("machine Alice { 0: m() to Bbo -> 0; n() from Xyz -> 0; } role Bob;", PLAIN,
                "1:27+3 error [unbound-role] there is no role 'Bbo'; did you mean 'Bob'?\n"
                "1:46+3 error [unbound-role] there is no role 'Xyz'\n");
  expect_errors("machine A { 0: m() to B -> 1; } role B;", PLAIN,
                "1:28+1 error [unbound-recvar] the machine of 'A' has no state '1'\n");
  expect_errors("machine A { 0: m() to B -> 0; 1: end; } role B;", PLAIN,
                "1:31+1 error [unreachable] the state '1' cannot be reached\n");
  expect_errors("machine A { 0: m() to A -> 0; }", PLAIN,
                "1:16+8 error [self-message] the role 'A' sends a message to itself\n");
  expect_errors("machine A { x: m() to B -> x; n() from B -> x; } role B;", PLAIN,
                "1:31+10 error [mixed-choice] the state 'x' both sends and receives\n"
                "1:16+8 note [mixed-choice] here it sends\n");
  expect_errors("machine A { x: m() from B -> x; m() from B -> y; y: end; } role B;", PLAIN,
                "1:33+10 error [dup-label] the message 'm' stands twice in one state\n"
                "1:16+10 note [dup-label] it stands here first\n");
  expect_errors("machine A { x: m() from B -> x; m(pid) from B -> x; } role B;", PLAIN,
                "1:33+13 error [nondet-payload] the message 'm' stands twice in one state, with "
                "different payloads\n"
                "1:16+10 note [nondet-payload] it stands here first\n");
}

Test(machines, payloads_fit_somewhere) {
  static const char receiver[] =
      "machine B { 0: m(number) from A -> 1; 1: m(string) from A -> 0; }\n";
  test_text_t text = {0};
  test_text_add(&text, "%smachine A { 0: m(1) to B -> 0; }", receiver);
  expect_errors(text.at, PLAIN, "");
  text.length = 0;
  test_text_add(&text, "%smachine A { 0: m(atom) to B -> 1; 1: m() to B -> 0; }", receiver);
  expect_errors(text.at, PLAIN,
                "2:16+12 error [nondet-payload] the payload of 'm' does not fit what 'B' "
                "receives\n"
                "1:16+16 note [nondet-payload] it is received here\n"
                "2:38+8 error [arity] the payload of 'm' has not as many fields as 'B' receives\n"
                "1:16+16 note [arity] it is received here\n");
  text.length = 0;
  /* Whether it is received at all is not asked. */
  test_text_add(&text, "%smachine A { 0: n(atom) to B -> 0; }", receiver);
  expect_errors(text.at, PLAIN, "");
  free(text.at);
}

/* ===== The notation of kmc =============================================== */

Test(machines, cfsm) {
  static const char text[] = "-- a client, a server, a logger\n"
                             ".outputs\n"
                             ".state graph\n"
                             "q0 1 ! req q1\r\n"
                             "q2 1 ? ko q0 -- again\n"
                             "q2 1 ? ok() done\n"
                             "q1 1 ! data q2\n"
                             ".marking q0\n"
                             ".end\n"
                             "\n"
                             ".outputs Server\n"
                             "\t.state graph\n"
                             "0 0 ? req 1\n"
                             "1 0 ! ko 2\n"
                             "2 0 ? data 0\n"
                             "1 0 ! ok 3\n"
                             "3 0 ? data 4\n"
                             "4 Log ! log 4\n"
                             ".marking 0\n"
                             ".end\n"
                             ".outputs Log --named\n"
                             ".state graph\n"
                             "*+ 1 ? log *+\n"
                             ".marking *+\n"
                             ".end";
  expect_written(text, CFSM, CFSM,
                 ".outputs 0\n.state graph\n"
                 "0 1 ! req 1\n1 1 ! data 2\n2 1 ? ko 0\n2 1 ? ok 3\n.marking 0\n.end\n\n"
                 ".outputs Server\n.state graph\n"
                 "0 0 ? req 1\n1 0 ! ko 2\n1 0 ! ok 3\n2 0 ? data 0\n3 0 ? data 4\n4 2 ! log 4\n"
                 ".marking 0\n.end\n\n"
                 ".outputs Log\n.state graph\n0 1 ? log 0\n.marking 0\n.end\n\n");
}

Test(machines, cfsm_errors) {
  expect_errors("-- nothing\n", CFSM,
                "2:1+0 error [syntax] expected '.outputs', found the end of the text\n");
  expect_errors(".outputs", CFSM,
                "1:9+0 error [syntax] expected '.state graph', found the end of the text\n");
  expect_errors(".outputs\n.state graph\n", CFSM,
                "3:1+0 error [syntax] expected '.marking', found the end of the text\n");
  expect_errors(".outputs\n.state graph\n.marking 0\n", CFSM,
                "4:1+0 error [syntax] expected '.end', found the end of the text\n");
  expect_errors("q0 1 ! a q1\n.outputs A B\n.stategraph\nq0 1 ! a\nq0 1 + a q1\nq0 1 ! a-b q1\n"
                "q0 ! a q1 q2 q3\nq0 x:y ! a q1\n.marking\n.end it\n",
                CFSM,
                "1:1+2 error [syntax] expected '.outputs', found 'q0'\n"
                "2:12+1 error [syntax] expected the end of the line after the machine's name, "
                "found 'B'\n"
                "3:1+11 error [syntax] expected '.state graph', found '.stategraph'\n"
                "4:9+0 error [syntax] expected a transition: state, peer, '!' or '?', label, "
                "state, found the end of the line\n"
                "5:6+1 error [syntax] expected '!' or '?', found '+'\n"
                "6:8+3 error [syntax] expected a label of letters, digits and '_', found 'a-b'\n"
                "7:6+1 error [syntax] expected '!' or '?', found 'a'\n"
                "8:4+3 error [syntax] expected a role's name of letters, digits and '_', found "
                "'x:y'\n"
                "9:9+0 error [syntax] expected the initial state, found the end of the line\n"
                "10:1+4 error [syntax] expected '.end', found '.end'\n");
  expect_errors(".outputs\n.state graph\n0 1 ! a 0\n.end\n", CFSM,
                "4:1+4 error [syntax] expected a transition or '.marking', found '.end'\n");
  expect_errors(".outputs\n.state graph\n0 1 ! a 0\n.marking 0\n.outputs\n.state graph\n"
                ".marking 0\n.end\n",
                CFSM,
                "5:1+8 error [syntax] expected '.end' of the machine before, found '.outputs'\n");
  expect_errors(".outputs A\n.state graph\n0 2 ! a 0\n0 B ! a 0\n0 0 ! b 0\n1 1 ! b 0\n"
                "0 1 ! c 0\n0 1 ? d 0\n0 1 ! c 1\n.marking 0\n.end\n"
                ".outputs A\n.state graph\n.marking 0\n.end\n",
                CFSM,
                "3:3+1 error [unbound-role] there is no machine 2; they are 0 to 1\n"
                "4:3+1 error [unbound-role] there is no role 'B'\n"
                "5:1+9 error [self-message] the role 'A' sends a message to itself\n"
                "8:1+9 error [mixed-choice] the state '0' both sends and receives\n"
                "9:1+9 note [mixed-choice] here it sends\n"
                "9:1+9 error [dup-label] the message 'c' stands twice in one state\n"
                "7:1+9 note [dup-label] it stands here first\n"
                "12:10+1 error [dup-role] the role 'A' stands twice\n"
                "1:10+1 note [dup-role] it stands here first\n");
}

/* A zero byte is one like any other. */
Test(machines, a_zero_byte_is_no_end) {
  static const char text[] = ".outputs\n.state graph\n\0 1 ! a \0\n.marking \0\n.end\n"
                             ".outputs\n.state graph\n.marking \0\0\n.end\n";
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  cr_assert_eq(maty_machines_read(&module, "test", text, sizeof text - 1, CFSM, &config), MATY_OK);
  maty_module_free(module);
  cr_expect_eq(maty_machines_read(&module, "test", "\0", 1, CFSM, &config), MATY_EREJECTED);
  maty_module_free(module);
}

/* ===== There and back ==================================================== */

/* Written, read and written again, in both notations. */
static void round_trip(const maty_image_t *image, const char *what) {
  static const maty_machine_format formats[] = {PLAIN, CFSM};
  for (size_t i = 0; i < 2; i++) {
    char *written = test_write_machines(image, MATY_ALL_ROLES, formats[i]);
    maty_module_t *module = read_text(written, formats[i]);
    cr_assert_not_null(maty_module_image(module, 0), "%s\nof %s", written, what);
    char *again = test_write_machines(maty_module_image(module, 0), MATY_ALL_ROLES, formats[i]);
    cr_assert_str_eq(written, again, "%s\nand\n%s\nof %s", written, again, what);
    size_t size;
    const void *block = maty_image_block(maty_module_image(module, 0), &size);
    maty_allocator_t allocator = maty_allocator_default();
    maty_image_t *loaded;
    cr_assert_eq(maty_image_load(&loaded, block, size, &allocator), MATY_OK, "%s", what);
    maty_image_release(loaded);
    maty_module_free(module);
    free(written);
    free(again);
  }
}

Test(machines, those_of_protocols_come_back, .timeout = 300) {
  const char *given = getenv("MATY_TEST_SEED");
  uint64_t first = given == NULL ? 1 : strtoull(given, NULL, 10);
  uint32_t done = 0;
  cr_log_info("seeds %llu and on", (unsigned long long)first);
  for (uint64_t seed = first; seed < first + 2000; seed++) {
    char *protocol = test_random_protocol(seed);
    maty_module_t *module = test_check(protocol);
    if (maty_module_image(module, 0) != NULL) {
      round_trip(maty_module_image(module, 0), protocol);
      done++;
    }
    maty_module_free(module);
    free(protocol);
  }
  cr_expect(done > 200, "only %u", done);
}

Test(machines, those_of_real_protocols_come_back) {
  static const char *const files[] = {"actors.scr", "chain.scr",     "chat.scr",    "documents.scr",
                                      "graph.scr",  "placement.scr", "servers.scr", "shop.scr"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = test_protocols(files[i]);
    maty_module_t *module = test_check(text);
    for (size_t j = 0; j < maty_module_protocol_count(module); j++)
      round_trip(maty_module_image(module, j), maty_module_protocol_name(module, j));
    maty_module_free(module);
    free(text);
  }
}

/* ===== Limits, memory, arguments ========================================= */

static void expect_limit(const test_text_t *text, const char *diagnostics) {
  expect_errors(text->at, PLAIN, diagnostics);
}

Test(machines, limits, .timeout = 300) {
  test_text_t text = {0};
  for (uint32_t i = 0; i < 4096; i++)
    test_text_add(&text, "role R%u;\n", i);
  expect_limit(&text, "");
  test_text_add(&text, "role More;\n");
  expect_limit(&text, "4097:6+4 error [limit] more than 4096 roles\n");

  text.length = 0;
  test_text_add(&text, "role B; machine A { 0:\n");
  for (uint32_t i = 0; i < 4096; i++)
    test_text_add(&text, "m%u to B -> 0;\n", i);
  size_t length = text.length;
  test_text_add(&text, "}");
  expect_limit(&text, "");
  text.length = length;
  test_text_add(&text, "more to B -> 0; }");
  expect_limit(&text, "1:6+1 error [limit] the role 'B' sends and receives more than 4096 "
                      "different messages\n");

  text.length = 0;
  test_text_add(&text, "role B; machine A { 0: m(pid");
  for (uint32_t i = 1; i < 255; i++)
    test_text_add(&text, ",pid");
  length = text.length;
  test_text_add(&text, ") to B -> 0; }");
  expect_limit(&text, "");
  text.length = length;
  test_text_add(&text, ",pid) to B -> 0; }");
  expect_limit(&text, "1:25+1025 error [limit] more than 255 fields in one payload\n");

  text.length = 0;
  test_text_add(&text, ".outputs\n.state graph\n0 1 ! ");
  for (uint32_t i = 0; i < 255; i++)
    test_text_add(&text, "x");
  length = text.length;
  test_text_add(&text, "() 0\n.marking 0\n.end\n.outputs\n.state graph\n.marking 0\n.end\n");
  expect_errors(text.at, CFSM, "");
  text.length = length;
  test_text_add(&text, "x 0\n.marking 0\n.end\n");
  expect_errors(text.at, CFSM,
                "3:7+256 error [limit] the name has 256 bytes; at most 255 are allowed\n");
  free(text.at);
}

Test(machines, limit_of_statements, .timeout = 300) {
  test_text_t text = {0};
  test_text_add(&text, ".outputs\n.state graph\n");
  for (uint32_t i = 0; i < 500001; i++)
    test_text_add(&text, "0 1 ! a 0\n");
  expect_errors(text.at, CFSM, "500002:1+9 error [limit] more than 1000000 statements\n");
  text.length = 0;
  test_text_add(&text, "role B; machine A { 0:\n");
  for (uint32_t i = 0; i < 1000000; i++)
    test_text_add(&text, "a to B -> 0;\n");
  test_text_add(&text, "}");
  expect_errors(text.at, PLAIN, "999999:1+6 error [limit] more than 1000000 statements\n");
  free(text.at);
}

static const char all_wrong[] = "type t = {integer, boolean} | sting;\n"
                                "machine A { 0: m(t) to B -> 0; n({t, 1}) to B -> 1; }\n";

static maty_status read_with(test_memory_t *memory, const char *text, maty_machine_format format) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  config.allocator = test_allocator(memory);
  maty_status status =
      maty_machines_read(&module, "test.machines", text, strlen(text), format, &config);
  cr_expect_eq(module != NULL, status == MATY_OK || status == MATY_EREJECTED);
  maty_module_free(module);
  return status;
}

Test(machines, every_allocation_fails_once) {
  static const struct {
    const char *text;
    maty_machine_format format;
    maty_status status;
  } reads[] = {
      {shop, PLAIN, MATY_OK},
      {all_wrong, PLAIN, MATY_EREJECTED},
      {"machine A { 0: m() to A -> 1; 0: m() to B -> 0; m(pid) to C -> 0; 2: end; } role B; "
       "role B;",
       PLAIN, MATY_EREJECTED},
      {"machine A { 0: m({1, any}) to B -> 0; } machine B { 0: m({integer, pid}) from A -> 0; }",
       PLAIN, MATY_EREJECTED},
      {".outputs\n.state graph\n0 1 ! a 1\n.marking 0\n.end\n.outputs\n.state graph\n.marking x\n"
       ".end\n",
       CFSM, MATY_OK},
      {".outputs\n.state graph\n0 7 ! a 1\n1 2 3 4 5 6 7\n", CFSM, MATY_EREJECTED},
  };
  for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
    test_memory_t memory = {.fail_at = 1};
    maty_status status;
    do
      status = read_with(&memory, reads[i].text, reads[i].format);
    while (test_failed(&memory, status, reads[i].status));
    cr_expect(memory.fail_at > 3);
  }
}

static maty_status write_some(void *context, const char *text, size_t length) {
  uint32_t *left = context;
  cr_expect(text != NULL && length > 0);
  return (*left)-- == 0 ? MATY_ECANCELED : MATY_OK;
}

Test(machines, a_writer_can_stop_it) {
  maty_module_t *module = read_text(shop, PLAIN);
  const maty_image_t *image = maty_module_image(module, 0);
  maty_status status = MATY_ECANCELED;
  for (uint32_t pieces = 0; status == MATY_ECANCELED; pieces++) {
    test_memory_t memory = {0};
    maty_allocator_t allocator = test_allocator(&memory);
    uint32_t left = pieces;
    status = maty_machines_write(image, MATY_ALL_ROLES, PLAIN, &allocator,
                                 (maty_writer_t){.write = write_some, .context = &left});
    cr_expect_eq(memory.blocks, 0);
    cr_assert(pieces < 100);
  }
  cr_expect_eq(status, MATY_OK);
  test_memory_t memory = {.fail_at = 1};
  maty_allocator_t allocator = test_allocator(&memory);
  uint32_t left = 1000;
  cr_expect_eq(maty_machines_write(image, 0, PLAIN, &allocator,
                                   (maty_writer_t){.write = write_some, .context = &left}),
               MATY_ENOMEM);
  maty_module_free(module);
}

Test(machines, arguments) {
  maty_module_t *module = read_text(shop, PLAIN), *none;
  maty_config_t config = maty_config_default();
  const maty_image_t *image = maty_module_image(module, 0);
  uint32_t left = 1000;
  maty_writer_t writer = {.write = write_some, .context = &left};
  cr_expect_eq(maty_machines_read(NULL, "x", "", 0, PLAIN, &config), MATY_EINVAL);
  cr_expect_eq(maty_machines_read(&none, "x", "", 0, PLAIN, NULL), MATY_EINVAL);
  cr_expect_null(none);
  cr_expect_eq(maty_machines_read(&none, "x", "", 0, (maty_machine_format)2, &config), MATY_EINVAL);
  cr_expect_eq(maty_machines_write(NULL, 0, PLAIN, &config.allocator, writer), MATY_EINVAL);
  cr_expect_eq(maty_machines_write(image, 3, PLAIN, &config.allocator, writer), MATY_EINVAL);
  cr_expect_eq(maty_machines_write(image, 0, (maty_machine_format)2, &config.allocator, writer),
               MATY_EINVAL);
  cr_expect_eq(maty_machines_write(image, 0, PLAIN, NULL, writer), MATY_EINVAL);
  cr_expect_eq(maty_machines_write(image, 0, PLAIN, &config.allocator, (maty_writer_t){0}),
               MATY_EINVAL);
  maty_module_free(module);
}
