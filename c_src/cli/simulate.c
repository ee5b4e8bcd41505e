/* simulate.c - maty simulate: a walk through a conversation.
 *
 * The session is a real one, in a space of its own, and each step is one call of
 * the engine. All roles are at home, so payloads are judged when they are sent;
 * here they are taken as good. Only what is under way is kept here:
 *
 *   flying    messages sent and not received, the oldest first; the head of a
 *             channel is the first one there with its sender and receiver
 *   taken     the steps that led here; going back is going there again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "memory.h"
#include "print.h"

typedef struct flying {
  uint32_t sender, receiver;
  uint32_t action; /* of the receiver */
  uint16_t ticket;
} flying_t;

/* One thing that a role can do. */
typedef struct move {
  uint32_t role;
  uint32_t state, index; /* its transition */
} move_t;

typedef struct walk {
  maty_image_t *image;
  maty_space_t *space;
  maty_handle_t session;
  uint32_t role_count;
  flying_t *flying;
  size_t flying_count, flying_size;
  move_t *taken;
  size_t taken_count, taken_size;
  move_t *moves; /* that can be made now */
  size_t move_count, move_size;
} walk_t;

/* Room for one more item of "count", in an array that doubles. */
static void *room(void *items, size_t count, size_t *size, size_t item_size) {
  if (count < *size)
    return items;
  *size = 2 * *size + 16;
  return memory_resize(items, *size * item_size);
}

/* ===== The engine ======================================================== */

static void must(maty_status status) {
  if (status == MATY_ENOMEM)
    memory_none();
  if (status != MATY_OK) {
    (void)tell_trouble("the engine", maty_status_text(status));
    exit(EXIT_TROUBLE);
  }
}

static maty_status take_as_good(void *context, const maty_image_t *image, uint32_t first_field,
                                uint32_t arity, uint32_t *field) {
  (void)context;
  (void)image;
  (void)first_field;
  (void)arity;
  (void)field;
  return MATY_OK;
}

static void begin(walk_t *walk) {
  maty_allocator_t allocator = maty_allocator_default();
  maty_owner_t *owners = memory_array(walk->role_count, sizeof *owners);
  maty_space_free(walk->space);
  walk->space = NULL;
  must(maty_space_new(&walk->space, 0, 0, &allocator));
  for (uint32_t role = 0; role < walk->role_count; role++) {
    owners[role] = role + 1;
    must(maty_space_enrol(walk->space, owners[role]));
  }
  must(maty_space_open(walk->space, walk->image, owners, &walk->session));
  walk->flying_count = 0;
  free(owners);
}

static maty_endpoint_info_t endpoint(const walk_t *walk, uint32_t role) {
  maty_endpoint_info_t info;
  must(maty_endpoint_info(walk->space, walk->session | role, &info));
  return info;
}

static maty_action_info_t action_of(const walk_t *walk, const move_t *move, uint32_t *number) {
  maty_transition_info_t transition;
  maty_action_info_t action;
  must(maty_image_transition(walk->image, move->state, move->index, &transition));
  must(maty_image_action(walk->image, move->role, transition.action, &action));
  *number = transition.action;
  return action;
}

/* The message that a role would receive next from another, or NULL. */
static flying_t *channel_head(const walk_t *walk, uint32_t sender, uint32_t receiver) {
  for (size_t i = 0; i < walk->flying_count; i++)
    if (walk->flying[i].sender == sender && walk->flying[i].receiver == receiver)
      return &walk->flying[i];
  return NULL;
}

static void make(walk_t *walk, const move_t *move) {
  maty_handle_t handle = walk->session | move->role;
  maty_owner_t owner = move->role + 1;
  maty_step_t step;
  uint32_t number;
  maty_action_info_t action = action_of(walk, move, &number);
  if (action.direction == MATY_DIRECTION_SEND) {
    maty_payload_t payload = {.judge = take_as_good};
    must(maty_endpoint_send(walk->space, handle, owner, number, &payload, &step));
    walk->flying = room(walk->flying, walk->flying_count, &walk->flying_size, sizeof *walk->flying);
    walk->flying[walk->flying_count++] = (flying_t){.sender = move->role,
                                                    .receiver = action.peer,
                                                    .action = action.peer_action,
                                                    .ticket = step.ticket};
    return;
  }
  flying_t *message = channel_head(walk, action.peer, move->role);
  must(maty_endpoint_receive(walk->space, handle, owner, number, message->ticket, NULL, &step));
  size_t behind = (size_t)(walk->flying + walk->flying_count - message) - 1;
  memmove(message, message + 1, behind * sizeof *message);
  walk->flying_count--;
}

