/*
 * The silent failures of a policy service: it is asked, but where what it should count is not
 * told, or behind a permit that the clients in question do not get past.
 */
#include "cli/check_policy.h"

#include <stdio.h>

#include "cli/check_events.h"
#include "cli/postfix_policy.h"
#include "policyd-ratelimit/limit_stage.h"
#include "policyd-ratelimit/options.h"

struct uses {
	struct gp_reach *reach;
	bool are_limits_set; /* else there is the default one: a site may want greylisting alone */
	GP_VEC(struct gp_policy_use) list;
	struct gp_map gaps; /* told */
};

#define SERVICE_FMT "%.*s/%.*s"
#define SERVICE(s) GP_STR_FMT((s)->name), GP_STR_FMT((s)->type)

static void problem(struct gp_reach *r, const char *what, struct gp_str name, const char *why)
{
	fprintf(stderr, "Postfix and policyd-ratelimit: %s%s%.*s%s %s\n", what, name.len ? " \"" : "",
		GP_STR_FMT(name), name.len ? "\"" : "", why);
	r->problems++;
}

static void note_use(void *arg, const struct gp_policy_use *use)
{
	struct uses *u = arg;

	if (gp_reach_look(u->reach, use->service, use->parameter, use->table, use->address))
		*gp_vec_push(u->reach->postfix->arena, &u->list) = *use;
}

/* A table that is asked in ten places is told of once. */
static void note_gap(void *arg, const struct gp_policy_use *where, struct gp_str what, const char *why)
{
	struct uses *u = arg;

	if (!gp_map_set(&u->gaps, gp_arena_str(u->gaps.arena, what), u))
		printf("Postfix " SERVICE_FMT ": %s: \"%.*s\" is not followed (%s): whether it leads to "
		       "policyd-ratelimit is not known\n",
		       SERVICE(where->service), where->parameter, GP_STR_FMT(what), why);
}

/* Limits. */

/* Whose mail the rule is for, of GP_POLICY_…; all of them if it does not say. */
static unsigned clients_of(const struct limit_rule *rule)
{
	if (rule->conf->when == LIMIT_AUTHENTICATED || limit_by_has(&rule->by, LIMIT_SASL_USERNAME) ||
	    limit_by_has(&rule->by, LIMIT_LDAP_GROUP))
		return GP_POLICY_ACCOUNTS;
	return rule->conf->when == LIMIT_UNAUTHENTICATED ? GP_POLICY_OWN | GP_POLICY_STRANGERS
							 : GP_POLICY_ALL;
}

/* Clients that come by this use and are meant. */
static unsigned reached(const struct gp_policy_use *use, unsigned clients)
{
	return use->clients & clients & (use->has_accounts ? GP_POLICY_ALL : ~GP_POLICY_ACCOUNTS);
}

/* policy_context: an empty list is for all. */
static bool has_context(const struct gp_policy_use *use, const struct gp_conf_list *contexts)
{
	for (size_t i = 0; i < contexts->len; i++)
		if (gp_str_eq(gp_str(contexts->items[i]), use->context))
			return true;
	return contexts->len == 0;
}

enum coverage { NOT_REACHED, NOT_COUNTED, COUNTED };

/* Among the uses in one service; NULL: in any. */
static enum coverage look(const struct uses *u, const struct limit_rule *rule,
			  const struct gp_postfix_service *service)
{
	enum coverage best = NOT_REACHED;

	for (size_t i = 0; i < u->list.len; i++) {
		const struct gp_policy_use *use = &u->list.items[i];
		struct policy_request request = {.stage = use->stage};

		if ((service && use->service != service) || !reached(use, clients_of(rule)) ||
		    !has_context(use, &rule->conf->context))
			continue;
		if (limit_stage_fits(rule, &request) == LIMIT_STAGE_FITS)
			return COUNTED;
		best = NOT_COUNTED;
	}
	return best;
}

static void limit_problem(const struct uses *u, const struct limit_rule *rule, const char *why)
{
	if (u->are_limits_set)
		problem(u->reach, "limit", rule->name, why);
	else
		printf("Postfix and policyd-ratelimit: limit \"%.*s\", which is there by default, %s\n",
		       GP_STR_FMT(rule->name), why);
}

/* Why nobody asks about the mail that it is for. */
static const char *never_asked(const struct uses *u, const struct limit_rule *rule, const char *where)
{
	struct gp_arena *arena = u->reach->postfix->arena;
	bool has_accounts = false;

	for (size_t i = 0; i < u->list.len; i++)
		has_accounts |= u->list.items[i].has_accounts;
	if (clients_of(rule) == GP_POLICY_ACCOUNTS && !has_accounts)
		return gp_arena_printf(arena, "is never asked%s about the mail that it is for: no service "
				       "with check_policy_service has accounts (smtpd_sasl_auth_enable)", where);
	return gp_arena_printf(arena, "is never asked%s about the mail that it is for: put "
			       "check_policy_service before permit_sasl_authenticated and permit_mynetworks%s",
			       where, rule->conf->context.len ? ", with the policy_context that it names" : "");
}

