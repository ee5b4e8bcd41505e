/* machines_cfsm.c - the notation of machines that kmc and GMC tools read.
 *
 *     -- a comment
 *     .outputs Seller          a machine; its name may be left out
 *     .state graph
 *     q0 1 ? title q1          state, peer, '?' or '!', label, state that follows
 *     q1 1 ! quote q0
 *     .marking q0              the initial state
 *     .end
 *
 * A line is split at blanks. States are named by being used, and need not be
 * names of the language, since nobody sees them later. A peer is a machine's
 * number, from 0, or its name; a machine without a name is called by its number.
 * There are no payloads.
 */
#include <stdio.h>
#include <string.h>

#include "limits.h"
#include "machines_read.h"

enum { WORDS = 6 }; /* one more than any line has */

/* Which line has to come next. */
typedef enum section { OUTSIDE, HEAD, GRAPH, MARKED } section;

typedef struct scanner {
  maty__check_t *check;
  maty__tree_t *tree;
  uint32_t at;
  struct {
    uint32_t at, length;
  } words[WORDS]; /* of the line */
  uint32_t count; /* WORDS: as many or more */
  section section;
  uint32_t machine;       /* its statement */
  uint32_t machine_count; /* begun so far */
  bool stopped;
} scanner_t;

static bool is_word(const scanner_t *scanner, uint32_t index, const char *word) {
  return index < scanner->count && scanner->words[index].length == strlen(word) &&
         memcmp(scanner->check->sources.at[0].text + scanner->words[index].at, word,
                strlen(word)) == 0;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\f';
}

/* Splits the next line that has words. Returns false at the end of the text. */
static bool next_line(scanner_t *scanner) {
  const char *source = scanner->check->sources.at[0].text;
  uint32_t end = scanner->check->sources.at[0].length;
  scanner->count = 0;
  while (scanner->at < end && !scanner->stopped) {
    char byte = source[scanner->at];
    bool comment = byte == '-' && scanner->at + 1 < end && source[scanner->at + 1] == '-';
    if (comment) {
      const char *found = memchr(source + scanner->at, '\n', end - scanner->at);
      scanner->at = found == NULL ? end : (uint32_t)(found - source);
    } else if (byte == '\n') {
      scanner->at++;
      if (scanner->count > 0)
        return true;
    } else if (is_blank(byte)) {
      scanner->at++;
    } else {
      uint32_t begin = scanner->at;
      while (scanner->at < end && !is_blank(source[scanner->at]) && source[scanner->at] != '\n')
        scanner->at++;
      if (scanner->count < WORDS) {
        scanner->words[scanner->count].at = begin;
        scanner->words[scanner->count++].length = scanner->at - begin;
      }
    }
  }
  return scanner->count > 0;
}

static maty_status expected(scanner_t *scanner, uint32_t index, const char *what) {
  if (index >= scanner->count) {
    uint32_t last = scanner->count - 1;
    return maty__error(scanner->check, MATY_CLASS_SYNTAX,
                       scanner->words[last].at + scanner->words[last].length, 0,
                       "expected %s, found the end of the line", what);
  }
  uint32_t length = scanner->words[index].length;
  return maty__error(scanner->check, MATY_CLASS_SYNTAX, scanner->words[index].at, length,
                     "expected %s, found '%.*s'", what, (int)(length < 40 ? length : 40),
                     scanner->check->sources.at[0].text + scanner->words[index].at);
}

static maty_status take_any(scanner_t *scanner, uint32_t index, uint32_t length, maty__use_t *use) {
  *use = (maty__use_t){.at = scanner->words[index].at, .meaning = MATY__NONE};
  use->name =
      maty__names_put(&scanner->check->names, scanner->check->sources.at[0].text + use->at, length);
  MATY__NEED(use->name != MATY__NONE);
  return MATY_OK;
}

static bool is_name_byte(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || byte == '_';
}

/* A word that is a name of the language; of a label "()" is left off. */
static maty_status take_name(scanner_t *scanner, uint32_t index, bool label, maty__use_t *use) {
  const char *text = scanner->check->sources.at[0].text + scanner->words[index].at;
  uint32_t length = scanner->words[index].length;
  if (label && length >= 2 && memcmp(text + length - 2, "()", 2) == 0)
    length -= 2;
  bool good = length == 0 || is_name_byte(*text);
  for (uint32_t i = 1; i < length; i++)
    good = good && (is_name_byte(text[i]) || text[i] == '\'');
  if (!good)
    return expected(scanner, index,
                    label ? "a label of letters, digits and '_'"
                          : "a role's name of letters, digits and '_'");
  if (length > MATY_MAX_NAME)
    return maty__error(scanner->check, MATY_CLASS_LIMIT, scanner->words[index].at, length,
                       "the name has %u bytes; at most %u are allowed", length, MATY_MAX_NAME);
  return take_any(scanner, index, length, use);
}

static maty_status add_stmt(scanner_t *scanner, maty__stmt_t stmt) {
  if (scanner->tree->stmts.count >= MATY_MAX_STATEMENTS && !scanner->stopped) {
    scanner->stopped = true;
    MATY__TRY(maty__error(scanner->check, MATY_CLASS_LIMIT, stmt.at, stmt.length,
                          "more than %u statements", MATY_MAX_STATEMENTS));
  }
  MATY__NEED(maty__vec_push(scanner->check->scratch, &scanner->tree->stmts, stmt));
  return MATY_OK;
}

