/*
 * Signatures verified: the examples of RFC 6376 and RFC 8463, what breaks a signature, what a key
 * record may say, and what a stranger may try.
 */
#include "tests/unit/auth/dkim_fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/limits.h"

/* RFC 8463, appendix A. */
#define EXAMPLE_SIGNATURES                                              \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n"   \
	" d=football.example.com; i=@football.example.com;\n"           \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n"         \
	" subject : date : message-id : from : subject : date;\n"       \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"           \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\n" \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\n"                           \
	"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n"       \
	" d=football.example.com; i=@football.example.com;\n"           \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n"   \
	" date : message-id : from : subject : date;\n"                 \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"           \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\n" \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\n" \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\n"
#define EXAMPLE_MESSAGE                                                  \
	"From: Joe SixPack <joe@football.example.com>\n"                 \
	"To: Suzie Q <suzie@shopping.example.net>\n"                     \
	"Subject: Is dinner ready?\n"                                    \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"                  \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\n" \
	"\nHi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n"
static const char example_zone[] =
	"brisbane._domainkey.football.example.com TXT v=DKIM1; k=ed25519; "
	"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
	"test._domainkey.football.example.com TXT v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADC"
	"BiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4"
	"w3QIDAQAB\n";

static void test_rfc8463(void **state)
{
	struct gp_auth_result r = verify(EXAMPLE_SIGNATURES EXAMPLE_MESSAGE, example_zone,
					 "football.example.com", &gp_dkim_defaults);

	(void)state;
	assert_int_equal(r.n_dkim, 2);
	assert_int_equal(r.n_dkim_seen, 2);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_result(&r.dkim[1], GP_AUTH_PASS, "");
	assert_str(r.dkim[0].algorithm, "ed25519-sha256");
	assert_str(r.dkim[0].b, "/gCrinpc");
	assert_int_equal(r.dkim[0].key_bits, 256);
	assert_int_equal(r.dkim[1].key_bits, 1024);
	assert_int_equal(r.dkim[1].signed_s, 1528637909);
	assert_int_equal(r.dkim[1].expires_s, -1);
	assert_str(r.dkim[1].identity, "@football.example.com");
	assert_true(r.dkim[1].is_author);
	assert_str(gp_str_sub(r.dkim[0].record, 0, 20), "v=DKIM1; k=ed25519; ");
}

/* Appendix A.2 with the key of appendix C, and one space between the sentences, as in what
 * was signed. */
static void test_rfc6376(void **state)
{
	static const char message[] =
		"DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\n"
		"      c=simple/simple; q=dns/txt; i=joe@football.example.com;\n"
		"      h=Received : From : To : Subject : Date : Message-ID;\n"
		"      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
		"      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\n"
		"        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\n"
		"        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\n"
		"        4bmp/YzhwvcubU4=;\n"
		"Received: from client1.football.example.com  [192.0.2.1]\n"
		"      by submitserver.example.com with SUBMISSION;\n"
		"      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\n"
		"From: Joe SixPack <joe@football.example.com>\n"
		"To: Suzie Q <suzie@shopping.example.net>\n"
		"Subject: Is dinner ready?\n"
		"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
		"Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
		"\nHi.\n\nWe lost the game. Are you hungry yet?\n\nJoe.\n";
	static const char zone[] = "brisbane._domainkey.example.com TXT v=DKIM1; "
				   "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ"
				   "DwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/"
				   "zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7"
				   "od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/"
				   "NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYck"
				   "cQ2QIDAQAB\n";
	struct gp_auth_result r = verify(message, zone, "football.example.com", &gp_dkim_defaults);

	(void)state;
	assert_int_equal(r.n_dkim, 1);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_str(r.dkim[0].identity, "joe@football.example.com");
	assert_true(r.dkim[0].is_author);
}

