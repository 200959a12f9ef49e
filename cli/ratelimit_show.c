/*
 * Tables of limits and contained keys; see the header.
 */
#include "cli/ratelimit_show.h"

#include <string.h>
#include <time.h>

#include "cli/json.h"
#include "cli/table.h"
#include "cli/text.h"
#include "policyd-ratelimit/options.h"

#define CELL_MAX 80

bool gp_ratelimit_is(const json_t *row, const char *type)
{
	const char *is = json_string_value(json_object_get(row, "type"));

	return is && strcmp(is, type) == 0;
}

const char *gp_ratelimit_text(struct gp_cli *cli, const json_t *row, const char *name)
{
	const json_t *value = json_object_get(row, name);

	if (!json_is_string(value))
		return "";
	return gp_text_show(cli->arena,
			    gp_str_n(json_string_value(value), json_string_length(value)), CELL_MAX);
}

static int64_t number(const json_t *row, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(row, name));
}

/* Local time, as a person says it. */
static const char *show_time(struct gp_cli *cli, int64_t at_s)
{
	time_t t = (time_t)at_s;
	char text[40];
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return "-";
	return gp_arena_strdup(cli->arena, text);
}

static const char *show_duration(struct gp_cli *cli, int64_t s)
{
	/* The two largest units: 1h 20m, not 1h 20m 3s. */
	static const struct {
		int64_t s;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
	size_t i = 0;

	if (s < 0)
		return "never";
	if (s == 0)
		return "now";
	while (s < units[i].s)
		i++;
	if (i + 1 < GP_ARRAY_SIZE(units) && s % units[i].s >= units[i + 1].s)
		return gp_arena_printf(cli->arena, "%lld%s %lld%s", (long long)(s / units[i].s),
				       units[i].name,
				       (long long)(s % units[i].s / units[i + 1].s),
				       units[i + 1].name);
	return gp_arena_printf(cli->arena, "%lld%s", (long long)(s / units[i].s), units[i].name);
}

static size_t finish(const struct gp_table *t, const char *heading)
{
	if (t->rows.len > 0)
		printf("%s\n", heading);
	gp_table_print(t, stdout);
	if (t->rows.len > 0)
		putchar('\n');
	return t->rows.len;
}

size_t gp_ratelimit_print_contained(struct gp_cli *cli, const struct gp_ratelimit_rows *rows)
{
	static const struct gp_table_column columns[] = {
		{"BY", false},	  {"KEY", false},  {"ACTION", false}, {"SINCE", false},
		{"UNTIL", false}, {"HOST", false}, {"LIMIT", false},  {"REASON", false},
	};
	struct gp_table t = {.arena = cli->arena, .columns = columns,
			     .n_columns = GP_ARRAY_SIZE(columns)};

	for (size_t i = 0; i < rows->items.len; i++) {
		const json_t *row = rows->items.items[i];
		const char **cell;

		if (!gp_ratelimit_is(row, "contained"))
			continue;
		cell = gp_table_row(&t);
		cell[0] = gp_ratelimit_text(cli, row, "kind");
		cell[1] = gp_ratelimit_text(cli, row, "key");
		cell[2] = gp_ratelimit_text(cli, row, "action");
		cell[3] = show_time(cli, number(row, "since"));
		cell[4] = show_time(cli, number(row, "until"));
		cell[5] = gp_ratelimit_text(cli, row, "host");
		cell[6] = gp_ratelimit_text(cli, row, "rule");
		cell[7] = gp_ratelimit_text(cli, row, "reason");
		if (!*cell[6])
			cell[6] = "-";
	}
	return finish(&t, "Contained:");
}

/* What the settings say, for comparison. */

static struct limit_rules read_rules(struct gp_cli *cli, const struct gp_snapshot *snap)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(snap, &ratelimit_table);
	struct limit_rules rules = {0};
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (limit_rules_build(&ratelimit_table, limits_groups(conf, snap), cli->arena, &rules,
			      &report) < 0)
		rules = (struct limit_rules){0};
	return rules;
}

static int64_t find_max(const struct limit_rules *rules, const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "limit"));
	const char *window = json_string_value(json_object_get(row, "window"));
	const struct limit_rule *rule = name ? limit_rules_find(rules, gp_str(name)) : NULL;

	for (size_t i = 0; rule && window && i < rule->windows.len; i++)
		if (strcmp(rule->windows.items[i].name, window) == 0)
			return rule->windows.items[i].limit.max;
	return 0;
}

