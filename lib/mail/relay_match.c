/*
 * Matching a line with one pattern: recursion over the pattern's elements, so
 * its depth is the pattern's length.
 */
#include "lib/mail/relay_form.h"

#include <arpa/inet.h>
#include <assert.h>

#define Y_LEAST 10 /* of %y */
#define Y_MOST 80u

struct matcher {
	struct gp_str s;
	struct gp_relay_match *ret;
	unsigned steps;
};

/* What follows a group, and what follows that. */
struct rest {
	const char *pattern;
	const struct rest *next;
};

static bool match(struct matcher *m, const char *p, const struct rest *rest, size_t at);

static bool is_word_chr(char c)
{
	return gp_is_alnum(c) || c == '_';
}

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

static size_t ipv4_len(struct gp_str s, size_t at)
{
	size_t i = at;

	for (unsigned octet = 0; octet < 4; octet++) {
		unsigned value = 0;
		size_t digits = 0;

		while (i + digits < s.len && digits < 4 && gp_is_digit(s.ptr[i + digits]))
			value = value * 10 + (unsigned)(s.ptr[i + digits++] - '0');
		if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && s.ptr[i] == '0'))
			return 0;
		i += digits;
		if (octet < 3 && (i >= s.len || s.ptr[i++] != '.'))
			return 0;
	}
	return i < s.len && is_word_chr(s.ptr[i]) ? 0 : i - at;
}

static bool is_ipv6(struct gp_str s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char addr[16];

	return gp_str_copy(text, sizeof(text), s) && inet_pton(AF_INET6, text, addr) == 1;
}

static size_t ipv6_len(struct gp_str s, size_t at)
{
	size_t n = 0, colons_end = 0;

	while (at + n < s.len && n < INET6_ADDRSTRLEN &&
	       (is_one_of(gp_lower(s.ptr[at + n]), "abcdef:.") || gp_is_digit(s.ptr[at + n]))) {
		if (s.ptr[at + n] == '.' && !colons_end)
			colons_end = n;
		n++;
	}
	if (is_ipv6(gp_str_sub(s, at, n)))
		return n;
	return colons_end && is_ipv6(gp_str_sub(s, at, colons_end)) ? colons_end : 0;
}

size_t gp_relay_ip_len(struct gp_str s, size_t at)
{
	static const struct gp_str prefix = GP_STR("IPv6:");
	char before = at ? s.ptr[at - 1] : ' ';
	size_t n;

	if (at >= s.len)
		return 0;
	if (gp_str_istarts(gp_str_sub(s, at, prefix.len), prefix)) {
		n = ipv6_len(s, at + prefix.len);
		return n ? n + prefix.len : 0;
	}
	if (gp_is_digit(s.ptr[at]) && !is_word_chr(before) && before != ':') {
		n = ipv4_len(s, at);
		if (n)
			return n;
	}
	if (before == ':' || gp_is_digit(before) || is_one_of(gp_lower(before), "abcdef"))
		return 0;
	return ipv6_len(s, at);
}

static size_t local_len(struct gp_str s, size_t at)
{
	static const struct gp_str names[] = {
		{"localhost.localdomain", 21}, {"localhost", 9}, {"127.0.0.1", 9},
		{"IPv6:::1", 8}, {"::ffff:127.0.0.1", 16}, {"::1", 3},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_istarts(gp_str_sub(s, at, s.len), names[i]))
			return names[i].len;
	return 0;
}

/* What each element takes. */
static const struct element {
	char letter;
	char kind; /* 'w' no space, 'v' the same with a dot within, 'k' no space and parentheses, 'c' no ")", 'n' digits, '.' any,
		    * 'i' 'z' 'l' as they are; otherwise an assertion */
	bool may_be_empty, is_lazy;
	int field; /* -1: none */
} elements[128] = {
	['h'] = {'h', 'w', false, false, GP_RELAY_HELO},  ['H'] = {'H', 'w', true, false, GP_RELAY_HELO},
	['r'] = {'r', 'w', false, false, GP_RELAY_RDNS},  ['b'] = {'b', 'w', false, false, GP_RELAY_BY},
	['v'] = {'v', 'v', false, false, GP_RELAY_RDNS},  ['d'] = {'d', 'w', false, false, GP_RELAY_IDENT}, ['D'] = {'D', 'w', true, false, GP_RELAY_IDENT},
	['f'] = {'f', 'w', false, false, GP_RELAY_ENVFROM}, ['u'] = {'u', 'w', false, true, GP_RELAY_ID},
	['k'] = {'k', 'k', true, false, GP_RELAY_HELO},	  ['p'] = {'p', 'c', true, false, GP_RELAY_HELO},
	['w'] = {'w', 'w', false, false, -1},		  ['W'] = {'W', 'w', true, false, -1},
	['i'] = {'i', 'i', false, false, GP_RELAY_IP},	  ['I'] = {'I', 'i', false, false, -1},
	['z'] = {'z', 'z', true, false, -1},		  ['s'] = {'s', '.', true, true, GP_RELAY_SUB},
	['m'] = {'m', 'c', false, false, GP_RELAY_SUB},
	['t'] = {'t', '.', true, true, -1},		  ['g'] = {'g', '.', true, false, -1},
	['y'] = {'y', '.', false, true, -1},		  ['c'] = {'c', 'c', true, false, -1},		  ['n'] = {'n', 'n', false, false, -1},
	['l'] = {'l', 'l', false, false, -1},		  ['x'] = {'x', 'x', true, false, -1},
	['e'] = {'e', 'e', true, false, -1},
};

