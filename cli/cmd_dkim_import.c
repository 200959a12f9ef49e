/*
 * gatepost dkim import: an OpenDKIM configuration as ours.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/opendkim.h"
#include "config.h"
#include "lib/auth/crypto.h"
#include "lib/base/fd.h"

#define CONF_NAME "gatepost.conf"
#define TABLE_NAME "dkim-keys"

struct import_options {
	const char *output, *table;
};

static const struct gp_opt options[] = {
	{'o', "output", "DIRECTORY", "write " CONF_NAME " and " TABLE_NAME " there", GP_OPT_STRING,
	 offsetof(struct import_options, output)},
	{0, "table", "PATH", "where the key table will be, if not beside the configuration",
	 GP_OPT_STRING, offsetof(struct import_options, table)},
	GP_OPT_END,
};

static int read_file(void *arg, const char *path, struct gp_buf *out, struct gp_diag *diag)
{
	(void)arg;
	return gp_file_read(path, out, diag);
}

/* What can be seen from here of the keys: a key that milter-dkim would refuse. */
static void add_keys(const struct gp_opendkim_result *r, struct gp_buf *out)
{
	if (r->key_paths.len == 0)
		return;
	gp_buf_add_cstr(out, "#\n# Keys; the user of milter-dkim must be able to read them, others "
			     "must not:\n");
	for (size_t i = 0; i < r->key_paths.len; i++) {
		struct gp_key *key = NULL;
		struct gp_diag diag = {""};
		const char *path = r->key_paths.items[i];
		bool is_pattern = gp_str_find(gp_str(path), GP_STR("%d"), 0) < gp_str(path).len;

		if (is_pattern || gp_key_load(path, &key, &diag) == GP_OK)
			gp_buf_printf(out, "#   %s\n", path);
		else
			gp_buf_printf(out, "#   %s\n", diag.text);
		gp_key_unref(&key);
	}
}

static void write_header(const char *from, const struct gp_opendkim_result *r, struct gp_buf *out)
{
	gp_import_print_notes(&r->import, from, "dkim import", out);
	add_keys(r, out);
	gp_buf_add_chr(out, '\n');
}

/* The key table as a comment: standard output is one file. */
static void add_table(const char *path, const struct gp_opendkim_result *r, struct gp_buf *out)
{
	struct gp_str rest = gp_str(r->keys), line;

	if (!*r->keys)
		return;
	gp_buf_printf(out, "\n# The key table, %s (--output writes it):\n#\n", path);
	while (gp_str_next(&rest, '\n', &line))
		gp_buf_printf(out, "#   %.*s\n", GP_STR_FMT(line));
}

static int write_file(const char *path, struct gp_str text)
{
	struct gp_diag diag;

	if (gp_file_replace(path, text.ptr, text.len, 0644, &diag))
		return gp_cli_fail(GP_EXIT_IOERR, "%s", diag.text);
	printf("%s\n", path);
	return 0;
}

static int write_files(struct gp_cli *cli, const char *dir, struct gp_str conf,
		       const struct gp_opendkim_result *r)
{
	const char *path = gp_arena_printf(cli->arena, "%s/" CONF_NAME, dir);
	int status;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return gp_cli_fail(GP_EXIT_IOERR, "%s: cannot be made", dir);
	status = write_file(path, conf);
	if (!status && *r->keys)
		status = write_file(gp_arena_printf(cli->arena, "%s/" TABLE_NAME, dir),
				    gp_str(r->keys));
	return status;
}

static int run_import(struct gp_cli *cli, int argc, char **argv)
{
	static const struct gp_opendkim_files files = {read_file, NULL};
	GP_BUF_AUTO conf = GP_BUF_INIT(16 << 20);
	struct import_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_opendkim_result r;
	struct gp_diag diag;
	int status = gp_cli_options(&gp_cmd_dkim_import, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim import: expected one file, opendkim.conf");
	if (!o.table)
		o.table = o.output ? TABLE_NAME : GP_SYSCONFDIR "/" TABLE_NAME;
	if (gp_opendkim_import(&files, operands.items[0], o.table, cli->arena, &r, &diag))
		return gp_cli_fail(GP_EXIT_NOINPUT, "%s", diag.text);
	write_header(operands.items[0], &r, &conf);
	gp_buf_add_cstr(&conf, r.conf);
	if (o.output) {
		status = write_files(cli, o.output, gp_buf_str(&conf), &r);
	} else {
		add_table(o.table, &r, &conf);
		fputs(gp_buf_cstr(&conf), stdout);
		status = 0;
	}
	gp_import_complain(&r.import);
	return status;
}

const struct gp_command gp_cmd_dkim_import = {
	.name = "dkim import",
	.operands = "FILE",
	.summary = "turn an opendkim.conf and its tables into our configuration",
	.details = "FILE is opendkim.conf; what it includes and the data sets that it names are\n"
		   "read too.  Prints a gatepost.conf, with the key table as a comment, or writes\n"
		   "both.  At its top stands what could not be carried over, what is different,\n"
		   "and why.",
	.options = options,
	.run = run_import,
};
