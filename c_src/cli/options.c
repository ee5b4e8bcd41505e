/* options.c - see options.h. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "names.h"

const option_t options[OPTION_COUNT] = {
    [OPTION_HELP] = {"--help", OPTION_FLAG, NULL, "show this help"},
    [OPTION_DIALECT] = {"--dialect", OPTION_CHOICE, "maty|scribble|nuscr",
                        "whose notation and rules; maty if not given"},
    [OPTION_INCLUDE] = {"-I", OPTION_FOLDER, "DIR",
                        "look for imported modules here too: a.b.C is DIR/a/b/C.scr"},
    [OPTION_FAIR] = {"--fair", OPTION_FLAG, NULL,
                     "a choice that comes again and again takes each branch in the end"},
    [OPTION_UNFAIR] = {"--unfair", OPTION_FLAG, NULL, "it may take the same branch for ever"},
    [OPTION_JSON] = {"--json", OPTION_FLAG, NULL, "write one JSON document"},
    [OPTION_COLOR] = {"--color", OPTION_CHOICE, "auto|always|never",
                      "colours; auto: on a terminal, unless NO_COLOR is set"},
    [OPTION_PICTURE] = {"--format", OPTION_CHOICE, "dot|mermaid|sequence",
                        "Graphviz, Mermaid's states, or Mermaid's sequence; dot if not given"},
    [OPTION_COUNTEREXAMPLE] = {"--counterexample", OPTION_FLAG, NULL,
                               "draw what shows the first error, as a sequence"},
    [OPTION_CHECK] = {"--check", OPTION_FLAG, NULL, "only name the files that would change"},
    [OPTION_WRITE] = {"--write", OPTION_FLAG, NULL, "change the files themselves"},
    [OPTION_RANDOM] = {"--random", OPTION_FLAG, NULL, "choose at random"},
    [OPTION_SEED] = {"--seed", OPTION_NUMBER, "N", "of the random choices; printed if not given"},
    [OPTION_STEPS] = {"--steps", OPTION_NUMBER, "N",
                      "stop after so many of them; 100 if not given"},
    [OPTION_LANGUAGE] = {"--language", OPTION_CHOICE, "elixir|erlang", "elixir if not given"},
    [OPTION_MODULE] = {"--module", OPTION_TEXT, "NAME",
                       "the module's name; that of the role if not given"},
    [OPTION_MACHINES] = {"--machines", OPTION_CHOICE, "plain|cfsm",
                         "the file has machines; that of *.machines and *.cfsm is known"},
    [OPTION_NOTATION] = {"--format", OPTION_CHOICE, "plain|cfsm",
                         "the notation of machines; plain if not given"},
    [OPTION_BOUND] = {"--bound", OPTION_POSITIVE, "K",
                      "messages under way from one role to another; 1 if not given"},
    [OPTION_STATES] = {"--states", OPTION_POSITIVE, "N", "give up after so many states"},
    [OPTION_TIME] = {"--time", OPTION_POSITIVE, "SECONDS", "give up after so long"},
    [OPTION_K_MC] = {"--k-mc", OPTION_POSITIVE, "MOST",
                     "look for the least K up to MOST within which the machines are compatible"},
};

const command_t *command_find(const char *name) {
  for (const command_t *command = commands; command->name != NULL; command++)
    if (strcmp(command->name, name) == 0)
      return command;
  return NULL;
}

void usage_error(const char *command, const char *format, ...) {
  va_list rest;
  (void)fputs("maty", stderr);
  if (command != NULL)
    (void)fprintf(stderr, " %s", command);
  (void)fputs(": ", stderr);
  va_start(rest, format);
  (void)vfprintf(stderr, format, rest);
  va_end(rest);
  (void)fprintf(stderr, "\nSee 'maty %s%s'.\n", command == NULL ? "" : command,
                command == NULL ? "help" : " --help");
}

const char *nearest_name(const char *meant, name_fn names, const void *context) {
  maty_allocator_t allocator = maty_allocator_default();
  const char *found = NULL, *name;
  maty__arena_t arena;
  maty__names_t known;
  maty__nearest_t nearest;
  maty__arena_init(&arena, &allocator);
  if (maty__names_init(&known, &arena) == MATY_OK) {
    maty__nearest_init(&nearest, &known, maty__names_put(&known, meant, (uint32_t)strlen(meant)),
                       true);
    for (size_t i = 0; nearest.meant != MATY__NONE && (name = names(context, i)) != NULL; i++) {
      maty__name_t put = maty__names_put(&known, name, (uint32_t)strlen(name));
      maty__name_t before = nearest.name;
      if (put != MATY__NONE)
        maty__nearest_offer(&nearest, put);
      found = nearest.name != before ? name : found;
    }
  }
  maty__arena_free(&arena);
  return found;
}

static const char *option_name(const void *context, size_t index) {
  const command_t *command = context;
  return index < (size_t)command->option_count ? options[command->options[index]].name : NULL;
}

/* Which word of "a|b|c" this is, or -1. */
static int choice_of(const char *words, const char *value) {
  size_t length = strlen(value);
  for (int index = 0;; index++) {
    size_t word = strcspn(words, "|");
    if (word == length && memcmp(words, value, word) == 0)
      return index;
    if (words[word] == '\0')
      return -1;
    words += word + 1;
  }
}

