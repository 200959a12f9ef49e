/*
 * gatepost dkim check: are our keys published as they should be?
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/dns.h"
#include "cli/json.h"
#include "milter-dkim/published.h"
#include "cli/text.h"
#include "lib/base/clock.h"

/* Of all questions together. */
#define CHECK_MS 30000

struct check_options {
	const char *zone;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct check_options, zone)},
	{0, "json", NULL, "one JSON object a line, one for each key", GP_OPT_FLAG,
	 offsetof(struct check_options, json)},
	GP_OPT_END,
};

/* A key, and what was asked about it and its domain. */
struct checked {
	const struct gp_cli_key *key;
	struct gp_asker asker; /* of its own: the cap on questions is meant for one message */
	struct gp_ask *ask, *spf, *dmarc;
	struct gp_published published;
	bool has_spf, has_dmarc, are_known; /* the latter two were answered */
};

static void begin(struct checked *c, const struct gp_cli_key *key, struct gp_resolver *resolver,
		  struct gp_batch *batch, struct gp_arena *arena)
{
	const char *policy = gp_arena_printf(arena, "_dmarc.%.*s", GP_STR_FMT(key->domain));

	c->key = key;
	gp_asker_init(&c->asker, resolver, batch, arena);
	c->ask = gp_signature_ask(&c->asker, key->domain, key->selector);
	c->spf = gp_ask_begin(&c->asker, key->domain, GP_DNS_TXT);
	c->dmarc = gp_ask_begin(&c->asker, gp_str(policy), GP_DNS_TXT);
}

/* Is there a record that begins so? */
static bool has_record(struct gp_ask *ask, struct gp_str start, bool *are_known)
{
	struct gp_dns_answer answer;
	bool has = false;

	if (gp_ask_finish(ask, &answer)) {
		*are_known = false;
		return false;
	}
	for (size_t i = 0; i < answer.n_records; i++)
		has = has || gp_str_istarts(answer.records[i].text, start);
	return has;
}

static void finish(struct checked *c, struct gp_arena *arena)
{
	gp_published_finish(c->ask, arena, c->key->key, &c->published);
	c->are_known = true;
	c->has_spf = has_record(c->spf, GP_STR("v=spf1"), &c->are_known);
	c->has_dmarc = has_record(c->dmarc, GP_STR("v=DMARC1"), &c->are_known);
}

static void print_json(struct gp_arena *arena, const struct checked *c)
{
	const struct gp_cli_key *k = c->key;
	struct gp_str name = gp_cli_key_name(arena, k->domain, k->selector);
	json_t *list = json_array();
	json_t *root = json_pack("{s:o,s:o,s:o,s:s,s:i,s:s,s:b}", "domain", gp_json_text(k->domain),
				 "selector", gp_json_text(k->selector), "name", gp_json_text(name),
				 "type", gp_key_type_name(gp_key_type(k->key)), "bits",
				 (int)gp_key_bits(k->key), "state", dkim_key_state_name(k->state),
				 "good", (int)gp_published_is_good(&c->published));

	for (unsigned i = 0; i < GP_PUBLISHED_PROBLEMS; i++)
		if (c->published.found[i])
			json_array_append_new(
				list, json_pack("{s:s,s:s,s:o}", "code", gp_published_code(i),
						"severity",
						gp_published_is_error(i) ? "error" : "warning",
						"text", gp_json_text(gp_str(c->published.words[i]))));
	json_object_set_new(root, "problems", list);
	json_object_set_new(root, "record", gp_json_text_or_null(c->published.record));
	json_object_set_new(root, "spf_record", c->are_known ? json_boolean(c->has_spf) : json_null());
	json_object_set_new(root, "dmarc_record",
			    c->are_known ? json_boolean(c->has_dmarc) : json_null());
	gp_json_print(root);
}

