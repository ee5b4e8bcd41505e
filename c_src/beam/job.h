/* job.h - work that is too long for a scheduler: a question, and its answer.
 *
 * A question is a block of bytes that Erlang made: the kind, 32 bits, and then
 * fields, each its length, 32 bits, and its bytes. Numbers are in the machine's
 * order; a text ends in a zero byte, which counts. The answer is a status and a
 * term (see describe.h), or a status alone. Nothing here knows of the VM, and
 * whatever the bytes are, the answer is at worst MATY_EINVAL.
 */
#ifndef MATY_JOB_H
#define MATY_JOB_H

#include "describe.h"

typedef enum maty_job_kind {
  /* Settings (dialect, fairness, form: 8 bits each), name, text (no zero), and
   * for each text that can be imported its module, name and text
   * -> {Diagnostics, Protocols, Missing}. The form is 0 for protocols, or 1 and a
   * maty_machine_format for machines. */
  MATY_JOB_CHECK = 1,
  /* Settings (exploration_t in job.c), image -> {Diagnostics, Facts} */
  MATY_JOB_EXPLORE,
  MATY_JOB_COMPATIBLE,
  /* Roles (32 bits each), image, image -> {Diagnostics, Facts} */
  MATY_JOB_SUBTYPE,
  /* Format and role (32 bits each), image -> text */
  MATY_JOB_MACHINES,
  /* Diagram and role (32 bits each), image -> text */
  MATY_JOB_DRAW_ROLE,
  /* Diagram (32 bits), then as for CHECK with the protocol's name before the
   * settings -> text */
  MATY_JOB_DRAW_PROTOCOL,
  /* As for CHECK -> text */
  MATY_JOB_FORMAT,
  /* Language and role (32 bits each), module's name, image -> text */
  MATY_JOB_SKELETON,
  /* Image, behaviour -> {Diagnostics, Facts} */
  MATY_JOB_HANDLERS
} maty_job_kind;

/* Answers a question. The term is written into "result", which is empty and has
 * its allocator. It is there with MATY_OK, MATY_EREJECTED and MATY_ELIMIT. */
maty_status maty_job_run(const void *question, size_t size, maty_bytes_t *result);

#endif /* MATY_JOB_H */
