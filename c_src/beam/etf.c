/* etf.c - judges a payload in Erlang's external term format; see etf.h.
 *
 * The judge is a small machine with a stack. Its input is a sequence of tokens,
 * one for each term: an atom, a number, or the head of a container whose parts
 * follow. A frame on the stack is a container whose parts are still to come, or
 * a union that is still to be decided:
 *
 *      bytes   ... [ tuple of 2 ][ integer ][ list of 3 ][ ... ]
 *                                                ^ position
 *      stack   tuple {integer, list(T)}: 0 parts left | list(T): 3 parts left
 *
 * A value of a union is tried against each alternative in turn. How long a term
 * is does not depend on the type it is held against, so the first alternative
 * that fits decides, and a frame below is never touched by a trial above it.
 *
 * What always holds: position <= size, and the bytes before it are read only
 * again when a union goes back to its start.
 */
#include "etf.h"

#include <string.h>

#include "../core/image.h"
#include "calendar.h"
#include "term.h"

/* One term, or the head of one. */
typedef struct token {
  maty_tag tag;
  uint32_t parts;       /* of a container: terms that follow; a map's pairs count once */
  const uint8_t *bytes; /* of an atom or a binary that is shown; else NULL */
  uint32_t length;      /* of the same */
  bool fits_word;       /* an integer that is the value below */
  int64_t value;
  bool raw;      /* a list whose parts are bytes, not terms */
  bool left_out; /* a binary that is not shown */
} token_t;

typedef enum frame_kind { FRAME_TUPLE, FRAME_LIST, FRAME_MAP, FRAME_UNION } frame_kind;

typedef struct frame {
  uint8_t kind;
  bool raw;          /* list: the parts are bytes; union: so is the value */
  uint32_t type;     /* of each part of a list; the union, tuple or map itself */
  uint32_t parts;    /* still to come */
  uint32_t next;     /* tuple: the part that comes next; union: the alternative to try next */
  uint32_t position; /* union: where its value begins */
  uint64_t seen;     /* map: which declared keys have come, one bit each */
} frame_t;

/* No type: a part that nothing is known of, as those of "any". */
#define TYPE_UNKNOWN UINT32_MAX

typedef struct judge {
  const maty_image_t *image;
  const uint8_t *bytes;
  uint32_t size;
  uint32_t position;
  uint32_t steps;
  uint32_t depth;
  bool hollow;
  frame_t stack[MATY_ETF_MAX_DEPTH];
} judge_t;

/* ----- Reading tokens ----- */

/* A number of 1, 2 or 4 bytes. */
static inline uint32_t big_endian(const uint8_t *bytes, uint32_t width) {
  switch (width) {
  case 1:
    return bytes[0];
  case 2:
    return (uint32_t)bytes[0] << 8 | bytes[1];
  default:
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
  }
}

/* Takes "count" bytes; NULL if there are fewer. */
static inline const uint8_t *take(judge_t *judge, uint32_t count) {
  const uint8_t *bytes = judge->bytes + judge->position;
  if (judge->size - judge->position < count) {
    return NULL;
  }
  judge->position += count;
  return bytes;
}

/* Takes a number of 1, 2 or 4 bytes. */
static inline bool take_number(judge_t *judge, uint32_t width, uint32_t *value) {
  const uint8_t *bytes = take(judge, width);
  if (bytes != NULL) {
    *value = big_endian(bytes, width);
  }
  return bytes != NULL;
}

/* Takes bytes that are preceded by their number. */
static bool take_counted(judge_t *judge, uint32_t width, token_t *token) {
  return take_number(judge, width, &token->length) &&
         (token->bytes = take(judge, token->length)) != NULL;
}

/* Whether bytes, which may hold zeros, are a string. */
static bool bytes_are(const uint8_t *bytes, uint32_t length, const char *text) {
  if (bytes == NULL) {
    return false;
  }
  for (uint32_t i = 0; i < length; i++) {
    if (text[i] == '\0' || bytes[i] != (uint8_t)text[i]) {
      return false;
    }
  }
  return text[length] == '\0';
}

/* Takes an atom whose type byte has been taken. */
static bool take_atom(judge_t *judge, uint32_t type, token_t *token) {
  bool small = type == ETF_SMALL_ATOM || type == ETF_SMALL_ATOM_UTF8;
  if ((!small && type != ETF_ATOM && type != ETF_ATOM_UTF8) ||
      !take_counted(judge, small ? 1 : 2, token)) {
    return false;
  }
  bool boolean = (token->length == 4 && memcmp(token->bytes, "true", 4) == 0) ||
                 (token->length == 5 && memcmp(token->bytes, "false", 5) == 0);
  token->tag = boolean ? MATY_TAG_BOOLEAN : MATY_TAG_ATOM;
  return true;
}

