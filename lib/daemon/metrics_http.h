/*
 * /metrics (Prometheus text) and /healthz (JSON) over HTTP.
 */
#ifndef GP_DAEMON_METRICS_HTTP_H
#define GP_DAEMON_METRICS_HTTP_H

#include "lib/daemon/daemon.h"

/* Serves on a listening socket (which it owns from then on) with one thread.
 * `health` may be NULL. */
int gp_metrics_http_start(int listen_fd, const char *program, gp_health_check *health,
			  struct gp_diag *diag) GP_MUST_USE;
void gp_metrics_http_stop(void);

/* What the pages say; HTTP status in return.  Separate for tests. */
void gp_metrics_page(const char *program, struct gp_buf *out);
unsigned gp_health_page(const char *program, gp_health_check *health, struct gp_buf *out);

#endif
