/* options.h - commands, their options, and what was given on the command line.
 *
 * Commands and options are rows of two tables. What they look like in a help
 * text, in a completion and on the command line all comes from there.
 */
#ifndef MATY_CLI_OPTIONS_H
#define MATY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a command ends. */
enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_TROUBLE = 2 };

typedef enum option_id {
  OPTION_HELP,
  OPTION_DIALECT,
  OPTION_INCLUDE,
  OPTION_FAIR,
  OPTION_UNFAIR,
  OPTION_JSON,
  OPTION_COLOR,
  OPTION_PICTURE,
  OPTION_COUNTEREXAMPLE,
  OPTION_CHECK,
  OPTION_WRITE,
  OPTION_RANDOM,
  OPTION_SEED,
  OPTION_STEPS,
  OPTION_LANGUAGE,
  OPTION_MODULE,
  OPTION_MACHINES,
  OPTION_NOTATION,
  OPTION_BOUND,
  OPTION_STATES,
  OPTION_TIME,
  OPTION_K_MC,
  OPTION_COUNT
} option_id;

/* What follows an option. */
typedef enum option_kind {
  OPTION_FLAG,
  OPTION_TEXT,
  OPTION_FOLDER,
  OPTION_NUMBER,
  OPTION_POSITIVE, /* a number from 1 to OPTION_MOST */
  OPTION_CHOICE
} option_kind;

typedef struct option {
  const char *name; /* with its dashes */
  option_kind kind;
  const char *value; /* what the help calls it; of a CHOICE the words, with '|' between */
  const char *help;
} option_t;

#define OPTION_MOST UINT32_MAX

enum { MAX_OPTIONS = 12 };

struct arguments;

typedef struct command {
  const char *name;
  const char *operands; /* as the help shows them */
  const char *summary;  /* one line */
  const char *text;     /* more of it */
  int least, most;      /* operands; -1: any number */
  int option_count;
  option_id options[MAX_OPTIONS];
  int (*run)(const struct arguments *arguments); /* returns the exit status */
} command_t;

typedef struct given {
  option_id id;
  const char *value; /* NULL for a flag */
} given_t;

typedef struct arguments {
  const command_t *command;
  const char **operands;
  int operand_count;
  given_t *given;
  int given_count;
} arguments_t;

/* The commands, ended by one without a name; in main.c. */
extern const command_t commands[];
extern const option_t options[OPTION_COUNT];

/* Returns the command of a name, or NULL. */
const command_t *command_find(const char *name);

/* Reads what follows the command's name. Returns false for what the command does
 * not take, which is told. */
bool arguments_read(arguments_t *arguments, const command_t *command, int count, char **words);

bool option_given(const arguments_t *arguments, option_id id);

/* The value that was given last, or NULL. */
const char *option_value(const arguments_t *arguments, option_id id);

/* The number that was given last, or another. */
uint64_t option_number(const arguments_t *arguments, option_id id, uint64_t otherwise);

/* Which word of a CHOICE was given; 0 if none was. */
int option_choice(const arguments_t *arguments, option_id id);

/* Says on standard error what is wrong with the command line. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void usage_error(const char *command, const char *format, ...);

/* Writes ", did you mean 'NAME'?" for the nearest of the names, or nothing. */
typedef const char *(*name_fn)(const void *context, size_t index);
const char *nearest_name(const char *meant, name_fn names, const void *context);

void help_print(const command_t *command);
void help_print_all(void);

#endif /* MATY_CLI_OPTIONS_H */
