/*
 * The alerter; see the header.
 *
 * The command gets a clean environment: what a stranger chose (a key) stands only in values of
 * GATEPOST_… and in the JSON object, without control characters.
 */
#include "policyd-ratelimit/alerter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/num.h"
#include "lib/daemon/privileges.h"
#include "lib/io/smtp.h"
#include "lib/proto/attrs.h"
#include "policyd-ratelimit/alert_mail.h"
#include "policyd-ratelimit/contained.h"

#define ENVIRONMENT_MAX 16

struct order {
	uint64_t id, parts;
	struct gp_str name;
	struct contained c;
};

unsigned alerter_parts(const struct contain_conf *conf)
{
	return (*conf->alert_command ? ALERT_COMMAND : 0u) |
	       (conf->alert_mail.len > 0 ? ALERT_MAIL : 0u);
}

/* The command. */

static void make_environment(const struct contained *c, struct gp_arena *arena, char **ret)
{
	size_t n = 0;
	const struct {
		const char *name;
		struct gp_str value;
	} values[] = {
		{"KIND", gp_str(gp_conf_enum_name(contain_kind_names, (int)c->kind))},
		{"KEY", c->key},
		{"RULE", c->rule},
		{"ACCOUNT", c->account},
		{"HOST", c->host},
		{"REASON", c->reason},
		{"ACTION", gp_str(gp_conf_enum_name(answer_names, (int)c->action))},
		{"SINCE", gp_str(gp_arena_printf(arena, "%lld", (long long)c->since_s))},
		{"UNTIL", gp_str(gp_arena_printf(arena, "%lld", (long long)c->until_s))},
		{"USED", gp_str(gp_arena_printf(arena, "%lld", (long long)c->used))},
		{"MAX", gp_str(gp_arena_printf(arena, "%lld", (long long)c->max))},
		{"WINDOW", gp_str(gp_arena_printf(arena, "%lld", (long long)c->window_ms / 1000))},
	};

	_Static_assert(GP_ARRAY_SIZE(values) + 2 < ENVIRONMENT_MAX, "all of it has room");
	ret[n++] = gp_arena_strdup(arena, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < GP_ARRAY_SIZE(values); i++)
		ret[n++] = gp_arena_printf(arena, "GATEPOST_%s=%.*s", values[i].name,
					   GP_STR_FMT(values[i].value));
	ret[n] = NULL;
}

/* Ctrl-C reaches all processes of a terminal: the daemon decides when we end. */
static void ignore_signals(void)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ours); i++)
		signal(ours[i], SIG_IGN);
}

/* What is ignored stays so in a program that is started, which must not inherit it: neither from
 * us nor from who started the daemon, a shell's background job for one. */
static void reset_signals(void)
{
	for (int number = 1; number <= SIGRTMAX; number++)
		signal(number, SIG_DFL);
}

