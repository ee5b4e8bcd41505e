/* checker.c - how fast a protocol is checked and compiled, from text to image,
 * and how fast its machines are explored: families that grow with n, each hard in
 * its own way, and a protocol of the size that people write.
 *
 *   ring n      n roles pass one message round for ever
 *   ringstop n  the same, and the first may stop it each round
 *   chain n     n requests and answers in a row between two roles
 *   width n     a choice of n labels, which the third role learns second-hand
 *   nested d    choices nested d deep, where one role learns of none until the end
 *   fan n       a master and n workers, rounds of work until a stop
 *   pairs n     n pairs that have nothing to do with each other
 *   kbuf n      n messages in a row before the answer, for ever
 *
 * Then many small files in one process, and the command as a whole on one, for
 * which priv/maty has to be there.
 */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

/* ----- Text ----- */

typedef struct text {
  char *bytes;
  size_t size, capacity;
} text_t;

__attribute__((format(printf, 2, 3))) static void put(text_t *text, const char *format, ...) {
  for (;;) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = text->capacity - text->size;
    int length = vsnprintf(text->bytes + text->size, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < room) {
      text->size += (size_t)length;
      return;
    }
    text->capacity = text->capacity * 2 + 4096;
    text->bytes = realloc(text->bytes, text->capacity);
    if (text->bytes == NULL) {
      exit(1);
    }
  }
}

/* "A0, role A1, ..." */
static void put_roles(text_t *text, const char *prefix, int n) {
  for (int i = 0; i < n; i++) {
    put(text, "%srole %s%d", i == 0 ? "" : ", ", prefix, i);
  }
}

static void put_round(text_t *text, const char *label, int n) {
  for (int i = 0; i < n; i++) {
    put(text, "    %s() from R%d to R%d;\n", label, i, (i + 1) % n);
  }
}

/* ----- Families ----- */

static void ring(text_t *text, int n) {
  put(text, "global protocol Ring(");
  put_roles(text, "R", n);
  put(text, ") {\n  rec X {\n");
  put_round(text, "m", n);
  put(text, "    continue X;\n  }\n}\n");
}

static void ringstop(text_t *text, int n) {
  put(text, "global protocol RingStop(");
  put_roles(text, "R", n);
  put(text, ") {\n  rec X { choice at R0 {\n");
  put_round(text, "go", n);
  put(text, "    continue X;\n  } or {\n");
  put_round(text, "stop", n);
  put(text, "  } }\n}\n");
}

static void chain(text_t *text, int n) {
  put(text, "global protocol Chain(role A, role B) {\n");
  for (int i = 0; i < n; i++) {
    put(text, "  m%d() from A to B;\n  a%d() from B to A;\n", i, i);
  }
  put(text, "}\n");
}

static void width(text_t *text, int n) {
  put(text, "global protocol Width(role A, role B, role C) {\n  choice at A ");
  for (int i = 0; i < n; i++) {
    put(text, "%s{\n    l%d() from A to B; k%d() from B to C; r%d() from C to A;\n  }",
        i == 0 ? "" : " or ", i, i, i);
  }
  put(text, "\n}\n");
}

/* A branch is a number of "depth" bits below a leading one. */
static void put_tree(text_t *text, int depth, unsigned branch) {
  if (depth == 0) {
    put(text, "e%u() from B to C;\n", branch);
    return;
  }
  put(text, "choice at A { l%u() from A to B; ", 2 * branch);
  put_tree(text, depth - 1, 2 * branch);
  put(text, "} or { l%u() from A to B; ", 2 * branch + 1);
  put_tree(text, depth - 1, 2 * branch + 1);
  put(text, "}\n");
}

static void nested(text_t *text, int n) {
  put(text, "global protocol Nested(role A, role B, role C) {\n");
  put_tree(text, n, 1);
  put(text, "}\n");
}

