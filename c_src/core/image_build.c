/* image_build.c - see image_build.h.
 *
 * Every table is gathered in memory of its own; then the size of the block is
 * known, and they are laid out one behind the other.
 */
#include "image_build.h"

#include <string.h>

#include "limits.h"

typedef struct builder {
  maty__check_t *check;
  const maty__image_parts_t *parts;
  const maty__machines_t *machines; /* those of the parts */
  const maty__types_t *types;
  maty__arena_t *arena;
  MATY__VEC(maty__role_t) roles;
  MATY__VEC(maty__state_t) states;
  MATY__VEC(maty__action_t) actions;
  MATY__VEC(maty__transition_t) transitions;
  MATY__VEC(maty__field_t) fields;
  MATY__VEC(maty__type_t) type_records;
  MATY__VEC(maty__key_t) keys;
  MATY__VEC(char) strings;
  maty__map_t string_of; /* by name */
  maty__map_t fields_of; /* by payload: its first field */
  maty__map_t type_of;   /* by type: its record */
  uint32_t *action_of;   /* by message: the sender's action, then the receiver's */
  uint32_t channel_count;
} builder_t;

static maty_status add_text(builder_t *builder, const char *at, uint32_t length, uint32_t *offset) {
  *offset = builder->strings.count;
  MATY__NEED(length < MATY__NONE);
  MATY__NEED(maty__vec_reserve(builder->arena, &builder->strings, length + 1));
  memcpy(builder->strings.at + *offset, at, length);
  builder->strings.at[*offset + length] = '\0';
  builder->strings.count += length + 1;
  return MATY_OK;
}

static maty_status string_of(builder_t *builder, maty__name_t name, uint32_t *offset) {
  uint32_t *known = maty__map_put(builder->arena, &builder->string_of, name);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    const maty__name_text_t *text = &builder->check->names.items.at[name];
    MATY__TRY(add_text(builder, text->at, text->length, known));
  }
  *offset = *known;
  return MATY_OK;
}

/* ===== Types ============================================================= */

static maty_status add_type(builder_t *builder, uint32_t type) {
  maty__type_view_t view = maty__types_view(builder->types, type);
  const maty__type_facts_t *facts = &builder->types->facts.at[type];
  maty__type_t record = {.kind = (uint16_t)view.kind,
                         .tags = facts->tags,
                         .look = facts->look,
                         .count = view.part_count,
                         .low = view.low,
                         .high = view.high};
  if (view.kind == MATY__TYPE_LITERAL || view.kind == MATY__TYPE_ANY)
    MATY__TRY(string_of(builder, view.name, &record.first));
  else
    record.first = builder->keys.count;
  for (uint32_t i = 0; i < view.part_count; i++) {
    maty__key_t key = {.type = maty__map_get(&builder->type_of, view.parts[2 * i + 1])};
    MATY__TRY(string_of(builder, view.parts[2 * i], &key.name));
    MATY__NEED(maty__vec_push(builder->arena, &builder->keys, key));
  }
  uint32_t *number = maty__map_put(builder->arena, &builder->type_of, type);
  MATY__NEED(number != NULL);
  *number = builder->type_records.count;
  MATY__NEED(maty__vec_push(builder->arena, &builder->type_records, record));
  return MATY_OK;
}

/* All types that the payloads of the machines are made of. A type's parts have
 * smaller numbers than it, so the order of numbers is one to build in. */
