/* format.c - a text in the one layout.
 *
 * Works on tokens, and on the comments in the gaps between them, so it knows
 * the grammar only as far as layout needs it:
 *
 *     line    what stands between two ends of a statement; ';' ends one, a
 *             block's '{' and '}' do, and what comes before everything else
 *     block   the braces of a protocol, loop or branch; two columns deeper
 *     bracket any other pair, inside of a line: a payload, a type, arguments
 *     shape   how a token stands to its neighbours, below
 *
 * What always holds: the tokens come out as they went in, in their order, and
 * so do the comments; what is written depends on tokens and comments, and on
 * white space only by the blank lines and by whether a comment has a line of its
 * own. So writing twice is writing once.
 */
#include "format.h"

#include <string.h>

#include "lex.h"
#include "module.h"
#include "out.h"
#include "parse.h"

/* Columns of a line, where it can be broken; of what is deeper than so many
 * blocks, the indentation grows no more. */
enum { LINE_WIDTH = 100, STEP = 2, CONTINUED = 4, MAX_INDENTED = 40 };

typedef enum shape {
  SHAPE_NONE,   /* the beginning of a line */
  SHAPE_WORD,   /* a space on both sides */
  SHAPE_BINARY, /* so has an operator, but a pair of them stays one */
  SHAPE_OPEN,   /* none behind; before it as can_call() has it */
  SHAPE_CLOSE,  /* none before */
  SHAPE_COMMA,  /* none before, one behind; so has the colon behind a name */
  SHAPE_PREFIX, /* none behind */
  SHAPE_GLUE,   /* none on both sides */
  SHAPE_COMMENT /* inside of a line, a space on both sides */
} shape;

typedef struct layout {
  maty__check_t *check;
  maty__out_t *out;
  const char *text;            /* places are offsets into it */
  const maty__token_t *tokens; /* the last is END */
  uint32_t token_count;
  uint32_t depth;        /* of blocks */
  maty__u32s_t brackets; /* that are open in this line: '(', '[', '{', '<' */
  MATY__VEC(char) line;
  uint32_t line_depth;
  maty__u32s_t breaks;      /* offsets in the line where it may be broken */
  shape last;               /* of what was added last to this line */
  maty__token_t last_token; /* that was added, to whatever line */
  bool operand;             /* it ends an operand, so what follows joins two */
  bool declares_type;       /* the line is a declaration of a type: its braces are a type's */
  bool ended;               /* the line is whole; a comment may still follow on it */
  bool continued;           /* the line goes on with what the one before began */
  bool verbatim;            /* the line has a comment of several lines, and is not broken */
  bool opened;              /* the line before opened a block */
  bool written;             /* something was */
} layout_t;

/* ===== Lines ============================================================= */

static uint32_t indentation(uint32_t depth, bool continued) {
  uint32_t width = STEP * (depth < MAX_INDENTED ? depth : MAX_INDENTED);
  return continued ? width + CONTINUED : width;
}

static void write_indent(layout_t *layout, uint32_t depth, bool continued) {
  maty__out_indent(layout->out, indentation(depth, continued) / STEP);
}

/* Where the line, of which "from" bytes are written, is to be broken next. */
static uint32_t next_break(const layout_t *layout, uint32_t from, uint32_t *at, bool continued) {
  uint32_t width = indentation(layout->line_depth, continued), found = layout->line.count;
  if (layout->verbatim || width + layout->line.count - from <= LINE_WIDTH)
    return found;
  for (; *at < layout->breaks.count; (*at)++) {
    uint32_t candidate = layout->breaks.at[*at];
    if (candidate <= from)
      continue;
    if (found != layout->line.count && width + candidate - from > LINE_WIDTH)
      break;
    found = candidate;
    if (width + candidate - from > LINE_WIDTH)
      break;
  }
  return found;
}