static void fan(text_t *text, int n) {
  put(text, "global protocol Fan(role M, ");
  put_roles(text, "W", n);
  put(text, ") {\n  rec X { choice at M {\n");
  for (int i = 0; i < n; i++) {
    put(text, "      work() from M to W%d;\n", i);
  }
  for (int i = 0; i < n; i++) {
    put(text, "      done() from W%d to M;\n", i);
  }
  put(text, "      continue X;\n    } or {\n");
  for (int i = 0; i < n; i++) {
    put(text, "      stop() from M to W%d;\n", i);
  }
  put(text, "    } }\n}\n");
}

static void pairs(text_t *text, int n) {
  put(text, "global protocol Pairs(");
  put_roles(text, "A", n);
  put(text, ", ");
  put_roles(text, "B", n);
  put(text, ") {\n");
  for (int i = 0; i < n; i++) {
    put(text, "  m() from A%d to B%d;\n  a() from B%d to A%d;\n", i, i, i, i);
  }
  put(text, "}\n");
}

static void kbuf(text_t *text, int n) {
  put(text, "global protocol KBuf(role A, role B) {\n  rec X {\n");
  for (int i = 0; i < n; i++) {
    put(text, "    m%d() from A to B;\n", i);
  }
  put(text, "    a() from B to A;\n    continue X;\n  }\n}\n");
}

/* A mail transfer: greeting, encryption, a login that may fail, and mails with
 * any number of recipients and lines. */
static void mail(text_t *text, int n) {
  (void)n;
  put(text, "%s",
      "type reply = {200..599, string};\n"
      "type address = string;\n"
      "global protocol Mail(role Client, role Server) {\n"
      "  greeting(reply) from Server to Client;\n"
      "  choice at Client {\n"
      "    ehlo(domain: string) from Client to Server;\n"
      "    capabilities(list(string)) from Server to Client;\n"
      "    choice at Client {\n"
      "      starttls() from Client to Server;\n"
      "      choice at Server {\n"
      "        ready(reply) from Server to Client;\n"
      "        choice at Client {\n"
      "          ehlo(domain: string) from Client to Server;\n"
      "          capabilities(list(string)) from Server to Client;\n"
      "          do Login(Client, Server);\n"
      "        } or {\n"
      "          quit() from Client to Server;\n"
      "          closing(reply) from Server to Client;\n"
      "        }\n"
      "      } or {\n"
      "        unavailable(reply) from Server to Client;\n"
      "        quit() from Client to Server;\n"
      "        closing(reply) from Server to Client;\n"
      "      }\n"
      "    } or {\n"
      "      quit() from Client to Server;\n"
      "      closing(reply) from Server to Client;\n"
      "    }\n"
      "  } or {\n"
      "    quit() from Client to Server;\n"
      "    closing(reply) from Server to Client;\n"
      "  }\n"
      "}\n"
      "aux global protocol Login(role Client, role Server) {\n"
      "  rec Again { choice at Client {\n"
      "    auth(mechanism: string, response: binary) from Client to Server;\n"
      "    choice at Server {\n"
      "      accepted(reply) from Server to Client;\n"
      "      do Mails(Client, Server);\n"
      "    } or {\n"
      "      challenge(binary) from Server to Client;\n"
      "      choice at Client {\n"
      "        response(binary) from Client to Server;\n"
      "        choice at Server {\n"
      "          accepted(reply) from Server to Client;\n"
      "          do Mails(Client, Server);\n"
      "        } or {\n"
      "          refused(reply) from Server to Client;\n"
      "          continue Again;\n"
      "        }\n"
      "      } or {\n"
      "        cancel() from Client to Server;\n"
      "        refused(reply) from Server to Client;\n"
      "        continue Again;\n"
      "      }\n"
      "    } or {\n"
      "      refused(reply) from Server to Client;\n"
      "      continue Again;\n"
      "    }\n"
      "  } or {\n"
      "    quit() from Client to Server;\n"
      "    closing(reply) from Server to Client;\n"
      "  } }\n"
      "}\n"
      "aux global protocol Mails(role Client, role Server) {\n"
      "  rec Next { choice at Client {\n"
      "    mail(sender: address, size: integer) from Client to Server;\n"
      "    choice at Server {\n"
      "      ok(reply) from Server to Client;\n"
      "      rec Recipients { choice at Client {\n"
      "        rcpt(address) from Client to Server;\n"
      "        choice at Server {\n"
      "          ok(reply) from Server to Client;\n"
      "          continue Recipients;\n"
      "        } or {\n"
      "          refused(reply) from Server to Client;\n"
      "          continue Recipients;\n"
      "        }\n"
      "      } or {\n"
      "        data() from Client to Server;\n"
      "        choice at Server {\n"
      "          go_ahead(reply) from Server to Client;\n"
      "          rec Lines { choice at Client {\n"
      "            line(binary) from Client to Server;\n"
      "            continue Lines;\n"
      "          } or {\n"
      "            end() from Client to Server;\n"
      "            choice at Server {\n"
      "              queued(reply, id: string) from Server to Client;\n"
      "              continue Next;\n"
      "            } or {\n"
      "              refused(reply) from Server to Client;\n"
      "              continue Next;\n"
      "            }\n"
      "          } }\n"
      "        } or {\n"
      "          refused(reply) from Server to Client;\n"
      "          continue Next;\n"
      "        }\n"
      "      } or {\n"
      "        reset() from Client to Server;\n"
      "        ok(reply) from Server to Client;\n"
      "        continue Next;\n"
      "      } }\n"
      "    } or {\n"
      "      refused(reply) from Server to Client;\n"
      "      continue Next;\n"
      "    }\n"
      "  } or {\n"
      "    noop() from Client to Server;\n"
      "    ok(reply) from Server to Client;\n"
      "    continue Next;\n"
      "  } or {\n"
      "    quit() from Client to Server;\n"
      "    closing(reply) from Server to Client;\n"
      "  } }\n"
      "}\n");
}

