/*
 * Connections; see the header.
 *
 * States of an outgoing one: resolving (TCP) → connecting, one address after the other → TLS
 * handshake → open.  Every failure goes through fail(), which says goodbye once.
 */
#include "lib/io/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/io/resolve.h"

#define READ_SIZE 65536
/* More unsent data than this means that the peer does not read. */
#define UNSENT_MAX (64u << 20)

enum state { RESOLVING, CONNECTING, HANDSHAKE, OPEN };

struct gp_sock {
	struct gp_loop *loop;
	const struct gp_endpoint *endpoint;
	const struct gp_sock_events *events;
	void *arg;
	enum state state;
	struct gp_resolve *resolve;
	const struct addrinfo *next; /* address to try after this one */
	int fd;
	struct gp_watch *watch;
	struct gp_tls *tls;
	struct gp_buf unsent;
	struct gp_timer start; /* the first step, so that no callback comes from open() */
	struct gp_diag diag;   /* of the last address */
	bool is_paused;
	bool *gone;	       /* set to true when the socket is freed in a callback */
};

static void ready(void *arg, unsigned events);

static void sock_free(struct gp_sock *s)
{
	gp_watch_free(&s->watch);
	gp_timer_clear(s->loop, &s->start);
	gp_tls_free(&s->tls);
	gp_fd_close(&s->fd);
	gp_resolve_finish(&s->resolve);
	gp_buf_done(&s->unsent);
	if (s->gone)
		*s->gone = true;
	free(s);
}

void gp_sock_close(struct gp_sock **s)
{
	if (*s)
		sock_free(*s);
	*s = NULL;
}

static void fail(struct gp_sock *s, const struct gp_diag *why)
{
	const struct gp_sock_events *events = s->events;
	struct gp_diag copy = *why;
	void *arg = s->arg;

	sock_free(s);
	events->closed(arg, &copy);
}

static void fail_errno(struct gp_sock *s, const char *what)
{
	struct gp_diag diag;

	(void)gp_diag_errno(&diag, "%s", what);
	fail(s, &diag);
}

/* Connecting. */

