/*
 * The front of limits: checks, copies, and hands over to the implementation.
 *
 * A call is one block: the takes; of each the head of its row (limit_row.h), to whose key the
 * take points; of each the hashes of its names; the heads' bytes.
 */
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/limit_row.h"
#include "lib/store/store_int.h"

static struct gp_str *heads_of(const struct gp_limit_call *call)
{
	return (struct gp_str *)(uintptr_t)&call->takes[call->n];
}

#define HASHES (GP_LIMIT_NAMES * GP_KEYS_HASH)

static unsigned char *hash_of(const struct gp_limit_call *call, size_t i, enum gp_limit_name name)
{
	return (unsigned char *)(heads_of(call) + call->n) + i * HASHES + name * GP_KEYS_HASH;
}

static struct gp_str name_of(const struct gp_limit_take *t, enum gp_limit_name name)
{
	switch (name) {
	case GP_LIMIT_KEY:
		return t->key;
	case GP_LIMIT_MEMBER:
		return t->member;
	case GP_LIMIT_WHOLE:
		return t->whole;
	case GP_LIMIT_PART:
		return t->part;
	case GP_LIMIT_NAMES:
		break;
	}
	return GP_STR("");
}

const unsigned char *gp_limit_call_hash(const struct gp_limit_call *call, size_t i,
					enum gp_limit_name name)
{
	return name_of(&call->takes[i], name).len > 0 ? hash_of(call, i, name) : NULL;
}

bool gp_limit_call_is_same(const struct gp_limit_call *call, size_t i, enum gp_limit_name name)
{
	return i > 0 && name_of(&call->takes[i], name).len > 0 &&
	       name_of(&call->takes[i - 1], name).len > 0 &&
	       memcmp(hash_of(call, i, name), hash_of(call, i - 1, name), GP_KEYS_HASH) == 0;
}

struct gp_str gp_limit_call_head(const struct gp_limit_call *call, size_t i)
{
	return heads_of(call)[i];
}

static void call_destroy(struct gp_job *job)
{
	struct gp_limit_call *call = (struct gp_limit_call *)job;

	if (call->free_extra)
		call->free_extra(call->extra);
	free(call);
}

static bool is_valid(const struct gp_limit_take *t)
{
	const struct gp_limit *l = &t->limit;

	return t->key.len > 0 && l->max >= 1 && l->max <= GP_LIMIT_MAX && l->window_ms >= 1000 &&
	       l->window_ms <= GP_LIMIT_WINDOW_MS_MAX &&
	       (l->kind != GP_LIMIT_GCRA || (l->burst >= 1 && l->burst <= l->max)) &&
	       t->amount >= 0 && t->amount <= GP_LIMIT_AMOUNT_MAX && t->before >= 0 &&
	       t->before <= GP_LIMIT_AMOUNT_MAX && t->age_ms >= 0 && t->age_ms <= l->window_ms &&
	       (t->whole.len > 0 || t->part.len == 0);
}

static bool are_valid(struct gp_str table, const struct gp_limit_take *takes, size_t n,
		      enum gp_limit_mode mode)
{
	for (size_t i = 0; i < n; i++)
		if (!is_valid(&takes[i]) || (takes[i].age_ms > 0 && mode != GP_LIMIT_COUNT))
			return false;
	return gp_store_table_is_valid(table) && gp_keys_part(table) == GP_STORE_LIMITS;
}

/* Windows of one limit share names: these are not hashed again. */
static void hash_names(const struct gp_limit_call *call, size_t i, const struct gp_limit_take *takes)
{
	const struct gp_limit_take *t = &takes[i];

	gp_keys_hash(t->key, hash_of(call, i, GP_LIMIT_KEY));
	if (t->member.len > 0)
		gp_keys_member(t->key, t->member, hash_of(call, i, GP_LIMIT_MEMBER));
	for (enum gp_limit_name name = GP_LIMIT_WHOLE; name <= GP_LIMIT_PART; name++) {
		struct gp_str text = name_of(t, name);

		if (text.len > 0 && i > 0 && gp_str_eq(text, name_of(t - 1, name)))
			memcpy(hash_of(call, i, name), hash_of(call, i - 1, name), GP_KEYS_HASH);
		else if (text.len > 0)
			gp_keys_hash(text, hash_of(call, i, name));
	}
}

static struct gp_limit_call *call_new(struct gp_store *st, struct gp_str table,
				      const struct gp_limit_take *takes, size_t n)
{
	size_t size = sizeof(struct gp_limit_call) +
		      n * (sizeof(*takes) + sizeof(struct gp_str) + HASHES);
	struct gp_limit_call *call;
	char *head;

	for (size_t i = 0; i < n; i++)
		size += GP_LIMIT_ROW_NUMBERS_MAX + GP_MIN(takes[i].key.len, (size_t)GP_LIMIT_KEY_SHOWN_MAX);
	call = gp_xcalloc(1, size);
	call->store = st;
	call->n = n;
	(void)gp_str_copy(call->table, sizeof(call->table), table);
	head = (char *)hash_of(call, n, GP_LIMIT_KEY);
	for (size_t i = 0; i < n; i++) {
		struct gp_str key = gp_limit_row_head(takes[i].key, &takes[i].limit, head);

		hash_names(call, i, takes);
		call->takes[i] = takes[i];
		call->takes[i].key = key;
		heads_of(call)[i] = gp_str_n(head, (size_t)(key.ptr + key.len - head));
		head += heads_of(call)[i].len;
	}
	return call;
}

