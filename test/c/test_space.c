/* test_space.c - live sessions: what may be sent and received when, and what
 * becomes of a session when a participant goes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_FAILURES = 16 };

typedef struct failure {
  maty_handle_t handle;
  maty_owner_t owner;
  uint32_t cause;
} failure_t;

/* A space, and a protocol to open sessions of. Role r is owned by 100 + r. */
typedef struct world {
  test_memory_t memory;
  maty_module_t *module;
  maty_image_t *image;
  maty_space_t *space;
  failure_t failures[MAX_FAILURES]; /* the first ones */
  size_t failure_count;
} world_t;

static const char *const cascade = "global protocol Cascade(role A, role B, role C) {"
                                   "  x() from A to C; y() from B to C; z() from C to A; }";

static const char *const request = "global protocol Request(role A, role B) {"
                                   "  ask(integer) from A to B; answer(string) from B to A; }";

static const char *const stash = "global protocol Stash(role P, role R, role Q) {"
                                 "  a(integer) from P to Q; b(integer) from R to Q;"
                                 "  b(integer) from R to Q; a(integer) from P to Q; }";

static const char *const stream =
    "global protocol Stream(role P, role R, role Q) { begin() from R to Q;"
    "  rec L { choice at P { n() from P to Q; continue L; } or { stop() from P to Q; } } }";

static maty_owner_t owner_of(maty_handle_t handle) { return 100 + (handle & 0xfff); }

static void note_failure(void *context, maty_handle_t handle, maty_owner_t owner, uint32_t cause) {
  world_t *world = context;
  if (world->failure_count < MAX_FAILURES)
    world->failures[world->failure_count] = (failure_t){handle, owner, cause};
  world->failure_count++;
}

static void enrol_all(world_t *world) {
  for (uint32_t role = 0; role < maty_image_role_count(world->image); role++)
    cr_assert_eq(maty_space_enrol(world->space, 100 + role), MATY_OK);
}

static world_t *world_new(const char *text) {
  world_t *world = calloc(1, sizeof *world);
  cr_assert_not_null(world);
  world->module = test_check(text);
  world->image = maty_module_image(world->module, 0);
  cr_assert_not_null(world->image);
  maty_allocator_t allocator = test_allocator(&world->memory);
  cr_assert_eq(maty_space_new(&world->space, 5, 42, &allocator), MATY_OK);
  maty_space_on_failure(world->space, note_failure, world);
  enrol_all(world);
  return world;
}

/* Everything goes back to the allocator. */
static void world_free(world_t *world) {
  maty_space_free(world->space);
  cr_expect_eq(world->memory.blocks, 0, "%zu blocks leak", world->memory.blocks);
  cr_expect_eq(world->memory.bytes, 0, "%zu bytes leak", world->memory.bytes);
  maty_module_free(world->module);
  free(world);
}

static maty_space_counters_t counters(const world_t *world) {
  maty_space_counters_t counters;
  maty_space_counters(world->space, &counters);
  return counters;
}

/* Opens a session; the roles whose bits are set are away. */
static maty_handle_t open_away(world_t *world, uint32_t away) {
  maty_owner_t owners[8];
  maty_handle_t session = 0;
  uint32_t count = maty_image_role_count(world->image);
  cr_assert_leq(count, 8);
  for (uint32_t role = 0; role < count; role++)
    owners[role] = (away >> role & 1) != 0 ? 0 : 100 + role;
  cr_assert_eq(maty_space_open(world->space, world->image, owners, &session), MATY_OK);
  cr_assert_eq(session & 0xfff, 0);
  return session;
}

static maty_handle_t open_session(world_t *world) { return open_away(world, 0); }

/* The number of a role's action with this label. */
static uint32_t action_of(const world_t *world, uint32_t role, maty_direction direction,
                          const char *label) {
  maty_action_info_t info;
  for (uint32_t i = 0; maty_image_action(world->image, role, i, &info) == MATY_OK; i++)
    if (info.direction == direction && strcmp(info.label, label) == 0)
      return i;
  cr_assert_fail("no action %s", label);
  return 0;
}

static maty_status send_tags(world_t *world, maty_handle_t handle, const char *label, uint16_t tags,
                             maty_step_t *step) {
  maty_payload_t payload = {.tags = tags};
  uint32_t action = action_of(world, handle & 0xfff, MATY_DIRECTION_SEND, label);
  *step = (maty_step_t){0};
  return maty_endpoint_send(world->space, handle, owner_of(handle), action, &payload, step);
}

/* Sends a message that is right. Returns its ticket. */
static uint16_t send_right(world_t *world, maty_handle_t handle, const char *label, uint16_t tags) {
  maty_step_t step;
  maty_status status = send_tags(world, handle, label, tags, &step);
  cr_assert_eq(status, MATY_OK, "%s: %s", label, maty_status_text(status));
  return step.ticket;
}

static maty_status receive_tags(world_t *world, maty_handle_t handle, const char *label,
                                uint16_t ticket, uint16_t tags) {
  maty_payload_t payload = {.tags = tags};
  maty_step_t step = {0};
  uint32_t action = action_of(world, handle & 0xfff, MATY_DIRECTION_RECEIVE, label);
  return maty_endpoint_receive(world->space, handle, owner_of(handle), action, ticket, &payload,
                               &step);
}

static maty_status receive(world_t *world, maty_handle_t handle, const char *label,
                           uint16_t ticket) {
  return receive_tags(world, handle, label, ticket, 0);
}

static maty_status close_endpoint(world_t *world, maty_handle_t handle) {
  return maty_endpoint_close(world->space, handle, owner_of(handle));
}

static maty_phase phase_of(const world_t *world, maty_handle_t handle) {
  maty_endpoint_info_t info;
  cr_assert_eq(maty_endpoint_info(world->space, handle, &info), MATY_OK);
  return info.phase;
}

static bool is_stale(const world_t *world, maty_handle_t handle) {
  maty_endpoint_info_t info;
  return maty_endpoint_info(world->space, handle, &info) == MATY_ESTALE;
}