static const char *show_override(struct gp_cli *cli, const struct limit_rules *rules,
				 const json_t *row)
{
	int64_t own = find_max(rules, row);

	if (own == 0 || own == number(row, "max"))
		return "";
	return gp_arena_printf(cli->arena, "(else %lld)", (long long)own);
}

size_t gp_ratelimit_print_limits(struct gp_cli *cli, const struct gp_snapshot *snap,
				 const struct gp_ratelimit_rows *rows)
{
	static const struct gp_table_column columns[] = {
		{"LIMIT", false},  {"KEY", false}, {"USED", true},	{"MAX", true},
		{"SHARE", true}, {"WINDOW", true}, {"ROOM IN", true}, {"OVERRIDE", false},
	};
	struct gp_table t = {.arena = cli->arena, .columns = columns,
			     .n_columns = GP_ARRAY_SIZE(columns)};
	struct limit_rules rules = read_rules(cli, snap);

	for (size_t i = 0; i < rows->items.len; i++) {
		const json_t *row = rows->items.items[i];
		int64_t used = number(row, "used"), max = GP_MAX(number(row, "max"), (int64_t)1);
		const char **cell;

		if (!gp_ratelimit_is(row, "limit"))
			continue;
		cell = gp_table_row(&t);
		cell[0] = gp_ratelimit_text(cli, row, "limit");
		cell[1] = gp_ratelimit_text(cli, row, "key");
		cell[2] = gp_arena_printf(cli->arena, "%lld", (long long)used);
		cell[3] = gp_arena_printf(cli->arena, "%lld", (long long)max);
		cell[4] = gp_arena_printf(cli->arena, "%.0f %%", 100.0 * (double)used / (double)max);
		cell[5] = gp_ratelimit_text(cli, row, "window");
		cell[6] = show_duration(cli, number(row, "free_in"));
		cell[7] = show_override(cli, &rules, row);
	}
	return finish(&t, "Limits, the fullest first:");
}

/* All that the note has, but for what stands in columns of its own. */
static const char *show_rest(struct gp_cli *cli, const json_t *row)
{
	static const char *const shown[] = {"type", "kind", "key", "time", "what", "host"};
	GP_BUF_AUTO text = GP_BUF_INIT(2048);
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)row, name, value) { /* cast: it reads */
		bool is_shown = false;

		for (size_t i = 0; i < GP_ARRAY_SIZE(shown); i++)
			is_shown |= strcmp(name, shown[i]) == 0;
		if (is_shown)
			continue;
		gp_buf_printf(&text, "%s%s=", text.len ? " " : "", name);
		if (json_is_number(value))
			gp_buf_printf(&text, "%g", json_number_value(value));
		else
			gp_buf_add_cstr(&text, gp_ratelimit_text(cli, row, name));
	}
	return gp_arena_strdup(cli->arena, gp_buf_cstr(&text));
}

size_t gp_ratelimit_print_notes(struct gp_cli *cli, const struct gp_ratelimit_rows *rows,
				const char *type, const char *heading)
{
	static const struct gp_table_column columns[] = {
		{"TIME", false}, {"WHAT", false}, {"HOST", false}, {"DETAILS", false}};
	struct gp_table t = {.arena = cli->arena, .columns = columns,
			     .n_columns = GP_ARRAY_SIZE(columns)};

	for (size_t i = 0; i < rows->items.len; i++) {
		const json_t *row = rows->items.items[i];
		const char **cell;

		if (!gp_ratelimit_is(row, type))
			continue;
		cell = gp_table_row(&t);
		cell[0] = show_time(cli, (int64_t)json_number_value(json_object_get(row, "time")));
		cell[1] = gp_ratelimit_text(cli, row, "what");
		cell[2] = gp_ratelimit_text(cli, row, "host");
		cell[3] = show_rest(cli, row);
	}
	return finish(&t, heading);
}

void gp_ratelimit_print_json(const struct gp_ratelimit_rows *rows)
{
	for (size_t i = 0; i < rows->items.len; i++)
		gp_json_print(json_incref(rows->items.items[i]));
}
