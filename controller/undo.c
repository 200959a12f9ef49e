/*
 * Taking back what a user taught: every lesson of his since a time, the newest first.
 *
 * A lesson is taken back where the message still is what the lesson made it; where somebody
 * has taught otherwise since, that stands, and so it does where another user has taught the
 * same since: that changed nothing only because it was so already.  Token for token, what the lesson took out is
 * put in again, and the other way round.
 *
 * What it comes to for each message is a plan, made before anything is changed, and written
 * to the log: after a crash it is gone through again, and a message that is as planned
 * already is left alone.  (Of one that ends as the class that it is, with other tokens,
 * this cannot be seen: a crash in that moment costs a count in these tokens.)
 */
#include <stdlib.h>
#include <string.h>

#include "controller/learner_int.h"
#include "lib/base/log.h"
#include "lib/base/map.h"

#define STEP 32 /* messages whose tokens are in memory at a time */
#define PLAN_MAX ((size_t)60 << 20)

/* What becomes of a message in a scope.  On disk: this, then the scope's name. */
struct step {
	unsigned char digest[GP_SHA256_SIZE];
	uint64_t take, put; /* lessons whose tokens are taken out, put in; put 0: as taken out */
	uint8_t from, to, is_begun, scope_len;
	uint32_t pad;
};

struct plan {
	struct gp_arena *arena;
	struct gp_map index; /* from scope and digest to a step */
	struct gp_map agreed; /* … to the class as which another user taught it too, after */
	GP_VEC(struct step *) steps;
	GP_VEC(uint64_t) lessons; /* that are taken back */
	uint64_t kept, idle; /* lessons: not taken back; taken back, that had changed nothing */
};

struct plan_head {
	uint64_t kept, lessons, steps;
};

/* Making it. */

/* Nothing of it is in everybody's memory or a domain's. */
static bool is_all_own(const struct lesson *l)
{
	for (size_t i = 0; i < l->n_scopes; i++)
		if (strchr("@", l->scopes[i].name[0])) /* "" as well */
			return false;
	return true;
}

/* Who may change only his own memory takes back nothing that he taught others through someone
 * who may (Dovecot). */
static bool is_meant(const struct lesson *l, const struct journal_record *undo)
{
	if (undo->is_own_only && !is_all_own(l))
		return false;
	return undo->is_everybodys || gp_str_eq(l->user, undo->user);
}

static struct gp_str key_of(struct plan *plan, const struct lesson *lesson, const char *scope)
{
	size_t len = strlen(scope) + GP_SHA256_SIZE;
	char *key = gp_arena_alloc(plan->arena, len);

	memcpy(key, lesson->digest, GP_SHA256_SIZE);
	memcpy(key + GP_SHA256_SIZE, scope, strlen(scope));
	return gp_str_n(key, len);
}

/* Another's lesson, newer than those of the user that come: what he said of the message last. */
static void note_agreed(struct plan *plan, const struct lesson *lesson)
{
	if (learner_outcome(lesson) != GP_LEARN_SAME)
		return;
	for (size_t i = 0; i < lesson->n_scopes; i++) {
		struct gp_str key = key_of(plan, lesson, lesson->scopes[i].name);
		uint8_t *class = GP_ARENA_NEW(plan->arena, uint8_t);

		*class = (uint8_t)lesson->scopes[i].after;
		if (!gp_map_get(&plan->agreed, key))
			gp_map_set(&plan->agreed, key, class);
	}
}

static bool is_agreed(struct plan *plan, const struct lesson *lesson,
		      const struct lesson_scope *scope)
{
	const uint8_t *class = gp_map_get(&plan->agreed, key_of(plan, lesson, scope->name));

	return class && *class == (uint8_t)scope->after;
}

static const char *scope_of(const struct step *s)
{
	return (const char *)(s + 1);
}

/* The step of a message in a scope, new if there is none; its `to` is what the message is,
 * as far as the plan is made. */
