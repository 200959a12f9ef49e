/*
 * What check_hashbl_… finds in a message, and the questions made of it.
 */
#include "lib/base/codec.h"
#include "lib/base/limits.h"
#include "lib/dns/dnsname.h"
#include "lib/mail/addr.h"
#include "lib/base/vec.h"
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_email.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_query_hash.h"
#include "lib/score/rule_uri.h"

#define FILE_MAX (16u << 20) /* of attached files */
#define ALIASES_MAX 100

/* One rule's work. */
struct finder {
	struct gp_rule_dns *d;
	const struct gp_rule *rule;
	const struct gp_query_hash *h;
	struct gp_rule_subject *subjects;
	struct gp_pcre *pcre;
	struct gp_map seen; /* values */
	unsigned asked;
};

static const struct gp_rule_subject *subject_of(struct finder *f, enum gp_rule_type target)
{
	struct gp_rule_subject *s = &f->subjects[target];

	if (!s->ranges)
		gp_rule_subject_build(target, f->d->set, f->d->in, f->d->relays, f->pcre, f->d->arena,
				      s);
	return s;
}

static bool is_ignored(const struct finder *f, struct gp_str value)
{
	return gp_rule_list_has(gp_rule_list_get(f->d->set, GP_STR("hashbl_ignore")), value);
}

static bool is_skipped_host(const struct finder *f, struct gp_str host)
{
	const struct gp_rule_list *skipped =
		gp_rule_list_get(f->d->set, GP_STR("uridnsbl_skip_domain"));

	return gp_rule_list_has(skipped, host) ||
	       (gp_rule_host_is_valid(f->d->set, host) &&
		gp_rule_list_has(skipped, gp_rule_host_trim(f->d->set, host)));
}

static struct gp_str digest_of(const struct finder *f, struct gp_str value)
{
	GP_BUF_AUTO text = GP_BUF_INIT(2 * GP_SHA256_SIZE);
	unsigned char digest[GP_SHA256_SIZE];
	size_t size;

	if (f->h->flags & GP_HASH_RAW)
		return value;
	size = gp_digest(f->h->digest, value.ptr, value.len, digest);
	if (f->h->digest == GP_DIGEST_SHA256)
		gp_base32_encode(digest, size, &text);
	else
		gp_hex_encode(digest, size, &text);
	return gp_arena_str(f->d->arena, gp_buf_str(&text));
}

static void ask_digest(struct finder *f, struct gp_str digest, struct gp_str shown)
{
	const char *name;

	if (digest.len == 0 || is_ignored(f, digest))
		return;
	/* Plain addresses are asked for too ("raw"): an "@" is a byte of a label like others. */
	name = gp_arena_printf(f->d->arena, "%.*s.%.*s",
			       GP_STR_FMT(gp_dns_name_escape(f->d->arena, digest)),
			       GP_STR_FMT(f->rule->query->name));
	gp_rule_dns_ask(f->d, f->rule, GP_STEP_TEST, gp_str(name), f->rule->query->type, shown);
	f->asked++;
}

/* Asks for a value, once, while there may be more. */
static void ask(struct finder *f, struct gp_str value)
{
	if (!(f->h->flags & GP_HASH_CASE))
		value = gp_arena_lower(f->d->arena, value);
	if (value.len == 0 || f->asked >= f->h->max || gp_map_get(&f->seen, value))
		return;
	value = gp_arena_str(f->d->arena, value);
	gp_map_set(&f->seen, value, f);
	if (!is_ignored(f, value))
		ask_digest(f, digest_of(f, value), value);
}

static void on_group(void *arg, unsigned group, struct gp_str name, struct gp_str value)
{
	struct finder *f = arg;
	char *digits;
	size_t n = 0;

	if (group != 1)
		return;
	if (f->h->flags & GP_HASH_NUM) {
		digits = gp_arena_alloc(f->d->arena, value.len);
		for (size_t i = 0; i < value.len; i++)
			if (gp_is_digit(value.ptr[i]))
				digits[n++] = value.ptr[i];
		value = gp_str_n(digits, n);
	}
	ask(f, value);
}

static void find_in_body(struct finder *f)
{
	const struct gp_rule_subject *s =
		subject_of(f, f->rule->is_raw ? GP_RULE_RAWBODY : GP_RULE_BODY);

	for (size_t i = 0; i < s->segments.len && f->asked < f->h->max; i++)
		gp_pcre_groups(f->pcre, &f->h->re, gp_rule_segment_text(s, i), GP_MAX_RULE_HITS,
			       on_group, f);
}

/* The domain that the rule files name for it, or itself. */
static struct gp_str alias_of(const struct finder *f, struct gp_str domain)
{
	const struct gp_rule_list *lines =
		gp_rule_list_get(f->d->set, GP_STR("hashbl_email_domain_alias"));

