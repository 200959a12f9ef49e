/*
 * gatepost ratelimit list, show, reset, block: what policyd-ratelimit counted and contains, and
 * changing it.  (release: cmd_ratelimit_release.c)
 */
#include <stdio.h>

#include "cli/ratelimit_show.h"
#include "lib/base/num.h"

struct ratelimit_options {
	const char *duration, *reason, *action;
	unsigned max;
	bool json;
};

#define JSON_ROW                                                                                   \
	{0, "json", NULL, "one JSON object a line, with all that is known", GP_OPT_FLAG,           \
	 offsetof(struct ratelimit_options, json)}

#define KEY_HELP                                                                                   \
	"KEY is an account (\"u@example.org\"), an address or network (\"192.0.2.0/24\"), or\n"    \
	"KIND:KEY with one of sasl_username, sender, sender_domain, client_address,\n"             \
	"helo_name, recipient, recipient_domain."

static const struct gp_opt list_options[] = {
	{'n', "max", "NUMBER", "so many limits, the fullest (20)", GP_OPT_UINT,
	 offsetof(struct ratelimit_options, max)},
	JSON_ROW,
	GP_OPT_END,
};

static const struct gp_opt json_options[] = {JSON_ROW, GP_OPT_END};

static const struct gp_opt block_options[] = {
	{0, "for", "TIME", "how long: 1h, 7d (24h)", GP_OPT_STRING,
	 offsetof(struct ratelimit_options, duration)},
	{0, "reason", "TEXT", "why, for whoever looks at it later", GP_OPT_STRING,
	 offsetof(struct ratelimit_options, reason)},
	{0, "action", "WORD", "what becomes of its mail: hold (the usual), defer, reject",
	 GP_OPT_STRING, offsetof(struct ratelimit_options, action)},
	JSON_ROW,
	GP_OPT_END,
};

/* Looking. */