#define EXPECT(call, status)                                                                       \
  do {                                                                                             \
    maty_status found_ = (call);                                                                   \
    cr_expect_eq(found_, MATY_##status, "%s is %s", #call, maty_status_text(found_));              \
  } while (0)

/* ----- One session ----- */

Test(space, a_session_from_open_to_close) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world), b = a + 1;
  cr_expect_eq(a >> 51, 5);
  maty_endpoint_info_t info;
  EXPECT(maty_endpoint_info(world->space, b, &info), OK);
  cr_expect_eq(info.image, world->image);
  cr_expect_eq(info.owner, 101);
  cr_expect_eq(info.role, 1);
  cr_expect_eq(info.phase, MATY_PHASE_RECEIVE);
  cr_expect_eq(phase_of(world, a), MATY_PHASE_SEND);

  maty_step_t step;
  EXPECT(send_tags(world, a, "ask", MATY_TAG_INTEGER, &step), OK);
  cr_expect_eq(step.phase, MATY_PHASE_RECEIVE);
  EXPECT(receive(world, b, "ask", step.ticket), OK);
  cr_expect_eq(phase_of(world, b), MATY_PHASE_SEND);
  EXPECT(close_endpoint(world, b), EUNFINISHED);
  /* A string has to be shown. */
  EXPECT(send_tags(world, b, "answer", MATY_TAG_BINARY, &step), ELOOK);
  cr_expect_eq(counters(world).refused, 0);
  EXPECT(maty_endpoint_cancel(world->space, b, 101), OK);
  cr_expect(is_stale(world, b));
  cr_expect(is_stale(world, a), "A waits for B");

  maty_space_counters_t found = counters(world);
  cr_expect_eq(found.sessions_opened, 1);
  cr_expect_eq(found.sessions_closed, 1);
  cr_expect_eq(found.sent, 1);
  cr_expect_eq(found.received, 1);
  cr_expect_eq(found.waited, 0);
  cr_expect_eq(found.cancelled, 2);
  cr_expect_eq(found.endpoints, 0);
  world_free(world);
}

Test(space, closing_is_for_the_end) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  EXPECT(close_endpoint(world, a), EUNFINISHED);
  uint16_t x = send_right(world, a, "x", 0);
  uint16_t y = send_right(world, b, "y", 0);
  EXPECT(close_endpoint(world, a), EUNFINISHED);
  EXPECT(close_endpoint(world, b), OK);
  EXPECT(close_endpoint(world, b), ESTALE);
  EXPECT(receive(world, c, "x", x), OK);
  EXPECT(receive(world, c, "y", y), OK);
  uint16_t z = send_right(world, c, "z", 0);
  EXPECT(close_endpoint(world, c), OK);
  EXPECT(receive(world, a, "z", z), OK);
  cr_expect_eq(counters(world).sessions_closed, 0);
  EXPECT(close_endpoint(world, a), OK);
  cr_expect_eq(counters(world).sessions_closed, 1);
  cr_expect_eq(counters(world).cancelled, 0);
  cr_expect_eq(counters(world).refused, 0);
  world_free(world);
}

Test(space, refusals_at_the_sender_change_nothing) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world), b = a + 1;
  maty_step_t step = {0};
  maty_payload_t payload = {.tags = MATY_TAG_INTEGER};
  uint32_t ask = action_of(world, 0, MATY_DIRECTION_SEND, "ask");
  uint32_t answered = action_of(world, 0, MATY_DIRECTION_RECEIVE, "answer");
  EXPECT(maty_endpoint_send(world->space, a, 100, 2, &payload, &step), EACTION);
  EXPECT(maty_endpoint_send(world->space, a, 100, UINT32_MAX, &payload, &step), EACTION);
  EXPECT(maty_endpoint_send(world->space, a, 100, answered, &payload, &step), EMOMENT);
  EXPECT(send_tags(world, b, "answer", MATY_TAG_BINARY, &step), EMOMENT);
  EXPECT(send_tags(world, a, "ask", MATY_TAG_BINARY, &step), EPAYLOAD);
  cr_expect_eq(step.field, 1);
  EXPECT(send_tags(world, a, "ask", 0, &step), EPAYLOAD);
  cr_expect_eq(step.field, 0);
  EXPECT(send_tags(world, a, "ask", MATY_TAG_INTEGER | MATY_TAG_INTEGER << 4, &step), EPAYLOAD);
  cr_expect_eq(step.field, 0);
  EXPECT(maty_endpoint_send(world->space, a, 101, ask, &payload, &step), EOWNER);
  EXPECT(maty_endpoint_send(world->space, a, 0, ask, &payload, &step), EOWNER);
  cr_expect_eq(counters(world).refused, 9);
  cr_expect_eq(counters(world).sent, 0);
  EXPECT(receive(world, b, "ask", send_right(world, a, "ask", MATY_TAG_INTEGER)), OK);
  world_free(world);
}

/* ----- Tickets ----- */

Test(space, only_the_ticket_that_was_given_out_is_taken) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world), b = a + 1;
  for (uint32_t ticket = 0; ticket <= UINT16_MAX; ticket++)
    EXPECT(receive(world, b, "ask", (uint16_t)ticket), EFORGED);
  uint16_t right = send_right(world, a, "ask", MATY_TAG_INTEGER);
  for (uint32_t ticket = 0; ticket <= UINT16_MAX; ticket++)
    if (ticket != right)
      EXPECT(receive(world, b, "ask", (uint16_t)ticket), EFORGED);
  EXPECT(receive(world, b, "ask", right), OK);
  for (uint32_t ticket = 0; ticket <= UINT16_MAX; ticket++)
    EXPECT(receive(world, b, "ask", (uint16_t)ticket), EFORGED);
  cr_expect_eq(counters(world).refused, 3 * 65536 - 1);
  cr_expect_eq(phase_of(world, b), MATY_PHASE_SEND);
  world_free(world);
}

Test(space, receiving_what_one_sends_or_nobody_has) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world), b = a + 1;
  uint16_t ticket = send_right(world, a, "ask", MATY_TAG_INTEGER);
  maty_step_t step;
  maty_payload_t payload = {0};
  uint32_t answer = action_of(world, 1, MATY_DIRECTION_SEND, "answer");
  EXPECT(maty_endpoint_receive(world->space, b, 101, answer, ticket, &payload, &step), EACTION);
  EXPECT(maty_endpoint_receive(world->space, b, 101, 2, ticket, &payload, &step), EACTION);
  EXPECT(maty_endpoint_receive(world->space, b, 101, 4095, ticket, &payload, &step), EACTION);
  EXPECT(maty_endpoint_receive(world->space, b, 100, 0, ticket, &payload, &step), EOWNER);
  EXPECT(receive(world, b, "ask", ticket), OK);
  world_free(world);
}

