/*
 * What is wrong with a configuration.
 */
#include "lib/conf/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void gp_conf_report_init(struct gp_conf_report *r)
{
	*r = (struct gp_conf_report){.arena = gp_arena_new(0)};
}

void gp_conf_report_done(struct gp_conf_report *r)
{
	gp_arena_freep(&r->arena);
	*r = (struct gp_conf_report){0};
}

void gp_conf_report_add(struct gp_conf_report *r, const char *file, unsigned line,
			const char *fmt, ...)
{
	struct gp_conf_error error = {.line = line};
	char text[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error.file = file ? gp_arena_strdup(r->arena, file) : NULL;
	error.text = gp_arena_strdup(r->arena, text);
	*gp_vec_push(r->arena, &r->errors) = error;
}

struct numbered {
	struct gp_conf_error error;
	size_t index;
};

static int compare(const void *va, const void *vb)
{
	const struct numbered *a = va, *b = vb;
	int order = strcmp(a->error.file ? a->error.file : "", b->error.file ? b->error.file : "");

	if (order)
		return order;
	if (a->error.line != b->error.line)
		return a->error.line < b->error.line ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

void gp_conf_report_sort(struct gp_conf_report *r)
{
	size_t n = r->errors.len;
	struct numbered *sorted;

	if (n == 0)
		return;
	sorted = GP_ARENA_NEW_N(r->arena, n, struct numbered);
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct numbered){r->errors.items[i], i};
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < n; i++)
		r->errors.items[i] = sorted[i].error;
}

void gp_conf_error_format(const struct gp_conf_error *e, struct gp_buf *out)
{
	if (e->file && e->line)
		gp_buf_printf(out, "%s:%u: ", e->file, e->line);
	else if (e->file)
		gp_buf_printf(out, "%s: ", e->file);
	gp_buf_add_cstr(out, e->text);
}
