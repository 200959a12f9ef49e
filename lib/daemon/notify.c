/*
 * Telling systemd how we are.
 */
#include "lib/daemon/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"

void gp_notify(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[512];
	va_list args;
	size_t len;
	GP_FD_AUTO fd = -1;

	if (!path || !gp_str_copy(address.sun_path, sizeof(address.sun_path), gp_str(path)))
		return;
	len = strlen(address.sun_path);
	if (address.sun_path[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	else if (address.sun_path[0] != '/')
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		gp_log_debug("systemd does not hear us");
}

void gp_notify_reloading(void)
{
	gp_notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)gp_clock_mono_us());
}
