/*
 * Events to the control socket; see the header.
 */
#include "controller/maillog_send.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/proto/event.h"

#define ANSWER_MS 10000 /* for a batch: the store's own deadline is below that */

void maillog_sender_init(struct maillog_sender *s, const char *path, int stop_fd)
{
	*s = (struct maillog_sender){.path = path, .stop_fd = stop_fd, .fd = -1,
				     .in = GP_BUF_INIT((size_t)MAILLOG_BATCH * GP_EVENT_ANSWER_MAX)};
}

void maillog_sender_done(struct maillog_sender *s)
{
	gp_fd_close(&s->fd);
	gp_buf_done(&s->in);
}

/* A unix socket answers at once, or is full, which is the same as nobody there. */
static int connect_to(struct maillog_sender *s, struct gp_diag *diag)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (s->fd >= 0)
		return GP_OK;
	if (!gp_str_copy(address.sun_path, sizeof(address.sun_path), gp_str(s->path)))
		return gp_diag_set(diag, "%s: the name is too long", s->path), GP_ELIMIT;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return gp_diag_errno(diag, "%s", s->path);
	return GP_OK;
}

/* Waits until the socket is ready; not longer than to the deadline, nor when we stop. */
static int wait_for(const struct maillog_sender *s, short events, int64_t deadline_ms,
		    struct gp_diag *diag)
{
	struct pollfd fds[] = {{.fd = s->fd, .events = events}, {.fd = s->stop_fd, .events = POLLIN}};
	int64_t left = deadline_ms - gp_clock_mono_ms();
	int n = poll(fds, 2, (int)GP_MAX(left, (int64_t)0));

	if (n < 0 && errno != EINTR)
		return gp_diag_errno(diag, "poll");
	if (fds[1].revents)
		return gp_diag_set(diag, "stopped"), GP_ETEMP;
	if (n == 0)
		return gp_diag_set(diag, "%s: no answer", s->path), GP_ETEMP;
	return GP_OK;
}

static int write_frames(struct maillog_sender *s, struct gp_str frames, int64_t deadline_ms,
			struct gp_diag *diag)
{
	while (frames.len > 0) {
		ssize_t n = send(s->fd, frames.ptr, frames.len, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			frames = gp_str_sub(frames, (size_t)n, frames.len);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return gp_diag_errno(diag, "%s", s->path);
		r = wait_for(s, POLLOUT, deadline_ms, diag);
		if (r < 0)
			return r;
	}
	return GP_OK;
}

static int read_more(struct maillog_sender *s, int64_t deadline_ms, struct gp_diag *diag)
{
	char bytes[4096];
	int r = wait_for(s, POLLIN, deadline_ms, diag);
	ssize_t n;

	if (r < 0)
		return r;
	n = recv(s->fd, bytes, sizeof(bytes), 0);
	if (n == 0)
		return gp_diag_set(diag, "%s: closed before it answered", s->path), GP_ETEMP;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? GP_OK : gp_diag_errno(diag, "%s", s->path);
	gp_buf_add(&s->in, bytes, (size_t)n);
	return gp_buf_error(&s->in) ? (gp_diag_set(diag, "%s: too much of an answer", s->path), GP_ELIMIT)
				    : GP_OK;
}

/* One answer, for the first of the frames. */
static int read_answer(struct maillog_sender *s, enum gp_event_answer *ret, int64_t deadline_ms,
		       struct gp_diag *diag)
{
	for (;;) {
		struct gp_attr text;
		const char *why = NULL;
		long n = s->in.len == 0 ? 0 : gp_event_answer_parse(s->in.data, s->in.len, ret, &text, &why);
		int r;

		if (n < 0)
			return gp_diag_set(diag, "%s: %s", s->path, why), GP_EINVAL;
		if (n > 0) {
			if (*ret != GP_EVENT_OK)
				gp_diag_set(diag, "%.200s: %.*s", s->path,
					    (int)GP_MIN(text.len, (size_t)200), text.data);
			gp_buf_consume(&s->in, (size_t)n);
			return GP_OK;
		}
		r = read_more(s, deadline_ms, diag);
		if (r < 0)
			return r;
	}
}

int maillog_send(struct maillog_sender *s, struct gp_buf *frames, size_t *n, size_t *ret_refused,
		 struct gp_diag *diag)
{
	int64_t deadline_ms = gp_clock_mono_ms() + ANSWER_MS;
	int r = *n == 0 ? GP_OK : connect_to(s, diag);

	if (r == GP_OK)
		r = write_frames(s, gp_buf_str(frames), deadline_ms, diag);
	while (r == GP_OK && *n > 0) {
		enum gp_event_answer answer = GP_EVENT_LATER;

		r = read_answer(s, &answer, deadline_ms, diag);
		if (r == GP_OK && answer == GP_EVENT_LATER)
			r = GP_ETEMP;
		if (r < 0)
			break;
		*ret_refused += answer == GP_EVENT_ERROR;
		gp_buf_consume(frames, gp_attrs_length(frames->data, frames->len));
		(*n)--;
	}
	if (r == GP_OK)
		return GP_OK;
	gp_fd_close(&s->fd); /* answers that are still to come would be taken for others' */
	gp_buf_reset(&s->in);
	return GP_ETEMP;
}
