/* parse.c - see parse.h.
 *
 * A hand-written parser of one token's decision, with three more to look at
 * where words that mean something elsewhere are labels here. Blocks and types
 * that stand in one another are kept on stacks of the parser's own.
 *
 * A function that meets an error reports it and returns MATY_EREJECTED; the
 * loop over statements (or over declarations) then skips to where the next one
 * may begin. MATY_ENOMEM and MATY_ECANCELED go straight up.
 */
#include "parse.h"

#include <string.h>

#include "image.h"
#include "lex.h"
#include "limits.h"

/* ===== Features ========================================================== */

typedef enum feature {
  FEATURE_ANNOTATION,
  FEATURE_ARGUMENTS,
  FEATURE_CALLS,
  FEATURE_CONNECT,
  FEATURE_DELEGATION,
  FEATURE_DISCONNECT,
  FEATURE_EXPLICIT,
  FEATURE_EXTERNAL_TYPE,
  FEATURE_IMPORT,
  FEATURE_NESTED,
  FEATURE_PARAMETERS,
  FEATURE_QUALIFIED,
  FEATURE_RECURSION_VARIABLE,
  FEATURE_REFINEMENT,
  FEATURE_RELIABLE,
  FEATURE_TIME,
  FEATURE_WRAP
} feature;

/* What a person calls it, and the dialects that have it as bits. */
static const struct {
  char name[48];
  unsigned dialects;
} features[] = {
    [FEATURE_ANNOTATION] = {"an annotation", 0},
    [FEATURE_ARGUMENTS] = {"an argument that is no role", 0},
    [FEATURE_CALLS] = {"a call of a nested protocol ('calls')", 0},
    [FEATURE_CONNECT] = {"an explicit connection ('connect')", 0},
    [FEATURE_DELEGATION] = {"delegation", 0},
    [FEATURE_DISCONNECT] = {"an explicit connection ('disconnect')", 0},
    [FEATURE_EXPLICIT] = {"an explicit protocol", 0},
    [FEATURE_EXTERNAL_TYPE] = {"a declaration of a type of another language", 0},
    [FEATURE_IMPORT] = {"an import", 0},
    [FEATURE_NESTED] = {"a nested protocol", 0},
    [FEATURE_PARAMETERS] = {"a parameter that is no role", 0},
    [FEATURE_QUALIFIED] = {"a protocol of another module", 0},
    [FEATURE_RECURSION_VARIABLE] = {"a loop with variables", 0},
    [FEATURE_REFINEMENT] = {"a refined payload", 0},
    [FEATURE_RELIABLE] = {"a reliable role", 0},
    [FEATURE_TIME] = {"a time constraint ('within')", 0},
    [FEATURE_WRAP] = {"an explicit connection ('wrap')", 0},
};

/* ===== Tokens ============================================================ */

enum { LOOKAHEAD = 4 };

typedef struct open_block {
  uint32_t stmt; /* what opened it: CHOICE, OR or REC */
  uint32_t choice;
} open_block_t;

typedef struct open_type {
  uint16_t kind; /* LIST, TUPLE, MAP; ANY is the bottom */
  uint32_t at;
  uint32_t first_part;   /* its finished parts, in "pending" */
  uint32_t first_member; /* members of the union that is being read */
  maty__name_t key;
  uint32_t key_at;
} open_type_t;

typedef struct parser {
  maty__check_t *check;
  maty__tree_t *tree;
  maty__lexer_t lexer;
  maty__token_t tokens[LOOKAHEAD]; /* a ring; the next one is at "head" */
  uint32_t head;
  uint32_t last_end;      /* where the last token that was taken ends */
  maty__name_t last_name; /* of the last token that was taken, if it was a name */
  bool stopped;           /* a limit is reached: the rest of the text is not read */
  bool broken;            /* something is wrong since the last declaration began */
  MATY__VEC(open_block_t) blocks;
  MATY__VEC(open_type_t) open_types;
  MATY__VEC(maty__part_t) pending; /* parts of the types that are open */
} parser_t;

static const maty__token_t *peek(const parser_t *parser, uint32_t ahead) {
  return &parser->tokens[(parser->head + ahead) % LOOKAHEAD];
}

static bool is(const parser_t *parser, uint32_t ahead, uint32_t kind) {
  return peek(parser, ahead)->kind == kind;
}

static bool is_word(const parser_t *parser, uint32_t ahead, maty__name_t word) {
  return is(parser, ahead, MATY__TOKEN_NAME) && peek(parser, ahead)->name == word;
}

static maty_status advance(parser_t *parser) {
  maty__token_t *token = &parser->tokens[parser->head];
  parser->last_end = token->at + token->length;
  parser->last_name = token->name;
  parser->broken |= token->bad;
  parser->head = (parser->head + 1) % LOOKAHEAD;
  return maty__lexer_next(&parser->lexer, token);
}

/* A limit is reached: what follows is one long end. */
static void stop(parser_t *parser) {
  parser->stopped = true;
  parser->lexer.at = parser->check->source_length;
  for (uint32_t i = 0; i < LOOKAHEAD; i++)
    parser->tokens[i] =
        (maty__token_t){.kind = MATY__TOKEN_END, .at = parser->check->source_length};
}

/* Reports "expected <what>, found <the next token>". */
static maty_status expected(parser_t *parser, const char *what) {
  const maty__token_t *token = peek(parser, 0);
  const char *source = parser->check->source;
  parser->broken = true;
  if (parser->stopped)
    return MATY_EREJECTED;
  if (token->kind == MATY__TOKEN_END)
    MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, 0,
                          "expected %s, found the end of the text", what));
  else
    MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, token->length,
                          "expected %s, found '%.*s'", what,
                          (int)(token->length < 40 ? token->length : 40), source + token->at));
  return MATY_EREJECTED;
}

static maty_status take(parser_t *parser, uint32_t kind, const char *what) {
  if (!is(parser, 0, kind))
    return expected(parser, what);
  return advance(parser);
}

static maty_status take_word(parser_t *parser, maty__name_t word, const char *what) {
  if (!is_word(parser, 0, word))
    return expected(parser, what);
  return advance(parser);
}

