/*
 * The settings of sender checks.
 */
#include "policyd-ratelimit/sender_options.h"

#include "lib/auth/senders.h"
#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/limit_text.h"
#include "policyd-ratelimit/options.h"

const struct gp_conf_enum sender_action_names[] = {
	{"reject", ANSWER_REJECT}, {"defer", ANSWER_DEFER}, {"hold", ANSWER_HOLD},
	{"warn", ANSWER_WARN},	   {NULL, 0},
};

void sender_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct sender_conf *s = &conf->sender;
	struct limit_text text;
	struct gp_diag diag;

	if (limit_text_parse(gp_str(s->text), report->arena, &text, &diag))
		gp_conf_complain(snap, &ratelimit_table, "sender.text", report, "%s", diag.text);
	if (answer_check_text((enum answer_action)s->action, gp_str(s->text), &diag))
		gp_conf_complain(snap, &ratelimit_table, "sender.text", report, "%s", diag.text);
	gp_senders_check(s->map, report);
	gp_directory_query_check(&s->directory, snap, &ratelimit_table, "sender.ldap", report);
	if (s->check && !s->map && !*s->directory.base && !s->own_address && !s->own_domains)
		gp_conf_complain(snap, &ratelimit_table, "sender.check", report,
				 "no account may send: set sender.map, sender.ldap.base, "
				 "sender.own_address or sender.own_domains");
}
