/* test_parse.c - the grammar: what is a mistake, where reading goes on after
 * one, and what is named but not done. Each test has all the diagnostics. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(parse, forms_of_a_protocol) {
  test_accept("module a.b.c;\n"
              "global protocol P(role A, role B) { m() from A to B; }\n"
              "protocol Q(role A, role B) { m() from A to B; }\n"
              "global T(role A, role B) { m() from A to B; }\n"
              "protocol U(role A, role B) @\"timeout 5\" { m() from A to B; }\n"
              "aux global protocol R(role A, role B) { m() from A to B; }\n"
              "aux protocol S(role A, role B) { m() from A to B; }\n");
}

Test(parse, forms_of_a_message) {
  test_accept("protocol P(role A, role B, role C) {\n"
              "  m from A to B;\n"
              "  m() from A to B, C;\n"
              "  m(integer) from A to B;\n"
              "  (x: integer) from A to B;\n"
              "  m(integer) from A to B; @\"twice\"\n"
              "}\n");
}

/* Words that mean something elsewhere are names here. */
Test(parse, words_as_names) {
  test_accept("module module.import;\n"
              "type sig = integer;\n"
              "protocol protocol(role from, role to, role role) {\n"
              "  from from from to to;\n"
              "  choice from to to role;\n"
              "  choice(sig) from role to from;\n"
              "  nested from from to to;\n"
              "  calls() from from to to;\n"
              "  do from to to from;\n"
              "  connect() from from to to;\n"
              "  rec rec { choice at from { continue from from to role; continue rec; } or {\n"
              "    continue() from from to to; } }\n"
              "  within from from to role;\n"
              "}\n");
}

/* Types may be used before they are declared. */
Test(parse, types_are_declared_anywhere) {
  test_accept("protocol P(role A, role B) { m(a) from A to B; }\n"
              "type a = list(b);\n"
              "type b = {integer, c};\n"
              "type c = :none | 1..3;\n");
}

Test(parse, an_aux_protocol_is_not_listed) {
  maty_module_t *module = test_check("aux protocol A(role X, role Y) { m() from X to Y; }\n"
                                     "protocol B(role X, role Y) { do A(X, Y); }\n"
                                     "protocol C(role X, role Y) { do A(Y, X); }\n");
  cr_assert_eq(maty_module_protocol_count(module), 2);
  cr_expect_str_eq(maty_module_protocol_name(module, 0), "B");
  cr_expect_str_eq(maty_module_protocol_name(module, 1), "C");
  cr_expect_null(maty_module_protocol_name(module, 2));
  cr_expect_not_null(maty_module_image(module, 1));
  cr_expect_null(maty_module_image(module, 2));
  cr_expect_null(maty_module_diagnostic(module, 0));
  maty_module_free(module);
}

/* What is good beside what is bad has its image. */
Test(parse, good_protocols_beside_bad_ones) {
  maty_module_t *module = test_check("protocol A(role X, role Y) { m() from X to Z; }\n"
                                     "protocol B(role X, role Y) { m() from X to Y; }\n"
                                     "protocol C(role X, role Y) { do A(X, Y); }\n");
  cr_assert_eq(maty_module_protocol_count(module), 3);
  cr_expect_null(maty_module_image(module, 0));
  cr_expect_not_null(maty_module_image(module, 1));
  cr_expect_null(maty_module_image(module, 2));
  cr_expect_eq(maty_module_diagnostic_count(module), 1);
  maty_module_free(module);
}

Test(parse, empty) {
  test_expect("", "1:1+0 error [syntax] expected a protocol, found the end of the text\n");
}

Test(parse, only_comments) {
  test_expect("// nothing\n"
              "/* at */ (* all *)\n",
              "3:1+0 error [syntax] expected a protocol, found the end of the text\n");
}

Test(parse, only_a_module) {
  test_expect("module m;\n",
              "2:1+0 error [syntax] expected a protocol, found the end of the text\n");
}

Test(parse, not_a_declaration) {
  test_expect("hello\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:1+5 error [syntax] expected a protocol, found 'hello'\n");
}

Test(parse, stray_brace) {
  test_expect("}\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:1+1 error [syntax] expected a protocol, found '}'\n");
}

Test(parse, no_name) {
  test_expect("global protocol (role A, role B) { m() from A to B; }\n",
              "1:17+1 error [syntax] expected the protocol's name, found '('\n");
}

