/*
 * What the history keeps of a message: the verdict with everything that made it.
 *
 * The item is put together here, on the message's thread, and handed over; the store is
 * the writer's affair (lib/daemon/history.h).  What the fields mean: lib/store/history.h.
 */
#include "milter-spam/spam.h"

#include <math.h>

#include "lib/base/clock.h"
#include "lib/daemon/history_item.h"
#include "lib/proto/sent.h"

#define TEXT_MAX 200	/* a rule's description, a subject */
#define EVIDENCE_MAX 160
#define TOKEN_MAX 80
#define MESSAGE_ID_MAX 250

struct gp_history *spam_history;

void spam_stage(struct spam_message *m, enum spam_stage stage)
{
	int64_t now_us = gp_clock_mono_us();

	m->stage_us[stage] += now_us - m->mark_us;
	m->mark_us = now_us;
}

static void add_thresholds(struct gp_jsonline *j, const struct gp_thresholds *t)
{
	const struct {
		const char *name;
		double value;
	} all[] = {
		{"greylist", t->greylist}, {"add_header", t->add_header},
		{"quarantine", t->quarantine}, {"reject", t->reject}, {"discard", t->discard},
	};

	gp_jsonline_open(j, "thresholds", '{');
	for (size_t i = 0; i < GP_ARRAY_SIZE(all); i++)
		if (isfinite(all[i].value))
			gp_jsonline_num(j, all[i].name, all[i].value, 2);
	gp_jsonline_close(j);
}

static void add_symbols(struct gp_jsonline *j, const struct gp_symbols *symbols)
{
	gp_jsonline_open(j, "symbols", '[');
	for (size_t i = 0; i < symbols->list.len; i++) {
		const struct gp_symbol *s = &symbols->list.items[i];

		gp_jsonline_open(j, NULL, '{');
		gp_jsonline_cstr(j, "name", s->name);
		gp_jsonline_num(j, "score", s->score, 3);
		if (*s->description)
			gp_jsonline_str(j, "text", gp_str(s->description), TEXT_MAX);
		if (s->evidence.len)
			gp_jsonline_str(j, "evidence", s->evidence, EVIDENCE_MAX);
		gp_jsonline_close(j);
	}
	gp_jsonline_close(j);
}

static void add_tokens(struct gp_jsonline *j, const struct gp_scan_result *r)
{
	gp_jsonline_open(j, "tokens", '[');
	for (size_t i = 0; i < r->bayes.n_evidence; i++) {
		const struct gp_bayes_evidence *e = &r->bayes.evidence[i];
		GP_BUF_AUTO token = GP_BUF_INIT(256);

		gp_token_format(&r->tokens.sources[e->index], &token);
		gp_jsonline_open(j, NULL, '{');
		gp_jsonline_str(j, "token", gp_buf_str(&token), TOKEN_MAX);
		gp_jsonline_num(j, "probability", e->probability, 3);
		gp_jsonline_int(j, "spam", GP_MAX(e->count.spam, e->own.spam));
		gp_jsonline_int(j, "ham", GP_MAX(e->count.ham, e->own.ham));
		gp_jsonline_close(j);
	}
	gp_jsonline_close(j);
}

static void add_bayes(struct gp_jsonline *j, const struct gp_scan_result *r, bool words)
{
	size_t own = r->scopes.n - 1;

	gp_jsonline_open(j, "bayes", '{');
	gp_jsonline_num(j, "probability", r->bayes.probability, 4);
	gp_jsonline_int(j, "used", (int64_t)r->bayes.n_used);
	gp_jsonline_int(j, "known", (int64_t)r->bayes.n_known);
	gp_jsonline_int(j, "spam", (int64_t)r->totals[0].spam);
	gp_jsonline_int(j, "ham", (int64_t)r->totals[0].ham);
	if (*r->scopes.names[own])
		gp_jsonline_cstr(j, "scope", r->scopes.names[own]);
	if (words)
		add_tokens(j, r);
	gp_jsonline_close(j);
}

static void add_stages(struct gp_jsonline *j, const struct spam_message *m)
{
	static const char *const names[SPAM_STAGES] = {
		[SPAM_STAGE_RECEIVE] = "receive",   [SPAM_STAGE_AUTH] = "auth",
		[SPAM_STAGE_PATTERNS] = "patterns", [SPAM_STAGE_LOOKUPS] = "lookups",
		[SPAM_STAGE_GREYLIST] = "greylist", [SPAM_STAGE_HEADERS] = "headers",
	};

	gp_jsonline_open(j, "stages", '{');
	for (size_t i = 0; i < SPAM_STAGES; i++)
		if (m->stage_us[i] > 0)
			gp_jsonline_num(j, names[i], (double)m->stage_us[i] / 1000, 2);
	gp_jsonline_close(j);
}