static maty_status take_name(parser_t *parser, maty__use_t *use, const char *what) {
  if (!is(parser, 0, MATY__TOKEN_NAME))
    return expected(parser, what);
  *use = (maty__use_t){
      .name = peek(parser, 0)->name, .at = peek(parser, 0)->at, .meaning = MATY__NONE};
  return advance(parser);
}

/* Nearly always the one thing that is missing: the statement is taken as
 * ended, and the next one is read from here. */
static maty_status take_semicolon(parser_t *parser, const char *after) {
  if (is(parser, 0, ';'))
    return advance(parser);
  bool may_begin = is(parser, 0, MATY__TOKEN_NAME) || is(parser, 0, '(') || is(parser, 0, '}') ||
                   is(parser, 0, MATY__TOKEN_END);
  if (!may_begin || parser->stopped)
    return expected(parser, "';'");
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_SYNTAX, parser->last_end, 0, "expected ';' after %s",
                     after);
}

static maty_status unsupported(parser_t *parser, feature what, uint32_t at, uint32_t length) {
  if ((features[what].dialects >> parser->check->config->dialect & 1) != 0)
    return MATY_OK;
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_UNSUPPORTED, at, length, "%s is not supported",
                     features[what].name);
}

static maty_status unsupported_token(parser_t *parser, feature what) {
  return unsupported(parser, what, peek(parser, 0)->at, peek(parser, 0)->length);
}

static maty_status limit(parser_t *parser, uint32_t at, uint32_t length, const char *what,
                         uint32_t bound) {
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_LIMIT, at, length, "more than %u %s", bound, what);
}

/* ===== Skipping ========================================================== */

/* A protocol of its own; one that is nested in another does not count. */
static bool begins_protocol(const parser_t *parser) {
  if (!is(parser, 0, MATY__TOKEN_NAME) || parser->last_name == MATY__WORD_NESTED)
    return false;
  switch (peek(parser, 0)->name) {
  case MATY__WORD_GLOBAL:
  case MATY__WORD_EXPLICIT:
  case MATY__WORD_AUX:
    return is_word(parser, 1, MATY__WORD_PROTOCOL) || is_word(parser, 1, MATY__WORD_GLOBAL) ||
           is_word(parser, 1, MATY__WORD_EXPLICIT);
  case MATY__WORD_PROTOCOL:
    return is(parser, 1, MATY__TOKEN_NAME) && (is(parser, 2, '(') || is(parser, 2, '<')) &&
           !is_word(parser, 1, MATY__WORD_FROM);
  default:
    return false;
  }
}

/* From an opening bracket to behind the one that closes it. */
static maty_status skip_brackets(parser_t *parser, uint32_t open, uint32_t close) {
  uint64_t depth = 0;
  while (!is(parser, 0, MATY__TOKEN_END)) {
    if (open == '{' && begins_protocol(parser))
      return MATY_OK;
    uint32_t kind = peek(parser, 0)->kind;
    if (open != '{' && kind == ';')
      return MATY_OK;
    MATY__TRY(advance(parser));
    if (kind == open)
      depth++;
    else if (kind == close && --depth == 0)
      return MATY_OK;
  }
  return MATY_OK;
}

static maty_status skip_statement(parser_t *parser) {
  while (!is(parser, 0, MATY__TOKEN_END) && !is(parser, 0, '}') && !begins_protocol(parser)) {
    if (is(parser, 0, ';'))
      return advance(parser);
    if (is(parser, 0, '{')) {
      MATY__TRY(skip_brackets(parser, '{', '}'));
      while (is_word(parser, 0, MATY__WORD_OR) && is(parser, 1, '{')) {
        MATY__TRY(advance(parser));
        MATY__TRY(skip_brackets(parser, '{', '}'));
      }
      return MATY_OK;
    }
    MATY__TRY(advance(parser));
  }
  return MATY_OK;
}

static maty_status skip_declaration(parser_t *parser) {
  while (!is(parser, 0, MATY__TOKEN_END) && !begins_protocol(parser)) {
    if (is(parser, 0, ';') || is(parser, 0, '}'))
      return advance(parser);
    if (is(parser, 0, '{'))
      return skip_brackets(parser, '{', '}');
    MATY__TRY(advance(parser));
  }
  return MATY_OK;
}

/* How many braces of the payload that is being read are open. */
static uint32_t open_braces(const parser_t *parser) {
  uint32_t depth = 0;
  for (uint32_t i = 0; i < parser->open_types.count; i++)
    depth += parser->open_types.at[i].kind == MATY__TYPE_TUPLE ||
             parser->open_types.at[i].kind == MATY__TYPE_MAP;
  return depth;
}

/* What is wrong in a payload does not end the statement: its "from" may follow,
 * behind whatever brackets are open. */
static maty_status skip_payload(parser_t *parser) {
  uint32_t depth = open_braces(parser);
  while (!is(parser, 0, MATY__TOKEN_END) && !is_word(parser, 0, MATY__WORD_FROM) &&
         !begins_protocol(parser)) {
    if (is(parser, 0, '}') && depth-- == 0)
      return MATY_OK;
    if (is(parser, 0, '{'))
      depth++;
    MATY__TRY(advance(parser));
  }
  return MATY_OK;
}

/* At "nested": to behind the block. */
static maty_status skip_nested(parser_t *parser) {
  do
    MATY__TRY(advance(parser));
  while (!is(parser, 0, '{') && !is(parser, 0, '}') && !is(parser, 0, MATY__TOKEN_END) &&
         !begins_protocol(parser));
  return is(parser, 0, '{') ? skip_brackets(parser, '{', '}') : MATY_OK;
}

/* '@' and a string, behind a message, a call or a protocol's roles. */
static maty_status skip_annotation(parser_t *parser) {
  if (!is(parser, 0, '@'))
    return MATY_OK;
  MATY__TRY(unsupported_token(parser, FEATURE_ANNOTATION));
  MATY__TRY(advance(parser));
  return take(parser, MATY__TOKEN_STRING, "a string after '@'");
}

/* ===== Types ============================================================= */

static maty_status add_type(parser_t *parser, maty__type_expr_t expr, uint32_t *type) {
  expr.length = parser->last_end - expr.at;
  *type = parser->tree->types.count;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->types, expr));
  return MATY_OK;
}

