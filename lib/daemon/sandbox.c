/*
 * Confinement of the process after start.
 *
 * seccomp: what a mail filter never does is refused with EPERM, everything else
 * is allowed.  A list of what is allowed would be stricter, and would break with
 * every release of the dozen libraries beneath us; the unit's SystemCallFilter=
 * gives that to those who run under systemd.
 *
 * landlock (by its system calls, libc has no wrappers): reading where libraries
 * and configuration live, writing where the program said so.
 */
#include "lib/daemon/sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/log.h"

/* Defined where a leak sanitizer is linked in; it traces threads at the end. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

static const int denied[] = {
	SCMP_SYS(acct), SCMP_SYS(add_key), SCMP_SYS(adjtimex), SCMP_SYS(bpf), SCMP_SYS(chroot),
	SCMP_SYS(clock_adjtime), SCMP_SYS(clock_settime), SCMP_SYS(delete_module),
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(finit_module), SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount), SCMP_SYS(fsopen), SCMP_SYS(fspick), SCMP_SYS(init_module),
	SCMP_SYS(ioperm), SCMP_SYS(iopl), SCMP_SYS(kcmp), SCMP_SYS(kexec_file_load),
	SCMP_SYS(kexec_load), SCMP_SYS(keyctl), SCMP_SYS(lookup_dcookie), SCMP_SYS(mount),
	SCMP_SYS(move_mount), SCMP_SYS(name_to_handle_at), SCMP_SYS(nfsservctl),
	SCMP_SYS(open_by_handle_at), SCMP_SYS(open_tree), SCMP_SYS(perf_event_open),
	SCMP_SYS(personality), SCMP_SYS(pivot_root), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(quotactl), SCMP_SYS(reboot), SCMP_SYS(request_key),
	SCMP_SYS(setdomainname), SCMP_SYS(sethostname), SCMP_SYS(setns), SCMP_SYS(settimeofday),
	SCMP_SYS(stime), SCMP_SYS(swapoff), SCMP_SYS(swapon), SCMP_SYS(sysfs), SCMP_SYS(umount),
	SCMP_SYS(umount2), SCMP_SYS(unshare), SCMP_SYS(uselib), SCMP_SYS(userfaultfd),
	SCMP_SYS(vhangup),
};

static void filter_syscalls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < GP_ARRAY_SIZE(denied); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	if (r == 0 && !__lsan_do_leak_check)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ptrace), 0);
	if (r == 0)
		r = seccomp_load(ctx);
	if (r < 0)
		gp_log_debug("seccomp is not available: error %d", -r);
	if (ctx)
		seccomp_release(ctx);
}

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE (READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define WRITE                                                                                      \
	(READ | WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |      \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK)
#define ALL                                                                                        \
	(WRITE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                       \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                            \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Opens a path, or the nearest folder above what does not exist yet; never "/". */
static int open_nearest(const char *path)
{
	char part[4096];
	struct gp_str rest = gp_str(path);
	int fd = -1;

	while (fd < 0 && rest.len > 1 && gp_str_copy(part, sizeof(part), rest)) {
		fd = open(part, O_PATH | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -1;
		while (rest.len && rest.ptr[rest.len - 1] != '/')
			rest.len--;
		while (rest.len && rest.ptr[rest.len - 1] == '/')
			rest.len--;
	}
	return fd;
}

static void allow(int ruleset, const char *path, bool is_written)
{
	GP_FD_AUTO fd = is_written ? open_nearest(path) : open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		rule.allowed_access = is_written ? WRITE : READ;
	else
		rule.allowed_access = is_written ? WRITE_FILE : READ_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		gp_log_debug("landlock: %s: error %d", path, errno);
}

static void confine_files(void)
{
	/* Where libraries, charsets, certificates, names and numbers come from. */
	static const char *const system_paths[] = {
		"/etc", "/usr", "/lib", "/lib64", "/nix/store", "/proc", "/sys/devices/system",
		"/run", "/var/lib/unbound",
	};
	static const char *const devices[] = {"/dev/null", "/dev/log", "/dev/urandom"};
	struct landlock_ruleset_attr attr = {.handled_access_fs = ALL};
	const struct gp_sandbox_path *paths;
	size_t n_paths = gp_sandbox_paths(&paths);
	GP_FD_AUTO ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0) {
		gp_log_debug("landlock is not available: error %d", errno);
		return;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(system_paths); i++)
		allow(ruleset, system_paths[i], false);
	for (size_t i = 0; i < GP_ARRAY_SIZE(devices); i++)
		allow(ruleset, devices[i], true);
	for (size_t i = 0; i < n_paths; i++)
		allow(ruleset, paths[i].path, paths[i].is_written);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		gp_log_debug("landlock: error %d", errno);
}

int gp_sandbox_enter(struct gp_diag *diag)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return gp_diag_errno(diag, "no_new_privs");
	confine_files();
	filter_syscalls();
	return GP_OK;
}
