/* test_behaviour.c - behaviours against the machine of a role.
 *
 * Each test gives the nodes of a behaviour and states all that is found, as
 *     line:column severity [class] text, and its run below. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "support.h"

static const char two_buyer[] = "protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {\n"
                                "  title(binary) from Buyer1 to Seller;\n"
                                "  quote(integer) from Seller to Buyer1;\n"
                                "  share(integer) from Buyer1 to Buyer2;\n"
                                "  choice at Buyer2 {\n"
                                "    address(binary) from Buyer2 to Seller;\n"
                                "    date({1..9999, 1..12, integer}) from Seller to Buyer2;\n"
                                "  } or {\n"
                                "    quit() from Buyer2 to Seller;\n"
                                "  }\n"
                                "}\n";

/* As many items as A likes, each with a word back. */
static const char stream[] = "protocol Stream(role A, role B) {\n"
                             "  rec L { choice at A {\n"
                             "    item(1 | 2 | :none) from A to B;\n"
                             "    ack() from B to A;\n"
                             "    continue L;\n"
                             "  } or { stop() from A to B; } }\n"
                             "}\n";

static maty_status check(const char *protocol, const char *behaviour, maty_config_t *config,
                         test_text_t *found) {
  maty_module_t *module = test_check(protocol);
  maty_verdict_t *verdict;
  maty_status status = maty_behaviour_check(&verdict, maty_module_image(module, 0), behaviour,
                                            strlen(behaviour), config);
  static const char *const severities[] = {"error", "note", "warning"};
  for (size_t i = 0; verdict != NULL && i < maty_verdict_diagnostic_count(verdict); i++) {
    const maty_diagnostic_t *diagnostic = maty_verdict_diagnostic(verdict, i);
    test_text_add(found, "%s:%u:%u %s [%s] %s\n%s", diagnostic->source, diagnostic->line,
                  diagnostic->column, severities[diagnostic->severity],
                  maty_class_name(diagnostic->class_), diagnostic->text,
                  diagnostic->run == NULL ? "" : diagnostic->run);
  }
  if (verdict != NULL)
    maty_verdict_free(verdict);
  maty_module_free(module);
  return status;
}

static void expect(const char *protocol, const char *behaviour, maty_status expected,
                   const char *diagnostics) {
  maty_config_t config = maty_config_default();
  test_text_t found = {0};
  test_text_add(&found, "%s", "");
  maty_status status = check(protocol, behaviour, &config, &found);
  cr_expect_eq(status, expected, "%s", maty_status_text(status));
  cr_expect_str_eq(found.at, diagnostics, "expected\n%s\nfound\n%s", diagnostics, found.at);
  free(found.at);
}

#define SELLER                                                                                     \
  "behaviour 1 \"s.erl\" \"Seller\"\n"                                                             \
  "start 0\n"                                                                                      \
  "handler 0 \"title/2\" 2:1\n"                                                                    \
  "on \"title\" \"Buyer1\" 1\n"                                                                    \
  "clause 1 2:1\n"                                                                                 \
  "handler 1 \"decision/2\" 5:1\n"                                                                 \
  "on \"address\" \"Buyer2\" 4\n"

#define QUIT "on \"quit\" \"Buyer2\" 7\n"

#define SELLER_CLAUSES                                                                             \
  "clause 2 5:1\n"                                                                                 \
  "clause 3 8:1\n"

static const char seller_nodes[] = "nodes 9\n"
                                   "suspend 1:3 0\n"
                                   "mark 1 2\n"
                                   "send 3:3 3 - \"Buyer1\" \"quote\" 1 v2 =154 i\n"
                                   "suspend 4:3 1\n"
                                   "mark 2 5\n"
                                   "send 6:3 6 - \"Buyer2\" \"date\" 1 t3 =2026 =12 ?\n"
                                   "done 7:3\n"
                                   "mark 3 8\n"
                                   "done 8:3\n";

