/*
 * Between the files of the learner.  Everything here belongs to its thread.
 */
#ifndef GP_CONTROLLER_LEARNER_INT_H
#define GP_CONTROLLER_LEARNER_INT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "controller/facts.h"
#include "controller/learner.h"
#include "controller/ledger.h"
#include "lib/conf/snapshot.h"

#define BATCH_MESSAGES 64
#define BATCH_BYTES ((size_t)16 << 20)

/* One message of a batch. */
struct pupil {
	struct journal_record record;
	struct worker_job job;
	struct gp_buf reply; /* the worker's, aligned */
	sem_t *ready;
	enum worker_result result;
	struct facts facts;
	bool has_facts;
	struct lesson lesson;
	bool is_logged; /* the log has it, from before or by now */
	bool is_fresh;	/* decided just now: nothing of it can be in the store yet */
	int64_t begun_us;
};

struct learner {
	struct learner_options o;
	pthread_t thread;
	atomic_bool is_stopping;
	struct gp_arena *arena; /* of a batch, or of a step of an undo */
	struct gp_buf bytes;	/* of its records */
	struct pupil pupils[BATCH_MESSAGES];
	size_t n;	    /* of what was taken from the queue … */
	size_t from, until; /* … the part that is learned at once */
	struct gp_diag why; /* what failed */
	int64_t look_ms;    /* when to look at the state of things again */
	pthread_mutex_t lock; /* guards the rest */
	struct learner_query *queries;
	struct learner_status status;
};

/* The message as a class of Bayes; NONE is "unlearn". */
enum gp_bayes_class learner_class(uint8_t class);
enum gp_learn_outcome learner_outcome(const struct lesson *l);

/* Decides what the lessons of the part at hand change.  GP_E… of the store. */
int learner_decide(struct learner *l, const struct gp_snapshot *snap) GP_MUST_USE;
/* Makes the changes that a lesson says and that are not made yet: collects them.  is_fresh: none
 * is, so the store need not be asked. */
int learner_collect(struct learner *l, struct ledger *ledger, const struct lesson *lesson,
		    bool is_fresh) GP_MUST_USE;
/* One undo, from the queue; the result's numbers.  GP_E… : to be tried again. */
int learner_undo(struct learner *l, const struct journal_record *record,
		 struct learner_result *ret) GP_MUST_USE;
/* Answers a question. */
void learner_answer(struct learner *l, struct learner_query *q);
/* A line for each lesson of the part at hand, and counts. */
void learner_report(const struct learner *l);
/* Sets what is measured of the queue and of what is known. */
void learner_measure(struct learner *l);
void learner_report_undo(const struct journal_record *record, const struct learner_result *result);
/* Is told of every failure; says so once a minute. */
void learner_complain(const struct gp_diag *why);

#endif
