/*
 * Authentication-Results, read: RFC 8601, 2.2, with values as RFC 2045 and RFC 6532
 * have them.
 *
 * One cursor over the value; the first breach sticks in it and everything after
 * it reads as nothing, so that the grammar below stands without checks between.
 */
#include "lib/auth/authres.h"

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"

struct reader {
	struct gp_arena *arena;
	struct gp_str in;
	size_t pos;
	bool is_lenient;
	int err;	 /* sticky */
	const char *why;
};

static void breach(struct reader *r, int err, const char *why)
{
	if (r->err)
		return;
	r->err = err;
	r->why = why;
}

/* The next byte, or 0 at the end and after a breach; a NUL in the text is no part of any
 * token, so it ends as a breach too. */
static char peek(const struct reader *r)
{
	return r->err || r->pos >= r->in.len ? '\0' : r->in.ptr[r->pos];
}

static bool at_end(const struct reader *r)
{
	return r->err || r->pos >= r->in.len;
}

static bool take(struct reader *r, char c)
{
	if (at_end(r) || peek(r) != c)
		return false;
	r->pos++;
	return true;
}

static void expect(struct reader *r, char c, const char *why)
{
	if (!take(r, c))
		breach(r, GP_EINVAL, why);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_utf8_byte(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool is_printable(char c)
{
	return (c > ' ' && c < 0x7f) || is_utf8_byte(c);
}

/* RFC 2045, 5.1, extended by RFC 6532. */
static bool is_token_char(char c)
{
	return is_printable(c) && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* RFC 5322, 3.2.3 (atext), and the dot. */
static bool is_local_char(char c)
{
	return gp_is_alnum(c) || is_utf8_byte(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool is_domain_char(char c)
{
	return gp_is_alnum(c) || is_utf8_byte(c) || c == '-' || c == '.';
}

static bool is_keyword_char(char c)
{
	return gp_is_alnum(c) || c == '-';
}

/* A line end counts only with white space behind it, which is left. */
static bool skip_fold(struct reader *r)
{
	struct gp_str rest = gp_str_sub(r->in, r->pos, 3);
	size_t n = gp_str_starts(rest, GP_STR("\r\n")) ? 2 : gp_str_starts(rest, GP_STR("\n"));

	if (r->err || !n || n == rest.len || !is_blank(rest.ptr[n]))
		return false;
	r->pos += n;
	return true;
}

static void skip_space(struct reader *r)
{
	while (is_blank(peek(r)) || skip_fold(r))
		r->pos += is_blank(peek(r));
}

/* The byte behind a backslash. */
static char take_escaped(struct reader *r)
{
	char c = peek(r);

	if (!is_printable(c) && !is_blank(c))
		breach(r, GP_EINVAL, "a control character is quoted");
	r->pos++;
	return c;
}

static void skip_comment(struct reader *r)
{
	unsigned depth = 0;

	do {
		char c;

		skip_space(r);
		c = peek(r);
		if (!is_printable(c))
			breach(r, GP_EINVAL, at_end(r) ? "a comment does not end" : "a control character");
		r->pos++;
		if (c == '\\')
			take_escaped(r);
		else if (c == ')')
			depth--;
		else if (c == '(' && ++depth > GP_MAX_AUTHRES_COMMENTS)
			breach(r, GP_ELIMIT, "too many comments within one another");
	} while (depth && !r->err);
}

/* [CFWS]; tells whether there was any. */
static bool skip_cfws(struct reader *r)
{
	size_t start = r->pos;

	for (;;) {
		skip_space(r);
		if (peek(r) != '(')
			break;
		skip_comment(r);
	}
	return r->pos > start;
}

/* The run of bytes of a class; never empty unless there was a breach. */
static struct gp_str take_run(struct reader *r, bool (*is_member)(char), const char *what)
{
	size_t start = r->pos;
	struct gp_str run;

	while (!at_end(r) && is_member(r->in.ptr[r->pos]))
		r->pos++;
	run = gp_str_sub(r->in, start, r->pos - start);
	if (!run.len)
		breach(r, GP_EINVAL, what);
	if (!gp_utf8_is_valid(run))
		breach(r, GP_EINVAL, "not UTF-8");
	return run;
}

/* RFC 5321's Keyword, which ends in a letter or digit. */
static struct gp_str take_keyword(struct reader *r, const char *what)
{
	struct gp_str word = take_run(r, is_keyword_char, what);

	if (word.len && word.ptr[word.len - 1] == '-')
		breach(r, GP_EINVAL, what);
	return word;
}

/* A quoted string, without the quotes and the line ends of folds. */
static struct gp_str take_quoted(struct reader *r)
{
	GP_BUF_AUTO text = GP_BUF_INIT(r->in.len);

	expect(r, '"', "a quoted string is missing");
	while (!r->err && !take(r, '"')) {
		char c;

		skip_fold(r);
		c = peek(r);
		if (!is_printable(c) && !is_blank(c))
			breach(r, GP_EINVAL, at_end(r) ? "a quoted string does not end"
						       : "a control character");
		r->pos++;
		gp_buf_add_chr(&text, c == '\\' ? take_escaped(r) : c);
	}
	if (!gp_utf8_is_valid(gp_buf_str(&text)))
		breach(r, GP_EINVAL, "not UTF-8");
	return gp_arena_str(r->arena, gp_buf_str(&text));
}

static struct gp_str take_value(struct reader *r)
{
	return peek(r) == '"' ? take_quoted(r) : take_run(r, is_token_char, "a value is missing");
}

/* Labels of letters, digits and hyphens (RFC 6376, 3.5), or U-labels. */
static struct gp_str take_domain(struct reader *r)
{
	struct gp_str domain = take_run(r, is_domain_char, "a domain is missing"), rest = domain, label;

	while (gp_str_next(&rest, '.', &label))
		if (!label.len || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
			breach(r, GP_EINVAL, "not a domain");
	if (domain.len && domain.ptr[domain.len - 1] == '.')
		breach(r, GP_EINVAL, "not a domain");
	return domain;
}

static bool is_dot_string(struct gp_str s)
{
	return s.len && s.ptr[0] != '.' && s.ptr[s.len - 1] != '.' &&
	       gp_str_find(s, GP_STR(".."), 0) == s.len;
}

static bool is_token(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_char(s.ptr[i]))
			return false;
	return s.len > 0;
}

/* value / [ [ local-part ] "@" ] domain-name */
static struct gp_str take_pvalue(struct reader *r)
{
	bool is_quoted = peek(r) == '"';
	struct gp_str first = {0}, domain;

	if (is_quoted)
		first = take_quoted(r);
	else if (peek(r) != '@')
		first = take_run(r, is_local_char, "a property has no value");
	if (take(r, '@')) {
		if (!is_quoted && first.len && !is_dot_string(first))
			breach(r, GP_EINVAL, "not a local part");
		domain = take_domain(r);
		return gp_str(gp_arena_printf(r->arena, "%.*s@%.*s", GP_STR_FMT(first),
					      GP_STR_FMT(domain)));
	}
	if (!is_quoted && !is_token(first))
		breach(r, GP_EINVAL, "a value must be quoted");
	return first;
}

/* A property, or the reason, which may only come first. */
static void take_property(struct reader *r, struct gp_authres_entry *e)
{
	struct gp_str word = take_keyword(r, "a property is missing");
	struct gp_authres_property p = {.ptype = word};

	skip_cfws(r);
	if (peek(r) == '=' && gp_str_ieq(word, GP_STR("reason")) && !e->reason.ptr &&
	    !e->properties.len) {
		r->pos++;
		skip_cfws(r);
		e->reason = take_value(r);
		return;
	}
	expect(r, '.', "a property has no type");
	skip_cfws(r);
	p.name = take_keyword(r, "a property has no name");
	skip_cfws(r);
	expect(r, '=', "a property has no value");
	skip_cfws(r);
	p.value = take_pvalue(r);
	if (e->properties.len == GP_MAX_AUTHRES)
		breach(r, GP_ELIMIT, "too many properties");
	if (!r->err)
		*gp_vec_push(r->arena, &e->properties) = p;
}

/* At least a byte, to the next semicolon, or white space if is_word, that is not in a comment
 * or a quoted string. */
static void skip_unread(struct reader *r, bool is_word)
{
	do {
		if (peek(r) == '(')
			skip_comment(r);
		else if (peek(r) == '"')
			take_quoted(r);
		else
			r->pos++;
	} while (!at_end(r) && peek(r) != ';' && !(is_word && gp_is_space(peek(r))));
}

/* Whether what went wrong since `start` is passed over. */
static bool is_forgiven(struct reader *r, size_t start)
{
	if (r->err != GP_EINVAL || !r->is_lenient)
		return false;
	r->err = GP_OK;
	r->pos = start;
	return true;
}

/* What stands behind method and result. */
static void take_properties(struct reader *r, struct gp_authres_entry *e)
{
	while (!r->err) {
		/* Only a quoted string marks its own end. */
		bool is_apart = r->in.ptr[r->pos - 1] == '"' || skip_cfws(r);
		size_t start;

		skip_cfws(r);
		start = r->pos;
		if (at_end(r) || peek(r) == ';')
			return;
		if (!is_apart)
			breach(r, GP_EINVAL, "white space is missing");
		take_property(r, e);
		if (is_forgiven(r, start))
			skip_unread(r, true);
	}
}

/* method [ "/" version ] "=" result; false for a version that is not ours.  "none" without a
 * result gives an entry without one. */
static bool take_method(struct reader *r, struct gp_authres_entry *e)
{
	bool is_known = true;

	skip_cfws(r);
	e->method = take_keyword(r, "a method is missing");
	skip_cfws(r);
	if (take(r, '/')) {
		skip_cfws(r);
		is_known = gp_str_eq(take_run(r, gp_is_digit, "a version is missing"), GP_STR("1"));
		skip_cfws(r);
	}
	if (at_end(r) && gp_str_ieq(e->method, GP_STR("none")))
		return is_known;
	expect(r, '=', "a method has no result");
	skip_cfws(r);
	e->result = take_keyword(r, "a method has no result");
	return is_known;
}

/* The authserv-id with what may follow it, up to the first semicolon or the end. */
static struct gp_str take_id(struct reader *r, struct gp_str *ret_version)
{
	struct gp_str id;
	bool is_apart;

	skip_cfws(r);
	id = gp_str_trim(take_value(r));
	if (!id.len)
		breach(r, GP_EINVAL, "the authserv-id is missing");
	is_apart = skip_cfws(r);
	if (!at_end(r) && peek(r) != ';') {
		if (!is_apart)
			breach(r, GP_EINVAL, "white space is missing");
		*ret_version = take_run(r, gp_is_digit, "more than an authserv-id");
		skip_cfws(r);
		if (!at_end(r) && peek(r) != ';')
			breach(r, GP_EINVAL, "more than an authserv-id");
	}
	return id;
}

static void take_entry(struct reader *r, struct gp_authres *ret)
{
	struct gp_authres_entry e = {0};
	size_t start = r->pos;
	bool is_known = take_method(r, &e);

	if (!r->err && e.result.len)
		take_properties(r, &e);
	else if (!r->err && ret->entries.len)
		breach(r, GP_EINVAL, "\"none\" beside results");
	if (is_forgiven(r, start)) {
		if (peek(r) != ';')
			skip_unread(r, false);
		return;
	}
	if (r->err || !e.result.len || !is_known)
		return;
	if (ret->entries.len == GP_MAX_AUTHRES)
		breach(r, GP_ELIMIT, "too many results");
	else
		*gp_vec_push(r->arena, &ret->entries) = e;
}

static struct reader reader_of(struct gp_arena *arena, struct gp_str value, bool is_lenient)
{
	if (value.len && value.ptr[value.len - 1] == '\n')
		value.len--;
	if (value.len && value.ptr[value.len - 1] == '\r')
		value.len--;
	return (struct reader){.arena = arena, .in = value, .is_lenient = is_lenient};
}

static int parse(struct gp_arena *arena, struct gp_str value, bool is_lenient,
		 struct gp_authres *ret, struct gp_diag *diag)
{
	struct reader r = reader_of(arena, value, is_lenient);
	struct gp_authres a = {0};
	struct gp_str version = GP_STR("1");

	a.id = take_id(&r, &version);
	if (!gp_str_eq(version, GP_STR("1")))
		breach(&r, GP_EINVAL, "a version that is not known");
	if (at_end(&r))
		breach(&r, GP_EINVAL, "nothing behind the authserv-id");
	while (take(&r, ';'))
		take_entry(&r, &a);
	if (r.err) {
		gp_diag_set(diag, "at byte %zu: %s", r.pos, r.why);
		return r.err;
	}
	*ret = a;
	return GP_OK;
}

int gp_authres_parse(struct gp_arena *arena, struct gp_str value, struct gp_authres *ret,
		     struct gp_diag *diag)
{
	return parse(arena, value, false, ret, diag);
}

int gp_authres_parse_lenient(struct gp_arena *arena, struct gp_str value, struct gp_authres *ret,
			     struct gp_diag *diag)
{
	return parse(arena, value, true, ret, diag);
}

int gp_authres_id(struct gp_arena *arena, struct gp_str value, struct gp_str *ret)
{
	struct reader r = reader_of(arena, value, false);
	struct gp_str version, id = take_id(&r, &version);

	if (r.err)
		return GP_EINVAL;
	*ret = id;
	return GP_OK;
}