static maty_status add_types(builder_t *builder) {
  maty__u32s_t used = {0};
  maty__map_t seen = {0}, seen_payloads = {0};
  for (uint32_t i = 0; i < builder->machines->moves.count; i++) {
    uint32_t payload = builder->machines->moves.at[i].payload;
    uint32_t *known = maty__map_put(builder->arena, &seen_payloads, payload);
    MATY__NEED(known != NULL);
    if (*known != MATY__NONE)
      continue;
    *known = 0;
    uint32_t words = maty__pool_length(&builder->types->payloads, payload);
    for (uint32_t j = 1; j < words; j += 2)
      MATY__NEED(maty__vec_push(builder->arena, &used,
                                maty__pool_at(&builder->types->payloads, payload)[j]));
  }
  for (uint32_t i = 0; i < used.count; i++) {
    uint32_t *known = maty__map_put(builder->arena, &seen, used.at[i]);
    MATY__NEED(known != NULL);
    if (*known != MATY__NONE)
      continue;
    *known = 0;
    maty__type_view_t view = maty__types_view(builder->types, used.at[i]);
    for (uint32_t j = 0; j < view.part_count; j++)
      MATY__NEED(maty__vec_push(builder->arena, &used, view.parts[2 * j + 1]));
  }
  if (used.count == 0)
    return MATY_OK;
  used.count = maty__sort_unique(used.at, used.count);
  for (uint32_t i = 0; i < used.count; i++)
    MATY__TRY(add_type(builder, used.at[i]));
  return MATY_OK;
}

static maty_status fields_of(builder_t *builder, uint32_t payload, uint32_t *first) {
  uint32_t *known = maty__map_put(builder->arena, &builder->fields_of, payload);
  MATY__NEED(known != NULL);
  if (*known == MATY__NONE) {
    const uint32_t *words = maty__pool_at(&builder->types->payloads, payload);
    uint32_t count = maty__pool_length(&builder->types->payloads, payload) / 2;
    *known = builder->fields.count;
    for (uint32_t i = 0; i < count; i++) {
      maty__field_t field = {.type = maty__map_get(&builder->type_of, words[2 * i + 1])};
      MATY__TRY(string_of(builder, words[2 * i], &field.name));
      MATY__NEED(maty__vec_push(builder->arena, &builder->fields, field));
    }
  }
  *first = *known;
  return MATY_OK;
}

/* ===== Roles, actions, states ============================================ */

static maty_status too_many_actions(builder_t *builder, uint32_t role) {
  const maty__use_t *use = &builder->parts->roles[role];
  const maty__names_t *names = &builder->check->names;
  MATY__TRY(maty__error(builder->check, MATY_CLASS_LIMIT, use->at,
                        maty__name_length(names, use->name),
                        "the role '%.*s' sends and receives more than %u different messages",
                        MATY__NAME(names, use->name), MATY_MAX_ACTIONS));
  return MATY_EREJECTED;
}

/* An image names one text; what stands in an imported one has no line. */
static maty__place_t place_of(const builder_t *builder, uint32_t at) {
  maty__place_t place = maty__check_place(builder->check, at);
  return place.source == 0 ? place : (maty__place_t){.line = 0};
}

static maty_status add_roles(builder_t *builder) {
  const maty__image_parts_t *parts = builder->parts;
  uint32_t first_action = 0;
  MATY__NEED(maty__vec_reserve(builder->arena, &builder->roles, parts->role_count));
  for (uint32_t i = 0; i < parts->role_count; i++) {
    maty__place_t place = place_of(builder, parts->roles[i].at);
    uint32_t first_state = builder->machines->first_state.at[i];
    maty__role_t role = {.initial = first_state,
                         .first_state = first_state,
                         .state_count = builder->machines->first_state.at[i + 1] - first_state,
                         .line = place.line,
                         .column = place.column};
    MATY__TRY(string_of(builder, parts->roles[i].name, &role.name));
    builder->roles.at[builder->roles.count++] = role;
  }
  for (uint32_t i = 0; i < parts->message_count; i++) {
    const maty__message_t *message = &parts->messages[i];
    builder->action_of[2 * i] = builder->roles.at[message->sender].action_count++;
    builder->action_of[2 * i + 1] = builder->roles.at[message->receiver].action_count++;
  }
  for (uint32_t i = 0; i < parts->role_count; i++) {
    builder->roles.at[i].first_action = first_action;
    first_action += builder->roles.at[i].action_count;
    if (builder->roles.at[i].action_count > MATY_MAX_ACTIONS)
      return too_many_actions(builder, i);
  }
  return MATY_OK;
}

