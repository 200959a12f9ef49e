/*
 * The settings of containment, of alerts and of the control socket, in the group of
 * policyd-ratelimit: a struct to embed and the rows for it.
 */
#ifndef POLICYD_CONTAIN_OPTIONS_H
#define POLICYD_CONTAIN_OPTIONS_H

#include "config.h"
#include "lib/conf/schema.h"
#include "lib/conf/snapshot.h"

struct contain_conf {
	const char *text; /* what a contained client is told */
	const char *control_socket, *control_group;
	const char *alert_command;
	struct gp_conf_list alert_mail;
	const char *alert_from, *alert_smtp;
};

#define CONTAIN_ROWS(type, m)                                                                      \
	{"contain_text", GP_CONF_STRING, offsetof(type, m.text),                                   \
	 "Sending is suspended; please ask your postmaster",                                       \
	 .help = "What a client is told whose key is contained, with an enhanced status code "     \
		 "before it or without."},                                                         \
	{"control_socket", GP_CONF_STRING, offsetof(type, m.control_socket),                       \
	 "unix:" GP_RUNDIR "/ratelimit-control.sock", .flags = GP_CONF_RESTART,                    \
	 .check = contain_check_control,                                                           \
	 .help = "Socket of `gatepost ratelimit` and of the controller's follower of the log; its " \
		 "mode is 0660, and who may open it may block and release. Empty: none."},          \
	{"control_group", GP_CONF_STRING, offsetof(type, m.control_group), "",                     \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Group of the control socket; empty leaves the group of the process."},           \
	{"alert_command", GP_CONF_PATH, offsetof(type, m.alert_command), "",                       \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Program that is run when a key is contained, once for all hosts: with "          \
		 "GATEPOST_… in its environment and a JSON object as its input."},                  \
	{"alert_mail", GP_CONF_LIST, offsetof(type, m.alert_mail), "", .flags = GP_CONF_RESTART,   \
	 .help = "Addresses to which a message is sent when a key is contained, once for all "     \
		 "hosts."},                                                                        \
	{"alert_from", GP_CONF_STRING, offsetof(type, m.alert_from), "", .flags = GP_CONF_RESTART, \
	 .help = "Sender of these messages; empty is the empty sender, with an author at this "    \
		 "host's name."},                                                                  \
	{"alert_smtp", GP_CONF_STRING, offsetof(type, m.alert_smtp), "inet:25@127.0.0.1",          \
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART, .check = gp_conf_check_socket,               \
	 .help = "Mail server that takes these messages, without TLS or login."}

struct ratelimit_conf;
/* What would fail silently when it is wanted: a command that cannot be run, an address that cannot
 * be sent to. */
void contain_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		      struct gp_conf_report *report);

/* "" or a unix socket: who may open it, its mode says. */
gp_conf_check contain_check_control;

#endif
