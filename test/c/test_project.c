/* test_project.c - the machines of the roles, in full. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Messages of others are erased. */
Test(project, two_buyers_alike) {
  test_expect_machines("protocol Trip(role Guest, role Host, role Bank) {\n"
                       "  book(nights: integer, price: number) from Guest to Host;\n"
                       "  choice at Host {\n"
                       "    accept() from Host to Guest;\n"
                       "    charge(number) from Host to Bank;\n"
                       "    receipt(string) from Bank to Guest;\n"
                       "  } or {\n"
                       "    refuse(reason: string) from Host to Guest;\n"
                       "    nothing() from Host to Bank;\n"
                       "  }\n"
                       "}\n",
                       "role Guest\n"
                       "  0 send 2:3: Host!book(nights: integer, price: number) -> 1\n"
                       "  1 receive 4:5: Host?accept() -> 2, Host?refuse(reason: string) -> 3\n"
                       "  2 receive 6:5: Bank?receipt(string) -> 3\n"
                       "  3 final 11:1\n"
                       "role Host\n"
                       "  4 receive 2:3: Guest?book(nights: integer, price: number) -> 5\n"
                       "  5 send 4:5: Guest!accept() -> 6, Guest!refuse(reason: string) -> 7\n"
                       "  6 send 5:5: Bank!charge(number) -> 8\n"
                       "  7 send 9:5: Bank!nothing() -> 8\n"
                       "  8 final 11:1\n"
                       "role Bank\n"
                       "  9 receive 5:5: Host?charge(number) -> 10, Host?nothing() -> 11\n"
                       "  10 send 6:5: Guest!receipt(string) -> 11\n"
                       "  11 final 11:1\n");
}

Test(project, loop_without_end) {
  test_expect_machines("protocol Clock(role Clock, role Face) {\n"
                       "  rec Tick { tick(1..12) from Clock to Face; continue Tick; }\n"
                       "}\n",
                       "role Clock\n"
                       "  0 send 2:14: Face!tick(1..12) -> 0\n"
                       "role Face\n"
                       "  1 receive 2:14: Clock?tick(1..12) -> 1\n");
}

/* C sees only the rounds that concern it, and one state is enough for it. */
Test(project, rounds_a_role_is_not_told_of) {
  test_expect_machines("protocol Relay(role A, role B, role C) {\n"
                       "  rec X {\n"
                       "    choice at A { one() from A to B; left() from B to C; continue X; }\n"
                       "    or { two() from A to B; continue X; }\n"
                       "    or { end() from A to B; end() from B to C; }\n"
                       "  }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 3:19: B!one() -> 0, B!two() -> 0, B!end() -> 1\n"
                       "  1 final 7:1\n"
                       "role B\n"
                       "  2 receive 3:19: A?one() -> 3, A?two() -> 2, A?end() -> 4\n"
                       "  3 send 3:38: C!left() -> 2\n"
                       "  4 send 5:29: C!end() -> 5\n"
                       "  5 final 7:1\n"
                       "role C\n"
                       "  6 receive 3:38: B?left() -> 6, B?end() -> 7\n"
                       "  7 final 7:1\n");
}

/* Branches that begin alike are followed together. */
Test(project, same_message_first) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { hello() from A to B; x() from A to B; }\n"
                       "  or { hello() from A to B; y() from A to B; z() from B to A; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!hello() -> 1\n"
                       "  1 send 2:38: B!x() -> 2, B!y() -> 3\n"
                       "  2 final 4:1\n"
                       "  3 receive 3:46: B?z() -> 2\n"
                       "role B\n"
                       "  4 receive 2:17: A?hello() -> 5\n"
                       "  5 receive 2:38: A?x() -> 6, A?y() -> 7\n"
                       "  6 final 4:1\n"
                       "  7 send 3:46: A!z() -> 6\n");
}

