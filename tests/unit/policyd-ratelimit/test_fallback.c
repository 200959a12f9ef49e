/*
 * The fallback: answers like the store, and tells it everything once.
 */
#include "policyd-ratelimit/fallback.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "tests/unit/test.h"

#define START_MS 5000000

static const struct gp_limit hour = {.max = 1000, .window_ms = 3600000};

static int64_t pick(uint64_t *seed, int64_t below)
{
	*seed = gp_hash64(*seed, "x", 1);
	return (int64_t)(*seed >> 1) % below;
}

static struct gp_limit_answer ask(struct fallback *f, const char *key, const char *member, int64_t amount,
				  const struct gp_limit *limit, enum gp_limit_mode mode, int64_t now_ms)
{
	struct gp_limit_take t = {.key = gp_str(key), .member = gp_str(member), .limit = *limit,
				  .amount = amount};

	(void)fallback_limit(f, &t, 1, mode, true, now_ms);
	return t.answer;
}

static size_t keys_of(const struct fallback *f)
{
	struct fallback_stats stats;

	fallback_get_stats(f, &stats);
	return stats.keys;
}

static uint64_t lost_by(const struct fallback *f)
{
	struct fallback_stats stats;

	fallback_get_stats(f, &stats);
	return stats.lost;
}

/* A store: what it was told, once by each name. */
struct told {
	size_t n;
	char names[20000][64];
	int64_t sum, oldest_ms, calls;
};

static struct told *told_new(void)
{
	return gp_xcalloc(1, sizeof(struct told));
}

static void tell(struct told *told, const struct gp_limit_take *t)
{
	char name[64];

	assert_true(t->amount > 0 && t->age_ms >= 0 && t->age_ms < t->limit.window_ms);
	assert_true(t->member.len > 0);
	snprintf(name, sizeof(name), "%016llx%016llx",
		 (unsigned long long)gp_hash64(1, t->key.ptr, t->key.len),
		 (unsigned long long)gp_hash64(2, t->member.ptr, t->member.len));
	for (size_t i = 0; i < told->n; i++)
		if (strcmp(told->names[i], name) == 0)
			return;
	assert_true(told->n < GP_ARRAY_SIZE(told->names));
	memcpy(told->names[told->n++], name, sizeof(name));
	told->sum += t->amount;
	told->oldest_ms = GP_MAX(told->oldest_ms, t->age_ms);
}

/* One call; `fate` 0: it arrives, 1: it arrives and the answer is lost, 2: it is lost. */
static size_t merge_once(struct fallback *f, struct told *told, int64_t now_ms, size_t max, int64_t fate)
{
	struct gp_limit_take takes[GP_LIMIT_TAKES_MAX];
	size_t n = fallback_merge_begin(f, now_ms, takes, max);

	assert_true(n <= max);
	told->calls += n > 0;
	for (size_t i = 0; i < n && fate < 2; i++)
		tell(told, &takes[i]);
	if (n > 0)
		fallback_merge_finish(f, fate == 0);
	return n;
}

static void merge_all(struct fallback *f, struct told *told, int64_t now_ms)
{
	while (merge_once(f, told, now_ms, GP_LIMIT_TAKES_MAX, 0) > 0)
		;
	assert_false(fallback_is_owing(f));
}

static void answers_like_the_store(void **state)
{
	static const struct gp_limit limits[] = {
		{.max = 20, .window_ms = 60000},
		{.kind = GP_LIMIT_GCRA, .max = 10, .window_ms = 60000, .burst = 4},
		{.max = 3, .window_ms = 5000},
	};
	static const char *const keys[] = {"a", "b", "c"};
	struct fallback *f = fallback_new(1000);
	struct gp_limit_state states[3] = {0};
	int64_t now = START_MS;
	uint64_t seed = 4;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct gp_limit_take takes[3] = {0};
		struct gp_limit_answer want[3];
		enum gp_limit_mode mode = (enum gp_limit_mode)pick(&seed, 3);
		bool has_room = true, counts;

		now += pick(&seed, 4000) - 50;
		for (size_t i = 0; i < 3; i++) {
			takes[i] = (struct gp_limit_take){.key = gp_str(keys[i]), .limit = limits[i],
							  .amount = pick(&seed, 4)};
			gp_limit_look(&limits[i], &states[i], now, takes[i].amount, &want[i]);
			has_room &= want[i].passed;
		}
		counts = mode == GP_LIMIT_COUNT || (mode == GP_LIMIT_TAKE && has_room);
		(void)fallback_limit(f, takes, 3, mode, true, now);
		for (size_t i = 0; i < 3; i++) {
			if (counts && takes[i].amount > 0) {
				gp_limit_count(&limits[i], &states[i], now, takes[i].amount);
				want[i].used += takes[i].amount;
			}
			assert_int_equal(takes[i].answer.passed, want[i].passed);
			assert_int_equal(takes[i].answer.used, want[i].used);
			assert_int_equal(takes[i].answer.retry_ms, want[i].retry_ms);
		}
	}
	fallback_free(&f);
}

