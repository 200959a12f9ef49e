/*
 * Sender checks; see the header.
 *
 * The senders of a session are known from MAIL on, so this works wherever the service is
 * attached, and says the same at each stage.
 */
#include "policyd-ratelimit/sender.h"

#include "lib/auth/senders.h"
#include "lib/base/metric.h"
#include "lib/dns/dnsname.h"
#include "policyd-ratelimit/limit_text.h"
#include "policyd-ratelimit/options.h"
#include "policyd-ratelimit/ratelimit.h"

struct sender_setup {
	struct gp_ldap_query *query; /* NULL: nobody is asked */
	struct gp_str *domains;	     /* domains.own, as in DNS */
	size_t n_domains;
	struct limit_text text;
};

/* Waiting for the directory. */
struct sender_wait {
	struct gp_ldap_lookup *lookup;
	struct gp_sender_claim claim;
};

enum outcome { ALLOWED, REFUSED, UNKNOWN };

#define CHECKED(outcome_)                                                                          \
	GP_COUNTER_L("gatepost_policy_senders_total", "result=\"" outcome_ "\"",                   \
		     "Envelope senders that were checked.")
static struct gp_metric checked[] = {
	[ALLOWED] = CHECKED("allowed"),
	[REFUSED] = CHECKED("refused"),
	[UNKNOWN] = CHECKED("unknown"),
};

void sender_register_metrics(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(checked); i++)
		gp_metric_register(&checked[i]);
}

/* Setting up. */

static struct gp_str folded(struct gp_arena *arena, struct gp_str domain)
{
	char text[GP_DNS_NAME_MAX + 1];

	return gp_dns_name_fold(domain, text) == GP_OK ? gp_str(gp_arena_strdup(arena, text))
						       : gp_arena_lower(arena, domain);
}

const struct sender_setup *sender_configure(struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	const struct gp_conf_domains *domains = gp_snapshot_get(snap, &gp_conf_domains_table);
	struct gp_arena *arena = gp_snapshot_arena(snap);
	struct sender_setup *setup;
	struct gp_diag diag;

	if (!conf->sender.check)
		return NULL;
	setup = GP_ARENA_NEW(arena, struct sender_setup);
	/* The settings were found right when they were read. */
	if (gp_directory_query_new(&conf->sender.directory, arena, &setup->query, &diag))
		setup->query = NULL;
	if (limit_text_parse(gp_str(conf->sender.text), arena, &setup->text, &diag))
		setup->text = (struct limit_text){0};
	setup->domains = GP_ARENA_NEW_N(arena, domains->own.len, struct gp_str);
	for (size_t i = 0; i < domains->own.len; i++)
		setup->domains[setup->n_domains++] = folded(arena, gp_str(domains->own.items[i]));
	return setup;
}

/* Judging. */

/* "joe" and "joe+tag". */
static bool is_local(struct gp_str local, struct gp_str own)
{
	return own.len > 0 && gp_str_istarts(local, own) &&
	       (local.len == own.len || local.ptr[own.len] == '+');
}

static bool is_own_domain(const struct sender_setup *setup, struct gp_str domain)
{
	for (size_t i = 0; i < setup->n_domains; i++)
		if (gp_str_eq(setup->domains[i], domain))
			return true;
	return false;
}

/* What needs no list. */
static bool is_own(const struct policy_ask *ask, const struct gp_sender_claim *c)
{
	const struct sender_conf *conf = &ask->conf->sender;
	size_t at = gp_str_find_last(c->account, '@');
	struct gp_str local = gp_str_sub(c->account, 0, at);
	struct gp_str domain = gp_str_sub(c->account, at + 1, c->account.len);

	if (c->domain.len == 0 || !is_local(c->local, local))
		return false;
	if (conf->own_address && at < c->account.len &&
	    gp_str_eq(folded(ask->arena, domain), c->domain))
		return true;
	return conf->own_domains && is_own_domain(ask->data->sender, c->domain);
}

static struct gp_sender_claim claim_of(const struct policy_ask *ask)
{
	struct gp_str sender = policy_get(&ask->request, POLICY_sender);
	size_t at = gp_str_find_last(sender, '@');

