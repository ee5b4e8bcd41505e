/* parser.h - what the files of the parser share.
 *
 *     parse.c       tokens, features of dialects, pragmas, skipping, texts and imports
 *     parse_decl.c  module lines, imports, types, the heads of protocols
 *     parse_stmt.c  bodies
 *     parse_type.c  types and payloads
 *     parse_expr.c  expressions
 *     parse_machines.c  sets of machines
 *
 * A hand-written parser of one token's decision, with three more to look at
 * where words that mean something elsewhere are labels here. What stands in one
 * another (protocols, blocks, types, expressions) is kept on stacks of the
 * parser's own.
 *
 * A function that meets an error reports it and returns MATY_EREJECTED; the
 * loop over statements (or over declarations) then skips to where the next one
 * may begin. MATY_ENOMEM and MATY_ECANCELED go straight up.
 */
#ifndef MATY_PARSER_H
#define MATY_PARSER_H

#include "dialect.h"
#include "lex.h"
#include "tree.h"

enum { MATY__LOOKAHEAD = 4 };

typedef struct maty__open_protocol {
  uint32_t protocol;
  uint32_t at; /* the '{' */
  bool broken; /* what is around it */
} maty__open_protocol_t;

typedef struct maty__open_block {
  uint32_t stmt; /* what opened it: CHOICE, OR or REC */
  uint32_t choice;
} maty__open_block_t;

typedef struct maty__open_type {
  uint16_t kind; /* LIST, TUPLE, MAP; ANY is the bottom */
  uint32_t at;
  uint32_t first_part;   /* its finished parts, in "pending" */
  uint32_t first_member; /* members of the union that is being read */
  maty__name_t key;
  uint32_t key_at;
} maty__open_type_t;

/* What an expression is, as far as it can be told without knowing its names. */
typedef enum maty__expr_sort {
  MATY__SORT_ANY,
  MATY__SORT_CONDITION,
  MATY__SORT_INTEGER,
  MATY__SORT_STRING
} maty__expr_sort;

typedef struct maty__operand {
  maty__expr_sort sort;
  uint32_t at, end;
} maty__operand_t;

typedef struct maty__operator {
  uint8_t kind; /* see parse_expr.c */
  uint32_t at;
} maty__operator_t;

typedef struct maty__parser {
  maty__check_t *check;
  const maty__dialect_t *dialect;
  maty__tree_t *tree;
  uint32_t unit; /* of the text that is being read */
  maty__lexer_t lexer;
  maty__token_t tokens[MATY__LOOKAHEAD]; /* a ring; the next one is at "head" */
  uint32_t head;
  uint32_t last_end;      /* where the last token that was taken ends */
  maty__name_t last_name; /* of the last token that was taken, if it was a name */
  bool stopped;           /* a limit is reached: the rest of the text is not read */
  bool broken;            /* something is wrong since the last declaration began */
  uint32_t pragmas;       /* of the text, a bit for each */
  uint32_t order;         /* of the last declaration, where their order counts */
  MATY__VEC(maty__open_protocol_t) protocols;
  MATY__VEC(maty__open_block_t) blocks;
  MATY__VEC(maty__open_type_t) open_types;
  MATY__VEC(maty__part_t) pending; /* parts of the types that are open */
  MATY__VEC(maty__operand_t) operands;
  MATY__VEC(maty__operator_t) operators;
} maty__parser_t;

/* ===== Tokens ============================================================ */

static inline const maty__token_t *maty__peek(const maty__parser_t *parser, uint32_t ahead) {
  return &parser->tokens[(parser->head + ahead) % MATY__LOOKAHEAD];
}

static inline bool maty__is(const maty__parser_t *parser, uint32_t ahead, uint32_t kind) {
  return maty__peek(parser, ahead)->kind == kind;
}

static inline bool maty__is_word(const maty__parser_t *parser, uint32_t ahead, maty__name_t word) {
  return maty__is(parser, ahead, MATY__TOKEN_NAME) && maty__peek(parser, ahead)->name == word;
}

bool maty__is_number(const maty__token_t *token);

maty_status maty__advance(maty__parser_t *parser);

/* A limit is reached: what follows is one long end. */
void maty__parser_stop(maty__parser_t *parser);

/* Reports "expected <what>, found <the next token>", and returns MATY_EREJECTED. */
maty_status maty__expected(maty__parser_t *parser, const char *what);

/* Each takes the next token, or reports that it expected another. */
maty_status maty__take(maty__parser_t *parser, uint32_t kind, const char *what);
maty_status maty__take_word(maty__parser_t *parser, maty__name_t word, const char *what);
maty_status maty__take_name(maty__parser_t *parser, maty__use_t *use, const char *what);

