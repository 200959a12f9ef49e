/*
 * Eval functions whose rules ask the DNS.  The questions were put when the scan
 * began (rule_dns.c); what is left to do here is to look whether an answer hit.
 */
#include "lib/score/rule_dns.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_query.h"

static bool check(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		  size_t n_args)
{
	if (!e->dns || !gp_rule_dns_hit(e->dns, e->rule, &e->evidence))
		return false;
	e->detail = gp_rule_dns_detail(e->dns, e->rule);
	return true;
}

/* what: enum gp_query_kind; flag: TXT is asked for, not A. */
const struct gp_rule_eval gp_rule_evals_dns[] = {
	{"check_rbl", 2, 3, check, GP_QUERY_RELAYS, false},
	{"check_rbl_txt", 2, 3, check, GP_QUERY_RELAYS, true},
	{"check_rbl_sub", 2, 2, check, GP_QUERY_SUB, false},
	{"check_rbl_from_host", 2, 3, check, GP_QUERY_FROM, false},
	{"check_rbl_from_domain", 2, 3, check, GP_QUERY_FROM, false},
	{"check_rbl_envfrom", 2, 3, check, GP_QUERY_ENVFROM, false},
	{"check_rbl_headers", 2, 4, check, GP_QUERY_HEADERS, false},
	{"check_rbl_rcvd", 2, 3, check, GP_QUERY_RECEIVED, false},
	{"check_dns_sender", 0, 0, check, GP_QUERY_SENDER, false},
	{"check_uridnsbl", 1, 1, check, GP_QUERY_URI_NAME, false}, /* or as its directive says */
	{"check_hashbl_bodyre", 3, 4, check, GP_QUERY_HASH_BODY, false},
	{"check_hashbl_emails", 1, 5, check, GP_QUERY_HASH_EMAILS, false},
	{"check_hashbl_uris", 1, 3, check, GP_QUERY_HASH_URIS, false},
	{"check_hashbl_tag", 3, 4, check, GP_QUERY_HASH_TAG, false},
	{"check_hashbl_attachments", 1, 3, check, GP_QUERY_HASH_PARTS, false},
	{0},
};

const struct gp_rule_eval gp_rule_eval_askdns = {"askdns", 3, 3, check, GP_QUERY_ASKDNS, false};

bool gp_rule_eval_asks(const struct gp_rule_eval *e)
{
	return e->fn == check;
}
