/*
 * Hosts as clients read them.
 *
 * Percent escapes, full-width dots, "[.]" and other disguises are undone, names in
 * other scripts become A-labels (RFC 5891 by UTS 46, as browsers do), numbers of
 * any base and count become dotted quads as inet_aton(3) reads them.
 */
#include <arpa/inet.h>
#include <idn2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/utf8.h"
#include "lib/mail/url.h"

/* Bytes of a host as written that are looked at; a name has at most 253. */
#define WRITTEN_MAX 1000
#define TLD_MAX 16

/* Sorted.  The busiest of legitimate and of abused mail; what is not here needs a
 * scheme or "www.". */
/* clang-format off */
static const char *const KNOWN[] = {
	"ae", "agency", "ar", "asia", "au", "autos", "beauty", "best", "bet", "bg", "bid",
	"biz", "blog", "bond", "boutique", "br", "buzz", "by", "ca", "cam", "casa", "casino",
	"center", "cf", "cfd", "ch", "chat", "cl", "click", "cloud", "club", "cn", "co", "com",
	"company", "coop", "cx", "cyou", "cz", "de", "deals", "design", "dev", "digital",
	"direct", "dk", "download", "ec", "edu", "ee", "email", "es", "eu", "expert", "express",
	"fi", "finance", "fit", "fr", "fun", "ga", "games", "gdn", "ge", "global", "gov", "gq",
	"gr", "group", "guru", "hair", "help", "hk", "homes", "host", "hr", "hu", "icu", "ie",
	"il", "info", "ink", "io", "ir", "jobs", "jp", "ke", "kim", "kr", "kz", "land",
	"li", "life", "link", "live", "loan", "lol", "lt", "ltd", "lu", "lv", "ly", "ma", "market",
	"marketing", "media", "men", "mil", "mk", "ml", "mobi", "monster", "mx", "net",
	"network", "news", "ng", "ninja", "nl", "nz", "one", "online", "ooo", "org", "page",
	"party", "pe", "ph", "photos", "pics", "pk", "plus", "press", "pro", "pt", "pub", "pw",
	"quest", "racing", "red", "rest", "review", "reviews", "ro", "rocks", "ru", "run", "sa",
	"sbs", "se", "sg", "shop", "si", "site", "sk", "social", "solutions", "space", "store",
	"stream", "studio", "su", "support", "systems", "team", "tech", "technology",
	"tel", "th", "tips", "tk", "today", "tokyo", "tools", "top", "tr", "trade", "travel", "tv",
	"tw", "ua", "uk", "uno", "uz", "ve", "vip", "vn", "wang", "watch", "website", "wiki",
	"win", "work", "works", "world", "ws", "wtf", "xin", "xyz", "yachts", "za", 
};
/* Sorted. */
static const char *const AMBIGUOUS[] = {
	"ai", "am", "app", "as", "at", "be", "cc", "do", "gl", "id", "in", "is", "it", "la", "md", "me",
	"mov", "my", "no", "pl", "pm", "ps", "py", "rs", "sh", "so", "st", "to", "us", "zip",
};
/* clang-format on */

