/*
 * askdns: names with tags in them ("_AUTHORDOMAIN_.list.example").  A tag of several
 * values asks for each; one without a value asks for nothing.
 */
#include "lib/mail/addr.h"
#include "lib/score/rule_dns_int.h"

/* Values of one tag, and names made of one rule's tags. */
#define VALUES_MAX 20
#define TAG_NAME_MAX 40

struct values {
	struct gp_str items[VALUES_MAX];
	size_t len;
};

static void add(struct values *v, struct gp_str value)
{
	for (size_t i = 0; i < v->len; i++)
		if (gp_str_ieq(v->items[i], value))
			return;
	if (value.len && v->len < VALUES_MAX)
		v->items[v->len++] = value;
}

static void author_domain(struct gp_rule_dns *d, struct values *ret)
{
	const struct gp_header *from = gp_message_header(d->in->message, "From");
	struct gp_addr_list list;

	if (!from)
		return;
	gp_addr_parse(d->arena, from->raw, &list);
	for (size_t i = 0; i < list.len; i++)
		add(ret, list.items[i].domain);
}

static void sender_domain(struct gp_rule_dns *d, struct values *ret)
{
	add(ret, gp_rule_dns_sender(d));
}

static void dkim_domain(struct gp_rule_dns *d, struct values *ret)
{
	const struct gp_auth_result *auth = d->in->auth;

	for (size_t i = 0; auth && i < auth->n_dkim; i++)
		if (auth->dkim[i].status == GP_AUTH_PASS)
			add(ret, auth->dkim[i].domain);
}

/* The host that handed the message to our networks; where no Received tells, the client. */
static struct gp_relay last_external(struct gp_rule_dns *d)
{
	const struct gp_relay_list *external = &d->relays->lists[GP_RELAYS_EXTERNAL];
	struct gp_relay relay = {.ip = d->in->client_ip, .helo = d->in->helo};

	if (external->items.len)
		return *external->items.items[0];
	if (d->relays->lists[GP_RELAYS_INTERNAL].items.len)
		return (struct gp_relay){0};
	if (gp_ip_parse(relay.ip, &relay.address))
		relay.address = (struct gp_ip){0};
	return relay;
}

static void last_external_ip(struct gp_rule_dns *d, struct values *ret)
{
	add(ret, last_external(d).ip);
}

static void last_external_reversed(struct gp_rule_dns *d, struct values *ret)
{
	struct gp_relay relay = last_external(d);
	char name[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_reverse(&relay.address, "x", name))
		return;
	name[strlen(name) - 2] = '\0'; /* without ".x" */
	add(ret, gp_arena_str(d->arena, gp_str(name)));
}

static void last_external_rdns(struct gp_rule_dns *d, struct values *ret)
{
	add(ret, last_external(d).rdns);
}

static void last_external_helo(struct gp_rule_dns *d, struct values *ret)
{
	add(ret, last_external(d).helo);
}

static void uri_hosts(struct gp_rule_dns *d, struct values *ret)
{
	const struct gp_uri_host *hosts;
	size_t n = gp_rule_dns_uri_hosts(d, &hosts);

	for (size_t i = 0; i < n; i++)
		add(ret, hosts[i].host);
}

static void uri_domains(struct gp_rule_dns *d, struct values *ret)
{
	const struct gp_uri_host *hosts;
	size_t n = gp_rule_dns_uri_hosts(d, &hosts);

	for (size_t i = 0; i < n; i++)
		add(ret, hosts[i].domain);
}

static bool tag_values(struct gp_rule_dns *d, struct gp_str tag, struct values *ret)
{
	static const struct {
		const char *name;
		void (*fn)(struct gp_rule_dns *d, struct values *ret);
	} tags[] = {
		{"AUTHORDOMAIN", author_domain},
		{"SENDERDOMAIN", sender_domain},
		{"DKIMDOMAIN", dkim_domain},
		{"LASTEXTERNALIP", last_external_ip},
		{"LASTEXTERNALREVIP", last_external_reversed},
		{"LASTEXTERNALRDNS", last_external_rdns},
		{"LASTEXTERNALHELO", last_external_helo},
		{"URIHOSTS", uri_hosts},
		{"URIDOMAINS", uri_domains},
	};

	ret->len = 0;
	for (size_t i = 0; i < GP_ARRAY_SIZE(tags); i++)
		if (gp_str_eq(tag, gp_str(tags[i].name)))
			tags[i].fn(d, ret);
	return ret->len > 0;
}

/* The first "_TAG_" of the name: where it begins, and its length with the underscores. */
static bool find_tag(struct gp_str name, size_t *ret_at, size_t *ret_len)
{
	for (size_t at = 0; (at = gp_str_find_chr(name, '_', at)) < name.len; at++) {
		size_t end = at + 1;

		while (end < name.len && end - at < TAG_NAME_MAX && name.ptr[end] >= 'A' &&
		       name.ptr[end] <= 'Z')
			end++;
		if (end > at + 1 && end < name.len && name.ptr[end] == '_') {
			*ret_at = at;
			*ret_len = end + 1 - at;
			return true;
		}
	}
	return false;
}

/* Replaces tag by tag; `left`: names that may still be made. */
static void expand(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str name,
		   unsigned *left)
{
	struct values values;
	size_t at, len;

	if (!find_tag(name, &at, &len)) {
		if (*left && gp_str_find_chr(name, '.', 0) < name.len) {
			--*left;
			gp_rule_dns_ask(d, r, GP_STEP_TEST, name, r->query->type, name);
		}
		return;
	}
	if (!tag_values(d, gp_str_sub(name, at + 1, len - 2), &values))
		return;
	for (size_t i = 0; i < values.len && *left; i++) {
		struct gp_str head = gp_str_sub(name, 0, at);
		struct gp_str tail = gp_str_sub(name, at + len, SIZE_MAX);

		if (head.len + values.items[i].len + tail.len > GP_DNS_NAME_MAX ||
		    gp_str_find_chr(values.items[i], '_', 0) < values.items[i].len)
			continue; /* no name, or one that would be taken for a tag */
		expand(d, r,
		       gp_str(gp_arena_printf(d->arena, "%.*s%.*s%.*s", GP_STR_FMT(head),
					      GP_STR_FMT(values.items[i]), GP_STR_FMT(tail))),
		       left);
	}
}

void gp_rule_dns_tags(struct gp_rule_dns *d, const struct gp_rule *const *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned left = VALUES_MAX;

		expand(d, rules[i], rules[i]->query->name, &left);
	}
}