/* Takes the node of a pid, port or reference, and what follows it. */
static bool take_identifier(judge_t *judge, maty_tag tag, uint32_t rest, token_t *token) {
  uint32_t type;
  bool ok =
      take_number(judge, 1, &type) && take_atom(judge, type, token) && take(judge, rest) != NULL;
  *token = (token_t){.tag = tag};
  return ok;
}

/* Takes an integer of "length" bytes, least first, with its sign before. */
static bool take_big(judge_t *judge, uint32_t width, token_t *token) {
  uint32_t length, sign;
  const uint8_t *bytes;
  if (!take_number(judge, width, &length) || !take_number(judge, 1, &sign) ||
      (bytes = take(judge, length)) == NULL) {
    return false;
  }
  uint64_t magnitude = 0;
  token->fits_word = true;
  for (uint32_t i = 0; i < length; i++) {
    if (i < 8) {
      magnitude |= (uint64_t)bytes[i] << (8 * i);
    } else if (bytes[i] != 0) {
      token->fits_word = false;
      break;
    }
  }
  token->fits_word = token->fits_word && magnitude <= INT64_MAX;
  token->value = sign != 0 ? -(int64_t)(magnitude & INT64_MAX) : (int64_t)(magnitude & INT64_MAX);
  return true;
}

/* Takes a bitstring, which in a hollow message may stand for a binary. */
static bool take_bitstring(judge_t *judge, token_t *token) {
  uint32_t size, bits;
  if (!take_number(judge, 4, &size) || !take_number(judge, 1, &bits) || take(judge, size) == NULL) {
    return false;
  }
  if (judge->hollow && size == 1 && bits == 1) {
    token->tag = MATY_TAG_BINARY;
    token->left_out = true;
  }
  return true;
}

static bool take_function(judge_t *judge) {
  uint32_t size;
  return take_number(judge, 4, &size) && size >= 4 && take(judge, size - 4) != NULL;
}

static bool take_export(judge_t *judge) {
  uint32_t type;
  token_t ignored = {0};
  for (int i = 0; i < 2; i++) {
    if (!take_number(judge, 1, &type) || !take_atom(judge, type, &ignored)) {
      return false;
    }
  }
  return take(judge, 2) != NULL;
}

/* Takes the next token. "raw" says that a byte of a list of bytes is next. */
static maty_status next_token(judge_t *judge, bool raw, token_t *token) {
  uint32_t type = 0;
  uint32_t number = 0;
  bool ok = take_number(judge, 1, &type);
  *token = (token_t){.tag = MATY_TAG_OTHER};
  if (raw) {
    *token = (token_t){.tag = MATY_TAG_INTEGER, .fits_word = true, .value = type};
    return ok ? MATY_OK : MATY_ETERM;
  }
  switch (ok ? type : 0) {
  case ETF_SMALL_INTEGER:
  case ETF_INTEGER:
    token->tag = MATY_TAG_INTEGER;
    ok = take_number(judge, type == ETF_INTEGER ? 4 : 1, &number);
    token->fits_word = true;
    token->value = type == ETF_INTEGER ? (int32_t)number : (int64_t)number;
    break;
  case ETF_SMALL_BIG:
  case ETF_LARGE_BIG:
    token->tag = MATY_TAG_INTEGER;
    ok = take_big(judge, type == ETF_LARGE_BIG ? 4 : 1, token);
    break;
  case ETF_NEW_FLOAT:
  case ETF_FLOAT:
    token->tag = MATY_TAG_FLOAT;
    ok = take(judge, type == ETF_FLOAT ? 31 : 8) != NULL;
    break;
  case ETF_ATOM:
  case ETF_ATOM_UTF8:
  case ETF_SMALL_ATOM:
  case ETF_SMALL_ATOM_UTF8:
    ok = take_atom(judge, type, token);
    break;
  case ETF_SMALL_TUPLE:
  case ETF_LARGE_TUPLE:
    token->tag = MATY_TAG_TUPLE;
    ok = take_number(judge, type == ETF_LARGE_TUPLE ? 4 : 1, &token->parts);
    break;
  case ETF_NIL:
    token->tag = MATY_TAG_LIST;
    break;
  case ETF_STRING:
    token->tag = MATY_TAG_LIST;
    token->raw = true;
    ok = take_number(judge, 2, &token->parts);
    break;
  case ETF_LIST:
    token->tag = MATY_TAG_LIST;
    ok = take_number(judge, 4, &token->parts) && token->parts > 0;
    break;
  case ETF_MAP:
    token->tag = MATY_TAG_MAP;
    ok = take_number(judge, 4, &token->parts);
    break;
  case ETF_BINARY:
    token->tag = MATY_TAG_BINARY;
    ok = take_counted(judge, 4, token);
    break;
  case ETF_BIT_BINARY:
    ok = take_bitstring(judge, token);
    break;
  case ETF_PID:
  case ETF_NEW_PID:
    ok = take_identifier(judge, MATY_TAG_PID, type == ETF_PID ? 9 : 12, token);
    break;
  case ETF_PORT:
    ok = take_identifier(judge, MATY_TAG_OTHER, 5, token);
    break;
  case ETF_NEW_PORT:
    ok = take_identifier(judge, MATY_TAG_OTHER, 8, token);
    break;
  case ETF_V4_PORT:
    ok = take_identifier(judge, MATY_TAG_OTHER, 12, token);
    break;
  case ETF_NEW_REFERENCE:
  case ETF_NEWER_REFERENCE:
    ok = take_number(judge, 2, &number) &&
         take_identifier(judge, MATY_TAG_REFERENCE,
                         4 * number + (type == ETF_NEW_REFERENCE ? 1 : 4), token);
    break;
  case ETF_FUN:
    ok = take_function(judge);
    break;
  case ETF_EXPORT:
    ok = take_export(judge);
    break;
  default:
    ok = false;
  }
  return ok ? MATY_OK : MATY_ETERM;
}

