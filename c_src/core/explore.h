/* explore.h - one exploration: its system, what is reached, what is wrong. */
#ifndef MATY_EXPLORE_H
#define MATY_EXPLORE_H

#include "reach.h"
#include "verdict.h"

typedef struct maty__explore {
  maty__system_t system;
  maty__reach_t reach;
  maty__pace_t *pace;
  maty__arena_t arena;
  maty_verdict_t *verdict;
  const maty_image_t *image;
  maty__map_t reported;   /* kinds of error by role */
  bool *hears_several;    /* by state: waits for messages of several senders */
  maty__map_t takes;      /* by state and message: whether it may be taken later on */
  uint32_t *seen, *ahead; /* of a search through one machine: by state; a queue */
  uint32_t search;        /* its number; "seen" before it is none of its */
  bool *ended, *over;     /* of where nobody can move: by role */
  unsigned how;
  bool excused; /* an error was left out, since a queue was full */
} maty__explore_t;

typedef enum maty__explore_how {
  MATY__EXPLORE_WHOLE = 1,    /* every order of steps */
  MATY__EXPLORE_PROGRESS = 2, /* endless runs as well */
  MATY__EXPLORE_UNFAIR = 4,   /* of those that never choose otherwise, too; wants the one before */
  MATY__EXPLORE_ANY_BOUND = 8 /* only errors that larger queues cannot mend */
} maty__explore_how_t;

/* Explores an image into a new verdict. Whatever comes back, the exploration is
 * to be freed; the verdict is the caller's, and may be NULL. */
maty_status maty__explore_run(maty__explore_t *explore, const maty_image_t *image, uint32_t bound,
                              uint32_t max_states, unsigned how, maty__pace_t *pace);
void maty__explore_free(maty__explore_t *explore);

/* The most configurations that options allow. */
uint32_t maty__explore_max(const maty_explore_options_t *options);

/* Whether no error of a kind was reported of a role so far; and marks it so. */
maty_status maty__explore_first(maty__explore_t *explore, maty_class kind, uint32_t role,
                                bool *first);

/* Whether something wrong is not to be reported, since a queue that keeps a role
 * from sending is "full". */
bool maty__explore_excused(maty__explore_t *explore, bool full);

/* Looks for errors that configuration "number" shows by itself: messages that
 * will never be taken, and roles that all their senders have misled. */
maty_status maty__safety_check(maty__explore_t *explore, uint32_t number, bool *wrong);

/* Tells what is wrong where no role can move and not all have ended. */
maty_status maty__safety_stuck(maty__explore_t *explore, uint32_t number);

/* Looks for roles and messages that wait for ever while others go on. */
maty_status maty__progress_check(maty__explore_t *explore, bool unfair);

/* How roles choose, by state: a transition of the image, or MATY__NONE for the
 * first that can be made. */
typedef const uint32_t *maty__choices_t;

/* Gives the last error the run to configuration "number"; and, unless "choices"
 * is NULL, how it goes on from there for ever, each role in its turn. */
maty_status maty__witness(maty__explore_t *explore, uint32_t number, maty__choices_t choices,
                          const char *ending);

#endif /* MATY_EXPLORE_H */
