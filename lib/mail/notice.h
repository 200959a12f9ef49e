/*
 * Mail that our programs write themselves, to a postmaster: a header, and lines of what happened.
 *
 * RFC 3834: it is no reply and asks for none.  All of it is ASCII, whatever strangers' values it
 * tells.
 */
#ifndef GP_MAIL_NOTICE_H
#define GP_MAIL_NOTICE_H

#include <stdint.h>

#include "lib/base/buf.h"

#define GP_NOTICE_VALUE_MAX 200 /* bytes of a stranger's value that are shown */

struct gp_notice {
	const char *from;	/* as written in From; "" is postmaster at host */
	const char *const *to;
	size_t n_to;
	const char *host;	/* ours, for From and Message-ID */
	int64_t now_s;
};

/* Appends a value: printable ASCII as it is, all else as \xNN; cut at GP_NOTICE_VALUE_MAX. */
void gp_notice_value(struct gp_buf *out, struct gp_str value);
/* Appends the header up to the empty line; the subject is `what` and the value. */
void gp_notice_header(struct gp_buf *out, const struct gp_notice *notice, const char *what,
		      struct gp_str value);
/* Appends "NAME        VALUE"; nothing for an empty value. */
void gp_notice_line(struct gp_buf *out, const char *name, struct gp_str value);

#endif
