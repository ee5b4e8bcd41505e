/* graph.c - maty graph: protocols, machines and runs as pictures. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "print.h"

static int draw_role(const arguments_t *arguments, checked_t *checked, maty_diagram diagram) {
  int status = EXIT_YES;
  uint32_t role;
  if (diagram == MATY_DIAGRAM_MERMAID_SEQUENCE) {
    usage_error("graph", "a role has states and no sequence; give --format dot or mermaid");
    return EXIT_TROUBLE;
  }
  const maty_image_t *image = find_image(checked, arguments->operands[1], &status);
  if (image == NULL)
    return status;
  if (!find_role(image, arguments->operands[2], &role))
    return EXIT_TROUBLE;
  maty_status drawn =
      maty_draw_role(image, role, diagram, &checked->config.allocator, print_writer());
  return drawn == MATY_OK ? EXIT_YES
                          : tell_trouble(arguments->operands[2], maty_status_text(drawn));
}

/* Without a name: the only protocol, or the first. */
static int draw_protocol(const arguments_t *arguments, checked_t *checked, maty_diagram diagram) {
  const char *name = arguments->operand_count > 1 ? arguments->operands[1]
                                                  : maty_module_protocol_name(checked->module, 0);
  maty_source_t source = {
      .name = checked->file.name, .text = checked->file.text, .length = checked->file.length};
  int status = EXIT_NO;
  if (name == NULL) {
    print_diagnostics(stderr, checked);
    return tell_trouble(checked->file.name, "it has no protocol");
  }
  maty_status drawn = maty_draw_protocol(&source, name, diagram, &checked->config, print_writer());
  if (drawn == MATY_EINVAL)
    (void)find_image(checked, name, &status);
  else if (drawn == MATY_EREJECTED)
    print_diagnostics(stderr, checked);
  else if (drawn == MATY_ELIMIT)
    status = tell_trouble(checked->file.name, "its parts side by side are no one graph; draw a "
                                              "role, or with --format sequence");
  else if (drawn != MATY_OK)
    status = tell_trouble(checked->file.name, maty_status_text(drawn));
  return drawn == MATY_OK ? EXIT_YES : status;
}

static int draw_counterexample(const checked_t *checked) {
  for (size_t i = 0; i < maty_module_diagnostic_count(checked->module); i++) {
    const maty_diagnostic_t *diagnostic = maty_module_diagnostic(checked->module, i);
    if (diagnostic->run_count == 0)
      continue;
    maty_status drawn = maty_draw_runs(diagnostic, print_writer());
    return drawn == MATY_OK ? EXIT_YES : tell_trouble(checked->file.name, maty_status_text(drawn));
  }
  print_diagnostics(stderr, checked);
  (void)fprintf(stderr, "maty: %s: %s\n", checked->file.name,
                maty_module_diagnostic_count(checked->module) == 0
                    ? "accepted, so there is no counterexample"
                    : "no error is shown by a run");
  return EXIT_NO;
}

int run_graph(const arguments_t *arguments) {
  maty_diagram diagram = (maty_diagram)option_choice(arguments, OPTION_PICTURE);
  checked_t checked;
  int status;
  checked_open(&checked, arguments, arguments->operands[0]);
  if (checked.module == NULL)
    status = tell_trouble(arguments->operands[0], checked.trouble);
  else if (option_given(arguments, OPTION_COUNTEREXAMPLE))
    status = draw_counterexample(&checked);
  else if (arguments->operand_count > 2)
    status = draw_role(arguments, &checked, diagram);
  else if (checked.machines)
    status = tell_trouble(arguments->operands[0], "machines are drawn one at a time; name a role");
  else
    status = draw_protocol(arguments, &checked, diagram);
  checked_close(&checked);
  return status;
}
