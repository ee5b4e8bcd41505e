/* fuzz_machines.c - any bytes as a set of machines, in both notations.
 *
 * Whatever the text, reading answers, and every place it names is in the text.
 * What is accepted loads again; written, read and written again it is the same
 * text; every machine can stand in for itself, and comparing any two ends.
 */
#include <stdlib.h>
#include <string.h>

#include "maty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

typedef struct text {
  char *at;
  size_t length;
} text_t;

static maty_status add(void *context, const char *piece, size_t length) {
  text_t *text = context;
  text->at = realloc(text->at, text->length + length);
  require(text->at != NULL);
  memcpy(text->at + text->length, piece, length);
  text->length += length;
  return MATY_OK;
}

static text_t write_machines(const maty_image_t *image, uint32_t role, maty_machine_format format) {
  text_t text = {0};
  maty_allocator_t allocator = maty_allocator_default();
  require(maty_machines_write(image, role, format, &allocator,
                              (maty_writer_t){.write = add, .context = &text}) == MATY_OK);
  return text;
}

static maty_module_t *read_machines(const char *at, size_t length, maty_machine_format format) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  maty_status status = maty_machines_read(&module, "fuzz", at, length, format, &config);
  require(status == MATY_OK || status == MATY_EREJECTED);
  require((status == MATY_OK) == (maty_module_diagnostic_count(module) == 0));
  require((status == MATY_OK) == (maty_module_image(module, 0) != NULL));
  return module;
}

static void check_places(const maty_module_t *module, const uint8_t *data, size_t size) {
  uint32_t lines = 1;
  for (size_t i = 0; i < size; i++)
    lines += data[i] == '\n';
  for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
    const maty_diagnostic_t *found = maty_module_diagnostic(module, i);
    require(found->line >= 1 && found->line <= lines && found->column >= 1);
    require(strchr(found->text, '\n') == NULL);
  }
}

static void there_and_back(const maty_image_t *image, maty_machine_format format) {
  text_t written = write_machines(image, MATY_ALL_ROLES, format);
  maty_module_t *module = read_machines(written.at, written.length, format);
  require(maty_module_image(module, 0) != NULL);
  text_t again = write_machines(maty_module_image(module, 0), MATY_ALL_ROLES, format);
  require(again.length == written.length && memcmp(again.at, written.at, again.length) == 0);
  maty_module_free(module);
  free(written.at);
  free(again.at);
}

static void compare(const maty_image_t *image, uint32_t sub, uint32_t super) {
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict;
  maty_status status = maty_subtype(&verdict, image, sub, image, super, &config);
  require(status == MATY_OK ||
          (sub != super && (status == MATY_EREJECTED || status == MATY_ELIMIT)));
  require(maty_verdict_diagnostic_count(verdict) == (status == MATY_OK ? 0 : 1));
  maty_verdict_free(verdict);
}

static void use(const maty_image_t *image) {
  size_t size;
  const void *block = maty_image_block(image, &size);
  maty_allocator_t allocator = maty_allocator_default();
  maty_image_t *loaded;
  require(maty_image_load(&loaded, block, size, &allocator) == MATY_OK);
  maty_image_release(loaded);
  there_and_back(image, MATY_MACHINES_PLAIN);
  there_and_back(image, MATY_MACHINES_CFSM);
  for (uint32_t i = 0; i < maty_image_role_count(image) && i < 4; i++)
    for (uint32_t j = 0; j < maty_image_role_count(image) && j < 4; j++)
      compare(image, i, j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const maty_machine_format formats[] = {MATY_MACHINES_PLAIN, MATY_MACHINES_CFSM};
  for (size_t i = 0; i < 2; i++) {
    maty_module_t *module = read_machines((const char *)data, size, formats[i]);
    check_places(module, data, size);
    if (maty_module_image(module, 0) != NULL)
      use(maty_module_image(module, 0));
    maty_module_free(module);
  }
  return 0;
}
