/*
 * The program's sockets as the skeleton sees them.
 */
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/daemon/privileges.h"
#include "lib/daemon/socket.h"
#include "policyd-ratelimit/alert.h"
#include "policyd-ratelimit/alerter.h"
#include "policyd-ratelimit/contain.h"
#include "policyd-ratelimit/control.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/limits.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/server.h"

/* Of the control socket: who may open it may use it. */
#define CONTROL_MODE 0660

/* Open files that clients leave for the control socket, the store, directory, metrics and log. */
#define SPARE_FILES 128

static int policy_fd = -1, control_fd = -1;

/* Before any socket is there, or it would keep them open after our end. */
static int start_alerter(const struct ratelimit_conf *conf, struct gp_diag *diag)
{
	unsigned parts = alerter_parts(&conf->contain);
	int fd = -1, r = GP_OK;

	if (parts)
		r = alerter_start(&conf->contain, conf->daemon.user, &fd, diag);
	alert_open(fd, parts);
	return r;
}

static int bind_policy(const struct gp_daemon_conf *conf, struct gp_diag *diag)
{
	int r = gp_socket_listen(conf->socket, conf->socket_mode, &policy_fd, diag);

	if (r == GP_OK && *conf->socket_group)
		r = gp_socket_set_access(conf->socket, conf->socket_mode, conf->socket_group, diag);
	return r;
}

/* It is the daemon's user's, also when root started that. */
static int bind_control(const struct contain_conf *conf, const char *user, struct gp_diag *diag)
{
	int r;

	if (!*conf->control_socket)
		return GP_OK;
	r = gp_socket_listen(conf->control_socket, CONTROL_MODE, &control_fd, diag);
	if (r == GP_OK)
		r = gp_privileges_give_file(conf->control_socket + strlen("unix:"), user, diag);
	if (r == GP_OK && *conf->control_group)
		r = gp_socket_set_access(conf->control_socket, CONTROL_MODE, conf->control_group, diag);
	return r;
}

static int bind_sockets(const struct gp_daemon *d, const struct gp_snapshot *snap,
			struct gp_diag *diag)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	int r = start_alerter(conf, diag);

	(void)d;
	if (r == GP_OK)
		r = bind_control(&conf->contain, conf->daemon.user, diag);
	return r == GP_OK ? bind_policy(&conf->daemon, diag) : r;
}

/* With every file in use the store could not be reached again after it was away. */
static size_t clients_max(const struct ratelimit_conf *conf)
{
	size_t max = (size_t)conf->clients_max, room;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return max;
	room = files.rlim_cur - GP_MIN(files.rlim_cur / 2, (rlim_t)SPARE_FILES);
	if (room >= max)
		return max;
	gp_log_info("clients_max is %zu, as no more than %zu files may be open", room,
		    (size_t)files.rlim_cur);
	return room;
}

static void start_limits(void *conf)
{
	limits_start(conf);
}

int ratelimit_serve(struct gp_diag *diag)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	int r = keeper_start(diag);

	gp_loop_run_in(ratelimit.loop, start_limits, (void *)(uintptr_t)conf); /* cast: it is read only */
	if (r == GP_OK)
		r = server_start(policy_fd, clients_max(conf), diag);
	policy_fd = -1;
	if (r == GP_OK && control_fd >= 0)
		r = control_start(control_fd, diag);
	control_fd = -1;
	gp_snapshot_unref(snap);
	return r;
}

static void stop(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	gp_socket_unlink(conf->daemon.socket);
	gp_socket_unlink(conf->contain.control_socket);
	server_stop();
	control_stop();
	gp_snapshot_unref(snap);
}

static int64_t drain(int64_t deadline_ms)
{
	static const struct timespec step = {.tv_nsec = 5000000};
	size_t unanswered;

	while ((unanswered = server_unanswered() + control_unanswered()) > 0 &&
	       gp_clock_mono_ms() < deadline_ms)
		nanosleep(&step, NULL);
	server_close();
	control_close();
	return (int64_t)unanswered;
}

static void register_metrics(void)
{
	server_register_metrics();
	control_register_metrics();
	contain_register_metrics();
	keeper_register_metrics();
}

const struct gp_service ratelimit_service = {
	.bind = bind_sockets,
	.stop = stop,
	.drain = drain,
	.register_metrics = register_metrics,
};
