/*
 * A log that grows, is renamed, copied and truncated, packed, not there, and read by one who
 * was away meanwhile: every line once, in order.
 */
#include "controller/maillog_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/maillog_rotated.h"
#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "tests/unit/test.h"

static char dir[] = "/tmp/gp-test-maillog-XXXXXX";
static unsigned clock_s; /* of the files: each is written a second after the one before */

static const char *path(const char *name)
{
	static char text[2][200];
	static unsigned n;

	snprintf(text[n ^= 1], sizeof(text[0]), "%s/%s", dir, name);
	return text[n];
}

static void stamp(const char *name)
{
	struct timespec now = {.tv_sec = 1790000000 + ++clock_s}, times[2] = {now, now};

	assert_int_equal(utimensat(AT_FDCWD, path(name), times, 0), 0);
}

static void add(const char *name, const char *text)
{
	GP_FD_AUTO fd = open(path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_int_equal(gp_fd_write_all(fd, text, strlen(text)), GP_OK);
	stamp(name);
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(path(from), path(to)), 0);
}

/* As logrotate's copytruncate. */
static void copy_truncate(const char *from, const char *to)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_diag diag;

	assert_int_equal(gp_file_read(path(from), &text, &diag), GP_OK);
	gp_buf_add_chr(&text, '\0');
	add(to, text.data);
	assert_int_equal(truncate(path(from), 0), 0);
	stamp(from);
}

/* The lines that are there now, each with a blank behind it. */
static void expect(struct maillog_file *f, const char *lines)
{
	GP_BUF_AUTO got = GP_BUF_INIT(1 << 20);
	struct gp_diag diag = {""};
	struct gp_str line;
	uint64_t place;
	int r;

	while ((r = maillog_file_next(f, &line, &place, &diag)) == GP_OK) {
		gp_buf_add_str(&got, line);
		gp_buf_add_chr(&got, ' ');
	}
	assert_int_equal(r, GP_ENOENT);
	assert_string_equal(gp_buf_cstr(&got), lines);
}

static void expect_losses(struct maillog_file *f, unsigned gone, unsigned truncated, unsigned long_lines)
{
	struct maillog_losses losses;

	maillog_file_losses(f, &losses);
	assert_int_equal(losses.gone, gone);
	assert_int_equal(losses.truncated, truncated);
	assert_int_equal(losses.long_lines, long_lines);
}

static struct maillog_file *follow(void)
{
	return maillog_file_new(path("mail.log"));
}

/* As a restart does. */
static void restart(struct maillog_file **f)
{
	struct maillog_position at;

	assert_true(maillog_file_position(*f, &at));
	maillog_file_free(f);
	*f = follow();
	maillog_file_start(*f, &at);
}

static void test_grows(void **state)
{
	struct maillog_file *f = follow();
	struct maillog_position at;

	(void)state;
	expect(f, ""); /* not there yet */
	assert_false(maillog_file_position(f, &at));
	add("mail.log", "a\nb\nhalf");
	assert_int_equal(maillog_file_lag(f), 8);
	expect(f, "a b ");
	assert_int_equal(maillog_file_lag(f), 4);
	expect(f, "");
	add("mail.log", " more\n\nc\n");
	expect(f, "half more  c ");
	restart(&f);
	expect(f, "");
	add("mail.log", "d\n");
	restart(&f);
	expect(f, "d ");
	expect_losses(f, 0, 0, 0);
	maillog_file_free(&f);
}

/* The old file is read on until something is in the new one. */
static void test_renamed(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "a\n");
	expect(f, "a ");
	move("mail.log", "mail.log.1");
	expect(f, "");
	add("mail.log.1", "b\n");
	add("mail.log", "");
	expect(f, "b ");
	add("mail.log.1", "c\nno end");
	add("mail.log", "d\n");
	expect(f, "c no end d ");
	expect_losses(f, 0, 0, 0);
	maillog_file_free(&f);
}

static void test_renamed_while_away(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "a\nb\n");
	expect(f, "a b ");
	add("mail.log", "c\n");
	move("mail.log", "mail.log.1");
	add("mail.log", "d\n");
	restart(&f);
	expect(f, "c d ");
	/* Twice. */
	add("mail.log", "e\n");
	move("mail.log.1", "mail.log.2");
	move("mail.log", "mail.log.1");
	add("mail.log", "f\n");
	move("mail.log.2", "mail.log.3");
	move("mail.log.1", "mail.log.2");
	move("mail.log", "mail.log.1");
	add("mail.log", "g\n");
	restart(&f);
	expect(f, "e f g ");
	/* And without a restart: whoever takes the events was away. */
	move("mail.log", "mail.log-20261121");
	add("mail.log", "h\n");
	move("mail.log", "mail.log-20261122");
	add("mail.log", "i\n");
	expect(f, "h i ");
	/* The log itself may still be empty then, or not there. */
	move("mail.log", "mail.log-20261123");
	add("mail.log", "j\n");
	move("mail.log", "mail.log-20261124");
	expect(f, "j ");
	add("mail.log", "k\n");
	move("mail.log", "mail.log-20261125");
	add("mail.log", "");
	expect(f, "k ");
	add("mail.log", "l\n");
	expect(f, "l ");
	expect_losses(f, 0, 0, 0);
	maillog_file_free(&f);
}

static void test_restart_between(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "a\n");
	expect(f, "a ");
	move("mail.log", "mail.log.1");
	restart(&f); /* the log has no file just now */
	expect(f, "");
	add("mail.log", "");
	restart(&f);
	expect(f, "");
	add("mail.log", "b\n");
	expect(f, "b ");
	expect_losses(f, 0, 0, 0);
	maillog_file_free(&f);
}

