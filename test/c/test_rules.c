/* test_rules.c - the rules that one dialect has and another has not: what follows
 * what, who is told of a choice, which branches go together. Each rule has a
 * protocol that keeps it and one that breaks it, with all the diagnostics. */
#include <criterion/criterion.h>
#include <string.h>

#include "support.h"

/* Checks under a kind of choice; the class of the first error, or "good". */
static const char *first_class(maty_dialect dialect, maty_fairness fairness, const char *text) {
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  config.dialect = dialect;
  config.fairness = fairness;
  maty_status status = maty_module_check(&module, "test.scr", text, strlen(text), &config);
  cr_assert(status == MATY_OK || status == MATY_EREJECTED, "status %s", maty_status_text(status));
  const maty_diagnostic_t *first = maty_module_diagnostic(module, 0);
  const char *found = first == NULL ? "good" : maty_class_name(first->class_);
  maty_module_free(module);
  return found;
}

Test(rules_enabling, told) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; k() from B to C; }\n"
                 "  or { n() from A to B; l() from B to C; }\n"
                 "  done() from C to A;\n"
                 "}\n",
                 "");
}

Test(rules_enabling, sender) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; k() from C to B; }\n"
                 "  or { n() from A to B; l() from B to C; }\n"
                 "}\n",
                 "3:43+1 error [role-not-enabled] 'C' cannot send 'k' here: nothing has told it of "
                 "the branch that this stands in\n"
                 "3:3+11 note [role-not-enabled] it is not told of this choice before\n");
}

Test(rules_enabling, subject) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  choice at A {\n"
                 "    choice at B { m() from B to A; } or { n() from B to A; }\n"
                 "  } or {\n"
                 "    k() from A to B;\n"
                 "  }\n"
                 "}\n",
                 "4:15+1 error [choice-subject] 'B' cannot choose here: nothing has told it of the "
                 "branch that this stands in\n"
                 "3:3+11 note [choice-subject] it is not told of this choice before\n");
}

/* A role that was enabled before a choice is so behind it. */
Test(rules_enabling, before_counts) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; } or { n() from A to B; }\n"
                 "  k() from C to B;\n"
                 "}\n",
                 "");
}

Test(rules_enabling, in_all_branches) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A {\n"
                 "    m() from A to B;\n"
                 "    choice at B { k() from B to C; } or { l() from B to C; }\n"
                 "    o() from C to A;\n"
                 "  } or {\n"
                 "    n() from A to B;\n"
                 "    i() from B to C;\n"
                 "  }\n"
                 "}\n",
                 "");
}

Test(rules_enabling, not_in_all_branches) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A {\n"
                 "    m() from A to B;\n"
                 "    choice at B { k() from B to C; k() from C to A; } or { l() from B to A; }\n"
                 "    o() from C to A;\n"
                 "  } or {\n"
                 "    n() from A to B;\n"
                 "    i() from B to C;\n"
                 "  }\n"
                 "}\n",
                 "6:14+1 error [role-not-enabled] 'C' cannot send 'o' here: nothing has told it of "
                 "the branch that this stands in\n"
                 "3:3+11 note [role-not-enabled] it is not told of this choice before\n");
}

Test(rules_enabling, loop) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  rec X {\n"
                 "    choice at A {\n"
                 "      m() from A to B;\n"
                 "      choice at B { k() from B to A; k() from A to C; continue X; }\n"
                 "      or { l() from B to A; l() from A to C; continue X; }\n"
                 "    }\n"
                 "  }\n"
                 "}\n",
                 "");
}

Test(rules_enabling, loop_forgets) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C) {\n"
      "  rec X {\n"
      "    choice at A {\n"
      "      m() from A to B;\n"
      "      choice at B { k() from B to C; continue X; } or { l() from B to C; continue X; }\n"
      "    } or {\n"
      "      n() from A to B;\n"
      "      stop() from B to C;\n"
      "    }\n"
      "  }\n"
      "}\n",
      "4:15+1 error [choice-subject] 'A' cannot choose here: nothing has told it of the branch "
      "that this stands in\n"
      "3:3+5 note [choice-subject] this loop comes round with a choice that 'A' is not told of\n");
}

