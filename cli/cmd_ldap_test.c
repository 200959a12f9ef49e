/*
 * gatepost ldap test: what each query of the configuration finds for a name, and why it finds
 * nothing.
 *
 * It asks as the programs do, but for their cache.
 */
#include <stdio.h>

#include "cli/context.h"
#include "cli/json.h"
#include "cli/ldap_uses.h"
#include "cli/text.h"
#include "lib/base/clock.h"

#define SHOWN_MAX 300

struct test_options {
	const char *use;
	bool json;
};

static const struct gp_opt options[] = {
	{0, "use", "NAME", "this query only, by the end of its name: \"recipients\"", GP_OPT_STRING,
	 offsetof(struct test_options, use)},
	{0, "json", NULL, "one JSON object a line, one for each query and name", GP_OPT_FLAG,
	 offsetof(struct test_options, json)},
	GP_OPT_END,
};

/* How it went, in the order of the exit status' severity. */
enum outcome { FOUND, ABSENT, NOT_ASKED, UNUSABLE, DOWN, REFUSED, WRONG };
static const struct {
	const char *name;
	int status;
} outcomes[] = {
	[FOUND] = {"found", 0},	    [ABSENT] = {"absent", 1},
	[NOT_ASKED] = {"not-asked", 1}, [UNUSABLE] = {"unusable", GP_EXIT_DATA},
	[DOWN] = {"down", GP_EXIT_TEMPFAIL}, [REFUSED] = {"refused", GP_EXIT_NOPERM},
	[WRONG] = {"wrong", GP_EXIT_CONFIG},
};

/* One query about one name. */
struct test {
	const struct gp_ldap_use *use;
	struct gp_str user, key, base, filter;
	struct gp_ldap_answer answer;
	enum outcome outcome;
	const char *why; /* beside FOUND */
	const struct gp_mapfile *map;
	struct gp_map_hit hit;
	bool is_in_file;
	struct gp_ldap_meaning *meanings;
	size_t n_meanings;
	double time_ms;
};

struct run {
	struct gp_cli *cli;
	const struct test_options *o;
	struct gp_snapshot *snap;
	struct gp_conf_ldap conf; /* without the cache */
	struct gp_ldap *ldap;
	bool has_found;
	int severest; /* of those that are no matter of course */
};

/* Why a query is not for a key. */
static const char *why_not_asked(const struct run *run, const struct test *t)
{
	const struct gp_conf_list *domains = &t->use->conf->domains;
	struct gp_str domain = gp_str_after_last(t->key, '@');

	if (t->key.len == 0)
		return "nobody asks about an empty name";
	if (t->key.len > GP_LDAP_KEY_MAX)
		return "nobody asks about a name that is as long";
	for (size_t i = 0; i < domains->len; i++)
		if (gp_str_ieq(gp_str(domains->items[i]), domain))
			domains = &(const struct gp_conf_list){0};
	if (domains->len)
		return gp_arena_printf(run->cli->arena, "%.*s is not in %s.domains",
				       GP_STR_FMT(t->key), t->use->path);
	return "base or filter have a part (%u, %d, %1 ...) that this name lacks";
}

static enum outcome outcome_of(int result)
{
	switch (result) {
	case GP_OK:
		return FOUND;
	case GP_ENOENT:
		return ABSENT;
	case GP_ETEMP:
		return DOWN;
	case GP_EACCES:
		return REFUSED;
	default:
		return WRONG;
	}
}

static void explain(struct run *run, struct test *t)
{
	if (t->answer.n_values == 0) {
		t->outcome = ABSENT;
		t->why = "there is an entry, but it has none of the attributes";
		return;
	}
	t->n_meanings = gp_ldap_use_explain(run->cli, run->snap, t->use, t->user, &t->answer,
					    &t->meanings);
	for (size_t i = 0; i < t->n_meanings; i++)
		if (!t->meanings[i].is_good) {
			t->outcome = UNUSABLE;
			t->why = "there are values that cannot be used";
		}
}

