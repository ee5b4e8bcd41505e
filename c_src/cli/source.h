/* source.h - texts from files, and the modules made of them. */
#ifndef MATY_CLI_SOURCE_H
#define MATY_CLI_SOURCE_H

#include "maty.h"
#include "options.h"

/* What standard input is called. */
#define STANDARD_INPUT "<stdin>"

typedef struct file {
  const char *name;
  char *text;
  size_t length;
} file_t;

/* Reads a file; "-" is standard input. Returns NULL, or why it could not be read. */
const char *file_read(const char *path, file_t *out);

/* One text that is being checked, and what it imports. */
typedef struct checked {
  file_t file;
  file_t *imports;
  size_t import_count;
  char *not_found; /* a line for each module that is not there, with where it would be; or NULL */
  const arguments_t *arguments; /* with the folders of -I */
  maty_config_t config;
  bool machines;         /* the text has machines, not protocols */
  maty_module_t *module; /* NULL if the text was not checked */
  const char *trouble;   /* why not */
} checked_t;

/* Reads and checks a file with the options that were given. For a command that
 * has --machines, a file may be one of machines, and its name may tell. */
void checked_open(checked_t *checked, const arguments_t *arguments, const char *path);

/* The same without the check. Returns whether it could be read. */
bool checked_read(checked_t *checked, const arguments_t *arguments, const char *path);

void checked_close(checked_t *checked);

/* The text of a name that a diagnostic has. */
const file_t *checked_file(const checked_t *checked, const char *name);

/* What several commands begin with: the image of a protocol of a file. NULL: why
 * not is told, and *status is how to exit. */
const maty_image_t *open_image(checked_t *checked, const arguments_t *arguments, const char *path,
                               const char *protocol, int *status);

/* The image of a protocol of a module that was opened; without a name, of the
 * only one. Errors as above. */
const maty_image_t *find_image(const checked_t *checked, const char *protocol, int *status);

/* The number of a role; false: it has none of this name. */
bool has_role(const maty_image_t *image, const char *name, uint32_t *role);

/* The same, and that it has none is told. */
bool find_role(const maty_image_t *image, const char *name, uint32_t *role);

/* Says why a file could not be read or checked. Returns EXIT_TROUBLE. */
int tell_trouble(const char *path, const char *why);

#endif /* MATY_CLI_SOURCE_H */
