/* etf.h - judges a payload in Erlang's external term format.
 *
 * The bytes may be hostile: the decoder is bounded by their length, by a depth
 * and by a number of steps, does not recurse, allocates nothing, and copies
 * nothing. The format is described in the ERTS User's Guide, "External Term
 * Format".
 */
#ifndef MATY_ETF_H
#define MATY_ETF_H

#include "maty.h"

enum {
  /* Terms inside one another. A declared type is rarely deeper than ten; the
   * bound keeps the decoder's stack small. */
  MATY_ETF_MAX_DEPTH = 256,

  /* Terms looked at, alternatives of unions included; of integers in a list and
   * of bytes in a string, which are quicker, every eighth and every sixteenth.
   * Some hundred microseconds of a scheduler's time. */
  MATY_ETF_MAX_STEPS = 100000,

  /* Binaries left out of one message. */
  MATY_ETF_MAX_GAPS = 64
};

/* Large binaries need not be shown: only their length matters, unless they are
 * declared to be strings. A gap says that the "length" bytes of a binary are
 * left out at this offset of the bytes shown. */
typedef struct maty_etf_gap {
  uint32_t offset;
  uint32_t length;
} maty_etf_gap_t;

typedef struct maty_etf {
  const uint8_t *bytes;
  size_t size;
  maty_etf_gap_t gaps[MATY_ETF_MAX_GAPS];
  uint32_t gap_count;
} maty_etf_t;

/* Reads what Erlang shows of a message: either a term in external format, or
 *
 *      0, gap count (16 bits), gaps (offset and length, 32 bits each), term
 *
 * all big-endian. Returns MATY_ETERM if it is neither, MATY_ELIMIT for too many
 * gaps. The bytes are not copied. */
maty_status maty_etf_open(maty_etf_t *etf, const uint8_t *bytes, size_t size);

/* A maty_judge_fn; the context is a maty_etf_t of the whole message, the tuple
 * of label and fields. Besides MATY_OK and MATY_EPAYLOAD it returns MATY_ETERM
 * for bytes that are no term, MATY_ELIMIT past a bound, and MATY_ELOOK when a
 * binary that was left out has to be shown after all. */
maty_status maty_etf_judge(void *context, const maty_image_t *image, uint32_t first_field,
                           uint32_t arity, uint32_t *field);

#endif /* MATY_ETF_H */
