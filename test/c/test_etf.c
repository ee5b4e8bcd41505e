/* test_etf.c - judging payloads in Erlang's external term format: good and bad
 * values of every type, and bytes that are no term at all.
 *
 * Terms are written in hexadecimal, as term_to_binary/1 gives them without the
 * leading 83. Every message is judged in a block of exactly its size, so that a
 * sanitizer sees the first byte read behind it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etf.h"
#include "support.h"

/* ----- Messages ----- */

typedef struct bytes {
  uint8_t *at;
  size_t size, capacity;
} bytes_t;

static void add(bytes_t *bytes, const void *data, size_t size) {
  if (bytes->capacity - bytes->size < size) {
    bytes->capacity = 2 * bytes->capacity + size + 64;
    bytes->at = realloc(bytes->at, bytes->capacity);
    cr_assert_not_null(bytes->at);
  }
  if (size > 0)
    memcpy(bytes->at + bytes->size, data, size);
  bytes->size += size;
}

static void add_byte(bytes_t *bytes, unsigned value) {
  uint8_t byte = (uint8_t)value;
  add(bytes, &byte, 1);
}

static void add_number(bytes_t *bytes, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    add_byte(bytes, value >> shift);
}

static void add_hex(bytes_t *bytes, const char *hex) {
  for (; *hex != '\0'; hex++) {
    unsigned value;
    if (*hex == ' ')
      continue;
    cr_assert_eq(sscanf(hex, "%2x", &value), 1, "%s", hex);
    add_byte(bytes, value);
    hex++;
  }
}

/* The head of a message "m" with so many fields. */
static bytes_t message(unsigned arity) {
  bytes_t bytes = {0};
  add_hex(&bytes, "83 68");
  add_byte(&bytes, arity + 1);
  add_hex(&bytes, "77 01 6d");
  return bytes;
}

typedef struct judged {
  maty_status status;
  uint32_t field;
} judged_t;

/* Judges bytes, shown hollow or as they are, against the only message of a protocol. */
static judged_t judge_shown(const maty_module_t *module, bool hollow, const void *data,
                            size_t size) {
  const maty_image_t *image = maty_module_image(module, 0);
  maty_transition_info_t transition;
  maty_etf_t etf;
  judged_t judged = {MATY_OK, 99};
  cr_assert_not_null(image);
  cr_assert_eq(maty_image_transition(image, 0, 0, &transition), MATY_OK);
  uint8_t *exact = malloc(size == 0 ? 1 : size);
  cr_assert_not_null(exact);
  if (size > 0)
    memcpy(exact, data, size);
  judged.status = maty_etf_open(&etf, exact, size, hollow);
  if (judged.status == MATY_OK)
    judged.status =
        maty_etf_judge(&etf, image, transition.first_field, transition.arity, &judged.field);
  free(exact);
  return judged;
}

static judged_t judge(const maty_module_t *module, const void *data, size_t size) {
  return judge_shown(module, false, data, size);
}

/* A protocol whose only message has these fields. */
static maty_module_t *protocol(const char *types) {
  char text[1024];
  (void)snprintf(text, sizeof text, "global protocol M(role A, role B) { m(%s) from A to B; }",
                 types);
  return test_check(text);
}

static judged_t judge_hex(const char *type, const char *hex) {
  maty_module_t *module = protocol(type);
  bytes_t bytes = message(1);
  add_hex(&bytes, hex);
  judged_t judged = judge(module, bytes.at, bytes.size);
  free(bytes.at);
  maty_module_free(module);
  return judged;
}

static void expect(const char *type, const char *hex, maty_status status) {
  judged_t judged = judge_hex(type, hex);
  cr_expect_eq(judged.status, status, "%s as %s: %s", hex, type, maty_status_text(judged.status));
  if (status == MATY_EPAYLOAD)
    cr_expect_eq(judged.field, 1);
}

/* ----- Values ----- */

