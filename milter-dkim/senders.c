/*
 * Who may use which domain.
 */
#include "milter-dkim/senders.h"

#include "lib/base/buf.h"
#include "lib/dns/dnsname.h"

#define ADDRESS_MAX 1024

static size_t find_at(struct gp_str s)
{
	return gp_str_find_chr(s, '@', 0);
}

static bool is_domain(struct gp_str word, struct gp_str domain)
{
	char folded[GP_DNS_NAME_MAX + 1];

	return gp_str_ieq(word, domain) ||
	       (gp_dns_name_fold(word, folded) == GP_OK && gp_str_eq(gp_str(folded), domain));
}

static bool word_allows(struct gp_str word, struct gp_str account, struct gp_str address,
			struct gp_str domain)
{
	if (gp_str_eq(word, GP_STR("%a")))
		return gp_str_ieq(account, address);
	if (gp_str_eq(word, GP_STR("%d"))) {
		size_t at = find_at(account);

		return at < account.len &&
		       is_domain(gp_str_sub(account, at + 1, account.len), domain);
	}
	if (gp_str_starts(word, GP_STR("@")))
		word = gp_str_sub(word, 1, word.len);
	if (find_at(word) < word.len)
		return gp_str_glob(word, address);
	return gp_str_glob(word, domain) || is_domain(word, domain);
}

bool dkim_sender_is_allowed(const struct gp_mapfile *map, struct gp_str account,
			    const struct gp_ip *client, struct gp_str local, struct gp_str domain)
{
	GP_BUF_AUTO address = GP_BUF_INIT(ADDRESS_MAX);
	struct gp_map_hit hit;
	struct gp_str word;

	if (!map)
		return true;
	if (account.len == 0 && !gp_mapfile_find_ip(map, client, &hit))
		return true;
	if (account.len && !gp_mapfile_find_address(map, account, &hit))
		return false;
	gp_buf_add_str(&address, local);
	gp_buf_add_chr(&address, '@');
	gp_buf_add_str(&address, domain);
	if (gp_buf_error(&address))
		return false;
	while (gp_str_next_word(&hit.value, &word))
		if (word_allows(word, account, gp_buf_str(&address), domain))
			return true;
	return false;
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
	if (find_at(word) < word.len)
		word = gp_str_sub(word, find_at(word) + 1, word.len);
	return gp_dns_name_fold(word, folded) == GP_OK;
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

void dkim_senders_check(const struct gp_mapfile *map, struct gp_conf_report *report)
{
	struct check c = {map, report};

	gp_mapfile_each(map, check_line, &c);
}
