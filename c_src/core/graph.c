/* graph.c - see graph.h. */
#include "graph.h"

#include <stddef.h>

#include "dialect.h"
#include "lex.h"
#include "limits.h"

typedef struct open_block {
  uint32_t stmt;                     /* the CHOICE, REC or DO; MATY__NONE for the protocol itself */
  uint32_t entry, exit;              /* nodes */
  uint32_t call;                     /* what was being inlined outside; of a DO */
  uint32_t own_role;                 /* outside; of a DO */
  uint32_t hidden;                   /* the block that was known for the loop outside; of a REC */
  uint32_t before;                   /* the node it stands behind */
  uint32_t first_arc, first_chooser; /* the first ones in it */
  /* What stands in it and never ends goes behind the rest of it: */
  const maty__stmt_t *rest;    /* the first statement of the rest; NULL: there is no such thing */
  uint32_t late_arc, rest_arc; /* where the arcs of the two begin */
  uint32_t last_exit;          /* its exit: "exit" is where what goes last begins */
} open_block_t;

typedef struct builder {
  maty__check_t *check;
  const maty__tree_t *tree;
  const maty__dialect_t *dialect;
  maty__types_t *types;
  maty__parts_t *parts; /* NULL: nothing is left out */
  uint32_t role;        /* what is nothing to it is left out; MATY__ANY_ROLE: it stands for all */
  uint32_t own_role;    /* what it is in the protocol that is being inlined */
  maty__automaton_t *automaton;
  maty__graph_t *graph;
  MATY__VEC(open_block_t) open;
  MATY__VEC(uint8_t) reached; /* by node: an arc leads to it */
  maty__pool_t calls; /* protocol, a role of ours for each role of its, what is handed over */
  MATY__VEC(uint8_t) inlining; /* by call */
  maty__map_t instances;       /* call and exit to entry */
  maty__map_t loops;           /* REC statement to its open block */
  maty__u32s_t words;          /* of the call that is being looked up */
  uint32_t call;               /* what is being inlined */
  uint64_t handed;             /* roles to calls so far */
  uint32_t stmt, node;         /* the walk: next statement, and the node before it */
  open_block_t closed;         /* the last block that was left */
  bool rejected;
} builder_t;

static maty_status too_many(builder_t *builder, const maty__stmt_t *stmt, const char *what,
                            uint32_t bound) {
  MATY__TRY(maty__error(builder->check, MATY_CLASS_LIMIT, stmt->at, stmt->length,
                        "the conversation '%.*s' has more than %u %s here",
                        MATY__NAME(&builder->check->names, builder->automaton->protocol->name.name),
                        bound, what));
  return MATY_EREJECTED;
}

static maty_status add_node(builder_t *builder, const maty__stmt_t *stmt, uint32_t *node) {
  if (builder->graph->node_count >= MATY_MAX_STATES)
    return too_many(builder, stmt, "points", MATY_MAX_STATES);
  *node = builder->graph->node_count++;
  MATY__NEED(maty__vec_push(builder->check->work, &builder->reached, 0));
  MATY__NEED(maty__vec_push(builder->check->work, &builder->graph->chooser_of, MATY__NONE));
  return MATY_OK;
}

static maty_status add_arc(builder_t *builder, maty__arc_t arc) {
  builder->reached.at[arc.to] = 1;
  MATY__NEED(maty__vec_push(builder->check->work, &builder->graph->arcs, arc));
  return MATY_OK;
}

static maty_status add_jump(builder_t *builder, const maty__stmt_t *stmt, uint32_t to) {
  return add_arc(builder, (maty__arc_t){.from = builder->node,
                                        .to = to,
                                        .message = MATY__NONE,
                                        .at = stmt->at,
                                        .length = stmt->length});
}

/* The role of the outermost protocol that a role of the inlined one is. */
static uint32_t actual_role(const builder_t *builder, const maty__use_t *use) {
  return maty__pool_at(&builder->calls, builder->call)[1 + use->meaning];
}

