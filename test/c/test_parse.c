/* test_parse.c - the grammar: what is a mistake, where reading goes on after
 * one, and what is named but not done. Each test has all the diagnostics. */
#include "support.h"

#include <criterion/criterion.h>

Test(parse, forms_of_a_protocol) {
  test_accept("module a.b.c;\n"
              "global protocol P(role A, role B) { m() from A to B; }\n"
              "protocol Q(role A, role B) { m() from A to B; }\n"
              "aux global protocol R(role A, role B) { m() from A to B; }\n"
              "aux protocol S(role A, role B) { m() from A to B; }\n");
}

Test(parse, forms_of_a_message) {
  test_accept("protocol P(role A, role B, role C) {\n"
              "  m from A to B;\n"
              "  m() from A to B, C;\n"
              "  m(integer) from A to B;\n"
              "  (x: integer) from A to B;\n"
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

Test(unsupported, import_) {
  test_expect("import a.b as c;\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:1+6 error [unsupported] an import is not supported\n");
}

Test(unsupported, type_of_another_language) {
  test_expect(
      "type <java> \"java.lang.String\" from \"rt.jar\" as String;\n"
      "data <py> \"int\" from \"x\" as Int;\n"
      "sig <java> \"T\" from \"x\" as T;\n"
      "protocol P(role A, role B) { m() from A to B; }\n",
      "1:1+4 error [unsupported] a declaration of a type of another language is not supported\n"
      "2:1+4 error [unsupported] a declaration of a type of another language is not supported\n"
      "3:1+3 error [unsupported] a declaration of a type of another language is not supported\n");
}

Test(unsupported, nested) {
  test_expect("nested protocol N(role A; new role B) { m() from A to B; }\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:1+6 error [unsupported] a nested protocol is not supported\n");
}

Test(unsupported, nested_in_a_body) {
  test_expect("protocol P(role A, role B) {\n"
              "  nested protocol N(role A, role B) { x() from A to Q; }\n"
              "  m() from A to B;\n"
              "}\n",
              "2:3+6 error [unsupported] a nested protocol is not supported\n");
}

Test(unsupported, parameters) {
  test_expect("protocol P<type T, sig S>(role A, role B) { m() from A to B; }\n"
              "protocol Q(role A, role B) { do P<Int, m()>(A, B); }\n",
              "1:11+1 error [unsupported] a parameter that is no role is not supported\n"
              "2:34+1 error [unsupported] an argument that is no role is not supported\n");
}

Test(unsupported, annotation_of_a_protocol) {
  test_expect("protocol P(role A, role B) @\"x\" { m() from A to B; }\n",
              "1:28+1 error [unsupported] an annotation is not supported\n");
}

Test(unsupported, annotation) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B; @\"fast\"\n"
              "  do P(A, B); @\"x\"\n"
              "}\n",
              "2:20+1 error [unsupported] an annotation is not supported\n"
              "3:15+1 error [unsupported] an annotation is not supported\n");
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

Test(unsupported, connection_with_a_message) {
  test_expect("protocol P(role A, role B) {\n"
              "  m connect A to B;\n"
              "}\n",
              "2:3+1 error [unsupported] an explicit connection ('connect') is not supported\n");
}

Test(unsupported, calls) {
  test_expect("protocol P(role A, role B) {\n"
              "  A calls N(A, B);\n"
              "}\n",
              "2:3+1 error [unsupported] a call of a nested protocol ('calls') is not supported\n");
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

Test(unsupported, delegation) {
  test_expect("protocol P(role A, role B) {\n"
              "  m(P@A) from A to B;\n"
              "}\n",
              "2:5+1 error [unsupported] delegation is not supported\n");
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

Test(unsupported, protocol_of_another_module) {
  test_expect("protocol P(role A, role B) {\n"
              "  do a.b.P(A, B);\n"
              "}\n",
              "2:6+1 error [unsupported] a protocol of another module is not supported\n");
}
