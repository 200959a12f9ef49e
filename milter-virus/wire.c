/*
 * Datagrams between the processes; see the header.
 */
#include "milter-virus/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/fd.h"

union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* The size of each kind; of a result the least. */
static const size_t sizes[] = {
	[VIRUS_LOAD] = sizeof(struct virus_wire_load),
	[VIRUS_KILL] = sizeof(struct virus_wire_head),
	[VIRUS_STARTED] = sizeof(struct virus_wire_head),
	[VIRUS_READY] = sizeof(struct virus_wire_ready),
	[VIRUS_FAILED_TO_LOAD] = sizeof(struct virus_wire_failed),
	[VIRUS_FORK] = sizeof(struct virus_wire_head),
	[VIRUS_KEEP] = sizeof(struct virus_wire_keep),
	[VIRUS_KEPT] = sizeof(struct virus_wire_head),
	[VIRUS_SCAN] = sizeof(struct virus_wire_scan),
	[VIRUS_ASK] = sizeof(struct virus_wire_ask),
	[VIRUS_KNOWN] = sizeof(struct virus_wire_known),
	[VIRUS_RESULT] = VIRUS_RESULT_HEAD,
};

int virus_wire_pair(int ret[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? GP_ESYS : GP_OK;
}

int virus_wire_send(int fd, const void *data, size_t len, const int *fds, size_t n, bool at_once)
{
	union control control = {0};
	/* cast: sendmsg only reads */
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (n > 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	do
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL | (at_once ? MSG_DONTWAIT : 0));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EAGAIN ? GP_ETEMP : GP_ESYS;
	return GP_OK;
}

/* Descriptors of a datagram into ret (2), the others closed. */
static void take_fds(struct msghdr *msg, int ret[2])
{
	size_t n = 0;

	ret[0] = ret[1] = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t have = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < have; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < 2)
				ret[n++] = fd;
			else
				gp_fd_close(&fd);
		}
	}
}

static bool is_sound(const union virus_wire *w, size_t len)
{
	if (len < sizeof(w->head) || w->head.kind >= GP_ARRAY_SIZE(sizes) || !sizes[w->head.kind])
		return false;
	if (w->head.kind != VIRUS_RESULT)
		return len == sizes[w->head.kind];
	return len >= VIRUS_RESULT_HEAD && w->result.n_layers <= VIRUS_LAYERS_MAX &&
	       len == VIRUS_RESULT_HEAD + w->result.n_layers * sizeof(struct virus_layer);
}

int virus_wire_receive(int fd, union virus_wire *ret, size_t *ret_len, int ret_fds[2], bool at_once)
{
	union control control = {0};
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	int fds[2];
	ssize_t n;
	bool is_right;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (at_once ? MSG_DONTWAIT : 0));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return GP_ETEMP;
	if (n <= 0)
		return n == 0 ? GP_ENOENT : GP_ESYS;
	take_fds(&msg, fds);
	is_right = !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && is_sound(ret, (size_t)n);
	for (size_t i = 0; i < 2; i++) {
		if (ret_fds && is_right)
			ret_fds[i] = fds[i];
		else
			gp_fd_close(&fds[i]);
	}
	if (!is_right)
		return GP_EINVAL;
	*ret_len = (size_t)n;
	return GP_OK;
}
