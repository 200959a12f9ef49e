/*
 * The domains of From (RFC 5322, 3.4 and 4.4; RFC 6532).
 *
 * lib/mail/addr.h reads an address list as mail programs do, which have to choose
 * where it is ambiguous.  Here nobody may choose: to its domains are added those of
 * everything that stands between angles, and of every "@" outside quotes and comments
 * in an entry without angles.  The display name is no author, whatever it holds
 * (RFC 9989, 11.4).  In mail of well-meaning people both readings give the same.
 */
#include "lib/auth/author.h"

#include "lib/dns/dnsname.h"
#include "lib/mail/addr.h"
#include "lib/mail/header.h"

struct found {
	struct gp_str domain; /* as written, without white space and comments */
	bool in_angle;
};

struct scan {
	struct gp_arena *arena;
	struct gp_str s;
	size_t i;
	bool in_angle, is_route; /* is_route: the angle began with "@" */
	bool has_angle;		 /* of this entry */
	size_t entry, angle;	 /* where their finds begin in the list */
	bool is_open[3];	 /* a quote, comment, bracket without end was met: linear time */
	char *out;		 /* domains, one behind the other; as long as s */
	GP_VEC(struct found) list;
};

enum pair { QUOTE, COMMENT, BRACKET };

static char at(const struct scan *c)
{
	return c->i < c->s.len ? c->s.ptr[c->i] : '\0';
}

/* Moves behind the pair that begins at i; by one character where its end is missing. */
static void skip_pair(struct scan *c, enum pair pair)
{
	char open = "\"(["[pair], close = "\")]"[pair];
	unsigned depth = 1;

	for (size_t k = c->i + 1; k < c->s.len && !c->is_open[pair]; k++) {
		char ch = c->s.ptr[k];

		if (ch == '\\') {
			k++;
		} else if (ch == close && --depth == 0) {
			c->i = k + 1;
			return;
		} else if (ch == open && open != close) {
			depth++;
		}
	}
	c->is_open[pair] = true;
	c->i++;
}

static void skip_cfws(struct scan *c)
{
	while (gp_is_space(at(c)) || at(c) == '(') {
		if (at(c) == '(')
			skip_pair(c, COMMENT);
		else
			c->i++;
	}
}

static bool is_domain_char(char ch)
{
	return (unsigned char)ch > ' ' && ch != 0x7f && !strchr("()<>@,;:\"[]\\", ch);
}

/* The domain behind the "@" at i; empty if there is none. */
static struct gp_str take_domain(struct scan *c)
{
	char *out = c->out;
	size_t n = 0;

	c->i++;
	skip_cfws(c);
	if (at(c) == '[') {
		size_t from = c->i;

		skip_pair(c, BRACKET);
		return gp_str_sub(c->s, from, c->i - from);
	}
	while (is_domain_char(at(c)) && (n == 0 || out[n - 1] == '.' || at(c) == '.')) {
		while (is_domain_char(at(c)))
			out[n++] = c->s.ptr[c->i++];
		skip_cfws(c);
	}
	c->out += n;
	return gp_str_n(out, n);
}

/* An address with angles consists of what is between them. */
static void end_entry(struct scan *c)
{
	size_t n = c->entry;

	for (size_t i = c->entry; i < c->list.len; i++)
		if (!c->has_angle || c->list.items[i].in_angle)
			c->list.items[n++] = c->list.items[i];
	c->list.len = n;
	c->entry = n;
	c->has_angle = false;
}

static void step(struct scan *c)
{
	char ch = at(c);
	struct gp_str domain;

	switch (ch) {
	case '"':
		skip_pair(c, QUOTE);
		return;
	case '(':
		skip_pair(c, COMMENT);
		return;
	case '\\':
		c->i++;
		break;
	case '@':
		domain = take_domain(c);
		if (domain.len)
			*gp_vec_push(c->arena, &c->list) =
				(struct found){.domain = domain, .in_angle = c->in_angle};
		return;
	case '<':
		c->in_angle = c->has_angle = true;
		c->angle = c->list.len;
		c->i++;
		skip_cfws(c);
		c->is_route = at(c) == '@';
		return;
	case '>':
		c->in_angle = false;
		break;
	case ':':
		if (c->in_angle && c->is_route)
			c->list.len = c->angle;
		break;
	case ',':
	case ';':
		if (!c->in_angle)
			end_entry(c);
		break;
	default:
		break;
	}
	c->i++;
}

static void add(struct gp_arena *arena, struct gp_authors *a, struct gp_str domain)
{
	char name[GP_DNS_NAME_MAX + 1];
	struct gp_ip ip;

	if (gp_dns_name_fold(domain, name) < 0 || gp_ip_parse(gp_str(name), &ip) == GP_OK) {
		a->problem =
			gp_str(gp_arena_printf(arena, "%.*s in From is no domain name",
					       GP_STR_FMT(gp_str_sub(domain, 0, GP_DNS_NAME_MAX))));
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		if (gp_str_eq(a->domains[i], gp_str(name)))
			return;
	if (a->n == GP_MAX_DMARC_AUTHORS) {
		a->problem = GP_STR("From holds addresses of too many domains");
		return;
	}
	a->domains[a->n++] = gp_str(gp_arena_strdup(arena, name));
}

static void read_field(struct gp_arena *arena, struct gp_str value, struct gp_authors *ret)
{
	struct scan c = {.arena = arena, .s = gp_header_unfold(arena, value)};
	struct gp_addr_list addrs;

	c.out = gp_arena_alloc(arena, c.s.len);
	gp_addr_parse(arena, value, &addrs);
	for (size_t i = 0; i < addrs.len; i++)
		if (addrs.items[i].domain.len)
			add(arena, ret, addrs.items[i].domain);
	while (c.i < c.s.len)
		step(&c);
	end_entry(&c);
	for (size_t i = 0; i < c.list.len; i++)
		add(arena, ret, c.list.items[i].domain);
}

void gp_authors_read(struct gp_arena *arena, const struct gp_fields *fields, struct gp_authors *ret)
{
	*ret = (struct gp_authors){0};
	for (size_t i = 0; i < fields->list.len; i++) {
		if (!gp_str_ieq(fields->list.items[i].name, GP_STR("From")))
			continue;
		ret->n_fields++;
		read_field(arena, fields->list.items[i].value, ret);
	}
	if (fields->is_cut)
		ret->problem = GP_STR("the header is too large to be judged");
	else if (!ret->n_fields)
		ret->problem = GP_STR("there is no From");
	else if (!ret->n && !ret->problem.len)
		ret->problem = GP_STR("From holds no address");
}
