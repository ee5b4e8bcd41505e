/* check.c - maty check: whether protocols are accepted. */
#include <stdio.h>

#include "commands.h"
#include "json.h"
#include "print.h"

static void print_accepted(const checked_t *checked) {
  size_t count = maty_module_protocol_count(checked->module);
  printf("%s: ", checked->file.name);
  print_color(stdout, COLOR_GOOD);
  (void)fputs("ok", stdout);
  print_color(stdout, COLOR_PLAIN);
  for (size_t i = 0; i < count; i++)
    printf("%s%s", i == 0 ? " (" : ", ", maty_module_protocol_name(checked->module, i));
  puts(count == 0 ? "" : ")");
}

int run_check(const arguments_t *arguments) {
  bool json = option_given(arguments, OPTION_JSON);
  int worst = EXIT_YES;
  print_begin(arguments);
  if (json)
    json_begin();
  for (int i = 0; i < arguments->operand_count; i++) {
    const char *path = arguments->operands[i];
    int status = EXIT_YES;
    checked_t checked;
    checked_open(&checked, arguments, path);
    if (checked.module == NULL)
      status = json ? EXIT_TROUBLE : tell_trouble(path, checked.trouble);
    else if (maty_module_diagnostic_count(checked.module) > 0)
      status = EXIT_NO;
    if (json)
      json_file(&checked, path, i == 0);
    else if (status == EXIT_YES)
      print_accepted(&checked);
    else if (status == EXIT_NO)
      print_diagnostics(stdout, &checked);
    checked_close(&checked);
    worst = status > worst ? status : worst;
  }
  if (json)
    json_end();
  return worst;
}