#define SMALL "61 05"                             /* 5 */
#define NEGATIVE "62 ff ff ff fe"                 /* -2 */
#define BIG "6e 09 00 00 00 00 00 00 00 00 00 01" /* 1 bsl 64 */
#define FLOAT "46 40 04 00 00 00 00 00 00"        /* 2.5 */
#define OLD_FLOAT                                                                                  \
  "63 32 2e 35 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 30 65 2b 30 30 00 00 00 00 00 "  \
  "00"
#define TRUE_ "77 04 74 72 75 65"
#define FALSE_ "64 00 05 66 61 6c 73 65"
#define OK_ "77 02 6f 6b"
#define OLD_OK "73 02 6f 6b"
#define LONG_OK "76 00 02 6f 6b"
#define BINARY "6d 00 00 00 02 68 69" /* <<"hi">> */
#define EMPTY "6d 00 00 00 00"
#define LATIN "6d 00 00 00 01 e4"
#define BITS "4d 00 00 00 01 03 a0" /* <<5:3>> */
#define PID "58 77 01 6e 00 00 00 01 00 00 00 02 00 00 00 03"
#define OLD_PID "67 77 01 6e 00 00 00 01 00 00 00 02 03"
#define PORT "59 77 01 6e 00 00 00 01 00 00 00 03"
#define OLD_PORT "66 77 01 6e 00 00 00 01 03"
#define V4_PORT "78 77 01 6e 00 00 00 00 00 00 00 01 00 00 00 03"
#define REFERENCE "5a 00 02 77 01 6e 00 00 00 01 00 00 00 02 00 00 00 03"
#define OLD_REFERENCE "72 00 01 77 01 6e 03 00 00 00 01"
#define NIL "6a"
#define STRING "6b 00 03 01 02 03"                    /* [1, 2, 3] */
#define LIST "6c 00 00 00 02 61 01 61 02 6a"          /* [1, 2] */
#define IMPROPER "6c 00 00 00 01 61 01 61 02"         /* [1 | 2] */
#define PAIR "68 02 61 01 77 02 6f 6b"                /* {1, ok} */
#define LARGE_PAIR "69 00 00 00 02 61 01 77 02 6f 6b" /* {1, ok} */
#define NO_MAP "74 00 00 00 00"
#define MAP "74 00 00 00 01 77 01 61 61 01"                    /* #{a => 1} */
#define MAP_MORE "74 00 00 00 02 77 01 62 6a 77 01 61 61 01"   /* #{b => [], a => 1} */
#define MAP_ODD "74 00 00 00 02 68 01 6a 61 07 77 01 61 61 01" /* #{{[]} => 7, a => 1} */
#define EXPORT "71 77 01 6d 77 01 66 61 02"
#define FUNCTION "70 00 00 00 06 01 02"

static const char *const values[] = {
    SMALL,   NEGATIVE, BIG,      FLOAT,     OLD_FLOAT,     TRUE_,   FALSE_,   OK_,  OLD_OK,
    LONG_OK, BINARY,   EMPTY,    LATIN,     BITS,          PID,     OLD_PID,  PORT, OLD_PORT,
    V4_PORT, NIL,      STRING,   REFERENCE, OLD_REFERENCE, LIST,    IMPROPER, PAIR, LARGE_PAIR,
    NO_MAP,  MAP,      MAP_MORE, MAP_ODD,   EXPORT,        FUNCTION};

enum { VALUES = sizeof values / sizeof *values };

/* Exactly these of all values fit. */
static void expect_fit(const char *type, const char *const *fitting, size_t count) {
  for (size_t i = 0; i < VALUES; i++) {
    bool fits = false;
    for (size_t j = 0; j < count; j++)
      fits = fits || strcmp(values[i], fitting[j]) == 0;
    expect(type, values[i], fits ? MATY_OK : MATY_EPAYLOAD);
  }
}

#define EXPECT_FIT(type, ...)                                                                      \
  do {                                                                                             \
    static const char *const fitting[] = {__VA_ARGS__};                                            \
    expect_fit(type, fitting, sizeof fitting / sizeof *fitting);                                   \
  } while (0)