Test(rules_enabling, call) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C) {\n"
      "  choice at A { m() from A to B; do Q(B, C); } or { n() from A to B; do Q(C, B); }\n"
      "}\n"
      "aux global protocol Q(role X, role Y) { hi() from X to Y; }\n",
      "5:51+1 error [role-not-enabled] 'X' cannot send 'hi' here: nothing has told it of the "
      "branch that this stands in\n"
      "5:28+1 note [role-not-enabled] this is called where 'X' is not told of the choice around "
      "it\n");
}

Test(rules_enabling, call_enables) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; do Tell(B, C); x() from C to A; }\n"
                 "  or { n() from A to B; do Tell(B, C); x() from C to A; }\n"
                 "}\n"
                 "aux global protocol Tell(role X, role Y) {\n"
                 "  choice at X { hi() from X to Y; } or { ho() from X to Y; }\n"
                 "}\n",
                 "");
}

Test(rules_enabling, call_of_itself) {
  cr_expect_str_eq(
      first_class(MATY_DIALECT_SCRIBBLE, MATY_FAIRNESS_FAIR,
                  "module test;\n"
                  "global protocol P(role A, role B, role C) {\n"
                  "  m() from A to B;\n"
                  "  choice at A { n() from A to B; hi() from B to C; do P(B, A, C); }\n"
                  "  or { o() from A to B; bye() from B to C; }\n"
                  "}\n"),
      "good");
}

Test(rules_enabling, call_of_itself_forgets) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  m() from A to B;\n"
                 "  choice at A { n() from A to C; do P(B, A, C); }\n"
                 "  or { o() from A to C; p() from C to B; }\n"
                 "}\n",
                 "3:12+1 error [role-not-enabled] 'A' cannot send 'm' here: nothing has told it of "
                 "the branch that this stands in\n"
                 "2:24+1 note [role-not-enabled] this is called where 'A' is not told of the "
                 "choice around it\n");
}

Test(rules_subject, same) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; k() from B to C; } or { n() from A to B; l() "
                 "from B to C; }\n"
                 "}\n",
                 "");
}

Test(rules_subject, differs) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A {\n"
                 "    m() from A to B;\n"
                 "    k() from B to C;\n"
                 "  } or {\n"
                 "    n() from A to B;\n"
                 "    l() from A to C;\n"
                 "  }\n"
                 "}\n",
                 "8:5+1 error [choice-subject] what comes first for 'C' is from 'A' here, and from "
                 "'B' in another branch: one role has to tell it in all of them\n"
                 "5:5+1 note [choice-subject] the other branch is here\n");
}

Test(rules_subject, behind_a_loop) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  rec X {\n"
                 "    choice at A { m() from A to B; k() from B to C; continue X; }\n"
                 "    or { n() from A to B; l() from A to C; }\n"
                 "  }\n"
                 "}\n",
                 "5:27+1 error [choice-subject] what comes first for 'C' is from 'A' here, and "
                 "from 'B' in another branch: one role has to tell it in all of them\n"
                 "4:36+1 note [choice-subject] the other branch is here\n");
}

Test(rules_order, nothing_behind_continue) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  rec X {\n"
                 "    choice at A { m() from A to B; continue X; } or { n() from A to B; }\n"
                 "    k() from A to B;\n"
                 "  }\n"
                 "}\n",
                 "4:36+10 error [unreachable] the loop 'X' goes on here, and something follows the "
                 "choice around it: a 'continue' has to come last in its loop\n");
}

Test(rules_order, branch_that_never_ends) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  choice at A { m() from A to B; }\n"
                 "  or { n() from A to B; rec X { o() from A to B; continue X; } }\n"
                 "  k() from A to B;\n"
                 "}\n",
                 "");
}

