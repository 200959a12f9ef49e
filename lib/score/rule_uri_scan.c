/*
 * URIs in text, where mail programs would make links: as SpamAssassin finds
 * them, in three kinds that are tried in this order at every place.
 *
 *	web	http://… https://… ftp://… www.… ftp.…, up to a delimiter
 *	mail	mailto:…, local@domain
 *	bare	host.tld, maybe with port and path, and nothing glued to its end
 *
 * Linear: what a run of characters ends in is looked at once for all places in it.
 */
#include "lib/score/rule_uri.h"

#define LONGEST 2048
#define MAIL_MAX 251 /* each side of the @ */
#define HOST_MAX 252 /* before the top-level domain */

enum kind { NOTHING, WEB, MAIL, BARE };

struct scan {
	struct gp_rule_uris *uris;
	struct gp_str text;
	size_t word_end;
	/* Ends of the runs that `at` is in, 0: not known. */
	size_t local_end, host_end;
	size_t bare_end, bare_tld; /* of the host's run: where the match ends, where ".tld" begins; 0: none */
};

static bool is_word_chr(char c)
{
	return gp_is_alnum(c) || c == '_';
}

enum { DELIMITER = 1, MAIL_END = 2, PROMISING = 4 };

/* What ends a URI (DELIMITER), what ends an address or its local part (MAIL_END), what a word that is
 * one has (PROMISING). */
static const unsigned char ends[256] = {
	['\t'] = 3, ['\n'] = 3, ['\v'] = 3, ['\f'] = 3, ['\r'] = 3, [' '] = 3,
	['>'] = 3,  ['<'] = 3,	['"'] = 3,  ['`'] = 3,	['}'] = 3,  [']'] = 3,
	['{'] = 3,  ['['] = 3,	['|'] = 3,  ['\x1b'] = 3, [','] = 2, ['('] = 2,
	['\''] = 2, [0x80 ... 0x9f] = 2, [0xa0] = 3, [0xa1 ... 0xff] = 2,
	['.'] = PROMISING, ['@'] = PROMISING, [':'] = PROMISING,
};

static bool is_delimiter(char c)
{
	return ends[(unsigned char)c] & DELIMITER;
}

static bool ends_mail(char c)
{
	return ends[(unsigned char)c] & MAIL_END;
}

