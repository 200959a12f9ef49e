/*
 * Spam scores; see the header.
 *
 * The ring is read from its newest item down to the one that was newest when it was read before.
 * A score is told again when it could not be counted, and after a restart, when the ring is read
 * from its beginning; limits count an id once within a window, from when the message was sent.
 * What is older than all their windows is passed over.
 *
 * With several hosts each reads them all: the same ids, counted once.
 */
#include "policyd-ratelimit/spam_scores.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/base/vec.h"
#include "lib/proto/sent.h"
#include "policyd-ratelimit/events.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/ratelimit.h"

#define READ_MAX 2000 /* of one round; the newest */

struct score {
	struct limits_event event;
	struct gp_str queue_id;
};

/* Those of one round, on their way through the limits. */
struct round {
	struct gp_arena *arena;
	GP_VEC(struct score) scores;
	struct gp_str newest; /* the ring's item */
	int64_t oldest_s;     /* what is older is passed over */
	size_t left;	      /* the loop's */
	bool has_failed;
	struct gp_call call;
};

static struct {
	_Atomic(struct round *) ended; /* by the loop, for the keeper to look at */
	bool is_under_way;
	char newest[GP_SENT_MAX]; /* that was read and counted */
	size_t newest_len;
} scores;

/* On the loop. */

static void counted(void *arg, int result)
{
	struct round *round = arg;

	round->has_failed |= result != GP_OK;
	if (--round->left > 0)
		return;
	for (size_t i = round->scores.len; i > 0 && !round->has_failed; i--) {
		const struct score *s = &round->scores.items[i - 1]; /* the newest stand first */

		events_note(&s->event, s->queue_id);
	}
	atomic_store(&scores.ended, round);
}

static void begin_inside(void *arg)
{
	struct round *round = arg;

	round->left = round->scores.len + 1;
	for (size_t i = 0; i < round->scores.len; i++)
		limits_event(&round->scores.items[i].event, counted, round);
	counted(round, GP_OK);
}

/* On the keeper. */

/* The longest window of limits on spam, and which scores they want; 0: there are none. */
static int64_t find_window_ms(double *ret_score)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct ratelimit_data *data = gp_snapshot_data(snap);
	int64_t most_ms = 0;

	for (size_t i = 0; i < data->limits->rules.len; i++) {
		const struct limit_rule *rule = &data->limits->rules.items[i];

		if (rule->count != LIMIT_SPAM)
			continue;
		if (most_ms == 0 || rule->conf->score < *ret_score)
			*ret_score = rule->conf->score;
		for (size_t w = 0; w < rule->windows.len; w++)
			most_ms = GP_MAX(most_ms, rule->windows.items[w].limit.window_ms);
	}
	gp_snapshot_unref(snap);
	return most_ms;
}

struct reading {
	struct round *round;
	double least_score;
};

static struct gp_str keep(const struct reading *reading, struct gp_attr value)
{
	return gp_arena_str(reading->round->arena, gp_str_n(value.data, value.len));
}

/* The queue id alone may come again; with the time it does not. */
static void add_score(const struct reading *reading, const struct gp_sent *sent)
{
	struct round *round = reading->round;
	struct score *s = gp_vec_push(round->arena, &round->scores);

	*s = (struct score){
		.event = {.count = LIMIT_SPAM,
			  .id = gp_str(gp_arena_printf(round->arena, "%.*s-%lld", (int)sent->id.len,
						       sent->id.data, (long long)sent->time_s)),
			  .account = keep(reading, sent->account),
			  .sender = keep(reading, sent->sender),
			  .client = keep(reading, sent->client),
			  .score = (double)sent->score_milli / 1000,
			  .time_s = sent->time_s},
		.queue_id = keep(reading, sent->id)};
}

static bool one_item(void *arg, struct gp_str item)
{
	const struct reading *reading = arg;
	struct round *round = reading->round;
	struct gp_sent sent;

	if (scores.newest_len > 0 && gp_str_eq(item, gp_str_n(scores.newest, scores.newest_len)))
		return false;
	if (round->newest.len == 0)
		round->newest = gp_arena_str(round->arena, item);
	if (gp_sent_parse(item.ptr, item.len, &sent) && sent.time_s >= round->oldest_s &&
	    (double)sent.score_milli / 1000 >= reading->least_score)
		add_score(reading, &sent);
	return true;
}

static void free_round(struct round *round)
{
	gp_arena_free(round->arena);
	free(round);
}

/* All counted: from now on only what comes behind them. */
static void end_round(struct round *round)
{
	if (!round->has_failed && round->newest.len <= sizeof(scores.newest)) {
		memcpy(scores.newest, round->newest.ptr, round->newest.len);
		scores.newest_len = round->newest.len;
	}
	scores.is_under_way = false;
	free_round(round);
}

int spam_scores_read(void)
{
	struct round *round = atomic_exchange(&scores.ended, NULL);
	struct reading reading = {.least_score = 0};
	int64_t window_ms = find_window_ms(&reading.least_score);
	int r;

	if (round)
		end_round(round);
	if (window_ms == 0 || scores.is_under_way)
		return GP_OK;
	round = gp_xcalloc(1, sizeof(*round));
	round->arena = gp_arena_new(0);
	round->oldest_s = keeper_now_s() - window_ms / 1000;
	reading.round = round;
	r = gp_store_ring_read(ratelimit.store, GP_STR(GP_SENT_TABLE), READ_MAX, keeper_deadline(),
			       one_item, &reading);
	if (r != GP_OK || round->newest.len == 0) {
		free_round(round);
		return r == GP_ENOENT ? GP_OK : r;
	}
	scores.is_under_way = true;
	round->call = (struct gp_call){.fn = begin_inside, .arg = round};
	gp_loop_post(ratelimit.loop, &round->call);
	return GP_OK;
}

void spam_scores_end(void)
{
	static const struct timespec step = {.tv_nsec = 5000000};
	int64_t until_ms = keeper_deadline();
	struct round *round;

	while (scores.is_under_way && gp_clock_mono_ms() < until_ms) {
		round = atomic_exchange(&scores.ended, NULL);
		if (round)
			end_round(round);
		else
			nanosleep(&step, NULL);
	}
}
