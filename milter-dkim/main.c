/*
 * milter-dkim: a description of the program; lib/daemon runs it.
 */
#include "milter-dkim/dkim.h"

#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"

struct gp_auth_sources dkim_sources;

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &dkim_table};

static int configure(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	struct dkim_snapshot *data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct dkim_snapshot);

	(void)report;
	gp_snapshot_set_data(snap, data);
	return GP_OK;
}

static const struct gp_daemon milter_dkim = {
	.name = "milter-dkim",
	.summary = "SPF, DKIM, ARC and DMARC for Postfix: verifies and signs",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &dkim_table,
	.own_offset = offsetof(struct dkim_conf, daemon),
	.configure = configure,
	.milter = &dkim_milter,
};

int main(int argc, char **argv)
{
	return gp_daemon_main(&milter_dkim, argc, argv);
}
