/*
 * For tests of the rule engine: rules and messages from strings.
 */
#ifndef GP_TEST_RULE_FIXTURE_H
#define GP_TEST_RULE_FIXTURE_H

#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/score/rule_scan.h"
#include "lib/score/rule_set.h"

struct fixture {
	struct gp_arena *arena;
	struct gp_rule_set *set;
	struct gp_rule_report report;
	struct gp_rule_input input;
	struct gp_rule_scan *scan;
	struct gp_symbols symbols;
};

static inline void fixture_load(struct fixture *f, const char *rules)
{
	*f = (struct fixture){.arena = gp_arena_new(0), .input = {.bayes = -1}};
	gp_rule_report_init(&f->report);
	gp_rule_set_load_text("t.cf", gp_str(rules), NULL, &f->report, &f->set);
}

static inline void fixture_message(struct fixture *f, struct gp_str mail)
{
	f->input.message = gp_message_parse(f->arena, NULL, mail);
	gp_symbols_init(&f->symbols, f->arena);
	f->scan = gp_rule_scan_begin(f->set, &f->input, f->arena);
}

static inline void fixture_scan(struct fixture *f, const char *mail)
{
	fixture_message(f, gp_str(mail));
	gp_rule_scan_finish(f->scan, &f->symbols);
}

static inline void fixture_done(struct fixture *f)
{
	gp_arena_free(f->arena);
	gp_rule_set_unref(f->set);
	gp_rule_report_done(&f->report);
}

/* The first problem of the kind as "LINE RULE: TEXT", or "". */
static inline const char *fixture_problem(struct fixture *f, enum gp_rule_problem_kind kind)
{
	for (size_t i = 0; i < f->report.problems.len; i++) {
		const struct gp_rule_problem *p = &f->report.problems.items[i];

		if (p->kind == kind)
			return gp_arena_printf(f->arena, "%u %s: %s", p->line, p->rule, p->text);
	}
	return "";
}

/* "A B=2": the hit rules in order of the set. */
static inline const char *fixture_hits(struct fixture *f)
{
	const char *text = "";
	struct gp_symbol s;

	for (size_t i = 0; gp_rule_scan_next_hit(f->scan, &i, &s);)
		text = s.hits == 1 ? gp_arena_printf(f->arena, "%s%s%s", text, *text ? " " : "", s.name)
				   : gp_arena_printf(f->arena, "%s%s%s=%g", text, *text ? " " : "",
						     s.name, s.hits);
	return text;
}

#endif
