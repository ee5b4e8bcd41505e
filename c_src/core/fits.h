/* fits.h - whether the values of one payload type are all values of another.
 *
 * Types are compared as sets of values, by their structure: integer fits number,
 * a string fits binary, a map with more keys one with fewer. An abstract type
 * fits itself and any. What needs a case distinction inside of a tuple, a list
 * or a map is not seen: {1 | 2} does not fit {1} | {2}. So a yes is always
 * right, and a no may be one of these.
 */
#ifndef MATY_FITS_H
#define MATY_FITS_H

#include "image.h"
#include "vec.h"

/* What was found out about pairs of types, of one image and another. */
typedef struct maty__fits {
  maty__arena_t *arena;
  const maty_image_t *sub, *super;
  maty__map_t known; /* by sub's type, then super's: 0 or 1 */
  uint64_t steps;    /* taken so far */
} maty__fits_t;

void maty__fits_init(maty__fits_t *fits, maty__arena_t *arena, const maty_image_t *sub,
                     const maty_image_t *super);

/* Whether type "sub" of the first image fits type "super" of the second. */
maty_status maty__type_fits(maty__fits_t *fits, uint32_t sub, uint32_t super, bool *answer);

/* The same for payloads, which are runs of fields; their names do not count. */
maty_status maty__payload_fits(maty__fits_t *fits, const maty__transition_t *sub,
                               const maty__transition_t *super, bool *answer);

#endif /* MATY_FITS_H */
