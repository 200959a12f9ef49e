/*
 * The store: what the suite learns and counts, kept in LMDB or in Redis.
 *
 *	struct gp_store_options o = {.writes = GP_STORE_SPAM, .loop = loop};
 *	struct gp_store *store;
 *	if (gp_store_open("lmdb:/var/lib/gatepost/store", &o, &store, &diag) < 0) …
 *	r = gp_store_counter_add(store, GP_STR("sent"), key, 1, 3600, deadline, &n);
 *	gp_store_close(&store);
 *
 * One interface, two implementations, one contract test (tests/unit/store).
 * Every call is atomic, waits no longer than its deadline (absolute,
 * gp_clock_mono_ms()) or the store's own timeout, whichever is earlier, and
 * may come from any thread.  Answers beside GP_OK:
 *	GP_ETEMP   the store is down, slow, full or locked: go on without it
 *	GP_ENOENT  no such record
 *	GP_EACCES  this process may not write there (see options.writes)
 *	GP_EINVAL, GP_ELIMIT  the caller's fault: empty key, value too long
 *	GP_ESYS    the store answered what cannot be (corrupt file, wrong version)
 * After GP_ETEMP a change may or may not have been made (the answer was lost).
 * A store that keeps failing is not asked for a while (circuit breaker), so
 * its loss costs a bounded wait once, then microseconds.
 *
 * LMDB, below its directory: `bayes/` (learned, durable), `spam/`, `dkim/`, `virus/` (records,
 * counters, rings, tallies; synced once a second: a crash of a program loses nothing, after a
 * crash of the host it begins empty).  One program writes each: the learner, milter-spam,
 * milter-dkim, milter-virus; a directory that does not exist yet reads as empty.
 * URLs: lmdb:DIR   redis://[USER@]HOST[:PORT][/DB]   rediss://… (TLS)
 *	 redis+unix:///PATH[?db=N]; passwords only by options.password_file.
 */
#ifndef GP_STORE_STORE_H
#define GP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/io/job.h"
#include "lib/store/limit.h"

struct gp_store;

/* What this process writes; on Redis everybody may write everything. */
enum {
	GP_STORE_BAYES = 1,
	GP_STORE_SPAM = 2,
	GP_STORE_DKIM = 4,
	GP_STORE_LIMITS = 8,
	GP_STORE_VIRUS = 16,
};

struct gp_store_options {
	unsigned writes;	   /* of GP_STORE_…; other parts are opened read-only */
	struct gp_loop *loop;	   /* NULL: the store runs one of its own if it needs it */
	int64_t timeout_ms;	   /* of one call at the most; 0: 5 s */
	int64_t breaker_ms;	   /* rest after repeated failure; 0: 5 s */
	size_t cache_size;	   /* bytes for token counts kept in this process */
	bool cache_off;		   /* cache_size 0 means 64 MiB unless this is set */
	int64_t map_size_max;	   /* LMDB: bytes an environment may grow to; 0: 64 GiB */
	const char *username;	   /* Redis ACL; NULL: the URL's, or "default" */
	const char *password_file; /* relative: below $CREDENTIALS_DIRECTORY */
	const char *tls_ca_file;   /* NULL: the system's authorities */
	const char *tls_name;	   /* name to verify; NULL: the URL's host */
	bool tls_no_verify;
};

/* Opens without waiting for a server that is down: calls fail until it is up.
 * Fails (GP_EINVAL, GP_ESYS) on a malformed URL, an unreadable password or CA
 * file, a directory that is to be written and cannot be. */
int gp_store_open(const char *url, const struct gp_store_options *options, struct gp_store **ret,
		  struct gp_diag *diag) GP_MUST_USE;
/* No other call may be running.  Clears *store; NULL is fine. */
void gp_store_close(struct gp_store **store);

/* Health. */

/* One round trip; the diag says what is wrong. */
int gp_store_ping(struct gp_store *store, int64_t deadline_ms, struct gp_diag *diag) GP_MUST_USE;
/* Did the last call reach it?  For /healthz; true before the first. */
bool gp_store_is_up(const struct gp_store *store);
/* For people and logs: "lmdb", "redis"; and the last failure's reason, "" if none. */
const char *gp_store_kind(const struct gp_store *store);
void gp_store_last_error(struct gp_store *store, struct gp_diag *ret);

