/* run.h - message sequences that show what goes wrong.
 *
 * What shows an error is one run or several, each with a heading, its steps and
 * what comes of it. They are kept as data, for whoever draws them, and once as
 * text:
 *
 *     one run:
 *       1. A -> B: go (line 3)
 *       2. B -> C: tell (line 4)
 *     the other:
 *       1. A -> B: stop (line 6)
 *          the end
 *
 * Used in this order, and as often as there are runs: begin, step ..., end;
 * then finish. Out of memory is remembered until finish.
 */
#ifndef MATY_RUN_H
#define MATY_RUN_H

#include "text.h"
#include "vec.h"

typedef struct maty__runs {
  maty__arena_t *arena; /* of the diagnostic that is shown */
  MATY__VEC(maty_run_t) done;
  MATY__VEC(maty_run_step_t) steps; /* of the run that is open */
  maty_run_t open;
  bool failed;
} maty__runs_t;

void maty__runs_init(maty__runs_t *runs, maty__arena_t *arena);

/* The texts have to live as long as the arena; "" stands for none. */
void maty__runs_begin(maty__runs_t *runs, const char *heading);
void maty__runs_step(maty__runs_t *runs, maty_run_step_t step);
void maty__runs_end(maty__runs_t *runs, const char *ending);

/* Whether step "index" of "count" is kept: of a run of more than MATY_MAX_SHOWN
 * steps the middle is left out. */
bool maty__runs_shows(uint32_t index, uint32_t count);

/* Gives the diagnostic its runs. */
maty_status maty__runs_finish(maty__runs_t *runs, maty_diagnostic_t *diagnostic);

#endif /* MATY_RUN_H */
