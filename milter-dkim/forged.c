/*
 * Authentication-Results that claim to be ours, and seals: found while the header
 * comes, removed at end of message.
 *
 * Fields are looked at as they come and not in the collected header, which has a
 * cap: junk in front must not hide a forgery.  Which of them goes is decided by the
 * authserv-id alone, read as RFC 8601 allows it to be written; a field whose id
 * cannot be read goes too, because somebody else may read it in another way.
 */
#include "milter-dkim/dkim.h"

#include "lib/auth/authres.h"
#include "lib/base/log.h"

/* Each removal makes Postfix walk through the message's headers: honest mail has a
 * handful, and a message with a hundred thousand would keep its cleanup busy for hours. */
#define REMOVALS_MAX 500

static const char results_name[] = "Authentication-Results";

/* A name as it is compared: white space before the colon is no part of it. */
static bool is_named(struct gp_str name, const char *wanted)
{
	return gp_str_ieq(gp_str_trim(name), gp_str(wanted));
}

/* Is a field with this id to be removed? */
static bool is_claimed(const struct dkim_message *m, struct gp_str id)
{
	if (gp_str_ieq(id, m->authserv_id))
		return true;
	for (size_t i = 0; i < m->conf->remove_ids.len; i++)
		if (gp_str_glob(gp_str(m->conf->remove_ids.items[i]), id))
			return true;
	return false;
}

bool dkim_forged_note(struct gp_session *s, struct dkim_message *m, struct gp_str name,
		      struct gp_str value)
{
	struct gp_str id;

	if (is_named(name, GP_SEAL_HEADER)) {
		m->forged.n_seals++;
		m->n_forged++;
		return true;
	}
	if (!is_named(name, results_name))
		return false;
	m->forged.n_results_seen++;
	if (dkim_forged_is_flood(m))
		return true; /* will be refused: nothing more need be known */
	if (gp_authres_id(s->msg.arena, value, &id) == GP_OK && !is_claimed(m, id))
		return false;
	*gp_vec_push(s->msg.arena, &m->forged.results) = m->forged.n_results_seen;
	m->n_forged++;
	return true;
}

bool dkim_forged_is_flood(const struct dkim_message *m)
{
	return m->n_forged > REMOVALS_MAX;
}

void dkim_forged_remove(struct gp_session *s, const struct dkim_message *m)
{
	const struct dkim_forged *f = &m->forged;
	int r = GP_OK;

	/* Removing one moves up its namesakes below: the lowest goes first. */
	for (size_t i = f->results.len; i > 0 && r == GP_OK; i--)
		r = gp_session_delete_header(s, results_name, f->results.items[i - 1]);
	if (r == GP_OK)
		r = gp_session_delete_headers(s, GP_SEAL_HEADER, f->n_seals);
	if (r)
		gp_log_warning("qid=%.*s: the MTA does not remove forged results",
			       GP_STR_FMT(s->msg.queue_id));
}