/* Makes a type of the pending parts from "first_part" on. */
static maty_status add_compound(parser_t *parser, uint16_t kind, uint32_t at, uint32_t first_part,
                                uint32_t *type) {
  maty__tree_t *tree = parser->tree;
  uint32_t count = parser->pending.count - first_part;
  maty__type_expr_t expr = {.kind = kind, .at = at, .first = tree->parts.count, .count = count};
  MATY__NEED(maty__vec_reserve(parser->check->scratch, &tree->parts, count));
  if (count > 0)
    memcpy(tree->parts.at + tree->parts.count, parser->pending.at + first_part,
           count * sizeof *tree->parts.at);
  tree->parts.count += count;
  parser->pending.count = first_part;
  return add_type(parser, expr, type);
}

static bool is_number(const parser_t *parser, const maty__token_t *token) {
  if (token->kind != MATY__TOKEN_NAME)
    return false;
  for (uint32_t i = 0; i < token->length; i++)
    if (parser->check->source[token->at + i] < '0' || parser->check->source[token->at + i] > '9')
      return false;
  return true;
}

static maty_status read_integer(parser_t *parser, int64_t *value) {
  uint32_t begin = peek(parser, 0)->at;
  bool negative = is(parser, 0, '-');
  if (negative)
    MATY__TRY(advance(parser));
  const maty__token_t *token = peek(parser, 0);
  if (!is_number(parser, token))
    return expected(parser, "an integer");
  const uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < token->length; i++) {
    uint64_t digit = (uint64_t)(parser->check->source[token->at + i] - '0');
    if (sum > (most - digit) / 10) {
      parser->broken = true;
      MATY__TRY(maty__error(parser->check, MATY_CLASS_LIMIT, begin,
                            token->at + token->length - begin,
                            "the integer does not fit into 64 bits"));
      return MATY_EREJECTED;
    }
    sum = 10 * sum + digit;
  }
  *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
  return advance(parser);
}

static maty_status read_range(parser_t *parser, uint32_t *type) {
  maty__type_expr_t expr = {.kind = MATY__TYPE_RANGE, .at = peek(parser, 0)->at};
  MATY__TRY(read_integer(parser, &expr.low));
  expr.high = expr.low;
  if (is(parser, 0, '.') && is(parser, 1, '.')) {
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
    MATY__TRY(read_integer(parser, &expr.high));
  }
  if (expr.low > expr.high) {
    parser->broken = true;
    MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, expr.at, parser->last_end - expr.at,
                          "the range holds no integer: its first is greater than its last"));
    return MATY_EREJECTED;
  }
  return add_type(parser, expr, type);
}

static maty_status read_key(parser_t *parser, open_type_t *open) {
  maty__use_t key = {.name = MATY__WORD_EMPTY};
  MATY__TRY(take_name(parser, &key, "a key of the map"));
  open->key = key.name;
  open->key_at = key.at;
  return take(parser, ':', "':' after the key");
}

static maty_status open_type(parser_t *parser, uint16_t kind, uint32_t at) {
  open_type_t open = {.kind = kind,
                      .at = at,
                      .first_part = parser->pending.count,
                      .first_member = parser->pending.count};
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->open_types, open));
  if (parser->open_types.count <= MATY_MAX_TYPE_DEPTH + 1) /* the bottom does not count */
    return MATY_OK;
  MATY__TRY(limit(parser, at, 1, "types in one another", MATY_MAX_TYPE_DEPTH));
  return MATY_EREJECTED;
}

/* Reads what a type begins with. Sets *type to a whole type, or to MATY__NONE
 * if it opened one whose first part comes next. */
static maty_status read_type_head(parser_t *parser, uint32_t *type) {
  const maty__token_t *token = peek(parser, 0);
  uint32_t at = token->at;
  *type = MATY__NONE;
  if (is(parser, 0, '-') || is_number(parser, token))
    return read_range(parser, type);
  if (is(parser, 0, ':')) {
    maty__use_t atom = {.name = MATY__WORD_EMPTY};
    MATY__TRY(advance(parser));
    MATY__TRY(take_name(parser, &atom, "an atom's name after ':'"));
    return add_type(
        parser, (maty__type_expr_t){.kind = MATY__TYPE_LITERAL, .at = at, .name = atom.name}, type);
  }
  if (is(parser, 0, '{')) {
    MATY__TRY(advance(parser));
    if (!is(parser, 0, '}'))
      return open_type(parser, MATY__TYPE_TUPLE, at);
    MATY__TRY(advance(parser));
    return add_type(parser, (maty__type_expr_t){.kind = MATY__TYPE_TUPLE, .at = at}, type);
  }
  if (is(parser, 0, '%')) {
    MATY__TRY(advance(parser));
    MATY__TRY(take(parser, '{', "'{' after '%'"));
    if (!is(parser, 0, '}')) {
      MATY__TRY(open_type(parser, MATY__TYPE_MAP, at));
      return read_key(parser, &parser->open_types.at[parser->open_types.count - 1]);
    }
    MATY__TRY(advance(parser));
    return add_type(parser, (maty__type_expr_t){.kind = MATY__TYPE_MAP, .at = at}, type);
  }
  if (is_word(parser, 0, MATY__WORD_LIST) && is(parser, 1, '(')) {
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
    return open_type(parser, MATY__TYPE_LIST, at);
  }
  maty__use_t name = {.name = MATY__WORD_EMPTY};
  MATY__TRY(take_name(parser, &name, "a type"));
  return add_type(
      parser, (maty__type_expr_t){.kind = MATY__TYPE_EXPR_NAME, .at = at, .name = name.name}, type);
}

/* A part of the innermost open type is whole: "type", or the union of several.
 * Sets *type to the open type if this was its last part, else to MATY__NONE. */
