/* fmt.c - maty fmt: texts in the one layout. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "memory.h"
#include "print.h"

typedef struct buffer {
  char *text;
  size_t length, capacity;
} buffer_t;

static maty_status append(void *context, const char *text, size_t length) {
  buffer_t *buffer = context;
  if (buffer->capacity - buffer->length < length) {
    buffer->capacity = 2 * buffer->capacity + length + 4096;
    buffer->text = memory_resize(buffer->text, buffer->capacity);
  }
  memcpy(buffer->text + buffer->length, text, length);
  buffer->length += length;
  return MATY_OK;
}

static bool write_and_close(FILE *stream, const buffer_t *buffer) {
  bool written = fwrite(buffer->text, 1, buffer->length, stream) == buffer->length &&
                 fflush(stream) == 0 && fsync(fileno(stream)) == 0;
  int why = errno;
  written = fclose(stream) == 0 && written;
  errno = written ? errno : why;
  return written;
}

/* Writes a new file beside the old one and puts it in its place, so that at
 * every moment there is a whole one. A link stays one. */
static const char *replace(const char *path, const buffer_t *buffer) {
  struct stat about;
  char *real = realpath(path, NULL);
  if (real == NULL || stat(real, &about) != 0) {
    free(real);
    return strerror(errno);
  }
  const char *why = NULL;
  char *beside = memory_join(real, "", ".XXXXXX");
  int descriptor = mkstemp(beside);
  FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
  if (stream == NULL) {
    why = strerror(errno);
    if (descriptor >= 0)
      (void)close(descriptor);
  } else if (fchmod(descriptor, about.st_mode & 07777) != 0) {
    why = strerror(errno);
    (void)fclose(stream);
  } else if (!write_and_close(stream, buffer) || rename(beside, real) != 0) {
    why = strerror(errno);
  }
  if (why != NULL && descriptor >= 0)
    (void)unlink(beside);
  free(beside);
  free(real);
  return why;
}

/* The diagnostics of a text that cannot be laid out. */
static int tell_rejected(checked_t *checked) {
  maty_status status = maty_module_check(&checked->module, checked->file.name, checked->file.text,
                                         checked->file.length, &checked->config);
  if (status == MATY_EREJECTED)
    print_diagnostics(stderr, checked);
  else
    return tell_trouble(checked->file.name, maty_status_text(status));
  return EXIT_NO;
}

static int format_file(const arguments_t *arguments, checked_t *checked, const char *path) {
  buffer_t buffer = {0};
  maty_source_t source = {
      .name = checked->file.name, .text = checked->file.text, .length = checked->file.length};
  maty_status formatted =
      maty_format(&source, &checked->config, (maty_writer_t){.write = append, .context = &buffer});
  bool changed = buffer.length != source.length ||
                 (source.length > 0 && memcmp(buffer.text, source.text, source.length) != 0);
  bool standard_input = strcmp(path, "-") == 0;
  int status = EXIT_YES;
  if (formatted == MATY_EREJECTED) {
    status = tell_rejected(checked);
  } else if (formatted != MATY_OK) {
    status = tell_trouble(path, maty_status_text(formatted));
  } else if (option_given(arguments, OPTION_CHECK)) {
    if (changed)
      puts(checked->file.name);
    status = changed ? EXIT_NO : EXIT_YES;
  } else if (option_given(arguments, OPTION_WRITE) && !standard_input) {
    const char *why = changed ? replace(path, &buffer) : NULL;
    status = why == NULL ? EXIT_YES : tell_trouble(path, why);
  } else {
    (void)fwrite(buffer.text, 1, buffer.length, stdout);
  }
  free(buffer.text);
  return status;
}

int run_fmt(const arguments_t *arguments) {
  int worst = EXIT_YES;
  if (option_given(arguments, OPTION_CHECK) && option_given(arguments, OPTION_WRITE)) {
    usage_error("fmt", "--check and --write do not go together");
    return EXIT_TROUBLE;
  }
  for (int i = 0; i < arguments->operand_count; i++) {
    const char *path = arguments->operands[i];
    checked_t checked;
    int status = checked_read(&checked, arguments, path) ? format_file(arguments, &checked, path)
                                                         : tell_trouble(path, checked.trouble);
    checked_close(&checked);
    worst = status > worst ? status : worst;
  }
  return worst;
}
