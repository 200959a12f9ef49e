/*
 * Confinement of a scanner.
 *
 * As sandbox_worker.c a list of what is allowed; longer, because unpacking wants files.  Where
 * they may be is landlock's; on a kernel without it the folder becomes the root, where a user
 * namespace can be had for that; else file permissions remain, which is said.
 * Sanitizers: as there.
 */
#include "lib/daemon/sandbox_scanner.h"

#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/daemon/sandbox_child.h"

/* Defined where a sanitizer is linked in. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

static const int allowed[] = {
	SCMP_SYS(access), SCMP_SYS(brk), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(close), SCMP_SYS(copy_file_range), SCMP_SYS(dup),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(fadvise64), SCMP_SYS(fallocate), SCMP_SYS(fchmod), 
	SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync), SCMP_SYS(ftruncate),
	SCMP_SYS(futex), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(getegid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getpid), SCMP_SYS(getrandom),
	SCMP_SYS(getrusage), SCMP_SYS(gettid), SCMP_SYS(gettimeofday), SCMP_SYS(getuid),
	SCMP_SYS(lseek), SCMP_SYS(lstat), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
	SCMP_SYS(msync), SCMP_SYS(munmap), SCMP_SYS(nanosleep), SCMP_SYS(newfstatat),
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(read), SCMP_SYS(readv),
	SCMP_SYS(recvmsg), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(restart_syscall), SCMP_SYS(rmdir), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield), SCMP_SYS(sendfile), SCMP_SYS(sendmsg), SCMP_SYS(setrlimit),
	SCMP_SYS(sigaltstack), SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(sysinfo),
	SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(umask), SCMP_SYS(uname),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), 
	SCMP_SYS(write), SCMP_SYS(writev),
};

/* Refused, and a library goes on without.  Modes and times: landlock does not confine them. */
static const int refused[] = {
	SCMP_SYS(chmod), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(connect), SCMP_SYS(execve),
	SCMP_SYS(execveat), SCMP_SYS(fchmodat), SCMP_SYS(fork), SCMP_SYS(ioctl), SCMP_SYS(kill), SCMP_SYS(link),
	SCMP_SYS(linkat), SCMP_SYS(memfd_create), SCMP_SYS(openat2), SCMP_SYS(prctl),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(socket), SCMP_SYS(socketpair),
	SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(utime), SCMP_SYS(utimensat),
	SCMP_SYS(utimes), SCMP_SYS(vfork),
};

/* Bytes that are mapped now; 0 when nobody says. */
static uint64_t mapped_now(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool gp_sandbox_may_root(void)
{
	if (gp_sandbox_has_landlock())
		return false;
	if (unshare(CLONE_NEWUSER) == 0 && chroot("/") == 0)
		return true;
	gp_log_warning("no landlock and no user namespace: a scanner may read what its user may");
	return false;
}

/* The rights that the namespace gave go too. */
static int make_root(const char *folder, struct gp_diag *diag)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (chroot(folder) < 0 || chdir("/") < 0)
		return gp_diag_errno(diag, "%s: as root folder", folder);
	if (syscall(SYS_capset, &head, none) < 0)
		return gp_diag_errno(diag, "capset");
	return GP_OK;
}

int gp_sandbox_enter_scanner(const char *folder, const struct gp_scanner_limits *limits,
			     struct gp_diag *diag)
{
	static const struct gp_sandbox_calls calls = {allowed, GP_ARRAY_SIZE(allowed), refused,
						      GP_ARRAY_SIZE(refused), .has_fcntl = true};
	uint64_t mapped = mapped_now();
	int r = gp_sandbox_close_up(diag);

	if (r < 0)
		return r;
	signal(SIGXFSZ, SIG_DFL); /* the library may take a cut file for a whole one: rather end */
	gp_sandbox_limit(RLIMIT_CORE, 0);
	gp_sandbox_limit(RLIMIT_FSIZE, limits->file_size);
	gp_sandbox_limit(RLIMIT_NPROC, 0);
	gp_sandbox_limit(RLIMIT_NOFILE, limits->files);
	if (!__lsan_do_leak_check && mapped > 0)
		gp_sandbox_limit(RLIMIT_AS, mapped + limits->address_space);
	if (!limits->is_rooted)
		gp_sandbox_confine_files(folder);
	else
		r = make_root(folder, diag);
	return r < 0 ? r : gp_sandbox_filter(&calls, diag);
}

void gp_sandbox_cpu_budget(uint32_t seconds)
{
	struct rusage used;
	struct rlimit l;

	if (getrusage(RUSAGE_SELF, &used) < 0 || getrlimit(RLIMIT_CPU, &l) < 0)
		return;
	l.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 + seconds;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	(void)!setrlimit(RLIMIT_CPU, &l);
}