Test(space, early_messages_wait) {
  world_t *world = world_new(stash);
  maty_handle_t p = open_session(world), r = p + 1, q = p + 2;
  uint16_t r5 = send_right(world, r, "b", MATY_TAG_INTEGER);
  uint16_t p10 = send_right(world, p, "a", MATY_TAG_INTEGER);
  uint16_t p20 = send_right(world, p, "a", MATY_TAG_INTEGER);
  uint16_t r15 = send_right(world, r, "b", MATY_TAG_INTEGER);
  EXPECT(receive(world, q, "b", r5), EWAIT);
  EXPECT(receive(world, q, "b", r15), EWAIT);
  EXPECT(receive(world, q, "a", p20), EWAIT);
  EXPECT(receive(world, q, "a", p10), OK);
  EXPECT(receive(world, q, "a", p10), EFORGED);
  EXPECT(receive(world, q, "a", p20), EWAIT);
  EXPECT(receive(world, q, "b", r15), EWAIT);
  EXPECT(receive(world, q, "b", r5), OK);
  EXPECT(receive(world, q, "b", r5), EFORGED);
  EXPECT(receive(world, q, "b", r15), OK);
  EXPECT(receive(world, q, "a", p20), OK);
  EXPECT(receive(world, q, "a", p20), EFORGED);
  EXPECT(close_endpoint(world, q), OK);
  cr_expect_eq(counters(world).waited, 5);
  cr_expect_eq(counters(world).refused, 3);
  world_free(world);
}

/* A message with a good ticket and another label than the one that was sent. */
Test(space, right_ticket_for_the_wrong_message) {
  world_t *world = world_new(stream);
  maty_handle_t p = open_session(world), r = p + 1, q = p + 2;
  EXPECT(receive(world, q, "begin", send_right(world, r, "begin", 0)), OK);
  uint16_t n = send_right(world, p, "n", 0);
  EXPECT(receive(world, q, "begin", n), EFORGED);
  EXPECT(receive(world, q, "n", n), OK);
  world_free(world);
}

Test(space, tickets_go_round_past_16_bits) {
  enum { COUNT = 200000 };
  world_t *world = world_new(stream);
  maty_handle_t p = open_session(world), r = p + 1, q = p + 2;
  uint16_t *tickets = malloc(COUNT * sizeof *tickets);
  cr_assert_not_null(tickets);
  for (size_t i = 0; i < COUNT; i++)
    tickets[i] = send_right(world, p, "n", 0);
  EXPECT(receive(world, q, "n", tickets[0]), EWAIT);
  EXPECT(receive(world, q, "n", tickets[COUNT - 1]), EWAIT);
  EXPECT(receive(world, q, "begin", send_right(world, r, "begin", 0)), OK);
  for (size_t i = 0; i < COUNT; i++)
    cr_assert_eq(receive(world, q, "n", tickets[i]), MATY_OK);
  EXPECT(receive(world, q, "n", tickets[COUNT - 1]), EFORGED);
  EXPECT(receive(world, q, "stop", send_right(world, p, "stop", 0)), OK);
  EXPECT(close_endpoint(world, q), OK);
  free(tickets);
  world_free(world);
}

/* ----- Roles that are away ----- */

Test(space, what_comes_from_away_is_judged_in_full) {
  world_t *world = world_new(request);
  maty_handle_t b = open_away(world, 1) + 1;
  cr_expect_eq(counters(world).endpoints, 1);
  cr_expect(is_stale(world, b - 1));
  EXPECT(receive_tags(world, b, "ask", 1, MATY_TAG_BINARY), EPAYLOAD);
  EXPECT(receive_tags(world, b, "ask", 1, 0), EPAYLOAD);
  EXPECT(receive_tags(world, b, "ask", 2, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, b, "ask", 1, MATY_TAG_INTEGER), OK);
  /* The answer goes to somebody who is not here. */
  maty_handle_t a = open_away(world, 2);
  cr_expect_eq(send_right(world, a, "ask", MATY_TAG_INTEGER), 1);
  EXPECT(receive_tags(world, a, "answer", 1, MATY_TAG_INTEGER), EPAYLOAD);
  EXPECT(receive_tags(world, a, "answer", 1, MATY_TAG_BINARY), ELOOK);
  world_free(world);
}

Test(space, what_comes_early_from_away_waits) {
  world_t *world = world_new(stash);
  maty_handle_t q = open_away(world, 3) + 2;
  EXPECT(receive_tags(world, q, "b", 1, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, q, "b", 2, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, q, "a", 1, MATY_TAG_INTEGER), OK);
  EXPECT(receive_tags(world, q, "a", 2, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, q, "b", 2, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, q, "b", 1, MATY_TAG_INTEGER), OK);
  EXPECT(receive_tags(world, q, "b", 2, MATY_TAG_INTEGER), OK);
  EXPECT(receive_tags(world, q, "b", 3, MATY_TAG_INTEGER), EWAIT);
  EXPECT(receive_tags(world, q, "a", 2, MATY_TAG_INTEGER), OK);
  EXPECT(receive_tags(world, q, "a", 3, MATY_TAG_INTEGER), EMOMENT);
  EXPECT(close_endpoint(world, q), OK);
  world_free(world);
}

Test(space, nobody_fails_because_of_a_role_that_is_away) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_away(world, 2), c = a + 2;
  EXPECT(receive(world, c, "x", send_right(world, a, "x", 0)), OK);
  cr_expect_eq(world->failure_count, 0);
  EXPECT(maty_endpoint_cancel(world->space, c, 102), OK);
  cr_expect_eq(world->failure_count, 1);
  world_free(world);
}

/* A role that is away has been cancelled. Nothing else of it is said. */
static maty_status report_lost(world_t *world, maty_handle_t session, uint32_t role) {
  maty_report_t report = {.session = session, .role = role, .state = MATY_STATE_CANCELLED};
  return maty_space_report(world->space, &report);
}

