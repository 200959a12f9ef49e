/*
 * The seal and its key file.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/auth/seal.h"
#include "lib/base/fd.h"

static struct gp_arena *arena;
static char dir[] = "/tmp/test_seal.XXXXXX", path[64];

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/key", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	unlink(path);
	return rmdir(dir);
}

static struct gp_seal_key *load(void)
{
	struct gp_seal_key *key = NULL;

	assert_int_equal(gp_seal_key_load(path, &key, NULL), GP_OK);
	return key;
}

static void test_key_file(void **state)
{
	struct gp_seal_key *key = NULL;
	struct gp_diag diag;
	struct stat st, again;

	(void)state;
	assert_int_equal(gp_seal_key_load(path, &key, &diag), GP_ENOENT);
	assert_int_equal(gp_seal_key_create(path, &diag), GP_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(gp_seal_key_create(path, &diag), GP_OK);
	assert_int_equal(stat(path, &again), 0);
	assert_int_equal(st.st_ino, again.st_ino);
	assert_int_equal(st.st_mtim.tv_nsec, again.st_mtim.tv_nsec);
	key = load();
	gp_seal_key_free(&key);
	assert_null(key);

	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(gp_seal_key_load(path, &key, &diag), GP_EACCES);
	assert_non_null(strstr(diag.text, "chmod 0640"));
	assert_int_equal(chmod(path, 0660), 0);
	assert_int_equal(gp_seal_key_load(path, &key, &diag), GP_EACCES);
	assert_int_equal(gp_seal_key_load(dir, &key, &diag), GP_EINVAL);
	assert_int_equal(gp_file_replace(path, "short", 5, 0640, &diag), GP_OK);
	assert_int_equal(gp_seal_key_load(path, &key, &diag), GP_EINVAL);
	assert_int_equal(gp_file_replace(path, "", 0, 0640, &diag), GP_OK);
	assert_int_equal(gp_seal_key_load(path, &key, &diag), GP_EINVAL);
	assert_null(key);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gp_seal_key_create("/nonexistent/key", &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "/nonexistent/key"));
}

static void test_known_value(void **state)
{
	struct gp_seal_key *key;

	(void)state;
	assert_int_equal(gp_file_replace(path, "0123456789abcdef0123456789abcdef", 32, 0640, NULL), GP_OK);
	key = load();
	/* printf '4WxYz1\0h;none' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
	assert_str(gp_seal_make(arena, key, GP_STR("4WxYz1"), GP_STR("h; none")), "v=1; d7dba22632f37d85912fbaab2faf917e3e6d96663e2034f1fedd114a3a770cbb");
	gp_seal_key_free(&key);
}

static void test_valid(void **state)
{
	const struct gp_str id = GP_STR("4WxYz1"), value = GP_STR("h;\n\tspf=pass smtp.mailfrom=a@b.org");
	struct gp_seal_key *key;
	struct gp_str seal;
	char *broken;

	(void)state;
	assert_int_equal(gp_seal_key_create(path, NULL), GP_OK);
	key = load();
	seal = gp_seal_make(arena, key, id, value);
	assert_true(gp_seal_is_valid(key, id, value, seal));
	/* folded otherwise */
	assert_true(gp_seal_is_valid(key, id, GP_STR(" h; spf=pass\r\n smtp.mailfrom=a@b.org"), seal));
	assert_true(gp_seal_is_valid(key, id, value,
				     gp_str(gp_arena_printf(arena, " v=1;\n\t%.*s\r\n", GP_STR_FMT(gp_str_sub(seal, 5, 99))))));
	/* another message, another value, nothing */
	assert_false(gp_seal_is_valid(key, GP_STR("4WxYz2"), value, seal));
	assert_false(gp_seal_is_valid(key, id, GP_STR("h;\n\tspf=fail smtp.mailfrom=a@b.org"), seal));
	assert_false(gp_seal_is_valid(key, GP_STR("4WxYz1h"), gp_str_sub(value, 1, value.len), seal));
	assert_false(gp_seal_is_valid(key, (struct gp_str){0}, value,
				      gp_seal_make(arena, key, (struct gp_str){0}, value)));
	assert_false(gp_seal_is_valid(key, id, value, (struct gp_str){0}));
	for (size_t i = 0; i < seal.len; i++) {
		assert_false(gp_seal_is_valid(key, id, value, gp_str_sub(seal, 0, i)));
		broken = gp_arena_cstr(arena, seal);
		broken[i] = broken[i] == '0' ? '1' : '0';
		if (seal.ptr[i] != ' ')
			assert_false(gp_seal_is_valid(key, id, value, gp_str(broken)));
	}
	assert_false(gp_seal_is_valid(key, id, value, gp_str(gp_arena_printf(arena, "%.*s0", GP_STR_FMT(seal)))));
	assert_false(gp_seal_is_valid(key, id, value, gp_str(gp_arena_printf(arena, "%.*s00", GP_STR_FMT(seal)))));
	gp_seal_key_free(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_known_value),
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
