/*
 * The fake store; see the header.
 */
#include "tests/fakes/fake_store.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/delta.h"
#include "lib/store/store_int.h"

struct token {
	uint64_t token;
	struct gp_bayes_count count;
};

struct seen {
	unsigned char digest[GP_SHA256_SIZE];
	enum gp_bayes_class class;
};

/* Of a record (kind 'r'), a counter ('c') or a ring's item ('l', oldest first). */
struct entry {
	char kind;
	char *name; /* TABLE:KEY */
	size_t name_len;
	char *data;
	size_t len;
	int64_t until_s;
	struct entry *next;
};

struct fake {
	struct gp_store store;
	pthread_mutex_t lock;
	struct gp_loop *loop;
	struct late *late; /* look-ups that wait; the loop's */
	_Atomic int64_t delay_ms;
	_Atomic bool is_held;
	_Atomic unsigned held; /* calls that wait */
	int result;
	unsigned fails, calls;
	struct token *tokens;
	size_t n_tokens;
	struct seen *seen;
	size_t n_seen;
	struct gp_bayes_totals totals;
	struct entry *entries;
};

static struct fake *fake_of(const struct gp_store *st)
{
	return (struct fake *)(uintptr_t)st;
}

/* What this call is to answer, after the delay; takes the lock on GP_OK. */
static int enter(struct fake *f, int64_t deadline_ms, bool no_wait)
{
	int64_t left = deadline_ms - gp_clock_mono_ms();
	int result = GP_OK;

	if (!no_wait && f->is_held) {
		f->held++;
		while (f->is_held && left > 0) {
			usleep(1000);
			left = deadline_ms - gp_clock_mono_ms();
		}
		f->held--;
		result = left > 0 ? GP_OK : GP_ETEMP;
	}
	if (!no_wait && f->delay_ms > 0) {
		usleep((useconds_t)(GP_MAX(GP_MIN(f->delay_ms, left), (int64_t)0) * 1000));
		if (left < f->delay_ms)
			result = GP_ETEMP;
	}
	pthread_mutex_lock(&f->lock);
	f->calls++;
	if (f->fails > 0) {
		f->fails--;
		result = f->result;
	}
	if (result < 0)
		pthread_mutex_unlock(&f->lock);
	return result;
}

static void leave(struct fake *f)
{
	pthread_mutex_unlock(&f->lock);
}

/* Bayes. */

static struct gp_bayes_count *count_of(struct fake *f, uint64_t token)
{
	for (size_t i = 0; i < f->n_tokens; i++)
		if (f->tokens[i].token == token)
			return &f->tokens[i].count;
	f->tokens = gp_xreallocarray(f->tokens, f->n_tokens + 1, sizeof(*f->tokens));
	f->tokens[f->n_tokens] = (struct token){.token = token};
	return &f->tokens[f->n_tokens++].count;
}

static struct seen *seen_of(struct fake *f, const unsigned char *digest)
{
	for (size_t i = 0; i < f->n_seen; i++)
		if (memcmp(f->seen[i].digest, digest, GP_SHA256_SIZE) == 0)
			return &f->seen[i];
	f->seen = gp_xreallocarray(f->seen, f->n_seen + 1, sizeof(*f->seen));
	f->seen[f->n_seen] = (struct seen){.class = GP_BAYES_NONE};
	memcpy(f->seen[f->n_seen].digest, digest, GP_SHA256_SIZE);
	return &f->seen[f->n_seen++];
}

struct late {
	struct gp_timer timer;
	struct gp_call call;
	struct fake *fake;
	struct gp_bayes_lookup *l;
	struct late *next;
};

static void lookup_answer(void *arg)
{
	struct late *late = arg;
	struct fake *f = late->fake;
	int r = enter(f, late->l->deadline_ms, true);

	if (r == GP_OK) {
		for (size_t i = 0; i < late->l->n; i++)
			late->l->counts[i] = *count_of(f, late->l->tokens[i]);
		late->l->totals = f->totals;
		leave(f);
	}
	gp_store_lookup_done(late->l, r, NULL);
	free(late);
}

/* In the loop. */
static void lookup_late(void *arg)
{
	struct late *late = arg, **at = &late->fake->late;

	while (*at != late)
		at = &(*at)->next;
	*at = late->next;
	gp_timer_clear(late->fake->loop, &late->timer);
	lookup_answer(late);
}

static void lookup_wait(void *arg)
{
	struct late *late = arg;

	late->next = late->fake->late;
	late->fake->late = late;
	late->timer = (struct gp_timer){.fn = lookup_late, .arg = late};
	gp_timer_set(late->fake->loop, &late->timer, gp_clock_mono_ms() + late->fake->delay_ms);
}

