/*
 * Rules, Bayes and store in one pass over a message.
 *
 * Order: tokens first, because the store's answer takes longest; the patterns
 * are matched while it is under way; then wait, classify, and let the rule set
 * turn the probability into symbols and everything into a score.
 *
 * Where rules ask the DNS for autonomous systems (which they do not as they come), these are tokens
 * too: then the store is asked last, once the answer is there.
 */
#include "lib/score/scanner.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/score/rule_vs.h"

struct gp_scanner {
	struct gp_rule_set *rules;
	struct gp_bayes_params bayes;
	const struct gp_conf_bayes *conf; /* of the snapshot */
	bool has_bayes;
	bool has_network;
};

/* A fact added by the caller, until the rules have been asked for its score. */
struct added {
	struct added *next;
	const char *name, *description;
	double score;
	struct gp_str evidence;
};

struct gp_scan {
	struct gp_scanner *scanner;
	const struct gp_scan_input *input;
	struct gp_arena *arena;
	struct gp_token_list tokens;
	bool has_late_tokens; /* collected in _finish */
	struct gp_batch *batch;
	struct gp_bayes_scopes scopes;
	struct gp_bayes_lookup *lookups[GP_BAYES_SCOPES]; /* NULL: not asked */
	struct gp_rule_input rule_input;
	struct gp_rule_scan *rules;
	struct added *added;
};

const char **gp_scanner_rule_paths(const struct gp_snapshot *snap, struct gp_arena *arena,
				   size_t *ret_n)
{
	const struct gp_conf_list *list =
		&((const struct gp_conf_rules *)gp_snapshot_get(snap, &gp_conf_rules_table))->paths;
	const char **paths = GP_ARENA_NEW_N(arena, list->len + 1, const char *);
	const char *file;
	unsigned line;
	bool are_named = gp_snapshot_origin(snap, &gp_conf_rules_table, "paths", &file, &line);

	*ret_n = 0;
	for (size_t i = 0; i < list->len; i++)
		if (are_named || access(list->items[i], F_OK) == 0)
			paths[(*ret_n)++] = list->items[i];
	return paths;
}

/* A list of networks that the administrator wrote down, or NULL. */
static const struct gp_netset *named_networks(const struct gp_snapshot *snap, const char *which)
{
	const struct gp_conf_networks *n = gp_snapshot_get(snap, &gp_conf_networks_table);
	const char *file;
	unsigned line;

	if (!gp_snapshot_origin(snap, &gp_conf_networks_table, which, &file, &line))
		return NULL;
	return strcmp(which, "own") == 0 ? &n->own : &n->trusted;
}

void gp_scanner_rule_options(const struct gp_snapshot *snap, struct gp_rule_options *options)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);

	options->local_only = !rules->network;
	options->engine = rules->engine == GP_CONF_ENGINE_PCRE2 ? GP_RULE_ENGINE_PCRE2
								: GP_RULE_ENGINE_AUTO;
	options->cache_dir = *rules->cache ? rules->cache : NULL;
	options->cache_owner = rules->cache_owner;
	options->lang = rules->language;
	options->own_networks = named_networks(snap, "own");
	options->trusted_networks = named_networks(snap, "trusted");
}

int gp_scanner_check_engine(const struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	const char *obstacle = gp_vs_obstacle();

	if (rules->engine != GP_CONF_ENGINE_VECTORSCAN || !obstacle)
		return GP_OK;
	gp_diag_set(diag, "\"vectorscan\" cannot run: %s", obstacle);
	return GP_ENOENT;
}

int gp_scanner_new(const struct gp_snapshot *snap, struct gp_rule_report *problems,
		   struct gp_scanner **ret, struct gp_diag *diag)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	const struct gp_conf_bayes *bayes = gp_snapshot_get(snap, &gp_conf_bayes_table);
	struct gp_rule_options options = {0};
	struct gp_scanner *s = gp_xcalloc(1, sizeof(*s));
	struct gp_arena *scratch = gp_arena_new(0);
	size_t n;
	const char **paths = gp_scanner_rule_paths(snap, scratch, &n);
	int r;

	gp_scanner_rule_options(snap, &options);
	r = gp_rule_set_load(paths, n, &options, problems, &s->rules, diag);
	gp_arena_free(scratch);
	if (r) {
		free(s);
		return r;
	}
	s->bayes = gp_bayes_defaults;
	s->bayes.min_spam = (uint64_t)bayes->min_spam;
	s->bayes.min_ham = (uint64_t)bayes->min_ham;
	s->conf = bayes;
	s->has_bayes = bayes->enabled;
	s->has_network = rules->network;
	*ret = s;
	return GP_OK;
}

void gp_scanner_free(struct gp_scanner *s)
{
	if (!s)
		return;
	gp_rule_set_unref(s->rules);
	free(s);
}

struct gp_rule_set *gp_scanner_rules(struct gp_scanner *s)
{
	return s->rules;
}

static void free_batch(void *arg)
{
	gp_batch_free(arg);
}