Test(parse, no_roles) {
  test_expect(
      "protocol P() { }\n"
      "protocol Q { }\n"
      "protocol R(A, B) { }\n",
      "1:12+1 error [syntax] expected 'role', found ')'\n"
      "2:12+1 error [syntax] expected '(' and the roles after the protocol's name, found '{'\n"
      "3:12+1 error [syntax] expected 'role', found 'A'\n");
}

Test(parse, no_body) {
  test_expect("protocol P(role A, role B)\n"
              "protocol Q(role A, role B) { m() from A to B; }\n",
              "2:1+8 error [syntax] expected '{' after the roles, found 'protocol'\n");
}

Test(parse, missing_comma_in_roles) {
  test_expect("protocol P(role A role B) { m() from A to B; }\n"
              "protocol Q(role A, role B) { do P(A, B); }\n",
              "1:19+4 error [syntax] expected ',' or ')' after the role, found 'role'\n");
}

/* The next statement is read all the same. */
Test(parse, missing_semicolon) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B\n"
              "  n() from X to B;\n"
              "  o() from B to A\n"
              "}\n",
              "2:18+0 error [syntax] expected ';' after the message\n"
              "3:12+1 error [unbound-role] there is no role 'X'\n"
              "4:18+0 error [syntax] expected ';' after the message\n");
}

Test(parse, several_errors) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() form A to B;\n"
              "  n() from A too B;\n"
              "  o from A to B, ;\n"
              "  p(,) from A to B;\n"
              "  q(integer string) from A to B;\n"
              "  r() from A to B;\n"
              "}\n",
              "2:7+4 error [syntax] expected 'from' after the message, found 'form'\n"
              "3:14+3 error [syntax] expected 'to' after the role that sends, found 'too'\n"
              "4:18+1 error [syntax] expected a role that receives, found ';'\n"
              "5:5+1 error [syntax] expected a type, found ','\n"
              "6:13+6 error [syntax] expected ',' or ')' in the payload, found 'string'\n");
}

Test(parse, statement_expected) {
  test_expect("protocol P(role A, role B) {\n"
              "  ; \n"
              "  ) m() from A to B;\n"
              "  [ x ]\n"
              "}\n",
              "2:3+1 error [syntax] expected a statement or '}', found ';'\n"
              "3:3+1 error [syntax] expected a statement or '}', found ')'\n"
              "4:3+1 error [syntax] expected a statement or '}', found '['\n");
}

/* The next protocol is read all the same. */
Test(parse, unclosed_protocol) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B;\n"
              "protocol Q(role A, role B) { m() from A to C; }\n",
              "3:1+8 error [syntax] expected a statement or '}', found 'protocol'\n"
              "1:28+1 note [syntax] the block that begins here is not closed\n"
              "3:44+1 error [unbound-role] there is no role 'C'\n");
}

Test(parse, unclosed_block) {
  test_expect("global protocol P(role A, role B) {\n"
              "  rec X {\n"
              "    choice at A { m() from A to B;\n",
              "4:1+0 error [syntax] expected a statement or '}', found the end of the text\n"
              "3:5+1 note [syntax] the block that begins here is not closed\n");
}

/* The block is read all the same. */
Test(parse, choice_without_at) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice A { m() from A to X; } or { n() from A to B; }\n"
              "}\n",
              "2:10+1 error [syntax] expected 'at' after 'choice', found 'A'\n"
              "2:28+1 error [unbound-role] there is no role 'X'\n");
}

Test(parse, choice_without_block) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A m() from A to B;\n"
              "  n() from A to B;\n"
              "}\n",
              "2:15+1 error [syntax] expected '{', found 'm'\n");
}

Test(parse, or_without_choice) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B;\n"
              "  or { n() from A to B; }\n"
              "}\n",
              "3:3+2 error [syntax] expected a statement or '}', found 'or'\n");
}

Test(parse, or_twice) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { m() from A to B; } or or { n() from A to B; }\n"
              "}\n",
              "2:36+2 error [syntax] expected a statement or '}', found 'or'\n");
}

Test(parse, rec_without_name) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec { m() from A to B; }\n"
              "  n() from A to B;\n"
              "}\n",
              "2:7+1 error [syntax] expected a name for the loop after 'rec', found '{'\n");
}

