/* test_dialect.c - what each dialect has, its rules of names and types, what is
 * handed to parameters, and imports. Each test has all the diagnostics. */
#include "support.h"

#include <criterion/criterion.h>

static void scribble(const char *text, const char *diagnostics) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, NULL, text, diagnostics);
}

static void nuscr(const char *text, const char *diagnostics) {
  test_expect_in(MATY_DIALECT_NUSCR, NULL, text, diagnostics);
}

/* ===== The scribble dialect ============================================== */

Test(scribble, everything_it_has) {
  scribble("module some.where.test;\n"
           "type <java> \"java.lang.String\" from \"rt.jar\" as String;\n"
           "data <java> \"java.lang.Integer\" from \"rt.jar\" as Int;\n"
           "sig <java> \"foo\" from \"bar\" as Foo;\n"
           "global protocol P(role A, role B) {\n"
           "  1(String) from A to B;\n"
           "  () from A to B; @\"x\"\n"
           "  m(x:Int, String) from A to B;\n"
           "  Foo from B to A;\n"
           "  do some.where.test.Q<Int, l(String), Foo>(B, A);\n"
           "}\n"
           "aux global protocol Q<type T, sig M, sig N>(role C, role D) {\n"
           "  M from C to D;\n"
           "  N from C to D;\n"
           "  (T) from D to C;\n"
           "}\n",
           "");
}

Test(scribble, module_line) {
  scribble("global protocol P(role A, role B) { m() from A to B; }\n",
           "1:1+6 error [syntax] expected 'module', the module's name and ';', found 'global'\n");
  scribble("module a.b.other;\n"
           "module test;\n"
           "global protocol P(role A, role B) { m() from A to B; }\n",
           "1:8+9 error [syntax] the module's last name is 'other', and the file's is 'test'\n"
           "2:1+6 error [dup-module] a module line stands once, before everything else\n");
}

/* A module may have types alone. */
Test(scribble, only_types) {
  scribble("module test;\n"
           "data <java> \"a\" from \"b\" as A;\n",
           "");
  scribble("module test;\n",
           "2:1+0 error [syntax] expected a protocol, found the end of the text\n");
}

Test(scribble, types) {
  scribble(
      "module test;\n"
      "type <java> \"a\" from \"b\" as String;\n"
      "sig <java> \"a\" from \"b\" as String;\n"
      "sig <java> \"a\" from \"b\" as M;\n"
      "type t = integer;\n"
      "global protocol P(role A, role B) {\n"
      "  m(Strin) from A to B;\n"
      "  m(integer) from A to B;\n"
      "  m({String}) from A to B;\n"
      "  m(M) from A to B;\n"
      "  String from A to B;\n"
      "  m from A to B;\n"
      "}\n",
      "3:28+6 error [dup-type] the message signature 'String' is declared twice\n"
      "2:29+6 note [dup-type] it is declared here first\n"
      "5:6+1 error [syntax] expected '<' and a language after the kind of declaration, found 't'\n"
      "7:5+5 error [unbound-type] there is no type 'Strin'; did you mean 'String'?\n"
      "8:5+7 error [unbound-type] there is no type 'integer'\n"
      "9:5+1 error [syntax] expected a type, found '{'\n"
      "10:5+1 error [unbound-type] 'M' is a message signature, and a type is expected\n"
      "11:3+6 error [unbound-type] there is no message signature 'String'; a label has brackets, "
      "'String()'\n"
      "12:3+1 error [unbound-type] there is no message signature 'm'; a label has brackets, "
      "'m()'\n");
}

/* A type, a role and a protocol do not get into each other's way. */
Test(scribble, names_of_several_kinds) {
  scribble("module test;\n"
           "type <java> \"a\" from \"b\" as A;\n"
           "global protocol A<sig P>(role A, role P) { P from A to P; A(A) from P to A; }\n",
           "");
}

