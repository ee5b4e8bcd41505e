/* resolve.c - see resolve.h.
 *
 * One table per kind of name, indexed by the name's number, holds what the name
 * means at this point of the walk. Roles are taken out again at the end of
 * their protocol, a loop's name at the end of the loop, so the tables cost
 * nothing per protocol. Protocols and modules are found by where they are seen
 * and their name: in a text, which goes by its number, or inside of a protocol,
 * which goes by its number plus the number of texts.
 */
#include "resolve.h"

#include <string.h>

#include "dialect.h"
#include "limits.h"
#include "text.h"

typedef struct open_rec {
  maty__name_t name;
  uint32_t hidden; /* what the name meant outside */
} open_rec_t;

typedef struct resolver {
  maty__check_t *check;
  maty__tree_t *tree;
  maty__protocol_t *protocol;
  maty__map_t protocols; /* by scope and name */
  uint32_t *role_of;     /* each by name; MATY__NONE: nothing */
  uint32_t *rec_of;
  uint32_t *parameter_of;
  uint32_t *seen_at; /* by role: the statement that named it last, plus one */
  MATY__VEC(open_rec_t) open;
} resolver_t;

static uint32_t length_of(const resolver_t *resolver, const maty__use_t *use) {
  return maty__name_length(&resolver->check->names, use->name);
}

/* Reports a name that means nothing, with the one that was likely meant. */
static maty_status unbound(resolver_t *resolver, maty_class class_, const maty__use_t *use,
                           const char *what, const maty__nearest_t *nearest) {
  const maty__names_t *names = &resolver->check->names;
  resolver->protocol->broken = true;
  if (nearest->name == MATY__NONE)
    return maty__error(resolver->check, class_, use->at, length_of(resolver, use),
                       "there is no %s '%.*s'", what, MATY__NAME(names, use->name));
  return maty__error(resolver->check, class_, use->at, length_of(resolver, use),
                     "there is no %s '%.*s'; did you mean '%.*s'?", what,
                     MATY__NAME(names, use->name), MATY__NAME(names, nearest->name));
}

static maty_status duplicate(resolver_t *resolver, maty_class class_, const maty__use_t *use,
                             const maty__use_t *first, const char *what) {
  resolver->protocol->broken = true;
  MATY__TRY(maty__error(resolver->check, class_, use->at, length_of(resolver, use),
                        "the %s '%.*s' is declared twice", what,
                        MATY__NAME(&resolver->check->names, use->name)));
  return maty__note(resolver->check, class_, first->at, length_of(resolver, first),
                    "it is declared here first");
}

static maty__use_t *role_at(const resolver_t *resolver, uint32_t role) {
  return &resolver->tree->uses.at[resolver->protocol->first_role + role];
}

static maty_status resolve_role(resolver_t *resolver, maty__use_t *use) {
  use->meaning = resolver->role_of[use->name];
  if (use->meaning != MATY__NONE)
    return MATY_OK;
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, &resolver->check->names, use->name, !resolver->check->full);
  for (uint32_t i = 0; i < resolver->protocol->role_count && nearest.left > 0; i++)
    maty__nearest_offer(&nearest, role_at(resolver, i)->name);
  return unbound(resolver, MATY_CLASS_UNBOUND_ROLE, use, "role", &nearest);
}

/* The roles in a list have to be distinct; "index" is the statement's own. */
static maty_status resolve_arguments(resolver_t *resolver, maty__stmt_t *stmt, uint32_t index) {
  for (uint32_t i = 0; i < stmt->argument_count; i++) {
    maty__use_t *use = &resolver->tree->uses.at[stmt->first_argument + i];
    MATY__TRY(resolve_role(resolver, use));
    if (use->meaning == MATY__NONE)
      continue;
    if (resolver->seen_at[use->meaning] == index + 1) {
      resolver->protocol->broken = true;
      MATY__TRY(maty__error(resolver->check, MATY_CLASS_DUP_ROLE, use->at, length_of(resolver, use),
                            "the role '%.*s' stands twice in this list",
                            MATY__NAME(&resolver->check->names, use->name)));
    }
    resolver->seen_at[use->meaning] = index + 1;
  }
  return MATY_OK;
}

