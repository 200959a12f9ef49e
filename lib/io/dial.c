/*
 * Blocking connections; see the header.
 */
#include "lib/io/dial.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/io/address.h"

static int failed(struct gp_diag *diag, const char *what)
{
	(void)gp_diag_errno(diag, "%s", what);
	return GP_ETEMP;
}

static int await(const struct gp_dial *d, short events, struct gp_diag *diag)
{
	struct pollfd p = {.fd = d->fd, .events = events};
	int64_t left_ms;
	int n;

	do {
		left_ms = d->deadline_ms - gp_clock_mono_ms();
		n = left_ms > 0 ? poll(&p, 1, (int)GP_MIN(left_ms, (int64_t)INT_MAX)) : 0;
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed(diag, "poll");
	if (n == 0)
		gp_diag_set(diag, "no answer in time");
	return n > 0 ? GP_OK : GP_ETEMP;
}

/* A unix socket's queue that is full says EAGAIN and cannot be waited for. */
static int finish_connect(struct gp_dial *d, struct gp_diag *diag)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (errno != EINPROGRESS)
		return failed(diag, "connect");
	if (await(d, POLLOUT, diag) < 0)
		return GP_ETEMP;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
		return GP_OK;
	errno = error;
	return failed(diag, "connect");
}

int gp_dial_open(struct gp_dial *d, const char *address, int64_t deadline_ms, struct gp_diag *diag)
{
	struct gp_address to;
	int r = GP_OK;

	*d = (struct gp_dial){.fd = -1, .deadline_ms = deadline_ms};
	if (gp_address_parse(address, &to) < 0) {
		gp_diag_set(diag, "no address");
		return GP_EINVAL;
	}
	d->fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return failed(diag, "socket");
	if (connect(d->fd, &to.any, to.len) < 0)
		r = finish_connect(d, diag);
	if (r < 0)
		gp_dial_close(d);
	return r;
}

int gp_dial_write(struct gp_dial *d, const void *data, size_t len, struct gp_diag *diag)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(d->fd, at, len, MSG_NOSIGNAL);

		if (n >= 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (await(d, POLLOUT, diag) < 0)
				return GP_ETEMP;
		} else if (errno != EINTR) {
			return failed(diag, "send");
		}
	}
	return GP_OK;
}

int gp_dial_read(struct gp_dial *d, void *buf, size_t size, size_t *ret_n, struct gp_diag *diag)
{
	ssize_t n;

	do {
		if (await(d, POLLIN, diag) < 0)
			return GP_ETEMP;
		n = recv(d->fd, buf, size, 0);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return failed(diag, "recv");
	*ret_n = (size_t)n;
	return GP_OK;
}

void gp_dial_close(struct gp_dial *d)
{
	gp_fd_close(&d->fd);
}
