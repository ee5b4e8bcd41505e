/* parse.c - see parse.h and parser.h. */
#include "parse.h"

#include <string.h>

#include "limits.h"
#include "parser.h"

/* ===== Tokens ============================================================ */

bool maty__is_number(const maty__token_t *token) {
  if (token->kind != MATY__TOKEN_NAME)
    return false;
  for (uint32_t i = 0; i < token->length; i++)
    if (token->text[i] < '0' || token->text[i] > '9')
      return false;
  return true;
}

maty_status maty__advance(maty__parser_t *parser) {
  maty__token_t *token = &parser->tokens[parser->head];
  parser->last_end = token->at + token->length;
  parser->last_name = token->name;
  parser->broken |= token->bad;
  parser->head = (parser->head + 1) % MATY__LOOKAHEAD;
  return maty__lexer_next(&parser->lexer, token);
}

void maty__parser_stop(maty__parser_t *parser) {
  parser->stopped = true;
  uint32_t end = parser->lexer.base + parser->lexer.length;
  parser->lexer.at = parser->lexer.length;
  for (uint32_t i = 0; i < MATY__LOOKAHEAD; i++)
    parser->tokens[i] = (maty__token_t){.kind = MATY__TOKEN_END, .at = end};
}

maty_status maty__expected(maty__parser_t *parser, const char *what) {
  const maty__token_t *token = maty__peek(parser, 0);
  parser->broken = true;
  if (parser->stopped)
    return MATY_EREJECTED;
  if (token->kind == MATY__TOKEN_END)
    MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, 0,
                          "expected %s, found the end of the text", what));
  else
    MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, token->at, token->length,
                          "expected %s, found '%.*s'", what,
                          (int)(token->length < 40 ? token->length : 40), token->text));
  return MATY_EREJECTED;
}

maty_status maty__take(maty__parser_t *parser, uint32_t kind, const char *what) {
  if (!maty__is(parser, 0, kind))
    return maty__expected(parser, what);
  return maty__advance(parser);
}

maty_status maty__take_word(maty__parser_t *parser, maty__name_t word, const char *what) {
  if (!maty__is_word(parser, 0, word))
    return maty__expected(parser, what);
  return maty__advance(parser);
}

maty_status maty__take_name(maty__parser_t *parser, maty__use_t *use, const char *what) {
  if (!maty__is(parser, 0, MATY__TOKEN_NAME))
    return maty__expected(parser, what);
  *use = (maty__use_t){
      .name = maty__peek(parser, 0)->name, .at = maty__peek(parser, 0)->at, .meaning = MATY__NONE};
  return maty__advance(parser);
}

maty_status maty__take_semicolon(maty__parser_t *parser, const char *after) {
  if (maty__is(parser, 0, ';'))
    return maty__advance(parser);
  bool may_begin = maty__is(parser, 0, MATY__TOKEN_NAME) || maty__is(parser, 0, '(') ||
                   maty__is(parser, 0, '}') || maty__is(parser, 0, MATY__TOKEN_END);
  if (!may_begin || parser->stopped)
    return maty__expected(parser, "';'");
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_SYNTAX, parser->last_end, 0, "expected ';' after %s",
                     after);
}

maty_status maty__take_dotted(maty__parser_t *parser, maty__use_t *use, const char *what) {
  MATY__TRY(maty__take_name(parser, use, what));
  if (!maty__is(parser, 0, '.'))
    return MATY_OK;
  maty__text_t text;
  maty__text_init(&text, parser->check->scratch);
  maty__text_add(&text, "%.*s", MATY__NAME(&parser->check->names, use->name));
  while (maty__is(parser, 0, '.')) {
    maty__use_t part = {.name = MATY__WORD_EMPTY};
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take_name(parser, &part, "a name after '.'"));
    maty__text_add(&text, ".%.*s", MATY__NAME(&parser->check->names, part.name));
  }
  MATY__NEED(!text.failed);
  use->name = maty__names_put(&parser->check->names, text.at, (uint32_t)text.length);
  MATY__NEED(use->name != MATY__NONE);
  return MATY_OK;
}

