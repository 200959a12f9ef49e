/*
 * Bayes over many splits, in memory: the engine under bench/accuracy.
 *
 * Tokenises each message once with the suite's own libraries, then for each
 * experiment counts the tokens of its training messages and classifies its
 * test messages with gp_bayes_classify().  Only the store is missing; the
 * bench checks on one split that `gatepost learn` and `gatepost scan` give
 * the same probabilities.
 *
 *	gp-bayes-lab [NAME=VALUE …] < plan
 *
 * The plan has a line "M ham PATH" or "M spam PATH" for each message, then for each
 * experiment a line "E NAME ROLES", one character a message: 1 train, 2 test, 0 neither;
 * 3 taught by the user whose mail is tested, into his scope and everybody's; 4 likewise, of
 * the class that it is not.
 * Answers "NAME<tab>INDEX<tab>PROBABILITY" for each test message.  NAME=VALUE sets a
 * parameter of struct gp_bayes_params for tuning.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/mail/message.h"
#include "lib/score/bayes.h"
#include "lib/score/token.h"

struct mail {
	struct gp_token_list tokens; /* in the lab's arena */
	uint32_t *ids;		     /* of the tokens, dense */
	bool is_spam;
};

struct lab {
	struct gp_arena *arena;
	struct mail *mails;
	size_t n_mails;
	uint64_t *slots;    /* open-addressed: hash ... */
	uint32_t *slot_ids; /* ... to id */
	size_t n_slots;	    /* a power of two */
	uint32_t n_ids;
	struct gp_bayes_count *counts, *own; /* by id */
	struct gp_bayes_params params;
	int64_t token_us;    /* spent in gp_token_collect */
	int64_t classify_us; /* spent in gp_bayes_classify */
	uint64_t n_tokens, n_classified;
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "gp-bayes-lab: %s: %s\n", name, what);
	exit(1);
}

static void slots_grow(struct lab *lab)
{
	uint64_t *old = lab->slots;
	uint32_t *old_ids = lab->slot_ids;
	size_t n = lab->n_slots;

	lab->n_slots = n ? 2 * n : 1 << 20;
	lab->slots = gp_xcalloc(lab->n_slots, sizeof(*lab->slots));
	lab->slot_ids = gp_xcalloc(lab->n_slots, sizeof(*lab->slot_ids));
	for (size_t i = 0; i < n; i++) {
		size_t at = old[i] & (lab->n_slots - 1);

		if (old[i] == 0)
			continue;
		while (lab->slots[at] != 0)
			at = (at + 1) & (lab->n_slots - 1);
		lab->slots[at] = old[i];
		lab->slot_ids[at] = old_ids[i];
	}
	free(old);
	free(old_ids);
}

static uint32_t token_id(struct lab *lab, uint64_t hash)
{
	size_t at;

	if (2 * (size_t)lab->n_ids >= lab->n_slots)
		slots_grow(lab);
	for (at = hash & (lab->n_slots - 1); lab->slots[at] != 0;
	     at = (at + 1) & (lab->n_slots - 1)) {
		if (lab->slots[at] == hash)
			return lab->slot_ids[at];
	}
	lab->slots[at] = hash;
	return lab->slot_ids[at] = lab->n_ids++;
}

/* Tokenises; the message itself is not kept. */
static void add_mail(struct lab *lab, const char *path, bool is_spam)
{
	struct gp_arena *arena = gp_arena_new(0);
	GP_BUF_AUTO file = GP_BUF_INIT(GP_MAX_BODY_SIZE);
	struct gp_token_list list;
	struct gp_diag diag;
	struct gp_message *m;
	struct mail *mail;
	int64_t start;

	if (gp_file_read(path, &file, &diag) < 0)
		die(diag.text, path);
	m = gp_message_parse(arena, &(struct gp_message_options){0}, gp_str_n(file.data, file.len));
	start = gp_clock_mono_us();
	gp_token_collect(arena, m, (struct gp_str){0}, (struct gp_str){0}, &list);
	lab->token_us += gp_clock_mono_us() - start;
	lab->n_tokens += list.n;
	lab->mails = gp_xreallocarray(lab->mails, lab->n_mails + 1, sizeof(*lab->mails));
	mail = &lab->mails[lab->n_mails++];
	mail->is_spam = is_spam;
	mail->ids = GP_ARENA_NEW_N(lab->arena, list.n + 1, uint32_t);
	for (size_t i = 0; i < list.n; i++)
		mail->ids[i] = token_id(lab, list.hashes[i]);
	mail->tokens = list;
	mail->tokens.hashes = gp_arena_dup(lab->arena, list.hashes, list.n * sizeof(*list.hashes));
	mail->tokens.sources =
		gp_arena_dup(lab->arena, list.sources, list.n * sizeof(*list.sources));
	gp_arena_free(arena);
}

