/* json.h - what was found, for programs to read. */
#ifndef MATY_CLI_JSON_H
#define MATY_CLI_JSON_H

#include "source.h"

/* One document on standard output: begin, a file for each text, end. */
void json_begin(void);
void json_file(const checked_t *checked, const char *path, bool first);
void json_end(void);

#endif /* MATY_CLI_JSON_H */
