/* maty_drv.c - the linked-in port driver: the engine as the BEAM sees it.
 *
 * Each port is one space of sessions, and its lock guards that space. There are
 * many ports, so that schedulers seldom meet on one lock. A pid is the owner of
 * its endpoints, and driver_caller says whose call it is.
 *
 * Everything but long work goes through port_control/3. Its command word is
 *
 *      bits 31    27             15               0
 *          +-----+--------------+-----------------+
 *          |  op |    action    |   tags, ticket  |
 *          +-----+--------------+-----------------+
 *
 * and its data begins with the handle, 8 bytes in the machine's order, so that
 * a process needs to make it only once per endpoint. The reply is a list of
 * bytes. Its first byte is the phase the endpoint is in after a step, or 0, or
 * 128 and a maty_status; what follows depends on the operation, below.
 *
 * Questions to the checker and loading an image run on the VM's async threads,
 * and answer the caller with {'$maty_reply', Reference, Status, Number, Binary}.
 * OP_LIST answers with {'$maty_reply', Reference, Status, Cursor, Endpoints}, some of
 * them at a time, each {Handle, Image, Owner, State}, those of a session in a row; the
 * cursor is 0 at the end.
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
 * A message that has to be shown comes through port_call/3, see call_data, unless
 * it is large: then its pieces come through port_control/3.
 *
 * What always holds: a process that owns endpoints in a space is monitored by
 * its port; when it ends, its endpoints go. Who owns an endpoint has been told of
 * it: there is no moment at which the opener could end between the two. Only what
 * can be refused asks for memory, and is then as if it had not been asked for:
 * becoming a participant, opening a session, setting a deadline, asking and loading.
 */
#include <erl_driver.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "etf.h"
#include "job.h"
#include "registry.h"
#include "term.h"

enum operation {
  OP_PART,         /* one of those below, by the action */
  OP_SEND,         /* handle -> phase, ticket (2 bytes, high first) */
  OP_SEND_TERM,    /* handle, message as for maty_etf_open -> the same */
  OP_RECEIVE,      /* handle -> phase */
  OP_RECEIVE_TERM, /* handle, message -> the same */
  OP_CLOSE,        /* handle -> nothing */
  OP_CANCEL,       /* handle -> nothing */
  OP_OPEN,         /* image (32 bits), bound of each channel (32), maty_overload (32), a token
                      (64, 0 for one that is away) and a number (64) for each role -> nothing;
                      refused as EDEAD: the role follows (2 bytes) */
  OP_ATTACH,       /* -> 0, the caller's token (8 bytes) */
  OP_INFO,         /* handle -> phase, image state (4 bytes), whether it is the caller's (1) */
  OP_COUNTERS,     /* the action: the first one wanted -> 0, as many counters as fit, 8 bytes each,
                      in the order of the structure, and two of the driver as a whole: memory
                      held, and what may be, or 0 */
  OP_ASK,          /* reference (64), question (see job.h) -> nothing */
  OP_LOAD,         /* reference (64), image -> nothing */
  OP_LIST,         /* reference (64), cursor (64, 0 at first) -> nothing */
  OP_DEADLINE = 15 /* handle, milliseconds from now (32) -> nothing */
};

/* What is done with this node's part of a session, by the owner of the port only. */
enum part {
  PART_OPEN,   /* as OP_OPEN, but nobody is told -> session (8 bytes) */
  PART_REPORT, /* session, role (32), state (32), channels as above or none -> nothing */
  PART_ABANDON /* session -> nothing */
};

enum {
  COMMAND_OP_SHIFT = 28,
  COMMAND_ACTION_SHIFT = 16,
  COMMAND_ACTION_MASK = 0xfff,
  REPLY_ERROR = 128,
  HANDLE_SIZE = sizeof(maty_handle_t),

  /* A message is looked at in one go on a scheduler; see the decoder's steps
   * for what it may cost. What is larger does not even get copied. */
  MAX_MESSAGE = 4 * 1024 * 1024,

  /* What OP_LIST looks at and tells in one go. */
  LIST_SLOTS = 4096,
  LIST_ENDPOINTS = 64
};

