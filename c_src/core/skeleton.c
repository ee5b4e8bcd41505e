/* skeleton.c - an actor module that plays a role.
 *
 * Every state of the role's machine that waits becomes a handler, with a clause
 * for each message, which asks who sent it where several roles may and that makes
 * a difference. What is sent on the way to the next such state is written where it
 * has to be sent; a sending state becomes a function of its own where that would
 * not end or would say things twice:
 *
 *   - several ways lead to it (the beginning is one), or
 *   - it has a choice.
 *
 * So the chains that are written out are finite, and each is written once. Where
 * the role has a choice, the first one offered is a shortest way to the end, so
 * that what was generated comes to an end as it is, if the protocol has one.
 *
 * The two languages differ in how they spell things and in nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "image_text.h"
#include "limits.h"
#include "names.h"
#include "out.h"

typedef struct skeleton {
  const maty_image_t *image;
  uint32_t role;
  maty_role_info_t about;
  maty_language language;
  const char *module;
  const char *file; /* where the module finds the protocol, or NULL */
  maty__arena_t *arena;
  maty__out_t *out;
  maty__names_t taken; /* names of functions */
  uint32_t *function;  /* by state: its function's name in "taken", or MATY__NONE */
  uint32_t *distance;  /* by state: messages to a final one, or MATY__NONE */
  bool chooses;        /* some state has a choice */
} skeleton_t;

/* ===== Spelling ========================================================== */

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static char to_lower(char c) { return (char)(is_upper(c) ? c + ('a' - 'A') : c); }

/* "ApplyChange" to "apply_change"; "size" holds any name twice over. */
static void snake(const char *name, char *text, size_t size) {
  size_t length = 0;
  for (size_t i = 0; name[i] != '\0' && length + 3 < size; i++) {
    bool hump = i > 0 && is_upper(name[i]) &&
                (is_lower(name[i - 1]) || is_digit(name[i - 1]) ||
                 (is_upper(name[i - 1]) && is_lower(name[i + 1])));
    if (hump)
      text[length++] = '_';
    text[length++] = name[i] == '\'' ? '_' : to_lower(name[i]);
  }
  text[length] = '\0';
}

enum { WORD_SIZE = 2 * MATY_MAX_NAME + 8 };

/* The first part of a function's name: a letter first. */
static void function_word(const char *label, char *text) {
  char word[WORD_SIZE];
  snake(*label == '\0' ? "message" : label, word, sizeof word);
  size_t length = strlen(word);
  bool letter = is_lower(word[0]);
  if (!letter)
    text[0] = 'm';
  memcpy(text + !letter, word, length + 1);
}

static bool plain_word(const char *name, bool upper_too) {
  if (!is_lower(*name) && !(upper_too && (is_upper(*name) || *name == '_')))
    return false;
  for (const char *at = name; *at != '\0'; at++)
    if (*at == '\'' || *at == '.')
      return false;
  return true;
}

static bool erlang_reserved(const char *name) {
  static const char *const words[] = {
      "after", "and",   "andalso", "band",   "begin",   "bnot", "bor", "bsl",  "bsr", "bxor",
      "case",  "catch", "cond",    "div",    "else",    "end",  "fun", "if",   "let", "maybe",
      "not",   "of",    "or",      "orelse", "receive", "rem",  "try", "when", "xor"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i], name) == 0)
      return true;
  return false;
}

static bool is_erlang(const skeleton_t *skeleton) {
  return skeleton->language == MATY_LANGUAGE_ERLANG;
}

static void out(const skeleton_t *skeleton, const char *text) {
  maty__out_text(skeleton->out, text);
}

/* One text for each language. */
static void out_either(const skeleton_t *skeleton, const char *elixir, const char *erlang) {
  out(skeleton, is_erlang(skeleton) ? erlang : elixir);
}

static void out_escaped(const skeleton_t *skeleton, const char *text, char quote) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == quote || *at == '\\')
      out(skeleton, "\\");
    maty__out_bytes(skeleton->out, at, 1);
  }
}