/* Bayes: token counts, per scope ("" is everybody's, else a user's name). */

#define GP_STORE_SCOPE_MAX 255	/* bytes of a scope's name */
#define GP_STORE_LOOKUP_MAX 65536 /* tokens of one look-up */
#define GP_STORE_LEARN_MAX 4096 /* messages of one learning transaction */
#define GP_STORE_LEARN_ATOMIC 16 /* so many are learned all or none on every store */

enum gp_bayes_class { GP_BAYES_NONE, GP_BAYES_SPAM, GP_BAYES_HAM };

/* In how many learned messages of each class a token was; saturates at GP_BAYES_COUNT_MAX. */
struct gp_bayes_count {
	uint32_t spam, ham;
};
#define GP_BAYES_COUNT_MAX 0xffffffu

struct gp_bayes_totals {
	uint64_t spam, ham; /* messages learned */
	uint64_t tokens;    /* different tokens held */
};

/* Asks for the counts of n tokens and the totals, in one round trip.  The tokens
 * are copied.  The look-up belongs to the batch and goes with it. */
struct gp_bayes_lookup *gp_store_bayes_begin(struct gp_store *store, struct gp_batch *batch,
					     struct gp_str scope, const uint64_t *tokens, size_t n)
	__attribute__((returns_nonnull));
/* Waits for it and fills ret_counts[n] in the order of the tokens (0/0: never seen). */
int gp_store_bayes_finish(struct gp_bayes_lookup *lookup, struct gp_bayes_count *ret_counts,
			  struct gp_bayes_totals *ret_totals) GP_MUST_USE;
/* Would _finish answer without waiting? */
bool gp_store_bayes_is_done(const struct gp_bayes_lookup *lookup);
/* Both at once. */
int gp_store_bayes_get(struct gp_store *store, struct gp_str scope, const uint64_t *tokens,
		       size_t n, int64_t deadline_ms, struct gp_bayes_count *ret_counts,
		       struct gp_bayes_totals *ret_totals) GP_MUST_USE;

enum gp_learned {
	GP_LEARNED_NEW,	    /* was not known, is learned now */
	GP_LEARNED_SAME,    /* was already of this class: nothing changed */
	GP_LEARNED_MOVED,   /* was of the other class: unlearned there, learned here */
	GP_LEARNED_REMOVED, /* unlearned */
	GP_LEARNED_UNKNOWN, /* to be unlearned, but never was learned: nothing changed */
};

struct gp_bayes_message {
	unsigned char digest[GP_SHA256_SIZE]; /* DESIGN's message digest */
	enum gp_bayes_class class;	      /* NONE: unlearn */
	const uint64_t *tokens;		      /* distinct; those of the message as tokenized now */
	size_t n_tokens;
	enum gp_learned learned; /* out */
};

/* Learns, relearns and unlearns n messages.  LMDB: in one durable transaction, all or
 * none.  Redis: 16 messages at a time, each group all or none (so that others are not
 * held up), as durable as Redis is configured; after a failure simply learn all again,
 * those that are known change nothing.  Which class a digest was learned as is kept, its tokens are not. */
int gp_store_bayes_learn(struct gp_store *store, struct gp_str scope,
			 struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			 struct gp_diag *diag) GP_MUST_USE;
/* As what is this digest known? */
int gp_store_bayes_seen(struct gp_store *store, struct gp_str scope,
			const unsigned char digest[GP_SHA256_SIZE], int64_t deadline_ms,
			enum gp_bayes_class *ret) GP_MUST_USE;
int gp_store_bayes_totals(struct gp_store *store, struct gp_str scope, int64_t deadline_ms,
			  struct gp_bayes_totals *ret) GP_MUST_USE;
/* Forgetting goes through a scope in small steps, others get in between:
 *
 *	struct gp_bayes_expiry e = {.count_max = 2, .age_days = 90, .seen_days = 365};
 *	do r = gp_store_bayes_expire(store, scope, &e, deadline, &diag); while (!r && e.at);
 */
