/*
 * Confinement of a worker.
 *
 * Other than in sandbox.c this is a list of what is allowed: a worker runs our own code
 * over bytes, so little is needed, and it is the likeliest part to be taken over.  Calls
 * that a library may try and do without (a file that it would like to read) get EACCES;
 * whatever is not listed kills the process, and its parent replaces it.
 *
 * Sanitizers need files, and memory without bound, to say what they found: where one is
 * linked in, what is not listed is refused instead, and memory is not bounded.
 */
#include "lib/daemon/sandbox_worker.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/log.h"

/* Defined where a sanitizer is linked in. */
extern void __lsan_do_leak_check(void) __attribute__((weak));
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));

static const int allowed[] = {
	SCMP_SYS(brk), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(close),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(fstat), SCMP_SYS(futex),
	SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(gettid), SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mmap),
	SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(nanosleep),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield), SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(shutdown),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(write), SCMP_SYS(writev),
};

/* Refused, and a library goes on without. */
static const int refused[] = {
	SCMP_SYS(access), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(connect),
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fcntl), SCMP_SYS(fork), SCMP_SYS(getcwd), SCMP_SYS(getdents64),
	SCMP_SYS(geteuid), SCMP_SYS(getuid), SCMP_SYS(ioctl), SCMP_SYS(kill), SCMP_SYS(lstat),
	SCMP_SYS(memfd_create), SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(openat2), SCMP_SYS(prctl), SCMP_SYS(prlimit64), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(stat),
	SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(uname), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(vfork),
};

static int filter_syscalls(void)
{
	scmp_filter_ctx ctx = seccomp_init(__lsan_do_leak_check ? SCMP_ACT_ERRNO(EPERM)
							       : SCMP_ACT_KILL_PROCESS);
	int r = ctx ? 0 : -ENOMEM;

	if (r == 0) /* threads that were made before too */
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; r == 0 && i < GP_ARRAY_SIZE(allowed); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; r == 0 && i < GP_ARRAY_SIZE(refused); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return r;
}

/* No path at all.  A kernel without landlock leaves this to seccomp. */
static void confine_files(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
				     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
				     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				     LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	GP_FD_AUTO ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		gp_log_debug("landlock is not available: error %d", errno);
}

static void limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit l = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit(what, &l) < 0)
		gp_log_debug("limit %d: error %d", (int)what, errno);
}

int gp_sandbox_enter_worker(uint64_t memory_max, struct gp_diag *diag)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return gp_diag_errno(diag, "no_new_privs");
	/* Its memory holds mail: nobody of the same user may look at it, no core is written. */
	if (!__sanitizer_print_stack_trace && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return gp_diag_errno(diag, "not dumpable");
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_NOFILE, 16);
	if (!__lsan_do_leak_check)
		limit(RLIMIT_DATA, memory_max);
	confine_files();
	r = filter_syscalls();
	if (r < 0) {
		errno = -r;
		return gp_diag_errno(diag, "seccomp");
	}
	return GP_OK;
}