Test(etf, which_values_fit_which_type) {
  EXPECT_FIT("integer", SMALL, NEGATIVE, BIG);
  EXPECT_FIT("float", FLOAT, OLD_FLOAT);
  EXPECT_FIT("number", SMALL, NEGATIVE, BIG, FLOAT, OLD_FLOAT);
  EXPECT_FIT("boolean", TRUE_, FALSE_);
  EXPECT_FIT("atom", TRUE_, FALSE_, OK_, OLD_OK, LONG_OK);
  EXPECT_FIT(":ok", OK_, OLD_OK, LONG_OK);
  EXPECT_FIT(":true", TRUE_);
  EXPECT_FIT("binary", BINARY, EMPTY, LATIN);
  EXPECT_FIT("string", BINARY, EMPTY);
  EXPECT_FIT("pid", PID, OLD_PID);
  EXPECT_FIT("reference", REFERENCE, OLD_REFERENCE);
  EXPECT_FIT("5", SMALL);
  EXPECT_FIT("1..5", SMALL);
  EXPECT_FIT("1..4", "");
  EXPECT_FIT("list(integer)", NIL, STRING, LIST);
  EXPECT_FIT("list(1..2)", NIL, LIST);
  EXPECT_FIT("list(atom)", NIL);
  EXPECT_FIT("list(any)", NIL, STRING, LIST);
  EXPECT_FIT("{integer, atom}", PAIR, LARGE_PAIR);
  EXPECT_FIT("{any, any}", PAIR, LARGE_PAIR);
  EXPECT_FIT("{integer, :no}", "");
  EXPECT_FIT("{integer}", "");
  EXPECT_FIT("%{a: integer}", MAP, MAP_MORE, MAP_ODD);
  EXPECT_FIT("%{a: integer, b: list(any)}", MAP_MORE);
  EXPECT_FIT("%{a: atom}", "");
  EXPECT_FIT("integer | :ok", SMALL, NEGATIVE, BIG, OK_, OLD_OK, LONG_OK);
  EXPECT_FIT("{atom, any} | {1..1, :ok} | pid", PAIR, LARGE_PAIR, PID, OLD_PID);
  EXPECT_FIT("list(1..1) | list(1..3)", NIL, STRING, LIST);
  for (size_t i = 0; i < VALUES; i++)
    expect("any", values[i], MATY_OK);
}

Test(etf, dates_and_times) {
  expect("date", "68 03 62 00 00 07 ea 61 0c 61 01", MATY_OK);       /* {2026, 12, 1} */
  expect("date", "68 03 62 00 00 07 ea 61 0d 61 01", MATY_EPAYLOAD); /* {2026, 13, 1} */
  expect("date", "68 02 61 0c 61 01", MATY_EPAYLOAD);
  expect("time", "68 03 61 17 61 3b 61 00", MATY_OK);       /* {23, 59, 0} */
  expect("time", "68 03 61 18 61 00 61 00", MATY_EPAYLOAD); /* {24, 0, 0} */
  expect("datetime", "68 02 68 03 62 00 00 07 ea 61 0c 61 01 68 03 61 17 61 3b 61 00", MATY_OK);
  expect("datetime", "68 03 62 00 00 07 ea 61 0c 61 01", MATY_EPAYLOAD);
}

Test(etf, integers_at_the_ends_of_a_range) {
  expect("-2..300", "62 ff ff ff fe", MATY_OK);
  expect("-2..300", "62 ff ff ff fd", MATY_EPAYLOAD);
  expect("-2..300", "62 00 00 01 2c", MATY_OK);
  expect("-2..300", "62 00 00 01 2d", MATY_EPAYLOAD);
  /* -2 and 300 as large integers, and with zeros in front. */
  expect("-2..300", "6e 01 01 02", MATY_OK);
  expect("-2..300", "6e 02 00 2c 01", MATY_OK);
  expect("-2..300", "6e 0a 00 2c 01 00 00 00 00 00 00 00 00", MATY_OK);
  expect("-2..300", "6f 00 00 00 02 00 2c 01", MATY_OK);
  expect("-2..300", "6e 09 00 2c 01 00 00 00 00 00 00 01", MATY_EPAYLOAD);
  /* 2^63 - 1, 2^63, and -2^63. */
  expect("0..9223372036854775807", "6e 08 00 ff ff ff ff ff ff ff 7f", MATY_OK);
  expect("0..9223372036854775807", "6e 08 00 00 00 00 00 00 00 00 80", MATY_EPAYLOAD);
  expect("0..9223372036854775807", "6e 08 01 00 00 00 00 00 00 00 80", MATY_EPAYLOAD);
}

