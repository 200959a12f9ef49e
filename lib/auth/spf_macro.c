/*
 * SPF macros (RFC 7208, 7; RFC 8616, 4): syntax and expansion.
 *
 * A stranger's record chooses how much is expanded, so the result has a ceiling
 * (GP_MAX_SPF_EXPANSION) and nothing is allocated per macro.
 */
#include "lib/auth/spf_int.h"
#include "lib/base/limits.h"

#include <stdio.h>

/* One piece of a macro-string. */
struct piece {
	struct gp_str literal; /* with letter 0 */
	char letter;	       /* lower case */
	bool is_escaped;       /* the letter was upper case: URL escaping */
	bool is_reversed;
	unsigned parts; /* right-hand parts, 0: all */
	struct gp_str delimiters;
};

static bool is_literal(char c, enum gp_spf_text kind)
{
	return (c > ' ' && c < 0x7f && c != '%') || (c == ' ' && kind == GP_SPF_IN_EXPLANATION);
}

static bool is_letter(char c, enum gp_spf_text kind)
{
	return c && (strchr("slodiphv", c) || (kind == GP_SPF_IN_EXPLANATION && strchr("crt", c)));
}

/* "{" macro-letter transformers *delimiter "}"; gives how long it is, 0 if malformed. */
static size_t take_macro(struct gp_str s, enum gp_spf_text kind, struct piece *ret)
{
	size_t at = 2, delimiters;
	bool has_digits;

	if (s.len < 3 || s.ptr[0] != '{' || !is_letter(gp_lower(s.ptr[1]), kind))
		return 0;
	ret->letter = gp_lower(s.ptr[1]);
	ret->is_escaped = ret->letter != s.ptr[1];
	has_digits = gp_is_digit(s.ptr[at]);
	for (; at < s.len && gp_is_digit(s.ptr[at]); at++)
		if (ret->parts < 1000) /* as good as all */
			ret->parts = ret->parts * 10 + (unsigned)(s.ptr[at] - '0');
	if (has_digits && ret->parts == 0)
		return 0;
	ret->is_reversed = at < s.len && gp_lower(s.ptr[at]) == 'r';
	at += ret->is_reversed;
	delimiters = at;
	while (at < s.len && s.ptr[at] && strchr(".-+,/_=", s.ptr[at]))
		at++;
	ret->delimiters =
		at > delimiters ? gp_str_sub(s, delimiters, at - delimiters) : GP_STR(".");
	return at < s.len && s.ptr[at] == '}' ? at + 1 : 0;
}

/* Takes the next piece off *rest; false if it is malformed. */
static bool take(struct gp_str *rest, enum gp_spf_text kind, struct piece *ret)
{
	size_t n = 0;

	*ret = (struct piece){0};
	while (n < rest->len && is_literal(rest->ptr[n], kind))
		n++;
	if (n) {
		ret->literal = gp_str_sub(*rest, 0, n);
	} else if (rest->ptr[0] == '%' && rest->len > 1) {
		n = 2;
		if (rest->ptr[1] == '%')
			ret->literal = GP_STR("%");
		else if (rest->ptr[1] == '_')
			ret->literal = GP_STR(" ");
		else if (rest->ptr[1] == '-')
			ret->literal = GP_STR("%20");
		else if ((n = take_macro(gp_str_sub(*rest, 1, rest->len), kind, ret)) != 0)
			n++;
	}
	*rest = gp_str_sub(*rest, n, rest->len);
	return n > 0;
}

bool gp_spf_macro_is_valid(struct gp_str s, enum gp_spf_text kind)
{
	struct piece piece;

	while (s.len)
		if (!take(&s, kind, &piece))
			return false;
	return true;
}