/* What stands for the parameters of the inlined protocol. */
static const uint32_t *handed_over(const builder_t *builder) {
  const uint32_t *words = maty__pool_at(&builder->calls, builder->call);
  return words + 1 + builder->tree->protocols.at[words[0]].role_count;
}

static uint32_t sibling(const maty__tree_t *tree, uint32_t stmt) {
  maty__stmt_kind kind = tree->stmts.at[stmt].kind;
  return kind == MATY__STMT_CHOICE || kind == MATY__STMT_REC ? tree->stmts.at[stmt].end + 1
                                                             : stmt + 1;
}

static uint32_t protocol_of(const builder_t *builder, uint32_t call) {
  return maty__pool_at(&builder->calls, call)[0];
}

static bool keeps(const builder_t *builder, uint32_t stmt) {
  return builder->parts == NULL ||
         maty__parts_keeps(builder->parts, protocol_of(builder, builder->call), builder->own_role,
                           stmt);
}

/* The node behind the statement that is being walked: in last place the one
 * where its block goes on, so that what comes last is known by its node. */
static maty_status node_behind(builder_t *builder, const maty__stmt_t *stmt, uint32_t *node) {
  uint32_t next = sibling(builder->tree, builder->stmt);
  while (!maty__stmt_ends_block(&builder->tree->stmts.at[next]) && !keeps(builder, next))
    next = sibling(builder->tree, next);
  if (maty__stmt_ends_block(&builder->tree->stmts.at[next])) {
    *node = builder->open.at[builder->open.count - 1].exit;
    return MATY_OK;
  }
  return add_node(builder, stmt, node);
}

/* A block that begins at this place of the walk. */
static open_block_t block_here(const builder_t *builder) {
  return (open_block_t){.stmt = builder->stmt,
                        .before = builder->node,
                        .first_arc = builder->graph->arcs.count,
                        .first_chooser = builder->graph->choosers.count};
}

static maty_status open_block(builder_t *builder, const maty__stmt_t *stmt, open_block_t block) {
  if (builder->open.count > MATY_MAX_DEPTH)
    return too_many(builder, stmt, "blocks and calls in one another", MATY_MAX_DEPTH);
  MATY__NEED(maty__vec_push(builder->check->work, &builder->open, block));
  return MATY_OK;
}

static maty_status message_number(builder_t *builder, maty__message_t added, uint32_t at,
                                  uint32_t *message) {
  maty__automaton_t *automaton = builder->automaton;
  uint64_t key = (uint64_t)added.sender << 44 | (uint64_t)added.receiver << 32 | added.label;
  uint32_t *number = maty__map_put(builder->check->scratch, &automaton->message_of, key);
  MATY__NEED(number != NULL);
  if (*number == MATY__NONE) {
    *number = automaton->messages.count;
    MATY__NEED(maty__vec_push(builder->check->scratch, &automaton->messages, added));
  }
  *message = *number;
  if (automaton->messages.at[*message].invitation != added.invitation) {
    builder->rejected = true;
    return maty__error(builder->check, MATY_CLASS_DUP_LABEL, at,
                       maty__word_length(builder->check, at),
                       "the invitation '%.*s' goes by the name of another message to this role",
                       MATY__NAME(&builder->check->names, added.label));
  }
  return MATY_OK;
}

static maty_status count_handed(builder_t *builder, const maty__stmt_t *stmt, uint32_t count) {
  builder->handed += count;
  if (builder->handed > MATY_MAX_CALL_ROLES)
    return too_many(builder, stmt, "roles and types handed to calls", MATY_MAX_CALL_ROLES);
  return MATY_OK;
}

