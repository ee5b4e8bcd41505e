/* limits.h - every bound of the core, each with its reason.
 *
 * A bound is met with MATY_ELIMIT or a diagnostic of class "limit" that names
 * it, never with a wrong answer. Each has a test.
 */
#ifndef MATY_LIMITS_H
#define MATY_LIMITS_H

/* Bytes of one source text. Positions inside a text are 32-bit; a larger text
 * is a mistake, not a protocol. */
#define MATY_MAX_SOURCE (64u * 1024u * 1024u)

/* Texts that one text imports, directly or not, and their bytes together. */
#define MATY_MAX_IMPORTS 1000u
#define MATY_MAX_IMPORTED MATY_MAX_SOURCE

/* Bytes of the name a text goes by; it stands in every image. */
#define MATY_MAX_SOURCE_NAME 4096u

/* Bytes of one identifier. Role names and labels become atoms, and Erlang's
 * atoms end at 255 characters. */
#define MATY_MAX_NAME 255u

/* Blocks, types or protocol calls inside one another. Nothing recurses on
 * them; the bound keeps the memory of a hostile text in proportion. */
#define MATY_MAX_DEPTH 100000u

/* Protocols nested in one another: a name is looked for in each of them. */
#define MATY_MAX_NESTED 64u

/* Roles of one protocol: what a handle has bits for. */
#define MATY_MAX_ROLES 4096u

/* Actions (direction, peer, label) of one role: what a command word of the
 * driver has bits for. */
#define MATY_MAX_ACTIONS 4096u

/* States of the global automaton, and of all machines of an image together. */
#define MATY_MAX_STATES 1000000u

/* Statements of one text and what it imports. */
#define MATY_MAX_STATEMENTS 1000000u

/* Roles handed to protocol calls, all calls inlined; with them the types, and the
 * parts of types, that are written anew for what is handed over. */
#define MATY_MAX_CALL_ROLES 8000000u

/* Transitions of the global automaton. */
#define MATY_MAX_TRANSITIONS 4000000u

/* Members of the sets of states that determinising makes; each set may be as
 * large as the automaton. */
#define MATY_MAX_MEMBERS 16000000u

/* Steps that deciding one protocol may take. All of it is polynomial, but not
 * all of it linear. A step that keeps something counts as many as MATY_STEP_KEPT,
 * so that memory is bounded too, to some 200 MB. */
#define MATY_MAX_STEPS 400000000u
#define MATY_STEP_KEPT 100u

/* Types inside one another, and the parts of one written out: a type is judged
 * and printed with a stack of fixed size, and one that shares its parts can be
 * far larger than its declaration. */
#define MATY_MAX_TYPE_DEPTH 64u
#define MATY_MAX_TYPE_PARTS 10000u

/* Milliseconds of a deadline: what OP_DEADLINE of the driver has room for. */
#define MATY_MAX_DEADLINE UINT32_MAX

/* Fields of one payload. */
#define MATY_MAX_FIELDS 255u

/* Keys of one map type: the judge of a payload marks those it has seen in one
 * word. */
#define MATY_MAX_MAP_KEYS 64u

/* Bytes of an image: it is verified in one go when it is loaded. */
#define MATY_MAX_IMAGE (64u * 1024u * 1024u)

/* Blocked sets looked at for one availability question. Only that question can
 * grow exponentially; past the bound the verdict is "limit". */
#define MATY_MAX_AVAILABILITY 100000u

/* Pairs of states visited to find the two shortest runs that show an error, for
 * all errors of one text, and steps from each of them. Past the bounds errors
 * are reported without runs. */
#define MATY_MAX_EXPLAINED 500000u
#define MATY_MAX_EXPLAINED_STEPS 50000000u

/* Configurations found when machines are explored, and the bytes that they, what
 * leads from one to the next, and the table to find them may take. One of them
 * has bits for each role and for each message that a queue can hold. */
#define MATY_MAX_EXPLORED 20000000u
#define MATY_MAX_EXPLORED_BYTES (2048ull * 1024u * 1024u)
#define MATY_MAX_CONFIGURATION 32768u

/* Configurations found when a check explores, which nobody has asked for: about a
 * second. A label that n branches share makes n * n of them. */
#define MATY_MAX_CHECK_EXPLORED 2000000u

/* Configurations visited in the search for choices that, always made alike,
 * leave a role or a message waiting. Only that search can grow exponentially. */
#define MATY_MAX_STRATEGIES 1000000u

/* Messages written down of one run; of a longer one the middle is left out. */
#define MATY_MAX_SHOWN 60u

/* Pairs of a state and what is left of the other machine that subtyping looks at,
 * and actions that may be put off one behind the other. When sends run ahead of
 * receives the question is undecidable: past the bounds it cannot be told. */
#define MATY_MAX_SUBTYPE_PAIRS 100000u
#define MATY_MAX_PUT_OFF 32u

/* Bytes and nodes of a behaviour, and points of it that are looked at: a module of
 * some thousand lines has some thousand nodes. A point's key has 21 bits for a node. */
#define MATY_MAX_BEHAVIOUR (16u * 1024u * 1024u)
#define MATY_MAX_BEHAVIOUR_NODES 1000000u
#define MATY_MAX_BEHAVIOUR_POINTS 2000000u

/* Diagnostics kept for one text. A text with more has one cause. */
#define MATY_MAX_DIAGNOSTICS 100u

#endif /* MATY_LIMITS_H */
