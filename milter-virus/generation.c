/*
 * One generation of the engine: its loader, its workers.  See engines.h.
 *
 * Processes are known by descriptors (pidfd), which become readable at their end: so the end of
 * each is noticed once, whoever caused it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "milter-virus/database.h"
#include "milter-virus/engines_int.h"

#define SWEEP_MS 3000	  /* a process that was let go has at least this long to end by itself */
#define REST_MS 1000	  /* after a worker that could not even begin */
#define KEEP_MS 130000	  /* a copy of it; the loader ends that sooner */
#define LOAD_MS 1800000	  /* a database that takes half an hour is not going to come */

/* A worker, as its generation sees it. */
struct virus_member {
	struct virus_generation *gen;
	struct virus_worker *worker;
	struct gp_watch *watch;
	bool is_awaited; /* as of the generation */
	struct virus_member *next;
};

static void close_loader(struct virus_generation *g)
{
	gp_watch_free(&g->fd_watch);
	gp_fd_close(&g->fd);
}

/* Ends the loader once nothing needs it, and the whole when that has ended too. */
static void settle_retired(struct virus_generation *g)
{
	struct virus_engines *e = g->engines;

	if (g->state != VIRUS_GEN_RETIRING || g->alive > 0)
		return;
	close_loader(g);
	if (g->pidfd >= 0)
		return; /* its end is waited for: memory is free only then */
	virus_generation_free(g);
	virus_engines_gone(e);
}

void virus_generation_free(struct virus_generation *g)
{
	struct virus_engines *e = g->engines;
	struct virus_generation **at = &e->all;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	virus_selftest_free(&g->test);
	while (g->members) {
		struct virus_member *m = g->members;

		g->members = m->next;
		gp_watch_free(&m->watch);
		(void)virus_pool_drop(e->pool, m->worker, NULL);
		free(m);
	}
	gp_timer_clear(e->loop, &g->timer);
	gp_timer_clear(e->loop, &g->sweep);
	close_loader(g);
	gp_watch_free(&g->pid_watch);
	gp_fd_close(&g->pidfd);
	free(g);
}

/* Workers. */

static void order_worker(struct virus_generation *g)
{
	struct virus_wire_head order = {.kind = VIRUS_FORK};

	if (g->fd >= 0 && virus_wire_send(g->fd, &order, sizeof(order), NULL, 0, true) == GP_OK)
		g->ordered++;
}

static void fill_later(void *arg)
{
	virus_generation_fill(arg);
}

void virus_generation_fill(struct virus_generation *g)
{
	unsigned wanted = g->engines->settings.workers;
	int64_t now_ms = gp_clock_mono_ms();

	if (g->state != VIRUS_GEN_SERVING || g->fd < 0)
		return;
	if (now_ms < g->rest_until_ms) {
		gp_timer_set(g->engines->loop, &g->timer, g->rest_until_ms);
		return;
	}
	for (unsigned n = g->alive + g->ordered; n < wanted; n++)
		order_worker(g);
}

static void worker_ended(void *arg, unsigned events)
{
	struct virus_member *m = arg, **at;
	struct virus_generation *g = m->gen;
	struct virus_engines *e = g->engines;
	uint32_t serial = m->worker->serial;
	uint64_t n_messages;
	bool was_idle;

	(void)events;
	for (at = &g->members; *at != m; at = &(*at)->next)
		;
	*at = m->next;
	g->alive--;
	gp_watch_free(&m->watch);
	was_idle = virus_pool_drop(e->pool, m->worker, &n_messages);
	if (n_messages == 0)
		g->rest_until_ms = gp_clock_mono_ms() + REST_MS;
	free(m);
	if (was_idle)
		virus_engines_lost(e, serial);
	if (g->state == VIRUS_GEN_TESTING) {
		virus_engines_failed(g, GP_ESYS, "its first worker died");
		return;
	}
	virus_generation_fill(g);
	settle_retired(g);
}

/* True: it did not end, and is killed. */
static bool end_late(struct virus_generation *g, int pidfd, const char *what, bool is_let_go,
		     bool *is_awaited)
{
	bool is_late = is_let_go && *is_awaited;

	if (is_late) {
		gp_log_warning("a %s that should have ended is killed", what);
		virus_engines_end(g->engines, pidfd);
	}
	*is_awaited = is_let_go;
	return is_late;
}

