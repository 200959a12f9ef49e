/*
 * Authentication-Results: the writer's text, the grammar, what is no such field.
 */
#include "tests/unit/test.h"

#include "lib/auth/authres.h"
#include "lib/base/buf.h"
#include "lib/base/limits.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

/* The entries as "method=result [reason] ptype.name=value …", separated by '|'. */
static struct gp_str summary(const struct gp_authres *a)
{
	struct gp_buf out = GP_BUF_INIT(100000);
	struct gp_str text;

	gp_buf_printf(&out, "%.*s:", GP_STR_FMT(a->id));
	for (size_t i = 0; i < a->entries.len; i++) {
		const struct gp_authres_entry *e = &a->entries.items[i];

		gp_buf_printf(&out, "%s%.*s=%.*s", i ? "|" : "", GP_STR_FMT(e->method),
			      GP_STR_FMT(e->result));
		if (e->reason.len)
			gp_buf_printf(&out, " [%.*s]", GP_STR_FMT(e->reason));
		for (size_t k = 0; k < e->properties.len; k++)
			gp_buf_printf(&out, " %.*s.%.*s=%.*s", GP_STR_FMT(e->properties.items[k].ptype),
				      GP_STR_FMT(e->properties.items[k].name),
				      GP_STR_FMT(e->properties.items[k].value));
	}
	text = gp_arena_str(arena, gp_buf_str(&out));
	gp_buf_done(&out);
	return text;
}

static const struct {
	const char *in, *strict, *lenient; /* NULL: refused; lenient NULL: as strict */
} grammar[] = {
	/* RFC 8601, appendix B */
	{" example.org 1; none", "example.org:", NULL},
	{"example.com; spf=pass smtp.mailfrom=example.net", "example.com:spf=pass smtp.mailfrom=example.net", NULL},
	{"example.com;\n auth=pass (cram-md5) smtp.auth=sender@example.net;\n spf=pass smtp.mailfrom=example.net",
	 "example.com:auth=pass smtp.auth=sender@example.net|spf=pass smtp.mailfrom=example.net", NULL},
	{"foo.example.net (foobar) 1 (baz);\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n"
	 " policy (A dot can go here) . (like that) expired\n (this surprised me) = (as I wasn't expecting it) 1362471462",
	 "foo.example.net:dkim=fail policy.expired=1362471462", NULL},
	/* quoting */
	{"\"my\\.host\";spf=pass reason=\"a \\\"b\\\" c\" smtp.mailfrom=\"a b\"@example.org",
	 "my.host:spf=pass [a \"b\" c] smtp.mailfrom=a b@example.org", NULL},
	{"h; dkim=pass header.b=\"a/b=\"header.d=x.org", "h:dkim=pass header.b=a/b= header.d=x.org", NULL},
	{"h; dkim=pass header.i=@x.org header.i=a/b@x.org", "h:dkim=pass header.i=@x.org header.i=a/b@x.org", NULL},
	{"h; x=y a.b=\"fol\r\n\td  ed\"", "h:x=y a.b=fol\td  ed", NULL},
	{"h; x=y\r\n", "h:x=y", NULL},
	{"h\xc3\xa4.example; x=y a.b=\xc3\xa4@\xc3\xa4.org", "h\xc3\xa4.example:x=y a.b=\xc3\xa4@\xc3\xa4.org", NULL},
	/* another version of a method is another method */
	{"h; dkim/2=pass; spf/1=fail", "h:spf=fail", NULL},
	{"h; none (a (b) \\) c)", "h:", NULL},
	/* breaches */
	{"", NULL, NULL},
	{"h", NULL, NULL},
	{";spf=pass", NULL, NULL},
	{"h 2; spf=pass", NULL, NULL},
	{"h x; spf=pass", NULL, NULL},
	{"h;", NULL, "h:"},
	{"h; spf=pass;", NULL, "h:spf=pass"},
	{"h;; spf=pass", NULL, "h:spf=pass"},
	{"h; x=y\n;spf=pass\n", NULL, "h:x=y|spf=pass"},
	{"h; none; spf=pass", NULL, "h:spf=pass"},
	{"h; spf=pass; none", NULL, "h:spf=pass"},
	{"h; spf", NULL, "h:"},
	{"h; spf=", NULL, "h:"},
	{"h; spf=-", NULL, "h:"},
	{"h; spf=pass smtp.mailfrom", NULL, "h:spf=pass"},
	{"h; spf=pass smtp.mailfrom=", NULL, "h:spf=pass"},
	{"h; spf=pass smtp.mailfrom=@", NULL, "h:spf=pass"},
	{"h; spf=pass smtp.mailfrom=a@b..c", NULL, "h:spf=pass"},
	{"h; spf=pass smtp.mailfrom=.a@b", NULL, "h:spf=pass"},
	{"h; spf=pass smtp.mailfrom=a@b reason=late", NULL, "h:spf=pass smtp.mailfrom=a@b"},
	{"h; spf=pass\nsmtp.mailfrom=a", NULL, "h:spf=pass"},
	{"h; spf=pass reason=\"x", NULL, NULL},
	{"h; spf=pass (x", NULL, NULL},
	{"h; spf=pass (x\001)", NULL, NULL},
	{"h; x=y a.b=\"\xff\"", NULL, NULL},
	{"h; x=y a.b=\xff", NULL, "h:x=y"},
	/* as some write it: Microsoft, Gmail of old */
	{"mx.microsoft.com 1; dmarc=pass (p=none pct=100) action=none header.from=x.org; dkim=pass header.b=a/b header.d=x.org",
	 NULL, "mx.microsoft.com:dmarc=pass header.from=x.org|dkim=pass header.d=x.org"},
	{"h; ?; spf=pass \"a;b\" (;) smtp.mailfrom=x", NULL, "h:spf=pass smtp.mailfrom=x"},
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(grammar); i++) {
		struct gp_str in = gp_str(grammar[i].in);
		const char *lenient = grammar[i].lenient ? grammar[i].lenient : grammar[i].strict;
		struct gp_authres a;
		struct gp_diag diag = {0};
		int r = gp_authres_parse(arena, in, &a, &diag);

		if (r != (grammar[i].strict ? GP_OK : GP_EINVAL))
			print_message("%s: %s\n", grammar[i].in, diag.text);
		assert_int_equal(r, grammar[i].strict ? GP_OK : GP_EINVAL);
		if (!r)
			assert_str(summary(&a), grammar[i].strict);
		r = gp_authres_parse_lenient(arena, in, &a, &diag);
		if (r != (lenient ? GP_OK : GP_EINVAL))
			print_message("lenient %s: %s\n", grammar[i].in, diag.text);
		assert_int_equal(r, lenient ? GP_OK : GP_EINVAL);
		if (!r)
			assert_str(summary(&a), lenient);
	}
}

