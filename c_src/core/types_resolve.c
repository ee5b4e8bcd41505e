/* types_resolve.c - what the names of types and signatures in a tree mean.
 *
 * First the declarations of all texts, in whatever order they name one another,
 * then what the messages and calls of protocols are written with. A table by
 * name holds what the parameters of the protocol are, and is emptied again
 * behind it.
 */
#include <string.h>

#include "dialect.h"
#include "limits.h"
#include "resolve.h"
#include "types.h"

typedef struct resolver {
  maty__check_t *check;
  const maty__dialect_t *dialect;
  maty__tree_t *tree;
  maty__types_t *types;
  uint32_t unit;              /* where the names stand that are looked up */
  maty__protocol_t *protocol; /* NULL: in a declaration */
  maty__map_t decls;          /* by unit and name: the declaration */
  uint32_t *parameter_of;     /* by name: index among the parameters of the protocol */
  uint32_t *decl_type;        /* by declaration: its type; MATY__NONE while it is open or broken */
  uint8_t *decl_state;
  uint32_t *part_of; /* by name, see check_part_names */
} resolver_t;

/* ===== Names of types ==================================================== */

/* Sets *unit to where a name is from, and *decl to its declaration, or to
 * MATY__NONE if there is none. */
static maty_status find_decl(resolver_t *resolver, const maty__use_t *module, maty__name_t name,
                             uint32_t *unit, uint32_t *decl) {
  *decl = MATY__NONE;
  MATY__TRY(maty__resolve_module(resolver->check, resolver->tree, resolver->unit, module,
                                 MATY_CLASS_UNBOUND_TYPE, unit));
  if (*unit == MATY__NONE)
    return MATY_EREJECTED;
  *decl = maty__map_get(&resolver->decls, maty__scoped(*unit, name));
  return MATY_OK;
}

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

static void offer_decls(const resolver_t *resolver, uint32_t unit, maty__nearest_t *nearest) {
  const maty__unit_t *in = &resolver->tree->units.at[unit];
  for (uint32_t i = in->first_type_decl; i < in->end_type_decl && nearest->left > 0; i++)
    maty__nearest_offer(nearest, resolver->tree->type_decls.at[i].name.name);
}

/* A type, or what else a declaration is of, that a module does not have. */
static maty_status unbound_in_module(resolver_t *resolver, uint32_t unit, maty__name_t name,
                                     uint32_t end, const char *what) {
  const maty__names_t *names = &resolver->check->names;
  uint32_t length = maty__name_length(names, name);
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, names, name, !resolver->check->full);
  offer_decls(resolver, unit, &nearest);
  if (nearest.name == MATY__NONE)
    return maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, end - length, length,
                       "there is no %s in this module named '%.*s'", what, MATY__NAME(names, name));
  return maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, end - length, length,
                     "there is no %s in this module named '%.*s'; did you mean '%.*s'?", what,
                     MATY__NAME(names, name), MATY__NAME(names, nearest.name));
}

static maty_status unbound_type(resolver_t *resolver, const maty__type_expr_t *expr) {
  const maty__names_t *names = &resolver->check->names;
  bool own = resolver->dialect->payloads == MATY__PAYLOAD_TYPES;
  if (own && expr->name == MATY__WORD_LIST) {
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_SYNTAX, expr->at, expr->length,
                          "expected '(' and the type of the items after 'list'"));
    return MATY_EREJECTED;
  }
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, names, expr->name, !resolver->check->full);
  for (uint32_t i = 0; own && i < BUILT_IN_COUNT; i++)
    maty__nearest_offer(&nearest, built_in[i].name);
  offer_decls(resolver, resolver->unit, &nearest);
  if (nearest.name == MATY__NONE)
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, expr->at, expr->length,
                          "there is no type '%.*s'%s", MATY__NAME(names, expr->name),
                          own ? "; a type that is not declared begins with a capital" : ""));
  else
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, expr->at, expr->length,
                          "there is no type '%.*s'; did you mean '%.*s'?",
                          MATY__NAME(names, expr->name), MATY__NAME(names, nearest.name)));
  return MATY_EREJECTED;
}

static maty_status not_a_type(resolver_t *resolver, const maty__type_expr_t *expr) {
  MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, expr->at, expr->length,
                        "'%.*s' is a message signature, and a type is expected",
                        MATY__NAME(&resolver->check->names, expr->name)));
  return MATY_EREJECTED;
}

