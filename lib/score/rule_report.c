/*
 * What loading found: problems, and per file what became of its rules.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lib/score/rule_cache.h"
#include "lib/score/rule_info.h"
#include "lib/score/rule_int.h"

/* Of a set in which everything is wrong the first thousands say enough. */
#define PROBLEMS_MAX 20000

void gp_rule_report_init(struct gp_rule_report *r)
{
	*r = (struct gp_rule_report){.arena = gp_arena_new(0)};
}

void gp_rule_report_done(struct gp_rule_report *r)
{
	gp_arena_freep(&r->arena);
	*r = (struct gp_rule_report){0};
}

static void note(struct gp_rule_builder *b, enum gp_rule_problem_kind kind, unsigned file,
		 unsigned line, const char *rule, const char *text)
{
	struct gp_rule_source *source = &b->set->files.items[file];
	struct gp_rule_report *report = b->report;

	if (kind == GP_RULE_ERROR)
		source->errors++;
	if (!report)
		return;
	report->errors += kind == GP_RULE_ERROR;
	report->warnings += kind == GP_RULE_WARNING;
	if (report->problems.len >= PROBLEMS_MAX)
		return;
	*gp_vec_push(report->arena, &report->problems) =
		(struct gp_rule_problem){.kind = kind,
					 .file = gp_arena_strdup(report->arena, source->path),
					 .line = line,
					 .rule = gp_arena_strdup(report->arena, rule),
					 .text = gp_arena_strdup(report->arena, text)};
}

void gp_rule_note(struct gp_rule_builder *b, enum gp_rule_problem_kind kind, const char *rule,
		  const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(b, kind, b->file, b->line, rule, text);
}

void gp_rule_note_broken(struct gp_rule_builder *b, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(b, GP_RULE_ERROR, b->file, b->line, "", text);
	if (!b->report)
		return;
	b->report->broken++;
	if (b->report->problems.len < PROBLEMS_MAX)
		b->report->problems.items[b->report->problems.len - 1].is_broken = true;
}

void gp_rule_note_at(struct gp_rule_builder *b, enum gp_rule_problem_kind kind,
		     const struct gp_rule *rule, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(b, kind, rule->file, rule->line, rule->name, text);
}

void gp_rule_make_inert(struct gp_rule_builder *b, struct gp_rule *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->inert = gp_arena_strdup(b->arena, text);
}

void gp_rule_note_unused(struct gp_rule_builder *b, struct gp_str directive, const char *reason)
{
	b->set->files.items[b->file].ignored++;
	if (b->report)
		b->report->ignored++;
	if (*reason == '\0' || gp_map_get(&b->ignored, directive))
		return; /* one note for each directive is enough */
	gp_map_set(&b->ignored, gp_arena_str(b->arena, directive), b);
	gp_rule_note(b, GP_RULE_UNUSED, "", "%.*s is not used: %s", GP_STR_FMT(directive), reason);
}

static void sum_files(struct gp_rule_builder *b)
{
	struct gp_rule_report *report = b->report;

	for (size_t i = 0; i < b->set->files.len; i++) {
		const struct gp_rule_source *s = &b->set->files.items[i];

		*gp_vec_push(report->arena, &report->files) =
			(struct gp_rule_file){.path = gp_arena_strdup(report->arena, s->path),
					      .errors = s->errors,
					      .ignored = s->ignored};
	}
	for (size_t i = 0; i < b->set->rules.len; i++) {
		const struct gp_rule *r = b->set->rules.items[i];
		struct gp_rule_file *f;

		if (r->type == GP_RULE_FACT)
			continue;
		f = &report->files.items[r->file];
		f->rules++;
		f->active += !r->inert;
		f->inert += r->inert && !r->is_error;
		if (r->inert && !r->is_error)
			gp_rule_note_at(b, GP_RULE_INERT, r, "%s", r->inert);
	}
	for (size_t i = 0; i < report->files.len; i++) {
		report->rules += report->files.items[i].rules;
		report->active += report->files.items[i].active;
		report->inert += report->files.items[i].inert;
	}
}

void gp_rule_report_finish(struct gp_rule_builder *b)
{
	if (!b->report)
		return;
	sum_files(b);
	b->report->no_vectorscan = gp_rule_no_vectorscan(&b->set->options);
	gp_rule_count_scored(b->set, &b->report->scored, &b->report->scored_active);
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		const struct gp_rule_target *t = &b->set->targets[i];

		b->report->targets[i] = (struct gp_rule_target_status){
			.name = gp_rule_type_name((enum gp_rule_type)i),
			.patterns = (unsigned)t->rules.len,
			.has_database = t->vs != NULL,
			.with_literals = t->with_literals,
			.literals = (unsigned)t->literals.len,
			.is_cached = t->vs && !t->no_file,
			.is_refused = t->is_refused,
			.reason = t->no_vs ? t->no_vs : t->no_file ? t->no_file : "",
		};
	}
}
