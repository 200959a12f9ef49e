/*
 * Batches and jobs: see the header for the two references.
 *
 * One lock and one condition per batch.  A job holds a reference to its batch,
 * so an answer that comes after everybody left still finds a lock to take.
 */
#include "lib/io/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

struct gp_batch {
	pthread_mutex_t lock;
	pthread_cond_t done;
	atomic_uint refs; /* the asker's and one per job */
	atomic_bool is_abandoned;
	int64_t deadline_ms;
	struct gp_job *jobs; /* the asker's list */
	size_t open;	     /* jobs not done; under the lock */
	int event_fd;	     /* -1: nobody watches */
	struct gp_loop *loop;	/* with `call`, or NULL; under the lock */
	struct gp_call *call;
};

struct gp_batch *gp_batch_new(int64_t deadline_ms)
{
	struct gp_batch *b = gp_xcalloc(1, sizeof(*b));
	pthread_condattr_t attr;

	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->done, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&b->refs, 1);
	b->deadline_ms = deadline_ms;
	b->event_fd = -1;
	return b;
}

static void batch_unref(struct gp_batch *b)
{
	if (atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	gp_fd_close(&b->event_fd);
	pthread_cond_destroy(&b->done);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static void job_unref(struct gp_job *job)
{
	struct gp_batch *b = job->batch;

	if (atomic_fetch_sub(&job->refs, 1) != 1)
		return;
	job->destroy(job);
	batch_unref(b);
}

void gp_batch_free(struct gp_batch **batch)
{
	struct gp_batch *b = *batch;

	if (!b)
		return;
	*batch = NULL;
	atomic_store(&b->is_abandoned, true);
	for (struct gp_job *job = b->jobs, *next; job; job = next) {
		next = job->sibling;
		job_unref(job);
	}
	batch_unref(b);
}

int64_t gp_batch_deadline(const struct gp_batch *batch)
{
	return batch->deadline_ms;
}

/* Until `job` (NULL: every job) is done or until_ms; under the lock. */
static int wait_locked(struct gp_batch *b, const struct gp_job *job, int64_t until_ms)
{
	int64_t left_ms = GP_MIN(until_ms, b->deadline_ms) - gp_clock_mono_ms();
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	if (left_ms > 0) {
		left_ms = GP_MIN(left_ms, (int64_t)86400 * 1000);
		at.tv_sec += (time_t)(left_ms / 1000);
		at.tv_nsec += (long)(left_ms % 1000) * 1000000;
		if (at.tv_nsec >= 1000000000) {
			at.tv_nsec -= 1000000000;
			at.tv_sec++;
		}
	}
	while (job ? !gp_job_is_done(job) : b->open > 0)
		if (pthread_cond_timedwait(&b->done, &b->lock, &at) == ETIMEDOUT)
			break;
	return (job ? gp_job_is_done(job) : b->open == 0) ? GP_OK : GP_ETEMP;
}

int gp_batch_wait_until(struct gp_batch *batch, int64_t until_ms)
{
	int result;

	pthread_mutex_lock(&batch->lock);
	result = wait_locked(batch, NULL, until_ms);
	pthread_mutex_unlock(&batch->lock);
	return result;
}

int gp_batch_wait(struct gp_batch *batch)
{
	return gp_batch_wait_until(batch, batch->deadline_ms);
}

int gp_batch_event_fd(struct gp_batch *batch)
{
	if (batch->event_fd < 0)
		batch->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return batch->event_fd;
}

static void post_if_done(struct gp_batch *b)
{
	if (b->open > 0 || !b->call)
		return;
	gp_loop_post(b->loop, b->call);
	b->call = NULL;
}

void gp_batch_notify(struct gp_batch *batch, struct gp_loop *loop, struct gp_call *call)
{
	pthread_mutex_lock(&batch->lock);
	batch->loop = loop;
	batch->call = call;
	post_if_done(batch);
	pthread_mutex_unlock(&batch->lock);
}

bool gp_batch_forget(struct gp_batch *batch)
{
	bool was_waiting;

	pthread_mutex_lock(&batch->lock);
	was_waiting = batch->call != NULL;
	batch->call = NULL;
	pthread_mutex_unlock(&batch->lock);
	return was_waiting;
}

void gp_job_init(struct gp_job *job, struct gp_batch *batch, void (*destroy)(struct gp_job *job))
{
	job->batch = batch;
	job->destroy = destroy;
	atomic_init(&job->refs, 2);
	atomic_init(&job->is_done, false);
	atomic_fetch_add(&batch->refs, 1);
	job->sibling = batch->jobs;
	batch->jobs = job;
	pthread_mutex_lock(&batch->lock);
	batch->open++;
	pthread_mutex_unlock(&batch->lock);
}

void gp_job_submit(struct gp_job *job, struct gp_loop *loop, gp_call_fn *fn)
{
	job->call = (struct gp_call){.fn = fn, .arg = job};
	gp_loop_post(loop, &job->call);
}

/* A counter that is full is readable as well. */
static void tell(int fd)
{
	uint64_t one = 1;
	ssize_t n = fd < 0 ? 0 : write(fd, &one, sizeof(one));

	(void)n;
}

void gp_job_finish(struct gp_job *job, int result)
{
	struct gp_batch *b = job->batch;

	pthread_mutex_lock(&b->lock);
	job->result = result;
	atomic_store(&job->is_done, true);
	b->open--;
	pthread_cond_broadcast(&b->done);
	tell(b->event_fd);
	post_if_done(b);
	pthread_mutex_unlock(&b->lock);
	job_unref(job);
}

bool gp_job_is_done(const struct gp_job *job)
{
	return atomic_load(&job->is_done);
}

int gp_job_wait(struct gp_job *job)
{
	struct gp_batch *b = job->batch;
	int result;

	pthread_mutex_lock(&b->lock);
	result = wait_locked(b, job, b->deadline_ms);
	pthread_mutex_unlock(&b->lock);
	return result < 0 ? result : job->result;
}

bool gp_job_is_abandoned(const struct gp_job *job)
{
	return atomic_load(&job->batch->is_abandoned);
}

int64_t gp_job_deadline(const struct gp_job *job)
{
	return job->batch->deadline_ms;
}
