/*
 * From the @ outwards, since it is the rare character.
 */
#include "lib/score/rule_email.h"

#include "lib/score/rule_host.h"

#define LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */

static bool is_local_chr(char c)
{
	return gp_is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~-.", c));
}

/* What stands behind an address that is quoted ("Joe <joe@example.com>", "joe@example.com
 * Subject:"), as in the head of a quoted message. */
static bool is_quoted(struct gp_str text, size_t end)
{
	static const struct gp_str told[] = {{"fax", 3}, {"facsi", 5}, {"tel", 3}, {"phone", 5},
					     {"mail", 4}, {"email", 5}, {"e-mail", 6}, {"-mail", 5}};
	size_t i = end, letters = 0;
	struct gp_str word;

	if (i < text.len && text.ptr[i] == '>')
		return true;
	while (i < text.len && i - end < 10 && gp_is_space(text.ptr[i]))
		i++;
	word = gp_str_sub(text, i, text.len);
	while (letters < word.len && gp_is_alpha(word.ptr[letters]))
		letters++;
	if (i == end || letters < 2 || letters > 11 || letters >= word.len || word.ptr[letters] != ':')
		return false;
	for (size_t k = 0; k < GP_ARRAY_SIZE(told); k++)
		if (gp_str_istarts(word, told[k]))
			return false;
	return true;
}

/* Is the @ within a URL? */
static bool is_in_url(struct gp_str text, size_t at)
{
	size_t i = at;

	while (i && !gp_is_space(text.ptr[i - 1]) && at - i < 255)
		i--;
	return gp_str_ifind(gp_str_sub(text, i, at - i), GP_STR("http"), 0) < at - i &&
	       gp_str_find(gp_str_sub(text, i, at - i), GP_STR("://"), 0) < at - i;
}

bool gp_rule_email_is_wanted(struct gp_str text, size_t at, size_t end, unsigned flags)
{
	return !(flags & GP_EMAIL_NOT_QUOTED && is_quoted(text, end)) &&
	       !(flags & GP_EMAIL_NOT_IN_URL && is_in_url(text, at));
}

struct gp_str gp_rule_email_around(const struct gp_rule_set *set, struct gp_str text, size_t at,
				   unsigned flags)
{
	size_t from = at, to = at + 1;
	struct gp_str domain;

	while (from && at - from <= LOCAL_MAX && is_local_chr(text.ptr[from - 1]))
		from--;
	while (from < at && text.ptr[from] == '.')
		from++;
	while (to < text.len && (gp_is_alnum(text.ptr[to]) || text.ptr[to] == '-' || text.ptr[to] == '.'))
		to++;
	for (;;) { /* "example.com.Then" ends where a name does */
		while (to > at + 1 && (text.ptr[to - 1] == '.' || text.ptr[to - 1] == '-'))
			to--;
		domain = gp_str_sub(text, at + 1, to - at - 1);
		if (!domain.len || gp_rule_host_is_valid(set, domain))
			break;
		while (to > at + 1 && text.ptr[to - 1] != '.')
			to--;
	}
	if (from == at || at - from > LOCAL_MAX || !domain.len || text.ptr[at - 1] == '.' ||
	    !gp_rule_email_is_wanted(text, at, to, flags))
		return GP_STR("");
	return gp_str_sub(text, from, to - from);
}
