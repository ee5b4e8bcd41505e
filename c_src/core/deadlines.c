/* deadlines.c - see deadlines.h. */
#include "deadlines.h"

/* The map has no key 0. */
static uint64_t key_of(uint32_t local) { return (uint64_t)local + 1; }

void maty__deadlines_free(maty__deadlines_t *deadlines, const maty_allocator_t *allocator) {
  allocator->resize(allocator->context, deadlines->heap,
                    deadlines->capacity * sizeof *deadlines->heap, 0);
  maty__wordmap_free(&deadlines->places, allocator);
  *deadlines = (maty__deadlines_t){.heap = NULL};
}

size_t maty__deadlines_size(const maty__deadlines_t *deadlines) {
  return deadlines->capacity * sizeof *deadlines->heap +
         deadlines->places.capacity * sizeof(maty__wordmap_entry_t);
}

static void place(maty__deadlines_t *deadlines, maty__deadline_t deadline, uint32_t at) {
  deadlines->heap[at] = deadline;
  *maty__wordmap_at(&deadlines->places, key_of(deadline.local)) = at;
}

/* Moves a deadline to where it belongs, from a place in which it may be too
 * early or too late. */
static void settle(maty__deadlines_t *deadlines, maty__deadline_t deadline, uint32_t at) {
  const maty__deadline_t *heap = deadlines->heap;
  while (at > 0 && heap[(at - 1) / 2].at > deadline.at) {
    place(deadlines, heap[(at - 1) / 2], at);
    at = (at - 1) / 2;
  }
  for (uint32_t child = 2 * at + 1; child < deadlines->count; child = 2 * at + 1) {
    child += child + 1 < deadlines->count && heap[child + 1].at < heap[child].at;
    if (heap[child].at >= deadline.at) {
      break;
    }
    place(deadlines, heap[child], at);
    at = child;
  }
  place(deadlines, deadline, at);
}

maty_status maty__deadlines_set(maty__deadlines_t *deadlines, uint32_t local, uint64_t at,
                                const maty_allocator_t *allocator) {
  uint32_t where;
  if (!maty__wordmap_get(&deadlines->places, key_of(local), &where)) {
    if (deadlines->count == deadlines->capacity) {
      uint32_t capacity = deadlines->capacity == 0 ? 16 : 2 * deadlines->capacity;
      maty__deadline_t *heap =
          allocator->resize(allocator->context, deadlines->heap, deadlines->capacity * sizeof *heap,
                            capacity * sizeof *heap);
      if (heap == NULL) {
        return MATY_ENOMEM;
      }
      deadlines->heap = heap;
      deadlines->capacity = capacity;
    }
    maty_status status =
        maty__wordmap_put(&deadlines->places, key_of(local), deadlines->count, allocator);
    if (status != MATY_OK) {
      return status;
    }
    where = deadlines->count++;
  }
  settle(deadlines, (maty__deadline_t){.at = at, .local = local}, where);
  return MATY_OK;
}

bool maty__deadlines_clear(maty__deadlines_t *deadlines, uint32_t local) {
  uint32_t where;
  if (!maty__wordmap_get(&deadlines->places, key_of(local), &where)) {
    return false;
  }
  maty__wordmap_remove(&deadlines->places, key_of(local));
  maty__deadline_t last = deadlines->heap[--deadlines->count];
  if (where < deadlines->count) {
    settle(deadlines, last, where);
  }
  return true;
}
