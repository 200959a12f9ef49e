/*
 * Bayes on LMDB: buckets of packed records (bucket.h) in one database of
 * integer keys, learned in one transaction however many messages there are.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/bucket.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_int.h"
#include "lib/store/lmdb_scope.h"

static int seen_get(struct gp_lmdb_env *env, MDB_txn *txn, uint64_t id,
		    const unsigned char *digest, unsigned char *ret)
{
	unsigned char buf[GP_LMDB_SEEN_KEY];
	MDB_val key = gp_lmdb_seen_key(id, digest, buf), value;
	int rc = mdb_get(txn, gp_lmdb_db(env, GP_LMDB_SEEN), &key, &value);

	*ret = GP_BAYES_NONE;
	if (rc == 0 && value.mv_size >= 1)
		*ret = *(const unsigned char *)value.mv_data;
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Looking up. */

/* Reads the buckets of the tokens at the n indices, into the counts and the cache. */
static int read_buckets(struct gp_store_lmdb *s, MDB_txn *txn, struct gp_bayes_lookup *l,
			uint64_t id, const uint32_t *indices, size_t n)
{
	unsigned bits = gp_keys_bits(gp_str(l->scope));
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(s->bayes, GP_LMDB_TOKENS), &cursor);

	if (rc != 0)
		return rc;
	gp_cache_begin(s->cache, gp_str(l->scope), gp_lmdb_generation(s->bayes, txn), &l->totals);
	for (size_t k = 0; rc == 0 && k < n; k++) {
		uint64_t token = l->tokens[indices[k]];
		uint64_t number = id << 32 | gp_keys_bucket(token, bits);
		MDB_val key = {.mv_size = sizeof(number), .mv_data = &number}, value;
		struct gp_str content = {0};

		rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
		if (rc == 0)
			content = gp_str_n(value.mv_data, value.mv_size);
		else if (rc == MDB_NOTFOUND)
			rc = 0;
		else
			break;
		l->counts[indices[k]] = gp_bucket_find(content, gp_keys_name(token));
		gp_cache_put(s->cache, gp_keys_bucket(token, bits), content);
	}
	gp_cache_finish(s->cache);
	mdb_cursor_close(cursor);
	return rc;
}

static int lookup(struct gp_store_lmdb *s, MDB_txn *txn, struct gp_bayes_lookup *l,
		  const struct gp_cache_hits *hits, uint32_t *missing)
{
	struct gp_bayes_totals none = {0};
	size_t n = hits->n_missing;
	struct gp_lmdb_scope meta;
	int rc = gp_lmdb_scope_get(s->bayes, txn, l->scope, &meta);

	l->totals = none;
	if (rc == MDB_NOTFOUND) {
		memset(l->counts, 0, l->n * sizeof(*l->counts));
		return 0;
	}
	if (rc != 0)
		return rc;
	l->totals = (struct gp_bayes_totals){
		.spam = meta.spam, .ham = meta.ham, .tokens = meta.tokens};
	if (hits->generation != gp_lmdb_generation(s->bayes, txn)) /* what the cache gave is of another state */
		for (n = 0; n < l->n; n++)
			missing[n] = (uint32_t)n;
	return read_buckets(s, txn, l, meta.id, missing, n);
}

void gp_lmdb_bayes_start(struct gp_store *st, struct gp_bayes_lookup *l)
{
	struct gp_store_lmdb *s = gp_lmdb_of(st);
	GP_FREE uint32_t *missing = gp_xmalloc((l->n + 1) * sizeof(*missing));
	struct gp_cache_hits hits = gp_cache_find(s->cache, gp_str(l->scope), l->tokens, l->n,
						  l->counts, &l->totals, missing);
	struct gp_diag diag = {0};
	MDB_txn *txn;
	int r = GP_OK;

	if (!hits.is_fresh || hits.n_missing > 0) {
		r = gp_lmdb_read_begin(s->bayes, &txn, &diag);
		if (r == GP_OK) {
			r = gp_lmdb_error(s->bayes, lookup(s, txn, l, &hits, missing), &diag);
			gp_lmdb_read_end(s->bayes, &txn);
		} else if (r == GP_ENOENT) { /* nothing was learned yet, or it was removed */
			memset(l->counts, 0, l->n * sizeof(*l->counts));
			l->totals = (struct gp_bayes_totals){0};
			r = GP_OK;
		}
	}
	gp_store_lookup_done(l, r, &diag);
}

int gp_lmdb_bayes_seen(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
		       int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of(st)->bayes;
	unsigned char class = GP_BAYES_NONE;
	char name[GP_STORE_SCOPE_MAX + 1];
	struct gp_lmdb_scope meta;
	MDB_txn *txn;
	int rc, r = gp_lmdb_read_begin(env, &txn, diag);

	if (r == GP_OK) {
		(void)gp_str_copy(name, sizeof(name), scope);
		rc = gp_lmdb_scope_get(env, txn, name, &meta);
		if (rc == 0)
			rc = seen_get(env, txn, meta.id, digest, &class);
		r = rc == MDB_NOTFOUND ? GP_OK : gp_lmdb_error(env, rc, diag);
		gp_lmdb_read_end(env, &txn);
	}
	if (r < 0 && r != GP_ENOENT)
		return r;
	*ret = class;
	return GP_OK;
}

/* Learning. */

struct learn {
	struct gp_lmdb_work work;
	char scope[GP_STORE_SCOPE_MAX + 1];
	struct gp_bayes_message *messages; /* a copy; its tokens follow in the same memory */
	size_t n;
};

