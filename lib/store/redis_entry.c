/*
 * Entries on Redis: a hash per table, changed and read by scripts (entry.lua, entries.lua).
 */
#include "lib/base/num.h"
#include "lib/store/redis_int.h"

static void add_key(struct gp_redis_call *c, struct gp_str table)
{
	GP_BUF_AUTO name = GP_BUF_INIT(256);

	gp_keys_redis('e', table, GP_STR(""), &name);
	gp_redis_arg_int(&c->req.command, 1);
	gp_redis_arg(&c->req.command, gp_buf_str(&name));
}

int gp_redis_entry_change(struct gp_store *st, struct gp_str table,
			  const struct gp_entry_change *change, int64_t deadline_ms, bool *ret_done,
			  struct gp_diag *diag)
{
	static const char *const kinds[] = {
		[GP_ENTRY_PUT] = "put", [GP_ENTRY_ADD] = "add", [GP_ENTRY_DROP] = "drop"};
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_entry, 2 + 5);
	struct gp_batch *batch;
	int r;

	add_key(c, table);
	gp_redis_arg(&c->req.command, gp_str(kinds[change->kind]));
	gp_redis_arg(&c->req.command, change->name);
	gp_redis_arg(&c->req.command, change->value);
	gp_redis_arg_int(&c->req.command, change->ttl_s);
	gp_redis_arg_int(&c->req.command, GP_ENTRIES_MAX);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK) {
		*ret_done = c->integer == 1;
		r = c->integer < 0 ? GP_ELIMIT : GP_OK;
	}
	gp_batch_free(&batch);
	return r;
}

int gp_redis_entry_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			gp_store_entry_fn *fn, void *arg, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_entries, 2);
	struct gp_batch *batch;
	const char *at;
	int r;

	add_key(c, table);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	at = r == GP_OK ? gp_buf_cstr(&c->text) : "";
	for (size_t i = 0; r == GP_OK && i + 2 < c->n; i += 3) {
		struct gp_str words[3];
		struct gp_entry entry = {0};

		for (size_t k = 0; k < 3; k++) {
			words[k] = gp_str_n(at, c->lens[i + k]);
			at += c->lens[i + k];
		}
		entry.name = words[0];
		entry.value = words[2];
		if (gp_num_parse_int(words[1], &entry.left_s) < 0)
			r = GP_ESYS;
		else if (!fn(arg, &entry))
			break;
	}
	gp_batch_free(&batch);
	return r;
}
