/*
 * milter-virus: a description of the program; lib/daemon runs it.
 *
 * Processes: this one, the front, which has the sockets and reads no mail; the spawner, started
 * before there is a thread or a sandbox; and what that starts (spawner.h).
 */
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/drain.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/storage.h"
#include "lib/io/address.h"
#include "milter-virus/control.h"
#include "milter-virus/memory.h"
#include "milter-virus/notify.h"
#include "milter-virus/spawner.h"
#include "milter-virus/virus.h"

/* How long a stop waits for notifications that are queued. */
#define NOTIFY_MS 2000
/* A health check answers within this, whatever clamd does. */
#define HEALTH_MS 1000

struct virus_scanner virus_scanner;

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &virus_table};
static struct gp_loop *loop;
static struct gp_store *store;
static int spawner_fd = -1, control_fd = -1;

static const struct virus_conf *conf_of(const struct gp_snapshot *snap)
{
	return gp_snapshot_get(snap, &virus_table);
}

/* Where virus-scanner is: beside this program (a build folder), or where it is installed. */
static const char *scanner(char beside[PATH_MAX])
{
	static const char installed[] = GP_LIBEXECDIR "/virus-scanner";
	ssize_t len = readlink("/proc/self/exe", beside, PATH_MAX - sizeof("virus-scanner"));
	char *base;

	if (len <= 0)
		return installed;
	beside[len] = '\0';
	base = strrchr(beside, '/') + 1;
	memcpy(base, "virus-scanner", sizeof("virus-scanner"));
	return access(beside, X_OK) == 0 ? beside : installed;
}

/* While there are privileges and one thread; before sockets, which would outlive us in it. */
static int bind_all(const struct gp_daemon *d, const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct virus_conf *conf = conf_of(snap);
	char program[PATH_MAX];
	struct virus_spawner_options options = {
		.program = scanner(program),
		.user = *conf->scan_user ? conf->scan_user : conf->daemon.user,
		.is_confined = conf->daemon.sandbox,
		.log = gp_snapshot_get(snap, &gp_conf_log_table),
	};
	int r = conf->engine == VIRUS_BY_CLAMD ? GP_OK
						 : virus_spawner_start(&options, &spawner_fd, diag);

	if (r == GP_OK)
		r = virus_control_bind(conf, &control_fd, diag);
	return r == GP_OK ? gp_milter_service.bind(d, snap, diag) : r;
}

static int configure(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	const struct virus_conf *conf = conf_of(snap);
	const struct gp_conf_list *servers = &conf->clamd_servers;

	(void)report;
	gp_snapshot_set_data(snap, virus_clamd_new(servers->items, servers->len, conf->clamd_rest_ms,
						   gp_snapshot_arena(snap)));
	return GP_OK;
}

/* Our own engine and all that serves it. */
static void start_engines(const struct virus_conf *conf)
{
	struct virus_engines_options options = {.conf = conf, .spawner_fd = spawner_fd, .loop = loop};

	virus_engines_register_metrics();
	virus_cache_register_metrics();
	virus_pending_register_metrics();
	virus_pool_register_metrics();
	options.pool = virus_scanner.pool = virus_pool_new();
	options.cache = virus_scanner.cache =
		virus_cache_new((size_t)conf->cache_size, conf->cache_ttl_ms);
	virus_scanner.pending = virus_pending_new();
	virus_scanner.engines = virus_engines_open(&options);
}

/* Mail is worth more than what is recorded about it: without a store there is nothing. */
static void start_history(const struct gp_snapshot *snap)
{
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	const struct gp_conf_history *history = gp_snapshot_get(snap, &gp_conf_history_table);
	struct gp_diag diag;
	int r;

	if (history->size == 0)
		return;
	r = gp_storage_open(top, GP_STORE_VIRUS, &store, &diag);
	if (r == GP_OK)
		r = gp_history_open(store, history, GP_HISTORY_VIRUS, top->store_timeout_ms,
				    &virus_history, &diag);
	if (r < 0)
		gp_log_warning("history is not recorded: %s", diag.text);
}

