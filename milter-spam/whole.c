/*
 * Judging a message that is there as a whole.
 */
#include "milter-spam/whole.h"

#include "lib/base/clock.h"

/* As milter-spam finds them when milter-dkim has sealed none; NULL without a client. */
static const struct gp_auth_result *results_of(const struct spam_judge *judge,
					       const struct spam_whole *whole,
					       struct gp_arena *arena)
{
	struct gp_auth_envelope envelope = {.client = whole->client,
					    .helo = whole->helo,
					    .mailfrom = whole->from,
					    .now_s = gp_clock_real_s()};
	struct gp_auth_result *ret;

	if (!judge->auth || !judge->sources.resolver || !whole->client.family)
		return NULL;
	ret = GP_ARENA_NEW(arena, struct gp_auth_result);
	gp_auth_message(judge->auth, &judge->sources, &envelope, whole->bytes, arena,
			whole->deadline_ms, ret);
	return ret;
}

/* Asks what holds for the envelope; the answers are collected when the score is there. */
static struct spam_asked *ask(const struct spam_judge *judge, const struct spam_whole *whole,
			      struct gp_arena *arena)
{
	struct spam_asked *asked = spam_asked_new(judge->directory, judge->conf, arena);

	if (whole->told.words) {
		spam_asked_tell(asked, whole->account, true, whole->told.account_words);
		for (size_t i = 0; i < whole->n_recipients; i++)
			spam_asked_tell(asked, whole->recipients[i], false, whole->told.words[i]);
		spam_asked_fail(asked, whole->told.failure);
		return asked;
	}
	if (whole->account.len)
		spam_asked_account(asked, whole->account);
	for (size_t i = 0; whole->account.len == 0 && i < whole->n_recipients; i++)
		spam_asked_recipient(asked, whole->recipients[i]);
	return asked;
}

void spam_whole_judge(const struct spam_judge *judge, const struct spam_whole *whole,
		      struct gp_arena *arena, struct spam_verdict *ret)
{
	struct gp_message_options options = {.body_max = (size_t)judge->conf->size_max};
	struct gp_message *mail = gp_message_parse(arena, &options, whole->bytes);
	char *ip = gp_arena_alloc(arena, GP_IP_TEXT);
	struct spam_envelope envelope = {
		.sender = {.envelope = whole->from, .client = whole->client},
		.recipients = whole->recipients,
		.n_recipients = whole->n_recipients,
		.account = whole->account,
		.asked = ask(judge, whole, arena),
	};
	struct gp_scan_input input = {
		.message = mail,
		.store = judge->store,
		.envelope_from = whole->from,
		.account = whole->account,
		.recipients = whole->recipients,
		.n_recipients = whole->n_recipients,
		.client_ip = gp_str(gp_ip_format(&whole->client, ip)),
		.helo = whole->helo,
		.auth = results_of(judge, whole, arena),
		.resolver = judge->sources.resolver,
		.deadline_ms = whole->deadline_ms,
		.trace = whole->trace,
	};
	struct gp_scan *scan = gp_scan_begin(judge->scanner, &input, arena);

	spam_policy_add_symbols(judge->conf, &envelope, mail, scan);
	gp_scan_finish(scan, &ret->result);
	ret->mail = mail;
	ret->origin = spam_policy_origin(judge->networks, &envelope);
	spam_policy_decide(judge->conf, &envelope, ret->origin, ret->result.score, arena,
			   &ret->decision);
	ret->directory_failure = spam_asked_failure(envelope.asked);
}
