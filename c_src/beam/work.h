/* work.h - what is too long for a scheduler, on the VM's async threads.
 *
 * Questions to the checker, and loading an image. Each answers the caller with
 * {'$maty_reply', Reference, Status, Number, Binary}: the number is that of the image, the
 * binary what describe.h writes.
 */
#ifndef MATY_WORK_H
#define MATY_WORK_H

#include "engine.h"

/* Begins what MATY_OP_ASK or MATY_OP_LOAD asks for, with its data; MATY_ENOMEM if it cannot. */
maty_status maty_work_start(maty_engine_t *engine, maty_operation op, const char *data,
                            size_t size);

/* The callback of the driver's entry for work that is done. */
void maty_work_ready(ErlDrvData data, ErlDrvThreadData thread_data);

#endif /* MATY_WORK_H */
