/*
 * Eval functions over lists of hosts in links, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::WLBLEval): `enlist_uri_host (NAME) example.com !www.example.com`.
 */
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_uri.h"

#define LABELS_MAX 11 /* of a name, looked at from its end */

/* "!host" */
static struct gp_str negated(struct gp_eval *e, struct gp_str host)
{
	char *s = gp_arena_alloc(e->arena, host.len + 1);

	s[0] = '!';
	memcpy(s + 1, host.ptr, host.len);
	return gp_str_n(s, host.len + 1);
}

/* The host itself, else the nearest name above it that the list knows, decides. */
static bool is_listed(struct gp_eval *e, const struct gp_rule_list *list, struct gp_str host)
{
	for (unsigned n = 0; host.len && n < LABELS_MAX; n++) {
		size_t dot;

		if (gp_rule_list_has(list, host))
			return true;
		if (gp_rule_list_has(list, negated(e, host)))
			return false;
		dot = gp_str_find_chr(host, '.', 0);
		host = gp_str_sub(host, dot + 1, host.len);
		if (gp_is_digit(host.len ? host.ptr[host.len - 1] : '0'))
			break; /* an address has no names above it */
	}
	return false;
}

/* "host" of "scheme://user@host:port/…"; empty if it has none. */
static struct gp_str host_of(struct gp_str uri)
{
	static const struct gp_str mark = GP_STR("://");
	size_t at = gp_str_find(uri, mark, 0), n = 0;

	if (at >= uri.len)
		return GP_STR("");
	uri = gp_str_sub(uri, at + mark.len, uri.len);
	while (n < uri.len && !strchr("/?#", uri.ptr[n]))
		n++;
	uri = gp_eval_domain(gp_str_sub(uri, 0, n));
	return gp_str_sub(uri, 0, gp_str_find_chr(uri, ':', 0));
}

/* A name that can exist, or an address. */
static bool is_host(const struct gp_eval *e, struct gp_str host)
{
	struct gp_ip ip;

	return host.len && (gp_rule_host_is_valid(e->set, host) || gp_ip_parse(host, &ip) == GP_OK);
}

struct hosts {
	GP_VEC(struct gp_str) items;
};

/* Domains that signatures name, d= up to the next semicolon, whatever their worth: SpamAssassin counts
 * them with the links. */
static void add_signers(struct gp_eval *e, const char *header, struct hosts *h)
{
	struct gp_str value = gp_eval_header(e, header);

	for (size_t at = 0, end; (at = gp_str_find_chr(value, 'd', at)) < value.len; at = end) {
		bool is_name = at == 0 || !(gp_is_alnum(value.ptr[at - 1]) || value.ptr[at - 1] == '_');
		struct gp_str host;

		for (end = at + 1; end < value.len && gp_is_space(value.ptr[end]);)
			end++;
		if (!is_name || end == value.len || value.ptr[end] != '=')
			continue;
		at = end + 1;
		end = gp_str_find_chr(value, ';', at);
		host = gp_str_trim(gp_str_sub(value, at, end - at));
		if (is_host(e, host))
			*gp_vec_push(e->arena, &h->items) = host;
	}
}

/* Those of all links, mostly once each: the forms of a link follow each other. */
static const struct hosts *hosts_of(struct gp_eval *e)
{
	const struct gp_rule_subject *uris = gp_eval_subject(e, GP_RULE_URI);
	struct hosts *h = e->memo[GP_EVAL_URI_HOSTS];
	struct gp_str last = {0};

	if (h)
		return h;
	h = e->memo[GP_EVAL_URI_HOSTS] = GP_ARENA_NEW(e->arena, struct hosts);
	for (size_t i = 0; i < uris->segments.len; i++) {
		struct gp_str host = host_of(gp_rule_segment_text(uris, i));

		if (gp_str_eq(host, last))
			continue;
		last = host;
		if (is_host(e, host))
			*gp_vec_push(e->arena, &h->items) = host;
	}
	add_signers(e, "DomainKey-Signature", h);
	add_signers(e, "DKIM-Signature", h);
	return h;
}

static bool any_listed(struct gp_eval *e, struct gp_str name)
{
	const struct gp_rule_list *list =
		gp_rule_list_named(e->set, e->arena, GP_STR("enlist_uri_host"), name);
	const struct hosts *hosts;

	if (!list->items.len)
		return false;
	hosts = hosts_of(e);

	for (size_t i = 0; i < hosts->items.len; i++)
		if (is_listed(e, list, hosts->items.items[i])) {
			e->evidence = hosts->items.items[i];
			e->detail = gp_str(gp_arena_printf(e->arena, "URI: %.*s",
							   GP_STR_FMT(e->evidence)));
			return true;
		}
	return false;
}

static bool check_uri_host_listed(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	return any_listed(e, args[0]);
}

/* flag: the list of the good. */
static bool check_uri_host_in(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	return any_listed(e, row->flag ? GP_STR("WELCOME") : GP_STR("BLOCK"));
}

/* A link longer than what is kept of one. */
static bool check_uri_truncated(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_subject *uris = gp_eval_subject(e, GP_RULE_URI);

	for (size_t i = 0; i < uris->segments.len; i++)
		if (uris->segments.items[i].len >= GP_RULE_URI_SIZE_MAX)
			return true;
	return false;
}

static struct gp_str domain_of(const struct gp_eval *e, struct gp_str host)
{
	return gp_rule_host_is_valid(e->set, host) ? gp_rule_host_trim(e->set, host) : host;
}

/* "http://a.example/?u=http://b.example/": a URL within that of another domain. */
static bool leads_elsewhere(const struct gp_eval *e, struct gp_str uri)
{
	struct gp_str host = host_of(uri);
	size_t at = gp_str_find(uri, GP_STR("://"), 0) + 3 + host.len;

	if (!gp_str_istarts(uri, GP_STR("http")) || !host.len)
		return false;
	for (at++; (at = gp_str_ifind(uri, GP_STR("http"), at)) < uri.len; at++) {
		struct gp_str inner = gp_str_sub(uri, at, SIZE_MAX);
		size_t n = gp_str_istarts(inner, GP_STR("https:")) ? 6 : 5;

		if (!gp_str_istarts(inner, GP_STR("http:")) && n == 5)
			continue;
		while (n < inner.len && inner.ptr[n] == '/')
			n++;
		inner = gp_rule_uri_cut(gp_str_sub(inner, n, SIZE_MAX), "/:?");
		if (inner.len && !gp_str_ieq(domain_of(e, inner), domain_of(e, host)))
			return true;
	}
	return false;
}

static bool check_redirector(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_subject *uris = gp_eval_subject(e, GP_RULE_URI);

	for (size_t i = 0; i < uris->segments.len; i++)
		if (leads_elsewhere(e, gp_rule_segment_text(uris, i))) {
			e->evidence = gp_rule_segment_text(uris, i);
			return true;
		}
	return false;
}

const struct gp_rule_eval gp_rule_evals_urihost[] = {
	{"check_for_http_redirector", 0, 0, check_redirector, 0, false},
	{"check_uri_host_listed", 1, 1, check_uri_host_listed, 0, false},
	{"check_uri_host_in_blocklist", 0, 0, check_uri_host_in, 0, false},
	{"check_uri_host_in_blacklist", 0, 0, check_uri_host_in, 0, false},
	{"check_uri_host_in_welcomelist", 0, 0, check_uri_host_in, 0, true},
	{"check_uri_host_in_whitelist", 0, 0, check_uri_host_in, 0, true},
	{"check_uri_truncated", 0, 0, check_uri_truncated, 0, false},
	{0},
};
