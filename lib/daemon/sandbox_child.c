/*
 * Steps of confinement; see the header.
 *
 * Sanitizers need files, and memory without bound, to say what they found: where one is
 * linked in, what is not listed is refused instead.
 */
#include "lib/daemon/sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/log.h"

/* Defined where a sanitizer is linked in. */
extern void __lsan_do_leak_check(void) __attribute__((weak));
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));

#define IN_FOLDER                                                                                  \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                              \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define NOWHERE                                                                                    \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

int gp_sandbox_close_up(struct gp_diag *diag)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return gp_diag_errno(diag, "no_new_privs");
	/* Its memory holds mail: nobody of the same user may look at it, no core is written. */
	if (!__sanitizer_print_stack_trace && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return gp_diag_errno(diag, "not dumpable");
	return GP_OK;
}

void gp_sandbox_limit(__rlimit_resource_t what, uint64_t value)
{
	struct rlimit l = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit(what, &l) < 0)
		gp_log_debug("limit %d: error %d", (int)what, errno);
}

static bool allow_folder(int ruleset, const char *folder)
{
	GP_FD_AUTO fd = open(folder, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = IN_FOLDER};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool gp_sandbox_has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

void gp_sandbox_confine_files(const char *folder)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = IN_FOLDER | NOWHERE};
	GP_FD_AUTO ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0 || (folder && !allow_folder(ruleset, folder)) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		gp_log_debug("landlock is not available: error %d", errno);
}

/* A call whose first argument is this process. */
static int allow_for(scmp_filter_ctx ctx, int call, pid_t pid)
{
	const struct scmp_arg_cmp is_own = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)pid};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, call, 1, &is_own);
}

/* Not F_SETOWN and F_SETSIG: a signal of one's choice to another process of the same user. */
static int allow_fcntl(scmp_filter_ctx ctx)
{
	static const int commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL,
				       F_GETLK, F_SETLK, F_SETLKW, F_GET_SEALS};
	int r = 0;

	for (size_t i = 0; r == 0 && i < GP_ARRAY_SIZE(commands); i++) {
		/* the kernel takes an int: what stands above it is not looked at */
		const struct scmp_arg_cmp is_command = {.arg = 1, .op = SCMP_CMP_MASKED_EQ,
							.datum_a = UINT32_MAX,
							.datum_b = (scmp_datum_t)commands[i]};

		r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &is_command);
	}
	return r;
}

static int add_rules(scmp_filter_ctx ctx, const struct gp_sandbox_calls *calls)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

	for (size_t i = 0; r == 0 && i < calls->n_allowed; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls->allowed[i], 0);
	for (size_t i = 0; r == 0 && i < calls->n_refused; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), calls->refused[i], 0);
	if (r == 0 && calls->has_fcntl)
		r = allow_fcntl(ctx);
	if (r == 0)
		r = allow_for(ctx, SCMP_SYS(tgkill), getpid());
	if (r == 0)
		r = allow_for(ctx, SCMP_SYS(prlimit64), 0);
	return r;
}

int gp_sandbox_filter(const struct gp_sandbox_calls *calls, struct gp_diag *diag)
{
	scmp_filter_ctx ctx = seccomp_init(__lsan_do_leak_check ? SCMP_ACT_ERRNO(EPERM)
							       : SCMP_ACT_KILL_PROCESS);
	int r = ctx ? add_rules(ctx, calls) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	if (r == 0)
		return GP_OK;
	errno = -r;
	return gp_diag_errno(diag, "seccomp");
}
