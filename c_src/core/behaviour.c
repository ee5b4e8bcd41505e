/* behaviour.c - reading a behaviour; see behaviour.h.
 *
 * One pass over the lines. What a word has to be is known when it is read; the first
 * that is not ends the reading. References are looked at once all is read.
 */
#include "behaviour.h"

#include <string.h>

#include "limits.h"

typedef struct reader {
  const char *at, *end;
  maty__arena_t *arena;
  maty__behaviour_t *behaviour;
  bool failed; /* what was read is no behaviour */
  bool memory; /* or there was no memory */
} reader_t;

static void fail(reader_t *reader) {
  reader->failed = true;
  reader->at = reader->end;
}

static void need(reader_t *reader, bool condition) {
  if (!condition) {
    reader->memory = true;
    fail(reader);
  }
}

/* Whether the line has another word; goes to it. */
static bool more(reader_t *reader) {
  if (reader->at < reader->end && *reader->at == ' ') {
    reader->at++;
    return true;
  }
  return false;
}

static void want(reader_t *reader) {
  if (!more(reader))
    fail(reader);
}

static void end_line(reader_t *reader) {
  if (reader->at < reader->end && *reader->at == '\n')
    reader->at++;
  else
    fail(reader);
}

static bool take(reader_t *reader, char byte) {
  if (reader->at < reader->end && *reader->at == byte) {
    reader->at++;
    return true;
  }
  return false;
}

static bool word(reader_t *reader, const char *text) {
  size_t length = strlen(text);
  if ((size_t)(reader->end - reader->at) <= length || memcmp(reader->at, text, length) != 0)
    return false;
  char behind = reader->at[length];
  if (behind != ' ' && behind != '\n')
    return false;
  reader->at += length;
  return true;
}

static uint32_t number(reader_t *reader) {
  uint64_t value = 0;
  const char *first = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' && value < UINT32_MAX)
    value = value * 10 + (uint64_t)(*reader->at++ - '0');
  if (reader->at == first || value >= MATY__NONE) {
    fail(reader);
    return 0;
  }
  return (uint32_t)value;
}

static uint32_t next_number(reader_t *reader) {
  want(reader);
  return number(reader);
}

/* A node, or "-". */
static uint32_t next_node(reader_t *reader) {
  want(reader);
  return take(reader, '-') ? MATY__NONE : number(reader);
}

static const char *quoted(reader_t *reader) {
  if (!take(reader, '"')) {
    fail(reader);
    return "";
  }
  const char *from = reader->at;
  while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\n')
    reader->at += *reader->at == '\\' && reader->end - reader->at > 1 ? 2 : 1;
  size_t size = (size_t)(reader->at - from);
  char *text = maty__arena_alloc(reader->arena, size + 1), *to = text;
  need(reader, text != NULL);
  if (text == NULL || !take(reader, '"')) {
    fail(reader);
    return "";
  }
  for (size_t i = 0; i < size; i++) {
    char byte = from[i];
    if (byte == '\\') {
      i++;
      byte = from[i] == 'n' ? '\n' : from[i];
    }
    if (byte == '\0')
      fail(reader);
    *to++ = byte;
  }
  *to = '\0';
  return text;
}

static const char *next_text(reader_t *reader) {
  want(reader);
  return quoted(reader);
}

/* A name, or NULL for "?". */
static const char *next_known_text(reader_t *reader) {
  want(reader);
  return take(reader, '?') ? NULL : quoted(reader);
}

static maty__code_place_t next_place(reader_t *reader) {
  maty__code_place_t place = {0};
  want(reader);
  place.caller = take(reader, '^');
  place.line = number(reader);
  if (!take(reader, ':'))
    fail(reader);
  place.column = number(reader);
  return place;
}

/* ----- Values ----- */

static int64_t integer(reader_t *reader) {
  bool negative = take(reader, '-');
  uint64_t value = 0;
  const char *first = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
    uint64_t digit = (uint64_t)(*reader->at++ - '0');
    if (value > (UINT64_MAX - digit) / 10) {
      fail(reader);
      return 0;
    }
    value = value * 10 + digit;
  }
  if (reader->at == first || value > (uint64_t)INT64_MAX + negative)
    fail(reader);
  return negative ? (int64_t)(0 - value) : (int64_t)value;
}

