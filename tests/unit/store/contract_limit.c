/*
 * The contract of limits: whichever store, what lib/store/limit.c says of the same uses.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "tests/unit/store/contract.h"

#define TABLE GP_STR("limit-test")
#define KINDS 4
#define START_MS 1700000000000

static const struct gp_limit limits[KINDS] = {
	{.max = 20, .window_ms = 60000},
	{.max = 5, .window_ms = 3600000},
	{.kind = GP_LIMIT_GCRA, .max = 10, .window_ms = 60000, .burst = 4},
	{.max = 1000000000, .window_ms = 86400000},
};
static const char *const keys[KINDS] = {"minute", "hour", "rate", "bytes"};

static int64_t pick(uint64_t *seed, int64_t below)
{
	*seed = gp_hash64(*seed, "x", 1);
	return (int64_t)(*seed >> 1) % below;
}

static void ask(struct gp_limit_take *takes, size_t n, enum gp_limit_mode mode, int64_t now_ms)
{
	struct gp_diag why;
	int r = gp_store_limit(contract_store, TABLE, takes, n, mode, now_ms, soon());

	if (r == GP_OK)
		return;
	gp_store_last_error(contract_store, &why);
	fail_msg("%s: %s", gp_err_name(r), why.text);
}

/* The model: the same, one limit after the other. */
static void model(struct gp_limit_state *states, const struct gp_limit_take *takes,
		  const size_t *kinds, size_t n, enum gp_limit_mode mode, int64_t now_ms,
		  int64_t *used_ms, struct gp_limit_answer *answers)
{
	bool has_room = true;

	for (size_t i = 0; i < n; i++) {
		gp_limit_look(&takes[i].limit, &states[kinds[i]], now_ms, takes[i].amount, &answers[i]);
		has_room &= answers[i].passed;
		(void)gp_limit_heal(&takes[i].limit, &states[kinds[i]], now_ms);
	}
	if (mode == GP_LIMIT_LOOK || (mode == GP_LIMIT_TAKE && !has_room))
		return;
	for (size_t i = 0; i < n; i++) {
		if (takes[i].amount == 0 || takes[i].age_ms == takes[i].limit.window_ms)
			continue;
		gp_limit_count_at(&takes[i].limit, &states[kinds[i]], now_ms, now_ms - takes[i].age_ms,
				  takes[i].amount);
		answers[i].used += takes[i].amount;
		used_ms[kinds[i]] = now_ms;
	}
}

static int64_t oldest(const int64_t *used_ms)
{
	int64_t oldest_ms = INT64_MAX;

	for (size_t k = 0; k < KINDS; k++)
		oldest_ms = GP_MIN(oldest_ms, used_ms[k]);
	return oldest_ms;
}

void limits_agree_with_the_model(void **state)
{
	static struct gp_limit_state states[KINDS];
	int64_t now_ms = START_MS, used_ms[KINDS] = {0};
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 1500; round++) {
		struct gp_limit_take takes[KINDS] = {0};
		struct gp_limit_answer want[KINDS];
		enum gp_limit_mode mode = pick(&seed, 8) == 0   ? GP_LIMIT_LOOK
					  : pick(&seed, 8) == 0 ? GP_LIMIT_COUNT
								: GP_LIMIT_TAKE;
		size_t kinds[KINDS], n = 0;

		now_ms += pick(&seed, 10) == 0 ? pick(&seed, 40000) : pick(&seed, 1000) - 100;
		/* Not of what a store may have dropped already. */
		if (now_ms - oldest(used_ms) < 10000 && pick(&seed, 10) == 0)
			now_ms -= pick(&seed, 50000);
		for (size_t k = 0; k < KINDS; k++) {
			if (pick(&seed, 2) == 0 && (k < KINDS - 1 || n > 0))
				continue;
			kinds[n] = k;
			takes[n++] = (struct gp_limit_take){
				.key = gp_str(keys[k]), .limit = limits[k],
				.amount = k == 3 ? pick(&seed, 100000000) : pick(&seed, 4)};
			if (mode == GP_LIMIT_COUNT && pick(&seed, 2) == 0)
				takes[n - 1].age_ms = pick(&seed, limits[k].window_ms + 1);
		}
		ask(takes, n, mode, now_ms);
		model(states, takes, kinds, n, mode, now_ms, used_ms, want);
		for (size_t i = 0; i < n; i++) {
			if (takes[i].answer.passed != want[i].passed || takes[i].answer.used != want[i].used ||
			    takes[i].answer.retry_ms != want[i].retry_ms)
				fail_msg("round %d, %s: %d %lld %lld, not %d %lld %lld", round, keys[kinds[i]],
					 takes[i].answer.passed, (long long)takes[i].answer.used,
					 (long long)takes[i].answer.retry_ms, want[i].passed,
					 (long long)want[i].used, (long long)want[i].retry_ms);
		}
	}
}

