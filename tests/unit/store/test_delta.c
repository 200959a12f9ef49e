/*
 * The pure parts: sums of changes, packed buckets, keys, breaker.
 */
#include "lib/store/delta.h"

#include "lib/base/clock.h"
#include "lib/io/breaker.h"
#include "lib/store/bucket.h"
#include "lib/store/keys.h"
#include "tests/unit/test.h"

static void sums_are_sorted_and_merged(void **state)
{
	uint64_t a[] = {30, 10, 20}, b[] = {20, 5}, c[] = {10};
	struct gp_bayes_message m[] = {
		{.digest = {1}, .class = GP_BAYES_SPAM, .tokens = a, .n_tokens = 3},
		{.digest = {2}, .class = GP_BAYES_HAM, .tokens = b, .n_tokens = 2},
		{.digest = {3}, .class = GP_BAYES_NONE, .tokens = c, .n_tokens = 1},
		{.digest = {4}, .class = GP_BAYES_HAM, .tokens = c, .n_tokens = 1},
	};
	unsigned char known[] = {GP_BAYES_NONE, GP_BAYES_SPAM, GP_BAYES_SPAM, GP_BAYES_HAM};
	struct gp_delta want[] = {{5, -1, 1}, {20, 0, 1}, {30, 1, 0}};
	struct gp_delta_set set;

	gp_delta_build(m, 4, known, &set);
	assert_int_equal(set.spam, -1);
	assert_int_equal(set.ham, 1);
	assert_int_equal(set.n, 3); /* 10 cancels out */
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(set.items[i].token, want[i].token);
		assert_int_equal(set.items[i].spam, want[i].spam);
		assert_int_equal(set.items[i].ham, want[i].ham);
	}
	assert_int_equal(m[0].learned, GP_LEARNED_NEW);
	assert_int_equal(m[1].learned, GP_LEARNED_MOVED);
	assert_int_equal(m[2].learned, GP_LEARNED_REMOVED);
	assert_int_equal(m[3].learned, GP_LEARNED_SAME);
	gp_delta_done(&set);
}

static void bucket_holds_what_was_put(void **state)
{
	struct gp_delta d[40];
	GP_BUF_AUTO one = GP_BUF_INIT(GP_BUCKET_MAX);
	GP_BUF_AUTO two = GP_BUF_INIT(GP_BUCKET_MAX);
	struct gp_bayes_count c;

	for (int i = 0; i < 40; i++)
		d[i] = (struct gp_delta){.token = (uint64_t)i * 0x01010101u, .spam = i, .ham = 70000 * i};
	/* the first is 0/0, which is nothing */
	assert_int_equal(gp_bucket_apply(gp_str_n(NULL, 0), d, 40, 100, &one), 39);
	assert_int_equal(one.len, 39 * GP_BUCKET_RECORD);
	for (int i = 0; i < 40; i++) {
		c = gp_bucket_find(gp_buf_str(&one), (uint32_t)d[i].token);
		assert_int_equal(c.spam, i);
		assert_int_equal(c.ham, 70000 * i);
		d[i].spam = d[i].ham = i % 2 ? INT32_MIN : INT32_MAX;
	}
	assert_int_equal(gp_bucket_apply(gp_buf_str(&one), d, 40, 101, &two), 1 - 20);
	for (int i = 0; i < 40; i++) {
		c = gp_bucket_find(gp_buf_str(&two), (uint32_t)d[i].token);
		assert_int_equal(c.spam, i % 2 ? 0 : GP_BAYES_COUNT_MAX);
		assert_int_equal(c.ham, i % 2 ? 0 : GP_BAYES_COUNT_MAX);
	}
}

