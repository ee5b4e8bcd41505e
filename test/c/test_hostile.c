/* test_hostile.c - texts that are deep, long or many, taken all the way: each is
 * checked in every dialect, laid out, drawn, written as machines, read again and
 * explored. What is asked for is an answer, the same kind every time, and that
 * nothing recurses; how long it takes is up to the time that a test has. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "support.h"

static const maty_dialect dialects[] = {MATY_DIALECT_MATY, MATY_DIALECT_SCRIBBLE,
                                        MATY_DIALECT_NUSCR};

static void add_repeated(test_text_t *text, const char *part, uint32_t times) {
  size_t length = strlen(part);
  if (text->capacity - text->length <= length * times) {
    text->capacity = text->length + length * times + 1;
    text->at = realloc(text->at, text->capacity);
    cr_assert_not_null(text->at);
  }
  for (; times > 0; times--, text->length += length)
    memcpy(text->at + text->length, part, length + 1);
}

static test_text_t begin(const char *roles) {
  test_text_t text = {0};
  test_text_add(&text, "module test;\nglobal protocol P(%s) {\n", roles);
  return text;
}

static maty_status count(void *context, const char *text, size_t length) {
  size_t *written = context;
  (void)text;
  *written += length;
  return MATY_OK;
}

static void walk_image(maty_image_t *image) {
  maty_config_t config = maty_config_default();
  test_text_t machines = {0};
  size_t drawn = 0;
  maty_module_t *module;
  maty_verdict_t *verdict;
  cr_assert_eq(maty_machines_write(image, MATY_ALL_ROLES, MATY_MACHINES_PLAIN, &config.allocator,
                                   test_writer(&machines)),
               MATY_OK);
  cr_assert_eq(maty_machines_read(&module, "test.machines", machines.at, machines.length,
                                  MATY_MACHINES_PLAIN, &config),
               MATY_OK);
  maty_module_free(module);
  free(machines.at);
  cr_assert_eq(maty_draw_role(image, 0, MATY_DIAGRAM_MERMAID_STATE, &config.allocator,
                              (maty_writer_t){.write = count, .context = &drawn}),
               MATY_OK);
  maty_explore_options_t options = {.max_states = 1000000};
  for (int fairness = MATY_FAIRNESS_FAIR; fairness <= MATY_FAIRNESS_UNFAIR; fairness++) {
    options.fairness = (maty_fairness)fairness;
    maty_status status = maty_explore(&verdict, image, &options, &config);
    cr_assert(status == MATY_OK || status == MATY_ELIMIT, "%s", maty_status_text(status));
    maty_verdict_free(verdict);
  }
}

/* Takes the text over. "expected" is the status in each dialect, and "can_be_read"
 * whether it can be laid out; what cannot may still be drawn as far as it goes. */
static void walk(test_text_t text, maty_status expected, bool can_be_read) {
  maty_source_t source = {.name = "test.scr", .text = text.at, .length = text.length};
  for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
    maty_config_t config = maty_config_default();
    maty_module_t *module;
    config.dialect = dialects[i];
    cr_assert_eq(maty_module_check(&module, "test.scr", text.at, text.length, &config), expected,
                 "in %s: %s", maty_dialect_name(config.dialect),
                 module == NULL || maty_module_diagnostic_count(module) == 0
                     ? ""
                     : maty_module_diagnostic(module, 0)->text);
    if (expected == MATY_OK && i == 0) /* those of the others are much alike */
      walk_image(maty_module_image(module, 0));
    maty_module_free(module);
  }
  maty_config_t config = maty_config_default();
  size_t written = 0;
  maty_writer_t writer = {.write = count, .context = &written};
  maty_status read = can_be_read ? MATY_OK : MATY_EREJECTED;
  cr_expect_eq(maty_format(&source, &config, writer), read);
  for (int diagram = MATY_DIAGRAM_GRAPHVIZ; diagram <= MATY_DIAGRAM_MERMAID_SEQUENCE; diagram++) {
    maty_status drawn = maty_draw_protocol(&source, "P", (maty_diagram)diagram, &config, writer);
    cr_expect(drawn == MATY_OK || (!can_be_read && drawn == MATY_EREJECTED), "%s",
              maty_status_text(drawn));
  }
  free(text.at);
}

/* ===== Deep ============================================================== */

Test(hostile, loops_in_one_another, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  for (uint32_t i = 0; i < MATY_MAX_DEPTH; i++)
    test_text_add(&text, "rec X%u {", i);
  test_text_add(&text, "m() from A to B; continue X%u;", MATY_MAX_DEPTH - 1);
  add_repeated(&text, "}", MATY_MAX_DEPTH + 1);
  walk(text, MATY_OK, true);
}

Test(hostile, choices_in_one_another, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  add_repeated(&text, "choice at A { a() from A to B; } or { b() from A to B; ", MATY_MAX_DEPTH);
  add_repeated(&text, "}", MATY_MAX_DEPTH + 1);
  walk(text, MATY_OK, true);
}

