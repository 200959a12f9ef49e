/*
 * Greylisting at the policy stage; see the header.
 */
#include "policyd-ratelimit/greylist.h"

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/greylist_who.h"
#include "policyd-ratelimit/limit_text.h"
#include "policyd-ratelimit/options.h"
#include "policyd-ratelimit/ratelimit.h"

#define TABLE GP_STR("limit-greylist")
#define COMPLAIN_MS 60000
/* Messages that were given the header lately: it is one for all of their recipients. */
#define MARKED_MAX 256

/* Messages of which a recipient passed at RCPT lately, by a hash of their instance: at DATA, where
 * several recipients have no name, they are not tried again as something else. */
#define PASSED_MAX 16384

struct greylist_setup {
	struct gp_greylist_rule rule;
	struct limit_text text;
};

struct greylist_try {
	struct greylist_who *who_task;
	struct gp_str who; /* "@example.org", "192.0.2.0/24" */
	struct gp_greylist_call *call;
};

enum outcome { FIRST, EARLY, RETURNED, PASSED, ALLOWED, EXEMPT, FAILED, OUTCOMES };

#define TRIED(outcome_)                                                                            \
	GP_COUNTER_L("gatepost_policy_greylist_total", "result=\"" outcome_ "\"",                  \
		     "What greylisting said.")
static struct gp_metric tried[OUTCOMES] = {
	[FIRST] = TRIED("first"),     [EARLY] = TRIED("early"),	    [RETURNED] = TRIED("returned"),
	[PASSED] = TRIED("passed"),   [ALLOWED] = TRIED("allowed"), [EXEMPT] = TRIED("exempt"),
	[FAILED] = TRIED("failed"),
};
static struct gp_metric busy = GP_COUNTER("gatepost_policy_greylist_busy_total",
					  "Senders known by their network because all helpers were "
					  "busy.");

static uint64_t marked[MARKED_MAX], passed_at_rcpt[PASSED_MAX];
static size_t marked_at;

void greylist_register_metrics(void)
{
	for (size_t i = 0; i < OUTCOMES; i++)
		gp_metric_register(&tried[i]);
	gp_metric_register(&busy);
}

const struct greylist_setup *greylist_configure(struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	struct gp_arena *arena = gp_snapshot_arena(snap);
	struct greylist_setup *setup;
	struct gp_diag diag;

	if (!conf->greylist.rule.enabled)
		return NULL;
	setup = GP_ARENA_NEW(arena, struct greylist_setup);
	setup->rule = gp_greylist_rule(&conf->greylist.rule);
	/* It was found right when the settings were read. */
	if (limit_text_parse(gp_str(conf->greylist.text), arena, &setup->text, &diag))
		setup->text = (struct limit_text){0};
	return setup;
}

/* Whom it is for. */

static bool is_stranger(const struct policy_ask *ask)
{
	const struct gp_conf_networks *n = gp_snapshot_get(ask->snap, &gp_conf_networks_table);
	const struct policy_request *r = &ask->request;

	return policy_get(r, POLICY_sasl_username).len == 0 && r->client.family != 0 &&
	       !gp_netset_has(&n->own, &r->client);
}

static bool is_exempt(const struct policy_ask *ask)
{
	const struct gp_conf_networks *n = gp_snapshot_get(ask->snap, &gp_conf_networks_table);
	const struct greylist_conf *conf = &ask->conf->greylist;
	const struct policy_request *r = &ask->request;
	struct gp_map_hit hit;

	return gp_netset_has(&n->exempt, &r->client) || gp_netset_has(&conf->exempt, &r->client) ||
	       gp_mapfile_find_ip(conf->welcome, &r->client, &hit) ||
	       gp_mapfile_find_address(conf->welcome, policy_get(r, POLICY_sender), &hit) ||
	       gp_mapfile_find_address(conf->recipients, policy_get(r, POLICY_recipient), &hit);
}

/* What is said. */

/* The header is one for a message, whatever number of its recipients is asked about. */
static bool is_marked(struct gp_str instance)
{
	uint64_t hash = gp_hash_table(instance.ptr, instance.len);

	for (size_t i = 0; i < MARKED_MAX && instance.len > 0; i++)
		if (marked[i] == hash)
			return true;
	marked[marked_at++ % MARKED_MAX] = hash;
	return false;
}

static void mark(struct policy_ask *ask, const struct greylist_try *t,
		 const struct gp_greylist_state *s)
{
	struct answer answer = {.action = ANSWER_PREPEND, .by = "greylist", .rule = GP_STR("returned")};

	if (!ask->conf->greylist.header || s->tries < 2 ||
	    is_marked(policy_get(&ask->request, POLICY_instance)))
		return;
	answer.text = gp_str(gp_arena_printf(ask->arena, "X-Greylist: delayed %lld seconds; known as %.*s",
					     (long long)(s->last_s - s->first_s), GP_STR_FMT(t->who)));
	policy_object(ask, &answer);
}

