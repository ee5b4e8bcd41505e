/* signature.c - see signature.h. */
#include "signature.h"

#include "vec.h"

static maty_status add_field(const maty_image_t *image, uint32_t field, maty__text_t *text) {
  const char *name;
  uint32_t type;
  MATY__TRY(maty_image_field(image, field, &name, &type));
  size_t size = maty_image_type_text(image, type, NULL, 0) + 1;
  char *spelled = maty__arena_alloc(text->arena, size);
  MATY__NEED(spelled != NULL);
  (void)maty_image_type_text(image, type, spelled, size);
  maty__text_add(text, "%s%s%s", name, *name == '\0' ? "" : ": ", spelled);
  return MATY_OK;
}

maty_status maty__signature(const maty_image_t *image, uint32_t role,
                            const maty_transition_info_t *transition, maty__text_t *text) {
  maty_action_info_t action;
  MATY__TRY(maty_image_action(image, role, transition->action, &action));
  maty__text_add(text, "%s(", action.label);
  for (uint32_t i = 0; i < transition->arity; i++) {
    maty__text_add(text, "%s", i == 0 ? "" : ", ");
    MATY__TRY(add_field(image, transition->first_field + i, text));
  }
  maty__text_add(text, ")");
  return text->failed ? MATY_ENOMEM : MATY_OK;
}
