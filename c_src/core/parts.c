/* parts.c - see parts.h. */
#include "parts.h"

static uint32_t pair_of(const maty__parts_t *parts, uint32_t protocol, uint32_t role) {
  uint32_t first = parts->first_pair[protocol];
  return first + (role == MATY__ANY_ROLE ? parts->tree->protocols.at[protocol].role_count : role);
}

bool maty__parts_has(const maty__parts_t *parts, uint32_t protocol, uint32_t role) {
  return parts->has_part[pair_of(parts, protocol, role)] != 0;
}

/* ===== Parts in whole protocols ========================================== */

typedef struct open_block {
  uint32_t stmt;
  uint32_t outermost; /* loop that is continued inside */
} open_block_t;

typedef struct finder {
  maty__parts_t *parts;
  maty__check_t *check;
  maty__u64s_t handed; /* a role's pair in the called protocol, then its pair in the caller */
  maty__u32s_t found;  /* pairs that have a part */
  MATY__VEC(open_block_t) open;
} finder_t;

static maty_status mark(finder_t *finder, uint32_t pair) {
  if (finder->parts->has_part[pair])
    return MATY_OK;
  finder->parts->has_part[pair] = 1;
  MATY__NEED(maty__vec_push(finder->check->scratch, &finder->found, pair));
  return MATY_OK;
}

static maty_status look_at_message(finder_t *finder, uint32_t protocol, const maty__stmt_t *stmt) {
  const maty__parts_t *parts = finder->parts;
  MATY__TRY(mark(finder, pair_of(parts, protocol, MATY__ANY_ROLE)));
  MATY__TRY(mark(finder, pair_of(parts, protocol, stmt->subject.meaning)));
  for (uint32_t i = 0; i < stmt->argument_count; i++)
    MATY__TRY(mark(
        finder, pair_of(parts, protocol, parts->tree->uses.at[stmt->first_argument + i].meaning)));
  return MATY_OK;
}

static maty_status hand(finder_t *finder, uint32_t callee, uint32_t caller) {
  MATY__NEED(
      maty__vec_push(finder->check->scratch, &finder->handed, (uint64_t)callee << 32 | caller));
  return MATY_OK;
}

static maty_status look_at_do(finder_t *finder, uint32_t protocol, const maty__stmt_t *stmt) {
  const maty__parts_t *parts = finder->parts;
  uint32_t callee = stmt->name.meaning;
  if (parts->tree->protocols.at[callee].broken)
    return MATY_OK;
  MATY__TRY(hand(finder, pair_of(parts, callee, MATY__ANY_ROLE),
                 pair_of(parts, protocol, MATY__ANY_ROLE)));
  for (uint32_t i = 0; i < stmt->argument_count; i++)
    MATY__TRY(
        hand(finder, pair_of(parts, callee, i),
             pair_of(parts, protocol, parts->tree->uses.at[stmt->first_argument + i].meaning)));
  return MATY_OK;
}

/* The blocks around a statement, a choice and its branch one each. */
static maty_status open_block(finder_t *finder, uint32_t stmt) {
  open_block_t block = {.stmt = stmt, .outermost = MATY__NONE};
  MATY__NEED(maty__vec_push(finder->check->scratch, &finder->open, block));
  return MATY_OK;
}

/* What is continued in a block is continued in the one around it. */
static void continued(finder_t *finder, uint32_t loop) {
  if (finder->open.count > 0 && loop < finder->open.at[finder->open.count - 1].outermost)
    finder->open.at[finder->open.count - 1].outermost = loop;
}

static void close_block(finder_t *finder, uint32_t known_by) {
  open_block_t block = finder->open.at[--finder->open.count];
  finder->parts->outermost[known_by] = block.outermost;
  continued(finder, block.outermost);
}

static void close_branch(finder_t *finder, uint32_t marker) {
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a tree's blocks are balanced */
  finder->parts->branch_end[finder->open.at[finder->open.count - 1].stmt] = marker;
  close_block(finder, marker);
}

static maty_status look_at(finder_t *finder, uint32_t protocol, uint32_t index) {
  const maty__stmt_t *stmt = &finder->parts->tree->stmts.at[index];
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    return look_at_message(finder, protocol, stmt);
  case MATY__STMT_DO:
    return look_at_do(finder, protocol, stmt);
  case MATY__STMT_CONTINUE:
    continued(finder, stmt->name.meaning);
    return MATY_OK;
  case MATY__STMT_CHOICE:
    MATY__TRY(open_block(finder, index));
    return open_block(finder, index);
  case MATY__STMT_OR:
    close_branch(finder, index);
    return open_block(finder, index);
  case MATY__STMT_CHOICE_END:
    close_branch(finder, index);
    close_block(finder, finder->open.at[finder->open.count - 1].stmt);
    return MATY_OK;
  case MATY__STMT_REC:
    return open_block(finder, index);
  case MATY__STMT_REC_END:
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a tree's blocks are balanced */
    close_block(finder, finder->open.at[finder->open.count - 1].stmt);
    return MATY_OK;
  default:
    return MATY_OK;
  }
}

