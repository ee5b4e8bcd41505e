/* describe.h - writes what C knows as a term that Erlang can read.
 *
 * Names are binaries: no atom is made from what a protocol says. Erlang reads
 * the result with binary_to_term/2 and the option "safe".
 */
#ifndef MATY_DESCRIBE_H
#define MATY_DESCRIBE_H

#include "maty.h"

/* Bytes that grow. On running out of memory "failed" is set, and writing goes
 * on without effect, so that only the end has to be checked. */
typedef struct maty_bytes {
  maty_allocator_t allocator;
  uint8_t *data;
  size_t size, capacity;
  bool failed;
} maty_bytes_t;

void maty_bytes_free(maty_bytes_t *bytes);

/* Adds bytes as they are. */
void maty_bytes_add(maty_bytes_t *bytes, const void *data, size_t size);

/* {Diagnostics, Protocols, Missing}, where
 *
 *   Diagnostic = {Severity, Class, Source, Line, Column, Length, Text, Run, [Part], Sequence}
 *   Part       = {Heading, [{Kind, Number, Sender, Receiver, Label, Line}], Ending}
 *   Protocol   = {Name, Image}; Image is an empty binary if it is not accepted
 *
 * with the numbers of maty.h; texts are binaries. Sequence is the run drawn for
 * Mermaid. Missing are "missing_count" imports that maty_describe_import wrote. */
void maty_describe_module(maty_bytes_t *bytes, const maty_module_t *module,
                          const maty_bytes_t *missing, uint32_t missing_count);

/* {Diagnostics, {Bound, States, Transitions, Bytes}} */
void maty_describe_verdict(maty_bytes_t *bytes, const maty_verdict_t *verdict);

/* A part of a term: {Module, From, FromModule}. */
void maty_describe_import(maty_bytes_t *bytes, const maty_import_t *import);

/* One binary, whose bytes are added between the two calls. */
void maty_describe_text_begin(maty_bytes_t *bytes);
void maty_describe_text_end(maty_bytes_t *bytes);

/* {Protocol, Source, [Role]}, where
 *
 *   Role       = {Name, Line, Column, Initial, FirstState, [Action], [State]}
 *   Action     = {Direction, Peer, PeerAction, Label, Look as 0 | 1}
 *   State      = {Phase, Line, Column, Deadline, [Transition]}
 *   Transition = {Action, Target, Line, Column, [Field]}
 *   Field      = {Name, Type}
 *
 * with the numbers of maty.h; names and types are binaries. */
void maty_describe_image(maty_bytes_t *bytes, const maty_image_t *image);

#endif /* MATY_DESCRIBE_H */
