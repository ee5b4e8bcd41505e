/* maty.h - session types: check a protocol, compile it, run its sessions.
 *
 * This is the only public header of the core library. An embedder needs
 * nothing else. The way a protocol takes through it:
 *
 *      text --maty_module_check--> module --maty_module_image--> image
 *                                    |                             |
 *                               diagnostics          maty_space_open, then
 *                                                    maty_endpoint_send /
 *                                                    maty_endpoint_receive
 *
 * A module is what one source text turned out to be: its diagnostics and, for
 * every protocol that can be implemented, an image. An image is one immutable
 * block that holds the machines of all roles; it can be copied, written to
 * disk, sent to another computer of the same byte order, and loaded again. A
 * space holds live sessions. Each message a session's role sends or receives
 * is one call, which checks it and moves the role.
 *
 * Conventions
 *   Errors      are values: every function that can fail returns maty_status.
 *   Ownership   what a function hands out with "const" belongs to the object
 *               it was asked of and lives as long as that.
 *   Threads     an image is shared freely. A module or a space belongs to one
 *               thread at a time; the library takes no locks and has no
 *               globals.
 *   Memory      comes from the allocator passed at construction, and from
 *               nowhere else. Running out of it is MATY_ENOMEM, never an
 *               abort, and leaves the object as it was before the call.
 *   Pointers    are not NULL unless it is said; what frees or releases takes
 *               NULL, and does nothing.
 *   Limits      are in core/limits.h of the sources, each with its reason. What
 *               goes beyond one is MATY_ELIMIT, or an error of class "limit"
 *               that names it.
 */
#ifndef MATY_H
#define MATY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ===== Status ============================================================
 *
 * X(NAME, number, "text"). The numbers are one contiguous range and travel on
 * the wire between the driver and Erlang, so they never change meaning.
 */
#define MATY_STATUS_MAP(X)                                                                         \
  X(OK, 0, "ok")                                                                                   \
  X(ENOMEM, 1, "out of memory")                                                                    \
  X(EINVAL, 2, "invalid argument")                                                                 \
  X(ELIMIT, 3, "a limit of the engine is reached")                                                 \
  X(EREJECTED, 4, "the protocol is not accepted")                                                  \
  X(EIMAGE, 5, "not a protocol image, damaged, or of another version")                             \
  X(ECANCELED, 6, "stopped by the caller")                                                         \
  X(ESTALE, 7, "no such endpoint: it has ended or never was")                                      \
  X(EOWNER, 8, "the endpoint belongs to another process")                                          \
  X(EACTION, 9, "the protocol does not have this message for the role")                            \
  X(EMOMENT, 10, "the protocol does not allow this message now")                                   \
  X(EPAYLOAD, 11, "the payload is not of the declared type")                                       \
  X(EWAIT, 12, "the message is early and has to wait")                                             \
  X(EFORGED, 13, "the message was not sent by the role it names")                                  \
  X(EUNFINISHED, 14, "the role is not at its end")                                                 \
  X(ELOOK, 15, "the payload itself is needed to check it")                                         \
  X(EDEAD, 16, "the participant has ended")                                                        \
  X(ETERM, 17, "not a well-formed external term")                                                  \
  X(EFULL, 18, "too many messages are under way to the role")

typedef enum maty_status {
#define MATY_STATUS_ENUM(name, number, text) MATY_##name = number,
  MATY_STATUS_MAP(MATY_STATUS_ENUM)
#undef MATY_STATUS_ENUM
} maty_status;

/* Returns the text of a status; "unknown status" for anything else. */
const char *maty_status_text(maty_status status);

/* ===== Memory ============================================================ */

/* One function for all of it. "resize" behaves as realloc does, except that
 * size 0 frees and returns NULL. "old_size" is what was asked for before (0
 * for a new block), so an allocator need not keep sizes itself. */
typedef struct maty_allocator {
  void *(*resize)(void *context, void *block, size_t old_size, size_t size);
  void *context;
} maty_allocator_t;

/* The C library's realloc and free. */
maty_allocator_t maty_allocator_default(void);

/* ===== Checking a source text ============================================ */

/* The rules of each are one row of the table in core/dialect.c. */
typedef enum maty_dialect {
  MATY_DIALECT_MATY = 0,     /* Maty's own */
  MATY_DIALECT_SCRIBBLE = 1, /* that of the Scribble toolchain in Java */
  MATY_DIALECT_NUSCR = 2     /* that of nuScr */
} maty_dialect;

