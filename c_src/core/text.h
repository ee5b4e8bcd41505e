/* text.h - a growing text.
 *
 * It is ended by a zero once it is not empty. Out of memory is remembered, so a
 * whole text can be written and asked about at its end.
 */
#ifndef MATY_TEXT_H
#define MATY_TEXT_H

#include <stdarg.h>

#include "arena.h"

#if defined(__GNUC__)
#define MATY__PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define MATY__PRINTF(text, first)
#endif

typedef struct maty__text {
  maty__arena_t *arena;
  char *at;
  size_t length, capacity;
  bool failed;
} maty__text_t;

void maty__text_init(maty__text_t *text, maty__arena_t *arena);
void maty__text_add(maty__text_t *text, const char *format, ...) MATY__PRINTF(2, 3);
void maty__text_add_list(maty__text_t *text, const char *format, va_list arguments)
    MATY__PRINTF(2, 0);

#endif /* MATY_TEXT_H */
