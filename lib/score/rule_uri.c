/*
 * The forms of a URI.  They need not be valid or distinct in meaning: rules look
 * for traces of tricks in them.
 */
#include "lib/score/rule_uri.h"

#include "lib/base/limits.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_redirect.h"

/* All forms of all URIs of a message. */
#define BYTES_MAX (1u << 20)
#define ITEMS_MAX (4 * GP_MAX_URIS)
/* Redirectors within redirectors. */
#define TARGETS_MAX 8

struct forms {
	struct gp_rule_uris *uris;
	GP_VEC(struct gp_str) items;
	struct gp_str targets[TARGETS_MAX];
	size_t n_targets;
};

void gp_rule_uris_init(struct gp_rule_uris *u, const struct gp_rule_set *set, struct gp_pcre *pcre,
		       struct gp_arena *a)
{
	*u = (struct gp_rule_uris){.arena = a,
				   .set = set,
				   .pcre = pcre,
				   .domains = gp_rule_list_get(set, GP_STR("util_rb"))};
	gp_map_init(&u->seen, a, false);
	gp_map_init(&u->written, a, false);
}

static void add_form(struct forms *f, struct gp_str s)
{
	*gp_vec_push(f->uris->arena, &f->items) = gp_str_sub(s, 0, GP_RULE_URI_SIZE_MAX);
}

static struct gp_str join(struct gp_arena *a, struct gp_str x, struct gp_str y, struct gp_str z)
{
	char *p = gp_arena_alloc(a, x.len + y.len + z.len + 1);

	if (x.len)
		memcpy(p, x.ptr, x.len);
	if (y.len)
		memcpy(p + x.len, y.ptr, y.len);
	if (z.len)
		memcpy(p + x.len + y.len, z.ptr, z.len);
	return gp_str_n(p, x.len + y.len + z.len);
}

