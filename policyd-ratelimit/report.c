/*
 * Rows; see the header.
 */
#include "policyd-ratelimit/report.h"


#include "lib/base/jsonline.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/vec.h"
#include "lib/proto/attrs.h"
#include "policyd-ratelimit/limit_key.h"
#include "policyd-ratelimit/limit_rule.h"

#define ROW_MAX 4096

static void add_row(struct gp_buf *out, struct gp_str json)
{
	gp_buf_add_cstr(out, "row=");
	gp_buf_add_str(out, json);
	gp_buf_add_cstr(out, "\n\n");
}

/* Contained keys. */

void report_contained(const struct contained *c, struct gp_buf *out)
{
	GP_BUF_AUTO json = GP_BUF_INIT(ROW_MAX);

	contained_json(c, &json);
	add_row(out, gp_buf_str(&json));
}

struct contained_walk {
	struct gp_str name;
	struct gp_buf *out;
};

static bool one_contained(void *arg, const struct gp_entry *entry)
{
	const struct contained_walk *walk = arg;
	struct gp_arena *arena;
	struct contained c;

	if (walk->name.len > 0 && !gp_str_eq(walk->name, entry->name))
		return true;
	arena = gp_arena_new(1024);
	if (contained_parse(entry->name, entry->value, arena, &c) == GP_OK && !c.is_released)
		report_contained(&c, walk->out);
	gp_arena_free(arena);
	return !gp_buf_error(walk->out);
}

int report_contained_stored(struct gp_store *store, struct gp_str name, int64_t deadline_ms,
			    struct gp_buf *out)
{
	struct contained_walk walk = {name, out};

	return gp_store_entry_each(store, CONTAINED_TABLE, deadline_ms, one_contained, &walk);
}

/* Limits. */

struct use {
	struct gp_str state_key;
	struct gp_limit limit;
	int64_t used, free_ms;
	double share; /* of its maximum */
};

struct limit_walk {
	struct gp_arena *arena;
	struct gp_str key;
	struct gp_cidr net; /* that the key is; family 0: it is none */
	struct use *uses; /* the largest shares first */
	size_t n, max;
	GP_VEC(struct gp_str) keys; /* for a reset */
};

bool report_is_within(struct gp_str key, const struct gp_cidr *net)
{
	struct gp_cidr around;

	return net->ip.family != 0 && gp_cidr_parse(key, &around) == GP_OK &&
	       around.bits <= net->bits && gp_cidr_contains(&around, &net->ip);
}

/* "a|b" is by a and by b; an address is counted by a network around it. */
static bool is_by(struct gp_str limit_key, struct gp_str key, const struct gp_cidr *net)
{
	struct gp_str part, rest = limit_key;

	if (key.len == 0 || gp_str_eq(limit_key, key))
		return true;
	while (gp_str_next(&rest, '|', &part))
		if (gp_str_eq(part, key) || report_is_within(part, net))
			return true;
	return false;
}

static bool is_wanted(struct gp_str state_key, const struct limit_walk *walk)
{
	struct gp_str limit, window, limit_key;

	return limit_state_key_parse(state_key, &limit, &window, &limit_key) &&
	       is_by(limit_key, walk->key, &walk->net);
}

static void keep(struct limit_walk *walk, const struct use *use)
{
	size_t at = walk->n;

	while (at > 0 && walk->uses[at - 1].share < use->share)
		at--;
	if (at >= walk->max)
		return;
	walk->n = GP_MIN(walk->n + 1, walk->max);
	memmove(&walk->uses[at + 1], &walk->uses[at], (walk->n - at - 1) * sizeof(*walk->uses));
	walk->uses[at] = *use;
	walk->uses[at].state_key = gp_arena_str(walk->arena, use->state_key);
}

static bool one_limit(void *arg, const struct gp_limit_item *item)
{
	struct limit_walk *walk = arg;
	struct use use = {.state_key = item->key, .limit = item->limit};
	struct gp_limit_answer answer;

	if (!is_wanted(item->key, walk))
		return true;
	gp_limit_look(&item->limit, &item->state, item->now_ms, 1, &answer);
	use.used = answer.used;
	use.free_ms = answer.passed ? 0 : answer.retry_ms;
	use.share = (double)answer.used / (double)item->limit.max;
	if (use.used > 0)
		keep(walk, &use);
	return true;
}

static void add_use(struct gp_buf *out, const struct use *use)
{
	struct gp_str limit, window, key;
	struct gp_jsonline j;

	if (!limit_state_key_parse(use->state_key, &limit, &window, &key))
		return;
	gp_jsonline_begin(&j, ROW_MAX);
	gp_jsonline_cstr(&j, "type", "limit");
	gp_jsonline_str(&j, "limit", limit, 128);
	gp_jsonline_str(&j, "window", window, 32);
	gp_jsonline_str(&j, "key", key, GP_LIMIT_KEY_SHOWN_MAX);
	gp_jsonline_int(&j, "used", use->used);
	gp_jsonline_int(&j, "max", use->limit.max);
	gp_jsonline_int(&j, "free_in", use->free_ms < 0 ? -1 : (use->free_ms + 999) / 1000);
	add_row(out, gp_jsonline_finish(&j));
	gp_jsonline_done(&j);
}