static maty__parameter_t *parameter_at(const resolver_t *resolver, uint32_t parameter) {
  return &resolver->tree->parameters.at[resolver->protocol->first_parameter + parameter];
}

/* A parameter hides a declared name, and that a known one. Sets expr->parameter. */
static maty_status resolve_name(resolver_t *resolver, maty__type_expr_t *expr, uint32_t *type) {
  bool qualified = expr->module != MATY__WORD_EMPTY;
  maty__use_t module = {.name = expr->module, .at = expr->at, .meaning = MATY__NONE};
  uint32_t unit, decl;
  expr->parameter =
      resolver->protocol == NULL || qualified ? MATY__NONE : resolver->parameter_of[expr->name];
  if (expr->parameter != MATY__NONE) {
    const maty__parameter_t *parameter = parameter_at(resolver, expr->parameter);
    if (parameter->kind != MATY__VALUE_TYPE)
      return not_a_type(resolver, expr);
    *type = parameter->number;
    return MATY_OK;
  }
  MATY__TRY(find_decl(resolver, &module, expr->name, &unit, &decl));
  if (decl != MATY__NONE) {
    if (resolver->tree->type_decls.at[decl].kind != MATY__VALUE_TYPE)
      return not_a_type(resolver, expr);
    *type = resolver->decl_type[decl];
    return *type == MATY__NONE ? MATY_EREJECTED : MATY_OK;
  }
  if (qualified) {
    MATY__TRY(unbound_in_module(resolver, unit, expr->name, expr->at + expr->length, "type"));
    return MATY_EREJECTED;
  }
  maty__payload_rule rule = resolver->dialect->payloads;
  uint32_t known = 0;
  while (known < BUILT_IN_COUNT && built_in[known].name != expr->name)
    known++;
  char first = resolver->check->names.items.at[expr->name].at[0];
  if (rule == MATY__PAYLOAD_TYPES && known < BUILT_IN_COUNT)
    return maty__types_add_name(resolver->check, resolver->types, expr, built_in[known].kind,
                                MATY__WORD_EMPTY, type);
  if (rule == MATY__PAYLOAD_FREE || (rule == MATY__PAYLOAD_TYPES && first >= 'A' && first <= 'Z'))
    return maty__types_add_name(resolver->check, resolver->types, expr, MATY__TYPE_ANY, expr->name,
                                type);
  return unbound_type(resolver, expr);
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
  maty__type_expr_t *expr = &resolver->tree->types.at[index];
  maty__types_t *types = resolver->types;
  bool distinct = true;
  uint32_t type = MATY__NONE;
  maty_status status;
  types->resolved[index] = MATY__NONE;
  if (expr->kind == MATY__TYPE_MAP && expr->count > 0)
    MATY__TRY(check_part_names(resolver, &resolver->tree->parts.at[expr->first], expr->count, "key",
                               &distinct));
  if (expr->kind == MATY__TYPE_EXPR_NAME)
    status = resolve_name(resolver, expr, &type);
  else
    status = maty__types_add_compound(resolver->check, resolver->tree, types, expr, types->resolved,
                                      0, &type);
  if (status == MATY_OK && distinct)
    types->resolved[index] = type;
  return distinct ? status : MATY_EREJECTED;
}

/* ===== Declarations ====================================================== */

