/*
 * A pass over the file of references: takes the claim, connects, sends the messages in
 * order with at most `window` of them unanswered, marks each that is answered, and ends
 * when the file has no more.  One that met an obstacle is followed by another, later
 * and later.
 */
#include "dovecot-sieve-learn/compat.h"

#include <str-sanitize.h>
#include <time-util.h>

#include "dovecot-sieve-learn/worker_int.h"

#define BACKLOG_MAX (128 * 1024) /* bytes written and not gone out, before it waits */
#define SLICE_MS 8		 /* work between two turns of the session; a key press is 100 */
#define RETRY_MAX_MS (60 * 1000)
#define CLAIMED_MS (5 * 1000)	 /* another process of the user is at it */
#define CLAIMED_FINISH_MS 100	 /* the same, while the session waits */
#define EXPIRE_S (7 * 24 * 3600) /* a message that cannot be read for so long never will be */

void gp_pass_drop(struct gp_worker *worker)
{
	timeout_remove(&worker->timeout);
	gp_client_close(&worker->client);
	gp_reader_close(worker->reader);
	i_close_fd(&worker->claim_fd);
	worker->taken = worker->next = 0;
	worker->first = worker->flying = 0;
	worker->read_at = 0;
	worker->is_welcome = worker->is_stopping = worker->has_left = false;
}

void gp_pass_log(struct gp_worker *worker)
{
	const struct gp_worker_counts *now = &worker->counts, *was = &worker->at_start;
	struct event_passthrough *e;

	if (memcmp(now, was, sizeof(*now)) == 0)
		return;
	e = event_create_passthrough(worker->event);
	e->set_name("gatepost_learn_finished");
	e->add_int("spam", now->spam - was->spam);
	e->add_int("ham", now->ham - was->ham);
	e->add_int("unlearned", now->unlearned - was->unlearned);
	e->add_int("refused", now->refused - was->refused);
	e->add_int("gone", now->gone - was->gone);
	e->add_int("too_large", now->too_large - was->too_large);
	e->add_int("expired", now->expired - was->expired);
	e->add_int("dropped", now->dropped - was->dropped);
	e_info(e->event(), "handed over: spam=%u ham=%u unlearned=%u refused=%u gone=%u "
	       "too_large=%u expired=%u dropped=%u", now->spam - was->spam, now->ham - was->ham,
	       now->unlearned - was->unlearned, now->refused - was->refused, now->gone - was->gone,
	       now->too_large - was->too_large, now->expired - was->expired,
	       now->dropped - was->dropped);
	worker->at_start = *now;
}

/* Ends the pass and comes back after a while, each time a longer one. */
static void pass_retry(struct gp_worker *worker)
{
	gp_pass_drop(worker);
	gp_pass_log(worker);
	if (worker->finishing != NULL) {
		gp_worker_stop_waiting(worker);
		return;
	}
	gp_worker_later(worker, worker->retry_ms);
	worker->retry_ms = I_MIN(worker->retry_ms * 2, RETRY_MAX_MS);
}

static void pass_end(struct gp_worker *worker)
{
	bool has_left = worker->has_left;
	int err = gp_refs_trim(worker->path);

	if (err < 0 && err != -EAGAIN)
		gp_worker_warn(worker, "%s cannot be shortened: %s", worker->path, strerror(-err));
	if (has_left) {
		pass_retry(worker);
		return;
	}
	gp_pass_drop(worker);
	gp_pass_log(worker);
	/* What was added while the claim was still held would wait for the next move. */
	if (gp_worker_has_work(worker) && err == 0)
		gp_worker_later(worker, 0);
	else
		gp_worker_stop_waiting(worker);
}

static void mark_done(struct gp_worker *worker, off_t at)
{
	int err = gp_refs_done(worker->path, at);

	if (err < 0)
		gp_worker_warn(worker, "%s cannot be written: %s", worker->path, strerror(-err));
}

static void called_welcome(void *context, uint32_t message_max, uint32_t window)
{
	struct gp_worker *worker = context;

	worker->is_welcome = true;
	worker->size_max = I_MIN(worker->set->size_max, message_max);
	worker->window = I_MIN(worker->set->window, I_MAX(window, 1));
	gp_worker_later(worker, 0);
}

static void count_kept(struct gp_worker *worker, char class_code)
{
	worker->retry_ms = GP_WORKER_RETRY_MIN_MS;
	if (class_code == GP_LEARN_SPAM)
		worker->counts.spam++;
	else if (class_code == GP_LEARN_HAM)
		worker->counts.ham++;
	else
		worker->counts.unlearned++;
}

