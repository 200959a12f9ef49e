/*
 * From the store's answers to what is said: which limit was met, and what follows.
 */
#ifndef POLICYD_LIMIT_VERDICT_H
#define POLICYD_LIMIT_VERDICT_H

#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/limit_plan.h"

/* Judges the answered questions of a part: objects, contains, logs dry runs.  True: it had room
 * for all that it asked. */
bool limit_verdict(struct policy_ask *ask, const struct limit_subject *subject,
		   const struct limit_part *part);
/* The store did not answer: what memory says of our own mail, on_error of others'.  True: memory
 * had room for all.  is_unsure: the store may have counted it. */
bool limit_verdict_unknown(struct policy_ask *ask, const struct limit_subject *subject,
			   struct limit_part *part, enum limit_part_kind kind, bool is_unsure);

/* An event brought it above a limit: logs, contains. */
struct limit_met;
void limit_verdict_event(const struct limit_rule *rule, const struct limit_met *met,
			 int64_t now_ms);

/* An item above its limit, in a run of a key's windows: the one that takes longest; NULL: none.
 * *at goes on behind the run. */
const struct limit_item *limit_part_next_met(const struct limit_part *part, size_t *at,
					     struct limit_met *ret);

/* The time that the store counts by: its own, or that of a test. */
int64_t limit_store_time(const struct ratelimit_conf *conf);
/* One line when the store stops answering, and one when it is back and answers all for a while. */
void limit_store_report(int result);

#endif