Test(rules_order, loop_that_never_ends) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  n() from C to B;\n"
                 "}\n",
                 "4:3+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(rules_order, no_branch_ends) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  choice at A { rec X { m() from A to B; continue X; } }\n"
                 "  or { rec X { n() from A to B; continue X; } }\n"
                 "  k() from A to B;\n"
                 "}\n",
                 "5:3+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(rules_order, call_that_never_ends) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  do Q(A, B);\n"
                 "  n() from A to B;\n"
                 "}\n"
                 "aux global protocol Q(role A, role B) { m() from A to B; do Q(A, B); }\n",
                 "4:3+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

/* A role goes past a loop that is nothing to it. */
Test(rules_order, loop_of_others) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  n() from C to D;\n"
                 "}\n",
                 "");
}

Test(rules_order, beside_a_loop) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  rec Y { n() from C to D; continue Y; }\n"
                 "}\n",
                 "");
}

Test(rules_order, beside_a_loop_with_an_error) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D, role E) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  rec Y { n() from C to D; continue Y; }\n"
                 "}\n",
                 "2:56+1 error [unused-role] the role 'E' takes no part in the conversation\n");
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  rec Y { n() from C to D; o() from D to A; continue Y; }\n"
                 "}\n",
                 "4:3+5 error [unreachable] nothing leads here: what comes before never ends\n");
}

/* Whoever goes past what never ends has been told of nothing there. */
Test(rules_order, beside_a_loop_in_a_branch) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C, role D) {\n"
      "  choice at A {\n"
      "    do Q(A, B);\n"
      "    do Q(C, D);\n"
      "  } or {\n"
      "    rec X { m() from A to B; o() from B to A; continue X; }\n"
      "    rec Y { n() from C to D; continue Y; }\n"
      "  }\n"
      "}\n"
      "aux global protocol Q(role A, role B) { k() from A to B; do Q(A, B); }\n",
      "8:22+1 error [role-not-enabled] 'C' cannot send 'n' here: nothing has told it of "
      "the branch that this stands in\n"
      "3:3+11 note [role-not-enabled] it is not told of this choice before\n"
      "11:50+1 error [role-not-enabled] 'A' cannot send 'k' here: nothing has told it of "
      "the branch that this stands in\n"
      "11:28+1 note [role-not-enabled] this is called where 'A' is not told of the "
      "choice around it\n");
}

/* The parts as they are written cannot run if they do not tell branches apart. */
Test(rules_order, beside_a_loop_and_alike) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  rec X { m() from A to B; continue X; }\n"
                 "  rec Y {\n"
                 "    choice at C { n() from C to D; continue Y; }\n"
                 "    or { n() from C to D; n() from C to D; continue Y; }\n"
                 "  }\n"
                 "}\n",
                 "4:3+5 error [unsupported] this goes on beside what comes before and never ends: "
                 "with two branches that begin with one message, that is not supported\n");
}

Test(rules_pruned, loops) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  rec X { continue X; }\n"
                 "  choice at A { rec Y { choice at A { m() from A to B; } or { continue Y; } } }\n"
                 "  or { n() from A to B; }\n"
                 "}\n",
                 "");
}

Test(rules_pruned, to_nothing) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  rec X { choice at A { continue X; } }\n"
                 "}\n",
                 "2:24+1 error [unused-role] the role 'A' takes no part in the conversation\n"
                 "2:32+1 error [unused-role] the role 'B' takes no part in the conversation\n");
}

/* So A has to send m: the branches beside it are not there. */
Test(rules_pruned, branches) {
  static const char text[] = "module test;\n"
                             "global protocol P(role A, role B) {\n"
                             "  choice at A { } or { m() from A to B; }\n"
                             "  or { rec X { continue X; } } or { choice at A { } or { } }\n"
                             "  n() from A to B;\n"
                             "}\n";
  maty_module_t *module = test_check_in(MATY_DIALECT_SCRIBBLE, NULL, text);
  cr_assert_eq(maty_module_diagnostic_count(module), 0);
  char *machine = test_write_machines(maty_module_image(module, 0), 0, MATY_MACHINES_PLAIN);
  cr_expect_str_eq(machine,
                   "machines P;\n"
                   "\n"
                   "machine A {\n"
                   "  0: m() to B -> 1;\n"
                   "  1: n() to B -> 2;\n"
                   "  2: end;\n"
                   "}\n"
                   "\n"
                   "role B;\n",
                   "%s", machine);
  free(machine);
  maty_module_free(module);
}

