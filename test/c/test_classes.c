/* test_classes.c - every class of errors, by one example that has it and one like
 * it that has not. The table is walked by MATY_CLASS_MAP, so a class without
 * examples fails. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define LISTS_8 "list(list(list(list(list(list(list(list("
#define LISTS_64 LISTS_8 LISTS_8 LISTS_8 LISTS_8 LISTS_8 LISTS_8 LISTS_8 LISTS_8
#define CLOSE_8 "))))))))"
#define CLOSE_63 CLOSE_8 CLOSE_8 CLOSE_8 CLOSE_8 CLOSE_8 CLOSE_8 CLOSE_8 ")))))))"

typedef enum where {
  NOWHERE,
  CHECK_MATY,
  CHECK_SCRIBBLE,
  CHECK_NUSCR,
  EXPLORE, /* a text of machines */
  SUBTYPE, /* the first role of a text of machines, where that of "expected" is expected */
  HANDLERS /* of what a program does: test_behaviour.c and maty_handlers_tests.erl have them */
} where_t;

static const struct {
  where_t where;
  const char *bad, *diagnostics, *good;
  const char *expected;
} examples[MATY_CLASS_COUNT] = {
    [MATY_CLASS_BAD_SEND] = {.where = HANDLERS},
    [MATY_CLASS_BAD_PAYLOAD] = {.where = HANDLERS},
    [MATY_CLASS_BAD_SUSPEND] = {.where = HANDLERS},
    [MATY_CLASS_BAD_DONE] = {.where = HANDLERS},
    [MATY_CLASS_BAD_RETURN] = {.where = HANDLERS},
    [MATY_CLASS_NO_HANDLER] = {.where = HANDLERS},
    [MATY_CLASS_NO_CLAUSE] = {.where = HANDLERS},
    [MATY_CLASS_DEAD_CLAUSE] = {.where = HANDLERS},
    [MATY_CLASS_NO_ROLE] = {.where = HANDLERS},
    [MATY_CLASS_RAW_MESSAGE] = {.where = HANDLERS},
    [MATY_CLASS_UNKNOWN] = {.where = HANDLERS},
    [MATY_CLASS_SYNTAX] = {CHECK_MATY, "protocol P(role A, role B) { m() from A to B }\n",
                           "1:45+0 error [syntax] expected ';' after the message\n",
                           "protocol P(role A, role B) { m() from A to B; }\n", NULL},
    [MATY_CLASS_DUP_MODULE] =
        {CHECK_MATY, "module a;\nmodule b;\nprotocol P(role A, role B) { m() from A to B; }\n",
         "2:1+6 error [dup-module] a module line stands once, before everything else\n",
         "module a;\nprotocol P(role A, role B) { m() from A to B; }\n", NULL},
    [MATY_CLASS_DUP_PROTOCOL] = {CHECK_MATY,
                                 "protocol P(role A, role B) { m() from A to B; }\n"
                                 "protocol P(role A, role B) { n() from A to B; }\n",
                                 "2:10+1 error [dup-protocol] the protocol 'P' is declared twice\n"
                                 "1:10+1 note [dup-protocol] it is declared here first\n",
                                 "protocol P(role A, role B) { m() from A to B; }\n"
                                 "protocol Q(role A, role B) { n() from A to B; }\n",
                                 NULL},
    [MATY_CLASS_DUP_ROLE] = {CHECK_MATY,
                             "protocol P(role A, role B, role A) { m() from A to B; }\n",
                             "1:33+1 error [dup-role] the role 'A' is declared twice\n"
                             "1:17+1 note [dup-role] it is declared here first\n",
                             "protocol P(role A, role B, role C) { m() from A to B, C; }\n", NULL},
    [MATY_CLASS_DUP_TYPE] = {CHECK_MATY,
                             "type t = integer;\ntype t = string;\n"
                             "protocol P(role A, role B) { m(t) from A to B; }\n",
                             "2:6+1 error [dup-type] the type 't' is declared twice\n"
                             "1:6+1 note [dup-type] it is declared here first\n",
                             "type t = integer;\ntype u = string;\n"
                             "protocol P(role A, role B) { m(t, u) from A to B; }\n",
                             NULL},
    [MATY_CLASS_DUP_LABEL] = {CHECK_NUSCR,
                              "protocol P(role A, role B) {\n"
                              "  choice at A { m() from A to B; x() from A to B; }\n"
                              "  or { m() from A to B; y() from A to B; }\n"
                              "}\n",
                              "3:8+1 error [dup-label] two branches begin with 'm': what comes "
                              "next has to differ in its label\n"
                              "2:17+1 note [dup-label] the other one is here\n",
                              "protocol P(role A, role B) {\n"
                              "  choice at A { m() from A to B; x() from A to B; }\n"
                              "  or { n() from A to B; y() from A to B; }\n"
                              "}\n",
                              NULL},
    [MATY_CLASS_UNBOUND_ROLE] =
        {CHECK_MATY, "protocol P(role A, role B) { m() from A to B; n() from A to C; }\n",
         "1:61+1 error [unbound-role] there is no role 'C'\n",
         "protocol P(role A, role B, role C) { m() from A to B; n() from A to C; }\n", NULL},
    [MATY_CLASS_UNBOUND_RECVAR] =
        {CHECK_MATY, "protocol P(role A, role B) { rec X { m() from A to B; continue Y; } }\n",
         "1:64+1 error [unbound-recvar] there is no loop around this named 'Y'\n",
         "protocol P(role A, role B) { rec X { m() from A to B; continue X; } }\n", NULL},
    [MATY_CLASS_UNBOUND_PROTOCOL] =
        {CHECK_MATY, "protocol P(role A, role B) { m() from A to B; do Q(A, B); }\n",
         "1:50+1 error [unbound-protocol] there is no protocol 'Q'\n",
         "protocol P(role A, role B) { m() from A to B; do P(A, B); }\n", NULL},
    [MATY_CLASS_UNBOUND_TYPE] =
        {CHECK_MATY, "protocol P(role A, role B) { m(t) from A to B; }\n",
         "1:32+1 error [unbound-type] there is no type 't'; a type that is not declared begins "
         "with a capital\n",
         "type t = integer;\nprotocol P(role A, role B) { m(t) from A to B; }\n", NULL},
    [MATY_CLASS_ARITY] =
        {CHECK_MATY, "protocol P(role A, role B) { m() from A to B; do P(A); }\n",
         "1:47+7 error [arity] the protocol 'P' takes 2 roles, and 1 is given here\n"
         "1:10+1 note [arity] it is declared here\n",
         "protocol P(role A, role B) { m() from A to B; do P(B, A); }\n", NULL},
    [MATY_CLASS_SELF_MESSAGE] =
        {CHECK_MATY, "protocol P(role A, role B) { m() from A to B; n() from A to A; }\n",
         "1:61+1 error [self-message] the role 'A' sends a message to itself\n",
         "protocol P(role A, role B) { m() from A to B; n() from B to A; }\n", NULL},
    [MATY_CLASS_UNUSED_ROLE] =
        {CHECK_MATY, "protocol P(role A, role B, role C) { m() from A to B; }\n",
         "1:33+1 error [unused-role] the role 'C' takes no part in the conversation\n",
         "protocol P(role A, role B, role C) { m() from A to B; m() from B to C; }\n", NULL},
    [MATY_CLASS_UNGUARDED] =
        {CHECK_MATY,
         "protocol P(role A, role B) {\n"
         "  rec X { choice at A { m() from A to B; } or { continue X; } }\n"
         "}\n",
         "2:49+10 error [unguarded] this comes back to itself without a message on the way\n",
         "protocol P(role A, role B) {\n"
         "  rec X { choice at A { m() from A to B; } or { n() from A to B; continue X; } }\n"
         "}\n",
         NULL},
    [MATY_CLASS_UNREACHABLE] =
        {CHECK_MATY,
         "protocol P(role A, role B) {\n"
         "  rec X { m() from A to B; continue X; n() from A to B; }\n"
         "}\n",
         "2:40+15 error [unreachable] nothing leads here: what comes before never ends\n",
         "protocol P(role A, role B) {\n"
         "  rec X { m() from A to B; n() from A to B; continue X; }\n"
         "}\n",
         NULL},
    [MATY_CLASS_CHOICE_SUBJECT] = {CHECK_MATY,
                                   "protocol P(role A, role B) {\n"
                                   "  choice at A { m() from B to A; } or { n() from B to A; }\n"
                                   "}\n",
                                   "2:3+11 error [choice-subject] the choice is at 'A', but its "
                                   "branches begin with messages of 'B'\n",
                                   "protocol P(role A, role B) {\n"
                                   "  choice at B { m() from B to A; } or { n() from B to A; }\n"
                                   "}\n",
                                   NULL},
    [MATY_CLASS_CHOICE_SENDER] = {CHECK_MATY,
                                  "protocol P(role A, role B) {\n"
                                  "  choice at A { m() from A to B; } or { n() from B to A; }\n"
                                  "}\n",
                                  "2:41+1 error [choice-sender] 'B' may go on with this message "
                                  "where 'A' may go on too (line 2): one role has to choose\n"
                                  "either:\n"
                                  "  1. A -> B: m (line 2)\n"
                                  "or:\n"
                                  "  1. B -> A: n (line 2)\n",
                                  "protocol P(role A, role B) {\n"
                                  "  choice at A { m() from A to B; } or { n() from A to B; }\n"
                                  "}\n",
                                  NULL},
    [MATY_CLASS_ROLE_NOT_ENABLED] =
        {CHECK_SCRIBBLE,
         "module test;\n"
         "global protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; k() from C to B; }\n"
         "  or { n() from A to B; k() from C to B; }\n"
         "}\n",
         "3:43+1 error [role-not-enabled] 'C' cannot send 'k' here: nothing has told it of the "
         "branch that this stands in\n"
         "3:3+11 note [role-not-enabled] it is not told of this choice before\n"
         "4:34+1 error [role-not-enabled] 'C' cannot send 'k' here: nothing has told it of the "
         "branch that this stands in\n",
         "module test;\n"
         "global protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; } or { n() from A to B; }\n"
         "  k() from C to B;\n"
         "}\n",
         NULL},
    [MATY_CLASS_NONDET_PAYLOAD] = {CHECK_MATY,
                                   "protocol P(role A, role B) {\n"
                                   "  choice at A { m(integer) from A to B; x() from A to B; }\n"
                                   "  or { m(string) from A to B; y() from A to B; }\n"
                                   "}\n",
                                   "3:8+1 error [nondet-payload] 'm' has another payload here than "
                                   "in line 2, and both may come next\n"
                                   "2:17+1 note [nondet-payload] the other one is here\n",
                                   "protocol P(role A, role B) {\n"
                                   "  choice at A { m(integer) from A to B; x() from A to B; }\n"
                                   "  or { m(integer) from A to B; y() from A to B; }\n"
                                   "}\n",
                                   NULL},
    [MATY_CLASS_SEND_VALIDITY] = {CHECK_MATY,
                                  "protocol P(role A, role B, role C) {\n"
                                  "  choice at A { m() from A to B; x() from C to B; }\n"
                                  "  or { n() from A to B; y() from C to B; }\n"
                                  "}\n",
                                  "2:34+1 error [send-validity] 'C' may send 'x' after one run, "
                                  "and may not after another that is the same to it\n"
                                  "one run:\n"
                                  "  1. A -> B: m (line 2)\n"
                                  "  2. C -> B: x (line 2)\n"
                                  "the other:\n"
                                  "  1. A -> B: n (line 3)\n",
                                  "protocol P(role A, role B, role C) {\n"
                                  "  choice at A { m() from A to B; x() from C to B; }\n"
                                  "  or { n() from A to B; x() from C to B; }\n"
                                  "}\n",
                                  NULL},
    [MATY_CLASS_RECEIVE_VALIDITY] =
        {CHECK_MATY,
         "protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; m() from A to C; k() from B to C; }\n"
         "  or { n() from A to B; k() from B to C; m() from A to C; }\n"
         "}\n",
         "2:34+1 error [receive-validity] 'C' waits for 'm' from 'A' after one run; after another "
         "that is the same to it, 'k' from 'B' comes first, and both can be there\n"
         "one run:\n"
         "  1. A -> B: m (line 2)\n"
         "  2. A -> C: m (line 2)\n"
         "the other:\n"
         "  1. A -> B: n (line 3)\n"
         "  2. B -> C: k (line 3)\n",
         "protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; m() from A to C; k() from B to C; }\n"
         "  or { n() from A to B; m() from A to C; k() from B to C; }\n"
         "}\n",
         NULL},
    [MATY_CLASS_MIXED_CHOICE] = {CHECK_MATY,
                                 "protocol P(role A, role B, role C) {\n"
                                 "  choice at A { m() from A to B; k() from B to C; }\n"
                                 "  or { n() from A to B; l() from C to B; }\n"
                                 "}\n",
                                 "3:25+1 error [mixed-choice] 'C' sends 'l' after one run, and "
                                 "waits for 'k' from 'B' after another that is the same to it\n"
                                 "one run:\n"
                                 "  1. A -> B: n (line 3)\n"
                                 "  2. C -> B: l (line 3)\n"
                                 "the other:\n"
                                 "  1. A -> B: m (line 2)\n"
                                 "  2. B -> C: k (line 2)\n",
                                 "protocol P(role A, role B, role C) {\n"
                                 "  choice at A { m() from A to B; k() from B to C; }\n"
                                 "  or { n() from A to B; l() from B to C; }\n"
                                 "}\n",
                                 NULL},
    [MATY_CLASS_RECEPTION] =
        {CHECK_SCRIBBLE,
         "module test;\n"
         "global protocol P(role A, role B) {\n"
         "  choice at A { m() from A to B; x() from A to B; }\n"
         "  or { m() from A to B; y() from A to B; }\n"
         "}\n",
         "4:25+0 error [reception] 'x' from 'A' may come here, and 'B' can first take only 'y'\n"
         "  1. A sends m to B (line 3)\n"
         "  2. B receives m from A (line 4)\n"
         "  3. A sends x to B (line 3)\n",
         "module test;\n"
         "global protocol P(role A, role B) {\n"
         "  choice at A { m() from A to B; x() from A to B; }\n"
         "  or { n() from A to B; y() from A to B; }\n"
         "}\n",
         NULL},
    [MATY_CLASS_ORPHAN] = {EXPLORE,
                           "machine A { 0: m() to B -> 1; 1: n() to B -> 2; 2: end; }\n"
                           "machine B { 0: m() from A -> 1; 1: end; }\n",
                           "the protocol is not accepted\n"
                           "2:33 [orphan] 'n' from 'A' may come here, and 'B' has ended\n"
                           "  1. A sends m to B (line 1)\n"
                           "  2. B receives m from A (line 2)\n"
                           "  3. A sends n to B (line 1)\n",
                           "machine A { 0: m() to B -> 1; 1: end; }\n"
                           "machine B { 0: m() from A -> 1; 1: end; }\n",
                           NULL},
    [MATY_CLASS_DEADLOCK] =
        {EXPLORE,
         "machine A { 0: m() from B -> 1; 1: n() to B -> 2; 2: end; }\n"
         "machine B { 0: n() from A -> 1; 1: m() to A -> 2; 2: end; }\n",
         "the protocol is not accepted\n"
         "1:13 [deadlock] 'A' waits for 'B', 'B' waits for 'A': none can go on\n"
         "     nothing yet\n",
         "machine A { 0: n() to B -> 1; 1: m() from B -> 2; 2: end; }\n"
         "machine B { 0: n() from A -> 1; 1: m() to A -> 2; 2: end; }\n",
         NULL},
    [MATY_CLASS_UNFINISHED] =
        {CHECK_MATY,
         "protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; k() from B to C; }\n"
         "  or { n() from A to B; }\n"
         "}\n",
         "2:34+1 error [unfinished] 'C' goes on with 'k' after one run; after another that is the "
         "same to it the conversation is over, and it waits for ever\n"
         "one run:\n"
         "  1. A -> B: m (line 2)\n"
         "  2. B -> C: k (line 2)\n"
         "the other:\n"
         "  1. A -> B: n (line 3)\n"
         "     the end\n",
         "protocol P(role A, role B, role C) {\n"
         "  choice at A { m() from A to B; k() from B to C; }\n"
         "  or { n() from A to B; l() from B to C; }\n"
         "}\n",
         NULL},
    [MATY_CLASS_ROLE_PROGRESS] =
        {CHECK_SCRIBBLE,
         "module test;\n"
         "global protocol P(role A, role B, role C) {\n"
         "  rec X {\n"
         "    choice at A { m() from A to B; continue X; }\n"
         "    or { n() from A to B; k() from B to C; }\n"
         "  }\n"
         "}\n",
         "5:27+0 error [role-progress] 'C' may wait here for ever while others go on, if choices "
         "are always made alike\n"
         "for ever:\n"
         "  1. A sends m to B (line 4)\n"
         "  2. B receives m from A (line 4)\n",
         "module test;\n"
         "global protocol P(role A, role B, role C) {\n"
         "  rec X {\n"
         "    choice at A { m() from A to B; l() from B to C; continue X; }\n"
         "    or { n() from A to B; k() from B to C; }\n"
         "  }\n"
         "}\n",
         NULL},
    [MATY_CLASS_EVENTUAL_RECEPTION] = {EXPLORE,
                                       "machine A { 0: m() to B -> 1; 1: end; }\n"
                                       "machine B { 0: n() to C -> 0; }\n"
                                       "machine C { 0: n() from B -> 0; }\n",
                                       "the protocol is not accepted\n"
                                       "2:13 [eventual-reception] 'm' from 'A' may come here, and "
                                       "'B' goes on for ever without taking it\n"
                                       "  1. A sends m to B (line 1)\n",
                                       "machine A { 0: m() to B -> 1; 1: end; }\n"
                                       "machine B { 0: m() from A -> 1; 1: n() to C -> 1; }\n"
                                       "machine C { 0: n() from B -> 0; }\n",
                                       NULL},
    [MATY_CLASS_LIMIT] =
        {CHECK_MATY,
         "protocol P(role A, role B) { m(" LISTS_64 "any" CLOSE_63 ")) from A to B; }\n",
         "1:32+387 error [limit] more than 64 types in one another once names are written out\n",
         "protocol P(role A, role B) { m(list(any)) from A to B; }\n", NULL},
    [MATY_CLASS_UNSUPPORTED] =
        {CHECK_MATY, "protocol P(role A, role B) { m() from A to B within [0;5]; }\n",
         "1:46+6 error [unsupported] a time constraint ('within') is not supported\n",
         "protocol P(role A, role B) { m() from A to B; }\n", NULL},
    [MATY_CLASS_SUBTYPE] = {SUBTYPE,
                            "machine A { 0: m() to B -> 1; n() to B -> 1; 1: end; } role B;\n",
                            "the protocol is not accepted\n"
                            "1:31 [subtype] role 'A': 'n' to 'B' is sent where it is not expected\n"
                            "  1. A sends n to B (line 1)\n"
                            "     expected here: to send m() to B\n",
                            "machine A { 0: m() to B -> 1; 1: end; } role B;\n",
                            "machine A { 0: m() to B -> 1; 1: end; } role B;\n"},
};

