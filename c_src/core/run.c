/* run.c - see run.h. */
#include "run.h"

#include "limits.h"

void maty__runs_init(maty__runs_t *runs, maty__arena_t *arena) {
  *runs = (maty__runs_t){.arena = arena};
}

void maty__runs_begin(maty__runs_t *runs, const char *heading) {
  runs->open = (maty_run_t){.heading = heading};
  runs->steps.at = NULL; /* the steps of the run before belong to it */
  runs->steps.count = runs->steps.capacity = 0;
}

void maty__runs_step(maty__runs_t *runs, maty_run_step_t step) {
  if (!maty__vec_push(runs->arena, &runs->steps, step))
    runs->failed = true;
}

void maty__runs_end(maty__runs_t *runs, const char *ending) {
  runs->open.steps = runs->steps.at;
  runs->open.step_count = runs->steps.count;
  runs->open.ending = ending;
  if (!maty__vec_push(runs->arena, &runs->done, runs->open))
    runs->failed = true;
}

bool maty__runs_shows(uint32_t index, uint32_t count) {
  const uint32_t half = MATY_MAX_SHOWN / 2;
  return count <= MATY_MAX_SHOWN || index < half || index >= count - half;
}

static void add_step(maty__text_t *text, const maty_run_step_t *step) {
  switch (step->kind) {
  case MATY_STEP_MESSAGE:
    maty__text_add(text, "%3u. %s -> %s: %s", step->number, step->sender, step->receiver,
                   step->label);
    break;
  case MATY_STEP_SEND:
    maty__text_add(text, "%3u. %s sends %s to %s", step->number, step->sender, step->label,
                   step->receiver);
    break;
  case MATY_STEP_RECEIVE:
    maty__text_add(text, "%3u. %s receives %s from %s", step->number, step->receiver, step->label,
                   step->sender);
    break;
  }
  if (step->line > 0)
    maty__text_add(text, " (line %u)", step->line);
  maty__text_add(text, "\n");
}

static void add_run(maty__text_t *text, const maty_run_t *run) {
  if (run->heading[0] != '\0')
    maty__text_add(text, "%s:\n", run->heading);
  for (uint32_t i = 0; i < run->step_count; i++) {
    uint32_t expected = i == 0 ? run->steps[0].number : run->steps[i - 1].number + 1;
    if (run->steps[i].number > expected)
      maty__text_add(text, "     %u more\n", run->steps[i].number - expected);
    add_step(text, &run->steps[i]);
  }
  if (run->ending[0] != '\0')
    maty__text_add(text, "     %s\n", run->ending);
}

maty_status maty__runs_finish(maty__runs_t *runs, maty_diagnostic_t *diagnostic) {
  maty__text_t text;
  maty__text_init(&text, runs->arena);
  for (uint32_t i = 0; i < runs->done.count; i++)
    add_run(&text, &runs->done.at[i]);
  MATY__NEED(!runs->failed && !text.failed);
  diagnostic->run = text.at;
  diagnostic->runs = runs->done.at;
  diagnostic->run_count = runs->done.count;
  return MATY_OK;
}
