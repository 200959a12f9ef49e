/*
 * For tests of SPF: one check against a zone of its own.
 */
#ifndef GP_TEST_SPF_FIXTURE_H
#define GP_TEST_SPF_FIXTURE_H

#include "tests/unit/test.h"

#include "lib/auth/spf.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

#define SPF_TIMEOUT_MS 100

struct fixture {
	struct gp_arena *arena;
	struct gp_resolver *resolver;
	struct gp_batch *batch;
	struct gp_asker asker;
	struct gp_spf_query q;
	struct gp_spf_result r;
};

static inline struct gp_ip spf_ip(const char *text)
{
	struct gp_ip ip = {0};

	if (text[0])
		assert_int_equal(gp_ip_parse(gp_str(text), &ip), GP_OK);
	return ip;
}

static inline void fixture_open(struct fixture *f, const char *zone)
{
	*f = (struct fixture){.arena = gp_arena_new(0),
			      .resolver = gp_fake_dns_open(zone, NULL),
			      .batch = gp_batch_new(gp_clock_mono_ms() + SPF_TIMEOUT_MS)};
	gp_asker_init(&f->asker, f->resolver, f->batch, f->arena);
	f->q = (struct gp_spf_query){.client = spf_ip("192.0.2.1"),
				     .helo = GP_STR("mail.example.org"),
				     .receiver = GP_STR("mx.example.net"),
				     .now_s = 1700000000};
}

static inline void fixture_close(struct fixture *f)
{
	gp_batch_free(&f->batch);
	gp_resolver_close(&f->resolver);
	gp_arena_free(f->arena);
}

static inline enum gp_auth_status fixture_check(struct fixture *f, const char *mailfrom)
{
	f->q.mailfrom = gp_str(mailfrom);
	gp_spf_check_mailfrom(&f->asker, &f->q, &f->r);
	return f->r.status;
}

/* The status of a@example.org from 192.0.2.1, whose record is `record`. */
static inline enum gp_auth_status fixture_record(struct fixture *f, const char *record,
						 const char *more)
{
	struct gp_arena *a = gp_arena_new(0);

	fixture_open(f, gp_arena_printf(a, "example.org TXT %s\n%s", record, more));
	gp_arena_free(a);
	return fixture_check(f, "a@example.org");
}

#endif
