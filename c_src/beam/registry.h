/* registry.h - what all ports of the driver share: images and participants.
 *
 * An image is loaded once and goes by a small number. A participant is a
 * process that may take part in sessions; it goes by a token, a number that any
 * process can pass on, because a driver can learn a pid only from the process
 * itself. Both tables are behind one lock, which no step of a session takes.
 */
#ifndef MATY_REGISTRY_H
#define MATY_REGISTRY_H

#include <erl_driver.h>

#include "maty.h"

/* Bits 0 to 27 are an index, the ones above count its uses: a token is never
 * given out twice. A token is a small integer in Erlang. */
typedef uint64_t maty_token_t;

/* The VM's allocator, within the limit on memory. */
maty_allocator_t maty_registry_allocator(void);

/* Its "resize". */
static inline void *maty_memory_resize(void *block, size_t old_size, size_t size) {
  maty_allocator_t allocator = maty_registry_allocator();
  return allocator.resize(allocator.context, block, old_size, size);
}

/* Bytes that all of the driver holds, and may hold; 0 is no limit. What would go
 * beyond it fails, which disturbs nothing that is there. */
uint64_t maty_registry_memory(void);
uint64_t maty_registry_max_memory(void);
void maty_registry_set_max_memory(uint64_t bytes);

#ifdef MATY_FAULTS
/* Lets one allocation fail, the "calls"-th from now on; 0: none. Returns whether the
 * one of the call before has failed. */
bool maty_registry_fail_at(long calls);
#endif

/* Called when the driver is loaded and unloaded. */
bool maty_registry_init(void);
void maty_registry_finish(void);

/* Adds an image, or counts one more use of the same one; takes over the
 * caller's reference. Returns MATY_ENOMEM or MATY_ELIMIT with it released. */
maty_status maty_registry_add_image(maty_image_t *image, uint32_t *number);

/* Gives back one use. */
maty_status maty_registry_drop_image(uint32_t number);

/* Returns a reference of the caller's own, or NULL. */
maty_image_t *maty_registry_image(uint32_t number);

/* Returns the number of an image that is loaded; false if it is not. */
bool maty_registry_number(const maty_image_t *image, uint32_t *number);

/* "process" is what driver_caller gave. A process has one token at a time. */
maty_status maty_registry_add_participant(ErlDrvTermData process, maty_token_t *token);

/* Returns whether the token is of a participant, and which process it is. */
bool maty_registry_participant(maty_token_t token, ErlDrvTermData *process);

/* Forgets a process; its token is void from now on. */
void maty_registry_drop_participant(ErlDrvTermData process);

#endif /* MATY_REGISTRY_H */
