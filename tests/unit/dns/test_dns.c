/*
 * The resolver's front, and with it the scripted resolver that other tests use.
 */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

static const char ZONE[] = "# comment\n"
			   "a.example      A     192.0.2.1\n"
			   "a.example      A     192.0.2.2\n"
			   "a.example      AAAA  2001:db8::1\n"
			   "a.example      MX    10 Mail.Example\n"
			   "a.example      MX    20 b.example\n"
			   "t.example      TXT   v=spf1  -all\n"
			   "q.example      TXT   \"v=spf1 \\\"\\\\\\255\" \"\" \" -all \"\n"
			   "a\\032b.example TXT  odd\n"
			   "odd.example    MX    0 a\\032b.example\n"
			   "null.example   MX    0 .\n"
			   "1.2.0.192.in-addr.arpa PTR host.example\n"
			   "alias.example  CNAME other.example\n"
			   "other.example  CNAME a.example\n"
			   "loop.example   CNAME loop.example\n"
			   "s.example      *     !servfail\n"
			   "gone.example   A     192.0.2.9\n"
			   "gone.example   *     !nxdomain\n"
			   "bogus.example  A     192.0.2.9\n"
			   "bogus.example  *     !bogus\n"
			   "safe.example   A     192.0.2.9\n"
			   "safe.example   A     !secure\n"
			   "slow.example   A     192.0.2.3\n"
			   "slow.example   A     !delay 30\n"
			   "hung.example   *     !timeout\n"
			   "twice.example  A     192.0.2.4\n"
			   "twice.example  A     !fail 2\n";

struct world {
	struct gp_loop *loop;
	struct gp_resolver *r;
	struct gp_arena *arena;
	struct gp_dns_answer a;
};

static int setup(void **state)
{
	static struct world w;
	int r = gp_loop_open(&w.loop, NULL);

	w.r = gp_fake_dns_open(ZONE, w.loop);
	w.arena = gp_arena_new(0);
	*state = &w;
	return r;
}

static int teardown(void **state)
{
	struct world *w = *state;

	gp_resolver_close(&w->r);
	gp_resolver_close(&w->r);
	gp_loop_close(&w->loop);
	gp_arena_free(w->arena);
	return 0;
}

static int get(struct world *w, const char *name, enum gp_dns_type type, int64_t ms)
{
	return gp_dns_get(w->r, gp_str(name), type, gp_clock_mono_ms() + ms, w->arena, &w->a);
}

/* The record's strings, each with a "|" behind it. */
static void assert_strings(const struct gp_dns_record *record, const char *expected)
{
	GP_BUF_AUTO all = GP_BUF_INIT(100);
	struct gp_str s;

	for (size_t at = 0; gp_dns_record_string(record, &at, &s);)
		gp_buf_printf(&all, "%.*s|", GP_STR_FMT(s));
	assert_string_equal(gp_buf_cstr(&all), expected);
}

