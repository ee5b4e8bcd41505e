/* image.c - loading, verifying and reading images; see image.h.
 *
 * The verifier goes through each table once. Records that have a run in another
 * table have to have them one behind the other, so that no byte is looked at
 * more often than a constant number of times, however the records lie.
 */
#include "image.h"

#include <stdio.h>
#include <string.h>

#include "image_build.h"
#include "limits.h"
#include "types.h"

/* ===== Memory ============================================================ */

enum { IMAGE_ROOM = (sizeof(maty_image_t) + 15) & ~(size_t)15 };

maty_image_t *maty__image_alloc(uint32_t size, const maty_allocator_t *allocator, char **block) {
  maty_image_t *image = allocator->resize(allocator->context, NULL, 0, IMAGE_ROOM + (size_t)size);
  if (image == NULL)
    return NULL;
  atomic_init(&image->references, 1);
  image->allocator = *allocator;
  *block = (char *)image + IMAGE_ROOM;
  return image;
}

void maty__image_point(maty_image_t *image, const char *block) {
  const maty__header_t *header = (const void *)block;
  image->header = header;
  image->roles = (const void *)(block + header->roles.offset);
  image->states = (const void *)(block + header->states.offset);
  image->actions = (const void *)(block + header->actions.offset);
  image->transitions = (const void *)(block + header->transitions.offset);
  image->fields = (const void *)(block + header->fields.offset);
  image->types = (const void *)(block + header->types.offset);
  image->keys = (const void *)(block + header->keys.offset);
  image->strings = block + header->strings.offset;
}

maty_image_t *maty_image_retain(maty_image_t *image) {
  atomic_fetch_add_explicit(&image->references, 1, memory_order_relaxed);
  return image;
}

static void image_free(maty_image_t *image, uint32_t size) {
  maty_allocator_t allocator = image->allocator;
  allocator.resize(allocator.context, image, IMAGE_ROOM + (size_t)size, 0);
}

void maty_image_release(maty_image_t *image) {
  if (image != NULL && atomic_fetch_sub_explicit(&image->references, 1, memory_order_acq_rel) == 1)
    image_free(image, image->header->size);
}

const void *maty_image_block(const maty_image_t *image, size_t *size) {
  *size = image->header->size;
  return image->header;
}

uint64_t maty__image_hash(const char *block, uint32_t size) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint32_t at = offsetof(maty__header_t, hash) + 8; at < size; at += 8) {
    uint64_t word;
    memcpy(&word, block + at, sizeof word);
    hash = (hash ^ word) * 0x100000001b3u;
    hash ^= hash >> 32; /* lets the high bits of a word reach the low ones of the hash */
  }
  return hash;
}

/* ===== Verifying ========================================================= */

typedef struct verifier {
  const maty_image_t *image;
  const maty__header_t *header;
  maty__arena_t arena;
  uint32_t *looks; /* by field and one more: how many before it need a look */
} verifier_t;

static bool is_text(const verifier_t *verifier, uint32_t offset) {
  return offset < verifier->header->strings.count;
}

/* A text that may become an atom. */
static bool is_name(const verifier_t *verifier, uint32_t offset) {
  if (!is_text(verifier, offset))
    return false;
  uint32_t room = verifier->header->strings.count - offset;
  return memchr(verifier->image->strings + offset, '\0',
                room < MATY_MAX_NAME + 1 ? room : MATY_MAX_NAME + 1) != NULL;
}

/* Whether a run of "count" records at "first" lies in a table of "size". */
static bool is_run(uint32_t first, uint32_t count, uint32_t size) {
  return first <= size && count <= size - first;
}

static bool verify_layout(const maty__header_t *header, size_t size) {
  const struct {
    const maty__table_t *table;
    size_t size;
  } tables[] = {
      {&header->roles, sizeof(maty__role_t)},
      {&header->states, sizeof(maty__state_t)},
      {&header->actions, sizeof(maty__action_t)},
      {&header->transitions, sizeof(maty__transition_t)},
      {&header->fields, sizeof(maty__field_t)},
      {&header->types, sizeof(maty__type_t)},
      {&header->keys, sizeof(maty__key_t)},
      {&header->strings, 1},
  };
  uint64_t offset = sizeof *header;
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (tables[i].table->offset != offset)
      return false;
    offset += (tables[i].table->count * (uint64_t)tables[i].size + 7) & ~(uint64_t)7;
    if (offset > size)
      return false;
  }
  return offset == size && header->roles.count > 0 && header->roles.count <= MATY_MAX_ROLES &&
         header->states.count <= MATY_MAX_STATES && header->strings.count > 0;
}

