/*
 * One value into one field: types, bounds, checks.
 */
#include "lib/conf/value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/vec.h"
#include "lib/conf/mapfile.h"

/* A value on its way: the setting it belongs to, and where to complain. */
struct input {
	struct gp_conf_context *c;
	const struct gp_conf_table *table;
	const struct gp_conf_row *row;
	const struct gp_conf_node *node; /* NULL: the default */
};

static void wrong(const struct input *in, const char *fmt, ...) GP_PRINTF(2, 3);
static void wrong(const struct input *in, const char *fmt, ...)
{
	struct gp_diag text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	gp_conf_report_add(in->c->report, in->node ? in->node->file : NULL,
			   in->node ? in->node->line : 0, "%s%s%s: %s",
			   in->table->group ? in->table->group : "", in->table->group ? "." : "",
			   in->row->path, text.text);
}

const char *gp_conf_type_name(enum gp_conf_type type)
{
	static const char *const names[] = {
		[GP_CONF_BOOL] = "boolean",	  [GP_CONF_INT] = "integer",
		[GP_CONF_DOUBLE] = "number",	  [GP_CONF_STRING] = "text",
		[GP_CONF_DURATION] = "duration",  [GP_CONF_SIZE] = "size",
		[GP_CONF_ENUM] = "choice",	  [GP_CONF_MODE] = "file mode",
		[GP_CONF_LIST] = "list of texts", [GP_CONF_NETWORKS] = "list of networks",
		[GP_CONF_PATH] = "path",	  [GP_CONF_PASSWORD_FILE] = "path of a password file",
		[GP_CONF_MAP] = "path of a map file", [GP_CONF_GROUPS] = "groups",
	};

	return names[type];
}

const char *gp_conf_enum_name(const struct gp_conf_enum *values, int value)
{
	for (; values->name; values++)
		if (values->value == value)
			return values->name;
	return "?";
}

/* What a setting of this type looks like, for messages. */
static const char *expected(enum gp_conf_type type)
{
	static const char *const texts[] = {
		[GP_CONF_BOOL] = "true or false",
		[GP_CONF_INT] = "an integer",
		[GP_CONF_DOUBLE] = "a number",
		[GP_CONF_STRING] = "a text in quotes",
		[GP_CONF_DURATION] = "a time like \"90s\", \"15m\", \"2h\" or \"1d\"",
		[GP_CONF_SIZE] = "a size like \"64K\", \"10M\" or \"2G\"",
		[GP_CONF_ENUM] = "a text in quotes",
		[GP_CONF_MODE] = "an octal file mode in quotes like \"0660\"",
		[GP_CONF_LIST] = "a list of texts like [ \"a\", \"b\" ]",
		[GP_CONF_NETWORKS] = "a list of networks like [ \"192.0.2.0/24\", \"::1\" ]",
		[GP_CONF_PATH] = "a path in quotes",
		[GP_CONF_PASSWORD_FILE] = "a path in quotes",
		[GP_CONF_MAP] = "a path in quotes",
		[GP_CONF_GROUPS] = "groups { NAME = { … }; … }",
	};

	return texts[type];
}

static void wrong_type(const struct input *in)
{
	if (in->node)
		wrong(in, "expected %s, found %s", expected(in->row->type),
		      gp_conf_kind_name(in->node->kind));
	else
		wrong(in, "bad default \"%s\"", in->row->def);
}

/* A number of the row's type as text, for bounds and defaults. */
static void print_number(enum gp_conf_type type, double value, struct gp_buf *out)
{
	char text[GP_NUM_TEXT];

	if (type == GP_CONF_DURATION)
		gp_buf_add_cstr(out, gp_num_format_duration((int64_t)value, text));
	else if (type == GP_CONF_SIZE)
		gp_buf_add_cstr(out, gp_num_format_size((int64_t)value, text));
	else
		gp_buf_printf(out, "%.10g", value);
}

static bool has_bounds(const struct gp_conf_row *row)
{
	return row->min < row->max;
}

void gp_conf_bounds_print(const struct gp_conf_row *row, struct gp_buf *out)
{
	if (!has_bounds(row))
		return;
	print_number(row->type, row->min, out);
	gp_buf_add_cstr(out, " to ");
	print_number(row->type, row->max, out);
}

static bool in_bounds(const struct input *in, double value)
{
	const struct gp_conf_row *row = in->row;
	GP_BUF_AUTO text = GP_BUF_INIT(256);

	if (!has_bounds(row) || (value >= row->min && value <= row->max))
		return true;
	print_number(row->type, value, &text);
	gp_buf_add_cstr(&text, " is out of bounds (");
	gp_conf_bounds_print(row, &text);
	wrong(in, "%s)", gp_buf_cstr(&text));
	return false;
}

