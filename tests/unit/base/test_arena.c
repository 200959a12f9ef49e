/*
 * Arenas: alignment, growth, clean-ups, what reset keeps.
 */
#include "lib/base/arena.h"

#include <stdalign.h>

#include "lib/base/vec.h"
#include "tests/unit/test.h"

static void test_alloc(void **state)
{
	struct gp_arena *a = gp_arena_new(256);
	char *last = NULL;

	(void)state;
	for (size_t size = 0; size < 400; size++) {
		char *p = gp_arena_alloc(a, size);

		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		memset(p, 0xa5, size);
		assert_ptr_not_equal(p, last);
		last = p;
	}
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(((unsigned char *)gp_arena_zalloc(a, 100))[i], 0);
	gp_arena_free(a);
	gp_arena_free(NULL);
}

static void test_copies(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str with_nul = gp_str_n("a\0b", 3);

	(void)state;
	assert_string_equal(gp_arena_strdup(a, "text"), "text");
	assert_string_equal(gp_arena_cstr(a, GP_STR("span")), "span");
	assert_memory_equal(gp_arena_cstr(a, with_nul), "a\0b", 4);
	assert_string_equal(gp_arena_printf(a, "%s-%d", "x", 7), "x-7");
	assert_int_equal(strlen(gp_arena_printf(a, "%*d", 5000, 1)), 5000);
	assert_int_equal(gp_arena_str(a, (struct gp_str){0}).len, 0);
	gp_arena_free(a);
}

static void test_grow(void **state)
{
	struct gp_arena *a = gp_arena_new(1024);
	char *p = gp_arena_alloc(a, 16), *q;

	(void)state;
	memcpy(p, "0123456789abcdef", 16);
	assert_ptr_equal(gp_arena_grow(a, p, 16, 64), p); /* the newest: in place */
	gp_arena_alloc(a, 1);
	q = gp_arena_grow(a, p, 64, 4096);
	assert_ptr_not_equal(q, p);
	assert_memory_equal(q, "0123456789abcdef", 16);
	gp_arena_free(a);
}

static char order[8];

static void note(void *arg)
{
	size_t n = strlen(order);

	order[n] = *(const char *)arg;
	order[n + 1] = '\0';
}

static void test_cleanups(void **state)
{
	static char letters[] = "abc";
	struct gp_arena *a = gp_arena_new(0);

	(void)state;
	order[0] = '\0';
	gp_arena_on_end(a, note, &letters[0]);
	gp_arena_on_end(a, note, &letters[1]);
	gp_arena_reset(a);
	assert_string_equal(order, "ba");
	gp_arena_on_end(a, note, &letters[2]);
	gp_arena_freep(&a);
	assert_null(a);
	assert_string_equal(order, "bac");
}

/* A message after a huge one holds no more than the first. */
static void test_reset_gives_back(void **state)
{
	struct gp_arena *a = gp_arena_new(4096);
	size_t before = gp_arena_size(a);

	(void)state;
	for (int i = 0; i < 1000; i++)
		gp_arena_alloc(a, 3000);
	gp_arena_alloc(a, 1 << 20);
	assert_true(gp_arena_size(a) > before + (4 << 20) - 200000);
	gp_arena_reset(a);
	assert_int_equal(gp_arena_size(a), before);
	gp_arena_free(a);
}

static void test_vec(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	GP_VEC(int) v = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		*gp_vec_push(a, &v) = i;
	assert_int_equal(v.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(v.items[i], i);
	gp_arena_free(a);
}

static void test_lower(void **state)
{
	struct gp_arena *a = gp_arena_new(0);

	(void)state;
	assert_str(gp_arena_lower(a, GP_STR("A-b\xc3\x84Z")), "a-b\xc3\x84z");
	assert_int_equal(gp_arena_lower(a, (struct gp_str){0}).len, 0);
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_alloc),	 cmocka_unit_test(test_copies),
		cmocka_unit_test(test_grow),	 cmocka_unit_test(test_cleanups),
		cmocka_unit_test(test_reset_gives_back), cmocka_unit_test(test_vec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
