/*
 * The control socket: what `gatepost virus` asks a running milter-virus.
 *
 * A connection sends one request and reads one answer, a JSON object on one line:
 *
 *	status\n		{"serving":true,"signatures":…, …}: control.c lists the keys
 *	reload\n		{"ok":true}; signatures are loaded anew, which status then shows
 *	scan SIZE\n BYTES	{"outcome":"found","name":…,"category":…,"action":…,…}
 *
 * Who may connect is the socket's mode and group.  Each connection has a thread; a few at a time.
 */
#ifndef GP_VIRUS_CONTROL_H
#define GP_VIRUS_CONTROL_H

#include "milter-virus/scan.h"

#define VIRUS_CONTROL_CLIENTS 8 /* further ones wait in the kernel's queue */

/* Binds it; "" binds nothing, *ret_fd is -1 then. */
int virus_control_bind(const struct virus_conf *conf, int *ret_fd, struct gp_diag *diag) GP_MUST_USE;
/* Takes over the descriptor; -1 does nothing.  The scanner must live as long as the process. */
int virus_control_start(int fd, const struct virus_scanner *scanner, struct gp_diag *diag) GP_MUST_USE;
/* No new connections; removes the socket's file.  How many are under way: while there are some, what
 * they use must stay, and they end with the process. */
unsigned virus_control_stop(void);

#endif
