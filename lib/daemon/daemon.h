/*
 * The skeleton of a program: main() is a description and a call.
 *
 *	int main(int argc, char **argv)
 *	{
 *		return gp_daemon_main(&milter_spam, argc, argv);
 *	}
 *
 * What happens, in this order:
 *	arguments; log on standard error; configuration read and checked (all
 *	errors shown, any is fatal); configure hook; --check ends here; log where
 *	it was configured; sockets bound; privileges dropped; no-new-privileges,
 *	landlock, seccomp; start hook (threads may be made from here on); metrics
 *	endpoint; READY=1; serve.
 *
 * SIGUSR1 reloads: a new snapshot, configure hook, swapped in; or a logged error
 * and the old one stays.  Log files are reopened then too.  SIGTERM, SIGINT and
 * SIGHUP (which libmilter takes for a stop) drain: messages under way are
 * answered within stop_grace, see drain.h; then the stop hook, then _exit.
 * Programs stay in the foreground always.
 *
 * The tables must hold gp_conf_top_table, gp_conf_log_table and
 * gp_conf_metrics_table besides the program's own.
 */
#ifndef GP_DAEMON_DAEMON_H
#define GP_DAEMON_DAEMON_H

#include "lib/conf/snapshot.h"
#include "lib/daemon/milter.h"
#include "lib/daemon/service.h"

/* What every program has in its group; embed it in the program's struct. */
struct gp_daemon_conf {
	const char *socket;
	unsigned socket_mode;
	const char *socket_group; /* "" : the process's group */
	const char *user;	  /* to become when started as root; "" : stay */
	int64_t stop_grace_ms;
	bool sandbox;
	const char *metrics; /* overrides metrics.listen when not "" */
};

/* The rows for it: `type` is the program's struct, `member` its gp_daemon_conf. */
#define GP_DAEMON_ROWS(type, member, socket_, user_)                                               \
	GP_DAEMON_ROWS_MODE(type, member, "Address that the MTA connects to", socket_, "0660", user_)
/* The same for a socket that others than the MTA connect to. */
#define GP_DAEMON_ROWS_MODE(type, member, what_, socket_, mode_, user_)                            \
	{"socket", GP_CONF_STRING, offsetof(type, member.socket), socket_,                         \
	 .flags = GP_CONF_REQUIRED | GP_CONF_RESTART, .check = gp_conf_check_socket,               \
	 .help = what_ ": \"unix:/path\", \"inet:port@address\" or \"inet6:port@address\"."},      \
	{"socket_mode", GP_CONF_MODE, offsetof(type, member.socket_mode), mode_,                   \
	 .flags = GP_CONF_RESTART, .help = "File mode of a unix socket."},                         \
	{"socket_group", GP_CONF_STRING, offsetof(type, member.socket_group), "",                  \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Group of a unix socket; empty leaves the group of the process."},                \
	{"user", GP_CONF_STRING, offsetof(type, member.user), user_, .flags = GP_CONF_RESTART,     \
	 .help = "User to become when started as root; empty stays root."},                        \
	{"stop_grace", GP_CONF_DURATION, offsetof(type, member.stop_grace_ms), "30s", .min = 0,    \
	 .max = 600000, .help = "How long a stop waits for messages that are being judged."},      \
	{"sandbox", GP_CONF_BOOL, offsetof(type, member.sandbox), "true",                          \
	 .flags = GP_CONF_RESTART,                                                                 \
	 .help = "Confine the process by seccomp and landlock where the kernel has them."},        \
	{"metrics", GP_CONF_STRING, offsetof(type, member.metrics), "", .flags = GP_CONF_RESTART,  \
	 .check = gp_conf_check_socket,                                                            \
	 .help = "Address of this program's metrics, over metrics.listen."}

/* One line of /healthz: a dependency and how it is. */
struct gp_health {
	const char *name;   /* "store" */
	bool is_ok;
	char detail[160];
};
/* Fills up to max entries, returns how many; called from the metrics thread. */
typedef size_t gp_health_check(struct gp_health *entries, size_t max);

struct gp_daemon {
	const char *name;    /* "milter-spam"; also the syslog tag */
	const char *summary; /* one line for --help */
	const struct gp_conf_table *const *tables;
	size_t n_tables;
	const struct gp_conf_table *own; /* the program's table … */
	size_t own_offset;		 /* … and where its struct gp_daemon_conf lies in it */

	/* Builds what derives from settings (rules, lists) into the snapshot; errors go
	 * to the report.  Called at start, at --check and at each reload.  May be NULL. */
	int (*configure)(struct gp_snapshot *snap, struct gp_conf_report *report);
	/* Opens stores and resolvers, starts threads; after privileges were dropped.  A
	 * dependency that is down is not an error.  May be NULL. */
	int (*start)(struct gp_snapshot *snap, struct gp_diag *diag);
	/* After a reload was swapped in; may be NULL. */
	void (*reloaded)(struct gp_snapshot *snap);
	/* After the drain: flush what must not be lost.  May be NULL. */
	void (*stop)(void);
	gp_health_check *health; /* may be NULL */
	/* Paths (files or directories) that the sandbox must let the program read, and
	 * write below; appended by the hook with gp_sandbox_read/write.  May be NULL. */
	void (*sandbox)(const struct gp_snapshot *snap);

	const struct gp_service *service; /* what it serves … */
	const struct gp_milter *milter;	  /* … with gp_milter_service: these callbacks */
};

/* Runs the program; the exit status is sysexits-like: 0, 64 usage, 78
 * configuration, 71 system. */
int gp_daemon_main(const struct gp_daemon *d, int argc, char **argv);

/* The program's gp_daemon_conf in a snapshot. */
const struct gp_daemon_conf *gp_daemon_conf_of(const struct gp_daemon *d,
					       const struct gp_snapshot *snap);

/* The snapshot of now, with a reference for the caller.  Any thread. */
struct gp_snapshot *gp_daemon_snapshot(void);

/* True while the configuration is read for a start.  What leaves something to go on with is then
 * no reason not to serve; at --check and at a reload, where an old configuration is in force, it
 * may be one. */
bool gp_daemon_starting(void);

/* True from the first stop signal on: long jobs end early. */
bool gp_daemon_stopping(void);

#endif
