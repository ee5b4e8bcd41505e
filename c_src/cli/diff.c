/* diff.c - maty diff: whether a new version of a protocol fits the old one. */
#include <stdio.h>

#include "commands.h"
#include "print.h"

static int worse(int one, int other) { return one > other ? one : other; }

static void print_answer(const char *role, const char *answer, color wanted) {
  printf("%s: ", role);
  print_color(stdout, wanted);
  (void)fputs(answer, stdout);
  print_color(stdout, COLOR_PLAIN);
  (void)putchar('\n');
}

static int compare_role(const checked_t *later, const maty_image_t *before,
                        const maty_image_t *after, uint32_t role, const char *name) {
  maty_verdict_t *verdict = NULL;
  uint32_t same;
  if (!has_role(after, name, &same)) {
    print_answer(name, "gone", COLOR_ERROR);
    return EXIT_NO;
  }
  maty_status status = maty_subtype(&verdict, after, same, before, role, &later->config);
  if (verdict == NULL)
    return tell_trouble(name, maty_status_text(status));
  if (status == MATY_OK)
    print_answer(name, "compatible", COLOR_GOOD);
  else
    print_answer(name, status == MATY_EREJECTED ? "not compatible" : "unknown", COLOR_ERROR);
  for (size_t i = 0; i < maty_verdict_diagnostic_count(verdict); i++)
    print_diagnostic(stdout, later, maty_verdict_diagnostic(verdict, i));
  maty_verdict_free(verdict);
  return status == MATY_OK ? EXIT_YES : status == MATY_EREJECTED ? EXIT_NO : EXIT_TROUBLE;
}

static int compare(const checked_t *later, const maty_image_t *before, const maty_image_t *after) {
  maty_role_info_t info;
  int status = EXIT_YES;
  uint32_t same;
  for (uint32_t role = 0; maty_image_role(before, role, &info) == MATY_OK; role++)
    status = worse(status, compare_role(later, before, after, role, info.name));
  for (uint32_t role = 0; maty_image_role(after, role, &info) == MATY_OK; role++) {
    if (has_role(before, info.name, &same))
      continue;
    print_answer(info.name, "new", COLOR_ERROR);
    status = worse(status, EXIT_NO);
  }
  return status;
}

static int compare_protocol(const checked_t *earlier, const checked_t *later, const char *name) {
  int status = EXIT_YES;
  const maty_image_t *before = find_image(earlier, name, &status);
  const maty_image_t *after = before == NULL ? NULL : find_image(later, name, &status);
  return after == NULL ? status : compare(later, before, after);
}

/* All protocols of the old version; what the new one has besides disturbs nobody. */
static int compare_all(const checked_t *earlier, const checked_t *later) {
  size_t count = maty_module_protocol_count(earlier->module);
  int status = EXIT_YES;
  if (count == 0)
    return compare_protocol(earlier, later, NULL);
  for (size_t i = 0; i < count; i++) {
    const char *name = maty_module_protocol_name(earlier->module, i);
    if (count > 1)
      printf("protocol %s\n", name);
    status = worse(status, compare_protocol(earlier, later, name));
  }
  return status;
}

int run_diff(const arguments_t *arguments) {
  int status;
  checked_t earlier, later;
  print_begin(arguments);
  checked_open(&earlier, arguments, arguments->operands[0]);
  checked_open(&later, arguments, arguments->operands[1]);
  if (earlier.module == NULL)
    status = tell_trouble(arguments->operands[0], earlier.trouble);
  else if (later.module == NULL)
    status = tell_trouble(arguments->operands[1], later.trouble);
  else if (arguments->operand_count > 2)
    status = compare_protocol(&earlier, &later, arguments->operands[2]);
  else
    status = compare_all(&earlier, &later);
  checked_close(&earlier);
  checked_close(&later);
  return status;
}
