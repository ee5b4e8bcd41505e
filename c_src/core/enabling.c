/* enabling.c - see enabling.h.
 *
 * A set of enabled roles is a row of bits, one for each role of the protocol and
 * a last one that says that no way leads here; a place that no way leads to has
 * all of them, so that sets of several ways are simply intersected. All sets
 * only shrink, from all bits on, until nothing changes:
 *
 *   gains     by protocol: what is enabled behind a call, whatever was before;
 *   arrivals  by protocol: what is enabled wherever it is called;
 *   loops     by loop: what is enabled wherever it begins.
 */
#include "enabling.h"

#include <string.h>

#include "limits.h"

/* An open block. The sets are at the end of "sets": what was enabled before the
 * block, and for a choice what is at the end of all branches so far. */
typedef struct open_block {
  uint32_t stmt;
  uint32_t before;
} open_block_t;

/* A protocol that can be called. */
typedef struct called {
  uint32_t protocol;
  uint32_t gains, arrivals; /* in "kept" */
  bool changed;             /* it is still to be walked */
  uint32_t callers;         /* the first one in "callers", or MATY__NONE */
} called_t;

typedef struct caller {
  uint32_t called, next;
} caller_t;

typedef enum phase { GAINING, ARRIVING, REPORTING } phase_t;

typedef struct enabling {
  maty__check_t *check;
  const maty__tree_t *tree;
  MATY__VEC(called_t) called;
  MATY__VEC(caller_t) callers;
  maty__map_t called_of; /* by protocol */
  maty__map_t loops;     /* by loop: in "kept" */
  maty__u64s_t kept;     /* sets that last */
  maty__u64s_t sets;     /* of open blocks */
  maty__u32s_t queue;
  MATY__VEC(open_block_t) open;
  uint32_t self; /* what is walked, in "called" */
  uint32_t words;
  uint64_t *now; /* what is enabled here */
  phase_t phase;
  bool loops_changed;
  bool rejected;
  uint64_t steps;
} enabling_t;

static const maty__protocol_t *protocol_at(const enabling_t *enabling, uint32_t called) {
  return &enabling->tree->protocols.at[enabling->called.at[called].protocol];
}

static uint32_t words_for(const maty__protocol_t *protocol) {
  return (protocol->role_count + 1 + 63) / 64;
}

static bool has(const uint64_t *set, uint32_t bit) { return set[bit / 64] >> bit % 64 & 1; }

static void add(uint64_t *set, uint32_t bit) { set[bit / 64] |= (uint64_t)1 << bit % 64; }

static bool take(uint64_t *set, uint32_t bit) {
  bool had = has(set, bit);
  set[bit / 64] &= ~((uint64_t)1 << bit % 64);
  return had;
}

/* Intersects; returns whether anything went. */
static bool narrow(uint64_t *set, const uint64_t *other, uint32_t words) {
  bool narrower = false;
  for (uint32_t i = 0; i < words; i++) {
    narrower = narrower || (set[i] & ~other[i]) != 0;
    set[i] &= other[i];
  }
  return narrower;
}

static maty_status too_large(enabling_t *enabling, const char *what) {
  const maty__protocol_t *protocol = protocol_at(enabling, enabling->self);
  MATY__TRY(maty__error(enabling->check, MATY_CLASS_LIMIT, protocol->name.at,
                        maty__name_length(&enabling->check->names, protocol->name.name),
                        "finding who is told of the choices of '%.*s' takes too %s",
                        MATY__NAME(&enabling->check->names, protocol->name.name), what));
  return MATY_EREJECTED;
}

static maty_status work(enabling_t *enabling, uint64_t steps) {
  enabling->steps += steps;
  if (enabling->steps > MATY_MAX_STEPS)
    return too_large(enabling, "many steps");
  if ((uint64_t)enabling->kept.count + enabling->sets.count > MATY_MAX_MEMBERS)
    return too_large(enabling, "much memory");
  return maty__check_work(enabling->check, steps);
}

/* A new set of all bits that lasts. */
static maty_status keep_set(enabling_t *enabling, uint32_t words, uint32_t *set) {
  *set = enabling->kept.count;
  MATY__NEED(maty__vec_reserve(enabling->check->scratch, &enabling->kept, words));
  memset(enabling->kept.at + *set, 0xff, words * sizeof(uint64_t));
  enabling->kept.count += words;
  return MATY_OK;
}

/* ===== What is called ==================================================== */