Test(parse, continue_without_name) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X { m() from A to B; continue; }\n"
              "}\n",
              "2:36+1 error [syntax] expected a loop's name after 'continue', found ';'\n");
}

Test(parse, do_without_name) {
  test_expect("protocol P(role A, role B) {\n"
              "  do (A, B);\n"
              "  do P(A B);\n"
              "  do P(A, B;\n"
              "}\n",
              "2:12+1 error [syntax] expected 'from' after the message, found ';'\n"
              "3:10+1 error [syntax] expected ',' or ')' after the role, found 'B'\n"
              "4:12+1 error [syntax] expected ',' or ')' after the role, found ';'\n");
}

Test(parse, label_without_message) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  hello;\n"
      "  hello there;\n"
      "}\n",
      "2:8+1 error [syntax] expected '(' or 'from' after the message's label, found ';'\n"
      "3:9+5 error [syntax] expected '(' or 'from' after the message's label, found 'there'\n");
}

Test(parse, types) {
  test_expect("type = integer;\n"
              "type t integer;\n"
              "type t = ;\n"
              "type u = {integer, ;\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:6+1 error [syntax] expected a type's name after 'type', found '='\n"
              "2:8+7 error [syntax] expected '=' after the type's name, found 'integer'\n"
              "3:6+1 error [dup-type] the type 't' is declared twice\n"
              "2:6+1 note [dup-type] it is declared here first\n"
              "3:10+1 error [syntax] expected a type, found ';'\n"
              "4:20+1 error [syntax] expected a type, found ';'\n");
}

Test(parse, types_in_payloads) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(list(integer) from A to B;\n"
              "  m({integer; string}) from A to B;\n"
              "  m(%{a integer}) from A to B;\n"
              "  m(%{1: integer, }) from A to B;\n"
              "  m(: ) from A to B;\n"
              "  m(integer | ) from A to B;\n"
              "  m(1..) from A to B;\n"
              "  m(%integer) from A to B;\n"
              "  m(-x) from A to B;\n"
              "}\n",
              "2:19+4 error [syntax] expected ',' or ')' in the payload, found 'from'\n"
              "3:13+1 error [syntax] expected ',' or '}' in the tuple, found ';'\n"
              "4:9+7 error [syntax] expected ':' after the key, found 'integer'\n"
              "5:19+1 error [syntax] expected a key of the map, found '}'\n"
              "6:7+1 error [syntax] expected an atom's name after ':', found ')'\n"
              "7:15+1 error [syntax] expected a type, found ')'\n"
              "8:8+1 error [syntax] expected an integer, found ')'\n"
              "9:6+7 error [syntax] expected '{' after '%', found 'integer'\n"
              "10:6+1 error [syntax] expected an integer, found 'x'\n");
}

Test(parse, range_without_an_integer) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  m(5..1) from A to B;\n"
      "}\n",
      "2:5+4 error [syntax] the range holds no integer: its first is greater than its last\n");
}

Test(parse, module_line) {
  test_expect("module ;\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:8+1 error [syntax] expected the module's name, found ';'\n");
}

Test(parse, module_line_without_semicolon) {
  test_expect("module m\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:9+0 error [syntax] expected ';' after the module's name\n");
}

Test(parse, unknown_pragma) {
  test_expect("(*# Foo, Bar: baz #*)\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:5+3 error [syntax] there is no pragma 'Foo'\n"
              "1:10+3 error [syntax] there is no pragma 'Bar'\n");
}

Test(parse, pragma_later) {
  test_expect("module m;\n"
              "(*# RefinementTypes #*)\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "2:1+3 error [syntax] expected a protocol (a pragma comes before everything else), "
              "found '(*#'\n");
}

Test(parse, pragma_in_a_body) {
  test_expect("protocol P(role A, role B) {\n"
              "  (*# RefinementTypes #*)\n"
              "  m() from A to B;\n"
              "}\n",
              "2:3+3 error [syntax] expected a statement or '}' (a pragma comes before everything "
              "else), found '(*#'\n");
}

Test(parse, bad_pragma) {
  test_expect("(*# Foo Bar #*)\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:5+3 error [syntax] there is no pragma 'Foo'\n"
              "1:9+3 error [syntax] expected ',' or '#*)' in the pragma, found 'Bar'\n");
}

