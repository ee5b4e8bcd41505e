/* job.c - see job.h. */
#include "job.h"

#include <string.h>
#include <time.h>

typedef struct job {
  const uint8_t *at; /* the fields that are left */
  size_t left;
  maty_config_t config;
  struct timespec deadline; /* seconds 0: none */
  const uint8_t *imports;   /* where the texts for import begin */
  size_t imports_left;
  maty_bytes_t missing; /* modules that were asked for in vain, as terms */
  uint32_t missing_count;
  maty_bytes_t *result;
} job_t;

/* ===== Fields ============================================================ */

typedef struct field {
  const uint8_t *at;
  uint32_t size;
} field_t;

static maty_status next_field(job_t *job, field_t *field) {
  if (job->left < 4) {
    return MATY_EINVAL;
  }
  memcpy(&field->size, job->at, 4);
  if (job->left - 4 < field->size) {
    return MATY_EINVAL;
  }
  field->at = job->at + 4;
  job->at += 4 + (size_t)field->size;
  job->left -= 4 + (size_t)field->size;
  return MATY_OK;
}

/* A field of exactly this size, copied to where it is aligned. */
static maty_status next_settings(job_t *job, void *settings, size_t size) {
  field_t field;
  maty_status status = next_field(job, &field);
  if (status != MATY_OK || field.size != size) {
    return MATY_EINVAL;
  }
  memcpy(settings, field.at, size);
  return MATY_OK;
}

static maty_status next_text(job_t *job, const char **text) {
  field_t field;
  maty_status status = next_field(job, &field);
  if (status != MATY_OK || field.size == 0 || field.at[field.size - 1] != 0) {
    return MATY_EINVAL;
  }
  *text = (const char *)field.at;
  return MATY_OK;
}

static maty_status next_image(job_t *job, maty_image_t **image) {
  field_t field;
  maty_status status = next_field(job, &field);
  return status == MATY_OK ? maty_image_load(image, field.at, field.size, &job->config.allocator)
                           : status;
}

/* ===== Answers =========================================================== */

static maty_status write_result(void *context, const char *text, size_t length) {
  maty_bytes_t *result = context;
  maty_bytes_add(result, text, length);
  return result->failed ? MATY_ENOMEM : MATY_OK;
}

/* A text as the term: it is written behind a head whose length comes last. */
static maty_writer_t begin_text(job_t *job) {
  maty_describe_text_begin(job->result);
  return (maty_writer_t){.write = write_result, .context = job->result};
}

static maty_status end_text(job_t *job, maty_status status) {
  maty_describe_text_end(job->result);
  return status;
}

/* ===== Texts of protocols ================================================ */

typedef struct check_settings {
  uint8_t dialect, fairness, form;
} check_settings_t;

static maty_status find_import(void *context, const maty_import_t *import, maty_source_t *out) {
  job_t *job = context;
  job_t imports = {.at = job->imports, .left = job->imports_left};
  const char *name;
  while (imports.left > 0) {
    field_t text;
    if (next_text(&imports, &name) != MATY_OK || next_text(&imports, &out->name) != MATY_OK ||
        next_field(&imports, &text) != MATY_OK) {
      return MATY_EINVAL;
    }
    if (strcmp(name, import->module) == 0) {
      out->text = (const char *)text.at;
      out->length = text.size;
      return MATY_OK;
    }
  }
  maty_describe_import(&job->missing, import);
  job->missing_count++;
  return MATY_EINVAL;
}

/* The settings, the text, and where what it may import begins. */
static maty_status read_source(job_t *job, maty_source_t *source, check_settings_t *settings) {
  field_t text;
  maty_status status = next_settings(job, settings, sizeof *settings);
  if (status != MATY_OK || settings->dialect > MATY_DIALECT_NUSCR ||
      settings->fairness > MATY_FAIRNESS_UNFAIR || settings->form > 1 + MATY_MACHINES_CFSM) {
    return MATY_EINVAL;
  }
  status = next_text(job, &source->name);
  if (status == MATY_OK) {
    status = next_field(job, &text);
  }
  if (status != MATY_OK) {
    return status;
  }
  source->text = (const char *)text.at;
  source->length = text.size;
  job->config.dialect = (maty_dialect)settings->dialect;
  job->config.fairness = (maty_fairness)settings->fairness;
  job->config.import = find_import;
  job->config.import_context = job;
  job->imports = job->at;
  job->imports_left = job->left;
  return MATY_OK;
}