static int look_up(struct run *run, struct test *t)
{
	struct gp_arena *arena = run->cli->arena;
	int64_t began_us = gp_clock_mono_us();
	struct gp_ldap_query *query;
	struct gp_diag diag = {""};
	int r;

	if (gp_directory_query_new(t->use->conf, arena, &query, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s: %s", t->use->path, diag.text);
	if (gp_ldap_explain(query, t->key, arena, &t->base, &t->filter)) {
		t->outcome = NOT_ASKED;
		t->why = why_not_asked(run, t);
		return 0;
	}
	r = gp_ldap_get(run->ldap, query, t->key,
			gp_clock_mono_ms() + run->conf.timeout_ms * (int64_t)(run->conf.servers.len + 1),
			arena, &t->answer, &diag);
	t->time_ms = (double)(gp_clock_mono_us() - began_us) / 1000;
	t->outcome = outcome_of(r);
	t->why = gp_arena_strdup(arena, diag.text);
	if (r == GP_OK)
		explain(run, t);
	return 0;
}

static const char *show(const struct run *run, struct gp_str s)
{
	return gp_text_show(run->cli->arena, s, SHOWN_MAX);
}

static void print_found(const struct run *run, const struct test *t)
{
	printf("    entry    %s", show(run, t->answer.dn));
	if (t->answer.n_entries > 1)
		printf(" and %zu more", t->answer.n_entries - 1);
	putchar('\n');
	for (size_t i = 0; i < t->answer.n_values; i++)
		printf("    value    %s: %s\n", show(run, t->answer.values[i].attribute),
		       show(run, t->answer.values[i].text));
	for (size_t i = 0; i < t->n_meanings; i++)
		printf("    %s    %s: %s\n", t->meanings[i].is_good ? "means" : "WRONG",
		       show(run, t->meanings[i].word), show(run, gp_str(t->meanings[i].text)));
}

static void print_text(const struct run *run, const struct test *t)
{
	static const char *const scopes[] = {"the whole tree", "one step below", "this entry alone"};

	printf("%s: %s\n", t->use->path, show(run, t->key));
	if (t->is_in_file)
		printf("    file     %s:%u has \"%s\": that counts, and the programs do not ask the "
		       "directory\n", gp_mapfile_path(t->map), t->hit.line, show(run, t->hit.key));
	if (t->base.len)
		printf("    base     %s (%s)\n    filter   %s\n", show(run, t->base),
		       scopes[t->use->conf->scope], show(run, t->filter));
	if (t->answer.server.len)
		printf("    server   %s, %.1f ms\n", show(run, t->answer.server), t->time_ms);
	if (t->answer.n_entries)
		print_found(run, t);
	if (t->outcome != FOUND)
		printf("    %-8s %s\n", outcomes[t->outcome].name, show(run, gp_str(t->why)));
}

static json_t *json_values(const struct test *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->answer.n_values; i++)
		json_array_append_new(list, json_pack("{s:o,s:o}", "attribute",
						      gp_json_text(t->answer.values[i].attribute), "value",
						      gp_json_text(t->answer.values[i].text)));
	return list;
}

static json_t *json_meanings(const struct test *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_meanings; i++)
		json_array_append_new(list, json_pack("{s:o,s:o,s:b}", "word",
						      gp_json_text(t->meanings[i].word), "text",
						      gp_json_text(gp_str(t->meanings[i].text)),
						      "usable", (int)t->meanings[i].is_good));
	return list;
}

