/*
 * gatepost rules test: the messages beside a rule set, and what they must hit; and
 * the texts that rule files have for their rules (`test NAME ok|fail TEXT`).
 *
 * DIRECTORY/tests/cases holds lines "FILE: RULE RULE … !RULE …"; a rule must
 * hit, one behind "!" must not.  A message whose name begins with "ham-" may
 * hit nothing above HAM_RULE_MAX and stays below HAM_SUM_MAX in all.  Results of
 * SPF and its kin are those that its Authentication-Results of RESULTS_ID gives.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/rules.h"
#include "lib/auth/authres.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/score/rule_test.h"

#define HAM_RULE_MAX 1.0
#define HAM_SUM_MAX 2.0
#define MESSAGE_MAX (64u << 20)
#define RESULTS_ID "rules.test"

static const struct gp_opt options[] = {GP_OPT_END};

struct tests {
	struct gp_rule_set *set;
	struct gp_arena *arena; /* of the case at hand */
	const char *directory;	/* with the messages */
	const char *cases;	/* path, for messages */
	unsigned line, passed, failed, skipped;
};

static void fail(struct tests *t, struct gp_str file, const char *what, const char *rule)
{
	fprintf(stderr, "%s:%u: %.*s: %s%s\n", t->cases, t->line, GP_STR_FMT(file), what, rule);
}

/* What the message says of itself, or NULL. */
static const struct gp_auth_result *results_of(struct gp_arena *arena, const struct gp_message *m)
{
	const struct gp_header *h = gp_message_header(m, "Authentication-Results");
	struct gp_auth_result *ret;
	struct gp_authres a;

	if (!h || gp_authres_parse(arena, h->raw, &a, NULL) ||
	    !gp_str_ieq(a.id, GP_STR(RESULTS_ID)))
		return NULL;
	ret = GP_ARENA_NEW(arena, struct gp_auth_result);
	gp_authres_to_result(arena, &a, ret);
	return ret;
}

/* One message's symbols; NULL when it cannot be read. */
static struct gp_rule_scan *scan(struct tests *t, struct gp_str file, struct gp_symbols *symbols)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(MESSAGE_MAX);
	struct gp_rule_input *input = GP_ARENA_NEW(t->arena, struct gp_rule_input);
	struct gp_rule_scan *s;
	struct gp_diag diag;

	if (gp_file_read(gp_arena_printf(t->arena, "%s/%.*s", t->directory, GP_STR_FMT(file)),
			 &bytes, &diag)) {
		fail(t, file, "", diag.text);
		return NULL;
	}
	input->message = gp_message_parse(t->arena, NULL,
					  gp_arena_str(t->arena, gp_buf_str(&bytes)));
	input->auth = results_of(t->arena, input->message);
	input->envelope_from = input->auth ? input->auth->mailfrom.sender : gp_str(NULL);
	input->bayes = -1;
	gp_symbols_init(symbols, t->arena);
	s = gp_rule_scan_begin(t->set, input, t->arena);
	gp_rule_scan_finish(s, symbols);
	return s;
}

static bool check_rules(struct tests *t, struct gp_str file, struct gp_str rules,
			const struct gp_rule_scan *s)
{
	struct gp_str word;
	bool ok = true;

	while (gp_str_next_word(&rules, &word)) {
		bool wanted = !gp_str_starts(word, GP_STR("!"));
		const char *name = gp_arena_cstr(t->arena, gp_str_sub(word, !wanted, word.len));

		if ((gp_rule_scan_hits(s, name) != 0) == wanted)
			continue;
		fail(t, file, wanted ? "does not hit " : "hits ", name);
		ok = false;
	}
	return ok;
}

static bool check_ham(struct tests *t, struct gp_str file, const struct gp_symbols *symbols)
{
	bool ok = true;

	if (!gp_str_starts(file, GP_STR("ham-")))
		return true;
	for (size_t i = 0; i < symbols->list.len; i++) {
		if (symbols->list.items[i].score <= HAM_RULE_MAX)
			continue;
		fail(t, file, "ordinary mail hits ", symbols->list.items[i].name);
		ok = false;
	}
	if (gp_symbols_sum(symbols) >= HAM_SUM_MAX) {
		fail(t, file, "ordinary mail scores ",
		     gp_arena_printf(t->arena, "%.2f", gp_symbols_sum(symbols)));
		ok = false;
	}
	return ok;
}

