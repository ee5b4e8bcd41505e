/* reach.h - the configurations a system can reach, numbered as they are found.
 *
 * They are found breadth first, so the way by which one was found first is a
 * shortest one. Everything is kept in pages that never move, one kind of record
 * each:
 *
 *     number          0      1      2      3    ...
 *     configuration [ ..   | ..   | ..   | ..   | ... ]
 *     node          [ from, edges | ...               ]
 *     edges         [ 1, 2 | 3 | 3, 4 | ...           ]
 *
 * and a hash table gives the number of a configuration. The edges of a node are
 * one run, those of one role's steps together and in their order, and end where
 * those of the next one begin. What of this is kept is asked for.
 */
#ifndef MATY_REACH_H
#define MATY_REACH_H

#include "system.h"

/* A growing array that does not move: pages of a power of two of items. */
typedef struct maty__pages {
  MATY__VEC(char *) pages;
  uint32_t count, shift;
  size_t item_size;
} maty__pages_t;

static inline void *maty__pages_at(const maty__pages_t *pages, uint32_t index) {
  return pages->pages.at[index >> pages->shift] +
         (index & (((uint32_t)1 << pages->shift) - 1)) * pages->item_size;
}

typedef struct maty__node {
  uint32_t from; /* where it was found first; the first one's is itself */
  uint32_t first_edge;
} maty__node_t;

/* How far the work has come, for whoever may want to stop it. */
typedef struct maty__pace {
  const maty_config_t *config;
  uint64_t steps, told;
} maty__pace_t;

typedef enum maty__keep {
  MATY__KEEP_NODES,
  MATY__KEEP_EDGES,
  MATY__KEEP_STEPS /* edges, and whose step each is */
} maty__keep;

typedef struct maty__reach {
  const maty__system_t *system;
  maty__pace_t *pace;
  maty__arena_t arena;
  maty__pages_t configurations, nodes, edges;
  maty__pages_t steps; /* by edge: the transition, by its number in the image */
  uint32_t *slots;     /* numbers plus one; 0 is free */
  uint32_t slot_count;
  uint64_t bytes, max_bytes;
  uint32_t max_count;
  maty__keep keep;
  uint64_t transitions; /* followed */
  uint64_t *next;       /* room for one configuration */
} maty__reach_t;

/* Begins with the configuration that all begin in. To be freed whatever comes
 * back. */
maty_status maty__reach_init(maty__reach_t *reach, const maty__system_t *system, uint32_t max_count,
                             maty__keep keep, maty__pace_t *pace);
void maty__reach_free(maty__reach_t *reach);

/* Opens the node of the next configuration in turn, whose edges are added now. */
maty_status maty__reach_open(maty__reach_t *reach, uint32_t number);

/* Follows the moves that "role" can make in configuration "number", and sets
 * *newest to the largest number among where they lead; if it can make none,
 * *newest stays. MATY_ELIMIT: there are too many configurations. */
maty_status maty__reach_follow(maty__reach_t *reach, uint32_t number, uint32_t role,
                               uint32_t *newest);

/* Gives back the table, when nothing is followed any more. */
void maty__reach_close(maty__reach_t *reach);

static inline uint32_t maty__reach_count(const maty__reach_t *reach) {
  return reach->configurations.count;
}

static inline const uint64_t *maty__reach_at(const maty__reach_t *reach, uint32_t number) {
  return maty__pages_at(&reach->configurations, number);
}

static inline const maty__node_t *maty__reach_node(const maty__reach_t *reach, uint32_t number) {
  return maty__pages_at(&reach->nodes, number);
}

static inline uint32_t maty__reach_edge(const maty__reach_t *reach, uint32_t edge) {
  return *(const uint32_t *)maty__pages_at(&reach->edges, edge);
}

/* The transition that an edge is, and the role whose it is. */
static inline uint32_t maty__reach_step(const maty__reach_t *reach, uint32_t edge) {
  return *(const uint32_t *)maty__pages_at(&reach->steps, edge);
}

static inline uint32_t maty__reach_role(const maty__reach_t *reach, uint32_t edge) {
  const maty__move_t *move = &reach->system->moves[maty__reach_step(reach, edge)];
  const maty__queue_t *queue = &reach->system->queues[move->channel];
  return move->sends ? queue->sender : queue->receiver;
}

/* Where a node's edges end. */
static inline uint32_t maty__reach_end(const maty__reach_t *reach, uint32_t number) {
  return number + 1 < reach->nodes.count ? maty__reach_node(reach, number + 1)->first_edge
                                         : reach->edges.count;
}

/* The edges turned round: those into node n are into[n] .. into[n + 1] - 1. */
typedef struct maty__sources {
  uint32_t *into;
  uint32_t *nodes; /* where an edge comes from */
  uint16_t *roles; /* whose step it is */
} maty__sources_t;

/* Of a graph that has kept its steps. */
maty_status maty__sources_init(maty__sources_t *sources, const maty__reach_t *reach,
                               maty__arena_t *arena);

/* Counts steps; MATY_ECANCELED if the caller wants no more. */
maty_status maty__pace(maty__pace_t *pace, uint64_t steps);

#endif /* MATY_REACH_H */
