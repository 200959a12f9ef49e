/*
 * Search filters of the configuration.  Beside our verdict stands libldap's on the same filter with
 * a key filled in: what we let pass it must take, or the first mail would tell, and what we refuse
 * it must not.
 */
#include <ldap.h>

#include "lib/ldap/ldap_text.h"
#include "tests/unit/test.h"

/* A handle that leads nowhere: a search is encoded before it is sent. */
static bool libldap_takes(const char *filter)
{
	LDAP *ld = NULL;
	int msgid, code;

	assert_int_equal(ldap_initialize(&ld, "ldapi://%2Fnowhere%2Fldapi"), LDAP_SUCCESS);
	code = ldap_search_ext(ld, "dc=x", LDAP_SCOPE_SUBTREE, filter, NULL, 0, NULL, NULL, NULL, 0, &msgid);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return code != LDAP_FILTER_ERROR;
}

static bool libldap_takes_template(const char *template)
{
	GP_BUF_AUTO filter = GP_BUF_INIT(65536);
	struct gp_str key = GP_STR("a@b.c");

	assert_true(gp_ldap_expand(gp_str(template), key, key, GP_LDAP_FILTER, &filter));
	return libldap_takes(gp_buf_cstr(&filter));
}

static void test_good(void **state)
{
	static const char *const good[] = {
		"(mail=%s)", "mail=%s", "(&(mail=%s)(uid=%u))", "(|(mail=%s)(!(uid=%u)))",
		"(&(objectClass=person)(|(mail=%s)(mailAlternateAddress=%s)))", "( & (a=b) (c=d) )",
		"(mail=*)", "(mail=%u@*)", "(mail=*%s*)", "(a>=1)", "(a<=%u)", "(a~=b)", "(a=)", "(&)", "(|)",
		"(cn;lang-de=%s)", "(2.5.4.3=x)", "(cn:caseExactMatch:=x)", "(cn:dn:=x)", "(cn:=x)",
		"(:dn:2.4.6.8.10:=x)", "(memberOf:1.2.840.113556.1.4.1941:=cn=a,dc=%d)", "(a=\\2a\\28)", "(a=\\*)",
		"(memberOf=cn=a \\28b\\29,dc=c)", "(1.2;x-y;z=b)", "(a=b )", "( a=b)", "(a=100%%)", "(a=b=c)", "(%u=x)", "(a=\xc3\xa4)", "(&(a=b) )",
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(good); i++) {
		struct gp_diag diag = {""};

		if (gp_ldap_filter_check(gp_str(good[i]), &diag))
			fail_msg("%s: %s", good[i], diag.text);
		if (!libldap_takes_template(good[i]))
			fail_msg("%s: libldap does not take it", good[i]);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{"", "empty"}, {" (a=b)", "attribute=value"}, {"(a=b) ", "behind the end"}, {"(mail=%s)(uid=%u)", "at \"(uid=%u)\""},
		{"((mail=%s))", "at \"((mail"}, {"(mail=%s", "ends too early"}, {"(mail=%s))", "at \")\""},
		{"(mail)", "at \"mail)\""}, {"(mail%s)", "attribute=value"}, {"()", "attribute=value"},
		{"(&(mail=%s)", "ends too early"}, {"(&(a=b)x(c=d))", "at \"x(c"}, {"(!)", "needs a filter"},
		{"(!(a=b)(c=d))", "for one filter"}, {"(=x)", "no attribute"}, {"(a b=x)", "no attribute"},
		{"(&a=b)", "at \"a=b)\""}, {"(a=\\zz)", "backslash"}, {"(a=\\2)", "backslash"}, {"(a=b\\", "backslash"},
		{"(:=x)", "no attribute"}, {"(a:b c:=x)", "no attribute"}, {"mail", "attribute=value"},
		{")(", "attribute=value"}, {"(a=b) x", "at \" x\""},
		{"(a=(b))", "at \"(b))\""}, {"(a=b**)", "at \"*)\""}, {"(a>=*)", "at \"*)\""}, {"(:dn:=x)", "no attribute"},
		{"(1a=b)", "no attribute"}, {"(1.=b)", "no attribute"}, {"(a_b=c)", "no attribute"}, {"(a;=b)", "no attribute"}, {"(;a=b)", "no attribute"}, {"(%%=b)", "no attribute"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		struct gp_diag diag = {""};

		assert_int_equal(gp_ldap_filter_check(gp_str(bad[i].text), &diag), GP_EINVAL);
		if (!strstr(diag.text, bad[i].where))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, diag.text, bad[i].where);
		/* An empty one is to libldap "(objectClass=*)". */
		if (*bad[i].text && libldap_takes_template(bad[i].text))
			fail_msg("%s: libldap takes it", bad[i].text);
	}
	assert_int_equal(gp_ldap_filter_check(GP_STR("(a=%x)"), NULL), GP_EINVAL);
}

static void test_depth(void **state)
{
	GP_BUF_AUTO deep = GP_BUF_INIT(65536);
	struct gp_diag diag = {""};

	(void)state;
	for (size_t i = 0; i < 10000; i++)
		gp_buf_add_cstr(&deep, "(&");
	assert_int_equal(gp_ldap_filter_check(gp_buf_str(&deep), &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "within filters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