/* Nearly always the one thing that is missing: the statement is taken as
 * ended, and the next one is read from here. */
maty_status maty__take_semicolon(maty__parser_t *parser, const char *after);

/* a.b.C, into one name. */
maty_status maty__take_dotted(maty__parser_t *parser, maty__use_t *use, const char *what);

/* a.b.C.P, into a.b.C (the empty name if there is none) and P. */
maty_status maty__take_qualified(maty__parser_t *parser, maty__use_t *module, maty__use_t *name,
                                 const char *what);

maty_status maty__parser_limit(maty__parser_t *parser, uint32_t at, uint32_t length,
                               const char *what, uint32_t bound);

/* ===== Dialects ========================================================== */

typedef enum maty__pragma {
  MATY__PRAGMA_NONE,
  MATY__PRAGMA_NESTED,
  MATY__PRAGMA_REFINEMENT,
  MATY__PRAGMA_OTHER
} maty__pragma;

typedef enum maty__feature {
  MATY__FEATURE_CALLS,
  MATY__FEATURE_CONNECT,
  MATY__FEATURE_DELEGATION,
  MATY__FEATURE_DISCONNECT,
  MATY__FEATURE_EXPLICIT,
  MATY__FEATURE_NESTED,
  MATY__FEATURE_RECURSION_VARIABLE,
  MATY__FEATURE_REFINEMENT,
  MATY__FEATURE_RELIABLE,
  MATY__FEATURE_TIME,
  MATY__FEATURE_WRAP
} maty__feature;

/* Asks whether the dialect has this, and whether it has a meaning. Reports it if
 * not, and returns MATY_OK all the same: it is read to its end. */
maty_status maty__feature_use(maty__parser_t *parser, maty__feature feature, uint32_t at,
                              uint32_t length);
maty_status maty__feature_use_token(maty__parser_t *parser, maty__feature feature);

/* ===== Skipping ========================================================== */

/* A protocol of its own; one that is nested in another does not count. */
bool maty__begins_protocol(const maty__parser_t *parser);

/* From an opening bracket to behind the one that closes it. */
maty_status maty__skip_brackets(maty__parser_t *parser, uint32_t open, uint32_t close);
maty_status maty__skip_statement(maty__parser_t *parser);

/* To behind a declaration, or before the next thing of the kind that "begins". */
maty_status maty__skip_declaration(maty__parser_t *parser,
                                   bool (*begins)(const maty__parser_t *parser));

/* ===== The grammar, by subject =========================================== */

/* The module line, if there is one, before everything else. */
maty_status maty__parse_module_line(maty__parser_t *parser);
maty_status maty__parse_declaration(maty__parser_t *parser);

/* Adds a statement to the tree. Past MATY_MAX_STATEMENTS that is reported, and the
 * rest of the text is not read. */
maty_status maty__add_stmt(maty__parser_t *parser, maty__stmt_t stmt);

/* From behind the innermost open protocol's '{' to behind its '}'. */
maty_status maty__parse_body(maty__parser_t *parser, maty__protocol_t *protocol, uint32_t open_at);

/* '@' and a string, if they are there: a note to people, unless it begins with
 * "within". Then it is the deadline of a message, in milliseconds, and an error
 * where "deadline" is NULL. */
maty_status maty__parse_annotation(maty__parser_t *parser, uint32_t *deadline);

maty_status maty__parse_type(maty__parser_t *parser, uint32_t *type);

/* The type that was read last may be a name alone, and that of something else:
 * takes it out of the tree again. False: it is more than that. */
bool maty__take_back_name(maty__parser_t *parser, uint32_t type, maty__use_t *module,
                          maty__use_t *name);

/* One field, refinement included, added to tree->fields unless it is a delegation. */
maty_status maty__parse_field(maty__parser_t *parser);

/* The fields in round brackets. */
maty_status maty__parse_payload(maty__parser_t *parser, uint32_t *first, uint32_t *count);

/* What is wrong in a payload does not end the statement: goes, whatever brackets are open,
 * to what "ends" it, or before the '}' of what the statement stands in. */
maty_status maty__skip_payload(maty__parser_t *parser, bool (*ends)(const maty__parser_t *parser));

/* An expression up to the first token that cannot be part of it; "wants" is what
 * it has to be, and "who" what asks for it. */
maty_status maty__parse_expr(maty__parser_t *parser, maty__expr_sort wants, const char *who);

#endif /* MATY_PARSER_H */
