/*
 * gatepost rules compile, status, lint.
 */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/rules.h"
#include "lib/base/clock.h"
#include "lib/score/rule_cache.h"
#include "lib/score/rule_markup.h"
#include "milter-spam/options.h"

struct rules_options {
	bool force, json, all;
};

static const struct gp_opt no_options[] = {GP_OPT_END};

static const struct gp_opt compile_options[] = {
	{0, "force", NULL, "also what is compiled already", GP_OPT_FLAG,
	 offsetof(struct rules_options, force)},
	GP_OPT_END,
};

static const struct gp_opt status_options[] = {
	{0, "json", NULL, "one JSON object", GP_OPT_FLAG, offsetof(struct rules_options, json)},
	{'a', "all", NULL, "name every inert rule", GP_OPT_FLAG,
	 offsetof(struct rules_options, all)},
	GP_OPT_END,
};

static void show_target(void *arg, const char *target, unsigned done, unsigned total)
{
	if (!*(const bool *)arg)
		return;
	if (done < total)
		fprintf(stderr, "\r\033[Kcompiling %u of %u: %s", done + 1, total, target);
	else
		fputs("\r\033[K", stderr);
	fflush(stderr);
}

static int run_compile(struct gp_cli *cli, int argc, char **argv)
{
	struct rules_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_cli_rules r;
	struct gp_diag diag;
	bool is_terminal = isatty(STDERR_FILENO);
	int64_t started = gp_clock_mono_ms();
	int status = gp_cli_options(&gp_cmd_rules_compile, cli, argc, argv, &o, &operands), err;

	if (status >= 0)
		return status;
	status = gp_cli_rules_load(cli, NULL, 0, &r);
	if (status)
		return status;
	if (!*r.conf->cache) {
		status = gp_cli_fail(GP_EXIT_CONFIG, "rules.cache is empty: nowhere to put it");
	} else {
		err = gp_rule_cache_compile(r.set, r.conf->cache, o.force, show_target,
					    &is_terminal, &diag);
		if (err)
			status = gp_cli_fail(err == GP_ENOENT ? GP_EXIT_UNAVAILABLE
							      : GP_EXIT_SOFTWARE, "%s", diag.text);
		else
			printf("%u rules compiled into %s in %.1f s\n", r.report.active,
			       r.conf->cache, (double)(gp_clock_mono_ms() - started) / 1000);
	}
	gp_cli_rules_done(&r);
	return status;
}

static json_t *status_files(const struct gp_rule_report *report)
{
	json_t *files = json_array();

	for (size_t i = 0; i < report->files.len; i++) {
		const struct gp_rule_file *f = &report->files.items[i];

		json_array_append_new(files,
				      json_pack("{s:s,s:i,s:i,s:i,s:i,s:i}", "file", f->path,
						"rules", (int)f->rules, "active", (int)f->active,
						"inert", (int)f->inert, "errors", (int)f->errors,
						"ignored", (int)f->ignored));
	}
	return files;
}

static json_t *status_inert(const struct gp_rule_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->problems.len; i++) {
		const struct gp_rule_problem *p = &report->problems.items[i];

		if (p->kind == GP_RULE_INERT)
			json_array_append_new(list, json_pack("{s:s,s:i,s:s,s:s}", "file", p->file,
							      "line", (int)p->line, "rule", p->rule,
							      "reason", p->text));
	}
	return list;
}

static json_t *status_targets(const struct gp_rule_report *report)
{
	json_t *targets = json_array();

	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		const struct gp_rule_target_status *t = &report->targets[i];

		json_array_append_new(
			targets, json_pack("{s:s,s:i,s:i,s:i,s:b,s:b,s:s}", "target", t->name,
					   "patterns", (int)t->patterns, "with_literals",
					   (int)t->with_literals, "literals", (int)t->literals,
					   "vectorscan", t->has_database, "cached", t->is_cached,
					   "reason", t->reason));
	}
	return targets;
}

static json_t *status_unused(const struct gp_rule_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->problems.len; i++) {
		const struct gp_rule_problem *p = &report->problems.items[i];

		if (p->kind == GP_RULE_UNUSED || p->kind == GP_RULE_IGNORED)
			json_array_append_new(list, json_pack("{s:s,s:i,s:s}", "file", p->file, "line",
							      (int)p->line, "reason", p->text));
	}
	return list;
}

static void print_status_json(const struct gp_rule_report *report)
{
	json_t *root = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:s,s:s,s:o,s:o,s:o,s:o}", "rules",
				 (int)report->rules, "active", (int)report->active, "scored",
				 (int)report->scored, "scored_active", (int)report->scored_active,
				 "errors", (int)report->errors, "ignored", (int)report->ignored,
				 "engine", report->no_vectorscan ? "pcre2" : "vectorscan",
				 "engine_reason", report->no_vectorscan ? report->no_vectorscan : "",
				 "files", status_files(report), "inert", status_inert(report),
				 "unused", status_unused(report),
				 "targets", status_targets(report));

	json_dumpf(root, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(root);
}

