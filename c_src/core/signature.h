/* signature.h - messages of an image as text. */
#ifndef MATY_SIGNATURE_H
#define MATY_SIGNATURE_H

#include "text.h"

/* Adds a transition's label and payload: "quote(amount: number)". */
maty_status maty__signature(const maty_image_t *image, uint32_t role,
                            const maty_transition_info_t *transition, maty__text_t *text);

#endif /* MATY_SIGNATURE_H */
