/*
 * The HTTP server of the API, by libmicrohttpd: connections, limits, bodies.
 *
 * A thread per connection, because an answer may wait for a scan or for what is being
 * learned; their number is capped.  What a request means is the handler's business.
 *
 * Limits: connections; bytes of one body and of all bodies at once; time from the
 * first byte to the end of a request (a client that sends a byte a second holds a
 * connection no longer than one that sends nothing), and as much again to take the
 * answer.
 */
#ifndef GP_CONTROLLER_HTTP_H
#define GP_CONTROLLER_HTTP_H

#include "controller/http_request.h"
#include "lib/base/err.h"
#include "lib/io/loop.h"

struct http_handler {
	/* The header is there: may its body come?  False with the refusal in the reply. */
	bool (*begin)(struct http_request *rq, struct http_reply *reply);
	/* The body is there too.  May wait until the request's deadline. */
	void (*answer)(struct http_request *rq, struct http_reply *reply);
	/* After the reply, and after requests that were given up; never before begin. */
	void (*end)(struct http_request *rq);
};

struct http_limits {
	size_t size_max;	/* bytes of a body */
	int64_t timeout_ms;	/* for a request to arrive, and for its answer to leave */
	int64_t answer_ms;	/* for the answer to be made */
	unsigned connections;
};

struct http_server;

/* Serves on a listening socket, which it owns from then on, with a watch on slow clients in
 * the loop.  is_local: a unix socket or a loopback address. */
int http_server_start(int listen_fd, bool is_local, const struct http_limits *limits,
		      const struct http_handler *handler, struct gp_loop *loop,
		      struct http_server **ret, struct gp_diag *diag) GP_MUST_USE;
/* No new connections. */
void http_server_quiesce(struct http_server *s);
/* Requests that are being answered, of all servers. */
unsigned http_server_busy(void);
/* Requests so far, of all servers. */
int64_t http_server_requests(void);
/* Cuts all connections, waits for their threads, frees; clears *s.  NULL is fine. */
void http_server_stop(struct http_server **s);

void http_register_metrics(void);

#endif
