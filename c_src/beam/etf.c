/* etf.c - judges a payload in Erlang's external term format; see etf.h.
 *
 * The judge is a small machine with a stack. Its input is a sequence of tokens,
 * one for each term: an atom, a number, or the head of a container whose parts
 * follow. A frame on the stack is a container whose parts are still to come, or
 * a union that is still to be decided:
 *
 *      bytes   ... [ tuple of 2 ][ integer ][ list of 3 ][ ... ]
 *                                                ^ at
 *      stack   tuple {integer, list(T)}: 0 parts left | list(T): 3 parts left
 *
 * A value of a union is tried against each alternative in turn. How long a term
 * is does not depend on the type it is held against, so the first alternative
 * that fits decides, and a frame below is never touched by a trial above it.
 *
 * What always holds: at <= end, and the bytes before it are read only again when a
 * union goes back to its start.
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

/* Where types are: those of an image, or of the calendar. */
typedef struct tables {
  const maty__type_t *types;
  const maty__key_t *keys;
  const char *strings;
} tables_t;

static const tables_t calendar = {calendar_types, calendar_keys, (const char *)&calendar_strings};

/* The type of a part of which nothing is known, as of those of "any". */
static const maty__type_t unknown = {.kind = MATY__TYPE_ANY, .tags = UINT16_MAX};

typedef enum frame_kind { FRAME_TUPLE, FRAME_LIST, FRAME_MAP, FRAME_UNION } frame_kind;

typedef struct frame {
  uint8_t kind;
  bool raw;       /* list: the parts are bytes; union: so is the value */
  uint32_t parts; /* still to come */
  uint32_t next;  /* tuple: the part that comes next; union: the alternative to try next */
  /* Of each part of a list; the union, tuple or map itself. */
  const maty__type_t *type;
  const tables_t *tables; /* where the type is; those of the unknown type do not matter */
  const uint8_t *begin;   /* union: of its value */
  uint64_t seen;          /* map: which declared keys have come, one bit each */
} frame_t;

typedef struct judge {
  const uint8_t *at, *end;
  uint32_t steps;
  uint32_t depth;
  bool hollow;
  frame_t stack[MATY_ETF_MAX_DEPTH];
} judge_t;

/* ----- Reading tokens -----
 *
 * What reads begins at "at" and returns where it ended: NULL if that would be
 * after "end", or if it began at NULL. The place is handed on and not kept in the
 * judge, because each token begins where the one before it was found to end: in
 * memory it would be waited for. */

static inline const uint8_t *skip(const uint8_t *at, const uint8_t *end, uint32_t count) {
  return at != NULL && (size_t)(end - at) >= count ? at + count : NULL;
}

/* A number of 1, 2 or 4 bytes. */
static inline const uint8_t *read_number(const uint8_t *at, const uint8_t *end, uint32_t width,
                                         uint32_t *value) {
  const uint8_t *after = skip(at, end, width);
  if (after == NULL) {
    return NULL;
  }
  switch (width) {
  case 1:
    *value = at[0];
    break;
  case 2:
    *value = (uint32_t)at[0] << 8 | at[1];
    break;
  default:
    *value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
  }
  return after;
}

/* Bytes that are preceded by their number. */
static inline const uint8_t *read_counted(const uint8_t *at, const uint8_t *end, uint32_t width,
                                          token_t *token) {
  token->bytes = read_number(at, end, width, &token->length);
  return skip(token->bytes, end, token->length);
}

/* An atom, after its type. */
static inline const uint8_t *read_atom(const uint8_t *at, const uint8_t *end, uint32_t width,
                                       token_t *token) {
  at = read_counted(at, end, width, token);
  bool boolean = at != NULL && ((token->length == 4 && memcmp(token->bytes, "true", 4) == 0) ||
                                (token->length == 5 && memcmp(token->bytes, "false", 5) == 0));
  token->tag = boolean ? MATY_TAG_BOOLEAN : MATY_TAG_ATOM;
  return at;
}

