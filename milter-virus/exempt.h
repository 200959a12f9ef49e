/*
 * Mail that is not scanned, by the settings: clients, accounts, envelope senders, recipients.
 */
#ifndef GP_VIRUS_EXEMPT_H
#define GP_VIRUS_EXEMPT_H

#include "lib/daemon/session.h"
#include "milter-virus/options.h"

/* At MAIL: by client, account, or envelope sender (which a stranger may write as he likes). */
bool virus_is_exempt(const struct virus_conf *conf, const struct gp_session *s);
/* At end of message: is each recipient exempt?  Those that were not kept are not. */
bool virus_are_rcpts_exempt(const struct virus_conf *conf, const struct gp_session *s);

#endif
