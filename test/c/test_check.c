/* test_check.c - what can be wrong with a protocol that can be read: names,
 * shape, choices, and whether every role can play its part. Each test has all
 * the diagnostics, with the runs that show them. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(names, dup_module) {
  test_expect("module a;\n"
              "module b.c;\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "2:1+6 error [dup-module] a module line stands once, before everything else\n");
}

Test(names, dup_protocol) {
  test_expect("protocol P(role A, role B) { m() from A to B; }\n"
              "protocol P(role A, role B) { n() from A to B; }\n",
              "2:10+1 error [dup-protocol] the protocol 'P' is declared twice\n"
              "1:10+1 note [dup-protocol] it is declared here first\n");
}

Test(names, dup_role) {
  test_expect("protocol P(role A, role B, role A) { m() from A to B; }\n",
              "1:33+1 error [dup-role] the role 'A' is declared twice\n"
              "1:17+1 note [dup-role] it is declared here first\n");
}

Test(names, dup_role_in_do) {
  test_expect("protocol P(role A, role B) { do Q(A, A); }\n"
              "aux protocol Q(role A, role B) { m() from A to B; }\n",
              "1:38+1 error [dup-role] the role 'A' stands twice in this list\n");
}

Test(names, dup_role_in_receivers) {
  test_expect("protocol P(role A, role B) { m() from A to B, B; }\n",
              "1:47+1 error [dup-role] the role 'B' stands twice in this list\n");
}

Test(names, dup_type) {
  test_expect("type t = integer;\n"
              "type t = string;\n"
              "protocol P(role A, role B) { m(t) from A to B; }\n",
              "2:6+1 error [dup-type] the type 't' is declared twice\n"
              "1:6+1 note [dup-type] it is declared here first\n");
}

Test(names, dup_type_built_in) {
  test_expect("type list = integer;\n"
              "type string = binary;\n"
              "protocol P(role A, role B) { m() from A to B; }\n",
              "1:6+4 error [dup-type] the type 'list' is there already and cannot be declared\n"
              "2:6+6 error [dup-type] the type 'string' is there already and cannot be declared\n");
}

Test(names, dup_label_field) {
  test_expect("protocol P(role A, role B) { m(x: integer, y: integer, x: string) from A to B; }\n",
              "1:56+1 error [dup-label] the field 'x' stands twice\n");
}

Test(names, dup_label_key) {
  test_expect("protocol P(role A, role B) { m(%{x: integer, x: string}) from A to B; }\n",
              "1:46+1 error [dup-label] the key 'x' stands twice\n");
}

Test(names, unbound_role) {
  test_expect("protocol P(role Seller, role Buyer) {\n"
              "  m() from Sellar to Buyer;\n"
              "  n() from Buyer to X;\n"
              "  choice at Byuer { a() from Buyer to Seller; }\n"
              "}\n",
              "2:12+6 error [unbound-role] there is no role 'Sellar'; did you mean 'Seller'?\n"
              "3:21+1 error [unbound-role] there is no role 'X'\n"
              "4:13+5 error [unbound-role] there is no role 'Byuer'; did you mean 'Buyer'?\n");
}

Test(names, unbound_recvar) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec Loop { m() from A to B; continue Lop; }\n"
              "}\n",
              "2:40+3 error [unbound-recvar] there is no loop around this named 'Lop'; did you "
              "mean 'Loop'?\n");
}

Test(names, unbound_recvar_outside) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec Loop { m() from A to B; }\n"
              "  continue Loop;\n"
              "}\n",
              "3:12+4 error [unbound-recvar] there is no loop around this named 'Loop'\n");
}

Test(names, unbound_protocol) {
  test_expect(
      "protocol P(role A, role B) { do Pnig(A, B); }\n"
      "aux protocol Ping(role A, role B) { m() from A to B; }\n",
      "1:33+4 error [unbound-protocol] there is no protocol 'Pnig'; did you mean 'Ping'?\n");
}

Test(names, unbound_protocol_unlike) {
  test_expect("protocol P(role A, role B) { do Q(A, B); }\n",
              "1:33+1 error [unbound-protocol] there is no protocol 'Q'\n");
}

Test(names, unbound_type) {
  test_expect("type order = {integer, string};\n"
              "protocol P(role A, role B) {\n"
              "  m(strnig) from A to B;\n"
              "  m(list(ordr)) from A to B;\n"
              "  m(x: list({mystery, integer})) from A to B;\n"
              "  m(list) from A to B;\n"
              "}\n",
              "3:5+6 error [unbound-type] there is no type 'strnig'; did you mean 'string'?\n"
              "4:10+4 error [unbound-type] there is no type 'ordr'; did you mean 'order'?\n"
              "5:14+7 error [unbound-type] there is no type 'mystery'; a type that is not declared "
              "begins with a capital\n"
              "6:5+4 error [syntax] expected '(' and the type of the items after 'list'\n");
}

Test(names, unbound_type_nearest) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  m(int, bool) from A to B;\n"
      "  m(nil) from A to B;\n"
      "}\n",
      "2:5+3 error [unbound-type] there is no type 'int'; did you mean 'integer'?\n"
      "2:10+4 error [unbound-type] there is no type 'bool'; did you mean 'boolean'?\n"
      "3:5+3 error [unbound-type] there is no type 'nil'; a type that is not declared begins "
      "with a capital\n");
}

Test(names, unbound_type_in_type) {
  test_expect("type a = {b, integer};\n"
              "type b = list(nteger);\n"
              "protocol P(role A, role B) { m(a) from A to B; }\n",
              "2:15+6 error [unbound-type] there is no type 'nteger'; did you mean 'integer'?\n");
}

Test(names, arity) {
  test_expect("protocol P(role A, role B) {\n"
              "  do Q(A, B);\n"
              "  do One(A, B);\n"
              "  do One;\n"
              "}\n"
              "aux protocol Q(role A, role B, role C) { m() from A to B; }\n"
              "aux protocol One(role A) { }\n",
              "2:3+10 error [arity] the protocol 'Q' takes 3 roles, and 2 are given here\n"
              "6:14+1 note [arity] it is declared here\n"
              "3:3+12 error [arity] the protocol 'One' takes 1 role, and 2 are given here\n"
              "7:14+3 note [arity] it is declared here\n"
              "4:3+6 error [arity] the protocol 'One' takes 1 role, and 0 are given here\n");
}

Test(names, self_message) {
  test_expect("protocol P(role A, role B) { m() from A to B; n() from B to B; }\n",
              "1:61+1 error [self-message] the role 'B' sends a message to itself\n");
}

Test(names, self_message_in_receivers) {
  test_expect("protocol P(role A, role B, role C) { m() from A to B, A, C; }\n",
              "1:55+1 error [self-message] the role 'A' sends a message to itself\n");
}

Test(names, unused_role) {
  test_expect("protocol P(role A, role B, role C) { m() from A to B; }\n",
              "1:33+1 error [unused-role] the role 'C' takes no part in the conversation\n");
}

/* The role that the callee does not use. */
Test(names, unused_role_in_call) {
  test_expect("protocol P(role A, role B, role C) { do Q(A, B, C); }\n"
              "aux protocol Q(role X, role Y, role Z) { m() from X to Y; }\n",
              "1:33+1 error [unused-role] the role 'C' takes no part in the conversation\n");
}