static maty_status add_actions(builder_t *builder) {
  const maty__image_parts_t *parts = builder->parts;
  uint32_t count = 2 * parts->message_count;
  maty__map_t channels = {0};
  uint8_t *looks = maty__zarray(builder->arena, uint8_t, parts->message_count);
  MATY__NEED(looks != NULL && maty__vec_reserve(builder->arena, &builder->actions, count));
  for (uint32_t i = 0; i < builder->machines->moves.count; i++) {
    const maty__local_move_t *move = &builder->machines->moves.at[i];
    looks[move->message] |= maty__payload_looks(builder->types, move->payload);
  }
  for (uint32_t i = 0; i < parts->message_count; i++) {
    const maty__message_t *message = &parts->messages[i];
    const maty__role_t *sender = &builder->roles.at[message->sender];
    const maty__role_t *receiver = &builder->roles.at[message->receiver];
    uint32_t *channel = maty__map_put(builder->arena, &channels,
                                      (uint64_t)message->sender << 32 | message->receiver);
    MATY__NEED(channel != NULL);
    if (*channel == MATY__NONE)
      *channel = builder->channel_count++;
    maty__action_t action = {.channel = *channel,
                             .peer = (uint16_t)message->receiver,
                             .peer_action = (uint16_t)builder->action_of[2 * i + 1],
                             .direction = MATY_DIRECTION_SEND,
                             .flags = looks[i] ? MATY__ACTION_LOOK : 0};
    MATY__TRY(string_of(builder, message->label, &action.label));
    builder->actions.at[sender->first_action + builder->action_of[2 * i]] = action;
    action.peer = (uint16_t)message->sender;
    action.peer_action = (uint16_t)builder->action_of[2 * i];
    action.direction = MATY_DIRECTION_RECEIVE;
    builder->actions.at[receiver->first_action + builder->action_of[2 * i + 1]] = action;
  }
  builder->actions.count = count;
  return MATY_OK;
}

static maty_status add_state(builder_t *builder, uint32_t role, const maty__local_state_t *local) {
  maty__place_t place = place_of(builder, local->at);
  maty__state_t state = {.first_transition = builder->transitions.count,
                         .transition_count = local->move_count,
                         .phase = (uint16_t)local->phase,
                         .role = (uint16_t)role,
                         .deadline = local->deadline,
                         .line = place.line,
                         .column = place.column};
  builder->states.at[builder->states.count++] = state;
  for (uint32_t i = 0; i < local->move_count; i++) {
    const maty__local_move_t *move = &builder->machines->moves.at[local->first_move + i];
    bool receives = builder->parts->messages[move->message].receiver == role;
    place = place_of(builder, move->at);
    maty__transition_t transition = {
        .action = builder->action_of[2 * move->message + receives],
        .target = builder->roles.at[role].first_state + move->target,
        .arity = maty__pool_length(&builder->types->payloads, move->payload) / 2,
        .line = place.line,
        .column = place.column};
    MATY__TRY(fields_of(builder, move->payload, &transition.first_field));
    builder->transitions.at[builder->transitions.count++] = transition;
  }
  return MATY_OK;
}

static maty_status add_states(builder_t *builder) {
  const maty__machines_t *machines = builder->machines;
  MATY__NEED(maty__vec_reserve(builder->arena, &builder->states, machines->states.count) &&
             maty__vec_reserve(builder->arena, &builder->transitions, machines->moves.count));
  for (uint32_t role = 0; role < builder->roles.count; role++) {
    const maty__role_t *record = &builder->roles.at[role];
    for (uint32_t i = 0; i < record->state_count; i++)
      MATY__TRY(add_state(builder, role, &machines->states.at[record->first_state + i]));
  }
  return MATY_OK;
}

/* ===== Layout ============================================================ */