struct gp_bayes_expiry {
	unsigned count_max; /* tokens counted in at most so many messages … */
	unsigned age_days;  /* … and touched by no learning for so long are forgotten */
	unsigned seen_days; /* that a message was learned is forgotten after so long; 0: never */
	uint32_t at;	    /* where the next step begins; 0: at the beginning, or: was the last */
	uint64_t tokens, digests; /* forgotten; the steps add to it */
};

/* One step.  It is not held up by the circuit breaker and needs no room, so it works in a
 * store that is full. */
int gp_store_bayes_expire(struct gp_store *store, struct gp_str scope,
			  struct gp_bayes_expiry *expiry, int64_t deadline_ms, struct gp_diag *diag)
	GP_MUST_USE;
/* Did the last learning through this object find no room? */
bool gp_store_is_full(const struct gp_store *store);
/* Calls fn for each scope in which something was learned, until it returns false; fn must
 * not call the store.  On Redis one may come twice. */
typedef bool gp_store_item_fn(void *arg, struct gp_str item);
int gp_store_bayes_scopes(struct gp_store *store, int64_t deadline_ms, gp_store_item_fn *fn,
			  void *arg) GP_MUST_USE;

/* Records, counters, rings and tallies live in a table: a short literal of ours
 * ("greylist"), [a-z0-9-]{1,32}; those of milter-dkim begin with "dkim-", of
 * milter-virus with "virus-".  Keys are any
 * bytes; they are stored hashed. */

#define GP_RECORD_MAX 512	/* bytes of a record */
#define GP_RING_ITEM_MAX 65536	/* bytes of one ring item */
#define GP_RING_MAX 1000000	/* items of a ring */
#define GP_RING_ADD_MAX 1000	/* items of one call */
#define GP_TALLY_NAME_MAX 128	/* bytes of a tally's name */
#define GP_TALLY_ADD_MAX 4096	/* names of one call */

struct gp_record {
	size_t len;
	unsigned char data[GP_RECORD_MAX];
};

/* Expired ones do not exist. */
int gp_store_record_get(struct gp_store *store, struct gp_str table, struct gp_str key,
			int64_t deadline_ms, struct gp_record *ret) GP_MUST_USE;
/* If the record is still `old` (NULL: absent), makes it `new` (NULL: deletes it) for ttl_s
 * seconds.  *ret_swapped says whether. */
int gp_store_record_swap(struct gp_store *store, struct gp_str table, struct gp_str key,
			 const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			 int64_t deadline_ms, bool *ret_swapped) GP_MUST_USE;

/* Adds delta (may be 0 or negative) to the counter and gives its new value; a counter that
 * is absent or expired begins at 0 and lives ttl_s seconds from then. */
int gp_store_counter_add(struct gp_store *store, struct gp_str table, struct gp_str key,
			 int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value)
	GP_MUST_USE;

/* Appends, dropping the oldest beyond items_max. */
int gp_store_ring_push(struct gp_store *store, struct gp_str table, struct gp_str item,
		       size_t items_max, int64_t deadline_ms) GP_MUST_USE;
/* Appends n items in this order, all or none. */
int gp_store_ring_add(struct gp_store *store, struct gp_str table, const struct gp_str *items,
		      size_t n, size_t items_max, int64_t deadline_ms) GP_MUST_USE;
/* Removes all items. */
int gp_store_ring_drop(struct gp_store *store, struct gp_str table, int64_t deadline_ms) GP_MUST_USE;
/* Calls fn for up to n items, newest first; fn returning false ends it.  The item
 * lives until fn returns; fn must not call the store. */
int gp_store_ring_read(struct gp_store *store, struct gp_str table, size_t n, int64_t deadline_ms,
		       gp_store_item_fn *fn, void *arg) GP_MUST_USE;

/* Tallies: counters under names that can be listed.  They never expire, so names are ours
 * (rules, actions), never a stranger's. */
struct gp_tally {
	struct gp_str name; /* 1 … GP_TALLY_NAME_MAX bytes */
	int64_t count, sum; /* what is added, or what it came to */
};

/* Adds to n tallies, all or none. */
int gp_store_tally_add(struct gp_store *store, struct gp_str table, const struct gp_tally *items,
		       size_t n, int64_t deadline_ms) GP_MUST_USE;
