/* parse_type.c - types, and payloads made of them; see parser.h.
 *
 * A type's parts are written before it, so a compound one is kept open on a
 * stack until its last part is whole.
 */
#include "parser.h"

#include <string.h>

#include "image.h"
#include "limits.h"

static maty_status add_type(maty__parser_t *parser, maty__type_expr_t expr, uint32_t *type) {
  expr.length = parser->last_end - expr.at;
  expr.parameter = MATY__NONE;
  *type = parser->tree->types.count;
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->types, expr));
  return MATY_OK;
}

/* Makes a type of the pending parts from "first_part" on. */
static maty_status add_compound(maty__parser_t *parser, uint16_t kind, uint32_t at,
                                uint32_t first_part, uint32_t *type) {
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

static maty_status read_integer(maty__parser_t *parser, int64_t *value) {
  uint32_t begin = maty__peek(parser, 0)->at;
  bool negative = maty__is(parser, 0, '-');
  if (negative)
    MATY__TRY(maty__advance(parser));
  const maty__token_t *token = maty__peek(parser, 0);
  if (!maty__is_number(token))
    return maty__expected(parser, "an integer");
  const uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < token->length; i++) {
    uint64_t digit = (uint64_t)(token->text[i] - '0');
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
  return maty__advance(parser);
}

static maty_status read_range(maty__parser_t *parser, uint32_t *type) {
  maty__type_expr_t expr = {.kind = MATY__TYPE_RANGE, .at = maty__peek(parser, 0)->at};
  MATY__TRY(read_integer(parser, &expr.low));
  expr.high = expr.low;
  if (maty__is(parser, 0, '.') && maty__is(parser, 1, '.')) {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__advance(parser));
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

static maty_status read_key(maty__parser_t *parser, maty__open_type_t *open) {
  maty__use_t key = {.name = MATY__WORD_EMPTY};
  MATY__TRY(maty__take_name(parser, &key, "a key of the map"));
  open->key = key.name;
  open->key_at = key.at;
  return maty__take(parser, ':', "':' after the key");
}

static maty_status open_type(maty__parser_t *parser, uint16_t kind, uint32_t at) {
  maty__open_type_t open = {.kind = kind,
                            .at = at,
                            .first_part = parser->pending.count,
                            .first_member = parser->pending.count};
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->open_types, open));
  if (parser->open_types.count <= MATY_MAX_TYPE_DEPTH + 1) /* the bottom does not count */
    return MATY_OK;
  MATY__TRY(maty__parser_limit(parser, at, 1, "types in one another", MATY_MAX_TYPE_DEPTH));
  return MATY_EREJECTED;
}

static maty_status read_type_name(maty__parser_t *parser, uint32_t *type) {
  uint32_t at = maty__peek(parser, 0)->at;
  maty__use_t module, use = {.name = MATY__WORD_EMPTY};
  MATY__TRY(maty__take_qualified(parser, &module, &use, "a type"));
  maty__type_expr_t expr = {
      .kind = MATY__TYPE_EXPR_NAME, .at = at, .module = module.name, .name = use.name};
  return add_type(parser, expr, type);
}

/* Reads what a type begins with. Sets *type to a whole type, or to MATY__NONE
 * if it opened one whose first part comes next. */
static maty_status read_type_head(maty__parser_t *parser, uint32_t *type) {
  const maty__token_t *token = maty__peek(parser, 0);
  uint32_t at = token->at;
  *type = MATY__NONE;
  if (maty__is(parser, 0, '-') || maty__is_number(token))
    return read_range(parser, type);
  if (maty__is(parser, 0, ':')) {
    maty__use_t atom = {.name = MATY__WORD_EMPTY};
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take_name(parser, &atom, "an atom's name after ':'"));
    return add_type(
        parser, (maty__type_expr_t){.kind = MATY__TYPE_LITERAL, .at = at, .name = atom.name}, type);
  }
  if (maty__is(parser, 0, '{')) {
    MATY__TRY(maty__advance(parser));
    if (!maty__is(parser, 0, '}'))
      return open_type(parser, MATY__TYPE_TUPLE, at);
    MATY__TRY(maty__advance(parser));
    return add_type(parser, (maty__type_expr_t){.kind = MATY__TYPE_TUPLE, .at = at}, type);
  }
  if (maty__is(parser, 0, '%')) {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take(parser, '{', "'{' after '%'"));
    if (!maty__is(parser, 0, '}')) {
      MATY__TRY(open_type(parser, MATY__TYPE_MAP, at));
      return read_key(parser, &parser->open_types.at[parser->open_types.count - 1]);
    }
    MATY__TRY(maty__advance(parser));
    return add_type(parser, (maty__type_expr_t){.kind = MATY__TYPE_MAP, .at = at}, type);
  }
  if (maty__is_word(parser, 0, MATY__WORD_LIST) && maty__is(parser, 1, '(')) {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__advance(parser));
    return open_type(parser, MATY__TYPE_LIST, at);
  }
  return read_type_name(parser, type);
}

/* A part of the innermost open type is whole: "type", or the union of several.
 * Sets *type to the open type if this was its last part, else to MATY__NONE. */
static maty_status end_part(maty__parser_t *parser, uint32_t *type) {
  maty__open_type_t *open = &parser->open_types.at[parser->open_types.count - 1];
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
    MATY__TRY(maty__take(parser, ')', "')' after the type of the list's items"));
  } else if (maty__is(parser, 0, ',')) {
    MATY__TRY(maty__advance(parser));
    return open->kind == MATY__TYPE_MAP ? read_key(parser, open) : MATY_OK;
  } else {
    MATY__TRY(maty__take(parser, '}',
                         open->kind == MATY__TYPE_MAP ? "',' or '}' in the map"
                                                      : "',' or '}' in the tuple"));
  }
  parser->open_types.count--;
  return add_compound(parser, open->kind, open->at, open->first_part, type);
}

