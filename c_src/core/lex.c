/* lex.c - see lex.h. */
#include "lex.h"

#include <string.h>

#include "limits.h"

/* A name is a LETTER and what follows of LETTER and TAIL, which come last. */
enum { OTHER, SPACE, QUOTE, PUNCTUATION, TAIL, LETTER };

static const unsigned char byte_class[256] = {
    [' '] = SPACE,       ['\t'] = SPACE,      ['\n'] = SPACE,      ['\r'] = SPACE,
    ['\f'] = SPACE,      ['0'] = LETTER,      ['1'] = LETTER,      ['2'] = LETTER,
    ['3'] = LETTER,      ['4'] = LETTER,      ['5'] = LETTER,      ['6'] = LETTER,
    ['7'] = LETTER,      ['8'] = LETTER,      ['9'] = LETTER,      ['_'] = LETTER,
    ['A'] = LETTER,      ['B'] = LETTER,      ['C'] = LETTER,      ['D'] = LETTER,
    ['E'] = LETTER,      ['F'] = LETTER,      ['G'] = LETTER,      ['H'] = LETTER,
    ['I'] = LETTER,      ['J'] = LETTER,      ['K'] = LETTER,      ['L'] = LETTER,
    ['M'] = LETTER,      ['N'] = LETTER,      ['O'] = LETTER,      ['P'] = LETTER,
    ['Q'] = LETTER,      ['R'] = LETTER,      ['S'] = LETTER,      ['T'] = LETTER,
    ['U'] = LETTER,      ['V'] = LETTER,      ['W'] = LETTER,      ['X'] = LETTER,
    ['Y'] = LETTER,      ['Z'] = LETTER,      ['a'] = LETTER,      ['b'] = LETTER,
    ['c'] = LETTER,      ['d'] = LETTER,      ['e'] = LETTER,      ['f'] = LETTER,
    ['g'] = LETTER,      ['h'] = LETTER,      ['i'] = LETTER,      ['j'] = LETTER,
    ['k'] = LETTER,      ['l'] = LETTER,      ['m'] = LETTER,      ['n'] = LETTER,
    ['o'] = LETTER,      ['p'] = LETTER,      ['q'] = LETTER,      ['r'] = LETTER,
    ['s'] = LETTER,      ['t'] = LETTER,      ['u'] = LETTER,      ['v'] = LETTER,
    ['w'] = LETTER,      ['x'] = LETTER,      ['y'] = LETTER,      ['z'] = LETTER,
    ['\''] = TAIL,       ['"'] = QUOTE,       ['('] = PUNCTUATION, [')'] = PUNCTUATION,
    ['{'] = PUNCTUATION, ['}'] = PUNCTUATION, ['['] = PUNCTUATION, [']'] = PUNCTUATION,
    ['<'] = PUNCTUATION, ['>'] = PUNCTUATION, [','] = PUNCTUATION, [';'] = PUNCTUATION,
    [':'] = PUNCTUATION, ['.'] = PUNCTUATION, ['|'] = PUNCTUATION, ['%'] = PUNCTUATION,
    ['@'] = PUNCTUATION, ['='] = PUNCTUATION, ['+'] = PUNCTUATION, ['-'] = PUNCTUATION,
    ['&'] = PUNCTUATION, ['/'] = PUNCTUATION, ['*'] = PUNCTUATION,
};

void maty__lexer_init(maty__lexer_t *lexer, maty__check_t *check, const maty__source_t *source) {
  *lexer = (maty__lexer_t){
      .check = check, .text = source->text, .length = source->length, .base = source->base};
}

static unsigned char byte_at(const maty__lexer_t *lexer, uint32_t at) {
  return at < lexer->length ? (unsigned char)lexer->text[at] : 0;
}

static bool looking_at(const maty__lexer_t *lexer, const char *text) {
  size_t length = strlen(text);
  return lexer->length - lexer->at >= length && memcmp(lexer->text + lexer->at, text, length) == 0;
}

static void skip_line(maty__lexer_t *lexer) {
  const char *from = lexer->text + lexer->at;
  const char *end = memchr(from, '\n', lexer->length - lexer->at);
  lexer->at = end == NULL ? lexer->length : (uint32_t)(end - lexer->text);
}

static maty_status skip_block(maty__lexer_t *lexer) {
  uint32_t begin = lexer->at;
  for (lexer->at += 2; lexer->at < lexer->length; lexer->at++)
    if (looking_at(lexer, "*/")) {
      lexer->at += 2;
      return MATY_OK;
    }
  return maty__error(lexer->check, MATY_CLASS_SYNTAX, lexer->base + begin, 2,
                     "the comment that begins here has no end: expected '*/'");
}

static maty_status skip_nested(maty__lexer_t *lexer) {
  uint32_t begin = lexer->at, depth = 0;
  while (lexer->at < lexer->length) {
    if (looking_at(lexer, "(*")) {
      depth++;
      lexer->at += 2;
    } else if (looking_at(lexer, "*)")) {
      lexer->at += 2;
      if (--depth == 0)
        return MATY_OK;
    } else {
      lexer->at++;
    }
  }
  return maty__error(lexer->check, MATY_CLASS_SYNTAX, lexer->base + begin, 2,
                     "the comment that begins here has no end: expected '*)'");
}

/* "(*#" begins a pragma, but "(*)" a comment to the end of the line. */
static bool at_comment(const maty__lexer_t *lexer) {
  return looking_at(lexer, "//") || looking_at(lexer, "/*") ||
         (looking_at(lexer, "(*") && !looking_at(lexer, "(*#"));
}

static maty_status skip_comment(maty__lexer_t *lexer) {
  if (looking_at(lexer, "/*"))
    return skip_block(lexer);
  if (looking_at(lexer, "(*") && !looking_at(lexer, "(*)"))
    return skip_nested(lexer);
  skip_line(lexer);
  return MATY_OK;
}

