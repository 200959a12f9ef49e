/*
 * What can be counted where.
 *
 * What Postfix tells depends on the restriction list in which it asks: at RCPT one recipient at a
 * time, and not how many there will be; at DATA their number, and who it is only when
 * there is but one; the real size when all of the message is there.  Which lists those are stands
 * in main.cf: smtpd_recipient_restrictions asks at RCPT, smtpd_data_restrictions at DATA,
 * smtpd_end_of_data_restrictions at END-OF-MESSAGE.  smtpd_client_, helo_ and
 * sender_restrictions ask at RCPT as well, unless smtpd_delay_reject is off.
 *
 * A message may be asked about at several stages: each limit then takes what it did not
 * take before (limit_memory.h).
 */
#ifndef POLICYD_LIMIT_STAGE_H
#define POLICYD_LIMIT_STAGE_H

#include "policyd-ratelimit/limit_rule.h"
#include "policyd-ratelimit/request.h"

enum limit_stage_fit {
	LIMIT_STAGE_NEVER,  /* no stage of a message: nothing is expected of it */
	LIMIT_STAGE_LATER,  /* not known yet, a later stage knows */
	LIMIT_STAGE_MISSED, /* not known any more, an earlier stage knew */
	LIMIT_STAGE_LONE,   /* of this message: it has one recipient.  Of others not */
	LIMIT_STAGE_FITS,
};

/* Does Postfix take the rule's answer there?  "prepend" not at END-OF-MESSAGE, where it warns. */
bool limit_stage_answers(const struct limit_rule *rule, enum policy_stage stage);
/* Can a rule count what a request tells?  For events: can it be looked at. */
enum limit_stage_fit limit_stage_fits(const struct limit_rule *rule,
				      const struct policy_request *r);
/* Attributes that other stages of the same message tell, a bit for each (enum limit_attribute). */
unsigned limit_stage_unknown(enum policy_stage stage);
/* Where in main.cf the rule must be asked for: "smtpd_recipient_restrictions", … */
const char *limit_stage_parameter(const struct limit_rule *rule);
/* What the message comes to as far as this request tells, in the rule's unit, with what earlier
 * requests told.  At RCPT: what this recipient adds. */
int64_t limit_stage_amount(const struct limit_rule *rule, const struct policy_request *r);

#endif