static void end_line(layout_t *layout) {
  bool continued = layout->continued;
  for (uint32_t from = 0, at = 0; from < layout->line.count;) {
    uint32_t to = next_break(layout, from, &at, continued);
    write_indent(layout, layout->line_depth, continued);
    maty__out_bytes(layout->out, layout->line.at + from, to - from);
    maty__out_text(layout->out, "\n");
    for (from = to; from < layout->line.count && layout->line.at[from] == ' ';)
      from++;
    continued = true;
    layout->written = true;
  }
  layout->line.count = layout->breaks.count = 0;
  layout->last = SHAPE_NONE;
  layout->ended = layout->continued = layout->verbatim = false;
}

static maty_status add(layout_t *layout, const char *text, uint32_t length) {
  if (length == 0)
    return MATY_OK;
  MATY__NEED(maty__vec_reserve(layout->check->scratch, &layout->line, length));
  if (layout->line.count == 0)
    layout->line_depth = layout->depth;
  memcpy(layout->line.at + layout->line.count, text, length);
  layout->line.count += length;
  return MATY_OK;
}

/* ===== Tokens ============================================================ */

static uint32_t innermost(const layout_t *layout) {
  return layout->brackets.count == 0 ? 0 : layout->brackets.at[layout->brackets.count - 1];
}

/* Whether the '<' at "index" begins a list of names that '>' and ':' follow:
 * who knows a loop's variable. */
static bool lists_knowers(const layout_t *layout, uint32_t index) {
  const maty__token_t *tokens = layout->tokens;
  uint32_t at = index + 1;
  while (at < layout->token_count &&
         (tokens[at].kind == MATY__TOKEN_NAME || tokens[at].kind == ','))
    at++;
  return at + 1 < layout->token_count && tokens[at].kind == '>' && tokens[at + 1].kind == ':';
}

static bool opens_angle(const layout_t *layout, uint32_t index) {
  return layout->brackets.count == 0 || innermost(layout) == '<' ||
         (innermost(layout) == '[' && lists_knowers(layout, index));
}

static bool is_block(const layout_t *layout, uint32_t index) {
  uint32_t kind = layout->tokens[index].kind;
  return (kind == '{' || kind == '}') && layout->brackets.count == 0 && !layout->declares_type;
}

static shape shape_of(const layout_t *layout, uint32_t index) {
  switch (layout->tokens[index].kind) {
  case '(':
  case '[':
  case '{':
    return is_block(layout, index) ? SHAPE_WORD : SHAPE_OPEN;
  case ')':
  case ']':
    return SHAPE_CLOSE;
  case '}':
    return is_block(layout, index) ? SHAPE_WORD : SHAPE_CLOSE;
  case '<':
    return opens_angle(layout, index) ? SHAPE_OPEN : SHAPE_BINARY;
  case '>':
    return innermost(layout) == '<' ? SHAPE_CLOSE : SHAPE_BINARY;
  case ',':
  case ';':
    return SHAPE_COMMA;
  case ':':
    return layout->operand ? SHAPE_COMMA : SHAPE_PREFIX;
  case '-':
    return layout->operand ? SHAPE_BINARY : SHAPE_PREFIX;
  case '%':
    return SHAPE_PREFIX;
  case '.':
    return SHAPE_GLUE;
  case '@':
    return layout->tokens[index + 1].kind == MATY__TOKEN_STRING ? SHAPE_PREFIX : SHAPE_GLUE;
  case MATY__TOKEN_NAME:
  case MATY__TOKEN_STRING:
  case MATY__TOKEN_PRAGMA_BEGIN:
  case MATY__TOKEN_PRAGMA_END:
    return SHAPE_WORD;
  default:
    return SHAPE_BINARY;
  }
}

/* Whether an opening bracket belongs to the name right before it. */
static bool can_call(const layout_t *layout, uint32_t bracket) {
  const maty__token_t *last = &layout->last_token;
  if (layout->last == SHAPE_CLOSE)
    return bracket == '(';
  if (layout->last != SHAPE_WORD || last->kind != MATY__TOKEN_NAME || bracket == '[')
    return false;
  if (bracket == '<')
    return !layout->declares_type;
  return last->name != MATY__WORD_WITHIN;
}