	for (size_t i = 0; i < lines->items.len && i < ALIASES_MAX; i++) {
		struct gp_str rest = lines->items.items[i], target, word;

		gp_str_next_word(&rest, &target);
		while (gp_str_next_word(&rest, &word))
			if (gp_str_ieq(word, domain))
				return target;
	}
	return domain;
}

static bool is_in_acl(const struct finder *f, struct gp_str domain)
{
	const struct gp_rule_list *list;

	if (!f->h->acl.ptr || gp_str_ieq(f->h->acl, GP_STR("hashbl_acl_all")))
		return true;
	list = gp_rule_list_get(f->d->set, f->h->acl);
	return gp_rule_list_has(list, domain) &&
	       !gp_rule_list_has(list, gp_str(gp_arena_printf(f->d->arena, "!%.*s",
							      GP_STR_FMT(domain))));
}

static struct gp_str without_dots(struct finder *f, struct gp_str s)
{
	char *out = gp_arena_alloc(f->d->arena, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '.')
			out[n++] = s.ptr[i];
	return gp_str_n(out, n);
}

static void ask_email(struct finder *f, struct gp_str address)
{
	size_t at = gp_str_find_last(address, '@');
	struct gp_str user = gp_str_sub(address, 0, at), domain;
	unsigned flags = f->h->flags;
	bool limited = false;

	domain = alias_of(f, gp_str_sub(address, at + 1, SIZE_MAX));
	if (at >= address.len || !is_in_acl(f, domain) ||
	    (!f->h->acl.ptr && is_skipped_host(f, domain)) ||
	    gp_pcre_count(f->pcre, &f->h->welcome, address, 1, NULL, &limited))
		return;
	if (flags & GP_HASH_NODOT)
		user = without_dots(f, user);
	if (flags & GP_HASH_NOTAG)
		user = gp_str_sub(user, 0, gp_str_find_chr(user, '+', 0));
	if (flags & GP_HASH_DOMAIN && gp_rule_host_is_valid(f->d->set, domain))
		domain = gp_rule_host_trim(f->d->set, domain);
	if (flags & (GP_HASH_DOMAIN | GP_HASH_HOST))
		ask(f, domain);
	else if (flags & GP_HASH_USER)
		ask(f, user);
	else
		ask(f, gp_str(gp_arena_printf(f->d->arena, "%.*s@%.*s", GP_STR_FMT(user),
					      GP_STR_FMT(domain))));
}

struct email_search {
	struct finder *finder;
	struct gp_str text;
	unsigned flags;
	GP_VEC(struct gp_str) found;
};

/* What hashbl_email_regex found: kept for later, because asking runs patterns too, and one search
 * is under way. */
static void on_email(void *arg, unsigned group, struct gp_str name, struct gp_str value)
{
	struct email_search *s = arg;
	struct finder *f = s->finder;
	size_t at = gp_str_find_last(value, '@'), from;

	if (group != 1 || at >= value.len || s->found.len >= f->h->max)
		return;
	from = (size_t)(value.ptr - s->text.ptr);
	if (gp_rule_email_is_wanted(s->text, from + at, from + value.len, s->flags) &&
	    (!f->h->wants_tld ||
	     gp_rule_host_is_valid(f->d->set, gp_str_sub(value, at + 1, SIZE_MAX))))
		*gp_vec_push(f->d->arena, &s->found) = value;
}

static void emails_in_text(struct finder *f, struct gp_str text, unsigned flags)
{
	struct email_search search = {.finder = f, .text = text, .flags = flags};

	if (f->h->email.code) {
		gp_pcre_groups(f->pcre, &f->h->email, text, GP_MAX_RULE_HITS, on_email, &search);
		for (size_t i = 0; i < search.found.len && f->asked < f->h->max; i++)
			ask_email(f, search.found.items[i]);
		return;
	}
	for (size_t at = 0; f->asked < f->h->max && (at = gp_str_find_chr(text, '@', at)) < text.len;
	     at++)
		ask_email(f, gp_rule_email_around(f->d->set, text, at, flags));
}

static void emails_in_body(struct finder *f)
{
	const struct gp_message *m = f->d->in->message;
	unsigned flags = (f->h->flags & GP_HASH_NOQUOTE ? GP_EMAIL_NOT_QUOTED : 0u) |
			 (f->h->flags & GP_HASH_NOURI ? GP_EMAIL_NOT_IN_URL : 0u);

	for (size_t i = 0; i < m->uris.len; i++)
		if (m->uris.items[i].sources & GP_URI_HREF &&
		    gp_str_istarts(m->uris.items[i].uri, GP_STR("mailto:")))
			emails_in_text(f, gp_str_sub(m->uris.items[i].uri, 7, SIZE_MAX), 0);
	emails_in_text(f, gp_message_flat_text(f->d->in->message), flags);
}

