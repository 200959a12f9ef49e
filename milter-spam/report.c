/*
 * What is told about a message: one log line, and the counters.
 */
#include "milter-spam/spam.h"

#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/daemon/session_log.h"

#define ACTION(label)                                                                              \
	GP_COUNTER_L("gatepost_spam_messages_total", "action=\"" label "\"",                       \
		     "Messages by what was done.")
#define GREY(label)                                                                                \
	GP_COUNTER_L("gatepost_spam_greylist_total", "result=\"" label "\"",                       \
		     "Greylisting by what it said.")

static struct gp_metric actions[] = {
	[GP_ACTION_ACCEPT] = ACTION("accept"),
	[GP_ACTION_GREYLIST] = ACTION("greylist"),
	[GP_ACTION_ADD_HEADER] = ACTION("add_header"),
	[GP_ACTION_QUARANTINE] = ACTION("quarantine"),
	[GP_ACTION_REJECT] = ACTION("reject"),
	[GP_ACTION_DISCARD] = ACTION("discard"),
};
static struct gp_metric greys[] = {
	[SPAM_GREY_FIRST] = GREY("first"),
	[SPAM_GREY_EARLY] = GREY("early"),
	[SPAM_GREY_PASSED] = GREY("passed"),
};
static struct gp_metric sources[] = {
	[SPAM_AUTH_SEALED] = GP_COUNTER_L("gatepost_spam_auth_total", "source=\"sealed\"",
					  "Messages by whose SPF, DKIM and DMARC results counted."),
	[SPAM_AUTH_OWN] = GP_COUNTER_L("gatepost_spam_auth_total", "source=\"own\"",
				       "Messages by whose SPF, DKIM and DMARC results counted."),
};
static const char *const source_names[] = {"none", "sealed", "own"};
static struct gp_metric unscanned =
	GP_COUNTER("gatepost_spam_unscanned_total", "Messages not scanned, by the settings.");
static struct gp_metric incomplete = GP_COUNTER(
	"gatepost_spam_incomplete_total", "Messages judged without all the evidence.");
static struct gp_metric forged =
	GP_COUNTER("gatepost_spam_forged_headers_total", "Incoming headers removed.");
static struct gp_metric limited = GP_COUNTER("gatepost_spam_rule_limits_total",
					      "Rules stopped in a message by the match limit or "
					      "the CPU budget.");
static struct gp_metric switched_off = GP_GAUGE(
	"gatepost_spam_rules_switched_off", "Rules that are off because limits stopped them often.");
static struct gp_metric eom_time = GP_HISTOGRAM("gatepost_spam_message_seconds",
						"Time from MAIL FROM to the answer.");

void spam_register_metrics(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(actions); i++)
		gp_metric_register(&actions[i]);
	for (size_t i = SPAM_GREY_FIRST; i < GP_ARRAY_SIZE(greys); i++)
		gp_metric_register(&greys[i]);
	for (size_t i = SPAM_AUTH_SEALED; i < GP_ARRAY_SIZE(sources); i++)
		gp_metric_register(&sources[i]);
	gp_metric_register(&unscanned);
	gp_metric_register(&incomplete);
	gp_metric_register(&forged);
	gp_metric_register(&limited);
	gp_metric_register(&switched_off);
	gp_metric_register(&eom_time);
}

const char *spam_missing(const struct spam_message *m)
{
	const char *scan = m->is_scanned ? m->result.missing : "";

	if (!*scan && m->is_store_failed)
		scan = "greylist";
	if (!m->is_ldap_failed)
		return scan;
	return *scan ? gp_arena_printf(m->mail->arena, "%s,ldap", scan) : "ldap";
}

/* Of the snapshot of now: a message under way may hold an older one. */
size_t spam_count_switched_off(struct gp_buf *names)
{
	GP_BUF_AUTO unwanted = GP_BUF_INIT(1);
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct spam_snapshot *data = gp_snapshot_data(snap);
	size_t n = gp_rule_set_switched_off(gp_scanner_rules(data->scanner),
					    names ? names : &unwanted);

	gp_snapshot_unref(snap);
	gp_metric_set(&switched_off, (int64_t)n);
	return n;
}

void spam_report_limits(const struct spam_message *m)
{
	gp_metric_add(&limited, (int64_t)m->result.n_limited);
	for (size_t i = 0; i < m->result.n_limited; i++) {
		const struct gp_rule_limited *l = &m->result.limited[i];

		if (l->messages == 1)
			gp_log_warning("rule %s (%s:%u) takes too long on a message; it does not hit",
				       l->name, l->file, l->line);
		if (l->messages != GP_RULE_LIMITED_MAX)
			continue;
		spam_count_switched_off(NULL);
		gp_log_warning("rule %s (%s:%u) took too long on %u messages; it is off until the "
			       "rules are reloaded", l->name, l->file, l->line, l->messages);
	}
}