	return (struct gp_sender_claim){
		.account = policy_get(&ask->request, POLICY_sasl_username),
		.client = &ask->request.client,
		.local = gp_str_sub(sender, 0, at),
		.domain = folded(ask->arena, gp_str_sub(sender, at + 1, sender.len)),
	};
}

static struct gp_str refusal(const struct policy_ask *ask)
{
	struct limit_met met = {.limit = GP_STR("sender"),
				.account = policy_get(&ask->request, POLICY_sasl_username),
				.key = policy_get(&ask->request, POLICY_sender)};
	GP_BUF_AUTO text = GP_BUF_INIT(4096);

	limit_text_format(&ask->data->sender->text, &met, &text);
	return gp_arena_str(ask->arena, gp_buf_str(&text));
}

static enum check_step say(struct policy_ask *ask, enum outcome outcome)
{
	const struct sender_conf *conf = &ask->conf->sender;
	struct answer answer = {.action = (enum answer_action)conf->action, .by = "sender"};

	gp_metric_add(&checked[outcome], 1);
	if (outcome == REFUSED)
		answer.text = refusal(ask);
	else if (outcome == UNKNOWN)
		answer = (struct answer){.action = conf->on_error == GP_ON_ERROR_ACCEPT
							   ? ANSWER_DUNNO
							   : ANSWER_DEFER,
					 .text = GP_STR("4.3.0 Senders can't be checked now"),
					 .by = "sender"};
	if (outcome != ALLOWED)
		policy_object(ask, &answer);
	return CHECK_NEXT;
}

static bool is_sender_known(enum policy_stage stage)
{
	return stage == POLICY_MAIL || stage == POLICY_RCPT || stage == POLICY_DATA ||
	       stage == POLICY_END_OF_MESSAGE;
}

static enum check_step ask_directory(struct policy_ask *ask, const struct gp_sender_claim *claim)
{
	struct sender_wait *wait = GP_ARENA_NEW(ask->arena, struct sender_wait);

	wait->claim = *claim;
	wait->lookup = gp_ldap_begin(ratelimit.ldap, policy_ask_batch_half(ask),
				     ask->data->sender->query, claim->account);
	ask->state = wait;
	return CHECK_WAIT;
}

static enum check_step begin(struct policy_ask *ask)
{
	struct gp_sender_claim claim = claim_of(ask);
	bool has_account = claim.account.len > 0;

	if (policy_get(&ask->request, POLICY_sender).len == 0)
		return has_account ? say(ask, ask->conf->sender.null_sender ? ALLOWED : REFUSED)
				   : CHECK_NEXT;
	if (has_account && is_own(ask, &claim))
		return say(ask, ALLOWED);
	switch (gp_senders_find(ask->conf->sender.map, &claim)) {
	case GP_SENDER_ALLOWED:
		return say(ask, ALLOWED);
	case GP_SENDER_REFUSED:
		return say(ask, REFUSED);
	case GP_SENDER_UNKNOWN:
		break;
	}
	if (!has_account)
		return CHECK_NEXT;
	if (ratelimit.ldap && ask->data->sender->query)
		return ask_directory(ask, &claim);
	return say(ask, REFUSED);
}

static enum check_step finish(struct policy_ask *ask)
{
	struct sender_wait *wait = ask->state;
	struct gp_ldap_answer answer;
	int r = gp_ldap_finish(wait->lookup, ask->arena, &answer, NULL);

	gp_directory_report(ratelimit.ldap);
	if (r == GP_ENOENT)
		return say(ask, REFUSED);
	if (r != GP_OK)
		return say(ask, UNKNOWN);
	for (size_t i = 0; i < answer.n_values; i++)
		if (gp_sender_words_allow(answer.values[i].text, &wait->claim))
			return say(ask, ALLOWED);
	return say(ask, REFUSED);
}

enum check_step sender_check(struct policy_ask *ask)
{
	if (!ask->data->sender || !is_sender_known(ask->request.stage))
		return CHECK_NEXT;
	return ask->state ? finish(ask) : begin(ask);
}
