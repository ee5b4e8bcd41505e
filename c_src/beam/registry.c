/* registry.c - what all ports of the driver share; see registry.h.
 *
 * Both tables are arrays with a list of free entries through them. They are,
 * with its atoms, the driver's only globals; the driver stays loaded as long as the VM uses it.
 */
#include "registry.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../core/wordmap.h"

enum { TOKEN_INDEX_BITS = 28 };

/* Images of one node. Each is a protocol somebody wrote. */
enum { REGISTRY_MAX_IMAGES = 65536 };

#define NO_ENTRY UINT32_MAX

typedef struct image_entry {
  maty_image_t *image; /* NULL if the entry is free */
  uint32_t uses;       /* of a free entry: the next free one */
} image_entry_t;

typedef struct participant_entry {
  ErlDrvTermData process; /* 0 if the entry is free */
  uint32_t use;
  uint32_t next_free;
} participant_entry_t;

/* Bytes; no step of a session touches them. They are not behind the lock. */
static struct {
  _Atomic uint64_t held, most; /* most 0: no limit */
#ifdef MATY_FAULTS
  _Atomic long fail_at; /* calls to go until one fails; 0: none does */
#endif
} memory;

static struct {
  ErlDrvRWLock *lock;
  maty_allocator_t allocator;
  image_entry_t *images;
  uint32_t image_count, image_capacity, first_free_image;
  participant_entry_t *participants;
  uint32_t participant_count, participant_capacity, first_free_participant;
  maty__wordmap_t index; /* process -> entry */
} registry;

/* Takes so many bytes from what may be held. */
static bool memory_take(size_t size) {
#ifdef MATY_FAULTS
  if (memory.fail_at > 0 && atomic_fetch_sub(&memory.fail_at, 1) == 1) {
    return false;
  }
#endif
  uint64_t held = atomic_fetch_add(&memory.held, size) + size;
  uint64_t most = memory.most;
  if (most == 0 || held <= most) {
    return true;
  }
  atomic_fetch_sub(&memory.held, size);
  return false;
}

/* What grows is counted before, so that the limit holds at every moment. */
static void *registry_resize(void *context, void *block, size_t old_size, size_t size) {
  void *moved = NULL;
  size_t grows = size > old_size ? size - old_size : 0;
  (void)context;
  if (size == 0) {
    driver_free(block);
  } else if (grows == 0 || memory_take(grows)) {
    moved = block == NULL ? driver_alloc(size) : driver_realloc(block, size);
    if (moved == NULL) {
      atomic_fetch_sub(&memory.held, grows);
      return NULL;
    }
  } else {
    return NULL;
  }
  atomic_fetch_sub(&memory.held, old_size - (size - grows));
  return moved;
}

uint64_t maty_registry_memory(void) { return memory.held; }

uint64_t maty_registry_max_memory(void) { return memory.most; }

void maty_registry_set_max_memory(uint64_t bytes) { memory.most = bytes; }

#ifdef MATY_FAULTS
bool maty_registry_fail_at(long calls) { return atomic_exchange(&memory.fail_at, calls) <= 0; }
#endif

maty_allocator_t maty_registry_allocator(void) {
  return (maty_allocator_t){.resize = registry_resize, .context = NULL};
}

bool maty_registry_init(void) {
  memset(&registry, 0, sizeof registry);
  registry.allocator = maty_registry_allocator();
  registry.first_free_image = registry.first_free_participant = NO_ENTRY;
  registry.lock = erl_drv_rwlock_create("maty_registry");
  return registry.lock != NULL;
}

void maty_registry_finish(void) {
  for (uint32_t i = 0; i < registry.image_count; i++) {
    maty_image_release(registry.images[i].image);
  }
  registry_resize(NULL, registry.images, registry.image_capacity * sizeof *registry.images, 0);
  registry_resize(NULL, registry.participants,
                  registry.participant_capacity * sizeof *registry.participants, 0);
  maty__wordmap_free(&registry.index, &registry.allocator);
  erl_drv_rwlock_destroy(registry.lock);
#ifdef MATY_FAULTS
  if (memory.held != 0) {
    abort(); /* a leak; nothing else would show it */
  }
#endif
}

/* Makes room for one more record. */
static bool registry_grow(void **records, uint32_t *capacity, uint32_t count, size_t size) {
  if (count < *capacity) {
    return true;
  }
  uint32_t larger = *capacity == 0 ? 16 : *capacity * 2;
  void *moved = registry_resize(NULL, *records, *capacity * size, larger * size);
  if (moved == NULL) {
    return false;
  }
  *records = moved;
  *capacity = larger;
  return true;
}

/* ----- Images ----- */

static bool image_same(const maty_image_t *left, const maty_image_t *right) {
  size_t left_size, right_size;
  const void *left_block = maty_image_block(left, &left_size);
  const void *right_block = maty_image_block(right, &right_size);
  return left_size == right_size && memcmp(left_block, right_block, left_size) == 0;
}

