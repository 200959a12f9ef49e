/*
 * Commands; see the header.
 *
 * A command is read on the loop's thread and done on the keeper's, which may wait for the store.
 * What it changes holds here at once; the answer says so if the store does not know it yet.
 */
#include "policyd-ratelimit/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/proto/attrs.h"
#include "policyd-ratelimit/contain_table.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"
#include "policyd-ratelimit/report.h"

#define FOR_S_DEFAULT (24 * 3600)
#define FOR_S_MAX (3650LL * 24 * 3600)
#define LIST_DEFAULT 20
#define HELD_SHOWN 20
#define NOTES_SHOWN 20
#define FRAME_MAX 8192

struct command {
	struct keeper_task task;
	struct gp_arena *arena;
	const struct verb *verb;
	enum contain_kind kind;
	struct gp_str key, name, reason, action;
	int64_t for_s, max;
	bool resets;
	uid_t by;
	int64_t now_s;
	struct gp_buf rows;
	enum gp_event_answer answer;
	char error[256];
	command_done_fn *done;
	void *arg;
};

struct verb {
	const char *name;
	bool needs_key;
	void (*work)(struct command *c);
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

struct looking {
	struct command *command;
	bool is_all;
};

static bool one_contained(void *arg, const struct contained *c)
{
	const struct looking *l = arg;

	if (l->is_all || (c->kind == l->command->kind && gp_str_eq(c->key, l->command->key)))
		report_contained(c, &l->command->rows);
	return !gp_buf_error(&l->command->rows);
}

static void list(struct command *c)
{
	struct looking l = {c, true};
	int r;

	contain_table_each(c->now_s, one_contained, &l);
	r = report_limits(ratelimit.store, (struct gp_str){0}, (size_t)c->max, keeper_deadline(),
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
	struct looking l = {c, false};
	int r;

	contain_table_each(c->now_s, one_contained, &l);
	r = report_limits(ratelimit.store, c->key, REPORT_LIMITS_MAX, keeper_deadline(), &c->rows);
	if (r == GP_OK)
		r = note_flush(ratelimit.store, keeper_deadline());
	for (size_t i = 0; r == GP_OK && i < GP_ARRAY_SIZE(notes); i++)
		r = report_notes(ratelimit.store, notes[i].ring, c->name, notes[i].n,
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
	gp_logline_str(&l, "key", c->name);
	gp_logline_int(&l, "uid", (int64_t)c->by);
	if (more.len > 0)
		gp_logline_str(&l, "detail", more);
	gp_logline_emit(&l);
	note_begin(&note, c->now_s, what, c->name);
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
	int r = report_reset(ratelimit.store, c->key, keeper_deadline(), &n);

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
		.kind = c->kind, .key = c->key, .host = gp_str(note_host()),
		.reason = c->reason.len > 0 ? c->reason : GP_STR("blocked by command"),
		.action = gp_str_eq(c->action, GP_STR("reject"))  ? ANSWER_REJECT
			  : gp_str_eq(c->action, GP_STR("defer")) ? ANSWER_DEFER
								  : ANSWER_HOLD,
		.since_s = c->now_s, .until_s = c->now_s + c->for_s};
	int r = contain_table_set(&contained, CONTAIN_PUT);

	if (r != GP_OK) {
		fail(c, "too many keys are contained", r);
		return;
	}
	tell_change(c, "blocked", contained.reason);
	report_contained(&contained, &c->rows);
	share(c);
}

/* The queue ids of what was held go with it, for whoever may release that. */
static void release(struct command *c)
{
	int r = contain_table_drop(c->name);

	if (r == GP_OK)
		tell_change(c, "released", (struct gp_str){0});
	else
		fail_text(c, "it is not contained");
	if (r == GP_OK)
		share(c);
	if (c->resets)
		forget_counts(c);
	r = note_flush(ratelimit.store, keeper_deadline());
	if (r == GP_OK)
		r = report_notes(ratelimit.store, NOTE_HELD, c->name, REPORT_NOTES_MAX,
				 keeper_deadline(), &c->rows);
	if (r != GP_OK && !*c->error)
		fail(c, "held messages", r);
}

static const struct verb verbs[] = {
	{"list", false, list},	 {"show", true, show},	     {"reset", true, forget_counts},
	{"block", true, block}, {"release", true, release},
};

/* Reading. */

enum { REQUEST, KEY, FOR, MAX, REASON, ACTION, RESET, ATTRIBUTES };

static const struct gp_attr names[ATTRIBUTES] = {
	[REQUEST] = {"request", 7}, [KEY] = {"key", 3},	      [FOR] = {"for", 3},
	[MAX] = {"max", 3},	    [REASON] = {"reason", 6}, [ACTION] = {"action", 6},
	[RESET] = {"reset", 5},
};

static const struct verb *find_verb(struct gp_attr word)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(verbs); i++)
		if (gp_attr_is(word, verbs[i].name))
			return &verbs[i];
	return NULL;
}

static struct gp_str span(struct gp_attr value)
{
	return gp_str_n(value.data, value.len);
}

/* Absent: as it is. */
static bool take_number(struct gp_attr value, int64_t max, int64_t *ret)
{
	return value.len == 0 ||
	       (gp_num_parse_int(span(value), ret) == GP_OK && *ret >= 1 && *ret <= max);
}

static const char *read_command(struct gp_str frame, struct command *c)
{
	struct gp_attr values[ATTRIBUTES];
	const char *why = "an incomplete command";

	if (gp_attrs_parse(frame.ptr, frame.len, FRAME_MAX, names, ATTRIBUTES, values, &why) <= 0)
		return why;
	c->verb = find_verb(values[REQUEST]);
	if (!c->verb)
		return "an unknown request";
	if (!take_number(values[FOR], FOR_S_MAX, &c->for_s))
		return "a time that is none";
	if (!take_number(values[MAX], REPORT_LIMITS_MAX, &c->max))
		return "a number that is none";
	c->reason = gp_arena_str(c->arena, span(values[REASON]));
	c->action = gp_arena_str(c->arena, span(values[ACTION]));
	c->resets = gp_attr_is(values[RESET], "1");
	if (!c->verb->needs_key)
		return NULL;
	if (contained_parse_key(span(values[KEY]), c->arena, &c->kind, &c->key) < 0)
		return "no key, or none that there could be";
	c->name = contained_name(c->arena, c->kind, c->key);
	return NULL;
}

/* Doing. */

static void work(void *arg)
{
	struct command *c = arg;

	c->verb->work(c);
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
	c->for_s = FOR_S_DEFAULT;
	c->max = LIST_DEFAULT;
	why = read_command(frame, c);
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