/* Several receivers are told one after the other. */
static maty_status walk_message(builder_t *builder, const maty__stmt_t *stmt) {
  uint32_t behind = MATY__NONE, sender = actual_role(builder, &stmt->subject);
  maty__name_t label;
  uint32_t payload;
  MATY__TRY(node_behind(builder, stmt, &behind));
  MATY__TRY(maty__types_message(builder->check, builder->tree, builder->types, stmt,
                                handed_over(builder), &label, &payload));
  if (stmt->generic)
    MATY__TRY(count_handed(builder, stmt, stmt->end_type - stmt->first_type));
  for (uint32_t i = 0; i < stmt->argument_count; i++) {
    uint32_t receiver = actual_role(builder, &builder->tree->uses.at[stmt->first_argument + i]);
    if (builder->role != MATY__ANY_ROLE && builder->role != sender && builder->role != receiver)
      continue;
    maty__arc_t arc = {.from = builder->node,
                       .to = behind,
                       .payload = payload,
                       .deadline = stmt->deadline,
                       .at = stmt->at,
                       .length = stmt->length};
    if (i + 1 < stmt->argument_count &&
        (builder->role == MATY__ANY_ROLE || builder->role == sender))
      MATY__TRY(add_node(builder, stmt, &arc.to));
    maty__message_t message = {
        .sender = sender, .receiver = receiver, .label = label, .invitation = MATY__NONE};
    MATY__TRY(message_number(builder, message, stmt->at, &arc.message));
    MATY__TRY(add_arc(builder, arc));
    builder->node = arc.to;
  }
  builder->stmt++;
  return MATY_OK;
}

/* Goes into the branch that a CHOICE or an OR begins; where parts are left out,
 * into the next one in which something is left. */
static void enter_branch(builder_t *builder, uint32_t stmt) {
  const open_block_t *block = &builder->open.at[builder->open.count - 1];
  if (builder->parts != NULL)
    while (builder->tree->stmts.at[stmt].kind != MATY__STMT_CHOICE_END &&
           !maty__parts_keeps_branch(builder->parts, protocol_of(builder, builder->call),
                                     builder->own_role, stmt))
      stmt = builder->parts->branch_end[stmt];
  bool none_left = builder->tree->stmts.at[stmt].kind == MATY__STMT_CHOICE_END;
  builder->node = none_left ? block->exit : block->entry;
  builder->stmt = none_left ? stmt : stmt + 1;
}

static maty_status walk_choice(builder_t *builder, const maty__stmt_t *stmt) {
  open_block_t block = block_here(builder);
  block.entry = builder->node;
  MATY__TRY(node_behind(builder, stmt, &block.exit));
  uint32_t *first = &builder->graph->chooser_of.at[builder->node];
  maty__chooser_t chooser = {.role = actual_role(builder, &stmt->subject),
                             .at = stmt->at,
                             .length = stmt->length,
                             .next = *first};
  *first = builder->graph->choosers.count;
  MATY__NEED(maty__vec_push(builder->check->work, &builder->graph->choosers, chooser));
  MATY__TRY(open_block(builder, stmt, block));
  enter_branch(builder, builder->stmt);
  return MATY_OK;
}

static maty_status walk_rec(builder_t *builder, const maty__stmt_t *stmt) {
  open_block_t block = block_here(builder);
  MATY__TRY(node_behind(builder, stmt, &block.exit));
  MATY__TRY(add_node(builder, stmt, &block.entry));
  MATY__TRY(add_jump(builder, stmt, block.entry));
  uint32_t *loop = maty__map_put(builder->check->work, &builder->loops, builder->stmt);
  MATY__NEED(loop != NULL);
  block.hidden = *loop;
  *loop = builder->open.count;
  MATY__TRY(open_block(builder, stmt, block));
  builder->node = block.entry;
  builder->stmt++;
  return MATY_OK;
}

