/*
 * The loop knows only states that have a place in the table; a byte at which a lane needs more
 * (something is found, a state is not in the table or not known yet) ends it, and is dealt with lane
 * by lane.
 */
#include "lib/score/rule_dfa_bank.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/score/rule_dfa_int.h"

/* Entries of a column: a multiple of a cache line, an odd one so that columns spread over all sets
 * of the cache.  The last two are no states. */
#define ROOM 288
#define STATES (ROOM - 2)
#define LOST STATES	   /* leads to itself: has given up, or there is no automaton */
#define FAR (STATES + 1)   /* in a state that the table has no place for */

/* Bytes that are read again, at most, when something is found. */
#define STRIDE 16

struct gp_dfa_bank {
	struct gp_dfa_memory *m[GP_DFA_LANES_MAX];
	unsigned n, width; /* automata, lanes */
	unsigned forgotten[GP_DFA_LANES_MAX]; /* the memory's when the lane was last cleared */
	/* By byte, by lane: where the column begins in the table, which stands behind these; with one
	 * address for both the loop's states all have a register. */
	uint32_t columns[];
};

/* Where the lanes are in a text. */
struct places {
	size_t states[GP_DFA_LANES_MAX];
	unsigned far[GP_DFA_LANES_MAX]; /* where the state is FAR: which it is */
};

/* The table behind columns. */
static inline uint16_t *table_of(uint32_t *columns, unsigned width)
{
	return (uint16_t *)(columns + 256 * width);
}

static unsigned classes_of(const struct gp_dfa_bank *b, unsigned lane)
{
	return lane < b->n ? b->m[lane]->dfa->n_classes : 1;
}

/* Nothing known any more. */
static void clear(struct gp_dfa_bank *b, unsigned lane)
{
	uint16_t *table = table_of(b->columns, b->width);

	for (unsigned k = 0; k < lane; k++)
		table += ROOM * classes_of(b, k);
	memset(table, 0xff, ROOM * classes_of(b, lane) * sizeof(*table));
	for (unsigned class = 0; class < classes_of(b, lane); class++)
		table[class * ROOM + LOST] = LOST;
	if (lane < b->n)
		b->forgotten[lane] = b->m[lane]->forgotten;
}

static void set_columns(struct gp_dfa_bank *b)
{
	unsigned base = 0;

	for (unsigned lane = 0; lane < b->width; lane++) {
		for (unsigned c = 0; c < 256; c++)
			b->columns[c * b->width + lane] =
				base + (lane < b->n ? b->m[lane]->dfa->class_of[c] * ROOM : 0);
		base += ROOM * classes_of(b, lane);
	}
}

struct gp_dfa_bank *gp_dfa_bank_new(struct gp_dfa_memory *const *m, size_t n)
{
	unsigned width = 1, classes = 0;
	struct gp_dfa_bank *b;

	while (width < n)
		width *= 2;
	for (size_t i = 0; i < width; i++)
		classes += i < n ? m[i]->dfa->n_classes : 1;
	b = gp_xcalloc(1, sizeof(*b) + 256 * width * sizeof(*b->columns) +
				  classes * ROOM * sizeof(uint16_t));
	b->n = (unsigned)n;
	b->width = width;
	memcpy(b->m, m, n * sizeof(struct gp_dfa_memory *));
	set_columns(b);
	for (unsigned lane = 0; lane < width; lane++)
		clear(b, lane);
	return b;
}

void gp_dfa_bank_free(struct gp_dfa_bank *b)
{
	free(b);
}

/* For each lane; the compiler gets them one by one, so that states stay in registers. */
#define EACH_1(do) do(0)
#define EACH_2(do) EACH_1(do) do(1)
#define EACH_4(do) EACH_2(do) do(2) do(3)
#define EACH_8(do) EACH_4(do) do(4) do(5) do(6) do(7)

#define LOAD(k) size_t s##k = states[k];
#define STEP(k)                                                                                    \
	s##k = table[column[k] + s##k];                                                            \
	any |= s##k;                                                                               \
	__asm__("" : "+r"(any)); /* now, or the compiler keeps old and new states */
#define STORE(k) states[k] = s##k;

/* Reads bytes from `at` to `end`.  Returns that, or where the first byte is at which some lane has no
 * plain entry: then the states are as they were. */
