/*
 * The control socket; see the header.
 */
#include "milter-virus/control.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/jsonline.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/socket.h"
#include "milter-virus/action.h"
#include "milter-virus/spool.h"

#define REQUEST_MAX 64	   /* of the request's line */
#define ANSWER_MAX 4096
#define IDLE_S 30	   /* a client that says nothing for so long is left */
#define CHUNK 65536
#define CLAMD_MS 3000	   /* for its answer to the status */

static struct {
	int fd;
	const struct virus_scanner *scanner;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t room;
	unsigned n_clients;
	atomic_bool is_stopping;
	char *address;
} control = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};

static void add_failure(struct gp_jsonline *j, const struct virus_status_report *r)
{
	if (!r->failed_at_s)
		return;
	gp_jsonline_int(j, "failed_at", r->failed_at_s);
	gp_jsonline_str(j, "failure", gp_str(r->failure), sizeof(r->failure));
}

/* What there is to say where clamd scans. */
static void answer_clamd_status(struct gp_jsonline *j, struct virus_clamd *clamd)
{
	char version[128];
	struct gp_diag why = {""};
	bool is_serving = virus_clamd_version(clamd, gp_clock_mono_ms() + CLAMD_MS, version,
					      sizeof(version), &why) == GP_OK;

	gp_jsonline_bool(j, "serving", is_serving);
	if (is_serving)
		gp_jsonline_cstr(j, "engine", version);
	else
		gp_jsonline_cstr(j, "failure", why.text);
	gp_jsonline_int(j, "held", virus_spool_held());
}

static void answer_engines_status(struct gp_jsonline *j)
{
	struct virus_status_report r;
	struct virus_pool_counts n;

	virus_engines_report(control.scanner->engines, &r);
	virus_pool_count(control.scanner->pool, &n);
	gp_jsonline_bool(j, "serving", r.is_serving);
	gp_jsonline_bool(j, "loading", r.is_loading);
	gp_jsonline_int(j, "generation", r.generation);
	gp_jsonline_cstr(j, "engine", r.info.version);
	gp_jsonline_int(j, "signatures", (int64_t)r.info.signatures);
	gp_jsonline_int(j, "database_version", r.info.db_version);
	gp_jsonline_int(j, "database_time", r.info.db_time_s);
	gp_jsonline_int(j, "memory", (int64_t)r.info.memory);
	gp_jsonline_int(j, "load_ms", r.info.load_ms);
	gp_jsonline_int(j, "served_since", r.served_since_s);
	gp_jsonline_int(j, "reloads", (int64_t)r.reloads);
	gp_jsonline_int(j, "failures", (int64_t)r.failures);
	add_failure(j, &r);
	gp_jsonline_int(j, "workers", r.workers);
	gp_jsonline_int(j, "idle", (int64_t)n.idle);
	gp_jsonline_int(j, "busy", (int64_t)n.busy);
	gp_jsonline_int(j, "waiting", (int64_t)n.waiting);
	gp_jsonline_int(j, "sharing", (int64_t)virus_pending_waiting(control.scanner->pending));
	gp_jsonline_int(j, "held", virus_spool_held());
}

static void answer_status(struct gp_jsonline *j)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	struct virus_clamd *clamd = virus_clamd_of(control.scanner, snap);

	if (clamd)
		answer_clamd_status(j, clamd);
	else
		answer_engines_status(j);
	gp_snapshot_unref(snap);
}

static void fail(struct gp_jsonline *j, const char *why)
{
	gp_jsonline_bool(j, "ok", false);
	gp_jsonline_cstr(j, "error", why);
}

static void answer_reload(struct gp_jsonline *j)
{
	if (!control.scanner->engines) {
		fail(j, "clamd scans: its signatures are its own (clamdscan --reload)");
		return;
	}
	virus_engines_reload(control.scanner->engines);
	gp_jsonline_bool(j, "ok", true);
}

static void add_verdict(struct gp_jsonline *j, const struct virus_conf *conf,
			const struct virus_verdict *v)
{
	struct virus_decision d = virus_decide(conf, v, false);

	gp_jsonline_bool(j, "ok", true);
	gp_jsonline_cstr(j, "outcome", virus_outcome_name(v->outcome));
	if (v->outcome == VIRUS_SCANNED_FOUND)
		gp_jsonline_cstr(j, "category", virus_category_name(v->category));
	if (*v->name)
		gp_jsonline_cstr(j, "name", v->name);
	gp_jsonline_bool(j, "infected", d.is_infected);
	gp_jsonline_cstr(j, "action", virus_done_name(d.action));
	gp_jsonline_bool(j, "part", v->is_part);
	gp_jsonline_int(j, "known", (int64_t)v->n_known);
	gp_jsonline_num(j, "scan_ms", (double)v->scan_us / 1000, 2);
	gp_jsonline_num(j, "cpu_ms", (double)v->cpu_us / 1000, 2);
}

/* The message's bytes, some of which came with the request's line. */
static bool receive(int fd, struct virus_spool *spool, uint64_t size, uint64_t held_max,
		    struct gp_str first)
{
	char *chunk = gp_xmalloc(CHUNK);

	first = gp_str_sub(first, 0, size);
	virus_spool_add(spool, held_max, first.ptr, first.len);
	while (spool->size < size) {
		ssize_t n = recv(fd, chunk, GP_MIN((uint64_t)CHUNK, size - spool->size), 0);

		if (n <= 0)
			break;
		virus_spool_add(spool, held_max, chunk, (size_t)n);
	}
	free(chunk);
	return spool->size >= size;
}