static maty_status add_called(enabling_t *enabling, uint32_t protocol, uint32_t *number) {
  uint32_t *known = maty__map_put(enabling->check->scratch, &enabling->called_of, protocol);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    called_t called = {.protocol = protocol, .callers = MATY__NONE};
    uint32_t words = words_for(&enabling->tree->protocols.at[protocol]);
    *known = enabling->called.count;
    MATY__TRY(keep_set(enabling, words, &called.gains));
    MATY__TRY(keep_set(enabling, words, &called.arrivals));
    MATY__NEED(maty__vec_push(enabling->check->scratch, &enabling->called, called));
  }
  *number = *known;
  return MATY_OK;
}

/* Finds all that a protocol calls, and who calls it. */
static maty_status find_called(enabling_t *enabling, uint32_t protocol) {
  const maty__tree_t *tree = enabling->tree;
  maty__arena_t *scratch = enabling->check->scratch;
  uint32_t number;
  MATY__TRY(add_called(enabling, protocol, &number));
  for (uint32_t i = 0; i < enabling->called.count; i++) {
    uint32_t index = protocol_at(enabling, i)->first_stmt, first = index;
    for (; tree->stmts.at[index].kind != MATY__STMT_BODY_END; index++) {
      const maty__stmt_t *stmt = &tree->stmts.at[index];
      if (stmt->kind != MATY__STMT_DO)
        continue;
      if (tree->protocols.at[stmt->name.meaning].broken)
        return MATY_EREJECTED;
      MATY__TRY(add_called(enabling, stmt->name.meaning, &number));
      caller_t caller = {.called = i, .next = enabling->called.at[number].callers};
      enabling->called.at[number].callers = enabling->callers.count;
      MATY__NEED(maty__vec_push(scratch, &enabling->callers, caller));
    }
    MATY__TRY(work(enabling, index - first));
  }
  return MATY_OK;
}

static maty_status walk_again(enabling_t *enabling, uint32_t called) {
  if (enabling->called.at[called].changed)
    return MATY_OK;
  enabling->called.at[called].changed = true;
  MATY__NEED(maty__vec_push(enabling->check->scratch, &enabling->queue, called));
  return MATY_OK;
}

/* ===== Reporting ========================================================= */

/* Tells where a role that is not enabled was so the last time. */
static maty_status note_loss(enabling_t *enabling, uint32_t role, maty_class broken) {
  const maty__use_t *use =
      &enabling->tree->uses.at[protocol_at(enabling, enabling->self)->first_role + role];
  for (uint32_t i = enabling->open.count; i-- > 0;) {
    if (!has(enabling->sets.at + enabling->open.at[i].before, role))
      continue;
    const maty__stmt_t *stmt = &enabling->tree->stmts.at[enabling->open.at[i].stmt];
    if (stmt->kind == MATY__STMT_CHOICE)
      return maty__note(enabling->check, broken, stmt->at, stmt->length,
                        "it is not told of this choice before");
    return maty__note(enabling->check, broken, stmt->at, stmt->length,
                      "this loop comes round with a choice that '%.*s' is not told of",
                      MATY__NAME(&enabling->check->names, use->name));
  }
  return maty__note(enabling->check, broken, use->at,
                    maty__name_length(&enabling->check->names, use->name),
                    "this is called where '%.*s' is not told of the choice around it",
                    MATY__NAME(&enabling->check->names, use->name));
}

static maty_status need(enabling_t *enabling, const maty__stmt_t *stmt) {
  const maty__names_t *names = &enabling->check->names;
  uint32_t role = stmt->subject.meaning;
  if (enabling->phase == GAINING || has(enabling->now, role))
    return MATY_OK;
  add(enabling->now, role); /* one error is enough */
  if (enabling->phase == ARRIVING)
    return MATY_OK;
  enabling->rejected = true;
  if (stmt->kind == MATY__STMT_CHOICE) {
    MATY__TRY(maty__error(enabling->check, MATY_CLASS_CHOICE_SUBJECT, stmt->subject.at,
                          maty__name_length(names, stmt->subject.name),
                          "'%.*s' cannot choose here: nothing has told it of the branch that this "
                          "stands in",
                          MATY__NAME(names, stmt->subject.name)));
    return note_loss(enabling, role, MATY_CLASS_CHOICE_SUBJECT);
  }
  MATY__TRY(maty__error(enabling->check, MATY_CLASS_ROLE_NOT_ENABLED, stmt->subject.at,
                        maty__name_length(names, stmt->subject.name),
                        "'%.*s' cannot send '%.*s' here: nothing has told it of the branch that "
                        "this stands in",
                        MATY__NAME(names, stmt->subject.name), MATY__NAME(names, stmt->name.name)));
  return note_loss(enabling, role, MATY_CLASS_ROLE_NOT_ENABLED);
}

/* ===== The walk ========================================================== */

static void nowhere(enabling_t *enabling) {
  memset(enabling->now, 0xff, enabling->words * sizeof(uint64_t));
}