static maty_status end_part(parser_t *parser, uint32_t *type) {
  open_type_t *open = &parser->open_types.at[parser->open_types.count - 1];
  maty__part_t part = {.name = open->key, .at = open->key_at};
  if (parser->pending.count - open->first_member > 1) {
    uint32_t first = parser->pending.at[open->first_member].type;
    MATY__TRY(add_compound(parser, MATY__TYPE_UNION, parser->tree->types.at[first].at,
                           open->first_member, &part.type));
  } else {
    part.type = parser->pending.at[--parser->pending.count].type;
  }
  if (open->kind == MATY__TYPE_ANY) {
    *type = part.type;
    parser->open_types.count--;
    return MATY_OK;
  }
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->pending, part));
  *type = MATY__NONE;
  open->first_member = parser->pending.count;
  if (open->kind == MATY__TYPE_LIST) {
    MATY__TRY(take(parser, ')', "')' after the type of the list's items"));
  } else if (is(parser, 0, ',')) {
    MATY__TRY(advance(parser));
    return open->kind == MATY__TYPE_MAP ? read_key(parser, open) : MATY_OK;
  } else {
    MATY__TRY(
        take(parser, '}',
             open->kind == MATY__TYPE_MAP ? "',' or '}' in the map" : "',' or '}' in the tuple"));
  }
  parser->open_types.count--;
  return add_compound(parser, open->kind, open->at, open->first_part, type);
}

/* A compound type's bottom is an open "type" of its own, which has one part:
 * so a union can stand there as it can everywhere else. */
static maty_status read_type(parser_t *parser, uint32_t *type) {
  parser->pending.count = 0;
  parser->open_types.count = 0;
  MATY__TRY(open_type(parser, MATY__TYPE_ANY, peek(parser, 0)->at));
  for (;;) {
    uint32_t whole;
    MATY__TRY(read_type_head(parser, &whole));
    while (whole != MATY__NONE) {
      MATY__NEED(maty__vec_push(parser->check->scratch, &parser->pending,
                                ((maty__part_t){.type = whole})));
      if (is(parser, 0, '|')) {
        MATY__TRY(advance(parser));
        break;
      }
      MATY__TRY(end_part(parser, &whole));
      if (parser->open_types.count == 0) {
        *type = whole;
        return MATY_OK;
      }
    }
  }
}

/* ===== Statements ======================================================== */

static maty_status add_stmt(parser_t *parser, maty__stmt_t stmt) {
  if (parser->tree->stmts.count >= MATY_MAX_STATEMENTS && !parser->stopped) {
    MATY__TRY(limit(parser, stmt.at, stmt.length, "statements", MATY_MAX_STATEMENTS));
    stop(parser);
  }
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->stmts, stmt));
  return MATY_OK;
}

static maty_status read_field(parser_t *parser) {
  maty__part_t field = {.at = peek(parser, 0)->at};
  if (is(parser, 0, MATY__TOKEN_NAME) && is(parser, 1, '@')) {
    MATY__TRY(unsupported_token(parser, FEATURE_DELEGATION));
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
    return take(parser, MATY__TOKEN_NAME, "a role after '@'");
  }
  if (is(parser, 0, MATY__TOKEN_NAME) && is(parser, 1, ':')) {
    field.name = peek(parser, 0)->name;
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
  }
  MATY__TRY(read_type(parser, &field.type));
  if (is(parser, 0, '{')) {
    MATY__TRY(unsupported_token(parser, FEATURE_REFINEMENT));
    MATY__TRY(skip_brackets(parser, '{', '}'));
  }
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->fields, field));
  return MATY_OK;
}

static maty_status read_payload(parser_t *parser, maty__stmt_t *stmt) {
  uint32_t at = peek(parser, 0)->at;
  parser->open_types.count = 0;
  stmt->first_field = parser->tree->fields.count;
  MATY__TRY(advance(parser));
  while (!is(parser, 0, ')')) {
    if (parser->tree->fields.count > stmt->first_field)
      MATY__TRY(take(parser, ',', "',' or ')' in the payload"));
    MATY__TRY(read_field(parser));
  }
  MATY__TRY(advance(parser));
  stmt->field_count = parser->tree->fields.count - stmt->first_field;
  if (stmt->field_count > MATY_MAX_FIELDS)
    return limit(parser, at, parser->last_end - at, "fields in one payload", MATY_MAX_FIELDS);
  return MATY_OK;
}

/* Names with commas between, into tree->uses. */
static maty_status read_uses(parser_t *parser, maty__stmt_t *stmt, const char *what) {
  stmt->first_argument = parser->tree->uses.count;
  for (;;) {
    maty__use_t use = {.name = MATY__WORD_EMPTY};
    MATY__TRY(take_name(parser, &use, what));
    MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->uses, use));
    stmt->argument_count++;
    if (!is(parser, 0, ','))
      return MATY_OK;
    MATY__TRY(advance(parser));
  }
}

static maty_status read_unsupported(parser_t *parser, feature what) {
  MATY__TRY(unsupported_token(parser, what));
  return skip_statement(parser);
}

static maty_status read_message(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_MESSAGE, .at = peek(parser, 0)->at};
  stmt.name = (maty__use_t){.name = MATY__WORD_EMPTY, .at = stmt.at, .meaning = MATY__NONE};
  if (!is(parser, 0, '('))
    MATY__TRY(take_name(parser, &stmt.name, "a statement or '}'"));
  bool has_payload = is(parser, 0, '(');
  if (has_payload) {
    maty_status status = read_payload(parser, &stmt);
    if (status == MATY_EREJECTED)
      MATY__TRY(skip_payload(parser));
    MATY__TRY(status);
  }
  if (is_word(parser, 0, MATY__WORD_CONNECT))
    return read_unsupported(parser, FEATURE_CONNECT);
  MATY__TRY(take_word(parser, MATY__WORD_FROM,
                      has_payload ? "'from' after the message"
                                  : "'(' or 'from' after the message's label"));
  MATY__TRY(take_name(parser, &stmt.subject, "the role that sends after 'from'"));
  MATY__TRY(take_word(parser, MATY__WORD_TO, "'to' after the role that sends"));
  MATY__TRY(read_uses(parser, &stmt, "a role that receives"));
  stmt.length = parser->last_end - stmt.at;
  if (is_word(parser, 0, MATY__WORD_WITHIN)) {
    MATY__TRY(unsupported_token(parser, FEATURE_TIME));
    /* An interval: [from;to], with round brackets where an end is left out. */
    while (!is(parser, 0, ']') && !is(parser, 0, ')') && !is(parser, 0, '}') &&
           !is(parser, 0, MATY__TOKEN_END))
      MATY__TRY(advance(parser));
    if (is(parser, 0, ']') || is(parser, 0, ')'))
      MATY__TRY(advance(parser));
  }
  MATY__TRY(take_semicolon(parser, "the message"));
  MATY__TRY(skip_annotation(parser));
  return add_stmt(parser, stmt);
}

