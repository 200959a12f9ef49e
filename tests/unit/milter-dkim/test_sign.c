/*
 * Who is signed, as whom, and that the signatures as inserted are valid.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/conf/shared.h"
#include "milter-dkim/sign.h"
#include "tests/fakes/fake_dns.h"

#define NOW 1800000000

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &dkim_table};
static char dir[64];
static struct gp_key *keys[2]; /* by enum gp_key_type */
static struct gp_arena *arena;
static GP_VEC(const char *) inserted; /* the first is on top */
static int removed;		      /* DKIM-Signature fields */
static int insert_result;

static void write_file(const char *name, const char *text, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(gp_file_replace(path, text, len, 0600, NULL), GP_OK);
}

static int group_setup(void **state)
{
	static const char table[] = "example.org s1=%1$s/rsa s2=%1$s/ed25519\n"
				    "parent.example p=%1$s/rsa\n"
				    "none.parent.example none\n"
				    ".sub.example d=sub.example w=%1$s/ed25519\n"
				    "xn--bcher-kva.example b=%1$s/ed25519\n"
				    "third.example d=provider.example t=%1$s/rsa\n";
	static const char senders[] = "joe example.org\n"
				      "anna@example.org %a\n"
				      "glob joe@example.*\n"
				      "192.0.2.0/24 parent.example\n";
	char text[2048];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/gp-sign-XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (int type = 0; type < 2; type++) {
		GP_BUF_AUTO pem = GP_BUF_INIT(8192);

		assert_int_equal(gp_key_generate((enum gp_key_type)type, 1024, &keys[type], NULL),
				 GP_OK);
		assert_int_equal(gp_key_pem(keys[type], &pem), GP_OK);
		write_file(gp_key_type_name((enum gp_key_type)type), pem.data, pem.len);
	}
	write_file("keys", text, (size_t)snprintf(text, sizeof(text), table, dir));
	write_file("senders", senders, strlen(senders));
	gp_clock_set(1000, NOW);
	gp_log_setup(GP_LOG_ERROR, GP_LOG_TEXT, NULL); /* the keys are short */
	return 0;
}

static int group_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	gp_key_unref(&keys[0]);
	gp_key_unref(&keys[1]);
	return system(command);
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	inserted.len = inserted.cap = 0;
	removed = 0;
	insert_result = GP_OK;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static int insert_header(struct gp_session *s, int index, const char *name, const char *value)
{
	(void)s;
	assert_int_equal(index, 0);
	assert_string_equal(name, "DKIM-Signature");
	(void)gp_vec_push(arena, &inserted);
	memmove(inserted.items + 1, inserted.items, (inserted.len - 1) * sizeof(*inserted.items));
	inserted.items[0] = gp_arena_strdup(arena, value);
	return insert_result;
}

static int change_header(struct gp_session *s, const char *name, int nth, const char *value)
{
	(void)s;
	(void)nth;
	assert_string_equal(name, "DKIM-Signature");
	assert_null(value);
	removed++;
	return GP_OK;
}

static const char *macro(struct gp_session *s, const char *name)
{
	(void)s;
	(void)name;
	return NULL;
}

static const struct gp_session_verbs verbs = {
	.insert_header = insert_header, .change_header = change_header, .macro = macro};

/* A message and what it comes with. */
struct mail {
	const char *settings; /* in milter-dkim.sign */
	const char *account, *client, *envelope;
	const char *message;
	enum dkim_origin origin;
};

static struct gp_snapshot *snapshot_of(const char *settings)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = NULL;
	struct dkim_snapshot *data;
	const char *text = gp_arena_printf(
		arena,
		"milter-dkim = { sign = { keys = \"%s/keys\"; key_directory = \"\"; %s }; };", dir,
		settings);

	gp_conf_report_init(&report);
	if (gp_snapshot_load_text("conf", text, tables, GP_ARRAY_SIZE(tables), &snap, &report))
		fail_msg("%s", report.errors.items[0].text);
	data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct dkim_snapshot);
	assert_int_equal(dkim_sign_setup(snap, data, &report), GP_OK);
	gp_snapshot_set_data(snap, data);
	return snap;
}

static struct dkim_message message_of(struct gp_session *s, const struct mail *mail,
				      struct gp_str *ret_body)
{
	struct dkim_message m = {
		.conf = gp_snapshot_get(s->snap, &dkim_table),
		.snap = gp_snapshot_data(s->snap),
		.origin = mail->origin,
	};

