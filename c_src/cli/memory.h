/* memory.h - memory that is there, or the command ends.
 *
 * A command that finds no memory has nothing to save: it says so and exits with
 * EXIT_TROUBLE. What is read once per run is not freed.
 */
#ifndef MATY_CLI_MEMORY_H
#define MATY_CLI_MEMORY_H

#include <stddef.h>

/* Zeros. */
void *memory_array(size_t count, size_t size);

/* As realloc, of a size above 0. */
void *memory_resize(void *block, size_t size);

/* Two texts and what is between them, one behind the other. */
char *memory_join(const char *first, const char *between, const char *second);

_Noreturn void memory_none(void);

#endif /* MATY_CLI_MEMORY_H */
