/*
 * The pool; see the header.
 */
#include "milter-virus/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

/* Postfix waits 300 s for an answer, counted anew with each sign of life. */
#define TICK_MS 5000

static struct gp_metric idle = GP_GAUGE("gatepost_virus_workers_idle", "Scan workers that wait.");
static struct gp_metric busy = GP_GAUGE("gatepost_virus_workers_busy", "Scan workers that scan.");
static struct gp_metric waiting =
	GP_GAUGE("gatepost_virus_waiting", "Messages that wait for a worker.");

/* One that waits; on its own stack. */
struct waiter {
	pthread_cond_t wake;
	struct virus_worker *worker; /* handed over */
	struct waiter *next;
};

struct virus_pool {
	pthread_mutex_t lock;
	uint32_t serving; /* generation; 0: none */
	bool is_expected;
	uint64_t messages_max;
	unsigned excess; /* workers of the generation that serves that are to end after their message */
	struct virus_worker *idle; /* the last used first: its memory is warm */
	struct waiter *first, **last;
	struct virus_pool_counts counts;
};

void virus_pool_register_metrics(void)
{
	gp_metric_register(&idle);
	gp_metric_register(&busy);
	gp_metric_register(&waiting);
}

/* Under the lock, after the counts changed. */
static void publish(const struct virus_pool *p)
{
	gp_metric_set(&idle, (int64_t)p->counts.idle);
	gp_metric_set(&busy, (int64_t)p->counts.busy);
	gp_metric_set(&waiting, (int64_t)p->counts.waiting);
}

static void unlock(struct virus_pool *p)
{
	publish(p);
	pthread_mutex_unlock(&p->lock);
}

struct virus_pool *virus_pool_new(void)
{
	struct virus_pool *p = gp_xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	p->last = &p->first;
	return p;
}

void virus_pool_free(struct virus_pool **pool)
{
	struct virus_pool *p = *pool;

	if (!p)
		return;
	assert(!p->first && !p->idle && p->counts.busy == 0);
	*pool = NULL;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct virus_worker *virus_worker_new(int fd, int pidfd, uint32_t generation)
{
	static atomic_uint serials;
	struct virus_worker *w = gp_xcalloc(1, sizeof(*w));

	*w = (struct virus_worker){.fd = fd, .pidfd = pidfd, .generation = generation, .refs = 1,
				   .serial = atomic_fetch_add(&serials, 1) + 1};
	return w;
}

static void unref(struct virus_worker *w)
{
	if (--w->refs > 0)
		return;
	gp_fd_close(&w->fd);
	gp_fd_close(&w->pidfd);
	free(w);
}

/* Ends it: its socket is closed. */
static void dismiss(struct virus_worker *w)
{
	gp_fd_close(&w->fd);
	unref(w);
}

/* Under the lock; takes over the reference. */
static void hand_out(struct virus_pool *p, struct virus_worker *w)
{
	struct waiter *waiter = p->first;

	if (w->is_gone || w->generation != p->serving) {
		dismiss(w);
		return;
	}
	if (!waiter) {
		w->is_idle = true;
		w->next = p->idle;
		p->idle = w;
		p->counts.idle++;
		return;
	}
	p->first = waiter->next;
	if (!p->first)
		p->last = &p->first;
	p->counts.waiting--;
	p->counts.busy++;
	waiter->worker = w;
	pthread_cond_signal(&waiter->wake);
}

static struct virus_worker *take_idle(struct virus_pool *p)
{
	struct virus_worker *w = p->idle;

	if (!w)
		return NULL;
	p->idle = w->next;
	w->is_idle = false;
	p->counts.idle--;
	p->counts.busy++;
	return w;
}

static void leave_queue(struct virus_pool *p, struct waiter *waiter)
{
	struct waiter **at = &p->first;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	if (!*at)
		p->last = at;
	p->counts.waiting--;
}

/* Until a worker was handed over, or there is no hope for one.  Under the lock. */
static int wait_for_worker(struct virus_pool *p, struct waiter *waiter, const struct virus_wait *wait)
{
	int64_t now_ms;

	while (!waiter->worker) {
		int64_t until_ms;
		struct timespec until;

		now_ms = gp_clock_mono_ms();
		if (!p->is_expected || now_ms >= wait->deadline_ms) {
			int r = p->is_expected ? GP_ETEMP : GP_ENOENT;

			leave_queue(p, waiter);
			return r;
		}
		until_ms = GP_MIN(wait->deadline_ms, now_ms + TICK_MS);
		until = (struct timespec){.tv_sec = until_ms / 1000,
					  .tv_nsec = until_ms % 1000 * 1000000};
		if (pthread_cond_timedwait(&waiter->wake, &p->lock, &until) != 0 &&
		    !waiter->worker && wait->tick) {
			unlock(p);
			wait->tick(wait->arg);
			pthread_mutex_lock(&p->lock);
		}
	}
	return GP_OK;
}

static int queue_up(struct virus_pool *p, const struct virus_wait *wait, struct virus_worker **ret)
{
	struct waiter waiter = {.worker = NULL};
	pthread_condattr_t attr;
	int r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&waiter.wake, &attr);
	pthread_condattr_destroy(&attr);
	*p->last = &waiter;
	p->last = &waiter.next;
	p->counts.waiting++;
	r = wait_for_worker(p, &waiter, wait);
	if (r == GP_OK)
		*ret = waiter.worker;
	pthread_cond_destroy(&waiter.wake);
	return r;
}

