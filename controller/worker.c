/*
 * The controller's side of the workers; see the header.  Everything here runs on the
 * loop's thread, but for the calls that others make, which are posted to it.
 *
 * A worker goes STARTING (ordered from the spawner; then its first reply says that it is
 * ready) → IDLE → GIVEN (it was sent a job) → BUSY (it says that it has it) → IDLE, and
 * ends by the end of its socket, whatever the reason.  The job that it had is tried once
 * more on another one; one that it was only given, as often as it takes until the job's
 * deadline: the worker was dying already, and not of this message.
 */
#include "controller/worker.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "controller/spawner.h"
#include "controller/worker_send.h"
#include "controller/worker_wire.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define READ_SIZE 65536
#define START_MS 120000	  /* a scanner compiles its rules first */
#define RESTART_MS 1000	  /* before the next, when one could not even start */
#define SWEEP_MS 500	  /* jobs that wait are looked at so often */
#define COMPLAIN_MS 60000

static struct gp_metric working = GP_GAUGE("gatepost_controller_workers",
					   "Processes that read mail.");
static struct gp_metric busy = GP_GAUGE("gatepost_controller_workers_busy",
					"Processes that have a message to read.");
static struct gp_metric lost = GP_COUNTER("gatepost_controller_workers_lost_total",
					  "Workers that crashed, hung or met a limit.");
static struct gp_metric given_up = GP_COUNTER("gatepost_controller_messages_given_up_total",
					      "Messages that cost two workers.");

enum state { STARTING, IDLE, GIVEN, BUSY };

struct worker {
	struct workers *pool;
	enum worker_kind kind;
	enum state state;
	int fd, pidfd;
	struct gp_watch *watch;
	struct gp_timer timer; /* until it is ready; until its job must be done */
	struct gp_buf reply;
	struct worker_job *job;
	bool is_old; /* from before a reload: ends when it is idle */
	struct worker *next;
};

struct trade {
	struct worker_job *first, **last; /* jobs that wait, in order */
	unsigned max, n, ordered;	  /* workers: at the most, there, on their way */
	int64_t rest_until_ms;		  /* no new ones before */
};

struct workers {
	struct gp_loop *loop;
	int spawner_fd;
	struct gp_watch *spawner_watch;
	int64_t timeout_ms, new_timeout_ms;
	struct trade trades[WORKER_KINDS];
	struct worker *all;
	struct gp_timer sweep;
	int64_t complained_ms, lamented_ms; /* when: of descriptors, of workers that do not start */
	bool is_closing;
};

static void feed(struct workers *pool, enum worker_kind kind);

/* Jobs. */

static void finish(struct worker_job *job, enum worker_result result, struct gp_str reply)
{
	if (result == WORKER_REFUSED)
		gp_metric_add(&given_up, 1);
	job->done(job, result, reply);
}

static void append(struct trade *t, struct worker_job *job)
{
	job->next = NULL;
	*t->last = job;
	t->last = &job->next;
}

static struct worker_job *take(struct trade *t)
{
	struct worker_job *job = t->first;

	t->first = job->next;
	if (!t->first)
		t->last = &t->first;
	return job;
}

static void put_back(struct trade *t, struct worker_job *job)
{
	job->next = t->first;
	if (!t->first)
		t->last = &job->next;
	t->first = job;
}

/* Those that have waited too long; all of them when the workers are closed. */
static void expire(struct trade *t, int64_t now_ms, bool all, enum worker_result result)
{
	struct worker_job *job = t->first;

	t->first = NULL;
	t->last = &t->first;
	while (job) {
		struct worker_job *next = job->next;

		if (all || job->deadline_ms <= now_ms)
			finish(job, result, gp_str(NULL));
		else
			append(t, job);
		job = next;
	}
}

/* Workers. */

static void set_job(struct worker *w, struct worker_job *job)
{
	gp_metric_add(&busy, (job != NULL) - (w->job != NULL));
	w->job = job;
}