/* ----- Judging scalars ----- */

/* Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences". */
static bool is_utf8(const uint8_t *bytes, uint32_t length) {
  uint32_t i = 0;
  while (i < length) {
    uint64_t word;
    if (length - i >= sizeof word) {
      memcpy(&word, bytes + i, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        i += sizeof word;
        continue;
      }
    }
    uint8_t lead = bytes[i++];
    if (lead < 0x80) {
      continue;
    }
    uint32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || length - i < more) {
      return false;
    }
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--, i++, low = 0x80, high = 0xbf) {
      if (bytes[i] < low || bytes[i] > high) {
        return false;
      }
    }
  }
  return true;
}

static maty_status judge_string(judge_t *judge, const token_t *token) {
  if (token->left_out) {
    return MATY_ELOOK;
  }
  judge->steps += token->length / 16;
  if (judge->steps > MATY_ETF_MAX_STEPS) {
    return MATY_ELIMIT;
  }
  return is_utf8(token->bytes, token->length) ? MATY_OK : MATY_EPAYLOAD;
}

/* ----- Looking types up, in the image or in the calendar ----- */

static const maty__type_t *type_at(const judge_t *judge, uint32_t type) {
  static const maty__type_t any = {.kind = MATY__TYPE_ANY, .tags = UINT16_MAX};
  if (type == TYPE_UNKNOWN)
    return &any;
  return (type & CALENDAR) != 0 ? &calendar_types[type & ~CALENDAR] : &judge->image->types[type];
}

/* A part of a type. */
static const maty__key_t *part_at(const judge_t *judge, uint32_t type, uint32_t index) {
  const maty__key_t *keys = (type & CALENDAR) != 0 ? calendar_keys : judge->image->keys;
  return &keys[type_at(judge, type)->first + index];
}

/* A string that a type or a part of it names. */
static const char *text_at(const judge_t *judge, uint32_t type, uint32_t offset) {
  const char *strings =
      (type & CALENDAR) != 0 ? (const char *)&calendar_strings : judge->image->strings;
  return strings + offset;
}

/* The union that a date or a time is. */
static uint32_t calendar_type(uint16_t kind) {
  return CALENDAR | (kind == MATY__TYPE_DATE   ? CALENDAR_DATE
                     : kind == MATY__TYPE_TIME ? CALENDAR_TIME
                                               : CALENDAR_DATETIME);
}

/* ----- The machine ----- */

static maty_status push(judge_t *judge, frame_t frame) {
  if (judge->depth == MATY_ETF_MAX_DEPTH) {
    return MATY_ELIMIT;
  }
  judge->stack[judge->depth++] = frame;
  return MATY_OK;
}

/* Pushes what follows of a term that nothing is known of. A map's keys and
 * values are then parts like any other. */
static maty_status push_unknown(judge_t *judge, const token_t *token) {
  uint32_t each = token->tag == MATY_TAG_MAP ? 2 : 1;
  if (token->parts == 0) {
    return MATY_OK;
  }
  if (token->parts > UINT32_MAX / each) {
    return MATY_ETERM;
  }
  return push(judge, (frame_t){.kind = token->tag == MATY_TAG_LIST ? FRAME_LIST : FRAME_TUPLE,
                               .raw = token->raw,
                               .type = TYPE_UNKNOWN,
                               .parts = token->parts * each});
}

