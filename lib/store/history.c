/*
 * Where the history stands in the store; the header describes what it holds.
 */
#include "lib/store/history.h"

#include <math.h>

/* Scores are summed in thousandths, as gp_symbols_sum rounds. */
#define SCORE_UNITS 1000.0

static const struct {
	const char *name;
	struct gp_str table;
} programs[GP_HISTORY_PROGRAMS] = {
	[GP_HISTORY_DKIM] = {"milter-dkim", {"dkim-history", 12}},
	[GP_HISTORY_VIRUS] = {"milter-virus", {"virus-history", 13}},
	[GP_HISTORY_SPAM] = {"milter-spam", {"spam-history", 12}},
};

static const char kinds[] = {[GP_HISTORY_ACTION] = 'a', [GP_HISTORY_SYMBOL] = 's'};

const char *gp_history_program_name(enum gp_history_program program)
{
	return programs[program].name;
}

enum gp_history_program gp_history_program_of(struct gp_str name)
{
	size_t i = 0;

	while (i < GP_HISTORY_PROGRAMS && !gp_str_eq(gp_str(programs[i].name), name))
		i++;
	return (enum gp_history_program)i;
}

struct gp_str gp_history_table(enum gp_history_program program)
{
	return programs[program].table;
}

int gp_history_each(struct gp_store *store, enum gp_history_program program, size_t n,
		    int64_t deadline_ms, gp_store_item_fn *fn, void *arg)
{
	return gp_store_ring_read(store, programs[program].table, n, deadline_ms, fn, arg);
}

struct totals {
	gp_history_total_fn *fn;
	void *arg;
};

/* What has another form is of a later version: passed over. */
static bool one_total(void *arg, const struct gp_tally *tally)
{
	const struct totals *t = arg;
	struct gp_history_total total = {
		.name = gp_str_sub(tally->name, 2, tally->name.len),
		.count = tally->count,
		.score = (double)tally->sum / SCORE_UNITS,
	};

	if (tally->name.len < 3 || tally->name.ptr[1] != ':')
		return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++)
		if (tally->name.ptr[0] == kinds[i]) {
			total.kind = (enum gp_history_kind)i;
			return t->fn(t->arg, &total);
		}
	return true;
}

int gp_history_totals(struct gp_store *store, enum gp_history_program program, int64_t deadline_ms,
		      gp_history_total_fn *fn, void *arg, int64_t *ret_since_s)
{
	struct totals t = {fn, arg};

	return gp_store_tally_read(store, programs[program].table, deadline_ms, one_total, &t,
				   ret_since_s);
}

struct gp_str gp_history_tally(enum gp_history_kind kind, struct gp_str name,
			       char buf[GP_TALLY_NAME_MAX])
{
	size_t len = GP_MIN(name.len, (size_t)GP_TALLY_NAME_MAX - 2);

	buf[0] = kinds[kind];
	buf[1] = ':';
	memcpy(buf + 2, name.ptr, len);
	return gp_str_n(buf, len + 2);
}

int64_t gp_history_tally_sum(double score)
{
	return isfinite(score) ? (int64_t)llround(score * SCORE_UNITS) : 0;
}
