/*
 * Block lists of the hosts that a message links to.
 */
#include "lib/base/num.h"
#include "lib/mail/url.h"
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_ole.h"
#include "lib/score/rule_pdf.h"
#include "lib/score/rule_redirect.h"
#include "lib/score/rule_uri.h"

/* uridnsbl_max_domains; a message that links to more is sampled from the weightiest. */
#define HOSTS_DEFAULT 20
#define HOSTS_MAX 100

/* How much a URI says about who pays for the message, the most first. */
enum weight { LINK_WITH_TEXT, FORM, IMAGE, OTHER, ONLY_TEXT, LINK_WITHOUT_TEXT, WEIGHTS };

static enum weight weight_of(const struct gp_uri *u)
{
	if (u->sources & GP_URI_HREF)
		return u->text.len ? LINK_WITH_TEXT : LINK_WITHOUT_TEXT;
	if (u->sources & GP_URI_FORM)
		return FORM;
	if (u->sources & GP_URI_IMG)
		return IMAGE;
	return u->sources == GP_URI_TEXT ? ONLY_TEXT : OTHER;
}

struct hosts {
	struct gp_rule_dns *d;
	const struct gp_rule_list *skipped;
	struct gp_map seen;
	GP_VEC(struct gp_uri_host) list;
	size_t max;
};

static void add(struct hosts *h, struct gp_str host)
{
	struct gp_uri_host entry = {.host = host, .domain = host};

	if (h->list.len >= h->max || host.len == 0 || gp_map_get(&h->seen, host))
		return;
	gp_map_set(&h->seen, host, h);
	if (gp_ip_parse(host, &entry.ip) == GP_OK) {
		if (entry.ip.family != 4 || gp_ip_is_private(&entry.ip))
			return;
	} else {
		entry.ip = (struct gp_ip){0};
		if (!gp_rule_host_is_valid(h->d->set, host))
			return;
		entry.domain = gp_rule_host_trim(h->d->set, host);
	}
	if (gp_rule_list_has(h->skipped, entry.domain) || gp_rule_list_has(h->skipped, host))
		return;
	*gp_vec_push(h->d->arena, &h->list) = entry;
}

/* 20, or what uridnsbl_max_domains says. */
static size_t max_hosts(const struct gp_rule_set *set)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, GP_STR("uridnsbl_max_domains"));
	uint64_t n;

	if (list->items.len == 0 || gp_num_parse_uint(list->items.items[0], 10, &n))
		return HOSTS_DEFAULT;
	return (size_t)GP_MIN(n, (uint64_t)HOSTS_MAX);
}

/* Mail addresses count only where the rules want it so. */
static bool skips_mailto(const struct gp_rule_set *set)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, GP_STR("uridnsbl_skip_mailto"));

	return list->items.len == 0 || !gp_str_eq(list->items.items[0], GP_STR("0"));
}

/* Hosts that stand in the text and are no links to a mail program, but to SpamAssassin. */
static void add_from_text(struct hosts *h, struct gp_str text)
{
	struct gp_arena *a = h->d->arena;
	struct gp_rule_uris uris;
	struct gp_uri uri;

	gp_rule_uris_init(&uris, h->d->set, h->d->tags->pcre, a);
	gp_rule_uris_scan(&uris, text);
	for (size_t i = 0; i < uris.items.len && h->list.len < h->max; i++)
		if (!gp_str_istarts(uris.items.items[i], GP_STR("mailto:")) &&
		    gp_url_normalise(a, uris.items.items[i], &uri) == GP_OK)
			add(h, uri.host);
}

/* A link with its scheme or without. */
static void add_link(struct hosts *h, struct gp_str link)
{
	struct gp_uri uri;

	if (gp_str_find(link, GP_STR(":/"), 0) >= link.len)
		link = gp_str(gp_arena_printf(h->d->arena, "http://%.*s", GP_STR_FMT(link)));
	if (gp_url_normalise(h->d->arena, link, &uri) == GP_OK)
		add(h, uri.host);
}

/* Where redirectors lead that only redirector_pattern knows. */
static void add_target(struct hosts *h, struct gp_str uri)
{
	struct gp_str target = gp_rule_redirect_target(h->d->set, h->d->tags->pcre, uri);

	if (target.len)
		add_link(h, target);
}

/* Links in attached PDF files. */
static void add_from_pdf(struct hosts *h)
{
	struct gp_pdf pdf = {0};

	gp_pdf_read_all(h->d->arena, h->d->in->message, &pdf);
	for (size_t i = 0; i < pdf.uris.len; i++)
		add_link(h, pdf.uris.items[i]);
}

/* Links that attached office documents open. */
static void add_from_office(struct hosts *h)
{
	struct gp_ole ole;

	gp_ole_read_all(h->d->set, h->d->tags->pcre, h->d->arena, h->d->in->message, &ole);
	for (size_t i = 0; i < ole.n_uris; i++)
		add_link(h, ole.uris[i]);
}

