/* test_image.c - images: reading them, and loading blocks that may be anything. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "image_build.h"
#include "support.h"

/* Every kind of record, with several roles, types with parts, a choice, a loop. */
static const char sample[] = "type order = {integer, string};\n"
                             "protocol Sample(role A, role B, role C) {\n"
                             "  rec X {\n"
                             "    choice at A {\n"
                             "      m(order, x: integer) from A to B; @\"within 5s\"\n"
                             "      n(%{key: list(:ok | 1..9)}) from B to C;\n"
                             "      continue X;\n"
                             "    } or {\n"
                             "      end(Widget) from A to B;\n"
                             "      end(pid) from B to C;\n"
                             "    }\n"
                             "  }\n"
                             "}\n";

static maty_allocator_t memory(void) { return maty_allocator_default(); }

/* A copy of the sample's block; free it. */
static char *sample_block(size_t *size) {
  maty_module_t *module = test_check(sample);
  cr_assert_not_null(maty_module_image(module, 0));
  const void *block = maty_image_block(maty_module_image(module, 0), size);
  char *copy = malloc(*size);
  cr_assert_not_null(copy);
  memcpy(copy, block, *size);
  maty_module_free(module);
  return copy;
}

static maty_status load(const char *block, size_t size) {
  maty_image_t *image = NULL;
  maty_allocator_t allocator = memory();
  maty_status status = maty_image_load(&image, block, size, &allocator);
  cr_assert_eq(status == MATY_OK, image != NULL);
  maty_image_release(image);
  return status;
}

/* Reads all there is, so that a sanitizer sees a step outside. */
static size_t read_all(const maty_image_t *image) {
  size_t read = strlen(maty_image_protocol(image)) + strlen(maty_image_source(image));
  for (uint32_t role = 0; role < maty_image_role_count(image); role++) {
    maty_role_info_t info;
    maty_action_info_t action;
    cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
    read += strlen(info.name);
    for (uint32_t i = 0; maty_image_action(image, role, i, &action) == MATY_OK; i++)
      read += strlen(action.label);
  }
  for (uint32_t state = 0; state < maty_image_state_count(image); state++) {
    maty_transition_info_t transition;
    for (uint32_t i = 0; maty_image_transition(image, state, i, &transition) == MATY_OK; i++)
      for (uint32_t j = 0; j < transition.arity; j++) {
        const char *name;
        uint32_t type;
        char buffer[32];
        cr_assert_eq(maty_image_field(image, transition.first_field + j, &name, &type), MATY_OK);
        read += strlen(name) + maty_image_type_text(image, type, buffer, sizeof buffer);
      }
  }
  return read;
}

/* ===== Reading =========================================================== */

Test(image, accessors) {
  maty_module_t *module = test_check(sample);
  const maty_image_t *image = maty_module_image(module, 0);
  maty_role_info_t role;
  maty_state_info_t state;
  maty_action_info_t action;
  maty_transition_info_t transition;
  const char *name;
  uint32_t type;
  cr_expect_str_eq(maty_image_protocol(image), "Sample");
  cr_expect_str_eq(maty_image_source(image), "test.scr");
  cr_expect_eq(maty_image_role_count(image), 3);
  cr_expect_eq(maty_image_channel_count(image), 2);
  cr_assert_eq(maty_image_role(image, 1, &role), MATY_OK);
  cr_expect_str_eq(role.name, "B");
  cr_expect_eq(role.line, 2);
  cr_expect_eq(role.column, 30);
  cr_expect_eq(role.action_count, 4);
  cr_expect_eq(role.state_count, 4);
  cr_assert_eq(maty_image_state(image, role.initial, &state), MATY_OK);
  cr_expect_eq(state.phase, MATY_PHASE_RECEIVE);
  cr_expect_eq(state.transition_count, 2);
  cr_expect_eq(state.line, 5);
  cr_assert_eq(maty_image_transition(image, role.initial, 1, &transition), MATY_OK);
  cr_expect_eq(transition.line, 9);
  cr_expect_eq(transition.column, 7);
  cr_expect_eq(transition.arity, 1);
  cr_assert_eq(maty_image_action(image, 1, transition.action, &action), MATY_OK);
  cr_expect_str_eq(action.label, "end");
  cr_expect_eq(action.direction, MATY_DIRECTION_RECEIVE);
  cr_expect_eq(action.peer, 0);
  maty_action_info_t peer;
  cr_assert_eq(maty_image_action(image, action.peer, action.peer_action, &peer), MATY_OK);
  cr_expect_str_eq(peer.label, "end");
  cr_expect_eq(peer.direction, MATY_DIRECTION_SEND);
  cr_expect_eq(peer.peer, 1);
  cr_expect_eq(peer.peer_action, transition.action);
  cr_expect_eq(maty_image_role(image, 3, &role), MATY_EINVAL);
  cr_expect_eq(maty_image_state(image, maty_image_state_count(image), &state), MATY_EINVAL);
  cr_expect_eq(maty_image_action(image, 3, 0, &action), MATY_EINVAL);
  cr_expect_eq(maty_image_action(image, 1, 4, &action), MATY_EINVAL);
  cr_expect_eq(maty_image_transition(image, 0, 2, &transition), MATY_EINVAL);
  cr_expect_eq(maty_image_transition(image, UINT32_MAX, 0, &transition), MATY_EINVAL);
  cr_expect_eq(maty_image_field(image, 100, &name, &type), MATY_EINVAL);
  maty_module_free(module);
}

