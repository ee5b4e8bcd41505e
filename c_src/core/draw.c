/* draw.c - protocols, machines and runs as pictures.
 *
 * Two languages of pictures, and in them two kinds of picture:
 *
 *   states     of one role's machine, or of a whole protocol's automaton, for
 *              Graphviz and for Mermaid; states are numbered from 0
 *   sequence   lifelines and messages, for Mermaid: a protocol as its text has
 *              it, or the runs that show an error
 *
 * A name is written as it is where the language of the picture cannot take it
 * for a word of its own; any other text is escaped.
 */
#include <string.h>

#include "automaton.h"
#include "dialect.h"
#include "format.h"
#include "image_text.h"
#include "module.h"
#include "out.h"

/* ===== Words ============================================================= */

/* Inside of a quoted string of Graphviz. */
static void out_quoted(maty__out_t *out, const char *text, size_t length) {
  for (size_t from = 0, at = 0; at <= length; at++) {
    if (at < length && text[at] != '"' && text[at] != '\\')
      continue;
    maty__out_bytes(out, text + from, at - from);
    if (at < length)
      maty__out_text(out, "\\");
    from = at;
  }
}

/* Text of Mermaid: what it could take for an end of the text, for an entity or
 * for markup is an entity with its number. */
static void out_mermaid(maty__out_t *out, const char *text, size_t length, bool colons) {
  for (size_t i = 0; i < length; i++) {
    bool special = (text[i] != '\0' && strchr("#;<{}\"%\\`&|", text[i]) != NULL) ||
                   (text[i] == ':' && !colons);
    if (special)
      maty__out_format(out, "#%u;", (unsigned)(unsigned char)text[i]);
    else
      maty__out_bytes(out, text[i] == '\n' ? " " : text + i, 1);
  }
}

static bool same_word(const char *a, size_t length, const char *word) {
  if (strlen(word) != length)
    return false;
  for (size_t i = 0; i < length; i++)
    if ((a[i] >= 'A' && a[i] <= 'Z' ? a[i] + ('a' - 'A') : a[i]) != word[i])
      return false;
  return true;
}

/* Whether Mermaid takes a name for a participant's, whatever its case. */
static bool plain_name(const char *name, size_t length) {
  static const char *const words[] = {
      "activate", "actor",      "alt",     "and",  "as",    "autonumber", "box",         "break",
      "create",   "critical",   "destroy", "else", "end",   "deactivate", "details",     "left",
      "link",     "links",      "loop",    "note", "opt",   "option",     "over",        "par",
      "par_over", "properties", "rect",    "rgb",  "right", "rgba",       "participant", "title"};
  if (length == 0 || memchr(name, '\'', length) != NULL)
    return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (same_word(name, length, words[i]))
      return false;
  return true;
}

/* A participant by its name, or by its number, which no name looks like. */
static void out_participant(maty__out_t *out, const char *name, size_t length, uint32_t number) {
  if (plain_name(name, length))
    maty__out_bytes(out, name, length);
  else
    maty__out_format(out, "role.%u", number);
}

static void out_declared(maty__out_t *out, const char *name, size_t length, uint32_t number) {
  maty__out_text(out, "  participant ");
  out_participant(out, name, length, number);
  if (!plain_name(name, length)) {
    maty__out_text(out, " as ");
    out_mermaid(out, name, length, true);
  }
  maty__out_text(out, "\n");
}

/* ===== States ============================================================ */

typedef struct picture {
  maty__out_t *out;
  maty_diagram diagram;
  const char *const *title; /* words, ended by NULL */
} picture_t;

static void begin_states(const picture_t *picture) {
  maty__out_t *out = picture->out;
  if (picture->diagram == MATY_DIAGRAM_MERMAID_STATE) {
    maty__out_text(out, "---\ntitle: \"");
    for (size_t i = 0; picture->title[i] != NULL; i++) {
      maty__out_text(out, i == 0 ? "" : " ");
      maty__out_text(out, picture->title[i]);
    }
    maty__out_text(out, "\"\n---\nstateDiagram-v2\n  direction LR\n  [*] --> s0\n");
    return;
  }
  maty__out_text(out, "digraph \"");
  for (size_t i = 0; picture->title[i] != NULL; i++) {
    maty__out_text(out, i == 0 ? "" : " ");
    out_quoted(out, picture->title[i], strlen(picture->title[i]));
  }
  maty__out_text(out, "\" {\n"
                      "  rankdir=LR;\n"
                      "  node [shape=circle];\n"
                      "  start [shape=point];\n"
                      "  start -> 0;\n");
}

