/*
 * The merging rules as two tables of actions: those that need everyone, and
 * the one that anyone can ask for.
 */
#include "lib/score/verdict.h"

#include <assert.h>
#include <math.h>

#include "lib/base/attr.h"

const struct gp_thresholds gp_thresholds_default = {
	.greylist = 4,
	.add_header = 6,
	.reject = 15,
	.quarantine = HUGE_VAL,
	.discard = HUGE_VAL,
};

const char *gp_action_name(enum gp_action action)
{
	switch (action) {
	case GP_ACTION_ACCEPT:
		return "accept";
	case GP_ACTION_GREYLIST:
		return "greylist";
	case GP_ACTION_ADD_HEADER:
		return "add header";
	case GP_ACTION_QUARANTINE:
		return "quarantine";
	case GP_ACTION_REJECT:
		return "reject";
	case GP_ACTION_DISCARD:
		return "discard";
	}
	assert(false && "an action");
	return "";
}

static double threshold(const struct gp_thresholds *t, enum gp_action action)
{
	switch (action) {
	case GP_ACTION_ACCEPT:
		return -HUGE_VAL;
	case GP_ACTION_GREYLIST:
		return t->greylist;
	case GP_ACTION_ADD_HEADER:
		return t->add_header;
	case GP_ACTION_QUARANTINE:
		return t->quarantine;
	case GP_ACTION_REJECT:
		return t->reject;
	case GP_ACTION_DISCARD:
		return t->discard;
	}
	assert(false && "an action");
	return HUGE_VAL;
}

enum gp_action gp_thresholds_action(const struct gp_thresholds *t, double score)
{
	static const enum gp_action hardest_first[] = {
		GP_ACTION_DISCARD, GP_ACTION_REJECT, GP_ACTION_QUARANTINE, GP_ACTION_ADD_HEADER,
		GP_ACTION_GREYLIST,
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(hardest_first); i++)
		if (score >= threshold(t, hardest_first[i]))
			return hardest_first[i];
	return GP_ACTION_ACCEPT;
}

/* How hard a recipient's own action is: the order in which everyone must agree.  A recipient who
 * would only have a header added stands against everything harder, greylisting included. */
static bool agrees(enum gp_action own, enum gp_action action)
{
	if (action == GP_ACTION_GREYLIST)
		return own == GP_ACTION_GREYLIST;
	return own >= action;
}

/* The recipient with the highest (or lowest) threshold for the action. */
static size_t decider(const struct gp_thresholds *recipients, size_t n, enum gp_action action,
		      bool strictest)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++) {
		double t = threshold(&recipients[i], action);
		double b = threshold(&recipients[best], action);

		if (strictest ? t < b : t > b)
			best = i;
	}
	return best;
}

void gp_verdict_decide(double score, const struct gp_thresholds *recipients, size_t n,
		       struct gp_verdict *ret)
{
	static const enum gp_action unanimous[] = {GP_ACTION_DISCARD, GP_ACTION_REJECT,
						   GP_ACTION_QUARANTINE};
	struct gp_verdict v = {.action = GP_ACTION_ACCEPT};
	enum gp_action hardest = GP_ACTION_ACCEPT;
	size_t need = n ? n : 1, agreeing[GP_ACTION_DISCARD + 1] = {0};

	if (n == 0)
		recipients = &gp_thresholds_default;
	for (size_t i = 0; i < need; i++) {
		enum gp_action own = gp_thresholds_action(&recipients[i], score);

		hardest = GP_MAX(hardest, own);
		for (enum gp_action a = GP_ACTION_GREYLIST; a <= GP_ACTION_DISCARD; a++)
			agreeing[a] += agrees(own, a);
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(unanimous) && v.action == GP_ACTION_ACCEPT; i++)
		if (agreeing[unanimous[i]] == need)
			v.action = unanimous[i];
	if (v.action == GP_ACTION_ACCEPT && agreeing[GP_ACTION_ADD_HEADER])
		v.action = GP_ACTION_ADD_HEADER;
	if (v.action == GP_ACTION_ACCEPT && agreeing[GP_ACTION_GREYLIST] == need)
		v.action = GP_ACTION_GREYLIST;
	v.decided_by = decider(recipients, need, v.action, v.action == GP_ACTION_ADD_HEADER);
	v.is_softened = hardest > v.action;
	if (v.is_softened)
		v.softened_by = decider(recipients, need, hardest, false);
	*ret = v;
}
