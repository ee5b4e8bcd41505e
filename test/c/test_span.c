/* test_span.c - sessions whose roles are played in different spaces, as on
 * different nodes, with messages and reports that take their time.
 *
 * Each role has a space of its own. What goes from one space to another stands in
 * a queue for each pair, messages and reports apart, so that either can overtake
 * the other. Roles do what they may at random, are cancelled, and lose their
 * spaces. When nothing is left to do, nobody may be left waiting. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MAX_ROLES = 4, MAX_CHANNELS = 16, WIRE = 512, SESSIONS = 3000 };

typedef struct message {
  uint32_t action; /* of the receiver */
  uint16_t ticket;
} message_t;

typedef struct wire {
  message_t items[WIRE];
  uint32_t first, count;
} wire_t;

typedef struct report {
  maty_report_t head;
  maty_channel_t channels[MAX_CHANNELS];
} report_t;

typedef struct reports {
  report_t items[WIRE];
  uint32_t first, count;
} reports_t;

typedef struct span {
  maty_image_t *image;
  uint32_t roles;
  uint64_t seed;
  test_memory_t memory;
  maty_space_t *spaces[MAX_ROLES];
  maty_handle_t sessions[MAX_ROLES];
  bool lost[MAX_ROLES];                 /* the role's space */
  bool told[MAX_ROLES][MAX_ROLES];      /* [lost][who has been told] */
  wire_t wires[MAX_ROLES][MAX_ROLES];   /* under way, [from][to] */
  wire_t waiting[MAX_ROLES][MAX_ROLES]; /* arrived before their turn */
  reports_t reports[MAX_ROLES][MAX_ROLES];
  uint32_t most;    /* messages under way on a channel; 0: any number */
  uint32_t longest; /* that were under way on one */
  uint64_t failures, done, refused;
} span_t;

typedef struct owner {
  span_t *span;
  uint32_t role;
} owner_t;

static uint32_t random_below(span_t *span, uint32_t bound) {
  span->seed = span->seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(span->seed >> 33) % bound;
}

static void put(wire_t *wire, message_t message) {
  cr_assert_lt(wire->count, WIRE);
  wire->items[(wire->first + wire->count++) % WIRE] = message;
}

static message_t take(wire_t *wire) {
  message_t message = wire->items[wire->first];
  wire->first = (wire->first + 1) % WIRE;
  wire->count--;
  return message;
}

static void on_report(void *context, const maty_report_t *report) {
  owner_t *owner = context;
  span_t *span = owner->span;
  cr_assert_eq(report->role, owner->role);
  cr_assert_leq(report->channel_count, MAX_CHANNELS);
  for (uint32_t to = 0; to < span->roles; to++) {
    reports_t *reports = &span->reports[owner->role][to];
    if (to != owner->role) {
      cr_assert_lt(reports->count, WIRE);
      report_t *item = &reports->items[(reports->first + reports->count++) % WIRE];
      item->head = *report;
      memcpy(item->channels, report->channels, report->channel_count * sizeof *item->channels);
    }
  }
}

static void on_failure(void *context, maty_handle_t handle, maty_owner_t owner, uint32_t cause) {
  owner_t *self = context;
  cr_assert_eq(handle & 0xfff, self->role);
  cr_assert_eq(owner, 1);
  cr_assert_lt(cause, self->span->roles);
  self->span->failures++;
}

static void span_open(span_t *span) {
  for (uint32_t role = 0; role < span->roles; role++) {
    maty_owner_t owners[MAX_ROLES] = {0};
    owners[role] = 1;
    cr_assert_eq(maty_space_open(span->spaces[role], span->image, owners, &span->sessions[role]),
                 MATY_OK);
    cr_assert_eq(maty_session_bound(span->spaces[role], span->sessions[role], span->most,
                                    MATY_OVERLOAD_REFUSE),
                 MATY_OK);
  }
  memset(span->lost, 0, sizeof span->lost);
  memset(span->told, 0, sizeof span->told);
  memset(span->wires, 0, sizeof span->wires);
  memset(span->waiting, 0, sizeof span->waiting);
  for (uint32_t i = 0; i < MAX_ROLES; i++)
    for (uint32_t j = 0; j < MAX_ROLES; j++)
      span->reports[i][j].count = 0;
}

static bool is_live(const span_t *span, uint32_t role, maty_phase *phase) {
  maty_endpoint_info_t info;
  maty_handle_t handle = span->sessions[role] + role;
  if (span->lost[role] || maty_endpoint_info(span->spaces[role], handle, &info) != MATY_OK)
    return false;
  *phase = info.phase;
  return true;
}

/* Offers a message. Returns whether it has to wait. */
static bool offer(span_t *span, uint32_t from, uint32_t to, message_t message) {
  maty_payload_t payload = {.tags = 0};
  maty_step_t step;
  maty_status status = maty_endpoint_receive(span->spaces[to], span->sessions[to] + to, 1,
                                             message.action, message.ticket, &payload, &step);
  if (status == MATY_EWAIT)
    return true;
  cr_assert(status == MATY_OK || status == MATY_ESTALE, "%u to %u: %s", from, to,
            maty_status_text(status));
  return false;
}