Test(image, an_image_outlives_its_module) {
  test_memory_t held = {0};
  maty_config_t config = maty_config_default();
  config.allocator = test_allocator(&held);
  maty_module_t *module;
  cr_assert_eq(maty_module_check(&module, "test.scr", sample, strlen(sample), &config), MATY_OK);
  maty_image_t *image = maty_image_retain(maty_module_image(module, 0));
  maty_module_free(module);
  cr_expect_eq(held.blocks, 1);
  cr_expect(read_all(image) > 0);
  maty_image_release(image);
  cr_expect_eq(held.blocks, 0);
  cr_expect_eq(held.bytes, 0);
  maty_image_release(NULL);
}

Test(image, text_of_a_type_is_cut) {
  maty_module_t *module =
      test_check("protocol P(role A, role B) { m({integer, :ok}) from A to B; }");
  const maty_image_t *image = maty_module_image(module, 0);
  const char *name;
  uint32_t type;
  char buffer[32];
  cr_assert_eq(maty_image_field(image, 0, &name, &type), MATY_OK);
  cr_expect_eq(maty_image_type_text(image, type, NULL, 0), 14);
  cr_expect_eq(maty_image_type_text(image, type, buffer, 1), 14);
  cr_expect_str_eq(buffer, "");
  cr_expect_eq(maty_image_type_text(image, type, buffer, 5), 14);
  cr_expect_str_eq(buffer, "{int");
  cr_expect_eq(maty_image_type_text(image, type, buffer, 15), 14);
  cr_expect_str_eq(buffer, "{integer, :ok}");
  cr_expect_eq(maty_image_type_text(image, UINT32_MAX, buffer, 15), 0);
  cr_expect_str_eq(buffer, "");
  maty_module_free(module);
}

/* ===== Types and looks =================================================== */

#define BIT(tag) (1u << MATY_TAG_##tag)

Test(image, tags_of_types) {
  static const struct {
    const char *text;
    unsigned tags, look;
  } cases[] = {
      {"any", 0xffe, 0},
      {"Widget", 0xffe, 0},
      {"integer", BIT(INTEGER), 0},
      {"number", BIT(INTEGER) | BIT(FLOAT), 0},
      {"float", BIT(FLOAT), 0},
      {"boolean", BIT(BOOLEAN), 0},
      {"atom", BIT(ATOM) | BIT(BOOLEAN), 0},
      {"binary", BIT(BINARY), 0},
      {"pid", BIT(PID), 0},
      {"reference", BIT(REFERENCE), 0},
      {"string", 0, BIT(BINARY)},
      {"date", 0, BIT(MAP) | BIT(TUPLE)},
      {"time", 0, BIT(MAP) | BIT(TUPLE)},
      {"datetime", 0, BIT(MAP) | BIT(TUPLE)},
      {":ok", 0, BIT(ATOM)},
      {":true", 0, BIT(BOOLEAN)},
      {":false", 0, BIT(BOOLEAN)},
      {"7", 0, BIT(INTEGER)},
      {"-9223372036854775808..9223372036854775807", 0, BIT(INTEGER)},
      {"list(integer)", 0, BIT(LIST)},
      {"{integer}", 0, BIT(TUPLE)},
      {"{}", 0, BIT(TUPLE)},
      {"%{a: integer}", 0, BIT(MAP)},
      {"%{}", 0, BIT(MAP)},
      {"integer | :none", BIT(INTEGER), BIT(ATOM)},
      {"integer | 1..3 | float", BIT(INTEGER) | BIT(FLOAT), 0},
      {":none | atom | string", BIT(ATOM) | BIT(BOOLEAN), BIT(BINARY)},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    test_text_t text = {0};
    test_text_add(&text, "protocol P(role A, role B) { m(%s) from A to B; }", cases[i].text);
    maty_module_t *module = test_check(text.at);
    const maty_image_t *image = maty_module_image(module, 0);
    cr_assert_not_null(image, "%s", cases[i].text);
    const maty__type_t *type = &image->types[image->fields[0].type];
    cr_expect_eq(type->tags, cases[i].tags, "tags of %s are %x", cases[i].text, type->tags);
    cr_expect_eq(type->look, cases[i].look, "look of %s is %x", cases[i].text, type->look);
    maty_action_info_t action;
    cr_assert_eq(maty_image_action(image, 0, 0, &action), MATY_OK);
    cr_expect_eq(action.look, cases[i].look != 0, "%s", cases[i].text);
    maty_module_free(module);
    free(text.at);
  }
}