static int find_step(struct learner *l, struct plan *plan, const struct lesson *lesson,
		     const char *scope, struct step **ret)
{
	struct ledger ledger = {.store = l->o.store, .arena = plan->arena, .diag = &l->why};
	struct gp_str key = key_of(plan, lesson, scope);
	enum gp_bayes_class is;
	struct step *s;
	int r;

	*ret = gp_map_get(&plan->index, key);
	if (*ret)
		return GP_OK;
	r = ledger_seen(&ledger, scope, lesson->digest, &is);
	if (r < 0)
		return r;
	s = gp_arena_zalloc(plan->arena, sizeof(*s) + strlen(scope) + 1);
	memcpy(s->digest, lesson->digest, sizeof(s->digest));
	memcpy(s + 1, scope, strlen(scope) + 1);
	s->scope_len = (uint8_t)strlen(scope);
	s->from = s->to = (uint8_t)is;
	gp_map_set(&plan->index, key, s);
	*gp_vec_push(plan->arena, &plan->steps) = s;
	*ret = s;
	return GP_OK;
}

/* One lesson, older than those before it. */
static int plan_lesson(struct learner *l, struct plan *plan, const struct lesson *lesson)
{
	bool is_taken_back = false;

	for (size_t i = 0; i < lesson->n_scopes; i++) {
		const struct lesson_scope *scope = &lesson->scopes[i];
		struct step *s;
		int r;

		if (scope->before == scope->after)
			continue;
		r = find_step(l, plan, lesson, scope->name, &s);
		if (r < 0)
			return r;
		if (s->to != (uint8_t)scope->after || is_agreed(plan, lesson, scope))
			continue;
		if (!s->is_begun)
			s->take = lesson->number;
		s->is_begun = 1;
		s->to = (uint8_t)scope->before;
		s->put = scope->old ? scope->old : lesson->number;
		is_taken_back = true;
	}
	if (is_taken_back)
		*gp_vec_push(plan->arena, &plan->lessons) = lesson->number;
	else
		plan->kept++;
	return GP_OK;
}

/* Nothing to take back, but who taught it no longer stands by it. */
static void plan_idle(struct plan *plan, const struct lesson *lesson)
{
	*gp_vec_push(plan->arena, &plan->lessons) = lesson->number;
	plan->idle++;
}

static int plan_any(struct learner *l, const struct journal_record *undo, struct plan *plan,
		    const struct lesson *lesson)
{
	enum gp_learn_outcome outcome = learner_outcome(lesson);

	if (lesson->undone || outcome == GP_LEARN_FAILED || outcome == GP_LEARN_UNKNOWN)
		return GP_OK;
	if (!is_meant(lesson, undo))
		note_agreed(plan, lesson);
	else if (outcome == GP_LEARN_SAME)
		plan_idle(plan, lesson);
	else
		return plan_lesson(l, plan, lesson);
	return GP_OK;
}

static int make_plan(struct learner *l, const struct journal_record *undo, struct plan *plan)
{
	uint64_t number = undo->number;
	struct lesson lesson;
	int r = GP_OK;

	while (r == GP_OK &&
	       (number = lessons_before(l->o.lessons, number, undo->since_s)) != 0) {
		gp_arena_reset(l->arena);
		if (lessons_get(l->o.lessons, number, l->arena, &lesson) == GP_OK)
			r = plan_any(l, undo, plan, &lesson);
	}
	return r;
}

/* On disk and back. */

static int write_plan(struct learner *l, uint64_t number, const struct plan *plan)
{
	struct plan_head head = {plan->kept, plan->lessons.len - plan->idle, plan->steps.len};
	GP_BUF_AUTO out = GP_BUF_INIT(PLAN_MAX);

	gp_buf_add(&out, &head, sizeof(head));
	for (size_t i = 0; i < plan->steps.len; i++) {
		gp_buf_add(&out, plan->steps.items[i], sizeof(struct step));
		gp_buf_add(&out, scope_of(plan->steps.items[i]), plan->steps.items[i]->scope_len);
	}
	return gp_buf_error(&out) ? GP_ELIMIT
				  : lessons_append_undone(l->o.lessons, number,
							  plan->lessons.items, plan->lessons.len,
							  gp_buf_str(&out), &l->why);
}

