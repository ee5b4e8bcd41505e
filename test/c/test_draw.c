/* test_draw.c - protocols, machines and runs as pictures. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Has names that Mermaid has another use for. */
static const char trip[] = "protocol Trip(role Guest, role end, role X') {\n"
                           "  rec Again {\n"
                           "    ask(when: date, {integer, :no}) from Guest to end;\n"
                           "    choice at end {\n"
                           "      accept(%{n: 1..9}) from end to Guest, X';\n"
                           "    } or {\n"
                           "      none(string) from end to Guest;\n"
                           "      choice at Guest {\n"
                           "        more() from Guest to end;\n"
                           "        continue Again;\n"
                           "      } or {\n"
                           "        bye() from Guest to end;\n"
                           "        do Tell(end, X');\n"
                           "      }\n"
                           "    }\n"
                           "  }\n"
                           "}\n"
                           "aux protocol Tell(role A, role B) {\n"
                           "  bye(list(any)) from A to B;\n"
                           "}\n";

static void expect_role(uint32_t role, maty_diagram diagram, const char *picture) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_module_t *module = test_check(trip);
  cr_assert_eq(
      maty_draw_role(maty_module_image(module, 0), role, diagram, &allocator, test_writer(&found)),
      MATY_OK);
  cr_expect_str_eq(found.at, picture, "expected\n%s\nfound\n%s", picture, found.at);
  free(found.at);
  maty_module_free(module);
}

static maty_status draw(const char *text, const char *protocol, maty_diagram diagram,
                        test_text_t *found) {
  maty_config_t config = maty_config_default();
  maty_source_t source = {.name = "test.scr", .text = text, .length = strlen(text)};
  test_text_add(found, "%s", "");
  return maty_draw_protocol(&source, protocol, diagram, &config, test_writer(found));
}

static void expect(const char *text, const char *protocol, maty_diagram diagram,
                   const char *picture) {
  test_text_t found = {0};
  cr_assert_eq(draw(text, protocol, diagram, &found), MATY_OK);
  cr_expect_str_eq(found.at, picture, "expected\n%s\nfound\n%s", picture, found.at);
  free(found.at);
}

static const char job[] =
    "protocol Job(role Client, role Server, role Log) {\n"
    "  nested protocol Split(role S, role L; new role Worker) { work() from S to Worker, L; }\n"
    "  job(integer) from Client to Server;\n"
    "  Server calls Split(Server, Log);\n"
    "}\n";

/* A call is what it invites to, and its invitations. */
Test(draw, call_as_a_sequence) {
  expect(job, "Job", MATY_DIAGRAM_MERMAID_SEQUENCE,
         "sequenceDiagram\n"
         "  participant Client\n"
         "  participant Server\n"
         "  participant Log\n"
         "  Client->>Server: job(integer)\n"
         "  Note over Client,Log: Server calls Split(Server, Log)\n"
         "  Server->>Log: Split_L(any)\n");
}

Test(draw, call_as_states) {
  expect(job, "Job", MATY_DIAGRAM_GRAPHVIZ,
         "digraph \"Job\" {\n"
         "  rankdir=LR;\n"
         "  node [shape=circle];\n"
         "  start [shape=point];\n"
         "  start -> 0;\n"
         "  0 -> 1 [label=\"Client->Server: job(integer)\"];\n"
         "  1 -> 2 [label=\"Server->Log: Split_L(any)\"];\n"
         "  2 [shape=doublecircle];\n"
         "}\n");
}

Test(draw, nested_protocol) {
  expect(job, "Job.Split", MATY_DIAGRAM_MERMAID_SEQUENCE,
         "sequenceDiagram\n"
         "  participant S\n"
         "  participant L\n"
         "  participant Worker\n"
         "  S->>Worker: work()\n"
         "  S->>L: work()\n");
}

