/* test_format.c - texts in the one layout. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static char *format_in(maty_dialect dialect, const char *text, maty_status expected) {
  test_text_t found = {0};
  maty_config_t config = maty_config_default();
  config.dialect = dialect;
  maty_source_t source = {.name = "test.scr", .text = text, .length = strlen(text)};
  test_text_add(&found, "%s", "");
  maty_status status = maty_format(&source, &config, test_writer(&found));
  cr_assert_eq(status, expected, "%s of\n%s", maty_status_text(status), text);
  return found.at;
}

static char *format(const char *text, maty_status expected) {
  return format_in(MATY_DIALECT_MATY, text, expected);
}

/* What is laid out once is as it should be. */
static void expect_in(maty_dialect dialect, const char *text, const char *laid_out) {
  char *once = format_in(dialect, text, MATY_OK), *twice = format_in(dialect, once, MATY_OK);
  cr_expect_str_eq(once, laid_out, "expected\n%s\nfound\n%s", laid_out, once);
  cr_expect_str_eq(twice, once, "once\n%s\ntwice\n%s", once, twice);
  free(once);
  free(twice);
}

static void expect(const char *text, const char *laid_out) {
  expect_in(MATY_DIALECT_MATY, text, laid_out);
}

Test(format, blocks_and_statements) {
  expect("global   protocol P(role A,role B , role C){choice at A{m from A to B;n( )from B to C;}\n"
         "or{x()from A to B,C ;rec X{y() from A to B;continue X;}} or { } do Q ( A,B ) ;}\n"
         "aux protocol Q(role A, role B) { }",
         "global protocol P(role A, role B, role C) {\n"
         "  choice at A {\n"
         "    m from A to B;\n"
         "    n() from B to C;\n"
         "  } or {\n"
         "    x() from A to B, C;\n"
         "    rec X {\n"
         "      y() from A to B;\n"
         "      continue X;\n"
         "    }\n"
         "  } or {}\n"
         "  do Q(A, B);\n"
         "}\n"
         "\n"
         "aux protocol Q(role A, role B) {}\n");
}

Test(format, types) {
  expect("type t=%{ a:integer,b: :ok|-5 .. 7|{ } };type u = list ( {t,%{}} );\n"
         "protocol P(role A, role B) { m(t,x:u , :no|1)from A to B; }",
         "type t = %{a: integer, b: :ok | -5..7 | {}};\n"
         "type u = list({t, %{}});\n"
         "\n"
         "protocol P(role A, role B) {\n"
         "  m(t, x: u, :no | 1) from A to B;\n"
         "}\n");
}

/* What has no meaning is laid out all the same. */
Test(format, what_other_dialects_have) {
  expect_in(MATY_DIALECT_SCRIBBLE,
            "module a . test ;import x.y as z;data<java>\"a.B\" from \"b.jar\" as C;\n"
            "explicit global protocol P<type T ,sig S>(role A,role B) { connect A to B;\n"
            "m(P@A) from A to B; do Q < m(C),T >(A, B); disconnect A and B; }",
            "module a.test;\n"
            "import x.y as z;\n"
            "data <java> \"a.B\" from \"b.jar\" as C;\n"
            "\n"
            "explicit global protocol P<type T, sig S>(role A, role B) {\n"
            "  connect A to B;\n"
            "  m(P@A) from A to B;\n"
            "  do Q<m(C), T>(A, B);\n"
            "  disconnect A and B;\n"
            "}\n");
  expect_in(MATY_DIALECT_NUSCR,
            "(*# RefinementTypes,NestedProtocols#*) global protocol P(role A,\n"
            "role B) { m(x:int{x>0&&x<=5||x<>2}) from A to B;\n"
            "rec X[n<A,B>:int{n>-1}=0]{ m() from A to B; @\"why\" continue X[n+1]; } }",
            "(*# RefinementTypes, NestedProtocols #*)\n"
            "\n"
            "global protocol P(role A, role B) {\n"
            "  m(x: int{x > 0 && x <= 5 || x <> 2}) from A to B;\n"
            "  rec X [n<A, B>: int{n > -1} = 0] {\n"
            "    m() from A to B; @\"why\"\n"
            "    continue X [n + 1];\n"
            "  }\n"
            "}\n");
}

