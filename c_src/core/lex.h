/* lex.h - from text to tokens, one at a time.
 *
 * White space and the four forms of comments are passed over. A byte that can
 * begin no token is reported and passed over too, so the parser never sees it.
 */
#ifndef MATY_LEX_H
#define MATY_LEX_H

#include "report.h"

/* Kinds of tokens. Punctuation is its own kind: '{', ';', and so on. */
enum {
  MATY__TOKEN_END = 0,
  MATY__TOKEN_NAME = 256,
  MATY__TOKEN_STRING,       /* with its quotes, in one line */
  MATY__TOKEN_PRAGMA_BEGIN, /* (*# */
  MATY__TOKEN_PRAGMA_END    /* #*) */
};

typedef struct maty__token {
  uint32_t kind;
  uint32_t at, length;
  const char *text;
  maty__name_t name; /* of a NAME */
  bool bad;          /* an error was reported on the way to its end */
} maty__token_t;

typedef struct maty__lexer {
  maty__check_t *check;
  const char *text;
  uint32_t length, base; /* as in maty__source_t */
  uint32_t at;           /* in the text */
} maty__lexer_t;

void maty__lexer_init(maty__lexer_t *lexer, maty__check_t *check, const maty__source_t *source);

/* Reads the next token; at the end of the text END, again and again. */
maty_status maty__lexer_next(maty__lexer_t *lexer, maty__token_t *token);

/* How long the name is that stands at a place, in whichever text of the check. */
uint32_t maty__word_length(const maty__check_t *check, uint32_t at);

/* Reads the comment that comes next, if one does before "end", and passes over
 * the white space in front of it. The text has been read before. */
bool maty__lexer_comment(maty__lexer_t *lexer, uint32_t end, uint32_t *at, uint32_t *length);

#endif /* MATY_LEX_H */