static const struct element *element_of(char letter)
{
	const struct element *e = &elements[letter & 127];

	return e->letter ? e : NULL;
}

static bool is_in(char c, char kind)
{
	switch (kind) {
	case 'v':
	case 'w':
		return c != ' ';
	case 'k':
		return c != ' ' && c != '(' && c != ')';
	case 'c':
		return c != ')';
	case 'n':
		return gp_is_digit(c);
	default:
		return true;
	}
}

/* The most that the element can take here; *ret_fixed if nothing less will do. */
static size_t span(const struct element *e, struct gp_str s, size_t at, bool *ret_fixed)
{
	size_t n = 0;

	*ret_fixed = true;
	switch (e->kind) {
	case 'i':
		return gp_relay_ip_len(s, at);
	case 'l':
		return local_len(s, at);
	case 'z':
		if (at < s.len && s.ptr[at] == '%')
			for (n = 1; at + n < s.len && (gp_is_alnum(s.ptr[at + n]) ||
						       is_one_of(s.ptr[at + n], "._~-"));)
				n++;
		return n;
	default:
		*ret_fixed = false;
		while (at + n < s.len && is_in(s.ptr[at + n], e->kind))
			n++;
		return n;
	}
}

/* "a.b", not ".b" or "a.". */
static bool has_dot(struct gp_str s)
{
	return gp_str_find_chr(gp_str_sub(s, 0, s.len - 1), '.', 1) < s.len - 1;
}

/* Whether it stands for itself in a pattern. */
static bool is_text(char c)
{
	return c && c != '%' && c != '{' && c != '|' && c != '}';
}

static bool match_element(struct matcher *m, const struct element *e, const char *p,
			  const struct rest *rest, size_t at)
{
	struct gp_str saved = {0};
	bool is_fixed;
	size_t most = span(e, m->s, at, &is_fixed), least = is_fixed ? most : !e->may_be_empty;

	if (e->letter == 'y') {
		least = Y_LEAST;
		most = GP_MIN(most, Y_MOST);
	}
	if (most < least || (most == 0 && !e->may_be_empty))
		return false;
	if (e->field >= 0)
		saved = m->ret->fields[e->field];
	for (size_t i = 0; i <= most - least; i++) {
		size_t n = e->is_lazy ? least + i : most - i;

		if (is_text(*p) && (at + n >= m->s.len || m->s.ptr[at + n] != *p))
			continue;
		if (e->field >= 0)
			m->ret->fields[e->field] = gp_str_sub(m->s, at, n);
		if ((e->kind != 'v' || has_dot(gp_str_sub(m->s, at, n))) && match(m, p, rest, at + n))
			return true;
		if (m->steps > GP_RELAY_STEPS_MAX)
			break;
	}
	if (e->field >= 0)
		m->ret->fields[e->field] = saved;
	return false;
}

static bool match_group(struct matcher *m, const char *p, const struct rest *rest, size_t at)
{
	struct rest after = {strchr(p, '}') + 1, rest};

	for (;; p++) {
		if (match(m, p, &after, at))
			return true;
		p += strcspn(p, "|}");
		if (*p == '}')
			return false;
	}
}

static bool match(struct matcher *m, const char *p, const struct rest *rest, size_t at)
{
	for (;; p++) {
		const struct element *e;

		if (++m->steps > GP_RELAY_STEPS_MAX)
			return false;
		if (*p == '|' || *p == '}')
			return match(m, rest->pattern, rest->next, at);
		if (*p == '\0')
			return true;
		if (*p == '{')
			return match_group(m, p + 1, rest, at);
		if (*p == '%') {
			e = element_of(*++p);
			assert(e);
			if (e->kind == 'e' ? at == m->s.len
					   : e->kind == 'x' && !gp_str_starts(gp_str_sub(m->s, at, 4),
									      GP_STR(" id ")))
				continue;
			if (e->kind == 'e' || e->kind == 'x')
				return false;
			return match_element(m, e, p + 1, rest, at);
		}
		if (at >= m->s.len || m->s.ptr[at] != *p)
			return false;
		at++;
	}
}

bool gp_relay_form_match(struct gp_str line, const char *pattern, struct gp_relay_match *ret)
{
	struct matcher m = {.s = line, .ret = ret};

	return match(&m, pattern, NULL, 0);
}
