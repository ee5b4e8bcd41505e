/* decide.h - whether one protocol of a text is accepted, and its image.
 *
 * The steps, in this order, each where the dialect has it: enabling, the graph,
 * the roles' parts as they are written explored, automaton, implementability,
 * machines, image, and the image explored if whoever chooses may be unfair.
 */
#ifndef MATY_DECIDE_H
#define MATY_DECIDE_H

#include "parts.h"
#include "types.h"

/* Sets *image, which is the caller's. MATY_EREJECTED: the protocol is not
 * accepted, and why is reported. "parts" is NULL unless the dialect prunes
 * loops. */
maty_status maty__decide(maty__check_t *check, const maty__tree_t *tree, maty__types_t *types,
                         maty__parts_t *parts, const maty__protocol_t *protocol,
                         maty_image_t **image);

#endif /* MATY_DECIDE_H */