/* Used up, then the clock is put back a day: a window later it is open again. */
void limits_open_after_the_clock_was_put_back(void **state)
{
	static const enum gp_limit_kind kinds[] = {GP_LIMIT_SLIDING, GP_LIMIT_GCRA};
	static const enum gp_limit_mode modes[] = {GP_LIMIT_TAKE, GP_LIMIT_LOOK};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct gp_limit_take t = {
			.key = gp_str((const char *[]){"back 0", "back 1", "back 2", "back 3"}[i]),
			.limit = {.kind = kinds[i / 2], .max = 3, .window_ms = 60000, .burst = 3},
			.amount = 1};
		int64_t back_ms = START_MS - 86400000;

		for (int k = 0; k < 4; k++)
			ask(&t, 1, GP_LIMIT_TAKE, START_MS);
		assert_false(t.answer.passed);
		ask(&t, 1, modes[i % 2], back_ms);
		assert_false(t.answer.passed);
		assert_in_range(t.answer.retry_ms, 1, 60000);
		ask(&t, 1, modes[i % 2], back_ms + 59000 - (kinds[i / 2] == GP_LIMIT_GCRA ? 58000 : 0));
		assert_false(t.answer.passed);
		ask(&t, 1, GP_LIMIT_TAKE, back_ms + 63000);
		assert_true(t.answer.passed);
	}
}

void limits_take_all_or_none(void **state)
{
	struct gp_limit_take takes[] = {
		{.key = GP_STR("wide"), .limit = {.max = 10, .window_ms = 60000}, .amount = 1},
		{.key = GP_STR("narrow"), .limit = {.max = 1, .window_ms = 60000}, .amount = 1},
	};

	(void)state;
	for (int i = 0; i < 3; i++)
		ask(takes, 2, GP_LIMIT_TAKE, START_MS);
	assert_true(takes[0].answer.passed && !takes[1].answer.passed);
	ask(takes, 1, GP_LIMIT_LOOK, START_MS);
	assert_int_equal(takes[0].answer.used, 1);
	ask(takes, 2, GP_LIMIT_COUNT, START_MS);
	assert_int_equal(takes[0].answer.used, 2);
	assert_int_equal(takes[1].answer.used, 2);
}

/* Distinct members: each counts once in a window. */
void limits_of_members(void **state)
{
	static const char *const members[] = {"a", "b", "a", "a", "c", "b", "d"};
	struct gp_limit_take t = {.key = GP_STR("distinct"), .amount = 1,
				  .limit = {.max = 3, .window_ms = 60000}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(members); i++) {
		t.member = gp_str(members[i]);
		ask(&t, 1, GP_LIMIT_TAKE, 0);
		assert_int_equal(t.answer.passed, i < 6);
	}
	assert_int_equal(t.answer.used, 3);
	t.member = GP_STR("d"); /* what did not pass was not counted, and is not known */
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_false(t.answer.passed);
	t.member = GP_STR("b");
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_true(t.answer.passed);
	t.key = GP_STR("distinct2");
	t.member = GP_STR("d");
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_true(t.answer.passed && t.answer.used == 1);
}