/* How many bytes of a character that begins at "at" are there: 1 for what is
 * not UTF-8, so that a stray byte is one error and not several. */
static uint32_t character_length(const maty__lexer_t *lexer, uint32_t at) {
  unsigned char first = byte_at(lexer, at);
  uint32_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
  for (uint32_t i = 1; i < length; i++)
    if ((byte_at(lexer, at + i) & 0xc0) != 0x80)
      return 1;
  return first >= 0xf5 ? 1 : length;
}

static bool is_in_name(unsigned char byte) {
  return byte_class[byte] == LETTER || byte_class[byte] == TAIL;
}

static maty_status skip_stray(maty__lexer_t *lexer) {
  uint32_t begin = lexer->at, length = character_length(lexer, begin);
  unsigned char first = byte_at(lexer, begin);
  bool in_name = begin > 0 && is_in_name(byte_at(lexer, begin - 1));
  lexer->at += length;
  /* The rest of a run is the same mistake, and so is the rest of a name. */
  while (lexer->at < lexer->length && (byte_class[byte_at(lexer, lexer->at)] == OTHER ||
                                       (in_name && is_in_name(byte_at(lexer, lexer->at)))))
    lexer->at++;
  if (begin == 0 && length == 3 && memcmp(lexer->text, "\xef\xbb\xbf", 3) == 0)
    return maty__error(lexer->check, MATY_CLASS_SYNTAX, lexer->base, length,
                       "a text begins without a byte order mark (EF BB BF)");
  if (length == 1 && (first < 0x20 || first >= 0x7f))
    return maty__error(lexer->check, MATY_CLASS_SYNTAX, lexer->base + begin, 1,
                       "the byte 0x%02x has no place here", first);
  return maty__error(lexer->check, MATY_CLASS_SYNTAX, lexer->base + begin, length,
                     "the character '%.*s' has no place %s", (int)length, lexer->text + begin,
                     in_name ? "in a name" : "here");
}

static maty_status read_name(maty__lexer_t *lexer, maty__token_t *token) {
  uint32_t at = lexer->at;
  while (byte_class[byte_at(lexer, at)] >= TAIL)
    at++;
  token->kind = MATY__TOKEN_NAME;
  token->length = at - lexer->at;
  token->name = maty__names_put(&lexer->check->names, token->text, token->length);
  MATY__NEED(token->name != MATY__NONE);
  lexer->at = at;
  if (token->length > MATY_MAX_NAME)
    return maty__error(lexer->check, MATY_CLASS_LIMIT, token->at, token->length,
                       "the name has %u bytes; at most %u are allowed", token->length,
                       MATY_MAX_NAME);
  return MATY_OK;
}

static maty_status read_string(maty__lexer_t *lexer, maty__token_t *token) {
  uint32_t at = lexer->at + 1;
  while (at < lexer->length && byte_at(lexer, at) != '"' && byte_at(lexer, at) != '\n')
    at++;
  bool ended = byte_at(lexer, at) == '"';
  token->kind = MATY__TOKEN_STRING;
  token->length = at - lexer->at + ended;
  lexer->at += token->length;
  return ended ? MATY_OK
               : maty__error(lexer->check, MATY_CLASS_SYNTAX, token->at, 1,
                             "the string that begins here has no end in this line");
}

static maty_status read_token(maty__lexer_t *lexer, maty__token_t *token) {
  for (;;) {
    while (byte_class[byte_at(lexer, lexer->at)] == SPACE)
      lexer->at++;
    unsigned char first = byte_at(lexer, lexer->at);
    *token = (maty__token_t){.at = lexer->base + lexer->at, .text = lexer->text + lexer->at};
    if (lexer->at >= lexer->length) {
      token->kind = MATY__TOKEN_END;
      return MATY_OK;
    }
    switch (byte_class[first]) {
    case LETTER:
      return read_name(lexer, token);
    case QUOTE:
      return read_string(lexer, token);
    case PUNCTUATION:
      if ((first == '/' || first == '(') && at_comment(lexer)) {
        MATY__TRY(skip_comment(lexer));
        continue;
      }
      if (first == '(' && looking_at(lexer, "(*#")) {
        token->kind = MATY__TOKEN_PRAGMA_BEGIN;
        token->length = 3;
      } else {
        token->kind = first;
        token->length = 1;
      }
      lexer->at += token->length;
      return MATY_OK;
    default:
      if (looking_at(lexer, "#*)")) {
        token->kind = MATY__TOKEN_PRAGMA_END;
        token->length = 3;
        lexer->at += 3;
        return MATY_OK;
      }
      MATY__TRY(skip_stray(lexer));
    }
  }
}

maty_status maty__lexer_next(maty__lexer_t *lexer, maty__token_t *token) {
  uint32_t errors = lexer->check->errors;
  maty_status status = read_token(lexer, token);
  token->bad = lexer->check->errors != errors;
  return status;
}

uint32_t maty__word_length(const maty__check_t *check, uint32_t at) {
  const maty__source_t *source = maty__check_source(check, at);
  uint32_t begin = at - source->base, end = begin;
  while (end < source->length && byte_class[(unsigned char)source->text[end]] >= TAIL)
    end++;
  return end - begin;
}

bool maty__lexer_comment(maty__lexer_t *lexer, uint32_t end, uint32_t *at, uint32_t *length) {
  while (lexer->at < end && byte_class[byte_at(lexer, lexer->at)] == SPACE)
    lexer->at++;
  *at = lexer->at;
  if (lexer->at >= end || !at_comment(lexer) || skip_comment(lexer) != MATY_OK)
    return false;
  *length = lexer->at - *at;
  return true;
}
