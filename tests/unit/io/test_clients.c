/*
 * The clients of a socket: requests in pieces and many at once, one at a time, held back while they wait, silent ones, what
 * is no request, the stop, and those that go away before their answer comes.
 *
 * The server here answers each line with itself, at once or when a test says so.
 */
#include "lib/io/clients.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/io/unix_server.h"
#include "tests/unit/test.h"

#define LINE_SIZE 64

struct asking {
	struct gp_client base;
	char line[LINE_SIZE];
};

static char path[] = "/tmp/gp-test-clients-XXXXXX";
static struct gp_metric connected = GP_GAUGE("test_connected", "x");
static struct gp_metric malformed = GP_COUNTER("test_malformed", "x");
static struct gp_loop *loop;
static struct gp_clients clients;
static struct asking *waiting; /* for a test's word, under the loop's thread */
static _Atomic size_t n_taken, n_left, n_ended, n_done;
static _Atomic bool is_slow;
static _Atomic int64_t silence_ms;

static void answer_now(struct asking *a)
{
	if (a->base.sock)
		gp_sock_write(a->base.sock, a->line, strlen(a->line));
	gp_client_answered(&a->base);
}

static bool take_line(struct asking *a)
{
	struct gp_client *c = &a->base;
	const char *end = c->in.len ? memchr(c->in.data, '\n', c->in.len) : NULL;

	if (c->refs > 0 || !c->sock || !end)
		return false;
	if (c->in.data[0] == '!') {
		gp_client_complain(c, "an exclamation");
		gp_client_close(c);
		return false;
	}
	gp_str_copy(a->line, sizeof(a->line), gp_str_n(c->in.data, (size_t)(end + 1 - c->in.data)));
	gp_buf_consume(&c->in, (size_t)(end + 1 - c->in.data));
	n_taken++;
	gp_client_hold(c);
	if (is_slow)
		waiting = a;
	else
		answer_now(a);
	return true;
}

static void read_lines(struct gp_client *c)
{
	gp_client_touch(c);
	while (take_line((struct asking *)c))
		;
	if (clients.is_stopping && c->refs == 0)
		gp_client_close(c);
}

static bool is_full(const struct gp_client *c)
{
	return c->refs > 0 && c->in.len >= LINE_SIZE;
}

static int64_t idle_ms(const struct gp_client *c)
{
	return silence_ms;
}

static void left(struct gp_client *c)
{
	n_left++;
}

static void ended(struct gp_client *c)
{
	n_ended++;
}

static void done(struct gp_client *c)
{
	n_done++;
}

static const struct gp_client_kind kind = {
	.name = "test socket", .size = sizeof(struct asking), .in_max = 65536, .unsent_max = 4096,
	.connected = &connected, .malformed = &malformed, .read = read_lines, .is_full = is_full,
	.idle_ms = idle_ms, .left = left, .ended = ended, .done = done,
};

static int connect_client(void)
{
	return unix_connect(path);
}

static int start(void **state)
{
	int fd = unix_listen(path);

	n_taken = n_left = n_ended = n_done = 0;
	is_slow = false;
	silence_ms = 60000;
	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	assert_int_equal(gp_clients_start(&clients, &kind, loop, fd, 8, NULL), GP_OK);
	return 0;
}

static int end(void **state)
{
	gp_clients_stop(&clients);
	gp_clients_close(&clients);
	gp_loop_close(&loop);
	unlink(path);
	return 0;
}

static void wait_for(_Atomic size_t *count, size_t n)
{
	for (int64_t until = gp_clock_mono_ms() + 10000; *count < n && gp_clock_mono_ms() < until;)
		poll(NULL, 0, 2);
	assert_int_equal(*count, n);
}

