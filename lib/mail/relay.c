/*
 * One Received line: fold white space, drop the date, find what stands in any
 * form (id, helo=, by, authentication, sender), then what its form says.
 */
#include "lib/mail/relay.h"

#include "lib/base/limits.h"
#include "lib/mail/header.h"
#include "lib/mail/relay_auth.h"
#include "lib/mail/relay_form.h"

static bool is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Runs of white space as one space, none at the ends; without ";" at the end. */
static struct gp_str fold(struct gp_arena *a, struct gp_str s)
{
	char *out;
	size_t n = 0;

	s = gp_str_sub(gp_str_trim(s), 0, GP_MAX_RELAY_LINE);
	out = gp_arena_alloc(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		if (!gp_is_space(s.ptr[i]))
			out[n++] = s.ptr[i];
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && (out[n - 1] == ';' || out[n - 1] == ' '))
		n--;
	return gp_str_n(out, n);
}

/* ")by " at its first place gets the space that it lacks. */
static struct gp_str with_space(struct gp_arena *a, struct gp_str s)
{
	size_t at = gp_str_find(s, GP_STR(")by "), 0);

	if (at >= s.len)
		return s;
	return gp_str(gp_arena_printf(a, "%.*s %.*s", GP_STR_FMT(gp_str_sub(s, 0, at + 1)),
				      GP_STR_FMT(gp_str_sub(s, at + 1, s.len))));
}

/* Takes the last word off; false if there is none, or not as wanted. */
static bool last_word(struct gp_str *s, struct gp_str *ret)
{
	size_t n = s->len;

	while (n && s->ptr[n - 1] != ' ' && s->ptr[n - 1] != ';')
		n--;
	*ret = gp_str_sub(*s, n, s->len);
	*s = gp_str_sub(*s, 0, n ? n - 1 : 0);
	return ret->len != 0;
}

static bool is_clock(struct gp_str s)
{
	struct gp_str piece;
	unsigned n = 0;

	while (gp_str_next(&s, ':', &piece))
		if (++n > 3 || !gp_str_is_digits(piece))
			return false;
	return n >= 2;
}

static bool is_named(struct gp_str s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gp_str_eq(s, gp_str(names[i])))
			return true;
	return false;
}

/* "; Thu, 1 Jan 2026 00:00:00 +0000" at the end; one followed by "(CET)" stays. */
static struct gp_str without_date(struct gp_str s)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static const char *const days[] = {"Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,"};
	struct gp_str rest = s, word, before;

	if (!last_word(&rest, &word) || !last_word(&rest, &word) || !is_clock(word) ||
	    !last_word(&rest, &word) || !gp_str_is_digits(word) || !last_word(&rest, &word) ||
	    !is_named(word, months, GP_ARRAY_SIZE(months)) || !last_word(&rest, &word) ||
	    !gp_str_is_digits(word))
		return s;
	before = rest;
	if (!last_word(&rest, &word) || !is_named(word, days, GP_ARRAY_SIZE(days)))
		rest = before;
	while (rest.len && is_one_of(rest.ptr[rest.len - 1], " ;"))
		rest.len--;
	return rest;
}

/* " id X", of at least three bytes. */
static struct gp_str find_id(struct gp_str s)
{
	static const struct gp_str key = GP_STR(" id ");
	size_t at = 0;

	while ((at = gp_str_find(s, key, at)) < s.len) {
		size_t from = at + key.len, n = 0;

		from += from < s.len && s.ptr[from] == '<';
		while (from + n < s.len && !is_one_of(s.ptr[from + n], " <>;"))
			n++;
		if (n >= 3)
			return gp_str_sub(s, from, n);
		at++;
	}
	return GP_STR("");
}

/* The word of HELO's letters behind a key that begins a word. */
static struct gp_str helo_behind(struct gp_str s, struct gp_str key)
{
	size_t at = 0;

