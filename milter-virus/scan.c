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
static struct gp_metric lost_sharing =
	GP_COUNTER_L("gatepost_virus_workers_lost_total", "while=\"sharing\"",
		     "Scan workers that died, or were killed for being late.");
static struct gp_metric scan_time =
	GP_HISTOGRAM("gatepost_virus_scan_seconds", "Time of a message in a worker that scans.");
static struct gp_metric shared_time =
	GP_HISTOGRAM("gatepost_virus_verdict_wait_seconds",
		     "Time of a message that waited for the verdict of another's worker.");
static struct gp_metric wait_time =
	GP_HISTOGRAM("gatepost_virus_wait_seconds", "Time of a message before a worker was free.");

/* A wait for another's verdict: what came of it. */
enum share { SHARE_KNOWN, SHARE_UNKNOWN, SHARE_LATE, SHARES };

#define SHARED(label)                                                                              \
	GP_COUNTER_L("gatepost_virus_verdict_waits_total", "ended=\"" label "\"",                  \
		     "Questions about a part that another worker was at, by how the wait for it ended.")

static struct gp_metric shares[SHARES] = {
	[SHARE_KNOWN] = SHARED("known"),
	[SHARE_UNKNOWN] = SHARED("unknown"),
	[SHARE_LATE] = SHARED("late"),
};

void virus_scan_register_metrics(void)
{
	gp_metric_register(&lost_crash);
	gp_metric_register(&lost_late);
	gp_metric_register(&lost_sharing);
	gp_metric_register(&scan_time);
	gp_metric_register(&shared_time);
	gp_metric_register(&wait_time);
	for (size_t i = 0; i < SHARES; i++)
		gp_metric_register(&shares[i]);
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
	bool is_unfit;	/* the worker, by its own word */
	/* Another worker is at the layer that this one asked about; the question is open. */
	struct virus_party party;
	bool is_sharing;
	int64_t sharing_since_us;
	bool has_lost_sharing; /* a worker died while it waited so: no more of that */
	bool has_digest;
	unsigned char digest[GP_SHA256_SIZE];
};