static maty_status job_check(job_t *job) {
  maty_source_t source;
  check_settings_t settings;
  maty_module_t *module = NULL;
  maty_status status = read_source(job, &source, &settings);
  if (status != MATY_OK) {
    return status;
  }
  if (settings.form == 0) {
    status = maty_module_check(&module, source.name, source.text, source.length, &job->config);
  } else {
    status = maty_machines_read(&module, source.name, source.text, source.length,
                                (maty_machine_format)(settings.form - 1), &job->config);
  }
  if (module != NULL) {
    maty_describe_module(job->result, module, &job->missing, job->missing_count);
  }
  maty_module_free(module);
  return status;
}

static maty_status job_draw_protocol(job_t *job) {
  uint32_t diagram;
  const char *protocol;
  maty_source_t source;
  check_settings_t settings;
  maty_status status = next_settings(job, &diagram, sizeof diagram);
  if (status == MATY_OK) {
    status = next_text(job, &protocol);
  }
  if (status == MATY_OK) {
    status = read_source(job, &source, &settings);
  }
  if (status != MATY_OK) {
    return status;
  }
  return end_text(job, maty_draw_protocol(&source, protocol, (maty_diagram)diagram, &job->config,
                                          begin_text(job)));
}

static maty_status job_format(job_t *job) {
  maty_source_t source;
  check_settings_t settings;
  maty_status status = read_source(job, &source, &settings);
  return status == MATY_OK ? end_text(job, maty_format(&source, &job->config, begin_text(job)))
                           : status;
}

/* ===== Machines ========================================================== */

/* As Erlang packs it: the widest first, no padding. */
typedef struct exploration {
  uint64_t max_states;
  uint32_t bound; /* of COMPATIBLE: the greatest one tried */
  uint32_t milliseconds;
  uint8_t fairness, safety_only, whole, reserved[5];
} exploration_t;

static bool in_time(void *context, uint64_t steps) {
  const job_t *job = context;
  struct timespec now;
  (void)steps;
  return clock_gettime(CLOCK_MONOTONIC, &now) != 0 || now.tv_sec < job->deadline.tv_sec ||
         (now.tv_sec == job->deadline.tv_sec && now.tv_nsec < job->deadline.tv_nsec);
}

static void set_deadline(job_t *job, uint32_t milliseconds) {
  if (milliseconds == 0 || clock_gettime(CLOCK_MONOTONIC, &job->deadline) != 0) {
    return;
  }
  job->deadline.tv_sec += milliseconds / 1000;
  job->deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (job->deadline.tv_nsec >= 1000000000) {
    job->deadline.tv_sec++;
    job->deadline.tv_nsec -= 1000000000;
  }
  job->config.progress = in_time;
  job->config.progress_context = job;
}

static void describe_verdict(job_t *job, maty_verdict_t *verdict) {
  if (verdict != NULL) {
    maty_describe_verdict(job->result, verdict);
  }
  maty_verdict_free(verdict);
}

static maty_status job_explore(job_t *job, bool compatible) {
  exploration_t settings;
  maty_image_t *image = NULL;
  maty_verdict_t *verdict = NULL;
  maty_status status = next_settings(job, &settings, sizeof settings);
  if (status != MATY_OK || settings.fairness > MATY_FAIRNESS_UNFAIR) {
    return MATY_EINVAL;
  }
  status = next_image(job, &image);
  if (status != MATY_OK) {
    return status;
  }
  maty_explore_options_t options = {.bound = settings.bound,
                                    .max_states = settings.max_states,
                                    .fairness = (maty_fairness)settings.fairness,
                                    .safety_only = settings.safety_only != 0,
                                    .whole = settings.whole != 0};
  set_deadline(job, settings.milliseconds);
  status = compatible ? maty_compatible(&verdict, image, settings.bound, &options, &job->config)
                      : maty_explore(&verdict, image, &options, &job->config);
  describe_verdict(job, verdict);
  maty_image_release(image);
  return status;
}