Test(scribble, declarations) {
  scribble("module test;\n"
           "type <java> a from \"b\" as A;\n"
           "type <java> \"a\" as B;\n"
           "sig \"a\" from \"b\" as C;\n"
           "type <java> \"a\" from \"b\" as D\n"
           "global protocol P<type T, sig T, D>(role A, role B) { (D) from A to B; }\n"
           "global protocol Q<type T, sig T>(role A, role B) { (D) from A to B; }\n"
           "import a.b;\n"
           "type <java> \"a\" from \"b\" as E;\n",
           "2:13+1 error [syntax] expected a name in that language, as a string, found 'a'\n"
           "3:17+2 error [syntax] expected 'from' after the string, found 'as'\n"
           "4:5+3 error [syntax] expected '<' and a language after the kind of declaration, found "
           "'\"a\"'\n"
           "5:30+0 error [syntax] expected ';' after the declaration\n"
           "6:31+1 error [dup-type] the parameter 'T' is declared twice\n"
           "6:24+1 note [dup-type] it is declared here first\n"
           "6:34+1 error [syntax] expected 'type' or 'sig' and a parameter, found 'D'\n"
           "7:31+1 error [dup-type] the parameter 'T' is declared twice\n"
           "7:24+1 note [dup-type] it is declared here first\n"
           "8:1+6 error [syntax] imports come before types and protocols\n"
           "8:8+3 error [unbound-protocol] the module 'a.b' is not found\n"
           "9:1+4 error [syntax] types come before protocols\n");
}

Test(scribble, what_it_does_not_have) {
  scribble("(*# NestedProtocols #*)\n"
           "module test;\n"
           "nested protocol N(role A, role B) { m() from A to B; }\n"
           "global protocol P(role A, reliable role B) {\n"
           "  A calls N(A, B);\n"
           "  rec X [n<A>: T = 1] { m() from A to B; }\n"
           "}\n",
           "1:5+15 error [unsupported] the pragma 'NestedProtocols' is not supported\n"
           "3:1+6 error [syntax] a nested protocol is not part of the dialect 'scribble'\n"
           "4:27+8 error [syntax] a reliable role is not part of the dialect 'scribble'\n"
           "5:5+5 error [syntax] a call of a nested protocol ('calls') is not part of the dialect "
           "'scribble'\n"
           "6:9+1 error [syntax] a loop with variables is not part of the dialect 'scribble'\n");
}

Test(scribble, what_has_no_meaning_yet) {
  scribble("module test;\n"
           "explicit global protocol P(role A, role B) {\n"
           "  connect A to B;\n"
           "  1() connect B to A;\n"
           "  wrap A to B;\n"
           "  2(P@A) from A to B within [0;5];\n"
           "  disconnect A and B;\n"
           "}\n",
           "2:1+8 error [unsupported] an explicit protocol is not supported\n"
           "3:3+7 error [unsupported] an explicit connection ('connect') is not supported\n"
           "4:7+7 error [unsupported] an explicit connection ('connect') is not supported\n"
           "5:3+4 error [unsupported] an explicit connection ('wrap') is not supported\n"
           "6:5+3 error [unsupported] delegation is not supported\n"
           "6:22+6 error [unsupported] a time constraint ('within') is not supported\n"
           "7:3+10 error [unsupported] an explicit connection ('disconnect') is not supported\n");
}

/* ===== The nuscr dialect ================================================= */

Test(nuscr, everything_it_has) {
  nuscr("(*# NestedProtocols, ShowPragmas, PrintUsage: yes #*)\n"
        "(* a comment (* in another *) *)\n"
        "module whatever;\n"
        "type <ocaml> \"int\" from \"stdlib\" as int;\n"
        "nested protocol N(role A; new role B, role C) {\n"
        "  nested protocol M(role X, role Y) { m(int) from X to Y; }\n"
        "  a(int, string) from A to B;\n"
        "  b(x: whatever) from B to C;\n"
        "}\n"
        "global protocol P(role A, role B, role C) {\n"
        "  hello from A to B;\n"
        "  rec X { choice at A { l(int) from A to B; continue X; } or { r() from A to B; } }\n"
        "  A calls N(A);\n"
        "  bye() from B to C;\n"
        "}\n",
        "");
}