Test(names, type_in_itself) {
  test_expect("type a = list(b);\n"
              "type b = {a, integer};\n"
              "protocol P(role A, role B) { m(b) from A to B; }\n",
              "2:11+1 error [unguarded] the type 'a' is part of itself\n");
}

Test(shape, unguarded_loop) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B;\n"
              "  rec X { continue X; }\n"
              "}\n",
              "3:11+10 error [unguarded] this comes back to itself without a message on the way\n");
}

Test(shape, unguarded_branch) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X {\n"
              "    choice at A { m() from A to B; } or { continue X; }\n"
              "  }\n"
              "}\n",
              "3:43+10 error [unguarded] this comes back to itself without a message on the way\n");
}

Test(shape, unguarded_nested_loops) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  rec X { rec Y { choice at A { m() from A to B; continue Y; } or { continue X; } } }\n"
      "}\n",
      "2:69+10 error [unguarded] this comes back to itself without a message on the way\n");
}

Test(shape, unguarded_call) {
  test_expect("protocol P(role A, role B) { do P(A, B); }\n",
              "1:30+10 error [unguarded] this comes back to itself without a message on the way\n");
}

Test(shape, unguarded_call_around) {
  test_expect("protocol P(role A, role B) {\n"
              "  do Q(A, B);\n"
              "}\n"
              "aux protocol Q(role A, role B) { do R(A, B); }\n"
              "aux protocol R(role A, role B) { do Q(A, B); }\n",
              "5:34+10 error [unguarded] this comes back to itself without a message on the way\n");
}