static maty_status job_subtype(job_t *job) {
  uint32_t roles[2];
  maty_image_t *sub = NULL, *super = NULL;
  maty_verdict_t *verdict = NULL;
  maty_status status = next_settings(job, roles, sizeof roles);
  if (status == MATY_OK) {
    status = next_image(job, &sub);
  }
  if (status == MATY_OK) {
    status = next_image(job, &super);
  }
  if (status == MATY_OK) {
    status = maty_subtype(&verdict, sub, roles[0], super, roles[1], &job->config);
    describe_verdict(job, verdict);
  }
  maty_image_release(sub);
  maty_image_release(super);
  return status;
}

static maty_status job_handlers(job_t *job) {
  field_t behaviour;
  maty_image_t *image = NULL;
  maty_verdict_t *verdict = NULL;
  maty_status status = next_image(job, &image);
  if (status == MATY_OK) {
    status = next_field(job, &behaviour);
  }
  if (status == MATY_OK) {
    status = maty_behaviour_check(&verdict, image, (const char *)behaviour.at, behaviour.size,
                                  &job->config);
    describe_verdict(job, verdict);
  }
  maty_image_release(image);
  return status;
}

/* What is written about one role of an image. */
static maty_status job_write(job_t *job, maty_job_kind kind) {
  uint32_t settings[2]; /* what, role */
  const char *module = NULL, *file = NULL;
  maty_image_t *image = NULL;
  maty_status status = next_settings(job, settings, sizeof settings);
  if (status == MATY_OK && kind == MATY_JOB_SKELETON) {
    status = next_text(job, &module);
    if (status == MATY_OK) {
      status = next_text(job, &file);
    }
  }
  if (status == MATY_OK) {
    status = next_image(job, &image);
  }
  if (status != MATY_OK) {
    return status;
  }
  maty_writer_t writer = begin_text(job);
  const maty_allocator_t *allocator = &job->config.allocator;
  if (kind == MATY_JOB_MACHINES) {
    status = maty_machines_write(image, settings[1], (maty_machine_format)settings[0], allocator,
                                 writer);
  } else if (kind == MATY_JOB_DRAW_ROLE) {
    status = maty_draw_role(image, settings[1], (maty_diagram)settings[0], allocator, writer);
  } else {
    status = maty_skeleton(image, settings[1], (maty_language)settings[0], module,
                           *file == '\0' ? NULL : file, allocator, writer);
  }
  maty_image_release(image);
  return end_text(job, status);
}

/* ===== All of them ======================================================= */

static maty_status run(job_t *job, uint32_t kind) {
  switch (kind) {
  case MATY_JOB_CHECK:
    return job_check(job);
  case MATY_JOB_EXPLORE:
  case MATY_JOB_COMPATIBLE:
    return job_explore(job, kind == MATY_JOB_COMPATIBLE);
  case MATY_JOB_SUBTYPE:
    return job_subtype(job);
  case MATY_JOB_HANDLERS:
    return job_handlers(job);
  case MATY_JOB_MACHINES:
  case MATY_JOB_DRAW_ROLE:
  case MATY_JOB_SKELETON:
    return job_write(job, (maty_job_kind)kind);
  case MATY_JOB_DRAW_PROTOCOL:
    return job_draw_protocol(job);
  case MATY_JOB_FORMAT:
    return job_format(job);
  default:
    return MATY_EINVAL;
  }
}

maty_status maty_job_run(const void *question, size_t size, maty_bytes_t *result) {
  uint32_t kind;
  if (size < sizeof kind) {
    return MATY_EINVAL;
  }
  memcpy(&kind, question, sizeof kind);
  job_t job = {.at = (const uint8_t *)question + sizeof kind,
               .left = size - sizeof kind,
               .config = maty_config_default(),
               .missing = {.allocator = result->allocator},
               .result = result};
  job.config.allocator = result->allocator;
  maty_status status = run(&job, kind);
  bool failed = result->failed || job.missing.failed;
  maty_bytes_free(&job.missing);
  if (failed) {
    status = MATY_ENOMEM;
  }
  if (status != MATY_OK && status != MATY_EREJECTED && status != MATY_ELIMIT) {
    maty_bytes_free(result);
  }
  return status;
}