static void learn(const struct mail *mail, bool is_spam, struct gp_bayes_count *counts,
		  struct gp_bayes_totals *totals)
{
	totals->spam += is_spam;
	totals->ham += !is_spam;
	for (size_t k = 0; k < mail->tokens.n; k++) {
		counts[mail->ids[k]].spam += is_spam;
		counts[mail->ids[k]].ham += !is_spam;
	}
}

static double classify(struct lab *lab, const struct mail *mail,
		       const struct gp_bayes_totals totals[GP_BAYES_VIEWS])
{
	struct gp_bayes_count all[GP_MAX_TOKENS], own[GP_MAX_TOKENS];
	struct gp_bayes_view views[] = {{all, totals[0]}, {own, totals[1]}};
	struct gp_bayes_result result;
	int64_t start;

	for (size_t k = 0; k < mail->tokens.n; k++) {
		all[k] = lab->counts[mail->ids[k]];
		own[k] = lab->own[mail->ids[k]];
	}
	start = gp_clock_mono_us();
	gp_bayes_classify(&mail->tokens, views, totals[1].spam + totals[1].ham > 0 ? 2 : 1,
			  &lab->params, &result);
	lab->classify_us += gp_clock_mono_us() - start;
	lab->n_classified++;
	return result.probability;
}

static void run(struct lab *lab, const char *name, const char *roles)
{
	struct gp_bayes_totals totals[GP_BAYES_VIEWS] = {0};

	if (strlen(roles) != lab->n_mails)
		die("not one role a message", name);
	lab->counts = gp_xreallocarray(lab->counts, lab->n_ids + 1, sizeof(*lab->counts));
	lab->own = gp_xreallocarray(lab->own, lab->n_ids + 1, sizeof(*lab->own));
	memset(lab->counts, 0, lab->n_ids * sizeof(*lab->counts));
	memset(lab->own, 0, lab->n_ids * sizeof(*lab->own));
	for (size_t i = 0; i < lab->n_mails; i++) {
		const struct mail *mail = &lab->mails[i];
		bool is_own = roles[i] == '3' || roles[i] == '4';
		bool is_spam = mail->is_spam != (roles[i] == '4');

		if (roles[i] == '1' || is_own)
			learn(mail, is_spam, lab->counts, &totals[0]);
		if (is_own)
			learn(mail, is_spam, lab->own, &totals[1]);
	}
	for (size_t i = 0; i < lab->n_mails; i++)
		if (roles[i] == '2')
			printf("%s\t%zu\t%.17g\n", name, i, classify(lab, &lab->mails[i], totals));
}

static bool set_param(struct gp_bayes_params *p, const char *arg)
{
	const struct {
		const char *name;
		double *value;
	} names[] = {
		{"strength", &p->strength},	{"prior", &p->prior},
		{"min_dev", &p->min_dev},	{"field_max", &p->field_max},
		{"dependence", &p->dependence}, {"odds_weight", &p->odds_weight},
		{"odds_half", &p->odds_half},	{"steepness", &p->steepness},
		{"own_half", &p->own_half},
	};
	const char *eq = strchr(arg, '=');

	for (size_t i = 0; eq && i < GP_ARRAY_SIZE(names); i++) {
		if (gp_str_eq(gp_str_n(arg, (size_t)(eq - arg)), gp_str(names[i].name))) {
			*names[i].value = strtod(eq + 1, NULL);
			return true;
		}
	}
	if (eq && strncmp(arg, "spam_min=", 9) == 0) {
		p->spam_min = (uint32_t)strtoul(eq + 1, NULL, 10);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct lab lab = {.arena = gp_arena_new(1 << 20), .params = gp_bayes_defaults};
	GP_FREE char *line = NULL;
	size_t size = 0;
	ssize_t len;

	for (int i = 1; i < argc; i++) {
		if (!set_param(&lab.params, argv[i]))
			die("no such parameter", argv[i]);
	}
	while ((len = getline(&line, &size, stdin)) > 0) {
		char *name = line + 2, *rest = strchr(name, ' ');

		line[len - 1] = '\0';
		if (!rest || (line[0] != 'M' && line[0] != 'E'))
			die("not a line of a plan", line);
		*rest++ = '\0';
		if (line[0] == 'M')
			add_mail(&lab, rest, strcmp(name, "spam") == 0);
		else
			run(&lab, name, rest);
	}
	if (lab.n_mails > 0)
		fprintf(stderr,
			"tokens: %zu messages, %.0f each, %" PRIu32
			" different; a message: %.1f us to collect, "
			"%.1f us to classify\n",
			lab.n_mails, (double)lab.n_tokens / (double)lab.n_mails, lab.n_ids,
			(double)lab.token_us / (double)lab.n_mails,
			(double)lab.classify_us / (double)GP_MAX(lab.n_classified, 1));
	free(lab.mails);
	free(lab.counts);
	free(lab.own);
	free(lab.slots);
	free(lab.slot_ids);
	gp_arena_free(lab.arena);
	return 0;
}
