/*
 * Clients and the domains that they are known for.
 */
#include "lib/auth/client_domain.h"

#include "lib/base/buf.h"
#include "lib/dns/dnsname.h"

#define TABLE GP_STR("dkim-clients")
/* Networks, whatever the programs' settings: they must mean the same. */
#define BITS4 24
#define BITS6 64
/* A record is written anew when it is older: not for every message. */
#define RENEW_S 86400
/* Labels of a name that are looked up: those of signing domains are few. */
#define PARENTS_MAX 4

/* The record: when it was written (8). */
#define RECORD_SIZE 8

static void make_key(struct gp_buf *key, const struct gp_ip *client, struct gp_str domain)
{
	struct gp_cidr net = gp_cidr_around(client, client->family == 6 ? BITS6 : BITS4);
	char text[GP_IP_TEXT];

	gp_buf_reset(key);
	gp_buf_add_cstr(key, gp_cidr_format(&net, text));
	gp_buf_add_chr(key, '\0');
	gp_buf_add_str(key, domain);
}

static int64_t written_s(const struct gp_record *r)
{
	int64_t s = 0;

	for (int i = 0; i < RECORD_SIZE; i++)
		s |= (int64_t)((uint64_t)r->data[i] << 8 * i);
	return s;
}

static int note(struct gp_store *store, const struct gp_ip *client, struct gp_str domain,
		int64_t now_s, int64_t deadline_ms)
{
	GP_BUF_AUTO key = GP_BUF_INIT(1024);
	struct gp_record old, new = {.len = RECORD_SIZE};
	bool is_swapped;
	int r;

	make_key(&key, client, domain);
	r = gp_store_record_get(store, TABLE, gp_buf_str(&key), deadline_ms, &old);
	if (r != GP_OK && r != GP_ENOENT)
		return r;
	if (r == GP_OK && old.len == RECORD_SIZE && now_s - written_s(&old) < RENEW_S &&
	    now_s >= written_s(&old))
		return GP_OK;
	for (int i = 0; i < RECORD_SIZE; i++)
		new.data[i] = (unsigned char)((uint64_t)now_s >> 8 * i);
	return gp_store_record_swap(store, TABLE, gp_buf_str(&key), r == GP_OK ? &old : NULL, &new,
				    GP_CLIENT_DOMAIN_TTL_S, deadline_ms, &is_swapped);
}

void gp_client_domain_note(struct gp_store *store, const struct gp_ip *client,
			   struct gp_str mailfrom, const struct gp_auth_result *result,
			   int64_t now_s, int64_t deadline_ms)
{
	struct gp_str sender = gp_str_sub(mailfrom, gp_str_find_last(mailfrom, '@') + 1, mailfrom.len);
	char folded[GP_DNS_NAME_MAX + 1];
	int left = GP_CLIENT_DOMAINS_NOTED;

	if (client->family == 0 || gp_dns_name_fold(sender, folded))
		return;
	for (size_t i = 0; i < result->n_dkim && left > 0; i++) {
		const struct gp_dkim_result *d = &result->dkim[i];

		if (d->status != GP_AUTH_PASS || d->domain.len == 0 ||
		    !gp_dns_name_is_within(gp_str(folded), d->domain))
			continue;
		if (note(store, client, d->domain, now_s, deadline_ms))
			return;
		left--;
	}
}

struct gp_str gp_client_domain_find(struct gp_store *store, const struct gp_ip *client,
				    struct gp_str domain, int64_t deadline_ms)
{
	GP_BUF_AUTO key = GP_BUF_INIT(1024);
	struct gp_record record;

	for (int i = 0; i < PARENTS_MAX && client->family; i++) {
		size_t dot = gp_str_find_chr(domain, '.', 0);
		int r;

		if (dot == domain.len) /* nobody signs for a top-level domain */
			break;
		make_key(&key, client, domain);
		r = gp_store_record_get(store, TABLE, gp_buf_str(&key), deadline_ms, &record);
		if (r == GP_OK)
			return domain;
		if (r != GP_ENOENT)
			break;
		domain = gp_str_sub(domain, dot + 1, domain.len);
	}
	return GP_STR("");
}