/* The text of a node or of the default; NULL (and a message) for another kind. */
static const char *text_of(const struct input *in)
{
	if (!in->node)
		return in->row->def;
	if (in->node->kind == GP_NODE_TEXT)
		return in->node->text;
	wrong_type(in);
	return NULL;
}

static void store_bool(const struct input *in, bool *field)
{
	if (in->node && in->node->kind == GP_NODE_BOOL)
		*field = in->node->is_true;
	else if (!in->node && gp_str_eq(gp_str(in->row->def), GP_STR("true")))
		*field = true;
	else if (!in->node && gp_str_eq(gp_str(in->row->def), GP_STR("false")))
		*field = false;
	else
		wrong_type(in);
}

/* Integers, times and sizes; a bare integer is seconds for times. */
static void store_int(const struct input *in, int64_t *field)
{
	enum gp_conf_type type = in->row->type;
	int64_t value = 0;
	int r = GP_EINVAL;

	if (in->node && in->node->kind == GP_NODE_INT) {
		value = in->node->integer;
		r = type == GP_CONF_DURATION && __builtin_mul_overflow(value, 1000, &value)
			    ? GP_ELIMIT : GP_OK;
	} else if (!in->node || (in->node->kind == GP_NODE_TEXT && type != GP_CONF_INT)) {
		struct gp_str text = gp_str(in->node ? in->node->text : in->row->def);

		r = type == GP_CONF_DURATION ? gp_num_parse_duration(text, &value)
		    : type == GP_CONF_SIZE   ? gp_num_parse_size(text, &value)
					     : gp_num_parse_int(text, &value);
		if (r < 0 && in->node) {
			wrong(in, "\"%s\" is not %s", in->node->text, expected(type));
			return;
		}
	}
	if (r < 0)
		wrong_type(in);
	else if (in_bounds(in, (double)value))
		*field = value;
}

static void store_double(const struct input *in, double *field)
{
	double value = 0;

	if (in->node && in->node->kind == GP_NODE_INT)
		value = (double)in->node->integer;
	else if (in->node && in->node->kind == GP_NODE_FRACTION && isfinite(in->node->fraction))
		value = in->node->fraction;
	else if (in->node || gp_num_parse_double(gp_str(in->row->def), &value) < 0) {
		wrong_type(in);
		return;
	}
	if (in_bounds(in, value))
		*field = value;
}

static void store_enum(const struct input *in, int *field)
{
	const char *text = text_of(in);
	GP_BUF_AUTO names = GP_BUF_INIT(512);

	if (!text)
		return;
	for (const struct gp_conf_enum *e = in->row->values; e->name; e++) {
		if (gp_str_eq(gp_str(text), gp_str(e->name))) {
			*field = e->value;
			return;
		}
		gp_buf_printf(&names, "%s\"%s\"", names.len ? ", " : "", e->name);
	}
	wrong(in, "\"%s\" is none of %s", text, gp_buf_cstr(&names));
}

static void store_mode(const struct input *in, unsigned *field)
{
	const char *text = text_of(in);
	unsigned mode = 0;
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	for (size_t i = 0; i < len && len <= 4; i++) {
		if (text[i] < '0' || text[i] > '7')
			len = 0;
		else
			mode = mode * 8 + (unsigned)(text[i] - '0');
	}
	if (len < 3 || len > 4 || mode > 0777)
		wrong(in, "\"%s\" is not %s", text, expected(GP_CONF_MODE));
	else
		*field = mode;
}

static bool is_missing(const struct input *in, const char *text)
{
	if (*text || !(in->row->flags & GP_CONF_REQUIRED))
		return false;
	wrong(in, "must not be empty");
	return true;
}

static void store_string(const struct input *in, const char **field)
{
	const char *text = text_of(in);

	if (text && !is_missing(in, text))
		*field = gp_arena_strdup(in->c->arena, text);
}

/* Relative paths are looked up beside the configuration file. */
static void store_path(const struct input *in, const char **field)
{
	const char *text = text_of(in), *file = in->c->file;
	size_t dir = file ? strlen(file) : 0;

	if (!text || is_missing(in, text))
		return;
	while (dir > 0 && file[dir - 1] != '/')
		dir--;
	if (*text == '\0' || *text == '/')
		dir = 0;
	*field = gp_arena_printf(in->c->arena, "%.*s%s", (int)dir, file ? file : "", text);
}