Test(space, who_waits_for_a_lost_role_fails_unless_its_message_has_come) {
  world_t *world = world_new(cascade);
  maty_handle_t c = open_away(world, 3) + 2;
  EXPECT(receive(world, c, "y", 1), EWAIT);
  EXPECT(report_lost(world, c - 2, 1), OK);
  cr_expect_eq(world->failure_count, 0);
  EXPECT(receive(world, c, "x", 1), OK);
  EXPECT(receive(world, c, "y", 1), OK);
  EXPECT(close_endpoint(world, c), EUNFINISHED);
  c = open_away(world, 3) + 2;
  EXPECT(report_lost(world, c - 2, 1), OK);
  EXPECT(receive(world, c, "y", 1), ESTALE);
  cr_expect_eq(world->failure_count, 0);
  EXPECT(receive(world, c, "x", 1), OK);
  cr_expect_eq(world->failure_count, 1);
  cr_expect_eq(world->failures[0].handle, c);
  cr_expect_eq(world->failures[0].cause, 1);
  world_free(world);
}

Test(space, reports_that_are_none) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_away(world, 2);
  maty_channel_t channels[8] = {{0}};
  maty_report_t report = {.session = a, .role = 1, .state = 0, .channels = channels};
  EXPECT(report_lost(world, a, 0), EINVAL); /* it is at home */
  EXPECT(report_lost(world, a, 3), EINVAL);
  EXPECT(report_lost(world, a + 1, 1), ESTALE);
  EXPECT(report_lost(world, a + (UINT64_C(1) << 31), 1), ESTALE);
  EXPECT(maty_space_report(world->space, &report), EINVAL); /* no such number of channels */
  report.channel_count = 3;
  EXPECT(maty_space_report(world->space, &report), EINVAL); /* a state of role A */
  report.state = UINT32_MAX - 2;
  EXPECT(maty_space_report(world->space, &report), EINVAL);
  report.channels = NULL;
  report.state = MATY_STATE_DONE;
  EXPECT(maty_space_report(world->space, &report), EINVAL);
  EXPECT(report_lost(world, a, 1), OK);
  EXPECT(report_lost(world, a, 1), OK);
  world_free(world);
}

Test(space, an_abandoned_session_is_gone) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_away(world, 2);
  EXPECT(maty_space_abandon(world->space, a), OK);
  EXPECT(maty_space_abandon(world->space, a), ESTALE);
  cr_expect_eq(world->failure_count, 0);
  cr_expect_eq(counters(world).endpoints, 0);
  cr_expect_eq(counters(world).sessions_closed, 1);
  cr_expect(is_stale(world, a));
  world_free(world);
}

Test(space, a_session_has_somebody_at_home) {
  world_t *world = world_new(request);
  maty_owner_t owners[2] = {0, 0};
  maty_handle_t session;
  EXPECT(maty_space_open(world->space, world->image, owners, &session), EINVAL);
  world_free(world);
}

/* ----- Handles ----- */

Test(space, handles_that_name_nothing) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world);
  maty_step_t step;
  maty_payload_t payload = {.tags = MATY_TAG_INTEGER};
  maty_handle_t wrong[66] = {a + 2, a + 0xfff};
  for (unsigned bit = 0; bit < 64; bit++)
    wrong[bit + 2] = bit == 0 ? a + 2 : a ^ UINT64_C(1) << bit;
  for (size_t i = 0; i < 66; i++) {
    EXPECT(maty_endpoint_send(world->space, wrong[i], 100, 0, &payload, &step), ESTALE);
    EXPECT(maty_endpoint_receive(world->space, wrong[i], 100, 0, 0, &payload, &step), ESTALE);
    EXPECT(maty_endpoint_close(world->space, wrong[i], 100), ESTALE);
    EXPECT(maty_endpoint_cancel(world->space, wrong[i], 100), ESTALE);
    cr_expect(is_stale(world, wrong[i]));
  }
  EXPECT(maty_endpoint_close(world->space, a, 101), EOWNER);
  EXPECT(maty_endpoint_cancel(world->space, a, 101), EOWNER);
  cr_expect_eq(counters(world).endpoints, 2);
  world_free(world);
}

/* Ends a session at once; its handle is stale from then on. */
static maty_handle_t open_and_end(world_t *world) {
  maty_handle_t session = open_session(world);
  cr_assert_eq(maty_endpoint_cancel(world->space, session, 100), MATY_OK);
  cr_assert_eq(maty_endpoint_cancel(world->space, session + 1, 101), MATY_ESTALE);
  return session;
}

/* With all other slots of the first chunk in use, one slot serves every session,
 * until its generations are used up. */
Test(space, a_handle_is_never_used_twice) {
  enum { SLOTS = 1024, GENERATIONS = 1 << MATY_HANDLE_GENERATION_BITS };
  world_t *world = world_new(request);
  maty_handle_t kept[SLOTS - 1];
  for (uint32_t i = 0; i < SLOTS - 1; i++) {
    kept[i] = open_session(world);
    cr_assert_eq(kept[i] >> MATY_HANDLE_ROLE_BITS & 0xfffff, i);
  }
  maty_handle_t first = open_and_end(world), last = first;
  /* Generations begin anywhere in their lower half. */
  uint32_t begin = (uint32_t)(first >> 32) & (GENERATIONS - 1);
  cr_assert_lt(begin, (uint32_t)GENERATIONS / 2);
  for (uint32_t i = begin + 1; i < GENERATIONS; i++) {
    maty_handle_t next = open_and_end(world);
    cr_assert_eq(next, last + (UINT64_C(1) << 32));
    last = next;
  }
  cr_expect_eq(last >> 32 & 0x7ffff, GENERATIONS - 1);
  /* The slot is retired: the next session is in a new chunk. */
  maty_handle_t next = open_session(world);
  cr_expect_eq(next >> MATY_HANDLE_ROLE_BITS & 0xfffff, SLOTS);
  cr_expect(is_stale(world, first));
  cr_expect(is_stale(world, last));
  cr_expect(is_stale(world, last + (UINT64_C(1) << 32)));
  for (uint32_t i = 0; i < SLOTS - 1; i++)
    cr_expect_not(is_stale(world, kept[i]));
  world_free(world);
}