Test(draw, role_for_graphviz) {
  expect_role(0, MATY_DIAGRAM_GRAPHVIZ,
              "digraph \"Trip Guest\" {\n"
              "  rankdir=LR;\n"
              "  node [shape=circle];\n"
              "  start [shape=point];\n"
              "  start -> 0;\n"
              "  0 [shape=box];\n"
              "  0 -> 1 [label=\"end!ask(when: date, {integer, :no})\"];\n"
              "  1 -> 2 [label=\"end?accept(%{n: 1..9})\"];\n"
              "  1 -> 3 [label=\"end?none(string)\"];\n"
              "  2 [shape=doublecircle];\n"
              "  3 [shape=box];\n"
              "  3 -> 0 [label=\"end!more()\"];\n"
              "  3 -> 2 [label=\"end!bye()\"];\n"
              "}\n");
}

Test(draw, role_for_mermaid) {
  expect_role(1, MATY_DIAGRAM_MERMAID_STATE,
              "---\n"
              "title: \"Trip end\"\n"
              "---\n"
              "stateDiagram-v2\n"
              "  direction LR\n"
              "  [*] --> s0\n"
              "  s0 --> s1 : Guest?ask(when#58; date, #123;integer, #58;no#125;)\n"
              "  s1 --> s2 : Guest!accept(#37;#123;n#58; 1..9#125;)\n"
              "  s1 --> s3 : Guest!none(string)\n"
              "  s2 --> s4 : X'!accept(#37;#123;n#58; 1..9#125;)\n"
              "  s3 --> s0 : Guest?more()\n"
              "  s3 --> s5 : Guest?bye()\n"
              "  s4 --> [*]\n"
              "  s5 --> s4 : X'!bye(list(any))\n");
}

Test(draw, protocol_for_graphviz) {
  expect(trip, "Trip", MATY_DIAGRAM_GRAPHVIZ,
         "digraph \"Trip\" {\n"
         "  rankdir=LR;\n"
         "  node [shape=circle];\n"
         "  start [shape=point];\n"
         "  start -> 0;\n"
         "  0 -> 1 [label=\"Guest->end: ask(when: date, {integer, :no})\"];\n"
         "  1 -> 2 [label=\"end->Guest: accept(%{n: 1..9})\"];\n"
         "  1 -> 3 [label=\"end->Guest: none(string)\"];\n"
         "  2 -> 4 [label=\"end->X': accept(%{n: 1..9})\"];\n"
         "  3 -> 0 [label=\"Guest->end: more()\"];\n"
         "  3 -> 5 [label=\"Guest->end: bye()\"];\n"
         "  4 [shape=doublecircle];\n"
         "  5 -> 4 [label=\"end->X': bye(list(any))\"];\n"
         "}\n");
}

Test(draw, protocol_for_mermaid) {
  expect(trip, "Trip", MATY_DIAGRAM_MERMAID_STATE,
         "---\n"
         "title: \"Trip\"\n"
         "---\n"
         "stateDiagram-v2\n"
         "  direction LR\n"
         "  [*] --> s0\n"
         "  s0 --> s1 : Guest->end#58; ask(when#58; date, #123;integer, #58;no#125;)\n"
         "  s1 --> s2 : end->Guest#58; accept(#37;#123;n#58; 1..9#125;)\n"
         "  s1 --> s3 : end->Guest#58; none(string)\n"
         "  s2 --> s4 : end->X'#58; accept(#37;#123;n#58; 1..9#125;)\n"
         "  s3 --> s0 : Guest->end#58; more()\n"
         "  s3 --> s5 : Guest->end#58; bye()\n"
         "  s4 --> [*]\n"
         "  s5 --> s4 : end->X'#58; bye(list(any))\n");
}

