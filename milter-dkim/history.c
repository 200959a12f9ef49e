/*
 * What the history keeps of a message: results with their reasons, and the decision.
 *
 * The item is put together here, on the message's thread; the store is the writer's
 * affair (lib/daemon/history.h).  What the fields mean: lib/store/history.h.
 */
#include "lib/base/clock.h"
#include "lib/daemon/history_item.h"
#include "milter-dkim/dkim.h"
#include "milter-dkim/sign.h"

#define REASON_MAX 200
#define DOMAIN_MAX 255
#define RECORD_MAX 300

struct gp_history *dkim_history;

void dkim_stage(struct dkim_message *m, enum dkim_stage stage)
{
	int64_t now_us = gp_clock_mono_us();

	m->stage_us[stage] += now_us - m->mark_us;
	m->mark_us = now_us;
}

static void add_text(struct gp_jsonline *j, const char *key, struct gp_str value, size_t max)
{
	if (value.len)
		gp_jsonline_str(j, key, value, max);
}

static void add_spf(struct gp_jsonline *j, const char *key, const struct gp_spf_result *r,
		    bool evidence)
{
	gp_jsonline_open(j, key, '{');
	gp_jsonline_cstr(j, "result", gp_auth_status_name(r->status));
	add_text(j, "domain", r->domain, DOMAIN_MAX);
	add_text(j, "reason", r->reason, REASON_MAX);
	if (evidence)
		add_text(j, "record", r->record, RECORD_MAX);
	gp_jsonline_close(j);
}

static void add_dkim(struct gp_jsonline *j, const struct gp_auth_result *r)
{
	gp_jsonline_open(j, "dkim", '[');
	for (size_t i = 0; i < r->n_dkim; i++) {
		const struct gp_dkim_result *d = &r->dkim[i];

		gp_jsonline_open(j, NULL, '{');
		gp_jsonline_cstr(j, "result", gp_auth_status_name(d->status));
		add_text(j, "domain", d->domain, DOMAIN_MAX);
		add_text(j, "selector", d->selector, DOMAIN_MAX);
		add_text(j, "reason", d->reason, REASON_MAX);
		if (d->key_bits)
			gp_jsonline_int(j, "key_bits", d->key_bits);
		gp_jsonline_close(j);
	}
	gp_jsonline_close(j);
}

static void add_arc(struct gp_jsonline *j, const struct gp_arc_result *r)
{
	gp_jsonline_open(j, "arc", '{');
	gp_jsonline_cstr(j, "result", gp_auth_status_name(r->status));
	add_text(j, "reason", r->reason, REASON_MAX);
	if (r->n_sets > 0)
		add_text(j, "sealer", r->sets[r->n_sets - 1].domain, DOMAIN_MAX);
	gp_jsonline_close(j);
}

static void add_dmarc(struct gp_jsonline *j, const struct dkim_message *m, bool evidence)
{
	const struct gp_dmarc_result *r = &m->result.dmarc;

	gp_jsonline_open(j, "dmarc", '{');
	gp_jsonline_cstr(j, "result", gp_auth_status_name(r->status));
	add_text(j, "from", r->from, DOMAIN_MAX);
	add_text(j, "reason", r->reason, REASON_MAX);
	if (r->has_record) {
		gp_jsonline_cstr(j, "policy", gp_dmarc_policy_name(r->policy));
		gp_jsonline_cstr(j, "disposition", gp_dmarc_policy_name(m->decision.disposition));
	}
	if (*m->decision.override)
		gp_jsonline_cstr(j, "override", m->decision.override);
	if (evidence)
		add_text(j, "record", r->record, RECORD_MAX);
	gp_jsonline_close(j);
}

static void add_results(struct gp_jsonline *j, const struct dkim_message *m, bool evidence)
{
	add_spf(j, "spf", &m->result.mailfrom, evidence);
	if (m->conf->spf.helo)
		add_spf(j, "spf_helo", &m->result.helo, evidence);
	add_dkim(j, &m->result);
	add_arc(j, &m->result.arc);
	add_dmarc(j, m, evidence);
	gp_jsonline_int(j, "lookups", (int64_t)m->result.n_lookups);
}

static void add_stages(struct gp_jsonline *j, const struct dkim_message *m)
{
	static const char *const names[DKIM_STAGES] = {
		[DKIM_STAGE_RECEIVE] = "receive",
		[DKIM_STAGE_RESULTS] = "results",
		[DKIM_STAGE_SIGN] = "sign",
		[DKIM_STAGE_HEADERS] = "headers",
	};

	gp_jsonline_open(j, "stages", '{');
	for (size_t i = 0; i < DKIM_STAGES; i++)
		if (m->stage_us[i] > 0)
			gp_jsonline_num(j, names[i], (double)m->stage_us[i] / 1000, 2);
	gp_jsonline_close(j);
}

/* Results count as symbols do: "spf=pass". */
static void count_result(const char *method, enum gp_auth_status status)
{
	GP_BUF_AUTO name = GP_BUF_INIT(64);

	gp_buf_printf(&name, "%s=%s", method, gp_auth_status_name(status));
	gp_history_count(dkim_history, GP_HISTORY_SYMBOL, gp_buf_cstr(&name), 0);
}

static void count(const struct dkim_message *m, bool is_judged)
{
	const struct gp_auth_result *r = &m->result;

	gp_history_count(dkim_history, GP_HISTORY_ACTION, dkim_action_name(m->decision.action), 0);
	if (!is_judged)
		return;
	count_result("spf", r->mailfrom.status);
	count_result("arc", r->arc.status);
	count_result("dmarc", r->dmarc.status);
	for (size_t i = 0; i < r->n_dkim; i++)
		count_result("dkim", r->dkim[i].status);
	if (r->n_dkim == 0)
		count_result("dkim", GP_AUTH_NONE);
}

void dkim_remember(const struct gp_session *s, const struct dkim_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	const struct gp_conf_history *conf = gp_snapshot_get(s->snap, &gp_conf_history_table);
	bool is_judged = m->check && !dkim_forged_is_flood(m);
	struct gp_jsonline j;

	if (!dkim_history)
		return;
	count(m, is_judged);
	gp_history_item_begin(&j, GP_HISTORY_DKIM, s, dkim_action_name(m->decision.action), 0);
	gp_jsonline_int(&j, "size", (int64_t)m->size);
	gp_jsonline_cstr(&j, "origin", m->is_exempt ? "exempt" : origins[m->origin]);
	if (*m->decision.method)
		gp_jsonline_cstr(&j, "method", m->decision.method);
	add_text(&j, "reason", m->decision.reason, REASON_MAX);
	if (!is_judged && !m->is_exempt && !dkim_forged_is_flood(m))
		gp_jsonline_cstr(&j, "signed", dkim_signing_reason(m));
	if (m->sealing)
		gp_jsonline_cstr(&j, "arc_sealed", m->conf->arc.seal_as);
	if (m->n_forged)
		gp_jsonline_int(&j, "forged", (int64_t)m->n_forged);
	add_stages(&j, m);
	if (is_judged)
		add_results(&j, m, conf->evidence);
	gp_history_put(dkim_history, gp_history_item_end(&j, s, m->cpu_us));
	gp_jsonline_done(&j);
}