static bool is_host_chr(char c)
{
	return gp_is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static char before(const struct scan *s, size_t at)
{
	return at ? s->text.ptr[at - 1] : ' ';
}

static bool may_start(const struct scan *s, size_t at)
{
	char last = before(s, at);

	return is_word_chr(last) != is_word_chr(s->text.ptr[at]) ||
	       (at && (is_delimiter(last) || last == '\'' || last == ',' || last == '('));
}

static bool may_start_bare(const struct scan *s, size_t at)
{
	char last = before(s, at);

	return at == 0 || gp_is_space(last) || last == '\x1b' || last == '\xa0' ||
	       (last && strchr("!\"#$&'()*+,/:;<=>?@[\\]^`{|}~", last));
}

static size_t web_end(const struct scan *s, size_t at)
{
	static const struct gp_str starts[] = {GP_STR("http://"), GP_STR("https://"),
					       GP_STR("ftp://"), GP_STR("ftp.")};
	struct gp_str word = gp_str_sub(s->text, at, s->word_end - at);
	char first = gp_lower(word.ptr[0]);
	size_t n = 0;

	if (first != 'h' && first != 'f' && first != 'w')
		return 0;
	for (size_t i = 0; !n && i < GP_ARRAY_SIZE(starts); i++)
		n = gp_str_istarts(word, starts[i]) ? starts[i].len : 0;
	if (!n && gp_str_istarts(word, GP_STR("www"))) {
		for (n = 3; n < 5 && n < word.len && gp_is_digit(word.ptr[n]);)
			n++;
		n = n < word.len && word.ptr[n] == '.' ? n + 1 : 0;
	}
	return n && word.len > n && word.len - n <= LONGEST ? s->word_end : 0;
}

/* No further than what is too long. */
static size_t mail_run(const struct scan *s, size_t from, size_t max, bool stops_at_at)
{
	size_t end = GP_MIN(s->word_end, from + max + 1);

	while (from < end && !ends_mail(s->text.ptr[from]) &&
	       !(stops_at_at && s->text.ptr[from] == '@'))
		from++;
	return from;
}

static size_t mail_end(struct scan *s, size_t at)
{
	size_t end;

	if (gp_lower(s->text.ptr[at]) == 'm' &&
	    gp_str_istarts(gp_str_sub(s->text, at, s->word_end - at), GP_STR("mailto:"))) {
		end = mail_run(s, at + 7, LONGEST, false);
		if (end > at + 7 && end - at - 7 <= LONGEST)
			return end;
	}
	if (at >= s->local_end)
		s->local_end = mail_run(s, at, MAIL_MAX, true);
	if (s->local_end == at || s->local_end - at > MAIL_MAX || s->local_end == s->word_end ||
	    s->text.ptr[s->local_end] != '@')
		return 0;
	end = mail_run(s, s->local_end + 1, MAIL_MAX, false);
	return end > s->local_end + 1 && end - s->local_end - 1 <= MAIL_MAX ? end : 0;
}

/* Where port and path behind the host end; 0 if something else is there. */
static size_t tail_end(const struct scan *s, size_t at)
{
	size_t n = at + 1;

	if (at < s->word_end && s->text.ptr[at] == ':') {
		while (n < s->word_end && gp_is_digit(s->text.ptr[n]))
			n++;
		if (n == at + 1 || n > at + 6)
			return 0;
		at = n;
	}
	if (at + 1 < s->word_end && s->text.ptr[at] == '/' && s->word_end - at - 1 <= LONGEST)
		return s->word_end;
	return at == s->word_end ? at : 0;
}

/* Looks at the end of the run of host characters that `at` is in. */
static void look_at_host(struct scan *s, size_t at)
{
	size_t end = at, dot;
	struct gp_str host;

	while (end < s->word_end && is_host_chr(s->text.ptr[end]))
		end++;
	s->host_end = end;
	s->bare_end = tail_end(s, end);
	if (end > at && s->text.ptr[end - 1] == '.')
		end--;
	host = gp_str_sub(s->text, at, end - at);
	for (dot = host.len; dot && host.ptr[dot - 1] != '.';)
		dot--;
	s->bare_tld = dot ? at + dot - 1 : 0;
	if (!dot || !gp_rule_uris_has_domain(s->uris, host))
		s->bare_end = 0;
}

static size_t bare_end(struct scan *s, size_t at)
{
	if (at >= s->host_end)
		look_at_host(s, at);
	return s->bare_end && gp_is_alnum(s->text.ptr[at]) && at < s->bare_tld &&
			       s->bare_tld - at <= HOST_MAX
		       ? s->bare_end
		       : 0;
}

/* Punctuation of the sentence; a ")" ends it unless a "(" stands before that. */
static struct gp_str trimmed(struct gp_str s)
{
	size_t close = gp_str_find_chr(s, ')', 0);

	if (gp_str_find_chr(s, '(', 0) > close)
		s = gp_str_sub(s, 0, close);
	while (s.len && strchr("-~!@#^&*()_+=:;'?,.", s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static bool is_empty(struct gp_str s)
{
	size_t n = 0, slashes = 0;

	while (n < s.len && is_word_chr(s.ptr[n]))
		n++;
	if (!n || n == s.len || s.ptr[n++] != ':')
		return false;
	while (n < s.len && s.ptr[n] == '/' && slashes < 2)
		n++, slashes++;
	return n == s.len;
}

static bool has_scheme(struct gp_str s)
{
	return gp_str_istarts(s, GP_STR("http:")) || gp_str_istarts(s, GP_STR("https:")) ||
	       gp_str_istarts(s, GP_STR("ftp:")) || gp_str_istarts(s, GP_STR("mailto:"));
}

static bool is_www(struct gp_str s)
{
	size_t n = 3;

	while (n < 5 && n < s.len && gp_is_digit(s.ptr[n]))
		n++;
	return gp_str_istarts(s, GP_STR("www")) && n < s.len && s.ptr[n] == '.';
}

/* "skype:", "e-mail:" and colons that were taken along. */
static struct gp_str without_label(struct gp_str s)
{
	static const struct gp_str labels[] = {GP_STR("skype"), GP_STR("e-mail"), GP_STR("email"),
					       GP_STR("-mail"), GP_STR("mail")};
	size_t n = 0;

	for (size_t i = 0; !n && i < GP_ARRAY_SIZE(labels); i++)
		n = gp_str_istarts(s, labels[i]) ? labels[i].len : 0;
	if (n == s.len || s.ptr[n] != ':')
		n = 0;
	while (n < s.len && s.ptr[n] == ':')
		n++;
	return gp_str_sub(s, n, SIZE_MAX);
}

static struct gp_str with(struct gp_arena *a, const char *scheme, struct gp_str s)
{
	return gp_str(gp_arena_printf(a, "%s%.*s", scheme, GP_STR_FMT(s)));
}

/* The URI with a scheme; empty if it is none. */
static struct gp_str schemed(struct gp_arena *a, struct gp_str s)
{
	size_t at = gp_str_find_chr(s, '@', 0), slash = gp_str_find_chr(s, '/', 0);

	if (has_scheme(s))
		return s;
	if (gp_str_istarts(s, GP_STR("ftp.")))
		return with(a, "ftp://", s);
	if (is_www(s) || (at < s.len && slash + 1 < at))
		return with(a, "http://", s);
	if (at == s.len)
		return gp_str_find_chr(s, '.', 0) < s.len ? with(a, "http://", s) : GP_STR("");
	if (gp_str_find_chr(s, '.', at + 2) >= s.len || gp_str_find(s, GP_STR("&nbsp;"), 0) < s.len)
		return GP_STR("");
	return with(a, "mailto:", without_label(s));
}

static bool is_deliverable(const struct gp_rule_uris *u, struct gp_str mailto)
{
	size_t n = gp_str_find_chr(mailto, '@', 0), end;
	struct gp_str host = gp_str_sub(mailto, n + 1, SIZE_MAX);

	end = GP_MIN(gp_str_find_chr(host, '?', 0), gp_str_find_chr(host, '&', 0));
	host = gp_str_sub(host, 0, GP_MIN(end, gp_str_find_chr(host, '>', 0)));
	while (host.len >= 3 && gp_str_eq(gp_str_sub(host, host.len - 3, 3), GP_STR("%20")))
		host.len -= 3;
	return n < mailto.len && gp_rule_uris_has_domain(u, host);
}

static void found(struct scan *s, size_t from, size_t end, enum kind kind)
{
	struct gp_rule_uris *u = s->uris;
	struct gp_str raw = trimmed(gp_str_sub(s->text, from, end - from)), uri;

	if (!raw.len || gp_map_get(&u->written, raw))
		return;
	gp_map_set(&u->written, raw, u);
	if ((kind == MAIL && gp_str_find_chr(raw, '@', 0) == raw.len) ||
	    (kind == BARE && !gp_rule_uris_is_name(gp_str_sub(s->text, from, s->bare_tld - from + 2))))
		return;
	if (gp_str_istarts(raw, GP_STR("cid:")) || gp_str_istarts(raw, GP_STR("mid:")) || is_empty(raw))
		return;
	uri = schemed(u->arena, raw);
	if (gp_str_istarts(uri, GP_STR("mailto:"))) {
		if (gp_str_find_chr(uri, '%', 0) < uri.len)
			uri = gp_rule_uri_unescape(u->arena, uri);
		if (!is_deliverable(u, uri))
			return;
	}
	gp_rule_uris_add(u, uri, true);
}

static void scan_word(struct scan *s, size_t from)
{
	for (size_t at = from; at < s->word_end;) {
		enum kind kind = NOTHING;
		size_t end = 0;

		if (may_start(s, at)) {
			kind = WEB;
			end = web_end(s, at);
			if (!end) {
				kind = MAIL;
				end = mail_end(s, at);
			}
			if (!end && may_start_bare(s, at)) {
				kind = BARE;
				end = bare_end(s, at);
			}
		}
		if (end)
			found(s, at, end, kind);
		at = end ? end : at + 1;
	}
}

void gp_rule_uris_scan(struct gp_rule_uris *u, struct gp_str text)
{
	struct scan s = {.uris = u, .text = text};
	size_t at = 0;

	while (at < text.len) {
		unsigned char seen = 0;

		for (s.word_end = at; s.word_end < text.len; s.word_end++) {
			unsigned char is = ends[(unsigned char)text.ptr[s.word_end]];

			if (is & DELIMITER)
				break;
			seen |= is;
		}
		s.local_end = s.host_end = 0;
		if (seen & PROMISING)
			scan_word(&s, at);
		at = s.word_end + 1;
	}
}