static void end_states(const picture_t *picture) {
  if (picture->diagram == MATY_DIAGRAM_GRAPHVIZ)
    maty__out_text(picture->out, "}\n");
}

static void draw_state(const picture_t *picture, uint32_t state, maty_phase phase) {
  if (picture->diagram == MATY_DIAGRAM_MERMAID_STATE) {
    if (phase == MATY_PHASE_FINAL)
      maty__out_format(picture->out, "  s%u --> [*]\n", state);
    return;
  }
  if (phase == MATY_PHASE_FINAL)
    maty__out_format(picture->out, "  %u [shape=doublecircle];\n", state);
  else if (phase == MATY_PHASE_SEND)
    maty__out_format(picture->out, "  %u [shape=box];\n", state);
}

static void draw_transition(const picture_t *picture, uint32_t from, uint32_t to,
                            const maty__text_t *label) {
  if (picture->diagram == MATY_DIAGRAM_MERMAID_STATE) {
    maty__out_format(picture->out, "  s%u --> s%u : ", from, to);
    out_mermaid(picture->out, label->at, label->length, false);
    maty__out_text(picture->out, "\n");
    return;
  }
  maty__out_format(picture->out, "  %u -> %u [label=\"", from, to);
  out_quoted(picture->out, label->at, label->length);
  maty__out_text(picture->out, "\"];\n");
}

/* "Seller?quote(number)": from or to whom, and what. */
static maty_status draw_move(const picture_t *picture, const maty_image_t *image, uint32_t role,
                             uint32_t state, uint32_t index, maty__arena_t *arena) {
  const maty__role_t *about = &image->roles[role];
  const maty__state_t *from = &image->states[about->first_state + state];
  const maty__transition_t *transition = &image->transitions[from->first_transition + index];
  const maty__action_t *action = &image->actions[about->first_action + transition->action];
  maty__text_t label;
  maty__text_init(&label, arena);
  maty__text_add(&label, "%s%c%s", image->strings + image->roles[action->peer].name,
                 action->direction == MATY_DIRECTION_SEND ? '!' : '?',
                 image->strings + action->label);
  maty__text_add_payload(&label, image, transition);
  MATY__NEED(!label.failed);
  draw_transition(picture, state, transition->target - about->first_state, &label);
  return MATY_OK;
}

maty_status maty_draw_role(const maty_image_t *image, uint32_t role, maty_diagram diagram,
                           const maty_allocator_t *allocator, maty_writer_t writer) {
  maty_role_info_t about;
  if (image == NULL || allocator == NULL ||
      (diagram != MATY_DIAGRAM_GRAPHVIZ && diagram != MATY_DIAGRAM_MERMAID_STATE))
    return MATY_EINVAL;
  MATY__TRY(maty_image_role(image, role, &about));
  maty__out_t out;
  maty__out_init(&out, writer);
  picture_t picture = {.out = &out,
                       .diagram = diagram,
                       .title =
                           (const char *const[]){maty_image_protocol(image), about.name, NULL}};
  maty__arena_t arena;
  maty__arena_init(&arena, allocator);
  begin_states(&picture);
  for (uint32_t state = 0; state < about.state_count && out.status == MATY_OK; state++) {
    maty_state_info_t info;
    out.status = maty_image_state(image, about.first_state + state, &info);
    draw_state(&picture, state, info.phase);
    for (uint32_t i = 0; i < info.transition_count && out.status == MATY_OK; i++) {
      maty__arena_mark_t mark = maty__arena_mark(&arena);
      maty_status status = draw_move(&picture, image, role, state, i, &arena);
      if (status != MATY_OK)
        out.status = status;
      maty__arena_rewind(&arena, mark);
    }
  }
  end_states(&picture);
  maty__arena_free(&arena);
  return out.status;
}

/* What drawing a message takes, in steps of other work. */
enum { STEPS_OF_A_MESSAGE = 32 };

/* A message that stands in no text. */
static void add_invitation(const maty__check_t *check, maty__name_t label, maty__text_t *text) {
  maty__text_add(text, "%.*s(any)", MATY__NAME(&check->names, label));
}

