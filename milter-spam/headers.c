/*
 * The headers of a judged message: forged ones out, ours in.
 *
 * Formats: X-Spam-Status and X-Spam-Level as SpamAssassin writes them,
 * X-Spamd-Result as Rspamd does, so that existing Sieve scripts and
 * Pigeonhole's spamtest read them.  Text from the message never enters a
 * header but as evidence, escaped.
 */
#include "milter-spam/spam.h"

#include <math.h>

#include "config.h"
#include "lib/base/log.h"
#include "lib/daemon/reply.h"

#define VALUE_MAX 16384 /* of one header; longer symbol lists are cut */
#define FOLD_AT 76
#define LEVEL_MAX 50	/* asterisks */

struct writer {
	struct gp_session *session;
	const struct spam_message *m;
	bool is_spam;
};

typedef void format_fn(const struct writer *w, struct gp_buf *out);

static void format_yes(const struct writer *w, struct gp_buf *out)
{
	gp_buf_add_cstr(out, w->is_spam ? "Yes" : "No");
}

static void format_flag(const struct writer *w, struct gp_buf *out)
{
	gp_buf_add_cstr(out, w->is_spam ? "YES" : "NO");
}

static void format_level(const struct writer *w, struct gp_buf *out)
{
	for (int i = 1; i <= LEVEL_MAX && i <= w->m->result.score; i++)
		gp_buf_add_chr(out, '*');
}

static void format_score(const struct writer *w, struct gp_buf *out)
{
	gp_buf_printf(out, "%.1f", w->m->result.score);
}

/* A threshold for people: what is never reached has no number. */
static void add_threshold(struct gp_buf *out, double value)
{
	if (isfinite(value))
		gp_buf_printf(out, "%.1f", value);
	else
		gp_buf_add_cstr(out, "never");
}

/* "tests=A,B,C" folded before a name that would pass the line's end. */
static void add_names(const struct writer *w, struct gp_buf *out)
{
	const struct gp_symbols *symbols = &w->m->result.symbols;
	size_t line = out->len;

	for (size_t i = 0; i < symbols->list.len; i++) {
		const char *name = symbols->list.items[i].name;

		if (i)
			gp_buf_add_chr(out, ',');
		if (out->len - line + strlen(name) > FOLD_AT) {
			gp_buf_add_cstr(out, "\n\t");
			line = out->len;
		}
		gp_buf_add_cstr(out, name);
	}
	if (symbols->list.len == 0)
		gp_buf_add_cstr(out, "none");
}

static void format_status(const struct writer *w, struct gp_buf *out)
{
	gp_buf_printf(out, "%s, score=%.1f required=", w->is_spam ? "Yes" : "No",
		      w->m->result.score);
	add_threshold(out, w->m->decision.required);
	gp_buf_add_cstr(out, "\n\ttests=");
	add_names(w, out);
	if (*spam_missing(w->m))
		gp_buf_printf(out, "\n\tmissing=%s", spam_missing(w->m));
	gp_buf_add_cstr(out, "\n\tautolearn=no version=gatepost-" GP_VERSION);
}

static void format_result(const struct writer *w, struct gp_buf *out)
{
	const struct gp_symbols *symbols = &w->m->result.symbols;
	struct gp_thresholds t = spam_thresholds(&w->m->conf->thresholds);

	gp_buf_printf(out, "default: %s [%.2f / ", w->is_spam ? "True" : "False",
		      w->m->result.score);
	add_threshold(out, t.reject);
	gp_buf_add_cstr(out, "]");
	for (size_t i = 0; i < symbols->list.len; i++)
		gp_buf_printf(out, ";\n\t%s(%.2f)[]", symbols->list.items[i].name,
			      symbols->list.items[i].score);
}

/* One symbol a line: points, name, description. */
/* " [198.51.100.7: 127.0.0.2]": what a list says of what.  Its text is a stranger's. */
static void add_evidence(struct gp_str s, struct gp_buf *out)
{
	if (!s.len)
		return;
	gp_buf_add_cstr(out, " [");
	for (size_t i = 0; i < s.len; i++)
		gp_buf_add_chr(out, s.ptr[i] >= ' ' && s.ptr[i] < 127 ? s.ptr[i] : '?');
	gp_buf_add_chr(out, ']');
}

