/*
 * URIs in plain text.
 *
 * Text is cut into words at white space, quotes and angle brackets; in each word
 * URIs are looked for by scheme, by "www.", by '@' and by top-level domain.  Each
 * byte is looked at a bounded number of times.
 *
 * Does not join what a line end has broken, and finds no "example dot com".
 */
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/url.h"

/* "a.co" */
#define SHORTEST 4

struct scan {
	struct gp_url_set *set;
	unsigned part, source;
};

static bool is_separator(uint32_t cp)
{
	if (cp < 0x80)
		return cp <= ' ' || cp == 0x7f || strchr("<>\"`", (char)cp);
	return cp == 0xa0 || cp == 0xab || cp == 0xbb || (cp >= 0x2000 && cp <= 0x200a) ||
	       (cp >= 0x2018 && cp <= 0x201f) || cp == 0x2028 || cp == 0x2029 || cp == 0x2039 ||
	       cp == 0x203a || cp == 0x3000 || cp == 0x3001 || (cp >= 0x3008 && cp <= 0x3011) ||
	       cp == 0xff08 || cp == 0xff09 || cp == 0xff0c || cp == 0xff1a || cp == 0xff1b ||
	       cp == 0xfffd;
}

/* Bytes of the character at the start of s (not empty), and whether it separates
 * words; a byte that is not UTF-8 does. */
static size_t character(struct gp_str s, bool *ret_is_separator)
{
	uint32_t cp = 0xfffd;
	unsigned n;

	if (!(s.ptr[0] & 0x80) && gp_is_alnum(s.ptr[0])) {
		*ret_is_separator = false;
		return 1;
	}
	n = gp_utf8_decode(s, &cp);
	*ret_is_separator = is_separator(cp);
	return n ? n : 1;
}

/* Without the punctuation that belongs to the sentence; a closing bracket stays if
 * the URI has its partner. */
static struct gp_str trimmed(struct gp_str s)
{
	int round = 0, square = 0;

	for (size_t i = 0; i < s.len; i++) {
		round += (s.ptr[i] == '(') - (s.ptr[i] == ')');
		square += (s.ptr[i] == '[') - (s.ptr[i] == ']');
	}
	for (; s.len; s.len--) {
		char c = s.ptr[s.len - 1];

		if (c == ')' ? round >= 0 : c == ']' ? square >= 0 : !strchr(".,;:!?'*_~|}\\^", c))
			break;
		round += c == ')';
		square += c == ']';
	}
	return s;
}

static bool is_host_byte(char c)
{
	return gp_is_alnum(c) || c == '-' || c == '.' || c == '_' || (c & 0x80);
}

static void found(struct scan *s, struct gp_str uri)
{
	gp_url_set_add(s->set, trimmed(uri), GP_STR(""), s->part, s->source);
}

/* Length of a scheme that ends at `colon` and is followed by slashes; 0 if none. */
static size_t scheme_before(struct gp_str word, size_t from, size_t colon)
{
	static const char *const SCHEMES[] = {"https", "http", "hxxps", "hxxp",
					      "h**ps", "h**p", "ftp",	"fxp"};
	struct gp_str after = gp_str_sub(word, colon + 1, 2);

	if (after.len < 2 || (after.ptr[0] != '/' && after.ptr[0] != '\\') ||
	    (after.ptr[1] != '/' && after.ptr[1] != '\\'))
		return 0;
	for (size_t i = 0; i < GP_ARRAY_SIZE(SCHEMES); i++) {
		struct gp_str scheme = gp_str(SCHEMES[i]);

		if (colon - from >= scheme.len &&
		    gp_str_ieq(gp_str_sub(word, colon - scheme.len, scheme.len), scheme))
			return scheme.len;
	}
	return 0;
}

/* Where the URI that begins at `from` ends: at the word's end, or where the next
 * one with a scheme is glued on behind a comma or semicolon. */
static size_t uri_end(struct gp_str word, size_t from)
{
	for (size_t i = from + 8; i + 7 < word.len; i++) {
		if ((word.ptr[i] == ',' || word.ptr[i] == ';') &&
		    gp_str_istarts(gp_str_sub(word, i + 1, 7), GP_STR("http")) &&
		    gp_str_find(gp_str_sub(word, i + 1, 8), GP_STR("://"), 4) <
			    GP_MIN(word.len - i - 1, (size_t)8))
			return i;
	}
	return word.len;
}

static bool is_local_byte(char c)
{
	return gp_is_alnum(c) || (c && strchr(".+-_=#$&'*/?^{|}~!%", c)) || (c & 0x80);
}

