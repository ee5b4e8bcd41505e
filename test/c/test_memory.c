/* test_memory.c - checking without enough memory, and being stopped. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Uses everything there is: types, calls, loops, choices, notes and runs. */
static const char text[] =
    "module some.where;\n"
    "import a.library as L;\n"
    "import some.where;\n"
    "import not.there;\n"
    "type order = {integer, line};\n"
    "type line = %{text: string, count: 1..9} | :none;\n"
    "protocol Good(role A, role B, role C) {\n"
    "  hello(order) from A to B, C;\n"
    "  do Ask(A, B);\n"
    "  rec X {\n"
    "    choice at A {\n"
    "      same(x: integer) from A to B; one() from A to B; go() from B to C; continue X;\n"
    "    } or {\n"
    "      same(x: integer) from A to B; two() from A to B; a() from A to C; c() from C to B;\n"
    "    }\n"
    "    do Ask(C, A);\n"
    "  }\n"
    "}\n"
    "aux protocol Ask(role X, role Y) {\n"
    "  ask(Widget) from X to Y;\n"
    "  choice at Y { answer(list(pid)) from Y to X; } or { again() from Y to X; do Ask(X, Y); }\n"
    "}\n"
    "protocol Unequal(role A, role B, role C) {\n"
    "  choice at A { a() from A to B; x() from C to B; } or { b() from A to B; y() from C to B; }\n"
    "}\n"
    "protocol Overtaken(role A, role B, role C) {\n"
    "  choice at A { go() from A to B; a() from A to C; b() from B to C; }\n"
    "  or { no() from A to B; b() from B to C; a() from A to C; }\n"
    "}\n"
    "protocol Early(role A, role B) { choice at A { m() from A to B; n() from A to B; }\n"
    "  or { m() from A to B; } }\n"
    "protocol Typo(role A, role B) { m(intger) from A to X; continue L do Goood(A); }\n"
    "protocol Good(role A) { }\n"
    "protocol Generic(role A, role B) {\n"
    "  do Hand<{integer}, m(x: order)>(A, B); do L.Some<Widget>(A, B); do some.where.Ask(A, B);\n"
    "}\n"
    "aux protocol Hand<type T, sig S>(role A, role B) {\n"
    "  n(list(T), T) from A to B; S from A to B; do More<%{a: T}, (T)>(B, A);\n"
    "}\n"
    "aux protocol More<type T, sig S>(role A, role B) { m(T) from A to B; S from A to B; }\n"
    "protocol Outer(role A, role B) {\n"
    "  nested protocol Inner(role A; new role N) { m(Outer@A) from A to N; }\n"
    "  A calls Inner(A);\n"
    "  rec X [n<A, B>: (i: integer {i > 0 && not (i = 5)}) = 1 + len(x)] { continue X [n - 1]; }\n"
    "}\n";

static maty_status import_module(void *context, const maty_import_t *import, maty_source_t *out) {
  static const char library[] =
      "import some.where;\n"
      "aux protocol Some<type T>(role A, role B) { some(T) from A to B; }\n";
  (void)context;
  *out = (maty_source_t){.name = "library.scr", .text = library, .length = sizeof library - 1};
  return strcmp(import->module, "a.library") == 0 ? MATY_OK : MATY_EINVAL;
}

/* Of a protocol all steps, of the others those up to one that finds an error. */
static const char scribble_text[] =
    "module test;\n"
    "global protocol Good(role A, role B, role C, role D) {\n"
    "  rec X { choice at A { m() from A to B; do Tell(B, A); continue X; } or { n() from A to B; } "
    "}\n"
    "  rec Y { o() from A to B; continue Y; }\n"
    "  p() from C to D;\n"
    "}\n"
    "aux global protocol Tell(role X, role Y) { choice at X { q() from X to Y; } }\n"
    "global protocol Untold(role A, role B, role C) {\n"
    "  choice at A { m() from A to B; } or { n() from C to B; }\n"
    "}\n"
    "global protocol Differs(role A, role B, role C) {\n"
    "  choice at A { m() from A to B; k() from B to C; } or { n() from A to B; l() from A to C; }\n"
    "}\n"
    "global protocol Late(role A, role B, role C) {\n"
    "  rec X { choice at A { m() from A to B; continue X; } or { n() from A to B; n() from B to C; "
    "} }\n"
    "}\n";