typedef struct engine {
  ErlDrvPort port;
  maty_space_t *space;
  uint64_t armed; /* when the timer goes off, in milliseconds; UINT64_MAX: it is not set */
  /* Room for a report of any session that the space has a part of: none may be lost. */
  maty_channel_t *channels;
  uint32_t channel_capacity;
} engine_t;

/* A reply being written. It fits the buffer that the VM provides. */
typedef struct reply {
  uint8_t *bytes;
  size_t size;
} reply_t;

static struct {
  ErlDrvTermData reply;
  ErlDrvTermData failed;
  ErlDrvTermData start;
  ErlDrvTermData report;
  ErlDrvTermData away;
} atoms;

/* The allocator of everything here. */
static void *memory_resize(void *block, size_t old_size, size_t size) {
  maty_allocator_t allocator = maty_registry_allocator();
  return allocator.resize(allocator.context, block, old_size, size);
}

/* ----- Replies ----- */

static void reply_byte(reply_t *reply, unsigned value) {
  reply->bytes[reply->size++] = (uint8_t)value;
}

static void reply_status(reply_t *reply, maty_status status) {
  reply_byte(reply, status == MATY_OK ? 0 : REPLY_ERROR + (unsigned)status);
}

/* High byte first, as Erlang matches it. */
static void reply_number(reply_t *reply, uint64_t value, unsigned bytes) {
  while (bytes > 0) {
    bytes--;
    reply_byte(reply, (unsigned)(value >> (8 * bytes)) & 0xff);
  }
}

/* ----- Data of a command ----- */

static uint64_t data_word(const char *data) {
  uint64_t word;
  memcpy(&word, data, sizeof word);
  return word;
}

static uint32_t data_half(const char *data) {
  uint32_t half;
  memcpy(&half, data, sizeof half);
  return half;
}

/* ----- Steps ----- */

static void step_reply(reply_t *reply, maty_status status, const maty_step_t *step, bool ticket) {
  if (status == MATY_OK) {
    reply_byte(reply, (unsigned)step->phase);
    if (ticket) {
      reply_number(reply, step->ticket, 2);
    }
    return;
  }
  reply_status(reply, status);
  if (status == MATY_EPAYLOAD || status == MATY_ELIMIT || status == MATY_ETERM) {
    reply_byte(reply, step->field);
  }
}

static void engine_step(engine_t *engine, enum operation op, unsigned command, const char *data,
                        size_t size, reply_t *reply) {
  uint32_t action = (command >> COMMAND_ACTION_SHIFT) & COMMAND_ACTION_MASK;
  uint16_t argument = (uint16_t)command;
  maty_owner_t caller = driver_caller(engine->port);
  maty_handle_t handle = data_word(data);
  bool send = op == OP_SEND || op == OP_SEND_TERM;
  maty_payload_t payload = {.tags = argument};
  maty_step_t step = {0};
  maty_status status = MATY_OK;
  maty_etf_t etf;
  if (op == OP_SEND_TERM || op == OP_RECEIVE_TERM) {
    status = size > MAX_MESSAGE
                 ? MATY_ELIMIT
                 : maty_etf_open(&etf, (const uint8_t *)data + HANDLE_SIZE, size - HANDLE_SIZE);
    payload.judge = maty_etf_judge;
    payload.context = &etf;
  }
  if (status == MATY_OK && send) {
    status = maty_endpoint_send(engine->space, handle, caller, action, &payload, &step);
  } else if (status == MATY_OK) {
    status = maty_endpoint_receive(engine->space, handle, caller, action, argument,
                                   op == OP_RECEIVE ? NULL : &payload, &step);
  }
  step_reply(reply, status, &step, send);
}

static void engine_info(engine_t *engine, maty_handle_t handle, reply_t *reply) {
  maty_endpoint_info_t info;
  maty_status status = maty_endpoint_info(engine->space, handle, &info);
  if (status != MATY_OK) {
    reply_status(reply, status);
    return;
  }
  reply_byte(reply, (unsigned)info.phase);
  reply_number(reply, info.state, 4);
  reply_byte(reply, info.owner == driver_caller(engine->port));
}

/* ----- Sessions and participants ----- */

