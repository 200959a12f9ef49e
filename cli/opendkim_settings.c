/*
 * Our settings, collected while OpenDKIM's are read, and printed as gatepost.conf has them.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cli/opendkim_int.h"

/* Groups within groups: "milter-dkim", "sign". */
#define DEPTH_MAX 4
#define VALUE_MAX (1 << 20)

static void store(struct odk *o, const char *path, const char *value)
{
	struct odk_setting s = {path, gp_arena_strdup(o->arena, value)};

	for (size_t i = 0; i < o->settings.len; i++)
		if (gp_str_eq(gp_str(o->settings.items[i].path), gp_str(path))) {
			o->settings.items[i] = s;
			return;
		}
	*gp_vec_push(o->arena, &o->settings) = s;
}

void odk_set(struct odk *o, const char *path, const char *fmt, ...)
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

void odk_set_text(struct odk *o, const char *path, struct gp_str text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(VALUE_MAX);

	quote(&out, text);
	store(o, path, gp_buf_cstr(&out));
}

void odk_set_list(struct odk *o, const char *path, const struct gp_str *items, size_t n)
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
static void print_group(struct odk *o, struct gp_str prefix, size_t depth, struct gp_buf *out)
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

void odk_print_settings(struct odk *o, struct gp_buf *out)
{
	print_group(o, (struct gp_str){0}, 0, out);
}
