/* types.c - see types.h. */
#include "types.h"

#include <string.h>

#include "limits.h"

#define BIT(tag) (1u << MATY_TAG_##tag)

enum { HEAD_WORDS = 6 };

uint16_t maty__type_tags(maty__type_kind kind) {
  switch (kind) {
  case MATY__TYPE_ANY:
    return (2u << MATY_TAG_OTHER) - 1 - BIT(NONE);
  case MATY__TYPE_INTEGER:
    return BIT(INTEGER);
  case MATY__TYPE_FLOAT:
    return BIT(FLOAT);
  case MATY__TYPE_NUMBER:
    return BIT(INTEGER) | BIT(FLOAT);
  case MATY__TYPE_BOOLEAN:
    return BIT(BOOLEAN);
  case MATY__TYPE_ATOM:
    return BIT(ATOM) | BIT(BOOLEAN);
  case MATY__TYPE_BINARY:
    return BIT(BINARY);
  case MATY__TYPE_PID:
    return BIT(PID);
  case MATY__TYPE_REFERENCE:
    return BIT(REFERENCE);
  default:
    return 0;
  }
}

uint16_t maty__type_look(maty__type_kind kind) {
  switch (kind) {
  case MATY__TYPE_STRING:
    return BIT(BINARY);
  case MATY__TYPE_DATE:
  case MATY__TYPE_TIME:
  case MATY__TYPE_DATETIME:
    return BIT(MAP) | BIT(TUPLE);
  case MATY__TYPE_LITERAL:
    return BIT(ATOM);
  case MATY__TYPE_RANGE:
    return BIT(INTEGER);
  case MATY__TYPE_LIST:
    return BIT(LIST);
  case MATY__TYPE_TUPLE:
    return BIT(TUPLE);
  case MATY__TYPE_MAP:
    return BIT(MAP);
  default:
    return 0;
  }
}

/* ===== The pool ========================================================== */

maty__type_view_t maty__types_view(const maty__types_t *types, uint32_t type) {
  const uint32_t *words = maty__pool_at(&types->types, type);
  return (maty__type_view_t){
      .kind = (maty__type_kind)words[0],
      .name = words[1],
      .low = (int64_t)((uint64_t)words[2] << 32 | words[3]),
      .high = (int64_t)((uint64_t)words[4] << 32 | words[5]),
      .part_count = (maty__pool_length(&types->types, type) - HEAD_WORDS) / 2,
      .parts = words + HEAD_WORDS,
  };
}

bool maty__payload_looks(const maty__types_t *types, uint32_t payload) {
  const uint32_t *words = maty__pool_at(&types->payloads, payload);
  uint32_t arity = maty__pool_length(&types->payloads, payload) / 2;
  for (uint32_t i = 0; i < arity; i++)
    if (types->facts.at[words[2 * i + 1]].look != 0)
      return true;
  return arity > MATY_TAG_FIELDS;
}

/* Puts the type whose words are in types->words. */
static maty_status add_type(maty__check_t *check, maty__types_t *types,
                            const maty__type_expr_t *expr, uint32_t *type) {
  uint32_t before = types->types.items.count;
  *type = maty__pool_put(types->arena, &types->types, types->words.at, types->words.count);
  MATY__NEED(*type != MATY__NONE);
  if (*type < before)
    return MATY_OK;
  maty__type_view_t view = maty__types_view(types, *type);
  maty__type_facts_t facts = {.tags = maty__type_tags(view.kind),
                              .look = maty__type_look(view.kind)};
  if (view.kind == MATY__TYPE_LITERAL &&
      (view.name == MATY__WORD_TRUE || view.name == MATY__WORD_FALSE))
    facts.look = BIT(BOOLEAN);
  uint64_t parts = 1;
  uint32_t depth = 0;
  for (uint32_t i = 0; i < view.part_count; i++) {
    const maty__type_facts_t *part = &types->facts.at[view.parts[2 * i + 1]];
    parts += part->parts;
    depth = part->depth > depth ? part->depth : depth;
    if (view.kind == MATY__TYPE_UNION) {
      facts.tags |= part->tags;
      facts.look |= part->look;
    }
  }
  facts.look &= (uint16_t)~facts.tags;
  facts.depth = (uint16_t)(depth + 1);
  facts.parts = parts > UINT32_MAX ? UINT32_MAX : (uint32_t)parts;
  MATY__NEED(maty__vec_push(types->arena, &types->facts, facts));
  if (facts.depth > MATY_MAX_TYPE_DEPTH) {
    MATY__TRY(maty__error(check, MATY_CLASS_LIMIT, expr->at, expr->length,
                          "more than %u types in one another once names are written out",
                          MATY_MAX_TYPE_DEPTH));
    return MATY_EREJECTED;
  }
  if (facts.parts > MATY_MAX_TYPE_PARTS) {
    MATY__TRY(maty__error(check, MATY_CLASS_LIMIT, expr->at, expr->length,
                          "the type has more than %u parts once names are written out",
                          MATY_MAX_TYPE_PARTS));
    return MATY_EREJECTED;
  }
  return MATY_OK;
}

maty_status maty__types_add_name(maty__check_t *check, maty__types_t *types,
                                 const maty__type_expr_t *expr, maty__type_kind kind,
                                 maty__name_t name, uint32_t *type) {
  const uint32_t words[HEAD_WORDS] = {kind, name};
  types->words.count = 0;
  MATY__NEED(maty__vec_reserve(types->arena, &types->words, HEAD_WORDS));
  memcpy(types->words.at, words, sizeof words);
  types->words.count = HEAD_WORDS;
  return add_type(check, types, expr, type);
}

