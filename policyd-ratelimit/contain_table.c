/*
 * Contained keys in memory; see the header.
 *
 * A hash of names under one lock, which nobody holds while he waits for anything.
 */
#include "policyd-ratelimit/contain_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define BUCKETS 1024
#define ACCOUNTS_SHARE (CONTAIN_TABLE_MAX / 4)
#define COMPLAIN_EVERY 1000
#define CLOCKS_DIFFER_S 60 /* between hosts */
/* An entry that has to go so soon may have gone: it was listed a while ago, in whole seconds. */
#define EXPIRES_MS 10000
/* Whatever the store says: 100 years. */
#define LEFT_MAX_S 3153600000

struct place {
	struct place *next;
	struct gp_arena *arena; /* of all its texts */
	struct gp_str name, value; /* value: as in the store; of changes empty */
	struct contained c;
	enum contain_change change; /* what the store does not know */
	uint64_t number;	    /* of the change */
	/* Until then (gp_clock_mono_ms()) the store holds it; 0: it never did. */
	int64_t held_until_ms;
	bool is_seen;		    /* in the store, in this round */
	bool is_told;		    /* the change */
	bool is_unsure;		    /* whether the store took the change */
};

static struct {
	pthread_mutex_t lock;
	struct place *buckets[BUCKETS];
	uint64_t n_changes, n_refused;
	unsigned lengths4[33], lengths6[129]; /* networks by their length */
	size_t n;
	atomic_size_t n_contained; /* the others were released */
	struct contain_loss lost;  /* in this round */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct place **find(struct gp_str name)
{
	struct place **at = &table.buckets[gp_hash_table(name.ptr, name.len) % BUCKETS];

	while (*at && !gp_str_eq((*at)->name, name))
		at = &(*at)->next;
	return at;
}

/* delta: 1 or -1. */
static void count(const struct contained *c, int delta)
{
	struct gp_cidr net;

	table.n += (size_t)delta;
	if (c->is_released)
		return;
	atomic_fetch_add(&table.n_contained, (size_t)delta);
	if (c->kind != CONTAIN_CLIENT || gp_cidr_parse(c->key, &net) < 0)
		return;
	if (net.ip.family == 4)
		table.lengths4[net.bits] += (unsigned)delta;
	else
		table.lengths6[net.bits] += (unsigned)delta;
}

static void copy_texts(struct gp_arena *arena, struct contained *c)
{
	struct gp_str *texts[] = {&c->key, &c->rule, &c->account, &c->host, &c->reason};

	for (size_t i = 0; i < GP_ARRAY_SIZE(texts); i++)
		*texts[i] = gp_arena_str(arena, *texts[i]);
}

static void free_place(struct place **at)
{
	struct place *p = *at;

	*at = p->next;
	count(&p->c, -1);
	gp_arena_free(p->arena);
	free(p);
}

/* A place for the key, in place of the one that is there. */
static struct place *make_place(const struct contained *c)
{
	struct gp_arena *arena = gp_arena_new(512);
	struct place *p = gp_xcalloc(1, sizeof(*p)), **at;

