/*
 * Records, counters, rings and tallies on Redis, which expires them itself.
 */
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/num.h"
#include "lib/store/keys.h"
#include "lib/store/redis_int.h"

static void add_key(struct gp_redis_call *c, char kind, struct gp_str table, struct gp_str key)
{
	GP_BUF_AUTO name = GP_BUF_INIT(256);

	gp_keys_redis(kind, table, key, &name);
	gp_redis_arg(&c->req.command, gp_buf_str(&name));
}

/* A call of a script with one key; the values follow. */
static struct gp_redis_call *script_call(const struct gp_script *script, size_t values, char kind,
					 struct gp_str table, struct gp_str key)
{
	struct gp_redis_call *c = gp_redis_call_new(script, 2 + values);

	gp_redis_arg(&c->req.command, GP_STR("1"));
	add_key(c, kind, table, key);
	return c;
}

static int unexpected(struct gp_diag *diag)
{
	gp_diag_set(diag, "Redis answered something that cannot be");
	return GP_ESYS;
}

int gp_redis_record_get(struct gp_store *st, struct gp_str table, struct gp_str key,
			int64_t deadline_ms, struct gp_record *ret, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 2);
	struct gp_batch *batch;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("GET"));
	add_key(c, 'r', table, key);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK && c->type == GP_REPLY_NIL)
		r = GP_ENOENT;
	else if (r == GP_OK && (c->type != GP_REPLY_STRING || c->text.len > sizeof(ret->data)))
		r = unexpected(diag);
	if (r == GP_OK) {
		ret->len = c->text.len;
		memcpy(ret->data, gp_buf_cstr(&c->text), c->text.len);
	}
	gp_batch_free(&batch);
	return r;
}

static void add_record(struct gp_redis_call *c, const struct gp_record *record)
{
	gp_redis_arg(&c->req.command, record ? GP_STR("1") : GP_STR("0"));
	gp_redis_arg(&c->req.command, record ? gp_str_n(record->data, record->len) : GP_STR(""));
}

int gp_redis_record_swap(struct gp_store *st, struct gp_str table, struct gp_str key,
			 const struct gp_record *old, const struct gp_record *new, int64_t ttl_s,
			 int64_t deadline_ms, bool *ret_swapped, struct gp_diag *diag)
{
	struct gp_redis_call *c = script_call(&gp_script_swap, 5, 'r', table, key);
	struct gp_batch *batch;
	int r;

	add_record(c, old);
	add_record(c, new);
	gp_redis_arg_int(&c->req.command, ttl_s);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK && c->type != GP_REPLY_INTEGER)
		r = unexpected(diag);
	if (r == GP_OK)
		*ret_swapped = c->integer == 1;
	gp_batch_free(&batch);
	return r;
}

int gp_redis_counter_add(struct gp_store *st, struct gp_str table, struct gp_str key,
			 int64_t delta, int64_t ttl_s, int64_t deadline_ms, int64_t *ret_value,
			 struct gp_diag *diag)
{
	struct gp_redis_call *c = script_call(&gp_script_counter, 2, 'c', table, key);
	struct gp_batch *batch;
	int r;

	gp_redis_arg_int(&c->req.command, delta);
	gp_redis_arg_int(&c->req.command, ttl_s);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK && c->type != GP_REPLY_INTEGER)
		r = unexpected(diag);
	if (r == GP_OK)
		*ret_value = c->integer;
	gp_batch_free(&batch);
	return r;
}

/* Two commands and no script: Lua would copy each item twice more, which is most of what an
 * item costs Redis.  What a failed LTRIM leaves over goes with the next one. */
