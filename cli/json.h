/*
 * JSON as the commands write it: always valid UTF-8, whatever a stranger wrote.
 */
#ifndef GP_CLI_JSON_H
#define GP_CLI_JSON_H

#include <jansson.h>

#include "lib/base/str.h"

/* A string; bytes that are no UTF-8 become U+FFFD.  Cut at 64 KiB. */
json_t *gp_json_text(struct gp_str s);
/* The same, but null for the empty span. */
json_t *gp_json_text_or_null(struct gp_str s);
/* Prints one line to standard output and takes the reference. */
void gp_json_print(json_t *root);

#endif
