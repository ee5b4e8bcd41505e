/* explain.h - shows what is wrong with a role's part. */
#ifndef MATY_EXPLAIN_H
#define MATY_EXPLAIN_H

#include "implement.h"

/* Reports the broken condition of the role that is being viewed, with the two
 * shortest runs that the role cannot tell apart. "hears" has been filled in. */
maty_status maty__explain(maty__implement_t *implement);

#endif /* MATY_EXPLAIN_H */