static maty_status resolve_message(resolver_t *resolver, maty__stmt_t *stmt, uint32_t index) {
  MATY__TRY(resolve_role(resolver, &stmt->subject));
  MATY__TRY(resolve_arguments(resolver, stmt, index));
  for (uint32_t i = 0; i < stmt->argument_count; i++) {
    const maty__use_t *use = &resolver->tree->uses.at[stmt->first_argument + i];
    if (use->meaning == MATY__NONE || use->meaning != stmt->subject.meaning)
      continue;
    resolver->protocol->broken = true;
    MATY__TRY(maty__error(resolver->check, MATY_CLASS_SELF_MESSAGE, use->at,
                          length_of(resolver, use), "the role '%.*s' sends a message to itself",
                          MATY__NAME(&resolver->check->names, use->name)));
  }
  return MATY_OK;
}

/* ===== Protocols ========================================================= */

static uint32_t scope_of(const resolver_t *resolver, uint32_t unit, uint32_t outer) {
  return outer == MATY__NONE ? unit : resolver->tree->units.count + outer;
}

/* Looks for a name from where the current protocol's statements stand. */
static uint32_t find_protocol(const resolver_t *resolver, maty__name_t name) {
  uint32_t outer = (uint32_t)(resolver->protocol - resolver->tree->protocols.at);
  uint32_t found = MATY__NONE;
  for (;;) {
    uint32_t scope = scope_of(resolver, resolver->protocol->unit, outer);
    found = maty__map_get(&resolver->protocols, maty__scoped(scope, name));
    if (found != MATY__NONE || outer == MATY__NONE)
      return found;
    outer = resolver->tree->protocols.at[outer].outer;
  }
}

static maty_status unbound_protocol(resolver_t *resolver, const maty__use_t *use, uint32_t unit) {
  const maty__unit_t *in = &resolver->tree->units.at[unit];
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, &resolver->check->names, use->name, !resolver->check->full);
  for (uint32_t i = in->first_protocol; i < in->end_protocol && nearest.left > 0; i++)
    maty__nearest_offer(&nearest, resolver->tree->protocols.at[i].name.name);
  return unbound(resolver, MATY_CLASS_UNBOUND_PROTOCOL, use,
                 unit == resolver->protocol->unit ? "protocol" : "protocol in this module named",
                 &nearest);
}

uint32_t maty__module_named(const maty__tree_t *tree, uint32_t unit, maty__name_t name) {
  if (name == MATY__WORD_EMPTY || name == tree->units.at[unit].name.name)
    return unit;
  uint32_t import = maty__map_get(&tree->modules, maty__scoped(unit, name));
  return import == MATY__NONE ? MATY__NONE : tree->imports.at[import].unit;
}

/* One that is imported and was not found was reported as such. */
maty_status maty__resolve_module(maty__check_t *check, const maty__tree_t *tree, uint32_t unit,
                                 const maty__use_t *module, maty_class class_, uint32_t *found) {
  *found = maty__module_named(tree, unit, module->name);
  if (*found != MATY__NONE ||
      maty__map_get(&tree->modules, maty__scoped(unit, module->name)) != MATY__NONE)
    return MATY_OK;
  return maty__error(check, class_, module->at, maty__name_length(&check->names, module->name),
                     "the module '%.*s' is not imported here",
                     MATY__NAME(&check->names, module->name));
}

/* Sets use->meaning to the protocol, or reports that there is none. */
static maty_status resolve_protocol_name(resolver_t *resolver, const maty__use_t *module,
                                         maty__use_t *use) {
  uint32_t unit = resolver->protocol->unit;
  use->meaning = MATY__NONE;
  if (module->name == MATY__WORD_EMPTY) {
    use->meaning = find_protocol(resolver, use->name);
    return use->meaning == MATY__NONE ? unbound_protocol(resolver, use, unit) : MATY_OK;
  }
  MATY__TRY(maty__resolve_module(resolver->check, resolver->tree, unit, module,
                                 MATY_CLASS_UNBOUND_PROTOCOL, &unit));
  if (unit == MATY__NONE) {
    resolver->protocol->broken = true;
    return MATY_OK;
  }
  use->meaning = maty__map_get(&resolver->protocols, maty__scoped(unit, use->name));
  return use->meaning == MATY__NONE ? unbound_protocol(resolver, use, unit) : MATY_OK;
}

/* Compares how many of something a protocol takes with how many it is given. */
static maty_status check_arity(resolver_t *resolver, const maty__stmt_t *stmt, const char *what,
                               uint32_t has, uint32_t given) {
  const maty__names_t *names = &resolver->check->names;
  const maty__protocol_t *callee = &resolver->tree->protocols.at[stmt->name.meaning];
  if (has == given)
    return MATY_OK;
  resolver->protocol->broken = true;
  MATY__TRY(maty__error(resolver->check, MATY_CLASS_ARITY, stmt->at, stmt->length,
                        "the protocol '%.*s' takes %u %s%s, and %u %s given here",
                        MATY__NAME(names, stmt->name.name), has, what, has == 1 ? "" : "s", given,
                        given == 1 ? "is" : "are"));
  return maty__note(resolver->check, MATY_CLASS_ARITY, callee->name.at,
                    length_of(resolver, &callee->name), "it is declared here");
}

