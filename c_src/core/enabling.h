/* enabling.h - whether a role that acts in a branch can know of the branch.
 *
 * In a branch of a choice only its subject is enabled at first; a role becomes
 * enabled when it receives from one that is. Only an enabled role may send, or
 * be the subject of a choice. Behind a choice those are enabled that were before
 * it, and those that are at the end of every branch that ends. A "continue" goes
 * on in its loop with the roles that are enabled where it stands.
 *
 *     rec X {                        A, B, C
 *       choice at A {                A
 *         m() from A to B;           A, B
 *         n() from B to C;           A, B, C
 *         continue X;                X goes on with them
 *       } or {                       A
 *         n() from B to C;           an error: B is not enabled
 *       }
 *     }
 *
 * These are rules of the Scribble toolchain (Hu and Yoshida, "Hybrid Session
 * Verification through Endpoint API Generation", FASE 2016, section 2.2), and no
 * more than that: a protocol that breaks them may be implementable.
 *
 * Each protocol is looked at once for all of its calls. What a call changes does
 * not depend on what is enabled before it, and what is not enabled where one of
 * the calls stands is an error in the protocol whatever the others say.
 */
#ifndef MATY_ENABLING_H
#define MATY_ENABLING_H

#include "report.h"
#include "tree.h"

/* Looks at a protocol and all that it calls. MATY_EREJECTED: a role is not
 * enabled, and that is reported; or a limit is. */
maty_status maty__enabling_check(maty__check_t *check, const maty__tree_t *tree, uint32_t protocol);

#endif /* MATY_ENABLING_H */
