/*
 * The order of the self-test's steps; see the header.
 */
#include "cli/selftest.h"

#include <stdio.h>

#include "lib/base/clock.h"

/* However little time is left, what was put somewhere is taken away. */
#define REMOVAL_MS 10000

struct step {
	const char *name, *title;
	int (*run)(struct selftest *t, struct gp_diag *diag);
};

/* Canaries that an earlier run could not take away. */
static int clean(struct selftest *t, struct gp_diag *diag)
{
	unsigned mails = 0, lessons = 0;
	int r = selftest_sweep(t, &mails, diag);

	if (r == GP_OK)
		r = selftest_forget_old(t, &lessons, diag);
	if (mails + lessons > 0)
		snprintf(t->detail, sizeof(t->detail), "%u messages removed, %u lessons taken back",
			 mails, lessons);
	return r;
}

static int remove_canary(struct selftest *t, struct gp_diag *diag)
{
	unsigned n = 0;
	uint8_t outcome;
	int r = GP_OK;

	t->wait.is_stopped = NULL;
	t->wait.deadline_ms = GP_MAX(t->wait.deadline_ms, gp_clock_mono_ms() + REMOVAL_MS);
	t->remedy = "the next run removes what is left";
	/* From the folders first: what is not there any more is not taught any more. */
	if (t->is_in_mailbox)
		r = selftest_sweep(t, &n, diag);
	if (t->is_in_mailbox && r < 0 && selftest_login(t, diag) == GP_OK)
		r = selftest_sweep(t, &n, diag); /* a connection that broke */
	if (r == GP_OK && t->is_learned)
		r = selftest_forget(t, &t->canary, gp_str(t->lesson.number ? t->lesson.user : t->o->user),
				    &outcome, diag);
	if (r == GP_OK)
		t->is_in_mailbox = false;
	imap_close(&t->imap);
	return r;
}

static const struct step steps[] = {
	{"controller", "the controller answers", selftest_controller},
	{"login", "IMAP login", selftest_login},
	{"folders", "INBOX and Junk are there", selftest_folders},
	{"clean", "nothing is left of earlier runs", clean},
	{"store", "the store answers", selftest_count},
	{"append", "the canary is put into INBOX", selftest_put},
	{"move", "the canary is moved into Junk", selftest_move},
	{"learned", "the move is learned as spam", selftest_learned},
	{"unlearned", "it is unlearned, all counts are as before", selftest_unlearned},
};
static const struct step last = {"removed", "the canary is removed", remove_canary};

static bool run_step(struct selftest *t, const struct step *step, struct selftest_result *ret)
{
	int64_t began_us = gp_clock_mono_us();
	struct gp_diag diag = {""};

	*t->detail = '\0';
	t->remedy = NULL;
	*ret = (struct selftest_result){.name = step->name, .title = step->title};
	ret->is_ok = step->run(t, &diag) == GP_OK;
	ret->us = gp_clock_mono_us() - began_us;
	snprintf(ret->detail, sizeof(ret->detail), "%s", ret->is_ok ? t->detail : diag.text);
	if (!ret->is_ok)
		ret->remedy = t->remedy;
	return ret->is_ok;
}

void selftest_run(struct selftest *t, struct selftest_report *ret,
		  void (*begun)(void *arg, const char *title),
		  void (*done)(void *arg, const struct selftest_result *result), void *arg)
{
	*ret = (struct selftest_report){.n = 0};
	for (size_t i = 0; i < GP_ARRAY_SIZE(steps) + 1 && ret->n < SELFTEST_STEPS; i++) {
		const struct step *step = i < GP_ARRAY_SIZE(steps) ? &steps[i] : &last;
		struct selftest_result *result = &ret->results[ret->n];

		/* After a failure only the removal, if there is something. */
		if (ret->failed && (step != &last || !t->is_in_mailbox))
			continue;
		begun(arg, step->title);
		if (!run_step(t, step, result) && !ret->failed)
			ret->failed = step->name;
		ret->n++;
		done(arg, result);
	}
}
