/*
 * The arithmetic of limits, beside every single use kept in a list.
 */
#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/store/limit.h"
#include "lib/store/limit_row.h"
#include "tests/unit/test.h"

#define START_MS 1700000000000

/* A repeatable stream of numbers below `below`. */
static int64_t pick(uint64_t *seed, int64_t below)
{
	*seed = gp_hash64(*seed, "x", 1);
	return (int64_t)(*seed >> 1) % below;
}

static bool take(const struct gp_limit *l, struct gp_limit_state *s, int64_t now_ms, int64_t amount,
		 struct gp_limit_answer *ret)
{
	gp_limit_look(l, s, now_ms, amount, ret);
	if (ret->passed)
		gp_limit_count(l, s, now_ms, amount);
	assert_true(s->len <= sizeof(s->data));
	return ret->passed;
}

/* Thousands of uses at random: never more than max in any window; what is refused comes
 * with a time at which it passes; a window after the last use everything is free. */
static void sliding_never_exceeds(void **state)
{
	static int64_t at[5000], amounts[5000];
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct gp_limit l = {.max = 1 + pick(&seed, 60), .window_ms = 1000 + pick(&seed, 100000)};
		struct gp_limit_state s = {0};
		struct gp_limit_answer last;
		int64_t now = START_MS + pick(&seed, 1000);
		size_t n = 0;

		for (int i = 0; i < 3000; i++) {
			struct gp_limit_answer a;
			int64_t amount = 1 + pick(&seed, 3), sum = 0;

			now += pick(&seed, l.window_ms / l.max + 1);
			if (take(&l, &s, now, amount, &a)) {
				at[n] = now;
				amounts[n++] = amount;
			} else if (amount > l.max) {
				assert_int_equal(a.retry_ms, -1);
			} else {
				assert_true(a.retry_ms > 0 && a.retry_ms <= l.window_ms);
				gp_limit_look(&l, &s, now + a.retry_ms, amount, &a);
				assert_true(a.passed);
			}
			for (size_t k = n; k > 0 && at[k - 1] > now - l.window_ms; k--)
				sum += amounts[k - 1];
			assert_true(sum <= l.max);
		}
		gp_limit_look(&l, &s, now + l.window_ms, l.max, &last);
		assert_true(last.passed && last.used == 0);
	}
}

static void sliding_frees_after_a_window(void **state)
{
	struct gp_limit l = {.max = 5, .window_ms = 60000};
	struct gp_limit_state s = {0};
	struct gp_limit_answer a;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(take(&l, &s, START_MS + i * 10000, 1, &a));
	assert_int_equal(a.used, 4); /* before it was counted */
	assert_false(take(&l, &s, START_MS + 59999, 1, &a));
	assert_int_equal(a.used, 5);
	assert_int_equal(a.retry_ms, 1);
	assert_true(take(&l, &s, START_MS + 60000, 1, &a));
	gp_limit_look(&l, &s, START_MS + 120000, 5, &a);
	assert_true(a.passed && a.used == 0);
}

/* In small steps all the time: at least 31 of 32 parts of what the limit allows. */
static void sliding_is_not_stingy(void **state)
{
	struct gp_limit l = {.max = 3200, .window_ms = 3200000};
	struct gp_limit_state s = {0};
	int64_t passed = 0;

	(void)state;
	for (int64_t t = 0; t < 10 * l.window_ms; t += 500) {
		struct gp_limit_answer a;

		passed += take(&l, &s, START_MS + t, 1, &a);
	}
	assert_true(passed <= 10 * l.max);
	assert_true(passed >= 10 * l.max * 31 / 32);
}

static void large_amounts(void **state)
{
	struct gp_limit l = {.max = GP_LIMIT_MAX, .window_ms = 86400000};
	struct gp_limit_state s = {0};
	struct gp_limit_answer a;

	(void)state;
	assert_true(take(&l, &s, START_MS, GP_LIMIT_MAX - 10, &a));
	assert_false(take(&l, &s, START_MS + 1, 11, &a));
	assert_int_equal(a.used, GP_LIMIT_MAX - 10);
	assert_true(take(&l, &s, START_MS + 1, 10, &a));
	for (int i = 0; i < 400; i++) /* saturates */
		gp_limit_count(&l, &s, START_MS + 2, GP_LIMIT_MAX);
	gp_limit_look(&l, &s, START_MS + 3, 1, &a);
	assert_true(!a.passed && a.used > GP_LIMIT_MAX);
}

