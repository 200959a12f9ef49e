/*
 * Templates of directory queries: what each part stands for, when it is not to be had,
 * and that what is filled in stays a value.
 */
#include "lib/ldap/ldap_text.h"
#include "tests/unit/test.h"

static void test_expand(void **state)
{
	static const struct {
		const char *text, *value, *key, *want; /* NULL: a part is not to be had */
		enum gp_ldap_escape escape;
	} rows[] = {
		{"(mail=%s)", "a@b.c", "a@b.c", "(mail=a@b.c)", GP_LDAP_FILTER},
		{"%u|%n|%d", "a@b.c", "x", "a|a|b.c", GP_LDAP_PLAIN},
		{"%u|%n", "joe", "joe", "joe|joe", GP_LDAP_PLAIN},
		{"%d", "joe", "joe", NULL, GP_LDAP_PLAIN},
		{"%d", "joe@", "joe@", NULL, GP_LDAP_PLAIN},
		{"%u", "joe@", "joe@", "joe", GP_LDAP_PLAIN},
		{"%s", "@b.c", "@b.c", "@b.c", GP_LDAP_PLAIN},
		{"(uid=%u*)", "@b.c", "@b.c", NULL, GP_LDAP_FILTER}, /* anybody's */
		{"%n", "", "k", NULL, GP_LDAP_PLAIN},
		{"%U", "v", "@b.c", NULL, GP_LDAP_PLAIN},
		{"%u at %d", "\"a@b\"@c", "x", "\"a@b\" at c", GP_LDAP_PLAIN},
		{"%1.%2.%3", "v", "u@a.b.c", "c.b.a", GP_LDAP_PLAIN},
		{"%4", "v", "u@a.b.c", NULL, GP_LDAP_PLAIN},
		{"%1", "v", "u", NULL, GP_LDAP_PLAIN},
		{"%2", "v", "u@a..c", NULL, GP_LDAP_PLAIN},
		{"%s %S %U %D", "value", "u@d", "value u@d u d", GP_LDAP_PLAIN},
		{"100%%", "v", "k", "100%", GP_LDAP_PLAIN},
		{"%s", "*()\\", "k", "\\2a\\28\\29\\5c", GP_LDAP_FILTER},
		{"%s", "a,b+c=d", "k", "a\\2cb\\2bc\\3dd", GP_LDAP_DN},
		{"%s", " # ", "k", "\\20#\\20", GP_LDAP_DN},
		{"%s", "#x", "k", "\\23x", GP_LDAP_DN},
		{"*%s*", "*", "k", "*\\2a*", GP_LDAP_FILTER}, /* what is ours stays ours */
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(256);
		bool is_had;

		gp_buf_add_cstr(&out, ">");
		is_had = gp_ldap_expand(gp_str(rows[i].text), gp_str(rows[i].value),
					gp_str(rows[i].key), rows[i].escape, &out);
		assert_int_equal(is_had, rows[i].want != NULL);
		assert_str(gp_str_sub(gp_buf_str(&out), 1, 256), rows[i].want ? rows[i].want : "");
	}
}

static void test_nul(void **state)
{
	GP_BUF_AUTO out = GP_BUF_INIT(64);

	(void)state;
	gp_ldap_escape(gp_str_n("a\0b", 3), GP_LDAP_FILTER, &out);
	gp_ldap_escape(gp_str_n("a\0b", 3), GP_LDAP_DN, &out);
	assert_str(gp_buf_str(&out), "a\\00ba\\00b");
}

static void test_check(void **state)
{
	static const char *const good[] = {"", "%s", "%%", "%u%n%d%S%U%D%N%1%9", "plain"};
	static const char *const bad[] = {"%", "%x", "a%", "%0", "% s"};
	struct gp_diag diag;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(good); i++)
		assert_int_equal(gp_ldap_template_check(gp_str(good[i]), &diag), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		diag.text[0] = '\0';
		assert_int_equal(gp_ldap_template_check(gp_str(bad[i]), &diag), GP_EINVAL);
		assert_true(diag.text[0]);
	}
}

static void test_is_fixed(void **state)
{
	static const char *const fixed[] = {"", "dc=example", "100%%", "%%s"};
	static const char *const others[] = {"%s", "ou=%d,dc=x", "%%%u"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(fixed); i++)
		assert_true(gp_ldap_template_is_fixed(gp_str(fixed[i])));
	for (size_t i = 0; i < GP_ARRAY_SIZE(others); i++)
		assert_false(gp_ldap_template_is_fixed(gp_str(others[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_is_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
