/*
 * Changes to what Bayes knows, collected and then made: the one way in which the
 * controller writes to the store.
 *
 * A message that is relearned is taken out with the tokens that it was learned with, and
 * put in with its tokens of now: two changes that the store makes together or not at
 * all.  What is asked for sees the changes collected before it.
 */
#ifndef GP_CONTROLLER_LEDGER_H
#define GP_CONTROLLER_LEDGER_H

#include "lib/base/arena.h"
#include "lib/base/vec.h"
#include "lib/store/store.h"

struct ledger_change {
	char scope[GP_STORE_SCOPE_MAX + 1];
	struct gp_bayes_message message;
	bool is_joined; /* to the next one: both or none */
};

struct ledger {
	struct gp_store *store;
	struct gp_arena *arena; /* of the changes */
	GP_VEC(struct ledger_change) changes;
	struct gp_diag *diag; /* why the store failed */
};

/* As what is the message known, or will be by the changes collected.  GP_E… of the store. */
int ledger_seen(struct ledger *l, const char *scope, const unsigned char digest[GP_SHA256_SIZE],
		enum gp_bayes_class *ret) GP_MUST_USE;
/* Messages that the scope knows, with the changes collected.  GP_E… of the store. */
int ledger_totals(struct ledger *l, const char *scope, struct gp_bayes_totals *ret) GP_MUST_USE;
/* Collects: the message, known as `before`, becomes `after`.  The tokens are borrowed until
 * the commit; `old`, NULL for the same, are those that it was learned with. */
struct ledger_tokens {
	const uint64_t *items;
	size_t n;
};
void ledger_change(struct ledger *l, const char *scope,
		   const unsigned char digest[GP_SHA256_SIZE], enum gp_bayes_class before,
		   enum gp_bayes_class after, const struct ledger_tokens *now,
		   const struct ledger_tokens *old);
/* The same with tokens for both, also where the class stays: `take` is taken out, `put` put in. */
void ledger_replace(struct ledger *l, const char *scope,
		    const unsigned char digest[GP_SHA256_SIZE], enum gp_bayes_class before,
		    enum gp_bayes_class after, const struct ledger_tokens *take,
		    const struct ledger_tokens *put);
/* Makes them, in the order collected for each message.  After a failure some may have been
 * made, whole ones.  Afterwards none is collected, either way. */
int ledger_commit(struct ledger *l) GP_MUST_USE;

#endif