Test(unsupported, pragma) {
  test_expect("(*# RefinementTypes, PrintUsage: x #*)\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:5+15 error [unsupported] the pragma 'RefinementTypes' is not supported\n"
              "1:22+10 error [unsupported] the pragma 'PrintUsage' is not supported\n");
}

Test(unsupported, explicit) {
  test_expect("explicit global protocol P(role A, role B) { m() from A to B; }\n"
              "aux explicit protocol Q(role A, role B) { m() from A to B; }\n",
              "1:1+8 error [unsupported] an explicit protocol is not supported\n"
              "2:5+8 error [unsupported] an explicit protocol is not supported\n");
}

Test(unsupported, reliable_role) {
  test_expect("protocol P(reliable role A, role B) { m() from A to B; }\n",
              "1:12+8 error [unsupported] a reliable role is not supported\n");
}

Test(unsupported, connection) {
  test_expect("protocol P(role A, role B) {\n"
              "  connect A to B;\n"
              "  m() connect A to B;\n"
              "  disconnect A and B;\n"
              "  wrap A to B;\n"
              "}\n",
              "2:3+7 error [unsupported] an explicit connection ('connect') is not supported\n"
              "3:7+7 error [unsupported] an explicit connection ('connect') is not supported\n"
              "4:3+10 error [unsupported] an explicit connection ('disconnect') is not supported\n"
              "5:3+4 error [unsupported] an explicit connection ('wrap') is not supported\n");
}

Test(unsupported, time) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B within [0;1];\n"
              "}\n",
              "2:19+6 error [unsupported] a time constraint ('within') is not supported\n");
}

Test(unsupported, refinement) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(x: integer{x > 0}) from A to B;\n"
              "}\n",
              "2:15+1 error [unsupported] a refined payload is not supported\n");
}

Test(unsupported, loop_with_variables) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X [n<A, B>: integer = 1] {\n"
              "    m() from A to B;\n"
              "    continue X [n + 1];\n"
              "  }\n"
              "}\n",
              "2:9+1 error [unsupported] a loop with variables is not supported\n"
              "4:16+1 error [unsupported] a loop with variables is not supported\n");
}

Test(unsupported, connection_with_a_message) {
  test_expect("protocol P(role A, role B) {\n"
              "  m connect A to B;\n"
              "}\n",
              "2:5+7 error [unsupported] an explicit connection ('connect') is not supported\n");
}

Test(unsupported, delegation) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(integer, s: P@A) from A to B;\n"
              "}\n",
              "2:17+3 error [unsupported] delegation is not supported\n");
}

/* All of it is read and looked up. */
Test(unsupported, with_errors_inside) {
  test_expect("protocol P(role A, role B) {\n"
              "  connect A to C;\n"
              "  m() connect A B;\n"
              "  m(Q@A, P@X) from A to B;\n"
              "  m() from A to B within [1;x];\n"
              "  m() from A to B within ]1;2) using c and resetting (c;\n"
              "  disconnect A to B;\n"
              "  rec X [n: integer = 1] { m() from A to B; }\n"
              "  rec X [n<A>: integer = ] { m() from A to B; }\n"
              "  rec X [n<A>: {integer, integer} = 1] { m() from A to B; continue X [n +]; }\n"
              "}\n",
              "2:3+7 error [unsupported] an explicit connection ('connect') is not supported\n"
              "2:16+1 error [unbound-role] there is no role 'C'\n"
              "3:7+7 error [unsupported] an explicit connection ('connect') is not supported\n"
              "3:17+1 error [syntax] expected 'to' and the other role, found 'B'\n"
              "4:5+3 error [unsupported] delegation is not supported\n"
              "4:5+1 error [unbound-protocol] there is no protocol 'Q'\n"
              "4:10+3 error [unsupported] delegation is not supported\n"
              "4:12+1 error [unbound-role] the protocol 'P' has no role 'X'\n"
              "5:19+6 error [unsupported] a time constraint ('within') is not supported\n"
              "5:29+1 error [syntax] expected a time and ']' after ';', found 'x'\n"
              "6:19+6 error [unsupported] a time constraint ('within') is not supported\n"
              "6:56+1 error [syntax] expected a clock or ')', found ';'\n"
              "7:3+10 error [unsupported] an explicit connection ('disconnect') is not supported\n"
              "7:16+2 error [syntax] expected 'and' and the other role, found 'to'\n"
              "8:9+1 error [unsupported] a loop with variables is not supported\n"
              "8:11+1 error [syntax] expected '<' and the roles that know the variable, found ':'\n"
              "9:9+1 error [unsupported] a loop with variables is not supported\n"
              "9:26+1 error [syntax] expected an expression, found ']'\n"
              "10:9+1 error [unsupported] a loop with variables is not supported\n"
              "10:70+1 error [unsupported] a loop with variables is not supported\n"
              "10:74+1 error [syntax] expected an expression, found ']'\n");
}

