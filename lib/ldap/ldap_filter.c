/*
 * The grammar of search filters (RFC 4515, 3): libldap says no more than "bad search filter", and
 * that at the first mail.
 *
 * What libldap takes beyond the RFC is taken here too: "attribute=value" alone without its
 * parentheses, spaces between filters, and LDAPv2's "\*".  Which attributes there are, and what may
 * be compared with what, is the server's matter.
 */
#include "lib/ldap/ldap_text.h"

/* A filter within a filter within …; what people write has three or four. */
#define DEPTH_MAX 50
#define SHOWN_MAX 60

struct reader {
	struct gp_str text, template;
	size_t at;
	struct gp_diag *diag;
};

static char next_of(const struct reader *r)
{
	return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static void skip_spaces(struct reader *r)
{
	while (next_of(r) == ' ')
		r->at++;
}

static int wrong(const struct reader *r, size_t at, const char *why)
{
	struct gp_str rest = gp_str_sub(r->template, at, r->template.len);

	if (rest.len == 0)
		gp_diag_set(r->diag, "the filter ends too early: %s", why);
	else
		gp_diag_set(r->diag, "the filter is wrong at \"%.*s\": %s",
			    GP_STR_FMT(gp_str_sub(rest, 0, SHOWN_MAX)), why);
	return GP_EINVAL;
}

/* RFC 4512, 1.4: numbers and periods, or a name. */
static bool is_oid(struct gp_str s)
{
	bool is_number = s.len > 0 && gp_is_digit(s.ptr[0]);

	for (size_t i = 0; i < s.len; i++) {
		bool is_inner = i > 0 && i + 1 < s.len;

		if (is_number ? !gp_is_digit(s.ptr[i]) && !(s.ptr[i] == '.' && is_inner && s.ptr[i - 1] != '.')
			      : !gp_is_alnum(s.ptr[i]) && !(s.ptr[i] == '-' && i > 0))
			return false;
	}
	return s.len > 0;
}

/* RFC 4512, 2.5: with options behind semicolons. */
static bool is_attribute(struct gp_str s)
{
	size_t end = gp_str_find_chr(s, ';', 0);

	if (!is_oid(gp_str_sub(s, 0, end)))
		return false;
	while (end < s.len) {
		size_t begin = end + 1;

		end = gp_str_find_chr(s, ';', begin);
		for (size_t i = begin; i < end; i++)
			if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
				return false;
		if (begin == end)
			return false;
	}
	return true;
}

/* What stands before ":=": an attribute, ":dn" and a rule, not all of them. */
static bool is_extensible(struct gp_str s)
{
	size_t colon = gp_str_find_chr(s, ':', 0);
	struct gp_str attribute = gp_str_sub(s, 0, colon), rest = gp_str_sub(s, colon, s.len);

	if (gp_str_istarts(rest, GP_STR(":dn")) && (rest.len == 3 || rest.ptr[3] == ':'))
		rest = gp_str_sub(rest, 3, rest.len);
	if (attribute.len > 0 && !is_attribute(attribute))
		return false;
	return rest.len == 0 ? attribute.len > 0 : is_oid(gp_str_sub(rest, 1, rest.len));
}

static bool is_hex(char c)
{
	return gp_is_digit(c) || (gp_lower(c) >= 'a' && gp_lower(c) <= 'f');
}

/* Two hexadecimal digits, or what LDAPv2 wrote so. */
static bool is_escape(struct gp_str s)
{
	if (s.len >= 2 && is_hex(s.ptr[0]) && is_hex(s.ptr[1]))
		return true;
	return s.len >= 1 && gp_str_find_chr(GP_STR("()*\\"), s.ptr[0], 0) < 4;
}

/* Stars are for "=" alone, and not two in a row. */
static int read_value(struct reader *r, bool has_stars)
{
	for (; r->at < r->text.len && r->text.ptr[r->at] != ')'; r->at++) {
		char c = r->text.ptr[r->at];

		if (c == '(')
			return wrong(r, r->at, "a parenthesis in a value is written \\28 or \\29");
		if (c == '*' && (!has_stars || r->text.ptr[r->at - 1] == '*'))
			return wrong(r, r->at, "a star that is no wildcard is written \\2a");
		if (c != '\\')
			continue;
		if (!is_escape(gp_str_sub(r->text, r->at + 1, 2)))
			return wrong(r, r->at, "a backslash needs two hexadecimal digits");
		r->at++;
	}
	return GP_OK;
}

/* attribute=value, >= <= ~= or := */
static int read_item(struct reader *r)
{
	size_t begin = r->at;
	size_t equals = gp_str_find_chr(r->text, '=', r->at);
	struct gp_str name = gp_str_sub(r->text, begin, equals - begin);
	char last = name.len > 0 ? name.ptr[name.len - 1] : '\0';
	bool has_operator = last == '>' || last == '<' || last == '~' || last == ':';

	if (equals == r->text.len || gp_str_find_chr(name, '(', 0) < name.len ||
	    gp_str_find_chr(name, ')', 0) < name.len)
		return wrong(r, begin, "\"attribute=value\" is expected");
	name.len -= has_operator;
	if (last == ':' ? !is_extensible(name) : !is_attribute(name))
		return wrong(r, begin, "what stands before \"=\" is no attribute");
	r->at = equals + 1;
	return read_value(r, !has_operator);
}

static int read_filter(struct reader *r, unsigned depth);

/* Behind "&", "|" or "!"; of none at all RFC 4526 makes true and false. */
static int read_list(struct reader *r, unsigned depth)
{
	bool is_not = r->text.ptr[r->at++] == '!';
	size_t n = 0;

	for (skip_spaces(r); next_of(r) == '('; n++, skip_spaces(r)) {
		int result;

		if (is_not && n == 1)
			return wrong(r, r->at, "\"!\" is for one filter");
		result = read_filter(r, depth + 1);
		if (result)
			return result;
	}
	return is_not && n == 0 ? wrong(r, r->at, "\"!\" needs a filter") : GP_OK;
}

static int read_filter(struct reader *r, unsigned depth)
{
	size_t begin = r->at++; /* the parenthesis */
	int result;

	if (depth > DEPTH_MAX)
		return wrong(r, begin, "too many filters within filters");
	skip_spaces(r);
	if (next_of(r) == '&' || next_of(r) == '|' || next_of(r) == '!')
		result = read_list(r, depth);
	else if (next_of(r) == '(')
		return wrong(r, begin, "parentheses within parentheses need \"&\", \"|\" or \"!\"");
	else
		result = read_item(r);
	if (result)
		return result;
	if (next_of(r) != ')')
		return wrong(r, r->at, "a \")\" is expected");
	r->at++;
	return GP_OK;
}

/* Letters for what a key fills in: of the same length, so that places stay where they are. */
static void fill(struct gp_str template, struct gp_buf *out)
{
	for (size_t i = 0; i < template.len; i++) {
		bool is_place = template.ptr[i] == '%' && i + 1 < template.len;

		if (is_place)
			gp_buf_add_cstr(out, template.ptr[++i] == '%' ? "%a" : "aa");
		else
			gp_buf_add_chr(out, template.ptr[i]);
	}
}

int gp_ldap_filter_check(struct gp_str template, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(template.len + 1);
	struct reader r = {.template = template, .diag = diag};
	int result = gp_ldap_template_check(template, diag);

	if (result)
		return result;
	fill(template, &text);
	r.text = gp_buf_str(&text);
	if (template.len == 0) {
		gp_diag_set(diag, "the filter is empty");
		return GP_EINVAL;
	}
	result = next_of(&r) == '(' ? read_filter(&r, 1) : read_item(&r);
	if (result == GP_OK && r.at < r.text.len)
		return wrong(&r, r.at, "behind the end of it; several filters need \"&\" or \"|\", (&(a=b)(c=d))");
	return result;
}
