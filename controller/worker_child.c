/*
 * A worker's own side; see the header.
 */
#include "controller/worker_child.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "controller/scan_child.h"
#include "controller/teach.h"
#include "controller/worker_wire.h"
#include "lib/base/fd.h"
#include "lib/base/num.h"
#include "lib/daemon/sandbox_worker.h"

static const struct worker_trade *const trades[WORKER_KINDS] = {
	[WORKER_TEACH] = &worker_teach,
	[WORKER_SCAN] = &worker_scan,
};

union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* Takes a request's head, its memory file and its channel; false at the end of the socket. */
static bool receive_head(struct worker_request *ret, int *ret_fd, int *ret_channel)
{
	struct iovec iov = {.iov_base = ret, .iov_len = sizeof(*ret)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(WORKER_FD, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (n != sizeof(*ret) || !c || c->cmsg_type != SCM_RIGHTS ||
	    (c->cmsg_len != CMSG_LEN(sizeof(int)) && c->cmsg_len != CMSG_LEN(2 * sizeof(int))))
		return false;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	if (c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(ret_channel, CMSG_DATA(c) + sizeof(int), sizeof(*ret_channel));
	return true;
}

static bool receive_all(void *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(WORKER_FD, data, len, 0);

		if (n <= 0)
			return false;
		data = (char *)data + n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_reply(struct gp_str bytes)
{
	struct worker_reply head = {.len = (uint32_t)bytes.len};

	return gp_fd_write_all(WORKER_FD, &head, sizeof(head)) == GP_OK &&
	       gp_fd_write_all(WORKER_FD, bytes.ptr, bytes.len) == GP_OK;
}

/* One request; false when it was the last. */
static bool serve_one(const struct worker_trade *trade, char *params, struct gp_buf *reply)
{
	struct worker_request request;
	GP_FD_AUTO fd = -1;
	void *message = NULL;
	int channel = -1;
	bool is_done;

	if (!receive_head(&request, &fd, &channel) || request.params_len > WORKER_PARAMS_MAX ||
	    !receive_all(params, request.params_len) || !send_reply(gp_str(NULL)))
		return false;
	if (request.message_len > 0)
		message = mmap(NULL, request.message_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (message == MAP_FAILED)
		return false;
	gp_buf_reset(reply);
	is_done = trade->work(gp_str_n(params, request.params_len),
			      gp_str_n(message, request.message_len), channel, reply) == GP_OK &&
		  send_reply(gp_buf_str(reply));
	if (message)
		munmap(message, request.message_len);
	return is_done;
}

static void serve(const struct worker_trade *trade)
{
	char *params = malloc(WORKER_PARAMS_MAX);
	struct gp_buf reply = GP_BUF_INIT(WORKER_REPLY_MAX);

	if (params && send_reply(gp_str(NULL)))
		while (serve_one(trade, params, &reply))
			;
	gp_buf_done(&reply);
	free(params);
}

int worker_child_main(int argc, char **argv)
{
	struct gp_diag diag = {""};
	uint64_t kind = WORKER_KINDS;
	int64_t memory = 0;
	struct stat st;

	if (argc != 5 || gp_num_parse_uint(gp_str(argv[2]), 10, &kind) < 0 || kind >= WORKER_KINDS ||
	    gp_num_parse_int(gp_str(argv[3]), &memory) < 0 || fstat(WORKER_FD, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return EX_USAGE; /* nobody but the controller calls it so */
	prctl(PR_SET_NAME, "gatepost-worker", 0, 0, 0);
	(void)close_range(WORKER_FD + 1, UINT_MAX, 0); /* what the controller was started with */
	if ((trades[kind]->prepare &&
	     trades[kind]->prepare(*argv[4] ? argv[4] : NULL, &diag) < 0) ||
	    gp_sandbox_enter_worker((uint64_t)memory, &diag) < 0) {
		fprintf(stderr, "gatepost-controller: worker: %s\n", diag.text);
		return EX_CONFIG;
	}
	serve(trades[kind]);
	/* What a message may have left behind is not run at exit. */
	_exit(EX_OK);
}
