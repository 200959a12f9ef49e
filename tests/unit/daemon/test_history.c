/*
 * The history's writer: nothing waits, nothing is lost that need not be, what is lost is bounded.
 */
#include "lib/daemon/history.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

#define LONG_MS 100000 /* nothing is expected to take that */

struct seen {
	size_t items, actions;
	int64_t count;
	double score;
};

static bool count_item(void *arg, struct gp_str item)
{
	struct seen *seen = arg;

	seen->items += item.len > 0;
	return true;
}

static bool count_total(void *arg, const struct gp_history_total *total)
{
	struct seen *seen = arg;

	if (total->kind == GP_HISTORY_ACTION)
		seen->actions++;
	else
		seen->count = total->count;
	seen->score += total->score;
	return true;
}

static struct seen look(struct gp_store *store)
{
	int64_t soon = gp_clock_mono_ms() + 10000, since_s;
	struct seen seen = {0};

	assert_int_equal(gp_history_each(store, GP_HISTORY_SPAM, 100000, soon, count_item, &seen),
			 GP_OK);
	assert_int_equal(gp_history_totals(store, GP_HISTORY_SPAM, soon, count_total, &seen,
					   &since_s),
			 GP_OK);
	return seen;
}

static struct gp_history *open_history(struct gp_store *store, int64_t size, int64_t timeout_ms)
{
	const struct gp_conf_history conf = {.size = size};
	struct gp_history *h;
	struct gp_diag diag;

	assert_int_equal(gp_history_open(store, &conf, GP_HISTORY_SPAM, timeout_ms, &h, &diag),
			 GP_OK);
	return h;
}

static void is_written_at_close(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history *h = open_history(store, 300, 5000);
	struct seen seen;

	(void)state;
	for (int i = 0; i < 450; i++) {
		gp_history_put(h, GP_STR("{}"));
		gp_history_count(h, GP_HISTORY_ACTION, i % 2 ? "accept" : "reject", 0);
		gp_history_count(h, GP_HISTORY_SYMBOL, "BAYES_99", 0.5);
	}
	gp_history_close(&h);
	assert_null(h);
	seen = look(store);
	assert_int_equal(seen.items, 300);
	assert_int_equal(seen.actions, 2);
	assert_int_equal(seen.count, 450);
	assert_true(seen.score == 225);
	gp_store_close(&store);
}

/* Failures are made up for: nothing is missing, nothing twice. */
static void failures_are_made_up_for(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history *h = open_history(store, 1000, 5000);
	struct seen seen;

	(void)state;
	gp_fake_store_fail(store, GP_ETEMP, 3);
	for (int i = 0; i < 10; i++) {
		gp_history_put(h, GP_STR("{}"));
		gp_history_count(h, GP_HISTORY_SYMBOL, "X", 1);
	}
	while (gp_fake_store_calls(store) < 5)
		usleep(10000);
	gp_history_close(&h);
	seen = look(store);
	assert_int_equal(seen.items, 10);
	assert_int_equal(seen.count, 10);
	gp_store_close(&store);
}

/* A store that hangs: putting does not wait for it, and memory is bounded. */
static void slow_store_is_not_waited_for(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history *h = open_history(store, 1000, LONG_MS);
	GP_FREE char *item = gp_xcalloc(1, GP_HISTORY_ITEM_MAX);

	(void)state;
	gp_fake_store_hold(store, true);
	gp_history_put(h, GP_STR("{}"));
	gp_fake_store_wait_held(store);
	for (int i = 0; i < 4 * GP_MAX_HISTORY_WAITING / GP_HISTORY_ITEM_MAX; i++)
		gp_history_put(h, gp_str_n(item, GP_HISTORY_ITEM_MAX));
	assert_int_equal(gp_fake_store_calls(store), 0); /* it waits still */
	gp_fake_store_hold(store, false);
	gp_history_close(&h);
	assert_in_range(look(store).items, 2, GP_MAX_HISTORY_WAITING / GP_HISTORY_ITEM_MAX + 1);
	gp_store_close(&store);
}

/* Closing does not wait for it either, but some deadlines. */
static void closing_ends_in_time(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history *h = open_history(store, 1000, 300);
	int64_t until_ms = gp_clock_mono_ms() + LONG_MS;

	(void)state;
	gp_fake_store_hold(store, true);
	for (int i = 0; i < 1000; i++)
		gp_history_put(h, GP_STR("{}"));
	gp_history_close(&h);
	assert_true(gp_clock_mono_ms() < until_ms);
	gp_fake_store_hold(store, false);
	assert_int_equal(look(store).items, 0);
	gp_store_close(&store);
}

static void size_0_is_off(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_history *h = open_history(store, 0, 300);

	(void)state;
	assert_null(h);
	gp_history_put(h, GP_STR("{}"));
	gp_history_count(h, GP_HISTORY_ACTION, "accept", 0);
	gp_history_close(&h);
	assert_int_equal(gp_fake_store_calls(store), 0);
	gp_store_close(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_written_at_close),
		cmocka_unit_test(failures_are_made_up_for),
		cmocka_unit_test(slow_store_is_not_waited_for),
		cmocka_unit_test(closing_ends_in_time),
		cmocka_unit_test(size_0_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