struct gp_limit_call *gp_store_limit_begin(struct gp_store *st, struct gp_batch *batch,
					   struct gp_str table, const struct gp_limit_take *takes,
					   size_t n, enum gp_limit_mode mode, int64_t now_ms)
{
	bool is_right = n >= 1 && n <= GP_LIMIT_TAKES_MAX && are_valid(table, takes, n, mode);
	struct gp_limit_call *call = call_new(st, table, takes, is_right ? n : 0);

	call->mode = mode;
	call->now_ms = now_ms;
	gp_job_init(&call->job, batch, call_destroy);
	if (!is_right)
		gp_job_finish(&call->job, GP_EINVAL);
	else if (!gp_store_async_begin(st, GP_STORE_WRITES, gp_batch_deadline(batch), &call->begun_us,
				       &call->deadline_ms))
		gp_job_finish(&call->job, GP_ETEMP);
	else
		st->ops->limit_start(st, call);
	return call;
}

void gp_store_limit_done(struct gp_limit_call *call, int result, const struct gp_diag *why)
{
	gp_store_async_end(call->store, GP_STORE_WRITES, call->begun_us, call->deadline_ms, result, why);
	gp_job_finish(&call->job, result);
}

int gp_store_limit_finish(struct gp_limit_call *call, struct gp_limit_take *takes)
{
	int r = gp_job_wait(&call->job);

	if (r < 0)
		return r;
	for (size_t i = 0; i < call->n; i++)
		takes[i].answer = call->takes[i].answer;
	return GP_OK;
}

bool gp_store_limit_is_unsure(const struct gp_limit_call *call)
{
	return !gp_job_is_done(&call->job) || call->was_asked;
}

int gp_store_limit(struct gp_store *st, struct gp_str table, struct gp_limit_take *takes, size_t n,
		   enum gp_limit_mode mode, int64_t now_ms, int64_t deadline_ms)
{
	struct gp_batch *batch = gp_batch_new(deadline_ms);
	int r = gp_store_limit_finish(
		gp_store_limit_begin(st, batch, table, takes, n, mode, now_ms), takes);

	gp_batch_free(&batch);
	return r;
}

/* Administration. */

struct each {
	gp_store_limit_fn *fn;
	void *arg;
};

static bool each_row(void *arg, struct gp_str row, int64_t now_ms)
{
	struct each *each = arg;
	struct gp_limit_answer answer;
	struct gp_limit_item item;

	if (!gp_limit_row_parse(row, &item))
		return true;
	item.now_ms = now_ms;
	gp_limit_look(&item.limit, &item.state, now_ms, 0, &answer);
	return answer.used > 0 ? each->fn(each->arg, &item) : true;
}

int gp_store_limit_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_limit_fn *fn, void *arg)
{
	struct each each = {fn, arg};
	int64_t begun_us, until_ms;
	struct gp_diag diag = {""};
	int r;

	if (!gp_store_table_is_valid(table) || gp_keys_part(table) != GP_STORE_LIMITS)
		return GP_EINVAL;
	if (!gp_store_async_begin(st, GP_STORE_READS, deadline_ms, &begun_us, &until_ms))
		return GP_ETEMP;
	/* Many steps on Redis. */
	r = st->ops->limit_each(st, table, deadline_ms, each_row, &each, &diag);
	gp_store_async_end(st, GP_STORE_READS, begun_us, deadline_ms, r, &diag);
	return r;
}

int gp_store_limit_reset(struct gp_store *st, struct gp_str table, const struct gp_str *keys,
			 size_t n, int64_t deadline_ms, size_t *ret_n)
{
	unsigned char hashes[GP_LIMIT_TAKES_MAX][GP_KEYS_HASH];
	int64_t begun_us, until_ms;
	struct gp_diag diag = {""};
	int r;

	if (n < 1 || n > GP_LIMIT_TAKES_MAX || !gp_store_table_is_valid(table) ||
	    gp_keys_part(table) != GP_STORE_LIMITS)
		return GP_EINVAL;
	for (size_t i = 0; i < n; i++)
		gp_keys_hash(keys[i], hashes[i]);
	if (!gp_store_async_begin(st, GP_STORE_WRITES, deadline_ms, &begun_us, &until_ms))
		return GP_ETEMP;
	r = st->ops->limit_reset(st, table, hashes, n, until_ms, ret_n, &diag);
	gp_store_async_end(st, GP_STORE_WRITES, begun_us, until_ms, r, &diag);
	return r;
}
