/*
 * Changes to what Bayes knows; see the header.
 */
#include "controller/ledger.h"

#include "lib/base/clock.h"

#define STORE_MS 30000 /* for one call; the store's own timeout is shorter */

static bool is_same(const struct ledger_change *c, const char *scope, const unsigned char *digest)
{
	return memcmp(c->message.digest, digest, sizeof(c->message.digest)) == 0 &&
	       strcmp(c->scope, scope) == 0;
}

int ledger_seen(struct ledger *l, const char *scope, const unsigned char digest[GP_SHA256_SIZE],
		enum gp_bayes_class *ret)
{
	int r;

	for (size_t i = l->changes.len; i > 0; i--)
		if (is_same(&l->changes.items[i - 1], scope, digest)) {
			*ret = l->changes.items[i - 1].message.class;
			return GP_OK;
		}
	*ret = GP_BAYES_NONE;
	r = gp_store_bayes_seen(l->store, gp_str(scope), digest, gp_clock_mono_ms() + STORE_MS, ret);
	if (r < 0 && r != GP_ENOENT)
		gp_store_last_error(l->store, l->diag);
	return r == GP_ENOENT ? GP_OK : r;
}

/* What changes add to a class: a message that becomes it, less one that was it. */
static void add_changes(const struct ledger *l, const char *scope, struct gp_bayes_totals *totals)
{
	for (size_t i = 0; i < l->changes.len; i++) {
		const struct ledger_change *c = &l->changes.items[i];

		if (strcmp(c->scope, scope) != 0)
			continue;
		totals->spam += c->message.class == GP_BAYES_SPAM;
		totals->ham += c->message.class == GP_BAYES_HAM;
	}
}

int ledger_totals(struct ledger *l, const char *scope, struct gp_bayes_totals *ret)
{
	struct gp_bayes_totals totals = {0};
	int r = gp_store_bayes_totals(l->store, gp_str(scope), gp_clock_mono_ms() + STORE_MS,
				      &totals);

	if (r < 0 && r != GP_ENOENT) {
		gp_store_last_error(l->store, l->diag);
		return r;
	}
	add_changes(l, scope, &totals);
	*ret = totals;
	return GP_OK;
}

static void collect(struct ledger *l, const char *scope, const unsigned char *digest,
		    enum gp_bayes_class class, const struct ledger_tokens *tokens, bool is_joined)
{
	struct ledger_change *c = gp_vec_push(l->arena, &l->changes);

	*c = (struct ledger_change){.is_joined = is_joined};
	(void)gp_str_copy(c->scope, sizeof(c->scope), gp_str(scope));
	memcpy(c->message.digest, digest, sizeof(c->message.digest));
	c->message.class = class;
	c->message.tokens = tokens->items;
	c->message.n_tokens = tokens->n;
}

void ledger_change(struct ledger *l, const char *scope, const unsigned char digest[GP_SHA256_SIZE],
		   enum gp_bayes_class before, enum gp_bayes_class after,
		   const struct ledger_tokens *now, const struct ledger_tokens *old)
{
	if (before == after)
		return;
	if (before != GP_BAYES_NONE && old) {
		collect(l, scope, digest, GP_BAYES_NONE, old, after != GP_BAYES_NONE);
		if (after == GP_BAYES_NONE)
			return;
	}
	collect(l, scope, digest, after, now, false);
}

void ledger_replace(struct ledger *l, const char *scope, const unsigned char digest[GP_SHA256_SIZE],
		    enum gp_bayes_class before, enum gp_bayes_class after,
		    const struct ledger_tokens *take, const struct ledger_tokens *put)
{
	if (before != GP_BAYES_NONE)
		collect(l, scope, digest, GP_BAYES_NONE, take, after != GP_BAYES_NONE);
	if (after != GP_BAYES_NONE)
		collect(l, scope, digest, after, put, false);
}

/* All changes of one scope, in groups that the store makes together. */
static int commit_scope(struct ledger *l, const char *scope, bool *is_made)
{
	struct gp_bayes_message *group =
		GP_ARENA_NEW_N(l->arena, GP_STORE_LEARN_ATOMIC, struct gp_bayes_message);
	size_t n = 0;
	int r = GP_OK;

	for (size_t i = 0; r == GP_OK && i < l->changes.len; i++) {
		const struct ledger_change *c = &l->changes.items[i];

		if (is_made[i] || strcmp(c->scope, scope) != 0)
			continue;
		if (n + 1 + c->is_joined > GP_STORE_LEARN_ATOMIC) {
			r = gp_store_bayes_learn(l->store, gp_str(scope), group, n,
						 gp_clock_mono_ms() + STORE_MS, l->diag);
			n = 0;
		}
		group[n++] = c->message;
		is_made[i] = true;
	}
	if (r == GP_OK && n > 0)
		r = gp_store_bayes_learn(l->store, gp_str(scope), group, n,
					 gp_clock_mono_ms() + STORE_MS, l->diag);
	return r;
}

int ledger_commit(struct ledger *l)
{
	bool *is_made = GP_ARENA_NEW_N(l->arena, l->changes.len + 1, bool);
	int r = GP_OK;

	for (size_t i = 0; r == GP_OK && i < l->changes.len; i++)
		if (!is_made[i])
			r = commit_scope(l, l->changes.items[i].scope, is_made);
	l->changes.len = 0;
	return r;
}
