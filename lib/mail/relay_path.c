/*
 * Which hops are believed.  From the newest line down: a hop belongs to the
 * trusted part while the client that it names is trusted (its line was then
 * written by one of ours).  Below a mail submission host of ours all are.
 */
#include <arpa/inet.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/mail/relay.h"
#include "lib/mail/relay_form.h"

/* "192.0.2." as 192.0.2.0/24. */
static int parse_short(struct gp_str text, struct gp_cidr *ret)
{
	struct gp_ip ip = {.family = 4};
	struct gp_str piece;
	unsigned n = 0;
	uint64_t value;

	while (gp_str_next(&text, '.', &piece)) {
		if (n == 4 || gp_num_parse_uint(piece, 10, &value) || value > 255)
			return GP_EINVAL;
		ip.bytes[n++] = (uint8_t)value;
	}
	if (n == 0)
		return GP_EINVAL;
	*ret = (struct gp_cidr){ip, (uint8_t)(n * 8)};
	return GP_OK;
}

/* "24" or "255.255.255.0" behind an IPv4 address; "120" behind ::ffff:192.0.2.0, which is one too. */
static int parse_bits(struct gp_str text, const struct gp_ip *ip, bool is_mapped, uint64_t *ret)
{
	unsigned max = ip->family == 4 ? 32 : 128;
	struct gp_ip mask;
	uint32_t bits;

	if (ip->family == 4 && gp_ip_parse(text, &mask) == GP_OK && mask.family == 4) {
		bits = (uint32_t)mask.bytes[0] << 24 | (uint32_t)mask.bytes[1] << 16 |
		       (uint32_t)mask.bytes[2] << 8 | mask.bytes[3];
		*ret = (unsigned)__builtin_popcount(bits);
		return ~bits & (~bits + 1) ? GP_EINVAL : GP_OK; /* ones, then zeros */
	}
	if (gp_num_parse_uint(text, 10, ret))
		return GP_EINVAL;
	if (is_mapped && *ret >= 96)
		*ret -= 96;
	return *ret <= max ? GP_OK : GP_EINVAL;
}

int gp_relay_nets_add(struct gp_arena *a, struct gp_relay_nets *nets, struct gp_str text)
{
	struct gp_relay_net net = {0};
	struct gp_str bits;
	struct gp_ip ip;
	size_t slash;
	uint64_t n;

	if (gp_str_starts(text, GP_STR("!"))) {
		net.is_excluded = true;
		text = gp_str_sub(text, 1, text.len);
	}
	slash = gp_str_find_chr(text, '/', 0);
	bits = gp_str_sub(text, slash + 1, text.len);
	text = gp_str_sub(text, 0, slash);
	if (gp_ip_parse(text, &ip) == GP_OK) { /* host bits may be set */
		n = ip.family == 4 ? 32 : 128;
		if (bits.len && parse_bits(bits, &ip, gp_str_find_chr(text, ':', 0) < text.len, &n))
			return GP_EINVAL;
		net.net = gp_cidr_around(&ip, (unsigned)n);
	} else {
		if (parse_short(text, &net.net) || (bits.len && (gp_num_parse_uint(bits, 10, &n) || n > 32)))
			return GP_EINVAL;
		if (bits.len)
			net.net.bits = (uint8_t)n;
	}
	*gp_vec_push(a, &nets->items) = net;
	return GP_OK;
}

bool gp_relay_nets_has(const struct gp_relay_nets *nets, const struct gp_ip *ip)
{
	if (ip->family == 0)
		return false;
	for (size_t i = 0; i < nets->items.len; i++)
		if (gp_cidr_contains(&nets->items.items[i].net, ip))
			return !nets->items.items[i].is_excluded;
	return false;
}

/* The ranges that SpamAssassin calls private: those of gp_ip_is_private but for fc00::/7. */
static bool is_private(const struct gp_ip *ip)
{
	return gp_ip_is_private(ip) && !(ip->family == 6 && (ip->bytes[0] & 0xfe) == 0xfc);
}

struct walk {
	struct gp_arena *arena;
	const struct gp_relay_trust *trust;
	struct gp_relay_path *path;
	struct gp_str envfrom; /* of a scanner's line above */
	bool in_trusted, in_internal, found_msa, may_restart;
};

static bool is_ours(const struct gp_relay_nets *nets, const struct gp_relay *r)
{
	return r->auth.len || gp_ip_is_loopback(&r->address) || gp_relay_nets_has(nets, &r->address);
}