static void out_atom(const skeleton_t *skeleton, const char *name) {
  bool plain = is_erlang(skeleton) ? plain_word(name, false) && !erlang_reserved(name)
                                   : plain_word(name, true);
  out_either(skeleton, plain ? ":" : ":\"", plain ? "" : "'");
  out_escaped(skeleton, name, is_erlang(skeleton) ? '\'' : '"');
  if (!plain)
    out_either(skeleton, "\"", "'");
}

/* In a comment, whatever the name of a file has in it. */
static void out_comment(const skeleton_t *skeleton, const char *text) {
  for (const char *at = text; *at != '\0'; at++)
    maty__out_bytes(skeleton->out, (unsigned char)*at < 0x20 ? "?" : at, 1);
}

/* Between double quotes, which no control character may stand in. */
static void out_path(const skeleton_t *skeleton) {
  for (const char *at = skeleton->file; *at != '\0'; at++) {
    char text[2] = {*at, '\0'};
    if ((unsigned char)*at < 0x20)
      maty__out_format(skeleton->out, is_erlang(skeleton) ? "\\x{%x}" : "\\x%02x",
                       (unsigned)(unsigned char)*at);
    else if (*at == '#' && !is_erlang(skeleton))
      out(skeleton, "\\#");
    else
      out_escaped(skeleton, text, '"');
  }
}

static void out_line(const skeleton_t *skeleton, uint32_t depth) {
  out(skeleton, "\n");
  /* Four columns in Erlang, two in Elixir. */
  maty__out_indent(skeleton->out, is_erlang(skeleton) ? 2 * depth : depth + 1);
}

static void begin_comment(const skeleton_t *skeleton) { out_either(skeleton, "  # ", "%% "); }

/* ===== Sample values ===================================================== */

static void out_key(const skeleton_t *skeleton, const char *name) {
  if (is_erlang(skeleton)) {
    out_atom(skeleton, name);
    out(skeleton, " => ");
  } else if (plain_word(name, true)) {
    out(skeleton, name);
    out(skeleton, ": ");
  } else {
    out(skeleton, "\"");
    out_escaped(skeleton, name, '"');
    out(skeleton, "\": ");
  }
}

static void out_value_head(const skeleton_t *skeleton, const maty__type_t *type) {
  switch (type->kind) {
  case MATY__TYPE_INTEGER:
  case MATY__TYPE_NUMBER:
    out(skeleton, "0");
    break;
  case MATY__TYPE_FLOAT:
    out(skeleton, "0.0");
    break;
  case MATY__TYPE_BOOLEAN:
    out_either(skeleton, "true", "true");
    break;
  case MATY__TYPE_ATOM:
    out_atom(skeleton, "ok");
    break;
  case MATY__TYPE_BINARY:
  case MATY__TYPE_STRING:
    out_either(skeleton, "\"text\"", "<<\"text\">>");
    break;
  case MATY__TYPE_PID:
    out(skeleton, "self()");
    break;
  case MATY__TYPE_REFERENCE:
    out(skeleton, "make_ref()");
    break;
  case MATY__TYPE_DATE:
    out_either(skeleton, "~D[2000-01-01]", "{2000, 1, 1}");
    break;
  case MATY__TYPE_TIME:
    out_either(skeleton, "~T[12:00:00]", "{12, 0, 0}");
    break;
  case MATY__TYPE_DATETIME:
    out_either(skeleton, "~U[2000-01-01 12:00:00Z]", "{{2000, 1, 1}, {12, 0, 0}}");
    break;
  case MATY__TYPE_LITERAL:
    out_atom(skeleton, skeleton->image->strings + type->first);
    break;
  case MATY__TYPE_RANGE:
    maty__out_format(skeleton->out, "%lld", (long long)type->low);
    break;
  case MATY__TYPE_LIST:
    out(skeleton, "[]");
    break;
  case MATY__TYPE_TUPLE:
    out(skeleton, "{");
    break;
  case MATY__TYPE_MAP:
    out_either(skeleton, "%{", "#{");
    break;
  case MATY__TYPE_UNION:
    break;
  default: /* it is not looked at */
    out_either(skeleton, "nil", "undefined");
  }
}

/* How many of a type's parts a value of it is made of: of a list, which is left
 * empty, none; of a union the first. */