typedef struct section {
  maty__table_t *table;
  const void *records;
  uint32_t count;
  size_t size; /* of one record */
} section_t;

static maty_status lay_out(builder_t *builder, maty__header_t *header, maty_image_t **out) {
  const section_t sections[] = {
      {&header->roles, builder->roles.at, builder->roles.count, sizeof(maty__role_t)},
      {&header->states, builder->states.at, builder->states.count, sizeof(maty__state_t)},
      {&header->actions, builder->actions.at, builder->actions.count, sizeof(maty__action_t)},
      {&header->transitions, builder->transitions.at, builder->transitions.count,
       sizeof(maty__transition_t)},
      {&header->fields, builder->fields.at, builder->fields.count, sizeof(maty__field_t)},
      {&header->types, builder->type_records.at, builder->type_records.count, sizeof(maty__type_t)},
      {&header->keys, builder->keys.at, builder->keys.count, sizeof(maty__key_t)},
      {&header->strings, builder->strings.at, builder->strings.count, 1},
  };
  enum { SECTION_COUNT = sizeof sections / sizeof *sections };
  uint64_t size = sizeof *header;
  for (size_t i = 0; i < SECTION_COUNT; i++) {
    size_t bytes = sections[i].count * sections[i].size;
    *sections[i].table = (maty__table_t){.offset = (uint32_t)size, .count = sections[i].count};
    size += (bytes + 7) & ~(size_t)7;
    if (size > MATY_MAX_IMAGE) {
      const maty__use_t *name = builder->parts->protocol;
      MATY__TRY(maty__error(builder->check, MATY_CLASS_LIMIT, name->at,
                            maty__name_length(&builder->check->names, name->name),
                            "the image of '%.*s' has more than %u bytes",
                            MATY__NAME(&builder->check->names, name->name), MATY_MAX_IMAGE));
      return MATY_EREJECTED;
    }
  }
  header->size = (uint32_t)size;
  char *block;
  maty_image_t *image = maty__image_alloc(header->size, &builder->check->config->allocator, &block);
  MATY__NEED(image != NULL);
  memset(block, 0, header->size);
  for (size_t i = 0; i < SECTION_COUNT; i++)
    if (sections[i].count > 0)
      memcpy(block + sections[i].table->offset, sections[i].records,
             sections[i].count * sections[i].size);
  memcpy(block, header, sizeof *header);
  header->hash = maty__image_hash(block, header->size);
  memcpy(block, header, sizeof *header);
  maty__image_point(image, block);
  *out = image;
  return MATY_OK;
}

static maty_status build(builder_t *builder, maty_image_t **out) {
  maty__header_t header = {.magic = MATY__IMAGE_MAGIC, .version = MATY__IMAGE_VERSION};
  const char *source = builder->parts->source;
  uint32_t empty;
  builder->action_of =
      maty__array(builder->arena, uint32_t, 2 * (size_t)builder->parts->message_count);
  MATY__NEED(builder->action_of != NULL);
  MATY__TRY(string_of(builder, MATY__WORD_EMPTY, &empty));
  MATY__TRY(string_of(builder, builder->parts->protocol->name, &header.protocol));
  MATY__TRY(add_text(builder, source, (uint32_t)strlen(source), &header.source));
  MATY__TRY(add_roles(builder));
  MATY__TRY(add_actions(builder));
  MATY__TRY(add_types(builder));
  MATY__TRY(add_states(builder));
  header.channel_count = builder->channel_count;
  return lay_out(builder, &header, out);
}

maty_status maty__image_build(maty__check_t *check, const maty__image_parts_t *parts,
                              maty_image_t **out) {
  builder_t builder = {.check = check,
                       .parts = parts,
                       .machines = parts->machines,
                       .types = parts->types,
                       .arena = check->work};
  maty__arena_mark_t mark = maty__arena_mark(check->work);
  maty_status status = build(&builder, out);
  maty__arena_rewind(check->work, mark);
  return status;
}