static void store_password_file(const struct input *in, const char **field)
{
	const char *text = text_of(in), *dir = getenv("CREDENTIALS_DIRECTORY");

	if (!text || is_missing(in, text))
		return;
	if (*text == '\0' || *text == '/')
		*field = gp_arena_strdup(in->c->arena, text);
	else if (dir && *dir)
		*field = gp_arena_printf(in->c->arena, "%s/%s", dir, text);
	else
		wrong(in, "\"%s\" is a credential's name, but $CREDENTIALS_DIRECTORY is not set",
		      text);
}

static void store_map(const struct input *in, struct gp_mapfile **field)
{
	const char *path = NULL;
	struct gp_conf_report *report = in->c->report;
	size_t before;

	store_path(in, &path);
	if (!path || !*path)
		return;
	before = report->errors.len;
	if (gp_mapfile_load(path, in->c->arena, field, report) < 0 &&
	    report->errors.len == before)
		wrong(in, "cannot be read");
}

/* Calls fn for every text of a list setting (a single text counts as a list). */
static void each_item(const struct input *in, void (*fn)(const struct input *, const char *, void *),
		      void *arg)
{
	const struct gp_conf_node *node = in->node;
	struct input item = *in;

	if (!node) {
		struct gp_str rest = gp_str(in->row->def), piece;

		while (gp_str_next(&rest, ',', &piece))
			fn(in, gp_arena_cstr(in->c->arena, gp_str_trim(piece)), arg);
		return;
	}
	if (node->kind == GP_NODE_TEXT) {
		fn(in, node->text, arg);
		return;
	}
	if (node->kind != GP_NODE_LIST) {
		wrong_type(in);
		return;
	}
	for (size_t i = 0; i < node->n_children; i++) {
		item.node = &node->children[i];
		if (item.node->kind == GP_NODE_TEXT)
			fn(&item, item.node->text, arg);
		else
			wrong(&item, "expected a text in quotes, found %s",
			      gp_conf_kind_name(item.node->kind));
	}
}

struct texts {
	GP_VEC(const char *) items;
};

static void add_text(const struct input *in, const char *text, void *arg)
{
	struct texts *texts = arg;

	*gp_vec_push(in->c->arena, &texts->items) = gp_arena_strdup(in->c->arena, text);
}

static void store_list(const struct input *in, struct gp_conf_list *field)
{
	struct texts texts = {0};

	each_item(in, add_text, &texts);
	if (texts.items.len == 0 && (in->row->flags & GP_CONF_REQUIRED))
		wrong(in, "must not be empty");
	field->items = texts.items.items;
	field->len = texts.items.len;
}

static void add_network(const struct input *in, const char *text, void *arg)
{
	struct gp_cidr net;

	if (gp_cidr_parse(gp_str(text), &net) < 0)
		wrong(in, "\"%s\" is not a network (host bits set, or no address)", text);
	else
		gp_netset_add(in->c->arena, arg, net);
}

static void store_networks(const struct input *in, struct gp_netset *field)
{
	struct gp_netset nets = {0};

	each_item(in, add_network, &nets);
	gp_netset_seal(&nets);
	*field = nets;
}

void gp_conf_value_store(struct gp_conf_context *c, const struct gp_conf_table *table,
			 const struct gp_conf_row *row, const struct gp_conf_node *node,
			 void *values)
{
	struct input in = {c, table, row, node};
	void *field = (char *)values + row->offset;
	size_t before = c->report->errors.len;
	struct gp_diag diag = {0};

	if (node && node->is_cut)
		return;
	switch (row->type) {
	case GP_CONF_BOOL:
		store_bool(&in, field);
		break;
	case GP_CONF_INT:
	case GP_CONF_DURATION:
	case GP_CONF_SIZE:
		store_int(&in, field);
		break;
	case GP_CONF_DOUBLE:
		store_double(&in, field);
		break;
	case GP_CONF_ENUM:
		store_enum(&in, field);
		break;
	case GP_CONF_MODE:
		store_mode(&in, field);
		break;
	case GP_CONF_STRING:
		store_string(&in, field);
		break;
	case GP_CONF_PATH:
		store_path(&in, field);
		break;
	case GP_CONF_PASSWORD_FILE:
		store_password_file(&in, field);
		break;
	case GP_CONF_MAP:
		store_map(&in, field);
		break;
	case GP_CONF_LIST:
		store_list(&in, field);
		break;
	case GP_CONF_NETWORKS:
		store_networks(&in, field);
		break;
	case GP_CONF_GROUPS: /* schema.c walks into them */
		break;
	}
	if (row->check && c->report->errors.len == before && row->check(field, &diag) < 0)
		wrong(&in, "%s", diag.text);
}
