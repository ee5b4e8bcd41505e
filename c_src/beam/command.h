/* command.h - what a port is told, and what it answers.
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
 */
#ifndef MATY_COMMAND_H
#define MATY_COMMAND_H

#include <string.h>

#include "maty.h"

/* In a command of port_call/3: the message is hollow. */
#define MATY_CALL_HOLLOW (1u << 31)

enum {
  MATY_COMMAND_OP_SHIFT = 28,
  MATY_COMMAND_ACTION_SHIFT = 16,
  MATY_COMMAND_ACTION_MASK = 0xfff,
  MATY_REPLY_ERROR = 128
};

typedef enum maty_operation {
  MATY_OP_PART,         /* one of those below, by the action */
  MATY_OP_SEND,         /* handle -> phase, ticket (2 bytes, high first) */
  MATY_OP_SEND_TERM,    /* handle, 1 if the message is hollow else 0 (1 byte), message as for
                           maty_etf_open -> the same */
  MATY_OP_RECEIVE,      /* handle -> phase */
  MATY_OP_RECEIVE_TERM, /* handle, hollow, message -> the same */
  MATY_OP_CLOSE,        /* handle -> nothing */
  MATY_OP_CANCEL,       /* handle -> nothing */
  MATY_OP_OPEN,         /* image (32 bits), bound of each channel (32), maty_overload (32), a
                           token (64, 0 for one that is away) and a number (64) for each role ->
                           nothing; refused as EDEAD: the role follows (2 bytes) */
  MATY_OP_ATTACH,       /* -> 0, the caller's token (8 bytes) */
  MATY_OP_INFO,         /* handle -> phase, image state (4 bytes), whether it is the caller's (1) */
  MATY_OP_COUNTERS,     /* the action: the first one wanted -> 0, as many counters as fit, 8 bytes
                           each, in the order of the structure, and two of the driver as a whole:
                           memory held, and what may be, or 0 */
  MATY_OP_ASK,          /* reference (64), question (see job.h) -> nothing */
  MATY_OP_LOAD,         /* reference (64), image -> nothing */
  MATY_OP_LIST,         /* reference (64), cursor (64, 0 at first) -> nothing */
  MATY_OP_DEADLINE = 15 /* handle, milliseconds from now (32) -> nothing */
} maty_operation;

/* What is done with this node's part of a session, by the owner of the port only. */
typedef enum maty_part {
  MATY_PART_OPEN,   /* as MATY_OP_OPEN, but nobody is told -> session (8 bytes) */
  MATY_PART_REPORT, /* session, role (32), state (32), channels as above or none -> nothing */
  MATY_PART_ABANDON /* session -> nothing */
} maty_part;

/* Where "hollow" and the message are in the data of MATY_OP_SEND_TERM and _RECEIVE_TERM. */
enum { MATY_SHOWN_HOLLOW = 8, MATY_SHOWN_MESSAGE = 9 };

/* Where the bound and the places begin in the data of MATY_OP_OPEN, and the number in a place. */
enum { MATY_OPEN_BOUND = 4, MATY_OPEN_PLACES = 12, MATY_PLACE_NUMBER = 8, MATY_PLACE_SIZE = 16 };

/* A reply being written. It fits the buffer that the VM provides. */
typedef struct maty_reply {
  uint8_t *bytes;
  size_t size;
} maty_reply_t;

static inline void maty_reply_byte(maty_reply_t *reply, unsigned value) {
  reply->bytes[reply->size++] = (uint8_t)value;
}

static inline void maty_reply_status(maty_reply_t *reply, maty_status status) {
  maty_reply_byte(reply, status == MATY_OK ? 0 : MATY_REPLY_ERROR + (unsigned)status);
}

/* High byte first, as Erlang matches it. */
static inline void maty_reply_number(maty_reply_t *reply, uint64_t value, unsigned bytes) {
  while (bytes > 0) {
    bytes--;
    maty_reply_byte(reply, (unsigned)(value >> (8 * bytes)) & 0xff);
  }
}

/* Numbers in the data of a command. */
static inline uint64_t maty_data_word(const char *data) {
  uint64_t word;
  memcpy(&word, data, sizeof word);
  return word;
}

static inline uint32_t maty_data_half(const char *data) {
  uint32_t half;
  memcpy(&half, data, sizeof half);
  return half;
}

#endif /* MATY_COMMAND_H */