static void test_id(void **state)
{
	static const char *const ours[] = {
		"my.host; none", "\"my\\.host\";none", " (a (b) c) my.host (x) 1; x", "\n\tmy.host\n\t;", "my.host",
		"\"my.\\h\\o\\s\\t\"(c)12(c);", "\" my.host \";x", "my.host;((((", "my.host 1",
		"(\\)) \"my.\r\n host\";",
	};
	static const char *const nobodys[] = {
		"", ";", "()", "my.host spf=pass", "spf=pass smtp.mailfrom=x; dkim=pass", "\"my.host", "(my.host",
		"my.host(x).tld;", "my.host/1;", "my.host\n;", "my.h\001ost;", "\"my.host\\", "my.host\xff;",
		"\"\"; none", "my.host 1 2;", "@my.host;", "my.host1(",
	};
	struct gp_str id;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(ours); i++) {
		assert_int_equal(gp_authres_id(arena, gp_str(ours[i]), &id), GP_OK);
		assert_str(id, i == GP_ARRAY_SIZE(ours) - 1 ? "my. host" : "my.host");
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(nobodys); i++)
		assert_int_equal(gp_authres_id(arena, gp_str(nobodys[i]), &id), GP_EINVAL);
	assert_int_equal(gp_authres_id(arena, GP_STR("my.host\0x; none"), &id), GP_EINVAL);
}

static void fill(struct gp_buf *b, const char *text, size_t n)
{
	while (n--)
		gp_buf_add_cstr(b, text);
}

