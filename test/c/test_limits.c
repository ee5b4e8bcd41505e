/* test_limits.c - each bound of core/limits.h is met with an answer that names
 * it, and texts that could be trouble are none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "support.h"

/* Takes the text over. */
static void expect(test_text_t text, const char *diagnostics) {
  char *found = test_diagnostics(text.at);
  cr_expect_str_eq(found, diagnostics, "found %.500s", found);
  free(found);
  free(text.at);
}

static void add_repeated(test_text_t *text, const char *part, uint32_t times) {
  while (times-- > 0)
    test_text_add(text, "%s", part);
}

/* A conversation of 2^n times what is in "last", by calls that double. */
static test_text_t doubled(uint32_t n, const char *last) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { do P0(A, B); e() from A to B; }\n");
  for (uint32_t i = 0; i < n; i++)
    test_text_add(&text, "aux protocol P%u(role A, role B) { do P%u(A, B); do P%u(A, B); }\n", i,
                  i + 1, i + 1);
  test_text_add(&text, "aux protocol P%u(role A, role B) { %s }\n", n, last);
  return text;
}

/* ===== Bounds of the text ================================================ */

Test(limits, source) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  cr_expect_eq(maty_module_check(&module, "x", "", (size_t)MATY_MAX_SOURCE + 1, &config),
               MATY_ELIMIT);
  cr_expect_null(module);
  char *name = calloc(1, MATY_MAX_SOURCE_NAME + 2);
  cr_assert_not_null(name);
  memset(name, 'x', MATY_MAX_SOURCE_NAME);
  cr_expect_eq(maty_module_check(&module, name, "", 0, &config), MATY_EREJECTED);
  maty_module_free(module);
  name[MATY_MAX_SOURCE_NAME] = 'x';
  cr_expect_eq(maty_module_check(&module, name, "", 0, &config), MATY_ELIMIT);
  free(name);
}

Test(limits, names) {
  char name[MATY_MAX_NAME + 2];
  memset(name, 'n', sizeof name);
  name[MATY_MAX_NAME] = '\0';
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role %s, role B) { %s(%s: :%s) from %s to B; }", name, name,
                name, name, name);
  expect(text, "");
  name[MATY_MAX_NAME] = 'n';
  name[MATY_MAX_NAME + 1] = '\0';
  text = (test_text_t){0};
  test_text_add(&text, "protocol P(role A, role B) { %s() from A to B; }", name);
  expect(text, "1:30+256 error [limit] the name has 256 bytes; at most 255 are allowed\n");
}

Test(limits, statements) {
  test_text_t text = {0};
  test_text_add(&text, "aux protocol P(role A, role B) {\n");
  add_repeated(&text, "m from A to B;", MATY_MAX_STATEMENTS + 1);
  test_text_add(&text, "}\nprotocol Q(role A, role B) { n() from X to B; }");
  expect(text, "2:14000001+13 error [limit] more than 1000000 statements\n");
}

Test(limits, depth_of_blocks) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) {\n");
    add_repeated(&text, "rec X {", MATY_MAX_DEPTH + more);
    test_text_add(&text, "m() from A to B; ");
    add_repeated(&text, "}", MATY_MAX_DEPTH + more);
    test_text_add(&text, "}");
    expect(text,
           more == 0 ? "" : "2:700001+5 error [limit] more than 100000 blocks in one another\n");
  }
}

Test(limits, depth_of_choices) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  add_repeated(&text, "choice at A { a from A to B; } or { b from A to B; ", MATY_MAX_DEPTH);
  add_repeated(&text, "}", MATY_MAX_DEPTH);
  test_text_add(&text, "}");
  expect(text, "");
}

Test(limits, depth_of_calls) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { do P0(A, B); }\n");
  for (uint32_t i = 0; i <= MATY_MAX_DEPTH; i++)
    test_text_add(&text, "aux protocol P%u(role A, role B) { m() from A to B; do P%u(A, B); }\n", i,
                  i < MATY_MAX_DEPTH ? i + 1 : i);
  expect(text, "100001:56+16 error [limit] the conversation 'P' has more than 100000 blocks and "
               "calls in one another here\n");
}

