/* work.c - see work.h. */
#include "work.h"

#include "job.h"
#include "registry.h"

typedef struct job {
  maty_operation op;
  ErlDrvTermData caller;
  ErlDrvUInt64 reference;
  size_t size;
  maty_status status;
  uint32_t number; /* of the image loaded */
  maty_bytes_t result;
  char data[]; /* of the command, behind the reference */
} job_t;

static maty_status job_load(job_t *job) {
  maty_image_t *image = NULL;
  maty_status status = maty_image_load(&image, job->data, job->size, &job->result.allocator);
  if (status != MATY_OK) {
    return status;
  }
  maty_describe_image(&job->result, image);
  if (job->result.failed) {
    maty_image_release(image);
    return MATY_ENOMEM;
  }
  return maty_registry_add_image(image, &job->number);
}

static void job_run(void *argument) {
  job_t *job = argument;
  job->status =
      job->op == MATY_OP_ASK ? maty_job_run(job->data, job->size, &job->result) : job_load(job);
  if (job->result.failed) {
    /* What was written is no whole term. */
    job->status = MATY_ENOMEM;
    maty_bytes_free(&job->result);
  }
}

static void job_free(void *argument) {
  job_t *job = argument;
  maty_bytes_free(&job->result);
  maty_memory_resize(job, sizeof *job + job->size, 0);
}

maty_status maty_work_start(maty_engine_t *engine, maty_operation op, const char *data,
                            size_t size) {
  job_t *job = maty_memory_resize(NULL, 0, sizeof *job + size - 8);
  if (job == NULL) {
    return MATY_ENOMEM;
  }
  *job = (job_t){.op = op,
                 .caller = driver_caller(engine->port),
                 .reference = maty_data_word(data),
                 .size = size - 8,
                 .result = {.allocator = maty_registry_allocator()}};
  memcpy(job->data, data + 8, size - 8);
  (void)driver_async(engine->port, NULL, job_run, job, job_free);
  return MATY_OK;
}

void maty_work_ready(ErlDrvData data, ErlDrvThreadData thread_data) {
  maty_engine_t *engine = (maty_engine_t *)data;
  job_t *job = (job_t *)thread_data;
  ErlDrvTermData message[] = {ERL_DRV_ATOM,
                              maty_atoms.reply,
                              ERL_DRV_UINT64,
                              (ErlDrvTermData)&job->reference,
                              ERL_DRV_UINT,
                              (ErlDrvTermData)job->status,
                              ERL_DRV_UINT,
                              job->number,
                              ERL_DRV_BUF2BINARY,
                              (ErlDrvTermData)job->result.data,
                              job->result.size,
                              ERL_DRV_TUPLE,
                              5};
  int sent = erl_drv_send_term(driver_mk_port(engine->port), job->caller, message,
                               sizeof message / sizeof message[0]);
  if (sent <= 0 && job->op == MATY_OP_LOAD && job->status == MATY_OK) {
    /* Whoever wanted the image has ended. */
    (void)maty_registry_drop_image(job->number);
  }
  job_free(job);
}