static maty_status resolve_do(resolver_t *resolver, maty__stmt_t *stmt, uint32_t index) {
  if (stmt->calls)
    MATY__TRY(resolve_role(resolver, &stmt->subject));
  MATY__TRY(resolve_arguments(resolver, stmt, index));
  MATY__TRY(resolve_protocol_name(resolver, &stmt->module, &stmt->name));
  if (stmt->name.meaning == MATY__NONE)
    return MATY_OK;
  maty__protocol_t *callee = &resolver->tree->protocols.at[stmt->name.meaning];
  if (stmt->calls && !callee->nested) {
    resolver->protocol->broken = true;
    return maty__error(resolver->check, MATY_CLASS_UNBOUND_PROTOCOL, stmt->name.at,
                       length_of(resolver, &stmt->name), "the protocol '%.*s' is not a nested one",
                       MATY__NAME(&resolver->check->names, stmt->name.name));
  }
  if (stmt->calls)
    callee->called = true;
  if (callee->headless)
    return MATY_OK;
  uint32_t handed = callee->role_count - (stmt->calls ? callee->new_role_count : 0);
  MATY__TRY(check_arity(resolver, stmt, "role", handed, stmt->argument_count));
  return check_arity(resolver, stmt, "parameter", callee->parameter_count, stmt->value_count);
}

/* ===== Statements ======================================================== */

static maty_status resolve_continue(resolver_t *resolver, maty__stmt_t *stmt) {
  stmt->name.meaning = resolver->rec_of[stmt->name.name];
  if (stmt->name.meaning != MATY__NONE)
    return MATY_OK;
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, &resolver->check->names, stmt->name.name, !resolver->check->full);
  for (uint32_t i = 0; i < resolver->open.count && nearest.left > 0; i++)
    maty__nearest_offer(&nearest, resolver->open.at[i].name);
  return unbound(resolver, MATY_CLASS_UNBOUND_RECVAR, &stmt->name, "loop around this named",
                 &nearest);
}

/* Makes a loop's name known, and hides that of a loop around it. */
static maty_status open_loop(resolver_t *resolver, const maty__stmt_t *stmt, uint32_t index) {
  open_rec_t rec = {.name = stmt->name.name, .hidden = resolver->rec_of[stmt->name.name]};
  MATY__NEED(maty__vec_push(resolver->check->scratch, &resolver->open, rec));
  resolver->rec_of[stmt->name.name] = index;
  if (rec.hidden == MATY__NONE || !maty__dialect(resolver->check->config->dialect)->loops_differ)
    return MATY_OK;
  resolver->protocol->broken = true;
  MATY__TRY(maty__error(resolver->check, MATY_CLASS_DUP_LABEL, stmt->name.at,
                        length_of(resolver, &stmt->name), "a loop around this is named '%.*s', too",
                        MATY__NAME(&resolver->check->names, stmt->name.name)));
  const maty__use_t *outer = &resolver->tree->stmts.at[rec.hidden].name;
  return maty__note(resolver->check, MATY_CLASS_DUP_LABEL, outer->at, length_of(resolver, outer),
                    "it is this one");
}

static maty_status resolve_stmt(resolver_t *resolver, uint32_t index) {
  maty__stmt_t *stmt = &resolver->tree->stmts.at[index];
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    return resolve_message(resolver, stmt, index);
  case MATY__STMT_CHOICE:
    return resolve_role(resolver, &stmt->subject);
  case MATY__STMT_REC:
    return open_loop(resolver, stmt, index);
  case MATY__STMT_REC_END: {
    open_rec_t *rec = &resolver->open.at[--resolver->open.count];
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a tree's blocks are balanced */
    resolver->rec_of[rec->name] = rec->hidden;
    return MATY_OK;
  }
  case MATY__STMT_CONTINUE:
    return resolve_continue(resolver, stmt);
  case MATY__STMT_DO:
    return resolve_do(resolver, stmt, index);
  case MATY__STMT_OR:
  case MATY__STMT_CHOICE_END:
  case MATY__STMT_MACHINE: /* these two are in no protocol */
  case MATY__STMT_STATE:
  case MATY__STMT_BODY_END:
    return MATY_OK;
  }
  return MATY_OK;
}

