/*
 * The contract of the store; see contract.h.
 *
 * Every test uses scopes, tables and keys of its own, so the order does not matter.
 */
#include "tests/unit/store/contract.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"

struct gp_store *contract_store;
void (*contract_advance)(int64_t seconds);

struct stopwatch stopwatch(void)
{
	struct stopwatch w;

	contract_advance(0); /* a clock of ours stands still from here */
	clock_gettime(CLOCK_MONOTONIC, &w.from);
	return w;
}

bool is_over(const struct stopwatch *w, int64_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - w->from.tv_sec) * 1000 + (now.tv_nsec - w->from.tv_nsec) / 1000000 >=
	       seconds * 1000;
}

int64_t soon(void)
{
	return gp_clock_mono_ms() + 20000;
}

void make_tokens(uint64_t seed, uint64_t *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tokens[i] = gp_hash64(seed, &i, sizeof(i));
}

void make_digest(uint64_t number, unsigned char *digest)
{
	gp_sha256(&number, sizeof(number), digest);
}

enum gp_learned learn_one(struct gp_str scope, uint64_t number, enum gp_bayes_class class,
			  uint64_t seed, size_t n)
{
	GP_FREE uint64_t *tokens = gp_xmalloc((n + 1) * sizeof(*tokens));
	struct gp_bayes_message m = {.class = class, .tokens = tokens, .n_tokens = n};
	struct gp_diag diag = {0};

	make_tokens(seed, tokens, n);
	make_digest(number, m.digest);
	if (gp_store_bayes_learn(contract_store, scope, &m, 1, soon(), &diag) < 0)
		fail_msg("learn: %s", diag.text);
	return m.learned;
}

void assert_totals(struct gp_str scope, uint64_t spam, uint64_t ham, uint64_t tokens)
{
	struct gp_bayes_totals t;

	assert_int_equal(gp_store_bayes_totals(contract_store, scope, soon(), &t), GP_OK);
	assert_int_equal(t.spam, spam);
	assert_int_equal(t.ham, ham);
	assert_int_equal(t.tokens, tokens);
}

/* Every one of the n tokens from `seed` has these counts. */
static void assert_counts(struct gp_str scope, uint64_t seed, size_t n, uint32_t spam, uint32_t ham)
{
	GP_FREE uint64_t *tokens = gp_xmalloc(n * sizeof(*tokens));
	GP_FREE struct gp_bayes_count *counts = gp_xmalloc(n * sizeof(*counts));
	struct gp_bayes_totals t;

	make_tokens(seed, tokens, n);
	assert_int_equal(gp_store_bayes_get(contract_store, scope, tokens, n, soon(), counts, &t),
			 GP_OK);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(counts[i].spam, spam);
		assert_int_equal(counts[i].ham, ham);
	}
}

static void unknown_is_zero(void **state)
{
	struct gp_str scope = GP_STR("nobody");
	enum gp_bayes_class class;
	unsigned char digest[GP_SHA256_SIZE];

	assert_totals(scope, 0, 0, 0);
	assert_counts(scope, 1, 100, 0, 0);
	make_digest(1, digest);
	assert_int_equal(gp_store_bayes_seen(contract_store, scope, digest, soon(), &class), GP_OK);
	assert_int_equal(class, GP_BAYES_NONE);
}

static void learns_once(void **state)
{
	struct gp_str scope = GP_STR("once@example.org");
	enum gp_bayes_class class;
	unsigned char digest[GP_SHA256_SIZE];

	assert_int_equal(learn_one(scope, 1, GP_BAYES_SPAM, 10, 1500), GP_LEARNED_NEW);
	assert_counts(scope, 10, 1500, 1, 0);
	assert_totals(scope, 1, 0, 1500);
	assert_int_equal(learn_one(scope, 1, GP_BAYES_SPAM, 10, 1500), GP_LEARNED_SAME);
	assert_counts(scope, 10, 1500, 1, 0);
	assert_totals(scope, 1, 0, 1500);
	make_digest(1, digest);
	assert_int_equal(gp_store_bayes_seen(contract_store, scope, digest, soon(), &class), GP_OK);
	assert_int_equal(class, GP_BAYES_SPAM);
}

static void relearns(void **state)
{
	struct gp_str scope = GP_STR("relearn");

	assert_int_equal(learn_one(scope, 1, GP_BAYES_SPAM, 20, 300), GP_LEARNED_NEW);
	assert_int_equal(learn_one(scope, 2, GP_BAYES_SPAM, 20, 300), GP_LEARNED_NEW);
	assert_counts(scope, 20, 300, 2, 0);
	assert_int_equal(learn_one(scope, 1, GP_BAYES_HAM, 20, 300), GP_LEARNED_MOVED);
	assert_counts(scope, 20, 300, 1, 1);
	assert_totals(scope, 1, 1, 300);
}

