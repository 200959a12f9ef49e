/*
 * The SMTP client beside a server that says what the test has written down: what is sent, and
 * what becomes of each answer.
 */
#include "lib/io/smtp.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/unit/test.h"

static char path[64], address[80];

/* A line that the client must send (a part of it), and what is answered.  want NULL: at once, the
 * greeting; "." alone is the end of the data.  reply NULL: nothing is answered any more. */
struct step {
	const char *want, *reply;
};

static struct {
	int fd;
	const struct step *steps;
	pthread_t thread;
	struct gp_buf seen;
	bool is_as_written;
} server;

/* One line of the client, into seen; false: it is gone. */
static bool read_line(int fd, struct gp_buf *ret)
{
	char c;

	gp_buf_reset(ret);
	while (read(fd, &c, 1) == 1) {
		gp_buf_add_chr(&server.seen, c);
		if (c == '\n')
			return true;
		gp_buf_add_chr(ret, c);
	}
	return false;
}

static bool expect(int fd, const char *want)
{
	GP_BUF_AUTO line = GP_BUF_INIT(4096);
	bool is_data = strcmp(want, ".") == 0, is_there;

	do
		is_there = read_line(fd, &line);
	while (is_there && is_data && strcmp(gp_buf_cstr(&line), ".\r") != 0);
	return is_there && strstr(gp_buf_cstr(&line), want);
}

static void *serve(void *arg)
{
	int fd = accept(server.fd, NULL, NULL);
	char c;

	(void)arg;
	server.is_as_written = fd >= 0;
	for (const struct step *s = server.steps; server.is_as_written && (s->want || s->reply); s++) {
		if (s->want && !expect(fd, s->want))
			server.is_as_written = false;
		else if (!s->reply)
			while (read(fd, &c, 1) > 0)
				;
		else if (gp_fd_write_all(fd, s->reply, strlen(s->reply)) < 0)
			server.is_as_written = false;
	}
	gp_fd_close(&fd);
	return NULL;
}

static int submit(const struct step *steps, const struct gp_smtp_message *m, int64_t ms,
		  struct gp_diag *diag)
{
	int r;

	server.steps = steps;
	gp_buf_reset(&server.seen);
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
	r = gp_smtp_submit(address, m, gp_clock_mono_ms() + ms, diag);
	assert_int_equal(pthread_join(server.thread, NULL), 0);
	assert_true(server.is_as_written);
	return r;
}

static const char *const one[] = {"postmaster@example.org"};
static const char *const two[] = {"nobody@example.org", "postmaster@example.org"};

static const struct gp_smtp_message plain = {.helo = "mx.example.org", .to = one, .n_to = 1,
					     .data = {"Subject: x\n\n.dot\r\nend", 21}};

#define GREET {NULL, "220 ready\r\n"}, {"EHLO mx.example.org", "250-name\r\n250-8bitmime\r\n250 SMTPUTF8\r\n"}
#define SENDER {"MAIL FROM:<>", "250 2.1.0 ok\r\n"}
#define RECIPIENT {"RCPT TO:<postmaster@example.org>", "250 ok\r\n"}
#define DATA {"DATA", "354 go on\r\n"}
#define BYE {"QUIT", "221 bye\r\n"}

static void test_taken(void **state)
{
	static const struct step steps[] = {GREET, SENDER, RECIPIENT, DATA, {".", "250 queued\r\n"}, BYE, {0}};
	struct gp_diag diag = {"old"};

	(void)state;
	assert_int_equal(submit(steps, &plain, 5000, &diag), GP_OK);
	assert_string_equal(diag.text, "");
	assert_non_null(strstr(gp_buf_cstr(&server.seen),
			       "DATA\r\nSubject: x\r\n\r\n..dot\r\nend\r\n.\r\nQUIT\r\n"));
}

