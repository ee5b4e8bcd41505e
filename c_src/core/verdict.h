/* verdict.h - what looking at machines came to.
 *
 * Made empty, filled with one diagnostic for each thing that is wrong, and
 * handed to the caller, who frees it. Everything in it lives in its arena.
 */
#ifndef MATY_VERDICT_H
#define MATY_VERDICT_H

#include "run.h"

struct maty_verdict {
  maty__arena_t arena;
  MATY__VEC(maty_diagnostic_t) diagnostics;
  maty_verdict_facts_t facts;
};

/* Returns an empty verdict, or NULL. */
maty_verdict_t *maty__verdict_new(const maty_allocator_t *allocator);

/* Adds an error about "image" at a place of its text (line 0: none). Its runs
 * may be given afterwards, in verdict->arena. */
maty_status maty__verdict_add(maty_verdict_t *verdict, const maty_image_t *image, maty_class class_,
                              uint32_t line, uint32_t column, const char *format, ...)
    MATY__PRINTF(6, 7);

/* Gives the last error its runs. */
maty_status maty__verdict_runs(maty_verdict_t *verdict, maty__runs_t *runs);

/* Returns a copy of a text in the verdict, or NULL. */
const char *maty__verdict_text(maty_verdict_t *verdict, const char *text);

/* A step of a run of an image's machines: "role" does its "action". The names
 * are copied. */
maty_status maty__verdict_step(maty_verdict_t *verdict, const maty_image_t *image, uint32_t role,
                               uint32_t action, uint32_t number, uint32_t line, maty__runs_t *runs);

#endif /* MATY_VERDICT_H */
