/*
 * What the history keeps of a message: what was found, and what was done.  What the fields mean:
 * lib/store/history.h.
 */
#include "milter-virus/virus.h"

#include "lib/daemon/history_item.h"

#define MESSAGE_ID_MAX 250

struct gp_history *virus_history;

static void add_verdict(struct gp_jsonline *j, const struct virus_verdict *v)
{
	bool is_found = v->outcome == VIRUS_SCANNED_FOUND;

	gp_jsonline_open(j, "virus", '{');
	gp_jsonline_cstr(j, "outcome", virus_outcome_name(v->outcome));
	if (is_found)
		gp_jsonline_cstr(j, "category", virus_category_name(v->category));
	if (*v->name)
		gp_jsonline_cstr(j, is_found ? "name" : "error", v->name);
	gp_jsonline_int(j, "tries", v->tries);
	if (v->n_known)
		gp_jsonline_int(j, "known", (int64_t)v->n_known);
	if (v->is_part)
		gp_jsonline_bool(j, "part", true);
	gp_jsonline_num(j, "wait_ms", (double)v->wait_us / 1000, 1);
	gp_jsonline_num(j, "scan_ms", (double)v->scan_us / 1000, 1);
	if (v->shared_us)
		gp_jsonline_num(j, "shared_ms", (double)v->shared_us / 1000, 1);
	gp_jsonline_close(j);
}

void virus_remember(const struct gp_session *s, const struct virus_message *m)
{
	static const char *const origins[] = {"inbound", "authenticated", "own"};
	const char *action = virus_done_name(m->decision.action);
	int forged = m->forged[VIRUS_H_SCANNED] + m->forged[VIRUS_H_STATUS];
	struct gp_jsonline j;

	if (!virus_history)
		return;
	gp_history_count(virus_history, GP_HISTORY_ACTION, action, 0);
	if (m->verdict.outcome == VIRUS_SCANNED_FOUND)
		gp_history_count(virus_history, GP_HISTORY_SYMBOL, m->verdict.name, 0);
	gp_history_item_begin(&j, GP_HISTORY_VIRUS, s, action, 0);
	gp_jsonline_str(&j, "msgid", m->message_id, MESSAGE_ID_MAX);
	gp_jsonline_int(&j, "size", (int64_t)m->spool.size);
	gp_jsonline_cstr(&j, "origin", origins[m->origin]);
	if (*m->decision.reason && !m->decision.is_infected)
		gp_jsonline_cstr(&j, "reason", m->decision.reason);
	if (forged)
		gp_jsonline_int(&j, "forged", forged);
	add_verdict(&j, &m->verdict);
	gp_history_put(virus_history,
		       gp_history_item_end(&j, s, m->cpu_us + m->verdict.cpu_us));
	gp_jsonline_done(&j);
}