static void defer(struct policy_ask *ask, const struct greylist_try *t,
		  const struct gp_greylist_state *s)
{
	const struct greylist_setup *setup = ask->data->greylist;
	int64_t wait_s = GP_MAX(s->first_s + setup->rule.delay_s - s->last_s, (int64_t)1);
	struct limit_met met = {.limit = GP_STR("greylist"), .key = t->who, .retry_ms = wait_s * 1000};
	struct answer answer = {.action = ANSWER_DEFER_IF_PERMIT, .by = "greylist"};
	GP_BUF_AUTO text = GP_BUF_INIT(4096);

	limit_text_format(&setup->text, &met, &text);
	answer.text = gp_arena_str(ask->arena, gp_buf_str(&text));
	answer.rule = s->tries > 1 ? GP_STR("early") : GP_STR("first");
	ask->retry = gp_arena_printf(ask->arena, "who=%.*s tries=%u wait=%llds", GP_STR_FMT(t->who),
				     s->tries, (long long)wait_s);
	policy_object(ask, &answer);
}

static uint64_t *passed_slot(const struct policy_ask *ask, uint64_t *ret_hash)
{
	struct gp_str instance = policy_get(&ask->request, POLICY_instance);
	struct gp_str client = policy_get(&ask->request, POLICY_client_address);

	*ret_hash = instance.len == 0 ? 0
				      : gp_hash64(gp_hash_table(client.ptr, client.len), instance.ptr,
						  instance.len);
	return &passed_at_rcpt[*ret_hash % PASSED_MAX];
}

static void remember_passed(const struct policy_ask *ask)
{
	uint64_t hash, *slot = passed_slot(ask, &hash);

	if (ask->request.stage == POLICY_RCPT)
		*slot = hash;
}

/* A message to several, at DATA. */
static bool has_passed(const struct policy_ask *ask)
{
	uint64_t hash;
	const uint64_t *slot = passed_slot(ask, &hash);

	return ask->request.stage == POLICY_DATA && hash != 0 && *slot == hash &&
	       policy_get(&ask->request, POLICY_recipient).len == 0;
}

static enum check_step say(struct policy_ask *ask, const struct greylist_try *t,
			   const struct gp_greylist_state *s)
{
	enum outcome outcome = s->is_allowed  ? ALLOWED
			       : s->is_return ? RETURNED
			       : s->passed    ? PASSED
			       : s->tries > 1 ? EARLY
					      : FIRST;

	gp_metric_add(&tried[outcome], 1);
	if (!s->passed) {
		defer(ask, t, s);
		return CHECK_NEXT;
	}
	remember_passed(ask);
	if (s->is_return)
		mark(ask, t, s);
	return CHECK_NEXT;
}

/* Nobody is deferred; said once a minute. */
static enum check_step give_up(const struct policy_ask *ask)
{
	static int64_t complained_ms;
	int64_t now_ms = gp_clock_mono_ms();
	struct gp_diag why = {""};

	gp_metric_add(&tried[FAILED], 1);
	remember_passed(ask);
	if (complained_ms == 0 || now_ms - complained_ms >= COMPLAIN_MS) {
		gp_store_last_error(ratelimit.store, &why);
		gp_log_warning("greylist: the store does not answer, nobody is deferred: %s", why.text);
		complained_ms = now_ms;
	}
	return CHECK_NEXT;
}

/* The steps. */

static enum check_step count(struct policy_ask *ask, struct greylist_try *t, struct gp_str domain)
{
	const struct policy_request *r = &ask->request;
	GP_BUF_AUTO who = GP_BUF_INIT(1024);
	GP_BUF_AUTO key = GP_BUF_INIT(8192);

	gp_greylist_who(&ask->conf->greylist.rule, &r->client, domain, &who);
	gp_greylist_key(domain, policy_get(r, POLICY_sender), policy_get(r, POLICY_recipient), &key);
	t->who = gp_arena_str(ask->arena, gp_buf_str(&who));
	t->call = gp_store_greylist_begin(ratelimit.store, policy_ask_batch(ask), TABLE, t->who,
					  gp_buf_str(&key), &ask->data->greylist->rule,
					  ask->now_ms / 1000);
	return CHECK_WAIT;
}

static enum check_step begin(struct policy_ask *ask)
{
	struct greylist_try *t = GP_ARENA_NEW(ask->arena, struct greylist_try);

	ask->state = t;
	t->who_task = greylist_who_begin(ask);
	if (t->who_task)
		return CHECK_WAIT;
	gp_metric_add(&busy, 1);
	return count(ask, t, GP_STR(""));
}

enum check_step greylist_check(struct policy_ask *ask)
{
	enum policy_stage stage = ask->request.stage;
	struct greylist_try *t = ask->state;
	struct gp_greylist_state s;

	if (t && !t->call)
		return count(ask, t, greylist_who_finish(ask, t->who_task));
	if (t)
		return gp_store_greylist_finish(t->call, &s) == GP_OK ? say(ask, t, &s) : give_up(ask);
	if (!ask->data->greylist || !greylist_who_is_on() || !is_stranger(ask) ||
	    (stage != POLICY_RCPT && stage != POLICY_DATA) || has_passed(ask))
		return CHECK_NEXT;
	if (!is_exempt(ask))
		return begin(ask);
	remember_passed(ask);
	gp_metric_add(&tried[EXEMPT], 1);
	return CHECK_NEXT;
}