/* Returns "maty", "scribble" or "nuscr", or NULL for anything else. */
const char *maty_dialect_name(maty_dialect dialect);

/* Which endless runs count. Under fair choice, a choice that comes again and
 * again takes each of its branches in the end; under unfair choice whoever
 * chooses may take the same branch for ever. */
typedef enum maty_fairness {
  MATY_FAIRNESS_DEFAULT = 0, /* what the dialect says: unfair in scribble, else fair */
  MATY_FAIRNESS_FAIR = 1,
  MATY_FAIRNESS_UNFAIR = 2
} maty_fairness;

typedef enum maty_severity {
  MATY_SEVERITY_ERROR = 0,
  MATY_SEVERITY_NOTE = 1,   /* belongs to the error before it */
  MATY_SEVERITY_WARNING = 2 /* what is not wrong, or not known to be */
} maty_severity;

/* The rule a diagnostic is about: X(NAME, "name as printed in brackets"). */
#define MATY_CLASS_MAP(X)                                                                          \
  X(SYNTAX, "syntax")                                                                              \
  X(DUP_MODULE, "dup-module")                                                                      \
  X(DUP_PROTOCOL, "dup-protocol")                                                                  \
  X(DUP_ROLE, "dup-role")                                                                          \
  X(DUP_TYPE, "dup-type")                                                                          \
  X(DUP_LABEL, "dup-label")                                                                        \
  X(UNBOUND_ROLE, "unbound-role")                                                                  \
  X(UNBOUND_RECVAR, "unbound-recvar")                                                              \
  X(UNBOUND_PROTOCOL, "unbound-protocol")                                                          \
  X(UNBOUND_TYPE, "unbound-type")                                                                  \
  X(ARITY, "arity")                                                                                \
  X(SELF_MESSAGE, "self-message")                                                                  \
  X(UNUSED_ROLE, "unused-role")                                                                    \
  X(UNGUARDED, "unguarded")                                                                        \
  X(UNREACHABLE, "unreachable")                                                                    \
  X(CHOICE_SUBJECT, "choice-subject")                                                              \
  X(CHOICE_SENDER, "choice-sender")                                                                \
  X(ROLE_NOT_ENABLED, "role-not-enabled")                                                          \
  X(NONDET_PAYLOAD, "nondet-payload")                                                              \
  X(SEND_VALIDITY, "send-validity")                                                                \
  X(RECEIVE_VALIDITY, "receive-validity")                                                          \
  X(MIXED_CHOICE, "mixed-choice")                                                                  \
  X(RECEPTION, "reception")                                                                        \
  X(ORPHAN, "orphan")                                                                              \
  X(DEADLOCK, "deadlock")                                                                          \
  X(UNFINISHED, "unfinished")                                                                      \
  X(ROLE_PROGRESS, "role-progress")                                                                \
  X(EVENTUAL_RECEPTION, "eventual-reception")                                                      \
  X(LIMIT, "limit")                                                                                \
  X(UNSUPPORTED, "unsupported")                                                                    \
  X(SUBTYPE, "subtype")                                                                            \
  X(BAD_SEND, "bad-send")                                                                          \
  X(BAD_PAYLOAD, "bad-payload")                                                                    \
  X(BAD_SUSPEND, "bad-suspend")                                                                    \
  X(BAD_DONE, "bad-done")                                                                          \
  X(BAD_RETURN, "bad-return")                                                                      \
  X(NO_HANDLER, "no-handler")                                                                      \
  X(NO_CLAUSE, "no-clause")                                                                        \
  X(DEAD_CLAUSE, "dead-clause")                                                                    \
  X(NO_ROLE, "no-role")                                                                            \
  X(RAW_MESSAGE, "raw-message")                                                                    \
  X(UNKNOWN, "unknown")

typedef enum maty_class {
#define MATY_CLASS_ENUM(name, text) MATY_CLASS_##name,
  MATY_CLASS_MAP(MATY_CLASS_ENUM)
#undef MATY_CLASS_ENUM
      MATY_CLASS_COUNT
} maty_class;

/* Returns the name of a class as it stands in brackets on an error line. */
const char *maty_class_name(maty_class class_);

/* One step of a run. In a run of the conversation as a whole a step is a
 * message; in one of its roles' machines, sending and receiving are two. */
typedef enum maty_step_kind {
  MATY_STEP_MESSAGE = 0,
  MATY_STEP_SEND = 1,
  MATY_STEP_RECEIVE = 2
} maty_step_kind;

