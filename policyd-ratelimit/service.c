/*
 * The program's sockets as the skeleton sees them.
 */
#include <time.h>

#include "lib/base/clock.h"
#include "lib/daemon/socket.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/server.h"

static int policy_fd = -1;

static int bind_sockets(const struct gp_daemon *d, const struct gp_snapshot *snap,
			struct gp_diag *diag)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	int r = gp_socket_listen(conf->daemon.socket, conf->daemon.socket_mode, &policy_fd, diag);

	(void)d;
	if (r == GP_OK && *conf->daemon.socket_group)
		r = gp_socket_set_access(conf->daemon.socket, conf->daemon.socket_mode,
					 conf->daemon.socket_group, diag);
	return r;
}

int ratelimit_serve(struct gp_diag *diag)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	int r = server_start(policy_fd, (size_t)conf->clients_max, diag);

	policy_fd = -1;
	gp_snapshot_unref(snap);
	return r;
}

static void stop(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);

	gp_socket_unlink(conf->daemon.socket);
	server_stop();
	gp_snapshot_unref(snap);
}

static int64_t drain(int64_t deadline_ms)
{
	static const struct timespec step = {.tv_nsec = 5000000};
	size_t unanswered;

	while ((unanswered = server_unanswered()) > 0 && gp_clock_mono_ms() < deadline_ms)
		nanosleep(&step, NULL);
	server_close();
	return (int64_t)unanswered;
}

const struct gp_service ratelimit_service = {
	.bind = bind_sockets,
	.stop = stop,
	.drain = drain,
	.register_metrics = server_register_metrics,
};