/* Each construct asks for its pragma. */
Test(nuscr, without_pragmas) {
  nuscr("nested protocol N(role A, role B) { m() from A to B; }\n"
        "global protocol P(role A, role B) {\n"
        "  A calls N(A, B);\n"
        "  rec X [n<A, B>: int = 0] { m(x: int{x > n}) from A to B; }\n"
        "}\n",
        "1:1+6 error [syntax] a nested protocol needs the pragma 'NestedProtocols'\n"
        "3:5+5 error [syntax] a call of a nested protocol ('calls') needs the pragma "
        "'NestedProtocols'\n"
        "4:9+1 error [syntax] a loop with variables needs the pragma 'RefinementTypes'\n"
        "4:38+1 error [syntax] a refined payload needs the pragma 'RefinementTypes'\n");
}

Test(nuscr, what_has_no_meaning_yet) {
  nuscr("(*# RefinementTypes, NestedProtocols #*)\n"
        "global protocol P(role A, reliable role B) {\n"
        "  nested protocol N(role A, role B; new role C) { m() from A to B; n() from B to C; }\n"
        "  rec X [count<A, B>: int = 0, s<A>: (x: int{x >= 0}) = count + 1] {\n"
        "    m(x: int{x > count && not (x = 2)}) from A to B;\n"
        "    A calls N(A, B);\n"
        "    continue X [count + 1, -s];\n"
        "  }\n"
        "}\n",
        "2:27+8 error [unsupported] a reliable role is not supported\n"
        "4:9+1 error [unsupported] a loop with variables is not supported\n"
        "4:45+1 error [unsupported] a refined payload is not supported\n"
        "5:13+1 error [unsupported] a refined payload is not supported\n"
        "7:16+1 error [unsupported] a loop with variables is not supported\n");
}

/* A list of variables may be empty. */
Test(nuscr, loops_without_variables) {
  nuscr("global protocol P(role A, role B) { rec X [] { m() from A to B; continue X []; } }\n", "");
}

Test(nuscr, times) {
  nuscr("global protocol P(role A, role B) {\n"
        "  a() from A to B within [0;1.5] using x and resetting x; @\"note\"\n"
        "  b() from A to B within ]0;[ using x and resetting ();\n"
        "  c() from A to B within (;4] using x and resetting (x, y);\n"
        "  d() from A to B within [1.;2];\n"
        "}\n",
        "2:19+6 error [unsupported] a time constraint ('within') is not supported\n"
        "3:19+6 error [unsupported] a time constraint ('within') is not supported\n"
        "4:19+6 error [unsupported] a time constraint ('within') is not supported\n"
        "5:19+6 error [unsupported] a time constraint ('within') is not supported\n"
        "5:29+1 error [syntax] expected digits after '.', found ';'\n"
        "5:31+1 error [syntax] expected '(' or 'from' after the message's label, found ']'\n");
}

Test(nuscr, pragmas) {
  nuscr("(*# ErrorHandlingCrashBranch, SenderValidateRefinements, Nonsense #*)\n"
        "global protocol P(role A, role B) { m() from A to B; }\n",
        "1:5+24 error [unsupported] the pragma 'ErrorHandlingCrashBranch' is not supported\n"
        "1:31+25 error [unsupported] the pragma 'SenderValidateRefinements' is not supported\n"
        "1:58+8 error [syntax] there is no pragma 'Nonsense'\n");
}

