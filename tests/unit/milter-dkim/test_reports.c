/*
 * Report data into the store: in time, at a stop, while it is down, and without making
 * anybody wait.
 */
#include "tests/unit/test.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "milter-dkim/reports.h"
#include "tests/fakes/fake_store.h"

#define DAY 20000
#define NOON (DAY * (int64_t)GP_DMARC_DAY_S + 43200)
#define LONG_MS 100000 /* nothing is expected to take that */

static struct gp_store *store;
static struct dkim_reports *reports;
static char said[4096];
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

static void sink(enum gp_log_level level, struct gp_str line)
{
	size_t len;

	pthread_mutex_lock(&said_lock);
	len = strlen(said);
	snprintf(said + len, sizeof(said) - len, "%.*s\n", GP_STR_FMT(line));
	pthread_mutex_unlock(&said_lock);
}

static int setup(void **state)
{
	store = gp_fake_store_new();
	said[0] = '\0';
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, sink);
	return 0;
}

/* Also after a test that failed half-way, whose thread is in the store still. */
static int teardown(void **state)
{
	gp_fake_store_hold(store, false);
	dkim_reports_free(&reports);
	gp_store_close(&store);
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, NULL);
	return 0;
}

static int64_t soon(void)
{
	return gp_clock_mono_ms() + LONG_MS;
}

static void open_reports(int64_t interval_ms, int64_t timeout_ms)
{
	assert_int_equal(dkim_reports_new(store, interval_ms, timeout_ms, &reports, NULL), GP_OK);
}

static void add(int n, int64_t now_s)
{
	struct gp_dmarc_row row = {.begin_s = now_s,
				   .end_s = now_s,
				   .count = 1,
				   .domain = GP_STR("a.example"),
				   .from = GP_STR("a.example"),
				   .client = {.family = 4, .bytes = {192, 0, 2, (uint8_t)n}}};

	dkim_reports_add(reports, &row);
}

static bool count_item(void *arg, struct gp_str item)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dmarc_row row;

	assert_int_equal(gp_dmarc_row_parse(arena, item, &row, NULL), GP_OK);
	assert_str(row.domain, "a.example");
	*(int64_t *)arg += row.count;
	gp_arena_free(arena);
	return true;
}

/* Messages that the ring's rows stand for. */
static int64_t stored(int64_t day)
{
	int64_t n = 0;

	while (gp_store_ring_read(store, gp_dmarc_ring(day), 1000, soon(), count_item, &n) < 0)
		usleep(1000); /* the breaker rests */
	return n;
}

static bool is_said(const char *text)
{
	bool is;

	pthread_mutex_lock(&said_lock);
	is = strstr(said, text) != NULL;
	pthread_mutex_unlock(&said_lock);
	return is;
}

static void at_a_stop(void **state)
{
	open_reports(3600000, LONG_MS);
	add(1, NOON);
	add(1, NOON + 5);
	add(2, NOON);
	add(1, NOON + GP_DMARC_DAY_S);
	assert_int_equal(stored(DAY), 0);
	dkim_reports_free(&reports);
	assert_null(reports);
	assert_int_equal(stored(DAY), 3);
	assert_int_equal(stored(DAY + 1), 1);
	assert_string_equal(said, "");
	dkim_reports_free(&reports);
}

static void in_time(void **state)
{
	open_reports(10, LONG_MS);
	add(1, NOON);
	while (stored(DAY) < 1)
		usleep(1000);
	assert_int_equal(stored(DAY), 1);
}

static int64_t today(void)
{
	return gp_clock_real_s() / GP_DMARC_DAY_S;
}

/* The ring of tomorrow is emptied of what is a week old, that of today is not. */
static void old_rows_go(void **state)
{
	struct gp_str old = GP_STR("v=1 n=1 domain=a.example ip=192.0.2.1 from=a.example");
	int64_t day, n[GP_DMARC_RINGS];

	do { /* once more if a day has just ended */
		day = today();
		for (int i = 0; i < GP_DMARC_RINGS; i++) {
			assert_int_equal(gp_store_ring_drop(store, gp_dmarc_ring(i), soon()), GP_OK);
			assert_int_equal(
				gp_store_ring_push(store, gp_dmarc_ring(i), old, 10, soon()),
				GP_OK);
		}
		open_reports(3600000, LONG_MS);
		dkim_reports_free(&reports);
		for (int i = 0; i < GP_DMARC_RINGS; i++)
			n[i] = stored(day - (GP_DMARC_RINGS - 2) + i);
	} while (day != today());
	for (int i = 0; i < GP_DMARC_RINGS - 1; i++)
		assert_int_equal(n[i], 1);
	assert_int_equal(n[GP_DMARC_RINGS - 1], 0);
}

/* Down: nothing is lost, and it is said once, also that it is over. */
static void store_down(void **state)
{
	unsigned calls;
	char *first;

	gp_fake_store_fail(store, GP_ETEMP, 1000000);
	open_reports(5, LONG_MS);
	for (int i = 0; i < 10; i++)
		add(i, NOON);
	while (!is_said("waits for the store"))
		usleep(1000);
	calls = gp_fake_store_calls(store);
	while (gp_fake_store_calls(store) < calls + 3) /* some rounds more */
		usleep(1000);
	gp_fake_store_fail(store, GP_OK, 0);
	while (!is_said("the store is back"))
		usleep(1000);
	dkim_reports_free(&reports);
	first = strstr(said, "waits for the store");
	assert_non_null(first);
	assert_null(strstr(first + 1, "waits for the store"));
	assert_int_equal(stored(DAY), 10);
}

/* A store that hangs holds up no message: all are taken while one call waits. */
static void store_hangs(void **state)
{
	unsigned calls;

	open_reports(1, LONG_MS);
	gp_fake_store_hold(store, true);
	add(0, NOON);
	gp_fake_store_wait_held(store);
	calls = gp_fake_store_calls(store);
	for (int i = 0; i < 1000; i++)
		add(i, NOON);
	assert_int_equal(gp_fake_store_calls(store), calls);
	gp_fake_store_hold(store, false);
	while (stored(DAY) < 1001)
		usleep(1000);
}

/* Nor, for long, a stop: it costs two deadlines, a second, and not one for each of 250 rows. */
static void store_hangs_at_a_stop(void **state)
{
	int64_t until_ms = soon();

	open_reports(1, 500);
	gp_fake_store_hold(store, true);
	for (int i = 0; i < 250; i++)
		add(i, NOON);
	gp_fake_store_wait_held(store);
	dkim_reports_free(&reports);
	assert_true(gp_clock_mono_ms() < until_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_a_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(old_rows_go, setup, teardown),
		cmocka_unit_test_setup_teardown(store_down, setup, teardown),
		cmocka_unit_test_setup_teardown(store_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(store_hangs_at_a_stop, setup, teardown),
	};

	return cmocka_run_group_tests_name("milter-dkim/reports", tests, NULL, NULL);
}