static void test_bounds(void **state)
{
	struct gp_buf b = GP_BUF_INIT(4 << 20);
	struct gp_authres a;
	struct gp_str id;

	(void)state;
	gp_buf_add_cstr(&b, "h");
	fill(&b, ";x=y", GP_MAX_AUTHRES);
	assert_int_equal(gp_authres_parse(arena, gp_buf_str(&b), &a, NULL), GP_OK);
	assert_int_equal(a.entries.len, GP_MAX_AUTHRES);
	fill(&b, ";x=y", 1);
	assert_int_equal(gp_authres_parse(arena, gp_buf_str(&b), &a, NULL), GP_ELIMIT);
	assert_int_equal(gp_authres_parse_lenient(arena, gp_buf_str(&b), &a, NULL), GP_ELIMIT);

	gp_buf_reset(&b);
	gp_buf_add_cstr(&b, "h; x=y");
	fill(&b, " a.b=c", GP_MAX_AUTHRES + 1);
	assert_int_equal(gp_authres_parse(arena, gp_buf_str(&b), &a, NULL), GP_ELIMIT);

	gp_buf_reset(&b);
	fill(&b, "(", GP_MAX_AUTHRES_COMMENTS + 1);
	fill(&b, ")", GP_MAX_AUTHRES_COMMENTS + 1);
	gp_buf_add_cstr(&b, "h; x=y");
	assert_int_equal(gp_authres_parse(arena, gp_buf_str(&b), &a, NULL), GP_ELIMIT);
	assert_int_equal(gp_authres_id(arena, gp_buf_str(&b), &id), GP_EINVAL);
	assert_int_equal(gp_authres_id(arena, gp_str_sub(gp_buf_str(&b), 1, b.len), &id), GP_EINVAL);

	/* 64 KB of quotes: memory is that of the text */
	gp_buf_reset(&b);
	gp_buf_add_cstr(&b, "h; x=y");
	fill(&b, " a.b=\"\"", 90);
	fill(&b, " a.b=\"0123456789abcdef0123456789abcdef0123456789abcdef\"", 9);
	gp_buf_add_cstr(&b, " a.b=\"");
	fill(&b, "x", 64 << 10);
	gp_buf_add_cstr(&b, "\"");
	assert_int_equal(gp_authres_parse(arena, gp_buf_str(&b), &a, NULL), GP_OK);
	assert_true(gp_arena_size(arena) < 1 << 20);
	gp_buf_done(&b);
}

static struct gp_dkim_result dkim_results[] = {
	{.status = GP_AUTH_PASS, .domain = GP_STR("example.org"), .selector = GP_STR("s1"),
	 .identity = GP_STR("joe@example.org"), .algorithm = GP_STR("rsa-sha256"), .b = GP_STR("ab/cd+=e"),
	 .reason = GP_STR("signature verifies"), .key_bits = 2048},
	{.status = GP_AUTH_FAIL, .domain = GP_STR("example.com"), .selector = GP_STR("s\"2"),
	 .identity = GP_STR("@example.com"), .algorithm = GP_STR("x;y"), .b = GP_STR("zz"),
	 .reason = GP_STR("body hash (sha256)\r\nBcc: x\\ differs"), .key_bits = 1024},
};

static const struct gp_auth_result some = {
	.mailfrom = {.status = GP_AUTH_SOFTFAIL, .domain = GP_STR("example.org"),
		     .sender = GP_STR("joe@example.org"), .reason = GP_STR("matched ~all")},
	.helo = {.status = GP_AUTH_PASS, .is_helo = true, .domain = GP_STR("mx.example.org"),
		 .sender = GP_STR("postmaster@mx.example.org")},
	.dkim = dkim_results,
	.n_dkim = 2,
	.arc = {.status = GP_AUTH_FAIL, .n_sets = 2, .reason = GP_STR("seal of i=1 does not verify")},
	.dmarc = {.status = GP_AUTH_PASS, .from = GP_STR("news.example.org"), .has_record = true,
		  .record_domain = GP_STR("example.org"), .policy = GP_DMARC_QUARANTINE},
};

