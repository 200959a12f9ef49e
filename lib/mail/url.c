/*
 * URIs normalised and collected.
 *
 * Follows what clients do with an address (the WHATWG's URL standard, roughly)
 * rather than RFC 3986: tabs and line ends vanish, backslashes are slashes, any
 * number of slashes follows the scheme.  The result is printable ASCII.
 */
#include "lib/mail/url.h"

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

/* URIs within URIs within URIs. */
#define DEPTH_MAX 3
/* Bytes kept of URIs that name no host (data:, javascript:). */
#define OPAQUE_MAX 256
/* Bytes kept of what stands before '@'. */
#define USER_MAX 256
/* Spellings remembered have at most this many bytes. */
#define SPELLING_MAX 512
/* No scheme is longer. */
#define SCHEME_MAX 32

/* Ways to write a scheme that leads to a host, and what is meant. */
static const struct scheme {
	const char *written, *meant;
} SCHEMES[] = {
	{"http", "http"},   {"https", "https"}, {"ftp", "ftp"},	    {"hxxp", "http"},
	{"hxxps", "https"}, {"h**p", "http"},	{"h**ps", "https"}, {"hhttp", "http"},
	{"htttp", "http"},  {"fxp", "ftp"},	{"feed", "http"},
};

static const char *meant(struct gp_str scheme)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(SCHEMES); i++) {
		if (gp_str_ieq(scheme, gp_str(SCHEMES[i].written)))
			return SCHEMES[i].meant;
	}
	return NULL;
}

