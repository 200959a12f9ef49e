/*
 * Bytes to and from an IMAP server; see the header.
 */
#include "cli/imap_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/num.h"

#define IN_MAX ((size_t)4 << 20)     /* of one response: a LIST line, a header */
#define ERRORS_MAX ((size_t)64 << 10)
#define END_MS 2000 /* in which a child that read its end ends */

void imap_stream_init(struct imap_stream *s, const struct cli_wait *wait)
{
	*s = (struct imap_stream){.wait = wait, .fd = -1, .out = -1, .errors = -1,
				   .in = GP_BUF_INIT(IN_MAX)};
}

static void end_child(pid_t child)
{
	int64_t until_ms = gp_clock_mono_ms() + END_MS;

	while (gp_clock_mono_ms() < until_ms) {
		if (waitpid(child, NULL, WNOHANG) != 0)
			return;
		(void)poll(NULL, 0, 10);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

void imap_stream_close(struct imap_stream *s)
{
	gp_tls_free(&s->tls);
	gp_tls_context_free(&s->context);
	gp_fd_close(&s->out);
	gp_fd_close(&s->fd);
	if (s->child > 0)
		end_child(s->child);
	s->child = 0;
	gp_fd_close(&s->errors);
	gp_buf_done(&s->in);
	imap_stream_init(s, s->wait);
}

/* A socket that is being connected, without blocking. */
static int finish_connect(struct imap_stream *s, struct gp_diag *diag)
{
	socklen_t len = sizeof(int);
	int error = 0, r;
	short events;

	r = cli_wait_fd(s->wait, s->fd, POLLOUT, &events, diag);
	if (r < 0)
		return r;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return gp_diag_errno(diag, "socket");
	errno = error;
	return error ? gp_diag_errno(diag, "connect") : GP_OK;
}

static int connect_to(struct imap_stream *s, const struct sockaddr *addr, socklen_t len,
		      struct gp_diag *diag)
{
	s->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return gp_diag_errno(diag, "socket");
	if (connect(s->fd, addr, len) == 0)
		return GP_OK;
	return errno == EINPROGRESS ? finish_connect(s, diag) : gp_diag_errno(diag, "connect");
}

int imap_stream_connect(struct imap_stream *s, const char *host, const char *port,
			struct gp_diag *diag)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int e, r = GP_ENOENT;

	imap_stream_close(s);
	e = getaddrinfo(host, port, &hints, &found);
	if (e != 0)
		gp_diag_set(diag, "%s", gai_strerror(e));
	for (const struct addrinfo *a = found; a && r < 0; a = a->ai_next) {
		gp_fd_close(&s->fd);
		r = connect_to(s, a->ai_addr, a->ai_addrlen, diag);
	}
	if (found)
		freeaddrinfo(found);
	if (r < 0) {
		gp_diag_prepend(diag, "%s port %s", host, port);
		imap_stream_close(s);
	}
	return r;
}

int imap_stream_connect_unix(struct imap_stream *s, const char *path, struct gp_diag *diag)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int r = GP_EINVAL;

	imap_stream_close(s);
	if (!gp_str_copy(addr.sun_path, sizeof(addr.sun_path), gp_str(path)))
		gp_diag_set(diag, "too long for a socket's name");
	else
		r = connect_to(s, (const struct sockaddr *)&addr, sizeof(addr), diag);
	if (r < 0) {
		gp_diag_prepend(diag, "%s", path);
		imap_stream_close(s);
	}
	return r;
}

static int spawn(struct imap_stream *s, const char *const *argv, int its_in, int its_out)
{
	posix_spawn_file_actions_t actions;
	int e;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, its_out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, s->errors, STDERR_FILENO);
	e = posix_spawnp(&s->child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (e)
		s->child = 0;
	return e;
}

int imap_stream_spawn(struct imap_stream *s, const char *const *argv, struct gp_diag *diag)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1};

	imap_stream_close(s);
	s->errors = gp_memfd_open("errors");
	if (s->errors < 0 || pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		(void)gp_diag_errno(diag, "%s", argv[0]);
	else if ((errno = spawn(s, argv, to[0], from[1])) != 0)
		(void)gp_diag_errno(diag, "%s", argv[0]);
	gp_fd_close(&to[0]);
	gp_fd_close(&from[1]);
	s->fd = from[0];
	s->out = to[1];
	if (s->child > 0 && gp_fd_set_nonblocking(s->fd) == GP_OK &&
	    gp_fd_set_nonblocking(s->out) == GP_OK)
		return GP_OK;
	imap_stream_close(s);
	return GP_ESYS;
}