static void test_relaxed_tolerates(void **state)
{
	struct gp_auth_result r =
		verify("X-Above: x\n" EXAMPLE_SIGNATURES "Received: x\n"
		       "fRom:\n\tJoe   SixPack\t<joe@football.example.com>  \n"
		       "To: Suzie Q <suzie@shopping.example.net>\r\n"
		       "Subject: Is dinner\r\n ready?\n"
		       "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
		       "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
		       "\nHi. \r\n \nWe lost\tthe game. Are you hungry yet?\n\nJoe.\t\n\n\t\n",
		       example_zone, "", &gp_dkim_defaults);

	(void)state;
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_result(&r.dkim[1], GP_AUTH_PASS, "");
	assert_false(r.dkim[0].is_author);
}

static void test_changes_are_noticed(void **state)
{
	struct gp_auth_result r;

	(void)state;
	r = verify(EXAMPLE_SIGNATURES EXAMPLE_MESSAGE "PS\n", example_zone, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_FAIL, "body hash did not verify");
	assert_result(&r.dkim[1], GP_AUTH_FAIL, "body hash did not verify");
	/* Oversigned above, hidden below. */
	r = verify(EXAMPLE_SIGNATURES "Subject: another\n" EXAMPLE_MESSAGE, example_zone, "",
		   &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_FAIL, "signature did not verify");
	assert_result(&r.dkim[1], GP_AUTH_FAIL, "signature did not verify");
	/* Not oversigned: the lowest counts. */
	r = verify(EXAMPLE_SIGNATURES "To: another\n" EXAMPLE_MESSAGE, example_zone, "",
		   &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
}

/* Signature fields that are wrong before anything is asked or hashed. */
static void test_malformed_signatures(void **state)
{
#define BH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; "
	static const struct {
		const char *value;
		enum gp_auth_status status;
		const char *reason;
	} cases[] = {
		{"", GP_AUTH_PERMERROR, "malformed tag"},
		{"v=1; ;", GP_AUTH_PERMERROR, "malformed tag"},
		{"v=1; v=1", GP_AUTH_PERMERROR, "duplicate tag \"v\""},
		{"v=1; a=rsa-sha256", GP_AUTH_PERMERROR, "b= is missing"},
		{"v=1; b=QUFB", GP_AUTH_PERMERROR, "a= is missing"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from", GP_AUTH_PERMERROR,
		 "bh= is missing"},
		{"v=1; a=rsa-sha256; b=QUFB; d=; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "d= is no domain name"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a..example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "d= is no domain name"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a b; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "d= is no domain name"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x/y; h=from; " BH, GP_AUTH_PERMERROR,
		 "s= is no domain name"},
		{"v=1; a=rsa-sha1; b=QUFB; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "rsa-sha1 is not accepted (RFC 8301)"},
		{"v=1; a=dsa-sha256; b=QUFB; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "unknown algorithm"},
		{"v=1; a=rsa-sha256; b=; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "b= is empty"},
		{"v=1; a=rsa-sha256; b=QU!B; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "b= is not base64"},
		{"v=1; a=rsa-sha256; b=QUFB; bh=?; d=a.example; s=x; h=from", GP_AUTH_PERMERROR,
		 "bh= is not base64"},
		{"v=1; a=rsa-sha256; b=QUFB; bh=QUFB; d=a.example; s=x; h=from", GP_AUTH_PERMERROR,
		 "bh= is no SHA-256 digest"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=; " BH, GP_AUTH_PERMERROR,
		 "h= is empty"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=to:subject; " BH,
		 GP_AUTH_PERMERROR, "From is not signed"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; c=nowsp; " BH,
		 GP_AUTH_PERMERROR, "unknown canonicalisation"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; q=http; " BH,
		 GP_AUTH_PERMERROR, "unknown query method"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; l=-1; " BH,
		 GP_AUTH_PERMERROR, "l= is no number"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; l=99999999999999999999; " BH,
		 GP_AUTH_PERMERROR, "l= is no number"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; t=x; " BH, GP_AUTH_PERMERROR,
		 "t= is no number"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; t=100; x=100; " BH,
		 GP_AUTH_PERMERROR, "x= is not after t="},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; i=a.example; " BH,
		 GP_AUTH_PERMERROR, "i= is no address"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; i=@b.example; " BH,
		 GP_AUTH_PERMERROR, "i= is not within d="},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; i=@ba.example; " BH,
		 GP_AUTH_PERMERROR, "i= is not within d="},
		{"v=2; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "unknown version"},
		{"a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; " BH, GP_AUTH_PERMERROR,
		 "v= is missing"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; t=1900000000; " BH,
		 GP_AUTH_FAIL, "signature is from the future"},
		{"v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; x=1700000000; " BH,
		 GP_AUTH_FAIL, "signature has expired"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		const char *text = gp_arena_printf(arena, "DKIM-Signature: %s\n" EXAMPLE_MESSAGE,
						   cases[i].value);
		struct gp_auth_result r = verify(text, "x TXT x\n", "", &gp_dkim_defaults);

		assert_int_equal(r.n_dkim, 1);
		assert_result(&r.dkim[0], cases[i].status, cases[i].reason);
		assert_int_equal(r.n_lookups, 0);
	}
}

/* Clocks differ a little. */
static void test_clock_skew(void **state)
{
	static const struct {
		const char *times, *reason;
	} cases[] = {
		{"t=1800000300;", "key not found"},
		{"t=1800000301;", "signature is from the future"},
		{"x=1799999700;", "key not found"},
		{"x=1799999699;", "signature has expired"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		const char *text = gp_arena_printf(
			arena,
			"DKIM-Signature: v=1; a=rsa-sha256; b=QUFB; d=a.example; s=x; h=from; " BH
			"%s\n" EXAMPLE_MESSAGE,
			cases[i].times);
		struct gp_auth_result r = verify(text, "x TXT x\n", "", &gp_dkim_defaults);
		char reason[100];

		gp_str_copy(reason, sizeof(reason), r.dkim[0].reason);
		assert_string_equal(reason, cases[i].reason);
	}
}

/* Signed by keys[type] as s1 of example.org. */
static const char *example(enum gp_key_type type, const char *identity)
{
	struct gp_sign_as as = {.domain = GP_STR("example.org"),
				.selector = GP_STR("s1"),
				.identity = gp_str(identity),
				.key = keys[type]};

	return signed_message(EXAMPLE_MESSAGE, &gp_sign_defaults, &as);
}

/* Key records, each instead of the right one. */
static void test_key_records(void **state)
{
	static const struct {
		const char *record; /* $ is the key of the signature in base64 */
		enum gp_auth_status status;
		const char *reason;
	} cases[] = {
		{"v=DKIM1; k=rsa; p=$", GP_AUTH_PASS, ""},
		{"p=$", GP_AUTH_PASS, ""},
		{"p=$; k=RSA", GP_AUTH_PASS, ""},
		{"v=DKIM1;k=rsa;t=y:s;s=email;h=sha1:sha256;n=a note;x=y;p=$;", GP_AUTH_PASS, ""},
		{"s=tls : email; p=$", GP_AUTH_PASS, ""},
		{"s=*; p=$", GP_AUTH_PASS, ""},
		{"g=*; p=$", GP_AUTH_PASS, ""},
		{"v=DKIM2; p=$", GP_AUTH_PERMERROR, "key record is of another version"},
		{"k=rsa; v=DKIM1; p=$", GP_AUTH_PERMERROR, "key record is of another version"},
		{"v=DKIM1; p=", GP_AUTH_PERMERROR, "key is revoked"},
		{"v=DKIM1;", GP_AUTH_PERMERROR, "key record has no p="},
		{"v=DKIM1; p=$; p=$", GP_AUTH_PERMERROR, "key record: duplicate tag \"p\""},
		{"some text", GP_AUTH_PERMERROR, "key record: malformed tag"},
		{"\"\"", GP_AUTH_PERMERROR, "key record: no tags"},
		{"v=DKIM1; p=!", GP_AUTH_PERMERROR, "key record: p= is not base64"},
		{"v=DKIM1; p=QUFB", GP_AUTH_PERMERROR, "key record: p= is no rsa key"},
		{"v=DKIM1; k=ed25519; p=$", GP_AUTH_PERMERROR, "key record: p= is no ed25519 key"},
		{"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		 GP_AUTH_PERMERROR, "key is for ed25519"},
		{"v=DKIM1; k=dsa; p=$", GP_AUTH_PERMERROR, "key record: unknown k="},
		{"v=DKIM1; h=sha1; p=$", GP_AUTH_PERMERROR, "key does not allow sha256"},
		{"v=DKIM1; s=tlsrpt; p=$", GP_AUTH_PERMERROR, "key is not for mail"},
		{"!servfail", GP_AUTH_TEMPERROR, "key could not be looked up"},
		{"!timeout", GP_AUTH_TEMPERROR, "key could not be looked up"},
		{"!nxdomain", GP_AUTH_PERMERROR, "key not found"},
		{"!bogus", GP_AUTH_TEMPERROR, "key: DNSSEC validation failed"},
	};
	const char *text = example(GP_KEY_RSA, "");
	const char *base64 = strstr(record_of(keys[GP_KEY_RSA]), "p=") + 2;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO zone = GP_BUF_INIT(10000);
		struct gp_auth_result r;

		gp_buf_add_cstr(&zone, "s1._domainkey.example.org TXT ");
		for (const char *p = cases[i].record; *p; p++)
			gp_buf_add_str(&zone, *p == '$' ? gp_str(base64) : gp_str_n(p, 1));
		r = verify(text, gp_buf_cstr(&zone), "", &gp_dkim_defaults);
		assert_result(&r.dkim[0], cases[i].status, cases[i].reason);
		assert_int_equal(r.n_lookups, 1);
	}
}

static void test_flags(void **state)
{
	const char *strict = zone_line("s1", "t=s; ", keys[GP_KEY_ED25519]);
	const char *testing = zone_line("s1", "t=y; ", keys[GP_KEY_ED25519]);
	struct gp_auth_result r;

	(void)state;
	r = verify(example(GP_KEY_ED25519, "joe@example.org"), strict, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_str(r.dkim[0].identity, "joe@example.org");
	r = verify(example(GP_KEY_ED25519, "joe@Sub.Example.org"), strict, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key does not allow i= below d=");
	assert_str(r.dkim[0].identity, "joe@sub.example.org");
	r = verify(example(GP_KEY_ED25519, "joe@sub.example.org"), testing, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_true(r.dkim[0].is_testing);
}

static void test_key_sizes(void **state)
{
	/* 768 bits, made for this test; the private half is gone. */
	static const char small[] =
		"s1._domainkey.example.org TXT "
		"p=MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhALfJYLHavB9ZnaM93wewMImKI0QA"
		"TBUU4jIZHHM0x6BNcS8jkg5CXxHS6rm3nQ3NGtfpIYv/"
		"xiFYu87dH7r2jBU8NVjS76R7yttbg5qMnRSKXuDDb95H622+zMLEvFZnrQIDAQAB\n";
	struct gp_dkim_options strict = gp_dkim_defaults;
	const char *text = example(GP_KEY_RSA, "");
	struct gp_auth_result r;

	(void)state;
	r = verify(text, small, "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key too short (768 bits)");
	assert_int_equal(r.dkim[0].key_bits, 768);
	strict.rsa_bits_min = 2048;
	r = verify(text, zone_line("s1", "", keys[GP_KEY_RSA]), "", &strict);
	assert_result(&r.dkim[0], GP_AUTH_POLICY, "key too short (1024 bits)");
	strict.rsa_bits_min = 512; /* is not obeyed */
	r = verify(text, small, "", &strict);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key too short (768 bits)");
}

/* Several records: the first that serves. */
static void test_several_records(void **state)
{
	const char *text = example(GP_KEY_RSA, "");
	const char *good = zone_line("s1", "", keys[GP_KEY_RSA]);
	GP_BUF_AUTO zone = GP_BUF_INIT(10000);
	struct gp_auth_result r;

	(void)state;
	r = verify(text,
		   gp_arena_printf(arena, "s1._domainkey.example.org TXT some-verification=1\n%s%s",
				   zone_line("s1", "", keys[GP_KEY_ED25519]), good),
		   "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
	assert_str(gp_str_sub(r.dkim[0].record, 0, 5), "k=rsa");
	/* None serves: the first says why. */
	r = verify(text,
		   gp_arena_printf(arena, "s1._domainkey.example.org TXT p=\n%s",
				   zone_line("s1", "", keys[GP_KEY_ED25519])),
		   "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key is revoked");
	assert_str(r.dkim[0].record, "p=");
	for (int i = 0; i < GP_MAX_KEY_RECORDS; i++)
		gp_buf_printf(&zone, "s1._domainkey.example.org TXT junk %d\n", i);
	gp_buf_add_cstr(&zone, good);
	r = verify(text, gp_buf_cstr(&zone), "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key record: malformed tag");
}

static void test_key_behind_cname(void **state)
{
	const char *zone = gp_arena_printf(arena,
					   "s1._domainkey.example.org CNAME k.provider.example\n"
					   "k.provider.example TXT %s\n",
					   record_of(keys[GP_KEY_RSA]));
	struct gp_auth_result r = verify(example(GP_KEY_RSA, ""), zone, "", &gp_dkim_defaults);

	(void)state;
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
}

/* RFC 8616: U-labels in the field, A-labels in the DNS. */
static void test_u_labels(void **state)
{
	const char *text = "DKIM-Signature: v=1; a=rsa-sha256; b=QUFB; d=b\xc3\xbc"
			   "cher.example;"
			   " s=s\xc3\xa9l; i=j\xc3\xb6"
			   "e@sub.B\xc3\x9c"
			   "CHER.example; h=from; " BH "\n" EXAMPLE_MESSAGE;
	struct gp_auth_result r =
		verify(text, "x TXT x\n", "sub.xn--bcher-kva.example", &gp_dkim_defaults);

	(void)state;
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "key not found");
	assert_str(r.dkim[0].domain, "xn--bcher-kva.example");
	assert_str(r.dkim[0].selector, "xn--sl-bja");
	assert_str(r.dkim[0].identity, "j\xc3\xb6"
				       "e@sub.xn--bcher-kva.example");
	assert_true(r.dkim[0].is_author);
	assert_str(r.lookups[0].name, "xn--sl-bja._domainkey.xn--bcher-kva.example");
}

static void test_length_beyond_the_body(void **state)
{
	const char *text = "DKIM-Signature: v=1; a=rsa-sha256; b=QUFB; d=example.org; s=s1; h=from;"
			   " l=1000; " BH "\n" EXAMPLE_MESSAGE;
	struct gp_auth_result r =
		verify(text, zone_line("s1", "", keys[GP_KEY_RSA]), "", &gp_dkim_defaults);

	(void)state;
	assert_result(&r.dkim[0], GP_AUTH_FAIL, "the body is shorter than l= says");
}

/* Many signatures: those of the author's domain are found, few keys are asked for. */
static void test_thousand_signatures(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_auth_result r;

	(void)state;
	for (int i = 0; i < 1000; i++)
		gp_buf_printf(&text,
			      "DKIM-Signature: v=1; a=rsa-sha256; b=QUFB; d=%s%d.example; s=s%d;"
			      " h=from; %s\n",
			      i == 150 || i == 160 ? "sub.author" : "d", i, i % 2, BH);
	gp_buf_add_cstr(&text, EXAMPLE_MESSAGE);
	r = verify(gp_buf_cstr(&text), "x TXT x\n", "author160.example", &gp_dkim_defaults);
	assert_int_equal(r.n_dkim_seen, 1000);
	assert_int_equal(r.n_dkim, 10);
	assert_int_equal(r.n_lookups, 10);
	assert_str(r.dkim[0].domain, "sub.author160.example");
	assert_int_equal(r.dkim[0].header, 160);
	assert_str(r.dkim[1].domain, "d0.example");
	assert_str(r.dkim[9].domain, "d8.example");
}

static void test_keys_are_asked_for_once(void **state)
{
	const char *value = strchr(example(GP_KEY_RSA, ""), ':') + 1;
	const char *one = gp_arena_printf(arena, "DKIM-Signature:%.*s",
					  (int)(strstr(value, "From: ") - value), value);
	const char *text = gp_arena_printf(arena, "%s%s%s" EXAMPLE_MESSAGE, one, one, one);
	struct gp_auth_result r =
		verify(text, zone_line("s1", "", keys[GP_KEY_RSA]), "", &gp_dkim_defaults);

	(void)state;
	assert_int_equal(r.n_dkim, 3);
	for (size_t i = 0; i < 3; i++)
		assert_result(&r.dkim[i], GP_AUTH_PASS, "");
	assert_int_equal(r.n_lookups, 1);
}

/* Signatures whose b= begins alike are told apart (RFC 6008). */
static void test_b_is_unique(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_auth_result r;

	(void)state;
	for (int i = 0; i < 3; i++)
		gp_buf_printf(&text,
			      "DKIM-Signature: v=1; a=rsa-sha256; b=QUFBQUFB\n QUF%c; "
			      "d=example.org; s=s1;"
			      " h=from; %s\n",
			      "BCB"[i], BH);
	gp_buf_add_cstr(&text, EXAMPLE_MESSAGE);
	r = verify(gp_buf_cstr(&text), "x TXT x\n", "", &gp_dkim_defaults);
	assert_str(r.dkim[0].b, "QUFBQUFBQUFB");
	assert_str(r.dkim[1].b, "QUFBQUFBQUFC");
	assert_str(r.dkim[2].b, "QUFBQUFBQUFB");
}

static void test_large_tags_and_headers(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4 << 20);
	struct gp_auth_result r;

	(void)state;
	gp_buf_add_cstr(&text,
			"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; " BH "h=from; b=");
	for (int i = 0; i < 65536; i++)
		gp_buf_add_chr(&text, 'A');
	gp_buf_add_cstr(&text,
			"\nDKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; b=QUFB; " BH
			"h=from");
	for (int i = 0; i < 10000; i++)
		gp_buf_add_cstr(&text, ":a");
	gp_buf_add_cstr(&text, "\n" EXAMPLE_MESSAGE);
	r = verify(gp_buf_cstr(&text), zone_line("s1", "", keys[GP_KEY_RSA]), "",
		   &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_FAIL, "body hash did not verify");
	assert_result(&r.dkim[1], GP_AUTH_PERMERROR, "h= is too long");

	gp_buf_reset(&text);
	gp_buf_add_cstr(&text, "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; b=QUFB; " BH
			       "h=from\nX: ");
	for (int i = 0; i < GP_MAX_AUTH_HEADER; i++)
		gp_buf_add_chr(&text, 'x');
	gp_buf_add_cstr(&text, "\n" EXAMPLE_MESSAGE);
	r = verify(gp_buf_cstr(&text), zone_line("s1", "", keys[GP_KEY_RSA]), "",
		   &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PERMERROR, "the message's header is too large");
}

static void test_no_signature(void **state)
{
	struct gp_auth_result r = verify(EXAMPLE_MESSAGE, "x TXT x\n", "", &gp_dkim_defaults);

	(void)state;
	assert_int_equal(r.n_dkim, 0);
	assert_int_equal(r.n_dkim_seen, 0);
}

/* A signature that names its own field signs only others. */
static void test_signature_never_signs_itself(void **state)
{
	static const struct gp_str headers[] = {{"from", 4}, {"dkim-signature", 14}};
	struct gp_sign_options o = gp_sign_defaults;
	struct gp_sign_as as = {.domain = GP_STR("example.org"),
				.selector = GP_STR("s1"),
				.key = keys[GP_KEY_ED25519]};
	struct gp_auth_result r;

	(void)state;
	o.headers = headers;
	o.n_headers = 2;
	o.oversign = headers + 1;
	o.n_oversign = 1;
	r = verify(signed_message(EXAMPLE_MESSAGE, &o, &as),
		   zone_line("s1", "", keys[GP_KEY_ED25519]), "", &gp_dkim_defaults);
	assert_result(&r.dkim[0], GP_AUTH_PASS, "");
}

/* The cache of keys: the same key again, bounded, whatever is thrown at it. */
static void test_cache(void **state)
{
	struct gp_dkim_keys *cache = gp_dkim_keys_new(8);
	struct gp_str text = gp_str(record_of(keys[GP_KEY_ED25519]));
	struct gp_dkim_record a, b;

	(void)state;
	assert_int_equal(gp_dkim_record_parse(arena, cache, text, &a, NULL), GP_OK);
	assert_int_equal(gp_dkim_record_parse(arena, cache, text, &b, NULL), GP_OK);
	assert_ptr_equal(a.key, b.key);
	gp_dkim_record_done(&b);
	for (int i = 0; i < 100; i++) {
		struct gp_str other = gp_str(gp_arena_printf(arena, "%s; n=%d", text.ptr, i));

		assert_int_equal(gp_dkim_record_parse(arena, cache, other, &b, NULL), GP_OK);
		gp_dkim_record_done(&b);
	}
	assert_int_equal(gp_dkim_record_parse(arena, cache, GP_STR("p="), &b, NULL), GP_OK);
	assert_true(b.is_revoked);
	assert_null(b.key);
	assert_int_equal(gp_dkim_record_parse(arena, cache, text, &b, NULL), GP_OK);
	assert_ptr_not_equal(a.key, b.key);
	assert_true(gp_key_same_public(a.key, b.key));
	gp_dkim_record_done(&a);
	gp_dkim_record_done(&b);
	gp_dkim_keys_free(&cache);
	gp_dkim_keys_free(&cache);
}

static struct gp_dkim_keys *shared;

/* Records of one key in many spellings, from a cache too small for them; NULL if all were
 * right. */
static void *use_cache(void *text)
{
	struct gp_arena *mine = gp_arena_new(0);
	size_t wrong = 0;

	for (int i = 0; i < 300; i++) {
		struct gp_str record =
			gp_str(gp_arena_printf(mine, "%s; n=%d", (char *)text, i % 12));
		struct gp_dkim_record r = {0};

		wrong += gp_dkim_record_parse(mine, shared, record, &r, NULL) != GP_OK ||
			 !gp_key_same_public(r.key, keys[GP_KEY_ED25519]);
		gp_dkim_record_done(&r);
	}
	gp_arena_free(mine);
	return wrong ? text : NULL;
}

static void test_cache_of_threads(void **state)
{
	char *text = gp_arena_strdup(arena, record_of(keys[GP_KEY_ED25519]));
	pthread_t threads[4];
	void *failed;

	(void)state;
	shared = gp_dkim_keys_new(8);
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_cache, text), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	gp_dkim_keys_free(&shared);
}

static void test_oversized_record(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_dkim_record r;
	struct gp_diag diag = {0};

	(void)state;
	gp_buf_add_cstr(&text, "p=");
	for (int i = 0; i < 65000; i++)
		gp_buf_add_chr(&text, 'A');
	assert_int_equal(gp_dkim_record_parse(arena, NULL, gp_buf_str(&text), &r, &diag),
			 GP_EINVAL);
	assert_string_equal(diag.text, "key record is larger than any key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rfc8463, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rfc6376, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relaxed_tolerates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes_are_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_skew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_behind_cname, setup, teardown),
		cmocka_unit_test_setup_teardown(test_u_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length_beyond_the_body, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thousand_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_are_asked_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_b_is_unique, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_tags_and_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_signature, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signature_never_signs_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cache_of_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oversized_record, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