/* An atom, with its type. */
static const uint8_t *skip_atom(const uint8_t *at, const uint8_t *end) {
  uint32_t type = 0, length = 0;
  at = read_number(at, end, 1, &type);
  switch (type) {
  case ETF_ATOM:
  case ETF_ATOM_UTF8:
    at = read_number(at, end, 2, &length);
    break;
  case ETF_SMALL_ATOM:
  case ETF_SMALL_ATOM_UTF8:
    at = read_number(at, end, 1, &length);
    break;
  default:
    return NULL;
  }
  return skip(at, end, length);
}

/* A pid, port or reference: its node, and "rest" bytes. */
static const uint8_t *skip_identifier(const uint8_t *at, const uint8_t *end, uint32_t rest) {
  return skip(skip_atom(at, end), end, rest);
}

/* An integer of so many bytes, least first, with its sign before. */
static const uint8_t *read_big(const uint8_t *at, const uint8_t *end, uint32_t width,
                               token_t *token) {
  uint32_t length = 0, sign = 0;
  const uint8_t *bytes = read_number(read_number(at, end, width, &length), end, 1, &sign);
  const uint8_t *after = skip(bytes, end, length);
  uint64_t magnitude = 0;
  token->fits_word = true;
  for (uint32_t i = 0; after != NULL && i < length; i++) {
    if (i < 8) {
      magnitude |= (uint64_t)bytes[i] << (8 * i);
    } else if (bytes[i] != 0) {
      token->fits_word = false;
      break;
    }
  }
  token->fits_word = token->fits_word && magnitude <= INT64_MAX;
  token->value = sign != 0 ? -(int64_t)(magnitude & INT64_MAX) : (int64_t)(magnitude & INT64_MAX);
  return after;
}

/* A bitstring, which in a hollow message may stand for a binary. */
static const uint8_t *read_bitstring(const uint8_t *at, const uint8_t *end, bool hollow,
                                     token_t *token) {
  uint32_t size = 0, bits = 0;
  at = read_number(read_number(at, end, 4, &size), end, 1, &bits);
  if (hollow && size == 1 && bits == 1) {
    token->tag = MATY_TAG_BINARY;
    token->left_out = true;
  }
  return skip(at, end, size);
}

/* A function: its size counts itself. */
static const uint8_t *skip_function(const uint8_t *at, const uint8_t *end) {
  uint32_t size = 0;
  at = read_number(at, end, 4, &size);
  return size >= 4 ? skip(at, end, size - 4) : NULL;
}

/* An exported function: its module, its name, and its arity as a term of one byte. */
static const uint8_t *skip_export(const uint8_t *at, const uint8_t *end) {
  return skip(skip_atom(skip_atom(at, end), end), end, 2);
}

