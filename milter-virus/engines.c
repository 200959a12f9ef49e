/*
 * When a generation is made, and which one serves; see the header.
 */
#include "milter-virus/engines.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "milter-virus/database.h"
#include "milter-virus/engines_int.h"
#include "milter-virus/memory.h"

/* What an engine takes while another is loaded beside it: itself, and what loading needs for a
 * while (measured with libclamav 1.4: a tenth). */
#define OVERLAP_FACTOR 1.2
#define RETRY_MS 10000 /* after a failure that was not the database's */

static struct gp_metric signatures =
	GP_GAUGE("gatepost_virus_signatures", "Signatures of the engine that serves.");
static struct gp_metric database_time = GP_GAUGE(
	"gatepost_virus_database_timestamp_seconds", "When the newest file of the signatures was made.");
static struct gp_metric served_since = GP_GAUGE(
	"gatepost_virus_last_reload_timestamp_seconds", "When the engine that serves began to.");
static struct gp_metric engine_memory =
	GP_GAUGE("gatepost_virus_engine_bytes", "Memory that the engine took in its loader.");
static struct gp_metric is_serving =
	GP_GAUGE("gatepost_virus_engine_up", "Whether signatures are loaded.");
static struct gp_metric reloads =
	GP_COUNTER("gatepost_virus_reloads_total", "Engines that were loaded and passed their test.");
static struct gp_metric failures = GP_COUNTER(
	"gatepost_virus_reload_failures_total", "Engines that could not be loaded, or failed their test.");
static struct gp_metric lost_idle =
	GP_COUNTER_L("gatepost_virus_workers_lost_total", "while=\"idle\"",
		     "Scan workers that died, or were killed for being late.");

void virus_engines_register_metrics(void)
{
	struct gp_metric *const all[] = {&signatures, &database_time, &served_since, &engine_memory,
					 &is_serving, &reloads, &failures, &lost_idle};

	for (size_t i = 0; i < GP_ARRAY_SIZE(all); i++)
		gp_metric_register(all[i]);
}

/* Is there memory for another engine beside the one that serves? */
static bool has_room(const struct virus_generation *g)
{
	return (double)virus_memory_available(&virus_memory_places) >
	       (double)g->info.memory * OVERLAP_FACTOR;
}

static uint64_t fingerprint(const struct virus_engines *e)
{
	struct virus_database database;

	return virus_database_look(e->settings.engine.database, &database, NULL) == GP_OK ? database.fingerprint
									       : 0;
}

/* Nothing serves, and nothing is on its way: who waits is sent away. */
static void tell_pool(struct virus_engines *e)
{
	virus_pool_expect(e->pool, e->serving || e->coming || e->is_wanted);
	gp_metric_set(&is_serving, e->serving != NULL);
}

static void begin(struct virus_engines *e, bool is_copy)
{
	e->is_wanted = false;
	if (virus_generation_begin(e, fingerprint(e), is_copy) < 0)
		virus_engines_failed(e->coming, GP_ESYS, "the process that starts loaders takes no orders");
	tell_pool(e);
}

static void drain(struct virus_engines *e)
{
	struct virus_generation *g = e->serving;

	gp_log_info("signatures: the old ones go before the new ones come (%s); mail waits",
		    e->settings.reload == VIRUS_RELOAD_DRAIN ? "as set" : "for want of memory");
	e->is_wanted = true;
	e->serving = NULL;
	tell_pool(e);
	virus_pool_serve(e->pool, 0);
	virus_generation_retire(g);
}

/* Must the one that serves go before another one can come? */
static bool must_drain(const struct virus_engines *e)
{
	return e->settings.reload == VIRUS_RELOAD_DRAIN || !has_room(e->serving);
}

/* A new generation, as soon as may be. */
static void want(struct virus_engines *e)
{
	if (e->is_closing || e->is_wanted)
		return;
	gp_timer_clear(e->loop, &e->retry);
	if (e->coming) {
		e->is_wanted = true;
		return;
	}
	if (!e->serving || !must_drain(e))
		begin(e, false);
	else if (e->serving->keeping_until_ms)
		e->is_wanted = true; /* virus_engines_kept() */
	else
		drain(e);
}

void virus_engines_kept(struct virus_engines *e)
{
	if (!e->is_wanted || e->coming || !e->serving)
		return;
	e->is_wanted = false;
	want(e);
}

/* What generations report. */

static void note_serving(struct virus_engines *e, const struct virus_generation *g)
{
	struct virus_status_report *r = &e->report;

	r->generation = g->id;
	r->info = g->info;
	r->served_since_s = gp_clock_real_s();
	if (!g->is_copy) {
		r->failed_at_s = 0;
		r->failure[0] = '\0';
	}
	r->reloads++;
	gp_metric_add(&reloads, 1);
	gp_metric_set(&signatures, (int64_t)g->info.signatures);
	gp_metric_set(&database_time, g->info.db_time_s);
	gp_metric_set(&served_since, r->served_since_s);
	gp_metric_set(&engine_memory, (int64_t)g->info.memory);
	gp_log_info("signatures: %llu of %s (version %u), read in %lld ms, %llu MB",
		    (unsigned long long)g->info.signatures, g->info.version, g->info.db_version,
		    (long long)g->info.load_ms, (unsigned long long)(g->info.memory >> 20));
}

