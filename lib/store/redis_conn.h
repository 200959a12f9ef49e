/*
 * One pipelined connection to Redis, kept up by itself.
 *
 * Requests may be sent from any thread; they are written in order of sending
 * and each is answered exactly once, on the loop thread: by Redis, or with
 * GP_ETEMP at its deadline, at once while Redis is known to be down, or when
 * the connection breaks under it (it is not repeated, because Redis may have
 * done it).
 *
 * What is sent within one turn of the loop goes out in one write.
 *
 * A script is sent as EVALSHA; where Redis does not know it (restarted), it is
 * sent once more in full.
 */
#ifndef GP_STORE_REDIS_CONN_H
#define GP_STORE_REDIS_CONN_H

#include "lib/base/buf.h"
#include "lib/io/sock.h"
#include "lib/store/redis_reply.h"
#include "lib/store/scripts.h"

struct gp_redis_conn;

struct gp_redis_config {
	struct gp_endpoint endpoint;
	const char *username, *password; /* NULL: none */
	int64_t db;
	int64_t retry_ms;   /* rest after a failed attempt to connect */
	int64_t timeout_ms; /* silence for this long with a request open: reconnect */
};

/* Embedded in the asker's object. */
struct gp_redis_request {
	struct gp_buf command;	   /* whole; with a script: what follows the script's argument */
	size_t script_args;	   /* with a script: their number */
	const struct gp_script *script;
	int64_t deadline_ms;
	/* reply NULL: result says why not, diag in words.  Error answers of Redis come as a
	 * result (GP_ETEMP, GP_EACCES or GP_ESYS), never as a reply. */
	void (*answer)(struct gp_redis_request *req, int result, const struct gp_reply *reply,
		       const struct gp_diag *diag);
	/* The connection's: */
	bool was_sent; /* Redis may have it */
	struct gp_call call;
	struct gp_redis_conn *conn;
	struct gp_timer timer;
	struct gp_redis_request *next;
	struct gp_redis_slot *slot;
};

/* Begins to connect.  The config's strings are copied by nobody: they outlive it. */
struct gp_redis_conn *gp_redis_open(struct gp_loop *loop, const struct gp_redis_config *config)
	__attribute__((returns_nonnull));
/* Fails what is open; waits until that is done.  Not from the loop thread. */
void gp_redis_close(struct gp_redis_conn **conn);

/* Takes over req->command.  On the loop's thread it may be answered before this returns. */
void gp_redis_send(struct gp_redis_conn *conn, struct gp_redis_request *req);

/* Building a command: begin with the number of arguments, then add each. */
void gp_redis_command(struct gp_buf *buf, size_t args);
void gp_redis_arg(struct gp_buf *buf, struct gp_str arg);
void gp_redis_arg_int(struct gp_buf *buf, int64_t value);

#endif
