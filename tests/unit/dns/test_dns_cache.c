/*
 * The cache in front of a resolver: what is kept, for how long, in how much memory.
 */
#include "tests/unit/test.h"

#include <pthread.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/metric.h"
#include "lib/dns/dns_cache.h"
#include "tests/fakes/fake_dns.h"

static const char ZONE[] = "a.example      A     192.0.2.1\n"
			   "a.example      A     192.0.2.2\n"
			   "a.example      MX    10 mail.example\n"
			   "a.example      *     !ttl 60\n"
			   "t.example      TXT   v=spf1 -all\n"
			   "two.example    TXT   \"a\" \"bc\"\n"
			   "w.example      CNAME t.example\n"
			   "zero.example   A     192.0.2.3\n"
			   "zero.example   *     !ttl 0\n"
			   "long.example   A     192.0.2.3\n"
			   "long.example   *     !ttl 604800\n"
			   "gone.example   *     !nxdomain\n"
			   "gone.example   *     !ttl 86400\n"
			   "bogus.example  A     192.0.2.9\n"
			   "bogus.example  *     !bogus\n"
			   "s.example      *     !servfail\n"
			   "r.example      *     !refused\n"
			   "once.example   A     192.0.2.4\n"
			   "once.example   *     !fail 1\n"
			   "slow.example   A     192.0.2.5\n"
			   "slow.example   *     !delay 50\n";

#define NOW_MS 1000000

struct world {
	struct gp_loop *loop;
	struct gp_resolver *fake, *r;
	struct gp_arena *arena;
	struct gp_dns_answer a;
};

static void open_world(struct world *w, size_t size)
{
	assert_int_equal(gp_loop_open(&w->loop, NULL), GP_OK);
	w->fake = gp_fake_dns_open(ZONE, w->loop);
	w->r = gp_dns_cache_new(w->fake, size);
	w->arena = gp_arena_new(0);
}

static void close_world(struct world *w)
{
	gp_resolver_close(&w->r);
	gp_loop_close(&w->loop);
	gp_arena_free(w->arena);
}

static int setup(void **state)
{
	static struct world w;

	open_world(&w, 1 << 20);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	gp_clock_set(0, -1);
	close_world(*state);
	return 0;
}

static int get(struct world *w, const char *name, enum gp_dns_type type)
{
	return gp_dns_get(w->r, gp_str(name), type, gp_clock_mono_ms() + 1000, w->arena, &w->a);
}

static int64_t counter(const char *name)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	char line[80];
	long long n = -1;
	size_t at;

	gp_metric_format(&text);
	snprintf(line, sizeof(line), "\n%s ", name);
	at = gp_str_find(gp_buf_str(&text), gp_str(line), 0);
	assert_true(at < text.len);
	assert_int_equal(sscanf(text.data + at + strlen(line), "%lld", &n), 1);
	return n;
}

static void the_second_answer_is_ours(void **state)
{
	struct world *w = *state;
	int64_t hits = counter("gatepost_dns_cache_hits_total");
	int64_t misses = counter("gatepost_dns_cache_misses_total");
	char text[GP_IP_TEXT];

	for (int i = 0; i < 5; i++) {
		assert_int_equal(get(w, i % 2 ? "A.example." : "a.example", GP_DNS_A), GP_OK);
		assert_int_equal(w->a.n_records, 2);
		assert_string_equal(gp_ip_format(&w->a.records[1].ip, text), "192.0.2.2");
		assert_str(w->a.name, "a.example");
	}
	assert_int_equal(gp_fake_dns_asked(w->fake, "a.example"), 1);
	assert_int_equal(counter("gatepost_dns_cache_hits_total"), hits + 4);
	assert_int_equal(counter("gatepost_dns_cache_misses_total"), misses + 1);
}

static void types_are_apart(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(w, "a.example", GP_DNS_A), GP_OK);
		assert_int_equal(w->a.n_records, 2);
		assert_int_equal(get(w, "a.example", GP_DNS_MX), GP_OK);
		assert_str(w->a.records[0].text, "mail.example");
		assert_int_equal(w->a.records[0].preference, 10);
		assert_int_equal(get(w, "a.example", GP_DNS_TXT), GP_OK);
		assert_int_equal(w->a.n_records, 0);
		assert_int_equal(w->a.rcode, GP_DNS_NOERROR);
	}
	assert_int_equal(gp_fake_dns_asked(w->fake, "a.example"), 3);
}

static void an_alias_keeps_its_end(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(get(w, "w.example", GP_DNS_TXT), GP_OK);
		assert_str(w->a.name, "t.example");
		assert_str(w->a.records[0].text, "v=spf1 -all");
	}
	assert_int_equal(gp_fake_dns_asked(w->fake, "w.example"), 1);
}

static void strings_stay_apart(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		struct gp_str s;
		size_t at = 0;

		assert_int_equal(get(w, "two.example", GP_DNS_TXT), GP_OK);
		assert_str(w->a.records[0].text, "abc");
		assert_true(gp_dns_record_string(&w->a.records[0], &at, &s));
		assert_str(s, "a");
		assert_true(gp_dns_record_string(&w->a.records[0], &at, &s));
		assert_str(s, "bc");
		assert_false(gp_dns_record_string(&w->a.records[0], &at, &s));
	}
	assert_int_equal(gp_fake_dns_asked(w->fake, "two.example"), 1);
}

