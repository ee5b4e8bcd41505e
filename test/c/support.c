/* support.c - see support.h. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void test_text_add(test_text_t *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  cr_assert(length >= 0);
  if (text->capacity - text->length <= (size_t)length) {
    text->capacity = 2 * text->capacity + (size_t)length + 64;
    text->at = realloc(text->at, text->capacity);
    cr_assert_not_null(text->at);
  }
  va_start(arguments, format);
  (void)vsnprintf(text->at + text->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  text->length += (size_t)length;
}

static maty_status write_text(void *context, const char *text, size_t length) {
  test_text_add(context, "%.*s", (int)length, text);
  return MATY_OK;
}

maty_writer_t test_writer(test_text_t *text) {
  return (maty_writer_t){.write = write_text, .context = text};
}

static maty_status import_module(void *context, const maty_import_t *import, maty_source_t *out) {
  const test_module_t *found = context;
  while (found->module != NULL && strcmp(found->module, import->module) != 0)
    found++;
  if (found->module == NULL)
    return MATY_EINVAL;
  *out = (maty_source_t){.name = found->source, .text = found->text, .length = strlen(found->text)};
  return MATY_OK;
}

maty_module_t *test_check_in(maty_dialect dialect, const test_module_t *modules, const char *text) {
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  config.dialect = dialect;
  config.import = modules == NULL ? NULL : import_module;
  config.import_context = (void *)modules;
  maty_status status = maty_module_check(&module, "test.scr", text, strlen(text), &config);
  cr_assert(status == MATY_OK || status == MATY_EREJECTED, "status %s", maty_status_text(status));
  cr_assert_eq(status == MATY_OK, maty_module_diagnostic_count(module) == 0);
  return module;
}

maty_module_t *test_check(const char *text) { return test_check_in(MATY_DIALECT_MATY, NULL, text); }

char *test_module_diagnostics(const maty_module_t *module) {
  test_text_t found = {0};
  test_text_add(&found, "%s", "");
  for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
    const maty_diagnostic_t *diagnostic = maty_module_diagnostic(module, i);
    if (strncmp(diagnostic->source, "test.", 5) != 0)
      test_text_add(&found, "%s:", diagnostic->source);
    test_text_add(&found, "%u:%u+%u %s [%s] %s\n%s", diagnostic->line, diagnostic->column,
                  diagnostic->length,
                  diagnostic->severity == MATY_SEVERITY_ERROR ? "error" : "note",
                  maty_class_name(diagnostic->class_), diagnostic->text,
                  diagnostic->run == NULL ? "" : diagnostic->run);
  }
  return found.at;
}

static char *diagnostics_of(maty_module_t *module) {
  char *found = test_module_diagnostics(module);
  maty_module_free(module);
  return found;
}

char *test_diagnostics(const char *text) { return diagnostics_of(test_check(text)); }

void test_expect_in(maty_dialect dialect, const test_module_t *modules, const char *text,
                    const char *diagnostics) {
  char *found = diagnostics_of(test_check_in(dialect, modules, text));
  cr_expect_str_eq(found, diagnostics, "of\n%s\nexpected\n%s\nfound\n%s", text, diagnostics, found);
  free(found);
}

void test_expect(const char *text, const char *diagnostics) {
  test_expect_in(MATY_DIALECT_MATY, NULL, text, diagnostics);
}

void test_accept(const char *text) { test_expect(text, ""); }

static void add_payload(test_text_t *found, const maty_image_t *image,
                        const maty_transition_info_t *transition) {
  test_text_add(found, "(");
  for (uint32_t i = 0; i < transition->arity; i++) {
    const char *name;
    uint32_t type;
    char buffer[512];
    cr_assert_eq(maty_image_field(image, transition->first_field + i, &name, &type), MATY_OK);
    (void)maty_image_type_text(image, type, buffer, sizeof buffer);
    test_text_add(found, "%s%s%s%s", i == 0 ? "" : ", ", name, *name == '\0' ? "" : ": ", buffer);
  }
  test_text_add(found, ")");
}

static void add_state(test_text_t *found, const maty_image_t *image, uint32_t role,
                      uint32_t state) {
  static const char *const phases[] = {"receive", "send", "final"};
  maty_state_info_t info;
  cr_assert_eq(maty_image_state(image, state, &info), MATY_OK);
  test_text_add(found, "  %u %s %u:%u", state, phases[info.phase], info.line, info.column);
  if (info.deadline != 0)
    test_text_add(found, " within %ums", info.deadline);
  for (uint32_t i = 0; i < info.transition_count; i++) {
    maty_transition_info_t transition;
    maty_action_info_t action;
    maty_role_info_t peer;
    cr_assert_eq(maty_image_transition(image, state, i, &transition), MATY_OK);
    cr_assert_eq(maty_image_action(image, role, transition.action, &action), MATY_OK);
    cr_assert_eq(maty_image_role(image, action.peer, &peer), MATY_OK);
    test_text_add(found, "%s%s%c%s", i == 0 ? ": " : ", ", peer.name,
                  action.direction == MATY_DIRECTION_SEND ? '!' : '?', action.label);
    add_payload(found, image, &transition);
    test_text_add(found, " -> %u", transition.target);
  }
  test_text_add(found, "\n");
}

char *test_machines(const char *text) {
  test_text_t found = {0};
  maty_module_t *module = test_check(text);
  const maty_image_t *image = maty_module_image(module, 0);
  cr_assert_not_null(image, "not accepted: %s", text);
  for (uint32_t role = 0; role < maty_image_role_count(image); role++) {
    maty_role_info_t info;
    cr_assert_eq(maty_image_role(image, role, &info), MATY_OK);
    cr_assert_eq(info.initial, info.first_state);
    test_text_add(&found, "role %s\n", info.name);
    for (uint32_t i = 0; i < info.state_count; i++)
      add_state(&found, image, role, info.first_state + i);
  }
  maty_module_free(module);
  return found.at;
}

void test_expect_machines(const char *text, const char *machines) {
  char *found = test_machines(text);
  cr_expect_str_eq(found, machines, "of\n%s\nexpected\n%s\nfound\n%s", text, machines, found);
  free(found);
}

maty_module_t *test_read_machines(const char *text) {
  maty_module_t *module;
  maty_config_t config = maty_config_default();
  maty_status status = maty_machines_read(&module, "test.machines", text, strlen(text),
                                          MATY_MACHINES_PLAIN, &config);
  cr_assert_eq(status, MATY_OK, "%s: %s", maty_status_text(status),
               module == NULL ? "" : maty_module_diagnostic(module, 0)->text);
  return module;
}

char *test_verdict(const char *source, maty_status status, maty_verdict_t *verdict) {
  test_text_t found = {0};
  test_text_add(&found, "%s\n", maty_status_text(status));
  cr_assert_not_null(verdict, "%s", found.at);
  for (size_t i = 0; i < maty_verdict_diagnostic_count(verdict); i++) {
    const maty_diagnostic_t *diagnostic = maty_verdict_diagnostic(verdict, i);
    cr_expect_eq(diagnostic->severity, MATY_SEVERITY_ERROR);
    cr_expect_str_eq(diagnostic->source, source);
    test_text_add(&found, "%u:%u [%s] %s\n%s", diagnostic->line, diagnostic->column,
                  maty_class_name(diagnostic->class_), diagnostic->text,
                  diagnostic->run == NULL ? "" : diagnostic->run);
  }
  maty_verdict_free(verdict);
  return found.at;
}

char *test_write_machines(const maty_image_t *image, uint32_t role, maty_machine_format format) {
  test_text_t text = {0};
  maty_allocator_t allocator = maty_allocator_default();
  cr_assert_eq(maty_machines_write(image, role, format, &allocator, test_writer(&text)), MATY_OK);
  return text.at;
}

char *test_protocols(const char *file) {
  static const char *const folders[] = {"test/protocols/", "../test/protocols/",
                                        "../../../test/protocols/"};
  FILE *opened = NULL;
  for (size_t i = 0; i < sizeof folders / sizeof *folders && opened == NULL; i++) {
    test_text_t path = {0};
    test_text_add(&path, "%s%s", folders[i], file);
    opened = fopen(path.at, "rb");
    free(path.at);
  }
  cr_assert_not_null(opened, "no file test/protocols/%s from here", file);
  char *text = calloc(1, 1 << 20);
  cr_assert_not_null(text);
  size_t length = fread(text, 1, (1 << 20) - 1, opened);
  cr_assert(length > 0 && feof(opened));
  (void)fclose(opened);
  return text;
}

static void *counting_resize(void *context, void *block, size_t old_size, size_t size) {
  test_memory_t *memory = context;
  if (size > 0) {
    memory->calls++;
    if (memory->fail_at != 0 &&
        (memory->calls == memory->fail_at || (memory->for_good && memory->calls > memory->fail_at)))
      return NULL;
  }
  if (size == 0) {
    memory->blocks -= block != NULL;
    memory->bytes -= old_size;
    free(block);
    return NULL;
  }
  void *resized = realloc(block, size);
  if (resized != NULL) {
    memory->blocks += block == NULL;
    memory->bytes += size - old_size;
  }
  return resized;
}

maty_allocator_t test_allocator(test_memory_t *memory) {
  return (maty_allocator_t){.resize = counting_resize, .context = memory};
}

bool test_failed(test_memory_t *memory, maty_status status, maty_status expected) {
  bool failed = memory->calls >= memory->fail_at;
  cr_expect_eq(memory->blocks, 0, "%zu blocks leak", memory->blocks);
  cr_expect_eq(memory->bytes, 0, "%zu bytes leak", memory->bytes);
  cr_expect_eq(status, failed ? MATY_ENOMEM : expected, "allocation %zu: %s", memory->fail_at,
               maty_status_text(status));
  if (failed)
    *memory = (test_memory_t){.fail_at = memory->fail_at + 1, .for_good = memory->for_good};
  return failed;
}

bool test_watch(void *context, uint64_t steps) {
  test_watch_t *seen = context;
  cr_expect(steps > seen->last);
  seen->last = steps;
  return ++seen->calls != seen->stop_after;
}