/* Told in any order: never freed before its time, everything a 32nd of a window after it. */
static void late_uses_count_in_time(void **state)
{
	static struct gp_limit_use uses[GP_LIMIT_SLOTS + 1];
	uint64_t seed = 9;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct gp_limit l = {.max = GP_LIMIT_MAX, .window_ms = 32000 + pick(&seed, 100000)};
		int64_t at[200], now = START_MS, late = (l.window_ms + 31) / GP_LIMIT_SLOTS;
		struct gp_limit_state s = {0};
		struct gp_limit_answer a;
		size_t n;

		for (int i = 0; i < 200; i++) {
			at[i] = now - pick(&seed, l.window_ms);
			gp_limit_count_at(&l, &s, now, at[i], 1);
		}
		gp_limit_count_at(&l, &s, now, now - l.window_ms, 1000);
		for (int64_t later = now; later <= now + l.window_ms + late; later += 777) {
			int64_t least = 0, most = 0;

			for (int i = 0; i < 200; i++) {
				least += at[i] > later - l.window_ms;
				most += at[i] > later - l.window_ms - late;
			}
			gp_limit_look(&l, &s, later, 0, &a);
			assert_in_range(a.used, least, most);
		}
		n = gp_limit_uses(&l, &s, now, uses);
		for (size_t i = 1; i < n; i++)
			assert_true(uses[i - 1].at_ms < uses[i].at_ms);
	}
}

static void clock_put_back(void **state)
{
	static const enum gp_limit_kind kinds[] = {GP_LIMIT_SLIDING, GP_LIMIT_GCRA};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++) {
		struct gp_limit l = {.kind = kinds[i], .max = 10, .window_ms = 60000, .burst = 10};
		struct gp_limit_state s = {0};
		struct gp_limit_answer a;

		while (take(&l, &s, START_MS, 1, &a))
			;
		gp_limit_look(&l, &s, START_MS - 86400000, 1, &a);
		assert_true(!a.passed && a.retry_ms <= l.window_ms);
		gp_limit_count(&l, &s, START_MS - 86400000, 1);
		gp_limit_look(&l, &s, START_MS - 86400000 + 2 * l.window_ms, 1, &a);
		assert_true(a.passed);
	}
}

/* The conforming times that the definition gives: at a rate of one a second, three at once. */
static void gcra_rate_and_burst(void **state)
{
	static const struct {
		int64_t at_ms;
		bool passes;
	} rows[] = {{0, true},	  {0, true},	{0, true},    {0, false},   {999, false},
		    {1000, true}, {1000, false}, {3500, true}, {3500, true}, {3500, false},
		    {4000, true}, {9000, true}, {9000, true}, {9000, true}, {9000, false}};
	struct gp_limit l = {.kind = GP_LIMIT_GCRA, .max = 60, .window_ms = 60000, .burst = 3};
	struct gp_limit_state s = {0};
	struct gp_limit_answer a;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		if (take(&l, &s, START_MS + rows[i].at_ms, 1, &a) != rows[i].passes)
			fail_msg("row %zu", i);
		if (!rows[i].passes) {
			gp_limit_look(&l, &s, START_MS + rows[i].at_ms + a.retry_ms, 1, &a);
			assert_true(a.passed);
		}
	}
	assert_false(take(&l, &s, START_MS + 90000, 4, &a));
	assert_int_equal(a.retry_ms, -1);
}

static void gcra_holds_its_rate(void **state)
{
	struct gp_limit l = {.kind = GP_LIMIT_GCRA, .max = 7, .window_ms = 60000, .burst = 2};
	struct gp_limit_state s = {0};
	int64_t passed = 0;

	(void)state;
	for (int64_t t = 0; t < 100 * l.window_ms; t += 97) {
		struct gp_limit_answer a;

		passed += take(&l, &s, START_MS + t, 1, &a);
	}
	assert_in_range(passed, 699, 702);
}