Test(nuscr, what_it_does_not_have) {
  nuscr("explicit global protocol P(role A, role B) {\n"
        "  connect A to B;\n"
        "  m({int, int}) from A to B;\n"
        "}\n"
        "type t = int;\n",
        "1:1+8 error [syntax] an explicit protocol is not part of the dialect 'nuscr'\n"
        "2:3+7 error [syntax] an explicit connection ('connect') is not part of the dialect "
        "'nuscr'\n"
        "3:5+1 error [syntax] expected a type, found '{'\n"
        "5:1+4 error [syntax] types come before protocols\n"
        "5:6+1 error [syntax] expected '<' and a language after the kind of declaration, found "
        "'t'\n");
}

/* ===== Parameters ======================================================== */

/* What is handed over takes the place of the parameter, through every call. */
Test(parameters, are_replaced) {
  test_expect_machines("type order = {integer, string};\n"
                       "sig <erlang> \"x\" from \"y\" as Ready;\n"
                       "protocol P(role A, role B) {\n"
                       "  do Ask<integer, item(order)>(A, B);\n"
                       "  do Ask<%{a: :ok | 1..3}, Ready>(B, A);\n"
                       "  Ready from A to B;\n"
                       "}\n"
                       "aux protocol Ask<type T, sig S>(role X, role Y) {\n"
                       "  ask(key: list(T)) from X to Y;\n"
                       "  S from Y to X;\n"
                       "  do More<{T, T}, S, (T)>(Y, X);\n"
                       "}\n"
                       "aux protocol More<data U, sig S, sig R>(role X, role Y) { more(U) from X "
                       "to Y; S from X to Y; R from Y to X; }\n",
                       "role A\n"
                       "  0 send 9:3: B!ask(key: list(integer)) -> 1\n"
                       "  1 receive 10:3: B?item({integer, string}) -> 2\n"
                       "  2 receive 13:59: B?more({integer, integer}) -> 3\n"
                       "  3 receive 13:80: B?item({integer, string}) -> 4\n"
                       "  4 send 13:95: B!(integer) -> 5\n"
                       "  5 receive 9:3: B?ask(key: list(%{a: :ok | 1..3})) -> 6\n"
                       "  6 send 10:3: B!Ready() -> 7\n"
                       "  7 send 13:59: B!more({%{a: :ok | 1..3}, %{a: :ok | 1..3}}) -> 8\n"
                       "  8 send 13:80: B!Ready() -> 9\n"
                       "  9 receive 13:95: B?(%{a: :ok | 1..3}) -> 10\n"
                       "  10 send 6:3: B!Ready() -> 11\n"
                       "  11 final 7:1\n"
                       "role B\n"
                       "  12 receive 9:3: A?ask(key: list(integer)) -> 13\n"
                       "  13 send 10:3: A!item({integer, string}) -> 14\n"
                       "  14 send 13:59: A!more({integer, integer}) -> 15\n"
                       "  15 send 13:80: A!item({integer, string}) -> 16\n"
                       "  16 receive 13:95: A?(integer) -> 17\n"
                       "  17 send 9:3: A!ask(key: list(%{a: :ok | 1..3})) -> 18\n"
                       "  18 receive 10:3: A?Ready() -> 19\n"
                       "  19 receive 13:59: A?more({%{a: :ok | 1..3}, %{a: :ok | 1..3}}) -> 20\n"
                       "  20 receive 13:80: A?Ready() -> 21\n"
                       "  21 send 13:95: A!(%{a: :ok | 1..3}) -> 22\n"
                       "  22 receive 6:3: A?Ready() -> 23\n"
                       "  23 final 7:1\n");
}

/* One that nothing is handed to is a protocol too. */
Test(parameters, stand_for_themselves) {
  test_expect_machines("protocol P<type T, sig S>(role A, role B) {\n"
                       "  m(T) from A to B;\n"
                       "  S from B to A;\n"
                       "  do P<T, S>(A, B);\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:3: B!m(T) -> 1\n"
                       "  1 receive 3:3: B?S() -> 0\n"
                       "role B\n"
                       "  2 receive 2:3: A?m(T) -> 3\n"
                       "  3 send 3:3: A!S() -> 2\n");
}