static inline const uint8_t *read_token(const uint8_t *at, const uint8_t *end, bool hollow,
                                        token_t *token) {
  uint32_t type = 0, number = 0;
  *token = (token_t){.tag = MATY_TAG_OTHER};
  at = read_number(at, end, 1, &type);
  switch (type) {
  case ETF_SMALL_INTEGER:
    token->tag = MATY_TAG_INTEGER;
    token->fits_word = true;
    at = read_number(at, end, 1, &number);
    token->value = number;
    return at;
  case ETF_INTEGER:
    token->tag = MATY_TAG_INTEGER;
    token->fits_word = true;
    at = read_number(at, end, 4, &number);
    token->value = (int32_t)number;
    return at;
  case ETF_SMALL_BIG:
  case ETF_LARGE_BIG:
    token->tag = MATY_TAG_INTEGER;
    return read_big(at, end, type == ETF_LARGE_BIG ? 4 : 1, token);
  case ETF_NEW_FLOAT:
  case ETF_FLOAT:
    token->tag = MATY_TAG_FLOAT;
    return skip(at, end, type == ETF_FLOAT ? 31 : 8);
  case ETF_ATOM:
  case ETF_ATOM_UTF8:
    return read_atom(at, end, 2, token);
  case ETF_SMALL_ATOM:
  case ETF_SMALL_ATOM_UTF8:
    return read_atom(at, end, 1, token);
  case ETF_SMALL_TUPLE:
    token->tag = MATY_TAG_TUPLE;
    return read_number(at, end, 1, &token->parts);
  case ETF_LARGE_TUPLE:
    token->tag = MATY_TAG_TUPLE;
    return read_number(at, end, 4, &token->parts);
  case ETF_NIL:
    token->tag = MATY_TAG_LIST;
    return at;
  case ETF_STRING:
    token->tag = MATY_TAG_LIST;
    token->raw = true;
    return read_number(at, end, 2, &token->parts);
  case ETF_LIST:
    token->tag = MATY_TAG_LIST;
    at = read_number(at, end, 4, &token->parts);
    return token->parts > 0 ? at : NULL;
  case ETF_MAP:
    token->tag = MATY_TAG_MAP;
    return read_number(at, end, 4, &token->parts);
  case ETF_BINARY:
    token->tag = MATY_TAG_BINARY;
    return read_counted(at, end, 4, token);
  case ETF_BIT_BINARY:
    return read_bitstring(at, end, hollow, token);
  case ETF_PID:
  case ETF_NEW_PID:
    token->tag = MATY_TAG_PID;
    return skip_identifier(at, end, type == ETF_PID ? 9 : 12);
  case ETF_PORT:
    return skip_identifier(at, end, 5);
  case ETF_NEW_PORT:
    return skip_identifier(at, end, 8);
  case ETF_V4_PORT:
    return skip_identifier(at, end, 12);
  case ETF_NEW_REFERENCE:
  case ETF_NEWER_REFERENCE:
    token->tag = MATY_TAG_REFERENCE;
    at = read_number(at, end, 2, &number);
    return skip_identifier(at, end, 4 * number + (type == ETF_NEW_REFERENCE ? 1 : 4));
  case ETF_FUN:
    return skip_function(at, end);
  case ETF_EXPORT:
    return skip_export(at, end);
  default:
    return NULL;
  }
}

/* Takes the next token. "raw" says that a byte of a list of bytes is next. */
static inline maty_status next_token(judge_t *judge, bool raw, token_t *token) {
  const uint8_t *at = judge->at, *end = judge->end;
  if (raw) {
    uint32_t byte = 0;
    at = read_number(at, end, 1, &byte);
    *token = (token_t){.tag = MATY_TAG_INTEGER, .fits_word = true, .value = byte};
  } else {
    at = read_token(at, end, judge->hollow, token);
  }
  if (at == NULL) {
    return MATY_ETERM;
  }
  judge->at = at;
  return MATY_OK;
}

/* Whether bytes, which may hold zeros, are a string. */
static bool bytes_are(const uint8_t *bytes, uint32_t length, const char *text) {
  for (uint32_t i = 0; i < length; i++) {
    if (text[i] == '\0' || bytes[i] != (uint8_t)text[i]) {
      return false;
    }
  }
  return text[length] == '\0';
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

/* ----- Looking types up ----- */

static const maty__key_t *key_at(const tables_t *tables, const maty__type_t *type, uint32_t index) {
  return &tables->keys[type->first + index];
}

/* The type of a part. */
static const maty__type_t *part_at(const tables_t *tables, const maty__type_t *type,
                                   uint32_t index) {
  return &tables->types[key_at(tables, type, index)->type];
}

/* The union that a date or a time is. */
static const maty__type_t *calendar_union(uint16_t kind) {
  return &calendar_types[kind == MATY__TYPE_DATE   ? CALENDAR_DATE
                         : kind == MATY__TYPE_TIME ? CALENDAR_TIME
                                                   : CALENDAR_DATETIME];
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
                               .type = &unknown,
                               .parts = token->parts * each});
}

