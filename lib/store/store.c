/*
 * The front of the store: everything that both implementations have in common.
 *
 * Each call goes the same way: arguments are checked (the caller's mistakes
 * never reach the server), the breaker is asked, the deadline is cut to the
 * store's own timeout, and what came out is counted and reported.
 */
#include "lib/store/store.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/store/bucket.h"
#include "lib/store/keys.h"
#include "lib/store/store_int.h"

#define TIMEOUT_MS 5000 /* a quarter of a message's 20 s */
#define BREAKER_MS 5000 /* how late a returned server is noticed */
/* Five million tokens; what was never asked for is not held. */
#define CACHE_SIZE ((size_t)64 << 20)
/* An asker who gave us less time than this and got nothing says nothing about the store. */
#define FAIR_CHANCE_US 50000

static struct gp_metric calls[GP_STORE_SIDES] = {
	GP_COUNTER_L("gatepost_store_calls_total", "side=\"read\"", "Calls to the store."),
	GP_COUNTER_L("gatepost_store_calls_total", "side=\"write\"", "Calls to the store."),
};
static struct gp_metric errors[GP_STORE_SIDES] = {
	GP_COUNTER_L("gatepost_store_errors_total", "side=\"read\"", "Calls that failed."),
	GP_COUNTER_L("gatepost_store_errors_total", "side=\"write\"", "Calls that failed."),
};
static struct gp_metric refused = GP_COUNTER(
	"gatepost_store_refused_total", "Calls refused at once by the circuit breaker.");
static struct gp_metric opened = GP_COUNTER("gatepost_store_breaker_changes_total",
					    "Times that the circuit breaker opened or closed.");
static struct gp_metric up = GP_GAUGE("gatepost_store_up", "Did the last call reach the store?");
static struct gp_metric latency = GP_HISTOGRAM("gatepost_store_seconds", "Time per call.");

void gp_store_init(struct gp_store *st, const struct gp_store_ops *ops,
		   const struct gp_store_options *options)
{
	int64_t rest = options->breaker_ms > 0 ? options->breaker_ms : BREAKER_MS;

	st->ops = ops;
	st->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
	for (size_t i = 0; i < GP_STORE_SIDES; i++) {
		gp_breaker_init(&st->breakers[i], rest);
		gp_metric_register(&calls[i]);
	}
	for (size_t i = 0; i < GP_STORE_SIDES; i++)
		gp_metric_register(&errors[i]);
	gp_metric_register(&refused);
	gp_metric_register(&opened);
	gp_metric_register(&up);
	gp_metric_register(&latency);
	gp_metric_set(&up, 1);
	atomic_init(&st->is_up, true);
	pthread_mutex_init(&st->lock, NULL);
}

size_t gp_store_cache_size(const struct gp_store_options *o)
{
	if (o->cache_off)
		return 0;
	return o->cache_size > 0 ? o->cache_size : CACHE_SIZE;
}

void gp_store_done(struct gp_store *st)
{
	for (size_t i = 0; i < GP_STORE_SIDES; i++)
		gp_breaker_done(&st->breakers[i]);
	pthread_mutex_destroy(&st->lock);
}

int gp_store_open(const char *url, const struct gp_store_options *options, struct gp_store **ret,
		  struct gp_diag *diag)
{
	static const struct {
		struct gp_str prefix;
		int (*open)(const char *url, const struct gp_store_options *o,
			    struct gp_store **ret, struct gp_diag *diag);
	} kinds[] = {
		{{"lmdb:", 5}, gp_store_lmdb_open},
		{{"redis://", 8}, gp_store_redis_open},
		{{"rediss://", 9}, gp_store_redis_open},
		{{"redis+unix://", 13}, gp_store_redis_open},
	};
	const struct gp_store_options defaults = {0};

	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++) {
		int r;

		if (!gp_str_starts(gp_str(url), kinds[i].prefix))
			continue;
		r = kinds[i].open(url, options ? options : &defaults, ret, diag);
		if (r < 0)
			gp_diag_prepend(diag, "store %s", url);
		return r;
	}
	gp_diag_set(diag, "store \"%s\": must begin with lmdb:, redis://, rediss:// or redis+unix://",
		    url);
	return GP_EINVAL;
}

void gp_store_close(struct gp_store **store)
{
	if (*store)
		(*store)->ops->close(*store);
	*store = NULL;
}

