/* calendar.h - dates and times as Erlang and Elixir write them.
 *
 * How a date looks as a term is no business of the core, so the types are given
 * here, in the records of an image. Included by the decoder only.
 *
 *   date      {Year, Month, Day}    or %Date{}
 *   time      {Hour, Minute, Second} or %Time{}
 *   datetime  {Date, Time} of the tuples, or %DateTime{} or %NaiveDateTime{}
 */
#ifndef MATY_CALENDAR_H
#define MATY_CALENDAR_H

#include "../core/image.h"

static const struct {
  char none[1], structure[11], year[5], month[6], day[4], hour[5], minute[7], second[7];
  char date[12], time[12], datetime[16], naive[21];
} calendar_strings = {"",
                      "__struct__",
                      "year",
                      "month",
                      "day",
                      "hour",
                      "minute",
                      "second",
                      "Elixir.Date",
                      "Elixir.Time",
                      "Elixir.DateTime",
                      "Elixir.NaiveDateTime"};

#define TEXT(name) ((uint32_t)offsetof(__typeof__(calendar_strings), name))

enum {
  CALENDAR_YEAR,
  CALENDAR_MONTH,
  CALENDAR_DAY,
  CALENDAR_HOUR,
  CALENDAR_SIXTIETH,
  CALENDAR_IS_DATE,
  CALENDAR_IS_TIME,
  CALENDAR_IS_DATETIME,
  CALENDAR_IS_NAIVE,
  CALENDAR_DATE_TUPLE,
  CALENDAR_TIME_TUPLE,
  CALENDAR_DATETIME_TUPLE,
  CALENDAR_DATE_MAP,
  CALENDAR_TIME_MAP,
  CALENDAR_DATETIME_MAP,
  CALENDAR_NAIVE_MAP,
  CALENDAR_DATE,
  CALENDAR_TIME,
  CALENDAR_DATETIME
};

#define KEY(name_, type_)                                                                          \
  { .name = TEXT(name_), .type = CALENDAR_##type_ }
#define KEYS_OF_DATE KEY(year, YEAR), KEY(month, MONTH), KEY(day, DAY)
#define KEYS_OF_TIME KEY(hour, HOUR), KEY(minute, SIXTIETH), KEY(second, SIXTIETH)

static const maty__key_t calendar_keys[] = {
    /* 0, the tuples of a date and a time; 6, of both */
    KEYS_OF_DATE, KEYS_OF_TIME, KEY(none, DATE_TUPLE), KEY(none, TIME_TUPLE),
    /* 8, %Date{} */
    KEY(structure, IS_DATE), KEYS_OF_DATE,
    /* 12, %Time{} */
    KEY(structure, IS_TIME), KEYS_OF_TIME,
    /* 16, %DateTime{} */
    KEY(structure, IS_DATETIME), KEYS_OF_DATE, KEYS_OF_TIME,
    /* 23, %NaiveDateTime{} */
    KEY(structure, IS_NAIVE), KEYS_OF_DATE, KEYS_OF_TIME,
    /* 30, 32, 34, the alternatives */
    KEY(none, DATE_TUPLE), KEY(none, DATE_MAP), KEY(none, TIME_TUPLE), KEY(none, TIME_MAP),
    KEY(none, DATETIME_TUPLE), KEY(none, DATETIME_MAP), KEY(none, NAIVE_MAP)};

#define LOOK(tag) .look = 1u << MATY_TAG_##tag
#define RANGE_TYPE(from, to)                                                                       \
  { .kind = MATY__TYPE_RANGE, LOOK(INTEGER), .low = (from), .high = (to) }
#define LITERAL_TYPE(text)                                                                         \
  { .kind = MATY__TYPE_LITERAL, LOOK(ATOM), .first = TEXT(text) }
#define TUPLE_TYPE(first_, count_)                                                                 \
  { .kind = MATY__TYPE_TUPLE, LOOK(TUPLE), .first = (first_), .count = (count_) }
#define MAP_TYPE(first_, count_)                                                                   \
  { .kind = MATY__TYPE_MAP, LOOK(MAP), .first = (first_), .count = (count_) }
#define UNION_TYPE(first_, count_)                                                                 \
  {                                                                                                \
    .kind = MATY__TYPE_UNION, .look = 1u << MATY_TAG_TUPLE | 1u << MATY_TAG_MAP,                   \
    .first = (first_), .count = (count_)                                                           \
  }

static const maty__type_t calendar_types[] = {
    [CALENDAR_YEAR] = {.kind = MATY__TYPE_INTEGER, .tags = 1u << MATY_TAG_INTEGER},
    [CALENDAR_MONTH] = RANGE_TYPE(1, 12),
    [CALENDAR_DAY] = RANGE_TYPE(1, 31),
    [CALENDAR_HOUR] = RANGE_TYPE(0, 23),
    [CALENDAR_SIXTIETH] = RANGE_TYPE(0, 59),
    [CALENDAR_IS_DATE] = LITERAL_TYPE(date),
    [CALENDAR_IS_TIME] = LITERAL_TYPE(time),
    [CALENDAR_IS_DATETIME] = LITERAL_TYPE(datetime),
    [CALENDAR_IS_NAIVE] = LITERAL_TYPE(naive),
    [CALENDAR_DATE_TUPLE] = TUPLE_TYPE(0, 3),
    [CALENDAR_TIME_TUPLE] = TUPLE_TYPE(3, 3),
    [CALENDAR_DATETIME_TUPLE] = TUPLE_TYPE(6, 2),
    [CALENDAR_DATE_MAP] = MAP_TYPE(8, 4),
    [CALENDAR_TIME_MAP] = MAP_TYPE(12, 4),
    [CALENDAR_DATETIME_MAP] = MAP_TYPE(16, 7),
    [CALENDAR_NAIVE_MAP] = MAP_TYPE(23, 7),
    [CALENDAR_DATE] = UNION_TYPE(30, 2),
    [CALENDAR_TIME] = UNION_TYPE(32, 2),
    [CALENDAR_DATETIME] = UNION_TYPE(34, 3)};

#undef TEXT
#undef KEY
#undef KEYS_OF_DATE
#undef KEYS_OF_TIME
#undef LOOK
#undef RANGE_TYPE
#undef LITERAL_TYPE
#undef TUPLE_TYPE
#undef MAP_TYPE
#undef UNION_TYPE

#endif /* MATY_CALENDAR_H */