/* Enrols a process, and watches it from then on. */
static maty_status engine_enrol(engine_t *engine, ErlDrvTermData process) {
  ErlDrvMonitor monitor;
  if (maty_space_enrolled(engine->space, process)) {
    return MATY_OK;
  }
  maty_status status = maty_space_enrol(engine->space, process);
  if (status == MATY_OK && driver_monitor_process(engine->port, process, &monitor) != 0) {
    maty_space_dismiss(engine->space, process);
    return MATY_EDEAD;
  }
  return status;
}

static void engine_attach(engine_t *engine, reply_t *reply) {
  maty_token_t token = 0;
  ErlDrvTermData caller = driver_caller(engine->port);
  maty_status status = engine_enrol(engine, caller);
  if (status == MATY_OK) {
    status = maty_registry_add_participant(caller, &token);
  }
  reply_status(reply, status);
  if (status == MATY_OK) {
    reply_number(reply, token, 8);
  }
}

/* What OP_OPEN has of a role. */
enum { PLACE_NUMBER = sizeof(maty_token_t), PLACE_SIZE = PLACE_NUMBER + 8 };

/* Turns tokens into owners; "role" is the one that a failure is about. */
static maty_status engine_owners(engine_t *engine, const char *places, uint32_t count,
                                 maty_owner_t *owners, uint32_t *role) {
  for (*role = 0; *role < count; (*role)++) {
    maty_token_t token = data_word(places + *role * PLACE_SIZE);
    ErlDrvTermData process = 0;
    if (token != 0) {
      if (!maty_registry_participant(token, &process)) {
        return MATY_EDEAD;
      }
      maty_status status = engine_enrol(engine, process);
      if (status != MATY_OK) {
        return status;
      }
    }
    owners[*role] = process;
  }
  return MATY_OK;
}

/* As OP_OPEN has it. */
typedef struct bound {
  uint32_t most, overload;
} bound_t;

enum { OPEN_IMAGE = 4, OPEN_PLACES = OPEN_IMAGE + sizeof(bound_t) };

/* A session that is being opened. */
typedef struct opening {
  uint32_t image; /* its number */
  bool announce;  /* tell the owners */
  bound_t bound;
  maty_handle_t session;
  uint32_t role; /* on MATY_EDEAD: whose participant has ended */
} opening_t;

/* Tells each owner of its endpoint. "words" is room for the message. */
static void engine_announce(engine_t *engine, const opening_t *opening, const char *places,
                            const maty_owner_t *owners, uint32_t count, ErlDrvTermData *words) {
  ErlDrvUInt64 number = 0, handle = 0;
  size_t size = 0;
  const ErlDrvTermData head[] = {ERL_DRV_ATOM,   atoms.start,
                                 ERL_DRV_UINT64, (ErlDrvTermData)&number,
                                 ERL_DRV_UINT64, (ErlDrvTermData)&handle};
  const ErlDrvTermData tail[] = {ERL_DRV_TUPLE,  count,         ERL_DRV_UINT,
                                 opening->image, ERL_DRV_TUPLE, 5};
  memcpy(words, head, sizeof head);
  size += sizeof head / sizeof head[0];
  for (uint32_t role = 0; role < count; role++) {
    words[size++] = owners[role] != 0 ? ERL_DRV_PID : ERL_DRV_ATOM;
    words[size++] = owners[role] != 0 ? (ErlDrvTermData)owners[role] : atoms.away;
  }
  memcpy(&words[size], tail, sizeof tail);
  size += sizeof tail / sizeof tail[0];
  for (uint32_t role = 0; role < count; role++) {
    if (owners[role] != 0) {
      number = data_word(places + role * PLACE_SIZE + PLACE_NUMBER);
      handle = opening->session + role;
      /* Fails only if the owner has ended; the port will hear of that. */
      (void)erl_drv_send_term(driver_mk_port(engine->port), (ErlDrvTermData)owners[role], words,
                              (int)size);
    }
  }
}

enum { ANNOUNCE_FIXED = 6 + 6 }; /* words of the message besides two for each role */

/* Makes room for a session, and for the reports of one that nobody is told of: others have
 * parts of it. */
