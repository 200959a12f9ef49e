/*
 * Keys; see the header.
 *
 * A recipient's extension (user+tag) is left as it is: which character delimits it is a
 * matter of each domain, and who hides behind extensions uses up the limit by account.
 */
#include "policyd-ratelimit/limit_key.h"

#include <assert.h>

#include "lib/base/num.h"
#include "lib/dns/dnsname.h"

const struct gp_conf_enum limit_attribute_names[] = {
	{"sasl_username", LIMIT_SASL_USERNAME},
	{"sender", LIMIT_SENDER},
	{"sender_domain", LIMIT_SENDER_DOMAIN},
	{"client_address", LIMIT_CLIENT_ADDRESS},
	{"helo_name", LIMIT_HELO_NAME},
	{"recipient", LIMIT_RECIPIENT},
	{"recipient_domain", LIMIT_RECIPIENT_DOMAIN},
	{"ldap_group", LIMIT_LDAP_GROUP},
	{NULL, 0},
};

/* What is written in "by". */

/* "/24" or "/24/64" behind client_address. */
static int parse_bits(struct gp_str text, struct limit_by *by, struct gp_diag *diag)
{
	struct gp_str bits4, bits6;
	int64_t n4, n6 = by->bits6;

	(void)gp_str_next(&text, '/', &bits4);
	if (gp_num_parse_int(bits4, &n4) < 0 || n4 < 1 || n4 > 32 ||
	    (gp_str_next(&text, '/', &bits6) &&
	     (gp_num_parse_int(bits6, &n6) < 0 || n6 < 1 || n6 > 128)) ||
	    text.len > 0) {
		gp_diag_set(
			diag,
			"prefix lengths are written \"client_address/24/64\", for IPv4 and IPv6");
		return GP_EINVAL;
	}
	by->bits4 = (uint8_t)n4;
	by->bits6 = (uint8_t)n6;
	return GP_OK;
}

static int unknown(struct gp_str word, struct gp_diag *diag)
{
	const char *near = NULL;
	unsigned nearest = 4;

	for (const struct gp_conf_enum *e = limit_attribute_names; e->name; e++) {
		unsigned distance =
			word.len <= 64 ? gp_str_distance(word, gp_str(e->name)) : nearest;

		if (distance < nearest) {
			nearest = distance;
			near = e->name;
		}
	}
	if (near)
		gp_diag_set(diag, "by: unknown \"%.*s\"; did you mean \"%s\"?", GP_STR_FMT(word),
			    near);
	else
		gp_diag_set(diag,
			    "by: unknown \"%.*s\" (sasl_username, sender, sender_domain, "
			    "client_address, helo_name, recipient, recipient_domain, ldap_group)",
			    GP_STR_FMT(word));
	return GP_EINVAL;
}

static int add_part(struct limit_by *by, struct gp_str word, struct gp_diag *diag)
{
	size_t slash = gp_str_find_chr(word, '/', 0);
	struct gp_str name = gp_str_sub(word, 0, slash);
	const struct gp_conf_enum *e = limit_attribute_names;

	while (e->name && !gp_str_eq(gp_str(e->name), name))
		e++;
	if (!e->name)
		return unknown(word, diag);
	if (limit_by_has(by, (enum limit_attribute)e->value)) {
		gp_diag_set(diag, "by: %s twice", e->name);
		return GP_EINVAL;
	}
	if (by->len == LIMIT_BY_MAX) {
		gp_diag_set(diag, "by: more than %d attributes", LIMIT_BY_MAX);
		return GP_EINVAL;
	}
	by->parts[by->len++] = (enum limit_attribute)e->value;
	if (slash == word.len)
		return GP_OK;
	if (e->value != LIMIT_CLIENT_ADDRESS) {
		gp_diag_set(diag, "by: only client_address has prefix lengths, not %s", e->name);
		return GP_EINVAL;
	}
	return parse_bits(gp_str_sub(word, slash + 1, word.len), by, diag);
}

int limit_by_parse(const struct gp_conf_list *words, struct limit_by *ret, struct gp_diag *diag)
{
	struct limit_by by = {.bits4 = LIMIT_BITS4, .bits6 = LIMIT_BITS6};

	for (size_t i = 0; i < words->len; i++) {
		int r = add_part(&by, gp_str(words->items[i]), diag);

		if (r < 0)
			return r;
	}
	*ret = by;
	return GP_OK;
}

bool limit_by_has(const struct limit_by *by, enum limit_attribute attribute)
{
	for (size_t i = 0; i < by->len; i++)
		if (by->parts[i] == attribute)
			return true;
	return false;
}

/* Made comparable. */

