/*
 * /learnspam, /learnham, /learnclass: a message into the queue of what is learned, as from
 * the learn socket, and then what became of it.
 *
 * The answer waits a little for the learning, because rspamc wants to hear whether the
 * message was known already; a message that is safely in the queue by then and not learned
 * yet is answered 202.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "controller/api.h"
#include "controller/controller.h"
#include "controller/intake.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

/* rspamc itself gives up after 10 s. */
#define RESULT_MS 5000

struct teach {
	struct teach *next, **at; /* in `waiting` */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	atomic_uint refs;
	bool is_answered, is_learned;
	enum gp_learn_status status;
	const char *reason;
	struct learner_result result;
	struct gp_call call;
	struct trust_grant grant;
	uint32_t uid;
	uint8_t class;
	struct gp_buf message;
};

/* The loop's: handed in, and neither refused nor learned yet. */
static struct teach *waiting;

static struct teach *teach_new(struct http_request *rq, uint8_t class)
{
	struct teach *t = gp_xcalloc(1, sizeof(*t));
	pthread_condattr_t attr;

	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	atomic_init(&t->refs, 2);
	t->class = class;
	t->uid = (uint32_t)rq->peer.uid;
	t->grant.is_trusted = true; /* the password says so */
	t->message = *rq->body;
	gp_buf_init(rq->body, 0);
	return t;
}

