/*
 * From a request to its answer.  Everything here belongs to the loop's thread.
 */
#ifndef POLICYD_JUDGE_H
#define POLICYD_JUDGE_H

#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/request.h"

/* The answer lives until the call returns. */
typedef void judged_fn(void *arg, const struct answer *answer);

/* Copies the request; `judged` is called once, perhaps before this returns. */
void judge_request(const struct policy_request *request, judged_fn *judged, void *arg);

/* Requests that are not answered yet. */
size_t judge_pending(void);
/* Releases what is kept for reuse: at the end. */
void judge_done(void);
void judge_register_metrics(void);

#endif
