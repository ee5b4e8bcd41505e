/* support.h - what the C tests share: checking a text, and writing what came of
 * it down as one string, so that a test can state it in full. */
#ifndef MATY_TEST_SUPPORT_H
#define MATY_TEST_SUPPORT_H

#include "maty.h"

/* A growing string. Free "at" with free(). */
typedef struct test_text {
  char *at;
  size_t length, capacity;
} test_text_t;

void test_text_add(test_text_t *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is written comes behind the text. */
maty_writer_t test_writer(test_text_t *text);

/* Checks a text named "test.scr" and expects MATY_OK or MATY_EREJECTED. */
maty_module_t *test_check(const char *text);

/* A text that can be imported. */
typedef struct test_module {
  const char *module; /* NULL: the end of a list */
  const char *source; /* the name errors give it */
  const char *text;
} test_module_t;

/* The same in a dialect, with modules to import, or NULL. */
maty_module_t *test_check_in(maty_dialect dialect, const test_module_t *modules, const char *text);

/* All diagnostics of a text, each as
 *     line:column+length error [class] text
 * and its run below; one in a text that is imported has its name first. */
char *test_diagnostics(const char *text);
char *test_module_diagnostics(const maty_module_t *module);

/* Fails the test unless the diagnostics of the text are these, word for word. */
void test_expect(const char *text, const char *diagnostics);

void test_expect_in(maty_dialect dialect, const test_module_t *modules, const char *text,
                    const char *diagnostics);

/* Fails the test unless the text is accepted. */
void test_accept(const char *text);

/* The machines of the first protocol of a text, which has to be accepted:
 *     role A
 *       0 send 1:40: B!m(integer) -> 1
 *       1 final 1:70
 * States count from the first one of the image. */
char *test_machines(const char *text);

void test_expect_machines(const char *text, const char *machines);

/* Reads machines named "test.machines", which have to be good ones. */
maty_module_t *test_read_machines(const char *text);

/* What came of looking at the machines of one source, as
 *     the status
 *     line:column [class] text
 * and the runs below. Frees the verdict. */
char *test_verdict(const char *source, maty_status status, maty_verdict_t *verdict);

/* A protocol made of a seed, of two to four roles, accepted or not. */
char *test_random_protocol(uint64_t seed);

/* The machines of an image as text; of all roles, or of one. */
char *test_write_machines(const maty_image_t *image, uint32_t role, maty_machine_format format);

/* Reads a file of test/protocols. */
char *test_protocols(const char *file);

/* An allocator that counts what is held and fails at one moment. */
typedef struct test_memory {
  size_t calls;   /* that ask for memory */
  size_t fail_at; /* the number of the call that fails, from 1; 0: none */
  bool for_good;  /* all later ones fail as well */
  size_t blocks, bytes;
} test_memory_t;

maty_allocator_t test_allocator(test_memory_t *memory);

/* To let each allocation fail in turn:
 *     test_memory_t memory = {.fail_at = 1};
 *     do {
 *       maty_allocator_t allocator = test_allocator(&memory);
 *       status = ...;
 *     } while (test_failed(&memory, status, expected));
 * Fails the test if anything is still held, and unless the status is MATY_ENOMEM, or the
 * expected one where no allocation failed. Returns whether one did. */
bool test_failed(test_memory_t *memory, maty_status status, maty_status expected);

/* A maty_progress_fn that stops at one call; the context is a test_watch_t. */
typedef struct test_watch {
  uint64_t calls, last;
  uint64_t stop_after; /* the number of the call that stops, from 1; 0: none */
} test_watch_t;

bool test_watch(void *context, uint64_t steps);

#endif /* MATY_TEST_SUPPORT_H */