static maty_status read_do(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_DO, .at = peek(parser, 0)->at};
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &stmt.name, "a protocol after 'do'"));
  if (is(parser, 0, '.')) {
    MATY__TRY(unsupported(parser, FEATURE_QUALIFIED, stmt.name.at,
                          maty__name_length(&parser->check->names, stmt.name.name)));
    return skip_statement(parser);
  }
  if (is(parser, 0, '<')) {
    MATY__TRY(unsupported_token(parser, FEATURE_ARGUMENTS));
    MATY__TRY(skip_brackets(parser, '<', '>'));
  }
  if (is(parser, 0, '(')) {
    MATY__TRY(advance(parser));
    MATY__TRY(read_uses(parser, &stmt, "a role"));
    MATY__TRY(take(parser, ')', "',' or ')' after the role"));
  }
  stmt.length = parser->last_end - stmt.at;
  MATY__TRY(take_semicolon(parser, "the 'do'"));
  MATY__TRY(skip_annotation(parser));
  return add_stmt(parser, stmt);
}

static maty_status read_continue(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_CONTINUE, .at = peek(parser, 0)->at};
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &stmt.name, "a loop's name after 'continue'"));
  stmt.length = parser->last_end - stmt.at;
  if (is(parser, 0, '[')) {
    MATY__TRY(unsupported_token(parser, FEATURE_RECURSION_VARIABLE));
    MATY__TRY(skip_brackets(parser, '[', ']'));
  }
  MATY__TRY(take_semicolon(parser, "the 'continue'"));
  return add_stmt(parser, stmt);
}

/* Opens a block with the statement that was just read; its '{' comes next. */
static maty_status open_block(parser_t *parser, maty__stmt_t stmt) {
  MATY__TRY(take(parser, '{', "'{'"));
  if (parser->blocks.count >= MATY_MAX_DEPTH) {
    MATY__TRY(limit(parser, stmt.at, stmt.length, "blocks in one another", MATY_MAX_DEPTH));
    stop(parser);
    return MATY_EREJECTED;
  }
  uint32_t index = parser->tree->stmts.count;
  MATY__TRY(add_stmt(parser, stmt));
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->blocks,
                            ((open_block_t){.stmt = index, .choice = index})));
  return MATY_OK;
}

static maty_status read_rec(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_REC, .at = peek(parser, 0)->at};
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &stmt.name, "a name for the loop after 'rec'"));
  stmt.length = parser->last_end - stmt.at;
  if (is(parser, 0, '[')) {
    MATY__TRY(unsupported_token(parser, FEATURE_RECURSION_VARIABLE));
    MATY__TRY(skip_brackets(parser, '[', ']'));
  }
  return open_block(parser, stmt);
}

static maty_status read_choice(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_CHOICE, .at = peek(parser, 0)->at};
  MATY__TRY(advance(parser));
  /* A missing "at" is told, and the block is read all the same. */
  maty_status status = take_word(parser, MATY__WORD_AT, "'at' after 'choice'");
  if (status != MATY_OK && (status != MATY_EREJECTED || !is(parser, 0, MATY__TOKEN_NAME)))
    return status;
  MATY__TRY(take_name(parser, &stmt.subject, "the role that chooses after 'at'"));
  stmt.length = parser->last_end - stmt.at;
  return open_block(parser, stmt);
}

/* At the '}' of a block inside a protocol. */
static maty_status close_block(parser_t *parser) {
  maty__tree_t *tree = parser->tree;
  open_block_t *block = &parser->blocks.at[parser->blocks.count - 1];
  uint32_t closed = block->stmt, end = tree->stmts.count;
  maty__stmt_kind kind = tree->stmts.at[closed].kind;
  uint32_t at = peek(parser, 0)->at;
  if (is(parser, 0, '}'))
    MATY__TRY(advance(parser));
  if (kind == MATY__STMT_REC) {
    tree->stmts.at[closed].end = end;
    parser->blocks.count--;
    return add_stmt(parser, (maty__stmt_t){.kind = MATY__STMT_REC_END, .at = at, .length = 1});
  }
  if (is_word(parser, 0, MATY__WORD_OR) && is(parser, 1, '{')) {
    maty__stmt_t stmt = {.kind = MATY__STMT_OR, .at = peek(parser, 0)->at, .length = 2};
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
    block->stmt = end;
    /* Until the end is known, branches are linked from last to first. */
    stmt.end = closed;
    return add_stmt(parser, stmt);
  }
  while (closed != block->choice) {
    uint32_t before = tree->stmts.at[closed].end;
    tree->stmts.at[closed].end = end;
    closed = before;
  }
  tree->stmts.at[closed].end = end;
  parser->blocks.count--;
  return add_stmt(parser, (maty__stmt_t){.kind = MATY__STMT_CHOICE_END, .at = at, .length = 1});
}

static maty_status read_statement(parser_t *parser) {
  if (is(parser, 0, '('))
    return read_message(parser);
  if (is(parser, 0, MATY__TOKEN_PRAGMA_BEGIN))
    return expected(parser, "a statement or '}' (a pragma comes before everything else)");
  if (!is(parser, 0, MATY__TOKEN_NAME))
    return expected(parser, "a statement or '}'");
  bool label =
      is(parser, 1, '(') || (is_word(parser, 1, MATY__WORD_FROM) &&
                             is(parser, 2, MATY__TOKEN_NAME) && is_word(parser, 3, MATY__WORD_TO));
  if (label)
    return read_message(parser);
  switch (peek(parser, 0)->name) {
  case MATY__WORD_CHOICE:
    return read_choice(parser);
  case MATY__WORD_REC:
    return read_rec(parser);
  case MATY__WORD_CONTINUE:
    return read_continue(parser);
  case MATY__WORD_DO:
    return read_do(parser);
  case MATY__WORD_CONNECT:
    return read_unsupported(parser, FEATURE_CONNECT);
  case MATY__WORD_DISCONNECT:
    return read_unsupported(parser, FEATURE_DISCONNECT);
  case MATY__WORD_WRAP:
    return read_unsupported(parser, FEATURE_WRAP);
  case MATY__WORD_NESTED:
    MATY__TRY(unsupported_token(parser, FEATURE_NESTED));
    return skip_nested(parser);
  case MATY__WORD_OR:
    return expected(parser, "a statement or '}'");
  default:
    if (is_word(parser, 1, MATY__WORD_CALLS))
      return read_unsupported(parser, FEATURE_CALLS);
    if (is_word(parser, 1, MATY__WORD_CONNECT))
      return read_unsupported(parser, FEATURE_CONNECT);
    return read_message(parser);
  }
}

