/*
 * Rings on LMDB, and making room where an environment with rings is full.
 *
 * A ring's keys end in a sequence number, so its order is the database's.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/lmdb_int.h"

/* Several items, copied: the asker may leave before the writer. */
struct change {
	struct gp_lmdb_work work;
	char table[33];
	size_t items_max, n;
	struct gp_str *items; /* n, their bytes follow */
	int64_t now_s;
};

static void change_destroy(struct gp_job *job)
{
	struct change *c = (struct change *)job;

	free(c->items);
	free(c);
}

static struct change *change_new(struct gp_str table)
{
	struct change *c = gp_xcalloc(1, sizeof(*c));

	(void)gp_str_copy(c->table, sizeof(c->table), table);
	c->now_s = gp_clock_real_s();
	return c;
}

static int change_write(struct gp_store *st, struct change *c, int64_t deadline_ms, bool *ret_full,
			struct gp_diag *diag)
{
	struct gp_batch *batch;
	int r = gp_lmdb_write(gp_lmdb_of_table(st, gp_str(c->table)), &c->work, change_destroy,
			      deadline_ms, &batch, diag);

	*ret_full = gp_job_is_done(&c->work.job) && c->work.is_full;
	gp_batch_free(&batch);
	return r;
}

/* Writes what `make` makes, again if room can be made for it. */
static int change_insist(struct gp_store *st, struct change *(*make)(const void *arg),
			 const void *arg, int64_t deadline_ms, struct gp_diag *diag)
{
	struct change *c = make(arg);
	char table[33];
	bool is_full;
	int r;

	(void)gp_str_copy(table, sizeof(table), gp_str(c->table));
	r = change_write(st, c, deadline_ms, &is_full, diag);
	if (is_full && gp_lmdb_make_room(st, gp_str(table), deadline_ms) == GP_OK)
		r = change_write(st, make(arg), deadline_ms, &is_full, diag);
	return r;
}

/* Rings: keys TABLE NUL SEQUENCE, so the order is the database's. */

#define RING_KEY_MAX (32 + 1 + 8)

static size_t ring_key(struct gp_str table, uint64_t seq, unsigned char ret[RING_KEY_MAX])
{
	memcpy(ret, table.ptr, table.len);
	ret[table.len] = '\0';
	for (int i = 0; i < 8; i++)
		ret[table.len + 1 + i] = (unsigned char)(seq >> (56 - 8 * i));
	return table.len + 9;
}

static uint64_t ring_seq(const MDB_val *key)
{
	const unsigned char *p = (const unsigned char *)key->mv_data + key->mv_size - 8;
	uint64_t seq = 0;

	for (int i = 0; i < 8; i++)
		seq = seq << 8 | p[i];
	return seq;
}

static bool ring_owns(const MDB_val *key, struct gp_str table)
{
	const char *p = key->mv_data;

	return key->mv_size == table.len + 9 && memcmp(p, table.ptr, table.len) == 0 &&
	       p[table.len] == '\0';
}

/* Moves to the newest item of the table. */
static int ring_last(MDB_cursor *cursor, struct gp_str table, MDB_val *k, MDB_val *v)
{
	unsigned char buf[RING_KEY_MAX];
	int rc;

	*k = (MDB_val){.mv_size = ring_key(table, UINT64_MAX, buf), .mv_data = buf};
	rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
	rc = mdb_cursor_get(cursor, k, v, rc == 0 ? MDB_PREV : MDB_LAST);
	if (rc == 0 && !ring_owns(k, table))
		rc = MDB_NOTFOUND;
	return rc;
}

/* Deletes the oldest ones that are too many; after a shrunken limit several. */
static int trim(MDB_cursor *cursor, struct gp_str table, uint64_t newest, size_t items_max)
{
	unsigned char buf[RING_KEY_MAX];
	int rc = 0;

	while (rc == 0 && newest > items_max) {
		MDB_val k = {.mv_size = ring_key(table, 0, buf), .mv_data = buf}, v;

		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		if (rc == 0 && ring_seq(&k) > newest - items_max)
			break;
		if (rc == 0)
			rc = mdb_cursor_del(cursor, 0);
	}
	return rc;
}

