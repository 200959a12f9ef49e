/*
 * Taking back what a user taught: every lesson of his since a time, the newest first.
 *
 * A lesson is taken back where the message still is what the lesson made it; where somebody
 * has taught otherwise since, that stands.  Token for token, what the lesson took out is
 * put in again, and the other way round.  Which lessons it is, is written to the log
 * first: after a crash the same ones are gone through again.
 */
#include <string.h>

#include "controller/learner_int.h"
#include "lib/base/mem.h"

#define STEP 32 /* lessons whose tokens are in memory at a time */

struct list {
	uint64_t *numbers;
	size_t n, cap;
};

/* Is this one of those that the undo is about?  A replay is about what it was about. */
static bool is_meant(const struct lesson *l, const struct journal_record *undo)
{
	if (l->undone)
		return l->undone == undo->number;
	if (learner_outcome(l) == GP_LEARN_FAILED || learner_outcome(l) == GP_LEARN_SAME ||
	    learner_outcome(l) == GP_LEARN_UNKNOWN)
		return false;
	return undo->is_everybodys || gp_str_eq(l->user, undo->user);
}

static void find_lessons(struct learner *l, const struct journal_record *undo, struct list *ret)
{
	struct gp_arena *arena = gp_arena_new(1 << 16);
	uint64_t number = undo->number;
	struct lesson lesson;

	while ((number = lessons_before(l->o.lessons, number, undo->since_s)) != 0) {
		if (lessons_get(l->o.lessons, number, arena, &lesson) == GP_OK &&
		    is_meant(&lesson, undo)) {
			if (ret->n == ret->cap) {
				ret->cap = ret->cap ? 2 * ret->cap : 64;
				ret->numbers = gp_xreallocarray(ret->numbers, ret->cap,
								sizeof(*ret->numbers));
			}
			ret->numbers[ret->n++] = number;
		}
		gp_arena_reset(arena);
	}
	gp_arena_free(arena);
}

/* Collects what takes one lesson back; *ret_is_undone says whether anything was to be done or
 * had been already. */
static int take_back(struct learner *l, struct ledger *ledger, const struct lesson *lesson,
		     bool *ret_is_undone)
{
	struct ledger_tokens own = {lesson->tokens, lesson->n_tokens};

	*ret_is_undone = false;
	for (size_t i = 0; i < lesson->n_scopes; i++) {
		const struct lesson_scope *s = &lesson->scopes[i];
		struct ledger_tokens put_in = own;
		enum gp_bayes_class is;
		struct lesson old;
		int r;

		if (s->before == s->after)
			continue;
		r = ledger_seen(ledger, s->name, lesson->digest, &is);
		if (r < 0)
			return r;
		*ret_is_undone |= is == s->after || is == s->before;
		if (is != s->after)
			continue;
		if (s->old && lessons_get(l->o.lessons, s->old, l->arena, &old) == GP_OK)
			put_in = (struct ledger_tokens){old.tokens, old.n_tokens};
		ledger_change(ledger, s->name, lesson->digest, s->after, s->before, &put_in, &own);
	}
	return GP_OK;
}

static int undo_step(struct learner *l, const uint64_t *numbers, size_t n, struct learner_result *ret)
{
	struct ledger ledger = {.store = l->o.store, .diag = &l->why};
	uint64_t undone = 0;
	int r = GP_OK;

	gp_arena_reset(l->arena);
	ledger.arena = l->arena;
	for (size_t i = 0; r == GP_OK && i < n; i++) {
		struct lesson lesson;
		bool is_undone = false;

		if (lessons_get(l->o.lessons, numbers[i], l->arena, &lesson) == GP_OK)
			r = take_back(l, &ledger, &lesson, &is_undone);
		undone += is_undone;
	}
	if (r == GP_OK)
		r = ledger_commit(&ledger);
	if (r == GP_OK) {
		ret->undone += undone;
		ret->kept += n - undone;
	}
	return r;
}

int learner_undo(struct learner *l, const struct journal_record *record, struct learner_result *ret)
{
	struct list list = {0};
	int r = GP_OK;

	ret->undone = ret->kept = 0;
	find_lessons(l, record, &list);
	if (list.n > 0 && lessons_last(l->o.lessons) < record->number)
		r = lessons_append_undone(l->o.lessons, record->number, list.numbers, list.n, &l->why);
	for (size_t at = 0; r == GP_OK && at < list.n; at += STEP)
		r = undo_step(l, list.numbers + at, GP_MIN(list.n - at, (size_t)STEP), ret);
	gp_freep(&list.numbers);
	return r;
}
