/*
 * The contract of entries: what is put is listed, until it expires or is dropped.
 */
#include <pthread.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "tests/unit/store/contract.h"

struct list {
	size_t n, stop_at;
	char names[10][GP_ENTRY_NAME_MAX + 1];
	char values[10][GP_RECORD_MAX + 1];
	int64_t left_s[10];
};

static bool collect(void *arg, const struct gp_entry *entry)
{
	struct list *l = arg;
	size_t at = l->n % 10;

	assert_true(gp_str_copy(l->names[at], sizeof(l->names[at]), entry->name));
	assert_true(gp_str_copy(l->values[at], sizeof(l->values[at]), entry->value));
	l->left_s[at] = entry->left_s;
	return ++l->n != l->stop_at;
}

static size_t list(const char *table, struct list *ret)
{
	struct list own = {0};

	ret = ret ? ret : &own;
	*ret = (struct list){.stop_at = ret->stop_at};
	assert_int_equal(gp_store_entry_each(contract_store, gp_str(table), soon(), collect, ret), GP_OK);
	return ret->n;
}

static int put(const char *table, struct gp_str name, const char *value, int64_t ttl_s)
{
	return gp_store_entry_put(contract_store, gp_str(table), name, gp_str(value), ttl_s, soon());
}

static int drop(const char *table, const char *name)
{
	return gp_store_entry_drop(contract_store, gp_str(table), gp_str(name), soon());
}

static bool add(const char *table, const char *name, const char *value)
{
	bool was_new;

	assert_int_equal(gp_store_entry_add(contract_store, gp_str(table), gp_str(name), gp_str(value),
					    100, soon(), &was_new),
			 GP_OK);
	return was_new;
}

void entries_are_listed(void **state)
{
	const char *table = "limit-listed";
	struct list l = {0};
	bool seen[2] = {false, false};

	(void)state;
	assert_int_equal(list(table, NULL), 0);
	assert_int_equal(put(table, GP_STR("a@example.org"), "held", 100), GP_OK);
	assert_int_equal(put(table, GP_STR("b\0c"), "", 3000), GP_OK);
	assert_int_equal(put("limit-listed-2", GP_STR("a@example.org"), "other", 100), GP_OK);
	assert_int_equal(put(table, GP_STR("a@example.org"), "held longer", 200), GP_OK);
	assert_int_equal(list(table, &l), 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_a = l.names[i][0] == 'a';

		seen[is_a] = true;
		assert_string_equal(l.values[i], is_a ? "held longer" : "");
		assert_in_range(l.left_s[i], is_a ? 140 : 2940, is_a ? 200 : 3000);
	}
	assert_true(seen[0] && seen[1]);
	l.stop_at = 1;
	assert_int_equal(list(table, &l), 1);
	assert_int_equal(drop(table, "a@example.org"), GP_OK);
	assert_int_equal(drop(table, "a@example.org"), GP_ENOENT);
	assert_int_equal(list(table, NULL), 1);
	assert_int_equal(list("limit-listed-2", NULL), 1);
}

void entries_are_added_once(void **state)
{
	const char *table = "limit-once";
	struct list l = {0};

	(void)state;
	assert_true(add(table, "account", "first"));
	assert_false(add(table, "account", "second"));
	assert_int_equal(list(table, &l), 1);
	assert_string_equal(l.values[0], "first");
	assert_int_equal(drop(table, "account"), GP_OK);
	assert_true(add(table, "account", "third"));
}

void entries_expire(void **state)
{
	const char *table = "limit-over";
	struct stopwatch w;
	size_t n;

	(void)state;
	assert_int_equal(put(table, GP_STR("long"), "", 100), GP_OK);
	do {
		w = stopwatch();
		assert_int_equal(put(table, GP_STR("short"), "", 1), GP_OK);
		n = list(table, NULL);
	} while (n == 1 && is_over(&w, 1));
	assert_int_equal(n, 2);
	contract_advance(2);
	assert_int_equal(list(table, NULL), 1);
	assert_int_equal(drop(table, "short"), GP_ENOENT);
	assert_true(add(table, "short", "again"));
	gp_clock_set(0, -1);
}

/* Of those that try at once one makes it. */
static void *race(void *arg)
{
	size_t *won = arg;

	for (int i = 0; i < 50; i++) {
		char name[20];

		snprintf(name, sizeof(name), "alert-%d", i);
		*won += add("limit-race", name, "x");
	}
	return NULL;
}

void entries_have_one_maker(void **state)
{
	size_t won[4] = {0};
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &won[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(won[0] + won[1] + won[2] + won[3], 50);
}

void entries_are_bounded(void **state)
{
	const char *table = "limit-full";
	struct stopwatch w;
	char name[32];
	int r;

	(void)state;
	for (int i = 0; i < GP_ENTRIES_MAX - 3; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(put(table, gp_str(name), "", 1000), GP_OK);
	}
	do {
		w = stopwatch();
		for (int i = GP_ENTRIES_MAX - 3; i < GP_ENTRIES_MAX; i++) {
			snprintf(name, sizeof(name), "%d", i);
			assert_int_equal(put(table, gp_str(name), "", 2), GP_OK);
		}
		r = put(table, GP_STR("one more"), "", 100);
		if (r == GP_OK)
			(void)drop(table, "one more");
	} while (r == GP_OK && is_over(&w, 2));
	assert_int_equal(r, GP_ELIMIT);
	assert_int_equal(put(table, GP_STR("7"), "changed", 1000), GP_OK);
	contract_advance(3);
	assert_int_equal(put(table, GP_STR("one more"), "", 100), GP_OK); /* what is over makes room */
	assert_int_equal(list(table, NULL), GP_ENTRIES_MAX - 2);
	gp_clock_set(0, -1);
}

void entries_refuse_mistakes(void **state)
{
	const char *table = "limit-bad";
	char text[GP_ENTRY_NAME_MAX + 1];
	struct gp_str longest = gp_str_n(text, GP_ENTRY_NAME_MAX), longer = gp_str_n(text, sizeof(text));

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(put(table, longer, "", 10), GP_ELIMIT);
	assert_int_equal(put(table, longest, "", 10), GP_OK);
	assert_int_equal(gp_store_entry_put(contract_store, gp_str(table), GP_STR("n"), longer, 10, soon()),
			 GP_ELIMIT);
	assert_int_equal(gp_store_entry_put(contract_store, gp_str(table), longest, longest, 10, soon()),
			 GP_OK);
	assert_int_equal(put(table, GP_STR(""), "", 10), GP_EINVAL);
	assert_int_equal(put(table, GP_STR("n"), "", 0), GP_EINVAL);
	assert_int_equal(put("Bad", GP_STR("n"), "", 10), GP_EINVAL);
	assert_int_equal(list(table, NULL), 1);
}