static maty_status check_in(maty_dialect dialect, const char *checked, test_memory_t *memory) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  config.allocator = test_allocator(memory);
  config.dialect = dialect;
  config.import = import_module;
  maty_status status = maty_module_check(&module, "test.scr", checked, strlen(checked), &config);
  cr_expect_eq(module != NULL, status == MATY_OK || status == MATY_EREJECTED);
  maty_module_free(module);
  return status;
}

/* The allocations fail one after the other. */
static void expect_failures(maty_dialect dialect, const char *checked, test_memory_t memory) {
  maty_status status;
  do
    status = check_in(dialect, checked, &memory);
  while (test_failed(&memory, status, MATY_EREJECTED));
  cr_expect(memory.fail_at > 5);
}

Test(memory, every_allocation_fails_once) {
  expect_failures(MATY_DIALECT_MATY, text, (test_memory_t){.fail_at = 1});
}

Test(memory, all_allocations_fail_from_one_on) {
  expect_failures(MATY_DIALECT_MATY, text, (test_memory_t){.fail_at = 1, .for_good = true});
}

Test(memory, every_allocation_fails_in_scribble) {
  expect_failures(MATY_DIALECT_SCRIBBLE, scribble_text, (test_memory_t){.fail_at = 1});
}

Test(memory, arguments) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  cr_expect_eq(maty_module_check(NULL, "x", "", 0, &config), MATY_EINVAL);
  cr_expect_eq(maty_module_check(&module, NULL, "", 0, &config), MATY_EINVAL);
  cr_expect_null(module);
  cr_expect_eq(maty_module_check(&module, "x", NULL, 1, &config), MATY_EINVAL);
  cr_expect_eq(maty_module_check(&module, "x", "", 0, NULL), MATY_EINVAL);
  config.dialect = (maty_dialect)7;
  cr_expect_eq(maty_module_check(&module, "x", "", 0, &config), MATY_EINVAL);
  config = maty_config_default();
  config.fairness = (maty_fairness)3;
  cr_expect_eq(maty_module_check(&module, "x", "", 0, &config), MATY_EINVAL);
  config = maty_config_default();
  cr_expect_eq(maty_module_check(&module, "x", NULL, 0, &config), MATY_EREJECTED);
  maty_module_free(module);
  maty_module_free(NULL);
}

/* ===== Being stopped ===================================================== */

/* A ring takes a step for each pair of a role and a state. */
static char *ring(uint32_t roles) {
  test_text_t ring = {0};
  test_text_add(&ring, "protocol Ring(role R0");
  for (uint32_t i = 1; i < roles; i++)
    test_text_add(&ring, ", role R%u", i);
  test_text_add(&ring, ") { rec X { ");
  for (uint32_t i = 0; i < roles; i++)
    test_text_add(&ring, "m() from R%u to R%u; ", i, (i + 1) % roles);
  test_text_add(&ring, "continue X; } }");
  return ring.at;
}

Test(memory, a_check_can_be_stopped) {
  char *long_text = ring(600);
  for (uint64_t stop_after = 0; stop_after < 4; stop_after++) {
    test_memory_t memory = {0};
    test_watch_t seen = {.stop_after = stop_after};
    maty_config_t config = maty_config_default();
    maty_module_t *module;
    config.allocator = test_allocator(&memory);
    config.progress = test_watch;
    config.progress_context = &seen;
    maty_status status =
        maty_module_check(&module, "test.scr", long_text, strlen(long_text), &config);
    cr_expect_eq(status, stop_after == 0 ? MATY_OK : MATY_ECANCELED);
    cr_expect(stop_after == 0 ? seen.calls > 4 : seen.calls == stop_after);
    maty_module_free(module);
    cr_expect_eq(memory.blocks, 0);
  }
  free(long_text);
}

/* ===== Texts of the enumerations ========================================= */

Test(status, texts) {
  cr_expect_str_eq(maty_status_text(MATY_OK), "ok");
  cr_expect_str_eq(maty_status_text(MATY_EREJECTED), "the protocol is not accepted");
  cr_expect_str_eq(maty_status_text(MATY_ETERM), "not a well-formed external term");
  cr_expect_str_eq(maty_status_text((maty_status)99), "unknown status");
  cr_expect_str_eq(maty_class_name(MATY_CLASS_SYNTAX), "syntax");
  cr_expect_str_eq(maty_class_name(MATY_CLASS_UNSUPPORTED), "unsupported");
  cr_expect_str_eq(maty_class_name(MATY_CLASS_COUNT), "unknown class");
}