Test(project, equal_states_become_one) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A {\n"
                       "    a() from A to B;\n"
                       "    choice at B { yes() from B to A; } or { no() from B to A; }\n"
                       "  } or {\n"
                       "    b() from A to B;\n"
                       "    choice at B { yes() from B to A; } or { no() from B to A; }\n"
                       "  }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 3:5: B!a() -> 1, B!b() -> 1\n"
                       "  1 receive 4:19: B?yes() -> 2, B?no() -> 2\n"
                       "  2 final 9:1\n"
                       "role B\n"
                       "  3 receive 3:5: A?a() -> 4, A?b() -> 4\n"
                       "  4 send 4:19: A!yes() -> 5, A!no() -> 5\n"
                       "  5 final 9:1\n");
}

Test(project, unrolled_loop_is_rolled_up) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  m() from A to B;\n"
                       "  rec X { m() from A to B; m() from A to B; continue X; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:3: B!m() -> 0\n"
                       "role B\n"
                       "  1 receive 2:3: A?m() -> 1\n");
}

Test(project, other_payloads_are_other_states) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { a() from A to B; m(integer) from B to A; }\n"
                       "  or { b() from A to B; m(float) from B to A; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!a() -> 1, B!b() -> 2\n"
                       "  1 receive 2:34: B?m(integer) -> 3\n"
                       "  2 receive 3:25: B?m(float) -> 3\n"
                       "  3 final 4:1\n"
                       "role B\n"
                       "  4 receive 2:17: A?a() -> 5, A?b() -> 6\n"
                       "  5 send 2:34: A!m(integer) -> 7\n"
                       "  6 send 3:25: A!m(float) -> 7\n"
                       "  7 final 4:1\n");
}

/* All that tells the two loops apart is the payload. */
Test(project, other_payloads_are_other_loops) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  rec X { m(integer) from A to B; n() from B to A; m(float) from A to B; "
                       "n() from B to A; continue X; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:11: B!m(integer) -> 1\n"
                       "  1 receive 2:35: B?n() -> 2\n"
                       "  2 send 2:52: B!m(float) -> 3\n"
                       "  3 receive 2:74: B?n() -> 0\n"
                       "role B\n"
                       "  4 receive 2:11: A?m(integer) -> 5\n"
                       "  5 send 2:35: A!n() -> 6\n"
                       "  6 receive 2:52: A?m(float) -> 7\n"
                       "  7 send 2:74: A!n() -> 4\n");
}

/* The message tells C who chose what. */
Test(project, receives_from_either) {
  test_expect_machines("protocol P(role A, role B, role C) {\n"
                       "  choice at A { go() from A to B; b() from B to C; }\n"
                       "  or { stay() from A to B; a() from A to C; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!go() -> 1, B!stay() -> 2\n"
                       "  1 final 4:1\n"
                       "  2 send 3:28: C!a() -> 1\n"
                       "role B\n"
                       "  3 receive 2:17: A?go() -> 4, A?stay() -> 5\n"
                       "  4 send 2:35: C!b() -> 5\n"
                       "  5 final 4:1\n"
                       "role C\n"
                       "  6 receive 2:35: B?b() -> 7, A?a() -> 7\n"
                       "  7 final 4:1\n");
}

Test(project, several_receivers) {
  test_expect_machines("protocol P(role A, role B, role C) {\n"
                       "  m(integer) from A to B, C;\n"
                       "  n() from C to B;\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:3: B!m(integer) -> 1\n"
                       "  1 send 2:3: C!m(integer) -> 2\n"
                       "  2 final 4:1\n"
                       "role B\n"
                       "  3 receive 2:3: A?m(integer) -> 4\n"
                       "  4 receive 3:3: C?n() -> 5\n"
                       "  5 final 4:1\n"
                       "role C\n"
                       "  6 receive 2:3: A?m(integer) -> 7\n"
                       "  7 send 3:3: B!n() -> 8\n"
                       "  8 final 4:1\n");
}

/* Roles are passed in another order, and a call of itself is a loop. */
Test(project, calls) {
  test_expect_machines(
      "protocol P(role A, role B) {\n"
      "  hello() from A to B;\n"
      "  do Turns(B, A);\n"
      "}\n"
      "aux protocol Turns(role X, role Y) {\n"
      "  choice at X { turn() from X to Y; do Turns(Y, X); } or { end() from X to Y; }\n"
      "}\n",
      "role A\n"
      "  0 send 2:3: B!hello() -> 1\n"
      "  1 receive 6:17: B?turn() -> 2, B?end() -> 3\n"
      "  2 send 6:17: B!turn() -> 1, B!end() -> 3\n"
      "  3 final 4:1\n"
      "role B\n"
      "  4 receive 2:3: A?hello() -> 5\n"
      "  5 send 6:17: A!turn() -> 6, A!end() -> 7\n"
      "  6 receive 6:17: A?turn() -> 5, A?end() -> 7\n"
      "  7 final 4:1\n");
}