int report_limits(struct gp_store *store, struct gp_str key, size_t n, int64_t deadline_ms,
		  struct gp_buf *out)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct limit_walk walk = {.arena = arena, .key = key,
				  .max = GP_MIN(n, (size_t)REPORT_LIMITS_MAX)};
	int r;

	if (gp_cidr_parse(key, &walk.net) < 0)
		walk.net = (struct gp_cidr){0};
	walk.uses = GP_ARENA_NEW_N(arena, walk.max + 1, struct use);
	r = gp_store_limit_each(store, LIMIT_TABLE, deadline_ms, one_limit, &walk);
	for (size_t i = 0; i < walk.n; i++) /* also what was seen until the deadline */
		add_use(out, &walk.uses[i]);
	gp_arena_free(arena);
	return r;
}

static bool one_key(void *arg, const struct gp_limit_item *item)
{
	struct limit_walk *walk = arg;

	if (is_wanted(item->key, walk))
		*gp_vec_push(walk->arena, &walk->keys) = gp_arena_str(walk->arena, item->key);
	return walk->keys.len < walk->max;
}

int report_reset(struct gp_store *store, struct gp_str key, int64_t deadline_ms, size_t *ret_n)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct limit_walk walk = {.arena = arena, .key = key, .max = REPORT_LIMITS_MAX};
	int r = gp_store_limit_each(store, LIMIT_TABLE, deadline_ms, one_key, &walk);

	*ret_n = 0;
	for (size_t at = 0; r == GP_OK && at < walk.keys.len; at += GP_LIMIT_TAKES_MAX) {
		size_t known = 0;

		r = gp_store_limit_reset(store, LIMIT_TABLE, walk.keys.items + at,
					 GP_MIN(walk.keys.len - at, (size_t)GP_LIMIT_TAKES_MAX),
					 deadline_ms, &known);
		*ret_n += known;
	}
	gp_arena_free(arena);
	return r;
}

/* Notes. */

struct note_walk {
	struct gp_arena *arena;
	struct gp_str name;
	const char *type;
	struct gp_buf *out;
	size_t left;
	bool is_once;	    /* each queue id */
	struct gp_map seen; /* those */
};

static const char *const note_types[NOTE_RINGS] = {
	[NOTE_HELD] = "held", [NOTE_CHANGE] = "change", [NOTE_EVENT] = "event"};

static struct gp_str span(struct gp_attr value)
{
	return gp_str_n(value.data, value.len);
}

/* A message is held at DATA and at its end: one row. */
static bool is_again(struct note_walk *walk, struct gp_str item)
{
	struct gp_attr id;

	if (!walk->is_once || !gp_attrs_find(item.ptr, item.len, "queue_id", &id) || id.len == 0)
		return false;
	return gp_map_set(&walk->seen, gp_arena_str(walk->arena, span(id)), walk) != NULL;
}

/* What is a number in notes. */
static void add_value(struct gp_jsonline *j, const char *name, struct gp_str value)
{
	bool is_number = strcmp(name, "time") == 0 || strcmp(name, "uid") == 0 ||
			 strcmp(name, "score") == 0;
	double number;

	if (is_number && gp_num_parse_double(value, &number) == GP_OK)
		gp_jsonline_num(j, name, number, strcmp(name, "score") == 0 ? 3 : 0);
	else
		gp_jsonline_str(j, name, value, GP_ENTRY_NAME_MAX);
}

static void add_note(const struct note_walk *walk, struct gp_str item)
{
	struct gp_str rest = item, line;
	size_t colon = gp_str_find_chr(walk->name, ':', 0);
	struct gp_jsonline j;

	gp_jsonline_begin(&j, ROW_MAX);
	gp_jsonline_cstr(&j, "type", walk->type);
	gp_jsonline_str(&j, "kind", gp_str_sub(walk->name, 0, colon), 32);
	gp_jsonline_str(&j, "key", gp_str_sub(walk->name, colon + 1, walk->name.len),
			CONTAINED_KEY_MAX);
	while (gp_str_next(&rest, '\n', &line)) {
		size_t equals = gp_str_find_chr(line, '=', 0);
		struct gp_str key = gp_str_sub(line, 0, equals);
		char name[32];

		if (equals == line.len || gp_str_eq(key, GP_STR("name")) ||
		    !gp_str_copy(name, sizeof(name), key))
			continue;
		add_value(&j, name, gp_str_sub(line, equals + 1, line.len));
	}
	add_row(walk->out, gp_jsonline_finish(&j));
	gp_jsonline_done(&j);
}

static bool one_note(void *arg, struct gp_str item)
{
	struct note_walk *walk = arg;
	struct gp_attr name;

	if (!gp_attrs_find(item.ptr, item.len, "name", &name) ||
	    !gp_str_eq(span(name), walk->name) || is_again(walk, item))
		return true;
	add_note(walk, item);
	return --walk->left > 0 && !gp_buf_error(walk->out);
}

int report_notes(struct gp_store *store, enum note_ring ring, struct gp_str name, size_t n,
		 int64_t deadline_ms, struct gp_buf *out)
{
	struct note_walk walk = {.arena = gp_arena_new(0), .name = name, .type = note_types[ring],
				 .out = out, .is_once = ring == NOTE_HELD, .left = GP_MIN(n, (size_t)REPORT_NOTES_MAX)};
	int r;

	gp_map_init(&walk.seen, walk.arena, false);
	r = gp_store_ring_read(store, note_table(ring), 20000, deadline_ms, one_note, &walk);
	gp_arena_free(walk.arena);
	return r;
}
