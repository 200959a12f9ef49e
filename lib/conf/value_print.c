/*
 * Values as they would be written in a file.
 */
#include <math.h>
#include <stdio.h>

#include "lib/base/num.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/value.h"

static void print_quoted(struct gp_buf *out, const char *text)
{
	gp_buf_add_chr(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			gp_buf_add_chr(out, '\\');
		if ((unsigned char)*text < ' ')
			gp_buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text);
		else
			gp_buf_add_chr(out, *text);
	}
	gp_buf_add_chr(out, '"');
}

/* libconfig reads "4" as an integer; a fraction keeps its point. */
static void print_double(struct gp_buf *out, double value)
{
	char text[64];
	int len = 0;

	/* The shortest form that reads back to the same value. */
	for (int digits = 1; digits <= 17; digits++) {
		double back;

		len = snprintf(text, sizeof(text), "%.*g", digits, value);
		if (gp_num_parse_double(gp_str_n(text, (size_t)len), &back) == GP_OK &&
		    fabs(back - value) <= 0)
			break;
	}
	gp_buf_add(out, text, (size_t)len);
	if (!strpbrk(text, ".e"))
		gp_buf_add_cstr(out, ".0");
}

static void print_list(struct gp_buf *out, const struct gp_conf_list *list)
{
	gp_buf_add_cstr(out, "[");
	for (size_t i = 0; i < list->len; i++) {
		gp_buf_add_cstr(out, i ? ", " : " ");
		print_quoted(out, list->items[i]);
	}
	gp_buf_add_cstr(out, list->len ? " ]" : "]");
}

static void print_networks(struct gp_buf *out, const struct gp_netset *set)
{
	char text[GP_IP_TEXT];

	gp_buf_add_cstr(out, "[");
	for (size_t i = 0; i < set->len; i++)
		gp_buf_printf(out, "%s\"%s\"", i ? ", " : " ",
			      gp_cidr_format(&set->nets[i], text));
	gp_buf_add_cstr(out, set->len ? " ]" : "]");
}

static void print_groups(struct gp_buf *out, const struct gp_conf_table *item,
			 const struct gp_conf_groups *groups)
{
	gp_buf_add_cstr(out, "{");
	for (size_t i = 0; i < groups->len; i++) {
		gp_buf_printf(out, " %s = {", groups->items[i].name);
		for (size_t k = 0; k < item->n_rows; k++) {
			gp_buf_printf(out, " %s = ", item->rows[k].path);
			gp_conf_value_print(&item->rows[k], groups->items[i].values, out);
			gp_buf_add_chr(out, ';');
		}
		gp_buf_add_cstr(out, " };");
	}
	gp_buf_add_cstr(out, groups->len ? " }" : "}");
}

void gp_conf_value_print(const struct gp_conf_row *row, const void *values, struct gp_buf *out)
{
	const void *field = (const char *)values + row->offset;
	char text[GP_NUM_TEXT];

	switch (row->type) {
	case GP_CONF_BOOL:
		gp_buf_add_cstr(out, *(const bool *)field ? "true" : "false");
		break;
	case GP_CONF_INT:
		gp_buf_printf(out, "%lld", (long long)*(const int64_t *)field);
		break;
	case GP_CONF_DOUBLE:
		print_double(out, *(const double *)field);
		break;
	case GP_CONF_DURATION:
		print_quoted(out, gp_num_format_duration(*(const int64_t *)field, text));
		break;
	case GP_CONF_SIZE:
		print_quoted(out, gp_num_format_size(*(const int64_t *)field, text));
		break;
	case GP_CONF_ENUM:
		print_quoted(out, gp_conf_enum_name(row->values, *(const int *)field));
		break;
	case GP_CONF_MODE:
		gp_buf_printf(out, "\"%04o\"", *(const unsigned *)field);
		break;
	case GP_CONF_STRING:
	case GP_CONF_PATH:
	case GP_CONF_PASSWORD_FILE:
		print_quoted(out, *(const char *const *)field);
		break;
	case GP_CONF_MAP: {
		const struct gp_mapfile *map = *(struct gp_mapfile *const *)field;

		print_quoted(out, map ? gp_mapfile_path(map) : "");
		break;
	}
	case GP_CONF_LIST:
		print_list(out, field);
		break;
	case GP_CONF_NETWORKS:
		print_networks(out, field);
		break;
	case GP_CONF_GROUPS:
		print_groups(out, row->item, field);
		break;
	}
}

void gp_conf_default_print(const struct gp_conf_row *row, struct gp_buf *out)
{
	struct gp_str rest = gp_str(row->def), piece;
	bool is_first = true;

	switch (row->type) {
	case GP_CONF_BOOL:
	case GP_CONF_INT:
	case GP_CONF_DOUBLE:
		gp_buf_add_cstr(out, row->def);
		break;
	case GP_CONF_LIST:
	case GP_CONF_NETWORKS:
		gp_buf_add_cstr(out, "[");
		while (gp_str_next(&rest, ',', &piece)) {
			gp_buf_printf(out, "%s\"%.*s\"", is_first ? " " : ", ",
				      GP_STR_FMT(gp_str_trim(piece)));
			is_first = false;
		}
		gp_buf_add_cstr(out, is_first ? "]" : " ]");
		break;
	case GP_CONF_GROUPS:
		gp_buf_add_cstr(out, "{}");
		break;
	case GP_CONF_STRING:
	case GP_CONF_DURATION:
	case GP_CONF_SIZE:
	case GP_CONF_ENUM:
	case GP_CONF_MODE:
	case GP_CONF_PATH:
	case GP_CONF_PASSWORD_FILE:
	case GP_CONF_MAP:
		print_quoted(out, row->def);
		break;
	}
}