/* A call that ends goes on behind it. */
Test(project, call_in_the_middle) {
  test_expect_machines(
      "protocol P(role A, role B) {\n"
      "  do Ask(A, B);\n"
      "  do Ask(B, A);\n"
      "  bye() from A to B;\n"
      "}\n"
      "aux protocol Ask(role X, role Y) { ask() from X to Y; answer() from Y to X; }\n",
      "role A\n"
      "  0 send 6:36: B!ask() -> 1\n"
      "  1 receive 6:55: B?answer() -> 2\n"
      "  2 receive 6:36: B?ask() -> 3\n"
      "  3 send 6:55: B!answer() -> 4\n"
      "  4 send 4:3: B!bye() -> 5\n"
      "  5 final 5:1\n"
      "role B\n"
      "  6 receive 6:36: A?ask() -> 7\n"
      "  7 send 6:55: A!answer() -> 8\n"
      "  8 send 6:36: A!ask() -> 9\n"
      "  9 receive 6:55: A?answer() -> 10\n"
      "  10 receive 4:3: A?bye() -> 11\n"
      "  11 final 5:1\n");
}

Test(project, statements_after_loops_and_choices) {
  test_expect_machines(
      "protocol P(role A, role B) {\n"
      "  rec X {\n"
      "    choice at A { more() from A to B; continue X; } or { enough() from A to B; }\n"
      "    choice at B { good() from B to A; } or { bad() from B to A; }\n"
      "  }\n"
      "  bye() from A to B;\n"
      "}\n",
      "role A\n"
      "  0 send 3:19: B!more() -> 0, B!enough() -> 1\n"
      "  1 receive 4:19: B?good() -> 2, B?bad() -> 2\n"
      "  2 send 6:3: B!bye() -> 3\n"
      "  3 final 7:1\n"
      "role B\n"
      "  4 receive 3:19: A?more() -> 4, A?enough() -> 5\n"
      "  5 send 4:19: A!good() -> 6, A!bad() -> 6\n"
      "  6 receive 6:3: A?bye() -> 7\n"
      "  7 final 7:1\n");
}

Test(project, empty_branch) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { extra() from A to B; } or { }\n"
                       "  m() from A to B;\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!extra() -> 1, B!m() -> 2\n"
                       "  1 send 3:3: B!m() -> 2\n"
                       "  2 final 4:1\n"
                       "role B\n"
                       "  3 receive 2:17: A?extra() -> 4, A?m() -> 5\n"
                       "  4 receive 3:3: A?m() -> 5\n"
                       "  5 final 4:1\n");
}

/* The inner one counts. */
Test(project, inner_loop_of_the_same_name) {
  test_expect_machines(
      "protocol P(role A, role B) {\n"
      "  rec X {\n"
      "    a() from A to B;\n"
      "    rec X { choice at A { b() from A to B; continue X; } or { c() from A to B; } }\n"
      "    d() from B to A;\n"
      "  }\n"
      "}\n",
      "role A\n"
      "  0 send 3:5: B!a() -> 1\n"
      "  1 send 4:27: B!b() -> 1, B!c() -> 2\n"
      "  2 receive 5:5: B?d() -> 3\n"
      "  3 final 7:1\n"
      "role B\n"
      "  4 receive 3:5: A?a() -> 5\n"
      "  5 receive 4:27: A?b() -> 5, A?c() -> 6\n"
      "  6 send 5:5: A!d() -> 7\n"
      "  7 final 7:1\n");
}

