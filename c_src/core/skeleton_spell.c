/* skeleton_spell.c - how Erlang and Elixir are written; see skeleton.h. */
#include "skeleton.h"

#include <stdio.h>
#include <string.h>

/* ===== Words ============================================================= */

static char to_lower(char c) { return (char)(maty__is_upper(c) ? c + ('a' - 'A') : c); }

/* "ApplyChange" to "apply_change"; "size" holds any name twice over. */
static void snake(const char *name, char *text, size_t size) {
  size_t length = 0;
  for (size_t i = 0; name[i] != '\0' && length + 3 < size; i++) {
    bool hump = i > 0 && maty__is_upper(name[i]) &&
                (maty__is_lower(name[i - 1]) || maty__is_digit(name[i - 1]) ||
                 (maty__is_upper(name[i - 1]) && maty__is_lower(name[i + 1])));
    if (hump)
      text[length++] = '_';
    text[length++] = name[i] == '\'' ? '_' : to_lower(name[i]);
  }
  text[length] = '\0';
}

void maty__function_word(const char *label, char *text) {
  char word[MATY__WORD_SIZE];
  snake(*label == '\0' ? "message" : label, word, sizeof word);
  size_t length = strlen(word);
  bool letter = maty__is_lower(word[0]);
  if (!letter)
    text[0] = 'm';
  memcpy(text + !letter, word, length + 1);
}

static bool plain_word(const char *name, bool upper_too) {
  if (!maty__is_lower(*name) && !(upper_too && (maty__is_upper(*name) || *name == '_')))
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

void maty__put(const maty__skeleton_t *skeleton, const char *text) {
  maty__out_text(skeleton->out, text);
}

void maty__put_either(const maty__skeleton_t *skeleton, const char *elixir, const char *erlang) {
  maty__put(skeleton, maty__is_erlang(skeleton) ? erlang : elixir);
}

static void put_escaped(const maty__skeleton_t *skeleton, const char *text, char quote) {
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == quote || *at == '\\')
      maty__put(skeleton, "\\");
    maty__out_bytes(skeleton->out, at, 1);
  }
}

void maty__put_atom(const maty__skeleton_t *skeleton, const char *name) {
  bool plain = maty__is_erlang(skeleton) ? plain_word(name, false) && !erlang_reserved(name)
                                         : plain_word(name, true);
  maty__put_either(skeleton, plain ? ":" : ":\"", plain ? "" : "'");
  put_escaped(skeleton, name, maty__is_erlang(skeleton) ? '\'' : '"');
  if (!plain)
    maty__put_either(skeleton, "\"", "'");
}

void maty__put_comment(const maty__skeleton_t *skeleton, const char *text) {
  for (const char *at = text; *at != '\0'; at++)
    maty__out_bytes(skeleton->out, (unsigned char)*at < 0x20 ? "?" : at, 1);
}

void maty__put_path(const maty__skeleton_t *skeleton) {
  for (const char *at = skeleton->file; *at != '\0'; at++) {
    char text[2] = {*at, '\0'};
    if ((unsigned char)*at < 0x20)
      maty__out_format(skeleton->out, maty__is_erlang(skeleton) ? "\\x{%x}" : "\\x%02x",
                       (unsigned)(unsigned char)*at);
    else if (*at == '#' && !maty__is_erlang(skeleton))
      maty__put(skeleton, "\\#");
    else
      put_escaped(skeleton, text, '"');
  }
}

void maty__put_line(const maty__skeleton_t *skeleton, uint32_t depth) {
  maty__put(skeleton, "\n");
  /* Four columns in Erlang, two in Elixir. */
  maty__out_indent(skeleton->out, maty__is_erlang(skeleton) ? 2 * depth : depth + 1);
}

void maty__begin_comment(const maty__skeleton_t *skeleton) {
  maty__put_either(skeleton, "  # ", "%% ");
}

/* ===== Sample values ===================================================== */

static void put_key(const maty__skeleton_t *skeleton, const char *name) {
  if (maty__is_erlang(skeleton)) {
    maty__put_atom(skeleton, name);
    maty__put(skeleton, " => ");
  } else if (plain_word(name, true)) {
    maty__put(skeleton, name);
    maty__put(skeleton, ": ");
  } else {
    maty__put(skeleton, "\"");
    put_escaped(skeleton, name, '"');
    maty__put(skeleton, "\": ");
  }
}