Test(parameters, mistakes) {
  test_expect(
      "sig <a> \"b\" from \"c\" as Sig;\n"
      "type t = integer;\n"
      "protocol P(role A, role B) {\n"
      "  do Q<integer>(A, B);\n"
      "  do Q(A, B);\n"
      "  do Q<Sig, t>(A, B);\n"
      "  do Q<m(), {t}>(A, B);\n"
      "  do Q<nothing, nothing>(A, B);\n"
      "  do Q<t, m(nothing, x: t, x: t)>(A, B);\n"
      "  do P<t>(A, B);\n"
      "  do Q<t m()>(A, B);\n"
      "}\n"
      "aux protocol Q<type T, sig S>(role A, role B) { m(T) from A to B; S from A to B; }\n"
      "aux protocol R<type T, sig S>(role A, role B) { m(S) from A to B; do Q<S, T>(A, B); }\n",
      "4:3+19 error [arity] the protocol 'Q' takes 2 parameters, and 1 is given here\n"
      "13:14+1 note [arity] it is declared here\n"
      "5:3+10 error [arity] the protocol 'Q' takes 2 parameters, and 0 are given here\n"
      "6:8+3 error [arity] the parameter 'T' is a type, and a message signature is given here\n"
      "13:21+1 note [arity] it is declared here\n"
      "6:13+1 error [arity] the parameter 'S' is a message signature, and a type is given here\n"
      "13:28+1 note [arity] it is declared here\n"
      "7:8+3 error [arity] the parameter 'T' is a type, and a message signature is given here\n"
      "7:13+3 error [arity] the parameter 'S' is a message signature, and a type is given here\n"
      "8:8+7 error [unbound-type] there is no type 'nothing'; a type that is not declared begins "
      "with a capital\n"
      "8:17+7 error [unbound-type] there is no message signature 'nothing'; a label has brackets, "
      "'nothing()'\n"
      "9:13+7 error [unbound-type] there is no type 'nothing'; a type that is not declared begins "
      "with a capital\n"
      "9:28+1 error [dup-label] the field 'x' stands twice\n"
      "10:3+13 error [arity] the protocol 'P' takes 0 parameters, and 1 is given here\n"
      "3:10+1 note [arity] it is declared here\n"
      "11:10+1 error [syntax] expected ',' or '>' after the argument, found 'm'\n"
      "14:51+1 error [unbound-type] 'S' is a message signature, and a type is expected\n"
      "14:72+1 error [arity] the parameter 'T' is a type, and a message signature is given here\n"
      "14:75+1 error [arity] the parameter 'S' is a message signature, and a type is given here\n");
}

/* ===== Imports =========================================================== */

static const test_module_t library[] = {
    {"lib.ask", "lib/ask.scr",
     "module lib.ask;\n"
     "import lib.more as More;\n"
     "type answer = {integer, float};\n"
     "protocol Ask<type T>(role A, role B) { ask(T) from A to B; do Tell(B, A); do More.Say(A, B); "
     "}\n"
     "aux protocol Tell(role A, role B) { tell(answer) from A to B; }\n"},
    {"lib.more", "lib/more.scr",
     "module lib.more;\n"
     "import lib.ask;\n"
     "import test;\n"
     "protocol Say(role A, role B) { say() from A to B; }\n"
     "protocol Unused(role A, role B, role C) { do lib.ask.Tell(A, B); do test.Back(A, B); }\n"},
    {"lib.bad", "lib/bad.scr",
     "module lib.bad;\n"
     "import lib.nowhere;\n"
     "import lib.ask as X;\n"
     "import lib.more as X;\n"
     "protocol Bad(role A, role B) { m() from A to C; }\n"
     "protocol Worse(role A, role B) { do lib.nowhere.P(A, B); m(answer) from A to B; ; }\n"},
    {NULL, NULL, NULL}};

