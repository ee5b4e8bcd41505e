/* gen.c - maty gen: an actor module that plays a role. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "memory.h"
#include "print.h"

/* An alias of Elixir begins with a capital, an Erlang module by custom does not. */
static char *module_name(const char *role, maty_language language) {
  bool elixir = language == MATY_LANGUAGE_ELIXIR;
  char *name = memory_join(elixir && !isalpha((unsigned char)*role) ? "Role" : "", "", role);
  for (char *at = name; *at != '\0'; at++) {
    if (*at == '\'')
      *at = '_';
    if (!elixir)
      *at = (char)tolower((unsigned char)*at);
  }
  if (elixir)
    *name = (char)toupper((unsigned char)*name);
  return name;
}

/* The file is named in the module, if that alone is enough to read it again. */
static const char *file_of(const arguments_t *arguments, const checked_t *checked) {
  static const option_id others[] = {OPTION_DIALECT, OPTION_FAIR, OPTION_UNFAIR, OPTION_INCLUDE};
  const char *path = arguments->operands[0];
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (option_given(arguments, others[i]))
      return NULL;
  return checked->machines || strcmp(path, "-") == 0 ? NULL : path;
}

int run_gen(const arguments_t *arguments) {
  maty_language language = (maty_language)option_choice(arguments, OPTION_LANGUAGE);
  const char *wanted = option_value(arguments, OPTION_MODULE), *name = arguments->operands[2];
  int status = EXIT_YES;
  uint32_t role;
  checked_t checked;
  const maty_image_t *image =
      open_image(&checked, arguments, arguments->operands[0], arguments->operands[1], &status);
  if (image != NULL && !find_role(image, name, &role)) {
    status = EXIT_TROUBLE;
  } else if (image != NULL) {
    char *given = module_name(name, language);
    const char *module = wanted == NULL ? given : wanted;
    maty_status written = maty_skeleton(image, role, language, module, file_of(arguments, &checked),
                                        &checked.config.allocator, print_writer());
    if (written == MATY_EINVAL) {
      usage_error("gen", "'%s' is no name of a module", module);
      status = EXIT_TROUBLE;
    } else if (written != MATY_OK) {
      status = tell_trouble(name, maty_status_text(written));
    }
    free(given);
  }
  checked_close(&checked);
  return status;
}