/* Whether something follows a statement that never ends: then it is done by roles
 * that have no part in that, and for which nothing has changed. What is known of
 * calls has to be final for this to be told. */
static bool goes_past(const enabling_t *enabling, uint32_t index, const uint64_t *behind,
                      uint32_t never) {
  return enabling->phase != GAINING && has(behind, never) &&
         !maty__stmt_ends_block(&enabling->tree->stmts.at[index + 1]);
}

static maty_status push_set(enabling_t *enabling, const uint64_t *set) {
  MATY__NEED(maty__vec_reserve(enabling->check->scratch, &enabling->sets, enabling->words));
  uint64_t *added = enabling->sets.at + enabling->sets.count;
  if (set == NULL)
    memset(added, 0xff, enabling->words * sizeof *added);
  else
    memcpy(added, set, enabling->words * sizeof *added);
  enabling->sets.count += enabling->words;
  return MATY_OK;
}

static maty_status open_block(enabling_t *enabling, uint32_t stmt) {
  open_block_t block = {.stmt = stmt, .before = enabling->sets.count};
  MATY__NEED(maty__vec_push(enabling->check->scratch, &enabling->open, block));
  return push_set(enabling, enabling->now);
}

/* Leaves a block: behind it is enabled what was before, too. */
static void close_block(enabling_t *enabling, uint32_t index) {
  open_block_t block = enabling->open.at[--enabling->open.count];
  uint32_t never = protocol_at(enabling, enabling->self)->role_count;
  bool past = goes_past(enabling, index, enabling->now, never);
  for (uint32_t i = 0; i < enabling->words; i++)
    enabling->now[i] = enabling->sets.at[block.before + i] | (past ? 0 : enabling->now[i]);
  enabling->sets.count = block.before;
}

static void begin_branch(enabling_t *enabling) {
  const open_block_t *block = &enabling->open.at[enabling->open.count - 1];
  memset(enabling->now, 0, enabling->words * sizeof(uint64_t));
  add(enabling->now, enabling->tree->stmts.at[block->stmt].subject.meaning);
}

static void end_branch(enabling_t *enabling) {
  const open_block_t *block = &enabling->open.at[enabling->open.count - 1];
  (void)narrow(enabling->sets.at + block->before + enabling->words, enabling->now, enabling->words);
}

static maty_status loop_set(enabling_t *enabling, uint32_t loop, uint64_t **set) {
  uint32_t *known = maty__map_put(enabling->check->scratch, &enabling->loops, loop);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE)
    MATY__TRY(keep_set(enabling, enabling->words, known));
  *set = enabling->kept.at + *known;
  return MATY_OK;
}

static maty_status walk_rec(enabling_t *enabling, uint32_t index) {
  uint64_t *loop;
  MATY__TRY(open_block(enabling, index));
  if (enabling->phase == GAINING)
    return MATY_OK;
  MATY__TRY(loop_set(enabling, index, &loop));
  (void)narrow(loop, enabling->now, enabling->words);
  memcpy(enabling->now, loop, enabling->words * sizeof *loop);
  return MATY_OK;
}

static maty_status walk_continue(enabling_t *enabling, const maty__stmt_t *stmt) {
  uint64_t *loop;
  if (enabling->phase != GAINING) {
    MATY__TRY(loop_set(enabling, stmt->name.meaning, &loop));
    if (narrow(loop, enabling->now, enabling->words))
      enabling->loops_changed = true;
  }
  nowhere(enabling);
  return MATY_OK;
}

static maty_status walk_do(enabling_t *enabling, uint32_t index) {
  const maty__stmt_t *stmt = &enabling->tree->stmts.at[index];
  uint32_t number = maty__map_get(&enabling->called_of, stmt->name.meaning);
  const called_t *called = &enabling->called.at[number];
  const maty__use_t *arguments = &enabling->tree->uses.at[stmt->first_argument];
  uint64_t *arrivals = enabling->kept.at + called->arrivals;
  const uint64_t *gains = enabling->kept.at + called->gains;
  bool narrower = false;
  if (enabling->phase == ARRIVING) {
    for (uint32_t i = 0; i < stmt->argument_count; i++)
      if (!has(enabling->now, arguments[i].meaning))
        narrower = take(arrivals, i) || narrower;
    if (!has(enabling->now, protocol_at(enabling, enabling->self)->role_count))
      narrower = take(arrivals, stmt->argument_count) || narrower;
  }
  bool past = goes_past(enabling, index, gains, stmt->argument_count);
  for (uint32_t i = 0; i < stmt->argument_count && !past; i++)
    if (has(gains, i))
      add(enabling->now, arguments[i].meaning);
  if (has(gains, stmt->argument_count) && !past)
    nowhere(enabling);
  return narrower ? walk_again(enabling, number) : MATY_OK;
}

