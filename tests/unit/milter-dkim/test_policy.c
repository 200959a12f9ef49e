/*
 * What settings make of results: a table of both, and what spares a message.
 */
#include "tests/unit/test.h"

#include "lib/daemon/reply.h"
#include "milter-dkim/policy.h"

static struct gp_arena *arena;
static struct dkim_conf conf;
static struct gp_auth_result result;
static struct gp_dkim_result signatures[2];
static struct dkim_parties who;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	conf = (struct dkim_conf){
		.spf = {.enabled = true, .text = "SPF %d %c %r"},
		.dkim = {.enabled = true, .text = "DKIM %d %r"},
		.arc = {.enabled = true, .text = "ARC %r"},
		.dmarc = {.enabled = true, .text = "DMARC %d %f 100%%"},
	};
	result = (struct gp_auth_result){.dkim = signatures};
	result.mailfrom.domain = GP_STR("sender.example");
	result.mailfrom.reason = GP_STR("matched -all");
	result.dmarc.from = GP_STR("author.example");
	result.dmarc.reason = GP_STR("nothing aligned");
	memset(signatures, 0, sizeof(signatures));
	who = (struct dkim_parties){.helo = GP_STR("mail.host.example"),
				    .from = GP_STR("someone@sender.example")};
	assert_int_equal(gp_ip_parse(GP_STR("192.0.2.7"), &who.client), GP_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_free(arena);
	return 0;
}

static struct dkim_decision decide(void)
{
	struct dkim_decision d;

	dkim_policy_decide(&conf, &result, &who, arena, &d);
	return d;
}

static void expect(enum dkim_action action, const char *method, const char *xcode)
{
	struct dkim_decision d = decide();

	assert_int_equal(d.action, action);
	assert_string_equal(d.method, method);
	assert_string_equal(d.xcode, xcode);
}

/* One signature with that status. */
static void sign(enum gp_auth_status status)
{
	signatures[0] = (struct gp_dkim_result){
		.status = status, .domain = GP_STR("signer.example"), .reason = GP_STR("why")};
	result.n_dkim = 1;
}

static void test_everything_bad_is_noted_only(void **state)
{
	(void)state;
	result.mailfrom.status = result.helo.status = result.arc.status = GP_AUTH_FAIL;
	result.dmarc.status = GP_AUTH_FAIL;
	result.dmarc.policy = GP_DMARC_REJECT;
	sign(GP_AUTH_FAIL);
	expect(DKIM_ACCEPT, "", "");
}

static void test_spf(void **state)
{
	static const struct {
		enum gp_auth_status status;
		size_t setting;
		int value;
		enum dkim_action action;
		const char *xcode;
	} cases[] = {
		{GP_AUTH_FAIL, offsetof(struct dkim_spf_conf, fail), DKIM_DO_REJECT, DKIM_REJECT,
		 "5.7.23"},
		{GP_AUTH_FAIL, offsetof(struct dkim_spf_conf, fail), DKIM_DO_QUARANTINE,
		 DKIM_QUARANTINE, "5.7.23"},
		{GP_AUTH_SOFTFAIL, offsetof(struct dkim_spf_conf, softfail), DKIM_DO_REJECT,
		 DKIM_REJECT, "5.7.23"},
		{GP_AUTH_SOFTFAIL, offsetof(struct dkim_spf_conf, fail), DKIM_DO_REJECT,
		 DKIM_ACCEPT, ""},
		{GP_AUTH_PERMERROR, offsetof(struct dkim_spf_conf, permerror), DKIM_DO_REJECT,
		 DKIM_REJECT, "5.7.24"},
		{GP_AUTH_TEMPERROR, offsetof(struct dkim_spf_conf, temperror),
		 GP_ON_ERROR_TEMPFAIL, DKIM_TEMPFAIL, "4.7.24"},
		{GP_AUTH_TEMPERROR, offsetof(struct dkim_spf_conf, temperror), GP_ON_ERROR_ACCEPT,
		 DKIM_ACCEPT, ""},
		{GP_AUTH_NONE, offsetof(struct dkim_spf_conf, fail), DKIM_DO_REJECT, DKIM_ACCEPT,
		 ""},
		{GP_AUTH_NEUTRAL, offsetof(struct dkim_spf_conf, fail), DKIM_DO_REJECT,
		 DKIM_ACCEPT, ""},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct dkim_spf_conf clean = conf.spf;

		*(int *)(void *)((char *)&conf.spf + cases[i].setting) = cases[i].value;
		result.mailfrom.status = cases[i].status;
		expect(cases[i].action, cases[i].action ? "spf" : "", cases[i].xcode);
		conf.spf = clean;
	}
}