Test(format, comments_stay) {
  expect("// Head.\n\n\n(*) to the end  \nprotocol P(role A, role B) {   // open\n"
         "\n// own\n\n\n\nm() from A to B ;// trail\n/* before */ n() from A to B; /* a */ // b\n"
         "x( /* in */ integer // end of line\n , string) from A to B;\n"
         "choice at A { y() from A to B; }   // closed\n// or\nor { z() from A to B;\n\n// last\n "
         "}\n\n"
         "/* two\n   lines */ }\n\n\n// tail",
         "// Head.\n"
         "\n"
         "(*) to the end\n"
         "protocol P(role A, role B) { // open\n"
         "  // own\n"
         "\n"
         "  m() from A to B; // trail\n"
         "  /* before */\n"
         "  n() from A to B; /* a */ // b\n"
         "  x(/* in */ integer // end of line\n"
         "      , string) from A to B;\n"
         "  choice at A {\n"
         "    y() from A to B;\n"
         "  } // closed\n"
         "  // or\n"
         "  or {\n"
         "    z() from A to B;\n"
         "\n"
         "    // last\n"
         "  }\n"
         "\n"
         "  /* two\n"
         "   lines */\n"
         "}\n"
         "\n"
         "// tail\n");
}

Test(format, long_lines_are_broken) {
  expect("protocol Conversation(role Customer, role Seller, role Warehouse, role Payment, role "
         "Carrier,\n"
         "role Insurance) { order({integer, string}, {integer, string}, {integer, string}, date,\n"
         "time, datetime, any) from Customer to Seller; }",
         "protocol Conversation(role Customer, role Seller, role Warehouse, role Payment, role "
         "Carrier,\n"
         "    role Insurance) {\n"
         "  order({integer, string}, {integer, string}, {integer, string}, date, time, datetime,\n"
         "      any) from Customer to Seller;\n"
         "}\n");
}

Test(format, what_cannot_be_read_is_not_written) {
  char *found = format("protocol P(role A, role B) { m( from A to B; }", MATY_EREJECTED);
  cr_expect_str_eq(found, "");
  free(found);
  found = format("/* no end", MATY_EREJECTED);
  cr_expect_str_eq(found, "");
  free(found);
}

static maty_status import_nonsense(void *context, const maty_import_t *import, maty_source_t *out) {
  (void)context;
  *out = (maty_source_t){.name = import->module, .text = "}", .length = 1};
  return MATY_OK;
}

Test(format, what_is_imported_does_not_matter) {
  static const char text[] = "import other;\n\nprotocol P(role A, role B) {\n"
                             "  m() from A to B;\n}\n";
  test_text_t found = {0};
  maty_config_t config = maty_config_default();
  maty_source_t source = {.name = "test.scr", .text = text, .length = strlen(text)};
  config.import = import_nonsense;
  cr_expect_eq(maty_format(&source, &config, test_writer(&found)), MATY_OK);
  cr_expect_str_eq(found.at, text);
  free(found.at);
}

/* ===== All protocols, however they are spaced ============================ */

static const char *const files[] = {"actors.scr", "chain.scr",     "chat.scr",    "documents.scr",
                                    "graph.scr",  "placement.scr", "servers.scr", "shop.scr"};

/* Every role's machine of every protocol, without places. */
static char *machines(const char *text) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(text);
  for (size_t i = 0; i < maty_module_protocol_count(module); i++) {
    const maty_image_t *image = maty_module_image(module, i);
    cr_assert_not_null(image);
    cr_assert_eq(maty_machines_write(image, MATY_ALL_ROLES, MATY_MACHINES_PLAIN, &allocator,
                                     test_writer(&found)),
                 MATY_OK);
  }
  maty_module_free(module);
  return found.at;
}

