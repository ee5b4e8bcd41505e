/* format.h - messages of a text as it has them, in the one layout. */
#ifndef MATY_FORMAT_H
#define MATY_FORMAT_H

#include "report.h"

/* Adds label and payload of the message that stands at "at": "m(x: integer)". */
maty_status maty__format_message(maty__check_t *check, uint32_t at, maty__text_t *text);

#endif /* MATY_FORMAT_H */
