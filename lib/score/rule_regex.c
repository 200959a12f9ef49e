/*
 * Delimiters, flags, and the differences between Perl and PCRE2.
 *
 * Texts are bytes here, as in SpamAssassin: no UTF mode, classes are ASCII's.
 * The pattern itself is not understood beyond escapes, classes and the heads
 * of groups; PCRE2 judges the rest.
 */
#include "lib/score/rule_regex.h"

#include <string.h>

/* Longer ones cost more to compile into a database than they can ever save. */
#define VS_PATTERN_MAX 4000

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
		case 'o':
		case 'p':
		case 'g':
		case 'c':
			break;
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
	re.text = drop_charset_flags(a, body);
	*ret = re;
	return GP_OK;
}

/*
 * What vectorscan is given is run over many texts joined by line ends, with ^
 * and $ matching at each.  So \A, \z and \Z become ^ and $; what would turn
 * multi-line matching off again, or reaches across, keeps the pattern out.
 */
void gp_regex_derive(struct gp_arena *a, struct gp_regex *re)
{
	struct gp_str s = re->text;
	char *out = gp_arena_alloc(a, s.len + 5), *p = out;
	size_t class_start = 0;
	bool in_class = false, fits = s.len <= VS_PATTERN_MAX;

	re->is_joinable = true;
	if (re->flags & GP_REGEX_EXTENDED) {
		memcpy(p, "(?x)", 4);
		p += 4;
	}
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\' && i + 1 < s.len) {
			char e = s.ptr[++i];

			if (!in_class && (e == 'A' || e == 'z' || e == 'Z')) {
				re->is_joinable = false;
				*p++ = e == 'A' ? '^' : '$';
				continue;
			}
			if (!in_class && (e == 'G' || e == 'K' || e == 'R' || e == 'X' || e == 'C'))
				fits = re->is_joinable = false;
			*p++ = '\\';
			*p++ = e;
			continue;
		}
		*p++ = c;
		if (in_class) {
			in_class = c != ']' || i == class_start;
			if (c == '[' && i + 1 < s.len && s.ptr[i + 1] == ':') { /* [:alpha:] */
				size_t end = gp_str_find(s, GP_STR(":]"), i + 2);

				while (end < s.len && i < end + 1)
					*p++ = s.ptr[++i];
			}
			continue;
		}
		if (c == '[') { /* a ] right at the start is an ordinary one */
			in_class = true;
			class_start = i + 1 + (i + 1 < s.len && s.ptr[i + 1] == '^');
		}
		if (c == '^' || c == '$')
			re->is_joinable = false;
		if (c == '+' && i && strchr("*+?}", s.ptr[i - 1])) /* possessive */
			re->is_joinable = false;
		if (c != '(' || i + 2 >= s.len || s.ptr[i + 1] != '?')
			continue;
		if (strchr("=!<>|PR&(0123456789-^", s.ptr[i + 2]))
			re->is_joinable = false;
		if (strchr("R&(0123456789^-", s.ptr[i + 2]))
			fits = false;
	}
	*p = 0;
	re->vs_text = fits ? out : NULL;
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
