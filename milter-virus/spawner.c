/*
 * The spawner; see the header.
 */
#include "milter-virus/spawner.h"

#include <errno.h>
#include <fcntl.h>
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
#include "lib/base/num.h"
#include "lib/daemon/logging.h"
#include "lib/daemon/privileges.h"
#include "milter-virus/loader.h"
#include "milter-virus/wire.h"

struct serving {
	const struct virus_engine_kind *engine;
	int control;
	bool is_confined;
	union virus_wire *wire;
};

static void start_loader(const struct serving *s)
{
	struct virus_wire_head answer = {.kind = VIRUS_STARTED};
	int pair[2] = {-1, -1}, fds[2];

	if (virus_wire_pair(pair) < 0) {
		answer.err = errno;
	} else {
		pid_t pid = virus_fork_child(&fds[1]);

		if (pid == 0) {
			(void)close(s->control);
			gp_fd_close(&pair[0]);
			virus_loader_run(s->engine, s->is_confined, &s->wire->load, pair[1]);
		}
		answer.err = pid < 0 ? errno : 0;
	}
	fds[0] = pair[0];
	/* The front is gone if this fails, and then so are we. */
	(void)!virus_wire_send(s->control, &answer, sizeof(answer), fds, answer.err ? 0 : 2, false);
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
		start_loader(s);
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

/* As this was started: "virus-spawner" CONFINED LEVEL FORMAT TARGET FACILITY USER. */
enum { ARG_NAME, ARG_CONFINED, ARG_LEVEL, ARG_FORMAT, ARG_TARGET, ARG_FACILITY, ARG_USER, ARGS };

#define NAME "virus-spawner"
#define CONTROL_FD 3
#define ENVIRONMENT_MAX 32
#define NUMBER_TEXT 12

/* What libraries ask the environment for; passwords may be in the rest of it. */
static const char *const kept_variables[] = {
	"TZ=", "LANG=", "LC_", "JOURNAL_STREAM=", "LD_", "GLIBC_TUNABLES=", "OPENSSL_",
	"ASAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS=",
};

static bool is_kept(const char *variable)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(kept_variables); i++)
		if (gp_str_starts(gp_str(variable), gp_str(kept_variables[i])))
			return true;
	return false;
}

/* In the child.  What the front has open is not for it: whoever reads its event descriptor in its
 * place keeps signals from it. */
static GP_NORETURN void execute(const struct virus_spawner_options *o, int control)
{
	int numbers[] = {o->is_confined, o->log->level, o->log->format, o->log->target, o->log->facility};
	char texts[GP_ARRAY_SIZE(numbers)][NUMBER_TEXT], *environment[ENVIRONMENT_MAX + 1];
	char name[] = NAME, *argv[ARGS + 1] = {name};
	size_t n = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(numbers); i++) {
		snprintf(texts[i], sizeof(texts[i]), "%d", numbers[i]);
		argv[ARG_CONFINED + i] = texts[i];
	}
	argv[ARG_USER] = gp_xstrdup(o->user);
	for (char **each = environ; *each && n < ENVIRONMENT_MAX; each++)
		if (is_kept(*each))
			environment[n++] = *each;
	environment[n] = NULL;
	if ((control == CONTROL_FD || dup2(control, CONTROL_FD) == CONTROL_FD) &&
	    fcntl(CONTROL_FD, F_SETFD, 0) == 0) {
		/* All of ours end with the execution by themselves; this is for a library's. */
		(void)close_range(CONTROL_FD + 1, UINT_MAX, 0);
		(void)execve(o->program, argv, environment);
	}
	gp_log_error("%s: it cannot be executed: %s", o->program, strerror(errno));
	_exit(127);
}

int virus_spawner_start(const struct virus_spawner_options *options, int *ret_fd,
			struct gp_diag *diag)
{
	int pair[2];
	pid_t pid;

	if (access(options->program, X_OK) < 0)
		return gp_diag_errno(diag, "%s", options->program);
	if (virus_wire_pair(pair) < 0)
		return gp_diag_errno(diag, "socketpair");
	pid = fork();
	if (pid == 0)
		execute(options, pair[1]);
	gp_fd_close(&pair[1]);
	if (pid < 0) {
		gp_fd_close(&pair[0]);
		return gp_diag_errno(diag, "fork");
	}
	*ret_fd = pair[0];
	return gp_fd_set_nonblocking(pair[0]) == GP_OK ? GP_OK : gp_diag_errno(diag, "fcntl");
}

static int number(char **argv, int at)
{
	int64_t value;

	return gp_num_parse_int(gp_str(argv[at]), &value) == GP_OK ? (int)value : 0;
}

static void set_up_log(char **argv)
{
	struct gp_conf_log log = {.level = number(argv, ARG_LEVEL), .format = number(argv, ARG_FORMAT),
				  .target = number(argv, ARG_TARGET),
				  .facility = number(argv, ARG_FACILITY)};

	if (log.target == GP_CONF_LOG_FILE)
		log.target = GP_CONF_LOG_STDERR;
	(void)!gp_logging_setup("milter-virus", &log, NULL);
}

void virus_spawner_main(const struct virus_engine_kind *engine, int argc, char **argv)
{
	struct serving s = {.engine = engine, .control = CONTROL_FD};
	struct gp_diag diag = {""};

	if (argc != ARGS || strcmp(argv[ARG_NAME], NAME) != 0)
		return;
	set_up_log(argv);
	ignore_signals();
	prctl(PR_SET_NAME, NAME, 0, 0, 0);
	(void)fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	if (gp_privileges_drop(argv[ARG_USER], &diag) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		gp_log_error("spawner: %s", diag.text);
		_exit(1);
	}
	s.is_confined = number(argv, ARG_CONFINED) != 0;
	s.wire = gp_xmalloc(sizeof(*s.wire));
	virus_await_orders(CONTROL_FD, take_order, NULL, &s);
	_exit(0);
}