/* How it went with one worker. */
enum turn {
	TURN_DONE,   /* there is a verdict */
	TURN_UNSEEN, /* it was gone before it saw the message */
	TURN_SHARING, /* it died while it waited for another one's verdict */
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

static enum virus_known look_up(const struct scan *s, char ret_name[VIRUS_NAME_MAX])
{
	return virus_cache_get(s->scanner->cache, s->worker->generation, &s->wire->ask.layer, ret_name);
}

/* False when the worker cannot take the answer. */
static bool send_answer(const struct scan *s, struct virus_wire_known *known, enum virus_known verdict)
{
	known->head.kind = VIRUS_KNOWN;
	known->verdict = (uint32_t)verdict;
	virus_cache_count(verdict);
	return virus_wire_send(s->worker->fd, known, sizeof(*known), NULL, 0, true) == GP_OK;
}

/* Another worker is at it: its verdict is waited for, for as long as a scan may take in all. */
static bool begin_sharing(struct scan *s)
{
	int64_t now_us = gp_clock_mono_us();
	int64_t left_ms = s->request->conf->deadline_ms - s->verdict->shared_us / 1000;

	if (s->has_lost_sharing)
		left_ms = 0;
	s->is_sharing = virus_pending_ask(s->scanner->pending, &s->party, &s->wire->ask.layer,
					  now_us / 1000 + left_ms);
	s->sharing_since_us = now_us;
	return s->is_sharing;
}

/* The time is not of its scan. */
static void stop_sharing(struct scan *s)
{
	int64_t us = gp_clock_mono_us() - s->sharing_since_us;

	s->is_sharing = false;
	s->verdict->shared_us += us;
	s->deadline_ms += us / 1000;
	gp_metric_observe_us(&shared_time, us);
}

/* Answers a question, or leaves it open; false when the worker cannot take the answer. */
static bool answer(struct scan *s)
{
	struct virus_wire_known known = {.verdict = VIRUS_UNKNOWN};
	enum virus_known verdict = look_up(s, known.name);

	if (verdict == VIRUS_UNKNOWN && virus_cache_is_on(s->scanner->cache)) {
		if (begin_sharing(s))
			return true;
		verdict = look_up(s, known.name); /* it may have come meanwhile */
	}
	return send_answer(s, &known, verdict);
}

/* Looks how it stands with the question that is open, and answers it when it can be; false when the
 * worker cannot take the answer.  *ret_until_ms: when to look again. */
static bool share(struct scan *s, int64_t *ret_until_ms)
{
	struct virus_wire_known known = {.verdict = VIRUS_UNKNOWN};
	enum virus_pending_wait how = virus_pending_look(s->scanner->pending, &s->party, ret_until_ms);
	enum virus_known verdict;
	enum share share;

	if (how == VIRUS_WAIT_ON)
		return true;
	stop_sharing(s);
	*ret_until_ms = s->deadline_ms;
	verdict = look_up(s, known.name);
	share = verdict != VIRUS_UNKNOWN ? SHARE_KNOWN
		: how == VIRUS_WAIT_LATE ? SHARE_LATE
					 : SHARE_UNKNOWN;
	gp_metric_add(&shares[share], 1);
	if (share == SHARE_UNKNOWN)
		virus_pending_in_vain(s->scanner->pending, &s->wire->ask.layer);
	return send_answer(s, &known, verdict);
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
		virus_words_copy(v->name, r->name, strnlen(r->name, sizeof(r->name)));
		s->is_unfit = r->status == VIRUS_UNFIT;
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
	if (s->is_sharing) { /* it has nothing to say now; its end has nothing to do with the message */
		stop_sharing(s);
		*ret = r == GP_ENOENT || r == GP_ESYS ? TURN_SHARING : TURN_DIED;
		return true;
	}
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
	int64_t tick_ms = gp_clock_mono_ms() + TICK_MS;
	enum turn turn = TURN_LATE;

	for (;;) {
		struct pollfd waiting[] = {{.fd = s->worker->fd, .events = POLLIN},
					   {.fd = -1, .events = POLLIN}};
		int64_t until_ms = s->deadline_ms, now_ms;

		if (s->is_sharing && !share(s, &until_ms))
			return TURN_DIED;
		now_ms = gp_clock_mono_ms();
		if (now_ms >= until_ms && !s->is_sharing)
			return TURN_LATE;
		if (now_ms >= tick_ms) {
			tell_progress(s);
			tick_ms = now_ms + TICK_MS;
		}
		waiting[1].fd = s->is_sharing ? virus_party_fd(&s->party) : -1;
		if (poll(waiting, 2, (int)GP_MAX(GP_MIN(until_ms, tick_ms) - now_ms, 0)) > 0 &&
		    waiting[0].revents && listen_to(s, &turn))
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
	virus_party_begin(&s->party, s->worker->generation);
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

/* The worker died while it did nothing, which its message had no part in: that goes to another,
 * that does not wait, so that there is an end to it. */
static bool note_lost_sharing(struct scan *s)
{
	s->has_lost_sharing = true;
	gp_metric_add(&lost_sharing, 1);
	gp_log_warning("a scan worker died while it waited for the verdict of another one");
	return true;
}

/* A worker for the message; false: the outcome says why there is none.  The wait for it is not of
 * the scan's time, be it the first or the next: queue_wait bounds all of them together. */
static bool get_worker(struct scan *s, int64_t until_ms)
{
	int64_t began_us = gp_clock_mono_us(), us;
	struct virus_wait wait = {.deadline_ms = until_ms,
				  .queue_max = (size_t)s->request->conf->queue_max,
				  .tick = s->request->progress,
				  .arg = s->request->arg};
	int r = virus_pool_acquire(s->scanner->pool, &wait, &s->worker);

	us = gp_clock_mono_us() - began_us;
	s->verdict->wait_us += us;
	if (s->deadline_ms)
		s->deadline_ms += us / 1000;
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
		int64_t began_us = gp_clock_mono_us(), shared_us = s->verdict->shared_us;
		enum turn turn = take_turn(s);

		shared_us = s->verdict->shared_us - shared_us;
		s->verdict->scan_us += gp_clock_mono_us() - began_us - shared_us;
		until_ms += shared_us / 1000;
		again = turn == TURN_UNSEEN;
		if (turn == TURN_LATE || turn == TURN_DIED || turn == TURN_SHARING) {
			virus_engines_kill(s->scanner->engines, s->worker);
			again = turn == TURN_SHARING ? note_lost_sharing(s) : is_tried_again(s, turn);
		}
		if (!virus_pool_release(s->scanner->pool, s->worker, turn == TURN_DONE && !s->is_unfit) ||
		    turn != TURN_DONE)
			virus_cache_forget(s->scanner->cache, worker);
		/* Only now: what a worker said that has died meanwhile answers nobody. */
		virus_pending_leave(s->scanner->pending, &s->party);
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
