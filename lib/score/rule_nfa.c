/*
 * A tree is written as a program of positions and forks, back to front; then
 * the forks are resolved to lists, and what lies too deep is dropped.
 */
#include "lib/score/rule_nfa.h"

/* x{n} is written out up to this many times, and then counts as x{n,}. */
#define COPIES_MAX 32
/* x{2,4} is written out; with more that may follow it counts as x{2,}. */
#define OPTIONAL_MAX 2

struct instruction {
	const struct gp_byte_set *set; /* NULL: a fork */
	unsigned next, alt;	       /* 0: none */
	unsigned depth;		       /* bytes before it at the least */
	unsigned node;		       /* of the nfa */
	unsigned follow, n_follow;     /* what is reached from here, when `is_known` */
	bool is_known;
};

struct writer {
	struct gp_arena *arena;
	GP_VEC(struct instruction) program; /* 0 is none, END the end */
	bool is_full;
};

#define END 1

void gp_nfa_init(struct gp_nfa *n, struct gp_arena *a)
{
	*n = (struct gp_nfa){.arena = a};
}

static unsigned put(struct writer *w, const struct gp_byte_set *set, unsigned next, unsigned alt)
{
	w->is_full |= w->program.len >= GP_NFA_NODES_MAX;
	if (w->is_full)
		return 0;
	*gp_vec_push(w->arena, &w->program) = (struct instruction){
		.set = set, .next = next, .alt = alt, .depth = UINT32_MAX};
	return (unsigned)w->program.len - 1;
}

static unsigned write(struct writer *w, const struct gp_tree *t, unsigned next, bool is_start);

static unsigned write_sequence(struct writer *w, const struct gp_tree *t, unsigned next,
			       bool is_start)
{
	size_t from = 0;

	if (is_start) /* a match is found without what may be missing in front */
		while (from + 1 < t->kids.len && t->kids.items[from]->width == 0)
			from++;
	for (size_t i = t->kids.len; i > from && !w->is_full; i--)
		next = write(w, t->kids.items[i - 1], next, is_start && i - 1 == from);
	return next;
}

static unsigned write_alternatives(struct writer *w, const struct gp_tree *t, unsigned next,
				   bool is_start)
{
	unsigned entry = 0;

	for (size_t i = t->kids.len; i > 0 && !w->is_full; i--) {
		unsigned one = write(w, t->kids.items[i - 1], next, is_start);

		entry = entry ? put(w, NULL, one, entry) : one;
	}
	return entry;
}

static unsigned write_loop(struct writer *w, const struct gp_tree *kid, unsigned next)
{
	unsigned fork = put(w, NULL, 0, next), entry = write(w, kid, fork, false);

	if (fork)
		w->program.items[fork].next = entry;
	return fork;
}

static unsigned write_repeat(struct writer *w, const struct gp_tree *t, unsigned next, bool is_start)
{
	const struct gp_tree *kid = t->kids.items[0];
	unsigned copies = GP_MIN(t->min, COPIES_MAX), end = next;

	if (t->max - t->min > OPTIONAL_MAX || copies < t->min)
		next = write_loop(w, kid, next);
	else
		for (unsigned i = t->min; i < t->max; i++)
			next = put(w, NULL, write(w, kid, next, false), end);
	for (unsigned i = copies; i > 0 && !w->is_full; i--)
		next = write(w, kid, next, is_start && i == 1);
	return next;
}

static unsigned write(struct writer *w, const struct gp_tree *t, unsigned next, bool is_start)
{
	switch (t->kind) {
	case GP_TREE_EMPTY:
		return next;
	case GP_TREE_SET:
		return put(w, &t->set, next, 0);
	case GP_TREE_CAT:
		return write_sequence(w, t, next, is_start);
	case GP_TREE_ALT:
		return write_alternatives(w, t, next, is_start);
	case GP_TREE_REPEAT:
		return write_repeat(w, t, next, is_start);
	}
	return next;
}

/* Resolves a program. */
struct resolver {
	struct instruction *program;
	size_t len;
	unsigned limit; /* depth */
	unsigned *mark, stamp; /* by instruction: the last walk that came by */
	unsigned *stack;
};

/* The least number of bytes before each instruction: a search in rising order. */
static void find_depths(struct resolver *r, unsigned entry)
{
	unsigned *now = r->stack, *later = r->stack + 2 * r->len, *other;
	unsigned n_now = 0, n_later = 0;

	now[n_now++] = entry;
	for (unsigned depth = 0; n_now && depth <= r->limit; depth++) {
		while (n_now) {
			struct instruction *x = &r->program[now[--n_now]];

			if (x->depth <= depth)
				continue;
			x->depth = depth;
			if (x->next && x->set)
				later[n_later++] = x->next;
			else if (x->next)
				now[n_now++] = x->next;
			if (x->alt)
				now[n_now++] = x->alt;
		}
		other = now;
		now = later;
		later = other;
		n_now = n_later;
		n_later = 0;
	}
}

