/* machines_read.c - see machines_read.h.
 *
 * Names are bound in three passes over the statements: roles, then states, then
 * messages. A message becomes a move of its state; the moves are sorted by state
 * and message, which is the order that images want. What is wrong is reported
 * and left out, so that one run finds all of it. Whether payloads fit is asked
 * last, of the image.
 */
#include "machines_read.h"

#include <string.h>

#include "fits.h"
#include "limits.h"
#include "parse.h"

typedef struct move {
  uint32_t stmt;
  uint32_t message;
  uint32_t target; /* state of the same role, counted from its first */
} move_t;

typedef struct reader {
  maty__check_t *check;
  maty_machine_format format;
  maty__tree_t tree;
  maty__types_t types;
  MATY__VEC(maty__use_t) roles;
  maty__map_t role_of;   /* by name */
  maty__map_t state_of;  /* by role, then name: counted from the role's first */
  maty__u32s_t state_at; /* by state of the role that is read: a statement that names it */
  maty__map_t message_of;
  MATY__VEC(maty__message_t) messages;
  MATY__VEC(move_t) moves; /* of the role that is read */
  maty__u64s_t order;      /* state, message, move: 21 bits each */
  maty__machines_t machines;
  maty__u32s_t stmt_of; /* by move of the machines */
} reader_t;

enum { ORDER_BITS = 21, ORDER_MASK = (1 << ORDER_BITS) - 1 };
_Static_assert(MATY_MAX_STATEMENTS <= 1u << (ORDER_BITS - 1), "moves and states have to fit");

static uint32_t length_of(const reader_t *reader, const maty__use_t *use) {
  return maty__name_length(&reader->check->names, use->name);
}

static const maty__stmt_t *stmt_at(const reader_t *reader, uint32_t index) {
  return &reader->tree.stmts.at[index];
}

static bool in_machine(const maty__stmt_t *stmt) {
  return stmt->kind == MATY__STMT_STATE || stmt->kind == MATY__STMT_MESSAGE;
}

/* ===== Roles ============================================================= */

static maty_status add_role(reader_t *reader, const maty__use_t *use) {
  uint32_t *role = maty__map_put(reader->check->scratch, &reader->role_of, use->name);
  MATY__NEED(role != NULL);
  if (*role != MATY__NONE) {
    MATY__TRY(maty__error(reader->check, MATY_CLASS_DUP_ROLE, use->at, length_of(reader, use),
                          "the role '%.*s' stands twice",
                          MATY__NAME(&reader->check->names, use->name)));
    const maty__use_t *first = &reader->roles.at[*role];
    MATY__TRY(maty__note(reader->check, MATY_CLASS_DUP_ROLE, first->at, length_of(reader, first),
                         "it stands here first"));
  } else {
    *role = reader->roles.count;
  }
  if (reader->roles.count == MATY_MAX_ROLES)
    MATY__TRY(maty__error(reader->check, MATY_CLASS_LIMIT, use->at, length_of(reader, use),
                          "more than %u roles", MATY_MAX_ROLES));
  MATY__NEED(maty__vec_push(reader->check->scratch, &reader->roles, *use));
  return MATY_OK;
}

/* The number that a name is, or MATY__NONE. */
static uint32_t number_of(const reader_t *reader, const maty__use_t *use) {
  const maty__name_text_t *text = &reader->check->names.items.at[use->name];
  uint32_t number = 0;
  for (uint32_t i = 0; i < text->length; i++) {
    if (text->at[i] < '0' || text->at[i] > '9' || number > MATY_MAX_ROLES)
      return MATY__NONE;
    number = 10 * number + (uint32_t)(text->at[i] - '0');
  }
  return text->length == 0 ? MATY__NONE : number;
}

