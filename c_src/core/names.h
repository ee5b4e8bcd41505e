/* names.h - every identifier of a text once, known by a number.
 *
 * Names point into the source text, those made of several into the check's memory.
 * Name 0 is the empty one; next come the words that mean something somewhere, so
 * that the parser compares numbers. They are no reserved words: a role may be
 * called "from".
 */
#ifndef MATY_NAMES_H
#define MATY_NAMES_H

#include "vec.h"

#define MATY__WORD_MAP(X)                                                                          \
  X(AND, "and")                                                                                    \
  X(ANY, "any")                                                                                    \
  X(AS, "as")                                                                                      \
  X(AT, "at")                                                                                      \
  X(ATOM, "atom")                                                                                  \
  X(AUX, "aux")                                                                                    \
  X(BINARY, "binary")                                                                              \
  X(BOOLEAN, "boolean")                                                                            \
  X(CALLS, "calls")                                                                                \
  X(CHOICE, "choice")                                                                              \
  X(CONNECT, "connect")                                                                            \
  X(CONTINUE, "continue")                                                                          \
  X(DATA, "data")                                                                                  \
  X(DATE, "date")                                                                                  \
  X(DATETIME, "datetime")                                                                          \
  X(DISCONNECT, "disconnect")                                                                      \
  X(DO, "do")                                                                                      \
  X(END, "end")                                                                                    \
  X(EXPLICIT, "explicit")                                                                          \
  X(FALSE, "false")                                                                                \
  X(FLOAT, "float")                                                                                \
  X(FROM, "from")                                                                                  \
  X(GLOBAL, "global")                                                                              \
  X(IMPORT, "import")                                                                              \
  X(INTEGER, "integer")                                                                            \
  X(LEN, "len")                                                                                    \
  X(LIST, "list")                                                                                  \
  X(MACHINE, "machine")                                                                            \
  X(MACHINES, "machines")                                                                          \
  X(MODULE, "module")                                                                              \
  X(NESTED, "nested")                                                                              \
  X(NEW, "new")                                                                                    \
  X(NOT, "not")                                                                                    \
  X(NUMBER, "number")                                                                              \
  X(OR, "or")                                                                                      \
  X(PID, "pid")                                                                                    \
  X(PROTOCOL, "protocol")                                                                          \
  X(REC, "rec")                                                                                    \
  X(REFERENCE, "reference")                                                                        \
  X(RELIABLE, "reliable")                                                                          \
  X(RESETTING, "resetting")                                                                        \
  X(ROLE, "role")                                                                                  \
  X(SIG, "sig")                                                                                    \
  X(STRING, "string")                                                                              \
  X(TIME, "time")                                                                                  \
  X(TO, "to")                                                                                      \
  X(TRUE, "true")                                                                                  \
  X(TYPE, "type")                                                                                  \
  X(USING, "using")                                                                                \
  X(WITHIN, "within")                                                                              \
  X(WRAP, "wrap")

enum {
  MATY__WORD_EMPTY,
#define MATY__WORD_ENUM(name, text) MATY__WORD_##name,
  MATY__WORD_MAP(MATY__WORD_ENUM)
#undef MATY__WORD_ENUM
      MATY__WORD_COUNT
};

typedef uint32_t maty__name_t;

typedef struct maty__name_text {
  const char *at; /* not ended by a zero */
  uint32_t length;
  uint32_t hash;
} maty__name_text_t;

typedef struct maty__names {
  maty__arena_t *arena;
  MATY__VEC(maty__name_text_t) items;
  maty__name_t *slots;
  uint32_t slot_count;
} maty__names_t;

maty_status maty__names_init(maty__names_t *names, maty__arena_t *arena);

/* Returns the number of a name, or MATY__NONE out of memory. */
maty__name_t maty__names_put(maty__names_t *names, const char *at, uint32_t length);

static inline uint32_t maty__name_length(const maty__names_t *names, maty__name_t name) {
  return names->items.at[name].length;
}

/* For printf's "%.*s". */
#define MATY__NAME(names, name) (int)(names)->items.at[name].length, (names)->items.at[name].at

/* Tells how near a name is to the one that was meant: the candidate that can
 * be made of it with at most two letters added, dropped, changed or swapped
 * with the next (Damerau-Levenshtein, restricted), fewest first; then one that
 * it is the beginning of. */
typedef struct maty__nearest {
  const maty__names_t *names;
  maty__name_t meant;
  maty__name_t name; /* MATY__NONE: none is near */
  uint32_t distance;
  uint32_t left; /* candidates that are still looked at; 0: offer no more */
} maty__nearest_t;

/* Without "wanted" no candidate is looked at: nobody will read the answer. */
void maty__nearest_init(maty__nearest_t *nearest, const maty__names_t *names, maty__name_t meant,
                        bool wanted);
void maty__nearest_offer(maty__nearest_t *nearest, maty__name_t candidate);

#endif /* MATY_NAMES_H */
