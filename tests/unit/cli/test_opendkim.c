/*
 * OpenDKIM's configuration as ours, from files that are only in memory.
 */
#include "tests/unit/test.h"

#include "cli/opendkim.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "milter-dkim/options.h"

struct file {
	const char *path, *text;
};

static struct gp_arena *arena;
static struct gp_opendkim_result result;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_free(arena);
	return 0;
}

static int read_file(void *arg, const char *path, struct gp_buf *out, struct gp_diag *diag)
{
	for (const struct file *f = arg; f->path; f++)
		if (strcmp(f->path, path) == 0) {
			gp_buf_add_cstr(out, f->text);
			return gp_buf_error(out);
		}
	gp_diag_set(diag, "%s: No such file or directory", path);
	return GP_ENOENT;
}

static void import_files(const struct file *files)
{
	struct gp_opendkim_files reader = {read_file, (void *)(uintptr_t)files};
	struct gp_diag diag;

	assert_int_equal(gp_opendkim_import(&reader, "conf", "/keys", arena, &result, &diag),
			 GP_OK);
}

static void import_text(const char *conf)
{
	const struct file files[] = {{"conf", conf}, {NULL, NULL}};

	import_files(files);
}

/* Is there a note of that kind at that place that has the words? */
static bool has_note(enum gp_import_kind kind, const char *file, unsigned line, const char *words)
{
	for (size_t i = 0; i < result.import.notes.len; i++) {
		const struct gp_import_note *n = &result.import.notes.items[i];

		if (n->kind == kind && n->line == line && strstr(n->text, words) &&
		    (file ? n->file && strcmp(n->file, file) == 0 : !n->file))
			return true;
	}
	return false;
}

static size_t count(enum gp_import_kind kind)
{
	return gp_import_count(&result.import, kind);
}

