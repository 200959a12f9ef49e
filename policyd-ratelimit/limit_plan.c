/*
 * Planning; see the header.
 */
#include "policyd-ratelimit/limit_plan.h"

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "policyd-ratelimit/limit_memory.h"
#include "policyd-ratelimit/limit_override.h"

struct planner {
	const struct policy_request *request;
	struct limit_subject *subject;
	const struct limit_directory *directory;
	uint64_t message;
	struct gp_str message_name; /* in the store; empty: it has none */
	int64_t mono_ms;
	struct limit_plan *plan;
};

enum gp_limit_mode limit_part_mode(enum limit_part_kind kind)
{
	static const enum gp_limit_mode modes[LIMIT_PARTS] = {
		[LIMIT_PART_LOOK] = GP_LIMIT_LOOK,
		[LIMIT_PART_TAKE] = GP_LIMIT_TAKE,
		[LIMIT_PART_DRY] = GP_LIMIT_TAKE,
		[LIMIT_PART_PASS] = GP_LIMIT_COUNT,
	};

	return modes[kind];
}

static bool has_context(const struct gp_conf_list *list, struct gp_str context)
{
	for (size_t i = 0; i < list->len; i++)
		if (gp_str_eq(gp_str(list->items[i]), context))
			return true;
	return list->len == 0;
}

bool limit_rule_applies(const struct limit_rule *rule, const struct policy_request *r)
{
	const struct limit_conf *conf = rule->conf;
	bool is_authenticated = policy_get(r, POLICY_sasl_username).len > 0;

	if (conf->when != LIMIT_ANY && is_authenticated != (conf->when == LIMIT_AUTHENTICATED))
		return false;
	return (conf->networks.len == 0 || gp_netset_has(&conf->networks, &r->client)) &&
	       has_context(&conf->context, policy_get(r, POLICY_policy_context));
}

/* In a map it would be an error with its line. */
static void complain(const struct limit_rule *rule, struct gp_str account, const struct gp_diag *why)
{
	static int64_t said_ms; /* the loop's */
	int64_t now_ms = gp_clock_mono_ms();

	if (said_ms != 0 && now_ms - said_ms < 60000)
		return;
	said_ms = now_ms;
	gp_log_warning("ldap: what %.*s may in limit \"%.*s\" cannot be used: %s", GP_STR_FMT(account),
		       GP_STR_FMT(rule->name), why->text);
}

static bool find_in_directory(const struct limit_rule *rule, struct gp_str account,
			      const struct limit_directory *d, struct limit_windows *ret)
{
	for (size_t i = 0; i < d->n_overrides; i++) {
		struct gp_diag why = {""};
		int r = limit_override_of_account(d->overrides[i], rule, ret, &why);

		if (r == GP_OK)
			return true;
		if (r != GP_ENOENT)
			complain(rule, account, &why);
	}
	return false;
}

void limit_windows_for(const struct limit_rule *rule, struct limit_subject *subject,
		       struct gp_str key, const struct limit_directory *directory,
		       struct limit_windows *ret)
{
	if (!limit_override_find(rule, subject, key, ret) &&
	    !find_in_directory(rule, subject->account, directory, ret))
		*ret = rule->windows;
}

void limit_part_add(struct limit_part *part, struct gp_arena *arena, const struct limit_item *item,
		    const struct gp_limit *limit, int64_t amount, struct gp_str member)
{
	struct gp_str name = item->is_sent ? item->rule->sent_name : item->rule->name;

	part->takes = gp_vec_room(arena, part->takes, part->len, &part->cap, sizeof(*part->takes));
	part->items =
		gp_vec_room(arena, part->items, part->len, &part->items_cap, sizeof(*part->items));
	part->items[part->len] = *item;
	part->takes[part->len] = (struct gp_limit_take){
		.key = limit_state_key(arena, name, item->window, item->key),
		.member = member,
		.limit = *limit,
		.amount = amount,
	};
	if (item->is_sent) {
		part->takes[part->len].limit.kind = GP_LIMIT_SLIDING;
		part->takes[part->len].limit.max = GP_LIMIT_MAX;
	}
	part->len++;
}

