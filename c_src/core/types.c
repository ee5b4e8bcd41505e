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

typedef struct resolver {
  maty__check_t *check;
  maty__tree_t *tree;
  maty__types_t *types;
  uint32_t *decl_of;   /* by name: index of its declaration */
  uint32_t *decl_type; /* by declaration: its type; MATY__NONE while it is open or broken */
  uint32_t *resolved;  /* by expression */
  uint32_t *part_of;   /* by name, see check_part_names */
  maty__u32s_t words;
} resolver_t;

static maty_status add_type(resolver_t *resolver, const maty__type_expr_t *expr, uint32_t *type) {
  maty__types_t *types = resolver->types;
  uint32_t before = types->types.items.count;
  *type = maty__pool_put(resolver->check->scratch, &types->types, resolver->words.at,
                         resolver->words.count);
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
  MATY__NEED(maty__vec_push(resolver->check->scratch, &types->facts, facts));
  if (facts.depth > MATY_MAX_TYPE_DEPTH) {
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_LIMIT, expr->at, expr->length,
                          "more than %u types in one another once names are written out",
                          MATY_MAX_TYPE_DEPTH));
    return MATY_EREJECTED;
  }
  if (facts.parts > MATY_MAX_TYPE_PARTS) {
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_LIMIT, expr->at, expr->length,
                          "the type has more than %u parts once names are written out",
                          MATY_MAX_TYPE_PARTS));
    return MATY_EREJECTED;
  }
  return MATY_OK;
}

/* ===== Names of types ==================================================== */

static const struct {
  maty__name_t name;
  maty__type_kind kind;
} built_in[] = {
    {MATY__WORD_INTEGER, MATY__TYPE_INTEGER},
    {MATY__WORD_NUMBER, MATY__TYPE_NUMBER},
    {MATY__WORD_FLOAT, MATY__TYPE_FLOAT},
    {MATY__WORD_BOOLEAN, MATY__TYPE_BOOLEAN},
    {MATY__WORD_ATOM, MATY__TYPE_ATOM},
    {MATY__WORD_BINARY, MATY__TYPE_BINARY},
    {MATY__WORD_STRING, MATY__TYPE_STRING},
    {MATY__WORD_PID, MATY__TYPE_PID},
    {MATY__WORD_REFERENCE, MATY__TYPE_REFERENCE},
    {MATY__WORD_DATE, MATY__TYPE_DATE},
    {MATY__WORD_TIME, MATY__TYPE_TIME},
    {MATY__WORD_DATETIME, MATY__TYPE_DATETIME},
    {MATY__WORD_ANY, MATY__TYPE_ANY},
};

enum { BUILT_IN_COUNT = sizeof built_in / sizeof *built_in };

static maty_status unbound_type(resolver_t *resolver, const maty__type_expr_t *expr) {
  const maty__names_t *names = &resolver->check->names;
  if (expr->name == MATY__WORD_LIST) {
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_SYNTAX, expr->at, expr->length,
                          "expected '(' and the type of the items after 'list'"));
    return MATY_EREJECTED;
  }
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, names, expr->name, !resolver->check->full);
  for (uint32_t i = 0; i < BUILT_IN_COUNT; i++)
    maty__nearest_offer(&nearest, built_in[i].name);
  for (uint32_t i = 0; i < resolver->tree->type_decls.count && nearest.left > 0; i++)
    maty__nearest_offer(&nearest, resolver->tree->type_decls.at[i].name.name);
  if (nearest.name == MATY__NONE)
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, expr->at, expr->length,
                          "there is no type '%.*s'; a type that is not declared begins with "
                          "a capital",
                          MATY__NAME(names, expr->name)));
  else
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, expr->at, expr->length,
                          "there is no type '%.*s'; did you mean '%.*s'?",
                          MATY__NAME(names, expr->name), MATY__NAME(names, nearest.name)));
  return MATY_EREJECTED;
}

static maty_status resolve_name(resolver_t *resolver, const maty__type_expr_t *expr,
                                uint32_t *type) {
  uint32_t decl = resolver->decl_of[expr->name];
  if (decl != MATY__NONE) {
    *type = resolver->decl_type[decl];
    return *type == MATY__NONE ? MATY_EREJECTED : MATY_OK;
  }
  uint32_t words[HEAD_WORDS] = {MATY__TYPE_ANY};
  uint32_t known = 0;
  while (known < BUILT_IN_COUNT && built_in[known].name != expr->name)
    known++;
  char first = resolver->check->names.items.at[expr->name].at[0];
  if (known < BUILT_IN_COUNT)
    words[0] = built_in[known].kind;
  else if (first >= 'A' && first <= 'Z')
    words[1] = expr->name;
  else
    return unbound_type(resolver, expr);
  resolver->words.count = 0;
  for (uint32_t i = 0; i < HEAD_WORDS; i++)
    MATY__NEED(maty__vec_push(resolver->check->scratch, &resolver->words, words[i]));
  return add_type(resolver, expr, type);
}

