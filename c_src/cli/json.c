/* json.c - see json.h.
 *
 *     {"files": [
 *       {"file": "a.scr", "verdict": "rejected",
 *        "protocols": [{"name": "Ends", "accepted": false}],
 *        "diagnostics": [
 *          {"severity": "error", "class": "unfinished", "file": "a.scr", "line": 4, "column": 5,
 *           "length": 4, "text": "...", "runs": [
 *             {"heading": "one run", "ending": "", "steps": [
 *               {"kind": "message", "number": 1, "sender": "A", "receiver": "B", "label": "go",
 *                "line": 3}]}]}]}
 *     ]}
 *
 * The verdict is "accepted"; "rejected"; "unsupported", if every error is of that
 * class, so that nothing is known to be wrong; or "unknown", and then "trouble"
 * says why. It is written without white space, a file on a line.
 */
#include "json.h"

#include <stdio.h>
#include <string.h>

/* How many bytes of "text" are one character of UTF-8; 0 if they are none. */
static size_t character(const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
  if (at[0] > 0xf4)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  /* Too long a form, a surrogate, or beyond the last character. */
  if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
      (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
    return 0;
  return length;
}

static void print_string(const char *text) {
  (void)putchar('"');
  while (*text != '\0') {
    size_t length = character(text);
    if (length == 0) {
      (void)fputs("\\ufffd", stdout);
      text++;
    } else if (*text == '"' || *text == '\\') {
      printf("\\%c", *text++);
    } else if ((unsigned char)*text < 0x20) {
      printf("\\u%04x", (unsigned)*text++);
    } else {
      (void)fwrite(text, 1, length, stdout);
      text += length;
    }
  }
  (void)putchar('"');
}

static void print_member(const char *name, const char *text) {
  printf("\"%s\":", name);
  print_string(text);
}

static void print_step(const maty_run_step_t *step) {
  static const char *const kinds[] = {
      [MATY_STEP_MESSAGE] = "message", [MATY_STEP_SEND] = "send", [MATY_STEP_RECEIVE] = "receive"};
  printf("{\"kind\":\"%s\",\"number\":%u,", kinds[step->kind], step->number);
  print_member("sender", step->sender);
  (void)putchar(',');
  print_member("receiver", step->receiver);
  (void)putchar(',');
  print_member("label", step->label);
  printf(",\"line\":%u}", step->line);
}

static void print_run(const maty_run_t *run) {
  (void)putchar('{');
  print_member("heading", run->heading);
  (void)fputs(",\"steps\":[", stdout);
  for (uint32_t i = 0; i < run->step_count; i++) {
    (void)fputs(i == 0 ? "" : ",", stdout);
    print_step(&run->steps[i]);
  }
  (void)fputs("],", stdout);
  print_member("ending", run->ending);
  (void)putchar('}');
}

static void print_json_diagnostic(const checked_t *checked, const maty_diagnostic_t *diagnostic) {
  printf("{\"severity\":\"%s\",\"class\":\"%s\",",
         diagnostic->severity == MATY_SEVERITY_ERROR ? "error" : "note",
         maty_class_name(diagnostic->class_));
  print_member("file", checked_file(checked, diagnostic->source)->name);
  printf(",\"line\":%u,\"column\":%u,\"length\":%u,", diagnostic->line, diagnostic->column,
         diagnostic->length);
  print_member("text", diagnostic->text);
  (void)fputs(",\"runs\":[", stdout);
  for (uint32_t i = 0; i < diagnostic->run_count; i++) {
    (void)fputs(i == 0 ? "" : ",", stdout);
    print_run(&diagnostic->runs[i]);
  }
  (void)fputs("]}", stdout);
}

static const char *verdict_of(const maty_module_t *module) {
  size_t count = maty_module_diagnostic_count(module);
  for (size_t i = 0; i < count; i++) {
    const maty_diagnostic_t *diagnostic = maty_module_diagnostic(module, i);
    if (diagnostic->severity == MATY_SEVERITY_ERROR && diagnostic->class_ != MATY_CLASS_UNSUPPORTED)
      return "rejected";
  }
  return count == 0 ? "accepted" : "unsupported";
}

void json_begin(void) { (void)fputs("{\"files\":[", stdout); }

void json_file(const checked_t *checked, const char *path, bool first) {
  (void)fputs(first ? "\n{" : ",\n{", stdout);
  print_member("file", checked->file.name == NULL ? path : checked->file.name);
  if (checked->module == NULL) {
    (void)fputs(",\"verdict\":\"unknown\",", stdout);
    print_member("trouble", checked->trouble);
    (void)fputs(",\"protocols\":[],\"diagnostics\":[]}", stdout);
    return;
  }
  size_t count = maty_module_diagnostic_count(checked->module);
  printf(",\"verdict\":\"%s\",\"protocols\":[", verdict_of(checked->module));
  for (size_t i = 0; i < maty_module_protocol_count(checked->module); i++) {
    (void)fputs(i == 0 ? "{" : ",{", stdout);
    print_member("name", maty_module_protocol_name(checked->module, i));
    printf(",\"accepted\":%s}", maty_module_image(checked->module, i) != NULL ? "true" : "false");
  }
  (void)fputs("],\"diagnostics\":[", stdout);
  for (size_t i = 0; i < count; i++) {
    (void)fputs(i == 0 ? "" : ",", stdout);
    print_json_diagnostic(checked, maty_module_diagnostic(checked->module, i));
  }
  (void)fputs("]}", stdout);
}

void json_end(void) { (void)fputs("\n]}\n", stdout); }