/* A compound type's bottom is an open "type" of its own, which has one part:
 * so a union can stand there as it can everywhere else. */
maty_status maty__parse_type(maty__parser_t *parser, uint32_t *type) {
  if (parser->dialect->payloads != MATY__PAYLOAD_TYPES)
    return read_type_name(parser, type);
  parser->pending.count = 0;
  parser->open_types.count = 0;
  MATY__TRY(open_type(parser, MATY__TYPE_ANY, maty__peek(parser, 0)->at));
  for (;;) {
    uint32_t whole;
    MATY__TRY(read_type_head(parser, &whole));
    while (whole != MATY__NONE) {
      MATY__NEED(maty__vec_push(parser->check->scratch, &parser->pending,
                                ((maty__part_t){.type = whole})));
      if (maty__is(parser, 0, '|')) {
        MATY__TRY(maty__advance(parser));
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

bool maty__take_back_name(maty__parser_t *parser, uint32_t type, maty__use_t *module,
                          maty__use_t *name) {
  const maty__type_expr_t *expr = &parser->tree->types.at[type];
  if (expr->kind != MATY__TYPE_EXPR_NAME)
    return false;
  uint32_t length = maty__name_length(&parser->check->names, expr->name);
  *module = (maty__use_t){.name = expr->module, .at = expr->at, .meaning = MATY__NONE};
  *name = (maty__use_t){
      .name = expr->name, .at = expr->at + expr->length - length, .meaning = MATY__NONE};
  parser->tree->types.count--;
  return true;
}

/* ===== Payloads ========================================================== */

/* At the '@', behind what was read as a type. */
static maty_status read_delegation(maty__parser_t *parser, uint32_t type) {
  maty__delegation_t delegation = {.inside = parser->tree->protocols.count};
  if (parser->protocols.count > 0)
    delegation.inside = parser->protocols.at[parser->protocols.count - 1].protocol;
  uint32_t at = parser->tree->types.at[type].at;
  if (!maty__take_back_name(parser, type, &delegation.module, &delegation.protocol))
    return maty__expected(parser, "',' or ')' in the payload");
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_name(parser, &delegation.role, "a role after '@'"));
  MATY__TRY(maty__feature_use(parser, MATY__FEATURE_DELEGATION, at, parser->last_end - at));
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->delegations, delegation));
  return MATY_OK;
}

static maty_status read_refinement(maty__parser_t *parser) {
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__parse_expr(parser, MATY__SORT_CONDITION, "a refinement"));
  return maty__take(parser, '}', "an operator or '}' in the refinement");
}

/* To behind its '}', which would end the block if it were left. */
static maty_status skip_refinement(maty__parser_t *parser) {
  while (!maty__is(parser, 0, '}') && !maty__is(parser, 0, ';') &&
         !maty__is(parser, 0, MATY__TOKEN_END))
    MATY__TRY(maty__advance(parser));
  return maty__is(parser, 0, '}') ? maty__advance(parser) : MATY_OK;
}

maty_status maty__parse_field(maty__parser_t *parser) {
  maty__part_t field = {.at = maty__peek(parser, 0)->at};
  if (maty__is(parser, 0, MATY__TOKEN_NAME) && maty__is(parser, 1, ':')) {
    field.name = maty__peek(parser, 0)->name;
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__advance(parser));
  }
  MATY__TRY(maty__parse_type(parser, &field.type));
  if (maty__is(parser, 0, '@'))
    return read_delegation(parser, field.type);
  if (maty__is(parser, 0, '{')) {
    MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_REFINEMENT));
    maty_status status = read_refinement(parser);
    if (status == MATY_EREJECTED)
      MATY__TRY(skip_refinement(parser));
    MATY__TRY(status);
  }
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->fields, field));
  return MATY_OK;
}

maty_status maty__parse_payload(maty__parser_t *parser, uint32_t *first, uint32_t *count) {
  uint32_t at = maty__peek(parser, 0)->at;
  parser->open_types.count = 0;
  *first = parser->tree->fields.count;
  MATY__TRY(maty__advance(parser));
  for (bool more = !maty__is(parser, 0, ')'); more; more = !maty__is(parser, 0, ')')) {
    if (parser->last_end != at + 1)
      MATY__TRY(maty__take(parser, ',', "',' or ')' in the payload"));
    MATY__TRY(maty__parse_field(parser));
  }
  MATY__TRY(maty__advance(parser));
  *count = parser->tree->fields.count - *first;
  if (*count > MATY_MAX_FIELDS)
    return maty__parser_limit(parser, at, parser->last_end - at, "fields in one payload",
                              MATY_MAX_FIELDS);
  return MATY_OK;
}

/* How many braces of the payload that is being read are open. */
static uint32_t open_braces(const maty__parser_t *parser) {
  uint32_t depth = 0;
  for (uint32_t i = 0; i < parser->open_types.count; i++)
    depth += parser->open_types.at[i].kind == MATY__TYPE_TUPLE ||
             parser->open_types.at[i].kind == MATY__TYPE_MAP;
  return depth;
}

maty_status maty__skip_payload(maty__parser_t *parser, bool (*ends)(const maty__parser_t *parser)) {
  uint32_t depth = open_braces(parser);
  while (!maty__is(parser, 0, MATY__TOKEN_END) && !ends(parser)) {
    if (maty__is(parser, 0, '}') && depth-- == 0)
      return MATY_OK;
    if (maty__is(parser, 0, '{'))
      depth++;
    MATY__TRY(maty__advance(parser));
  }
  return MATY_OK;
}
