/*
 * Limits; see the header.  scripts/limit.lua takes the same steps on the same bytes, and a
 * test compares them.
 */
#include "lib/store/limit.h"

#include <string.h>

#include "lib/base/attr.h"

#define COUNT_MAX 0xffffffffffff
#define TIME_SIZE 6
#define COUNT_SIZE 6
#define SLOT_SIZE (TIME_SIZE + COUNT_SIZE)
#define TAT_SIZE 8

struct slot {
	int64_t last_ms; /* newest use */
	int64_t count;
};

struct slots {
	size_t n;
	struct slot items[GP_LIMIT_SLOTS + 1]; /* the oldest first */
};

static int64_t get_number(const unsigned char *p, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | p[i];
	return (int64_t)n;
}

static void put_number(unsigned char *p, int64_t n, size_t size)
{
	for (size_t i = size; i > 0; i--, n >>= 8)
		p[i - 1] = (unsigned char)n;
}

static int64_t slot_width(const struct gp_limit *l)
{
	return (l->window_ms + GP_LIMIT_SLOTS - 1) / GP_LIMIT_SLOTS;
}

/* The slots that still count. */
static void read_slots(const struct gp_limit *l, const struct gp_limit_state *state, int64_t now_ms,
		       struct slots *ret)
{
	ret->n = 0;
	for (uint32_t at = 0; at + SLOT_SIZE <= state->len; at += SLOT_SIZE) {
		struct slot s = {.last_ms = get_number(state->data + at, TIME_SIZE),
				 .count = get_number(state->data + at + TIME_SIZE, COUNT_SIZE)};

		s.last_ms = GP_MIN(s.last_ms, now_ms);
		if (now_ms - s.last_ms < l->window_ms && ret->n < GP_ARRAY_SIZE(ret->items))
			ret->items[ret->n++] = s;
	}
}

static void look_sliding(const struct gp_limit *l, const struct gp_limit_state *state,
			 int64_t now_ms, int64_t amount, struct gp_limit_answer *ret)
{
	struct slots slots;
	int64_t used = 0, left;

	read_slots(l, state, now_ms, &slots);
	for (size_t i = 0; i < slots.n; i++)
		used += slots.items[i].count;
	*ret = (struct gp_limit_answer){.passed = used + amount <= l->max, .used = used};
	if (ret->passed)
		return;
	ret->retry_ms = -1;
	left = used;
	for (size_t i = 0; i < slots.n && amount <= l->max; i++) {
		left -= slots.items[i].count;
		ret->retry_ms = slots.items[i].last_ms + l->window_ms - now_ms;
		if (left + amount <= l->max)
			break;
	}
}

static void count_sliding(const struct gp_limit *l, struct gp_limit_state *state, int64_t now_ms,
			  int64_t amount)
{
	int64_t width = slot_width(l);
	struct slots slots;
	struct slot *last;

	read_slots(l, state, now_ms, &slots);
	last = slots.n > 0 ? &slots.items[slots.n - 1] : NULL;
	/* Full only after the clock was put back: the newest takes it. */
	if (!last || (last->last_ms / width != now_ms / width && slots.n < GP_ARRAY_SIZE(slots.items))) {
		last = &slots.items[slots.n++];
		last->count = 0;
	}
	last->last_ms = now_ms;
	last->count = GP_MIN(last->count + amount, (int64_t)COUNT_MAX);
	for (size_t i = 0; i < slots.n; i++) {
		unsigned char *p = state->data + i * SLOT_SIZE;

		put_number(p, slots.items[i].last_ms, TIME_SIZE);
		put_number(p + TIME_SIZE, slots.items[i].count, COUNT_SIZE);
	}
	state->len = (uint32_t)(slots.n * SLOT_SIZE);
}

/* GCRA.  In nanoseconds a unit of the highest rate (10^12 in a second) would vanish; in
 * fractions of a millisecond, as doubles, both languages agree. */

static double theoretical_arrival(const struct gp_limit *l, const struct gp_limit_state *state,
				  int64_t now_ms)
{
	double longest = (double)l->window_ms / (double)l->max * (double)l->burst;
	double tat_ms = state->len == TAT_SIZE
				? (double)get_number(state->data, TAT_SIZE) / 1000.0 : 0;

	/* No more than the whole burst can be owed, unless it was forced: a clock put back. */
	if (tat_ms < (double)now_ms)
		return (double)now_ms;
	if (tat_ms > (double)now_ms + longest + (double)l->window_ms)
		return (double)now_ms + longest;
	return tat_ms;
}

static void look_gcra(const struct gp_limit *l, const struct gp_limit_state *state, int64_t now_ms,
		      int64_t amount, struct gp_limit_answer *ret)
{
	double interval = (double)l->window_ms / (double)l->max;
	double tat = theoretical_arrival(l, state, now_ms);
	double over = tat + interval * (double)amount - (double)now_ms - interval * (double)l->burst;

	*ret = (struct gp_limit_answer){
		.passed = over <= 0.0005, /* half of what a state keeps */
		.used = (int64_t)((tat - (double)now_ms) / interval + 0.999)};
	if (!ret->passed)
		ret->retry_ms = amount > l->burst ? -1 : (int64_t)(over + 0.999);
}

static void count_gcra(const struct gp_limit *l, struct gp_limit_state *state, int64_t now_ms,
		       int64_t amount)
{
	double interval = (double)l->window_ms / (double)l->max;
	double tat = theoretical_arrival(l, state, now_ms) + interval * (double)amount;

	put_number(state->data, (int64_t)(tat * 1000.0 + 0.5), TAT_SIZE);
	state->len = TAT_SIZE;
}

void gp_limit_look(const struct gp_limit *limit, const struct gp_limit_state *state, int64_t now_ms,
		   int64_t amount, struct gp_limit_answer *ret)
{
	if (limit->kind == GP_LIMIT_GCRA)
		look_gcra(limit, state, now_ms, amount, ret);
	else
		look_sliding(limit, state, now_ms, amount, ret);
}

void gp_limit_count(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms,
		    int64_t amount)
{
	if (limit->kind == GP_LIMIT_GCRA)
		count_gcra(limit, state, now_ms, amount);
	else
		count_sliding(limit, state, now_ms, amount);
}