static maty_status walk_continue(builder_t *builder, const maty__stmt_t *stmt) {
  uint32_t behind = MATY__NONE;
  open_block_t loop = builder->open.at[maty__map_get(&builder->loops, stmt->name.meaning)];
  MATY__TRY(node_behind(builder, stmt, &behind));
  MATY__TRY(add_jump(builder, stmt, loop.entry));
  /* What follows at once is never reached, and that is found there. */
  if (builder->dialect->last_continue && behind != loop.exit &&
      behind == builder->open.at[builder->open.count - 1].exit) {
    builder->rejected = true;
    MATY__TRY(maty__error(builder->check, MATY_CLASS_UNREACHABLE, stmt->at, stmt->length,
                          "the loop '%.*s' goes on here, and something follows the choice around "
                          "it: a 'continue' has to come last in its loop",
                          MATY__NAME(&builder->check->names, stmt->name.name)));
  }
  builder->node = behind;
  builder->stmt++;
  return MATY_OK;
}

/* What the role is in a protocol that is called. */
static uint32_t role_in(const builder_t *builder, uint32_t call) {
  const uint32_t *words = maty__pool_at(&builder->calls, call);
  uint32_t role_count = builder->tree->protocols.at[words[0]].role_count;
  for (uint32_t i = 0; builder->role != MATY__ANY_ROLE && i < role_count; i++)
    if (words[1 + i] == builder->role)
      return i;
  return MATY__ANY_ROLE;
}

static maty_status call_number(builder_t *builder, const maty__stmt_t *stmt, uint32_t *call) {
  maty__u32s_t *words = &builder->words;
  maty__arena_t *work = builder->check->work;
  words->count = 0;
  MATY__NEED(maty__vec_reserve(work, words, stmt->argument_count + stmt->value_count + 1));
  words->at[words->count++] = stmt->name.meaning;
  for (uint32_t i = 0; i < stmt->argument_count; i++)
    words->at[words->count++] =
        actual_role(builder, &builder->tree->uses.at[stmt->first_argument + i]);
  MATY__TRY(maty__types_values(builder->check, builder->tree, builder->types, stmt,
                               handed_over(builder), words->at + words->count));
  words->count += stmt->value_count;
  *call = maty__pool_put(work, &builder->calls, words->at, words->count);
  MATY__NEED(*call != MATY__NONE);
  while (builder->inlining.count <= *call)
    MATY__NEED(maty__vec_push(work, &builder->inlining, 0));
  return MATY_OK;
}

/* A nested protocol goes on in a session of its own. Here it is the invitations to
 * it, from the role that calls it to every other one, in the order of the roles. */
static maty_status walk_call(builder_t *builder, const maty__stmt_t *stmt) {
  const maty__protocol_t *callee = &builder->tree->protocols.at[stmt->name.meaning];
  uint32_t behind = MATY__NONE, caller = actual_role(builder, &stmt->subject), left = 0;
  if (callee->broken)
    return MATY_EREJECTED;
  MATY__TRY(node_behind(builder, stmt, &behind));
  MATY__NEED(maty__vec_push(builder->check->scratch, &builder->automaton->callers, caller));
  for (uint32_t i = 0; i < stmt->argument_count; i++)
    left += actual_role(builder, &builder->tree->uses.at[stmt->first_argument + i]) != caller;
  if (left == 0)
    MATY__TRY(add_jump(builder, stmt, behind));
  for (uint32_t i = 0; left > 0; i++) {
    const maty__use_t *invited = &builder->tree->uses.at[stmt->first_argument + i];
    maty__message_t message = {.sender = caller,
                               .receiver = actual_role(builder, invited),
                               .invitation = callee->first_invitation + i};
    maty__arc_t arc = {.from = builder->node,
                       .to = behind,
                       .payload = builder->types->invitation,
                       .at = invited->at,
                       .length = maty__name_length(&builder->check->names, invited->name)};
    if (message.receiver == caller)
      continue;
    if (--left > 0)
      MATY__TRY(add_node(builder, stmt, &arc.to));
    message.label = builder->tree->invitations.at[message.invitation];
    MATY__TRY(message_number(builder, message, arc.at, &arc.message));
    MATY__TRY(add_arc(builder, arc));
    builder->node = arc.to;
  }
  builder->node = behind;
  builder->stmt++;
  return MATY_OK;
}