maty_status maty__take_qualified(maty__parser_t *parser, maty__use_t *module, maty__use_t *name,
                                 const char *what) {
  maty__names_t *names = &parser->check->names;
  *module = (maty__use_t){.name = MATY__WORD_EMPTY};
  MATY__TRY(maty__take_dotted(parser, name, what));
  const maty__name_text_t *whole = &names->items.at[name->name];
  uint32_t length = whole->length;
  while (length > 0 && whole->at[length - 1] != '.')
    length--;
  if (length == 0)
    return MATY_OK;
  uint32_t last = whole->length - length;
  const char *text = whole->at;
  *module = *name;
  module->name = maty__names_put(names, text, length - 1);
  name->name = maty__names_put(names, text + length, last);
  name->at = parser->last_end - last;
  MATY__NEED(module->name != MATY__NONE && name->name != MATY__NONE);
  return MATY_OK;
}

maty_status maty__parser_limit(maty__parser_t *parser, uint32_t at, uint32_t length,
                               const char *what, uint32_t bound) {
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_LIMIT, at, length, "more than %u %s", bound, what);
}

/* ===== Dialects ========================================================== */

enum {
  OWN = 1u << MATY_DIALECT_MATY,
  SCRIBBLE = 1u << MATY_DIALECT_SCRIBBLE,
  NUSCR = 1u << MATY_DIALECT_NUSCR
};

/* What a person calls it; the dialects that have it, and those of them in which
 * it has a meaning; the pragma that nuscr wants to see. */
static const struct {
  char name[48];
  unsigned has, does;
  maty__pragma pragma;
} features[] = {
    [MATY__FEATURE_CALLS] = {"a call of a nested protocol ('calls')", OWN | NUSCR, OWN | NUSCR,
                             MATY__PRAGMA_NESTED},
    [MATY__FEATURE_CONNECT] = {"an explicit connection ('connect')", OWN | SCRIBBLE, 0, 0},
    [MATY__FEATURE_DELEGATION] = {"delegation", OWN | SCRIBBLE | NUSCR, 0, 0},
    [MATY__FEATURE_DISCONNECT] = {"an explicit connection ('disconnect')", OWN | SCRIBBLE, 0, 0},
    [MATY__FEATURE_EXPLICIT] = {"an explicit protocol", OWN | SCRIBBLE, 0, 0},
    [MATY__FEATURE_NESTED] = {"a nested protocol", OWN | NUSCR, OWN | NUSCR, MATY__PRAGMA_NESTED},
    [MATY__FEATURE_RECURSION_VARIABLE] = {"a loop with variables", OWN | NUSCR, 0,
                                          MATY__PRAGMA_REFINEMENT},
    [MATY__FEATURE_REFINEMENT] = {"a refined payload", OWN | NUSCR, 0, MATY__PRAGMA_REFINEMENT},
    [MATY__FEATURE_RELIABLE] = {"a reliable role", OWN | NUSCR, 0, 0},
    [MATY__FEATURE_TIME] = {"a time constraint ('within')", OWN | SCRIBBLE | NUSCR, 0, 0},
    [MATY__FEATURE_WRAP] = {"an explicit connection ('wrap')", OWN | SCRIBBLE, 0, 0},
};

static const struct {
  char name[40];
  maty__pragma pragma;
  unsigned does;
} pragmas[] = {
    {"PrintUsage", MATY__PRAGMA_OTHER, NUSCR},
    {"ShowPragmas", MATY__PRAGMA_OTHER, NUSCR},
    {"NestedProtocols", MATY__PRAGMA_NESTED, OWN | NUSCR},
    {"ErrorHandlingCrashBranch", MATY__PRAGMA_OTHER, 0},
    {"RefinementTypes", MATY__PRAGMA_REFINEMENT, NUSCR},
    {"SenderValidateRefinements", MATY__PRAGMA_OTHER, 0},
    {"ReceiverValidateRefinements", MATY__PRAGMA_OTHER, 0},
    {"ValidateRefinementSatisfiability", MATY__PRAGMA_OTHER, 0},
    {"ValidateRefinementProgress", MATY__PRAGMA_OTHER, 0},
};

