/*
 * The control socket: events from the controller's follower of Postfix's log
 * (lib/proto/event.h), and the commands of `gatepost ratelimit`.
 *
 * Frames of lines "name=value" (lib/proto/attrs.h), answered in their order; many may be under
 * way on a connection:
 *
 *	request=event …			action=OK, when the event is counted in the store
 *	request=list [max=N]		row={…} (a frame each; report.h), then action=OK
 *	request=show key=KEY		the same
 *	request=reset key=KEY		the same
 *	request=block key=KEY [for=SECONDS] [reason=TEXT] [action=hold|defer|reject]
 *	request=release key=KEY [reset=1]	rows of what was held
 *
 * or "action=LATER why" (an event that is not counted now) or "action=ERROR why".  KEY as in
 * contained_parse_key().  What is no frame closes the connection.
 *
 * Who may open the socket may use it: its mode is 0660, so root, the daemon's user and the
 * members of the socket's group.
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