static maty_status draw_automaton(maty__check_t *check, const maty__tree_t *tree,
                                  maty__types_t *types, const maty__protocol_t *protocol,
                                  const picture_t *picture) {
  maty__automaton_t automaton;
  maty__parts_t parts;
  bool needs_parts = maty__dialect(check->config->dialect)->prunes_loops;
  if (needs_parts)
    MATY__TRY(maty__parts_init(&parts, check, tree));
  MATY__TRY(
      maty__automaton_build(check, tree, types, needs_parts ? &parts : NULL, protocol, &automaton));
  if (automaton.aside != NULL)
    return MATY_ELIMIT;
  begin_states(picture);
  for (uint32_t state = 0; state < automaton.points.count; state++) {
    const maty__point_t *point = &automaton.points.at[state];
    draw_state(picture, state, point->edge_count == 0 ? MATY_PHASE_FINAL : MATY_PHASE_RECEIVE);
    MATY__TRY(maty__check_work(check, STEPS_OF_A_MESSAGE * (uint64_t)point->edge_count + 1));
    for (uint32_t i = 0; i < point->edge_count; i++) {
      const maty__edge_t *edge = &automaton.edges.at[point->first_edge + i];
      const maty__message_t *message = &automaton.messages.at[edge->message];
      maty__text_t label;
      maty__text_init(&label, check->scratch);
      maty__text_add(
          &label, "%.*s->%.*s: ", MATY__NAME(&check->names, automaton.roles[message->sender].name),
          MATY__NAME(&check->names, automaton.roles[message->receiver].name));
      if (message->invitation == MATY__NONE)
        MATY__TRY(maty__format_message(check, edge->at, &label));
      else
        add_invitation(check, message->label, &label);
      draw_transition(picture, state, edge->target, &label);
    }
  }
  end_states(picture);
  return picture->out->status;
}

/* ===== Sequences of a protocol =========================================== */

typedef struct sequence {
  maty__check_t *check;
  maty__out_t *out;
  const maty__tree_t *tree;
  const maty__protocol_t *protocol;
  uint32_t depth; /* of blocks */
} sequence_t;

enum { MAX_INDENTED = 40 };

static void out_begin(const sequence_t *sequence, const char *word) {
  maty__out_indent(sequence->out,
                   1 + (sequence->depth < MAX_INDENTED ? sequence->depth : MAX_INDENTED));
  maty__out_text(sequence->out, word);
}

static void out_name(const sequence_t *sequence, maty__name_t name) {
  const maty__name_text_t *text = &sequence->check->names.items.at[name];
  out_mermaid(sequence->out, text->at, text->length, true);
}

static void out_role(const sequence_t *sequence, const maty__use_t *use) {
  const maty__name_text_t *text = &sequence->check->names.items.at[use->name];
  out_participant(sequence->out, text->at, text->length, use->meaning);
}

static maty_status draw_arrow(const sequence_t *sequence, const maty__use_t *from,
                              const maty__use_t *to, const maty__text_t *label) {
  MATY__NEED(!label->failed);
  out_begin(sequence, "");
  out_role(sequence, from);
  maty__out_text(sequence->out, "->>");
  out_role(sequence, to);
  maty__out_text(sequence->out, ": ");
  out_mermaid(sequence->out, label->at, label->length, true);
  maty__out_text(sequence->out, "\n");
  return MATY_OK;
}

static maty_status draw_message(const sequence_t *sequence, const maty__stmt_t *stmt) {
  for (uint32_t i = 0; i < stmt->argument_count; i++) {
    maty__text_t label;
    maty__text_init(&label, sequence->check->scratch);
    MATY__TRY(maty__format_message(sequence->check, stmt->at, &label));
    MATY__TRY(draw_arrow(sequence, &stmt->subject,
                         &sequence->tree->uses.at[stmt->first_argument + i], &label));
  }
  return MATY_OK;
}

/* A note from the first lifeline to the last. */
static void begin_note(const sequence_t *sequence, const char *text) {
  const maty__use_t *roles = sequence->tree->uses.at + sequence->protocol->first_role;
  uint32_t last = sequence->protocol->role_count - 1;
  for (uint32_t i = 0; i <= last; i += last == 0 ? 1 : last) {
    const maty__name_text_t *name = &sequence->check->names.items.at[roles[i].name];
    if (i == 0)
      out_begin(sequence, "Note over ");
    else
      maty__out_text(sequence->out, ",");
    out_participant(sequence->out, name->at, name->length, i);
  }
  maty__out_text(sequence->out, text);
}

