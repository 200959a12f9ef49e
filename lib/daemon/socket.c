/*
 * Listening sockets by their configured text.
 */
#include "lib/daemon/socket.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/ip.h"
#include "lib/base/num.h"

#define BACKLOG 128

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static const char *unix_path(const char *address)
{
	return gp_str_starts(gp_str(address), GP_STR("unix:")) ? address + 5 : NULL;
}

static int parse_inet(struct gp_str text, union address *ret, socklen_t *ret_len)
{
	size_t at = gp_str_find_chr(text, '@', 0);
	struct gp_ip ip;
	uint64_t port;

	if (gp_num_parse_uint(gp_str_sub(text, 0, at), 10, &port) < 0 || port > UINT16_MAX ||
	    gp_ip_parse(gp_str_sub(text, at + 1, text.len), &ip) < 0)
		return GP_EINVAL;
	if (ip.family == 4) {
		ret->in = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_port = htons((uint16_t)port)};
		memcpy(&ret->in.sin_addr, ip.bytes, 4);
		*ret_len = sizeof(ret->in);
	} else {
		ret->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						 .sin6_port = htons((uint16_t)port)};
		memcpy(&ret->in6.sin6_addr, ip.bytes, 16);
		*ret_len = sizeof(ret->in6);
	}
	return GP_OK;
}

static int parse(const char *text, union address *ret, socklen_t *ret_len)
{
	const char *path = unix_path(text);
	size_t colon = gp_str_find_chr(gp_str(text), ':', 0);

	*ret = (union address){0};
	if (!path)
		return parse_inet(gp_str_sub(gp_str(text), colon + 1, strlen(text)), ret, ret_len);
	ret->un.sun_family = AF_UNIX;
	*ret_len = sizeof(ret->un);
	return gp_str_copy(ret->un.sun_path, sizeof(ret->un.sun_path), gp_str(path)) ? GP_OK
										     : GP_EINVAL;
}

int gp_socket_clear_stale(const char *address, struct gp_diag *diag)
{
	const char *path = unix_path(address);
	union address target;
	socklen_t len;
	struct stat st;
	GP_FD_AUTO fd = -1;

	if (!path || lstat(path, &st) < 0)
		return GP_OK;
	if (!S_ISSOCK(st.st_mode)) {
		gp_diag_set(diag, "%s: exists and is no socket", path);
		return GP_EACCES;
	}
	if (parse(address, &target, &len) < 0)
		return GP_EINVAL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return gp_diag_errno(diag, "socket");
	if (connect(fd, &target.any, len) == 0 || errno == EAGAIN) {
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
	const char *path = unix_path(address);
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
	union address own;
	socklen_t len;
	GP_FD_AUTO fd = -1;
	int one = 1, r;
	mode_t old;

	if (parse(address, &own, &len) < 0) {
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
	r = bind(fd, &own.any, len);
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
	const char *path = unix_path(address);

	if (path)
		unlink(path);
}

/* Does fd belong to a connection accepted on `own`? */
static bool is_accepted(int fd, const union address *own)
{
	union address name = {0};
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
	union address own;
	socklen_t len;
	DIR *dir;
	const struct dirent *entry;
	int64_t fd;

	if (parse(address, &own, &len) < 0)
		return;
	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir)) != NULL)
		if (gp_num_parse_int(gp_str(entry->d_name), &fd) == GP_OK &&
		    is_accepted((int)fd, &own))
			shutdown((int)fd, SHUT_RD);
	if (dir)
		closedir(dir);
}
