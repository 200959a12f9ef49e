/*
 * check_phishing: links that stand in feeds of phishing sites
 * (Mail::SpamAssassin::Plugin::Phishing).
 */
#include "lib/base/ip.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_phishing.h"
#include "lib/score/rule_uri.h"
#include "lib/score/rule_uri_detail.h"

/* One that a reader can follow: <a>, or written in the text; not an image's. */
static bool is_followed(const struct gp_uri_entry *entry)
{
	for (size_t i = 0; i < entry->values[GP_URI_KEY_TYPE].len; i++) {
		struct gp_str type = entry->values[GP_URI_KEY_TYPE].items[i];

		if (gp_str_eq(type, GP_STR("a")) || gp_str_eq(type, GP_STR("parsed")))
			return true;
	}
	return false;
}

static struct gp_str domain_of(struct gp_eval *e, struct gp_str uri)
{
	struct gp_rule_uris uris;
	struct gp_str host;
	struct gp_ip ip;

	gp_rule_uris_init(&uris, e->set, NULL, e->arena);
	host = gp_eval_lower(e, gp_rule_uris_host(&uris, uri));
	while (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	return gp_ip_parse(host, &ip) == GP_OK ? host : gp_rule_host_trim(e->set, host);
}

static bool is_listed(struct gp_eval *e, const struct gp_uri_entry *entry)
{
	for (size_t i = 0; i < entry->values[GP_URI_KEY_CLEANED].len; i++) {
		struct gp_str uri = entry->values[GP_URI_KEY_CLEANED].items[i];
		const char *feed = gp_phishing_find(e->set->phishing, uri);

		if (!feed)
			continue;
		e->evidence = uri;
		e->detail = gp_str(gp_arena_printf(e->arena, "%s (%.*s)", feed,
						   GP_STR_FMT(domain_of(e, uri))));
		return true;
	}
	return false;
}

static bool check_phishing(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			   size_t n_args)
{
	const struct gp_uri_entries *all = gp_uri_entries(e);

	for (size_t i = 0; i < all->items.len; i++) {
		const struct gp_uri_entry *entry = all->items.items[i];

		if (!gp_str_istarts(entry->values[GP_URI_KEY_RAW].items[0], GP_STR("mailto:")) &&
		    entry->values[GP_URI_KEY_HOST].len && is_followed(entry) && is_listed(e, entry))
			return true;
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_phishing[] = {
	{"check_phishing", 0, 0, check_phishing, 0, false},
	{0},
};
