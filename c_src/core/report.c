/* report.c - see report.h. */
#include "report.h"

#include <string.h>

#include "limits.h"

maty_status maty__check_init(maty__check_t *check, const maty_config_t *config,
                             maty__arena_t *arena, maty__arena_t *scratch, maty__arena_t *work) {
  *check = (maty__check_t){.config = config, .arena = arena, .scratch = scratch, .work = work};
  return maty__names_init(&check->names, scratch);
}

maty_status maty__check_add(maty__check_t *check, const maty_source_t *source) {
  size_t name_size = strlen(source->name) + 1;
  char *name = maty__arena_alloc(check->arena, name_size);
  MATY__NEED(name != NULL);
  memcpy(name, source->name, name_size);
  maty__source_t added = {.name = name,
                          .text = source->text,
                          .length = (uint32_t)source->length,
                          .first_line = check->lines.count};
  if (check->sources.count > 0) {
    const maty__source_t *last = &check->sources.at[check->sources.count - 1];
    added.base = last->base + last->length + 1;
  }
  MATY__NEED(maty__vec_push(check->scratch, &check->sources, added));
  MATY__NEED(maty__vec_push(check->scratch, &check->lines, added.base));
  for (const char *at = added.text, *end = at + added.length;
       (at = memchr(at, '\n', (size_t)(end - at))) != NULL;) {
    at++;
    MATY__NEED(
        maty__vec_push(check->scratch, &check->lines, added.base + (uint32_t)(at - added.text)));
  }
  return MATY_OK;
}

const maty__source_t *maty__check_source(const maty__check_t *check, uint32_t at) {
  uint32_t source = 0, above = check->sources.count;
  while (above - source > 1) {
    uint32_t middle = source + (above - source) / 2;
    if (check->sources.at[middle].base <= at)
      source = middle;
    else
      above = middle;
  }
  return &check->sources.at[source];
}

maty__place_t maty__check_place(const maty__check_t *check, uint32_t at) {
  uint32_t low = 0, high = check->lines.count; /* the line is in [low, high) */
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (check->lines.at[middle] <= at)
      low = middle;
    else
      high = middle;
  }
  const maty__source_t *source = maty__check_source(check, at);
  return (maty__place_t){.source = (uint32_t)(source - check->sources.at),
                         .line = low - source->first_line + 1,
                         .column = at - check->lines.at[low] + 1};
}

static bool known(const maty__check_t *check, const maty_diagnostic_t *found) {
  for (uint32_t i = 0; i < check->diagnostics.count; i++) {
    const maty_diagnostic_t *other = &check->diagnostics.at[i];
    if (other->severity == found->severity && other->class_ == found->class_ &&
        other->source == found->source && other->line == found->line &&
        other->column == found->column && strcmp(other->text, found->text) == 0)
      return true;
  }
  return false;
}

maty_status maty__report(maty__check_t *check, maty_severity severity, maty_class class_,
                         uint32_t at, uint32_t length, const char *format, ...) {
  check->errors += severity == MATY_SEVERITY_ERROR;
  if (check->full)
    return MATY_OK;
  maty__place_t place = maty__check_place(check, at);
  maty_diagnostic_t found = {.severity = severity,
                             .class_ = class_,
                             .source = check->sources.at[place.source].name,
                             .line = place.line,
                             .column = place.column,
                             .length = length};
  maty__text_t text;
  maty__text_init(&text, check->arena);
  if (check->diagnostics.count >= MATY_MAX_DIAGNOSTICS - 1 && severity == MATY_SEVERITY_ERROR) {
    check->full = true;
    found.class_ = MATY_CLASS_LIMIT;
    maty__text_add(&text, "there are more errors; the first %u are reported",
                   MATY_MAX_DIAGNOSTICS - 1);
  } else {
    va_list arguments;
    va_start(arguments, format);
    maty__text_add_list(&text, format, arguments);
    va_end(arguments);
  }
  MATY__NEED(!text.failed);
  found.text = text.at;
  if (known(check, &found))
    return MATY_OK;
  MATY__NEED(maty__vec_push(check->arena, &check->diagnostics, found));
  MATY__NEED(maty__vec_push(check->arena, &check->places, check->full ? UINT32_MAX : at));
  return MATY_OK;
}