static void called_broken(void *context, const char *why)
{
	struct gp_worker *worker = context;

	gp_worker_warn(worker, "%s: %s; %s keeps what was not learned", worker->set->socket, why,
		    worker->path);
	pass_retry(worker);
}

static void called_answer(void *context, const struct gp_learn_frame *answer)
{
	struct gp_worker *worker = context;
	struct gp_flight *flight = &worker->flights[worker->first];
	const char *reason = t_strndup(answer->text.data, answer->text.len);

	if (worker->flying == 0 || answer->id != flight->id) {
		called_broken(worker, answer->id == 0 ? reason : "an answer to no question");
		return;
	}
	worker->first = (worker->first + 1) % GP_WORKER_FLIGHTS;
	worker->flying--;
	switch ((enum gp_learn_status)answer->code) {
	case GP_LEARN_QUEUED:
		mark_done(worker, flight->at);
		count_kept(worker, flight->class_code);
		break;
	case GP_LEARN_REFUSED:
		mark_done(worker, flight->at);
		worker->counts.refused++;
		e_debug(worker->event, "refused: %s", str_sanitize(reason, 200));
		break;
	case GP_LEARN_LATER:
	case GP_LEARN_DENIED:
		gp_worker_warn(worker, "%s: %s: %s; %s keeps what was not learned", worker->set->socket,
			    answer->code == GP_LEARN_DENIED ? "denied" : "not now",
			    str_sanitize(reason, 200), worker->path);
		worker->is_stopping = worker->has_left = true;
		break;
	}
	gp_worker_later(worker, 0);
}

static void called_writable(void *context)
{
	gp_worker_later(context, 0);
}

static const struct gp_client_calls calls = {
	.welcome = called_welcome,
	.answer = called_answer,
	.writable = called_writable,
	.broken = called_broken,
};

void gp_pass_begin(struct gp_worker *worker)
{
	const char *why;

	if (!gp_worker_has_work(worker)) {
		gp_worker_stop_waiting(worker);
		return;
	}
	worker->claim_fd = gp_refs_claim(worker->claim_path, 0600);
	if (worker->claim_fd < 0) {
		if (worker->claim_fd != -EAGAIN)
			gp_worker_warn(worker, "%s: %s", worker->claim_path,
				       strerror(-worker->claim_fd));
		worker->claim_fd = -1;
		gp_worker_later(worker, worker->finishing != NULL ? CLAIMED_FINISH_MS : CLAIMED_MS);
		return;
	}
	worker->client = gp_client_open(worker->set->socket, &calls, worker, &why);
	if (worker->client == NULL)
		called_broken(worker, why);
}

/* The next waiting reference, NULL at the end of the file. */
static const struct gp_ref *next_ref(struct gp_worker *worker)
{
	if (worker->next == worker->taken) {
		int taken = gp_refs_read(worker->path, worker->read_at, worker->refs, GP_WORKER_TAKE,
					 &worker->read_at);

		if (taken < 0) {
			gp_worker_warn(worker, "%s: %s", worker->path, strerror(-taken));
			worker->has_left = true;
		}
		if (taken <= 0)
			return NULL;
		worker->taken = (unsigned int)taken;
		worker->next = 0;
		gp_reader_close(worker->reader); /* it may not show them */
	}
	return &worker->refs[worker->next];
}

/* The rate: a minute's worth at once, then one by one.  Milliseconds to wait, 0: go on. */
static unsigned int take_token(struct gp_worker *worker)
{
	const uint64_t minute = 60 * 1000000ULL, one = minute / worker->set->rate;
	long long passed;

	if (worker->tokens_at.tv_sec == 0)
		worker->tokens_us = minute;
	passed = timeval_diff_usecs(&ioloop_timeval, &worker->tokens_at);
	if (passed > 0)
		worker->tokens_us = I_MIN(worker->tokens_us + (uint64_t)passed, minute);
	worker->tokens_at = ioloop_timeval;
	if (worker->tokens_us < one)
		return (unsigned int)((one - worker->tokens_us) / 1000) + 1;
	worker->tokens_us -= one;
	return 0;
}

/* A reference that cannot be read at the moment. */
static void postpone(struct gp_worker *worker, const struct gp_ref *ref)
{
	if (ioloop_time < (time_t)ref->time + EXPIRE_S) {
		worker->has_left = true;
		return;
	}
	mark_done(worker, ref->at);
	worker->counts.expired++;
}

