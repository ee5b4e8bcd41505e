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
 * Compiling a protocol, checking handlers and loading an image run on the VM's async
 * threads, and answer the caller with {'$maty_reply', Reference, Status, Number, Binary}.
 * OP_LIST answers with {'$maty_reply', Reference, Status, Cursor, Sessions}, some
 * sessions at a time; the cursor is 0 at the end. An endpoint that fails tells
 * its owner with {'$maty_failed', Handle, Role}.
 *
 * What always holds: a process that owns endpoints in a space is monitored by
 * its port; when it ends, its endpoints go.
 */
#include <erl_driver.h>
#include <string.h>

#include "describe.h"
#include "etf.h"
#include "registry.h"

enum operation {
  OP_SEND = 1,     /* handle -> phase, ticket (2 bytes, high first) */
  OP_SEND_TERM,    /* handle, message as for maty_etf_open -> the same */
  OP_RECEIVE,      /* handle -> phase */
  OP_RECEIVE_TERM, /* handle, message -> the same */
  OP_CLOSE,        /* handle -> nothing */
  OP_CANCEL,       /* handle -> nothing */
  OP_OPEN,         /* image (32 bits), a token (64) for each role, 0 for one that is away ->
                      0, handle (8 bytes); refused as EDEAD: the role follows (2 bytes) */
  OP_ATTACH,       /* -> 0, the caller's token (8 bytes) */
  OP_INFO,         /* handle -> phase, image state (4 bytes), whether it is the caller's (1) */
  OP_COUNTERS,     /* -> 0, the counters, 8 bytes each, in the order of the structure */
  OP_COMPILE,      /* reference (64), length of name (32), name, text -> nothing */
  OP_LOAD,         /* reference (64), image -> nothing */
  OP_LIST,         /* reference (64), cursor (32) -> nothing */
  OP_HANDLERS      /* reference (64), size of image (32), image, behaviour -> nothing */
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
  LIST_SESSIONS = 64
};

typedef struct engine {
  ErlDrvPort port;
  maty_space_t *space;
} engine_t;

/* A reply being written. It fits the buffer that the VM provides; only
 * counters, which nobody asks for in a hurry, need a larger one. */
typedef struct reply {
  uint8_t *bytes;
  size_t size;
} reply_t;

static struct {
  ErlDrvTermData reply;
  ErlDrvTermData failed;
} atoms;

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

