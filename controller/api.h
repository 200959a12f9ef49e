/*
 * The HTTP API: rspamc's protocol.
 *
 *	http.c		connections, bodies, limits
 *	http_access.c	who may ask
 *	api.c		the table of what can be asked
 *	api_serve.c	its life: sockets, password, start and stop
 *	api_*.c		the answers
 *
 * Answers run on their connection's thread and may wait until the request's deadline.
 */
#ifndef GP_CONTROLLER_API_H
#define GP_CONTROLLER_API_H

#include "controller/http.h"
#include "controller/http_access.h"
#include "controller/options.h"
#include "lib/conf/snapshot.h"

enum http_methods { HTTP_GET = 1, HTTP_POST = 2 };

struct http_route {
	const char *path;
	unsigned methods; /* enum http_methods; HEAD is a GET */
	enum http_level level;
	bool wants_body;
	void (*answer)(struct http_request *rq, struct http_reply *reply);
};

/* What http.c calls. */
extern const struct http_handler api_handler;
/* The row for a path, or NULL. */
const struct http_route *api_route(struct gp_str path);

/* api_serve.c: in the order of the program's life. */
int api_bind(const struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;
void api_sandbox(const struct gp_snapshot *snap);
int api_start(const struct gp_snapshot *snap, struct gp_diag *diag) GP_MUST_USE;
void api_reloaded(const struct gp_snapshot *snap);
void api_quiesce(void);
/* Requests left unanswered at the deadline. */
unsigned api_drain(int64_t deadline_ms);
void api_stop(void);
/* Does it listen somewhere?  True from api_bind on. */
bool api_is_bound(void);
int64_t api_uptime_s(void);
/* By the rules in force now; NULL: go on. */
const struct http_refusal *api_access(enum http_level level, const struct http_request *rq);

/* api_errors.c: warnings and errors of this process, the newest. */
void api_errors_start(void);

/* api_learn.c: after the loop, what was never learned. */
void api_learn_end(void);

/* api_stat.c: from where it counts. */
void api_stat_start(const char *directory);

/* Between api_check.c and api_stat.c. */
void api_scan_register_metrics(void);
/* What a scan took. */
void api_note_time(double seconds);
/* Messages that were scanned by the API, by enum gp_action. */
int64_t api_scanned(unsigned action);

/* The answers. */
void api_ping(struct http_request *rq, struct http_reply *reply);
void api_healthy(struct http_request *rq, struct http_reply *reply);
void api_ready(struct http_request *rq, struct http_reply *reply);
void api_metrics(struct http_request *rq, struct http_reply *reply);
void api_check(struct http_request *rq, struct http_reply *reply);
void api_symbols(struct http_request *rq, struct http_reply *reply);
void api_actions(struct http_request *rq, struct http_reply *reply);
void api_learn_spam(struct http_request *rq, struct http_reply *reply);
void api_learn_ham(struct http_request *rq, struct http_reply *reply);
void api_learn_class(struct http_request *rq, struct http_reply *reply);
void api_auth(struct http_request *rq, struct http_reply *reply);
void api_stat(struct http_request *rq, struct http_reply *reply);
void api_stat_reset(struct http_request *rq, struct http_reply *reply);
void api_counters(struct http_request *rq, struct http_reply *reply);
void api_history(struct http_request *rq, struct http_reply *reply);
void api_errors(struct http_request *rq, struct http_reply *reply);
void api_no_fuzzy(struct http_request *rq, struct http_reply *reply);

#endif