Test(etf, utf8) {
  static const struct {
    const char *hex;
    maty_status status;
  } strings[] = {
      {"6d 00 00 00 02 c3 bc", MATY_OK},
      {"6d 00 00 00 03 e2 82 ac", MATY_OK},
      {"6d 00 00 00 04 f0 9f 98 80", MATY_OK},
      {"6d 00 00 00 04 f4 8f bf bf", MATY_OK},
      {"6d 00 00 00 03 ef bf bf", MATY_OK},
      {"6d 00 00 00 01 00", MATY_OK},
      {"6d 00 00 00 01 80", MATY_EPAYLOAD},
      {"6d 00 00 00 01 c3", MATY_EPAYLOAD},
      {"6d 00 00 00 02 c0 80", MATY_EPAYLOAD},
      {"6d 00 00 00 02 c1 bf", MATY_EPAYLOAD},
      {"6d 00 00 00 02 c3 28", MATY_EPAYLOAD},
      {"6d 00 00 00 02 e2 82", MATY_EPAYLOAD},
      {"6d 00 00 00 03 e0 80 80", MATY_EPAYLOAD},
      {"6d 00 00 00 03 ed a0 80", MATY_EPAYLOAD},
      {"6d 00 00 00 04 f0 80 80 80", MATY_EPAYLOAD},
      {"6d 00 00 00 04 f4 90 80 80", MATY_EPAYLOAD},
      {"6d 00 00 00 04 f5 80 80 80", MATY_EPAYLOAD},
      {"6d 00 00 00 03 f0 9f 98", MATY_EPAYLOAD},
      {"6d 00 00 00 01 ff", MATY_EPAYLOAD},
      {"6d 00 00 00 09 61 61 61 61 61 61 61 61 ff", MATY_EPAYLOAD},
      {"6d 00 00 00 0a 61 61 61 61 61 61 61 c3 bc 61", MATY_OK},
  };
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
    expect("string", strings[i].hex, strings[i].status);
}

/* ----- Whole messages ----- */