static bool among(const maty__parser_t *parser, unsigned dialects) {
  return (dialects >> parser->check->config->dialect & 1) != 0;
}

static const char *pragma_name(maty__pragma pragma) {
  size_t i = 0;
  while (pragmas[i].pragma != pragma)
    i++;
  return pragmas[i].name;
}

maty_status maty__feature_use(maty__parser_t *parser, maty__feature feature, uint32_t at,
                              uint32_t length) {
  maty__pragma pragma = features[feature].pragma;
  const char *name = features[feature].name;
  if (!among(parser, features[feature].has)) {
    parser->broken = true;
    return maty__error(parser->check, MATY_CLASS_SYNTAX, at, length,
                       "%s is not part of the dialect '%s'", name, parser->dialect->name);
  }
  if (pragma != MATY__PRAGMA_NONE && among(parser, NUSCR) && (parser->pragmas >> pragma & 1) == 0) {
    parser->broken = true;
    return maty__error(parser->check, MATY_CLASS_SYNTAX, at, length, "%s needs the pragma '%s'",
                       name, pragma_name(pragma));
  }
  if (among(parser, features[feature].does))
    return MATY_OK;
  parser->broken = true;
  return maty__error(parser->check, MATY_CLASS_UNSUPPORTED, at, length, "%s is not supported",
                     name);
}

maty_status maty__feature_use_token(maty__parser_t *parser, maty__feature feature) {
  return maty__feature_use(parser, feature, maty__peek(parser, 0)->at,
                           maty__peek(parser, 0)->length);
}

static maty_status use_pragma(maty__parser_t *parser, const maty__use_t *use) {
  const maty__name_text_t *text = &parser->check->names.items.at[use->name];
  for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
    if (strlen(pragmas[i].name) != text->length ||
        memcmp(pragmas[i].name, text->at, text->length) != 0)
      continue;
    parser->pragmas |= 1u << pragmas[i].pragma;
    if (among(parser, pragmas[i].does))
      return MATY_OK;
    return maty__error(parser->check, MATY_CLASS_UNSUPPORTED, use->at, text->length,
                       "the pragma '%s' is not supported", pragmas[i].name);
  }
  return maty__error(parser->check, MATY_CLASS_SYNTAX, use->at, text->length,
                     "there is no pragma '%.*s'", (int)text->length, text->at);
}

static maty_status read_pragmas(maty__parser_t *parser) {
  MATY__TRY(maty__advance(parser));
  while (!maty__is(parser, 0, MATY__TOKEN_PRAGMA_END)) {
    maty__use_t name = {.name = MATY__WORD_EMPTY};
    MATY__TRY(maty__take_name(parser, &name, "a pragma's name or '#*)'"));
    MATY__TRY(use_pragma(parser, &name));
    if (maty__is(parser, 0, ':')) {
      MATY__TRY(maty__advance(parser));
      MATY__TRY(maty__take(parser, MATY__TOKEN_NAME, "the pragma's value after ':'"));
    }
    if (maty__is(parser, 0, ','))
      MATY__TRY(maty__advance(parser));
    else if (!maty__is(parser, 0, MATY__TOKEN_PRAGMA_END))
      return maty__expected(parser, "',' or '#*)' in the pragma");
  }
  return maty__advance(parser);
}

/* ===== Skipping ========================================================== */

bool maty__begins_protocol(const maty__parser_t *parser) {
  if (!maty__is(parser, 0, MATY__TOKEN_NAME) || parser->last_name == MATY__WORD_NESTED)
    return false;
  switch (maty__peek(parser, 0)->name) {
  case MATY__WORD_GLOBAL:
    if (maty__is(parser, 1, MATY__TOKEN_NAME) &&
        (maty__is(parser, 2, '(') || maty__is(parser, 2, '<')))
      return true;
    /* fall through */
  case MATY__WORD_EXPLICIT:
  case MATY__WORD_AUX:
    return maty__is_word(parser, 1, MATY__WORD_PROTOCOL) ||
           maty__is_word(parser, 1, MATY__WORD_GLOBAL) ||
           maty__is_word(parser, 1, MATY__WORD_EXPLICIT);
  case MATY__WORD_PROTOCOL:
    return maty__is(parser, 1, MATY__TOKEN_NAME) &&
           (maty__is(parser, 2, '(') || maty__is(parser, 2, '<')) &&
           !maty__is_word(parser, 1, MATY__WORD_FROM);
  default:
    return false;
  }
}

