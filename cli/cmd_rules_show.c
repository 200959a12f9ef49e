/*
 * gatepost rules explain, diff: what a rule is, and what an update changes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/rules.h"
#include "cli/text.h"
#include "lib/base/mem.h"

/* A meta's rules are shown with theirs below them, to this depth and number. */
#define DEPTH_MAX 20
#define LINES_MAX 500

static const struct gp_opt no_options[] = {GP_OPT_END};

/* One explanation. */
struct tree {
	const struct gp_rule_set *set;
	struct gp_arena *arena;
	const bool *evaluable;
	bool *was_shown; /* a rule that many others need is explained once */
	unsigned lines;
};

static void print_rule(const struct tree *t, const struct gp_rule_info *r, unsigned depth)
{
	printf("%*s%s", (int)(2 * depth), "", r->name);
	if (!r->is_defined)
		printf("  (nothing defines it: it does not hit)\n");
	else
		printf("  %s %s\n", r->type, gp_text_show(t->arena, gp_str(r->definition), 400));
	if (r->inert)
		printf("%*scannot run: %s\n", (int)(2 * depth + 2), "", r->inert);
}

static bool is_repeated(const struct gp_rule_info *r, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (r->needs[i] == r->needs[k])
			return true;
	return false;
}

static void print_tree(struct tree *t, size_t index, unsigned depth)
{
	struct gp_rule_info r;

	if (depth > DEPTH_MAX || t->lines++ > LINES_MAX || !gp_rule_set_info(t->set, index, &r))
		return;
	print_rule(t, &r, depth);
	if (t->was_shown[index])
		return;
	t->was_shown[index] = true;
	for (size_t k = 0; k < r.n_needs; k++)
		if (!is_repeated(&r, k))
			print_tree(t, r.needs[k], depth + 1);
}

/* Sub-rules (`__NAME`) are there for metas and never count by themselves.  A score of 0 says
 * something of them too: there they do not run. */
static bool is_sub_rule(const struct gp_rule_info *r)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(r->score); i++)
		if (r->score[i] == 0)
			return false;
	return strncmp(r->name, "__", 2) == 0;
}

static void print_head(const struct tree *t, size_t index)
{
	struct gp_rule_info r;

	gp_rule_set_info(t->set, index, &r);
	printf("%s\n", r.name);
	if (*r.description)
		printf("  %s\n", gp_text_show(t->arena, gp_str(r.description), 400));
	if (r.is_defined)
		printf("  defined in  %s, line %u\n", r.file, r.line);
	if (is_sub_rule(&r))
		printf("  score       none: a sub-rule, for metas\n");
	else
		printf("  score       %g alone, %g with network, %g with Bayes, %g with both\n",
		       r.score[0], r.score[1], r.score[2], r.score[3]);
	if (*r.flags)
		printf("  flags       %s\n", gp_text_show(t->arena, gp_str(r.flags), 400));
	if (r.asks.len)
		printf("  asks        %s\n", gp_text_show(t->arena, r.asks, 400));
	if (r.priority)
		printf("  priority    %d\n", r.priority);
	printf("  can run     %s\n\n",
	       !r.is_defined	     ? "no: nothing defines it, or a condition leaves it out"
	       : t->evaluable[index] ? "yes"
	       : r.inert	     ? "no"
				     : "in part: it depends on a rule that cannot");
}

static int explain(struct gp_cli *cli, const struct gp_rule_set *set, const char *name)
{
	size_t n = gp_rule_set_count(set), index;
	struct tree t = {.set = set, .arena = cli->arena};
	bool *evaluable;

	if (!gp_rule_set_find(set, gp_str(name), &index))
		return gp_cli_fail(GP_EXIT_DATA, "there is no rule \"%s\"", name);
	evaluable = GP_ARENA_NEW_N(cli->arena, n, bool);
	gp_rule_set_evaluable(set, evaluable);
	t.evaluable = evaluable;
	t.was_shown = GP_ARENA_NEW_N(cli->arena, n, bool);
	print_head(&t, index);
	print_tree(&t, index, 1);
	return 0;
}

static int run_explain(struct gp_cli *cli, int argc, char **argv)
{
	struct gp_opt_list operands = {0};
	struct gp_cli_rules r;
	int status = gp_cli_options(&gp_cmd_rules_explain, cli, argc, argv, NULL, &operands);

	if (status >= 0)
		return status;
	if (operands.len == 0)
		return gp_cli_fail(GP_EXIT_USAGE, "rules explain: name a rule");
	status = gp_cli_rules_load(cli, operands.items + 1, operands.len - 1, &r);
	if (status)
		return status;
	status = explain(cli, r.set, operands.items[0]);
	gp_cli_rules_done(&r);
	return status;
}

