/*
 * Confinement of a worker.
 *
 * Other than in sandbox.c this is a list of what is allowed: a worker runs our own code
 * over bytes, so little is needed, and it is the likeliest part to be taken over.  Calls
 * that a library may try and do without (a file that it would like to read) get EACCES;
 * whatever is not listed kills the process, and its parent replaces it.
 *
 * Sanitizers: memory is not bounded where one is linked in; see sandbox_child.c.
 */
#include "lib/daemon/sandbox_worker.h"

#include <seccomp.h>

#include "lib/daemon/sandbox_child.h"

/* Defined where a sanitizer is linked in. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

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
	SCMP_SYS(sysinfo), SCMP_SYS(write), SCMP_SYS(writev),
};

/* Refused, and a library goes on without. */
static const int refused[] = {
	SCMP_SYS(access), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(connect),
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fcntl), SCMP_SYS(fork), SCMP_SYS(getcwd), SCMP_SYS(getdents64),
	SCMP_SYS(geteuid), SCMP_SYS(getuid), SCMP_SYS(ioctl), SCMP_SYS(kill), SCMP_SYS(lstat),
	SCMP_SYS(memfd_create), SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(openat2), SCMP_SYS(prctl), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(stat),
	SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(uname), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(vfork),
};

int gp_sandbox_enter_worker(uint64_t memory_max, struct gp_diag *diag)
{
	static const struct gp_sandbox_calls calls = {allowed, GP_ARRAY_SIZE(allowed), refused,
						      GP_ARRAY_SIZE(refused)};
	int r = gp_sandbox_close_up(diag);

	if (r < 0)
		return r;
	gp_sandbox_limit(RLIMIT_CORE, 0);
	gp_sandbox_limit(RLIMIT_FSIZE, 0);
	gp_sandbox_limit(RLIMIT_NPROC, 0);
	gp_sandbox_limit(RLIMIT_NOFILE, 16);
	if (!__lsan_do_leak_check)
		gp_sandbox_limit(RLIMIT_DATA, memory_max);
	gp_sandbox_confine_files(NULL);
	return gp_sandbox_filter(&calls, diag);
}