static void bucket_expires_by_count_and_day(void **state)
{
	struct gp_delta d[] = {{1, 1, 0}, {2, 1, 1}, {3, 0, 1}};
	GP_BUF_AUTO one = GP_BUF_INIT(GP_BUCKET_MAX);
	GP_BUF_AUTO two = GP_BUF_INIT(GP_BUCKET_MAX);
	GP_BUF_AUTO out = GP_BUF_INIT(GP_BUCKET_MAX);

	(void)gp_bucket_apply(gp_str_n(NULL, 0), d, 2, 100, &one);
	(void)gp_bucket_apply(gp_buf_str(&one), d + 2, 1, 105, &two);
	assert_int_equal(gp_bucket_expire(gp_buf_str(&two), 1, 100, &out), 0);
	gp_buf_reset(&out);
	assert_int_equal(gp_bucket_expire(gp_buf_str(&two), 1, 105, &out), 1);
	assert_int_equal(gp_bucket_find(gp_buf_str(&out), 1).spam, 0);
	assert_int_equal(gp_bucket_find(gp_buf_str(&out), 2).spam, 1);
	gp_buf_reset(&out);
	assert_int_equal(gp_bucket_expire(gp_buf_str(&two), 2, 106, &out), 3);
	assert_int_equal(out.len, 0);
}

static void scopes_cannot_leave_their_tag(void **state)
{
	GP_BUF_AUTO key = GP_BUF_INIT(2000);

	gp_keys_scope(GP_STR("a@b.c"), &key);
	assert_string_equal(gp_buf_cstr(&key), "gp1{b:a@b.c}");
	gp_buf_reset(&key);
	gp_keys_scope(GP_STR("}%{ \xff"), &key);
	assert_string_equal(gp_buf_cstr(&key), "gp1{b:%7d%25%7b%20%ff}");
}

static void breaker_opens_and_probes(void **state)
{
	struct gp_breaker b;

	gp_clock_set(1000, 0);
	gp_breaker_init(&b, 500);
	for (int i = 0; i < 2; i++) {
		assert_true(gp_breaker_pass(&b));
		assert_false(gp_breaker_report(&b, GP_BREAKER_BAD));
	}
	assert_true(gp_breaker_pass(&b));
	(void)gp_breaker_report(&b, GP_BREAKER_NEUTRAL);
	assert_true(gp_breaker_report(&b, GP_BREAKER_BAD));
	assert_false(gp_breaker_pass(&b));
	gp_clock_set(1499, 0);
	assert_false(gp_breaker_pass(&b));
	gp_clock_set(1500, 0);
	assert_true(gp_breaker_pass(&b)); /* the probe */
	assert_false(gp_breaker_pass(&b));
	assert_false(gp_breaker_report(&b, GP_BREAKER_BAD)); /* still open */
	assert_false(gp_breaker_pass(&b));
	gp_clock_set(2000, 0);
	assert_true(gp_breaker_pass(&b));
	assert_true(gp_breaker_report(&b, GP_BREAKER_GOOD));
	assert_true(gp_breaker_pass(&b));
	assert_true(gp_breaker_pass(&b));
	gp_breaker_done(&b);
	gp_clock_set(0, -1);
}

/* A probe whose report never comes does not block the store for ever. */
static void lost_probe_is_given_up(void **state)
{
	struct gp_breaker b;

	gp_clock_set(1000, 0);
	gp_breaker_init(&b, 500);
	for (int i = 0; i < 3; i++)
		(void)gp_breaker_report(&b, GP_BREAKER_BAD);
	gp_clock_set(1500, 0);
	assert_true(gp_breaker_pass(&b));
	gp_clock_set(1999, 0);
	assert_false(gp_breaker_pass(&b));
	gp_clock_set(2000, 0);
	assert_true(gp_breaker_pass(&b));
	gp_breaker_done(&b);
	gp_clock_set(0, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_sorted_and_merged),
		cmocka_unit_test(bucket_holds_what_was_put),
		cmocka_unit_test(bucket_expires_by_count_and_day),
		cmocka_unit_test(scopes_cannot_leave_their_tag),
		cmocka_unit_test(breaker_opens_and_probes),
		cmocka_unit_test(lost_probe_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