static void unlearns(void **state)
{
	struct gp_str scope = GP_STR("unlearn");
	enum gp_bayes_class class;
	unsigned char digest[GP_SHA256_SIZE];

	assert_int_equal(learn_one(scope, 5, GP_BAYES_NONE, 30, 10), GP_LEARNED_UNKNOWN);
	assert_int_equal(learn_one(scope, 5, GP_BAYES_HAM, 30, 10), GP_LEARNED_NEW);
	assert_int_equal(learn_one(scope, 5, GP_BAYES_NONE, 30, 10), GP_LEARNED_REMOVED);
	assert_counts(scope, 30, 10, 0, 0);
	assert_totals(scope, 0, 0, 0);
	make_digest(5, digest);
	assert_int_equal(gp_store_bayes_seen(contract_store, scope, digest, soon(), &class), GP_OK);
	assert_int_equal(class, GP_BAYES_NONE);
	assert_int_equal(learn_one(scope, 5, GP_BAYES_NONE, 30, 10), GP_LEARNED_UNKNOWN);
}

/* Out with the tokens that it was learned with, in with others, at once: it is known as before. */
static void exchanges_tokens(void **state)
{
	struct gp_str scope = GP_STR("exchange");
	uint64_t old[100], new[100];
	struct gp_bayes_message m[2] = {{.tokens = old, .n_tokens = 100},
					{.class = GP_BAYES_HAM, .tokens = new, .n_tokens = 100}};
	enum gp_bayes_class class;

	make_tokens(31, old, 100);
	make_tokens(32, new, 100);
	make_digest(6, m[0].digest);
	make_digest(6, m[1].digest);
	assert_int_equal(learn_one(scope, 6, GP_BAYES_HAM, 31, 100), GP_LEARNED_NEW);
	assert_int_equal(gp_store_bayes_learn(contract_store, scope, m, 2, soon(), NULL), GP_OK);
	assert_int_equal(m[0].learned, GP_LEARNED_REMOVED);
	assert_int_equal(m[1].learned, GP_LEARNED_NEW);
	assert_int_equal(gp_store_bayes_seen(contract_store, scope, m[0].digest, soon(), &class),
			 GP_OK);
	assert_int_equal(class, GP_BAYES_HAM);
	assert_counts(scope, 31, 100, 0, 0);
	assert_counts(scope, 32, 100, 0, 1);
	assert_totals(scope, 0, 1, 100);
}

/* Tokens that the tokenizer found only now are not counted below zero. */
static void counts_do_not_wrap(void **state)
{
	struct gp_str scope = GP_STR("wrap");

	learn_one(scope, 1, GP_BAYES_SPAM, 40, 5);
	assert_int_equal(learn_one(scope, 1, GP_BAYES_HAM, 41, 5), GP_LEARNED_MOVED);
	assert_counts(scope, 41, 5, 0, 1);
	assert_counts(scope, 40, 5, 1, 0);
	assert_totals(scope, 0, 1, 10);
	assert_int_equal(learn_one(scope, 1, GP_BAYES_NONE, 40, 5), GP_LEARNED_REMOVED);
	assert_counts(scope, 40, 5, 1, 0);
}

static void scopes_are_apart(void **state)
{
	struct gp_str a = GP_STR("a"), b = GP_STR("b}: %"), all = GP_STR("");

	learn_one(a, 1, GP_BAYES_SPAM, 50, 20);
	learn_one(b, 1, GP_BAYES_HAM, 50, 20);
	assert_counts(a, 50, 20, 1, 0);
	assert_counts(b, 50, 20, 0, 1);
	assert_counts(all, 50, 20, 0, 0);
	learn_one(all, 1, GP_BAYES_HAM, 50, 20);
	learn_one(all, 2, GP_BAYES_HAM, 50, 20);
	assert_counts(all, 50, 20, 0, 2);
	assert_counts(b, 50, 20, 0, 1);
}

