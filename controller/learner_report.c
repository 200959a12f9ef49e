/*
 * What is said of learning: a log line for each message, counters, rows of the log.
 */
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "controller/learner_int.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"

#define COMPLAIN_MS 60000 /* the same trouble again is said after this */
#define ROWS_MAX ((size_t)8 << 20) /* of one answer: 20,000 usual rows */

#define NAME "gatepost_controller_learned_total"
#define HELP "Messages taught, by class and outcome."
#define COUNT(class_, outcome_)                                                                    \
	GP_COUNTER_L(NAME, "class=\"" class_ "\",outcome=\"" outcome_ "\"", HELP)

static struct gp_metric learned[] = {
	COUNT("spam", "new"), COUNT("spam", "same"), COUNT("spam", "moved"),
	COUNT("ham", "new"), COUNT("ham", "same"), COUNT("ham", "moved"),
	COUNT("none", "removed"), COUNT("none", "unknown"),
};
static const struct {
	uint8_t class;
	enum gp_learn_outcome outcome;
} learned_of[] = {
	{GP_LEARN_SPAM, GP_LEARN_NEW}, {GP_LEARN_SPAM, GP_LEARN_SAME},
	{GP_LEARN_SPAM, GP_LEARN_MOVED}, {GP_LEARN_HAM, GP_LEARN_NEW},
	{GP_LEARN_HAM, GP_LEARN_SAME}, {GP_LEARN_HAM, GP_LEARN_MOVED},
	{GP_LEARN_UNLEARN, GP_LEARN_REMOVED}, {GP_LEARN_UNLEARN, GP_LEARN_UNKNOWN},
};

#define REFUSED(reason_)                                                                           \
	GP_COUNTER_L("gatepost_controller_refused_total", "reason=\"" reason_ "\"",                \
		     "Messages that were not learned after a look, by reason.")
static struct gp_metric refused[LESSON_REFUSALS] = {
	[LESSON_UNREADABLE] = REFUSED("unreadable"), [LESSON_SHORT] = REFUSED("short"),
	[LESSON_UNSCANNED] = REFUSED("unscanned"), [LESSON_UNBALANCED] = REFUSED("unbalanced"),
};
static struct gp_metric took = GP_HISTOGRAM("gatepost_controller_learn_seconds",
					    "From the queue to the store, for each message.");
static struct gp_metric failures = GP_COUNTER("gatepost_controller_learn_failures_total",
					      "Batches that had to be tried again.");
static struct gp_metric undone = GP_COUNTER("gatepost_controller_undone_total",
					    "Lessons that were taken back.");

static struct gp_metric waiting = GP_GAUGE("gatepost_controller_queue_messages",
					   "Messages that wait to be learned.");
static struct gp_metric waiting_bytes = GP_GAUGE("gatepost_controller_queue_bytes",
						 "Bytes of the queue, in use.");
static struct gp_metric waiting_s = GP_GAUGE("gatepost_controller_queue_seconds",
					     "How long the oldest of them has waited.");
#define LEARNED(class_)                                                                            \
	{.name = "gatepost_controller_balance_messages", .labels = "class=\"" class_ "\"",         \
	 .help = "Messages that everybody's memory holds, by class.", .kind = GP_METRIC_GAUGE}
static struct gp_metric balance_spam = LEARNED("spam"), balance_ham = LEARNED("ham");

static const char *const refusals[LESSON_REFUSALS] = {
	[LESSON_TAKEN] = "",
	[LESSON_UNREADABLE] = "unreadable",
	[LESSON_SHORT] = "short",
	[LESSON_UNSCANNED] = "unscanned",
	[LESSON_UNBALANCED] = "unbalanced",
};

static const char *class_name(uint8_t class)
{
	return class == GP_LEARN_SPAM ? "spam" : class == GP_LEARN_HAM ? "ham" : "none";
}

static const char *outcome_name(enum gp_learn_outcome outcome)
{
	switch (outcome) {
	case GP_LEARN_NEW:
		return "new";
	case GP_LEARN_SAME:
		return "same";
	case GP_LEARN_MOVED:
		return "moved";
	case GP_LEARN_REMOVED:
		return "removed";
	case GP_LEARN_UNKNOWN:
		return "unknown";
	case GP_LEARN_FAILED:
		break;
	}
	return "refused";
}

void learner_register_metrics(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(learned); i++)
		gp_metric_register(&learned[i]);
	for (size_t i = LESSON_UNREADABLE; i < LESSON_REFUSALS; i++)
		gp_metric_register(&refused[i]);
	gp_metric_register(&took);
	gp_metric_register(&failures);
	gp_metric_register(&undone);
	gp_metric_register(&waiting);
	gp_metric_register(&waiting_bytes);
	gp_metric_register(&waiting_s);
	gp_metric_register(&balance_spam);
	gp_metric_register(&balance_ham);
}

void learner_measure(struct learner *l)
{
	struct learner_status status;
	struct journal_stats stats;

	journal_stats(l->o.journal, &stats);
	learner_status(l, &status);
	gp_metric_set(&waiting, (int64_t)stats.records);
	gp_metric_set(&waiting_bytes, (int64_t)stats.bytes);
	gp_metric_set(&waiting_s, stats.oldest_s ? gp_clock_real_s() - stats.oldest_s : 0);
	gp_metric_set(&balance_spam, (int64_t)status.totals.spam);
	gp_metric_set(&balance_ham, (int64_t)status.totals.ham);
}

