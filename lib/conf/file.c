/*
 * From libconfig to a tree of plain values.  The only file that knows libconfig.
 */
#include <libconfig.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/conf/node.h"
#include "lib/conf/source.h"

static void copy_value(struct gp_arena *arena, config_setting_t *from, struct gp_conf_node *to)
{
	switch (config_setting_type(from)) {
	case CONFIG_TYPE_BOOL:
		to->kind = GP_NODE_BOOL;
		to->is_true = config_setting_get_bool(from) != 0;
		break;
	case CONFIG_TYPE_INT:
		to->kind = GP_NODE_INT;
		to->integer = config_setting_get_int(from);
		break;
	case CONFIG_TYPE_INT64:
		to->kind = GP_NODE_INT;
		to->integer = config_setting_get_int64(from);
		break;
	case CONFIG_TYPE_FLOAT:
		to->kind = GP_NODE_FRACTION;
		to->fraction = config_setting_get_float(from);
		break;
	case CONFIG_TYPE_GROUP:
		to->kind = GP_NODE_GROUP;
		break;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		to->kind = GP_NODE_LIST;
		break;
	default:
		to->kind = GP_NODE_TEXT;
		to->text = gp_arena_strdup(arena, config_setting_get_string(from));
		break;
	}
}

static bool has_error_at(const struct gp_conf_report *r, struct gp_conf_place place)
{
	for (size_t i = 0; i < r->errors.len; i++)
		if (r->errors.items[i].line == place.line &&
		    gp_str_eq(gp_str(r->errors.items[i].file), gp_str(place.file)))
			return true;
	return false;
}

static void copy_tree(const struct gp_conf_source *source, const struct gp_conf_report *later,
		      config_setting_t *from, struct gp_conf_node *to)
{
	struct gp_conf_place place = gp_conf_source_place(source, config_setting_source_line(from));
	const char *name = config_setting_name(from);
	struct gp_arena *arena = source->arena;

	to->name = name ? gp_arena_strdup(arena, name) : NULL;
	to->file = place.file;
	to->line = place.line;
	copy_value(arena, from, to);
	to->is_cut = to->kind == GP_NODE_INT && has_error_at(later, place);
	if (!config_setting_is_aggregate(from))
		return;
	to->n_children = (size_t)config_setting_length(from);
	to->children = GP_ARENA_NEW_N(arena, to->n_children, struct gp_conf_node);
	for (size_t i = 0; i < to->n_children; i++)
		copy_tree(source, later, config_setting_get_elem(from, (unsigned)i),
			  &to->children[i]);
}

static int parse(struct gp_conf_source *source, const struct gp_conf_report *later,
		 struct gp_conf_node *ret_root, struct gp_conf_report *report)
{
	config_t config;
	int r = GP_OK;

	config_init(&config);
	if (config_read_string(&config, gp_buf_cstr(&source->text))) {
		copy_tree(source, later, config_root_setting(&config), ret_root);
	} else {
		unsigned line = (unsigned)config_error_line(&config);
		struct gp_conf_place place = gp_conf_source_place(source, line);
		struct gp_str text = gp_str_sub(gp_conf_source_line(source, line), 0, 60);

		gp_conf_report_add(report, place.file, place.line, "%s%s%.*s",
				   config_error_text(&config),
				   line > source->lines.len ? " at the end of the file"
				   : text.len		    ? " near: "
							    : "",
				   GP_STR_FMT(text));
		r = GP_EINVAL;
	}
	config_destroy(&config);
	return r;
}

static int read_source(const char *file, const struct gp_str *text, struct gp_arena *arena,
		       struct gp_conf_node *ret_root, struct gp_conf_report *report)
{
	struct gp_conf_source source = {.arena = arena, .text = GP_BUF_INIT(GP_MAX_CONF_FILE)};
	GP_CONF_REPORT_AUTO later;
	int r;

	gp_conf_report_init(&later);
	r = text ? gp_conf_source_text(&source, file, *text, report, &later)
		 : gp_conf_source_read(&source, file, report, &later);
	if (r == GP_OK)
		r = parse(&source, &later, ret_root, report);
	for (size_t i = 0; r == GP_OK && i < later.errors.len; i++)
		gp_conf_report_add(report, later.errors.items[i].file, later.errors.items[i].line,
				   "%s", later.errors.items[i].text);
	gp_buf_done(&source.text);
	return r < 0 ? GP_EINVAL : GP_OK;
}

int gp_conf_file_read(const char *file, struct gp_arena *arena, struct gp_conf_node *ret_root,
		      struct gp_conf_report *report)
{
	return read_source(file, NULL, arena, ret_root, report);
}

int gp_conf_file_parse(const char *name, struct gp_str text, struct gp_arena *arena,
		       struct gp_conf_node *ret_root, struct gp_conf_report *report)
{
	return read_source(name, &text, arena, ret_root, report);
}

const char *gp_conf_kind_name(enum gp_conf_kind kind)
{
	static const char *const names[] = {
		[GP_NODE_GROUP] = "a group",  [GP_NODE_LIST] = "a list",
		[GP_NODE_BOOL] = "a boolean", [GP_NODE_INT] = "an integer",
		[GP_NODE_FRACTION] = "a number", [GP_NODE_TEXT] = "a text",
	};

	return names[kind];
}
