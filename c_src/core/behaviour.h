/* behaviour.h - what code does in a session, to be compared with a machine.
 *
 * Whoever can read a program says what it does as a graph in text; the core knows
 * nothing of the program's language. The text is lines of words, one space between
 * two of them:
 *
 *   behaviour 1 SOURCE ROLE       first: the version, the name of the program's text
 *   start NODE                    where a session begins
 *   handler H NAME PLACE          what can be suspended, numbered from 0; it has
 *   on LABEL PEER NODE              where it goes on when it hears this message
 *   perhaps LABEL PEER NODE         the same, if it does not fail on it
 *   resume NODE                     where it goes on when it was held; once at most
 *   clause MARK PLACE               a clause of it, and its mark
 *   nodes COUNT                   then the nodes, one a line, numbered from 0:
 *
 *   go NODE ...                   on to any of these; to none: the way ends here
 *   send PLACE NODE REFUSED ROLE LABEL FIELDS VALUE ...
 *                                 sends, and goes on; REFUSED is where a send that is
 *                                 not allowed leads, if that is caught
 *   call PLACE ENTRY REFUSED RAISED NODE ...
 *                                 does what begins at ENTRY; its exit i leads to NODE
 *                                 i, or the last one
 *   exit I, refused, raised       the ends of what was called
 *   suspend PLACE H               waits with a handler; "-": it is not known which
 *   hold PLACE H                  stands still with a handler, which goes on from there
 *   done PLACE                    the role has come to its end
 *   mark MARK NODE                a clause was chosen
 *   bad PLACE CLASS TEXT NODE     what is wrong wherever the role stands
 *   guess PLACE TEXT NODE         what is not known: from here on nothing is certain
 *   suppose PLACE TEXT NODE       the same, of no interest unless something is wrong then
 *
 * NODE may be "-" where there is none. PLACE is LINE:COLUMN, or with a ^ before it
 * to say that whoever calls is meant. Names and texts are in quotes, with a \ before
 * a quote and a \, and \n for the end of a line. ROLE, LABEL and FIELDS may be "?",
 * unknown; with unknown FIELDS there are no values. A VALUE is what is known of it:
 *
 *   ?  i f n b s u p r m o        anything; an integer, float, number, boolean,
 *                                 binary, UTF-8 text, pid, reference, map, none of all
 *   a  "ok"  =42                  an atom, this atom, this integer
 *   t l  t2 V V  l1 V             a tuple, a list; one of these
 *   T2 V V  M                     a tuple, a map that is no date or time
 *   v2 V V                        one of these, at the head of a field only
 *
 * What always holds of a behaviour that was read: every node, handler and mark that
 * is named exists, and every place is a number.
 */
#ifndef MATY_BEHAVIOUR_H
#define MATY_BEHAVIOUR_H

#include "image.h"
#include "vec.h"

typedef struct maty__code_place {
  uint32_t line, column; /* 0: unknown */
  bool caller;           /* where the caller is, rather */
} maty__code_place_t;

/* One value of a field; what it has in it comes right behind it. */
typedef struct maty__known {
  char kind; /* as above; '"' and '=' for literals */
  uint32_t count;
  const char *atom;
  int64_t integer;
} maty__known_t;

typedef enum maty__node_kind {
  MATY__NODE_GO,
  MATY__NODE_SEND,
  MATY__NODE_CALL,
  MATY__NODE_EXIT,
  MATY__NODE_SUSPEND,
  MATY__NODE_HOLD,
  MATY__NODE_DONE,
  MATY__NODE_MARK,
  MATY__NODE_BAD,
  MATY__NODE_GUESS,
  MATY__NODE_SUPPOSE
} maty__node_kind;

/* Exits that lead to where a call says what is raised goes. */
enum { MATY__EXIT_REFUSED = 0x7ffffffe, MATY__EXIT_RAISED = 0x7fffffff };

typedef struct maty__node {
  maty__node_kind kind;
  maty__code_place_t place;
  uint32_t first, count;    /* nodes to go on at, in "targets" */
  uint32_t refused, raised; /* nodes, or MATY__NONE */
  uint32_t number;          /* entry, exit, handler, mark */
  const char *role, *label; /* of a send; NULL: unknown */
  uint32_t first_value, arity;
  maty_class class_;
  const char *text;
} maty__node_t;

typedef struct maty__on {
  const char *label, *peer;
  uint32_t node;
  bool certain; /* that a clause fits */
} maty__on_t;

typedef struct maty__handler {
  const char *name;
  maty__code_place_t place;
  uint32_t first_on, on_count;
  uint32_t resume; /* a node, or MATY__NONE */
  uint32_t first_clause, clause_count;
} maty__handler_t;

typedef struct maty__clause {
  uint32_t mark;
  maty__code_place_t place;
} maty__clause_t;

typedef struct maty__behaviour {
  const char *source, *role;
  uint32_t start;
  MATY__VEC(maty__handler_t) handlers;
  MATY__VEC(maty__on_t) ons;
  MATY__VEC(maty__clause_t) clauses;
  MATY__VEC(maty__node_t) nodes;
  MATY__VEC(maty__known_t) values;
  maty__u32s_t targets;
} maty__behaviour_t;

/* Reads a text into an arena. MATY_EINVAL: it is none; MATY_ELIMIT: too large. */
maty_status maty__behaviour_read(maty__behaviour_t *behaviour, maty__arena_t *arena,
                                 const char *text, size_t length);

/* Whether a value at "values" can be of the image's type. */
bool maty__known_fits(const maty_image_t *image, const maty__known_t *values, uint32_t type);

/* How many values one takes up with all that is in it. */
uint32_t maty__known_size(const maty__known_t *values);

#endif /* MATY_BEHAVIOUR_H */