/* Holds the next term against a type: decides, or pushes what is left to do.
 * Returns MATY_EPAYLOAD if it does not fit. */
static maty_status judge_term(judge_t *judge, uint32_t type_number, bool raw) {
  const maty__type_t *type = type_at(judge, type_number);
  uint32_t position = judge->position;
  token_t token;
  maty_status status = next_token(judge, raw, &token);
  if (status != MATY_OK) {
    return status;
  }
  if (++judge->steps > MATY_ETF_MAX_STEPS) {
    return MATY_ELIMIT;
  }
  if (((type->tags >> token.tag) & 1u) != 0) {
    return push_unknown(judge, &token);
  }
  if (((type->look >> token.tag) & 1u) == 0) {
    return MATY_EPAYLOAD;
  }
  switch (type->kind) {
  case MATY__TYPE_STRING:
    return judge_string(judge, &token);
  case MATY__TYPE_LITERAL:
    return bytes_are(token.bytes, token.length, text_at(judge, type_number, type->first))
               ? MATY_OK
               : MATY_EPAYLOAD;
  case MATY__TYPE_RANGE:
    return token.fits_word && type->low <= token.value && token.value <= type->high ? MATY_OK
                                                                                    : MATY_EPAYLOAD;
  case MATY__TYPE_LIST:
    if (token.parts == 0) {
      return MATY_OK;
    }
    return push(judge, (frame_t){.kind = FRAME_LIST,
                                 .raw = token.raw,
                                 .type = part_at(judge, type_number, 0)->type,
                                 .parts = token.parts});
  case MATY__TYPE_TUPLE:
    if (token.parts != type->count) {
      return MATY_EPAYLOAD;
    }
    return push(judge, (frame_t){.kind = FRAME_TUPLE, .type = type_number, .parts = token.parts});
  case MATY__TYPE_MAP:
    return push(judge, (frame_t){.kind = FRAME_MAP, .type = type_number, .parts = token.parts});
  case MATY__TYPE_DATE:
  case MATY__TYPE_TIME:
  case MATY__TYPE_DATETIME:
    type_number = calendar_type(type->kind);
    break;
  default:
    break;
  }
  /* A union: its alternatives begin again at this term. */
  judge->position = position;
  return push(
      judge,
      (frame_t){
          .kind = FRAME_UNION, .raw = raw, .type = type_number, .parts = 1, .position = position});
}

/* Holds a map's next key and value against the type. */
static maty_status judge_pair(judge_t *judge, frame_t *frame) {
  token_t key;
  maty_status status;
  const maty__type_t *type = type_at(judge, frame->type);
  uint32_t position = judge->position;
  if ((status = next_token(judge, false, &key)) != MATY_OK) {
    return status;
  }
  if (key.tag == MATY_TAG_ATOM || key.tag == MATY_TAG_BOOLEAN) {
    for (uint32_t i = 0; i < type->count; i++) {
      const maty__key_t *declared = part_at(judge, frame->type, i);
      if (bytes_are(key.bytes, key.length, text_at(judge, frame->type, declared->name))) {
        frame->seen |= UINT64_C(1) << i;
        return judge_term(judge, declared->type, false);
      }
    }
    return judge_term(judge, TYPE_UNKNOWN, false);
  }
  /* A key that is not an atom may be deep: key and value both are unknown. */
  judge->position = position;
  return push(judge, (frame_t){.kind = FRAME_TUPLE, .type = TYPE_UNKNOWN, .parts = 2});
}

/* Takes the integers that a list goes on with, if all integers fit. Lists of them
 * are common, and long ones more so. */
static void take_integers(judge_t *judge, frame_t *frame) {
  uint32_t position = judge->position, parts = frame->parts;
  if (((type_at(judge, frame->type)->tags >> MATY_TAG_INTEGER) & 1u) == 0) {
    return;
  }
  if (frame->raw) {
    uint32_t left = judge->size - position;
    parts -= parts < left ? parts : left;
    position += frame->parts - parts;
  }
  while (!frame->raw && parts > 0) {
    uint32_t left = judge->size - position;
    uint32_t length = left >= 2 && judge->bytes[position] == ETF_SMALL_INTEGER ? 2
                      : left >= 5 && judge->bytes[position] == ETF_INTEGER     ? 5
                                                                               : 0;
    if (length == 0) {
      break;
    }
    position += length;
    parts--;
  }
  judge->steps += (frame->parts - parts) / 8;
  judge->position = position;
  frame->parts = parts;
}