static void members_count_once(void **state)
{
	struct fallback *f = fallback_new(100);
	struct told *told = told_new();
	struct gp_limit three = {.max = 3, .window_ms = 60000};
	const char *const members[] = {"a", "b", "a", "c", "b", "d"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(members); i++)
		assert_int_equal(ask(f, "k", members[i], 1, &three, GP_LIMIT_TAKE, START_MS).passed, i < 5);
	merge_all(f, told, START_MS + 1000);
	assert_int_equal(told->sum, 3);
	assert_int_equal(told->oldest_ms, 1000);
	/* After its window it counts anew. */
	assert_int_equal(ask(f, "k", "a", 1, &three, GP_LIMIT_TAKE, START_MS + 60000).used, 1);
	free(told);
	fallback_free(&f);
}

/* Uses, merges and lost answers in any order: in the end everything was told once. */
static void tells_everything_once(void **state)
{
	static const struct gp_limit limits[] = {
		{.max = GP_LIMIT_MAX, .window_ms = 3600000},
		{.kind = GP_LIMIT_GCRA, .max = 1000000, .window_ms = 3600000, .burst = 1000000},
	};
	uint64_t seed = 6;

	(void)state;
	for (int round = 0; round < 30; round++) {
		struct fallback *f = fallback_new(10000);
		struct told *told = told_new();
		int64_t now = START_MS, sum = 0;

		for (int i = 0; i < 1000; i++) {
			char key[20], member[20] = "";
			int64_t amount = 1 + pick(&seed, 5);
			bool has_member = pick(&seed, 4) == 0;

			now += pick(&seed, 2000);
			snprintf(key, sizeof(key), "%d", (int)pick(&seed, 20));
			if (has_member)
				snprintf(member, sizeof(member), "m%d", i);
			(void)ask(f, key, member, has_member ? 1 : amount, &limits[key[0] % 2], GP_LIMIT_COUNT,
				  now);
			sum += has_member ? 1 : amount;
			if (pick(&seed, 20) == 0)
				(void)merge_once(f, told, now, (size_t)(1 + pick(&seed, 10)), pick(&seed, 3));
		}
		merge_all(f, told, now);
		assert_int_equal(told->sum, sum);
		assert_int_equal(lost_by(f), 0);
		free(told);
		fallback_free(&f);
	}
}

/* While a call is under way its key is used again. */
static void uses_during_a_merge(void **state)
{
	struct fallback *f = fallback_new(100);
	struct told *told = told_new();
	struct gp_limit_take takes[4];

	(void)state;
	(void)ask(f, "k", "", 5, &hour, GP_LIMIT_TAKE, START_MS);
	(void)ask(f, "k", "m", 1, &hour, GP_LIMIT_TAKE, START_MS);
	assert_int_equal(fallback_merge_begin(f, START_MS, takes, 4), 2);
	tell(told, &takes[0]);
	tell(told, &takes[1]);
	(void)ask(f, "k", "", 7, &hour, GP_LIMIT_TAKE, START_MS);
	assert_true(fallback_is_owing(f));
	fallback_merge_finish(f, true);
	assert_true(fallback_is_owing(f));
	merge_all(f, told, START_MS);
	assert_int_equal(told->sum, 13);
	/* It is remembered for decisions. */
	assert_int_equal(ask(f, "k", "", 1, &hour, GP_LIMIT_TAKE, START_MS + 10).used, 14);
	free(told);
	fallback_free(&f);
}

/* A flood of keys pushes out neither the bound nor those who sent much. */
static void keys_are_bounded(void **state)
{
	struct fallback *f = fallback_new(500);
	struct told *told = told_new();
	int64_t counted = 0;
	char key[2000];

	(void)state;
	for (int i = 0; i < 900; i++)
		(void)ask(f, "spammer", "", 1, &hour, GP_LIMIT_TAKE, START_MS);
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "flood %d", i);
		(void)ask(f, key, i % 3 == 0 ? "m" : "", 1, &hour, GP_LIMIT_COUNT, START_MS + i);
		counted++;
		assert_true(keys_of(f) <= 500);
	}
	assert_int_equal(ask(f, "spammer", "", 1, &hour, GP_LIMIT_LOOK, START_MS + 20000).used, 900);
	merge_all(f, told, START_MS + 20000);
	assert_int_equal((uint64_t)told->sum + lost_by(f), counted + 900);
	assert_true(told->sum > 900 + 100);
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	assert_true(ask(f, key, "", 1, &hour, GP_LIMIT_TAKE, START_MS + 20000).passed);
	assert_int_equal((uint64_t)told->sum + lost_by(f), counted + 901);
	fallback_sweep(f, START_MS + 20000);
	assert_true(keys_of(f) > 400);
	fallback_sweep(f, START_MS + 20000 + hour.window_ms);
	assert_int_equal(keys_of(f), 0);
	free(told);
	fallback_free(&f);
}

