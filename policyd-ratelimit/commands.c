/*
 * Commands; see the header.
 *
 * A command is read on the loop's thread and done on the keeper's, which may wait for the store.
 * What it changes holds here at once; the answer says so if the store does not know it yet.
 */
#include "policyd-ratelimit/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "policyd-ratelimit/command_parse.h"
#include "policyd-ratelimit/contain_table.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/report.h"

/* For going over all that is counted, as many keys as a flood of them leaves. */
#define WALK_MS 15000
#define HELD_SHOWN 20
#define NOTES_SHOWN 20

struct command {
	struct keeper_task task;
	struct gp_arena *arena;
	struct command_request request;
	uid_t by;
	int64_t now_s;
	struct gp_buf rows;
	enum gp_event_answer answer;
	char error[256];
	command_done_fn *done;
	void *arg;
};

static void fail(struct command *c, const char *what, int r)
{
	struct gp_diag why = {""};

	c->answer = r == GP_ETEMP ? GP_EVENT_LATER : GP_EVENT_ERROR;
	if (r == GP_ETEMP)
		gp_store_last_error(ratelimit.store, &why);
	(void)snprintf(c->error, sizeof(c->error), "%s%s%.150s", what, *what ? ": " : "",
		       *why.text ? why.text : gp_err_name(r));
}

static void fail_text(struct command *c, const char *text)
{
	c->answer = GP_EVENT_ERROR;
	(void)snprintf(c->error, sizeof(c->error), "%s", text);
}

/* Looking. */

static int64_t walk_deadline(void)
{
	return gp_clock_mono_ms() + WALK_MS;
}

struct looking {
	struct command *command;
	bool is_all;
	struct gp_cidr net; /* that is looked for; family 0: none */
};

static bool is_meant(const struct looking *l, const struct contained *c)
{
	const struct command_request *r = &l->command->request;

	if (l->is_all)
		return true;
	return c->kind == r->kind && (gp_str_eq(c->key, r->key) || report_is_within(c->key, &l->net));
}

static bool one_contained(void *arg, const struct contained *c)
{
	const struct looking *l = arg;

	if (is_meant(l, c))
		report_contained(c, &l->command->rows);
	return !gp_buf_error(&l->command->rows);
}

static void list(struct command *c)
{
	struct looking l = {.command = c, .is_all = true};
	int r;

	contain_table_each(c->now_s, one_contained, &l);
	r = report_limits(ratelimit.store, (struct gp_str){0}, (size_t)c->request.max, walk_deadline(),
			  &c->rows);
	if (r != GP_OK)
		fail(c, "limits", r);
}

static void show(struct command *c)
{
	static const struct {
		enum note_ring ring;
		size_t n;
	} notes[] = {{NOTE_CHANGE, NOTES_SHOWN}, {NOTE_EVENT, NOTES_SHOWN}, {NOTE_HELD, HELD_SHOWN}};
	struct looking l = {.command = c};
	int r;

	if (c->request.kind == CONTAIN_CLIENT && gp_cidr_parse(c->request.key, &l.net) < 0)
		l.net = (struct gp_cidr){0};
	contain_table_each(c->now_s, one_contained, &l);
	r = report_limits(ratelimit.store, c->request.key, REPORT_LIMITS_MAX, walk_deadline(), &c->rows);
	if (r == GP_OK)
		r = note_flush(ratelimit.store, keeper_deadline());
	for (size_t i = 0; r == GP_OK && i < GP_ARRAY_SIZE(notes); i++)
		r = report_notes(ratelimit.store, notes[i].ring, c->request.name, notes[i].n,
				 keeper_deadline(), &c->rows);
	if (r != GP_OK)
		fail(c, "limits and notes", r);
}

/* Changing. */

static void tell_change(const struct command *c, const char *what, struct gp_str more)
{
	GP_BUF_AUTO note = GP_BUF_INIT(NOTE_MAX);
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_INFO);
	gp_logline_cstr(&l, "command", what);
	gp_logline_str(&l, "key", c->request.name);
	gp_logline_int(&l, "uid", (int64_t)c->by);
	if (more.len > 0)
		gp_logline_str(&l, "detail", more);
	gp_logline_emit(&l);
	note_begin(&note, c->now_s, what, c->request.name);
	note_put(&note, "uid", gp_str(gp_arena_printf(c->arena, "%ld", (long)c->by)));
	note_put(&note, "detail", more);
	note_add(NOTE_CHANGE, &note);
}