static maty_status engine_reserve(engine_t *engine, const maty_image_t *image, bool announce) {
  uint32_t count = maty_image_channel_count(image);
  if (!announce && count > engine->channel_capacity) {
    maty_channel_t *moved = memory_resize(
        engine->channels, engine->channel_capacity * sizeof *moved, count * sizeof *moved);
    if (moved == NULL) {
      return MATY_ENOMEM;
    }
    engine->channels = moved;
    engine->channel_capacity = count;
  }
  return maty_space_reserve(engine->space);
}

static maty_status engine_open_image(engine_t *engine, maty_image_t *image, const char *places,
                                     size_t size, opening_t *opening) {
  uint32_t count = maty_image_role_count(image);
  if (opening->bound.overload > MATY_OVERLOAD_FAIL || size != count * (size_t)PLACE_SIZE) {
    return MATY_EINVAL;
  }
  enum { FEW = 16 };
  struct {
    maty_owner_t owners[FEW];
    ErlDrvTermData words[ANNOUNCE_FIXED + 2 * FEW];
  } few;
  maty_owner_t *owners = few.owners;
  ErlDrvTermData *words = few.words;
  size_t many = count * sizeof *owners + (ANNOUNCE_FIXED + 2 * (size_t)count) * sizeof *words;
  if (count > FEW) {
    owners = memory_resize(NULL, 0, many);
    if (owners == NULL) {
      return MATY_ENOMEM;
    }
    words = (ErlDrvTermData *)(owners + count);
  }
  /* First, because it is the most: where it fails, nothing has been enrolled for nothing. */
  maty_status status = engine_reserve(engine, image, opening->announce);
  if (status == MATY_OK) {
    status = engine_owners(engine, places, count, owners, &opening->role);
  }
  if (status == MATY_OK) {
    status = maty_space_open(engine->space, image, owners, &opening->session);
  }
  if (status == MATY_OK) {
    (void)maty_session_bound(engine->space, opening->session, opening->bound.most,
                             (maty_overload)opening->bound.overload);
  }
  if (status == MATY_OK && opening->announce) {
    engine_announce(engine, opening, places, owners, count, words);
  }
  if (owners != few.owners) {
    memory_resize(owners, many, 0);
  }
  return status;
}

static void engine_open(engine_t *engine, const char *data, size_t size, bool announce,
                        reply_t *reply) {
  opening_t opening = {.image = data_half(data), .announce = announce};
  maty_status status = MATY_EINVAL;
  maty_image_t *image = maty_registry_image(opening.image);
  if (image != NULL) {
    memcpy(&opening.bound, data + OPEN_IMAGE, sizeof opening.bound);
    status = engine_open_image(engine, image, data + OPEN_PLACES, size - OPEN_PLACES, &opening);
    maty_image_release(image);
  }
  reply_status(reply, status);
  if (status == MATY_EDEAD) {
    reply_number(reply, opening.role, 2);
  } else if (status == MATY_OK && !announce) {
    reply_number(reply, opening.session, 8);
  }
}

static void engine_failure(void *context, maty_handle_t handle, maty_owner_t owner,
                           uint32_t cause) {
  engine_t *engine = context;
  ErlDrvUInt64 number = handle;
  ErlDrvTermData message[] = {ERL_DRV_ATOM, atoms.failed, ERL_DRV_UINT64, (ErlDrvTermData)&number,
                              ERL_DRV_UINT, cause,        ERL_DRV_TUPLE,  3};
  /* Fails only if the owner has ended, and then nobody waits any more. */
  (void)erl_drv_send_term(driver_mk_port(engine->port), (ErlDrvTermData)owner, message,
                          sizeof message / sizeof message[0]);
}

/* ----- Sessions that span nodes ----- */

enum { REPORT_HEAD = 16, REPORT_CHANNEL = sizeof(maty_channel_t) };

static void engine_report(void *context, const maty_report_t *report) {
  engine_t *engine = context;
  ErlDrvUInt64 session = report->session;
  ErlDrvTermData message[] = {ERL_DRV_ATOM,
                              atoms.report,
                              ERL_DRV_UINT64,
                              (ErlDrvTermData)&session,
                              ERL_DRV_UINT,
                              report->role,
                              ERL_DRV_UINT,
                              report->state,
                              ERL_DRV_UINT,
                              report->live,
                              ERL_DRV_BUF2BINARY,
                              (ErlDrvTermData)report->channels,
                              report->channel_count * (ErlDrvTermData)REPORT_CHANNEL,
                              ERL_DRV_TUPLE,
                              6};
  (void)erl_drv_output_term(driver_mk_port(engine->port), message,
                            sizeof message / sizeof message[0]);
}

