/*
 * The learner's thread; see the header.  What a message changes is decided in decide.c, an
 * undo is undo.c, what is said of it learner_report.c.
 */
#include "controller/learner_int.h"
#include "controller/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/daemon.h"

#define LOOK_MS 2000		/* the state of things is looked at so often */
#define RETRY_FIRST_MS 500	/* after a failure; twice as long each time … */
#define RETRY_MAX_MS 30000	/* … up to this */
#define WORKER_WAIT_MS 600000	/* for a worker to be free: they always are, sooner or later */

/* Reading: the workers' part. */

static void read_done(struct worker_job *job, enum worker_result result, struct gp_str reply)
{
	struct pupil *p = job->arg;

	p->result = result;
	gp_buf_add_str(&p->reply, reply);
	sem_post(p->ready);
}

/* Has workers read all messages of the batch; false when they are being stopped. */
static bool read_batch(struct learner *l)
{
	sem_t ready;
	bool is_stopped = false;

	sem_init(&ready, 0, 0);
	for (size_t i = 0; i < l->n; i++) {
		struct pupil *p = &l->pupils[i];

		p->ready = &ready;
		p->begun_us = gp_clock_mono_us();
		p->job = (struct worker_job){.kind = WORKER_TEACH, .message = p->record.message,
					     .deadline_ms = gp_clock_mono_ms() + WORKER_WAIT_MS,
					     .done = read_done, .arg = p};
		workers_ask(l->o.workers, &p->job);
	}
	for (size_t i = 0; i < l->n; i++)
		while (sem_wait(&ready) < 0)
			;
	sem_destroy(&ready);
	for (size_t i = 0; i < l->n; i++) {
		struct pupil *p = &l->pupils[i];

		is_stopped |= p->result == WORKER_STOPPED || p->result == WORKER_LATE;
		p->has_facts = p->result == WORKER_OK &&
			       facts_decode(gp_buf_str(&p->reply), &p->facts) == GP_OK;
	}
	return !is_stopped;
}

/* Batches. */

static void begin_batch(struct learner *l)
{
	for (size_t i = 0; i < BATCH_MESSAGES; i++) {
		gp_buf_done(&l->pupils[i].reply);
		l->pupils[i] = (struct pupil){.reply = GP_BUF_INIT(WORKER_REPLY_MAX)};
	}
	l->n = 0;
	gp_buf_reset(&l->bytes);
	gp_arena_reset(l->arena);
}

/* Takes what is there, up to a batch; an undo ends it, and is in *ret_undo then. */
static void take_batch(struct learner *l, struct journal_record *ret_undo, bool *ret_has_undo)
{
	*ret_has_undo = false;
	while (l->n < BATCH_MESSAGES && l->bytes.len < BATCH_BYTES) {
		struct journal_record record;

		if (journal_read(l->o.journal, &l->bytes, &record) < 0)
			break;
		if (record.kind == JOURNAL_UNDO) {
			*ret_undo = record;
			*ret_has_undo = true;
			return;
		}
		l->pupils[l->n++].record = record;
	}
}

/* Those that the log does not have yet. */
static int log_batch(struct learner *l)
{
	struct lesson *new = GP_ARENA_NEW_N(l->arena, l->n + 1, struct lesson);
	size_t n = 0;
	int r;

	for (size_t i = l->from; i < l->until; i++)
		if (!l->pupils[i].is_logged)
			new[n++] = l->pupils[i].lesson;
	r = lessons_append(l->o.lessons, new, n, &l->why);
	for (size_t i = l->from; r == GP_OK && i < l->until; i++)
		l->pupils[i].is_logged = true;
	return r;
}

static int apply_batch(struct learner *l)
{
	struct ledger ledger = {.store = l->o.store, .arena = l->arena, .diag = &l->why};
	int r = GP_OK;

	for (size_t i = l->from; r == GP_OK && i < l->until; i++)
		r = learner_collect(l, &ledger, &l->pupils[i].lesson, l->pupils[i].is_fresh);
	return r == GP_OK ? ledger_commit(&ledger) : r;
}

