/*
 * The clients of a listening socket: who is connected, what they sent and is not taken yet, how
 * long they may be silent, when they are held back, and their end.
 *
 *	struct my_client {
 *		struct gp_client base;	(the first member)
 *		…
 *	};
 *	static const struct gp_client_kind kind = {.size = sizeof(struct my_client), …};
 *
 *	gp_clients_start(&clients, &kind, loop, fd, max, diag);
 *	… kind.read(c): takes whole requests out of c->in …
 *	gp_clients_stop(&clients);	(no more of them; those that are here go on being answered)
 *	gp_clients_close(&clients);
 *
 * A client that is gone (`sock` is NULL) stays in memory until the work that was begun for it has
 * come back: gp_client_hold, gp_client_release.
 *
 * All but start, stop and close belong to the loop's thread; those three are for other threads.
 */
#ifndef GP_IO_CLIENTS_H
#define GP_IO_CLIENTS_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/metric.h"
#include "lib/io/listener.h"
#include "lib/io/sock.h"

struct gp_clients;

struct gp_client {
	struct gp_clients *of;
	struct gp_sock *sock; /* NULL: it is gone */
	struct gp_peer peer;
	struct gp_buf in; /* not taken yet */
	unsigned refs;	  /* work under way that will come back to it */
	bool is_reading;  /* within kind.read: what is answered at once does not begin it again */
	bool is_paused;
	struct gp_timer idle;
	struct gp_client *next, **at;
};

struct gp_client_kind {
	const char *name;  /* in the log: "policy socket" */
	size_t size;	   /* of the whole client; it begins as zeros */
	size_t in_max;	   /* bytes: more than may come at once behind what makes it wait */
	size_t unsent_max; /* answers in bytes which it has not taken that hold it back */
	struct gp_metric *connected; /* a gauge, or NULL */
	struct gp_metric *malformed; /* counts gp_client_complain */

	/* Takes what can be taken now; may close the client.  Called when there is more to read,
	 * by gp_client_read, and once at the stop. */
	void (*read)(struct gp_client *c);
	/* It waits for answers: nothing more is read. */
	bool (*is_full)(const struct gp_client *c);
	/* How long it may be silent, in milliseconds; counts from gp_client_touch. */
	int64_t (*idle_ms)(const struct gp_client *c);
	/* Its silence is ours; NULL: while it is held. */
	bool (*is_busy)(const struct gp_client *c);
	/* All that had to wait is sent; NULL: see whether it is still held back. */
	void (*sent)(struct gp_client *c);
	/* It went away by itself; `ended` follows.  May be NULL. */
	void (*left)(struct gp_client *c);
	/* It is gone, whoever closed; it may be held yet.  May be NULL. */
	void (*ended)(struct gp_client *c);
	/* Before it is freed.  May be NULL. */
	void (*done)(struct gp_client *c);
};

/* All zeros before the start. */
struct gp_clients {
	const struct gp_client_kind *kind;
	struct gp_loop *loop;
	struct gp_listener *listener;
	struct gp_client *first;
	bool is_stopping;
	int64_t complained_ms;
	int64_t n_hidden; /* complaints since then */
	int fd, err;	  /* of the start */
	size_t max;
};

/* Takes over a listening descriptor; at most `max` connections at a time.  GP_OK or negative; the
 * descriptor is closed then. */
int gp_clients_start(struct gp_clients *s, const struct gp_client_kind *kind, struct gp_loop *loop,
		     int fd, size_t max, struct gp_diag *diag) GP_MUST_USE;
/* Accepts nobody any more, and reads nothing more.  Fine when it was not started. */
void gp_clients_stop(struct gp_clients *s);
/* Closes all; those that are held are freed by their release. */
void gp_clients_close(struct gp_clients *s);

/* Takes what is left in c->in, unless it is within kind.read already; holds back or goes on.  A
 * client that is gone is freed when nothing holds it: it may not exist afterwards. */
void gp_client_read(struct gp_client *c);
/* It waits for answers, does not take them, or we stop. */
bool gp_client_must_wait(const struct gp_client *c);
/* After what may have changed gp_client_must_wait. */
void gp_client_look_at_pause(struct gp_client *c);
/* It has said something: it may be silent for kind.idle_ms again. */
void gp_client_touch(struct gp_client *c);
/* Counts, and tells the log once a minute, that it sent `why` ("an unknown frame") and is closed;
 * closing it is the caller's. */
void gp_client_complain(struct gp_client *c, const char *why);
/* It may not exist afterwards, but while it is held or within kind.read.  Fine when it is gone. */
void gp_client_close(struct gp_client *c);
void gp_client_hold(struct gp_client *c);
/* It may not exist afterwards, but within kind.read. */
void gp_client_release(struct gp_client *c);
/* The same when what came back was an answer that made it wait: goes on reading. */
void gp_client_answered(struct gp_client *c);

#endif