Test(project, labels_like_keywords) {
  test_expect_machines("protocol global(role from, role to) {\n"
                       "  choice at from { choice() from from to to; rec from from to to; } or { "
                       "do() from from to to; }\n"
                       "  continue() from to to from;\n"
                       "  from from from to to;\n"
                       "  role(type: integer) from to to from;\n"
                       "  () from from to to;\n"
                       "  1(integer) from to to from;\n"
                       "  2nd' from from to to;\n"
                       "}\n",
                       "role from\n"
                       "  0 send 2:20: to!choice() -> 1, to!do() -> 2\n"
                       "  1 send 2:46: to!rec() -> 2\n"
                       "  2 receive 3:3: to?continue() -> 3\n"
                       "  3 send 4:3: to!from() -> 4\n"
                       "  4 receive 5:3: to?role(type: integer) -> 5\n"
                       "  5 send 6:3: to!() -> 6\n"
                       "  6 receive 7:3: to?1(integer) -> 7\n"
                       "  7 send 8:3: to!2nd'() -> 8\n"
                       "  8 final 9:1\n"
                       "role to\n"
                       "  9 receive 2:20: from?choice() -> 10, from?do() -> 11\n"
                       "  10 receive 2:46: from?rec() -> 11\n"
                       "  11 send 3:3: from!continue() -> 12\n"
                       "  12 receive 4:3: from?from() -> 13\n"
                       "  13 send 5:3: from!role(type: integer) -> 14\n"
                       "  14 receive 6:3: from?() -> 15\n"
                       "  15 send 7:3: from!1(integer) -> 16\n"
                       "  16 receive 8:3: from?2nd'() -> 17\n"
                       "  17 final 9:1\n");
}

/* Every type, as it is written. */
Test(project, types) {
  test_expect_machines(
      "module a.b;\n"
      "type order = {integer, string};\n"
      "type tree = list(order) | :none;\n"
      "protocol P(role A, role B) {\n"
      "  m(integer, number, float, boolean, atom, binary, string, pid, reference, date, time, "
      "datetime, any) from A to B;\n"
      "  m1(:ok, :true, 7, -3, 1..100, -5..-1) from A to B;\n"
      "  m2(list(integer), {integer, {}}, %{}, %{key: integer, list: list(pid)}) from A to B;\n"
      "  m3(integer | :none | list(float)) from A to B;\n"
      "  m4(tree, Widget, x: order, from: Widget | integer) from A to B;\n"
      "}\n",
      "role A\n"
      "  0 send 5:3: B!m(integer, number, float, boolean, atom, binary, string, pid, reference, "
      "date, time, datetime, any) -> 1\n"
      "  1 send 6:3: B!m1(:ok, :true, 7, -3, 1..100, -5..-1) -> 2\n"
      "  2 send 7:3: B!m2(list(integer), {integer, {}}, %{}, %{key: integer, list: list(pid)}) -> "
      "3\n"
      "  3 send 8:3: B!m3(integer | :none | list(float)) -> 4\n"
      "  4 send 9:3: B!m4(list({integer, string}) | :none, Widget, x: {integer, string}, from: "
      "Widget | integer) -> 5\n"
      "  5 final 10:1\n"
      "role B\n"
      "  6 receive 5:3: A?m(integer, number, float, boolean, atom, binary, string, pid, reference, "
      "date, time, datetime, any) -> 7\n"
      "  7 receive 6:3: A?m1(:ok, :true, 7, -3, 1..100, -5..-1) -> 8\n"
      "  8 receive 7:3: A?m2(list(integer), {integer, {}}, %{}, %{key: integer, list: list(pid)}) "
      "-> 9\n"
      "  9 receive 8:3: A?m3(integer | :none | list(float)) -> 10\n"
      "  10 receive 9:3: A?m4(list({integer, string}) | :none, Widget, x: {integer, string}, from: "
      "Widget | integer) -> 11\n"
      "  11 final 10:1\n");
}
/* The same text gives the same bytes, whatever memory it is checked in. */
Test(project, images_are_reproducible) {
  char *text = test_protocols("shop.scr");
  maty_module_t *one = test_check(text), *other = test_check(text);
  cr_assert(maty_module_protocol_count(one) > 0);
  for (size_t i = 0; i < maty_module_protocol_count(one); i++) {
    size_t one_size, other_size;
    cr_assert_not_null(maty_module_image(one, i));
    const void *one_block = maty_image_block(maty_module_image(one, i), &one_size);
    const void *other_block = maty_image_block(maty_module_image(other, i), &other_size);
    cr_assert_eq(one_size, other_size);
    cr_expect_arr_eq(one_block, other_block, one_size);
  }
  maty_module_free(one);
  maty_module_free(other);
  free(text);
}

