/*
 * One message through the workers; see the header.
 *
 * The thread that waits for a worker also answers its questions: nothing but the two processes is
 * awake for a message.  What a worker says is bytes of a stranger: sizes were checked (wire.c),
 * names are cleaned here.  What it says of layers cannot be checked, as nothing is unpacked here:
 * that is believed for as long as the worker lives, and the cache for an hour at most.
 */
#include "milter-virus/scan.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "milter-virus/scan_clamd.h"
#include "milter-virus/spool.h"
#include "milter-virus/suspects.h"
#include "milter-virus/wire.h"

#define TICK_MS 5000 /* of signs of life to the MTA */
#define CPU_MAX_US 600000000 /* that is believed of one scan */

static struct gp_metric lost_crash =
	GP_COUNTER_L("gatepost_virus_workers_lost_total", "while=\"scanning\"",
		     "Scan workers that died, or were killed for being late.");
static struct gp_metric lost_late =
	GP_COUNTER_L("gatepost_virus_workers_lost_total", "while=\"late\"",
		     "Scan workers that died, or were killed for being late.");
static struct gp_metric scan_time =
	GP_HISTOGRAM("gatepost_virus_scan_seconds", "Time of a message in a worker.");
static struct gp_metric wait_time =
	GP_HISTOGRAM("gatepost_virus_wait_seconds", "Time of a message before a worker was free.");

void virus_scan_register_metrics(void)
{
	gp_metric_register(&lost_crash);
	gp_metric_register(&lost_late);
	gp_metric_register(&scan_time);
	gp_metric_register(&wait_time);
}

/* One scan under way. */
struct scan {
	const struct virus_scanner *scanner;
	const struct virus_scan_request *request;
	struct virus_verdict *verdict;
	struct virus_worker *worker;
	int64_t deadline_ms; /* 0: no worker has had it yet */
	union virus_wire *wire;
	bool has_asked; /* the worker has it, and was answered */
	bool has_digest;
	unsigned char digest[GP_SHA256_SIZE];
};

/* How it went with one worker. */
enum turn {
	TURN_DONE,   /* there is a verdict */
	TURN_UNSEEN, /* it was gone before it saw the message */
	TURN_DIED,
	TURN_LATE,
};

static void tell_progress(const struct scan *s)
{
	if (s->request->progress)
		s->request->progress(s->request->arg);
}

static bool find_digest(struct scan *s)
{
	if (!s->has_digest)
		s->has_digest = virus_spool_digest(s->request->fd, s->request->size, s->digest) == GP_OK;
	return s->has_digest;
}

/* Answers a question; false when the worker cannot take the answer. */
static bool answer(struct scan *s)
{
	struct virus_wire_known known = {.head = {.kind = VIRUS_KNOWN}};

	known.verdict = (uint32_t)virus_cache_get(s->scanner->cache, s->worker->generation,
						  &s->wire->ask.layer, known.name);
	return virus_wire_send(s->worker->fd, &known, sizeof(known), NULL, 0, true) == GP_OK;
}

static void remember(struct scan *s, const struct virus_wire_result *r)
{
	for (size_t i = 0; i < r->n_layers; i++) {
		bool is_right = r->layers[i].is_infected ? r->status == VIRUS_FOUND
							 : r->status == VIRUS_CLEAN;

		if (is_right)
			virus_cache_put(s->scanner->cache, s->worker->generation, s->worker->serial,
					&r->layers[i], s->verdict->name);
	}
}

/* The engine ended it by itself, so the worker lives; the message is as unknown, and as costly, as
 * one that had to be ended. */
static void note_late(struct scan *s)
{
	unsigned cost = find_digest(s) ? virus_suspects_add(s->digest) : VIRUS_TRIES;

	s->verdict->outcome = cost >= VIRUS_TRIES ? VIRUS_KILLER : VIRUS_DEADLINE;
}

static void take_result(struct scan *s)
{
	const struct virus_wire_result *r = &s->wire->result;
	struct virus_verdict *v = s->verdict;

	virus_name_copy(v->name, r->name, strnlen(r->name, sizeof(r->name)));
	v->n_layers += r->n_layers;
	v->n_known += r->n_known;
	v->cpu_us += GP_MIN(GP_MAX(r->cpu_us, 0), CPU_MAX_US);
	v->generation = s->worker->generation;
	switch (r->status) {
	case VIRUS_CLEAN:
		v->outcome = VIRUS_SCANNED_CLEAN;
		v->name[0] = '\0';
		break;
	case VIRUS_FOUND:
		if (strcmp(v->name, VIRUS_TIME_NAME) == 0) {
			note_late(s);
			break;
		}
		v->outcome = VIRUS_SCANNED_FOUND;
		v->category = virus_category_of(gp_str(v->name));
		break;
	default:
		v->outcome = VIRUS_ENGINE_ERROR;
		break;
	}
	remember(s, r);
}

/* Takes what the worker says; false until the turn is over. */
static bool listen_to(struct scan *s, enum turn *ret)
{
	size_t len;
	int r = virus_wire_receive(s->worker->fd, s->wire, &len, NULL, true);

	if (r == GP_ETEMP)
		return false;
	/* What it left unread is our order, if it has not asked: it was dying already, not of this. */
	*ret = r == GP_ESYS && errno == ECONNRESET && !s->has_asked ? TURN_UNSEEN : TURN_DIED;
	if (r < 0)
		return true;
	if (s->wire->head.kind == VIRUS_ASK) {
		s->has_asked = true;
		return !answer(s);
	}
	if (s->wire->head.kind == VIRUS_RESULT) {
		take_result(s);
		*ret = TURN_DONE;
	}
	return true;
}