typedef struct maty_run_step {
  maty_step_kind kind;
  uint32_t number; /* from 1; where some are left out, the next one's shows it */
  const char *sender, *receiver, *label;
  uint32_t line; /* of the message in the text; 0 if it has none */
} maty_run_step_t;

/* A part of what shows an error: "one run", "the other", "for ever". */
typedef struct maty_run {
  const char *heading; /* one line; "" if it needs none */
  const maty_run_step_t *steps;
  uint32_t step_count;
  const char *ending; /* what comes of it, one line; "" if that is plain */
} maty_run_t;

/* One finding. "text" is one line without a full stop. "run" is NULL or the
 * runs as text, lines ended by '\n': message sequences that show what goes
 * wrong, as short as they come. */
typedef struct maty_diagnostic {
  maty_severity severity;
  maty_class class_;
  const char *source; /* the name of the text it is in */
  uint32_t line;      /* from 1; 0 where no place can be named */
  uint32_t column;    /* from 1, in bytes */
  uint32_t length;    /* of the text that is meant, in bytes; 0 if unknown */
  const char *text;
  const char *run;
  const maty_run_t *runs; /* the same as data */
  uint32_t run_count;
} maty_diagnostic_t;

/* A source text as a callback hands it out; it stays as it is until the call
 * that asked for it returns. */
typedef struct maty_source {
  const char *name; /* what errors call it */
  const char *text;
  size_t length;
} maty_source_t;

/* A module that is to be imported, and where that is said. */
typedef struct maty_import {
  const char *module;      /* "a.b.C" */
  const char *from;        /* the name of the text that imports it */
  const char *from_module; /* what that text's module line says; "" if it has none */
} maty_import_t;

/* Finds the text of a module. Asked once for each. Returns MATY_EINVAL if there is
 * none, and the import is an error; MATY_ENOMEM and MATY_ECANCELED end the check. */
typedef maty_status (*maty_import_fn)(void *context, const maty_import_t *import,
                                      maty_source_t *out);

typedef struct maty_config {
  maty_allocator_t allocator;
  maty_dialect dialect;
  maty_fairness fairness;
  maty_import_fn import; /* NULL: nothing can be imported */
  void *import_context;
  /* Called now and then with the number of steps done so far; returning false
   * stops the check with MATY_ECANCELED. May be NULL. */
  bool (*progress)(void *context, uint64_t steps);
  void *progress_context;
} maty_config_t;

/* The default dialect, the C library's allocator, no imports, no progress. */
maty_config_t maty_config_default(void);

typedef struct maty_module maty_module_t;
typedef struct maty_image maty_image_t;

/* Checks one source text. "name" is what errors call it, a file's name as a
 * rule. The text is UTF-8, need not end in a zero, and may be freed after the
 * call.
 *
 * Returns MATY_OK when every protocol of the text is accepted and
 * MATY_EREJECTED when there is at least one error; both set *out, to be freed
 * with maty_module_free. Any other status leaves *out NULL. */
maty_status maty_module_check(maty_module_t **out, const char *name, const char *text,
                              size_t length, const maty_config_t *config);
void maty_module_free(maty_module_t *module);

/* What was found: errors in the order of their places, the text that was given
 * before those it imports, each with its notes behind it. Each has its class, and
 * a line and a column from 1. That there are more than are kept comes last. */
size_t maty_module_diagnostic_count(const maty_module_t *module);
const maty_diagnostic_t *maty_module_diagnostic(const maty_module_t *module, size_t index);

/* The protocols of the text that are not "aux", in its order; those of imported
 * texts are not among them. One that is nested in P goes by the name P.NAME. */
size_t maty_module_protocol_count(const maty_module_t *module);
const char *maty_module_protocol_name(const maty_module_t *module, size_t index);

/* Returns the image of a protocol, or NULL if it was not accepted. The module
 * keeps its reference; take one of your own with maty_image_retain. */
maty_image_t *maty_module_image(const maty_module_t *module, size_t index);

/* ===== Images ============================================================
 *
 * Everything in an image is found by a small index. State indexes are those of
 * the whole image, so a state tells its role; action indexes count within one
 * role. An action is a message as one role sees it: direction, peer, label.
 */

/* Checks a block and takes a copy of it. Whatever the bytes are, the result is
 * an image that cannot lead a reader outside of it, or MATY_EIMAGE. */
maty_status maty_image_load(maty_image_t **out, const void *block, size_t size,
                            const maty_allocator_t *allocator);
maty_image_t *maty_image_retain(maty_image_t *image);
void maty_image_release(maty_image_t *image);

/* The block itself, for storing and sending. */
const void *maty_image_block(const maty_image_t *image, size_t *size);

