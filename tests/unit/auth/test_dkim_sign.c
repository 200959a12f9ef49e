/*
 * Signatures made: they verify whatever the canonicalisation, they cover what they should,
 * and they look as they should.
 */
#include "tests/unit/auth/dkim_fixture.h"

#include "lib/base/limits.h"

static const char message[] =
	"Received: from a.example (a.example [192.0.2.1])\n\tby mx.example with ESMTP\n"
	"From:  Joe   <joe@example.org>\n"
	"To:\n suzie@example.net,\n\tbob@example.net\n"
	"Subject: Is dinner\tready? \n"
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
	"Message-ID: <20030712040037.46341.5F8J@example.org>\n"
	"MIME-Version: 1.0\n"
	"\n"
	"Hi.  \n\n\tWe lost  the game.\n\n\n";

static struct gp_sign_as as_of(enum gp_key_type type)
{
	return (struct gp_sign_as){
		.domain = GP_STR("example.org"), .selector = GP_STR("s1"), .key = keys[type]};
}

static void check_round_trip(enum gp_key_type type, enum gp_canon header, enum gp_canon body,
			     const char *text)
{
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = as_of(type);
	const char *zone = zone_line("s1", "v=DKIM1; ", keys[type]);
	struct gp_auth_result r;

	o.header_canon = header;
	o.body_canon = body;
	r = verify(signed_message(text, &o, &as), zone, "example.org", &gp_dkim_defaults);
	assert_int_equal(r.n_dkim, 1);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_str(r.dkim[0].domain, "example.org");
	assert_str(r.dkim[0].selector, "s1");
	assert_str(r.dkim[0].identity, "@example.org");
	assert_int_equal(r.dkim[0].b.len, 8);
	assert_int_equal(r.dkim[0].signed_s, NOW);
	assert_true(r.dkim[0].is_author);
}

static void test_round_trips(void **state)
{
	static const char *const messages[] = {
		message,
		"From: a@example.org\n\n",
		"From: a@example.org\n\n\n\n",
		"From: a@example.org\n\nno line end",
		"From: a@example.org\nSubject: \xc3\xbc\n\n\xe4\xf6\n",
		"From:a@example.org\nSubject:\n\n.\n",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(messages); i++)
		for (int n = 0; n < 8; n++)
			check_round_trip(n & 1 ? GP_KEY_RSA : GP_KEY_ED25519,
					 n & 2 ? GP_CANON_RELAXED : GP_CANON_SIMPLE,
					 n & 4 ? GP_CANON_RELAXED : GP_CANON_SIMPLE, messages[i]);
}

/* Without the base64 of hash and signature. */
static void test_layout(void **state)
{
	static const char expected[] =
		"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\n"
		"\ti=j=C3=B6=3B=20@sub.example.org; t=1800000000; x=1800086400; h=From\n"
		"\t:From:Subject:Date:Message-ID:To:MIME-Version;\n"
		"\tbh=";
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = as_of(GP_KEY_RSA);
	const char *value;

	(void)state;
	o.ttl_s = 86400;
	as.identity = GP_STR("j\xc3\xb6; @sub.example.org");
	value = sign(message, &o, &as);
	assert_memory_equal(value, expected, sizeof(expected) - 1);
	assert_null(strstr(value, "l="));
	assert_null(strchr(value, '\r'));
}

static void test_lines_are_short(void **state)
{
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = as_of(GP_KEY_RSA);
	GP_BUF_AUTO text = GP_BUF_INIT(100000);
	const char *value, *lf;

	(void)state;
	for (int i = 0; i < 300; i++)
		gp_buf_printf(&text, "%s: a@example.org\n", i % 3 ? "To" : "List-Unsubscribe-Post");
	gp_buf_add_cstr(&text, message);
	for (int n = 0; n < 40; n++) {
		as.selector = gp_str_n("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", (size_t)n + 1);
		value = gp_arena_printf(arena, "DKIM-Signature: %s",
					sign(gp_buf_cstr(&text), &o, &as));
		for (; (lf = strchr(value, '\n')); value = lf + 1) {
			assert_int_equal(lf[1], '\t');
			assert_true(lf - value + (value[0] == '\t' ? 7 : 0) < 78);
		}
		assert_true(strlen(value) + 7 < 78);
	}
}

