/* machines_read.h - from a text of machines to an image.
 *
 * Both notations are read into a tree (parse_machines.c, machines_cfsm.c): one protocol
 * with the statements MACHINE, STATE and MESSAGE. From there on they are one.
 */
#ifndef MATY_MACHINES_READ_H
#define MATY_MACHINES_READ_H

#include "image_build.h"

/* Reads the tokens of the notation that kmc and GMC tools read. Role names and
 * labels have to be names of the language. Peers that are numbers count the
 * machines from 0. */
maty_status maty__parse_cfsm(maty__check_t *check, maty__tree_t *tree);

/* The one protocol of a tree is the set, and the tree's only unit has it. */
maty_status maty__add_set(maty__check_t *check, maty__tree_t *tree, maty__protocol_t set);

/* Makes the image of a set of machines. "protocol" is set to the name of the
 * set. MATY_EREJECTED: something is wrong, and reported. */
maty_status maty__machines_read(maty__check_t *check, maty_machine_format format,
                                maty__arena_t *types, maty__name_t *protocol, maty_image_t **out);

#endif /* MATY_MACHINES_READ_H */