/* Before and after each call. */

struct call {
	struct gp_store *st;
	enum gp_store_side side;
	int64_t begun_us, deadline_ms;
	struct gp_diag diag;
};

static bool call_begin(struct call *c, struct gp_store *st, enum gp_store_side side,
		       int64_t deadline_ms)
{
	if (!gp_breaker_pass(&st->breakers[side])) {
		gp_metric_add(&refused, 1);
		return false;
	}
	c->st = st;
	c->side = side;
	c->begun_us = gp_clock_mono_us();
	c->deadline_ms = GP_MIN(deadline_ms, gp_clock_mono_ms() + st->timeout_ms);
	c->diag.text[0] = '\0';
	return true;
}

static void report(struct gp_store *st, enum gp_store_side side, int64_t begun_us, int result,
		   bool is_late, const struct gp_diag *why)
{
	int64_t took_us = gp_clock_mono_us() - begun_us;
	bool is_bad = result == GP_ETEMP || result == GP_ESYS;
	enum gp_breaker_report r = is_bad ? GP_BREAKER_BAD : GP_BREAKER_GOOD;

	if (is_bad && is_late && took_us < FAIR_CHANCE_US)
		r = GP_BREAKER_NEUTRAL;
	gp_metric_add(&calls[side], 1);
	gp_metric_observe_us(&latency, took_us);
	if (is_bad)
		gp_metric_add(&errors[side], 1);
	if (gp_breaker_report(&st->breakers[side], r))
		gp_metric_add(&opened, 1);
	if (r == GP_BREAKER_NEUTRAL)
		return;
	if (atomic_exchange(&st->is_up, !is_bad) != !is_bad)
		gp_metric_set(&up, !is_bad);
	if (!is_bad)
		return;
	pthread_mutex_lock(&st->lock);
	gp_diag_set(&st->last_error, "%s",
		    why && why->text[0] ? why->text : "no answer before the deadline");
	pthread_mutex_unlock(&st->lock);
}

bool gp_store_async_begin(struct gp_store *st, enum gp_store_side side, int64_t deadline_ms,
			  int64_t *ret_begun_us, int64_t *ret_deadline_ms)
{
	struct call c;

	if (!call_begin(&c, st, side, deadline_ms))
		return false;
	*ret_begun_us = c.begun_us;
	*ret_deadline_ms = c.deadline_ms;
	return true;
}

void gp_store_async_end(struct gp_store *st, enum gp_store_side side, int64_t begun_us,
			int64_t deadline_ms, int result, const struct gp_diag *why)
{
	report(st, side, begun_us, result, gp_clock_mono_ms() >= deadline_ms, why);
}

static int call_end(struct call *c, int result)
{
	report(c->st, c->side, c->begun_us, result, gp_clock_mono_ms() >= c->deadline_ms, &c->diag);
	return result;
}

/* Copies the reason out; the failure of a call that was refused is the last one's. */
static void explain(struct gp_store *st, const struct call *c, struct gp_diag *diag)
{
	if (c) {
		gp_diag_set(diag, "%s",
			    c->diag.text[0] ? c->diag.text : "no answer before the deadline");
		return;
	}
	pthread_mutex_lock(&st->lock);
	gp_diag_set(diag, "not asked again yet after: %s", st->last_error.text);
	pthread_mutex_unlock(&st->lock);
}

bool gp_store_table_is_valid(struct gp_str t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!gp_is_digit(t.ptr[i]) && t.ptr[i] != '-' &&
		    (t.ptr[i] < 'a' || t.ptr[i] > 'z'))
			return false;
	return t.len > 0 && t.len <= 32;
}

static bool scope_is_valid(struct gp_str s)
{
	return s.len <= GP_STORE_SCOPE_MAX && (s.len == 0 || !memchr(s.ptr, '\0', s.len));
}

/* Health. */

int gp_store_ping(struct gp_store *st, int64_t deadline_ms, struct gp_diag *diag)
{
	struct call c;
	int r;

	/* Asks past the breaker: whoever calls this wants to know. */
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		c = (struct call){.deadline_ms = deadline_ms};
	r = st->ops->ping(st, c.deadline_ms, &c.diag);
	if (c.st)
		(void)call_end(&c, r);
	if (r < 0)
		explain(st, &c, diag);
	return r;
}