/* What a line of opendkim.conf becomes, group by group. */
static void test_settings(void **state)
{
	static const struct {
		const char *conf, *words;
	} cases[] = {
		{"Canonicalization relaxed/simple", "canonicalization = \"relaxed/simple\";"},
		{"canonicalization RELAXED", "canonicalization = \"relaxed/simple\";"},
		{"SignatureTTL 3600 # an hour", "ttl = \"3600s\";"},
		{"OversignHeaders From, To", "oversign = [ \"From\", \"To\" ];"},
		{"SignHeaders From,Subject", "headers = [ \"From\", \"Subject\" ];"},
		{"SignHeaders *,-From", "headers = [ \"Sender\", "},
		{"SignHeaders *,+X-Own", "\"Autocrypt\", \"X-Own\" ];"},
		{"OmitHeaders Sender,Received", "headers = [ \"From\", \"Reply-To\", "},
		{"RemoveOldSignatures Yes", "remove_old = true;"},
		{"RemoveOldSignatures no", "remove_old = false;"},
		{"SenderHeaders Sender,From", "domain_from = \"sender\";"},
		{"Mode s", "dmarc = {\n    enabled = false;"},
		{"Mode v", "own_networks = false;"},
		{"AuthservID mail.example.org", "authserv_id = \"mail.example.org\";"},
		{"InternalHosts [192.0.2.0]/24,2001:db8::1",
		 "own = [ \"192.0.2.0/24\", \"2001:db8::1\" ];"},
		{"PeerList 192.0.2.1", "exempt = [ \"192.0.2.1\" ];"},
		{"Nameservers 192.0.2.53, 2001:db8::53", "servers = [ \"192.0.2.53\", "},
		{"TrustAnchorFile /a", "trust_anchor = \"/a\";\n  dnssec = true;"},
		{"Socket local:/run/a.sock", "socket = \"unix:/run/a.sock\";"},
		{"Socket /run/a.sock", "socket = \"unix:/run/a.sock\";"},
		{"Socket inet:8891", "socket = \"inet:8891@0.0.0.0\";"},
		{"Socket inet6:8891@[::1]", "socket = \"inet6:8891@::1\";"},
		{"Socket inet:8891@localhost", "socket = \"inet:8891@127.0.0.1\";"},
		{"UMask 007", "socket_mode = \"0660\";"},
		{"UserID opendkim:postfix", "socket_group = \"postfix\";"},
		{"MinimumKeyBits 2048", "rsa_bits_min = 2048;"},
		{"MaximumSignaturesToVerify 3", "signatures_max = 3;"},
		{"On-BadSignature r", "fail = \"reject\";"},
		{"On-Default tempfail\nOn-BadSignature accept", "fail = \"note\";"},
		{"On-BadSignature accept\nOn-Default reject", "fail = \"note\";"},
		{"On-DNSError tempfail", "temperror = \"tempfail\";"},
		{"On-NoSignature quarantine", "none = \"quarantine\";"},
		{"RemoveARFrom .example.org,mx.example.net", "remove_ids = [ \"*.example.org\", "},
		{"ExemptDomains csl:example.org", "exempt_domains = [ \"example.org\" ];"},
		{"ClockDrift 60", "clock_skew = \"60s\";"},
		{"SyslogFacility local3", "facility = \"local3\";"},
		{"AuthservID a\"b\\c", "authserv_id = \"a\\\"b\\\\c\";"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		import_text(cases[i].conf);
		if (!strstr(result.conf, cases[i].words))
			fail_msg("%s: no %s in\n%s", cases[i].conf, cases[i].words, result.conf);
		assert_int_equal(count(GP_IMPORT_LOST), 0);
	}
}

static void test_values_that_are_none(void **state)
{
	static const char *const cases[] = {
		"SignatureTTL soon",
		"SignatureTTL -1",
		"ClockDrift 999999",
		"DNSTimeout 0",
		"MinimumKeyBits x",
		"UMask 99",
		"UMask 077777777",
		"On-BadSignature x",
		"Canonicalization harsh",
		"Nameservers dns.example",
		"SyslogFacility kern",
		"Socket inet:1@mx.example.org",
		"InternalHosts mx.example.org",
		"Mode",
		"SenderHeaders X-From",
		"NoSuchParameter 1",
		"SigningTable dsn:x",
		"MaximumSignaturesToVerify many",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		import_text(cases[i]);
		if (count(GP_IMPORT_LOST) == 0)
			fail_msg("%s: nothing is said", cases[i]);
	}
}

static void test_include_and_repeats(void **state)
{
	static const struct file files[] = {
		{"conf",
		 "BaseDirectory /base\nInclude /a\nInclude b\nInclude /loop\nSubDomains yes\n"},
		{"/a", "Domain example.org\nSelector old\nSelector s1\n"},
		{"/base/b", "KeyFile k.pem\nInclude /none\n"},
		{"/loop", "Include /loop\n"},
		{NULL, NULL},
	};

	(void)state;
	import_files(files);
	assert_string_equal(result.keys, "example.org s1=/base/k.pem\n");
	assert_int_equal(result.key_paths.len, 1);
	assert_non_null(strstr(result.conf, "subdomains = true;"));
	assert_true(has_note(GP_IMPORT_NEEDLESS, "/a", 2, "stands again"));
	assert_true(has_note(GP_IMPORT_LOST, "/base/b", 2, "/none"));
	assert_true(has_note(GP_IMPORT_LOST, "/loop", 1, "five levels"));
}

/* Tables to our table. */
static void test_tables(void **state)
{
	static const char keys[] = "a example.org:s1:/k/a\nb example.com:s2:/k/b\np %:sp:/k/%.key\n"
				   "example.net example.net:s3:/k/net\n";
	static const struct {
		const char *kind, *signing, *extra, *table;
	} cases[] = {
		{"refile", "*@example.org a\n*@*.example.org a\n", "",
		 "example.org s1=/k/a\n.example.org d=example.org s1=/k/a\n"},
		/* Never reached. */
		{"refile", "*@example.org a\njoe@example.org b\n*@example.org b\n", "",
		 "example.org s1=/k/a\n"},
		{"refile", "*@*.example.org a\n*@x.y.example.org b\n", "",
		 ".example.org d=example.org s1=/k/a\n"},
		/* Behind a pattern, patterns stay. */
		{"refile", "joe@* a\n*@example.com b\njane@example.com a\n* b\n", "",
		 "joe@* d=example.org s1=/k/a\n*@example.com s2=/k/b\n* d=example.com s2=/k/b\n"},
		{"refile", "*@example.org p\n*@*.example.org p\n", "",
		 "example.org sp=/k/example.org.key\n.example.org sp=/k/%d.key\n"},
		{"refile", "*@* %\n", "", "example.net s3=/k/net\n"},
		{"refile", "joe@example.net %\n*@example.net %\n", "",
		 "joe@example.net s3=/k/net\nexample.net s3=/k/net\n"},
		/* The order of a file is that of its forms. */
		{"file", "* b\n.example.org a\nexample.org b\njoe@example.org a\n", "",
		 "joe@example.org s1=/k/a\nexample.org d=example.com s2=/k/b\n"
		 ".example.org d=example.org s1=/k/a\n* d=example.com s2=/k/b\n"},
		{"file", ".x.example.org b\n.example.org a\njoe@.example.org b\n", "",
		 "joe@*.example.org d=example.com s2=/k/b\n*@*.x.example.org d=example.com "
		 "s2=/k/b\n"
		 "*@*.example.org d=example.org s1=/k/a\n"},
		/* All that match. */
		{"refile", "*@example.org a\n* b\njoe@example.org p\n", "MultipleSignatures yes\n",
		 "example.org s1=/k/a d=example.com s2=/k/b\n* d=example.com s2=/k/b\n"
		 "joe@example.org s1=/k/a d=example.com s2=/k/b d=%d sp=/k/example.org.key\n"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		const struct file files[] = {
			{"conf",
			 gp_arena_printf(arena, "KeyTable /keys\nSigningTable %s:/signing\n%s",
					 cases[i].kind, cases[i].extra)},
			{"/keys", keys},
			{"/signing", cases[i].signing},
			{NULL, NULL},
		};

		import_files(files);
		assert_string_equal(result.keys, cases[i].table);
		assert_non_null(strstr(result.conf, "keys = \"/keys\";"));
		assert_non_null(strstr(result.conf, "subdomains = false;"));
		assert_int_equal(count(GP_IMPORT_LOST), 0);
	}
}

static void test_broken_tables(void **state)
{
	static const struct file files[] = {
		{"conf", "KeyTable /keys\nSigningTable refile:/signing\n"},
		{"/keys", "a example.org:s1:MIIE\nb example.org\nc example.org:s 1:/k\n"
			  "d example.org:d:/k\ne example.org:s1:/k/a b\nf example.org:s1:/k\n"},
		{"/signing", "*@a.example a\n*@b.example none\nlist* f\n\"x\"@c.example f\n"
			     "*@d.example f:joe@d.example\n"},
		{NULL, NULL},
	};

	(void)state;
	import_files(files);
	assert_string_equal(result.keys, "d.example d=example.org s1=/k\n");
	assert_true(has_note(GP_IMPORT_LOST, "/keys", 1, "the key itself"));
	for (unsigned line = 2; line <= 4; line++)
		assert_true(has_note(GP_IMPORT_LOST, "/keys", line, "DOMAIN:SELECTOR:PATH"));
	assert_true(has_note(GP_IMPORT_LOST, "/keys", 5, "white space"));
	assert_true(has_note(GP_IMPORT_LOST, "/signing", 1, "no key \"a\""));
	assert_true(has_note(GP_IMPORT_LOST, "/signing", 2, "no key \"none\""));
	assert_true(has_note(GP_IMPORT_LOST, "/signing", 3, "local part"));
	assert_true(has_note(GP_IMPORT_LOST, "/signing", 4, "quotes"));
	assert_true(has_note(GP_IMPORT_CHANGED, "/signing", 5, "i="));
	import_text("KeyTable csl:a=b:c:/d\n");
	assert_true(has_note(GP_IMPORT_LOST, NULL, 0, "need each other"));
	import_text("Domain example.org\n");
	assert_true(has_note(GP_IMPORT_LOST, NULL, 0, "Selector"));
	assert_string_equal(result.keys, "");
}

/* What is printed is a configuration. */
static void test_result_loads(void **state)
{
	static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &dkim_table};
	static const char conf[] =
		"Syslog yes\nUMask 002\nMode sv\nCanonicalization simple\nOversignHeaders From\n"
		"InternalHosts 127.0.0.1\nNameservers 192.0.2.1\nOn-Default q\nSignatureTTL 60\n"
		"Socket inet:8891@localhost\nUserID opendkim\nMinimumKeyBits 2048\nSignHeaders *\n"
		"SenderHeaders Sender\nRemoveOldSignatures yes\nAuthservID x\nDNSTimeout 5\n"
		"MaximumSignaturesToVerify 1000\nOn-InternalError accept\nExemptDomains "
		"a.example\n";
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = NULL;
	const struct dkim_conf *c;

	(void)state;
	import_text(conf);
	gp_conf_report_init(&report);
	if (gp_snapshot_load_text("c", result.conf, tables, GP_ARRAY_SIZE(tables), &snap, &report))
		fail_msg("%s\n%s", report.errors.items[0].text, result.conf);
	c = gp_snapshot_get(snap, &dkim_table);
	assert_int_equal(c->sign.ttl_ms, 60000);
	assert_int_equal(c->sign.canonicalization, DKIM_SIMPLE_SIMPLE);
	assert_int_equal(c->dkim.signatures_max, 50);
	assert_int_equal(c->daemon.socket_mode, 0664);
	gp_snapshot_unref(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_include_and_repeats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_result_loads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
