/* out.h - text on its way to a writer.
 *
 * What goes wrong is remembered: nothing is written after it, and whoever
 * writes a whole text asks once, at its end.
 */
#ifndef MATY_OUT_H
#define MATY_OUT_H

#include "text.h"

typedef struct maty__out {
  maty_writer_t writer;
  maty_status status;
} maty__out_t;

void maty__out_init(maty__out_t *out, maty_writer_t writer);

void maty__out_bytes(maty__out_t *out, const char *text, size_t length);
void maty__out_text(maty__out_t *out, const char *text);

/* Of at most MATY__OUT_FORMATTED bytes, else MATY_ELIMIT: for words and numbers;
 * names of any length are written by themselves. */
enum { MATY__OUT_FORMATTED = 1024 };
void maty__out_format(maty__out_t *out, const char *format, ...) MATY__PRINTF(2, 3);

/* Steps of two spaces. */
void maty__out_indent(maty__out_t *out, uint32_t depth);

#endif /* MATY_OUT_H */
