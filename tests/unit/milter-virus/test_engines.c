/*
 * Generations, workers and the scan of a message over an engine that crashes, hangs, or does not
 * load when it is told to: real processes, without libclamav and without confinement.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/milter-virus/over_fake.h"

#define DEADLINE_MS 400 /* of scans that are to hit it */

/* One that takes longer than it may. */
static struct virus_verdict scan_for_long(const char *text)
{
	struct virus_verdict v;

	conf.deadline_ms = DEADLINE_MS;
	v = scan(text);
	conf.deadline_ms = WAIT_MS;
	return v;
}

static void finds_and_remembers(void **state)
{
	struct virus_verdict v;

	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	v = scan("nothing in here");
	assert_int_equal(v.outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(v.tries, 1);
	v = scan("a VIRUS");
	assert_int_equal(v.outcome, VIRUS_SCANNED_FOUND);
	assert_string_equal(v.name, "Fake.Virus");
	assert_int_equal(scan("FAIL").outcome, VIRUS_ENGINE_ERROR);
	assert_int_equal(scan("LAYER one").n_known, 0);
	assert_int_equal(scan("LAYER one").n_known, 1);
	assert_int_equal(scan("LAYER two, with a VIRUS").n_known, 0);
	assert_int_equal(scan("LAYER two, with a VIRUS").n_known, 0);
}

static void crashes_cost_two_workers(void **state)
{
	struct virus_verdict v;

	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	v = scan("CRASH one");
	assert_int_equal(v.outcome, VIRUS_KILLER);
	assert_int_equal(v.tries, 2);
	v = scan("CRASH one");
	assert_int_equal(v.outcome, VIRUS_KILLER);
	assert_int_equal(v.tries, 0);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
	wait_until(r.workers == 2 && idle_workers() == 2);
}

/* The loop is busy until the message has waited for longer than it has time. */
static void sleep_past_the_deadline(void *arg)
{
	int64_t end_ms = gp_clock_mono_ms() + WAIT_MS;
	struct virus_pool_counts n = {0};

	(void)arg;
	while (n.waiting == 0 && gp_clock_mono_ms() < end_ms) {
		usleep(2000);
		virus_pool_count(scanner.pool, &n);
	}
	usleep(3500 * 1000);
}

/* The wait for another worker, here while the loop that brings it is busy, is not of its time. */
static void the_next_worker_has_time_too(void **state)
{
	struct gp_call call = {.fn = sleep_past_the_deadline};
	struct virus_verdict v;

	(void)state;
	workers = 1;
	deadline_ms = 3000;
	start("good", VIRUS_RELOAD_OVERLAP);
	workers = 2;
	deadline_ms = WAIT_MS;
	wait_for(idle_workers() == 1);
	gp_loop_post(loop, &call);
	v = scan("ONCE, and then a VIRUS");
	assert_int_equal(v.outcome, VIRUS_SCANNED_FOUND);
	assert_int_equal(v.tries, 2);
	assert_true(v.wait_us > 3000000);
}

static void a_hang_costs_the_deadline(void **state)
{
	int64_t began_ms;
	struct virus_verdict v;

	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	assert_int_equal(scan("warm").outcome, VIRUS_SCANNED_CLEAN);
	began_ms = gp_clock_mono_ms();
	v = scan_for_long("HANG");
	assert_int_equal(v.outcome, VIRUS_DEADLINE);
	assert_int_equal(v.tries, 1);
	assert_true(gp_clock_mono_ms() - began_ms >= DEADLINE_MS);
	assert_int_equal(scan_for_long("HANG").outcome, VIRUS_KILLER);
	assert_int_equal(scan("HANG").tries, 0);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
}

static void the_engine_ends_a_long_scan(void **state)
{
	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	assert_int_equal(scan_for_long("TIME").outcome, VIRUS_DEADLINE);
	assert_int_equal(scan_for_long("TIME").outcome, VIRUS_KILLER);
	assert_int_equal(scan("TIME").tries, 0);
	assert_int_equal(report().generation, 1);
}

static void what_a_dead_worker_said_is_forgotten(void **state)
{
	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	conf.workers = 1;
	virus_engines_configure(scanner.engines, &conf);
	for (int i = 0; i < 20 && scan("LAYER three").n_known == 0; i++)
		;
	assert_int_equal(scan("LAYER three").n_known, 1);
	/* Both workers die, so the one that said it does. */
	assert_int_equal(scan("CRASH two").tries, 2);
	assert_int_equal(scan("LAYER three").n_known, 0);
}

/* The old one stays with each of these, and goes with a good one. */
static void bad_databases(void **state)
{
	static const char *const bad[] = {"broken", "blind", "jumpy"};

	(void)state;
	start("good", VIRUS_RELOAD_OVERLAP);
	wait_until(r.is_serving);
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		put_database(bad[i]);
		wait_until(r.failures == i + 1);
		assert_true(report().is_serving);
		assert_int_equal(report().generation, 1);
		assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
	}
	put_database("good");
	wait_until(r.is_serving && r.generation > 1 && !r.failed_at_s);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
}

static void a_loader_that_dies(void **state)
{
	(void)state;
	start("mortal", VIRUS_RELOAD_OVERLAP);
	wait_until(r.failures >= 1);
	assert_false(report().is_serving);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_NO_ENGINE);
	put_database("good");
	wait_until(r.is_serving);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
}