/* Imports of imports, in a circle; types are those of the text they stand in. */
Test(imports, are_called) {
  maty_module_t *module = test_check_in(
      MATY_DIALECT_MATY, library,
      "module test;\n"
      "import lib.ask as L;\n"
      "import lib.ask;\n"
      "protocol P(role A, role B) { do L.Ask<string>(A, B); do lib.ask.Tell(A, B); }\n"
      "protocol Back(role A, role B) { back() from A to B; do test.P(A, B); }\n");
  cr_assert_eq(maty_module_diagnostic_count(module), 0);
  cr_assert_eq(maty_module_protocol_count(module), 2);
  const maty_image_t *image = maty_module_image(module, 0);
  cr_assert_not_null(image);
  cr_expect_str_eq(maty_image_source(image), "test.scr");
  maty_state_info_t state;
  cr_assert_eq(maty_image_state(image, 0, &state), MATY_OK);
  cr_expect_eq(state.line, 0, "a state of another text has no line");
  char buffer[40];
  maty_transition_info_t transition;
  uint32_t type;
  const char *name;
  cr_assert_eq(maty_image_transition(image, 0, 0, &transition), MATY_OK);
  cr_assert_eq(maty_image_field(image, transition.first_field, &name, &type), MATY_OK);
  (void)maty_image_type_text(image, type, buffer, sizeof buffer);
  cr_expect_str_eq(buffer, "string");
  maty_module_free(module);
}

Test(imports, without_a_way_to_find_them) {
  test_expect("import a.b as c;\n"
              "protocol P(role A, role B) { do c.Q(A, B); do d.Q(A, B); }\n",
              "1:8+3 error [unbound-protocol] the module 'a.b' is not found\n"
              "2:47+1 error [unbound-protocol] the module 'd' is not imported here\n");
}

/* Errors name the text they are in, in the order of the texts. */
Test(imports, errors_inside) {
  test_expect_in(
      MATY_DIALECT_MATY, library,
      "import lib.bad as Bad;\n"
      "protocol P(role A, role B) { do Bad.Bad(A, B); do Bad.Wors(A, B); do lib.bad.Bad(A); }\n"
      "protocol Q(role A, role B) { m() from A to D; }\n",
      "2:55+4 error [unbound-protocol] there is no protocol in this module named 'Wors'; did you "
      "mean 'Worse'?\n"
      "2:70+7 error [unbound-protocol] the module 'lib.bad' is not imported here\n"
      "3:44+1 error [unbound-role] there is no role 'D'\n"
      "lib/bad.scr:2:8+11 error [unbound-protocol] the module 'lib.nowhere' is not found\n"
      "lib/bad.scr:4:20+1 error [dup-module] the name 'X' stands for two modules\n"
      "lib/bad.scr:3:19+1 note [dup-module] this is the first\n"
      "lib/bad.scr:5:46+1 error [unbound-role] there is no role 'C'\n"
      "lib/bad.scr:6:60+6 error [unbound-type] there is no type 'answer'; a type that is not "
      "declared begins with a capital\n"
      "lib/bad.scr:6:81+1 error [syntax] expected a statement or '}', found ';'\n"
      "lib/more.scr:3:8+4 error [unbound-protocol] the module 'test' is not found\n");
}

