/*
 * Delimiters, flags, and the differences between Perl and PCRE2.
 *
 * Texts are bytes here, as in SpamAssassin: no UTF mode, classes are ASCII's.
 * The pattern itself is not understood beyond escapes, classes and the heads
 * of groups; PCRE2 judges the rest.
 */
#include "lib/score/rule_regex.h"

#include <string.h>

#include "lib/score/rule_literal.h"

static char closing_of(char c)
{
	switch (c) {
	case '{':
		return '}';
	case '(':
		return ')';
	case '<':
		return '>';
	case '[':
		return ']';
	default:
		return c;
	}
}

static int parse_flags(struct gp_str flags, unsigned *ret, struct gp_diag *diag)
{
	unsigned f = 0;

	for (size_t i = 0; i < flags.len; i++) {
		switch (flags.ptr[i]) {
		case 'i':
			f |= GP_REGEX_CASELESS;
			break;
		case 's':
			f |= GP_REGEX_DOTALL;
			break;
		case 'm':
			f |= GP_REGEX_MULTILINE;
			break;
		case 'x':
			f |= f & GP_REGEX_EXTENDED ? GP_REGEX_EXTENDED_MORE : GP_REGEX_EXTENDED;
			break;
		case 'n':
			f |= GP_REGEX_NO_CAPTURE;
			break;
		case 'a': /* ASCII classes: we have no others */
		case 'u':
		case 'l':
		case 'd':
		case 'p':
			break;
		case 'g': /* Perl warns of them here, and SpamAssassin takes no pattern with a warning */
		case 'o':
		case 'c':
			gp_diag_set(diag, "the pattern flag '%c' has no place here", flags.ptr[i]);
			return GP_EINVAL;
		default:
			gp_diag_set(diag, "unknown pattern flag '%c'", flags.ptr[i]);
			return GP_EINVAL;
		}
	}
	*ret = f;
	return GP_OK;
}

/* The delimiter pair at the start, and where the pattern begins; 0 when there is none. */
static size_t open_delimiter(struct gp_str s, char *ret_close, struct gp_diag *diag)
{
	size_t at = 0;

	if (s.len && s.ptr[0] == '/') {
		*ret_close = '/';
		return 1;
	}
	if (gp_str_starts(s, GP_STR("m")))
		at = 1;
	else if (gp_str_starts(s, GP_STR("qr")))
		at = 2;
	if (at && at < s.len && !gp_is_alnum(s.ptr[at]) && s.ptr[at] != '_') {
		if (s.ptr[at] == '\\' || gp_is_space(s.ptr[at])) {
			gp_diag_set(diag, "a pattern cannot be delimited by '%c'", s.ptr[at]);
			return 0;
		}
		*ret_close = closing_of(s.ptr[at]);
		return at + 1;
	}
	gp_diag_set(diag, "a pattern must be written /…/ or m{…}");
	return 0;
}

bool gp_regex_is_delimited(struct gp_str text)
{
	char close;

	return open_delimiter(text, &close, NULL) > 0;
}

static bool has_unescaped(struct gp_str s, char c)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == c)
			return true;
	}
	return false;
}

/*
 * `(?aai:` and `(?^aa:` → `(?i:` and `(?^:`: PCRE2 before 10.43 does not know
 * the a, and without UTF it changes nothing.  The same for u, l, d and p.
 */
static struct gp_str drop_charset_flags(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		out[n++] = s.ptr[i];
		if (s.ptr[i] == '\\' && i + 1 < s.len) {
			out[n++] = s.ptr[++i];
			continue;
		}
		if (s.ptr[i] != '(' || i + 2 >= s.len || s.ptr[i + 1] != '?')
			continue;
		size_t end = i + 2;

		while (end < s.len && (gp_is_alpha(s.ptr[end]) || s.ptr[end] == '^' ||
				       s.ptr[end] == '-'))
			end++;
		if (end >= s.len || end == i + 2 || (s.ptr[end] != ':' && s.ptr[end] != ')'))
			continue;
		out[n++] = '?';
		for (i += 2; i < end; i++)
			if (!strchr("auldp", s.ptr[i]))
				out[n++] = s.ptr[i];
		i = end - 1;
	}
	out[n] = 0;
	return gp_str_n(out, n);
}

/* Index behind a class that begins at i. */
static size_t skip_class(struct gp_str s, size_t i)
{
	size_t start = i + 1 + (i + 1 < s.len && s.ptr[i + 1] == '^');

	for (i = start; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '[' && i + 1 < s.len && s.ptr[i + 1] == ':') /* [:alpha:] */
			i = GP_MIN(gp_str_find(s, GP_STR(":]"), i + 2) + 1, s.len);
		else if (s.ptr[i] == ']' && i > start)
			return i + 1;
	}
	return s.len;
}

/* The quantifier at the "{", as PCRE2 before 10.43 knows it: no blanks, and a first number.  Length
 * of what stands there; 0: it is none. */