static void records(void **state)
{
	struct world *w = *state;
	char text[GP_IP_TEXT];

	assert_int_equal(get(w, "A.Example.", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_string_equal(gp_ip_format(&w->a.records[1].ip, text), "192.0.2.2");
	assert_int_equal(w->a.rcode, GP_DNS_NOERROR);
	assert_int_equal(w->a.security, GP_DNS_INSECURE);
	assert_int_equal(w->a.ttl_s, 300);
	assert_str(w->a.name, "a.example");

	assert_int_equal(get(w, "a.example", GP_DNS_AAAA, 1000), GP_OK);
	assert_string_equal(gp_ip_format(&w->a.records[0].ip, text), "2001:db8::1");

	assert_int_equal(get(w, "a.example", GP_DNS_MX, 1000), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_int_equal(w->a.records[1].preference, 20);
	assert_str(w->a.records[0].text, "mail.example");

	assert_int_equal(get(w, "null.example", GP_DNS_MX, 1000), GP_OK);
	assert_int_equal(w->a.n_records, 1);
	assert_str(w->a.records[0].text, "");

	assert_int_equal(get(w, "t.example", GP_DNS_TXT, 1000), GP_OK);
	assert_str(w->a.records[0].text, "v=spf1  -all");
	assert_strings(&w->a.records[0], "v=spf1  -all|");

	assert_int_equal(get(w, "q.example", GP_DNS_TXT, 1000), GP_OK);
	assert_str(w->a.records[0].text, "v=spf1 \"\\\xff -all ");
	assert_strings(&w->a.records[0], "v=spf1 \"\\\xff|| -all |");
	assert_int_equal(get(w, "A\\032B.example", GP_DNS_TXT, 1000), GP_OK);
	assert_str(w->a.records[0].text, "odd");
	assert_int_equal(get(w, "odd.example", GP_DNS_MX, 1000), GP_OK);
	assert_str(w->a.records[0].text, "a\\032b.example");

	assert_int_equal(get(w, "1.2.0.192.in-addr.arpa", GP_DNS_PTR, 1000), GP_OK);
	assert_str(w->a.records[0].text, "host.example");
}

static void no_records(void **state)
{
	struct world *w = *state;

	assert_int_equal(get(w, "none.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.rcode, GP_DNS_NXDOMAIN);
	assert_int_equal(w->a.n_records, 0);
	assert_int_equal(get(w, "t.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.rcode, GP_DNS_NOERROR);
	assert_int_equal(w->a.n_records, 0);
	assert_int_equal(get(w, "gone.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.rcode, GP_DNS_NXDOMAIN);
	assert_int_equal(w->a.n_records, 0);
}

static void aliases(void **state)
{
	struct world *w = *state;

	assert_int_equal(get(w, "alias.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_str(w->a.name, "a.example");
	assert_int_equal(get(w, "alias.example", GP_DNS_CNAME, 1000), GP_OK);
	assert_str(w->a.records[0].text, "other.example");
	assert_int_equal(get(w, "loop.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.n_records, 0);
}

static void security(void **state)
{
	struct world *w = *state;

	assert_int_equal(get(w, "safe.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.security, GP_DNS_SECURE);
	assert_int_equal(w->a.n_records, 1);
	assert_int_equal(get(w, "bogus.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(w->a.security, GP_DNS_BOGUS);
	assert_int_equal(w->a.n_records, 0);
}

static void failures(void **state)
{
	struct world *w = *state;
	struct gp_dns_answer untouched = {.ttl_s = 7};

	w->a = untouched;
	assert_int_equal(get(w, "s.example", GP_DNS_TXT, 1000), GP_ETEMP);
	assert_int_equal(get(w, "hung.example", GP_DNS_TXT, 20), GP_ETEMP);
	assert_int_equal(get(w, "not a name", GP_DNS_TXT, 1000), GP_EINVAL);
	assert_int_equal(w->a.ttl_s, 7);
	assert_int_equal(get(w, "twice.example", GP_DNS_A, 1000), GP_ETEMP);
	assert_int_equal(get(w, "twice.example", GP_DNS_A, 1000), GP_ETEMP);
	assert_int_equal(get(w, "twice.example", GP_DNS_A, 1000), GP_OK);
	assert_int_equal(gp_fake_dns_asked(w->r, "twice.example"), 3);
	assert_int_equal(gp_fake_dns_asked(w->r, "nobody.example"), 0);
}

/* All at once, one deadline: what is late is late, the others are there. */
static void a_batch(void **state)
{
	struct world *w = *state;
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 2000);
	struct gp_dns_question *slow = gp_dns_begin(w->r, batch, GP_STR("slow.example"), GP_DNS_A);
	struct gp_dns_question *hung = gp_dns_begin(w->r, batch, GP_STR("hung.example"), GP_DNS_A);
	struct gp_dns_question *now = gp_dns_begin(w->r, batch, GP_STR("a.example"), GP_DNS_A);

	assert_true(gp_job_is_done(&now->job));
	assert_false(gp_job_is_done(&hung->job));
	assert_int_equal(gp_batch_wait(batch), GP_ETEMP);
	assert_int_equal(gp_dns_finish(now, w->arena, &w->a), GP_OK);
	assert_int_equal(gp_dns_finish(slow, w->arena, &w->a), GP_OK);
	assert_int_equal(w->a.n_records, 1);
	assert_int_equal(gp_dns_finish(hung, w->arena, &w->a), GP_ETEMP);
	gp_batch_free(&batch);
}

/* Left before the answer: it finds nobody, and nothing leaks (LeakSanitizer). */
static void an_abandoned_batch(void **state)
{
	struct world *w = *state;
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 1000);

	gp_dns_begin(w->r, batch, GP_STR("slow.example"), GP_DNS_A);
	gp_dns_begin(w->r, batch, GP_STR("hung.example"), GP_DNS_A);
	gp_dns_begin(w->r, batch, GP_STR("a.example"), GP_DNS_A);
	gp_batch_free(&batch);
	assert_null(batch);
}

static void wire_data(void **state)
{
	struct gp_dns_question q = {.type = GP_DNS_TXT, .arena = gp_arena_new(0)};

	assert_int_equal(gp_dns_answer_add(&q, "\3one\0\4 two", 10), GP_OK);
	assert_str(q.answer.records[0].text, "one two");
	assert_int_equal(gp_dns_answer_add(&q, "\3on", 3), GP_EINVAL);
	q.type = GP_DNS_A;
	assert_int_equal(gp_dns_answer_add(&q, "\1\2\3", 3), GP_EINVAL);
	q.type = GP_DNS_MX;
	assert_int_equal(gp_dns_answer_add(&q, "\0\1", 2), GP_EINVAL);
	assert_int_equal(gp_dns_answer_add(&q, "\0\1\1a\0x", 6), GP_EINVAL);
	q.type = GP_DNS_PTR;
	assert_int_equal(q.answer.n_records, 1);
	while (q.answer.n_records < GP_DNS_RECORDS_MAX)
		assert_int_equal(gp_dns_answer_add(&q, "\1a", 3), GP_OK);
	assert_int_equal(gp_dns_answer_add(&q, "\1a", 3), GP_ELIMIT);
	gp_arena_free(q.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(no_records),
		cmocka_unit_test(aliases),
		cmocka_unit_test(security),
		cmocka_unit_test(failures),
		cmocka_unit_test(a_batch),
		cmocka_unit_test(an_abandoned_batch),
		cmocka_unit_test(wire_data),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