Test(imports, mistakes) {
  test_expect_in(
      MATY_DIALECT_MATY, library,
      "module test;\n"
      "import ;\n"
      "import lib. ask;\n"
      "import lib.more as ;\n"
      "import lib.more\n"
      "protocol P(role A, role B) { do lib.ask.Say(A, B); do lib.more.Say(A); do "
      "lib.more.Say<t>(A, B); }\n",
      "2:8+1 error [syntax] expected a module's name after 'import', found ';'\n"
      "4:20+1 error [syntax] expected a name for the module after 'as', found ';'\n"
      "5:16+0 error [syntax] expected ';' after the import\n"
      "6:41+3 error [unbound-protocol] there is no protocol in this module named 'Say'\n"
      "6:52+18 error [arity] the protocol 'Say' takes 2 roles, and 1 is given here\n"
      "lib/more.scr:4:10+3 note [arity] it is declared here\n"
      "6:72+24 error [arity] the protocol 'Say' takes 0 parameters, and 1 is given here\n"
      "lib/more.scr:5:74+4 error [unbound-protocol] there is no protocol in this module named "
      "'Back'\n");
}

Test(imports, in_the_scribble_dialect) {
  static const test_module_t modules[] = {
      {"a.Lib", "somewhere/Lib.scr",
       "module a.Lib;\n"
       "sig <x> \"y\" from \"z\" as S;\n"
       "global protocol P(role A, role B) { S from A to B; }\n"},
      {"a.Other", "somewhere/Other.scr", "global protocol P(role A, role B) { S from A to B; }\n"},
      {NULL, NULL, NULL}};
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, modules,
      "module test;\n"
      "import a.Lib;\n"
      "import a.Other as O;\n"
      "global protocol Q(role A, role B) { do a.Lib.P(A, B); S from A to B; }\n",
      "4:55+1 error [unbound-type] there is no message signature 'S'; a label has brackets, 'S()'\n"
      "somewhere/Other.scr:1:1+6 error [syntax] expected 'module', the module's name and ';', "
      "found 'global'\n"
      "somewhere/Other.scr:1:37+1 error [unbound-type] there is no message signature 'S'; a label "
      "has brackets, 'S()'\n");
}

/* ===== What imported texts declare ======================================= */

static const test_module_t declarations[] = {{"a.b.C", "C.scr",
                                              "module a.b.C;\n"
                                              "data <x> \"y\" from \"z\" as T;\n"
                                              "type <x> \"y\" from \"z\" as Count;\n"
                                              "sig <x> \"y\" from \"z\" as S;\n"
                                              "global protocol Q<type V, sig W>(role A, role B) { "
                                              "v(V) from A to B; W from A to B; m(a.b.C.T) "
                                              "from A to B; }\n"},
                                             {NULL, NULL, NULL}};

Test(imports, types_and_signatures) {
  test_expect_in(MATY_DIALECT_SCRIBBLE, declarations,
                 "module test;\n"
                 "import a.b.C;\n"
                 "import a.b.C as C;\n"
                 "global protocol P(role A, role B) {\n"
                 "  m(a.b.C.T, C.T, x: a . b . C . Count) from A to B;\n"
                 "  C.S from B to A;\n"
                 "  do C.Q<C.T, a.b.C.S>(A, B);\n"
                 "}\n",
                 "");
}

