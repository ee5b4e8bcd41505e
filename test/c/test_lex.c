/* test_lex.c - tokens and comments, by what becomes of a text that has them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Comments stand where white space may. */
static void accepts(const char *text) { test_accept(text); }

Test(lex, line_comments) {
  accepts("// first\nprotocol P(role A, role B) { // rest\n  m() from A to B; //\n}// no newline");
}

Test(lex, block_comments) {
  accepts("/* a * b ** / */protocol P(role/**/A, role B) { /* /* not nested */ m() from A to B; }");
  accepts("protocol P(role A, role B) { m() from A to B; /* lines\n\n */ }");
}

Test(lex, nested_comments) {
  accepts("(* one (* two (* three *) *) // *)protocol P(role A, role B) { m() from A to B; }");
  accepts("(* * ) ( * **)protocol P(role A, role B) { m() from A to B; }");
}

Test(lex, comments_to_the_end_of_the_line) {
  accepts("(*) ( * anything (* /* \nprotocol P(role A, role B) { m() from A to B; }(*)");
}

/* A block that one more slash turns off. */
Test(lex, toggled_blocks) {
  accepts("//*\nprotocol P(role A, role B) { m() from A to B; }\n//*/\n");
  test_expect("/*\nprotocol P(role A, role B) { m() from A to B; }\n//*/\n",
              "4:1+0 error [syntax] expected a protocol, found the end of the text\n");
}

/* The scanner goes from left to right: what begins first counts. */
Test(lex, comments_in_comments) {
  accepts("// /* (*\nprotocol P(role A, role B) { m() from A to B; }");
  accepts("/* // */protocol P(role A, role B) { m() from A to B; }");
  accepts("/* (* */protocol P(role A, role B) { m() from A to B; }");
}

Test(lex, white_space) { accepts("\tprotocol\r\nP\f(role\nA,role B){m()from A to B;}"); }

Test(lex, identifiers) {
  accepts("protocol 1st(role 2, role b') { 3() from 2 to b'; 4_x' from b' to 2; _ from 2 to b'; }");
}

/* One error for a name, not one for each of its parts. */
Test(lex, letters_of_other_alphabets) {
  test_expect("protocol P(role K\303\244uf\303\274r, role B) { m() from B to K; }",
              "1:18+2 error [syntax] the character '\303\244' has no place in a name\n");
}

Test(lex, a_byte_order_mark) {
  test_expect("\xef\xbb\xbfprotocol P(role A, role B) { m() from A to B; }",
              "1:1+3 error [syntax] a text begins without a byte order mark (EF BB BF)\n");
}

Test(lex, a_zero_byte_is_no_end) {
  static const char text[] = "protocol P(role A, role B) { m() from A to B; }\0";
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  cr_assert_eq(maty_module_check(&module, "test.scr", text, sizeof text - 1, &config),
               MATY_EREJECTED);
  cr_assert_eq(maty_module_diagnostic_count(module), 1);
  cr_expect_str_eq(maty_module_diagnostic(module, 0)->text, "the byte 0x00 has no place here");
  cr_expect_eq(maty_module_diagnostic(module, 0)->column, 48);
  maty_module_free(module);
}

/* The text may lie in memory that ends with it. */
Test(lex, the_text_is_not_read_beyond) {
  static const char *const texts[] = {"protocol P(role A, role B) { m() from A to B; }",
                                      "/",
                                      "(",
                                      "(*",
                                      "/*",
                                      "/* *",
                                      "(* *",
                                      "(*#",
                                      "#*",
                                      "\"",
                                      "\xe2\x82",
                                      "\xf0",
                                      "protocol P(role A, role B) { m() from A to B"};
  maty_config_t config = maty_config_default();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t length = strlen(texts[i]);
    char *copy = malloc(length);
    maty_module_t *module;
    cr_assert_not_null(copy);
    memcpy(copy, texts[i], length);
    maty_status status = maty_module_check(&module, "test.scr", copy, length, &config);
    cr_expect_eq(status, i == 0 ? MATY_OK : MATY_EREJECTED, "%s", texts[i]);
    free(copy);
    maty_module_free(module);
  }
}

Test(lex, stray_character) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B; $\n"
              "  \302\247\302\247 n() from B to A;\n"
              "}\n",
              "2:20+1 error [syntax] the character '$' has no place here\n"
              "3:3+2 error [syntax] the character '\302\247' has no place here\n");
}

/* One error for a run of them. */
Test(lex, stray_bytes) {
  test_expect("protocol P(role A, role B) { \377\376\375 m() from A to B; \001 }\n",
              "1:30+1 error [syntax] the byte 0xff has no place here\n"
              "1:51+1 error [syntax] the byte 0x01 has no place here\n");
}

Test(lex, quote_is_no_beginning) {
  test_expect("protocol P(role A, role B) {\n"
              "  'm() from A to B;\n"
              "}\n",
              "2:3+1 error [syntax] the character ''' has no place here\n");
}

Test(lex, comment_without_end) {
  test_expect("protocol P(role A, role B) { m() from A to B; }\n"
              "/* never ended\n",
              "2:1+2 error [syntax] the comment that begins here has no end: expected '*/'\n");
}

Test(lex, nested_comment_without_end) {
  test_expect("protocol P(role A, role B) { m() from A to B; }\n"
              "(* one (* two *) still open\n",
              "2:1+2 error [syntax] the comment that begins here has no end: expected '*)'\n");
}

Test(lex, string_without_end) {
  test_expect("module m;\n"
              "import \"x\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "2:8+1 error [syntax] the string that begins here has no end in this line\n"
              "2:8+2 error [syntax] expected a module's name after 'import', found '\"x'\n");
}

Test(lex, after_a_bad_character_no_image) {
  test_expect("protocol P(role A, role B) { m# () from A to B; }\n",
              "1:31+1 error [syntax] the character '#' has no place in a name\n");
}