/* ----- Measuring ----- */

typedef struct family {
  const char *name;
  void (*print)(text_t *text, int n);
  int n;
  double aim; /* milliseconds */
} family_t;

static const family_t SUBJECTS[] = {
    {"ring 32", ring, 32, 0},          {"ring 256", ring, 256, 5},
    {"ring 1000", ring, 1000, 0},      {"ringstop 32", ringstop, 32, 0},
    {"chain 1000", chain, 1000, 2},    {"width 128", width, 128, 0},
    {"width 512", width, 512, 5},      {"nested 8", nested, 8, 0},
    {"nested 10", nested, 10, 5},      {"fan 8", fan, 8, 0},
    {"pairs 8", pairs, 8, 0},          {"kbuf 64", kbuf, 64, 0},
    {"a mail transfer", mail, 0, 0.5},
};

/* In the scribble dialect, which explores. */
static const family_t IN_SCRIBBLE[] = {
    {"ring 256", ring, 256, 0},   {"ringstop 32", ringstop, 32, 0}, {"chain 1000", chain, 1000, 0},
    {"width 512", width, 512, 0}, {"nested 10", nested, 10, 0},     {"fan 8", fan, 8, 20},
    {"pairs 8", pairs, 8, 500},
};

typedef struct subject {
  text_t text;
  maty_dialect dialect;
} subject_t;

static maty_status check(const subject_t *subject, maty_module_t **module) {
  maty_config_t config = maty_config_default();
  config.dialect = subject->dialect;
  return maty_module_check(module, "bench", subject->text.bytes, subject->text.size, &config);
}

static void run_check(void *context) {
  maty_module_t *module = NULL;
  (void)check(context, &module);
  maty_module_free(module);
}

/* A benchmark of protocols that are rejected would be fast and say nothing. */
static void require_accepted(const char *name, const subject_t *subject) {
  maty_module_t *module = NULL;
  maty_status status = check(subject, &module);
  if (status == MATY_EREJECTED) {
    const maty_diagnostic_t *first = maty_module_diagnostic(module, 0);
    fprintf(stderr, "%u:%u: %s\n", first->line, first->column, first->text);
  }
  bench_require(status, name);
  maty_module_free(module);
}

