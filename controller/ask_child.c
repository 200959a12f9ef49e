/*
 * The worker's side of its questions; see the header.
 *
 * Questions in flight stand in a list under a lock, with the id under which they were
 * asked.  A question that its asker gave up (deadline) stays there until its answer comes
 * or the message ends: the job's second reference keeps it alive.
 */
#include "controller/ask_child.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/ask_wire.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/store/store_int.h"

#define READ_SIZE 65536

struct pending {
	struct pending *next;
	uint32_t id;
	struct gp_dns_question *question; /* one of the two */
	struct gp_bayes_lookup *lookup;
};

static struct {
	pthread_mutex_t lock; /* guards what follows, and writing */
	pthread_cond_t changed; /* fd was set or taken away */
	int fd;			/* -1: no message is being judged */
	bool is_reading; /* the thread has begun: what that takes is not allowed later */
	bool is_ending;
	struct pending *asked;
	uint32_t last_id;
} ask = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fd = -1};

/* Without the controller there is nothing to do. */
static GP_NORETURN void give_up(void)
{
	_exit(0);
}

/* Under the lock. */
static void send_frame(struct gp_buf *frame)
{
	if (gp_buf_error(frame) || gp_fd_write_all(ask.fd, frame->data, frame->len) < 0)
		give_up();
}

/* Under the lock: remembers who asks, and gives the id. */
static uint32_t note(struct gp_dns_question *q, struct gp_bayes_lookup *l)
{
	struct pending *p = gp_xcalloc(1, sizeof(*p));

	*p = (struct pending){ask.asked, ++ask.last_id, q, l};
	ask.asked = p;
	return p->id;
}

static struct pending *find(uint32_t id)
{
	struct pending *found = NULL;

	pthread_mutex_lock(&ask.lock);
	for (struct pending **at = &ask.asked; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			found = *at;
			*at = found->next;
			break; /* before the step: *at is the next one already */
		}
	pthread_mutex_unlock(&ask.lock);
	return found;
}

/* Answers. */

static void end_pending(struct pending *p, const struct ask_frame *f)
{
	int result = GP_ETEMP, r = GP_OK;

	if (p->lookup && f && f->type == ASK_COUNTS)
		r = ask_get_counts(f->payload, p->lookup->n, &result, &p->lookup->totals,
				   p->lookup->counts);
	else if (p->question && f && f->type == ASK_RECORDS)
		r = ask_get_records(f->payload, p->question->arena, &result, &p->question->answer);
	else if (f)
		r = GP_EINVAL;
	if (r)
		give_up();
	if (p->lookup)
		gp_store_lookup_done(p->lookup, result, NULL);
	else
		gp_dns_answered(p->question, result);
	free(p);
}

static void hear(const struct ask_frame *f)
{
	struct pending *p = find(f->id);

	if (p) /* else of a message before */
		end_pending(p, f);
}

/* Until the end of the socket. */
static void read_socket(int fd, struct gp_buf *in)
{
	struct ask_frame frame;
	long len = 0;

	while (len >= 0) {
		char *room = gp_buf_reserve(in, READ_SIZE);
		ssize_t n = room ? read(fd, room, READ_SIZE) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		in->len += (size_t)n;
		while ((len = ask_parse(gp_buf_str(in), &frame)) > 0) {
			hear(&frame);
			gp_buf_consume(in, (size_t)len);
		}
	}
}

static void *read_answers(void *arg)
{
	struct gp_buf in = GP_BUF_INIT(ASK_FRAME_MAX + 4 + READ_SIZE);

	(void)arg;
	pthread_mutex_lock(&ask.lock);
	ask.is_reading = true;
	pthread_cond_broadcast(&ask.changed);
	for (;;) {
		int fd;

		while (ask.fd < 0)
			pthread_cond_wait(&ask.changed, &ask.lock);
		fd = ask.fd;
		pthread_mutex_unlock(&ask.lock);
		gp_buf_reset(&in);
		read_socket(fd, &in);
		pthread_mutex_lock(&ask.lock);
		if (!ask.is_ending)
			give_up();
		gp_fd_close(&ask.fd);
		pthread_cond_broadcast(&ask.changed);
	}
	return NULL;
}

/* The resolver. */

static void ask_name(struct gp_resolver *r, struct gp_dns_question *q)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(ASK_FRAME_MAX);

	(void)r;
	pthread_mutex_lock(&ask.lock);
	ask_put_name(&frame, note(q, NULL), q->type, gp_str(q->name));
	send_frame(&frame);
	pthread_mutex_unlock(&ask.lock);
}

static void close_resolver(struct gp_resolver *r)
{
	(void)r;
}

static const struct gp_resolver_ops resolver_ops = {.ask = ask_name, .close = close_resolver};
static struct gp_resolver resolver = {.ops = &resolver_ops};

/* The store. */

static void ask_tokens(struct gp_store *st, struct gp_bayes_lookup *l)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(ASK_FRAME_MAX);

	(void)st;
	if (l->n > ASK_TOKENS_MAX) {
		gp_store_lookup_done(l, GP_ELIMIT, NULL);
		return;
	}
	pthread_mutex_lock(&ask.lock);
	ask_put_tokens(&frame, note(NULL, l), gp_str(l->scope), l->tokens, l->n);
	send_frame(&frame);
	pthread_mutex_unlock(&ask.lock);
}

static void close_store(struct gp_store *st)
{
	(void)st;
}

/* A scan only looks tokens up. */
static const struct gp_store_ops store_ops = {
	.kind = "controller", .close = close_store, .bayes_start = ask_tokens};
static struct gp_store store;

int ask_child_open(struct gp_store **ret_store, struct gp_resolver **ret_resolver,
		   struct gp_diag *diag)
{
	const struct gp_store_options defaults = {0};
	pthread_t thread;

	gp_store_init(&store, &store_ops, &defaults);
	if (pthread_create(&thread, NULL, read_answers, NULL) != 0)
		return gp_diag_errno(diag, "starting a thread");
	pthread_detach(thread);
	pthread_mutex_lock(&ask.lock);
	while (!ask.is_reading)
		pthread_cond_wait(&ask.changed, &ask.lock);
	pthread_mutex_unlock(&ask.lock);
	*ret_store = &store;
	*ret_resolver = &resolver;
	return GP_OK;
}

void ask_child_begin(int fd)
{
	pthread_mutex_lock(&ask.lock);
	ask.fd = fd;
	ask.is_ending = false;
	pthread_cond_broadcast(&ask.changed);
	pthread_mutex_unlock(&ask.lock);
}

void ask_child_end(void)
{
	struct pending *old;

	pthread_mutex_lock(&ask.lock);
	ask.is_ending = true;
	shutdown(ask.fd, SHUT_RDWR);
	while (ask.fd >= 0)
		pthread_cond_wait(&ask.changed, &ask.lock);
	old = ask.asked;
	ask.asked = NULL;
	pthread_mutex_unlock(&ask.lock);
	while (old) {
		struct pending *next = old->next;

		end_pending(old, NULL);
		old = next;
	}
}
