/*
 * Block lists of relays and of senders' hosts: which addresses a rule is about.
 *
 * The end of a set's name says it: -lastexternal the one that handed the message to
 * our networks, -notfirsthop all outside them but the oldest, -firsttrusted the one
 * that handed it to a host we trust, -untrusted those before it, anything else all
 * that are not trusted.  Addresses of originating_ip_headers stand behind the relays.
 */
#include "lib/base/limits.h"
#include "lib/mail/addr.h"
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_list.h"

#define ORIGINATING_MAX 10
/* Asked for a rule, as SpamAssassin does. */
#define ADDRESSES_MAX 9

struct ips {
	struct gp_ip items[GP_MAX_RULE_RELAYS + ORIGINATING_MAX];
	size_t len;
};

/* Of a message. */
struct path {
	struct ips external, untrusted, originating;
};

static bool has(const struct ips *ips, const struct gp_ip *ip)
{
	for (size_t i = 0; i < ips->len; i++)
		if (gp_ip_equal(&ips->items[i], ip))
			return true;
	return false;
}

/* Public addresses, each once. */
static void add(struct ips *ips, const struct gp_ip *ip)
{
	if (ip->family && !gp_ip_is_private(ip) && ips->len < GP_ARRAY_SIZE(ips->items) &&
	    !has(ips, ip))
		ips->items[ips->len++] = *ip;
}

static void add_all(struct ips *to, const struct ips *from)
{
	for (size_t i = 0; i < from->len; i++)
		add(to, &from->items[i]);
}

/* Addresses in a header's text. */
static void add_from_text(struct ips *ips, struct gp_str text)
{
	size_t at = 0, from;

	while (at < text.len) {
		struct gp_ip ip;

		while (at < text.len && !gp_is_alnum(text.ptr[at]) && text.ptr[at] != ':')
			at++;
		from = at;
		while (at < text.len &&
		       (gp_is_alnum(text.ptr[at]) || text.ptr[at] == '.' || text.ptr[at] == ':'))
			at++;
		if (ips->len < ORIGINATING_MAX && at > from &&
		    gp_ip_parse(gp_str_sub(text, from, at - from), &ip) == GP_OK)
			add(ips, &ip);
	}
}

static void find_originating(struct gp_rule_dns *d, struct path *path)
{
	const struct gp_relay_trust *trust = &d->set->trust;
	const struct gp_message *m = d->in->message;

	for (size_t i = 0; i < trust->n_origin_headers; i++)
		for (size_t k = 0; k < m->headers.len; k++)
			if (gp_str_ieq(m->headers.items[k].name, trust->origin_headers[i]))
				add_from_text(&path->originating, m->headers.items[k].value);
}

static void find_relays(struct gp_rule_dns *d, struct path *path)
{
	const struct gp_relay_list *trusted = &d->relays->lists[GP_RELAYS_TRUSTED];
	const struct gp_relay_list *untrusted = &d->relays->lists[GP_RELAYS_UNTRUSTED];
	struct gp_ip client;

	for (size_t i = 0; i < trusted->items.len; i++)
		if (!trusted->items.items[i]->is_internal)
			add(&path->external, &trusted->items.items[i]->address);
	for (size_t i = 0; i < untrusted->items.len; i++) {
		add(&path->untrusted, &untrusted->items.items[i]->address);
		add(&path->external, &untrusted->items.items[i]->address);
	}
	if (trusted->items.len + untrusted->items.len == 0 && d->in->client_ip.len &&
	    gp_ip_parse(d->in->client_ip, &client) == GP_OK) { /* no Received at all */
		add(&path->untrusted, &client);
		add(&path->external, &client);
	}
}

static void reverse(struct ips *ips)
{
	for (size_t i = 0; i < ips->len / 2; i++) {
		struct gp_ip ip = ips->items[i];

		ips->items[i] = ips->items[ips->len - 1 - i];
		ips->items[ips->len - 1 - i] = ip;
	}
}

static void drop_first(struct ips *ips)
{
	memmove(ips->items, ips->items + 1, --ips->len * sizeof(ips->items[0]));
}

/* The addresses that a set is about. */
static void select_set(const struct path *path, struct gp_str set,
		       const struct gp_relay_nets *trusted, struct ips *ret)
{
	bool is_last = gp_str_iends(set, GP_STR("-lastexternal"));

	ret->len = 0;
	if (is_last || gp_str_iends(set, GP_STR("-notfirsthop"))) {
		add_all(ret, &path->external);
		if (is_last)
			ret->len = GP_MIN(ret->len, (size_t)1);
		else if (ret->len > 1)
			ret->len--;
		return;
	}
	add_all(ret, &path->untrusted);
	for (size_t i = 0; i < path->originating.len; i++)
		if (!gp_relay_nets_has(trusted, &path->originating.items[i]))
			add(ret, &path->originating.items[i]);
	if (gp_str_iends(set, GP_STR("-firsttrusted")))
		ret->len = GP_MIN(ret->len, (size_t)1);
	else if (!gp_str_iends(set, GP_STR("-untrusted")))
		reverse(ret);
	else if (ret->len)
		drop_first(ret);
}

