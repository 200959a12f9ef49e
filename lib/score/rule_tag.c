/*
 * One row a tag.  What the report's templates need beyond these (score, tests …) is known
 * only when everything is over: lib/score/rule_template.h.
 */
#include "lib/score/rule_tag.h"

#include "lib/dns/dnsname.h"
#include "lib/mail/addr.h"
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_field.h"

#define NAME_MAX_LEN 64
#define ARGUMENT_MAX 200

void gp_tag_add(struct gp_tag_values *v, struct gp_str value)
{
	for (size_t i = 0; i < v->len; i++)
		if (gp_str_ieq(v->items[i], value))
			return;
	if (value.len && v->len < GP_TAG_VALUES_MAX)
		v->items[v->len++] = value;
}

static void author_domain(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	const struct gp_header *from = gp_message_header(t->in->message, "From");
	struct gp_addr_list list;

	if (!from)
		return;
	gp_addr_parse(t->arena, from->raw, &list);
	for (size_t i = 0; i < list.len; i++)
		gp_tag_add(ret, list.items[i].domain);
}

static void sender_domain(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	struct gp_str sender = gp_field_envelope_from(t->in->message, t->relays, t->in, t->arena);
	size_t at = gp_str_find_last(sender, '@');

	if (at < sender.len)
		gp_tag_add(ret, gp_arena_lower(t->arena, gp_str_sub(sender, at + 1, SIZE_MAX)));
}

static void dkim_domain(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	const struct gp_auth_result *auth = t->in->auth;

	for (size_t i = 0; auth && i < auth->n_dkim; i++)
		if (auth->dkim[i].status == GP_AUTH_PASS)
			gp_tag_add(ret, auth->dkim[i].domain);
}

static void dkim_selector(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	const struct gp_auth_result *auth = t->in->auth;

	for (size_t i = 0; auth && i < auth->n_dkim; i++)
		if (auth->dkim[i].status == GP_AUTH_PASS)
			gp_tag_add(ret, auth->dkim[i].selector);
}

/* The host that handed the message to our networks; where no Received tells, the client. */
static struct gp_relay last_external(const struct gp_rule_tags *t)
{
	const struct gp_relay_list *external = &t->relays->lists[GP_RELAYS_EXTERNAL];
	struct gp_relay relay = {.ip = t->in->client_ip, .helo = t->in->helo};

	if (external->items.len)
		return *external->items.items[0];
	if (t->relays->lists[GP_RELAYS_INTERNAL].items.len)
		return (struct gp_relay){0};
	if (gp_ip_parse(relay.ip, &relay.address))
		relay.address = (struct gp_ip){0};
	return relay;
}

static struct gp_relay first_trusted(const struct gp_rule_tags *t)
{
	const struct gp_relay_list *trusted = &t->relays->lists[GP_RELAYS_TRUSTED];

	return trusted->items.len ? *trusted->items.items[trusted->items.len - 1]
				  : (struct gp_relay){0};
}

static void add_reversed(const struct gp_rule_tags *t, const struct gp_ip *ip,
			 struct gp_tag_values *ret)
{
	char name[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_reverse(ip, "x", name))
		return;
	name[strlen(name) - 2] = '\0'; /* without ".x" */
	gp_tag_add(ret, gp_arena_str(t->arena, gp_str(name)));
}

static void last_external_ip(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	gp_tag_add(ret, last_external(t).ip);
}

static void last_external_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	struct gp_relay relay = last_external(t);

	add_reversed(t, &relay.address, ret);
}

static void last_external_rdns(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	gp_tag_add(ret, last_external(t).rdns);
}

static void last_external_helo(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	gp_tag_add(ret, last_external(t).helo);
}

static void first_trusted_ip(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	gp_tag_add(ret, first_trusted(t).ip);
}

static void first_trusted_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	struct gp_relay relay = first_trusted(t);

	add_reversed(t, &relay.address, ret);
}

static void relays_reversed(const struct gp_rule_tags *t, enum gp_relay_lists which,
			    struct gp_tag_values *ret)
{
	const struct gp_relay_list *list = &t->relays->lists[which];

	for (size_t i = 0; i < list->items.len; i++)
		if (!list->items.items[i]->is_private)
			add_reversed(t, &list->items.items[i]->address, ret);
}

static void trusted_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	relays_reversed(t, GP_RELAYS_TRUSTED, ret);
}

static void untrusted_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	relays_reversed(t, GP_RELAYS_UNTRUSTED, ret);
}

static void internal_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	relays_reversed(t, GP_RELAYS_INTERNAL, ret);
}

static void external_reversed(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	relays_reversed(t, GP_RELAYS_EXTERNAL, ret);
}

static void uri_hosts(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	const struct gp_uri_host *hosts;
	size_t n = t->dns ? gp_rule_dns_uri_hosts(t->dns, &hosts) : 0;

	for (size_t i = 0; i < n; i++)
		gp_tag_add(ret, hosts[i].host);
}

