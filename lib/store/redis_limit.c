/*
 * Limits on Redis: one script for all that a call asks (scripts/limit.lua).  Calls are
 * pipelined by the connection.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
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

	call->was_asked = req->was_sent;
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

/* Which of the script's keys, from 1, is the mark of each name of each take; 0: it has none. */
struct numbers {
	size_t of[GP_LIMIT_TAKES_MAX][GP_LIMIT_NAMES];
	size_t n;
};

/* All rows stand before all members, and these before the others. */
static void number_keys(const struct gp_limit_call *call, struct numbers *ret)
{
	ret->n = 0;
	for (enum gp_limit_name name = GP_LIMIT_KEY; name < GP_LIMIT_NAMES; name++)
		for (size_t i = 0; i < call->n; i++) {
			bool is_same = name >= GP_LIMIT_WHOLE && gp_limit_call_is_same(call, i, name);
			bool has = gp_limit_call_hash(call, i, name) != NULL;

			ret->of[i][name] = is_same ? ret->of[i - 1][name] : has ? ++ret->n : 0;
		}
}

static void add_keys(struct gp_buf *command, const struct gp_limit_call *call,
		     const struct numbers *numbers)
{
	static const char kinds[GP_LIMIT_NAMES] = {
		[GP_LIMIT_KEY] = 'q', [GP_LIMIT_MEMBER] = 'm', [GP_LIMIT_WHOLE] = 'n', [GP_LIMIT_PART] = 'n'};
	size_t n = 0;

	gp_redis_arg_int(command, (int64_t)numbers->n);
	for (enum gp_limit_name name = GP_LIMIT_KEY; name < GP_LIMIT_NAMES; name++)
		for (size_t i = 0; i < call->n; i++)
			if (numbers->of[i][name] > n) {
				add_key(command, call, kinds[name], gp_limit_call_hash(call, i, name));
				n++;
			}
}

/* How many arguments a take needs: 3; 4 if something has a name, 5 if something is told late. */
static size_t stride_of(const struct gp_limit_call *call)
{
	size_t stride = 3;

	for (size_t i = 0; i < call->n; i++) {
		if (call->takes[i].age_ms > 0)
			return 5;
		if (call->takes[i].whole.len > 0)
			stride = 4;
	}
	return stride;
}

static void add_names(struct gp_buf *command, const struct gp_limit_call *call, size_t i,
		      const size_t (*numbers)[GP_LIMIT_NAMES])
{
	const size_t *mine = numbers[i];
	char text[64];
	bool is_same = i > 0 && mine[GP_LIMIT_WHOLE] == numbers[i - 1][GP_LIMIT_WHOLE] &&
		       mine[GP_LIMIT_PART] == numbers[i - 1][GP_LIMIT_PART] &&
		       call->takes[i].before == call->takes[i - 1].before;

	if (is_same)
		gp_redis_arg(command, GP_STR(""));
	else if (mine[GP_LIMIT_WHOLE] == 0)
		gp_redis_arg_int(command, 0);
	else
		gp_redis_arg(command, gp_str_n(text, (size_t)snprintf(text, sizeof(text), "%zu %zu %lld",
								      mine[GP_LIMIT_WHOLE],
								      mine[GP_LIMIT_PART],
								      (long long)call->takes[i].before)));
}

static void add_take(struct gp_buf *command, const struct gp_limit_call *call, size_t i,
		     const struct numbers *numbers, size_t stride)
{
	const struct gp_limit_take *t = &call->takes[i];

	gp_redis_arg(command, gp_limit_call_head(call, i));
	gp_redis_arg_int(command, t->amount);
	gp_redis_arg_int(command, (int64_t)numbers->of[i][GP_LIMIT_MEMBER]);
	if (stride >= 4)
		add_names(command, call, i, numbers->of);
	if (stride >= 5)
		gp_redis_arg_int(command, t->age_ms);
}

