/*
 * The clients of a listening socket; see the header.
 */
#include "lib/io/clients.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define COMPLAIN_MS 60000

/* A client's end. */

static void free_if_done(struct gp_client *c)
{
	if (c->sock || c->refs > 0 || c->is_reading)
		return;
	if (c->of->kind->done)
		c->of->kind->done(c);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	gp_buf_done(&c->in);
	free(c);
}

static void ended(struct gp_client *c)
{
	struct gp_clients *s = c->of;

	c->sock = NULL;
	gp_timer_clear(s->loop, &c->idle);
	if (s->kind->ended)
		s->kind->ended(c);
	if (s->kind->connected)
		gp_metric_add(s->kind->connected, -1);
	if (s->listener)
		gp_listener_gone(s->listener);
	free_if_done(c);
}

void gp_client_close(struct gp_client *c)
{
	if (!c->sock)
		return;
	gp_sock_close(&c->sock);
	ended(c);
}

void gp_client_hold(struct gp_client *c)
{
	c->refs++;
}

void gp_client_release(struct gp_client *c)
{
	c->refs--;
	free_if_done(c);
}

void gp_client_complain(struct gp_client *c, const char *why)
{
	struct gp_clients *s = c->of;
	int64_t now_ms = gp_clock_mono_ms();
	char who[32] = "";

	gp_metric_add(s->kind->malformed, 1);
	if (s->complained_ms && now_ms - s->complained_ms < COMPLAIN_MS) {
		s->n_hidden++;
		return;
	}
	if (c->peer.is_known)
		snprintf(who, sizeof(who), " of uid %ld", (long)c->peer.uid);
	gp_log_warning("%s: a client%s sent %s: closed (%lld more since the last such line)",
		       s->kind->name, who, why, (long long)s->n_hidden);
	s->complained_ms = now_ms;
	s->n_hidden = 0;
}

/* Reading. */

bool gp_client_must_wait(const struct gp_client *c)
{
	const struct gp_client_kind *kind = c->of->kind;

	return c->of->is_stopping || kind->is_full(c) || gp_sock_unsent(c->sock) > kind->unsent_max;
}

void gp_client_look_at_pause(struct gp_client *c)
{
	bool must = gp_client_must_wait(c);

	if (must == c->is_paused)
		return;
	c->is_paused = must;
	gp_sock_pause(c->sock, must);
}

void gp_client_touch(struct gp_client *c)
{
	gp_timer_set(c->of->loop, &c->idle, gp_clock_mono_ms() + c->of->kind->idle_ms(c));
}

void gp_client_read(struct gp_client *c)
{
	if (c->is_reading)
		return;
	if (c->sock) {
		c->is_reading = true;
		c->of->kind->read(c);
		c->is_reading = false;
	}
	if (!c->sock) {
		free_if_done(c);
		return;
	}
	if (c->in.len == 0)
		gp_buf_done(&c->in); /* an idle connection holds nothing */
	gp_client_look_at_pause(c);
}

void gp_client_answered(struct gp_client *c)
{
	c->refs--;
	gp_client_read(c);
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct gp_client *c = arg;

	gp_buf_add(&c->in, data, len);
	if (gp_buf_error(&c->in)) {
		gp_client_complain(c, "more than it waits for answers to");
		gp_client_close(c);
		return;
	}
	gp_client_read(c);
}

static void on_closed(void *arg, const struct gp_diag *why)
{
	struct gp_client *c = arg;

	(void)why;
	if (c->of->kind->left)
		c->of->kind->left(c);
	ended(c);
}

static void on_sent(void *arg)
{
	struct gp_client *c = arg;

	if (c->of->kind->sent)
		c->of->kind->sent(c);
	else
		gp_client_look_at_pause(c);
}

static void on_idle(void *arg)
{
	struct gp_client *c = arg;
	const struct gp_client_kind *kind = c->of->kind;

	if (kind->is_busy ? kind->is_busy(c) : c->refs > 0)
		gp_client_touch(c);
	else
		gp_client_close(c);
}

static void accepted(void *arg, int fd, const struct gp_peer *peer)
{
	static const struct gp_sock_events events = {.data = on_data, .closed = on_closed,
						     .sent = on_sent};
	struct gp_clients *s = arg;
	struct gp_client *c = gp_xcalloc(1, s->kind->size);

	c->of = s;
	c->peer = *peer;
	gp_buf_init(&c->in, s->kind->in_max);
	c->idle = (struct gp_timer){.fn = on_idle, .arg = c};
	c->sock = gp_sock_adopt(s->loop, fd, &events, c);
	if (!c->sock) {
		gp_listener_gone(s->listener);
		free(c);
		return;
	}
	c->next = s->first;
	c->at = &s->first;
	if (c->next)
		c->next->at = &c->next;
	s->first = c;
	if (s->kind->connected)
		gp_metric_add(s->kind->connected, 1);
	gp_client_touch(c);
}

/* On the loop's thread, for those on others. */

static void start_inside(void *arg)
{
	struct gp_clients *s = arg;

	s->listener = gp_listener_new(s->loop, s->fd, s->max, accepted, s);
	s->err = s->listener ? 0 : errno;
}

int gp_clients_start(struct gp_clients *s, const struct gp_client_kind *kind, struct gp_loop *loop,
		     int fd, size_t max, struct gp_diag *diag)
{
	*s = (struct gp_clients){.kind = kind, .loop = loop, .fd = fd, .max = max};
	gp_loop_run_in(loop, start_inside, s);
	errno = s->err;
	return s->err ? gp_diag_errno(diag, "%s", kind->name) : GP_OK;
}

static void each(struct gp_clients *s, void (*fn)(struct gp_client *c))
{
	for (struct gp_client *c = s->first, *next; c; c = next) {
		next = c->next;
		fn(c);
	}
}

static void read_if_here(struct gp_client *c)
{
	if (c->sock)
		gp_client_read(c);
}

static void stop_inside(void *arg)
{
	struct gp_clients *s = arg;

	s->is_stopping = true;
	gp_listener_free(&s->listener);
	each(s, read_if_here);
}

void gp_clients_stop(struct gp_clients *s)
{
	if (s->loop)
		gp_loop_run_in(s->loop, stop_inside, s);
}

static void close_inside(void *arg)
{
	each(arg, gp_client_close);
}

void gp_clients_close(struct gp_clients *s)
{
	if (s->loop)
		gp_loop_run_in(s->loop, close_inside, s);
}