/* Calls fn for each, in no order, until it returns false; the tally lives until then; fn must
 * not call the store.  *ret_since_s: when the first was added (0: none was). */
typedef bool gp_store_tally_fn(void *arg, const struct gp_tally *tally);
int gp_store_tally_read(struct gp_store *store, struct gp_str table, int64_t deadline_ms,
			gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s) GP_MUST_USE;

/* Entries: named values that can be listed, few of them (accounts that are held back).  They
 * expire; names are any bytes. */

#define GP_ENTRY_NAME_MAX 512 /* bytes of a name */
#define GP_ENTRIES_MAX 4096   /* of one table: a listing is one answer, a change may count them */

struct gp_entry {
	struct gp_str name;  /* 1 … GP_ENTRY_NAME_MAX bytes */
	struct gp_str value; /* 0 … GP_RECORD_MAX */
	int64_t left_s;	     /* until it expires, by the store's clock; at least 1 */
};

/* Makes or replaces an entry, for ttl_s seconds from now.  GP_ELIMIT: the table is full. */
int gp_store_entry_put(struct gp_store *store, struct gp_str table, struct gp_str name,
		       struct gp_str value, int64_t ttl_s, int64_t deadline_ms) GP_MUST_USE;
/* The same only if there is none (*ret_was_new); of many hosts that try at once exactly one
 * makes it.  An entry that is there stays as it is. */
int gp_store_entry_add(struct gp_store *store, struct gp_str table, struct gp_str name,
		       struct gp_str value, int64_t ttl_s, int64_t deadline_ms, bool *ret_was_new)
	GP_MUST_USE;
/* Removes it; GP_ENOENT: there is none. */
int gp_store_entry_drop(struct gp_store *store, struct gp_str table, struct gp_str name,
			int64_t deadline_ms) GP_MUST_USE;
/* Calls fn for each, in no order, until it returns false; the entry lives until then; fn must not
 * call the store. */
typedef bool gp_store_entry_fn(void *arg, const struct gp_entry *entry);
int gp_store_entry_each(struct gp_store *store, struct gp_str table, int64_t deadline_ms,
			gp_store_entry_fn *fn, void *arg) GP_MUST_USE;

/* Greylisting: records of a table, "greylist" for milter-spam, "limit-greylist" for
 * policyd-ratelimit (keys.h says why two). */

struct gp_greylist_rule {
	int64_t delay_s;  /* a retry earlier than this still is deferred (300) */
	int64_t retry_s;  /* a first try is remembered this long (86400) */
	int64_t passed_s; /* one that passed is let through this long (3024000) */
	/* Who passed so often, with different keys, is let through at once, as long as nothing is
	 * heard of it for no longer than allow_s; 0: nobody is. */
	uint32_t allow_after;
	int64_t allow_s;
};

struct gp_greylist_state {
	int64_t first_s; /* first try */
	int64_t last_s;	 /* this one */
	uint32_t tries;	 /* counting this one; 0 if is_allowed */
	bool passed;	 /* let it through */
	bool is_return;	 /* … for the first time */
	bool is_allowed; /* … without being tried, see allow_after */
};

/* Counts a try of `key` by `who` (a network or domain; sender and recipient: any bytes, the same
 * key of another is another one) at now_s (Unix time) and says whether it may pass, atomically.
 * Both kinds of lifetime are renewed by later tries that pass.  Everything is copied; calls that
 * are begun together travel together. */
struct gp_greylist_call *gp_store_greylist_begin(struct gp_store *store, struct gp_batch *batch,
						 struct gp_str table, struct gp_str who,
						 struct gp_str key,
						 const struct gp_greylist_rule *rule, int64_t now_s)
	__attribute__((returns_nonnull));
/* Waits for it. */
int gp_store_greylist_finish(struct gp_greylist_call *call, struct gp_greylist_state *ret)
	GP_MUST_USE;
/* Both at once. */
int gp_store_greylist_try(struct gp_store *store, struct gp_str table, struct gp_str who,
			  struct gp_str key, const struct gp_greylist_rule *rule, int64_t now_s,
			  int64_t deadline_ms, struct gp_greylist_state *ret) GP_MUST_USE;

/* Limits: tables whose name begins with "limit-". */