static void test_write(void **state)
{
	struct gp_authres_options o = {.with_helo = true, .auth_user = GP_STR("joe b"),
				       .remote_ip = GP_STR("2001:db8::1")};
	struct gp_auth_result nothing = {0};

	(void)state;
	assert_str(gp_authres_format(arena, GP_STR("mx.example.net"), &some, &o),
		   "mx.example.net;\n\tauth=pass smtp.auth=\"joe b\""
		   ";\n\tspf=softfail (matched ~all) smtp.mailfrom=joe@example.org"
		   ";\n\tspf=pass smtp.helo=mx.example.org"
		   ";\n\tdkim=pass (2048-bit key) header.d=example.org\n\theader.i=joe@example.org header.s=s1 "
		   "header.a=rsa-sha256\n\theader.b=\"ab/cd+=e\""
		   ";\n\tdkim=fail (1024-bit key; body hash [sha256] Bcc: x/ differs)\n\theader.d=example.com "
		   "header.i=@example.com header.s=\"s\\\"2\"\n\theader.a=\"x;y\" header.b=zz"
		   ";\n\tarc=fail (i=2; seal of i=1 does not verify)\n\tsmtp.remote-ip=\"2001:db8::1\""
		   ";\n\tdmarc=pass header.from=news.example.org policy.dmarc=quarantine\n\tpolrec.domain=example.org");
	o = (struct gp_authres_options){.plain = true};
	assert_str(gp_authres_format(arena, GP_STR("mx \"1\""), &some, &o),
		   "\"mx \\\"1\\\"\";\n\tspf=softfail smtp.mailfrom=joe@example.org"
		   ";\n\tdkim=pass header.d=example.org header.i=joe@example.org header.s=s1\n\theader.a=rsa-sha256 "
		   "header.b=\"ab/cd+=e\""
		   ";\n\tdkim=fail header.d=example.com header.i=@example.com header.s=\"s\\\"2\"\n\theader.a=\"x;y\" "
		   "header.b=zz"
		   ";\n\tarc=fail;\n\tdmarc=pass header.from=news.example.org policy.dmarc=quarantine\n\t"
		   "polrec.domain=example.org");
	assert_str(gp_authres_format(arena, GP_STR("h"), &nothing, &o), "h; none");
	assert_str(gp_authres_format(arena, GP_STR("a@h"), &nothing, &o), "\"a@h\"; none");
	o.with_none = true;
	assert_str(gp_authres_format(arena, GP_STR("h\nx"), &nothing, &o),
		   "localhost;\n\tdkim=none;\n\tarc=none;\n\tdmarc=none");
}

/* What cannot be written is left out; the domain stays where the address cannot. */
static void test_hostile(void **state)
{
	static const char *const senders[] = {"a\r\nBcc: x@example.org", "a\tb@example.org", "\x7f@example.org",
					      "\xc3\xa4@example.org", "\xff@example.org"};
	struct gp_authres_options o = {0};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(senders); i++) {
		struct gp_auth_result r = {.mailfrom = {.status = GP_AUTH_PASS, .sender = gp_str(senders[i]),
							.domain = GP_STR("example.org")}};

		assert_str(gp_authres_format(arena, GP_STR("h"), &r, &o),
			   "h;\n\tspf=pass smtp.mailfrom=example.org");
		r.mailfrom.domain = r.mailfrom.sender;
		assert_str(gp_authres_format(arena, GP_STR("h"), &r, &o), "h;\n\tspf=pass");
	}
	o.utf8 = true;
	assert_str(gp_authres_format(arena, GP_STR("h"),
				     &(struct gp_auth_result){.mailfrom = {.status = GP_AUTH_FAIL,
									   .sender = GP_STR("\xc3\xa4@x.org"),
									   .reason = GP_STR("\xc3\xa4 \x01(")}},
				     &o),
		   "h;\n\tspf=fail (?? ?[) smtp.mailfrom=\"\xc3\xa4@x.org\"");
}

