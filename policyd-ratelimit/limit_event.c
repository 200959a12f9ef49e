/*
 * Events: bounces, failed logins and spam, counted when somebody tells of them.
 *
 * First the directory is asked what the account may, where it knows such things.  Then one call
 * counts, another looks at the share of bounces; both travel together.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "policyd-ratelimit/limit_directory.h"
#include "policyd-ratelimit/limit_exempt.h"
#include "policyd-ratelimit/limit_plan.h"
#include "policyd-ratelimit/limit_verdict.h"
#include "policyd-ratelimit/ratelimit.h"

struct counting {
	struct gp_arena *arena;
	struct gp_snapshot *snap;
	const struct limits *limits;
	struct limits_event event; /* its texts are in the arena */
	struct limit_subject subject;
	struct limit_directory directory;
	struct gp_ldap_lookup *overrides;
	struct limit_part count, look;
	struct gp_limit_call *count_call, *look_call;
	struct gp_batch *batch;
	struct gp_call ready;
	struct gp_timer late;
	int64_t deadline_ms;
	void (*finish)(struct counting *c); /* of what is waited for */
	limits_counted_fn *done;
	void *arg;
};

static void end(struct counting *c, int result)
{
	limits_counted_fn *done = c->done;
	void *arg = c->arg;

	gp_timer_clear(ratelimit.loop, &c->late);
	gp_batch_free(&c->batch);
	gp_snapshot_unref(c->snap);
	gp_arena_free(c->arena);
	free(c);
	done(arg, result);
}

static void judge(struct counting *c, const struct limit_part *part)
{
	const struct limit_item *item;
	struct limit_met met;
	size_t at = 0;

	while (at < part->len) {
		item = limit_part_next_met(part, &at, &met);
		if (!item)
			continue;
		met.account = c->subject.account;
		limit_watch_exceeded(c->limits->watches[item->rule->index]);
		limit_verdict_event(item->rule, &met,
				    ratelimit_now_ms(gp_snapshot_get(c->snap, &ratelimit_table)));
	}
}

static void finish_store(struct counting *c)
{
	int r = gp_store_limit_finish(c->count_call, c->count.takes);

	limit_store_report(r);
	if (r == GP_OK)
		judge(c, &c->count);
	if (c->look_call && gp_store_limit_finish(c->look_call, c->look.takes) == GP_OK)
		judge(c, &c->look);
	end(c, r);
}

static void ready(void *arg)
{
	struct counting *c = arg;

	c->finish(c);
}

static void late(void *arg)
{
	struct counting *c = arg;

	if (gp_batch_forget(c->batch))
		c->finish(c);
}

static void wait_for(struct counting *c, void (*finish)(struct counting *c))
{
	c->finish = finish;
	gp_timer_set(ratelimit.loop, &c->late, gp_batch_deadline(c->batch));
	gp_batch_notify(c->batch, ratelimit.loop, &c->ready);
}

static bool is_for(const struct limit_rule *rule, const struct limits_event *event,
		   const struct limit_subject *subject)
{
	const struct limit_conf *conf = rule->conf;

	if (rule->count != event->count ||
	    (event->count == LIMIT_SPAM && event->score < conf->score))
		return false;
	/* Who fails to log in is nobody yet. */
	if (event->count != LIMIT_AUTH_FAILURES && conf->when != LIMIT_ANY &&
	    (subject->account.len > 0) != (conf->when == LIMIT_AUTHENTICATED))
		return false;
	return conf->networks.len == 0 || subject->client.family == 0 ||
	       gp_netset_has(&conf->networks, &subject->client);
}

/* Told late, it counts from when it was: of yesterday's bounces nobody is to be contained today. */
static int64_t age_of(const struct limits_event *event)
{
	int64_t now_s = gp_clock_real_s();

	return event->time_s <= 0 || event->time_s >= now_s ? 0 : (now_s - event->time_s) * 1000;
}

static void plan_windows(struct counting *c, struct limit_item item,
			 const struct limit_windows *windows, const struct limits_event *event)
{
	int64_t age_ms = age_of(event);
	bool has_ratio = item.rule->sent_name.len > 0;
	struct limit_item sent = item;

	sent.is_sent = true;
	for (size_t i = 0; i < windows->len && c->count.len < GP_LIMIT_TAKES_MAX; i++) {
		if (age_ms >= windows->items[i].limit.window_ms)
			continue;
		item.window = gp_arena_str(c->arena, gp_str(windows->items[i].name));
		limit_part_add(&c->count, c->arena, &item, &windows->items[i].limit, 1, event->id);
		c->count.takes[c->count.len - 1].age_ms = age_ms;
		if (has_ratio)
			limit_part_add(&c->look, c->arena, &item, &windows->items[i].limit, 0,
				       GP_STR(""));
	}
	for (size_t i = 0; i < windows->len && has_ratio; i++) {
		sent.window = gp_arena_str(c->arena, gp_str(windows->items[i].name));
		limit_part_add(&c->look, c->arena, &sent, &windows->items[i].limit, 0, GP_STR(""));
	}
}