maty_status maty__types_add_compound(maty__check_t *check, const maty__tree_t *tree,
                                     maty__types_t *types, const maty__type_expr_t *expr,
                                     const uint32_t *numbers, uint32_t base, uint32_t *type) {
  uint64_t low = (uint64_t)expr->low, high = (uint64_t)expr->high;
  const uint32_t words[HEAD_WORDS] = {
      expr->kind,    expr->name, (uint32_t)(low >> 32), (uint32_t)low, (uint32_t)(high >> 32),
      (uint32_t)high};
  types->words.count = 0;
  MATY__NEED(maty__vec_reserve(types->arena, &types->words, HEAD_WORDS + 2 * expr->count));
  memcpy(types->words.at, words, sizeof words);
  types->words.count = HEAD_WORDS;
  for (uint32_t i = 0; i < expr->count; i++) {
    const maty__part_t *part = &tree->parts.at[expr->first + i];
    if (numbers[part->type - base] == MATY__NONE)
      return MATY_EREJECTED;
    types->words.at[types->words.count++] =
        expr->kind == MATY__TYPE_MAP ? part->name : MATY__WORD_EMPTY;
    types->words.at[types->words.count++] = numbers[part->type - base];
  }
  return add_type(check, types, expr, type);
}

maty_status maty__types_add_payload(const maty__tree_t *tree, maty__types_t *types,
                                    uint32_t first_field, uint32_t count, const uint32_t *numbers,
                                    uint32_t base, uint32_t *payload) {
  types->words.count = 0;
  MATY__NEED(maty__vec_reserve(types->arena, &types->words, 2 * count));
  for (uint32_t i = 0; i < count; i++) {
    const maty__part_t *field = &tree->fields.at[first_field + i];
    types->words.at[types->words.count++] = field->name;
    types->words.at[types->words.count++] = numbers[field->type - base];
  }
  *payload = maty__pool_put(types->arena, &types->payloads, types->words.at, types->words.count);
  MATY__NEED(*payload != MATY__NONE);
  return MATY_OK;
}

maty_status maty__types_add_signature(maty__types_t *types, maty__name_t label, uint32_t payload,
                                      uint32_t *number) {
  const uint32_t words[] = {label, payload};
  *number = maty__pool_put(types->arena, &types->signatures, words, 2);
  MATY__NEED(*number != MATY__NONE);
  return MATY_OK;
}

maty_status maty__types_add_bare_signature(maty__types_t *types, maty__name_t label,
                                           uint32_t *number) {
  uint32_t payload = maty__pool_put(types->arena, &types->payloads, NULL, 0);
  MATY__NEED(payload != MATY__NONE);
  return maty__types_add_signature(types, label, payload, number);
}

/* ===== What depends on parameters ======================================== */

static maty_status write_anew(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                              const maty__stmt_t *stmt, const uint32_t *numbers) {
  types->instances.count = 0;
  MATY__NEED(maty__vec_reserve(types->arena, &types->instances, stmt->end_type - stmt->first_type));
  for (uint32_t i = stmt->first_type; i < stmt->end_type; i++) {
    const maty__type_expr_t *expr = &tree->types.at[i];
    uint32_t number = types->resolved[i];
    if (expr->parameter != MATY__NONE)
      number = numbers[expr->parameter];
    else if (expr->kind != MATY__TYPE_EXPR_NAME)
      MATY__TRY(maty__types_add_compound(check, tree, types, expr, types->instances.at,
                                         stmt->first_type, &number));
    types->instances.at[types->instances.count++] = number;
  }
  return maty__check_work(check, stmt->end_type - stmt->first_type);
}

maty_status maty__types_message(maty__check_t *check, const maty__tree_t *tree,
                                maty__types_t *types, const maty__stmt_t *stmt,
                                const uint32_t *numbers, maty__name_t *label, uint32_t *payload) {
  *label = stmt->name.name;
  *payload = stmt->payload;
  if (!stmt->generic)
    return MATY_OK;
  if (stmt->name.meaning != MATY__NONE) {
    const uint32_t *words = maty__pool_at(&types->signatures, numbers[stmt->name.meaning]);
    *label = words[0];
    *payload = words[1];
    return MATY_OK;
  }
  MATY__TRY(write_anew(check, tree, types, stmt, numbers));
  return maty__types_add_payload(tree, types, stmt->first_field, stmt->field_count,
                                 types->instances.at, stmt->first_type, payload);
}

maty_status maty__types_values(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                               const maty__stmt_t *stmt, const uint32_t *numbers, uint32_t *out) {
  if (stmt->generic)
    MATY__TRY(write_anew(check, tree, types, stmt, numbers));
  for (uint32_t i = 0; i < stmt->value_count; i++) {
    const maty__value_t *value = &tree->values.at[stmt->first_value + i];
    out[i] = value->number;
    if (!stmt->generic)
      continue;
    if (value->parameter != MATY__NONE) {
      out[i] = numbers[value->parameter];
    } else if (!value->bare && value->kind == MATY__VALUE_TYPE) {
      out[i] = types->instances.at[value->type - stmt->first_type];
    } else if (!value->bare) {
      uint32_t payload;
      MATY__TRY(maty__types_add_payload(tree, types, value->first_field, value->field_count,
                                        types->instances.at, stmt->first_type, &payload));
      MATY__TRY(maty__types_add_signature(types, value->name.name, payload, &out[i]));
    }
  }
  return MATY_OK;
}