bool gp_store_is_up(const struct gp_store *st)
{
	return atomic_load(&st->is_up);
}

const char *gp_store_kind(const struct gp_store *st)
{
	return st->ops->kind;
}

void gp_store_last_error(struct gp_store *st, struct gp_diag *ret)
{
	pthread_mutex_lock(&st->lock);
	*ret = st->last_error;
	pthread_mutex_unlock(&st->lock);
}

/* Bayes. */

static void lookup_destroy(struct gp_job *job)
{
	free(job);
}

void gp_store_lookup_done(struct gp_bayes_lookup *l, int result, const struct gp_diag *why)
{
	gp_store_async_end(l->store, GP_STORE_READS, l->begun_us, l->deadline_ms, result, why);
	gp_job_finish(&l->job, result);
}

struct gp_bayes_lookup *gp_store_bayes_begin(struct gp_store *st, struct gp_batch *batch,
					     struct gp_str scope, const uint64_t *tokens, size_t n)
{
	struct gp_bayes_lookup *l;
	struct call c;

	if (n > GP_STORE_LOOKUP_MAX || !scope_is_valid(scope))
		n = 0;
	l = gp_xmalloc(sizeof(*l) + n * (sizeof(*l->tokens) + sizeof(*l->counts)));
	*l = (struct gp_bayes_lookup){.store = st, .n = n};
	l->tokens = (uint64_t *)(l + 1);
	l->counts = (struct gp_bayes_count *)(l->tokens + n);
	if (n > 0)
		memcpy(l->tokens, tokens, n * sizeof(*tokens));
	memset(l->counts, 0, n * sizeof(*l->counts));
	gp_job_init(&l->job, batch, lookup_destroy);
	if (!gp_str_copy(l->scope, sizeof(l->scope), scope) || (n == 0 && tokens)) {
		gp_job_finish(&l->job, GP_EINVAL);
		return l;
	}
	if (!call_begin(&c, st, GP_STORE_READS, gp_batch_deadline(batch))) {
		gp_job_finish(&l->job, GP_ETEMP);
		return l;
	}
	l->begun_us = c.begun_us;
	l->deadline_ms = c.deadline_ms;
	st->ops->bayes_start(st, l);
	return l;
}

bool gp_store_bayes_is_done(const struct gp_bayes_lookup *l)
{
	return gp_job_is_done(&l->job);
}

int gp_store_bayes_finish(struct gp_bayes_lookup *l, struct gp_bayes_count *ret_counts,
			  struct gp_bayes_totals *ret_totals)
{
	int r = gp_job_wait(&l->job);

	if (r < 0)
		return r;
	if (l->n > 0)
		memcpy(ret_counts, l->counts, l->n * sizeof(*ret_counts));
	*ret_totals = l->totals;
	return GP_OK;
}

int gp_store_bayes_get(struct gp_store *st, struct gp_str scope, const uint64_t *tokens, size_t n,
		       int64_t deadline_ms, struct gp_bayes_count *ret_counts,
		       struct gp_bayes_totals *ret_totals)
{
	struct gp_batch *batch = gp_batch_new(deadline_ms);
	int r = gp_store_bayes_finish(gp_store_bayes_begin(st, batch, scope, n ? tokens : NULL, n),
				      ret_counts, ret_totals);

	gp_batch_free(&batch);
	return r;
}

int gp_store_bayes_totals(struct gp_store *st, struct gp_str scope, int64_t deadline_ms,
			  struct gp_bayes_totals *ret)
{
	return gp_store_bayes_get(st, scope, NULL, 0, deadline_ms, NULL, ret);
}

int gp_store_bayes_learn(struct gp_store *st, struct gp_str scope,
			 struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			 struct gp_diag *diag)
{
	struct call c;
	int r;

	if (n > GP_STORE_LEARN_MAX || !scope_is_valid(scope)) {
		gp_diag_set(diag, "more than %d messages at once, or a malformed scope",
			    GP_STORE_LEARN_MAX);
		return GP_EINVAL;
	}
	if (n == 0)
		return GP_OK;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms)) {
		explain(st, NULL, diag);
		return GP_ETEMP;
	}
	/* Many messages in one transaction take longer than a look-up may. */
	c.deadline_ms = deadline_ms;
	r = call_end(&c, st->ops->bayes_learn(st, scope, messages, n, c.deadline_ms, &c.diag));
	if (r < 0)
		explain(st, &c, diag);
	return r;
}