static void fake_bayes_start(struct gp_store *st, struct gp_bayes_lookup *l)
{
	struct late *late = gp_xcalloc(1, sizeof(*late));

	late->fake = fake_of(st);
	late->l = l;
	late->call = (struct gp_call){.fn = lookup_wait, .arg = late};
	if (late->fake->delay_ms > 0)
		gp_loop_post(late->fake->loop, &late->call);
	else
		lookup_answer(late);
}

static int fake_bayes_learn(struct gp_store *st, struct gp_str scope,
			    struct gp_bayes_message *messages, size_t n, int64_t deadline_ms,
			    struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	GP_FREE unsigned char *known = gp_xcalloc(n, 1);
	struct gp_delta_set set;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		known[i] = (unsigned char)seen_of(f, messages[i].digest)->class;
	gp_delta_build(messages, n, known, &set);
	for (size_t i = 0; i < set.n; i++) {
		struct gp_bayes_count *c = count_of(f, set.items[i].token);

		c->spam += (uint32_t)set.items[i].spam;
		c->ham += (uint32_t)set.items[i].ham;
	}
	for (size_t i = 0; i < n; i++)
		seen_of(f, messages[i].digest)->class = messages[i].class;
	f->totals.spam += (uint64_t)set.spam;
	f->totals.ham += (uint64_t)set.ham;
	f->totals.tokens = f->n_tokens;
	gp_delta_done(&set);
	leave(f);
	return GP_OK;
}

static int fake_bayes_seen(struct gp_store *st, struct gp_str scope, const unsigned char *digest,
			   int64_t deadline_ms, enum gp_bayes_class *ret, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	*ret = seen_of(f, digest)->class;
	leave(f);
	return GP_OK;
}

static int fake_bayes_expire(struct gp_store *st, struct gp_str scope,
			     const struct gp_expiry_step *step, int64_t deadline_ms,
			     uint64_t *ret_forgotten, struct gp_diag *diag)
{
	int r = enter(fake_of(st), deadline_ms, false);

	if (r == GP_OK)
		leave(fake_of(st));
	return r;
}

static int fake_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn,
			     void *arg, struct gp_diag *diag)
{
	int r = enter(fake_of(st), deadline_ms, false);

	if (r == GP_OK) {
		(void)fn(arg, GP_STR(""));
		leave(fake_of(st));
	}
	return r;
}

/* Records, counters, rings. */

static char *make_name(struct gp_str table, struct gp_str key, size_t *ret_len)
{
	char *name = gp_xmalloc(table.len + 1 + key.len + 1);

	memcpy(name, table.ptr, table.len);
	name[table.len] = ':';
	if (key.len > 0)
		memcpy(name + table.len + 1, key.ptr, key.len);
	*ret_len = table.len + 1 + key.len;
	return name;
}

/* The place of the live entry, or of the end of the list; drops it if it is over. */
static struct entry **entry_of(struct fake *f, char kind, struct gp_str table, struct gp_str key)
{
	size_t len;
	GP_FREE char *name = make_name(table, key, &len);
	struct entry **at = &f->entries;

	while (*at) {
		struct entry *e = *at;

		if (e->kind == kind && e->name_len == len && memcmp(e->name, name, len) == 0) {
			if (e->until_s > gp_clock_real_s())
				return at;
			*at = e->next;
			free(e->name);
			free(e->data);
			free(e);
			continue;
		}
		at = &e->next;
	}
	return at;
}

static void entry_remove(struct entry **at)
{
	struct entry *e = *at;

	if (!e)
		return;
	*at = e->next;
	free(e->name);
	free(e->data);
	free(e);
}

static void entry_add(struct entry **at, char kind, struct gp_str table, struct gp_str key,
		      const void *data, size_t len, int64_t ttl_s)
{
	struct entry *e = gp_xcalloc(1, sizeof(*e));

	e->kind = kind;
	e->name = make_name(table, key, &e->name_len);
	e->data = gp_xmalloc(len + 1);
	e->len = len;
	if (len > 0)
		memcpy(e->data, data, len);
	e->until_s = gp_clock_real_s() + ttl_s;
	*at = e;
}

static int fake_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
			   int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	struct entry *e;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	e = *entry_of(f, 'r', table, key);
	if (e) {
		ret->len = e->len;
		memcpy(ret->data, e->data, e->len);
	}
	leave(f);
	return e ? GP_OK : GP_ENOENT;
}

static int fake_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			    const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			    int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	struct entry **at;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	at = entry_of(f, 'r', table, key);
	*ret_swapped = old ? *at && (*at)->len == old->len &&
				     memcmp((*at)->data, old->data, old->len) == 0
			   : !*at;
	if (*ret_swapped) {
		entry_remove(at);
		at = entry_of(f, 'r', table, key);
		if (new)
			entry_add(at, 'r', table, key, new->data, new->len, ttl_s);
	}
	leave(f);
	return GP_OK;
}