/* What was changed here holds; that others do not know it yet is worth a word. */
static void share(struct command *c)
{
	int r = keeper_write();

	if (r != GP_OK)
		fail(c, "done on this host only until the store is back", r);
}

static void forget_counts(struct command *c)
{
	size_t n = 0;
	int r = report_reset(ratelimit.store, c->request.key, walk_deadline(), &n);

	if (r != GP_OK) {
		fail(c, "counts", r);
		return;
	}
	tell_change(c, "reset", gp_str(gp_arena_printf(c->arena, "%zu counts", n)));
	gp_buf_printf(&c->rows, "row={\"type\":\"reset\",\"counts\":%zu}\n\n", n);
}

static void block(struct command *c)
{
	struct contained contained = {
		.kind = c->request.kind, .key = c->request.key, .host = gp_str(note_host()),
		.reason = c->request.reason.len > 0 ? c->request.reason : GP_STR("blocked by command"),
		.action = c->request.action,
		.since_s = c->now_s, .until_s = c->now_s + c->request.for_s};
	int r = contain_table_set(&contained, CONTAIN_PUT);

	if (r != GP_OK) {
		fail(c, "too many keys are contained", r);
		return;
	}
	tell_change(c, "blocked", contained.reason);
	report_contained(&contained, &c->rows);
	share(c);
}

/* Of an address that is contained with its network. */
static void fail_release(struct command *c)
{
	struct gp_cidr net;
	struct contained around;

	if (c->request.kind == CONTAIN_CLIENT && gp_cidr_parse(c->request.key, &net) == GP_OK &&
	    contain_table_find_client(&net.ip, c->now_s, c->arena, &around))
		fail_text(c, gp_arena_printf(c->arena, "it is not contained, but %.*s is",
					     GP_STR_FMT(around.key)));
	else
		fail_text(c, "it is not contained");
}

/* The queue ids of what was held go with it, for whoever may release that. */
static void release(struct command *c)
{
	int r = contain_table_drop(c->request.name, c->now_s);

	if (r == GP_OK)
		tell_change(c, "released", (struct gp_str){0});
	else
		fail_release(c);
	if (r == GP_OK)
		share(c);
	if (c->request.resets)
		forget_counts(c);
	r = note_flush(ratelimit.store, keeper_deadline());
	if (r == GP_OK)
		r = report_notes(ratelimit.store, NOTE_HELD, c->request.name, REPORT_NOTES_MAX,
				 keeper_deadline(), &c->rows);
	if (r != GP_OK && !*c->error)
		fail(c, "held messages", r);
}

static void (*const works[COMMAND_VERBS])(struct command *c) = {
	[COMMAND_LIST] = list,	 [COMMAND_SHOW] = show,	      [COMMAND_RESET] = forget_counts,
	[COMMAND_BLOCK] = block, [COMMAND_RELEASE] = release,
};

/* Doing. */

static void work(void *arg)
{
	struct command *c = arg;

	works[c->request.verb](c);
	if (gp_buf_error(&c->rows) && !*c->error)
		fail_text(c, "there is more than fits");
}

static void free_command(struct command *c)
{
	gp_buf_done(&c->rows);
	gp_arena_free(c->arena);
	free(c);
}

static void done(void *arg)
{
	struct command *c = arg;

	c->done(c->arg, gp_buf_str(&c->rows), c->answer, c->error);
	free_command(c);
}

const char *command_begin(struct gp_str frame, uid_t by, command_done_fn *fn, void *arg)
{
	struct command *c = gp_xcalloc(1, sizeof(*c));
	const char *why;

	c->arena = gp_arena_new(0);
	c->rows = GP_BUF_INIT(REPORT_MAX);
	why = command_parse(frame, c->arena, &c->request);
	if (why) {
		free_command(c);
		return why;
	}
	c->by = by;
	c->now_s = keeper_now_s();
	c->done = fn;
	c->arg = arg;
	c->task.work = work;
	c->task.done = (struct gp_call){.fn = done, .arg = c};
	keeper_do(&c->task);
	return NULL;
}
