/* text.c - see text.h. */
#include "text.h"

#include <stdio.h>

void maty__text_init(maty__text_t *text, maty__arena_t *arena) {
  *text = (maty__text_t){.arena = arena};
}

static bool text_reserve(maty__text_t *text, size_t more) {
  if (text->capacity - text->length > more)
    return true;
  size_t capacity = 2 * text->capacity + more + 64;
  char *grown = maty__arena_grow(text->arena, text->at, text->capacity, capacity);
  if (grown == NULL) {
    text->failed = true;
    return false;
  }
  text->at = grown;
  text->capacity = capacity;
  return true;
}

void maty__text_add_list(maty__text_t *text, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (length < 0 || !text_reserve(text, (size_t)length)) {
    text->failed = true;
    return;
  }
  (void)vsnprintf(text->at + text->length, (size_t)length + 1, format, arguments);
  text->length += (size_t)length;
}

void maty__text_add(maty__text_t *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  maty__text_add_list(text, format, arguments);
  va_end(arguments);
}
