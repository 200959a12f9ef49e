/*
 * Lines of Postfix's log: every prefix and message that is asked for, and texts of strangers
 * that look like one.
 */
#include <stdlib.h>
#include <time.h>

#include "controller/maillog_line.h"
#include "controller/maillog_time.h"
#include "lib/base/buf.h"
#include "tests/unit/test.h"

#define NOW 1795292400 /* 2026-11-21 20:20:00 UTC */
#define AT 1795292382
#define OLD "Nov 21 20:19:42 mx "

static struct maillog_line parse(const char *text)
{
	struct maillog_line l;

	maillog_parse(gp_str(text), NOW, &l);
	return l;
}

static void test_prefixes(void **state)
{
	static const char *const prefixes[] = {
		"Nov 21 20:19:42 mx postfix/smtpd[123]: ",
		"<22>Nov 21 20:19:42 mx postfix/smtpd[123]: ",
		"2026-11-21T20:19:42+00:00 mx postfix/smtpd[123]: ",
		"2026-11-21T21:19:42.123456+01:00 mx postfix/smtpd[123]: ",
		"2026-11-21T15:49:42.1-0430 mx postfix/smtpd[123]: ",
		"2026-11-21T20:19:42Z mx postfix/smtpd: ",
		"2026-11-21T20:19:42 mx postfix/smtpd[123]: ",
		"<22>1 2026-11-21T20:19:42.123456+00:00 mx postfix/smtpd 123 - - ",
		"1 2026-11-21T20:19:42Z mx postfix/smtpd 123 - - \xef\xbb\xbf",
		"<22>1 2026-11-21T20:19:42Z mx postfix/smtpd 123 ID47 [a@1 x=\"y] \\\" z\"][b@1] ",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(prefixes); i++) {
		GP_BUF_AUTO line = GP_BUF_INIT(1000);
		struct maillog_line l;

		gp_buf_add_cstr(&line, prefixes[i]);
		gp_buf_add_cstr(&line, "warning: a[192.0.2.7]: SASL LOGIN authentication failed: x");
		l = parse(line.data);
		assert_int_equal(l.kind, MAILLOG_AUTH_FAILURE);
		assert_int_equal(l.time_s, AT);
		assert_str(l.tag, "postfix/smtpd");
		assert_str(l.client, "192.0.2.7");
	}
}

static void test_no_prefixes(void **state)
{
	static const char *const lines[] = {
		"", " ", "<", "<22>", "1 ", "Nov", "Nov 21", "Nov 21 20:19:42", OLD,
		OLD "postfix/qmgr", OLD "postfix/qmgr[1]:", OLD "postfix/qmgr[1]: ",
		"Nov 32 20:19:42 mx postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed",
		"Nov 21 24:19:42 mx postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed",
		"Foo 21 20:19:42 mx postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed",
		"2026-13-21T20:19:42Z mx postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed",
		"2026-11-21 20:19:42 mx postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed",
		"<22>1 2026-11-21T20:19:42Z mx postfix/qmgr 1 - [x=\"y] 4dHq2k6c1Zz1q: removed",
		OLD "qmgr[1]: 4dHq2k6c1Zz1q: removed",
		OLD "postfix/qmgr[1]: 4dHq: removed",
		OLD "postfix/qmgr[1]: NOQUEUE: removed",
		OLD "postfix/qmgr[1]: 4dHq2k6c1Zz1q: removed by hand",
		OLD "postfix/cleanup[1]: 4dHq2k6c1Zz1q: removed",
		OLD "postfix/qmgr[1]: removed",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(lines); i++)
		assert_int_equal(parse(lines[i]).kind, MAILLOG_OTHER);
}

