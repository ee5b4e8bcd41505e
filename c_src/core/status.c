/* status.c - texts of the public enumerations, and what is used by default. */
#include <stdlib.h>

#include "maty.h"

const char *maty_status_text(maty_status status) {
  switch (status) {
#define STATUS_TEXT(name, number, text)                                                            \
  case MATY_##name:                                                                                \
    return text;
    MATY_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
  }
  return "unknown status";
}

const char *maty_class_name(maty_class class_) {
  switch (class_) {
#define CLASS_NAME(name, text)                                                                     \
  case MATY_CLASS_##name:                                                                          \
    return text;
    MATY_CLASS_MAP(CLASS_NAME)
#undef CLASS_NAME
  case MATY_CLASS_COUNT:
    break;
  }
  return "unknown class";
}

static void *default_resize(void *context, void *block, size_t old_size, size_t size) {
  (void)context;
  (void)old_size;
  if (size == 0) {
    free(block);
    return NULL;
  }
  return realloc(block, size);
}

maty_allocator_t maty_allocator_default(void) {
  return (maty_allocator_t){.resize = default_resize, .context = NULL};
}

maty_config_t maty_config_default(void) {
  return (maty_config_t){.allocator = maty_allocator_default(),
                         .dialect = MATY_DIALECT_MATY,
                         .progress = NULL,
                         .progress_context = NULL};
}