/* Sets "meaning" to the role, MATY__NONE if there is none, which is reported. */
static maty_status bind_role(reader_t *reader, maty__use_t *use) {
  const maty__names_t *names = &reader->check->names;
  uint32_t number = reader->format == MATY_MACHINES_CFSM ? number_of(reader, use) : MATY__NONE;
  if (use->meaning != MATY__NONE)
    return MATY_OK;
  use->meaning = number != MATY__NONE ? number : maty__map_get(&reader->role_of, use->name);
  if (use->meaning < reader->roles.count)
    return MATY_OK;
  use->meaning = MATY__NONE;
  if (number != MATY__NONE)
    return maty__error(reader->check, MATY_CLASS_UNBOUND_ROLE, use->at, length_of(reader, use),
                       "there is no machine %u; they are 0 to %u", number, reader->roles.count - 1);
  maty__nearest_t nearest;
  maty__nearest_init(&nearest, names, use->name, !reader->check->full);
  for (uint32_t i = 0; i < reader->roles.count && nearest.left > 0; i++)
    maty__nearest_offer(&nearest, reader->roles.at[i].name);
  if (nearest.name == MATY__NONE)
    return maty__error(reader->check, MATY_CLASS_UNBOUND_ROLE, use->at, length_of(reader, use),
                       "there is no role '%.*s'", MATY__NAME(names, use->name));
  return maty__error(reader->check, MATY_CLASS_UNBOUND_ROLE, use->at, length_of(reader, use),
                     "there is no role '%.*s'; did you mean '%.*s'?", MATY__NAME(names, use->name),
                     MATY__NAME(names, nearest.name));
}

/* ===== States ============================================================ */

/* Returns where the number of a state stands; a new one is MATY__NONE. */
static uint32_t *find_state(reader_t *reader, uint32_t role, maty__name_t name) {
  return maty__map_put(reader->check->scratch, &reader->state_of, (uint64_t)role << 32 | name);
}

/* "stmt" is where it is named; a state may be named once, or by being used. */
static maty_status add_state(reader_t *reader, uint32_t role, const maty__use_t *use,
                             uint32_t stmt) {
  uint32_t *state = find_state(reader, role, use->name);
  MATY__NEED(state != NULL);
  if (*state == MATY__NONE) {
    *state = reader->state_at.count;
    MATY__NEED(maty__vec_push(reader->check->scratch, &reader->state_at, stmt));
    return MATY_OK;
  }
  if (reader->format == MATY_MACHINES_CFSM)
    return MATY_OK;
  MATY__TRY(maty__error(reader->check, MATY_CLASS_DUP_LABEL, use->at, length_of(reader, use),
                        "the state '%.*s' stands twice",
                        MATY__NAME(&reader->check->names, use->name)));
  return maty__note(reader->check, MATY_CLASS_DUP_LABEL,
                    stmt_at(reader, reader->state_at.at[*state])->at, length_of(reader, use),
                    "it stands here first");
}

/* The states of the machine at a statement; its first is the initial one. */
static maty_status add_states(reader_t *reader, uint32_t role, uint32_t machine) {
  const bool implicit = reader->format == MATY_MACHINES_CFSM;
  reader->state_at.count = 0;
  if (implicit)
    MATY__TRY(add_state(reader, role, &stmt_at(reader, machine)->subject, machine));
  for (uint32_t i = machine + 1; in_machine(stmt_at(reader, i)); i++) {
    const maty__stmt_t *stmt = stmt_at(reader, i);
    if (stmt->kind == MATY__STMT_STATE)
      MATY__TRY(add_state(reader, role, &stmt->name, i));
    else if (implicit)
      MATY__TRY(add_state(reader, role, &reader->tree.uses.at[stmt->first_argument + 1], i));
  }
  if (reader->state_at.count == 0)
    MATY__NEED(maty__vec_push(reader->check->scratch, &reader->state_at, machine));
  return MATY_OK;
}

/* ===== Moves ============================================================= */