static const maty__parameter_t *parameter_at(const resolver_t *resolver, uint32_t parameter) {
  return &resolver->tree->parameters.at[resolver->protocol->first_parameter + parameter];
}

static maty_status check_parameters(resolver_t *resolver) {
  uint32_t count = resolver->protocol->parameter_count;
  for (uint32_t i = 0; i < count; i++) {
    const maty__use_t *name = &parameter_at(resolver, i)->name;
    uint32_t *bound = &resolver->parameter_of[name->name];
    if (*bound != MATY__NONE)
      MATY__TRY(duplicate(resolver, MATY_CLASS_DUP_TYPE, name,
                          &parameter_at(resolver, *bound)->name, "parameter"));
    else
      *bound = i;
  }
  for (uint32_t i = 0; i < count; i++)
    resolver->parameter_of[parameter_at(resolver, i)->name.name] = MATY__NONE;
  return MATY_OK;
}

static maty_status resolve_protocol(resolver_t *resolver) {
  maty__protocol_t *protocol = resolver->protocol;
  MATY__TRY(check_parameters(resolver));
  for (uint32_t i = 0; i < protocol->role_count; i++) {
    uint32_t *bound = &resolver->role_of[role_at(resolver, i)->name];
    if (*bound != MATY__NONE)
      MATY__TRY(duplicate(resolver, MATY_CLASS_DUP_ROLE, role_at(resolver, i),
                          role_at(resolver, *bound), "role"));
    else
      *bound = i;
  }
  uint32_t index = protocol->first_stmt;
  for (; resolver->tree->stmts.at[index].kind != MATY__STMT_BODY_END; index++)
    MATY__TRY(resolve_stmt(resolver, index));
  for (uint32_t i = 0; i < protocol->role_count; i++)
    resolver->role_of[role_at(resolver, i)->name] = MATY__NONE;
  return maty__check_work(resolver->check, index - protocol->first_stmt);
}

/* Two names as one. Such a name becomes an atom as any other does. */
static maty_status join(resolver_t *resolver, maty__name_t one, char between, maty__name_t other,
                        maty__name_t *joined) {
  maty__names_t *names = &resolver->check->names;
  const maty__use_t *place = &resolver->protocol->name;
  *joined = other;
  if (maty__name_length(names, one) + 1 + maty__name_length(names, other) > MATY_MAX_NAME) {
    resolver->protocol->broken = true;
    return maty__error(resolver->check, MATY_CLASS_LIMIT, place->at, length_of(resolver, place),
                       "the name '%.*s%c%.*s' has more than %u bytes", MATY__NAME(names, one),
                       between, MATY__NAME(names, other), MATY_MAX_NAME);
  }
  maty__text_t text;
  maty__text_init(&text, resolver->check->scratch);
  maty__text_add(&text, "%.*s%c%.*s", MATY__NAME(names, one), between, MATY__NAME(names, other));
  MATY__NEED(!text.failed);
  *joined = maty__names_put(names, text.at, (uint32_t)text.length);
  MATY__NEED(*joined != MATY__NONE);
  return MATY_OK;
}

/* What a protocol goes by, and the invitations to it. What it is nested in comes
 * before it. */
static maty_status name_outside(resolver_t *resolver) {
  maty__tree_t *tree = resolver->tree;
  maty__protocol_t *protocol = resolver->protocol;
  protocol->path = protocol->name.name;
  protocol->first_invitation = tree->invitations.count;
  if (protocol->outer != MATY__NONE)
    MATY__TRY(join(resolver, tree->protocols.at[protocol->outer].path, '.', protocol->name.name,
                   &protocol->path));
  if (!protocol->nested || protocol->headless)
    return MATY_OK;
  for (uint32_t i = 0; i < protocol->role_count - protocol->new_role_count; i++) {
    maty__name_t invitation;
    MATY__TRY(join(resolver, protocol->name.name, '_', role_at(resolver, i)->name, &invitation));
    MATY__NEED(maty__vec_push(resolver->check->scratch, &tree->invitations, invitation));
  }
  return MATY_OK;
}

static maty_status bind_protocols(resolver_t *resolver) {
  maty__tree_t *tree = resolver->tree;
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    maty__protocol_t *protocol = &tree->protocols.at[i];
    uint32_t scope = scope_of(resolver, protocol->unit, protocol->outer);
    uint32_t *bound = maty__map_put(resolver->check->scratch, &resolver->protocols,
                                    maty__scoped(scope, protocol->name.name));
    MATY__NEED(bound != NULL);
    resolver->protocol = protocol;
    if (*bound != MATY__NONE)
      MATY__TRY(duplicate(resolver, MATY_CLASS_DUP_PROTOCOL, &protocol->name,
                          &tree->protocols.at[*bound].name, "protocol"));
    else
      *bound = i;
    MATY__TRY(name_outside(resolver));
  }
  return MATY_OK;
}

