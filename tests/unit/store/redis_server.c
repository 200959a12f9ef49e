/*
 * Servers for the Redis tests; see the header.
 */
#include "tests/unit/store/redis_server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/unit/test.h"

extern char **environ;

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool redis_is_installed(void)
{
	return system("command -v redis-server >/dev/null 2>&1") == 0;
}

void redis_start(struct redis_server *s, const char *const *options)
{
	const char *argv[40] = {"redis-server", "--unixsocket", s->socket, "--port", "0",
				"--save", "", "--appendonly", "no", "--dir", s->dir,
				"--logfile", "redis.log"};
	size_t n = 13;
	int fd = -1;

	if (!s->dir[0]) {
		snprintf(s->dir, sizeof(s->dir), "/tmp/gp-test-redis-XXXXXX");
		assert_non_null(mkdtemp(s->dir));
		snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", s->dir);
		snprintf(s->url, sizeof(s->url), "redis+unix://%s", s->socket);
	}
	for (size_t i = 0; options && options[i]; i++)
		argv[n++] = options[i];
	assert_int_equal(posix_spawnp(&s->pid, "redis-server", NULL, NULL,
				      (char *const *)(uintptr_t)argv, environ),
			 0);
	for (int i = 0; i < 500 && fd < 0; i++) {
		fd = connect_to(s->socket);
		if (fd < 0)
			usleep(10000);
	}
	assert_true(fd >= 0);
	close(fd);
}

void redis_kill(struct redis_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	unlink(s->socket);
}

void redis_remove(struct redis_server *s)
{
	char command[128];

	redis_kill(s);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
	(void)!system(command);
	s->dir[0] = '\0';
}

const char *redis_command(const struct redis_server *s, const char *command)
{
	static char reply[256];
	int fd = connect_to(s->socket);
	ssize_t n;

	assert_true(fd >= 0);
	assert_true(write(fd, command, strlen(command)) > 0);
	assert_int_equal(write(fd, "\r\n", 2), 2);
	n = read(fd, reply, sizeof(reply) - 1);
	close(fd);
	assert_true(n > 0);
	reply[n] = '\0';
	reply[strcspn(reply, "\r\n")] = '\0';
	return reply;
}

/* The fake: one thread, any number of connections. */

#define FAKE_CONNECTIONS 16

struct redis_fake {
	pthread_t thread;
	int listener, stop[2], delay_ms, answers;
	enum fake_manner manner;
	char path[100];
};

/* Commands are counted by their "*" at the beginning of a line: the tests send no
 * values that look like one. */
static bool serve(struct redis_fake *f, int fd)
{
	char buf[65536], reply[64];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n <= 0)
		return false;
	if (f->manner == FAKE_SILENT)
		return true;
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '*' || (i > 0 && buf[i - 1] != '\n'))
			continue;
		usleep((useconds_t)f->delay_ms * 1000);
		if (f->manner == FAKE_GARBAGE)
			snprintf(reply, sizeof(reply), "220 mail.example.org ESMTP\r\n");
		else if (f->manner == FAKE_HUGE)
			snprintf(reply, sizeof(reply), "*1000000000\r\n");
		else
			snprintf(reply, sizeof(reply), ":%d\r\n", f->answers++);
		if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
			return false;
	}
	return true;
}

static void *fake_main(void *arg)
{
	struct redis_fake *f = arg;
	struct pollfd fds[2 + FAKE_CONNECTIONS];
	nfds_t n = 2;

	fds[0] = (struct pollfd){.fd = f->stop[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = f->listener, .events = POLLIN};
	while (poll(fds, n, -1) > 0 && !fds[0].revents) {
		for (nfds_t i = 2; i < n; i++)
			if (fds[i].revents && !serve(f, fds[i].fd)) {
				close(fds[i].fd);
				fds[i--] = fds[--n];
			}
		if (fds[1].revents && n < 2 + FAKE_CONNECTIONS)
			fds[n++] = (struct pollfd){.fd = accept(f->listener, NULL, NULL),
						   .events = POLLIN};
	}
	for (nfds_t i = 2; i < n; i++)
		close(fds[i].fd);
	return NULL;
}

struct redis_fake *fake_start(const char *path, enum fake_manner manner, int delay_ms)
{
	struct redis_fake *f = gp_xcalloc(1, sizeof(*f));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	f->manner = manner;
	f->delay_ms = delay_ms;
	snprintf(f->path, sizeof(f->path), "%s", path);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->listener, 16), 0);
	assert_int_equal(pipe(f->stop), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, fake_main, f), 0);
	return f;
}

void fake_stop(struct redis_fake *f)
{
	assert_int_equal(write(f->stop[1], "x", 1), 1);
	pthread_join(f->thread, NULL);
	close(f->stop[0]);
	close(f->stop[1]);
	close(f->listener);
	unlink(f->path);
	free(f);
}