Test(space, listing_the_sessions) {
  world_t *world = world_new(request);
  maty_handle_t sessions[3000], found;
  uint32_t cursor = 0;
  const maty_image_t *image;
  EXPECT(maty_space_next(world->space, &cursor, 10, &found, &image), ESTALE);
  for (uint32_t i = 0; i < 3000; i++)
    sessions[i] = open_session(world);
  for (uint32_t i = 0; i < 3000; i++)
    if (i != 5 && i != 2999)
      cr_assert_eq(maty_endpoint_cancel(world->space, sessions[i], 100), MATY_OK);
  cursor = 0;
  EXPECT(maty_space_next(world->space, &cursor, 10, &found, &image), OK);
  cr_expect_eq(found, sessions[5]);
  cr_expect_eq(image, world->image);
  cr_expect_eq(cursor, 6);
  EXPECT(maty_space_next(world->space, &cursor, 10, &found, &image), EWAIT);
  cr_expect_eq(cursor, 16);
  EXPECT(maty_space_next(world->space, &cursor, UINT32_MAX, &found, &image), OK);
  cr_expect_eq(found, sessions[2999]);
  EXPECT(maty_space_next(world->space, &cursor, UINT32_MAX, &found, &image), ESTALE);
  world_free(world);
}

/* ----- Failure ----- */

static void expect_failure(const world_t *world, size_t index, maty_handle_t handle,
                           uint32_t cause) {
  cr_assert_lt(index, world->failure_count);
  cr_expect_eq(world->failures[index].handle, handle);
  cr_expect_eq(world->failures[index].owner, owner_of(handle));
  cr_expect_eq(world->failures[index].cause, cause);
}

Test(space, cancelled_after_its_message) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  uint16_t x = send_right(world, a, "x", 0);
  uint16_t y = send_right(world, b, "y", 0);
  EXPECT(maty_endpoint_cancel(world->space, b, 101), OK);
  EXPECT(receive(world, c, "x", x), OK);
  EXPECT(receive(world, c, "y", y), OK);
  EXPECT(receive(world, a, "z", send_right(world, c, "z", 0)), OK);
  EXPECT(close_endpoint(world, a), OK);
  EXPECT(close_endpoint(world, c), OK);
  cr_expect_eq(world->failure_count, 0);
  cr_expect_eq(counters(world).cancelled, 1);
  world_free(world);
}

Test(space, cancelled_before_its_message) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  uint16_t x = send_right(world, a, "x", 0);
  EXPECT(maty_endpoint_cancel(world->space, b, 101), OK);
  cr_expect_eq(world->failure_count, 0, "C waits for A, A for C");
  /* C comes to wait for B only now. */
  EXPECT(receive(world, c, "x", x), OK);
  cr_expect_eq(world->failure_count, 2);
  expect_failure(world, 0, c, 1);
  expect_failure(world, 1, a, 2);
  cr_expect(is_stale(world, a) && is_stale(world, b) && is_stale(world, c));
  cr_expect_eq(counters(world).cancelled, 3);
  cr_expect_eq(counters(world).sessions_closed, 1);
  world_free(world);
}

/* A role that is ahead of the others in the table fails because of one behind. */
Test(space, a_long_cascade_in_either_direction) {
  world_t *world =
      world_new("global protocol Ring(role A, role B, role C, role D) {"
                "  a() from A to B; b() from B to C; c() from C to D; d() from D to A; }");
  maty_handle_t up = open_session(world);
  EXPECT(maty_endpoint_cancel(world->space, up, 100), OK);
  cr_expect_eq(world->failure_count, 3);
  for (uint32_t role = 1; role < 4; role++)
    expect_failure(world, role - 1, up + role, role - 1);
  world_free(world);
  world = world_new("global protocol Ring(role D, role C, role B, role A) {"
                    "  a() from A to B; b() from B to C; c() from C to D; d() from D to A; }");
  maty_handle_t down = open_session(world);
  EXPECT(maty_endpoint_cancel(world->space, down + 3, 103), OK);
  cr_expect_eq(world->failure_count, 3);
  for (uint32_t i = 0; i < 3; i++)
    expect_failure(world, i, down + 2 - i, 3 - i);
  cr_expect_eq(counters(world).endpoints, 0);
  world_free(world);
}

static const char *const either =
    "global protocol Either(role A, role B, role C) {"
    "  choice at A { a() from A to B; a() from A to C; b() from B to C; }"
    "  or { n() from A to B; n() from B to C; n() from A to C; } }";

/* C's action for what B sends: A sends it messages of the same labels. */
static uint32_t from_b(const world_t *world, const char *label) {
  maty_action_info_t info;
  for (uint32_t action = 0; maty_image_action(world->image, 2, action, &info) == MATY_OK; action++)
    if (info.peer == 1 && strcmp(info.label, label) == 0)
      return action;
  cr_assert_fail("B sends C no '%s'", label);
  return 0;
}

Test(space, who_may_hear_from_another_does_not_fail) {
  world_t *world = world_new(either);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  uint16_t to_b = send_right(world, a, "n", 0);
  EXPECT(maty_endpoint_cancel(world->space, a, 100), OK);
  cr_expect_eq(world->failure_count, 0, "B has a message, and C may hear from B");
  EXPECT(receive(world, b, "n", to_b), OK);
  maty_payload_t payload = {0};
  maty_step_t step;
  uint16_t to_c = send_right(world, b, "n", 0);
  EXPECT(maty_endpoint_receive(world->space, c, 102, from_b(world, "n"), to_c, &payload, &step),
         OK);
  cr_expect_eq(world->failure_count, 1, "now C waits for A alone");
  expect_failure(world, 0, c, 0);
  EXPECT(close_endpoint(world, b), OK);
  world_free(world);
}

/* C waits for "a" from A, or for "n" from B. A has gone, and B, who took the
 * other branch, will never send it. */