static maty_status walk_stmt(enabling_t *enabling, uint32_t index) {
  const maty__stmt_t *stmt = &enabling->tree->stmts.at[index];
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    MATY__TRY(need(enabling, stmt));
    for (uint32_t i = 0; i < stmt->argument_count; i++)
      add(enabling->now, enabling->tree->uses.at[stmt->first_argument + i].meaning);
    return work(enabling, stmt->argument_count + 1);
  case MATY__STMT_CHOICE:
    MATY__TRY(need(enabling, stmt));
    MATY__TRY(open_block(enabling, index));
    MATY__TRY(push_set(enabling, NULL));
    begin_branch(enabling);
    return work(enabling, enabling->words);
  case MATY__STMT_OR:
    end_branch(enabling);
    begin_branch(enabling);
    return work(enabling, enabling->words);
  case MATY__STMT_CHOICE_END:
    end_branch(enabling);
    memcpy(enabling->now,
           enabling->sets.at + enabling->open.at[enabling->open.count - 1].before + enabling->words,
           enabling->words * sizeof(uint64_t));
    close_block(enabling, index);
    return MATY_OK;
  case MATY__STMT_REC:
    MATY__TRY(walk_rec(enabling, index));
    return work(enabling, enabling->words);
  case MATY__STMT_REC_END:
    close_block(enabling, index);
    return MATY_OK;
  case MATY__STMT_CONTINUE:
    MATY__TRY(walk_continue(enabling, stmt));
    return work(enabling, enabling->words);
  case MATY__STMT_DO:
    MATY__TRY(walk_do(enabling, index));
    return work(enabling, stmt->argument_count + 1);
  default:
    return MATY_OK;
  }
}

/* Walks one protocol, from what is enabled where it is called, or from nothing. */
static maty_status walk(enabling_t *enabling, uint32_t called, phase_t phase) {
  enabling->self = called;
  enabling->phase = phase;
  enabling->words = words_for(protocol_at(enabling, called));
  enabling->called.at[called].changed = false;
  do {
    enabling->loops_changed = false;
    if (phase == GAINING)
      memset(enabling->now, 0, enabling->words * sizeof(uint64_t));
    else
      memcpy(enabling->now, enabling->kept.at + enabling->called.at[called].arrivals,
             enabling->words * sizeof(uint64_t));
    for (uint32_t stmt = protocol_at(enabling, called)->first_stmt;
         enabling->tree->stmts.at[stmt].kind != MATY__STMT_BODY_END; stmt++)
      MATY__TRY(walk_stmt(enabling, stmt));
  } while (enabling->loops_changed);
  return MATY_OK;
}

static maty_status find_gains(enabling_t *enabling) {
  for (uint32_t i = 0; i < enabling->called.count; i++)
    MATY__TRY(walk_again(enabling, i));
  while (enabling->queue.count > 0) {
    uint32_t called = enabling->queue.at[--enabling->queue.count];
    MATY__TRY(walk(enabling, called, GAINING));
    uint64_t *gains = enabling->kept.at + enabling->called.at[called].gains;
    if (!narrow(gains, enabling->now, enabling->words))
      continue;
    for (uint32_t i = enabling->called.at[called].callers; i != MATY__NONE;
         i = enabling->callers.at[i].next)
      MATY__TRY(walk_again(enabling, enabling->callers.at[i].called));
  }
  return MATY_OK;
}

static maty_status find_arrivals(enabling_t *enabling) {
  uint32_t never = protocol_at(enabling, 0)->role_count;
  (void)take(enabling->kept.at + enabling->called.at[0].arrivals, never);
  MATY__TRY(walk_again(enabling, 0));
  while (enabling->queue.count > 0)
    MATY__TRY(walk(enabling, enabling->queue.at[--enabling->queue.count], ARRIVING));
  for (uint32_t i = 0; i < enabling->called.count; i++)
    MATY__TRY(walk(enabling, i, REPORTING));
  return MATY_OK;
}

maty_status maty__enabling_check(maty__check_t *check, const maty__tree_t *tree,
                                 uint32_t protocol) {
  enabling_t enabling = {.check = check, .tree = tree};
  uint32_t most = 0;
  MATY__TRY(find_called(&enabling, protocol));
  for (uint32_t i = 0; i < enabling.called.count; i++)
    if (words_for(protocol_at(&enabling, i)) > most)
      most = words_for(protocol_at(&enabling, i));
  enabling.now = maty__array(check->scratch, uint64_t, most);
  MATY__NEED(enabling.now != NULL);
  MATY__TRY(find_gains(&enabling));
  MATY__TRY(find_arrivals(&enabling));
  return enabling.rejected ? MATY_EREJECTED : MATY_OK;
}