/* Letters, digits and inner hyphens; not digits alone. */
static bool is_toplabel(struct gp_str s)
{
	bool is_number = true;

	if (s.len == 0 || !gp_is_alnum(s.ptr[0]) || !gp_is_alnum(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
		is_number &= gp_is_digit(s.ptr[i]);
	}
	return !is_number;
}

bool gp_spf_domain_spec_is_valid(struct gp_str s)
{
	struct gp_str end = {0}; /* the text behind the last macro-expand */
	struct piece piece;
	size_t dot;

	if (s.len == 0)
		return false;
	while (s.len) {
		struct gp_str before = s;

		if (!take(&s, GP_SPF_IN_TERM, &piece))
			return false;
		end = before.ptr[0] == '%' ? GP_STR("") : piece.literal;
	}
	if (end.len == 0)
		return true;
	if (end.ptr[end.len - 1] == '.')
		end.len--;
	for (dot = end.len; dot && end.ptr[dot - 1] != '.'; dot--)
		;
	return dot && is_toplabel(gp_str_sub(end, dot, end.len));
}

/* Expansion. */

static void add(struct gp_buf *out, const struct piece *p, char c)
{
	static const char HEX[] = "0123456789ABCDEF";

	if (!p->is_escaped || gp_is_alnum(c) || (c && strchr("-._~", c))) {
		gp_buf_add_chr(out, c);
		return;
	}
	gp_buf_add_chr(out, '%');
	gp_buf_add_chr(out, HEX[(unsigned char)c >> 4]);
	gp_buf_add_chr(out, HEX[c & 15]);
}

static bool is_delimiter(const struct piece *p, char c)
{
	return gp_str_find_chr(p->delimiters, c, 0) < p->delimiters.len;
}

/* The last p->parts parts. */
static void add_forward(struct gp_buf *out, const struct piece *p, struct gp_str value)
{
	size_t begin = value.len;
	unsigned left = p->parts;

	while (begin && (!is_delimiter(p, value.ptr[begin - 1]) || left != 1)) {
		left -= left && is_delimiter(p, value.ptr[begin - 1]);
		begin--;
	}
	for (size_t i = begin; i < value.len; i++)
		add(out, p, is_delimiter(p, value.ptr[i]) ? '.' : value.ptr[i]);
}

/* The first p->parts parts, from the last of them to the first. */
static void add_reversed(struct gp_buf *out, const struct piece *p, struct gp_str value)
{
	size_t begin, end = 0;
	unsigned left = p->parts;

	while (end < value.len && (!is_delimiter(p, value.ptr[end]) || left != 1)) {
		left -= left && is_delimiter(p, value.ptr[end]);
		end++;
	}
	for (;; end = begin - 1) {
		for (begin = end; begin && !is_delimiter(p, value.ptr[begin - 1]); begin--)
			;
		for (size_t i = begin; i < end; i++)
			add(out, p, value.ptr[i]);
		if (begin == 0)
			return;
		add(out, p, '.');
	}
}

#define NIBBLES (2 * 32)

/* %{i}: dotted quad, or dotted nibbles. */
static struct gp_str dotted(const struct gp_ip *ip, char buf[GP_IP_TEXT])
{
	static const char HEX[] = "0123456789ABCDEF";

	_Static_assert(GP_IP_TEXT >= NIBBLES, "room for the nibbles");
	if (ip->family == 4)
		return gp_str(gp_ip_format(ip, buf));
	for (size_t i = 0; i < 16; i++) {
		buf[4 * i] = HEX[ip->bytes[i] >> 4];
		buf[4 * i + 2] = HEX[ip->bytes[i] & 15];
		buf[4 * i + 1] = buf[4 * i + 3] = '.';
	}
	return gp_str_n(buf, NIBBLES - 1);
}

/* What could stand in a name; see gp_spf_macro_expand. */
static bool is_usable(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] & 0x80)
			return false;
	return s.len <= GP_MAX_SPF_MACRO;
}

static struct gp_str value_of(struct gp_spf_eval *e, char letter, struct gp_str domain,
			      char buf[GP_IP_TEXT])
{
	switch (letter) {
	case 's':
		return e->sender;
	case 'l':
		return e->local;
	case 'o':
		return e->domain;
	case 'd':
		return domain;
	case 'i':
		return dotted(&e->client, buf);
	case 'p':
		return gp_spf_ptr_best(e, domain);
	case 'v':
		return e->client.family == 4 ? GP_STR("in-addr") : GP_STR("ip6");
	case 'h':
		return e->helo;
	case 'c':
		return gp_str(gp_ip_format(&e->client, buf));
	case 'r':
		return e->query->receiver.len ? e->query->receiver : GP_STR("unknown");
	default: /* 't' */
		return gp_str_n(
			buf, (size_t)snprintf(buf, GP_IP_TEXT, "%lld", (long long)e->query->now_s));
	}
}

int gp_spf_macro_expand(struct gp_spf_eval *e, struct gp_str s, struct gp_str domain,
			struct gp_buf *out)
{
	struct piece piece;
	char buf[GP_IP_TEXT];

	while (s.len && take(&s, GP_SPF_IN_EXPLANATION, &piece) && !gp_buf_error(out)) {
		struct gp_str value;

		if (!piece.letter) {
			gp_buf_add_str(out, piece.literal);
			continue;
		}
		value = value_of(e, piece.letter, domain, buf);
		if (!is_usable(value))
			return GP_ENOENT;
		if (piece.is_reversed)
			add_reversed(out, &piece, value);
		else
			add_forward(out, &piece, value);
	}
	return gp_buf_error(out);
}

int gp_spf_macro_target(struct gp_spf_eval *e, struct gp_str spec, struct gp_str domain,
			struct gp_str *ret)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_SPF_EXPANSION);
	struct gp_str name;
	int r;

	if (spec.len == 0) {
		*ret = domain;
		return GP_OK;
	}
	r = gp_spf_macro_expand(e, spec, domain, &text);
	if (r)
		return r;
	name = gp_buf_str(&text);
	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	while (name.len > GP_DNS_NAME_MAX && gp_str_find_chr(name, '.', 0) < name.len)
		name = gp_str_sub(name, gp_str_find_chr(name, '.', 0) + 1, name.len);
	*ret = gp_dns_name_escape(e->asker->arena, name);
	return GP_OK;
}