/* A batch with doubles: each finds what the one before made of it. */
static void batch_is_in_order(void **state)
{
	struct gp_str scope = GP_STR("batch");
	uint64_t tokens[2][50];
	struct gp_bayes_message m[] = {
		{.class = GP_BAYES_SPAM, .tokens = tokens[0], .n_tokens = 50},
		{.class = GP_BAYES_HAM, .tokens = tokens[1], .n_tokens = 50},
		{.class = GP_BAYES_SPAM, .tokens = tokens[0], .n_tokens = 50},
		{.class = GP_BAYES_HAM, .tokens = tokens[0], .n_tokens = 50},
		{.class = GP_BAYES_NONE, .tokens = tokens[1], .n_tokens = 50},
		{.class = GP_BAYES_SPAM, .tokens = NULL, .n_tokens = 0},
	};
	enum gp_learned want[] = {GP_LEARNED_NEW,   GP_LEARNED_NEW,	GP_LEARNED_SAME,
				  GP_LEARNED_MOVED, GP_LEARNED_REMOVED, GP_LEARNED_NEW};
	size_t digest[] = {1, 2, 1, 1, 2, 3};

	make_tokens(60, tokens[0], 50);
	make_tokens(61, tokens[1], 50);
	for (size_t i = 0; i < GP_ARRAY_SIZE(m); i++)
		make_digest(digest[i], m[i].digest);
	assert_int_equal(gp_store_bayes_learn(contract_store, scope, m, GP_ARRAY_SIZE(m), soon(),
					      NULL),
			 GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(m); i++)
		assert_int_equal(m[i].learned, want[i]);
	assert_counts(scope, 60, 50, 0, 1);
	assert_counts(scope, 61, 50, 0, 0);
	assert_totals(scope, 1, 1, 50);
}

static void many_messages_at_once(void **state)
{
	struct gp_str scope = GP_STR("many");
	enum { N = 300, T = 200 };
	GP_FREE uint64_t *tokens = gp_xmalloc(N * T * sizeof(*tokens));
	GP_FREE struct gp_bayes_message *m = gp_xcalloc(N, sizeof(*m));

	for (size_t i = 0; i < N; i++) {
		/* half of them common to all */
		make_tokens(70, tokens + i * T, T / 2);
		make_tokens(1000 + i, tokens + i * T + T / 2, T / 2);
		m[i].class = i % 3 ? GP_BAYES_HAM : GP_BAYES_SPAM;
		m[i].tokens = tokens + i * T;
		m[i].n_tokens = T;
		make_digest(i, m[i].digest);
	}
	assert_int_equal(gp_store_bayes_learn(contract_store, scope, m, N, soon(), NULL), GP_OK);
	assert_counts(scope, 70, T / 2, N / 3, N - N / 3);
	assert_counts(scope, 1007, T / 2, 0, 1);
	assert_totals(scope, N / 3, N - N / 3, T / 2 + N * T / 2);
}

static void early_lookup(void **state)
{
	struct gp_str scope = GP_STR("early"), other = GP_STR("early2");
	struct gp_batch *batch = gp_batch_new(soon());
	struct gp_bayes_lookup *a, *b;
	struct gp_bayes_count counts[10];
	struct gp_bayes_totals totals;
	uint64_t tokens[10];

	learn_one(scope, 1, GP_BAYES_SPAM, 80, 10);
	make_tokens(80, tokens, 10);
	a = gp_store_bayes_begin(contract_store, batch, scope, tokens, 10);
	b = gp_store_bayes_begin(contract_store, batch, other, tokens, 10);
	memset(tokens, 0, sizeof(tokens)); /* they were copied */
	assert_int_equal(gp_batch_wait(batch), GP_OK);
	assert_int_equal(gp_store_bayes_finish(a, counts, &totals), GP_OK);
	assert_int_equal(counts[3].spam, 1);
	assert_int_equal(totals.spam, 1);
	assert_int_equal(gp_store_bayes_finish(b, counts, &totals), GP_OK);
	assert_int_equal(counts[3].spam, 0);
	assert_int_equal(totals.spam, 0);
	gp_batch_free(&batch);
}

/* All steps of a scope. */
static void expire(struct gp_str scope, struct gp_bayes_expiry *e)
{
	struct gp_diag diag;
	size_t steps = 0;

	do {
		if (gp_store_bayes_expire(contract_store, scope, e, soon(), &diag) < 0)
			fail_msg("%s", diag.text);
		assert_in_range(++steps, 1, 1000);
	} while (e->at != 0);
	assert_in_range(steps, 16, 1000); /* small ones */
}

static void expires_rare_tokens(void **state)
{
	struct gp_str scope = GP_STR("expire");
	struct gp_bayes_expiry e = {.count_max = 1, .age_days = 1};

	learn_one(scope, 1, GP_BAYES_SPAM, 90, 100);
	learn_one(scope, 2, GP_BAYES_SPAM, 91, 100);
	learn_one(scope, 3, GP_BAYES_SPAM, 91, 100);
	expire(scope, &e);
	assert_int_equal(e.tokens, 0);
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + 3 * 86400);
	learn_one(scope, 4, GP_BAYES_HAM, 92, 50);
	e = (struct gp_bayes_expiry){.count_max = 1, .age_days = 2};
	expire(scope, &e);
	gp_clock_set(0, -1);
	assert_int_equal(e.tokens, 100);
	assert_int_equal(e.digests, 0);
	assert_counts(scope, 90, 100, 0, 0);
	assert_counts(scope, 91, 100, 2, 0);
	assert_counts(scope, 92, 50, 0, 1);
	assert_totals(scope, 3, 1, 150);
}