/* diff. */

static bool is_same_score(const struct gp_rule_info *a, const struct gp_rule_info *b)
{
	if (is_sub_rule(a) && is_sub_rule(b))
		return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(a->score); i++)
		if (a->score[i] < b->score[i] || a->score[i] > b->score[i])
			return false;
	return true;
}

static bool is_same_definition(const struct gp_rule_info *a, const struct gp_rule_info *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->definition, b->definition) == 0;
}

static bool is_same_flags(const struct gp_rule_info *a, const struct gp_rule_info *b)
{
	return strcmp(a->flags, b->flags) == 0;
}

static void print_scores(const char *mark, const struct gp_rule_info *r)
{
	if (!is_sub_rule(r))
		printf("    %s score %g %g %g %g\n", mark, r->score[0], r->score[1], r->score[2],
		       r->score[3]);
}

static void print_definition(struct gp_arena *arena, const char *mark, const struct gp_rule_info *r)
{
	printf("    %s %s %s\n", mark, r->type,
	       gp_text_show(arena, gp_str(r->definition), 1000));
}

static void print_flags(struct gp_arena *arena, const char *mark, const struct gp_rule_info *r)
{
	if (*r->flags)
		printf("    %s tflags %s\n", mark, gp_text_show(arena, gp_str(r->flags), 400));
}

static void print_changes(struct gp_arena *arena, const struct gp_rule_info *was,
			  const struct gp_rule_info *new)
{
	printf("changed  %s\n", new->name);
	if (!is_same_definition(was, new)) {
		print_definition(arena, "-", was);
		print_definition(arena, "+", new);
	}
	if (!is_same_flags(was, new)) {
		print_flags(arena, "-", was);
		print_flags(arena, "+", new);
	}
	if (!is_same_score(was, new)) {
		print_scores("-", was);
		print_scores("+", new);
	}
}

/* True if the rule of the new set is not as it was. */
static bool compare(struct gp_arena *arena, const struct gp_rule_set *old,
		    const struct gp_rule_info *new)
{
	struct gp_rule_info was = {0};
	size_t at;

	if (gp_rule_set_find(old, gp_str(new->name), &at))
		gp_rule_set_info(old, at, &was);
	if (!new->is_defined && !was.is_defined)
		return false;
	if (!was.is_defined) {
		printf("added    %s\n", new->name);
		print_definition(arena, "+", new);
		print_flags(arena, "+", new);
		print_scores("+", new);
		return true;
	}
	if (!new->is_defined || (is_same_score(&was, new) && is_same_definition(&was, new) &&
				 is_same_flags(&was, new)))
		return false;
	print_changes(arena, &was, new);
	return true;
}

static size_t print_removed(const struct gp_rule_set *old, const struct gp_rule_set *new)
{
	struct gp_rule_info was, is;
	size_t n = 0, at;

	for (size_t i = 0; gp_rule_set_info(old, i, &was); i++) {
		if (!was.is_defined)
			continue;
		if (gp_rule_set_find(new, gp_str(was.name), &at) &&
		    gp_rule_set_info(new, at, &is) && is.is_defined)
			continue;
		printf("removed  %s\n", was.name);
		n++;
	}
	return n;
}

static int run_diff(struct gp_cli *cli, int argc, char **argv)
{
	struct gp_opt_list operands = {0};
	struct gp_cli_rules old, new;
	struct gp_rule_info r;
	size_t n;
	int status = gp_cli_options(&gp_cmd_rules_diff, cli, argc, argv, NULL, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 2)
		return gp_cli_fail(GP_EXIT_USAGE, "rules diff: name the old and the new rules");
	status = gp_cli_rules_load(cli, operands.items, 1, &old);
	if (status)
		return status;
	status = gp_cli_rules_load(cli, operands.items + 1, 1, &new);
	if (status) {
		gp_cli_rules_done(&old);
		return status;
	}
	n = print_removed(old.set, new.set);
	for (size_t i = 0; gp_rule_set_info(new.set, i, &r); i++)
		n += compare(cli->arena, old.set, &r);
	gp_cli_rules_done(&old);
	gp_cli_rules_done(&new);
	return n != 0;
}

const struct gp_command gp_cmd_rules_explain = {
	.name = "rules explain",
	.operands = "RULE [FILE|DIRECTORY]...",
	.summary = "show what a rule is, what it depends on, and whether it can run",
	.options = no_options,
	.run = run_explain,
};

const struct gp_command gp_cmd_rules_diff = {
	.name = "rules diff",
	.operands = "OLD NEW",
	.summary = "show what differs between two rule files or directories",
	.details = "Exit status: 0 nothing, 1 something.",
	.options = no_options,
	.run = run_diff,
};