static void no_database(void **state)
{
	(void)state;
	start(NULL, VIRUS_RELOAD_OVERLAP);
	wait_until(r.failures == 1);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_NO_ENGINE);
	put_database("good");
	wait_until(r.is_serving);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
}

static void reloads(void **state)
{
	enum virus_reload mode = *(const enum virus_reload *)*state;

	start("good", mode);
	for (uint64_t i = 1; i < 6; i++) {
		assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
		virus_engines_reload(scanner.engines);
		assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
		wait_until(r.reloads > i && !r.is_loading);
	}
	wait_until(r.workers == 2 && idle_workers() == 2);
}

/* A spawner that is stopped for a while: an order that could not be given is not waited for, and the
 * answer to the next is not taken for its answer. */
static void a_spawner_that_takes_no_orders(void **state)
{
	struct virus_wire_head junk = {.kind = VIRUS_KILL}, answer = {.kind = VIRUS_STARTED};
	struct virus_wire_ready ready = {.head = {.kind = VIRUS_READY}};
	union virus_wire *wire = malloc(sizeof(*wire));
	int pair[2], loader[2], fds[2];
	size_t len;
	pid_t pid;

	(void)state;
	assert_int_equal(virus_wire_pair(pair), GP_OK);
	while (virus_wire_send(pair[0], &junk, sizeof(junk), NULL, 0, true) == GP_OK)
		;
	check_ms = WAIT_MS; /* at each look at the database it would be tried again */
	start_with(pair[0], "good", VIRUS_RELOAD_OVERLAP);
	check_ms = 50;
	wait_until(r.failures == 1);
	while (virus_wire_receive(pair[1], wire, &len, NULL, true) == GP_OK)
		assert_int_equal(wire->head.kind, VIRUS_KILL);
	virus_engines_reload(scanner.engines);
	assert_int_equal(virus_wire_receive(pair[1], wire, &len, NULL, false), GP_OK);
	assert_int_equal(wire->head.kind, VIRUS_LOAD);
	assert_int_equal(virus_wire_pair(loader), GP_OK);
	pid = virus_fork_child(&fds[1]); /* in the loader's place, as it may be killed */
	if (pid == 0)
		for (;;)
			pause();
	fds[0] = loader[0];
	assert_int_equal(virus_wire_send(pair[1], &answer, sizeof(answer), fds, 2, true), GP_OK);
	assert_int_equal(virus_wire_send(loader[1], &ready, sizeof(ready), NULL, 0, true), GP_OK);
	assert_int_equal(virus_wire_receive(loader[1], wire, &len, NULL, false), GP_OK);
	assert_int_equal(wire->head.kind, VIRUS_FORK);
	kill(pid, SIGKILL);
	for (size_t i = 0; i < 2; i++) {
		gp_fd_close(&fds[i]);
		gp_fd_close(&loader[1]);
	}
	free(wire);
	wait_until(r.failures == 2); /* pair[1] stays open: its end would be the end of the front */
}

/* The old one serves until its copy is whole, which a pipe among the signatures delays. */
static void a_drain_waits_for_the_copy(void **state)
{
	GP_FD_AUTO fd = -1;

	(void)state;
	assert_int_equal(mkfifo(slow, 0600), 0);
	copy = copies;
	start("good", VIRUS_RELOAD_DRAIN);
	copy = "";
	wait_until(r.is_serving);
	virus_engines_reload(scanner.engines);
	usleep(300000);
	assert_int_equal(report().generation, 1);
	assert_true(report().is_serving);
	assert_true(report().is_loading);
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
	while ((fd = open(slow, O_WRONLY | O_NONBLOCK)) < 0)
		usleep(1000); /* nobody reads it yet */
	assert_int_equal(unlink(slow), 0);
	gp_fd_close(&fd);
	wait_until(r.generation == 2 && r.is_serving);
	while (access(kept, R_OK) < 0) /* what changes while it is copied is no copy */
		usleep(1000);
	put_database("broken");
	wait_until(r.failures == 1 && r.is_serving); /* by the copy */
	assert_int_equal(scan("a VIRUS").outcome, VIRUS_SCANNED_FOUND);
}

int main(int argc, char **argv)
{
	static enum virus_reload overlap = VIRUS_RELOAD_OVERLAP, drain = VIRUS_RELOAD_DRAIN;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(finds_and_remembers, stop),
		cmocka_unit_test_teardown(crashes_cost_two_workers, stop),
		cmocka_unit_test_teardown(the_next_worker_has_time_too, stop),
		cmocka_unit_test_teardown(a_hang_costs_the_deadline, stop),
		cmocka_unit_test_teardown(the_engine_ends_a_long_scan, stop),
		cmocka_unit_test_teardown(what_a_dead_worker_said_is_forgotten, stop),
		cmocka_unit_test_teardown(bad_databases, stop),
		cmocka_unit_test_teardown(a_loader_that_dies, stop),
		cmocka_unit_test_teardown(no_database, stop),
		cmocka_unit_test_teardown(a_drain_waits_for_the_copy, stop),
		cmocka_unit_test_teardown(a_spawner_that_takes_no_orders, stop),
		{"reloads beside", reloads, NULL, stop, &overlap},
		{"reloads one after the other", reloads, NULL, stop, &drain},
	};

	virus_spawner_main(&fake_engine, argc, argv);
	return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