Test(space, who_may_hear_from_another_that_will_never_send_fails) {
  world_t *world = world_new(either);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  uint16_t to_b = send_right(world, a, "a", 0);
  EXPECT(maty_endpoint_cancel(world->space, a, 100), OK);
  EXPECT(receive(world, b, "a", to_b), OK);
  uint16_t to_c = send_right(world, b, "b", 0);
  EXPECT(close_endpoint(world, b), OK);
  cr_expect_eq(world->failure_count, 0, "something of B's is under way");
  maty_payload_t payload = {0};
  maty_step_t step;
  EXPECT(maty_endpoint_receive(world->space, c, 102, from_b(world, "b"), to_c, &payload, &step),
         EWAIT);
  cr_expect_eq(world->failure_count, 1, "and it is not what C waits for");
  cr_expect(is_stale(world, c));
  cr_expect_eq(counters(world).endpoints, 0);
  world_free(world);
}

Test(space, an_owner_that_ends_takes_its_endpoints_along) {
  world_t *world = world_new(request);
  maty_handle_t sessions[100];
  for (size_t i = 0; i < 8; i++)
    sessions[i] = open_session(world);
  /* One owner of both roles of a session. */
  maty_owner_t both[2] = {101, 101};
  EXPECT(maty_space_open(world->space, world->image, both, &sessions[8]), OK);
  cr_expect_eq(counters(world).endpoints, 18);
  maty_space_dismiss(world->space, 101);
  cr_expect_not(maty_space_enrolled(world->space, 101));
  cr_expect_eq(counters(world).endpoints, 8, "each A has still to send");
  for (size_t i = 0; i < 8; i++) {
    cr_expect(is_stale(world, sessions[i] + 1));
    (void)send_right(world, sessions[i], "ask", MATY_TAG_INTEGER);
  }
  cr_expect_eq(world->failure_count, 8);
  cr_expect_eq(counters(world).endpoints, 0, "now each has waited in vain");
  maty_space_dismiss(world->space, 101);
  maty_space_dismiss(world->space, 0);
  maty_handle_t session;
  maty_owner_t owners[2] = {100, 101};
  EXPECT(maty_space_open(world->space, world->image, owners, &session), EDEAD);
  EXPECT(maty_space_enrol(world->space, 101), OK);
  EXPECT(maty_space_open(world->space, world->image, owners, &session), OK);
  EXPECT(maty_space_enrol(world->space, 0), EINVAL);
  world_free(world);
}

Test(space, owners_by_the_thousand) {
  world_t *world = world_new(request);
  for (maty_owner_t owner = 1000; owner < 6000; owner++)
    EXPECT(maty_space_enrol(world->space, owner), OK);
  maty_space_counters_t full = counters(world);
  for (int round = 0; round < 3; round++) {
    for (maty_owner_t owner = 1000; owner < 6000; owner += 2)
      maty_space_dismiss(world->space, owner);
    for (maty_owner_t owner = 1000; owner < 6000; owner++)
      cr_assert_eq(maty_space_enrolled(world->space, owner), owner % 2 == 1);
    for (maty_owner_t owner = 1000; owner < 6000; owner += 2)
      EXPECT(maty_space_enrol(world->space, owner), OK);
  }
  cr_expect_eq(counters(world).bytes, full.bytes);
  cr_expect_eq(counters(world).bytes, world->memory.bytes);
  world_free(world);
}

/* ----- Memory ----- */

/* What a program does that wants everything a space has. Returns the first
 * status that is not MATY_OK. */
static maty_status use_space(maty_space_t *space, maty_image_t *image) {
  for (maty_owner_t owner = 1; owner <= 40; owner++) {
    maty_status status = maty_space_enrol(space, owner);
    if (status != MATY_OK)
      return status;
  }
  for (uint32_t i = 0; i < 1100; i++) {
    maty_owner_t owners[2] = {1 + i % 40, 1 + (i + 1) % 40};
    maty_handle_t session;
    maty_status status = maty_space_open(space, image, owners, &session);
    if (status == MATY_OK)
      status = maty_endpoint_deadline(space, session + 1, owners[1], 1000 - i);
    if (status != MATY_OK)
      return status;
  }
  return MATY_OK;
}

Test(space, every_allocation_fails_once) {
  maty_module_t *module = test_check(request);
  maty_image_t *image = maty_module_image(module, 0);
  for (size_t fail_at = 1;; fail_at++) {
    test_memory_t memory = {.fail_at = fail_at};
    maty_allocator_t allocator = test_allocator(&memory);
    maty_space_t *space;
    maty_status status = maty_space_new(&space, 0, 1, &allocator);
    cr_assert_eq(status == MATY_OK, space != NULL);
    if (status == MATY_OK) {
      maty_space_counters_t before, after;
      status = use_space(space, image);
      maty_space_counters(space, &before);
      cr_expect_eq(before.endpoints, 2 * before.sessions_opened);
      cr_expect_eq(before.bytes, memory.bytes);
      /* What failed for want of memory can be done again. */
      if (status != MATY_OK)
        cr_expect_eq(use_space(space, image), MATY_OK);
      maty_space_counters(space, &after);
      cr_expect_eq(after.bytes, memory.bytes);
    }
    maty_space_free(space);
    cr_assert_eq(memory.blocks, 0, "%zu blocks leak at %zu", memory.blocks, fail_at);
    cr_assert_eq(memory.bytes, 0);
    if (memory.calls < fail_at) {
      cr_expect_eq(status, MATY_OK);
      cr_expect(fail_at > 1100);
      break;
    }
    cr_assert_eq(status, MATY_ENOMEM);
  }
  maty_module_free(module);
}

Test(space, a_session_needs_memory_for_itself_alone_where_room_was_made) {
  maty_module_t *module = test_check(request);
  maty_image_t *image = maty_module_image(module, 0);
  test_memory_t memory = {.fail_at = 2}; /* the first makes the space */
  maty_allocator_t allocator = test_allocator(&memory);
  maty_owner_t owners[2] = {1, 2};
  maty_handle_t session;
  maty_space_t *space;
  EXPECT(maty_space_new(&space, 0, 1, &allocator), OK);
  size_t bytes = memory.bytes;
  EXPECT(maty_space_reserve(space), ENOMEM);
  cr_expect_eq(memory.bytes, bytes);
  EXPECT(maty_space_reserve(space), OK);
  EXPECT(maty_space_enrol(space, owners[0]), OK);
  EXPECT(maty_space_enrol(space, owners[1]), OK);
  size_t calls = memory.calls;
  for (int i = 0; i < 64; i++) {
    EXPECT(maty_space_reserve(space), OK);
    EXPECT(maty_space_open(space, image, owners, &session), OK);
  }
  cr_expect_eq(memory.calls, calls + 64);
  EXPECT(maty_space_reserve(space), OK);
  cr_expect_eq(memory.calls, calls + 65);
  maty_space_free(space);
  cr_expect_eq(memory.blocks, 0);
  maty_module_free(module);
}

