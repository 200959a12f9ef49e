/*
 * The loader; see the header.
 *
 * It never looks at a message, so the engine that workers inherit is always as it was read.
 */
#include "milter-virus/loader.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "milter-virus/database.h"
#include "milter-virus/folder.h"
#include "milter-virus/scan_child.h"

/* Workers that end by themselves at the end of the front; those that hang are killed then. */
#define END_MS 1000
#define CHILDREN_MAX 1024
#define COPY_S 120 /* a folder that takes longer is out of order */

struct child {
	pid_t pid;
	unsigned serial;
};

struct loader {
	const struct virus_engine_kind *kind;
	bool is_confined;
	const struct virus_wire_load *order;
	struct virus_engine *engine;
	union virus_wire *wire;
	int front;
	char folder[VIRUS_FOLDER_MAX];
	unsigned serial;
	struct child children[CHILDREN_MAX];
	size_t n_children;
	pid_t copier; /* 0: none */
};

/* Bytes of memory that this process alone holds. */
static uint64_t own_memory(void)
{
	unsigned long long size = 0, resident = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu %llu", &size, &resident, &shared) != 3)
		resident = shared = 0;
	fclose(f);
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int load(struct loader *l, struct virus_engine_info *info, struct gp_diag *diag)
{
	int64_t began_ms = gp_clock_mono_ms();
	uint64_t before = own_memory(), after;
	struct virus_database database;
	int r = l->kind->open(&l->order->options, &l->engine, info, diag);

	if (r < 0)
		return r;
	after = own_memory();
	info->memory = after > before ? after - before : 0;
	info->load_ms = gp_clock_mono_ms() - began_ms;
#ifdef __GLIBC__
	malloc_trim(0); /* each worker would hold a copy of what reading has left */
#endif
	if (info->db_time_s <= 0 &&
	    virus_database_look(l->order->options.database, &database, NULL) == GP_OK)
		info->db_time_s = database.newest_s;
	return GP_OK;
}

/* Tells the front how it went. */
static bool report(struct loader *l)
{
	struct virus_wire_ready ready = {.head = {.kind = VIRUS_READY}};
	struct virus_wire_failed failed = {.head = {.kind = VIRUS_FAILED_TO_LOAD}};
	struct gp_diag diag = {""};
	int r;

	virus_folder_clean(l->order->options.temporary);
	r = virus_folder_make(l->order->options.temporary, l->folder, &diag);
	if (r == GP_OK)
		r = load(l, &ready.info, &diag);
	if (r == GP_OK)
		return virus_wire_send(l->front, &ready, sizeof(ready), NULL, 0, false) == GP_OK;
	failed.head.err = r;
	gp_str_copy(failed.text, sizeof(failed.text), gp_str(diag.text));
	(void)!virus_wire_send(l->front, &failed, sizeof(failed), NULL, 0, false);
	return false;
}

/* In the child. */
static GP_NORETURN void become_worker(struct loader *l, int sock, const char *folder)
{
	const struct virus_engine_options *o = &l->order->options;
	struct virus_child_options options = {
		.kind = l->kind,
		.engine = l->engine,
		.folder = folder,
		.memory = l->order->worker_memory,
		.file_max = (uint64_t)GP_MAX(o->limits[VIRUS_MAX_SCAN_SIZE],
					     o->limits[VIRUS_MAX_FILE_SIZE]),
		.cpu_s = l->order->cpu_s,
		.is_confined = l->is_confined,
	};

	gp_fd_close(&l->front);
	virus_child_run(&options, sock);
}

static void answer(struct loader *l, int err, const int fds[2])
{
	struct virus_wire_head head = {.kind = VIRUS_STARTED, .err = err};

	(void)!virus_wire_send(l->front, &head, sizeof(head), fds, err ? 0 : 2, false);
}

/* Somebody may have removed what is below the temporary folder (who tidies up there): then there is a
 * new folder for the workers that come from now on. */
static int make_folder(struct loader *l, unsigned serial, char ret[VIRUS_FOLDER_MAX])
{
	int r = virus_folder_make_worker(l->folder, serial, ret, NULL);
	char fresh[VIRUS_FOLDER_MAX];

	if (r == GP_OK || errno != ENOENT)
		return r;
	r = virus_folder_make(l->order->options.temporary, fresh, NULL);
	if (r < 0)
		return r;
	memcpy(l->folder, fresh, sizeof(fresh));
	return virus_folder_make_worker(l->folder, serial, ret, NULL);
}

static void fork_worker(struct loader *l)
{
	char folder[VIRUS_FOLDER_MAX];
	int pair[2] = {-1, -1}, fds[2] = {-1, -1};
	unsigned serial = l->serial++;
	pid_t pid = -1;

	if (l->n_children == CHILDREN_MAX) {
		answer(l, EAGAIN, fds);
		return;
	}
	if (make_folder(l, serial, folder) == GP_OK && virus_wire_pair(pair) == GP_OK) {
		pid = virus_fork_child(&fds[1]);
		if (pid == 0) {
			gp_fd_close(&pair[0]);
			become_worker(l, pair[1], folder);
		}
	}
	if (pid > 0) {
		l->children[l->n_children++] = (struct child){pid, serial};
		fds[0] = pair[0];
		answer(l, 0, fds);
	} else {
		answer(l, errno ? errno : EIO, fds);
	}
	gp_fd_close(&fds[1]);
	gp_fd_close(&pair[0]);
	gp_fd_close(&pair[1]);
}

static void tell_kept(struct loader *l)
{
	struct virus_wire_head head = {.kind = VIRUS_KEPT};

	(void)!virus_wire_send(l->front, &head, sizeof(head), NULL, 0, false);
}

/* In a process of its own: workers are not to wait for it. */
static void keep(struct loader *l)
{
	struct virus_wire_keep *order = &l->wire->keep;
	struct gp_diag diag = {""};

	l->copier = fork();
	if (l->copier < 0)
		tell_kept(l);
	if (l->copier != 0)
		return;
	gp_fd_close(&l->front);
	prctl(PR_SET_NAME, "virus-copier", 0, 0, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(COPY_S);
	order->folder[sizeof(order->folder) - 1] = '\0';
	if (virus_database_copy(l->order->options.database, order->folder, order->fingerprint,
				&diag) < 0)
		gp_log_warning("signatures: no copy is kept: %s", diag.text);
	_exit(0);
}

static bool take_order(void *arg)
{
	struct loader *l = arg;
	size_t len;
	int r = virus_wire_receive(l->front, l->wire, &len, NULL, true);

	if (r == GP_ETEMP)
		return true;
	if (r < 0)
		return false;
	if (l->wire->head.kind == VIRUS_FORK)
		fork_worker(l);
	else if (l->wire->head.kind == VIRUS_KEEP)
		keep(l);
	return true;
}

static void reap(void *arg, pid_t pid)
{
	struct loader *l = arg;
	char folder[VIRUS_FOLDER_MAX];

	if (pid == l->copier) {
		l->copier = 0;
		tell_kept(l);
		return;
	}
	for (size_t i = 0; i < l->n_children; i++) {
		if (l->children[i].pid != pid)
			continue;
		snprintf(folder, sizeof(folder), "%.*s/%u", VIRUS_FOLDER_MAX - 16, l->folder,
			 l->children[i].serial);
		l->children[i] = l->children[--l->n_children];
		virus_folder_remove(folder);
		return;
	}
}

/* The front is gone, or wants this generation no more. */
static void end_workers(struct loader *l)
{
	int64_t end_ms = gp_clock_mono_ms() + END_MS;
	pid_t pid;

	while (l->n_children > 0 && gp_clock_mono_ms() < end_ms) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			reap(l, pid);
		(void)poll(NULL, 0, 10);
	}
	for (size_t i = 0; i < l->n_children; i++)
		kill(l->children[i].pid, SIGKILL);
	while ((pid = waitpid(-1, NULL, 0)) > 0)
		reap(l, pid);
}

GP_NORETURN void virus_loader_run(const struct virus_engine_kind *kind, bool is_confined,
				  const struct virus_wire_load *order, int front)
{
	struct loader *l = gp_xcalloc(1, sizeof(*l));

	prctl(PR_SET_NAME, "virus-loader", 0, 0, 0);
	signal(SIGCHLD, SIG_DFL);
	l->kind = kind;
	l->is_confined = is_confined;
	l->order = order;
	l->front = front;
	l->wire = gp_xmalloc(sizeof(*l->wire));
	if (report(l)) {
		virus_await_orders(front, take_order, reap, l);
		end_workers(l);
	}
	if (*l->folder)
		virus_folder_remove(l->folder);
	_exit(0);
}
