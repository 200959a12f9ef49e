/*
 * gatepost dkim record: the records to publish for keys that are there.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/json.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/txtrecord.h"

struct record_options {
	const char *domain, *selector;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "domain", "DOMAIN", "of key files that are named", GP_OPT_STRING,
	 offsetof(struct record_options, domain)},
	{0, "selector", "NAME", "of key files that are named; else only this one", GP_OPT_STRING,
	 offsetof(struct record_options, selector)},
	{0, "json", NULL, "one JSON object a line", GP_OPT_FLAG,
	 offsetof(struct record_options, json)},
	GP_OPT_END,
};

static void print_json(struct gp_cli *cli, const struct gp_cli_key *k, struct gp_str value)
{
	struct gp_str name = gp_cli_key_name(cli->arena, k->domain, k->selector);

	gp_json_print(json_pack("{s:o,s:o,s:o,s:s,s:i,s:s,s:o}", "domain",
				gp_json_text_or_null(k->domain), "selector",
				gp_json_text_or_null(k->selector), "name",
				k->domain.len ? gp_json_text(name) : json_null(), "type",
				gp_key_type_name(gp_key_type(k->key)), "bits",
				(int)gp_key_bits(k->key), "state", dkim_key_state_name(k->state),
				"value", gp_json_text(value)));
}

static void print_record(struct gp_cli *cli, const struct gp_cli_key *k, bool as_json)
{
	GP_BUF_AUTO value = GP_BUF_INIT(8192), zone = GP_BUF_INIT(16384);

	dkim_txt_value(k->key, &value);
	if (as_json) {
		print_json(cli, k, gp_buf_str(&value));
	} else if (!k->domain.len) {
		puts(gp_buf_cstr(&value));
	} else {
		dkim_txt_zone(k->domain, k->selector, gp_buf_str(&value), &zone);
		if (k->state != DKIM_KEY_ACTIVE)
			printf("; %s\n", dkim_key_state_name(k->state));
		fputs(gp_buf_cstr(&zone), stdout);
	}
}

/* Key files are what has a slash or is a file; a domain hardly is both. */
static bool is_file(const char *operand)
{
	return strchr(operand, '/') || access(operand, F_OK) == 0;
}

static int print_files(struct gp_cli *cli, const struct record_options *o,
		       const struct gp_opt_list *files)
{
	struct gp_cli_key k = {.state = DKIM_KEY_ACTIVE};
	char domain[GP_DNS_NAME_MAX + 1] = "";
	int status = 0;

	if (files->len && !o->domain != !o->selector)
		return gp_cli_fail(GP_EXIT_USAGE, "of a key file --domain and --selector make the "
						  "record's name: give both, or none for its value");
	if (o->domain && gp_dns_name_fold(gp_str(o->domain), domain))
		return gp_cli_fail(GP_EXIT_USAGE, "--domain: \"%s\" is not a domain name", o->domain);
	k.domain = gp_str(domain);
	k.selector = gp_str(o->selector);
	for (size_t i = 0; i < files->len && !status; i++) {
		status = gp_cli_key_load(cli, files->items[i], &k.key);
		if (!status)
			print_record(cli, &k, o->json);
	}
	return status;
}

static int print_configured(struct gp_cli *cli, const struct record_options *o,
			    const struct gp_opt_list *domains)
{
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	struct gp_cli_keys keys = {0};
	size_t n = 0;
	int status = gp_cli_load(cli, &snap);

	if (!status)
		status = gp_cli_keys_load(cli, snap, domains, &keys);
	if (status)
		return status;
	for (size_t i = 0; i < keys.len; i++) {
		if (o->selector && !gp_str_ieq(gp_str(o->selector), keys.items[i].selector))
			continue;
		print_record(cli, &keys.items[i], o->json);
		n++;
	}
	if (n == 0)
		return gp_cli_fail(GP_EXIT_DATA, "there is no such key; see gatepost dkim genkey --help");
	return 0;
}

static int run_record(struct gp_cli *cli, int argc, char **argv)
{
	struct record_options o = {0};
	struct gp_opt_list operands = {0}, files = {0}, domains = {0};
	int status = gp_cli_options(&gp_cmd_dkim_record, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (o.selector && !dkim_selector_is_valid(gp_str(o.selector)))
		return gp_cli_fail(GP_EXIT_USAGE, "--selector: \"%s\" is not a selector", o.selector);
	for (size_t i = 0; i < operands.len; i++)
		*gp_vec_push(cli->arena, is_file(operands.items[i]) ? &files : &domains) =
			operands.items[i];
	if (o.domain && !files.len)
		return gp_cli_fail(GP_EXIT_USAGE, "--domain is the domain of a key file; name domains "
						  "as operands");
	status = print_files(cli, &o, &files);
	if (!status && (domains.len || !operands.len))
		status = print_configured(cli, &o, &domains);
	return status;
}

const struct gp_command gp_cmd_dkim_record = {
	.name = "dkim record",
	.operands = "[DOMAIN|KEYFILE]...",
	.summary = "print the DNS records of keys, all configured ones by default",
	.options = options,
	.run = run_record,
};
