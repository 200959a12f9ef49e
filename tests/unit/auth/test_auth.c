/*
 * The four methods together: what only shows where they meet.
 */
#include "tests/unit/test.h"

#include "lib/auth/auth.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

/* The identities of a bounce are one: HELO is checked once, and said for both. */
static void bounces(void **state)
{
	struct gp_auth_options options = {.spf = true, .spf_helo = true};
	struct gp_auth_envelope envelope = {.client = {.family = 4, .bytes = {192, 0, 2, 1}},
					    .helo = GP_STR("mail.example.org"),
					    .mailfrom = GP_STR("")};
	struct gp_auth_sources sources = {
		.resolver = gp_fake_dns_open("mail.example.org TXT v=spf1 a -all\n"
					     "mail.example.org A 192.0.2.1\n",
					     NULL)};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_auth_result result;
	struct gp_auth_check *check;
	struct gp_auth *auth;

	assert_int_equal(gp_auth_new(&options, &auth, NULL), GP_OK);
	check = gp_auth_begin(auth, &sources, &envelope, arena, gp_clock_mono_ms() + 1000);
	gp_auth_spf(check);
	gp_auth_finish(check, &result);
	assert_int_equal(result.mailfrom.status, GP_AUTH_PASS);
	assert_int_equal(result.helo.status, GP_AUTH_PASS);
	assert_false(result.mailfrom.is_helo);
	assert_true(result.helo.is_helo);
	assert_str(result.mailfrom.sender, "postmaster@mail.example.org");
	assert_int_equal(result.n_lookups, 2);
	gp_arena_free(arena);
	gp_auth_free(&auth);
	gp_resolver_close(&sources.resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
