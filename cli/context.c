/*
 * Configuration, scanner and store for the commands.
 */
#include "cli/context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "controller/options.h"
#include "lib/base/fd.h"
#include "lib/conf/print.h"
#include "lib/daemon/storage.h"
#include "milter-dkim/options.h"
#include "milter-spam/options.h"
#include "milter-virus/options.h"
#include "policyd-ratelimit/options.h"

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &spam_table,
						     &dkim_table, &virus_table, &controller_table,
						     &ratelimit_table};

size_t gp_cli_tables(const struct gp_conf_table *const **ret)
{
	*ret = tables;
	return GP_ARRAY_SIZE(tables);
}

void gp_cli_print_report(struct gp_conf_report *report)
{
	GP_BUF_AUTO line = GP_BUF_INIT(8192);

	gp_conf_report_sort(report);
	for (size_t i = 0; i < report->errors.len; i++) {
		gp_buf_reset(&line);
		gp_conf_error_format(&report->errors.items[i], &line);
		fprintf(stderr, "%s\n", gp_buf_cstr(&line));
	}
}

int gp_cli_print_tables(bool as_sample)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 20);

	if (as_sample)
		gp_conf_print_sample(tables, GP_ARRAY_SIZE(tables), &out);
	else
		gp_conf_print_options(tables, GP_ARRAY_SIZE(tables), &out);
	fputs(gp_buf_cstr(&out), stdout);
	return 0;
}

int gp_cli_load(struct gp_cli *cli, struct gp_snapshot **ret)
{
	static const char installed[] = GP_SYSCONFDIR "/gatepost.conf";
	const char *path = cli->conf_path;
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (!path && access(installed, F_OK) == 0)
		path = installed;
	if (gp_snapshot_load(path, tables, GP_ARRAY_SIZE(tables), ret, &report)) {
		gp_cli_print_report(&report);
		return GP_EXIT_CONFIG;
	}
	return 0;
}

int gp_cli_open_store(const struct gp_snapshot *snap, unsigned writes, struct gp_store **ret)
{
	struct gp_diag diag;

	if (gp_storage_open(gp_snapshot_get(snap, &gp_conf_top_table), writes, ret, &diag))
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "store: %s", diag.text);
	return 0;
}

int gp_cli_open_scanner(const struct gp_snapshot *snap, struct gp_scanner **ret,
			unsigned *ret_errors)
{
	struct gp_rule_report problems;
	struct gp_diag diag;
	int r;

	if (gp_scanner_check_engine(snap, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "rules.engine: %s", diag.text);
	gp_rule_report_init(&problems);
	r = gp_scanner_new(snap, &problems, ret, &diag);
	*ret_errors = problems.errors;
	gp_rule_report_done(&problems);
	return r ? gp_cli_fail(GP_EXIT_CONFIG, "rules: %s", diag.text) : 0;
}

int gp_cli_read_message(const char *path, struct gp_buf *ret)
{
	struct gp_diag diag;
	int r;

	if (strcmp(path, "-") != 0) {
		r = gp_file_read(path, ret, &diag);
		return r ? gp_cli_fail(GP_EXIT_NOINPUT, "%s", diag.text) : 0;
	}
	r = gp_fd_read_all(STDIN_FILENO, ret);
	if (r == GP_ELIMIT)
		return gp_cli_fail(GP_EXIT_NOINPUT, "standard input: larger than %zu bytes", ret->max);
	return r ? gp_cli_fail(GP_EXIT_NOINPUT, "standard input: %s", strerror(errno)) : 0;
}

const char *gp_cli_host_name(struct gp_arena *arena)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) || !*name)
		return "localhost";
	return gp_arena_strdup(arena, name);
}
