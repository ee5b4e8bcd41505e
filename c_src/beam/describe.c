/* describe.c - writes what C knows as a term that Erlang can read; see
 * describe.h. The format is that of the ERTS User's Guide, "External Term
 * Format". */
#include "describe.h"

#include <string.h>

#include "term.h"

enum { TYPE_TEXT_SIZE = 4096 };

void maty_bytes_free(maty_bytes_t *bytes) {
  bytes->allocator.resize(bytes->allocator.context, bytes->data, bytes->capacity, 0);
  bytes->data = NULL;
  bytes->size = bytes->capacity = 0;
}

/* ----- Writing terms ----- */

void maty_bytes_add(maty_bytes_t *bytes, const void *data, size_t size) {
  if (bytes->capacity - bytes->size < size && !bytes->failed) {
    size_t capacity = (bytes->size + size) * 2;
    uint8_t *moved =
        bytes->allocator.resize(bytes->allocator.context, bytes->data, bytes->capacity, capacity);
    bytes->failed = moved == NULL;
    if (moved != NULL) {
      bytes->data = moved;
      bytes->capacity = capacity;
    }
  }
  if (!bytes->failed && size > 0) {
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
  }
}

/* A type byte and a big-endian number behind it. */
static void put_head(maty_bytes_t *bytes, uint8_t type, size_t number) {
  uint8_t head[5] = {type, (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                     (uint8_t)number};
  maty_bytes_add(bytes, head, sizeof head);
}

static void put_byte(maty_bytes_t *bytes, uint8_t byte) { maty_bytes_add(bytes, &byte, 1); }

static void put_version(maty_bytes_t *bytes) { put_byte(bytes, ETF_VERSION); }

static void put_tuple(maty_bytes_t *bytes, size_t arity) {
  put_head(bytes, ETF_LARGE_TUPLE, arity);
}

/* The elements follow, and put_nil after them. */
static void put_list(maty_bytes_t *bytes, size_t length) {
  if (length > 0) {
    put_head(bytes, ETF_LIST, length);
  }
}

static void put_nil(maty_bytes_t *bytes) { put_byte(bytes, ETF_NIL); }

/* Numbers here are indexes and positions, below 2^31. */
static void put_number(maty_bytes_t *bytes, uint32_t number) {
  put_head(bytes, ETF_INTEGER, number);
}

/* Low byte first. */
static void put_large(maty_bytes_t *bytes, uint64_t number) {
  uint8_t big[11] = {ETF_SMALL_BIG, 8, 0};
  for (unsigned i = 0; i < 8; i++) {
    big[3 + i] = (uint8_t)(number >> (8 * i));
  }
  maty_bytes_add(bytes, big, sizeof big);
}

static void put_binary(maty_bytes_t *bytes, const void *data, size_t size) {
  put_head(bytes, ETF_BINARY, size);
  maty_bytes_add(bytes, data, size);
}

static void put_text(maty_bytes_t *bytes, const char *text) {
  put_binary(bytes, text, text == NULL ? 0 : strlen(text));
}

/* ----- Texts ----- */

enum { TEXT_HEAD = 6 }; /* version, type, length */

void maty_describe_import(maty_bytes_t *bytes, const maty_import_t *import) {
  put_tuple(bytes, 3);
  put_text(bytes, import->module);
  put_text(bytes, import->from);
  put_text(bytes, import->from_module);
}

void maty_describe_text_begin(maty_bytes_t *bytes) {
  put_version(bytes);
  put_binary(bytes, NULL, 0);
}

/* Writes the length of a binary that is the last thing written so far. */
static void patch_length(maty_bytes_t *bytes, size_t begin) {
  size_t length = bytes->size - begin;
  for (unsigned i = 0; i < 4 && !bytes->failed; i++) {
    bytes->data[begin - 1 - i] = (uint8_t)(length >> (8 * i));
  }
}

void maty_describe_text_end(maty_bytes_t *bytes) { patch_length(bytes, TEXT_HEAD); }

/* ----- Diagnostics ----- */

static maty_status write_bytes(void *context, const char *text, size_t length) {
  maty_bytes_add(context, text, length);
  return MATY_OK;
}

static void put_run(maty_bytes_t *bytes, const maty_run_t *run) {
  put_tuple(bytes, 3);
  put_text(bytes, run->heading);
  put_list(bytes, run->step_count);
  for (uint32_t i = 0; i < run->step_count; i++) {
    const maty_run_step_t *step = &run->steps[i];
    put_tuple(bytes, 6);
    put_number(bytes, (uint32_t)step->kind);
    put_number(bytes, step->number);
    put_text(bytes, step->sender);
    put_text(bytes, step->receiver);
    put_text(bytes, step->label);
    put_number(bytes, step->line);
  }
  put_nil(bytes);
  put_text(bytes, run->ending);
}

static void put_diagnostic(maty_bytes_t *bytes, const maty_diagnostic_t *diagnostic) {
  put_tuple(bytes, 10);
  put_number(bytes, (uint32_t)diagnostic->severity);
  put_text(bytes, maty_class_name(diagnostic->class_));
  put_text(bytes, diagnostic->source);
  put_number(bytes, diagnostic->line);
  put_number(bytes, diagnostic->column);
  put_number(bytes, diagnostic->length);
  put_text(bytes, diagnostic->text);
  put_text(bytes, diagnostic->run);
  put_list(bytes, diagnostic->run_count);
  for (uint32_t i = 0; i < diagnostic->run_count; i++) {
    put_run(bytes, &diagnostic->runs[i]);
  }
  put_nil(bytes);
  put_binary(bytes, NULL, 0);
  size_t begin = bytes->size;
  if (diagnostic->run_count > 0 &&
      maty_draw_runs(diagnostic, (maty_writer_t){.write = write_bytes, .context = bytes}) !=
          MATY_OK) {
    bytes->failed = true;
  }
  patch_length(bytes, begin);
}

/* ----- Modules and verdicts ----- */

void maty_describe_module(maty_bytes_t *bytes, const maty_module_t *module,
                          const maty_bytes_t *missing, uint32_t missing_count) {
  size_t diagnostics = maty_module_diagnostic_count(module);
  size_t protocols = maty_module_protocol_count(module);
  put_version(bytes);
  put_tuple(bytes, 3);
  put_list(bytes, diagnostics);
  for (size_t i = 0; i < diagnostics; i++) {
    put_diagnostic(bytes, maty_module_diagnostic(module, i));
  }
  put_nil(bytes);
  put_list(bytes, protocols);
  for (size_t i = 0; i < protocols; i++) {
    const maty_image_t *image = maty_module_image(module, i);
    size_t size = 0;
    const void *block = image == NULL ? NULL : maty_image_block(image, &size);
    put_tuple(bytes, 2);
    put_text(bytes, maty_module_protocol_name(module, i));
    put_binary(bytes, block, size);
  }
  put_nil(bytes);
  put_list(bytes, missing_count);
  maty_bytes_add(bytes, missing->data, missing->size);
  put_nil(bytes);
}

void maty_describe_verdict(maty_bytes_t *bytes, const maty_verdict_t *verdict) {
  size_t diagnostics = maty_verdict_diagnostic_count(verdict);
  maty_verdict_facts_t facts;
  maty_verdict_facts(verdict, &facts);
  put_version(bytes);
  put_tuple(bytes, 2);
  put_list(bytes, diagnostics);
  for (size_t i = 0; i < diagnostics; i++) {
    put_diagnostic(bytes, maty_verdict_diagnostic(verdict, i));
  }
  put_nil(bytes);
  put_tuple(bytes, 4);
  put_number(bytes, facts.bound);
  put_large(bytes, facts.states);
  put_large(bytes, facts.transitions);
  put_large(bytes, facts.bytes);
}

/* ----- Images ----- */

static void put_field(maty_bytes_t *bytes, const maty_image_t *image, uint32_t field) {
  char text[TYPE_TEXT_SIZE];
  const char *name = "";
  uint32_t type = 0;
  (void)maty_image_field(image, field, &name, &type);
  (void)maty_image_type_text(image, type, text, sizeof text);
  put_tuple(bytes, 2);
  put_text(bytes, name);
  put_text(bytes, text);
}

static void put_transition(maty_bytes_t *bytes, const maty_image_t *image, uint32_t state,
                           uint32_t index) {
  maty_transition_info_t transition = {0};
  (void)maty_image_transition(image, state, index, &transition);
  put_tuple(bytes, 5);
  put_number(bytes, transition.action);
  put_number(bytes, transition.target);
  put_number(bytes, transition.line);
  put_number(bytes, transition.column);
  put_list(bytes, transition.arity);
  for (uint32_t i = 0; i < transition.arity; i++) {
    put_field(bytes, image, transition.first_field + i);
  }
  put_nil(bytes);
}

static void put_state(maty_bytes_t *bytes, const maty_image_t *image, uint32_t number) {
  maty_state_info_t state = {0};
  (void)maty_image_state(image, number, &state);
  put_tuple(bytes, 5);
  put_number(bytes, (uint32_t)state.phase);
  put_number(bytes, state.line);
  put_number(bytes, state.column);
  put_large(bytes, state.deadline);
  put_list(bytes, state.transition_count);
  for (uint32_t i = 0; i < state.transition_count; i++) {
    put_transition(bytes, image, number, i);
  }
  put_nil(bytes);
}

static void put_action(maty_bytes_t *bytes, const maty_image_t *image, uint32_t role,
                       uint32_t number) {
  maty_action_info_t action = {0};
  (void)maty_image_action(image, role, number, &action);
  put_tuple(bytes, 5);
  put_number(bytes, (uint32_t)action.direction);
  put_number(bytes, action.peer);
  put_number(bytes, action.peer_action);
  put_text(bytes, action.label);
  put_number(bytes, action.look);
}

static void put_role(maty_bytes_t *bytes, const maty_image_t *image, uint32_t number) {
  maty_role_info_t role = {0};
  (void)maty_image_role(image, number, &role);
  put_tuple(bytes, 7);
  put_text(bytes, role.name);
  put_number(bytes, role.line);
  put_number(bytes, role.column);
  put_number(bytes, role.initial);
  put_number(bytes, role.first_state);
  put_list(bytes, role.action_count);
  for (uint32_t i = 0; i < role.action_count; i++) {
    put_action(bytes, image, number, i);
  }
  put_nil(bytes);
  put_list(bytes, role.state_count);
  for (uint32_t i = 0; i < role.state_count; i++) {
    put_state(bytes, image, role.first_state + i);
  }
  put_nil(bytes);
}

void maty_describe_image(maty_bytes_t *bytes, const maty_image_t *image) {
  uint32_t roles = maty_image_role_count(image);
  put_version(bytes);
  put_tuple(bytes, 3);
  put_text(bytes, maty_image_protocol(image));
  put_text(bytes, maty_image_source(image));
  put_list(bytes, roles);
  for (uint32_t i = 0; i < roles; i++) {
    put_role(bytes, image, i);
  }
  put_nil(bytes);
}
