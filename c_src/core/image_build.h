/* image_build.h - from machines to an image. */
#ifndef MATY_IMAGE_BUILD_H
#define MATY_IMAGE_BUILD_H

#include "image.h"
#include "project.h"

/* What an image is made of. The machines may be projections of a protocol, or
 * what a text of machines says: the builder does not ask. Messages are numbered
 * in the order in which each role's actions are to be. */
typedef struct maty__image_parts {
  const maty__use_t *protocol; /* its name */
  const maty__use_t *roles;
  uint32_t role_count;
  const maty__message_t *messages;
  uint32_t message_count;
  const maty__machines_t *machines;
  const maty__types_t *types;
  const char *source; /* the name of the text */
} maty__image_parts_t;

/* Makes an image. MATY_EREJECTED: a limit of images is reached, and reported. */
maty_status maty__image_build(maty__check_t *check, const maty__image_parts_t *parts,
                              maty_image_t **out);

/* Returns an image with one reference and room for a block of "size" bytes,
 * aligned and not filled yet; NULL out of memory. */
maty_image_t *maty__image_alloc(uint32_t size, const maty_allocator_t *allocator, char **block);

/* Sets the pointers of an image into its block, whose header is right. */
void maty__image_point(maty_image_t *image, const char *block);

/* The hash that belongs into the header of a block: FNV-1a taken by 64-bit words,
 * the high half of each product folded into the low one. It finds damage, and is
 * no signature. */
uint64_t maty__image_hash(const char *block, uint32_t size);

#endif /* MATY_IMAGE_BUILD_H */