void imap_stream_complaint(const struct imap_stream *s, char *ret, size_t size)
{
	static const char *const kinds[] = {"Fatal: ", "Error: ", "Panic: "};
	GP_BUF_AUTO text = GP_BUF_INIT(ERRORS_MAX);
	struct gp_str rest, line;

	*ret = '\0';
	if (s->errors < 0 || lseek(s->errors, 0, SEEK_SET) < 0 ||
	    gp_fd_read_all(s->errors, &text) < 0)
		return;
	rest = gp_buf_str(&text);
	while (gp_str_next(&rest, '\n', &line))
		for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++) {
			size_t at = gp_str_find(line, gp_str(kinds[i]), 0);

			if (at < line.len)
				(void)gp_str_copy(ret, size, gp_str_sub(line, at, size - 1));
		}
}

static int out_of(const struct imap_stream *s)
{
	return s->out >= 0 ? s->out : s->fd;
}

/* Waits as a result of lib/io/tls says; passes failures on. */
static int wait_tls(struct imap_stream *s, int result, struct gp_diag *diag)
{
	short events;

	if (result <= 0)
		return result;
	return result == GP_TLS_WANT_READ ? cli_wait_fd(s->wait, s->fd, POLLIN, &events, diag)
					  : cli_wait_fd(s->wait, out_of(s), POLLOUT, &events, diag);
}

int imap_stream_secure(struct imap_stream *s, const struct gp_tls_config *config, const char *name,
		       struct gp_diag *diag)
{
	int r = gp_tls_context_new(config, &s->context, diag), result;

	if (r < 0)
		return r;
	s->tls = gp_tls_new(s->context, s->fd, name);
	if (!s->tls) {
		gp_diag_set(diag, "TLS: \"%s\" is no name", name);
		return GP_EINVAL;
	}
	do {
		result = gp_tls_handshake(s->tls, diag);
		r = wait_tls(s, result, diag);
	} while (r == GP_OK && result > 0);
	return r;
}

static int plain_result(ssize_t n, size_t *ret_n, struct gp_diag *diag)
{
	if (n > 0) {
		*ret_n = (size_t)n;
		return GP_OK;
	}
	if (n == 0) {
		gp_diag_set(diag, "the server closed the connection");
		return GP_ETEMP;
	}
	return errno == EAGAIN || errno == EINTR ? GP_TLS_WANT_READ : gp_diag_errno(diag, "IMAP");
}

int imap_stream_write(struct imap_stream *s, struct gp_str bytes, struct gp_diag *diag)
{
	while (bytes.len > 0) {
		size_t n = 0;
		int r;

		if (s->tls)
			r = gp_tls_write(s->tls, bytes.ptr, bytes.len, &n, diag);
		else
			r = plain_result(write(out_of(s), bytes.ptr, bytes.len), &n, diag);
		if (r > 0 && !s->tls)
			r = GP_TLS_WANT_WRITE;
		r = wait_tls(s, r, diag);
		if (r < 0)
			return r;
		bytes = gp_str_sub(bytes, n, bytes.len);
	}
	return GP_OK;
}

static int read_more(struct imap_stream *s, struct gp_diag *diag)
{
	char *room = gp_buf_reserve(&s->in, 16384);
	size_t n = 0;
	int r;

	if (!room) {
		gp_diag_set(diag, "the server's answer is too long");
		return GP_ELIMIT;
	}
	if (s->tls)
		r = gp_tls_read(s->tls, room, 16384, &n, diag);
	else
		r = plain_result(read(s->fd, room, 16384), &n, diag);
	s->in.len += n;
	return wait_tls(s, r, diag);
}

/* The bytes of the literal that a line announces at its end; -1 if none. */
static int64_t literal_of(struct gp_str line)
{
	size_t open = gp_str_find_last(line, '{');
	int64_t n;

	if (line.len < 3 || line.ptr[line.len - 1] != '}' || open >= line.len ||
	    gp_num_parse_int(gp_str_sub(line, open + 1, line.len - open - 2), &n) || n < 0)
		return -1;
	return n;
}

int imap_stream_line(struct imap_stream *s, struct gp_str *ret, struct gp_diag *diag)
{
	size_t from = 0; /* of the line at hand, after a literal */

	gp_buf_consume(&s->in, s->taken);
	s->taken = 0;
	for (;;) {
		struct gp_str all = gp_buf_str(&s->in);
		size_t end = gp_str_find(all, GP_STR("\r\n"), from);
		int64_t literal;

		if (end < all.len) {
			literal = literal_of(gp_str_sub(all, from, end - from));
			if (literal < 0) {
				*ret = gp_str_sub(all, 0, end);
				s->taken = end + 2;
				return GP_OK;
			}
			if (all.len >= end + 2 + (size_t)literal) {
				from = end + 2 + (size_t)literal;
				continue;
			}
		}
		int r = read_more(s, diag);

		if (r < 0)
			return r;
	}
}
