/* fuzz_text.c - any bytes as a protocol text and one that it can import.
 *
 * The first byte chooses the dialect. The rest is the text up to the first zero,
 * and what every import of a module "m..." finds behind it.
 *
 * Whatever the texts, the check answers; every place it names is in the text that
 * it names; what it accepts loads again; and checking twice says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "maty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition)
    abort();
}

/* What one input comes to. */
typedef struct texts {
  maty_dialect dialect;
  maty_source_t given, imported;
} texts_t;

static texts_t texts_of(const uint8_t *data, size_t size) {
  texts_t texts = {.given = {.name = "fuzz.scr", .text = ""},
                   .imported = {.name = "m", .text = ""}};
  if (size == 0)
    return texts;
  const uint8_t *zero = memchr(data + 1, 0, size - 1);
  size_t length = zero == NULL ? size - 1 : (size_t)(zero - data - 1);
  texts.dialect = (maty_dialect)(data[0] % 3);
  texts.given.text = (const char *)data + 1;
  texts.given.length = length;
  if (zero != NULL) {
    texts.imported.text = (const char *)zero + 1;
    texts.imported.length = size - length - 2;
  }
  return texts;
}

static maty_status import_module(void *context, const maty_import_t *import, maty_source_t *out) {
  *out = ((const texts_t *)context)->imported;
  return *import->module == 'm' ? MATY_OK : MATY_EINVAL;
}

static maty_module_t *check(texts_t *texts) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  config.dialect = texts->dialect;
  config.import = import_module;
  config.import_context = texts;
  maty_status status = maty_module_check(&module, texts->given.name, texts->given.text,
                                         texts->given.length, &config);
  require(status == MATY_OK || status == MATY_EREJECTED);
  require((status == MATY_OK) == (maty_module_diagnostic_count(module) == 0));
  return module;
}

static uint32_t lines_of(const maty_source_t *source) {
  uint32_t lines = 1;
  for (size_t i = 0; i < source->length; i++)
    lines += source->text[i] == '\n';
  return lines;
}

static void compare_diagnostics(const maty_module_t *module, const maty_module_t *again,
                                const texts_t *texts) {
  uint32_t given = lines_of(&texts->given), imported = lines_of(&texts->imported);
  require(maty_module_diagnostic_count(module) == maty_module_diagnostic_count(again));
  for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
    const maty_diagnostic_t *one = maty_module_diagnostic(module, i);
    const maty_diagnostic_t *other = maty_module_diagnostic(again, i);
    bool own = strcmp(one->source, texts->given.name) == 0;
    require(own || strcmp(one->source, texts->imported.name) == 0);
    require(one->line >= 1 && one->line <= (own ? given : imported) && one->column >= 1);
    require(one->line == other->line && one->column == other->column);
    require(strcmp(one->source, other->source) == 0);
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
  texts_t texts = texts_of(data, size);
  maty_module_t *module = check(&texts), *again = check(&texts);
  compare_diagnostics(module, again, &texts);
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
