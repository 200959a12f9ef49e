/*
 * Listening sockets by their configured text.
 */
#include "lib/daemon/socket.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/num.h"
#include "lib/io/address.h"

#define BACKLOG 128

int gp_socket_clear_stale(const char *address, struct gp_diag *diag)
{
	const char *path = gp_address_path(address);
	struct gp_address target;
	struct stat st;
	GP_FD_AUTO fd = -1;

	if (!path || lstat(path, &st) < 0)
		return GP_OK;
	if (!S_ISSOCK(st.st_mode)) {
		gp_diag_set(diag, "%s: exists and is no socket", path);
		return GP_EACCES;
	}
	if (gp_address_parse(address, &target) < 0)
		return GP_EINVAL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return gp_diag_errno(diag, "socket");
	if (connect(fd, &target.any, target.len) == 0 || errno == EAGAIN) {
		gp_diag_set(diag, "%s: another process listens there", path);
		return GP_EACCES;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		return gp_diag_errno(diag, "%s: removing the stale socket", path);
	return GP_OK;
}

int gp_socket_set_access(const char *address, unsigned mode, const char *group,
			 struct gp_diag *diag)
{
	const char *path = gp_address_path(address);
	const struct group *entry;

	if (!path)
		return GP_OK;
	if (*group) {
		errno = 0;
		entry = getgrnam(group);
		if (!entry) {
			gp_diag_set(diag, "no group \"%s\"", group);
			return GP_ENOENT;
		}
		if (chown(path, (uid_t)-1, entry->gr_gid) < 0)
			return gp_diag_errno(diag, "%s: giving it to the group %s", path, group);
	}
	if (chmod(path, mode) < 0)
		return gp_diag_errno(diag, "%s: setting its mode", path);
	return GP_OK;
}

int gp_socket_listen(const char *address, unsigned mode, int *ret_fd, struct gp_diag *diag)
{
	struct gp_address own;
	GP_FD_AUTO fd = -1;
	int one = 1, r;
	mode_t old;

	if (gp_address_parse(address, &own) < 0) {
		gp_diag_set(diag, "%s: no address to listen on", address);
		return GP_EINVAL;
	}
	r = gp_socket_clear_stale(address, diag);
	if (r < 0)
		return r;
	fd = socket(own.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return gp_diag_errno(diag, "%s", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	old = umask(0177);
	r = bind(fd, &own.any, own.len);
	umask(old);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return gp_diag_errno(diag, "%s", address);
	r = gp_socket_set_access(address, mode, "", diag);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return GP_OK;
}

void gp_socket_unlink(const char *address)
{
	const char *path = gp_address_path(address);

	if (path)
		unlink(path);
}

/* Does fd belong to a connection accepted on `own`? */
static bool is_accepted(int fd, const struct gp_address *own)
{
	struct gp_address name = {0};
	socklen_t len = sizeof(name);
	int listens = 0;
	socklen_t listens_len = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) < 0 || listens ||
	    getsockname(fd, &name.any, &len) < 0 || name.any.sa_family != own->any.sa_family)
		return false;
	if (own->any.sa_family == AF_UNIX)
		return gp_str_eq(gp_str(name.un.sun_path), gp_str(own->un.sun_path));
	if (own->any.sa_family == AF_INET)
		return name.in.sin_port == own->in.sin_port;
	return name.in6.sin6_port == own->in6.sin6_port;
}

void gp_socket_cut(const char *address)
{
	struct gp_address own;
	DIR *dir;
	const struct dirent *entry;
	int64_t fd;

	if (gp_address_parse(address, &own) < 0)
		return;
	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir)) != NULL)
		if (gp_num_parse_int(gp_str(entry->d_name), &fd) == GP_OK &&
		    is_accepted((int)fd, &own))
			shutdown((int)fd, SHUT_RD);
	if (dir)
		closedir(dir);
}