Test(etf, the_field_that_does_not_fit_is_named) {
  maty_module_t *module = protocol("integer, string, list(atom)");
  static const struct {
    const char *hex;
    judged_t judged;
  } cases[] = {
      {"83 68 04 77 01 6d " SMALL BINARY NIL, {MATY_OK, 0}},
      {"83 69 00 00 00 04 64 00 01 6d " SMALL BINARY NIL, {MATY_OK, 0}},
      {"83 68 04 77 01 6d " OK_ BINARY NIL, {MATY_EPAYLOAD, 1}},
      {"83 68 04 77 01 6d " SMALL LATIN NIL, {MATY_EPAYLOAD, 2}},
      {"83 68 04 77 01 6d " SMALL BINARY LIST, {MATY_EPAYLOAD, 3}},
      {"83 68 03 77 01 6d " SMALL BINARY, {MATY_EPAYLOAD, 0}},
      {"83 68 05 77 01 6d " SMALL BINARY NIL NIL, {MATY_EPAYLOAD, 0}},
      {"83 68 04 6d 00 00 00 01 6d " SMALL BINARY NIL, {MATY_OK, 0}},
      {"83 68 04 77 01 6d " SMALL BINARY NIL NIL, {MATY_ETERM, 0}},
      {"83 68 00", {MATY_ETERM, 99}},
      {"83 68 01 61 05", {MATY_ETERM, 99}},
      {"83 6a", {MATY_ETERM, 99}},
      {"83 " SMALL, {MATY_ETERM, 99}},
      {"83", {MATY_ETERM, 99}},
      {"82 68 01 77 01 6d", {MATY_ETERM, 99}},
      {"", {MATY_ETERM, 99}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes_t bytes = {0};
    add_hex(&bytes, cases[i].hex);
    judged_t judged = judge(module, bytes.at, bytes.size);
    cr_expect_eq(judged.status, cases[i].judged.status, "%s: %s", cases[i].hex,
                 maty_status_text(judged.status));
    cr_expect_eq(judged.field, cases[i].judged.field, "%s: %u", cases[i].hex, judged.field);
    free(bytes.at);
  }
  maty_module_free(module);
}

/* All values at once, as {Value, ...} of any and as a list of a union. */
static bytes_t everything(const char *head, const char *tail) {
  bytes_t bytes = message(1);
  add_hex(&bytes, head);
  add_number(&bytes, VALUES);
  for (size_t i = 0; i < VALUES; i++)
    add_hex(&bytes, values[i]);
  add_hex(&bytes, tail);
  return bytes;
}

#define ALL_TYPES                                                                                  \
  "integer | float | string | {integer, atom} | %{a: integer, b: integer} | list(:x) | "           \
  "{integer, :ok} | list(1..9) | any"

Test(etf, cut_at_every_byte) {
  static const char *const types[] = {"any", "list(any)", "list(" ALL_TYPES ")"};
  bytes_t list = everything("6c", "6a");
  bytes_t tuple = everything("69", "");
  for (size_t t = 0; t < 3; t++) {
    maty_module_t *module = protocol(types[t]);
    cr_expect_eq(judge(module, list.at, list.size).status, MATY_OK);
    cr_expect_eq(judge(module, tuple.at, tuple.size).status, t == 0 ? MATY_OK : MATY_EPAYLOAD);
    for (size_t size = 0; size < list.size; size++)
      cr_expect_eq(judge(module, list.at, size).status, MATY_ETERM, "%zu", size);
    for (size_t size = 0; size < tuple.size; size++)
      cr_expect_neq(judge(module, tuple.at, size).status, MATY_OK, "%zu", size);
    maty_module_free(module);
  }
  free(list.at);
  free(tuple.at);
}

/* ----- Hostile bytes ----- */

/* Marsaglia's xorshift, so that a seed gives the same bytes everywhere. */
static uint64_t random_state;

static uint32_t random_below(uint32_t bound) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)(random_state >> 16) % bound;
}

Test(etf, random_bytes) {
  enum { ROUNDS = 200000 };
  random_state = 88172645463325252u;
  cr_log_info("seed %llu", (unsigned long long)random_state);
  maty_module_t *module = protocol("list(" ALL_TYPES ")");
  bytes_t good = everything("6c", "6a");
  uint8_t *bytes = malloc(good.size);
  cr_assert_not_null(bytes);
  size_t accepted = 0;
  for (size_t round = 0; round < ROUNDS; round++) {
    size_t size = 1 + random_below((uint32_t)good.size);
    if (round % 2 == 0) {
      memcpy(bytes, good.at, good.size);
      size = good.size;
      for (uint32_t i = random_below(4); i > 0; i--)
        bytes[random_below((uint32_t)size)] = (uint8_t)random_below(256);
    } else {
      for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_below(random_below(2) == 0 ? 256 : 121);
      bytes[0] = round % 4 == 1 ? 0 : 131;
    }
    maty_status status = judge(module, bytes, size).status;
    accepted += status == MATY_OK;
    cr_assert(status == MATY_OK || status == MATY_EPAYLOAD || status == MATY_ETERM ||
              status == MATY_ELIMIT || status == MATY_ELOOK);
  }
  cr_expect(accepted > ROUNDS / 8 && accepted < ROUNDS / 2, "%zu accepted", accepted);
  free(bytes);
  free(good.at);
  maty_module_free(module);
}

/* A term of one kind nested so deep: [[...]], {{...}}, #{a => #{...}}. */
static bytes_t nested(size_t depth, const char *open, const char *inner, const char *close) {
  bytes_t bytes = message(1);
  for (size_t i = 0; i < depth; i++)
    add_hex(&bytes, open);
  add_hex(&bytes, inner);
  for (size_t i = 0; i < depth; i++)
    add_hex(&bytes, close);
  return bytes;
}

