/* out.c - see out.h. */
#include "out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void maty__out_init(maty__out_t *out, maty_writer_t writer) {
  *out = (maty__out_t){.writer = writer, .status = writer.write == NULL ? MATY_EINVAL : MATY_OK};
}

void maty__out_bytes(maty__out_t *out, const char *text, size_t length) {
  if (out->status == MATY_OK && length > 0)
    out->status = out->writer.write(out->writer.context, text, length);
}

void maty__out_text(maty__out_t *out, const char *text) {
  maty__out_bytes(out, text, strlen(text));
}

void maty__out_format(maty__out_t *out, const char *format, ...) {
  char text[MATY__OUT_FORMATTED];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length >= 0 && (size_t)length < sizeof text)
    maty__out_bytes(out, text, (size_t)length);
  else if (out->status == MATY_OK)
    out->status = MATY_ELIMIT;
}

void maty__out_indent(maty__out_t *out, uint32_t depth) {
  for (uint32_t i = 0; i < depth; i++)
    maty__out_bytes(out, "  ", 2);
}