int gp_store_bayes_seen(struct gp_store *st, struct gp_str scope,
			const unsigned char digest[GP_SHA256_SIZE], int64_t deadline_ms,
			enum gp_bayes_class *ret)
{
	struct call c;

	if (!scope_is_valid(scope))
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->bayes_seen(st, scope, digest, c.deadline_ms, ret, &c.diag));
}

/* The step that begins at e->at: buckets first, then slices of digests. */
static struct gp_expiry_step next_step(struct gp_str scope, const struct gp_bayes_expiry *e)
{
	uint32_t buckets = UINT32_C(1) << gp_keys_bits(scope);
	uint16_t today = gp_bucket_today();
	struct gp_expiry_step step = {.count_max = e->count_max, .today = today};
	unsigned age = e->age_days;

	step.is_digests = e->at >= buckets;
	step.from = step.is_digests ? e->at - buckets : e->at;
	step.n = step.is_digests ? GP_EXPIRY_SLICES : GP_EXPIRY_BUCKETS;
	if (step.is_digests)
		age = e->seen_days;
	step.before = (uint16_t)(today - GP_MIN(age, (unsigned)today));
	return step;
}

/* Where the one after it begins; 0 behind the last. */
static uint32_t after_step(struct gp_str scope, const struct gp_bayes_expiry *e,
			   const struct gp_expiry_step *step)
{
	uint32_t buckets = UINT32_C(1) << gp_keys_bits(scope), next = e->at + step->n;

	if (next == buckets && e->seen_days == 0)
		return 0;
	return next >= buckets + GP_EXPIRY_ALL_SLICES ? 0 : next;
}

int gp_store_bayes_expire(struct gp_store *st, struct gp_str scope, struct gp_bayes_expiry *e,
			  int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_expiry_step step;
	uint64_t forgotten = 0;
	struct gp_diag why = {""};
	int r;

	if (!scope_is_valid(scope) ||
	    e->at >= (UINT32_C(1) << gp_keys_bits(scope)) + GP_EXPIRY_ALL_SLICES)
		return GP_EINVAL;
	step = next_step(scope, e);
	r = st->ops->bayes_expire(st, scope, &step, deadline_ms, &forgotten, &why);
	if (r < 0) {
		gp_diag_set(diag, "%s", why.text[0] ? why.text : "no answer before the deadline");
		return r;
	}
	if (step.is_digests)
		e->digests += forgotten;
	else
		e->tokens += forgotten;
	e->at = after_step(scope, e, &step);
	return GP_OK;
}

bool gp_store_is_full(const struct gp_store *st)
{
	return atomic_load(&st->is_full);
}

int gp_store_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn, void *arg)
{
	struct call c;

	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	c.deadline_ms = deadline_ms; /* many steps on Redis */
	return call_end(&c, st->ops->bayes_scopes(st, c.deadline_ms, fn, arg, &c.diag));
}

/* Records, counters, rings, tallies. */

int gp_store_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
			int64_t deadline_ms, struct gp_record *ret)
{
	struct call c;

	if (!gp_store_table_is_valid(table) || key.len == 0)
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->record_get(st, table, key, c.deadline_ms, ret, &c.diag));
}

int gp_store_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			 const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			 int64_t deadline_ms, bool *ret_swapped)
{
	struct call c;

	if (!gp_store_table_is_valid(table) || key.len == 0 || (new && ttl_s < 1))
		return GP_EINVAL;
	if ((old && old->len > GP_RECORD_MAX) || (new && new->len > GP_RECORD_MAX))
		return GP_ELIMIT;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->record_swap(st, table, key, old, new, ttl_s, c.deadline_ms,
						 ret_swapped, &c.diag));
}

int gp_store_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key,
			 int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value)
{
	struct call c;

	if (!gp_store_table_is_valid(table) || key.len == 0 || ttl_s < 1)
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->counter_add(st, table, key, delta, ttl_s, c.deadline_ms,
						 ret_value, &c.diag));
}

int gp_store_ring_push(struct gp_store *st, struct gp_str table, struct gp_str item,
		       size_t items_max, int64_t deadline_ms)
{
	return gp_store_ring_add(st, table, &item, 1, items_max, deadline_ms);
}

