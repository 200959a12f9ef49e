/*
 * Questions of the learn socket: who taught what, undo, the state, and "when is all learned?".
 */
#include <jansson.h>
#include <stdlib.h>

#include "controller/learn_client.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

struct asked {
	struct learn_client *client;
	uint64_t slot;
	struct learner_query query;
};

static void add_row(struct learn_slot *s, struct gp_str text)
{
	struct gp_learn_frame frame = {.type = GP_LEARN_ROW, .id = s->id,
				       .text = {text.ptr, GP_MIN(text.len, GP_LEARN_DATA_MAX)}};
	char *room = gp_buf_reserve(&s->rows, text.len + GP_LEARN_HEAD_SIZE + sizeof(uint32_t));

	if (room)
		s->rows.len += gp_learn_format(&frame, room, text.len + GP_LEARN_HEAD_SIZE +
								     sizeof(uint32_t));
}

static void add_json(struct learn_slot *s, json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	if (text)
		add_row(s, gp_str(text));
	free(text);
	json_decref(row);
}

/* Ends a request that held the client. */
static void finish(struct asked *a, enum gp_learn_status status, const char *reason)
{
	struct learn_client *c = a->client;
	uint64_t slot = a->slot;

	free(a);
	learn_client_answer(c, slot, status, reason);
	gp_client_release(&c->base);
}

static struct asked *hold(struct learn_client *c, uint64_t slot)
{
	struct asked *a = gp_xcalloc(1, sizeof(*a));

	gp_client_hold(&c->base);
	a->client = c;
	a->slot = slot;
	return a;
}

static void logged(struct learner_query *q, bool is_stopping)
{
	struct asked *a = (struct asked *)(void *)((char *)q - offsetof(struct asked, query));
	struct learn_slot *s = learn_slot_at(a->client, a->slot);
	struct gp_str rest = gp_buf_str(&q->rows), row;

	while (a->client->base.sock && gp_str_next(&rest, '\n', &row))
		add_row(s, row);
	gp_buf_done(&q->rows);
	finish(a, is_stopping ? GP_LEARN_LATER : GP_LEARN_QUEUED, is_stopping ? "stopping" : "");
}

static void begin_log(struct learn_client *c, uint64_t slot, struct learner *learner)
{
	const struct learn_slot *s = learn_slot_at(c, slot);
	struct asked *a = hold(c, slot);

	a->query = (struct learner_query){.since_s = s->since_s, .max = s->max, .done = logged};
	memcpy(a->query.user, s->grant.user, sizeof(a->query.user));
	learner_ask(learner, &a->query);
}

static void undo_queued(void *arg, enum gp_learn_status status, const char *reason)
{
	if (status != GP_LEARN_QUEUED)
		finish(arg, status, reason);
}

static void undo_done(void *arg, const struct learner_result *result)
{
	struct asked *a = arg;

	if (a->client->base.sock)
		add_json(learn_slot_at(a->client, a->slot),
			 json_pack("{s:I,s:I}", "undone", (json_int_t)result->undone, "kept",
				   (json_int_t)result->kept));
	finish(a, GP_LEARN_QUEUED, "");
}

static void begin_undo(struct learn_client *c, uint64_t slot)
{
	const struct learn_slot *s = learn_slot_at(c, slot);
	struct intake_request request = {.grant = &s->grant, .uid = (uint32_t)c->base.peer.uid,
					 .since_s = s->since_s, .queued = undo_queued,
					 .learned = undo_done, .arg = hold(c, slot)};

	intake_teach(&request);
}

static void synced(void *arg)
{
	finish(arg, GP_LEARN_QUEUED, "");
}

static void answer_status(struct learn_client *c, uint64_t slot, struct learner *learner,
			  struct journal *journal)
{
	struct learner_status status;
	struct journal_stats stats;
	json_t *row;

	learner_status(learner, &status);
	journal_stats(journal, &stats);
	row = json_pack("{s:I,s:I,s:I,s:I,s:b}", "waiting", (json_int_t)stats.records, "waiting_bytes",
			(json_int_t)stats.bytes, "waiting_s",
			(json_int_t)(stats.oldest_s ? gp_clock_real_s() - stats.oldest_s : 0),
			"denied", (json_int_t)learn_denied(), "held", (int)status.is_held);
	if (status.is_held)
		json_object_set_new(row, "why", json_string(status.why));
	if (status.is_known) {
		json_object_set_new(row, "spam", json_integer((json_int_t)status.totals.spam));
		json_object_set_new(row, "ham", json_integer((json_int_t)status.totals.ham));
		json_object_set_new(row, "tokens", json_integer((json_int_t)status.totals.tokens));
	}
	add_json(learn_slot_at(c, slot), row);
	learn_client_answer(c, slot, GP_LEARN_QUEUED, "");
}

void learn_query_begin(struct learn_client *c, uint64_t slot, struct learner *learner,
		       struct journal *journal)
{
	switch ((enum gp_learn_verb)learn_slot_at(c, slot)->verb) {
	case GP_LEARN_SYNC:
		intake_sync(learner, synced, hold(c, slot));
		break;
	case GP_LEARN_LOG:
		begin_log(c, slot, learner);
		break;
	case GP_LEARN_UNDO:
		begin_undo(c, slot);
		break;
	case GP_LEARN_STATUS:
		answer_status(c, slot, learner, journal);
		break;
	}
}
