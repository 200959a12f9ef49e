/*
 * The spawner; see the header.
 */
#include "milter-virus/spawner.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/privileges.h"
#include "milter-virus/loader.h"
#include "milter-virus/wire.h"

static void start_loader(const struct virus_spawner_options *options, int control,
			 const struct virus_wire_load *order)
{
	struct virus_wire_head answer = {.kind = VIRUS_STARTED};
	int pair[2] = {-1, -1}, fds[2];

	if (virus_wire_pair(pair) < 0) {
		answer.err = errno;
	} else {
		pid_t pid = virus_fork_child(&fds[1]);

		if (pid == 0) {
			gp_fd_close(&control);
			gp_fd_close(&pair[0]);
			virus_loader_run(options, order, pair[1]);
		}
		answer.err = pid < 0 ? errno : 0;
	}
	fds[0] = pair[0];
	/* The front is gone if this fails, and then so are we. */
	(void)!virus_wire_send(control, &answer, sizeof(answer), fds, answer.err ? 0 : 2, false);
	if (!answer.err)
		gp_fd_close(&fds[1]);
	gp_fd_close(&pair[0]);
	gp_fd_close(&pair[1]);
}

pid_t virus_fork_child(int *ret_pidfd)
{
	int pidfd;
	pid_t pid = fork();

	if (pid <= 0)
		return pid;
	/* Only the parent waits for it, so the number cannot be another's by now. */
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int saved = errno;

		kill(pid, SIGKILL);
		errno = saved;
		return -1;
	}
	*ret_pidfd = pidfd;
	return pid;
}

static void on_child(int number)
{
	(void)number; /* to end the wait */
}

void virus_await_orders(int control, bool (*order)(void *arg), void (*reap)(void *arg, pid_t pid),
			void *arg)
{
	struct sigaction action = {.sa_handler = on_child};
	struct pollfd waiting = {.fd = control, .events = POLLIN};
	sigset_t child, none;
	pid_t pid;

	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	sigaction(SIGCHLD, &action, NULL);
	do {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			if (reap)
				reap(arg, pid);
	} while (ppoll(&waiting, 1, NULL, &none) < 0 || order(arg));
}

struct serving {
	const struct virus_spawner_options *options;
	int control;
	union virus_wire *wire;
};

/* False at the end of the front. */
static bool take_order(void *arg)
{
	struct serving *s = arg;
	int fds[2];
	size_t len;
	int r = virus_wire_receive(s->control, s->wire, &len, fds, true);

	if (r == GP_ETEMP)
		return true;
	if (r < 0)
		return false;
	if (s->wire->head.kind == VIRUS_LOAD)
		start_loader(s->options, s->control, &s->wire->load);
	else if (s->wire->head.kind == VIRUS_KILL && fds[0] >= 0)
		(void)syscall(SYS_pidfd_send_signal, fds[0], SIGKILL, NULL, 0);
	gp_fd_close(&fds[0]);
	gp_fd_close(&fds[1]);
	return true;
}

/* Ctrl-C reaches all processes of a terminal: the front decides when we end. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* What the front has open is not for workers: whoever reads its event descriptor in its place keeps
 * signals from it. */
static void close_others(int control)
{
	if (control > STDERR_FILENO + 1)
		(void)close_range(STDERR_FILENO + 1, (unsigned)control - 1, 0);
	(void)close_range((unsigned)control + 1, UINT_MAX, 0);
}

static GP_NORETURN void run(const struct virus_spawner_options *options, int control)
{
	struct serving s = {.options = options, .control = control,
			    .wire = gp_xmalloc(sizeof(*s.wire))};
	struct gp_diag diag = {""};

	ignore_signals();
	close_others(control);
	prctl(PR_SET_NAME, "virus-spawner", 0, 0, 0);
	if (gp_privileges_drop(options->user, &diag) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		gp_log_error("spawner: %s", diag.text);
		_exit(1);
	}
	virus_await_orders(control, take_order, NULL, &s);
	_exit(0);
}

int virus_spawner_start(const struct virus_spawner_options *options, int *ret_fd,
			struct gp_diag *diag)
{
	int pair[2];
	pid_t pid;

	if (virus_wire_pair(pair) < 0)
		return gp_diag_errno(diag, "socketpair");
	pid = fork();
	if (pid == 0) {
		gp_fd_close(&pair[0]);
		run(options, pair[1]);
	}
	gp_fd_close(&pair[1]);
	if (pid < 0) {
		gp_fd_close(&pair[0]);
		return gp_diag_errno(diag, "fork");
	}
	*ret_fd = pair[0];
	return gp_fd_set_nonblocking(pair[0]) == GP_OK ? GP_OK : gp_diag_errno(diag, "fcntl");
}
