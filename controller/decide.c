/*
 * What a message will change: in which scopes it is learned, as what it is known there,
 * and whether it is learned at all.
 */
#include <string.h>

#include "controller/learner_int.h"
#include "lib/base/log.h"

enum gp_bayes_class learner_class(uint8_t class)
{
	return class == GP_LEARN_SPAM  ? GP_BAYES_SPAM
	       : class == GP_LEARN_HAM ? GP_BAYES_HAM
				       : GP_BAYES_NONE;
}

/* Of several scopes the first that changes speaks for the message. */
enum gp_learn_outcome learner_outcome(const struct lesson *l)
{
	if (l->refusal != LESSON_TAKEN)
		return GP_LEARN_FAILED;
	for (size_t i = 0; i < l->n_scopes; i++) {
		const struct lesson_scope *s = &l->scopes[i];

		if (s->before == s->after)
			continue;
		if (s->after == GP_BAYES_NONE)
			return GP_LEARN_REMOVED;
		return s->before == GP_BAYES_NONE ? GP_LEARN_NEW : GP_LEARN_MOVED;
	}
	return l->class == GP_LEARN_UNLEARN ? GP_LEARN_UNKNOWN : GP_LEARN_SAME;
}

/* A property of the message alone. */
static enum lesson_refusal look_at(const struct pupil *p, const struct gp_conf_learn *conf)
{
	if (p->result != WORKER_OK || !p->has_facts || !p->facts.is_message)
		return LESSON_UNREADABLE;
	if (p->record.class == GP_LEARN_UNLEARN)
		return LESSON_TAKEN; /* what was learned once is unlearned whatever it is */
	if (p->facts.words < (uint32_t)conf->words_min)
		return LESSON_SHORT;
	if (conf->scanned_only && !p->facts.is_scanned)
		return LESSON_UNSCANNED;
	return LESSON_TAKEN;
}

/* Who may teach only himself teaches the scope of his own alone: the last one, unless that
 * is everybody's or a domain's because bayes.scope has changed meanwhile. */
static void find_scopes(const struct journal_record *r, const struct gp_conf_bayes *conf,
			struct lesson *lesson)
{
	struct gp_bayes_scopes scopes;
	size_t from = 0;

	gp_bayes_scopes_of(conf, r->user, &scopes);
	if (r->is_own_only)
		from = strchr("@", scopes.names[scopes.n - 1][0]) ? scopes.n : scopes.n - 1;
	for (size_t i = from; i < scopes.n; i++)
		memcpy(lesson->scopes[lesson->n_scopes++].name, scopes.names[i],
		       sizeof(scopes.names[i]));
}

/* Would it make a class still larger that is far ahead?  The administrator's own teaching,
 * in nobody's name, is not held back. */
static int is_unbalanced(struct ledger *ledger, const struct lesson *lesson,
			 const struct gp_conf_learn *conf, bool *ret)
{
	enum gp_bayes_class class = learner_class(lesson->class);
	struct gp_bayes_totals totals;
	uint64_t own, other;
	int r;

	*ret = false;
	if (conf->balance_max <= 0 || lesson->user.len == 0 || class == GP_BAYES_NONE ||
	    lesson->scopes[0].before != GP_BAYES_NONE)
		return GP_OK;
	r = ledger_totals(ledger, lesson->scopes[0].name, &totals);
	if (r < 0)
		return r;
	own = class == GP_BAYES_SPAM ? totals.spam : totals.ham;
	other = class == GP_BAYES_SPAM ? totals.ham : totals.spam;
	*ret = own >= (uint64_t)conf->balance_from &&
	       (double)own >= conf->balance_max * (double)other;
	return GP_OK;
}

/* Fills in what the message is known as, and which lesson's tokens made it that. */
static int find_before(struct learner *l, struct ledger *ledger, struct lesson *lesson)
{
	for (size_t i = 0; i < lesson->n_scopes; i++) {
		struct lesson_scope *s = &lesson->scopes[i];
		int r = ledger_seen(ledger, s->name, lesson->digest, &s->before);

		if (r < 0)
			return r;
		s->after = learner_class(lesson->class);
		if (s->before == s->after || s->before == GP_BAYES_NONE)
			continue;
		s->old = lessons_find(l->o.lessons, lesson->digest, s->name, s->before, l->arena);
	}
	return GP_OK;
}