static void test_client(void **state)
{
	struct maillog_line l = parse(OLD "postfix/submission/smtpd[9]: 7B2D0: client=x[192.0.2.7]");

	(void)state;
	assert_int_equal(l.kind, MAILLOG_OTHER); /* no queue id is that short */
	l = parse(OLD "postfix/submission/smtpd[9]: 7B2D01A5: client=a.example[192.0.2.7], "
		      "sasl_method=PLAIN, sasl_username=u@example.org");
	assert_int_equal(l.kind, MAILLOG_CLIENT);
	assert_str(l.tag, "postfix/submission/smtpd");
	assert_str(l.queue_id, "7B2D01A5");
	assert_str(l.client, "192.0.2.7");
	assert_str(l.account, "u@example.org");
	assert_str(l.origin_id, "");
	l = parse(OLD "postfix/smtpd[9]: 4dHq2k6c1Zz1q: client=unknown[2001:db8::7]:40112, "
		      "sasl_method=LOGIN, sasl_username=a, b, sasl_sender=c@example.org");
	assert_str(l.client, "2001:db8::7");
	assert_str(l.account, "a, b");
	l = parse(OLD "postfix/smtpd[9]: 4dHq2k6c1Zz1q: client=unknown[unknown]");
	assert_int_equal(l.kind, MAILLOG_CLIENT);
	assert_str(l.client, "");
	l = parse(OLD "postfix-in/smtpd[9]: 4dHq2k6c1Zz1r: client=localhost[127.0.0.1], "
		      "orig_queue_id=4dHq2k6c1Zz1q, orig_client=a.example[192.0.2.7]");
	assert_str(l.tag, "postfix-in/smtpd");
	assert_str(l.client, "192.0.2.7");
	assert_str(l.origin_id, "4dHq2k6c1Zz1q");
	assert_str(l.account, "");
	l = parse(OLD "postfix/smtpd[9]: NOQUEUE: client=a.example[192.0.2.7], sasl_username=u");
	assert_int_equal(l.kind, MAILLOG_OTHER);
}

static void test_sender(void **state)
{
	struct maillog_line l = parse(OLD "postfix/qmgr[9]: 7B2D01A5: from=<u@example.org>, size=412, "
					  "nrcpt=1 (queue active)");

	(void)state;
	assert_int_equal(l.kind, MAILLOG_SENDER);
	assert_str(l.sender, "u@example.org");
	l = parse(OLD "postfix/qmgr[9]: 7B2D01A5: from=<>, size=412, nrcpt=1 (queue active)");
	assert_int_equal(l.kind, MAILLOG_SENDER);
	assert_str(l.sender, "");
	l = parse(OLD "postfix/qmgr[9]: 7B2D01A5: from=<\"a\\\">b\"@example.org>, size=412, nrcpt=1");
	assert_str(l.sender, "\"a\\\">b\"@example.org");
	assert_int_equal(parse(OLD "postfix/qmgr[9]: 7B2D01A5: from=<u@example.org").kind, MAILLOG_OTHER);
}

#define DELIVERY(program) OLD "postfix/" program "[9]: 4dHq2k6c1Zz1q: to=<n@example.net>, "
#define BOUNCED "delay=0.5, delays=0.1/0/0.2/0.2, dsn=5.1.1, status=bounced (host m[192.0.2.1] " \
		"said: 550 5.1.1 <n@example.net>: no such user (in reply to RCPT TO command))"

static void test_bounce(void **state)
{
	static const char *const bounces[] = {
		DELIVERY("smtp") "relay=m.example.net[192.0.2.1]:25, " BOUNCED,
		DELIVERY("relay/smtp") "relay=m.example.net[192.0.2.1]:25, conn_use=2, " BOUNCED,
		DELIVERY("lmtp") "relay=m[private/dovecot-lmtp], " BOUNCED,
		DELIVERY("local") "relay=local, " BOUNCED,
		DELIVERY("virtual") "relay=virtual, " BOUNCED,
		DELIVERY("pipe") "relay=dovecot, " BOUNCED,
		DELIVERY("error") "relay=none, delay=0, delays=0/0/0/0, dsn=5.0.0, status=bounced (x)",
		DELIVERY("smtp") "orig_to=<list@example.org>, relay=none, delay=1, delays=1/0/0/0, "
				 "dsn=5.4.4, status=bounced (Host or domain name not found.)",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bounces); i++) {
		struct maillog_line l = parse(bounces[i]);

		assert_int_equal(l.kind, MAILLOG_BOUNCE);
		assert_str(l.queue_id, "4dHq2k6c1Zz1q");
		assert_str(l.recipient, "n@example.net");
	}
}