static maty_status walk_do(builder_t *builder, const maty__stmt_t *stmt) {
  const maty__protocol_t *callee = &builder->tree->protocols.at[stmt->name.meaning];
  open_block_t block = block_here(builder);
  uint32_t call;
  block.call = builder->call;
  block.own_role = builder->own_role;
  if (callee->broken)
    return MATY_EREJECTED;
  MATY__TRY(node_behind(builder, stmt, &block.exit));
  MATY__TRY(call_number(builder, stmt, &call));
  MATY__TRY(count_handed(builder, stmt, stmt->argument_count + stmt->value_count));
  if (stmt->generic)
    MATY__TRY(count_handed(builder, stmt, stmt->end_type - stmt->first_type));
  uint32_t *instance =
      maty__map_put(builder->check->work, &builder->instances, (uint64_t)call << 32 | block.exit);
  MATY__NEED(instance != NULL);
  if (*instance != MATY__NONE) {
    MATY__TRY(add_jump(builder, stmt, *instance));
  } else if (builder->inlining.at[call]) {
    builder->rejected = true;
    MATY__TRY(maty__error(builder->check, MATY_CLASS_UNREACHABLE, stmt->at, stmt->length,
                          "'%.*s' is called inside itself, and something follows: such a 'do' "
                          "has to come last",
                          MATY__NAME(&builder->check->names, stmt->name.name)));
    MATY__TRY(add_jump(builder, stmt, block.exit));
  } else {
    MATY__TRY(add_node(builder, stmt, &block.entry));
    *instance = block.entry;
    MATY__TRY(add_jump(builder, stmt, block.entry));
    MATY__TRY(open_block(builder, stmt, block));
    builder->inlining.at[call] = 1;
    builder->call = call;
    builder->own_role = role_in(builder, call);
    builder->node = block.entry;
    builder->stmt = callee->first_stmt;
    return MATY_OK;
  }
  builder->node = block.exit;
  builder->stmt++;
  return MATY_OK;
}

/* ===== What never ends =================================================== */

static void stands_aside(builder_t *builder, const maty__stmt_t *stmt) {
  if (builder->automaton->aside == NULL)
    builder->automaton->aside = stmt;
}

/* What stands behind a block that never ends is done by roles that have no part
 * in the block, or it is an error found in a role's own part. Nobody can tell
 * such things done beside one another from the same done one after the other; so
 * the rest goes first: the node before the block becomes two, and the block goes
 * behind the second. */
static maty_status walk_rest(builder_t *builder, const maty__stmt_t *stmt) {
  open_block_t *block = &builder->open.at[builder->open.count - 1], late = builder->closed;
  maty__graph_t *graph = builder->graph;
  uint32_t node, *link;
  if (late.exit != builder->node || block->rest != NULL) {
    stands_aside(builder, stmt);
    builder->reached.at[builder->node] = 1; /* for its messages */
    return MATY_OK;
  }
  MATY__TRY(add_node(builder, stmt, &node));
  for (uint32_t i = late.first_arc; i < graph->arcs.count; i++)
    if (graph->arcs.at[i].from == late.before)
      graph->arcs.at[i].from = node;
  graph->chooser_of.at[node] = graph->chooser_of.at[late.before];
  for (link = &graph->chooser_of.at[node]; *link != MATY__NONE && *link >= late.first_chooser;)
    link = &graph->choosers.at[*link].next;
  graph->chooser_of.at[late.before] = *link;
  *link = MATY__NONE;
  block->rest = stmt;
  block->late_arc = late.first_arc;
  block->rest_arc = graph->arcs.count;
  block->last_exit = block->exit;
  block->exit = node;
  builder->node = late.before;
  return MATY_OK;
}

