/*
 * The settings of the controller (group "controller" of gatepost.conf).
 */
#ifndef GP_CONTROLLER_OPTIONS_H
#define GP_CONTROLLER_OPTIONS_H

#include "controller/http_conf.h"
#include "controller/maillog_conf.h"
#include "lib/conf/schema.h"
#include "lib/daemon/daemon.h"

struct controller_conf {
	struct gp_daemon_conf daemon;	/* its socket is the learn socket */
	int64_t clients_max;		/* connections to the learn socket at a time */
	int64_t idle_timeout_ms;	/* of a connection on which nothing happens */
	int64_t workers;		/* processes that read mail; 0: one for each processor */
	int64_t worker_timeout_ms;	/* for one message */
	int64_t worker_memory;		/* bytes that a worker may hold */
	struct http_conf http;
	struct maillog_conf maillog;
};

extern const struct gp_conf_table controller_table;

#endif