/* C is told by one of two branches that are there. */
Test(rules_pruned, no_branches_with_something) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C) {\n"
      "  choice at A { m() from A to B; n() from B to C; } or { m() from A to B; } or { }\n"
      "}\n",
      "3:34+0 error [unfinished] 'C' may wait here for ever: nobody is left to go on with\n"
      "  1. A sends m to B (line 3)\n"
      "  2. B receives m from A (line 3)\n"
      "     the end\n");
}

Test(rules_pruned, no_continue_that_something_follows) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B) {\n"
      "  rec X { choice at A { continue X; } or { m() from A to B; } n() from B to A; }\n"
      "}\n",
      "3:25+10 error [unreachable] the loop 'X' goes on here, and something follows the "
      "choice around it: a 'continue' has to come last in its loop\n");
}

Test(rules_pruned, what_a_role_chooses) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  m() from A to B;\n"
                 "  rec X { choice at C { continue X; } or { rec Y { continue Y; } } }\n"
                 "}\n",
                 "2:40+1 error [unused-role] the role 'C' takes no part in the conversation\n");
}

Test(rules_labels, same_payload) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; x() from B to C; } or { m() from A to B; y() "
                 "from B to C; }\n"
                 "}\n",
                 "");
}

/* Each role is in one branch from the first message on; B may be in the other one. */
Test(rules_labels, one_branch_each) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B) {\n"
      "  choice at A { m() from A to B; x() from B to A; } or { m() from A to B; y() from B to A; "
      "}\n"
      "}\n",
      "3:34+0 error [reception] 'y' from 'B' may come here, and 'A' can first take only 'x'\n"
      "  1. A sends m to B (line 3)\n"
      "  2. B receives m from A (line 3)\n"
      "  3. B sends y to A (line 3)\n");
}

/* C never skips a branch that tells it something. */
Test(rules_branches, untold) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C) {\n"
      "  rec X {\n"
      "    choice at A { m() from A to B; k() from A to C; } or { n() from A to B; }\n"
      "    l() from A to C;\n"
      "    continue X;\n"
      "  }\n"
      "}\n",
      "4:36+0 error [reception] 'l' from 'A' may come here, and 'C' can first take only 'k'\n"
      "  1. A sends n to B (line 4)\n"
      "  2. A sends l to C (line 5)\n");
}

Test(rules_progress, unfair) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, NULL,
      "module test;\n"
      "global protocol P(role A, role B, role C) {\n"
      "  rec X {\n"
      "    choice at A { m() from A to B; continue X; } or { n() from A to B; k() from B to C; }\n"
      "  }\n"
      "}\n",
      "4:72+0 error [role-progress] 'C' may wait here for ever while others go on, if choices are "
      "always made alike\n"
      "for ever:\n"
      "  1. A sends m to B (line 4)\n"
      "  2. B receives m from A (line 4)\n");
}

Test(rules_progress, fair) {
  cr_expect_str_eq(first_class(MATY_DIALECT_SCRIBBLE, MATY_FAIRNESS_FAIR,
                               "module test;\n"
                               "global protocol P(role A, role B, role C) {\n"
                               "  rec X {\n"
                               "    choice at A { m() from A to B; continue X; } or { n() from A "
                               "to B; k() from B to C; }\n"
                               "  }\n"
                               "}\n"),
                   "good");
}

Test(rules_progress, unfair_when_asked) {
  cr_expect_str_eq(first_class(MATY_DIALECT_MATY, MATY_FAIRNESS_UNFAIR,
                               "protocol P(role A, role B, role C) {\n"
                               "  rec X {\n"
                               "    choice at A { m() from A to B; continue X; } or { n() from A "
                               "to B; k() from B to C; }\n"
                               "  }\n"
                               "}\n"),
                   "role-progress");
}