static void kept(struct virus_generation *g)
{
	g->keeping_until_ms = 0;
	virus_engines_kept(g->engines);
}

/* The end of its socket ends a process, but not one that is stopped, or in a stranger's hands: it
 * would keep its memory, and the next generation would wait for that. */
static void sweep(void *arg)
{
	struct virus_generation *g = arg;
	struct virus_engines *e = g->engines;

	if (g->keeping_until_ms && gp_clock_mono_ms() > g->keeping_until_ms)
		kept(g);
	for (struct virus_member *m = g->members; m; m = m->next)
		if (end_late(g, m->worker->pidfd, "scan worker",
			     virus_pool_is_dismissed(e->pool, m->worker), &m->is_awaited))
			virus_cache_forget(e->cache, m->worker->serial);
	if (g->pidfd >= 0)
		(void)end_late(g, g->pidfd, "loader", g->is_started && g->fd < 0, &g->is_awaited);
	gp_timer_set(e->loop, &g->sweep, gp_clock_mono_ms() + SWEEP_MS);
}

/* Its time to load is over; the timer now looks after its workers. */
static void watch_no_more(struct virus_generation *g)
{
	gp_timer_clear(g->engines->loop, &g->timer);
	g->timer = (struct gp_timer){.fn = fill_later, .arg = g};
}

static void tested(void *arg, const char *why)
{
	struct virus_generation *g = arg;

	g->test = NULL; /* it ends itself */
	if (why) {
		virus_engines_failed(g, GP_EINVAL, why);
		return;
	}
	g->state = VIRUS_GEN_SERVING;
	watch_no_more(g);
	virus_engines_passed(g, g->members->worker);
}

static void add_worker(struct virus_generation *g, int fd, int pidfd)
{
	struct virus_engines *e = g->engines;
	struct virus_member *m = gp_xcalloc(1, sizeof(*m));

	m->gen = g;
	m->worker = virus_worker_new(fd, pidfd, g->id);
	m->next = g->members;
	g->members = m;
	g->alive++;
	m->watch = gp_loop_watch_fd(e->loop, pidfd, GP_IO_READ, worker_ended, m);
	if (!m->watch)
		gp_log_error("a scan worker cannot be watched");
	if (g->state == VIRUS_GEN_TESTING)
		g->test = virus_selftest_begin(e->loop, m->worker,
					       g->options.switches[VIRUS_SCAN_MAIL], tested, g);
	else
		virus_pool_add(e->pool, m->worker); /* which ends it if this one has retired */
}

static void worker_started(struct virus_generation *g, int err, int fds[2])
{
	g->ordered -= g->ordered > 0;
	if (!err && fds[0] >= 0 && fds[1] >= 0) {
		add_worker(g, fds[0], fds[1]);
		return;
	}
	gp_fd_close(&fds[0]);
	gp_fd_close(&fds[1]);
	gp_log_warning("starting a scan worker: %s", strerror(err ? err : EIO));
	if (g->state == VIRUS_GEN_TESTING) {
		virus_engines_failed(g, GP_ESYS, "no worker could be started");
		return;
	}
	g->rest_until_ms = gp_clock_mono_ms() + REST_MS;
	virus_generation_fill(g);
}

/* The loader. */

static void loader_says(void *arg, unsigned events)
{
	struct virus_generation *g = arg;
	union virus_wire *wire = g->engines->wire;
	int fds[2] = {-1, -1};
	size_t len;
	int r = virus_wire_receive(g->fd, wire, &len, fds, true);

	(void)events;
	if (r == GP_ETEMP)
		return;
	if (r == GP_OK && wire->head.kind == VIRUS_STARTED) {
		worker_started(g, wire->head.err, fds);
		return;
	}
	gp_fd_close(&fds[0]);
	gp_fd_close(&fds[1]);
	if (r == GP_OK && wire->head.kind == VIRUS_READY && g->state == VIRUS_GEN_LOADING) {
		g->info = wire->ready.info;
		g->info.version[sizeof(g->info.version) - 1] = '\0';
		g->state = VIRUS_GEN_TESTING;
		order_worker(g);
	} else if (r == GP_OK && wire->head.kind == VIRUS_KEPT) {
		kept(g);
	} else if (r == GP_OK && wire->head.kind == VIRUS_FAILED_TO_LOAD) {
		wire->failed.text[sizeof(wire->failed.text) - 1] = '\0';
		virus_engines_failed(g, wire->head.err, wire->failed.text);
	} else {
		close_loader(g); /* it is gone, which its pidfd tells, or talks nonsense */
	}
}