/* From, the envelope, and whoever else says that it is from him. */
static void emails_of_senders(struct finder *f)
{
	static const char *const names[] = {"From:addr", "Envelope-Sender:addr", "Resent-Sender:addr",
					    "X-Envelope-From:addr", "EnvelopeFrom:addr",
					    "Resent-From:addr"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		emails_in_text(f, gp_field_read(gp_str(names[i]), f->d->set, f->d->in, f->d->relays,
						f->d->arena), 0);
}

static void find_emails(struct finder *f)
{
	struct gp_str rest = f->h->what, where;

	while (gp_str_next(&rest, '/', &where)) {
		where = gp_str_trim(where);
		if (gp_str_eq(where, GP_STR("ALLFROM")))
			emails_of_senders(f);
		else if (gp_str_eq(where, GP_STR("body")))
			emails_in_body(f);
		else
			emails_in_text(f, gp_field_read(where, f->d->set, f->d->in, f->d->relays,
							f->d->arena), 0);
	}
}

static void find_uris(struct finder *f)
{
	const struct gp_rule_subject *s = subject_of(f, GP_RULE_URI);

	for (size_t i = 0; i < s->segments.len; i++) {
		struct gp_str uri = gp_rule_segment_text(s, i);
		struct gp_str mark = GP_STR("://"), host;
		size_t at = gp_str_find(uri, mark, 0);

		if (gp_str_istarts(uri, GP_STR("mailto:")) || at >= uri.len)
			continue;
		host = gp_rule_uri_cut(gp_str_sub(uri, at + mark.len, SIZE_MAX), "/?#:");
		if (gp_rule_host_is_valid(f->d->set, host) && !is_skipped_host(f, host))
			ask(f, uri);
	}
}

/* The value as the options want it; empty if it is not of the kind that they want. */
static struct gp_str as_wanted(struct finder *f, struct gp_str value)
{
	unsigned flags = f->h->flags;
	char reversed[GP_DNS_NAME_MAX + 1];
	struct gp_ip ip;

	if (gp_ip_parse(value, &ip) == GP_OK) {
		if ((flags & GP_HASH_IPV4 && ip.family != 4) || (flags & GP_HASH_IPV6 && ip.family != 6))
			return GP_STR("");
		if (!(flags & GP_HASH_REVIP) || gp_dns_name_reverse(&ip, "x", reversed))
			return value;
		return gp_arena_str(f->d->arena, gp_str_n(reversed, strlen(reversed) - 2));
	}
	if (flags & (GP_HASH_IP | GP_HASH_IPV4 | GP_HASH_IPV6))
		return GP_STR("");
	if (!gp_rule_host_is_valid(f->d->set, value))
		return flags & (GP_HASH_FQDN | GP_HASH_TLD) ? GP_STR("") : value;
	if (is_skipped_host(f, value))
		return GP_STR("");
	return flags & GP_HASH_TRIM ? gp_rule_host_trim(f->d->set, value) : value;
}

static void find_tag(struct finder *f)
{
	struct gp_tag_values values;

	if (!gp_tag_values(f->d->tags, f->h->what, &values))
		return;
	for (size_t i = 0; i < values.len; i++)
		ask(f, as_wanted(f, gp_str_trim(values.items[i])));
}

static void find_files(struct finder *f)
{
	const struct gp_message *m = f->d->in->message;

	for (size_t i = 0; i < m->parts.len && f->asked < f->h->max; i++) {
		const struct gp_part *p = &m->parts.items[i];
		GP_BUF_AUTO content = GP_BUF_INIT(FILE_MAX);

		if (p->flags & (GP_PART_MULTIPART | GP_PART_MESSAGE) || p->raw.len == 0 ||
		    is_ignored(f, p->type) || (p->filename.len && is_ignored(f, p->filename)))
			continue;
		if (gp_message_part_content(p, &content) || content.len == 0 ||
		    content.len < f->h->size_min || (f->h->size_max && content.len > f->h->size_max))
			continue;
		ask_digest(f, digest_of(f, gp_buf_str(&content)),
			   p->filename.len ? p->filename : p->type);
	}
}

void gp_rule_dns_hash(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_rule_subject *subjects,
		      struct gp_pcre *pcre)
{
	static void (*const finders[])(struct finder *f) = {find_in_body, find_emails, find_uris,
							    find_tag, find_files};
	struct finder f = {
		.d = d, .rule = r, .h = r->query->hash, .subjects = subjects, .pcre = pcre};

	gp_map_init(&f.seen, d->arena, false);
	finders[r->query->kind - GP_QUERY_HASH_BODY](&f);
}
