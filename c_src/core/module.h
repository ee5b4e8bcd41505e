/* module.h - the first steps of a check, for whoever wants a text's tree. */
#ifndef MATY_MODULE_H
#define MATY_MODULE_H

#include "report.h"
#include "tree.h"
#include "types.h"

/* Whether a text can be read under this configuration: MATY_EINVAL or MATY_ELIMIT
 * if not. */
maty_status maty__module_accepts(const char *name, const char *text, size_t length,
                                 const maty_config_t *config);

/* Text to tree, and what the names in it mean. What is wrong is reported. The
 * types live in an arena of their own. */
maty_status maty__module_read(maty__check_t *check, const maty_source_t *source,
                              maty__arena_t *types_arena, maty__tree_t *tree, maty__types_t *types);

#endif /* MATY_MODULE_H */
