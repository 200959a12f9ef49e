/*
 * A few helper threads for work that waits, for those who live on a loop and must not.
 *
 *	struct check { struct gp_task task; … };
 *	check->task.run = run;			(a thread of the pool: may wait, to its deadline)
 *	gp_task_begin(pool, batch, &check->task, destroy);
 *
 * A task is a job (lib/io/job.h).  It runs once, unless its asker has gone before its turn;
 * what `run` returns is its result.  It may wait for jobs of others, never for other tasks.
 * When more are waiting than the pool takes, a further one fails at once with GP_ETEMP:
 * whoever asks has something to go on with.
 */
#ifndef GP_IO_TASK_H
#define GP_IO_TASK_H

#include "lib/io/job.h"

struct gp_task_pool;

/* First member of what the asker allocates, zeroed, on the heap. */
struct gp_task {
	struct gp_job job;
	int (*run)(struct gp_task *task);
	struct gp_task *next; /* the pool's */
};

/* n_threads ≥ 1; waiting_max: tasks whose turn has not come.  GP_ESYS without threads. */
int gp_task_pool_open(size_t n_threads, size_t waiting_max, struct gp_task_pool **ret,
		      struct gp_diag *diag) GP_MUST_USE;
/* Waits for those that run; those whose turn has not come fail with GP_ETEMP.  Clears *pool;
 * NULL is fine. */
void gp_task_pool_close(struct gp_task_pool **pool);

/* Puts it into the batch, and in the queue; false if that is full (it is finished then).
 * destroy frees the whole object. */
bool gp_task_begin(struct gp_task_pool *pool, struct gp_batch *batch, struct gp_task *task,
		   void (*destroy)(struct gp_job *job));

#endif