static void worker_free(struct worker *w)
{
	struct workers *pool = w->pool;
	struct worker **at = &pool->all;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	pool->trades[w->kind].n--;
	set_job(w, NULL);
	gp_metric_add(&working, -1);
	gp_timer_clear(pool->loop, &w->timer);
	gp_watch_free(&w->watch);
	gp_fd_close(&w->fd);
	gp_fd_close(&w->pidfd);
	gp_buf_done(&w->reply);
	free(w);
}

/* Those that do not even start are told of once a minute: another is tried each second. */
static void say_lost(struct worker *w, const char *why, bool again)
{
	int64_t now_ms = gp_clock_mono_ms();

	if (w->state == STARTING) {
		if (w->pool->lamented_ms && now_ms - w->pool->lamented_ms < COMPLAIN_MS)
			return;
		w->pool->lamented_ms = now_ms;
	}
	gp_log_warning("a worker %s%s", why,
		       again    ? ": its message is tried again on another"
		       : w->job ? ": its message is given up" : "");
}

/* It is gone, or must go: its job is tried once more, or again if it had not begun it. */
static void lose(struct worker *w, const char *why)
{
	struct workers *pool = w->pool;
	struct trade *t = &pool->trades[w->kind];
	enum worker_kind kind = w->kind;
	struct worker_job *job = w->job;
	bool again = job && (w->state == GIVEN || ++job->tries < WORKER_TRIES);

	(void)syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
	gp_metric_add(&lost, 1);
	say_lost(w, why, again);
	if (w->state == STARTING)
		t->rest_until_ms = gp_clock_mono_ms() + RESTART_MS;
	worker_free(w);
	if (again)
		put_back(t, job);
	else if (job)
		finish(job, WORKER_REFUSED, gp_str(NULL));
	feed(pool, kind);
}

static void timed_out(void *arg)
{
	struct worker *w = arg;

	lose(w, w->state == STARTING ? "does not get ready" : "takes too long");
}

/* Once a minute, whatever the number of messages. */
static void complain(struct workers *pool, const struct worker_job *job)
{
	int err = errno;
	int64_t now_ms = gp_clock_mono_ms();

	if (pool->complained_ms && now_ms - pool->complained_ms < COMPLAIN_MS)
		return;
	pool->complained_ms = now_ms;
	gp_log_error("a memory file of %zu bytes or a socket: %s: what is to be read waits",
		     job->message.len, strerror(err));
}

/* False: there are no descriptors or no memory for it now; it waits, at the head, for the
 * next sweep.  That is no fault of the message: one that was promised to be learned is not
 * given up for it. */
static bool begin(struct worker *w, struct worker_job *job)
{
	struct trade *t = &w->pool->trades[w->kind];
	GP_FD_AUTO file = worker_file(job->message);
	GP_FD_AUTO channel = file >= 0 && job->channel ? job->channel(job) : -1;

	if (file < 0 || (job->channel && channel < 0)) {
		complain(w->pool, job);
		put_back(t, job);
		return false;
	}
	if (!worker_send(w->fd, job, file, channel)) {
		put_back(t, job); /* it never saw the message, which so has not cost it */
		lose(w, "is gone");
		return true;
	}
	set_job(w, job);
	w->state = GIVEN;
	gp_timer_set(w->pool->loop, &w->timer, gp_clock_mono_ms() + w->pool->timeout_ms);
	return true;
}

static void replied(struct worker *w, struct gp_str bytes)
{
	struct worker_job *job = w->job;
	struct workers *pool = w->pool;
	enum worker_kind kind = w->kind;

	gp_timer_clear(pool->loop, &w->timer);
	set_job(w, NULL);
	w->state = IDLE;
	if (job)
		finish(job, WORKER_OK, bytes);
	gp_buf_reset(&w->reply);
	if (w->is_old)
		worker_free(w); /* the end of its socket ends it */
	feed(pool, kind);
}