/* That a message was learned is forgotten after its time: it counts as new then. */
static void expires_digests(void **state)
{
	struct gp_str scope = GP_STR("expire-seen");
	struct gp_bayes_expiry e = {.age_days = 1, .seen_days = 10};

	for (uint64_t i = 0; i < 50; i++)
		learn_one(scope, i, GP_BAYES_SPAM, 95, 10);
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + 8 * 86400);
	assert_int_equal(learn_one(scope, 7, GP_BAYES_HAM, 95, 10), GP_LEARNED_MOVED);
	expire(scope, &e);
	assert_int_equal(e.digests, 0);
	gp_clock_set(gp_clock_mono_ms(), gp_clock_real_s() + 4 * 86400);
	expire(scope, &e);
	gp_clock_set(0, -1);
	assert_int_equal(e.digests, 49);
	assert_int_equal(e.tokens, 0);
	assert_int_equal(learn_one(scope, 7, GP_BAYES_HAM, 95, 10), GP_LEARNED_SAME);
	assert_int_equal(learn_one(scope, 8, GP_BAYES_SPAM, 95, 10), GP_LEARNED_NEW);
	assert_totals(scope, 50, 1, 10);
}

static bool is_scope(void *arg, struct gp_str scope)
{
	struct gp_str *want = arg;

	if (gp_str_eq(scope, *want))
		*want = GP_STR("found");
	return true;
}

static void scopes_are_listed(void **state)
{
	struct gp_str names[] = {GP_STR("list}: %@example.org"), GP_STR("")};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		learn_one(names[i], 1, GP_BAYES_SPAM, 97, 3);
		assert_int_equal(gp_store_bayes_scopes(contract_store, soon(), is_scope, &names[i]),
				 GP_OK);
		assert_str(names[i], "found");
	}
}

static struct gp_record record(const char *text)
{
	struct gp_record r = {.len = strlen(text)};

	memcpy(r.data, text, r.len);
	return r;
}

static bool swap(const char *key, const char *old, const char *new, int64_t ttl_s)
{
	struct gp_record o = record(old ? old : ""), n = record(new ? new : "");
	bool swapped;

	assert_int_equal(gp_store_record_swap(contract_store, GP_STR("test"), gp_str(key),
					      old ? &o : NULL, new ? &n : NULL, ttl_s, soon(),
					      &swapped),
			 GP_OK);
	return swapped;
}

static void assert_record(const char *key, const char *want)
{
	struct gp_record r;
	int result = gp_store_record_get(contract_store, GP_STR("test"), gp_str(key), soon(), &r);

	assert_int_equal(result, want ? GP_OK : GP_ENOENT);
	if (want)
		assert_str(gp_str_n(r.data, r.len), want);
}

static void record_swaps(void **state)
{
	assert_record("r1", NULL);
	assert_false(swap("r1", "x", "one", 100));
	assert_record("r1", NULL);
	assert_true(swap("r1", NULL, "one", 100));
	assert_record("r1", "one");
	assert_false(swap("r1", NULL, "two", 100));
	assert_false(swap("r1", "on", "two", 100));
	assert_record("r1", "one");
	assert_true(swap("r1", "one", "", 100));
	assert_record("r1", "");
	assert_true(swap("r1", "", "three", 100));
	assert_true(swap("r1", "three", NULL, 0));
	assert_record("r1", NULL);
}

static void record_expires(void **state)
{
	struct stopwatch w;
	struct gp_record r;
	int result;

	assert_true(swap("r3", NULL, "long", 100));
	do {
		w = stopwatch();
		assert_true(swap("r2", NULL, "short", 1));
		result = gp_store_record_get(contract_store, GP_STR("test"), GP_STR("r2"), soon(), &r);
	} while (result == GP_ENOENT && is_over(&w, 1));
	assert_int_equal(result, GP_OK);
	assert_str(gp_str_n(r.data, r.len), "short");
	contract_advance(2);
	assert_record("r2", NULL);
	assert_record("r3", "long");
	assert_true(swap("r2", NULL, "again", 100));
	gp_clock_set(0, -1);
}

static int64_t count(const char *key, int64_t delta, int64_t ttl_s)
{
	int64_t value;

	assert_int_equal(gp_store_counter_add(contract_store, GP_STR("test"), gp_str(key), delta,
					      ttl_s, soon(), &value),
			 GP_OK);
	return value;
}