	p->arena = arena;
	p->c = *c;
	copy_texts(arena, &p->c);
	p->name = contained_name(arena, c->kind, c->key);
	at = find(p->name);
	if (*at)
		free_place(at);
	p->next = *at;
	*at = p;
	count(&p->c, 1);
	return p;
}

static void mark(struct place *p, enum contain_change change)
{
	p->change = change;
	p->number = ++table.n_changes;
	p->is_told = p->c.is_released || p->c.max == 0;
	p->is_unsure = false;
}

static bool is_remembered(const struct place *p, int64_t now_s)
{
	return p && now_s < p->c.until_s;
}

static bool is_in_force(const struct place *p, int64_t now_s)
{
	return is_remembered(p, now_s) && !p->c.is_released;
}

/* Of what takes the place of old (NULL: of none). */
static int64_t next_version(const struct place *old, int64_t now_s)
{
	return old && old->c.version >= now_s ? GP_MIN(old->c.version, INT64_MAX - 1) + 1 : now_s;
}

/* The last places are for accounts, and for what is blocked by hand: addresses are as many as
 * strangers like. */
static bool has_room(const struct contained *c, enum contain_change change)
{
	bool is_first = c->kind == CONTAIN_ACCOUNT || change == CONTAIN_PUT;

	return table.n < CONTAIN_TABLE_MAX - (is_first ? 0 : ACCOUNTS_SHARE);
}

static int set_locked(const struct contained *c, enum contain_change change)
{
	struct gp_arena *arena = gp_arena_new(512);
	const struct place *old = *find(contained_name(arena, c->kind, c->key));
	struct contained new = *c;

	gp_arena_free(arena);
	if (change == CONTAIN_ADD && is_in_force(old, c->since_s))
		return GP_EINVAL;
	if (!old && !has_room(c, change))
		return GP_ELIMIT;
	new.version = next_version(old, c->since_s);
	mark(make_place(&new), old ? CONTAIN_PUT : change);
	return GP_OK;
}

int contain_table_set(const struct contained *c, enum contain_change change)
{
	bool complains;
	int r;

	pthread_mutex_lock(&table.lock);
	r = set_locked(c, change);
	complains = r == GP_ELIMIT && table.n_refused++ % COMPLAIN_EVERY == 0;
	pthread_mutex_unlock(&table.lock);
	if (complains)
		gp_log_error("%zu keys are contained: further ones are not%s", (size_t)CONTAIN_TABLE_MAX,
			     c->kind == CONTAIN_ACCOUNT ? "" : ", but for accounts");
	return r;
}

static int drop_locked(struct gp_str name, int64_t now_s)
{
	const struct place *old = *find(name);
	struct contained release = {.is_released = true, .since_s = now_s};

	if (!is_in_force(old, now_s))
		return GP_ENOENT;
	release.kind = old->c.kind;
	release.key = old->c.key;
	release.until_s = GP_MIN(old->c.until_s, now_s + CONTAIN_RELEASE_S);
	release.version = next_version(old, now_s);
	mark(make_place(&release), CONTAIN_PUT);
	return GP_OK;
}

int contain_table_drop(struct gp_str name, int64_t now_s)
{
	int r;

	pthread_mutex_lock(&table.lock);
	r = drop_locked(name, now_s);
	pthread_mutex_unlock(&table.lock);
	return r;
}

/* Looking. */

bool contain_table_is_empty(void)
{
	return atomic_load_explicit(&table.n_contained, memory_order_relaxed) == 0;
}

static bool find_locked(struct gp_str name, int64_t now_s, struct gp_arena *arena,
			struct contained *ret)
{
	const struct place *p = *find(name);

	if (!is_in_force(p, now_s))
		return false;
	*ret = p->c;
	copy_texts(arena, ret);
	return true;
}

bool contain_table_find(struct gp_str name, int64_t now_s, struct gp_arena *arena,
			struct contained *ret)
{
	bool is_there;

	pthread_mutex_lock(&table.lock);
	is_there = find_locked(name, now_s, arena, ret);
	pthread_mutex_unlock(&table.lock);
	return is_there;
}

bool contain_table_find_client(const struct gp_ip *ip, int64_t now_s, struct gp_arena *arena,
			       struct contained *ret)
{
	unsigned all = ip->family == 4 ? 32 : 128;
	const unsigned *lengths = ip->family == 4 ? table.lengths4 : table.lengths6;
	bool is_there = false;

