/*
 * SPF under hostile records: every limit of RFC 7208, 4.6.4, and that neither questions
 * nor memory grow with what a stranger publishes.
 */
#include "tests/unit/auth/spf_fixture.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"

#define QUESTIONS_MAX (1 + 10 * 11 + 11 + 1) /* the record, 10 MX with 10 names, a PTR, exp= */
#define MEMORY_MAX (1 << 20)

/* N times the same words behind a beginning. */
static char *repeated(struct gp_arena *a, const char *begin, const char *words, int n)
{
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	char *copy;

	gp_buf_add_cstr(&text, begin);
	for (int i = 0; i < n; i++)
		gp_buf_add_cstr(&text, words);
	copy = gp_arena_cstr(a, gp_buf_str(&text));
	gp_buf_done(&text);
	return copy;
}

static void check_bounds(struct fixture *f, size_t memory_before)
{
	assert_true(f->asker.seen.len <= QUESTIONS_MAX);
	assert_true(f->r.reason.len < 300);
	assert_true(gp_arena_size(f->arena) - memory_before < MEMORY_MAX);
}

static void terms_that_ask(void **state)
{
	static const struct {
		const char *record, *more;
		enum gp_auth_status status;
		unsigned n_lookups, asked;
	} CASES[] = {
		{"v=spf1 a a a a a a a a a a ip4:192.0.2.1 -all", "example.org A 192.0.2.9\n",
		 GP_AUTH_PASS, 10, 11},
		{"v=spf1 a a a a a a a a a a a ip4:192.0.2.1 -all", "example.org A 192.0.2.9\n",
		 GP_AUTH_PERMERROR, 11, 11},
		/* syntax is looked at first, matches before the limit count */
		{"v=spf1 ip4:192.0.2.1 a a a a a a a a a a a", "", GP_AUTH_PASS, 0, 1},
		/* exp= and unknown modifiers are not counted, redirect= is */
		{"v=spf1 a a a a a a a a a a x=%{d} exp=e.example -all",
		 "example.org A 192.0.2.9\ne.example TXT no\n", GP_AUTH_FAIL, 10, 12},
		{"v=spf1 a a a a a a a a a redirect=r.example",
		 "example.org A 192.0.2.9\nr.example TXT v=spf1 ?all\n", GP_AUTH_NEUTRAL, 10, 11},
		{"v=spf1 a a a a a a a a a a redirect=r.example",
		 "example.org A 192.0.2.9\nr.example TXT v=spf1 ?all\n", GP_AUTH_PERMERROR, 11, 11},
		{"v=spf1 include:i.example a -all",
		 "i.example TXT v=spf1 a a a a a a a a a\ni.example A 192.0.2.9\n"
		 "example.org A 192.0.2.1\n",
		 GP_AUTH_PERMERROR, 11, 11},
		{"v=spf1 include:example.org -all", "", GP_AUTH_PERMERROR, 11, 11},
		{"v=spf1 redirect=example.org", "", GP_AUTH_PERMERROR, 11, 11},
		{"v=spf1 include:i.example", "i.example TXT v=spf1 include:example.org\n",
		 GP_AUTH_PERMERROR, 11, 11},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct fixture f;

		assert_int_equal(fixture_record(&f, CASES[i].record, CASES[i].more),
				 CASES[i].status);
		assert_int_equal(f.r.n_lookups, CASES[i].n_lookups);
		assert_int_equal(f.asker.seen.len, CASES[i].asked);
		assert_int_equal(GP_MAX_AUTH_LOOKUPS - f.asker.left, CASES[i].asked);
		if (CASES[i].status == GP_AUTH_PERMERROR)
			assert_true(
				gp_str_iends(f.r.reason, GP_STR("more than 10 terms ask the DNS")));
		fixture_close(&f);
	}
}

static void void_lookups(void **state)
{
	static const struct {
		const char *record;
		enum gp_auth_status status;
	} CASES[] = {
		{"v=spf1 a:x.example mx:y.example ~all", GP_AUTH_SOFTFAIL},
		{"v=spf1 a:x.example mx:y.example exists:z.example ~all", GP_AUTH_PERMERROR},
		{"v=spf1 a:x.example a:txt.example mx:txt.example ~all", GP_AUTH_PERMERROR},
		{"v=spf1 ptr a:x.example a:x.example ~all", GP_AUTH_PERMERROR},
		{"v=spf1 ptr ptr ptr ~all", GP_AUTH_SOFTFAIL}, /* asked once */
		{"v=spf1 a:x.example a:y.example exp=z.example -all", GP_AUTH_FAIL},
		/* names that cannot be asked for, and the addresses of an MX */
		{"v=spf1 a:x..example a:y..example a:z..example ~all", GP_AUTH_SOFTFAIL},
		{"v=spf1 mx:mx.example a:x.example ~all", GP_AUTH_SOFTFAIL},
		{"v=spf1 include:i.example a:z.example ~all", GP_AUTH_PERMERROR},
	};
	struct fixture f;

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		assert_int_equal(fixture_record(&f, CASES[i].record,
						"txt.example TXT here\n"
						"i.example TXT v=spf1 a:x.example a:y.example\n"
						"mx.example MX 1 a.mx.example\n"
						"mx.example MX 2 b.mx.example\n"
						"mx.example MX 3 c.mx.example\n"),
				 CASES[i].status);
		fixture_close(&f);
	}
	/* what DNSSEC took away is no void answer */
	fixture_record(&f, "v=spf1 ptr a:x.example a:x.example ~all",
		       "1.2.0.192.in-addr.arpa * !bogus\n");
	assert_int_equal(f.r.status, GP_AUTH_SOFTFAIL);
	fixture_close(&f);
}

