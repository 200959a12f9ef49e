/*
 * Reading the history of verdicts for the commands: what is asked for, oldest first.
 */
#ifndef GP_CLI_HISTORY_H
#define GP_CLI_HISTORY_H

#include "cli/context.h"
#include "cli/json.h"
#include "lib/store/history.h"

/* What is wanted; NULL and 0 ask for nothing in particular. */
struct gp_cli_history_filter {
	const char *qid;
	const char *from, *to; /* globs, case ignored; `to` fits any recipient */
	const char *action;    /* "add header" or "add_header" */
	double since;	       /* seconds since 1970 */
	double min_score;
	bool has_min_score;
	enum gp_history_program program; /* GP_HISTORY_PROGRAMS: all */
	size_t limit;			 /* the newest; 0: all */
};

struct gp_cli_history_item {
	json_t *json;
	double time;
	enum gp_history_program program;
	size_t age; /* of its ring's items, from the newest */
};

struct gp_cli_history {
	GP_VEC(struct gp_cli_history_item) items; /* by time, of equal ones in the order of
						   * Postfix's questions */
	struct gp_arena *arena;
};

/* Reads it from the store that the configuration names, into cli->arena.  Errors are printed; the
 * result is an exit status, 0 if all is well. */
int gp_cli_history_read(struct gp_cli *cli, const struct gp_cli_history_filter *filter,
			struct gp_cli_history *ret);
void gp_cli_history_done(struct gp_cli_history *h);

/* A member as text fit for a terminal, cut at max bytes; "" if it is none. */
const char *gp_cli_history_text(const struct gp_cli_history *h, const json_t *object,
				const char *key, size_t max);
double gp_cli_history_number(const json_t *object, const char *key);
/* "2026-11-21 17:40:12", local time. */
const char *gp_cli_history_time(const struct gp_cli_history *h, const json_t *item);

#endif