static void judge(struct walk *w, struct gp_relay *r)
{
	const struct gp_relay_trust *t = w->trust;
	const struct gp_relay_nets *trusted = t->has_trusted ? &t->trusted : &t->internal;
	const struct gp_relay_nets *internal = t->has_internal ? &t->internal : trusted;

	if (!w->in_trusted || w->found_msa)
		return;
	if (!t->has_trusted && !t->has_internal) {
		w->in_trusted = r->is_private || r->auth.len;
		w->in_internal = w->in_internal && w->in_trusted;
		return;
	}
	if (!is_ours(trusted, r)) {
		w->in_trusted = w->in_internal = false;
		return;
	}
	if (!is_ours(internal, r))
		w->in_internal = false;
	if (gp_relay_nets_has(&t->msa, &r->address))
		w->found_msa = r->is_msa = true;
}

static void add(struct walk *w, enum gp_relay_lists list, struct gp_relay *r)
{
	*gp_vec_push(w->arena, &w->path->lists[list].items) = r;
}

static void step(struct walk *w, struct gp_str value, size_t header)
{
	struct gp_relay *r = GP_ARENA_NEW(w->arena, struct gp_relay);
	enum gp_relay_reading reading = gp_relay_read(w->arena, value, r);
	struct gp_str envfrom = w->envfrom;

	w->envfrom = (struct gp_str){0};
	if (reading == GP_RELAY_UNREADABLE)
		w->path->unreadable++;
	if (reading == GP_RELAY_SKIPPED)
		w->envfrom = r->envfrom;
	if (reading == GP_RELAY_FETCHED && w->may_restart) {
		w->path->lists[GP_RELAYS_TRUSTED].items.len = 0;
		w->path->lists[GP_RELAYS_INTERNAL].items.len = 0;
		w->path->lists[GP_RELAYS_EXTERNAL].items.len = 0;
	}
	if (reading != GP_RELAY_READ) {
		w->path->last_trusted += w->in_trusted;
		w->path->last_internal += w->in_internal;
		return;
	}
	r->header = header;
	r->is_private = is_private(&r->address);
	if (envfrom.len)
		r->envfrom = envfrom;
	judge(w, r);
	r->is_internal = w->in_internal;
	gp_relay_format(w->arena, r);
	w->may_restart = w->in_trusted;
	w->path->last_trusted += w->in_trusted;
	w->path->last_internal += w->in_internal;
	add(w, w->in_trusted ? GP_RELAYS_TRUSTED : GP_RELAYS_UNTRUSTED, r);
	add(w, w->in_internal ? GP_RELAYS_INTERNAL : GP_RELAYS_EXTERNAL, r);
}

/* The first address in such a header. */
static void step_origin(struct walk *w, const struct gp_message *m, struct gp_str name, size_t header)
{
	const struct gp_header *last = NULL;

	for (size_t i = 0; i < m->headers.len; i++)
		if (gp_str_ieq(m->headers.items[i].name, name))
			last = &m->headers.items[i];
	for (size_t i = 0; last && i < last->value.len; i++) {
		size_t n = gp_relay_ip_len(last->value, i);

		if (!n)
			continue;
		step(w, gp_str(gp_arena_printf(w->arena, "from X-Originating-IP: %.*s",
					       GP_STR_FMT(gp_str_sub(last->value, i, n)))),
		     header);
		break;
	}
}

static struct gp_str join(struct gp_arena *a, const struct gp_relay_list *list)
{
	size_t len = 0;
	char *out, *p;

	for (size_t i = 0; i < list->items.len; i++)
		len += list->items.items[i]->text.len + 1;
	p = out = gp_arena_alloc(a, len + 1);
	for (size_t i = 0; i < list->items.len; i++) {
		struct gp_str text = list->items.items[i]->text;

		if (i)
			*p++ = ' ';
		memcpy(p, text.ptr, text.len);
		p += text.len;
	}
	return gp_str_n(out, (size_t)(p - out));
}

void gp_relay_path_make(struct gp_arena *a, const struct gp_message *m,
			const struct gp_relay_trust *trust, struct gp_relay_path *ret)
{
	struct walk w = {.arena = a, .trust = trust, .path = ret,
			 .in_trusted = true, .in_internal = true, .may_restart = true};
	size_t n = 0;

	*ret = (struct gp_relay_path){.last_trusted = -1, .last_internal = -1};
	for (size_t i = 0; i < m->headers.len && n < GP_MAX_RELAYS; i++)
		if (gp_str_ieq(m->headers.items[i].name, GP_STR("Received")))
			step(&w, m->headers.items[i].value, n++);
	for (size_t i = 0; i < trust->n_origin_headers; i++)
		step_origin(&w, m, trust->origin_headers[i], n++);
	for (size_t i = 0; i < GP_RELAYS_LISTS; i++)
		ret->text[i] = join(a, &ret->lists[i]);
}
