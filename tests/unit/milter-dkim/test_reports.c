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

static struct gp_store *store;
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

static int teardown(void **state)
{
	gp_store_close(&store);
	gp_log_setup(GP_LOG_INFO, GP_LOG_TEXT, NULL);
	return 0;
}

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 5000;
}

static struct dkim_reports *open_reports(int64_t interval_ms)
{
	struct dkim_reports *r;

	assert_int_equal(dkim_reports_new(store, interval_ms, 200, &r, NULL), GP_OK);
	return r;
}

static void add(struct dkim_reports *r, int n, int64_t now_s)
{
	struct gp_dmarc_row row = {.begin_s = now_s,
				   .end_s = now_s,
				   .count = 1,
				   .domain = GP_STR("a.example"),
				   .from = GP_STR("a.example"),
				   .client = {.family = 4, .bytes = {192, 0, 2, (uint8_t)n}}};

	dkim_reports_add(r, &row);
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
	struct dkim_reports *r = open_reports(3600000);

	add(r, 1, NOON);
	add(r, 1, NOON + 5);
	add(r, 2, NOON);
	add(r, 1, NOON + GP_DMARC_DAY_S);
	assert_int_equal(stored(DAY), 0);
	dkim_reports_free(&r);
	assert_null(r);
	assert_int_equal(stored(DAY), 3);
	assert_int_equal(stored(DAY + 1), 1);
	assert_string_equal(said, "");
	dkim_reports_free(&r);
}

static void in_time(void **state)
{
	struct dkim_reports *r = open_reports(10);
	int64_t end_ms = soon();

	add(r, 1, NOON);
	while (stored(DAY) < 1 && gp_clock_mono_ms() < end_ms)
		usleep(1000);
	assert_int_equal(stored(DAY), 1);
	dkim_reports_free(&r);
}

/* The ring of tomorrow is emptied of what is a week old, that of today is not. */
static void old_rows_go(void **state)
{
	int64_t today = gp_clock_real_s() / GP_DMARC_DAY_S;
	struct gp_str old = GP_STR("v=1 n=1 domain=a.example ip=192.0.2.1 from=a.example");
	struct dkim_reports *r;

	for (int i = 0; i < GP_DMARC_RINGS; i++)
		assert_int_equal(gp_store_ring_push(store, gp_dmarc_ring(i), old, 10, soon()),
				 GP_OK);
	r = open_reports(3600000);
	dkim_reports_free(&r);
	for (int64_t day = today - 6; day <= today; day++)
		assert_int_equal(stored(day), 1);
	assert_int_equal(stored(today + 1), 0);
}

/* Down: nothing is lost, and it is said once, also that it is over. */
static void store_down(void **state)
{
	struct dkim_reports *r;
	int64_t end_ms = soon();
	char *first;

	gp_fake_store_fail(store, GP_ETEMP, 1000000);
	r = open_reports(5);
	for (int i = 0; i < 10; i++)
		add(r, i, NOON);
	while (!is_said("waits for the store") && gp_clock_mono_ms() < end_ms)
		usleep(1000);
	usleep(50000); /* some rounds more */
	gp_fake_store_fail(store, GP_OK, 0);
	while (!is_said("the store is back") && gp_clock_mono_ms() < end_ms + 10000)
		usleep(10000);
	dkim_reports_free(&r);
	assert_true(is_said("the store is back"));
	first = strstr(said, "waits for the store");
	assert_non_null(first);
	assert_null(strstr(first + 1, "waits for the store"));
	assert_int_equal(stored(DAY), 10);
}

/* A store that hangs holds up neither messages nor, for long, a stop. */
static void store_slow(void **state)
{
	struct dkim_reports *r = open_reports(1);
	int64_t begin_ms;

	gp_fake_store_delay(store, 100000);
	usleep(20000);
	begin_ms = gp_clock_mono_ms();
	for (int i = 0; i < 1000; i++)
		add(r, i, NOON);
	assert_in_range(gp_clock_mono_ms() - begin_ms, 0, 150);
	begin_ms = gp_clock_mono_ms();
	dkim_reports_free(&r);
	assert_in_range(gp_clock_mono_ms() - begin_ms, 0, 1500);
	gp_fake_store_delay(store, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_a_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(old_rows_go, setup, teardown),
		cmocka_unit_test_setup_teardown(store_down, setup, teardown),
		cmocka_unit_test_setup_teardown(store_slow, setup, teardown),
	};

	return cmocka_run_group_tests_name("milter-dkim/reports", tests, NULL, NULL);
}