static maty_status draw_call(const sequence_t *sequence, const maty__stmt_t *stmt) {
  begin_note(sequence, ": ");
  if (stmt->calls)
    out_name(sequence, stmt->subject.name);
  maty__out_text(sequence->out, stmt->calls ? " calls " : "do ");
  out_name(sequence, stmt->name.name);
  maty__out_text(sequence->out, "(");
  for (uint32_t i = 0; i < stmt->argument_count; i++) {
    maty__out_text(sequence->out, i == 0 ? "" : ", ");
    out_name(sequence, sequence->tree->uses.at[stmt->first_argument + i].name);
  }
  maty__out_text(sequence->out, ")\n");
  const maty__protocol_t *callee = &sequence->tree->protocols.at[stmt->name.meaning];
  for (uint32_t i = 0; stmt->calls && !callee->broken && i < stmt->argument_count; i++) {
    const maty__use_t *invited = &sequence->tree->uses.at[stmt->first_argument + i];
    maty__text_t label;
    maty__text_init(&label, sequence->check->scratch);
    add_invitation(sequence->check, sequence->tree->invitations.at[callee->first_invitation + i],
                   &label);
    if (invited->meaning != stmt->subject.meaning)
      MATY__TRY(draw_arrow(sequence, &stmt->subject, invited, &label));
  }
  return MATY_OK;
}

static maty_status draw_stmt(sequence_t *sequence, const maty__stmt_t *stmt) {
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    return draw_message(sequence, stmt);
  case MATY__STMT_CHOICE:
    out_begin(sequence, "alt ");
    out_name(sequence, stmt->subject.name);
    maty__out_text(sequence->out, " decides\n");
    sequence->depth++;
    break;
  case MATY__STMT_OR:
    sequence->depth--;
    out_begin(sequence, "else\n");
    sequence->depth++;
    break;
  case MATY__STMT_REC:
    out_begin(sequence, "loop ");
    out_name(sequence, stmt->name.name);
    maty__out_text(sequence->out, "\n");
    sequence->depth++;
    break;
  case MATY__STMT_CHOICE_END:
  case MATY__STMT_REC_END:
    sequence->depth--;
    out_begin(sequence, "end\n");
    break;
  case MATY__STMT_CONTINUE:
    begin_note(sequence, ": continue ");
    out_name(sequence, stmt->name.name);
    maty__out_text(sequence->out, "\n");
    break;
  case MATY__STMT_DO:
    return draw_call(sequence, stmt);
  default:
    break;
  }
  return MATY_OK;
}

static maty_status draw_sequence(maty__check_t *check, const maty__tree_t *tree,
                                 const maty__protocol_t *protocol, maty__out_t *out) {
  sequence_t sequence = {.check = check, .out = out, .tree = tree, .protocol = protocol};
  maty__out_text(out, "sequenceDiagram\n");
  for (uint32_t i = 0; i < protocol->role_count; i++) {
    const maty__name_text_t *name =
        &check->names.items.at[tree->uses.at[protocol->first_role + i].name];
    out_declared(out, name->at, name->length, i);
  }
  const maty__stmt_t *stmt = &tree->stmts.at[protocol->first_stmt];
  for (; stmt->kind != MATY__STMT_BODY_END && out->status == MATY_OK; stmt++) {
    MATY__TRY(draw_stmt(&sequence, stmt));
    MATY__TRY(maty__check_work(check, STEPS_OF_A_MESSAGE * (uint64_t)stmt->argument_count + 1));
  }
  return out->status;
}

/* ===== A protocol ======================================================== */

static const maty__protocol_t *find_protocol(const maty__check_t *check, const maty__tree_t *tree,
                                             const char *name) {
  size_t length = strlen(name);
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    const maty__name_text_t *text = &check->names.items.at[tree->protocols.at[i].path];
    if (text->length == length && memcmp(text->at, name, length) == 0)
      return &tree->protocols.at[i];
  }
  return NULL;
}

static maty_status draw_protocol(maty__check_t *check, const maty_source_t *source,
                                 const char *name, const picture_t *picture,
                                 maty__arena_t *types_arena) {
  maty__tree_t tree;
  maty__types_t types;
  MATY__TRY(maty__module_read(check, source, types_arena, &tree, &types));
  const maty__protocol_t *protocol = find_protocol(check, &tree, name);
  if (protocol == NULL)
    return MATY_EINVAL;
  if (protocol->broken)
    return MATY_EREJECTED;
  return picture->diagram == MATY_DIAGRAM_MERMAID_SEQUENCE
             ? draw_sequence(check, &tree, protocol, picture->out)
             : draw_automaton(check, &tree, &types, protocol, picture);
}