	if (!m.origin)
		m.origin = mail->account ? DKIM_AUTHENTICATED : DKIM_OWN_NETWORK;
	if (mail->client)
		assert_int_equal(gp_ip_parse(gp_str(mail->client), &s->client), GP_OK);
	gp_session_begin_message(s, gp_str(mail->envelope ? mail->envelope : "<x@example.org>"),
				 GP_STR(""));
	s->msg.auth_user = gp_str(mail->account);
	gp_fields_parse(s->msg.arena, gp_str(mail->message), &m.fields, ret_body);
	m.hasher = gp_body_hasher_new(s->msg.arena);
	return m;
}

/* The steps of a message; gives the result of the last and why it is (not) signed. */
static int run(const struct mail *mail, const char **ret_reason, size_t *ret_longline)
{
	struct gp_snapshot *snap = snapshot_of(mail->settings ? mail->settings : "");
	struct gp_session *s = gp_session_new(snap, &verbs, NULL);
	struct gp_str body;
	struct dkim_message m = message_of(s, mail, &body);
	int r = dkim_sign_begin(s, &m);

	if (r == GP_OK && m.signing) {
		for (size_t at = 0; at < body.len; at += 70) {
			gp_body_hasher_add(m.hasher, gp_str_sub(body, at, 70));
			dkim_sign_body(&m, gp_str_sub(body, at, 70));
		}
		gp_body_hasher_finish(m.hasher);
		r = dkim_sign_finish(s, &m, NULL);
	}
	*ret_reason = gp_arena_strdup(arena, dkim_signing_reason(&m));
	if (ret_longline)
		*ret_longline = dkim_signing_longline(&m);
	gp_session_free(s);
	gp_snapshot_unref(snap);
	return r;
}

/* The tag's value in the n-th inserted field. */
static struct gp_str tag(size_t n, const char *name)
{
	struct gp_tags tags;

	assert_true(n < inserted.len);
	assert_int_equal(gp_tags_parse(arena, gp_str(inserted.items[n]), &tags, NULL), GP_OK);
	return gp_tags_packed(arena, &tags, name);
}

static void publish(struct gp_buf *zone, const char *name, const struct gp_key *key)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(8192);

	gp_key_public(key, &bytes);
	gp_buf_printf(zone, "%s TXT v=DKIM1; k=%s; p=", name, gp_key_type_name(gp_key_type(key)));
	gp_base64_encode(bytes.data, bytes.len, zone);
	gp_buf_add_chr(zone, '\n');
}

/* Every inserted signature passes over the message as the MTA writes it. */
static void assert_valid(const char *message)
{
	GP_BUF_AUTO zone = GP_BUF_INIT(64 << 10), text = GP_BUF_INIT(1 << 20);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 1000);
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_auth_result result = {0};
	struct gp_resolver *resolver;
	struct gp_dkim_verify *v;
	struct gp_fields fields;
	struct gp_asker asker;
	struct gp_str body;

	publish(&zone, "s1._domainkey.example.org", keys[GP_KEY_RSA]);
	publish(&zone, "s2._domainkey.example.org", keys[GP_KEY_ED25519]);
	publish(&zone, "p._domainkey.parent.example", keys[GP_KEY_RSA]);
	publish(&zone, "w._domainkey.sub.example", keys[GP_KEY_ED25519]);
	publish(&zone, "b._domainkey.xn--bcher-kva.example", keys[GP_KEY_ED25519]);
	publish(&zone, "t._domainkey.provider.example", keys[GP_KEY_RSA]);
	for (size_t i = 0; i < inserted.len; i++)
		gp_buf_printf(&text, "DKIM-Signature: %s\n", inserted.items[i]);
	gp_buf_add_cstr(&text, message);
	resolver = gp_fake_dns_open(gp_buf_cstr(&zone), NULL);
	gp_asker_init(&asker, resolver, batch, arena);
	gp_fields_parse(arena, gp_buf_str(&text), &fields, &body);
	v = gp_dkim_verify_begin(&asker, NULL, &gp_dkim_defaults, &fields, GP_STR(""), hasher, NOW);
	gp_body_hasher_add(hasher, body);
	gp_body_hasher_finish(hasher);
	gp_dkim_verify_finish(v, &result);
	assert_true(result.n_dkim >= inserted.len && inserted.len > 0);
	for (size_t i = 0; i < inserted.len; i++)
		if (result.dkim[i].status != GP_AUTH_PASS)
			fail_msg("%s\nis %s: %.*s", inserted.items[i],
				 gp_auth_status_name(result.dkim[i].status),
				 GP_STR_FMT(result.dkim[i].reason));
	gp_batch_free(&batch);
	gp_resolver_close(&resolver);
}

