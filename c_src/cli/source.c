/* source.c - see source.h. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"
#include "memory.h"
#include "print.h"

int tell_trouble(const char *path, const char *why) {
  (void)fflush(stdout);
  (void)fprintf(stderr, "maty: %s: %s\n", path, why);
  return EXIT_TROUBLE;
}

/* ===== Files ============================================================= */

static const char *read_all(int descriptor, file_t *out) {
  struct stat about;
  size_t size = 1 << 16;
  if (fstat(descriptor, &about) != 0)
    return strerror(errno);
  if (S_ISDIR(about.st_mode))
    return strerror(EISDIR);
  if (S_ISREG(about.st_mode) && about.st_size > 0 && about.st_size <= (off_t)MATY_MAX_SOURCE)
    size = (size_t)about.st_size + 1;
  char *text = memory_array(size, 1);
  size_t length = 0;
  for (;;) {
    ssize_t count = read(descriptor, text + length, size - length);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0) {
      if (count < 0) {
        const char *why = strerror(errno);
        free(text);
        return why;
      }
      break;
    }
    length += (size_t)count;
    if (length > MATY_MAX_SOURCE) {
      free(text);
      return "larger than 64 MB, more than a text may have";
    }
    if (length == size)
      text = memory_resize(text, size *= 2);
  }
  out->text = text;
  out->length = length;
  return NULL;
}

const char *file_read(const char *path, file_t *out) {
  if (strcmp(path, "-") == 0) {
    *out = (file_t){.name = STANDARD_INPUT};
    return read_all(STDIN_FILENO, out);
  }
  *out = (file_t){.name = path};
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return strerror(errno);
  const char *why = read_all(descriptor, out);
  (void)close(descriptor);
  return why;
}

/* Adds to a text, which may be NULL. */
static void text_add(char **text, const char *between, const char *more) {
  char *longer = memory_join(*text == NULL ? "" : *text, *text == NULL ? "" : between, more);
  free(*text);
  *text = longer;
}

/* ===== Imports =========================================================== */

/* "a.b.C" in a folder: "FOLDER/a/b/C.scr". */
static char *module_path(const char *folder, const char *module) {
  char *path = memory_join(folder, *folder == '\0' ? "" : "/", module);
  for (char *at = path + strlen(path) - strlen(module); *at != '\0'; at++)
    if (*at == '.')
      *at = '/';
  char *whole = memory_join(path, "", ".scr");
  free(path);
  return whole;
}

/* The path is added to those that were tried if nothing can be read there. */
static bool import_from(checked_t *checked, const char *folder, const char *module,
                        maty_source_t *out, char **tried) {
  file_t file;
  char *path = module_path(folder, module);
  if (file_read(path, &file) != NULL) {
    text_add(tried, ", ", path);
    free(path);
    return false;
  }
  checked->imports =
      memory_resize(checked->imports, (checked->import_count + 1) * sizeof *checked->imports);
  checked->imports[checked->import_count++] = file;
  *out = (maty_source_t){.name = path, .text = file.text, .length = file.length};
  return true;
}

/* The folder of a file: "" for one in this folder. */
static char *folder_of(const char *path) {
  char *folder = memory_join(path, "", "");
  char *slash = strrchr(folder, '/');
  if (slash == folder)
    folder[1] = '\0';
  else
    folder[slash == NULL ? 0 : slash - folder] = '\0';
  return folder;
}

/* The folder that the modules of a text are in: the one of x/y/z.scr if the
 * text says that it is module z, the one above x if it says that it is x.y.z. */
