/*
 * What the store is told again under names: once, from when it was, within bounds.
 */
#include "policyd-ratelimit/limit_retell.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "policyd-ratelimit/ratelimit.h"
#include "tests/unit/test.h"

struct ratelimit ratelimit; /* main.c's */

static char dir[] = "/tmp/gp-test-retell-XXXXXX";
static struct gp_store *store;
static struct limit_kept *kept; /* nowhere */

#define TABLE GP_STR("limit-test")

static struct gp_limit_take take_of(const char *key, const char *whole, int64_t amount)
{
	return (struct gp_limit_take){.key = gp_str(key), .whole = gp_str(whole), .amount = amount,
				      .limit = {.max = 1000, .window_ms = 60000}};
}

static int64_t used(const char *key)
{
	struct gp_limit_take t = take_of(key, "", 0);

	assert_int_equal(gp_store_limit(store, TABLE, &t, 1, GP_LIMIT_LOOK, 0, gp_clock_mono_ms() + 20000),
			 GP_OK);
	return t.answer.used;
}

static bool tell(struct limit_retell *q, struct gp_store *to)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 20000);
	size_t n = limit_retell_begin(q, to, TABLE, batch, gp_clock_mono_ms());
	bool all;

	assert_in_range(n, 1, LIMIT_RETELL_CALLS);
	all = limit_retell_finish(q);
	gp_batch_free(&batch);
	return all;
}

static void test_each_counts_once(void **state)
{
	struct limit_retell *q = limit_retell_new(LIMIT_RETELL_BYTES, kept);
	char name[20];

	for (int i = 0; i < 150; i++) {
		struct gp_limit_take takes[3];

		snprintf(name, sizeof(name), "m %d", i);
		takes[0] = take_of("minute", name, 2);
		takes[1] = take_of("looked at", "", 0);
		takes[2] = take_of("hour", name, 2);
		limit_retell_add(q, takes, 3, gp_clock_mono_ms() - i % 3 * 1000);
		if (i % 5 > 0) /* the store has it already, or gets it in the end */
			continue;
		assert_int_equal(gp_store_limit(store, TABLE, takes, 1, GP_LIMIT_TAKE, 0,
						gp_clock_mono_ms() + 20000),
				 GP_OK);
	}
	assert_int_equal(limit_retell_len(q), 150);
	while (limit_retell_len(q) > 0)
		assert_true(tell(q, store));
	assert_int_equal(used("minute"), 300);
	assert_int_equal(used("hour"), 240); /* a request counts as a whole, or not */
	assert_int_equal(used("looked at"), 0);
	limit_retell_free(&q);
}

static void test_what_is_old_counts_no_more(void **state)
{
	struct limit_retell *q = limit_retell_new(LIMIT_RETELL_BYTES, kept);
	struct gp_limit_take t = take_of("old", "old", 1);

	limit_retell_add(q, &t, 1, gp_clock_mono_ms() - 100000);
	assert_true(tell(q, store));
	assert_int_equal(limit_retell_len(q), 0);
	assert_int_equal(used("old"), 0);
	limit_retell_free(&q);
}

/* What the store does not answer waits, and those behind it do. */
static void test_no_answer(void **state)
{
	struct gp_store_options options = {.timeout_ms = 200, .breaker_ms = 200};
	struct limit_retell *q = limit_retell_new(LIMIT_RETELL_BYTES, kept);
	struct gp_limit_take t = take_of("late", "late 1", 1);
	struct gp_store *away;

	assert_int_equal(gp_store_open("redis+unix:///nonexistent/redis.sock", &options, &away, NULL), GP_OK);
	limit_retell_add(q, &t, 1, gp_clock_mono_ms());
	t = take_of("late", "late 2", 1);
	limit_retell_add(q, &t, 1, gp_clock_mono_ms());
	assert_false(tell(q, away));
	assert_int_equal(limit_retell_len(q), 2);
	assert_true(tell(q, store));
	assert_int_equal(used("late"), 2);
	gp_store_close(&away);
	limit_retell_free(&q);
}

/* Half is for those that the store may have. */
static void test_bounds(void **state)
{
	struct limit_retell *q = limit_retell_new(10000, kept);
	struct gp_limit_take t = take_of("key", "name", 1);
	size_t n = 0;

	for (; limit_retell_fits(q, &t, 1, false); n++)
		limit_retell_add(q, &t, 1, 0);
	assert_in_range(n, 5, 40);
	for (size_t half = n; limit_retell_fits(q, &t, 1, true); n++) {
		assert_in_range(n, half, 2 * half + 1);
		limit_retell_add(q, &t, 1, 0);
	}
	assert_int_equal(limit_retell_len(q), n);
	limit_retell_free(&q);
}

static int setup(void **state)
{
	struct gp_store_options options = {.writes = GP_STORE_LIMITS};
	char url[100];

	assert_non_null(mkdtemp(dir));
	kept = limit_kept_new("");
	snprintf(url, sizeof(url), "lmdb:%s", dir);
	return gp_store_open(url, &options, &store, NULL);
}

static int teardown(void **state)
{
	char command[100];

	limit_kept_free(&kept);
	gp_store_close(&store);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_counts_once),
		cmocka_unit_test(test_what_is_old_counts_no_more),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