/* A role has a part in a protocol if the role it is handed to in a call has. */
static maty_status spread(finder_t *finder) {
  const maty__u64s_t *handed = &finder->handed;
  maty__sort(handed->at, handed->count);
  for (uint32_t i = 0; i < finder->found.count; i++) {
    uint32_t low = 0, high = handed->count; /* the first caller of what was found */
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (handed->at[middle] >> 32 < finder->found.at[i])
        low = middle + 1;
      else
        high = middle;
    }
    for (; low < handed->count && handed->at[low] >> 32 == finder->found.at[i]; low++)
      MATY__TRY(mark(finder, (uint32_t)handed->at[low]));
  }
  return maty__check_work(finder->check, handed->count + finder->found.count);
}

maty_status maty__parts_init(maty__parts_t *parts, maty__check_t *check, const maty__tree_t *tree) {
  maty__arena_t *scratch = check->scratch;
  finder_t finder = {.parts = parts, .check = check};
  uint32_t pair_count = 0;
  *parts = (maty__parts_t){.tree = tree,
                           .first_pair = maty__array(scratch, uint32_t, tree->protocols.count),
                           .branch_end = maty__array(scratch, uint32_t, tree->stmts.count),
                           .outermost = maty__array(scratch, uint32_t, tree->stmts.count),
                           .role_of = maty__zarray(scratch, uint32_t, tree->protocols.count),
                           .before = maty__array(scratch, uint32_t, tree->stmts.count)};
  for (uint32_t i = 0; parts->first_pair != NULL && i < tree->protocols.count; i++) {
    parts->first_pair[i] = pair_count;
    pair_count += tree->protocols.at[i].role_count + 1;
  }
  parts->has_part = maty__zarray(scratch, uint8_t, pair_count);
  MATY__NEED(parts->first_pair != NULL && parts->branch_end != NULL && parts->outermost != NULL &&
             parts->role_of != NULL && parts->before != NULL && parts->has_part != NULL);
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    uint32_t stmt = tree->protocols.at[i].first_stmt;
    if (tree->protocols.at[i].broken)
      continue;
    for (; tree->stmts.at[stmt].kind != MATY__STMT_BODY_END; stmt++)
      MATY__TRY(look_at(&finder, i, stmt));
    MATY__TRY(maty__check_work(check, stmt - tree->protocols.at[i].first_stmt));
  }
  return spread(&finder);
}

/* ===== Parts in statements =============================================== */

static bool takes_part(const maty__parts_t *parts, uint32_t role, const maty__stmt_t *stmt) {
  const maty__use_t *arguments = &parts->tree->uses.at[stmt->first_argument];
  if (stmt->kind == MATY__STMT_MESSAGE) {
    if (role == MATY__ANY_ROLE || stmt->subject.meaning == role)
      return true;
    for (uint32_t i = 0; i < stmt->argument_count; i++)
      if (arguments[i].meaning == role)
        return true;
  }
  if (stmt->kind == MATY__STMT_DO && !parts->tree->protocols.at[stmt->name.meaning].broken) {
    if (role == MATY__ANY_ROLE)
      return maty__parts_has(parts, stmt->name.meaning, role);
    for (uint32_t i = 0; i < stmt->argument_count; i++)
      if (arguments[i].meaning == role)
        return maty__parts_has(parts, stmt->name.meaning, i);
  }
  return false;
}

/* Counts what is the role's in one protocol, if that was not done last. */
static void count_for(maty__parts_t *parts, uint32_t protocol, uint32_t role) {
  uint32_t mark = role == MATY__ANY_ROLE ? MATY__ANY_ROLE : role + 1, count = 0;
  if (parts->role_of[protocol] == mark)
    return;
  parts->role_of[protocol] = mark;
  for (uint32_t i = parts->tree->protocols.at[protocol].first_stmt;; i++) {
    const maty__stmt_t *stmt = &parts->tree->stmts.at[i];
    parts->before[i] = count;
    if (stmt->kind == MATY__STMT_BODY_END)
      return;
    count += takes_part(parts, role, stmt);
  }
}

bool maty__parts_keeps(maty__parts_t *parts, uint32_t protocol, uint32_t role, uint32_t index) {
  const maty__stmt_t *stmt = &parts->tree->stmts.at[index];
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
  case MATY__STMT_DO:
    return takes_part(parts, role, stmt);
  case MATY__STMT_CHOICE:
  case MATY__STMT_REC:
    count_for(parts, protocol, role);
    return parts->before[stmt->end] > parts->before[index] || parts->outermost[index] < index;
  default:
    return true;
  }
}

bool maty__parts_keeps_branch(maty__parts_t *parts, uint32_t protocol, uint32_t role,
                              uint32_t index) {
  uint32_t marker = parts->branch_end[index];
  count_for(parts, protocol, role);
  return parts->before[marker] > parts->before[index] || parts->outermost[marker] < index;
}