/* As far as no message comes twice: so the store tells of each whether its lesson was applied. */
static void find_part(struct learner *l)
{
	for (l->until = l->from; l->until < l->n; l->until++)
		for (size_t i = l->from; i < l->until; i++)
			if (l->pupils[i].has_facts && l->pupils[l->until].has_facts &&
			    memcmp(l->pupils[i].facts.digest, l->pupils[l->until].facts.digest,
				   GP_SHA256_SIZE) == 0)
				return;
}

/* One try; the part may be tried again from the beginning after a failure. */
static int learn_part(struct learner *l)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	int r = learner_decide(l, snap);

	if (r == GP_OK)
		r = log_batch(l);
	if (r == GP_OK)
		r = apply_batch(l);
	gp_snapshot_unref(snap);
	return r;
}

/* On their way to the loop's thread. */
struct news {
	struct gp_call call;
	void (*results)(const struct learner_result *results, size_t n);
	size_t n;
	struct learner_result items[BATCH_MESSAGES];
};

static void deliver(void *arg)
{
	struct news *news = arg;

	news->results(news->items, news->n);
	free(news);
}

static void post_results(struct learner *l, const struct learner_result *results, size_t n)
{
	struct news *news = gp_xcalloc(1, sizeof(*news));

	news->call = (struct gp_call){.fn = deliver, .arg = news};
	news->results = l->o.results;
	news->n = n;
	memcpy(news->items, results, n * sizeof(*results));
	gp_loop_post(l->o.loop, &news->call);
}

/* Tells the queue, the log of lines, and who waits. */
static int finish_part(struct learner *l)
{
	struct learner_result results[BATCH_MESSAGES];
	size_t n = l->until - l->from;
	uint64_t bytes = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct pupil *p = &l->pupils[l->from + i];

		results[i] = (struct learner_result){.number = p->lesson.number,
						     .outcome = learner_outcome(&p->lesson),
						     .refusal = p->lesson.refusal};
		bytes += p->record.size;
	}
	r = journal_done(l->o.journal, results[n - 1].number, bytes, n, &l->why);
	if (r < 0)
		return r;
	learner_report(l);
	pthread_mutex_lock(&l->lock);
	l->status.done = results[n - 1].number;
	pthread_mutex_unlock(&l->lock);
	post_results(l, results, n);
	return GP_OK;
}

/* What else the thread does. */

static void answer_queries(struct learner *l)
{
	struct learner_query *q;

	pthread_mutex_lock(&l->lock);
	q = l->queries;
	l->queries = NULL;
	pthread_mutex_unlock(&l->lock);
	while (q) {
		struct learner_query *next = q->next;

		q->is_stopping = atomic_load(&l->is_stopping);
		if (!q->is_stopping)
			learner_answer(l, q);
		gp_loop_post(q->loop, &q->call);
		q = next;
	}
}

static void look_at_totals(struct learner *l)
{
	struct gp_bayes_totals totals = {0};
	int r;

	if (gp_clock_mono_ms() < l->look_ms)
		return;
	l->look_ms = gp_clock_mono_ms() + LOOK_MS;
	r = gp_store_bayes_totals(l->o.store, gp_str(NULL), gp_clock_mono_ms() + 1000, &totals);

	pthread_mutex_lock(&l->lock);
	l->status.is_known = r == GP_OK || r == GP_ENOENT;
	if (l->status.is_known)
		l->status.totals = totals;
	pthread_mutex_unlock(&l->lock);
	learner_measure(l);
}

static void set_held(struct learner *l, const char *why)
{
	pthread_mutex_lock(&l->lock);
	l->status.is_held = *why != '\0';
	(void)gp_str_copy(l->status.why, sizeof(l->status.why), gp_str(why));
	pthread_mutex_unlock(&l->lock);
}

/* After a failure: waits, answering what is asked meanwhile; false when it is to end. */
static bool hold(struct learner *l, int64_t *wait_ms)
{
	int64_t until_ms = gp_clock_mono_ms() + *wait_ms;

	if (!*l->why.text)
		gp_diag_set(&l->why, "the store does not answer");
	set_held(l, l->why.text); /* who reads the log finds it so */
	learner_complain(&l->why);
	*wait_ms = GP_MIN(*wait_ms * 2, RETRY_MAX_MS);
	while (!atomic_load(&l->is_stopping) && gp_clock_mono_ms() < until_ms) {
		journal_wait(l->o.journal, false, GP_MIN(until_ms, gp_clock_mono_ms() + LOOK_MS));
		answer_queries(l);
		learner_measure(l);
	}
	return !atomic_load(&l->is_stopping);
}