/* Begins the next part of the frame on top, or takes the frame off. */
static maty_status advance(judge_t *judge) {
  frame_t *frame = &judge->stack[judge->depth - 1];
  bool known = frame->type != TYPE_UNKNOWN;
  const maty__type_t *type = type_at(judge, frame->type);
  if (frame->kind == FRAME_UNION) {
    if (frame->parts == 0) {
      judge->depth--;
      return MATY_OK;
    }
    if (frame->next == type->count) {
      return MATY_EPAYLOAD;
    }
    frame->parts = 0;
    return judge_term(judge, part_at(judge, frame->type, frame->next++)->type, frame->raw);
  }
  if (frame->kind == FRAME_LIST) {
    take_integers(judge, frame);
  }
  if (frame->parts == 0) {
    judge->depth--;
    if (frame->kind == FRAME_MAP) {
      uint64_t all = type->count == 64 ? UINT64_MAX : (UINT64_C(1) << type->count) - 1;
      return frame->seen == all ? MATY_OK : MATY_EPAYLOAD;
    }
    if (frame->kind == FRAME_LIST && !frame->raw) {
      /* What ends the list: nothing, or it is improper. */
      uint32_t tail = 0;
      if (!take_number(judge, 1, &tail)) {
        return MATY_ETERM;
      }
      if (tail != ETF_NIL && known) {
        return MATY_EPAYLOAD;
      }
      if (tail != ETF_NIL) {
        judge->position--;
        return judge_term(judge, TYPE_UNKNOWN, false);
      }
    }
    return MATY_OK;
  }
  frame->parts--;
  switch (frame->kind) {
  case FRAME_TUPLE:
    return judge_term(
        judge, known ? part_at(judge, frame->type, frame->next++)->type : TYPE_UNKNOWN, false);
  case FRAME_LIST:
    return judge_term(judge, frame->type, frame->raw);
  default:
    return judge_pair(judge, frame);
  }
}

/* After a misfit: goes back to the innermost union that has another
 * alternative. Returns false if there is none. */
static bool backtrack(judge_t *judge) {
  while (judge->depth > 0) {
    frame_t *frame = &judge->stack[judge->depth - 1];
    if (frame->kind == FRAME_UNION && frame->next < type_at(judge, frame->type)->count) {
      frame->parts = 1;
      judge->position = frame->position;
      return true;
    }
    judge->depth--;
  }
  return false;
}

static maty_status judge_field(judge_t *judge, uint32_t type) {
  judge->depth = 0;
  maty_status status = judge_term(judge, type, false);
  while (status == MATY_EPAYLOAD || judge->depth > 0) {
    if (status == MATY_OK) {
      status = advance(judge);
    } else if (status == MATY_EPAYLOAD && backtrack(judge)) {
      status = MATY_OK;
    } else {
      return status;
    }
  }
  return status;
}

maty_status maty_etf_open(maty_etf_t *etf, const uint8_t *bytes, size_t size) {
  size_t skip = size > 0 && bytes[0] == 0;
  *etf = (maty_etf_t){.bytes = bytes + skip, .size = size - skip, .hollow = skip > 0};
  return size > skip && size < UINT32_MAX && bytes[skip] == ETF_VERSION ? MATY_OK : MATY_ETERM;
}

maty_status maty_etf_judge(void *context, const maty_image_t *image, uint32_t first_field,
                           uint32_t arity, uint32_t *field) {
  /* The stack is not cleared: it is written before it is read. */
  judge_t judge;
  const maty_etf_t *etf = context;
  judge.image = image;
  judge.bytes = etf->bytes;
  judge.size = (uint32_t)etf->size;
  judge.position = 1;
  judge.steps = 0;
  judge.depth = 0;
  judge.hollow = etf->hollow;

  token_t token;
  *field = 0;
  maty_status status = next_token(&judge, false, &token);
  if (status != MATY_OK) {
    return status;
  }
  if (token.tag != MATY_TAG_TUPLE || token.parts != arity + 1) {
    return MATY_EPAYLOAD;
  }
  status = next_token(&judge, false, &token);
  if (status != MATY_OK) {
    return status;
  }
  if (token.tag != MATY_TAG_ATOM && token.tag != MATY_TAG_BOOLEAN) {
    return MATY_EPAYLOAD;
  }
  for (uint32_t i = 0; i < arity; i++) {
    status = judge_field(&judge, image->fields[first_field + i].type);
    if (status != MATY_OK) {
      *field = i + 1;
      return status;
    }
  }
  return judge.position == judge.size ? MATY_OK : MATY_ETERM;
}