static int fake_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key,
			    int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			    struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	struct entry **at;
	int64_t value = 0;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	at = entry_of(f, 'c', table, key);
	if (!*at)
		entry_add(at, 'c', table, key, &value, sizeof(value), ttl_s);
	memcpy(&value, (*at)->data, sizeof(value));
	value += delta;
	memcpy((*at)->data, &value, sizeof(value));
	*ret_value = value;
	leave(f);
	return GP_OK;
}

static bool is_item(const struct entry *e, struct gp_str table)
{
	return e->kind == 'l' && e->name_len == table.len + 1 &&
	       memcmp(e->name, table.ptr, table.len) == 0;
}

static void add_item(struct fake *f, struct gp_str table, struct gp_str item, size_t items_max)
{
	struct entry **at, **oldest = NULL;
	size_t n = 1;

	for (at = &f->entries; *at; at = &(*at)->next)
		if (is_item(*at, table)) {
			oldest = oldest ? oldest : at;
			n++;
		}
	entry_add(at, 'l', table, GP_STR(""), item.ptr, item.len, INT32_MAX);
	if (n > items_max && oldest)
		entry_remove(oldest);
}

static int fake_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
			 size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		add_item(f, table, items[i], items_max);
	leave(f);
	return GP_OK;
}

static int fake_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			  struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	struct entry **at;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (at = &f->entries; *at;) {
		if (is_item(*at, table))
			entry_remove(at);
		else
			at = &(*at)->next;
	}
	leave(f);
	return GP_OK;
}

static int fake_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
			  gp_store_item_fn *fn, void *arg, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	size_t have = 0;
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (struct entry *e = f->entries; e; e = e->next)
		have += is_item(e, table);
	for (size_t want = have; want > 0 && have - want < n; want--) {
		struct entry *e = f->entries;

		for (size_t i = 0; e; e = e->next)
			if (is_item(e, table) && ++i == want)
				break;
		if (!e || !fn(arg, gp_str_n(e->data, e->len)))
			break;
	}
	leave(f);
	return GP_OK;
}

/* A tally is an entry of kind 't' with its count and sum. */
static int fake_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
			  size_t n, int64_t deadline_ms, struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct entry **at = entry_of(f, 't', table, items[i].name);
		int64_t value[2] = {0};

		if (!*at)
			entry_add(at, 't', table, items[i].name, value, sizeof(value), INT32_MAX);
		memcpy(value, (*at)->data, sizeof(value));
		value[0] += items[i].count;
		value[1] += items[i].sum;
		memcpy((*at)->data, value, sizeof(value));
	}
	leave(f);
	return GP_OK;
}

static int fake_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			   gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
			   struct gp_diag *diag)
{
	struct fake *f = fake_of(st);
	int r = enter(f, deadline_ms, false);

	if (r < 0)
		return r;
	for (struct entry *e = f->entries; e; e = e->next) {
		struct gp_tally item = {0};
		int64_t value[2];

		if (e->kind != 't' || e->name_len <= table.len + 1 ||
		    memcmp(e->name, table.ptr, table.len) != 0 || e->name[table.len] != ':')
			continue;
		memcpy(value, e->data, sizeof(value));
		item = (struct gp_tally){
			.name = gp_str_n(e->name + table.len + 1, e->name_len - table.len - 1),
			.count = value[0],
			.sum = value[1],
		};
		*ret_since_s = 1;
		if (!fn(arg, &item))
			break;
	}
	leave(f);
	return GP_OK;
}

/* Greylisting: the key is hashed by now. */

struct late_try {
	struct gp_timer timer;
	struct gp_call call;
	struct fake *fake;
	struct gp_greylist_call *try;
};

static bool greylist_look(struct fake *f, struct gp_str table, struct gp_str key,
			  struct gp_str *ret)
{
	struct entry **at = entry_of(f, 'r', table, key);

	*ret = *at ? gp_str_n((*at)->data, (*at)->len) : GP_STR("");
	return *at != NULL;
}

static void greylist_put(struct fake *f, struct gp_str table, struct gp_str key,
			 const struct gp_greylist_write *w)
{
	if (w->ttl_s == 0)
		return;
	entry_remove(entry_of(f, 'r', table, key));
	entry_add(entry_of(f, 'r', table, key), 'r', table, key, w->record.data, w->record.len,
		  w->ttl_s);
}

