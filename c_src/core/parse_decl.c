/* parse_decl.c - what stands outside of the bodies of protocols; see parser.h. */
#include "parser.h"

#include <string.h>

#include "limits.h"

/* ===== Modules =========================================================== */

/* The part of a module's name that the file goes by has to be the file's name,
 * where the text is one of a file. */
static maty_status check_file(maty__parser_t *parser, const maty__use_t *module) {
  static const char extension[] = ".scr";
  enum { EXTENSION = sizeof extension - 1 };
  const maty__name_text_t *text = &parser->check->names.items.at[module->name];
  const char *file = parser->check->sources.at[parser->unit].name;
  for (const char *at = file; *at != '\0'; at++)
    if (*at == '/' || *at == '\\')
      file = at + 1;
  size_t length = strlen(file);
  if (length <= EXTENSION || strcmp(file + length - EXTENSION, extension) != 0)
    return MATY_OK;
  length -= EXTENSION;
  uint32_t last = text->length;
  while (last > 0 && text->at[last - 1] != '.')
    last--;
  if (text->length - last == length && memcmp(text->at + last, file, length) == 0)
    return MATY_OK;
  return maty__error(parser->check, MATY_CLASS_SYNTAX, module->at, parser->last_end - module->at,
                     "the module's last name is '%.*s', and the file's is '%.*s'",
                     (int)(text->length - last), text->at + last, (int)length, file);
}

static maty_status read_module(maty__parser_t *parser, maty__use_t *module) {
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_dotted(parser, module, "the module's name"));
  if (parser->dialect->module_line)
    MATY__TRY(check_file(parser, module));
  return maty__take_semicolon(parser, "the module's name");
}

maty_status maty__parse_module_line(maty__parser_t *parser) {
  if (maty__is_word(parser, 0, MATY__WORD_MODULE))
    return read_module(parser, &parser->tree->units.at[parser->unit].name);
  if (!parser->dialect->module_line)
    return MATY_OK;
  /* What follows is read all the same. */
  maty_status status = maty__expected(parser, "'module', the module's name and ';'");
  return status == MATY_EREJECTED ? MATY_OK : status;
}

static maty_status read_import(maty__parser_t *parser) {
  maty__import_t import = {.unit = MATY__NONE};
  MATY__TRY(maty__advance(parser));
  MATY__TRY(maty__take_dotted(parser, &import.module, "a module's name after 'import'"));
  import.visible = import.module;
  if (maty__is_word(parser, 0, MATY__WORD_AS)) {
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take_name(parser, &import.visible, "a name for the module after 'as'"));
  }
  MATY__TRY(maty__take_semicolon(parser, "the import"));
  MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->imports, import));
  return MATY_OK;
}

/* ===== Types and signatures ============================================== */

/* <language> "name there" from "file" as, and the name that is declared. */
static maty_status read_external(maty__parser_t *parser, maty__type_decl_t *decl) {
  MATY__TRY(maty__take(parser, '<', "'<' and a language after the kind of declaration"));
  MATY__TRY(maty__take(parser, MATY__TOKEN_NAME, "a language after '<'"));
  MATY__TRY(maty__take(parser, '>', "'>' after the language"));
  MATY__TRY(maty__take(parser, MATY__TOKEN_STRING, "a name in that language, as a string"));
  MATY__TRY(maty__take_word(parser, MATY__WORD_FROM, "'from' after the string"));
  MATY__TRY(maty__take(parser, MATY__TOKEN_STRING, "where that is, as a string"));
  MATY__TRY(maty__take_word(parser, MATY__WORD_AS, "'as' after the string"));
  MATY__TRY(maty__take_name(parser, &decl->name, "the name to declare after 'as'"));
  decl->broken = false;
  return MATY_OK;
}

static maty_status read_own(maty__parser_t *parser, maty__type_decl_t *decl) {
  uint32_t type;
  MATY__TRY(maty__take_name(parser, &decl->name, "a type's name after 'type'"));
  MATY__TRY(maty__take(parser, '=', "'=' after the type's name"));
  MATY__TRY(maty__parse_type(parser, &type));
  decl->broken = false;
  return MATY_OK;
}

