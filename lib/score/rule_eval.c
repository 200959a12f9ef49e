/*
 * Eval functions of Bayes, and the search through all tables.
 */
#include "lib/score/rule_eval.h"

#include "lib/base/num.h"

/* check_bayes(MIN, MAX): the probability is above MIN (or MIN is 0) and not above MAX
 * ("undef": no upper bound). */
static bool check_bayes(struct gp_eval *e, const struct gp_rule_eval *row,
			const struct gp_str *args, size_t n_args)
{
	double min = 0, max = 0;

	if (e->in->bayes < 0 || gp_num_parse_double(args[0], &min))
		return false;
	if (min != 0 && e->in->bayes <= min)
		return false;
	if (!gp_str_eq(args[1], GP_STR("undef")) &&
	    (gp_num_parse_double(args[1], &max) || e->in->bayes > max))
		return false;
	e->detail = gp_str(gp_arena_printf(e->arena, "score: %.4f", e->in->bayes));
	return true;
}

static bool never(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		  size_t n_args)
{
	return false;
}

static const struct gp_rule_eval own[] = {
	{"check_bayes", 2, 2, check_bayes, 0, false},
	{"check_shortcircuit", 0, 0, never, 0, false}, /* rule_circuit.c hits it */
	{0},
};

const struct gp_rule_eval *const gp_rule_eval_tables[] = {
	own,
	gp_rule_evals_adsp,
	gp_rule_evals_alternative,
	gp_rule_evals_asn,
	gp_rule_evals_attachment,
	gp_rule_evals_auth,
	gp_rule_evals_authres,
	gp_rule_evals_awl,
	gp_rule_evals_body,
	gp_rule_evals_charset,
	gp_rule_evals_date,
	gp_rule_evals_dns,
	gp_rule_evals_forged,
	gp_rule_evals_freemail,
	gp_rule_evals_fromname,
	gp_rule_evals_header,
	gp_rule_evals_html,
	gp_rule_evals_html_link,
	gp_rule_evals_image,
	gp_rule_evals_language,
	gp_rule_evals_list,
	gp_rule_evals_mime,
	gp_rule_evals_ole,
	gp_rule_evals_pdf,
	gp_rule_evals_phishing,
	gp_rule_evals_relay,
	gp_rule_evals_txrep,
	gp_rule_evals_urihost,
	NULL,
};

const struct gp_rule_eval *gp_rule_eval_find(struct gp_str name)
{
	for (size_t t = 0; gp_rule_eval_tables[t]; t++)
		for (const struct gp_rule_eval *e = gp_rule_eval_tables[t]; e->name; e++)
			if (gp_str_eq(name, gp_str(e->name)))
				return e;
	return NULL;
}

static bool is_of(const struct gp_rule_eval *e, const struct gp_rule_eval *table)
{
	while (table->name && table != e)
		table++;
	return table->name != NULL;
}

bool gp_rule_eval_reads_relays(const struct gp_rule_eval *e)
{
	return !is_of(e, own) && !is_of(e, gp_rule_evals_auth);
}
