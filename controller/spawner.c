/*
 * The spawner; see the header.
 *
 * It ends when the controller's end of its socket is closed, and its workers end the same
 * way with theirs: nobody needs to be killed when the controller dies.
 */
#include "controller/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/worker_child.h"
#include "controller/worker_wire.h"
#include "lib/base/fd.h"
#include "lib/daemon/privileges.h"

union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* One datagram, with n descriptors beside it. */
static ssize_t send_order(int fd, const struct spawner_order *order, const int *fds, size_t n)
{
	struct spawner_order copy = *order;
	struct iovec iov = {.iov_base = &copy, .iov_len = sizeof(copy)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (n > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* In the child: becomes a worker, or ends. */
static GP_NORETURN void become_worker(const struct spawner_options *options, int binary, int sock,
				      uint32_t kind)
{
	char kind_text[16], memory_text[32];
	const char *argv[] = {"gatepost-controller", WORKER_ARGUMENT, kind_text, memory_text,
			      options->file ? options->file : "", NULL};
	sigset_t none;

	snprintf(kind_text, sizeof(kind_text), "%u", (unsigned)kind);
	snprintf(memory_text, sizeof(memory_text), "%lld", (long long)options->memory);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sock != WORKER_FD && dup2(sock, WORKER_FD) < 0)
		_exit(126);
	if (fcntl(WORKER_FD, F_SETFD, 0) == 0)
		/* cast: execveat's prototype forgot the const of the strings */
		syscall(SYS_execveat, binary, "", (char *const *)(uintptr_t)argv, environ,
			AT_EMPTY_PATH);
	_exit(127);
}

static void start_worker(const struct spawner_options *options, int control, int binary,
			 uint32_t kind)
{
	struct spawner_order answer = {.kind = kind};
	int pair[2], fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		answer.err = errno;
		(void)send_order(control, &answer, NULL, 0);
		return;
	}
	pid = fork();
	if (pid == 0)
		become_worker(options, binary, pair[1], kind);
	answer.err = pid < 0 ? errno : 0;
	fds[0] = pair[0];
	/* Only this process waits for it, so the number cannot be another's by now. */
	fds[1] = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pid > 0 && fds[1] < 0) {
		answer.err = errno;
		kill(pid, SIGKILL);
	}
	(void)send_order(control, &answer, fds, answer.err ? 0 : 2);
	gp_fd_close(&fds[1]);
	gp_fd_close(&pair[0]);
	gp_fd_close(&pair[1]);
}

static void on_child(int number)
{
	(void)number; /* to end the wait */
}

static void serve(const struct spawner_options *options, int control, int binary)
{
	struct sigaction action = {.sa_handler = on_child};
	struct pollfd waiting = {.fd = control, .events = POLLIN};
	struct spawner_order order;
	sigset_t child, none;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	sigaction(SIGCHLD, &action, NULL);
	for (;;) {
		ssize_t n;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (ppoll(&waiting, 1, NULL, &none) < 0)
			continue;
		n = recv(control, &order, sizeof(order), 0);
		if (n <= 0)
			return;
		if (n == sizeof(order) && order.kind < WORKER_KINDS)
			start_worker(options, control, binary, order.kind);
	}
}

/* Ctrl-C reaches all processes of a terminal: the controller decides when we end. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* The new process: gives up what it does not need, and serves. */
static GP_NORETURN void run(const struct spawner_options *options, int control, int binary)
{
	struct gp_diag diag = {""};

	ignore_signals();
	prctl(PR_SET_NAME, "gatepost-spawn", 0, 0, 0);
	if (gp_privileges_drop(options->user, &diag) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		fprintf(stderr, "gatepost-controller: %s\n", diag.text);
		_exit(1);
	}
	/* Away from the place that a worker's socket takes. */
	control = fcntl(control, F_DUPFD_CLOEXEC, WORKER_FD + 1);
	binary = fcntl(binary, F_DUPFD_CLOEXEC, WORKER_FD + 1);
	if (control >= 0 && binary >= 0)
		serve(options, control, binary);
	_exit(0);
}

int spawner_start(const struct spawner_options *options, int *ret_fd, struct gp_diag *diag)
{
	GP_FD_AUTO binary = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	int pair[2];
	pid_t pid;

	if (binary < 0)
		return gp_diag_errno(diag, "/proc/self/exe");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return gp_diag_errno(diag, "socketpair");
	pid = fork();
	if (pid == 0) {
		gp_fd_close(&pair[0]);
		run(options, pair[1], binary);
	}
	gp_fd_close(&pair[1]);
	if (pid < 0) {
		gp_fd_close(&pair[0]);
		return gp_diag_errno(diag, "fork");
	}
	*ret_fd = pair[0];
	return gp_fd_set_nonblocking(pair[0]) == GP_OK ? GP_OK : gp_diag_errno(diag, "fcntl");
}

int spawner_order(int fd, uint32_t kind)
{
	struct spawner_order order = {.kind = kind};

	return send_order(fd, &order, NULL, 0) < 0 ? GP_ESYS : GP_OK;
}

int spawner_answer(int fd, struct spawner_order *ret, int *ret_socket, int *ret_pidfd)
{
	struct spawner_order order;
	struct iovec iov = {.iov_base = &order, .iov_len = sizeof(order)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	int fds[2] = {-1, -1};

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return GP_ENOENT;
	if (n != sizeof(order))
		return GP_ESYS;
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fds)))
		memcpy(fds, CMSG_DATA(c), sizeof(fds));
	else if (!order.err)
		order.err = EIO;
	*ret = order;
	*ret_socket = fds[0];
	*ret_pidfd = fds[1];
	return GP_OK;
}