static void expect_seller(const char *from, const char *to, const char *diagnostics) {
  test_text_t text = {0};
  const char *at = from == NULL ? NULL : strstr(seller_nodes, from);
  cr_assert(from == NULL || at != NULL, "%s", from);
  test_text_add(&text, "%s", SELLER QUIT SELLER_CLAUSES);
  if (at == NULL)
    test_text_add(&text, "%s", seller_nodes);
  else
    test_text_add(&text, "%.*s%s%s", (int)(at - seller_nodes), seller_nodes, to, at + strlen(from));
  expect(two_buyer, text.at, *diagnostics == '\0' ? MATY_OK : MATY_EREJECTED, diagnostics);
  free(text.at);
}

Test(behaviour, a_seller_that_is_right) { expect_seller(NULL, NULL, ""); }

Test(behaviour, wrong_role_and_wrong_label) {
  expect_seller(
      "\"Buyer1\" \"quote\"", "\"Buyer2\" \"quote\"",
      "s.erl:3:3 error [bad-send] Seller sends quote/1 to Buyer2, which the protocol does not "
      "allow here; it has to send quote(integer) to Buyer1\n"
      "after:\n"
      "  1. Seller receives title from Buyer1 (line 2)\n"
      "test.scr:3:3 note [bad-send] the protocol has quote(integer) to Buyer1\n");
}

Test(behaviour, payload) {
  expect_seller("v2 =154 i", "v2 s \"ok\"",
                "s.erl:3:3 error [bad-payload] Seller sends quote with field 1 of another type; "
                "expected quote(integer) to Buyer1\n"
                "after:\n"
                "  1. Seller receives title from Buyer1 (line 2)\n"
                "test.scr:3:3 note [bad-payload] the protocol has quote(integer) to Buyer1\n");
  expect_seller("1 t3 =2026 =12 ?", "0",
                "s.erl:6:3 error [bad-payload] Seller sends date with 0 fields; expected "
                "date({1..9999, 1..12, integer}) to Buyer2\n"
                "after:\n"
                "  1. Seller receives title from Buyer1 (line 2)\n"
                "  2. Seller sends quote to Buyer1 (line 3)\n"
                "  3. Seller receives address from Buyer2 (line 6)\n"
                "test.scr:7:5 note [bad-payload] the protocol has date({1..9999, 1..12, integer}) "
                "to Buyer2\n");
}

/* Whether a value is taken for the date, or for an item of the stream. */
static bool fits(const char *protocol, const char *role, const char *head, const char *value) {
  maty_config_t config = maty_config_default();
  test_text_t text = {0}, found = {0};
  test_text_add(&text,
                "behaviour 1 \"x\" \"%s\"\nstart 0\nnodes 2\nsend 1:1 1 - %s 1 %s\nguess 1:1 "
                "\"\" -\n",
                role, head, value);
  maty_status status = check(protocol, text.at, &config, &found);
  cr_assert(status == MATY_OK || status == MATY_EREJECTED, "%s: %s", value,
            maty_status_text(status));
  free(text.at);
  free(found.at);
  return status == MATY_OK;
}