static int read_plan(struct gp_str bytes, struct plan *plan, uint64_t *ret_undone)
{
	struct plan_head head;
	size_t at = sizeof(head);

	if (bytes.len < sizeof(head))
		return GP_EINVAL;
	memcpy(&head, bytes.ptr, sizeof(head));
	for (uint64_t i = 0; i < head.steps; i++) {
		struct step fixed, *s;

		if (bytes.len - at < sizeof(fixed))
			return GP_EINVAL;
		memcpy(&fixed, bytes.ptr + at, sizeof(fixed));
		at += sizeof(fixed);
		if (bytes.len - at < fixed.scope_len)
			return GP_EINVAL;
		s = gp_arena_zalloc(plan->arena, sizeof(*s) + fixed.scope_len + 1u);
		*s = fixed;
		memcpy(s + 1, bytes.ptr + at, fixed.scope_len);
		at += fixed.scope_len;
		*gp_vec_push(plan->arena, &plan->steps) = s;
	}
	plan->kept = head.kept;
	*ret_undone = head.lessons;
	return GP_OK;
}

/* Doing it. */

static void get_tokens(struct learner *l, uint64_t number, struct ledger_tokens *ret)
{
	struct lesson lesson;

	if (number && lessons_get(l->o.lessons, number, l->arena, &lesson) == GP_OK)
		*ret = (struct ledger_tokens){lesson.tokens, lesson.n_tokens};
}

static int do_steps(struct learner *l, struct step *const *steps, size_t n)
{
	struct ledger ledger = {.store = l->o.store, .diag = &l->why};
	int r = GP_OK;

	gp_arena_reset(l->arena);
	ledger.arena = l->arena;
	for (size_t i = 0; r == GP_OK && i < n; i++) {
		const struct step *s = steps[i];
		struct ledger_tokens take = {0}, put;
		enum gp_bayes_class is;

		r = ledger_seen(&ledger, scope_of(s), s->digest, &is);
		if (r < 0 || !s->is_begun || is != (enum gp_bayes_class)s->from)
			continue;
		get_tokens(l, s->take, &take);
		put = take; /* for a lesson that the log has dropped */
		get_tokens(l, s->put, &put);
		ledger_replace(&ledger, scope_of(s), s->digest, s->from, s->to, &take, &put);
	}
	return r == GP_OK ? ledger_commit(&ledger) : r;
}

static int do_plan(struct learner *l, const struct plan *plan)
{
	int r = GP_OK;

	for (size_t at = 0; r == GP_OK && at < plan->steps.len; at += STEP)
		r = do_steps(l, plan->steps.items + at, GP_MIN(plan->steps.len - at, (size_t)STEP));
	return r;
}

int learner_undo(struct learner *l, const struct journal_record *record, struct learner_result *ret)
{
	struct plan plan = {.arena = gp_arena_new(1 << 16)};
	GP_BUF_AUTO old = GP_BUF_INIT(PLAN_MAX);
	uint64_t undone;
	int r;

	gp_map_init(&plan.index, plan.arena, false);
	gp_map_init(&plan.agreed, plan.arena, false);
	if (lessons_get_undone(l->o.lessons, record->number, &old) == GP_OK) {
		r = read_plan(gp_buf_str(&old), &plan, &undone);
	} else {
		r = make_plan(l, record, &plan);
		undone = plan.lessons.len - plan.idle;
		if (r == GP_OK && plan.lessons.len > 0)
			r = write_plan(l, record->number, &plan);
	}
	if (r == GP_ELIMIT) { /* trying again would not help */
		gp_log_error("an undo of %llu lessons is too large: take back less at a time",
			     (unsigned long long)undone);
		r = GP_OK;
		plan.kept += undone;
		undone = 0;
	} else if (r == GP_OK) {
		r = do_plan(l, &plan);
	}
	ret->undone = undone;
	ret->kept = plan.kept;
	gp_arena_free(plan.arena);
	return r;
}
