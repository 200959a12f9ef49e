/*
 * gatepost stat: what was learned, and whether the store answers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/context.h"
#include "cli/json.h"
#include "lib/base/clock.h"

#define STAT_MS 10000

struct stat_options {
	bool json;
};

static const struct gp_opt options[] = {
	{0, "json", NULL, "as a JSON object", GP_OPT_FLAG, offsetof(struct stat_options, json)},
	GP_OPT_END,
};

static void print_text(const char *url, const char *kind, const struct gp_bayes_totals *t,
		       const struct gp_conf_bayes *conf, bool is_used)
{
	printf("store    %s (%s)\n", url, kind);
	printf("spam     %" PRIu64 " messages learned\n", t->spam);
	printf("ham      %" PRIu64 " messages learned\n", t->ham);
	printf("tokens   %" PRIu64 "\n", t->tokens);
	if (is_used)
		printf("Bayes    takes part in the score\n");
	else if (!conf->enabled)
		printf("Bayes    is switched off (bayes.enabled)\n");
	else
		printf("Bayes    waits for %" PRId64 " spam and %" PRId64
		       " ham (bayes.min_spam, bayes.min_ham)\n",
		       conf->min_spam, conf->min_ham);
}

static int show(struct gp_snapshot *snap, struct gp_store *store, bool json)
{
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	const struct gp_conf_bayes *conf = gp_snapshot_get(snap, &gp_conf_bayes_table);
	struct gp_bayes_totals t = {0};
	bool is_used;
	int r = gp_store_bayes_totals(store, GP_STR(""), gp_clock_mono_ms() + STAT_MS, &t);

	if (r && r != GP_ENOENT) {
		struct gp_diag diag;

		gp_store_last_error(store, &diag);
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "store %s: %s", top->store,
				   *diag.text ? diag.text : gp_err_name(r));
	}
	is_used = conf->enabled && t.spam >= (uint64_t)conf->min_spam &&
		  t.ham >= (uint64_t)conf->min_ham;
	if (json) {
		json_t *root = json_pack("{s:s,s:s,s:I,s:I,s:I,s:b}", "store", top->store, "kind",
					 gp_store_kind(store), "spam", (json_int_t)t.spam, "ham",
					 (json_int_t)t.ham, "tokens", (json_int_t)t.tokens,
					 "bayes_used", (int)is_used);

		gp_json_print(root);
	} else {
		print_text(top->store, gp_store_kind(store), &t, conf, is_used);
	}
	return 0;
}

static int run_stat(struct gp_cli *cli, int argc, char **argv)
{
	struct stat_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_store *store = NULL;
	struct gp_snapshot *snap;
	int status = gp_cli_options(&gp_cmd_stat, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	status = gp_cli_open_store(snap, 0, &store);
	if (!status)
		status = show(snap, store, o.json);
	gp_store_close(&store);
	gp_snapshot_unref(snap);
	return status;
}

const struct gp_command gp_cmd_stat = {
	.name = "stat",
	.operands = "",
	.summary = "show what was learned and whether the store answers",
	.options = options,
	.run = run_stat,
};