/* Holds the next term against a type: decides, or pushes what is left to do.
 * Returns MATY_EPAYLOAD if it does not fit. */
static maty_status judge_term(judge_t *judge, const tables_t *tables, const maty__type_t *type,
                              bool raw) {
  const uint8_t *begin = judge->at;
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
    return bytes_are(token.bytes, token.length, tables->strings + type->first) ? MATY_OK
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
                                 .type = part_at(tables, type, 0),
                                 .tables = tables,
                                 .parts = token.parts});
  case MATY__TYPE_TUPLE:
    if (token.parts != type->count) {
      return MATY_EPAYLOAD;
    }
    return push(
        judge,
        (frame_t){.kind = FRAME_TUPLE, .type = type, .tables = tables, .parts = token.parts});
  case MATY__TYPE_MAP:
    return push(judge,
                (frame_t){.kind = FRAME_MAP, .type = type, .tables = tables, .parts = token.parts});
  case MATY__TYPE_DATE:
  case MATY__TYPE_TIME:
  case MATY__TYPE_DATETIME:
    type = calendar_union(type->kind);
    tables = &calendar;
    break;
  default:
    break;
  }
  /* A union: its alternatives begin again at this term. */
  judge->at = begin;
  return push(judge, (frame_t){.kind = FRAME_UNION,
                               .raw = raw,
                               .type = type,
                               .tables = tables,
                               .parts = 1,
                               .begin = begin});
}

/* Holds a map's next key and value against the type. */
static maty_status judge_pair(judge_t *judge, frame_t *frame) {
  token_t key;
  const tables_t *tables = frame->tables;
  const maty__type_t *type = frame->type;
  const uint8_t *begin = judge->at;
  maty_status status = next_token(judge, false, &key);
  if (status != MATY_OK) {
    return status;
  }
  if (key.tag == MATY_TAG_ATOM || key.tag == MATY_TAG_BOOLEAN) {
    for (uint32_t i = 0; i < type->count; i++) {
      if (bytes_are(key.bytes, key.length, tables->strings + key_at(tables, type, i)->name)) {
        frame->seen |= UINT64_C(1) << i;
        return judge_term(judge, tables, part_at(tables, type, i), false);
      }
    }
    return judge_term(judge, NULL, &unknown, false);
  }
  /* A key that is not an atom may be deep: key and value both are unknown. */
  judge->at = begin;
  return push(judge, (frame_t){.kind = FRAME_TUPLE, .type = &unknown, .parts = 2});
}

/* Takes the integers that a list goes on with, if all integers fit. Lists of them
 * are common, and long ones more so. */
static void take_integers(judge_t *judge, frame_t *frame) {
  const uint8_t *at = judge->at, *end = judge->end;
  uint32_t parts = frame->parts;
  if (((frame->type->tags >> MATY_TAG_INTEGER) & 1u) == 0) {
    return;
  }
  if (frame->raw) {
    size_t left = (size_t)(end - at);
    parts -= parts < left ? parts : (uint32_t)left;
    at += frame->parts - parts;
  }
  while (!frame->raw && parts > 0) {
    ptrdiff_t left = end - at;
    uint32_t length = left >= 2 && *at == ETF_SMALL_INTEGER ? 2
                      : left >= 5 && *at == ETF_INTEGER     ? 5
                                                            : 0;
    if (length == 0) {
      break;
    }
    at += length;
    parts--;
  }
  judge->steps += (frame->parts - parts) / 8;
  judge->at = at;
  frame->parts = parts;
}

/* Takes what ends a list: nothing, or it is improper. */
static maty_status judge_tail(judge_t *judge, bool known) {
  if (judge->at == judge->end) {
    return MATY_ETERM;
  }
  if (*judge->at == ETF_NIL) {
    judge->at++;
    return MATY_OK;
  }
  return known ? MATY_EPAYLOAD : judge_term(judge, NULL, &unknown, false);
}

