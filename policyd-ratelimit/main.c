/*
 * policyd-ratelimit: a description of the program; lib/daemon runs it.
 */
#include "lib/base/clock.h"
#include "lib/daemon/directory.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/storage.h"
#include "policyd-ratelimit/alert.h"
#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/greylist.h"
#include "policyd-ratelimit/greylist_who.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/limits.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/sender.h"

struct ratelimit ratelimit;

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &ratelimit_table};

int64_t ratelimit_now_ms(const struct ratelimit_conf *conf)
{
	return gp_clock_real_ms() + conf->clock_offset_ms;
}

static int configure(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	struct ratelimit_data *data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct ratelimit_data);

	data->sender = sender_configure(snap);
	limits_configure(snap, report, &data->limits);
	data->greylist = greylist_configure(snap);
	gp_snapshot_set_data(snap, data);
	return GP_OK;
}

static void take_settings(struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	ratelimit.idle_timeout_ms = conf->idle_timeout_ms;
}

static void reloaded(struct gp_snapshot *snap)
{
	take_settings(snap);
	if (ratelimit.ldap)
		gp_ldap_flush(ratelimit.ldap);
}

static int start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	int r = gp_loop_open(&ratelimit.loop, diag);

	take_settings(snap);
	if (r == GP_OK)
		r = gp_storage_open_on(ratelimit.loop, gp_snapshot_get(snap, &gp_conf_top_table),
				       GP_STORE_LIMITS, &ratelimit.store, diag);
	if (r == GP_OK)
		r = gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &ratelimit.ldap,
				      diag);
	if (r == GP_OK)
		r = greylist_who_start(snap, diag);
	return r == GP_OK ? ratelimit_serve(diag) : r;
}

static void stop(void)
{
	keeper_stop();
	alert_close();
	gp_ldap_close(&ratelimit.ldap);
	greylist_who_stop();
	gp_store_close(&ratelimit.store);
	gp_loop_close(&ratelimit.loop);
}

static size_t health(struct gp_health *entries, size_t max)
{
	if (max < 2)
		return 0;
	gp_storage_health(ratelimit.store, &entries[0]);
	return gp_directory_health(ratelimit.ldap, &entries[1]) ? 2 : 1;
}

static void sandbox(const struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	gp_storage_sandbox(gp_snapshot_get(snap, &gp_conf_top_table));
	if (*conf->contain.control_socket)
		gp_sandbox_write_folder_of(conf->contain.control_socket + strlen("unix:"));
	if (*conf->limits.outage_file)
		gp_sandbox_write_folder_of(conf->limits.outage_file);
	greylist_who_sandbox(snap);
}

static const struct gp_daemon policyd_ratelimit = {
	.name = "policyd-ratelimit",
	.summary = "limits what clients and accounts may send",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &ratelimit_table,
	.own_offset = offsetof(struct ratelimit_conf, daemon),
	.configure = configure,
	.start = start,
	.reloaded = reloaded,
	.stop = stop,
	.health = health,
	.sandbox = sandbox,
	.service = &ratelimit_service,
};

int main(int argc, char **argv)
{
	return gp_daemon_main(&policyd_ratelimit, argc, argv);
}
