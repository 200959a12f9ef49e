/*
 * The connection to Redis; see the header.
 *
 * Everything but gp_redis_send() runs on the loop thread.  Answers come in the
 * order of the requests, so a queue of slots says whose turn it is; a request
 * that was answered otherwise (its deadline passed) leaves its slot empty, and
 * the late answer falls into it.
 */
#include "lib/store/redis_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define COMMAND_MAX (64u << 20)
/* A turn's requests beyond so many bytes do not wait for its end. */
#define OUT_SIZE 65536
/* Unanswered requests: more than any number of sessions has; a bound on memory. */
#define SLOTS_MAX 20000

enum state { DOWN, CONNECTING, GREETING, READY };

struct gp_redis_slot {
	struct gp_redis_request *req; /* NULL: a greeting's answer, or nobody waits any more */
	bool is_full_script;	      /* sent with its text */
	struct gp_redis_slot *next;
};

struct gp_redis_conn {
	struct gp_loop *loop;
	struct gp_redis_config config;
	enum state state;
	struct gp_sock *sock;
	struct gp_reply_reader *reader;
	struct gp_redis_slot *slots, **slots_tail; /* sent, not answered */
	size_t n_slots;
	struct gp_redis_request *waiting, **waiting_tail; /* until READY */
	size_t greetings;				  /* answers to come before READY */
	struct gp_buf out; /* requests of this turn of the loop; goes with `flush` */
	struct gp_call flush;
	bool is_flush_posted;
	struct gp_timer retry, patience;
	int64_t heard_ms; /* last byte, or when a request was sent into silence */
	struct gp_diag why;
};

/* Commands. */

/* A kind ("*" or "$"), a number, a line's end.  printf would cost more than all the rest. */
static void add_length(struct gp_buf *buf, char kind, uint64_t n)
{
	char text[24], *at = text + sizeof(text);

	*--at = '\n';
	*--at = '\r';
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	*--at = kind;
	gp_buf_add(buf, at, (size_t)(text + sizeof(text) - at));
}

void gp_redis_command(struct gp_buf *buf, size_t args)
{
	add_length(buf, '*', args);
}

void gp_redis_arg(struct gp_buf *buf, struct gp_str arg)
{
	add_length(buf, '$', arg.len);
	gp_buf_add_str(buf, arg);
	gp_buf_add(buf, "\r\n", 2);
}

void gp_redis_arg_int(struct gp_buf *buf, int64_t value)
{
	char text[24], *at = text + sizeof(text);
	uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	if (value < 0)
		*--at = '-';
	gp_redis_arg(buf, gp_str_n(at, (size_t)(text + sizeof(text) - at)));
}

/* Answering. */

static void answer(struct gp_redis_request *req, int result, const struct gp_reply *reply,
		   const struct gp_diag *why)
{
	if (req->slot)
		req->slot->req = NULL;
	gp_timer_clear(req->conn->loop, &req->timer);
	gp_buf_done(&req->command);
	req->answer(req, result, reply, why);
}