static int hex_digit(char c)
{
	char l = gp_lower(c);

	return gp_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The byte of the escape at s[i], or -1. */
static int escape_at(struct gp_str s, size_t i)
{
	int high, low;

	if (i + 2 >= s.len || s.ptr[i] != '%')
		return -1;
	high = hex_digit(s.ptr[i + 1]);
	low = hex_digit(s.ptr[i + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool has_escape(struct gp_str s)
{
	for (size_t i = 0; (i = gp_str_find_chr(s, '%', i)) < s.len; i++)
		if (escape_at(s, i) >= 0)
			return true;
	return false;
}

struct gp_str gp_rule_uri_unescape(struct gp_arena *a, struct gp_str s)
{
	static const char digits[] = "0123456789abcdef";
	char *out = gp_arena_alloc(a, 3 * s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		int byte = escape_at(s, i);

		if (byte > 0x20 && byte < 0x7f) {
			out[n++] = (char)byte;
			i += 2;
		} else if (byte >= 0) {
			memcpy(out + n, s.ptr + i, 3);
			n += 3;
			i += 2;
		} else if (c <= 0x20 || c >= 0x7f || c == '"' || c == '%' || c == '<' || c == '>') {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		} else {
			out[n++] = s.ptr[i];
		}
	}
	return gp_str_n(out, n);
}

/* mailto: without its parameters, and the address out of 'mailto:"A B" <a@b>'. */
static void mail_forms(struct forms *f, struct gp_str s)
{
	struct gp_arena *a = f->uris->arena;
	size_t at = gp_str_find_chr(s, '@', 0);
	struct gp_str tail = gp_str_sub(s, at, SIZE_MAX), address, rest;
	size_t query = gp_str_find_chr(tail, '?', 0), amp = gp_str_find_chr(tail, '&', 0);
	size_t open, close;

	if (!at || at == s.len)
		return;
	if (query > 1 && query < tail.len)
		add_form(f, gp_str_sub(s, 0, at + query));
	if (amp > 1 && amp < GP_MIN(query, tail.len))
		add_form(f, gp_str_sub(s, 0, at + amp));
	address = gp_str_istarts(s, GP_STR("mailto:")) ? gp_str_sub(s, 7, SIZE_MAX) : s;
	if (gp_str_find(s, GP_STR("%20"), 0) < s.len) {
		while (gp_str_starts(address, GP_STR("%20")))
			address = gp_str_sub(address, 3, SIZE_MAX);
		at = gp_str_find_chr(address, '@', 0);
		rest = gp_rule_uri_cut(gp_str_sub(address, at + 1, SIZE_MAX), "?&%");
		if (at && rest.len)
			add_form(f, join(a, GP_STR("mailto:"), gp_str_sub(address, 0, at + 1), rest));
	}
	open = gp_str_find_chr(gp_rule_uri_cut(s, "?&"), '<', 0);
	rest = gp_str_sub(s, open + 1, SIZE_MAX);
	close = gp_str_find_chr(rest, '>', 0);
	at = gp_str_find_chr(rest, '@', 0);
	if (close < rest.len && at > 0 && at + 1 < close)
		add_form(f, join(a, GP_STR("mailto:"), gp_str_sub(rest, 0, close), GP_STR("")));
}

/* "&#104;", "&#x68;" of printable characters, and what is a dot elsewhere. */
static struct gp_str decode_references(struct gp_arena *a, struct gp_str s)
{
	char *out;
	size_t n = 0;

	if (gp_str_find(s, GP_STR("&#"), 0) == s.len)
		return s;
	out = gp_arena_alloc(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		size_t end = i + 2, base = 10, start;
		uint32_t value = 0;

		if (gp_str_starts(gp_str_sub(s, i, 2), GP_STR("&#")) && end < s.len &&
		    gp_lower(s.ptr[end]) == 'x') {
			base = 16;
			end++;
		}
		for (start = end; end < s.len && end - start < 8; end++) {
			int digit = hex_digit(s.ptr[end]);

			if (digit < 0 || digit >= (int)base)
				break;
			value = value * (uint32_t)base + (uint32_t)digit;
		}
		if (!gp_str_starts(gp_str_sub(s, i, 2), GP_STR("&#")) || end == start ||
		    end >= s.len || s.ptr[end] != ';') {
			out[n++] = s.ptr[i];
			continue;
		}
		if (value == 0x3002 || value == 0xff0e || value == 0xff61)
			value = '.';
		if (value <= 0x20 || value >= 0x7f) {
			out[n++] = s.ptr[i];
			continue;
		}
		out[n++] = (char)value;
		i = end;
	}
	return gp_str_n(out, n);
}

static size_t scheme_len(struct gp_str s)
{
	return gp_str_istarts(s, GP_STR("https:")) ? 6 : gp_str_istarts(s, GP_STR("http:")) ? 5 : 0;
}

/* Slashes, scheme and escapes put right; *s itself where nothing is to be done. */
static struct gp_str tidy(struct gp_arena *a, struct gp_str s)
{
	size_t n, slashes = 0;
	char *copy;

	if (gp_str_find_chr(s, '\\', 0) < s.len) {
		copy = gp_arena_dup(a, s.ptr, s.len);
		for (size_t i = 0; i < s.len; i++)
			copy[i] = copy[i] == '\\' ? '/' : copy[i];
		s = gp_str_n(copy, s.len);
	}
	n = scheme_len(s);
	while (n && slashes < 2 && n + slashes < s.len && s.ptr[n + slashes] == '/')
		slashes++;
	if (n && slashes < 2)
		s = join(a, gp_str_sub(s, 0, n), GP_STR("//"), gp_str_sub(s, n + slashes, SIZE_MAX));
	if (has_escape(s))
		s = gp_rule_uri_unescape(a, s);
	for (n = 0; n < s.len && (gp_is_alnum(s.ptr[n]) || s.ptr[n] == '-' || s.ptr[n] == '_');)
		n++;
	if (!n || n == s.len || s.ptr[n] != ':')
		s = join(a, gp_str_starts(s, GP_STR("ftp.")) ? GP_STR("ftp://") : GP_STR("http://"), s,
			 GP_STR(""));
	n = scheme_len(s);
	if (n) { /* "http://host?x" has a path all the same */
		size_t end = n + 2 + gp_rule_uri_cut(gp_str_sub(s, n + 2, SIZE_MAX), "/?#").len;

		if (end > n + 2 && end < s.len && s.ptr[end] != '/')
			s = join(a, gp_str_sub(s, 0, end), GP_STR("/"), gp_str_sub(s, end, SIZE_MAX));
	}
	return decode_references(a, s);
}

struct parts {
	struct gp_str scheme, user, host, rest; /* "http://", "u:p@", "host", ":80/path" */
	struct gp_str port;
	bool has_port;
};

static bool split(struct gp_str s, struct parts *ret)
{
	size_t n = scheme_len(s), end;
	struct gp_str authority;

	*ret = (struct parts){0};
	if (!n || !gp_str_starts(gp_str_sub(s, n, 2), GP_STR("//")))
		return false;
	ret->scheme = gp_str_sub(s, 0, n + 2);
	s = gp_str_sub(s, n + 2, SIZE_MAX);
	authority = gp_rule_uri_cut(s, "/?#");
	end = gp_str_find_chr(authority, '@', 0);
	if (end < authority.len) {
		ret->user = gp_str_sub(s, 0, end + 1);
		s = gp_str_sub(s, end + 1, SIZE_MAX);
	}
	ret->host = gp_rule_uri_cut(s, "/?#:");
	ret->rest = gp_str_sub(s, ret->host.len, SIZE_MAX);
	ret->has_port = gp_str_starts(ret->rest, GP_STR(":"));
	for (n = 1; ret->has_port && n < ret->rest.len && gp_is_digit(ret->rest.ptr[n]);)
		n++;
	ret->port = ret->has_port ? gp_str_sub(ret->rest, 1, n - 1) : GP_STR("");
	return ret->host.len > 0;
}

static void add_joined(struct forms *f, const struct parts *p)
{
	add_form(f, join(f->uris->arena, p->scheme, p->host, p->rest));
}

/* Decimal, hexadecimal "0x…", octal "0…" (may_be_octal); false if it is no number. */
static bool parse_number(struct gp_str s, bool may_be_octal, uint64_t *ret)
{
	bool is_hex = gp_str_istarts(s, GP_STR("0x"));
	bool is_octal = may_be_octal && !is_hex && s.len > 1 && s.ptr[0] == '0';

	for (size_t i = 0; i < s.len; i++)
		is_octal = is_octal && s.ptr[i] < '8';
	*ret = 0;
	s = is_hex ? gp_str_sub(s, 2, SIZE_MAX) : s;
	for (size_t i = 0; i < s.len; i++) {
		int digit = hex_digit(s.ptr[i]);

		if (digit < 0 || (!is_hex && digit > 9))
			return false;
		*ret = *ret * (is_hex ? 16 : is_octal ? 8 : 10) + (uint64_t)digit;
	}
	return s.len > 0;
}

/* SpamAssassin loses octets that are 0: "127...1". */
static const char *octet_text(struct gp_arena *a, uint64_t value)
{
	return value ? gp_arena_printf(a, "%llu", (unsigned long long)value) : "";
}

/* "0x7f.0.0.1", "2130706433" as dotted quads; "localname" with the ends that browsers add. */
static void host_forms(struct forms *f, struct parts p)
{
	struct gp_arena *a = f->uris->arena;
	struct gp_str rest = p.host, label, name;
	uint64_t v[4] = {0};
	unsigned n = 0;
	bool is_number = true, is_dotted = gp_str_find_chr(p.host, '.', 0) < p.host.len;

	for (; gp_str_next(&rest, '.', &label); n++)
		is_number = is_number && n < 4 && parse_number(label, is_dotted, &v[n]);
	if (is_number && n == 4) {
		p.host = gp_str(gp_arena_printf(a, "%s.%s.%s.%s", octet_text(a, v[0]),
						octet_text(a, v[1]), octet_text(a, v[2]),
						octet_text(a, v[3])));
		add_joined(f, &p);
	} else if (is_number && n == 1) {
		p.host = gp_str(gp_arena_printf(a, "%u.%u.%u.%u", (unsigned)(v[0] >> 24 & 255),
						(unsigned)(v[0] >> 16 & 255),
						(unsigned)(v[0] >> 8 & 255), (unsigned)(v[0] & 255)));
		add_joined(f, &p);
	} else if (p.scheme.len == 7 && !p.user.len &&
		   (!p.port.len || gp_str_eq(p.port, GP_STR("80"))) &&
		   !gp_str_ieq(p.host, GP_STR("localhost"))) {
		name = gp_str_istarts(p.host, GP_STR("www.")) ? gp_str_sub(p.host, 4, SIZE_MAX) : p.host;
		if (!name.len || gp_str_find_chr(name, '.', 0) < name.len ||
		    gp_rule_uris_has_domain(f->uris, p.host))
			return;
		p.host = join(a, GP_STR("www."), name, GP_STR(".com"));
		add_joined(f, &p);
	}
}

static void add_target(struct forms *f, struct gp_str target)
{
	if (f->n_targets < TARGETS_MAX)
		f->targets[f->n_targets++] = target;
}

/* Where a redirector leads: what a pattern of the rule files finds, else the URI that stands within
 * another one. */
static void find_target(struct forms *f, const struct parts *p)
{
	struct gp_str rest = p->rest, target = {0};
	size_t i = gp_str_ifind(rest, GP_STR("http"), 0);

	if (f->uris->pcre)
		target = gp_rule_redirect_target(f->uris->set, f->uris->pcre,
						 join(f->uris->arena, p->scheme, p->host, rest));
	if (target.len) {
		add_target(f, target);
		return;
	}
	for (; i < rest.len; i = gp_str_ifind(rest, GP_STR("http"), i + 1)) {
		size_t n = scheme_len(gp_str_sub(rest, i, SIZE_MAX));

		target = gp_rule_uri_cut(gp_str_sub(rest, i, SIZE_MAX), "&#");
		if (!n || target.len <= n)
			continue;
		if (gp_str_find_chr(target, '.', 0) < target.len)
			add_target(f, target);
		return;
	}
}

static void web_forms(struct forms *f, struct gp_str uri)
{
	struct gp_arena *a = f->uris->arena;
	struct gp_str s = tidy(a, uri), lower;
	struct parts p, without;
	char *host;

	if (!gp_str_eq(s, uri))
		add_form(f, s);
	if (!split(s, &p))
		return;
	without = p;
	without.rest = gp_str_sub(p.rest, 1 + p.port.len, SIZE_MAX);
	if (p.has_port && gp_str_eq(p.port, p.scheme.len == 7 ? GP_STR("80") : GP_STR("443")))
		add_joined(f, &without);
	host = gp_arena_dup(a, p.host.ptr, p.host.len);
	lower = gp_str_n(host, 0);
	for (size_t i = 0; i < p.host.len; i++)
		if ((unsigned char)host[i] > ' ')
			host[lower.len++] = host[i];
	if (lower.len < p.host.len) {
		p.host = lower;
		add_joined(f, &p);
	}
	find_target(f, &p);
	lower = p.host;
	while (lower.len && !gp_is_alnum(lower.ptr[lower.len - 1]))
		lower.len--;
	if (lower.len < p.host.len) {
		p.host = lower;
		add_joined(f, &p);
	}
	if (p.host.len)
		host_forms(f, p);
}

static struct gp_str without_line_ends(struct gp_arena *a, struct gp_str s)
{
	char *copy;
	size_t n = 0;

	s = gp_str_trim(s);
	if (gp_str_find_chr(s, '\n', 0) == s.len && gp_str_find_chr(s, '\r', 0) == s.len)
		return s;
	copy = gp_arena_alloc(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '\n' && s.ptr[i] != '\r')
			copy[n++] = s.ptr[i];
	return gp_str_n(copy, n);
}

static void all_forms(struct forms *f, struct gp_str s)
{
	size_t at = gp_str_find_chr(s, '@', 0);

	add_form(f, s);
	if (s.len < 2 || strchr("#?&", s.ptr[0]) || (s.ptr[0] == '/' && s.ptr[1] != '/'))
		return;
	if (gp_str_istarts(s, GP_STR("mailto:")) ||
	    (at < s.len && gp_str_find_chr(s, ':', 0) > at))
		mail_forms(f, s);
	else
		web_forms(f, s);
}

/* Bytes before the path: "http://host", "//host", "". */
static size_t path_start(struct gp_str s)
{
	size_t n = gp_rule_uri_cut(s, ":/?#").len;

	n = n && n < s.len && s.ptr[n] == ':' ? n + 1 : 0;
	if (gp_str_starts(gp_str_sub(s, n, 2), GP_STR("//")))
		n += 2 + gp_rule_uri_cut(gp_str_sub(s, n + 2, SIZE_MAX), "/?#").len;
	return n;
}

/* "/a/../b/./c" → "/b/c", as clients ask for it (RFC 3986, 5.2.4); what begins with "./" or "../"
 * begins with "/" then. */
static struct gp_str without_dots(struct gp_arena *a, struct gp_str s)
{
	size_t start = path_start(s), end = start + gp_rule_uri_cut(gp_str_sub(s, start, SIZE_MAX), "?#").len;
	struct gp_str path = gp_str_sub(s, start, end - start), segment;
	char *out;
	size_t n = 0;

	if (gp_str_find(path, GP_STR("/."), 0) == path.len && !gp_str_starts(path, GP_STR("./")) &&
	    !gp_str_starts(path, GP_STR("../")))
		return s;
	out = gp_arena_alloc(a, path.len + 2);
	if (gp_str_starts(path, GP_STR("./")) || gp_str_starts(path, GP_STR("../")))
		path = gp_str_sub(path, gp_str_find_chr(path, '/', 0), SIZE_MAX);
	while (path.len) { /* a segment with the slash before it at a time */
		segment = gp_str_sub(path, 0, gp_str_find_chr(path, '/', 1));
		path = gp_str_sub(path, segment.len, SIZE_MAX);
		if (gp_str_eq(segment, GP_STR("/..")))
			while (n && out[--n] != '/')
				;
		if (!gp_str_eq(segment, GP_STR("/..")) && !gp_str_eq(segment, GP_STR("/."))) {
			memcpy(out + n, segment.ptr, segment.len);
			n += segment.len;
		} else if (!path.len) {
			out[n++] = '/';
		}
	}
	return join(a, gp_str_sub(s, 0, start), gp_str_n(out, n), gp_str_sub(s, end, SIZE_MAX));
}

void gp_rule_uris_add_reference(struct gp_rule_uris *u, const struct gp_reference *r)
{
	static const char *const opaque[] = {"data:", "mailto:", "file:", "cid:", "tel:"};
	bool is_opaque = false;

	for (size_t i = 0; i < GP_ARRAY_SIZE(opaque); i++)
		is_opaque |= gp_str_istarts(r->target, gp_str(opaque[i]));
	if (is_opaque || r->is_anchor)
		gp_rule_uris_add(u, r->written.len ? r->written : r->target, false);
	if (!is_opaque)
		gp_rule_uris_add(u,
				 without_dots(u->arena, gp_str_sub(r->target, 0, GP_RULE_URI_SIZE_MAX)),
				 false);
}

static void keep(struct gp_rule_uris *u, struct gp_str s)
{
	if (gp_map_get(&u->seen, s) || u->items.len >= ITEMS_MAX || u->bytes + s.len > BYTES_MAX)
		return;
	s = gp_arena_str(u->arena, s);
	u->bytes += s.len;
	gp_map_set(&u->seen, s, u);
	*gp_vec_push(u->arena, &u->items) = s;
}

void gp_rule_uris_add(struct gp_rule_uris *u, struct gp_str uri, bool needs_domain)
{
	struct forms f = {.uris = u};
	bool has_domain = !needs_domain;

	uri = without_line_ends(u->arena, gp_str_sub(uri, 0, GP_RULE_URI_SIZE_MAX));
	if (!uri.len || (gp_map_get(&u->seen, uri) && !needs_domain))
		return;
	all_forms(&f, uri);
	for (size_t i = 0; i < f.n_targets; i++)
		all_forms(&f, f.targets[i]);
	for (size_t i = 0; !has_domain && i < f.items.len; i++)
		has_domain = gp_rule_uris_host(u, f.items.items[i]).len > 0;
	if (has_domain && u->on_uri)
		u->on_uri(u->arg, uri, f.items.items, f.items.len);
	for (size_t i = 0; has_domain && i < f.items.len; i++)
		keep(u, f.items.items[i]);
}
