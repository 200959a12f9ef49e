/*
 * The life of the API: its sockets, its password, start and stop.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "controller/api.h"
#include "controller/controller.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/socket.h"

#define LISTEN_MAX 16

struct listener {
	char address[256];
	int fd;
	struct http_server *server;
};

static struct listener listeners[LISTEN_MAX];
static size_t n_listeners;
static int64_t started_s;

/* The rules in force; a reload replaces them. */
static pthread_rwlock_t rules_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct http_access rules;
static struct gp_arena *rules_arena;

/* Rules. */

static void read_password(const struct http_conf *conf, struct http_access *to)
{
	struct gp_diag diag = {""};
	char *text;
	size_t size;

	if (!*conf->password_file)
		return;
	if (gp_conf_secret_read(conf->password_file, &text, &size, &diag) < 0) {
		gp_log_error("API: no password is accepted: %s", diag.text);
		return;
	}
	if (http_access_set_password(to, text, size) < 0)
		gp_log_error("API: no password is accepted: %s is empty", conf->password_file);
	gp_wipe_free(text, size);
}

static void read_uids(struct gp_arena *arena, const struct http_conf *conf, struct http_access *to)
{
	uid_t *uids = GP_ARENA_NEW_N(arena, conf->trusted_uids.len + 1, uid_t);

	for (size_t i = 0; i < conf->trusted_uids.len; i++)
		to->n_uids += http_uid_parse(conf->trusted_uids.items[i], &uids[to->n_uids]) ==
			      GP_OK;
	to->uids = uids;
}

static struct gp_conf_list copy_list(struct gp_arena *arena, const struct gp_conf_list *from)
{
	const char **items = GP_ARENA_NEW_N(arena, from->len + 1, const char *);

	for (size_t i = 0; i < from->len; i++)
		items[i] = gp_arena_strdup(arena, from->items[i]);
	return (struct gp_conf_list){items, from->len};
}

static void set_rules(const struct http_conf *conf)
{
	struct gp_arena *arena = gp_arena_new(0), *old;
	struct http_access fresh = {.read_password = conf->read_password,
				    .hosts = copy_list(arena, &conf->hosts)};

	read_password(conf, &fresh);
	read_uids(arena, conf, &fresh);
	pthread_rwlock_wrlock(&rules_lock);
	old = rules_arena;
	rules = fresh;
	rules_arena = arena;
	pthread_rwlock_unlock(&rules_lock);
	gp_arena_free(old);
}

const struct http_refusal *api_access(enum http_level level, const struct http_request *rq)
{
	const struct http_refusal *refusal;

	pthread_rwlock_rdlock(&rules_lock);
	refusal = http_access_check(&rules, level, rq);
	pthread_rwlock_unlock(&rules_lock);
	return refusal;
}

/* Sockets. */

static bool is_local(const char *address)
{
	struct gp_str text = gp_str(address);
	struct gp_ip ip;

	return gp_str_starts(text, GP_STR("unix:")) ||
	       (gp_ip_parse(gp_str_after_last(text, '@'), &ip) == GP_OK && gp_ip_is_loopback(&ip));
}

static int bind_one(const struct http_conf *conf, const char *address, struct gp_diag *diag)
{
	struct listener *l = &listeners[n_listeners];
	int r;

	if (n_listeners == LISTEN_MAX || !gp_str_copy(l->address, sizeof(l->address), gp_str(address))) {
		gp_diag_set(diag, "http.listen: too many addresses, or too long");
		return GP_ELIMIT;
	}
	r = gp_socket_listen(address, conf->mode, &l->fd, diag);
	if (r < 0)
		return r;
	n_listeners++;
	return *conf->group ? gp_socket_set_access(address, conf->mode, conf->group, diag) : GP_OK;
}

int api_bind(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	const char *file;
	unsigned line;
	int r = GP_OK;

	for (size_t i = 0; i < conf->http.listen.len && r == GP_OK; i++)
		r = bind_one(&conf->http, conf->http.listen.items[i], diag);
	if (r < 0 && !gp_snapshot_origin(snap, &controller_table, "http.listen", &file, &line)) {
		/* Nobody asked for it: learning goes on without. */
		gp_log_warning("the API is not served: %s", diag->text);
		r = GP_OK;
	}
	set_rules(&conf->http);
	return r;
}

bool api_is_bound(void)
{
	return n_listeners > 0;
}

void api_sandbox(const struct gp_snapshot *snap)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	for (size_t i = 0; i < conf->http.listen.len; i++)
		if (gp_str_starts(gp_str(conf->http.listen.items[i]), GP_STR("unix:")))
			gp_sandbox_write_folder_of(conf->http.listen.items[i] + 5);
}

/* Start and stop. */

int64_t api_uptime_s(void)
{
	return gp_clock_real_s() - started_s;
}

int api_start(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);
	struct http_limits limits = {
		.size_max = (size_t)conf->http.size_max,
		.timeout_ms = conf->http.timeout_ms,
		.answer_ms = conf->http.answer_ms,
		.connections = (unsigned)conf->http.connections,
	};

	started_s = gp_clock_real_s();
	api_errors_start();
	if (!n_listeners)
		return GP_OK;
	api_stat_start(((const struct gp_conf_learn *)gp_snapshot_get(snap, &gp_conf_learn_table))
			       ->directory);
	http_register_metrics();
	api_scan_register_metrics();
	for (size_t i = 0; i < n_listeners; i++) {
		struct listener *l = &listeners[i];
		int r = http_server_start(l->fd, is_local(l->address), &limits, &api_handler,
					  controller.loop, &l->server, diag);

		if (r < 0)
			return r;
		gp_log_info("API: serves on %s", l->address);
	}
	return GP_OK;
}

void api_reloaded(const struct gp_snapshot *snap)
{
	const struct controller_conf *conf = gp_snapshot_get(snap, &controller_table);

	set_rules(&conf->http);
}

void api_quiesce(void)
{
	for (size_t i = 0; i < n_listeners; i++) {
		gp_socket_unlink(listeners[i].address);
		if (listeners[i].server)
			http_server_quiesce(listeners[i].server);
	}
}

unsigned api_drain(int64_t deadline_ms)
{
	while (http_server_busy() && gp_clock_mono_ms() < deadline_ms)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return http_server_busy();
}

void api_stop(void)
{
	for (size_t i = 0; i < n_listeners; i++)
		http_server_stop(&listeners[i].server);
	gp_log_observe(NULL);
}
