/*
 * The settings of policyd-ratelimit (group "policyd-ratelimit" of gatepost.conf).
 */
#ifndef POLICYD_OPTIONS_H
#define POLICYD_OPTIONS_H

#include "lib/conf/schema.h"
#include "lib/daemon/daemon.h"
#include "policyd-ratelimit/contain_options.h"
#include "policyd-ratelimit/greylist_options.h"
#include "policyd-ratelimit/limit_options.h"
#include "policyd-ratelimit/sender_options.h"

struct ratelimit_conf {
	struct gp_daemon_conf daemon; /* its socket is the one that Postfix asks */
	int64_t clients_max;	      /* connections at a time */
	int64_t idle_timeout_ms;      /* of a connection on which nothing happens */
	int64_t deadline_ms;	      /* of one request */
	struct sender_conf sender;
	struct limits_conf limits;
	struct contain_conf contain;
	struct greylist_conf greylist;
	int64_t clock_offset_ms;      /* tests: what is added to the time */
};

extern const struct gp_conf_table ratelimit_table;

#endif
