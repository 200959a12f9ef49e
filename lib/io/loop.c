/*
 * Event loop on epoll: one thread, watches, a heap of timers, and a queue of
 * calls from other threads that an eventfd announces.
 *
 * A watch freed while its event is already collected must not be touched by the
 * rest of the round, so freed watches are parked until the round is over.
 *
 * It has no priorities and no deferred calls: a callback that wants to go on
 * later posts itself.  What callbacks post runs at the end of their turn, what those calls
 * post behind them; only then it sleeps.
 */
#include "lib/io/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

#define ROUND_EVENTS 64
/* Sleeps at the longest this long, so that a clock set by a test is noticed. */
#define SLEEP_MAX_MS 1000

struct gp_watch {
	struct gp_loop *loop;
	gp_watch_fn *fn; /* NULL: freed, waits for the end of the round */
	void *arg;
	int fd;
	unsigned events;
	struct gp_watch *next_dead;
};

struct gp_loop {
	int epoll_fd, wake_fd;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the queue and is_stopping */
	struct gp_call *head, **tail;
	bool is_stopping;
	/* The rest is the loop thread's. */
	struct gp_timer **heap;
	size_t timers, heap_size;
	struct gp_watch *dead;
};

/* Timers: a binary heap by time. */

static void heap_place(struct gp_loop *loop, size_t at, struct gp_timer *t)
{
	loop->heap[at] = t;
	t->pos = at + 1;
}

static void heap_sift(struct gp_loop *loop, size_t at)
{
	struct gp_timer *t = loop->heap[at];

	while (at > 0 && loop->heap[(at - 1) / 2]->at_ms > t->at_ms) {
		heap_place(loop, at, loop->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < loop->timers &&
		    loop->heap[child + 1]->at_ms < loop->heap[child]->at_ms)
			child++;
		if (child >= loop->timers || loop->heap[child]->at_ms >= t->at_ms)
			break;
		heap_place(loop, at, loop->heap[child]);
		at = child;
	}
	heap_place(loop, at, t);
}

void gp_timer_clear(struct gp_loop *loop, struct gp_timer *t)
{
	size_t at = t->pos - 1;

	if (t->pos == 0)
		return;
	t->pos = 0;
	loop->timers--;
	if (at < loop->timers) {
		heap_place(loop, at, loop->heap[loop->timers]);
		heap_sift(loop, at);
	}
}

void gp_timer_set(struct gp_loop *loop, struct gp_timer *t, int64_t at_ms)
{
	gp_timer_clear(loop, t);
	if (loop->timers == loop->heap_size) {
		loop->heap_size = loop->heap_size ? 2 * loop->heap_size : 16;
		loop->heap = gp_xreallocarray(loop->heap, loop->heap_size, sizeof(struct gp_timer *));
	}
	t->at_ms = at_ms;
	heap_place(loop, loop->timers++, t);
	heap_sift(loop, t->pos - 1);
}

static void timers_run(struct gp_loop *loop)
{
	int64_t now = gp_clock_mono_ms();

	while (loop->timers > 0 && loop->heap[0]->at_ms <= now) {
		struct gp_timer *t = loop->heap[0];

		gp_timer_clear(loop, t);
		t->fn(t->arg);
	}
}

static int sleep_ms(const struct gp_loop *loop)
{
	int64_t left;

	if (loop->timers == 0)
		return -1;
	left = loop->heap[0]->at_ms - gp_clock_mono_ms();
	return left < 0 ? 0 : (int)GP_MIN(left, (int64_t)SLEEP_MAX_MS);
}

/* Watches. */

static uint32_t epoll_bits(unsigned events)
{
	return (events & GP_IO_READ ? (uint32_t)EPOLLIN : 0) |
	       (events & GP_IO_WRITE ? (uint32_t)EPOLLOUT : 0);
}

struct gp_watch *gp_loop_watch_fd(struct gp_loop *loop, int fd, unsigned events, gp_watch_fn *fn,
				  void *arg)
{
	struct gp_watch *w = gp_xcalloc(1, sizeof(*w));
	struct epoll_event ev = {.events = epoll_bits(events), .data.ptr = w};

	*w = (struct gp_watch){.loop = loop, .fn = fn, .arg = arg, .fd = fd, .events = events};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		gp_freep(&w);
		return NULL;
	}
	return w;
}

void gp_watch_set(struct gp_watch *w, unsigned events)
{
	struct epoll_event ev = {.events = epoll_bits(events), .data.ptr = w};

	if (w->events == events)
		return;
	w->events = events;
	(void)epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
}

void gp_watch_free(struct gp_watch **w)
{
	struct gp_watch *old = *w;

	if (!old)
		return;
	*w = NULL;
	(void)epoll_ctl(old->loop->epoll_fd, EPOLL_CTL_DEL, old->fd, NULL);
	old->fn = NULL;
	old->next_dead = old->loop->dead;
	old->loop->dead = old;
}

