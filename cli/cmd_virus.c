/*
 * gatepost virus status, reload, scan: questions to a running milter-virus.
 */
#include <stdio.h>
#include <time.h>

#include "cli/input.h"
#include "cli/json.h"
#include "cli/virus_link.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

/* As clamscan has them: 2 for each failure. */
enum { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_NOT_SCANNED = 2 };

struct virus_options {
	bool json, quiet, infected;
};

static const struct gp_opt json_options[] = {
	{0, "json", NULL, "one JSON object", GP_OPT_FLAG, offsetof(struct virus_options, json)},
	GP_OPT_END,
};

static const struct gp_opt no_options[] = {GP_OPT_END};

static const struct gp_opt scan_options[] = {
	{0, "json", NULL, "one JSON object a line", GP_OPT_FLAG, offsetof(struct virus_options, json)},
	{'i', "infected", NULL, "only those in which something was found", GP_OPT_FLAG,
	 offsetof(struct virus_options, infected)},
	{'q', "quiet", NULL, "nothing but the exit status", GP_OPT_FLAG,
	 offsetof(struct virus_options, quiet)},
	GP_OPT_END,
};

/* Status. */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int64_t number_of(const json_t *o, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(o, key));
}

/* "2026-11-21 17:00, 3h ago"; "never" for 0. */
static void print_time(const char *what, int64_t at_s)
{
	char when[32], age[GP_NUM_TEXT];
	int64_t age_s = gp_clock_real_s() - at_s;
	time_t t = (time_t)at_s;
	struct tm tm;

	if (!at_s) {
		printf("%-12s unknown\n", what);
		return;
	}
	localtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-12s %s, %s ago\n", what, when,
	       age_s < 60 ? "less than a minute" : gp_num_format_duration(age_s / 60 * 60000, age));
}

static void print_status(const json_t *o)
{
	char size[GP_NUM_TEXT];
	bool is_ours = json_object_get(o, "signatures") != NULL; /* not clamd */

	printf("%-12s %s%s\n", "state", json_is_true(json_object_get(o, "serving")) ? "serving" : "NOT serving",
	       json_is_true(json_object_get(o, "loading")) ? ", loading signatures" : "");
	if (*text_of(o, "failure"))
		printf("%-12s %s\n", "failure", text_of(o, "failure"));
	printf("%-12s %s\n", "engine", *text_of(o, "engine") ? text_of(o, "engine") : "none");
	if (!is_ours)
		return;
	printf("%-12s %lld", "signatures", (long long)number_of(o, "signatures"));
	if (number_of(o, "database_version"))
		printf(", version %lld", (long long)number_of(o, "database_version"));
	putchar('\n');
	print_time("database of", number_of(o, "database_time"));
	print_time("loaded", number_of(o, "served_since"));
	printf("%-12s %s, loaded in %.1f s; %lld reloads, %lld failed\n", "memory",
	       gp_num_format_size(number_of(o, "memory") >> 20 << 20, size),
	       (double)number_of(o, "load_ms") / 1000, (long long)number_of(o, "reloads"),
	       (long long)number_of(o, "failures"));
	printf("%-12s %lld: %lld idle, %lld scanning", "workers", (long long)number_of(o, "workers"),
	       (long long)number_of(o, "idle"),
	       (long long)(number_of(o, "busy") - number_of(o, "sharing")));
	if (number_of(o, "sharing"))
		printf(", %lld waiting for another's verdict", (long long)number_of(o, "sharing"));
	printf("; %lld messages wait\n", (long long)number_of(o, "waiting"));
}

