/*
 * Counting what is under way, and stopping without losing any of it.
 */
#include "lib/daemon/drain.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "lib/base/clock.h"

#define POLL_MS 10
#define QUIET_MS 300 /* after the cut: nothing was read for so long, so nothing is there */

enum state { SERVING, HOLDING, CUT };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum state state;
static _Atomic int64_t in_flight, sessions, last_activity_ms;

static void note_activity(void)
{
	atomic_store_explicit(&last_activity_ms, gp_clock_mono_ms(), memory_order_relaxed);
}

void gp_drain_session_opened(void)
{
	atomic_fetch_add(&sessions, 1);
	note_activity();
}

void gp_drain_session_closed(void)
{
	atomic_fetch_sub(&sessions, 1);
	note_activity();
}

bool gp_drain_message(void)
{
	bool is_cut;

	pthread_mutex_lock(&lock);
	while (state == HOLDING)
		pthread_cond_wait(&changed, &lock);
	is_cut = state == CUT;
	pthread_mutex_unlock(&lock);
	return is_cut;
}

void gp_drain_content_begin(void)
{
	atomic_fetch_add(&in_flight, 1);
	note_activity();
}

void gp_drain_content_end(void)
{
	atomic_fetch_sub(&in_flight, 1);
	note_activity();
}

int64_t gp_drain_in_flight(void)
{
	return atomic_load(&in_flight);
}

int64_t gp_drain_sessions(void)
{
	return atomic_load(&sessions);
}

static void set_state(enum state to)
{
	pthread_mutex_lock(&lock);
	state = to;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void gp_drain_hold(void)
{
	set_state(HOLDING);
}

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

int64_t gp_drain_wait(int64_t deadline_ms, void (*cut)(void))
{
	while (gp_drain_in_flight() > 0 && gp_clock_mono_ms() < deadline_ms)
		pause_ms(POLL_MS);
	note_activity();
	cut();
	set_state(CUT);
	/* At least one round, so that an answer on its way out is written even if
	 * grace is over. */
	do {
		pause_ms(POLL_MS);
		cut();
		if (gp_drain_sessions() == 0)
			break;
		if (gp_drain_in_flight() == 0 &&
		    gp_clock_mono_ms() - atomic_load(&last_activity_ms) > QUIET_MS)
			break;
	} while (gp_clock_mono_ms() < deadline_ms);
	return gp_drain_in_flight();
}