static uint32_t parts_shown(const maty__type_t *type) {
  switch (type->kind) {
  case MATY__TYPE_TUPLE:
  case MATY__TYPE_MAP:
    return type->count;
  case MATY__TYPE_UNION:
    return 1;
  default:
    return 0;
  }
}

static void out_value(const skeleton_t *skeleton, uint32_t whole) {
  const maty_image_t *image = skeleton->image;
  struct {
    const maty__type_t *type;
    uint32_t next; /* part */
  } open[MATY_MAX_TYPE_DEPTH];
  uint32_t depth = 1;
  open[0].type = &image->types[whole];
  open[0].next = 0;
  while (depth > 0) {
    const maty__type_t *type = open[depth - 1].type;
    uint32_t next = open[depth - 1].next++;
    if (next == 0)
      out_value_head(skeleton, type);
    if (next == parts_shown(type)) {
      if (type->kind == MATY__TYPE_TUPLE || type->kind == MATY__TYPE_MAP)
        out(skeleton, "}");
      depth--;
      continue;
    }
    const maty__key_t *key = &image->keys[type->first + next];
    out(skeleton, next > 0 ? ", " : "");
    if (type->kind == MATY__TYPE_MAP)
      out_key(skeleton, image->strings + key->name);
    open[depth].type = &image->types[key->type];
    open[depth++].next = 0;
  }
}

/* ===== Patterns ========================================================== */

/* A variable that is not used: "_amount", "_Amount". */
static void variable_word(const skeleton_t *skeleton, const maty__transition_t *transition,
                          uint32_t index, char *text) {
  const maty__field_t *field = &skeleton->image->fields[transition->first_field + index];
  const char *name = skeleton->image->strings + field->name;
  snake(*name == '\0' ? "value" : name, text, WORD_SIZE);
  if (is_erlang(skeleton) && is_lower(text[0]))
    text[0] = (char)(text[0] - ('a' - 'A'));
}

static bool is_word_of_other(const skeleton_t *skeleton, const maty__transition_t *transition,
                             uint32_t index, const char *word) {
  char other[WORD_SIZE];
  for (uint32_t i = 0; i < transition->arity; i++) {
    variable_word(skeleton, transition, i, other);
    if (i != index && strcmp(word, other) == 0)
      return true;
  }
  return false;
}

/* A variable that stands twice in a pattern would ask for equal values, so words that
 * are alike are numbered. A word of another field that is like one with its number is
 * not like one with underscores after it, in the end. */
static void out_variable(const skeleton_t *skeleton, const maty__transition_t *transition,
                         uint32_t index) {
  char word[WORD_SIZE + 16];
  variable_word(skeleton, transition, index, word);
  if (is_word_of_other(skeleton, transition, index, word)) {
    size_t length = strlen(word);
    length += (size_t)snprintf(word + length, sizeof word - length, "_%u", index + 1);
    while (is_word_of_other(skeleton, transition, index, word) && length + 1 < sizeof word) {
      word[length++] = '_';
      word[length] = '\0';
    }
  }
  out(skeleton, "_");
  out(skeleton, word);
}

/* ===== Names and distances =============================================== */

static const maty__state_t *state_at(const skeleton_t *skeleton, uint32_t state) {
  return &skeleton->image->states[skeleton->about.first_state + state];
}

static const maty__transition_t *transition_at(const skeleton_t *skeleton, uint32_t state,
                                               uint32_t index) {
  return &skeleton->image->transitions[state_at(skeleton, state)->first_transition + index];
}

static uint32_t target_of(const skeleton_t *skeleton, const maty__transition_t *transition) {
  return transition->target - skeleton->about.first_state;
}

static const maty__action_t *action_of(const skeleton_t *skeleton,
                                       const maty__transition_t *transition) {
  const maty__role_t *role = &skeleton->image->roles[skeleton->role];
  return &skeleton->image->actions[role->first_action + transition->action];
}

static const char *label_of(const skeleton_t *skeleton, const maty__transition_t *transition) {
  return skeleton->image->strings + action_of(skeleton, transition)->label;
}