/* ===== Deadlines ========================================================= */

/* The role that waits has it, and not the one that sends. */
Test(deadlines, of_who_waits) {
  test_expect_machines("protocol P(role A, role B, role C) {\n"
                       "  m() from A to B; @\"within 5s\"\n"
                       "  n() from B to C; @\"a note\"\n"
                       "  o() from C to A, B; @\" within 2 min \"\n"
                       "  p() from A to B; @\"within 250ms\"\n"
                       "  q() from A to B; @\"within 1h\"\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:3: B!m() -> 1\n"
                       "  1 receive 4:3 within 120000ms: C?o() -> 2\n"
                       "  2 send 5:3: B!p() -> 3\n"
                       "  3 send 6:3: B!q() -> 4\n"
                       "  4 final 7:1\n"
                       "role B\n"
                       "  5 receive 2:3 within 5000ms: A?m() -> 6\n"
                       "  6 send 3:3: C!n() -> 7\n"
                       "  7 receive 4:3 within 120000ms: C?o() -> 8\n"
                       "  8 receive 5:3 within 250ms: A?p() -> 9\n"
                       "  9 receive 6:3 within 3600000ms: A?q() -> 10\n"
                       "  10 final 7:1\n"
                       "role C\n"
                       "  11 receive 3:3: B?n() -> 12\n"
                       "  12 send 4:3: A!o() -> 13\n"
                       "  13 send 4:3: B!o() -> 14\n"
                       "  14 final 7:1\n");
}

/* Whatever comes, it comes in time: of several messages the soonest counts. */
Test(deadlines, of_a_choice) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { m() from A to B; @\"within 5s\" }\n"
                       "  or { n() from A to B; @\"within 2s\" }\n"
                       "  or { o() from A to B; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!m() -> 1, B!n() -> 1, B!o() -> 1\n"
                       "  1 final 5:1\n"
                       "role B\n"
                       "  2 receive 2:17 within 2000ms: A?m() -> 3, A?n() -> 3, A?o() -> 3\n"
                       "  3 final 5:1\n");
}

/* States that differ in nothing else stay apart; for A, who sends, they are one. */
Test(deadlines, keep_states_apart) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { l() from A to B; m() from A to B; @\"within 1s\" }\n"
                       "  or { n() from A to B; m() from A to B; @\"within 2s\" }\n"
                       "  or { o() from A to B; m() from A to B; @\"within 1000ms\" }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!l() -> 1, B!n() -> 1, B!o() -> 1\n"
                       "  1 send 2:34: B!m() -> 2\n"
                       "  2 final 5:1\n"
                       "role B\n"
                       "  3 receive 2:17: A?l() -> 4, A?n() -> 5, A?o() -> 4\n"
                       "  4 receive 2:34 within 1000ms: A?m() -> 6\n"
                       "  5 receive 3:25 within 2000ms: A?m() -> 6\n"
                       "  6 final 5:1\n");
}

/* Where two ways begin alike, both are followed, and the sooner deadline counts. */
Test(deadlines, of_two_ways_at_once) {
  test_expect_machines("protocol P(role A, role B) {\n"
                       "  choice at A { m() from A to B; @\"within 2s\" x() from A to B; }\n"
                       "  or { m() from A to B; @\"within 1s\" y() from A to B; }\n"
                       "  or { m() from A to B; z() from A to B; }\n"
                       "}\n",
                       "role A\n"
                       "  0 send 2:17: B!m() -> 1\n"
                       "  1 send 2:47: B!x() -> 2, B!y() -> 2, B!z() -> 2\n"
                       "  2 final 5:1\n"
                       "role B\n"
                       "  3 receive 2:17 within 1000ms: A?m() -> 4\n"
                       "  4 receive 2:47: A?x() -> 5, A?y() -> 5, A?z() -> 5\n"
                       "  5 final 5:1\n");
}