static maty_status engine_take_report(engine_t *engine, const char *data, size_t size) {
  size_t count = (size - REPORT_HEAD) / REPORT_CHANNEL;
  maty_report_t report = {.session = data_word(data),
                          .role = data_half(data + 8),
                          .state = data_half(data + 12),
                          .channel_count = (uint32_t)count};
  if (count > engine->channel_capacity) {
    return MATY_EINVAL;
  }
  if (count > 0) {
    memcpy(engine->channels, data + REPORT_HEAD, count * REPORT_CHANNEL);
    report.channels = engine->channels;
  }
  return maty_space_report(engine->space, &report);
}

static void engine_part(engine_t *engine, unsigned part, const char *data, size_t size,
                        reply_t *reply) {
  switch (part) {
  case PART_OPEN:
    if (size < OPEN_PLACES) {
      reply_status(reply, MATY_EINVAL);
    } else {
      engine_open(engine, data, size, false, reply);
    }
    break;
  case PART_REPORT:
    reply_status(reply, size < REPORT_HEAD ? MATY_EINVAL : engine_take_report(engine, data, size));
    break;
  case PART_ABANDON:
    reply_status(reply, maty_space_abandon(engine->space, data_word(data)));
    break;
  default:
    reply_status(reply, MATY_EINVAL);
  }
}

static void engine_counters(engine_t *engine, size_t first, size_t room, reply_t *reply) {
  maty_space_counters_t counters;
  maty_space_counters(engine->space, &counters);
  const uint64_t values[] = {
      counters.sessions_opened,  counters.sessions_closed, counters.sent,
      counters.received,         counters.waited,          counters.refused,
      counters.cancelled,        counters.expired,         counters.overloaded,
      counters.endpoints,        counters.bytes,           maty_registry_memory(),
      maty_registry_max_memory()};
  reply_status(reply, MATY_OK);
  for (size_t i = first; i < sizeof values / sizeof values[0] && room - reply->size >= 8; i++) {
    reply_number(reply, values[i], 8);
  }
}

/* The cursor is the handle of the endpoint to go on with, or nothing but its slot. */
static void engine_list(engine_t *engine, const char *data) {
  enum { SLOT_MASK = (1 << MATY_HANDLE_SLOT_BITS) - 1, HEAD = 8, ENDPOINT = 10, TAIL = 5 };
  ErlDrvUInt64 reference = data_word(data);
  ErlDrvUInt64 cursor = data_word(data + 8);
  ErlDrvUInt64 handles[LIST_ENDPOINTS];
  const ErlDrvTermData head[HEAD] = {
      ERL_DRV_ATOM, atoms.reply, ERL_DRV_UINT64, (ErlDrvTermData)&reference,
      ERL_DRV_UINT, MATY_OK,     ERL_DRV_UINT64, (ErlDrvTermData)&cursor};
  ErlDrvTermData words[HEAD + LIST_ENDPOINTS * ENDPOINT + TAIL];
  ErlDrvTermData count = 0;
  size_t size = HEAD;
  memcpy(words, head, sizeof head);
  uint32_t slot = (uint32_t)(cursor >> MATY_HANDLE_ROLE_BITS) & SLOT_MASK;
  while (count < LIST_ENDPOINTS) {
    const maty_image_t *image = NULL;
    maty_handle_t session = 0;
    maty_status status = maty_space_next(engine->space, &slot, LIST_SLOTS, &session, &image);
    if (status != MATY_OK) {
      cursor = status == MATY_ESTALE ? 0 : (ErlDrvUInt64)slot << MATY_HANDLE_ROLE_BITS;
      break;
    }
    uint32_t number = 0, roles = maty_image_role_count(image);
    uint32_t role = cursor - session < roles ? (uint32_t)(cursor - session) : 0;
    (void)maty_registry_number(image, &number);
    for (; role < roles && count < LIST_ENDPOINTS; role++) {
      maty_endpoint_info_t info;
      handles[count] = session + role;
      if (maty_endpoint_info(engine->space, session + role, &info) == MATY_OK) {
        const ErlDrvTermData endpoint[ENDPOINT] = {ERL_DRV_UINT64, (ErlDrvTermData)&handles[count],
                                                   ERL_DRV_UINT,   number,
                                                   ERL_DRV_PID,    info.owner,
                                                   ERL_DRV_UINT,   info.state,
                                                   ERL_DRV_TUPLE,  4};
        memcpy(&words[size], endpoint, sizeof endpoint);
        size += ENDPOINT;
        count++;
      }
    }
    cursor = role < roles ? session + role : (ErlDrvUInt64)slot << MATY_HANDLE_ROLE_BITS;
  }
  const ErlDrvTermData tail[TAIL] = {ERL_DRV_NIL, ERL_DRV_LIST, count + 1, ERL_DRV_TUPLE, 5};
  memcpy(&words[size], tail, sizeof tail);
  (void)erl_drv_send_term(driver_mk_port(engine->port), driver_caller(engine->port), words,
                          (int)(size + TAIL));
}

