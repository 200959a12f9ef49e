/*
 * Handing one message to a mail server by SMTP (RFC 5321): for the few that our programs
 * write themselves (alerts, notifications).
 *
 *	const char *to[] = {"postmaster@example.org"};
 *	struct gp_smtp_message m = {.helo = "mx.example.org", .to = to, .n_to = 1, .data = text};
 *	r = gp_smtp_submit("inet:25@127.0.0.1", &m, gp_clock_mono_ms() + 30000, &diag);
 *
 * Blocks until the deadline: for a thread that may (never the loop's).  In the clear and without
 * a login: the server is this host's, or one on a network that is trusted.  Keeps no queue: what
 * fails for now is the caller's to try again.
 */
#ifndef GP_IO_SMTP_H
#define GP_IO_SMTP_H

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

#define GP_SMTP_RECIPIENTS_MAX 100

struct gp_smtp_message {
	const char *helo;      /* our name; NULL: "localhost" */
	const char *from;      /* envelope sender; NULL or "": none, "<>" */
	const char *const *to; /* 1 … GP_SMTP_RECIPIENTS_MAX */
	size_t n_to;
	struct gp_str data; /* header and body; line ends LF or CRLF, dots as they are */
};

/*
 * GP_OK when the server has taken it, for at least one recipient; the diag names those that
 * were refused, and is empty if none was.  GP_ETEMP: not now (no connection, 4xx, the deadline:
 * after it the server may have it all the same).  GP_EINVAL: never (5xx, an address or line that
 * cannot be sent, 8-bit data that the server does not take).  address: "unix:/PATH",
 * "inet:PORT@ADDRESS", "inet6:PORT@ADDRESS" (gp_conf_check_socket); names are not looked up.
 */
int gp_smtp_submit(const char *address, const struct gp_smtp_message *message, int64_t deadline_ms,
		   struct gp_diag *diag) GP_MUST_USE;

#endif