static void mark_roles(const builder_t *builder, uint8_t *roles, uint32_t arc, uint8_t mark) {
  if (builder->graph->arcs.at[arc].message == MATY__NONE)
    return;
  const maty__message_t *message =
      &builder->automaton->messages.at[builder->graph->arcs.at[arc].message];
  roles[message->sender] |= mark;
  roles[message->receiver] |= mark;
}

/* The rest of a block has to come to its end, and to be nothing to the roles of
 * what goes behind it. */
static maty_status end_rest(builder_t *builder, open_block_t *block) {
  enum { LATE = 1, REST = 2 };
  bool apart = builder->reached.at[block->exit] != 0;
  uint8_t *roles = maty__zarray(builder->check->work, uint8_t, builder->automaton->role_count);
  MATY__NEED(roles != NULL);
  for (uint32_t i = block->late_arc; i < builder->graph->arcs.count; i++)
    mark_roles(builder, roles, i, i < block->rest_arc ? LATE : REST);
  for (uint32_t i = 0; i < builder->automaton->role_count; i++)
    apart = apart && roles[i] != (LATE | REST);
  if (!apart)
    stands_aside(builder, block->rest);
  block->rest = NULL;
  block->exit = block->last_exit;
  return maty__check_work(builder->check, builder->graph->arcs.count - block->late_arc);
}

static maty_status walk_end(builder_t *builder, const maty__stmt_t *stmt) {
  open_block_t *block = &builder->open.at[builder->open.count - 1];
  if (builder->node != block->exit && builder->reached.at[builder->node])
    MATY__TRY(add_jump(builder, stmt, block->exit)); /* nothing was in it */
  if (block->rest != NULL)
    MATY__TRY(end_rest(builder, block));
  if (stmt->kind == MATY__STMT_OR) {
    enter_branch(builder, builder->stmt);
    return MATY_OK;
  }
  builder->node = block->exit;
  builder->stmt++;
  if (stmt->kind == MATY__STMT_REC_END) {
    uint32_t *loop = maty__map_put(builder->check->work, &builder->loops, block->stmt);
    MATY__NEED(loop != NULL);
    *loop = block->hidden;
  }
  if (stmt->kind == MATY__STMT_BODY_END) {
    builder->inlining.at[builder->call] = 0;
    builder->call = block->call;
    builder->own_role = block->own_role;
    builder->stmt = block->stmt + 1;
  }
  builder->closed = *block;
  builder->open.count--;
  return MATY_OK;
}

static maty_status walk_unreachable(builder_t *builder, const maty__stmt_t *stmt) {
  builder->rejected = true;
  MATY__TRY(maty__error(builder->check, MATY_CLASS_UNREACHABLE, stmt->at, stmt->length,
                        "nothing leads here: what comes before never ends"));
  while (!maty__stmt_ends_block(&builder->tree->stmts.at[builder->stmt]))
    builder->stmt = sibling(builder->tree, builder->stmt);
  return MATY_OK;
}

static maty_status walk(builder_t *builder) {
  for (uint32_t walked = 1; builder->open.count > 0; walked++) {
    const maty__stmt_t *stmt = &builder->tree->stmts.at[builder->stmt];
    if (walked % 1024 == 0)
      MATY__TRY(maty__check_work(builder->check, 1024));
    if (maty__stmt_ends_block(stmt)) {
      MATY__TRY(walk_end(builder, stmt));
      continue;
    }
    if (!keeps(builder, builder->stmt)) {
      builder->stmt = sibling(builder->tree, builder->stmt);
      continue;
    }
    if (!builder->reached.at[builder->node]) {
      bool passes = builder->dialect->passes_loops && builder->role == MATY__ANY_ROLE;
      MATY__TRY(passes ? walk_rest(builder, stmt) : walk_unreachable(builder, stmt));
      continue;
    }
    switch (stmt->kind) {
    case MATY__STMT_MESSAGE:
      MATY__TRY(walk_message(builder, stmt));
      break;
    case MATY__STMT_CHOICE:
      MATY__TRY(walk_choice(builder, stmt));
      break;
    case MATY__STMT_REC:
      MATY__TRY(walk_rec(builder, stmt));
      break;
    case MATY__STMT_CONTINUE:
      MATY__TRY(walk_continue(builder, stmt));
      break;
    default:
      MATY__TRY(stmt->calls ? walk_call(builder, stmt) : walk_do(builder, stmt));
    }
  }
  return MATY_OK;
}

