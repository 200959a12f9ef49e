/*
 * Rows of policyd-ratelimit (policyd-ratelimit/report.h) for people: tables.
 */
#ifndef GP_CLI_RATELIMIT_SHOW_H
#define GP_CLI_RATELIMIT_SHOW_H

#include "cli/ratelimit_link.h"

/* Each prints the rows of its type, with a heading; nothing if there are none.  How many. */
size_t gp_ratelimit_print_contained(struct gp_cli *cli, const struct gp_ratelimit_rows *rows);
/* snap: to say where a maximum is not the one of the settings. */
size_t gp_ratelimit_print_limits(struct gp_cli *cli, const struct gp_snapshot *snap,
				 const struct gp_ratelimit_rows *rows);
/* type: "change", "event" or "held". */
size_t gp_ratelimit_print_notes(struct gp_cli *cli, const struct gp_ratelimit_rows *rows,
				const char *type, const char *heading);
/* One object a line. */
void gp_ratelimit_print_json(const struct gp_ratelimit_rows *rows);

/* A row's member; "" if it is none. */
const char *gp_ratelimit_text(struct gp_cli *cli, const json_t *row, const char *name);
bool gp_ratelimit_is(const json_t *row, const char *type);

#endif