/* A second field of an oversigned name breaks the signature, one of another does not. */
static void test_oversigning(void **state)
{
	struct gp_sign_as as = as_of(GP_KEY_ED25519);
	const char *zone = zone_line("s1", "", keys[GP_KEY_ED25519]);
	const char *text = signed_message(message, &gp_sign_defaults, &as);
	struct gp_auth_result r;

	(void)state;
	r = verify(gp_arena_printf(arena, "From: eve@evil.example\n%s", text), zone, "",
		   &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_FAIL, "signature did not verify");
	r = verify(gp_arena_printf(arena, "Subject: above\n%s", text), zone, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
}

static void test_own_header_list(void **state)
{
	static const struct gp_str headers[] = {
		{"subject", 7}, {"X-None", 6}, {"from", 4}, {"FROM", 4}};
	static const struct gp_str oversign[] = {{"X-None", 6}, {"Reply-To", 8}, {"reply-to", 8}};
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = as_of(GP_KEY_RSA);

	(void)state;
	o.headers = headers;
	o.n_headers = GP_ARRAY_SIZE(headers);
	o.oversign = oversign;
	o.n_oversign = GP_ARRAY_SIZE(oversign);
	assert_non_null(strstr(sign(message, &o, &as), "h=subject:X-None:from:Reply-To;"));
	o.n_headers = 2;
	assert_non_null(strstr(sign(message, &o, &as), "h=From:subject:X-None:Reply-To;"));
}

static void test_length(void **state)
{
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = as_of(GP_KEY_ED25519);
	const char *zone = zone_line("s1", "", keys[GP_KEY_ED25519]);
	struct gp_dkim_options tolerant = gp_dkim_defaults;
	struct gp_auth_result r;
	const char *text;

	(void)state;
	o.has_length = true;
	text = signed_message("From: a@example.org\n\nHello\n", &o, &as);
	assert_non_null(strstr(text, " l=7;"));
	r = verify(text, zone, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	text = gp_arena_printf(arena, "%sSpam\n", text);
	r = verify(text, zone, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_POLICY, "6 bytes of the body are not signed");
	assert_int_equal(r.dkim[0].unsigned_bytes, 6);
	tolerant.unsigned_max = 6;
	r = verify(text, zone, "", &tolerant);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_int_equal(r.dkim[0].unsigned_bytes, 6);
}

static void test_domains_are_folded(void **state)
{
	struct gp_sign_as as = as_of(GP_KEY_RSA);

	(void)state;
	as.domain = GP_STR("B\xc3\xbc"
			   "cher.Example");
	as.selector = GP_STR("S1.Sub");
	assert_non_null(strstr(sign(message, &gp_sign_defaults, &as),
			       "d=xn--bcher-kva.example; s=s1.sub;"));
}

static int try_to_sign(const char *text, const struct gp_sign_as *as, struct gp_diag *diag)
{
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_str value, body;
	struct gp_fields fields;
	struct gp_sign s;

	gp_fields_parse(arena, gp_str(text), &fields, &body);
	gp_sign_begin(&s, arena, &gp_sign_defaults, hasher);
	gp_body_hasher_finish(hasher);
	return gp_sign_finish(&s, &fields, hasher, as, NOW, &value, diag);
}

static void test_refused(void **state)
{
	struct gp_sign_as as = as_of(GP_KEY_RSA);
	GP_BUF_AUTO many = GP_BUF_INIT(1 << 20);
	struct gp_diag diag = {0};

	(void)state;
	assert_int_equal(try_to_sign("To: a@example.org\n\n", &as, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "the message has no From field");
	for (int i = 0; i <= GP_MAX_SIGNED_NAMES; i++)
		gp_buf_add_cstr(&many, "From: a@example.org\n");
	assert_int_equal(try_to_sign(gp_buf_cstr(&many), &as, &diag), GP_ELIMIT);
	as.domain = GP_STR("a; b=x");
	assert_int_equal(try_to_sign(message, &as, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "domain or selector is no name");
}

/* Both algorithms over one hash of the body. */
static void test_two_keys(void **state)
{
	struct gp_sign_as rsa = as_of(GP_KEY_RSA), ed25519 = as_of(GP_KEY_ED25519);
	struct gp_auth_result r;
	const char *zone, *text;

	(void)state;
	ed25519.selector = GP_STR("s2");
	zone = gp_arena_printf(arena, "%s%s", zone_line("s1", "", keys[GP_KEY_RSA]),
			       zone_line("s2", "", keys[GP_KEY_ED25519]));
	text = gp_arena_printf(arena, "DKIM-Signature: %s\nDKIM-Signature: %s\n%s",
			       sign(message, &gp_sign_defaults, &rsa),
			       sign(message, &gp_sign_defaults, &ed25519), message);
	r = verify(text, zone, "example.org", &gp_dkim_defaults);
	assert_int_equal(r.n_dkim, 2);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_str(r.dkim[0].algorithm, "rsa-sha256");
	assert_int_equal(r.dkim[0].key_bits, 1024);
	assert_result(&r.dkim[1], GP_AUTH_PASS, "");
	assert_str(r.dkim[1].algorithm, "ed25519-sha256");
	assert_int_equal(r.dkim[1].header, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines_are_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oversigning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_header_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domains_are_folded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_keys, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