static void counter_counts(void **state)
{
	assert_int_equal(count("c1", 1, 100), 1);
	assert_int_equal(count("c1", 5, 100), 6);
	assert_int_equal(count("c1", 0, 100), 6);
	assert_int_equal(count("c1", -10, 100), -4);
	assert_int_equal(count("c2", 1, 100), 1);
	assert_record("c1", NULL); /* no record of that name */
}

static void counter_window_is_fixed(void **state)
{
	struct stopwatch w;
	int64_t n;

	do {
		w = stopwatch();
		assert_int_equal(count("c3", 1, 2), 1);
		contract_advance(1);
		n = count("c3", 1, 2); /* does not prolong */
		if (n == 1)
			contract_advance(2);
	} while (n == 1 && is_over(&w, 2));
	assert_int_equal(n, 2);
	contract_advance(2);
	assert_int_equal(count("c3", 1, 2), 1);
	gp_clock_set(0, -1);
}

struct items {
	size_t n;
	char text[200];
};

static bool collect(void *arg, struct gp_str item)
{
	struct items *items = arg;

	items->n++;
	strncat(items->text, item.ptr, item.len);
	return items->n < 5;
}

static void ring_keeps_newest(void **state)
{
	struct items items = {0};

	assert_int_equal(gp_store_ring_read(contract_store, GP_STR("ring"), 10, soon(), collect,
					    &items),
			 GP_OK);
	assert_int_equal(items.n, 0);
	for (char c = 'a'; c <= 'h'; c++)
		assert_int_equal(gp_store_ring_push(contract_store, GP_STR("ring"),
						    gp_str_n(&c, 1), 4, soon()),
				 GP_OK);
	assert_int_equal(gp_store_ring_push(contract_store, GP_STR("ring-two"), GP_STR("x"), 4,
					    soon()),
			 GP_OK);
	assert_int_equal(gp_store_ring_read(contract_store, GP_STR("ring"), 10, soon(), collect,
					    &items),
			 GP_OK);
	assert_string_equal(items.text, "hgfe");
	items = (struct items){0};
	assert_int_equal(gp_store_ring_read(contract_store, GP_STR("ring"), 2, soon(), collect,
					    &items),
			 GP_OK);
	assert_string_equal(items.text, "hg");
}

static void ring_is_dropped(void **state)
{
	struct gp_str tables[] = {GP_STR("dkim-x-1"), GP_STR("dkim-x-10"), GP_STR("dkim-x-0")};
	struct items items = {0};

	for (size_t i = 0; i < GP_ARRAY_SIZE(tables); i++)
		for (char c = 'a'; c <= 'c'; c++)
			assert_int_equal(gp_store_ring_push(contract_store, tables[i],
							    gp_str_n(&c, 1), 9, soon()),
					 GP_OK);
	assert_int_equal(gp_store_ring_drop(contract_store, tables[0], soon()), GP_OK);
	assert_int_equal(gp_store_ring_drop(contract_store, tables[0], soon()), GP_OK);
	assert_int_equal(gp_store_ring_read(contract_store, tables[0], 9, soon(), collect, &items),
			 GP_OK);
	assert_int_equal(items.n, 0);
	for (size_t i = 1; i < GP_ARRAY_SIZE(tables); i++) {
		items = (struct items){0};
		assert_int_equal(gp_store_ring_read(contract_store, tables[i], 9, soon(), collect,
						    &items),
				 GP_OK);
		assert_string_equal(items.text, "cba");
	}
}

/* Several at once are as many one after the other; too many leave the newest. */
static void ring_takes_many(void **state)
{
	struct gp_str some[] = {GP_STR("a"), GP_STR(""), GP_STR("c")};
	struct gp_str too_many[GP_RING_ADD_MAX + 1] = {0};
	struct gp_str table = GP_STR("ring-many");
	struct items items = {0};

	assert_int_equal(gp_store_ring_add(contract_store, table, some, 3, 3, soon()), GP_OK);
	assert_int_equal(gp_store_ring_add(contract_store, table, some, 0, 3, soon()), GP_OK);
	assert_int_equal(gp_store_ring_read(contract_store, table, 9, soon(), collect, &items),
			 GP_OK);
	assert_int_equal(items.n, 3);
	assert_string_equal(items.text, "ca");
	assert_int_equal(gp_store_ring_add(contract_store, table, some, 3, 2, soon()), GP_OK);
	items = (struct items){0};
	assert_int_equal(gp_store_ring_read(contract_store, table, 9, soon(), collect, &items),
			 GP_OK);
	assert_int_equal(items.n, 2);
	assert_string_equal(items.text, "c");
	assert_int_equal(gp_store_ring_add(contract_store, table, too_many, GP_RING_ADD_MAX + 1, 9,
					   soon()),
			 GP_ELIMIT);
	assert_int_equal(gp_store_ring_add(contract_store, table, too_many, GP_RING_ADD_MAX,
					   GP_RING_MAX, soon()),
			 GP_OK);
}