/* Reads one value without what is in it; returns how many are. */
static uint32_t read_value(reader_t *reader, bool head) {
  static const char kinds[] = "?ifnabsuprmMotTl";
  maty__known_t value = {0};
  want(reader);
  value.kind = reader->at < reader->end ? *reader->at : '\0';
  bool parts = false;
  if (value.kind == '"') {
    value.atom = quoted(reader);
  } else if (take(reader, '=')) {
    value.integer = integer(reader);
  } else if (value.kind == 'v' && head) {
    reader->at++;
    parts = true;
  } else if (value.kind != '\0' && strchr(kinds, value.kind) != NULL) {
    reader->at++;
    parts = (value.kind == 't' || value.kind == 'T' || value.kind == 'l') &&
            reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
  } else {
    fail(reader);
  }
  value.count = parts ? number(reader) : MATY__NONE;
  if (parts && value.count > MATY_MAX_FIELDS)
    fail(reader);
  need(reader, maty__vec_push(reader->arena, &reader->behaviour->values, value));
  return parts ? value.count : 0;
}

static void read_field(reader_t *reader) {
  uint64_t missing = 1;
  for (bool head = true; missing > 0 && !reader->failed; head = false)
    missing += read_value(reader, head) - (uint64_t)1;
}

uint32_t maty__known_size(const maty__known_t *values) {
  uint32_t size = 0;
  for (uint64_t missing = 1; missing > 0; missing--, size++)
    missing += values[size].count == MATY__NONE ? 0 : values[size].count;
  return size;
}

/* ----- Lines ----- */

static void read_targets(reader_t *reader, maty__node_t *node) {
  maty__behaviour_t *behaviour = reader->behaviour;
  node->first = behaviour->targets.count;
  while (more(reader)) {
    need(reader, maty__vec_push(reader->arena, &behaviour->targets, number(reader)));
    node->count++;
  }
}

static void read_target(reader_t *reader, maty__node_t *node) {
  node->first = reader->behaviour->targets.count;
  uint32_t target = next_node(reader);
  if (target != MATY__NONE) {
    need(reader, maty__vec_push(reader->arena, &reader->behaviour->targets, target));
    node->count = 1;
  }
}

static void read_send(reader_t *reader, maty__node_t *node) {
  node->kind = MATY__NODE_SEND;
  node->place = next_place(reader);
  read_target(reader, node);
  node->refused = next_node(reader);
  node->role = next_known_text(reader);
  node->label = next_known_text(reader);
  node->first_value = reader->behaviour->values.count;
  want(reader);
  if (take(reader, '?')) {
    node->arity = MATY__NONE;
    return;
  }
  node->arity = number(reader);
  if (node->arity > MATY_MAX_FIELDS)
    fail(reader);
  for (uint32_t i = 0; i < node->arity && !reader->failed; i++)
    read_field(reader);
}

static maty_class next_class(reader_t *reader) {
  const char *name = next_text(reader);
  for (uint32_t class_ = 0; class_ < MATY_CLASS_COUNT; class_++)
    if (strcmp(name, maty_class_name((maty_class)class_)) == 0)
      return (maty_class)class_;
  fail(reader);
  return MATY_CLASS_SYNTAX;
}

/* Of one that waits with a handler. */
static void read_wait(reader_t *reader, maty__node_kind kind, maty__node_t *node) {
  node->kind = kind;
  node->place = next_place(reader);
  node->number = next_node(reader);
}

/* Of one behind which nothing is certain. */
static void read_doubt(reader_t *reader, maty__node_kind kind, maty__node_t *node) {
  node->kind = kind;
  node->place = next_place(reader);
  node->text = next_text(reader);
  read_target(reader, node);
}

static void read_node(reader_t *reader) {
  maty__node_t node = {.refused = MATY__NONE, .raised = MATY__NONE, .number = MATY__NONE};
  if (word(reader, "go")) {
    node.kind = MATY__NODE_GO;
    read_targets(reader, &node);
  } else if (word(reader, "send")) {
    read_send(reader, &node);
  } else if (word(reader, "call")) {
    node.kind = MATY__NODE_CALL;
    node.place = next_place(reader);
    node.number = next_number(reader);
    node.refused = next_node(reader);
    node.raised = next_node(reader);
    read_targets(reader, &node);
  } else if (word(reader, "exit")) {
    node.kind = MATY__NODE_EXIT;
    node.number = next_number(reader);
    if (node.number >= MATY__EXIT_REFUSED)
      fail(reader);
  } else if (word(reader, "refused")) {
    node.kind = MATY__NODE_EXIT;
    node.number = MATY__EXIT_REFUSED;
  } else if (word(reader, "raised")) {
    node.kind = MATY__NODE_EXIT;
    node.number = MATY__EXIT_RAISED;
  } else if (word(reader, "suspend")) {
    read_wait(reader, MATY__NODE_SUSPEND, &node);
  } else if (word(reader, "hold")) {
    read_wait(reader, MATY__NODE_HOLD, &node);
  } else if (word(reader, "done")) {
    node.kind = MATY__NODE_DONE;
    node.place = next_place(reader);
  } else if (word(reader, "mark")) {
    node.kind = MATY__NODE_MARK;
    node.number = next_number(reader);
    read_target(reader, &node);
  } else if (word(reader, "bad")) {
    node.kind = MATY__NODE_BAD;
    node.place = next_place(reader);
    node.class_ = next_class(reader);
    node.text = next_text(reader);
    read_target(reader, &node);
  } else if (word(reader, "guess")) {
    read_doubt(reader, MATY__NODE_GUESS, &node);
  } else if (word(reader, "suppose")) {
    read_doubt(reader, MATY__NODE_SUPPOSE, &node);
  } else {
    fail(reader);
  }
  end_line(reader);
  need(reader, maty__vec_push(reader->arena, &reader->behaviour->nodes, node));
}