/* Turns tokens into owners; "role" is the one that a failure is about. */
static maty_status engine_owners(engine_t *engine, const char *tokens, uint32_t count,
                                 maty_owner_t *owners, uint32_t *role) {
  for (*role = 0; *role < count; (*role)++) {
    maty_token_t token = data_word(tokens + *role * sizeof token);
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

static maty_status engine_open_image(engine_t *engine, maty_image_t *image, const char *tokens,
                                     size_t size, maty_handle_t *session, uint32_t *role) {
  uint32_t count = maty_image_role_count(image);
  if (size != count * sizeof(maty_token_t)) {
    return MATY_EINVAL;
  }
  maty_owner_t few[16];
  maty_owner_t *owners = count <= 16 ? few : driver_alloc(count * sizeof *owners);
  if (owners == NULL) {
    return MATY_ENOMEM;
  }
  maty_status status = engine_owners(engine, tokens, count, owners, role);
  if (status == MATY_OK) {
    status = maty_space_open(engine->space, image, owners, session);
  }
  if (owners != few) {
    driver_free(owners);
  }
  return status;
}

static void engine_open(engine_t *engine, const char *data, size_t size, reply_t *reply) {
  maty_handle_t session = 0;
  uint32_t role = 0;
  maty_status status = MATY_EINVAL;
  maty_image_t *image = maty_registry_image(data_half(data));
  if (image != NULL) {
    status = engine_open_image(engine, image, data + 4, size - 4, &session, &role);
    maty_image_release(image);
  }
  reply_status(reply, status);
  if (status == MATY_OK) {
    reply_number(reply, session, 8);
  } else if (status == MATY_EDEAD) {
    reply_number(reply, role, 2);
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

static void engine_counters(engine_t *engine, reply_t *reply) {
  maty_space_counters_t counters;
  maty_space_counters(engine->space, &counters);
  const uint64_t values[] = {counters.sessions_opened, counters.sessions_closed, counters.sent,
                             counters.received,        counters.waited,          counters.refused,
                             counters.cancelled,       counters.endpoints,       counters.bytes};
  reply_status(reply, MATY_OK);
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    reply_number(reply, values[i], 8);
  }
}

enum { COUNTERS_SIZE = 1 + 9 * 8 };

/* A term for the driver's send function, as it grows. */
typedef struct term {
  ErlDrvTermData *words;
  size_t size, capacity;
} term_t;

static bool term_put(term_t *term, const ErlDrvTermData *words, size_t count) {
  if (term->capacity - term->size < count) {
    size_t capacity = (term->size + count) * 2;
    ErlDrvTermData *moved = driver_realloc(term->words, capacity * sizeof *moved);
    if (moved == NULL) {
      return false;
    }
    term->words = moved;
    term->capacity = capacity;
  }
  memcpy(term->words + term->size, words, count * sizeof *words);
  term->size += count;
  return true;
}

/* {Handle, Image, [{Role, Pid, State}]} with the roles that are at home. Handles
 * stay where they are in "handles" until the term is sent. */
static bool term_put_session(term_t *term, const maty_space_t *space, ErlDrvUInt64 *handle,
                             const maty_image_t *image) {
  uint32_t number = 0;
  ErlDrvTermData endpoints = 0;
  (void)maty_registry_number(image, &number);
  const ErlDrvTermData head[] = {ERL_DRV_UINT64, (ErlDrvTermData)handle, ERL_DRV_UINT, number};
  bool ok = term_put(term, head, 4);
  for (uint32_t role = 0; role < maty_image_role_count(image) && ok; role++) {
    maty_endpoint_info_t info;
    if (maty_endpoint_info(space, *handle + role, &info) == MATY_OK) {
      const ErlDrvTermData endpoint[] = {ERL_DRV_UINT, role,       ERL_DRV_PID,   info.owner,
                                         ERL_DRV_UINT, info.state, ERL_DRV_TUPLE, 3};
      ok = term_put(term, endpoint, 8);
      endpoints++;
    }
  }
  const ErlDrvTermData tail[] = {ERL_DRV_NIL, ERL_DRV_LIST, endpoints + 1, ERL_DRV_TUPLE, 3};
  return ok && term_put(term, tail, 5);
}

static maty_status engine_list(engine_t *engine, const char *data) {
  ErlDrvUInt64 reference = data_word(data);
  uint32_t cursor = data_half(data + 8);
  ErlDrvUInt64 handles[LIST_SESSIONS];
  ErlDrvTermData count = 0;
  term_t term = {0};
  maty_status status = MATY_OK;
  const ErlDrvTermData head[] = {
      ERL_DRV_ATOM, atoms.reply, ERL_DRV_UINT64, (ErlDrvTermData)&reference,
      ERL_DRV_UINT, MATY_OK,     ERL_DRV_UINT,   0};
  bool ok = term_put(&term, head, 8);
  while (ok && count < LIST_SESSIONS) {
    const maty_image_t *image = NULL;
    maty_handle_t handle = 0;
    status = maty_space_next(engine->space, &cursor, LIST_SLOTS, &handle, &image);
    if (status != MATY_OK) {
      break;
    }
    handles[count] = handle;
    ok = term_put_session(&term, engine->space, &handles[count], image);
    count++;
  }
  const ErlDrvTermData tail[] = {ERL_DRV_NIL, ERL_DRV_LIST, count + 1, ERL_DRV_TUPLE, 5};
  ok = ok && term_put(&term, tail, 5);
  if (ok) {
    term.words[7] = status == MATY_ESTALE ? 0 : cursor;
    (void)erl_drv_send_term(driver_mk_port(engine->port), driver_caller(engine->port), term.words,
                            (int)term.size);
  }
  driver_free(term.words);
  return ok ? MATY_OK : MATY_ENOMEM;
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

static maty_status job_compile(job_t *job) {
  maty_config_t config = maty_config_default();
  config.allocator = job->result.allocator;
  uint32_t name_size = job->size < 4 ? 0 : data_half(job->data);
  if (job->size < 4 || job->size - 4 < name_size) {
    return MATY_EINVAL;
  }
  char *name = driver_alloc(name_size + 1);
  if (name == NULL) {
    return MATY_ENOMEM;
  }
  memcpy(name, job->data + 4, name_size);
  name[name_size] = '\0';
  maty_module_t *module = NULL;
  maty_status status = maty_module_check(&module, name, job->data + 4 + name_size,
                                         job->size - 4 - name_size, &config);
  if (module != NULL) {
    maty_describe_module(&job->result, module);
  }
  maty_module_free(module);
  driver_free(name);
  return status;
}

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

static maty_status job_handlers(job_t *job) {
  maty_config_t config = maty_config_default();
  config.allocator = job->result.allocator;
  uint32_t image_size = job->size < 4 ? 0 : data_half(job->data);
  if (job->size < 4 || job->size - 4 < image_size) {
    return MATY_EINVAL;
  }
  maty_image_t *image = NULL;
  maty_verdict_t *verdict = NULL;
  maty_status status = maty_image_load(&image, job->data + 4, image_size, &config.allocator);
  if (status != MATY_OK) {
    return status;
  }
  status = maty_behaviour_check(&verdict, image, job->data + 4 + image_size,
                                job->size - 4 - image_size, &config);
  if (verdict != NULL) {
    maty_describe_verdict(&job->result, verdict);
    maty_verdict_free(verdict);
  }
  maty_image_release(image);
  return status;
}

static maty_status job_work(job_t *job) {
  switch (job->op) {
  case OP_COMPILE:
    return job_compile(job);
  case OP_HANDLERS:
    return job_handlers(job);
  default:
    return job_load(job);
  }
}

static void job_run(void *argument) {
  job_t *job = argument;
  job->status = job_work(job);
  if (job->result.failed) {
    job->status = MATY_ENOMEM;
  }
}

static void job_free(void *argument) {
  job_t *job = argument;
  maty_bytes_free(&job->result);
  driver_free(job);
}

static maty_status engine_start_job(engine_t *engine, enum operation op, const char *data,
                                    size_t size) {
  job_t *job = driver_alloc(sizeof *job + size - 8);
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
    return 4;
  case OP_LIST:
    return 12;
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
  if (op == OP_COUNTERS && buffer_size < COUNTERS_SIZE) {
    *buffer = driver_alloc(COUNTERS_SIZE);
    if (*buffer == NULL) {
      return -1;
    }
  }
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
    engine_open(engine, data, size, &reply);
    break;
  case OP_ATTACH:
    engine_attach(engine, &reply);
    break;
  case OP_INFO:
    engine_info(engine, data_word(data), &reply);
    break;
  case OP_COUNTERS:
    engine_counters(engine, &reply);
    break;
  case OP_COMPILE:
  case OP_LOAD:
  case OP_HANDLERS:
    reply_status(&reply, engine_start_job(engine, (enum operation)op, data, size));
    break;
  case OP_LIST:
    reply_status(&reply, engine_list(engine, data));
    break;
  default:
    return -1;
  }
  return (ErlDrvSSizeT)reply.size;
}

/* erlang:port_call/3 encodes a term straight into the driver's buffer, which
 * spares a binary, so this is how a message is shown that has no large binaries
 * in it: the operation is OP_SEND_TERM, the term is {Data, Message} with the
 * same data as above, and the reply one number, for which the VM wants a term
 * as well: the first byte of a reply shifted left by 16, and the ticket or the
 * field. */
enum { CALL_HEAD = 8, CALL_MESSAGE = CALL_HEAD + HANDLE_SIZE };

static ErlDrvSSizeT engine_call(ErlDrvData drv_data, unsigned command, char *data, ErlDrvSizeT size,
                                char **buffer, ErlDrvSizeT buffer_size, unsigned *flags) {
  /* Version, a tuple of two, a binary of eight bytes. */
  static const uint8_t head[CALL_HEAD] = {131, 104, 2, 109, 0, 0, 0, HANDLE_SIZE};
  engine_t *engine = (engine_t *)drv_data;
  uint8_t bytes[4];
  reply_t stepped = {.bytes = bytes, .size = 0};
  (void)flags;
  if (command >> COMMAND_OP_SHIFT != OP_SEND_TERM || size <= CALL_MESSAGE || buffer_size < 6 ||
      memcmp(data, head, CALL_HEAD) != 0) {
    return -1; /* badarg in the caller */
  }
  /* Moves the handle to where engine_step wants it: before a term of its own. */
  memmove(data + CALL_HEAD - 1, data + CALL_HEAD, HANDLE_SIZE);
  data[CALL_MESSAGE - 1] = (char)131;
  engine_step(engine, OP_SEND_TERM, command, data + CALL_HEAD - 1, size - CALL_HEAD + 1, &stepped);
  uint32_t rest = 0;
  for (size_t i = 1; i < stepped.size; i++) {
    rest = rest << 8 | bytes[i];
  }
  reply_t reply = {.bytes = (uint8_t *)*buffer, .size = 0};
  reply_byte(&reply, 131);
  reply_byte(&reply, 98); /* INTEGER_EXT */
  reply_number(&reply, (uint64_t)bytes[0] << 16 | rest, 4);
  return (ErlDrvSSizeT)reply.size;
}

/* The command that opens a port is "maty_drv NUMBER SEED". */
static ErlDrvData engine_start(ErlDrvPort port, char *command) {
  uint64_t words[2] = {0, 0};
  int count = 0;
  const char *at = strchr(command, ' ');
  for (; at != NULL && count < 2; at = strchr(at, ' '), count++) {
    for (at++; *at >= '0' && *at <= '9'; at++) {
      words[count] = words[count] * 10 + (uint64_t)(*at - '0');
    }
  }
  engine_t *engine = driver_alloc(sizeof *engine);
  if (engine == NULL || count != 2) {
    driver_free(engine);
    return ERL_DRV_ERROR_BADARG;
  }
  maty_allocator_t allocator = maty_registry_allocator();
  engine->port = port;
  if (words[0] > UINT32_MAX ||
      maty_space_new(&engine->space, (uint32_t)words[0], words[1], &allocator) != MATY_OK) {
    driver_free(engine);
    return ERL_DRV_ERROR_BADARG;
  }
  maty_space_on_failure(engine->space, engine_failure, engine);
  return (ErlDrvData)engine;
}

static void engine_stop(ErlDrvData data) {
  engine_t *engine = (engine_t *)data;
  maty_space_free(engine->space);
  driver_free(engine);
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
    .ready_async = engine_ready_async,
    .extended_marker = (int)ERL_DRV_EXTENDED_MARKER,
    .major_version = ERL_DRV_EXTENDED_MAJOR_VERSION,
    .minor_version = ERL_DRV_EXTENDED_MINOR_VERSION,
    .driver_flags = ERL_DRV_FLAG_USE_PORT_LOCKING,
    .process_exit = engine_process_exit,
};

DRIVER_INIT(maty_drv) { return &engine_entry; }