Test(imports, types_and_signatures_that_are_not_there) {
  test_expect_in(
      MATY_DIALECT_SCRIBBLE, declarations,
      "module test;\n"
      "import a.b.C as C;\n"
      "import a.b.None;\n"
      "global protocol P(role A, role B) {\n"
      "  m(C.Tt, D.T, C.S, a.b.None.T, T) from A to B;\n"
      "  C.T from B to A;\n"
      "  C.Cout from A to B;\n"
      "  D.S from B to A;\n"
      "  a.b.None.S from A to B;\n"
      "  do C.Q<C.X, C.X>(A, B);\n"
      "  do C.Q<C.S, C.T>(A, B);\n"
      "  do C.Q<D.T, D.S>(A, B);\n"
      "  C.S() from B to A;\n"
      "  m(C.Q@A, C.) from A to B;\n"
      "}\n",
      "3:8+8 error [unbound-protocol] the module 'a.b.None' is not found\n"
      "5:7+2 error [unbound-type] there is no type in this module named 'Tt'\n"
      "5:11+1 error [unbound-type] the module 'D' is not imported here\n"
      "5:16+3 error [unbound-type] 'S' is a message signature, and a type is expected\n"
      "5:33+1 error [unbound-type] there is no type 'T'\n"
      "6:5+1 error [unbound-type] there is no message signature in this module named 'T'\n"
      "7:5+4 error [unbound-type] there is no message signature in this module named 'Cout'; did "
      "you mean 'Count'?\n"
      "8:3+1 error [unbound-type] the module 'D' is not imported here\n"
      "10:12+1 error [unbound-type] there is no type in this module named 'X'\n"
      "10:17+1 error [unbound-type] there is no message signature in this module named 'X'\n"
      "11:10+3 error [arity] the parameter 'V' is a type, and a message signature is given here\n"
      "C.scr:5:24+1 note [arity] it is declared here\n"
      "11:15+3 error [arity] the parameter 'W' is a message signature, and a type is given here\n"
      "C.scr:5:31+1 note [arity] it is declared here\n"
      "12:10+1 error [unbound-type] the module 'D' is not imported here\n"
      "12:15+1 error [unbound-type] the module 'D' is not imported here\n"
      "13:6+1 error [syntax] expected 'from' after the signature, found '('\n"
      "14:5+5 error [unsupported] delegation is not supported\n"
      "14:14+1 error [syntax] expected a name after '.', found ')'\n");
}

/* Types of texts that import one another are made of each other's. */
Test(imports, types_of_our_own) {
  static const test_module_t modules[] = {
      {"lib", "lib.scr", "import side;\ntype order = {integer, side.t};\n"},
      {"side", "side.scr", "import lib;\ntype t = :a | :b;\ntype orders = list(lib.order);\n"},
      {NULL, NULL, NULL}};
  maty_module_t *module =
      test_check_in(MATY_DIALECT_MATY, modules,
                    "import lib;\n"
                    "import side;\n"
                    "type t = %{key: side.orders};\n"
                    "protocol P(role A, role B) { m(t | lib.order, side.t) from A to B; }\n");
  cr_assert_eq(maty_module_diagnostic_count(module), 0);
  char *machine = test_write_machines(maty_module_image(module, 0), 0, MATY_MACHINES_PLAIN);
  cr_expect_str_eq(machine,
                   "machines P;\n"
                   "\n"
                   "machine A {\n"
                   "  0: m(%{key: list({integer, :a | :b})} | {integer, :a | :b}, :a | :b) to B -> "
                   "1;\n"
                   "  1: end;\n"
                   "}\n"
                   "\n"
                   "role B;\n",
                   "%s", machine);
  free(machine);
  maty_module_free(module);
}

Test(imports, types_of_our_own_that_are_not_there) {
  static const test_module_t modules[] = {
      {"lib", "lib.scr", "import side;\ntype t = integer;\ntype round = list(side.round);\n"},
      {"side", "side.scr", "import lib;\ntype round = lib.round;\n"},
      {NULL, NULL, NULL}};
  test_expect_in(
      MATY_DIALECT_MATY, modules,
      "import lib;\n"
      "protocol P(role A, role B) { m(lib.t | %{a: lib.T}, lib.integer) from A to B; m({A@B}) from "
      "A to B; }\n"
      "protocol Q<type V>(role A, role B) { m(V) from A to B; n(lib.V) from A to B; }\n",
      "2:49+1 error [unbound-type] there is no type in this module named 'T'\n"
      "2:57+7 error [unbound-type] there is no type in this module named 'integer'\n"
      "2:83+1 error [syntax] expected ',' or '}' in the tuple, found '@'\n"
      "3:62+1 error [unbound-type] there is no type in this module named 'V'\n"
      "side.scr:2:14+9 error [unguarded] the type 'round' is part of itself\n");
}