static int add_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	struct gp_str table = gp_str(c->table);
	unsigned char buf[RING_KEY_MAX];
	uint64_t seq = 0;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);

	if (rc != 0)
		return rc;
	rc = ring_last(cursor, table, &k, &v);
	if (rc == 0)
		seq = ring_seq(&k);
	else if (rc == MDB_NOTFOUND)
		rc = 0;
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		k = (MDB_val){.mv_size = ring_key(table, ++seq, buf), .mv_data = buf};
		v = (MDB_val){.mv_size = c->items[i].len, .mv_data = (void *)(uintptr_t)c->items[i].ptr};
		rc = mdb_cursor_put(cursor, &k, &v, 0);
	}
	if (rc == 0)
		rc = trim(cursor, table, seq, c->items_max);
	mdb_cursor_close(cursor);
	return rc;
}

struct add {
	struct gp_str table;
	const struct gp_str *items;
	size_t n, items_max;
};

static struct change *add_make(const void *arg)
{
	const struct add *add = arg;
	struct change *c = change_new(add->table);
	size_t total = 0;
	char *at;

	for (size_t i = 0; i < add->n; i++)
		total += add->items[i].len;
	c->work.run = add_run;
	c->items_max = add->items_max;
	c->n = add->n;
	c->items = gp_xmalloc(add->n * sizeof(*add->items) + total + 1);
	at = (char *)(c->items + add->n);
	for (size_t i = 0; i < add->n; i++) {
		if (add->items[i].len > 0)
			memcpy(at, add->items[i].ptr, add->items[i].len);
		c->items[i] = gp_str_n(at, add->items[i].len);
		at += add->items[i].len;
	}
	return c;
}

int gp_lmdb_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
		     size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag)
{
	const struct add add = {table, items, n, items_max};

	return change_insist(st, add_make, &add, deadline_ms, diag);
}

static int drop_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	struct gp_str table = gp_str(c->table);
	unsigned char buf[RING_KEY_MAX];
	MDB_val k = {.mv_size = ring_key(table, 0, buf), .mv_data = buf}, v;
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && ring_owns(&k, table)) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

int gp_lmdb_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		      struct gp_diag *diag)
{
	struct change *c = change_new(table);
	bool is_full;

	c->work.run = drop_run;
	c->work.is_freeing = true;
	return change_write(st, c, deadline_ms, &is_full, diag);
}

int gp_lmdb_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		      gp_store_item_fn *fn, void *arg, struct gp_diag *diag)
{
	struct gp_lmdb_env *env = gp_lmdb_of_table(st, table);
	MDB_cursor *cursor = NULL;
	MDB_txn *txn;
	MDB_val k, v;
	int rc, r = gp_lmdb_read_begin(env, &txn, diag);

	if (r < 0)
		return r == GP_ENOENT ? GP_OK : r;
	rc = mdb_cursor_open(txn, gp_lmdb_db(env, GP_LMDB_RINGS), &cursor);
	if (rc == 0)
		rc = ring_last(cursor, table, &k, &v);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (!ring_owns(&k, table) || !fn(arg, gp_str_n(v.mv_data, v.mv_size)))
			break;
		rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
	}
	if (cursor)
		mdb_cursor_close(cursor);
	gp_lmdb_read_end(env, &txn);
	return rc == MDB_NOTFOUND ? GP_OK : gp_lmdb_error(env, rc, diag);
}

/* Making room. */

/* Of one transaction: pages copied (lmdb_env.c's RESERVE is some thousand), and milliseconds. */
#define DROP_MAX 256
#define LOOK_MAX 40000
#define REST_S 1