/* Offers what waits, until none of it is next. */
static void release(span_t *span, uint32_t role) {
  for (uint32_t from = 0; from < span->roles; from++) {
    wire_t *waiting = &span->waiting[from][role];
    maty_phase phase;
    if (waiting->count > 0 && is_live(span, role, &phase) && phase == MATY_PHASE_RECEIVE &&
        !offer(span, from, role, waiting->items[waiting->first])) {
      (void)take(waiting);
      from = UINT32_MAX; /* once more from the first */
    }
  }
}

/* Puts a message on its way, unless it was refused. A receiver that lives never has
 * more on its way to it than may be, and nothing is refused before half as many are,
 * or what says that they are not. */
static bool sent(span_t *span, uint32_t from, const maty_action_info_t *info, maty_status status,
                 uint16_t ticket) {
  wire_t *wire = &span->wires[from][info->peer];
  uint32_t count = wire->count + span->waiting[from][info->peer].count;
  maty_phase phase;
  bool live = is_live(span, info->peer, &phase);
  if (status == MATY_EFULL) {
    cr_assert(!live || count > span->most / 2 || span->reports[info->peer][from].count > 0,
              "%u under way of %u", count, span->most);
    span->refused++;
    return false;
  }
  put(wire, (message_t){.action = info->peer_action, .ticket = ticket});
  if (live && span->most > 0) {
    cr_assert_lt(count, span->most);
    span->longest = count + 1 > span->longest ? count + 1 : span->longest;
  }
  return true;
}

/* A role that sends takes one of its branches, one that is at its end ends. */
static bool act(span_t *span, uint32_t role) {
  maty_phase phase;
  maty_action_info_t info;
  maty_handle_t handle = span->sessions[role] + role;
  if (!is_live(span, role, &phase) || phase == MATY_PHASE_RECEIVE)
    return false;
  if (phase == MATY_PHASE_FINAL) {
    cr_assert_eq(maty_endpoint_close(span->spaces[role], handle, 1), MATY_OK);
    span->done++;
    return true;
  }
  uint32_t actions = 0;
  while (maty_image_action(span->image, role, actions, &info) == MATY_OK)
    actions++;
  for (;;) {
    uint32_t action = random_below(span, actions);
    maty_payload_t payload = {.tags = 0};
    maty_step_t step;
    cr_assert_eq(maty_image_action(span->image, role, action, &info), MATY_OK);
    maty_status status = maty_endpoint_send(span->spaces[role], handle, 1, action, &payload, &step);
    if (status == MATY_OK || status == MATY_EFULL) {
      bool gone = sent(span, role, &info, status, step.ticket);
      release(span, role);
      return gone;
    }
  }
}

static bool arrive(span_t *span, uint32_t from, uint32_t to) {
  wire_t *wire = &span->wires[from][to];
  if (wire->count == 0)
    return false;
  message_t message = take(wire);
  maty_phase phase;
  if (is_live(span, to, &phase)) {
    if (offer(span, from, to, message))
      put(&span->waiting[from][to], message);
    else
      release(span, to);
  }
  return true;
}

static bool hear(span_t *span, uint32_t from, uint32_t to) {
  reports_t *reports = &span->reports[from][to];
  if (reports->count > 0) {
    report_t report = reports->items[reports->first];
    reports->first = (reports->first + 1) % WIRE;
    reports->count--;
    report.head.session = span->sessions[to];
    report.head.channels = report.channels;
    maty_status status =
        span->lost[to] ? MATY_OK : maty_space_report(span->spaces[to], &report.head);
    cr_assert(status == MATY_OK || status == MATY_ESTALE, "%s", maty_status_text(status));
    return true;
  }
  /* That a space is lost is known once all that came from it has been looked at. */
  if (span->lost[from] && !span->told[from][to] && span->wires[from][to].count == 0) {
    span->told[from][to] = true;
    maty_report_t lost = {
        .session = span->sessions[to], .role = from, .state = MATY_STATE_CANCELLED};
    if (!span->lost[to])
      (void)maty_space_report(span->spaces[to], &lost);
    return true;
  }
  return false;
}

/* The space goes, and with it some of what was under way from it. */
static void lose(span_t *span, uint32_t role) {
  if (span->lost[role])
    return;
  span->lost[role] = true;
  (void)maty_space_abandon(span->spaces[role], span->sessions[role]);
  for (uint32_t to = 0; to < span->roles; to++) {
    wire_t *wire = &span->wires[role][to];
    reports_t *reports = &span->reports[role][to];
    wire->count = random_below(span, wire->count + 1);
    reports->count = random_below(span, reports->count + 1);
  }
}

static bool anything(span_t *span) {
  bool happened = false;
  for (uint32_t i = 0; i < span->roles && !happened; i++) {
    happened = act(span, i);
    for (uint32_t j = 0; j < span->roles && !happened; j++)
      happened = arrive(span, i, j) || hear(span, i, j);
  }
  return happened;
}