static void put_value_head(const maty__skeleton_t *skeleton, const maty__type_t *type) {
  switch (type->kind) {
  case MATY__TYPE_INTEGER:
  case MATY__TYPE_NUMBER:
    maty__put(skeleton, "0");
    break;
  case MATY__TYPE_FLOAT:
    maty__put(skeleton, "0.0");
    break;
  case MATY__TYPE_BOOLEAN:
    maty__put_either(skeleton, "true", "true");
    break;
  case MATY__TYPE_ATOM:
    maty__put_atom(skeleton, "ok");
    break;
  case MATY__TYPE_BINARY:
  case MATY__TYPE_STRING:
    maty__put_either(skeleton, "\"text\"", "<<\"text\">>");
    break;
  case MATY__TYPE_PID:
    maty__put(skeleton, "self()");
    break;
  case MATY__TYPE_REFERENCE:
    maty__put(skeleton, "make_ref()");
    break;
  case MATY__TYPE_DATE:
    maty__put_either(skeleton, "~D[2000-01-01]", "{2000, 1, 1}");
    break;
  case MATY__TYPE_TIME:
    maty__put_either(skeleton, "~T[12:00:00]", "{12, 0, 0}");
    break;
  case MATY__TYPE_DATETIME:
    maty__put_either(skeleton, "~U[2000-01-01 12:00:00Z]", "{{2000, 1, 1}, {12, 0, 0}}");
    break;
  case MATY__TYPE_LITERAL:
    maty__put_atom(skeleton, skeleton->image->strings + type->first);
    break;
  case MATY__TYPE_RANGE:
    maty__out_format(skeleton->out, "%lld", (long long)type->low);
    break;
  case MATY__TYPE_LIST:
    maty__put(skeleton, "[]");
    break;
  case MATY__TYPE_TUPLE:
    maty__put(skeleton, "{");
    break;
  case MATY__TYPE_MAP:
    maty__put_either(skeleton, "%{", "#{");
    break;
  case MATY__TYPE_UNION:
    break;
  default: /* it is not looked at */
    maty__put_either(skeleton, "nil", "undefined");
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

void maty__put_value(const maty__skeleton_t *skeleton, uint32_t number) {
  const maty_image_t *image = skeleton->image;
  struct {
    const maty__type_t *type;
    uint32_t next; /* part */
  } open[MATY_MAX_TYPE_DEPTH];
  uint32_t depth = 1;
  open[0].type = &image->types[number];
  open[0].next = 0;
  while (depth > 0) {
    const maty__type_t *type = open[depth - 1].type;
    uint32_t next = open[depth - 1].next++;
    if (next == 0)
      put_value_head(skeleton, type);
    if (next == parts_shown(type)) {
      if (type->kind == MATY__TYPE_TUPLE || type->kind == MATY__TYPE_MAP)
        maty__put(skeleton, "}");
      depth--;
      continue;
    }
    const maty__key_t *key = &image->keys[type->first + next];
    maty__put(skeleton, next > 0 ? ", " : "");
    if (type->kind == MATY__TYPE_MAP)
      put_key(skeleton, image->strings + key->name);
    open[depth].type = &image->types[key->type];
    open[depth++].next = 0;
  }
}

/* ===== Patterns ========================================================== */

/* A variable that is not used: "_amount", "_Amount". */
static void variable_word(const maty__skeleton_t *skeleton, const maty__transition_t *transition,
                          uint32_t index, char *text) {
  const maty__field_t *field = &skeleton->image->fields[transition->first_field + index];
  const char *name = skeleton->image->strings + field->name;
  snake(*name == '\0' ? "value" : name, text, MATY__WORD_SIZE);
  if (maty__is_erlang(skeleton) && maty__is_lower(text[0]))
    text[0] = (char)(text[0] - ('a' - 'A'));
}

static bool is_word_of_other(const maty__skeleton_t *skeleton, const maty__transition_t *transition,
                             uint32_t index, const char *word) {
  char other[MATY__WORD_SIZE];
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
void maty__put_variable(const maty__skeleton_t *skeleton, const maty__transition_t *transition,
                        uint32_t index) {
  char word[MATY__WORD_SIZE + 16];
  variable_word(skeleton, transition, index, word);
  if (is_word_of_other(skeleton, transition, index, word)) {
    size_t length = strlen(word);
    length += (size_t)snprintf(word + length, sizeof word - length, "_%u", index + 1);
    while (is_word_of_other(skeleton, transition, index, word) && length + 1 < sizeof word) {
      word[length++] = '_';
      word[length] = '\0';
    }
  }
  maty__put(skeleton, "_");
  maty__put(skeleton, word);
}
