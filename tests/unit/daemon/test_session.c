/*
 * Sessions without a milter library: envelope, verbs, replies.
 */
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/daemon/reply.h"
#include "lib/daemon/session.h"
#include "tests/unit/test.h"

static char said[4096];

static int note(const char *verb, int index, const char *name, const char *value)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof(said) - n, "%s %d %s=%s|", verb, index, name,
		 value ? value : "NULL");
	return GP_OK;
}

static int add_header(struct gp_session *s, const char *name, const char *value)
{
	(void)s;
	return note("add", 0, name, value);
}

static int insert_header(struct gp_session *s, int index, const char *name, const char *value)
{
	(void)s;
	return note("insert", index, name, value);
}

static int change_header(struct gp_session *s, const char *name, int nth, const char *value)
{
	(void)s;
	return note("change", nth, name, value);
}

static int quarantine(struct gp_session *s, const char *reason)
{
	(void)s;
	return note("hold", 0, "", reason);
}

static int progress(struct gp_session *s)
{
	(void)s;
	return GP_OK;
}

static const char *macro(struct gp_session *s, const char *name)
{
	(void)s;
	return strcmp(name, "i") == 0		  ? "4QID"
	       : strcmp(name, "auth_authen") == 0 ? "joe"
						  : NULL;
}

static const struct gp_session_verbs verbs = {add_header, insert_header, change_header,
					      quarantine, progress,	 macro};
static struct gp_snapshot *snap;
static struct gp_session *session;

static int set_up(void **state)
{
	struct gp_conf_report report;

	(void)state;
	gp_conf_report_init(&report);
	if (gp_snapshot_load(NULL, NULL, 0, &snap, &report) < 0)
		return -1;
	gp_conf_report_done(&report);
	session = gp_session_new(snap, &verbs, NULL);
	said[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gp_session_free(session);
	gp_snapshot_unrefp(&snap);
	return 0;
}

static void test_envelope(void **state)
{
	struct gp_session *s = session;

	(void)state;
	gp_clock_set(5000, 1);
	gp_session_begin_message(s, GP_STR("<a@b>"),
				 GP_STR("size=1234 BODY=8BITMIME smtputf8 AUTH=<> SIZE=x"));
	gp_clock_set(0, -1);
	assert_str(s->msg.from, "a@b");
	assert_int_equal(s->msg.size, 1234);
	assert_true(s->msg.is_8bit);
	assert_true(s->msg.is_smtputf8);
	assert_str(s->msg.auth_user, "joe");
	assert_str(s->msg.queue_id, "4QID");
	assert_int_equal(s->msg.began_ms, 5000);
	for (int i = 0; i < GP_MAX_RECIPIENTS + 5; i++)
		gp_session_add_rcpt(s, GP_STR("<c@d>"), GP_STR("NOTIFY=NEVER"));
	assert_int_equal(s->msg.rcpts.len, GP_MAX_RECIPIENTS);
	assert_int_equal(s->msg.n_rcpts_seen, GP_MAX_RECIPIENTS + 5);
	assert_str(s->msg.rcpts.items[0].address, "c@d");
	assert_str(s->msg.rcpts.items[0].args, "NOTIFY=NEVER");
	gp_session_set_reply(s, "550", "5.7.1", "no");
	gp_session_begin_message(s, GP_STR("<>"), (struct gp_str){0});
	assert_str(s->msg.from, "");
	assert_int_equal(s->msg.size, -1);
	assert_int_equal(s->msg.rcpts.len, 0);
	assert_false(s->msg.is_8bit);
	assert_string_equal(s->reply_text, "");
}

static void test_verbs(void **state)
{
	static char huge[70000];

	(void)state;
	assert_int_equal(gp_session_add_header(session, "X", "one\n\ttwo\r\n three\nforged: 1\r"),
			 GP_OK);
	assert_int_equal(gp_session_insert_header(session, 1, "Y", "v"), GP_OK);
	assert_int_equal(gp_session_delete_headers(session, "Z", 3), GP_OK);
	assert_int_equal(gp_session_quarantine(session, "a\r\nb"), GP_OK);
	assert_int_equal(gp_session_quarantine(session, ""), GP_OK);
	/* A line end that no fold follows would begin a header of the stranger's choice. */
	assert_string_equal(said, "add 0 X=one\n\ttwo\n three forged: 1|insert 1 Y=v|"
				  "change 3 Z=NULL|change 2 Z=NULL|change 1 Z=NULL|"
				  "hold 0 =a  b|hold 0 =held|");
	memset(huge, 'x', sizeof(huge) - 1);
	assert_int_equal(gp_session_add_header(session, "X", huge), GP_ELIMIT);
}

static void test_replies(void **state)
{
	static const struct {
		int err;
		enum gp_on_error setting;
		enum gp_answer answer;
		bool is_marked;
		const char *code;
	} cases[] = {
		{GP_OK, GP_ON_ERROR_TEMPFAIL, GP_CONTINUE, false, ""},
		{GP_ETEMP, GP_ON_ERROR_ACCEPT, GP_ACCEPT, false, ""},
		{GP_ETEMP, GP_ON_ERROR_MARK, GP_ACCEPT, true, ""},
		{GP_EINVAL, GP_ON_ERROR_MARK, GP_ACCEPT, true, ""},
		{GP_ETEMP, GP_ON_ERROR_TEMPFAIL, GP_TEMPFAIL, false, "451"},
		{GP_ELIMIT, GP_ON_ERROR_TEMPFAIL, GP_TEMPFAIL, false, "451"},
		{GP_ESYS, GP_ON_ERROR_TEMPFAIL, GP_TEMPFAIL, false, "451"},
		{GP_EINVAL, GP_ON_ERROR_TEMPFAIL, GP_REJECT, false, "550"},
		{-99, GP_ON_ERROR_TEMPFAIL, GP_TEMPFAIL, false, "451"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_failure_reply r;

		gp_session_end_message(session);
		r = gp_reply_set(session, cases[i].err, cases[i].setting, "The store");
		assert_int_equal(r.answer, cases[i].answer);
		assert_int_equal(r.is_marked, cases[i].is_marked);
		assert_string_equal(session->reply_code, cases[i].code);
	}
	gp_session_set_reply(session, "550", "5.7.1", "%s\r\n\xff", "bad");
	assert_string_equal(session->reply_text, "bad???");
	gp_reply_complete(session, GP_REJECT); /* it fits: kept */
	assert_string_equal(session->reply_text, "bad???");
	gp_reply_complete(session, GP_TEMPFAIL); /* 5xx does not */
	assert_string_equal(session->reply_code, "451");
	assert_int_equal(gp_reply_shutdown(session), GP_TEMPFAIL);
	assert_string_equal(session->reply_xcode, "4.3.2");
	assert_int_equal(gp_reply_reject(session, "Spam"), GP_REJECT);
	assert_string_equal(session->reply_text, "Spam");
	assert_int_equal(gp_reply_greylist(session, "Later"), GP_TEMPFAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_envelope, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_verbs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replies, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