static char *modules_of(const char *path, const char *module) {
  char *folder = folder_of(path);
  for (const char *dot = strchr(module, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
    char *above = memory_join(folder, *folder == '\0' ? "" : "/", "..");
    free(folder);
    folder = above;
  }
  return folder;
}

/* First where the importing text is, then where its modules are, then the folders
 * of -I in their order. */
static maty_status import(void *context, const maty_import_t *wanted, maty_source_t *out) {
  checked_t *checked = context;
  char *folder = folder_of(wanted->from), *modules = modules_of(wanted->from, wanted->from_module);
  char *tried = NULL;
  bool found =
      import_from(checked, folder, wanted->module, out, &tried) ||
      (strcmp(folder, modules) != 0 && import_from(checked, modules, wanted->module, out, &tried));
  free(folder);
  free(modules);
  for (int i = 0; i < checked->arguments->given_count && !found; i++)
    if (checked->arguments->given[i].id == OPTION_INCLUDE)
      found = import_from(checked, checked->arguments->given[i].value, wanted->module, out, &tried);
  if (!found) {
    char *line = memory_join(wanted->module, " was looked for as ", tried);
    text_add(&checked->not_found, "\n", line);
    free(line);
  }
  free(tried);
  return found ? MATY_OK : MATY_EINVAL;
}

/* ===== Modules =========================================================== */

bool checked_read(checked_t *checked, const arguments_t *arguments, const char *path) {
  *checked = (checked_t){.arguments = arguments, .config = maty_config_default()};
  checked->config.dialect = (maty_dialect)option_choice(arguments, OPTION_DIALECT);
  checked->config.import = import;
  checked->config.import_context = checked;
  if (option_given(arguments, OPTION_FAIR))
    checked->config.fairness = MATY_FAIRNESS_FAIR;
  if (option_given(arguments, OPTION_UNFAIR))
    checked->config.fairness = MATY_FAIRNESS_UNFAIR;
  checked->trouble = file_read(path, &checked->file);
  return checked->trouble == NULL;
}

static bool ends_in(const char *path, const char *end) {
  size_t length = strlen(path), tail = strlen(end);
  return length > tail && strcmp(path + length - tail, end) == 0;
}

/* Whether the file has machines, for the commands that take them. */
static bool has_machines(const arguments_t *arguments, const char *path,
                         maty_machine_format *format) {
  bool takes_them = false;
  for (int i = 0; i < arguments->command->option_count; i++)
    takes_them |= arguments->command->options[i] == OPTION_MACHINES;
  bool cfsm = ends_in(path, ".cfsm");
  *format = cfsm ? MATY_MACHINES_CFSM : MATY_MACHINES_PLAIN;
  if (option_given(arguments, OPTION_MACHINES)) {
    *format = (maty_machine_format)option_choice(arguments, OPTION_MACHINES);
    return true;
  }
  return takes_them && (cfsm || ends_in(path, ".machines"));
}

void checked_open(checked_t *checked, const arguments_t *arguments, const char *path) {
  maty_machine_format format;
  maty_status status;
  if (!checked_read(checked, arguments, path))
    return;
  checked->machines = has_machines(arguments, path, &format);
  if (checked->machines)
    status = maty_machines_read(&checked->module, checked->file.name, checked->file.text,
                                checked->file.length, format, &checked->config);
  else
    status = maty_module_check(&checked->module, checked->file.name, checked->file.text,
                               checked->file.length, &checked->config);
  if (status != MATY_OK && status != MATY_EREJECTED)
    checked->trouble = maty_status_text(status);
}

void checked_close(checked_t *checked) {
  maty_module_free(checked->module);
  for (size_t i = 0; i < checked->import_count; i++) {
    free((char *)checked->imports[i].name);
    free(checked->imports[i].text);
  }
  free(checked->imports);
  free(checked->not_found);
  free(checked->file.text);
}

const file_t *checked_file(const checked_t *checked, const char *name) {
  for (size_t i = 0; i < checked->import_count && name != NULL; i++)
    if (strcmp(checked->imports[i].name, name) == 0)
      return &checked->imports[i];
  return &checked->file;
}

/* Names in a row, for "it has A, B". */
static char *join_names(name_fn names, const void *context) {
  char *row = NULL;
  const char *name;
  for (size_t i = 0; (name = names(context, i)) != NULL; i++)
    text_add(&row, ", ", name);
  return row;
}

static void tell_no_name(const char *where, const char *kind, const char *name, name_fn names,
                         const void *context) {
  const char *near = nearest_name(name, names, context);
  char *row = join_names(names, context);
  (void)fflush(stdout);
  (void)fprintf(stderr, "maty: %s has no %s '%s'", where, kind, name);
  if (near != NULL)
    (void)fprintf(stderr, "; did you mean '%s'?\n", near);
  else if (row != NULL)
    (void)fprintf(stderr, "; it has %s\n", row);
  else
    (void)fputs("\n", stderr);
  free(row);
}

static const char *protocol_name(const void *context, size_t index) {
  return maty_module_protocol_name(context, index);
}

static const char *role_name(const void *context, size_t index) {
  maty_role_info_t info;
  return maty_image_role(context, (uint32_t)index, &info) == MATY_OK ? info.name : NULL;
}

const maty_image_t *find_image(const checked_t *checked, const char *protocol, int *status) {
  size_t count = maty_module_protocol_count(checked->module);
  if (protocol == NULL && count == 1)
    protocol = maty_module_protocol_name(checked->module, 0);
  if (protocol == NULL && count == 0) {
    print_diagnostics(stderr, checked);
    (void)tell_trouble(checked->file.name, "it has no protocol");
    *status = EXIT_NO;
    return NULL;
  }
  if (protocol == NULL) {
    char *row = join_names(protocol_name, checked->module);
    (void)fprintf(stderr, "maty: %s: name a protocol: %s\n", checked->file.name, row);
    free(row);
    *status = EXIT_TROUBLE;
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    const maty_image_t *image = maty_module_image(checked->module, i);
    if (strcmp(maty_module_protocol_name(checked->module, i), protocol) != 0)
      continue;
    if (image != NULL)
      return image;
    print_diagnostics(stderr, checked);
    (void)fprintf(stderr, "maty: %s: '%s' is not accepted\n", checked->file.name, protocol);
    *status = EXIT_NO;
    return NULL;
  }
  /* A text that cannot be read may have lost it. */
  print_diagnostics(stderr, checked);
  tell_no_name(checked->file.name, "protocol", protocol, protocol_name, checked->module);
  *status = maty_module_diagnostic_count(checked->module) > 0 ? EXIT_NO : EXIT_TROUBLE;
  return NULL;
}

const maty_image_t *open_image(checked_t *checked, const arguments_t *arguments, const char *path,
                               const char *protocol, int *status) {
  checked_open(checked, arguments, path);
  if (checked->trouble != NULL) {
    *status = tell_trouble(path, checked->trouble);
    return NULL;
  }
  return find_image(checked, protocol, status);
}

bool has_role(const maty_image_t *image, const char *name, uint32_t *role) {
  maty_role_info_t info;
  for (*role = 0; maty_image_role(image, *role, &info) == MATY_OK; ++*role)
    if (strcmp(info.name, name) == 0)
      return true;
  return false;
}

bool find_role(const maty_image_t *image, const char *name, uint32_t *role) {
  if (has_role(image, name, role))
    return true;
  tell_no_name(maty_image_protocol(image), "role", name, role_name, image);
  return false;
}
