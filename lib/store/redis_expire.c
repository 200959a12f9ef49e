/*
 * Forgetting on Redis: a step is one script that only ever makes things smaller, and whose
 * first change is a deletion: Redis lets such a script go on when it is out of memory.
 */
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/store/keys.h"
#include "lib/store/redis_int.h"

/* Keys looked at by one SCAN. */
#define SCAN_COUNT 1000

static struct gp_redis_call *tokens_call(struct gp_str scope, const struct gp_expiry_step *step)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_expire, 2 + 6);
	GP_BUF_AUTO key = GP_BUF_INIT(4 * GP_STORE_SCOPE_MAX);

	gp_keys_scope(scope, &key);
	gp_buf_add_chr(&key, 'm');
	gp_redis_arg(&c->req.command, GP_STR("1"));
	gp_redis_arg(&c->req.command, gp_buf_str(&key));
	gp_redis_arg(&c->req.command, gp_str_n(key.data, key.len - 1));
	gp_redis_arg_int(&c->req.command, gp_redis_digits(gp_keys_bits(scope)));
	gp_redis_arg_int(&c->req.command, step->from);
	gp_redis_arg_int(&c->req.command, step->n);
	gp_redis_arg_int(&c->req.command, step->count_max);
	gp_redis_arg_int(&c->req.command, step->before);
	return c;
}

static struct gp_redis_call *digests_call(struct gp_str scope, const struct gp_expiry_step *step)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_forget, 2 + 4);
	GP_BUF_AUTO prefix = GP_BUF_INIT(4 * GP_STORE_SCOPE_MAX);

	gp_keys_scope(scope, &prefix);
	gp_redis_arg(&c->req.command, GP_STR("1"));
	gp_redis_arg(&c->req.command, gp_buf_str(&prefix));
	gp_redis_arg_int(&c->req.command, step->from);
	gp_redis_arg_int(&c->req.command, step->n);
	gp_redis_arg_int(&c->req.command, step->before);
	gp_redis_arg_int(&c->req.command, step->today);
	return c;
}

int gp_redis_bayes_expire(struct gp_store *st, struct gp_str scope,
			  const struct gp_expiry_step *step, int64_t deadline_ms,
			  uint64_t *ret_forgotten, struct gp_diag *diag)
{
	struct gp_redis_call *c = step->is_digests ? digests_call(scope, step)
						   : tokens_call(scope, step);
	struct gp_batch *batch;
	int r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);

	if (r == GP_OK)
		*ret_forgotten = (uint64_t)c->integer;
	gp_batch_free(&batch);
	if (!step->is_digests)
		gp_cache_touch(gp_redis_of(st)->cache, scope);
	return r;
}

/* "gp1{b:SCOPE}m" to the scope's name; false if it is none of ours. */
static bool decode_scope(struct gp_str key, struct gp_buf *ret)
{
	const struct gp_str before = GP_STR("gp" GP_KEYS_VERSION_TEXT "{b:"), after = GP_STR("}m");

	if (!gp_str_starts(key, before) || key.len < before.len + after.len)
		return false;
	key = gp_str_sub(key, before.len, key.len - before.len - after.len);
	for (size_t i = 0; i < key.len; i++) {
		uint64_t byte;

		if (key.ptr[i] != '%') {
			gp_buf_add_chr(ret, key.ptr[i]);
			continue;
		}
		if (gp_num_parse_uint(gp_str_sub(key, i + 1, 2), 16, &byte) < 0)
			return false;
		gp_buf_add_chr(ret, (char)byte);
		i += 2;
	}
	return gp_buf_error(ret) == GP_OK;
}

/* One SCAN: the cursor, then keys.  *ret_more becomes false when fn wants no more. */
static int scan(struct gp_store *st, uint64_t *cursor, int64_t deadline_ms, gp_store_item_fn *fn,
		void *arg, bool *ret_more, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_scan, 1 + 3);
	struct gp_batch *batch;
	size_t at = 0;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("0"));
	gp_redis_arg_int(&c->req.command, (int64_t)*cursor);
	gp_redis_arg(&c->req.command, GP_STR("gp" GP_KEYS_VERSION_TEXT "{b:*}m"));
	gp_redis_arg_int(&c->req.command, SCAN_COUNT);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	for (size_t i = 0; r == GP_OK && *ret_more && i < c->n; at += c->lens[i++]) {
		struct gp_str item = gp_str_n(gp_buf_cstr(&c->text) + at, c->lens[i]);
		GP_BUF_AUTO scope = GP_BUF_INIT(GP_STORE_SCOPE_MAX);

		if (i == 0)
			r = gp_num_parse_uint(item, 10, cursor);
		else if (decode_scope(item, &scope))
			*ret_more = fn(arg, gp_buf_str(&scope));
	}
	gp_batch_free(&batch);
	return r;
}

int gp_redis_bayes_scopes(struct gp_store *st, int64_t deadline_ms, gp_store_item_fn *fn, void *arg,
			  struct gp_diag *diag)
{
	uint64_t cursor = 0;
	bool more = true;
	int r;

	do
		r = scan(st, &cursor, deadline_ms, fn, arg, &more, diag);
	while (r == GP_OK && more && cursor != 0);
	return r;
}