static void loader_ended(void *arg, unsigned events)
{
	struct virus_generation *g = arg;

	(void)events;
	gp_watch_free(&g->pid_watch);
	gp_fd_close(&g->pidfd);
	if (g->state == VIRUS_GEN_LOADING || g->state == VIRUS_GEN_TESTING) {
		virus_engines_failed(g, GP_ESYS, "its loader died");
		return;
	}
	close_loader(g);
	g->ordered = 0;
	g->keeping_until_ms = 0;
	if (g->state == VIRUS_GEN_SERVING)
		virus_engines_orphaned(g);
	else
		settle_retired(g);
}

static void load_late(void *arg)
{
	virus_engines_failed(arg, GP_ETEMP, "it takes too long");
}

void virus_generation_keep(struct virus_generation *g)
{
	struct virus_wire_keep order = {.head = {.kind = VIRUS_KEEP}, .fingerprint = g->fingerprint};

	memcpy(order.folder, g->engines->settings.copy, sizeof(order.folder));
	if (*order.folder && !g->is_copy && g->fd >= 0 &&
	    virus_wire_send(g->fd, &order, sizeof(order), NULL, 0, true) == GP_OK)
		g->keeping_until_ms = gp_clock_mono_ms() + KEEP_MS;
}

int virus_generation_begin(struct virus_engines *e, uint64_t fingerprint, bool is_copy)
{
	struct virus_generation *g = gp_xcalloc(1, sizeof(*g));
	struct virus_wire_load order = {
		.head = {.kind = VIRUS_LOAD},
		.options = e->settings.engine,
		.worker_memory = e->settings.worker_memory,
		.cpu_s = e->settings.cpu_s,
	};
	int r;

	*g = (struct virus_generation){.engines = e, .id = ++e->last_id, .fd = -1, .pidfd = -1,
				       .fingerprint = fingerprint, .is_copy = is_copy,
				       .next = e->all};
	g->options = e->settings.engine;
	g->worker_memory = e->settings.worker_memory;
	if (is_copy)
		snprintf(order.options.database, sizeof(order.options.database), "%.*s/" VIRUS_DATABASE_GOOD,
			 (int)(sizeof(order.options.database) - sizeof("/" VIRUS_DATABASE_GOOD)), e->settings.copy);
	e->all = g;
	g->timer = (struct gp_timer){.fn = load_late, .arg = g};
	gp_timer_set(e->loop, &g->timer, gp_clock_mono_ms() + LOAD_MS);
	g->sweep = (struct gp_timer){.fn = sweep, .arg = g};
	gp_timer_set(e->loop, &g->sweep, gp_clock_mono_ms() + SWEEP_MS);
	e->coming = g;
	r = virus_wire_send(e->spawner_fd, &order, sizeof(order), NULL, 0, true);
	g->is_started = r < 0; /* no answer is to be waited for, nor another's to be taken for its own */
	return r;
}

void virus_generation_started(struct virus_generation *g, int err, int fd, int pidfd)
{
	struct gp_loop *loop = g->engines->loop;

	g->is_started = true;
	if (err) {
		virus_engines_failed(g, GP_ESYS, strerror(err));
		return;
	}
	g->fd = fd;
	g->pidfd = pidfd;
	g->fd_watch = gp_loop_watch_fd(loop, fd, GP_IO_READ, loader_says, g);
	g->pid_watch = gp_loop_watch_fd(loop, pidfd, GP_IO_READ, loader_ended, g);
	if (g->state == VIRUS_GEN_RETIRING)
		settle_retired(g);
	else
		g->state = VIRUS_GEN_LOADING;
}

void virus_generation_retire(struct virus_generation *g)
{
	bool was_tested = g->state == VIRUS_GEN_TESTING;

	g->state = VIRUS_GEN_RETIRING;
	watch_no_more(g);
	virus_selftest_free(&g->test);
	if (was_tested) /* the one that was tested is not in the pool */
		for (struct virus_member *m = g->members; m; m = m->next)
			gp_fd_close(&m->worker->fd);
	if (g->is_started)
		settle_retired(g);
}