static void take(walk_t *walk, move_t move) {
  make(walk, &move);
  walk->taken = room(walk->taken, walk->taken_count, &walk->taken_size, sizeof *walk->taken);
  walk->taken[walk->taken_count++] = move;
}

static void go_back(walk_t *walk) {
  begin(walk);
  walk->taken_count--;
  for (size_t i = 0; i < walk->taken_count; i++)
    make(walk, &walk->taken[i]);
}

/* Fills "moves": what roles may send, and what they may receive of what has come. */
static void look(walk_t *walk) {
  walk->move_count = 0;
  for (uint32_t role = 0; role < walk->role_count; role++) {
    move_t move = {.role = role, .state = endpoint(walk, role).state};
    maty_state_info_t state;
    must(maty_image_state(walk->image, move.state, &state));
    for (; move.index < state.transition_count; move.index++) {
      uint32_t number;
      maty_action_info_t action = action_of(walk, &move, &number);
      const flying_t *head =
          action.direction == MATY_DIRECTION_SEND ? NULL : channel_head(walk, action.peer, role);
      if (action.direction == MATY_DIRECTION_RECEIVE && (head == NULL || head->action != number))
        continue;
      walk->moves = room(walk->moves, walk->move_count, &walk->move_size, sizeof *walk->moves);
      walk->moves[walk->move_count++] = move;
    }
  }
}

/* ===== What is shown ===================================================== */

static const char *role_name(const walk_t *walk, uint32_t role) {
  maty_role_info_t info;
  must(maty_image_role(walk->image, role, &info));
  return info.name;
}

static void print_payload(const walk_t *walk, const maty_transition_info_t *transition) {
  (void)putchar('(');
  for (uint32_t i = 0; i < transition->arity; i++) {
    const char *name;
    uint32_t type;
    must(maty_image_field(walk->image, transition->first_field + i, &name, &type));
    size_t size = maty_image_type_text(walk->image, type, NULL, 0) + 1;
    char *text = memory_array(size, 1);
    (void)maty_image_type_text(walk->image, type, text, size);
    printf("%s%s%s%s", i == 0 ? "" : ", ", name, *name == '\0' ? "" : ": ", text);
    free(text);
  }
  (void)putchar(')');
}

/* "title(string) to Seller" */
static void print_message(const walk_t *walk, const move_t *move) {
  maty_transition_info_t transition;
  uint32_t number;
  maty_action_info_t action = action_of(walk, move, &number);
  must(maty_image_transition(walk->image, move->state, move->index, &transition));
  (void)fputs(action.label, stdout);
  print_payload(walk, &transition);
  printf(" %s %s", action.direction == MATY_DIRECTION_SEND ? "to" : "from",
         role_name(walk, action.peer));
}

static void print_move(const walk_t *walk, const move_t *move) {
  uint32_t number;
  bool sends = action_of(walk, move, &number).direction == MATY_DIRECTION_SEND;
  printf("%s %s ", role_name(walk, move->role), sends ? "sends" : "receives");
  print_message(walk, move);
  (void)putchar('\n');
}

static void print_role(const walk_t *walk, uint32_t role, int width) {
  static const char *const phases[] = {[MATY_PHASE_RECEIVE] = "waits for ",
                                       [MATY_PHASE_SEND] = "sends ",
                                       [MATY_PHASE_FINAL] = "is done"};
  maty_endpoint_info_t info = endpoint(walk, role);
  maty_state_info_t state;
  must(maty_image_state(walk->image, info.state, &state));
  printf("  %-*s  %s", width, role_name(walk, role), phases[info.phase]);
  for (uint32_t i = 0; i < state.transition_count; i++) {
    move_t move = {.role = role, .state = info.state, .index = i};
    (void)fputs(i == 0 ? "" : ", or ", stdout);
    print_message(walk, &move);
  }
  (void)putchar('\n');
}

static void print_queues(const walk_t *walk) {
  for (size_t i = 0; i < walk->flying_count; i++) {
    const flying_t *head = &walk->flying[i];
    if (channel_head(walk, head->sender, head->receiver) != head)
      continue;
    printf("  under way from %s to %s: ", role_name(walk, head->sender),
           role_name(walk, head->receiver));
    for (size_t j = i; j < walk->flying_count; j++) {
      const flying_t *message = &walk->flying[j];
      maty_action_info_t action;
      if (message->sender != head->sender || message->receiver != head->receiver)
        continue;
      must(maty_image_action(walk->image, message->receiver, message->action, &action));
      printf("%s%s", j == i ? "" : ", ", action.label);
    }
    (void)putchar('\n');
  }
}

