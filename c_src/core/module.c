/* module.c - a text and what it imports: from bytes to diagnostics and images.
 *
 * The steps, each in a file of its own:
 *
 *     lex, parse    texts     -> tree
 *     resolve,types tree      -> tree with meanings
 *     enabling      tree      -> whether each role may act where it does
 *     graph         tree      -> nodes and arcs, calls inlined
 *     local         graph     -> a role's machine as it is written
 *     automaton     graph     -> deterministic automaton
 *     view          automaton -> what one role sees of it
 *     implement     view      -> whether the role can play its part
 *     project       view      -> the role's machine
 *     image_build   machines  -> image
 *     explore       image     -> what can go wrong
 *
 * A text of machines takes a shorter way: machines_read text -> image.
 *
 * Arenas: one for what the module shows, which lives as long as it, one for
 * everything on the way there, one for what a single step makes on its own way,
 * and one for the types, which can grow while a protocol is looked at.
 */
#include <string.h>

#include "decide.h"
#include "dialect.h"
#include "limits.h"
#include "machines_read.h"
#include "module.h"
#include "parse.h"
#include "resolve.h"

typedef struct checked_protocol {
  const char *name;
  maty_image_t *image; /* NULL: not accepted */
} checked_protocol_t;

struct maty_module {
  maty__arena_t arena;
  maty__diagnostics_t diagnostics;
  MATY__VEC(checked_protocol_t) protocols;
};

static maty_status add_protocol(maty_module_t *module, const maty__check_t *check,
                                maty__name_t number) {
  const maty__name_text_t *text = &check->names.items.at[number];
  char *name = maty__arena_alloc(&module->arena, (size_t)text->length + 1);
  MATY__NEED(name != NULL);
  memcpy(name, text->at, text->length);
  name[text->length] = '\0';
  MATY__NEED(
      maty__vec_push(&module->arena, &module->protocols, ((checked_protocol_t){.name = name})));
  return MATY_OK;
}

maty_status maty__module_read(maty__check_t *check, const maty_source_t *source,
                              maty__arena_t *types_arena, maty__tree_t *tree,
                              maty__types_t *types) {
  MATY__TRY(maty__check_add(check, source));
  MATY__TRY(maty__parse(check, tree));
  MATY__TRY(maty__resolve(check, tree));
  return maty__types_resolve(check, tree, types_arena, types);
}

/* The protocols of the text that was given; what others have is looked at where it
 * is called: as a part of who calls it, or, if it is nested, by itself. */
static maty_status check_protocols(maty_module_t *module, maty__check_t *check,
                                   const maty__tree_t *tree, maty__types_t *types) {
  const maty__unit_t *unit = &tree->units.at[0];
  const maty__dialect_t *dialect = maty__dialect(check->config->dialect);
  bool needs_parts = dialect->prunes_loops;
  bool judged = !dialect->names_first || maty__report_all_of(check, 0, MATY_CLASS_UNSUPPORTED);
  maty__parts_t parts;
  if (needs_parts)
    MATY__TRY(maty__parts_init(&parts, check, tree));
  /* Now, since a vector that cannot grow is emptied, and these own images. */
  MATY__NEED(maty__vec_reserve(&module->arena, &module->protocols, unit->end_protocol));
  for (uint32_t i = 0; i < tree->protocols.count; i++) {
    const maty__protocol_t *protocol = &tree->protocols.at[i];
    bool own = i < unit->end_protocol;
    maty_image_t *image = NULL;
    if (own ? protocol->aux : !protocol->called)
      continue;
    if (own)
      MATY__TRY(add_protocol(module, check, protocol->path));
    if (!judged)
      continue;
    maty__arena_mark_t mark = maty__arena_mark(check->scratch);
    maty_status status =
        maty__decide(check, tree, types, needs_parts ? &parts : NULL, protocol, &image);
    maty__arena_rewind(check->scratch, mark);
    if (own)
      module->protocols.at[module->protocols.count - 1].image = image;
    else
      maty_image_release(image);
    if (status != MATY_OK && status != MATY_EREJECTED)
      return status;
  }
  return MATY_OK;
}

static maty_status check_machines(maty_module_t *module, maty__check_t *check,
                                  const maty_source_t *source, maty_machine_format format,
                                  maty__arena_t *types_arena) {
  maty__name_t protocol;
  maty_image_t *image;
  MATY__TRY(maty__check_add(check, source));
  maty_status status = maty__machines_read(check, format, types_arena, &protocol, &image);
  if (status != MATY_OK)
    return status == MATY_EREJECTED ? MATY_OK : status;
  status = add_protocol(module, check, protocol);
  if (status == MATY_OK)
    module->protocols.at[0].image = image;
  else
    maty_image_release(image);
  return status;
}

