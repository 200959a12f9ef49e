/*
 * The canary of the self-test: its bytes follow from its Message-ID.
 */
#include "tests/unit/test.h"

#include "cli/canary.h"
#include "lib/base/err.h"

static void test_round_trip(void **state)
{
	struct canary c = canary_new(1795286717), again = {0};
	GP_BUF_AUTO one = GP_BUF_INIT(65536);
	GP_BUF_AUTO two = GP_BUF_INIT(65536);
	char id[CANARY_ID_SIZE];
	size_t at;

	(void)state;
	canary_message_id(&c, id);
	assert_true(canary_parse(gp_str(id), &again));
	canary_write(&c, &one);
	canary_write(&again, &two);
	assert_int_equal(gp_buf_error(&one), GP_OK);
	assert_true(gp_str_eq(gp_buf_str(&one), gp_buf_str(&two)));
	at = gp_str_find(gp_buf_str(&one), gp_str(id), 0);
	assert_true(at < one.len);
	assert_true(gp_str_find(gp_buf_str(&one), GP_STR("Date: Sat, 21 Nov 2026 "), 0) < one.len);
	c.seed++;
	gp_buf_reset(&two);
	canary_write(&c, &two);
	assert_false(gp_str_eq(gp_buf_str(&one), gp_buf_str(&two)));
}

static void test_others(void **state)
{
	static const char *const others[] = {
		"", "<>", "<a@b>", "<gatepost-canary.@self-test.invalid>",
		"<gatepost-canary.1.2@self-test.invalid>",
		"<gatepost-canary.-1.0123456789abcdef@self-test.invalid>",
		"<gatepost-canary.1.0123456789abcdeg@self-test.invalid>",
		"<gatepost-canary.1.0123456789abcdef@self-test.invalid.example.com>",
		"<gatepost-canary.1.0123456789abcdef.5@self-test.invalid>",
	};
	struct canary c;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(others); i++)
		assert_false(canary_parse(gp_str(others[i]), &c));
	assert_true(canary_parse(GP_STR(" gatepost-canary.1.0123456789abcdef@self-test.invalid "), &c));
	assert_true(c.time_s == 1 && c.seed == 0x0123456789abcdef);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
