/*
 * The socket that Postfix asks: connections, and the requests on them in their order.
 *
 * Postfix's smtpd keeps a connection and sends the next request after the answer; others may
 * send many at once.  One request of a connection is judged at a time, what comes behind it
 * waits, and beyond POLICY_REQUEST_MAX bytes the client is not read from.  What is no request
 * closes the connection: an answer would belong to nothing.
 */
#ifndef POLICYD_SERVER_H
#define POLICYD_SERVER_H

#include "lib/base/err.h"
#include "lib/io/loop.h"

/* Takes over the listening descriptor.  Any thread but the loop's. */
int server_start(int fd, size_t clients_max, struct gp_diag *diag) GP_MUST_USE;
/* Accepts no more, and closes connections as their requests are answered. */
void server_stop(void);
/* Requests that were received whole and are not answered.  Any thread but the loop's. */
size_t server_unanswered(void);
/* Closes all connections. */
void server_close(void);
void server_register_metrics(void);

#endif