static const char *peer_of(const skeleton_t *skeleton, const maty__transition_t *transition) {
  const maty__role_t *peer = &skeleton->image->roles[action_of(skeleton, transition)->peer];
  return skeleton->image->strings + peer->name;
}

/* Gives a state's function the first name that is free: "title_handler",
 * "title_handler_2". "used" keeps how far the numbers of a name have come. */
static maty_status name_function(skeleton_t *skeleton, maty__map_t *used, uint32_t state,
                                 bool handler) {
  char word[WORD_SIZE];
  function_word(label_of(skeleton, transition_at(skeleton, state, 0)), word);
  maty__text_t text;
  uint32_t first = MATY__NONE, *number = NULL;
  for (;;) {
    maty__text_init(&text, skeleton->arena);
    maty__text_add(&text, "%s%s%s", handler ? "" : "send_", word, handler ? "_handler" : "");
    if (number != NULL)
      maty__text_add(&text, "_%u", ++*number);
    MATY__NEED(!text.failed);
    uint32_t known = skeleton->taken.items.count;
    uint32_t put = maty__names_put(&skeleton->taken, text.at, (uint32_t)text.length);
    MATY__NEED(put != MATY__NONE);
    first = first == MATY__NONE ? put : first;
    if (put == known) {
      skeleton->function[state] = put;
      return MATY_OK;
    }
    if (number == NULL) {
      number = maty__map_put(skeleton->arena, used, first);
      MATY__NEED(number != NULL);
      if (*number == MATY__NONE)
        *number = 1;
    }
  }
}

/* The states are gone through backwards, breadth first, from the final ones. */
static maty_status measure(skeleton_t *skeleton, const uint32_t *entered) {
  maty__arena_t *arena = skeleton->arena;
  uint32_t count = skeleton->about.state_count, transitions = 0, head = 0;
  uint32_t *first = maty__array(arena, uint32_t, (size_t)count + 1);
  maty__u32s_t queue = {0};
  skeleton->distance = maty__array(arena, uint32_t, count);
  MATY__NEED(first != NULL && skeleton->distance != NULL);
  for (uint32_t state = 0; state < count; state++) {
    first[state] = transitions;
    transitions += entered[state];
    skeleton->distance[state] = MATY__NONE;
  }
  uint32_t *from = maty__array(arena, uint32_t, (size_t)transitions + 1);
  uint32_t *filled = maty__zarray(arena, uint32_t, count);
  MATY__NEED(from != NULL && filled != NULL);
  for (uint32_t state = 0; state < count; state++) {
    const maty__state_t *at = state_at(skeleton, state);
    for (uint32_t i = 0; i < at->transition_count; i++) {
      uint32_t target = target_of(skeleton, transition_at(skeleton, state, i));
      from[first[target] + filled[target]++] = state;
    }
    if (at->phase == MATY_PHASE_FINAL) {
      skeleton->distance[state] = 0;
      MATY__NEED(maty__vec_push(arena, &queue, state));
    }
  }
  for (; head < queue.count; head++) {
    uint32_t state = queue.at[head];
    for (uint32_t i = 0; i < filled[state]; i++) {
      uint32_t before = from[first[state] + i];
      if (skeleton->distance[before] != MATY__NONE)
        continue;
      skeleton->distance[before] = skeleton->distance[state] + 1;
      MATY__NEED(maty__vec_push(arena, &queue, before));
    }
  }
  return MATY_OK;
}

static maty_status prepare(skeleton_t *skeleton) {
  uint32_t count = skeleton->about.state_count;
  uint32_t *entered = maty__zarray(skeleton->arena, uint32_t, count);
  maty__map_t used = {0};
  skeleton->function = maty__array(skeleton->arena, uint32_t, count);
  MATY__NEED(entered != NULL && skeleton->function != NULL);
  MATY__TRY(maty__names_init(&skeleton->taken, skeleton->arena));
  entered[skeleton->about.initial - skeleton->about.first_state] = 1;
  for (uint32_t state = 0; state < count; state++)
    for (uint32_t i = 0; i < state_at(skeleton, state)->transition_count; i++)
      entered[target_of(skeleton, transition_at(skeleton, state, i))]++;
  for (uint32_t state = 0; state < count; state++) {
    const maty__state_t *at = state_at(skeleton, state);
    bool choice = at->phase == MATY_PHASE_SEND && at->transition_count > 1;
    skeleton->function[state] = MATY__NONE;
    skeleton->chooses |= choice;
    if (at->phase == MATY_PHASE_RECEIVE || choice ||
        (at->phase == MATY_PHASE_SEND && entered[state] > 1))
      MATY__TRY(name_function(skeleton, &used, state, at->phase == MATY_PHASE_RECEIVE));
  }
  return measure(skeleton, entered);
}