static void span_run(span_t *span) {
  span->most = random_below(span, 2) * (1 + random_below(span, 4));
  span_open(span);
  bool cancels = random_below(span, 3) == 0, loses = random_below(span, 4) == 0;
  for (uint32_t step = 0; step < 400; step++) {
    uint32_t a = random_below(span, span->roles), b = random_below(span, span->roles);
    maty_phase phase;
    switch (random_below(span, 12)) {
    case 0:
      if (cancels && is_live(span, a, &phase) && random_below(span, 6) == 0)
        (void)maty_endpoint_cancel(span->spaces[a], span->sessions[a] + a, 1);
      break;
    case 1:
      if (loses && random_below(span, 6) == 0)
        lose(span, a);
      break;
    case 2:
    case 3:
    case 4:
      (void)hear(span, a, b);
      break;
    case 5:
    case 6:
    case 7:
    case 8:
      (void)act(span, a);
      break;
    default:
      (void)arrive(span, a, b);
    }
  }
  while (anything(span)) {
  }
  for (uint32_t role = 0; role < span->roles; role++) {
    maty_space_counters_t counters;
    maty_space_counters(span->spaces[role], &counters);
    cr_assert_eq(counters.endpoints, 0, "role %u is left waiting", role);
  }
}

static void run_all(const char *text, bool must_fail, bool must_refuse) {
  maty_module_t *module = test_check(text);
  span_t *span = calloc(1, sizeof *span);
  owner_t owners[MAX_ROLES];
  cr_assert_not_null(span);
  span->image = maty_module_image(module, 0);
  cr_assert_not_null(span->image);
  span->roles = maty_image_role_count(span->image);
  span->seed = 20261121;
  maty_allocator_t allocator = test_allocator(&span->memory);
  for (uint32_t role = 0; role < span->roles; role++) {
    owners[role] = (owner_t){.span = span, .role = role};
    cr_assert_eq(maty_space_new(&span->spaces[role], role, role, &allocator), MATY_OK);
    cr_assert_eq(maty_space_enrol(span->spaces[role], 1), MATY_OK);
    maty_space_on_failure(span->spaces[role], on_failure, &owners[role]);
    maty_space_on_report(span->spaces[role], on_report, &owners[role]);
  }
  for (uint32_t i = 0; i < SESSIONS; i++)
    span_run(span);
  cr_expect_gt(span->done, SESSIONS / 4);
  cr_expect(!must_fail || span->failures > SESSIONS / 10, "%llu failures",
            (unsigned long long)span->failures);
  cr_expect(!must_refuse || (span->refused > SESSIONS / 10 && span->longest >= 4),
            "%llu refused, %u under way at most", (unsigned long long)span->refused, span->longest);
  for (uint32_t role = 0; role < span->roles; role++)
    maty_space_free(span->spaces[role]);
  cr_expect_eq(span->memory.blocks, 0);
  free(span);
  maty_module_free(module);
}

Test(span, cascade) {
  run_all("global protocol Cascade(role A, role B, role C) {"
          "  x() from A to C; y() from B to C; z() from C to A; }",
          true, false);
}

Test(span, loop_with_a_third_who_listens) {
  run_all("global protocol Loop(role A, role B, role C) {"
          "  rec L { choice at A { more() from A to B; more() from B to C; seen() from C to A;"
          "    continue L; } or { stop() from A to B; stop() from B to C; } } }",
          true, false);
}

/* Whoever is not told waits for the other: without the third, in vain. */
Test(span, two_that_wait_for_each_other) {
  run_all("global protocol Either(role A, role B, role C) {"
          "  choice at C { left() from C to A; go() from A to B; }"
          "  or { right() from C to B; come() from B to A; } }",
          true, false);
}

/* Each of the two hears of the third only through the other. */
Test(span, two_that_wait_for_each_other_and_a_fourth) {
  run_all("global protocol Either(role A, role B, role C, role D) {"
          "  hi() from C to A; hi() from C to B;"
          "  choice at D { left() from D to A; go() from A to B; }"
          "  or { right() from D to B; come() from B to A; } }",
          true, false);
}

Test(span, early_messages) {
  run_all("global protocol Stash(role P, role R, role Q) {"
          "  a() from P to Q; b() from R to Q; b() from R to Q; a() from P to Q;"
          "  c() from Q to P; c() from Q to R; }",
          true, false);
}

Test(span, two_buyers_and_a_seller) {
  run_all("global protocol TwoBuyer(role Buyer1, role Buyer2, role Seller) {"
          "  title() from Buyer1 to Seller; quote() from Seller to Buyer1;"
          "  share() from Buyer1 to Buyer2;"
          "  choice at Buyer2 { address() from Buyer2 to Seller; date() from Seller to Buyer2; }"
          "  or { quit() from Buyer2 to Seller; } }",
          true, false);
}

/* What one role can send on and on is bounded by what the other is known to have
 * received. */
Test(span, stream) {
  run_all("global protocol Stream(role A, role B, role C) {"
          "  rec L { choice at A { n() from A to B; n() from A to B; n() from A to B; continue L; }"
          "    or { stop() from A to B; stop() from B to C; } } }",
          true, true);
}
