/* monitor.c - what the monitor costs without a VM: a step of a session, and a
 * session's beginning and end.
 *
 * A step is a call of maty_endpoint_send or maty_endpoint_receive; both are
 * counted. They go to one session, which is in the cache, or to more than fit
 * into it.
 */
#include "bench.h"

enum { STEPS = 2000000, SESSIONS = 200000, MANY = 100000 };

/* From one session to the next: has no divisor in common with MANY, so that all
 * are visited, and none is near the one before it. */
enum { STRIDE = 61803 };

static const char SOURCE[] = "protocol IdServer(role Client, role Server) {\n"
                             "  rec Loop { choice at Client {\n"
                             "    request(integer) from Client to Server;\n"
                             "    answer(integer) from Server to Client;\n"
                             "    continue Loop;\n"
                             "  } or {\n"
                             "    bye() from Client to Server;\n"
                             "  } }\n"
                             "}\n";

enum { CLIENT, SERVER, ROLES };
static const maty_owner_t OWNERS[ROLES] = {11, 12};

/* The two messages of the loop, by the number each side has for them. */
typedef struct message {
  uint32_t from, to;
  uint32_t sent_as, received_as;
} message_t;

typedef struct fixture {
  maty_module_t *module;
  maty_image_t *image;
  maty_space_t *space;
  message_t messages[2];
  maty_handle_t *sessions;
  size_t session_count;
} fixture_t;

static message_t find_message(const maty_image_t *image, uint32_t from, const char *label) {
  maty_action_info_t action;
  for (uint32_t i = 0; maty_image_action(image, from, i, &action) == MATY_OK; i++) {
    if (action.direction == MATY_DIRECTION_SEND && strcmp(action.label, label) == 0) {
      return (message_t){
          .from = from, .to = action.peer, .sent_as = i, .received_as = action.peer_action};
    }
  }
  bench_require(MATY_EACTION, label);
  return (message_t){0};
}

static void run_step(fixture_t *f, maty_handle_t session, const message_t *message) {
  const maty_payload_t integer = {.tags = MATY_TAG_INTEGER};
  const maty_payload_t none = {0};
  maty_step_t step;
  bench_require(maty_endpoint_send(f->space, session + message->from, OWNERS[message->from],
                                   message->sent_as, &integer, &step),
                "send");
  bench_require(maty_endpoint_receive(f->space, session + message->to, OWNERS[message->to],
                                      message->received_as, step.ticket, &none, &step),
                "receive");
}

static void run_steps(void *context) {
  fixture_t *f = context;
  size_t session = 0;
  for (int i = 0; i < STEPS; i += 4) {
    run_step(f, f->sessions[session], &f->messages[0]);
    run_step(f, f->sessions[session], &f->messages[1]);
    session = (session + STRIDE) % f->session_count;
  }
}

static void run_sessions(void *context) {
  fixture_t *f = context;
  maty_handle_t session;
  for (int i = 0; i < SESSIONS; i++) {
    bench_require(maty_space_open(f->space, f->image, OWNERS, &session), "open");
    bench_require(maty_endpoint_cancel(f->space, session + CLIENT, OWNERS[CLIENT]), "cancel");
  }
}

int main(void) {
  fixture_t f = {0};
  maty_config_t config = maty_config_default();
  bench_require(maty_module_check(&f.module, "id_server", SOURCE, sizeof SOURCE - 1, &config),
                "check");
  f.image = maty_module_image(f.module, 0);
  f.messages[0] = find_message(f.image, CLIENT, "request");
  f.messages[1] = find_message(f.image, SERVER, "answer");
  bench_require(maty_space_new(&f.space, 0, 1, &config.allocator), "space");
  bench_require(maty_space_enrol(f.space, OWNERS[CLIENT]), "enrol");
  bench_require(maty_space_enrol(f.space, OWNERS[SERVER]), "enrol");
  f.sessions = malloc(MANY * sizeof *f.sessions);
  if (f.sessions == NULL) {
    return 1;
  }
  for (size_t i = 0; i < MANY; i++) {
    bench_require(maty_space_open(f.space, f.image, OWNERS, &f.sessions[i]), "open");
  }

  bench_header("Monitor");
  f.session_count = 1;
  bench_report("a step, one session", bench_time(run_steps, &f) / STEPS * 1e9, "ns", 15);
  f.session_count = MANY;
  bench_report("a step, 100,000 sessions scattered", bench_time(run_steps, &f) / STEPS * 1e9, "ns",
               0);
  bench_report("open a session and end both roles", bench_time(run_sessions, &f) / SESSIONS * 1e9,
               "ns", 0);

  maty_space_free(f.space);
  maty_module_free(f.module);
  free(f.sessions);
  return 0;
}
