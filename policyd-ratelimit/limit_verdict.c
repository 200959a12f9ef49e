/*
 * Verdicts; see the header.
 */
#include "policyd-ratelimit/limit_verdict.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "policyd-ratelimit/contain.h"
#include "policyd-ratelimit/limit_outage.h"
#include "policyd-ratelimit/ratelimit.h"

/* A store that is full, say, answers some and fails others: it is back when nothing failed for
 * so long. */
#define STEADY_MS 5000

/* Is the share of bounces too high?  Its questions come behind those for the bounces. */
static bool is_ratio_met(const struct limit_part *part, size_t at)
{
	const struct limit_item *item = &part->items[at];
	const struct limit_conf *conf = item->rule->conf;
	int64_t bounces = part->takes[at].answer.used;

	for (size_t i = at + 1; i < part->len && part->items[i].rule == item->rule; i++) {
		int64_t sent = part->takes[i].answer.used;

		if (part->items[i].is_sent && gp_str_eq(part->items[i].window, item->window) &&
		    gp_str_eq(part->items[i].key, item->key))
			return sent >= conf->ratio_min &&
			       (double)bounces * 100 > conf->ratio * (double)sent;
	}
	return false;
}

static bool is_met(const struct limit_part *part, size_t i)
{
	if (part->takes[i].answer.passed || part->items[i].is_sent)
		return false;
	return part->items[i].rule->sent_name.len == 0 || is_ratio_met(part, i);
}

static bool is_longer(const struct gp_limit_answer *a, const struct gp_limit_answer *b)
{
	return b->retry_ms >= 0 && (a->retry_ms < 0 || a->retry_ms > b->retry_ms);
}

const struct limit_item *limit_part_next_met(const struct limit_part *part, size_t *at,
					     struct limit_met *ret)
{
	size_t worst = part->len, i = *at;
	const struct limit_item *first = i < part->len ? &part->items[i] : NULL;

	for (; i < part->len && part->items[i].rule == first->rule &&
	       gp_str_eq(part->items[i].key, first->key);
	     i++)
		if (is_met(part, i) &&
		    (worst == part->len ||
		     is_longer(&part->takes[i].answer, &part->takes[worst].answer)))
			worst = i;
	*at = i;
	if (worst == part->len)
		return NULL;
	*ret = (struct limit_met){
		.limit = first->rule->name,
		.window = part->items[worst].window,
		.key = first->key,
		.max = part->takes[worst].limit.max,
		.window_ms = part->takes[worst].limit.window_ms,
		.used = part->takes[worst].answer.used,
		.retry_ms = part->takes[worst].answer.retry_ms,
		.is_size = first->rule->form.is_size,
	};
	return &part->items[worst];
}

/* "100/100/1h". */
static void add_met(const struct limit_met *met, struct gp_buf *out)
{
	gp_buf_printf(out, "%lld/%lld/%.*s", (long long)met->used, (long long)met->max,
		      GP_STR_FMT(met->window));
}

static void log_met(struct gp_logline *l, const struct limit_met *met)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1024);

	add_met(met, &text);
	gp_logline_cstr(l, "by", "limit");
	gp_logline_str(l, "rule", met->limit);
	gp_logline_cstr(l, "met", gp_buf_cstr(&text));
	gp_logline_str(l, "key", met->key);
}

/* "more than 100 distinct recipients in 1h". */
static void add_reason(const struct limit_rule *rule, const struct limit_met *met, struct gp_buf *out)
{
	const char *count = gp_conf_enum_name(limit_count_names, (int)rule->count);

	gp_buf_printf(out, "more than %lld ", (long long)met->max);
	for (; *count; count++)
		gp_buf_add_chr(out, *count == '_' ? ' ' : *count);
	gp_buf_printf(out, " in %.*s", GP_STR_FMT(met->window));
}

/* One attribute: limit_rule.c saw to that. */
static void contain(const struct limit_rule *rule, const struct limit_met *met, int64_t now_ms)
{
	GP_BUF_AUTO reason = GP_BUF_INIT(256);
	struct contain_trip trip = {
		.rule = rule->name,
		.kind = contain_kind_of(rule->by.parts[0]),
		.key = met->key,
		.account = met->account,
		.action = (enum answer_action)rule->conf->contain_action,
		.for_ms = rule->conf->contain_ms,
		.now_ms = now_ms,
		.used = met->used,
		.max = met->max,
		.window_ms = met->window_ms,
	};

	if (trip.for_ms <= 0 || rule->conf->dry_run)
		return;
	add_reason(rule, met, &reason);
	trip.reason = gp_buf_str(&reason);
	contain_trip(&trip);
}