/* One of which at least the name can be read is declared. */
static maty_status read_type_decl(maty__parser_t *parser, maty__value_kind kind) {
  maty__type_decl_t decl = {.kind = kind,
                            .name = {.name = MATY__WORD_EMPTY},
                            .unit = parser->unit,
                            .first_type = parser->tree->types.count,
                            .broken = true};
  bool own = kind == MATY__VALUE_TYPE && parser->dialect->payloads == MATY__PAYLOAD_TYPES &&
             maty__is_word(parser, 0, MATY__WORD_TYPE) && !maty__is(parser, 1, '<');
  parser->broken = false;
  MATY__TRY(maty__advance(parser));
  maty_status status = own ? read_own(parser, &decl) : read_external(parser, &decl);
  if (status == MATY_OK)
    status = maty__take_semicolon(parser, own ? "the type" : "the declaration");
  decl.end_type = parser->tree->types.count;
  decl.broken |= parser->broken;
  if (decl.name.name != MATY__WORD_EMPTY)
    MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->type_decls, decl));
  return status;
}

/* ===== Heads of protocols ================================================ */

/* <type name, sig name>, at the '<' */
static maty_status read_parameters(maty__parser_t *parser, maty__protocol_t *protocol) {
  maty__tree_t *tree = parser->tree;
  MATY__TRY(maty__advance(parser));
  while (!maty__is(parser, 0, '>')) {
    if (protocol->parameter_count > 0)
      MATY__TRY(maty__take(parser, ',', "',' or '>' after the parameter"));
    maty__parameter_t parameter = {.kind = MATY__VALUE_TYPE};
    if (maty__is_word(parser, 0, MATY__WORD_SIG))
      parameter.kind = MATY__VALUE_SIGNATURE;
    else if (!maty__is_word(parser, 0, MATY__WORD_TYPE) &&
             !maty__is_word(parser, 0, MATY__WORD_DATA))
      return maty__expected(parser, "'type' or 'sig' and a parameter");
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take_name(parser, &parameter.name, "a parameter's name"));
    MATY__NEED(maty__vec_push(parser->check->scratch, &tree->parameters, parameter));
    protocol->parameter_count++;
  }
  return maty__advance(parser);
}

/* role A, role B */
static maty_status read_role_list(maty__parser_t *parser, maty__protocol_t *protocol) {
  for (;;) {
    maty__use_t role = {.name = MATY__WORD_EMPTY};
    if (maty__is_word(parser, 0, MATY__WORD_RELIABLE) &&
        maty__is_word(parser, 1, MATY__WORD_ROLE)) {
      MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_RELIABLE));
      MATY__TRY(maty__advance(parser));
    }
    MATY__TRY(maty__take_word(parser, MATY__WORD_ROLE, "'role'"));
    MATY__TRY(maty__take_name(parser, &role, "a role's name after 'role'"));
    if (protocol->role_count == MATY_MAX_ROLES)
      MATY__TRY(maty__parser_limit(parser, role.at,
                                   maty__name_length(&parser->check->names, role.name),
                                   "roles in one protocol", MATY_MAX_ROLES));
    MATY__NEED(maty__vec_push(parser->check->scratch, &parser->tree->uses, role));
    protocol->role_count++;
    if (!maty__is(parser, 0, ','))
      return MATY_OK;
    MATY__TRY(maty__advance(parser));
  }
}