static void test_copied(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "first line\nsecond\n");
	expect(f, "first line second ");
	add("mail.log", "third\n");
	copy_truncate("mail.log", "mail.log.1");
	expect(f, "third ");
	add("mail.log", "x\n");
	expect(f, "x ");
	/* It may be longer again than it was. */
	add("mail.log", "y\n");
	move("mail.log.1", "mail.log.2");
	copy_truncate("mail.log", "mail.log.1");
	add("mail.log", "a line that goes beyond where we were\n");
	expect(f, "y a line that goes beyond where we were ");
	/* While we were away. */
	add("mail.log", "z\n");
	move("mail.log.1", "mail.log.3");
	copy_truncate("mail.log", "mail.log.1");
	add("mail.log", "after\n");
	restart(&f);
	expect(f, "z after ");
	expect_losses(f, 0, 0, 0);
	maillog_file_free(&f);
}

static void test_truncated(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "first\nsecond\n");
	expect(f, "first second ");
	assert_int_equal(truncate(path("mail.log"), 0), 0);
	add("mail.log", "new\n");
	expect(f, "new ");
	expect_losses(f, 0, 1, 0);
	maillog_file_free(&f);
}

/* Packed, or removed: said, and on with what is there. */
static void test_gone(void **state)
{
	struct maillog_file *f = follow();

	(void)state;
	add("mail.log", "first\n");
	expect(f, "first ");
	move("mail.log", "mail.log.1.gz");
	add("mail.log", "new\n");
	restart(&f);
	expect(f, "new ");
	expect_losses(f, 1, 0, 0);
	maillog_file_free(&f);
}

/* An inode that is used again does not make it the same file. */
static void test_other_file(void **state)
{
	struct maillog_file *f = follow();
	struct maillog_position at;
	struct stat st;

	(void)state;
	add("mail.log", "first\n");
	expect(f, "first ");
	assert_true(maillog_file_position(f, &at));
	unlink(path("mail.log"));
	add("mail.log", "other\nfile\n");
	assert_int_equal(stat(path("mail.log"), &st), 0);
	at.inode = st.st_ino;
	maillog_file_free(&f);
	f = follow();
	maillog_file_start(f, &at);
	expect(f, "other file ");
	expect_losses(f, 1, 0, 0);
	maillog_file_free(&f);
}

static void test_long_lines(void **state)
{
	struct maillog_file *f = follow();
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < 200000; i++)
		gp_buf_add_chr(&text, 'x');
	gp_buf_add_cstr(&text, "\nb\n");
	add("mail.log", "a\n");
	add("mail.log", text.data);
	expect(f, "a b ");
	expect_losses(f, 0, 0, 1);
	/* The longest that is read, and one more. */
	gp_buf_reset(&text);
	for (size_t i = 0; i < MAILLOG_LINE_MAX; i++)
		gp_buf_add_chr(&text, 'x');
	gp_buf_add_cstr(&text, "\n");
	add("mail.log", text.data);
	text.data[text.len - 1] = ' ';
	expect(f, text.data);
	text.data[text.len - 1] = 'x';
	gp_buf_add_cstr(&text, "\nc\n");
	add("mail.log", text.data);
	expect(f, "c ");
	expect_losses(f, 0, 0, 1);
	maillog_file_free(&f);
}

static void test_unreadable(void **state)
{
	struct maillog_file *f;
	struct gp_diag diag = {""};
	struct gp_str line;
	uint64_t place;

	(void)state;
	assert_int_equal(mkdir(path("mail.log"), 0700), 0);
	f = follow();
	assert_int_equal(maillog_file_next(f, &line, &place, &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "mail.log"));
	rmdir(path("mail.log"));
	maillog_file_free(&f);
}

static void test_names(void **state)
{
	static const char *const yes[] = {"mail.log.1", "mail.log-20261121", "mail.log.20261121-1",
					  "mail.log-2026-11-21", "mail-20261121.log", "mail.1.log"};
	static const char *const no[] = {"mail.log", "mail.log.1.gz", "mail.log.gz", "mail.log.bak", "mail.err",
					 "mail.log~", "mail-.log", "mailx.1.log", "xmail.log.1", "mail.log1",
					 "mail.log.", "mail.1.logs", ""};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(yes); i++)
		assert_true(maillog_is_rotated(GP_STR("mail.log"), gp_str(yes[i])));
	for (size_t i = 0; i < GP_ARRAY_SIZE(no); i++)
		assert_false(maillog_is_rotated(GP_STR("mail.log"), gp_str(no[i])));
	assert_true(maillog_is_rotated(GP_STR("maillog"), GP_STR("maillog-20261121")));
	assert_false(maillog_is_rotated(GP_STR("maillog"), GP_STR("maillog.old")));
}

static int clear(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s && mkdir %s", dir, dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_grows, clear),
		cmocka_unit_test_setup(test_renamed, clear),
		cmocka_unit_test_setup(test_renamed_while_away, clear),
		cmocka_unit_test_setup(test_restart_between, clear),
		cmocka_unit_test_setup(test_copied, clear),
		cmocka_unit_test_setup(test_truncated, clear),
		cmocka_unit_test_setup(test_gone, clear),
		cmocka_unit_test_setup(test_other_file, clear),
		cmocka_unit_test_setup(test_long_lines, clear),
		cmocka_unit_test_setup(test_unreadable, clear),
		cmocka_unit_test(test_names),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	clear(NULL);
	rmdir(dir);
	return r;
}