static void clock_jumps(void **state)
{
	static const int64_t jumps[] = {-86400000, -10, 86400000, 3599999};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(jumps); i++) {
		struct fallback *f = fallback_new(100);
		struct told *told = told_new();
		int64_t start = 200000000, then = start + jumps[i];
		struct gp_limit_answer a;

		(void)state;
		(void)ask(f, "k", "", 10, &hour, GP_LIMIT_TAKE, start);
		(void)ask(f, "k", "m", 1, &hour, GP_LIMIT_TAKE, start);
		a = ask(f, "k", "", 1, &hour, GP_LIMIT_LOOK, then);
		assert_int_equal(a.used, jumps[i] >= hour.window_ms ? 0 : 11);
		assert_true(a.retry_ms >= 0);
		(void)ask(f, "k", "", 3, &hour, GP_LIMIT_TAKE, then);
		merge_all(f, told, then);
		assert_int_equal(told->sum, jumps[i] >= hour.window_ms ? 3 : 14);
		assert_int_equal(lost_by(f), 0);
		free(told);
		fallback_free(&f);
	}
}

static void amounts_saturate(void **state)
{
	struct gp_limit wide = {.max = GP_LIMIT_MAX, .window_ms = 60000};
	struct fallback *f = fallback_new(100);
	struct told *told = told_new();
	struct gp_limit_answer a = {0};

	(void)state;
	for (int i = 0; i < 500; i++) {
		a = ask(f, "k", "", GP_LIMIT_AMOUNT_MAX, &wide, GP_LIMIT_COUNT, START_MS);
		assert_true(a.used > 0);
	}
	a = ask(f, "k", "", 1, &wide, GP_LIMIT_TAKE, START_MS);
	assert_true(!a.passed && a.used > GP_LIMIT_MAX && a.retry_ms == 60000);
	merge_all(f, told, START_MS);
	assert_int_equal(told->sum, GP_LIMIT_AMOUNT_MAX); /* above any limit, as far as a take goes */
	free(told);
	fallback_free(&f);
}

/* Into a real store, in which somebody else counted meanwhile. */
static void merges_into_a_store(void **state)
{
	char dir[] = "/tmp/gp-test-fallback-XXXXXX", url[64], command[64];
	struct gp_limit_take t = {.key = GP_STR("k"), .limit = hour, .amount = 100}, takes[8];
	struct fallback *f = fallback_new(100);
	struct gp_store *store;
	int64_t now = START_MS, deadline = gp_clock_mono_ms() + 20000;
	size_t n, calls = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(url, sizeof(url), "lmdb:%s", dir);
	assert_int_equal(gp_store_open(url, &(struct gp_store_options){.writes = GP_STORE_LIMITS}, &store,
				       NULL),
			 GP_OK);
	assert_int_equal(gp_store_limit(store, GP_STR("limit-use"), &t, 1, GP_LIMIT_TAKE, 0, deadline),
			 GP_OK);
	for (int i = 0; i < 30; i++)
		(void)ask(f, "k", "", 1, &hour, GP_LIMIT_TAKE, now - 1800000 + i * 50000);
	while ((n = fallback_merge_begin(f, now, takes, 8)) > 0) {
		assert_int_equal(gp_store_limit(store, GP_STR("limit-use"), takes, n, GP_LIMIT_COUNT, 0,
						deadline),
				 GP_OK);
		/* Twice, as if the first answer had been lost. */
		fallback_merge_finish(f, ++calls % 2 == 0);
	}
	t.amount = 0;
	assert_int_equal(gp_store_limit(store, GP_STR("limit-use"), &t, 1, GP_LIMIT_LOOK, 0, deadline),
			 GP_OK);
	assert_int_equal(t.answer.used, 130);
	assert_true(calls > 10);
	/* Half an hour later those have gone that were used in the first half hour. */
	t.amount = 900;
	assert_int_equal(gp_store_limit(store, GP_STR("limit-use"), &t, 1, GP_LIMIT_LOOK,
					gp_clock_real_ms() + 1800000 + 200000, deadline),
			 GP_OK);
	assert_in_range(t.answer.used, 125, 128);
	gp_store_close(&store);
	fallback_free(&f);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_like_the_store), cmocka_unit_test(members_count_once),
		cmocka_unit_test(tells_everything_once),  cmocka_unit_test(uses_during_a_merge),
		cmocka_unit_test(keys_are_bounded),	  cmocka_unit_test(clock_jumps),
		cmocka_unit_test(amounts_saturate),	  cmocka_unit_test(merges_into_a_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