/* What is told late counts from when it was, and told again it counts once. */
void limits_are_told_late(void **state)
{
	struct gp_limit_take t = {.key = GP_STR("late"), .limit = {.max = 10, .window_ms = 60000}, .amount = 1};

	(void)state;
	for (int i = 0; i < 2; i++) {
		t.member = GP_STR("told twice");
		t.amount = 5;
		t.age_ms = 50000;
		ask(&t, 1, GP_LIMIT_COUNT, 0);
		assert_int_equal(t.answer.used, 5);
	}
	for (int i = 0; i < 2; i++) { /* with different keys or not: one after the other */
		struct gp_limit_take twice[2] = {t, t};

		twice[1].key = i == 0 ? t.key : GP_STR("late too");
		twice[0].member = twice[1].member = i == 0 ? GP_STR("twice") : GP_STR("");
		twice[0].amount = i == 0 ? 1 : 0;
		twice[1].amount = 2;
		ask(twice, 2, GP_LIMIT_COUNT, 0);
		assert_int_equal(twice[0].answer.used, 6);
		assert_int_equal(twice[1].answer.used, i == 0 ? 6 : 2);
	}
	t.member = GP_STR("too old");
	t.age_ms = 60000;
	ask(&t, 1, GP_LIMIT_COUNT, 0);
	t.member = GP_STR("");
	t.age_ms = 0;
	ask(&t, 1, GP_LIMIT_COUNT, 0);
	assert_int_equal(t.answer.used, 11);
	t.amount = 1;
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_false(t.answer.passed);
	assert_in_range(t.answer.retry_ms, 5000, 10000 + 60000 / GP_LIMIT_SLOTS);
}

/* Names: what was counted under one counts once, however it is told again. */
void limits_know_what_they_counted_of_a_name(void **state)
{
	static const struct {
		const char *whole;
		int64_t before, amount;
		enum gp_limit_mode mode;
		bool passes;
		int64_t used;
	} steps[] = {
		{"m1", 0, 2, GP_LIMIT_TAKE, true, 2},	/* two recipients at DATA */
		{"m1", 0, 2, GP_LIMIT_TAKE, true, 2},	/* the same, asked again */
		{"m1", 0, 3, GP_LIMIT_TAKE, true, 3},	/* there are three, says who knows of none */
		{"m1", 3, 1, GP_LIMIT_TAKE, true, 4},	/* and one more, says who knows of three */
		{"m1", 2, 2, GP_LIMIT_LOOK, true, 4},
		{"m2", 5, 1, GP_LIMIT_TAKE, true, 5},	/* five were counted elsewhere */
		{"m2", 0, 6, GP_LIMIT_TAKE, true, 5},
		{"m3", 0, 8, GP_LIMIT_TAKE, false, 5},
		{"m3", 0, 5, GP_LIMIT_TAKE, true, 10},	/* what did not pass is not known */
		{"m3", 0, 5, GP_LIMIT_TAKE, true, 10},
		{"m4", 0, 1, GP_LIMIT_COUNT, false, 11},
		{"m4", 0, 1, GP_LIMIT_COUNT, false, 11}, /* the same answer */
		{"m1", 0, 4, GP_LIMIT_TAKE, true, 11},	 /* passed then, passes now */
		{"m5", 0, 1, GP_LIMIT_TAKE, false, 11},
	};
	struct gp_limit_take t = {.key = GP_STR("named"), .limit = {.max = 10, .window_ms = 60000}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(steps); i++) {
		t.whole = gp_str(steps[i].whole);
		t.before = steps[i].before;
		t.amount = steps[i].amount;
		ask(&t, 1, steps[i].mode, 0);
		if (t.answer.passed != steps[i].passes || t.answer.used != steps[i].used)
			fail_msg("step %zu: passed %d, used %lld", i, t.answer.passed, (long long)t.answer.used);
	}
	t.whole = GP_STR("");
	t.before = 0;
	ask(&t, 1, GP_LIMIT_COUNT, 0);
	assert_int_equal(t.answer.used, 12);
}