static void message_begin(struct gp_worker *worker, const struct gp_ref *ref, const char *folder)
{
	struct gp_learn_frame frame = {
		.type = GP_LEARN_LEARN,
		.id = ++worker->last_id,
		.code = (uint8_t)ref->class_code,
		.flags = ref->flags,
		.user = {worker->user->username, strlen(worker->user->username)},
	};

	frame.text.data = t_strdup_printf("%s/%u", folder, ref->place.uid);
	frame.text.len = I_MIN(strlen(frame.text.data), GP_LEARN_ORIGIN_MAX);
	gp_client_send(worker->client, &frame);
}

/* Takes back what was begun, and the reference out of the file. */
static void message_cancel(struct gp_worker *worker, const struct gp_ref *ref, unsigned int *count)
{
	const struct gp_learn_frame cancel = {.type = GP_LEARN_CANCEL};

	gp_client_send(worker->client, &cancel);
	mark_done(worker, ref->at);
	(*count)++;
}

static void message_end(struct gp_worker *worker, const struct gp_ref *ref)
{
	const struct gp_learn_frame end = {.type = GP_LEARN_END};
	unsigned int at = (worker->first + worker->flying++) % GP_WORKER_FLIGHTS;

	gp_client_send(worker->client, &end);
	gp_reader_taught(worker->reader, ref->class_code);
	worker->flights[at] = (struct gp_flight){
		.id = worker->last_id,
		.class_code = ref->class_code,
		.at = ref->at,
	};
}

/* The whole message at once: no folder may stay open when the session goes on, for its
 * user could not end then.  What does not go out at once is kept, `size_max` at the most. */
static void message_send(struct gp_worker *worker, const struct gp_ref *ref,
			 struct istream *stream, const char *folder)
{
	const unsigned char *data;
	uint64_t sent = 0;
	size_t size;

	message_begin(worker, ref, folder);
	while (i_stream_read_more(stream, &data, &size) > 0) {
		size = I_MIN(size, GP_LEARN_DATA_MAX);
		sent += size;
		if (sent > worker->size_max) {
			message_cancel(worker, ref, &worker->counts.too_large);
			return;
		}
		gp_client_send_data(worker->client, data, size);
		i_stream_skip(stream, size);
	}
	if (stream->stream_errno != 0)
		message_cancel(worker, ref, &worker->counts.gone);
	else
		message_end(worker, ref);
}

static void message_take(struct gp_worker *worker, const struct gp_ref *ref)
{
	struct istream *stream;
	const char *folder;
	uint64_t size;

	worker->next++;
	switch (gp_reader_open(worker->reader, ref, &stream, &size, &folder)) {
	case GP_READER_GONE:
		mark_done(worker, ref->at);
		worker->counts.gone++;
		return;
	case GP_READER_LATER:
		postpone(worker, ref);
		return;
	case GP_READER_OPENED:
		break;
	}
	if (size > worker->size_max) {
		mark_done(worker, ref->at);
		worker->counts.too_large++;
		return;
	}
	message_send(worker, ref, stream, folder);
}

/* Sends until the slice is over or there is something to wait for.  Returns the time
 * after which to go on; WAIT: something else will happen; END: there is no more. */
enum { WAIT = -1, END = -2 };

static int send_slice(struct gp_worker *worker)
{
	struct timeval start, now;
	const struct gp_ref *ref;
	unsigned int wait_ms;

	i_gettimeofday(&start);
	for (now = start; timeval_diff_msecs(&now, &start) < SLICE_MS; i_gettimeofday(&now)) {
		if (gp_client_backlog(worker->client) > BACKLOG_MAX)
			return WAIT;
		if (worker->flying >= worker->window)
			return WAIT;
		ref = worker->is_stopping ? NULL : next_ref(worker);
		if (ref == NULL)
			return worker->flying == 0 ? END : WAIT;
		wait_ms = take_token(worker);
		if (wait_ms > 0)
			return (int)wait_ms;
		T_BEGIN {
			message_take(worker, ref);
		} T_END;
	}
	return SLICE_MS;
}

void gp_pass_continue(struct gp_worker *worker)
{
	int next;

	if (!worker->is_welcome)
		return;
	/* A folder is opened for half a window of messages, not for each answer. */
	if (worker->flying > worker->window / 2)
		return;
	/* Storage keeps timeouts of its own in the current loop, which must outlive this one. */
	if (worker->finishing != NULL)
		io_loop_set_current(worker->outer);
	next = send_slice(worker);
	gp_reader_close(worker->reader);
	if (worker->finishing != NULL)
		io_loop_set_current(worker->finishing);
	if (next == END)
		pass_end(worker);
	else if (next != WAIT)
		gp_worker_later(worker, (unsigned int)next);
}
