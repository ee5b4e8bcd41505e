/* image_text.c - see image_text.h. */
#include "image_text.h"

static void add_type(maty__text_t *text, const maty_image_t *image, uint32_t type) {
  enum { SHORT = 128 };
  char short_buffer[SHORT], *buffer = short_buffer;
  size_t length = maty_image_type_text(image, type, short_buffer, SHORT);
  if (length >= SHORT) {
    buffer = maty__arena_alloc(text->arena, length + 1);
    if (buffer == NULL) {
      text->failed = true;
      return;
    }
    (void)maty_image_type_text(image, type, buffer, length + 1);
  }
  maty__text_add(text, "%s", buffer);
}

void maty__text_add_payload(maty__text_t *text, const maty_image_t *image,
                            const maty__transition_t *transition) {
  maty__text_add(text, "(");
  for (uint32_t i = 0; i < transition->arity; i++) {
    const maty__field_t *field = &image->fields[transition->first_field + i];
    const char *name = image->strings + field->name;
    maty__text_add(text, "%s%s%s", i == 0 ? "" : ", ", name, *name == '\0' ? "" : ": ");
    add_type(text, image, field->type);
  }
  maty__text_add(text, ")");
}
