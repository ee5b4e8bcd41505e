/* maty_drv.c - the linked-in port driver: the engine as the BEAM sees it.
 *
 * Commands come through port_control/3, see command.h, and go to the port's engine, see
 * engine.h; what is long goes to the VM's async threads, see work.h. A message that has to
 * be shown comes through port_call/3, see drv_call, unless it is large: then its pieces
 * come through port_control/3.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine.h"
#include "etf.h"
#include "registry.h"
#include "term.h"
#include "work.h"

enum {
  /* A message is looked at in one go on a scheduler; see the decoder's steps
   * for what it may cost. What is larger does not even get copied. */
  MAX_MESSAGE = 4 * 1024 * 1024
};

/* ----- Steps ----- */

static void step_reply(maty_reply_t *reply, maty_status status, const maty_step_t *step,
                       bool ticket) {
  if (status == MATY_OK) {
    maty_reply_byte(reply, (unsigned)step->phase);
    if (ticket) {
      maty_reply_number(reply, step->ticket, 2);
    }
    return;
  }
  maty_reply_status(reply, status);
  if (status == MATY_EPAYLOAD || status == MATY_ELIMIT || status == MATY_ETERM) {
    maty_reply_byte(reply, step->field);
  }
}

/* "shown" is the message if one is shown, else NULL. */
static void drv_step(maty_engine_t *engine, maty_operation op, unsigned command,
                     maty_handle_t handle, maty_etf_t *shown, maty_reply_t *reply) {
  uint32_t action = (command >> MATY_COMMAND_ACTION_SHIFT) & MATY_COMMAND_ACTION_MASK;
  uint16_t argument = (uint16_t)command;
  maty_owner_t caller = driver_caller(engine->port);
  bool send = op == MATY_OP_SEND || op == MATY_OP_SEND_TERM;
  maty_payload_t payload = {.tags = argument};
  maty_step_t step = {0};
  maty_status status;
  if (shown != NULL) {
    payload.judge = maty_etf_judge;
    payload.context = shown;
  }
  if (send) {
    status = maty_endpoint_send(engine->space, handle, caller, action, &payload, &step);
  } else {
    status = maty_endpoint_receive(engine->space, handle, caller, action, argument,
                                   shown == NULL ? NULL : &payload, &step);
  }
  step_reply(reply, status, &step, send);
}

static void drv_step_shown(maty_engine_t *engine, maty_operation op, unsigned command,
                           const char *data, size_t size, maty_reply_t *reply) {
  maty_etf_t shown;
  maty_status status = size > MAX_MESSAGE
                           ? MATY_ELIMIT
                           : maty_etf_open(&shown, (const uint8_t *)data + MATY_SHOWN_MESSAGE,
                                           size - MATY_SHOWN_MESSAGE, data[MATY_SHOWN_HOLLOW] != 0);
  if (status == MATY_OK) {
    drv_step(engine, op, command, maty_data_word(data), &shown, reply);
  } else {
    step_reply(reply, status, &(maty_step_t){0}, false);
  }
}

/* ----- The driver's entry ----- */

/* The bytes that the data of an operation has at least. */
static size_t operation_size(unsigned op) {
  switch (op) {
  case MATY_OP_ATTACH:
  case MATY_OP_COUNTERS:
    return 0;
  case MATY_OP_SEND_TERM:
  case MATY_OP_RECEIVE_TERM:
    return MATY_SHOWN_MESSAGE;
  case MATY_OP_OPEN:
    return MATY_OPEN_PLACES;
  case MATY_OP_DEADLINE:
    return 12;
  case MATY_OP_LIST:
    return 16;
  default:
    return 8;
  }
}

static ErlDrvSSizeT drv_control(ErlDrvData drv_data, unsigned command, char *data, ErlDrvSizeT size,
                                char **buffer, ErlDrvSizeT buffer_size) {
  maty_engine_t *engine = (maty_engine_t *)drv_data;
  unsigned op = command >> MATY_COMMAND_OP_SHIFT;
  if (size < operation_size(op)) {
    return -1; /* badarg in the caller */
  }
  uint32_t action = (command >> MATY_COMMAND_ACTION_SHIFT) & MATY_COMMAND_ACTION_MASK;
  maty_reply_t reply = {.bytes = (uint8_t *)*buffer, .size = 0};
  switch (op) {
  case MATY_OP_SEND:
  case MATY_OP_RECEIVE:
    drv_step(engine, (maty_operation)op, command, maty_data_word(data), NULL, &reply);
    break;
  case MATY_OP_SEND_TERM:
  case MATY_OP_RECEIVE_TERM:
    drv_step_shown(engine, (maty_operation)op, command, data, size, &reply);
    break;
  case MATY_OP_CLOSE:
    maty_reply_status(&reply, maty_endpoint_close(engine->space, maty_data_word(data),
                                                  driver_caller(engine->port)));
    break;
  case MATY_OP_CANCEL:
    maty_reply_status(&reply, maty_endpoint_cancel(engine->space, maty_data_word(data),
                                                   driver_caller(engine->port)));
    break;
  case MATY_OP_OPEN:
    maty_engine_open(engine, data, size, true, &reply);
    break;
  case MATY_OP_PART:
    if (driver_caller(engine->port) != driver_connected(engine->port)) {
      return -1;
    }
    maty_engine_part(engine, action, data, size, &reply);
    break;
  case MATY_OP_ATTACH:
    maty_engine_attach(engine, &reply);
    break;
  case MATY_OP_INFO:
    maty_engine_info(engine, data, &reply);
    break;
  case MATY_OP_COUNTERS:
    maty_engine_counters(engine, action, buffer_size, &reply);
    break;
  case MATY_OP_ASK:
  case MATY_OP_LOAD:
    maty_reply_status(&reply, maty_work_start(engine, (maty_operation)op, data, size));
    break;
  case MATY_OP_LIST:
    maty_engine_list(engine, data);
    maty_reply_status(&reply, MATY_OK);
    break;
  case MATY_OP_DEADLINE:
    maty_reply_status(&reply, maty_engine_deadline(engine, data));
    break;
  default:
    return -1;
  }
  return (ErlDrvSSizeT)reply.size;
}