void gp_rule_dns_relays(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n)
{
	const struct gp_relay_nets *trusted = &d->set->trust.trusted;
	struct path path = {0};
	struct ips ips;

	if (n == 0)
		return;
	find_relays(d, &path);
	find_originating(d, &path);
	if (path.untrusted.len + path.originating.len == 0)
		return; /* it never left hosts that we trust */
	for (size_t i = 0; i < n; i++) {
		select_set(&path, rules[i]->query->set, trusted, &ips);
		ips.len = GP_MIN(ips.len, (size_t)ADDRESSES_MAX);
		/* What is trusted is looked up in lists of the good only. */
		while (!(rules[i]->tflags & GP_TFLAG_NICE) && ips.len &&
		       gp_relay_nets_has(trusted, &ips.items[0]))
			drop_first(&ips);
		for (size_t k = 0; k < ips.len; k++)
			gp_rule_dns_ask_ip(d, rules[i], &ips.items[k]);
	}
}

struct gp_str gp_rule_dns_sender(const struct gp_rule_dns *d)
{
	struct gp_str from = d->in->envelope_from;
	struct gp_addr address;

	if (!from.ptr)
		from = gp_message_value(d->in->message, "Return-Path");
	return gp_addr_first(d->arena, from, &address) ? address.domain : (struct gp_str){0};
}

static void ask_host(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str host)
{
	struct gp_ip ip;

	if (gp_str_starts(host, GP_STR("["))) /* as SpamAssassin: neither an address nor a name */
		return;
	if (gp_ip_parse(host, &ip) == GP_OK) {
		if (!(r->tflags & GP_TFLAG_DOMAINS_ONLY))
			gp_rule_dns_ask_ip(d, r, &ip);
	} else if (!(r->tflags & GP_TFLAG_IPS_ONLY) && gp_rule_host_is_valid(d->set, host)) {
		gp_rule_dns_ask_host(d, r, host);
	}
}

static void ask_from(struct gp_rule_dns *d, const struct gp_rule *r)
{
	static const char *const headers[] = {"From", "Envelope-Sender", "Resent-Sender",
					      "X-Envelope-From"};
	const struct gp_message *m = d->in->message;
	struct gp_addr_list list;

	for (size_t i = 0; i < GP_ARRAY_SIZE(headers); i++) {
		const struct gp_header *h = gp_message_header(m, headers[i]);

		if (!h)
			continue;
		gp_addr_parse(d->arena, h->raw, &list);
		for (size_t k = 0; k < list.len; k++)
			ask_host(d, r, list.items[k].domain);
	}
	ask_host(d, r, gp_rule_dns_sender(d));
}

/* The host of the first address in s; empty if there is none. */
static struct gp_str first_host(struct gp_str s)
{
	size_t n = 0;

	s = gp_str_sub(s, gp_str_find_chr(s, '@', 0), SIZE_MAX);
	while (s.len && (s.ptr[0] == '@' || s.ptr[0] == '.'))
		s = gp_str_sub(s, 1, SIZE_MAX);
	while (n < s.len && s.ptr[n] != '@' && !gp_is_space(s.ptr[n]))
		n++;
	while (n && s.ptr[n - 1] == '.')
		n--;
	return gp_str_sub(s, 0, n);
}

static void ask_header(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str name)
{
	struct gp_str addr = gp_str(gp_arena_printf(d->arena, "%.*s:addr", GP_STR_FMT(name)));
	struct gp_str host = first_host(gp_field_read(addr, d->set, d->in, d->relays, d->arena));
	struct gp_str rest;

	if (host.len) {
		if (gp_str_find_chr(host, '.', 0) < host.len)
			ask_host(d, r, host);
		return;
	}
	rest = gp_field_read(name, d->set, d->in, d->relays, d->arena);
	for (unsigned n = 0; n < ADDRESSES_MAX && gp_str_next(&rest, '\n', &host); n++)
		ask_host(d, r, host);
}

static void ask_headers(struct gp_rule_dns *d, const struct gp_rule *r)
{
	const struct gp_rule_list *set = gp_rule_list_get(d->set, GP_STR("rbl_headers"));
	struct gp_str rest = r->query->headers, name;

	if (rest.len == 0)
		rest = set->items.len ? set->items.items[0]
				      : GP_STR("EnvelopeFrom,Reply-To,Disposition-Notification-To,"
					       "X-WebmailclientIP,X-Source-IP");
	while (gp_str_next(&rest, ',', &name))
		ask_header(d, r, name);
}

static void ask_received(struct gp_rule_dns *d, const struct gp_rule *r)
{
	const struct gp_relay_list *untrusted = &d->relays->lists[GP_RELAYS_UNTRUSTED];
	const struct gp_relay *relay;

	if (untrusted->items.len == 0)
		return;
	relay = untrusted->items.items[untrusted->items.len - 1];
	for (size_t i = 0; i < 4; i++) {
		struct gp_str host = (struct gp_str[]){relay->ip, relay->by, relay->helo, relay->rdns}[i];

		if (host.len && host.ptr[host.len - 1] == '.')
			host.len--;
		ask_host(d, r, host);
	}
}

void gp_rule_dns_hosts(struct gp_rule_dns *d, const struct gp_rule *r)
{
	struct gp_str sender = gp_rule_dns_sender(d);

	if (r->query->kind == GP_QUERY_FROM) {
		ask_from(d, r);
	} else if (r->query->kind == GP_QUERY_HEADERS) {
		ask_headers(d, r);
	} else if (r->query->kind == GP_QUERY_RECEIVED) {
		ask_received(d, r);
	} else if (r->query->kind == GP_QUERY_ENVFROM) {
		ask_host(d, r, sender);
	} else if (gp_str_find_chr(sender, '.', 0) < sender.len) {
		gp_rule_dns_ask(d, r, GP_STEP_SENDER, sender, GP_DNS_A, sender);
		gp_rule_dns_ask(d, r, GP_STEP_SENDER, sender, GP_DNS_MX, sender);
	}
}