int gp_redis_ring_add(struct gp_store *st, struct gp_str table, const struct gp_str *items,
		      size_t n, size_t items_max, int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_redis_call *push = gp_redis_call_new(NULL, 2 + n);
	struct gp_redis_call *trim = gp_redis_call_new(NULL, 4);
	struct gp_batch *batch;
	int r;

	gp_redis_arg(&push->req.command, GP_STR("LPUSH"));
	add_key(push, 'l', table, GP_STR(""));
	for (size_t i = 0; i < n; i++)
		gp_redis_arg(&push->req.command, items[i]);
	gp_redis_arg(&trim->req.command, GP_STR("LTRIM"));
	add_key(trim, 'l', table, GP_STR(""));
	gp_redis_arg(&trim->req.command, GP_STR("0"));
	gp_redis_arg_int(&trim->req.command, (int64_t)items_max - 1);
	r = gp_redis_call_wait(st, push, deadline_ms, &batch, diag);
	gp_batch_free(&batch);
	if (gp_redis_call_wait(st, trim, deadline_ms, &batch, NULL) < 0)
		gp_log_debug("ring %.*s: not trimmed", GP_STR_FMT(table));
	gp_batch_free(&batch);
	return r;
}

int gp_redis_ring_drop(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
		       struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 2);
	struct gp_batch *batch;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("UNLINK"));
	add_key(c, 'l', table, GP_STR(""));
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	gp_batch_free(&batch);
	return r;
}

int gp_redis_ring_read(struct gp_store *st, struct gp_str table, size_t n, int64_t deadline_ms,
		       gp_store_item_fn *fn, void *arg, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 4);
	struct gp_batch *batch;
	size_t at = 0;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("LRANGE"));
	add_key(c, 'l', table, GP_STR(""));
	gp_redis_arg(&c->req.command, GP_STR("0"));
	gp_redis_arg_int(&c->req.command, (int64_t)n - 1); /* store.c sees to n > 0 */
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK && c->type != GP_REPLY_ARRAY)
		r = unexpected(diag);
	for (size_t i = 0; r == GP_OK && i < c->n; i++) {
		if (!fn(arg, gp_str_n(gp_buf_cstr(&c->text) + at, c->lens[i])))
			break;
		at += c->lens[i];
	}
	gp_batch_free(&batch);
	return r;
}

/* A tally is two fields of a hash, the name with "c" (count) or "s" (sum) before it. */

int gp_redis_tally_add(struct gp_store *st, struct gp_str table, const struct gp_tally *items,
		       size_t n, int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_redis_call *c = script_call(&gp_script_tally, 1 + 3 * n, 't', table, GP_STR(""));
	struct gp_batch *batch;
	int r;

	gp_redis_arg_int(&c->req.command, gp_clock_real_s());
	for (size_t i = 0; i < n; i++) {
		gp_redis_arg(&c->req.command, items[i].name);
		gp_redis_arg_int(&c->req.command, items[i].count);
		gp_redis_arg_int(&c->req.command, items[i].sum);
	}
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	gp_batch_free(&batch);
	return r;
}

/* The script answers name, count, sum, name, …; the empty name holds since when. */
static int tally_each(const struct gp_redis_call *c, gp_store_tally_fn *fn, void *arg,
		      int64_t *ret_since_s)
{
	const char *at = gp_buf_cstr(&c->text);

	for (size_t i = 0; i + 2 < c->n; i += 3) {
		struct gp_str words[3];
		struct gp_tally item;

		for (size_t k = 0; k < 3; k++) {
			words[k] = gp_str_n(at, c->lens[i + k]);
			at += c->lens[i + k];
		}
		item.name = words[0];
		if (gp_num_parse_int(words[1], &item.count) < 0 ||
		    gp_num_parse_int(words[2], &item.sum) < 0)
			return GP_ESYS;
		if (item.name.len == 0)
			*ret_since_s = item.count;
		else if (!fn(arg, &item))
			break;
	}
	return GP_OK;
}

int gp_redis_tally_read(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_tally_fn *fn, void *arg, int64_t *ret_since_s,
			struct gp_diag *diag)
{
	struct gp_redis_call *c = script_call(&gp_script_tallies, 0, 't', table, GP_STR(""));
	struct gp_batch *batch;
	int r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);

	if (r == GP_OK && (c->type != GP_REPLY_ARRAY || tally_each(c, fn, arg, ret_since_s) < 0))
		r = unexpected(diag);
	gp_batch_free(&batch);
	return r;
}