static maty_status bind_decls(resolver_t *resolver) {
  maty__check_t *check = resolver->check;
  for (uint32_t i = 0; i < resolver->tree->type_decls.count; i++) {
    maty__type_decl_t *decl = &resolver->tree->type_decls.at[i];
    uint32_t *bound =
        maty__map_put(check->scratch, &resolver->decls, maty__scoped(decl->unit, decl->name.name));
    MATY__NEED(bound != NULL);
    uint32_t length = maty__name_length(&check->names, decl->name.name);
    bool own = resolver->dialect->payloads == MATY__PAYLOAD_TYPES;
    bool known = own && decl->name.name == MATY__WORD_LIST;
    for (uint32_t j = 0; own && j < BUILT_IN_COUNT; j++)
      known = known || built_in[j].name == decl->name.name;
    if (known) {
      MATY__TRY(maty__error(check, MATY_CLASS_DUP_TYPE, decl->name.at, length,
                            "the type '%.*s' is there already and cannot be declared",
                            MATY__NAME(&check->names, decl->name.name)));
    } else if (*bound != MATY__NONE) {
      MATY__TRY(maty__error(check, MATY_CLASS_DUP_TYPE, decl->name.at, length,
                            "the %s '%.*s' is declared twice",
                            decl->kind == MATY__VALUE_TYPE ? "type" : "message signature",
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

/* One of another language: nothing is known of it but its name. */
static maty_status add_external(resolver_t *resolver, const maty__type_decl_t *decl,
                                uint32_t *type) {
  const maty__type_expr_t expr = {
      .at = decl->name.at, .length = maty__name_length(&resolver->check->names, decl->name.name)};
  return maty__types_add_name(resolver->check, resolver->types, &expr, MATY__TYPE_ANY,
                              decl->name.name, type);
}

/* The declaration that a type names, or MATY__NONE. */
static uint32_t named_by(const resolver_t *resolver, const maty__type_expr_t *expr) {
  if (expr->kind != MATY__TYPE_EXPR_NAME)
    return MATY__NONE;
  uint32_t unit = maty__module_named(resolver->tree, resolver->unit, expr->module);
  return unit == MATY__NONE ? MATY__NONE
                            : maty__map_get(&resolver->decls, maty__scoped(unit, expr->name));
}

/* Depth first over declarations that name one another, in any order. */
static maty_status resolve_decl(resolver_t *resolver, uint32_t root) {
  uint8_t *state = resolver->decl_state;
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
    resolver->unit = decl->unit;
    if (top->next == decl->end_type) {
      if (decl->end_type > decl->first_type && !decl->broken)
        resolver->decl_type[top->decl] = resolver->types->resolved[decl->end_type - 1];
      else if (decl->kind == MATY__VALUE_TYPE && !decl->broken)
        MATY__TRY(add_external(resolver, decl, &resolver->decl_type[top->decl]));
      state[top->decl] = DONE;
      open.count--;
      continue;
    }
    const maty__type_expr_t *expr = &tree->types.at[top->next];
    uint32_t named = named_by(resolver, expr);
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
      resolver->types->resolved[top->next++] = MATY__NONE;
      continue;
    }
    maty_status status = resolve_expr(resolver, top->next++);
    if (status != MATY_OK && status != MATY_EREJECTED)
      return status;
  }
  return MATY_OK;
}

/* ===== Protocols ========================================================= */

static maty_status resolve_fields(resolver_t *resolver, uint32_t first_field, uint32_t count,
                                  uint32_t *payload) {
  bool distinct = true;
  if (count > 0)
    MATY__TRY(check_part_names(resolver, &resolver->tree->fields.at[first_field], count, "field",
                               &distinct));
  bool broken = !distinct;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t type = resolver->tree->fields.at[first_field + i].type;
    broken = broken || resolver->types->resolved[type] == MATY__NONE;
  }
  resolver->protocol->broken |= broken;
  return maty__types_add_payload(resolver->tree, resolver->types, first_field, count,
                                 resolver->types->resolved, 0, payload);
}

/* What a name that stands alone is. */
typedef struct meaning {
  bool found; /* it is a parameter or declared, and of this kind: */
  maty__value_kind kind;
  uint32_t parameter; /* MATY__NONE: it is declared */
  uint32_t unit;      /* where it would be declared */
} meaning_t;

static maty_status find_meaning(resolver_t *resolver, const maty__use_t *module, maty__name_t name,
                                meaning_t *meaning) {
  uint32_t decl;
  *meaning = (meaning_t){.parameter = MATY__NONE, .unit = resolver->unit};
  if (module->name == MATY__WORD_EMPTY)
    meaning->parameter = resolver->parameter_of[name];
  if (meaning->parameter != MATY__NONE) {
    meaning->found = true;
    meaning->kind = parameter_at(resolver, meaning->parameter)->kind;
    return MATY_OK;
  }
  MATY__TRY(find_decl(resolver, module, name, &meaning->unit, &decl));
  meaning->found = decl != MATY__NONE;
  if (meaning->found)
    meaning->kind = resolver->tree->type_decls.at[decl].kind;
  return MATY_OK;
}

static maty_status unbound_signature(resolver_t *resolver, const maty__use_t *module,
                                     const maty__use_t *use, uint32_t unit) {
  const maty__names_t *names = &resolver->check->names;
  resolver->protocol->broken = true;
  if (module->name != MATY__WORD_EMPTY)
    return unbound_in_module(resolver, unit, use->name,
                             use->at + maty__name_length(names, use->name), "message signature");
  return maty__error(resolver->check, MATY_CLASS_UNBOUND_TYPE, use->at,
                     maty__name_length(names, use->name),
                     "there is no message signature '%.*s'; a label has brackets, '%.*s()'",
                     MATY__NAME(names, use->name), MATY__NAME(names, use->name));
}

/* A name alone is a signature, or in some dialects a label. */
static maty_status resolve_bare_message(resolver_t *resolver, maty__stmt_t *stmt) {
  meaning_t meaning;
  MATY__TRY(find_meaning(resolver, &stmt->module, stmt->name.name, &meaning));
  if (meaning.found && meaning.kind == MATY__VALUE_SIGNATURE) {
    stmt->name.meaning = meaning.parameter;
    stmt->generic = meaning.parameter != MATY__NONE;
    return MATY_OK;
  }
  bool label = !resolver->dialect->bare_signatures && stmt->module.name == MATY__WORD_EMPTY;
  return label ? MATY_OK : unbound_signature(resolver, &stmt->module, &stmt->name, meaning.unit);
}

static maty_status resolve_message(resolver_t *resolver, maty__stmt_t *stmt) {
  stmt->name.meaning = MATY__NONE;
  maty_status status = stmt->bare ? resolve_bare_message(resolver, stmt) : MATY_OK;
  if (status == MATY_EREJECTED)
    resolver->protocol->broken = true;
  else
    MATY__TRY(status);
  return resolve_fields(resolver, stmt->first_field, stmt->field_count, &stmt->payload);
}

static maty_status wrong_kind(resolver_t *resolver, const maty__value_t *value,
                              const maty__parameter_t *parameter) {
  static const char *const names[] = {"a type", "a message signature"};
  resolver->protocol->broken = true;
  MATY__TRY(maty__error(resolver->check, MATY_CLASS_ARITY, value->at, value->length,
                        "the parameter '%.*s' is %s, and %s is given here",
                        MATY__NAME(&resolver->check->names, parameter->name.name),
                        names[parameter->kind], names[1 - parameter->kind]));
  return maty__note(resolver->check, MATY_CLASS_ARITY, parameter->name.at,
                    maty__name_length(&resolver->check->names, parameter->name.name),
                    "it is declared here");
}

static maty_status resolve_bare_value(resolver_t *resolver, maty__value_t *value,
                                      const maty__parameter_t *parameter) {
  meaning_t meaning;
  MATY__TRY(find_meaning(resolver, &value->module, value->name.name, &meaning));
  if (meaning.found && meaning.kind != parameter->kind)
    return wrong_kind(resolver, value, parameter);
  value->parameter = meaning.parameter;
  if (parameter->kind == MATY__VALUE_TYPE) {
    maty__type_expr_t expr = {.at = value->at,
                              .length = value->length,
                              .module = value->module.name,
                              .name = value->name.name};
    return resolve_name(resolver, &expr, &value->number);
  }
  if (!meaning.found)
    return unbound_signature(resolver, &value->module, &value->name, meaning.unit);
  return maty__types_add_bare_signature(resolver->types, value->name.name, &value->number);
}

static maty_status resolve_value(resolver_t *resolver, maty__value_t *value,
                                 const maty__parameter_t *parameter) {
  uint32_t payload;
  if (value->bare)
    return resolve_bare_value(resolver, value, parameter);
  if (value->kind != parameter->kind)
    return wrong_kind(resolver, value, parameter);
  if (value->kind == MATY__VALUE_TYPE) {
    value->number = resolver->types->resolved[value->type];
    return MATY_OK;
  }
  MATY__TRY(resolve_fields(resolver, value->first_field, value->field_count, &payload));
  return maty__types_add_signature(resolver->types, value->name.name, payload, &value->number);
}

/* The values of a call whose protocol is known and has as many parameters. */
static maty_status resolve_values(resolver_t *resolver, maty__stmt_t *stmt) {
  if (stmt->name.meaning == MATY__NONE)
    return MATY_OK;
  const maty__protocol_t *callee = &resolver->tree->protocols.at[stmt->name.meaning];
  for (uint32_t i = 0; i < stmt->value_count && i < callee->parameter_count; i++) {
    maty__value_t *value = &resolver->tree->values.at[stmt->first_value + i];
    maty_status status =
        resolve_value(resolver, value, &resolver->tree->parameters.at[callee->first_parameter + i]);
    if (status == MATY_EREJECTED)
      resolver->protocol->broken = true;
    else
      MATY__TRY(status);
    stmt->generic |= value->parameter != MATY__NONE;
  }
  return MATY_OK;
}

static maty_status resolve_stmt(resolver_t *resolver, maty__stmt_t *stmt) {
  for (uint32_t i = stmt->first_type; i < stmt->end_type; i++) {
    maty_status status = resolve_expr(resolver, i);
    if (status == MATY_EREJECTED)
      resolver->protocol->broken = true;
    else
      MATY__TRY(status);
    stmt->generic |= resolver->tree->types.at[i].parameter != MATY__NONE;
  }
  if (stmt->kind == MATY__STMT_MESSAGE)
    return resolve_message(resolver, stmt);
  return stmt->kind == MATY__STMT_DO ? resolve_values(resolver, stmt) : MATY_OK;
}

/* Inside of its protocol a parameter stands for itself. */
static maty_status bind_parameters(resolver_t *resolver) {
  for (uint32_t i = 0; i < resolver->protocol->parameter_count; i++) {
    maty__parameter_t *parameter = parameter_at(resolver, i);
    const maty__type_expr_t expr = {.at = parameter->name.at};
    resolver->parameter_of[parameter->name.name] = i;
    if (parameter->kind == MATY__VALUE_TYPE)
      MATY__TRY(maty__types_add_name(resolver->check, resolver->types, &expr, MATY__TYPE_ANY,
                                     parameter->name.name, &parameter->number));
    else
      MATY__TRY(maty__types_add_bare_signature(resolver->types, parameter->name.name,
                                               &parameter->number));
  }
  return MATY_OK;
}

static maty_status resolve_protocol(resolver_t *resolver) {
  maty__protocol_t *protocol = resolver->protocol;
  MATY__TRY(bind_parameters(resolver));
  for (maty__stmt_t *stmt = &resolver->tree->stmts.at[protocol->first_stmt];
       stmt->kind != MATY__STMT_BODY_END; stmt++)
    MATY__TRY(resolve_stmt(resolver, stmt));
  for (uint32_t i = 0; i < protocol->parameter_count; i++)
    resolver->parameter_of[parameter_at(resolver, i)->name.name] = MATY__NONE;
  return MATY_OK;
}

static uint32_t *table(maty__check_t *check, uint32_t count) {
  uint32_t *numbers = maty__array(check->scratch, uint32_t, count);
  if (numbers != NULL)
    memset(numbers, 0xff, count * sizeof *numbers);
  return numbers;
}

static maty_status add_invitation(resolver_t *resolver) {
  maty__types_t *types = resolver->types;
  const maty__type_expr_t expr = {.at = 0};
  uint32_t words[] = {MATY__WORD_EMPTY, MATY__NONE};
  MATY__TRY(maty__types_add_name(resolver->check, types, &expr, MATY__TYPE_ANY, MATY__WORD_EMPTY,
                                 &words[1]));
  types->invitation = maty__pool_put(types->arena, &types->payloads, words, 2);
  MATY__NEED(types->invitation != MATY__NONE);
  return MATY_OK;
}

maty_status maty__types_resolve(maty__check_t *check, maty__tree_t *tree, maty__arena_t *arena,
                                maty__types_t *types) {
  *types = (maty__types_t){.arena = arena, .resolved = table(check, tree->types.count)};
  uint32_t name_count = check->names.items.count, decl_count = tree->type_decls.count;
  resolver_t resolver = {
      .check = check,
      .dialect = maty__dialect(check->config->dialect),
      .tree = tree,
      .types = types,
      .parameter_of = table(check, name_count),
      .decl_type = table(check, decl_count),
      .decl_state = maty__zarray(check->scratch, uint8_t, decl_count),
      .part_of = maty__zarray(check->scratch, uint32_t, name_count),
  };
  MATY__NEED(types->resolved != NULL && resolver.parameter_of != NULL &&
             resolver.decl_type != NULL && resolver.decl_state != NULL && resolver.part_of != NULL);
  MATY__TRY(bind_decls(&resolver));
  for (uint32_t i = 0; i < decl_count; i++)
    MATY__TRY(resolve_decl(&resolver, i));
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    resolver.protocol = &tree->protocols.at[i];
    resolver.unit = resolver.protocol->unit;
    MATY__TRY(resolve_protocol(&resolver));
  }
  return tree->invitations.count > 0 ? add_invitation(&resolver) : MATY_OK;
}
