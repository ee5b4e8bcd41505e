/* machines_write.c - machines as text, see docs/machines.md.
 *
 * States are numbered from 0 for each role, the initial one first: in the plain
 * notation in the order of the image, so that numbers mean the same everywhere,
 * and in the other one breadth first, since there a reader numbers them as they
 * come. A state's messages stand in the order of their peers, then of their labels.
 * So the text does not depend on how an image numbers its actions, and what is
 * written, read and written again is the same text. Only one role's machine in the
 * other notation cannot be read by itself, for nothing there names roles without machines.
 */
#include <string.h>

#include "image_text.h"
#include "vec.h"

typedef struct writer {
  const maty_image_t *image;
  maty_machine_format format;
  uint32_t role; /* the one to be written, or MATY_ALL_ROLES */
  maty_writer_t out;
  maty__arena_t arena;
  maty__text_t text;   /* that is not written yet */
  maty__u32s_t order;  /* transitions of a state */
  maty__u32s_t list;   /* states of a role, counted from its first: as they are written */
  maty__u32s_t number; /* the other way round; MATY__NONE for one that is not written */
  maty__u32s_t merged; /* room for sorting them */
  size_t indent;       /* of the messages of a state */
} writer_t;

static const maty__action_t *action_of(const writer_t *writer, const maty__role_t *role,
                                       uint32_t transition) {
  return &writer->image
              ->actions[role->first_action + writer->image->transitions[transition].action];
}

static int compare(const writer_t *writer, const maty__role_t *role, uint32_t a, uint32_t b) {
  const maty__action_t *first = action_of(writer, role, a), *second = action_of(writer, role, b);
  if (first->peer != second->peer)
    return first->peer < second->peer ? -1 : 1;
  return strcmp(writer->image->strings + first->label, writer->image->strings + second->label);
}

/* Merges runs of 1, 2, 4 ... transitions. */
static maty_status sort(writer_t *writer, const maty__role_t *role, const maty__state_t *state) {
  uint32_t count = state->transition_count;
  writer->order.count = writer->merged.count = 0;
  MATY__NEED(maty__vec_reserve(&writer->arena, &writer->order, count) &&
             maty__vec_reserve(&writer->arena, &writer->merged, count));
  uint32_t *from = writer->order.at, *to = writer->merged.at;
  for (uint32_t i = 0; i < count; i++)
    from[i] = state->first_transition + i;
  for (uint32_t run = 1; run < count; run *= 2) {
    for (uint32_t first = 0; first < count; first += 2 * run) {
      uint32_t middle = first + run < count ? first + run : count;
      uint32_t end = middle + run < count ? middle + run : count;
      for (uint32_t left = first, right = middle, i = first; i < end; i++) {
        bool take =
            right == end || (left < middle && compare(writer, role, from[left], from[right]) <= 0);
        to[i] = take ? from[left++] : from[right++];
      }
    }
    uint32_t *swap = from;
    from = to;
    to = swap;
  }
  if (from != writer->order.at)
    memcpy(writer->order.at, from, count * sizeof *from);
  return MATY_OK;
}

static maty_status add_state(writer_t *writer, uint32_t state) {
  if (writer->number.at[state] != MATY__NONE)
    return MATY_OK;
  writer->number.at[state] = writer->list.count;
  MATY__NEED(maty__vec_push(&writer->arena, &writer->list, state));
  return MATY_OK;
}

static maty_status number_states(writer_t *writer, const maty__role_t *role) {
  writer->list.count = writer->number.count = 0;
  MATY__NEED(maty__vec_reserve(&writer->arena, &writer->number, role->state_count));
  memset(writer->number.at, 0xff, role->state_count * sizeof *writer->number.at);
  MATY__TRY(add_state(writer, role->initial - role->first_state));
  if (writer->format == MATY_MACHINES_PLAIN) {
    for (uint32_t i = 0; i < role->state_count; i++)
      MATY__TRY(add_state(writer, i));
    return MATY_OK;
  }
  for (uint32_t i = 0; i < writer->list.count; i++) {
    const maty__state_t *state = &writer->image->states[role->first_state + writer->list.at[i]];
    MATY__TRY(sort(writer, role, state));
    for (uint32_t j = 0; j < state->transition_count; j++) {
      uint32_t target = writer->image->transitions[writer->order.at[j]].target;
      MATY__TRY(add_state(writer, target - role->first_state));
    }
  }
  return MATY_OK;
}

static uint32_t number_of(const writer_t *writer, const maty__role_t *role, uint32_t state) {
  return writer->number.at[state - role->first_state];
}

/* ===== The pieces of a line ============================================== */

static maty_status flush(writer_t *writer) {
  MATY__NEED(!writer->text.failed);
  size_t length = writer->text.length;
  writer->text.length = 0;
  return length == 0 ? MATY_OK : writer->out.write(writer->out.context, writer->text.at, length);
}

