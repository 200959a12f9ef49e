/*
 * Events; see the header.
 */
#include "policyd-ratelimit/events.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "policyd-ratelimit/contained.h"
#include "policyd-ratelimit/note.h"

static struct gp_str span(struct gp_attr value)
{
	return gp_str_n(value.data, value.len);
}

/* Failed logins are not noted: they come by the thousand, and are strangers' doing. */
static bool make_note(const struct limits_event *event, struct gp_str queue_id, struct gp_buf *note)
{
	struct limit_by by = {.len = 1, .parts = {LIMIT_SASL_USERNAME}};
	struct gp_arena *arena;

	if (event->account.len == 0 || event->count == LIMIT_AUTH_FAILURES)
		return false;
	arena = gp_arena_new(1024);
	note_begin(note, event->time_s, event->count == LIMIT_SPAM ? "spam" : "bounce",
		   contained_name(arena, CONTAIN_ACCOUNT, limit_key_of(&by, event->account, arena)));
	note_put(note, "queue_id", queue_id);
	note_put(note, "sender", event->sender);
	note_put(note, "recipient", event->recipient);
	note_put(note, "client", event->client);
	if (event->count == LIMIT_SPAM)
		note_put(note, "score", gp_str(gp_arena_printf(arena, "%.3f", event->score)));
	gp_arena_free(arena);
	return true;
}

void events_note(const struct limits_event *event, struct gp_str queue_id)
{
	GP_BUF_AUTO note = GP_BUF_INIT(NOTE_MAX);

	if (make_note(event, queue_id, &note))
		note_add(NOTE_EVENT, &note);
}

/* On its way through the limits. */
struct under_way {
	struct gp_buf note;
	bool is_noted;
	limits_counted_fn *done;
	void *arg;
};

/* What is put off is told again, and noted then. */
static void counted(void *arg, int result)
{
	struct under_way u = *(struct under_way *)arg;

	free(arg);
	if (result == GP_OK && u.is_noted)
		note_add(NOTE_EVENT, &u.note);
	gp_buf_done(&u.note);
	u.done(u.arg, result);
}

void events_count(const struct gp_event *event, limits_counted_fn *done, void *arg)
{
	static const enum limit_count counts[GP_EVENT_KINDS] = {
		[GP_EVENT_BOUNCE] = LIMIT_BOUNCES, [GP_EVENT_AUTH_FAILURE] = LIMIT_AUTH_FAILURES};
	struct limits_event e = {.count = counts[event->kind],
				 .id = span(event->id),
				 .account = span(event->account),
				 .sender = span(event->sender),
				 .recipient = span(event->recipient),
				 .client = span(event->client),
				 .time_s = event->time_s};
	struct under_way *u = gp_xcalloc(1, sizeof(*u));

	*u = (struct under_way){.note = GP_BUF_INIT(NOTE_MAX), .done = done, .arg = arg};
	u->is_noted = make_note(&e, span(event->queue_id), &u->note);
	limits_event(&e, counted, u);
}