maty_status maty__skip_brackets(maty__parser_t *parser, uint32_t open, uint32_t close) {
  uint64_t depth = 0;
  while (!maty__is(parser, 0, MATY__TOKEN_END)) {
    if (open == '{' && maty__begins_protocol(parser))
      return MATY_OK;
    uint32_t kind = maty__peek(parser, 0)->kind;
    if (open != '{' && kind == ';')
      return MATY_OK;
    MATY__TRY(maty__advance(parser));
    if (kind == open)
      depth++;
    else if (kind == close && --depth == 0)
      return MATY_OK;
  }
  return MATY_OK;
}

maty_status maty__skip_statement(maty__parser_t *parser) {
  while (!maty__is(parser, 0, MATY__TOKEN_END) && !maty__is(parser, 0, '}') &&
         !maty__begins_protocol(parser)) {
    if (maty__is(parser, 0, ';'))
      return maty__advance(parser);
    if (maty__is(parser, 0, '{')) {
      MATY__TRY(maty__skip_brackets(parser, '{', '}'));
      while (maty__is_word(parser, 0, MATY__WORD_OR) && maty__is(parser, 1, '{')) {
        MATY__TRY(maty__advance(parser));
        MATY__TRY(maty__skip_brackets(parser, '{', '}'));
      }
      return MATY_OK;
    }
    MATY__TRY(maty__advance(parser));
  }
  return MATY_OK;
}

maty_status maty__skip_declaration(maty__parser_t *parser,
                                   bool (*begins)(const maty__parser_t *parser)) {
  while (!maty__is(parser, 0, MATY__TOKEN_END) && !begins(parser)) {
    if (maty__is(parser, 0, ';') || maty__is(parser, 0, '}'))
      return maty__advance(parser);
    if (maty__is(parser, 0, '{'))
      return maty__skip_brackets(parser, '{', '}');
    MATY__TRY(maty__advance(parser));
  }
  return MATY_OK;
}

/* ===== Texts ============================================================= */

typedef struct importer {
  maty__parser_t parser;
  maty__map_t unit_of; /* by the name of a module */
  uint64_t bytes;      /* of what was imported */
} importer_t;

/* Reads the last of the check's sources. */
static maty_status read_source(maty__parser_t *parser) {
  maty__check_t *check = parser->check;
  maty__tree_t *tree = parser->tree;
  maty__unit_t unit = {.name = {.name = MATY__WORD_EMPTY},
                       .first_import = tree->imports.count,
                       .first_type_decl = tree->type_decls.count,
                       .first_protocol = tree->protocols.count};
  parser->unit = tree->units.count;
  parser->head = parser->last_end = parser->last_name = parser->pragmas = parser->order = 0;
  parser->stopped = false;
  MATY__NEED(maty__vec_push(check->scratch, &tree->units, unit));
  maty__lexer_init(&parser->lexer, check, &check->sources.at[parser->unit]);
  for (uint32_t i = 0; i < MATY__LOOKAHEAD; i++)
    MATY__TRY(maty__lexer_next(&parser->lexer, &parser->tokens[i]));
  maty_status status = MATY_OK;
  if (maty__is(parser, 0, MATY__TOKEN_PRAGMA_BEGIN))
    status = read_pragmas(parser);
  if (status == MATY_OK)
    status = maty__parse_module_line(parser);
  for (;;) {
    if (status == MATY_EREJECTED)
      status = maty__skip_declaration(parser, maty__begins_protocol);
    MATY__TRY(status);
    if (maty__is(parser, 0, MATY__TOKEN_END))
      break;
    status = maty__parse_declaration(parser);
  }
  maty__unit_t *read = &tree->units.at[parser->unit];
  read->end_import = tree->imports.count;
  read->end_type_decl = tree->type_decls.count;
  read->end_protocol = tree->protocols.count;
  return MATY_OK;
}

