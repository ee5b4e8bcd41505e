/* embed.c - Maty in a C program, without Erlang.
 *
 * Checks a protocol, shows what the checker says of a bad one, explores the
 * machines of a good one, and runs a session whose every step is checked. All
 * memory comes from an allocator of the program's own, which has a limit.
 *
 *     make install PREFIX=/usr/local
 *     cc embed.c $(pkg-config --cflags --libs maty)
 */
#include <maty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char good[] = "global protocol Quote(role Buyer, role Seller) {\n"
                           "  title(string) from Buyer to Seller;\n"
                           "  quote(price: 1..1000) from Seller to Buyer;\n"
                           "}\n";

static const char bad[] = "global protocol Ends(role A, role B, role C) {\n"
                          "  choice at A {\n"
                          "    go() from A to B;\n"
                          "    tell() from B to C;\n"
                          "  } or {\n"
                          "    stop() from A to B;\n"
                          "  }\n"
                          "}\n";

/* ----- Memory: counted, and no more than the limit ----- */

typedef struct budget {
  size_t used, limit;
} budget_t;

static void *budget_resize(void *context, void *block, size_t old_size, size_t size) {
  budget_t *budget = context;
  if (size == 0) {
    free(block);
    budget->used -= old_size;
    return NULL;
  }
  if (size > old_size && size - old_size > budget->limit - budget->used) {
    return NULL;
  }
  void *moved = realloc(block, size);
  if (moved != NULL) {
    budget->used = budget->used - old_size + size;
  }
  return moved;
}

/* ----- Checking ----- */

/* Called now and then; false would stop the check with MATY_ECANCELED. */
static bool go_on(void *context, uint64_t steps) {
  (void)context;
  return steps < 100000000;
}

static void show(const maty_diagnostic_t *found) {
  printf("%s:%u:%u: %s[%s]: %s\n", found->source, found->line, found->column,
         found->severity == MATY_SEVERITY_ERROR ? "error" : "note", maty_class_name(found->class_),
         found->text);
  if (found->run != NULL) {
    printf("%s", found->run);
  }
}

static maty_image_t *check(const char *name, const char *text, const maty_config_t *config) {
  maty_module_t *module;
  maty_status status = maty_module_check(&module, name, text, strlen(text), config);
  if (module == NULL) {
    printf("%s: %s\n", name, maty_status_text(status));
    return NULL;
  }
  for (size_t i = 0; i < maty_module_diagnostic_count(module); i++) {
    show(maty_module_diagnostic(module, i));
  }
  maty_image_t *image = maty_module_image(module, 0);
  if (image != NULL) {
    image = maty_image_retain(image);
    printf("%s: ok (%s)\n", name, maty_module_protocol_name(module, 0));
  }
  maty_module_free(module);
  return image;
}

static void explore(const maty_image_t *image, const maty_config_t *config) {
  maty_verdict_t *verdict;
  maty_verdict_facts_t facts;
  maty_status status = maty_explore(&verdict, image, NULL, config);
  printf("exploring: %s", maty_status_text(status));
  if (verdict != NULL) {
    maty_verdict_facts(verdict, &facts);
    printf(", %llu states", (unsigned long long)facts.states);
  }
  printf("\n");
  maty_verdict_free(verdict);
}

/* ----- A session ----- */

enum { BUYER, SELLER };

static uint32_t action_of(const maty_image_t *image, uint32_t role, const char *label) {
  maty_action_info_t action;
  for (uint32_t i = 0; maty_image_action(image, role, i, &action) == MATY_OK; i++) {
    if (strcmp(action.label, label) == 0) {
      return i;
    }
  }
  return UINT32_MAX;
}

/* Looks at a value that its kind alone does not judge. What "context" points to
 * is the program's own; here it is the one number of the payload. */
static maty_status judge_price(void *context, const maty_image_t *image, uint32_t first_field,
                               uint32_t arity, uint32_t *field) {
  const long *price = context;
  (void)image;
  (void)first_field;
  *field = arity == 1 ? 1 : 0;
  return arity == 1 && *price >= 1 && *price <= 1000 ? MATY_OK : MATY_EPAYLOAD;
}

static maty_status judge_title(void *context, const maty_image_t *image, uint32_t first_field,
                               uint32_t arity, uint32_t *field) {
  (void)context;
  (void)image;
  (void)first_field;
  *field = 0;
  return arity == 1 ? MATY_OK : MATY_EPAYLOAD;
}

static void run(maty_image_t *image, const maty_allocator_t *allocator) {
  const maty_owner_t owners[] = {101, 102}; /* whatever tells the program's actors apart */
  maty_space_t *space;
  maty_handle_t session;
  maty_step_t step;
  long price = 5000;
  maty_payload_t title = {.judge = judge_title};
  maty_payload_t quote = {.judge = judge_price, .context = &price};
  if (maty_space_new(&space, 0, 4711, allocator) != MATY_OK) {
    return;
  }
  for (int i = 0; i < 2; i++) {
    (void)maty_space_enrol(space, owners[i]);
  }
  (void)maty_space_open(space, image, owners, &session);
  maty_handle_t buyer = session + BUYER, seller = session + SELLER;
  uint32_t title_out = action_of(image, BUYER, "title"),
           title_in = action_of(image, SELLER, "title");
  uint32_t quote_out = action_of(image, SELLER, "quote"),
           quote_in = action_of(image, BUYER, "quote");

  maty_status status = maty_endpoint_send(space, seller, owners[SELLER], quote_out, &quote, &step);
  printf("Seller quotes before it is asked: %s\n", maty_status_text(status));
  status = maty_endpoint_send(space, buyer, owners[BUYER], title_out, &title, &step);
  printf("Buyer sends title: %s\n", maty_status_text(status));
  status = maty_endpoint_receive(space, seller, owners[SELLER], title_in, step.ticket, NULL, &step);
  printf("Seller receives title: %s\n", maty_status_text(status));
  status = maty_endpoint_send(space, seller, owners[SELLER], quote_out, &quote, &step);
  printf("Seller quotes %ld: %s (field %u)\n", price, maty_status_text(status), step.field);
  price = 155;
  status = maty_endpoint_send(space, seller, owners[SELLER], quote_out, &quote, &step);
  printf("Seller quotes %ld: %s\n", price, maty_status_text(status));
  status = maty_endpoint_receive(space, buyer, owners[BUYER], quote_in, step.ticket, NULL, &step);
  printf("Buyer receives quote: %s, %s\n", maty_status_text(status),
         step.phase == MATY_PHASE_FINAL ? "and is done" : "and goes on");
  (void)maty_endpoint_close(space, buyer, owners[BUYER]);
  (void)maty_endpoint_close(space, seller, owners[SELLER]);
  maty_space_free(space);
}

int main(void) {
  budget_t budget = {.limit = 16 * 1024 * 1024};
  maty_config_t config = maty_config_default();
  config.allocator = (maty_allocator_t){.resize = budget_resize, .context = &budget};
  config.progress = go_on;
  maty_image_release(check("ends.scr", bad, &config));
  maty_image_t *image = check("quote.scr", good, &config);
  if (image != NULL) {
    explore(image, &config);
    run(image, &config.allocator);
    maty_image_release(image);
  }
  printf("bytes still in use: %zu\n", budget.used);
  return image == NULL;
}