struct tallies {
	size_t n;
	int64_t count, sum; /* of "s:TWO" */
};

static bool collect_tally(void *arg, const struct gp_tally *tally)
{
	struct tallies *t = arg;

	t->n++;
	if (gp_str_eq(tally->name, GP_STR("s:TWO"))) {
		t->count = tally->count;
		t->sum = tally->sum;
	}
	return t->n < 5;
}

static void tallies_add_up(void **state)
{
	struct gp_str tables[] = {GP_STR("tally"), GP_STR("tally-2"), GP_STR("dkim-tally")};
	struct gp_tally items[] = {{GP_STR("a:one"), 1, 0}, {GP_STR("s:TWO"), 2, -3500}};
	char long_name[GP_TALLY_NAME_MAX + 1];
	struct tallies t = {0};
	int64_t since_s = -1;

	for (size_t i = 0; i < GP_ARRAY_SIZE(tables); i++) {
		t = (struct tallies){0};
		assert_int_equal(gp_store_tally_read(contract_store, tables[i], soon(),
						     collect_tally, &t, &since_s),
				 GP_OK);
		assert_int_equal(t.n, 0);
		assert_int_equal(since_s, 0);
		for (size_t k = 0; k <= i; k++)
			assert_int_equal(gp_store_tally_add(contract_store, tables[i], items, 2,
							    soon()),
					 GP_OK);
		assert_int_equal(gp_store_tally_read(contract_store, tables[i], soon(),
						     collect_tally, &t, &since_s),
				 GP_OK);
		assert_int_equal(t.n, 2);
		assert_int_equal(t.count, 2 * (i + 1));
		assert_int_equal(t.sum, -3500 * (int64_t)(i + 1));
		assert_in_range(since_s, gp_clock_real_s() - 60, gp_clock_real_s());
	}
	memset(long_name, 'x', sizeof(long_name));
	items[0].name = gp_str_n(long_name, sizeof(long_name));
	assert_int_equal(gp_store_tally_add(contract_store, tables[0], items, 2, soon()),
			 GP_EINVAL);
	items[0].name = gp_str_n(long_name, GP_TALLY_NAME_MAX);
	assert_int_equal(gp_store_tally_add(contract_store, tables[0], items, 2, soon()), GP_OK);
	/* Records and counters of the same name are something else. */
	assert_record("a:one", NULL);
}

static void greylist(void **state)
{
	struct gp_greylist_rule rule = {.delay_s = 300, .retry_s = 86400, .passed_s = 3024000};
	struct gp_str key = GP_STR("192.0.2.0/24 a@example.org b@example.net");
	struct gp_greylist_state s;
	int64_t now = gp_clock_real_s();

	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       key, &rule, now, soon(), &s),
			 GP_OK);
	assert_false(s.passed);
	assert_int_equal(s.tries, 1);
	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       key, &rule, now + 299, soon(), &s),
			 GP_OK);
	assert_false(s.passed);
	assert_int_equal(s.tries, 2);
	assert_int_equal(s.first_s, now);
	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       key, &rule, now + 300, soon(), &s),
			 GP_OK);
	assert_true(s.passed);
	assert_int_equal(s.tries, 3);
	/* A clock that was set back takes nothing away. */
	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       key, &rule, now + 10, soon(), &s),
			 GP_OK);
	assert_true(s.passed);
	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       GP_STR("other"), &rule, now, soon(), &s),
			 GP_OK);
	assert_false(s.passed);
}

/* Tries that are under way together, in a table of policyd's; each is counted. */
static void greylist_tries_together(void **state)
{
	struct gp_greylist_rule rule = {.delay_s = 300, .retry_s = 86400, .passed_s = 3024000};
	struct gp_str key = GP_STR("together"), table = GP_STR("limit-greylist");
	struct gp_batch *batch = gp_batch_new(soon());
	struct gp_greylist_call *calls[20], *bad;
	int64_t now = gp_clock_real_s();
	struct gp_greylist_state s;
	uint32_t seen = 0;

	for (size_t i = 0; i < 20; i++)
		calls[i] = gp_store_greylist_begin(contract_store, batch, table, GP_STR("net"), key,
						   &rule, now);
	bad = gp_store_greylist_begin(contract_store, batch, table, GP_STR("net"), GP_STR(""),
				      &rule, now);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(gp_store_greylist_finish(calls[i], &s), GP_OK);
		assert_false(s.passed);
		assert_int_equal(s.first_s, now);
		assert_int_equal(s.last_s, now);
		seen |= 1u << s.tries;
	}
	assert_int_equal(seen, 0x1ffffe);
	assert_int_equal(gp_store_greylist_finish(bad, &s), GP_EINVAL);
	gp_batch_free(&batch);
	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("greylist"), GP_STR("net"),
					       key, &rule, now + 400, soon(), &s),
			 GP_OK);
	assert_false(s.passed || s.tries > 1); /* the other table knows nothing of it */
}