void virus_engines_passed(struct virus_generation *g, struct virus_worker *first)
{
	struct virus_engines *e = g->engines;
	struct virus_generation *old = e->serving;

	e->coming = NULL;
	e->serving = g;
	e->has_failed &= g->is_copy;
	note_serving(e, g);
	virus_pool_serve(e->pool, g->id);
	virus_pool_add(e->pool, first);
	tell_pool(e);
	virus_generation_fill(g);
	if (old)
		virus_generation_retire(old);
	virus_generation_keep(g);
	if (e->is_wanted) { /* asked for while this one was coming */
		e->is_wanted = false;
		want(e);
	}
}

static bool has_copy(const struct virus_engines *e)
{
	char path[VIRUS_PATH_MAX + sizeof("/" VIRUS_DATABASE_GOOD)];

	snprintf(path, sizeof(path), "%s/" VIRUS_DATABASE_GOOD, e->settings.copy);
	return *e->settings.copy && access(path, R_OK) == 0;
}

void virus_engines_failed(struct virus_generation *g, int err, const char *why)
{
	struct virus_engines *e = g->engines;
	struct virus_status_report *r = &e->report;
	bool go_back;

	r->failed_at_s = gp_clock_real_s();
	r->failures++;
	gp_str_copy(r->failure, sizeof(r->failure), gp_str(why));
	gp_metric_add(&failures, 1);
	e->coming = NULL;
	e->has_failed = err == GP_EINVAL || err == GP_ENOENT;
	e->failed_fingerprint = g->fingerprint;
	if (!e->has_failed)
		gp_timer_set(e->loop, &e->retry, gp_clock_mono_ms() + RETRY_MS);
	go_back = e->has_failed && !e->serving && !g->is_copy && has_copy(e);
	gp_log_error("signatures: %s; %s", r->failure,
		     e->serving ? "the old ones stay"
		     : go_back	? "the copy of the last good ones is taken"
				: "mail cannot be scanned (on_error)");
	virus_generation_retire(g);
	if (go_back) {
		begin(e, true);
	} else if (e->is_wanted) {
		e->is_wanted = false;
		want(e);
	}
	tell_pool(e);
}

void virus_engines_orphaned(struct virus_generation *g)
{
	gp_log_warning("the loader of the signatures died; its workers go on until others are there");
	if (!g->engines->coming)
		g->engines->is_wanted = false; /* else it waits for a copy that will not be */
	want(g->engines);
}

void virus_engines_gone(struct virus_engines *e)
{
	for (const struct virus_generation *g = e->all; g; g = g->next)
		if (g->state == VIRUS_GEN_RETIRING)
			return;
	if (e->is_wanted && !e->coming && !e->serving && !e->is_closing)
		begin(e, false);
}

void virus_engines_lost(struct virus_engines *e, uint32_t worker)
{
	gp_metric_add(&lost_idle, 1);
	virus_cache_forget(e->cache, worker);
	gp_log_warning("a scan worker died between messages");
}

/* What asks for a new one. */

static bool has_changed(const struct virus_engines *e)
{
	const struct virus_generation *g = e->coming ? e->coming : e->serving;
	uint64_t now = fingerprint(e);

	if (e->has_failed && now == e->failed_fingerprint)
		return false;
	return !g || now != g->fingerprint || e->settings.worker_memory != g->worker_memory ||
	       memcmp(&e->settings.engine, &g->options, sizeof(g->options)) != 0;
}

/* The folder was quiet after a change, or it is time to look. */
static void database_changed(void *arg)
{
	struct virus_engines *e = arg;

	if (has_changed(e) && (e->settings.reload != VIRUS_RELOAD_MANUAL || !e->serving))
		want(e);
}

static void try_again(void *arg)
{
	want(arg);
}

static void spawner_says(void *arg, unsigned events)
{
	struct virus_engines *e = arg;
	int fds[2] = {-1, -1};
	struct virus_generation *g = NULL;
	size_t len;
	int r = virus_wire_receive(e->spawner_fd, e->wire, &len, fds, true);

	(void)events;
	if (r == GP_ETEMP)
		return;
	if (r < 0 || e->wire->head.kind != VIRUS_STARTED) {
		/* No message is lost: who restarts us gets them again. */
		gp_log_error("the process that starts loaders is gone: giving up");
		_exit(EX_SOFTWARE);
	}
	for (struct virus_generation *each = e->all; each; each = each->next)
		if (!each->is_started)
			g = each; /* the oldest: answers come in the order of the orders */
	if (g) {
		virus_generation_started(g, e->wire->head.err, fds[0], fds[1]);
		return;
	}
	gp_fd_close(&fds[0]);
	gp_fd_close(&fds[1]);
}