/* Eleven exchanges: by preference, ten are asked for. */
static void exchanges(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_buf zone = GP_BUF_INIT(1 << 16);
	struct fixture f;

	gp_buf_add_cstr(&zone, "m.example TXT v=spf1 mx ip4:192.0.2.0/24\n");
	for (int i = 11; i > 0; i--)
		gp_buf_printf(&zone, "m.example MX %d mx%d.example\nmx%d.example A 192.0.2.%d\n", i,
			      i, i, i);
	fixture_open(&f, gp_buf_cstr(&zone));
	f.q.client = spf_ip("192.0.2.10");
	assert_int_equal(fixture_check(&f, "a@m.example"), GP_AUTH_PASS);
	assert_str(f.r.mechanism, "mx");
	f.q.client = spf_ip("192.0.2.11");
	assert_int_equal(fixture_check(&f, "a@m.example"), GP_AUTH_PERMERROR);
	assert_str(f.r.reason, "m.example has more than 10 MX records");
	assert_int_equal(gp_fake_dns_asked(f.resolver, "mx11.example"), 0);
	assert_int_equal(gp_fake_dns_asked(f.resolver, "mx10.example"), 2);
	fixture_close(&f);
	fixture_record(&f, "v=spf1 mx ~all", "example.org MX 0 .\n");
	assert_int_equal(f.asker.seen.len, 2); /* a null MX has no address */
	fixture_close(&f);
	gp_buf_done(&zone);
	gp_arena_free(a);
}

/* Eleven names: the eleventh does not count, and that is no error. */
static void client_names(void **state)
{
	struct gp_buf zone = GP_BUF_INIT(1 << 16);
	struct fixture f;

	gp_buf_add_cstr(&zone,
			"p.example TXT v=spf1 ptr exists:%{p}.x.example ptr:q.example ?all\n");
	for (int i = 1; i <= 11; i++)
		gp_buf_printf(&zone, "1.2.0.192.in-addr.arpa PTR n%d.p.example\n", i);
	gp_buf_add_cstr(&zone, "n11.p.example A 192.0.2.1\n");
	fixture_open(&f, gp_buf_cstr(&zone));
	assert_int_equal(fixture_check(&f, "a@p.example"), GP_AUTH_NEUTRAL);
	assert_int_equal(gp_fake_dns_asked(f.resolver, "n10.p.example"), 1);
	assert_int_equal(gp_fake_dns_asked(f.resolver, "n11.p.example"), 0);
	assert_int_equal(gp_fake_dns_asked(f.resolver, "1.2.0.192.in-addr.arpa"), 1);
	assert_int_equal(gp_fake_dns_asked(f.resolver, "unknown.x.example"), 1);
	fixture_close(&f);
	gp_buf_done(&zone);
}

static void most_questions(void **state)
{
	struct gp_buf zone = GP_BUF_INIT(1 << 16);
	struct fixture f;

	gp_buf_add_cstr(&zone, "q.example TXT v=spf1 ");
	for (int i = 0; i < 10; i++)
		gp_buf_printf(&zone, "mx:m%d.example ", i);
	gp_buf_add_cstr(&zone, "-all exp=%{p}.example\nunknown.example TXT no\n");
	for (int i = 0; i < 10; i++) {
		gp_buf_printf(&zone, "1.2.0.192.in-addr.arpa PTR n%d.example\n", i);
		for (int k = 0; k < 10; k++)
			gp_buf_printf(&zone, "m%d.example MX %d x%d.m%d.example\n", i, k, k, i);
	}
	fixture_open(&f, gp_buf_cstr(&zone));
	assert_int_equal(fixture_check(&f, "a@q.example"), GP_AUTH_FAIL);
	assert_str(f.r.explanation, "no");
	assert_int_equal(f.asker.seen.len, 1 + 10 * 11 + 11 + 1);
	assert_true(2 * QUESTIONS_MAX <= GP_MAX_AUTH_LOOKUPS); /* HELO and MAIL FROM */
	fixture_close(&f);
	gp_buf_done(&zone);
}

