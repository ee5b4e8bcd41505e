/* skeleton.h - what the files of the skeleton share.
 *
 *     skeleton.c        from the states of a role to a module
 *     skeleton_spell.c  how Erlang and Elixir are written
 */
#ifndef MATY_SKELETON_H
#define MATY_SKELETON_H

#include "image.h"
#include "limits.h"
#include "names.h"
#include "out.h"

typedef struct maty__skeleton {
  const maty_image_t *image;
  uint32_t role;
  maty_role_info_t about;
  maty_language language;
  const char *module;
  const char *file; /* where the module finds the protocol, or NULL */
  maty__arena_t *arena;
  maty__out_t *out;
  maty__names_t taken; /* names of functions */
  uint32_t *function;  /* by state: its function's name in "taken", or MATY__NONE */
  uint32_t *distance;  /* by state: messages to a final one, or MATY__NONE */
  bool chooses;        /* some state has a choice */
} maty__skeleton_t;

/* Of a label, or of a field, as a word of either language. */
enum { MATY__WORD_SIZE = 2 * MATY_MAX_NAME + 8 };

static inline bool maty__is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static inline bool maty__is_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool maty__is_digit(char c) { return c >= '0' && c <= '9'; }

static inline bool maty__is_erlang(const maty__skeleton_t *skeleton) {
  return skeleton->language == MATY_LANGUAGE_ERLANG;
}

/* The first part of a function's name: a letter first. */
void maty__function_word(const char *label, char *text);

/* What is written goes to skeleton->out. */
void maty__put(const maty__skeleton_t *skeleton, const char *text);

/* One text for each language. */
void maty__put_either(const maty__skeleton_t *skeleton, const char *elixir, const char *erlang);

void maty__put_atom(const maty__skeleton_t *skeleton, const char *name);

/* A new line, so many levels deep. */
void maty__put_line(const maty__skeleton_t *skeleton, uint32_t depth);

void maty__begin_comment(const maty__skeleton_t *skeleton);

/* In a comment, whatever the name of a file has in it. */
void maty__put_comment(const maty__skeleton_t *skeleton, const char *text);

/* The protocol's file, between double quotes, which no control character may stand in. */
void maty__put_path(const maty__skeleton_t *skeleton);

/* A value of the type of a number in the image, to begin with. */
void maty__put_value(const maty__skeleton_t *skeleton, uint32_t number);

/* A variable for a field, in the pattern of its message. */
void maty__put_variable(const maty__skeleton_t *skeleton, const maty__transition_t *transition,
                        uint32_t index);

#endif /* MATY_SKELETON_H */
