/* engine.c - a port and its space of sessions; see engine.h. */
#include "engine.h"

#include "registry.h"

enum {
  /* What MATY_OP_LIST looks at and tells in one go. */
  LIST_SLOTS = 4096,
  LIST_ENDPOINTS = 64,

  /* A report in the data of MATY_PART_REPORT, and each of its channels. */
  REPORT_HEAD = 16,
  REPORT_CHANNEL = sizeof(maty_channel_t)
};

/* ----- What is told without being asked ----- */

static void engine_failure(void *context, maty_handle_t handle, maty_owner_t owner,
                           uint32_t cause) {
  maty_engine_t *engine = context;
  ErlDrvUInt64 number = handle;
  ErlDrvTermData message[] = {ERL_DRV_ATOM,   maty_atoms.failed,
                              ERL_DRV_UINT64, (ErlDrvTermData)&number,
                              ERL_DRV_UINT,   cause,
                              ERL_DRV_TUPLE,  3};
  /* Fails only if the owner has ended, and then nobody waits any more. */
  (void)erl_drv_send_term(driver_mk_port(engine->port), (ErlDrvTermData)owner, message,
                          sizeof message / sizeof message[0]);
}

static void engine_report(void *context, const maty_report_t *report) {
  maty_engine_t *engine = context;
  ErlDrvUInt64 session = report->session;
  ErlDrvTermData message[] = {ERL_DRV_ATOM,
                              maty_atoms.report,
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

/* ----- Beginning and end ----- */

maty_atoms_t maty_atoms;

void maty_engine_init(void) {
  maty_atoms.reply = driver_mk_atom("$maty_reply");
  maty_atoms.failed = driver_mk_atom("$maty_failed");
  maty_atoms.start = driver_mk_atom("$maty_start");
  maty_atoms.report = driver_mk_atom("$maty_report");
  maty_atoms.away = driver_mk_atom("away");
}

maty_status maty_engine_new(maty_engine_t **engine, ErlDrvPort port, uint32_t number,
                            uint64_t seed) {
  maty_allocator_t allocator = maty_registry_allocator();
  maty_engine_t *made = maty_memory_resize(NULL, 0, sizeof *made);
  if (made == NULL) {
    return MATY_ENOMEM;
  }
  *made = (maty_engine_t){.port = port, .armed = UINT64_MAX};
  maty_status status = maty_space_new(&made->space, number, seed, &allocator);
  if (status != MATY_OK) {
    maty_memory_resize(made, sizeof *made, 0);
    return status;
  }
  maty_space_on_failure(made->space, engine_failure, made);
  maty_space_on_report(made->space, engine_report, made);
  *engine = made;
  return MATY_OK;
}

void maty_engine_stop(ErlDrvData data) {
  maty_engine_t *engine = (maty_engine_t *)data;
  maty_space_free(engine->space);
  maty_memory_resize(engine->channels, engine->channel_capacity * sizeof *engine->channels, 0);
  maty_memory_resize(engine, sizeof *engine, 0);
}

/* ----- Participants ----- */

/* Enrols a process, and watches it from then on. */
static maty_status engine_enrol(maty_engine_t *engine, ErlDrvTermData process) {
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

void maty_engine_attach(maty_engine_t *engine, maty_reply_t *reply) {
  maty_token_t token = 0;
  ErlDrvTermData caller = driver_caller(engine->port);
  maty_status status = engine_enrol(engine, caller);
  if (status == MATY_OK) {
    status = maty_registry_add_participant(caller, &token);
  }
  maty_reply_status(reply, status);
  if (status == MATY_OK) {
    maty_reply_number(reply, token, 8);
  }
}

void maty_engine_process_exit(ErlDrvData data, ErlDrvMonitor *monitor) {
  maty_engine_t *engine = (maty_engine_t *)data;
  ErlDrvTermData process = driver_get_monitored_process(engine->port, monitor);
  maty_registry_drop_participant(process);
  maty_space_dismiss(engine->space, process);
}

/* ----- Opening ----- */

/* Turns tokens into owners; "role" is the one that a failure is about. */
static maty_status engine_owners(maty_engine_t *engine, const char *places, uint32_t count,
                                 maty_owner_t *owners, uint32_t *role) {
  for (*role = 0; *role < count; (*role)++) {
    maty_token_t token = maty_data_word(places + *role * MATY_PLACE_SIZE);
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

/* As MATY_OP_OPEN has it. */
typedef struct bound {
  uint32_t most, overload;
} bound_t;

/* A session that is being opened. */
typedef struct opening {
  uint32_t image; /* its number */
  bool announce;  /* tell the owners */
  bound_t bound;
  maty_handle_t session;
  uint32_t role; /* on MATY_EDEAD: whose participant has ended */
} opening_t;

/* Tells each owner of its endpoint. "words" is room for the message. */
static void engine_announce(maty_engine_t *engine, const opening_t *opening, const char *places,
                            const maty_owner_t *owners, uint32_t count, ErlDrvTermData *words) {
  ErlDrvUInt64 number = 0, handle = 0;
  size_t size = 0;
  const ErlDrvTermData head[] = {ERL_DRV_ATOM,   maty_atoms.start,
                                 ERL_DRV_UINT64, (ErlDrvTermData)&number,
                                 ERL_DRV_UINT64, (ErlDrvTermData)&handle};
  const ErlDrvTermData tail[] = {ERL_DRV_TUPLE,  count,         ERL_DRV_UINT,
                                 opening->image, ERL_DRV_TUPLE, 5};
  memcpy(words, head, sizeof head);
  size += sizeof head / sizeof head[0];
  for (uint32_t role = 0; role < count; role++) {
    words[size++] = owners[role] != 0 ? ERL_DRV_PID : ERL_DRV_ATOM;
    words[size++] = owners[role] != 0 ? (ErlDrvTermData)owners[role] : maty_atoms.away;
  }
  memcpy(&words[size], tail, sizeof tail);
  size += sizeof tail / sizeof tail[0];
  for (uint32_t role = 0; role < count; role++) {
    if (owners[role] != 0) {
      number = maty_data_word(places + role * MATY_PLACE_SIZE + MATY_PLACE_NUMBER);
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
static maty_status engine_reserve(maty_engine_t *engine, const maty_image_t *image, bool announce) {
  uint32_t count = maty_image_channel_count(image);
  if (!announce && count > engine->channel_capacity) {
    maty_channel_t *moved = maty_memory_resize(
        engine->channels, engine->channel_capacity * sizeof *moved, count * sizeof *moved);
    if (moved == NULL) {
      return MATY_ENOMEM;
    }
    engine->channels = moved;
    engine->channel_capacity = count;
  }
  return maty_space_reserve(engine->space);
}

static maty_status engine_open_image(maty_engine_t *engine, maty_image_t *image, const char *places,
                                     size_t size, opening_t *opening) {
  uint32_t count = maty_image_role_count(image);
  if (opening->bound.overload > MATY_OVERLOAD_FAIL || size != count * (size_t)MATY_PLACE_SIZE) {
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
    owners = maty_memory_resize(NULL, 0, many);
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
    maty_memory_resize(owners, many, 0);
  }
  return status;
}

void maty_engine_open(maty_engine_t *engine, const char *data, size_t size, bool announce,
                      maty_reply_t *reply) {
  opening_t opening = {.image = maty_data_half(data), .announce = announce};
  maty_status status = MATY_EINVAL;
  maty_image_t *image = maty_registry_image(opening.image);
  if (image != NULL) {
    memcpy(&opening.bound, data + MATY_OPEN_BOUND, sizeof opening.bound);
    status = engine_open_image(engine, image, data + MATY_OPEN_PLACES, size - MATY_OPEN_PLACES,
                               &opening);
    maty_image_release(image);
  }
  maty_reply_status(reply, status);
  if (status == MATY_EDEAD) {
    maty_reply_number(reply, opening.role, 2);
  } else if (status == MATY_OK && !announce) {
    maty_reply_number(reply, opening.session, 8);
  }
}

/* ----- Sessions that span nodes ----- */

static maty_status engine_take_report(maty_engine_t *engine, const char *data, size_t size) {
  size_t count = (size - REPORT_HEAD) / REPORT_CHANNEL;
  maty_report_t report = {.session = maty_data_word(data),
                          .role = maty_data_half(data + 8),
                          .state = maty_data_half(data + 12),
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

void maty_engine_part(maty_engine_t *engine, unsigned part, const char *data, size_t size,
                      maty_reply_t *reply) {
  switch (part) {
  case MATY_PART_OPEN:
    if (size < MATY_OPEN_PLACES) {
      maty_reply_status(reply, MATY_EINVAL);
    } else {
      maty_engine_open(engine, data, size, false, reply);
    }
    break;
  case MATY_PART_REPORT:
    maty_reply_status(reply,
                      size < REPORT_HEAD ? MATY_EINVAL : engine_take_report(engine, data, size));
    break;
  case MATY_PART_ABANDON:
    maty_reply_status(reply, maty_space_abandon(engine->space, maty_data_word(data)));
    break;
  default:
    maty_reply_status(reply, MATY_EINVAL);
  }
}

/* ----- Looking ----- */

void maty_engine_info(maty_engine_t *engine, const char *data, maty_reply_t *reply) {
  maty_endpoint_info_t info;
  maty_status status = maty_endpoint_info(engine->space, maty_data_word(data), &info);
  if (status != MATY_OK) {
    maty_reply_status(reply, status);
    return;
  }
  maty_reply_byte(reply, (unsigned)info.phase);
  maty_reply_number(reply, info.state, 4);
  maty_reply_byte(reply, info.owner == driver_caller(engine->port));
}

void maty_engine_counters(maty_engine_t *engine, size_t first, size_t room, maty_reply_t *reply) {
  maty_space_counters_t counters;
  maty_space_counters(engine->space, &counters);
  const uint64_t values[] = {
      counters.sessions_opened,  counters.sessions_closed, counters.sent,
      counters.received,         counters.waited,          counters.refused,
      counters.cancelled,        counters.expired,         counters.overloaded,
      counters.endpoints,        counters.bytes,           maty_registry_memory(),
      maty_registry_max_memory()};
  maty_reply_status(reply, MATY_OK);
  for (size_t i = first; i < sizeof values / sizeof values[0] && room - reply->size >= 8; i++) {
    maty_reply_number(reply, values[i], 8);
  }
}

/* The cursor is the handle of the endpoint to go on with, or nothing but its slot. */
void maty_engine_list(maty_engine_t *engine, const char *data) {
  enum { SLOT_MASK = (1 << MATY_HANDLE_SLOT_BITS) - 1, HEAD = 8, ENDPOINT = 10, TAIL = 5 };
  ErlDrvUInt64 reference = maty_data_word(data);
  ErlDrvUInt64 cursor = maty_data_word(data + 8);
  ErlDrvUInt64 handles[LIST_ENDPOINTS];
  const ErlDrvTermData head[HEAD] = {
      ERL_DRV_ATOM, maty_atoms.reply, ERL_DRV_UINT64, (ErlDrvTermData)&reference,
      ERL_DRV_UINT, MATY_OK,          ERL_DRV_UINT64, (ErlDrvTermData)&cursor};
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

static void engine_arm(maty_engine_t *engine, uint64_t at, uint64_t present) {
  if (at < engine->armed) {
    engine->armed = at;
    (void)driver_set_timer(engine->port, at <= present ? 0 : (unsigned long)(at - present));
  }
}

maty_status maty_engine_deadline(maty_engine_t *engine, const char *data) {
  uint64_t present = now(), at = present + maty_data_half(data + sizeof(maty_handle_t));
  maty_status status =
      maty_endpoint_deadline(engine->space, maty_data_word(data), driver_caller(engine->port), at);
  if (status == MATY_OK) {
    engine_arm(engine, at, present);
  }
  return status;
}

void maty_engine_timeout(ErlDrvData data) {
  maty_engine_t *engine = (maty_engine_t *)data;
  uint64_t present = now(), next;
  engine->armed = UINT64_MAX;
  if (maty_space_expire(engine->space, present, &next)) {
    engine_arm(engine, next, present);
  }
}