static bool has_space(const layout_t *layout, const maty__token_t *token, shape next) {
  const maty__token_t *last = &layout->last_token;
  switch (layout->last) {
  case SHAPE_NONE:
  case SHAPE_PREFIX:
  case SHAPE_GLUE:
    return false;
  case SHAPE_OPEN:
    return last->kind == '(' && token->kind == '*'; /* else they begin a comment */
  default:
    break;
  }
  switch (next) {
  case SHAPE_CLOSE:
  case SHAPE_COMMA:
  case SHAPE_GLUE:
    return false;
  case SHAPE_OPEN:
    return !can_call(layout, token->kind);
  case SHAPE_BINARY:
    return layout->last != SHAPE_BINARY || last->at + last->length != token->at;
  default:
    return true;
  }
}

static maty_status add_token(layout_t *layout, uint32_t index) {
  const maty__token_t *token = &layout->tokens[index];
  maty__arena_t *scratch = layout->check->scratch;
  shape next = shape_of(layout, index);
  if (has_space(layout, token, next))
    MATY__TRY(add(layout, " ", 1));
  MATY__TRY(add(layout, layout->text + token->at, token->length));
  if (next == SHAPE_OPEN)
    MATY__NEED(maty__vec_push(scratch, &layout->brackets, token->kind));
  else if (next == SHAPE_CLOSE && layout->brackets.count > 0)
    layout->brackets.count--;
  if (token->kind == ',' && layout->brackets.count <= 1)
    MATY__NEED(maty__vec_push(scratch, &layout->breaks, layout->line.count));
  layout->last = next;
  layout->last_token = *token;
  layout->operand = next == SHAPE_WORD || next == SHAPE_CLOSE;
  return MATY_OK;
}

static maty__lexer_t lexer_at(maty__check_t *check, uint32_t at) {
  const maty__source_t *source = maty__check_source(check, at);
  maty__lexer_t lexer;
  maty__lexer_init(&lexer, check, source);
  lexer.at = at - source->base;
  return lexer;
}

/* ===== Comments ========================================================== */

static uint32_t newlines(const layout_t *layout, uint32_t from, uint32_t to) {
  uint32_t count = 0;
  for (uint32_t at = from; at < to; at++)
    count += layout->text[at] == '\n';
  return count;
}

static bool to_line_end(const char *comment, uint32_t length) {
  return (length >= 2 && memcmp(comment, "//", 2) == 0) ||
         (length >= 3 && memcmp(comment, "(*)", 3) == 0);
}

static uint32_t trimmed(const char *comment, uint32_t length) {
  while (length > 0 && strchr(" \t\r\f", comment[length - 1]) != NULL)
    length--;
  return length;
}

static maty_status add_comment(layout_t *layout, uint32_t at, uint32_t length) {
  const char *comment = layout->text + at;
  bool whole_line = to_line_end(comment, length);
  bool inside = !layout->ended;
  if (layout->last != SHAPE_OPEN || layout->ended)
    MATY__TRY(add(layout, " ", 1));
  MATY__TRY(add(layout, comment, whole_line ? trimmed(comment, length) : length));
  layout->verbatim |= memchr(comment, '\n', length) != NULL;
  if (whole_line) {
    end_line(layout);
    layout->continued = inside;
  } else if (inside) {
    layout->last = SHAPE_COMMENT;
  }
  return MATY_OK;
}

static void write_blank(layout_t *layout, bool wanted) {
  if (wanted && layout->written && !layout->opened)
    maty__out_text(layout->out, "\n");
  layout->opened = false;
}

static void write_comment(layout_t *layout, uint32_t at, uint32_t length) {
  const char *comment = layout->text + at;
  write_indent(layout, layout->depth, layout->continued);
  maty__out_bytes(layout->out, comment,
                  to_line_end(comment, length) ? trimmed(comment, length) : length);
  maty__out_text(layout->out, "\n");
  layout->written = true;
}

/* The comments between the last token and the next, which is at "end". "apart":
 * a blank line comes before what follows. Sets *blank to whether one still has
 * to. */
