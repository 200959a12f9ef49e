/*
 * Files of records: what was written is found again; what a crash or a disk spoils is not
 * taken for a record, wherever it is cut or changed, and does not harm what comes after.
 */
#include "controller/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char dir[] = "/tmp/gp-test-segment-XXXXXX";

struct seen {
	uint64_t numbers[64];
	size_t n, bytes;
};

static void found(void *arg, const struct segment_place *at, const struct segment_record *r)
{
	struct seen *seen = arg;

	(void)at;
	seen->numbers[seen->n++] = r->number;
	seen->bytes += r->bytes.len;
}

static void reopen(struct segments *s, struct seen *seen)
{
	struct gp_diag diag = {""};

	*seen = (struct seen){0};
	segments_close(s);
	if (segments_open(s, dir, "test", 400, found, seen, &diag) < 0)
		fail_msg("%s", diag.text);
}

/* One record of len bytes, written by itself. */
static void append(struct segments *s, size_t len)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	char bytes[512];
	struct segment_place place;
	struct gp_diag diag = {""};

	memset(bytes, (int)s->next, sizeof(bytes));
	segment_format(s->next, gp_str_n(bytes, len), &out);
	if (segments_append(s, s->next, s->next, gp_buf_str(&out), &place, &diag) < 0)
		fail_msg("%s", diag.text);
}

static void clear(struct segments *s, struct seen *seen)
{
	while (s->len > 0)
		segments_drop_oldest(s);
	reopen(s, seen);
	assert_int_equal(seen->n, 0);
}

static void test_found_again(void **state)
{
	struct segments s = {.dir_fd = -1, .write_fd = -1};
	struct seen seen;

	(void)state;
	reopen(&s, &seen);
	for (int i = 0; i < 20; i++)
		append(&s, (size_t)(i * 7));
	assert_true(s.len > 2); /* several files */
	reopen(&s, &seen);
	assert_int_equal(seen.n, 20);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(seen.numbers[i], i + 1);
	assert_int_equal(s.next, 21);
	assert_int_equal(s.cut, 0);
	append(&s, 5); /* in a new file, after a restart */
	segments_drop_oldest(&s);
	reopen(&s, &seen);
	assert_true(seen.n < 21 && seen.numbers[seen.n - 1] == 21);
	clear(&s, &seen);
	segments_close(&s);
}

static void path_of(char *ret, size_t size, uint64_t first)
{
	snprintf(ret, size, "%s/test-%016llx", dir, (unsigned long long)first);
}

/* Three records in one file; then the file cut at every byte. */
static void test_torn_anywhere(void **state)
{
	struct segments s = {.dir_fd = -1, .write_fd = -1};
	struct seen seen;
	char path[128];
	off_t ends[4] = {0}, size;
	struct stat st;

	(void)state;
	reopen(&s, &seen);
	for (size_t i = 1; i <= 3; i++) {
		append(&s, 40 + i);
		ends[i] = (off_t)s.items[0].size;
	}
	size = ends[3];
	path_of(path, sizeof(path), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(st.st_mode & 07777, 0600);
	for (off_t at = size - 1; at >= 0; at--) {
		size_t whole = at >= ends[2] ? 2 : at >= ends[1] ? 1 : 0;

		assert_int_equal(truncate(path, at), 0);
		reopen(&s, &seen);
		assert_int_equal(seen.n, whole);
		assert_int_equal(s.cut, at - ends[whole]);
		assert_int_equal(s.next, whole + 1);
	}
	append(&s, 9); /* takes the number that was torn */
	reopen(&s, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.numbers[0], 1);
	clear(&s, &seen);
	segments_close(&s);
}

/* Every byte of the middle record changed in turn: it and what follows in the file are not found
 * (or, where the padding is hit, all are); nothing wrong is. */
static void test_spoilt_anywhere(void **state)
{
	struct segments s = {.dir_fd = -1, .write_fd = -1};
	struct seen seen;
	char path[128];
	off_t from, to;
	int fd;

	(void)state;
	reopen(&s, &seen);
	append(&s, 30);
	from = (off_t)s.items[0].size;
	append(&s, 30);
	to = (off_t)s.items[0].size;
	append(&s, 30);
	path_of(path, sizeof(path), 1);
	fd = open(path, O_RDWR);
	for (off_t at = from; at < to; at++) {
		unsigned char byte, other;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		other = byte ^ 0x41;
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		reopen(&s, &seen);
		assert_true(seen.n == 1 || (seen.n == 3 && at >= to - 2));
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	reopen(&s, &seen);
	assert_int_equal(seen.n, 3);
	clear(&s, &seen);
	segments_close(&s);
}

/* A write that fails leaves what was there, and the next one succeeds. */
static void test_failed_write(void **state)
{
	struct segments s = {.dir_fd = -1, .write_fd = -1};
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	struct segment_place place;
	struct gp_diag diag = {""};
	struct seen seen;
	int good;

	(void)state;
	reopen(&s, &seen);
	append(&s, 10);
	good = s.write_fd;
	s.write_fd = open("/dev/full", O_WRONLY);
	segment_format(2, GP_STR("x"), &out);
	assert_int_equal(segments_append(&s, 2, 2, gp_buf_str(&out), &place, &diag), GP_ESYS);
	assert_non_null(strstr(diag.text, "No space left"));
	close(good);
	append(&s, 10);
	reopen(&s, &seen);
	assert_int_equal(seen.n, 2);
	assert_true(seen.numbers[1] >= 2);
	clear(&s, &seen);
	segments_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_again),
		cmocka_unit_test(test_torn_anywhere),
		cmocka_unit_test(test_spoilt_anywhere),
		cmocka_unit_test(test_failed_write),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return r;
}