static void expect(int fd, const char *text)
{
	char got[256] = "";
	size_t n = 0, want = strlen(text);

	while (n < want) {
		ssize_t r = read(fd, got + n, sizeof(got) - 1 - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(got, text);
}

static void expect_end(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void release_inside(void *arg)
{
	struct asking *a = waiting;

	waiting = NULL;
	if (a)
		answer_now(a);
}

static void release(void)
{
	gp_loop_run_in(loop, release_inside, NULL);
}

static void test_pieces_and_many_at_once(void **state)
{
	int fd = connect_client();

	say(fd, "on");
	poll(NULL, 0, 20);
	say(fd, "e\ntwo\nthree\nfo");
	expect(fd, "one\ntwo\nthree\n");
	say(fd, "ur\n");
	expect(fd, "four\n");
	assert_int_equal(gp_metric_get(&connected), 1);
	close(fd);
	wait_for(&n_done, 1);
	assert_int_equal(n_left, 1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(gp_metric_get(&connected), 0);
}

static void test_one_after_the_other(void **state)
{
	int fd = connect_client();

	is_slow = true;
	say(fd, "one\ntwo\n");
	wait_for(&n_taken, 1);
	release();
	expect(fd, "one\n");
	wait_for(&n_taken, 2);
	release();
	expect(fd, "two\n");
	close(fd);
	wait_for(&n_done, 1);
}

/* More than it may send ahead: it is not read from, and nothing is lost. */
static void test_held_back(void **state)
{
	char many[4096];
	int fd = connect_client();
	size_t sent = 0;

	for (size_t i = 0; i < sizeof(many); i += 4)
		memcpy(many + i, "abc\n", 4);
	is_slow = true;
	say(fd, "first\n");
	wait_for(&n_taken, 1);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (int tries = 0; tries < 20; tries++) {
		ssize_t n = write(fd, many, sizeof(many));

		sent += n > 0 ? (size_t)n : 0;
		poll(NULL, 0, n > 0 ? 0 : 5);
	}
	assert_int_equal(gp_metric_get(&malformed), 0);
	assert_int_equal(n_ended, 0);
	is_slow = false;
	release();
	for (size_t got = 0; got < sent / 4 * 4 + 6;) {
		char buf[4096];
		struct pollfd p = {fd, POLLIN, 0};

		assert_int_equal(poll(&p, 1, 10000), 1);
		got += (size_t)read(fd, buf, sizeof(buf));
	}
	assert_int_equal(n_taken, 1 + sent / 4);
	close(fd);
	wait_for(&n_done, 1);
}

static void test_gone_before_its_answer(void **state)
{
	int fd = connect_client();

	is_slow = true;
	say(fd, "one\n");
	wait_for(&n_taken, 1);
	close(fd);
	wait_for(&n_ended, 1);
	assert_int_equal(n_done, 0);
	release();
	wait_for(&n_done, 1);
}

static void test_no_request(void **state)
{
	int64_t before = gp_metric_get(&malformed);
	int fd = connect_client(), other = connect_client();

	say(fd, "!\n");
	expect_end(fd);
	say(other, "still here\n");
	expect(other, "still here\n");
	assert_int_equal(gp_metric_get(&malformed), before + 1);
	assert_int_equal(n_left, 0);
	close(other);
	wait_for(&n_done, 2);
}

/* Who is silent is closed; who waits for an answer is not. */
static void test_silence(void **state)
{
	int quiet, asking;

	silence_ms = 50;
	is_slow = true;
	asking = connect_client();
	say(asking, "one\n");
	wait_for(&n_taken, 1);
	quiet = connect_client();
	expect_end(quiet);
	poll(NULL, 0, 150);
	assert_int_equal(n_ended, 1);
	release();
	expect(asking, "one\n");
	expect_end(asking);
}

static void test_stop(void **state)
{
	int idle = connect_client(), asking = connect_client();

	is_slow = true;
	say(asking, "one\n");
	wait_for(&n_taken, 1);
	gp_clients_stop(&clients);
	expect_end(idle);
	release();
	expect(asking, "one\n");
	expect_end(asking);
	wait_for(&n_done, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pieces_and_many_at_once, start, end),
		cmocka_unit_test_setup_teardown(test_one_after_the_other, start, end),
		cmocka_unit_test_setup_teardown(test_held_back, start, end),
		cmocka_unit_test_setup_teardown(test_gone_before_its_answer, start, end),
		cmocka_unit_test_setup_teardown(test_no_request, start, end),
		cmocka_unit_test_setup_teardown(test_silence, start, end),
		cmocka_unit_test_setup_teardown(test_stop, start, end),
	};
	int fd = mkstemp(path);

	if (fd >= 0)
		close(fd);
	gp_metric_register(&connected);
	gp_metric_register(&malformed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
