/*
 * Maps of senders, recipients and accounts.
 */
#include "tests/unit/test.h"

#include <math.h>

#include "milter-spam/lists.h"

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
	gp_arena_free(arena);
	return 0;
}

static struct gp_mapfile *map_of(const char *text)
{
	struct gp_conf_report report;
	struct gp_mapfile *map = NULL;

	gp_conf_report_init(&report);
	assert_int_equal(gp_mapfile_parse("map", gp_str(text), arena, &map, &report), GP_OK);
	gp_conf_report_done(&report);
	return map;
}

/* As policy.c reads them. */
static struct spam_settings settings_of(const struct gp_mapfile *map, struct gp_str key,
					bool is_account, const struct gp_thresholds *defaults,
					const struct spam_sender *s)
{
	struct gp_str words = {0};

	if (!spam_settings_words(map, key, is_account, &words))
		return (struct spam_settings){.thresholds = *defaults};
	return spam_settings_read(words, defaults, s);
}

static struct spam_sender sender(const char *envelope, const char *from, const char *ip)
{
	struct spam_sender s = {.envelope = gp_str(envelope), .header_from = gp_str(from)};

	if (*ip)
		assert_int_equal(gp_ip_parse(gp_str(ip), &s.client), GP_OK);
	return s;
}

static void test_senders(void **state)
{
	static const char text[] = "friend@example.org\n@partner.example -5.5\n.sub.example\n"
				   "192.0.2.0/24 -3\n2001:db8::/32\n";
	static const struct {
		const char *envelope, *from, *ip;
		bool use_from, found;
		double score;
	} cases[] = {
		{"friend@example.org", "", "", false, true, -100},
		{"FRIEND@Example.ORG", "", "", false, true, -100},
		{"other@example.org", "", "", false, false, 0},
		{"anybody@partner.example", "", "", false, true, -5.5},
		{"x@deep.sub.example", "", "", false, true, -100},
		{"x@sub.example", "", "", false, false, 0},
		{"", "", "192.0.2.77", false, true, -3},
		{"", "", "2001:db8:1::5", false, true, -100},
		{"", "", "198.51.100.1", false, false, 0},
		{"x@y", "friend@example.org", "", false, false, 0},
		{"x@y", "friend@example.org", "", true, true, -100},
	};
	struct gp_mapfile *map = map_of(text);

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct spam_sender s = sender(cases[i].envelope, cases[i].from, cases[i].ip);
		struct gp_str key;
		double score = 0;

		assert_int_equal(
			spam_sender_find(map, &s, cases[i].use_from, -100, &score, &key),
			cases[i].found);
		assert_true(score == cases[i].score);
	}
	assert_false(spam_sender_find(NULL, &(struct spam_sender){0}, true, 1, &(double){0},
				      &(struct gp_str){0}));
}

static void test_settings(void **state)
{
	struct gp_mapfile *map =
		map_of("alice@example.org reject=12 add_header=5 greylist=0\n"
		       "@example.org reject=20 welcome=@friends.example block=*@*.bad.example\n");
	struct gp_thresholds defaults = {4, 6, INFINITY, 15, INFINITY};
	struct spam_sender friend = sender("bob@friends.example", "", "");
	struct spam_sender bad = sender("x@host.bad.example", "", "");
	struct spam_settings s;

	(void)state;
	s = settings_of(map, GP_STR("alice@example.org"), false, &defaults, &friend);
	assert_true(s.thresholds.reject == 12 && s.thresholds.add_header == 5);
	assert_true(isinf(s.thresholds.greylist));
	assert_true(s.adjust == 0);
	s = settings_of(map, GP_STR("bob@example.org"), false, &defaults, &friend);
	assert_true(s.thresholds.reject == 20 && s.thresholds.add_header == 6);
	assert_true(s.adjust == SPAM_WELCOME_SCORE);
	assert_str(s.matched, "@friends.example");
	s = settings_of(map, GP_STR("bob@example.org"), false, &defaults, &bad);
	assert_true(s.adjust == SPAM_BLOCK_SCORE);
	s = settings_of(map, GP_STR("x@elsewhere.example"), false, &defaults, &bad);
	assert_true(s.adjust == 0 && s.thresholds.reject == 15);
	s = settings_of(NULL, GP_STR("x@example.org"), false, &defaults, &bad);
	assert_true(s.thresholds.reject == 15);
}

static void test_accounts_by_name(void **state)
{
	struct gp_mapfile *map = map_of("alice reject=9\n");
	struct gp_thresholds defaults = {4, 6, INFINITY, 15, INFINITY};
	struct spam_sender nobody = {0};
	struct spam_settings s;

	(void)state;
	s = settings_of(map, GP_STR("alice"), true, &defaults, &nobody);
	assert_true(s.thresholds.reject == 9);
}

static void test_complaints(void **state)
{
	struct gp_conf_report report;

	(void)state;
	gp_conf_report_init(&report);
	spam_sender_map_check(map_of("a@example.org ten\nb@example.org -1.5\n"), &report);
	assert_int_equal(report.errors.len, 1);
	assert_int_equal(report.errors.items[0].line, 1);
	assert_non_null(strstr(report.errors.items[0].text, "ten"));
	gp_conf_report_done(&report);

	gp_conf_report_init(&report);
	spam_settings_map_check(map_of("a@x.example rejects=5\nb@x.example reject=high\n"
				       "c@x.example welcome=\nd@x.example reject=-1\n"
				       "e@x.example reject=9 block=x@y\n"),
				&report);
	assert_int_equal(report.errors.len, 4);
	gp_conf_report_done(&report);
	spam_settings_map_check(NULL, NULL);
}

/* Of a directory's values an entry's own come before those of its groups. */
static void test_first_counts(void **state)
{
	struct gp_thresholds defaults = {4, 6, INFINITY, 15, INFINITY};
	struct spam_sender nobody = sender("x@example.net", "", "");
	struct spam_settings s = spam_settings_read(
		GP_STR("reject=soon reject=5 add_header=3 reject=12 block=x@example.net "
		       "welcome=x@example.net"),
		&defaults, &nobody);

	(void)state;
	assert_true(s.thresholds.reject == 5 && s.thresholds.add_header == 3);
	assert_true(s.thresholds.greylist == 4 && s.adjust == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_senders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accounts_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complaints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
