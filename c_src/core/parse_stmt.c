/* parse_stmt.c - the bodies of protocols; see parser.h. */
#include <string.h>

#include "limits.h"
#include "parser.h"

static maty__stmt_t begin_stmt(const maty__parser_t *parser, maty__stmt_kind kind) {
  return (maty__stmt_t){.kind = kind,
                        .at = maty__peek(parser, 0)->at,
                        .name = {.name = MATY__WORD_EMPTY, .meaning = MATY__NONE},
                        .module = {.name = MATY__WORD_EMPTY},
                        .first_type = parser->tree->types.count,
                        .end_type = parser->tree->types.count};
}

maty_status maty__add_stmt(maty__parser_t *parser, maty__stmt_t stmt) {
  if (parser->tree->stmts.count >= MATY_MAX_STATEMENTS && !parser->stopped) {
    MATY__TRY(maty__parser_limit(parser, stmt.at, stmt.length, "statements", MATY_MAX_STATEMENTS));
    maty__parser_stop(parser);
  }
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->stmts, stmt));
  return MATY_OK;
}

/* Names with commas between, into tree->uses. */
static maty_status read_uses(maty__parser_t *parser, maty__stmt_t *stmt, const char *what) {
  stmt->first_argument = parser->tree->uses.count;
  for (;;) {
    maty__use_t use = {.name = MATY__WORD_EMPTY};
    MATY__TRY(maty__take_name(parser, &use, what));
    MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->uses, use));
    stmt->argument_count++;
    if (!maty__is(parser, 0, ','))
      return MATY_OK;
    MATY__TRY(maty__advance(parser));
  }
}

/* ===== Annotations ======================================================= */

typedef struct scan {
  const char *at, *end;
} scan_t;

static void scan_spaces(scan_t *scan) {
  while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t'))
    scan->at++;
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static bool is_letter(char byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }

static bool scan_word(scan_t *scan, const char *word) {
  size_t length = strlen(word), left = (size_t)(scan->end - scan->at);
  bool found = left >= length && memcmp(scan->at, word, length) == 0 &&
               (left == length || !is_letter(scan->at[length]));
  scan->at += found ? length : 0;
  return found;
}

/* A number and its unit, and nothing behind; 0 if it is something else. */
static uint32_t scan_time(scan_t *scan) {
  static const struct {
    const char *name;
    uint32_t milliseconds;
  } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};
  uint64_t number = 0;
  scan_spaces(scan);
  for (; scan->at < scan->end && is_digit(*scan->at); scan->at++) {
    number = number * 10 + (uint64_t)(*scan->at - '0');
    if (number > MATY_MAX_DEADLINE)
      return 0;
  }
  scan_spaces(scan);
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (!scan_word(scan, units[i].name))
      continue;
    scan_spaces(scan);
    number *= units[i].milliseconds;
    return scan->at == scan->end && number <= MATY_MAX_DEADLINE ? (uint32_t)number : 0;
  }
  return 0;
}

/* The text of an annotation, quotes included. */
static maty_status read_deadline(maty__parser_t *parser, const maty__token_t *token,
                                 uint32_t *deadline) {
  scan_t scan = {.at = token->text + 1, .end = token->text + token->length - 1};
  if (token->length < 2)
    return MATY_OK; /* it has no end, which is reported */
  scan_spaces(&scan);
  if (!scan_word(&scan, "within"))
    return MATY_OK;
  if (deadline == NULL)
    return maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, token->length,
                       "only a message has a deadline");
  *deadline = scan_time(&scan);
  if (*deadline > 0)
    return MATY_OK;
  return maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, token->length,
                     "expected a time after 'within', from 1ms to %u of them: a number and 'ms', "
                     "'s', 'min' or 'h', found %.*s",
                     MATY_MAX_DEADLINE, (int)token->length, token->text);
}

maty_status maty__parse_annotation(maty__parser_t *parser, uint32_t *deadline) {
  if (!maty__is(parser, 0, '@'))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  if (maty__is(parser, 0, MATY__TOKEN_STRING))
    MATY__TRY(read_deadline(parser, maty__peek(parser, 0), deadline));
  return maty__take(parser, MATY__TOKEN_STRING, "a string after '@'");
}

/* ===== Ends of statements ================================================ */

