/* parse.h - from tokens to the tree.
 *
 * One parser reads the grammar of all dialects; a table of features says which
 * of them has what. What the dialect does not have is an error of syntax, what it
 * has and Maty gives no meaning is "unsupported"; either makes its protocol
 * broken, and is read to its end all the same.
 */
#ifndef MATY_PARSE_H
#define MATY_PARSE_H

#include "report.h"
#include "tree.h"

/* Reads the check's first text, then what it imports, each text once and behind
 * the last one. Errors are reported, and reading goes on at the next
 * statement. The tree lives in check->scratch. Returns MATY_OK, MATY_ENOMEM or
 * MATY_ECANCELED. */
maty_status maty__parse(maty__check_t *check, maty__tree_t *tree);

/* The same for a set of machines in the notation of docs/machines.md. The tree
 * has one protocol, which is the set. */
maty_status maty__parse_machines(maty__check_t *check, maty__tree_t *tree);

#endif /* MATY_PARSE_H */
