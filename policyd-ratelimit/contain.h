/*
 * Containment: a key that exceeded a limit with `contain`, or that somebody blocked, is held,
 * deferred or refused from then on, until it is released or its time is over.
 *
 * What is contained stands in the store, so that all hosts know it; here is the copy that
 * requests are checked against.  The keeper (keeper.h) brings new ones to the store and
 * what other hosts wrote from there, every second.  While the store is down the copy is what
 * counts.
 *
 * contain_check is a check of judge.c, before the limits: a contained key is not asked for them,
 * so it uses up none, and a limit does not refuse what is to be held.
 * To hold, it answers at DATA or later, when there is a queue id to be noted (note.h) and
 * all recipients are known; before, the message passes.
 */
#ifndef POLICYD_CONTAIN_H
#define POLICYD_CONTAIN_H

#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/contained.h"

/* What exceeded a limit.  Everything is copied; texts longer than contained.h says are cut. */
struct contain_trip {
	struct gp_str rule;	/* the limit's name */
	enum contain_kind kind;
	struct gp_str key;	/* of a client: with its prefix, "192.0.2.0/24" */
	struct gp_str account;	/* of the request or event; may be empty */
	enum answer_action action; /* ANSWER_HOLD, ANSWER_DEFER or ANSWER_REJECT */
	int64_t for_ms;		/* how long: the rule's `contain` */
	int64_t now_ms;		/* Unix time: ask->now_ms */
	int64_t used, max, window_ms;
	struct gp_str reason;	/* for people, "120 distinct recipients in 1h"; empty: of the numbers */
};

/* From now on the key is contained here, soon on all hosts, and whoever noticed it first sends the
 * alert.  Waits for nothing; any thread.  One that is contained already stays as it is. */
void contain_trip(const struct contain_trip *trip);

check_fn contain_check;
void contain_register_metrics(void);

#endif
