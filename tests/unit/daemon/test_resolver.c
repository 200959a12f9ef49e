/*
 * Settings of the group `dns` become a resolver, or a sentence that says why not.
 */
#include "tests/unit/test.h"

#include "lib/daemon/resolver.h"

static void settings_are_handed_on(void **state)
{
	static const char *const LOOPBACK[] = {"127.0.0.1@53", "::1"};
	static const char *const NAME[] = {"dns.example"};
	static const struct {
		struct gp_conf_dns dns;
		int result;
		const char *text;
	} CASES[] = {
		{{.servers = {LOOPBACK, 2}, .trust_anchor = "", .cache_size = 65536}, GP_OK, ""},
		{{.recursion = true, .trust_anchor = "", .cache_size = 1 << 24}, GP_OK, ""},
		{{.servers = {NAME, 1}, .trust_anchor = ""}, GP_EINVAL, "dns.example"},
		{{.recursion = true, .dnssec = true, .trust_anchor = "/nowhere/anchor"},
		 GP_ESYS,
		 "/nowhere/anchor"},
	};
	struct gp_loop *loop;

	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_resolver *r = NULL;
		struct gp_diag diag = {""};

		assert_int_equal(gp_resolver_open(&CASES[i].dns, loop, &r, &diag), CASES[i].result);
		assert_int_equal(r != NULL, CASES[i].result == GP_OK);
		assert_non_null(strstr(diag.text, CASES[i].text));
		gp_resolver_close(&r);
	}
	gp_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(settings_are_handed_on)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
