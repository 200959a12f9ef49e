/*
 * Another program's configuration as ours; see the header.
 */
#include "cli/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"

/* Groups within groups: "milter-dkim", "sign". */
#define DEPTH_MAX 4
#define VALUE_MAX (1 << 20)

static void store(struct gp_import *o, const char *path, const char *value)
{
	struct gp_import_setting s = {path, gp_arena_strdup(o->arena, value)};

	for (size_t i = 0; i < o->settings.len; i++)
		if (gp_str_eq(gp_str(o->settings.items[i].path), gp_str(path))) {
			o->settings.items[i] = s;
			return;
		}
	*gp_vec_push(o->arena, &o->settings) = s;
}

void gp_import_note(struct gp_import *o, enum gp_import_kind kind, const char *file, unsigned line,
		    const char *fmt, ...)
{
	struct gp_diag text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	*gp_vec_push(o->arena, &o->notes) =
		(struct gp_import_note){kind, file, line, gp_arena_strdup(o->arena, text.text)};
}

static int by_place(const void *va, const void *vb)
{
	const struct gp_import_note *a = va, *b = vb;
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return strcmp(a->text, b->text);
}

void gp_import_sort(struct gp_import *o)
{
	if (o->notes.len)
		qsort(o->notes.items, o->notes.len, sizeof(*o->notes.items), by_place);
}

unsigned gp_import_count(const struct gp_import *o, enum gp_import_kind kind)
{
	unsigned n = 0;

	for (size_t i = 0; i < o->notes.len; i++)
		n += o->notes.items[i].kind == kind;
	return n;
}

static void print_notes(const struct gp_import *o, enum gp_import_kind kind, const char *title,
			struct gp_buf *out)
{
	bool is_first = true;

	for (size_t i = 0; i < o->notes.len; i++) {
		const struct gp_import_note *n = &o->notes.items[i];

		if (n->kind != kind)
			continue;
		if (is_first)
			gp_buf_printf(out, "#\n# %s\n", title);
		is_first = false;
		if (n->file)
			gp_buf_printf(out, "#   %s:%u: %s\n", n->file, n->line, n->text);
		else
			gp_buf_printf(out, "#   %s\n", n->text);
	}
}

void gp_import_print_notes(const struct gp_import *o, const char *from, const char *command,
			   struct gp_buf *out)
{
	gp_buf_printf(out, "# Made from %s by \"gatepost %s\", version %s.\n", from, command, GP_VERSION);
	print_notes(o, GP_IMPORT_LOST, "Not carried over:", out);
	print_notes(o, GP_IMPORT_CHANGED, "Different:", out);
	print_notes(o, GP_IMPORT_NEEDLESS, "Not needed:", out);
}

void gp_import_complain(const struct gp_import *o)
{
	unsigned n = gp_import_count(o, GP_IMPORT_LOST);

	if (n)
		fprintf(stderr, "gatepost: %u things were not carried over; the configuration lists them\n",
			n);
}

void gp_import_set(struct gp_import *o, const char *path, const char *fmt, ...)
{
	struct gp_diag text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, ap);
	va_end(ap);
	store(o, path, text.text);
}

/* As libconfig reads it back; what is no text there (control characters) is dropped. */
static void quote(struct gp_buf *out, struct gp_str text)
{
	gp_buf_add_chr(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"' || c == '\\')
			gp_buf_add_chr(out, '\\');
		if ((unsigned char)c >= ' ' && c != 0x7f)
			gp_buf_add_chr(out, c);
	}
	gp_buf_add_chr(out, '"');
}

void gp_import_set_text(struct gp_import *o, const char *path, struct gp_str text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(VALUE_MAX);

	quote(&out, text);
	store(o, path, gp_buf_cstr(&out));
}

void gp_import_set_list(struct gp_import *o, const char *path, const struct gp_str *items, size_t n)
{
	GP_BUF_AUTO out = GP_BUF_INIT(VALUE_MAX);

	gp_buf_add_cstr(&out, "[");
	for (size_t i = 0; i < n; i++) {
		gp_buf_add_cstr(&out, i ? ", " : " ");
		quote(&out, items[i]);
	}
	gp_buf_add_cstr(&out, n ? " ]" : "]");
	store(o, path, gp_buf_cstr(&out));
}

static void indent(struct gp_buf *out, size_t depth)
{
	while (depth--)
		gp_buf_add_cstr(out, "  ");
}

/* The settings below `prefix` ("" or ending in a dot), groups after single ones. */
static void print_group(struct gp_import *o, struct gp_str prefix, size_t depth, struct gp_buf *out)
{
	GP_VEC(struct gp_str) groups = {0};

	for (size_t i = 0; i < o->settings.len; i++) {
		struct gp_str path = gp_str(o->settings.items[i].path), name;
		size_t dot;

		if (!gp_str_starts(path, prefix))
			continue;
		name = gp_str_sub(path, prefix.len, path.len);
		dot = gp_str_find_chr(name, '.', 0);
		if (dot < name.len) {
			struct gp_str group = gp_str_sub(path, 0, prefix.len + dot + 1);
			bool is_new = true;

			for (size_t k = 0; k < groups.len; k++)
				is_new = is_new && !gp_str_eq(groups.items[k], group);
			if (is_new)
				*gp_vec_push(o->arena, &groups) = group;
			continue;
		}
		indent(out, depth);
		gp_buf_printf(out, "%.*s = %s;\n", GP_STR_FMT(name), o->settings.items[i].value);
	}
	for (size_t k = 0; k < groups.len && depth < DEPTH_MAX; k++) {
		struct gp_str g = groups.items[k];

		indent(out, depth);
		gp_buf_printf(out, "%.*s = {\n",
			      GP_STR_FMT(gp_str_sub(g, prefix.len, g.len - prefix.len - 1)));
		print_group(o, g, depth + 1, out);
		indent(out, depth);
		gp_buf_add_cstr(out, "};\n");
	}
}

void gp_import_print_settings(struct gp_import *o, struct gp_buf *out)
{
	print_group(o, (struct gp_str){0}, 0, out);
}