/* ===== The module ======================================================== */

static void out_function(const skeleton_t *skeleton, uint32_t state) {
  const maty__name_text_t *name = &skeleton->taken.items.at[skeleton->function[state]];
  maty__out_bytes(skeleton->out, name->at, name->length);
}

/* "title(string) from Buyer1 (line 3)" */
static maty_status out_message(const skeleton_t *skeleton, uint32_t state, uint32_t index,
                               const char *preposition) {
  maty__text_t text;
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  maty__arena_mark_t mark = maty__arena_mark(skeleton->arena);
  maty__text_init(&text, skeleton->arena);
  maty__text_add(&text, "%s", label_of(skeleton, transition));
  maty__text_add_payload(&text, skeleton->image, transition);
  MATY__NEED(!text.failed);
  maty__out_bytes(skeleton->out, text.at, text.length);
  maty__out_format(skeleton->out, " %s %s", preposition, peer_of(skeleton, transition));
  if (transition->line > 0) /* it is in the text itself, and in no other */
    maty__out_format(skeleton->out, " (line %u)", transition->line);
  maty__arena_rewind(skeleton->arena, mark);
  return MATY_OK;
}

static void out_send(const skeleton_t *skeleton, const maty__transition_t *transition) {
  out_either(skeleton, "Maty.send(", "maty:send(");
  out_atom(skeleton, peer_of(skeleton, transition));
  out(skeleton, ", {");
  out_atom(skeleton, label_of(skeleton, transition));
  for (uint32_t i = 0; i < transition->arity; i++) {
    out(skeleton, ", ");
    out_value(skeleton, skeleton->image->fields[transition->first_field + i].type);
  }
  out(skeleton, "})");
}

/* The message that is sent in a state, and what is sent behind it up to a state
 * that has a function or is final. "begins": in init_session. */
static maty_status out_sends(const skeleton_t *skeleton, uint32_t *state, uint32_t index,
                             uint32_t depth) {
  for (;; index = 0) {
    const maty__transition_t *transition = transition_at(skeleton, *state, index);
    out_line(skeleton, depth);
    out_either(skeleton, "# ", "%% ");
    MATY__TRY(out_message(skeleton, *state, index, "to"));
    out_line(skeleton, depth);
    out_send(skeleton, transition);
    out_either(skeleton, "", ",");
    *state = target_of(skeleton, transition);
    if (state_at(skeleton, *state)->phase != MATY_PHASE_SEND ||
        skeleton->function[*state] != MATY__NONE)
      return MATY_OK;
  }
}

static void out_handler_reference(const skeleton_t *skeleton, uint32_t state) {
  out_either(skeleton, "&", "fun ");
  out_function(skeleton, state);
  out(skeleton, "/2");
}

/* What a handler returns. */
static void out_return(const skeleton_t *skeleton, uint32_t state, uint32_t depth) {
  out_line(skeleton, depth);
  switch (state_at(skeleton, state)->phase) {
  case MATY_PHASE_FINAL:
    out_either(skeleton, "{:done, :normal, state}", "{done, normal, State}");
    break;
  case MATY_PHASE_RECEIVE:
    out_either(skeleton, "{:suspend, ", "{suspend, ");
    out_handler_reference(skeleton, state);
    out_either(skeleton, ", state}", ", State}");
    break;
  default:
    out_function(skeleton, state);
    out_either(skeleton, "(state)", "(State)");
  }
}

