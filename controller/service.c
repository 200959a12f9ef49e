/*
 * The controller's sockets as the skeleton sees them, and what must be forked while there
 * is one thread and no sandbox.
 */
#include <time.h>

#include "controller/api.h"
#include "controller/controller.h"
#include "controller/intake.h"
#include "controller/learn_socket.h"
#include "controller/spawner.h"
#include "lib/base/clock.h"
#include "lib/daemon/socket.h"

static int spawner_fd = -1, learn_fd = -1;

static int bind_sockets(const struct gp_daemon *d, const struct gp_snapshot *snap,
			struct gp_diag *diag)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	struct spawner_options options = {.user = conf->daemon.user,
					  .file = gp_snapshot_file(snap),
					  .memory = conf->worker_memory};
	int r;

	(void)d;
	/* Before any socket is there, or it would keep them open after our end. */
	r = spawner_start(&options, &spawner_fd, diag);
	if (r == GP_OK)
		r = gp_socket_listen(conf->daemon.socket, conf->daemon.socket_mode, &learn_fd, diag);
	if (r == GP_OK && *conf->daemon.socket_group)
		r = gp_socket_set_access(conf->daemon.socket, conf->daemon.socket_mode,
					 conf->daemon.socket_group, diag);
	return r == GP_OK ? api_bind(snap, diag) : r;
}

int controller_take_spawner(void)
{
	int fd = spawner_fd;

	spawner_fd = -1;
	return fd;
}

int controller_serve(struct gp_diag *diag)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	struct learn_socket_options options = {
		.loop = controller.loop, .fd = learn_fd, .clients_max = (size_t)conf->clients_max,
		.learner = controller.learner, .journal = controller.journal};

	learn_fd = -1;
	gp_snapshot_unref(snap);
	return learn_socket_start(&options, diag);
}

static void stop(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	gp_socket_unlink(conf->daemon.socket);
	learn_socket_stop();
	api_quiesce();
	gp_snapshot_unref(snap);
}

/* What was received whole is written down and answered; learning goes on after the next start. */
static int64_t drain(int64_t deadline_ms)
{
	static const struct timespec step = {.tv_nsec = 5000000};
	int64_t left = api_drain(deadline_ms);
	size_t unanswered;

	while ((unanswered = learn_socket_unanswered()) > 0 && gp_clock_mono_ms() < deadline_ms)
		nanosleep(&step, NULL);
	learn_socket_close();
	return left + (int64_t)unanswered;
}

static void register_metrics(void)
{
	learn_socket_register_metrics();
	intake_register_metrics();
	learner_register_metrics();
	workers_register_metrics();
	maillog_register_metrics();
}

const struct gp_service controller_service = {
	.bind = bind_sockets,
	.stop = stop,
	.drain = drain,
	.register_metrics = register_metrics,
};