static maty_status read_roles(maty__parser_t *parser, maty__protocol_t *protocol) {
  MATY__TRY(maty__take(parser, '(', "'(' and the roles after the protocol's name"));
  protocol->first_role = parser->tree->uses.count;
  MATY__TRY(read_role_list(parser, protocol));
  if (maty__is(parser, 0, ';')) {
    uint32_t handed = protocol->role_count;
    if (!protocol->nested) {
      parser->broken = true;
      MATY__TRY(maty__error(parser->check, MATY_CLASS_SYNTAX, maty__peek(parser, 0)->at, 1,
                            "only a nested protocol has new roles"));
    }
    MATY__TRY(maty__advance(parser));
    MATY__TRY(maty__take_word(parser, MATY__WORD_NEW, "'new' and more roles after ';'"));
    MATY__TRY(read_role_list(parser, protocol));
    protocol->new_role_count = protocol->role_count - handed;
  }
  return maty__take(parser, ')', "',' or ')' after the role");
}

/* From behind the name to behind the '{'. */
static maty_status read_rest_of_head(maty__parser_t *parser, maty__protocol_t *protocol,
                                     uint32_t *open_at) {
  if (maty__is(parser, 0, '<') && !protocol->nested)
    MATY__TRY(read_parameters(parser, protocol));
  MATY__TRY(read_roles(parser, protocol));
  MATY__TRY(maty__parse_annotation(parser, NULL));
  *open_at = maty__peek(parser, 0)->at;
  return maty__take(parser, '{', "'{' after the roles");
}

static maty_status read_kind(maty__parser_t *parser, maty__protocol_t *protocol) {
  if (protocol->nested) {
    MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_NESTED));
    MATY__TRY(maty__advance(parser));
    return maty__take_word(parser, MATY__WORD_PROTOCOL, "'protocol' after 'nested'");
  }
  if (maty__is_word(parser, 0, MATY__WORD_AUX)) {
    protocol->aux = true;
    MATY__TRY(maty__advance(parser));
  }
  if (maty__is_word(parser, 0, MATY__WORD_EXPLICIT)) {
    MATY__TRY(maty__feature_use_token(parser, MATY__FEATURE_EXPLICIT));
    MATY__TRY(maty__advance(parser));
  }
  if (!maty__is_word(parser, 0, MATY__WORD_GLOBAL))
    return maty__take_word(parser, MATY__WORD_PROTOCOL, "'protocol'");
  MATY__TRY(maty__advance(parser));
  return maty__is_word(parser, 0, MATY__WORD_PROTOCOL) ? maty__advance(parser) : MATY_OK;
}

/* Reads a head and opens its protocol. One whose head cannot be read is still
 * declared, without a body, if its name can: so that those who use it are not
 * told it does not exist. */
static maty_status open_protocol(maty__parser_t *parser, bool nested) {
  maty__tree_t *tree = parser->tree;
  uint32_t depth = parser->protocols.count, open_at = 0;
  maty__open_protocol_t open = {.protocol = tree->protocols.count, .broken = parser->broken};
  maty__protocol_t protocol = {.nested = nested,
                               .unit = parser->unit,
                               .outer = MATY__NONE,
                               .first_role = tree->uses.count,
                               .first_parameter = tree->parameters.count};
  if (depth > 0)
    protocol.outer = parser->protocols.at[depth - 1].protocol;
  if (depth > MATY_MAX_NESTED) {
    MATY__TRY(maty__parser_limit(parser, maty__peek(parser, 0)->at, maty__peek(parser, 0)->length,
                                 "protocols in one another", MATY_MAX_NESTED));
    return MATY_EREJECTED;
  }
  parser->broken = false;
  MATY__TRY(read_kind(parser, &protocol));
  MATY__TRY(maty__take_name(parser, &protocol.name, "the protocol's name"));
  MATY__NEED(maty__vec_push(parser->check->scratch, &tree->protocols, protocol));
  maty_status status = read_rest_of_head(parser, &protocol, &open_at);
  if (status != MATY_OK && status != MATY_EREJECTED)
    return status;
  if (status == MATY_EREJECTED) {
    protocol.headless = protocol.broken = true;
    protocol.first_stmt = tree->stmts.count;
    maty__stmt_t end = {.kind = MATY__STMT_BODY_END, .at = maty__peek(parser, 0)->at};
    MATY__NEED(maty__vec_push(parser->check->scratch, &tree->stmts, end));
    parser->broken = open.broken;
  }
  tree->protocols.at[open.protocol] = protocol;
  open.at = open_at;
  if (status == MATY_OK)
    MATY__NEED(maty__vec_push(parser->check->scratch, &parser->protocols, open));
  return status;
}

