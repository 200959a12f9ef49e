/*
 * Batch and job: ask early, collect late, one deadline.
 *
 *	struct gp_batch *batch = gp_batch_new(deadline_ms);
 *	a = gp_store_bayes_begin(store, batch, …);	(asks, returns at once)
 *	b = gp_dns_begin(resolver, batch, …);
 *	… other work …
 *	gp_batch_wait(batch);				(until all are done, or the deadline)
 *	… look at those for which gp_job_is_done() …
 *	gp_batch_free(&batch);
 *
 * A job has two references: the asker's (held by its batch) and the loop
 * thread's.  Whoever drops the last one frees it.  When the deadline passes,
 * the asker frees the batch and goes on; a late answer finds nobody and is
 * freed.  There is no cancellation.  The result fields of a job may be read
 * only after gp_job_is_done() was true.
 *
 * A batch belongs to one asking thread at a time (a session's callbacks).
 *
 * Objects that threads share, the whole list: configuration snapshot (atomic
 * references, read-only), the loop's queue of calls, jobs and batches (here), queues of tasks,
 * caches (own locks), pools of scratch memory, metrics and breakers (atomic),
 * the store's handles (lib/store/store.h).
 */
#ifndef GP_IO_JOB_H
#define GP_IO_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/io/loop.h"

struct gp_batch;

/* deadline_ms: absolute, gp_clock_mono_ms(). */
struct gp_batch *gp_batch_new(int64_t deadline_ms) __attribute__((returns_nonnull));
/* Drops the asker's references; clears *batch.  NULL is fine. */
void gp_batch_free(struct gp_batch **batch);
int64_t gp_batch_deadline(const struct gp_batch *batch);
/* Waits until every job is done (GP_OK) or the deadline has passed (GP_ETEMP). */
int gp_batch_wait(struct gp_batch *batch);
/* The same with an earlier limit than the deadline: to send signs of life in between. */
int gp_batch_wait_until(struct gp_batch *batch, int64_t until_ms);
/* For an asker that serves descriptors meanwhile: one that becomes readable when a job is done
 * (read 8 bytes, then look at all of them).  The batch's own, made at the first call, which comes
 * before the first job; -1 with errno. */
int gp_batch_event_fd(struct gp_batch *batch);
/* For an asker that lives on a loop and never waits: has `call` posted to the loop when all
 * jobs begun until now are done, at once if they are.  No more jobs afterwards.  The deadline is the
 * asker's to keep (a timer): who frees the batch before must expect the call to be on its way, and
 * clear it with gp_batch_forget first. */
void gp_batch_notify(struct gp_batch *batch, struct gp_loop *loop, struct gp_call *call);
/* True: the call will not be posted any more; false: it was posted, and will run. */
bool gp_batch_forget(struct gp_batch *batch);

/* For those who answer: embed this first in the job's own struct. */
struct gp_job {
	struct gp_batch *batch;
	struct gp_job *sibling; /* the batch's list */
	struct gp_call call;	/* for gp_job_submit */
	void (*destroy)(struct gp_job *job); /* frees the whole object */
	atomic_uint refs;
	atomic_bool is_done;
	int result; /* GP_OK or GP_E…; valid once done */
};

/* Puts the (zeroed, heap-allocated) job into the batch, with both references. */
void gp_job_init(struct gp_job *job, struct gp_batch *batch, void (*destroy)(struct gp_job *job));
/* Hands it to the loop thread: fn(job) runs there and sees to it that
 * gp_job_finish is called, once, sooner or later. */
void gp_job_submit(struct gp_job *job, struct gp_loop *loop, gp_call_fn *fn);
/* Publishes the result, wakes the asker, and drops the answerer's reference: the
 * job may be gone afterwards.  From any thread. */
void gp_job_finish(struct gp_job *job, int result);
bool gp_job_is_done(const struct gp_job *job);
/* Waits for this one (up to the batch's deadline); its result, or GP_ETEMP if late. */
int gp_job_wait(struct gp_job *job);
/* Asker gone?  The answerer may then save itself the work (and still finishes it). */
bool gp_job_is_abandoned(const struct gp_job *job);
int64_t gp_job_deadline(const struct gp_job *job);

#endif
