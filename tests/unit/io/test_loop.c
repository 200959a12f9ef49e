/*
 * Event loop: order of calls and timers, watches that free themselves.
 */
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/io/loop.h"
#include "tests/unit/test.h"

static struct gp_loop *loop;

static int setup(void **state)
{
	return gp_loop_open(&loop, NULL);
}

static int teardown(void **state)
{
	gp_loop_close(&loop);
	assert_null(loop);
	return 0;
}

struct note {
	struct gp_call call;
	struct gp_timer timer;
	char name;
};

static char notes[64];
static size_t n_notes;

static void note(void *arg)
{
	notes[n_notes++] = ((struct note *)arg)->name;
}

static void nothing(void *arg)
{
}

static void calls_run_in_order(void **state)
{
	struct note a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};

	n_notes = 0;
	for (struct note **n = (struct note *[]){&a, &b, &c, NULL}; *n; n++) {
		(*n)->call = (struct gp_call){.fn = note, .arg = *n};
		gp_loop_post(loop, &(*n)->call);
	}
	gp_loop_run_in(loop, nothing, NULL);
	assert_int_equal(n_notes, 3);
	assert_memory_equal(notes, "abc", 3);
}

static void is_inside(void *arg)
{
	*(bool *)arg = gp_loop_is_inside(loop);
}

static void knows_its_thread(void **state)
{
	bool inside = false;

	assert_false(gp_loop_is_inside(loop));
	gp_loop_run_in(loop, is_inside, &inside);
	assert_true(inside);
}

static struct note timers[20];
static int done_pipe[2];

static void timer_last(void *arg)
{
	note(arg);
	assert_int_equal(write(done_pipe[1], "x", 1), 1);
}

/* Set out of order, some moved, some cleared. */
static void timers_set(void *arg)
{
	int64_t now = gp_clock_mono_ms();

	for (size_t i = 0; i < 20; i++) {
		timers[i].name = (char)('a' + i);
		timers[i].timer.fn = i == 19 ? timer_last : note;
		timers[i].timer.arg = &timers[i];
	}
	for (size_t i = 0; i < 20; i++)
		gp_timer_set(loop, &timers[i * 7 % 20].timer, now + 60 - (int64_t)(i * 7 % 20));
	for (size_t i = 0; i < 20; i++)
		gp_timer_set(loop, &timers[i * 3 % 20].timer, now + (int64_t)(i * 3 % 20));
	gp_timer_clear(loop, &timers[4].timer);
	gp_timer_clear(loop, &timers[4].timer);
	gp_timer_clear(loop, &timers[0].timer);
}

static void timers_fire_in_order(void **state)
{
	char c;

	n_notes = 0;
	assert_int_equal(pipe(done_pipe), 0);
	gp_loop_run_in(loop, timers_set, NULL);
	assert_int_equal(read(done_pipe[0], &c, 1), 1);
	assert_int_equal(n_notes, 18);
	assert_memory_equal(notes, "bcdfghijklmnopqrst", 18);
	close(done_pipe[0]);
	close(done_pipe[1]);
}

struct pair {
	int fds[2], done;
	struct gp_watch *watch[2];
};

/* Both are readable in the same round; the first to run frees both. */
static void pair_ready(void *arg, unsigned events)
{
	struct pair *p = arg;

	assert_true(events & GP_IO_READ);
	gp_watch_free(&p->watch[0]);
	gp_watch_free(&p->watch[1]);
	p->done++;
}

static void pair_watch(void *arg)
{
	struct pair *p = arg;

	for (int i = 0; i < 2; i++)
		p->watch[i] = gp_loop_watch_fd(loop, p->fds[i], GP_IO_READ, pair_ready, p);
}

static void freed_watch_is_silent(void **state)
{
	struct pair p = {0};
	int writer[2];

	for (int i = 0; i < 2; i++) {
		int fds[2];

		assert_int_equal(pipe(fds), 0);
		p.fds[i] = fds[0];
		writer[i] = fds[1];
		assert_int_equal(write(fds[1], "x", 1), 1);
	}
	gp_loop_run_in(loop, pair_watch, &p);
	for (int i = 0; i < 3; i++) /* each ends a round */
		gp_loop_run_in(loop, nothing, NULL);
	assert_int_equal(p.done, 1);
	for (int i = 0; i < 2; i++) {
		close(p.fds[i]);
		close(writer[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls_run_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(knows_its_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(timers_fire_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(freed_watch_is_silent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