/* ===== Expressions ======================================================= */

/* What binds tighter, and from where: each would be wrong if it were otherwise. */
Test(expressions, levels) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  m(x: integer{x + 1 - 2 > 0 && y = \"a\" || not true && -x <= len(l)}) from A to B;\n"
      "  m(x: integer{not (x <> 5) && (1 < 2) = (x >= 3)}) from A to B;\n"
      "}\n",
      "2:15+1 error [unsupported] a refined payload is not supported\n"
      "3:15+1 error [unsupported] a refined payload is not supported\n");
}

Test(expressions, what_they_are_of) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(x: integer{x + 1}) from A to B;\n"
              "  m(x: integer{1 < 2 < 3}) from A to B;\n"
              "  m(x: integer{x > 0 && x - 1 || true}) from A to B;\n"
              "  m(x: integer{not 5 = 5}) from A to B;\n"
              "  m(x: integer{-(x > 0) = 1}) from A to B;\n"
              "}\n",
              "2:15+1 error [unsupported] a refined payload is not supported\n"
              "2:16+5 error [syntax] a refinement takes a condition, and this is an integer\n"
              "3:15+1 error [unsupported] a refined payload is not supported\n"
              "3:16+5 error [syntax] '<' takes an integer, and this is a condition\n"
              "4:15+1 error [unsupported] a refined payload is not supported\n"
              "4:25+5 error [syntax] '&&' takes a condition, and this is an integer\n"
              "5:15+1 error [unsupported] a refined payload is not supported\n"
              "5:20+1 error [syntax] 'not' takes a condition, and this is an integer\n"
              "6:15+1 error [unsupported] a refined payload is not supported\n"
              "6:17+7 error [syntax] '-' takes an integer, and this is a condition\n");
}

Test(expressions, mistakes) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(x: integer{x >}) from A to B;\n"
              "  m(x: integer{(x > 0}) from A to B;\n"
              "  m(x: integer{x > 0)}) from A to B;\n"
              "  m(x: integer{x & y}) from A to B;\n"
              "  m(x: integer{}) from A to B;\n"
              "  m(x: integer{len(x) y}) from A to B;\n"
              "}\n",
              "2:15+1 error [unsupported] a refined payload is not supported\n"
              "2:19+1 error [syntax] expected an expression, found '}'\n"
              "3:15+1 error [unsupported] a refined payload is not supported\n"
              "3:22+1 error [syntax] expected an operator or ')', found '}'\n"
              "4:15+1 error [unsupported] a refined payload is not supported\n"
              "4:21+1 error [syntax] expected an operator or '}' in the refinement, found ')'\n"
              "5:15+1 error [unsupported] a refined payload is not supported\n"
              "5:18+1 error [syntax] expected an operator or '}' in the refinement, found '&'\n"
              "6:15+1 error [unsupported] a refined payload is not supported\n"
              "6:16+1 error [syntax] expected an expression, found '}'\n"
              "7:15+1 error [unsupported] a refined payload is not supported\n"
              "7:16+6 error [syntax] a refinement takes a condition, and this is an integer\n"
              "7:23+1 error [syntax] expected an operator or '}' in the refinement, found 'y'\n");
}

/* ===== Nested protocols ================================================== */

/* Each is a protocol of its own, called by where it stands. */
Test(nested, are_checked) {
  static const char *const names[] = {"N", "P", "P.M", "P.M.O", "P.N"};
  maty_module_t *module = test_check(
      "nested protocol N(role A; new role B, role C) { m() from A to B; n from B to C; }\n"
      "protocol P(role A, role B) {\n"
      "  nested protocol M(role A, role B) {\n"
      "    nested protocol O(role A, role B) { o() from A to B; }\n"
      "    x() from A to B;\n"
      "  }\n"
      "  nested protocol N(role A, role B) @\"x\" { y() from A to B; do M(A, B); }\n"
      "  m() from A to B;\n"
      "}\n");
  cr_assert_eq(maty_module_diagnostic_count(module), 0);
  cr_assert_eq(maty_module_protocol_count(module), sizeof names / sizeof *names);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    cr_expect_str_eq(maty_module_protocol_name(module, i), names[i]);
    cr_expect_str_eq(maty_image_protocol(maty_module_image(module, i)), names[i]);
  }
  maty_module_free(module);
}