#define GP_LIMIT_TAKES_MAX 64
/* The most that one take adds: Lua's numbers, saturating counts. */
#define GP_LIMIT_AMOUNT_MAX GP_LIMIT_MAX
/* From the last time that something was counted under it. */
#define GP_LIMIT_NAME_S 3600

enum gp_limit_mode {
	GP_LIMIT_LOOK,	/* count nothing */
	GP_LIMIT_TAKE,	/* count all of them if there is room for all, else nothing */
	GP_LIMIT_COUNT, /* count, room or not: what happened already */
};

struct gp_limit_take {
	struct gp_str key;    /* any bytes; what is limited: a rule's name and an account */
	struct gp_str member; /* not empty: counts only if it did not within a window, under this
			       * key (distinct recipients; something told again) */
	struct gp_limit limit;
	/* Not empty: names what this is asked of piece by piece, and perhaps again (a message, in one
	 * limit).  Of the amount only that counts which was not counted under the name yet: `before`
	 * was, as far as the asker knows, the amount comes on top.  With the name of a part (one of its
	 * recipients) the amount is that part's, and counts unless the part did.  Where nothing is left
	 * to count a GP_LIMIT_TAKE has passed.  Takes of one call may share names (several windows).
	 * A name is known for GP_LIMIT_NAME_S. */
	struct gp_str whole, part;
	int64_t before; /* 0 … GP_LIMIT_AMOUNT_MAX */
	int64_t amount; /* 0 … GP_LIMIT_AMOUNT_MAX */
	int64_t age_ms; /* with GP_LIMIT_COUNT: it happened so long ago, 0 … window_ms */
	struct gp_limit_answer answer; /* out */
};

/* Asks of n limits (1 … GP_LIMIT_TAKES_MAX) at once, atomically, with n different keys (with
 * GP_LIMIT_COUNT they may come again: one take follows the other).  Calls that are begun together
 * travel together.  now_ms: Unix time; 0 is the store's own clock,
 * which hosts that share it share too.  Everything is copied. */
struct gp_limit_call *gp_store_limit_begin(struct gp_store *store, struct gp_batch *batch,
					   struct gp_str table, const struct gp_limit_take *takes,
					   size_t n, enum gp_limit_mode mode, int64_t now_ms)
	__attribute__((returns_nonnull));
/* Waits for it and fills the answers of the same takes. */
int gp_store_limit_finish(struct gp_limit_call *call, struct gp_limit_take *takes) GP_MUST_USE;
/* After _finish has failed: may it have been counted all the same, now or later?  False: the store
 * never heard of it. */
bool gp_store_limit_is_unsure(const struct gp_limit_call *call);
/* Both at once. */
int gp_store_limit(struct gp_store *store, struct gp_str table, struct gp_limit_take *takes,
		   size_t n, enum gp_limit_mode mode, int64_t now_ms, int64_t deadline_ms)
	GP_MUST_USE;

/* Administration of limits.  With each state stands what it is of: */

#define GP_LIMIT_KEY_SHOWN_MAX 512 /* bytes of a key that are kept; longer ones are cut there */

struct gp_limit_item {
	struct gp_str key;	     /* as it was given, if it is no longer than that */
	struct gp_limit limit;	     /* the one of its last use */
	struct gp_limit_state state; /* to be asked with gp_limit_look() */
	int64_t now_ms;		     /* the store's clock: what to ask it with */
};

/* Calls fn for each limit of which something was used within its window, in no order, until it
 * returns false; the item lives until then; fn must not call the store.  Begins no long
 * transaction on Redis; there one may come twice, and what changes meanwhile once or not at all. */
typedef bool gp_store_limit_fn(void *arg, const struct gp_limit_item *item);
int gp_store_limit_each(struct gp_store *store, struct gp_str table, int64_t deadline_ms,
			gp_store_limit_fn *fn, void *arg) GP_MUST_USE;
/* Forgets what was used under n keys (1 … GP_LIMIT_TAKES_MAX), members too; *ret_n: of how many
 * something was known. */
int gp_store_limit_reset(struct gp_store *store, struct gp_str table, const struct gp_str *keys,
			 size_t n, int64_t deadline_ms, size_t *ret_n) GP_MUST_USE;

#endif
