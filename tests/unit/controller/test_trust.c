/*
 * Who may teach whom, as rows; how many an hour.
 */
#include "controller/trust.h"

#include <stdio.h>

#include "controller/rate.h"
#include "tests/unit/test.h"

static const struct {
	const char *what;
	uid_t uid; /* 100 is trusted by number, 0 by name */
	bool is_unknown;
	const char *own, *wanted;
	int untrusted, scope;
	int result;
	const char *user;
	bool is_own_only;
} rows[] = {
	{"trusted, for anybody", 100, false, "vmail", "alice", GP_CONF_UNTRUSTED_DENY,
	 GP_CONF_BAYES_GLOBAL, GP_OK, "alice", false},
	{"trusted, in nobody's name", 0, false, "root", "", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_USER, GP_OK, "", false},
	{"a user, himself", 5, false, "bob", "", GP_CONF_UNTRUSTED_OWN, GP_CONF_BAYES_USER, GP_OK,
	 "bob", true},
	{"a user, himself by name", 5, false, "bob", "bob", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_GLOBAL_USER, GP_OK, "bob", true},
	{"a user, another", 5, false, "bob", "alice", GP_CONF_UNTRUSTED_OWN, GP_CONF_BAYES_USER,
	 GP_EACCES, "", false},
	{"a user, another, shared", 5, false, "bob", "alice", GP_CONF_UNTRUSTED_SHARED,
	 GP_CONF_BAYES_GLOBAL, GP_EACCES, "", false},
	{"a user where there are no own scopes", 5, false, "bob", "", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_GLOBAL, GP_EACCES, "", false},
	{"a domain is not his own", 5, false, "bob", "", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_DOMAIN, GP_EACCES, "", false},
	{"a user, shared", 5, false, "bob", "", GP_CONF_UNTRUSTED_SHARED, GP_CONF_BAYES_GLOBAL,
	 GP_OK, "bob", false},
	{"a user, denied", 5, false, "bob", "", GP_CONF_UNTRUSTED_DENY, GP_CONF_BAYES_USER,
	 GP_EACCES, "", false},
	{"a uid without a name", 5, false, NULL, "", GP_CONF_UNTRUSTED_OWN, GP_CONF_BAYES_USER,
	 GP_EACCES, "", false},
	{"a peer that the kernel does not know, with the uid of root", 0, true, NULL, "alice",
	 GP_CONF_UNTRUSTED_SHARED, GP_CONF_BAYES_GLOBAL, GP_EACCES, "", false},
	{"a name with a blank", 100, false, NULL, "al ice", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_GLOBAL, GP_EINVAL, "", false},
	{"a name with a line end", 100, false, NULL, "alice\nuser=x", GP_CONF_UNTRUSTED_OWN,
	 GP_CONF_BAYES_GLOBAL, GP_EINVAL, "", false},
};

static void test_rows(void **state)
{
	static const char *const trusted[] = {"100", "root", "no-such-user-here"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct gp_conf_learn learn = {.trusted_uids = {trusted, GP_ARRAY_SIZE(trusted)},
					      .untrusted = rows[i].untrusted};
		struct gp_conf_bayes bayes = {.scope = rows[i].scope};
		struct gp_peer peer = {.is_known = !rows[i].is_unknown, .uid = rows[i].uid};
		struct gp_arena *arena = gp_arena_new(0);
		struct trust_grant grant = {""};
		const char *why;
		int r = trust_grant(trust_new(&learn, arena), &bayes, &peer, rows[i].own,
				    gp_str(rows[i].wanted), &grant, &why);

		if (r != rows[i].result)
			fail_msg("%s: %d, not %d (%s)", rows[i].what, r, rows[i].result, why);
		assert_int_equal(*why == '\0', r == GP_OK);
		assert_string_equal(grant.user, rows[i].user);
		assert_int_equal(grant.is_own_only, rows[i].is_own_only);
		gp_arena_free(arena);
	}
}

static void test_rate(void **state)
{
	struct rate *r = rate_new();
	struct gp_str bob = GP_STR("bob");

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(rate_take(r, bob, 3, 7200));
	assert_false(rate_take(r, bob, 3, 7300));
	assert_true(rate_take(r, GP_STR("alice"), 3, 7300));
	rate_give_back(r, bob, 7300);
	assert_true(rate_take(r, bob, 3, 7300));
	assert_false(rate_take(r, bob, 3, 10799));
	assert_true(rate_take(r, bob, 3, 10800)); /* another hour */
	for (int i = 0; i < 1000; i++)
		assert_true(rate_take(r, bob, 0, 10800));
	rate_free(&r);
}

/* More users than the table holds: nobody is refused for another. */
static void test_rate_of_many(void **state)
{
	struct rate *r = rate_new();
	char name[32];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		assert_true(rate_take(r, gp_str(name), 1, 100));
	}
	rate_free(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