static struct gp_greylist_state greylist_of(const char *who, const char *key,
					    const struct gp_greylist_rule *rule, int64_t now)
{
	struct gp_greylist_state s = {0};

	assert_int_equal(gp_store_greylist_try(contract_store, GP_STR("limit-greylist"),
					       gp_str(who), gp_str(key), rule, now, soon(), &s),
			 GP_OK);
	return s;
}

/* Who passed allow_after times is tried no more, others are; what it sends keeps it allowed. */
static void greylist_allows(void **state)
{
	struct gp_greylist_rule rule = {.delay_s = 300,
					.retry_s = 86400,
					.passed_s = 86400,
					.allow_after = 2,
					.allow_s = 5};
	struct gp_greylist_rule without = rule;
	int64_t now = gp_clock_real_s();
	struct gp_greylist_state s;

	without.allow_after = 0;
	for (int i = 0; i < 2; i++) {
		const char *key = i ? "b" : "a";

		assert_false(greylist_of("@x.example", key, &rule, now).passed);
		s = greylist_of("@x.example", key, &rule, now + 300);
		assert_true(s.passed && s.is_return && !s.is_allowed);
		s = greylist_of("@x.example", key, &rule, now + 301); /* counts once */
		assert_true(s.passed && !s.is_return && s.is_allowed == i);
	}
	s = greylist_of("@x.example", "c", &rule, now);
	assert_true(s.passed && s.is_allowed && !s.is_return && s.tries == 0);
	assert_false(greylist_of("@y.example", "c", &rule, now).passed);
	assert_false(greylist_of("@x.example", "c", &without, now).passed);
	for (int i = 0; i < 2; i++) {
		contract_advance(3);
		assert_true(greylist_of("@x.example", "d", &rule, now).passed);
	}
	contract_advance(6);
	assert_false(greylist_of("@x.example", "d", &rule, now).passed);
	gp_clock_set(0, -1);
}

/* A first try is forgotten after retry_s, one that passed after passed_s. */
static void greylist_forgets(void **state)
{
	struct gp_greylist_rule rule = {.delay_s = 0, .retry_s = 1, .passed_s = 2}, late = rule;
	struct gp_str table = GP_STR("limit-greylist");
	struct gp_greylist_state s;
	int64_t now = gp_clock_real_s();

	late.delay_s = 300;
	for (uint32_t i = 0; i < 4; i++) {
		struct gp_str key = i < 2 ? GP_STR("first try") : GP_STR("passed");

		if (i == 1)
			contract_advance(1);
		assert_int_equal(gp_store_greylist_try(contract_store, table, GP_STR("net"), key,
						       i < 2 ? &late : &rule, now + i, soon(), &s),
				 GP_OK);
		assert_int_equal(s.tries, i == 3 ? 2 : 1);
		assert_int_equal(s.passed, i >= 2);
	}
	contract_advance(2);
	assert_int_equal(gp_store_greylist_try(contract_store, table, GP_STR("net"),
					       GP_STR("passed"), &rule, now + 6, soon(), &s),
			 GP_OK);
	assert_int_equal(s.tries, 1);
	gp_clock_set(0, -1);
}

static void mistakes_are_refused(void **state)
{
	struct gp_bayes_message m = {.class = GP_BAYES_SPAM};
	struct gp_record r = {.len = GP_RECORD_MAX + 1};
	struct gp_bayes_totals t;
	char long_scope[GP_STORE_SCOPE_MAX + 1];
	int64_t value;
	bool swapped;

	memset(long_scope, 'x', sizeof(long_scope));
	assert_int_equal(gp_store_bayes_totals(contract_store, gp_str_n(long_scope, sizeof(long_scope)),
					       soon(), &t),
			 GP_EINVAL);
	assert_int_equal(gp_store_bayes_learn(contract_store, GP_STR("a\0b"), &m, 1, soon(), NULL),
			 GP_EINVAL);
	assert_int_equal(gp_store_counter_add(contract_store, GP_STR("Bad"), GP_STR("k"), 1, 1,
					      soon(), &value),
			 GP_EINVAL);
	assert_int_equal(gp_store_counter_add(contract_store, GP_STR("good"), GP_STR(""), 1, 1,
					      soon(), &value),
			 GP_EINVAL);
	assert_int_equal(gp_store_record_swap(contract_store, GP_STR("good"), GP_STR("k"), NULL, &r,
					      1, soon(), &swapped),
			 GP_ELIMIT);
	assert_true(gp_store_is_up(contract_store));
}

