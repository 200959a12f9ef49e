/*
 * Limits on Redis: one script for all that a call asks (scripts/limit.lua).  Calls are
 * pipelined by the connection.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/keys.h"
#include "lib/store/redis_int.h"

static const char *const modes[] = {
	[GP_LIMIT_LOOK] = "look",
	[GP_LIMIT_TAKE] = "take",
	[GP_LIMIT_COUNT] = "count",
};

struct request {
	struct gp_redis_request req;
	struct gp_limit_call *call;
};

static int read_answers(struct gp_limit_call *call, const struct gp_reply *reply)
{
	if (reply->type != GP_REPLY_ARRAY || reply->n != 3 * call->n)
		return GP_ESYS;
	for (size_t i = 0; i < call->n; i++) {
		const struct gp_reply *items = reply->items + 3 * i;

		call->takes[i].answer = (struct gp_limit_answer){
			.passed = items[0].integer == 1, .used = items[1].integer,
			.retry_ms = items[2].integer};
	}
	return GP_OK;
}

static void answer(struct gp_redis_request *req, int result, const struct gp_reply *reply,
		   const struct gp_diag *diag)
{
	struct gp_limit_call *call = ((struct request *)req)->call;

	if (reply)
		result = read_answers(call, reply);
	gp_store_limit_done(call, result, diag);
}

static void add_key(struct gp_buf *command, const struct gp_limit_call *call, char kind,
		    const unsigned char *hash)
{
	GP_BUF_AUTO name = GP_BUF_INIT(256);

	gp_keys_limit(kind, gp_str(call->table), hash, &name);
	gp_redis_arg(command, gp_buf_str(&name));
}

static void add_keys(struct gp_buf *command, const struct gp_limit_call *call, size_t n_keys)
{
	gp_redis_arg_int(command, (int64_t)n_keys);
	for (size_t i = 0; i < call->n; i++)
		add_key(command, call, 'q', gp_limit_call_key(call, i));
	for (size_t i = 0; i < call->n; i++)
		if (gp_limit_call_member(call, i))
			add_key(command, call, 'm', gp_limit_call_member(call, i));
}

static void add_take(struct gp_buf *command, const struct gp_limit_take *t, size_t mark)
{
	gp_redis_arg_int(command, t->limit.kind == GP_LIMIT_GCRA);
	gp_redis_arg_int(command, t->limit.max);
	gp_redis_arg_int(command, t->limit.window_ms);
	gp_redis_arg_int(command, t->limit.burst);
	gp_redis_arg_int(command, t->amount);
	gp_redis_arg_int(command, (int64_t)mark);
}

void gp_redis_limit_start(struct gp_store *st, struct gp_limit_call *call)
{
	struct request *r = gp_xcalloc(1, sizeof(*r));
	struct gp_buf *command = &r->req.command;
	size_t n_keys = call->n, mark = call->n;

	for (size_t i = 0; i < call->n; i++)
		n_keys += gp_limit_call_member(call, i) != NULL;
	*r = (struct request){.call = call};
	r->req.answer = answer;
	r->req.deadline_ms = call->deadline_ms;
	r->req.script = &gp_script_limit;
	r->req.script_args = 1 + n_keys + 3 + 6 * call->n;
	gp_buf_init(command, GP_REDIS_COMMAND_MAX);
	add_keys(command, call, n_keys);
	gp_redis_arg_int(command, call->now_ms);
	gp_redis_arg(command, gp_str(modes[call->mode]));
	gp_redis_arg_int(command, (int64_t)call->n);
	for (size_t i = 0; i < call->n; i++)
		add_take(command, &call->takes[i], gp_limit_call_member(call, i) ? ++mark : 0);
	call->extra = r;
	call->free_extra = free;
	gp_redis_send(gp_redis_of(st)->conn, &r->req);
}