typedef enum maty_phase {
  MATY_PHASE_RECEIVE = 0, /* waits: a handler may be suspended here */
  MATY_PHASE_SEND = 1,    /* has to send */
  MATY_PHASE_FINAL = 2    /* is done */
} maty_phase;

typedef enum maty_direction { MATY_DIRECTION_SEND = 0, MATY_DIRECTION_RECEIVE = 1 } maty_direction;

typedef struct maty_role_info {
  const char *name;
  uint32_t initial;     /* state */
  uint32_t first_state; /* the role's states are first_state .. + state_count - 1 */
  uint32_t state_count;
  uint32_t action_count;
  uint32_t line, column; /* where the role is declared */
} maty_role_info_t;

typedef struct maty_state_info {
  maty_phase phase;
  uint32_t transition_count;
  uint32_t deadline;     /* milliseconds that the role waits at most; 0: no deadline */
  uint32_t line, column; /* the statement that the role stands before */
} maty_state_info_t;

typedef struct maty_action_info {
  maty_direction direction;
  uint32_t peer;        /* role */
  uint32_t peer_action; /* the same message as the peer sees it */
  const char *label;
  bool look; /* some payload of it cannot be judged by tags alone */
} maty_action_info_t;

typedef struct maty_transition_info {
  uint32_t action;
  uint32_t target; /* state */
  uint32_t arity;  /* fields of the payload */
  uint32_t first_field;
  uint32_t line, column; /* the message in the source */
} maty_transition_info_t;

const char *maty_image_protocol(const maty_image_t *image);
const char *maty_image_source(const maty_image_t *image); /* the name given to the check */
uint32_t maty_image_role_count(const maty_image_t *image);
uint32_t maty_image_state_count(const maty_image_t *image);
uint32_t maty_image_channel_count(const maty_image_t *image);

/* Each returns MATY_EINVAL for an index that the image does not have. */
maty_status maty_image_role(const maty_image_t *image, uint32_t role, maty_role_info_t *out);
maty_status maty_image_state(const maty_image_t *image, uint32_t state, maty_state_info_t *out);
maty_status maty_image_action(const maty_image_t *image, uint32_t role, uint32_t action,
                              maty_action_info_t *out);
maty_status maty_image_transition(const maty_image_t *image, uint32_t state, uint32_t index,
                                  maty_transition_info_t *out);

/* A field of a payload: its name ("" if it has none) and type. */
maty_status maty_image_field(const maty_image_t *image, uint32_t field, const char **name,
                             uint32_t *type);

/* Writes a type as the language spells it, cut to "size" and always ended by
 * a zero. Returns the length of the whole, as snprintf does. */
size_t maty_image_type_text(const maty_image_t *image, uint32_t type, char *buffer, size_t size);

/* ===== Verdicts ==========================================================
 *
 * What looking at machines comes to. Machines are those of an image, whether it
 * was made of a protocol or read as machines; a verdict tells what is wrong with
 * them and shows it by the shortest run that goes wrong. None is ever "ok"
 * because a bound was reached: that is MATY_ELIMIT.
 */
typedef struct maty_verdict maty_verdict_t;

typedef struct maty_verdict_facts {
  uint32_t bound;       /* messages under way from one role to another, at most */
  uint64_t states;      /* found */
  uint64_t transitions; /* followed */
  uint64_t bytes;       /* of memory the states took */
} maty_verdict_facts_t;

void maty_verdict_free(maty_verdict_t *verdict);
void maty_verdict_facts(const maty_verdict_t *verdict, maty_verdict_facts_t *out);
size_t maty_verdict_diagnostic_count(const maty_verdict_t *verdict);
const maty_diagnostic_t *maty_verdict_diagnostic(const maty_verdict_t *verdict, size_t index);

typedef struct maty_explore_options {
  uint32_t bound;         /* messages under way from one role to another; 0: one */
  uint64_t max_states;    /* 0: the library's own limit, which holds in any case */
  maty_fairness fairness; /* default: fair */
  bool safety_only;       /* leave out what needs endless runs */
  bool whole;             /* look at every order of independent steps */
} maty_explore_options_t;

/* Runs the machines of an image against one another, each ordered pair of roles
 * with a queue of "bound" messages, in every order that can make a difference.
 * Looks for reception errors, orphan messages, deadlocks and roles that never
 * finish; then, on the terminal strongly connected components, for roles that
 * make no progress and messages that are never received (Scalas and Yoshida,
 * "Less is More", POPL 2019; Hu and Yoshida, "Explicit Connection Actions in
 * Multiparty Session Types", FASE 2017).
 *
 * Returns MATY_OK, MATY_EREJECTED, or MATY_ELIMIT when the bound on states was
 * reached and nothing wrong was found before; all three set *out, to be freed.
 * "options" may be NULL. */