static void test_spf_of_helo(void **state)
{
	(void)state;
	conf.spf.helo_fail = DKIM_DO_REJECT;
	result.mailfrom.status = GP_AUTH_PASS;
	expect(DKIM_ACCEPT, "", "");
	result.helo.status = GP_AUTH_FAIL;
	expect(DKIM_REJECT, "spf", "5.7.23");
}

static void test_spf_says_the_owners_words(void **state)
{
	struct dkim_decision d;

	(void)state;
	conf.spf.fail = DKIM_DO_REJECT;
	result.mailfrom.status = GP_AUTH_FAIL;
	result.mailfrom.explanation = GP_STR("ask our postmaster");
	d = decide();
	assert_string_equal(dkim_policy_text(&d, &who, arena),
			    "SPF sender.example 192.0.2.7 sender.example explains: ask our "
			    "postmaster");
}

/* RFC 9989: not before DKIM and DMARC have been looked at. */
static void test_dmarc_pass_spares_spf(void **state)
{
	(void)state;
	conf.spf.fail = conf.spf.helo_fail = DKIM_DO_REJECT;
	result.mailfrom.status = result.helo.status = GP_AUTH_FAIL;
	result.dmarc.status = GP_AUTH_PASS;
	expect(DKIM_ACCEPT, "", "");
	result.dmarc.status = GP_AUTH_NONE;
	expect(DKIM_REJECT, "spf", "5.7.23");
}

static void test_dkim(void **state)
{
	(void)state;
	conf.dkim.fail = DKIM_DO_REJECT;
	expect(DKIM_ACCEPT, "", "");
	conf.dkim.none = DKIM_DO_QUARANTINE;
	expect(DKIM_QUARANTINE, "dkim", "5.7.20");
	sign(GP_AUTH_PASS);
	expect(DKIM_ACCEPT, "", "");
	sign(GP_AUTH_FAIL);
	expect(DKIM_REJECT, "dkim", "5.7.20");
	sign(GP_AUTH_POLICY);
	expect(DKIM_REJECT, "dkim", "5.7.21");
	sign(GP_AUTH_TEMPERROR);
	expect(DKIM_ACCEPT, "", "");
	conf.dkim.temperror = GP_ON_ERROR_TEMPFAIL;
	expect(DKIM_TEMPFAIL, "dkim", "4.4.3");
}

static void test_one_good_signature_is_enough(void **state)
{
	(void)state;
	conf.dkim.fail = conf.dkim.none = DKIM_DO_REJECT;
	sign(GP_AUTH_FAIL);
	signatures[1].status = GP_AUTH_PASS;
	result.n_dkim = 2;
	expect(DKIM_ACCEPT, "", "");
}

/* t=y: a broken signature is no signature. */
static void test_testing_signature(void **state)
{
	(void)state;
	conf.dkim.fail = DKIM_DO_REJECT;
	sign(GP_AUTH_FAIL);
	signatures[0].is_testing = true;
	expect(DKIM_ACCEPT, "", "");
	conf.dkim.none = DKIM_DO_QUARANTINE;
	expect(DKIM_QUARANTINE, "dkim", "5.7.20");
}

static void test_arc(void **state)
{
	(void)state;
	conf.arc.fail = DKIM_DO_REJECT;
	result.arc.status = GP_AUTH_FAIL;
	expect(DKIM_REJECT, "arc", "5.7.29");
	result.arc.status = GP_AUTH_NONE;
	expect(DKIM_ACCEPT, "", "");
	result.arc.status = GP_AUTH_TEMPERROR;
	conf.arc.temperror = GP_ON_ERROR_TEMPFAIL;
	expect(DKIM_TEMPFAIL, "arc", "4.4.3");
}