	while ((at = gp_str_find(s, key, at)) < s.len) {
		size_t from = at + key.len, n = 0;

		while (from + n < s.len && (gp_is_alnum(s.ptr[from + n]) ||
					    is_one_of(s.ptr[from + n], "-.^+_&:=?!@%*$\\/")))
			n++;
		if (n && (at == 0 || !(gp_is_alnum(s.ptr[at - 1]) || s.ptr[at - 1] == '_')))
			return gp_str_sub(s, from, n);
		at++;
	}
	return GP_STR("");
}

static struct gp_str find_helo(struct gp_str s)
{
	static const struct gp_str keys[] = {{"helo=", 5}, {"HELO ", 5}, {"EHLO ", 5}};
	struct gp_str helo = {0};

	for (size_t i = 0; i < GP_ARRAY_SIZE(keys) && !helo.len; i++)
		helo = helo_behind(s, keys[i]);
	return helo;
}

static struct gp_str word_behind(struct gp_str s, struct gp_str key)
{
	size_t at = gp_str_find(s, key, 0);

	if (at >= s.len)
		return GP_STR("");
	s = gp_str_sub(s, at + key.len, s.len);
	return gp_str_sub(s, 0, gp_str_find_chr(s, ' ', 0));
}

/* The sender, in the ways in which it is written; ptr NULL: none. */
static struct gp_str find_envfrom(struct gp_str s)
{
	static const struct gp_str keys[] = {
		{"return-path: ", 13}, {"return-path ", 12}, {"envelope-sender ", 16},
		{"envelope-sender=", 16}, {"envelope-from ", 14}, {"envelope-from=", 14},
	};
	struct gp_str first = {0};
	size_t first_at = s.len;

	if (gp_str_ifind(s, GP_STR("return-path"), 0) >= s.len &&
	    gp_str_ifind(s, GP_STR("envelope-"), 0) >= s.len)
		return first;
	for (size_t i = 0; i < GP_ARRAY_SIZE(keys); i++) {
		size_t at = gp_str_ifind(s, keys[i], 0), n;
		struct gp_str word;

		if (at >= first_at)
			continue;
		word = gp_str_sub(s, at + keys[i].len, s.len);
		word = gp_str_sub(word, 0, gp_str_find_chr(word, ' ', 0));
		for (n = word.len; n && !gp_is_alnum(word.ptr[n - 1]) && word.ptr[n - 1] != '_';)
			n--;
		if (n == 0)
			continue;
		first_at = at;
		first = gp_str_sub(word, 0, n);
	}
	return first;
}

/* What may not stand in the text becomes "!". */
static struct gp_str clean(struct gp_arena *a, struct gp_str s)
{
	char *out;

	if (!s.ptr)
		return s;
	out = gp_arena_cstr(a, s);
	for (size_t i = 0; i < s.len; i++)
		if (gp_is_space(out[i]) || out[i] == '\0' || is_one_of(out[i], "#[]()<>|"))
			out[i] = '!';
	return gp_str_n(out, s.len);
}

static struct gp_str clean_ip(struct gp_arena *a, struct gp_str s)
{
	static const struct gp_str prefix = GP_STR("IPv6:");
	size_t v4;

	if (gp_str_istarts(s, prefix))
		s = gp_str_sub(s, prefix.len, s.len);
	for (v4 = s.len; v4 && (gp_is_digit(s.ptr[v4 - 1]) || s.ptr[v4 - 1] == '.');)
		v4--;
	if (gp_str_find_chr(s, '.', v4) < s.len && v4 >= 5 &&
	    gp_str_ieq(gp_str_sub(s, v4 - 5, 5), GP_STR("ffff:"))) {
		size_t i = 0;

		while (i < v4 - 5 && is_one_of(s.ptr[i], "0:"))
			i++;
		if (i == v4 - 5)
			s = gp_str_sub(s, v4, s.len);
	}
	return clean(a, s);
}