static bool verify_type(const verifier_t *verifier, uint32_t index, maty__type_facts_t *facts,
                        uint32_t *next_key) {
  const maty__type_t *type = &verifier->image->types[index];
  maty__type_facts_t *fact = &facts[index];
  if (type->kind >= MATY__TYPE_KINDS || type->reserved != 0 || type->low > type->high)
    return false;
  *fact = (maty__type_facts_t){.tags = maty__type_tags((maty__type_kind)type->kind),
                               .look = maty__type_look((maty__type_kind)type->kind),
                               .parts = 1};
  bool compound = type->kind == MATY__TYPE_LIST || type->kind == MATY__TYPE_TUPLE ||
                  type->kind == MATY__TYPE_MAP || type->kind == MATY__TYPE_UNION;
  bool named = type->kind == MATY__TYPE_LITERAL || type->kind == MATY__TYPE_ANY;
  if (named ? !is_name(verifier, type->first) : type->first != *next_key)
    return false;
  if (!is_run(*next_key, type->count, verifier->header->keys.count) ||
      (!compound && type->count != 0) || (type->kind == MATY__TYPE_LIST && type->count != 1) ||
      (type->kind == MATY__TYPE_UNION && type->count < 2))
    return false;
  if (type->kind == MATY__TYPE_LITERAL) {
    const char *text = verifier->image->strings + type->first;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
      fact->look = 1u << MATY_TAG_BOOLEAN;
  }
  uint16_t depth = 0;
  for (uint32_t i = 0; i < type->count; i++) {
    const maty__key_t *key = &verifier->image->keys[*next_key + i];
    if (key->type >= index || !is_name(verifier, key->name))
      return false;
    const maty__type_facts_t *part = &facts[key->type];
    depth = part->depth > depth ? part->depth : depth;
    fact->parts += part->parts; /* at most MATY_MAX_TYPE_PARTS each: stopped before a wrap */
    if (fact->parts > MATY_MAX_TYPE_PARTS)
      return false;
    if (type->kind == MATY__TYPE_UNION) {
      fact->tags |= part->tags;
      fact->look |= part->look;
    }
  }
  fact->depth = (uint16_t)(depth + 1);
  fact->look &= (uint16_t)~fact->tags;
  *next_key += type->count;
  return fact->depth <= MATY_MAX_TYPE_DEPTH && type->tags == fact->tags && type->look == fact->look;
}

static maty_status verify_types(verifier_t *verifier) {
  const maty__header_t *header = verifier->header;
  maty__type_facts_t *facts =
      maty__array(&verifier->arena, maty__type_facts_t, header->types.count);
  verifier->looks = maty__array(&verifier->arena, uint32_t, (size_t)header->fields.count + 1);
  MATY__NEED(facts != NULL && verifier->looks != NULL);
  uint32_t next_key = 0;
  for (uint32_t i = 0; i < header->types.count; i++)
    if (!verify_type(verifier, i, facts, &next_key))
      return MATY_EIMAGE;
  if (next_key != header->keys.count)
    return MATY_EIMAGE;
  verifier->looks[0] = 0;
  for (uint32_t i = 0; i < header->fields.count; i++) {
    const maty__field_t *field = &verifier->image->fields[i];
    if (field->type >= header->types.count || !is_name(verifier, field->name))
      return MATY_EIMAGE;
    verifier->looks[i + 1] = verifier->looks[i] + (facts[field->type].look != 0);
  }
  return MATY_OK;
}

static bool verify_roles(const verifier_t *verifier) {
  const maty__header_t *header = verifier->header;
  uint32_t next_state = 0, next_action = 0;
  for (uint32_t i = 0; i < header->roles.count; i++) {
    const maty__role_t *role = &verifier->image->roles[i];
    if (!is_name(verifier, role->name) || role->first_state != next_state ||
        role->first_action != next_action || role->state_count == 0 ||
        !is_run(next_state, role->state_count, header->states.count) ||
        !is_run(next_action, role->action_count, header->actions.count) ||
        role->action_count > MATY_MAX_ACTIONS || role->initial < next_state ||
        role->initial - next_state >= role->state_count)
      return false;
    next_state += role->state_count;
    next_action += role->action_count;
  }
  return next_state == header->states.count && next_action == header->actions.count;
}

