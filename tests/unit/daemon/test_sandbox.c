/*
 * What a confined process cannot do any more, and what it can.
 */
#include "lib/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/daemon/sandbox_child.h"
#include "lib/daemon/sandbox_scanner.h"
#include "tests/unit/test.h"

static char allowed[] = "/tmp/gp-box-a-XXXXXX", other[] = "/tmp/gp-box-b-XXXXXX";

static bool can_write(const char *folder)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/file", folder);
	return gp_file_replace(path, "x", 1, 0600, NULL) == GP_OK;
}

static bool can_read(const char *path)
{
	GP_FD_AUTO fd = open(path, O_RDONLY);

	return fd >= 0;
}

/* The exit status says which expectation failed. */
static int confined(bool has_landlock)
{
	struct gp_diag diag;
	char name[] = "true", *const argv[] = {name, NULL};

	gp_sandbox_write(allowed);
	gp_sandbox_write("");
	gp_sandbox_read("/nonexistent");
	if (gp_sandbox_enter(&diag) < 0)
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	errno = 0;
	if (execv("/bin/true", argv) == 0 || errno == ENOENT)
		return 3;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 4;
	if (!can_write(allowed) || !can_read("/etc/passwd") || !can_read("/proc/self/statm"))
		return 5;
	if (has_landlock && (can_write(other) || can_read("/root/.profile")))
		return 6;
	return 0;
}

static void test_confined(void **state)
{
	bool has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0,
				    LANDLOCK_CREATE_RULESET_VERSION) > 0;
	int status = -1;
	pid_t pid;
	char path[100];

	(void)state;
	if (!has_landlock)
		print_message("# this kernel has no landlock: files are not confined\n");
	assert_non_null(mkdtemp(allowed));
	assert_non_null(mkdtemp(other));
	pid = fork();
	if (pid == 0)
		_exit(confined(has_landlock));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	snprintf(path, sizeof(path), "%s/file", allowed);
	unlink(path);
	rmdir(allowed);
	assert_int_equal(rmdir(other), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* In a scanner's confinement; 0: it got away with it. */
static int attempt(int what)
{
	struct gp_scanner_limits limits = {.address_space = 1 << 26, .file_size = 1 << 20, .files = 64};
	struct rlimit none = {0, 0};
	struct gp_diag diag;
	pid_t parent = getppid();
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	if (gp_sandbox_enter_scanner(what == 5 ? "/" : "/tmp", &limits, &diag) < 0)
		return 1;
	switch (what) {
	case 0: /* what it may: its own limits, a signal to itself */
		gp_sandbox_cpu_budget(5);
		return raise(0) == 0 ? 0 : 2;
	case 1:
		return syscall(SYS_tgkill, parent, parent, 0) == 0 ? 0 : 2;
	case 2:
		return prlimit(parent, RLIMIT_CORE, NULL, &none) == 0 ? 0 : 2;
	case 3: /* news of a descriptor by a signal of its choice, to whom it likes */
		return fcntl(sock, F_SETSIG, SIGKILL) == 0 && fcntl(sock, F_SETOWN, parent) == 0 ? 0 : 2;
	case 4:
		return fcntl(sock, F_SETFL, fcntl(sock, F_GETFL)) == 0 && dup(sock) >= 0 ? 0 : 2;
	case 6: /* the network */
		return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 2;
	case 7: /* files that are not in its folder */
		return open("/etc/passwd", O_RDONLY) >= 0 && gp_sandbox_has_landlock() ? 0 : 2;
	case 8: /* other programs: true(1) ends with 0 */
		execl("/bin/true", "true", (char *)NULL);
		return 2;
	case 9:
		return fork() >= 0 ? 0 : 2;
	default:
		return chmod("/tmp/gp-box-none", 0600) < 0 && errno == EACCES ? 2 : 0;
	}
}

/* A process that was taken over neither signals nor limits another one of its user. */
static void test_scanner_leaves_others_alone(void **state)
{
	(void)state;
	for (int what = 0; what < 10; what++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0)
			_exit(attempt(what));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (what == 0 || what == 4)
			assert_int_equal(status, 0);
		else /* it was refused, or ended for trying */
			assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSYS
							: WEXITSTATUS(status) == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_scanner_leaves_others_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
