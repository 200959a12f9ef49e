/*
 * Batches: waiting for all, deadlines, answers that come too late.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/io/job.h"
#include "tests/unit/test.h"

#define NEVER_MS 3600000

static struct gp_loop *loop;
static atomic_int destroyed;

static int setup(void **state)
{
	atomic_store(&destroyed, 0);
	return gp_loop_open(&loop, NULL);
}

static int teardown(void **state)
{
	gp_loop_close(&loop);
	return 0;
}

/* Answers `value` after delay_ms. */
struct ask {
	struct gp_job job;
	struct gp_timer timer;
	int64_t delay_ms;
	int value, answer;
};

static void ask_destroy(struct gp_job *job)
{
	atomic_fetch_add(&destroyed, 1);
	free(job);
}

static void ask_answer(void *arg)
{
	struct ask *a = arg;

	a->answer = a->value;
	gp_job_finish(&a->job, GP_OK);
}

static void ask_start(void *arg)
{
	struct ask *a = arg;

	if (a->delay_ms == 0) {
		ask_answer(a);
		return;
	}
	a->timer = (struct gp_timer){.fn = ask_answer, .arg = a};
	gp_timer_set(loop, &a->timer, gp_clock_mono_ms() + a->delay_ms);
}

static struct ask *ask(struct gp_batch *b, int value, int64_t delay_ms)
{
	struct ask *a = gp_xcalloc(1, sizeof(*a));

	a->value = value;
	a->delay_ms = delay_ms;
	gp_job_init(&a->job, b, ask_destroy);
	gp_job_submit(&a->job, loop, ask_start);
	return a;
}

static void answer_now(void *arg)
{
	struct ask *a = arg;

	gp_timer_clear(loop, &a->timer);
	ask_answer(a);
}

static void descriptor_tells_when_one_is_done(void **state)
{
	struct gp_batch *b = gp_batch_new(gp_clock_mono_ms() + 60000);
	struct pollfd p = {.fd = gp_batch_event_fd(b), .events = POLLIN};
	struct ask *late, *soon;
	uint64_t count;

	assert_true(p.fd >= 0);
	assert_int_equal(gp_batch_event_fd(b), p.fd);
	assert_int_equal(poll(&p, 1, 0), 0);
	late = ask(b, 1, NEVER_MS);
	soon = ask(b, 2, 5);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(read(p.fd, &count, sizeof(count)), sizeof(count));
	assert_true(gp_job_is_done(&soon->job));
	assert_false(gp_job_is_done(&late->job));
	assert_int_equal(poll(&p, 1, 0), 0);
	gp_batch_free(&b);
	gp_loop_run_in(loop, answer_now, late); /* after everybody left */
}

static void waits_for_all(void **state)
{
	struct gp_batch *b = gp_batch_new(gp_clock_mono_ms() + 60000);
	struct ask *one = ask(b, 1, 0), *two = ask(b, 2, 20);

	assert_int_equal(gp_batch_wait(b), GP_OK);
	assert_true(gp_job_is_done(&one->job));
	assert_int_equal(one->answer, 1);
	assert_int_equal(two->answer, 2);
	gp_batch_free(&b);
	assert_null(b);
	gp_loop_close(&loop);
	assert_int_equal(atomic_load(&destroyed), 2);
}

static void late_answer_finds_nobody(void **state)
{
	int64_t until_ms = gp_clock_mono_ms() + 20;
	struct gp_batch *b = gp_batch_new(until_ms);
	struct ask *quick = ask(b, 1, 0), *late = ask(b, 2, NEVER_MS);

	while (!gp_job_is_done(&quick->job))
		usleep(100);
	assert_int_equal(gp_batch_wait(b), GP_ETEMP);
	assert_true(gp_clock_mono_ms() >= until_ms);
	assert_int_equal(gp_job_wait(&quick->job), GP_OK);
	assert_int_equal(gp_job_wait(&late->job), GP_ETEMP);
	assert_false(gp_job_is_abandoned(&late->job));
	gp_batch_free(&b);
	gp_loop_run_in(loop, answer_now, late);
	while (atomic_load(&destroyed) < 2) /* freed by the loop thread, later */
		usleep(1000);
}

static void empty_batch_is_done(void **state)
{
	struct gp_batch *b = gp_batch_new(0);

	assert_int_equal(gp_batch_wait(b), GP_OK);
	gp_batch_free(&b);
}

static void wait_until_is_earlier(void **state)
{
	struct gp_batch *b = gp_batch_new(gp_clock_mono_ms() + 60000);
	struct ask *late;

	late = ask(b, 1, NEVER_MS);
	assert_int_equal(gp_batch_wait_until(b, gp_clock_mono_ms() + 5), GP_ETEMP);
	gp_loop_run_in(loop, answer_now, late);
	assert_int_equal(gp_batch_wait(b), GP_OK);
	gp_batch_free(&b);
}

static void many_are_abandoned(void **state)
{
	for (int i = 0; i < 500; i++) {
		struct gp_batch *b = gp_batch_new(gp_clock_mono_ms() + i % 3);

		for (int j = 0; j < 5; j++)
			ask(b, j, (i + j) % 4);
		(void)!gp_batch_wait(b);
		gp_batch_free(&b);
	}
	while (atomic_load(&destroyed) < 2500)
		usleep(1000);
}

static void set_flag(void *arg)
{
	atomic_store((atomic_int *)arg, 1);
}

/* A call comes when the last one is done, at once where none is open, and not after it was forgotten. */
static void loop_is_told_when_all_are_done(void **state)
{
	struct gp_batch *b = gp_batch_new(gp_clock_mono_ms() + 60000);
	atomic_int told = 0, told_late = 0;
	struct gp_call call = {.fn = set_flag, .arg = &told};
	struct gp_call late_call = {.fn = set_flag, .arg = &told_late};
	struct ask *late;

	gp_batch_notify(b, loop, &call);
	while (!atomic_load(&told))
		usleep(100);
	assert_false(gp_batch_forget(b));
	ask(b, 1, 0);
	late = ask(b, 2, NEVER_MS);
	gp_batch_notify(b, loop, &late_call);
	usleep(20000);
	assert_int_equal(atomic_load(&told_late), 0);
	assert_true(gp_batch_forget(b));
	gp_batch_free(&b);
	gp_loop_run_in(loop, answer_now, late);
	gp_loop_run_in(loop, set_flag, &told);
	assert_int_equal(atomic_load(&told_late), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waits_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptor_tells_when_one_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(loop_is_told_when_all_are_done, setup, teardown),
		cmocka_unit_test_setup_teardown(late_answer_finds_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_batch_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(wait_until_is_earlier, setup, teardown),
		cmocka_unit_test_setup_teardown(many_are_abandoned, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
