/*
 * Map files: precedence of look-ups, and errors with their lines.
 */
#include "lib/conf/mapfile.h"
#include "tests/unit/test.h"

static const char text[] = "# a comment\n"
			   "user@example.org   reject=12 add_header=5\n"
			   "@example.net\n"
			   ".example.com sub\n"
			   ".deep.example.com deeper\n"
			   "*@news.* news\n"
			   "192.0.2.0/24 net\n"
			   "192.0.2.128/25 half\n"
			   "2001:db8::/32 six\n"
			   "\"odd user\"@example.org quoted\n"
			   "account7 limit=3\n";

static struct gp_arena *arena;
static struct gp_mapfile *map;

static int set_up(void **state)
{
	struct gp_conf_report report;
	int r;

	(void)state;
	arena = gp_arena_new(0);
	gp_conf_report_init(&report);
	r = gp_mapfile_parse("m", gp_str(text), arena, &map, &report);
	gp_conf_report_done(&report);
	return r;
}

static int tear_down(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *address;
		unsigned line; /* 0: nothing */
	} cases[] = {
		{"user@example.org", 2},
		{"User@EXAMPLE.org", 2},
		{"user+tag@example.org", 2},
		{"other@example.org", 0},
		{"any@example.net", 3},
		{"any@sub.example.net", 0},
		{"any@example.com", 0},
		{"any@a.example.com", 4},
		{"any@a.b.example.com", 4},
		{"any@a.deep.example.com", 5},
		{"letter@news.example", 6},
		{"odd user@example.org", 10},
		{"@", 0},
		{"", 0},
		{"nodomain", 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_map_hit hit = {.line = 0};

		assert_int_equal(gp_mapfile_find_address(map, gp_str(cases[i].address), &hit),
				 cases[i].line != 0);
		assert_int_equal(hit.line, cases[i].line);
	}
}

static void test_networks(void **state)
{
	static const struct {
		const char *ip;
		unsigned line;
	} cases[] = {
		{"192.0.2.1", 7},	{"192.0.2.200", 8}, {"192.0.3.1", 0},
		{"::ffff:192.0.2.1", 7}, {"2001:db8::5", 9}, {"::1", 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_map_hit hit = {.line = 0};
		struct gp_ip ip;

		assert_int_equal(gp_ip_parse(gp_str(cases[i].ip), &ip), GP_OK);
		assert_int_equal(gp_mapfile_find_ip(map, &ip, &hit), cases[i].line != 0);
		assert_int_equal(hit.line, cases[i].line);
	}
}

static void test_values(void **state)
{
	struct gp_map_hit hit;
	struct gp_str name;
	struct gp_diag diag;
	double number;

	(void)state;
	assert_true(gp_mapfile_find(map, GP_STR("ACCOUNT7"), &hit));
	assert_str(hit.value, "limit=3");
	assert_true(gp_mapfile_find_domain(map, GP_STR("example.net"), &hit));
	assert_str(hit.value, "");
	assert_true(gp_mapfile_find_address(map, GP_STR("user@example.org"), &hit));
	assert_int_equal(gp_mapfile_next_number(&hit.value, &name, &number, &diag), GP_OK);
	assert_str(name, "reject");
	assert_true(number > 11.9 && number < 12.1);
	assert_int_equal(gp_mapfile_next_number(&hit.value, &name, &number, &diag), GP_OK);
	assert_str(name, "add_header");
	assert_int_equal(gp_mapfile_next_number(&hit.value, &name, &number, &diag), GP_ENOENT);
	hit.value = GP_STR("reject");
	assert_int_equal(gp_mapfile_next_number(&hit.value, &name, &number, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "\"reject\": expected NAME=NUMBER");
	hit.value = GP_STR("reject=x");
	assert_int_equal(gp_mapfile_next_number(&hit.value, &name, &number, &diag), GP_EINVAL);
	assert_int_equal(gp_mapfile_len(map), 10);
	assert_false(gp_mapfile_find_address(NULL, GP_STR("a@b"), &hit));
}

static void test_errors(void **state)
{
	static const char broken[] = "a@b\n\"open\nA@B x\n10.0.0.1/8\n\n\"\"\n10.0.0.0/99\n";
	static const char *const said[] = {
		"m:2: the quote is not closed",
		"m:3: \"A@B\" stands in line 1 already",
		"m:4: \"10.0.0.1/8\" is not a network (host bits set, or too many bits)",
		"m:6: the key is empty",
		"m:7: \"10.0.0.0/99\" is not a network (host bits set, or too many bits)",
	};
	GP_CONF_REPORT_AUTO report;
	struct gp_mapfile *none = NULL;

	(void)state;
	gp_conf_report_init(&report);
	assert_int_equal(gp_mapfile_parse("m", gp_str(broken), arena, &none, &report), GP_EINVAL);
	assert_null(none);
	assert_int_equal(report.errors.len, GP_ARRAY_SIZE(said));
	for (size_t i = 0; i < report.errors.len; i++) {
		GP_BUF_AUTO line = GP_BUF_INIT(512);

		gp_conf_error_format(&report.errors.items[i], &line);
		assert_string_equal(gp_buf_cstr(&line), said[i]);
	}
	assert_true(gp_mapfile_load("/nonexistent/map", arena, &none, &report) < 0);
	assert_string_equal(report.errors.items[report.errors.len - 1].text,
			    "/nonexistent/map: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_networks),
		cmocka_unit_test(test_values),	  cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