maty_status maty_draw_protocol(const maty_source_t *source, const char *protocol,
                               maty_diagram diagram, const maty_config_t *config,
                               maty_writer_t writer) {
  if (source == NULL || protocol == NULL || diagram > MATY_DIAGRAM_MERMAID_SEQUENCE)
    return MATY_EINVAL;
  MATY__TRY(maty__module_accepts(source->name, source->text, source->length, config));
  maty__arena_t arena, work, types;
  maty__arena_init(&arena, &config->allocator);
  maty__arena_init(&work, &config->allocator);
  maty__arena_init(&types, &config->allocator);
  maty__check_t check;
  maty__out_t out;
  maty__out_init(&out, writer);
  picture_t picture = {
      .out = &out, .diagram = diagram, .title = (const char *const[]){protocol, NULL}};
  maty_status status = maty__check_init(&check, config, &arena, &arena, &work);
  if (status == MATY_OK)
    status = draw_protocol(&check, source, protocol, &picture, &types);
  maty__arena_free(&types);
  maty__arena_free(&work);
  maty__arena_free(&arena);
  return status;
}

/* ===== Runs ============================================================== */

/* The numbers of those who take part: a role's is that of the first place where
 * its name stands, counted over senders and receivers of all steps. */
static uint32_t number_of(const maty_diagnostic_t *diagnostic, const char *name) {
  uint32_t number = 0;
  for (uint32_t run = 0; run < diagnostic->run_count; run++)
    for (uint32_t i = 0; i < diagnostic->runs[run].step_count; i++, number += 2) {
      const maty_run_step_t *step = &diagnostic->runs[run].steps[i];
      if (strcmp(step->sender, name) == 0)
        return number;
      if (strcmp(step->receiver, name) == 0)
        return number + 1;
    }
  return number;
}

static void out_runner(maty__out_t *out, const maty_diagnostic_t *diagnostic, const char *name) {
  out_participant(out, name, strlen(name), number_of(diagnostic, name));
}

/* Returns one of those who take part, so that a note has a place. */
static const char *declare_runners(maty__out_t *out, const maty_diagnostic_t *diagnostic) {
  const char *first = NULL;
  uint32_t number = 0;
  for (uint32_t run = 0; run < diagnostic->run_count; run++)
    for (uint32_t i = 0; i < 2 * diagnostic->runs[run].step_count; i++, number++) {
      const maty_run_step_t *step = &diagnostic->runs[run].steps[i / 2];
      const char *name = i % 2 == 0 ? step->sender : step->receiver;
      if (number_of(diagnostic, name) != number)
        continue;
      out_declared(out, name, strlen(name), number);
      first = first == NULL ? name : first;
    }
  return first;
}

static void draw_note(maty__out_t *out, const maty_diagnostic_t *diagnostic, const char *over,
                      const char *text) {
  if (*text == '\0' || over == NULL)
    return;
  maty__out_text(out, "  Note over ");
  out_runner(out, diagnostic, over);
  maty__out_text(out, ": ");
  out_mermaid(out, text, strlen(text), true);
  maty__out_text(out, "\n");
}

static void draw_step(maty__out_t *out, const maty_diagnostic_t *diagnostic,
                      const maty_run_step_t *step) {
  bool receives = step->kind == MATY_STEP_RECEIVE;
  maty__out_text(out, receives ? "  Note over " : "  ");
  out_runner(out, diagnostic, receives ? step->receiver : step->sender);
  if (receives) {
    maty__out_text(out, ": receives ");
  } else {
    maty__out_text(out, step->kind == MATY_STEP_SEND ? "-)" : "->>");
    out_runner(out, diagnostic, step->receiver);
    maty__out_text(out, ": ");
  }
  out_mermaid(out, step->label, strlen(step->label), true);
  if (receives) {
    maty__out_text(out, " from ");
    out_mermaid(out, step->sender, strlen(step->sender), true);
  }
  if (step->line > 0)
    maty__out_format(out, " (line %u)", step->line);
  maty__out_text(out, "\n");
}

maty_status maty_draw_runs(const maty_diagnostic_t *diagnostic, maty_writer_t writer) {
  if (diagnostic == NULL)
    return MATY_EINVAL;
  maty__out_t out;
  maty__out_init(&out, writer);
  maty__out_text(&out, "sequenceDiagram\n");
  const char *over = declare_runners(&out, diagnostic);
  for (uint32_t i = 0; i < diagnostic->run_count; i++) {
    const maty_run_t *run = &diagnostic->runs[i];
    draw_note(&out, diagnostic, over, run->heading);
    for (uint32_t j = 0; j < run->step_count; j++)
      draw_step(&out, diagnostic, &run->steps[j]);
    draw_note(&out, diagnostic, over, run->ending);
  }
  return out.status;
}
