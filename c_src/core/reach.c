/* reach.c - see reach.h. */
#include "reach.h"

#include <string.h>

#include "limits.h"

enum { PAGE_BYTES = 32 * 1024, FIRST_SLOTS = 256, STEPS_BETWEEN = 65536 };

/* ===== Pages ============================================================= */

static void pages_init(maty__pages_t *pages, size_t item_size) {
  *pages = (maty__pages_t){.item_size = item_size};
  while ((item_size << (pages->shift + 1)) <= PAGE_BYTES)
    pages->shift++;
}

/* Returns the next item, not initialised, or NULL. */
static void *pages_add(maty__reach_t *reach, maty__pages_t *pages) {
  if (pages->count >> pages->shift == pages->pages.count) {
    size_t size = pages->item_size << pages->shift;
    char *page = maty__arena_alloc(&reach->arena, size);
    if (page == NULL || !maty__vec_push(&reach->arena, &pages->pages, page))
      return NULL;
    reach->bytes += size;
  }
  return maty__pages_at(pages, pages->count++);
}

/* ===== Finding configurations ============================================ */

/* The finaliser of MurmurHash3, after each word. */
static uint32_t hash(const uint64_t *words, uint32_t count) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < count; i++) {
    hash ^= words[i];
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53u;
    hash ^= hash >> 33;
  }
  return (uint32_t)hash;
}

static bool equal(const uint64_t *one, const uint64_t *other, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (one[i] != other[i])
      return false;
  return true;
}

/* The slot where a configuration stands, or would. */
static uint32_t find_slot(const maty__reach_t *reach, const uint64_t *configuration) {
  uint32_t words = reach->system->words, mask = reach->slot_count - 1;
  uint32_t slot = hash(configuration, words) & mask;
  while (reach->slots[slot] != 0 &&
         !equal(maty__reach_at(reach, reach->slots[slot] - 1), configuration, words))
    slot = (slot + 1) & mask;
  return slot;
}

/* The table doubles when it is five eighths full. */
static bool grow_table(maty__reach_t *reach) {
  const maty_allocator_t *allocator = &reach->arena.allocator;
  uint32_t count = reach->slot_count == 0 ? FIRST_SLOTS : 2 * reach->slot_count;
  size_t size = count * sizeof *reach->slots;
  uint32_t *slots = allocator->resize(allocator->context, NULL, 0, size);
  if (slots == NULL)
    return false;
  memset(slots, 0, size);
  maty__reach_close(reach);
  reach->slots = slots;
  reach->slot_count = count;
  reach->bytes += size;
  for (uint32_t i = 0; i < maty__reach_count(reach); i++) {
    /* They all differ, so none is looked at but the one that is put in. */
    uint32_t slot = hash(maty__reach_at(reach, i), reach->system->words) & (count - 1);
    while (slots[slot] != 0)
      slot = (slot + 1) & (count - 1);
    slots[slot] = i + 1;
  }
  return true;
}

void maty__reach_close(maty__reach_t *reach) {
  const maty_allocator_t *allocator = &reach->arena.allocator;
  size_t size = reach->slot_count * sizeof *reach->slots;
  if (reach->slots != NULL)
    allocator->resize(allocator->context, reach->slots, size, 0);
  reach->bytes -= size;
  reach->slots = NULL;
  reach->slot_count = 0;
}

static maty_status number_of(maty__reach_t *reach, const uint64_t *configuration, uint32_t from,
                             uint32_t *number) {
  uint32_t slot = find_slot(reach, configuration);
  if (reach->slots[slot] != 0) {
    *number = reach->slots[slot] - 1;
    return MATY_OK;
  }
  *number = maty__reach_count(reach);
  if (*number >= reach->max_count || reach->bytes > reach->max_bytes)
    return MATY_ELIMIT;
  void *kept = pages_add(reach, &reach->configurations);
  maty__node_t *node = pages_add(reach, &reach->nodes);
  MATY__NEED(kept != NULL && node != NULL);
  memcpy(kept, configuration, reach->system->words * sizeof *configuration);
  node->from = from;
  node->first_edge = 0;
  reach->slots[slot] = *number + 1;
  if (reach->slot_count / 8 * 5 < *number)
    MATY__NEED(grow_table(reach));
  return MATY_OK;
}

/* ===== Following moves =================================================== */