#define PLAIN(from) "From: " from "\nTo: you@there.example\nSubject: Hello\n\n Two  words \n\n\n"

static void test_who(void **state)
{
	static const struct {
		struct mail mail;
		int result;
		const char *reason;
	} cases[] = {
		{{.account = "joe", .message = PLAIN("joe@example.org")},
		 GP_OK,
		 "example.org:s1,example.org:s2"},
		{{.message = PLAIN("cron <root@parent.example>")}, GP_OK, "parent.example:p"},
		{{.message = PLAIN("Joe <joe@EXAMPLE.org>")},
		 GP_OK,
		 "example.org:s1,example.org:s2"},
		{{.message = PLAIN("x@b\xc3\xbc"
				   "cher.example")},
		 GP_OK,
		 "xn--bcher-kva.example:b"},
		{{.message = PLAIN("x@a.b.parent.example")}, GP_OK, "parent.example:p"},
		{{.message = PLAIN("x@c.sub.example")}, GP_OK, "sub.example:w"},
		{{.message = PLAIN("x@sub.example")}, GP_OK, "no-key"},
		{{.message = PLAIN("x@third.example")}, GP_OK, "provider.example:t"},
		{{.message = PLAIN("x@none.parent.example")}, GP_OK, "none"},
		{{.message = PLAIN("x@a.none.parent.example")}, GP_OK, "none"},
		{{.message = PLAIN("x@notexample.org")}, GP_OK, "no-key"},
		{{.message = PLAIN("x@org")}, GP_OK, "no-key"},
		{{.message = PLAIN("x@com.example")}, GP_OK, "no-key"},
		{{.message = PLAIN("nobody")}, GP_OK, "no-from"},
		{{.message = PLAIN("x@[192.0.2.1]")}, GP_OK, "no-from"},
		{{.message = "Subject: x\n\nbody\n"}, GP_OK, "no-from"},
		{{.message = PLAIN("a@no.example, b@example.org")},
		 GP_OK,
		 "example.org:s1,example.org:s2"},
		{{.settings = "subdomains = false;", .message = PLAIN("x@a.parent.example")},
		 GP_OK,
		 "no-key"},
		{{.settings = "authenticated = false;",
		  .account = "joe",
		  .message = PLAIN("x@example.org")},
		 GP_OK,
		 "off"},
		{{.settings = "authenticated = false;", .message = PLAIN("x@parent.example")},
		 GP_OK,
		 "parent.example:p"},
		{{.settings = "own_networks = false;", .message = PLAIN("x@parent.example")},
		 GP_OK,
		 "off"},
		/* Bounces. */
		{{.envelope = "<>", .message = PLAIN("MAILER-DAEMON@mx.example.org")},
		 GP_OK,
		 "example.org:s1,example.org:s2"},
		{{.envelope = "<>",
		  .settings = "bounces = false;",
		  .message = PLAIN("MAILER-DAEMON@mx.example.org")},
		 GP_OK,
		 "bounce"},
		/* Other addresses. */
		{{.settings = "domain_from = \"envelope\";",
		  .envelope = "<l@parent.example>",
		  .message = PLAIN("x@example.org")},
		 GP_OK,
		 "parent.example:p"},
		{{.settings = "domain_from = \"envelope\";",
		  .envelope = "<>",
		  .message = PLAIN("x@parent.example")},
		 GP_OK,
		 "parent.example:p"},
		{{.settings = "domain_from = \"sender\";",
		  .message = "Sender: l@parent.example\n" PLAIN("x@example.org")},
		 GP_OK,
		 "parent.example:p"},
		{{.settings = "domain_from = \"sender\";", .message = PLAIN("x@parent.example")},
		 GP_OK,
		 "parent.example:p"},
		{{.message = "Sender: l@parent.example\n" PLAIN("x@example.org")},
		 GP_OK,
		 "example.org:s1,example.org:s2"},
		/* Signed before. */
		{{.settings = "resign = false;",
		  .message =
			  "DKIM-Signature: v=1; d=Example.ORG; s=x; b=\n" PLAIN("x@example.org")},
		 GP_OK,
		 "signed"},
		{{.settings = "resign = false;",
		  .message =
			  "DKIM-Signature: v=1; d=other.example; s=x\n" PLAIN("x@parent.example")},
		 GP_OK,
		 "parent.example:p"},
		{{.message = "DKIM-Signature: v=1; d=parent.example\n" PLAIN("x@parent.example")},
		 GP_OK,
		 "parent.example:p"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		const char *reason;

		inserted.len = 0;
		assert_int_equal(run(&cases[i].mail, &reason, NULL), cases[i].result);
		if (strcmp(reason, cases[i].reason) != 0)
			fail_msg("case %zu: %s instead of %s", i, reason, cases[i].reason);
		assert_int_equal(inserted.len > 0, strchr(reason, ':') != NULL);
		if (inserted.len)
			assert_valid(cases[i].mail.message);
	}
}

/* What a map gives an account, and what becomes of the rest. */
static void test_senders(void **state)
{
	static const struct {
		const char *account, *client, *from, *reason;
	} cases[] = {
		{"joe", NULL, "any@example.org", "example.org:s1,example.org:s2"},
		{"joe", NULL, "any@parent.example", "not-allowed"},
		{"joe", NULL, "joe@example.org, boss@parent.example", "not-allowed"},
		{"joe", NULL, "joe@example.org\nFrom: boss@parent.example", "not-allowed"},
		{"joe", NULL, "x@sub.example.org", "not-allowed"},
		{"joe", NULL, "x@unknown.example", "no-key"},
		{"anna@example.org", NULL, "Anna@example.org", "example.org:s1,example.org:s2"},
		{"anna@example.org", NULL, "joe@example.org", "not-allowed"},
		/* written so that we read one author and others two */
		{"joe", NULL, "joe@example.org (x) boss@parent.example", "not-allowed"},
		{"joe", NULL, "x <joe@example.org> <boss@parent.example>", "not-allowed"},
		{"joe", NULL, "joe@example.org, x@[192.0.2.1]", "not-allowed"},
		/* a pattern's star ends at the address's own @ */
		{"glob", NULL, "joe@example.org", "example.org:s1,example.org:s2"},
		{"glob", NULL, "\"joe@example.org\"@parent.example", "not-allowed"},
		{"eve", NULL, "eve@example.org", "not-allowed"},
		{NULL, "192.0.2.7", "x@parent.example", "parent.example:p"},
		{NULL, "192.0.2.7", "x@example.org", "not-allowed"},
		{NULL, "198.51.100.1", "x@example.org", "example.org:s1,example.org:s2"},
		{NULL, NULL, "x@example.org", "example.org:s1,example.org:s2"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct mail mail = {
			.settings = gp_arena_printf(arena, "senders = \"%s/senders\";", dir),
			.account = cases[i].account,
			.client = cases[i].client,
			.message = gp_arena_printf(arena, "From: %s\nSubject: x\n\nbody\n",
						   cases[i].from),
		};
		const char *reason;
		bool is_refused = strcmp(cases[i].reason, "not-allowed") == 0;

		assert_int_equal(run(&mail, &reason, NULL), GP_OK);
		assert_string_equal(reason, cases[i].reason);
		mail.settings =
			gp_arena_printf(arena, "%s not_allowed = \"reject\";", mail.settings);
		assert_int_equal(run(&mail, &reason, NULL), is_refused ? GP_EACCES : GP_OK);
	}
}

/* Where Sender or the envelope chooses the keys, From may not borrow from them. */
static void test_senders_by_sender(void **state)
{
	static const struct {
		const char *from, *reason;
	} cases[] = {
		{"anna@example.org", "example.org:s1,example.org:s2"},
		{"boss@elsewhere.example", "example.org:s1,example.org:s2"},
		{"boss@example.org", "not-allowed"},
		{"boss@sub.example.org", "not-allowed"},
	};
	static const char *const settings[] = {"sender", "envelope"};

	(void)state;
	for (size_t k = 0; k < GP_ARRAY_SIZE(settings); k++)
		for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
			struct mail mail = {
				.settings = gp_arena_printf(
					arena, "senders = \"%s/senders\"; domain_from = \"%s\";", dir,
					settings[k]),
				.account = "anna@example.org",
				.envelope = "<anna@example.org>",
				.message = gp_arena_printf(
					arena, "From: %s\nSender: anna@example.org\n\nbody\n",
					cases[i].from),
			};
			const char *reason;

			assert_int_equal(run(&mail, &reason, NULL), GP_OK);
			assert_string_equal(reason, cases[i].reason);
		}
}

/* Every canonicalisation, and the tags that settings ask for. */
static void test_tags(void **state)
{
	static const char *const canons[] = {"relaxed/relaxed", "relaxed/simple", "simple/relaxed",
					     "simple/simple"};
	static const char message[] = PLAIN("Joe  \n\t<joe@a.parent.example>");
	const char *reason;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(canons); i++) {
		struct mail mail = {
			.settings = gp_arena_printf(
				arena, "canonicalization = \"%s\"; ttl = \"1h\";", canons[i]),
			.message = message,
		};

		inserted.len = 0;
		assert_int_equal(run(&mail, &reason, NULL), GP_OK);
		assert_valid(message);
		assert_str(tag(0, "c"), canons[i]);
		assert_str(tag(0, "t"), "1800000000");
		assert_str(tag(0, "x"), "1800003600");
		assert_str(tag(0, "d"), "parent.example");
		assert_str(tag(0, "i"), "@a.parent.example");
		assert_str(tag(0, "l"), "");
	}
}

