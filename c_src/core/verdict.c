/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <string.h>

maty_verdict_t *maty__verdict_new(const maty_allocator_t *allocator) {
  maty_verdict_t *verdict = allocator->resize(allocator->context, NULL, 0, sizeof *verdict);
  if (verdict == NULL)
    return NULL;
  *verdict = (maty_verdict_t){.facts = {0}};
  maty__arena_init(&verdict->arena, allocator);
  return verdict;
}

void maty_verdict_free(maty_verdict_t *verdict) {
  if (verdict == NULL)
    return;
  maty_allocator_t allocator = verdict->arena.allocator;
  maty__arena_free(&verdict->arena);
  allocator.resize(allocator.context, verdict, sizeof *verdict, 0);
}

void maty_verdict_facts(const maty_verdict_t *verdict, maty_verdict_facts_t *out) {
  *out = verdict->facts;
}

size_t maty_verdict_diagnostic_count(const maty_verdict_t *verdict) {
  return verdict->diagnostics.count;
}

const maty_diagnostic_t *maty_verdict_diagnostic(const maty_verdict_t *verdict, size_t index) {
  return index < verdict->diagnostics.count ? &verdict->diagnostics.at[index] : NULL;
}

const char *maty__verdict_text(maty_verdict_t *verdict, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = maty__arena_alloc(&verdict->arena, size);
  return copy == NULL ? NULL : memcpy(copy, text, size);
}

maty_status maty__verdict_add(maty_verdict_t *verdict, const maty_image_t *image, maty_class class_,
                              uint32_t line, uint32_t column, const char *format, ...) {
  maty__text_t text;
  va_list arguments;
  maty__text_init(&text, &verdict->arena);
  va_start(arguments, format);
  maty__text_add_list(&text, format, arguments);
  va_end(arguments);
  maty_diagnostic_t found = {.severity = MATY_SEVERITY_ERROR,
                             .class_ = class_,
                             .source = maty__verdict_text(verdict, maty_image_source(image)),
                             .line = line,
                             .column = column,
                             .text = text.at};
  MATY__NEED(!text.failed && found.source != NULL);
  MATY__NEED(maty__vec_push(&verdict->arena, &verdict->diagnostics, found));
  return MATY_OK;
}

maty_status maty__verdict_runs(maty_verdict_t *verdict, maty__runs_t *runs) {
  return maty__runs_finish(runs, &verdict->diagnostics.at[verdict->diagnostics.count - 1]);
}

maty_status maty__verdict_step(maty_verdict_t *verdict, const maty_image_t *image, uint32_t role,
                               uint32_t action, uint32_t number, uint32_t line,
                               maty__runs_t *runs) {
  maty_role_info_t self, peer;
  maty_action_info_t info;
  MATY__TRY(maty_image_action(image, role, action, &info));
  MATY__TRY(maty_image_role(image, role, &self));
  MATY__TRY(maty_image_role(image, info.peer, &peer));
  bool sends = info.direction == MATY_DIRECTION_SEND;
  maty_run_step_t step = {.kind = sends ? MATY_STEP_SEND : MATY_STEP_RECEIVE,
                          .number = number,
                          .line = line,
                          .sender = maty__verdict_text(verdict, sends ? self.name : peer.name),
                          .receiver = maty__verdict_text(verdict, sends ? peer.name : self.name),
                          .label = maty__verdict_text(verdict, info.label)};
  MATY__NEED(step.sender != NULL && step.receiver != NULL && step.label != NULL);
  maty__runs_step(runs, step);
  return MATY_OK;
}