/* Recipients one by one, then all of them. */
void limits_know_the_parts_of_a_name(void **state)
{
	static const char *const parts[] = {"a", "b", "a", "c", "b"};
	struct gp_limit_take t = {.key = GP_STR("parts"), .limit = {.max = 4, .window_ms = 60000},
				  .whole = GP_STR("m"), .amount = 1};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(parts); i++) {
		t.part = gp_str(parts[i]);
		ask(&t, 1, GP_LIMIT_TAKE, 0);
		assert_true(t.answer.passed);
	}
	assert_int_equal(t.answer.used, 3);
	t.part = GP_STR("");
	t.amount = 3;
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_true(t.answer.passed && t.answer.used == 3);
	t.amount = 4; /* one was seen by nobody */
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_true(t.answer.passed && t.answer.used == 4);
	t.part = GP_STR("d");
	t.amount = 1;
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_false(t.answer.passed);
	t.part = GP_STR("c"); /* is in already */
	ask(&t, 1, GP_LIMIT_TAKE, 0);
	assert_true(t.answer.passed && t.answer.used == 4);
}

/* Two windows under one name, told late in one call: both count, the one that is over does not. */
void limits_share_names(void **state)
{
	struct gp_limit_take takes[] = {
		{.key = GP_STR("shared 1"), .limit = {.max = 10, .window_ms = 1000}},
		{.key = GP_STR("shared 2"), .limit = {.max = 10, .window_ms = 60000}},
		{.key = GP_STR("shared 3"), .limit = {.kind = GP_LIMIT_GCRA, .max = 10, .window_ms = 60000, .burst = 9}},
	};

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3; i++) {
			takes[i].whole = GP_STR("shared");
			takes[i].amount = 3;
			takes[i].age_ms = i == 0 ? 1000 : 900;
		}
		ask(takes, 3, GP_LIMIT_COUNT, 0);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(takes[i].answer.used, i == 0 ? 0 : 3);
	}
	for (size_t i = 0; i < 3; i++)
		takes[i].age_ms = 0;
	ask(takes, 3, GP_LIMIT_TAKE, 0); /* was asked first, and comes last */
	assert_int_equal(takes[0].answer.used, 0);
	assert_int_equal(takes[1].answer.used, 3);
	takes[0].part = GP_STR("part without a whole");
	takes[0].whole = GP_STR("");
	assert_int_equal(gp_store_limit(contract_store, TABLE, takes, 1, GP_LIMIT_TAKE, 0, soon()), GP_EINVAL);
}

/* The store's own clock, and calls that are under way together. */
static void *worker(void *arg)
{
	struct gp_limit_take takes[50];
	struct gp_limit_call *calls[50];
	struct gp_batch *batch = gp_batch_new(soon());

	for (size_t i = 0; i < 50; i++) {
		takes[i] = (struct gp_limit_take){.key = GP_STR("together"), .amount = 1,
						  .limit = {.max = 1000000, .window_ms = 3600000}};
		calls[i] = gp_store_limit_begin(contract_store, batch, TABLE, &takes[i], 1,
						GP_LIMIT_TAKE, 0);
	}
	for (size_t i = 0; i < 50; i++)
		if (gp_store_limit_finish(calls[i], &takes[i]) < 0 || !takes[i].answer.passed)
			arg = NULL;
	gp_batch_free(&batch);
	return arg;
}

void limits_add_up(void **state)
{
	struct gp_limit_take t = {.key = GP_STR("together"),
				  .limit = {.max = 1000000, .window_ms = 3600000}};
	pthread_t threads[8];
	void *result;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, contract_store), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	ask(&t, 1, GP_LIMIT_LOOK, 0);
	assert_int_equal(t.answer.used, 400);
}

