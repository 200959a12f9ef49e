/*
 * Contained keys in memory; see the header.
 *
 * A hash of names under one lock, which nobody holds while he waits for anything.  A key that was
 * released stays as a place that is to be dropped until the store knows, so that what is read from
 * there meanwhile does not bring it back.
 */
#include "policyd-ratelimit/contain_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define BUCKETS 1024
#define ACCOUNTS_SHARE (CONTAIN_TABLE_MAX / 4)
#define COMPLAIN_EVERY 1000
#define CLOCKS_DIFFER_S 60 /* between hosts */

struct place {
	struct place *next;
	struct gp_arena *arena; /* of all its texts */
	struct gp_str name, value; /* value: as in the store; of changes empty */
	struct contained c;
	enum contain_change change; /* what the store does not know */
	uint64_t number;	    /* of the change */
	bool is_seen;		    /* in the store, in this round */
	bool is_told;		    /* the change */
};

static struct {
	pthread_mutex_t lock;
	struct place *buckets[BUCKETS];
	uint64_t n_changes, n_refused;
	unsigned lengths4[33], lengths6[129]; /* networks by their length */
	atomic_size_t n;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct place **find(struct gp_str name)
{
	struct place **at = &table.buckets[gp_hash_table(name.ptr, name.len) % BUCKETS];

	while (*at && !gp_str_eq((*at)->name, name))
		at = &(*at)->next;
	return at;
}

/* So many networks of this length there are. */
static void count_network(const struct contained *c, int delta)
{
	struct gp_cidr net;

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
	count_network(&p->c, -1);
	gp_arena_free(p->arena);
	free(p);
	atomic_fetch_sub(&table.n, 1);
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
	atomic_fetch_add(&table.n, 1);
	count_network(&p->c, 1);
	return p;
}

static void mark(struct place *p, enum contain_change change)
{
	p->change = change;
	p->number = ++table.n_changes;
	p->is_told = change == CONTAIN_DROP || p->c.max == 0;
}

/* The last places are for accounts, and for what is blocked by hand: addresses are as many as
 * strangers like. */
static bool has_room(const struct contained *c, enum contain_change change)
{
	bool is_first = c->kind == CONTAIN_ACCOUNT || change == CONTAIN_PUT;

	return atomic_load(&table.n) < CONTAIN_TABLE_MAX - (is_first ? 0 : ACCOUNTS_SHARE);
}

static int set_locked(const struct contained *c, enum contain_change change)
{
	struct gp_arena *arena = gp_arena_new(512);
	const struct place *old = *find(contained_name(arena, c->kind, c->key));
	/* Who releases a key and has it trip again means the new one. */
	bool was_dropped = old && old->change == CONTAIN_DROP;
	bool is_over = old && old->c.until_s <= c->since_s;

	gp_arena_free(arena);
	if (old && change == CONTAIN_ADD && !was_dropped && !is_over)
		return GP_EINVAL;
	if (!old && !has_room(c, change))
		return GP_ELIMIT;
	mark(make_place(c), was_dropped || is_over ? CONTAIN_PUT : change);
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
		gp_log_error("%zu keys are contained: further ones are not%s", atomic_load(&table.n),
			     c->kind == CONTAIN_ACCOUNT ? "" : ", but for accounts");
	return r;
}

int contain_table_drop(struct gp_str name)
{
	struct place *p;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	if (p && p->change != CONTAIN_DROP)
		mark(p, CONTAIN_DROP);
	else
		p = NULL;
	pthread_mutex_unlock(&table.lock);
	return p ? GP_OK : GP_ENOENT;
}

/* Looking. */

static bool is_in_force(const struct place *p, int64_t now_s)
{
	return p && p->change != CONTAIN_DROP && now_s < p->c.until_s;
}

bool contain_table_is_empty(void)
{
	return atomic_load_explicit(&table.n, memory_order_relaxed) == 0;
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

void contain_table_written(struct gp_str name, uint64_t number)
{
	struct place **at;

	pthread_mutex_lock(&table.lock);
	at = find(name);
	if (*at && (*at)->number == number) {
		if ((*at)->change == CONTAIN_DROP)
			free_place(at);
		else
			(*at)->change = CONTAIN_UNCHANGED;
	}
	pthread_mutex_unlock(&table.lock);
}

/* fn: true if it has freed the place. */
static void each_place(bool (*fn)(struct place **at))
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct place **at = &table.buckets[i]; *at;)
			if (!fn(at))
				at = &(*at)->next;
}

static bool unsee(struct place **at)
{
	(*at)->is_seen = false;
	return false;
}

void contain_table_sync_begin(void)
{
	pthread_mutex_lock(&table.lock);
	each_place(unsee);
	pthread_mutex_unlock(&table.lock);
}

static void sync_locked(struct gp_str name, struct gp_str value, const struct contained *c)
{
	struct place *p = *find(name);

	if (!p && atomic_load(&table.n) >= CONTAIN_TABLE_MAX)
		return;
	if (!p || (p->change == CONTAIN_UNCHANGED && !gp_str_eq(p->value, value))) {
		p = make_place(c);
		p->value = gp_arena_str(p->arena, value);
	}
	p->is_seen = true;
}

/* As nearly always. */
static bool is_known(struct gp_str name, struct gp_str value)
{
	struct place *p;
	bool is_same;

	pthread_mutex_lock(&table.lock);
	p = *find(name);
	is_same = p && p->value.len > 0 && gp_str_eq(p->value, value);
	if (is_same)
		p->is_seen = true;
	pthread_mutex_unlock(&table.lock);
	return is_same;
}

/* What cannot be read is of a later version: passed over. */
void contain_table_sync(struct gp_str name, struct gp_str value)
{
	struct gp_arena *arena;
	struct contained c;

	if (is_known(name, value))
		return;
	arena = gp_arena_new(1024);
	if (contained_parse(name, value, arena, &c) == GP_OK) {
		pthread_mutex_lock(&table.lock);
		sync_locked(name, value, &c);
		pthread_mutex_unlock(&table.lock);
	}
	gp_arena_free(arena);
}

static bool free_unseen(struct place **at)
{
	bool is_gone = !(*at)->is_seen && (*at)->change == CONTAIN_UNCHANGED;

	if (is_gone)
		free_place(at);
	return is_gone;
}

void contain_table_sync_end(void)
{
	pthread_mutex_lock(&table.lock);
	each_place(free_unseen);
	pthread_mutex_unlock(&table.lock);
}

size_t contain_table_sync_restore(int64_t now_s)
{
	size_t n = 0;

	pthread_mutex_lock(&table.lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct place *p = table.buckets[i]; p; p = p->next) {
			if (p->is_seen || p->change != CONTAIN_UNCHANGED || !is_in_force(p, now_s))
				continue;
			mark(p, CONTAIN_RESTORE);
			p->is_told = true;
			n++;
		}
	}
	pthread_mutex_unlock(&table.lock);
	return n;
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

static bool free_any(struct place **at)
{
	free_place(at);
	return true;
}

void contain_table_clear(void)
{
	pthread_mutex_lock(&table.lock);
	each_place(free_any);
	pthread_mutex_unlock(&table.lock);
}