/* Reports names that stand twice among parts. "part_of" tells for each name
 * where it was seen last; what an earlier list left there does no harm, since
 * it is believed only if that part of this list has the name. */
static maty_status check_part_names(resolver_t *resolver, const maty__part_t *parts, uint32_t count,
                                    const char *what, bool *distinct) {
  const maty__names_t *names = &resolver->check->names;
  *distinct = true;
  for (uint32_t i = 0; i < count; i++) {
    maty__name_t name = parts[i].name;
    uint32_t before = resolver->part_of[name];
    resolver->part_of[name] = i;
    if (name == MATY__WORD_EMPTY || before >= i || parts[before].name != name)
      continue;
    *distinct = false;
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_DUP_LABEL, parts[i].at,
                          maty__name_length(names, name), "the %s '%.*s' stands twice", what,
                          MATY__NAME(names, name)));
  }
  return MATY_OK;
}

/* Resolves one expression whose parts are. MATY_EREJECTED: it, or a part of
 * it, is wrong, and that is reported. */
static maty_status resolve_expr(resolver_t *resolver, uint32_t index) {
  const maty__type_expr_t *expr = &resolver->tree->types.at[index];
  uint32_t *type = &resolver->resolved[index];
  *type = MATY__NONE;
  if (expr->kind == MATY__TYPE_EXPR_NAME)
    return resolve_name(resolver, expr, type);
  uint64_t low = (uint64_t)expr->low, high = (uint64_t)expr->high;
  uint32_t head[HEAD_WORDS] = {
      expr->kind,    expr->name, (uint32_t)(low >> 32), (uint32_t)low, (uint32_t)(high >> 32),
      (uint32_t)high};
  resolver->words.count = 0;
  MATY__NEED(
      maty__vec_reserve(resolver->check->scratch, &resolver->words, HEAD_WORDS + 2 * expr->count));
  memcpy(resolver->words.at, head, sizeof head);
  resolver->words.count = HEAD_WORDS;
  for (uint32_t i = 0; i < expr->count; i++) {
    const maty__part_t *part = &resolver->tree->parts.at[expr->first + i];
    if (resolver->resolved[part->type] == MATY__NONE)
      return MATY_EREJECTED;
    resolver->words.at[resolver->words.count++] =
        expr->kind == MATY__TYPE_MAP ? part->name : MATY__WORD_EMPTY;
    resolver->words.at[resolver->words.count++] = resolver->resolved[part->type];
  }
  bool distinct = true;
  if (expr->kind == MATY__TYPE_MAP && expr->count > 0)
    MATY__TRY(check_part_names(resolver, &resolver->tree->parts.at[expr->first], expr->count, "key",
                               &distinct));
  maty_status status = distinct ? add_type(resolver, expr, type) : MATY_EREJECTED;
  if (status == MATY_EREJECTED)
    *type = MATY__NONE;
  return status;
}

/* ===== Declarations ====================================================== */

static maty_status bind_decls(resolver_t *resolver) {
  maty__check_t *check = resolver->check;
  for (uint32_t i = 0; i < resolver->tree->type_decls.count; i++) {
    maty__type_decl_t *decl = &resolver->tree->type_decls.at[i];
    uint32_t *bound = &resolver->decl_of[decl->name.name];
    uint32_t length = maty__name_length(&check->names, decl->name.name);
    bool known = decl->name.name == MATY__WORD_LIST;
    for (uint32_t j = 0; j < BUILT_IN_COUNT; j++)
      known = known || built_in[j].name == decl->name.name;
    if (known) {
      MATY__TRY(maty__error(check, MATY_CLASS_DUP_TYPE, decl->name.at, length,
                            "the type '%.*s' is there already and cannot be declared",
                            MATY__NAME(&check->names, decl->name.name)));
    } else if (*bound != MATY__NONE) {
      MATY__TRY(maty__error(check, MATY_CLASS_DUP_TYPE, decl->name.at, length,
                            "the type '%.*s' is declared twice",
                            MATY__NAME(&check->names, decl->name.name)));
      MATY__TRY(maty__note(check, MATY_CLASS_DUP_TYPE,
                           resolver->tree->type_decls.at[*bound].name.at, length,
                           "it is declared here first"));
    } else {
      *bound = i;
    }
  }
  return MATY_OK;
}

enum { NEW, OPEN, DONE };

typedef struct open_decl {
  uint32_t decl, next; /* expression to go on with */
} open_decl_t;