Test(limits, depth_of_types) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) { m(\n");
    add_repeated(&text, "{", MATY_MAX_TYPE_DEPTH - 1 + 2 * more);
    test_text_add(&text, "integer");
    add_repeated(&text, "}", MATY_MAX_TYPE_DEPTH - 1 + 2 * more);
    test_text_add(&text, ") from A to B; }");
    expect(text, more == 0 ? "" : "2:65+1 error [limit] more than 64 types in one another\n");
  }
}

/* One more than the parser itself sees: the names are written out later. */
Test(limits, depth_of_named_types) {
  test_text_t text = {0};
  test_text_add(&text, "type t0 = integer;\n");
  for (uint32_t i = 1; i <= MATY_MAX_TYPE_DEPTH; i++)
    test_text_add(&text, "type t%u = {t%u};\n", i, i - 1);
  test_text_add(&text, "protocol P(role A, role B) { m(t63) from A to B; n(t64) from A to B; }\n");
  expect(text, "65:12+5 error [limit] more than 64 types in one another once names are written "
               "out\n");
}

Test(limits, parts_of_types) {
  test_text_t text = {0};
  test_text_add(&text, "type t0 = integer;\n");
  for (uint32_t i = 1; i < 40; i++)
    test_text_add(&text, "type t%u = {t%u, t%u};\n", i, i - 1, i - 1);
  test_text_add(&text, "protocol P(role A, role B) { m(t12) from A to B; n(t13) from A to B; }\n");
  expect(text, "14:12+10 error [limit] the type has more than 10000 parts once names are written "
               "out\n");
}

Test(limits, integers) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n"
                       "  m(-9223372036854775808..9223372036854775807) from A to B;\n"
                       "  m(9223372036854775808) from A to B;\n"
                       "  m(-9223372036854775809) from A to B;\n"
                       "}\n");
  expect(text, "3:5+19 error [limit] the integer does not fit into 64 bits\n"
               "4:5+20 error [limit] the integer does not fit into 64 bits\n");
}

Test(limits, fields) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) { m(any");
    add_repeated(&text, ",any", MATY_MAX_FIELDS - 1 + more);
    test_text_add(&text, ") from A to B; }");
    expect(text, more == 0 ? "" : "1:31+1025 error [limit] more than 255 fields in one payload\n");
  }
}

Test(limits, depth_of_nested_protocols) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) {\n");
    add_repeated(&text, "nested protocol N(role A, role B) {", MATY_MAX_NESTED + more);
    add_repeated(&text, "m() from A to B; }", MATY_MAX_NESTED + more);
    test_text_add(&text, "m() from A to B; }");
    expect(text, more == 0 ? "" : "2:2241+6 error [limit] more than 64 protocols in one another\n");
  }
}

static maty_status import_itself(void *context, const maty_import_t *import, maty_source_t *out) {
  test_text_t *texts = context;
  *out = (maty_source_t){.name = "imported", .text = texts->at, .length = texts->length};
  return *import->module == 'x' ? MATY_OK : MATY_EINVAL;
}

/* Takes the text over; "imported" is what every import finds. */
static void expect_imports(test_text_t text, test_text_t imported, const char *diagnostic) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  config.import = import_itself;
  config.import_context = &imported;
  maty_status status = maty_module_check(&module, "test.scr", text.at, text.length, &config);
  cr_expect_eq(status, diagnostic == NULL ? MATY_OK : MATY_EREJECTED);
  if (diagnostic != NULL) {
    cr_expect_eq(maty_module_diagnostic_count(module), 1);
    cr_expect_eq(maty_module_diagnostic(module, 0)->class_, MATY_CLASS_LIMIT);
    cr_expect_str_eq(maty_module_diagnostic(module, 0)->text, diagnostic);
  }
  maty_module_free(module);
  free(text.at);
  free(imported.at);
}

/* In each role any branch may be the one that is gone on with, in every combination. */
Test(limits, explored_in_a_check) {
  test_text_t text = {0};
  test_text_add(&text, "module test;\nglobal protocol P(role A, role B) {\n  choice at A {");
  for (uint32_t i = 0; i < 1500; i++)
    test_text_add(&text, "%s m() from A to B; k%u() from B to A; ", i == 0 ? "" : "} or {", i);
  test_text_add(&text, "}\n}\n");
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL, text.at,
                 "2:17+0 error [limit] nothing is wrong in 2000000 configurations with queues of "
                 "1, and there are more than can be looked at\n");
  free(text.at);
}

