/*
 * The file of what was counted without the store: what stands there comes back, once, and whatever
 * happens to the file, what is whole before the damage.
 */
#include "policyd-ratelimit/limit_kept.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "policyd-ratelimit/ratelimit.h"
#include "tests/unit/test.h"

struct ratelimit ratelimit; /* main.c's */

static char dir[] = "/tmp/gp-test-kept-XXXXXX", path[100];

static struct gp_limit_take take_of(const char *key, const char *member, const char *whole, int64_t amount)
{
	return (struct gp_limit_take){.key = gp_str(key), .member = gp_str(member), .whole = gp_str(whole),
				      .amount = amount, .before = 3,
				      .limit = {.kind = GP_LIMIT_GCRA, .max = 1000, .window_ms = 60000, .burst = 9}};
}

static struct {
	size_t n, takes;
	uint64_t numbers[10];
	int64_t amount;
} seen;

static void see(void *arg, struct gp_limit_take *takes, size_t n, int64_t age_ms, uint64_t number)
{
	assert_in_range(age_ms, 5000, 65000);
	assert_true(seen.n < GP_ARRAY_SIZE(seen.numbers));
	seen.numbers[seen.n++] = number;
	seen.takes += n;
	for (size_t i = 0; i < n; i++) {
		struct gp_limit_take *t = &takes[i];

		seen.amount += t->amount;
		assert_int_equal(t->before, 3);
		assert_int_equal(t->limit.kind, GP_LIMIT_GCRA);
		assert_int_equal(t->limit.max, 1000);
		assert_int_equal(t->limit.window_ms, 60000);
		assert_int_equal(t->limit.burst, 9);
		assert_true(gp_str_eq(t->key, GP_STR("key")));
		assert_true(t->member.len == 0 || gp_str_eq(t->member, GP_STR("member")));
		assert_true(gp_str_eq(t->whole, GP_STR("whole\0name")));
		assert_int_equal(t->part.len, 0);
	}
}

static size_t load(void)
{
	struct limit_kept *k = limit_kept_new(path);
	size_t n;

	memset(&seen, 0, sizeof(seen));
	n = limit_kept_load(k, see, NULL);
	assert_int_equal(n, seen.n);
	limit_kept_free(&k);
	return n;
}

/* Four requests, of which the second was told: amounts 1, 10, 100, 1000. */
static void write_four(void)
{
	struct limit_kept *k = limit_kept_new(path);
	struct gp_limit_take takes[3] = {take_of("key", "", "", 1), take_of("looked at", "", "", 0),
					 take_of("key", "member", "", 0)};

	(void)unlink(path);
	for (uint64_t i = 1; i <= 4; i++, takes[0].amount *= 10) {
		takes[0].whole = takes[2].whole = GP_STR("whole\0name");
		takes[2].amount = i == 3;
		assert_int_equal(limit_kept_add(k, takes, 3, 5000), i);
	}
	limit_kept_told(k, 2);
	limit_kept_told(k, 0);
	limit_kept_free(&k);
}

static void test_what_was_not_told_comes_back(void **state)
{
	struct limit_kept *k;

	write_four();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load(), 3);
		assert_int_equal(seen.takes, 4);
		assert_int_equal(seen.amount, 1102);
		assert_int_equal(seen.numbers[0] * 100 + seen.numbers[1] * 10 + seen.numbers[2], 134);
	}
	/* Those that are told later, by the numbers that they came with, do not. */
	k = limit_kept_new(path);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(limit_kept_load(k, see, NULL), 3);
	limit_kept_told(k, 1);
	limit_kept_told(k, 4);
	assert_int_equal(limit_kept_add(k, (struct gp_limit_take[]){take_of("key", "", "whole", 5)}, 1, 0), 5);
	limit_kept_told(k, 5);
	limit_kept_free(&k);
	assert_int_equal(load(), 1);
	assert_int_equal(seen.numbers[0], 3);
	k = limit_kept_new(path);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(limit_kept_load(k, see, NULL), 1);
	limit_kept_clear(k);
	limit_kept_free(&k);
	assert_int_equal(load(), 0);
}

static void put(const char *data, size_t len)
{
	GP_FD_AUTO fd = open(path, O_WRONLY | O_TRUNC);

	assert_int_equal(gp_fd_write_all(fd, data, len), GP_OK);
}

/* Cut anywhere, or with any byte changed: never more than there was, and each as it was. */
static void test_damage(void **state)
{
	GP_BUF_AUTO file = GP_BUF_INIT(100000);
	size_t before = 0;

	write_four();
	assert_int_equal(gp_file_read(path, &file, NULL), GP_OK);
	for (size_t len = 0; len <= file.len; len++) {
		size_t n;

		put(file.data, len);
		n = load();
		assert_true(n + 1 >= before && n <= 4);
		before = n;
	}
	assert_int_equal(before, 3);
	for (size_t at = 0; at < file.len; at++) {
		file.data[at] ^= 0x10;
		put(file.data, file.len);
		assert_true(load() <= 4);
		assert_int_equal(load(), seen.n); /* what is behind the damage went the first time */
		file.data[at] ^= 0x10;
	}
}

static void test_bound(void **state)
{
	static char name[500000];
	struct limit_kept *k = limit_kept_new(path);
	struct gp_limit_take takes[3] = {take_of("key", "", "", 1), take_of("key", "", "", 1),
					 take_of("key", "", "", 1)};
	size_t n = 0;

	(void)unlink(path);
	memset(name, 'x', sizeof(name));
	for (size_t i = 0; i < 3; i++)
		takes[i].whole = gp_str_n(name, sizeof(name));
	assert_int_equal(limit_kept_add(k, takes, 3, 0), 0); /* too long for one */
	while (limit_kept_add(k, takes, 1, 0) > 0)
		n++;
	assert_in_range(n, LIMIT_KEPT_BYTES / 500000 - 10, LIMIT_KEPT_BYTES / 500000);
	limit_kept_clear(k);
	assert_int_equal(limit_kept_add(k, takes, 1, 0), 1);
	limit_kept_free(&k);
}

static void test_nowhere(void **state)
{
	const char *paths[] = {"", "/nonexistent/folder/outage"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(paths); i++) {
		struct limit_kept *k = limit_kept_new(paths[i]);

		assert_int_equal(limit_kept_load(k, see, NULL), 0);
		assert_int_equal(limit_kept_add(k, (struct gp_limit_take[]){take_of("key", "", "", 1)}, 1, 0), 0);
		limit_kept_told(k, 1);
		limit_kept_clear(k);
		limit_kept_free(&k);
	}
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/outage", dir);
	return 0;
}

static int teardown(void **state)
{
	return unlink(path) < 0 || rmdir(dir) < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_not_told_comes_back),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_nowhere),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