/* Error answers by their first word: whose fault is it? */
static int error_class(struct gp_str error)
{
	static const struct {
		struct gp_str word;
		int result;
	} words[] = {
		{{"OOM", 3}, GP_ETEMP},	      {{"LOADING", 7}, GP_ETEMP},
		{{"BUSY", 4}, GP_ETEMP},      {{"READONLY", 8}, GP_ETEMP},
		{{"MISCONF", 7}, GP_ETEMP},   {{"MASTERDOWN", 10}, GP_ETEMP},
		{{"NOREPLICAS", 10}, GP_ETEMP}, {{"CLUSTERDOWN", 11}, GP_ETEMP},
		{{"TRYAGAIN", 8}, GP_ETEMP},  {{"NOAUTH", 6}, GP_EACCES},
		{{"NOPERM", 6}, GP_EACCES},   {{"WRONGPASS", 9}, GP_EACCES},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
		if (gp_str_starts(error, words[i].word))
			return words[i].result;
	return GP_ESYS;
}

static struct gp_redis_slot *slot_add(struct gp_redis_conn *c, struct gp_redis_request *req)
{
	struct gp_redis_slot *slot = gp_xcalloc(1, sizeof(*slot));

	slot->req = req;
	if (req)
		req->slot = slot;
	if (!c->slots)
		c->heard_ms = gp_clock_mono_ms();
	*c->slots_tail = slot;
	c->slots_tail = &slot->next;
	c->n_slots++;
	if (c->patience.pos == 0)
		gp_timer_set(c->loop, &c->patience, c->heard_ms + c->config.timeout_ms);
	return slot;
}

static void out_write(struct gp_redis_conn *c)
{
	if (c->out.len > 0)
		gp_sock_write(c->sock, c->out.data, c->out.len);
	gp_buf_reset(&c->out);
}

/* A turn is over. */
static void flush(void *arg)
{
	struct gp_redis_conn *c = arg;

	c->is_flush_posted = false;
	if (c->state == READY)
		out_write(c);
}

static void write_request(struct gp_redis_conn *c, struct gp_redis_request *req, bool full_script)
{
	struct gp_redis_slot *slot = slot_add(c, req);
	const struct gp_script *script = req->script;

	slot->is_full_script = full_script;
	req->was_sent = true;
	if (script) {
		gp_redis_command(&c->out, 2 + req->script_args);
		gp_redis_arg(&c->out, full_script ? GP_STR("EVAL") : GP_STR("EVALSHA"));
		gp_redis_arg(&c->out, full_script ? gp_str_n(script->text, script->len)
						  : gp_str(script->sha1));
	}
	if (c->out.len + req->command.len > OUT_SIZE) {
		out_write(c);
		gp_sock_write(c->sock, req->command.data, req->command.len);
		return;
	}
	gp_buf_add(&c->out, req->command.data, req->command.len);
	if (!c->is_flush_posted)
		gp_loop_post(c->loop, &c->flush);
	c->is_flush_posted = true;
}

/* Connecting and breaking. */

static void connect_now(void *arg);

/* Fails everything open and goes down, or up again at once if it had been up. */
static void broken(struct gp_redis_conn *c, const struct gp_diag *why)
{
	bool was_ready = c->state == READY;
	struct gp_redis_slot *slots = c->slots;
	struct gp_redis_request *waiting = c->waiting;

	c->why = *why;
	/* Requests that come meanwhile wait for the next attempt, if there is one at once. */
	c->state = was_ready ? CONNECTING : DOWN;
	gp_sock_close(&c->sock);
	gp_buf_reset(&c->out);
	gp_reply_reader_free(&c->reader);
	gp_timer_clear(c->loop, &c->patience);
	c->slots = NULL;
	c->slots_tail = &c->slots;
	c->n_slots = 0;
	c->waiting = NULL;
	c->waiting_tail = &c->waiting;
	while (slots) {
		struct gp_redis_slot *slot = slots;

		slots = slot->next;
		if (slot->req) {
			struct gp_redis_request *req = slot->req;

			answer(req, GP_ETEMP, NULL, &c->why);
		}
		free(slot);
	}
	while (waiting) {
		struct gp_redis_request *req = waiting;

		waiting = req->next;
		answer(req, GP_ETEMP, NULL, &c->why);
	}
	gp_timer_set(c->loop, &c->retry,
		     gp_clock_mono_ms() + (was_ready ? 0 : c->config.retry_ms));
}

static void greet(struct gp_redis_conn *c)
{
	GP_BUF_AUTO out = GP_BUF_INIT(COMMAND_MAX);

	c->state = GREETING;
	c->greetings = 1;
	if (c->config.password) {
		gp_redis_command(&out, c->config.username ? 3 : 2);
		gp_redis_arg(&out, GP_STR("AUTH"));
		if (c->config.username)
			gp_redis_arg(&out, gp_str(c->config.username));
		gp_redis_arg(&out, gp_str(c->config.password));
		c->greetings++;
	}
	if (c->config.db != 0) {
		gp_redis_command(&out, 2);
		gp_redis_arg(&out, GP_STR("SELECT"));
		gp_redis_arg_int(&out, c->config.db);
		c->greetings++;
	}
	gp_redis_command(&out, 1);
	gp_redis_arg(&out, GP_STR("PING"));
	for (size_t i = 0; i < c->greetings; i++)
		(void)slot_add(c, NULL);
	gp_sock_write(c->sock, out.data, out.len);
	if (out.data)
		explicit_bzero(out.data, out.len);
}

static void greeted(struct gp_redis_conn *c)
{
	struct gp_redis_request *req = c->waiting;

	c->state = READY;
	c->waiting = NULL;
	c->waiting_tail = &c->waiting;
	while (req) {
		struct gp_redis_request *next = req->next;

		write_request(c, req, false);
		req = next;
	}
}

static void patience_over(void *arg)
{
	struct gp_redis_conn *c = arg;
	int64_t until = c->heard_ms + c->config.timeout_ms;
	struct gp_diag why;

	if (c->state != CONNECTING && !c->slots)
		return;
	if (gp_clock_mono_ms() < until) {
		gp_timer_set(c->loop, &c->patience, until);
		return;
	}
	gp_diag_set(&why, "no sign of life for %lld ms", (long long)c->config.timeout_ms);
	broken(c, &why);
}

/* One answer; false if the connection is gone. */
static bool answered(struct gp_redis_conn *c, const struct gp_reply *reply)
{
	struct gp_redis_slot *slot = c->slots;
	struct gp_redis_request *req;
	struct gp_diag why;
	bool full;

	if (!slot) {
		gp_diag_set(&why, "not Redis' protocol: an answer without a question");
		broken(c, &why);
		return false;
	}
	req = slot->req;
	full = slot->is_full_script;
	c->slots = slot->next;
	if (!c->slots)
		c->slots_tail = &c->slots;
	c->n_slots--;
	free(slot);
	if (req)
		req->slot = NULL;
	if (reply->type == GP_REPLY_ERROR)
		gp_diag_set(&why, "%.*s", GP_STR_FMT(reply->str));
	if (c->state == GREETING) {
		if (reply->type == GP_REPLY_ERROR) {
			broken(c, &why);
			return false;
		}
		if (--c->greetings == 0)
			greeted(c);
	} else if (!req) {
		return true; /* too late */
	} else if (reply->type != GP_REPLY_ERROR) {
		answer(req, GP_OK, reply, NULL);
	} else if (req->script && !full && gp_str_starts(reply->str, GP_STR("NOSCRIPT"))) {
		write_request(c, req, true);
	} else {
		answer(req, error_class(reply->str), NULL, &why);
	}
	return true;
}

static void sock_opened(void *arg)
{
	greet(arg);
}

static void sock_data(void *arg, const char *data, size_t len)
{
	struct gp_redis_conn *c = arg;
	const struct gp_reply *reply;
	struct gp_diag why;
	int r = gp_reply_reader_feed(c->reader, data, len, &why);

	c->heard_ms = gp_clock_mono_ms();
	while (r == GP_OK && (r = gp_reply_reader_next(c->reader, &reply, &why)) == GP_OK) {
		if (!reply || !answered(c, reply))
			return;
	}
	broken(c, &why);
}

static void sock_closed(void *arg, const struct gp_diag *why)
{
	struct gp_redis_conn *c = arg;

	c->sock = NULL; /* gone already */
	broken(c, why);
}

static void connect_now(void *arg)
{
	static const struct gp_sock_events events = {
		.opened = sock_opened, .data = sock_data, .closed = sock_closed};
	struct gp_redis_conn *c = arg;

	c->state = CONNECTING;
	c->reader = gp_reply_reader_new();
	c->heard_ms = gp_clock_mono_ms();
	gp_timer_set(c->loop, &c->patience, c->heard_ms + c->config.timeout_ms);
	c->sock = gp_sock_open(c->loop, &c->config.endpoint, &events, c);
}

/* Requests. */

static void overdue(void *arg)
{
	struct gp_redis_request *req = arg;
	struct gp_redis_conn *c = req->conn;
	struct gp_diag why;

	for (struct gp_redis_request **at = &c->waiting; *at; at = &(*at)->next) {
		if (*at != req)
			continue;
		*at = req->next;
		if (!*at)
			c->waiting_tail = at;
		break;
	}
	gp_diag_set(&why, "no answer before the deadline");
	answer(req, GP_ETEMP, NULL, &why);
}

static void submit(void *arg)
{
	struct gp_redis_request *req = arg;
	struct gp_redis_conn *c = req->conn;
	struct gp_diag full;

	req->next = NULL;
	req->slot = NULL;
	req->timer = (struct gp_timer){.fn = overdue, .arg = req};
	if (c->state == DOWN) {
		answer(req, GP_ETEMP, NULL, &c->why);
		return;
	}
	if (c->n_slots >= SLOTS_MAX || gp_buf_error(&req->command) < 0) {
		gp_diag_set(&full, "too many or too large requests at once");
		answer(req, GP_ETEMP, NULL, &full);
		return;
	}
	gp_timer_set(c->loop, &req->timer, req->deadline_ms);
	if (c->state == READY) {
		write_request(c, req, false);
		return;
	}
	*c->waiting_tail = req;
	c->waiting_tail = &req->next;
}

void gp_redis_send(struct gp_redis_conn *conn, struct gp_redis_request *req)
{
	req->conn = conn;
	req->call = (struct gp_call){.fn = submit, .arg = req};
	if (gp_loop_is_inside(conn->loop))
		submit(req);
	else
		gp_loop_post(conn->loop, &req->call);
}

/* Life. */

struct gp_redis_conn *gp_redis_open(struct gp_loop *loop, const struct gp_redis_config *config)
{
	struct gp_redis_conn *c = gp_xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->config = *config;
	c->slots_tail = &c->slots;
	c->waiting_tail = &c->waiting;
	gp_buf_init(&c->out, COMMAND_MAX);
	c->flush = (struct gp_call){.fn = flush, .arg = c};
	c->retry = (struct gp_timer){.fn = connect_now, .arg = c};
	c->patience = (struct gp_timer){.fn = patience_over, .arg = c};
	gp_loop_run_in(loop, connect_now, c);
	return c;
}

static void end(void *arg)
{
	struct gp_redis_conn *c = arg;
	struct gp_diag why;

	gp_diag_set(&why, "closing");
	c->state = DOWN; /* for good: what answers ask anew fails */
	broken(c, &why);
	gp_timer_clear(c->loop, &c->retry);
}

static void nothing(void *arg)
{
}

void gp_redis_close(struct gp_redis_conn **conn)
{
	struct gp_redis_conn *c = *conn;

	*conn = NULL;
	if (!c)
		return;
	gp_loop_run_in(c->loop, end, c);
	if (c->is_flush_posted) /* behind us in the loop's queue */
		gp_loop_run_in(c->loop, nothing, NULL);
	gp_buf_done(&c->out);
	free(c);
}