#define DEFINE_RUN(name, width, EACH)                                                              \
	static __attribute__((noinline)) const unsigned char *name(                                \
		uint32_t *columns, size_t *states, const unsigned char *at,                        \
		const unsigned char *end)                                                          \
	{                                                                                          \
		const uint16_t *table = table_of(columns, width);                                  \
                                                                                                   \
		EACH(LOAD)                                                                         \
		for (; at < end; at++) {                                                           \
			const uint32_t *column = &columns[(size_t)*at * (width)];                  \
			size_t any = 0;                                                            \
                                                                                                   \
			EACH(STEP)                                                                 \
			if (any & GP_DFA_HIT)                                                      \
				return at;                                                         \
		}                                                                                  \
		EACH(STORE)                                                                        \
		return end;                                                                        \
	}

DEFINE_RUN(run_1, 1, EACH_1)
DEFINE_RUN(run_2, 2, EACH_2)
DEFINE_RUN(run_4, 4, EACH_4)
DEFINE_RUN(run_8, 8, EACH_8)

static const unsigned char *run(struct gp_dfa_bank *b, struct places *p, const unsigned char *at,
				const unsigned char *end)
{
	switch (b->width) {
	case 1:
		return run_1(b->columns, p->states, at, end);
	case 2:
		return run_2(b->columns, p->states, at, end);
	case 4:
		return run_4(b->columns, p->states, at, end);
	default:
		return run_8(b->columns, p->states, at, end);
	}
}

/* One byte of one lane, by what the memory knows.  False: stop all. */
static bool step(struct gp_dfa_bank *b, unsigned lane, struct places *p, unsigned char c, size_t end,
		 gp_dfa_found *found, void *arg)
{
	struct gp_dfa_memory *m = b->m[lane];
	unsigned slot = (unsigned)p->states[lane], entry, to;
	uint16_t *known = table_of(b->columns, b->width) + b->columns[c * b->width + lane] + slot;

	if (!(*known & GP_DFA_HIT)) {
		p->states[lane] = *known;
		return true;
	}
	entry = *known;
	if (entry == GP_DFA_UNKNOWN)
		entry = gp_dfa_entry(m, slot == FAR ? p->far[lane] : slot, c);
	if (entry == GP_DFA_UNKNOWN) {
		p->states[lane] = LOST;
		return true;
	}
	to = entry & ~GP_DFA_HIT;
	p->states[lane] = to < STATES ? to : FAR;
	p->far[lane] = to;
	if (b->forgotten[lane] != m->forgotten)
		clear(b, lane);
	else if (slot < STATES && to < STATES)
		*known = (uint16_t)entry;
	return !(entry & GP_DFA_HIT) || gp_dfa_report(m, to, end, found, arg);
}

static bool ignore(void *arg, unsigned pattern, size_t end)
{
	(void)arg;
	(void)pattern;
	(void)end;
	return true;
}

static void begin(struct gp_dfa_bank *b, struct places *p)
{
	for (unsigned lane = 0; lane < b->width; lane++) {
		p->states[lane] = lane < b->n ? 0 : LOST;
		if (lane >= b->n)
			continue;
		gp_dfa_begin(b->m[lane]);
		if (b->forgotten[lane] != b->m[lane]->forgotten)
			clear(b, lane);
		if (b->m[lane]->dfa->has_line_starts)
			(void)step(b, lane, p, '\n', 0, ignore, NULL);
	}
}

bool gp_dfa_bank_scan(struct gp_dfa_bank *b, struct gp_str text, gp_dfa_found *found, void *arg)
{
	const unsigned char *start = (const unsigned char *)text.ptr, *at = start;
	const unsigned char *end = start + text.len;
	struct places p;

	begin(b, &p);
	while (at < end) {
		const unsigned char *to = at + GP_MIN(end - at, STRIDE), *odd = run(b, &p, at, to);

		if (odd < to) { /* up to there again, to have the states */
			run(b, &p, at, odd);
			for (unsigned lane = 0; lane < b->n; lane++)
				if (!step(b, lane, &p, *odd, (size_t)(odd + 1 - start), found, arg))
					return false;
			odd++;
		}
		at = odd;
	}
	return true;
}