/* Deletes the oldest quarter of each ring. */
static int shorten_rings(MDB_txn *txn, MDB_dbi db)
{
	struct gp_str table;
	MDB_cursor *cursor;
	char name[33] = "";
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, db, &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
	while (rc == 0) {
		uint64_t first = ring_seq(&k), newest, n;

		(void)gp_str_copy(name, sizeof(name), gp_str_n(k.mv_data, k.mv_size - 9));
		table = gp_str(name);
		rc = ring_last(cursor, table, &k, &v);
		newest = rc == 0 ? ring_seq(&k) : first;
		n = newest - first + 1;
		if (rc == 0)
			rc = trim(cursor, table, newest, n - n / 4);
		if (rc == 0) {
			unsigned char buf[RING_KEY_MAX];

			k = (MDB_val){.mv_size = ring_key(table, UINT64_MAX, buf), .mv_data = buf};
			rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		}
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Deletes what is over of the next records and counters.  In small steps: a deletion copies its
 * page and those above it, and where others live beside it no page gets free. */
static int drop_expired(MDB_txn *txn, MDB_dbi db, int64_t now_s, struct gp_lmdb_place *place)
{
	MDB_val k = {.mv_size = place->len, .mv_data = place->key}, v;
	unsigned n_looked = 0, n_dropped = 0;
	MDB_cursor *cursor;
	int rc;

	if (now_s < place->rests_until && place->rests_until - now_s <= REST_S)
		return 0;
	rc = mdb_cursor_open(txn, db, &cursor);
	if (rc != 0)
		return rc;
	if (place->len == 0)
		place->n_dropped = 0;
	rc = mdb_cursor_get(cursor, &k, &v, place->len > 0 ? MDB_SET_RANGE : MDB_FIRST);
	for (; rc == 0 && n_looked < LOOK_MAX && n_dropped < DROP_MAX; n_looked++) {
		int64_t until_s;

		memcpy(&until_s, v.mv_data, sizeof(until_s));
		if (until_s <= now_s) {
			rc = mdb_cursor_del(cursor, 0);
			n_dropped++;
		}
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	place->len = rc == 0 && k.mv_size <= sizeof(place->key) ? k.mv_size : 0;
	memcpy(place->key, k.mv_data, place->len);
	place->n_dropped += n_dropped;
	if (rc == MDB_NOTFOUND && place->n_dropped == 0)
		place->rests_until = now_s + REST_S;
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int rings_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	(void)work;
	return shorten_rings(txn, gp_lmdb_db(env, GP_LMDB_RINGS));
}

static int over_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;

	return drop_expired(txn, gp_lmdb_db(env, GP_LMDB_RECORDS), c->now_s, gp_lmdb_room(env));
}

/* LMDB gives out pages that a transaction freed from the second one after it on: a counter
 * that nobody reads makes the first. */
static int turn_run(struct gp_lmdb_work *work, struct gp_lmdb_env *env, MDB_txn *txn)
{
	struct change *c = (struct change *)work;
	unsigned char key[GP_KEYS_LMDB_MAX];
	size_t len = gp_keys_lmdb('c', gp_str(c->table), GP_STR("room"), key);

	return gp_lmdb_live_put(txn, gp_lmdb_db(env, GP_LMDB_RECORDS), key, len, c->now_s, &c->now_s,
				sizeof(c->now_s));
}

static int (*const room_steps[])(struct gp_lmdb_work *, struct gp_lmdb_env *, MDB_txn *) = {
	rings_run, over_run, over_run, over_run, over_run, over_run, over_run, over_run, over_run,
	turn_run};

int gp_lmdb_make_room(struct gp_store *st, struct gp_str table, int64_t deadline_ms)
{
	bool is_full;
	int r = GP_OK;

	for (size_t i = 0; r == GP_OK && i < GP_ARRAY_SIZE(room_steps); i++) {
		struct change *c = change_new(table);

		c->work.run = room_steps[i];
		c->work.is_freeing = true;
		r = change_write(st, c, deadline_ms, &is_full, NULL);
	}
	return r;
}

/* The same steps, one after the other's end, on the writer's thread. */
struct room {
	struct change change; /* first */
	struct gp_lmdb_env *env;
	struct gp_lmdb_work *then;
	size_t step;
};

static void room_done(struct gp_lmdb_work *work, int result)
{
	struct room *room = (struct room *)(void *)work;
	struct gp_lmdb_work *then = room->then;
	struct gp_lmdb_env *env = room->env;

	if (result == GP_OK && ++room->step < GP_ARRAY_SIZE(room_steps)) {
		work->run = room_steps[room->step];
		gp_lmdb_submit(env, work);
		return;
	}
	free(room);
	if (result == GP_OK)
		gp_lmdb_submit(env, then);
	else
		then->done(then, result);
}

void gp_lmdb_make_room_then(struct gp_store *st, struct gp_str table, struct gp_lmdb_work *work)
{
	struct room *room = gp_xcalloc(1, sizeof(*room));

	(void)gp_str_copy(room->change.table, sizeof(room->change.table), table);
	room->change.now_s = gp_clock_real_s();
	room->change.work = (struct gp_lmdb_work){
		.run = room_steps[0], .done = room_done, .is_freeing = true};
	room->env = gp_lmdb_of_table(st, table);
	room->then = work;
	gp_lmdb_submit(room->env, &room->change.work);
}
