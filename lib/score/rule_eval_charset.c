/*
 * Eval functions for charsets of languages that nobody here reads, under
 * SpamAssassin's names (HeaderEval, MIMEEval): `ok_locales en ja`.
 */
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_locale.h"

#define EIGHT_BIT_MIN 3 /* letters, before a body is taken for one of another script */

bool gp_eval_has_faraway_part(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->parts.len && !gp_rule_locale_takes_all(e->set); i++)
		if (m->parts.items[i].charset.len && !gp_rule_locale_has(e->set, m->parts.items[i].charset))
			return true;
	return false;
}

/* Is a foreign charset declared for the message, and is its text mostly beyond ASCII? */
static bool check_for_faraway_charset(struct gp_eval *e, const struct gp_rule_eval *row,
				      const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	size_t high = 0;

	if (gp_rule_locale_takes_all(e->set) || !m->parts.len || !m->parts.items[0].charset.len ||
	    gp_rule_locale_has(e->set, m->parts.items[0].charset))
		return false;
	for (size_t i = 0; i < m->text.len; i++)
		high += (unsigned char)m->text.ptr[i] > 0x7f;
	return high > EIGHT_BIT_MIN && high >= m->text.len - high;
}

/* The charset of an encoded word in From or Subject. */
static bool check_faraway_in_headers(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	static const char *const names[] = {"From", "Subject"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names) && !gp_rule_locale_takes_all(e->set); i++) {
		struct gp_str s = gp_eval_raw_header(e, names[i]);
		size_t at = 0;

		while ((at = gp_str_find(s, GP_STR("=?"), at)) < s.len) {
			size_t end = gp_str_find_chr(s, '?', at + 2);

			if (end + 2 < s.len && s.ptr[end + 2] == '?' && end > at + 2 &&
			    !gp_rule_locale_has(e->set, gp_str_sub(s, at + 2, end - at - 2)))
				return true;
			at += 2;
		}
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_charset[] = {
	{"check_for_faraway_charset", 0, 0, check_for_faraway_charset, 0, false},
	{"check_for_faraway_charset_in_headers", 0, 0, check_faraway_in_headers, 0, false},
	{0},
};
