/*
 * E-mail addresses in running text, as rules about free mailers and lists of addresses want them.
 */
#ifndef GP_SCORE_RULE_EMAIL_H
#define GP_SCORE_RULE_EMAIL_H

#include "lib/score/rule_int.h"

enum gp_email_flags {
	GP_EMAIL_NOT_QUOTED = 1 << 0, /* not "<joe@example.com>", nor what heads a quotation */
	GP_EMAIL_NOT_IN_URL = 1 << 1,
};

/* The address around the @ at `at`, borrowed from text; empty if there is none. */
struct gp_str gp_rule_email_around(const struct gp_rule_set *set, struct gp_str text, size_t at,
				   unsigned flags);

/* May the address whose @ stands at `at`, and which ends at `end`, stand there, by the flags? */
bool gp_rule_email_is_wanted(struct gp_str text, size_t at, size_t end, unsigned flags);

#endif