/* The inert rules of a file: each, or grouped by reason with a count. */
static void print_inert(const struct gp_rule_report *report, const char *file, bool each)
{
	for (size_t i = 0; i < report->problems.len; i++) {
		const struct gp_rule_problem *p = &report->problems.items[i];
		unsigned same = 0;
		bool is_first = true;

		if (p->kind != GP_RULE_INERT || strcmp(p->file, file) != 0)
			continue;
		if (each) {
			printf("        line %u: %s: %s\n", p->line, p->rule, p->text);
			continue;
		}
		for (size_t k = 0; k < report->problems.len; k++) {
			const struct gp_rule_problem *q = &report->problems.items[k];

			if (q->kind != GP_RULE_INERT || strcmp(q->file, file) != 0 ||
			    strcmp(q->text, p->text) != 0)
				continue;
			is_first = is_first && k >= i;
			same++;
		}
		if (is_first)
			printf("        %u: %s\n", same, p->text);
	}
}

/* Directives without effect, and why. */
static void print_unused(const struct gp_rule_report *report)
{
	for (size_t i = 0; i < report->problems.len; i++) {
		const struct gp_rule_problem *p = &report->problems.items[i];

		if (p->kind == GP_RULE_UNUSED || p->kind == GP_RULE_IGNORED)
			printf("        %s\n", p->text);
	}
}

static void print_status(const struct gp_rule_report *report, bool each)
{
	printf("%7s %7s %7s  file\n", "active", "inert", "errors");
	for (size_t i = 0; i < report->files.len; i++) {
		const struct gp_rule_file *f = &report->files.items[i];

		printf("%7u %7u %7u  %s\n", f->active, f->inert, f->errors, f->path);
		print_inert(report, f->path, each);
	}
	printf("%7u %7u %7u  in all; %u lines have no effect here\n", report->active,
	       report->inert, report->errors, report->ignored);
	print_unused(report);
	printf("%u of %u rules with a score can be evaluated in full\n\n", report->scored_active,
	       report->scored);
	if (report->no_vectorscan)
		printf("engine: PCRE2 alone: %s\n\n", report->no_vectorscan);
	else
		printf("engine: vectorscan and PCRE2\n\n");
	printf("%8s %8s  target\n", "patterns", "literals");
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		const struct gp_rule_target_status *t = &report->targets[i];
		const char *how = !t->has_database ? "PCRE2 alone"
				  : t->is_cached   ? "vectorscan, from the cache"
						   : "vectorscan, compiled at start";

		printf("%8u %8u  %s: %s%s%s%s\n", t->patterns, t->literals, t->name, how,
		       *t->reason ? " (" : "", t->reason, *t->reason ? ")" : "");
	}
}

static int run_status(struct gp_cli *cli, int argc, char **argv)
{
	struct rules_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_cli_rules r;
	int status = gp_cli_options(&gp_cmd_rules_status, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_rules_load(cli, operands.items, operands.len, &r);
	if (status)
		return status;
	if (o.json)
		print_status_json(&r.report);
	else
		print_status(&r.report, o.all);
	gp_cli_rules_done(&r);
	return 0;
}

/* What files say about headers holds only where the configuration wants it. */
static void note_markup(const struct gp_cli_rules *r)
{
	const struct spam_conf *conf = r->snapshot ? gp_snapshot_get(r->snapshot, &spam_table) : NULL;

	if (gp_markup_is_there(r->set) && !(conf && conf->headers_from_rules))
		fprintf(stderr, "note: add_header, rewrite_header, subjprefix and required_score are used "
				"only with milter-spam's setting headers.from_rules = true\n");
}

static int run_lint(struct gp_cli *cli, int argc, char **argv)
{
	static const char *const kinds[] = {[GP_RULE_ERROR] = "error",
					    [GP_RULE_WARNING] = "warning",
					    [GP_RULE_INERT] = "note",
					    [GP_RULE_IGNORED] = "note",
					    [GP_RULE_UNUSED] = "note"};
	struct rules_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_cli_rules r;
	int status = gp_cli_options(&gp_cmd_rules_lint, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_rules_load(cli, operands.items, operands.len, &r);
	if (status)
		return status;
	for (size_t i = 0; i < r.report.problems.len; i++) {
		const struct gp_rule_problem *p = &r.report.problems.items[i];

		fprintf(stderr, "%s:%u: %s: %s%s%s%s\n", p->file, p->line, kinds[p->kind], p->rule,
			*p->rule ? ": " : "", p->kind == GP_RULE_INERT ? "cannot run: " : "", p->text);
	}
	note_markup(&r);
	if (r.report.errors)
		status = gp_cli_fail(GP_EXIT_DATA, "%u errors, %u warnings in %zu files",
				     r.report.errors, r.report.warnings, r.report.files.len);
	else
		printf("%u rules in %zu files: no errors, %u warnings\n", r.report.rules,
		       r.report.files.len, r.report.warnings);
	gp_cli_rules_done(&r);
	return status;
}

const struct gp_command gp_cmd_rules_compile = {
	.name = "rules compile",
	.operands = "",
	.summary = "compile the rules for vectorscan into the cache",
	.details = "The programs compile for themselves what the cache does not have, so this only\n"
		   "saves time at their start.",
	.options = compile_options,
	.run = run_compile,
};

const struct gp_command gp_cmd_rules_status = {
	.name = "rules status",
	.operands = "[FILE|DIRECTORY]...",
	.summary = "show which rules are active, which are not, and why",
	.options = status_options,
	.run = run_status,
};

const struct gp_command gp_cmd_rules_lint = {
	.name = "rules lint",
	.operands = "[FILE|DIRECTORY]...",
	.summary = "report what does not parse in the rule files",
	.options = no_options,
	.run = run_lint,
};