Test(draw, protocol_as_a_sequence) {
  expect(trip, "Trip", MATY_DIAGRAM_MERMAID_SEQUENCE,
         "sequenceDiagram\n"
         "  participant Guest\n"
         "  participant role.1 as end\n"
         "  participant role.2 as X'\n"
         "  loop Again\n"
         "    Guest->>role.1: ask(when: date, #123;integer, :no#125;)\n"
         "    alt end decides\n"
         "      role.1->>Guest: accept(#37;#123;n: 1..9#125;)\n"
         "      role.1->>role.2: accept(#37;#123;n: 1..9#125;)\n"
         "    else\n"
         "      role.1->>Guest: none(string)\n"
         "      alt Guest decides\n"
         "        Guest->>role.1: more()\n"
         "        Note over Guest,role.2: continue Again\n"
         "      else\n"
         "        Guest->>role.1: bye()\n"
         "        Note over Guest,role.2: do Tell(end, X')\n"
         "      end\n"
         "    end\n"
         "  end\n");
}

/* Not accepted, and can be drawn. */
static const char ends[] = "protocol Ends(role A, role B, role C) {\n"
                           "  choice at A { go() from A to B; tell() from B to C; }\n"
                           "  or { stop() from A to B; }\n"
                           "}\n";

Test(draw, protocol_that_is_not_accepted) {
  expect(ends, "Ends", MATY_DIAGRAM_GRAPHVIZ,
         "digraph \"Ends\" {\n"
         "  rankdir=LR;\n"
         "  node [shape=circle];\n"
         "  start [shape=point];\n"
         "  start -> 0;\n"
         "  0 -> 1 [label=\"A->B: go()\"];\n"
         "  0 -> 2 [label=\"A->B: stop()\"];\n"
         "  1 -> 2 [label=\"B->C: tell()\"];\n"
         "  2 [shape=doublecircle];\n"
         "}\n");
}

Test(draw, runs) {
  test_text_t found = {0};
  maty_module_t *module = test_check(ends);
  cr_assert_eq(maty_draw_runs(maty_module_diagnostic(module, 0), test_writer(&found)), MATY_OK);
  cr_expect_str_eq(found.at, "sequenceDiagram\n"
                             "  participant A\n"
                             "  participant B\n"
                             "  participant C\n"
                             "  Note over A: one run\n"
                             "  A->>B: go (line 2)\n"
                             "  B->>C: tell (line 2)\n"
                             "  Note over A: the other\n"
                             "  A->>B: stop (line 3)\n"
                             "  Note over A: the end\n");
  free(found.at);
  maty_module_free(module);
}

/* In the runs of machines, sending and receiving are two steps. */
Test(draw, runs_of_machines) {
  const maty_run_step_t steps[] = {
      {.kind = MATY_STEP_SEND, .number = 1, .sender = "note", .receiver = "B", .label = "a"},
      {.kind = MATY_STEP_RECEIVE, .number = 2, .sender = "note", .receiver = "B", .label = "a"},
      {.kind = MATY_STEP_MESSAGE, .number = 9, .sender = "B", .receiver = "A'", .label = "b"}};
  const maty_run_t run = {.heading = "", .steps = steps, .step_count = 3, .ending = "stuck; #1"};
  const maty_diagnostic_t diagnostic = {.runs = &run, .run_count = 1};
  test_text_t found = {0};
  cr_assert_eq(maty_draw_runs(&diagnostic, test_writer(&found)), MATY_OK);
  cr_expect_str_eq(found.at, "sequenceDiagram\n"
                             "  participant role.0 as note\n"
                             "  participant B\n"
                             "  participant role.5 as A'\n"
                             "  role.0-)B: a\n"
                             "  Note over B: receives a from note\n"
                             "  B->>role.5: b\n"
                             "  Note over role.0: stuck#59; #35;1\n");
  free(found.at);
}