static void add_plain(writer_t *writer, const maty__role_t *role, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = &writer->image->transitions[writer->order.at[index]];
  const maty__action_t *action = action_of(writer, role, writer->order.at[index]);
  size_t before = writer->text.length;
  if (index == 0)
    maty__text_add(&writer->text, "  %u: ", state);
  else
    maty__text_add(&writer->text, "%*s", (int)writer->indent, "");
  writer->indent = index == 0 ? writer->text.length - before : writer->indent;
  maty__text_add(&writer->text, "%s", writer->image->strings + action->label);
  maty__text_add_payload(&writer->text, writer->image, transition);
  maty__text_add(&writer->text, " %s %s -> %u;\n",
                 action->direction == MATY_DIRECTION_SEND ? "to" : "from",
                 writer->image->strings + writer->image->roles[action->peer].name,
                 number_of(writer, role, transition->target));
}

static void add_cfsm(writer_t *writer, const maty__role_t *role, uint32_t state, uint32_t index) {
  const maty__transition_t *transition = &writer->image->transitions[writer->order.at[index]];
  const maty__action_t *action = action_of(writer, role, writer->order.at[index]);
  const char *label = writer->image->strings + action->label;
  maty__text_add(&writer->text, "%u ", state);
  if (writer->role == MATY_ALL_ROLES)
    maty__text_add(&writer->text, "%u", action->peer);
  else
    maty__text_add(&writer->text, "%s",
                   writer->image->strings + writer->image->roles[action->peer].name);
  maty__text_add(&writer->text, " %c %s %u\n", action->direction == MATY_DIRECTION_SEND ? '!' : '?',
                 *label == '\0' ? "()" : label, number_of(writer, role, transition->target));
}

/* ===== Machines ========================================================== */

static maty_status write_state(writer_t *writer, const maty__role_t *role, uint32_t index) {
  const maty__state_t *state = &writer->image->states[index];
  uint32_t number = number_of(writer, role, index);
  bool plain = writer->format == MATY_MACHINES_PLAIN;
  MATY__TRY(sort(writer, role, state));
  if (state->transition_count == 0 && plain)
    maty__text_add(&writer->text, "  %u: end;\n", number);
  for (uint32_t i = 0; i < state->transition_count; i++) {
    if (plain)
      add_plain(writer, role, number, i);
    else
      add_cfsm(writer, role, number, i);
  }
  return flush(writer);
}

static maty_status write_machine(writer_t *writer, const maty__role_t *role) {
  bool plain = writer->format == MATY_MACHINES_PLAIN;
  maty__text_add(&writer->text, plain ? "\nmachine %s {\n" : ".outputs %s\n.state graph\n",
                 writer->image->strings + role->name);
  MATY__TRY(number_states(writer, role));
  for (uint32_t i = 0; i < writer->list.count; i++)
    MATY__TRY(write_state(writer, role, role->first_state + writer->list.at[i]));
  maty__text_add(&writer->text, plain ? "}\n" : ".marking 0\n.end\n\n");
  return flush(writer);
}

/* So that others can name it; such lines stand together. */
static maty_status name_role(writer_t *writer, const maty__role_t *role, bool behind_name) {
  maty__text_add(&writer->text, "%srole %s;\n", behind_name ? "" : "\n",
                 writer->image->strings + role->name);
  return flush(writer);
}

static maty_status write_all(writer_t *writer) {
  const maty_image_t *image = writer->image;
  bool plain = writer->format == MATY_MACHINES_PLAIN;
  if (plain)
    maty__text_add(&writer->text, "machines %s;\n", maty_image_protocol(image));
  else if (writer->role != MATY_ALL_ROLES)
    maty__text_add(&writer->text, "-- one machine of a set, which names the others\n");
  for (uint32_t i = 0; i < image->header->roles.count; i++) {
    if (writer->role == MATY_ALL_ROLES || writer->role == i)
      MATY__TRY(write_machine(writer, &image->roles[i]));
    else if (plain)
      MATY__TRY(name_role(writer, &image->roles[i], i > 0 && i - 1 != writer->role));
  }
  return MATY_OK;
}

maty_status maty_machines_write(const maty_image_t *image, uint32_t role,
                                maty_machine_format format, const maty_allocator_t *allocator,
                                maty_writer_t writer) {
  if (image == NULL || allocator == NULL || writer.write == NULL ||
      (role != MATY_ALL_ROLES && role >= image->header->roles.count) ||
      (format != MATY_MACHINES_PLAIN && format != MATY_MACHINES_CFSM))
    return MATY_EINVAL;
  writer_t own = {.image = image, .format = format, .role = role, .out = writer};
  maty__arena_init(&own.arena, allocator);
  maty__text_init(&own.text, &own.arena);
  maty_status status = write_all(&own);
  maty__arena_free(&own.arena);
  return status;
}
