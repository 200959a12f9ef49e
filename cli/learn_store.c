/*
 * Teaching without a controller: messages are tokenized one by one and committed in
 * batches, each of which is one durable transaction: an interruption falls between two
 * of them, and the same command goes on where it stopped, because the store knows the
 * digest of every message learned.
 */
#include "cli/learn_sink.h"
#include "lib/base/clock.h"
#include "milter-spam/options.h"

#define BATCH_MESSAGES 500
/* Tokens of a batch in memory: 500 × 1,500 × 8 bytes = 6 MB at the most. */
#define COMMIT_MS 120000 /* a batch on a slow disk */

struct direct {
	struct learn_sink sink;
	struct gp_store *store;
	struct gp_bayes_scopes scopes;
	size_t size_max;
	struct gp_arena *message_arena; /* of the message at hand */
	struct gp_arena *batch_arena;	/* tokens of the batch */
	struct gp_bayes_message batch[BATCH_MESSAGES];
	size_t n_batch;
};

static enum gp_learned predict(enum gp_bayes_class want, enum gp_bayes_class is)
{
	if (want == GP_BAYES_NONE)
		return is == GP_BAYES_NONE ? GP_LEARNED_UNKNOWN : GP_LEARNED_REMOVED;
	if (is == want)
		return GP_LEARNED_SAME;
	return is == GP_BAYES_NONE ? GP_LEARNED_NEW : GP_LEARNED_MOVED;
}

/* What a commit would do, without doing it. */
static int dry_run(struct direct *d, struct gp_str scope, struct gp_diag *diag)
{
	for (size_t i = 0; i < d->n_batch; i++) {
		enum gp_bayes_class is = GP_BAYES_NONE;
		int r = gp_store_bayes_seen(d->store, scope, d->batch[i].digest,
					    gp_clock_mono_ms() + COMMIT_MS, &is);

		if (r && r != GP_ENOENT) {
			gp_store_last_error(d->store, diag);
			return r;
		}
		d->batch[i].learned = predict(d->sink.class, is);
	}
	return GP_OK;
}

static int learn_scope(struct direct *d, struct gp_str scope, struct gp_diag *diag)
{
	return d->sink.is_dry ? dry_run(d, scope, diag)
			      : gp_store_bayes_learn(d->store, scope, d->batch, d->n_batch,
						     gp_clock_mono_ms() + COMMIT_MS, diag);
}

static int flush(struct learn_sink *sink)
{
	struct direct *d = (struct direct *)(void *)sink;
	struct gp_diag diag = {""};
	int r = GP_OK;

	/* Everybody's scope is the first, and speaks in the summary: it is learned last. */
	for (size_t i = d->scopes.n; d->n_batch > 0 && r == GP_OK && i > 0; i--)
		r = learn_scope(d, gp_str(d->scopes.names[i - 1]), &diag);
	if (r) {
		sink->status = r == GP_ETEMP ? GP_EXIT_TEMPFAIL : GP_EXIT_UNAVAILABLE;
		gp_progress_done(sink->progress);
		gp_cli_fail(sink->status, "store: %s", *diag.text ? diag.text : gp_err_name(r));
		return r;
	}
	for (size_t i = 0; i < d->n_batch; i++)
		sink->counts.by_outcome[d->batch[i].learned]++;
	sink->counts.messages += d->n_batch;
	d->n_batch = 0;
	gp_arena_reset(d->batch_arena);
	return GP_OK;
}

static int add(struct learn_sink *sink, const char *label, struct gp_str bytes)
{
	struct direct *d = (struct direct *)(void *)sink;
	struct gp_message_options mail_options = {.body_max = d->size_max};
	struct gp_message *mail = gp_message_parse(d->message_arena, &mail_options, bytes);
	struct gp_bayes_message *b = &d->batch[d->n_batch++];
	struct gp_token_list tokens;

	(void)label;
	gp_token_collect(d->message_arena, mail, gp_str(NULL), gp_str(NULL), &tokens);
	*b = (struct gp_bayes_message){.class = sink->class, .n_tokens = tokens.n};
	b->tokens = gp_arena_dup(d->batch_arena, tokens.hashes, tokens.n * sizeof(*tokens.hashes));
	gp_message_digest(mail, b->digest);
	gp_arena_reset(d->message_arena);
	gp_progress_step(sink->progress, bytes.len);
	return d->n_batch == BATCH_MESSAGES ? flush(sink) : GP_OK;
}

static void close_direct(struct learn_sink *sink)
{
	struct direct *d = (struct direct *)(void *)sink;

	gp_arena_free(d->message_arena);
	gp_arena_free(d->batch_arena);
	gp_store_close(&d->store);
}

int learn_store_open(const struct gp_snapshot *snap, const struct learn_sink *base,
		     struct gp_arena *arena, struct learn_sink **ret)
{
	const struct spam_conf *spam = gp_snapshot_get(snap, &spam_table);
	struct direct *d = GP_ARENA_NEW(arena, struct direct);
	int status = gp_cli_open_store(snap, base->is_dry ? 0 : GP_STORE_BAYES, &d->store);

	if (status)
		return status;
	d->sink = *base;
	d->sink.add = add;
	d->sink.flush = flush;
	d->sink.close = close_direct;
	d->size_max = (size_t)spam->size_max;
	gp_bayes_scopes_of(gp_snapshot_get(snap, &gp_conf_bayes_table), gp_str(base->user),
			   &d->scopes);
	d->message_arena = gp_arena_new(1 << 18);
	d->batch_arena = gp_arena_new(1 << 20);
	*ret = &d->sink;
	return 0;
}