static maty_status import_error(maty__check_t *check, const maty__import_t *import,
                                maty_class class_, const char *why) {
  return maty__error(check, class_, import->module.at,
                     maty__name_length(&check->names, import->module.name), "the module '%.*s' %s",
                     MATY__NAME(&check->names, import->module.name), why);
}

/* Asks for a module that was not read yet, and reads it; *unit stays MATY__NONE
 * if it cannot be had. */
static maty_status import_module(importer_t *importer, const maty__import_t *import,
                                 uint32_t *unit) {
  maty__check_t *check = importer->parser.check;
  const maty_config_t *config = check->config;
  maty__place_t place = maty__check_place(check, import->module.at);
  maty_import_t wanted = {.from = check->sources.at[place.source].name};
  MATY__TRY(maty__check_show(check, import->module.name, &wanted.module));
  MATY__TRY(maty__check_show(check, importer->parser.tree->units.at[place.source].name.name,
                             &wanted.from_module));
  if (check->sources.count > MATY_MAX_IMPORTS)
    return import_error(check, import, MATY_CLASS_LIMIT, "is one more than can be imported");
  maty_source_t found = {.name = NULL};
  maty_status status = MATY_EINVAL;
  if (config->import != NULL)
    status = config->import(config->import_context, &wanted, &found);
  if (status == MATY_ENOMEM || status == MATY_ECANCELED)
    return status;
  if (status != MATY_OK)
    return import_error(check, import, MATY_CLASS_UNBOUND_PROTOCOL, "is not found");
  if (found.name == NULL || (found.text == NULL && found.length > 0))
    return MATY_EINVAL;
  importer->bytes += found.length;
  if (found.length > MATY_MAX_SOURCE || importer->bytes > MATY_MAX_IMPORTED ||
      strlen(found.name) > MATY_MAX_SOURCE_NAME)
    return import_error(check, import, MATY_CLASS_LIMIT, "is too large to be imported");
  if (found.text == NULL)
    found.text = "";
  *unit = check->sources.count;
  MATY__TRY(maty__check_add(check, &found));
  return MATY_OK;
}

/* Imports are read after the text that has them: nothing recurses, and a circle
 * of imports ends where it began. */
static maty_status read_imports(importer_t *importer) {
  maty__check_t *check = importer->parser.check;
  maty__tree_t *tree = importer->parser.tree;
  for (uint32_t i = 0; i < tree->imports.count; i++) {
    maty__import_t import = tree->imports.at[i];
    uint32_t before = importer->unit_of.count;
    uint32_t *known = maty__map_put(check->scratch, &importer->unit_of, import.module.name);
    MATY__NEED(known != NULL);
    uint32_t unit = *known;
    if (importer->unit_of.count > before) {
      MATY__TRY(import_module(importer, &import, &unit));
      *known = unit;
      if (unit != MATY__NONE)
        MATY__TRY(read_source(&importer->parser));
    }
    tree->imports.at[i].unit = unit;
  }
  return MATY_OK;
}

maty_status maty__parse(maty__check_t *check, maty__tree_t *tree) {
  importer_t importer = {
      .parser = {.check = check, .dialect = maty__dialect(check->config->dialect), .tree = tree}};
  *tree = (maty__tree_t){.protocols = {0}};
  MATY__TRY(read_source(&importer.parser));
  const maty__unit_t *unit = &tree->units.at[0];
  if (tree->protocols.count + tree->type_decls.count + tree->imports.count == 0 &&
      check->errors == 0)
    return maty__error(check, MATY_CLASS_SYNTAX, check->sources.at[0].length, 0,
                       "expected a protocol, found the end of the text");
  uint32_t *own = maty__map_put(check->scratch, &importer.unit_of, unit->name.name);
  MATY__NEED(own != NULL);
  *own = 0;
  return read_imports(&importer);
}
