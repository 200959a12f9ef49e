/*
 * Eval functions over SPF, DKIM, ARC and DMARC results, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::SPF, ::DKIM, ::DMARC).
 *
 * Where the results are not known nothing hits, not even the rules for "none".
 */
#include "lib/score/rule_eval_text.h"

/* A bounce has no MAIL FROM to check; that of its HELO is the helo rules' affair. */
static bool check_spf(struct gp_eval *e, const struct gp_rule_eval *row,
		      const struct gp_str *args, size_t n_args)
{
	const struct gp_spf_result *r;

	if (!e->in->auth || (!row->flag && e->in->envelope_from.len == 0))
		return false;
	r = row->flag ? &e->in->auth->helo : &e->in->auth->mailfrom;
	return (int)r->status == row->what;
}

enum { DKIM_ANY, DKIM_VALID, DKIM_VALID_AUTHOR, DKIM_VALID_ENVELOPE, DKIM_TESTING };

/* Is it the domain of an author, the very same? */
static bool is_author(struct gp_eval *e, struct gp_str domain)
{
	struct gp_eval_addrs from = {0};

	gp_eval_add_addrs(e, GP_STR("From"), &from);
	for (size_t i = 0; i < from.items.len; i++)
		if (gp_str_ieq(gp_eval_domain(from.items.items[i]), domain))
			return true;
	return false;
}

static bool is_such(struct gp_eval *e, const struct gp_dkim_result *r, int what)
{
	switch (what) {
	case DKIM_VALID:
		return r->status == GP_AUTH_PASS;
	case DKIM_VALID_AUTHOR:
		return r->status == GP_AUTH_PASS && is_author(e, gp_eval_signer(r));
	case DKIM_VALID_ENVELOPE:
		return r->status == GP_AUTH_PASS &&
		       gp_str_ieq(gp_str_after_last(e->in->envelope_from, '@'), gp_eval_signer(r));
	case DKIM_TESTING:
		return r->is_testing;
	default:
		return true;
	}
}

/* Is it one of the domains that the rule names (".example.org" and "*.example.org": that one and
 * those below it)?  A rule that names none means any. */
static bool is_named(struct gp_str domain, const struct gp_str *args, size_t n_args)
{
	for (size_t i = 0; i < n_args; i++) {
		struct gp_str arg = args[i];

		if (gp_str_starts(arg, GP_STR("*.")))
			arg = gp_str_sub(arg, 1, arg.len);
		if (gp_str_ieq(domain, arg) ||
		    (gp_str_starts(arg, GP_STR(".")) &&
		     (gp_str_iends(domain, arg) || gp_str_ieq(domain, gp_str_sub(arg, 1, arg.len)))))
			return true;
	}
	return n_args == 0;
}

static bool check_dkim(struct gp_eval *e, const struct gp_rule_eval *row,
		       const struct gp_str *args, size_t n_args)
{
	if (!e->in->auth)
		return false;
	for (size_t i = 0; i < e->in->auth->n_dkim; i++)
		if (is_such(e, &e->in->auth->dkim[i], row->what) &&
		    is_named(gp_eval_signer(&e->in->auth->dkim[i]), args, n_args))
			return true;
	return false;
}

static bool check_arc_signed(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	return e->in->auth && e->in->auth->arc.status != GP_AUTH_NONE;
}

static bool check_arc_valid(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	return e->in->auth && e->in->auth->arc.status == GP_AUTH_PASS;
}

static bool check_dmarc_pass(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	return e->in->auth && e->in->auth->dmarc.status == GP_AUTH_PASS;
}

/* Failed, and the owner asks for this. */
static bool check_dmarc_policy(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	return e->in->auth && e->in->auth->dmarc.status == GP_AUTH_FAIL &&
	       (int)e->in->auth->dmarc.policy == row->what;
}

static bool check_dmarc_missing(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	return e->in->auth && e->in->auth->dmarc.status == GP_AUTH_NONE;
}

#define SPF(word, status)                                                                          \
	{"check_for_spf_" word, 0, 0, check_spf, status, false},                                   \
		{"check_for_spf_helo_" word, 0, 0, check_spf, status, true}
#define DOMAINS_MAX 1000 /* named by a rule */
#define DKIM(name, what) {name, 0, DOMAINS_MAX, check_dkim, what, false}

const struct gp_rule_eval gp_rule_evals_auth[] = {
	SPF("pass", GP_AUTH_PASS),
	SPF("fail", GP_AUTH_FAIL),
	SPF("softfail", GP_AUTH_SOFTFAIL),
	SPF("neutral", GP_AUTH_NEUTRAL),
	SPF("none", GP_AUTH_NONE),
	SPF("temperror", GP_AUTH_TEMPERROR),
	SPF("permerror", GP_AUTH_PERMERROR),
	DKIM("check_dkim_signed", DKIM_ANY),
	DKIM("check_dkim_valid", DKIM_VALID),
	DKIM("check_dkim_verified", DKIM_VALID), /* its old name */
	DKIM("check_dkim_valid_author_sig", DKIM_VALID_AUTHOR),
	DKIM("check_dkim_valid_envelopefrom", DKIM_VALID_ENVELOPE),
	DKIM("check_dkim_testing", DKIM_TESTING),
	{"check_arc_signed", 0, 0, check_arc_signed, 0, false},
	{"check_arc_valid", 0, 0, check_arc_valid, 0, false},
	{"check_dmarc_pass", 0, 0, check_dmarc_pass, 0, false},
	{"check_dmarc_reject", 0, 0, check_dmarc_policy, GP_DMARC_REJECT, false},
	{"check_dmarc_quarantine", 0, 0, check_dmarc_policy, GP_DMARC_QUARANTINE, false},
	{"check_dmarc_none", 0, 0, check_dmarc_policy, GP_DMARC_NONE, false},
	{"check_dmarc_missing", 0, 0, check_dmarc_missing, 0, false},
	{0},
};