static struct gp_str fold_domain(struct gp_arena *arena, struct gp_str domain)
{
	char name[GP_DNS_NAME_MAX + 1];

	if (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (!gp_str_is_ascii(domain) && gp_dns_name_fold(domain, name) == GP_OK)
		return gp_arena_str(arena, gp_str(name));
	return gp_arena_lower(arena, domain);
}

static struct gp_str domain_of(struct gp_str address)
{
	size_t at = gp_str_find_last(address, '@');

	return gp_str_sub(address, at + 1, address.len);
}

bool limit_key_is_foreign(struct gp_str text, bool is_domain, char ret_form[GP_DNS_NAME_MAX + 1])
{
	bool has_at = gp_str_find_chr(text, '@', 0) < text.len;
	struct gp_str domain = has_at || !is_domain ? domain_of(text) : text;

	if (gp_str_is_ascii(domain))
		return false;
	if (gp_dns_name_fold(domain, ret_form) < 0)
		ret_form[0] = '\0';
	return true;
}

static struct gp_str fold_address(struct gp_arena *arena, struct gp_str address)
{
	struct gp_str domain = domain_of(address), folded;
	size_t local;
	char *text;

	if (gp_str_is_ascii(domain) || domain.len == 0)
		return gp_arena_lower(arena, address);
	folded = fold_domain(arena, domain);
	local = address.len - domain.len;
	text = gp_arena_alloc(arena, local + folded.len);
	for (size_t i = 0; i < local; i++)
		text[i] = gp_lower(address.ptr[i]);
	memcpy(text + local, folded.ptr, folded.len);
	return gp_str_n(text, local + folded.len);
}

static struct gp_str fold(struct gp_arena *arena, enum limit_attribute attribute,
			  struct gp_str value)
{
	switch (attribute) {
	case LIMIT_SENDER:
	case LIMIT_RECIPIENT:
	case LIMIT_SASL_USERNAME:
		return fold_address(arena, value);
	case LIMIT_SENDER_DOMAIN:
	case LIMIT_RECIPIENT_DOMAIN:
		return fold_domain(arena, domain_of(value));
	case LIMIT_HELO_NAME:
		return fold_domain(arena, value);
	case LIMIT_CLIENT_ADDRESS:
	case LIMIT_LDAP_GROUP:
	case LIMIT_ATTRIBUTES:
		break;
	}
	return gp_arena_lower(arena, value);
}

static struct gp_str raw(const struct limit_subject *s, enum limit_attribute attribute)
{
	switch (attribute) {
	case LIMIT_SASL_USERNAME:
		return s->account;
	case LIMIT_SENDER:
	case LIMIT_SENDER_DOMAIN:
		return s->sender;
	case LIMIT_RECIPIENT:
	case LIMIT_RECIPIENT_DOMAIN:
		return s->recipient;
	case LIMIT_HELO_NAME:
		return s->helo;
	case LIMIT_CLIENT_ADDRESS:
	case LIMIT_LDAP_GROUP:
	case LIMIT_ATTRIBUTES:
		break;
	}
	return (struct gp_str){0};
}

struct gp_str limit_subject_get(struct limit_subject *s, enum limit_attribute attribute)
{
	struct gp_str value;

	assert(attribute != LIMIT_CLIENT_ADDRESS && attribute != LIMIT_LDAP_GROUP);
	if (s->known & 1u << attribute)
		return s->texts[attribute];
	s->known |= 1u << attribute;
	value = raw(s, attribute);
	if (value.len > 0)
		s->texts[attribute] = fold(s->arena, attribute, value);
	return s->texts[attribute];
}

/* The text of keys. */

static void add_escaped(struct gp_buf *out, struct gp_str part)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.ptr[i];

		if (c >= ' ' && c != 0x7f && c != '|' && c != '%') {
			gp_buf_add_chr(out, (char)c);
			continue;
		}
		gp_buf_add_chr(out, '%');
		gp_buf_add_chr(out, digits[c >> 4]);
		gp_buf_add_chr(out, digits[c & 15]);
	}
}

static bool is_plain(struct gp_str part)
{
	for (size_t i = 0; i < part.len; i++) {
		unsigned char c = (unsigned char)part.ptr[i];

		if (c < ' ' || c == 0x7f || c == '|' || c == '%')
			return false;
	}
	return true;
}

static struct gp_str client_text(const struct limit_by *by, const struct gp_ip *ip,
				 struct gp_arena *arena)
{
	unsigned bits = ip->family == 4 ? by->bits4 : by->bits6, all = ip->family == 4 ? 32 : 128;
	struct gp_cidr net = gp_cidr_around(ip, bits);
	char text[GP_IP_TEXT];

