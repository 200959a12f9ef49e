/*
 * Running a program; see the header.
 *
 * Its input comes from a memory file, so that nobody waits for the other while both write.
 */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"

/* cron's PATH has no sbin, an administrator's may have none. */
static const char *const folders[] = {"/usr/sbin/", "/sbin/", "/usr/local/sbin/"};

static int open_input(struct gp_str text)
{
	int fd = gp_memfd_open("input");

	if (fd >= 0 && (gp_fd_write_all(fd, text.ptr, text.len) < 0 || lseek(fd, 0, SEEK_SET) < 0))
		gp_fd_close(&fd);
	return fd;
}

static int spawn(const char *const *argv, const posix_spawn_file_actions_t *actions, pid_t *ret)
{
	/* cast: posix_spawn's prototype forgot the const of the strings */
	char *const *args = (char *const *)(uintptr_t)argv;
	char path[512];
	int e = posix_spawnp(ret, argv[0], actions, NULL, args, environ);

	for (size_t i = 0; e == ENOENT && argv[0][0] != '/' && i < GP_ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", folders[i], argv[0]);
		e = posix_spawn(ret, path, actions, NULL, args, environ);
	}
	return e;
}

/* its_out: -1, or the end that it writes to. */
static int start(const char *const *argv, int its_in, int its_out, pid_t *ret, struct gp_diag *diag)
{
	posix_spawn_file_actions_t actions;
	int e;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, its_in, STDIN_FILENO);
	if (its_out >= 0)
		posix_spawn_file_actions_adddup2(&actions, its_out, STDOUT_FILENO);
	e = spawn(argv, &actions, ret);
	posix_spawn_file_actions_destroy(&actions);
	if (e == 0)
		return GP_OK;
	errno = e;
	(void)gp_diag_errno(diag, "%s", argv[0]);
	return e == ENOENT ? GP_ENOENT : GP_ESYS;
}

static int finish(const char *name, pid_t child, struct gp_diag *diag)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return GP_OK;
	gp_diag_set(diag, "%s failed (status %d)", name,
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return GP_ESYS;
}

int gp_program_run(const char *const *argv, struct gp_str input, struct gp_buf *out,
		   struct gp_diag *diag)
{
	GP_FD_AUTO its_in = open_input(input);
	int pair[2] = {-1, -1}, r;
	pid_t child;

	if (its_in < 0 || (out && pipe2(pair, O_CLOEXEC) < 0))
		return gp_diag_errno(diag, "%s", argv[0]);
	fflush(stdout);
	r = start(argv, its_in, pair[1], &child, diag);
	gp_fd_close(&pair[1]);
	if (r == GP_OK) {
		int read_result = out ? gp_fd_read_all(pair[0], out) : GP_OK;

		gp_fd_close(&pair[0]); /* it ends, even if it has more to say than we read */
		r = finish(argv[0], child, diag);
		if (r == GP_OK && read_result != GP_OK) {
			gp_diag_set(diag, "%s says more than can be read", argv[0]);
			r = GP_ESYS;
		}
	}
	gp_fd_close(&pair[0]);
	return r;
}