Test(shape, unreachable_after_continue) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X {\n"
              "    m() from A to B;\n"
              "    continue X;\n"
              "    n() from A to B;\n"
              "    n() from A to B;\n"
              "  }\n"
              "}\n",
              "5:5+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(shape, unreachable_after_loop) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X { m() from A to B; continue X; }\n"
              "  n() from A to B;\n"
              "}\n",
              "3:3+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(shape, unreachable_after_choice) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  rec X {\n"
      "    choice at A { m() from A to B; continue X; } or { n() from A to B; continue X; }\n"
      "    o() from B to A;\n"
      "  }\n"
      "}\n",
      "4:5+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(shape, unreachable_after_endless_call) {
  test_expect("protocol P(role A, role B) {\n"
              "  do Q(A, B);\n"
              "  n() from A to B;\n"
              "}\n"
              "aux protocol Q(role A, role B) { m() from A to B; do Q(B, A); }\n",
              "3:3+15 error [unreachable] nothing leads here: what comes before never ends\n");
}

Test(shape, call_of_itself_not_last) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  choice at A { m() from A to B; do P(A, B); n() from A to B; } or { o() from A to B; }\n"
      "}\n",
      "2:34+10 error [unreachable] 'P' is called inside itself, and something follows: such a 'do' "
      "has to come last\n");
}

Test(shape, call_of_each_other_not_last) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B;\n"
              "  choice at A { do Q(A, B); r() from A to B; } or { s() from A to B; }\n"
              "}\n"
              "aux protocol Q(role A, role B) { n() from A to B; do P(A, B); }\n",
              "5:51+10 error [unreachable] 'P' is called inside itself, and something follows: "
              "such a 'do' has to come last\n");
}

Test(choice, choice_subject) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A { m() from B to C; x() from C to A; } or { n() from B to C; y() from "
              "C to A; }\n"
              "}\n",
              "2:3+11 error [choice-subject] the choice is at 'A', but its branches begin with "
              "messages of 'B'\n");
}

Test(choice, choice_subject_of_the_inner) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { choice at B { m() from A to B; } or { n() from A to B; } } or { o() "
              "from A to B; }\n"
              "}\n",
              "2:17+11 error [choice-subject] the choice is at 'B', but its branches begin with "
              "messages of 'A'\n");
}

Test(choice, choice_subject_nothing) {
  test_expect(
      "protocol P(role A, role B) {\n"
      "  m() from A to B;\n"
      "  choice at A { } or { }\n"
      "}\n",
      "3:3+11 error [choice-subject] the choice is at 'A', but no branch begins with a message\n");
}

Test(choice, choice_sender) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { m() from A to B; } or { n() from B to A; }\n"
              "}\n",
              "2:41+1 error [choice-sender] 'B' may go on with this message where 'A' may go on "
              "too (line 2): one role has to choose\n"
              "either:\n"
              "  1. A -> B: m (line 2)\n"
              "or:\n"
              "  1. B -> A: n (line 2)\n");
}

Test(choice, choice_sender_after_the_same_message) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A {\n"
              "    hello() from A to B;\n"
              "    x() from A to B;\n"
              "  } or {\n"
              "    hello() from A to B;\n"
              "    y() from B to A;\n"
              "  }\n"
              "}\n",
              "7:5+1 error [choice-sender] 'B' may go on with this message where 'A' may go on too "
              "(line 4): one role has to choose\n"
              "  1. A -> B: hello (line 3)\n"
              "either:\n"
              "  2. A -> B: x (line 4)\n"
              "or:\n"
              "  2. B -> A: y (line 7)\n");
}

Test(choice, choice_sender_by_continue) {
  test_expect("protocol P(role A, role B) {\n"
              "  rec X {\n"
              "    m() from A to B;\n"
              "    choice at B { continue X; } or { n() from B to A; }\n"
              "  }\n"
              "}\n",
              "3:5+1 error [choice-sender] 'A' may go on with this message where 'B' may go on too "
              "(line 4): one role has to choose\n"
              "  1. A -> B: m (line 3)\n"
              "either:\n"
              "  2. B -> A: n (line 4)\n"
              "or:\n"
              "  2. A -> B: m (line 3)\n");
}

