/*
 * A scan worker; see the header.
 *
 * Between two messages it holds nothing of them but what the library may have left in memory; the
 * front replaces it after a number of messages (worker_messages).
 */
#include "milter-virus/scan_child.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/daemon/sandbox_scanner.h"

/* Open at a time: a layer within a layer takes two or three. */
#define FILES_MAX 512

struct child {
	const struct virus_child_options *options;
	int front;
	bool is_lost; /* the front does not answer: nobody wants the result either */
	union virus_wire *wire;
	struct virus_scan *scan;
};

static enum virus_known ask(void *arg, const struct virus_layer *layer, char ret_name[VIRUS_NAME_MAX])
{
	struct child *c = arg;
	struct virus_wire_ask question = {.head = {.kind = VIRUS_ASK}, .layer = *layer};
	size_t len;

	if (c->is_lost)
		return VIRUS_UNKNOWN;
	if (virus_wire_send(c->front, &question, sizeof(question), NULL, 0, false) < 0 ||
	    virus_wire_receive(c->front, c->wire, &len, NULL, false) < 0 ||
	    c->wire->head.kind != VIRUS_KNOWN) {
		c->is_lost = true;
		return VIRUS_UNKNOWN;
	}
	if (c->wire->known.verdict == VIRUS_KNOWN_INFECTED)
		memcpy(ret_name, c->wire->known.name, VIRUS_NAME_MAX);
	return (enum virus_known)c->wire->known.verdict;
}

static bool send_result(struct child *c, int64_t cpu_us)
{
	struct virus_wire_result *r = &c->wire->result;
	const struct virus_scan *s = c->scan;

	*r = (struct virus_wire_result){.head = {.kind = VIRUS_RESULT},
					.status = s->status,
					.n_known = (uint32_t)s->n_known,
					.n_layers = (uint32_t)s->n_layers,
					.cpu_us = cpu_us};
	memcpy(r->name, s->name, sizeof(r->name));
	memcpy(r->layers, s->layers, s->n_layers * sizeof(*s->layers));
	return virus_wire_send(c->front, r, VIRUS_RESULT_HEAD + s->n_layers * sizeof(*s->layers),
			       NULL, 0, false) == GP_OK;
}

/* One message; false when it was the last. */
static bool serve_one(struct child *c)
{
	int64_t cpu_us;
	int fds[2];
	size_t len;
	GP_FD_AUTO message = -1;

	if (virus_wire_receive(c->front, c->wire, &len, fds, false) < 0)
		return false;
	message = fds[0];
	gp_fd_close(&fds[1]);
	if (c->wire->head.kind != VIRUS_SCAN || message < 0)
		return false;
	cpu_us = gp_clock_cpu_us();
	c->scan->known = c->wire->scan.wants_layers ? ask : NULL;
	c->scan->arg = c;
	gp_sandbox_cpu_budget(c->options->cpu_s);
	c->options->kind->scan(c->options->engine, message, c->scan);
	return !c->is_lost && send_result(c, gp_clock_cpu_us() - cpu_us);
}

GP_NORETURN void virus_child_run(const struct virus_child_options *options, int front)
{
	struct gp_scanner_limits limits = {.address_space = options->memory,
					   .files = FILES_MAX};
	struct child c = {.options = options, .front = front};
	struct gp_diag diag = {""};
	sigset_t none;

	prctl(PR_SET_NAME, "virus-worker", 0, 0, 0);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A file that the engine's own limits allow must fit. */
	limits.file_size = options->file_max ? options->file_max + (1 << 20) : UINT64_MAX;
	c.wire = gp_xmalloc(sizeof(*c.wire));
	c.scan = gp_xmalloc(sizeof(*c.scan));
	limits.is_rooted = options->is_confined && gp_sandbox_may_root();
	if (options->kind->settle(options->engine, limits.is_rooted ? "/" : options->folder, &diag) < 0 ||
	    (options->is_confined &&
	     gp_sandbox_enter_scanner(options->folder, &limits, &diag) < 0)) {
		gp_log_error("scan worker: %s", diag.text);
		_exit(1);
	}
	closelog(); /* nor may it write there what a stranger would have it write */
	while (serve_one(&c))
		;
	/* What a message may have left behind is not run at exit. */
	_exit(0);
}