static void greylist_answer(void *arg)
{
	struct late_try *late = arg;
	struct fake *f = late->fake;
	struct gp_greylist_call *call = late->try;
	struct gp_str table = gp_str(call->table);
	struct gp_str key = gp_str_n(call->hash, sizeof(call->hash));
	struct gp_str who = gp_str_n(call->who, sizeof(call->who));
	int r = enter(f, call->deadline_ms, true);

	if (r == GP_OK) {
		struct gp_str have, have_who;
		bool is_there = greylist_look(f, table, key, &have);
		bool is_known = greylist_look(f, table, who, &have_who);
		struct gp_greylist_write record, record_who;

		gp_greylist_step(call, is_there ? &have : NULL, is_known ? &have_who : NULL,
				 &record, &record_who);
		greylist_put(f, table, key, &record);
		greylist_put(f, table, who, &record_who);
		leave(f);
	}
	gp_store_greylist_done(call, r, NULL);
	free(late);
}

static void greylist_wait(void *arg)
{
	struct late_try *late = arg;

	late->timer = (struct gp_timer){.fn = greylist_answer, .arg = late};
	gp_timer_set(late->fake->loop, &late->timer, gp_clock_mono_ms() + late->fake->delay_ms);
}

static void fake_greylist_start(struct gp_store *st, struct gp_greylist_call *call)
{
	struct late_try *late = gp_xcalloc(1, sizeof(*late));

	late->fake = fake_of(st);
	late->try = call;
	late->call = (struct gp_call){.fn = greylist_wait, .arg = late};
	if (late->fake->delay_ms > 0)
		gp_loop_post(late->fake->loop, &late->call);
	else
		greylist_answer(late);
}

/* Life. */

static int fake_ping(struct gp_store *st, int64_t deadline_ms, struct gp_diag *diag)
{
	int r = enter(fake_of(st), deadline_ms, false);

	if (r == GP_OK)
		leave(fake_of(st));
	else
		gp_diag_set(diag, "told to fail");
	return r;
}

static void answer_late(void *arg)
{
	struct fake *f = arg;

	while (f->late)
		lookup_late(f->late);
}

static void fake_close(struct gp_store *st)
{
	struct fake *f = fake_of(st);

	gp_loop_run_in(f->loop, answer_late, f);
	gp_loop_close(&f->loop);
	while (f->entries)
		entry_remove(&f->entries);
	gp_store_done(&f->store);
	pthread_mutex_destroy(&f->lock);
	free(f->tokens);
	free(f->seen);
	free(f);
}

static const struct gp_store_ops fake_ops = {
	.kind = "fake",
	.close = fake_close,
	.ping = fake_ping,
	.bayes_start = fake_bayes_start,
	.bayes_learn = fake_bayes_learn,
	.bayes_seen = fake_bayes_seen,
	.bayes_expire = fake_bayes_expire,
	.bayes_scopes = fake_bayes_scopes,
	.record_get = fake_record_get,
	.record_swap = fake_record_swap,
	.counter_add = fake_counter_add,
	.ring_add = fake_ring_add,
	.ring_drop = fake_ring_drop,
	.ring_read = fake_ring_read,
	.tally_add = fake_tally_add,
	.tally_read = fake_tally_read,
	.greylist_start = fake_greylist_start,
};

struct gp_store *gp_fake_store_new(void)
{
	struct fake *f = gp_xcalloc(1, sizeof(*f));

	gp_store_init(&f->store, &fake_ops, &(struct gp_store_options){.breaker_ms = 100});
	pthread_mutex_init(&f->lock, NULL);
	if (gp_loop_open(&f->loop, NULL) < 0)
		abort();
	return &f->store;
}

void gp_fake_store_fail(struct gp_store *st, int result, unsigned times)
{
	struct fake *f = fake_of(st);

	pthread_mutex_lock(&f->lock);
	f->result = result;
	f->fails = times;
	pthread_mutex_unlock(&f->lock);
}

void gp_fake_store_delay(struct gp_store *st, int64_t ms)
{
	fake_of(st)->delay_ms = ms;
}

void gp_fake_store_hold(struct gp_store *st, bool is_held)
{
	fake_of(st)->is_held = is_held;
}

void gp_fake_store_wait_held(const struct gp_store *st)
{
	while (fake_of(st)->held == 0)
		usleep(1000);
}

void gp_fake_store_set_totals(struct gp_store *st, uint64_t spam, uint64_t ham)
{
	fake_of(st)->totals.spam = spam;
	fake_of(st)->totals.ham = ham;
}

void gp_fake_store_set_count(struct gp_store *st, uint64_t token, uint32_t spam, uint32_t ham)
{
	*count_of(fake_of(st), token) = (struct gp_bayes_count){.spam = spam, .ham = ham};
}

unsigned gp_fake_store_calls(const struct gp_store *st)
{
	struct fake *f = fake_of(st);
	unsigned calls;

	pthread_mutex_lock(&f->lock);
	calls = f->calls;
	pthread_mutex_unlock(&f->lock);
	return calls;
}