static bool looks(const char *messages, const char *label) {
  test_text_t text = {0};
  test_text_add(&text, "protocol P(role A, role B) { %s }", messages);
  maty_module_t *module = test_check(text.at);
  const maty_image_t *image = maty_module_image(module, 0);
  bool found = false;
  cr_assert_not_null(image, "%s", messages);
  maty_action_info_t action, peer;
  for (uint32_t i = 0; maty_image_action(image, 0, i, &action) == MATY_OK; i++) {
    cr_assert_eq(maty_image_action(image, 1, action.peer_action, &peer), MATY_OK);
    cr_expect_eq(action.look, peer.look);
    found = found || (action.look && strcmp(action.label, label) == 0);
  }
  maty_module_free(module);
  free(text.at);
  return found;
}

/* One field that tags cannot judge, or more fields than there is room for. */
Test(image, looks_of_actions) {
  cr_expect_not(looks("m() from A to B;", "m"));
  cr_expect_not(looks("m(integer, pid, float, any) from A to B;", "m"));
  cr_expect(looks("m(integer, integer, integer, integer, integer) from A to B;", "m"));
  cr_expect(looks("m(integer, string) from A to B;", "m"));
  cr_expect(looks("m(integer) from A to B; m(string) from A to B;", "m"));
  cr_expect_not(looks("m(integer) from A to B; n(string) from A to B;", "m"));
}

/* ===== Loading =========================================================== */

Test(load, what_was_built) {
  size_t size, loaded_size;
  char *block = sample_block(&size);
  char *shifted = malloc(size + 8);
  cr_assert_not_null(shifted);
  maty_allocator_t allocator = memory();
  for (size_t shift = 0; shift < 8; shift++) {
    maty_image_t *image;
    memcpy(shifted + shift, block, size);
    cr_assert_eq(maty_image_load(&image, shifted + shift, size, &allocator), MATY_OK);
    const void *loaded = maty_image_block(image, &loaded_size);
    cr_expect_eq(loaded_size, size);
    cr_expect_arr_eq(loaded, block, size);
    cr_expect(read_all(image) > 0);
    maty_image_release(image);
  }
  free(shifted);
  free(block);
}

Test(load, arguments) {
  maty_image_t *image;
  maty_allocator_t allocator = memory();
  cr_expect_eq(maty_image_load(NULL, "", 0, &allocator), MATY_EINVAL);
  cr_expect_eq(maty_image_load(&image, NULL, 8, &allocator), MATY_EINVAL);
  cr_expect_null(image);
  cr_expect_eq(maty_image_load(&image, "", 0, NULL), MATY_EINVAL);
  cr_expect_eq(maty_image_load(&image, NULL, 0, &allocator), MATY_EIMAGE);
}

Test(load, cut_or_extended) {
  size_t size;
  char *block = sample_block(&size);
  for (size_t cut = 0; cut < size; cut++) {
    char *copy = malloc(cut);
    cr_assert(copy != NULL || cut == 0);
    memcpy(copy, block, cut);
    cr_expect_eq(load(copy, cut), MATY_EIMAGE, "cut to %zu", cut);
    free(copy);
  }
  char *longer = calloc(1, size + 8);
  cr_assert_not_null(longer);
  memcpy(longer, block, size);
  cr_expect_eq(load(longer, size + 8), MATY_EIMAGE);
  free(longer);
  free(block);
}

