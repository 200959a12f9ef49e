/*
 * Judging one message: the scan, then the policy.
 */
#include "milter-spam/spam.h"

#include "lib/base/log.h"

static void collect_envelope(struct gp_session *s, struct spam_message *m)
{
	struct gp_str *recipients =
		GP_ARENA_NEW_N(s->msg.arena, s->msg.rcpts.len + 1, struct gp_str);

	for (size_t i = 0; i < s->msg.rcpts.len; i++)
		recipients[i] = s->msg.rcpts.items[i].address;
	m->envelope = (struct spam_envelope){
		.sender = {.envelope = s->msg.from, .client = s->client},
		.recipients = recipients,
		.n_recipients = s->msg.rcpts.len,
		.account = s->msg.auth_user,
		.asked = m->asked,
	};
}

void spam_find_origin(struct gp_session *s, struct spam_message *m)
{
	collect_envelope(s, m);
	m->origin = spam_policy_origin(gp_snapshot_get(s->snap, &gp_conf_networks_table),
				       &m->envelope);
	m->policy = spam_policy_for(m->conf, m->origin);
}

void spam_judge(struct gp_session *s, struct spam_message *m)
{
	const struct gp_conf_history *history = gp_snapshot_get(s->snap, &gp_conf_history_table);
	char ip[GP_IP_TEXT];
	struct gp_scan_input input = {
		.message = m->mail,
		.store = spam_store,
		.envelope_from = s->msg.from,
		.account = m->envelope.account,
		.recipients = m->envelope.recipients,
		.n_recipients = m->envelope.n_recipients,
		.client_ip = gp_str(gp_ip_format(&s->client, ip)),
		.helo = s->helo,
		.auth = spam_auth_finish(m),
		.resolver = spam_auth_resolver(s),
		.deadline_ms = m->deadline_ms,
		.counts_senders = true,
		.trace = spam_history && history->evidence,
	};
	struct gp_scan *scan;

	spam_stage(m, SPAM_STAGE_AUTH);
	scan = gp_scan_begin(m->scanner, &input, s->msg.arena);
	spam_policy_add_symbols(m->conf, &m->envelope, m->mail, scan);
	spam_stage(m, SPAM_STAGE_PATTERNS);
	gp_scan_finish(scan, &m->result);
	spam_stage(m, SPAM_STAGE_LOOKUPS);
	m->is_scanned = true;
	if (m->result.refusing.len)
		gp_log_warning("block lists refuse to answer this host's resolver, and are left out: "
			       "%.*s (asked too often, or through a public resolver)",
			       GP_STR_FMT(m->result.refusing));
	spam_report_limits(m);
	m->is_store_failed = m->result.is_bayes_missing || m->result.are_senders_missing;
	spam_policy_decide(m->conf, &m->envelope, m->origin, m->result.score, s->msg.arena,
			   &m->decision);
	m->action = m->decision.action;
	m->is_ldap_failed = spam_asked_failure(m->asked) != NULL;
}