maty_status maty_explore(maty_verdict_t **out, const maty_image_t *image,
                         const maty_explore_options_t *options, const maty_config_t *config);

/* Whether the machines are k-multiparty compatible for some k up to "most": safe
 * with queues of k, and whatever they do is done within k (Lange and Yoshida,
 * "Verifying Asynchronous Interactions via Communicating Session Automata", CAV
 * 2019). Machines that are need no protocol to be safe, whatever the size of
 * their queues. The least k is the verdict's bound. Results as above;
 * MATY_ELIMIT too when no k up to "most" will do. */
maty_status maty_compatible(maty_verdict_t **out, const maty_image_t *image, uint32_t most,
                            const maty_explore_options_t *options, const maty_config_t *config);

/* Whether "sub_role"'s machine can stand wherever "super_role"'s is expected,
 * peers and labels compared by name: it sends no more, receives no less, with
 * payloads that fit (Gay and Hole, Acta Informatica 2005), and may do things in
 * another order where nobody can tell (Ghilezan, Pantovic, Prokic, Scalas,
 * Yoshida, "Precise Subtyping for Asynchronous Multiparty Sessions", POPL 2021).
 * That is undecidable, so this is sound and not complete; core/subtype.c says
 * what is decided. MATY_OK: a system that is safe and in which every message is
 * received in the end is safe with the other machine, too. MATY_EREJECTED: the
 * verdict has one error of class "subtype", with the run to what differs.
 * MATY_ELIMIT: it cannot be told, and the verdict has one of class "limit". */
maty_status maty_subtype(maty_verdict_t **out, const maty_image_t *sub, uint32_t sub_role,
                         const maty_image_t *super, uint32_t super_role,
                         const maty_config_t *config);

/* Whether actors of the new version of a protocol can stand in for those of the
 * old one in its sessions, role for role: the machine of each is a subtype of that
 * of the same name. The verdict has an error for each role with which it is not so,
 * or cannot be told; a role that only one version has is one. */
maty_status maty_versions(maty_verdict_t **out, const maty_image_t *next,
                          const maty_image_t *before, const maty_config_t *config);

/* ===== Handlers ==========================================================
 *
 * A program that plays a role, before it is run. What it does is handed over as a
 * behaviour, a text whose notation is in core/behaviour.h of the sources: the sends
 * of its handlers and how each of them ends, as far as its compiler can tell.
 *
 * Everything that can be reached is held against the machine of the role: each send,
 * its payload as far as it is known, a clause for each message that may come, and that
 * a handler suspends where the role waits and is done where it has come to its end.
 * Errors are about the program's text, and notes below them about the protocol's. What
 * follows from something that is not known is no error: that it is not known is a
 * warning of class "unknown", and the rest is left to be checked when it happens.
 */

/* Returns MATY_OK or MATY_EREJECTED, or MATY_ELIMIT when there was too much to look
 * at and nothing wrong was found before; all three set *out, to be freed. Its number
 * of states is that of the points looked at. MATY_EINVAL: the text is no behaviour, or
 * the image has no such role; MATY_ELIMIT without *out: the text is too large. */
maty_status maty_behaviour_check(maty_verdict_t **out, const maty_image_t *image, const char *text,
                                 size_t length, const maty_config_t *config);

/* ===== Machines as text ================================================== */

typedef enum maty_machine_format {
  MATY_MACHINES_PLAIN = 0, /* the notation of docs/machines.md */
  MATY_MACHINES_CFSM = 1   /* ".outputs", ".state graph", as kmc and GMC tools read */
} maty_machine_format;

/* Where text goes, piece by piece; a status other than MATY_OK ends it. */
typedef struct maty_writer {
  maty_status (*write)(void *context, const char *text, size_t length);
  void *context;
} maty_writer_t;

/* Reads a set of machines, one for each role. The module has one protocol, whose
 * image is the set; it is not said that they fit together. Results and errors
 * are those of maty_module_check. */
maty_status maty_machines_read(maty_module_t **out, const char *name, const char *text,
                               size_t length, maty_machine_format format,
                               const maty_config_t *config);

#define MATY_ALL_ROLES UINT32_MAX

/* Writes one role's machine, or those of all roles. One machine can be read again in the
 * plain notation only, which names the other roles. */