static void out_begin(const skeleton_t *skeleton, uint32_t state) {
  out_line(skeleton, 1);
  switch (state_at(skeleton, state)->phase) {
  case MATY_PHASE_FINAL:
    out_either(skeleton, "{:done, :normal, access_point}", "{done, normal, AccessPoint}");
    break;
  case MATY_PHASE_RECEIVE:
    out_either(skeleton, "{:ok, ", "{ok, ");
    out_handler_reference(skeleton, state);
    out_either(skeleton, ", %{}, access_point}", ", #{}, AccessPoint}");
    break;
  default:
    out(skeleton, "case ");
    out_function(skeleton, state);
    out_either(skeleton,
               "(%{}) do\n"
               "      {:suspend, handler, state} -> {:ok, handler, state, access_point}\n"
               "      {:done, reason, _state} -> {:done, reason, access_point}\n"
               "    end",
               "(#{}) of\n"
               "        {suspend, Handler, State} -> {ok, Handler, State, AccessPoint};\n"
               "        {done, Reason, _State} -> {done, Reason, AccessPoint}\n"
               "    end");
  }
}

static void end_function(const skeleton_t *skeleton) { out_either(skeleton, "\n  end\n", ".\n"); }

/* So that the module is checked when it is compiled. */
static void out_checked(const skeleton_t *skeleton) {
  if (skeleton->file == NULL)
    return;
  out_either(skeleton, ",\n    protocol: {:file, \"",
             "-compile({parse_transform, maty_transform}).\n-maty([{protocol, {file, \"");
  out_path(skeleton);
  out(skeleton, "\", ");
  out_atom(skeleton, maty_image_protocol(skeleton->image));
  out_either(skeleton, "},\n    role: ", "}}, {role, ");
  out_atom(skeleton, skeleton->about.name);
  out_either(skeleton, "", "}]).\n");
}

static maty_status out_head(const skeleton_t *skeleton) {
  const char *name = skeleton->about.name, *protocol = maty_image_protocol(skeleton->image);
  if (is_erlang(skeleton)) {
    out(skeleton, "%% Plays ");
    out(skeleton, name);
    out(skeleton, " in the protocol ");
    out(skeleton, protocol);
    out(skeleton, " of ");
    out_comment(skeleton, maty_image_source(skeleton->image));
    out(skeleton, ".\n-module(");
    out_atom(skeleton, skeleton->module);
    out(skeleton, ").\n-behaviour(maty_actor).\n");
    out_checked(skeleton);
    out(skeleton, "\n-export([init_actor/1, init_session/2]).\n");
  } else {
    out(skeleton, "defmodule ");
    out(skeleton, skeleton->module);
    out(skeleton, " do\n  # Plays ");
    out(skeleton, name);
    out(skeleton, " in the protocol ");
    out(skeleton, protocol);
    out(skeleton, " of ");
    out_comment(skeleton, maty_image_source(skeleton->image));
    out(skeleton, ".\n  use Maty.Actor");
    out_checked(skeleton);
    out(skeleton, "\n");
  }
  out(skeleton, "\n");
  begin_comment(skeleton);
  out(skeleton, "For one session; register again in init_session to be in the next one too.\n");
  out_either(skeleton,
             "  @impl true\n  def init_actor(access_point) do\n    Maty.register(access_point, ",
             "init_actor(AccessPoint) ->\n    maty:register(AccessPoint, ");
  out_atom(skeleton, name);
  out_either(skeleton, ")\n    {:ok, access_point}\n  end\n\n", "),\n    {ok, AccessPoint}.\n\n");
  uint32_t state = skeleton->about.initial - skeleton->about.first_state;
  out_either(skeleton, "  @impl true\n  def init_session(_session, access_point) do",
             "init_session(_Session, AccessPoint) ->");
  if (state_at(skeleton, state)->phase == MATY_PHASE_SEND &&
      skeleton->function[state] == MATY__NONE)
    MATY__TRY(out_sends(skeleton, &state, 0, 1));
  out_begin(skeleton, state);
  end_function(skeleton);
  return MATY_OK;
}