void limits_refuse_mistakes(void **state)
{
	static const struct gp_limit good = {.max = 1, .window_ms = 1000};
	const struct gp_limit_take bad[] = {
		{.key = GP_STR(""), .limit = good},
		{.key = GP_STR("k"), .limit = good, .amount = -1},
		{.key = GP_STR("k"), .limit = {.max = 0, .window_ms = 1000}},
		{.key = GP_STR("k"), .limit = {.max = 1, .window_ms = 999}},
		{.key = GP_STR("k"), .limit = {.kind = GP_LIMIT_GCRA, .max = 1, .window_ms = 1000}},
		{.key = GP_STR("k"), .limit = {.kind = GP_LIMIT_GCRA, .max = 1, .window_ms = 1000, .burst = 2}},
		{.key = GP_STR("k"), .limit = good, .amount = 1, .age_ms = 1}, /* with GP_LIMIT_TAKE */
	};
	struct gp_limit_take t = {.key = GP_STR("k"), .limit = good};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		t = bad[i];
		assert_int_equal(gp_store_limit(contract_store, TABLE, &t, 1, GP_LIMIT_TAKE, 0, soon()),
				 GP_EINVAL);
	}
	assert_int_equal(gp_store_limit(contract_store, GP_STR("greylist"), &t, 1, GP_LIMIT_TAKE, 0, soon()),
			 GP_EINVAL);
	assert_int_equal(gp_store_limit(contract_store, TABLE, &t, 0, GP_LIMIT_TAKE, 0, soon()), GP_EINVAL);
}

/* Administration. */

struct rows {
	size_t n;
	struct gp_limit_item last; /* its key is copied: */
	char key[GP_LIMIT_KEY_SHOWN_MAX];
};

static bool collect(void *arg, const struct gp_limit_item *item)
{
	struct rows *rows = arg;

	rows->n++;
	rows->last = *item;
	memcpy(rows->key, item->key.ptr, item->key.len);
	rows->last.key = gp_str_n(rows->key, item->key.len);
	return true;
}

static size_t list(struct gp_str table, struct rows *rows)
{
	*rows = (struct rows){0};
	assert_int_equal(gp_store_limit_each(contract_store, table, soon(), collect, rows), GP_OK);
	return rows->n;
}

/* Takes one of a limit of its own table, by the store's clock. */
static struct gp_limit_answer take(struct gp_str table, struct gp_str key, const char *member,
				   const struct gp_limit *limit)
{
	struct gp_limit_take t = {.key = key, .member = gp_str(member), .limit = *limit, .amount = 1};

	assert_int_equal(gp_store_limit(contract_store, table, &t, 1, GP_LIMIT_TAKE, 0, soon()), GP_OK);
	return t.answer;
}

void limits_are_listed(void **state)
{
	static const struct gp_limit hour = {.max = 5, .window_ms = 3600000},
				     rate = {.kind = GP_LIMIT_GCRA, .max = 1000,
					     .window_ms = GP_LIMIT_WINDOW_MS_MAX, .burst = 7};
	struct gp_str table = GP_STR("limit-list"), key = GP_STR("rule\0account");
	struct gp_limit_answer answer;
	struct rows rows;
	char text[600];

	(void)state;
	memset(text, 'k', sizeof(text));
	assert_int_equal(list(table, &rows), 0);
	for (int i = 0; i < 3; i++)
		assert_true(take(table, key, "", &hour).passed);
	(void)take(GP_STR("limit-list-2"), key, "", &hour);
	assert_int_equal(list(table, &rows), 1);
	assert_true(gp_str_eq(rows.last.key, key));
	assert_memory_equal(&rows.last.limit, &hour, sizeof(hour));
	gp_limit_look(&rows.last.limit, &rows.last.state, rows.last.now_ms, 3, &answer);
	assert_true(!answer.passed && answer.used == 3);
	assert_in_range(answer.retry_ms, 3500000, 3600000);
	/* A key that is too long is cut; it is another one than what it is cut to. */
	(void)take(table, gp_str_n(text, sizeof(text)), "", &rate);
	(void)take(table, gp_str_n(text, GP_LIMIT_KEY_SHOWN_MAX), "", &rate);
	assert_int_equal(take(table, gp_str_n(text, sizeof(text)), "", &rate).used, 2);
	assert_int_equal(list(table, &rows), 3);
	(void)take(GP_STR("limit-list-3"), GP_STR("k"), "", &rate);
	assert_int_equal(list(GP_STR("limit-list-3"), &rows), 1);
	assert_memory_equal(&rows.last.limit, &rate, sizeof(rate));
}