static int start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	int r = gp_loop_open(&loop, diag);

	if (r < 0)
		return r;
	virus_report_register_metrics();
	virus_scan_register_metrics();
	virus_notify_register_metrics();
	r = virus_notify_start(diag);
	if (r < 0)
		return r;
	virus_spool_register_metrics();
	start_history(snap);
	if (conf_of(snap)->engine != VIRUS_BY_CLAMD)
		start_engines(conf_of(snap));
	return virus_control_start(control_fd, &virus_scanner, diag);
}

static void reloaded(struct gp_snapshot *snap)
{
	if (!virus_scanner.engines)
		return;
	virus_cache_set_ttl(virus_scanner.cache, conf_of(snap)->cache_ttl_ms);
	virus_engines_configure(virus_scanner.engines, conf_of(snap));
}

/* What still scans, for the control socket or beyond stop_grace, ends with the process. */
static void stop(void)
{
	unsigned clients = virus_control_stop();

	virus_notify_stop(gp_clock_mono_ms() + NOTIFY_MS);
	if (gp_drain_sessions() > 0)
		return;
	gp_history_close(&virus_history);
	gp_store_close(&store);
	if (!virus_scanner.engines || clients > 0)
		return;
	virus_engines_close(&virus_scanner.engines);
	virus_pool_free(&virus_scanner.pool);
	virus_cache_free(&virus_scanner.cache);
	virus_pending_free(&virus_scanner.pending);
	gp_loop_close(&loop);
}

static size_t clamd_health(struct gp_health *entry)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	struct gp_diag why = {""};
	char version[128];
	bool is_ok = virus_clamd_version(gp_snapshot_data(snap), gp_clock_mono_ms() + HEALTH_MS,
					 version, sizeof(version), &why) == GP_OK;

	gp_snapshot_unref(snap);
	*entry = (struct gp_health){.name = "clamd", .is_ok = is_ok};
	snprintf(entry->detail, sizeof(entry->detail), "%.150s", is_ok ? version : why.text);
	return 1;
}

static size_t health(struct gp_health *entries, size_t max)
{
	struct virus_status_report r;

	if (max < 1)
		return 0;
	if (!virus_scanner.engines)
		return clamd_health(entries);
	virus_engines_report(virus_scanner.engines, &r);
	entries[0] = (struct gp_health){.name = "signatures", .is_ok = r.is_serving};
	if (r.failed_at_s)
		snprintf(entries[0].detail, sizeof(entries[0].detail), "%.150s", r.failure);
	else
		snprintf(entries[0].detail, sizeof(entries[0].detail), "%llu",
			 (unsigned long long)r.info.signatures);
	return 1;
}

static void sandbox(const struct gp_snapshot *snap)
{
	const struct virus_conf *conf = conf_of(snap);

	gp_storage_sandbox(gp_snapshot_get(snap, &gp_conf_top_table));
	gp_sandbox_read(conf->database);
	gp_sandbox_read(virus_memory_places.groups);
	if (*conf->quarantine)
		gp_sandbox_write(conf->quarantine);
	gp_sandbox_read(conf->database_copy);
	for (size_t i = 0; i < conf->clamd_servers.len; i++)
		if (gp_address_path(conf->clamd_servers.items[i]))
			gp_sandbox_write_folder_of(gp_address_path(conf->clamd_servers.items[i]));
	if (gp_str_starts(gp_str(conf->control), GP_STR("unix:")))
		gp_sandbox_write_folder_of(conf->control + strlen("unix:"));
}

static struct gp_service service;

static const struct gp_daemon milter_virus = {
	.name = "milter-virus",
	.summary = "virus filter for Postfix: libclamav in confined workers",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &virus_table,
	.own_offset = offsetof(struct virus_conf, daemon),
	.configure = configure,
	.start = start,
	.stop = stop,
	.reloaded = reloaded,
	.health = health,
	.sandbox = sandbox,
	.service = &service,
	.milter = &virus_milter,
};

int main(int argc, char **argv)
{
#ifdef __GLIBC__
	/* libmilter has many threads, which allocate little: with an arena each, the front would hold
	 * as much as all else that is not the engine's. */
	(void)mallopt(M_ARENA_MAX, 2);
#endif
	service = gp_milter_service;
	service.bind = bind_all;
	return gp_daemon_main(&milter_virus, argc, argv);
}
