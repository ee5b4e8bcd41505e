/* resolve.c - see resolve.h.
 *
 * One table per kind of name, indexed by the name's number, holds what the name
 * means at this point of the walk. Roles are taken out again at the end of
 * their protocol, a loop's name at the end of the loop, so the tables cost
 * nothing per protocol.
 */
#include "resolve.h"

#include <string.h>

typedef struct open_rec {
  maty__name_t name;
  uint32_t hidden; /* what the name meant outside */
} open_rec_t;

typedef struct resolver {
  maty__check_t *check;
  maty__tree_t *tree;
  maty__protocol_t *protocol;
  uint32_t *protocol_of; /* each by name; MATY__NONE: nothing */
  uint32_t *role_of;
  uint32_t *rec_of;
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

static maty_status resolve_do(resolver_t *resolver, maty__stmt_t *stmt, uint32_t index) {
  maty__check_t *check = resolver->check;
  MATY__TRY(resolve_arguments(resolver, stmt, index));
  stmt->name.meaning = resolver->protocol_of[stmt->name.name];
  if (stmt->name.meaning == MATY__NONE) {
    maty__nearest_t nearest;
    maty__nearest_init(&nearest, &check->names, stmt->name.name, !check->full);
    for (uint32_t i = 0; i < resolver->tree->protocols.count && nearest.left > 0; i++)
      maty__nearest_offer(&nearest, resolver->tree->protocols.at[i].name.name);
    return unbound(resolver, MATY_CLASS_UNBOUND_PROTOCOL, &stmt->name, "protocol", &nearest);
  }
  const maty__protocol_t *callee = &resolver->tree->protocols.at[stmt->name.meaning];
  /* The roles of a protocol whose head could not be read are not known. */
  if (callee->broken || callee->role_count == stmt->argument_count)
    return MATY_OK;
  resolver->protocol->broken = true;
  MATY__TRY(maty__error(check, MATY_CLASS_ARITY, stmt->at, stmt->length,
                        "the protocol '%.*s' has %u role%s, and %u %s given here",
                        MATY__NAME(&check->names, stmt->name.name), callee->role_count,
                        callee->role_count == 1 ? "" : "s", stmt->argument_count,
                        stmt->argument_count == 1 ? "is" : "are"));
  return maty__note(check, MATY_CLASS_ARITY, callee->name.at, length_of(resolver, &callee->name),
                    "it is declared here");
}

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

static maty_status resolve_stmt(resolver_t *resolver, uint32_t index) {
  maty__stmt_t *stmt = &resolver->tree->stmts.at[index];
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    return resolve_message(resolver, stmt, index);
  case MATY__STMT_CHOICE:
    return resolve_role(resolver, &stmt->subject);
  case MATY__STMT_REC: {
    open_rec_t rec = {.name = stmt->name.name, .hidden = resolver->rec_of[stmt->name.name]};
    MATY__NEED(maty__vec_push(resolver->check->scratch, &resolver->open, rec));
    resolver->rec_of[stmt->name.name] = index;
    return MATY_OK;
  }
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

static maty_status resolve_protocol(resolver_t *resolver) {
  maty__protocol_t *protocol = resolver->protocol;
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

static maty_status bind_protocols(resolver_t *resolver) {
  maty__tree_t *tree = resolver->tree;
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    maty__use_t *name = &tree->protocols.at[i].name;
    uint32_t *bound = &resolver->protocol_of[name->name];
    resolver->protocol = &tree->protocols.at[i];
    if (*bound != MATY__NONE)
      MATY__TRY(duplicate(resolver, MATY_CLASS_DUP_PROTOCOL, name, &tree->protocols.at[*bound].name,
                          "protocol"));
    else
      *bound = i;
  }
  return MATY_OK;
}

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
                         .protocol_of = names_table(check),
                         .role_of = names_table(check),
                         .rec_of = names_table(check),
                         .seen_at = maty__zarray(check->scratch, uint32_t, most_roles)};
  MATY__NEED(resolver.protocol_of != NULL && resolver.role_of != NULL && resolver.rec_of != NULL &&
             resolver.seen_at != NULL);
  MATY__TRY(bind_protocols(&resolver));
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    resolver.protocol = &tree->protocols.at[i];
    MATY__TRY(resolve_protocol(&resolver));
  }
  return MATY_OK;
}
