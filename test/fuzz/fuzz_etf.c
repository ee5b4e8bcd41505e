/* fuzz_etf.c - holds arbitrary bytes against payload types of every kind.
 *
 * The decoder has to answer with a status for whatever it is shown, and to read
 * nothing outside of it; the sanitizers see to that.
 */
#include <stdlib.h>
#include <string.h>

#include "etf.h"
#include "maty.h"

/* Each message has one field, so that an input reaches its type. */
static const char protocol[] =
    "type point = %{x: integer, y: integer | float};\n"
    "global protocol Types(role A, role B) {\n"
    "  m1(any) from A to B; m2(integer) from A to B; m3(string) from A to B;\n"
    "  m4(list(integer)) from A to B; m5({atom, list(string)}) from A to B;\n"
    "  m6(point) from A to B; m7(list(point | :none | 1..100)) from A to B;\n"
    "  m8(date) from A to B; m9(datetime) from A to B; m10(:ok) from A to B;\n"
    "  m11(list(list({integer, string} | list(any)))) from A to B;\n"
    "  m12(%{name: string, tags: list(atom), at: datetime | pid}) from A to B;\n"
    "  m13(integer, {string, binary}, boolean) from A to B;\n"
    "}\n";

static maty_image_t *image_of_types(void) {
  static maty_module_t *module = NULL;
  if (module == NULL) {
    maty_config_t config = maty_config_default();
    if (maty_module_check(&module, "types", protocol, strlen(protocol), &config) != MATY_OK)
      abort();
  }
  return maty_module_image(module, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const uint8_t *data, size_t size, bool hollow) {
  maty_image_t *image = image_of_types();
  maty_etf_t etf;
  if (maty_etf_open(&etf, data, size, hollow) != MATY_OK)
    return;
  maty_role_info_t sender;
  if (maty_image_role(image, 0, &sender) != MATY_OK)
    abort();
  for (uint32_t state = 0; state < sender.state_count; state++) {
    maty_transition_info_t transition;
    uint32_t field = 0;
    if (maty_image_transition(image, sender.first_state + state, 0, &transition) != MATY_OK)
      continue; /* the final state */
    maty_status status =
        maty_etf_judge(&etf, image, transition.first_field, transition.arity, &field);
    if (field > transition.arity || (status == MATY_OK && field != 0))
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  judge(data, size, false);
  judge(data, size, true);
  return 0;
}