	pthread_mutex_lock(&table.lock);
	for (unsigned bits = all; ip->family && bits > 0 && !is_there; bits--) {
		struct gp_cidr net = gp_cidr_around(ip, bits);
		char text[GP_IP_TEXT];

		if (lengths[bits] == 0)
			continue;
		(void)(bits == all ? gp_ip_format(ip, text) : gp_cidr_format(&net, text));
		is_there = find_locked(contained_name(arena, CONTAIN_CLIENT, gp_str(text)), now_s,
				       arena, ret);
	}
	pthread_mutex_unlock(&table.lock);
	return is_there;
}

void contain_table_each(int64_t now_s, contain_table_fn *fn, void *arg)
{
	bool goes_on = true;

	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < BUCKETS && goes_on; i++)
		for (const struct place *p = table.buckets[i]; p && goes_on; p = p->next)
			if (is_in_force(p, now_s))
				goes_on = fn(arg, &p->c);
	pthread_mutex_unlock(&table.lock);
}

/* For the keeper. */

enum contain_change contain_table_next(struct gp_arena *arena, struct gp_str *ret_name,
				       struct contained *ret, uint64_t *ret_number)
{
	enum contain_change change = CONTAIN_UNCHANGED;
	const struct place *first = NULL;

	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct place *p = table.buckets[i]; p; p = p->next)
			if (p->change != CONTAIN_UNCHANGED && (!first || p->number < first->number))
				first = p;
	if (first) {
		change = first->change;
		*ret_number = first->number;
		*ret_name = gp_arena_str(arena, first->name);
		*ret = first->c;
		copy_texts(arena, ret);
	}
	pthread_mutex_unlock(&table.lock);
	return change;
}

bool contain_table_tell(struct gp_str name, uint64_t number)
{
	struct place *p;
	bool is_first;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	is_first = p && p->number == number && !p->is_told;
	if (is_first)
		p->is_told = true;
	pthread_mutex_unlock(&table.lock);
	return is_first;
}

bool contain_table_take_untold(int64_t before_s, struct gp_arena *arena, struct contained *ret)
{
	struct place *found = NULL;

	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < BUCKETS && !found; i++)
		for (struct place *p = table.buckets[i]; p && !found; p = p->next)
			if (p->change != CONTAIN_UNCHANGED && !p->is_told && p->c.since_s < before_s)
				found = p;
	if (found) {
		found->is_told = true;
		*ret = found->c;
		copy_texts(arena, ret);
	}
	pthread_mutex_unlock(&table.lock);
	return found != NULL;
}

void contain_table_written(struct gp_str name, uint64_t number, bool is_there)
{
	struct place *p;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	if (p && p->number == number) {
		p->change = CONTAIN_UNCHANGED;
		p->held_until_ms = is_there ? INT64_MAX : 0;
	}
	pthread_mutex_unlock(&table.lock);
}

void contain_table_unanswered(struct gp_str name, uint64_t number)
{
	struct place *p;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	if (p && p->number == number)
		p->is_unsure = true;
	pthread_mutex_unlock(&table.lock);
}

/* fn: true if it has freed the place. */
static void each_place(bool (*fn)(struct place **at, int64_t now_s), int64_t now_s)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct place **at = &table.buckets[i]; *at;)
			if (!fn(at, now_s))
				at = &(*at)->next;
}

static bool unsee(struct place **at, int64_t now_s)
{
	(void)now_s;
	(*at)->is_seen = false;
	return false;
}

void contain_table_sync_begin(void)
{
	pthread_mutex_lock(&table.lock);
	table.lost = (struct contain_loss){0};
	each_place(unsee, 0);
	pthread_mutex_unlock(&table.lock);
}

/* Is nobody's loss if the store never had it: another host was first. */
static void restore(struct place *p, enum contain_change change)
{
	bool is_loss = p->held_until_ms > 0, was_told = p->is_told;

	if (is_loss)
		++*(p->c.is_released ? &table.lost.released : &table.lost.contained);
	mark(p, change);
	p->is_told |= is_loss || was_told;
}

static void see(struct place *p, int64_t left_s)
{
	p->is_seen = true;
	p->held_until_ms = gp_clock_mono_ms() + GP_MIN(left_s, (int64_t)LEFT_MAX_S) * 1000;
}