/* erlang:port_call/3 encodes a term straight into the driver's buffer, which
 * spares a binary, so this is how messages are shown: the operation is
 * MATY_OP_SEND_TERM or MATY_OP_RECEIVE_TERM, with MATY_CALL_HOLLOW if the message is
 * hollow, and the term is the message with the handle in place of its label. The
 * reply is one number, for which the VM wants a term as well: the first byte of a
 * reply shifted left by 16, and the ticket or the field. */
static ErlDrvSSizeT drv_call(ErlDrvData drv_data, unsigned command, char *data, ErlDrvSizeT size,
                             char **buffer, ErlDrvSizeT buffer_size, unsigned *flags) {
  maty_engine_t *engine = (maty_engine_t *)drv_data;
  uint8_t bytes[4];
  maty_reply_t stepped = {.bytes = bytes, .size = 0};
  (void)flags;
  bool hollow = (command & MATY_CALL_HOLLOW) != 0;
  unsigned op = (command & ~MATY_CALL_HOLLOW) >> MATY_COMMAND_OP_SHIFT;
  maty_etf_t shown;
  if ((op != MATY_OP_SEND_TERM && op != MATY_OP_RECEIVE_TERM) || buffer_size < 6 ||
      maty_etf_open(&shown, (const uint8_t *)data, size, hollow) != MATY_OK ||
      shown.label_size != sizeof(maty_handle_t)) {
    return -1; /* badarg in the caller */
  }
  drv_step(engine, (maty_operation)op, command, maty_data_word((const char *)shown.label), &shown,
           &stepped);
  uint32_t rest = 0;
  for (size_t i = 1; i < stepped.size; i++) {
    rest = rest << 8 | bytes[i];
  }
  maty_reply_t reply = {.bytes = (uint8_t *)*buffer, .size = 0};
  maty_reply_byte(&reply, ETF_VERSION);
  maty_reply_byte(&reply, ETF_INTEGER);
  maty_reply_number(&reply, (uint64_t)bytes[0] << 16 | rest, 4);
  return (ErlDrvSSizeT)reply.size;
}

/* The command that opens a port is "maty_drv NUMBER SEED MAX_MEMORY", where the
 * last is the same for all ports of one engine, and 0 is no limit. With
 * MATY_FAULTS "maty_drv fail N" opens none and lets the N-th allocation from now
 * on fail; the error is enomem if the one before has failed, and eagain if not. */
static ErlDrvData drv_start(ErlDrvPort port, char *command) {
  enum { WORDS = 3 };
  uint64_t words[WORDS] = {0};
  int count = 0;
  const char *at = strchr(command, ' ');
#ifdef MATY_FAULTS
  if (at != NULL && strncmp(at, " fail ", 6) == 0) {
    errno = maty_registry_fail_at(strtol(at + 6, NULL, 10)) ? ENOMEM : EAGAIN;
    return ERL_DRV_ERROR_ERRNO;
  }
#endif
  for (; at != NULL && count < WORDS; at = strchr(at, ' '), count++) {
    for (at++; *at >= '0' && *at <= '9'; at++) {
      words[count] = words[count] * 10 + (uint64_t)(*at - '0');
    }
  }
  if (count != WORDS || words[0] > UINT32_MAX) {
    return ERL_DRV_ERROR_BADARG;
  }
  maty_registry_set_max_memory(words[2]);
  maty_engine_t *engine;
  maty_status status = maty_engine_new(&engine, port, (uint32_t)words[0], words[1]);
  if (status != MATY_OK) {
    errno = ENOMEM;
    return status == MATY_ENOMEM ? ERL_DRV_ERROR_ERRNO : ERL_DRV_ERROR_BADARG;
  }
  return (ErlDrvData)engine;
}

static int drv_init(void) {
  maty_engine_init();
  return maty_registry_init() ? 0 : -1;
}

static ErlDrvEntry drv_entry = {
    .init = drv_init,
    .start = drv_start,
    .stop = maty_engine_stop,
    .driver_name = "maty_drv",
    .finish = maty_registry_finish,
    .control = drv_control,
    .call = drv_call,
    .timeout = maty_engine_timeout,
    .ready_async = maty_work_ready,
    .extended_marker = (int)ERL_DRV_EXTENDED_MARKER,
    .major_version = ERL_DRV_EXTENDED_MAJOR_VERSION,
    .minor_version = ERL_DRV_EXTENDED_MINOR_VERSION,
    .driver_flags = ERL_DRV_FLAG_USE_PORT_LOCKING,
    .process_exit = maty_engine_process_exit,
};

DRIVER_INIT(maty_drv) { return &drv_entry; }
