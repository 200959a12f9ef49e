/*
 * The check "limits"; see the header.
 *
 * Its rounds are a table.  A round that has nothing to ask is passed over; most requests have
 * one, the take.
 */
#include "policyd-ratelimit/limits.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/limit_directory.h"
#include "policyd-ratelimit/limit_exempt.h"
#include "policyd-ratelimit/limit_memory.h"
#include "policyd-ratelimit/limit_outage.h"
#include "policyd-ratelimit/limit_plan.h"
#include "policyd-ratelimit/limit_verdict.h"
#include "policyd-ratelimit/ratelimit.h"

/* A request under way. */
struct work {
	size_t round;
	bool is_exempt; /* this recipient: seen, but in no limit */
	struct limit_subject subject;
	struct limit_directory directory;
	struct limit_plan plan;
	struct gp_limit_call *calls[LIMIT_PARTS];
	struct gp_ldap_lookup *overrides, *groups;
	uint64_t message;
	bool is_unanswered; /* by the store: what it would have said is not known */
};

static struct gp_metric unanswered =
	GP_COUNTER("gatepost_policy_limit_store_failures_total",
		   "Requests whose limits the store did not answer for.");
static struct gp_metric remembered = GP_GAUGE(
	"gatepost_policy_messages", "Messages under way of which is remembered what they used.");

void limits_register_metrics(void)
{
	gp_metric_register(&unanswered);
	gp_metric_register(&remembered);
	limit_outage_register_metrics();
}

void limits_start(const struct ratelimit_conf *conf)
{
	limit_outage_start(conf->limits.outage_file);
}

void limits_done(void)
{
	limit_memory_done();
	limit_outage_done();
}

void limits_configure(struct gp_snapshot *snap, struct gp_conf_report *report, struct limits **ret)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	struct gp_arena *arena = gp_snapshot_arena(snap);
	struct limits *limits = GP_ARENA_NEW(arena, struct limits);

	*ret = limits;
	limits->networks = gp_snapshot_get(snap, &gp_conf_networks_table);
	/* All was found right when it was read. */
	if (limit_rules_build(&ratelimit_table, limits_groups(conf, snap), arena, &limits->rules,
			      report) ||
	    gp_directory_query_new(&conf->limits.overrides, arena, &limits->overrides, NULL) ||
	    gp_directory_query_new(&conf->limits.groups, arena, &limits->groups, NULL))
		return;
	limits->watches = GP_ARENA_NEW_N(arena, limits->rules.len + 1, struct limit_watch *);
	for (size_t i = 0; i < limits->rules.len; i++) {
		limits->watches[i] = limit_watch_get(limits->rules.items[i].name);
		limits->has_groups |= limit_by_has(&limits->rules.items[i].by, LIMIT_LDAP_GROUP);
		limits->has_accounts |=
			limit_by_has(&limits->rules.items[i].by, LIMIT_SASL_USERNAME);
	}
}

/* Round 1: what the directory says of the account. */

static bool ask_directory(struct policy_ask *ask, struct work *w)
{
	const struct limits *limits = ask->data->limits;
	struct gp_str account = limit_subject_get(&w->subject, LIMIT_SASL_USERNAME);

	if (!ratelimit.ldap || account.len == 0)
		return false;
	if (limits->overrides && limits->has_accounts)
		w->overrides = gp_ldap_begin(ratelimit.ldap, policy_ask_batch_half(ask),
					     limits->overrides, account);
	if (limits->groups && limits->has_groups)
		w->groups = gp_ldap_begin(ratelimit.ldap, policy_ask_batch_half(ask), limits->groups,
					  account);
	return w->overrides || w->groups;
}

static void finish_directory(struct policy_ask *ask, struct work *w)
{
	w->directory.overrides =
		limit_directory_values(w->overrides, ask->arena, &w->directory.n_overrides);
	w->subject.groups = limit_directory_values(w->groups, ask->arena, &w->subject.n_groups);
	gp_directory_report(ratelimit.ldap);
}

/* Asking the store, and what follows. */

static bool ask_part(struct policy_ask *ask, struct work *w, enum limit_part_kind kind)
{
	const struct limit_part *part = &w->plan.parts[kind];

	if (part->len == 0)
		return false;
	w->calls[kind] = gp_store_limit_begin(ratelimit.store, policy_ask_batch(ask), LIMIT_TABLE,
					      part->takes, part->len, limit_part_mode(kind),
					      limit_store_time(ask->conf));
	return true;
}

static void remember(struct work *w, enum limit_part_kind kind, bool recipients_only)
{
	const struct limit_part *part = &w->plan.parts[kind];
	int64_t mono_ms = gp_clock_mono_ms();

	for (size_t i = 0; i < part->marks.len; i++)
		if (!recipients_only || part->marks.items[i].is_recipient)
			limit_memory_add(w->message, part->marks.items[i].what,
					 part->marks.items[i].amount, mono_ms);
	gp_metric_set(&remembered, (int64_t)limit_memory_messages());
}