static void print_json(const struct test *t)
{
	json_t *root = json_pack(
		"{s:s,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:I,s:o,s:o,s:f}", "use", t->use->path, "user",
		gp_json_text(t->user), "key", gp_json_text(t->key), "base", gp_json_text_or_null(t->base),
		"filter", gp_json_text_or_null(t->filter), "result", outcomes[t->outcome].name, "why",
		t->outcome == FOUND ? json_null() : gp_json_text(gp_str(t->why)), "server",
		gp_json_text_or_null(t->answer.server), "dn", gp_json_text_or_null(t->answer.dn),
		"entries", (json_int_t)t->answer.n_entries, "values", json_values(t), "means",
		json_meanings(t), "time_ms", t->time_ms);

	if (t->is_in_file)
		json_object_set_new(root, "file", json_pack("{s:s,s:i,s:o,s:o}", "path",
							    gp_mapfile_path(t->map), "line",
							    (int)t->hit.line, "key", gp_json_text(t->hit.key),
							    "value", gp_json_text(t->hit.value)));
	gp_json_print(root);
}

static int test_one(struct run *run, const struct gp_ldap_use *use, const char *user)
{
	struct test t = {.use = use, .user = gp_str(user), .why = ""};
	int status;

	t.key = gp_ldap_use_key(use, t.user);
	t.is_in_file = gp_ldap_use_in_file(use, t.user, &t.map, &t.hit);
	status = look_up(run, &t);
	if (status)
		return status;
	if (run->o->json)
		print_json(&t);
	else
		print_text(run, &t);
	run->has_found |= t.outcome == FOUND;
	if (outcomes[t.outcome].status > 1)
		run->severest = GP_MAX(run->severest, outcomes[t.outcome].status);
	return 0;
}

static bool is_wanted(const struct test_options *o, const struct gp_ldap_use *use)
{
	return !o->use || gp_str_ieq(gp_str(use->path), gp_str(o->use)) ||
	       (gp_str_iends(gp_str(use->path), gp_str(o->use)) &&
		use->path[strlen(use->path) - strlen(o->use) - 1] == '.');
}

static int test_all(struct run *run, const struct gp_opt_list *users)
{
	struct gp_ldap_use *uses;
	size_t n = gp_ldap_uses_find(run->cli, run->snap, &uses), tested = 0;
	int status = 0;

	for (size_t i = 0; i < users->len; i++)
		for (size_t k = 0; k < n && !status; k++) {
			if (!is_wanted(run->o, &uses[k]))
				continue;
			status = test_one(run, &uses[k], users->items[i]);
			tested++;
		}
	if (status)
		return status;
	if (tested == 0)
		return gp_cli_fail(GP_EXIT_CONFIG, "no query%s%s is configured: set its base, such as "
				   "milter-spam.ldap.recipients.base", run->o->use ? " " : "",
				   run->o->use ? run->o->use : "");
	return run->severest ? run->severest : run->has_found ? 0 : 1;
}

static int open_directory(struct run *run)
{
	struct gp_diag diag;

	run->conf = *(const struct gp_conf_ldap *)gp_snapshot_get(run->snap, &gp_conf_ldap_table);
	run->conf.cache_entries = 0;
	if (run->conf.servers.len == 0)
		return gp_cli_fail(GP_EXIT_CONFIG, "there is no directory: ldap.servers is empty");
	if (gp_directory_open(&run->conf, &run->ldap, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	return 0;
}

static int run_test(struct gp_cli *cli, int argc, char **argv)
{
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	struct test_options o = {0};
	struct gp_opt_list users = {0};
	struct run run = {.cli = cli, .o = &o};
	int status = gp_cli_options(&gp_cmd_ldap_test, cli, argc, argv, &o, &users);

	if (status >= 0)
		return status;
	if (users.len == 0)
		return gp_cli_fail(GP_EXIT_USAGE, "ldap test: name an address or an account");
	status = gp_cli_load(cli, &snap);
	run.snap = snap;
	if (!status)
		status = open_directory(&run);
	if (!status)
		status = test_all(&run, &users);
	gp_ldap_close(&run.ldap);
	return status;
}

const struct gp_command gp_cmd_ldap_test = {
	.name = "ldap test",
	.operands = "USER...",
	.summary = "show what the directory says about an address or account, and why",
	.details = "Exit status: 0 found, 1 nothing found, 65 values that cannot be used, 75 no server\n"
		   "answered, 77 the server refused us, 78 wrong configuration.",
	.options = options,
	.run = run_test,
};
