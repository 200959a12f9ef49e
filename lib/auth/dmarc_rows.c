/*
 * Counting messages that are alike.
 *
 * Two generations: rows that grow, and rows that are being pushed and change no
 * more.  Only the flush touches the second, so it needs the lock for a moment only,
 * to exchange them.
 */
#include "lib/auth/dmarc_rows.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/rand.h"

/* What a row costs besides its line, about. */
#define ROW_OVERHEAD 160

struct row {
	int64_t begin_s, end_s, count;
	uint64_t id;
};

/* Rows by what they have in common, the day before it. */
struct generation {
	struct gp_arena *arena;
	struct gp_map rows;
	size_t size, next; /* next: the first that is not pushed */
};

struct gp_dmarc_rows {
	size_t size_max;
	uint64_t run;	      /* makes ids unlike those of another run or host */
	pthread_mutex_t lock; /* guards what follows */
	struct generation growing, leaving;
	uint64_t last_id, pushed, dropped;
};

static void generation_begin(struct generation *g)
{
	*g = (struct generation){.arena = gp_arena_new(0)};
	gp_map_init(&g->rows, g->arena, false);
}

struct gp_dmarc_rows *gp_dmarc_rows_new(size_t size_max)
{
	struct gp_dmarc_rows *rows = gp_xcalloc(1, sizeof(*rows));

	rows->size_max = size_max;
	gp_rand_bytes(&rows->run, sizeof(rows->run));
	pthread_mutex_init(&rows->lock, NULL);
	generation_begin(&rows->growing);
	generation_begin(&rows->leaving);
	return rows;
}

void gp_dmarc_rows_free(struct gp_dmarc_rows **rows)
{
	struct gp_dmarc_rows *r = *rows;

	if (!r)
		return;
	gp_arena_free(r->growing.arena);
	gp_arena_free(r->leaving.arena);
	pthread_mutex_destroy(&r->lock);
	free(r);
	*rows = NULL;
}

/* Without room for another row those that are there still count. */
static bool count(struct gp_dmarc_rows *rows, struct gp_str key, int64_t now_s)
{
	struct generation *g = &rows->growing;
	struct row *row = gp_map_get(&g->rows, key);

	if (!row) {
		size_t size = key.len + ROW_OVERHEAD;

		if (size > rows->size_max - GP_MIN(rows->size_max, g->size + rows->leaving.size))
			return false;
		g->size += size;
		row = GP_ARENA_NEW(g->arena, struct row);
		*row = (struct row){.begin_s = now_s, .end_s = now_s, .id = ++rows->last_id};
		gp_map_set(&g->rows, gp_arena_str(g->arena, key), row);
	}
	row->begin_s = GP_MIN(row->begin_s, now_s);
	row->end_s = GP_MAX(row->end_s, now_s);
	row->count++;
	return true;
}

bool gp_dmarc_rows_add(struct gp_dmarc_rows *rows, const struct gp_dmarc_row *row)
{
	GP_BUF_AUTO key = GP_BUF_INIT(2 * GP_MAX_DMARC_ROW);
	bool has_room;

	gp_buf_printf(&key, "%" PRId64 " ", row->begin_s / GP_DMARC_DAY_S);
	gp_dmarc_row_format_alike(row, &key);
	pthread_mutex_lock(&rows->lock);
	has_room = gp_buf_error(&key) == GP_OK && count(rows, gp_buf_str(&key), row->begin_s);
	rows->dropped += !has_room;
	pthread_mutex_unlock(&rows->lock);
	return has_room;
}

/* "DAY v=1 …" and the numbers to the line. */
static int push(const struct gp_dmarc_rows *rows, const struct gp_map_entry *e,
		gp_dmarc_push_fn *fn, void *arg)
{
	GP_BUF_AUTO line = GP_BUF_INIT(2 * GP_MAX_DMARC_ROW);
	const struct row *row = e->value;
	size_t head = gp_str_find_chr(e->key, '=', 0) + 2; /* behind "v=1" */

	gp_buf_printf(&line, "v=1 id=%016" PRIx64 "-%" PRIu64, rows->run, row->id);
	gp_buf_printf(&line, " begin=%" PRId64 " end=%" PRId64 " n=%" PRId64, row->begin_s,
		      row->end_s, row->count);
	gp_buf_add_str(&line, gp_str_sub(e->key, head, e->key.len));
	return fn(arg, row->begin_s / GP_DMARC_DAY_S, gp_buf_str(&line));
}

/* All of `leaving` were pushed: those that grow take their place, or none. */
static void exchange(struct gp_dmarc_rows *rows, bool takes_growing)
{
	struct generation g, old;

	generation_begin(&g);
	pthread_mutex_lock(&rows->lock);
	old = rows->leaving;
	rows->leaving = takes_growing ? rows->growing : g;
	if (takes_growing)
		rows->growing = g;
	pthread_mutex_unlock(&rows->lock);
	gp_arena_free(old.arena);
}

static int push_leaving(struct gp_dmarc_rows *rows, gp_dmarc_push_fn *fn, void *arg)
{
	struct generation *g = &rows->leaving;

	while (g->next < g->rows.len) {
		int r = push(rows, &g->rows.entries[g->next], fn, arg);

		if (r)
			return r;
		pthread_mutex_lock(&rows->lock);
		g->next++;
		rows->pushed++;
		pthread_mutex_unlock(&rows->lock);
	}
	return GP_OK;
}

int gp_dmarc_rows_flush(struct gp_dmarc_rows *rows, gp_dmarc_push_fn *fn, void *arg)
{
	/* What a failed flush left, then what has grown since. */
	int r = push_leaving(rows, fn, arg);

	if (r)
		return r;
	exchange(rows, true);
	r = push_leaving(rows, fn, arg);
	if (r == GP_OK)
		exchange(rows, false);
	return r;
}

void gp_dmarc_rows_count(struct gp_dmarc_rows *rows, struct gp_dmarc_rows_count *ret)
{
	pthread_mutex_lock(&rows->lock);
	*ret = (struct gp_dmarc_rows_count){
		.rows = rows->growing.rows.len + rows->leaving.rows.len - rows->leaving.next,
		.pushed = rows->pushed,
		.dropped = rows->dropped,
	};
	pthread_mutex_unlock(&rows->lock);
}