Test(etf, nested_50000_deep) {
  static const char *const kinds[][3] = {{"6c 00 00 00 01", "6a", "6a"},
                                         {"68 01", "6a", ""},
                                         {"74 00 00 00 01 77 01 61", "6a", ""},
                                         {"74 00 00 00 01", "6a", "61 01"},
                                         {"6c 00 00 00 01 6a", "6a", ""}};
  static const char *const types[] = {"any", "list(any)", "{any} | list(list(any)) | any",
                                      "%{a: %{a: any}} | any"};
  for (size_t t = 0; t < 4; t++) {
    maty_module_t *module = protocol(types[t]);
    for (size_t k = 0; k < 5; k++) {
      bytes_t shallow = nested(100, kinds[k][0], kinds[k][1], kinds[k][2]);
      bytes_t deep = nested(50000, kinds[k][0], kinds[k][1], kinds[k][2]);
      maty_status fits = judge(module, shallow.at, shallow.size).status;
      cr_expect(fits == MATY_OK || (t == 1 && fits == MATY_EPAYLOAD), "%zu %zu: %s", t, k,
                maty_status_text(fits));
      maty_status status = judge(module, deep.at, deep.size).status;
      /* A list that goes on in its tail is long, not deep. */
      cr_expect(status == MATY_ELIMIT || (k == 4 && status == MATY_OK) ||
                    (t == 1 && status == MATY_EPAYLOAD),
                "%zu %zu: %s", t, k, maty_status_text(status));
      free(shallow.at);
      free(deep.at);
    }
    maty_module_free(module);
  }
}

Test(etf, depth_at_its_limit) {
  maty_module_t *module = protocol("any");
  bytes_t at = nested(MATY_ETF_MAX_DEPTH, "68 01", "6a", "");
  bytes_t past = nested(MATY_ETF_MAX_DEPTH + 1, "68 01", "6a", "");
  cr_expect_eq(judge(module, at.at, at.size).status, MATY_OK);
  cr_expect_eq(judge(module, past.at, past.size).status, MATY_ELIMIT);
  free(at.at);
  free(past.at);
  maty_module_free(module);
}

Test(etf, steps_at_their_limit) {
  maty_module_t *module = protocol("list(any)");
  for (uint32_t more = 0; more < 2; more++) {
    bytes_t bytes = message(1);
    add_hex(&bytes, "6c");
    add_number(&bytes, MATY_ETF_MAX_STEPS - 1 + more);
    for (uint32_t i = 0; i < MATY_ETF_MAX_STEPS - 1 + more; i++)
      add_byte(&bytes, 0x6a);
    add_byte(&bytes, 0x6a);
    judged_t judged = judge(module, bytes.at, bytes.size);
    cr_expect_eq(judged.status, more == 0 ? MATY_OK : MATY_ELIMIT, "%s",
                 maty_status_text(judged.status));
    free(bytes.at);
  }
  maty_module_free(module);
}

/* An integer in a list is an eighth of a step, wherever it stands. */
Test(etf, steps_of_integers) {
  maty_module_t *module = protocol("list(number)");
  for (unsigned floats = 0; floats < 3; floats++) {
    bytes_t bytes = message(1);
    add_hex(&bytes, "6c");
    add_number(&bytes, floats + 2 * MATY_ETF_MAX_STEPS);
    for (unsigned i = 0; i < floats; i++)
      add_hex(&bytes, FLOAT);
    for (uint32_t i = 0; i < 2 * MATY_ETF_MAX_STEPS; i++)
      add_hex(&bytes, SMALL);
    add_hex(&bytes, NIL);
    cr_expect_eq(judge(module, bytes.at, bytes.size).status, MATY_OK);
    free(bytes.at);
  }
  maty_module_free(module);
}