static maty_status end_stmt(maty__parser_t *parser, maty__stmt_t stmt, const char *what) {
  stmt.end_type = parser->tree->types.count;
  MATY__TRY(maty__take_semicolon(parser, what));
  bool message = stmt.kind == MATY__STMT_MESSAGE;
  MATY__TRY(maty__parse_annotation(parser, message ? &stmt.deadline : NULL));
  return maty__add_stmt(parser, stmt);
}

/* ===== Messages ========================================================== */

/* "A to B", behind "connect" or "wrap"; "A and B", behind "disconnect". It is kept
 * as a message, so that its roles are looked up. */
static maty_status read_connection(maty__parser_t *parser, maty__stmt_t stmt,
                                   maty__feature feature) {
  bool ends = feature == MATY__FEATURE_DISCONNECT;
  MATY__TRY(maty__feature_use_token(parser, feature));
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &stmt.subject, "a role"));
  MATY__TRY(ends ? maty__take_word(parser, MATY__WORD_AND, "'and' and the other role")
                 : maty__take_word(parser, MATY__WORD_TO, "'to' and the other role"));
  maty__use_t other = {.name = MATY__WORD_EMPTY};
  MATY__TRY(maty__take_name(parser, &other, "a role"));
  stmt.first_argument = parser->tree->uses.count;
  stmt.argument_count = 1;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->uses, other));
  stmt.length = parser->last_end - stmt.at;
  return end_stmt(parser, stmt, "the roles");
}

/* 5 or 1.5, or nothing where a window is open. */
static maty_status skip_number(maty__parser_t *parser) {
  if (!maty__is_number(maty__peek(parser, 0)))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  if (!maty__is(parser, 0, '.'))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  return maty__take(parser, MATY__TOKEN_NAME, "digits after '.'");
}

/* within [from;to], each end inside or not, using a clock, and resetting (clocks). */
static maty_status read_time(maty__parser_t *parser) {
  MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_TIME));
  MATY__TRY(maty__advance(parser));
  if (!maty__is(parser, 0, '[') && !maty__is(parser, 0, ']') && !maty__is(parser, 0, '('))
    return maty__expected(parser, "'[' and the times after 'within'");
  MATY__TRY(maty__advance(parser));
  MATY__TRY(skip_number(parser));
  MATY__TRY(maty__take(parser, ';', "a time and ';' after '['"));
  MATY__TRY(skip_number(parser));
  if (!maty__is(parser, 0, '[') && !maty__is(parser, 0, ']') && !maty__is(parser, 0, ')'))
    return maty__expected(parser, "a time and ']' after ';'");
  MATY__TRY(maty__advance(parser));
  if (!maty__is_word(parser, 0, MATY__WORD_USING))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take(parser, MATY__TOKEN_NAME, "a clock after 'using'"));
  if (!maty__is_word(parser, 0, MATY__WORD_AND))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_word(parser, MATY__WORD_RESETTING, "'resetting' after 'and'"));
  if (!maty__is(parser, 0, '('))
    return maty__take(parser, MATY__TOKEN_NAME, "a clock or '(' after 'resetting'");
  MATY__TRY(maty__advance(parser));
  while (!maty__is(parser, 0, ')')) {
    MATY__TRY(maty__take(parser, MATY__TOKEN_NAME, "a clock or ')'"));
    if (maty__is(parser, 0, ','))
      MATY__TRY(maty__advance(parser));
  }
  return maty__advance(parser);
}

static bool ends_payload(const maty__parser_t *parser) {
  return maty__is_word(parser, 0, MATY__WORD_FROM) || maty__begins_protocol(parser);
}

static maty_status read_message(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_MESSAGE);
  stmt.name.at = stmt.at;
  if (!maty__is(parser, 0, '('))
    MATY__TRY(maty__take_qualified(parser, &stmt.module, &stmt.name, "a statement or '}'"));
  stmt.bare = stmt.module.name != MATY__WORD_EMPTY || !maty__is(parser, 0, '(');
  if (!stmt.bare) {
    maty_status status = maty__parse_payload(parser, &stmt.first_field, &stmt.field_count);
    if (status == MATY_EREJECTED)
      MATY__TRY(maty__skip_payload(parser, ends_payload));
    MATY__TRY(status);
  }
  if (maty__is_word(parser, 0, MATY__WORD_CONNECT))
    return read_connection(parser, stmt, MATY__FEATURE_CONNECT);
  MATY__TRY(maty__take_word(parser, MATY__WORD_FROM,
                            stmt.module.name != MATY__WORD_EMPTY ? "'from' after the signature"
                            : stmt.bare ? "'(' or 'from' after the message's label"
                                        : "'from' after the message"));
  MATY__TRY(maty__take_name(parser, &stmt.subject, "the role that sends after 'from'"));
  MATY__TRY(maty__take_word(parser, MATY__WORD_TO, "'to' after the role that sends"));
  MATY__TRY(read_uses(parser, &stmt, "a role that receives"));
  stmt.length = parser->last_end - stmt.at;
  if (maty__is_word(parser, 0, MATY__WORD_WITHIN))
    MATY__TRY(read_time(parser));
  return end_stmt(parser, stmt, "the message");
}

