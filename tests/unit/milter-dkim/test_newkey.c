/*
 * New keys: their selectors, and writing them down.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter-dkim/newkey.h"

/* 2026-11-21 */
#define NOW 1795219200

static struct gp_arena *arena;
static char folder[] = "/tmp/gp-test-newkey.XXXXXX";
static struct dkim_keydir taken;

static const char *path(const char *name)
{
	return gp_arena_printf(arena, "%s/%s", folder, name);
}

static void take(const char *selector)
{
	*gp_vec_push(arena, &taken.keys) = (struct dkim_keydir_key){.selector = gp_str(selector)};
}

static const char *name(const char *stem, enum gp_key_type type, unsigned types)
{
	return gp_newkey_selector(arena, stem, type, types, &taken, NOW);
}

static void test_types(void **state)
{
	unsigned types = 0;

	(void)state;
	assert_int_equal(gp_newkey_types_parse(GP_STR("both"), &types), GP_OK);
	assert_int_equal(types, GP_NEWKEY_RSA | GP_NEWKEY_ED25519);
	assert_int_equal(gp_newkey_types_parse(GP_STR("ed25519"), &types), GP_OK);
	assert_int_equal(types, GP_NEWKEY_ED25519);
	assert_int_equal(gp_newkey_types_parse(GP_STR("dsa"), &types), GP_EINVAL);
}

static void test_selectors(void **state)
{
	(void)state;
	assert_string_equal(name(NULL, GP_KEY_RSA, GP_NEWKEY_RSA), "s202611");
	assert_string_equal(name("x", GP_KEY_RSA, GP_NEWKEY_RSA), "x");
	assert_string_equal(name("x", GP_KEY_RSA, GP_NEWKEY_RSA | GP_NEWKEY_ED25519), "xr");
	assert_string_equal(name(NULL, GP_KEY_ED25519, GP_NEWKEY_RSA | GP_NEWKEY_ED25519),
			    "s202611e");
	assert_null(name("a/b", GP_KEY_RSA, GP_NEWKEY_RSA));
	assert_null(name("", GP_KEY_RSA, GP_NEWKEY_RSA));
}

/* Letters are added until the name is free; "r" and "e" mean something else. */
static void test_taken_selectors(void **state)
{
	(void)state;
	take("S202611");
	assert_string_equal(name(NULL, GP_KEY_RSA, GP_NEWKEY_RSA), "s202611b");
	take("s202611b");
	take("s202611c");
	take("s202611d");
	assert_string_equal(name(NULL, GP_KEY_RSA, GP_NEWKEY_RSA), "s202611f");
	/* A file that the list does not know, as an interruption leaves it. */
	close(open(path("s202611f.key"), O_CREAT | O_WRONLY, 0600));
	assert_string_equal(name(NULL, GP_KEY_RSA, GP_NEWKEY_RSA), "s202611g");
	/* A name that was asked for is left alone: writing it will say that it is taken. */
	assert_string_equal(name("s202611b", GP_KEY_RSA, GP_NEWKEY_RSA), "s202611b");
}

static void test_write(void **state)
{
	GP_CLEANUP(gp_newkey_done) struct gp_newkey k = {0};
	const char *file = NULL;
	struct gp_key *loaded = NULL;
	struct gp_diag diag;
	struct stat st;

	(void)state;
	assert_int_equal(gp_newkey_make(arena, GP_STR("example.org"), GP_STR("s1"), GP_KEY_ED25519,
					0, &k, &diag), GP_OK);
	assert_int_equal(gp_newkey_write(&k, folder, arena, &file, &diag), GP_OK);
	assert_string_equal(file, path("example.org.s1.key"));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path("example.org.s1.txt"), &st), 0);
	assert_int_equal((size_t)st.st_size, k.zone.len);
	assert_int_equal(gp_key_load(file, &loaded, &diag), GP_OK);
	assert_true(gp_key_same_public(loaded, k.key));
	gp_key_unref(&loaded);
	assert_int_equal(gp_newkey_write(&k, folder, arena, &file, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "is not overwritten"));
	assert_int_not_equal(gp_newkey_write(&k, path("nowhere"), arena, &file, &diag), GP_OK);
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	assert_non_null(mkdtemp(folder));
	taken.path = path("selectors");
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"s202611f.key", "example.org.s1.key",
					    "example.org.s1.txt"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(files); i++)
		unlink(path(files[i]));
	/* Nothing else was left behind. */
	assert_int_equal(rmdir(folder), 0);
	gp_arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types), cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_taken_selectors), cmocka_unit_test(test_write)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
