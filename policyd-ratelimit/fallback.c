/*
 * The fallback; see the header.
 *
 * An item is what was used under a key, or that a member of it was counted.  All are in a hash
 * table, in a list by use, and those that owe in a queue.  What an item owes is kept like a
 * sliding state, whatever its limit: amounts with their times.  Of these one at a time is told:
 * it leaves the state, gets a name, and keeps name, amount and time until the store has it.
 */
#include "policyd-ratelimit/fallback.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/base/rand.h"

/* Longer ones are not held, so that the bound on items is one on memory. */
#define TEXT_MAX 1024
/* Those idle longest, of which the one that used least goes. */
#define CANDIDATES 16
#define NAME_MAX_SIZE 48

/* A ring of these; the head of a list is one too. */
struct link {
	struct link *prev, *next;
};

/* Not of members. */
struct counts {
	struct gp_limit_state state, owed;
};

struct item {
	struct link by_use, by_debt; /* by_debt: a ring of its own when it is not queued */
	struct item *next;	     /* of the same bucket */
	uint64_t hash;
	size_t key_len, member_len;
	struct gp_limit limit;
	struct counts *counts;	/* NULL: a member */
	bool is_counted;	/* a member: at made_ms */
	int64_t made_ms;
	bool is_under_way;
	struct gp_limit_use told; /* amount 0: nothing */
	uint64_t told_number;	  /* of this use: no other has it */
	char text[]; /* the key, then the member */
};

struct fallback {
	size_t keys_max, n_buckets, n_items;
	struct item **buckets;
	struct link by_use, by_debt; /* the oldest first */
	uint64_t seed, id, number, lost;
	size_t n_under_way;
	struct {
		struct item *item;
		uint64_t number;
	} under_way[GP_LIMIT_TAKES_MAX];
	char names[GP_LIMIT_TAKES_MAX][NAME_MAX_SIZE];
};

/* Lists. */

static void link_init(struct link *l)
{
	l->prev = l->next = l;
}

static void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