static bool read_number(const char *text, uint64_t *number) {
  *number = 0;
  for (const char *at = text; *at != '\0'; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (*at < '0' || *at > '9' || *number > (UINT64_MAX - digit) / 10)
      return false;
    *number = 10 * *number + digit;
  }
  return *text != '\0';
}

static bool value_fits(const command_t *command, const option_t *option, const char *value) {
  uint64_t number;
  if (option->kind == OPTION_CHOICE && choice_of(option->value, value) < 0) {
    usage_error(command->name, "'%s' is no value of %s; it is one of %s", value, option->name,
                option->value);
    return false;
  }
  if ((option->kind == OPTION_NUMBER || option->kind == OPTION_POSITIVE) &&
      !read_number(value, &number)) {
    usage_error(command->name, "'%s' is no value of %s; it is a number", value, option->name);
    return false;
  }
  if (option->kind == OPTION_POSITIVE && (number == 0 || number > OPTION_MOST)) {
    usage_error(command->name, "'%s' is no value of %s; it is a number from 1 to %u", value,
                option->name, OPTION_MOST);
    return false;
  }
  return true;
}

/* The option that a word names, up to '=' or, of one with a single letter, up to
 * its value. Sets *value to what stands in the same word, or NULL. */
static const option_t *find_option(const command_t *command, const char *word, option_id *id,
                                   const char **value) {
  for (int i = 0; i < command->option_count; i++) {
    const option_t *option = &options[command->options[i]];
    size_t length = strlen(option->name);
    if (strncmp(word, option->name, length) != 0)
      continue;
    bool letter = option->name[1] != '-', alone = word[length] == '\0';
    if (!alone && !letter && word[length] != '=')
      continue;
    *id = command->options[i];
    *value = alone ? NULL : word + length + !letter;
    return option;
  }
  return NULL;
}