static void answer_scan(int fd, struct gp_str size_text, struct gp_str first, struct gp_jsonline *j)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct virus_conf *conf = gp_snapshot_get(snap, &virus_table);
	struct virus_scan_request request = {.conf = conf, .clamd = virus_clamd_of(control.scanner, snap)};
	struct virus_verdict verdict;
	struct virus_spool spool;
	uint64_t size;

	virus_spool_begin(&spool, (uint64_t)conf->size_max);
	if (gp_num_parse_uint(size_text, 10, &size) < 0) {
		fail(j, "no size");
	} else if (!receive(fd, &spool, size, (uint64_t)conf->held_max, first)) {
		fail(j, "the message ended too soon");
	} else if (virus_spool_finish(&spool) < 0) {
		fail(j, "no memory for the message");
	} else {
		request.fd = spool.fd;
		request.size = spool.kept;
		virus_scan_message(control.scanner, &request, &verdict);
		verdict.is_part = spool.kept < spool.size;
		add_verdict(j, conf, &verdict);
	}
	virus_spool_done(&spool);
	gp_snapshot_unref(snap);
}

/* The request's line, and what came behind it; false when there is none. */
static bool read_line(int fd, char *buf, size_t size, struct gp_str *ret_line, struct gp_str *ret_rest)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = recv(fd, buf + len, size - len, 0);
		struct gp_str have;
		size_t end;

		if (n <= 0)
			return false;
		len += (size_t)n;
		have = gp_str_n(buf, len);
		end = gp_str_find_chr(have, '\n', 0);
		if (end < len) {
			*ret_line = gp_str_sub(have, 0, end);
			*ret_rest = gp_str_sub(have, end + 1, len);
			return true;
		}
	}
	return false;
}

static void serve_client(int fd)
{
	struct gp_str line, rest, word;
	struct gp_jsonline j;
	char buf[REQUEST_MAX];

	if (!read_line(fd, buf, sizeof(buf), &line, &rest) || !gp_str_next_word(&line, &word))
		return;
	gp_jsonline_begin(&j, ANSWER_MAX);
	if (gp_str_eq(word, GP_STR("status")))
		answer_status(&j);
	else if (gp_str_eq(word, GP_STR("reload")))
		answer_reload(&j);
	else if (gp_str_eq(word, GP_STR("scan")))
		answer_scan(fd, gp_str_trim(line), rest, &j);
	else
		fail(&j, "unknown request");
	line = gp_jsonline_finish(&j);
	if (gp_fd_write_all(fd, line.ptr, line.len) == GP_OK)
		(void)!gp_fd_write_all(fd, "\n", 1);
	gp_jsonline_done(&j);
}

static void *client_main(void *arg)
{
	struct timeval idle = {.tv_sec = IDLE_S};
	int fd = (int)(intptr_t)arg;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof(idle));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof(idle));
	serve_client(fd);
	gp_fd_close(&fd);
	pthread_mutex_lock(&control.lock);
	control.n_clients--;
	pthread_cond_signal(&control.room);
	pthread_mutex_unlock(&control.lock);
	return NULL;
}

static void begin_client(int fd)
{
	pthread_t thread;
	bool is_taken;

	pthread_mutex_lock(&control.lock);
	while (control.n_clients >= VIRUS_CONTROL_CLIENTS && !atomic_load(&control.is_stopping))
		pthread_cond_wait(&control.room, &control.lock);
	is_taken = !atomic_load(&control.is_stopping);
	control.n_clients += is_taken;
	pthread_mutex_unlock(&control.lock);
	if (!is_taken) {
		gp_fd_close(&fd);
		return;
	}
	if (pthread_create(&thread, NULL, client_main, (void *)(intptr_t)fd) == 0) {
		pthread_detach(thread);
		return;
	}
	gp_fd_close(&fd);
	pthread_mutex_lock(&control.lock);
	control.n_clients--;
	pthread_mutex_unlock(&control.lock);
}

static void *accept_main(void *arg)
{
	(void)arg;
	while (!atomic_load(&control.is_stopping)) {
		int fd = accept4(control.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			begin_client(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			(void)poll(NULL, 0, 100); /* out of descriptors, or stopping */
	}
	return NULL;
}

int virus_control_bind(const struct virus_conf *conf, int *ret_fd, struct gp_diag *diag)
{
	int r;

	*ret_fd = -1;
	if (!*conf->control)
		return GP_OK;
	r = gp_socket_listen(conf->control, conf->daemon.socket_mode, ret_fd, diag);
	if (r == GP_OK)
		control.address = gp_xstrdup(conf->control);
	return r;
}

int virus_control_start(int fd, const struct virus_scanner *scanner, struct gp_diag *diag)
{
	sigset_t all, old;

	if (fd < 0)
		return GP_OK;
	control.fd = fd;
	control.scanner = scanner;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&control.thread, NULL, accept_main, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return errno ? gp_diag_errno(diag, "a thread for the control socket") : GP_OK;
}

unsigned virus_control_stop(void)
{
	unsigned n;

	if (control.fd < 0)
		return 0;
	pthread_mutex_lock(&control.lock);
	atomic_store(&control.is_stopping, true);
	pthread_cond_broadcast(&control.room);
	pthread_mutex_unlock(&control.lock);
	shutdown(control.fd, SHUT_RDWR);
	pthread_join(control.thread, NULL);
	gp_fd_close(&control.fd);
	gp_socket_unlink(control.address);
	free(control.address);
	control.address = NULL;
	pthread_mutex_lock(&control.lock);
	n = control.n_clients;
	pthread_mutex_unlock(&control.lock);
	return n;
}
