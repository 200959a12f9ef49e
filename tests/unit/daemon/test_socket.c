/*
 * Listening sockets, the cut, and systemd's protocol.
 */
#include "lib/daemon/socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/daemon/notify.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/gp-sock-XXXXXX";
static char address[200], path[100];

static int client(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	gp_str_copy(to.sun_path, sizeof(to.sun_path), gp_str(path));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	gp_fd_close(&fd);
	return -1;
}

static void test_listen(void **state)
{
	struct gp_diag diag = {0};
	struct stat st;
	int fd = -1, second = -1;
	GP_FD_AUTO connection = -1;

	(void)state;
	assert_int_equal(gp_socket_listen(address, 0620, &fd, &diag), GP_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0620);
	connection = client();
	assert_true(connection >= 0);
	assert_int_equal(gp_socket_listen(address, 0600, &second, &diag), GP_EACCES);
	assert_non_null(strstr(diag.text, "another process listens there"));
	gp_fd_close(&fd);
	assert_int_equal(gp_socket_listen(address, 0600, &fd, &diag), GP_OK); /* was stale */
	gp_fd_close(&fd);
	gp_socket_unlink(address);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(gp_file_replace(path, "precious", 8, 0600, NULL), GP_OK);
	assert_int_equal(gp_socket_listen(address, 0600, &fd, &diag), GP_EACCES);
	assert_non_null(strstr(diag.text, "exists and is no socket"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(gp_socket_listen("inet:0@127.0.0.1", 0, &fd, &diag), GP_OK);
	gp_fd_close(&fd);
	assert_true(gp_socket_listen("inet:x@127.0.0.1", 0, &fd, &diag) < 0);
	assert_int_equal(gp_socket_set_access(address, 0600, "no-such-group", &diag), GP_ENOENT);
}

/* What was written before the cut is read; what comes later fails for its writer. */
static void test_cut(void **state)
{
	struct gp_diag diag = {0};
	GP_FD_AUTO listener = -1;
	GP_FD_AUTO ours = -1;
	GP_FD_AUTO theirs = -1;
	char text[8] = "";

	(void)state;
	assert_int_equal(gp_socket_listen(address, 0600, &listener, &diag), GP_OK);
	theirs = client();
	ours = accept(listener, NULL, NULL);
	assert_true(theirs >= 0 && ours >= 0);
	assert_int_equal(write(theirs, "before", 6), 6);
	gp_socket_cut(address);
	errno = 0;
	assert_int_equal(send(theirs, "after", 5, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(read(ours, text, 6), 6);
	assert_string_equal(text, "before");
	assert_int_equal(read(ours, text, 6), 0);
	assert_int_equal(write(ours, "answer", 6), 6); /* answers still go out */
	assert_int_equal(read(theirs, text, 6), 6);
	gp_socket_unlink(address);
}

static void test_notify(void **state)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	GP_FD_AUTO fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[600] = "";

	(void)state;
	gp_str_copy(own.sun_path, sizeof(own.sun_path), gp_str(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	unsetenv("NOTIFY_SOCKET");
	gp_notify("READY=1"); /* nobody wants to know */
	setenv("NOTIFY_SOCKET", path, 1);
	gp_notify("READY=1\nSTATUS=%s", "fine");
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "READY=1\nSTATUS=fine");
	gp_notify_reloading();
	memset(text, 0, sizeof(text));
	assert_true(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_memory_equal(text, "RELOADING=1\nMONOTONIC_USEC=", 27);
	unsetenv("NOTIFY_SOCKET");
	unlink(path);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(address, sizeof(address), "unix:%s", path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