/* From behind a protocol's '{' to behind its '}'. */
static maty_status read_body(parser_t *parser, maty__protocol_t *protocol, uint32_t open_at) {
  protocol->first_stmt = parser->tree->stmts.count;
  parser->blocks.count = 0;
  for (uint32_t read = 0;; read++) {
    if (read % 1024 == 0)
      MATY__TRY(maty__check_work(parser->check, 1024));
    if (is(parser, 0, '}')) {
      if (parser->blocks.count == 0)
        break;
      MATY__TRY(close_block(parser));
      continue;
    }
    if (is(parser, 0, MATY__TOKEN_END) || begins_protocol(parser)) {
      uint32_t depth = parser->blocks.count;
      if (!parser->stopped) {
        maty_status status = expected(parser, "a statement or '}'");
        if (status != MATY_EREJECTED)
          return status;
        uint32_t opener =
            depth == 0 ? open_at : parser->tree->stmts.at[parser->blocks.at[depth - 1].stmt].at;
        MATY__TRY(maty__note(parser->check, MATY_CLASS_SYNTAX, opener, 1,
                             "the block that begins here is not closed"));
      }
      while (parser->blocks.count > 0)
        MATY__TRY(close_block(parser));
      break;
    }
    maty_status status = read_statement(parser);
    if (status == MATY_EREJECTED)
      status = skip_statement(parser);
    MATY__TRY(status);
  }
  protocol->end_at = peek(parser, 0)->at;
  if (is(parser, 0, '}'))
    MATY__TRY(advance(parser));
  return add_stmt(parser, (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = protocol->end_at});
}

/* ===== Declarations ====================================================== */

static maty_status read_roles(parser_t *parser, maty__protocol_t *protocol) {
  maty__tree_t *tree = parser->tree;
  MATY__TRY(take(parser, '(', "'(' and the roles after the protocol's name"));
  protocol->first_role = tree->uses.count;
  for (;;) {
    maty__use_t role = {.name = MATY__WORD_EMPTY};
    if (is_word(parser, 0, MATY__WORD_RELIABLE) && is_word(parser, 1, MATY__WORD_ROLE)) {
      MATY__TRY(unsupported_token(parser, FEATURE_RELIABLE));
      MATY__TRY(advance(parser));
    }
    MATY__TRY(take_word(parser, MATY__WORD_ROLE, "'role'"));
    MATY__TRY(take_name(parser, &role, "a role's name after 'role'"));
    if (protocol->role_count == MATY_MAX_ROLES && !protocol->broken) {
      protocol->broken = true;
      MATY__TRY(limit(parser, role.at, maty__name_length(&parser->check->names, role.name),
                      "roles in one protocol", MATY_MAX_ROLES));
    }
    MATY__NEED(maty__vec_push(parser->check->scratch, &tree->uses, role));
    protocol->role_count++;
    if (!is(parser, 0, ','))
      return take(parser, ')', "',' or ')' after the role");
    MATY__TRY(advance(parser));
  }
}

/* A protocol whose head cannot be read is still declared, if its name can: so
 * that those who use it are not told it does not exist. */
static maty_status read_protocol(parser_t *parser) {
  maty__protocol_t protocol = {.aux = false};
  parser->broken = false;
  if (is_word(parser, 0, MATY__WORD_AUX)) {
    protocol.aux = true;
    MATY__TRY(advance(parser));
  }
  if (is_word(parser, 0, MATY__WORD_EXPLICIT)) {
    MATY__TRY(unsupported_token(parser, FEATURE_EXPLICIT));
    MATY__TRY(advance(parser));
  }
  if (is_word(parser, 0, MATY__WORD_GLOBAL))
    MATY__TRY(advance(parser));
  MATY__TRY(take_word(parser, MATY__WORD_PROTOCOL, "'protocol'"));
  MATY__TRY(take_name(parser, &protocol.name, "the protocol's name"));
  maty_status status = MATY_OK;
  if (is(parser, 0, '<')) {
    MATY__TRY(unsupported_token(parser, FEATURE_PARAMETERS));
    MATY__TRY(skip_brackets(parser, '<', '>'));
  }
  status = read_roles(parser, &protocol);
  if (status == MATY_OK)
    status = skip_annotation(parser);
  uint32_t open_at = peek(parser, 0)->at;
  if (status == MATY_OK)
    status = take(parser, '{', "'{' after the roles");
  protocol.first_stmt = parser->tree->stmts.count;
  if (status == MATY_OK)
    status = read_body(parser, &protocol, open_at);
  else if (status == MATY_EREJECTED)
    MATY__TRY(add_stmt(parser, (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = open_at}));
  protocol.broken = parser->broken;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->protocols, protocol));
  return status;
}

static maty_status read_type_decl(parser_t *parser) {
  maty__type_decl_t decl = {.first_type = parser->tree->types.count, .broken = false};
  uint32_t type;
  parser->broken = false;
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &decl.name, "a type's name after 'type'"));
  maty_status status = take(parser, '=', "'=' after the type's name");
  if (status == MATY_OK)
    status = read_type(parser, &type);
  if (status == MATY_OK)
    status = take_semicolon(parser, "the type");
  decl.end_type = parser->tree->types.count;
  decl.broken = parser->broken;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->type_decls, decl));
  return status;
}

static maty_status read_module(parser_t *parser) {
  MATY__TRY(advance(parser));
  MATY__TRY(take(parser, MATY__TOKEN_NAME, "the module's name"));
  while (is(parser, 0, '.')) {
    MATY__TRY(advance(parser));
    MATY__TRY(take(parser, MATY__TOKEN_NAME, "a name after '.'"));
  }
  return take_semicolon(parser, "the module's name");
}