Test(nested, mistakes) {
  test_expect("nested N(role A, role B) { m() from A to B; }\n"
              "nested protocol N(role A; role B) { m() from A to B; }\n"
              "protocol P(role A, role B; new role C) { m() from A to B; }\n"
              "protocol Q(role A, role B) {\n"
              "  nested protocol N(role A, role B) { x() from A to Q; }\n"
              "  nested protocol N(role A, role B) { x() from A to B; }\n"
              "  nested protocol (role A) { }\n"
              "  m() from A to B;\n"
              "  nested protocol M(role A, role B) { x() from A to B; }\n"
              "  n() from A to X;\n"
              "}\n",
              "1:8+1 error [syntax] expected 'protocol' after 'nested', found 'N'\n"
              "2:27+4 error [syntax] expected 'new' and more roles after ';', found 'role'\n"
              "3:26+1 error [syntax] only a nested protocol has new roles\n"
              "5:53+1 error [unbound-role] there is no role 'Q'\n"
              "6:19+1 error [dup-protocol] the protocol 'N' is declared twice\n"
              "5:19+1 note [dup-protocol] it is declared here first\n"
              "7:19+1 error [syntax] expected the protocol's name, found '('\n"
              "9:3+6 error [syntax] expected a statement or '}' (nested protocols come before the "
              "statements), found 'nested'\n"
              "10:17+1 error [unbound-role] there is no role 'X'\n");
}

/* What is wrong with one as a conversation. */
Test(nested, not_implementable) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  nested protocol N(role A, role B, role C) {\n"
              "    choice at A { x() from A to B; y() from B to C; } or { z() from A to B; }\n"
              "  }\n"
              "  m() from A to B, C;\n"
              "}\n",
              "3:36+1 error [unfinished] 'C' goes on with 'y' after one run; after another that is "
              "the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: x (line 3)\n"
              "  2. B -> C: y (line 3)\n"
              "the other:\n"
              "  1. A -> B: z (line 3)\n"
              "     the end\n");
}

Test(nested, calls_of_what_is_not_there) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  nested protocol N(role A, role B; new role C) { x() from A to B; y() from B to C; }\n"
      "  C calls N(A);\n"
      "  A calls P(A, B);\n"
      "  A calls M(A, B);\n"
      "  A calls N(B, B);\n"
      "  do N(A, B);\n"
      "}\n"
      "protocol Q(role A, role B) { A calls N(A, B); }\n",
      "3:3+1 error [unbound-role] there is no role 'C'\n"
      "3:3+12 error [arity] the protocol 'N' takes 2 roles, and 1 is given here\n"
      "2:19+1 note [arity] it is declared here\n"
      "4:11+1 error [unbound-protocol] the protocol 'P' is not a nested one\n"
      "5:11+1 error [unbound-protocol] there is no protocol 'M'\n"
      "6:16+1 error [dup-role] the role 'B' stands twice in this list\n"
      "7:3+10 error [arity] the protocol 'N' takes 3 roles, and 2 are given here\n"
      "9:38+1 error [unbound-protocol] there is no protocol 'N'\n");
}

/* The caller invites all others who take part, one after the other, and goes on. */
Test(nested, calls_are_invitations) {
  test_expect_machines("protocol P(role A, role B, role C) {\n"
                       "  nested protocol N(role X, role Y, role Z; new role W) {\n"
                       "    x() from X to Y, Z, W;\n"
                       "  }\n"
                       "  B calls N(A, B, C); @\"a note\"\n"
                       "  m() from B to A;\n"
                       "}\n",
                       "role A\n"
                       "  0 receive 5:13: B?N_X(any) -> 1\n"
                       "  1 receive 6:3: B?m() -> 2\n"
                       "  2 final 7:1\n"
                       "role B\n"
                       "  3 send 5:13: A!N_X(any) -> 4\n"
                       "  4 send 5:19: C!N_Z(any) -> 5\n"
                       "  5 send 6:3: A!m() -> 6\n"
                       "  6 final 7:1\n"
                       "role C\n"
                       "  7 receive 5:19: B?N_Z(any) -> 8\n"
                       "  8 final 7:1\n");
}

