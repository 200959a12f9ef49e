/*
 * The option table of policyd-ratelimit.
 */
#include "policyd-ratelimit/options.h"

#include "config.h"

#define AT(field) offsetof(struct ratelimit_conf, field)

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS(struct ratelimit_conf, daemon, "unix:" GP_RUNDIR "/ratelimit.sock",
		       "gatepost-ratelimit"),
	{"clients_max", GP_CONF_INT, AT(clients_max), "5000", .min = 1, .max = 100000,
	 .unit = "connections", .flags = GP_CONF_RESTART,
	 .help = "Connections at a time, one for each of Postfix's smtpd processes; further ones wait."},
	{"idle_timeout", GP_CONF_DURATION, AT(idle_timeout_ms), "1h", .min = 1000, .max = 86400000,
	 .help = "A connection on which nothing happens for so long is closed."},
	{"deadline", GP_CONF_DURATION, AT(deadline_ms), "5s", .min = 100, .max = 60000,
	 .help = "A request is answered within this time, whatever it waits for."},
	SENDER_ROWS(struct ratelimit_conf, sender),
	LIMITS_ROWS(struct ratelimit_conf, limits),
	CONTAIN_ROWS(struct ratelimit_conf, contain),
	GREYLIST_ROWS(struct ratelimit_conf, greylist),
	{"clock_offset", GP_CONF_DURATION, AT(clock_offset_ms), "0s", .min = 0, .max = 1e13,
	 .flags = GP_CONF_HIDDEN, .help = "Tests: is added to the time of day."},
};

static void validate(const void *values, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	sender_validate(values, snap, report);
	limits_validate(values, snap, report);
	contain_validate(values, snap, report);
	greylist_validate(values, snap, report);
}

const struct gp_conf_table ratelimit_table = {
	.group = "policyd-ratelimit",
	.title = "Limits, policyd-ratelimit(8)",
	.rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows),
	.size = sizeof(struct ratelimit_conf),
	.validate = validate,
};