/* The first message of this state that has the same shape: the clause is one. */
static uint32_t clause_of(const skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  for (uint32_t i = 0; i < index; i++) {
    const maty__transition_t *other = transition_at(skeleton, state, i);
    if (other->arity == transition->arity &&
        strcmp(label_of(skeleton, other), label_of(skeleton, transition)) == 0)
      return i;
  }
  return index;
}

/* Whether it matters which role has sent the message of a clause. */
static bool asks_sender(const skeleton_t *skeleton, uint32_t state, uint32_t index) {
  for (uint32_t i = index + 1; i < state_at(skeleton, state)->transition_count; i++)
    if (clause_of(skeleton, state, i) == index &&
        transition_at(skeleton, state, i)->target != transition_at(skeleton, state, index)->target)
      return true;
  return false;
}

/* What follows a message: what is sent, and what is returned. */
static maty_status out_followed(const skeleton_t *skeleton, const maty__transition_t *transition,
                                uint32_t depth) {
  uint32_t target = target_of(skeleton, transition);
  if (state_at(skeleton, target)->phase == MATY_PHASE_SEND &&
      skeleton->function[target] == MATY__NONE)
    MATY__TRY(out_sends(skeleton, &target, 0, depth));
  out_return(skeleton, target, depth);
  return MATY_OK;
}

/* A branch for each role that may have sent the message. */
static maty_status out_senders(const skeleton_t *skeleton, uint32_t state, uint32_t index) {
  uint32_t count = state_at(skeleton, state)->transition_count;
  out_line(skeleton, 1);
  out_either(skeleton, "case Maty.sender(message) do", "case maty:sender(Message) of");
  for (uint32_t i = index; i < count && skeleton->out->status == MATY_OK; i++) {
    if (clause_of(skeleton, state, i) != index)
      continue;
    if (i > index)
      out_either(skeleton, "\n", ";");
    out_line(skeleton, 2);
    out_atom(skeleton, peer_of(skeleton, transition_at(skeleton, state, i)));
    out(skeleton, " ->");
    MATY__TRY(out_followed(skeleton, transition_at(skeleton, state, i), 3));
  }
  out_line(skeleton, 1);
  out(skeleton, "end");
  return MATY_OK;
}

static maty_status out_clause(const skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  bool asks = asks_sender(skeleton, state, index);
  out_either(skeleton, "  def ", "");
  out_function(skeleton, state);
  out(skeleton, "({");
  out_atom(skeleton, label_of(skeleton, transition));
  for (uint32_t i = 0; i < transition->arity; i++) {
    out(skeleton, ", ");
    out_variable(skeleton, transition, i);
  }
  out(skeleton, "}");
  if (asks)
    out_either(skeleton, " = message", " = Message");
  out_either(skeleton, ", state) do", ", State) ->");
  return asks ? out_senders(skeleton, state, index) : out_followed(skeleton, transition, 1);
}

static maty_status out_handler(const skeleton_t *skeleton, uint32_t state) {
  uint32_t count = state_at(skeleton, state)->transition_count;
  for (uint32_t i = 0; i < count && skeleton->out->status == MATY_OK; i++) {
    if (clause_of(skeleton, state, i) != i)
      continue;
    /* A clause of Erlang ends only when it is known that another one follows. */
    if (i > 0)
      out_either(skeleton, "\n  end\n\n", ";\n");
    for (uint32_t j = i; j < count; j++) {
      if (clause_of(skeleton, state, j) != i)
        continue;
      begin_comment(skeleton);
      MATY__TRY(out_message(skeleton, state, j, "from"));
      out(skeleton, "\n");
    }
    MATY__TRY(out_clause(skeleton, state, i));
  }
  end_function(skeleton);
  return MATY_OK;
}

static void out_branch(const skeleton_t *skeleton, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = transition_at(skeleton, state, index);
  out(skeleton, "{");
  out_atom(skeleton, peer_of(skeleton, transition));
  out(skeleton, ", ");
  out_atom(skeleton, label_of(skeleton, transition));
  out(skeleton, "}");
}