/* For the balance that the next ones find. */
static void note(struct ledger *ledger, const struct lesson *lesson)
{
	static const struct ledger_tokens none;

	for (size_t i = 0; i < lesson->n_scopes; i++)
		ledger_change(ledger, lesson->scopes[i].name, lesson->digest,
			      lesson->scopes[i].before, lesson->scopes[i].after, &none, NULL);
}

static int decide(struct learner *l, struct ledger *ledger, const struct gp_snapshot *snap,
		  size_t at)
{
	const struct gp_conf_learn *conf = gp_snapshot_get(snap, &gp_conf_learn_table);
	struct pupil *p = &l->pupils[at];
	struct lesson *lesson = &p->lesson;
	bool unbalanced = false;
	int r;

	p->is_logged = lessons_get(l->o.lessons, p->record.number, l->arena, lesson) == GP_OK;
	p->is_fresh = !p->is_logged;
	if (p->is_logged) {
		note(ledger, lesson);
		return GP_OK;
	}
	*lesson = (struct lesson){.number = p->record.number, .time_s = p->record.time_s,
				  .uid = p->record.uid, .class = p->record.class,
				  .user = p->record.user, .origin = p->record.origin};
	if (p->has_facts) {
		memcpy(lesson->digest, p->facts.digest, sizeof(lesson->digest));
		lesson->message_id = gp_str(p->facts.message_id);
	}
	lesson->refusal = look_at(p, conf);
	if (lesson->refusal != LESSON_TAKEN)
		return GP_OK;
	find_scopes(&p->record, gp_snapshot_get(snap, &gp_conf_bayes_table), lesson);
	r = find_before(l, ledger, lesson);
	if (r == GP_OK)
		r = is_unbalanced(ledger, lesson, conf, &unbalanced);
	if (r < 0)
		return r;
	if (unbalanced) {
		lesson->refusal = LESSON_UNBALANCED;
		lesson->n_scopes = 0;
		return GP_OK;
	}
	lesson->tokens = p->facts.tokens;
	lesson->n_tokens = p->facts.n_tokens;
	note(ledger, lesson);
	return GP_OK;
}

int learner_decide(struct learner *l, const struct gp_snapshot *snap)
{
	/* It collects what the lessons will change, and is thrown away. */
	struct ledger ledger = {.store = l->o.store, .arena = l->arena, .diag = &l->why};
	int r = GP_OK;

	for (size_t i = l->from; r == GP_OK && i < l->until; i++)
		r = decide(l, &ledger, snap, i);
	return r;
}

/* Tokens that a message was learned with; its own of now when nobody knows any more. */
static const struct ledger_tokens *old_tokens(struct learner *l, uint64_t number)
{
	struct ledger_tokens *tokens;
	struct lesson old;

	if (!number || lessons_get(l->o.lessons, number, l->arena, &old) < 0)
		return NULL;
	tokens = GP_ARENA_NEW(l->arena, struct ledger_tokens);
	*tokens = (struct ledger_tokens){old.tokens, old.n_tokens};
	return tokens;
}

int learner_collect(struct learner *l, struct ledger *ledger, const struct lesson *lesson,
		    bool is_fresh)
{
	struct ledger_tokens now = {lesson->tokens, lesson->n_tokens};

	for (size_t i = 0; i < lesson->n_scopes; i++) {
		const struct lesson_scope *s = &lesson->scopes[i];
		enum gp_bayes_class is = s->before;
		int r = GP_OK;

		if (s->before == s->after)
			continue;
		if (!is_fresh)
			r = ledger_seen(ledger, s->name, lesson->digest, &is);
		if (r < 0)
			return r;
		if (is == s->before) /* else it is made already, or undone again */
			ledger_change(ledger, s->name, lesson->digest, s->before, s->after, &now,
				      old_tokens(l, s->old));
	}
	return GP_OK;
}
