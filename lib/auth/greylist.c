/*
 * Greylisting: who tries, and with what.
 */
#include "lib/auth/greylist.h"

#include "lib/dns/dnsname.h"

void gp_greylist_check(const struct gp_greylist_conf *conf, const struct gp_snapshot *snap,
		       const struct gp_conf_table *table, struct gp_conf_report *report)
{
	if (conf->delay_ms >= conf->retry_ms)
		gp_conf_complain(snap, table, "greylist.delay", report,
				 "greylist.delay must be shorter than greylist.retry, else nobody "
				 "passes");
}

struct gp_greylist_rule gp_greylist_rule(const struct gp_greylist_conf *conf)
{
	return (struct gp_greylist_rule){
		.delay_s = conf->delay_ms / 1000,
		.retry_s = conf->retry_ms / 1000,
		.passed_s = conf->passed_ms / 1000,
		.allow_after = (uint32_t)conf->allow_after,
		.allow_s = conf->allow_ms / 1000,
	};
}

struct gp_str gp_greylist_domain(const struct gp_auth_result *result, struct gp_str mailfrom)
{
	struct gp_str sender = gp_str_sub(mailfrom, gp_str_find_last(mailfrom, '@') + 1, mailfrom.len);
	char folded[GP_DNS_NAME_MAX + 1];

	if (!result)
		return GP_STR("");
	if (result->mailfrom.status == GP_AUTH_PASS)
		return result->mailfrom.domain;
	if (gp_dns_name_fold(sender, folded))
		return GP_STR("");
	for (size_t i = 0; i < result->n_dkim; i++)
		if (result->dkim[i].status == GP_AUTH_PASS && result->dkim[i].domain.len &&
		    gp_dns_name_is_within(gp_str(folded), result->dkim[i].domain))
			return result->dkim[i].domain;
	return GP_STR("");
}

static void add_lower(struct gp_buf *out, struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		gp_buf_add_chr(out, gp_lower(s.ptr[i]));
}

void gp_greylist_who(const struct gp_greylist_conf *conf, const struct gp_ip *client,
		     struct gp_str domain, struct gp_buf *out)
{
	unsigned bits = (unsigned)(client->family == 6 ? conf->bits6 : conf->bits4);
	struct gp_cidr net = gp_cidr_around(client, bits);
	char text[GP_IP_TEXT];

	if (domain.len == 0) {
		gp_buf_add_cstr(out, client->family ? gp_cidr_format(&net, text) : "local");
		return;
	}
	gp_buf_add_chr(out, '@');
	add_lower(out, domain);
}

/* Without its +extension, digits as one: "bounce-4711" and "bounce-0815" are the same. */
static void add_local(struct gp_buf *out, struct gp_str local)
{
	size_t plus = gp_str_find_chr(local, '+', 0);

	local = gp_str_sub(local, 0, plus > 0 ? plus : local.len);
	for (size_t i = 0; i < local.len; i++) {
		if (!gp_is_digit(local.ptr[i]))
			gp_buf_add_chr(out, gp_lower(local.ptr[i]));
		else if (i == 0 || !gp_is_digit(local.ptr[i - 1]))
			gp_buf_add_chr(out, '#');
	}
}

void gp_greylist_key(struct gp_str domain, struct gp_str mailfrom, struct gp_str recipient,
		     struct gp_buf *out)
{
	size_t at = gp_str_find_last(mailfrom, '@');

	if (domain.len == 0)
		add_local(out, gp_str_sub(mailfrom, 0, at));
	gp_buf_add_chr(out, '@');
	add_lower(out, gp_str_sub(mailfrom, at + 1, mailfrom.len));
	gp_buf_add_chr(out, '\0');
	add_lower(out, recipient);
}
