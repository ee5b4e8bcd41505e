/* report.h - what a check found, and the state all of its steps share.
 *
 * A place is one number until a diagnostic is made: only then the text, the line
 * and the column are looked up. The texts of a check, the one that was given and
 * those that it imports, share the numbers as if they lay one behind the other,
 * with one byte between them:
 *
 *     0           length 0   base 1              base 2
 *     | main text |          | first import |    | ...
 */
#ifndef MATY_REPORT_H
#define MATY_REPORT_H

#include "names.h"
#include "run.h"

typedef MATY__VEC(maty_diagnostic_t) maty__diagnostics_t;

typedef struct maty__source {
  const char *name; /* in check->arena */
  const char *text;
  uint32_t length;
  uint32_t base;       /* the place of its first byte */
  uint32_t first_line; /* in maty__check.lines */
} maty__source_t;

/* One check of a text and what it imports. Its steps pass it on from one to the
 * next. */
typedef struct maty__check {
  const maty_config_t *config;
  maty__arena_t *arena;   /* lives as long as the module: what a reader sees */
  maty__arena_t *scratch; /* lives as long as the check */
  maty__arena_t *work;    /* what a step makes and nobody needs behind it; the step rewinds it */
  maty__names_t names;
  MATY__VEC(const char *) shown;     /* by name: its text ended by a zero, NULL until wanted */
  MATY__VEC(maty__source_t) sources; /* the text that was given comes first */
  maty__u32s_t lines;                /* the place where each line of each of them begins */
  maty__diagnostics_t diagnostics;
  maty__u32s_t places; /* of the diagnostics; of the one that there are more, the end */
  bool full;           /* MATY_MAX_DIAGNOSTICS is reached, the rest is dropped */
  uint32_t errors;     /* found so far, reported or not, but for those taken back */
  uint64_t steps;
  uint64_t explained, explaining; /* pairs and steps spent on runs, see MATY_MAX_EXPLAINED */
} maty__check_t;

maty_status maty__check_init(maty__check_t *check, const maty_config_t *config,
                             maty__arena_t *arena, maty__arena_t *scratch, maty__arena_t *work);

/* Adds a text, of MATY_MAX_SOURCE bytes at most and all of them together of
 * twice as many, behind those that are there. It is not copied; its name is. */
maty_status maty__check_add(maty__check_t *check, const maty_source_t *source);

typedef struct maty__place {
  uint32_t source;       /* in maty__check.sources */
  uint32_t line, column; /* from 1 */
} maty__place_t;

/* The text that a place is in. The check has one. */
const maty__source_t *maty__check_source(const maty__check_t *check, uint32_t at);
maty__place_t maty__check_place(const maty__check_t *check, uint32_t at);

/* Adds an error, or a note to the last one. Returns MATY_ENOMEM or MATY_OK. An
 * error that was reported before word for word is dropped: a protocol that is
 * used twice is checked twice. */
maty_status maty__report(maty__check_t *check, maty_severity severity, maty_class class_,
                         uint32_t at, uint32_t length, const char *format, ...) MATY__PRINTF(6, 7);

#define maty__error(check, class_, at, length, ...)                                                \
  maty__report((check), MATY_SEVERITY_ERROR, (class_), (at), (length), __VA_ARGS__)
#define maty__note(check, class_, at, length, ...)                                                 \
  maty__report((check), MATY_SEVERITY_NOTE, (class_), (at), (length), __VA_ARGS__)

/* Gives the last error its runs, which are made in check->arena. */
maty_status maty__report_runs(maty__check_t *check, maty__runs_t *runs);

/* Sets *text to a name as a text of its own, which lives as long as the module. */
maty_status maty__check_show(maty__check_t *check, maty__name_t name, const char **text);

/* Of the errors reported behind the first "from" diagnostics keeps those of the
 * class that comes first in "classes" and was reported, and those of classes that
 * do not stand there. The others still count as errors. */
void maty__report_first_of(maty__check_t *check, uint32_t from, const maty_class *classes,
                           uint32_t class_count);

/* Whether all errors reported behind the first "from" diagnostics are of one class. */
bool maty__report_all_of(const maty__check_t *check, uint32_t from, maty_class class_);

/* Takes back what was reported behind the first "from" diagnostics. The check must
 * not be full. */
void maty__report_drop(maty__check_t *check, uint32_t from);

/* Puts the diagnostics into the order of the text, notes behind their error. */
maty_status maty__report_sort(maty__check_t *check);

/* Counts steps of work; from time to time asks whether to go on. Returns
 * MATY_ECANCELED if not. */
maty_status maty__check_work(maty__check_t *check, uint64_t steps);

#endif /* MATY_REPORT_H */