static int compare(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

enum gp_url_tld gp_url_tld(struct gp_str host)
{
	char lower[TLD_MAX + 1];
	size_t dot = host.len, n;

	while (dot > 0 && host.ptr[dot - 1] != '.')
		dot--;
	n = host.len - dot;
	if (dot == 0 || n == 0 || n > TLD_MAX)
		return GP_URL_TLD_NONE;
	for (size_t i = 0; i < n; i++)
		lower[i] = gp_lower(host.ptr[dot + i]);
	lower[n] = '\0';
	if (bsearch(lower, AMBIGUOUS, GP_ARRAY_SIZE(AMBIGUOUS), sizeof(AMBIGUOUS[0]), compare))
		return GP_URL_TLD_AMBIGUOUS;
	if (bsearch(lower, KNOWN, GP_ARRAY_SIZE(KNOWN), sizeof(KNOWN[0]), compare) ||
	    strncmp(lower, "xn--", 4) == 0)
		return GP_URL_TLD_KNOWN;
	return GP_URL_TLD_NONE;
}

static int hex_value(char c)
{
	char l = gp_lower(c);

	return gp_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* One number of an IPv4 address: decimal, 0octal or 0xhexadecimal. */
static bool ip_number(struct gp_str s, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (s.len > 1 && s.ptr[0] == '0') {
		base = gp_lower(s.ptr[1]) == 'x' ? 16 : 8;
		s = gp_str_sub(s, base == 16 ? 2 : 1, s.len);
	} else if (s.len == 0) {
		return false;
	}
	for (size_t i = 0; i < s.len; i++) {
		int d = hex_value(s.ptr[i]);

		if (d < 0 || d >= (int)base || v > UINT32_MAX)
			return false;
		v = v * base + (uint64_t)d;
	}
	*ret = v;
	return v <= UINT32_MAX;
}

/* "127.1", "0x7f000001", "0177.0.0.1" → "127.0.0.1"; false if it is a name. */
static bool ip4(struct gp_str s, char ret_quad[16])
{
	uint64_t part[4], v = 0;
	struct gp_str one;
	unsigned n = 0;

	while (gp_str_next(&s, '.', &one)) {
		if (n == 4 || !ip_number(one, &part[n]))
			return false;
		n++;
	}
	if (n == 0 || part[n - 1] >> (8 * (5 - n)))
		return false;
	for (unsigned i = 0; i + 1 < n; i++) {
		if (part[i] > 255)
			return false;
		v |= part[i] << (24 - 8 * i);
	}
	v |= part[n - 1];
	snprintf(ret_quad, 16, "%u.%u.%u.%u", (unsigned)(v >> 24) & 255, (unsigned)(v >> 16) & 255,
		 (unsigned)(v >> 8) & 255, (unsigned)v & 255);
	return true;
}

static struct gp_str ip6(struct gp_arena *arena, struct gp_str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (!gp_str_copy(text, sizeof(text), gp_str_sub(s, 1, gp_str_find_chr(s, ']', 0) - 1)) ||
	    inet_pton(AF_INET6, text, &addr) != 1)
		return GP_STR("");
	inet_ntop(AF_INET6, &addr, text, sizeof(text));
	return gp_str(gp_arena_strdup(arena, text));
}

/* Bytes of a disguised dot at the start of s; 0 if there is none. */
static size_t dot_len(struct gp_str s)
{
	static const char *const DOTS[] = {"[.]",	   "(.)",	   "\xe3\x80\x82",
					   "\xef\xbc\x8e", "\xef\xbd\xa1", "\xe2\x80\xa4"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(DOTS); i++) {
		if (gp_str_starts(s, gp_str(DOTS[i])))
			return strlen(DOTS[i]);
	}
	return 0;
}

/* Escapes and disguised dots undone, lower case, no white space or control bytes;
 * *ret_is_ascii says whether IDN has anything to do. */
static struct gp_str plain(struct gp_str s, char *to, bool *ret_is_ascii)
{
	char decoded[WRITTEN_MAX];
	size_t n = 0, len = 0;

	for (size_t i = 0; i < s.len; i++) {
		int hi = i + 2 < s.len && s.ptr[i] == '%' ? hex_value(s.ptr[i + 1]) : -1;
		int lo = hi >= 0 ? hex_value(s.ptr[i + 2]) : -1;
		char c = lo >= 0 ? (char)(hi << 4 | lo) : s.ptr[i];

		if ((unsigned char)c > ' ' && c != 0x7f)
			decoded[n++] = c;
		i += lo >= 0 ? 2 : 0;
	}
	*ret_is_ascii = true;
	for (size_t i = 0; i < n;) {
		size_t dot = dot_len(gp_str_n(decoded + i, n - i));
		char c = dot ? '.' : gp_lower(decoded[i]);

		i += dot ? dot : 1;
		*ret_is_ascii &= (unsigned char)c < 0x80;
		to[len++] = c;
	}
	while (len && to[len - 1] == '.')
		len--;
	return gp_str_n(to, len);
}

/* The A-label form, or false when the name is not allowed in IDN. */
static bool to_a_labels(struct gp_arena *arena, struct gp_str s, struct gp_str *ret)
{
	char *name = gp_arena_cstr(arena, s);
	uint8_t *ascii = NULL;
	int r = idn2_lookup_u8((const uint8_t *)name, &ascii,
			       IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (r != IDN2_OK)
		return false;
	*ret = gp_str(gp_arena_strdup(arena, (const char *)ascii));
	idn2_free(ascii);
	return true;
}

struct gp_str gp_url_host(struct gp_arena *arena, struct gp_str written)
{
	char buf[WRITTEN_MAX], quad[16];
	struct gp_str s, ascii;
	bool is_ascii;

	if (written.len > WRITTEN_MAX)
		return GP_STR("");
	if (written.len && written.ptr[0] == '[' && !gp_str_starts(written, GP_STR("[.]")))
		return ip6(arena, written);
	s = plain(written, buf, &is_ascii);
	if (!is_ascii && !gp_utf8_is_valid(s))
		return GP_STR("");
	if (!is_ascii && to_a_labels(arena, s, &ascii))
		s = ascii;
	if (ip4(s, quad))
		return gp_str(gp_arena_strdup(arena, quad));
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] <= ' ' ||
		    strchr("/?#@\\:<>\"'`{}|^%&=,;()*![]", s.ptr[i]))
			return GP_STR("");
	}
	return gp_arena_str(arena, s);
}
