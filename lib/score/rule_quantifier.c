/*
 * Quantifiers of patterns; see the header.
 */
#include "lib/score/rule_quantifier.h"

/* More is more than any subject is long; PCRE2's own limit is 65,535. */
#define NUMBER_MAX 10000

static struct gp_quantifier read_braces(struct gp_str s, size_t at)
{
	struct gp_quantifier none = {0};
	unsigned n[2] = {0, 0}, digits[2] = {0, 0}, part = 0;
	bool has_spaces = false;
	size_t i = at + 1;

	for (; i < s.len && s.ptr[i] != '}'; i++) {
		if (gp_is_digit(s.ptr[i]) && n[part] < NUMBER_MAX) {
			n[part] = n[part] * 10 + (unsigned)(s.ptr[i] - '0');
			digits[part]++;
		} else if (s.ptr[i] == ',' && part == 0) {
			part = 1;
		} else if (s.ptr[i] == ' ') {
			has_spaces = true;
		} else {
			return none;
		}
	}
	if (i >= s.len)
		return none;
	if (has_spaces || !digits[0]) {
		none.is_odd = digits[0] || digits[1];
		return none;
	}
	return (struct gp_quantifier){.len = i + 1 - at, .min = n[0],
				      .max = part == 0 ? n[0] : digits[1] ? n[1] : GP_TREE_INF};
}

struct gp_quantifier gp_quantifier_read(struct gp_str s, size_t at)
{
	char c = at < s.len ? s.ptr[at] : '\0';
	struct gp_quantifier q = {0};

	if (c == '{')
		q = read_braces(s, at);
	else if (c == '*' || c == '+' || c == '?')
		q = (struct gp_quantifier){.len = 1, .min = c == '+',
					   .max = c == '?' ? 1 : GP_TREE_INF};
	if (q.len > 0 && at + q.len < s.len && (s.ptr[at + q.len] == '?' || s.ptr[at + q.len] == '+'))
		q.len++; /* lazy, possessive */
	return q;
}
