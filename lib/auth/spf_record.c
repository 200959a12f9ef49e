/*
 * SPF records: the grammar of RFC 7208, 4.6.1, 5, 6 and 7.1 (and its erratum on modifiers:
 * a known name is never an unknown modifier).
 *
 * A record is read twice, term by term: whole, because a syntax error anywhere makes
 * a permerror (4.6), then as far as evaluation goes.  So no list of terms is kept, and a
 * record of 64 KB costs no memory.  What terms mean is spf_eval.c's.
 */
#include <arpa/inet.h>

#include "lib/auth/spf_int.h"

#define VERSION GP_STR("v=spf1")

enum argument {
	ARG_NONE,
	ARG_DOMAIN,	     /* ":" domain-spec */
	ARG_DOMAIN_OPTIONAL, /* [ ":" domain-spec ] */
	ARG_DOMAIN_CIDR,     /* [ ":" domain-spec ] [ dual-cidr-length ] */
	ARG_IP4,
	ARG_IP6,
};

static const struct {
	const char *name;
	enum gp_spf_kind kind;
	enum argument argument;
} mechanisms[] = {
	{"all", GP_SPF_ALL, ARG_NONE},
	{"include", GP_SPF_INCLUDE, ARG_DOMAIN},
	{"a", GP_SPF_A, ARG_DOMAIN_CIDR},
	{"mx", GP_SPF_MX, ARG_DOMAIN_CIDR},
	{"ptr", GP_SPF_PTR, ARG_DOMAIN_OPTIONAL},
	{"ip4", GP_SPF_IP4, ARG_IP4},
	{"ip6", GP_SPF_IP6, ARG_IP6},
	{"exists", GP_SPF_EXISTS, ARG_DOMAIN},
};

bool gp_spf_is_record(struct gp_str txt)
{
	return gp_str_istarts(txt, VERSION) &&
	       (txt.len == VERSION.len || txt.ptr[VERSION.len] == ' ');
}

/* Takes SEPARATOR DIGITS off the end of *s, if it ends so.  GP_EINVAL if that is no length. */
static int take_length(struct gp_str *s, struct gp_str separator, unsigned max, uint8_t *ret)
{
	size_t at = s->len;
	unsigned n = 0;

	while (at && gp_is_digit(s->ptr[at - 1]))
		at--;
	if (at == s->len || at < separator.len ||
	    !gp_str_eq(gp_str_sub(*s, at - separator.len, separator.len), separator))
		return GP_OK;
	if (s->len - at > 3 || (s->ptr[at] == '0' && s->len - at > 1))
		return GP_EINVAL;
	for (size_t i = at; i < s->len; i++)
		n = n * 10 + (unsigned)(s->ptr[i] - '0');
	if (n > max)
		return GP_EINVAL;
	*ret = (uint8_t)n;
	s->len = at - separator.len;
	return GP_OK;
}

/* inet_pton and not gp_ip_parse: here "::ffff:192.0.2.1" is an IPv6 network (5, last
 * paragraph), and no brackets are allowed. */
static int parse_network(struct gp_str text, int family, struct gp_cidr *ret)
{
	char buf[INET6_ADDRSTRLEN];
	struct gp_ip ip = {.family = family == AF_INET ? 4 : 6};
	uint8_t bits = family == AF_INET ? 32 : 128;

	if (take_length(&text, GP_STR("/"), bits, &bits))
		return GP_EINVAL;
	if (gp_str_find_chr(text, '\0', 0) < text.len || !gp_str_copy(buf, sizeof(buf), text) ||
	    inet_pton(family, buf, ip.bytes) != 1)
		return GP_EINVAL;
	*ret = gp_cidr_around(&ip, bits);
	return GP_OK;
}

/* The argument with the ':' or '/' before it. */
static int parse_argument(struct gp_str arg, enum argument kind, struct gp_spf_term *ret)
{
	bool has_colon;

	ret->bits4 = 32;
	ret->bits6 = 128;
	if (kind == ARG_DOMAIN_CIDR && (take_length(&arg, GP_STR("//"), 128, &ret->bits6) ||
					take_length(&arg, GP_STR("/"), 32, &ret->bits4)))
		return GP_EINVAL;
	if (arg.len == 0)
		return kind == ARG_NONE || kind == ARG_DOMAIN_OPTIONAL || kind == ARG_DOMAIN_CIDR
			       ? GP_OK
			       : GP_EINVAL;
	has_colon = arg.ptr[0] == ':';
	arg = gp_str_sub(arg, 1, arg.len);
	if (!has_colon || kind == ARG_NONE)
		return GP_EINVAL;
	if (kind == ARG_IP4)
		return parse_network(arg, AF_INET, &ret->net);
	if (kind == ARG_IP6)
		return parse_network(arg, AF_INET6, &ret->net);
	ret->domain = arg;
	return gp_spf_domain_spec_is_valid(arg) ? GP_OK : GP_EINVAL;
}