static void test_dmarc(void **state)
{
	static const struct {
		enum gp_dmarc_policy policy;
		int reject, quarantine;
		enum dkim_action action;
		enum gp_dmarc_policy disposition;
		const char *override;
	} cases[] = {
		{GP_DMARC_REJECT, DKIM_DO_REJECT, DKIM_DO_NOTE, DKIM_REJECT, GP_DMARC_REJECT, ""},
		{GP_DMARC_REJECT, DKIM_DO_QUARANTINE, DKIM_DO_NOTE, DKIM_QUARANTINE,
		 GP_DMARC_QUARANTINE, "local_policy"},
		{GP_DMARC_REJECT, DKIM_DO_NOTE, DKIM_DO_REJECT, DKIM_ACCEPT, GP_DMARC_NONE,
		 "local_policy"},
		{GP_DMARC_QUARANTINE, DKIM_DO_REJECT, DKIM_DO_QUARANTINE, DKIM_QUARANTINE,
		 GP_DMARC_QUARANTINE, ""},
		{GP_DMARC_NONE, DKIM_DO_REJECT, DKIM_DO_REJECT, DKIM_ACCEPT, GP_DMARC_NONE, ""},
	};

	(void)state;
	result.dmarc.status = GP_AUTH_FAIL;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		conf.dmarc.reject = cases[i].reject;
		conf.dmarc.quarantine = cases[i].quarantine;
		result.dmarc.policy = cases[i].policy;
		expect(cases[i].action, cases[i].action ? "dmarc" : "",
		       cases[i].action ? "5.7.26" : "");
		assert_int_equal(decide().disposition, cases[i].disposition);
		assert_string_equal(decide().override, cases[i].override);
	}
}

static void test_dmarc_errors(void **state)
{
	(void)state;
	result.dmarc.status = GP_AUTH_PERMERROR;
	expect(DKIM_ACCEPT, "", "");
	conf.dmarc.permerror = DKIM_DO_REJECT;
	expect(DKIM_REJECT, "dmarc", "5.7.1");
	result.dmarc.status = GP_AUTH_TEMPERROR;
	expect(DKIM_ACCEPT, "", "");
	conf.dmarc.temperror = GP_ON_ERROR_TEMPFAIL;
	expect(DKIM_TEMPFAIL, "dmarc", "4.4.3");
}

/* Refusing beats deferring beats holding; of equals DMARC speaks first. */
static void test_strongest_wins(void **state)
{
	(void)state;
	result.dmarc.status = result.mailfrom.status = GP_AUTH_FAIL;
	result.dmarc.policy = GP_DMARC_REJECT;
	conf.dmarc.reject = DKIM_DO_QUARANTINE;
	conf.spf.fail = DKIM_DO_REJECT;
	expect(DKIM_REJECT, "spf", "5.7.23");
	conf.dmarc.reject = DKIM_DO_REJECT;
	expect(DKIM_REJECT, "dmarc", "5.7.26");
	conf.dmarc.reject = DKIM_DO_QUARANTINE;
	result.mailfrom.status = GP_AUTH_TEMPERROR;
	conf.spf.temperror = GP_ON_ERROR_TEMPFAIL;
	expect(DKIM_TEMPFAIL, "spf", "4.7.24");
}

