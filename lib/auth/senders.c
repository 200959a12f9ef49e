/*
 * Who may use which address.
 */
#include "lib/auth/senders.h"

#include "lib/dns/dnsname.h"

static bool is_domain(struct gp_str word, struct gp_str domain)
{
	char folded[GP_DNS_NAME_MAX + 1];

	return gp_str_ieq(word, domain) ||
	       (gp_dns_name_fold(word, folded) == GP_OK && gp_str_eq(gp_str(folded), domain));
}

static bool is_domain_or_glob(struct gp_str word, struct gp_str domain)
{
	return gp_str_glob(word, domain) || is_domain(word, domain);
}

/* The parts before and behind the last '@', because a quoted local part may hold one; false
 * without one. */
static bool split(struct gp_str address, struct gp_str *ret_local, struct gp_str *ret_domain)
{
	size_t at = gp_str_find_last(address, '@');

	*ret_local = gp_str_sub(address, 0, at);
	*ret_domain = gp_str_sub(address, at + 1, address.len);
	return at < address.len;
}

static bool word_allows(struct gp_str word, const struct gp_sender_claim *c)
{
	bool is_domain_only = gp_str_eq(word, GP_STR("%d")), is_account = gp_str_eq(word, GP_STR("%a"));
	struct gp_str l, d;

	if (is_domain_only || is_account)
		return split(c->account, &l, &d) && is_domain(d, c->domain) &&
		       (is_domain_only || gp_str_ieq(l, c->local));
	if (split(word, &l, &d) && l.len)
		return gp_str_glob(l, c->local) && is_domain_or_glob(d, c->domain);
	return is_domain_or_glob(l.len ? word : d, c->domain);
}

bool gp_sender_words_allow(struct gp_str words, const struct gp_sender_claim *claim)
{
	struct gp_str word;

	while (gp_str_next_word(&words, &word))
		if (word_allows(word, claim))
			return true;
	return false;
}

enum gp_sender_right gp_senders_find(const struct gp_mapfile *map,
				     const struct gp_sender_claim *claim)
{
	struct gp_map_hit hit;
	bool is_there = claim->account.len ? gp_mapfile_find_address(map, claim->account, &hit)
					   : gp_mapfile_find_ip(map, claim->client, &hit);

	if (!is_there)
		return GP_SENDER_UNKNOWN;
	return gp_sender_words_allow(hit.value, claim) ? GP_SENDER_ALLOWED : GP_SENDER_REFUSED;
}

struct check {
	const struct gp_mapfile *map;
	struct gp_conf_report *report;
};

static bool is_usable(struct gp_str word)
{
	char folded[GP_DNS_NAME_MAX + 1];

	if (gp_str_eq(word, GP_STR("%a")) || gp_str_eq(word, GP_STR("%d")))
		return true;
	if (gp_str_find_chr(word, '*', 0) < word.len || gp_str_find_chr(word, '?', 0) < word.len)
		return true;
	return gp_dns_name_fold(gp_str_after_last(word, '@'), folded) == GP_OK;
}

static void check_line(const struct gp_map_hit *entry, void *arg)
{
	const struct check *c = arg;
	struct gp_str rest = entry->value, word;

	if (rest.len == 0)
		gp_conf_report_add(c->report, gp_mapfile_path(c->map), entry->line,
				   "\"%.*s\" may use nothing: expected domains or addresses",
				   GP_STR_FMT(entry->key));
	while (gp_str_next_word(&rest, &word))
		if (!is_usable(word))
			gp_conf_report_add(c->report, gp_mapfile_path(c->map), entry->line,
					   "\"%.*s\" is no domain, address, glob, %%a or %%d",
					   GP_STR_FMT(word));
}

void gp_senders_check(const struct gp_mapfile *map, struct gp_conf_report *report)
{
	struct check c = {map, report};

	if (map)
		gp_mapfile_each(map, check_line, &c);
}
