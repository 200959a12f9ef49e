/*
 * The key directory: states, their order, what is refused, what a broken file says.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "milter-dkim/keydir.h"

static struct gp_arena *arena;
static char *dir;
static struct gp_diag diag;

static int setup(void **state)
{
	char template[] = "/tmp/gp-keydir-XXXXXX";

	(void)state;
	arena = gp_arena_new(0);
	assert_non_null(mkdtemp(template));
	dir = gp_arena_strdup(arena, template);
	return 0;
}

static int teardown(void **state)
{
	char *command = gp_arena_printf(arena, "rm -r '%s'", dir);

	(void)state;
	assert_int_equal(system(command), 0);
	gp_arena_free(arena);
	return 0;
}

static const char *in_dir(const char *name)
{
	return gp_arena_printf(arena, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(gp_file_replace(in_dir(name), text, strlen(text), 0600, &diag), GP_OK);
}

static int add(const char *domain, const char *selector, int64_t now)
{
	return dkim_keydir_add(dir, gp_str(domain), gp_str(selector), GP_STR("PEM\n"),
			       GP_STR("record\n"), now, &diag);
}

/* The keys of example.org as "s1 active 5, s2 …". */
static const char *states(void)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	struct dkim_keydir d;
	int r = dkim_keydir_list(dir, GP_STR("example.org"), arena, &d, &diag);

	if (r)
		return gp_err_name(r);
	for (size_t i = 0; i < d.keys.len; i++)
		gp_buf_printf(&out, "%s%.*s %s %lld", i ? ", " : "",
			      GP_STR_FMT(d.keys.items[i].selector),
			      dkim_key_state_name(d.keys.items[i].state),
			      (long long)d.keys.items[i].since_s);
	return gp_arena_strdup(arena, gp_buf_cstr(&out));
}

static unsigned mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_dir(name), &st), 0);
	return st.st_mode & 0777;
}

static void test_life(void **state)
{
	(void)state;
	assert_string_equal(states(), gp_err_name(GP_ENOENT));
	assert_int_equal(add("Example.ORG", "s1", 10), GP_OK);
	assert_int_equal(add("example.org", "s1e", 11), GP_OK);
	assert_string_equal(states(), "s1 prepared 10, s1e prepared 11");
	assert_int_equal(mode_of("example.org/s1.key"), 0600);
	assert_int_equal(mode_of("example.org/s1.txt"), 0644);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("example.org"), 20, &diag), GP_OK);
	assert_string_equal(states(), "s1 active 20, s1e active 20");
	assert_int_equal(add("example.org", "s2", 30), GP_OK);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("example.org"), 40, &diag), GP_OK);
	assert_string_equal(states(), "s1 retired 40, s1e retired 40, s2 active 40");
	/* Retired ones keep the time of their retirement. */
	assert_int_equal(add("example.org", "s3", 50), GP_OK);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("example.org"), 60, &diag), GP_OK);
	assert_string_equal(states(), "s1 retired 40, s1e retired 40, s2 retired 60, s3 active 60");
	assert_int_equal(dkim_keydir_remove(dir, GP_STR("example.org"), GP_STR("s1e"), &diag),
			 GP_OK);
	assert_string_equal(states(), "s1 retired 40, s2 retired 60, s3 active 60");
	assert_int_not_equal(access(in_dir("example.org/s1e.key"), F_OK), 0);
	assert_int_not_equal(access(in_dir("example.org/s1e.txt"), F_OK), 0);
	assert_int_equal(access(in_dir("example.org/s1.key"), F_OK), 0);
	assert_int_equal(dkim_keydir_set(dir, GP_STR("example.org"), GP_STR("s2"), DKIM_KEY_ACTIVE,
					 70, &diag),
			 GP_OK);
	assert_string_equal(states(), "s1 retired 40, s2 active 70, s3 active 60");
}

