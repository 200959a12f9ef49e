/*
 * The control socket: events from the controller's follower of Postfix's log
 * (lib/proto/event.h), and the commands of `gatepost ratelimit`.
 *
 * Frames of lines "name=value" (lib/proto/attrs.h), answered in their order; many may be under
 * way on a connection:
 *
 *	request=event …			action=OK, when the event is counted in the store
 *	request=list [max=N]		row={…} (a frame each), then action=OK
 *	request=show key=KEY		the same
 *	request=reset key=KEY		the same
 *	request=block key=KEY [for=SECONDS] [reason=TEXT]
 *	request=release key=KEY
 *
 * or "action=ERROR why".  KEY as in contained_parse_key().  A row is a JSON object with "type".
 *
 * Who may open the socket may tell events and look (its mode and group say who that is);
 * reset, block and release are for root, the daemon's own user and the members of the
 * socket's group.  What is no such frame closes the connection.
 */
#ifndef POLICYD_CONTROL_H
#define POLICYD_CONTROL_H

#include "lib/base/err.h"

/* Takes over the listening descriptor.  Any thread but the loop's. */
int control_start(int fd, struct gp_diag *diag) GP_MUST_USE;
/* Accepts no more, and closes connections as their requests are answered. */
void control_stop(void);
size_t control_unanswered(void);
void control_close(void);
void control_register_metrics(void);

#endif