/* ----- Deadlines ----- */

static uint64_t now(void) { return (uint64_t)erl_drv_monotonic_time(ERL_DRV_MSEC); }

static void engine_arm(engine_t *engine, uint64_t at, uint64_t present) {
  if (at < engine->armed) {
    engine->armed = at;
    (void)driver_set_timer(engine->port, at <= present ? 0 : (unsigned long)(at - present));
  }
}

static maty_status engine_deadline(engine_t *engine, const char *data) {
  uint64_t present = now(), at = present + data_half(data + HANDLE_SIZE);
  maty_status status =
      maty_endpoint_deadline(engine->space, data_word(data), driver_caller(engine->port), at);
  if (status == MATY_OK) {
    engine_arm(engine, at, present);
  }
  return status;
}

static void engine_timeout(ErlDrvData data) {
  engine_t *engine = (engine_t *)data;
  uint64_t present = now(), next;
  engine->armed = UINT64_MAX;
  if (maty_space_expire(engine->space, present, &next)) {
    engine_arm(engine, next, present);
  }
}

/* ----- Long work ----- */

typedef struct job {
  enum operation op;
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
      job->op == OP_ASK ? maty_job_run(job->data, job->size, &job->result) : job_load(job);
  if (job->result.failed) {
    /* What was written is no whole term. */
    job->status = MATY_ENOMEM;
    maty_bytes_free(&job->result);
  }
}

static void job_free(void *argument) {
  job_t *job = argument;
  maty_bytes_free(&job->result);
  memory_resize(job, sizeof *job + job->size, 0);
}

static maty_status engine_start_job(engine_t *engine, enum operation op, const char *data,
                                    size_t size) {
  job_t *job = memory_resize(NULL, 0, sizeof *job + size - 8);
  if (job == NULL) {
    return MATY_ENOMEM;
  }
  *job = (job_t){.op = op,
                 .caller = driver_caller(engine->port),
                 .reference = data_word(data),
                 .size = size - 8,
                 .result = {.allocator = maty_registry_allocator()}};
  memcpy(job->data, data + 8, size - 8);
  (void)driver_async(engine->port, NULL, job_run, job, job_free);
  return MATY_OK;
}