static uint32_t random_below(uint32_t *state, uint32_t bound) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 16) % bound;
}

/* Other white space where there is some, and more of it around punctuation; not
 * inside of comments, which are lines of their own here. Blank lines go: they are
 * the one thing about white space that is kept. */
static char *respaced(const char *text, uint32_t *state) {
  static const char *const spaces[] = {" ", "  ", "\t", "\n", " \n  ", "\r\n", "\f "};
  test_text_t found = {0};
  for (const char *at = text; *at != '\0'; at++) {
    if (at[0] == '/' && at[1] == '/') {
      size_t length = strcspn(at, "\n");
      test_text_add(&found, "\n%.*s\n", (int)length, at);
      at += length;
    } else if (strchr(" \n", *at) != NULL) {
      const char *next = at + strspn(at, " \n");
      test_text_add(&found, "%s", *next == '/' ? "\n" : spaces[random_below(state, 7)]);
      at = next - 1;
    } else {
      bool free_around = strchr("(){},;", *at) != NULL && at[1] != '/';
      test_text_add(&found, "%c%s", *at, free_around ? spaces[random_below(state, 4)] : "");
    }
  }
  return found.at;
}

static char *without_blank_lines(const char *text) {
  test_text_t found = {0};
  for (const char *at = text; *at != '\0'; at++)
    if (at[0] != '\n' || (at[1] != '\n' && at != text))
      test_text_add(&found, "%c", *at);
  return found.at;
}

static void hold_against(const char *text, const char *other) {
  char *laid_out = format(text, MATY_OK), *again = format(other, MATY_OK);
  char *lines = without_blank_lines(laid_out), *lines_again = without_blank_lines(again);
  char *before = machines(text), *after = machines(again);
  cr_expect_str_eq(lines_again, lines, "of\n%s", other);
  cr_expect_str_eq(after, before);
  char *twice = format(again, MATY_OK);
  cr_expect_str_eq(twice, again);
  char *all[] = {laid_out, again, lines, lines_again, before, after, twice};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
}

Test(format, white_space_and_nothing_else) {
  uint32_t seed = 20261;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = test_protocols(files[i]);
    for (uint32_t round = 0; round < 20; round++) {
      uint32_t state = seed + round;
      char *other = respaced(text, &state);
      hold_against(text, other);
      free(other);
    }
    free(text);
  }
}

/* The protocols of this repository are laid out. */
Test(format, protocols_are_laid_out) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *text = test_protocols(files[i]), *laid_out = format(text, MATY_OK);
    cr_expect_str_eq(laid_out, text, "%s", files[i]);
    free(text);
    free(laid_out);
  }
}

Test(format, every_allocation_fails_once) {
  const char *text = "type t = {integer}; // t\nprotocol P(role A, role B) { m(t) from A to B; }\n";
  maty_source_t source = {.name = "test.scr", .text = text, .length = strlen(text)};
  test_memory_t memory = {.fail_at = 1};
  maty_config_t config = maty_config_default();
  config.allocator = test_allocator(&memory);
  maty_status status;
  do {
    test_text_t found = {0};
    status = maty_format(&source, &config, test_writer(&found));
    free(found.at);
  } while (test_failed(&memory, status, MATY_OK));
}

static maty_status write_nothing(void *context, const char *text, size_t length) {
  (void)context;
  (void)text;
  (void)length;
  return MATY_ECANCELED;
}

Test(format, arguments) {
  maty_config_t config = maty_config_default();
  maty_source_t source = {.name = "x", .text = "protocol P(role A, role B) {}", .length = 29};
  maty_writer_t writer = {.write = write_nothing};
  cr_expect_eq(maty_format(NULL, &config, writer), MATY_EINVAL);
  cr_expect_eq(maty_format(&source, NULL, writer), MATY_EINVAL);
  cr_expect_eq(maty_format(&source, &config, (maty_writer_t){0}), MATY_EINVAL);
  cr_expect_eq(maty_format(&source, &config, writer), MATY_ECANCELED);
}