maty_status maty_machines_write(const maty_image_t *image, uint32_t role,
                                maty_machine_format format, const maty_allocator_t *allocator,
                                maty_writer_t writer);

/* ===== Pictures, layout, skeletons ======================================= */

typedef enum maty_diagram {
  MATY_DIAGRAM_GRAPHVIZ = 0,        /* states and messages, for dot */
  MATY_DIAGRAM_MERMAID_STATE = 1,   /* the same for Mermaid */
  MATY_DIAGRAM_MERMAID_SEQUENCE = 2 /* lifelines and messages */
} maty_diagram;

/* Draws one role's machine; a sequence is MATY_EINVAL. */
maty_status maty_draw_role(const maty_image_t *image, uint32_t role, maty_diagram diagram,
                           const maty_allocator_t *allocator, maty_writer_t writer);

/* Draws a protocol of a text as a whole, accepted or not. MATY_EREJECTED: its
 * text has errors that leave nothing to draw. MATY_EINVAL: it has no protocol
 * of this name. MATY_ELIMIT: it has endless parts side by side, which are drawn
 * as a sequence only. */
maty_status maty_draw_protocol(const maty_source_t *source, const char *protocol,
                               maty_diagram diagram, const maty_config_t *config,
                               maty_writer_t writer);

/* Draws the runs of a diagnostic as a sequence. */
maty_status maty_draw_runs(const maty_diagnostic_t *diagnostic, maty_writer_t writer);

/* Writes a text in the one layout: comments stay, and what it means does.
 * MATY_EREJECTED: it cannot be read. */
maty_status maty_format(const maty_source_t *source, const maty_config_t *config,
                        maty_writer_t writer);

typedef enum maty_language { MATY_LANGUAGE_ELIXIR = 0, MATY_LANGUAGE_ERLANG = 1 } maty_language;

/* Writes an actor module that plays a role: every handler with a clause for
 * every message, payloads to be filled in. "file" is the path of the protocol's text,
 * seen from the module's own folder, for the module to be checked when it is compiled;
 * NULL if it is not to be. MATY_EINVAL: there is no such role, or "module" is no name of
 * a module: an alias in Elixir, an atom in Erlang. */
maty_status maty_skeleton(const maty_image_t *image, uint32_t role, maty_language language,
                          const char *module, const char *file, const maty_allocator_t *allocator,
                          maty_writer_t writer);

/* ===== Payloads ==========================================================
 *
 * Most payloads can be judged by what kind of value each field is, which the
 * sender's language knows for nothing. Four such tags fit into one word, the
 * first field in the lowest bits. Where the declared type wants more (a
 * string's encoding, the inside of a list) the value itself has to be shown.
 */
typedef enum maty_tag {
  MATY_TAG_NONE = 0, /* no such field */
  MATY_TAG_INTEGER = 1,
  MATY_TAG_FLOAT = 2,
  MATY_TAG_BOOLEAN = 3,
  MATY_TAG_ATOM = 4, /* other than true and false */
  MATY_TAG_BINARY = 5,
  MATY_TAG_PID = 6,
  MATY_TAG_REFERENCE = 7,
  MATY_TAG_TUPLE = 8,
  MATY_TAG_MAP = 9,
  MATY_TAG_LIST = 10,
  MATY_TAG_OTHER = 11
} maty_tag;

enum { MATY_TAG_BITS = 4, MATY_TAG_FIELDS = 4 };

/* How to judge a value that the core does not know the encoding of. Called
 * with the fields the transition declares. "field" is set to the number (from
 * 1) of the first field that does not fit, 0 for the number of fields. */
typedef maty_status (*maty_judge_fn)(void *context, const maty_image_t *image, uint32_t first_field,
                                     uint32_t arity, uint32_t *field);

typedef struct maty_payload {
  uint16_t tags;       /* used when judge is NULL; 0 for a message without fields */
  maty_judge_fn judge; /* shows the value itself */
  void *context;
} maty_payload_t;

