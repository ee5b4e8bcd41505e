/* print.h - what was found, for people to read. */
#ifndef MATY_CLI_PRINT_H
#define MATY_CLI_PRINT_H

#include <stdio.h>

#include "source.h"

/* Decides about colours on standard output, by --color and NO_COLOR. */
void print_begin(const arguments_t *arguments);

typedef enum color { COLOR_PLAIN, COLOR_ERROR, COLOR_NOTE, COLOR_GOOD, COLOR_STRONG } color;

/* Changes the colour of what follows, if there are colours and this is standard
 * output. */
void print_color(FILE *stream, color wanted);

/* All diagnostics of a text: each with the line of its source and a mark below,
 * and the runs that show it. */
void print_diagnostics(FILE *stream, const checked_t *checked);
void print_diagnostic(FILE *stream, const checked_t *checked, const maty_diagnostic_t *diagnostic);

/* A writer to standard output. */
maty_writer_t print_writer(void);

/* Whether all that was printed has been written; if not, why is told. */
bool print_end(void);

#endif /* MATY_CLI_PRINT_H */
