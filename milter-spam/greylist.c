/*
 * Greylisting, only for messages whose score is in doubt (thresholds.greylist).
 *
 * The key is the client's network, the sender and the recipient.  A message
 * has one answer for all its recipients, so it passes when every one of them
 * has been tried before for long enough; those that an MTA leaves out of a
 * retry do not matter.  While the store does not answer nobody is deferred:
 * the retry could not be recognised either.
 */
#include "milter-spam/spam.h"

#include "lib/base/clock.h"

/* Recipients looked up, so that a message costs a bounded number of requests. */
#define RECIPIENTS_MAX 20

static void add_lower(struct gp_buf *key, struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		gp_buf_add_chr(key, gp_lower(s.ptr[i]));
}

static void make_key(struct gp_buf *key, const struct gp_session *s, const struct spam_conf *conf,
		     struct gp_str recipient)
{
	unsigned bits = (unsigned)(s->client.family == 6 ? conf->greylist_bits6
							 : conf->greylist_bits4);
	struct gp_cidr net = gp_cidr_around(&s->client, bits);
	char text[GP_IP_TEXT];

	gp_buf_reset(key);
	gp_buf_add_cstr(key, gp_cidr_format(&net, text));
	gp_buf_add_chr(key, '\0');
	add_lower(key, s->msg.from);
	gp_buf_add_chr(key, '\0');
	add_lower(key, recipient);
}

static int try_recipient(struct gp_session *s, struct spam_message *m, struct gp_str recipient,
			 struct gp_greylist_state *state)
{
	GP_BUF_AUTO key = GP_BUF_INIT(8192);
	struct gp_greylist_rule rule = {
		.delay_s = m->conf->greylist_delay_ms / 1000,
		.retry_s = m->conf->greylist_retry_ms / 1000,
		.passed_s = m->conf->greylist_passed_ms / 1000,
	};

	make_key(&key, s, m->conf, recipient);
	return gp_store_greylist_try(spam_store, GP_STR("greylist"), GP_STR("x"), gp_buf_str(&key), &rule, gp_clock_real_s(),
				     m->deadline_ms, state);
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
