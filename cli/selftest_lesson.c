/*
 * The self-test's steps with the controller and the store.
 *
 * Counts are compared exactly where nobody else taught meanwhile, which the controller's log
 * tells; else only the canary's own lesson is looked at.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/selftest.h"
#include "lib/base/clock.h"

#define POLL_MS 50
#define DIAGNOSE_MS 3000 /* after the time was up, to find out why */
#define SETTLE_MS 3000	 /* from the log to the store */
#define STORE_MS 5000
#define ROWS_OWN 200	/* of one user since the test began */
#define ROWS_ALL 5000	/* of everybody in OLD_S */
#define OLD_S (14 * 86400)

/* Questions. */

typedef void row_fn(struct selftest *t, const json_t *row, void *arg);

static int lost(struct selftest *t, const char *doing, struct gp_diag *diag)
{
	gp_diag_prepend(diag, "controller: %s", doing);
	t->remedy = "does gatepost-controller hang, is it overloaded, was it stopped? Its log tells";
	return GP_ETEMP;
}

static int answered(struct selftest *t, const struct gp_learn_frame *f, struct gp_diag *diag)
{
	if (f->type == GP_LEARN_ANSWER && f->code == GP_LEARN_QUEUED)
		return GP_OK;
	gp_diag_set(diag, "the controller refuses: %.*s",
		    GP_STR_FMT(gp_str_n(f->text.data, f->text.len)));
	t->remedy = "run this as root, or as a user of learn.trusted_uids";
	return GP_EACCES;
}

