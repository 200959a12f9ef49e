/* How a Received line says that the client had authenticated. */
#ifndef GP_MAIL_RELAY_AUTH_H
#define GP_MAIL_RELAY_AUTH_H

#include "lib/base/arena.h"

/* The method, in SpamAssassin's words ("ESMTPSA", "Sendmail", "Postfix" …), or empty.
 * `line` is a whole folded line. */
struct gp_str gp_relay_auth(struct gp_arena *a, struct gp_str line);

#endif