/* A whole reply?  False when what came is none, or more than one. */
static bool look_at_reply(struct worker *w)
{
	struct worker_reply head;
	size_t size;

	if (w->state == IDLE)
		return w->reply.len == 0;
	if (w->reply.len < sizeof(head))
		return true;
	memcpy(&head, w->reply.data, sizeof(head));
	if (w->state == GIVEN && head.len == 0) {
		w->state = BUSY;
		gp_buf_consume(&w->reply, sizeof(head));
		return look_at_reply(w);
	}
	size = sizeof(head) + head.len;
	if (head.len > WORKER_REPLY_MAX || w->reply.len > size || w->state == GIVEN ||
	    (w->state == STARTING && head.len > 0))
		return false;
	if (w->reply.len == size)
		replied(w, gp_str_n(w->reply.data + sizeof(head), head.len));
	return true;
}

static void readable(void *arg, unsigned events)
{
	struct worker *w = arg;
	char *room = gp_buf_reserve(&w->reply, READ_SIZE);
	ssize_t n = room ? recv(w->fd, room, READ_SIZE, MSG_DONTWAIT) : 0;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		w->reply.len += (size_t)n;
	if (n <= 0)
		lose(w, w->state == STARTING ? "could not start" : "died");
	else if (!look_at_reply(w))
		lose(w, "talks nonsense");
}

/* Idle workers take what waits; more are ordered while there is more than they can take. */
static void feed(struct workers *pool, enum worker_kind kind)
{
	struct trade *t = &pool->trades[kind];
	struct worker *w, *next;

	for (w = pool->all; w && t->first && !pool->is_closing; w = next) {
		next = w->next;
		if (w->kind == kind && w->state == IDLE && !w->is_old) {
			if (!begin(w, take(t)))
				return;
			next = pool->all; /* a job's end may have changed the list */
		}
	}
	if (t->first && t->n + t->ordered < t->max && !pool->is_closing &&
	    gp_clock_mono_ms() >= t->rest_until_ms) {
		if (spawner_order(pool->spawner_fd, kind) == GP_OK)
			t->ordered++;
		else
			t->rest_until_ms = gp_clock_mono_ms() + RESTART_MS;
	}
}

static void add_worker(struct workers *pool, enum worker_kind kind, int fd, int pidfd)
{
	struct worker *w = gp_xcalloc(1, sizeof(*w));

	*w = (struct worker){.pool = pool, .kind = kind, .fd = fd, .pidfd = pidfd};
	gp_buf_init(&w->reply, sizeof(struct worker_reply) + WORKER_REPLY_MAX + READ_SIZE);
	w->timer = (struct gp_timer){.fn = timed_out, .arg = w};
	w->next = pool->all;
	pool->all = w;
	pool->trades[kind].n++;
	gp_metric_add(&working, 1);
	gp_timer_set(pool->loop, &w->timer, gp_clock_mono_ms() + START_MS);
	w->watch = gp_loop_watch_fd(pool->loop, fd, GP_IO_READ, readable, w);
	if (!w->watch)
		lose(w, "cannot be listened to");
}

static void spawned(void *arg, unsigned events)
{
	struct workers *pool = arg;
	struct spawner_order answer;
	int fd = -1, pidfd = -1;
	int r = spawner_answer(pool->spawner_fd, &answer, &fd, &pidfd);

	(void)events;
	if (r == GP_ENOENT)
		return;
	if (r < 0 || answer.kind >= WORKER_KINDS) {
		/* Nothing that was answered is lost; whoever restarts us gets all of it back. */
		gp_log_error("the process that starts workers is gone: giving up");
		_exit(EX_SOFTWARE);
	}
	pool->trades[answer.kind].ordered--;
	if (answer.err) {
		gp_log_warning("starting a worker: %s", strerror(answer.err));
		pool->trades[answer.kind].rest_until_ms = gp_clock_mono_ms() + RESTART_MS;
		return;
	}
	add_worker(pool, answer.kind, fd, pidfd);
	feed(pool, answer.kind); /* more may be needed */
}