/* ===== Modules =========================================================== */

static maty_status bind_imports(resolver_t *resolver, uint32_t unit) {
  maty__check_t *check = resolver->check;
  const maty__unit_t *in = &resolver->tree->units.at[unit];
  for (uint32_t i = in->first_import; i < in->end_import; i++) {
    const maty__import_t *import = &resolver->tree->imports.at[i];
    uint32_t *bound = maty__map_put(check->scratch, &resolver->tree->modules,
                                    maty__scoped(unit, import->visible.name));
    MATY__NEED(bound != NULL);
    if (*bound == MATY__NONE)
      *bound = i;
    const maty__import_t *first = &resolver->tree->imports.at[*bound];
    if (first->module.name == import->module.name)
      continue;
    MATY__TRY(maty__error(
        check, MATY_CLASS_DUP_MODULE, import->visible.at, length_of(resolver, &import->visible),
        "the name '%.*s' stands for two modules", MATY__NAME(&check->names, import->visible.name)));
    MATY__TRY(maty__note(check, MATY_CLASS_DUP_MODULE, first->visible.at,
                         length_of(resolver, &first->visible), "this is the first"));
  }
  return MATY_OK;
}

/* ===== Delegations ======================================================= */

static maty_status resolve_delegations(resolver_t *resolver) {
  maty__tree_t *tree = resolver->tree;
  maty__map_t roles = {0}; /* by protocol and name */
  for (uint32_t i = 0; tree->delegations.count > 0 && i < tree->protocols.count; i++)
    for (uint32_t j = 0; j < tree->protocols.at[i].role_count; j++) {
      maty__name_t name = tree->uses.at[tree->protocols.at[i].first_role + j].name;
      uint32_t *role = maty__map_put(resolver->check->scratch, &roles, maty__scoped(i, name));
      MATY__NEED(role != NULL);
      *role = j;
    }
  for (uint32_t i = 0; i < tree->delegations.count; i++) {
    maty__delegation_t *delegation = &tree->delegations.at[i];
    maty__use_t *protocol = &delegation->protocol, *role = &delegation->role;
    resolver->protocol = &tree->protocols.at[delegation->inside];
    MATY__TRY(resolve_protocol_name(resolver, &delegation->module, protocol));
    if (protocol->meaning == MATY__NONE)
      continue;
    role->meaning = maty__map_get(&roles, maty__scoped(protocol->meaning, role->name));
    if (role->meaning == MATY__NONE)
      MATY__TRY(maty__error(resolver->check, MATY_CLASS_UNBOUND_ROLE, role->at,
                            length_of(resolver, role), "the protocol '%.*s' has no role '%.*s'",
                            MATY__NAME(&resolver->check->names, protocol->name),
                            MATY__NAME(&resolver->check->names, role->name)));
  }
  return maty__check_work(resolver->check, tree->delegations.count);
}

/* ===== All of it ========================================================= */

static uint32_t *names_table(maty__check_t *check) {
  uint32_t count = check->names.items.count;
  uint32_t *table = maty__array(check->scratch, uint32_t, count);
  if (table != NULL)
    memset(table, 0xff, count * sizeof *table);
  return table;
}

maty_status maty__resolve(maty__check_t *check, maty__tree_t *tree) {
  uint32_t most_roles = 0;
  for (uint32_t i = 0; i < tree->protocols.count; i++)
    if (tree->protocols.at[i].role_count > most_roles)
      most_roles = tree->protocols.at[i].role_count;
  resolver_t resolver = {.check = check,
                         .tree = tree,
                         .role_of = names_table(check),
                         .rec_of = names_table(check),
                         .parameter_of = names_table(check),
                         .seen_at = maty__zarray(check->scratch, uint32_t, most_roles)};
  MATY__NEED(resolver.role_of != NULL && resolver.rec_of != NULL && resolver.parameter_of != NULL &&
             resolver.seen_at != NULL);
  MATY__TRY(bind_protocols(&resolver));
  for (uint32_t i = 0; i < tree->units.count; i++)
    MATY__TRY(bind_imports(&resolver, i));
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    resolver.protocol = &tree->protocols.at[i];
    MATY__TRY(resolve_protocol(&resolver));
  }
  return resolve_delegations(&resolver);
}