static maty_status find_message(reader_t *reader, maty__message_t message, uint32_t *number) {
  enum { ROLE_BITS = 12 };
  _Static_assert(MATY_MAX_ROLES <= 1u << ROLE_BITS, "roles have to fit");
  uint64_t key = (uint64_t)message.sender << (32 + ROLE_BITS) | (uint64_t)message.receiver << 32 |
                 message.label;
  uint32_t *known = maty__map_put(reader->check->scratch, &reader->message_of, key);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    *known = reader->messages.count;
    MATY__NEED(maty__vec_push(reader->check->scratch, &reader->messages, message));
  }
  *number = *known;
  return MATY_OK;
}

static maty_status add_move(reader_t *reader, uint32_t role, uint32_t state, uint32_t index) {
  maty__stmt_t *stmt = &reader->tree.stmts.at[index];
  maty__use_t *receiver = &reader->tree.uses.at[stmt->first_argument];
  const maty__use_t *target = receiver + 1;
  const maty__names_t *names = &reader->check->names;
  move_t move = {.stmt = index};
  MATY__TRY(bind_role(reader, &stmt->subject));
  MATY__TRY(bind_role(reader, receiver));
  move.target = maty__map_get(&reader->state_of, (uint64_t)role << 32 | target->name);
  if (move.target == MATY__NONE)
    MATY__TRY(maty__error(reader->check, MATY_CLASS_UNBOUND_RECVAR, target->at,
                          length_of(reader, target), "the machine of '%.*s' has no state '%.*s'",
                          MATY__NAME(names, reader->roles.at[role].name),
                          MATY__NAME(names, target->name)));
  if (stmt->subject.meaning == MATY__NONE || receiver->meaning == MATY__NONE ||
      move.target == MATY__NONE)
    return MATY_OK;
  if (stmt->subject.meaning == receiver->meaning)
    return maty__error(reader->check, MATY_CLASS_SELF_MESSAGE, stmt->at, stmt->length,
                       "the role '%.*s' sends a message to itself",
                       MATY__NAME(names, reader->roles.at[role].name));
  MATY__TRY(find_message(reader,
                         (maty__message_t){.sender = stmt->subject.meaning,
                                           .receiver = receiver->meaning,
                                           .label = stmt->name.name,
                                           .invitation = MATY__NONE},
                         &move.message));
  uint64_t key = (uint64_t)state << 2 * ORDER_BITS | (uint64_t)move.message << ORDER_BITS |
                 reader->moves.count;
  MATY__NEED(maty__vec_push(reader->check->scratch, &reader->order, key));
  MATY__NEED(maty__vec_push(reader->check->scratch, &reader->moves, move));
  return MATY_OK;
}

static maty_status add_moves(reader_t *reader, uint32_t role, uint32_t machine) {
  uint32_t state = 0;
  reader->moves.count = reader->order.count = 0;
  for (uint32_t i = machine + 1; in_machine(stmt_at(reader, i)); i++) {
    const maty__stmt_t *stmt = stmt_at(reader, i);
    if (stmt->kind == MATY__STMT_MESSAGE)
      MATY__TRY(add_move(reader, role, state, i));
    else
      state = maty__map_get(&reader->state_of, (uint64_t)role << 32 | stmt->name.name);
  }
  if (reader->order.count > 1)
    maty__sort(reader->order.at, reader->order.count);
  return MATY_OK;
}

/* ===== Machines ========================================================== */

/* Where a state's name stands. */
static const maty__use_t *state_use(const reader_t *reader, uint32_t state) {
  const maty__stmt_t *stmt = stmt_at(reader, reader->state_at.at[state]);
  switch (stmt->kind) {
  case MATY__STMT_MESSAGE:
    return &reader->tree.uses.at[stmt->first_argument + 1];
  case MATY__STMT_MACHINE:
    return &stmt->subject;
  default:
    return &stmt->name;
  }
}

