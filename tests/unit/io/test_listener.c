/*
 * Accepting: who the peer is, how many at a time; adopted connections that are held back,
 * do not read, go away.
 */
#include "lib/io/listener.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/io/sock.h"
#include "tests/unit/io/unix_server.h"
#include "tests/unit/test.h"

#define MUCH (4u << 20)

static char path[] = "/tmp/gp-test-listener-XXXXXX";

/* The server: what it saw, under the loop's thread; tests wait for `event`. */
static struct {
	struct gp_loop *loop;
	struct gp_listener *listener;
	int listen_fd;
	size_t max;
	struct gp_sock *socks[8];
	struct gp_peer peers[8];
	size_t n, got, sent, closed;
	bool is_pausing;
	sem_t event;
} server;

static void data(void *arg, const char *bytes, size_t len)
{
	struct gp_sock **s = arg;

	(void)bytes;
	server.got += len;
	if (server.is_pausing)
		gp_sock_pause(*s, true);
	sem_post(&server.event);
}

static void closed(void *arg, const struct gp_diag *why)
{
	struct gp_sock **s = arg;

	assert_non_null(strstr(why->text, "closed"));
	*s = NULL;
	server.closed++;
	gp_listener_gone(server.listener);
	sem_post(&server.event);
}

static void sent(void *arg)
{
	(void)arg;
	server.sent++;
	sem_post(&server.event);
}

static const struct gp_sock_events events = {.data = data, .closed = closed, .sent = sent};

static void accepted(void *arg, int fd, const struct gp_peer *peer)
{
	(void)arg;
	server.peers[server.n] = *peer;
	server.socks[server.n] = gp_sock_adopt(server.loop, fd, &events, &server.socks[server.n]);
	server.n++;
	sem_post(&server.event);
}

static void begin(void *arg)
{
	(void)arg;
	server.listener =
		gp_listener_new(server.loop, server.listen_fd, server.max, accepted, NULL);
}

static void end(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < server.n; i++)
		gp_sock_close(&server.socks[i]);
	gp_listener_free(&server.listener);
}

static int connect_client(void)
{
	return unix_connect(path);
}

static void start(size_t max)
{
	memset(&server, 0, sizeof(server));
	server.listen_fd = unix_listen(path);
	server.max = max;
	sem_init(&server.event, 0, 0);
	assert_int_equal(gp_loop_open(&server.loop, NULL), GP_OK);
	gp_loop_run_in(server.loop, begin, NULL);
	assert_non_null(server.listener);
}

static void stop(void)
{
	gp_loop_run_in(server.loop, end, NULL);
	gp_loop_close(&server.loop);
	unlink(path);
}

/* Until the server has seen another event; false when none comes for a while. */
static bool await(int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (sem_timedwait(&server.event, &until) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

static void test_peer(void **state)
{
	int client;

	(void)state;
	start(8);
	client = connect_client();
	assert_true(await(5000));
	assert_true(server.peers[0].is_known);
	assert_int_equal(server.peers[0].uid, getuid());
	assert_int_equal(server.peers[0].gid, getgid());
	assert_int_equal(server.peers[0].pid, getpid());
	close(client);
	assert_true(await(5000));
	assert_int_equal(server.closed, 1);
	stop();
}

static void test_only_so_many(void **state)
{
	int a, b;

	(void)state;
	start(1);
	a = connect_client();
	assert_true(await(5000));
	b = connect_client();
	assert_false(await(100));
	assert_int_equal(server.n, 1);
	close(a); /* makes room: closed, then accepted */
	assert_true(await(5000) && await(5000));
	assert_int_equal(server.closed, 1);
	assert_int_equal(server.n, 2);
	close(b);
	stop();
}

static void unpause(void *arg)
{
	(void)arg;
	server.is_pausing = false;
	gp_sock_pause(server.socks[0], false);
}

static void test_held_back(void **state)
{
	char byte = 'x';
	int client;

	(void)state;
	start(8);
	server.is_pausing = true;
	client = connect_client();
	assert_true(await(5000));
	assert_int_equal(write(client, &byte, 1), 1);
	assert_true(await(5000));
	assert_int_equal(write(client, &byte, 1), 1);
	assert_false(await(100)); /* it does not read */
	assert_int_equal(server.got, 1);
	gp_loop_run_in(server.loop, unpause, NULL);
	assert_true(await(5000));
	assert_int_equal(server.got, 2);
	close(client);
	stop();
}

/* One that is held back and goes away is closed once, not looked at for ever. */
static void test_gone_while_held_back(void **state)
{
	char byte = 'x';
	int client;

	(void)state;
	start(8);
	server.is_pausing = true;
	client = connect_client();
	assert_true(await(5000));
	assert_int_equal(write(client, &byte, 1), 1);
	assert_true(await(5000));
	assert_int_equal(write(client, &byte, 1), 1);
	close(client);
	assert_true(await(5000));
	assert_int_equal(server.closed, 1);
	assert_int_equal(server.got, 1);
	stop();
}

static size_t unsent;

static void send_much(void *arg)
{
	char *much = gp_xcalloc(1, MUCH);

	(void)arg;
	gp_sock_write(server.socks[0], much, MUCH);
	unsent = gp_sock_unsent(server.socks[0]);
	gp_freep(&much);
}

static void test_sent(void **state)
{
	static char buf[65536];
	size_t got = 0;
	int client;

	(void)state;
	start(8);
	client = connect_client();
	assert_true(await(5000));
	gp_loop_run_in(server.loop, send_much, NULL);
	assert_true(unsent > 0 && unsent <= MUCH);
	assert_false(await(50)); /* nobody reads */
	while (got < MUCH) {
		ssize_t n = read(client, buf, sizeof(buf));

		assert_true(n > 0);
		got += (size_t)n;
	}
	assert_true(await(5000));
	assert_int_equal(server.sent, 1);
	close(client);
	stop();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_only_so_many),
		cmocka_unit_test(test_held_back),
		cmocka_unit_test(test_gone_while_held_back),
		cmocka_unit_test(test_sent),
	};
	int fd = mkstemp(path);

	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