/* The domains that signatures name (d=), whether they are valid or not. */
static void add_signers(struct hosts *h)
{
	const struct gp_message *m = h->d->in->message;

	for (size_t i = 0; i < m->headers.len; i++) {
		struct gp_str rest = m->headers.items[i].value, tag;

		if (!gp_str_ieq(m->headers.items[i].name, GP_STR("DKIM-Signature")) &&
		    !gp_str_ieq(m->headers.items[i].name, GP_STR("DomainKey-Signature")))
			continue;
		while (gp_str_next(&rest, ';', &tag)) {
			size_t eq = gp_str_find_chr(tag, '=', 0);

			if (gp_str_eq(gp_str_trim(gp_str_sub(tag, 0, eq)), GP_STR("d")))
				add(h, gp_url_host(h->d->arena,
						   gp_str_trim(gp_str_sub(tag, eq + 1, SIZE_MAX))));
		}
	}
}

static void find_hosts(struct gp_rule_dns *d)
{
	const struct gp_message *m = d->in->message;
	bool no_mailto = skips_mailto(d->set);
	struct hosts h = {.d = d,
			  .skipped = gp_rule_list_get(d->set, GP_STR("uridnsbl_skip_domain")),
			  .max = max_hosts(d->set)};

	gp_map_init(&h.seen, d->arena, true);
	for (enum weight w = 0; w < WEIGHTS; w++) {
		for (size_t i = 0; i < m->uris.len; i++) {
			const struct gp_uri *u = &m->uris.items[i];

			if (u->sources == GP_URI_HEADER || weight_of(u) != w ||
			    (no_mailto && gp_str_istarts(u->uri, GP_STR("mailto:"))))
				continue;
			add(&h, u->host);
			add_target(&h, u->uri);
		}
		if (w == OTHER)
			add_signers(&h);
		if (w == OTHER && d->set->reads_pdf)
			add_from_pdf(&h);
		if (w == OTHER && d->set->reads_ole)
			add_from_office(&h);
		if (w == ONLY_TEXT) {
			add_from_text(&h, gp_message_value(m, "Subject"));
			add_from_text(&h, m->text);
		}
	}
	d->hosts = h.list.items;
	d->n_hosts = h.list.len;
}

size_t gp_rule_dns_uri_hosts(struct gp_rule_dns *d, const struct gp_uri_host **ret)
{
	if (!d->has_hosts)
		find_hosts(d);
	d->has_hosts = true;
	*ret = d->hosts;
	return d->n_hosts;
}

static void ask_name(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_uri_host *h)
{
	unsigned other = h->ip.family ? GP_TFLAG_DOMAINS_ONLY : GP_TFLAG_IPS_ONLY;

	if (r->tflags & other)
		return;
	if (h->ip.family)
		gp_rule_dns_ask_ip(d, r, &h->ip);
	else
		gp_rule_dns_ask_host(d, r, r->tflags & GP_TFLAG_NOTRIM ? h->host : h->domain);
}

static void ask_for(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_uri_host *h)
{
	bool is_ip_list = r->query->kind == GP_QUERY_URI_IP;

	if (r->query->kind == GP_QUERY_URI_NAME) {
		ask_name(d, r, h);
		return;
	}
	if (h->ip.family)
		return;
	if (is_ip_list && r->tflags & GP_TFLAG_A)
		gp_rule_dns_ask(d, r, GP_STEP_ADDRESSES, h->host, GP_DNS_A, h->host);
	if (!is_ip_list || r->tflags & GP_TFLAG_NS || !(r->tflags & GP_TFLAG_A))
		gp_rule_dns_ask(d, r, GP_STEP_SERVERS, h->domain, GP_DNS_NS, h->domain);
}

void gp_rule_dns_uris(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n)
{
	const struct gp_uri_host *hosts;
	size_t n_hosts = n ? gp_rule_dns_uri_hosts(d, &hosts) : 0;

	for (int chained = 1; chained >= 0; chained--) /* long ways first */
		for (size_t i = 0; i < n_hosts; i++)
			for (size_t k = 0; k < n; k++)
				if ((rules[k]->query->kind != GP_QUERY_URI_NAME) == chained)
					ask_for(d, rules[k], &hosts[i]);
}

void gp_rule_dns_server(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str server,
			struct gp_str subject)
{
	if (!gp_rule_host_is_valid(d->set, server))
		return;
	if (r->query->kind == GP_QUERY_URI_IP)
		gp_rule_dns_ask(d, r, GP_STEP_ADDRESSES, server, GP_DNS_A, subject);
	else if (r->query->kind == GP_QUERY_URI_NS)
		gp_rule_dns_ask_host(d, r, gp_rule_host_trim(d->set, server));
	else
		gp_rule_dns_ask_host(d, r, server);
}