Test(space, a_number_that_a_handle_has_no_bits_for) {
  maty_allocator_t allocator = maty_allocator_default();
  maty_space_t *space;
  EXPECT(maty_space_new(&space, 256, 0, &allocator), EINVAL);
  cr_expect_null(space);
  EXPECT(maty_space_new(&space, 255, 0, &allocator), OK);
  maty_space_free(space);
  maty_space_free(NULL);
}

/* The session keeps the image. */
Test(space, an_image_lives_as_long_as_its_sessions) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world);
  size_t size;
  const void *block = maty_image_block(world->image, &size);
  maty_image_t *copy;
  maty_allocator_t allocator = maty_allocator_default();
  maty_owner_t owners[2] = {100, 101};
  maty_handle_t session;
  EXPECT(maty_image_load(&copy, block, size, &allocator), OK);
  EXPECT(maty_space_open(world->space, copy, owners, &session), OK);
  maty_image_release(copy);
  uint16_t ticket = send_right(world, session, "ask", MATY_TAG_INTEGER);
  EXPECT(receive(world, session + 1, "ask", ticket), OK);
  EXPECT(maty_endpoint_cancel(world->space, session, 100), OK);
  EXPECT(maty_endpoint_cancel(world->space, a, 100), OK);
  world_free(world);
}

/* ----- Deadlines ----- */

static maty_status deadline(world_t *world, maty_handle_t handle, uint64_t at) {
  return maty_endpoint_deadline(world->space, handle, owner_of(handle), at);
}

Test(space, deadline_fails_who_waits_and_who_waits_for_it) {
  world_t *world = world_new(cascade);
  maty_handle_t a = open_session(world), b = a + 1, c = a + 2;
  uint64_t next = 0;
  EXPECT(deadline(world, a, 10), EMOMENT); /* it sends */
  EXPECT(deadline(world, c, 10), OK);
  cr_expect(maty_space_expire(world->space, 9, &next));
  cr_expect_eq(next, 10);
  cr_expect_eq(world->failure_count, 0);
  (void)send_right(world, b, "y", 0);
  EXPECT(close_endpoint(world, b), OK);
  cr_expect(!maty_space_expire(world->space, 10, &next));
  cr_expect_eq(world->failure_count, 1);
  cr_expect_eq(world->failures[0].handle, c);
  cr_expect_eq(world->failures[0].owner, 102);
  cr_expect_eq(world->failures[0].cause, MATY_CAUSE_DEADLINE);
  cr_expect_eq(counters(world).expired, 1);
  /* A sends, and then waits for C, which is gone. */
  (void)send_right(world, a, "x", 0);
  cr_expect_eq(world->failure_count, 2);
  cr_expect_eq(world->failures[1].handle, a);
  cr_expect_eq(world->failures[1].cause, 2);
  cr_expect_eq(counters(world).endpoints, 0);
  world_free(world);
}

Test(space, deadline_is_met_by_sending) {
  world_t *world = world_new(request);
  maty_handle_t a = open_session(world), b = a + 1;
  uint64_t next = 0;
  EXPECT(deadline(world, b, 10), OK);
  uint16_t ticket = send_right(world, a, "ask", MATY_TAG_INTEGER);
  cr_expect(!maty_space_expire(world->space, 1000, &next));
  EXPECT(receive(world, b, "ask", ticket), OK);
  cr_expect_eq(world->failure_count, 0);
  cr_expect_eq(counters(world).expired, 0);
  /* The step that met it cleared it, and so does the end. */
  EXPECT(deadline(world, a, 20), OK);
  EXPECT(maty_endpoint_cancel(world->space, a, 100), OK);
  cr_expect(!maty_space_expire(world->space, 1000, &next));
  cr_expect_eq(counters(world).expired, 0);
  world_free(world);
}

/* What has come out of turn is not what it waits for. */
Test(space, deadline_is_not_met_by_another_sender) {
  world_t *world = world_new(stash);
  maty_handle_t p = open_session(world), r = p + 1, q = p + 2;
  uint64_t next = 0;
  EXPECT(deadline(world, q, 10), OK);
  uint16_t early = send_right(world, r, "b", MATY_TAG_INTEGER);
  EXPECT(receive(world, q, "b", early), EWAIT);
  cr_expect(!maty_space_expire(world->space, 10, &next));
  cr_expect_eq(world->failure_count, 1);
  cr_expect_eq(world->failures[0].handle, q);
  world_free(world);
}

/* Many sessions with deadlines that are set, moved, met and missed at random:
 * exactly those fail whose moment has passed. */
Test(space, deadlines_of_many_sessions) {
  enum { SESSIONS = 500, ROUNDS = 200 };
  static maty_handle_t waiting[SESSIONS];
  static uint64_t at[SESSIONS]; /* 0: none */
  world_t *world = world_new(request);
  uint64_t seed = 7, now = 1, next, expired = 0;
  for (uint32_t i = 0; i < SESSIONS; i++)
    waiting[i] = open_session(world) + 1;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    for (uint32_t i = 0; i < SESSIONS; i++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      uint32_t what = (uint32_t)(seed >> 33) % 8;
      if (waiting[i] == 0 || what > 2)
        continue;
      if (what == 0) {
        at[i] = now + (seed >> 40) % 50;
        EXPECT(deadline(world, waiting[i], at[i]), OK);
      } else if (what == 1 && at[i] == 0) {
        EXPECT(maty_endpoint_cancel(world->space, waiting[i], 101), OK);
        waiting[i] = 0;
      }
    }
    bool more = maty_space_expire(world->space, now, &next);
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < SESSIONS; i++) {
      if (waiting[i] != 0 && at[i] != 0 && at[i] <= now) {
        cr_assert(is_stale(world, waiting[i]));
        waiting[i] = 0;
        expired++;
      } else if (waiting[i] != 0) {
        cr_assert(!is_stale(world, waiting[i]));
        first = at[i] != 0 && at[i] < first ? at[i] : first;
      }
    }
    cr_assert_eq(more, first != UINT64_MAX);
    cr_assert(!more || next == first);
    cr_assert_eq(counters(world).expired, expired);
    now += 3;
  }
  cr_expect_gt(expired, SESSIONS / 4);
  world_free(world);
}