static maty_status lay_gap(layout_t *layout, uint32_t begin, uint32_t end, bool apart,
                           bool *blank) {
  maty__lexer_t lexer = lexer_at(layout->check, begin);
  uint32_t at, length;
  while (maty__lexer_comment(&lexer, end, &at, &length)) {
    uint32_t lines = newlines(layout, begin, at);
    if (layout->line.count > 0 && (lines == 0 || !layout->ended)) {
      MATY__TRY(add_comment(layout, at, length));
    } else {
      if (layout->line.count > 0)
        end_line(layout);
      write_blank(layout, !layout->continued && (apart || lines > 1));
      apart = false;
      write_comment(layout, at, length);
    }
    begin = lexer.at;
  }
  *blank = apart || newlines(layout, begin, end) > 1;
  return MATY_OK;
}

static bool gap_has_comment(const layout_t *layout, uint32_t begin, uint32_t end) {
  maty__lexer_t lexer = lexer_at(layout->check, begin);
  uint32_t at, length;
  return maty__lexer_comment(&lexer, end, &at, &length);
}

/* ===== The text ========================================================== */

static bool is_word(const maty__token_t *token, maty__name_t word) {
  return token->kind == MATY__TOKEN_NAME && token->name == word;
}

static bool begins_type(const maty__token_t *token) {
  return is_word(token, MATY__WORD_TYPE) || is_word(token, MATY__WORD_DATA) ||
         is_word(token, MATY__WORD_SIG);
}

static uint32_t end_of(const maty__token_t *token) { return token->at + token->length; }

/* Whether the line ends behind a token that was added. */
static bool ends_line(const layout_t *layout, uint32_t index, bool block) {
  const maty__token_t *token = &layout->tokens[index], *next = token + 1;
  if (next->kind == MATY__TOKEN_END)
    return true;
  switch (token->kind) {
  case '{':
    return block && (next->kind != '}' || gap_has_comment(layout, end_of(token), next->at));
  case '}':
    return block && (!is_word(next, MATY__WORD_OR) || next[1].kind != '{' ||
                     gap_has_comment(layout, end_of(token), next->at));
  case ';':
    return layout->brackets.count == 0 && (next->kind != '@' || next[1].kind != MATY__TOKEN_STRING);
  case MATY__TOKEN_STRING: /* an annotation, unless it is that of a protocol's head */
    return index > 0 && token[-1].kind == '@' && next->kind != '{' && next->kind != ';';
  case MATY__TOKEN_PRAGMA_END:
    return true;
  default:
    return false;
  }
}

/* Protocols stand apart; what is before them may stand together. */
static bool stands_apart(const layout_t *layout, uint32_t index) {
  const maty__token_t *token = &layout->tokens[index];
  return layout->depth == 0 && layout->line.count > 0 && layout->ended &&
         (token[-1].kind == '}' || !(begins_type(token) || is_word(token, MATY__WORD_IMPORT)));
}

static maty_status lay_token(layout_t *layout, uint32_t index) {
  const maty__token_t *token = &layout->tokens[index];
  uint32_t begin = index == 0 ? 0 : end_of(token - 1);
  bool block = is_block(layout, index), blank;
  bool apart = stands_apart(layout, index) && token->kind != MATY__TOKEN_END;
  MATY__TRY(lay_gap(layout, begin, token->at, apart, &blank));
  if (layout->ended)
    end_line(layout);
  if (token->kind == MATY__TOKEN_END)
    return MATY_OK;
  if (block && token->kind == '}' && layout->depth > 0) {
    layout->depth--;
    blank = false;
  }
  if (layout->line.count == 0 && !layout->continued) {
    write_blank(layout, blank);
    layout->operand = false;
  }
  if (layout->line.count == 0 && layout->depth == 0 && !layout->continued)
    layout->declares_type = begins_type(token);
  bool empty =
      block && token->kind == '}' && layout->last_token.kind == '{' && layout->last != SHAPE_NONE;
  if (empty)
    layout->last = SHAPE_NONE;
  MATY__TRY(add_token(layout, index));
  layout->ended = ends_line(layout, index, block);
  if (token->kind == ';' && layout->brackets.count == 0)
    layout->declares_type = false;
  if (block && token->kind == '{') {
    layout->opened = layout->ended;
    layout->depth++;
  }
  return MATY_OK;
}