static bool take_qualifier(struct gp_str *s, enum gp_auth_status *ret)
{
	switch (s->len ? s->ptr[0] : '\0') {
	case '+':
		*ret = GP_AUTH_PASS;
		break;
	case '-':
		*ret = GP_AUTH_FAIL;
		break;
	case '~':
		*ret = GP_AUTH_SOFTFAIL;
		break;
	case '?':
		*ret = GP_AUTH_NEUTRAL;
		break;
	default:
		*ret = GP_AUTH_PASS;
		return false;
	}
	return true;
}

static int parse_mechanism(struct gp_spf_term *ret, struct gp_diag *diag)
{
	struct gp_str s = ret->text, name;

	if (take_qualifier(&s, &ret->qualifier))
		s = gp_str_sub(s, 1, s.len);
	name = gp_str_sub(s, 0, GP_MIN(gp_str_find_chr(s, ':', 0), gp_str_find_chr(s, '/', 0)));
	for (size_t i = 0; i < GP_ARRAY_SIZE(mechanisms); i++) {
		if (!gp_str_ieq(name, gp_str(mechanisms[i].name)))
			continue;
		ret->kind = mechanisms[i].kind;
		if (parse_argument(gp_str_sub(s, name.len, s.len), mechanisms[i].argument, ret) ==
		    0)
			return GP_OK;
		gp_diag_set(diag, "\"%.*s\" is no valid %s", GP_SPF_SHOW(ret->text),
			    mechanisms[i].name);
		return GP_EINVAL;
	}
	gp_diag_set(diag, "\"%.*s\" is no mechanism", GP_SPF_SHOW(name));
	return GP_EINVAL;
}

/* The length of NAME before "=", or 0: not a modifier. */
static size_t modifier_name(struct gp_str s)
{
	size_t n = 0;

	if (s.len == 0 || !gp_is_alpha(s.ptr[0]))
		return 0;
	while (n < s.len && (gp_is_alnum(s.ptr[n]) || strchr("-_.", s.ptr[n]) != NULL) &&
	       s.ptr[n] != '\0')
		n++;
	return n < s.len && s.ptr[n] == '=' ? n : 0;
}

static int parse_modifier(size_t name_len, struct gp_spf_term *ret, struct gp_diag *diag)
{
	struct gp_str name = gp_str_sub(ret->text, 0, name_len);
	bool is_valid;

	ret->domain = gp_str_sub(ret->text, name_len + 1, ret->text.len);
	ret->kind = gp_str_ieq(name, GP_STR("redirect")) ? GP_SPF_REDIRECT
		    : gp_str_ieq(name, GP_STR("exp"))	 ? GP_SPF_EXP
							 : GP_SPF_UNKNOWN;
	is_valid = ret->kind == GP_SPF_UNKNOWN ? gp_spf_macro_is_valid(ret->domain, GP_SPF_IN_TERM)
					       : gp_spf_domain_spec_is_valid(ret->domain);
	if (is_valid)
		return GP_OK;
	gp_diag_set(diag, "\"%.*s\" is no valid modifier", GP_SPF_SHOW(ret->text));
	return GP_EINVAL;
}

int gp_spf_term_next(struct gp_str *rest, struct gp_spf_term *ret, struct gp_diag *diag)
{
	struct gp_spf_term term = {0};
	size_t begin = 0, name_len;
	int r;

	while (begin < rest->len && rest->ptr[begin] == ' ')
		begin++;
	*rest = gp_str_sub(*rest, begin, rest->len);
	if (rest->len == 0)
		return GP_ENOENT;
	term.text = gp_str_sub(*rest, 0, gp_str_find_chr(*rest, ' ', 0));
	*rest = gp_str_sub(*rest, term.text.len, rest->len);
	name_len = modifier_name(term.text);
	r = name_len ? parse_modifier(name_len, &term, diag) : parse_mechanism(&term, diag);
	if (r == GP_OK)
		*ret = term;
	return r;
}

/* redirect= and exp= at most once each (6). */
static int keep_modifier(const struct gp_spf_term *term, struct gp_spf_modifiers *m,
			 struct gp_diag *diag)
{
	struct gp_str *kept = term->kind == GP_SPF_REDIRECT ? &m->redirect
			      : term->kind == GP_SPF_EXP    ? &m->exp
							    : NULL;

	if (!kept)
		return GP_OK;
	if (kept->len) {
		gp_diag_set(diag, "\"%.*s\" is the second of its name", GP_SPF_SHOW(term->text));
		return GP_EINVAL;
	}
	*kept = term->domain;
	return GP_OK;
}

int gp_spf_record_parse(struct gp_str record, struct gp_str *ret_terms,
			struct gp_spf_modifiers *ret, struct gp_diag *diag)
{
	struct gp_str terms = gp_str_sub(record, VERSION.len, record.len), rest = terms;
	struct gp_spf_modifiers m = {0};
	struct gp_spf_term term;
	int r;

	while ((r = gp_spf_term_next(&rest, &term, diag)) == GP_OK) {
		r = keep_modifier(&term, &m, diag);
		if (r)
			return r;
	}
	if (r != GP_ENOENT)
		return r;
	*ret_terms = terms;
	*ret = m;
	return GP_OK;
}