static void test_no_bounce(void **state)
{
	static const char *const others[] = {
		DELIVERY("smtp") "relay=m[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, "
				 "status=sent (250 2.0.0 Ok)",
		DELIVERY("smtp") "relay=m[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=4.7.1, "
				 "status=deferred (450 4.7.1 later)",
		/* Verification of an address; another server's words; a recipient's. */
		DELIVERY("smtp") "relay=m[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=5.1.1, "
				 "status=undeliverable (550)",
		DELIVERY("smtp") "relay=m[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=4.7.1, "
				 "status=deferred (450 x, dsn=5.1.1, status=bounced (y))",
		OLD "postfix/smtp[9]: 4dHq2k6c1Zz1q: to=<\"x>, relay=none, dsn=5.1.1, status=bounced "
		    "(\"@example.net>, relay=m, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250)",
		OLD "postfix/cleanup[9]: 4dHq2k6c1Zz1q: to=<n@example.net>, relay=local, " BOUNCED,
		OLD "postfix/smtp[9]: to=<n@example.net>, relay=local, " BOUNCED,
		DELIVERY("smtp") "relay=m[192.0.2.1]:25, delay=1, dsn=5.1.1",
		OLD "postfix/bounce[9]: 4dHq2k6c1Zz1q: sender non-delivery notification: 4dHq2k6c1Zz1r",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(others); i++)
		assert_int_equal(parse(others[i]).kind, MAILLOG_OTHER);
}

/* In the second form since 3.7.8 and 3.8.3. */
static void test_auth_failure(void **state)
{
	struct maillog_line l = parse(OLD "postfix/smtpd[9]: warning: a.example[192.0.2.7]: SASL LOGIN "
					  "authentication failed: UGFzc3dvcmQ6");

	(void)state;
	assert_int_equal(l.kind, MAILLOG_AUTH_FAILURE);
	assert_str(l.client, "192.0.2.7");
	assert_str(l.account, "");
	assert_str(l.queue_id, "");
	l = parse(OLD "postfix/submissions/smtpd[9]: warning: unknown[2001:db8::7]:5000: SASL PLAIN "
		      "authentication failed: (reason unavailable), sasl_username=u@example.org");
	assert_int_equal(l.kind, MAILLOG_AUTH_FAILURE);
	assert_str(l.client, "2001:db8::7");
	assert_str(l.account, "u@example.org");
	l = parse(OLD "postfix/smtpd[9]: warning: unknown[192.0.2.7]: SASL PLAIN authentication "
		      "failed: , sasl_username=x, sasl_username=(unavailable)");
	assert_int_equal(l.kind, MAILLOG_AUTH_FAILURE);
	assert_str(l.account, "");
}

static void test_no_auth_failure(void **state)
{
	static const char *const others[] = {
		"warning: a[192.0.2.7]: SASL PLAIN authentication failed: Connection lost to "
		"authentication server",
		"warning: a[192.0.2.7]: SASL PLAIN authentication failed: Temporary authentication "
		"failure, sasl_username=u",
		"warning: a[192.0.2.7]: SASL PLAIN authentication aborted",
		"warning: hostname a.example does not resolve to address 192.0.2.7",
		"warning: a[192.0.2.7]: SASL ",
		"lost connection after AUTH from a[192.0.2.7]",
		"4dHq2k6c1Zz1q: warning: a[192.0.2.7]: SASL PLAIN authentication failed: x",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(others); i++) {
		GP_BUF_AUTO line = GP_BUF_INIT(1000);

		gp_buf_add_cstr(&line, OLD "postfix/smtpd[9]: ");
		gp_buf_add_cstr(&line, others[i]);
		assert_int_equal(parse(line.data).kind, MAILLOG_OTHER);
	}
}

static int64_t time_of(const char *text, int64_t now_s)
{
	struct gp_str line = gp_str(text);
	int64_t time_s = -1;

	return maillog_take_time(&line, now_s, &time_s) ? time_s : -1;
}

/* What has no year was never more than a day ahead. */
static void test_year(void **state)
{
	(void)state;
	assert_int_equal(time_of("Nov 21 20:19:42 x", NOW), AT);
	assert_int_equal(time_of("Nov 22 20:19:42 x", NOW), AT + 86400); /* a clock that is ahead */
	assert_int_equal(time_of("Nov 23 20:19:42 x", NOW), AT + 2 * 86400 - 365 * 86400);
	assert_int_equal(time_of("Dec 31 23:59:59 x", 1798761660), 1798761599); /* a minute into 2027 */
	assert_int_equal(time_of("Jan  1 00:00:01 x", 1798761590), 1798761601); /* and before it */
	assert_int_equal(time_of("Nov  1 00:00:00 x", NOW), 1793491200);
	assert_int_equal(time_of("Nov  x 00:00:00 x", NOW), -1);
	assert_int_equal(time_of("1969-01-01T00:00:00Z x", NOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_no_prefixes),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_bounce),
		cmocka_unit_test(test_no_bounce),
		cmocka_unit_test(test_auth_failure),
		cmocka_unit_test(test_no_auth_failure),
		cmocka_unit_test(test_year),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