/* An address around the '@'; returns where to go on. */
static size_t mail_address(struct scan *s, struct gp_str word, size_t from, size_t at)
{
	size_t begin = at, end = at + 1;
	struct gp_str host;

	while (begin > from && at - begin < 64 && is_local_byte(word.ptr[begin - 1]))
		begin--;
	while (begin < at && !gp_is_alnum(word.ptr[begin]) && !(word.ptr[begin] & 0x80))
		begin++;
	while (end < word.len && is_host_byte(word.ptr[end]))
		end++;
	host = trimmed(gp_str_sub(word, at + 1, end - at - 1));
	if (begin < at && gp_url_tld(host) != GP_URL_TLD_NONE) {
		GP_BUF_AUTO mailto = GP_BUF_INIT(GP_MAX_URI_SIZE);

		gp_buf_add_cstr(&mailto, "mailto:");
		gp_buf_add_str(&mailto, gp_str_sub(word, begin, at + 1 + host.len - begin));
		gp_url_set_add(s->set, gp_buf_str(&mailto), GP_STR(""), s->part,
			       s->source | GP_URI_MAILTO);
	}
	return end;
}

/* Whether the run of host bytes word[from … end) names a host without a scheme. */
static bool is_bare_host(struct gp_str word, size_t from, size_t end)
{
	struct gp_str host = trimmed(gp_str_sub(word, from, end - from));
	size_t dots = 0, label = 0;
	char before = from ? word.ptr[from - 1] : ' ';
	bool has_path = end < word.len && word.ptr[end] == '/';

	bool is_www = gp_str_istarts(host, GP_STR("www."));

	if (strchr("/\\@&%#$~+", before) || (before == '=' && !is_www))
		return false;
	for (size_t i = 0; i < host.len; i++) {
		if (host.ptr[i] != '.') {
			if (host.ptr[i] == '_' || ++label > 63)
				return false;
			continue;
		}
		if (label == 0)
			return false;
		dots++;
		label = 0;
	}
	if (dots == 0 || label < 2 || host.len > 253 || !gp_is_alnum(host.ptr[0]))
		return false;
	if (is_www)
		return dots >= 2 || has_path;
	switch (gp_url_tld(host)) {
	case GP_URL_TLD_NONE:
		return false;
	case GP_URL_TLD_AMBIGUOUS:
		return has_path;
	case GP_URL_TLD_KNOWN: {
		/* "the end.Top of" and "GOOD PURPOSE.BEST OF" are two sentences each */
		char first = host.ptr[host.len - label], next = host.ptr[host.len - label + 1];

		return has_path || gp_lower(first) == first ||
		       (gp_lower(next) != next && label <= 3);
	}
	}
	return false;
}

/* A run of host bytes without a scheme; returns where to go on. */
static size_t bare_host(struct scan *s, struct gp_str word, size_t from)
{
	size_t end = from, uri;

	while (end < word.len && is_host_byte(word.ptr[end]))
		end++;
	/* "@" makes it a local part, ":" perhaps a scheme: theirs is the next byte */
	if (end < word.len &&
	    (word.ptr[end] == '@' || (word.ptr[end] == ':' && scheme_before(word, from, end))))
		return end;
	if (!is_bare_host(word, from, end))
		return end;
	uri = end;
	if (end < word.len &&
	    (word.ptr[end] == '/' || word.ptr[end] == '?' || word.ptr[end] == '#' ||
	     (word.ptr[end] == ':' && end + 1 < word.len && gp_is_digit(word.ptr[end + 1]))))
		uri = uri_end(word, from);
	found(s, gp_str_sub(word, from, uri - from));
	return uri;
}

static void scan_word(struct scan *s, struct gp_str word)
{
	size_t done = 0; /* behind the last URI found */

	for (size_t i = 0; i < word.len;) {
		char c = word.ptr[i];
		size_t n;

		if (c == ':' && (n = scheme_before(word, done, i)) > 0) {
			size_t end = uri_end(word, i);

			found(s, gp_str_sub(word, i - n, end - (i - n)));
			i = done = end;
		} else if (c == ':' && i - done >= 6 &&
			   gp_str_ieq(gp_str_sub(word, i - 6, 6), GP_STR("mailto"))) {
			done = ++i;
		} else if (c == '@') {
			i = mail_address(s, word, done, i);
			done = i;
		} else if (is_host_byte(c)) {
			i = bare_host(s, word, i);
		} else {
			i++;
		}
	}
}

void gp_url_scan(struct gp_url_set *set, struct gp_str text, unsigned part, unsigned source)
{
	struct scan s = {.set = set, .part = part, .source = source};
	size_t from = 0;

	for (size_t i = 0; i < text.len;) {
		bool is_end;
		size_t n = character(gp_str_sub(text, i, text.len), &is_end);

		if (is_end) {
			if (i - from >= SHORTEST)
				scan_word(&s, gp_str_sub(text, from, i - from));
			from = i + n;
		}
		i += n;
	}
	if (text.len - from >= SHORTEST)
		scan_word(&s, gp_str_sub(text, from, text.len - from));
}