/* In the child: its output goes nowhere, its complaints where the daemon's go. */
static GP_NORETURN void become(const char *command, int input, char **environment)
{
	char *argv[] = {(char *)(uintptr_t)command, NULL}; /* cast: execve's prototype */
	sigset_t none;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	reset_signals();
	setpgid(0, 0);
	if (dup2(input, STDIN_FILENO) >= 0 && null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
		execve(command, argv, environment);
	_exit(127);
}

/* Until it ends or its time is over; then it is killed with all that it started. */
static int wait_for(pid_t pid, struct gp_diag *diag)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	bool is_late = pidfd >= 0 && poll(&p, 1, ALERT_PART_MS) == 0;

	if (is_late && kill(-pid, SIGKILL) < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	gp_fd_close(&pidfd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return GP_OK;
	if (is_late)
		gp_diag_set(diag, "alert_command took longer than %d s", ALERT_PART_MS / 1000);
	else if (WIFEXITED(status))
		gp_diag_set(diag, "alert_command ended with status %d", WEXITSTATUS(status));
	else
		gp_diag_set(diag, "alert_command was ended by signal %d", WTERMSIG(status));
	return GP_ETEMP;
}

/* A pipe that holds the text, to be read from *ret_fd: it is shorter than a pipe's buffer. */
static int make_input(struct gp_str text, int *ret_fd)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return GP_ESYS;
	r = gp_fd_write_all(fds[1], text.ptr, text.len);
	gp_fd_close(&fds[1]);
	*ret_fd = fds[0];
	return r;
}

static int run_command(const struct contain_conf *conf, const struct order *o,
		       struct gp_arena *arena, struct gp_diag *diag)
{
	GP_BUF_AUTO json = GP_BUF_INIT(4096);
	GP_FD_AUTO input = -1;
	char *environment[ENVIRONMENT_MAX];
	pid_t pid;

	contained_json(&o->c, &json);
	gp_buf_add_chr(&json, '\n');
	make_environment(&o->c, arena, environment);
	if (make_input(gp_buf_str(&json), &input) < 0)
		return gp_diag_errno(diag, "pipe");
	pid = fork();
	if (pid == 0)
		become(conf->alert_command, input, environment);
	if (pid < 0)
		return gp_diag_errno(diag, "fork");
	return wait_for(pid, diag);
}

/* The mail. */

static int send_mail(const struct contain_conf *conf, const struct order *o, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(8192);
	struct gp_smtp_message m = {.helo = alert_mail_host(), .from = conf->alert_from,
				    .to = conf->alert_mail.items, .n_to = conf->alert_mail.len};

	alert_mail_format(conf, &o->c, gp_clock_real_s(), &text);
	m.data = gp_buf_str(&text);
	return gp_smtp_submit(conf->alert_smtp, &m, gp_clock_mono_ms() + ALERT_PART_MS, diag);
}

/* Orders. */

static bool take_uint(struct gp_str text, const char *name, uint64_t *ret)
{
	struct gp_attr value;

	return gp_attrs_find(text.ptr, text.len, name, &value) &&
	       gp_num_parse_uint(gp_str_n(value.data, value.len), 10, ret) == GP_OK;
}

static bool read_order(struct gp_str text, struct gp_arena *arena, struct order *ret)
{
	struct gp_attr name;

	if (!take_uint(text, "id", &ret->id) || !take_uint(text, "parts", &ret->parts) ||
	    !gp_attrs_find(text.ptr, text.len, "name", &name))
		return false;
	ret->name = gp_str_n(name.data, name.len);
	return contained_parse(ret->name, text, arena, &ret->c) == GP_OK;
}

static void answer(int fd, uint64_t id, unsigned failed, const char *why)
{
	GP_BUF_AUTO out = GP_BUF_INIT(ALERT_ORDER_MAX);

	gp_buf_printf(&out, "id=%llu\nfailed=%u\nwhy=%s\n\n", (unsigned long long)id, failed, why);
	(void)send(fd, out.data, out.len, MSG_NOSIGNAL);
}

static void carry_out(const struct contain_conf *conf, int fd, struct gp_str text)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_diag why = {""}, more = {""};
	struct order o = {0};
	unsigned failed = 0;

	if (read_order(text, arena, &o)) {
		if (o.parts & ALERT_COMMAND && run_command(conf, &o, arena, &why) < 0)
			failed |= ALERT_COMMAND;
		if (o.parts & ALERT_MAIL && send_mail(conf, &o, &more) < 0)
			failed |= ALERT_MAIL;
		for (char *c = more.text; *c; c++)
			*c = *c == '\n' ? ' ' : *c;
		answer(fd, o.id, failed, failed & ALERT_COMMAND ? why.text : more.text);
	}
	gp_arena_free(arena);
}

static GP_NORETURN void run(const struct contain_conf *conf, const char *user, int fd)
{
	char text[ALERT_ORDER_MAX];
	struct gp_diag diag = {""};
	ssize_t n;

	ignore_signals();
	prctl(PR_SET_NAME, "gatepost-alert", 0, 0, 0);
	if (gp_privileges_drop(user, &diag) < 0) {
		fprintf(stderr, "policyd-ratelimit: %s\n", diag.text);
		_exit(1);
	}
	while ((n = recv(fd, text, sizeof(text), 0)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			carry_out(conf, fd, gp_str_n(text, (size_t)n));
	_exit(0);
}

int alerter_start(const struct contain_conf *conf, const char *user, int *ret_fd,
		  struct gp_diag *diag)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return gp_diag_errno(diag, "socketpair");
	pid = fork();
	if (pid == 0) {
		gp_fd_close(&pair[0]);
		run(conf, user, pair[1]);
	}
	gp_fd_close(&pair[1]);
	if (pid < 0) {
		gp_fd_close(&pair[0]);
		return gp_diag_errno(diag, "fork");
	}
	*ret_fd = pair[0];
	return GP_OK;
}
