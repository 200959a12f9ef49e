/*
 * Keys: what is compared with what, and how it is written.
 */
#include "policyd-ratelimit/limit_key.h"
#include "tests/unit/test.h"

static struct gp_arena *arena;

static int parse(const char *const *words, size_t n, struct limit_by *ret, struct gp_diag *diag)
{
	return limit_by_parse(&(struct gp_conf_list){words, n}, ret, diag);
}

static struct limit_subject someone(void)
{
	struct limit_subject s = {.arena = arena, .account = GP_STR("Joe@Example.ORG"),
				  .sender = GP_STR("List+x@B\xc3\xbc" "cher.example"),
				  .helo = GP_STR("Mail.Example.NET."), .recipient = GP_STR("A|b%c@example.com")};

	assert_int_equal(gp_ip_parse(GP_STR("::ffff:192.0.2.77"), &s.client), GP_OK);
	return s;
}

static void test_keys(void **state)
{
	static const struct {
		const char *by[4];
		size_t n;
		const char *key;
	} cases[] = {
		{{0}, 0, "*"},
		{{"sasl_username"}, 1, "joe@example.org"},
		{{"sender"}, 1, "list+x@xn--bcher-kva.example"},
		{{"sender_domain"}, 1, "xn--bcher-kva.example"},
		{{"client_address"}, 1, "192.0.2.77"},
		{{"client_address/24"}, 1, "192.0.2.0/24"},
		{{"client_address/16/48"}, 1, "192.0.0.0/16"},
		{{"helo_name"}, 1, "mail.example.net"},
		{{"recipient"}, 1, "a%7Cb%25c@example.com"},
		{{"recipient_domain"}, 1, "example.com"},
		{{"sasl_username", "recipient_domain"}, 2, "joe@example.org|example.com"},
		{{"client_address/24", "sender_domain", "helo_name"}, 3,
		 "192.0.2.0/24|xn--bcher-kva.example|mail.example.net"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct limit_subject s = someone();
		struct limit_by by;

		assert_int_equal(parse(cases[i].by, cases[i].n, &by, NULL), GP_OK);
		assert_int_equal(limit_key_count(&by, &s), 1);
		assert_str(limit_key_get(&by, &s, 0), cases[i].key);
	}
}

static void test_ipv6(void **state)
{
	static const char *const words[] = {"client_address/24/56"}, *const plain[] = {"client_address"},
				 *const whole[] = {"client_address/32/128"};
	struct limit_subject s = {.arena = arena};
	struct limit_by by;

	(void)state;
	assert_int_equal(gp_ip_parse(GP_STR("2001:db8:0:12ff::1"), &s.client), GP_OK);
	assert_int_equal(parse(words, 1, &by, NULL), GP_OK);
	assert_str(limit_key_get(&by, &s, 0), "2001:db8:0:1200::/56");
	assert_int_equal(parse(plain, 1, &by, NULL), GP_OK);
	assert_str(limit_key_get(&by, &s, 0), "2001:db8:0:12ff::/64");
	assert_int_equal(parse(whole, 1, &by, NULL), GP_OK);
	assert_str(limit_key_get(&by, &s, 0), "2001:db8:0:12ff::1");
}

static void test_absent(void **state)
{
	for (const struct gp_conf_enum *e = limit_attribute_names; e->name; e++) {
		const char *words[2] = {"helo_name", e->name};
		struct limit_subject s = {.arena = arena, .helo = GP_STR("x")};
		struct limit_by by;

		if (e->value == LIMIT_HELO_NAME)
			continue;
		assert_int_equal(parse(words, 2, &by, NULL), GP_OK);
		assert_int_equal(limit_key_count(&by, &s), 0);
		assert_true(limit_key_is_possible(&by, &s, 1u << e->value));
	}
	(void)state;
}

static void test_groups(void **state)
{
	static const char *const words[] = {"ldap_group", "sasl_username"};
	struct gp_str groups[] = {GP_STR("Staff"), GP_STR("all")};
	struct limit_subject s = {.arena = arena, .account = GP_STR("joe"), .groups = groups, .n_groups = 2};
	struct limit_by by;

	(void)state;
	assert_int_equal(parse(words, 2, &by, NULL), GP_OK);
	assert_int_equal(limit_key_count(&by, &s), 2);
	assert_str(limit_key_get(&by, &s, 0), "staff|joe");
	assert_str(limit_key_get(&by, &s, 1), "all|joe");
}

/* What one could mistake for another. */
static void test_keys_differ(void **state)
{
	static const char *const words[] = {"sasl_username", "sender"};
	struct limit_subject a = {.arena = arena, .account = GP_STR("a|b"), .sender = GP_STR("c")};
	struct limit_subject b = {.arena = arena, .account = GP_STR("a"), .sender = GP_STR("b|c")};
	struct gp_str name, window, key, text;
	struct limit_by by;

	(void)state;
	assert_int_equal(parse(words, 2, &by, NULL), GP_OK);
	assert_false(gp_str_eq(limit_key_get(&by, &a, 0), limit_key_get(&by, &b, 0)));
	a = (struct limit_subject){.arena = arena, .account = GP_STR("x\ty\x01"), .sender = GP_STR("c")};
	text = limit_state_key(arena, GP_STR("rule"), GP_STR("1h"), limit_key_get(&by, &a, 0));
	assert_true(limit_state_key_parse(text, &name, &window, &key));
	assert_str(name, "rule");
	assert_str(window, "1h");
	assert_str(key, "x%09y%01|c");
	assert_false(limit_state_key_parse(GP_STR("rule\t1h"), &name, &window, &key));
	assert_false(limit_state_key_parse(GP_STR(""), &name, &window, &key));
}

static void test_typed(void **state)
{
	static const char *const account[] = {"sasl_username"}, *const net[] = {"client_address/24/64"},
				 *const domain[] = {"sender_domain"};
	struct limit_by by;

	(void)state;
	assert_int_equal(parse(account, 1, &by, NULL), GP_OK);
	assert_str(limit_key_of(&by, GP_STR("JOE"), arena), "joe");
	assert_int_equal(parse(net, 1, &by, NULL), GP_OK);
	assert_str(limit_key_of(&by, GP_STR("192.0.2.9"), arena), "192.0.2.0/24");
	assert_str(limit_key_of(&by, GP_STR("192.0.2.0/24"), arena), "192.0.2.0/24");
	assert_str(limit_key_of(&by, GP_STR("joe"), arena), "");
	assert_int_equal(parse(domain, 1, &by, NULL), GP_OK);
	assert_str(limit_key_of(&by, GP_STR("Example.ORG"), arena), "example.org");
}

static void test_wrong(void **state)
{
	static const struct {
		const char *by[6];
		size_t n;
		const char *says;
	} bad[] = {
		{{"sasl_user"}, 1, "by: unknown \"sasl_user\""},
		{{"recipent"}, 1, "by: unknown \"recipent\"; did you mean \"recipient\"?"},
		{{"sender", "sender"}, 2, "by: sender twice"},
		{{"sender/24"}, 1, "by: only client_address has prefix lengths, not sender"},
		{{"client_address/33"}, 1, "prefix lengths"},
		{{"client_address/0"}, 1, "prefix lengths"},
		{{"client_address/"}, 1, "prefix lengths"},
		{{"client_address/24/129"}, 1, "prefix lengths"},
		{{"client_address/24/64/1"}, 1, "prefix lengths"},
		{{"client_address/24/x"}, 1, "prefix lengths"},
		{{"sasl_username", "sender", "helo_name", "recipient", "ldap_group"}, 5,
		 "by: more than 4 attributes"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		struct gp_diag diag = {""};
		struct limit_by by;

		assert_int_equal(parse(bad[i].by, bad[i].n, &by, &diag), GP_EINVAL);
		assert_memory_equal(diag.text, bad[i].says, strlen(bad[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),	    cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_absent),	    cmocka_unit_test(test_groups),
		cmocka_unit_test(test_keys_differ), cmocka_unit_test(test_typed),
		cmocka_unit_test(test_wrong),
	};
	int r;

	arena = gp_arena_new(0);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	gp_arena_free(arena);
	return r;
}
