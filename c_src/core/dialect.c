/* dialect.c - see dialect.h. */
#include "dialect.h"

static const maty__dialect_t dialects[] = {
    [MATY_DIALECT_MATY] = {.name = "maty",
                           .payloads = MATY__PAYLOAD_TYPES,
                           .labels = MATY__LABEL_DETERMINISED,
                           .choice = MATY_FAIRNESS_FAIR},
    [MATY_DIALECT_SCRIBBLE] = {.name = "scribble",
                               .payloads = MATY__PAYLOAD_DECLARED,
                               .labels = MATY__LABEL_SAME_PAYLOAD,
                               .module_line = true,
                               .ordered = true,
                               .names_first = true,
                               .bare_signatures = true,
                               .prunes_loops = true,
                               .last_continue = true,
                               .passes_loops = true,
                               .enabling = true,
                               .explored = true,
                               .choice = MATY_FAIRNESS_UNFAIR},
    [MATY_DIALECT_NUSCR] = {.name = "nuscr",
                            .payloads = MATY__PAYLOAD_FREE,
                            .labels = MATY__LABEL_FORBIDDEN,
                            .ordered = true,
                            .names_first = true,
                            .unused_roles = true,
                            .loops_differ = true,
                            .one_receiver = true,
                            .choice = MATY_FAIRNESS_FAIR},
};

const maty__dialect_t *maty__dialect(maty_dialect dialect) { return &dialects[dialect]; }

const char *maty_dialect_name(maty_dialect dialect) {
  return (size_t)dialect < sizeof dialects / sizeof *dialects ? dialects[dialect].name : NULL;
}
