/*
 * The commands of `gatepost`: each is a row in the table of main.c and a file
 * cmd_NAME.c with its options, its help and its run function.
 */
#ifndef GP_CLI_CMD_H
#define GP_CLI_CMD_H

#include "cli/opt.h"
#include "lib/base/arena.h"

/* Exit statuses beside 0; from 64 on those of sysexits.h. */
enum {
	GP_EXIT_USAGE = 64,
	GP_EXIT_DATA = 65,
	GP_EXIT_NOINPUT = 66,
	GP_EXIT_UNAVAILABLE = 69,
	GP_EXIT_SOFTWARE = 70,
	GP_EXIT_IOERR = 74,
	GP_EXIT_TEMPFAIL = 75,
	GP_EXIT_NOPERM = 77,
	GP_EXIT_CONFIG = 78,
};

/* What every command gets. */
struct gp_cli {
	const char *conf_path; /* -c FILE, or NULL for the installed one if it is there */
	struct gp_arena *arena; /* lives as long as the program */
};

struct gp_command {
	const char *name;     /* "scan", or two words "rules compile" */
	const char *operands; /* for the usage line: "[FILE|DIRECTORY|-]..." */
	const char *summary;  /* one line */
	const char *details;  /* paragraphs after the options, or NULL */
	const struct gp_opt *options;
	/* argv[0] is the command's name; the result is the exit status. */
	int (*run)(struct gp_cli *cli, int argc, char **argv);
};

extern const struct gp_command gp_cmd_scan, gp_cmd_learn_spam, gp_cmd_learn_ham, gp_cmd_unlearn,
	gp_cmd_learn_log, gp_cmd_learn_undo, gp_cmd_learn_selftest,
	gp_cmd_stat, gp_cmd_history, gp_cmd_why, gp_cmd_check, gp_cmd_rules_compile, gp_cmd_rules_status, gp_cmd_rules_lint,
	gp_cmd_rules_test, gp_cmd_rules_explain, gp_cmd_rules_diff, gp_cmd_auth, gp_cmd_dkim_verify, gp_cmd_dkim_sign, gp_cmd_dkim_genkey,
	gp_cmd_dkim_record, gp_cmd_dkim_check, gp_cmd_dkim_rotate,
	gp_cmd_dkim_import, gp_cmd_virus_status, gp_cmd_virus_reload, gp_cmd_virus_scan, gp_cmd_virus_import, gp_cmd_ldap_test,
	gp_cmd_ratelimit_list, gp_cmd_ratelimit_show, gp_cmd_ratelimit_reset, gp_cmd_ratelimit_block,
	gp_cmd_ratelimit_release;

/* "gatepost: TEXT" on standard error; returns status for `return gp_cli_fail(…)`. */
int gp_cli_fail(int status, const char *fmt, ...) GP_PRINTF(2, 3);
/* Parses the command's options; on error or --help prints and returns the exit
 * status, else -1. */
int gp_cli_options(const struct gp_command *cmd, struct gp_cli *cli, int argc, char **argv,
		   void *values, struct gp_opt_list *ret_operands);

#endif
