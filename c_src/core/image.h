/* image.h - the layout of a protocol image, and the reader's view of one.
 *
 * An image is one block of memory without pointers. It begins with a header;
 * behind it stand tables of fixed-size records, and last the strings, each
 * ended by a zero. A record names another by its index in that one's table,
 * and a string by its offset in the strings.
 *
 *   +--------+-------+--------+---------+-------------+--------+-------+------+---------+
 *   | header | roles | states | actions | transitions | fields | types | keys | strings |
 *   +--------+-------+--------+---------+-------------+--------+-------+------+---------+
 *
 * What always holds of an image that was loaded or built (but decide.c explores
 * the roles' parts as they are written, where a state may have an action twice;
 * no image like that leaves it):
 *   - every index and offset is inside its table, every table inside the block;
 *   - a role's states are one run of the states table, its actions one run of
 *     the actions table; every state belongs to exactly one role, and a
 *     transition leads to a state of the same role;
 *   - a state's transitions are sorted by action, no action twice; all send in
 *     a SEND state, all receive in a RECEIVE state, none in a FINAL one, and
 *     the first two have at least one;
 *   - only a RECEIVE state has a deadline;
 *   - an action's peer has the same message as its action "peer_action", in the
 *     other direction, with the same label and channel;
 *   - a type's parts come before it in the table, so no type contains itself,
 *     and none is deeper or larger than limits.h allows;
 *   - the tables stand in this order, each right behind the one before, and so
 *     do the runs of records that roles, states and types have in them.
 *
 * Numbers are in the byte order of the machine that built the image; a block
 * of the other order fails the magic number.
 */
#ifndef MATY_IMAGE_H
#define MATY_IMAGE_H

#include <stdatomic.h>

#include "maty.h"

#define MATY__IMAGE_MAGIC 0x7974614du /* "Maty" */
#define MATY__IMAGE_VERSION 2u

typedef struct maty__table {
  uint32_t offset; /* bytes from the start of the block, a multiple of 8 */
  uint32_t count;  /* records; bytes for the strings */
} maty__table_t;

typedef struct maty__header {
  uint32_t magic;
  uint32_t version;
  uint64_t hash;     /* FNV-1a, 64 bits, of every 64-bit word behind this field */
  uint32_t size;     /* bytes of the whole block, a multiple of 8 */
  uint32_t protocol; /* string */
  uint32_t source;   /* string */
  uint32_t channel_count;
  maty__table_t roles;
  maty__table_t states;
  maty__table_t actions;
  maty__table_t transitions;
  maty__table_t fields;
  maty__table_t types;
  maty__table_t keys;
  maty__table_t strings;
} maty__header_t;

typedef struct maty__role {
  uint32_t name; /* string */
  uint32_t initial;
  uint32_t first_state, state_count;
  uint32_t first_action, action_count;
  uint32_t line, column;
} maty__role_t;

typedef struct maty__state {
  uint32_t first_transition;
  uint32_t transition_count;
  uint16_t phase; /* maty_phase */
  uint16_t role;
  uint32_t
      deadline; /* milliseconds that the role waits at most; 0: for ever, or it does not wait */
  uint32_t line, column;
} maty__state_t;

enum { MATY__ACTION_LOOK = 1 };

typedef struct maty__action {
  uint32_t label;   /* string */
  uint32_t channel; /* number of the ordered pair (sender, receiver), from 0 */
  uint16_t peer;
  uint16_t peer_action;
  uint16_t direction; /* maty_direction */
  uint16_t flags;
} maty__action_t;

typedef struct maty__transition {
  uint32_t action; /* counts within the role */
  uint32_t target;
  uint32_t first_field;
  uint32_t arity;
  uint32_t line, column;
} maty__transition_t;

typedef struct maty__field {
  uint32_t name; /* string, "" if it has none */
  uint32_t type;
} maty__field_t;

typedef enum maty__type_kind {
  MATY__TYPE_ANY,     /* not looked at; "first" names an abstract type, "" is any */
  MATY__TYPE_INTEGER, /* of any size */
  MATY__TYPE_FLOAT,
  MATY__TYPE_NUMBER, /* integer or float */
  MATY__TYPE_BOOLEAN,
  MATY__TYPE_ATOM, /* booleans too */
  MATY__TYPE_BINARY,
  MATY__TYPE_STRING, /* UTF-8 binary */
  MATY__TYPE_PID,
  MATY__TYPE_REFERENCE,
  MATY__TYPE_DATE, /* these three as the codec of the payload has them */
  MATY__TYPE_TIME,
  MATY__TYPE_DATETIME,
  MATY__TYPE_LITERAL, /* the atom named by the string "first" */
  MATY__TYPE_RANGE,   /* integers low..high; a literal integer has low = high */
  MATY__TYPE_LIST,    /* of keys[first].type; a proper list */
  MATY__TYPE_TUPLE,   /* of keys[first .. first + count - 1].type */
  MATY__TYPE_MAP,     /* with at least the atom keys keys[first ..].name, 64 of them at most */
  MATY__TYPE_UNION,   /* of keys[first ..].type */
  MATY__TYPE_KINDS
} maty__type_kind;

typedef struct maty__type {
  uint16_t kind;
  uint16_t tags; /* bit t: a value of maty_tag t fits, and no look is needed to say so */
  uint16_t look; /* bit t: a value of maty_tag t may fit; only a look can say */
  uint16_t reserved;
  uint32_t first;
  uint32_t count;
  int64_t low, high;
} maty__type_t;

/* A part of a compound type. */
typedef struct maty__key {
  uint32_t name; /* string; only a map's parts have one, else "" */
  uint32_t type;
} maty__key_t;

/* An image as its users see it: the block, counted references, and the tables
 * as typed pointers into the block. */
struct maty_image {
  atomic_uint references;
  maty_allocator_t allocator;
  const maty__header_t *header;
  const maty__role_t *roles;
  const maty__state_t *states;
  const maty__action_t *actions;
  const maty__transition_t *transitions;
  const maty__field_t *fields;
  const maty__type_t *types;
  const maty__key_t *keys;
  const char *strings;
};

#endif /* MATY_IMAGE_H */