/* A nested protocol may call itself: each call is a session more. */
Test(nested, calls_in_themselves) {
  test_accept(
      "nested protocol Fib(role Out, role A, role B; new role C) {\n"
      "  a(integer) from A to C;\n"
      "  b(integer) from B to C;\n"
      "  sum(integer) from C to Out;\n"
      "  choice at C { C calls Fib(Out, B, C); } or { enough() from C to B; done() from C to "
      "Out; }\n"
      "}\n"
      "protocol Numbers(role Start, role A, role B) {\n"
      "  first(integer) from Start to A, B;\n"
      "  Start calls Fib(Start, A, B);\n"
      "}\n");
}

/* A caller takes part, also if nobody else does. */
Test(nested, calls_alone) {
  test_accept("nested protocol N(role A; new role B) { m() from A to B; }\n"
              "protocol P(role A) { A calls N(A); }\n"
              "protocol Q(role A, role B) { m() from A to B; B calls N(B); n() from B to A; }\n");
  test_expect("nested protocol N(role A; new role B) { m() from A to B; }\n"
              "protocol P(role A, role B) { A calls N(A); }\n"
              "protocol Q(role A) { rec X { A calls N(A); continue X; } }\n",
              "2:25+1 error [unused-role] the role 'B' takes no part in the conversation\n"
              "3:44+10 error [unguarded] this comes back to itself without a message on the way\n");
}

/* An invitation tells of a choice as any message does. */
Test(nested, calls_in_a_choice) {
  test_expect(
      "nested protocol N(role X, role Y) { m() from X to Y; }\n"
      "protocol P(role A, role B, role C) {\n"
      "  choice at A { A calls N(A, B); B calls N(C, B); } or { no() from A to B; }\n"
      "}\n"
      "protocol Q(role A, role B, role C) {\n"
      "  choice at A { B calls N(A, B); } or { A calls N(B, C); }\n"
      "}\n"
      "protocol R(role A, role B, role C) {\n"
      "  choice at A { A calls N(B, C); } or { A calls N(C, B); }\n"
      "}\n",
      "3:44+1 error [unfinished] 'C' goes on with 'N_X' after one run; after another that is "
      "the same to it the conversation is over, and it waits for ever\n"
      "one run:\n"
      "  1. A -> B: N_Y (line 3)\n"
      "  2. B -> C: N_X (line 3)\n"
      "the other:\n"
      "  1. A -> B: no (line 3)\n"
      "     the end\n"
      "6:27+1 error [choice-sender] 'B' may go on with this message where 'A' may go on too "
      "(line 6): one role has to choose\n"
      "either:\n"
      "  1. A -> B: N_X (line 6)\n"
      "or:\n"
      "  1. B -> A: N_X (line 6)\n");
}

/* Who is invited has to know to what. */
Test(nested, invitations_that_go_by_another_name) {
  test_expect(
      "nested protocol N(role M_X, role Y) { m() from M_X to Y; }\n"
      "nested protocol N_M(role X, role Y) { m() from X to Y; }\n"
      "protocol P(role A, role B, role C) { A calls N(B, A); A calls N_M(B, C); }\n"
      "protocol Q(role A, role B) { N_Y(any) from A to B; A calls N(A, B); }\n",
      "3:67+1 error [dup-label] the invitation 'N_M_X' goes by the name of another message "
      "to this role\n"
      "4:65+1 error [dup-label] the invitation 'N_Y' goes by the name of another message to "
      "this role\n");
}

/* What is called in an imported text has to work, too. */
Test(nested, called_in_another_text) {
  static const test_module_t modules[] = {
      {"Other", "other.scr",
       "module Other;\n"
       "nested protocol Unused(role A, role B) { m() from A to B; }\n"
       "nested protocol N(role A, role B, role C) {\n"
       "  choice at A { x() from A to B; y() from B to C; } or { z() from A to B; }\n"
       "}\n"
       "aux protocol P(role A, role B, role C) { A calls N(A, B, C); }\n"},
      {.module = NULL}};
  test_expect_in(
      MATY_DIALECT_MATY, modules,
      "import Other;\n"
      "protocol Q(role A, role B, role C) { do Other.P(A, B, C); }\n",
      "other.scr:4:34+1 error [unfinished] 'C' goes on with 'y' after one run; after another "
      "that is the same to it the conversation is over, and it waits for ever\n"
      "one run:\n"
      "  1. A -> B: x (line 4)\n"
      "  2. B -> C: y (line 4)\n"
      "the other:\n"
      "  1. A -> B: z (line 4)\n"
      "     the end\n");
}