static void test_header_list(void **state)
{
	struct mail mail = {
		.settings = "headers = [\"Subject\", \"X-Ours\"]; oversign = [\"To\", \"Cc\"]; "
			    "length = true;",
		.message = "X-Ours: 1\nx-ours: 2\n" PLAIN("joe@parent.example"),
	};
	const char *reason;

	(void)state;
	assert_int_equal(run(&mail, &reason, NULL), GP_OK);
	assert_valid(mail.message);
	assert_str(tag(0, "h"), "From:Subject:X-Ours:X-Ours:To:To:Cc");
	assert_str(tag(0, "l"), "12");
	assert_str(tag(0, "i"), "");
}

/* RSA first, as in the table: the first inserted field ends below the second. */
static void test_order(void **state)
{
	struct mail mail = {.message = PLAIN("joe@example.org")};
	const char *reason;

	(void)state;
	assert_int_equal(run(&mail, &reason, NULL), GP_OK);
	assert_int_equal(inserted.len, 2);
	assert_str(tag(0, "a"), "rsa-sha256");
	assert_str(tag(1, "a"), "ed25519-sha256");
}

static void test_remove_old(void **state)
{
	struct mail mail = {
		.settings = "remove_old = true;",
		.message = "DKIM-Signature: a\nDKIM-Signature: b\n" PLAIN("joe@parent.example"),
	};
	const char *reason;

	(void)state;
	assert_int_equal(run(&mail, &reason, NULL), GP_OK);
	assert_int_equal(removed, 2);
	assert_int_equal(inserted.len, 1);
	mail.message = "DKIM-Signature: a\n" PLAIN("joe@unknown.example");
	assert_int_equal(run(&mail, &reason, NULL), GP_OK);
	assert_int_equal(removed, 2);
}

