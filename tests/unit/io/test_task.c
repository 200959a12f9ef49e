/*
 * Helper threads: tasks run beside one another, a full queue says so, nobody is forgotten.
 */
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/io/task.h"
#include "tests/unit/test.h"

static atomic_int running, ran, destroyed, most;
static atomic_bool is_open; /* the gate that tasks wait at */

static void destroy(struct gp_job *job)
{
	atomic_fetch_add(&destroyed, 1);
	free(job);
}

static int run(struct gp_task *task)
{
	int n = atomic_fetch_add(&running, 1) + 1;

	(void)task;
	if (n > atomic_load(&most))
		atomic_store(&most, n);
	while (!atomic_load(&is_open))
		usleep(1000);
	atomic_fetch_sub(&running, 1);
	return atomic_fetch_add(&ran, 1) % 2 ? GP_ENOENT : GP_OK;
}

static struct gp_task *begin(struct gp_task_pool *pool, struct gp_batch *batch, bool *ret_taken)
{
	struct gp_task *task = gp_xcalloc(1, sizeof(*task));

	task->run = run;
	*ret_taken = gp_task_begin(pool, batch, task, destroy);
	return task;
}

static int setup(void **state)
{
	(void)state;
	atomic_store(&running, 0);
	atomic_store(&ran, 0);
	atomic_store(&destroyed, 0);
	atomic_store(&most, 0);
	atomic_store(&is_open, false);
	return 0;
}

static void wait_until_running(int n)
{
	while (atomic_load(&running) < n)
		usleep(1000);
}

static void test_side_by_side(void **state)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 20000);
	struct gp_task_pool *pool;
	struct gp_task *tasks[6];
	bool is_taken;

	(void)state;
	assert_int_equal(gp_task_pool_open(3, 10, &pool, NULL), GP_OK);
	for (size_t i = 0; i < 6; i++) {
		tasks[i] = begin(pool, batch, &is_taken);
		assert_true(is_taken);
	}
	wait_until_running(3);
	atomic_store(&is_open, true);
	assert_int_equal(gp_batch_wait(batch), GP_OK);
	assert_int_equal(atomic_load(&most), 3);
	assert_int_equal(atomic_load(&ran), 6);
	for (size_t i = 0, n_ok = 0; i < 6; i++) {
		n_ok += gp_job_wait(&tasks[i]->job) == GP_OK;
		assert_true(i < 5 || n_ok == 3);
	}
	gp_batch_free(&batch);
	gp_task_pool_close(&pool);
	assert_int_equal(atomic_load(&destroyed), 6);
}

static void test_full(void **state)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 20000);
	struct gp_task_pool *pool;
	struct gp_task *task;
	bool is_taken;

	(void)state;
	assert_int_equal(gp_task_pool_open(1, 2, &pool, NULL), GP_OK);
	begin(pool, batch, &is_taken);
	wait_until_running(1);
	begin(pool, batch, &is_taken);
	begin(pool, batch, &is_taken);
	assert_true(is_taken);
	task = begin(pool, batch, &is_taken);
	assert_false(is_taken);
	assert_true(gp_job_is_done(&task->job));
	assert_int_equal(gp_job_wait(&task->job), GP_ETEMP);
	atomic_store(&is_open, true);
	assert_int_equal(gp_batch_wait(batch), GP_OK);
	assert_int_equal(atomic_load(&ran), 3);
	gp_batch_free(&batch);
	gp_task_pool_close(&pool);
	assert_int_equal(atomic_load(&destroyed), 4);
}

/* Whose asker has gone is not run; what waits at the end fails. */
static void test_gone_and_closed(void **state)
{
	struct gp_batch *gone = gp_batch_new(gp_clock_mono_ms() + 20000);
	struct gp_batch *first = gp_batch_new(gp_clock_mono_ms() + 20000);
	struct gp_task_pool *pool;
	bool is_taken;

	(void)state;
	assert_int_equal(gp_task_pool_open(1, 10, &pool, NULL), GP_OK);
	begin(pool, first, &is_taken);
	wait_until_running(1);
	begin(pool, gone, &is_taken);
	gp_batch_free(&gone);
	atomic_store(&is_open, true);
	assert_int_equal(gp_batch_wait(first), GP_OK);
	gp_task_pool_close(&pool);
	assert_int_equal(atomic_load(&ran), 1);
	gp_batch_free(&first);
	assert_int_equal(atomic_load(&destroyed), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_side_by_side, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_gone_and_closed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