Test(load, any_byte_changed) {
  size_t size;
  char *block = sample_block(&size);
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      block[i] = (char)(block[i] ^ 1 << bit);
      cr_expect_eq(load(block, size), MATY_EIMAGE, "byte %zu bit %d", i, bit);
      block[i] = (char)(block[i] ^ 1 << bit);
    }
  free(block);
}

static void set_hash(char *block, size_t size) {
  uint64_t hash = maty__image_hash(block, (uint32_t)size);
  memcpy(block + offsetof(maty__header_t, hash), &hash, sizeof hash);
}

/* With the hash made right again, a changed image is refused or can be read. */
Test(load, any_byte_changed_and_signed) {
  static const unsigned char values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
  size_t size, accepted = 0;
  char *block = sample_block(&size), *copy = malloc(size);
  maty_allocator_t allocator = memory();
  cr_assert_not_null(copy);
  for (size_t i = 0; i < size; i++)
    for (size_t j = 0; j < sizeof values; j++) {
      maty_image_t *image;
      memcpy(copy, block, size);
      copy[i] = (char)values[j];
      if (i < offsetof(maty__header_t, hash) || i >= offsetof(maty__header_t, size))
        set_hash(copy, size);
      if (maty_image_load(&image, copy, size, &allocator) != MATY_OK)
        continue;
      accepted++;
      cr_expect(read_all(image) > 0);
      maty_image_release(image);
    }
  cr_expect(accepted > 0, "lines, columns and letters may be anything");
  free(copy);
  free(block);
}

/* What always holds of an image, broken one by one. */
typedef struct record {
  maty__header_t *header;
  maty__role_t *roles;
  maty__state_t *states;
  maty__action_t *actions;
  maty__transition_t *transitions;
  maty__field_t *fields;
  maty__type_t *types;
  maty__key_t *keys;
  char *strings;
} record_t;

static record_t records(char *block) {
  maty__header_t *header = (void *)block;
  return (record_t){.header = header,
                    .roles = (void *)(block + header->roles.offset),
                    .states = (void *)(block + header->states.offset),
                    .actions = (void *)(block + header->actions.offset),
                    .transitions = (void *)(block + header->transitions.offset),
                    .fields = (void *)(block + header->fields.offset),
                    .types = (void *)(block + header->types.offset),
                    .keys = (void *)(block + header->keys.offset),
                    .strings = block + header->strings.offset};
}