static void teach_unref(struct teach *t)
{
	if (atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	gp_buf_done(&t->message);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* On the loop's thread. */

static void note(struct teach *t)
{
	t->next = waiting;
	t->at = &waiting;
	if (t->next)
		t->next->at = &t->next;
	waiting = t;
}

/* It is settled, or never will be. */
static void forget(struct teach *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	teach_unref(t);
}

void api_learn_end(void)
{
	while (waiting)
		forget(waiting);
}

static void queued(void *arg, enum gp_learn_status status, const char *reason)
{
	struct teach *t = arg;

	pthread_mutex_lock(&t->lock);
	t->is_answered = true;
	t->status = status;
	t->reason = reason;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	if (status != GP_LEARN_QUEUED)
		forget(t); /* nothing will be learned */
}

static void learned(void *arg, const struct learner_result *result)
{
	struct teach *t = arg;

	pthread_mutex_lock(&t->lock);
	t->is_learned = true;
	t->result = *result;
	pthread_cond_signal(&t->changed);
	pthread_mutex_unlock(&t->lock);
	forget(t);
}

static void hand_in(void *arg)
{
	struct teach *t = arg;
	struct intake_request request = {
		.grant = &t->grant,
		.uid = t->uid,
		.class = t->class,
		.flags = GP_LEARN_WANT_RESULT,
		.origin = GP_STR("api"),
		.message = gp_buf_str(&t->message),
		.queued = queued,
		.learned = learned,
		.arg = t,
	};

	note(t);
	intake_teach(&request);
}

/* On the connection's. */

/* Until it is learned or refused, or the time is up. */
static void wait_for(struct teach *t, int64_t until_ms)
{
	struct timespec at = {.tv_sec = (time_t)(until_ms / 1000),
			      .tv_nsec = (long)(until_ms % 1000) * 1000000};

	pthread_mutex_lock(&t->lock);
	while (!t->is_learned && !(t->is_answered && t->status != GP_LEARN_QUEUED) &&
	       pthread_cond_timedwait(&t->changed, &t->lock, &at) == 0)
		;
	pthread_mutex_unlock(&t->lock);
}

static void say_outcome(const struct teach *t, struct http_reply *reply)
{
	static const char *const refusals[LESSON_REFUSALS] = {
		[LESSON_TAKEN] = "no reason is known",
		[LESSON_UNREADABLE] = "it cannot be read as a message",
		[LESSON_SHORT] = "it has too few words to learn from (learn.words_min)",
		[LESSON_UNSCANNED] = "it bears no verdict of milter-spam (learn.scanned_only)",
		[LESSON_UNBALANCED] = "its class is too far ahead of the other (learn.balance_max)",
	};
	const char *class = t->class == GP_LEARN_SPAM ? "spam" : "ham";

	switch (t->result.outcome) {
	case GP_LEARN_NEW:
	case GP_LEARN_MOVED:
	case GP_LEARN_REMOVED:
		http_reply_json(reply, HTTP_OK, json_pack("{s:b}", "success", 1));
		break;
	case GP_LEARN_SAME:
	case GP_LEARN_UNKNOWN:
		http_reply_error(reply, HTTP_ALREADY, "the message has been already learned as %s, ignore it",
				 class);
		break;
	case GP_LEARN_FAILED:
		/* Rspamd's 204 with a text is no HTTP; rspamc shows this one as it shows that. */
		http_reply_error(reply, HTTP_ALREADY, "not learned: %s",
				 refusals[t->result.refusal]);
		break;
	}
}

static void conclude(struct teach *t, struct http_reply *reply)
{
	pthread_mutex_lock(&t->lock);
	if (t->is_learned)
		say_outcome(t, reply);
	else if (!t->is_answered)
		http_reply_error(reply, HTTP_TIMED_OUT, "the queue takes too long");
	else if (t->status == GP_LEARN_QUEUED)
		http_reply_json(reply, HTTP_ACCEPTED,
				json_pack("{s:b, s:s}", "success", 1, "message",
					  "it is in the queue, and will be learned"));
	else if (t->status == GP_LEARN_LATER)
		http_reply_error(reply, HTTP_UNAVAILABLE, "not now: %s", t->reason);
	else
		http_reply_error(reply, HTTP_FORBIDDEN, "%s", t->reason);
	pthread_mutex_unlock(&t->lock);
}

static void log_lesson(const struct http_request *rq, const struct teach *t, size_t size,
		       unsigned status)
{
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_cstr(&l, "api", t->class == GP_LEARN_SPAM ? "learnspam" : "learnham");
	gp_logline_cstr(&l, "user", t->grant.user);
	gp_logline_int(&l, "size", (int64_t)size);
	gp_logline_int(&l, "status", status);
	gp_logline_num(&l, "ms", (double)(gp_clock_mono_us() - rq->began_us) / 1000, 1);
	gp_logline_emit(&l);
}

/* What does not depend on the message; false with the reply. */
static bool may_begin(const struct http_request *rq, struct http_reply *reply)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct gp_conf_learn *conf = gp_snapshot_get(snap, &gp_conf_learn_table);
	bool is_large = (int64_t)rq->body->len > conf->size_max;

	gp_snapshot_unref(snap);
	if (gp_daemon_stopping())
		http_reply_error(reply, HTTP_UNAVAILABLE, "stopping");
	else if (is_large)
		http_reply_error(reply, HTTP_TOO_LARGE, "it is larger than learn.size_max");
	else if (!trust_is_name(http_field_get(&rq->headers, "User")))
		http_reply_error(reply, HTTP_BAD_REQUEST, "User is no name of a user");
	else
		return true;
	return false;
}

static void learn(struct http_request *rq, uint8_t class, struct http_reply *reply)
{
	size_t size = rq->body->len;
	struct teach *t;

	if (!may_begin(rq, reply))
		return;
	t = teach_new(rq, class);
	(void)gp_str_copy(t->grant.user, sizeof(t->grant.user),
			  http_field_get(&rq->headers, "User"));
	t->call = (struct gp_call){.fn = hand_in, .arg = t};
	gp_loop_post(controller.loop, &t->call);
	wait_for(t, GP_MIN(rq->deadline_ms, gp_clock_mono_ms() + RESULT_MS));
	conclude(t, reply);
	log_lesson(rq, t, size, reply->status);
	teach_unref(t);
}

void api_learn_spam(struct http_request *rq, struct http_reply *reply)
{
	learn(rq, GP_LEARN_SPAM, reply);
}

void api_learn_ham(struct http_request *rq, struct http_reply *reply)
{
	learn(rq, GP_LEARN_HAM, reply);
}

/* The class in a header. */
void api_learn_class(struct http_request *rq, struct http_reply *reply)
{
	struct gp_str class = http_field_get(&rq->headers, "Class");

	if (gp_str_ieq(class, GP_STR("spam")))
		api_learn_spam(rq, reply);
	else if (gp_str_ieq(class, GP_STR("ham")))
		api_learn_ham(rq, reply);
	else
		http_reply_error(reply, HTTP_NOT_FOUND, "Class must be spam or ham");
}