/* A limit that was changed goes on with what was counted. */
void limits_may_change(void **state)
{
	static const struct gp_limit before = {.max = 5, .window_ms = 3600000},
				     after = {.max = 2, .window_ms = 1800000},
				     other = {.kind = GP_LIMIT_GCRA, .max = 5, .window_ms = 3600000, .burst = 1};
	struct gp_str table = GP_STR("limit-change"), key = GP_STR("k");
	struct rows rows;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_true(take(table, key, "", &before).passed);
	assert_false(take(table, key, "", &after).passed);
	assert_int_equal(list(table, &rows), 1);
	assert_int_equal(rows.last.limit.max, 5); /* of the last use */
	assert_true(take(table, key, "", &other).passed); /* another kind begins anew */
	assert_false(take(table, key, "", &other).passed);
	assert_int_equal(list(table, &rows), 1);
	assert_int_equal(rows.last.limit.kind, GP_LIMIT_GCRA);
	assert_true(take(table, key, "", &before).passed);
}

void limits_are_forgotten(void **state)
{
	static const struct gp_limit limit = {.max = 2, .window_ms = 3600000};
	struct gp_str table = GP_STR("limit-forget");
	struct gp_str names[] = {GP_STR("a"), GP_STR("members"), GP_STR("unknown")};
	struct rows rows;
	size_t n;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(take(table, names[0], "", &limit).passed, i < 2);
	(void)take(table, GP_STR("b"), "", &limit);
	assert_true(take(table, names[1], "x", &limit).passed);
	assert_true(take(table, names[1], "y", &limit).passed);
	assert_false(take(table, names[1], "z", &limit).passed);
	(void)usleep(2000); /* a mark of the same millisecond would be one of afterwards */
	assert_int_equal(gp_store_limit_reset(contract_store, table, names, 3, soon(), &n), GP_OK);
	assert_int_equal(n, 2);
	assert_int_equal(list(table, &rows), 1);
	assert_true(gp_str_eq(rows.last.key, GP_STR("b")));
	assert_int_equal(take(table, names[0], "", &limit).used, 1);
	/* Members are counted again, each once. */
	assert_int_equal(take(table, names[1], "x", &limit).used, 1);
	assert_int_equal(take(table, names[1], "x", &limit).used, 1);
	assert_int_equal(take(table, names[1], "z", &limit).used, 2);
	assert_false(take(table, names[1], "y", &limit).passed);
	assert_int_equal(gp_store_limit_reset(contract_store, table, names, 0, soon(), &n), GP_EINVAL);
	assert_int_equal(gp_store_limit_reset(contract_store, GP_STR("greylist"), names, 1, soon(), &n),
			 GP_EINVAL);
}

/* Of thousands each is listed, once at least; what is over is not. */
void limits_are_many(void **state)
{
	static const struct gp_limit brief = {.max = 2, .window_ms = 1000}, limit = {.max = 2, .window_ms = 3600000};
	struct gp_str table = GP_STR("limit-many");
	struct rows rows;
	char key[32];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		(void)take(table, gp_str(key), "", i % 10 == 0 ? &brief : &limit);
	}
	contract_advance(2);
	assert_int_equal(list(table, &rows), 2700);
	gp_clock_set(0, -1);
}