/* A protocol, and those that are nested in it, each before what it is nested in. */
static maty_status read_protocol(maty__parser_t *parser, bool nested) {
  parser->protocols.count = 0;
  MATY__TRY(open_protocol(parser, nested));
  while (parser->protocols.count > 0) {
    if (maty__is_word(parser, 0, MATY__WORD_NESTED) &&
        maty__is_word(parser, 1, MATY__WORD_PROTOCOL)) {
      maty_status status = open_protocol(parser, true);
      if (status == MATY_EREJECTED)
        status = maty__skip_statement(parser);
      MATY__TRY(status);
      continue;
    }
    maty__open_protocol_t open = parser->protocols.at[parser->protocols.count - 1];
    maty__protocol_t *protocol = &parser->tree->protocols.at[open.protocol];
    MATY__TRY(maty__parse_body(parser, protocol, open.at));
    protocol->broken = parser->broken;
    parser->broken = open.broken;
    parser->protocols.count--;
  }
  return MATY_OK;
}

/* ===== Declarations ====================================================== */

/* Where the order of declarations counts, imports come before types, and those
 * before protocols. */
enum { ORDER_IMPORT, ORDER_TYPE, ORDER_PROTOCOL };

static maty_status check_order(maty__parser_t *parser, uint32_t order) {
  if (parser->dialect->ordered && order < parser->order)
    return maty__error(parser->check, MATY_CLASS_SYNTAX, maty__peek(parser, 0)->at,
                       maty__peek(parser, 0)->length, "%s",
                       order == ORDER_IMPORT ? "imports come before types and protocols"
                                             : "types come before protocols");
  parser->order = order;
  return MATY_OK;
}

maty_status maty__parse_declaration(maty__parser_t *parser) {
  maty__use_t again = {.name = MATY__WORD_EMPTY};
  if (maty__begins_protocol(parser)) {
    MATY__TRY(check_order(parser, ORDER_PROTOCOL));
    return read_protocol(parser, false);
  }
  if (maty__is(parser, 0, MATY__TOKEN_PRAGMA_BEGIN))
    return maty__expected(parser, "a protocol (a pragma comes before everything else)");
  if (maty__is(parser, 0, '@'))
    return maty__expected(parser, "a protocol (an annotation comes behind its roles)");
  if (!maty__is(parser, 0, MATY__TOKEN_NAME))
    return maty__expected(parser, "a protocol");
  switch (maty__peek(parser, 0)->name) {
  case MATY__WORD_GLOBAL:
  case MATY__WORD_PROTOCOL:
  case MATY__WORD_AUX:
  case MATY__WORD_EXPLICIT:
    return read_protocol(parser, false);
  case MATY__WORD_NESTED:
    MATY__TRY(check_order(parser, ORDER_PROTOCOL));
    return read_protocol(parser, true);
  case MATY__WORD_MODULE:
    MATY__TRY(maty__error(parser->check, MATY_CLASS_DUP_MODULE, maty__peek(parser, 0)->at, 6,
                          "a module line stands once, before everything else"));
    return read_module(parser, &again);
  case MATY__WORD_IMPORT:
    MATY__TRY(check_order(parser, ORDER_IMPORT));
    return read_import(parser);
  case MATY__WORD_TYPE:
  case MATY__WORD_DATA:
    MATY__TRY(check_order(parser, ORDER_TYPE));
    return read_type_decl(parser, MATY__VALUE_TYPE);
  case MATY__WORD_SIG:
    MATY__TRY(check_order(parser, ORDER_TYPE));
    return read_type_decl(parser, MATY__VALUE_SIGNATURE);
  default:
    return maty__expected(parser, "a protocol");
  }
}