static size_t write_quantifier(struct gp_str s, char **out)
{
	char *start = *out, *p = start;
	bool has_digits = false, has_comma = false;
	size_t i = 1;

	*p++ = '{';
	for (; i < s.len && s.ptr[i] != '}'; i++) {
		if (s.ptr[i] == ' ' || s.ptr[i] == '\t')
			continue;
		if (s.ptr[i] == ',' && !has_comma) {
			if (!has_digits)
				*p++ = '0';
			has_comma = true;
		} else if (!gp_is_digit(s.ptr[i]) || (s.ptr[i - 1] <= ' ' && gp_is_digit(p[-1]))) {
			return 0;
		}
		has_digits |= gp_is_digit(s.ptr[i]);
		*p++ = s.ptr[i];
	}
	if (i >= s.len || !has_digits)
		return 0;
	*p++ = '}';
	*out = p;
	return i + 1;
}

/* Perl 5.34's `{,3}` and `{ 1, 3 }`. */
static struct gp_str plain_quantifiers(struct gp_arena *a, struct gp_str s)
{
	char *start = gp_arena_alloc(a, 2 * s.len + 1), *out = start;

	for (size_t i = 0, n; i < s.len; i += n) {
		n = 1;
		if (s.ptr[i] == '\\')
			n = GP_MIN((size_t)2, s.len - i);
		else if (s.ptr[i] == '[')
			n = skip_class(s, i) - i;
		else if (s.ptr[i] == '{' && (n = write_quantifier(gp_str_sub(s, i, SIZE_MAX), &out)))
			continue;
		else
			n = 1;
		memcpy(out, s.ptr + i, n);
		out += n;
	}
	*out = 0;
	return gp_str_n(start, (size_t)(out - start));
}

int gp_regex_parse(struct gp_arena *a, struct gp_str text, struct gp_regex *ret,
		   struct gp_diag *diag)
{
	struct gp_regex re = {0};
	char close = 0;
	size_t start = open_delimiter(text, &close, diag), end = text.len;
	struct gp_str body;

	if (!start)
		return GP_EINVAL;
	while (end > start && gp_is_alpha(text.ptr[end - 1]))
		end--;
	if (end <= start || text.ptr[end - 1] != close) {
		gp_diag_set(diag, "the pattern does not end in '%c' and flags", close);
		return GP_EINVAL;
	}
	if (parse_flags(gp_str_sub(text, end, SIZE_MAX), &re.flags, diag))
		return GP_EINVAL;
	body = gp_str_sub(text, start, end - 1 - start);
	if (gp_str_find(body, GP_STR("(?{"), 0) < body.len ||
	    gp_str_find(body, GP_STR("(??{"), 0) < body.len) {
		gp_diag_set(diag, "code in a pattern, (?{…}), is not allowed");
		return GP_EINVAL;
	}
	if (close != '}' && close != ')' && close != ']' && has_unescaped(body, close)) {
		gp_diag_set(diag, "'%c' within the pattern must be written \\%c", close, close);
		return GP_EINVAL;
	}
	re.text = plain_quantifiers(a, drop_charset_flags(a, body));
	*ret = re;
	return GP_OK;
}

/* Whether the construct behind "(?" can tell the end of a text from a line end, or keeps what it
 * has taken: look-around, atomic groups, calls, conditions, flags turned off. */
static bool is_sensitive_group(char c)
{
	return strchr("=!<>|PR&(0123456789-^", c) != NULL;
}

static bool is_sensitive_escape(char c)
{
	return strchr("AzZGKRXC", c) != NULL;
}

/*
 * Without anchors, look-around and the like, a match within one text is also
 * one within texts joined by line ends.
 */
static bool is_joinable(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i], next = i + 1 < s.len ? s.ptr[i + 1] : 0;

		if (c == '\\') {
			if (is_sensitive_escape(next))
				return false;
			i++;
		} else if (c == '[') {
			i = skip_class(s, i) - 1;
		} else if (c == '^' || c == '$') {
			return false;
		} else if (c == '+' && i && strchr("*+?}", s.ptr[i - 1])) { /* possessive */
			return false;
		} else if (c == '(' && next == '?' && i + 2 < s.len &&
			   is_sensitive_group(s.ptr[i + 2])) {
			return false;
		} else if (c == '(' && next == '*') {
			return false;
		}
	}
	return true;
}

void gp_regex_derive(struct gp_arena *a, struct gp_regex *re)
{
	re->is_joinable = is_joinable(re->text);
	gp_literal_derive(a, re);
}

const char *gp_regex_oddity(const struct gp_regex *re)
{
	struct gp_str s = re->text;

	if (s.len == 0)
		return "an empty pattern matches always";
	if (s.ptr[0] == '|')
		return "a pattern that starts with '|' matches always";
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '|' && i + 1 == s.len)
			return "a pattern that ends in '|' matches always";
		else if (s.ptr[i] == '|' && s.ptr[i + 1] == '|')
			return "a pattern with '||' matches always";
	}
	return NULL;
}