static void plan(struct counting *c)
{
	for (size_t i = 0; i < c->limits->rules.len; i++) {
		const struct limit_rule *rule = &c->limits->rules.items[i];
		struct limit_item item = {.rule = rule};
		struct limit_windows windows;

		if (!is_for(rule, &c->event, &c->subject) ||
		    limit_key_count(&rule->by, &c->subject) == 0)
			continue;
		item.key = limit_key_get(&rule->by, &c->subject, 0);
		limit_windows_for(rule, &c->subject, item.key, &c->directory, &windows);
		plan_windows(c, item, &windows, &c->event);
	}
}

static struct counting *counting_new(const struct limits_event *event, limits_counted_fn *done,
				     void *arg)
{
	struct counting *c = gp_xcalloc(1, sizeof(*c));
	const struct ratelimit_data *data;

	c->arena = gp_arena_new(4096);
	c->snap = gp_daemon_snapshot();
	data = gp_snapshot_data(c->snap);
	c->limits = data->limits;
	c->done = done;
	c->arg = arg;
	c->ready = (struct gp_call){.fn = ready, .arg = c};
	c->late = (struct gp_timer){.fn = late, .arg = c};
	c->event = *event;
	c->event.id = gp_arena_str(c->arena, event->id);
	c->event.account = gp_arena_str(c->arena, event->account);
	c->subject = (struct limit_subject){
		.arena = c->arena,
		.account = c->event.account,
		.sender = gp_arena_str(c->arena, event->sender),
		.recipient = gp_arena_str(c->arena, event->recipient),
	};
	if (gp_ip_parse(event->client, &c->subject.client) < 0)
		c->subject.client = (struct gp_ip){0};
	return c;
}

static void ask_store(struct counting *c)
{
	int64_t now_ms = limit_store_time(gp_snapshot_get(c->snap, &ratelimit_table));

	plan(c);
	if (c->count.len == 0) {
		end(c, GP_OK);
		return;
	}
	c->batch = gp_batch_new(c->deadline_ms);
	c->count_call = gp_store_limit_begin(ratelimit.store, c->batch, LIMIT_TABLE, c->count.takes,
					     c->count.len, GP_LIMIT_COUNT, now_ms);
	c->look.len = GP_MIN(c->look.len, (size_t)GP_LIMIT_TAKES_MAX);
	if (c->look.len > 0)
		c->look_call =
			gp_store_limit_begin(ratelimit.store, c->batch, LIMIT_TABLE, c->look.takes,
					     c->look.len, GP_LIMIT_LOOK, now_ms);
	wait_for(c, finish_store);
}

static void finish_directory(struct counting *c)
{
	c->directory.overrides =
		limit_directory_values(c->overrides, c->arena, &c->directory.n_overrides);
	gp_directory_report(ratelimit.ldap);
	gp_batch_free(&c->batch);
	ask_store(c);
}

/* Does any limit count it? */
static bool is_wanted(struct counting *c)
{
	for (size_t i = 0; i < c->limits->rules.len; i++)
		if (is_for(&c->limits->rules.items[i], &c->event, &c->subject))
			return true;
	return false;
}

void limits_event(const struct limits_event *event, limits_counted_fn *done, void *arg)
{
	struct counting *c = counting_new(event, done, arg);
	const struct ratelimit_conf *conf = gp_snapshot_get(c->snap, &ratelimit_table);

	c->deadline_ms = gp_clock_mono_ms() + conf->deadline_ms;
	if (!is_wanted(c) || limit_exempt_find(&conf->limits, c->limits->networks, &c->subject) ==
				     LIMIT_EXEMPT_ALL) {
		end(c, GP_OK);
		return;
	}
	if (!ratelimit.ldap || !c->limits->overrides || c->event.account.len == 0) {
		ask_store(c);
		return;
	}
	c->batch = gp_batch_new(c->deadline_ms - conf->deadline_ms / 2); /* the store needs some too */
	c->overrides = gp_ldap_begin(ratelimit.ldap, c->batch, c->limits->overrides,
				     limit_subject_get(&c->subject, LIMIT_SASL_USERNAME));
	wait_for(c, finish_directory);
}
