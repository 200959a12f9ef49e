/*
 * The settings of the follower of Postfix's log: rows of the controller's table (options.c).
 */
#ifndef GP_CONTROLLER_MAILLOG_CONF_H
#define GP_CONTROLLER_MAILLOG_CONF_H

#include "config.h"
#include "lib/conf/schema.h"

struct maillog_conf {
	const char *source;
	const char *socket;
	struct gp_conf_list names;
	struct gp_conf_list units;
	int64_t messages_max;
};

/* `type` is the program's struct, `member` its maillog_conf. */
#define MAILLOG_ROWS(type, member)                                                                 \
	{"maillog.source", GP_CONF_STRING, offsetof(type, member.source), "",                      \
	 .flags = GP_CONF_RESTART, .check = maillog_conf_check_source,                             \
	 .help = "Postfix's log, followed for bounces and failed logins, which "                   \
		 "policyd-ratelimit counts: a file, \"/var/log/mail.log\", or \"journal\", the "   \
		 "systemd journal, or \"journal:/folder\"; empty: none is followed."},             \
	{"maillog.units", GP_CONF_LIST, offsetof(type, member.units),                              \
	 "postfix.service, postfix@-.service", .flags = GP_CONF_RESTART,                           \
	 .help = "Units whose entries in the journal are read, by their exact names; empty: all, " \
		 "and then any local user can forge them."},                                       \
	{"maillog.socket", GP_CONF_STRING, offsetof(type, member.socket),                          \
	 "unix:" GP_RUNDIR "/ratelimit-control.sock",                                              \
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART, .check = maillog_conf_check_socket,          \
	 .help = "Control socket of policyd-ratelimit, a unix one."},                              \
	{"maillog.names", GP_CONF_LIST, offsetof(type, member.names), "postfix/*, postfix-*/*",    \
	 .help = "Programs whose lines are believed, with * and ?: Postfix's syslog_name, a "      \
		 "slash, and more."},                                                              \
	{"maillog.messages_max", GP_CONF_INT, offsetof(type, member.messages_max), "100000",       \
	 .min = 100, .max = 1000000, .unit = "messages", .flags = GP_CONF_RESTART,                 \
	 .help = "Messages on their way out whose senders are remembered until they are gone; "    \
		 "beyond that, those first forgotten of which nothing was heard for the longest "  \
		 "time."}

/* The journal's folder in "journal:/folder"; "" for the system's; NULL: a file is meant. */
const char *maillog_journal_folder(const char *source);

/* "", an absolute path, "journal", "journal:/folder". */
int maillog_conf_check_source(const void *field, struct gp_diag *diag) GP_MUST_USE;
/* As gp_conf_check_socket, unix ones only. */
int maillog_conf_check_socket(const void *field, struct gp_diag *diag) GP_MUST_USE;

#endif
