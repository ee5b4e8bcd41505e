/* completion.c - maty completion: scripts that complete commands and options. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

/* "a|b|c" as words. */
static void print_words(const char *choices) {
  for (const char *at = choices; *at != '\0'; at++)
    (void)putchar(*at == '|' ? ' ' : *at);
}

static void print_commands(void) {
  for (const command_t *command = commands; command->name != NULL; command++)
    printf("%s ", command->name);
  (void)fputs("--help --version", stdout);
}

/* What follows an option that has a value. */
static void print_values(const command_t *command) {
  for (int i = 0; i < command->option_count; i++) {
    const option_t *option = &options[command->options[i]];
    if (option->kind == OPTION_FLAG)
      continue;
    printf("    '%s %s') ", command->name, option->name);
    if (option->kind == OPTION_CHOICE) {
      (void)fputs("COMPREPLY=($(compgen -W '", stdout);
      print_words(option->value);
      (void)fputs("' -- \"$word\")); ", stdout);
    } else if (option->kind == OPTION_FOLDER) {
      (void)fputs("COMPREPLY=($(compgen -d -- \"$word\")); ", stdout);
    }
    puts("return ;;");
  }
}

static void print_options(const command_t *command) {
  printf("    %s) words='", command->name);
  for (int i = 0; i < command->option_count; i++)
    printf("%s%s", i == 0 ? "" : " ", options[command->options[i]].name);
  puts("' ;;");
}

static void print_bash(void) {
  (void)fputs("_maty() {\n"
              "  local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}\n"
              "  local command=${COMP_WORDS[1]} words=''\n"
              "  COMPREPLY=()\n"
              "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "    COMPREPLY=($(compgen -W '",
              stdout);
  print_commands();
  (void)fputs("' -- \"$word\"))\n"
              "    return\n"
              "  fi\n"
              "  case \"$command $last\" in\n",
              stdout);
  for (const command_t *command = commands; command->name != NULL; command++)
    print_values(command);
  (void)fputs("    'help help') COMPREPLY=($(compgen -W '", stdout);
  print_commands();
  (void)fputs(
      "' -- \"$word\")); return ;;\n"
      "    'completion completion') COMPREPLY=($(compgen -W 'bash zsh' -- \"$word\")); return ;;\n"
      "  esac\n"
      "  case \"$command\" in\n",
      stdout);
  for (const command_t *command = commands; command->name != NULL; command++)
    print_options(command);
  (void)fputs("  esac\n"
              "  case \"$word\" in\n"
              "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
              "  esac\n"
              "}\n"
              "complete -o bashdefault -o default -F _maty maty\n",
              stdout);
}

int run_completion(const arguments_t *arguments) {
  const char *shell = arguments->operands[0];
  if (strcmp(shell, "zsh") == 0) {
    puts("#compdef maty\nautoload -U +X bashcompinit && bashcompinit");
  } else if (strcmp(shell, "bash") != 0) {
    usage_error("completion", "no completion for '%s'; there is one for bash and one for zsh",
                shell);
    return EXIT_TROUBLE;
  }
  print_bash();
  return EXIT_YES;
}
