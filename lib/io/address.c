/*
 * Addresses of sockets; see the header.
 */
#include "lib/io/address.h"

#include "lib/base/ip.h"
#include "lib/base/num.h"

const char *gp_address_path(const char *text)
{
	return gp_str_starts(gp_str(text), GP_STR("unix:")) ? text + 5 : NULL;
}

static int parse_inet(struct gp_str text, struct gp_address *ret)
{
	size_t colon = gp_str_find_chr(text, ':', 0), at = gp_str_find_chr(text, '@', 0);
	struct gp_ip ip;
	uint64_t port;

	if (colon >= at ||
	    gp_num_parse_uint(gp_str_sub(text, colon + 1, at - colon - 1), 10, &port) < 0 ||
	    port > UINT16_MAX || gp_ip_parse(gp_str_sub(text, at + 1, text.len), &ip) < 0)
		return GP_EINVAL;
	if (ip.family == 4) {
		ret->in = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_port = htons((uint16_t)port)};
		memcpy(&ret->in.sin_addr, ip.bytes, 4);
		ret->len = sizeof(ret->in);
	} else {
		ret->in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						 .sin6_port = htons((uint16_t)port)};
		memcpy(&ret->in6.sin6_addr, ip.bytes, 16);
		ret->len = sizeof(ret->in6);
	}
	return GP_OK;
}

int gp_address_parse(const char *text, struct gp_address *ret)
{
	const char *path = gp_address_path(text);

	*ret = (struct gp_address){0};
	if (!path)
		return parse_inet(gp_str(text), ret);
	ret->un.sun_family = AF_UNIX;
	ret->len = sizeof(ret->un);
	return gp_str_copy(ret->un.sun_path, sizeof(ret->un.sun_path), gp_str(path)) ? GP_OK
										     : GP_EINVAL;
}