static void test_refused(void **state)
{
	static const char *const bad_selectors[] = {"",	   ".",	  "a..b", "../x",
						    "a/b", "a b", "s.",	  "ä"};
	static const char *const bad_domains[] = {"", "../etc", "a/b", "a b", "-\n.org"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad_selectors); i++)
		assert_int_equal(add("example.org", bad_selectors[i], 1), GP_EINVAL);
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad_domains); i++)
		assert_int_equal(add(bad_domains[i], "s", 1), GP_EINVAL);
	assert_int_equal(add("example.org", "s1", 1), GP_OK);
	assert_int_equal(add("example.org", "s1", 1), GP_EINVAL);
	assert_int_equal(add("example.org", "S1", 1), GP_EINVAL);
	write_file("example.org/stray.key", "mine\n");
	assert_int_equal(add("example.org", "stray", 1), GP_EINVAL);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("example.org"), 2, &diag), GP_OK);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("example.org"), 3, &diag), GP_ENOENT);
	assert_int_equal(dkim_keydir_switch(dir, GP_STR("none.example"), 3, &diag), GP_ENOENT);
	assert_int_equal(dkim_keydir_remove(dir, GP_STR("example.org"), GP_STR("s1"), &diag),
			 GP_EINVAL);
	assert_non_null(strstr(diag.text, "signs now"));
	assert_int_equal(dkim_keydir_remove(dir, GP_STR("example.org"), GP_STR("s9"), &diag),
			 GP_ENOENT);
	assert_string_equal(states(), "s1 active 2");
}

/* Filled by hand: every key signs; the first change writes that down. */
static void test_by_hand(void **state)
{
	struct dkim_keydir d;

	(void)state;
	assert_int_equal(mkdir(in_dir("example.org"), 0700), 0);
	write_file("example.org/b.key", "PEM\n");
	write_file("example.org/a.key", "PEM\n");
	write_file("example.org/notes.txt", "not a key\n");
	assert_int_equal(dkim_keydir_list(dir, GP_STR("example.org"), arena, &d, &diag), GP_OK);
	assert_false(d.has_state);
	assert_int_equal(d.keys.len, 2);
	assert_str(d.keys.items[0].selector, "a");
	assert_string_equal(d.keys.items[0].path, in_dir("example.org/a.key"));
	assert_int_equal(d.keys.items[1].state, DKIM_KEY_ACTIVE);
	assert_int_equal(add("example.org", "c", 5), GP_OK);
	assert_int_equal(dkim_keydir_list(dir, GP_STR("example.org"), arena, &d, &diag), GP_OK);
	assert_true(d.has_state);
	assert_int_equal(d.keys.len, 3);
	assert_int_equal(d.keys.items[0].state, DKIM_KEY_ACTIVE);
	assert_int_equal(d.keys.items[2].state, DKIM_KEY_PREPARED);
}

static void test_broken_state(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"s1 active 5\ns2 asleep 6\n", "selectors:2: the state must be"},
		{"s1\n", "selectors:1: the state must be"},
		{"\n# x\ns1 active x\n", "selectors:3: after the state"},
		{"s1 active -1\n", "selectors:1: after the state"},
		{"s1 active 1 2\n", "selectors:1: after the state"},
		{"s1 active 1\nS1 retired 1\n", "selectors:2: this selector"},
		{"../x active 1\n", "selectors:1: expected"},
	};

	(void)state;
	assert_int_equal(mkdir(in_dir("example.org"), 0700), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		write_file("example.org/selectors", cases[i].text);
		assert_string_equal(states(), gp_err_name(GP_EINVAL));
		assert_non_null(strstr(diag.text, cases[i].error));
		/* Nothing is changed by what could not be read. */
		assert_int_equal(add("example.org", "s7", 1), GP_EINVAL);
		assert_int_not_equal(access(in_dir("example.org/s7.key"), F_OK), 0);
	}
}

static void test_domains(void **state)
{
	struct gp_str *domains;
	size_t n;

	(void)state;
	assert_int_equal(add("b.example", "s", 1), GP_OK);
	assert_int_equal(add("bücher.example", "s", 1), GP_OK);
	assert_int_equal(mkdir(in_dir("lost+found"), 0700), 0);
	assert_int_equal(mkdir(in_dir("UPPER.example"), 0700), 0);
	assert_int_equal(dkim_keydir_domains(dir, arena, &domains, &n, &diag), GP_OK);
	assert_int_equal(n, 2);
	assert_str(domains[0], "b.example");
	assert_str(domains[1], "xn--bcher-kva.example");
	assert_int_equal(dkim_keydir_domains(in_dir("none"), arena, &domains, &n, &diag),
			 GP_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_hand, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domains, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
