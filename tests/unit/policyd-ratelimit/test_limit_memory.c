/*
 * What is remembered of messages: what was added, for how long, and never too much.
 */
#include <stdio.h>

#include "policyd-ratelimit/limit_memory.h"
#include "tests/unit/test.h"

static uint64_t message(int i)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "1f0.%d.0", i);

	return limit_memory_message(gp_str_n(text, (size_t)n), GP_STR("192.0.2.1"));
}

static void test_adds_up(void **state)
{
	(void)state;
	assert_int_equal(limit_memory_message(GP_STR(""), GP_STR("192.0.2.1")), 0);
	assert_true(message(1) != message(2));
	assert_true(message(1) != limit_memory_message(GP_STR("1f0.1.0"), GP_STR("192.0.2.2")));
	limit_memory_add(message(1), 7, 2, 0);
	limit_memory_add(message(1), 7, 3, 0);
	limit_memory_add(message(1), 8, 1, 0);
	assert_int_equal(limit_memory_counted(message(1), 7, 0), 5);
	assert_int_equal(limit_memory_counted(message(1), 8, 0), 1);
	assert_int_equal(limit_memory_counted(message(1), 9, 0), 0);
	assert_int_equal(limit_memory_counted(message(2), 7, 0), 0);
	assert_int_equal(limit_memory_messages(), 1);
	assert_int_equal(limit_memory_entries(), 2);
	limit_memory_add(0, 7, 1, 0);
	assert_int_equal(limit_memory_counted(0, 7, 0), 0);
}

static void test_forgets_in_time(void **state)
{
	(void)state;
	limit_memory_add(message(1), 7, 1, 0);
	limit_memory_add(message(2), 7, 1, 1000);
	limit_memory_add(message(1), 8, 1, 2000); /* touched again */
	assert_int_equal(limit_memory_counted(message(2), 7, LIMIT_MEMORY_MS + 999), 1);
	assert_int_equal(limit_memory_counted(message(2), 7, LIMIT_MEMORY_MS + 1000), 0);
	assert_int_equal(limit_memory_messages(), 1);
	assert_int_equal(limit_memory_counted(message(1), 7, LIMIT_MEMORY_MS + 1999), 1);
	assert_int_equal(limit_memory_counted(message(1), 7, LIMIT_MEMORY_MS + 2000), 0);
	assert_int_equal(limit_memory_entries(), 0);
}

static void test_many_messages(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * LIMIT_MEMORY_MESSAGES; i++) {
		limit_memory_add(message(i), 7, 1, i);
		limit_memory_add(message(0), 7, 1, i); /* used all the time: never the oldest */
	}
	assert_int_equal(limit_memory_messages(), LIMIT_MEMORY_MESSAGES);
	assert_int_equal(limit_memory_counted(message(0), 7, 0), 3 * LIMIT_MEMORY_MESSAGES + 1);
	assert_int_equal(limit_memory_counted(message(1), 7, 0), 0);
	assert_int_equal(limit_memory_counted(message(3 * LIMIT_MEMORY_MESSAGES - 1), 7, 0), 1);
}

/* The worst that one client can do: others' are forgotten, its own beyond the cap are not kept. */
static void test_one_huge_message(void **state)
{
	(void)state;
	limit_memory_add(message(1), 7, 1, 0);
	for (uint64_t i = 0; i < LIMIT_MEMORY_ENTRIES + 1000; i++)
		limit_memory_add(message(2), 100 + i, 1, 0);
	assert_int_equal(limit_memory_messages(), 1);
	assert_int_equal(limit_memory_entries(), LIMIT_MEMORY_ENTRIES);
	assert_int_equal(limit_memory_counted(message(2), 100, 0), 1);
	limit_memory_add(message(2), 100, 4, 0);
	assert_int_equal(limit_memory_counted(message(2), 100, 0), 5);
	limit_memory_add(message(3), 7, 1, 0);
	assert_int_equal(limit_memory_entries(), 1);
}

static int clear(void **state)
{
	(void)state;
	limit_memory_done();
	return limit_memory_entries() == 0 && limit_memory_messages() == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_adds_up, clear),
		cmocka_unit_test_teardown(test_forgets_in_time, clear),
		cmocka_unit_test_teardown(test_many_messages, clear),
		cmocka_unit_test_teardown(test_one_huge_message, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
