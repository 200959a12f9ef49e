/*
 * Scores of own mail as text.
 */
#include "lib/proto/sent.h"

#include "tests/unit/test.h"

#define SPAN(text) {text, sizeof(text) - 1}

static void test_round_trip(void **state)
{
	const struct gp_sent sent = {.time_s = 1790000000, .score_milli = -6500, .id = SPAN("Q1"),
				     .account = SPAN("joe\n@example.org"), .action = SPAN("accept")};
	char text[GP_SENT_MAX];
	struct gp_sent again;
	size_t n = gp_sent_format(&sent, text, sizeof(text));

	(void)state;
	assert_true(n > 0);
	assert_true(gp_sent_parse(text, n, &again));
	assert_int_equal(again.time_s, 1790000000);
	assert_int_equal(again.score_milli, -6500);
	assert_true(gp_attr_is(again.account, "joe?@example.org"));
	assert_int_equal(again.client.len, 0);
	assert_int_equal(gp_sent_format(&sent, text, n - 1), 0);
}

static void test_cut(void **state)
{
	static char much[5000];
	struct gp_sent sent = {.time_s = 1};
	char text[GP_SENT_MAX];
	size_t n;

	(void)state;
	memset(much, 'x', sizeof(much));
	sent.id = sent.account = sent.client = sent.sender = sent.action =
		(struct gp_attr){much, sizeof(much)};
	sent.score_milli = INT64_MIN + 1;
	sent.time_s = INT64_MAX;
	n = gp_sent_format(&sent, text, sizeof(text));
	assert_true(n > 0);
	assert_true(gp_sent_parse(text, n, &sent));
	assert_int_equal(sent.sender.len, GP_SENT_TEXT_MAX);
}

static void test_none(void **state)
{
	static const char *const texts[] = {
		"", "\n", "time=1\nscore_milli=1\n\n", "time=x\nqueue_id=Q\nscore_milli=1\n\n",
		"time=1\nqueue_id=Q\nscore_milli=-\n\n", "time=1\nqueue_id=Q\nscore_milli=99999999999999999999\n\n",
		"time=1\nqueue_id=Q\nscore_milli=1\n", "nonsense\n\n"};
	struct gp_sent sent;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++)
		assert_false(gp_sent_parse(texts[i], strlen(texts[i]), &sent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