static void huge_records(void **state)
{
	static const struct {
		const char *begin, *words;
		int n;
		enum gp_auth_status status;
	} CASES[] = {
		{"v=spf1", " ip4:198.51.100.1", 3600, GP_AUTH_NEUTRAL},
		{"v=spf1", " a", 31000, GP_AUTH_PERMERROR},
		{"v=spf1", " x=y", 16000, GP_AUTH_NEUTRAL},
		{"v=spf1", "          ", 6000, GP_AUTH_NEUTRAL},
		{"v=spf1 +all ", "moomoomoo", 7000, GP_AUTH_PERMERROR},
		{"v=spf1 a:", "label.", 2000, GP_AUTH_NEUTRAL},
		{"v=spf1 a:", "label.", 10000, GP_AUTH_PERMERROR},
		{"v=spf1 a:%{l", ".-+,/_=", 9000, GP_AUTH_PERMERROR},
		{"v=spf1 a:%{l", "9", 60000, GP_AUTH_PERMERROR},
		/* macro bombs */
		{"v=spf1 +a:", "%{s}", 16000, GP_AUTH_PERMERROR},
		{"v=spf1 +a:", "%{S}", 16000, GP_AUTH_PERMERROR},
		{"v=spf1 +a:", "%{s1r-}", 9000, GP_AUTH_PERMERROR},
		{"v=spf1 +exists:", "%{p}", 16000, GP_AUTH_PERMERROR},
		{"v=spf1 +include:", "%{ir}", 12000, GP_AUTH_PERMERROR},
		{"v=spf1 redirect=", "%{h}", 16000, GP_AUTH_PERMERROR},
	};
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		char *record = repeated(a, CASES[i].begin, CASES[i].words, CASES[i].n);
		size_t before;
		struct fixture f;

		/* the last term of a bomb must be valid; that of the label case is not */
		if (strcmp(CASES[i].words, "label.") == 0)
			record = repeated(a, record, "example", 1);
		fixture_open(&f, gp_arena_printf(a, "example.org TXT %s\n", record));
		before = gp_arena_size(f.arena) + 3 * strlen(record); /* the answer itself */
		assert_int_equal(fixture_check(&f, "a@example.org"), CASES[i].status);
		check_bounds(&f, GP_MIN(before, gp_arena_size(f.arena)));
		fixture_close(&f);
	}
	gp_arena_free(a);
}

/* An explanation that expands without end is none. */
static void huge_explanations(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct fixture f;

	fixture_open(&f, gp_arena_printf(a, "example.org TXT v=spf1 -all exp=e.example\n%s\n",
					 repeated(a, "e.example TXT ", "%{s}%{p}%{c}", 5000)));
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_FAIL);
	assert_int_equal(f.r.explanation.len, 0);
	check_bounds(&f, 0);
	fixture_close(&f);
	gp_arena_free(a);
}

/* Ten includes that each expand all they may. */
static void bombs_in_a_row(void **state)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_buf zone = GP_BUF_INIT(2 << 20);
	char *bomb = repeated(a, "", "%{l1r}", 10000);
	struct fixture f;

	gp_buf_add_cstr(&zone, "example.org TXT v=spf1 include:i0.example\n");
	for (int i = 0; i < 10; i++)
		gp_buf_printf(&zone, "i%d.example TXT v=spf1 x=%s include:i%d.example\n", i, bomb,
			      i + 1);
	fixture_open(&f, gp_buf_cstr(&zone));
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_PERMERROR);
	assert_int_equal(f.asker.seen.len, 11);
	fixture_close(&f);
	gp_buf_done(&zone);
	gp_arena_free(a);
}

static void a_spent_budget(void **state)
{
	struct fixture f;

	fixture_open(&f, "example.org TXT v=spf1 a +all\n");
	f.asker.left = 1;
	assert_int_equal(fixture_check(&f, "a@example.org"), GP_AUTH_PERMERROR);
	assert_str(f.r.reason, "too many DNS questions or records");
	fixture_close(&f);
}

/* Nothing answers: one wait, then everything else is late at once. */
static void one_deadline(void **state)
{
	int64_t begin = gp_clock_mono_ms();
	struct fixture f;

	fixture_record(&f, "v=spf1 ptr exists:%{p}.x.example -all exp=e.example",
		       "1.2.0.192.in-addr.arpa * !timeout\nunknown.x.example * !timeout\n"
		       "e.example * !timeout\n");
	assert_int_equal(f.r.status, GP_AUTH_TEMPERROR);
	assert_true(gp_clock_mono_ms() - begin < 20 * SPF_TIMEOUT_MS);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_that_ask),    cmocka_unit_test(void_lookups),
		cmocka_unit_test(exchanges),	     cmocka_unit_test(client_names),
		cmocka_unit_test(most_questions),    cmocka_unit_test(huge_records),
		cmocka_unit_test(huge_explanations), cmocka_unit_test(bombs_in_a_row),
		cmocka_unit_test(a_spent_budget),    cmocka_unit_test(one_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