void learner_report_undo(const struct journal_record *record, const struct learner_result *result)
{
	struct gp_logline line;

	gp_metric_add(&undone, (int64_t)result->undone);
	gp_logline_begin(&line, GP_LOG_INFO);
	gp_logline_int(&line, "undo", (int64_t)record->number);
	gp_logline_str(&line, "user", record->user);
	gp_logline_int(&line, "since", record->since_s);
	gp_logline_int(&line, "undone", (int64_t)result->undone);
	gp_logline_int(&line, "kept", (int64_t)result->kept);
	gp_logline_emit(&line);
}

static void count(const struct lesson *l)
{
	enum gp_learn_outcome outcome = learner_outcome(l);

	if (l->refusal != LESSON_TAKEN)
		gp_metric_add(&refused[l->refusal], 1);
	for (size_t i = 0; i < GP_ARRAY_SIZE(learned); i++)
		if (learned_of[i].class == l->class && learned_of[i].outcome == outcome)
			gp_metric_add(&learned[i], 1);
}

void learner_report(const struct learner *l)
{
	int64_t now_us = gp_clock_mono_us();

	for (size_t i = l->from; i < l->until; i++) {
		const struct pupil *p = &l->pupils[i];
		const struct lesson *lesson = &p->lesson;
		struct gp_logline line;

		count(lesson);
		gp_metric_observe_us(&took, now_us - p->begun_us);
		gp_logline_begin(&line, GP_LOG_INFO);
		gp_logline_int(&line, "lesson", (int64_t)lesson->number);
		gp_logline_str(&line, "user", lesson->user);
		gp_logline_cstr(&line, "class", class_name(lesson->class));
		gp_logline_cstr(&line, "outcome", outcome_name(learner_outcome(lesson)));
		if (lesson->refusal != LESSON_TAKEN)
			gp_logline_cstr(&line, "reason", refusals[lesson->refusal]);
		gp_logline_str(&line, "message_id", lesson->message_id);
		gp_logline_str(&line, "origin", lesson->origin);
		gp_logline_int(&line, "size", (int64_t)p->record.message.len);
		gp_logline_int(&line, "time_ms", (now_us - p->begun_us) / 1000);
		gp_logline_emit(&line);
	}
}

void learner_complain(const struct gp_diag *why)
{
	static int64_t said_ms;
	static uint64_t held_back;
	int64_t now_ms = gp_clock_mono_ms();

	gp_metric_add(&failures, 1);
	held_back++;
	if (said_ms && now_ms - said_ms < COMPLAIN_MS)
		return;
	gp_log_warning("learning waits: %s (tried %llu times since this was said last)", why->text,
		       (unsigned long long)held_back);
	said_ms = now_ms;
	held_back = 0;
}

/* Rows of the log. */

/* What strangers wrote: escaped as in the log, so that it is UTF-8. */
static json_t *text_of(struct gp_str text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);

	gp_log_escape(&out, text, GP_LOG_TEXT);
	return json_stringn(gp_buf_cstr(&out), out.len);
}

static json_t *row_of(const struct lesson *l)
{
	char digest[2 * GP_SHA256_SIZE + 1];
	json_t *row = json_object(), *scopes = json_array();

	for (size_t i = 0; i < sizeof(l->digest); i++)
		snprintf(digest + 2 * i, 3, "%02x", l->digest[i]);
	json_object_set_new(row, "lesson", json_integer((json_int_t)l->number));
	json_object_set_new(row, "time", json_integer((json_int_t)l->time_s));
	json_object_set_new(row, "class", json_string(class_name(l->class)));
	json_object_set_new(row, "outcome", json_string(outcome_name(learner_outcome(l))));
	if (l->refusal != LESSON_TAKEN)
		json_object_set_new(row, "reason", json_string(refusals[l->refusal]));
	json_object_set_new(row, "uid", json_integer((json_int_t)l->uid));
	for (size_t i = 0; i < l->n_scopes; i++)
		json_array_append_new(scopes, text_of(gp_str(l->scopes[i].name)));
	json_object_set_new(row, "scopes", scopes);
	json_object_set_new(row, "digest", json_string(digest));
	json_object_set_new(row, "undone", json_boolean(l->undone != 0));
	return row;
}

static bool add_row(struct gp_buf *rows, const struct lesson *l)
{
	json_t *row = row_of(l);
	char *text;

	json_object_set_new(row, "user", text_of(l->user));
	json_object_set_new(row, "origin", text_of(l->origin));
	json_object_set_new(row, "message_id", text_of(l->message_id));
	text = json_dumps(row, JSON_COMPACT);
	json_decref(row);
	if (text) {
		gp_buf_add_cstr(rows, text);
		gp_buf_add_chr(rows, '\n');
	}
	free(text);
	return gp_buf_error(rows) == GP_OK;
}

void learner_answer(struct learner *l, struct learner_query *q)
{
	struct gp_arena *arena = gp_arena_new(1 << 16);
	uint64_t number = 0;
	struct lesson lesson;
	size_t n = 0;

	gp_buf_init(&q->rows, ROWS_MAX);
	while ((q->max == 0 || n < q->max) &&
	       (number = lessons_before(l->o.lessons, number, q->since_s)) != 0) {
		if (lessons_get(l->o.lessons, number, arena, &lesson) == GP_OK &&
		    (!*q->user || gp_str_eq(lesson.user, gp_str(q->user)))) {
			n++;
			if (!add_row(&q->rows, &lesson))
				break;
		}
		gp_arena_reset(arena);
	}
	gp_arena_free(arena);
}
