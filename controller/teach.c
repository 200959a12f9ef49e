/*
 * A message to the facts that learning needs.  Runs in a worker.
 */
#include "controller/teach.h"

#include "controller/facts.h"
#include "lib/base/limits.h"
#include "lib/mail/charset.h"
#include "lib/mail/message.h"
#include "lib/score/token.h"

static int prepare(const char *file, struct gp_diag *diag)
{
	(void)file;
	(void)diag;
	gp_charset_preload();
	return GP_OK;
}

/* Headers of milter-spam's verdict.  It removes those that came with a message. */
static bool is_scanned(const struct gp_message *m)
{
	static const char *const names[] = {"X-Spam-Status", "X-Spam-Score", "X-Spam-Level",
					    "X-Spam-Flag",   "X-Spam",	     "X-Spam-Report",
					    "X-Spamd-Result"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_message_header(m, names[i]))
			return true;
	return false;
}

static uint32_t count_words(const struct gp_token_list *tokens)
{
	uint32_t n = 0;

	for (size_t i = 0; i < tokens->n; i++) {
		const struct gp_token_source *s = &tokens->sources[i];

		n += s->gap == 0 && (s->field == GP_TOKEN_WORD || s->field == GP_TOKEN_SUBJECT);
	}
	return n;
}

static int work(struct gp_str params, struct gp_str message, int channel, struct gp_buf *reply)
{
	struct gp_message_options options = {.body_max = GP_MAX_BODY_SIZE};
	struct gp_arena *arena = gp_arena_new(1 << 18);
	const struct gp_message *m = gp_message_parse(arena, &options, message);
	struct gp_token_list tokens;
	struct facts facts = {.words = 0};

	(void)params;
	(void)channel;
	gp_token_collect(arena, m, gp_str(NULL), gp_str(NULL), &tokens);
	gp_message_digest(m, facts.digest);
	facts.words = count_words(&tokens);
	facts.is_scanned = is_scanned(m);
	facts.is_message = m->headers.len > 0;
	(void)gp_str_copy(facts.message_id, sizeof(facts.message_id),
			  gp_message_value(m, "Message-ID"));
	facts.tokens = tokens.hashes;
	facts.n_tokens = (uint32_t)tokens.n;
	facts_encode(&facts, reply);
	gp_arena_free(arena);
	return gp_buf_error(reply);
}

const struct worker_trade worker_teach = {.prepare = prepare, .work = work};
