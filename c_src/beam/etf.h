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
  MATY_ETF_MAX_STEPS = 100000
};

/* A message: a tuple of its label and its fields. In place of the label may stand a
 * binary, which is whatever the caller takes it for. */
typedef struct maty_etf {
  const uint8_t *label;
  uint32_t label_size;
  uint32_t arity;
  const uint8_t *fields, *end;
  bool hollow;
} maty_etf_t;

/* Reads what Erlang shows of a message, a term in external format. Large binaries
 * need not be shown, as nothing matters but that they are some, unless they are
 * declared to be strings. In a hollow message a bitstring of one bit stands for
 * each that is left out, and no other one has one bit. Returns MATY_ETERM for what
 * does not begin as a message. The bytes are not copied. */
maty_status maty_etf_open(maty_etf_t *etf, const uint8_t *bytes, size_t size, bool hollow);

/* A maty_judge_fn; the context is a maty_etf_t, whose label is not looked at. Besides
 * MATY_OK and MATY_EPAYLOAD it returns MATY_ETERM for bytes that are no term,
 * MATY_ELIMIT past a bound, and MATY_ELOOK when a binary that was left out has to be
 * shown after all. */
maty_status maty_etf_judge(void *context, const maty_image_t *image, uint32_t first_field,
                           uint32_t arity, uint32_t *field);

#endif /* MATY_ETF_H */