/* Takes the text over. */
static void bench_check(const char *name, subject_t *subject, double aim) {
  char row[80];
  require_accepted(name, subject);
  snprintf(row, sizeof row, "check %s", name);
  bench_report(row, bench_time(run_check, subject) * 1e3, "ms", aim);
  free(subject->text.bytes);
}

/* ----- Exploring ----- */

static const struct {
  const char *name;
  void (*print)(text_t *text, int n);
  int n;
  maty_explore_options_t options;
  double aim; /* milliseconds */
} EXPLORED[] = {
    {"pairs 4, whole", pairs, 4, {.whole = true}, 0},
    {"pairs 6, whole", pairs, 6, {.whole = true}, 0},
    {"pairs 8, whole", pairs, 8, {.whole = true}, 500},
    {"pairs 8, unfair", pairs, 8, {.fairness = MATY_FAIRNESS_UNFAIR}, 0},
    {"pairs 8", pairs, 8, {0}, 0},
    {"fan 5, whole", fan, 5, {.whole = true}, 0},
    {"fan 8, whole", fan, 8, {.whole = true}, 20},
    {"fan 8, unfair", fan, 8, {.fairness = MATY_FAIRNESS_UNFAIR}, 0},
    {"fan 8", fan, 8, {0}, 0},
    {"kbuf 64, queues of 64, whole", kbuf, 64, {.bound = 64, .whole = true}, 0},
    {"a mail transfer", mail, 0, {0}, 0},
};

typedef struct exploration {
  const maty_image_t *image;
  const maty_explore_options_t *options;
  maty_verdict_facts_t facts;
  uint32_t compatible; /* the greatest k to try; 0: explore */
} exploration_t;

static void run_explore(void *context) {
  exploration_t *exploration = context;
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict = NULL;
  maty_status status =
      exploration->compatible > 0
          ? maty_compatible(&verdict, exploration->image, exploration->compatible, NULL, &config)
          : maty_explore(&verdict, exploration->image, exploration->options, &config);
  bench_require(status, "exploring");
  maty_verdict_facts(verdict, &exploration->facts);
  maty_verdict_free(verdict);
}

/* Memory is the most that is held at a time, for all that it takes. */
typedef struct meter {
  size_t held, most;
} meter_t;

static void *metered_resize(void *context, void *block, size_t old_size, size_t size) {
  meter_t *meter = context;
  meter->held += size;
  meter->most = meter->held > meter->most ? meter->held : meter->most;
  meter->held -= block == NULL ? 0 : old_size;
  return maty_allocator_default().resize(NULL, block, old_size, size);
}

static double measure_memory(const exploration_t *exploration) {
  meter_t meter = {0};
  maty_config_t config = maty_config_default();
  maty_verdict_t *verdict = NULL;
  config.allocator = (maty_allocator_t){.resize = metered_resize, .context = &meter};
  bench_require(maty_explore(&verdict, exploration->image, exploration->options, &config),
                "exploring");
  maty_verdict_free(verdict);
  return (double)meter.most;
}

static void bench_explore(size_t index) {
  enum { MANY = 10000 }; /* of fewer states the first pages are most of the memory */
  subject_t subject = {.dialect = MATY_DIALECT_MATY};
  maty_module_t *module = NULL;
  char name[80];
  EXPLORED[index].print(&subject.text, EXPLORED[index].n);
  bench_require(check(&subject, &module), EXPLORED[index].name);
  exploration_t exploration = {.image = maty_module_image(module, 0),
                               .options = &EXPLORED[index].options};
  snprintf(name, sizeof name, "explore %s", EXPLORED[index].name);
  double seconds = bench_time(run_explore, &exploration);
  double states = (double)exploration.facts.states;
  bench_report(name, seconds * 1e3, "ms", EXPLORED[index].aim);
  if (states >= MANY) {
    snprintf(name, sizeof name, "explore %s, %.0f states", EXPLORED[index].name, states);
    bench_report(name, states / seconds * 1e-6, "million states/s", 0);
    bench_report(name, measure_memory(&exploration) / states, "bytes/state", 0);
  }
  if (index == sizeof EXPLORED / sizeof EXPLORED[0] - 1) {
    exploration.compatible = 1;
    bench_report("compatible, a mail transfer", bench_time(run_explore, &exploration) * 1e3, "ms",
                 0);
  }
  maty_module_free(module);
  free(subject.text.bytes);
}

