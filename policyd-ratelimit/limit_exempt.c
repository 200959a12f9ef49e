/*
 * Exemptions; see the header.
 */
#include "policyd-ratelimit/limit_exempt.h"

static bool matches(struct gp_str pattern, struct gp_str value)
{
	return pattern.len > 0 && pattern.ptr[0] == '@' ? gp_str_iends(value, pattern)
							: gp_str_glob(pattern, value);
}

static bool is_on(const struct gp_conf_list *list, struct limit_subject *s,
		  enum limit_attribute attribute)
{
	struct gp_str value;

	if (list->len == 0)
		return false;
	value = limit_subject_get(s, attribute);
	for (size_t i = 0; i < list->len && value.len > 0; i++)
		if (matches(gp_str(list->items[i]), value))
			return true;
	return false;
}

enum limit_exempt limit_exempt_find(const struct limits_conf *conf,
				    const struct gp_conf_networks *networks,
				    struct limit_subject *s)
{
	if (gp_netset_has(&networks->exempt, &s->client) ||
	    gp_netset_has(&conf->exempt_networks, &s->client) ||
	    is_on(&conf->exempt_accounts, s, LIMIT_SASL_USERNAME) ||
	    is_on(&conf->exempt_senders, s, LIMIT_SENDER))
		return LIMIT_EXEMPT_ALL;
	return is_on(&conf->exempt_recipients, s, LIMIT_RECIPIENT) ? LIMIT_EXEMPT_RECIPIENT
								   : LIMIT_EXEMPT_NO;
}