static maty_status begin(builder_t *builder) {
  const maty__protocol_t *protocol = builder->automaton->protocol;
  const maty__stmt_t *stmt = &builder->tree->stmts.at[protocol->first_stmt];
  maty__u32s_t *words = &builder->words;
  uint32_t self = (uint32_t)(protocol - builder->tree->protocols.at);
  MATY__NEED(maty__vec_push(builder->check->work, words, self));
  for (uint32_t i = 0; i < protocol->role_count; i++)
    MATY__NEED(maty__vec_push(builder->check->work, words, i));
  for (uint32_t i = 0; i < protocol->parameter_count; i++)
    MATY__NEED(maty__vec_push(builder->check->work, words,
                              builder->tree->parameters.at[protocol->first_parameter + i].number));
  builder->call = maty__pool_put(builder->check->work, &builder->calls, words->at, words->count);
  MATY__NEED(builder->call != MATY__NONE);
  MATY__NEED(maty__vec_push(builder->check->work, &builder->inlining, 1));
  MATY__TRY(add_node(builder, stmt, &builder->graph->begin));
  MATY__TRY(add_node(builder, stmt, &builder->graph->end));
  builder->reached.at[builder->graph->begin] = 1;
  uint32_t *instance = maty__map_put(builder->check->work, &builder->instances,
                                     (uint64_t)builder->call << 32 | builder->graph->end);
  MATY__NEED(instance != NULL);
  *instance = builder->graph->begin;
  builder->node = builder->graph->begin;
  builder->stmt = protocol->first_stmt;
  return open_block(builder, stmt,
                    (open_block_t){.stmt = MATY__NONE,
                                   .entry = builder->graph->begin,
                                   .exit = builder->graph->end,
                                   .call = builder->call,
                                   .own_role = builder->own_role});
}

/* Sorts by "from": arcs of one node keep the order of the text. */
static maty_status sort_arcs(maty__check_t *check, maty__graph_t *graph) {
  uint32_t count = graph->arcs.count, in_order = 0;
  maty__groups_t groups;
  MATY__NEED(maty__groups_make(check->work, &groups, graph->node_count, graph->arcs.at, count,
                               sizeof(maty__arc_t), offsetof(maty__arc_t, from)));
  graph->first_arc = groups.first;
  while (in_order < count && groups.items[in_order] == in_order)
    in_order++;
  if (in_order == count)
    return MATY_OK;
  maty__arc_t *sorted = maty__array(check->work, maty__arc_t, count);
  MATY__NEED(sorted != NULL);
  for (uint32_t i = 0; i < count; i++)
    sorted[i] = graph->arcs.at[groups.items[i]];
  graph->arcs.at = sorted;
  graph->arcs.capacity = count;
  return MATY_OK;
}

typedef struct visit {
  uint32_t node, next_arc;
} visit_t;

enum { UNSEEN, OPEN, DONE };

/* Depth first along jumps: finds circles, which may be an error, and where single
 * jumps lead to. */