static void test_old_server(void **state)
{
	static const struct step steps[] = {
		{NULL, "220-two\n220 lines\n"}, {"EHLO", "502 5.5.1 what?\r\n"},
		{"HELO mx.example.org", "250\r\n"}, SENDER, RECIPIENT, DATA, {".", "250 ok\r\n"},
		{"QUIT", NULL}, {0}};
	struct gp_diag diag;

	(void)state;
	assert_int_equal(submit(steps, &plain, 5000, &diag), GP_OK); /* nobody waits for QUIT */
}

static void test_refused(void **state)
{
	static const struct {
		struct step steps[8];
		int result;
		const char *why;
	} cases[] = {
		{{{NULL, "554 go away\r\n"}, BYE}, GP_EINVAL, "greeting: 554 go away"},
		{{{NULL, "421 busy\r\n"}}, GP_ETEMP, "421 busy"},
		{{GREET, {"MAIL", "552 5.3.4 large\r\n"}, BYE}, GP_EINVAL, "MAIL: 552 5.3.4 large"},
		{{GREET, {"MAIL", "451-4.3.0 a\r\n451 4.3.0 b\r\n"}}, GP_ETEMP, "451 4.3.0 a"},
		{{GREET, SENDER, {"RCPT", "550 no such\r\n"}, BYE}, GP_EINVAL,
		 "postmaster@example.org: 550 no such"},
		{{GREET, SENDER, {"RCPT", "450 later\r\n"}}, GP_ETEMP, "450 later"},
		{{GREET, SENDER, RECIPIENT, {"DATA", "503 no\r\n"}, BYE}, GP_EINVAL, "DATA: 503 no"},
		{{GREET, SENDER, RECIPIENT, DATA, {".", "554 5.7.1 spam\r\n"}, BYE}, GP_EINVAL,
		 "message: 554 5.7.1 spam"},
		{{GREET, SENDER, RECIPIENT, DATA, {".", "452 full\r\n"}}, GP_ETEMP, "message: 452 full"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_diag diag;

		assert_int_equal(submit(cases[i].steps, &plain, 5000, &diag), cases[i].result);
		assert_non_null(strstr(diag.text, cases[i].why));
	}
}

/* What is no SMTP, a connection that ends, and one that says nothing. */
static void test_broken(void **state)
{
	static const struct {
		struct step steps[8];
		const char *why;
	} cases[] = {
		{{{NULL, "hello\r\n"}}, "greeting is no SMTP"},
		{{{NULL, "220-a\r\n250 b\r\n"}}, "greeting is no SMTP"},
		{{{NULL, "2200 a\r\n"}}, "greeting is no SMTP"},
		{{{NULL, "220 ok\r\n"}, {"EHLO", "250-half\r\n"}}, "closed the connection (EHLO)"},
		{{GREET, SENDER, RECIPIENT, DATA, {".", ""}}, "closed the connection (end of message)"},
		{{{NULL, "220 ok\r\n"}, {"EHLO", NULL}}, "EHLO: no answer in time"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_diag diag;

		assert_int_equal(submit(cases[i].steps, &plain, 300, &diag), GP_ETEMP);
		assert_non_null(strstr(diag.text, cases[i].why));
	}
}

/* An endless reply ends at a ceiling, not at the deadline. */
static void test_endless_reply(void **state)
{
	static char flood[100000];
	static struct step steps[] = {{NULL, flood}, {0}};
	struct gp_diag diag;
	int64_t begun_ms = gp_clock_mono_ms();

	(void)state;
	memset(flood, '2', sizeof(flood) - 1);
	server.steps = steps;
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
	assert_int_equal(gp_smtp_submit(address, &plain, begun_ms + 1000000, &diag), GP_ETEMP);
	pthread_join(server.thread, NULL);
	assert_non_null(strstr(diag.text, "too long"));
	assert_true(gp_clock_mono_ms() - begun_ms < 1000000);
}

static void test_some_recipients(void **state)
{
	static const struct step steps[] = {GREET, SENDER, {"RCPT TO:<nobody@", "550-5.1.1 no\r\n550 5.1.1 such\r\n"},
					    RECIPIENT, DATA, {".", "250 ok\r\n"}, BYE, {0}};
	struct gp_smtp_message m = plain;
	struct gp_diag diag;

	(void)state;
	m.to = two;
	m.n_to = 2;
	assert_int_equal(submit(steps, &m, 5000, &diag), GP_OK);
	assert_non_null(strstr(diag.text, "nobody@example.org: 550 5.1.1 no"));
}

static void test_8bit(void **state)
{
	static const struct step steps[] = {GREET, {"MAIL FROM:<j\xc3\xb6@example.org> BODY=8BITMIME SMTPUTF8", "250 ok\r\n"},
					    RECIPIENT, DATA, {".", "250 ok\r\n"}, BYE, {0}};
	static const struct step poor[] = {{NULL, "220 ok\r\n"}, {"EHLO", "250 name\r\n"}, BYE, {0}};
	struct gp_smtp_message m = plain;
	struct gp_diag diag;

	(void)state;
	m.from = "j\xc3\xb6@example.org";
	m.data = GP_STR("\n\xe4\n");
	assert_int_equal(submit(steps, &m, 5000, &diag), GP_OK);
	assert_int_equal(submit(poor, &m, 5000, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "SMTPUTF8"));
	m.from = NULL;
	assert_int_equal(submit(poor, &m, 5000, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "8BITMIME"));
}

/* Nobody is asked. */
static void test_unsendable(void **state)
{
	static const char *const evil[] = {"a@b>\r\nDATA"}, *const none[] = {""};
	struct gp_smtp_message m = plain;
	struct gp_diag diag;

	(void)state;
	m.to = evil;
	assert_int_equal(gp_smtp_submit(address, &m, 0, &diag), GP_EINVAL);
	m.to = none;
	assert_int_equal(gp_smtp_submit(address, &m, 0, &diag), GP_EINVAL);
	m.to = one;
	m.from = "a b";
	assert_int_equal(gp_smtp_submit(address, &m, 0, &diag), GP_EINVAL);
	m.n_to = 0;
	assert_int_equal(gp_smtp_submit(address, &m, 0, NULL), GP_EINVAL);
}

static void test_nobody_there(void **state)
{
	int64_t later_ms = gp_clock_mono_ms() + 5000;
	struct gp_diag diag;

	(void)state;
	assert_int_equal(gp_smtp_submit("unix:/nonexistent/x", &plain, later_ms, &diag), GP_ETEMP);
	assert_non_null(strstr(diag.text, "/nonexistent/x"));
	assert_int_equal(gp_smtp_submit("inet:1@127.0.0.1", &plain, later_ms, &diag), GP_ETEMP);
	assert_int_equal(gp_smtp_submit("inet6:1@::1", &plain, later_ms, &diag), GP_ETEMP);
	assert_int_equal(gp_smtp_submit("nowhere", &plain, later_ms, &diag), GP_EINVAL);
	assert_int_equal(gp_smtp_submit("inet:x@127.0.0.1", &plain, later_ms, &diag), GP_EINVAL);
}

static int open_server(void **state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(path, sizeof(path), "/tmp/gp-test-smtp-%ld", (long)getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	(void)gp_str_copy(to.sun_path, sizeof(to.sun_path), gp_str(path));
	gp_buf_init(&server.seen, 1 << 20);
	server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(server.fd, (struct sockaddr *)&to, sizeof(to)) || listen(server.fd, 5);
}

static int close_server(void **state)
{
	(void)state;
	gp_fd_close(&server.fd);
	gp_buf_done(&server.seen);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),	      cmocka_unit_test(test_old_server),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_broken),
		cmocka_unit_test(test_endless_reply), cmocka_unit_test(test_some_recipients),
		cmocka_unit_test(test_8bit),	      cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, open_server, close_server);
}
