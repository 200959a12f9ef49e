/*
 * Files and descriptors.
 */
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char folder[] = "/tmp/gp-fd-XXXXXX";

static void test_close(void **state)
{
	int fd = dup(STDERR_FILENO), copy = fd;

	(void)state;
	errno = EBUSY;
	gp_fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(fcntl(copy, F_GETFD), -1);
	gp_fd_close(&fd); /* nothing */
}

static void test_files(void **state)
{
	char path[100];
	GP_BUF_AUTO text = GP_BUF_INIT(1000);
	GP_BUF_AUTO small = GP_BUF_INIT(3);
	struct gp_diag diag;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(gp_file_read(path, &text, &diag), GP_ENOENT);
	assert_non_null(strstr(diag.text, "/file: No such file or directory"));
	assert_int_equal(gp_file_replace(path, "first", 5, 0640, &diag), GP_OK);
	assert_int_equal(gp_file_replace(path, "second", 6, 0600, &diag), GP_OK);
	assert_int_equal(gp_file_read(path, &text, &diag), GP_OK);
	assert_string_equal(gp_buf_cstr(&text), "second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(gp_file_read(path, &small, &diag), GP_ELIMIT);
	assert_non_null(strstr(diag.text, "larger than 3 bytes"));
	assert_int_equal(gp_file_read(folder, &text, &diag), GP_ESYS);
	assert_int_equal(gp_file_create(path, "third", 5, 0640, &diag), GP_EINVAL);
	assert_int_equal(gp_file_read(path, &text, &diag), GP_OK);
	assert_string_equal(gp_buf_cstr(&text), "secondsecond"); /* read twice, written once */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gp_file_create(path, "third", 5, 0640, &diag), GP_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_nlink, 1); /* no temporary name is left */
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/none/file", folder);
	assert_int_equal(gp_file_replace(path, "x", 1, 0600, &diag), GP_ESYS);
	assert_int_equal(gp_file_create(path, "x", 1, 0600, &diag), GP_ESYS);
}

static void test_pipe(void **state)
{
	int fds[2];
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 16);

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(gp_fd_write_all(fds[1], "0123456789", 10), GP_OK);
	gp_fd_close(&fds[1]);
	assert_int_equal(gp_fd_read_all(fds[0], &text), GP_OK);
	assert_string_equal(gp_buf_cstr(&text), "0123456789");
	assert_int_equal(gp_fd_set_nonblocking(fds[0]), GP_OK);
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	gp_fd_close(&fds[0]);
	assert_int_equal(gp_fd_write_all(-1, "x", 1), GP_ESYS);
	assert_int_equal(errno, EBADF);
}

static void test_memfd(void **state)
{
	GP_FD_AUTO fd = gp_memfd_open("test");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(gp_fd_write_all(fd, "x", 1), GP_OK);
	assert_int_equal(gp_memfd_seal(fd), GP_OK);
	assert_int_equal(gp_fd_write_all(fd, "y", 1), GP_ESYS);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_memfd),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