/* The pragmas that the field knows, and the dialects that have them as bits. */
static const struct {
  char name[40];
  unsigned dialects;
} pragmas[] = {
    {"PrintUsage", 0},
    {"ShowPragmas", 0},
    {"NestedProtocols", 0},
    {"ErrorHandlingCrashBranch", 0},
    {"RefinementTypes", 0},
    {"SenderValidateRefinements", 0},
    {"ReceiverValidateRefinements", 0},
    {"ValidateRefinementSatisfiability", 0},
    {"ValidateRefinementProgress", 0},
};

static maty_status check_pragma(parser_t *parser, const maty__use_t *use) {
  const maty__name_text_t *text = &parser->check->names.items.at[use->name];
  for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
    if (strlen(pragmas[i].name) != text->length ||
        memcmp(pragmas[i].name, text->at, text->length) != 0)
      continue;
    if ((pragmas[i].dialects >> parser->check->config->dialect & 1) != 0)
      return MATY_OK;
    return maty__error(parser->check, MATY_CLASS_UNSUPPORTED, use->at, text->length,
                       "the pragma '%s' is not supported", pragmas[i].name);
  }
  return maty__error(parser->check, MATY_CLASS_SYNTAX, use->at, text->length,
                     "there is no pragma '%.*s'", (int)text->length, text->at);
}

static maty_status read_pragmas(parser_t *parser) {
  MATY__TRY(advance(parser));
  while (!is(parser, 0, MATY__TOKEN_PRAGMA_END)) {
    maty__use_t name = {.name = MATY__WORD_EMPTY};
    MATY__TRY(take_name(parser, &name, "a pragma's name or '#*)'"));
    MATY__TRY(check_pragma(parser, &name));
    if (is(parser, 0, ':')) {
      MATY__TRY(advance(parser));
      MATY__TRY(take(parser, MATY__TOKEN_NAME, "the pragma's value after ':'"));
    }
    if (is(parser, 0, ','))
      MATY__TRY(advance(parser));
    else if (!is(parser, 0, MATY__TOKEN_PRAGMA_END))
      return expected(parser, "',' or '#*)' in the pragma");
  }
  return advance(parser);
}

static maty_status read_declaration(parser_t *parser) {
  if (begins_protocol(parser))
    return read_protocol(parser);
  if (!is(parser, 0, MATY__TOKEN_NAME))
    return expected(parser, is(parser, 0, MATY__TOKEN_PRAGMA_BEGIN)
                                ? "a protocol (a pragma comes before everything else)"
                                : "a protocol");
  maty__name_t word = peek(parser, 0)->name;
  switch (word) {
  case MATY__WORD_GLOBAL:
  case MATY__WORD_PROTOCOL:
  case MATY__WORD_AUX:
  case MATY__WORD_EXPLICIT:
    return read_protocol(parser);
  case MATY__WORD_NESTED:
    MATY__TRY(unsupported_token(parser, FEATURE_NESTED));
    return skip_nested(parser);
  case MATY__WORD_MODULE:
    MATY__TRY(maty__error(parser->check, MATY_CLASS_DUP_MODULE, peek(parser, 0)->at, 6,
                          "a module line stands once, before everything else"));
    return read_module(parser);
  case MATY__WORD_IMPORT:
    MATY__TRY(unsupported_token(parser, FEATURE_IMPORT));
    return skip_declaration(parser);
  case MATY__WORD_TYPE:
  case MATY__WORD_DATA:
  case MATY__WORD_SIG:
    if (is(parser, 1, '<')) {
      MATY__TRY(unsupported_token(parser, FEATURE_EXTERNAL_TYPE));
      return skip_declaration(parser);
    }
    if (word == MATY__WORD_TYPE)
      return read_type_decl(parser);
    return expected(parser, "'<' after the kind of declaration");
  default:
    return expected(parser, "a protocol");
  }
}

maty_status maty__parse(maty__check_t *check, maty__tree_t *tree) {
  parser_t parser = {.check = check, .tree = tree};
  *tree = (maty__tree_t){.protocols = {0}};
  maty__lexer_init(&parser.lexer, check);
  for (uint32_t i = 0; i < LOOKAHEAD; i++)
    MATY__TRY(maty__lexer_next(&parser.lexer, &parser.tokens[i]));
  maty_status status = MATY_OK;
  if (is(&parser, 0, MATY__TOKEN_PRAGMA_BEGIN))
    status = read_pragmas(&parser);
  if (status == MATY_OK && is_word(&parser, 0, MATY__WORD_MODULE))
    status = read_module(&parser);
  for (;;) {
    if (status == MATY_EREJECTED)
      status = skip_declaration(&parser);
    MATY__TRY(status);
    if (is(&parser, 0, MATY__TOKEN_END))
      break;
    status = read_declaration(&parser);
  }
  if (tree->protocols.count == 0 && check->errors == 0)
    return maty__error(check, MATY_CLASS_SYNTAX, check->source_length, 0,
                       "expected a protocol, found the end of the text");
  return MATY_OK;
}

/* ===== Machines ========================================================== */

static bool begins_machine(const parser_t *parser) {
  return is(parser, 1, MATY__TOKEN_NAME) &&
         ((is_word(parser, 0, MATY__WORD_MACHINE) && is(parser, 2, '{')) ||
          (is_word(parser, 0, MATY__WORD_ROLE) && is(parser, 2, ';')));
}

/* To behind the ';', or before what ends the machine. */
static maty_status skip_transition(parser_t *parser) {
  uint32_t depth = open_braces(parser);
  while (!is(parser, 0, MATY__TOKEN_END) && !begins_machine(parser)) {
    if (is(parser, 0, ';'))
      return advance(parser);
    if (is(parser, 0, '}') && depth-- == 0)
      return MATY_OK;
    if (is(parser, 0, '{'))
      depth++;
    MATY__TRY(advance(parser));
  }
  return MATY_OK;
}