maty_status maty__report_runs(maty__check_t *check, maty__runs_t *runs) {
  for (uint32_t i = check->diagnostics.count; !check->full && i-- > 0;)
    if (check->diagnostics.at[i].severity == MATY_SEVERITY_ERROR)
      return maty__runs_finish(runs, &check->diagnostics.at[i]);
  return MATY_OK;
}

maty_status maty__check_show(maty__check_t *check, maty__name_t name, const char **text) {
  while (check->shown.count <= name)
    MATY__NEED(maty__vec_push(check->arena, &check->shown, NULL));
  if (check->shown.at[name] == NULL) {
    const maty__name_text_t *shown = &check->names.items.at[name];
    char *copy = maty__arena_alloc(check->arena, (size_t)shown->length + 1);
    MATY__NEED(copy != NULL);
    memcpy(copy, shown->at, shown->length);
    copy[shown->length] = '\0';
    check->shown.at[name] = copy;
  }
  *text = check->shown.at[name];
  return MATY_OK;
}

/* The index of a class in "classes", or "count". */
static uint32_t rank_of(maty_class class_, const maty_class *classes, uint32_t count) {
  uint32_t rank = 0;
  while (rank < count && classes[rank] != class_)
    rank++;
  return rank;
}

void maty__report_first_of(maty__check_t *check, uint32_t from, const maty_class *classes,
                           uint32_t class_count) {
  uint32_t best = class_count, kept = from;
  bool keeps = true; /* the last error, and so its notes */
  for (uint32_t i = from; i < check->diagnostics.count; i++) {
    uint32_t rank = rank_of(check->diagnostics.at[i].class_, classes, class_count);
    if (check->diagnostics.at[i].severity == MATY_SEVERITY_ERROR && rank < best)
      best = rank;
  }
  for (uint32_t i = from; i < check->diagnostics.count; i++) {
    uint32_t rank = rank_of(check->diagnostics.at[i].class_, classes, class_count);
    if (check->diagnostics.at[i].severity == MATY_SEVERITY_ERROR)
      keeps = rank == best || rank == class_count;
    if (!keeps)
      continue;
    check->diagnostics.at[kept] = check->diagnostics.at[i];
    check->places.at[kept++] = check->places.at[i];
  }
  check->diagnostics.count = check->places.count = kept;
}

bool maty__report_all_of(const maty__check_t *check, uint32_t from, maty_class class_) {
  for (uint32_t i = from; i < check->diagnostics.count; i++)
    if (check->diagnostics.at[i].severity == MATY_SEVERITY_ERROR &&
        check->diagnostics.at[i].class_ != class_)
      return false;
  return true;
}

void maty__report_drop(maty__check_t *check, uint32_t from) {
  for (uint32_t i = from; i < check->diagnostics.count; i++)
    check->errors -= check->diagnostics.at[i].severity == MATY_SEVERITY_ERROR;
  check->diagnostics.count = check->places.count = from;
}

/* Sorts numbers of errors by place; the number breaks ties, so that equal
 * places keep their order. There are too few of them for anything clever. */
maty_status maty__report_sort(maty__check_t *check) {
  const maty_diagnostic_t *old = check->diagnostics.at;
  uint32_t count = check->diagnostics.count;
  if (count < 2)
    return MATY_OK;
  uint32_t *order = maty__array(check->scratch, uint32_t, count);
  maty_diagnostic_t *sorted = maty__array(check->arena, maty_diagnostic_t, count);
  MATY__NEED(order != NULL && sorted != NULL);
  uint32_t errors = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (old[i].severity != MATY_SEVERITY_ERROR)
      continue;
    uint32_t j = errors++;
    for (; j > 0 && check->places.at[order[j - 1]] > check->places.at[i]; j--)
      order[j] = order[j - 1];
    order[j] = i;
  }
  uint32_t filled = 0;
  for (uint32_t i = 0; i < errors; i++) {
    uint32_t next = order[i];
    do
      sorted[filled++] = old[next++];
    while (next < count && old[next].severity == MATY_SEVERITY_NOTE);
  }
  check->diagnostics.at = sorted;
  return MATY_OK;
}

maty_status maty__check_work(maty__check_t *check, uint64_t steps) {
  enum { INTERVAL_BITS = 16 };
  uint64_t before = check->steps >> INTERVAL_BITS;
  check->steps += steps;
  if (check->config->progress != NULL && check->steps >> INTERVAL_BITS != before &&
      !check->config->progress(check->config->progress_context, check->steps))
    return MATY_ECANCELED;
  return MATY_OK;
}
