/* explore.c - maty explore: machines run against one another in every order. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "limits.h"
#include "print.h"

/* When it began, what it may take, and what is shown of it meanwhile. */
typedef struct watch {
  double begin, most; /* seconds; most 0: no end */
  double shown;
  bool shows, out_of_time;
} watch_t;

/* Seconds before something is shown, and between that and the next time. */
static const double first_shown = 1.0, next_shown = 0.25;

static double seconds(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool go_on(void *context, uint64_t steps) {
  watch_t *watch = context;
  double now = seconds();
  if (watch->shows && now - watch->begin >= first_shown && now - watch->shown >= next_shown) {
    (void)fprintf(stderr, "\r%llu steps, %.0f s ", (unsigned long long)steps, now - watch->begin);
    watch->shown = now;
  }
  watch->out_of_time = watch->most > 0 && now - watch->begin >= watch->most;
  return !watch->out_of_time;
}

static void print_facts(const maty_verdict_t *verdict, double took) {
  maty_verdict_facts_t facts;
  maty_verdict_facts(verdict, &facts);
  printf("%llu states, %llu transitions, queues of %u, %.1f MB, %.2f s\n",
         (unsigned long long)facts.states, (unsigned long long)facts.transitions, facts.bound,
         (double)facts.bytes / 1e6, took);
}

static int print_verdict(const checked_t *checked, const maty_image_t *image, maty_status status,
                         const maty_verdict_t *verdict, double took) {
  for (size_t i = 0; i < maty_verdict_diagnostic_count(verdict); i++)
    print_diagnostic(stdout, checked, maty_verdict_diagnostic(verdict, i));
  printf("%s: %s: ", checked->file.name, maty_image_protocol(image));
  print_color(stdout, status == MATY_OK ? COLOR_GOOD : COLOR_ERROR);
  (void)fputs(status == MATY_OK          ? "ok"
              : status == MATY_EREJECTED ? "rejected"
                                         : "unknown, a limit is reached",
              stdout);
  print_color(stdout, COLOR_PLAIN);
  (void)fputs("; ", stdout);
  print_facts(verdict, took);
  return status == MATY_OK ? EXIT_YES : status == MATY_EREJECTED ? EXIT_NO : EXIT_TROUBLE;
}

static int explore(const arguments_t *arguments, checked_t *checked, const maty_image_t *image) {
  watch_t watch = {.begin = seconds(),
                   .most = (double)option_number(arguments, OPTION_TIME, 0),
                   .shows = isatty(STDERR_FILENO)};
  uint32_t bound = (uint32_t)option_number(arguments, OPTION_BOUND, 1);
  uint32_t most = (uint32_t)option_number(arguments, OPTION_K_MC, 0);
  maty_explore_options_t wanted = {.bound = bound,
                                   .max_states = option_number(arguments, OPTION_STATES, 0),
                                   .fairness = checked->config.fairness};
  maty_verdict_t *verdict = NULL;
  checked->config.progress = go_on;
  checked->config.progress_context = &watch;
  maty_status status = most > 0 ? maty_compatible(&verdict, image, most, &wanted, &checked->config)
                                : maty_explore(&verdict, image, &wanted, &checked->config);
  double took = seconds() - watch.begin;
  if (watch.shown > 0)
    (void)fputs("\r\033[K", stderr);
  int result;
  if (verdict != NULL)
    result = print_verdict(checked, image, status, verdict, took);
  else
    result = tell_trouble(checked->file.name,
                          watch.out_of_time ? "unknown, out of time" : maty_status_text(status));
  maty_verdict_free(verdict);
  return result;
}

int run_explore(const arguments_t *arguments) {
  int status = EXIT_YES;
  checked_t checked;
  print_begin(arguments);
  const maty_image_t *image =
      open_image(&checked, arguments, arguments->operands[0],
                 arguments->operand_count > 1 ? arguments->operands[1] : NULL, &status);
  if (image != NULL)
    status = explore(arguments, &checked, image);
  checked_close(&checked);
  return status;
}