/* ===== Calls ============================================================= */

/* What is handed to a parameter: a signature, a type, or a name that may be of
 * either. */
static maty_status read_value(maty__parser_t *parser) {
  maty__value_t value = {.name = {.name = MATY__WORD_EMPTY},
                         .at = maty__peek(parser, 0)->at,
                         .number = MATY__NONE,
                         .parameter = MATY__NONE};
  bool name = maty__is(parser, 0, MATY__TOKEN_NAME);
  bool types = parser->dialect->payloads == MATY__PAYLOAD_TYPES;
  bool list = types && maty__is_word(parser, 0, MATY__WORD_LIST);
  if (maty__is(parser, 0, '(') || (name && maty__is(parser, 1, '(') && !list)) {
    value.kind = MATY__VALUE_SIGNATURE;
    if (name)
      MATY__TRY(maty__take_name(parser, &value.name, "a label"));
    MATY__TRY(maty__parse_payload(parser, &value.first_field, &value.field_count));
  } else {
    value.kind = MATY__VALUE_TYPE;
    MATY__TRY(maty__parse_type(parser, &value.type));
    value.bare = maty__take_back_name(parser, value.type, &value.module, &value.name);
  }
  value.length = parser->last_end - value.at;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->values, value));
  return MATY_OK;
}

static maty_status read_values(maty__parser_t *parser, maty__stmt_t *stmt) {
  stmt->first_value = parser->tree->values.count;
  MATY__TRY(maty__advance(parser));
  while (!maty__is(parser, 0, '>')) {
    if (parser->tree->values.count > stmt->first_value)
      MATY__TRY(maty__take(parser, ',', "',' or '>' after the argument"));
    MATY__TRY(read_value(parser));
  }
  stmt->value_count = parser->tree->values.count - stmt->first_value;
  return maty__advance(parser);
}

static maty_status read_roles(maty__parser_t *parser, maty__stmt_t *stmt) {
  if (!maty__is(parser, 0, '('))
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  MATY__TRY(read_uses(parser, stmt, "a role"));
  return maty__take(parser, ')', "',' or ')' after the role");
}

static maty_status read_do(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_DO);
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_qualified(parser, &stmt.module, &stmt.name, "a protocol after 'do'"));
  if (maty__is(parser, 0, '<'))
    MATY__TRY(read_values(parser, &stmt));
  MATY__TRY(read_roles(parser, &stmt));
  stmt.length = parser->last_end - stmt.at;
  return end_stmt(parser, stmt, "the 'do'");
}

static maty_status read_calls(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_DO);
  stmt.calls = true;
  MATY__TRY(maty__take_name(parser, &stmt.subject, "a role"));
  MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_CALLS));
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &stmt.name, "a nested protocol after 'calls'"));
  MATY__TRY(read_roles(parser, &stmt));
  stmt.length = parser->last_end - stmt.at;
  return end_stmt(parser, stmt, "the call");
}

/* ===== Blocks ============================================================ */

/* name<roles>: type = value, at the '[' or the ',' before it. */
static maty_status read_loop_variable(maty__parser_t *parser) {
  maty__stmt_t roles = begin_stmt(parser, MATY__STMT_REC);
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take(parser, MATY__TOKEN_NAME, "a variable of the loop"));
  MATY__TRY(maty__take(parser, '<', "'<' and the roles that know the variable"));
  MATY__TRY(read_uses(parser, &roles, "a role"));
  MATY__TRY(maty__take(parser, '>', "',' or '>' after the role"));
  MATY__TRY(maty__take(parser, ':', "':' and the variable's type"));
  bool bracket = maty__is(parser, 0, '(');
  if (bracket)
    MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__parse_field(parser));
  if (bracket)
    MATY__TRY(maty__take(parser, ')', "')' after the type"));
  MATY__TRY(maty__take(parser, '=', "'=' and the variable's first value"));
  return maty__parse_expr(parser, MATY__SORT_ANY, "");
}