Test(choice, choice_sender_past_an_empty_branch) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { m() from A to B; } or { }\n"
              "  n() from B to A;\n"
              "}\n",
              "3:3+1 error [choice-sender] 'B' may go on with this message where 'A' may go on too "
              "(line 2): one role has to choose\n"
              "either:\n"
              "  1. A -> B: m (line 2)\n"
              "or:\n"
              "  1. B -> A: n (line 3)\n");
}

Test(choice, nondet_payload) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A {\n"
              "    m(integer) from A to B;\n"
              "    x() from A to B;\n"
              "  } or {\n"
              "    m(string) from A to B;\n"
              "    y() from A to B;\n"
              "  }\n"
              "}\n",
              "6:5+1 error [nondet-payload] 'm' has another payload here than in line 3, and both "
              "may come next\n"
              "3:5+1 note [nondet-payload] the other one is here\n");
}

/* The names of fields are part of a payload. */
Test(choice, nondet_payload_names) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { m(a: integer) from A to B; x() from A to B; }\n"
              "  or { m(b: integer) from A to B; y() from A to B; }\n"
              "}\n",
              "3:8+1 error [nondet-payload] 'm' has another payload here than in line 2, and both "
              "may come next\n"
              "2:17+1 note [nondet-payload] the other one is here\n");
}

/* C cannot know which payload comes. */
Test(choice, nondet_payload_seen_alike) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    m(integer) from B to C;\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "    m(string) from B to C;\n"
              "  }\n"
              "}\n",
              "4:5+1 error [nondet-payload] 'm' has one payload after one run, and another payload "
              "after another that is the same to 'C'\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. B -> C: m (line 4)\n"
              "the other:\n"
              "  1. A -> B: b (line 6)\n"
              "  2. B -> C: m (line 7)\n");
}

Test(choice, unfinished_at_once) {
  test_expect("protocol P(role A, role B) {\n"
              "  m() from A to B;\n"
              "  choice at A { n() from A to B; } or { }\n"
              "}\n",
              "3:17+1 error [unfinished] the conversation may be over here, or go on with 'n': "
              "nobody is told which\n"
              "  1. A -> B: m (line 2)\n"
              "either:\n"
              "  2. A -> B: n (line 3)\n"
              "or:\n"
              "     the end\n");
}

Test(choice, unfinished_prefix) {
  test_expect("protocol P(role A, role B) {\n"
              "  choice at A { m() from A to B; } or { m() from A to B; n() from B to A; }\n"
              "}\n",
              "2:58+1 error [unfinished] the conversation may be over here, or go on with 'n': "
              "nobody is told which\n"
              "  1. A -> B: m (line 2)\n"
              "either:\n"
              "  2. B -> A: n (line 2)\n"
              "or:\n"
              "     the end\n");
}

/* C waits for a message that never comes. */
Test(choice, unfinished_not_told) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    go() from A to B;\n"
              "    work() from B to C;\n"
              "  } or {\n"
              "    stop() from A to B;\n"
              "  }\n"
              "}\n",
              "4:5+4 error [unfinished] 'C' goes on with 'work' after one run; after another that "
              "is the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: go (line 3)\n"
              "  2. B -> C: work (line 4)\n"
              "the other:\n"
              "  1. A -> B: stop (line 6)\n"
              "     the end\n");
}

/* W is not told that the loop ends. */
Test(choice, unfinished_loop) {
  test_expect("protocol P(role M, role N, role W) {\n"
              "  rec X {\n"
              "    choice at M {\n"
              "      more() from M to N;\n"
              "      work() from N to W;\n"
              "      continue X;\n"
              "    } or {\n"
              "      done() from M to N;\n"
              "    }\n"
              "  }\n"
              "}\n",
              "5:7+4 error [unfinished] 'W' goes on with 'work' after one run; after another that "
              "is the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. M -> N: more (line 4)\n"
              "  2. N -> W: work (line 5)\n"
              "the other:\n"
              "  1. M -> N: done (line 8)\n"
              "     the end\n");
}