/* Bytes that no version of ours wrote do no harm. */
static void broken_states(void **state)
{
	static const enum gp_limit_kind kinds[] = {GP_LIMIT_SLIDING, GP_LIMIT_GCRA};
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct gp_limit l = {.kind = kinds[i % 2], .max = 10, .window_ms = 60000, .burst = 5};
		struct gp_limit_state s = {.len = (uint32_t)pick(&seed, GP_LIMIT_STATE_MAX + 1)};
		struct gp_limit_answer a;

		for (uint32_t k = 0; k < s.len; k++)
			s.data[k] = (unsigned char)pick(&seed, 256);
		(void)take(&l, &s, START_MS, 1, &a);
		assert_true(a.used >= 0);
	}
}

/* What is stored of a limit comes back; bytes that no version of ours wrote are none. */
static void rows_are_read(void **state)
{
	static const struct gp_limit limits[] = {
		{.max = GP_LIMIT_MAX, .window_ms = GP_LIMIT_WINDOW_MS_MAX},
		{.kind = GP_LIMIT_GCRA, .max = GP_LIMIT_MAX, .window_ms = GP_LIMIT_WINDOW_MS_MAX,
		 .burst = GP_LIMIT_MAX},
		{.max = 1, .window_ms = 1000},
	};
	static const char *const none[] = {"", "0", "0 1 1000 0 5 four", "0 1 1000 0 -1 ", "2 1 1000 0 1 k123456",
					   "0 0 1000 0 1 k123456", "0 1 1000 0 99999 k", "x 1 1000 0 1 k"};
	uint64_t seed = 11;
	struct gp_limit_item item;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(limits); i++) {
		char key[GP_LIMIT_KEY_SHOWN_MAX + 100], row[GP_LIMIT_ROW_MAX];
		struct gp_limit_state s = {0}, again;
		struct gp_str shown;
		int64_t since_ms;
		size_t len;

		memset(key, ' ', sizeof(key));
		for (int k = 0; k < 100; k++)
			gp_limit_count(&limits[i], &s, START_MS + k * limits[i].window_ms / 60, 1);
		shown = gp_limit_row_head(gp_str_n(key, sizeof(key)), &limits[i], row);
		assert_int_equal(shown.len, GP_LIMIT_KEY_SHOWN_MAX);
		assert_in_range(shown.ptr - row, 1, GP_LIMIT_ROW_NUMBERS_MAX);
		len = (size_t)(shown.ptr - row) + shown.len;
		len += gp_limit_row_put(START_MS, &s, (unsigned char *)row + len);
		assert_true(len <= sizeof(row));
		assert_true(gp_limit_row_parse(gp_str_n(row, len), &item));
		assert_true(gp_str_eq(item.key, shown));
		assert_memory_equal(&item.limit, &limits[i], sizeof(item.limit));
		assert_memory_equal(item.state.data, s.data, s.len);
		gp_limit_row_state(gp_str_n(row, len), 5, &since_ms, &again);
		assert_int_equal(since_ms, START_MS);
		assert_int_equal(again.len, s.len);
		/* Cut, and with a byte that is wrong. */
		for (size_t cut = 0; cut < len; cut++)
			(void)gp_limit_row_parse(gp_str_n(row, cut), &item);
		for (int k = 0; k < 2000; k++) {
			row[pick(&seed, (int64_t)len)] = (char)pick(&seed, 256);
			(void)gp_limit_row_parse(gp_str_n(row, len), &item);
		}
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(none); i++)
		if (gp_limit_row_parse(gp_str(none[i]), &item))
			fail_msg("\"%s\"", none[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sliding_never_exceeds), cmocka_unit_test(sliding_frees_after_a_window),
		cmocka_unit_test(sliding_is_not_stingy), cmocka_unit_test(large_amounts),
		cmocka_unit_test(late_uses_count_in_time), cmocka_unit_test(clock_put_back),	 cmocka_unit_test(gcra_rate_and_burst),
		cmocka_unit_test(gcra_holds_its_rate),	 cmocka_unit_test(broken_states),
		cmocka_unit_test(rows_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