Test(limits, imports) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0}, imported = {0};
    for (uint32_t i = 1; i <= MATY_MAX_IMPORTS + more; i++)
      test_text_add(&text, "import x%u;\n", i);
    test_text_add(&imported, "module x;");
    expect_imports(text, imported,
                   more == 0 ? NULL : "the module 'x1001' is one more than can be imported");
  }
}

Test(limits, size_of_imports) {
  test_text_t text = {0}, imported = {0};
  test_text_add(&text, "import x1; import x2; import x3;");
  add_repeated(&imported, "                                                                ",
               MATY_MAX_IMPORTED / 2 / 64);
  expect_imports(text, imported, "the module 'x3' is too large to be imported");
}

/* A call that hands a larger type to itself each time. */
Test(limits, types_handed_to_calls) {
  test_text_t text = {0};
  test_text_add(&text,
                "protocol P(role A, role B) { do Q<integer>(A, B); }\n"
                "aux protocol Q<type T>(role A, role B) { m(T) from A to B; do Q<{T}>(A, B); }\n");
  expect(text,
         "2:65+3 error [limit] more than 64 types in one another once names are written out\n");
}

Test(limits, diagnostics) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  add_repeated(&text, "m() from A to X;\n", 3 * MATY_MAX_DIAGNOSTICS);
  test_text_add(&text, "}\n");
  maty_module_t *module = test_check(text.at);
  cr_assert_eq(maty_module_diagnostic_count(module), MATY_MAX_DIAGNOSTICS);
  const maty_diagnostic_t *last = maty_module_diagnostic(module, MATY_MAX_DIAGNOSTICS - 1);
  cr_expect_eq(last->class_, MATY_CLASS_LIMIT);
  cr_expect_eq(last->line, 101);
  cr_expect_str_eq(last->text, "there are more errors; the first 99 are reported");
  maty_module_free(module);
  free(text.at);
}

/* What is found last is in the first line, and there is no room for it. */
Test(limits, diagnostics_by_place) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { m() from A to X; }\n"
                       "protocol Q(role A, role B) {\n");
  add_repeated(&text, "m() from A B;\n", MATY_MAX_DIAGNOSTICS - 1);
  test_text_add(&text, "}\n");
  maty_module_t *module = test_check(text.at);
  cr_assert_eq(maty_module_diagnostic_count(module), MATY_MAX_DIAGNOSTICS);
  for (uint32_t i = 0; i < MATY_MAX_DIAGNOSTICS; i++) {
    bool last = i == MATY_MAX_DIAGNOSTICS - 1;
    const maty_diagnostic_t *found = maty_module_diagnostic(module, i);
    cr_expect_eq(found->class_, last ? MATY_CLASS_LIMIT : MATY_CLASS_SYNTAX);
    cr_expect_eq(found->line, last ? 1 : i + 3);
    cr_expect_eq(found->column, last ? 44 : 12);
  }
  maty_module_free(module);
  free(text.at);
}

/* ===== Bounds of a conversation ========================================== */

Test(limits, roles) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    uint32_t count = MATY_MAX_ROLES + more;
    test_text_add(&text, "protocol P(role R0");
    for (uint32_t i = 1; i < count; i++)
      test_text_add(&text, ",role R%u", i);
    test_text_add(&text, ") {\n");
    for (uint32_t i = 1; i < count; i++)
      test_text_add(&text, "m() from R%u to R%u;\n", i - 1, i);
    test_text_add(&text, "}\n");
    expect(text, more == 0 ? "" : "1:43963+5 error [limit] more than 4096 roles in one protocol\n");
  }
}

Test(limits, actions) {
  for (uint32_t more = 0; more < 2; more++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) {\n");
    for (uint32_t i = 0; i < MATY_MAX_ACTIONS + more; i++)
      test_text_add(&text, "m%u from A to B;\n", i);
    test_text_add(&text, "}\n");
    expect(text, more == 0 ? ""
                           : "1:17+1 error [limit] the role 'A' sends and receives more than 4096 "
                             "different messages\n");
  }
}

Test(limits, points) {
  expect(doubled(20, "m() from A to B;"),
         "21:36+12 error [limit] the conversation 'P' has more than 1000000 points here\n");
}

Test(limits, states_of_all_machines) {
  expect(doubled(17, "m from A to B; n from B to A; m from A to B; n from B to A;"),
         "1:25+1 error [limit] the machines up to that of 'B' have more than 1000000 states\n");
}

