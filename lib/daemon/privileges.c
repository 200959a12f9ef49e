/*
 * Giving up root.
 */
#include "lib/daemon/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

static const struct passwd *find_user(const char *user, struct gp_diag *diag)
{
	const struct passwd *entry = getpwnam(user);

	if (!entry)
		gp_diag_set(diag, "no user \"%s\"", user);
	return entry;
}

int gp_privileges_give_file(const char *path, const char *user, struct gp_diag *diag)
{
	const struct passwd *entry;

	if (!*user || geteuid() != 0)
		return GP_OK;
	entry = find_user(user, diag);
	if (!entry)
		return GP_ENOENT;
	if (chown(path, entry->pw_uid, entry->pw_gid) < 0)
		return gp_diag_errno(diag, "giving %s to %s", path, user);
	return GP_OK;
}

int gp_privileges_drop(const char *user, struct gp_diag *diag)
{
	const struct passwd *entry;

	if (!*user || geteuid() != 0)
		return GP_OK;
	entry = find_user(user, diag);
	if (!entry)
		return GP_ENOENT;
	if (initgroups(user, entry->pw_gid) < 0 ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
		return gp_diag_errno(diag, "becoming %s", user);
	if (entry->pw_uid != 0 && setuid(0) == 0) {
		gp_diag_set(diag, "becoming %s: root could be had back", user);
		return GP_ESYS;
	}
	return GP_OK;
}
