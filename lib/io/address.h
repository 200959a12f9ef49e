/*
 * Addresses of sockets as the configuration writes them (gp_conf_check_socket):
 * "unix:/PATH", "inet:PORT@ADDRESS", "inet6:PORT@ADDRESS".
 */
#ifndef GP_IO_ADDRESS_H
#define GP_IO_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/err.h"

struct gp_address {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

/* GP_EINVAL: it is none, or its path is too long. */
int gp_address_parse(const char *text, struct gp_address *ret) GP_MUST_USE;
/* The path of a unix socket's address; NULL for others. */
const char *gp_address_path(const char *text);

#endif
