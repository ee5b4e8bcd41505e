/* fuzz_text.c - any bytes as a protocol text.
 *
 * Whatever the text, the check answers; every place it names is in the text;
 * what it accepts loads again; and checking twice says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "maty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

static maty_module_t *check(const uint8_t *data, size_t size) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  maty_status status = maty_module_check(&module, "fuzz.scr", (const char *)data, size, &config);
  require(status == MATY_OK || status == MATY_EREJECTED);
  require((status == MATY_OK) == (maty_module_diagnostic_count(module) == 0));
  return module;
}

static void compare_diagnostics(const maty_module_t *module, const maty_module_t *again,
                                const uint8_t *data, size_t size) {
  uint32_t lines = 1;
  for (size_t i = 0; i < size; i++)
    lines += data[i] == '\n';
  require(maty_module_diagnostic_count(module) == maty_module_diagnostic_count(again));
  for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
    const maty_diagnostic_t *one = maty_module_diagnostic(module, i);
    const maty_diagnostic_t *other = maty_module_diagnostic(again, i);
    require(one->line >= 1 && one->line <= lines && one->column >= 1);
    require(one->line == other->line && one->column == other->column);
    require(strcmp(one->text, other->text) == 0 && strchr(one->text, '\n') == NULL);
    require((one->run == NULL) == (other->run == NULL));
    require(one->run == NULL || strcmp(one->run, other->run) == 0);
  }
}

static void compare_image(const maty_image_t *image, const maty_image_t *again) {
  size_t size, again_size;
  const void *block = maty_image_block(image, &size);
  maty_allocator_t allocator = maty_allocator_default();
  maty_image_t *loaded;
  require(memcmp(block, maty_image_block(again, &again_size), size) == 0 && size == again_size);
  require(maty_image_load(&loaded, block, size, &allocator) == MATY_OK);
  maty_image_release(loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  maty_module_t *module = check(data, size), *again = check(data, size);
  compare_diagnostics(module, again, data, size);
  for (size_t i = 0; i < maty_module_protocol_count(module); i++) {
    maty_image_t *image = maty_module_image(module, i);
    require(maty_module_protocol_name(module, i) != NULL);
    require((image == NULL) == (maty_module_image(again, i) == NULL));
    if (image != NULL)
      compare_image(image, maty_module_image(again, i));
  }
  maty_module_free(module);
  maty_module_free(again);
  return 0;
}