/* Goes on with the parts of a frame: begins the next one. */
static maty_status judge_part(judge_t *judge, frame_t *frame) {
  const tables_t *tables = frame->tables;
  const maty__type_t *type = frame->type;
  if (frame->kind == FRAME_LIST) {
    take_integers(judge, frame);
    if (frame->parts == 0) {
      return MATY_OK;
    }
  } else if (type != &unknown && frame->kind != FRAME_MAP) {
    /* A union has alternatives left: see backtrack. */
    type = part_at(tables, type, frame->next++);
  }
  frame->parts--;
  return frame->kind == FRAME_MAP ? judge_pair(judge, frame)
                                  : judge_term(judge, tables, type, frame->raw);
}

/* Goes on with the frame on top, until a part of it is a frame as well, or it has no
 * more parts and is taken off. */
static maty_status advance(judge_t *judge) {
  uint32_t depth = judge->depth;
  frame_t *frame = &judge->stack[depth - 1];
  while (frame->parts > 0) {
    maty_status status = judge_part(judge, frame);
    if (status != MATY_OK || judge->depth != depth) {
      return status;
    }
  }
  judge->depth--;
  if (frame->kind == FRAME_MAP) {
    uint32_t count = frame->type->count;
    uint64_t all = count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    return frame->seen == all ? MATY_OK : MATY_EPAYLOAD;
  }
  return frame->kind == FRAME_LIST && !frame->raw ? judge_tail(judge, frame->type != &unknown)
                                                  : MATY_OK;
}

/* After a misfit: goes back to the innermost union that has another
 * alternative. Returns false if there is none. */
static bool backtrack(judge_t *judge) {
  while (judge->depth > 0) {
    frame_t *frame = &judge->stack[judge->depth - 1];
    if (frame->kind == FRAME_UNION && frame->next < frame->type->count) {
      frame->parts = 1;
      judge->at = frame->begin;
      return true;
    }
    judge->depth--;
  }
  return false;
}

static maty_status judge_field(judge_t *judge, const tables_t *tables, uint32_t type) {
  judge->depth = 0;
  maty_status status = judge_term(judge, tables, &tables->types[type], false);
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

maty_status maty_etf_open(maty_etf_t *etf, const uint8_t *bytes, size_t size, bool hollow) {
  token_t message, label;
  const uint8_t *at = bytes, *end = bytes + size;
  if (size == 0 || size >= UINT32_MAX || *at != ETF_VERSION ||
      (at = read_token(at + 1, end, false, &message)) == NULL || message.tag != MATY_TAG_TUPLE ||
      message.parts == 0 || (at = read_token(at, end, false, &label)) == NULL ||
      label.bytes == NULL) {
    return MATY_ETERM;
  }
  *etf = (maty_etf_t){.label = label.bytes,
                      .label_size = label.length,
                      .arity = message.parts - 1,
                      .fields = at,
                      .end = end,
                      .hollow = hollow};
  return MATY_OK;
}

maty_status maty_etf_judge(void *context, const maty_image_t *image, uint32_t first_field,
                           uint32_t arity, uint32_t *field) {
  /* The stack is not cleared: it is written before it is read. */
  judge_t judge;
  const maty_etf_t *etf = context;
  const tables_t tables = {image->types, image->keys, image->strings};
  judge.at = etf->fields;
  judge.end = etf->end;
  judge.steps = 0;
  judge.hollow = etf->hollow;
  *field = 0;
  if (etf->arity != arity) {
    return MATY_EPAYLOAD;
  }
  for (uint32_t i = 0; i < arity; i++) {
    maty_status status = judge_field(&judge, &tables, image->fields[first_field + i].type);
    if (status != MATY_OK) {
      *field = i + 1;
      return status;
    }
  }
  return judge.at == judge.end ? MATY_OK : MATY_ETERM;
}
