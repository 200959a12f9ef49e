/*
 * The relays of a message: its Received lines read one by one, and who of them is
 * trusted.
 */
#include "lib/mail/relay_form.h"
#include "lib/mail/relay_line.h"

/* More hops than any server passes on (they stop loops at 50 to 100). */
#define RELAYS_MAX 200

struct path {
	struct gp_arena *arena;
	struct gp_relays *relays;
	const struct gp_netset *trusted;
	struct gp_str scanned_from; /* of a scanner's line, for the next one */
	bool in_trusted;
};

static bool is_trusted(const struct path *p, const struct gp_relay *r)
{
	struct gp_ip ip;

	if (r->auth.len)
		return true;
	if (gp_ip_parse(r->ip, &ip))
		return false;
	return p->trusted && p->trusted->len ? gp_ip_is_loopback(&ip) || gp_netset_has(p->trusted, &ip)
					     : gp_ip_is_private(&ip);
}

static void count_line(struct path *p)
{
	p->relays->trusted_lines += p->in_trusted;
	p->relays->internal_lines += p->in_trusted;
}

static void add_line(struct path *p, struct gp_str text)
{
	struct gp_relay r;
	enum gp_relay_outcome o = gp_relay_read_line(p->arena, text, &r);
	struct gp_str scanned_from = p->scanned_from;

	p->scanned_from = o == GP_RELAY_SCANNER ? r.envelope_from : (struct gp_str){0};
	p->relays->unparseable += o == GP_RELAY_UNPARSEABLE;
	if (o == GP_RELAY_FETCHED && p->in_trusted)
		p->relays->items.len = 0;
	if (o == GP_RELAY_FOUND && p->relays->items.len < RELAYS_MAX) {
		if (scanned_from.ptr)
			r.envelope_from = scanned_from;
		p->in_trusted = p->in_trusted && is_trusted(p, &r);
		r.is_trusted = r.is_internal = p->in_trusted;
		*gp_vec_push(p->arena, &p->relays->items) = r;
	}
	count_line(p);
}

/* Fields in which web mailers name the user's address; each is one more hop, the first one. */
static void add_originating(struct path *p, const struct gp_message *m)
{
	static const char *const names[] = {
		"X-Yahoo-Post-IP", "X-Originating-IP", "X-Apparently-From", "X-SenderIP", "X-AOL-IP",
		"X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		struct gp_str value = {0}, ip;
		size_t n = 0;

		for (size_t k = 0; k < m->headers.len; k++) /* the last one */
			if (gp_str_ieq(m->headers.items[k].name, gp_str(names[i])))
				value = m->headers.items[k].value;
		for (size_t at = 0; at < value.len && !n; at++)
			n = gp_relay_ip(value, at, &ip);
		if (!n || p->relays->items.len >= RELAYS_MAX)
			continue;
		p->in_trusted = p->in_trusted && is_trusted(p, &(struct gp_relay){.ip = ip});
		*gp_vec_push(p->arena, &p->relays->items) =
			(struct gp_relay){.ip = ip,
					  .is_trusted = p->in_trusted,
					  .is_internal = p->in_trusted};
		count_line(p);
	}
}

void gp_relays_parse(struct gp_arena *a, const struct gp_message *m,
		     const struct gp_netset *trusted, struct gp_relays *ret)
{
	struct path p = {.arena = a, .relays = ret, .trusted = trusted, .in_trusted = true};

	*ret = (struct gp_relays){0};
	for (size_t i = 0; i < m->headers.len; i++)
		if (gp_str_ieq(m->headers.items[i].name, GP_STR("Received")))
			add_line(&p, m->headers.items[i].value);
	add_originating(&p, m);
}

bool gp_relay_is_in(const struct gp_relay *r, enum gp_relay_group group)
{
	switch (group) {
	case GP_RELAYS_TRUSTED:
		return r->is_trusted;
	case GP_RELAYS_UNTRUSTED:
		return !r->is_trusted;
	case GP_RELAYS_INTERNAL:
		return r->is_internal;
	case GP_RELAYS_EXTERNAL:
		return !r->is_internal;
	}
	return false;
}

void gp_relays_add_text(const struct gp_relays *rs, enum gp_relay_group group, struct gp_buf *out)
{
	bool is_first = true;

	for (size_t i = 0; i < rs->items.len; i++) {
		const struct gp_relay *r = &rs->items.items[i];

		if (!gp_relay_is_in(r, group))
			continue;
		gp_buf_printf(out,
			      "%s[ ip=%.*s rdns=%.*s helo=%.*s by=%.*s ident=%.*s envfrom=%.*s intl=%d "
			      "id=%.*s auth=%.*s msa=0 ]",
			      is_first ? "" : " ", GP_STR_FMT(r->ip), GP_STR_FMT(r->rdns),
			      GP_STR_FMT(r->helo), GP_STR_FMT(r->by), GP_STR_FMT(r->ident),
			      GP_STR_FMT(r->envelope_from), r->is_internal, GP_STR_FMT(r->id),
			      GP_STR_FMT(r->auth));
		is_first = false;
	}
}