/* C waits while A and B go round. */
Test(choice, role_progress) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    tell() from A to C;\n"
              "  } or {\n"
              "    quiet() from A to B;\n"
              "    rec X {\n"
              "      ping() from A to B;\n"
              "      pong() from B to A;\n"
              "      continue X;\n"
              "    }\n"
              "  }\n"
              "}\n",
              "3:5+4 error [role-progress] 'C' goes on with 'tell' after one run; after another "
              "that is the same to it the conversation goes on without it, and it waits for ever\n"
              "one run:\n"
              "  1. A -> C: tell (line 3)\n"
              "the other:\n"
              "  1. A -> B: quiet (line 5)\n"
              "5:5+5 error [unfinished] 'B' goes on with 'quiet' after one run; after another that "
              "is the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: quiet (line 5)\n"
              "the other:\n"
              "  1. A -> C: tell (line 3)\n"
              "     the end\n");
}

/* C has to send what only A and B know of. */
Test(choice, send_validity) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    x() from C to B;\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "    y() from C to B;\n"
              "  }\n"
              "}\n",
              "4:5+1 error [send-validity] 'C' may send 'x' after one run, and may not after "
              "another that is the same to it\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. C -> B: x (line 4)\n"
              "the other:\n"
              "  1. A -> B: b (line 6)\n");
}

Test(choice, send_validity_after_a_message) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  hello() from A to C;\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    ok() from A to C;\n"
              "    x() from C to B;\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "    ok() from A to C;\n"
              "    y() from C to B;\n"
              "  }\n"
              "}\n",
              "6:5+1 error [send-validity] 'C' may send 'x' after one run, and may not after "
              "another that is the same to it\n"
              "one run:\n"
              "  1. A -> C: hello (line 2)\n"
              "  2. A -> B: a (line 4)\n"
              "  3. A -> C: ok (line 5)\n"
              "  4. C -> B: x (line 6)\n"
              "the other:\n"
              "  1. A -> C: hello (line 2)\n"
              "  2. A -> B: b (line 8)\n"
              "  3. A -> C: ok (line 9)\n");
}

/* In one branch C may send less. */
Test(choice, send_validity_sometimes) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    choice at C { x() from C to B; } or { y() from C to B; }\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "    x() from C to B;\n"
              "  }\n"
              "}\n",
              "4:43+1 error [send-validity] 'C' may send 'y' after one run, and may not after "
              "another that is the same to it\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. C -> B: y (line 4)\n"
              "the other:\n"
              "  1. A -> B: b (line 6)\n");
}

/* B from B may overtake a from A. */
Test(choice, receive_validity) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    go() from A to B;\n"
              "    a() from A to C;\n"
              "    b() from B to C;\n"
              "  } or {\n"
              "    no() from A to B;\n"
              "    b() from B to C;\n"
              "    a() from A to C;\n"
              "  }\n"
              "}\n",
              "4:5+1 error [receive-validity] 'C' waits for 'a' from 'A' after one run; after "
              "another that is the same to it, 'b' from 'B' comes first, and both can be there\n"
              "one run:\n"
              "  1. A -> B: go (line 3)\n"
              "  2. A -> C: a (line 4)\n"
              "the other:\n"
              "  1. A -> B: no (line 7)\n"
              "  2. B -> C: b (line 8)\n");
}

/* The message that may come first is two steps away. */
Test(choice, receive_validity_later) {
  test_expect("protocol P(role A, role B, role C, role D) {\n"
              "  choice at A {\n"
              "    one() from A to D;\n"
              "    a() from A to C;\n"
              "    go() from A to B;\n"
              "    b() from B to C;\n"
              "  } or {\n"
              "    two() from A to D;\n"
              "    go() from A to B;\n"
              "    b() from B to C;\n"
              "    z() from A to C;\n"
              "  }\n"
              "}\n",
              "10:5+1 error [receive-validity] 'C' waits for 'b' from 'B' after one run; after "
              "another that is the same to it, 'a' from 'A' comes first, and both can be there\n"
              "one run:\n"
              "  1. A -> D: two (line 8)\n"
              "  2. A -> B: go (line 9)\n"
              "  3. B -> C: b (line 10)\n"
              "the other:\n"
              "  1. A -> D: one (line 3)\n"
              "  2. A -> C: a (line 4)\n");
}

Test(choice, mixed_choice) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    x() from C to B;\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "    y() from B to C;\n"
              "  }\n"
              "}\n",
              "4:5+1 error [mixed-choice] 'C' sends 'x' after one run, and waits for 'y' from 'B' "
              "after another that is the same to it\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. C -> B: x (line 4)\n"
              "the other:\n"
              "  1. A -> B: b (line 6)\n"
              "  2. B -> C: y (line 7)\n");
}

