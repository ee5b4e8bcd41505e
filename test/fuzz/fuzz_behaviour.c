/* fuzz_behaviour.c - any bytes as a behaviour.
 *
 * Whatever the text, the check answers, and says the same of it twice.
 */
#include <stdlib.h>
#include <string.h>

#include "maty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char protocol[] =
    "protocol P(role A, role B) {\n"
    "  rec L { choice at A { a({1..3 | :x, list(integer)}) from A to B; b() from B to A;\n"
    "    continue L; } or { c(string) from A to B; } }\n"
    "}\n";

static void require(bool condition) {
  if (!condition)
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  maty_config_t config = maty_config_default();
  maty_module_t *module;
  maty_verdict_t *verdict, *again;
  require(maty_module_check(&module, "p.scr", protocol, sizeof protocol - 1, &config) == MATY_OK);
  const maty_image_t *image = maty_module_image(module, 0);
  maty_status status = maty_behaviour_check(&verdict, image, (const char *)data, size, &config);
  require(maty_behaviour_check(&again, image, (const char *)data, size, &config) == status);
  require(verdict == NULL ? status == MATY_EINVAL || status == MATY_ELIMIT
                          : status == MATY_OK || status == MATY_EREJECTED || status == MATY_ELIMIT);
  if (verdict != NULL) {
    size_t count = maty_verdict_diagnostic_count(verdict);
    bool errors = false;
    require(count == maty_verdict_diagnostic_count(again));
    for (size_t i = 0; i < count; i++) {
      const maty_diagnostic_t *diagnostic = maty_verdict_diagnostic(verdict, i);
      errors |= diagnostic->severity == MATY_SEVERITY_ERROR;
      require(strcmp(diagnostic->text, maty_verdict_diagnostic(again, i)->text) == 0);
    }
    require(errors == (status == MATY_EREJECTED));
    maty_verdict_free(verdict);
    maty_verdict_free(again);
  }
  maty_module_free(module);
  return 0;
}