/* The longest names in the most signatures make a field that a filter can add, all the same. */
static void test_longest(void **state)
{
	static struct gp_dkim_result dkim[GP_MAX_AUTHRES];
	static char name[254], identity[400];
	struct gp_auth_result r = {.dkim = dkim, .n_dkim = GP_ARRAY_SIZE(dkim)};
	struct gp_authres_options o = {0};
	struct gp_authres a;
	struct gp_str text;

	(void)state;
	memset(name, 'd', sizeof(name));
	memset(identity, '"', sizeof(identity));
	for (size_t i = 0; i < GP_ARRAY_SIZE(dkim); i++)
		dkim[i] = (struct gp_dkim_result){.status = GP_AUTH_FAIL,
						  .domain = gp_str_n(name, sizeof(name)),
						  .selector = gp_str_n(name, sizeof(name)),
						  .identity = gp_str_n(identity, sizeof(identity)),
						  .reason = gp_str_n(name, sizeof(name)),
						  .b = gp_str_n(identity, sizeof(identity))};
	r.dmarc = (struct gp_dmarc_result){.status = GP_AUTH_PASS, .from = GP_STR("x.example")};
	text = gp_authres_format(arena, GP_STR("h"), &r, &o);
	assert_true(text.len < 64 << 10);
	assert_int_equal(gp_authres_parse(arena, text, &a, NULL), GP_OK);
	assert_true(a.entries.len > 10);
	assert_str(a.entries.items[a.entries.len - 1].method, "dmarc");
}

static void test_round_trip(void **state)
{
	struct gp_authres_options o = {.with_helo = true};
	struct gp_str text = gp_authres_format(arena, GP_STR("h"), &some, &o);
	struct gp_auth_result r;
	struct gp_authres a;

	(void)state;
	assert_int_equal(gp_authres_parse(arena, text, &a, NULL), GP_OK);
	gp_authres_to_result(arena, &a, &r);
	assert_int_equal(r.mailfrom.status, GP_AUTH_SOFTFAIL);
	assert_str(r.mailfrom.sender, "joe@example.org");
	assert_str(r.mailfrom.domain, "example.org");
	assert_int_equal(r.helo.status, GP_AUTH_PASS);
	assert_true(r.helo.is_helo);
	assert_str(r.helo.domain, "mx.example.org");
	assert_int_equal(r.n_dkim, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r.dkim[i].status, some.dkim[i].status);
		assert_true(gp_str_eq(r.dkim[i].domain, some.dkim[i].domain));
		assert_true(gp_str_eq(r.dkim[i].identity, some.dkim[i].identity));
		assert_true(gp_str_eq(r.dkim[i].selector, some.dkim[i].selector));
		assert_true(gp_str_eq(r.dkim[i].algorithm, some.dkim[i].algorithm));
		assert_true(gp_str_eq(r.dkim[i].b, some.dkim[i].b));
	}
	assert_int_equal(r.arc.status, GP_AUTH_FAIL);
	assert_int_equal(r.dmarc.status, GP_AUTH_PASS);
	assert_str(r.dmarc.from, "news.example.org");
	assert_str(r.dmarc.record_domain, "example.org");
	assert_true(r.dmarc.has_record);
	assert_int_equal(r.dmarc.policy, GP_DMARC_QUARANTINE);
}

/* Of a method that may have one result the first counts; words that are none are passed over. */
static void test_first_counts(void **state)
{
	struct gp_auth_result r;
	struct gp_authres a;

	(void)state;
	assert_int_equal(gp_authres_parse(arena,
					  GP_STR("h; spf=great; spf=fail smtp.mailfrom=a@X.org; spf=pass; dmarc=fail "
						 "header.from=x.org; dmarc=pass; dkim=none; arc=none; arc=pass"),
					  &a, NULL),
			 GP_OK);
	gp_authres_to_result(arena, &a, &r);
	assert_int_equal(r.mailfrom.status, GP_AUTH_FAIL);
	assert_str(r.mailfrom.domain, "x.org");
	assert_int_equal(r.helo.status, GP_AUTH_NONE);
	assert_int_equal(r.dmarc.status, GP_AUTH_FAIL);
	assert_false(r.dmarc.has_record);
	assert_int_equal(r.n_dkim, 0);
	assert_int_equal(r.arc.status, GP_AUTH_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grammar, setup, teardown),
		cmocka_unit_test_setup_teardown(test_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