/* ===== Sessions ==========================================================
 *
 * A space is a table of sessions. A handle names one endpoint: which session,
 * which of its uses (the generation), which role. A handle whose session has
 * ended is MATY_ESTALE for ever: a generation is never used twice.
 *
 *      bits   58       50             31              12            0
 *            +----------+--------------+---------------+-------------+
 *            |  space   |  generation  |     slot      |    role     |
 *            +----------+--------------+---------------+-------------+
 *                8 bits      19 bits        20 bits        12 bits
 *
 * The session itself goes by the handle of its role 0. An owner is any word
 * other than 0 by which the embedder knows who may move the endpoint.
 *
 * A role that is away (owner 0 at opening) is played in another space, as on
 * another node: what comes from it is judged in full, payload included. What
 * comes from a role at home was judged when it was sent, in this same space, so
 * receiving it asks for the ticket that sending it gave out, and nothing more; no
 * other message has a valid one. In a session with a role that is away a ticket
 * is the number of the message on its channel, from 1, modulo 2^16, so that it
 * means the same in all spaces that have a part of the session.
 *
 * When an endpoint is cancelled, every role at home that waits and can hear from
 * nobody any more fails: it is cancelled too, and its owner is told through
 * maty_failure_fn. A role that does not need the cancelled one goes on (Fowler
 * and Hu, "Speak Now: Safe Actor Programming with Multiparty Session Types",
 * OOPSLA 2026).
 */
typedef uint64_t maty_handle_t;
typedef uint64_t maty_owner_t;
typedef struct maty_space maty_space_t;

enum {
  MATY_HANDLE_ROLE_BITS = 12,
  MATY_HANDLE_SLOT_BITS = 20,
  MATY_HANDLE_GENERATION_BITS = 19,
  MATY_HANDLE_SPACE_BITS = 8
};

typedef struct maty_step {
  maty_phase phase; /* where the role stands after the step */
  uint16_t ticket;  /* of the message sent; hand it to the receiver */
  uint16_t slot;    /* which branch of the state was taken, from 0 */
  uint16_t field;   /* on MATY_EPAYLOAD: which field, from 1; 0 if their number is wrong */
} maty_step_t;

/* "number" becomes the space bits of every handle; "seed" makes tickets hard
 * to guess. */
maty_status maty_space_new(maty_space_t **out, uint32_t number, uint64_t seed,
                           const maty_allocator_t *allocator);
void maty_space_free(maty_space_t *space);

typedef struct maty_space_counters {
  uint64_t sessions_opened, sessions_closed;
  uint64_t sent, received, waited, refused; /* steps by what came of them */
  uint64_t cancelled;                       /* endpoints that ended before their end */
  uint64_t expired;                         /* those of them whose deadline had passed */
  uint64_t overloaded;                      /* messages refused because too many were under way */
  uint64_t endpoints;                       /* live now */
  uint64_t bytes;                           /* of memory held now */
} maty_space_counters_t;

void maty_space_counters(const maty_space_t *space, maty_space_counters_t *out);

/* An owner is enrolled once, before it can own endpoints. Enrolling it again
 * does nothing. */
maty_status maty_space_enrol(maty_space_t *space, maty_owner_t owner);
bool maty_space_enrolled(const maty_space_t *space, maty_owner_t owner);

/* The owner has ended: cancels all its endpoints and forgets it. */
void maty_space_dismiss(maty_space_t *space, maty_owner_t owner);

/* Called when an endpoint has failed and is gone: it waited for role "cause",
 * from which nothing will come, or beyond its deadline, or sent too much. Must not
 * call back into the space. */
#define MATY_CAUSE_DEADLINE UINT32_MAX
#define MATY_CAUSE_OVERLOAD (UINT32_MAX - 1)
typedef void (*maty_failure_fn)(void *context, maty_handle_t handle, maty_owner_t owner,
                                uint32_t cause);
void maty_space_on_failure(maty_space_t *space, maty_failure_fn failure, void *context);

/* What one space tells the others of a session that it has a part of: where a
 * role stands, and what was sent and received on its channels. */
typedef struct maty_channel {
  uint32_t sent, received;
  uint32_t blocked; /* a state of the receiver, plus 1, in which the next message has to wait */
} maty_channel_t;

#define MATY_STATE_DONE UINT32_MAX
#define MATY_STATE_CANCELLED (UINT32_MAX - 1)

typedef struct maty_report {
  maty_handle_t session;
  uint32_t role;
  uint32_t state;         /* of the image, or one of the two above */
  uint32_t live;          /* endpoints of the session that are left in the space it is from */
  uint32_t channel_count; /* those of the image */
  const maty_channel_t *channels; /* only those of the role mean anything */
} maty_report_t;

/* Called for a session with roles that are away: when an endpoint at home has
 * ended; with a bound (see maty_session_bound), when it has received half as many
 * messages from one that is away; and from the first cancelled one on, at home or
 * away, for each of them whenever it has moved. The report is to be handed to all
 * other spaces of the session, in order; it lives as long as the call, which must
 * not call back into the space. */