static void clean_all(struct gp_arena *a, struct gp_relay *r)
{
	while (r->rdns.len && r->rdns.ptr[r->rdns.len - 1] == '.')
		r->rdns.len--;
	if (gp_str_ieq(r->rdns, GP_STR("unknown")) || gp_str_starts(r->rdns, GP_STR("[")))
		r->rdns.len = 0;
	if (r->by.len && r->by.ptr[r->by.len - 1] == ';')
		r->by.len--;
	while (r->envfrom.len && r->envfrom.ptr[0] == '<')
		r->envfrom = gp_str_sub(r->envfrom, 1, r->envfrom.len);
	r->ip = clean_ip(a, r->ip);
	r->rdns = clean(a, r->rdns);
	r->helo = clean(a, r->helo);
	r->by = clean(a, r->by);
	r->ident = clean(a, r->ident);
	r->envfrom = clean(a, r->envfrom);
}

/* helo= and ident= of a comment. */
static void take_sub(struct gp_relay *r, struct gp_str sub)
{
	struct gp_str value = word_behind(sub, GP_STR("helo="));

	if (value.len)
		r->helo = value;
	value = word_behind(sub, GP_STR("ident="));
	if (value.len)
		r->ident = value;
}

static void take_match(struct gp_relay *r, struct gp_relay_match *m)
{
	struct gp_str *const into[GP_RELAY_FIELDS] = {
		[GP_RELAY_IP] = &r->ip,	      [GP_RELAY_RDNS] = &r->rdns,
		[GP_RELAY_HELO] = &r->helo,   [GP_RELAY_BY] = &r->by,
		[GP_RELAY_IDENT] = &r->ident, [GP_RELAY_ENVFROM] = &r->envfrom,
		[GP_RELAY_ID] = &r->id,
	};

	for (size_t i = 0; i < GP_RELAY_FIELDS; i++)
		if (into[i] && m->fields[i].ptr)
			*into[i] = m->fields[i];
	if (m->flags & GP_RELAY_HELO_IS_RDNS)
		r->helo = r->rdns;
	if (m->flags & GP_RELAY_NO_ID)
		r->id.len = 0;
	take_sub(r, m->fields[GP_RELAY_SUB]);
	if (m->flags & GP_RELAY_SPLIT_IDENT) {
		size_t at = gp_str_find_chr(r->rdns, '@', 0);

		if (at < r->rdns.len) {
			r->ident = gp_str_sub(r->rdns, 0, at);
			if (gp_str_starts(r->ident, GP_STR("IDENT:")))
				r->ident = gp_str_sub(r->ident, 6, at);
			r->rdns = gp_str_sub(r->rdns, at + 1, r->rdns.len);
		}
	}
	r->has_no_rdns = m->flags & GP_RELAY_LOOKED_UP ||
			 (m->flags & GP_RELAY_QMAIL && !gp_str_eq(r->rdns, GP_STR("unknown")));
}

/* An address in brackets anywhere. */
static struct gp_str bracketed_ip(struct gp_str s)
{
	size_t at = 0;

	while ((at = gp_str_find_chr(s, '[', at)) < s.len) {
		size_t n = gp_relay_ip_len(s, ++at);

		if (n && at + n < s.len && s.ptr[at + n] == ']')
			return gp_str_sub(s, at, n);
	}
	return GP_STR("");
}

/* "from X by Y ; …" tells nothing, unless X is an address. */
static bool is_names_only(struct gp_str s)
{
	struct gp_str rest = s, word;

	if (!gp_str_next_word(&rest, &word) || !gp_str_next_word(&rest, &word) ||
	    (word.len > 2 && word.ptr[0] == '[' && gp_relay_ip_len(word, 1) == word.len - 2 &&
	     gp_str_find_chr(word, ':', 0) == word.len))
		return false;
	if (!gp_str_next_word(&rest, &word) || !gp_str_ieq(word, GP_STR("by")))
		return false;
	rest = gp_str_trim(rest);
	word = gp_str_sub(rest, 0, GP_MIN(gp_str_find_chr(rest, ' ', 0), gp_str_find_chr(rest, ';', 0)));
	rest = gp_str_trim(gp_str_sub(rest, word.len, rest.len));
	return word.len && gp_str_starts(rest, GP_STR(";"));
}

