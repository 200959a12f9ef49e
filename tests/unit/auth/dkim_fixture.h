/*
 * What tests of DKIM share: zones that publish keys, a message signed or verified in
 * one call.
 */
#ifndef GP_TEST_DKIM_FIXTURE_H
#define GP_TEST_DKIM_FIXTURE_H

#include "lib/auth/dkim.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"
#include "tests/unit/auth/key_fixture.h"

/* A zone line: SELECTOR._domainkey.example.org with that record behind `before`. */
static const char *zone_line(const char *selector, const char *before, const struct gp_key *key)
{
	return gp_arena_printf(arena, "%s._domainkey.example.org TXT %s%s\n", selector, before,
			       record_of(key));
}

/* The message verified, in pieces of 100 bytes. */
static struct gp_auth_result verify(const char *message, const char *zone, const char *from_domain,
				    const struct gp_dkim_options *options)
{
	struct gp_resolver *resolver = gp_fake_dns_open(zone, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 50);
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_auth_result result = {0};
	struct gp_fields fields;
	struct gp_dkim_verify *v;
	struct gp_asker asker;
	struct gp_str body;

	gp_asker_init(&asker, resolver, batch, arena);
	gp_fields_parse(arena, gp_str(message), &fields, &body);
	v = gp_dkim_verify_begin(&asker, NULL, options, &fields, gp_str(from_domain), hasher, NOW);
	for (size_t pos = 0; pos < body.len; pos += 100)
		gp_body_hasher_add(hasher, gp_str_sub(body, pos, 100));
	gp_body_hasher_finish(hasher);
	gp_dkim_verify_finish(v, &result);
	gp_batch_free(&batch);
	gp_resolver_close(&resolver);
	result.lookups = asker.seen.items;
	result.n_lookups = asker.seen.len;
	return result;
}

/* The value of a signature over the message. */
static const char *sign(const char *message, const struct gp_sign_options *options,
			const struct gp_sign_as *as)
{
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_diag diag = {0};
	struct gp_fields fields;
	struct gp_sign s;
	struct gp_str body, value;

	gp_fields_parse(arena, gp_str(message), &fields, &body);
	gp_sign_begin(&s, arena, options, hasher);
	gp_body_hasher_add(hasher, body);
	gp_body_hasher_finish(hasher);
	if (gp_sign_finish(&s, &fields, hasher, as, NOW, &value, &diag))
		fail_msg("not signed: %s", diag.text);
	return gp_arena_cstr(arena, value);
}

/* The message with its signature on top. */
static const char *signed_message(const char *message, const struct gp_sign_options *options,
				  const struct gp_sign_as *as)
{
	return gp_arena_printf(arena, "DKIM-Signature: %s\n%s", sign(message, options, as),
			       message);
}

static void assert_result(const struct gp_dkim_result *r, enum gp_auth_status status,
			  const char *reason)
{
	char text[300];

	gp_str_copy(text, sizeof(text), r->reason);
	if (r->status != status || strcmp(text, reason) != 0)
		fail_msg("%s (%s) instead of %s (%s)", gp_auth_status_name(r->status), text,
			 gp_auth_status_name(status), reason);
}

#endif
