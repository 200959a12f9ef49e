/*
 * A request that is being judged, and the checks that judge it.
 *
 * The checks are a table (judge.c): each is one function that looks at the request, asks
 * whom it must without waiting, and is called again when the answers are there.  They run
 * one after the other, the limits last, so that a refused sender counts in no limit, and neither
 * does what greylisting tells to come again.  All of it happens on the loop's thread.
 */
#ifndef POLICYD_ASK_H
#define POLICYD_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/conf/snapshot.h"
#include "lib/io/job.h"
#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/request.h"

struct ratelimit_conf;
struct ratelimit_data;

struct policy_ask {
	struct policy_request request; /* its texts are in the arena */
	struct gp_arena *arena;	       /* ends with the answer */
	struct gp_snapshot *snap;      /* the configuration that it began with … */
	const struct ratelimit_conf *conf;
	const struct ratelimit_data *data;
	int64_t now_ms;	     /* Unix time of its arrival */
	int64_t deadline_ms; /* monotonic: by then it is answered */
	struct answer answer; /* the strictest objection until now */
	void *state;	      /* of the check that runs: NULL when it is called first */
	const char *retry;    /* for the log: how the limit was met, "" or "used=… max=…"; in the arena */
};

enum check_step {
	CHECK_NEXT, /* has said what it has to say */
	CHECK_LAST, /* the same, and the checks behind it are not asked */
	CHECK_WAIT, /* jobs were begun in policy_ask_batch(): call me again when they are done, or late */
};
typedef enum check_step check_fn(struct policy_ask *ask);

/* The batch for jobs of this step: a new one each time that a check is called.  Jobs begun in
 * the step before are still there to be finished; those that are late then fail with GP_ETEMP
 * without waiting. */
struct gp_batch *policy_ask_batch(struct policy_ask *ask);

/* The same for a step that can be gone without: it is called again when half of the time that is
 * left has passed, so that those behind it have some. */
struct gp_batch *policy_ask_batch_half(struct policy_ask *ask);

/* Objects: kept if it is stricter than what was said before. */
void policy_object(struct policy_ask *ask, const struct answer *answer);

/* Unix time in milliseconds, as all checks and the keeper see it. */
int64_t ratelimit_now_ms(const struct ratelimit_conf *conf);

#endif
