/* engine.h - a port: one space of sessions, and the processes that take part in them.
 *
 * There are many ports, so that schedulers seldom meet on one lock: a port's lock, which
 * the VM holds whenever one of these functions is called, guards its space. A pid is the
 * owner of its endpoints, and driver_caller says whose call it is.
 *
 * Opening a session tells the owner of each endpoint, {'$maty_start', Number,
 * Handle, Participants, Image}: the number is the one that came with its token,
 * the participants are a pid for each role, or "away", and the image goes by its
 * number. An endpoint that fails tells its owner with {'$maty_failed', Handle,
 * Role}. A session of which this node has a part tells the owner of the port what
 * the other nodes have to know, in {'$maty_report', Session, Role, State, Live,
 * Channels}: the numbers of a maty_report_t, and its channels as they stand in
 * memory. Another node reads them as it does the image, of which it has the same.
 *
 * What always holds: a process that owns endpoints in a space is monitored by
 * its port; when it ends, its endpoints go. Who owns an endpoint has been told of
 * it: there is no moment at which the opener could end between the two. Only what
 * can be refused asks for memory, and is then as if it had not been asked for:
 * becoming a participant, opening a session, setting a deadline.
 */
#ifndef MATY_ENGINE_H
#define MATY_ENGINE_H

#include <erl_driver.h>

#include "command.h"

typedef struct maty_engine {
  ErlDrvPort port;
  maty_space_t *space;
  uint64_t armed; /* when the timer goes off, in milliseconds; UINT64_MAX: it is not set */
  /* Room for a report of any session that the space has a part of: none may be lost. */
  maty_channel_t *channels;
  uint32_t channel_capacity;
} maty_engine_t;

/* Made when the driver is loaded. */
typedef struct maty_atoms {
  ErlDrvTermData reply;
  ErlDrvTermData failed;
  ErlDrvTermData start;
  ErlDrvTermData report;
  ErlDrvTermData away;
} maty_atoms_t;

extern maty_atoms_t maty_atoms;

void maty_engine_init(void);

/* "number" and "seed" are those of maty_space_new, and so is what is returned. */
maty_status maty_engine_new(maty_engine_t **engine, ErlDrvPort port, uint32_t number,
                            uint64_t seed);

/* ----- Operations; see command.h for their data and replies ----- */

void maty_engine_info(maty_engine_t *engine, const char *data, maty_reply_t *reply);
void maty_engine_attach(maty_engine_t *engine, maty_reply_t *reply);

/* Tells the owners, or not: of a part, the reply has the session. */
void maty_engine_open(maty_engine_t *engine, const char *data, size_t size, bool announce,
                      maty_reply_t *reply);

/* The caller has to be the owner of the port. */
void maty_engine_part(maty_engine_t *engine, unsigned part, const char *data, size_t size,
                      maty_reply_t *reply);
maty_status maty_engine_deadline(maty_engine_t *engine, const char *data);

/* Counters from the "first" on, as many as there is room for. */
void maty_engine_counters(maty_engine_t *engine, size_t first, size_t room, maty_reply_t *reply);

/* Answers with {'$maty_reply', Reference, Status, Cursor, Endpoints}: some endpoints at a
 * time, each {Handle, Image, Owner, State}, those of a session in a row; the cursor is 0 at
 * the end. */
void maty_engine_list(maty_engine_t *engine, const char *data);

/* ----- Callbacks of the driver's entry; the data is an engine ----- */

void maty_engine_stop(ErlDrvData data);
void maty_engine_timeout(ErlDrvData data);
void maty_engine_process_exit(ErlDrvData data, ErlDrvMonitor *monitor);

#endif /* MATY_ENGINE_H */
