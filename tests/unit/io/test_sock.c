/*
 * Connections: opened, refused, unresolvable; much data both ways; closing from a callback.
 */
#include "lib/io/sock.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/unit/test.h"

#define MUCH (8u << 20)

static struct gp_loop *loop;
static char path[] = "/tmp/gp-test-sock-XXXXXX";

/* An echo server for one connection. */
static void *echo(void *arg)
{
	int fd = accept(*(int *)arg, NULL, NULL);
	char buf[65536];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0, w; at < n; at += w)
			if ((w = write(fd, buf + at, (size_t)(n - at))) < 0)
				return NULL;
	close(fd);
	return NULL;
}

static int listen_unix(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

struct peer {
	struct gp_endpoint endpoint;
	struct gp_sock *sock;
	sem_t done;
	size_t want, got;
	bool in_order;
	struct gp_diag why;
};

static void opened(void *arg)
{
	struct peer *p = arg;
	GP_FREE unsigned char *data = gp_xmalloc(p->want + 1);

	for (size_t i = 0; i < p->want; i++)
		data[i] = (unsigned char)(i % 251);
	gp_sock_write(p->sock, data, p->want);
}

static void received(void *arg, const char *data, size_t len)
{
	struct peer *p = arg;

	for (size_t i = 0; i < len; i++, p->got++)
		p->in_order = p->in_order && (unsigned char)data[i] == p->got % 251;
	if (p->got < p->want)
		return;
	gp_sock_close(&p->sock); /* from its own callback */
	sem_post(&p->done);
}

static void closed(void *arg, const struct gp_diag *why)
{
	struct peer *p = arg;

	p->why = *why;
	p->sock = NULL;
	sem_post(&p->done);
}

static const struct gp_sock_events events = {.opened = opened, .data = received, .closed = closed};

static void begin(void *arg)
{
	struct peer *p = arg;

	p->sock = gp_sock_open(loop, &p->endpoint, &events, p);
}

static void run(struct peer *p)
{
	sem_init(&p->done, 0, 0);
	p->in_order = true;
	gp_loop_run_in(loop, begin, p);
	while (sem_wait(&p->done) < 0)
		;
	sem_destroy(&p->done);
}

static void echoes_much(void **state)
{
	struct peer p = {.endpoint = {.path = path}, .want = MUCH};
	int fd = listen_unix();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, echo, &fd), 0);
	run(&p);
	assert_int_equal(p.got, MUCH);
	assert_true(p.in_order);
	assert_null(p.sock);
	pthread_join(thread, NULL);
	close(fd);
}

static void says_why_not(void **state)
{
	struct peer p = {.endpoint = {.path = "/nonexistent/socket"}};
	struct peer long_name = {.endpoint = {.path = "/tmp/0123456789012345678901234567890123456789"
						      "012345678901234567890123456789012345678901"
						      "23456789012345678901234567890"}};
	struct peer refused = {.endpoint = {.host = "127.0.0.1", .port = "1"}};
	struct peer unknown = {.endpoint = {.host = "no such host", .port = "1"}};

	run(&p);
	assert_non_null(strstr(p.why.text, "/nonexistent/socket"));
	run(&long_name);
	assert_non_null(strstr(long_name.why.text, "too long"));
	run(&refused);
	assert_non_null(strstr(refused.why.text, "127.0.0.1:1"));
	run(&unknown);
	assert_non_null(strstr(unknown.why.text, "no such host"));
}

static void end(void *arg)
{
	gp_sock_close(&((struct peer *)arg)->sock);
}

/* Closed while the name is being resolved: the thread finds nobody. */
static void closed_early(void **state)
{
	struct peer p = {.endpoint = {.host = "localhost", .port = "1"}};

	for (int i = 0; i < 20; i++) {
		gp_loop_run_in(loop, begin, &p);
		gp_loop_run_in(loop, end, &p);
		assert_null(p.sock);
	}
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	close(fd);
	return gp_loop_open(&loop, NULL);
}

static int teardown(void **state)
{
	gp_loop_close(&loop);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_much),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(closed_early),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
