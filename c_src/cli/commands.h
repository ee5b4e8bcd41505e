/* commands.h - one function for each command, in a file of its own. */
#ifndef MATY_CLI_COMMANDS_H
#define MATY_CLI_COMMANDS_H

#include "options.h"

int run_check(const arguments_t *arguments);
int run_project(const arguments_t *arguments);
int run_graph(const arguments_t *arguments);
int run_fmt(const arguments_t *arguments);
int run_diff(const arguments_t *arguments);
int run_explore(const arguments_t *arguments);
int run_simulate(const arguments_t *arguments);
int run_gen(const arguments_t *arguments);
int run_completion(const arguments_t *arguments);
int run_help(const arguments_t *arguments);

#endif /* MATY_CLI_COMMANDS_H */
