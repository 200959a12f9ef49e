/*
 * One line in the log for each message, and its counters.
 */
#include "milter-virus/virus.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/daemon/session_log.h"

#define MESSAGES(label)                                                                            \
	GP_COUNTER_L("gatepost_virus_messages_total", "outcome=\"" label "\"",                     \
		     "Messages by what was found out of them.")
#define FOUND(label)                                                                               \
	GP_COUNTER_L("gatepost_virus_found_total", "category=\"" label "\"",                       \
		     "Messages in which something was found.")
#define DONE(label)                                                                                \
	GP_COUNTER_L("gatepost_virus_actions_total", "action=\"" label "\"",                       \
		     "Messages by what was done with them.")

static struct gp_metric outcomes[VIRUS_OUTCOMES] = {
	[VIRUS_SCANNED_CLEAN] = MESSAGES("clean"), [VIRUS_SCANNED_FOUND] = MESSAGES("found"),
	[VIRUS_NO_ENGINE] = MESSAGES("no-engine"), [VIRUS_OVERLOAD] = MESSAGES("overload"),
	[VIRUS_DEADLINE] = MESSAGES("deadline"),   [VIRUS_CRASHED] = MESSAGES("crashed"),
	[VIRUS_KILLER] = MESSAGES("killer"),	   [VIRUS_ENGINE_ERROR] = MESSAGES("engine-error"),
	[VIRUS_OVERSIZE] = MESSAGES("oversize"),   [VIRUS_EXEMPT] = MESSAGES("exempt"),
};
static struct gp_metric found[VIRUS_CATEGORIES] = {
	[VIRUS_CAT_VIRUS] = FOUND("virus"),	    [VIRUS_CAT_HEURISTICS] = FOUND("heuristics"),
	[VIRUS_CAT_PUA] = FOUND("pua"),		    [VIRUS_CAT_ENCRYPTED] = FOUND("encrypted"),
	[VIRUS_CAT_MACRO] = FOUND("macro"),	    [VIRUS_CAT_LIMITS] = FOUND("limits"),
	[VIRUS_CAT_PHISHING] = FOUND("phishing"), [VIRUS_CAT_BROKEN] = FOUND("broken"),
};
static struct gp_metric done[VIRUS_ACTIONS] = {
	[VIRUS_ACT_OFF] = DONE("pass"),		  [VIRUS_ACT_ACCEPT] = DONE("accept"),
	[VIRUS_ACT_QUARANTINE] = DONE("quarantine"),
	[VIRUS_ACT_MARK] = DONE("mark"),	  [VIRUS_ACT_HOLD] = DONE("hold"),
	[VIRUS_ACT_TEMPFAIL] = DONE("tempfail"), [VIRUS_ACT_REJECT] = DONE("reject"),
	[VIRUS_ACT_DISCARD] = DONE("discard"),
};
static struct gp_metric forged =
	GP_COUNTER("gatepost_virus_forged_headers_total", "Incoming headers removed.");
static struct gp_metric cpu_time =
	GP_COUNTER("gatepost_virus_scan_cpu_microseconds_total", "CPU time of workers on messages.");

static void register_all(struct gp_metric *metrics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gp_metric_register(&metrics[i]);
}

void virus_report_register_metrics(void)
{
	register_all(outcomes, VIRUS_OUTCOMES);
	register_all(found, VIRUS_CATEGORIES);
	register_all(done, VIRUS_ACTIONS);
	gp_metric_register(&forged);
	gp_metric_register(&cpu_time);
}

static void count(const struct virus_message *m)
{
	gp_metric_add(&outcomes[m->verdict.outcome], 1);
	if (m->verdict.outcome == VIRUS_SCANNED_FOUND)
		gp_metric_add(&found[m->verdict.category], 1);
	gp_metric_add(&done[m->decision.action], 1);
	gp_metric_add(&forged, m->forged[VIRUS_H_SCANNED] + m->forged[VIRUS_H_STATUS]);
	gp_metric_add(&cpu_time, m->verdict.cpu_us);
}

static void add_verdict(struct gp_logline *l, const struct virus_message *m)
{
	const struct virus_verdict *v = &m->verdict;

	gp_logline_cstr(l, "outcome", virus_outcome_name(v->outcome));
	if (v->outcome == VIRUS_SCANNED_FOUND)
		gp_logline_cstr(l, "category", virus_category_name(v->category));
	if (*v->name)
		gp_logline_cstr(l, v->outcome == VIRUS_SCANNED_FOUND ? "virus" : "error", v->name);
	if (v->is_part)
		gp_logline_cstr(l, "scanned", "part");
	if (v->tries > 1)
		gp_logline_int(l, "tries", v->tries);
	if (v->n_known)
		gp_logline_int(l, "known", (int64_t)v->n_known);
	if (m->forged[VIRUS_H_SCANNED] + m->forged[VIRUS_H_STATUS])
		gp_logline_int(l, "forged", m->forged[VIRUS_H_SCANNED] + m->forged[VIRUS_H_STATUS]);
	gp_logline_num(l, "wait_ms", (double)v->wait_us / 1000, 1);
	gp_logline_num(l, "scan_ms", (double)v->scan_us / 1000, 1);
	if (v->shared_us)
		gp_logline_num(l, "shared_ms", (double)v->shared_us / 1000, 1);
}

void virus_report(const struct gp_session *s, const struct virus_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	struct gp_logline l;

	count(m);
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_session_log(&l, s);
	gp_logline_cstr(&l, "origin", origins[m->origin]);
	gp_logline_int(&l, "size", (int64_t)m->spool.size);
	gp_logline_str(&l, "msgid", m->message_id);
	gp_logline_cstr(&l, "action", virus_done_name(m->decision.action));
	add_verdict(&l, m);
	gp_logline_int(&l, "time_ms", gp_clock_mono_ms() - s->msg.began_ms);
	gp_logline_num(&l, "cpu_ms", (double)(m->cpu_us + m->verdict.cpu_us) / 1000, 2);
	gp_logline_emit(&l);
}