static void sweep(void *arg)
{
	struct workers *pool = arg;
	int64_t now_ms = gp_clock_mono_ms();

	for (unsigned k = 0; k < WORKER_KINDS; k++) {
		expire(&pool->trades[k], now_ms, false, WORKER_LATE);
		feed(pool, k);
	}
	gp_timer_set(pool->loop, &pool->sweep, now_ms + SWEEP_MS);
}

/* From other threads. */

static void open_in_loop(void *arg)
{
	struct workers *pool = arg;

	pool->sweep = (struct gp_timer){.fn = sweep, .arg = pool};
	gp_timer_set(pool->loop, &pool->sweep, gp_clock_mono_ms() + SWEEP_MS);
	pool->spawner_watch =
		gp_loop_watch_fd(pool->loop, pool->spawner_fd, GP_IO_READ, spawned, pool);
	for (unsigned k = 0; k < WORKER_KINDS; k++)
		if (pool->trades[k].max && spawner_order(pool->spawner_fd, k) == GP_OK)
			pool->trades[k].ordered++;
}

struct workers *workers_open(const struct workers_options *options)
{
	struct workers *pool = gp_xcalloc(1, sizeof(*pool));

	pool->loop = options->loop;
	pool->spawner_fd = options->spawner_fd;
	pool->timeout_ms = options->timeout_ms;
	for (unsigned k = 0; k < WORKER_KINDS; k++) {
		pool->trades[k].max = options->counts[k];
		pool->trades[k].last = &pool->trades[k].first;
	}
	gp_loop_run_in(pool->loop, open_in_loop, pool);
	return pool;
}

static void ask_in_loop(void *arg)
{
	struct worker_job *job = arg;
	struct workers *pool = job->pool;

	if (pool->is_closing) {
		finish(job, WORKER_STOPPED, gp_str(NULL));
		return;
	}
	append(&pool->trades[job->kind], job);
	feed(pool, job->kind);
}

void workers_ask(struct workers *workers, struct worker_job *job)
{
	assert(job->params.len <= WORKER_PARAMS_MAX && workers->trades[job->kind].max > 0);
	job->pool = workers;
	job->tries = 0;
	job->call = (struct gp_call){.fn = ask_in_loop, .arg = job};
	gp_loop_post(workers->loop, &job->call);
}

static void replace_in_loop(void *arg)
{
	struct workers *pool = arg;
	struct worker *w, *next;

	pool->timeout_ms = pool->new_timeout_ms;
	for (w = pool->all; w; w = next) {
		next = w->next;
		w->is_old = true;
		if (w->state == IDLE)
			worker_free(w);
	}
	for (unsigned k = 0; k < WORKER_KINDS; k++)
		feed(pool, k);
}

void workers_replace(struct workers *workers, int64_t timeout_ms)
{
	workers->new_timeout_ms = timeout_ms;
	gp_loop_run_in(workers->loop, replace_in_loop, workers);
}

static void stop_in_loop(void *arg)
{
	struct workers *pool = arg;

	if (pool->is_closing)
		return;
	pool->is_closing = true;
	while (pool->all) {
		struct worker_job *job = pool->all->job;

		worker_free(pool->all);
		if (job)
			finish(job, WORKER_STOPPED, gp_str(NULL));
	}
	for (unsigned k = 0; k < WORKER_KINDS; k++)
		expire(&pool->trades[k], 0, true, WORKER_STOPPED);
	gp_timer_clear(pool->loop, &pool->sweep);
	gp_watch_free(&pool->spawner_watch);
	gp_fd_close(&pool->spawner_fd);
}

void workers_stop(struct workers *workers)
{
	if (workers)
		gp_loop_run_in(workers->loop, stop_in_loop, workers);
}

void workers_close(struct workers **workers)
{
	struct workers *old = *workers;

	if (!old)
		return;
	*workers = NULL;
	workers_stop(old);
	free(old);
}

void workers_register_metrics(void)
{
	gp_metric_register(&working);
	gp_metric_register(&busy);
	gp_metric_register(&lost);
	gp_metric_register(&given_up);
}
