/*
 * The message that tells the postmaster that a key is contained.  Pure, but for the host's name.
 */
#ifndef POLICYD_ALERT_MAIL_H
#define POLICYD_ALERT_MAIL_H

#include "lib/base/buf.h"
#include "policyd-ratelimit/contain_options.h"
#include "policyd-ratelimit/contained.h"

/* Appends it whole, header and body, in ASCII: what a stranger chose is escaped. */
void alert_mail_format(const struct contain_conf *conf, const struct contained *c, int64_t now_s,
		       struct gp_buf *out);
/* This host's name, as a domain. */
const char *alert_mail_host(void);

#endif
