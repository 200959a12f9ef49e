/* Eval functions over SPF, DKIM, ARC and DMARC results. */
#include "tests/unit/score/rule_fixture.h"

static const char rules[] =
	"header P eval:check_for_spf_pass()\nheader F eval:check_for_spf_fail()\n"
	"header S eval:check_for_spf_softfail()\nheader N eval:check_for_spf_none()\n"
	"header HP eval:check_for_spf_helo_pass()\nheader HN eval:check_for_spf_helo_none()\n"
	"full DS eval:check_dkim_signed()\nfull DV eval:check_dkim_valid()\n"
	"full DA eval:check_dkim_valid_author_sig()\nfull DE eval:check_dkim_valid_envelopefrom()\n"
	"full DT eval:check_dkim_testing()\n"
	"full AS eval:check_arc_signed()\nfull AV eval:check_arc_valid()\n"
	"full D1 eval:check_dkim_valid('c.example', 'B.example')\n"
	"full D2 eval:check_dkim_valid('*.b.example')\nfull D3 eval:check_dkim_signed('.example')\n"
	"full D4 eval:check_dkim_valid('list.example')\n"
	"header MP eval:check_dmarc_pass()\nheader MR eval:check_dmarc_reject()\n"
	"header MQ eval:check_dmarc_quarantine()\nheader MN eval:check_dmarc_none()\n"
	"header MM eval:check_dmarc_missing()\n";

static const char *hits(const struct gp_auth_result *auth, const char *envelope_from)
{
	static char text[256];
	struct fixture f;
	size_t n = 0;

	fixture_load(&f, rules);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	f.input.auth = auth;
	f.input.envelope_from = gp_str(envelope_from);
	fixture_scan(&f, "From: a@b.example\n\nx\n");
	text[0] = '\0';
	for (const char *r = rules; (r = strchr(r, ' ')); r = strchr(r, '\n')) {
		char name[8] = "";

		gp_str_copy(name, sizeof(name), gp_str_n(r + 1, strcspn(r + 1, " ")));
		if (gp_rule_scan_hits(f.scan, name) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", name);
	}
	fixture_done(&f);
	return text;
}

static void unknown(void **state)
{
	assert_string_equal(hits(NULL, "a@b.example"), "");
}

static void nothing_there(void **state)
{
	const struct gp_auth_result auth = {0};

	assert_string_equal(hits(&auth, "a@b.example"), "N HN MM");
	assert_string_equal(hits(&auth, ""), "HN MM"); /* a bounce has no MAIL FROM to check */
}

static void all_good(void **state)
{
	struct gp_dkim_result dkim[2] = {
		{.status = GP_AUTH_FAIL, .domain = GP_STR("list.example")},
		{.status = GP_AUTH_PASS, .domain = GP_STR("b.example"), .is_author = true},
	};
	struct gp_auth_result auth = {.helo = {.status = GP_AUTH_PASS},
				      .mailfrom = {.status = GP_AUTH_PASS},
				      .dkim = dkim,
				      .n_dkim = 2,
				      .arc = {.status = GP_AUTH_PASS},
				      .dmarc = {.status = GP_AUTH_PASS}};

	assert_string_equal(hits(&auth, "x@sub.b.example"), "P HP DS DV DA AS AV D1 D2 D3 MP");
	assert_string_equal(hits(&auth, "x@b.example@c.example"), "P HP DS DV DA AS AV D1 D2 D3 MP");
	dkim[0].is_testing = true;
	assert_string_equal(hits(&auth, "x@B.EXAMPLE"), "P HP DS DV DA DE DT AS AV D1 D2 D3 MP");
}

/* A signature speaks for the domain of its i=, and for that one only. */
static void signers(void **state)
{
	static const struct {
		const char *domain, *identity, *sender, *hits;
	} cases[] = {
		{"b.example", "", "x@b.example", "HN DS DV DA DE D1 D2 D3 MM"},
		{"b.example", "@b.example", "x@b.example", "HN DS DV DA DE D1 D2 D3 MM"},
		{"b.example", "u@Sub.b.example", "x@b.example", "HN DS DV D2 D3 MM"},
		{"b.example", "u@sub.b.example", "x@sub.b.example", "HN DS DV DE D2 D3 MM"},
		{"example", "", "x@b.example", "HN DS DV D3 MM"}, /* a parent of the author's */
		{"example", "@b.example", "x@b.example", "HN DS DV DA DE D1 D2 D3 MM"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_dkim_result dkim = {.status = GP_AUTH_PASS,
					      .domain = gp_str(cases[i].domain),
					      .identity = gp_str(cases[i].identity),
					      .is_author = true};
		struct gp_auth_result auth = {
			.mailfrom = {.status = GP_AUTH_TEMPERROR}, .dkim = &dkim, .n_dkim = 1};

		assert_string_equal(hits(&auth, cases[i].sender), cases[i].hits);
	}
}

static void failures(void **state)
{
	struct gp_dkim_result dkim = {.status = GP_AUTH_FAIL, .domain = GP_STR("b.example")};
	struct gp_auth_result auth = {.mailfrom = {.status = GP_AUTH_FAIL},
				      .helo = {.status = GP_AUTH_SOFTFAIL},
				      .dkim = &dkim,
				      .n_dkim = 1,
				      .arc = {.status = GP_AUTH_FAIL},
				      .dmarc = {.status = GP_AUTH_FAIL}};

	auth.dmarc.policy = GP_DMARC_REJECT;
	assert_string_equal(hits(&auth, "a@b.example"), "F DS AS D3 MR");
	auth.dmarc.policy = GP_DMARC_QUARANTINE;
	auth.mailfrom.status = GP_AUTH_SOFTFAIL;
	assert_string_equal(hits(&auth, "a@b.example"), "S DS AS D3 MQ");
	auth.dmarc.policy = GP_DMARC_NONE;
	assert_string_equal(hits(&auth, "a@b.example"), "S DS AS D3 MN");
	auth.dmarc.status = GP_AUTH_TEMPERROR;
	assert_string_equal(hits(&auth, "a@b.example"), "S DS AS D3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown),
		cmocka_unit_test(nothing_there),
		cmocka_unit_test(all_good),
		cmocka_unit_test(signers),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
