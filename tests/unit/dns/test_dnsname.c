/*
 * Domain names: what is one, how it is folded and turned around.
 */
#include "tests/unit/test.h"

#include "lib/dns/dnsname.h"

#define L63 "123456789012345678901234567890123456789012345678901234567890123"

static void fold(void **state)
{
	static const struct {
		const char *name, *folded; /* NULL: none */
	} CASES[] = {
		{"Example.COM", "example.com"},
		{"example.com.", "example.com"},
		{"com", "com"},
		{"_dmarc.example", "_dmarc.example"},
		{"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"},
		{"192.0.2.1", "192.0.2.1"},
		{"b\xc3\xbc"
		 "cher.Example",
		 "xn--bcher-kva.example"},
		{"B\xc3\x9c"
		 "CHER.example.",
		 "xn--bcher-kva.example"},
		{"a\xe3\x80\x82"
		 "example",
		 "a.example"},
		{L63 ".example", L63 ".example"},
		{L63 "." L63 "." L63 "."
		     "1234567890123456789012345678901234567890123456789012345678901",
		 L63 "." L63 "." L63 "."
		     "1234567890123456789012345678901234567890123456789012345678901"},
		{"", NULL},
		{".", NULL},
		{"..", NULL},
		{"a..b", NULL},
		{".a", NULL},
		{"a b", NULL},
		{"a\nb", NULL},
		{"a\\b", NULL},
		{"a@b", NULL},
		{"a;b", NULL},
		{"a\"b", NULL},
		{"[192.0.2.1]", NULL},
		{"\xff.example", NULL},
		{L63 "4.example", NULL},
		{L63 "." L63 "." L63 "." L63, NULL},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		char name[GP_DNS_NAME_MAX + 1] = "untouched";
		int r = gp_dns_name_fold(gp_str(CASES[i].name), name);

		assert_int_equal(r, CASES[i].folded ? GP_OK : GP_EINVAL);
		assert_string_equal(name, CASES[i].folded ? CASES[i].folded : "untouched");
	}
	assert_int_equal(gp_dns_name_fold(gp_str_n("a\0b", 3), (char[GP_DNS_NAME_MAX + 1]){0}),
			 GP_EINVAL);
}

/* What may be asked for: odd bytes as \DDD, and nothing written in two ways. */
static void escapes(void **state)
{
	static const struct {
		const char *name, *folded; /* NULL: none */
	} CASES[] = {
		{"A\\032b.Example", "a\\032b.example"},
		{"\\064\\255.example.", "\\064\\255.example"},
		{"B\xc3\x9c"
		 "CHER.example",
		 "xn--bcher-kva.example"},
		{"a\\046b.example", NULL},
		{"a\\098.example", NULL},
		{"a\\256.example", NULL},
		{"a\\03", NULL},
		{"a\\@.example", NULL},
		{"a b.example", NULL},
	};
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		char name[GP_DNS_NAME_MAX + 1] = "untouched";
		int r = gp_dns_name_fold_escaped(gp_str(CASES[i].name), name);

		assert_int_equal(r, CASES[i].folded ? GP_OK : GP_EINVAL);
		assert_string_equal(name, CASES[i].folded ? CASES[i].folded : "untouched");
	}
	assert_str(gp_dns_name_escape(a, GP_STR("a b\\.\0\xff.C/d")),
		   "a\\032b\\092.\\000\\255.C/d");
	gp_arena_free(a);
}

static void reverse(void **state)
{
	char name[GP_DNS_NAME_MAX + 1], zone[GP_DNS_NAME_MAX + 1] = "";
	struct gp_ip ip;

	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.1"), &ip), GP_OK);
	assert_int_equal(gp_dns_name_reverse(&ip, NULL, name), GP_OK);
	assert_string_equal(name, "1.2.0.192.in-addr.arpa");
	assert_int_equal(gp_dns_name_reverse(&ip, "bl.example", name), GP_OK);
	assert_string_equal(name, "1.2.0.192.bl.example");
	for (size_t i = 0; i < 244; i++)
		zone[i] = i % 10 == 9 ? '.' : 'z';
	assert_int_equal(gp_dns_name_reverse(&ip, zone, name), GP_EINVAL);
	zone[243] = '\0';
	assert_int_equal(gp_dns_name_reverse(&ip, zone, name), GP_OK);
	assert_int_equal(strlen(name), GP_DNS_NAME_MAX);

	assert_int_equal(gp_ip_parse(GP_STR("2001:db8::567:89ab"), &ip), GP_OK);
	assert_int_equal(gp_dns_name_reverse(&ip, NULL, name), GP_OK);
	assert_string_equal(
		name, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	ip.family = 0;
	assert_int_equal(gp_dns_name_reverse(&ip, NULL, name), GP_EINVAL);
}

static void from_wire(void **state)
{
	static const struct {
		const char *wire;
		size_t len;
		const char *text; /* NULL: malformed */
	} CASES[] = {
		{"\3Www\7example\0rest", 17, "www.example"},
		{"\0", 1, ""},
		{"\5a.b\\\x80\0", 7, "a\\046b\\092\\128"},
		{"", 0, NULL},
		{"\3ww", 3, NULL},
		{"\3www", 4, NULL},
		{"\xc0\x0c", 2, NULL},
		{"\x40" L63 "x\0", 66, NULL},
	};
	struct gp_arena *a = gp_arena_new(0);
	char deep[600];

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_str text;
		size_t len;
		int r = gp_dns_name_from_wire(a, gp_str_n(CASES[i].wire, CASES[i].len), &text,
					      &len);

		assert_int_equal(r, CASES[i].text ? GP_OK : GP_EINVAL);
		if (CASES[i].text)
			assert_str(text, CASES[i].text);
	}
	for (size_t i = 0; i < sizeof(deep); i += 2) {
		deep[i] = 1;
		deep[i + 1] = (char)0xff;
	}
	assert_int_equal(gp_dns_name_from_wire(a, gp_str_n(deep, sizeof(deep)), &(struct gp_str){0},
					       &(size_t){0}),
			 GP_EINVAL);
	deep[254] = 0;
	assert_int_equal(gp_dns_name_from_wire(a, gp_str_n(deep, sizeof(deep)), &(struct gp_str){0},
					       &(size_t){0}),
			 GP_OK);
	gp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fold),
		cmocka_unit_test(escapes),
		cmocka_unit_test(reverse),
		cmocka_unit_test(from_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
