/*
 * gatepost learn log, gatepost learn undo: who taught what, and taking it back.
 *
 * Both are the controller's, which keeps the log; a user may ask about, and take back,
 * what he taught himself.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/learn_link.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

struct log_options {
	const char *user, *since;
	bool json, everybody;
	unsigned max;
};

#define USER_ROW                                                                                   \
	{0, "user", "NAME", "what this user taught", GP_OPT_STRING,                                \
	 offsetof(struct log_options, user)}
#define SINCE_ROW                                                                                  \
	{0, "since", "TIME", "not before: 2h (ago), 3d, \"2026-11-21 09:00\", or Unix seconds",    \
	 GP_OPT_STRING, offsetof(struct log_options, since)}

static const struct gp_opt log_rows[] = {
	USER_ROW,
	SINCE_ROW,
	{'n', "max", "N", "so many of the newest (100); 0 is all", GP_OPT_UINT,
	 offsetof(struct log_options, max)},
	{0, "json", NULL, "one JSON object a line", GP_OPT_FLAG, offsetof(struct log_options, json)},
	GP_OPT_END,
};

static const struct gp_opt undo_rows[] = {
	USER_ROW,
	{0, "everybody", NULL, "what all users taught, and what was trained in nobody's name",
	 GP_OPT_FLAG, offsetof(struct log_options, everybody)},
	SINCE_ROW,
	{0, "json", NULL, "the result as a JSON object", GP_OPT_FLAG,
	 offsetof(struct log_options, json)},
	GP_OPT_END,
};

/* A date and time of this host, with or without the time. */
static bool parse_date(const char *text, int64_t *ret_s)
{
	static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (end && *end == '\0') {
			*ret_s = mktime(&tm);
			return true;
		}
	}
	return false;
}

static bool parse_since(const char *text, int64_t *ret_s)
{
	int64_t ago_ms;

	*ret_s = 0;
	if (!text || gp_num_parse_int(gp_str(text), ret_s) == GP_OK)
		return true;
	if (gp_num_parse_duration(gp_str(text), &ago_ms) == GP_OK) {
		*ret_s = gp_clock_real_s() - ago_ms / 1000;
		return true;
	}
	return parse_date(text, ret_s);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static void print_row(const json_t *row)
{
	time_t when = (time_t)json_integer_value(json_object_get(row, "time"));
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s  %-5s %-8s %s  %s%s%s%s\n", date, text_of(row, "class"),
	       *text_of(row, "reason") ? text_of(row, "reason") : text_of(row, "outcome"),
	       *text_of(row, "user") ? text_of(row, "user") : "-", text_of(row, "message_id"),
	       *text_of(row, "origin") ? "  " : "", text_of(row, "origin"),
	       json_is_true(json_object_get(row, "undone")) ? "  (taken back)" : "");
}

static void show_row(void *arg, struct gp_str json)
{
	const struct log_options *o = arg;
	json_t *row;

	if (o->json) {
		printf("%.*s\n", GP_STR_FMT(json));
		return;
	}
	row = json_loadb(json.ptr, json.len, 0, NULL);
	if (row)
		print_row(row);
	json_decref(row);
}

static void show_undo(void *arg, struct gp_str json)
{
	const struct log_options *o = arg;
	json_t *row = json_loadb(json.ptr, json.len, 0, NULL);
	long long undone = json_integer_value(json_object_get(row, "undone"));
	long long kept = json_integer_value(json_object_get(row, "kept"));

	if (o->json)
		printf("%.*s\n", GP_STR_FMT(json));
	else
		printf("%lld lessons taken back%s\n", undone,
		       kept ? "; others stand, because their messages were taught otherwise since" : "");
	json_decref(row);
}

static int ask(const struct gp_command *cmd, enum gp_learn_verb verb, const struct log_options *o,
	       struct gp_cli *cli)
{
	struct gp_snapshot *snap;
	int64_t since;
	int status;

	if (!parse_since(o->since, &since))
		return gp_cli_fail(GP_EXIT_USAGE, "%s: --since: \"%s\" is no time", cmd->name, o->since);
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = learn_link_ask(snap, verb, o->user ? o->user : "", since, o->max,
				verb == GP_LEARN_LOG ? show_row : show_undo,
				(void *)(uintptr_t)o); /* cast: they only read */
	gp_snapshot_unref(snap);
	return status;
}

static int run_log(struct gp_cli *cli, int argc, char **argv)
{
	struct log_options o = {.max = 100};
	struct gp_opt_list operands = {0};
	int status = gp_cli_options(&gp_cmd_learn_log, cli, argc, argv, &o, &operands);

	return status >= 0 ? status : ask(&gp_cmd_learn_log, GP_LEARN_LOG, &o, cli);
}

static int run_undo(struct gp_cli *cli, int argc, char **argv)
{
	struct log_options o = {0};
	struct gp_opt_list operands = {0};
	int status = gp_cli_options(&gp_cmd_learn_undo, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (!o.everybody == !o.user || !o.since)
		return gp_cli_fail(GP_EXIT_USAGE, "learn undo: say --since TIME, and whose lessons: "
						  "--user NAME or --everybody");
	return ask(&gp_cmd_learn_undo, GP_LEARN_UNDO, &o, cli);
}

const struct gp_command gp_cmd_learn_log = {
	.name = "learn log",
	.operands = "",
	.summary = "show who taught what, the newest first",
	.options = log_rows,
	.run = run_log,
};

const struct gp_command gp_cmd_learn_undo = {
	.name = "learn undo",
	.operands = "",
	.summary = "take back what a user taught since a time",
	.details = "Every count is as if these lessons had never been; lessons stand whose message "
		   "somebody\nhas taught otherwise since.",
	.options = undo_rows,
	.run = run_undo,
};