static void test_trusted_forwarder(void **state)
{
	struct gp_arc_set set = {.domain = GP_STR("list.example")};

	(void)state;
	conf.dmarc.reject = conf.spf.fail = conf.dkim.fail = DKIM_DO_REJECT;
	result.dmarc.status = result.mailfrom.status = GP_AUTH_FAIL;
	result.dmarc.policy = GP_DMARC_REJECT;
	sign(GP_AUTH_FAIL);
	result.arc = (struct gp_arc_result){
		.status = GP_AUTH_PASS, .sets = &set, .n_sets = 1, .is_override = true};
	set.results = GP_STR("list.example; dmarc=pass header.from=author.example;\n"
			     "\tspf=pass smtp.mailfrom=a@author.example;\n"
			     "\tdkim=pass header.d=author.example");
	expect(DKIM_ACCEPT, "", "");
	assert_int_equal(decide().disposition, GP_DMARC_NONE);
	assert_string_equal(decide().override, "trusted_forwarder");
	/* Another author's pass, and a failure there too, help nobody. */
	set.results = GP_STR("list.example; dmarc=pass header.from=other.example");
	expect(DKIM_REJECT, "dmarc", "5.7.26");
	set.results = GP_STR("list.example; dmarc=fail header.from=author.example");
	expect(DKIM_REJECT, "dmarc", "5.7.26");
	set.results = GP_STR("nothing that \"parses");
	expect(DKIM_REJECT, "dmarc", "5.7.26");
	set.results = GP_STR("list.example; dmarc=pass header.from=author.example");
	result.arc.is_override = false;
	expect(DKIM_REJECT, "dmarc", "5.7.26");
}

static void test_exempt_domains(void **state)
{
	static const char *const globs[] = {"*.host.example", "sender.example", "author.*"};

	(void)state;
	result.dmarc.status = GP_AUTH_FAIL;
	result.dmarc.policy = GP_DMARC_REJECT;
	conf.dmarc.reject = DKIM_DO_REJECT;
	for (size_t i = 0; i < GP_ARRAY_SIZE(globs); i++) {
		conf.exempt_domains = (struct gp_conf_list){&globs[i], 1};
		expect(DKIM_ACCEPT, "", "");
		assert_true(decide().is_spared);
		assert_string_equal(decide().override, "local_policy");
	}
	conf.exempt_domains = (struct gp_conf_list){(const char *const[]){"example"}, 1};
	expect(DKIM_REJECT, "dmarc", "5.7.26");
}

static void test_switched_off(void **state)
{
	(void)state;
	conf.spf.fail = conf.dkim.none = conf.arc.fail = conf.dmarc.reject = DKIM_DO_REJECT;
	conf.spf.enabled = conf.dkim.enabled = conf.arc.enabled = conf.dmarc.enabled = false;
	result.mailfrom.status = result.arc.status = result.dmarc.status = GP_AUTH_FAIL;
	result.dmarc.policy = GP_DMARC_REJECT;
	expect(DKIM_ACCEPT, "", "");
}

static void test_text(void **state)
{
	static char hostile[400];
	struct dkim_decision d = {.text = "%d|%c|%f|%r|%%"};

	(void)state;
	memset(hostile, 'x', sizeof(hostile));
	d.domain = GP_STR("a\r\n250 b\xff");
	d.reason = gp_str_n(hostile, sizeof(hostile));
	who.from = GP_STR("");
	assert_true(gp_str_starts(gp_str(dkim_policy_text(&d, &who, arena)),
				  GP_STR("a??250 b?|192.0.2.7|<>|xxx")));
	assert_true(strlen(dkim_policy_text(&d, &who, arena)) < 160);
}

static void test_check_of_texts(void **state)
{
	static const char *const good[] = {"", "plain", "%d %c %f %r %%"};
	static const char *const bad[] = {"%", "%s", "100% sure"};
	struct gp_diag diag;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(good); i++)
		assert_int_equal(dkim_policy_check_text(&good[i], &diag), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++)
		assert_int_equal(dkim_policy_check_text(&bad[i], &diag), GP_EINVAL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everything_bad_is_noted_only),
		TEST(test_spf),
		TEST(test_spf_of_helo),
		TEST(test_spf_says_the_owners_words),
		TEST(test_dmarc_pass_spares_spf),
		TEST(test_dkim),
		TEST(test_one_good_signature_is_enough),
		TEST(test_testing_signature),
		TEST(test_arc),
		TEST(test_dmarc),
		TEST(test_dmarc_errors),
		TEST(test_strongest_wins),
		TEST(test_trusted_forwarder),
		TEST(test_exempt_domains),
		TEST(test_switched_off),
		TEST(test_text),
		TEST(test_check_of_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
