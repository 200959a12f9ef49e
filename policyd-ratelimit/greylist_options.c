/*
 * The settings of greylisting.
 */
#include "policyd-ratelimit/greylist_options.h"

#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/limit_text.h"
#include "policyd-ratelimit/options.h"

void greylist_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		       struct gp_conf_report *report)
{
	struct limit_text text;
	struct gp_diag diag;

	gp_greylist_check(&conf->greylist.rule, snap, &ratelimit_table, report);
	if (limit_text_parse(gp_str(conf->greylist.text), report->arena, &text, &diag))
		gp_conf_complain(snap, &ratelimit_table, "greylist.text", report, "%s", diag.text);
	if (answer_check_text(ANSWER_DEFER_IF_PERMIT, gp_str(conf->greylist.text), &diag))
		gp_conf_complain(snap, &ratelimit_table, "greylist.text", report, "%s", diag.text);
}
