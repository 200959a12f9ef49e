/*
 * gatepost virus import: a clamav-milter.conf as ours.
 */
#include <stdio.h>

#include "cli/clamav_milter.h"
#include "cli/cmd.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"

static const struct gp_opt options[] = {GP_OPT_END};

static int run_import(struct gp_cli *cli, int argc, char **argv)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_CONF_FILE), out = GP_BUF_INIT(16 << 20);
	struct gp_import import = {.arena = cli->arena};
	struct gp_opt_list operands = {0};
	struct gp_diag diag;
	int status = gp_cli_options(&gp_cmd_virus_import, cli, argc, argv, NULL, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "virus import: expected one file, clamav-milter.conf");
	if (gp_file_read(operands.items[0], &text, &diag))
		return gp_cli_fail(GP_EXIT_NOINPUT, "%s", diag.text);
	gp_clamav_milter_import(&import, operands.items[0], gp_buf_str(&text));
	gp_import_print_notes(&import, operands.items[0], "virus import", &out);
	gp_buf_add_chr(&out, '\n');
	gp_import_print_settings(&import, &out);
	fputs(gp_buf_cstr(&out), stdout);
	gp_import_complain(&import);
	return 0;
}

const struct gp_command gp_cmd_virus_import = {
	.name = "virus import",
	.operands = "FILE",
	.summary = "turn a clamav-milter.conf into our configuration",
	.details = "FILE is clamav-milter.conf.  Prints a gatepost.conf with which the clamd that it\n"
		   "names goes on scanning.  At its top stands what could not be carried over, what\n"
		   "is different, and why.",
	.options = options,
	.run = run_import,
};
