/*
 * The way into the queue, for the learn socket and for the API: rate, space, and being
 * told what became of a lesson.
 *
 * Everything here belongs to the loop's thread.  Who may teach was decided before
 * (trust.h).
 */
#ifndef GP_CONTROLLER_INTAKE_H
#define GP_CONTROLLER_INTAKE_H

#include "controller/learner.h"
#include "controller/trust.h"

/* A lesson, or an undo, on its way. */
struct intake_request {
	const struct trust_grant *grant;
	uint32_t uid;
	uint8_t class;	/* enum gp_learn_class; 0: an undo */
	uint8_t flags;	/* enum gp_learn_flags */
	int64_t since_s; /* of an undo */
	struct gp_str origin, message; /* copied */
	/* What the queue makes of it, called once, perhaps from within intake_teach.  The reason is
	 * a literal. */
	void (*queued)(void *arg, enum gp_learn_status status, const char *reason);
	/* What learning made of it, after QUEUED; NULL: nobody wants to know. */
	void (*learned)(void *arg, const struct learner_result *result);
	void *arg;
};

/* Before the loop's guests need it; the journal stays the caller's. */
void intake_open(struct gp_loop *loop, struct journal *journal);
/* At the end, when the loop has ended: who still waits for a result is told of a failure. */
void intake_close(void);
void intake_teach(const struct intake_request *request);
/* Calls fn(arg) when all that is on disk now is learned; perhaps at once. */
void intake_sync(struct learner *learner, void (*fn)(void *arg), void *arg);
/* How many requests are not on disk yet. */
size_t intake_unwritten(void);
/* For the learner: from the loop's thread. */
void intake_results(const struct learner_result *results, size_t n);
void intake_register_metrics(void);

#endif