static char *explored(const char *text) {
  maty_module_t *module = test_read_machines(text);
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_explore(&verdict, maty_module_image(module, 0), NULL, &config);
  maty_module_free(module);
  return test_verdict("test.machines", status, verdict);
}

static char *compared(const char *text, const char *expected) {
  maty_module_t *sub = test_read_machines(text), *super = test_read_machines(expected);
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status =
      maty_subtype(&verdict, maty_module_image(sub, 0), 0, maty_module_image(super, 0), 0, &config);
  maty_module_free(sub);
  maty_module_free(super);
  return test_verdict("test.machines", status, verdict);
}

static char *answer(maty_class class_, const char *text) {
  switch (examples[class_].where) {
  case EXPLORE:
    return explored(text);
  case SUBTYPE:
    return compared(text, examples[class_].expected);
  default: {
    static const maty_dialect dialects[] = {[CHECK_MATY] = MATY_DIALECT_MATY,
                                            [CHECK_SCRIBBLE] = MATY_DIALECT_SCRIBBLE,
                                            [CHECK_NUSCR] = MATY_DIALECT_NUSCR};
    maty_module_t *module = test_check_in(dialects[examples[class_].where], NULL, text);
    char *found = test_module_diagnostics(module);
    maty_module_free(module);
    return found;
  }
  }
}

static void expect_class(maty_class class_, const char *name) {
  char bracketed[40];
  cr_assert_neq(examples[class_].where, NOWHERE, "the class '%s' has no examples", name);
  cr_expect_str_eq(maty_class_name(class_), name);
  if (examples[class_].where == HANDLERS)
    return;
  char *found = answer(class_, examples[class_].bad);
  (void)snprintf(bracketed, sizeof bracketed, "[%s]", name);
  cr_expect_not_null(strstr(found, bracketed), "'%s' is not among\n%s", name, found);
  cr_expect_str_eq(found, examples[class_].diagnostics, "found\n%s", found);
  free(found);
  bool verdict = examples[class_].where == EXPLORE || examples[class_].where == SUBTYPE;
  found = answer(class_, examples[class_].good);
  cr_expect_str_eq(found, verdict ? "ok\n" : "", "the good one of '%s': found\n%s", name, found);
  free(found);
}

Test(classes, each_has_a_bad_and_a_good_example) {
#define EXPECT_CLASS(name, text) expect_class(MATY_CLASS_##name, text);
  MATY_CLASS_MAP(EXPECT_CLASS)
#undef EXPECT_CLASS
}
