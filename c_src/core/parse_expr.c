/* parse_expr.c - expressions, of refinements and loop variables.
 *
 *     && ||   <   = <> < > <= >=   <   + -   <   not - len()   (loosest first)
 *
 * Operators of one level associate to the left. Two stacks, of operands and of
 * operators that wait for their right one (Dijkstra's shunting yard), so nothing
 * recurses. No expression is evaluated, so nothing of it is kept but what sort
 * of value it is: enough to tell "x + 1" from a condition.
 */
#include "parser.h"

typedef enum operator_kind {
  OPERATOR_BRACKET,
  OPERATOR_LEN,
  OPERATOR_AND,
  OPERATOR_OR,
  OPERATOR_EQUAL,
  OPERATOR_UNEQUAL,
  OPERATOR_LESS,
  OPERATOR_GREATER,
  OPERATOR_LESS_EQUAL,
  OPERATOR_GREATER_EQUAL,
  OPERATOR_ADD,
  OPERATOR_SUBTRACT,
  OPERATOR_NOT,
  OPERATOR_NEGATE,
  OPERATOR_COUNT
} operator_kind;

/* "level" is how tightly it binds; "first" and "second" its tokens. */
static const struct {
  char text[4];
  uint8_t level, arity;
  char first, second;
  maty__expr_sort takes, gives;
} operators[] = {
    [OPERATOR_BRACKET] = {"(", 0, 1, 0, 0, MATY__SORT_ANY, MATY__SORT_ANY},
    [OPERATOR_LEN] = {"len", 0, 1, 0, 0, MATY__SORT_ANY, MATY__SORT_INTEGER},
    [OPERATOR_AND] = {"&&", 1, 2, '&', '&', MATY__SORT_CONDITION, MATY__SORT_CONDITION},
    [OPERATOR_OR] = {"||", 1, 2, '|', '|', MATY__SORT_CONDITION, MATY__SORT_CONDITION},
    [OPERATOR_EQUAL] = {"=", 2, 2, '=', 0, MATY__SORT_ANY, MATY__SORT_CONDITION},
    [OPERATOR_UNEQUAL] = {"<>", 2, 2, '<', '>', MATY__SORT_ANY, MATY__SORT_CONDITION},
    [OPERATOR_LESS] = {"<", 2, 2, '<', 0, MATY__SORT_INTEGER, MATY__SORT_CONDITION},
    [OPERATOR_GREATER] = {">", 2, 2, '>', 0, MATY__SORT_INTEGER, MATY__SORT_CONDITION},
    [OPERATOR_LESS_EQUAL] = {"<=", 2, 2, '<', '=', MATY__SORT_INTEGER, MATY__SORT_CONDITION},
    [OPERATOR_GREATER_EQUAL] = {">=", 2, 2, '>', '=', MATY__SORT_INTEGER, MATY__SORT_CONDITION},
    [OPERATOR_ADD] = {"+", 3, 2, '+', 0, MATY__SORT_INTEGER, MATY__SORT_INTEGER},
    [OPERATOR_SUBTRACT] = {"-", 3, 2, '-', 0, MATY__SORT_INTEGER, MATY__SORT_INTEGER},
    [OPERATOR_NOT] = {"not", 4, 1, 0, 0, MATY__SORT_CONDITION, MATY__SORT_CONDITION},
    [OPERATOR_NEGATE] = {"-", 4, 1, 0, 0, MATY__SORT_INTEGER, MATY__SORT_INTEGER},
};

static const char *sort_name(maty__expr_sort sort) {
  switch (sort) {
  case MATY__SORT_CONDITION:
    return "a condition";
  case MATY__SORT_INTEGER:
    return "an integer";
  case MATY__SORT_STRING:
    return "a string";
  case MATY__SORT_ANY:
    break;
  }
  return "a value";
}

static maty_status check_sort(maty__parser_t *parser, const maty__operand_t *operand,
                              maty__expr_sort wants, const char *who) {
  if (wants == MATY__SORT_ANY || operand->sort == MATY__SORT_ANY || operand->sort == wants)
    return MATY_OK;
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_SYNTAX, operand->at, operand->end - operand->at,
                     "%s takes %s, and this is %s", who, sort_name(wants),
                     sort_name(operand->sort));
}

static maty_status push_operator(maty__parser_t *parser, operator_kind kind, uint32_t at) {
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->operators,
                            ((maty__operator_t){.kind = (uint8_t)kind, .at = at})));
  return MATY_OK;
}

static maty_status push_operand(maty__parser_t *parser, maty__expr_sort sort, uint32_t at) {
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->operands,
                            ((maty__operand_t){.sort = sort, .at = at, .end = parser->last_end})));
  return MATY_OK;
}

