/*
 * Helper threads that take tasks from one queue.
 */
#include "lib/io/task.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/mem.h"

struct gp_task_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t *threads;
	size_t n_threads;
	/* Under the lock: */
	struct gp_task *first, **end;
	size_t n_waiting, waiting_max;
	bool is_closing;
};

/* NULL: the pool closes. */
static struct gp_task *take(struct gp_task_pool *p)
{
	struct gp_task *task = NULL;

	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->is_closing)
		pthread_cond_wait(&p->work, &p->lock);
	if (!p->is_closing) {
		task = p->first;
		p->first = task->next;
		if (!p->first)
			p->end = &p->first;
		p->n_waiting--;
	}
	pthread_mutex_unlock(&p->lock);
	return task;
}

static void *serve(void *arg)
{
	struct gp_task_pool *p = arg;
	struct gp_task *task;

	while ((task = take(p)) != NULL)
		gp_job_finish(&task->job,
			      gp_job_is_abandoned(&task->job) ? GP_ETEMP : task->run(task));
	return NULL;
}

int gp_task_pool_open(size_t n_threads, size_t waiting_max, struct gp_task_pool **ret,
		      struct gp_diag *diag)
{
	struct gp_task_pool *p = gp_xcalloc(1, sizeof(*p));
	sigset_t all, before;
	int err = 0;

	p->end = &p->first;
	p->waiting_max = waiting_max;
	p->threads = gp_xcalloc(n_threads, sizeof(*p->threads));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (p->n_threads < n_threads && err == 0) {
		err = pthread_create(&p->threads[p->n_threads], NULL, serve, p);
		p->n_threads += err == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		gp_task_pool_close(&p);
		errno = err;
		return gp_diag_errno(diag, "helper threads");
	}
	*ret = p;
	return GP_OK;
}

void gp_task_pool_close(struct gp_task_pool **pool)
{
	struct gp_task_pool *p = *pool;

	if (!p)
		return;
	*pool = NULL;
	pthread_mutex_lock(&p->lock);
	p->is_closing = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while (p->first) {
		struct gp_task *task = p->first;

		p->first = task->next;
		gp_job_finish(&task->job, GP_ETEMP);
	}
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

static bool queue(struct gp_task_pool *p, struct gp_task *task)
{
	bool has_room;

	pthread_mutex_lock(&p->lock);
	has_room = p->n_waiting < p->waiting_max && !p->is_closing;
	if (has_room) {
		*p->end = task;
		p->end = &task->next;
		p->n_waiting++;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return has_room;
}

bool gp_task_begin(struct gp_task_pool *pool, struct gp_batch *batch, struct gp_task *task,
		   void (*destroy)(struct gp_job *job))
{
	gp_job_init(&task->job, batch, destroy);
	if (queue(pool, task))
		return true;
	gp_job_finish(&task->job, GP_ETEMP);
	return false;
}