static maty_status report_twice(reader_t *reader, const maty__stmt_t *stmt,
                                const maty__stmt_t *first) {
  bool differ = stmt->payload != first->payload;
  maty_class class_ = differ ? MATY_CLASS_NONDET_PAYLOAD : MATY_CLASS_DUP_LABEL;
  MATY__TRY(maty__error(reader->check, class_, stmt->at, stmt->length,
                        "the message '%.*s' stands twice in one state%s",
                        MATY__NAME(&reader->check->names, stmt->name.name),
                        differ ? ", with different payloads" : ""));
  return maty__note(reader->check, class_, first->at, first->length, "it stands here first");
}

/* One state with the moves order.at[first .. end - 1]. */
static maty_status make_state(reader_t *reader, uint32_t role, uint32_t state, uint32_t first,
                              uint32_t end) {
  maty__check_t *check = reader->check;
  const maty__stmt_t *before = NULL;
  maty__local_state_t local = {.first_move = reader->machines.moves.count,
                               .phase = MATY_PHASE_FINAL,
                               .at = state_use(reader, state)->at};
  if (stmt_at(reader, reader->state_at.at[state])->kind == MATY__STMT_MACHINE &&
      reader->format == MATY_MACHINES_PLAIN)
    local.at = reader->roles.at[role].at;
  for (uint32_t i = first; i < end; i++) {
    const move_t *move = &reader->moves.at[reader->order.at[i] & ORDER_MASK];
    const maty__stmt_t *stmt = stmt_at(reader, move->stmt);
    maty_phase phase = stmt->subject.meaning == role ? MATY_PHASE_SEND : MATY_PHASE_RECEIVE;
    if (local.phase == MATY_PHASE_FINAL) {
      local.phase = phase;
    } else if (local.phase != phase) {
      MATY__TRY(maty__error(check, MATY_CLASS_MIXED_CHOICE, stmt->at, stmt->length,
                            "the state '%.*s' both sends and receives",
                            MATY__NAME(&check->names, state_use(reader, state)->name)));
      MATY__TRY(maty__note(check, MATY_CLASS_MIXED_CHOICE, before->at, before->length, "here it %s",
                           local.phase == MATY_PHASE_SEND ? "sends" : "receives"));
      break;
    }
    if (i > first &&
        reader->moves.at[reader->order.at[i - 1] & ORDER_MASK].message == move->message)
      MATY__TRY(report_twice(reader, stmt, before));
    before = stmt;
    maty__local_move_t made = {
        .message = move->message, .target = move->target, .payload = stmt->payload, .at = stmt->at};
    MATY__NEED(maty__vec_push(check->scratch, &reader->machines.moves, made));
    MATY__NEED(maty__vec_push(check->scratch, &reader->stmt_of, move->stmt));
    local.move_count++;
  }
  MATY__NEED(maty__vec_push(check->scratch, &reader->machines.states, local));
  return MATY_OK;
}

static maty_status check_reached(reader_t *reader, uint32_t role) {
  const maty__machines_t *machines = &reader->machines;
  uint32_t first_state = machines->first_state.at[role];
  uint32_t count = reader->state_at.count, found = 1;
  maty__arena_mark_t mark = maty__arena_mark(reader->check->scratch);
  uint8_t *seen = maty__zarray(reader->check->scratch, uint8_t, count);
  uint32_t *list = maty__array(reader->check->scratch, uint32_t, count);
  MATY__NEED(seen != NULL && list != NULL);
  list[0] = 0;
  seen[0] = 1;
  for (uint32_t i = 0; i < found; i++) {
    const maty__local_state_t *state = &machines->states.at[first_state + list[i]];
    for (uint32_t j = 0; j < state->move_count; j++) {
      uint32_t target = machines->moves.at[state->first_move + j].target;
      if (!seen[target])
        list[found++] = target;
      seen[target] = 1;
    }
  }
  for (uint32_t i = 0; i < count && found < count; i++) {
    const maty__use_t *use = state_use(reader, i);
    if (!seen[i])
      MATY__TRY(maty__error(reader->check, MATY_CLASS_UNREACHABLE, use->at, length_of(reader, use),
                            "the state '%.*s' cannot be reached",
                            MATY__NAME(&reader->check->names, use->name)));
  }
  maty__arena_rewind(reader->check->scratch, mark);
  return MATY_OK;
}