/* A channel has one sender and one receiver; "ends" keeps them, by channel. */
static bool verify_action(const verifier_t *verifier, uint32_t role, uint32_t index,
                          uint64_t *ends) {
  const maty_image_t *image = verifier->image;
  const maty__action_t *action = &image->actions[image->roles[role].first_action + index];
  if (!is_name(verifier, action->label) || action->direction > MATY_DIRECTION_RECEIVE ||
      (action->flags & ~MATY__ACTION_LOOK) != 0 || action->peer >= verifier->header->roles.count ||
      action->peer == role || action->channel >= verifier->header->channel_count)
    return false;
  const maty__role_t *peer = &image->roles[action->peer];
  if (action->peer_action >= peer->action_count)
    return false;
  const maty__action_t *other = &image->actions[peer->first_action + action->peer_action];
  bool sends = action->direction == MATY_DIRECTION_SEND;
  uint64_t pair = sends ? (uint64_t)role << 32 | action->peer : (uint64_t)action->peer << 32 | role;
  if (ends[action->channel] == UINT64_MAX)
    ends[action->channel] = pair;
  return ends[action->channel] == pair && other->peer == role && other->peer_action == index &&
         other->direction != action->direction && other->label == action->label &&
         other->channel == action->channel && other->flags == action->flags;
}

static maty_status verify_actions(verifier_t *verifier) {
  const maty__header_t *header = verifier->header;
  if (header->channel_count > header->actions.count)
    return MATY_EIMAGE;
  uint64_t *ends = maty__array(&verifier->arena, uint64_t, header->channel_count);
  MATY__NEED(ends != NULL);
  memset(ends, 0xff, header->channel_count * sizeof *ends);
  for (uint32_t role = 0; role < header->roles.count; role++)
    for (uint32_t i = 0; i < verifier->image->roles[role].action_count; i++)
      if (!verify_action(verifier, role, i, ends))
        return MATY_EIMAGE;
  maty__map_t channels = {0};
  for (uint32_t i = 0; i < header->channel_count; i++) {
    uint32_t *channel =
        ends[i] == UINT64_MAX ? NULL : maty__map_put(&verifier->arena, &channels, ends[i]);
    if (channel == NULL)
      return ends[i] == UINT64_MAX ? MATY_EIMAGE : MATY_ENOMEM;
    if (*channel != MATY__NONE)
      return MATY_EIMAGE;
    *channel = i;
  }
  return MATY_OK;
}

static bool verify_transition(const verifier_t *verifier, const maty__state_t *state,
                              const maty__transition_t *transition) {
  const maty_image_t *image = verifier->image;
  const maty__role_t *role = &image->roles[state->role];
  if (transition->action >= role->action_count || transition->target < role->first_state ||
      transition->target - role->first_state >= role->state_count ||
      transition->arity > MATY_MAX_FIELDS ||
      !is_run(transition->first_field, transition->arity, verifier->header->fields.count))
    return false;
  const maty__action_t *action = &image->actions[role->first_action + transition->action];
  bool looks = transition->arity > MATY_TAG_FIELDS ||
               verifier->looks[transition->first_field + transition->arity] !=
                   verifier->looks[transition->first_field];
  return (action->direction == MATY_DIRECTION_SEND) == (state->phase == MATY_PHASE_SEND) &&
         (!looks || (action->flags & MATY__ACTION_LOOK) != 0);
}

static bool verify_states(const verifier_t *verifier) {
  const maty__header_t *header = verifier->header;
  const maty_image_t *image = verifier->image;
  uint32_t next = 0, role = 0;
  for (uint32_t i = 0; i < header->states.count; i++) {
    const maty__state_t *state = &image->states[i];
    while (i - image->roles[role].first_state >= image->roles[role].state_count)
      role++;
    if (state->role != role || state->phase > MATY_PHASE_FINAL || state->first_transition != next ||
        !is_run(next, state->transition_count, header->transitions.count) ||
        (state->phase != MATY_PHASE_RECEIVE && state->deadline != 0) ||
        (state->phase == MATY_PHASE_FINAL) != (state->transition_count == 0))
      return false;
    for (uint32_t j = 0; j < state->transition_count; j++) {
      const maty__transition_t *transition = &image->transitions[next + j];
      if (!verify_transition(verifier, state, transition) ||
          (j > 0 && transition[-1].action >= transition->action))
        return false;
    }
    next += state->transition_count;
  }
  return next == header->transitions.count;
}