/* Many threads count, learn and look up at once; every sum comes out. */
static void *worker(void *arg)
{
	size_t me = (size_t)(uintptr_t)arg;
	int64_t value;

	for (size_t i = 0; i < 25; i++) {
		uint64_t tokens[20];
		struct gp_bayes_message m = {
			.class = GP_BAYES_SPAM, .tokens = tokens, .n_tokens = 20};
		struct gp_bayes_count counts[20];
		struct gp_bayes_totals t;

		make_tokens(99, tokens, 20);
		make_digest(me * 1000 + i, m.digest);
		if (gp_store_bayes_learn(contract_store, GP_STR("threads"), &m, 1, soon(), NULL) < 0 ||
		    gp_store_bayes_get(contract_store, GP_STR("threads"), tokens, 20, soon(),
				       counts, &t) < 0 ||
		    counts[7].spam == 0 ||
		    gp_store_counter_add(contract_store, GP_STR("threads"), GP_STR("n"), 1, 1000,
					 soon(), &value) < 0)
			return arg ? arg : &contract_store; /* anything but NULL */
	}
	return NULL;
}

static void threads(void **state)
{
	pthread_t thread[8];
	void *result;

	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, worker, (void *)(uintptr_t)i), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(thread[i], &result);
		assert_null(result);
	}
	assert_counts(GP_STR("threads"), 99, 20, 200, 0);
	assert_totals(GP_STR("threads"), 200, 0, 20);
	assert_int_equal(gp_store_counter_add(contract_store, GP_STR("threads"), GP_STR("n"), 0,
					      1000, soon(), &(int64_t){0}),
			 GP_OK);
}

const struct CMUnitTest contract_tests[] = {
	cmocka_unit_test(unknown_is_zero),
	cmocka_unit_test(learns_once),
	cmocka_unit_test(relearns),
	cmocka_unit_test(unlearns),
	cmocka_unit_test(exchanges_tokens),
	cmocka_unit_test(counts_do_not_wrap),
	cmocka_unit_test(scopes_are_apart),
	cmocka_unit_test(batch_is_in_order),
	cmocka_unit_test(many_messages_at_once),
	cmocka_unit_test(early_lookup),
	cmocka_unit_test(expires_rare_tokens),
	cmocka_unit_test(expires_digests),
	cmocka_unit_test(scopes_are_listed),
	cmocka_unit_test(record_swaps),
	cmocka_unit_test(record_expires),
	cmocka_unit_test(counter_counts),
	cmocka_unit_test(counter_window_is_fixed),
	cmocka_unit_test(ring_keeps_newest),
	cmocka_unit_test(ring_is_dropped),
	cmocka_unit_test(ring_takes_many),
	cmocka_unit_test(tallies_add_up),
	cmocka_unit_test(greylist),
	cmocka_unit_test(greylist_tries_together),
	cmocka_unit_test(greylist_forgets),
	cmocka_unit_test(greylist_allows),
	cmocka_unit_test(limits_agree_with_the_model), cmocka_unit_test(limits_take_all_or_none),
	cmocka_unit_test(limits_open_after_the_clock_was_put_back),
	cmocka_unit_test(limits_of_members),	cmocka_unit_test(limits_add_up),
	cmocka_unit_test(limits_refuse_mistakes), cmocka_unit_test(limits_are_listed),
	cmocka_unit_test(limits_are_told_late),
	cmocka_unit_test(limits_know_what_they_counted_of_a_name),
	cmocka_unit_test(limits_know_the_parts_of_a_name),
	cmocka_unit_test(limits_share_names),
	cmocka_unit_test(limits_may_change),	cmocka_unit_test(limits_are_forgotten),
	cmocka_unit_test(limits_are_many),
	cmocka_unit_test(entries_are_listed),	cmocka_unit_test(entries_are_added_once),
	cmocka_unit_test(entries_expire),	cmocka_unit_test(entries_have_one_maker),
	cmocka_unit_test(entries_are_bounded),	cmocka_unit_test(entries_refuse_mistakes),
	cmocka_unit_test(mistakes_are_refused), cmocka_unit_test(threads),
};
const size_t contract_tests_n = GP_ARRAY_SIZE(contract_tests);