/* Until the worker has answered, or must be ended. */
static enum turn converse(struct scan *s)
{
	struct pollfd waiting = {.fd = s->worker->fd, .events = POLLIN};
	int64_t tick_ms = gp_clock_mono_ms() + TICK_MS;
	enum turn turn = TURN_LATE;

	for (;;) {
		int64_t now_ms = gp_clock_mono_ms();
		int n;

		if (now_ms >= s->deadline_ms)
			return TURN_LATE;
		if (now_ms >= tick_ms) {
			tell_progress(s);
			tick_ms = now_ms + TICK_MS;
		}
		n = poll(&waiting, 1, (int)(GP_MIN(s->deadline_ms, tick_ms) - now_ms));
		if (n > 0 && listen_to(s, &turn))
			return turn;
	}
}

static enum turn take_turn(struct scan *s)
{
	struct virus_wire_scan order = {.head = {.kind = VIRUS_SCAN},
					.size = s->request->size,
					.wants_layers = virus_cache_is_on(s->scanner->cache)};
	enum turn turn;

	if (virus_wire_send(s->worker->fd, &order, sizeof(order), &s->request->fd, 1, true) != GP_OK)
		return TURN_UNSEEN;
	if (!s->deadline_ms)
		s->deadline_ms = gp_clock_mono_ms() + s->request->conf->deadline_ms;
	s->has_asked = false;
	turn = converse(s);
	if (turn != TURN_UNSEEN)
		s->verdict->tries++;
	else if (s->verdict->tries == 0)
		s->deadline_ms = 0; /* the wait for another one is not of its time */
	return turn;
}

/* The worker died of it, or was killed: is it to be tried once more? */
static bool is_tried_again(struct scan *s, enum turn turn)
{
	unsigned cost = find_digest(s) ? virus_suspects_add(s->digest) : VIRUS_TRIES;

	gp_metric_add(turn == TURN_LATE ? &lost_late : &lost_crash, 1);
	gp_log_warning("a scan worker %s%s", turn == TURN_LATE ? "takes too long" : "died",
		       turn == TURN_DIED && cost < VIRUS_TRIES
			       ? ": its message is tried again on another" : "");
	s->verdict->outcome = cost >= VIRUS_TRIES	 ? VIRUS_KILLER
			      : turn == TURN_LATE ? VIRUS_DEADLINE
						  : VIRUS_CRASHED;
	return turn == TURN_DIED && cost < VIRUS_TRIES;
}

/* A worker for the message; false: the outcome says why there is none. */
static bool get_worker(struct scan *s, int64_t until_ms)
{
	int64_t began_us = gp_clock_mono_us();
	struct virus_wait wait = {.deadline_ms = until_ms,
				  .queue_max = (size_t)s->request->conf->queue_max,
				  .tick = s->request->progress,
				  .arg = s->request->arg};
	int r = virus_pool_acquire(s->scanner->pool, &wait, &s->worker);

	s->verdict->wait_us += gp_clock_mono_us() - began_us;
	if (r < 0)
		s->verdict->outcome = r == GP_ENOENT ? VIRUS_NO_ENGINE : VIRUS_OVERLOAD;
	return r == GP_OK;
}

static void run(struct scan *s)
{
	int64_t until_ms = gp_clock_mono_ms() + s->request->conf->queue_wait_ms;
	bool again = true;

	while (again && get_worker(s, until_ms)) {
		uint32_t worker = s->worker->serial;
		int64_t began_us = gp_clock_mono_us();
		enum turn turn = take_turn(s);

		s->verdict->scan_us += gp_clock_mono_us() - began_us;
		again = turn == TURN_UNSEEN;
		if (turn == TURN_LATE || turn == TURN_DIED) {
			virus_engines_kill(s->scanner->engines, s->worker);
			again = is_tried_again(s, turn);
		}
		if (!virus_pool_release(s->scanner->pool, s->worker, turn == TURN_DONE) ||
		    turn != TURN_DONE)
			virus_cache_forget(s->scanner->cache, worker);
	}
}

void virus_scan_message(const struct virus_scanner *scanner, const struct virus_scan_request *request,
			struct virus_verdict *ret)
{
	struct scan s = {.scanner = scanner, .request = request, .verdict = ret};

	if (request->clamd) {
		virus_scan_clamd(request->clamd, request, ret);
		gp_metric_observe_us(&scan_time, ret->scan_us);
		return;
	}
	*ret = (struct virus_verdict){.outcome = VIRUS_NO_ENGINE};
	if (virus_suspects_any() && find_digest(&s) &&
	    virus_suspects_count(s.digest) >= VIRUS_TRIES) {
		ret->outcome = VIRUS_KILLER;
		return;
	}
	s.wire = gp_xmalloc(sizeof(*s.wire));
	run(&s);
	free(s.wire);
	gp_metric_observe_us(&wait_time, ret->wait_us);
	if (ret->tries)
		gp_metric_observe_us(&scan_time, ret->scan_us);
}
