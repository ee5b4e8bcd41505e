/* project.c - maty project: the machines of a protocol's roles as text. */
#include "commands.h"
#include "print.h"

int run_project(const arguments_t *arguments) {
  maty_machine_format format = (maty_machine_format)option_choice(arguments, OPTION_NOTATION);
  int status = EXIT_YES;
  uint32_t role = MATY_ALL_ROLES;
  checked_t checked;
  const maty_image_t *image =
      open_image(&checked, arguments, arguments->operands[0], arguments->operands[1], &status);
  if (image != NULL && arguments->operand_count > 2 &&
      !find_role(image, arguments->operands[2], &role)) {
    status = EXIT_TROUBLE;
  } else if (image != NULL) {
    maty_status written =
        maty_machines_write(image, role, format, &checked.config.allocator, print_writer());
    if (written != MATY_OK)
      status = tell_trouble(arguments->operands[0], maty_status_text(written));
  }
  checked_close(&checked);
  return status;
}