/* All scopes in one round trip: the questions go out together. */
static void ask_store(struct gp_scan *scan, struct gp_str asn)
{
	const struct gp_scan_input *in = scan->input;

	gp_token_collect(scan->arena, in->message, in->envelope_from, asn, &scan->tokens);
	if (!in->store)
		return;
	scan->batch = gp_batch_new(in->deadline_ms);
	gp_arena_on_end(scan->arena, free_batch, &scan->batch);
	gp_bayes_scopes_for(scan->scanner->conf, in->account, in->recipients, in->n_recipients,
			    &scan->scopes);
	for (size_t i = 0; i < scan->scopes.n; i++)
		scan->lookups[i] = gp_store_bayes_begin(in->store, scan->batch,
							gp_str(scan->scopes.names[i]),
							scan->tokens.hashes, scan->tokens.n);
}

struct gp_scan *gp_scan_begin(struct gp_scanner *scanner, const struct gp_scan_input *input,
			      struct gp_arena *arena)
{
	struct gp_scan *scan = GP_ARENA_NEW(arena, struct gp_scan);
	bool guesses;

	scan->scanner = scanner;
	scan->input = input;
	scan->arena = arena;
	scan->has_late_tokens = input->resolver && gp_rule_set_asks_asn(scanner->rules);
	guesses = gp_rule_set_guesses_languages(scanner->rules);
	if (scanner->has_bayes && !scan->has_late_tokens && !guesses)
		ask_store(scan, GP_STR(""));
	scan->rule_input = (struct gp_rule_input){
		.message = input->message,
		.envelope_from = input->envelope_from,
		.recipients = input->recipients,
		.n_recipients = input->n_recipients,
		.client_ip = input->client_ip,
		.helo = input->helo,
		.auth = input->auth,
		.resolver = input->resolver,
		.store = input->store,
		.counts_senders = input->counts_senders,
		.deadline_ms = input->deadline_ms,
		.has_network = scanner->has_network || input->resolver,
		.bayes = -1,
		.trace = input->trace,
	};
	scan->rules = gp_rule_scan_begin(scanner->rules, &scan->rule_input, arena);
	if (scanner->has_bayes && !scan->has_late_tokens && guesses) /* it knows the language now */
		ask_store(scan, GP_STR(""));
	return scan;
}

void gp_scan_add(struct gp_scan *scan, const char *name, double score, const char *description,
		 struct gp_str evidence)
{
	struct added *a;

	if (gp_rule_scan_set_evidence(scan->rules, name, 1, evidence))
		return;
	a = GP_ARENA_NEW(scan->arena, struct added);
	*a = (struct added){scan->added, name, description, score, evidence};
	scan->added = a;
}

static void classify(struct gp_scan *scan, struct gp_scan_result *ret)
{
	struct gp_bayes_view views[GP_BAYES_SCOPES];

	ret->scopes = scan->scopes;
	if (scan->scopes.n == 0)
		return;
	for (size_t i = 0; i < scan->scopes.n; i++) {
		struct gp_bayes_count *counts =
			GP_ARENA_NEW_N(scan->arena, scan->tokens.n + 1, struct gp_bayes_count);

		if (gp_store_bayes_finish(scan->lookups[i], counts, &ret->totals[i])) {
			ret->is_bayes_missing = true;
			return;
		}
		views[i] = (struct gp_bayes_view){counts, ret->totals[i]};
	}
	gp_bayes_classify(&scan->tokens, views, scan->scopes.n, &scan->scanner->bayes, &ret->bayes);
	if (!ret->bayes.is_usable)
		return;
	scan->rule_input.has_bayes = true;
	scan->rule_input.bayes = ret->bayes.probability;
}

static const char *missing_of(const struct gp_scan *scan, const struct gp_scan_result *r,
			      const struct gp_rule_scan_stats *stats)
{
	const struct {
		bool is_missing;
		const char *name;
	} table[] = {
		{r->is_bayes_missing, "bayes"},
		{stats->budget_exceeded || stats->limited.len, "rules"},
		{stats->late > 0, "dns"},
		{r->are_senders_missing, "senders"},
	};
	const char *text = "";

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++)
		if (table[i].is_missing)
			text = gp_arena_printf(scan->arena, "%s%s%s", text, *text ? "," : "",
					       table[i].name);
	return text;
}

void gp_scan_finish(struct gp_scan *scan, struct gp_scan_result *ret)
{
	const struct gp_rule_scan_stats *stats;

	if (scan->scanner->has_bayes && scan->has_late_tokens)
		ask_store(scan, gp_rule_scan_asn(scan->rules));
	*ret = (struct gp_scan_result){.tokens = scan->tokens};
	gp_symbols_init(&ret->symbols, scan->arena);
	classify(scan, ret);
	gp_rule_scan_finish(scan->rules, &ret->symbols);
	for (const struct added *a = scan->added; a; a = a->next)
		gp_symbols_add(&ret->symbols, a->name, a->score, a->description)->evidence =
			a->evidence;
	gp_symbols_sort(&ret->symbols);
	ret->score = gp_symbols_sum(&ret->symbols);
	ret->rules = scan->rules;
	stats = gp_rule_scan_stats(scan->rules);
	ret->refusing = stats->refusing;
	ret->limited = stats->limited.items;
	ret->n_limited = stats->limited.len;
	ret->are_senders_missing = stats->is_store_missing;
	ret->missing = missing_of(scan, ret, stats);
}
