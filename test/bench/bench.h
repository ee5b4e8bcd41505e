/* bench.h - what the C benchmarks share: time, medians, and the two outputs.
 *
 * A figure is printed as a line for people and appended as a row to
 * _build/bench.tsv, whose head "make bench" writes: name, value, unit, the
 * baseline's name and value, and the ratio. A benchmark runs in the
 * repository's folder.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maty.h"

enum { BENCH_ROUNDS = 15 };

static inline double bench_now(void) /* seconds */
{
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void bench_require(maty_status status, const char *what) {
  if (status != MATY_OK) {
    fprintf(stderr, "%s: %s\n", what, maty_status_text(status));
    exit(1);
  }
}

static inline int bench_compare(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

static inline double bench_median(double *values, size_t count) {
  qsort(values, count, sizeof *values, bench_compare);
  return values[count / 2];
}

/* Runs "body" once to warm up and then BENCH_ROUNDS times. Returns the median of
 * the seconds that a run took. */
static inline double bench_time(void (*body)(void *context), void *context) {
  double seconds[BENCH_ROUNDS];
  body(context);
  for (int i = 0; i < BENCH_ROUNDS; i++) {
    double start = bench_now();
    body(context);
    seconds[i] = bench_now() - start;
  }
  return bench_median(seconds, BENCH_ROUNDS);
}

static inline void bench_header(const char *title) {
  char line[256];
  char model[256] = "unknown processor";
  FILE *info = fopen("/proc/cpuinfo", "r");
  while (info != NULL && fgets(line, sizeof line, info) != NULL) {
    if (sscanf(line, "model name : %255[^\n]", model) == 1) {
      break;
    }
  }
  if (info != NULL) {
    fclose(info);
  }
  printf("%s: %s, compiler %s, medians of %d\n", title, model, __VERSION__, BENCH_ROUNDS);
}

/* "aim" is the largest value that is good, 0 for none. */
static inline void bench_report(const char *name, double value, const char *unit, double aim) {
  printf("  %-44s %10.4g %s", name, value, unit);
  if (aim > 0) {
    printf("  [aim %g]%s", aim, value > aim ? "  missed" : "");
  }
  printf("\n");
  FILE *table = fopen("_build/bench.tsv", "a");
  if (table == NULL) {
    perror("_build/bench.tsv");
    exit(1);
  }
  fprintf(table, "%s\t%g\t%s\t\t\t\n", name, value, unit);
  fclose(table);
}

#endif /* BENCH_H */
