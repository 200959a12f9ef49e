/*
 * Addresses and sets of networks.
 */
#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/test.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: malformed */
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::1", "::1"},
		{"[2001:DB8::1]", "2001:db8::1"},
		{"IPv6:2001:db8:0:0:0:0:0:1", "2001:db8::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.1 ", NULL},
		{":::", NULL},
		{"example.org", NULL},
	};
	char text[GP_IP_TEXT];

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_ip ip = {.family = 0};

		assert_int_equal(gp_ip_parse(gp_str(cases[i].text), &ip),
				 cases[i].canonical ? GP_OK : GP_EINVAL);
		assert_string_equal(gp_ip_format(&ip, text),
				    cases[i].canonical ? cases[i].canonical : "");
	}
	assert_int_equal(gp_ip_parse(gp_str_n("::1\0", 4), &(struct gp_ip){0}), GP_EINVAL);
}

static void test_cidr(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{"192.0.2.1/24", NULL},
		{"192.0.2.0/33", NULL},
		{"2001:db8::/129", NULL},
		{"::ffff:192.0.2.0/24", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2.0/-1", NULL},
		{"192.0.2.0/99999999999999999999", NULL},
	};
	char text[GP_IP_TEXT];

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_cidr net;

		assert_int_equal(gp_cidr_parse(gp_str(cases[i].text), &net),
				 cases[i].canonical ? GP_OK : GP_EINVAL);
		if (cases[i].canonical)
			assert_string_equal(gp_cidr_format(&net, text), cases[i].canonical);
	}
}

static void test_sets(void **state)
{
	static const char *const nets[] = {"10.0.0.0/8", "10.1.0.0/16", "192.0.2.128/25", "::1",
					   "2001:db8::/32", "10.0.0.0/8"};
	static const struct {
		const char *ip;
		bool is_in;
	} cases[] = {
		{"10.0.0.0", true},	  {"10.255.255.255", true}, {"11.0.0.0", false},
		{"9.255.255.255", false}, {"192.0.2.127", false},   {"192.0.2.128", true},
		{"192.0.2.255", true},	  {"192.0.3.0", false},	    {"::1", true},
		{"::2", false},		  {"2001:db8:ffff::", true}, {"2001:db9::", false},
		{"::ffff:10.1.2.3", true},
	};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_netset set = {0};
	struct gp_ip none = {.family = 0};

	(void)state;
	gp_netset_seal(&set);
	assert_false(gp_netset_has(&set, &none));
	for (size_t i = 0; i < GP_ARRAY_SIZE(nets); i++) {
		struct gp_cidr net;

		assert_int_equal(gp_cidr_parse(gp_str(nets[i]), &net), GP_OK);
		gp_netset_add(arena, &set, net);
	}
	gp_netset_seal(&set);
	assert_int_equal(set.len, 4); /* what a wider one covers is gone */
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_ip ip;

		assert_int_equal(gp_ip_parse(gp_str(cases[i].ip), &ip), GP_OK);
		assert_int_equal(gp_netset_has(&set, &ip), cases[i].is_in);
	}
	assert_false(gp_netset_has(&set, &none));
	gp_arena_free(arena);
}

static void test_kinds(void **state)
{
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct gp_ip ip;
	struct gp_cidr around;
	char text[GP_IP_TEXT];

	(void)state;
	inet_pton(AF_INET6, "::ffff:127.0.0.5", &mapped.sin6_addr);
	ip = gp_ip_from_sockaddr((struct sockaddr *)&mapped);
	assert_string_equal(gp_ip_format(&ip, text), "127.0.0.5");
	assert_true(gp_ip_is_loopback(&ip));
	assert_true(gp_ip_is_private(&ip));
	assert_int_equal(gp_ip_from_sockaddr(NULL).family, 0);
	assert_int_equal(gp_ip_parse(GP_STR("2001:db8:1:2:3:4:5:6"), &ip), GP_OK);
	assert_false(gp_ip_is_private(&ip));
	around = gp_cidr_around(&ip, 64);
	assert_string_equal(gp_cidr_format(&around, text), "2001:db8:1:2::/64");
	assert_int_equal(gp_ip_parse(GP_STR("100.64.1.1"), &ip), GP_OK);
	assert_true(gp_ip_is_private(&ip));
	around = gp_cidr_around(&ip, 24);
	assert_string_equal(gp_cidr_format(&around, text), "100.64.1.0/24");
	assert_int_equal(gp_ip_parse(GP_STR("fe80::1"), &ip), GP_OK);
	assert_true(gp_ip_is_private(&ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_cidr),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
