/*
 * Whose mail it is, and what that and the recipients' settings make of a score.
 */
#include "tests/unit/test.h"

#include <math.h>

#include "milter-spam/policy.h"

static struct gp_arena *arena;
static struct spam_conf conf;

static struct gp_mapfile *map_of(const char *text)
{
	struct gp_conf_report report;
	struct gp_mapfile *map = NULL;

	gp_conf_report_init(&report);
	assert_int_equal(gp_mapfile_parse("map", gp_str(text), arena, &map, &report), GP_OK);
	gp_conf_report_done(&report);
	return map;
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	conf = (struct spam_conf){
		.thresholds = {.greylist = 4, .add_header = 6, .reject = 15},
		.authenticated = SPAM_OBSERVE,
		.own_networks = SPAM_ENFORCE,
		.greylist.enabled = true,
		.recipients = map_of("lenient@example.org reject=30 add_header=10\n"
				     "friend@example.org welcome=spammer@example.net\n"),
		.accounts = map_of("mallory reject=5\n"),
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_free(arena);
	return 0;
}

static struct spam_decision decide(enum spam_origin origin, double score, const char *account,
				   const char *const *recipients, size_t n)
{
	struct gp_str rcpts[4];
	struct spam_envelope e = {.sender = {.envelope = GP_STR("spammer@example.net")},
				  .recipients = rcpts,
				  .n_recipients = n,
				  .account = gp_str(account),
				  .asked = spam_asked_new(NULL, &conf, arena)};
	struct spam_decision d;

	for (size_t i = 0; i < n; i++)
		rcpts[i] = gp_str(recipients[i]);
	spam_policy_decide(&conf, &e, origin, score, arena, &d);
	return d;
}

static void test_inbound(void **state)
{
	static const struct {
		double score;
		enum gp_action action;
	} cases[] = {{3.9, GP_ACTION_ACCEPT},	{4, GP_ACTION_GREYLIST},
		     {6, GP_ACTION_ADD_HEADER}, {14.99, GP_ACTION_ADD_HEADER},
		     {15, GP_ACTION_REJECT},	{-50, GP_ACTION_ACCEPT}};
	static const char *const any[] = {"anybody@example.org"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_int_equal(decide(SPAM_INBOUND, cases[i].score, "", any, 1).action,
				 cases[i].action);
	assert_true(decide(SPAM_INBOUND, 1, "", any, 1).required == 6);
	conf.greylist.enabled = false;
	assert_int_equal(decide(SPAM_INBOUND, 5, "", any, 1).action, GP_ACTION_ACCEPT);
}

static void test_several_recipients(void **state)
{
	static const char *const both[] = {"anybody@example.org", "lenient@example.org"};
	struct spam_decision d;

	(void)state;
	d = decide(SPAM_INBOUND, 20, "", both, 2);
	assert_int_equal(d.action, GP_ACTION_ADD_HEADER); /* not rejected: one does not agree */
	assert_str(d.decided_by, "lenient@example.org");
	d = decide(SPAM_INBOUND, 7, "", both, 2);
	assert_int_equal(d.action, GP_ACTION_ADD_HEADER); /* marked: one wants it */
	d = decide(SPAM_INBOUND, 31, "", both, 2);
	assert_int_equal(d.action, GP_ACTION_REJECT);
}

static void test_own_welcome_list(void **state)
{
	static const char *const friend[] = {"friend@example.org"};
	static const char *const both[] = {"friend@example.org", "anybody@example.org"};

	(void)state;
	assert_int_equal(decide(SPAM_INBOUND, 20, "", friend, 1).action, GP_ACTION_ACCEPT);
	assert_int_equal(decide(SPAM_INBOUND, 20, "", both, 2).action, GP_ACTION_ADD_HEADER);
}

static void test_our_own_mail(void **state)
{
	static const char *const any[] = {"anybody@example.org"};

	(void)state;
	assert_int_equal(decide(SPAM_AUTHENTICATED, 50, "alice", any, 1).action,
			 GP_ACTION_ACCEPT);
	assert_int_equal(decide(SPAM_OWN_NETWORK, 10, "", any, 1).action, GP_ACTION_ACCEPT);
	assert_int_equal(decide(SPAM_OWN_NETWORK, 50, "", any, 1).action, GP_ACTION_REJECT);
	conf.authenticated = SPAM_ENFORCE;
	assert_int_equal(decide(SPAM_AUTHENTICATED, 6, "mallory", any, 1).action,
			 GP_ACTION_REJECT);
	assert_int_equal(decide(SPAM_AUTHENTICATED, 6, "alice", any, 1).action, GP_ACTION_ACCEPT);
}

static void test_origin(void **state)
{
	struct gp_conf_networks networks = {0};
	struct gp_cidr net;
	struct spam_envelope e = {0};

	(void)state;
	assert_int_equal(gp_cidr_parse(GP_STR("192.0.2.0/24"), &net), GP_OK);
	gp_netset_add(arena, &networks.own, net);
	gp_netset_seal(&networks.own);
	assert_int_equal(gp_ip_parse(GP_STR("198.51.100.1"), &e.sender.client), GP_OK);
	assert_int_equal(spam_policy_origin(&networks, &e), SPAM_INBOUND);
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.1"), &e.sender.client), GP_OK);
	assert_int_equal(spam_policy_origin(&networks, &e), SPAM_OWN_NETWORK);
	e.account = GP_STR("alice");
	assert_int_equal(spam_policy_origin(&networks, &e), SPAM_AUTHENTICATED);
	assert_int_equal(spam_policy_for(&conf, SPAM_INBOUND), SPAM_ENFORCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_recipients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_welcome_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_own_mail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_origin, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
