/*
 * What a worker is sent: see the header, and worker_wire.h for the form.
 */
#include "controller/worker_send.h"

#include <string.h>
#include <sys/socket.h>

#include "controller/worker_wire.h"
#include "lib/base/fd.h"

int worker_file(struct gp_str message)
{
	int fd = gp_memfd_open("message");

	if (fd >= 0 && (gp_fd_write_all(fd, message.ptr, message.len) < 0 || gp_memfd_seal(fd) < 0))
		gp_fd_close(&fd);
	return fd;
}

bool worker_send(int worker, const struct worker_job *job, int file, int channel)
{
	int fds[] = {file, channel};
	size_t size = (channel < 0 ? 1 : 2) * sizeof(int);
	struct worker_request head = {.params_len = (uint32_t)job->params.len,
				      .message_len = (uint32_t)job->message.len};
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	/* cast: sendmsg only reads */
	struct iovec iov[] = {{.iov_base = &head, .iov_len = sizeof(head)},
			      {.iov_base = (char *)(uintptr_t)job->params.ptr,
			       .iov_len = job->params.len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = GP_ARRAY_SIZE(iov),
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	/* The worker is idle: what it was sent before is read, so all of this fits at once. */
	return sendmsg(worker, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)(sizeof(head) + job->params.len);
}