static void engine_ready_async(ErlDrvData data, ErlDrvThreadData thread_data) {
  engine_t *engine = (engine_t *)data;
  job_t *job = (job_t *)thread_data;
  ErlDrvTermData message[] = {ERL_DRV_ATOM,
                              atoms.reply,
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
  if (sent <= 0 && job->op == OP_LOAD && job->status == MATY_OK) {
    /* Whoever wanted the image has ended. */
    (void)maty_registry_drop_image(job->number);
  }
  job_free(job);
}

/* ----- The driver's entry ----- */

/* The bytes that the data of an operation has at least. */
static size_t operation_size(unsigned op) {
  switch (op) {
  case OP_ATTACH:
  case OP_COUNTERS:
    return 0;
  case OP_OPEN:
    return OPEN_PLACES;
  case OP_DEADLINE:
    return 12;
  case OP_LIST:
    return 16;
  default:
    return 8;
  }
}

static ErlDrvSSizeT engine_control(ErlDrvData drv_data, unsigned command, char *data,
                                   ErlDrvSizeT size, char **buffer, ErlDrvSizeT buffer_size) {
  engine_t *engine = (engine_t *)drv_data;
  unsigned op = command >> COMMAND_OP_SHIFT;
  if (size < operation_size(op)) {
    return -1; /* badarg in the caller */
  }
  uint32_t action = (command >> COMMAND_ACTION_SHIFT) & COMMAND_ACTION_MASK;
  reply_t reply = {.bytes = (uint8_t *)*buffer, .size = 0};
  switch (op) {
  case OP_SEND:
  case OP_SEND_TERM:
  case OP_RECEIVE:
  case OP_RECEIVE_TERM:
    engine_step(engine, (enum operation)op, command, data, size, &reply);
    break;
  case OP_CLOSE:
    reply_status(&reply,
                 maty_endpoint_close(engine->space, data_word(data), driver_caller(engine->port)));
    break;
  case OP_CANCEL:
    reply_status(&reply,
                 maty_endpoint_cancel(engine->space, data_word(data), driver_caller(engine->port)));
    break;
  case OP_OPEN:
    engine_open(engine, data, size, true, &reply);
    break;
  case OP_PART:
    if (driver_caller(engine->port) != driver_connected(engine->port)) {
      return -1;
    }
    engine_part(engine, action, data, size, &reply);
    break;
  case OP_ATTACH:
    engine_attach(engine, &reply);
    break;
  case OP_INFO:
    engine_info(engine, data_word(data), &reply);
    break;
  case OP_COUNTERS:
    engine_counters(engine, action, buffer_size, &reply);
    break;
  case OP_ASK:
  case OP_LOAD:
    reply_status(&reply, engine_start_job(engine, (enum operation)op, data, size));
    break;
  case OP_LIST:
    engine_list(engine, data);
    reply_status(&reply, MATY_OK);
    break;
  case OP_DEADLINE:
    reply_status(&reply, engine_deadline(engine, data));
    break;
  default:
    return -1;
  }
  return (ErlDrvSSizeT)reply.size;
}

/* erlang:port_call/3 encodes a term straight into the driver's buffer, which
 * spares a binary, so this is how messages are shown: the operation is
 * OP_SEND_TERM or OP_RECEIVE_TERM, the term is the message with a binary in place
 * of its label, which is what comes before a message in the data of port_control:
 * the handle, and a byte 0 if it is hollow. The reply is one number, for which the
 * VM wants a term as well: the first byte of a reply shifted left by 16, and the
 * ticket or the field. */

/* Writes over what stands before the fields, so that the data is as engine_step
 * wants it; the label is the shortest there is. Returns where it begins, or NULL if
 * the term is another one. */
static char *call_data(char *data, size_t size) {
  const uint8_t *term = (const uint8_t *)data;
  size_t tuple = size > 1 && term[1] == ETF_LARGE_TUPLE ? 5 : 2; /* bytes of its head */
  const uint8_t *binary = term + 1 + tuple;
  if (size < 1 + tuple + 5 || term[0] != ETF_VERSION ||
      (term[1] != ETF_SMALL_TUPLE && term[1] != ETF_LARGE_TUPLE) || binary[0] != ETF_BINARY ||
      binary[1] != 0 || binary[2] != 0 || binary[3] != 0) {
    return NULL;
  }
  size_t before = binary[4];
  if (before < HANDLE_SIZE || before > HANDLE_SIZE + 1 || size < 1 + tuple + 5 + before) {
    return NULL;
  }
  /* What is kept moves towards the start, as a label takes two bytes, and the head of
   * the binary took five. */
  uint8_t head[5];
  char *begin = data + 3;
  memcpy(head, term + 1, tuple);
  memmove(begin, binary + 5, before);
  begin[before] = (char)ETF_VERSION;
  memcpy(begin + before + 1, head, tuple);
  begin[before + 1 + tuple] = ETF_SMALL_ATOM_UTF8;
  begin[before + 2 + tuple] = 0;
  return begin;
}

static ErlDrvSSizeT engine_call(ErlDrvData drv_data, unsigned command, char *data, ErlDrvSizeT size,
                                char **buffer, ErlDrvSizeT buffer_size, unsigned *flags) {
  engine_t *engine = (engine_t *)drv_data;
  uint8_t bytes[4];
  reply_t stepped = {.bytes = bytes, .size = 0};
  (void)flags;
  unsigned op = command >> COMMAND_OP_SHIFT;
  char *begin = call_data(data, size);
  if ((op != OP_SEND_TERM && op != OP_RECEIVE_TERM) || buffer_size < 6 || begin == NULL) {
    return -1; /* badarg in the caller */
  }
  engine_step(engine, (enum operation)op, command, begin, size - (size_t)(begin - data), &stepped);
  uint32_t rest = 0;
  for (size_t i = 1; i < stepped.size; i++) {
    rest = rest << 8 | bytes[i];
  }
  reply_t reply = {.bytes = (uint8_t *)*buffer, .size = 0};
  reply_byte(&reply, ETF_VERSION);
  reply_byte(&reply, ETF_INTEGER);
  reply_number(&reply, (uint64_t)bytes[0] << 16 | rest, 4);
  return (ErlDrvSSizeT)reply.size;
}

/* The command that opens a port is "maty_drv NUMBER SEED MAX_MEMORY", where the
 * last is the same for all ports of one engine, and 0 is no limit. With
 * MATY_FAULTS "maty_drv fail N" opens none and lets the N-th allocation from now
 * on fail; the error is enomem if the one before has failed, and eagain if not. */
static ErlDrvData engine_start(ErlDrvPort port, char *command) {
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
  engine_t *engine = memory_resize(NULL, 0, sizeof *engine);
  if (engine == NULL) {
    errno = ENOMEM;
    return ERL_DRV_ERROR_ERRNO;
  }
  maty_allocator_t allocator = maty_registry_allocator();
  *engine = (engine_t){.port = port, .armed = UINT64_MAX};
  maty_status status = maty_space_new(&engine->space, (uint32_t)words[0], words[1], &allocator);
  if (status != MATY_OK) {
    memory_resize(engine, sizeof *engine, 0);
    errno = ENOMEM;
    return status == MATY_ENOMEM ? ERL_DRV_ERROR_ERRNO : ERL_DRV_ERROR_BADARG;
  }
  maty_space_on_failure(engine->space, engine_failure, engine);
  maty_space_on_report(engine->space, engine_report, engine);
  return (ErlDrvData)engine;
}

static void engine_stop(ErlDrvData data) {
  engine_t *engine = (engine_t *)data;
  maty_space_free(engine->space);
  memory_resize(engine->channels, engine->channel_capacity * sizeof *engine->channels, 0);
  memory_resize(engine, sizeof *engine, 0);
}

static void engine_process_exit(ErlDrvData data, ErlDrvMonitor *monitor) {
  engine_t *engine = (engine_t *)data;
  ErlDrvTermData process = driver_get_monitored_process(engine->port, monitor);
  maty_registry_drop_participant(process);
  maty_space_dismiss(engine->space, process);
}

static int engine_init(void) {
  atoms.reply = driver_mk_atom("$maty_reply");
  atoms.failed = driver_mk_atom("$maty_failed");
  atoms.start = driver_mk_atom("$maty_start");
  atoms.report = driver_mk_atom("$maty_report");
  atoms.away = driver_mk_atom("away");
  return maty_registry_init() ? 0 : -1;
}

static ErlDrvEntry engine_entry = {
    .init = engine_init,
    .start = engine_start,
    .stop = engine_stop,
    .driver_name = "maty_drv",
    .finish = maty_registry_finish,
    .control = engine_control,
    .call = engine_call,
    .timeout = engine_timeout,
    .ready_async = engine_ready_async,
    .extended_marker = (int)ERL_DRV_EXTENDED_MARKER,
    .major_version = ERL_DRV_EXTENDED_MAJOR_VERSION,
    .minor_version = ERL_DRV_EXTENDED_MINOR_VERSION,
    .driver_flags = ERL_DRV_FLAG_USE_PORT_LOCKING,
    .process_exit = engine_process_exit,
};

DRIVER_INIT(maty_drv) { return &engine_entry; }
