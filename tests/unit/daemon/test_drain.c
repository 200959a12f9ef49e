/*
 * Stopping: what is under way is waited for, new messages are held, then cut.
 */
#include "lib/daemon/drain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/test.h"

static atomic_int cuts;
static atomic_bool was_answered, was_answered_at_cut, was_refused;

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

static void cut(void)
{
	if (atomic_fetch_add(&cuts, 1) == 0)
		atomic_store(&was_answered_at_cut, atomic_load(&was_answered));
}

/* A message whose content began before the stop. */
static void *slow_message(void *arg)
{
	(void)arg;
	pause_ms(100);
	atomic_store(&was_answered, true);
	gp_drain_content_end();
	gp_drain_session_closed();
	return NULL;
}

/* A session that begins its next message while the program stops. */
static void *next_message(void *arg)
{
	(void)arg;
	atomic_store(&was_refused, gp_drain_message());
	gp_drain_session_closed();
	return NULL;
}

/* State is the process's and has no way back: each case runs in a child. */
static int in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int waits_for_content(void)
{
	pthread_t slow, next;

	if (gp_drain_message()) /* serving: not held */
		return 1;
	gp_drain_session_opened();
	gp_drain_session_opened();
	gp_drain_content_begin();
	gp_drain_hold();
	pthread_create(&slow, NULL, slow_message, NULL);
	pthread_create(&next, NULL, next_message, NULL);
	if (gp_drain_wait(gp_clock_mono_ms() + 60000, cut) != 0)
		return 2;
	pthread_join(slow, NULL);
	pthread_join(next, NULL);
	if (!was_answered_at_cut || cuts < 1)
		return 3;
	if (!was_refused || !gp_drain_message())
		return 4;
	return gp_drain_sessions() == 0 && gp_drain_in_flight() == 0 ? 0 : 5;
}

static int ends_at_the_deadline(void)
{
	int64_t began = gp_clock_mono_ms();

	gp_drain_session_opened();
	gp_drain_content_begin(); /* never answered */
	gp_drain_hold();
	if (gp_drain_wait(began + 100, cut) != 1)
		return 1;
	return gp_clock_mono_ms() - began >= 100 ? 0 : 2;
}

/* A session that never closes is not waited for once it is quiet. */
static int leaves_quiet_sessions(void)
{
	int64_t began = gp_clock_mono_ms();

	gp_drain_session_opened();
	gp_drain_hold();
	if (gp_drain_wait(began + 200000, cut) != 0)
		return 1;
	return gp_clock_mono_ms() - began < 100000 ? 0 : 2;
}

static void test_drain(void **state)
{
	(void)state;
	assert_int_equal(in_child(waits_for_content), 0);
	assert_int_equal(in_child(ends_at_the_deadline), 0);
	assert_int_equal(in_child(leaves_quiet_sessions), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_drain)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