static bool run_part(struct learner *l)
{
	int64_t wait_ms = RETRY_FIRST_MS;

	for (;;) {
		l->why.text[0] = '\0';
		if (learn_part(l) == GP_OK && finish_part(l) == GP_OK)
			break;
		if (!hold(l, &wait_ms))
			return false;
	}
	set_held(l, "");
	return true;
}

static bool run_batch(struct learner *l)
{
	while (!read_batch(l)) {
		if (atomic_load(&l->is_stopping))
			return false;
		for (size_t i = 0; i < l->n; i++)
			gp_buf_reset(&l->pupils[i].reply);
	}
	for (l->from = 0; l->from < l->n; l->from = l->until) {
		find_part(l);
		if (!run_part(l))
			return false;
	}
	return true;
}

static bool run_undo(struct learner *l, const struct journal_record *record)
{
	struct learner_result result = {.number = record->number};
	int64_t wait_ms = RETRY_FIRST_MS;

	while (l->why.text[0] = '\0',
	       learner_undo(l, record, &result) != GP_OK ||
		       journal_done(l->o.journal, record->number, record->size, 1, &l->why) != GP_OK)
		if (!hold(l, &wait_ms))
			return false;
	set_held(l, "");
	pthread_mutex_lock(&l->lock);
	l->status.done = record->number;
	pthread_mutex_unlock(&l->lock);
	learner_report_undo(record, &result);
	post_results(l, &result, 1);
	return true;
}

static void *learn_main(void *arg)
{
	struct learner *l = arg;
	struct journal_record undo;
	bool go_on = true, has_undo;

	while (go_on && !atomic_load(&l->is_stopping)) {
		answer_queries(l);
		begin_batch(l);
		take_batch(l, &undo, &has_undo);
		if (l->n > 0)
			go_on = run_batch(l);
		if (go_on && has_undo)
			go_on = run_undo(l, &undo);
		look_at_totals(l);
		if (l->n == 0 && !has_undo)
			journal_wait(l->o.journal, true, gp_clock_mono_ms() + LOOK_MS);
	}
	answer_queries(l);
	return NULL;
}

/* From other threads. */

struct learner *learner_open(const struct learner_options *options, struct gp_diag *diag)
{
	struct learner *l = gp_xcalloc(1, sizeof(*l));

	l->o = *options;
	l->arena = gp_arena_new(1 << 20);
	/* Room for all that a batch can be, because its records point into it. */
	gp_buf_init(&l->bytes, BATCH_BYTES + SEGMENT_RECORD_MAX + 4096);
	(void)gp_buf_reserve(&l->bytes, BATCH_BYTES + SEGMENT_RECORD_MAX + 4096);
	pthread_mutex_init(&l->lock, NULL);
	errno = pthread_create(&l->thread, NULL, learn_main, l);
	if (errno == 0)
		return l;
	(void)gp_diag_errno(diag, "starting a thread");
	gp_arena_free(l->arena);
	free(l);
	return NULL;
}

void learner_close(struct learner **l)
{
	struct learner *old = *l;

	if (!old)
		return;
	*l = NULL;
	atomic_store(&old->is_stopping, true);
	journal_wake(old->o.journal);
	pthread_join(old->thread, NULL);
	begin_batch(old);
	gp_arena_free(old->arena);
	gp_buf_done(&old->bytes);
	lessons_close(&old->o.lessons);
	pthread_mutex_destroy(&old->lock);
	free(old);
}

static void tell(void *arg)
{
	struct learner_query *q = arg;

	q->done(q, q->is_stopping);
}

void learner_ask(struct learner *l, struct learner_query *q)
{
	struct learner_query **at;

	q->loop = l->o.loop;
	q->call = (struct gp_call){.fn = tell, .arg = q};
	q->next = NULL;
	pthread_mutex_lock(&l->lock);
	for (at = &l->queries; *at; at = &(*at)->next)
		;
	*at = q;
	pthread_mutex_unlock(&l->lock);
	journal_wake(l->o.journal);
}

void learner_status(struct learner *l, struct learner_status *ret)
{
	pthread_mutex_lock(&l->lock);
	*ret = l->status;
	pthread_mutex_unlock(&l->lock);
}
