/*
 * Whose counts: every setting, and names of every form.
 */
#include "lib/score/bayes_scope.h"

#include "tests/unit/test.h"

static struct gp_conf_bayes conf(int scope, int login)
{
	return (struct gp_conf_bayes){.scope = scope, .login = login, .recipient_delimiter = "+"};
}

/* want2 NULL: one scope. */
static void check_user(const struct gp_conf_bayes *c, const char *user, const char *want,
		       const char *want2)
{
	struct gp_bayes_scopes s;

	gp_bayes_scopes_of(c, gp_str(user), &s);
	assert_int_equal(s.n, want2 ? 2 : 1);
	assert_string_equal(s.names[0], want);
	if (want2)
		assert_string_equal(s.names[1], want2);
}

static void users(void **state)
{
	struct gp_conf_bayes global = conf(GP_CONF_BAYES_GLOBAL, GP_CONF_LOGIN_ADDRESS);
	struct gp_conf_bayes domain = conf(GP_CONF_BAYES_DOMAIN, GP_CONF_LOGIN_ADDRESS);
	struct gp_conf_bayes user = conf(GP_CONF_BAYES_USER, GP_CONF_LOGIN_ADDRESS);
	struct gp_conf_bayes local = conf(GP_CONF_BAYES_USER, GP_CONF_LOGIN_LOCAL);
	struct gp_conf_bayes both = conf(GP_CONF_BAYES_GLOBAL_USER, GP_CONF_LOGIN_ADDRESS);

	(void)state;
	check_user(&global, "bob@example.org", "", NULL);
	check_user(&domain, "bob@Example.ORG", "@example.org", NULL);
	check_user(&domain, "bob", "", NULL);
	check_user(&domain, "bob@", "", NULL);
	check_user(&user, "Bob@Example.org", "bob@example.org", NULL);
	check_user(&user, "bob+lists+x@example.org", "bob@example.org", NULL);
	check_user(&user, "+odd@example.org", "+odd@example.org", NULL);
	check_user(&user, "\"a@b\"@example.org", "\"a@b\"@example.org", NULL);
	check_user(&user, "bob", "bob", NULL);
	check_user(&user, "", "", NULL);
	check_user(&user, "@example.org", "", NULL); /* would be the domain's */
	check_user(&local, "Bob+x@example.org", "bob", NULL);
	check_user(&local, "bob", "bob", NULL);
	check_user(&both, "bob@example.org", "", "bob@example.org");
	check_user(&both, "", "", NULL);
	user.recipient_delimiter = "-+";
	check_user(&user, "bob-x+y@example.org", "bob@example.org", NULL);
	user.recipient_delimiter = "";
	check_user(&user, "bob+x@example.org", "bob+x@example.org", NULL);
}

static void names_that_cannot_be(void **state)
{
	struct gp_conf_bayes both = conf(GP_CONF_BAYES_GLOBAL_USER, GP_CONF_LOGIN_ADDRESS);
	char name[GP_STORE_SCOPE_MAX + 2];
	struct gp_bayes_scopes s;

	(void)state;
	memset(name, 'x', sizeof(name));
	gp_bayes_scopes_of(&both, gp_str_n(name, GP_STORE_SCOPE_MAX), &s);
	assert_int_equal(s.n, 2);
	gp_bayes_scopes_of(&both, gp_str_n(name, GP_STORE_SCOPE_MAX + 1), &s);
	assert_int_equal(s.n, 1);
	gp_bayes_scopes_of(&both, GP_STR("a\0b"), &s);
	assert_int_equal(s.n, 1);
}

static void messages(void **state)
{
	struct gp_conf_bayes domain = conf(GP_CONF_BAYES_DOMAIN, GP_CONF_LOGIN_ADDRESS);
	struct gp_conf_bayes both = conf(GP_CONF_BAYES_GLOBAL_USER, GP_CONF_LOGIN_ADDRESS);
	struct gp_str same[] = {GP_STR("a@example.org"), GP_STR("b@EXAMPLE.org")};
	struct gp_str other[] = {GP_STR("a@example.org"), GP_STR("b@example.net")};
	struct gp_bayes_scopes s;

	(void)state;
	gp_bayes_scopes_for(&both, GP_STR(""), same, 1, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.names[1], "a@example.org");
	gp_bayes_scopes_for(&both, GP_STR(""), same, 2, &s);
	assert_int_equal(s.n, 1);
	gp_bayes_scopes_for(&both, GP_STR(""), NULL, 0, &s);
	assert_int_equal(s.n, 1);
	gp_bayes_scopes_for(&both, GP_STR("Carol"), same, 2, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.names[1], "carol");
	gp_bayes_scopes_for(&domain, GP_STR(""), same, 2, &s);
	assert_string_equal(s.names[0], "@example.org");
	gp_bayes_scopes_for(&domain, GP_STR(""), other, 2, &s);
	assert_string_equal(s.names[0], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users),
		cmocka_unit_test(names_that_cannot_be),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