/* .outputs, and a name or none. */
static maty_status read_head(scanner_t *scanner) {
  maty__stmt_t stmt = {
      .kind = MATY__STMT_MACHINE, .at = scanner->words[0].at, .length = scanner->words[0].length};
  uint32_t number = scanner->machine_count++;
  scanner->section = HEAD;
  scanner->machine = scanner->tree->stmts.count;
  if (scanner->count > 2)
    MATY__TRY(expected(scanner, 2, "the end of the line after the machine's name"));
  if (scanner->count > 1) {
    MATY__TRY(take_name(scanner, 1, false, &stmt.name));
  } else {
    enum { DIGITS = 12 };
    char *digits = maty__arena_alloc(scanner->check->scratch, DIGITS);
    MATY__NEED(digits != NULL);
    int length = snprintf(digits, DIGITS, "%u", number);
    stmt.name.name = maty__names_put(&scanner->check->names, digits, (uint32_t)length);
    stmt.name.at = stmt.at;
    MATY__NEED(stmt.name.name != MATY__NONE);
  }
  stmt.name.meaning = number;
  stmt.subject.name = MATY__WORD_EMPTY;
  return add_stmt(scanner, stmt);
}

/* state peer ! label state */
static maty_status read_transition(scanner_t *scanner) {
  maty__tree_t *tree = scanner->tree;
  maty__stmt_t stmt = {.kind = MATY__STMT_MESSAGE, .at = scanner->words[0].at};
  maty__stmt_t state = {
      .kind = MATY__STMT_STATE, .at = stmt.at, .length = scanner->words[0].length};
  maty__use_t self = tree->stmts.at[scanner->machine].name, peer, target;
  bool sends = is_word(scanner, 2, "!");
  if (scanner->count < 5)
    return expected(scanner, scanner->count, "a transition: state, peer, '!' or '?', label, state");
  if (!sends && !is_word(scanner, 2, "?"))
    return expected(scanner, 2, "'!' or '?'");
  if (scanner->count > 5)
    return expected(scanner, 5, "the end of the line after the transition");
  uint32_t errors = scanner->check->errors;
  MATY__TRY(take_any(scanner, 0, scanner->words[0].length, &state.name));
  MATY__TRY(take_name(scanner, 1, false, &peer));
  MATY__TRY(take_name(scanner, 3, true, &stmt.name));
  MATY__TRY(take_any(scanner, 4, scanner->words[4].length, &target));
  if (scanner->check->errors != errors)
    return MATY_OK;
  self.at = stmt.at;
  stmt.length = scanner->words[4].at + scanner->words[4].length - stmt.at;
  stmt.subject = sends ? self : peer;
  stmt.first_argument = tree->uses.count;
  stmt.argument_count = 2;
  MATY__NEED(maty__vec_push(scanner->check->scratch, &tree->uses, sends ? peer : self));
  MATY__NEED(maty__vec_push(scanner->check->scratch, &tree->uses, target));
  MATY__TRY(add_stmt(scanner, state));
  return add_stmt(scanner, stmt);
}

static maty_status read_marking(scanner_t *scanner) {
  maty__use_t state;
  scanner->section = MARKED;
  if (scanner->count != 2)
    return expected(scanner, scanner->count < 2 ? 1 : 2,
                    scanner->count < 2 ? "the initial state" : "the end of the line");
  MATY__TRY(take_any(scanner, 1, scanner->words[1].length, &state));
  scanner->tree->stmts.at[scanner->machine].subject = state;
  return MATY_OK;
}

static maty_status read_line(scanner_t *scanner) {
  if (is_word(scanner, 0, ".outputs")) {
    if (scanner->section != OUTSIDE)
      MATY__TRY(expected(scanner, 0, "'.end' of the machine before"));
    return read_head(scanner);
  }
  switch (scanner->section) {
  case OUTSIDE:
    return expected(scanner, 0, "'.outputs'");
  case HEAD:
    scanner->section = GRAPH;
    if (is_word(scanner, 0, ".state") && is_word(scanner, 1, "graph") && scanner->count == 2)
      return MATY_OK;
    return expected(scanner, 0, "'.state graph'");
  case GRAPH:
    if (is_word(scanner, 0, ".marking"))
      return read_marking(scanner);
    if (scanner->check->sources.at[0].text[scanner->words[0].at] != '.')
      return read_transition(scanner);
    scanner->section = is_word(scanner, 0, ".end") ? OUTSIDE : GRAPH;
    return expected(scanner, 0, "a transition or '.marking'");
  case MARKED:
    scanner->section = OUTSIDE;
    if (is_word(scanner, 0, ".end") && scanner->count == 1)
      return MATY_OK;
    return expected(scanner, 0, "'.end'");
  }
  return MATY_OK;
}

maty_status maty__parse_cfsm(maty__check_t *check, maty__tree_t *tree) {
  scanner_t scanner = {.check = check, .tree = tree};
  maty__protocol_t set = {.name = {.name = MATY__WORD_EMPTY}};
  *tree = (maty__tree_t){.protocols = {0}};
  for (uint32_t read = 0; next_line(&scanner); read++) {
    if (read % 1024 == 0)
      MATY__TRY(maty__check_work(check, 1024));
    MATY__TRY(read_line(&scanner));
  }
  if (check->errors == 0 && (scanner.section != OUTSIDE || scanner.machine_count == 0))
    MATY__TRY(maty__error(check, MATY_CLASS_SYNTAX, check->sources.at[0].length, 0,
                          "expected '%s', found the end of the text",
                          scanner.section == OUTSIDE  ? ".outputs"
                          : scanner.section == HEAD   ? ".state graph"
                          : scanner.section == MARKED ? ".end"
                                                      : ".marking"));
  set.broken = check->errors > 0;
  set.end_at = check->sources.at[0].length;
  MATY__TRY(add_stmt(&scanner, (maty__stmt_t){.kind = MATY__STMT_BODY_END, .at = set.end_at}));
  return maty__add_set(check, tree, set);
}