/* ----- Overload ----- */

enum { MOST = 5 };

/* Opens a session of the stream, in which P may send on and on. */
static maty_handle_t open_bounded(world_t *world, uint32_t away, maty_overload overload) {
  maty_handle_t session = open_away(world, away);
  EXPECT(maty_session_bound(world->space, session, MOST, overload), OK);
  return session;
}

Test(space, bound_refuses_what_is_one_too_many) {
  world_t *world = world_new(stream);
  maty_step_t step;
  maty_handle_t p = open_bounded(world, 0, MATY_OVERLOAD_REFUSE), r = p + 1, q = p + 2;
  uint16_t tickets[MOST + 2];
  for (size_t i = 0; i < MOST; i++)
    tickets[i] = send_right(world, p, "n", 0);
  for (size_t i = 0; i < 10; i++)
    EXPECT(send_tags(world, p, "n", 0, &step), EFULL);
  cr_expect_eq(counters(world).overloaded, 10);
  cr_expect_eq(counters(world).refused, 10);
  cr_expect_eq(counters(world).sent, MOST);
  /* Each channel counts for itself. */
  uint16_t begin = send_right(world, r, "begin", 0);
  EXPECT(receive(world, q, "n", tickets[0]), EWAIT);
  EXPECT(receive(world, q, "begin", begin), OK);
  /* One that is received makes room for one. */
  EXPECT(receive(world, q, "n", tickets[0]), OK);
  tickets[MOST] = send_right(world, p, "n", 0);
  EXPECT(send_tags(world, p, "n", 0, &step), EFULL);
  EXPECT(send_tags(world, p, "stop", 0, &step), EFULL);
  for (size_t i = 1; i <= MOST; i++)
    EXPECT(receive(world, q, "n", tickets[i]), OK);
  EXPECT(receive(world, q, "stop", send_right(world, p, "stop", 0)), OK);
  for (maty_handle_t handle = p; handle <= q; handle++)
    EXPECT(close_endpoint(world, handle), OK);
  cr_expect_eq(counters(world).sent, counters(world).received);
  EXPECT(maty_session_bound(world->space, p, MOST, MATY_OVERLOAD_REFUSE), ESTALE);
  world_free(world);
}

Test(space, bound_fails_the_sender) {
  world_t *world = world_new(stream);
  maty_step_t step;
  maty_handle_t p = open_bounded(world, 0, MATY_OVERLOAD_FAIL), r = p + 1, q = p + 2;
  uint16_t tickets[MOST];
  for (size_t i = 0; i < MOST; i++)
    tickets[i] = send_right(world, p, "n", 0);
  cr_expect_eq(world->failure_count, 0);
  EXPECT(send_tags(world, p, "n", 0, &step), EFULL);
  EXPECT(send_tags(world, p, "n", 0, &step), ESTALE);
  cr_expect_eq(world->failure_count, 1);
  cr_expect_eq(world->failures[0].handle, p);
  cr_expect_eq(world->failures[0].cause, MATY_CAUSE_OVERLOAD);
  /* What was sent before is still good. */
  EXPECT(receive(world, q, "begin", send_right(world, r, "begin", 0)), OK);
  for (size_t i = 0; i < MOST; i++)
    EXPECT(receive(world, q, "n", tickets[i]), OK);
  cr_expect_eq(world->failure_count, 2);
  cr_expect_eq(world->failures[1].handle, q);
  cr_expect_eq(world->failures[1].cause, 0);
  EXPECT(close_endpoint(world, r), OK);
  cr_expect_eq(counters(world).endpoints, 0);
  cr_expect_eq(counters(world).overloaded, 1);
  world_free(world);
}

/* What nobody here receives is no load. */
Test(space, bound_is_not_for_who_has_ended) {
  world_t *world = world_new(stream);
  maty_handle_t p = open_bounded(world, 0, MATY_OVERLOAD_FAIL);
  EXPECT(maty_endpoint_cancel(world->space, p + 2, 102), OK);
  for (size_t i = 0; i < 3 * (size_t)MOST; i++)
    (void)send_right(world, p, "n", 0);
  p = open_bounded(world, 1u << 2, MATY_OVERLOAD_FAIL);
  EXPECT(report_lost(world, p, 2), OK);
  for (size_t i = 0; i < 3 * (size_t)MOST; i++)
    (void)send_right(world, p, "n", 0);
  cr_expect_eq(counters(world).overloaded, 0);
  world_free(world);
}

/* What a role that is away has received is known when it is told. */
Test(space, bound_for_who_is_away) {
  world_t *world = world_new(stream);
  maty_handle_t p = open_bounded(world, 1u << 2, MATY_OVERLOAD_REFUSE);
  maty_step_t step;
  for (size_t i = 0; i < MOST; i++)
    (void)send_right(world, p, "n", 0);
  EXPECT(send_tags(world, p, "n", 0, &step), EFULL);
  cr_expect_eq(counters(world).overloaded, 1);
  world_free(world);
}

Test(space, bound_of_a_session_that_is_not_there) {
  world_t *world = world_new(stream);
  maty_handle_t session = open_session(world);
  EXPECT(maty_session_bound(world->space, session + 1, 1, MATY_OVERLOAD_REFUSE), ESTALE);
  EXPECT(maty_session_bound(world->space, session + (1 << 12), 1, MATY_OVERLOAD_REFUSE), ESTALE);
  EXPECT(maty_session_bound(world->space, UINT64_MAX, 1, MATY_OVERLOAD_REFUSE), ESTALE);
  /* 0 takes the bound away. */
  EXPECT(maty_session_bound(world->space, session, 1, MATY_OVERLOAD_REFUSE), OK);
  EXPECT(maty_session_bound(world->space, session, 0, MATY_OVERLOAD_REFUSE), OK);
  for (size_t i = 0; i < 100; i++)
    (void)send_right(world, session, "n", 0);
  world_free(world);
}