void gp_redis_limit_start(struct gp_store *st, struct gp_limit_call *call)
{
	struct request *r = gp_xcalloc(1, sizeof(*r));
	struct gp_buf *command = &r->req.command;
	size_t stride = stride_of(call);
	struct numbers numbers;

	number_keys(call, &numbers);
	*r = (struct request){.call = call};
	r->req.answer = answer;
	r->req.deadline_ms = call->deadline_ms;
	r->req.script = &gp_script_limit;
	r->req.script_args = 1 + numbers.n + 3 + stride * call->n;
	gp_buf_init(command, GP_REDIS_COMMAND_MAX);
	add_keys(command, call, &numbers);
	gp_redis_arg_int(command, call->now_ms);
	gp_redis_arg(command, gp_str(stride == 5 ? "late" : modes[call->mode]));
	gp_redis_arg_int(command, (int64_t)stride);
	for (size_t i = 0; i < call->n; i++)
		add_take(command, call, i, &numbers, stride);
	call->extra = r;
	call->free_extra = free;
	gp_redis_send(gp_redis_of(st)->conn, &r->req);
}

/* Administration. */

/* Keys looked at by one SCAN: five milliseconds, in which Redis does nothing else.  Most are
 * names of messages, which it passes over. */
#define SCAN_COUNT 2000

struct walk {
	uint64_t cursor;
	bool is_over; /* fn wants no more */
	bool (*fn)(void *arg, struct gp_str row, int64_t now_ms);
	void *arg;
};

/* The cursor, the clock, then rows. */
static int read_rows(const struct gp_redis_call *c, struct walk *w)
{
	const char *at = gp_buf_cstr(&c->text);
	int64_t now_ms;

	if (c->type != GP_REPLY_ARRAY || c->n < 2 ||
	    gp_num_parse_uint(gp_str_n(at, c->lens[0]), 10, &w->cursor) < 0 ||
	    gp_num_parse_int(gp_str_n(at + c->lens[0], c->lens[1]), &now_ms) < 0)
		return GP_ESYS;
	at += c->lens[0] + c->lens[1];
	for (size_t i = 2; i < c->n && !w->is_over; at += c->lens[i++])
		w->is_over = !w->fn(w->arg, gp_str_n(at, c->lens[i]), now_ms);
	return GP_OK;
}

static int walk_step(struct gp_store *st, struct gp_str table, int64_t deadline_ms, struct walk *w,
		     struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(&gp_script_limits, 1 + 3);
	GP_BUF_AUTO pattern = GP_BUF_INIT(256);
	struct gp_batch *batch;
	int r;

	gp_keys_limit_pattern(table, &pattern);
	gp_redis_arg_int(&c->req.command, 0);
	gp_redis_arg_int(&c->req.command, (int64_t)w->cursor);
	gp_redis_arg(&c->req.command, gp_buf_str(&pattern));
	gp_redis_arg_int(&c->req.command, SCAN_COUNT);
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK)
		r = read_rows(c, w);
	gp_batch_free(&batch);
	return r;
}

int gp_redis_limit_each(struct gp_store *st, struct gp_str table, int64_t deadline_ms,
			bool (*fn)(void *arg, struct gp_str row, int64_t now_ms), void *arg,
			struct gp_diag *diag)
{
	struct walk w = {.fn = fn, .arg = arg};
	int r;

	do
		r = walk_step(st, table, deadline_ms, &w, diag);
	while (r == GP_OK && !w.is_over && w.cursor != 0);
	return r;
}

int gp_redis_limit_reset(struct gp_store *st, struct gp_str table,
			 const unsigned char (*hashes)[GP_KEYS_HASH], size_t n, int64_t deadline_ms,
			 size_t *ret_n, struct gp_diag *diag)
{
	struct gp_redis_call *c = gp_redis_call_new(NULL, 1 + n);
	struct gp_batch *batch;
	int r;

	gp_redis_arg(&c->req.command, GP_STR("UNLINK"));
	for (size_t i = 0; i < n; i++) {
		GP_BUF_AUTO name = GP_BUF_INIT(256);

		gp_keys_limit('q', table, hashes[i], &name);
		gp_redis_arg(&c->req.command, gp_buf_str(&name));
	}
	r = gp_redis_call_wait(st, c, deadline_ms, &batch, diag);
	if (r == GP_OK)
		*ret_n = (size_t)c->integer;
	gp_batch_free(&batch);
	return r;
}