Test(behaviour, what_is_known_of_a_value) {
  static const char date[] =
      "protocol D(role A, role B) { d({1..12, :ok | :no, list(integer)}) from A to B; }";
  static const char *const good[] = {"?",
                                     "t",
                                     "t3 ? ? ?",
                                     "t3 =1 \"ok\" l",
                                     "t3 =12 a l0",
                                     "t3 i ? l1 =5",
                                     "t3 n \"no\" l2 =1 i",
                                     "v2 s t",
                                     "v1 t3 =3 ? l1 n"};
  static const char *const bad[] = {"i",          "f",           "n",
                                    "b",          "a",           "s",
                                    "u",          "p",           "r",
                                    "m",          "o",           "l",
                                    "\"ok\"",     "=3",          "t2 ? ?",
                                    "t3 =0 ? ?",  "t3 =13 ? ?",  "t3 ? \"yes\" ?",
                                    "t3 ? ? t",   "t3 ? ? l1 s", "t3 ? ? l1 t2 ? ?",
                                    "v2 s t2 ? ?"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    cr_expect(fits(date, "A", "\"B\" \"d\"", good[i]), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect_not(fits(date, "A", "\"B\" \"d\"", bad[i]), "%s", bad[i]);
  cr_expect(fits(stream, "A", "\"B\" \"item\"", "=2"));
  cr_expect(fits(stream, "A", "\"B\" \"item\"", "\"none\""));
  cr_expect_not(fits(stream, "A", "\"B\" \"item\"", "=3"));
  cr_expect_not(fits(stream, "A", "\"B\" \"item\"", "\"some\""));
}

Test(behaviour, what_is_no_date) {
  static const char moment[] = "protocol D(role A, role B) { d(date) from A to B; }";
  cr_expect(fits(moment, "A", "\"B\" \"d\"", "t3 i i i"));
  cr_expect(fits(moment, "A", "\"B\" \"d\"", "m"));
  cr_expect_not(fits(moment, "A", "\"B\" \"d\"", "T1 ?"));
  cr_expect_not(fits(moment, "A", "\"B\" \"d\"", "M"));
}

/* Whether the one clause for a message fits is up to a guard: that is not known, and a
 * clause for another message makes it suspicious. */
Test(behaviour, a_clause_that_may_fail) {
  test_text_t text = {0};
  test_text_add(&text, "%sperhaps \"quit\" \"Buyer2\" 7\n%s%s", SELLER, SELLER_CLAUSES,
                seller_nodes);
  expect(two_buyer, text.at, MATY_OK,
         "s.erl:5:1 warning [unknown] decision/2 has only a clause with a guard for quit() from "
         "Buyer2\n");
  char *clause = strstr(text.at, "clause 3");
  cr_assert_not_null(clause);
  clause[7] = '9';
  expect(two_buyer, text.at, MATY_EREJECTED,
         "s.erl:5:1 warning [unknown] decision/2 has only a clause with a guard for quit() from "
         "Buyer2\n"
         "s.erl:8:1 error [dead-clause] this clause fits no message that comes here\n");
  free(text.at);
}

Test(behaviour, how_a_handler_ends) {
  expect_seller("send 3:3 3 - \"Buyer1\" \"quote\" 1 v2 =154 i", "go 3",
                "s.erl:4:3 error [bad-suspend] Seller suspends where it does not wait; it has to "
                "send quote(integer) to Buyer1\n"
                "after:\n"
                "  1. Seller receives title from Buyer1 (line 2)\n"
                "test.scr:3:3 note [bad-suspend] the protocol has quote(integer) to Buyer1\n");
  expect_seller("suspend 4:3 1", "done 4:3",
                "s.erl:4:3 error [bad-done] Seller is done before it has come to its end; it waits "
                "for address(binary) from Buyer2 or quit() from Buyer2\n"
                "after:\n"
                "  1. Seller receives title from Buyer1 (line 2)\n"
                "  2. Seller sends quote to Buyer1 (line 3)\n"
                "test.scr:6:5 note [bad-done] the protocol has address(binary) from Buyer2\n"
                "test.scr:9:5 note [bad-done] the protocol has quit() from Buyer2\n");
  expect_seller("done 8:3", "suspend 8:3 1",
                "s.erl:8:3 error [bad-suspend] Seller suspends where it does not wait; it has come "
                "to its end\n"
                "after:\n"
                "  1. Seller receives title from Buyer1 (line 2)\n"
                "  2. Seller sends quote to Buyer1 (line 3)\n"
                "  3. Seller receives quit from Buyer2 (line 9)\n"
                "test.scr:11:1 note [bad-suspend] the protocol has nothing more for this role\n");
}

Test(behaviour, a_message_without_a_clause) {
  test_text_t text = {0};
  test_text_add(&text, "%s%s%s", SELLER, SELLER_CLAUSES, seller_nodes);
  expect(two_buyer, text.at, MATY_EREJECTED,
         "s.erl:5:1 error [no-clause] decision/2 has no clause for quit() from Buyer2\n"
         "after:\n"
         "  1. Seller receives title from Buyer1 (line 2)\n"
         "  2. Seller sends quote to Buyer1 (line 3)\n"
         "s.erl:4:3 note [no-clause] suspended here\n"
         "test.scr:9:5 note [no-clause] the protocol has it here\n"
         "s.erl:8:1 error [dead-clause] this clause fits no message that comes here\n");
  free(text.at);
}

/* A procedure that sends is called in two states: the second time it may not. */
Test(behaviour, a_procedure_is_gone_through_once_for_each_state) {
  expect(two_buyer,
         "behaviour 1 \"b.erl\" \"Buyer1\"\n"
         "start 0\n"
         "handler 0 \"quote/2\" 3:1\n"
         "on \"quote\" \"Seller\" 5\n"
         "nodes 7\n"
         "call 1:3 3 - - 1\n"
         "call 2:3 3 - - 2\n"
         "suspend 2:9 0\n"
         "send 9:3 4 - \"Seller\" \"title\" 1 s\n"
         "exit 0\n"
         "send 4:3 6 - \"Buyer2\" \"share\" 1 i\n"
         "done 5:3\n",
         MATY_EREJECTED,
         "b.erl:9:3 error [bad-send] Buyer1 sends title/1 to Seller, which the protocol does not "
         "allow here; it waits for quote(integer) from Seller\n"
         "after:\n"
         "  1. Buyer1 sends title to Seller (line 2)\n"
         "b.erl:2:3 note [bad-send] called here\n"
         "test.scr:3:3 note [bad-send] the protocol has quote(integer) from Seller\n");
}

/* With a ^ it is the caller that is meant; exits keep their ways apart. */
Test(behaviour, exits_and_places_of_callers) {
  expect(stream,
         "behaviour 1 \"a.erl\" \"A\"\n"
         "start 0\n"
         "handler 0 \"ack/2\" 7:1\n"
         "on \"ack\" \"B\" 0\n"
         "nodes 8\n"
         "call 1:1 3 - - 1 2\n"
         "suspend 2:1 0\n"
         "done 3:1\n"
         "go 4 6\n"
         "send ^9:9 5 - \"B\" \"item\" 1 =1\n"
         "exit 0\n"
         "send ^9:9 7 - \"B\" \"halt\" 0\n"
         "exit 1\n",
         MATY_EREJECTED,
         "a.erl:1:1 error [bad-send] A sends halt/0 to B, which the protocol does not allow here; "
         "it has to send item(1 | 2 | :none) to B or stop() to B\n"
         "test.scr:3:5 note [bad-send] the protocol has item(1 | 2 | :none) to B\n"
         "test.scr:6:10 note [bad-send] the protocol has stop() to B\n");
}

/* A call that never comes back but calls itself; and one that comes back through it. */
Test(behaviour, recursion) {
  expect(stream,
         "behaviour 1 \"a.erl\" \"B\"\n"
         "start 0\n"
         "handler 0 \"hear/2\" 1:1\n"
         "on \"item\" \"A\" 1\n"
         "on \"stop\" \"A\" 3\n"
         "nodes 9\n"
         "suspend 1:1 0\n"
         "send 2:1 2 - \"A\" \"ack\" 0\n"
         "call 3:1 4 - - 0\n"
         "done 4:1\n"
         "go 5 6 7\n"
         "call 5:1 4 - - 6\n"
         "exit 0\n"
         "call 6:1 8 - - 6\n"
         "call 7:1 8 - - 6\n",
         MATY_OK, "");
}

Test(behaviour, a_refused_send_is_none_where_it_is_caught) {
  expect(two_buyer,
         "behaviour 1 \"b.erl\" \"Buyer1\"\n"
         "start 0\n"
         "handler 0 \"quote/2\" 3:1\n"
         "on \"quote\" \"Seller\" 6\n"
         "nodes 8\n"
         "call 1:1 3 2 - 1\n"
         "bad 1:2 \"bad-return\" \"is not refused\" -\n"
         "send 2:1 5 - \"Seller\" \"title\" 1 u\n"
         "send 9:1 1 4 \"Seller\" \"tilte\" 1 u\n"
         "refused\n"
         "suspend 3:1 0\n"
         "send 4:1 7 - \"Buyer2\" \"share\" 1 i\n"
         "done 5:1\n",
         MATY_OK, "");
}

/* After a guess nothing is wrong for certain; without one the same is. */
Test(behaviour, what_is_not_known) {
  expect(two_buyer,
         "behaviour 1 \"b.erl\" \"Buyer1\"\n"
         "start 0\n"
         "nodes 3\n"
         "send 1:1 1 - ? \"title\" 1 ?\n"
         "guess 2:1 \"what this does\" 2\n"
         "done 3:1\n",
         MATY_OK,
         "b.erl:1:1 warning [unknown] what is sent here is not known, or to whom\n"
         "b.erl:2:1 warning [unknown] what this does\n");
  expect(two_buyer,
         "behaviour 1 \"b.erl\" \"Buyer1\"\n"
         "start 0\n"
         "nodes 2\n"
         "send 1:1 1 - ? \"quote\" ?\n"
         "done 3:1\n",
         MATY_EREJECTED,
         "b.erl:1:1 error [bad-send] Buyer1 sends quote to a role, which the protocol does not "
         "allow here; it has to send title(binary) to Seller\n"
         "test.scr:2:3 note [bad-send] the protocol has title(binary) to Seller\n");
}

/* What is supposed is of interest once something is wrong with it. */
Test(behaviour, what_is_supposed) {
  static const char nodes[] = "behaviour 1 \"b.erl\" \"Buyer1\"\n"
                              "start 0\n"
                              "nodes 3\n"
                              "suppose 1:1 \"how often\" 1\n"
                              "send 2:1 2 - \"Seller\" \"%s\" 1 ?\n"
                              "suspend 3:1 -\n";
  test_text_t right = {0}, wrong = {0};
  test_text_add(&right, nodes, "title");
  test_text_add(&wrong, nodes, "tilte");
  expect(two_buyer, right.at, MATY_OK, "");
  expect(two_buyer, wrong.at, MATY_OK, "b.erl:1:1 warning [unknown] how often\n");
  free(right.at);
  free(wrong.at);
}

/* A seller that does not quote at once: it holds, goes on with "quote/2", and holds or
 * waits then. */
static void expect_held(const char *first, const char *resumed, const char *diagnostics) {
  test_text_t text = {0};
  test_text_add(&text,
                "behaviour 1 \"s.erl\" \"Seller\"\n"
                "start 0\n"
                "handler 0 \"title/2\" 2:1\n"
                "on \"title\" \"Buyer1\" 1\n"
                "handler 1 \"quote/2\" 5:1\n"
                "resume 2\n"
                "clause 1 5:1\n"
                "handler 2 \"decision/2\" 8:1\n"
                "on \"address\" \"Buyer2\" 6\n"
                "on \"quit\" \"Buyer2\" 6\n"
                "nodes 7\n"
                "suspend 1:3 0\n"
                "%s\n"
                "mark 1 3\n"
                "send 6:3 4 - %s 1 =154\n"
                "suspend 7:3 2\n"
                "go\n"
                "guess 9:3 \"and so on\" -\n",
                first, resumed);
  expect(two_buyer, text.at, strstr(diagnostics, "error") == NULL ? MATY_OK : MATY_EREJECTED,
         diagnostics);
  free(text.at);
}

#define AND_SO_ON "s.erl:9:3 warning [unknown] and so on\n"

Test(behaviour, a_session_that_is_held) {
  expect_held("hold 3:3 1", "\"Buyer1\" \"quote\"", AND_SO_ON);
  /* It goes on from where it was held. */
  expect_held("hold 3:3 1", "\"Buyer2\" \"date\"",
              "s.erl:6:3 error [bad-send] Seller sends date/1 to Buyer2, which the protocol does "
              "not allow here; it has to send quote(integer) to Buyer1\n"
              "after:\n"
              "  1. Seller receives title from Buyer1 (line 2)\n"
              "test.scr:3:3 note [bad-send] the protocol has quote(integer) to Buyer1\n");
  expect_held("hold 3:3 -", "\"Buyer1\" \"quote\"", "");
  /* With a handler that nothing goes on with. */
  expect_held("hold 3:3 0", "\"Buyer1\" \"quote\"", "");
}

Test(behaviour, a_session_that_is_held_where_it_does_not_send) {
  expect_held("send 3:3 5 - \"Buyer1\" \"quote\" 1 =1", "\"Buyer1\" \"quote\"", "");
  expect(two_buyer,
         "behaviour 1 \"s.erl\" \"Seller\"\n"
         "start 0\n"
         "handler 0 \"quote/2\" 5:1\n"
         "resume 0\n"
         "nodes 1\n"
         "hold 3:3 0\n",
         MATY_EREJECTED,
         "s.erl:3:3 error [bad-suspend] Seller holds where it does not send; it waits for "
         "title(binary) from Buyer1\n"
         "test.scr:2:3 note [bad-suspend] the protocol has title(binary) from Buyer1\n");
  expect(stream,
         "behaviour 1 \"s.erl\" \"A\"\n"
         "start 0\n"
         "handler 0 \"next/2\" 5:1\n"
         "resume 1\n"
         "nodes 3\n"
         "hold 2:1 0\n"
         "send 3:1 2 - \"B\" \"stop\" 0\n"
         "hold 4:1 0\n",
         MATY_EREJECTED,
         "s.erl:4:1 error [bad-suspend] A holds where it does not send; it has come to its end\n"
         "after:\n"
         "  1. A sends stop to B (line 6)\n"
         "test.scr:7:1 note [bad-suspend] the protocol has nothing more for this role\n");
}

Test(behaviour, what_is_wrong_anywhere) {
  expect(two_buyer,
         "behaviour 1 \"b.erl\" \"Buyer2\"\n"
         "start 0\n"
         "nodes 2\n"
         "bad 0:0 \"raw-message\" \"a \\\"quoted\\\" \\\\ line\\nand another\" 1\n"
         "done 3:1\n",
         MATY_EREJECTED,
         "b.erl:0:0 error [raw-message] a \"quoted\" \\ line\nand another\n"
         "test.scr:4:3 note [raw-message] the protocol has share(integer) from Buyer1\n");
}

Test(behaviour, texts_that_are_none) {
  static const char *const texts[] = {
      "",
      "behaviour 2 \"s\" \"A\"\nstart 0\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"Nobody\"\nstart 0\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 1\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 2\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\ngo\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\ngo 1\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nexit\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nexit 2147483646\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsuspend 1:1 0\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nhold 1:1 0\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nhandler 0 \"h\" 1:1\nresume 1\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nhandler 0 \"h\" 1:1\nresume -\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\ncall 1:1 1 - -\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 1 ? ? ?\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 - ? ? 1\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 - ? ? 1 x\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 - ? ? 1 t2 ?\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 - ? ? 1 t1 v1 ?\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nsend 1:1 0 - ? ? 1 =9223372036854775808\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nbad 1:1 \"nonsense\" \"\" -\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1\nbad 11 \"bad-send\" \"\" -\n",
      "behaviour 1 \"s\" \"A\"\nstart 4294967295\nnodes 1\ngo\n",
      "behaviour 1 \"s \"A\"\nstart 0\nnodes 1\ngo\n",
      "behaviour 1 \"s\" \"A\"\nstart 0\nhandler 1 \"h\" 1:1\nnodes 1\ngo\n",
  };
  maty_config_t config = maty_config_default();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    test_text_t found = {0};
    cr_expect_eq(check(stream, texts[i], &config, &found), MATY_EINVAL, "%zu: %s", i, texts[i]);
    cr_expect_null(found.at);
  }
}

Test(behaviour, limits) {
  maty_config_t config = maty_config_default();
  test_text_t found = {0};
  cr_expect_eq(check(stream, "behaviour 1 \"s\" \"A\"\nstart 0\nnodes 1000001\n", &config, &found),
               MATY_ELIMIT);
  maty_module_t *module = test_check(stream);
  maty_verdict_t *verdict;
  cr_expect_eq(maty_behaviour_check(&verdict, maty_module_image(module, 0), "",
                                    (size_t)MATY_MAX_BEHAVIOUR + 1, &config),
               MATY_ELIMIT);
  cr_expect_null(verdict);
  maty_module_free(module);
}

Test(behaviour, every_allocation_fails_once) {
  test_text_t text = {0};
  test_text_add(&text, "%s%s%s", SELLER, SELLER_CLAUSES, seller_nodes);
  test_memory_t memory = {.fail_at = 1};
  maty_config_t config = maty_config_default();
  config.allocator = test_allocator(&memory);
  maty_status status;
  do {
    test_text_t found = {0};
    status = check(two_buyer, text.at, &config, &found);
    free(found.at);
  } while (test_failed(&memory, status, MATY_EREJECTED));
  free(text.at);
}
