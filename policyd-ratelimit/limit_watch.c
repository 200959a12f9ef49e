/*
 * Limits in the wrong place; see the header.
 */
#include "policyd-ratelimit/limit_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "policyd-ratelimit/ratelimit.h"

struct limit_watch {
	char name[LIMIT_NAME_MAX + 1];
	char labels[LIMIT_NAME_MAX + 16];
	struct gp_metric attached, misplaced, exceeded;
	/* The loop's. */
	const char *parameter; /* what the rule needed last: a changed one is judged anew */
	bool is_attached, is_said, is_answered;
	struct gp_timer timer;
	const char *count;
	enum policy_stage stage; /* where it was asked */
	struct limit_watch *next;
};

static struct limit_watch *watches;

static void say(void *arg)
{
	struct limit_watch *w = arg;

	w->is_said = true;
	gp_log_warning("limit \"%s\" counts nothing: it is asked at %s, where %s%s%s; attach policyd-ratelimit in %s",
		       w->name, policy_stage_name(w->stage),
		       w->is_answered ? "its " : "", w->is_answered ? w->count : "Postfix takes no \"prepend\"",
		       w->is_answered ? " cannot be known" : "", w->parameter);
}

struct limit_watch *limit_watch_get(struct gp_str name)
{
	struct limit_watch *w = watches;

	while (w && !gp_str_eq(gp_str(w->name), name))
		w = w->next;
	if (w)
		return w;
	w = gp_xcalloc(1, sizeof(*w));
	(void)gp_str_copy(w->name, sizeof(w->name), name);
	snprintf(w->labels, sizeof(w->labels), "limit=\"%s\"", w->name);
	w->attached = (struct gp_metric)GP_GAUGE("gatepost_policy_limit_attached",
						 "Limits that were asked where they can count.");
	w->misplaced = (struct gp_metric)GP_COUNTER("gatepost_policy_limit_misplaced_total",
						    "Requests where a limit could not count yet.");
	w->exceeded = (struct gp_metric)GP_COUNTER("gatepost_policy_limit_exceeded_total",
						   "Requests above a limit.");
	w->attached.labels = w->misplaced.labels = w->exceeded.labels = w->labels;
	gp_metric_register(&w->attached);
	gp_metric_register(&w->misplaced);
	gp_metric_register(&w->exceeded);
	w->timer = (struct gp_timer){.fn = say, .arg = w};
	w->next = watches;
	watches = w;
	return w;
}

void limit_watch_seen(struct limit_watch *w, const struct limit_rule *rule,
		      enum limit_stage_fit fit, enum policy_stage stage)
{
	const char *parameter = limit_stage_parameter(rule);

	if (w->parameter != parameter) {
		w->parameter = parameter;
		w->is_attached = w->is_said = false;
		gp_metric_set(&w->attached, 0);
	}
	if (w->is_attached || fit == LIMIT_STAGE_NEVER || fit == LIMIT_STAGE_LONE)
		return;
	if (fit == LIMIT_STAGE_FITS) {
		w->is_attached = true;
		gp_metric_set(&w->attached, 1);
		gp_timer_clear(ratelimit.loop, &w->timer);
		return;
	}
	gp_metric_add(&w->misplaced, 1);
	if (w->is_said || w->timer.pos > 0)
		return;
	w->stage = stage;
	w->is_answered = limit_stage_answers(rule, stage);
	w->count = gp_conf_enum_name(limit_count_names, (int)rule->count);
	if (fit == LIMIT_STAGE_LATER)
		gp_timer_set(ratelimit.loop, &w->timer, gp_clock_mono_ms() + LIMIT_WATCH_MS);
	else
		say(w);
}

void limit_watch_exceeded(struct limit_watch *w)
{
	gp_metric_add(&w->exceeded, 1);
}