static int begin_connect(struct gp_sock *s, const struct sockaddr *addr, socklen_t len)
{
	int on = 1;

	s->state = CONNECTING;
	s->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	if (addr->sa_family != AF_UNIX) {
		(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (connect(s->fd, addr, len) < 0 && errno != EINPROGRESS)
		return -1;
	s->watch = gp_loop_watch_fd(s->loop, s->fd, GP_IO_WRITE, ready, s);
	return s->watch ? 0 : -1;
}

static void connect_unix(struct gp_sock *s)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (!gp_str_copy(addr.sun_path, sizeof(addr.sun_path), gp_str(s->endpoint->path))) {
		errno = ENAMETOOLONG;
		fail_errno(s, s->endpoint->path);
	} else if (begin_connect(s, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		fail_errno(s, s->endpoint->path);
	}
}

/* The next address, until one begins; s->diag says why the last one did not. */
static void connect_next(struct gp_sock *s)
{
	while (s->next) {
		const struct addrinfo *a = s->next;

		s->next = a->ai_next;
		if (begin_connect(s, a->ai_addr, a->ai_addrlen) == 0)
			return;
		(void)gp_diag_errno(&s->diag, "%s:%s", s->endpoint->host, s->endpoint->port);
		gp_watch_free(&s->watch);
		gp_fd_close(&s->fd);
	}
	fail(s, &s->diag);
}

static void resolved(void *arg, unsigned events)
{
	struct gp_sock *s = arg;

	gp_watch_free(&s->watch);
	s->next = gp_resolve_get(s->resolve, &s->diag);
	connect_next(s);
}

static void start(void *arg)
{
	struct gp_sock *s = arg;
	int fd;

	if (s->endpoint->path) {
		connect_unix(s);
		return;
	}
	s->resolve = gp_resolve_begin(s->endpoint->host, s->endpoint->port, &fd);
	if (s->resolve)
		s->watch = gp_loop_watch_fd(s->loop, fd, GP_IO_READ, resolved, s);
	if (!s->watch)
		fail_errno(s, s->endpoint->host);
}

struct gp_sock *gp_sock_open(struct gp_loop *loop, const struct gp_endpoint *endpoint,
			     const struct gp_sock_events *events, void *arg)
{
	struct gp_sock *s = gp_xcalloc(1, sizeof(*s));

	*s = (struct gp_sock){.loop = loop, .endpoint = endpoint, .events = events, .arg = arg};
	s->fd = -1;
	gp_buf_init(&s->unsent, UNSENT_MAX);
	s->start = (struct gp_timer){.fn = start, .arg = s};
	gp_timer_set(loop, &s->start, 0);
	return s;
}

struct gp_sock *gp_sock_adopt(struct gp_loop *loop, int fd, const struct gp_sock_events *events,
			      void *arg)
{
	struct gp_sock *s = gp_xcalloc(1, sizeof(*s));
	int saved;

	*s = (struct gp_sock){.loop = loop, .events = events, .arg = arg, .state = OPEN, .fd = fd};
	gp_buf_init(&s->unsent, UNSENT_MAX);
	if (gp_fd_set_nonblocking(fd) == GP_OK)
		s->watch = gp_loop_watch_fd(loop, fd, GP_IO_READ, ready, s);
	if (s->watch)
		return s;
	saved = errno;
	sock_free(s);
	errno = saved;
	return NULL;
}

/* Moving data. */

/* Has the loop say what can be done next. */
static void watch_open(struct gp_sock *s)
{
	gp_watch_set(s->watch, (s->is_paused ? 0u : GP_IO_READ) |
				       (s->unsent.len > 0 ? GP_IO_WRITE : 0u));
}

void gp_sock_pause(struct gp_sock *s, bool is_paused)
{
	s->is_paused = is_paused;
	if (s->state == OPEN)
		watch_open(s);
}

size_t gp_sock_unsent(const struct gp_sock *s)
{
	return s->unsent.len;
}

/* One step of writing; >0 bytes, 0 would block, <0 failed (diag set). */
static ssize_t put(struct gp_sock *s, const char *data, size_t len, struct gp_diag *diag)
{
	ssize_t n;
	size_t moved;
	int r;

	if (s->tls) {
		r = gp_tls_write(s->tls, data, len, &moved, diag);
		return r == GP_OK ? (ssize_t)moved : r > 0 ? 0 : -1;
	}
	n = send(s->fd, data, len, MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	(void)gp_diag_errno(diag, "write");
	return -1;
}

static ssize_t take(struct gp_sock *s, char *buf, size_t size, struct gp_diag *diag)
{
	ssize_t n;
	size_t moved;
	int r;

	if (s->tls) {
		r = gp_tls_read(s->tls, buf, size, &moved, diag);
		return r == GP_OK ? (ssize_t)moved : r > 0 ? 0 : -1;
	}
	n = recv(s->fd, buf, size, 0);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		(void)gp_diag_errno(diag, "read");
	else
		gp_diag_set(diag, "closed by the peer");
	return -1;
}

/* Tells that nothing waits any more; false if the socket is gone. */
static bool tell_sent(struct gp_sock *s)
{
	bool gone = false;

	if (!s->events->sent)
		return true;
	s->gone = &gone;
	s->events->sent(s->arg);
	if (gone)
		return false;
	s->gone = NULL;
	return true;
}

/* Sends what waits; false if the socket failed and is gone. */
static bool flush(struct gp_sock *s)
{
	size_t sent = 0;
	bool had_unsent = s->unsent.len > 0;

	while (sent < s->unsent.len) {
		struct gp_diag diag;
		ssize_t n = put(s, s->unsent.data + sent, s->unsent.len - sent, &diag);

		if (n < 0) {
			fail(s, &diag);
			return false;
		}
		if (n == 0)
			break;
		sent += (size_t)n;
	}
	gp_buf_consume(&s->unsent, sent);
	watch_open(s);
	return !had_unsent || s->unsent.len > 0 || tell_sent(s);
}

void gp_sock_write(struct gp_sock *s, const void *data, size_t len)
{
	bool was_empty = s->unsent.len == 0;
	struct gp_diag diag;
	ssize_t n = 0;

	if (s->state == OPEN && was_empty)
		n = put(s, data, len, &diag);
	/* A failure shows again when the loop writes or reads. */
	n = GP_MAX(n, (ssize_t)0);
	gp_buf_add(&s->unsent, (const char *)data + n, len - (size_t)n);
	if (s->state == OPEN && s->unsent.len > 0)
		watch_open(s);
}

/* Passes on what has come; false if the socket is gone. */
static bool receive(struct gp_sock *s)
{
	char buf[READ_SIZE];
	bool gone = false;

	s->gone = &gone;
	/* Others want their turn; but what TLS has already decrypted wakes nobody. */
	for (int rounds = 0; rounds < 16 || s->tls; rounds++) {
		struct gp_diag diag;
		ssize_t n = take(s, buf, sizeof(buf), &diag);

		if (n < 0) {
			fail(s, &diag);
			return false;
		}
		if (n == 0)
			break;
		s->events->data(s->arg, buf, (size_t)n);
		if (gone)
			return false;
		if (s->is_paused || (!s->tls && (size_t)n < sizeof(buf)))
			break;
	}
	s->gone = NULL;
	return true;
}

/* Progress. */

static void open_now(struct gp_sock *s)
{
	bool gone = false;

	s->state = OPEN;
	s->gone = &gone;
	s->events->opened(s->arg);
	if (gone)
		return;
	s->gone = NULL;
	(void)flush(s);
}

static void shake_hands(struct gp_sock *s)
{
	struct gp_diag diag;
	int r = gp_tls_handshake(s->tls, &diag);

	if (r < 0)
		fail(s, &diag);
	else if (r == GP_OK)
		open_now(s);
	else
		gp_watch_set(s->watch, r == GP_TLS_WANT_READ ? GP_IO_READ : GP_IO_WRITE);
}

static void connected(struct gp_sock *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0) {
		errno = error;
		(void)gp_diag_errno(&s->diag, "%s%s%s", s->endpoint->path ? s->endpoint->path : s->endpoint->host,
				    s->endpoint->path ? "" : ":", s->endpoint->path ? "" : s->endpoint->port);
		gp_watch_free(&s->watch);
		gp_fd_close(&s->fd);
		connect_next(s);
		return;
	}
	if (!s->endpoint->tls) {
		open_now(s);
		return;
	}
	s->state = HANDSHAKE;
	s->tls = gp_tls_new(s->endpoint->tls, s->fd, s->endpoint->tls_name);
	if (!s->tls) {
		gp_diag_set(&s->diag, "TLS: not possible with the name \"%s\"", s->endpoint->tls_name);
		fail(s, &s->diag);
		return;
	}
	shake_hands(s);
}

static void ready(void *arg, unsigned events)
{
	struct gp_sock *s = arg;

	switch (s->state) {
	case RESOLVING:
		break;
	case CONNECTING:
		connected(s);
		break;
	case HANDSHAKE:
		shake_hands(s);
		break;
	case OPEN:
		/* The loop tells of an end also who did not ask, again and again. */
		if (s->is_paused && events & GP_IO_ERROR) {
			gp_diag_set(&s->diag, "closed by the peer");
			fail(s, &s->diag);
			return;
		}
		if (!s->is_paused && (events & GP_IO_READ || s->tls) && !receive(s))
			return;
		if (events & GP_IO_WRITE || s->tls)
			(void)flush(s);
		break;
	}
}