/* Containers that say they have more parts than there are bytes. */
Test(etf, counts_that_lie) {
  expect("any", "6c ff ff ff ff 6a", MATY_ETERM);
  expect("any", "69 ff ff ff ff 6a", MATY_ETERM);
  expect("any", "74 ff ff ff ff 6a 6a", MATY_ETERM);
  expect("any", "74 7f ff ff ff 6a 6a", MATY_ETERM);
  expect("%{a: any}", "74 ff ff ff ff 6a 6a", MATY_ETERM);
  expect("any", "6d ff ff ff ff 6a", MATY_ETERM);
  expect("any", "6f ff ff ff ff 00 01", MATY_ETERM);
  expect("any", "5a ff ff 77 01 6e 00", MATY_ETERM);
  expect("any", "6c 00 00 00 00 6a", MATY_ETERM);
  expect("any", "70 00 00 00 03 01", MATY_ETERM);
  expect("any", "50 00 00 00 05 78 9c 4b", MATY_ETERM); /* compressed inside */
}

/* A union is tried in order, again from its start, as deep as need be. */
Test(etf, unions_go_back) {
  const char *type = "{{1 | 2, 1 | 2}, :a} | {{integer, 3 | 4}, :b} | {{any, any}, :c} | "
                     "list({1, list(:x)} | {2, list(:y) | list(:z)})";
  expect(type, "68 02 68 02 61 02 61 02 77 01 61", MATY_OK);
  expect(type, "68 02 68 02 61 02 61 02 77 01 62", MATY_EPAYLOAD);
  expect(type, "68 02 68 02 61 02 61 04 77 01 62", MATY_OK);
  expect(type, "68 02 68 02 61 02 61 02 77 01 63", MATY_OK);
  expect(type, "68 02 68 02 61 02 61 02 77 01 64", MATY_EPAYLOAD);
  /* [{2, [z, z]}, {1, []}] and [{2, [y, z]}] */
  expect(type, "6c 00 00 00 02 68 02 61 02 6c 00 00 00 02 77 01 7a 77 01 7a 6a 68 02 61 01 6a 6a",
         MATY_OK);
  expect(type, "6c 00 00 00 01 68 02 61 02 6c 00 00 00 02 77 01 79 77 01 7a 6a 6a", MATY_EPAYLOAD);
}

/* ----- Binaries that are left out ----- */

/* A message whose only field is what follows. */
static maty_status judge_field(const char *type, bool hollow, const char *hex) {
  maty_module_t *module = protocol(type);
  bytes_t bytes = message(1);
  add_hex(&bytes, hex);
  maty_status status = judge_shown(module, hollow, bytes.at, bytes.size).status;
  maty_module_free(module);
  free(bytes.at);
  return status;
}

/* Bitstrings of one bit and of two. */
#define ONE_BIT "4d 00 00 00 01 01 00"
#define TWO_BITS "4d 00 00 00 01 02 00"

Test(etf, hollow_messages) {
  cr_expect_eq(judge_field("binary", true, ONE_BIT), MATY_OK);
  cr_expect_eq(judge_field("any", true, ONE_BIT), MATY_OK);
  cr_expect_eq(judge_field("integer | binary", true, ONE_BIT), MATY_OK);
  cr_expect_eq(judge_field("list(binary)", true, "6c 00 00 00 02 " ONE_BIT ONE_BIT "6a"), MATY_OK);
  cr_expect_eq(judge_field("string", true, ONE_BIT), MATY_ELOOK);
  cr_expect_eq(judge_field("integer", true, ONE_BIT), MATY_EPAYLOAD);
  cr_expect_eq(judge_field("binary", true, TWO_BITS), MATY_EPAYLOAD);
  cr_expect_eq(judge_field("any", true, TWO_BITS), MATY_OK);
  cr_expect_eq(judge_field("binary", true, BINARY), MATY_OK);
  /* As it is, a bitstring is no binary. */
  cr_expect_eq(judge_field("binary", false, ONE_BIT), MATY_EPAYLOAD);
  cr_expect_eq(judge_field("any", false, ONE_BIT), MATY_OK);

  maty_module_t *module = protocol("binary");
  bytes_t bytes = message(1);
  add_hex(&bytes, ONE_BIT);
  for (size_t size = 0; size < bytes.size; size++)
    cr_expect_eq(judge_shown(module, true, bytes.at, size).status, MATY_ETERM);
  free(bytes.at);
  maty_module_free(module);
}