Test(limits, bytes_of_an_image) {
  expect(doubled(18,
                 "choice at A { a from A to B; } or { b from A to B; } or { c from A to B; } or "
                 "{ d from A to B; } or { f from A to B; }"),
         "1:10+1 error [limit] the image of 'P' has more than 67108864 bytes\n");
}

/* Each call turns the roles by one, so each is a conversation of its own. */
Test(limits, roles_of_calls) {
  enum { COUNT = 3000 };
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role R0");
  for (uint32_t i = 1; i < COUNT; i++)
    test_text_add(&text, ", role R%u", i);
  test_text_add(&text, ") {\nm() from R0 to R1;\ndo P(R1");
  for (uint32_t i = 2; i <= COUNT; i++)
    test_text_add(&text, ", R%u", i % COUNT);
  test_text_add(&text, "); }\n");
  expect(text, "3:1+19894 error [limit] the conversation 'P' has more than 8000000 roles and types "
               "handed to "
               "calls here\n");
}

Test(limits, transitions) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  for (uint32_t i = 0; i < 3000; i++)
    test_text_add(&text, "choice at A { m%u from A to B; } or { }\n", i);
  test_text_add(&text, "e from A to B; }\n");
  expect(text, "1:10+1 error [limit] the conversation 'P' has more than 4000000 transitions\n");
}

/* After k messages the conversation may be at any of the choices behind the k-th. */
Test(limits, members_of_states) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  add_repeated(&text, "choice at A { m from A to B; } or { }\n", 6000);
  test_text_add(&text, "e from A to B; }\n");
  expect(text, "1:10+1 error [limit] the conversation 'P' has more than 16000000 members in the "
               "sets of its states\n");
}

/* What C gets does not tell it when the last forty letters begin, nor which of
 * the four ends they are: its machine would have to remember each set of places
 * that the conversation may have come to. */
Test(limits, members_of_a_machines_states) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B, role C) {\n"
                       "rec X { choice at A { s from A to B; a from B to C; continue X; }\n"
                       "or { t from A to B; b from B to C; continue X; }\n");
  for (uint32_t i = 0; i < 4; i++) {
    test_text_add(&text, "or { g%u from A to B; a from B to C;\n", i);
    add_repeated(
        &text,
        "choice at A { s from A to B; a from B to C; } or { t from A to B; b from B to C; }\n", 40);
    test_text_add(&text, "end from A to B; end from B to C; }\n");
  }
  test_text_add(&text, "} }\n");
  expect(text,
         "1:33+1 error [limit] the machines up to that of 'C' have more than 16000000 members "
         "in the sets of their states\n");
}

/* C may be told at any point, or later: what is ahead of it is as long each
 * time as all that is left. */
Test(limits, steps) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role C, role A, role B) {\n");
  for (uint32_t i = 0; i < 4000; i++)
    test_text_add(&text, "choice at A { m from A to B; c%u from A to C; } or { n from A to B; }\n",
                  i);
  test_text_add(&text, "e from A to C; }\n");
  expect(text, "1:17+1 error [limit] deciding the conversation as 'C' sees it takes more than "
               "400000000 steps\n");
}

/* Which of the roles S are blocked is different on each way. */
Test(limits, availability) {
  enum { CHOICES = 18 };
  test_text_t text = {0};
  test_text_add(&text, "protocol X(role P, role Q, role Z");
  for (uint32_t i = 0; i < CHOICES; i++)
    test_text_add(&text, ", role S%u", i);
  test_text_add(&text, ") {\nchoice at Z { go from Z to Q; m from Q to P; ");
  for (uint32_t i = 0; i < CHOICES; i++)
    test_text_add(&text, "no from P to S%u; ", i);
  test_text_add(&text, "} or { no from Z to Q; n from Z to P;\n");
  for (uint32_t i = 0; i < CHOICES; i++)
    test_text_add(&text,
                  "choice at Z { a from Z to P; k from P to S%u; } or { b from Z to P; l from Z to "
                  "S%u; }\n",
                  i, i);
  test_text_add(&text, "o from Q to P; } }\n");
  maty_module_t *module = test_check(text.at);
  cr_assert(maty_module_diagnostic_count(module) > 0);
  cr_expect_eq(maty_module_diagnostic(module, 0)->class_, MATY_CLASS_LIMIT);
  cr_expect_str_eq(maty_module_diagnostic(module, 0)->text,
                   "which messages can arrive at 'P' out of turn takes more than 100000 steps to "
                   "decide");
  cr_expect_null(maty_module_image(module, 0));
  maty_module_free(module);
  free(text.at);
}

