/*
 * The controller's sockets as the skeleton sees them, and what must be forked while there
 * is one thread and no sandbox.
 */
#include "controller/api.h"
#include "controller/controller.h"
#include "controller/spawner.h"
#include "lib/base/fd.h"
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

static void stop(void)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	gp_socket_unlink(conf->daemon.socket);
	gp_fd_close(&learn_fd);
	api_quiesce();
	gp_snapshot_unref(snap);
}

static int64_t drain(int64_t deadline_ms)
{
	return api_drain(deadline_ms);
}

const struct gp_service controller_service = {
	.bind = bind_sockets,
	.stop = stop,
	.drain = drain,
};