static maty_status out_choice(const skeleton_t *skeleton, uint32_t state) {
  uint32_t count = state_at(skeleton, state)->transition_count, best = 0;
  for (uint32_t i = 1; i < count; i++)
    if (skeleton->distance[target_of(skeleton, transition_at(skeleton, state, i))] <
        skeleton->distance[target_of(skeleton, transition_at(skeleton, state, best))])
      best = i;
  out_line(skeleton, 1);
  out(skeleton, "case choose([");
  out_branch(skeleton, state, best);
  for (uint32_t i = 0; i < count; i++) {
    if (i == best)
      continue;
    out(skeleton, ", ");
    out_branch(skeleton, state, i);
  }
  out_either(skeleton, "], state) do", "], State) of");
  for (uint32_t i = 0; i < count && skeleton->out->status == MATY_OK; i++) {
    uint32_t target = state;
    if (i > 0)
      out_either(skeleton, "\n", ";");
    out_line(skeleton, 2);
    out_branch(skeleton, state, i);
    out(skeleton, " ->");
    MATY__TRY(out_sends(skeleton, &target, i, 3));
    out_return(skeleton, target, 3);
  }
  out_line(skeleton, 1);
  out(skeleton, "end");
  return MATY_OK;
}

static maty_status out_sender(const skeleton_t *skeleton, uint32_t state) {
  uint32_t target = state;
  out_either(skeleton, "  defp ", "");
  out_function(skeleton, state);
  out_either(skeleton, "(state) do", "(State) ->");
  if (state_at(skeleton, state)->transition_count > 1) {
    MATY__TRY(out_choice(skeleton, state));
  } else {
    MATY__TRY(out_sends(skeleton, &target, 0, 1));
    out_return(skeleton, target, 1);
  }
  end_function(skeleton);
  return MATY_OK;
}

static maty_status out_module(skeleton_t *skeleton) {
  MATY__TRY(prepare(skeleton));
  MATY__TRY(out_head(skeleton));
  for (uint32_t state = 0; state < skeleton->about.state_count; state++) {
    if (skeleton->function[state] == MATY__NONE)
      continue;
    out(skeleton, "\n");
    MATY__TRY(state_at(skeleton, state)->phase == MATY_PHASE_RECEIVE ? out_handler(skeleton, state)
                                                                     : out_sender(skeleton, state));
    MATY__TRY(skeleton->out->status);
  }
  if (skeleton->chooses) {
    out(skeleton, "\n");
    begin_comment(skeleton);
    out(skeleton, "Decides which of these messages is sent, where that is up to this role.\n");
    out_either(skeleton, "  defp choose([first | _others], _state), do: first\n",
               "choose([First | _Others], _State) -> First.\n");
  }
  out_either(skeleton, "end\n", "");
  return skeleton->out->status;
}

/* "Shop.Seller" in Elixir; any atom in Erlang. */
static bool is_module(const char *module, maty_language language) {
  if (*module == '\0')
    return false;
  if (language == MATY_LANGUAGE_ERLANG)
    return strlen(module) <= MATY_MAX_NAME;
  for (const char *at = module; *at != '\0'; at++) {
    bool first = at == module || at[-1] == '.';
    bool letter = is_upper(*at) || is_lower(*at) || is_digit(*at) || *at == '_';
    if (first ? !is_upper(*at) : !(letter || (*at == '.' && at[1] != '\0')))
      return false;
  }
  return true;
}

maty_status maty_skeleton(const maty_image_t *image, uint32_t role, maty_language language,
                          const char *module, const char *file, const maty_allocator_t *allocator,
                          maty_writer_t writer) {
  if (image == NULL || module == NULL || allocator == NULL || language > MATY_LANGUAGE_ERLANG ||
      !is_module(module, language))
    return MATY_EINVAL;
  maty__arena_t arena;
  maty__out_t to;
  maty__arena_init(&arena, allocator);
  maty__out_init(&to, writer);
  skeleton_t skeleton = {.image = image,
                         .role = role,
                         .language = language,
                         .module = module,
                         .file = file,
                         .arena = &arena,
                         .out = &to};
  maty_status status = maty_image_role(image, role, &skeleton.about);
  if (status == MATY_OK)
    status = out_module(&skeleton);
  maty__arena_free(&arena);
  return status;
}
