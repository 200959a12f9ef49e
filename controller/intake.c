/*
 * The way into the queue; see the header.
 */
#include "controller/intake.h"

#include <stdlib.h>

#include "controller/rate.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/daemon/daemon.h"

#define COMPLAIN_MS 60000

/* A request in the queue, or one that waits for the queue to have come so far. */
struct ticket {
	struct journal_write write;
	void (*queued)(void *arg, enum gp_learn_status status, const char *reason);
	void (*learned)(void *arg, const struct learner_result *result);
	void (*synced)(void *arg);
	void *arg;
	uint8_t flags;
	bool is_charged;
	int64_t charged_s;
	char user[GP_LEARN_USER_MAX + 1];
	struct ticket *next;
};

static struct {
	struct gp_loop *loop;
	struct journal *journal;
	struct rate *rate;
	struct ticket *first, **last; /* that wait for results, in the order of numbers */
	size_t unwritten;
	int64_t complained_ms;
} intake;

#define PUT_OFF(reason_)                                                                           \
	GP_COUNTER_L("gatepost_controller_put_off_total", "reason=\"" reason_ "\"",                \
		     "Messages that the client was told to bring again later, by reason.")
enum { OFF_RATE, OFF_FULL, OFF_DISK, OFFS };
static struct gp_metric put_off[OFFS] = {
	[OFF_RATE] = PUT_OFF("rate"), [OFF_FULL] = PUT_OFF("full"), [OFF_DISK] = PUT_OFF("disk")};
static struct gp_metric taken = GP_COUNTER("gatepost_controller_taken_total",
					   "Messages taken into the queue.");

void intake_register_metrics(void)
{
	gp_metric_register(&taken);
	for (size_t i = 0; i < OFFS; i++)
		gp_metric_register(&put_off[i]);
}

void intake_open(struct gp_loop *loop, struct journal *journal)
{
	intake.loop = loop;
	intake.journal = journal;
	intake.rate = rate_new();
	intake.first = NULL;
	intake.last = &intake.first;
}

size_t intake_unwritten(void)
{
	return intake.unwritten;
}

static void append(struct ticket *t)
{
	t->next = NULL;
	*intake.last = t;
	intake.last = &t->next;
}

/* Once a minute, whatever the number of messages. */
static void complain(const char *what)
{
	struct gp_diag why;
	int64_t now_ms = gp_clock_mono_ms();

	if (intake.complained_ms && now_ms - intake.complained_ms < COMPLAIN_MS)
		return;
	intake.complained_ms = now_ms;
	journal_last_error(intake.journal, &why);
	gp_log_warning("messages to be learned are put off: %s%s%s", what, *why.text ? ": " : "",
		       why.text);
}

static void refuse(const struct intake_request *r, int off, const char *reason)
{
	gp_metric_add(&put_off[off], 1);
	r->queued(r->arg, GP_LEARN_LATER, reason);
}

static void give_back(const struct ticket *t)
{
	if (t->is_charged)
		rate_give_back(intake.rate, gp_str(t->user), t->charged_s);
}

static void written(struct journal_write *w, int result)
{
	struct ticket *t = (struct ticket *)(void *)w;

	intake.unwritten--;
	if (result < 0) {
		gp_metric_add(&put_off[OFF_DISK], 1);
		complain("the queue cannot be written");
		give_back(t);
		t->queued(t->arg, GP_LEARN_LATER, "the queue cannot be written");
		free(t);
		return;
	}
	gp_metric_add(&taken, 1);
	t->queued(t->arg, GP_LEARN_QUEUED, "");
	if (t->learned || (t->flags & GP_LEARN_IF_NEW && t->is_charged))
		append(t);
	else
		free(t);
}

void intake_teach(const struct intake_request *r)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct gp_conf_learn *conf = gp_snapshot_get(snap, &gp_conf_learn_table);
	struct journal_record record = {
		.kind = r->class ? JOURNAL_LESSON : JOURNAL_UNDO,
		.class = r->class, .flags = r->flags, .uid = r->uid,
		.is_own_only = r->grant->is_own_only,
		.is_everybodys = !r->class && !*r->grant->user,
		.time_s = gp_clock_real_s(), .since_s = r->since_s,
		.user = gp_str(r->grant->user), .origin = r->origin, .message = r->message,
	};
	/* What an administrator trains in nobody's name has no bound. */
	bool is_charged = r->class && *r->grant->user;
	uint64_t rate = (uint64_t)conf->rate;
	struct ticket *t;

	gp_snapshot_unref(snap);
	if (is_charged && !rate_take(intake.rate, record.user, rate, record.time_s)) {
		refuse(r, OFF_RATE, "too many messages of this user in this hour");
		return;
	}
	t = gp_xcalloc(1, sizeof(*t));
	*t = (struct ticket){.write = {.loop = intake.loop, .done = written},
			     .queued = r->queued, .learned = r->learned, .arg = r->arg,
			     .flags = r->flags, .is_charged = is_charged,
			     .charged_s = record.time_s};
	(void)gp_str_copy(t->user, sizeof(t->user), record.user);
	intake.unwritten++;
	if (journal_append(intake.journal, &record, &t->write) == GP_OK)
		return;
	intake.unwritten--;
	give_back(t);
	free(t);
	complain("the queue is full (learn.queue_size)");
	refuse(r, OFF_FULL, "the queue is full");
}

/* Results. */

static void settle(struct ticket *t, const struct learner_result *result)
{
	if (t->flags & GP_LEARN_IF_NEW && result->outcome == GP_LEARN_SAME)
		give_back(t);
	if (t->synced)
		t->synced(t->arg);
	else if (t->learned)
		t->learned(t->arg, result);
	free(t);
}

void intake_results(const struct learner_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		while (intake.first && intake.first->write.number <= results[i].number) {
			struct ticket *t = intake.first;
			/* One before this result has none: its record could not be read. */
			struct learner_result lost = {.number = t->write.number,
						      .outcome = GP_LEARN_FAILED,
						      .refusal = LESSON_UNREADABLE};

			intake.first = t->next;
			if (!intake.first)
				intake.last = &intake.first;
			settle(t, t->write.number == results[i].number ? &results[i] : &lost);
		}
}

void intake_sync(struct learner *learner, void (*fn)(void *arg), void *arg)
{
	struct learner_status status;
	struct journal_stats stats;
	struct ticket *t;

	journal_stats(intake.journal, &stats);
	learner_status(learner, &status);
	if (stats.records == 0 || status.done + 1 >= stats.next) {
		fn(arg);
		return;
	}
	t = gp_xcalloc(1, sizeof(*t));
	*t = (struct ticket){.write = {.number = stats.next - 1}, .synced = fn, .arg = arg};
	append(t);
}

void intake_close(void)
{
	/* Nobody will learn it in this life: who waits must let go of what he holds. */
	static const struct learner_result stopped = {.outcome = GP_LEARN_FAILED,
						      .refusal = LESSON_UNREADABLE};

	while (intake.first) {
		struct ticket *t = intake.first;

		intake.first = t->next;
		settle(t, &stopped);
	}
	intake.last = &intake.first;
	rate_free(&intake.rate);
}