Test(rules_nuscr, labels) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B) {\n"
                 "  choice at A { m() from A to B; x() from B to A; }\n"
                 "  or { m() from A to B; y() from B to A; }\n"
                 "}\n",
                 "3:8+1 error [dup-label] two branches begin with 'm': what comes next has to "
                 "differ in its label\n"
                 "2:17+1 note [dup-label] the other one is here\n");
}

Test(rules_nuscr, labels_of_nested_choices) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B) {\n"
                 "  choice at A {\n"
                 "    choice at A { m() from A to B; } or { n() from A to B; }\n"
                 "  } or {\n"
                 "    n() from A to B;\n"
                 "  }\n"
                 "}\n",
                 "5:5+1 error [dup-label] two branches begin with 'n': what comes next has to "
                 "differ in its label\n"
                 "3:43+1 note [dup-label] the other one is here\n");
}

Test(rules_nuscr, labels_of_one_call) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "protocol P(role A, role B) {\n"
                 "  choice at A { do Q(A, B); } or { do Q(A, B); }\n"
                 "}\n"
                 "protocol Q(role A, role B) { m() from A to B; }\n",
                 "2:36+10 error [dup-label] two branches go on in the same way here: what comes "
                 "next has to differ in its label\n");
}

Test(rules_nuscr, labels_differ) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B) {\n"
                 "  choice at A { m() from A to B; } or { n() from A to B; }\n"
                 "}\n",
                 "");
}

Test(rules_nuscr, receivers) {
  test_expect_in(
      MATY_DIALECT_NUSCR, NULL,
      "global protocol P(role A, role B, role C) {\n"
      "  choice at A { m() from A to B; x() from B to C; }\n"
      "  or { n() from A to C; y() from C to B; }\n"
      "}\n",
      "3:8+1 error [choice-subject] one branch begins with a message to 'C', and another with one "
      "to 'B' (line 2): one role has to be told first in all of them\n");
}

/* Only the first message of a branch has to go to one role. */
Test(rules_nuscr, receivers_later) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B, role C) {\n"
                 "  choice at A { m() from A to B; x() from B to C; }\n"
                 "  or { n() from A to B; y() from A to C; }\n"
                 "}\n",
                 "");
}

Test(rules_nuscr, unused_role) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B, role C) { m() from A to B; }\n", "");
}

Test(rules_nuscr, nothing_at_all) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL, "global protocol P(role A, role B) { }\n", "");
}

Test(rules_nuscr, unguarded) {
  test_expect_in(
      MATY_DIALECT_NUSCR, NULL,
      "global protocol P(role A, role B) {\n"
      "  m() from A to B;\n"
      "  rec X { choice at A { continue X; } or { n() from A to B; } }\n"
      "}\n",
      "3:25+10 error [unguarded] this comes back to itself without a message on the way\n");
}

/* ===== The first rule that is broken ===================================== */

/* A "continue" that is not last is a mistake here, too. */
Test(rules_order, subject_before_what_is_unreachable) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C) {\n"
                 "  rec X {\n"
                 "    choice at A {\n"
                 "      m() from A to B;\n"
                 "      k() from B to C;\n"
                 "      continue X;\n"
                 "    } or {\n"
                 "      n() from A to B;\n"
                 "      l() from A to C;\n"
                 "    }\n"
                 "    done() from A to C;\n"
                 "  }\n"
                 "}\n",
                 "10:7+1 error [choice-subject] what comes first for 'C' is from 'A' here, and "
                 "from 'B' in another branch: one role has to tell it in all of them\n"
                 "6:7+1 note [choice-subject] the other branch is here\n");
}