static maty_status add_image(maty_image_t *image, uint32_t *number) {
  for (uint32_t i = 0; i < registry.image_count; i++) {
    if (registry.images[i].image != NULL && image_same(registry.images[i].image, image)) {
      registry.images[i].uses++;
      maty_image_release(image);
      *number = i;
      return MATY_OK;
    }
  }
  uint32_t index = registry.first_free_image;
  if (index != NO_ENTRY) {
    registry.first_free_image = registry.images[index].uses;
  } else {
    if (registry.image_count == REGISTRY_MAX_IMAGES) {
      return MATY_ELIMIT;
    }
    if (!registry_grow((void **)&registry.images, &registry.image_capacity, registry.image_count,
                       sizeof *registry.images)) {
      return MATY_ENOMEM;
    }
    index = registry.image_count++;
  }
  registry.images[index] = (image_entry_t){.image = image, .uses = 1};
  *number = index;
  return MATY_OK;
}

maty_status maty_registry_add_image(maty_image_t *image, uint32_t *number) {
  erl_drv_rwlock_rwlock(registry.lock);
  maty_status status = add_image(image, number);
  erl_drv_rwlock_rwunlock(registry.lock);
  if (status != MATY_OK) {
    maty_image_release(image);
  }
  return status;
}

maty_status maty_registry_drop_image(uint32_t number) {
  maty_image_t *last = NULL;
  maty_status status = MATY_EINVAL;
  erl_drv_rwlock_rwlock(registry.lock);
  if (number < registry.image_count && registry.images[number].image != NULL) {
    image_entry_t *entry = &registry.images[number];
    status = MATY_OK;
    if (--entry->uses == 0) {
      last = entry->image;
      *entry = (image_entry_t){.image = NULL, .uses = registry.first_free_image};
      registry.first_free_image = number;
    }
  }
  erl_drv_rwlock_rwunlock(registry.lock);
  maty_image_release(last);
  return status;
}

maty_image_t *maty_registry_image(uint32_t number) {
  maty_image_t *image = NULL;
  erl_drv_rwlock_rlock(registry.lock);
  if (number < registry.image_count && registry.images[number].image != NULL) {
    image = maty_image_retain(registry.images[number].image);
  }
  erl_drv_rwlock_runlock(registry.lock);
  return image;
}

bool maty_registry_number(const maty_image_t *image, uint32_t *number) {
  bool found = false;
  erl_drv_rwlock_rlock(registry.lock);
  for (uint32_t i = 0; i < registry.image_count && !found; i++) {
    found = registry.images[i].image == image;
    *number = i;
  }
  erl_drv_rwlock_runlock(registry.lock);
  return found;
}

/* ----- Participants ----- */

static maty_token_t token_of(uint32_t index) {
  return (maty_token_t)registry.participants[index].use << TOKEN_INDEX_BITS | index;
}

static maty_status add_participant(ErlDrvTermData process, maty_token_t *token) {
  uint32_t index;
  if (maty__wordmap_get(&registry.index, process, &index)) {
    *token = token_of(index);
    return MATY_OK;
  }
  index = registry.first_free_participant;
  if (index == NO_ENTRY) {
    if (registry.participant_count == 1u << TOKEN_INDEX_BITS) {
      return MATY_ELIMIT;
    }
    if (!registry_grow((void **)&registry.participants, &registry.participant_capacity,
                       registry.participant_count, sizeof *registry.participants)) {
      return MATY_ENOMEM;
    }
    index = registry.participant_count;
  }
  maty_status status = maty__wordmap_put(&registry.index, process, index, &registry.allocator);
  if (status != MATY_OK) {
    return status;
  }
  participant_entry_t *entry = &registry.participants[index];
  if (index == registry.participant_count) {
    registry.participant_count++;
    *entry = (participant_entry_t){.use = 1};
  } else {
    registry.first_free_participant = entry->next_free;
  }
  entry->process = process;
  *token = token_of(index);
  return MATY_OK;
}

maty_status maty_registry_add_participant(ErlDrvTermData process, maty_token_t *token) {
  erl_drv_rwlock_rwlock(registry.lock);
  maty_status status = add_participant(process, token);
  erl_drv_rwlock_rwunlock(registry.lock);
  return status;
}

bool maty_registry_participant(maty_token_t token, ErlDrvTermData *process) {
  uint32_t index = (uint32_t)token & ((1u << TOKEN_INDEX_BITS) - 1);
  bool found = false;
  erl_drv_rwlock_rlock(registry.lock);
  if (index < registry.participant_count && registry.participants[index].process != 0 &&
      token_of(index) == token) {
    *process = registry.participants[index].process;
    found = true;
  }
  erl_drv_rwlock_runlock(registry.lock);
  return found;
}

void maty_registry_drop_participant(ErlDrvTermData process) {
  uint32_t index;
  erl_drv_rwlock_rwlock(registry.lock);
  if (maty__wordmap_get(&registry.index, process, &index)) {
    participant_entry_t *entry = &registry.participants[index];
    maty__wordmap_remove(&registry.index, process);
    entry->process = 0;
    entry->use = (entry->use + 1) & 0x7fffffff;
    entry->next_free = registry.first_free_participant;
    registry.first_free_participant = index;
  }
  erl_drv_rwlock_rwunlock(registry.lock);
}
