/*
 * Stages; see the header.
 */
#include "policyd-ratelimit/limit_stage.h"

/* What must be known of a message. */
enum knowledge {
	KNOWS_MESSAGE,	  /* that there is one, and from whom */
	KNOWS_RECIPIENTS, /* who they are, or how many */
	KNOWS_RECIPIENT,  /* who each of them is */
	KNOWS_SIZE,
	KNOWS_SESSION,	  /* who the client is: what is looked at before it is counted */
	KNOWLEDGE
};

#define NEVER LIMIT_STAGE_NEVER
#define LATER LIMIT_STAGE_LATER
#define MISSED LIMIT_STAGE_MISSED
#define FITS LIMIT_STAGE_FITS
#define BEFORE_MAIL [POLICY_CONNECT] = LATER, [POLICY_EHLO] = LATER, [POLICY_HELO] = LATER

/* The table.  VRFY and ETRN are no part of a message; at DATA and behind, "who" is told if
 * there is one recipient alone. */
static const struct {
	enum limit_stage_fit fits[POLICY_STAGES];
	const char *parameter;
} stages[KNOWLEDGE] = {
	[KNOWS_MESSAGE] = {
		{BEFORE_MAIL, [POLICY_MAIL] = FITS, [POLICY_RCPT] = FITS, [POLICY_DATA] = FITS,
		 [POLICY_END_OF_MESSAGE] = FITS},
		"smtpd_recipient_restrictions, smtpd_data_restrictions or "
		"smtpd_end_of_data_restrictions",
	},
	[KNOWS_RECIPIENTS] = {
		{BEFORE_MAIL, [POLICY_MAIL] = LATER, [POLICY_RCPT] = FITS, [POLICY_DATA] = FITS,
		 [POLICY_END_OF_MESSAGE] = FITS},
		"smtpd_data_restrictions or smtpd_recipient_restrictions",
	},
	[KNOWS_RECIPIENT] = {
		{BEFORE_MAIL, [POLICY_MAIL] = LATER, [POLICY_RCPT] = FITS, [POLICY_DATA] = MISSED,
		 [POLICY_END_OF_MESSAGE] = MISSED},
		"smtpd_recipient_restrictions",
	},
	[KNOWS_SIZE] = {
		{BEFORE_MAIL, [POLICY_MAIL] = LATER, [POLICY_RCPT] = LATER, [POLICY_DATA] = LATER,
		 [POLICY_END_OF_MESSAGE] = FITS},
		"smtpd_end_of_data_restrictions",
	},
	[KNOWS_SESSION] = {
		{[POLICY_CONNECT] = FITS, [POLICY_EHLO] = FITS, [POLICY_HELO] = FITS,
		 [POLICY_MAIL] = FITS, [POLICY_RCPT] = FITS, [POLICY_DATA] = FITS,
		 [POLICY_END_OF_MESSAGE] = FITS},
		"smtpd_recipient_restrictions",
	},
};

static enum knowledge knowledge_of(const struct limit_rule *rule)
{
	static const enum knowledge needs[LIMIT_COUNTS] = {
		[LIMIT_MESSAGES] = KNOWS_MESSAGE,
		[LIMIT_RECIPIENTS] = KNOWS_RECIPIENTS,
		[LIMIT_DISTINCT_RECIPIENTS] = KNOWS_RECIPIENT,
		[LIMIT_BYTES] = KNOWS_SIZE,
		[LIMIT_BOUNCES] = KNOWS_SESSION,
		[LIMIT_AUTH_FAILURES] = KNOWS_SESSION,
		[LIMIT_SPAM] = KNOWS_SESSION,
	};

	if (limit_by_has(&rule->by, LIMIT_RECIPIENT) ||
	    limit_by_has(&rule->by, LIMIT_RECIPIENT_DOMAIN))
		return KNOWS_RECIPIENT;
	/* Bounces are compared with recipients, which must be counted. */
	if (rule->sent_name.len > 0)
		return KNOWS_RECIPIENTS;
	return needs[rule->count];
}

bool limit_stage_answers(const struct limit_rule *rule, enum policy_stage stage)
{
	const struct limit_conf *conf = rule->conf;

	/* In a dry run, and where somebody is contained, counting alone is of use. */
	return conf->action != ANSWER_PREPEND || stage != POLICY_END_OF_MESSAGE || conf->dry_run ||
	       conf->contain_ms > 0;
}

enum limit_stage_fit limit_stage_fits(const struct limit_rule *rule,
				      const struct policy_request *r)
{
	enum limit_stage_fit fit;

	if (!limit_stage_answers(rule, r->stage))
		return MISSED;
	fit = stages[knowledge_of(rule)].fits[r->stage];
	return fit == MISSED && policy_get(r, POLICY_recipient).len > 0 ? LIMIT_STAGE_LONE : fit;
}

unsigned limit_stage_unknown(enum policy_stage stage)
{
	static const unsigned recipient = 1u << LIMIT_RECIPIENT | 1u << LIMIT_RECIPIENT_DOMAIN;

	if (stage == POLICY_RCPT)
		return 0;
	return stage >= POLICY_MAIL ? recipient
				    : ~(1u << LIMIT_CLIENT_ADDRESS | 1u << LIMIT_HELO_NAME);
}

const char *limit_stage_parameter(const struct limit_rule *rule)
{
	enum knowledge knowledge = knowledge_of(rule);

	if (knowledge == KNOWS_MESSAGE && !limit_stage_answers(rule, POLICY_END_OF_MESSAGE))
		knowledge = KNOWS_RECIPIENTS; /* the same without the end of the message */
	return stages[knowledge].parameter;
}

int64_t limit_stage_amount(const struct limit_rule *rule, const struct policy_request *r)
{
	switch (rule->count) {
	case LIMIT_MESSAGES:
	case LIMIT_DISTINCT_RECIPIENTS:
		return 1;
	case LIMIT_BYTES:
		return GP_MIN(r->size, (int64_t)GP_LIMIT_MAX);
	case LIMIT_RECIPIENTS:
	case LIMIT_BOUNCES: /* what they are compared with */
		/* At DATA and behind there is at least one, whatever is said. */
		return r->stage == POLICY_RCPT ? 1
					       : GP_MIN(GP_MAX(r->recipients, (int64_t)1),
							(int64_t)GP_LIMIT_MAX);
	case LIMIT_AUTH_FAILURES:
	case LIMIT_SPAM:
	case LIMIT_COUNTS:
		break;
	}
	return 0;
}