/* True: the store answered, and had room for all. */
static bool finish_part(struct policy_ask *ask, struct work *w, enum limit_part_kind kind)
{
	struct limit_part *part = &w->plan.parts[kind];
	const struct gp_limit_call *call = w->calls[kind];
	int r;

	if (!call)
		return true;
	r = gp_store_limit_finish(w->calls[kind], part->takes);
	w->calls[kind] = NULL;
	limit_store_report(r);
	if (r != GP_OK) {
		gp_metric_add(&unanswered, 1);
		w->is_unanswered = true;
		return limit_verdict_unknown(ask, &w->subject, part, kind,
					     gp_store_limit_is_unsure(call));
	}
	return limit_verdict(ask, &w->subject, part);
}

static bool plan_and_look(struct policy_ask *ask, struct work *w)
{
	static int64_t said_ms;
	int64_t now_ms = gp_clock_mono_ms();

	limit_plan_make(ask->data->limits, &ask->request, &w->subject, &w->directory, w->message,
			now_ms, &w->plan);
	if (w->plan.is_cut && (said_ms == 0 || now_ms - said_ms > 60000)) {
		gp_log_warning("more than %d limits are for one request: the last do not count "
			       "(account %.*s, %zu groups)",
			       GP_LIMIT_TAKES_MAX, GP_STR_FMT(w->subject.account),
			       w->subject.n_groups);
		said_ms = now_ms;
	}
	if (w->is_exempt) {
		for (int kind = 0; kind < LIMIT_PARTS; kind++) {
			remember(w, (enum limit_part_kind)kind, true);
			w->plan.parts[kind].len = 0;
		}
		return false;
	}
	(void)limit_verdict(ask, &w->subject, &w->plan.barred);
	return !answer_is_final(ask->answer.action) && ask_part(ask, w, LIMIT_PART_LOOK);
}

static void finish_look(struct policy_ask *ask, struct work *w)
{
	(void)finish_part(ask, w, LIMIT_PART_LOOK);
}

static bool ask_take(struct policy_ask *ask, struct work *w)
{
	return ask_part(ask, w, LIMIT_PART_TAKE);
}

static void finish_take(struct policy_ask *ask, struct work *w)
{
	if (finish_part(ask, w, LIMIT_PART_TAKE))
		remember(w, LIMIT_PART_TAKE, false);
}

static bool ask_rest(struct policy_ask *ask, struct work *w)
{
	bool is_dry = ask_part(ask, w, LIMIT_PART_DRY), passes = ask_part(ask, w, LIMIT_PART_PASS);

	return is_dry || passes;
}

static void finish_rest(struct policy_ask *ask, struct work *w)
{
	/* What would have been refused here would not be asked about again at a later stage. */
	if (finish_part(ask, w, LIMIT_PART_DRY) || !w->is_unanswered)
		remember(w, LIMIT_PART_DRY, false);
	(void)finish_part(ask, w, LIMIT_PART_PASS);
	remember(w, LIMIT_PART_PASS, false);
}

/* False from `ask`: nothing to wait for. */
static const struct {
	bool (*ask)(struct policy_ask *ask, struct work *w);
	void (*finish)(struct policy_ask *ask, struct work *w);
} rounds[] = {
	{ask_directory, finish_directory},
	{plan_and_look, finish_look},
	{ask_take, finish_take},
	{ask_rest, finish_rest},
};

/* NULL: no limit is for this one. */
static struct work *begin(struct policy_ask *ask)
{
	const struct policy_request *r = &ask->request;
	struct work *w;

	if (ask->data->limits->rules.len == 0)
		return NULL;
	w = GP_ARENA_NEW(ask->arena, struct work);
	w->subject = (struct limit_subject){
		.arena = ask->arena,
		.account = policy_get(r, POLICY_sasl_username),
		.sender = policy_get(r, POLICY_sender),
		.helo = policy_get(r, POLICY_helo_name),
		.recipient = policy_get(r, POLICY_recipient),
		.client = r->client,
	};
	switch (limit_exempt_find(&ask->conf->limits, ask->data->limits->networks, &w->subject)) {
	case LIMIT_EXEMPT_ALL:
		return NULL;
	case LIMIT_EXEMPT_RECIPIENT:
		w->is_exempt = true;
		break;
	case LIMIT_EXEMPT_NO:
		break;
	}
	w->message = limit_memory_message(policy_get(r, POLICY_instance),
					  policy_get(r, POLICY_client_address));
	return w;
}

enum check_step limits_check(struct policy_ask *ask)
{
	struct work *w = ask->state;

	if (w) {
		rounds[w->round++].finish(ask, w);
	} else {
		w = begin(ask);
		if (!w)
			return CHECK_NEXT;
		ask->state = w;
	}
	for (; w->round < GP_ARRAY_SIZE(rounds) && !answer_is_final(ask->answer.action); w->round++)
		if (rounds[w->round].ask(ask, w))
			return CHECK_WAIT;
	return CHECK_NEXT;
}
