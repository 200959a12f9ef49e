/*
 * Matching a form: backtracking over the letters, within a budget of steps, as
 * the line is a stranger's.
 */
#include "lib/mail/relay_form.h"

#include "lib/base/ip.h"

/* Real lines take some hundred. */
#define STEPS_MAX 20000
#define IP_LEN_MAX 60

struct matcher {
	struct gp_str line;
	struct gp_relay_fields fields;
	unsigned steps;
};

static bool is_word_chr(char c)
{
	return gp_is_alnum(c) || c == '_';
}

static size_t ipv4(struct gp_str s, size_t at)
{
	size_t i = at;

	if (at && (is_word_chr(s.ptr[at - 1]) || s.ptr[at - 1] == ':'))
		return 0;
	for (unsigned octet = 0; octet < 4; octet++) {
		unsigned value = 0, digits = 0;

		if (octet && (i >= s.len || s.ptr[i++] != '.'))
			return 0;
		while (i < s.len && gp_is_digit(s.ptr[i]) && digits < 4) {
			value = value * 10 + (unsigned)(s.ptr[i] - '0');
			if (digits++ && s.ptr[i - digits + 1] == '0')
				return 0; /* no leading zeros */
			i++;
		}
		if (!digits || digits > 3 || value > 255)
			return 0;
	}
	return i < s.len && is_word_chr(s.ptr[i]) ? 0 : i - at;
}

static bool is_ipv6_chr(char c)
{
	char l = gp_lower(c);

	return gp_is_digit(c) || (l >= 'a' && l <= 'f') || c == ':' || c == '.';
}

static size_t ipv6(struct gp_str s, size_t at, struct gp_str *ret)
{
	size_t i = at, start, colons = 0;
	struct gp_ip ip;

	if (at && is_ipv6_chr(s.ptr[at - 1]) && s.ptr[at - 1] != '.')
		return 0;
	if (gp_str_istarts(gp_str_sub(s, at, 5), GP_STR("IPv6:")))
		i += 5;
	for (start = i; i < s.len && i - start < IP_LEN_MAX && is_ipv6_chr(s.ptr[i]); i++)
		colons += s.ptr[i] == ':';
	*ret = gp_str_sub(s, start, i - start);
	if (colons < 2 || gp_ip_parse(*ret, &ip))
		return 0;
	return i - at;
}

/* "::ffff:192.0.2.1" is shown as IPv4. */
static struct gp_str unmapped(struct gp_str ip)
{
	size_t i = gp_str_ifind(ip, GP_STR("ffff:"), 0);
	struct gp_str v4 = gp_str_sub(ip, i + 5, SIZE_MAX);

	if (i < ip.len && gp_str_find_chr(v4, '.', 0) < v4.len && gp_str_find_chr(v4, ':', 0) == v4.len)
		return v4;
	return ip;
}

size_t gp_relay_ip(struct gp_str s, size_t at, struct gp_str *ret)
{
	size_t n;

	if (at >= s.len)
		return 0;
	n = gp_is_digit(s.ptr[at]) ? ipv4(s, at) : 0;
	*ret = gp_str_sub(s, at, n);
	if (n)
		return n;
	n = ipv6(s, at, ret);
	*ret = unmapped(*ret);
	if (n && at + n < s.len && s.ptr[at + n] == '%')
		while (at + n < s.len && (gp_is_alnum(s.ptr[at + n]) || strchr("%._~-", s.ptr[at + n])))
			n++;
	return n;
}

size_t gp_relay_localhost(struct gp_str s, size_t at)
{
	static const struct gp_str names[] = {GP_STR("localhost.localdomain"), GP_STR("localhost")};
	struct gp_str rest = gp_str_sub(s, at, SIZE_MAX), text;
	struct gp_ip ip;
	size_t n;

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_starts(rest, names[i]))
			return names[i].len;
	n = gp_relay_ip(s, at, &text);
	return n && gp_ip_parse(text, &ip) == GP_OK && gp_ip_is_loopback(&ip) ? n : 0;
}

static bool match(struct matcher *m, const char *f, size_t at);

/* How far a run of characters that `letter` takes may go. */
static size_t run_end(const struct matcher *m, char letter, size_t at)
{
	size_t i = at;

	for (; i < m->line.len; i++) {
		char c = m->line.ptr[i];

		if (letter == ')' || letter == 'k' || letter == 's') {
			if (c == ')')
				break;
		} else if (letter == 'd') {
			if (!gp_is_digit(c))
				break;
		} else if (letter != '*' && letter != '~') {
			if (c == ' ' || (letter == 'n' && (c == '(' || c == ')')) ||
			    (letter == 'q' && (c == '<' || c == '>')))
				break;
		}
	}
	return i;
}

