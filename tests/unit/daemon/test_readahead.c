/*
 * Read-ahead: what libmilter would see, packet by packet, and that nobody else sees it.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/daemon/readahead.h"

struct pair {
	int mta, milter;
};

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLPRI, .revents = -1};
	int n = poll(&p, 1, 0);

	assert_in_range(n, 0, 1);
	assert_int_equal(p.revents, n ? POLLIN : 0);
	return n == 1;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void expect(int fd, size_t size, const char *text)
{
	char buf[100] = "";

	assert_true(is_readable(fd));
	assert_int_equal(read(fd, buf, size), strlen(text));
	assert_string_equal(buf, text);
}

static int left_in_kernel(int fd)
{
	int n = -1;

	assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* A connection whose first packet was read in the way of libmilter. */
static struct pair negotiated(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	send_text(fds[0], "hello");
	expect(fds[1], 5, "hello");
	assert_true(gp_readahead_begin());
	return (struct pair){.mta = fds[0], .milter = fds[1]};
}

static void close_pair(struct pair p)
{
	close(p.mta);
	close(p.milter);
}

static void packets_come_out_of_one_read(void **state)
{
	struct pair p = negotiated();

	assert_false(is_readable(p.milter));
	send_text(p.mta, "onetwothree");
	expect(p.milter, 3, "one");
	assert_int_equal(left_in_kernel(p.milter), 0); /* read ahead */
	expect(p.milter, 3, "two");
	send_text(p.mta, "four");
	expect(p.milter, 5, "three");
	expect(p.milter, 90, "four");
	assert_false(is_readable(p.milter));
	send_text(p.mta, "five");
	expect(p.milter, 90, "five"); /* less than asked for, as read does */
	assert_true(gp_readahead_begin()); /* again on the same connection */
	send_text(p.mta, "sixseven");
	expect(p.milter, 3, "six");
	close(p.mta);
	expect(p.milter, 90, "seven");
	assert_int_equal(read(p.milter, (char[8]){0}, 8), 0); /* the end */
	close(p.milter);
}

static void large_reads_go_past_the_buffer(void **state)
{
	struct pair p = negotiated();
	char *sent = malloc(60000), *got = malloc(60000);
	size_t at = 0;

	for (size_t i = 0; i < 60000; i++)
		sent[i] = (char)(i * 7 >> 3);
	assert_int_equal(write(p.mta, sent, 60000), 60000);
	while (at < 60000) {
		size_t want = at % 3 == 0 ? 5 : 60000 - at;
		ssize_t n = read(p.milter, got + at, want);

		assert_in_range(n, 1, want);
		at += (size_t)n;
	}
	assert_memory_equal(sent, got, 60000);
	free(sent);
	free(got);
	close_pair(p);
}

static void polling_several(void **state)
{
	struct pair a = negotiated(), b = negotiated();
	struct pollfd fds[] = {{.fd = a.milter, .events = POLLIN}, {.fd = b.milter, .events = POLLIN},
			       {.fd = a.mta, .events = POLLIN}};

	assert_int_equal(poll(fds, 3, 0), 0);
	send_text(a.mta, "xy");
	expect(a.milter, 1, "x");
	fds[1].revents = POLLHUP;
	assert_int_equal(poll(fds, 3, 60000), 1); /* does not wait: "y" is here */
	assert_int_equal(fds[0].revents, POLLIN);
	assert_int_equal(fds[1].revents, 0);
	send_text(b.mta, "z");
	assert_int_equal(poll(fds, 3, 60000), 2);
	assert_int_equal(fds[1].revents, POLLIN);
	fds[0].events = POLLOUT; /* who asks for something else gets that */
	assert_int_equal(poll(fds, 1, 0), 1);
	assert_int_equal(fds[0].revents, POLLOUT);
	close_pair(a);
	close_pair(b);
}

/* A number that is used again begins with nothing. */
static void closing_forgets(void **state)
{
	struct pair p = negotiated();
	int old = p.milter, fds[2];

	send_text(p.mta, "stale bytes");
	expect(p.milter, 5, "stale");
	close_pair(p);
	errno = 0;
	assert_int_equal(read(old, (char[8]){0}, 8), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(pipe(fds), 0);
	assert_true(fds[0] == old || fds[1] == old || dup2(fds[0], old) == old);
	send_text(fds[1], "freshwater");
	expect(fds[0], 5, "fresh");
	assert_int_equal(left_in_kernel(fds[0]), 5);
	close(fds[0]);
	close(fds[1]);
	close(old);
}

/* Without poll before it (a libmilter upon select) nothing is read ahead: select
 * would not know of it. */
static void only_what_was_polled(void **state)
{
	int a[2], b[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	send_text(a[0], "abc");
	send_text(b[0], "abc");
	assert_true(is_readable(a[1]));
	assert_int_equal(read(b[1], (char[1]){0}, 1), 1);
	assert_false(gp_readahead_begin());
	assert_int_equal(read(b[1], (char[1]){0}, 1), 1);
	assert_int_equal(left_in_kernel(b[1]), 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_out_of_one_read),
		cmocka_unit_test(large_reads_go_past_the_buffer),
		cmocka_unit_test(polling_several),
		cmocka_unit_test(closing_forgets),
		cmocka_unit_test(only_what_was_polled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
