/*
 * A listening unix socket of a test, and clients of it.
 */
#ifndef GP_TESTS_UNIT_IO_UNIX_SERVER_H
#define GP_TESTS_UNIT_IO_UNIX_SERVER_H

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/test.h"

static inline int unix_address_of(const char *path, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* Whatever was at the path is gone. */
static inline int unix_listen(const char *path)
{
	struct sockaddr_un addr;
	int fd = unix_address_of(path, &addr);

	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static inline int unix_connect(const char *path)
{
	struct sockaddr_un addr;
	int fd = unix_address_of(path, &addr);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

#endif
