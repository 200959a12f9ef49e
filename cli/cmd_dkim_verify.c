/*
 * gatepost dkim verify: the DKIM signatures of one message.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/auth_show.h"
#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/dns.h"
#include "cli/json.h"
#include "cli/text.h"
#include "lib/base/clock.h"

#define VERIFY_MS 30000

/* Beside those of all commands. */
enum { EXIT_NONE_PASSES = 1, EXIT_UNSIGNED = 2 };

struct verify_options {
	const char *zone;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct verify_options, zone)},
	{0, "json", NULL, "one JSON object", GP_OPT_FLAG, offsetof(struct verify_options, json)},
	GP_OPT_END,
};

static void verify(struct gp_arena *arena, struct gp_resolver *resolver,
		   const struct gp_dkim_options *how, struct gp_str bytes,
		   struct gp_auth_result *ret)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + VERIFY_MS);
	struct gp_body_hasher *hasher = gp_body_hasher_new(arena);
	struct gp_fields fields = {0};
	struct gp_dkim_verify *v;
	struct gp_asker asker;
	struct gp_str body;

	gp_asker_init(&asker, resolver, batch, arena);
	gp_fields_parse(arena, bytes, &fields, &body);
	v = gp_dkim_verify_begin(&asker, NULL, how, &fields, gp_cli_author(arena, &fields).domain,
				 hasher, gp_clock_real_s());
	gp_body_hasher_add(hasher, body);
	gp_body_hasher_finish(hasher);
	gp_dkim_verify_finish(v, ret);
	ret->lookups = asker.seen.items;
	ret->n_lookups = asker.seen.len;
	gp_batch_free(&batch);
}

static int exit_status(const struct gp_auth_result *r)
{
	int status = r->n_dkim_seen ? EXIT_NONE_PASSES : EXIT_UNSIGNED;

	for (size_t i = 0; i < r->n_dkim; i++) {
		if (r->dkim[i].status == GP_AUTH_PASS)
			return 0;
		if (r->dkim[i].status == GP_AUTH_TEMPERROR)
			status = GP_EXIT_TEMPFAIL;
	}
	return status;
}

static void show(struct gp_arena *arena, const char *label, const struct gp_auth_result *r,
		 bool as_json)
{
	if (as_json) {
		json_t *root = json_pack("{s:o}", "file", gp_json_text(gp_str(label)));

		gp_auth_to_json(r, GP_SHOW_DKIM, root);
		gp_json_print(root);
		return;
	}
	printf("%s\n", gp_text_show(arena, gp_str(label), 4096));
	gp_auth_print(r, GP_SHOW_DKIM, isatty(STDOUT_FILENO) == 1, arena);
}

static int run_verify(struct gp_cli *cli, int argc, char **argv)
{
	struct verify_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_auth_result result = {0};
	struct gp_dkim_options how;
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	GP_CLI_DNS_AUTO dns = {0};
	GP_BUF_AUTO bytes = GP_BUF_INIT(GP_CLI_MESSAGE_MAX);
	int status = gp_cli_options(&gp_cmd_dkim_verify, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim verify: name one message, or \"-\"");
	status = gp_cli_load(cli, &snap);
	if (!status)
		status = gp_cli_dns_open(snap, o.zone, &dns);
	if (!status)
		status = gp_cli_read_message(operands.items[0], &bytes);
	if (status)
		return status;
	how = gp_cli_dkim_options(snap, cli->arena);
	verify(cli->arena, dns.resolver, &how, gp_buf_str(&bytes), &result);
	show(cli->arena, operands.items[0], &result, o.json);
	return exit_status(&result);
}

const struct gp_command gp_cmd_dkim_verify = {
	.name = "dkim verify",
	.operands = "FILE|-",
	.summary = "verify the DKIM signatures of a message",
	.details = "Exit status: 0 a signature passes, 1 none does, 2 there is none, 75 the DNS did "
		   "not answer.",
	.options = options,
	.run = run_verify,
};