static bool is_unreserved(char c)
{
	return gp_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int hex_value(char c)
{
	char l = gp_lower(c);

	return gp_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The byte that the escape at the start of s stands for, or -1. */
static int escape_value(struct gp_str s)
{
	int hi, lo;

	if (s.len < 3 || s.ptr[0] != '%')
		return -1;
	hi = hex_value(s.ptr[1]);
	lo = hex_value(s.ptr[2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

static void add_escape(struct gp_buf *out, unsigned char byte)
{
	static const char HEX[] = "0123456789ABCDEF";
	const char escape[3] = {'%', HEX[byte >> 4], HEX[byte & 15]};

	gp_buf_add(out, escape, sizeof(escape));
}

static bool is_slash(char c)
{
	return c == '/' || c == '\\';
}

/* Path, query, fragment: escapes of unreserved bytes undone, what is not printable
 * ASCII escaped, backslashes of a path turned.  Stops when an escape might not fit
 * into `limit` bytes of out, so that doing it again stops at the same place. */
static void add_rest(struct gp_buf *out, struct gp_str s, size_t limit)
{
	bool is_path = s.len && is_slash(s.ptr[0]);

	for (size_t i = 0; i < s.len && out->len + 3 <= limit; i++) {
		int value = escape_value(gp_str_sub(s, i, 3));
		char c = value < 0 ? s.ptr[i] : (char)value;

		is_path &= c != '?' && c != '#';
		if (is_path && value < 0 && c == '\\')
			c = '/';

		if (value >= 0)
			i += 2;
		if (value >= 0 ? is_unreserved(c) : c > ' ' && c < 0x7f && !strchr("%\"<>`", c))
			gp_buf_add_chr(out, c);
		else
			add_escape(out, (unsigned char)c);
	}
}

/* Without white space at the ends, control bytes and line ends; cut. */
static struct gp_str cleaned(struct gp_arena *arena, struct gp_str raw)
{
	char *to;
	size_t n = 0;

	raw = gp_str_sub(gp_str_trim(raw), 0, GP_MAX_URI_SIZE);
	to = gp_arena_alloc(arena, raw.len + 1);
	for (size_t i = 0; i < raw.len; i++) {
		if ((unsigned char)raw.ptr[i] >= ' ' && raw.ptr[i] != 0x7f)
			to[n++] = raw.ptr[i];
	}
	while (n && (to[n - 1] & 0x80) && raw.len == GP_MAX_URI_SIZE) /* half a character? */
		n--;
	return gp_str_trim(gp_str_n(to, n));
}

/* Length of "scheme" before ':' at the start of s; 0 if there is none. */
static size_t scheme_len(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && n <= SCHEME_MAX &&
	       (gp_is_alnum(s.ptr[n]) || s.ptr[n] == '+' || s.ptr[n] == '-' || s.ptr[n] == '*'))
		n++;
	return n < s.len && s.ptr[n] == ':' && n > 1 && gp_is_alpha(s.ptr[0]) ? n : 0;
}

static size_t authority_len(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && !is_slash(s.ptr[n]) && s.ptr[n] != '?' && s.ptr[n] != '#')
		n++;
	return n;
}

/* Index of ':' before a port; s.len if there is none. */
static size_t port_at(struct gp_str s)
{
	size_t i = s.len;

	while (i > 0 && gp_is_digit(s.ptr[i - 1]))
		i--;
	return i > 0 && s.ptr[i - 1] == ':' ? i - 1 : s.len;
}

/* Everything behind "scheme:" of a URI with a host. */
static int with_host(struct gp_arena *arena, const char *scheme, struct gp_str s,
		     struct gp_buf *out, struct gp_uri *ret)
{
	struct gp_str authority, path, port;
	size_t at, n = 0;

	while (n < s.len && is_slash(s.ptr[n]))
		n++;
	s = gp_str_sub(s, n, s.len);
	n = authority_len(s);
	authority = gp_str_sub(s, 0, n);
	path = gp_str_sub(s, n, s.len);
	for (at = authority.len; at > 0 && authority.ptr[at - 1] != '@';)
		at--;
	gp_buf_printf(out, "%s://", scheme);
	add_rest(out, gp_str_sub(authority, 0, at ? at - 1 : 0), out->len + USER_MAX);
	if (at)
		gp_buf_add_chr(out, '@');
	authority = gp_str_sub(authority, at, authority.len);
	n = port_at(authority);
	port = gp_str_sub(authority, n + 1, authority.len);
	ret->host = gp_url_host(arena, gp_str_sub(authority, 0, n));
	if (!ret->host.len)
		return GP_EINVAL;
	if (gp_str_find_chr(ret->host, ':', 0) < ret->host.len)
		gp_buf_printf(out, "[%.*s]", GP_STR_FMT(ret->host));
	else
		gp_buf_add_str(out, ret->host);
	if (port.len && !gp_str_eq(port, gp_str(*scheme == 'f' ? "21" : scheme[4] ? "443" : "80")))
		gp_buf_printf(out, ":%.*s", GP_STR_FMT(port));
	if (!path.len || !is_slash(path.ptr[0]))
		gp_buf_add_chr(out, '/');
	add_rest(out, path, GP_MAX_URI_SIZE);
	return GP_OK;
}

/* "local@host?…" behind "mailto:" or bare. */
static int mail_address(struct gp_arena *arena, struct gp_str s, struct gp_buf *out,
			struct gp_uri *ret)
{
	size_t end, at;

	while (s.len && is_slash(s.ptr[0]))
		s = gp_str_sub(s, 1, s.len);
	end = gp_str_find_chr(s, '?', 0);
	for (at = end; at > 0 && s.ptr[at - 1] != '@';)
		at--;
	gp_buf_add_cstr(out, "mailto:");
	if (at) {
		ret->host = gp_url_host(arena, gp_str_sub(s, at, end - at));
		if (!ret->host.len)
			return GP_EINVAL;
		add_rest(out, gp_str_sub(s, 0, at - 1), out->len + USER_MAX);
		gp_buf_add_chr(out, '@');
		gp_buf_add_str(out, ret->host);
	} else if (end == 0 && s.len == 0) {
		return GP_EINVAL;
	}
	add_rest(out, gp_str_sub(s, at ? end : 0, s.len), GP_MAX_URI_SIZE);
	ret->sources |= GP_URI_MAILTO;
	return GP_OK;
}

/* "www.example", "example.com/x", "example.com:8080": a host without scheme. */
static bool is_bare_host(struct gp_str s)
{
	struct gp_str host = gp_str_sub(s, 0, authority_len(s));

	host.len = port_at(host);
	return (gp_str_istarts(s, GP_STR("www.")) && s.len > 4) ||
	       gp_url_tld(host) != GP_URL_TLD_NONE;
}

static int build(struct gp_arena *arena, struct gp_str s, struct gp_buf *out, struct gp_uri *ret)
{
	size_t n = scheme_len(s);
	struct gp_str scheme = gp_str_sub(s, 0, n);
	const char *known = n ? meant(scheme) : NULL;

	if (known)
		return with_host(arena, known, gp_str_sub(s, n + 1, s.len), out, ret);
	if (gp_str_ieq(scheme, GP_STR("mailto")))
		return mail_address(arena, gp_str_sub(s, n + 1, s.len), out, ret);
	if (n) { /* a host before a port has a dot, which schemes do not have here */
		if (gp_str_ieq(scheme, GP_STR("cid")) || gp_str_ieq(scheme, GP_STR("mid")))
			return GP_EINVAL;
		for (size_t i = 0; i < n; i++)
			gp_buf_add_chr(out, gp_lower(s.ptr[i]));
		add_rest(out, gp_str_sub(s, n, s.len), OPAQUE_MAX);
		return GP_OK;
	}
	if (s.len > 2 && is_slash(s.ptr[0]) && is_slash(s.ptr[1]))
		return with_host(arena, "http", s, out, ret);
	if (is_bare_host(s) &&
	    gp_str_find_chr(gp_str_sub(s, 0, authority_len(s)), '@', 0) == authority_len(s))
		return with_host(arena, "http", s, out, ret);
	if (is_bare_host(s))
		return mail_address(arena, s, out, ret);
	return GP_EINVAL;
}

int gp_url_normalise(struct gp_arena *arena, struct gp_str raw, struct gp_uri *ret)
{
	/* User and host come before the rest, which knows its limit. */
	GP_BUF_AUTO out = GP_BUF_INIT(2 * GP_MAX_URI_SIZE);
	struct gp_uri uri = {.raw = cleaned(arena, raw)};
	int r = build(arena, uri.raw, &out, &uri);

	if (r)
		return r;
	uri.uri = gp_arena_str(arena, gp_buf_str(&out));
	*ret = uri;
	return gp_buf_error(&out);
}

static void free_scratch(void *arena)
{
	gp_arena_free(arena);
}

void gp_url_set_init(struct gp_url_set *set, struct gp_arena *arena, size_t max)
{
	*set = (struct gp_url_set){
		.arena = arena, .scratch = gp_arena_new(0), .max = max ? max : GP_MAX_URIS};
	gp_arena_on_end(arena, free_scratch, set->scratch);
	gp_map_init(&set->by_uri, arena, false);
	gp_map_init(&set->by_raw, arena, false);
}

static void add_at_depth(struct gp_url_set *set, struct gp_str raw, struct gp_str text,
			 unsigned part, unsigned source, unsigned depth);

/* "://" at the start of s, perhaps escaped once or twice; *ret_escapes how often. */
static size_t separator_len(struct gp_str s, unsigned *ret_escapes)
{
	static const char *const SEPARATORS[] = {"://", "%3a//", "%3a%2f%2f", ":%2f%2f",
						 "%253a%252f%252f"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(SEPARATORS); i++) {
		if (gp_str_istarts(s, gp_str(SEPARATORS[i]))) {
			*ret_escapes = i == 0 ? 0 : i < 4 ? 1 : 2;
			return strlen(SEPARATORS[i]);
		}
	}
	return 0;
}

static struct gp_str unescaped(struct gp_arena *arena, struct gp_str s)
{
	char *to = gp_arena_alloc(arena, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int value = escape_value(gp_str_sub(s, i, 3));

		to[n++] = value < 0 ? s.ptr[i] : (char)value;
		i += value < 0 ? 0 : 2;
	}
	return gp_str_n(to, n);
}

/* The URI that another one carries in its path or query, as redirectors do. */
static void add_embedded(struct gp_url_set *set, struct gp_str uri, unsigned part, unsigned source,
			 unsigned depth)
{
	size_t from = gp_str_find(uri, GP_STR("://"), 0) + 3;

	for (size_t i = from; i + 8 < uri.len; i++) {
		struct gp_str s = gp_str_sub(uri, i, uri.len), target;
		unsigned escapes = 0;
		size_t n;

		if (gp_lower(uri.ptr[i]) != 'h' || !gp_str_istarts(s, GP_STR("http")))
			continue;
		n = 4 + (gp_lower(s.ptr[4]) == 's');
		if (!separator_len(gp_str_sub(s, n, s.len), &escapes))
			continue;
		target = s;
		if (gp_str_find_chr(gp_str_sub(uri, 0, i), '?', 0) < i)
			target.len = gp_str_find_chr(s, '&', 0);
		for (; escapes; escapes--)
			target = unescaped(set->scratch, target);
		add_at_depth(set, target, GP_STR(""), part, source, depth + 1);
		return; /* the rest is inside that one */
	}
}

/* Index + 1 of what was written like this before; 0 if it is new. */
static size_t known_spelling(const struct gp_url_set *set, struct gp_str raw)
{
	return raw.len <= SPELLING_MAX ? (size_t)(uintptr_t)gp_map_get(&set->by_raw, raw) : 0;
}

static void learn_spelling(struct gp_url_set *set, struct gp_str raw, size_t index)
{
	if (raw.len <= SPELLING_MAX && set->by_raw.len < 2 * set->max)
		gp_map_set(&set->by_raw, gp_arena_str(set->arena, raw), (void *)(uintptr_t)index);
}

static void join(struct gp_url_set *set, size_t index, struct gp_str text, unsigned source)
{
	struct gp_uri *known = &set->uris.items[index - 1];

	known->sources |= source;
	if (!known->text.len && text.len)
		known->text = gp_arena_str(set->arena, text);
}

static void add_at_depth(struct gp_url_set *set, struct gp_str raw, struct gp_str text,
			 unsigned part, unsigned source, unsigned depth)
{
	size_t index = known_spelling(set, raw);
	struct gp_uri uri;

	if (index) {
		join(set, index, text, source);
		return;
	}
	if (set->is_cut || gp_url_normalise(set->scratch, raw, &uri) != GP_OK)
		return;
	index = (size_t)(uintptr_t)gp_map_get(&set->by_uri, uri.uri);
	if (index) {
		join(set, index, text, source);
		learn_spelling(set, raw, index);
		return;
	}
	if (set->uris.len >= set->max) {
		set->is_cut = true;
		return;
	}
	uri.raw = gp_arena_str(set->arena, uri.raw);
	uri.uri = gp_arena_str(set->arena, uri.uri);
	uri.host = gp_arena_str(set->arena, uri.host);
	uri.sources |= source;
	uri.part = part;
	uri.text = gp_arena_str(set->arena, text);
	*gp_vec_push(set->arena, &set->uris) = uri;
	gp_map_set(&set->by_uri, uri.uri, (void *)(uintptr_t)set->uris.len);
	learn_spelling(set, raw, set->uris.len);
	if (depth < DEPTH_MAX && uri.host.len && !(uri.sources & GP_URI_MAILTO))
		add_embedded(set, uri.uri, part, source, depth);
}

void gp_url_set_add(struct gp_url_set *set, struct gp_str raw, struct gp_str text, unsigned part,
		    unsigned source)
{
	add_at_depth(set, raw, text, part, source, 0);
	gp_arena_reset(set->scratch);
}
