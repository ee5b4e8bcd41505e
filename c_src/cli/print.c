/* print.c - see print.h. */
#include "print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Decided once, before anything is printed. */
static bool colored;

void print_begin(const arguments_t *arguments) {
  enum { AUTO, ALWAYS, NEVER };
  const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
  int wanted = option_choice(arguments, OPTION_COLOR);
  bool suits = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') &&
               (terminal == NULL || strcmp(terminal, "dumb") != 0);
  colored = wanted == ALWAYS || (wanted == AUTO && suits);
}

void print_color(FILE *stream, color wanted) {
  static const char *const codes[] = {[COLOR_PLAIN] = "\033[0m",
                                      [COLOR_ERROR] = "\033[1;31m",
                                      [COLOR_NOTE] = "\033[1;36m",
                                      [COLOR_GOOD] = "\033[1;32m",
                                      [COLOR_STRONG] = "\033[1m"};
  if (colored && stream == stdout)
    (void)fputs(codes[wanted], stream);
}

/* Bytes of a source line that are shown; of a longer one, the part around. */
enum { SHOWN = 200, SHOWN_BEFORE = 80 };

static bool continues_character(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

/* What is no text does not reach the terminal. */
static void print_text(FILE *stream, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];
    (void)putc((byte < 0x20 && byte != '\t') || byte == 0x7f ? '?' : byte, stream);
  }
}

/* The line and, below, a mark under what is meant. Tabs stay tabs, so that the
 * mark stands where it should. */
static void print_excerpt(FILE *stream, const file_t *file, const maty_diagnostic_t *diagnostic) {
  const char *line = file->text, *end = file->text + file->length;
  for (uint32_t i = 1; i < diagnostic->line && line != NULL; i++) {
    line = memchr(line, '\n', (size_t)(end - line));
    line = line == NULL ? NULL : line + 1;
  }
  if (line == NULL || diagnostic->line == 0 || diagnostic->column == 0)
    return;
  const char *line_end = memchr(line, '\n', (size_t)(end - line));
  size_t length = (size_t)((line_end == NULL ? end : line_end) - line);
  length -= length > 0 && line[length - 1] == '\r';
  size_t column = diagnostic->column - 1 < length ? diagnostic->column - 1 : length;
  size_t from = length > SHOWN && column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
  while (from > 0 && from < length && continues_character(line[from]))
    from--;
  size_t to = length - from > SHOWN ? from + SHOWN : length;
  while (to < length && continues_character(line[to]))
    to++;
  (void)fputs(from > 0 ? "  ..." : "  ", stream);
  print_text(stream, line + from, to - from);
  (void)fputs(to < length ? "...\n" : "\n", stream);
  (void)fputs(from > 0 ? "     " : "  ", stream);
  for (size_t i = from; i < column; i++)
    if (!continues_character(line[i]))
      (void)putc(line[i] == '\t' ? '\t' : ' ', stream);
  print_color(stream, diagnostic->severity == MATY_SEVERITY_ERROR ? COLOR_ERROR : COLOR_NOTE);
  size_t marks = 0, marked = column + diagnostic->length < to ? column + diagnostic->length : to;
  for (size_t i = column; i < marked; i++)
    if (!continues_character(line[i])) {
      (void)putc('^', stream);
      marks++;
    }
  (void)fputs(marks == 0 ? "^" : "", stream);
  print_color(stream, COLOR_PLAIN);
  (void)putc('\n', stream);
}

void print_diagnostic(FILE *stream, const checked_t *checked, const maty_diagnostic_t *diagnostic) {
  bool error = diagnostic->severity == MATY_SEVERITY_ERROR;
  const file_t *file = checked_file(checked, diagnostic->source);
  print_color(stream, COLOR_STRONG);
  if (diagnostic->line > 0)
    (void)fprintf(stream, "%s:%u:%u: ", file->name, diagnostic->line, diagnostic->column);
  else
    (void)fprintf(stream, "%s: ", file->name);
  print_color(stream, error ? COLOR_ERROR : COLOR_NOTE);
  if (error)
    (void)fprintf(stream, "error[%s]: ", maty_class_name(diagnostic->class_));
  else
    (void)fputs("note: ", stream);
  print_color(stream, COLOR_PLAIN);
  (void)fprintf(stream, "%s\n", diagnostic->text);
  print_excerpt(stream, file, diagnostic);
  if (diagnostic->run != NULL)
    (void)fputs(diagnostic->run, stream);
}

void print_diagnostics(FILE *stream, const checked_t *checked) {
  for (size_t i = 0; i < maty_module_diagnostic_count(checked->module); i++)
    print_diagnostic(stream, checked, maty_module_diagnostic(checked->module, i));
  if (checked->not_found != NULL)
    (void)fprintf(stream, "%s\n", checked->not_found);
}

static maty_status write_stdout(void *context, const char *text, size_t length) {
  (void)context;
  return fwrite(text, 1, length, stdout) == length ? MATY_OK : MATY_ECANCELED;
}

maty_writer_t print_writer(void) { return (maty_writer_t){.write = write_stdout, .context = NULL}; }

bool print_end(void) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return true;
  (void)tell_trouble("standard output", strerror(errno));
  return false;
}
