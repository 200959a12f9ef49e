/*
 * Greylisting on Redis: one script a try (scripts/greylist.lua), pipelined by the connection.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/redis_int.h"

struct request {
	struct gp_redis_request req;
	struct gp_greylist_call *call;
};

static void answer(struct gp_redis_request *req, int result, const struct gp_reply *reply,
		   const struct gp_diag *diag)
{
	struct gp_greylist_call *call = ((struct request *)req)->call;

	if (reply && (reply->type != GP_REPLY_ARRAY || reply->n != 5))
		result = GP_ESYS;
	else if (reply)
		call->state = (struct gp_greylist_state){.first_s = reply->items[0].integer,
							 .last_s = call->now_s,
							 .tries = (uint32_t)reply->items[1].integer,
							 .passed = reply->items[2].integer == 1,
							 .is_return = reply->items[3].integer == 1,
							 .is_allowed = reply->items[4].integer == 1};
	gp_store_greylist_done(call, result, diag);
}

void gp_redis_greylist_start(struct gp_store *st, struct gp_greylist_call *call)
{
	struct request *r = gp_xcalloc(1, sizeof(*r));
	struct gp_buf *command = &r->req.command;
	GP_BUF_AUTO key = GP_BUF_INIT(256);
	GP_BUF_AUTO who = GP_BUF_INIT(256);

	*r = (struct request){.call = call};
	r->req.answer = answer;
	r->req.deadline_ms = call->deadline_ms;
	r->req.script = &gp_script_greylist;
	r->req.script_args = 1 + 2 + 6;
	gp_buf_init(command, GP_REDIS_COMMAND_MAX);
	gp_keys_greylist(gp_str(call->table), call->who, call->hash, &key);
	gp_keys_greylist(gp_str(call->table), call->who, NULL, &who);
	gp_redis_arg_int(command, 2);
	gp_redis_arg(command, gp_buf_str(&key));
	gp_redis_arg(command, gp_buf_str(&who));
	gp_redis_arg_int(command, call->now_s);
	gp_redis_arg_int(command, call->rule.delay_s);
	gp_redis_arg_int(command, call->rule.retry_s);
	gp_redis_arg_int(command, call->rule.passed_s);
	gp_redis_arg_int(command, call->rule.allow_after);
	gp_redis_arg_int(command, call->rule.allow_s);
	call->extra = r;
	call->free_extra = free;
	gp_redis_send(gp_redis_of(st)->conn, &r->req);
}