/* From other threads. */

static void take_settings(const struct virus_conf *conf, struct virus_engines_settings *ret)
{
	virus_engine_options(conf, &ret->engine);
	gp_str_copy(ret->copy, sizeof(ret->copy), gp_str(conf->database_copy));
	ret->reload = (enum virus_reload)conf->reload;
	ret->workers = virus_workers(conf);
	ret->worker_memory = (uint64_t)conf->worker_memory;
	ret->worker_messages = (uint64_t)conf->worker_messages;
	ret->cpu_s = (uint32_t)(conf->deadline_ms / 1000 + 1);
	ret->database_check_ms = conf->database_check_ms;
}

static void open_in_loop(void *arg)
{
	struct virus_engines *e = arg;

	e->spawner_watch = gp_loop_watch_fd(e->loop, e->spawner_fd, GP_IO_READ, spawner_says, e);
	e->database_watch = virus_watch_new(e->loop, e->settings.engine.database, e->settings.database_check_ms,
					    database_changed, e);
	begin(e, false);
}

struct virus_engines *virus_engines_open(const struct virus_engines_options *o)
{
	struct virus_engines *e = gp_xcalloc(1, sizeof(*e));

	*e = (struct virus_engines){.loop = o->loop, .pool = o->pool, .cache = o->cache,
				    .spawner_fd = o->spawner_fd,
				    .wire = gp_xmalloc(sizeof(*e->wire))};
	take_settings(o->conf, &e->settings);
	e->retry = (struct gp_timer){.fn = try_again, .arg = e};
	virus_pool_set_messages(e->pool, e->settings.worker_messages);
	gp_loop_run_in(e->loop, open_in_loop, e);
	return e;
}

struct configuring {
	struct virus_engines *e;
	const struct virus_conf *conf;
};

static void configure_in_loop(void *arg)
{
	const struct configuring *c = arg;
	struct virus_engines *e = c->e;
	struct virus_engine_options old = e->settings.engine;
	const struct virus_generation *g = e->serving;

	take_settings(c->conf, &e->settings);
	/* These hold until the next start. */
	memcpy(e->settings.engine.database, old.database, sizeof(old.database));
	memcpy(e->settings.engine.temporary, old.temporary, sizeof(old.temporary));
	virus_pool_set_messages(e->pool, e->settings.worker_messages);
	virus_watch_set_interval(e->database_watch, e->settings.database_check_ms);
	virus_pool_shrink(e->pool, g && g->alive > e->settings.workers ? g->alive - e->settings.workers : 0);
	if (has_changed(e))
		want(e);
	else if (e->serving)
		virus_generation_fill(e->serving);
}

void virus_engines_configure(struct virus_engines *e, const struct virus_conf *conf)
{
	struct configuring c = {e, conf};

	gp_loop_run_in(e->loop, configure_in_loop, &c);
}

static void reload_in_loop(void *arg)
{
	struct virus_engines *e = arg;

	e->has_failed = false;
	want(e);
}

void virus_engines_reload(struct virus_engines *e)
{
	gp_loop_run_in(e->loop, reload_in_loop, e);
}

struct reporting {
	struct virus_engines *e;
	struct virus_status_report *ret;
};

static void report_in_loop(void *arg)
{
	const struct reporting *r = arg;
	const struct virus_engines *e = r->e;

	*r->ret = e->report;
	r->ret->is_serving = e->serving != NULL;
	r->ret->is_loading = e->coming || e->is_wanted;
	r->ret->workers = e->serving ? e->serving->alive : 0;
}

void virus_engines_report(struct virus_engines *e, struct virus_status_report *ret)
{
	struct reporting r = {e, ret};

	gp_loop_run_in(e->loop, report_in_loop, &r);
}

void virus_engines_end(struct virus_engines *e, int pidfd)
{
	struct virus_wire_head order = {.kind = VIRUS_KILL};

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0 || errno == ESRCH)
		return;
	if (virus_wire_send(e->spawner_fd, &order, sizeof(order), &pidfd, 1, true) < 0)
		gp_log_error("a process that hangs cannot be killed");
}

void virus_engines_kill(struct virus_engines *e, const struct virus_worker *w)
{
	virus_engines_end(e, w->pidfd);
}

static void close_in_loop(void *arg)
{
	struct virus_engines *e = arg;

	e->is_closing = true;
	gp_timer_clear(e->loop, &e->retry);
	virus_watch_free(&e->database_watch);
	gp_watch_free(&e->spawner_watch);
	e->serving = e->coming = NULL;
	virus_pool_serve(e->pool, 0);
	virus_pool_expect(e->pool, false);
	while (e->all)
		virus_generation_free(e->all);
	gp_fd_close(&e->spawner_fd);
}

void virus_engines_close(struct virus_engines **engines)
{
	struct virus_engines *e = *engines;

	if (!e)
		return;
	*engines = NULL;
	gp_loop_run_in(e->loop, close_in_loop, e);
	free(e->wire);
	free(e);
}