/* label(payload) to peer -> state; */
static maty_status read_transition(parser_t *parser, const maty__use_t *role) {
  maty__tree_t *tree = parser->tree;
  maty__stmt_t stmt = {.kind = MATY__STMT_MESSAGE, .at = peek(parser, 0)->at};
  maty__use_t peer = {.name = MATY__WORD_EMPTY}, target = {.name = MATY__WORD_EMPTY};
  stmt.name = (maty__use_t){.name = MATY__WORD_EMPTY, .at = stmt.at, .meaning = MATY__NONE};
  if (!is(parser, 0, '('))
    MATY__TRY(take_name(parser, &stmt.name, "a message, a state or '}'"));
  if (is(parser, 0, '('))
    MATY__TRY(read_payload(parser, &stmt));
  bool sends = is_word(parser, 0, MATY__WORD_TO);
  if (!sends && !is_word(parser, 0, MATY__WORD_FROM))
    return expected(parser, "'to' or 'from' after the message");
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &peer, sends ? "the role that receives" : "the role that sends"));
  stmt.length = parser->last_end - stmt.at;
  if (!is(parser, 0, '-') || !is(parser, 1, '>'))
    return expected(parser, "'->' and a state after the role");
  MATY__TRY(advance(parser));
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &target, "the state that follows"));
  MATY__TRY(take_semicolon(parser, "the message"));
  stmt.subject = sends ? *role : peer;
  stmt.first_argument = tree->uses.count;
  stmt.argument_count = 2;
  MATY__NEED(maty__vec_push(parser->check->scratch, &tree->uses, sends ? peer : *role));
  MATY__NEED(maty__vec_push(parser->check->scratch, &tree->uses, target));
  return add_stmt(parser, stmt);
}

/* A state's name and what comes next: "end", or its first transition. */
static maty_status read_state(parser_t *parser, const maty__use_t *role) {
  maty__stmt_t stmt = {.kind = MATY__STMT_STATE, .at = peek(parser, 0)->at};
  MATY__TRY(take_name(parser, &stmt.name, "a state"));
  stmt.length = parser->last_end - stmt.at;
  MATY__TRY(advance(parser));
  MATY__TRY(add_stmt(parser, stmt));
  if (is_word(parser, 0, MATY__WORD_END) && is(parser, 1, ';')) {
    MATY__TRY(advance(parser));
    MATY__TRY(advance(parser));
    return is(parser, 0, '}') || is(parser, 1, ':')
               ? MATY_OK
               : expected(parser, "a state or '}' after 'end'");
  }
  return read_transition(parser, role);
}

/* machine role { state ... }, or role name; for one whose machine is not told. */
static maty_status read_machine(parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_MACHINE, .at = peek(parser, 0)->at};
  bool named_only = is_word(parser, 0, MATY__WORD_ROLE);
  MATY__TRY(advance(parser));
  MATY__TRY(take_name(parser, &stmt.name, "the role's name"));
  stmt.length = parser->last_end - stmt.at;
  if (named_only) {
    MATY__TRY(add_stmt(parser, stmt));
    return take_semicolon(parser, "the role");
  }
  MATY__TRY(take(parser, '{', "'{' after the role's name"));
  MATY__TRY(add_stmt(parser, stmt));
  for (uint32_t read = 0; !is(parser, 0, '}') || read == 0; read++) {
    if (read % 1024 == 0)
      MATY__TRY(maty__check_work(parser->check, 1024));
    parser->open_types.count = 0;
    maty_status status;
    if (is(parser, 0, MATY__TOKEN_END) || begins_machine(parser))
      return expected(parser, "a message, a state or '}'");
    if (is(parser, 0, MATY__TOKEN_NAME) && is(parser, 1, ':'))
      status = read_state(parser, &stmt.name);
    else if (read == 0)
      status = expected(parser, "a state's name and ':'");
    else
      status = read_transition(parser, &stmt.name);
    if (status == MATY_EREJECTED)
      status = skip_transition(parser);
    MATY__TRY(status);
  }
  return advance(parser);
}

static maty_status read_machines_declaration(parser_t *parser) {
  if (is_word(parser, 0, MATY__WORD_MACHINE) || is_word(parser, 0, MATY__WORD_ROLE))
    return read_machine(parser);
  if (is_word(parser, 0, MATY__WORD_TYPE))
    return read_type_decl(parser);
  return expected(parser, "'machine', 'role' or 'type'");
}

static maty_status skip_machines_declaration(parser_t *parser) {
  while (!is(parser, 0, MATY__TOKEN_END) && !begins_machine(parser)) {
    if (is(parser, 0, ';') || is(parser, 0, '}'))
      return advance(parser);
    if (is(parser, 0, '{'))
      return skip_brackets(parser, '{', '}');
    MATY__TRY(advance(parser));
  }
  return MATY_OK;
}

maty_status maty__parse_machines(maty__check_t *check, maty__tree_t *tree) {
  parser_t parser = {.check = check, .tree = tree};
  maty__protocol_t set = {.name = {.name = MATY__WORD_EMPTY}};
  *tree = (maty__tree_t){.protocols = {0}};
  maty__lexer_init(&parser.lexer, check);
  for (uint32_t i = 0; i < LOOKAHEAD; i++)
    MATY__TRY(maty__lexer_next(&parser.lexer, &parser.tokens[i]));
  maty_status status = MATY_OK;
  if (is_word(&parser, 0, MATY__WORD_MACHINES)) {
    MATY__TRY(advance(&parser));
    status = take_name(&parser, &set.name, "a name after 'machines'");
    if (status == MATY_OK)
      status = take_semicolon(&parser, "the name");
  }
  for (;;) {
    if (status == MATY_EREJECTED)
      status = skip_machines_declaration(&parser);
    MATY__TRY(status);
    if (is(&parser, 0, MATY__TOKEN_END))
      break;
    status = read_machines_declaration(&parser);
  }
  if (tree->stmts.count == 0 && check->errors == 0)
    MATY__TRY(maty__error(check, MATY_CLASS_SYNTAX, check->source_length, 0,
                          "expected a machine, found the end of the text"));
  set.broken = check->errors > 0;
  set.end_at = check->source_length;
  MATY__TRY(add_stmt(&parser, (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = set.end_at}));
  MATY__NEED(maty__vec_push(check->scratch, &tree->protocols, set));
  return MATY_OK;
}
