/*
 * Finding messages in files, directories, Maildirs and mboxes.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/input.h"
#include "lib/base/buf.h"
#include "lib/base/fd.h"

static char folder[] = "/tmp/gp-test-input.XXXXXX";
static struct gp_buf seen;
static unsigned errors;

static int note(void *arg, const char *label, struct gp_str bytes)
{
	(void)arg;
	gp_buf_printf(&seen, "%s=%zu\n", label + strlen(folder) + 1, bytes.len);
	return GP_OK;
}

static void note_error(void *arg, const char *text)
{
	(void)arg;
	(void)text;
	errors++;
}

static void write_file(const char *name, const char *text)
{
	char path[512];
	struct gp_diag diag;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = strchr(path + strlen(folder) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	assert_int_equal(gp_file_replace(path, text, strlen(text), 0644, &diag), GP_OK);
}

static const char *walk(const char *name)
{
	char path[512];
	const char *paths[] = {path};
	struct gp_input in = {.message = note, .error = note_error};

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	gp_buf_reset(&seen);
	assert_int_equal(gp_input_walk(&in, paths, 1), GP_OK);
	errors = in.errors;
	return gp_buf_cstr(&seen);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	gp_buf_init(&seen, 1 << 16);
	assert_non_null(mkdtemp(folder));
	write_file("plain/a.eml", "12345");
	write_file("plain/b/c.eml", "123");
	write_file("plain/.hidden", "no");
	write_file("box/cur/1:2,S", "1234");
	write_file("box/new/2", "12");
	write_file("box/tmp/3", "no");
	write_file("box/dovecot.index", "no");
	write_file("box/.Junk/cur/4", "1");
	write_file("box/.Junk/new/.keep", "");
	write_file("box/.Junk/tmp/5", "no");
	write_file("mbox", "From a@b Mon\nSubject: x\n\n>From here\n\nFrom c@d Tue\nTo: y\n\n1\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_buf_done(&seen);
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_directory(void **state)
{
	(void)state;
	assert_string_equal(walk("plain"), "plain/a.eml=5\nplain/b/c.eml=3\n");
	assert_int_equal(errors, 0);
}

static void test_maildir(void **state)
{
	const char *found = walk("box");

	(void)state;
	assert_non_null(strstr(found, "box/cur/1:2,S=4\n"));
	assert_non_null(strstr(found, "box/new/2=2\n"));
	assert_non_null(strstr(found, "box/.Junk/cur/4=1\n"));
	assert_null(strstr(found, "tmp"));
	assert_null(strstr(found, "dovecot"));
}

static void test_mbox(void **state)
{
	(void)state;
	/* The quoted line lost its '>', the separators are gone. */
	assert_string_equal(walk("mbox"), "mbox:1=23\nmbox:2=9\n");
}

static void test_missing(void **state)
{
	(void)state;
	assert_string_equal(walk("nothing"), "");
	assert_int_equal(errors, 1);
}

static void test_size(void **state)
{
	char path[512];
	const char *paths[] = {path, "-"};

	(void)state;
	snprintf(path, sizeof(path), "%s/plain", folder);
	assert_int_equal(gp_input_size(paths, 2), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory), cmocka_unit_test(test_maildir),
		cmocka_unit_test(test_mbox), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_size)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