/* Accounts come by submission where there is one, else by any service. */
static void check_limit(const struct uses *u, const struct limit_rule *rule)
{
	const struct gp_postfix *p = u->reach->postfix;
	const struct gp_postfix_service *service = NULL;
	enum coverage coverage = look(u, rule, NULL);
	const char *where = "";

	for (size_t i = 0; i < p->services.len && coverage == COUNTED; i++) {
		service = &p->services.items[i];
		/* What is for one context is not for all services. */
		if (clients_of(rule) == GP_POLICY_ACCOUNTS && rule->conf->context.len == 0 &&
		    gp_postfix_is_submission(p, service))
			coverage = look(u, rule, service);
	}
	if (coverage == COUNTED)
		return;
	if (service)
		where = gp_arena_printf(p->arena, " in " SERVICE_FMT, SERVICE(service));
	if (coverage == NOT_COUNTED)
		limit_problem(u, rule,
			      gp_arena_printf(p->arena, "counts nothing%s: what it counts is told%s in %s", where,
					      limit_stage_answers(rule, POLICY_END_OF_MESSAGE)
						      ? "" : ", and \"prepend\" is taken,",
					      limit_stage_parameter(rule)));
	else
		limit_problem(u, rule, never_asked(u, rule, where));
}

static void check_limits(const struct uses *u, struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	struct limit_rules rules;
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (limit_rules_build(&ratelimit_table, limits_groups(conf, snap), gp_snapshot_arena(snap),
			      &rules, &report))
		return; /* was said when the settings were read */
	for (size_t i = 0; i < rules.len; i++)
		check_limit(u, &rules.items[i]);
	gp_check_events(u->reach, snap, &rules);
}

/* Sender checks. */

static bool is_asked(const struct uses *u, unsigned clients, enum policy_stage from)
{
	for (size_t i = 0; i < u->list.len; i++)
		if (reached(&u->list.items[i], clients) && u->list.items[i].stage >= from &&
		    u->list.items[i].stage <= POLICY_END_OF_MESSAGE)
			return true;
	return false;
}

static void check_senders(const struct uses *u, const struct ratelimit_conf *conf)
{
	static const char *const words[] = {"reject_sender_login_mismatch",
					    "reject_authenticated_sender_login_mismatch"};
	const struct gp_postfix *p = u->reach->postfix;

	if (!conf->sender.check)
		return;
	if (!is_asked(u, GP_POLICY_ACCOUNTS, POLICY_MAIL))
		problem(u->reach, "sender.check", GP_STR(""),
			"is on, but no service asks about authenticated clients (before "
			"permit_sasl_authenticated)");
	for (size_t i = 0; i < u->list.len; i++)
		for (size_t k = 0; k < GP_ARRAY_SIZE(words); k++) {
			const struct gp_postfix_service *s = u->list.items[i].service;

			if ((i > 0 && u->list.items[i - 1].service == s) ||
			    !gp_postfix_restricts(p, s, words[k]))
				continue;
			if (gp_postfix_value(p, s, "smtpd_sender_login_maps", "").len)
				printf("Postfix " SERVICE_FMT " checks senders by %s too: what either "
				       "refuses is refused\n",
				       SERVICE(s), words[k]);
			else
				problem(u->reach, words[k], GP_STR(""),
					"without smtpd_sender_login_maps refuses every sender, "
					"whatever sender.map allows");
		}
}

/* Greylisting. */

static void check_greylist(const struct uses *u, const struct ratelimit_conf *conf)
{
	if (!conf->greylist.rule.enabled)
		return;
	for (size_t i = 0; i < u->list.len; i++) {
		const struct gp_policy_use *use = &u->list.items[i];

		if ((use->stage == POLICY_RCPT || use->stage == POLICY_DATA) &&
		    (use->clients & GP_POLICY_STRANGERS) &&
		    !gp_postfix_is_submission(u->reach->postfix, use->service))
			return;
	}
	problem(u->reach, "greylist.enabled", GP_STR(""),
		"is on, but no service that takes mail from strangers asks at RCPT: it belongs into "
		"smtpd_recipient_restrictions of port 25, not of submission");
}

/* Postfix's answer while nobody answers it, once for each. */
static void tell_default_action(const struct uses *u)
{
	struct gp_str told = GP_STR("");

	for (size_t i = 0; i < u->list.len; i++) {
		struct gp_str action = u->list.items[i].default_action;

		if (gp_str_eq(action, told))
			continue;
		told = action;
		printf("Postfix answers \"%.*s\" where policyd-ratelimit is away%s\n",
		       GP_STR_FMT(action),
		       gp_is_digit(action.len ? action.ptr[0] : 'x')
			       ? ": mail waits at its sender (smtpd_policy_service_default_action)"
			       : "");
	}
}

void gp_check_policy(struct gp_reach *r, struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	const char *file;
	unsigned line;
	struct uses u = {.reach = r};

	u.are_limits_set = gp_snapshot_origin(snap, &ratelimit_table, "limits", &file, &line);
	gp_reach_begin(r, "policyd-ratelimit", conf->daemon.socket);
	gp_map_init(&u.gaps, r->postfix->arena, false);
	gp_postfix_policy_each(r->postfix, note_use, note_gap, &u);
	if (u.list.len == 0) {
		if (u.are_limits_set || conf->sender.check || conf->greylist.rule.enabled)
			problem(r, "no restriction list", GP_STR(""),
				"has check_policy_service with its socket: nothing of what is "
				"configured for it happens");
		return;
	}
	check_limits(&u, snap);
	check_senders(&u, conf);
	check_greylist(&u, conf);
	tell_default_action(&u);
}