int gp_store_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
		      size_t n, size_t items_max, int64_t deadline_ms)
{
	struct call c;

	if (!gp_store_table_is_valid(table) || items_max == 0)
		return GP_EINVAL;
	if (n > GP_RING_ADD_MAX || items_max > GP_RING_MAX)
		return GP_ELIMIT;
	for (size_t i = 0; i < n; i++)
		if (items[i].len > GP_RING_ITEM_MAX)
			return GP_ELIMIT;
	if (n == 0)
		return GP_OK;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->ring_add(st, table, items, n, items_max, c.deadline_ms,
					      &c.diag));
}

int gp_store_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms)
{
	struct call c;

	if (!gp_store_table_is_valid(table))
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->ring_drop(st, table, c.deadline_ms, &c.diag));
}

int gp_store_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		       gp_store_item_fn *fn, void *arg)
{
	struct call c;

	if (!gp_store_table_is_valid(table))
		return GP_EINVAL;
	if (n == 0)
		return GP_OK;
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->ring_read(st, table, n, c.deadline_ms, fn, arg, &c.diag));
}

int gp_store_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
		       size_t n, int64_t deadline_ms)
{
	struct call c;

	if (!gp_store_table_is_valid(table))
		return GP_EINVAL;
	if (n > GP_TALLY_ADD_MAX)
		return GP_ELIMIT;
	for (size_t i = 0; i < n; i++)
		if (items[i].name.len == 0 || items[i].name.len > GP_TALLY_NAME_MAX)
			return GP_EINVAL;
	if (n == 0)
		return GP_OK;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->tally_add(st, table, items, n, c.deadline_ms, &c.diag));
}

int gp_store_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s)
{
	struct call c;
	int64_t since_s = 0;
	int r;

	if (!gp_store_table_is_valid(table))
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	r = call_end(&c, st->ops->tally_read(st, table, c.deadline_ms, fn, arg, &since_s, &c.diag));
	if (r == GP_OK)
		*ret_since_s = since_s;
	return r;
}

/* Entries. */

static int entry_change(struct gp_store *st, struct gp_str table, const struct gp_entry_change *change,
			int64_t deadline_ms, bool *ret_done)
{
	struct call c;

	if (!gp_store_table_is_valid(table) || change->name.len == 0)
		return GP_EINVAL;
	if (change->name.len > GP_ENTRY_NAME_MAX || change->value.len > GP_RECORD_MAX)
		return GP_ELIMIT;
	if (!call_begin(&c, st, GP_STORE_WRITES, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->entry_change(st, table, change, c.deadline_ms, ret_done, &c.diag));
}

int gp_store_entry_put(struct gp_store *st, struct gp_str table, struct gp_str name,
		       struct gp_str value, int64_t ttl_s, int64_t deadline_ms)
{
	struct gp_entry_change change = {GP_ENTRY_PUT, name, value, ttl_s};
	bool done;

	return ttl_s < 1 ? GP_EINVAL : entry_change(st, table, &change, deadline_ms, &done);
}

int gp_store_entry_add(struct gp_store *st, struct gp_str table, struct gp_str name,
		       struct gp_str value, int64_t ttl_s, int64_t deadline_ms, bool *ret_was_new)
{
	struct gp_entry_change change = {GP_ENTRY_ADD, name, value, ttl_s};

	return ttl_s < 1 ? GP_EINVAL : entry_change(st, table, &change, deadline_ms, ret_was_new);
}

int gp_store_entry_drop(struct gp_store *st, struct gp_str table, struct gp_str name,
			int64_t deadline_ms)
{
	struct gp_entry_change change = {.kind = GP_ENTRY_DROP, .name = name};
	bool done;
	int r = entry_change(st, table, &change, deadline_ms, &done);

	return r == GP_OK && !done ? GP_ENOENT : r;
}

int gp_store_entry_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_entry_fn *fn, void *arg)
{
	struct call c;

	if (!gp_store_table_is_valid(table))
		return GP_EINVAL;
	if (!call_begin(&c, st, GP_STORE_READS, deadline_ms))
		return GP_ETEMP;
	return call_end(&c, st->ops->entry_each(st, table, c.deadline_ms, fn, arg, &c.diag));
}
