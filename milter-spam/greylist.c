/*
 * Greylisting, only for messages whose score is in doubt (thresholds.greylist).
 *
 * Who tries and with what is lib/auth/greylist.h's; here the signatures of the message itself are
 * known.  A message has one answer for all its recipients, so it passes when every one of them
 * has been tried before for long enough; those that an MTA leaves out of a
 * retry do not matter.  While the store does not answer nobody is deferred:
 * the retry could not be recognised either.
 */
#include "milter-spam/spam.h"

#include "lib/base/clock.h"

/* Recipients looked up, so that a message costs a bounded number of requests. */
#define RECIPIENTS_MAX 20

static int try_recipient(struct gp_session *s, struct spam_message *m, struct gp_str recipient,
			 struct gp_greylist_state *state)
{
	GP_BUF_AUTO who = GP_BUF_INIT(1024);
	GP_BUF_AUTO key = GP_BUF_INIT(8192);
	struct gp_greylist_rule rule = gp_greylist_rule(&m->conf->greylist);
	const struct gp_auth_result *result = m->auth.source == SPAM_AUTH_NONE ? NULL : &m->auth.result;
	struct gp_str domain = gp_greylist_domain(result, s->msg.from);

	gp_greylist_who(&m->conf->greylist, &s->client, domain, &who);
	gp_greylist_key(domain, s->msg.from, recipient, &key);
	return gp_store_greylist_try(spam_store, GP_STR("greylist"), gp_buf_str(&who),
				     gp_buf_str(&key), &rule, gp_clock_real_s(), m->deadline_ms,
				     state);
}

void spam_greylist(struct gp_session *s, struct spam_message *m)
{
	size_t n = GP_MIN(s->msg.rcpts.len, (size_t)RECIPIENTS_MAX);

	m->grey = SPAM_GREY_PASSED;
	for (size_t i = 0; i < n; i++) {
		struct gp_greylist_state state;

		if (try_recipient(s, m, s->msg.rcpts.items[i].address, &state)) {
			m->is_store_failed = true;
			m->grey = SPAM_GREY_NONE;
			break;
		}
		if (!state.passed)
			m->grey = state.tries <= 1 || m->grey == SPAM_GREY_FIRST ? SPAM_GREY_FIRST
										 : SPAM_GREY_EARLY;
	}
	if (m->grey == SPAM_GREY_PASSED || m->grey == SPAM_GREY_NONE)
		m->action = GP_ACTION_ACCEPT;
}
