/*
 * One call to Redis that waits: a job whose answer is copied out of the loop
 * thread's arena.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/redis_int.h"

static void call_destroy(struct gp_job *job)
{
	struct gp_redis_call *c = (struct gp_redis_call *)job;

	gp_buf_done(&c->text);
	free(c->lens);
	free(c);
}

static void copy_items(struct gp_redis_call *c, const struct gp_reply *reply)
{
	c->n = reply->n;
	c->lens = gp_xreallocarray(NULL, reply->n + 1, sizeof(*c->lens));
	for (size_t i = 0; i < reply->n; i++) {
		c->lens[i] = reply->items[i].str.len;
		gp_buf_add_str(&c->text, reply->items[i].str);
	}
}

static void call_answer(struct gp_redis_request *req, int result, const struct gp_reply *reply,
			const struct gp_diag *diag)
{
	struct gp_redis_call *c =
		(struct gp_redis_call *)(void *)((char *)req - offsetof(struct gp_redis_call, req));

	if (reply) {
		c->type = reply->type;
		c->integer = reply->integer;
		if (reply->type == GP_REPLY_ARRAY)
			copy_items(c, reply);
		else
			gp_buf_add_str(&c->text, reply->str);
		if (gp_buf_error(&c->text) < 0)
			result = GP_ELIMIT;
	}
	if (diag)
		c->diag = *diag;
	gp_job_finish(&c->job, result);
}

struct gp_redis_call *gp_redis_call_new(const struct gp_script *script, size_t args)
{
	struct gp_redis_call *c = gp_xcalloc(1, sizeof(*c));

	gp_buf_init(&c->text, GP_REDIS_COMMAND_MAX);
	gp_buf_init(&c->req.command, GP_REDIS_COMMAND_MAX);
	c->req.answer = call_answer;
	c->req.script = script;
	c->req.script_args = args;
	if (!script)
		gp_redis_command(&c->req.command, args);
	return c;
}

int gp_redis_call_wait(struct gp_store *st, struct gp_redis_call *c, int64_t deadline_ms,
		       struct gp_batch **ret_batch, struct gp_diag *diag)
{
	int r;

	*ret_batch = gp_batch_new(deadline_ms);
	c->req.deadline_ms = deadline_ms;
	gp_job_init(&c->job, *ret_batch, call_destroy);
	gp_redis_send(gp_redis_of(st)->conn, &c->req);
	r = gp_job_wait(&c->job);
	if (r < 0 && gp_job_is_done(&c->job))
		gp_diag_set(diag, "%s", c->diag.text);
	return r;
}
