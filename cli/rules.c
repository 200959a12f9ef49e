/*
 * Loading rules for the commands.
 */
#include "cli/rules.h"

static int load_conf(struct gp_cli *cli, struct gp_cli_rules *r)
{
	int status = gp_cli_load(cli, &r->snapshot);

	if (status)
		return status;
	r->conf = gp_snapshot_get(r->snapshot, &gp_conf_rules_table);
	r->paths = gp_scanner_rule_paths(r->snapshot, cli->arena, &r->n_paths);
	return 0;
}

int gp_cli_rules_load(struct gp_cli *cli, const char *const *paths, size_t n,
		      struct gp_cli_rules *ret)
{
	struct gp_cli_rules r = {0};
	struct gp_rule_options options = {0};
	struct gp_diag diag = {0};
	int status;

	if (n) {
		r.paths = gp_arena_dup(cli->arena, paths, n * sizeof(*paths));
		r.n_paths = n;
	} else {
		status = load_conf(cli, &r);
		if (status)
			return status;
		gp_scanner_rule_options(r.snapshot, &options);
	}
	gp_rule_report_init(&r.report);
	if (gp_rule_set_load(r.paths, r.n_paths, &options, &r.report, &r.set, &diag)) {
		gp_cli_rules_done(&r);
		return gp_cli_fail(GP_EXIT_NOINPUT, "rules: %s", diag.text);
	}
	*ret = r;
	return 0;
}

void gp_cli_rules_done(struct gp_cli_rules *r)
{
	gp_rule_set_unref(r->set);
	gp_rule_report_done(&r->report);
	if (r->snapshot)
		gp_snapshot_unref(r->snapshot);
}