maty_status maty__reach_init(maty__reach_t *reach, const maty__system_t *system, uint32_t max_count,
                             maty__keep keep, maty__pace_t *pace) {
  uint32_t number;
  *reach = (maty__reach_t){.system = system,
                           .pace = pace,
                           .max_count = max_count,
                           .max_bytes = MATY_MAX_EXPLORED_BYTES,
                           .keep = keep};
  maty__arena_init(&reach->arena, &pace->config->allocator);
  pages_init(&reach->configurations, system->words * sizeof(uint64_t));
  pages_init(&reach->nodes, sizeof(maty__node_t));
  pages_init(&reach->edges, sizeof(uint32_t));
  pages_init(&reach->steps, sizeof(uint32_t));
  reach->next = maty__array(&reach->arena, uint64_t, system->words);
  MATY__NEED(reach->next != NULL && grow_table(reach));
  maty__system_begin(system, reach->next);
  return number_of(reach, reach->next, 0, &number);
}

void maty__reach_free(maty__reach_t *reach) {
  maty__reach_close(reach);
  maty__arena_free(&reach->arena);
}

maty_status maty__reach_open(maty__reach_t *reach, uint32_t number) {
  maty__node_t *node = maty__pages_at(&reach->nodes, number);
  node->first_edge = reach->edges.count;
  return maty__pace(reach->pace, reach->system->role_count);
}

static maty_status keep_edge(maty__reach_t *reach, uint32_t to, uint32_t transition) {
  if (reach->edges.count == MATY__NONE - 1)
    return MATY_ELIMIT;
  uint32_t *edge = pages_add(reach, &reach->edges);
  MATY__NEED(edge != NULL);
  *edge = to;
  if (reach->keep != MATY__KEEP_STEPS)
    return MATY_OK;
  uint32_t *step = pages_add(reach, &reach->steps);
  MATY__NEED(step != NULL);
  *step = transition;
  return MATY_OK;
}

maty_status maty__reach_follow(maty__reach_t *reach, uint32_t number, uint32_t role,
                               uint32_t *newest) {
  const maty__system_t *system = reach->system;
  const uint64_t *configuration = maty__reach_at(reach, number);
  const maty__state_t *state =
      &system->image->states[maty__system_state(system, configuration, role)];
  for (uint32_t i = 0; i < state->transition_count; i++) {
    const maty__move_t *move = &system->moves[state->first_transition + i];
    uint32_t to;
    if (!maty__system_can(system, configuration, move))
      continue;
    maty__system_make(system, configuration, role, move, reach->next);
    MATY__TRY(number_of(reach, reach->next, number, &to));
    reach->transitions++;
    if (*newest == MATY__NONE || to > *newest)
      *newest = to;
    if (reach->keep != MATY__KEEP_NODES)
      MATY__TRY(keep_edge(reach, to, state->first_transition + i));
  }
  return maty__pace(reach->pace, state->transition_count);
}

/* ===== Edges turned round ================================================ */

maty_status maty__sources_init(maty__sources_t *sources, const maty__reach_t *reach,
                               maty__arena_t *arena) {
  uint32_t count = maty__reach_count(reach);
  sources->into = maty__zarray(arena, uint32_t, (size_t)count + 2);
  sources->nodes = maty__array(arena, uint32_t, reach->edges.count);
  sources->roles = maty__array(arena, uint16_t, reach->edges.count);
  MATY__NEED(sources->into != NULL && sources->nodes != NULL && sources->roles != NULL);
  for (uint32_t i = 0; i < reach->edges.count; i++)
    sources->into[maty__reach_edge(reach, i) + 2]++;
  for (uint32_t i = 0; i < count; i++)
    sources->into[i + 1] += sources->into[i];
  for (uint32_t node = 0; node < count; node++)
    for (uint32_t edge = maty__reach_node(reach, node)->first_edge;
         edge < maty__reach_end(reach, node); edge++) {
      uint32_t at = sources->into[maty__reach_edge(reach, edge) + 1]++;
      sources->nodes[at] = node;
      sources->roles[at] = (uint16_t)maty__reach_role(reach, edge);
    }
  return maty__pace(reach->pace, reach->edges.count);
}

maty_status maty__pace(maty__pace_t *pace, uint64_t steps) {
  const maty_config_t *config = pace->config;
  pace->steps += steps;
  if (pace->steps - pace->told < STEPS_BETWEEN)
    return MATY_OK;
  pace->told = pace->steps;
  return config->progress == NULL || config->progress(config->progress_context, pace->steps)
             ? MATY_OK
             : MATY_ECANCELED;
}
