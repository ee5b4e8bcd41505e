/* image_text.h - pieces of an image as text. */
#ifndef MATY_IMAGE_TEXT_H
#define MATY_IMAGE_TEXT_H

#include "image.h"
#include "text.h"

/* Adds the payload of a transition with its parentheses: "(amount: number, pid)". */
void maty__text_add_payload(maty__text_t *text, const maty_image_t *image,
                            const maty__transition_t *transition);

#endif /* MATY_IMAGE_TEXT_H */
