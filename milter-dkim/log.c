/*
 * What is told about a message: one log line, and the counters.
 */
#include "milter-dkim/dkim.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/daemon/session_log.h"
#include "milter-dkim/sign.h"

#define ACTION(label)                                                                              \
	GP_COUNTER_L("gatepost_dkim_messages_total", "action=\"" label "\"",                       \
		     "Messages by what was done.")
#define RESULT(method, label)                                                                      \
	GP_COUNTER_L("gatepost_dkim_results_total",                                                \
		     "method=\"" method "\",result=\"" label "\"", "Results by method.")
#define RESULTS(method)                                                                            \
	{                                                                                          \
		RESULT(method, "none"), RESULT(method, "pass"), RESULT(method, "fail"),            \
			RESULT(method, "softfail"), RESULT(method, "neutral"),                     \
			RESULT(method, "policy"), RESULT(method, "temperror"),                     \
			RESULT(method, "permerror"),                                               \
	}

enum { SPF, DKIM, ARC, DMARC, METHODS };

static struct gp_metric actions[DKIM_ACTIONS] = {
	[DKIM_ACCEPT] = ACTION("accept"),
	[DKIM_QUARANTINE] = ACTION("quarantine"),
	[DKIM_TEMPFAIL] = ACTION("tempfail"),
	[DKIM_REJECT] = ACTION("reject"),
};
static struct gp_metric results[METHODS][GP_AUTH_STATUSES] = {
	[SPF] = RESULTS("spf"),
	[DKIM] = RESULTS("dkim"),
	[ARC] = RESULTS("arc"),
	[DMARC] = RESULTS("dmarc"),
};
static struct gp_metric forged = GP_COUNTER(
	"gatepost_dkim_forged_headers_total", "Authentication-Results and seals removed.");
static struct gp_metric signed_messages =
	GP_COUNTER("gatepost_dkim_signed_total", "Messages that were signed.");
static struct gp_metric sealed_messages =
	GP_COUNTER("gatepost_dkim_arc_sealed_total", "Messages that got an ARC set.");
static struct gp_metric lookups =
	GP_COUNTER("gatepost_dkim_lookups_total", "Questions to the DNS or its cache.");
static struct gp_metric eom_time = GP_HISTOGRAM("gatepost_dkim_message_seconds",
						"Time from MAIL FROM to the answer.");

void dkim_register_metrics(void)
{
	struct gp_metric *const singles[] = {&forged, &signed_messages, &sealed_messages, &lookups,
					     &eom_time};

	for (size_t i = 0; i < GP_ARRAY_SIZE(actions); i++)
		gp_metric_register(&actions[i]);
	for (size_t m = 0; m < METHODS; m++)
		for (size_t i = 0; i < GP_AUTH_STATUSES; i++)
			gp_metric_register(&results[m][i]);
	for (size_t i = 0; i < GP_ARRAY_SIZE(singles); i++)
		gp_metric_register(singles[i]);
}

/* Were the methods run to their end? */
static bool is_judged(const struct dkim_message *m)
{
	return m->check && !dkim_forged_is_flood(m);
}

static void count_results(const struct dkim_message *m)
{
	const struct gp_auth_result *r = &m->result;

	gp_metric_add(&results[SPF][r->mailfrom.status], 1);
	gp_metric_add(&results[ARC][r->arc.status], 1);
	gp_metric_add(&results[DMARC][r->dmarc.status], 1);
	for (size_t i = 0; i < r->n_dkim; i++)
		gp_metric_add(&results[DKIM][r->dkim[i].status], 1);
	if (r->n_dkim == 0)
		gp_metric_add(&results[DKIM][GP_AUTH_NONE], 1);
	gp_metric_add(&lookups, (int64_t)r->n_lookups);
}

static void count(const struct gp_session *s, const struct dkim_message *m)
{
	gp_metric_add(&actions[m->decision.action], 1);
	gp_metric_add(&forged, (int64_t)m->n_forged);
	if (is_judged(m))
		count_results(m);
	if (m->signing && m->sign_result == GP_OK)
		gp_metric_add(&signed_messages, 1);
	if (m->sealing)
		gp_metric_add(&sealed_messages, 1);
	gp_metric_observe_us(&eom_time, (gp_clock_mono_ms() - s->msg.began_ms) * 1000);
}

/* "example.org:pass,list.example:fail", or "none". */
static void add_dkim(struct gp_logline *l, const struct gp_auth_result *r)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_LOG_VALUE_MAX);

	for (size_t i = 0; i < r->n_dkim; i++) {
		size_t was = text.len;

		gp_buf_printf(&text, "%s%.*s:%s", i ? "," : "", GP_STR_FMT(r->dkim[i].domain),
			      gp_auth_status_name(r->dkim[i].status));
		if (gp_buf_error(&text)) {
			text.len = was;
			break;
		}
	}
	gp_logline_str(l, "dkim", text.len ? gp_buf_str(&text) : GP_STR("none"));
}

static void add_results(struct gp_logline *l, const struct dkim_message *m)
{
	const struct gp_auth_result *r = &m->result;

	gp_logline_cstr(l, "spf", gp_auth_status_name(r->mailfrom.status));
	if (m->conf->spf.helo)
		gp_logline_cstr(l, "spf_helo", gp_auth_status_name(r->helo.status));
	add_dkim(l, r);
	gp_logline_cstr(l, "arc", gp_auth_status_name(r->arc.status));
	gp_logline_cstr(l, "dmarc", gp_auth_status_name(r->dmarc.status));
	if (r->dmarc.from.len)
		gp_logline_str(l, "author", r->dmarc.from);
	if (r->dmarc.has_record) {
		gp_logline_cstr(l, "policy", gp_dmarc_policy_name(r->dmarc.policy));
		gp_logline_cstr(l, "disposition", gp_dmarc_policy_name(m->decision.disposition));
	}
	if (*m->decision.override)
		gp_logline_cstr(l, "override", m->decision.override);
	gp_logline_int(l, "lookups", (int64_t)r->n_lookups);
}

static void add_decision(struct gp_logline *l, const struct dkim_decision *d)
{
	gp_logline_cstr(l, "action", dkim_action_name(d->action));
	if (*d->method)
		gp_logline_cstr(l, "method", d->method);
	if (d->reason.len)
		gp_logline_str(l, "reason", d->reason);
	if (d->is_spared)
		gp_logline_cstr(l, "spared", "exempt_domains");
}

void dkim_report(const struct gp_session *s, const struct dkim_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	struct gp_logline l;

	count(s, m);
	gp_directory_report(dkim_ldap);
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_session_log(&l, s);
	gp_logline_cstr(&l, "origin", m->is_exempt ? "exempt" : origins[m->origin]);
	gp_logline_int(&l, "size", (int64_t)m->size);
	if (is_judged(m))
		add_results(&l, m);
	else if (!m->is_exempt && !dkim_forged_is_flood(m))
		gp_logline_cstr(&l, "signed", dkim_signing_reason(m));
	if (dkim_signing_longline(m))
		gp_logline_int(&l, "longline", (int64_t)dkim_signing_longline(m));
	if (m->sealing)
		gp_logline_cstr(&l, "arc_sealed", m->conf->arc.seal_as);
	add_decision(&l, &m->decision);
	if (m->n_forged)
		gp_logline_int(&l, "forged", (int64_t)m->n_forged);
	gp_logline_int(&l, "time_ms", gp_clock_mono_ms() - s->msg.began_ms);
	gp_logline_num(&l, "cpu_ms", (double)m->cpu_us / 1000, 2);
	gp_logline_emit(&l);
}