Test(draw, what_cannot_be_drawn) {
  test_text_t found = {0};
  maty_allocator_t allocator = maty_allocator_default();
  maty_config_t config = maty_config_default();
  maty_module_t *module = test_check(trip);
  const maty_image_t *image = maty_module_image(module, 0);
  const char *broken = "protocol P(role A, role B) { m() from A to C; }";
  const char *two = "protocol P(role A, role B) {\n"
                    "  choice at A { m() from A to B; } or { n() from B to A; }\n"
                    "}\n";
  cr_expect_eq(draw(trip, "Trap", MATY_DIAGRAM_GRAPHVIZ, &found), MATY_EINVAL);
  cr_expect_eq(draw(broken, "P", MATY_DIAGRAM_MERMAID_SEQUENCE, &found), MATY_EREJECTED);
  cr_expect_eq(draw(two, "P", MATY_DIAGRAM_GRAPHVIZ, &found), MATY_EREJECTED);
  cr_expect_eq(draw(trip, "Trip", (maty_diagram)3, &found), MATY_EINVAL);
  cr_expect_eq(
      maty_draw_role(image, 0, MATY_DIAGRAM_MERMAID_SEQUENCE, &allocator, test_writer(&found)),
      MATY_EINVAL);
  cr_expect_eq(maty_draw_role(image, 3, MATY_DIAGRAM_GRAPHVIZ, &allocator, test_writer(&found)),
               MATY_EINVAL);
  cr_expect_eq(maty_draw_role(NULL, 0, MATY_DIAGRAM_GRAPHVIZ, &allocator, test_writer(&found)),
               MATY_EINVAL);
  cr_expect_eq(maty_draw_protocol(NULL, "P", MATY_DIAGRAM_GRAPHVIZ, &config, test_writer(&found)),
               MATY_EINVAL);
  cr_expect_eq(maty_draw_runs(NULL, test_writer(&found)), MATY_EINVAL);
  cr_expect_str_eq(found.at, "");
  free(found.at);
  maty_module_free(module);
}

static maty_status draw_all(test_memory_t *memory) {
  test_text_t found = {0};
  maty_config_t config = maty_config_default();
  maty_source_t source = {.name = "test.scr", .text = trip, .length = strlen(trip)};
  maty_module_t *module = test_check(trip);
  config.allocator = test_allocator(memory);
  maty_status status = MATY_OK;
  for (int diagram = 0; diagram < 2 && status == MATY_OK; diagram++)
    status = maty_draw_role(maty_module_image(module, 0), 0, (maty_diagram)diagram,
                            &config.allocator, test_writer(&found));
  for (int diagram = 0; diagram < 3 && status == MATY_OK; diagram++)
    status =
        maty_draw_protocol(&source, "Trip", (maty_diagram)diagram, &config, test_writer(&found));
  free(found.at);
  maty_module_free(module);
  return status;
}

Test(draw, every_allocation_fails_once) {
  test_memory_t memory = {.fail_at = 1};
  maty_status status;
  do
    status = draw_all(&memory);
  while (test_failed(&memory, status, MATY_OK));
}

/* ===== Long ones ========================================================= */

static bool stop(void *context, uint64_t steps) {
  (void)context;
  (void)steps;
  return false;
}

/* Whoever waits for a picture, or for a layout, may give up. */
Test(draw, canceled) {
  maty_config_t config = maty_config_default();
  test_text_t text = {0}, found = {0};
  test_text_add(&text, "protocol P(role A, role B) {\n");
  for (int i = 0; i < 10000; i++)
    test_text_add(&text, "m() from A to B;\n");
  test_text_add(&text, "}\n");
  maty_source_t source = {.name = "test.scr", .text = text.at, .length = text.length};
  config.progress = stop;
  cr_expect_eq(
      maty_draw_protocol(&source, "P", MATY_DIAGRAM_GRAPHVIZ, &config, test_writer(&found)),
      MATY_ECANCELED);
  cr_expect_eq(
      maty_draw_protocol(&source, "P", MATY_DIAGRAM_MERMAID_SEQUENCE, &config, test_writer(&found)),
      MATY_ECANCELED);
  cr_expect_eq(maty_format(&source, &config, test_writer(&found)), MATY_ECANCELED);
  free(found.at);
  free(text.at);
}
