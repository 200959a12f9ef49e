/*
 * File descriptor helpers.
 */
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void gp_fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int gp_fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return GP_ESYS;
		p += n;
		len -= (size_t)n;
	}
	return GP_OK;
}

int gp_fd_read_all(int fd, struct gp_buf *buf)
{
	for (;;) {
		size_t room = GP_MIN(buf->max - buf->len, (size_t)65536);
		char probe;
		char *p = room ? gp_buf_reserve(buf, room) : &probe;
		ssize_t n;

		if (!p)
			return gp_buf_error(buf);
		n = read(fd, p, room ? room : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return GP_ESYS;
		if (n == 0)
			break;
		if (!room)
			return GP_ELIMIT;
		buf->len += (size_t)n;
	}
	if (buf->data)
		buf->data[buf->len] = '\0';
	return GP_OK;
}

int gp_file_read(const char *path, struct gp_buf *buf, struct gp_diag *diag)
{
	GP_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0) {
		r = errno == ENOENT ? GP_ENOENT : errno == EACCES ? GP_EACCES : GP_ESYS;
		gp_diag_errno(diag, "%s", path);
		return r;
	}
	r = gp_fd_read_all(fd, buf);
	if (r == GP_ESYS)
		gp_diag_errno(diag, "%s", path);
	else if (r == GP_ELIMIT)
		gp_diag_set(diag, "%s: larger than %zu bytes", path, buf->max);
	return r;
}

#define TEMP_MAX 4096

/* A file beside `path` with that content, on disk; its name in `temp`. */
static int write_temp(const char *path, const void *data, size_t len, unsigned mode,
		      char temp[TEMP_MAX], struct gp_diag *diag)
{
	GP_FD_AUTO fd = -1;
	int r;

	if (snprintf(temp, TEMP_MAX, "%s.XXXXXX", path) >= TEMP_MAX) {
		gp_diag_set(diag, "%s: name too long", path);
		return GP_ELIMIT;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return gp_diag_errno(diag, "%s", temp);
	if (gp_fd_write_all(fd, data, len) == GP_OK && fchmod(fd, mode) == 0 && fsync(fd) == 0)
		return GP_OK;
	r = gp_diag_errno(diag, "%s", path);
	unlink(temp);
	return r;
}

int gp_file_replace(const char *path, const void *data, size_t len, unsigned mode,
		    struct gp_diag *diag)
{
	char temp[TEMP_MAX];
	int r = write_temp(path, data, len, mode, temp, diag);

	if (r == GP_OK && rename(temp, path)) {
		r = gp_diag_errno(diag, "%s", path);
		unlink(temp);
	}
	return r;
}

int gp_file_create(const char *path, const void *data, size_t len, unsigned mode,
		   struct gp_diag *diag)
{
	char temp[TEMP_MAX];
	int r = write_temp(path, data, len, mode, temp, diag);

	if (r)
		return r;
	if (link(temp, path)) {
		r = errno == EEXIST ? GP_EINVAL : GP_ESYS;
		gp_diag_errno(diag, "%s", path);
	}
	unlink(temp);
	return r;
}

int gp_fd_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? GP_ESYS : GP_OK;
}

int gp_memfd_open(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int gp_memfd_seal(int fd)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

	return fcntl(fd, F_ADD_SEALS, seals) < 0 ? GP_ESYS : GP_OK;
}