static void answers_grow_old(void **state)
{
	static const struct {
		const char *name;
		int64_t kept_s;
		int rcode;
	} CASES[] = {
		{"a.example", 60, GP_DNS_NOERROR},	{"zero.example", 0, GP_DNS_NOERROR},
		{"long.example", 3600, GP_DNS_NOERROR}, {"gone.example", 300, GP_DNS_NXDOMAIN},
		{"bogus.example", 60, GP_DNS_SERVFAIL},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		const char *name = CASES[i].name;
		int64_t kept_ms = CASES[i].kept_s * 1000;

		gp_clock_set(NOW_MS, 0);
		assert_int_equal(get(w, name, GP_DNS_A), GP_OK);
		assert_int_equal(w->a.rcode, CASES[i].rcode);
		gp_clock_set(NOW_MS + GP_MAX(kept_ms - 1, 0), 0);
		assert_int_equal(get(w, name, GP_DNS_A), GP_OK);
		assert_int_equal(w->a.rcode, CASES[i].rcode);
		assert_int_equal(gp_fake_dns_asked(w->fake, name), kept_ms ? 1 : 2);
		if (kept_ms)
			assert_int_equal(w->a.ttl_s, 1); /* what is left, rounded up */
		gp_clock_set(NOW_MS + kept_ms, 0);
		assert_int_equal(get(w, name, GP_DNS_A), GP_OK);
		assert_int_equal(w->a.rcode, CASES[i].rcode);
		assert_int_equal(gp_fake_dns_asked(w->fake, name), kept_ms ? 2 : 3);
	}
	assert_int_equal(get(w, "bogus.example", GP_DNS_A), GP_OK);
	assert_int_equal(w->a.security, GP_DNS_BOGUS);
}

static void failures_are_hardly_kept(void **state)
{
	struct world *w = *state;

	gp_clock_set(NOW_MS, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(get(w, "s.example", GP_DNS_A), GP_ETEMP);
	assert_int_equal(gp_fake_dns_asked(w->fake, "s.example"), 1);
	gp_clock_set(NOW_MS + 1000, 0);
	assert_int_equal(get(w, "s.example", GP_DNS_A), GP_ETEMP);
	assert_int_equal(gp_fake_dns_asked(w->fake, "s.example"), 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(get(w, "r.example", GP_DNS_A), GP_ETEMP);
	assert_int_equal(gp_fake_dns_asked(w->fake, "r.example"), 3);
	assert_int_equal(get(w, "once.example", GP_DNS_A), GP_ETEMP);
	assert_int_equal(get(w, "once.example", GP_DNS_A), GP_OK);
	assert_int_equal(get(w, "once.example", GP_DNS_A), GP_OK);
	assert_int_equal(gp_fake_dns_asked(w->fake, "once.example"), 2);
	assert_int_equal(get(w, "no name", GP_DNS_A), GP_EINVAL);
}

/* The asker is gone when the answer comes; the next one has it. */
static void a_late_answer_is_kept(void **state)
{
	struct world *w = *state;
	int64_t begin = gp_clock_mono_ms();
	struct gp_batch *batch = gp_batch_new(begin);

	gp_dns_begin(w->r, batch, GP_STR("slow.example"), GP_DNS_A);
	gp_batch_free(&batch);
	do
		assert_int_equal(get(w, "slow.example", GP_DNS_A), GP_OK);
	while (gp_clock_mono_ms() < begin + 200);
	assert_in_range(gp_fake_dns_asked(w->fake, "slow.example"), 1, 2);
}

static void memory_is_bounded(void **state)
{
	static const size_t SIZES[] = {1 << 10, 16 << 10, 64 << 10, 1 << 20};
	char name[40];

	for (size_t i = 0; i < GP_ARRAY_SIZE(SIZES); i++) {
		struct world w = {0};
		int64_t evictions;

		open_world(&w, SIZES[i]);
		evictions = counter("gatepost_dns_cache_evictions_total");
		for (int n = 0; n < 20000; n++) {
			snprintf(name, sizeof(name), "host-%d.example", n);
			assert_int_equal(get(&w, name, GP_DNS_A), GP_OK);
			gp_arena_reset(w.arena);
			if (n % 1000 == 0)
				assert_in_range(counter("gatepost_dns_cache_bytes"), 0, SIZES[i]);
			/* what is used stays, if there is room for more than one */
			if (i)
				assert_int_equal(get(&w, "a.example", GP_DNS_A), GP_OK);
		}
		assert_true(counter("gatepost_dns_cache_evictions_total") > evictions || !i);
		if (i)
			assert_int_equal(gp_fake_dns_asked(w.fake, "a.example"), 1);
		close_world(&w);
		assert_int_equal(counter("gatepost_dns_cache_bytes"), 0);
	}
}

static void *ask_many(void *arg)
{
	struct gp_resolver *r = arg;
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_dns_answer a;
	char name[40];
	uintptr_t wrong = 0;

	for (int n = 0; n < 4000; n++) {
		snprintf(name, sizeof(name), "host-%d.example", n % 300);
		wrong += gp_dns_get(r, gp_str(name), GP_DNS_A, gp_clock_mono_ms() + 60000, arena,
				    &a) != GP_OK ||
			 a.rcode != GP_DNS_NXDOMAIN;
		wrong += gp_dns_get(r, GP_STR("a.example"), GP_DNS_A, gp_clock_mono_ms() + 60000,
				    arena, &a) != GP_OK ||
			 a.n_records != 2;
		gp_arena_reset(arena);
	}
	gp_arena_free(arena);
	return (void *)wrong;
}

/* A small cache, so that threads also drop what others read. */
static void many_threads(void **state)
{
	struct world w = {0};
	pthread_t threads[4];
	void *wrong;

	open_world(&w, 32 << 10);
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_many, w.r), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	close_world(&w);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_second_answer_is_ours),
		CASE(types_are_apart),
		CASE(an_alias_keeps_its_end),
		CASE(strings_stay_apart),
		CASE(answers_grow_old),
		CASE(failures_are_hardly_kept),
		CASE(a_late_answer_is_kept),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