static void read_handler(reader_t *reader) {
  maty__behaviour_t *behaviour = reader->behaviour;
  maty__handler_t handler = {.first_on = behaviour->ons.count,
                             .resume = MATY__NONE,
                             .first_clause = behaviour->clauses.count};
  uint32_t index = behaviour->handlers.count;
  if (next_number(reader) != index)
    fail(reader);
  handler.name = next_text(reader);
  handler.place = next_place(reader);
  end_line(reader);
  for (;;) {
    maty__on_t on = {.certain = word(reader, "on")};
    if (reader->failed || (!on.certain && !word(reader, "perhaps")))
      break;
    on.label = next_text(reader);
    on.peer = next_text(reader);
    on.node = next_number(reader);
    end_line(reader);
    need(reader, maty__vec_push(reader->arena, &behaviour->ons, on));
    handler.on_count++;
  }
  if (!reader->failed && word(reader, "resume")) {
    handler.resume = next_number(reader);
    end_line(reader);
  }
  while (!reader->failed && word(reader, "clause")) {
    maty__clause_t clause;
    clause.mark = next_number(reader);
    clause.place = next_place(reader);
    end_line(reader);
    need(reader, maty__vec_push(reader->arena, &behaviour->clauses, clause));
    handler.clause_count++;
  }
  need(reader, maty__vec_push(reader->arena, &behaviour->handlers, handler));
}

/* ----- References ----- */

static bool is_node(const maty__behaviour_t *behaviour, uint32_t node, bool may_miss) {
  return node < behaviour->nodes.count || (may_miss && node == MATY__NONE);
}

static bool verify(const maty__behaviour_t *behaviour) {
  bool good = is_node(behaviour, behaviour->start, false);
  for (uint32_t i = 0; i < behaviour->targets.count; i++)
    good = good && is_node(behaviour, behaviour->targets.at[i], false);
  for (uint32_t i = 0; i < behaviour->ons.count; i++)
    good = good && is_node(behaviour, behaviour->ons.at[i].node, false);
  for (uint32_t i = 0; i < behaviour->handlers.count; i++)
    good = good && is_node(behaviour, behaviour->handlers.at[i].resume, true);
  for (uint32_t i = 0; i < behaviour->nodes.count; i++) {
    const maty__node_t *node = &behaviour->nodes.at[i];
    good =
        good && is_node(behaviour, node->refused, true) && is_node(behaviour, node->raised, true);
    if (node->kind == MATY__NODE_CALL)
      good = good && is_node(behaviour, node->number, false);
    if (node->kind == MATY__NODE_SUSPEND || node->kind == MATY__NODE_HOLD)
      good = good && (node->number == MATY__NONE || node->number < behaviour->handlers.count);
  }
  return good;
}

maty_status maty__behaviour_read(maty__behaviour_t *behaviour, maty__arena_t *arena,
                                 const char *text, size_t length) {
  *behaviour = (maty__behaviour_t){.source = NULL};
  if (length > MATY_MAX_BEHAVIOUR)
    return MATY_ELIMIT;
  reader_t reader = {.at = text, .end = text + length, .arena = arena, .behaviour = behaviour};
  if (!word(&reader, "behaviour") || next_number(&reader) != 1)
    fail(&reader);
  behaviour->source = next_text(&reader);
  behaviour->role = next_text(&reader);
  end_line(&reader);
  if (!word(&reader, "start"))
    fail(&reader);
  behaviour->start = next_number(&reader);
  end_line(&reader);
  while (!reader.failed && word(&reader, "handler"))
    read_handler(&reader);
  if (!word(&reader, "nodes"))
    fail(&reader);
  uint32_t count = next_number(&reader);
  end_line(&reader);
  if (!reader.failed && count > MATY_MAX_BEHAVIOUR_NODES)
    return MATY_ELIMIT;
  for (uint32_t i = 0; i < count && !reader.failed; i++)
    read_node(&reader);
  if (reader.memory)
    return MATY_ENOMEM;
  return !reader.failed && reader.at == reader.end && verify(behaviour) ? MATY_OK : MATY_EINVAL;
}