static maty_status make_machine(reader_t *reader, uint32_t role, uint32_t machine) {
  uint32_t errors = reader->check->errors, next = 0;
  MATY__TRY(add_states(reader, role, machine));
  MATY__TRY(add_moves(reader, role, machine));
  MATY__TRY(maty__check_work(reader->check, reader->order.count + 1));
  for (uint32_t state = 0; state < reader->state_at.count; state++) {
    uint32_t first = next;
    while (next < reader->order.count && reader->order.at[next] >> 2 * ORDER_BITS == state)
      next++;
    MATY__TRY(make_state(reader, role, state, first, next));
  }
  if (reader->check->errors == errors)
    MATY__TRY(check_reached(reader, role));
  MATY__NEED(maty__vec_push(reader->check->scratch, &reader->machines.first_state,
                            reader->machines.states.count));
  return MATY_OK;
}

/* ===== Payloads ========================================================== */

/* A message that is sent has to fit one of the payloads with which its receiver
 * takes it, if it takes it at all: when, is not asked here. */
typedef struct receives {
  uint32_t *first; /* by message, and one more */
  uint32_t *moves;
} receives_t;

static maty_status find_receives(reader_t *reader, const maty_image_t *image, maty__arena_t *arena,
                                 receives_t *receives) {
  const maty__machines_t *machines = &reader->machines;
  uint32_t count = reader->messages.count;
  receives->first = maty__zarray(arena, uint32_t, (size_t)count + 2);
  receives->moves = maty__array(arena, uint32_t, machines->moves.count);
  MATY__NEED(receives->first != NULL && receives->moves != NULL);
  uint32_t *next = receives->first + 1;
  for (uint32_t pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < machines->states.count; i++) {
      const maty__state_t *state = &image->states[i];
      for (uint32_t j = 0; state->phase == MATY_PHASE_RECEIVE && j < state->transition_count; j++) {
        uint32_t move = state->first_transition + j;
        uint32_t message = machines->moves.at[move].message;
        if (pass == 0)
          next[message + 1]++;
        else
          receives->moves[next[message]++] = move;
      }
    }
    for (uint32_t i = 0; pass == 0 && i < count; i++)
      next[i + 1] += next[i];
  }
  return MATY_OK;
}

static maty_status check_payload(reader_t *reader, const receives_t *receives, uint32_t move,
                                 maty__fits_t *fits) {
  uint32_t message = reader->machines.moves.at[move].message;
  uint32_t first = receives->first[message], end = receives->first[message + 1];
  const maty__transition_t *sent = &fits->sub->transitions[move];
  bool fit = first == end, arity = false;
  for (uint32_t i = first; i < end && !fit; i++) {
    const maty__transition_t *taken = &fits->super->transitions[receives->moves[i]];
    arity = arity || sent->arity == taken->arity;
    if (taken->first_field == sent->first_field && taken->arity == sent->arity)
      fit = true;
    else
      MATY__TRY(maty__payload_fits(fits, sent, taken, &fit));
  }
  if (fit)
    return MATY_OK;
  const maty__stmt_t *stmt = stmt_at(reader, reader->stmt_of.at[move]);
  const maty__stmt_t *other = stmt_at(reader, reader->stmt_of.at[receives->moves[first]]);
  maty_class class_ = arity ? MATY_CLASS_NONDET_PAYLOAD : MATY_CLASS_ARITY;
  MATY__TRY(maty__error(reader->check, class_, stmt->at, stmt->length,
                        arity ? "the payload of '%.*s' does not fit what '%.*s' receives"
                              : "the payload of '%.*s' has not as many fields as '%.*s' receives",
                        MATY__NAME(&reader->check->names, stmt->name.name),
                        MATY__NAME(&reader->check->names,
                                   reader->roles.at[reader->messages.at[message].receiver].name)));
  return maty__note(reader->check, class_, other->at, other->length, "it is received here");
}

