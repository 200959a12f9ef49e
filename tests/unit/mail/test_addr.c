/*
 * Address lists, well-formed and as they come.
 */
#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/mail/addr.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static void test_one(void **state)
{
	static const struct {
		const char *in, *name, *addr, *local, *domain;
	} cases[] = {
		{"joe@example.org", "", "joe@example.org", "joe", "example.org"},
		{" <joe@Example.ORG.>", "", "joe@Example.ORG", "joe", "example.org"},
		{"Joe Q. Public <joe@example.org>", "Joe Q. Public", "joe@example.org", "joe", "example.org"},
		{"\"Public, \\\"Joe\\\" Q.\" <joe@example.org>", "Public, \"Joe\" Q.", "joe@example.org", "joe",
		 "example.org"},
		{"joe@example.org (Joe (the) Public)", "Joe Public", "joe@example.org", "joe", "example.org"},
		{"=?utf-8?Q?J=C3=B6e=2C_x?= <joe@example.org>", "J\xc3\xb6" "e, x", "joe@example.org", "joe",
		 "example.org"},
		{"\"=?iso-8859-1?Q?J=F6e?=\" <j@x.org>", "J\xc3\xb6" "e", "j@x.org", "j", "x.org"},
		{"\"bill@bank.example\" <x@evil.example>", "bill@bank.example", "x@evil.example", "x", "evil.example"},
		{"bill@bank.example <x@evil.example>", "bill@bank.example", "x@evil.example", "x", "evil.example"},
		{"<a@b.example> <x@evil.example>", "<a@b.example>", "x@evil.example", "x", "evil.example"},
		{"<\"a@good.example> \"@evil.example>", "", "a@good.example> @evil.example", "a@good.example> ", "evil.example"},
		{"<@relay1,@relay2:joe@example.org>", "", "joe@example.org", "joe", "example.org"},
		{"\"joe smith\"@example.org", "", "joe smith@example.org", "joe smith", "example.org"},
		{"\"a@b\"@example.org", "", "a@b@example.org", "a@b", "example.org"},
		{"j\xc3\xb6" "e@b\xc3\xbc" "cher.example", "", "j\xc3\xb6" "e@b\xc3\xbc" "cher.example", "j\xc3\xb6" "e",
		 "b\xc3\xbc" "cher.example"},
		{"joe@[192.0.2.1]", "", "joe@[192.0.2.1]", "joe", "[192.0.2.1]"},
		{"joe", "", "joe", "joe", ""},
		{"undisclosed recipients", "undisclosed recipients", "", "", ""},
		{"Joe <>", "Joe", "", "", ""},
		{"Joe joe@example.org", "", "joe@example.org", "joe", "example.org"},
		{"Joe <joe@example.org", "Joe", "joe@example.org", "joe", "example.org"},
		{"\"Joe <joe@example.org>", "Joe", "joe@example.org", "joe", "example.org"},
		{"(Joe <joe@example.org>", "(Joe", "joe@example.org", "joe", "example.org"},
		{"a @ b . example", "", "a@b.example", "a", "b.example"},
		{"Joe\r\n Public\r\n <joe@example.org>", "Joe Public", "joe@example.org", "joe", "example.org"},
		{"group: joe@example.org, x@y;", "", "joe@example.org", "joe", "example.org"},
		{",,; joe@example.org", "", "joe@example.org", "joe", "example.org"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_addr addr;

		assert_true(gp_addr_first(arena, gp_str(cases[i].in), &addr));
		assert_str(addr.name, cases[i].name);
		assert_str(addr.addr, cases[i].addr);
		assert_str(addr.local, cases[i].local);
		assert_str(addr.domain, cases[i].domain);
	}
}

static void test_lists(void **state)
{
	static const struct {
		const char *in, *addrs;
	} cases[] = {
		{"", ""},
		{" , ,", ""},
		{"a@x, \"b, c\" <d@x>, e@x (f, g)", "a@x d@x e@x"},
		{"a@x; b@x", "a@x b@x"},
		{"friends: a@x, b@x;, foes:;, c@x", "a@x b@x c@x"},
		{"undisclosed-recipients:;", ""},
		{"<a@x>, <b@x, c@x", "a@x b@x c@x"},
		{"\"open <a@x>, b@x", "a@x b@x"},
		{"=?utf-8?Q?a=2C?= <a@x>, b@x", "a@x b@x"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO got = GP_BUF_INIT(1000);
		struct gp_addr_list list;

		gp_addr_parse(arena, gp_str(cases[i].in), &list);
		for (size_t k = 0; k < list.len; k++) {
			gp_buf_add_cstr(&got, k ? " " : "");
			gp_buf_add_str(&got, list.items[k].addr);
		}
		assert_string_equal(gp_buf_cstr(&got), cases[i].addrs);
		assert_false(list.is_cut);
	}
}

static void test_hostile(void **state)
{
	static const char *const pieces[] = {"(", "\"", "<", "a@b,", "(\"<", "\\", ";:", "\" "};
	struct gp_addr_list list;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		GP_BUF_AUTO in = GP_BUF_INIT(GP_MAX_HEADER_SIZE);

		while (in.len + 4 < in.max)
			gp_buf_add_cstr(&in, pieces[i]);
		gp_addr_parse(arena, gp_buf_str(&in), &list);
		assert_true(list.len <= GP_MAX_ADDRESSES);
		assert_int_equal(list.is_cut, i == 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