static int query(struct selftest *t, enum gp_learn_verb verb, const char *user, int64_t since,
		 uint32_t max, row_fn *row, void *arg, struct gp_diag *diag)
{
	struct gp_learn_frame f;

	learn_link_query(&t->link, ++t->link.next_id, verb, gp_str(user), since, max);
	for (;;) {
		json_t *json;

		if (learn_link_next(&t->link, &f, diag) < 0)
			return lost(t, "question", diag);
		if (f.type == GP_LEARN_RESULT)
			continue;
		if (f.type != GP_LEARN_ROW)
			return answered(t, &f, diag);
		json = json_loadb(f.text.data, f.text.len, 0, NULL);
		if (json)
			row(t, json, arg);
		json_decref(json);
	}
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static uint64_t number_of(const json_t *row)
{
	return (uint64_t)json_integer_value(json_object_get(row, "lesson"));
}

struct status {
	bool is_held;
	int64_t denied, waiting;
	char why[200];
};

static void status_row(struct selftest *t, const json_t *row, void *arg)
{
	struct status *s = arg;

	(void)t;
	s->is_held = json_is_true(json_object_get(row, "held"));
	s->denied = json_integer_value(json_object_get(row, "denied"));
	s->waiting = json_integer_value(json_object_get(row, "waiting"));
	snprintf(s->why, sizeof(s->why), "%s", text_of(row, "why"));
}

static void newest_row(struct selftest *t, const json_t *row, void *arg)
{
	(void)arg;
	t->newest = GP_MAX(t->newest, number_of(row));
}

static void no_row(struct selftest *t, const json_t *row, void *arg)
{
	(void)t;
	(void)row;
	(void)arg;
}

static int say_held(struct selftest *t, const struct status *s, struct gp_diag *diag)
{
	gp_diag_set(diag, "the controller cannot learn: %s", s->why);
	t->remedy = "is the store up, and is there room on the disk? See \"gatepost stat\"";
	return GP_ETEMP;
}

int selftest_controller(struct selftest *t, struct gp_diag *diag)
{
	struct status s = {.why = ""};
	int r = learn_link_open(t->snap, &t->wait, &t->link, diag);

	if (r == GP_ETEMP)
		return lost(t, "greeting", diag);
	t->remedy = "is gatepost-controller running? systemctl status gatepost-controller";
	if (r < 0)
		return r;
	t->has_link = true;
	r = query(t, GP_LEARN_STATUS, "", 0, 0, status_row, &s, diag);
	if (r == GP_OK) /* may this process ask about that user, and teach for him? */
		r = query(t, GP_LEARN_LOG, t->o->user, 0, 1, no_row, NULL, diag);
	if (r == GP_OK)
		r = query(t, GP_LEARN_LOG, "", 0, 1, newest_row, NULL, diag);
	if (r == GP_OK && s.is_held)
		r = say_held(t, &s, diag);
	t->denied = s.denied;
	return r;
}

/* Counts. */

static int read_counts(struct selftest *t, struct selftest_counts *ret, struct gp_diag *diag)
{
	struct gp_store *store = NULL; /* a new one each time: it keeps counts for a while */
	int r = GP_OK;

	t->remedy = "is the store of gatepost.conf up? See \"gatepost stat\"";
	*ret = (struct selftest_counts){0};
	if (gp_cli_open_store(t->snap, 0, &store) != 0) {
		gp_diag_set(diag, "the store cannot be opened");
		return GP_ETEMP;
	}
	for (size_t i = 0; i < t->scopes.n && r == GP_OK; i++) {
		r = gp_store_bayes_totals(store, gp_str(t->scopes.names[i]),
					  gp_clock_mono_ms() + STORE_MS, &ret->totals[i]);
		if (r == GP_ENOENT)
			r = GP_OK; /* nothing was learned there yet */
	}
	if (r < 0) {
		gp_store_last_error(store, diag);
		gp_diag_prepend(diag, "store");
	}
	gp_store_close(&store);
	return r;
}

int selftest_count(struct selftest *t, struct gp_diag *diag)
{
	const struct gp_bayes_totals *first = &t->before.totals[0];
	int r;

	gp_bayes_scopes_of(gp_snapshot_get(t->snap, &gp_conf_bayes_table), gp_str(t->o->user), &t->scopes);
	/* What was taught until here is learned, or it would be taken for the canary's doing. */
	r = query(t, GP_LEARN_SYNC, "", 0, 0, no_row, NULL, diag);
	if (r == GP_OK)
		r = query(t, GP_LEARN_LOG, "", 0, 1, newest_row, NULL, diag);
	if (r == GP_OK)
		r = read_counts(t, &t->before, diag);
	snprintf(t->detail, sizeof(t->detail), "%" PRIu64 " spam, %" PRIu64 " ham, %" PRIu64 " tokens",
		 first->spam, first->ham, first->tokens);
	return r;
}

static void others_row(struct selftest *t, const json_t *row, void *arg)
{
	bool *is_noisy = arg;

	if (number_of(row) > t->newest &&
	    !gp_str_eq(gp_str(text_of(row, "message_id")), gp_str(t->message_id)))
		*is_noisy = true;
}

static bool are_counts(const struct selftest *t, const struct selftest_counts *now, uint64_t more)
{
	for (size_t i = 0; i < t->scopes.n; i++) {
		const struct gp_bayes_totals *a = &t->before.totals[i], *b = &now->totals[i];

		/* Old tokens may be forgotten meanwhile. */
		if (b->spam != a->spam + more || b->ham != a->ham || (!more && b->tokens > a->tokens))
			return false;
	}
	return true;
}

/* In all scopes: so many spam more than before, and all else as it was. */
static int expect_counts(struct selftest *t, uint64_t more, struct gp_diag *diag)
{
	int64_t until_ms = gp_clock_mono_ms() + SETTLE_MS;
	struct selftest_counts now;
	bool is_noisy = false;
	int r;

	for (;;) {
		r = read_counts(t, &now, diag);
		if (r < 0)
			return r;
		snprintf(t->detail, sizeof(t->detail),
			 "%" PRIu64 " spam, %" PRIu64 " ham, %" PRIu64 " tokens", now.totals[0].spam,
			 now.totals[0].ham, now.totals[0].tokens);
		if (are_counts(t, &now, more))
			return GP_OK;
		if (gp_clock_mono_ms() >= until_ms)
			break;
		r = cli_wait_ms(&t->wait, POLL_MS, diag);
		if (r < 0)
			return r;
	}
	r = query(t, GP_LEARN_LOG, "", t->began_s, ROWS_ALL, others_row, &is_noisy, diag);
	if (r < 0)
		return r;
	if (is_noisy) {
		snprintf(t->detail, sizeof(t->detail), "others taught meanwhile: counts not compared");
		return GP_OK;
	}
	gp_diag_set(diag, "the counts are %s; there were %" PRIu64 " spam, %" PRIu64 " ham, %" PRIu64
			  " tokens before", t->detail, t->before.totals[0].spam,
		    t->before.totals[0].ham, t->before.totals[0].tokens);
	t->remedy = "do the controller and this command read the same gatepost.conf, and is the controller the "
		    "store's only writer?";
	return GP_EINVAL;
}

/* The lesson. */

static void canary_row(struct selftest *t, const json_t *row, void *arg)
{
	struct selftest_lesson *l = arg;

	if (!gp_str_eq(gp_str(text_of(row, "message_id")), gp_str(t->message_id)))
		return;
	/* Rows come newest first: what stays is the first lesson. */
	l->number = number_of(row);
	l->times++;
	snprintf(l->user, sizeof(l->user), "%s", text_of(row, "user"));
	snprintf(l->class, sizeof(l->class), "%s", text_of(row, "class"));
	snprintf(l->outcome, sizeof(l->outcome), "%s", text_of(row, "outcome"));
	snprintf(l->reason, sizeof(l->reason), "%s", text_of(row, "reason"));
}

/* The time is up, and there is no lesson: why? */
static int say_not_taught(struct selftest *t, struct gp_diag *diag)
{
	struct status s = {.why = ""};
	struct gp_diag none;
	int r;

	t->wait.deadline_ms = gp_clock_mono_ms() + DIAGNOSE_MS;
	r = query(t, GP_LEARN_STATUS, "", 0, 0, status_row, &s, diag);
	if (r < 0)
		return r;
	if (s.is_held)
		return say_held(t, &s, diag);
	if (s.denied > t->denied) {
		gp_diag_set(diag, "the controller denied what the user's IMAP session taught");
		t->remedy = "put the user whose uid Dovecot's mail sessions have into learn.trusted_uids; where "
			    "each mail user has a uid of his own: learn.untrusted = \"shared\"";
		return GP_EACCES;
	}
	if (s.waiting > 0) {
		gp_diag_set(diag, "%" PRId64 " lessons wait in the controller's queue", s.waiting);
		t->remedy = "give it more time (--timeout); is gatepost-controller overloaded?";
		return GP_ETEMP;
	}
	if (query(t, GP_LEARN_LOG, "", t->began_s, ROWS_ALL, canary_row, &t->lesson, &none) == GP_OK &&
	    t->lesson.number) {
		gp_diag_set(diag, "it was taught in the name of %s, not of %s", t->lesson.user, t->o->user);
		t->remedy = "name the user as Dovecot does after login";
		return GP_EINVAL;
	}
	gp_diag_set(diag, "the move was not taught");
	t->remedy = "is gatepost_learn in mail_plugins of protocol imap, after notify? (doveconf -n; "
		    "Dovecot's log; dovecot-sieve-learn(7))";
	return GP_ENOENT;
}

static int check_lesson(struct selftest *t, struct gp_diag *diag)
{
	static const struct {
		const char *reason, *remedy;
	} reasons[] = {
		{"short", "the canary has 128 words: is learn.words_min meant to be above that?"},
		{"unbalanced", "much more spam than ham was learned (learn.balance_max): teach ham"},
		{"unreadable", "do the controller's workers crash or meet a limit? Its log tells"},
	};
	const struct selftest_lesson *l = &t->lesson;

	if (gp_str_eq(gp_str(l->class), GP_STR("spam")) && gp_str_eq(gp_str(l->outcome), GP_STR("new")))
		return GP_OK;
	gp_diag_set(diag, "the controller's log says: %s, %s%s%s", l->class, l->outcome,
		    *l->reason ? ", " : "", l->reason);
	t->remedy = "see \"gatepost learn log\"";
	for (size_t i = 0; i < GP_ARRAY_SIZE(reasons); i++)
		if (gp_str_eq(gp_str(l->reason), gp_str(reasons[i].reason)))
			t->remedy = reasons[i].remedy;
	return GP_EINVAL;
}

int selftest_learned(struct selftest *t, struct gp_diag *diag)
{
	int r;

	for (;;) {
		t->lesson = (struct selftest_lesson){0};
		r = query(t, GP_LEARN_LOG, t->o->user, t->began_s, ROWS_OWN, canary_row, &t->lesson, diag);
		if (r < 0)
			return r;
		if (t->lesson.number)
			break;
		/* A session hands over while its client speaks. */
		r = imap_noop(&t->imap, diag);
		if (r == GP_OK)
			r = cli_wait_ms(&t->wait, POLL_MS, diag);
		if (r < 0 && gp_clock_mono_ms() >= t->wait.deadline_ms && !*t->wait.is_stopped)
			return say_not_taught(t, diag);
		if (r < 0)
			return r;
	}
	r = check_lesson(t, diag);
	if (r == GP_OK)
		r = expect_counts(t, 1, diag);
	if (r == GP_OK && t->lesson.times > 1)
		snprintf(t->detail, sizeof(t->detail), "taught %u times: do IMAPSieve scripts teach beside "
						       "the mail plugin?", t->lesson.times);
	return r;
}

/* Unlearning. */

/* 0 when the message has to be sent again; else 1, or a failure. */
static int take_forgotten(struct selftest *t, const struct gp_learn_frame *f, uint8_t *ret_outcome,
			  struct gp_diag *diag)
{
	if (f->type == GP_LEARN_RESULT) {
		*ret_outcome = f->code;
		return 1;
	}
	if (f->type == GP_LEARN_ANSWER && f->code == GP_LEARN_LATER) {
		int r = cli_wait_ms(&t->wait, POLL_MS * 4, diag);

		return r < 0 ? r : 0;
	}
	return answered(t, f, diag) < 0 ? GP_EACCES : 2;
}

int selftest_forget(struct selftest *t, const struct canary *c, struct gp_str user,
		    uint8_t *ret_outcome, struct gp_diag *diag)
{
	GP_BUF_AUTO message = GP_BUF_INIT((size_t)1 << 20);
	int r = 0;

	canary_write(c, &message);
	while (r != 1) {
		struct gp_learn_frame f;

		if (r == 0)
			learn_link_message(&t->link, ++t->link.next_id, GP_LEARN_UNLEARN,
					   GP_LEARN_WANT_RESULT, user, GP_STR("self-test"),
					   gp_buf_str(&message));
		if (learn_link_next(&t->link, &f, diag) < 0)
			return lost(t, "unlearning", diag);
		r = take_forgotten(t, &f, ret_outcome, diag);
		if (r < 0)
			return r;
	}
	return GP_OK;
}

int selftest_unlearned(struct selftest *t, struct gp_diag *diag)
{
	static const uint8_t wanted[] = {GP_LEARN_REMOVED, GP_LEARN_UNKNOWN};

	/* The second time nothing must be known of it any more. */
	for (size_t i = 0; i < GP_ARRAY_SIZE(wanted); i++) {
		uint8_t outcome = 0;
		int r = selftest_forget(t, &t->canary, gp_str(t->lesson.user), &outcome, diag);

		if (r < 0)
			return r;
		if (outcome != wanted[i]) {
			gp_diag_set(diag, i ? "its digest is known still" : "it was not known as learned");
			t->remedy = "see \"gatepost learn log\" and the controller's log";
			return GP_EINVAL;
		}
	}
	t->is_learned = false;
	return expect_counts(t, 0, diag);
}

/* What older canaries taught. */

struct old_lesson {
	struct canary canary;
	char user[GP_LEARN_USER_MAX + 1];
	bool is_learned; /* as of the newest lesson */
};

struct old_lessons {
	struct old_lesson *items;
	size_t len, cap;
};

static void old_row(struct selftest *t, const json_t *row, void *arg)
{
	struct old_lessons *olds = arg;
	struct old_lesson o = {.is_learned = !gp_str_eq(gp_str(text_of(row, "class")), GP_STR("none")) &&
					    !gp_str_eq(gp_str(text_of(row, "outcome")), GP_STR("refused")) &&
					    !json_is_true(json_object_get(row, "undone"))};

	if (!canary_parse(gp_str(text_of(row, "message_id")), &o.canary))
		return;
	for (size_t i = 0; i < olds->len; i++)
		if (olds->items[i].canary.seed == o.canary.seed)
			return;
	snprintf(o.user, sizeof(o.user), "%s", text_of(row, "user"));
	*gp_vec_push(t->arena, olds) = o;
}

int selftest_forget_old(struct selftest *t, unsigned *ret_n, struct gp_diag *diag)
{
	struct old_lessons olds = {0};
	int r = query(t, GP_LEARN_LOG, t->o->user, t->began_s - OLD_S, ROWS_ALL, old_row, &olds, diag);

	*ret_n = 0;
	for (size_t i = 0; i < olds.len && r == GP_OK; i++) {
		uint8_t outcome = 0;

		if (!olds.items[i].is_learned)
			continue;
		r = selftest_forget(t, &olds.items[i].canary, gp_str(olds.items[i].user), &outcome, diag);
		*ret_n += outcome == GP_LEARN_REMOVED;
	}
	return r;
}