/* "[]", of a loop that has no variables after all. */
static maty_status skip_no_variables(maty__parser_t *parser, bool *none) {
  *none = maty__is(parser, 0, '[') && maty__is(parser, 1, ']');
  if (!*none)
    return MATY_OK;
  MATY__TRY(maty__advance(parser));
  return maty__advance(parser);
}

static maty_status read_loop_variables(maty__parser_t *parser) {
  bool none;
  MATY__TRY(skip_no_variables(parser, &none));
  if (none)
    return MATY_OK;
  MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_RECURSION_VARIABLE));
  do
    MATY__TRY(read_loop_variable(parser));
  while (maty__is(parser, 0, ','));
  return maty__take(parser, ']', "an operator, ',' or ']' after the variable");
}

/* At the '[' of what a "continue" hands to the loop's variables. */
static maty_status read_loop_values(maty__parser_t *parser) {
  bool none;
  MATY__TRY(skip_no_variables(parser, &none));
  if (none)
    return MATY_OK;
  MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_RECURSION_VARIABLE));
  do {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__parse_expr(parser, MATY__SORT_ANY, ""));
  } while (maty__is(parser, 0, ','));
  return maty__take(parser, ']', "an operator, ',' or ']' after the value");
}

static maty_status read_continue(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_CONTINUE);
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &stmt.name, "a loop's name after 'continue'"));
  stmt.length = parser->last_end - stmt.at;
  if (maty__is(parser, 0, '['))
    MATY__TRY(read_loop_values(parser));
  MATY__TRY(maty__take_semicolon(parser, "the 'continue'"));
  return maty__add_stmt(parser, stmt);
}

/* Opens a block with the statement that was just read; its '{' comes next. */
static maty_status open_block(maty__parser_t *parser, maty__stmt_t stmt) {
  MATY__TRY(maty__take(parser, '{', "'{'"));
  if (parser->blocks.count >= MATY_MAX_DEPTH) {
    MATY__TRY(
        maty__parser_limit(parser, stmt.at, stmt.length, "blocks in one another", MATY_MAX_DEPTH));
    maty__parser_stop(parser);
    return MATY_EREJECTED;
  }
  uint32_t index = parser->tree->stmts.count;
  MATY__TRY(maty__add_stmt(parser, stmt));
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->blocks,
                            ((maty__open_block_t){.stmt = index, .choice = index})));
  return MATY_OK;
}

static maty_status read_rec(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_REC);
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &stmt.name, "a name for the loop after 'rec'"));
  stmt.length = parser->last_end - stmt.at;
  if (maty__is(parser, 0, '['))
    MATY__TRY(read_loop_variables(parser));
  return open_block(parser, stmt);
}

static maty_status read_choice(maty__parser_t *parser) {
  maty__stmt_t stmt = begin_stmt(parser, MATY__STMT_CHOICE);
  MATY__TRY(maty__advance(parser));
  /* A missing "at" is told, and the block is read all the same. */
  maty_status status = maty__take_word(parser, MATY__WORD_AT, "'at' after 'choice'");
  if (status != MATY_OK && (status != MATY_EREJECTED || !maty__is(parser, 0, MATY__TOKEN_NAME)))
    return status;
  MATY__TRY(maty__take_name(parser, &stmt.subject, "the role that chooses after 'at'"));
  stmt.length = parser->last_end - stmt.at;
  return open_block(parser, stmt);
}

