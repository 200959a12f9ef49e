/*
 * Greylisting: which domain answers for a client, who tries, and which tries are the same.
 */
#include "lib/auth/client_domain.h"
#include "lib/auth/greylist.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_store.h"
#include "tests/unit/test.h"

static const struct gp_greylist_conf conf = {.bits4 = 24, .bits6 = 64, .delay_ms = 300000,
					     .retry_ms = 86400000, .passed_ms = 3024000000,
					     .allow_after = 5, .allow_ms = 3024000000};

static struct gp_ip ip(const char *text)
{
	struct gp_ip ret;

	assert_int_equal(gp_ip_parse(gp_str(text), &ret), GP_OK);
	return ret;
}

static struct gp_auth_result results(enum gp_auth_status spf, enum gp_auth_status dkim,
				     const char *signer, struct gp_dkim_result *ret_dkim)
{
	*ret_dkim = (struct gp_dkim_result){.status = dkim, .domain = gp_str(signer)};
	return (struct gp_auth_result){
		.mailfrom = {.status = spf, .domain = GP_STR("spf.example")},
		.dkim = ret_dkim,
		.n_dkim = 1,
	};
}

static void who_answers_for_a_client(void **state)
{
	static const struct {
		enum gp_auth_status spf, dkim;
		const char *signer, *mailfrom, *domain;
	} cases[] = {
		{GP_AUTH_PASS, GP_AUTH_PASS, "b.example", "joe@b.example", "spf.example"},
		{GP_AUTH_FAIL, GP_AUTH_PASS, "b.example", "joe@b.example", "b.example"},
		{GP_AUTH_NONE, GP_AUTH_PASS, "b.example", "joe@News.B.example", "b.example"},
		{GP_AUTH_NONE, GP_AUTH_PASS, "news.b.example", "joe@b.example", ""},
		{GP_AUTH_NONE, GP_AUTH_PASS, "b.example", "joe@notb.example", ""},
		{GP_AUTH_NONE, GP_AUTH_PASS, "", "joe@b.example", ""},
		{GP_AUTH_NONE, GP_AUTH_FAIL, "b.example", "joe@b.example", ""},
		{GP_AUTH_NONE, GP_AUTH_PASS, "b.example", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_dkim_result dkim;
		struct gp_auth_result r =
			results(cases[i].spf, cases[i].dkim, cases[i].signer, &dkim);

		assert_str(gp_greylist_domain(&r, gp_str(cases[i].mailfrom)), cases[i].domain);
	}
	assert_str(gp_greylist_domain(NULL, GP_STR("joe@b.example")), "");
}

static void who_tries(void **state)
{
	static const struct {
		const char *client, *domain, *who;
	} cases[] = {
		{"192.0.2.77", "", "192.0.2.0/24"},
		{"2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"},
		{"192.0.2.77", "Example.org", "@example.org"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(1024);
		struct gp_ip client = ip(cases[i].client);

		gp_greylist_who(&conf, &client, gp_str(cases[i].domain), &out);
		assert_str(gp_buf_str(&out), cases[i].who);
	}
}

static void which_tries_are_the_same(void **state)
{
	static const struct {
		const char *domain, *a, *b;
		bool is_same;
	} cases[] = {
		{"", "Joe@Example.net", "joe@example.net", true},
		{"", "joe+1@example.net", "joe+other@example.net", true},
		{"", "b-12-x@example.net", "b-3456-x@example.net", true},
		{"", "b-12-x@example.net", "b-12-y@example.net", false},
		{"", "b1@example.net", "b@example.net", false},
		{"", "+a@example.net", "+b@example.net", false},
		{"", "joe@a.example.net", "joe@b.example.net", false},
		{"example.net", "joe@example.net", "ann@example.net", true},
		{"example.net", "joe@a.example.net", "joe@example.net", false},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO a = GP_BUF_INIT(1024), b = GP_BUF_INIT(1024), c = GP_BUF_INIT(1024);
		struct gp_str domain = gp_str(cases[i].domain);

		gp_greylist_key(domain, gp_str(cases[i].a), GP_STR("Alice@example.org"), &a);
		gp_greylist_key(domain, gp_str(cases[i].b), GP_STR("alice@example.org"), &b);
		gp_greylist_key(domain, gp_str(cases[i].a), GP_STR("bob@example.org"), &c);
		if (gp_str_eq(gp_buf_str(&a), gp_buf_str(&b)) != cases[i].is_same)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
		assert_false(gp_str_eq(gp_buf_str(&a), gp_buf_str(&c)));
	}
}

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 60000;
}

static void clients_are_known_for_domains(void **state)
{
	struct gp_store *store = gp_fake_store_new();
	struct gp_ip client = ip("192.0.2.1"), near = ip("192.0.2.200"), far = ip("192.0.3.1");
	struct gp_dkim_result dkim;
	struct gp_auth_result good = results(GP_AUTH_NONE, GP_AUTH_PASS, "b.example", &dkim);

	(void)state;
	gp_client_domain_note(store, &client, GP_STR("joe@other.example"), &good, 1000, soon());
	assert_str(gp_client_domain_find(store, &client, GP_STR("b.example"), soon()), "");
	gp_client_domain_note(store, &client, GP_STR("joe@x.B.example"), &good, 1000, soon());
	assert_str(gp_client_domain_find(store, &near, GP_STR("b.example"), soon()), "b.example");
	assert_str(gp_client_domain_find(store, &near, GP_STR("a.x.b.example"), soon()), "b.example");
	assert_str(gp_client_domain_find(store, &near, GP_STR("example"), soon()), "");
	assert_str(gp_client_domain_find(store, &near, GP_STR("c.example"), soon()), "");
	assert_str(gp_client_domain_find(store, &far, GP_STR("b.example"), soon()), "");
	dkim.status = GP_AUTH_FAIL;
	gp_client_domain_note(store, &far, GP_STR("joe@b.example"), &good, 1000, soon());
	assert_str(gp_client_domain_find(store, &far, GP_STR("b.example"), soon()), "");
	gp_store_close(&store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_answers_for_a_client),
		cmocka_unit_test(who_tries),
		cmocka_unit_test(which_tries_are_the_same),
		cmocka_unit_test(clients_are_known_for_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