static maty_status read_tokens(layout_t *layout) {
  MATY__VEC(maty__token_t) tokens = {0};
  maty__lexer_t lexer = lexer_at(layout->check, 0);
  do {
    MATY__NEED(maty__vec_reserve(layout->check->scratch, &tokens, 1));
    MATY__TRY(maty__lexer_next(&lexer, &tokens.at[tokens.count]));
    MATY__TRY(maty__check_work(layout->check, 1));
  } while (tokens.at[tokens.count++].kind != MATY__TOKEN_END);
  layout->tokens = tokens.at;
  layout->token_count = tokens.count;
  return MATY_OK;
}

/* A text with a construct that is not supported can be laid out all the same. */
static bool can_be_read(const maty__check_t *check) {
  for (uint32_t i = 0; i < check->diagnostics.count; i++)
    if (check->diagnostics.at[i].class_ == MATY_CLASS_SYNTAX ||
        check->diagnostics.at[i].class_ == MATY_CLASS_LIMIT)
      return false;
  return true;
}

/* What laying out a token takes, in steps of other work. */
enum { STEPS_OF_A_TOKEN = 8 };

static maty_status format(maty__check_t *check, maty__out_t *out) {
  layout_t layout = {.check = check, .out = out, .text = check->sources.at[0].text};
  maty__tree_t tree;
  MATY__TRY(maty__parse(check, &tree));
  if (!can_be_read(check))
    return MATY_EREJECTED;
  MATY__TRY(read_tokens(&layout));
  for (uint32_t i = 0; i < layout.token_count && out->status == MATY_OK; i++) {
    MATY__TRY(lay_token(&layout, i));
    MATY__TRY(maty__check_work(check, STEPS_OF_A_TOKEN));
  }
  return out->status;
}

maty_status maty_format(const maty_source_t *source, const maty_config_t *config,
                        maty_writer_t writer) {
  if (source == NULL)
    return MATY_EINVAL;
  MATY__TRY(maty__module_accepts(source->name, source->text, source->length, config));
  maty__arena_t arena;
  maty__arena_init(&arena, &config->allocator);
  maty__check_t check;
  maty__out_t out;
  maty__out_init(&out, writer);
  maty_config_t alone = *config;
  alone.import = NULL; /* what is wrong in others is nothing to the layout */
  maty_status status = maty__check_init(&check, &alone, &arena, &arena, &arena);
  if (status == MATY_OK)
    status = maty__check_add(&check, source);
  if (status == MATY_OK)
    status = format(&check, &out);
  maty__arena_free(&arena);
  return status;
}

maty_status maty__format_message(maty__check_t *check, uint32_t at, maty__text_t *text) {
  const maty__source_t *source = maty__check_source(check, at);
  /* Places count from the first text on. */
  layout_t layout = {.check = check, .text = source->text - source->base};
  MATY__VEC(maty__token_t) tokens = {0};
  maty__lexer_t lexer = lexer_at(check, at);
  maty__token_t token;
  uint32_t open = 0;
  do {
    MATY__TRY(maty__lexer_next(&lexer, &token));
    MATY__NEED(maty__vec_push(check->scratch, &tokens, token));
    open += token.kind == '(';
    open -= token.kind == ')' && open > 0;
  } while (open > 0 ? token.kind != MATY__TOKEN_END
                    : tokens.count == 1 && token.kind == MATY__TOKEN_NAME);
  bool has_payload = token.kind == ')';
  uint32_t count = has_payload ? tokens.count : tokens.count - 1;
  MATY__NEED(
      maty__vec_push(check->scratch, &tokens, ((maty__token_t){.at = lexer.base + lexer.at})));
  layout.tokens = tokens.at;
  layout.token_count = tokens.count;
  for (uint32_t i = 0; i < count; i++)
    MATY__TRY(add_token(&layout, i));
  maty__text_add(text, "%.*s%s", (int)layout.line.count, layout.line.at, has_payload ? "" : "()");
  return text->failed ? MATY_ENOMEM : MATY_OK;
}