static void dead_free(struct gp_loop *loop)
{
	while (loop->dead) {
		struct gp_watch *w = loop->dead;

		loop->dead = w->next_dead;
		free(w);
	}
}

static void watch_run(struct gp_watch *w, uint32_t bits)
{
	unsigned events = (bits & EPOLLIN ? GP_IO_READ : 0u) | (bits & EPOLLOUT ? GP_IO_WRITE : 0u);

	if (bits & (EPOLLERR | EPOLLHUP))
		events |= GP_IO_READ | GP_IO_WRITE | GP_IO_ERROR;
	if (w->fn)
		w->fn(w->arg, events);
}

/* Calls. */

static void wake(struct gp_loop *loop)
{
	uint64_t one = 1;

	while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void gp_loop_post(struct gp_loop *loop, struct gp_call *call)
{
	bool was_empty;

	call->next = NULL;
	pthread_mutex_lock(&loop->lock);
	was_empty = !loop->head;
	*loop->tail = call;
	loop->tail = &call->next;
	pthread_mutex_unlock(&loop->lock);
	if (was_empty && !gp_loop_is_inside(loop))
		wake(loop);
}

static bool has_calls(struct gp_loop *loop)
{
	bool is_waiting;

	pthread_mutex_lock(&loop->lock);
	is_waiting = loop->head != NULL;
	pthread_mutex_unlock(&loop->lock);
	return is_waiting;
}

/* Runs what is queued; false when the loop is to stop and nothing is left. */
static bool calls_run(struct gp_loop *loop)
{
	struct gp_call *call;
	bool go_on;

	pthread_mutex_lock(&loop->lock);
	call = loop->head;
	loop->head = NULL;
	loop->tail = &loop->head;
	go_on = call || !loop->is_stopping;
	pthread_mutex_unlock(&loop->lock);
	while (call) {
		struct gp_call *next = call->next;

		call->fn(call->arg); /* may free or post the call again */
		call = next;
	}
	return go_on;
}

struct run_in {
	struct gp_call call;
	gp_call_fn *fn;
	void *arg;
	sem_t done;
};

static void run_in_call(void *arg)
{
	struct run_in *r = arg;

	r->fn(r->arg);
	sem_post(&r->done);
}

void gp_loop_run_in(struct gp_loop *loop, gp_call_fn *fn, void *arg)
{
	struct run_in r = {.call = {.fn = run_in_call}, .fn = fn, .arg = arg};

	assert(!gp_loop_is_inside(loop));
	r.call.arg = &r;
	sem_init(&r.done, 0, 0);
	gp_loop_post(loop, &r.call);
	while (sem_wait(&r.done) < 0)
		;
	sem_destroy(&r.done);
}

/* The thread. */

static void *loop_main(void *arg)
{
	struct gp_loop *loop = arg;
	struct epoll_event events[ROUND_EVENTS];
	uint64_t count;

	while (calls_run(loop)) {
		int n;

		/* What these calls have posted, so that a turn ends before the next begins. */
		(void)calls_run(loop);
		n = epoll_wait(loop->epoll_fd, events, ROUND_EVENTS,
			       has_calls(loop) ? 0 : sleep_ms(loop));

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				watch_run(events[i].data.ptr, events[i].events);
			else if (read(loop->wake_fd, &count, sizeof(count)) < 0)
				continue;
		}
		timers_run(loop);
		dead_free(loop);
	}
	return NULL;
}

bool gp_loop_is_inside(const struct gp_loop *loop)
{
	return pthread_equal(pthread_self(), loop->thread);
}

static void loop_free(struct gp_loop *loop)
{
	gp_fd_close(&loop->epoll_fd);
	gp_fd_close(&loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop->heap);
	free(loop);
}

int gp_loop_open(struct gp_loop **ret, struct gp_diag *diag)
{
	struct gp_loop *loop = gp_xcalloc(1, sizeof(*loop));
	struct epoll_event ev = {.events = EPOLLIN};
	sigset_t all, old;
	int err;

	loop->tail = &loop->head;
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &ev) < 0) {
		err = gp_diag_errno(diag, "event loop");
		loop_free(loop);
		return err;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&loop->thread, NULL, loop_main, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		err = gp_diag_errno(diag, "I/O thread");
		loop_free(loop);
		return err;
	}
	*ret = loop;
	return GP_OK;
}

void gp_loop_close(struct gp_loop **loop)
{
	struct gp_loop *old = *loop;

	if (!old)
		return;
	*loop = NULL;
	pthread_mutex_lock(&old->lock);
	old->is_stopping = true;
	pthread_mutex_unlock(&old->lock);
	wake(old);
	pthread_join(old->thread, NULL);
	dead_free(old);
	loop_free(old);
}