static void link_append(struct link *head, struct link *l)
{
	link_remove(l);
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static struct item *of_use(struct link *l)
{
	return (struct item *)(void *)((char *)l - offsetof(struct item, by_use));
}

static struct item *of_debt(struct link *l)
{
	return (struct item *)(void *)((char *)l - offsetof(struct item, by_debt));
}

/* Items. */

static struct gp_str key_of(const struct item *item)
{
	return gp_str_n(item->text, item->key_len);
}

static struct gp_str member_of(const struct item *item)
{
	return gp_str_n(item->text + item->key_len, item->member_len);
}

static uint64_t hash_of(const struct fallback *f, struct gp_str key, struct gp_str member)
{
	return gp_hash64(gp_hash64(f->seed, key.ptr, key.len), member.ptr, member.len);
}

static struct item *find(struct fallback *f, struct gp_str key, struct gp_str member)
{
	uint64_t hash = hash_of(f, key, member);

	for (struct item *i = f->buckets[hash % f->n_buckets]; i; i = i->next)
		if (i->hash == hash && gp_str_eq(key_of(i), key) && gp_str_eq(member_of(i), member))
			return i;
	return NULL;
}

/* What it owes as a sliding limit has it. */
static struct gp_limit debt_limit(const struct item *item)
{
	return (struct gp_limit){.max = GP_LIMIT_MAX, .window_ms = item->limit.window_ms};
}

/* How much of it is within its window. */
static int64_t used_of(const struct item *item, int64_t now_ms)
{
	struct gp_limit_answer answer;

	if (!item->counts)
		return item->is_counted && item->made_ms + item->limit.window_ms > now_ms;
	gp_limit_look(&item->limit, &item->counts->state, now_ms, 0, &answer);
	return answer.used;
}

static int64_t debt_of(const struct item *item, int64_t now_ms)
{
	struct gp_limit limit = debt_limit(item);
	struct gp_limit_answer answer = {0};

	if (item->counts)
		gp_limit_look(&limit, &item->counts->owed, now_ms, 0, &answer);
	return answer.used + item->told.amount;
}

static void remove_item(struct fallback *f, struct item *item)
{
	struct item **at = &f->buckets[item->hash % f->n_buckets];

	while (*at != item)
		at = &(*at)->next;
	*at = item->next;
	link_remove(&item->by_use);
	link_remove(&item->by_debt);
	free(item->counts);
	free(item);
	f->n_items--;
}

/* The one to go; NULL when all are under way. */
static struct item *victim(struct fallback *f, int64_t now_ms)
{
	struct item *best = NULL;
	int64_t least = INT64_MAX;
	size_t seen = 0;

	for (struct link *l = f->by_use.next; l != &f->by_use && seen < CANDIDATES; l = l->next) {
		struct item *item = of_use(l);
		int64_t used = used_of(item, now_ms);

		if (item->is_under_way)
			continue;
		seen++;
		if (used < least) {
			best = item;
			least = used;
		}
	}
	return best;
}

/* The item, made if need be and possible, as the one used last. */
static struct item *obtain(struct fallback *f, struct gp_str key, struct gp_str member,
			   int64_t now_ms)
{
	struct item *item = find(f, key, member), *old;

	if (!item) {
		if (key.len + member.len > TEXT_MAX)
			return NULL;
		old = f->n_items >= f->keys_max ? victim(f, now_ms) : NULL;
		if (old) {
			f->lost += (uint64_t)debt_of(old, now_ms);
			remove_item(f, old);
		}
		if (f->n_items >= f->keys_max)
			return NULL;
		item = gp_xcalloc(1, sizeof(*item) + key.len + member.len);
		item->hash = hash_of(f, key, member);
		item->key_len = key.len;
		item->member_len = member.len;
		memcpy(item->text, key.ptr, key.len);
		if (member.len > 0)
			memcpy(item->text + key.len, member.ptr, member.len);
		else
			item->counts = gp_xcalloc(1, sizeof(*item->counts));
		link_init(&item->by_use);
		link_init(&item->by_debt);
		item->next = f->buckets[item->hash % f->n_buckets];
		f->buckets[item->hash % f->n_buckets] = item;
		f->n_items++;
	}
	link_append(&f->by_use, &item->by_use);
	return item;
}

static void owe(struct fallback *f, struct item *item)
{
	if (item->by_debt.next == &item->by_debt && !item->is_under_way)
		link_append(&f->by_debt, &item->by_debt);
}

/* Counting. */

/* What the take adds: nothing if its member was counted within the window. */
static int64_t amount_of(struct fallback *f, const struct gp_limit_take *t, int64_t now_ms)
{
	const struct item *item = t->member.len > 0 ? find(f, t->key, t->member) : NULL;

	return item && used_of(item, now_ms) > 0 ? 0 : t->amount;
}

static void look(struct fallback *f, struct gp_limit_take *t, int64_t now_ms)
{
	static const struct gp_limit_state nothing = {0};
	const struct item *item = find(f, t->key, GP_STR(""));

	gp_limit_look(&t->limit, item ? &item->counts->state : &nothing, now_ms,
		      amount_of(f, t, now_ms), &t->answer);
}

static void count(struct fallback *f, struct gp_limit_take *t, bool owes, int64_t now_ms)
{
	int64_t amount = amount_of(f, t, now_ms), at_ms = now_ms - t->age_ms;
	struct item *item, *member = NULL;

	if (amount == 0 || t->age_ms >= t->limit.window_ms)
		return;
	t->answer.used += amount;
	item = obtain(f, t->key, GP_STR(""), now_ms);
	if (item && t->member.len > 0)
		member = obtain(f, t->key, t->member, now_ms);
	/* Making the member may have cost its key the place. */
	item = find(f, t->key, GP_STR(""));
	if (!item || (t->member.len > 0 && !member)) {
		f->lost += owes ? (uint64_t)amount : 0;
		return;
	}
	item->limit = t->limit;
	gp_limit_count_at(&t->limit, &item->counts->state, now_ms, at_ms, amount);
	if (member) {
		member->limit = t->limit;
		member->is_counted = true;
		member->made_ms = at_ms;
	}
	if (!owes)
		return;
	if (member) {
		member->told = (struct gp_limit_use){at_ms, amount};
		member->told_number = ++f->number;
	} else {
		struct gp_limit limit = debt_limit(item);

		gp_limit_count_at(&limit, &item->counts->owed, now_ms, at_ms, amount);
	}
	owe(f, member ? member : item);
}

bool fallback_limit(struct fallback *f, struct gp_limit_take *takes, size_t n,
		    enum gp_limit_mode mode, bool owes, int64_t now_ms)
{
	bool has_room = true;

	for (size_t i = 0; i < n; i++) {
		look(f, &takes[i], now_ms);
		has_room &= takes[i].answer.passed;
	}
	if (mode == GP_LIMIT_LOOK || (mode == GP_LIMIT_TAKE && !has_room))
		return false;
	for (size_t i = 0; i < n; i++)
		count(f, &takes[i], owes, now_ms);
	return true;
}

/* Telling. */

/* Takes the oldest use out of what is owed. */
static void prepare(struct fallback *f, struct item *item, int64_t now_ms)
{
	struct gp_limit limit = debt_limit(item);
	struct gp_limit_use uses[GP_LIMIT_SLOTS + 1];
	struct gp_limit_state rest = {0};
	size_t n;

	if (item->told.amount > 0 || !item->counts)
		return;
	n = gp_limit_uses(&limit, &item->counts->owed, now_ms, uses);
	if (n == 0)
		return;
	for (size_t i = 1; i < n; i++)
		gp_limit_count_at(&limit, &rest, now_ms, uses[i].at_ms, uses[i].amount);
	item->counts->owed = rest;
	item->told = uses[0];
	item->told_number = ++f->number;
}

/* The take for what the item tells; false if that is a window old. */
static bool make_take(struct fallback *f, struct item *item, int64_t now_ms, size_t i,
		      struct gp_limit_take *ret)
{
	int64_t age_ms = GP_MAX(now_ms - item->told.at_ms, (int64_t)0);

	if (item->told.amount == 0 || age_ms >= item->limit.window_ms)
		return false;
	*ret = (struct gp_limit_take){.key = key_of(item), .member = member_of(item),
				      .limit = item->limit,
				      .amount = GP_MIN(item->told.amount, (int64_t)GP_LIMIT_AMOUNT_MAX),
				      .age_ms = age_ms};
	if (item->counts) {
		(void)snprintf(f->names[i], sizeof(f->names[i]), "merge %016llx %llu",
			       (unsigned long long)f->id, (unsigned long long)item->told_number);
		ret->member = gp_str(f->names[i]);
	}
	return true;
}

size_t fallback_merge_begin(struct fallback *f, int64_t now_ms, struct gp_limit_take *ret, size_t max)
{
	max = GP_MIN(max, (size_t)GP_LIMIT_TAKES_MAX);
	f->n_under_way = 0;
	while (f->n_under_way < max && f->by_debt.next != &f->by_debt) {
		struct item *item = of_debt(f->by_debt.next);

		link_remove(&item->by_debt);
		prepare(f, item, now_ms);
		if (!make_take(f, item, now_ms, f->n_under_way, &ret[f->n_under_way])) {
			item->told.amount = 0;
			if (debt_of(item, now_ms) > 0)
				owe(f, item);
			continue;
		}
		item->is_under_way = true;
		f->under_way[f->n_under_way].item = item;
		f->under_way[f->n_under_way++].number = item->told_number;
	}
	return f->n_under_way;
}

void fallback_merge_finish(struct fallback *f, bool is_counted)
{
	for (size_t i = 0; i < f->n_under_way; i++) {
		struct item *item = f->under_way[i].item;

		item->is_under_way = false;
		if (is_counted && item->told_number == f->under_way[i].number)
			item->told.amount = 0;
		if (item->told.amount > 0 || (item->counts && item->counts->owed.len > 0))
			owe(f, item);
	}
	f->n_under_way = 0;
}

bool fallback_is_owing(const struct fallback *f)
{
	return f->by_debt.next != &f->by_debt || f->n_under_way > 0;
}

/* Life. */

void fallback_sweep(struct fallback *f, int64_t now_ms)
{
	for (struct link *l = f->by_use.next, *next; l != &f->by_use; l = next) {
		struct item *item = of_use(l);

		next = l->next;
		if (!item->is_under_way && used_of(item, now_ms) == 0 && debt_of(item, now_ms) == 0)
			remove_item(f, item);
	}
}

void fallback_get_stats(const struct fallback *f, struct fallback_stats *ret)
{
	*ret = (struct fallback_stats){.keys = f->n_items, .lost = f->lost};
}

struct fallback *fallback_new(size_t keys_max)
{
	struct fallback *f = gp_xcalloc(1, sizeof(*f));

	f->keys_max = keys_max;
	f->n_buckets = keys_max + keys_max / 2 + 1;
	f->buckets = gp_xcalloc(f->n_buckets, sizeof(struct item *));
	gp_rand_bytes(&f->seed, sizeof(f->seed));
	gp_rand_bytes(&f->id, sizeof(f->id));
	link_init(&f->by_use);
	link_init(&f->by_debt);
	return f;
}

void fallback_free(struct fallback **f)
{
	struct fallback *old = *f;

	if (!old)
		return;
	*f = NULL;
	while (old->by_use.next != &old->by_use)
		remove_item(old, of_use(old->by_use.next));
	free(old->buckets);
	free(old);
}