void limit_verdict_event(const struct limit_rule *rule, const struct limit_met *met, int64_t now_ms)
{
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_cstr(&l, "event", gp_conf_enum_name(limit_count_names, (int)rule->count));
	log_met(&l, met);
	if (met->account.len > 0)
		gp_logline_str(&l, "user", met->account);
	gp_logline_emit(&l);
	contain(rule, met, now_ms);
}

static void log_dry_run(const struct policy_ask *ask, const struct limit_met *met, int action)
{
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_INFO);
	if (policy_get(&ask->request, POLICY_queue_id).len > 0)
		gp_logline_str(&l, "queue_id", policy_get(&ask->request, POLICY_queue_id));
	gp_logline_cstr(&l, "stage", policy_stage_name(ask->request.stage));
	gp_logline_cstr(&l, "dry_run", gp_conf_enum_name(answer_names, action));
	log_met(&l, met);
	gp_logline_str(&l, "client", policy_get(&ask->request, POLICY_client_address));
	gp_logline_emit(&l);
}

static void object(struct policy_ask *ask, const struct limit_rule *rule,
		   const struct limit_met *met)
{
	enum answer_action before = ask->answer.action;
	struct answer answer = {.action = (enum answer_action)rule->conf->action,
				.by = "limit",
				.rule = rule->name};
	GP_BUF_AUTO text = GP_BUF_INIT(4096);

	limit_text_format(&rule->text, met, &text);
	answer.text = gp_arena_str(ask->arena, gp_buf_str(&text));
	policy_object(ask, &answer);
	if (ask->answer.action == before)
		return;
	gp_buf_reset(&text);
	add_met(met, &text);
	ask->retry = gp_arena_strdup(ask->arena, gp_buf_cstr(&text));
}

bool limit_verdict(struct policy_ask *ask, const struct limit_subject *subject,
		   const struct limit_part *part)
{
	const struct limit_item *item;
	struct limit_met met;
	size_t at = 0;
	bool has_room = true;

	for (size_t i = 0; i < part->len; i++)
		has_room &= part->takes[i].answer.passed;
	while (at < part->len) {
		item = limit_part_next_met(part, &at, &met);
		if (!item)
			continue;
		met.account = subject->account;
		limit_watch_exceeded(ask->data->limits->watches[item->rule->index]);
		if (item->rule->conf->dry_run)
			log_dry_run(ask, &met, item->rule->conf->action);
		else
			object(ask, item->rule, &met);
		contain(item->rule, &met, ask->now_ms);
	}
	return has_room;
}

/* While the store is away. */

static bool is_ours(const struct policy_ask *ask)
{
	return policy_get(&ask->request, POLICY_sasl_username).len > 0 ||
	       gp_netset_has(&ask->data->limits->networks->own, &ask->request.client);
}

bool limit_verdict_unknown(struct policy_ask *ask, const struct limit_subject *subject,
			   struct limit_part *part, enum limit_part_kind kind, bool is_unsure)
{
	struct answer answer = {
		.action = ANSWER_DEFER_IF_PERMIT,
		.text = GP_STR("4.3.0 Limits cannot be looked up now, try again later"),
		.by = "limit"};

	if (is_ours(ask)) {
		if (kind == LIMIT_PART_LOOK) /* who counts bounces tells the store alone */
			return false;
		limit_outage_take(part->takes, part->len, limit_part_mode(kind), is_unsure);
		return limit_verdict(ask, subject, part);
	}
	if (kind == LIMIT_PART_TAKE && ask->conf->limits.on_error == GP_ON_ERROR_TEMPFAIL)
		policy_object(ask, &answer);
	return false;
}

int64_t limit_store_time(const struct ratelimit_conf *conf)
{
	return conf->clock_offset_ms ? ratelimit_now_ms(conf) : 0;
}

void limit_store_report(int result)
{
	static bool is_down;
	static int64_t failed_ms;
	int64_t now_ms = gp_clock_mono_ms();
	struct gp_diag why = {""};

	if (result != GP_OK)
		failed_ms = now_ms;
	if ((result != GP_OK) == is_down || (is_down && now_ms - failed_ms < STEADY_MS))
		return;
	is_down = result != GP_OK;
	if (is_down)
		gp_store_last_error(ratelimit.store, &why);
	if (is_down)
		gp_log_warning(
			"store: limits are not answered (%s): mail of accounts and own networks is "
			"counted in memory",
			why.text[0] ? why.text : gp_err_name(result));
	else
		gp_log_info("store: limits are answered again");
}
