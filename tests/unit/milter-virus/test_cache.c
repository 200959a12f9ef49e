/*
 * Verdicts on parts: generation, depth, time, workers that died, a cache that is full.
 */
#include "lib/base/clock.h"
#include "milter-virus/cache.h"
#include "tests/unit/test.h"

#define TTL_MS 1000

static struct virus_cache *cache;

static struct virus_layer layer(unsigned n, uint16_t level, bool is_infected)
{
	struct virus_layer l = {.level = level, .is_infected = is_infected};

	gp_sha256(&n, sizeof(n), l.digest);
	return l;
}

static enum virus_known get(uint32_t generation, struct virus_layer l)
{
	char name[VIRUS_NAME_MAX];

	return virus_cache_get(cache, generation, &l, name);
}

static int open_cache(void **state)
{
	(void)state;
	gp_clock_set(1000, 1000);
	cache = virus_cache_new(800, TTL_MS);
	return 0;
}

static int close_cache(void **state)
{
	(void)state;
	virus_cache_free(&cache);
	return 0;
}

static void holds_for_a_generation_and_a_time(void **state)
{
	struct virus_layer l = layer(1, 2, false);

	(void)state;
	assert_int_equal(get(1, l), VIRUS_UNKNOWN);
	virus_cache_put(cache, 1, 5, &l, "");
	assert_int_equal(get(1, l), VIRUS_KNOWN_CLEAN);
	assert_int_equal(get(2, l), VIRUS_UNKNOWN);
	gp_clock_set(1000 + TTL_MS, 1000);
	assert_int_equal(get(1, l), VIRUS_UNKNOWN);
}

static void clean_holds_above_only(void **state)
{
	struct virus_layer l = layer(1, 3, false);

	(void)state;
	virus_cache_put(cache, 1, 5, &l, "");
	assert_int_equal(get(1, layer(1, 3, false)), VIRUS_KNOWN_CLEAN);
	assert_int_equal(get(1, layer(1, 0, false)), VIRUS_KNOWN_CLEAN);
	assert_int_equal(get(1, layer(1, 4, false)), VIRUS_UNKNOWN);
}

static void infected_has_a_name(void **state)
{
	struct virus_layer l = layer(1, 3, true), deeper = layer(1, 9, false);
	char name[VIRUS_NAME_MAX];

	(void)state;
	virus_cache_put(cache, 1, 5, &l, "Some.Virus");
	assert_int_equal(virus_cache_get(cache, 1, &deeper, name), VIRUS_KNOWN_INFECTED);
	assert_string_equal(name, "Some.Virus");
}

static void the_dead_are_not_believed(void **state)
{
	struct virus_layer clean = layer(1, 1, false), bad = layer(2, 1, true), other = layer(3, 1, false);

	(void)state;
	virus_cache_put(cache, 1, 5, &clean, "");
	virus_cache_put(cache, 1, 5, &bad, "Some.Virus");
	virus_cache_put(cache, 1, 6, &other, "");
	virus_cache_forget(cache, 5);
	assert_int_equal(get(1, clean), VIRUS_UNKNOWN);
	assert_int_equal(get(1, bad), VIRUS_UNKNOWN);
	assert_int_equal(get(1, other), VIRUS_KNOWN_CLEAN);
}

static void is_bounded(void **state)
{
	unsigned known = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct virus_layer l = layer(i, 1, false);

		virus_cache_put(cache, 1, 1, &l, "");
		assert_int_equal(get(1, l), VIRUS_KNOWN_CLEAN); /* the newest is there always */
	}
	for (unsigned i = 0; i < 10000; i++)
		known += get(1, layer(i, 1, false)) == VIRUS_KNOWN_CLEAN;
	assert_in_range(known, 700, 800);
}

static void may_be_off(void **state)
{
	struct virus_cache *off = virus_cache_new(0, TTL_MS);
	struct virus_layer l = layer(1, 1, false);
	char name[VIRUS_NAME_MAX];

	(void)state;
	assert_false(virus_cache_is_on(off));
	virus_cache_put(off, 1, 1, &l, "");
	assert_int_equal(virus_cache_get(off, 1, &l, name), VIRUS_UNKNOWN);
	virus_cache_forget(off, 1);
	virus_cache_free(&off);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(holds_for_a_generation_and_a_time, open_cache,
						close_cache),
		cmocka_unit_test_setup_teardown(clean_holds_above_only, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(infected_has_a_name, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(the_dead_are_not_believed, open_cache, close_cache),
		cmocka_unit_test_setup_teardown(is_bounded, open_cache, close_cache),
		cmocka_unit_test(may_be_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