static maty_status follow_jumps(maty__check_t *check, maty__graph_t *graph, bool circles) {
  uint8_t *state = maty__zarray(check->work, uint8_t, graph->node_count);
  MATY__VEC(visit_t) path = {0};
  bool rejected = false;
  graph->onward = maty__array(check->work, uint32_t, graph->node_count);
  MATY__NEED(state != NULL && graph->onward != NULL);
  for (uint32_t root = 0; root < graph->node_count; root++) {
    if (state[root] != UNSEEN)
      continue;
    state[root] = OPEN;
    MATY__NEED(maty__vec_push(check->work, &path, ((visit_t){root, graph->first_arc[root]})));
    while (path.count > 0) {
      visit_t *top = &path.at[path.count - 1];
      uint32_t first = graph->first_arc[top->node], end = graph->first_arc[top->node + 1];
      if (top->next_arc == end) {
        bool single = end == first + 1 && graph->arcs.at[first].message == MATY__NONE &&
                      graph->chooser_of.at[top->node] == MATY__NONE;
        graph->onward[top->node] = single ? graph->onward[graph->arcs.at[first].to] : top->node;
        state[top->node] = DONE;
        path.count--;
        continue;
      }
      const maty__arc_t *arc = &graph->arcs.at[top->next_arc++];
      if (arc->message != MATY__NONE || state[arc->to] == DONE)
        continue;
      if (state[arc->to] == OPEN) {
        graph->onward[arc->to] = arc->to;
        if (circles)
          continue;
        rejected = true;
        MATY__TRY(maty__error(check, MATY_CLASS_UNGUARDED, arc->at, arc->length,
                              "this comes back to itself without a message on the way"));
        continue;
      }
      state[arc->to] = OPEN;
      MATY__NEED(
          maty__vec_push(check->work, &path, ((visit_t){arc->to, graph->first_arc[arc->to]})));
    }
  }
  return rejected ? MATY_EREJECTED : maty__check_work(check, graph->arcs.count);
}

/* ===== Following jumps =================================================== */

maty_status maty__jumps_begin(maty__jumps_t *jumps, maty__check_t *check, uint32_t node) {
  if (jumps->begin.count == 0)
    jumps->search++;
  jumps->seen[node] = jumps->search;
  MATY__NEED(maty__vec_push(check->work, &jumps->begin, node));
  return MATY_OK;
}

maty_status maty__jumps_follow(maty__jumps_t *jumps, maty__check_t *check,
                               const maty__graph_t *graph) {
  uint64_t followed = 1;
  jumps->nodes.count = jumps->arcs.count = 0;
  jumps->again = MATY__NONE;
  while (jumps->begin.count > 0) {
    uint32_t node = jumps->begin.at[--jumps->begin.count];
    MATY__NEED(maty__vec_push(check->work, &jumps->nodes, node));
    for (uint32_t i = graph->first_arc[node]; i < graph->first_arc[node + 1]; i++, followed++) {
      const maty__arc_t *arc = &graph->arcs.at[i];
      uint32_t to = graph->onward[arc->to];
      if (arc->message != MATY__NONE) {
        MATY__NEED(maty__vec_push(check->work, &jumps->arcs, (uint64_t)arc->message << 32 | i));
      } else if (jumps->seen[to] != jumps->search) {
        jumps->seen[to] = jumps->search;
        MATY__NEED(maty__vec_push(check->work, &jumps->begin, to));
      } else {
        jumps->again = i;
      }
    }
  }
  maty__sort(jumps->arcs.at, jumps->arcs.count);
  return maty__check_work(check, followed);
}

maty_status maty__graph_build(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                              maty__parts_t *parts, uint32_t role, maty__automaton_t *automaton,
                              maty__graph_t *graph) {
  builder_t builder = {.check = check,
                       .tree = tree,
                       .dialect = maty__dialect(check->config->dialect),
                       .types = types,
                       .parts = parts,
                       .role = role,
                       .own_role = role,
                       .automaton = automaton,
                       .graph = graph};
  *graph = (maty__graph_t){.node_count = 0};
  MATY__TRY(begin(&builder));
  MATY__TRY(walk(&builder));
  MATY__TRY(sort_arcs(check, graph));
  MATY__TRY(follow_jumps(check, graph, builder.dialect->prunes_loops));
  return builder.rejected ? MATY_EREJECTED : MATY_OK;
}