static void format_report(const struct writer *w, struct gp_buf *out)
{
	const struct gp_symbols *symbols = &w->m->result.symbols;

	gp_buf_printf(out, "%.1f points, %.1f needed", w->m->result.score,
		      isfinite(w->m->decision.required) ? w->m->decision.required : 0.0);
	for (size_t i = 0; i < symbols->list.len; i++) {
		const struct gp_symbol *sym = &symbols->list.items[i];

		gp_buf_printf(out, "\n\t%5.1f %s %s", sym->score, sym->name, sym->description);
		add_evidence(sym->evidence, out);
	}
}

static const struct {
	const char *name;
	format_fn *format;
} headers[SPAM_HEADERS] = {
	[SPAM_H_SPAM] = {"X-Spam", format_yes},
	[SPAM_H_FLAG] = {"X-Spam-Flag", format_flag},
	[SPAM_H_LEVEL] = {"X-Spam-Level", format_level},
	[SPAM_H_SCORE] = {"X-Spam-Score", format_score},
	[SPAM_H_STATUS] = {"X-Spam-Status", format_status},
	[SPAM_H_RESULT] = {"X-Spamd-Result", format_result},
	[SPAM_H_REPORT] = {"X-Spam-Report", format_report},
};

/* For Sieve scripts that want to treat what was judged without all evidence apart. */
static const char check_header[] = "X-Spam-Check";

static void format_check(const struct writer *w, struct gp_buf *out)
{
	gp_buf_printf(out, "incomplete (%s)", spam_missing(w->m));
}

bool spam_header_is_ours(struct gp_str name)
{
	for (size_t i = 0; i < SPAM_HEADERS; i++)
		if (gp_str_ieq(gp_str(headers[i].name), name))
			return true;
	return gp_str_ieq(gp_str(check_header), name);
}

static bool is_wanted(const struct writer *w, size_t i)
{
	enum spam_when when = (enum spam_when)w->m->conf->headers[i];

	return when == SPAM_ALWAYS || (when == SPAM_IF_SPAM && w->is_spam);
}

/* The MTA refuses a change only when it is gone itself; then the message is not
 * accepted either, so there is nothing to save here but the log. */
static void add(const struct writer *w, const char *name, format_fn *format)
{
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);

	format(w, &value);
	if (gp_session_add_header(w->session, name, gp_buf_cstr(&value)))
		gp_log_warning("qid=%.*s: the MTA does not take the header %s",
			       GP_STR_FMT(w->session->msg.queue_id), name);
}

void spam_write_headers(struct gp_session *s, struct spam_message *m)
{
	struct writer w = {s, m, m->action == GP_ACTION_ADD_HEADER ||
					 m->action == GP_ACTION_QUARANTINE};

	for (size_t i = 0; i < m->forged.len; i++)
		if (gp_session_delete_headers(s, m->forged.items[i].name,
					      m->forged.items[i].count))
			gp_log_warning("qid=%.*s: the MTA does not remove the header %s",
				       GP_STR_FMT(s->msg.queue_id), m->forged.items[i].name);
	spam_auth_clean(s, m);
	if (m->action == GP_ACTION_QUARANTINE &&
	    gp_session_quarantine(s, "held by milter-spam: score above the quarantine threshold"))
		gp_log_warning("qid=%.*s: the MTA does not hold the message",
			       GP_STR_FMT(s->msg.queue_id));
	if (m->origin != SPAM_INBOUND || !m->is_scanned)
		return;
	if (m->conf->headers_from_rules)
		spam_write_markup(s, m, w.is_spam);
	for (size_t i = 0; !m->conf->headers_from_rules && i < SPAM_HEADERS; i++)
		if (is_wanted(&w, i))
			add(&w, headers[i].name, headers[i].format);
	if (((m->is_store_failed || m->result.is_bayes_missing) &&
	     m->conf->on_store_error == GP_ON_ERROR_MARK) ||
	    (m->is_ldap_failed && m->conf->on_ldap_error == GP_ON_ERROR_MARK))
		add(&w, check_header, format_check);
}
