/*
 * The alert mail's text, and the alerter: a command that works, fails, hangs about with its input.
 */
#include "policyd-ratelimit/alerter.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "policyd-ratelimit/alert_mail.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/gp-test-alert-XXXXXX";

static const struct contained evil = {
	.kind = CONTAIN_HELO, .key = {"a'b$(c)\xc3\xb6\r\nX: y", 15}, .rule = {"burst", 5},
	.action = ANSWER_REJECT, .since_s = 1000, .until_s = 2000, .used = 4, .max = 3,
	.window_ms = 3600000};

static void test_mail(void **state)
{
	static const char *const to[] = {"postmaster@example.org", "ann@example.org"};
	const struct contain_conf conf = {.alert_mail = {to, 2}, .alert_from = "gp@example.org"};
	GP_BUF_AUTO text = GP_BUF_INIT(8192);

	(void)state;
	alert_mail_format(&conf, &evil, 86400, &text);
	assert_false(gp_buf_error(&text));
	assert_non_null(strstr(text.data, "From: gp@example.org\nTo: postmaster@example.org,\n\tann@"));
	assert_non_null(strstr(text.data, "\nSubject: contained: a'b$(c)\\xC3\\xB6\\x0D\\x0AX: y\n"));
	assert_non_null(strstr(text.data, "\nDate: Fri, 2 Jan 1970 00:00:00 +0000\n"));
	assert_non_null(strstr(text.data, "release 'helo_name:a'\\''b$(c)\\xC3"));
	assert_non_null(strstr(text.data, "4 of 3 in 1h"));
	assert_null(strstr(text.data, "\nX: y"));
	for (size_t i = 0; i < text.len; i++)
		assert_true((unsigned char)text.data[i] < 0x7f);
}

/* A script; its path lives until the next. */
static const char *script(const char *text)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

/* Has an alerter with this command carry out one order; its answer. */
static const char *order(const char *command)
{
	struct contain_conf conf = {.alert_command = command, .alert_from = "", .alert_smtp = ""};
	static char answer[ALERT_ORDER_MAX];
	GP_BUF_AUTO text = GP_BUF_INIT(ALERT_ORDER_MAX);
	struct gp_diag diag;
	ssize_t n;
	int fd;

	assert_int_equal(alerter_parts(&conf), ALERT_COMMAND);
	assert_int_equal(alerter_start(&conf, "", &fd, &diag), GP_OK);
	gp_buf_add_cstr(&text, "id=7\nparts=1\nname=sender:a@example.org\n");
	contained_format(&evil, &text);
	assert_true(send(fd, "nonsense\n\n", 10, 0) == 10); /* is not answered */
	assert_true(send(fd, text.data, text.len, 0) == (ssize_t)text.len);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
	gp_fd_close(&fd);
	return answer;
}

static void test_command(void **state)
{
	GP_BUF_AUTO seen = GP_BUF_INIT(8192);
	char path[64], text[256];
	struct gp_diag diag;

	(void)state;
	snprintf(path, sizeof(path), "%s/seen", folder);
	snprintf(text, sizeof(text), "{ env; cat; } >%s; echo noise; exit 0", path);
	assert_string_equal(order(script(text)), "id=7\nfailed=0\nwhy=\n\n");
	assert_int_equal(gp_file_read(path, &seen, &diag), GP_OK);
	assert_non_null(strstr(seen.data, "GATEPOST_KEY=a@example.org\n"));
	assert_non_null(strstr(seen.data, "GATEPOST_RULE=burst\n"));
	assert_non_null(strstr(seen.data, "GATEPOST_USED=4\n"));
	assert_non_null(strstr(seen.data, "{\"type\":\"contained\",\"kind\":\"sender\",\"key\":\"a@example.org\""));
	assert_null(strstr(seen.data, "HOME="));
}

static void test_command_fails(void **state)
{
	(void)state;
	assert_non_null(strstr(order(script("exit 3")), "failed=1\nwhy=alert_command ended with status 3\n"));
	assert_non_null(strstr(order(script("kill -9 $$")), "why=alert_command was ended by signal 9\n"));
	assert_non_null(strstr(order("/nonexistent/program"), "failed=1\nwhy=alert_command ended with status 127"));
}

/* Nobody reads the input: no signal, no waiting. */
static void test_input_is_not_read(void **state)
{
	(void)state;
	assert_string_equal(order(script("exec <&-; exit 0")), "id=7\nfailed=0\nwhy=\n\n");
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/script", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/seen", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_command_fails),
		cmocka_unit_test(test_input_is_not_read),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