/* A retired key may be gone, and one that is prepared need not be there yet. */
static int status_of(const struct checked *c)
{
	if (c->key->state != DKIM_KEY_ACTIVE || gp_published_is_good(&c->published))
		return 0;
	return c->published.found[GP_PUBLISHED_NO_ANSWER] ? GP_EXIT_TEMPFAIL : 1;
}

static void print_text(struct gp_arena *arena, const struct checked *c)
{
	const struct gp_cli_key *k = c->key;
	struct gp_str name = gp_cli_key_name(arena, k->domain, k->selector);
	bool is_good = gp_published_is_good(&c->published), colour = isatty(STDOUT_FILENO) == 1;
	const char *word = is_good ? "good" : status_of(c) ? "bad" : "none";
	const char *on = !colour ? "" : is_good ? "\033[32m" : status_of(c) ? "\033[31m" : "";

	printf("%s%-4s%s  %s (%s, %s)\n", on, word, *on ? "\033[0m" : "",
	       gp_text_show(arena, name, 300), gp_cli_key_words(arena, k->key),
	       dkim_key_state_name(k->state));
	for (unsigned i = 0; i < GP_PUBLISHED_PROBLEMS; i++)
		if (c->published.found[i])
			printf("      %s%s\n", gp_published_is_error(i) ? "" : "warning: ",
			       gp_text_show(arena, gp_str(c->published.words[i]), 600));
}

/* What else a domain that signs should publish; once for each. */
static void print_hints(const struct checked *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct checked *c = &all[i];
		bool is_first = true;

		for (size_t k = 0; k < i; k++)
			is_first = is_first && !gp_str_eq(all[k].key->domain, c->key->domain);
		if (!is_first || !c->are_known)
			continue;
		if (!c->has_spf)
			printf("hint: %.*s has no SPF record\n", GP_STR_FMT(c->key->domain));
		if (!c->has_dmarc)
			printf("hint: %.*s has no DMARC record (_dmarc.%.*s)\n",
			       GP_STR_FMT(c->key->domain), GP_STR_FMT(c->key->domain));
	}
}

static int check(struct gp_cli *cli, const struct gp_cli_keys *keys, struct gp_resolver *resolver,
		 bool as_json)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + CHECK_MS);
	struct checked *all = GP_ARENA_NEW_N(cli->arena, keys->len + 1, struct checked);
	int status = 0, one;

	for (size_t i = 0; i < keys->len; i++)
		begin(&all[i], &keys->items[i], resolver, batch, cli->arena);
	for (size_t i = 0; i < keys->len; i++) {
		finish(&all[i], cli->arena);
		if (as_json)
			print_json(cli->arena, &all[i]);
		else
			print_text(cli->arena, &all[i]);
		one = status_of(&all[i]);
		status = status == 1 || !one ? status : one;
	}
	if (!as_json)
		print_hints(all, keys->len);
	gp_batch_free(&batch);
	return status;
}

static int run_check(struct gp_cli *cli, int argc, char **argv)
{
	struct check_options o = {0};
	struct gp_opt_list domains = {0};
	struct gp_cli_keys keys = {0};
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	GP_CLI_DNS_AUTO dns = {0};
	int status = gp_cli_options(&gp_cmd_dkim_check, cli, argc, argv, &o, &domains);

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (!status)
		status = gp_cli_keys_load(cli, snap, &domains, &keys);
	if (!status && keys.len == 0)
		return gp_cli_fail(GP_EXIT_DATA, "no keys are configured; make one: gatepost dkim "
						 "genkey DOMAIN");
	if (!status)
		status = gp_cli_dns_open(snap, o.zone, &dns);
	return status ? status : check(cli, &keys, dns.resolver, o.json);
}

const struct gp_command gp_cmd_dkim_check = {
	.name = "dkim check",
	.operands = "[DOMAIN]...",
	.summary = "compare our keys with what the DNS has, all of them by default",
	.details = "Exit status: 0 all are published rightly, 1 one is not, 75 the DNS did not answer.",
	.options = options,
	.run = run_check,
};
