/*
 * gatepost dkim rotate: a new key for a domain, step by step.  The steps are in rotation.c.
 */
#include <stdio.h>

#include "cli/context.h"
#include "milter-dkim/newkey.h"
#include "cli/rotation.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/dns/dnsname.h"

/* Mail servers try for five days (RFC 5321, 4.5.4.1), and some readers verify later. */
#define KEEP_DEFAULT "7d"

struct rotate_options {
	const char *selector, *type, *keep, *wait, *min_age, *zone;
	unsigned bits;
};

static const struct gp_opt options[] = {
	{0, "selector", "NAME", "of the new key; if not given s and the month: s202611",
	 GP_OPT_STRING, offsetof(struct rotate_options, selector)},
	{0, "type", "TYPE", "rsa, ed25519 or both; if not given as now", GP_OPT_STRING,
	 offsetof(struct rotate_options, type)},
	{0, "bits", "N", "size of an RSA key; 2048 if not given", GP_OPT_UINT,
	 offsetof(struct rotate_options, bits)},
	{0, "wait", "DURATION", "wait that long for the DNS, as \"2h\"", GP_OPT_STRING,
	 offsetof(struct rotate_options, wait)},
	{0, "keep", "DURATION", "how long old keys stay published; 7d if not given", GP_OPT_STRING,
	 offsetof(struct rotate_options, keep)},
	{0, "min-age", "DURATION", "do not begin before the key in use is that old", GP_OPT_STRING,
	 offsetof(struct rotate_options, min_age)},
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct rotate_options, zone)},
	GP_OPT_END,
};

static int read_duration(const char *option, const char *text, int64_t *ret_ms)
{
	if (text && (gp_num_parse_duration(gp_str(text), ret_ms) || *ret_ms < 0))
		return gp_cli_fail(GP_EXIT_USAGE, "--%s: \"%s\" is not a duration, as \"2h\" or \"7d\"",
				   option, text);
	return 0;
}

static int read_options(const struct rotate_options *o, const char *domain, struct gp_rotation *r)
{
	int64_t keep_ms = 0, age_ms = 0;
	char name[GP_DNS_NAME_MAX + 1];
	int status = read_duration("keep", o->keep ? o->keep : KEEP_DEFAULT, &keep_ms);

	if (!status)
		status = read_duration("min-age", o->min_age, &age_ms);
	if (!status)
		status = read_duration("wait", o->wait, &r->wait_ms);
	if (status)
		return status;
	if (o->type && gp_newkey_types_parse(gp_str(o->type), &r->types))
		return gp_cli_fail(GP_EXIT_USAGE, "--type: \"%s\" is not rsa, ed25519 or both",
				   o->type);
	if (o->bits && (o->bits < 1024 || o->bits > 8192))
		return gp_cli_fail(GP_EXIT_USAGE, "--bits: 1024 to 8192; 2048 is usual");
	if (gp_dns_name_fold(gp_str(domain), name))
		return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" is not a domain name", domain);
	r->domain = gp_str(gp_arena_strdup(r->cli->arena, name));
	r->selector = o->selector;
	r->zone = o->zone;
	r->bits = o->bits;
	r->keep_s = keep_ms / 1000;
	r->min_age_s = age_ms / 1000;
	return 0;
}

static int run_rotate(struct gp_cli *cli, int argc, char **argv)
{
	struct rotate_options o = {0};
	struct gp_opt_list operands = {0};
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	struct gp_rotation r = {.cli = cli, .now_s = gp_clock_real_s()};
	int status = gp_cli_options(&gp_cmd_dkim_rotate, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim rotate: name one domain");
	status = read_options(&o, operands.items[0], &r);
	if (!status)
		status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	r.snap = snap;
	r.dir = gp_cli_key_directory(snap);
	if (!*r.dir)
		return gp_cli_fail(GP_EXIT_CONFIG, "milter-dkim.sign.key_directory is empty: keys that "
						   "stand in a key table are yours to rotate");
	return gp_rotation_run(&r);
}

const struct gp_command gp_cmd_dkim_rotate = {
	.name = "dkim rotate",
	.operands = "DOMAIN",
	.summary = "give a domain a new key, step by step; run it again to go on",
	.details = "Prepares a key and prints its record, waits until the DNS has it, switches, and "
		   "says when\nwhich old record can go.  Each run does what can be done now.\n"
		   "Exit status: 0 nothing is left to do now, 75 the DNS does not have the record yet.",
	.options = options,
	.run = run_rotate,
};
