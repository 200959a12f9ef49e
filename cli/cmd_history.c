/*
 * gatepost history: what was done with the last messages, one line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/history.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

#define ADDRESS_MAX 60
#define SYMBOLS_MAX 100

struct history_options {
	const char *since, *from, *to, *action, *min_score, *program;
	unsigned limit;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "since", "TIME", "from then on: \"2h\" ago, or \"2026-11-21 17:00\" (local time)",
	 GP_OPT_STRING, offsetof(struct history_options, since)},
	{0, "from", "GLOB", "the envelope sender", GP_OPT_STRING,
	 offsetof(struct history_options, from)},
	{0, "to", "GLOB", "a recipient", GP_OPT_STRING, offsetof(struct history_options, to)},
	{0, "action", "ACTION", "what was done: reject, add_header, ...", GP_OPT_STRING,
	 offsetof(struct history_options, action)},
	{0, "min-score", "NUMBER", "with this score or more", GP_OPT_STRING,
	 offsetof(struct history_options, min_score)},
	{0, "program", "NAME", "what this program did", GP_OPT_STRING,
	 offsetof(struct history_options, program)},
	{'n', "limit", "NUMBER", "the newest so many (100); 0 is all", GP_OPT_UINT,
	 offsetof(struct history_options, limit)},
	{0, "json", NULL, "one JSON object a line, with all that is kept", GP_OPT_FLAG,
	 offsetof(struct history_options, json)},
	GP_OPT_END,
};

/* "2h", or a date with or without time; GP_EINVAL if it is neither. */
static int parse_since(const char *text, double *ret)
{
	static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
					    "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	int64_t ms;

	for (size_t i = 0; i < GP_ARRAY_SIZE(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (end && !*end) {
			*ret = (double)mktime(&tm);
			return GP_OK;
		}
	}
	if (gp_num_parse_duration(gp_str(text), &ms))
		return GP_EINVAL;
	*ret = (double)(gp_clock_real_ms() - ms) / 1000;
	return GP_OK;
}

static int make_filter(const struct history_options *o, struct gp_cli_history_filter *ret)
{
	*ret = (struct gp_cli_history_filter){
		.from = o->from,
		.to = o->to,
		.action = o->action,
		.program = GP_HISTORY_PROGRAMS,
		.limit = o->limit,
		.has_min_score = o->min_score,
	};
	if (o->since && parse_since(o->since, &ret->since))
		return gp_cli_fail(GP_EXIT_USAGE,
				   "--since: \"%s\" is neither \"2h\" nor \"2026-11-21 17:00\"",
				   o->since);
	if (o->min_score && gp_num_parse_double(gp_str(o->min_score), &ret->min_score))
		return gp_cli_fail(GP_EXIT_USAGE, "--min-score: \"%s\" is no number", o->min_score);
	if (o->program) {
		ret->program = gp_history_program_of(gp_str(o->program));
		if (ret->program == GP_HISTORY_PROGRAMS)
			return gp_cli_fail(GP_EXIT_USAGE, "--program: \"%s\" keeps no history",
					   o->program);
	}
	return 0;
}

static void print_recipients(const struct gp_cli_history *h, const json_t *item)
{
	const json_t *to = json_object_get(item, "to");
	const json_t *first = json_array_get(to, 0);
	int64_t more = (int64_t)gp_cli_history_number(item, "rcpts") - 1;

	printf("<%s>", gp_text_show(h->arena,
				    gp_str_n(json_string_value(first), json_string_length(first)),
				    ADDRESS_MAX));
	if (more > 0)
		printf(" +%lld", (long long)more);
}

static void print_symbols(const struct gp_cli_history *h, const json_t *item)
{
	GP_BUF_AUTO names = GP_BUF_INIT(SYMBOLS_MAX);
	const json_t *symbol;
	size_t i;

	json_array_foreach(json_object_get(item, "symbols"), i, symbol)
		gp_buf_printf(&names, "%s%s", i ? "," : "",
			      gp_cli_history_text(h, symbol, "name", 64));
	printf("  %s%s", gp_buf_cstr(&names), gp_buf_error(&names) ? ",…" : "");
}

static void print_row(const struct gp_cli_history *h, const json_t *item)
{
	const char *qid = gp_cli_history_text(h, item, "qid", 40);

	printf("%s %-12s %-12s %-10s ", gp_cli_history_time(h, item), *qid ? qid : "-",
	       gp_cli_history_text(h, item, "program", 20),
	       gp_cli_history_text(h, item, "action", 20));
	if (json_object_get(item, "symbols"))
		printf("%7.2f ", gp_cli_history_number(item, "score"));
	else
		printf("%7s ", "-");
	printf("<%s> -> ", gp_cli_history_text(h, item, "from", ADDRESS_MAX));
	print_recipients(h, item);
	if (json_object_get(item, "symbols"))
		print_symbols(h, item);
	putchar('\n');
}

static int run_history(struct gp_cli *cli, int argc, char **argv)
{
	struct history_options o = {.limit = 100};
	struct gp_opt_list operands = {0};
	struct gp_cli_history_filter filter;
	struct gp_cli_history h = {0};
	int status = gp_cli_options(&gp_cmd_history, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = make_filter(&o, &filter);
	if (status)
		return status;
	status = gp_cli_history_read(cli, &filter, &h);
	for (size_t i = 0; !status && i < h.items.len; i++) {
		if (o.json)
			gp_json_print(json_incref(h.items.items[i].json));
		else
			print_row(&h, h.items.items[i].json);
	}
	gp_cli_history_done(&h);
	return status;
}

const struct gp_command gp_cmd_history = {
	.name = "history",
	.operands = "",
	.summary = "show what was done with the last messages",
	.options = options,
	.run = run_history,
};
