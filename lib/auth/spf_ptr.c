/*
 * The client's names in the DNS, validated: for `ptr` and %{p} (RFC 7208, 5.5 and 7.3).
 *
 * Asked for once a check, and only the names that matter; names beyond the tenth do not
 * count (4.6.4), and what cannot be looked up is no name (5.5).
 */
#include "lib/auth/spf_int.h"

enum gp_dns_type gp_spf_address_type(const struct gp_spf_eval *e)
{
	return e->client.family == 4 ? GP_DNS_A : GP_DNS_AAAA;
}

bool gp_spf_has_client(const struct gp_spf_eval *e, const struct gp_dns_answer *answer,
		       unsigned bits)
{
	struct gp_cidr net = gp_cidr_around(&e->client, bits);

	for (size_t i = 0; i < answer->n_records; i++)
		if (gp_cidr_contains(&net, &answer->records[i].ip))
			return true;
	return false;
}

static void load(struct gp_spf_eval *e)
{
	struct gp_spf_ptr *ptr = &e->ptr;
	struct gp_dns_answer answer = {0};
	char name[GP_DNS_NAME_MAX + 1];

	if (ptr->is_asked)
		return;
	ptr->is_asked = true;
	if (gp_dns_name_reverse(&e->client, NULL, name) ||
	    gp_ask(e->asker, gp_str(name), GP_DNS_PTR, &answer))
		return;
	ptr->is_void = answer.n_records == 0 && answer.security != GP_DNS_BOGUS;
	ptr->n = GP_MIN(answer.n_records, (size_t)GP_SPF_NAMES_MAX);
	for (size_t i = 0; i < ptr->n; i++)
		ptr->names[i].name = answer.records[i].text;
}

static bool is_valid(struct gp_spf_eval *e, struct gp_spf_ptr_name *n)
{
	struct gp_dns_answer answer = {0};

	if (n->state == GP_SPF_PTR_UNKNOWN) {
		int r = gp_ask(e->asker, n->name, gp_spf_address_type(e), &answer);
		bool is_back = r == GP_OK && gp_spf_has_client(e, &answer, 128);

		n->state = is_back ? GP_SPF_PTR_VALID : GP_SPF_PTR_INVALID;
	}
	return n->state == GP_SPF_PTR_VALID;
}

bool gp_spf_ptr_has(struct gp_spf_eval *e, struct gp_str target)
{
	load(e);
	for (size_t i = 0; i < e->ptr.n; i++) {
		struct gp_spf_ptr_name *n = &e->ptr.names[i];

		if (gp_dns_name_is_within(n->name, target) && is_valid(e, n))
			return true;
	}
	return false;
}

/* The domain itself, else a name below it, else any (7.3). */
struct gp_str gp_spf_ptr_best(struct gp_spf_eval *e, struct gp_str domain)
{
	struct gp_str below = {0}, any = {0};

	load(e);
	for (size_t i = 0; i < e->ptr.n; i++) {
		struct gp_spf_ptr_name *n = &e->ptr.names[i];

		if (!is_valid(e, n))
			continue;
		if (gp_str_ieq(n->name, domain))
			return n->name;
		if (!below.len && gp_dns_name_is_within(n->name, domain))
			below = n->name;
		if (!any.len)
			any = n->name;
	}
	return below.len ? below : any.len ? any : GP_STR("unknown");
}
