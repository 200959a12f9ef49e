/*
 * Limits; see the header.  scripts/limit.lua takes the same steps on the same bytes, and a
 * test compares them.
 */
#include "lib/store/limit.h"

#include <string.h>

#include "lib/base/attr.h"

/* The sum of all slots is exact in Lua's numbers too. */
#define COUNT_MAX 0x7fffffffffff
#define SUM_SIZE 7
#define TIME_SIZE 6
#define COUNT_SIZE 6
#define SLOT_SIZE (TIME_SIZE + COUNT_SIZE)
#define TAT_SIZE 8

struct slots {
	size_t n;
	struct gp_limit_use items[GP_LIMIT_SLOTS + 1]; /* the oldest first */
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
	if (state->len < SUM_SIZE || (state->len - SUM_SIZE) % SLOT_SIZE != 0)
		return;
	for (uint32_t at = SUM_SIZE; at < state->len; at += SLOT_SIZE) {
		struct gp_limit_use s = {.at_ms = get_number(state->data + at, TIME_SIZE),
				 .amount = get_number(state->data + at + TIME_SIZE, COUNT_SIZE)};

		s.at_ms = GP_MIN(s.at_ms, now_ms);
		if (now_ms - s.at_ms < l->window_ms && ret->n < GP_ARRAY_SIZE(ret->items))
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
		used += slots.items[i].amount;
	*ret = (struct gp_limit_answer){.passed = used + amount <= l->max, .used = used};
	if (ret->passed)
		return;
	ret->retry_ms = -1;
	left = used;
	for (size_t i = 0; i < slots.n && amount <= l->max; i++) {
		left -= slots.items[i].amount;
		ret->retry_ms = slots.items[i].at_ms + l->window_ms - now_ms;
		if (left + amount <= l->max)
			break;
	}
}

/* The slot that takes a use at at_ms: where it is the newest of its 32nd, or is not newer than
 * the newest; otherwise a new one.  Full only after the clock was put back: the next newer takes it. */
static struct gp_limit_use *slot_for(struct slots *slots, int64_t width, int64_t at_ms)
{
	struct gp_limit_use *items = slots->items;
	int64_t part = at_ms / width;
	bool is_full = slots->n == GP_ARRAY_SIZE(slots->items);
	size_t k = slots->n;

	while (k > 0 && items[k - 1].at_ms >= at_ms)
		k--;
	if (k < slots->n && items[k].at_ms / width == part)
		return &items[k];
	if (k > 0 && (items[k - 1].at_ms / width == part || (is_full && k == slots->n))) {
		items[k - 1].at_ms = at_ms;
		return &items[k - 1];
	}
	if (is_full)
		return &items[k];
	memmove(&items[k + 1], &items[k], (slots->n++ - k) * sizeof(*items));
	items[k] = (struct gp_limit_use){.at_ms = at_ms};
	return &items[k];
}

static void count_sliding(const struct gp_limit *l, struct gp_limit_state *state, int64_t now_ms,
			  int64_t at_ms, int64_t amount)
{
	struct slots slots;
	struct gp_limit_use *slot;
	int64_t sum = 0;

	read_slots(l, state, now_ms, &slots);
	slot = slot_for(&slots, slot_width(l), at_ms);
	slot->amount = GP_MIN(slot->amount + amount, (int64_t)COUNT_MAX);
	for (size_t i = 0; i < slots.n; i++) {
		unsigned char *p = state->data + SUM_SIZE + i * SLOT_SIZE;

		put_number(p, slots.items[i].at_ms, TIME_SIZE);
		put_number(p + TIME_SIZE, slots.items[i].amount, COUNT_SIZE);
		sum += slots.items[i].amount;
	}
	put_number(state->data, sum, SUM_SIZE);
	state->len = (uint32_t)(SUM_SIZE + slots.n * SLOT_SIZE);
}

size_t gp_limit_uses(const struct gp_limit *limit, const struct gp_limit_state *state,
		     int64_t now_ms, struct gp_limit_use ret[GP_LIMIT_SLOTS + 1])
{
	struct slots slots;

	read_slots(limit, state, now_ms, &slots);
	memcpy(ret, slots.items, slots.n * sizeof(*ret));
	return slots.n;
}

/* GCRA.  In nanoseconds a unit of the highest rate (10^12 in a second) would vanish; in
 * fractions of a millisecond, as doubles, both languages agree. */

/* As of at_ms ≤ now_ms. */
static double theoretical_arrival(const struct gp_limit *l, const struct gp_limit_state *state,
				  int64_t now_ms, int64_t at_ms)
{
	double longest = (double)l->window_ms / (double)l->max * (double)l->burst;
	double tat_ms = state->len == TAT_SIZE
				? (double)get_number(state->data, TAT_SIZE) / 1000.0 : 0;

	/* No more than the whole burst can be owed, unless it was forced: a clock put back. */
	if (tat_ms < (double)at_ms)
		return (double)at_ms;
	if (tat_ms > (double)now_ms + longest + (double)l->window_ms)
		return (double)now_ms + longest;
	return tat_ms;
}

static void look_gcra(const struct gp_limit *l, const struct gp_limit_state *state, int64_t now_ms,
		      int64_t amount, struct gp_limit_answer *ret)
{
	double interval = (double)l->window_ms / (double)l->max;
	double tat = theoretical_arrival(l, state, now_ms, now_ms);
	double over = tat + interval * (double)amount - (double)now_ms - interval * (double)l->burst;

	*ret = (struct gp_limit_answer){
		.passed = over <= 0.0005, /* half of what a state keeps */
		.used = (int64_t)((tat - (double)now_ms) / interval + 0.999)};
	if (!ret->passed)
		ret->retry_ms = amount > l->burst ? -1 : (int64_t)(over + 0.999);
}

static void count_gcra(const struct gp_limit *l, struct gp_limit_state *state, int64_t now_ms,
		       int64_t at_ms, int64_t amount)
{
	double interval = (double)l->window_ms / (double)l->max;
	double tat = theoretical_arrival(l, state, now_ms, at_ms) + interval * (double)amount;

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

void gp_limit_count_at(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms,
		       int64_t at_ms, int64_t amount)
{
	if (at_ms <= now_ms - limit->window_ms)
		return;
	if (limit->kind == GP_LIMIT_GCRA)
		count_gcra(limit, state, now_ms, at_ms, amount);
	else
		count_sliding(limit, state, now_ms, at_ms, amount);
}

void gp_limit_count(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms,
		    int64_t amount)
{
	gp_limit_count_at(limit, state, now_ms, now_ms, amount);
}

static bool is_ahead(const struct gp_limit *l, const struct gp_limit_state *state, int64_t now_ms)
{
	double longest = (double)l->window_ms / (double)l->max * (double)l->burst;

	if (l->kind == GP_LIMIT_GCRA)
		return state->len == TAT_SIZE &&
		       (double)get_number(state->data, TAT_SIZE) / 1000.0 >
			       (double)now_ms + longest + (double)l->window_ms;
	return state->len >= SUM_SIZE + SLOT_SIZE && (state->len - SUM_SIZE) % SLOT_SIZE == 0 &&
	       get_number(state->data + state->len - SLOT_SIZE, TIME_SIZE) > now_ms + l->window_ms;
}

bool gp_limit_heal(const struct gp_limit *limit, struct gp_limit_state *state, int64_t now_ms)
{
	if (!is_ahead(limit, state, now_ms))
		return false;
	gp_limit_count(limit, state, now_ms, 0); /* which takes what lies ahead for now */
	return true;
}
