/*
 * Maps of who may use which address: what the words mean, and which lines are wrong.
 */
#include "lib/auth/senders.h"
#include "tests/unit/test.h"

static const char text[] = "joe@example.org   example.org *.example.org other@*.net\n"
			   "newsletter        news@example.org\n"
			   "@example.net      %d\n"
			   "192.0.2.0/24      example.org\n"
			   "*                 %a\n";

static struct gp_mapfile *parse(struct gp_arena *arena, const char *map, size_t *ret_errors)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_mapfile *m = NULL;

	gp_conf_report_init(&report);
	assert_int_equal(gp_mapfile_parse("m", gp_str(map), arena, &m, &report), GP_OK);
	gp_senders_check(m, &report);
	*ret_errors = report.errors.len;
	return m;
}

static void rights(void **state)
{
	static const struct {
		const char *account, *client, *local, *domain;
		enum gp_sender_right right;
	} cases[] = {
		{"joe@example.org", "", "any", "example.org", GP_SENDER_ALLOWED},
		{"JOE@example.org", "", "any", "sub.example.org", GP_SENDER_ALLOWED},
		{"joe+tag@example.org", "", "any", "example.org", GP_SENDER_ALLOWED},
		{"joe@example.org", "", "other", "x.net", GP_SENDER_ALLOWED},
		{"joe@example.org", "", "joe", "x.net", GP_SENDER_REFUSED},
		{"joe@example.org", "", "joe", "notexample.org", GP_SENDER_REFUSED},
		{"newsletter", "", "news", "example.org", GP_SENDER_ALLOWED},
		{"newsletter", "", "new", "example.org", GP_SENDER_REFUSED},
		{"ann@example.net", "", "any", "example.net", GP_SENDER_ALLOWED},
		{"ann@example.net", "", "ann", "example.org", GP_SENDER_REFUSED},
		{"eve@else.example", "", "eve", "else.example", GP_SENDER_ALLOWED},
		{"eve@else.example", "", "joe", "else.example", GP_SENDER_REFUSED},
		{"", "192.0.2.7", "any", "example.org", GP_SENDER_ALLOWED},
		{"", "192.0.2.7", "any", "example.net", GP_SENDER_REFUSED},
		{"", "198.51.100.1", "any", "example.org", GP_SENDER_UNKNOWN},
	};
	struct gp_arena *arena = gp_arena_new(0);
	size_t n_errors;
	struct gp_mapfile *map = parse(arena, text, &n_errors);

	(void)state;
	assert_int_equal(n_errors, 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_ip client = {0};
		struct gp_sender_claim claim = {gp_str(cases[i].account), &client,
						gp_str(cases[i].local), gp_str(cases[i].domain)};

		if (*cases[i].client)
			assert_int_equal(gp_ip_parse(gp_str(cases[i].client), &client), GP_OK);
		if (gp_senders_find(map, &claim) != cases[i].right)
			fail_msg("%s%s as %s@%s", cases[i].account, cases[i].client,
				 cases[i].local, cases[i].domain);
		assert_int_equal(gp_senders_find(NULL, &claim), GP_SENDER_UNKNOWN);
	}
	gp_arena_free(arena);
}

static void unknown_account(void **state)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_ip client = {0};
	struct gp_sender_claim claim = {GP_STR("ann"), &client, GP_STR("ann"), GP_STR("example.org")};
	size_t n_errors;

	(void)state;
	assert_int_equal(gp_senders_find(parse(arena, "joe example.org\n", &n_errors), &claim),
			 GP_SENDER_UNKNOWN);
	gp_arena_free(arena);
}

static void wrong_lines(void **state)
{
	struct gp_arena *arena = gp_arena_new(0);
	size_t n_errors;

	(void)state;
	parse(arena, "joe\nann ex..ample.org\nok example.org %a %d *@x.? \n", &n_errors);
	assert_int_equal(n_errors, 2);
	gp_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights),
		cmocka_unit_test(unknown_account),
		cmocka_unit_test(wrong_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
