/*
 * What the commands `gatepost rules …` share: loading the configured rules.
 */
#ifndef GP_CLI_RULES_H
#define GP_CLI_RULES_H

#include "cli/context.h"

struct gp_cli_rules {
	struct gp_snapshot *snapshot; /* NULL when paths were given */
	const struct gp_conf_rules *conf; /* NULL when paths were given */
	const char **paths;	      /* what was loaded */
	size_t n_paths;
	struct gp_rule_report report;
	struct gp_rule_set *set;
};

/* Loads the paths given, or (n = 0) those of the configuration, with its cache.  Errors are
 * printed; the result is an exit status, 0 if all is well.  Lines that do not parse are no
 * error: see the report. */
int gp_cli_rules_load(struct gp_cli *cli, const char *const *paths, size_t n,
		      struct gp_cli_rules *ret);
void gp_cli_rules_done(struct gp_cli_rules *r);

#endif