#define REFUSES(change)                                                                            \
  do {                                                                                             \
    size_t size_;                                                                                  \
    char *block_ = sample_block(&size_);                                                           \
    record_t r = records(block_);                                                                  \
    change;                                                                                        \
    set_hash(block_, size_);                                                                       \
    cr_expect_eq(load(block_, size_), MATY_EIMAGE, "accepted: %s", #change);                       \
    free(block_);                                                                                  \
  } while (0)

/* The type of the sample with this kind. */
static maty__type_t *type_of(const record_t *r, maty__type_kind kind) {
  uint32_t i = 0;
  while (r->types[i].kind != kind)
    i++;
  return &r->types[i];
}

Test(load, header) {
  REFUSES(r.header->magic = 0x4d617479);
  REFUSES(r.header->version++);
  REFUSES(r.header->size += 8);
  REFUSES(r.header->protocol = r.header->strings.count);
  REFUSES(r.header->source = UINT32_MAX);
  REFUSES(r.header->channel_count--);
  REFUSES(r.header->channel_count++);
  REFUSES(r.header->channel_count = UINT32_MAX);
}

Test(load, tables) {
  REFUSES(r.header->roles.offset += 8);
  REFUSES(r.header->states.offset -= 8);
  REFUSES(r.header->states.count--);
  REFUSES(r.header->states.count = UINT32_MAX);
  REFUSES(r.header->transitions.count = 0x20000000);
  REFUSES(r.header->strings.count = 0);
  REFUSES(r.header->strings.count += 8);
  REFUSES(r.strings[r.header->strings.count - 1] = 'x');
}

Test(load, roles) {
  REFUSES(r.roles[0].name = UINT32_MAX);
  REFUSES(r.roles[1].first_state--);
  REFUSES(r.roles[1].state_count = 0);
  REFUSES(r.roles[2].state_count++);
  REFUSES(r.roles[2].state_count = UINT32_MAX);
  REFUSES(r.roles[0].initial = r.roles[1].initial);
  REFUSES(r.roles[1].initial = 0);
  REFUSES(r.roles[1].first_action--);
  REFUSES(r.roles[0].action_count--);
  REFUSES(r.roles[2].action_count = UINT32_MAX);
}

Test(load, states) {
  REFUSES(r.states[0].role = 1);
  REFUSES(r.states[0].deadline = 1);
  REFUSES(r.states[1].deadline = 1); /* it is final */
  REFUSES(r.states[0].phase = MATY_PHASE_RECEIVE);
  REFUSES(r.states[0].phase = MATY_PHASE_FINAL);
  REFUSES(r.states[0].phase = MATY_PHASE_FINAL + 1);
  REFUSES(r.states[0].transition_count = 1);
  REFUSES(r.states[0].transition_count = UINT32_MAX);
  REFUSES(r.states[1].first_transition--);
  REFUSES(r.states[1].phase = MATY_PHASE_SEND); /* it is final */
}

Test(load, transitions) {
  REFUSES(r.transitions[0].action = 1); /* twice the same */
  REFUSES(r.transitions[0].action = UINT32_MAX);
  REFUSES(r.transitions[0].target = r.roles[1].first_state);
  REFUSES(r.transitions[0].target = UINT32_MAX);
  REFUSES(r.transitions[0].first_field = UINT32_MAX);
  REFUSES(r.transitions[0].arity = r.header->fields.count + 1);
  REFUSES(r.transitions[0].arity = UINT32_MAX);
}

Test(load, actions) {
  REFUSES(r.actions[0].label = UINT32_MAX);
  REFUSES(r.actions[0].label++);
  REFUSES(r.actions[0].channel++);
  REFUSES(r.actions[0].channel = UINT32_MAX);
  REFUSES(r.actions[0].peer = 0);
  REFUSES(r.actions[0].peer = 2);
  REFUSES(r.actions[0].peer = UINT16_MAX);
  REFUSES(r.actions[0].peer_action++);
  REFUSES(r.actions[0].peer_action = UINT16_MAX);
  REFUSES(r.actions[0].direction = MATY_DIRECTION_RECEIVE);
  REFUSES(r.actions[0].direction = 2);
  REFUSES(r.actions[0].flags = 0);
  REFUSES(r.actions[0].flags |= 2);
  REFUSES(r.actions[0].flags = r.actions[r.roles[1].first_action].flags = 0);
}

Test(load, types) {
  REFUSES(r.fields[0].type = r.header->types.count);
  REFUSES(r.fields[0].name = UINT32_MAX);
  REFUSES(r.types[0].kind = MATY__TYPE_KINDS);
  REFUSES(r.types[0].tags ^= 2);
  REFUSES(r.types[0].look ^= 2);
  REFUSES(r.types[0].reserved = 1);
  REFUSES(r.types[0].count = 1);
  REFUSES(type_of(&r, MATY__TYPE_TUPLE)->count = UINT32_MAX);
  REFUSES(type_of(&r, MATY__TYPE_TUPLE)->first++);
  REFUSES(type_of(&r, MATY__TYPE_LIST)->count = 0);
  REFUSES(type_of(&r, MATY__TYPE_UNION)->count = 1);
  REFUSES(type_of(&r, MATY__TYPE_RANGE)->low = 10);
  REFUSES(type_of(&r, MATY__TYPE_LITERAL)->first = UINT32_MAX);
  REFUSES(r.keys[0].type = (uint32_t)(type_of(&r, MATY__TYPE_TUPLE) - r.types)); /* in itself */
  REFUSES(r.keys[0].type = UINT32_MAX);
  REFUSES(r.keys[0].name = UINT32_MAX);
}

Test(load, out_of_memory) {
  size_t size;
  char *block = sample_block(&size);
  test_memory_t memory = {.fail_at = 1};
  maty_allocator_t allocator = test_allocator(&memory);
  maty_status status;
  do {
    maty_image_t *image;
    status = maty_image_load(&image, block, size, &allocator);
    cr_expect_eq(image != NULL, status == MATY_OK);
    maty_image_release(image);
  } while (test_failed(&memory, status, MATY_OK));
  free(block);
}