/* What a request adds to one key of a rule. */
struct addition {
	int64_t amount, before;
	struct gp_str member, whole, part;
	struct limit_mark marks[2];
	size_t n_marks;
};

static int64_t counted(const struct planner *p, uint64_t what)
{
	return limit_memory_counted(p->message, what, p->mono_ms);
}

/* The message in this limit, by what all its requests have in common, whoever asks. */
static struct gp_str name_of_message(const struct policy_request *r, struct gp_arena *arena)
{
	struct gp_str instance = policy_get(r, POLICY_instance);

	if (instance.len == 0)
		return instance;
	return gp_str(gp_arena_printf(arena, "%.*s %.*s %.*s", GP_STR_FMT(instance),
				      GP_STR_FMT(policy_get(r, POLICY_client_address)),
				      GP_STR_FMT(policy_get(r, POLICY_client_port))));
}

static struct gp_str name_of_whole(const struct planner *p, const struct limit_rule *rule,
				   struct gp_str key)
{
	if (p->message_name.len == 0)
		return p->message_name;
	return limit_state_key(p->subject->arena, p->message_name, rule->name, key);
}

/* Begins as no name of a whole does. */
static struct gp_str name_of_part(const struct planner *p, struct gp_str whole, struct gp_str part)
{
	if (whole.len == 0)
		return whole;
	return gp_str(gp_arena_printf(p->subject->arena, "\n%zu\t%.*s\t%.*s", whole.len,
				      GP_STR_FMT(whole), GP_STR_FMT(part)));
}

static struct addition addition_to(const struct planner *p, const struct limit_rule *rule,
				   struct gp_str key)
{
	uint64_t name = gp_hash_table(rule->name.ptr, rule->name.len);
	uint64_t all = gp_hash64(name, key.ptr, key.len), one;
	struct addition a = {.amount = limit_stage_amount(rule, p->request)};
	bool is_recipient = rule->count == LIMIT_DISTINCT_RECIPIENTS ||
			    (p->request->stage == POLICY_RCPT && rule->count != LIMIT_MESSAGES &&
			     rule->count != LIMIT_BYTES);
	struct gp_str recipient;

	if (!is_recipient) {
		a.before = counted(p, all);
		a.amount = GP_MAX(a.amount - a.before, (int64_t)0);
		a.whole = name_of_whole(p, rule, key);
		a.marks[a.n_marks++] = (struct limit_mark){.what = all, .amount = a.amount};
		return a;
	}
	recipient = limit_subject_get(p->subject, LIMIT_RECIPIENT);
	one = gp_hash64(all + 1, recipient.ptr, recipient.len);
	if (recipient.len == 0 || counted(p, one) > 0)
		return (struct addition){0};
	a.marks[a.n_marks++] = (struct limit_mark){.what = one, .amount = 1, .is_recipient = true};
	if (rule->count == LIMIT_DISTINCT_RECIPIENTS) {
		a.member = recipient; /* known to the store for a window */
		return a;
	}
	a.before = counted(p, all);
	a.whole = name_of_whole(p, rule, key);
	a.part = name_of_part(p, a.whole, recipient);
	a.marks[a.n_marks++] =
		(struct limit_mark){.what = all, .amount = a.amount, .is_recipient = true};
	return a;
}

/* One question for each window. */
static void ask_windows(struct planner *p, enum limit_part_kind kind, struct limit_item item,
			const struct limit_windows *windows, const struct addition *a)
{
	struct limit_part *part = &p->plan->parts[kind];
	struct gp_arena *arena = p->subject->arena;

	if (part->len + windows->len > GP_LIMIT_TAKES_MAX) {
		p->plan->is_cut = true;
		return;
	}
	for (size_t i = 0; i < windows->len; i++) {
		item.window = gp_arena_str(arena, gp_str(windows->items[i].name));
		limit_part_add(part, arena, &item, &windows->items[i].limit, a->amount, a->member);
		part->takes[part->len - 1].whole = a->whole;
		part->takes[part->len - 1].part = a->part;
		part->takes[part->len - 1].before = GP_MIN(a->before, (int64_t)GP_LIMIT_AMOUNT_MAX);
	}
	for (size_t i = 0; i < a->n_marks; i++)
		*gp_vec_push(arena, &part->marks) = a->marks[i];
}

