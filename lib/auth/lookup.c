/*
 * Questions of one message, counted and kept.
 */
#include "lib/auth/lookup.h"

#include "lib/base/limits.h"

struct gp_ask {
	struct gp_asker *asker;
	struct gp_dns_question *question; /* NULL: the budget was spent */
	struct gp_str name;
	enum gp_dns_type type;
	bool is_finished;
	int result;
	struct gp_dns_answer answer;
};

void gp_asker_init(struct gp_asker *a, struct gp_resolver *resolver, struct gp_batch *batch,
		   struct gp_arena *arena)
{
	*a = (struct gp_asker){
		.resolver = resolver, .batch = batch, .arena = arena, .left = GP_MAX_AUTH_LOOKUPS};
}

struct gp_ask *gp_ask_begin(struct gp_asker *a, struct gp_str name, enum gp_dns_type type)
{
	struct gp_ask *ask = GP_ARENA_NEW(a->arena, struct gp_ask);

	*ask = (struct gp_ask){.asker = a, .name = gp_arena_str(a->arena, name), .type = type};
	if (a->left == 0)
		return ask;
	a->left--;
	ask->question = gp_dns_begin(a->resolver, a->batch, name, type);
	return ask;
}

static struct gp_str record_text(struct gp_arena *arena, enum gp_dns_type type,
				 const struct gp_dns_record *r)
{
	char ip[GP_IP_TEXT];

	switch (type) {
	case GP_DNS_A:
	case GP_DNS_AAAA:
		return gp_str(gp_arena_strdup(arena, gp_ip_format(&r->ip, ip)));
	case GP_DNS_MX:
		return gp_str(gp_arena_printf(arena, "%u %.*s", r->preference, GP_STR_FMT(r->text)));
	case GP_DNS_CNAME:
	case GP_DNS_NS:
	case GP_DNS_PTR:
	case GP_DNS_TXT:
		break;
	}
	return r->text;
}

static void remember(struct gp_ask *ask, int result, const struct gp_dns_answer *answer)
{
	struct gp_asker *a = ask->asker;
	struct gp_auth_lookup *l = gp_vec_push(a->arena, &a->seen);

	*l = (struct gp_auth_lookup){.name = ask->name, .type = (int)ask->type, .result = result};
	if (result)
		return;
	l->rcode = answer->rcode;
	l->security = (int)answer->security;
	l->ttl_s = answer->ttl_s;
	l->n_data = GP_MIN(answer->n_records, (size_t)GP_AUTH_LOOKUP_DATA);
	l->data = GP_ARENA_NEW_N(a->arena, l->n_data, struct gp_str);
	for (size_t i = 0; i < l->n_data; i++)
		l->data[i] = record_text(a->arena, ask->type, &answer->records[i]);
}

int gp_ask_finish(struct gp_ask *ask, struct gp_dns_answer *ret)
{
	if (!ask->is_finished) {
		ask->is_finished = true;
		ask->result = GP_ELIMIT;
		if (ask->question)
			ask->result = gp_dns_finish(ask->question, ask->asker->arena, &ask->answer);
		remember(ask, ask->result, &ask->answer);
	}
	if (ask->result == GP_OK)
		*ret = ask->answer;
	return ask->result;
}

int gp_ask(struct gp_asker *a, struct gp_str name, enum gp_dns_type type,
	   struct gp_dns_answer *ret)
{
	return gp_ask_finish(gp_ask_begin(a, name, type), ret);
}