/* Depth first over declarations that name one another, in any order. */
static maty_status resolve_decl(resolver_t *resolver, uint8_t *state, uint32_t root) {
  maty__check_t *check = resolver->check;
  maty__tree_t *tree = resolver->tree;
  MATY__VEC(open_decl_t) open = {0};
  if (state[root] != NEW)
    return MATY_OK;
  MATY__NEED(maty__vec_push(check->scratch, &open,
                            ((open_decl_t){root, tree->type_decls.at[root].first_type})));
  state[root] = OPEN;
  while (open.count > 0) {
    open_decl_t *top = &open.at[open.count - 1];
    maty__type_decl_t *decl = &tree->type_decls.at[top->decl];
    if (top->next == decl->end_type) {
      if (decl->end_type > decl->first_type && !decl->broken)
        resolver->decl_type[top->decl] = resolver->resolved[decl->end_type - 1];
      state[top->decl] = DONE;
      open.count--;
      continue;
    }
    const maty__type_expr_t *expr = &tree->types.at[top->next];
    uint32_t named =
        expr->kind == MATY__TYPE_EXPR_NAME ? resolver->decl_of[expr->name] : MATY__NONE;
    if (named != MATY__NONE && state[named] == NEW) {
      state[named] = OPEN;
      MATY__NEED(maty__vec_push(check->scratch, &open,
                                ((open_decl_t){named, tree->type_decls.at[named].first_type})));
      continue;
    }
    if (named != MATY__NONE && state[named] == OPEN) {
      MATY__TRY(maty__error(check, MATY_CLASS_UNGUARDED, expr->at, expr->length,
                            "the type '%.*s' is part of itself",
                            MATY__NAME(&check->names, expr->name)));
      resolver->resolved[top->next++] = MATY__NONE;
      continue;
    }
    maty_status status = resolve_expr(resolver, top->next++);
    if (status != MATY_OK && status != MATY_EREJECTED)
      return status;
  }
  return MATY_OK;
}

/* ===== Payloads ========================================================== */

static maty_status resolve_payload(resolver_t *resolver, maty__stmt_t *stmt, bool *broken) {
  maty__check_t *check = resolver->check;
  bool distinct = true;
  resolver->words.count = 0;
  if (stmt->field_count > 0)
    MATY__TRY(check_part_names(resolver, &resolver->tree->fields.at[stmt->first_field],
                               stmt->field_count, "field", &distinct));
  *broken = *broken || !distinct;
  MATY__NEED(maty__vec_reserve(check->scratch, &resolver->words, 2 * stmt->field_count));
  for (uint32_t i = 0; i < stmt->field_count; i++) {
    const maty__part_t *field = &resolver->tree->fields.at[stmt->first_field + i];
    uint32_t type = resolver->resolved[field->type];
    *broken = *broken || type == MATY__NONE;
    resolver->words.at[resolver->words.count++] = field->name;
    resolver->words.at[resolver->words.count++] = type;
  }
  stmt->payload = maty__pool_put(check->scratch, &resolver->types->payloads, resolver->words.at,
                                 resolver->words.count);
  MATY__NEED(stmt->payload != MATY__NONE);
  return MATY_OK;
}

maty_status maty__types_resolve(maty__check_t *check, maty__tree_t *tree, maty__types_t *types) {
  *types = (maty__types_t){.facts = {0}};
  uint32_t name_count = check->names.items.count, decl_count = tree->type_decls.count;
  resolver_t resolver = {
      .check = check,
      .tree = tree,
      .types = types,
      .decl_of = maty__array(check->scratch, uint32_t, name_count),
      .decl_type = maty__array(check->scratch, uint32_t, decl_count),
      .resolved = maty__array(check->scratch, uint32_t, tree->types.count),
      .part_of = maty__zarray(check->scratch, uint32_t, name_count),
  };
  uint8_t *state = maty__zarray(check->scratch, uint8_t, decl_count);
  MATY__NEED(resolver.decl_of != NULL && resolver.decl_type != NULL && resolver.resolved != NULL &&
             state != NULL && resolver.part_of != NULL);
  memset(resolver.decl_of, 0xff, name_count * sizeof *resolver.decl_of);
  memset(resolver.decl_type, 0xff, decl_count * sizeof *resolver.decl_type);
  MATY__TRY(bind_decls(&resolver));
  uint32_t next_decl = 0;
  for (uint32_t i = 0; i < decl_count; i++)
    MATY__TRY(resolve_decl(&resolver, state, i));
  for (uint32_t i = 0; i < tree->types.count; i++) {
    while (next_decl < decl_count && tree->type_decls.at[next_decl].end_type <= i)
      next_decl++;
    if (next_decl < decl_count && tree->type_decls.at[next_decl].first_type <= i)
      continue;
    maty_status status = resolve_expr(&resolver, i);
    if (status != MATY_OK && status != MATY_EREJECTED)
      return status;
  }
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    maty__protocol_t *protocol = &tree->protocols.at[i];
    for (maty__stmt_t *stmt = &tree->stmts.at[protocol->first_stmt];
         stmt->kind != MATY__STMT_BODY_END; stmt++)
      if (stmt->kind == MATY__STMT_MESSAGE)
        MATY__TRY(resolve_payload(&resolver, stmt, &protocol->broken));
  }
  return MATY_OK;
}