static void run_case(struct tests *t, struct gp_str line)
{
	size_t colon = gp_str_find_chr(line, ':', 0);
	struct gp_str file = gp_str_trim(gp_str_sub(line, 0, colon));
	struct gp_symbols symbols;
	struct gp_rule_scan *s;
	bool ok = false;

	if (colon >= line.len) {
		fail(t, line, "wants FILE: RULE ...", "");
	} else {
		s = scan(t, file, &symbols);
		if (s) {
			ok = check_rules(t, file, gp_str_sub(line, colon + 1, line.len), s);
			ok = check_ham(t, file, &symbols) && ok;
		}
	}
	*(ok ? &t->passed : &t->failed) += 1;
	gp_arena_reset(t->arena);
}

static int run_cases(struct tests *t)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_RULE_FILE);
	struct gp_str rest, line;
	struct gp_diag diag;

	if (gp_file_read(t->cases, &text, &diag))
		return gp_cli_fail(GP_EXIT_NOINPUT, "%s", diag.text);
	rest = gp_buf_str(&text);
	for (t->line = 1; gp_str_next(&rest, '\n', &line); t->line++) {
		line = gp_str_trim(gp_str_sub(line, 0, gp_str_find_chr(line, '#', 0)));
		if (line.len)
			run_case(t, line);
	}
	return 0;
}

static void run_text(struct tests *t, const struct gp_rule_test *test)
{
	struct gp_rule_input input = {.message = gp_rule_test_message(t->set, test, t->arena),
				      .bayes = -1,
				      .runs_all = true};
	struct gp_symbols symbols;
	struct gp_rule_scan *s;
	bool hits;

	if (!input.message) {
		printf("%s:%u: %s: not tested: no such rule, or it cannot run\n", test->file,
		       test->line, test->rule);
		t->skipped++;
		return;
	}
	gp_symbols_init(&symbols, t->arena);
	s = gp_rule_scan_begin(t->set, &input, t->arena);
	gp_rule_scan_finish(s, &symbols);
	hits = gp_rule_scan_hits(s, test->rule) != 0;
	if (hits != test->must_hit)
		fprintf(stderr, "%s:%u: %s: %s its text\n", test->file, test->line, test->rule,
			hits ? "hits" : "does not hit");
	*(hits == test->must_hit ? &t->passed : &t->failed) += 1;
	gp_arena_reset(t->arena);
}

/* The texts in the rule files, and the messages of every loaded directory that has some. */
static int run_all(struct gp_cli *cli, struct gp_cli_rules *rules)
{
	struct tests t = {.set = rules->set, .arena = gp_arena_new(0)};
	struct gp_rule_test text;
	unsigned found = 0;
	int status = 0;

	for (size_t i = 0; gp_rule_set_test(rules->set, i, &text); i++, found++)
		run_text(&t, &text);

	for (size_t i = 0; i < rules->n_paths && !status; i++) {
		t.directory = gp_arena_printf(cli->arena, "%s/tests", rules->paths[i]);
		t.cases = gp_arena_printf(cli->arena, "%s/cases", t.directory);
		if (access(t.cases, F_OK))
			continue;
		found++;
		status = run_cases(&t);
	}
	gp_arena_free(t.arena);
	if (status)
		return status;
	if (!found)
		return gp_cli_fail(GP_EXIT_NOINPUT, "no test lines in the rules and no tests/cases "
				   "beside them%s%s",
				   rules->n_paths ? " in " : "",
				   rules->n_paths ? rules->paths[0] : "");
	printf("%u passed, %u failed", t.passed, t.failed);
	if (t.skipped)
		printf(", %u not tested", t.skipped);
	putchar('\n');
	return t.failed ? 1 : 0;
}

static int run_test(struct gp_cli *cli, int argc, char **argv)
{
	struct {
		int none;
	} o;
	struct gp_opt_list operands = {0};
	struct gp_cli_rules rules;
	int status = gp_cli_options(&gp_cmd_rules_test, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_rules_load(cli, operands.items, operands.len, &rules);
	if (status)
		return status;
	if (rules.report.errors)
		status = gp_cli_fail(GP_EXIT_DATA, "%u lines do not parse; see gatepost rules lint",
				     rules.report.errors);
	else
		status = run_all(cli, &rules);
	gp_cli_rules_done(&rules);
	return status;
}

const struct gp_command gp_cmd_rules_test = {
	.name = "rules test",
	.operands = "[FILE|DIRECTORY]...",
	.summary = "run the tests that rules bring along",
	.details = "Lines \"test RULE ok|fail TEXT\" of the rule files: the rule must hit in a message with\n"
		   "TEXT in what the rule reads, or must not.  DIRECTORY/tests/cases has lines\n"
		   "    FILE: RULE RULE ... !RULE ...\n"
		   "A rule must hit the message, a rule behind \"!\" must not.  Exit status 1 if a case\n"
		   "fails.",
	.options = options,
	.run = run_test,
};
