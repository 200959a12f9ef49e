/*
 * gatepost stat: what was learned, by scope, and whether the store answers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/context.h"
#include "cli/json.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/score/bayes_scope.h"

#define STAT_MS 10000
#define SCOPES_MS 120000 /* a large Redis is looked through */

struct stat_options {
	bool json, scopes;
	const char *user;
};

static const struct gp_opt options[] = {
	{0, "user", "NAME", "what counts for this user's mail (bayes.scope)", GP_OPT_STRING,
	 offsetof(struct stat_options, user)},
	{0, "scopes", NULL, "all scopes in which something was learned", GP_OPT_FLAG,
	 offsetof(struct stat_options, scopes)},
	{0, "json", NULL, "as a JSON object", GP_OPT_FLAG, offsetof(struct stat_options, json)},
	GP_OPT_END,
};

/* What was learned in each scope that counts. */
struct learned {
	struct gp_bayes_scopes scopes;
	struct gp_bayes_totals totals[GP_BAYES_SCOPES];
	bool is_used;
};

static int load(struct gp_store *store, const struct gp_conf_bayes *conf, const char *user,
		struct learned *ret)
{
	uint64_t spam = 0, ham = 0;

	gp_bayes_scopes_of(conf, gp_str(user ? user : ""), &ret->scopes);
	for (size_t i = 0; i < ret->scopes.n; i++) {
		int r = gp_store_bayes_totals(store, gp_str(ret->scopes.names[i]),
					      gp_clock_mono_ms() + STAT_MS, &ret->totals[i]);

		if (r && r != GP_ENOENT)
			return r;
		spam = GP_MAX(spam, ret->totals[i].spam);
		ham = GP_MAX(ham, ret->totals[i].ham);
	}
	ret->is_used = conf->enabled && spam >= (uint64_t)conf->min_spam &&
		       ham >= (uint64_t)conf->min_ham;
	return GP_OK;
}

static void print_totals(const char *scope, const struct gp_bayes_totals *t)
{
	if (*scope)
		printf("scope    %s\n", scope);
	printf("spam     %" PRIu64 " messages learned\n", t->spam);
	printf("ham      %" PRIu64 " messages learned\n", t->ham);
	printf("tokens   %" PRIu64 "\n", t->tokens);
}

static void print_text(const char *url, const char *kind, const struct learned *l,
		       const struct gp_conf_bayes *conf)
{
	printf("store    %s (%s)\n", url, kind);
	for (size_t i = 0; i < l->scopes.n; i++)
		print_totals(l->scopes.names[i], &l->totals[i]);
	if (l->is_used)
		printf("Bayes    takes part in the score\n");
	else if (!conf->enabled)
		printf("Bayes    is switched off (bayes.enabled)\n");
	else
		printf("Bayes    waits for %" PRId64 " spam and %" PRId64
		       " ham (bayes.min_spam, bayes.min_ham)\n",
		       conf->min_spam, conf->min_ham);
}

static json_t *json_totals(const char *scope, const struct gp_bayes_totals *t)
{
	return json_pack("{s:o,s:I,s:I,s:I}", "scope", gp_json_text(gp_str(scope)), "spam",
			 (json_int_t)t->spam, "ham", (json_int_t)t->ham, "tokens",
			 (json_int_t)t->tokens);
}

/* The first scope's figures stand at the top: everybody's, unless scopes are apart. */
static void print_json(const char *url, const char *kind, const struct learned *l)
{
	json_t *root = json_totals(l->scopes.names[0], &l->totals[0]);
	json_t *scopes = json_array();

	for (size_t i = 0; i < l->scopes.n; i++)
		json_array_append_new(scopes, json_totals(l->scopes.names[i], &l->totals[i]));
	json_object_set_new(root, "store", json_string(url));
	json_object_set_new(root, "kind", json_string(kind));
	json_object_set_new(root, "scopes", scopes);
	json_object_set_new(root, "bayes_used", json_boolean(l->is_used));
	gp_json_print(root);
}

/* Redis may name one twice. */
static bool note_name(void *arg, struct gp_str scope)
{
	struct gp_map *names = arg;
	const char *name = gp_arena_cstr(names->arena, scope);

	(void)gp_map_set(names, gp_str(name), (void *)(uintptr_t)name);
	return true;
}

/* A line for each scope: spam, ham, tokens, name. */
static int show_scopes(struct gp_store *store, struct gp_arena *arena, bool json)
{
	json_t *all = json_array();
	struct gp_map names;
	int r;

	gp_map_init(&names, arena, false);
	r = gp_store_bayes_scopes(store, gp_clock_mono_ms() + SCOPES_MS, note_name, &names);
	GP_MAP_EACH(&names, entry) {
		const char *name = entry->value;
		struct gp_bayes_totals t;

		if (r != GP_OK)
			break;
		r = gp_store_bayes_totals(store, gp_str(name), gp_clock_mono_ms() + STAT_MS, &t);
		if (r == GP_OK && json)
			json_array_append_new(all, json_totals(name, &t));
		else if (r == GP_OK)
			printf("%10" PRIu64 " %10" PRIu64 " %12" PRIu64 "  %s\n", t.spam, t.ham,
			       t.tokens, *name ? gp_text_show(arena, gp_str(name), 256) : "(everybody)");
	}
	if (r == GP_OK && json)
		gp_json_print(json_incref(all));
	json_decref(all);
	if (r == GP_OK)
		return 0;
	return gp_cli_fail(GP_EXIT_UNAVAILABLE, "store: %s", gp_err_name(r));
}

static int show(struct gp_snapshot *snap, struct gp_store *store, const struct stat_options *o)
{
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	const struct gp_conf_bayes *conf = gp_snapshot_get(snap, &gp_conf_bayes_table);
	struct learned l = {0};
	int r = load(store, conf, o->user, &l);

	if (r) {
		struct gp_diag diag;

		gp_store_last_error(store, &diag);
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "store %s: %s", top->store,
				   *diag.text ? diag.text : gp_err_name(r));
	}
	if (o->json)
		print_json(top->store, gp_store_kind(store), &l);
	else
		print_text(top->store, gp_store_kind(store), &l, conf);
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
		status = o.scopes ? show_scopes(store, cli->arena, o.json) : show(snap, store, &o);
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