static void learn_destroy(struct gp_job *job)
{
	struct learn *learn = (struct learn *)job;

	free(learn->messages);
	free(learn);
}

/* The asker may leave before the writer is through, so nothing is borrowed. */
static struct learn *learn_new(struct gp_str scope, const struct gp_bayes_message *messages,
			       size_t n)
{
	struct learn *learn = gp_xcalloc(1, sizeof(*learn));
	size_t total = 0;
	uint64_t *tokens;

	for (size_t i = 0; i < n; i++)
		total += messages[i].n_tokens;
	(void)gp_str_copy(learn->scope, sizeof(learn->scope), scope);
	learn->n = n;
	learn->messages = gp_xmalloc(n * sizeof(*messages) + total * sizeof(*tokens));
	tokens = (uint64_t *)(learn->messages + n);
	for (size_t i = 0; i < n; i++) {
		learn->messages[i] = messages[i];
		learn->messages[i].tokens = tokens;
		if (messages[i].n_tokens > 0)
			memcpy(tokens, messages[i].tokens, messages[i].n_tokens * sizeof(*tokens));
		tokens += messages[i].n_tokens;
	}
	return learn;
}

static int write_tokens(struct gp_lmdb_env *env, MDB_txn *txn, const struct gp_delta_set *set,
			unsigned bits, struct gp_lmdb_scope *meta)
{
	GP_BUF_AUTO content = GP_BUF_INIT(GP_BUCKET_MAX);
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_TOKENS);
	uint16_t day = gp_bucket_today();
	int rc = 0;

	for (size_t i = 0, end; rc == 0 && i < set->n; i = end) {
		uint32_t bucket = gp_keys_bucket(set->items[i].token, bits);
		uint64_t id = meta->id << 32 | bucket;
		MDB_val key = {.mv_size = sizeof(id), .mv_data = &id}, value = {0};

		for (end = i + 1; end < set->n; end++)
			if (gp_keys_bucket(set->items[end].token, bits) != bucket)
				break;
		rc = mdb_get(txn, db, &key, &value);
		if (rc != 0 && rc != MDB_NOTFOUND)
			break;
		gp_buf_reset(&content);
		meta->tokens += (uint64_t)gp_bucket_apply(
			rc == 0 ? gp_str_n(value.mv_data, value.mv_size) : gp_str_n(NULL, 0),
			&set->items[i], end - i, day, &content);
		rc = gp_lmdb_bucket_put(txn, db, &key, &content);
	}
	return rc;
}

static int write_seen(struct gp_lmdb_env *env, MDB_txn *txn, uint64_t id,
		      const struct gp_bayes_message *m)
{
	unsigned char buf[GP_LMDB_SEEN_KEY], seen[GP_LMDB_SEEN_SIZE];
	MDB_val key = gp_lmdb_seen_key(id, m->digest, buf);
	MDB_val value = {.mv_size = sizeof(seen), .mv_data = seen};
	MDB_dbi db = gp_lmdb_db(env, GP_LMDB_SEEN);
	int rc;

	if (m->learned == GP_LEARNED_SAME || m->learned == GP_LEARNED_UNKNOWN)
		return 0;
	gp_lmdb_seen_value((unsigned char)m->class, gp_bucket_today(), seen);
	if (m->class != GP_BAYES_NONE)
		return mdb_put(txn, db, &key, &value, 0);
	rc = mdb_del(txn, db, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static uint64_t add(uint64_t total, int64_t change)
{
	return change < 0 && total < (uint64_t)-change ? 0 : total + (uint64_t)change;
}

static int learn_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct learn *learn = (struct learn *)work;
	GP_FREE unsigned char *known = gp_xcalloc(learn->n, 1);
	GP_CLEANUP(gp_delta_done) struct gp_delta_set set = {0};
	struct gp_lmdb_scope meta;
	int rc = gp_lmdb_scope_open(env, txn, learn->scope, &meta);

	for (size_t i = 0; rc == 0 && i < learn->n; i++)
		rc = seen_get(env, txn, meta.id, learn->messages[i].digest, &known[i]);
	if (rc != 0)
		return rc;
	gp_delta_build(learn->messages, learn->n, known, &set);
	rc = write_tokens(env, txn, &set, gp_keys_bits(gp_str(learn->scope)), &meta);
	for (size_t i = 0; rc == 0 && i < learn->n; i++)
		rc = write_seen(env, txn, meta.id, &learn->messages[i]);
	meta.spam = add(meta.spam, set.spam);
	meta.ham = add(meta.ham, set.ham);
	return rc != 0 ? rc : gp_lmdb_scope_put(env, txn, learn->scope, &meta);
}

int gp_lmdb_bayes_learn(struct gp_store *st, struct gp_str scope,
			struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			struct gp_diag *diag)
{
	struct learn *learn = learn_new(scope, messages, n);
	struct gp_batch *batch;
	int r;

	learn->work.run = learn_run;
	r = gp_lmdb_write(gp_lmdb_of(st)->bayes, &learn->work, learn_destroy, deadline_ms, &batch,
			  diag);
	for (size_t i = 0; r == GP_OK && i < n; i++)
		messages[i].learned = learn->messages[i].learned;
	if (r == GP_OK || gp_job_is_done(&learn->work.job))
		atomic_store(&st->is_full, learn->work.is_full);
	gp_cache_touch(gp_lmdb_of(st)->cache, scope);
	gp_batch_free(&batch);
	return r;
}