/* The runs would be too long to find the shortest of; the error is told. */
Test(limits, explained) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B, role C) {\n");
  add_repeated(&text, "m from A to B;\n", 1500);
  test_text_add(&text, "choice at A { x from A to B; y from B to C; } or { z from A to B; } }\n");
  expect(text, "1:33+1 error [unfinished] 'C' cannot tell apart two runs after which it has to do "
               "different things; they are too long to be shown\n");
}

/* Of a long run the beginning and the end are shown. */
Test(limits, shown) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  add_repeated(&text, "m from A to B;\n", 100);
  test_text_add(&text, "choice at A { x from A to B; } or { } }\n");
  maty_module_t *module = test_check(text.at);
  cr_assert_eq(maty_module_diagnostic_count(module), 1);
  const char *run = maty_module_diagnostic(module, 0)->run;
  cr_expect_not_null(
      strstr(run, " 30. A -> B: m (line 31)\n     40 more\n 71. A -> B: m (line 72)\n"), "%s", run);
  cr_expect_not_null(strstr(run,
                            "100. A -> B: m (line 101)\neither:\n101. A -> B: x (line 102)\nor:\n"
                            "     the end\n"),
                     "%s", run);
  maty_module_free(module);
  free(text.at);
}

/* ===== Texts that could be trouble ======================================= */

Test(limits, one_long_line) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { rec X { ");
  add_repeated(&text, "m(integer, list(string)) from A to B; n() from B to A; ", 180000);
  test_text_add(&text, "continue X; } }");
  expect(text, "");
}

Test(limits, many_protocols) {
  test_text_t text = {0};
  for (uint32_t i = 0; i < 20000; i++)
    test_text_add(&text, "protocol P%u(role A, role B) { m%u(T%u) from A to B; }\n", i, i, i);
  expect(text, "");
}

Test(limits, many_mistakes) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role Alfa");
  for (uint32_t i = 0; i < 3000; i++)
    test_text_add(&text, ", role Alfa%u", i);
  test_text_add(&text, ") {\n");
  add_repeated(&text, "m(itneger) from Alva to Alba; ", 20000);
  test_text_add(&text, "}");
  maty_module_t *module = test_check(text.at);
  cr_expect_eq(maty_module_diagnostic_count(module), MATY_MAX_DIAGNOSTICS);
  maty_module_free(module);
  free(text.at);
}

/* Each state is an error, each with a run as long as the text up to it. */
Test(limits, many_errors_far_away) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  add_repeated(&text, "choice at A { m from A to B; } or { n from B to A; }\n", 50000);
  test_text_add(&text, "}\n");
  maty_module_t *module = test_check(text.at);
  cr_expect_eq(maty_module_diagnostic_count(module), MATY_MAX_DIAGNOSTICS);
  maty_module_free(module);
  free(text.at);
}

Test(limits, many_keys) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { m(%%{");
  for (uint32_t i = 0; i < 200000; i++)
    test_text_add(&text, "k%u: any, ", i % 150000);
  test_text_add(&text, "k: any}) from A to B; }");
  maty_module_t *module = test_check(text.at);
  cr_expect_eq(maty_module_diagnostic_count(module), MATY_MAX_DIAGNOSTICS);
  cr_expect_str_eq(maty_module_diagnostic(module, 0)->text, "the key 'k0' stands twice");
  maty_module_free(module);
  free(text.at);
}

Test(limits, brackets_that_never_close) {
  static const char *const parts[] = {"{",
                                      "(",
                                      "(*",
                                      "protocol P(role A, role B) {",
                                      "rec X {",
                                      "m(list(",
                                      "choice at A {",
                                      "} or {",
                                      "\"",
                                      "/*",
                                      "<",
                                      "%{"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) { ");
    add_repeated(&text, parts[i], 50000);
    maty_module_t *module = test_check(text.at);
    cr_expect(maty_module_diagnostic_count(module) > 0);
    maty_module_free(module);
    free(text.at);
  }
}