/* Is what is known here to hold, and not what the store has?  Where two hosts contained a key at once,
 * what the store says does, unless ours was read there already. */
static bool holds(const struct place *p, const struct contained *stored)
{
	if (p->change != CONTAIN_UNCHANGED)
		return p->c.version >= stored->version;
	return p->c.version > stored->version &&
	       (p->value.len > 0 || p->c.is_released != stored->is_released);
}

/* The store took what we wrote, but its answer was lost, and the next one was that somebody had
 * been first: that was us, and nobody else tells it. */
static bool is_untold(const struct place *p, struct gp_str value)
{
	GP_BUF_AUTO ours = GP_BUF_INIT(GP_RECORD_MAX);

	if (p->change != CONTAIN_UNCHANGED || p->is_told || !p->is_unsure)
		return false;
	contained_format(&p->c, &ours);
	return gp_str_eq(gp_buf_str(&ours), value);
}

static void sync_locked(struct gp_str name, struct gp_str value, int64_t left_s,
			const struct contained *c)
{
	struct place *p = *find(name);

	if (!p && table.n >= CONTAIN_TABLE_MAX)
		return;
	if (!p || !(holds(p, c) || is_untold(p, value))) {
		p = make_place(c);
		p->value = gp_arena_str(p->arena, value);
		see(p, left_s);
	} else if (p->change == CONTAIN_UNCHANGED) {
		restore(p, CONTAIN_PUT);
	}
	p->is_seen = true;
}

/* As nearly always. */
static bool is_known(struct gp_str name, struct gp_str value, int64_t left_s)
{
	struct place *p;
	bool is_same;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	is_same = p && p->value.len > 0 && gp_str_eq(p->value, value);
	if (is_same)
		see(p, left_s);
	pthread_mutex_unlock(&table.lock);
	return is_same;
}

/* What cannot be read is of a later version: passed over. */
void contain_table_sync(struct gp_str name, struct gp_str value, int64_t left_s)
{
	struct gp_arena *arena;
	struct contained c;

	if (is_known(name, value, left_s))
		return;
	arena = gp_arena_new(1024);
	if (contained_parse(name, value, arena, &c) == GP_OK) {
		pthread_mutex_lock(&table.lock);
		sync_locked(name, value, left_s, &c);
		pthread_mutex_unlock(&table.lock);
	}
	gp_arena_free(arena);
}

static bool end_unseen(struct place **at, int64_t now_s)
{
	struct place *p = *at;
	bool is_lost = p->held_until_ms > gp_clock_mono_ms() + EXPIRES_MS;

	if (p->is_seen || p->change != CONTAIN_UNCHANGED)
		return false;
	if (is_remembered(p, now_s) && (is_lost || p->held_until_ms == 0)) {
		if (is_lost)
			restore(p, CONTAIN_ADD);
		return false;
	}
	free_place(at);
	return true;
}

void contain_table_sync_end(int64_t now_s, struct contain_loss *ret)
{
	pthread_mutex_lock(&table.lock);
	each_place(end_unseen, now_s);
	*ret = table.lost;
	pthread_mutex_unlock(&table.lock);
}

void contain_table_clock(int64_t now_s)
{
	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct place *p = table.buckets[i]; p; p = p->next) {
			if (p->c.since_s <= now_s + CLOCKS_DIFFER_S)
				continue;
			p->c.until_s -= p->c.since_s - now_s;
			p->c.since_s = now_s;
		}
	}
	pthread_mutex_unlock(&table.lock);
}

static bool free_any(struct place **at, int64_t now_s)
{
	(void)now_s;
	free_place(at);
	return true;
}

void contain_table_clear(void)
{
	pthread_mutex_lock(&table.lock);
	each_place(free_any, 0);
	pthread_mutex_unlock(&table.lock);
}