typedef void (*maty_report_fn)(void *context, const maty_report_t *report);
void maty_space_on_report(maty_space_t *space, maty_report_fn report, void *context);

/* Takes a report of a role that is away; "session" is the session's handle in
 * this space. Reports may be late: messages may come before and after them. One
 * of MATY_STATE_CANCELLED with no channels says that nothing more comes than has
 * come. Who now waits in vain fails. MATY_EINVAL: it is no report of such a role. */
maty_status maty_space_report(maty_space_t *space, const maty_report_t *report);

/* Ends a session of which nobody has been told yet: its endpoints are cancelled,
 * and neither failed nor reported. */
maty_status maty_space_abandon(maty_space_t *space, maty_handle_t handle);

/* Makes room for one more session, unless there is: opening it then needs memory for the
 * session alone. MATY_ENOMEM, MATY_ELIMIT: as it was before. */
maty_status maty_space_reserve(maty_space_t *space);

/* Opens a session; owners[i] owns role i, and 0 says that the role is away. An
 * owner that is not enrolled is MATY_EDEAD. The space takes a reference to the
 * image for as long as the session lives. */
maty_status maty_space_open(maty_space_t *space, maty_image_t *image, const maty_owner_t *owners,
                            maty_handle_t *session);

/* What comes of a message that is one too many on its channel. */
typedef enum maty_overload {
  MATY_OVERLOAD_REFUSE = 0, /* nothing but MATY_EFULL; its sender stands where it stood */
  MATY_OVERLOAD_FAIL = 1    /* its sender fails as well */
} maty_overload;

/* Bounds the messages that are under way from each role of a session to each other
 * one: sent, and not received yet. 0: no bound, as at first. All parts of a session
 * have the same. What a role that is away has received is known from its reports, of
 * which there is one for each half of the bound; so a message to it may be refused
 * when a little more than half as many are under way, and is when as many are. */
maty_status maty_session_bound(maty_space_t *space, maty_handle_t session, uint32_t most,
                               maty_overload overload);

/* Checks that "owner" may send "action" with "payload" now, and moves the
 * endpoint. On any other status than MATY_OK nothing has changed. */
maty_status maty_endpoint_send(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                               uint32_t action, const maty_payload_t *payload, maty_step_t *step);

/* The same for a message that has come in. "payload" is looked at only if its
 * sender is away, and may be NULL until MATY_ELOOK asks for it. MATY_EWAIT: the message is a good
 * one, but others come first; offer it again after the endpoint has moved. */
maty_status maty_endpoint_receive(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                  uint32_t action, uint16_t ticket, const maty_payload_t *payload,
                                  maty_step_t *step);

/* Ends an endpoint that is at a final state (else MATY_EUNFINISHED). The
 * session's memory is given back with its last endpoint. */
maty_status maty_endpoint_close(maty_space_t *space, maty_handle_t handle, maty_owner_t owner);

/* Ends an endpoint wherever it stands; who waits for it fails. */
maty_status maty_endpoint_cancel(maty_space_t *space, maty_handle_t handle, maty_owner_t owner);

/* Sets the moment at which an endpoint that waits fails, unless what it waits
 * for has been sent by then; setting it again moves it. Any step clears it. The
 * unit is the embedder's own. MATY_EMOMENT: the endpoint does not wait. */
maty_status maty_endpoint_deadline(maty_space_t *space, maty_handle_t handle, maty_owner_t owner,
                                   uint64_t at);

/* Fails every endpoint whose deadline is "now" or was before, and who waits for
 * it. Returns whether there are later ones, and the first of them. */
bool maty_space_expire(maty_space_t *space, uint64_t now, uint64_t *next);

typedef struct maty_endpoint_info {
  const maty_image_t *image;
  maty_owner_t owner;
  uint32_t role;
  uint32_t state;
  maty_phase phase;
} maty_endpoint_info_t;

/* Anyone may look. */
maty_status maty_endpoint_info(const maty_space_t *space, maty_handle_t handle,
                               maty_endpoint_info_t *out);

/* Goes through the live sessions: sets *session to the first one whose slot is
 * numbered *cursor or above, and *cursor to the slot behind it. Looks at "slots"
 * slots at most. Returns MATY_EWAIT when it came upon none among them, and
 * MATY_ESTALE when there are no more. Begin with 0. */
maty_status maty_space_next(const maty_space_t *space, uint32_t *cursor, uint32_t slots,
                            maty_handle_t *session, const maty_image_t **image);

#ifdef __cplusplus
}
#endif

#endif /* MATY_H */