static maty_status verify(verifier_t *verifier) {
  const maty__header_t *header = verifier->header;
  const char *strings = verifier->image->strings;
  if (strings[header->strings.count - 1] != '\0' || !is_name(verifier, header->protocol) ||
      !is_text(verifier, header->source) || !verify_roles(verifier))
    return MATY_EIMAGE;
  MATY__TRY(verify_types(verifier));
  MATY__TRY(verify_actions(verifier));
  return verify_states(verifier) ? MATY_OK : MATY_EIMAGE;
}

maty_status maty_image_load(maty_image_t **out, const void *block, size_t size,
                            const maty_allocator_t *allocator) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  if (allocator == NULL || (block == NULL && size > 0))
    return MATY_EINVAL;
  maty__header_t header;
  if (size < sizeof header || size > MATY_MAX_IMAGE || size % 8 != 0)
    return MATY_EIMAGE;
  memcpy(&header, block, sizeof header);
  if (header.magic != MATY__IMAGE_MAGIC || header.version != MATY__IMAGE_VERSION ||
      header.size != size || !verify_layout(&header, size))
    return MATY_EIMAGE;
  char *copy;
  maty_image_t *image = maty__image_alloc((uint32_t)size, allocator, &copy);
  MATY__NEED(image != NULL);
  memcpy(copy, block, size);
  maty__image_point(image, copy);
  verifier_t verifier = {.image = image, .header = image->header};
  maty__arena_init(&verifier.arena, allocator);
  maty_status status =
      maty__image_hash(copy, (uint32_t)size) == header.hash ? verify(&verifier) : MATY_EIMAGE;
  maty__arena_free(&verifier.arena);
  if (status == MATY_OK)
    *out = image;
  else
    image_free(image, (uint32_t)size);
  return status;
}

/* ===== Reading =========================================================== */

const char *maty_image_protocol(const maty_image_t *image) {
  return image->strings + image->header->protocol;
}

const char *maty_image_source(const maty_image_t *image) {
  return image->strings + image->header->source;
}

uint32_t maty_image_role_count(const maty_image_t *image) { return image->header->roles.count; }

uint32_t maty_image_state_count(const maty_image_t *image) { return image->header->states.count; }

uint32_t maty_image_channel_count(const maty_image_t *image) {
  return image->header->channel_count;
}

maty_status maty_image_role(const maty_image_t *image, uint32_t role, maty_role_info_t *out) {
  if (role >= image->header->roles.count)
    return MATY_EINVAL;
  const maty__role_t *record = &image->roles[role];
  *out = (maty_role_info_t){.name = image->strings + record->name,
                            .initial = record->initial,
                            .first_state = record->first_state,
                            .state_count = record->state_count,
                            .action_count = record->action_count,
                            .line = record->line,
                            .column = record->column};
  return MATY_OK;
}

maty_status maty_image_state(const maty_image_t *image, uint32_t state, maty_state_info_t *out) {
  if (state >= image->header->states.count)
    return MATY_EINVAL;
  const maty__state_t *record = &image->states[state];
  *out = (maty_state_info_t){.phase = (maty_phase)record->phase,
                             .transition_count = record->transition_count,
                             .deadline = record->deadline,
                             .line = record->line,
                             .column = record->column};
  return MATY_OK;
}

maty_status maty_image_action(const maty_image_t *image, uint32_t role, uint32_t action,
                              maty_action_info_t *out) {
  if (role >= image->header->roles.count || action >= image->roles[role].action_count)
    return MATY_EINVAL;
  const maty__action_t *record = &image->actions[image->roles[role].first_action + action];
  *out = (maty_action_info_t){.direction = (maty_direction)record->direction,
                              .peer = record->peer,
                              .peer_action = record->peer_action,
                              .label = image->strings + record->label,
                              .look = (record->flags & MATY__ACTION_LOOK) != 0};
  return MATY_OK;
}

