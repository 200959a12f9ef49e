/*
 * clamav-milter.conf as ours.
 */
#include "cli/clamav_milter.h"

#include <string.h>

#include "tests/unit/test.h"

static struct gp_import import;
static char conf[65536];

static void convert(const char *text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(sizeof(conf));

	gp_arena_free(import.arena);
	import = (struct gp_import){.arena = gp_arena_new(0)};
	gp_clamav_milter_import(&import, "conf", gp_str(text));
	gp_import_print_settings(&import, &out);
	memcpy(conf, gp_buf_cstr(&out), out.len + 1);
}

static bool has_note(enum gp_import_kind kind, unsigned line, const char *words)
{
	for (size_t i = 0; i < import.notes.len; i++) {
		const struct gp_import_note *n = &import.notes.items[i];

		if (n->kind == kind && n->line == line && strstr(n->text, words))
			return true;
	}
	return false;
}

static void assert_set(const char *line)
{
	if (!strstr(conf, line))
		fail_msg("no \"%s\" in:\n%s", line, conf);
}

static void test_debians_defaults(void **state)
{
	(void)state;
	convert("# comment\n"
		"MilterSocket /run/clamav/clamav-milter.ctl\nFixStaleSocket true\nUser clamav\n"
		"ReadTimeout 120\nForeground false\nPidFile /run/clamav/clamav-milter.pid\n"
		"ClamdSocket unix:/run/clamav/clamd.ctl\nOnClean Accept\nOnInfected Quarantine\n"
		"OnFail Defer\nAddHeader Replace\nLogSyslog false\nLogFacility LOG_LOCAL6\n"
		"LogInfected Off\nMaxFileSize 25M\nTemporaryDirectory /tmp\n");
	assert_set("engine = \"clamd\";");
	assert_set("socket = \"unix:/run/clamav/clamav-milter.ctl\";");
	assert_set("servers = [ \"unix:/run/clamav/clamd.ctl\" ];");
	assert_set("virus = \"hold\";");
	assert_set("phishing = \"hold\";");
	assert_set("on_error = \"tempfail\";");
	assert_set("headers = true;");
	assert_set("deadline = \"120s\";");
	assert_set("size_max = \"25M\";");
	assert_set("oversize = \"mark\";");
	assert_set("facility = \"local6\";");
	assert_null(strstr(conf, "target"));
	assert_int_equal(gp_import_count(&import, GP_IMPORT_LOST), 0);
	assert_true(has_note(GP_IMPORT_NEEDLESS, 7, "PidFile"));
}

static void test_addresses(void **state)
{
	(void)state;
	convert("ClamdSocket tcp:192.0.2.1\nClamdSocket tcp:192.0.2.2:1234\nClamdSocket tcp:[2001:db8::1]:99\n"
		"ClamdSocket tcp:2001:db8::2\nClamdSocket tcp:host.example:3310\nClamdSocket tcp:192.0.2.3:99999\n"
		"MilterSocket inet:7357@127.0.0.1\nLocalNet 192.0.2.0/24\nLocalNet local\nLocalNet host.example\n");
	assert_set("servers = [ \"inet:3310@192.0.2.1\", \"inet:1234@192.0.2.2\", "
		   "\"inet6:99@2001:db8::1\", \"inet6:3310@2001:db8::2\" ];");
	assert_set("socket = \"inet:7357@127.0.0.1\";");
	assert_set("clients = [ \"192.0.2.0/24\" ];");
	assert_true(has_note(GP_IMPORT_LOST, 5, "names are not looked up"));
	assert_true(has_note(GP_IMPORT_LOST, 6, "ClamdSocket"));
	assert_true(has_note(GP_IMPORT_NEEDLESS, 9, "non_smtpd_milters"));
	assert_true(has_note(GP_IMPORT_LOST, 10, "no network"));
	/* The man page: "the :port field is only required for IPv6 addresses". */
	convert("ClamdSocket tcp:::1:3311\nClamdSocket tcp:2001:db8::1:99\nClamdSocket tcp:[::1]\n"
		"ClamdSocket tcp:192.0.2.1:0\nClamdSocket unix:clamd.ctl\nMilterSocket inet:7357\n");
	assert_set("servers = [ \"inet6:3311@::1\", \"inet6:99@2001:db8::1\", \"inet6:3310@::1\" ];");
	assert_set("socket = \"inet:7357@0.0.0.0\";");
	assert_true(has_note(GP_IMPORT_LOST, 4, "ClamdSocket"));
	assert_true(has_note(GP_IMPORT_LOST, 5, "ClamdSocket"));
	convert("MilterSocket inet6:7357\n");
	assert_set("socket = \"inet6:7357@::\";");
	assert_true(has_note(GP_IMPORT_LOST, 0, "no ClamdSocket"));
	convert("MilterSocket inet:7357@localhost\n");
	assert_true(has_note(GP_IMPORT_LOST, 1, "not on names"));
}

static void test_actions(void **state)
{
	(void)state;
	convert("OnInfected Reject\nRejectMsg \"Not with %v\"\nOnFail Accept\n");
	assert_set("virus = \"reject\";");
	assert_set("reject_text = \"Not with %v\";");
	assert_set("on_error = \"accept-and-mark\";");
	assert_set("headers = false;"); /* the default there */
	convert("OnInfected Explode\nOnFail Reject\nOnClean Defer\nVirusAction /bin/x\nNonsense\nExample\n");
	assert_set("virus = \"hold\";");
	assert_true(has_note(GP_IMPORT_LOST, 1, "OnInfected"));
	assert_true(has_note(GP_IMPORT_LOST, 2, "OnFail"));
	assert_true(has_note(GP_IMPORT_LOST, 3, "OnClean"));
	assert_true(has_note(GP_IMPORT_LOST, 4, "VirusAction"));
	assert_true(has_note(GP_IMPORT_LOST, 5, "has no value"));
}

/* What is written must be taken by the program, and what is not written there has its default there. */
static void test_values(void **state)
{
	(void)state;
	convert("LogSyslog yes\n");
	assert_set("facility = \"local6\";");
	assert_set("deadline = \"120s\";");
	convert("LogSyslog yes\nLogFacility LOG_MAIL\nReadTimeout 30\nMilterSocketMode 0660\n");
	assert_set("facility = \"mail\";");
	assert_set("deadline = \"30s\";");
	assert_set("socket_mode = \"0660\";");
	convert("LogFacility LOG_AUTHPRIV\nReadTimeout soon\nMilterSocketMode 999\nReadTimeout 0\nChroot /jail\nForeground no\n");
	assert_null(strstr(conf, "facility"));
	assert_null(strstr(conf, "socket_mode"));
	assert_set("deadline = \"240s\";");
	for (unsigned line = 1; line <= 3; line++)
		assert_true(has_note(GP_IMPORT_LOST, line, ""));
	assert_true(has_note(GP_IMPORT_CHANGED, 4, "240 s"));
	assert_true(has_note(GP_IMPORT_CHANGED, 5, "Chroot"));
	assert_true(has_note(GP_IMPORT_NEEDLESS, 6, "Foreground"));
}

static int end(void **state)
{
	(void)state;
	gp_arena_free(import.arena);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debians_defaults),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