static void uri_domains(const struct gp_rule_tags *t, struct gp_tag_values *ret)
{
	const struct gp_uri_host *hosts;
	size_t n = t->dns ? gp_rule_dns_uri_hosts(t->dns, &hosts) : 0;

	for (size_t i = 0; i < n; i++)
		gp_tag_add(ret, hosts[i].domain);
}

static const struct {
	const char *name;
	void (*fn)(const struct gp_rule_tags *t, struct gp_tag_values *ret);
} tags[] = {
	{"AUTHORDOMAIN", author_domain},
	{"SENDERDOMAIN", sender_domain},
	{"DKIMDOMAIN", dkim_domain},
	{"DKIMSELECTOR", dkim_selector},
	{"FIRSTTRUSTEDIP", first_trusted_ip},
	{"FIRSTTRUSTEDREVIP", first_trusted_reversed},
	{"LASTEXTERNALIP", last_external_ip},
	{"LASTEXTERNALREVIP", last_external_reversed},
	{"LASTEXTERNALRDNS", last_external_rdns},
	{"LASTEXTERNALHELO", last_external_helo},
	{"RELAYSTRUSTEDREVIP", trusted_reversed},
	{"RELAYSUNTRUSTEDREVIP", untrusted_reversed},
	{"RELAYSINTERNALREVIP", internal_reversed},
	{"RELAYSEXTERNALREVIP", external_reversed},
	{"URIHOSTS", uri_hosts},
	{"URIDOMAINS", uri_domains},
};

bool gp_tag_values(const struct gp_rule_tags *t, struct gp_str tag, struct gp_tag_values *ret)
{
	const struct gp_tag_values *captured = gp_map_get(&t->captured, tag);
	size_t open = gp_str_find_chr(tag, '(', 0);
	struct gp_str name = gp_str_sub(tag, 0, open), header;

	*ret = (struct gp_tag_values){0};
	for (size_t i = 0; i < GP_ARRAY_SIZE(tags); i++) {
		if (!gp_str_eq(name, gp_str(tags[i].name)))
			continue;
		tags[i].fn(t, ret);
		return ret->len > 0;
	}
	if (gp_str_eq(name, GP_STR("HEADER")) && open + 1 < tag.len) {
		header = gp_field_read(gp_str_sub(tag, open + 1, tag.len - open - 2), t->set, t->in,
				       t->relays, t->arena);
		gp_tag_add(ret, header);
	} else if (captured) {
		*ret = *captured;
	} else if (t->dns && t->dns->asn) {
		return gp_asn_values(t->dns->asn, tag, ret);
	}
	return ret->len > 0;
}

size_t gp_tag_name_length(struct gp_str s)
{
	size_t n = 0, end;

	while (n < s.len && n < NAME_MAX_LEN &&
	       ((s.ptr[n] >= 'A' && s.ptr[n] <= 'Z') || (n && gp_is_digit(s.ptr[n])) ||
		/* an underscore within the name, not the one that ends it */
		(n && s.ptr[n] == '_' && s.ptr[n - 1] != '_' && n + 1 < s.len &&
		 ((s.ptr[n + 1] >= 'A' && s.ptr[n + 1] <= 'Z') || gp_is_digit(s.ptr[n + 1])))))
		n++;
	if (n && n < s.len && s.ptr[n] == '(') {
		end = gp_str_find_chr(s, ')', n);
		return end < s.len && end - n < ARGUMENT_MAX ? end + 1 : 0;
	}
	return n;
}

bool gp_tag_find(struct gp_str s, size_t from, size_t *ret_at, size_t *ret_len)
{
	for (size_t at = from; (at = gp_str_find_chr(s, '_', at)) < s.len; at++) {
		size_t n = gp_tag_name_length(gp_str_sub(s, at + 1, SIZE_MAX));

		if (n == 0 || at + 1 + n >= s.len || s.ptr[at + 1 + n] != '_')
			continue;
		*ret_at = at;
		*ret_len = n + 2;
		return true;
	}
	return false;
}

struct gp_str gp_tag_upper(struct gp_arena *a, struct gp_str tag)
{
	char *text = gp_arena_cstr(a, tag);

	for (size_t i = 0; i < tag.len && text[i] != '('; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] = (char)(text[i] - 'a' + 'A');
	return gp_str_n(text, tag.len);
}

bool gp_tag_is_built_in(struct gp_str tag)
{
	tag = gp_str_sub(tag, 0, gp_str_find_chr(tag, '(', 0));
	for (size_t i = 0; i < GP_ARRAY_SIZE(tags); i++)
		if (gp_str_eq(tag, gp_str(tags[i].name)))
			return true;
	return gp_str_eq(tag, GP_STR("HEADER"));
}