static int run_list(struct gp_cli *cli, int argc, char **argv)
{
	struct ratelimit_options o = {.max = 20};
	struct gp_opt_list operands = {0};
	struct gp_ratelimit_rows rows = {0};
	struct gp_snapshot *snap;
	int status = gp_cli_options(&gp_cmd_ratelimit_list, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (o.max < 1 || o.max > 1000)
		return gp_cli_fail(GP_EXIT_USAGE, "--max: 1 to 1000");
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = gp_ratelimit_look(cli, snap, "", o.max, &rows);
	if (o.json) {
		gp_ratelimit_print_json(&rows);
	} else if (!status) {
		if (gp_ratelimit_print_contained(cli, &rows) == 0)
			puts("Nothing is contained.\n");
		if (gp_ratelimit_print_limits(cli, snap, &rows) == 0)
			puts("Nothing is counted.");
	}
	gp_ratelimit_rows_done(&rows);
	gp_snapshot_unref(snap);
	return status;
}

static void show(struct gp_cli *cli, const struct gp_snapshot *snap,
		 const struct gp_ratelimit_rows *rows)
{
	if (gp_ratelimit_print_contained(cli, rows) == 0)
		puts("It is not contained.\n");
	if (gp_ratelimit_print_limits(cli, snap, rows) == 0)
		puts("Nothing is counted.\n");
	gp_ratelimit_print_notes(cli, rows, "change", "What was done:");
	gp_ratelimit_print_notes(cli, rows, "event", "Last events:");
	gp_ratelimit_print_notes(cli, rows, "held", "Last messages held:");
}

/* The one operand; NULL: what is wrong is printed. */
static const char *key_of(const struct gp_command *cmd, const struct gp_opt_list *operands)
{
	if (operands->len == 1 && *operands->items[0])
		return operands->items[0];
	gp_cli_fail(GP_EXIT_USAGE, "%s: wants one key; see gatepost %s --help", cmd->name, cmd->name);
	return NULL;
}

static int run_show(struct gp_cli *cli, int argc, char **argv)
{
	struct ratelimit_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_ratelimit_rows rows = {0};
	struct gp_snapshot *snap;
	const char *key;
	int status = gp_cli_options(&gp_cmd_ratelimit_show, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	key = key_of(&gp_cmd_ratelimit_show, &operands);
	if (!key)
		return GP_EXIT_USAGE;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = gp_ratelimit_look(cli, snap, key, 0, &rows);
	if (o.json)
		gp_ratelimit_print_json(&rows);
	else if (!status)
		show(cli, snap, &rows);
	gp_ratelimit_rows_done(&rows);
	gp_snapshot_unref(snap);
	return status;
}

/* Changing. */

static int order(struct gp_cli *cli, struct gp_str frame, struct gp_ratelimit_rows *ret)
{
	struct gp_snapshot *snap;
	int status = gp_cli_load(cli, &snap);

	if (status)
		return status;
	status = gp_ratelimit_order(cli, snap, frame, ret);
	gp_snapshot_unref(snap);
	return status;
}

static int run_reset(struct gp_cli *cli, int argc, char **argv)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(2048);
	struct ratelimit_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_ratelimit_rows rows = {0};
	const char *key;
	int status = gp_cli_options(&gp_cmd_ratelimit_reset, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	key = key_of(&gp_cmd_ratelimit_reset, &operands);
	gp_buf_add_cstr(&frame, "request=reset\n");
	if (!key || gp_ratelimit_put(&frame, "key", key) < 0)
		return GP_EXIT_USAGE;
	status = order(cli, gp_buf_str(&frame), &rows);
	if (o.json)
		gp_ratelimit_print_json(&rows);
	else if (!status && rows.items.len > 0)
		printf("%lld counts are forgotten.\n",
		       (long long)json_integer_value(json_object_get(rows.items.items[0], "counts")));
	gp_ratelimit_rows_done(&rows);
	return status;
}

static int add_block(struct gp_buf *frame, const char *key, const struct ratelimit_options *o)
{
	int64_t ms = 0;

	if (o->duration && (gp_num_parse_duration(gp_str(o->duration), &ms) < 0 || ms < 1000))
		return gp_cli_fail(GP_EXIT_USAGE, "--for: \"%s\" is no time like 1h", o->duration);
	if (o->action && !gp_str_eq(gp_str(o->action), GP_STR("hold")) &&
	    !gp_str_eq(gp_str(o->action), GP_STR("defer")) &&
	    !gp_str_eq(gp_str(o->action), GP_STR("reject")))
		return gp_cli_fail(GP_EXIT_USAGE, "--action: \"%s\" is none of hold, defer, reject",
				   o->action);
	gp_buf_add_cstr(frame, "request=block\n");
	if (ms)
		gp_buf_printf(frame, "for=%lld\n", (long long)(ms / 1000));
	if (gp_ratelimit_put(frame, "key", key) < 0 ||
	    (o->reason && gp_ratelimit_put(frame, "reason", o->reason) < 0) ||
	    (o->action && gp_ratelimit_put(frame, "action", o->action) < 0))
		return gp_cli_fail(GP_EXIT_USAGE, "key and reason are one line each");
	return 0;
}

static int run_block(struct gp_cli *cli, int argc, char **argv)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(4096);
	struct ratelimit_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_ratelimit_rows rows = {0};
	const char *key;
	int status = gp_cli_options(&gp_cmd_ratelimit_block, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	key = key_of(&gp_cmd_ratelimit_block, &operands);
	if (!key)
		return GP_EXIT_USAGE;
	status = add_block(&frame, key, &o);
	if (!status)
		status = order(cli, gp_buf_str(&frame), &rows);
	if (o.json)
		gp_ratelimit_print_json(&rows);
	else
		gp_ratelimit_print_contained(cli, &rows);
	gp_ratelimit_rows_done(&rows);
	return status;
}

const struct gp_command gp_cmd_ratelimit_list = {
	.name = "ratelimit list",
	.operands = "",
	.summary = "who is contained, and which limits are nearly used up",
	.options = list_options,
	.run = run_list,
};

const struct gp_command gp_cmd_ratelimit_show = {
	.name = "ratelimit show",
	.operands = "KEY",
	.summary = "all that is known of one account, address or network",
	.details = KEY_HELP,
	.options = json_options,
	.run = run_show,
};

const struct gp_command gp_cmd_ratelimit_reset = {
	.name = "ratelimit reset",
	.operands = "KEY",
	.summary = "forget what was counted of it",
	.details = KEY_HELP,
	.options = json_options,
	.run = run_reset,
};

const struct gp_command gp_cmd_ratelimit_block = {
	.name = "ratelimit block",
	.operands = "KEY",
	.summary = "contain it, as if it had exceeded a limit",
	.details = KEY_HELP,
	.options = block_options,
	.run = run_block,
};