/* "format" is that of a text of machines, NULL for one of protocols. */
static maty_status check_text(maty_module_t *module, maty__check_t *check,
                              const maty_source_t *source, const maty_machine_format *format,
                              maty__arena_t *types_arena) {
  if (format == NULL) {
    maty__tree_t tree;
    maty__types_t types;
    MATY__TRY(maty__module_read(check, source, types_arena, &tree, &types));
    MATY__TRY(check_protocols(module, check, &tree, &types));
  } else {
    MATY__TRY(check_machines(module, check, source, *format, types_arena));
  }
  MATY__TRY(maty__report_sort(check));
  module->diagnostics = check->diagnostics;
  return check->errors > 0 ? MATY_EREJECTED : MATY_OK;
}

maty_status maty__module_accepts(const char *name, const char *text, size_t length,
                                 const maty_config_t *config) {
  if (name == NULL || config == NULL || config->allocator.resize == NULL ||
      (text == NULL && length > 0) || maty_dialect_name(config->dialect) == NULL ||
      (unsigned)config->fairness > MATY_FAIRNESS_UNFAIR)
    return MATY_EINVAL;
  return length > MATY_MAX_SOURCE || strlen(name) > MATY_MAX_SOURCE_NAME ? MATY_ELIMIT : MATY_OK;
}

/* What a check takes for each byte of its text, as a rule. */
enum { SCRATCH_FOR_A_BYTE = 48 };

static maty_status read_text(maty_module_t **out, const char *name, const char *text, size_t length,
                             const maty_machine_format *format, const maty_config_t *config) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  MATY__TRY(maty__module_accepts(name, text, length, config));
  const maty_allocator_t *allocator = &config->allocator;
  maty_module_t *module = allocator->resize(allocator->context, NULL, 0, sizeof *module);
  MATY__NEED(module != NULL);
  *module = (maty_module_t){.protocols = {0}};
  maty__arena_init(&module->arena, allocator);
  maty__arena_t scratch, work, types;
  maty__arena_init(&scratch, allocator);
  maty__arena_init(&work, allocator);
  maty__arena_init(&types, allocator);
  maty__arena_expect(&scratch, SCRATCH_FOR_A_BYTE * length);
  maty__check_t check;
  const maty_source_t source = {.name = name, .text = text == NULL ? "" : text, .length = length};
  maty_status status = maty__check_init(&check, config, &module->arena, &scratch, &work);
  if (status == MATY_OK)
    status = check_text(module, &check, &source, format, &types);
  maty__arena_free(&types);
  maty__arena_free(&work);
  maty__arena_free(&scratch);
  if (status == MATY_OK || status == MATY_EREJECTED)
    *out = module;
  else
    maty_module_free(module);
  return status;
}

maty_status maty_module_check(maty_module_t **out, const char *name, const char *text,
                              size_t length, const maty_config_t *config) {
  return read_text(out, name, text, length, NULL, config);
}

maty_status maty_machines_read(maty_module_t **out, const char *name, const char *text,
                               size_t length, maty_machine_format format,
                               const maty_config_t *config) {
  if (out == NULL)
    return MATY_EINVAL;
  *out = NULL;
  if (config == NULL || (format != MATY_MACHINES_PLAIN && format != MATY_MACHINES_CFSM))
    return MATY_EINVAL;
  maty_config_t own = *config;
  own.dialect = MATY_DIALECT_MATY; /* payloads have its types */
  return read_text(out, name, text, length, &format, &own);
}

void maty_module_free(maty_module_t *module) {
  if (module == NULL)
    return;
  for (uint32_t i = 0; i < module->protocols.count; i++)
    maty_image_release(module->protocols.at[i].image);
  maty_allocator_t allocator = module->arena.allocator;
  maty__arena_free(&module->arena);
  allocator.resize(allocator.context, module, sizeof *module, 0);
}

size_t maty_module_diagnostic_count(const maty_module_t *module) {
  return module->diagnostics.count;
}

const maty_diagnostic_t *maty_module_diagnostic(const maty_module_t *module, size_t index) {
  return index < module->diagnostics.count ? &module->diagnostics.at[index] : NULL;
}

size_t maty_module_protocol_count(const maty_module_t *module) { return module->protocols.count; }

const char *maty_module_protocol_name(const maty_module_t *module, size_t index) {
  return index < module->protocols.count ? module->protocols.at[index].name : NULL;
}

maty_image_t *maty_module_image(const maty_module_t *module, size_t index) {
  return index < module->protocols.count ? module->protocols.at[index].image : NULL;
}