/* An atom has to have room for what a nested protocol goes by. */
Test(nested, names_that_are_too_long) {
  const char *end = "_YY' has more than 255 bytes\n";
  test_text_t text = {0};
  test_text_add(&text,
                "protocol P(role A, role B) {\n"
                "  nested protocol %0253d(role X, role YY) { m() from X to YY; }\n"
                "  m() from A to B;\n"
                "}\n",
                0);
  char *found = test_diagnostics(text.at);
  size_t length = strlen(found);
  cr_assert_gt(length, strlen(end));
  cr_expect_eq(strncmp(found, "2:19+253 error [limit] the name '0000", 36), 0, "%s", found);
  cr_expect_str_eq(found + length - strlen(end), end);
  free(found);
  free(text.at);
}

/* ===== Texts that are not closed ========================================= */

Test(nested, not_closed) {
  test_expect("protocol P(role A, role B) {\n"
              "  nested protocol N(role A, role B) {\n"
              "    x() from A to B;\n",
              "4:1+0 error [syntax] expected a statement or '}', found the end of the text\n"
              "2:37+1 note [syntax] the block that begins here is not closed\n"
              "1:28+1 note [syntax] the block that begins here is not closed\n");
}

/* ===== Deadlines ========================================================= */

Test(deadline, no_time) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  m() from A to B; @\"within\"\n"
      "  m() from A to B; @\"within 5\"\n"
      "  m() from A to B; @\"within s\"\n"
      "  m() from A to B; @\"within 5 sec\"\n"
      "  m() from A to B; @\"within 0s\"\n"
      "  m() from A to B; @\"within 5s or so\"\n"
      "  m() from A to B; @\"within -1s\"\n"
      "  m() from A to B; @\"within 4294967296ms\"\n"
      "  m() from A to B; @\"within 1194h\"\n"
      "  m() from A to B; @\"within 1.5s\"\n"
      "  m() from A to B; @\"within 99999999999999999999s\"\n"
      "}\n",
      "2:21+8 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within\"\n"
      "3:21+10 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 5\"\n"
      "4:21+10 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within s\"\n"
      "5:21+14 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 5 sec\"\n"
      "6:21+11 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 0s\"\n"
      "7:21+17 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 5s or so\"\n"
      "8:21+12 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within -1s\"\n"
      "9:21+21 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 4294967296ms\"\n"
      "10:21+14 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 1194h\"\n"
      "11:21+13 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 1.5s\"\n"
      "12:21+30 error [syntax] expected a time after 'within', from 1ms to 4294967295 of them: a "
      "number and 'ms', 's', 'min' or 'h', found \"within 99999999999999999999s\"\n");
}

Test(deadline, of_something_else) {
  test_expect("aux protocol Q(role A, role B) @\"within 5s\" { n() from A to B; }\n"
              "protocol P(role A, role B) {\n"
              "  m() from A to B; @\"withinness, or not within 1s, are notes\"\n"
              "  do Q(A, B); @\"within 5s\"\n"
              "}\n",
              "1:33+11 error [syntax] only a message has a deadline\n"
              "4:16+11 error [syntax] only a message has a deadline\n");
}

Test(deadline, before_the_message) {
  test_expect(
      "@\"a note\" protocol P(role A, role B) {\n"
      "  @\"within 5s\" m() from A to B;\n"
      "  rec X { m() from A to B; continue X; } @\"a note\"\n"
      "}\n",
      "1:1+1 error [syntax] expected a protocol (an annotation comes behind its roles), "
      "found '@'\n"
      "2:3+1 error [syntax] expected a statement or '}' (an annotation comes behind the ';' "
      "of a message or call), found '@'\n"
      "3:42+1 error [syntax] expected a statement or '}' (an annotation comes behind the "
      "';' of a message or call), found '@'\n");
}
