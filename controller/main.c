/*
 * gatepost-controller: a description of the program; lib/daemon runs it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/api.h"
#include "controller/controller.h"
#include "controller/intake.h"
#include "controller/worker_child.h"
#include "lib/base/log.h"
#include "lib/daemon/resolver.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/storage.h"

struct controller controller;

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &controller_table};

static unsigned worker_count(const struct controller_conf *conf)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return conf->workers ? (unsigned)conf->workers : (unsigned)GP_MAX(processors, 1);
}

/* Scans ask it for their rules, and for who a message is from. */
static int open_resolver(struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);

	if (!api_is_bound() || !rules->network)
		return GP_OK;
	return gp_resolver_open(gp_snapshot_get(snap, &gp_conf_dns_table), controller.loop,
				&controller.resolver, diag);
}

static int configure(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	struct controller_data *data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct controller_data);

	data->trust = trust_new(gp_snapshot_get(snap, &gp_conf_learn_table),
				gp_snapshot_arena(snap));
	gp_snapshot_set_data(snap, data);
	return wants_configure(snap, &data->wants, report);
}

/* The queue and the log, and the thread that goes from one to the other. */
static int start_learning(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct gp_conf_learn *conf = gp_snapshot_get(snap, &gp_conf_learn_table);
	struct learner_options o = {.loop = controller.loop, .workers = controller.workers,
				    .store = controller.store, .results = intake_results};
	int r = lessons_open(conf->directory, (uint64_t)conf->log_size, &o.lessons, diag);

	if (r == GP_OK)
		r = journal_open(conf->directory, (uint64_t)conf->queue_size,
				 lessons_last(o.lessons) + 1, &controller.journal, diag);
	if (r < 0)
		return r;
	if (journal_cut(controller.journal) > 0)
		gp_log_info("queue: %llu bytes were being written at the last end and are nobody's",
			    (unsigned long long)journal_cut(controller.journal));
	intake_open(controller.loop, controller.journal);
	o.journal = controller.journal;
	controller.learner = learner_open(&o, diag);
	return controller.learner ? GP_OK : GP_ESYS;
}

static int start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	struct workers_options workers = {.timeout_ms = conf->worker_timeout_ms,
					  .spawner_fd = controller_take_spawner()};
	int r = gp_loop_open(&controller.loop, diag);

	if (r == GP_OK)
		r = gp_storage_open(gp_snapshot_get(snap, &gp_conf_top_table), GP_STORE_BAYES,
				    &controller.store, diag);
	if (r < 0)
		return r;
	workers.loop = controller.loop;
	workers.counts[WORKER_TEACH] = worker_count(conf);
	if (api_is_bound())
		workers.counts[WORKER_SCAN] = (unsigned)conf->http.scanners;
	controller.workers = workers_open(&workers);
	r = open_resolver(snap, diag);
	if (r == GP_OK && api_is_bound())
		r = wants_start(snap, diag);
	if (r == GP_OK)
		r = start_learning(snap, diag);
	if (r == GP_OK)
		r = api_start(snap, diag);
	if (r == GP_OK)
		r = expirer_open(controller.store, &controller.expirer, diag);
	if (r == GP_OK)
		r = maillog_start(snap, &controller.maillog, diag);
	return r == GP_OK ? controller_serve(diag) : r;
}

static void reloaded(struct gp_snapshot *snap)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	workers_replace(controller.workers, conf->worker_timeout_ms);
	api_reloaded(snap);
	wants_reloaded();
}

static void stop(void)
{
	maillog_stop(&controller.maillog);
	expirer_close(&controller.expirer);
	/* The learner waits for what they read, and they may not even be ready.  What they had
	 * comes again after the next start. */
	workers_stop(controller.workers);
	learner_close(&controller.learner);
	workers_close(&controller.workers);
	api_stop();
	wants_stop();
	gp_resolver_close(&controller.resolver);
	journal_close(&controller.journal);
	gp_store_close(&controller.store);
	gp_loop_close(&controller.loop);
	intake_close();
	api_learn_end();
}

static void check_learning(struct gp_health *entry)
{
	struct learner_status status;
	struct journal_stats stats;

	learner_status(controller.learner, &status);
	journal_stats(controller.journal, &stats);
	*entry = (struct gp_health){.name = "learning", .is_ok = !status.is_held};
	snprintf(entry->detail, sizeof(entry->detail), "%llu waiting%s%.100s",
		 (unsigned long long)stats.records, status.is_held ? ": " : "",
		 status.is_held ? status.why : "");
}

static size_t health(struct gp_health *entries, size_t max)
{
	size_t n = 0;

	if (max < 4)
		return 0;
	gp_storage_health(controller.store, &entries[n++]);
	check_learning(&entries[n++]);
	if (controller.maillog)
		maillog_health(controller.maillog, &entries[n++]);
	if (wants_health(&entries[n]))
		n++;
	return n;
}

static void sandbox(const struct gp_snapshot *snap)
{
	const struct gp_conf_learn *learn = gp_snapshot_get(snap, &gp_conf_learn_table);

	gp_storage_sandbox(gp_snapshot_get(snap, &gp_conf_top_table));
	gp_sandbox_write(learn->directory);
	gp_resolver_sandbox(gp_snapshot_get(snap, &gp_conf_dns_table));
	api_sandbox(snap);
	maillog_sandbox(snap);
	wants_sandbox(controller_data(snap)->wants);
}

static const struct gp_daemon gatepost_controller = {
	.name = "gatepost-controller",
	.summary = "learns from what users do with their mail, and serves the API",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &controller_table,
	.own_offset = offsetof(struct controller_conf, daemon),
	.configure = configure,
	.start = start,
	.reloaded = reloaded,
	.stop = stop,
	.health = health,
	.sandbox = sandbox,
	.service = &controller_service,
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], WORKER_ARGUMENT) == 0)
		return worker_child_main(argc, argv);
	return gp_daemon_main(&gatepost_controller, argc, argv);
}
