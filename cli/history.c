/*
 * From the rings in the store to a list of what was asked for.
 */
#include "cli/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/text.h"
#include "lib/base/clock.h"

#define READ_MS 20000
/* Items of one ring are in order but for what several hosts wrote within a round or two. */
#define DISORDER_S 60

struct reading {
	const struct gp_cli_history_filter *filter;
	struct gp_cli_history *history;
	struct gp_str needle; /* what an item about the queue id contains */
	enum gp_history_program program;
	size_t taken; /* of this ring */
};

static struct gp_str member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value)
		       ? gp_str_n(json_string_value(value), json_string_length(value))
		       : GP_STR("");
}

double gp_cli_history_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* Globs fold case, as addresses are found under. */
static bool fits(const char *pattern, struct gp_str text)
{
	return !pattern || gp_str_glob(gp_str(pattern), text);
}

static bool fits_recipient(const char *pattern, const json_t *item)
{
	const json_t *value;
	size_t i;

	if (!pattern)
		return true;
	json_array_foreach(json_object_get(item, "to"), i, value)
		if (gp_str_glob(gp_str(pattern),
				gp_str_n(json_string_value(value), json_string_length(value))))
			return true;
	return false;
}

/* Log lines say "add_header". */
static bool fits_action(const char *wanted, struct gp_str action)
{
	if (!wanted)
		return true;
	if (strlen(wanted) != action.len)
		return false;
	for (size_t i = 0; i < action.len; i++)
		if ((wanted[i] == '_' ? ' ' : gp_lower(wanted[i])) != action.ptr[i])
			return false;
	return true;
}

static bool is_wanted(const struct gp_cli_history_filter *f, const json_t *item)
{
	return (!f->qid || gp_str_eq(gp_str(f->qid), member(item, "qid"))) &&
	       gp_cli_history_number(item, "time") >= f->since &&
	       (!f->has_min_score || gp_cli_history_number(item, "score") >= f->min_score) &&
	       fits(f->from, member(item, "from")) && fits_recipient(f->to, item) &&
	       fits_action(f->action, member(item, "action"));
}

static bool take(void *arg, struct gp_str text)
{
	struct reading *r = arg;
	json_t *item;

	if (r->needle.len && gp_str_find(text, r->needle, 0) == text.len)
		return true;
	item = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	if (!item) /* of a later version, or damaged */
		return true;
	if (gp_cli_history_number(item, "time") < r->filter->since - DISORDER_S) {
		json_decref(item);
		return false;
	}
	if (!is_wanted(r->filter, item)) {
		json_decref(item);
		return true;
	}
	*gp_vec_push(r->history->arena, &r->history->items) = (struct gp_cli_history_item){
		item, gp_cli_history_number(item, "time"), r->program, r->taken++};
	return r->taken != r->filter->limit;
}

static int by_time(const void *a, const void *b)
{
	const struct gp_cli_history_item *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->program != y->program)
		return x->program < y->program ? -1 : 1;
	return x->age > y->age ? -1 : 1;
}

/* Leaves the newest. */
static void cut(struct gp_cli_history *h, size_t limit)
{
	size_t extra = limit && h->items.len > limit ? h->items.len - limit : 0;

	for (size_t i = 0; i < extra; i++)
		json_decref(h->items.items[i].json);
	if (extra)
		memmove(h->items.items, h->items.items + extra,
			(h->items.len - extra) * sizeof(*h->items.items));
	h->items.len -= extra;
}

static int read_store(struct gp_store *store, const struct gp_cli_history_filter *filter,
		      struct gp_arena *arena, struct gp_cli_history *ret)
{
	struct reading r = {.filter = filter, .history = ret};
	int64_t deadline_ms = gp_clock_mono_ms() + READ_MS;

	*ret = (struct gp_cli_history){.arena = arena};
	if (filter->qid)
		r.needle = gp_str(gp_arena_printf(arena, "\"%s\"", filter->qid));
	for (enum gp_history_program p = 0; p < GP_HISTORY_PROGRAMS; p++) {
		struct gp_diag diag;
		int e;

		if (filter->program != GP_HISTORY_PROGRAMS && filter->program != p)
			continue;
		r.program = p;
		r.taken = 0;
		e = gp_history_each(store, p, GP_HISTORY_SIZE_MAX, deadline_ms, take, &r);
		if (e == GP_OK)
			continue;
		gp_store_last_error(store, &diag);
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "history of %s: %s",
				   gp_history_program_name(p),
				   *diag.text ? diag.text : gp_err_name(e));
	}
	if (ret->items.len)
		qsort(ret->items.items, ret->items.len, sizeof(*ret->items.items), by_time);
	cut(ret, filter->limit);
	return 0;
}

int gp_cli_history_read(struct gp_cli *cli, const struct gp_cli_history_filter *filter,
			struct gp_cli_history *ret)
{
	struct gp_store *store = NULL;
	struct gp_snapshot *snap;
	int status = gp_cli_load(cli, &snap);

	if (status)
		return status;
	status = gp_cli_open_store(snap, 0, &store);
	if (!status)
		status = read_store(store, filter, cli->arena, ret);
	gp_store_close(&store);
	gp_snapshot_unref(snap);
	return status;
}

void gp_cli_history_done(struct gp_cli_history *h)
{
	for (size_t i = 0; i < h->items.len; i++)
		json_decref(h->items.items[i].json);
	h->items.len = 0;
}

const char *gp_cli_history_text(const struct gp_cli_history *h, const json_t *object,
				const char *key, size_t max)
{
	return gp_text_show(h->arena, member(object, key), max);
}

const char *gp_cli_history_time(const struct gp_cli_history *h, const json_t *item)
{
	time_t t = (time_t)gp_cli_history_number(item, "time");
	char text[40];
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return "-";
	return gp_arena_printf(h->arena, "%s", text);
}