/* At the '}' of a block inside a protocol. */
static maty_status close_block(maty__parser_t *parser) {
  maty__tree_t *tree = parser->tree;
  maty__open_block_t *block = &parser->blocks.at[parser->blocks.count - 1];
  uint32_t closed = block->stmt, end = tree->stmts.count;
  maty__stmt_kind kind = tree->stmts.at[closed].kind;
  uint32_t at = maty__peek(parser, 0)->at;
  if (maty__is(parser, 0, '}'))
    MATY__TRY(maty__advance(parser));
  if (kind == MATY__STMT_REC) {
    tree->stmts.at[closed].end = end;
    parser->blocks.count--;
    return maty__add_stmt(parser,
                          (maty__stmt_t){.kind = MATY__STMT_REC_END, .at = at, .length = 1});
  }
  if (maty__is_word(parser, 0, MATY__WORD_OR) && maty__is(parser, 1, '{')) {
    maty__stmt_t stmt = {.kind = MATY__STMT_OR, .at = maty__peek(parser, 0)->at, .length = 2};
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__advance(parser));
    block->stmt = end;
    /* Until the end is known, branches are linked from last to first. */
    stmt.end = closed;
    return maty__add_stmt(parser, stmt);
  }
  while (closed != block->choice) {
    uint32_t before = tree->stmts.at[closed].end;
    tree->stmts.at[closed].end = end;
    closed = before;
  }
  tree->stmts.at[closed].end = end;
  parser->blocks.count--;
  return maty__add_stmt(parser,
                        (maty__stmt_t){.kind = MATY__STMT_CHOICE_END, .at = at, .length = 1});
}

/* ===== Bodies ============================================================ */

static maty_status read_statement(maty__parser_t *parser) {
  if (maty__is(parser, 0, '('))
    return read_message(parser);
  if (maty__is(parser, 0, MATY__TOKEN_PRAGMA_BEGIN))
    return maty__expected(parser, "a statement or '}' (a pragma comes before everything else)");
  if (maty__is(parser, 0, '@'))
    return maty__expected(parser, "a statement or '}' (an annotation comes behind the ';' of a "
                                  "message or call)");
  if (!maty__is(parser, 0, MATY__TOKEN_NAME))
    return maty__expected(parser, "a statement or '}'");
  bool label = maty__is(parser, 1, '(') ||
               (maty__is_word(parser, 1, MATY__WORD_FROM) &&
                maty__is(parser, 2, MATY__TOKEN_NAME) && maty__is_word(parser, 3, MATY__WORD_TO));
  if (label)
    return read_message(parser);
  maty__stmt_t connection = begin_stmt(parser, MATY__STMT_MESSAGE);
  switch (maty__peek(parser, 0)->name) {
  case MATY__WORD_CHOICE:
    return read_choice(parser);
  case MATY__WORD_REC:
    return read_rec(parser);
  case MATY__WORD_CONTINUE:
    return read_continue(parser);
  case MATY__WORD_DO:
    return read_do(parser);
  case MATY__WORD_CONNECT:
    return read_connection(parser, connection, MATY__FEATURE_CONNECT);
  case MATY__WORD_DISCONNECT:
    return read_connection(parser, connection, MATY__FEATURE_DISCONNECT);
  case MATY__WORD_WRAP:
    return read_connection(parser, connection, MATY__FEATURE_WRAP);
  case MATY__WORD_NESTED:
    if (maty__is_word(parser, 1, MATY__WORD_PROTOCOL))
      return maty__expected(parser,
                            "a statement or '}' (nested protocols come before the statements)");
    return read_message(parser);
  case MATY__WORD_OR:
    return maty__expected(parser, "a statement or '}'");
  default:
    if (maty__is_word(parser, 1, MATY__WORD_CALLS))
      return read_calls(parser);
    return read_message(parser);
  }
}

maty_status maty__parse_body(maty__parser_t *parser, maty__protocol_t *protocol, uint32_t open_at) {
  protocol->first_stmt = parser->tree->stmts.count;
  parser->blocks.count = 0;
  for (uint32_t read = 0;; read++) {
    if (read % 1024 == 0)
      MATY__TRY(maty__check_work(parser->check, 1024));
    if (maty__is(parser, 0, '}')) {
      if (parser->blocks.count == 0)
        break;
      MATY__TRY(close_block(parser));
      continue;
    }
    if (maty__is(parser, 0, MATY__TOKEN_END) || maty__begins_protocol(parser)) {
      uint32_t depth = parser->blocks.count;
      if (!parser->stopped) {
        maty_status status = maty__expected(parser, "a statement or '}'");
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
      status = maty__skip_statement(parser);
    MATY__TRY(status);
  }
  protocol->end_at = maty__peek(parser, 0)->at;
  if (maty__is(parser, 0, '}'))
    MATY__TRY(maty__advance(parser));
  return maty__add_stmt(parser,
                        (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = protocol->end_at});
}