	return gp_arena_str(
		arena, gp_str(bits == all ? gp_ip_format(ip, text) : gp_cidr_format(&net, text)));
}

/* The value of one part; empty: it says nothing. */
static struct gp_str part_of(const struct limit_by *by, struct limit_subject *s, size_t part,
			     size_t i)
{
	switch (by->parts[part]) {
	case LIMIT_CLIENT_ADDRESS:
		return s->client.family ? client_text(by, &s->client, s->arena)
					: (struct gp_str){0};
	case LIMIT_LDAP_GROUP:
		return i < s->n_groups ? gp_arena_lower(s->arena, s->groups[i])
				       : (struct gp_str){0};
	case LIMIT_SASL_USERNAME:
	case LIMIT_SENDER:
	case LIMIT_SENDER_DOMAIN:
	case LIMIT_HELO_NAME:
	case LIMIT_RECIPIENT:
	case LIMIT_RECIPIENT_DOMAIN:
	case LIMIT_ATTRIBUTES:
		break;
	}
	return limit_subject_get(s, by->parts[part]);
}

bool limit_key_is_possible(const struct limit_by *by, struct limit_subject *s, unsigned unknown)
{
	for (size_t k = 0; k < by->len; k++) {
		enum limit_attribute part = by->parts[k];

		if (unknown & 1u << part)
			continue;
		if (part == LIMIT_LDAP_GROUP	   ? s->n_groups == 0
		    : part == LIMIT_CLIENT_ADDRESS ? s->client.family == 0
						   : limit_subject_get(s, part).len == 0)
			return false;
	}
	return true;
}

size_t limit_key_count(const struct limit_by *by, struct limit_subject *s)
{
	if (!limit_key_is_possible(by, s, 0))
		return 0;
	return limit_by_has(by, LIMIT_LDAP_GROUP) ? s->n_groups : 1;
}

struct gp_str limit_key_get(const struct limit_by *by, struct limit_subject *s, size_t i)
{
	GP_BUF_AUTO out = GP_BUF_INIT((size_t)1 << 20);
	struct gp_str part;

	if (by->len == 0)
		return GP_STR("*");
	if (by->len == 1) {
		part = part_of(by, s, 0, i);
		if (is_plain(part))
			return part;
	}
	for (size_t k = 0; k < by->len; k++) {
		if (k > 0)
			gp_buf_add_chr(&out, '|');
		add_escaped(&out, part_of(by, s, k, i));
	}
	return gp_arena_str(s->arena, gp_buf_str(&out));
}

struct gp_str limit_key_of(const struct limit_by *by, struct gp_str value, struct gp_arena *arena)
{
	struct limit_subject s = {.arena = arena,
				  .account = value,
				  .sender = value,
				  .helo = value,
				  .recipient = value,
				  .groups = &value,
				  .n_groups = 1};
	struct gp_cidr net;

	if (by->len != 1)
		return gp_arena_str(arena, value); /* as it is listed */
	/* A domain may be typed as such. */
	if ((by->parts[0] == LIMIT_SENDER_DOMAIN || by->parts[0] == LIMIT_RECIPIENT_DOMAIN) &&
	    gp_str_find_chr(value, '@', 0) == value.len)
		s.sender = s.recipient = gp_str(gp_arena_printf(arena, "@%.*s", GP_STR_FMT(value)));
	if (by->parts[0] == LIMIT_CLIENT_ADDRESS) {
		if (gp_cidr_parse(value, &net) < 0)
			return (struct gp_str){0};
		s.client = net.ip;
	}
	return limit_key_get(by, &s, 0);
}

struct gp_str limit_state_key(struct gp_arena *arena, struct gp_str limit, struct gp_str window,
			      struct gp_str key)
{
	size_t len = limit.len + 1 + window.len + 1 + key.len;
	char *text = gp_arena_alloc(arena, len), *p = text;

	memcpy(p, limit.ptr, limit.len);
	p += limit.len;
	*p++ = '\t';
	memcpy(p, window.ptr, window.len);
	p += window.len;
	*p++ = '\t';
	memcpy(p, key.ptr, key.len);
	return gp_str_n(text, len);
}

bool limit_state_key_parse(struct gp_str state_key, struct gp_str *ret_limit,
			   struct gp_str *ret_window, struct gp_str *ret_key)
{
	size_t first = gp_str_find_chr(state_key, '\t', 0);
	size_t second = gp_str_find_chr(state_key, '\t', first + 1);

	if (second >= state_key.len)
		return false;
	*ret_limit = gp_str_sub(state_key, 0, first);
	*ret_window = gp_str_sub(state_key, first + 1, second - first - 1);
	*ret_key = gp_str_sub(state_key, second + 1, state_key.len);
	return true;
}