static maty_status check_payloads(reader_t *reader, const maty_image_t *image,
                                  maty__arena_t *arena) {
  receives_t receives;
  maty__fits_t fits;
  maty__fits_init(&fits, arena, image, image);
  MATY__TRY(find_receives(reader, image, arena, &receives));
  for (uint32_t i = 0; i < image->header->states.count; i++) {
    const maty__state_t *state = &image->states[i];
    for (uint32_t j = 0; state->phase == MATY_PHASE_SEND && j < state->transition_count; j++)
      MATY__TRY(check_payload(reader, &receives, state->first_transition + j, &fits));
  }
  return MATY_OK;
}

/* ===== The whole ========================================================= */

maty_status maty__add_set(maty__check_t *check, maty__tree_t *tree, maty__protocol_t set) {
  maty__unit_t unit = {.end_type_decl = tree->type_decls.count, .end_protocol = 1};
  set.outer = MATY__NONE;
  MATY__NEED(maty__vec_push(check->scratch, &tree->protocols, set));
  MATY__NEED(maty__vec_push(check->scratch, &tree->units, unit));
  return MATY_OK;
}

static maty_status build(reader_t *reader, const maty__use_t *name, maty_image_t **out) {
  const maty__image_parts_t parts = {.protocol = name,
                                     .roles = reader->roles.at,
                                     .role_count = reader->roles.count,
                                     .messages = reader->messages.at,
                                     .message_count = reader->messages.count,
                                     .machines = &reader->machines,
                                     .types = &reader->types,
                                     .source = reader->check->sources.at[0].name};
  MATY__TRY(maty__image_build(reader->check, &parts, out));
  maty_status status = check_payloads(reader, *out, reader->check->work);
  if (status == MATY_OK && reader->check->errors > 0)
    status = MATY_EREJECTED;
  if (status != MATY_OK) {
    maty_image_release(*out);
    *out = NULL;
  }
  return status;
}

maty_status maty__machines_read(maty__check_t *check, maty_machine_format format,
                                maty__arena_t *types, maty__name_t *protocol, maty_image_t **out) {
  static const char unnamed[] = "Machines";
  reader_t reader = {.check = check, .format = format};
  *out = NULL;
  if (format == MATY_MACHINES_PLAIN)
    MATY__TRY(maty__parse_machines(check, &reader.tree));
  else
    MATY__TRY(maty__parse_cfsm(check, &reader.tree));
  maty__use_t name = reader.tree.protocols.at[0].name;
  if (name.name == MATY__WORD_EMPTY)
    name.name = maty__names_put(&check->names, unnamed, sizeof unnamed - 1);
  MATY__NEED(name.name != MATY__NONE);
  *protocol = name.name;
  MATY__TRY(maty__types_resolve(check, &reader.tree, types, &reader.types));
  if (reader.tree.protocols.at[0].broken || check->errors > 0)
    return MATY_EREJECTED;
  for (uint32_t i = 0; i < reader.tree.stmts.count; i++)
    if (stmt_at(&reader, i)->kind == MATY__STMT_MACHINE)
      MATY__TRY(add_role(&reader, &stmt_at(&reader, i)->name));
  if (reader.roles.count > MATY_MAX_ROLES)
    return MATY_EREJECTED;
  MATY__NEED(maty__vec_push(check->scratch, &reader.machines.first_state, 0));
  for (uint32_t i = 0, role = 0; i < reader.tree.stmts.count; i++)
    if (stmt_at(&reader, i)->kind == MATY__STMT_MACHINE)
      MATY__TRY(make_machine(&reader, role++, i));
  return check->errors > 0 ? MATY_EREJECTED : build(&reader, &name, out);
}
