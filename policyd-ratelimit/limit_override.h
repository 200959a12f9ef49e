/*
 * What somebody may instead of what the limit says.
 *
 * The value of a line in a map of overrides, and a value from the directory:
 *
 *	joe@example.org    1000 per 1h, 5000 per 1d
 *	mailer             unlimited
 *	leaver             0 per 1h	(nothing at all)
 *	ann                outbound: 500 per 1h; volume: unlimited
 *
 * Without a name it is for the limit whose map it is.  With names a map can serve several limits;
 * one that is not named keeps what is configured.  From the directory a value without a name
 * is for all limits by account that count numbers, not bytes; with 0, for those of them that count
 * what is sent: whose mail bounces did not send that now.
 */
#ifndef POLICYD_LIMIT_OVERRIDE_H
#define POLICYD_LIMIT_OVERRIDE_H

#include "policyd-ratelimit/limit_rule.h"

/* What a value says for a rule.  GP_OK; GP_ENOENT: nothing for this one; GP_EINVAL with the diag.
 */
int limit_override_parse(struct gp_str value, const struct limit_rule *rule,
			 struct limit_windows *ret, struct gp_diag *diag) GP_MUST_USE;
/* The same of a value from the directory, about an account. */
int limit_override_of_account(struct gp_str value, const struct limit_rule *rule,
			      struct limit_windows *ret, struct gp_diag *diag) GP_MUST_USE;
/* What its map says for the subject, of whom a limit counts by one attribute, or the key's text for
 * one by several.  False: nothing. */
bool limit_override_find(const struct limit_rule *rule, struct limit_subject *subject,
			 struct gp_str key, struct limit_windows *ret);
/* Reports every key and value of the rule's map that cannot be used; names must be those of a rule. */
void limit_override_check(const struct limit_rule *rule, const struct limit_rules *rules,
			  struct gp_conf_report *report);

#endif
