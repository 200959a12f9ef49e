/*
 * check_asn: autonomous systems, or what else stands in a tag.
 */
#include "lib/score/rule_eval.h"

#include "lib/base/buf.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_tag.h"

#define TEXT_MAX (64u << 10)

/* PATTERN [, TAG] */
static bool check_asn(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	GP_BUF_AUTO text = GP_BUF_INIT(TEXT_MAX);
	struct gp_str tag = n_args > 1 ? args[1] : GP_STR("ASN");
	struct gp_tag_values values;
	bool limited = false;

	if (!gp_tag_values(e->tags, gp_tag_upper(e->arena, tag), &values))
		return false;
	for (size_t i = 0; i < values.len; i++)
		gp_buf_printf(&text, "%s%.*s", i ? " " : "", GP_STR_FMT(values.items[i]));
	if (gp_pcre_count(e->pcre, e->rule->pattern, gp_buf_str(&text), 1, NULL, &limited) == 0)
		return false;
	e->evidence = e->detail = gp_str(gp_arena_printf(e->arena, "%.*s: %.*s", GP_STR_FMT(tag),
					     GP_STR_FMT(gp_buf_str(&text))));
	return true;
}

const struct gp_rule_eval gp_rule_evals_asn[] = {
	{"check_asn", 1, 2, check_asn, 0, false, .pattern = 1, .is_delimited = true},
	{0},
};