/* The last operator has both of its operands. */
static maty_status reduce(maty__parser_t *parser) {
  maty__operator_t operator= parser->operators.at[--parser->operators.count];
  char who[8] = {'\''};
  uint32_t length = 1;
  for (const char *text = operators[operator.kind].text; *text != '\0'; text++)
    who[length++] = *text;
  who[length] = '\'';
  maty__operand_t *last = &parser->operands.at[parser->operands.count - 1];
  MATY__TRY(check_sort(parser, last, operators[operator.kind].takes, who));
  if (operators[operator.kind].arity == 1) {
    last->at = operator.at;
  } else {
    MATY__TRY(check_sort(parser, last - 1, operators[operator.kind].takes, who));
    last[-1].end = last->end;
    parser->operands.count--;
    last--;
  }
  last->sort = operators[operator.kind].gives;
  return MATY_OK;
}

static maty_status reduce_to(maty__parser_t *parser, uint8_t level) {
  while (parser->operators.count > 0 &&
         operators[parser->operators.at[parser->operators.count - 1].kind].level >= level)
    MATY__TRY(reduce(parser));
  return MATY_OK;
}

/* Sets *whole if an operand was read, else what stands before one was. */
static maty_status read_operand(maty__parser_t *parser, bool *whole) {
  uint32_t at = maty__peek(parser, 0)->at;
  *whole = false;
  if (maty__is(parser, 0, '(')) {
    MATY__TRY(push_operator(parser, OPERATOR_BRACKET, at));
    return maty__advance(parser);
  }
  if (maty__is(parser, 0, '-') || maty__is_word(parser, 0, MATY__WORD_NOT)) {
    operator_kind kind = maty__is(parser, 0, '-') ? OPERATOR_NEGATE : OPERATOR_NOT;
    MATY__TRY(push_operator(parser, kind, at));
    return maty__advance(parser);
  }
  if (maty__is_word(parser, 0, MATY__WORD_LEN) && maty__is(parser, 1, '(')) {
    MATY__TRY(push_operator(parser, OPERATOR_LEN, at));
    MATY__TRY(maty__advance(parser));
    return maty__advance(parser);
  }
  maty__expr_sort sort = MATY__SORT_ANY;
  if (maty__is(parser, 0, MATY__TOKEN_STRING))
    sort = MATY__SORT_STRING;
  else if (!maty__is(parser, 0, MATY__TOKEN_NAME))
    return maty__expected(parser, "an expression");
  else if (maty__is_number(maty__peek(parser, 0)))
    sort = MATY__SORT_INTEGER;
  else if (maty__is_word(parser, 0, MATY__WORD_TRUE) || maty__is_word(parser, 0, MATY__WORD_FALSE))
    sort = MATY__SORT_CONDITION;
  MATY__TRY(maty__advance(parser));
  *whole = true;
  return push_operand(parser, sort, at);
}

/* The operator of two operands that comes next, or OPERATOR_COUNT. */
static operator_kind next_operator(const maty__parser_t *parser) {
  const maty__token_t *token = maty__peek(parser, 0), *next = maty__peek(parser, 1);
  operator_kind found = OPERATOR_COUNT;
  for (operator_kind kind = OPERATOR_AND; kind <= OPERATOR_SUBTRACT; kind++) {
    if (token->kind != (uint32_t)operators[kind].first)
      continue;
    if (operators[kind].second == 0)
      found = found == OPERATOR_COUNT ? kind : found;
    else if (next->kind == (uint32_t)operators[kind].second && next->at == token->at + 1)
      found = kind;
  }
  return found;
}

/* After an operand: brackets that close, then perhaps an operator. */
static maty_status read_operator(maty__parser_t *parser, uint32_t *brackets, bool *ended) {
  while (*brackets > 0 && maty__is(parser, 0, ')')) {
    MATY__TRY(reduce_to(parser, 1));
    maty__operator_t bracket = parser->operators.at[--parser->operators.count];
    maty__operand_t *inside = &parser->operands.at[parser->operands.count - 1];
    MATY__TRY(maty__advance(parser));
    inside->at = bracket.at;
    inside->end = parser->last_end;
    if (bracket.kind == OPERATOR_LEN)
      inside->sort = MATY__SORT_INTEGER;
    --*brackets;
  }
  operator_kind kind = next_operator(parser);
  *ended = kind == OPERATOR_COUNT;
  if (*ended)
    return *brackets == 0 ? MATY_OK : maty__expected(parser, "an operator or ')'");
  MATY__TRY(reduce_to(parser, operators[kind].level));
  MATY__TRY(push_operator(parser, kind, maty__peek(parser, 0)->at));
  if (operators[kind].second != 0)
    MATY__TRY(maty__advance(parser));
  return maty__advance(parser);
}

maty_status maty__parse_expr(maty__parser_t *parser, maty__expr_sort wants, const char *who) {
  uint32_t brackets = 0;
  parser->operands.count = 0;
  parser->operators.count = 0;
  for (bool ended = false; !ended;) {
    bool whole;
    MATY__TRY(read_operand(parser, &whole));
    if (whole)
      MATY__TRY(read_operator(parser, &brackets, &ended));
    else if (operators[parser->operators.at[parser->operators.count - 1].kind].level == 0)
      brackets++;
  }
  MATY__TRY(reduce_to(parser, 1));
  return check_sort(parser, &parser->operands.at[0], wants, who);
}