static enum limit_part_kind part_of(const struct limit_rule *rule)
{
	if (rule->conf->dry_run)
		return LIMIT_PART_DRY;
	return answer_is_final((enum answer_action)rule->conf->action) ? LIMIT_PART_TAKE
								       : LIMIT_PART_PASS;
}

/* Bounces and their recipients side by side, and what this request adds to the latter. */
static void plan_ratio(struct planner *p, const struct limit_item *item,
		       const struct limit_windows *windows)
{
	struct limit_item sent = *item;
	struct addition none = {0}, a = addition_to(p, item->rule, item->key);

	sent.is_sent = true;
	ask_windows(p, LIMIT_PART_LOOK, *item, windows, &none);
	ask_windows(p, LIMIT_PART_LOOK, sent, windows, &none);
	if (a.amount > 0)
		ask_windows(p, LIMIT_PART_PASS, sent, windows, &a);
}

/* Whatever it is: it is too much. */
static void bar(struct planner *p, struct limit_item item, const struct limit_window *window)
{
	struct limit_part *part = &p->plan->barred;

	item.window = gp_arena_str(p->subject->arena, gp_str(window->name));
	limit_part_add(part, p->subject->arena, &item, &window->limit, 0, GP_STR(""));
	part->takes[part->len - 1].answer.retry_ms = window->limit.window_ms;
}

static void plan_key(struct planner *p, const struct limit_rule *rule, size_t i)
{
	struct limit_item item = {.rule = rule, .key = limit_key_get(&rule->by, p->subject, i)};
	struct limit_windows windows;
	struct addition a = {0};

	limit_windows_for(rule, p->subject, item.key, p->directory, &windows);
	if (windows.len == 0)
		return;
	if (rule->sent_name.len > 0) {
		plan_ratio(p, &item, &windows);
		return;
	}
	if (!limit_count_is_event(rule->count)) {
		a = addition_to(p, rule, item.key);
		if (a.amount == 0)
			return;
	}
	if (limit_windows_zero(&windows))
		bar(p, item, limit_windows_zero(&windows));
	else
		ask_windows(p, part_of(rule), item, &windows, &a);
}

static void plan_rule(struct planner *p, const struct limit_rule *rule, struct limit_watch *watch)
{
	enum limit_stage_fit fit;
	size_t n_keys;

	if (!limit_rule_applies(rule, p->request))
		return;
	fit = limit_stage_fits(rule, p->request);
	if (fit != LIMIT_STAGE_FITS && fit != LIMIT_STAGE_LONE) {
		if (limit_key_is_possible(&rule->by, p->subject,
					  limit_stage_unknown(p->request->stage)))
			limit_watch_seen(watch, rule, fit, p->request->stage);
		return;
	}
	n_keys = limit_key_count(&rule->by, p->subject);
	if (n_keys > 0)
		limit_watch_seen(watch, rule, fit, p->request->stage);
	for (size_t i = 0; i < n_keys; i++)
		plan_key(p, rule, i);
}

void limit_plan_make(const struct limits *limits, const struct policy_request *request,
		     struct limit_subject *subject, const struct limit_directory *directory,
		     uint64_t message, int64_t mono_ms, struct limit_plan *ret)
{
	struct planner p = {.request = request,
			    .subject = subject,
			    .directory = directory,
			    .message = message,
			    .message_name = name_of_message(request, subject->arena),
			    .mono_ms = mono_ms,
			    .plan = ret};

	*ret = (struct limit_plan){0};
	for (size_t i = 0; i < limits->rules.len; i++)
		plan_rule(&p, &limits->rules.items[i], limits->watches[i]);
}
