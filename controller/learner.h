/*
 * The learner: a thread that takes messages from the queue, has workers read them, and
 * changes what Bayes knows.
 *
 * For each batch: workers tokenise (in parallel); it is decided what each message will
 * change; that is written to the log of lessons; the store is changed; the queue is told
 * that they are done with.  A crash between any two of these steps is made good by doing
 * the batch again: what the log says a record would change is what it changes, and what
 * is changed already is left alone; the store can tell, because in what is done at once no
 * message comes twice.  While the store does not answer, or the log's disk
 * is full, the batch waits and is tried again; the queue takes what comes meanwhile.
 */
#ifndef GP_CONTROLLER_LEARNER_H
#define GP_CONTROLLER_LEARNER_H

#include "controller/journal.h"
#include "controller/lessons.h"
#include "controller/worker.h"
#include "lib/proto/learn.h"
#include "lib/store/store.h"

struct learner;

/* What became of a record of the queue. */
struct learner_result {
	uint64_t number;
	enum gp_learn_outcome outcome; /* of a lesson */
	enum lesson_refusal refusal;
	uint64_t undone, kept; /* of an undo: lessons taken back, and those that others had
				* changed since */
};

struct learner_options {
	struct gp_loop *loop;
	struct workers *workers;
	struct gp_store *store;
	struct journal *journal;
	struct lessons *lessons; /* the learner's from then on */
	/* Results of a batch, in the order of the queue; on the loop's thread, before the next
	 * batch's. */
	void (*results)(const struct learner_result *results, size_t n);
};

/* A question about the log of lessons; the asker's until `done` was called, on the loop's
 * thread. */
struct learner_query {
	char user[GP_LEARN_USER_MAX + 1]; /* whose lessons; "" : everybody's */
	int64_t since_s;
	size_t max;
	void (*done)(struct learner_query *q, bool is_stopping);
	/* Out: rows of JSON, each ended by a newline; the asker's to release. */
	struct gp_buf rows;
	/* The learner's. */
	struct gp_loop *loop;
	struct gp_call call;
	struct learner_query *next;
	bool is_stopping;
};

/* For people: the state of learning.  Any thread. */
struct learner_status {
	struct gp_bayes_totals totals; /* of everybody's scope, when last looked */
	bool is_known;		       /* they were looked at */
	bool is_held;		       /* the store or the disk does not let it learn … */
	char why[160];		       /* … for this reason */
	uint64_t done;		       /* number of the last record done with */
};

struct learner *learner_open(const struct learner_options *options, struct gp_diag *diag);
/* Ends the thread after the batch at hand, or in the middle of a wait; what is not done with
 * stays in the queue.  The workers are there still.  Clears *l. */
void learner_close(struct learner **l);
void learner_ask(struct learner *l, struct learner_query *q);
void learner_status(struct learner *l, struct learner_status *ret);
void learner_register_metrics(void);

#endif