/* The MTA refuses; a header that is too large to be signed. */
static void test_failures(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4 << 20);
	struct mail mail = {.message = PLAIN("joe@example.org")};
	const char *reason;

	(void)state;
	insert_result = GP_ESYS;
	assert_int_equal(run(&mail, &reason, NULL), GP_ESYS);
	insert_result = GP_OK;
	inserted.len = 0;
	for (int i = 0; i < 30000; i++)
		gp_buf_printf(&text, "X-%d: %040d\n", i, i);
	gp_buf_add_cstr(&text, mail.message);
	mail.message = gp_buf_cstr(&text);
	assert_int_equal(run(&mail, &reason, NULL), GP_ELIMIT);
	assert_int_equal(inserted.len, 0);
}

static void test_long_lines(void **state)
{
	static const struct {
		size_t length, reported;
	} cases[] = {{10, 0}, {997, 0}, {998, 0}, {999, 999}, {5000, 5000}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(64 << 10);
		struct mail mail = {0};
		const char *reason;
		size_t longest;

		gp_buf_add_cstr(&text, "From: x@parent.example\r\n\r\nshort\r\n");
		for (size_t k = 0; k < cases[i].length; k++)
			gp_buf_add_chr(&text, 'x');
		gp_buf_add_cstr(&text, "\r\nshort\r\n");
		mail.message = gp_buf_cstr(&text);
		assert_int_equal(run(&mail, &reason, &longest), GP_OK);
		assert_int_equal(longest, cases[i].reported);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who, setup, teardown),
		cmocka_unit_test_setup_teardown(test_senders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_senders_by_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