/* In one automaton B could go on where A could go on too; what comes of that is told. */
Test(rules_order, runs_before_the_sender) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) {\n"
                 "  m() from B to A;\n"
                 "  choice at A {\n"
                 "    go() from A to B;\n"
                 "    x() from A to B;\n"
                 "  } or {\n"
                 "    go() from A to B;\n"
                 "    y() from B to A;\n"
                 "  }\n"
                 "}\n",
                 "6:5+0 error [orphan] 'y' from 'B' may come here, and 'A' ends without taking it\n"
                 "  1. B sends m to A (line 3)\n"
                 "  2. A receives m from B (line 3)\n"
                 "  3. A sends go to B (line 5)\n"
                 "  4. B receives go from A (line 8)\n"
                 "  5. B sends y to A (line 9)\n"
                 "9:5+0 error [deadlock] 'A' waits for 'B', 'B' waits for 'A': none can go on\n"
                 "  1. B sends m to A (line 3)\n"
                 "  2. A receives m from B (line 3)\n"
                 "  3. A sends go to B (line 8)\n"
                 "  4. B receives go from A (line 5)\n"
                 "9:5+0 error [orphan] 'x' from 'A' may come here, and 'B' ends without taking it\n"
                 "  1. B sends m to A (line 3)\n"
                 "  2. A receives m from B (line 3)\n"
                 "  3. A sends go to B (line 5)\n"
                 "  4. B receives go from A (line 8)\n"
                 "  5. A sends x to B (line 6)\n");
}

/* What follows the two would be a reception error. */
Test(rules_order, payloads_before_runs) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "type <java> \"a\" from \"b\" as T;\n"
                 "type <java> \"c\" from \"b\" as U;\n"
                 "global protocol P(role A, role B) {\n"
                 "  choice at A {\n"
                 "    m(T) from A to B;\n"
                 "    x() from B to A;\n"
                 "  } or {\n"
                 "    m(U) from A to B;\n"
                 "    y() from B to A;\n"
                 "  }\n"
                 "}\n",
                 "9:5+1 error [nondet-payload] 'm' has another payload here than in line 6, and "
                 "both may come next\n"
                 "6:5+1 note [nondet-payload] the other one is here\n");
}

Test(rules_order, unused_role_before_the_subject) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  choice at A {\n"
                 "    m() from A to B;\n"
                 "    k() from B to C;\n"
                 "  } or {\n"
                 "    n() from A to C;\n"
                 "    l() from C to B;\n"
                 "  }\n"
                 "}\n",
                 "2:48+1 error [unused-role] the role 'D' takes no part in the conversation\n");
}

/* The first protocol has roles that take no part. */
Test(rules_order, names_before_all) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B) { }\n"
                 "global protocol Q(role A, role B) { m() from A to B; }\n"
                 "global protocol Q(role A, role B) { m() from A to B; }\n",
                 "4:17+1 error [dup-protocol] the protocol 'Q' is declared twice\n"
                 "3:17+1 note [dup-protocol] it is declared here first\n");
}

/* C and D have no part in the choice, and need not wait for its end. */
Test(rules_loops, branch_that_never_ends) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL,
                 "module test;\n"
                 "global protocol P(role A, role B, role C, role D) {\n"
                 "  choice at A {\n"
                 "    rec X { m() from A to B; n() from B to A; continue X; }\n"
                 "  } or {\n"
                 "    k() from A to B;\n"
                 "  }\n"
                 "  done() from C to D;\n"
                 "}\n",
                 "");
}

/* One after the other may have one name. */
Test(rules_nuscr, loops_differ) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL,
                 "global protocol P(role A, role B) {\n"
                 "  rec X { m() from A to B; }\n"
                 "  rec X {\n"
                 "    n() from A to B;\n"
                 "    choice at A {\n"
                 "      rec X { k() from A to B; continue X; }\n"
                 "    } or {\n"
                 "      rec Y { l() from A to B; continue X; }\n"
                 "    }\n"
                 "  }\n"
                 "}\n",
                 "6:11+1 error [dup-label] a loop around this is named 'X', too\n"
                 "3:7+1 note [dup-label] it is this one\n");
}