/* Machines that were not made of a protocol may also get stuck. */
static const char *ending(const walk_t *walk) {
  for (uint32_t role = 0; role < walk->role_count; role++)
    if (endpoint(walk, role).phase != MATY_PHASE_FINAL)
      return "Nothing can happen any more.";
  return walk->flying_count > 0 ? "Nothing can happen any more." : "The conversation is over.";
}

static void print_walk(const walk_t *walk) {
  int width = 0;
  printf("\nAfter %zu step%s:\n", walk->taken_count, walk->taken_count == 1 ? "" : "s");
  for (uint32_t role = 0; role < walk->role_count; role++) {
    int length = (int)strlen(role_name(walk, role));
    width = length > width ? length : width;
  }
  for (uint32_t role = 0; role < walk->role_count; role++)
    print_role(walk, role, width);
  print_queues(walk);
  puts(walk->move_count == 0 ? ending(walk) : "Next:");
  for (size_t i = 0; i < walk->move_count; i++) {
    printf("  %zu  ", i + 1);
    print_move(walk, &walk->moves[i]);
  }
}

/* ===== Walking =========================================================== */

static void print_keys(void) {
  puts("  a number  makes that step\n"
       "  b         goes one step back\n"
       "  ?         shows this\n"
       "  q         ends");
}

/* Reads one answer. Returns false at the end. */
static bool ask(walk_t *walk) {
  char line[64];
  (void)fputs("> ", stdout);
  (void)fflush(stdout);
  if (fgets(line, sizeof line, stdin) == NULL) {
    (void)putchar('\n');
    return false;
  }
  char *end, *text = line + strspn(line, " \t");
  text[strcspn(text, "\r\n")] = '\0';
  unsigned long number = strtoul(text, &end, 10);
  if (strcmp(text, "q") == 0)
    return false;
  if (strcmp(text, "b") == 0 && walk->taken_count > 0) {
    go_back(walk);
  } else if (strcmp(text, "b") == 0) {
    puts("This is the beginning.");
  } else if (strcmp(text, "?") == 0) {
    print_keys();
  } else if (end != text && *end == '\0' && number >= 1 && number <= walk->move_count) {
    take(walk, walk->moves[number - 1]);
  } else if (walk->move_count == 0) {
    printf("'%s' is none of b, q and ?\n", text);
  } else {
    printf("'%s' is no number from 1 to %zu, and none of b, q and ?\n", text, walk->move_count);
  }
  return true;
}

static void by_hand(walk_t *walk) {
  do {
    look(walk);
    print_walk(walk);
  } while (ask(walk));
}

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t next_random(uint64_t *state) {
  uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

static void at_random(walk_t *walk, const arguments_t *arguments) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  uint64_t otherwise = ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) % 1000000000u;
  uint64_t seed = option_number(arguments, OPTION_SEED, otherwise);
  uint64_t most = option_number(arguments, OPTION_STEPS, 100), random = seed;
  printf("seed %llu\n", (unsigned long long)seed);
  for (uint64_t step = 1;; step++) {
    look(walk);
    if (walk->move_count == 0 || step > most)
      break;
    move_t move = walk->moves[next_random(&random) % walk->move_count];
    printf("%5llu. ", (unsigned long long)step);
    print_move(walk, &move);
    take(walk, move);
  }
  if (walk->move_count == 0)
    puts(ending(walk));
  else
    print_walk(walk);
}

int run_simulate(const arguments_t *arguments) {
  int status = EXIT_YES;
  bool random = option_given(arguments, OPTION_RANDOM);
  if (!random && (option_given(arguments, OPTION_SEED) || option_given(arguments, OPTION_STEPS))) {
    usage_error("simulate", "--seed and --steps go with --random");
    return EXIT_TROUBLE;
  }
  checked_t checked;
  const maty_image_t *image =
      open_image(&checked, arguments, arguments->operands[0],
                 arguments->operand_count > 1 ? arguments->operands[1] : NULL, &status);
  if (image != NULL) {
    walk_t walk = {.image = (maty_image_t *)image, .role_count = maty_image_role_count(image)};
    begin(&walk);
    if (random)
      at_random(&walk, arguments);
    else
      by_hand(&walk);
    maty_space_free(walk.space);
    free(walk.flying);
    free(walk.taken);
    free(walk.moves);
  }
  checked_close(&checked);
  return status;
}
