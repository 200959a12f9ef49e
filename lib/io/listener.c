/*
 * Accepting connections; see the header.
 */
#include "lib/io/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"

#define ROUND 64	/* accepted in one go: then others have their turn */
#define REST_MS 200	/* before the next try, when the process is out of descriptors */

struct gp_listener {
	struct gp_loop *loop;
	int fd;
	size_t max, n;
	gp_accepted_fn *fn;
	void *arg;
	struct gp_watch *watch;
	struct gp_timer rest;
};

static void find_peer(int fd, struct gp_peer *ret)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	*ret = (struct gp_peer){.is_known = false};
	/* Of other kinds of sockets the kernel says "nobody": a process id of 0. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.pid != 0)
		*ret = (struct gp_peer){
			.is_known = true, .uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
}

static void resume(void *arg)
{
	struct gp_listener *l = arg;

	gp_watch_set(l->watch, l->n < l->max ? GP_IO_READ : 0);
}

static void ready(void *arg, unsigned events)
{
	struct gp_listener *l = arg;

	(void)events;
	for (int i = 0; i < ROUND && l->n < l->max; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct gp_peer peer;

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			       errno == ENOBUFS)) {
			gp_watch_set(l->watch, 0);
			gp_timer_set(l->loop, &l->rest, gp_clock_mono_ms() + REST_MS);
			return;
		}
		if (fd < 0)
			break; /* none left, or it is gone again */
		find_peer(fd, &peer);
		l->n++;
		l->fn(l->arg, fd, &peer);
	}
	if (l->n >= l->max)
		gp_watch_set(l->watch, 0);
}

struct gp_listener *gp_listener_new(struct gp_loop *loop, int fd, size_t max, gp_accepted_fn *fn,
				    void *arg)
{
	struct gp_listener *l = gp_xcalloc(1, sizeof(*l));
	int saved;

	*l = (struct gp_listener){.loop = loop, .fd = fd, .max = max, .fn = fn, .arg = arg};
	l->rest = (struct gp_timer){.fn = resume, .arg = l};
	if (gp_fd_set_nonblocking(fd) == GP_OK)
		l->watch = gp_loop_watch_fd(loop, fd, GP_IO_READ, ready, l);
	if (l->watch)
		return l;
	saved = errno;
	gp_fd_close(&l->fd);
	free(l);
	errno = saved;
	return NULL;
}

void gp_listener_gone(struct gp_listener *l)
{
	l->n--;
	if (l->rest.pos == 0)
		resume(l);
}

void gp_listener_free(struct gp_listener **l)
{
	struct gp_listener *old = *l;

	if (!old)
		return;
	*l = NULL;
	gp_timer_clear(old->loop, &old->rest);
	gp_watch_free(&old->watch);
	gp_fd_close(&old->fd);
	free(old);
}