maty_status maty_image_transition(const maty_image_t *image, uint32_t state, uint32_t index,
                                  maty_transition_info_t *out) {
  if (state >= image->header->states.count || index >= image->states[state].transition_count)
    return MATY_EINVAL;
  const maty__transition_t *record =
      &image->transitions[image->states[state].first_transition + index];
  *out = (maty_transition_info_t){.action = record->action,
                                  .target = record->target,
                                  .arity = record->arity,
                                  .first_field = record->first_field,
                                  .line = record->line,
                                  .column = record->column};
  return MATY_OK;
}

maty_status maty_image_field(const maty_image_t *image, uint32_t field, const char **name,
                             uint32_t *type) {
  if (field >= image->header->fields.count)
    return MATY_EINVAL;
  *name = image->strings + image->fields[field].name;
  *type = image->fields[field].type;
  return MATY_OK;
}

/* ===== Text of a type ==================================================== */

typedef struct printer {
  char *buffer;
  size_t size, length;
} printer_t;

static void print(printer_t *printer, const char *text) {
  for (; *text != '\0'; text++, printer->length++)
    if (printer->length + 1 < printer->size)
      printer->buffer[printer->length] = *text;
}

static void print_integer(printer_t *printer, int64_t value) {
  char digits[24];
  (void)snprintf(digits, sizeof digits, "%lld", (long long)value);
  print(printer, digits);
}

static const char *simple_text(maty__type_kind kind) {
  switch (kind) {
  case MATY__TYPE_INTEGER:
    return "integer";
  case MATY__TYPE_FLOAT:
    return "float";
  case MATY__TYPE_NUMBER:
    return "number";
  case MATY__TYPE_BOOLEAN:
    return "boolean";
  case MATY__TYPE_ATOM:
    return "atom";
  case MATY__TYPE_BINARY:
    return "binary";
  case MATY__TYPE_STRING:
    return "string";
  case MATY__TYPE_PID:
    return "pid";
  case MATY__TYPE_REFERENCE:
    return "reference";
  case MATY__TYPE_DATE:
    return "date";
  case MATY__TYPE_TIME:
    return "time";
  case MATY__TYPE_DATETIME:
    return "datetime";
  case MATY__TYPE_LIST:
    return "list(";
  case MATY__TYPE_TUPLE:
    return "{";
  case MATY__TYPE_MAP:
    return "%{";
  default:
    return "";
  }
}

static void print_head(printer_t *printer, const maty_image_t *image, const maty__type_t *type) {
  const char *name = image->strings + type->first;
  switch (type->kind) {
  case MATY__TYPE_ANY:
    print(printer, *name == '\0' ? "any" : name);
    break;
  case MATY__TYPE_LITERAL:
    print(printer, ":");
    print(printer, name);
    break;
  case MATY__TYPE_RANGE:
    print_integer(printer, type->low);
    if (type->low != type->high) {
      print(printer, "..");
      print_integer(printer, type->high);
    }
    break;
  default:
    print(printer, simple_text((maty__type_kind)type->kind));
  }
}

static void print_tail(printer_t *printer, maty__type_kind kind) {
  if (kind == MATY__TYPE_LIST)
    print(printer, ")");
  else if (kind == MATY__TYPE_TUPLE || kind == MATY__TYPE_MAP)
    print(printer, "}");
}

size_t maty_image_type_text(const maty_image_t *image, uint32_t type, char *buffer, size_t size) {
  printer_t printer = {.buffer = buffer, .size = size};
  struct {
    const maty__type_t *type;
    uint32_t next; /* part */
  } open[MATY_MAX_TYPE_DEPTH];
  uint32_t depth = 0;
  if (type < image->header->types.count) {
    open[depth].type = &image->types[type];
    open[depth++].next = 0;
  }
  while (depth > 0) {
    const maty__type_t *top = open[depth - 1].type;
    uint32_t next = open[depth - 1].next++;
    if (next == 0)
      print_head(&printer, image, top);
    if (next == top->count) {
      print_tail(&printer, (maty__type_kind)top->kind);
      depth--;
      continue;
    }
    const maty__key_t *key = &image->keys[top->first + next];
    if (next > 0)
      print(&printer, top->kind == MATY__TYPE_UNION ? " | " : ", ");
    if (top->kind == MATY__TYPE_MAP) {
      print(&printer, image->strings + key->name);
      print(&printer, ": ");
    }
    open[depth].type = &image->types[key->type];
    open[depth++].next = 0;
  }
  if (size > 0)
    buffer[printer.length < size ? printer.length : size - 1] = '\0';
  return printer.length;
}