/* ----- From the text to the last run ----- */

static void run_everything(void *context) {
  maty_module_t *module = NULL;
  exploration_t exploration = {.options = &EXPLORED[0].options};
  bench_require(check(context, &module), "everything");
  exploration.image = maty_module_image(module, 0);
  run_explore(&exploration);
  maty_module_free(module);
}

/* ----- Small files ----- */

enum { FILES = 120 };

static void run_files(void *context) {
  for (subject_t *subject = context; subject < (subject_t *)context + FILES; subject++) {
    run_check(subject);
  }
}

static void bench_files(void) {
  static void (*const families[])(text_t *, int) = {ring,   ringstop, chain, width,
                                                    nested, fan,      pairs, kbuf};
  subject_t subjects[FILES] = {{.dialect = MATY_DIALECT_MATY}};
  for (int i = 0; i < FILES; i++) {
    int n = 2 + i / 8 % 4;
    if (i % 2 == 1) {
      subjects[i].dialect = MATY_DIALECT_SCRIBBLE;
      put(&subjects[i].text, "module bench;\n");
    }
    families[(i / 2) % 8](&subjects[i].text, n);
    require_accepted("a small file", &subjects[i]);
  }
  bench_report("check 120 small files", bench_time(run_files, subjects) * 1e3, "ms", 0);
  for (int i = 0; i < FILES; i++) {
    free(subjects[i].text.bytes);
  }
}

static void run_command(void *context) {
  extern char **environ;
  char *arguments[] = {"maty", "check", context, NULL};
  posix_spawn_file_actions_t actions;
  pid_t child;
  int status = 1;
  (void)posix_spawn_file_actions_init(&actions);
  (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1 /* O_WRONLY */, 0);
  if (posix_spawn(&child, "priv/maty", &actions, NULL, arguments, environ) == 0) {
    (void)waitpid(child, &status, 0);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  bench_require(status == 0 ? MATY_OK : MATY_EINVAL, "priv/maty check");
}

static void bench_checks(void) {
  for (size_t i = 0; i < sizeof SUBJECTS / sizeof SUBJECTS[0]; i++) {
    subject_t subject = {.dialect = MATY_DIALECT_MATY};
    SUBJECTS[i].print(&subject.text, SUBJECTS[i].n);
    bench_check(SUBJECTS[i].name, &subject, SUBJECTS[i].aim);
  }
  for (size_t i = 0; i < sizeof IN_SCRIBBLE / sizeof IN_SCRIBBLE[0]; i++) {
    char name[64];
    subject_t subject = {.dialect = MATY_DIALECT_SCRIBBLE};
    put(&subject.text, "module bench;\n");
    IN_SCRIBBLE[i].print(&subject.text, IN_SCRIBBLE[i].n);
    snprintf(name, sizeof name, "%s, scribble", IN_SCRIBBLE[i].name);
    bench_check(name, &subject, IN_SCRIBBLE[i].aim);
  }
}

int main(void) {
  bench_header("Checker, from text to image, and explorer");
  bench_checks();
  for (size_t i = 0; i < sizeof EXPLORED / sizeof EXPLORED[0]; i++) {
    bench_explore(i);
  }
  subject_t subject = {.dialect = MATY_DIALECT_MATY};
  mail(&subject.text, 0);
  bench_report("everything, a mail transfer", bench_time(run_everything, &subject) * 1e3, "ms",
               0.5);
  free(subject.text.bytes);
  bench_files();
  bench_report("priv/maty check, the whole process",
               bench_time(run_command, "test/protocols/shop.scr") * 1e3, "ms", 3);
  return 0;
}