/* Whether a walk that comes there need not go on. */
static bool is_end(const struct resolver *r, unsigned at)
{
	return at == END || (r->program[at].set && r->program[at].depth >= r->limit);
}

/* Lists what is reached from an instruction by forks alone, once each. */
static void reach(struct resolver *r, struct gp_nfa *n, unsigned from)
{
	struct instruction *start = &r->program[from];
	unsigned top = 0, begin = (unsigned)n->follows.len;

	if (start->is_known)
		return;
	r->stack[top++] = from;
	r->stamp++;
	while (top) {
		unsigned at = r->stack[--top];
		const struct instruction *x = &r->program[at];

		if (r->mark[at] == r->stamp)
			continue;
		r->mark[at] = r->stamp;
		if (is_end(r, at)) { /* nothing more is of interest */
			n->follows.len = begin;
			*gp_vec_push(n->arena, &n->follows) = r->program[END].node;
			break;
		}
		if (x->set) {
			*gp_vec_push(n->arena, &n->follows) = x->node;
			continue;
		}
		if (x->alt)
			r->stack[top++] = x->alt;
		if (x->next)
			r->stack[top++] = x->next;
	}
	start->follow = begin;
	start->n_follow = (unsigned)n->follows.len - begin;
	start->is_known = true;
}

static void resolve(struct resolver *r, struct gp_nfa *n, unsigned entry, unsigned pattern)
{
	for (size_t i = END; i < r->len; i++) {
		struct instruction *x = &r->program[i];

		if (i != END && (!x->set || x->depth >= r->limit))
			continue;
		x->node = (unsigned)n->nodes.len;
		*gp_vec_push(n->arena, &n->nodes) =
			(struct gp_nfa_node){.is_end = i == END, .pattern = pattern};
		if (x->set)
			n->nodes.items[x->node].set = *x->set;
	}
	reach(r, n, entry);
	for (unsigned i = 0; i < r->program[entry].n_follow; i++)
		*gp_vec_push(n->arena, &n->starts) =
			n->follows.items[r->program[entry].follow + i];
	for (size_t i = END + 1; i < r->len; i++) {
		const struct instruction *x = &r->program[i];

		if (!x->set || x->depth >= r->limit)
			continue;
		reach(r, n, x->next);
		n->nodes.items[x->node].follow = r->program[x->next].follow;
		n->nodes.items[x->node].n_follow = r->program[x->next].n_follow;
	}
}

bool gp_nfa_add(struct gp_nfa *n, const struct gp_tree *tree, unsigned pattern, unsigned depth,
		bool keeps_start)
{
	struct gp_arena *a;
	struct writer w = {0};
	struct resolver r = {.limit = depth};
	size_t nodes = n->nodes.len, follows = n->follows.len, starts = n->starts.len;
	unsigned entry;
	bool is_good;

	if (tree->width == 0)
		return false;
	w.arena = a = gp_arena_new(64u << 10);
	put(&w, NULL, 0, 0);
	put(&w, NULL, 0, 0);
	entry = write(&w, tree, END, !keeps_start);
	is_good = !w.is_full;
	if (is_good) {
		r.program = w.program.items;
		r.len = w.program.len;
		r.mark = GP_ARENA_NEW_N(a, r.len, unsigned);
		r.stack = GP_ARENA_NEW_N(a, 4 * r.len + 4, unsigned);
		find_depths(&r, entry);
		resolve(&r, n, entry, pattern);
		is_good = n->nodes.len <= GP_NFA_NODES_MAX && n->follows.len <= GP_NFA_FOLLOWS_MAX;
	}
	if (!is_good) {
		n->nodes.len = nodes;
		n->follows.len = follows;
		n->starts.len = starts;
	}
	gp_arena_free(a);
	return is_good;
}

static unsigned span_sum(unsigned a, uint64_t b)
{
	return a + b > GP_TREE_WIDTH_MAX ? GP_TREE_INF : (unsigned)(a + b);
}

unsigned gp_nfa_span(const struct gp_tree *t, unsigned depth)
{
	unsigned span = 0;

	switch (t->kind) {
	case GP_TREE_EMPTY:
	case GP_TREE_SET:
		return t->longest;
	case GP_TREE_CAT:
		for (size_t i = 0; i < t->kids.len && depth; i++) {
			const struct gp_tree *kid = t->kids.items[i];
			bool goes_on = kid->width < depth;

			span = span_sum(span, goes_on ? kid->longest : gp_nfa_span(kid, depth));
			depth = goes_on ? depth - kid->width : 0;
		}
		return span;
	case GP_TREE_ALT:
		for (size_t i = 0; i < t->kids.len; i++)
			span = GP_MAX(span, gp_nfa_span(t->kids.items[i], depth));
		return span;
	case GP_TREE_REPEAT: /* if not cut off in the copies that must be, all others may be passed */
		if (t->width < depth || t->kids.items[0]->width == 0)
			return t->longest;
		return span_sum(0, (uint64_t)t->kids.items[0]->longest *
					   (depth / t->kids.items[0]->width + 1));
	}
	return GP_TREE_INF;
}