static int run_status(struct gp_cli *cli, int argc, char **argv)
{
	struct virus_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_snapshot *snap;
	json_t *answer = NULL;
	int status = gp_cli_options(&gp_cmd_virus_status, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = gp_virus_ask(snap, "status", GP_STR(""), &answer);
	gp_snapshot_unref(snap);
	if (status)
		return status;
	status = json_is_true(json_object_get(answer, "serving")) ? 0 : GP_EXIT_UNAVAILABLE;
	if (o.json) {
		gp_json_print(answer);
	} else {
		print_status(answer);
		json_decref(answer);
	}
	return status;
}

const struct gp_command gp_cmd_virus_status = {
	.name = "virus status",
	.operands = "",
	.summary = "Show how milter-virus stands: signatures, their age, workers",
	.details = "The exit status is 0 if mail is scanned, 69 if not.",
	.options = json_options,
	.run = run_status,
};

/* Reload. */

static int run_reload(struct gp_cli *cli, int argc, char **argv)
{
	struct virus_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_snapshot *snap;
	json_t *answer = NULL;
	int status = gp_cli_options(&gp_cmd_virus_reload, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = gp_virus_ask(snap, "reload", GP_STR(""), &answer);
	gp_snapshot_unref(snap);
	json_decref(answer);
	if (status == 0)
		puts("milter-virus loads its signatures anew; \"gatepost virus status\" shows how it goes");
	return status;
}

const struct gp_command gp_cmd_virus_reload = {
	.name = "virus reload",
	.operands = "",
	.summary = "Have milter-virus load its signatures anew",
	.options = no_options,
	.run = run_reload,
};

/* Scan. */

struct scan {
	const struct gp_snapshot *snap;
	const struct virus_options *o;
	bool is_found, is_failed;
	int status; /* that ends the walk */
};

static void print_verdict(const struct scan *s, const char *label, json_t *answer)
{
	const char *outcome = text_of(answer, "outcome");
	bool is_found = strcmp(outcome, "found") == 0;

	if (s->o->quiet || (s->o->infected && !is_found)) {
		json_decref(answer);
		return;
	}
	if (s->o->json) {
		json_object_set_new(answer, "file", gp_json_text(gp_str(label)));
		gp_json_print(answer);
		return;
	}
	if (is_found)
		printf("%s: %s FOUND\n", label, text_of(answer, "name"));
	else if (strcmp(outcome, "clean") == 0)
		printf("%s: OK%s\n", label,
		       json_is_true(json_object_get(answer, "part")) ? " (only its beginning was scanned)" : "");
	else
		printf("%s: not scanned (%s%s%s)\n", label, outcome, *text_of(answer, "name") ? ": " : "",
		       text_of(answer, "name"));
	json_decref(answer);
}

static int scan_one(void *arg, const char *label, struct gp_str bytes)
{
	struct scan *s = arg;
	char request[64];
	json_t *answer = NULL;
	const char *outcome;

	snprintf(request, sizeof(request), "scan %zu", bytes.len);
	s->status = gp_virus_ask(s->snap, request, bytes, &answer);
	if (s->status)
		return GP_ETEMP;
	outcome = text_of(answer, "outcome");
	s->is_found |= strcmp(outcome, "found") == 0;
	s->is_failed |= strcmp(outcome, "found") != 0 && strcmp(outcome, "clean") != 0;
	print_verdict(s, label, answer);
	return GP_OK;
}

static void unreadable(void *arg, const char *text)
{
	(void)arg;
	(void)gp_cli_fail(0, "%s", text);
}

/* With failures of sysexits.h. */
static int scan_all(struct gp_cli *cli, int argc, char **argv)
{
	static const char *const from_stdin[] = {"-"};
	struct virus_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_snapshot *snap;
	struct scan s = {.o = &o};
	struct gp_input input = {.message = scan_one, .error = unreadable, .arg = &s, .has_all = true};
	int status = gp_cli_options(&gp_cmd_virus_scan, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	s.snap = snap;
	if (gp_input_walk(&input, operands.len ? operands.items : from_stdin,
			  operands.len ? operands.len : 1) < 0 && !s.status)
		s.status = GP_EXIT_IOERR;
	gp_snapshot_unref(snap);
	if (s.status)
		return s.status;
	if (s.is_found)
		return EXIT_FOUND;
	return s.is_failed || input.errors ? EXIT_NOT_SCANNED : EXIT_CLEAN;
}

static int run_scan(struct gp_cli *cli, int argc, char **argv)
{
	int status = scan_all(cli, argc, argv);

	return GP_MIN(status, (int)EXIT_NOT_SCANNED);
}

const struct gp_command gp_cmd_virus_scan = {
	.name = "virus scan",
	.operands = "[FILE|DIRECTORY|-]...",
	.summary = "Have milter-virus scan messages or other files, as it scans mail",
	.details = "Says what was found, and does nothing with it. The exit status is that of clamscan:\n"
		   "0 nothing was found, 1 something was, 2 something failed or could not be scanned.",
	.options = scan_options,
	.run = run_scan,
};