/* Returns how many words were taken, or 0. */
static int read_option(arguments_t *arguments, int count, char **words) {
  const command_t *command = arguments->command;
  option_id id;
  const char *value;
  const option_t *option = find_option(command, words[0], &id, &value);
  int taken = 1;
  if (option == NULL) {
    char name[64];
    size_t length = strcspn(words[0], "=");
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), words[0]);
    const char *near = nearest_name(name, option_name, command);
    if (near != NULL)
      usage_error(command->name, "unknown option '%s'; did you mean '%s'?", name, near);
    else
      usage_error(command->name, "unknown option '%s'", name);
    return 0;
  }
  if (option->kind == OPTION_FLAG && value != NULL) {
    usage_error(command->name, "%s takes no value", option->name);
    return 0;
  }
  if (option->kind != OPTION_FLAG && value == NULL) {
    if (count < 2) {
      usage_error(command->name, "%s needs a value: %s", option->name, option->value);
      return 0;
    }
    value = words[1];
    taken = 2;
  }
  if (option->kind != OPTION_FLAG && !value_fits(command, option, value))
    return 0;
  arguments->given[arguments->given_count++] = (given_t){.id = id, .value = value};
  return taken;
}

bool arguments_read(arguments_t *arguments, const command_t *command, int count, char **words) {
  *arguments = (arguments_t){.command = command,
                             .operands = memory_array((size_t)count + 1, sizeof(char *)),
                             .given = memory_array((size_t)count + 1, sizeof(given_t))};
  bool only_operands = false;
  for (int i = 0; i < count;) {
    bool dashed = words[i][0] == '-' && words[i][1] != '\0';
    if (dashed && !only_operands && strcmp(words[i], "--") == 0) {
      only_operands = true;
      i++;
    } else if (dashed && !only_operands) {
      int taken = read_option(arguments, count - i, words + i);
      if (taken == 0)
        return false;
      i += taken;
    } else {
      arguments->operands[arguments->operand_count++] = words[i++];
    }
  }
  if (option_given(arguments, OPTION_HELP))
    return true;
  if (arguments->operand_count < command->least) {
    usage_error(command->name, "expected %s", command->operands);
    return false;
  }
  if (command->most >= 0 && arguments->operand_count > command->most) {
    usage_error(command->name, "'%s' is one too many; expected %s",
                arguments->operands[command->most], command->operands);
    return false;
  }
  return true;
}

bool option_given(const arguments_t *arguments, option_id id) {
  for (int i = 0; i < arguments->given_count; i++)
    if (arguments->given[i].id == id)
      return true;
  return false;
}

const char *option_value(const arguments_t *arguments, option_id id) {
  for (int i = arguments->given_count; i-- > 0;)
    if (arguments->given[i].id == id)
      return arguments->given[i].value;
  return NULL;
}

uint64_t option_number(const arguments_t *arguments, option_id id, uint64_t otherwise) {
  const char *value = option_value(arguments, id);
  if (value != NULL)
    (void)read_number(value, &otherwise);
  return otherwise;
}

int option_choice(const arguments_t *arguments, option_id id) {
  const char *value = option_value(arguments, id);
  return value == NULL ? 0 : choice_of(options[id].value, value);
}

/* ===== Help ============================================================== */

void help_print(const command_t *command) {
  printf("Usage: maty %s %s%s[OPTIONS]\n\n%s\n", command->name, command->operands,
         *command->operands == '\0' ? "" : " ", command->text);
  if (command->option_count == 0)
    return;
  puts("\nOptions:");
  for (int i = 0; i < command->option_count; i++) {
    const option_t *option = &options[command->options[i]];
    char left[64];
    (void)snprintf(left, sizeof left, "%s%s%s", option->name, option->value == NULL ? "" : " ",
                   option->value == NULL ? "" : option->value);
    if (strlen(left) > 26)
      printf("  %s\n  %-26s %s\n", left, "", option->help);
    else
      printf("  %-26s %s\n", left, option->help);
  }
}

void help_print_all(void) {
  puts("Usage: maty COMMAND ...\n\n"
       "Checks protocols, and makes of them what a team needs.\n\n"
       "Commands:");
  for (const command_t *command = commands; command->name != NULL; command++)
    printf("  %-12s %s\n", command->name, command->summary);
  puts("\n'maty help COMMAND' tells more of one. 'maty --version' prints the version.\n\n"
       "Exit status: 0 for yes, 1 for no, 2 if the question could not be answered.");
}
