/*
 * The questions of asn_lookup: about one address, that of the last host which is not ours.
 */
#include "lib/score/rule_dns_int.h"

void gp_rule_dns_asn(struct gp_rule_dns *d)
{
	struct gp_tag_values values;
	char name[GP_DNS_NAME_MAX + 1];
	struct gp_ip ip;

	if (d->set->asns.len == 0 ||
	    !gp_tag_values(d->tags, GP_STR("LASTEXTERNALIP"), &values) ||
	    gp_ip_parse(values.items[0], &ip) || gp_ip_is_private(&ip))
		return;
	d->asn = gp_asn_found_new(d->arena, d->set->asn_prefix);
	for (size_t i = 0; i < d->set->asns.len; i++) {
		const struct gp_asn_lookup *l = d->set->asns.items[i];

		if (l->family == ip.family &&
		    gp_dns_name_reverse(&ip, gp_arena_cstr(d->arena, l->zone), name) == GP_OK)
			gp_rule_dns_ask_asn(d, l, gp_str(name));
	}
	d->n_asn = d->lookups.len;
}

/* What could not be asked before its tags had values. */
static void ask_late(struct gp_rule_dns *d)
{
	for (size_t i = 0; i < d->set->queries.len; i++) {
		const struct gp_rule *r = d->set->queries.items[i];

		if (!r->query->is_late || !gp_rule_dns_is_on(r))
			continue;
		if (r->query->hash)
			gp_rule_dns_hash(d, r, NULL, d->pcre);
		else
			gp_rule_dns_tags(d, &r, 1);
	}
}

struct gp_str gp_rule_dns_finish_asn(struct gp_rule_dns *d)
{
	if (!d->asn)
		return GP_STR("");
	for (size_t i = 0; i < d->n_asn; i++)
		gp_rule_dns_learn(d, d->lookups.items[i]);
	if (!d->is_asn_known) {
		d->is_asn_known = true;
		ask_late(d);
	}
	return gp_asn_numbers(d->asn);
}
