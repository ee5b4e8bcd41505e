/* memory.c - see memory.h. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

void memory_none(void) {
  (void)fputs("maty: out of memory\n", stderr);
  exit(EXIT_TROUBLE);
}

void *memory_array(size_t count, size_t size) {
  void *block = calloc(count == 0 ? 1 : count, size);
  if (block == NULL)
    memory_none();
  return block;
}

void *memory_resize(void *block, size_t size) {
  void *resized = realloc(block, size);
  if (resized == NULL)
    memory_none();
  return resized;
}

char *memory_join(const char *first, const char *between, const char *second) {
  size_t size = strlen(first) + strlen(between) + strlen(second) + 1;
  char *text = memory_array(size, 1);
  (void)snprintf(text, size, "%s%s%s", first, between, second);
  return text;
}