/* Each role that cannot play its part is reported. */
Test(choice, several_roles) {
  test_expect("protocol P(role A, role B, role C, role D) {\n"
              "  choice at A {\n"
              "    a() from A to B;\n"
              "    c() from B to C;\n"
              "    d() from B to D;\n"
              "  } or {\n"
              "    b() from A to B;\n"
              "  }\n"
              "}\n",
              "4:5+1 error [unfinished] 'C' goes on with 'c' after one run; after another that is "
              "the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. B -> C: c (line 4)\n"
              "the other:\n"
              "  1. A -> B: b (line 7)\n"
              "     the end\n"
              "5:5+1 error [unfinished] 'D' goes on with 'd' after one run; after another that is "
              "the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: a (line 3)\n"
              "  2. B -> C: c (line 4)\n"
              "  3. B -> D: d (line 5)\n"
              "the other:\n"
              "  1. A -> B: b (line 7)\n"
              "     the end\n");
}

/* The shorter of two ways to go wrong is shown. */
Test(choice, shortest) {
  test_expect("protocol P(role A, role B, role C) {\n"
              "  choice at A {\n"
              "    long() from A to B;\n"
              "    longer() from A to B;\n"
              "    c() from B to C;\n"
              "  } or {\n"
              "    short() from A to B;\n"
              "  } or {\n"
              "    quick() from A to B;\n"
              "    d() from B to C;\n"
              "  }\n"
              "}\n",
              "10:5+1 error [unfinished] 'C' goes on with 'd' after one run; after another that is "
              "the same to it the conversation is over, and it waits for ever\n"
              "one run:\n"
              "  1. A -> B: quick (line 9)\n"
              "  2. B -> C: d (line 10)\n"
              "the other:\n"
              "  1. A -> B: short (line 7)\n"
              "     the end\n");
}

/* ===== What each role can play =========================================== */

/* B's message cannot overtake A's: B waits for C to answer A's first. */
Test(implement, a_blocked_sender_does_not_overtake) {
  test_accept(
      "protocol P(role A, role B, role C) {\n"
      "  choice at A { go() from A to B; a() from A to C; c() from C to B; b() from B to C; }\n"
      "  or { no() from A to B; b() from B to C; }\n"
      "}\n");
}

/* The same with a role between C and B. */
Test(implement, who_waits_for_a_blocked_role_is_blocked) {
  test_accept(
      "protocol P(role A, role B, role C, role D) {\n"
      "  choice at A {\n"
      "    go() from A to B; a() from A to C; c() from C to D; d() from D to B; b() from B to C;\n"
      "  } or {\n"
      "    no() from A to B; b() from B to C; e() from C to D;\n"
      "  }\n"
      "}\n");
}

/* What stands first in a channel hides what is behind it. */
Test(implement, a_channel_is_first_in_first_out) {
  test_accept(
      "protocol P(role A, role B, role C) {\n"
      "  choice at A { go() from A to B; a() from A to C; x() from B to C; b() from B to C; }\n"
      "  or { no() from A to B; b() from B to C; }\n"
      "}\n");
}

/* Both receivers of the choice are told by the one who chooses. */
Test(implement, the_first_receivers_differ) {
  test_accept("protocol P(role A, role B, role C) {\n"
              "  choice at A { m() from A to B; n() from A to C; }\n"
              "  or { x() from A to C; y() from A to B; }\n"
              "}\n");
}

/* A message that all branches share may come before a role knows which. */
Test(implement, the_same_to_send_in_all_branches) {
  test_accept("protocol P(role A, role B, role C) {\n"
              "  choice at A { a() from A to B; x() from C to B; } or { b() from A to B; x() from "
              "C to B; }\n"
              "}\n");
}

/* C sends for ever, whatever A and B say; nobody has to tell it. */
Test(implement, an_endless_sender) {
  test_accept(
      "protocol P(role A, role B, role C) {\n"
      "  rec X {\n"
      "    tick() from C to A;\n"
      "    choice at A { m() from A to B; continue X; } or { n() from A to B; continue X; }\n"
      "  }\n"
      "}\n");
}

/* A role may be done while others go on. */
Test(implement, leaving_early) {
  test_accept("protocol P(role A, role B, role C) {\n"
              "  once() from C to A;\n"
              "  rec X { m() from A to B; n() from B to A; continue X; }\n"
              "}\n");
}