/* The store going and coming is said once each, not with every message. */
static void note_store(const struct spam_message *m)
{
	static atomic_bool is_down;
	struct gp_diag why = {""};

	if (!m->is_scanned || atomic_exchange(&is_down, m->is_store_failed) == m->is_store_failed)
		return;
	if (!m->is_store_failed) {
		gp_log_info("store: back");
		return;
	}
	gp_store_last_error(spam_store, &why);
	gp_log_warning("store: %s; judging without it (on_store_error) until it is back",
		       *why.text ? why.text : "no answer in time");
}

static void count(const struct gp_session *s, const struct spam_message *m)
{
	gp_metric_add(&actions[m->action], 1);
	if (m->grey != SPAM_GREY_NONE)
		gp_metric_add(&greys[m->grey], 1);
	if (m->auth.source != SPAM_AUTH_NONE)
		gp_metric_add(&sources[m->auth.source], 1);
	if (!m->is_scanned)
		gp_metric_add(&unscanned, 1);
	if (*spam_missing(m))
		gp_metric_add(&incomplete, 1);
	for (size_t i = 0; i < m->forged.len; i++)
		gp_metric_add(&forged, m->forged.items[i].count);
	gp_metric_add(&forged, spam_auth_forged(m));
	gp_metric_observe_us(&eom_time, (gp_clock_mono_ms() - s->msg.began_ms) * 1000);
}

static void add_symbols(struct gp_logline *l, const struct spam_message *m)
{
	GP_BUF_AUTO names = GP_BUF_INIT(GP_LOG_VALUE_MAX);

	for (size_t i = 0; i < m->result.symbols.list.len; i++) {
		size_t was = names.len;

		gp_buf_printf(&names, "%s%s", i ? "," : "", m->result.symbols.list.items[i].name);
		if (gp_buf_error(&names)) {
			names.len = was;
			break;
		}
	}
	gp_logline_str(l, "symbols", gp_buf_str(&names));
}

/* As gp_action_name, without the space, so that a log line can be searched by word. */
static const char *action_word(enum gp_action action)
{
	return action == GP_ACTION_ADD_HEADER ? "add_header" : gp_action_name(action);
}

void spam_report(const struct gp_session *s, const struct spam_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	static const char *const grey_names[] = {"", "first", "early", "passed"};
	struct gp_logline l;

	count(s, m);
	note_store(m);
	gp_directory_report(spam_ldap);
	gp_logline_begin(&l, GP_LOG_INFO);
	gp_session_log(&l, s);
	gp_logline_cstr(&l, "origin", origins[m->origin]);
	gp_logline_int(&l, "size", (int64_t)m->mail->size);
	gp_logline_str(&l, "msgid", gp_message_value(m->mail, "Message-ID"));
	gp_logline_cstr(&l, "action", action_word(m->action));
	if (m->is_scanned) {
		gp_logline_num(&l, "score", m->result.score, 2);
		if (m->result.bayes.is_usable)
			gp_logline_num(&l, "bayes", m->result.bayes.probability, 4);
		add_symbols(&l, m);
	} else {
		gp_logline_cstr(&l, "scanned", "no");
	}
	if (m->auth.source != SPAM_AUTH_NONE)
		gp_logline_cstr(&l, "auth", source_names[m->auth.source]);
	if (m->grey != SPAM_GREY_NONE)
		gp_logline_cstr(&l, "greylist", grey_names[m->grey]);
	if (m->action != m->decision.wanted && m->is_scanned)
		gp_logline_cstr(&l, "wanted", action_word(m->decision.wanted));
	if (m->decision.decided_by.len)
		gp_logline_str(&l, "decided_by", m->decision.decided_by);
	if (*spam_missing(m))
		gp_logline_cstr(&l, "missing", spam_missing(m));
	if (m->mail->cut)
		gp_logline_int(&l, "cut", m->mail->cut);
	if (m->forged.len || spam_auth_forged(m))
		gp_logline_int(&l, "forged", (int64_t)m->forged.len + spam_auth_forged(m));
	gp_logline_int(&l, "time_ms", gp_clock_mono_ms() - s->msg.began_ms);
	gp_logline_num(&l, "cpu_ms", (double)m->cpu_us / 1000, 2);
	gp_logline_emit(&l);
}
