/* project.h - the machines of the roles.
 *
 * A role's machine is the automaton with the other roles' messages erased,
 * determinised and minimised; states with different deadlines stay apart. Its
 * states are numbered breadth first, so equal texts give equal machines.
 */
#ifndef MATY_PROJECT_H
#define MATY_PROJECT_H

#include "view.h"

typedef struct maty__local_move {
  uint32_t message;
  uint32_t target; /* state of the same role, counted from its first */
  uint32_t payload;
  uint32_t at;
} maty__local_move_t;

typedef struct maty__local_state {
  uint32_t first_move, move_count; /* sorted by message */
  maty_phase phase;
  uint32_t deadline; /* of what it waits for the soonest; 0: none has one, or it does not wait */
  uint32_t at;
} maty__local_state_t;

/* The machines of all roles, one behind the other. A role's initial state is
 * its first. */
typedef struct maty__machines {
  maty__u32s_t first_state; /* by role, and one more */
  MATY__VEC(maty__local_state_t) states;
  MATY__VEC(maty__local_move_t) moves;
} maty__machines_t;

/* Adds the machine of the role that is being viewed; the roles come in order.
 * The automaton has to be implementable. */
maty_status maty__project(maty__view_t *view, maty__machines_t *machines);

#endif /* MATY_PROJECT_H */
