/*
 * The Received-SPF field: its grammar, and that no stranger writes into it.
 */
#include "tests/unit/auth/spf_fixture.h"

static struct gp_str received(struct fixture *f)
{
	return gp_spf_received(f->arena, &f->r, &f->q);
}

static void fields(void **state)
{
	struct fixture f;

	fixture_open(&f, "example.org TXT v=spf1 a:%{h} -all\n"
			 "mail.example.org A 192.0.2.1\n"
			 "bad.example TXT v=spf1 moo\n"
			 "mail.example.org TXT v=spf1 ?all\n");
	fixture_check(&f, "a@example.org");
	assert_str(received(&f), "pass (mx.example.net: matched \"a:%{h}\")\n"
				 "\treceiver=mx.example.net;\n"
				 "\tidentity=mailfrom;\n"
				 "\tmechanism=\"a:%{h}\";\n"
				 "\tclient-ip=192.0.2.1;\n"
				 "\thelo=mail.example.org;\n"
				 "\tenvelope-from=\"a@example.org\"");
	fixture_check(&f, "a@bad.example");
	assert_str(received(&f),
		   "permerror (mx.example.net: record of bad.example: \"moo\" is no mechanism)\n"
		   "\treceiver=mx.example.net;\n"
		   "\tidentity=mailfrom;\n"
		   "\tproblem=\"record of bad.example: \\\"moo\\\" is no mechanism\";\n"
		   "\tclient-ip=192.0.2.1;\n"
		   "\thelo=mail.example.org;\n"
		   "\tenvelope-from=\"a@bad.example\"");
	f.q.client = spf_ip("2001:db8::1");
	f.q.mailfrom = GP_STR("");
	f.q.receiver = GP_STR("");
	gp_spf_check_helo(&f.asker, &f.q, &f.r);
	assert_str(received(&f), "neutral (matched \"?all\")\n"
				 "\tidentity=helo;\n"
				 "\tmechanism=?all;\n"
				 "\tclient-ip=\"2001:db8::1\";\n"
				 "\thelo=mail.example.org");
	fixture_close(&f);
}

/* Quotes, parentheses, line ends, other bytes and length. */
static void strangers(void **state)
{
	char local[2000];
	struct fixture f;
	struct gp_str text;
	size_t line = 0;

	fixture_open(&f, "example.org TXT \"v=spf1 a:x)(;y\\\"\\\\.example -all\"\n");
	f.q.helo = GP_STR("h\"; identity=helo\r\nX-Forged: yes\xff\0");
	assert_int_equal(fixture_check(&f, "\"a)(\\\" b\"@example.org"), GP_AUTH_FAIL);
	assert_str(received(&f), "fail (mx.example.net: matched \"-all\")\n"
				 "\treceiver=mx.example.net;\n"
				 "\tidentity=mailfrom;\n"
				 "\tmechanism=-all;\n"
				 "\tclient-ip=192.0.2.1;\n"
				 "\thelo=\"h\\\"; identity=helo??X-Forged: yes??\";\n"
				 "\tenvelope-from=\"\\\"a)(\\\\\\\" b\\\"@example.org\"");
	f.r.reason = GP_STR("a)(\\\n");
	text = received(&f);
	assert_true(gp_str_starts(text, GP_STR("fail (mx.example.net: a\\)\\(\\\\?)\n")));
	memset(local, '"', sizeof(local));
	f.q.mailfrom = f.q.helo = f.q.receiver = f.r.reason = f.r.mechanism =
		gp_str_n(local, sizeof(local));
	text = received(&f);
	for (size_t i = 0; i < text.len; i++, line++) {
		if (text.ptr[i] == '\n')
			line = 0;
		assert_true(line < 998);
	}
	assert_true(gp_str_iends(text, GP_STR("\\\"\"")));
	memset(local, 'a', sizeof(local));
	text = received(&f);
	assert_true(text.len < 6 * 400 && gp_str_iends(text, GP_STR("a\"")));
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
