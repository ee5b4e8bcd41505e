/* parse_machines.c - from tokens to the tree of a set of machines.
 *
 * See docs/machines.md for the notation. A machine is a statement MACHINE, then
 * for each of its states a statement STATE and its messages.
 */
#include "machines_read.h"
#include "parse.h"
#include "parser.h"

static bool begins_machine(const maty__parser_t *parser) {
  return maty__is(parser, 1, MATY__TOKEN_NAME) &&
         ((maty__is_word(parser, 0, MATY__WORD_MACHINE) && maty__is(parser, 2, '{')) ||
          (maty__is_word(parser, 0, MATY__WORD_ROLE) && maty__is(parser, 2, ';')));
}

static bool ends_transition(const maty__parser_t *parser) {
  return maty__is(parser, 0, ';') || begins_machine(parser);
}

/* To behind the ';', or before what ends the machine. */
static maty_status skip_transition(maty__parser_t *parser) {
  MATY__TRY(maty__skip_payload(parser, ends_transition));
  return maty__is(parser, 0, ';') ? maty__advance(parser) : MATY_OK;
}

/* label(payload) to peer -> state; */
static maty_status read_transition(maty__parser_t *parser, const maty__use_t *role) {
  maty__tree_t *tree = parser->tree;
  maty__stmt_t stmt = {.kind = MATY__STMT_MESSAGE, .at = maty__peek(parser, 0)->at};
  maty__use_t peer = {.name = MATY__WORD_EMPTY}, target = {.name = MATY__WORD_EMPTY};
  stmt.name = (maty__use_t){.name = MATY__WORD_EMPTY, .at = stmt.at, .meaning = MATY__NONE};
  stmt.first_type = tree->types.count;
  if (!maty__is(parser, 0, '('))
    MATY__TRY(maty__take_name(parser, &stmt.name, "a message, a state or '}'"));
  if (maty__is(parser, 0, '('))
    MATY__TRY(maty__parse_payload(parser, &stmt.first_field, &stmt.field_count));
  bool sends = maty__is_word(parser, 0, MATY__WORD_TO);
  if (!sends && !maty__is_word(parser, 0, MATY__WORD_FROM))
    return maty__expected(parser, "'to' or 'from' after the message");
  MATY__TRY(maty__advance(parser));
  MATY__TRY(
      maty__take_name(parser, &peer, sends ? "the role that receives" : "the role that sends"));
  stmt.length = parser->last_end - stmt.at;
  if (!maty__is(parser, 0, '-') || !maty__is(parser, 1, '>'))
    return maty__expected(parser, "'->' and a state after the role");
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &target, "the state that follows"));
  MATY__TRY(maty__take_semicolon(parser, "the message"));
  stmt.end_type = tree->types.count;
  stmt.subject = sends ? *role : peer;
  stmt.first_argument = tree->uses.count;
  stmt.argument_count = 2;
  MATY__NEED(maty__vec_push(parser->check->scratch, &tree->uses, sends ? peer : *role));
  MATY__NEED(maty__vec_push(parser->check->scratch, &tree->uses, target));
  return maty__add_stmt(parser, stmt);
}

/* A state's name and what comes next: "end", or its first transition. */
static maty_status read_state(maty__parser_t *parser, const maty__use_t *role) {
  maty__stmt_t stmt = {.kind = MATY__STMT_STATE, .at = maty__peek(parser, 0)->at};
  MATY__TRY(maty__take_name(parser, &stmt.name, "a state"));
  stmt.length = parser->last_end - stmt.at;
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__add_stmt(parser, stmt));
  if (maty__is_word(parser, 0, MATY__WORD_END) && maty__is(parser, 1, ';')) {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__advance(parser));
    return maty__is(parser, 0, '}') || maty__is(parser, 1, ':')
               ? MATY_OK
               : maty__expected(parser, "a state or '}' after 'end'");
  }
  return read_transition(parser, role);
}

/* machine role { state ... }, or role name; for one whose machine is not told. */
static maty_status read_machine(maty__parser_t *parser) {
  maty__stmt_t stmt = {.kind = MATY__STMT_MACHINE, .at = maty__peek(parser, 0)->at};
  bool named_only = maty__is_word(parser, 0, MATY__WORD_ROLE);
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &stmt.name, "the role's name"));
  stmt.length = parser->last_end - stmt.at;
  if (named_only) {
    MATY__TRY(maty__add_stmt(parser, stmt));
    return maty__take_semicolon(parser, "the role");
  }
  MATY__TRY(maty__take(parser, '{', "'{' after the role's name"));
  MATY__TRY(maty__add_stmt(parser, stmt));
  for (uint32_t read = 0; !maty__is(parser, 0, '}') || read == 0; read++) {
    if (read % 1024 == 0)
      MATY__TRY(maty__check_work(parser->check, 1024));
    parser->open_types.count = 0;
    maty_status status;
    if (maty__is(parser, 0, MATY__TOKEN_END) || begins_machine(parser))
      return maty__expected(parser, "a message, a state or '}'");
    if (maty__is(parser, 0, MATY__TOKEN_NAME) && maty__is(parser, 1, ':'))
      status = read_state(parser, &stmt.name);
    else if (read == 0)
      status = maty__expected(parser, "a state's name and ':'");
    else
      status = read_transition(parser, &stmt.name);
    if (status == MATY_EREJECTED)
      status = skip_transition(parser);
    MATY__TRY(status);
  }
  return maty__advance(parser);
}

static maty_status read_machines_declaration(maty__parser_t *parser) {
  if (maty__is_word(parser, 0, MATY__WORD_MACHINE) || maty__is_word(parser, 0, MATY__WORD_ROLE))
    return read_machine(parser);
  if (maty__is_word(parser, 0, MATY__WORD_TYPE))
    return maty__parse_declaration(parser);
  return maty__expected(parser, "'machine', 'role' or 'type'");
}

maty_status maty__parse_machines(maty__check_t *check, maty__tree_t *tree) {
  maty__parser_t parser = {
      .check = check, .dialect = maty__dialect(MATY_DIALECT_MATY), .tree = tree};
  maty__protocol_t set = {.name = {.name = MATY__WORD_EMPTY}};
  *tree = (maty__tree_t){.protocols = {0}};
  maty__lexer_init(&parser.lexer, check, &check->sources.at[0]);
  for (uint32_t i = 0; i < MATY__LOOKAHEAD; i++)
    MATY__TRY(maty__lexer_next(&parser.lexer, &parser.tokens[i]));
  maty_status status = MATY_OK;
  if (maty__is_word(&parser, 0, MATY__WORD_MACHINES)) {
    MATY__TRY(maty__advance(&parser));
    status = maty__take_name(&parser, &set.name, "a name after 'machines'");
    if (status == MATY_OK)
      status = maty__take_semicolon(&parser, "the name");
  }
  for (;;) {
    if (status == MATY_EREJECTED)
      status = maty__skip_declaration(&parser, begins_machine);
    MATY__TRY(status);
    if (maty__is(&parser, 0, MATY__TOKEN_END))
      break;
    status = read_machines_declaration(&parser);
  }
  if (tree->stmts.count == 0 && check->errors == 0)
    MATY__TRY(maty__error(check, MATY_CLASS_SYNTAX, check->sources.at[0].length, 0,
                          "expected a machine, found the end of the text"));
  set.broken = check->errors > 0;
  set.end_at = check->sources.at[0].length;
  MATY__TRY(maty__add_stmt(&parser, (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = set.end_at}));
  return maty__add_set(check, tree, set);
}