static void add_verdict(struct gp_jsonline *j, const struct spam_message *m, bool words)
{
	if (!m->is_scanned) {
		gp_jsonline_bool(j, "scanned", false);
		return;
	}
	if (m->action != m->decision.wanted)
		gp_jsonline_cstr(j, "wanted", gp_action_name(m->decision.wanted));
	if (m->decision.decided_by.len)
		gp_jsonline_str(j, "decided_by", m->decision.decided_by, TEXT_MAX);
	add_thresholds(j, &m->decision.thresholds);
	if (m->result.bayes.is_usable)
		add_bayes(j, &m->result, words);
	add_symbols(j, &m->result.symbols);
}

static void count(const struct spam_message *m)
{
	gp_history_count(spam_history, GP_HISTORY_ACTION, gp_action_name(m->action),
			 m->is_scanned ? m->result.score : 0);
	for (size_t i = 0; m->is_scanned && i < m->result.symbols.list.len; i++) {
		const struct gp_symbol *s = &m->result.symbols.list.items[i];

		gp_history_count(spam_history, GP_HISTORY_SYMBOL, s->name, s->score);
	}
}

/* Own mail with a score that could count somewhere, for policyd-ratelimit's limits on spam. */
static void tell_sent(const struct gp_session *s, const struct spam_message *m)
{
	char ip[GP_IP_TEXT], text[GP_SENT_MAX];
	struct gp_str client = gp_str(gp_ip_format(&s->client, ip));
	struct gp_str action = gp_str(gp_action_name(m->action));
	struct gp_sent sent = {
		.time_s = gp_clock_real_s(),
		.score_milli = (int64_t)llround(m->result.score * 1000),
		.id = {s->msg.queue_id.ptr, s->msg.queue_id.len},
		.account = {s->msg.auth_user.ptr, s->msg.auth_user.len},
		.client = {client.ptr, client.len},
		.sender = {s->msg.from.ptr, s->msg.from.len},
		.action = {action.ptr, action.len},
	};
	size_t len;

	if (m->origin == SPAM_INBOUND || !m->is_scanned || m->result.score < GP_SENT_SCORE_MIN ||
	    s->msg.queue_id.len == 0)
		return;
	len = gp_sent_format(&sent, text, sizeof(text));
	gp_history_put(spam_sent, gp_str_n(text, len));
}

void spam_remember(const struct gp_session *s, const struct spam_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	static const char *const greys[] = {"", "first", "early", "passed"};
	static const char *const sources[] = {"", "sealed", "own"};
	const struct gp_conf_history *conf = gp_snapshot_get(s->snap, &gp_conf_history_table);
	struct gp_jsonline j;

	tell_sent(s, m);
	if (!spam_history)
		return;
	count(m);
	gp_history_item_begin(&j, GP_HISTORY_SPAM, s, gp_action_name(m->action),
			      m->is_scanned ? m->result.score : 0);
	gp_jsonline_str(&j, "msgid", gp_message_value(m->mail, "Message-ID"), MESSAGE_ID_MAX);
	if (conf->words)
		gp_jsonline_str(&j, "subject", gp_message_value(m->mail, "Subject"), TEXT_MAX);
	gp_jsonline_int(&j, "size", (int64_t)m->mail->size);
	gp_jsonline_cstr(&j, "origin", origins[m->origin]);
	if (m->grey != SPAM_GREY_NONE)
		gp_jsonline_cstr(&j, "greylist", greys[m->grey]);
	if (m->auth.source != SPAM_AUTH_NONE)
		gp_jsonline_cstr(&j, "auth", sources[m->auth.source]);
	if (*spam_missing(m))
		gp_jsonline_cstr(&j, "missing", spam_missing(m));
	if (m->forged.len || spam_auth_forged(m))
		gp_jsonline_int(&j, "forged", (int64_t)m->forged.len + spam_auth_forged(m));
	add_stages(&j, m);
	add_verdict(&j, m, conf->words);
	gp_history_put(spam_history, gp_history_item_end(&j, s, m->cpu_us));
	gp_jsonline_done(&j);
}
