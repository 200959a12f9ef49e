/*
 * Answers what a worker that scans asks; see the header.
 *
 * Questions go to store and resolver as jobs of one batch, whose descriptor tells when
 * one is done; then all open ones are looked at, which are a few dozen.
 */
#include "controller/ask_serve.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/ask_wire.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"

#define READ_SIZE 65536
/* Of one message: what rules and authentication may look up, and a few look-ups of tokens. */
#define QUESTIONS_MAX (GP_MAX_RULE_LOOKUPS + GP_MAX_AUTH_LOOKUPS + 16)
/* Answers that the worker has not read yet. */
#define OUT_MAX ((size_t)8 << 20)

struct question {
	uint32_t id;
	struct gp_dns_question *name; /* one of the two */
	struct gp_bayes_lookup *lookup;
	size_t n; /* tokens */
};

struct ask_server {
	struct ask_sources sources;
	int fd;
	struct gp_watch *watch, *done_watch;
	struct gp_batch *batch;
	struct gp_arena *arena;
	GP_VEC(struct question) open;
	unsigned asked;
	struct gp_buf in, out;
};

/* The socket ends; the server itself waits for its owner. */
static void hang_up(struct ask_server *s, const char *why)
{
	if (why)
		gp_log_warning("a worker that scans %s", why);
	gp_watch_free(&s->watch);
	gp_watch_free(&s->done_watch);
	gp_fd_close(&s->fd);
}

static void flush(struct ask_server *s)
{
	while (s->fd >= 0 && s->out.len) {
		ssize_t n = send(s->fd, s->out.data, s->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			hang_up(s, NULL);
			return;
		}
		if (n < 0)
			break;
		gp_buf_consume(&s->out, (size_t)n);
	}
	if (s->fd >= 0)
		gp_watch_set(s->watch, GP_IO_READ | (s->out.len ? GP_IO_WRITE : 0));
}

static void answer_name(struct ask_server *s, const struct question *q)
{
	struct gp_dns_answer answer = {0};
	struct gp_arena *scratch = gp_arena_new(0);
	size_t before = s->out.len;
	int r = gp_dns_finish(q->name, scratch, &answer);

	ask_put_records(&s->out, q->id, r, &answer);
	if (s->out.len - before > ASK_FRAME_MAX) { /* absurd: as good as none */
		s->out.len = before;
		ask_put_records(&s->out, q->id, GP_ETEMP, &(struct gp_dns_answer){0});
	}
	gp_arena_free(scratch);
}

static void answer_lookup(struct ask_server *s, const struct question *q)
{
	struct gp_bayes_count *counts = gp_xcalloc(q->n + 1, sizeof(*counts));
	struct gp_bayes_totals totals = {0};
	int r = gp_store_bayes_finish(q->lookup, counts, &totals);

	ask_put_counts(&s->out, q->id, r, &totals, counts, q->n);
	free(counts);
}

/* Those that are done leave the list. */
static void collect(struct ask_server *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->open.len; i++) {
		struct question *q = &s->open.items[i];

		if (!(q->name ? gp_job_is_done(&q->name->job) : gp_store_bayes_is_done(q->lookup)))
			s->open.items[kept++] = *q;
		else if (q->name)
			answer_name(s, q);
		else
			answer_lookup(s, q);
	}
	s->open.len = kept;
	if (gp_buf_error(&s->out))
		hang_up(s, "does not read its answers");
	else
		flush(s);
}

static bool ask_store(struct ask_server *s, const struct ask_frame *f)
{
	struct ask_tokens t;
	uint64_t *tokens;

	if (ask_get_tokens(f->payload, &t))
		return false;
	tokens = gp_xmalloc(t.tokens.len + 1); /* aligned */
	if (t.n)
		memcpy(tokens, t.tokens.ptr, t.tokens.len);
	*gp_vec_push(s->arena, &s->open) = (struct question){
		.id = f->id,
		.n = t.n,
		.lookup = gp_store_bayes_begin(s->sources.store, s->batch, t.scope,
					       t.n ? tokens : NULL, t.n),
	};
	free(tokens);
	return true;
}

static bool ask_dns(struct ask_server *s, const struct ask_frame *f)
{
	enum gp_dns_type type;
	struct gp_str name;

	if (ask_get_name(f->payload, &type, &name))
		return false;
	if (!s->sources.resolver) {
		ask_put_records(&s->out, f->id, GP_ETEMP, &(struct gp_dns_answer){0});
		return true;
	}
	*gp_vec_push(s->arena, &s->open) = (struct question){
		.id = f->id,
		.name = gp_dns_begin(s->sources.resolver, s->batch, name, type),
	};
	return true;
}

/* False: hang up. */
static bool take_questions(struct ask_server *s)
{
	struct ask_frame f;
	long n;

	while ((n = ask_parse(gp_buf_str(&s->in), &f)) > 0) {
		if (++s->asked > QUESTIONS_MAX)
			return false;
		if (!(f.type == ASK_TOKENS ? ask_store(s, &f)
		      : f.type == ASK_NAME ? ask_dns(s, &f)
					   : false))
			return false;
		gp_buf_consume(&s->in, (size_t)n);
	}
	return n == 0;
}

static void on_socket(void *arg, unsigned events)
{
	struct ask_server *s = arg;
	char *room = gp_buf_reserve(&s->in, READ_SIZE);
	ssize_t n;

	if (events & GP_IO_READ) {
		n = room ? recv(s->fd, room, READ_SIZE, MSG_DONTWAIT) : 0;
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			hang_up(s, NULL); /* its message is done, or it died */
			return;
		}
		if (n > 0)
			s->in.len += (size_t)n;
		if (!take_questions(s)) {
			hang_up(s, "asks what may not be asked");
			return;
		}
	}
	collect(s);
}

static void on_done(void *arg, unsigned events)
{
	struct ask_server *s = arg;
	uint64_t count;
	ssize_t n = read(gp_batch_event_fd(s->batch), &count, sizeof(count));

	(void)events;
	(void)n;
	collect(s);
}

int ask_serve_open(const struct ask_sources *sources, int64_t deadline_ms, struct ask_server **ret,
		   int *ret_fd)
{
	struct ask_server *s;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return GP_ESYS;
	s = gp_xcalloc(1, sizeof(*s));
	s->sources = *sources;
	s->fd = pair[0];
	s->arena = gp_arena_new(0);
	s->batch = gp_batch_new(deadline_ms);
	gp_buf_init(&s->in, ASK_FRAME_MAX + 4 + READ_SIZE);
	gp_buf_init(&s->out, OUT_MAX);
	s->watch = gp_loop_watch_fd(s->sources.loop, s->fd, GP_IO_READ, on_socket, s);
	if (gp_batch_event_fd(s->batch) >= 0)
		s->done_watch = gp_loop_watch_fd(s->sources.loop, gp_batch_event_fd(s->batch),
						 GP_IO_READ, on_done, s);
	if (!s->watch || !s->done_watch) {
		ask_serve_close(&s);
		gp_fd_close(&pair[1]);
		return GP_ESYS;
	}
	*ret = s;
	*ret_fd = pair[1];
	return GP_OK;
}

void ask_serve_close(struct ask_server **server)
{
	struct ask_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	hang_up(s, NULL);
	gp_batch_free(&s->batch);
	gp_arena_free(s->arena);
	gp_buf_done(&s->in);
	gp_buf_done(&s->out);
	free(s);
}