static void keep(struct matcher *m, char letter, struct gp_str s)
{
	struct gp_relay_fields *f = &m->fields;

	switch (letter) {
	case 'i':
		f->ip = s;
		break;
	case 'b':
		f->by = s;
		break;
	case 'q':
		f->id = s;
		break;
	case 'r':
		f->rdns = s;
		break;
	case 'x':
		f->rdns = f->helo = s;
		break;
	case 't':
		f->ident = s;
		break;
	case 'h':
	case 'H':
	case 'n':
	case 'k':
		f->helo = s;
		break;
	default:
		break;
	}
}

static struct gp_str value_of(struct gp_str s, struct gp_str key, bool *ret_found)
{
	size_t i = gp_str_find(s, key, 0);

	*ret_found = i < s.len;
	s = gp_str_sub(s, i + key.len, SIZE_MAX);
	return gp_str_sub(s, 0, gp_str_find_chr(s, ' ', 0));
}

/* Exim's comment. */
static void keep_comment(struct matcher *m, struct gp_str s)
{
	bool found;
	struct gp_str v = value_of(s, GP_STR("helo="), &found);

	if (found && v.len)
		m->fields.helo = v;
	v = value_of(s, GP_STR("ident="), &found);
	if (found)
		m->fields.ident = v;
}

/* A letter that stands for a run of characters: tries every length, the wanted one first. */
static bool match_run(struct matcher *m, char letter, const char *f, size_t at)
{
	size_t max = run_end(m, letter, at);
	bool may_be_empty = strchr("HWtk*~s", letter) != NULL;
	size_t min = at + !may_be_empty;
	struct gp_relay_fields before = m->fields;

	for (size_t k = 0; max >= min && k <= max - min; k++) {
		size_t end = letter == '~' ? min + k : max - k;
		struct gp_str s = gp_str_sub(m->line, at, end - at);

		if (letter == 's')
			keep_comment(m, s);
		else
			keep(m, letter, s);
		if (match(m, f, end))
			return true;
		m->fields = before;
		if (++m->steps > STEPS_MAX)
			return false;
	}
	return false;
}

/* One of a few fixed things: its length, 0 if it is not there. */
static size_t fixed_len(struct matcher *m, char letter, size_t at)
{
	struct gp_str rest = gp_str_sub(m->line, at, SIZE_MAX), ip;
	size_t n;

	switch (letter) {
	case 'i':
	case 'I':
		n = gp_relay_ip(m->line, at, &ip);
		if (n && letter == 'i')
			m->fields.ip = ip;
		return n;
	case 'L':
		return gp_relay_localhost(m->line, at);
	case 'E':
		return gp_str_starts(rest, GP_STR("HELO")) || gp_str_starts(rest, GP_STR("EHLO")) ? 4 : 0;
	case 'Q':
		if (!gp_str_starts(rest, GP_STR("SMTP")) && !gp_str_starts(rest, GP_STR("QMQP")))
			return 0;
		return gp_str_starts(gp_str_sub(rest, 4, SIZE_MAX), GP_STR(" id ")) ? 0 : 4;
	default:
		return 0;
	}
}

static bool match_optional(struct matcher *m, const char *f, size_t at)
{
	const char *end = strchr(f, '}');
	struct gp_relay_fields before = m->fields;

	if (match(m, f, at))
		return true;
	m->fields = before;
	return match(m, end + 1, at);
}

static bool match(struct matcher *m, const char *f, size_t at)
{
	for (; *f; f++) {
		size_t n;

		if (++m->steps > STEPS_MAX)
			return false;
		if (*f == '}')
			continue;
		if (*f == '{')
			return match_optional(m, f + 1, at);
		if (*f == '$' && !f[1])
			return at == m->line.len;
		if (*f != '%') {
			if (at >= m->line.len || m->line.ptr[at++] != *f)
				return false;
			continue;
		}
		f++;
		if (!strchr("iILEQ", *f))
			return match_run(m, *f, f + 1, at);
		n = fixed_len(m, *f, at);
		if (!n)
			return false;
		at += n;
	}
	return true;
}

bool gp_relay_form_match(const char *form, struct gp_str line, struct gp_relay_fields *fields)
{
	struct matcher m = {.line = line, .fields = *fields};

	if (!match(&m, form, 0))
		return false;
	*fields = m.fields;
	return true;
}
