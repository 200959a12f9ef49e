/*
 * gatepost dkim genkey: makes a key and the record to publish.
 *
 * Into the key directory, where milter-dkim finds it, or with --output into any directory.
 * What it prints is a piece of a zone file: what is meant for people is comments in it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/context.h"
#include "cli/dkim.h"
#include "milter-dkim/newkey.h"
#include "lib/base/clock.h"
#include "lib/dns/dnsname.h"

struct genkey_options {
	const char *selector, *type, *output;
	unsigned bits;
	bool activate;
};

static const struct gp_opt options[] = {
	{0, "selector", "NAME", "its selector; if not given s and the month: s202611",
	 GP_OPT_STRING, offsetof(struct genkey_options, selector)},
	{0, "type", "TYPE", "rsa (default), ed25519, or both: NAMEr and NAMEe", GP_OPT_STRING,
	 offsetof(struct genkey_options, type)},
	{0, "bits", "N", "size of an RSA key; 2048 if not given", GP_OPT_UINT,
	 offsetof(struct genkey_options, bits)},
	{0, "output", "DIRECTORY", "write DOMAIN.NAME.key and .txt there", GP_OPT_STRING,
	 offsetof(struct genkey_options, output)},
	{0, "activate", NULL, "sign with it from the next reload on", GP_OPT_FLAG,
	 offsetof(struct genkey_options, activate)},
	GP_OPT_END,
};

/* One run of the command. */
struct run {
	struct gp_cli *cli;
	const struct genkey_options *o;
	struct gp_str domain;
	unsigned types;
	struct gp_snapshot *snap;
	const char *output;	   /* where to write, or NULL */
	const char *dir;	   /* the key directory */
	struct dkim_keydir taken; /* what it has of the domain */
	int64_t now_s;
};

static int read_options(struct run *r, const char *domain)
{
	const struct genkey_options *o = r->o;
	char name[GP_DNS_NAME_MAX + 1];

	r->types = GP_NEWKEY_RSA;
	if (gp_dns_name_fold(gp_str(domain), name) || !dkim_selector_is_valid(gp_str(name)))
		return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" is not a domain name", domain);
	r->domain = gp_str(gp_arena_strdup(r->cli->arena, name));
	if (o->type && gp_newkey_types_parse(gp_str(o->type), &r->types))
		return gp_cli_fail(GP_EXIT_USAGE, "--type: \"%s\" is not rsa, ed25519 or both",
				   o->type);
	if (o->bits && !(r->types & GP_NEWKEY_RSA))
		return gp_cli_fail(GP_EXIT_USAGE, "--bits: an Ed25519 key has one size");
	if (o->bits && (o->bits < 1024 || o->bits > 8192))
		return gp_cli_fail(GP_EXIT_USAGE, "--bits: 1024 to 8192; below 1024 no signature "
						  "counts (RFC 8301), 2048 is usual");
	if (o->activate && o->output)
		return gp_cli_fail(GP_EXIT_USAGE, "--activate is about the key directory, not --output");
	return 0;
}

/* Absolute, because the key table takes a relative path for something else. */
static int find_output(struct run *r)
{
	char path[PATH_MAX];

	if (!realpath(r->o->output, path))
		return gp_cli_fail(GP_EXIT_NOINPUT, "--output: %s: %s", r->o->output, strerror(errno));
	r->output = gp_arena_strdup(r->cli->arena, path);
	return 0;
}

static int find_directory(struct run *r)
{
	struct gp_diag diag;
	int status = gp_cli_load(r->cli, &r->snap), err;

	if (status)
		return status;
	r->dir = gp_cli_key_directory(r->snap);
	if (!*r->dir)
		return gp_cli_fail(GP_EXIT_CONFIG, "no key directory is configured; give --output");
	err = dkim_keydir_list(r->dir, r->domain, r->cli->arena, &r->taken, &diag);
	if (err && err != GP_ENOENT)
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	return 0;
}

static int write_down(struct run *r, const struct gp_newkey *k, struct gp_diag *diag)
{
	const char *path = "";
	int err;

	if (r->output) {
		err = gp_newkey_write(k, r->output, r->cli->arena, &path, diag);
		if (err == GP_OK)
			printf("; Private key: %s\n; Line for the key table:\n;   %.*s %.*s=%s\n",
			       path, GP_STR_FMT(k->domain), GP_STR_FMT(k->selector), path);
		return err;
	}
	err = gp_newkey_add(k, r->dir, r->now_s, diag);
	if (err == GP_OK)
		printf("; Private key: %s/%.*s/%.*s.key\n", r->dir, GP_STR_FMT(k->domain),
		       GP_STR_FMT(k->selector));
	if (err == GP_OK && r->o->activate)
		err = dkim_keydir_set(r->dir, k->domain, k->selector, DKIM_KEY_ACTIVE, r->now_s,
				      diag);
	return err;
}

static int make(struct run *r, enum gp_key_type type)
{
	const char *selector = gp_newkey_selector(r->cli->arena, r->o->selector, type, r->types,
						  &r->taken, r->now_s);
	GP_CLEANUP(gp_newkey_done) struct gp_newkey k = {0};
	struct gp_diag diag;

	if (!selector)
		return gp_cli_fail(GP_EXIT_USAGE, "--selector: \"%s\" is not a selector: letters, "
						  "digits, - and _, in labels of up to 63",
				   r->o->selector);
	if (gp_newkey_make(r->cli->arena, r->domain, gp_str(selector), type,
			   r->o->bits ? r->o->bits : GP_NEWKEY_BITS, &k, &diag))
		return gp_cli_fail(GP_EXIT_SOFTWARE, "%s", diag.text);
	if (write_down(r, &k, &diag))
		return gp_cli_fail(GP_EXIT_DATA, "%s", diag.text);
	printf("%.*s", GP_STR_FMT(k.zone));
	return 0;
}

static void print_next(const struct run *r)
{
	if (r->o->activate)
		puts("; Publish it, and let milter-dkim read it: systemctl reload milter-dkim");
	else if (!r->output)
		printf("; Publish it.  Once the DNS has it, this starts to sign with it:\n"
		       ";   gatepost dkim rotate %.*s\n",
		       GP_STR_FMT(r->domain));
}

static int run_genkey(struct gp_cli *cli, int argc, char **argv)
{
	static const enum gp_key_type order[] = {GP_KEY_RSA, GP_KEY_ED25519};
	struct genkey_options o = {0};
	struct gp_opt_list operands = {0};
	struct run r = {.cli = cli, .o = &o, .now_s = gp_clock_real_s()};
	int status = gp_cli_options(&gp_cmd_dkim_genkey, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim genkey: name one domain");
	status = read_options(&r, operands.items[0]);
	if (!status)
		status = o.output ? find_output(&r) : find_directory(&r);
	for (size_t i = 0; i < GP_ARRAY_SIZE(order) && !status; i++)
		if (r.types & 1u << order[i])
			status = make(&r, order[i]);
	if (!status)
		print_next(&r);
	if (!status && !o.output) {
		gp_cli_check_key_owner(r.snap);
		gp_cli_check_key_table(cli, r.snap, r.domain);
	}
	gp_snapshot_unref(r.snap);
	return status;
}

const struct gp_command gp_cmd_dkim_genkey = {
	.name = "dkim genkey",
	.operands = "DOMAIN",
	.summary = "make a key for a domain and print the record to publish",
	.details = "Without --output the key goes into the key directory, prepared: milter-dkim "
		   "signs with it\nonce `gatepost dkim rotate` has seen its record in the DNS.\n"
		   "No file is ever overwritten.",
	.options = options,
	.run = run_genkey,
};