Test(hostile, calls_in_one_another, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  enum { DEPTH = MATY_MAX_DEPTH - 10 };
  test_text_add(&text, "do P0(A, B); }\n");
  for (uint32_t i = 0; i < DEPTH; i++)
    test_text_add(&text,
                  "aux global protocol P%u(role A, role B) { m() from A to B; do P%u(A, B); }\n", i,
                  i + 1);
  test_text_add(&text, "aux global protocol P%u(role A, role B) { m() from A to B; }\n", DEPTH);
  walk(text, MATY_OK, true);
}

Test(hostile, protocols_in_one_another, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  add_repeated(&text, "nested protocol N(role A; new role B) {", MATY_MAX_DEPTH);
  add_repeated(&text, "}", MATY_MAX_DEPTH + 1);
  walk(text, MATY_EREJECTED, false);
}

Test(hostile, comments_in_one_another, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  test_text_add(&text, "m() from A to B;");
  add_repeated(&text, "(* ", MATY_MAX_DEPTH);
  add_repeated(&text, "*)", MATY_MAX_DEPTH);
  test_text_add(&text, "}\n");
  walk(text, MATY_OK, true);
}

Test(hostile, brackets_that_never_close, .timeout = 300) {
  static const char *const parts[] = {
      "{",       "m(",  "m(x: int{(", "m(x: int{not ",    "m({", "choice at A {",
      "@\"x\" ", "(* ", "do P<",      "m() from A to B, "};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    test_text_t text = begin("role A, role B");
    add_repeated(&text, parts[i], MATY_MAX_DEPTH);
    walk(text, MATY_EREJECTED, false);
    text = begin("role A, role B");
    test_text_add(&text, "m(x: int{");
    add_repeated(&text, parts[i], MATY_MAX_DEPTH);
    walk(text, MATY_EREJECTED, false);
  }
}

/* ===== Long ============================================================== */

Test(hostile, one_line_of_ten_megabytes, .timeout = 300) {
  enum { BYTES = 10000000 };
  test_text_t text = begin("role A, role B");
  test_text_add(&text, "m() from A to B; /*");
  add_repeated(&text, "x", BYTES);
  test_text_add(&text, "*/ n() from B to A; }");
  walk(text, MATY_OK, true);
  text = begin("role A, role B");
  add_repeated(&text, "m() from A to B; n() from B to A; ", 10000);
  add_repeated(&text, " ", BYTES);
  test_text_add(&text, "}");
  walk(text, MATY_OK, true);
  text = begin("role A, role B");
  add_repeated(&text, "m", BYTES);
  walk(text, MATY_EREJECTED, false);
}

/* ===== Many ============================================================== */

/* Each role tells the next. */
static test_text_t chain_of(uint32_t roles) {
  test_text_t text = {0};
  test_text_add(&text, "module test;\nglobal protocol P(role R0");
  for (uint32_t i = 1; i < roles; i++)
    test_text_add(&text, ", role R%u", i);
  test_text_add(&text, ") {\n");
  for (uint32_t i = 1; i < roles; i++)
    test_text_add(&text, "  m() from R%u to R%u;\n", i - 1, i);
  test_text_add(&text, "}\n");
  return text;
}

Test(hostile, roles, .timeout = 300) {
  walk(chain_of(MATY_MAX_ROLES), MATY_OK, true);
  walk(chain_of(10000), MATY_EREJECTED, false);
}

Test(hostile, branches, .timeout = 300) {
  test_text_t text = begin("role A, role B");
  for (uint32_t i = 0; i < 4000; i++)
    test_text_add(&text, "%s { m%u() from A to B; }\n", i == 0 ? "choice at A" : "or", i);
  test_text_add(&text, "}\n");
  walk(text, MATY_OK, true);
}

/* Module "mN" imports the next one. The texts are kept until the check is over. */
static maty_status import_next(void *context, const maty_import_t *import, maty_source_t *out) {
  unsigned long number = strtoul(import->module + 1, NULL, 10);
  test_text_t *text = (test_text_t *)context + number;
  cr_assert_lt(number, MATY_MAX_IMPORTS);
  test_text_add(text,
                "module m%lu;\nimport m%lu;\n"
                "global protocol Q(role A, role B) { m() from A to B; do m%lu.Q(A, B); }\n",
                number, number + 1, number + 1);
  *out = (maty_source_t){.name = "m", .text = text->at, .length = text->length};
  return MATY_OK;
}

Test(hostile, imports_in_a_chain, .timeout = 300) {
  static const char text[] = "import m0;\n"
                             "global protocol P(role A, role B) { do m0.Q(A, B); }\n";
  test_text_t imported[MATY_MAX_IMPORTS] = {{0}};
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  config.import = import_next;
  config.import_context = imported;
  cr_assert_eq(maty_module_check(&module, "test.scr", text, strlen(text), &config), MATY_EREJECTED);
  cr_expect_eq(maty_module_diagnostic_count(module), 1);
  cr_expect_eq(maty_module_diagnostic(module, 0)->class_, MATY_CLASS_LIMIT);
  cr_expect_str_eq(maty_module_diagnostic(module, 0)->text,
                   "the module 'm1000' is one more than can be imported");
  maty_module_free(module);
  for (size_t i = 0; i < MATY_MAX_IMPORTS; i++)
    free(imported[i].at);
}
