/*
 * hiredis' reply reader with object functions of ours; see the header.
 *
 * The reader calls back for each object of an answer, parents first, and gives
 * it the place of its parent.  What differs between hiredis 0.14 and 1.x is the
 * type of an array's size, and types of RESP3 that we never ask for.
 */
#include "lib/store/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "lib/base/arena.h"
#include "lib/base/mem.h"

/* An answer's size is what we asked for: at most a look-up's buckets. */
#define ITEMS_MAX 200000
#define UNREAD_MAX (128u << 20)

#if HIREDIS_MAJOR >= 1
typedef size_t array_size;
#else
typedef int array_size;
#endif

struct gp_reply_reader {
	redisReader *reader;
	struct gp_arena *arena;
	bool is_delivered; /* the arena holds an answer that was given out */
};

static struct gp_reply *place(const redisReadTask *task, enum gp_reply_type type)
{
	struct gp_reply_reader *r = task->privdata;
	struct gp_reply *reply;

	if (task->parent)
		reply = &((struct gp_reply *)task->parent->obj)->items[task->idx];
	else
		reply = GP_ARENA_NEW(r->arena, struct gp_reply);
	*reply = (struct gp_reply){.type = type};
	return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
	struct gp_reply_reader *r = task->privdata;
	struct gp_reply *reply =
		place(task, task->type == REDIS_REPLY_ERROR ? GP_REPLY_ERROR : GP_REPLY_STRING);

	reply->str = gp_arena_str(r->arena, gp_str_n(text, len));
	return reply;
}

static void *make_array(const redisReadTask *task, array_size n)
{
	struct gp_reply_reader *r = task->privdata;
	struct gp_reply *reply;

	if ((size_t)n > ITEMS_MAX)
		return NULL; /* the reader reports it as out of memory */
	reply = place(task, GP_REPLY_ARRAY);
	reply->n = (size_t)n;
	reply->items = GP_ARENA_NEW_N(r->arena, reply->n + 1, struct gp_reply);
	return reply;
}

static void *make_integer(const redisReadTask *task, long long value)
{
	struct gp_reply *reply = place(task, GP_REPLY_INTEGER);

	reply->integer = value;
	return reply;
}

static void *make_nil(const redisReadTask *task)
{
	return place(task, GP_REPLY_NIL);
}

static void leave_to_arena(void *object)
{
}

static redisReplyObjectFunctions functions = {
	.createString = make_string,
	.createArray = make_array,
	.createInteger = make_integer,
	.createNil = make_nil,
	.freeObject = leave_to_arena,
};

struct gp_reply_reader *gp_reply_reader_new(void)
{
	struct gp_reply_reader *r = gp_xcalloc(1, sizeof(*r));

	r->arena = gp_arena_new(64 << 10);
	r->reader = redisReaderCreateWithFunctions(&functions);
	if (!r->reader)
		abort(); /* out of memory, as gp_xmalloc */
	r->reader->privdata = r;
	/* Keeps its buffer between answers. */
	r->reader->maxbuf = 1 << 20;
	return r;
}

void gp_reply_reader_free(struct gp_reply_reader **reader)
{
	struct gp_reply_reader *r = *reader;

	*reader = NULL;
	if (!r)
		return;
	redisReaderFree(r->reader);
	gp_arena_free(r->arena);
	free(r);
}

int gp_reply_reader_feed(struct gp_reply_reader *r, const char *data, size_t len,
			 struct gp_diag *diag)
{
	if (redisReaderFeed(r->reader, data, len) != REDIS_OK ||
	    r->reader->len - r->reader->pos > UNREAD_MAX) {
		gp_diag_set(diag, "not Redis' protocol: an endless answer");
		return GP_ESYS;
	}
	return GP_OK;
}

int gp_reply_reader_next(struct gp_reply_reader *r, const struct gp_reply **ret,
			 struct gp_diag *diag)
{
	void *reply = NULL;

	if (r->is_delivered)
		gp_arena_reset(r->arena);
	r->is_delivered = false;
	if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
		gp_diag_set(diag, "not Redis' protocol: %s", r->reader->errstr);
		return GP_ESYS;
	}
	r->is_delivered = reply != NULL;
	*ret = reply;
	return GP_OK;
}