static const struct {
	struct gp_str prefix;
	enum gp_relay_case which;
} prefixes[] = {
	{GP_STR("from "), GP_RELAY_FROM},
	{GP_STR("FROM "), GP_RELAY_FROM_UPPER},
	{GP_STR("(from "), GP_RELAY_FROM_PAREN},
};

/* By its form; GP_RELAY_UNREADABLE: it has none. */
static enum gp_relay_reading read_form(struct gp_str line, struct gp_relay *r)
{
	struct gp_relay_match m;

	for (size_t i = 0; i < GP_ARRAY_SIZE(prefixes); i++) {
		if (!gp_str_starts(line, prefixes[i].prefix))
			continue;
		line = gp_str_sub(line, prefixes[i].prefix.len, line.len);
		if (prefixes[i].which == GP_RELAY_FROM)
			r->envfrom = find_envfrom(line);
		if (gp_relay_form_find(line, prefixes[i].which, &m)) {
			if (m.flags & GP_RELAY_IS_FETCH)
				return GP_RELAY_FETCHED;
			if (m.flags & GP_RELAY_IS_SKIPPED) {
				if (!(m.flags & GP_RELAY_IS_SCANNER))
					r->envfrom = (struct gp_str){0};
				return GP_RELAY_SKIPPED;
			}
			take_match(r, &m);
			return GP_RELAY_READ;
		}
		if (prefixes[i].which == GP_RELAY_FROM && !r->helo.len)
			r->helo = gp_str_sub(line, 0, gp_str_find_chr(line, ' ', 0));
		break;
	}
	r->ip = bracketed_ip(line);
	return r->ip.len && r->by.len ? GP_RELAY_READ : GP_RELAY_UNREADABLE;
}

void gp_relay_format(struct gp_arena *a, struct gp_relay *r)
{
	const struct gp_str pieces[] = {
		GP_STR("[ ip="), r->ip, GP_STR(" rdns="), r->rdns, GP_STR(" helo="), r->helo,
		GP_STR(" by="), r->by, GP_STR(" ident="), r->ident, GP_STR(" envfrom="), r->envfrom,
		r->is_internal ? GP_STR(" intl=1 id=") : GP_STR(" intl=0 id="), r->id,
		GP_STR(" auth="), r->auth, r->is_msa ? GP_STR(" msa=1 ]") : GP_STR(" msa=0 ]"),
	};
	size_t len = 0;
	char *p;

	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++)
		len += pieces[i].len;
	p = gp_arena_alloc(a, len + 1);
	r->text = gp_str_n(p, len);
	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		if (pieces[i].len)
			memcpy(p, pieces[i].ptr, pieces[i].len);
		p += pieces[i].len;
	}
	*p = '\0';
}

enum gp_relay_reading gp_relay_read(struct gp_arena *a, struct gp_str value, struct gp_relay *ret)
{
	struct gp_str line = fold(a, value);
	struct gp_relay r = {0};
	enum gp_relay_reading reading;

	if (!gp_str_istarts(line, GP_STR("from ")) && !gp_str_istarts(line, GP_STR("(from ")))
		return GP_RELAY_SKIPPED;
	if (gp_str_find(line, GP_STR(" with local for"), 0) < line.len || is_names_only(line))
		return GP_RELAY_SKIPPED;
	line = with_space(a, without_date(line));
	r.id = find_id(line);
	r.helo = find_helo(line);
	r.by = word_behind(line, GP_STR(" by "));
	r.auth = gp_relay_auth(a, line);
	reading = read_form(line, &r);
	if (reading == GP_RELAY_SKIPPED || reading == GP_RELAY_READ)
		clean_all(a, &r);
	if (reading == GP_RELAY_SKIPPED)
		ret->envfrom = r.envfrom;
	if (reading != GP_RELAY_READ)
		return reading;
	r.has_no_rdns = r.has_no_rdns && r.rdns.len == 0;
	if (gp_ip_parse(r.ip, &r.address))
		r.address = (struct gp_ip){0};
	*ret = r;
	return GP_RELAY_READ;
}