int virus_pool_acquire(struct virus_pool *p, const struct virus_wait *wait, struct virus_worker **ret)
{
	struct virus_worker *w;
	int r = GP_OK;

	pthread_mutex_lock(&p->lock);
	w = take_idle(p);
	if (w)
		*ret = w;
	else if (!p->is_expected)
		r = GP_ENOENT;
	else if (p->counts.waiting >= wait->queue_max)
		r = GP_ELIMIT;
	else
		r = queue_up(p, wait, ret);
	unlock(p);
	return r;
}

bool virus_pool_release(struct virus_pool *p, struct virus_worker *w, bool is_sound)
{
	bool was_there;

	pthread_mutex_lock(&p->lock);
	was_there = !w->is_gone;
	p->counts.busy--;
	w->n_messages++;
	if (!is_sound || (p->messages_max && w->n_messages >= p->messages_max)) {
		dismiss(w);
	} else if (p->excess > 0 && w->generation == p->serving) {
		p->excess--;
		dismiss(w);
	} else {
		hand_out(p, w);
	}
	unlock(p);
	return was_there;
}

void virus_pool_count(struct virus_pool *p, struct virus_pool_counts *ret)
{
	pthread_mutex_lock(&p->lock);
	*ret = p->counts;
	unlock(p);
}

void virus_pool_add(struct virus_pool *p, struct virus_worker *w)
{
	pthread_mutex_lock(&p->lock);
	w->refs++;
	hand_out(p, w);
	unlock(p);
}

/* Takes idle workers out of the list and ends them: one, or all of other generations. */
static void end_idle(struct virus_pool *p, const struct virus_worker *only)
{
	struct virus_worker **at = &p->idle;

	while (*at) {
		struct virus_worker *w = *at;

		if (only ? w != only : w->generation == p->serving) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->is_idle = false;
		p->counts.idle--;
		dismiss(w);
	}
}

bool virus_pool_drop(struct virus_pool *p, struct virus_worker *w, uint64_t *ret_messages)
{
	bool was_idle;

	pthread_mutex_lock(&p->lock);
	was_idle = w->is_idle;
	w->is_gone = true;
	if (ret_messages)
		*ret_messages = w->n_messages;
	if (was_idle)
		end_idle(p, w);
	unref(w);
	unlock(p);
	return was_idle;
}

bool virus_pool_is_dismissed(struct virus_pool *p, const struct virus_worker *w)
{
	bool is_dismissed;

	pthread_mutex_lock(&p->lock);
	is_dismissed = w->fd < 0;
	pthread_mutex_unlock(&p->lock);
	return is_dismissed;
}

void virus_pool_serve(struct virus_pool *p, uint32_t generation)
{
	pthread_mutex_lock(&p->lock);
	p->serving = generation;
	p->excess = 0;
	end_idle(p, NULL);
	unlock(p);
}

void virus_pool_expect(struct virus_pool *p, bool is_expected)
{
	pthread_mutex_lock(&p->lock);
	p->is_expected = is_expected;
	for (struct waiter *w = p->first; w && !is_expected; w = w->next)
		pthread_cond_signal(&w->wake);
	unlock(p);
}

void virus_pool_shrink(struct virus_pool *p, unsigned n)
{
	pthread_mutex_lock(&p->lock);
	for (; n > 0 && p->idle; n--)
		end_idle(p, p->idle);
	p->excess = n;
	unlock(p);
}

void virus_pool_set_messages(struct virus_pool *p, uint64_t messages_max)
{
	pthread_mutex_lock(&p->lock);
	p->messages_max = messages_max;
	unlock(p);
}
