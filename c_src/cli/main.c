/* main.c - the command maty.
 *
 *     maty COMMAND ...  ->  the table below  ->  options.c reads the rest
 *                                                    |
 *                                               run_COMMAND, in COMMAND.c
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "print.h"

#define TEXT_OPTIONS OPTION_DIALECT, OPTION_INCLUDE, OPTION_FAIR, OPTION_UNFAIR

/* clang-format off */
const command_t commands[] = {
    {"check", "FILES...", "whether protocols are accepted",
     "Checks each file, '-' for standard input. Prints a line for a file that is accepted, and for\n"
     "any other what is wrong with it: the place, the rule, and the shortest runs that show it.",
     1, -1, 7, {TEXT_OPTIONS, OPTION_JSON, OPTION_COLOR, OPTION_HELP}, run_check},

    {"project", "FILE PROTOCOL [ROLE]", "write the machines of roles",
     "Prints what each role does, or one of them, as machines: in the notation of docs/machines.md,\n"
     "or in that of other tools for communicating automata.",
     2, 3, 7, {OPTION_NOTATION, OPTION_MACHINES, TEXT_OPTIONS, OPTION_HELP}, run_project},

    {"graph", "FILE [PROTOCOL [ROLE]]", "draw a protocol, a role, or what is wrong",
     "Draws the machine of a role, a protocol as a whole (the first one if none is named), or, with\n"
     "--counterexample, the runs that show the first error.",
     1, 3, 8, {OPTION_PICTURE, OPTION_COUNTEREXAMPLE, OPTION_MACHINES, TEXT_OPTIONS, OPTION_HELP},
     run_graph},

    {"fmt", "FILES...", "write protocols in one layout",
     "Lays out each file, '-' for standard input: two columns for a block, lines of 100 columns,\n"
     "one blank line where there were some and between protocols. Comments stay. Prints the result\n"
     "unless --check or --write says otherwise; --check exits with 1 if a file would change.",
     1, -1, 4, {OPTION_CHECK, OPTION_WRITE, OPTION_DIALECT, OPTION_HELP}, run_fmt},

    {"explore", "FILE [PROTOCOL]", "run the machines in every order",
     "Runs the machines of a protocol, or of a file of machines, against one another in every order\n"
     "that can make a difference, each ordered pair of roles with a queue of its own. Says whether\n"
     "something goes wrong, with the shortest run to it, and how many states there are.",
     1, 2, 11, {OPTION_BOUND, OPTION_STATES, OPTION_TIME, OPTION_K_MC, OPTION_MACHINES, TEXT_OPTIONS,
     OPTION_COLOR, OPTION_HELP}, run_explore},

    {"diff", "OLD NEW [PROTOCOL]", "whether a new version fits the old one",
     "Compares two versions of protocols, or one protocol of them, role by role: whether the new\n"
     "machine can stand wherever the old one is expected, in sessions whose other roles are played\n"
     "as before. Where it cannot, what differs is shown, as the run to it.",
     2, 3, 7, {OPTION_MACHINES, TEXT_OPTIONS, OPTION_COLOR, OPTION_HELP}, run_diff},

    {"simulate", "FILE [PROTOCOL]", "walk through a conversation",
     "Opens a session of the protocol and goes through it step by step: shows where each role\n"
     "stands and what is under way, and asks for one of the next steps by its number. 'b' goes\n"
     "back, 'q' ends, '?' explains. Each step is taken by the engine that runs real sessions.",
     1, 2, 9, {OPTION_RANDOM, OPTION_SEED, OPTION_STEPS, OPTION_MACHINES, TEXT_OPTIONS, OPTION_HELP},
     run_simulate},

    {"gen", "FILE PROTOCOL ROLE", "write an actor that plays a role",
     "Prints the source of an actor module: a handler for each state that waits, with a clause for\n"
     "each message, and everything sent that the protocol wants, with sample payloads.",
     3, 3, 8, {OPTION_LANGUAGE, OPTION_MODULE, OPTION_MACHINES, TEXT_OPTIONS, OPTION_HELP}, run_gen},

    {"completion", "bash|zsh", "write a script that completes commands",
     "Prints a script for the shell: source it, or put it where the shell looks for completions.",
     1, 1, 1, {OPTION_HELP}, run_completion},

    {"help", "[COMMAND]", "show this, or more of one command", "Shows how a command is used.",
     0, 1, 1, {OPTION_HELP}, run_help},

    {.name = NULL},
};
/* clang-format on */

static const char *command_name(const void *context, size_t index) {
  const command_t *table = context;
  return table[index].name;
}

static int tell_unknown(const char *name) {
  const char *near = nearest_name(name, command_name, commands);
  bool dashed = *name == '-';
  const char *kind = dashed ? "option" : "command";
  if (near != NULL && !dashed)
    usage_error(NULL, "unknown %s '%s'; did you mean '%s'?", kind, name, near);
  else
    usage_error(NULL, "unknown %s '%s'", kind, name);
  return EXIT_TROUBLE;
}

int run_help(const arguments_t *arguments) {
  if (arguments->operand_count == 0) {
    help_print_all();
    return EXIT_YES;
  }
  const command_t *command = command_find(arguments->operands[0]);
  if (command == NULL)
    return tell_unknown(arguments->operands[0]);
  help_print(command);
  return EXIT_YES;
}

static int run(int count, char **words) {
  arguments_t arguments;
  if (count < 2) {
    usage_error(NULL, "expected a command");
    return EXIT_TROUBLE;
  }
  if (strcmp(words[1], "--version") == 0) {
    puts("maty " MATY_VERSION);
    return EXIT_YES;
  }
  if (strcmp(words[1], "--help") == 0) {
    help_print_all();
    return EXIT_YES;
  }
  const command_t *command = command_find(words[1]);
  if (command == NULL)
    return tell_unknown(words[1]);
  if (!arguments_read(&arguments, command, count - 2, words + 2))
    return EXIT_TROUBLE;
  if (option_given(&arguments, OPTION_HELP)) {
    help_print(command);
    return EXIT_YES;
  }
  return command->run(&arguments);
}

int main(int count, char **words) {
  int status = run(count, words);
  return print_end() ? status : EXIT_TROUBLE;
}
