/*
 * Command-line options as a table: parsing, --help and shell completion all
 * walk the same rows.
 *
 * GNU style: --name VALUE, --name=VALUE, -n VALUE, flags may be joined (-vq),
 * "--" ends the options.  Options may stand between operands.
 */
#ifndef GP_CLI_OPT_H
#define GP_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

enum gp_opt_kind {
	GP_OPT_FLAG,   /* bool */
	GP_OPT_STRING, /* const char * */
	GP_OPT_LIST,   /* struct gp_opt_list, appended */
	GP_OPT_UINT,   /* unsigned */
};

struct gp_opt_list {
	const char **items;
	size_t len, cap;
};

struct gp_opt {
	char letter;	  /* or 0 */
	const char *name; /* without dashes; NULL ends the table */
	const char *arg;  /* placeholder in the help text; NULL for flags */
	const char *help;
	enum gp_opt_kind kind;
	size_t offset; /* in the command's option struct */
};

#define GP_OPT_END {0, NULL, NULL, NULL, GP_OPT_FLAG, 0}

/* Fills *values from argv (argv[0] is skipped) and collects the operands.
 * GP_EINVAL with a sentence in diag on an unknown option or a missing value;
 * abbreviations are not taken, near misses are suggested. */
int gp_opt_parse(const struct gp_opt *table, struct gp_arena *arena, int argc, char **argv,
		 void *values, struct gp_opt_list *ret_operands, struct gp_diag *diag) GP_MUST_USE;

/* Prints "  -n, --name VALUE   help" for each row. */
void gp_opt_print(const struct gp_opt *table, FILE *out);
/* Prints "--name" a line each, for completion. */
void gp_opt_print_names(const struct gp_opt *table, FILE *out);

#endif
