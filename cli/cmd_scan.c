/*
 * gatepost scan: judge messages and show why.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/dns.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/scan_headers.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "milter-spam/whole.h"

struct scan_options {
	const char *ip, *helo, *from, *user, *zone;
	struct gp_opt_list rcpts;
	bool json, quiet, trace, headers;
};

/* A run of the command. */
struct run {
	const struct scan_options *o;
	struct spam_judge judge;
	struct gp_auth *auth; /* NULL: who a message is from is not looked up */
	struct spam_directory directory;
	struct gp_arena *arena; /* of the message at hand */
	struct gp_ip client;
	bool colour;
	enum gp_action severest;
};

/* One message judged. */
struct verdict {
	const char *file;
	struct spam_verdict verdict;
	double time_ms;
};

static const struct gp_opt options[] = {
	{0, "ip", "ADDRESS", "the client's address", GP_OPT_STRING,
	 offsetof(struct scan_options, ip)},
	{0, "helo", "NAME", "what the client said in HELO", GP_OPT_STRING,
	 offsetof(struct scan_options, helo)},
	{0, "from", "ADDRESS", "the envelope sender", GP_OPT_STRING,
	 offsetof(struct scan_options, from)},
	{0, "rcpt", "ADDRESS", "an envelope recipient (may be repeated); of one, its lessons count", GP_OPT_LIST,
	 offsetof(struct scan_options, rcpts)},
	{0, "user", "NAME", "the authenticated account; its own lessons count", GP_OPT_STRING,
	 offsetof(struct scan_options, user)},
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct scan_options, zone)},
	{0, "json", NULL, "one JSON object a line", GP_OPT_FLAG,
	 offsetof(struct scan_options, json)},
	{0, "rules-trace", NULL, "show what each rule matched and the tokens Bayes went by",
	 GP_OPT_FLAG, offsetof(struct scan_options, trace)},
	{0, "headers", NULL, "show the headers that the rule files add and rewrite", GP_OPT_FLAG,
	 offsetof(struct scan_options, headers)},
	{'q', "quiet", NULL, "one line a message: action, score, file", GP_OPT_FLAG,
	 offsetof(struct scan_options, quiet)},
	GP_OPT_END,
};

/* Evidence is a stranger's text. */
static void print_evidence(struct gp_str s)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4096);

	gp_text_clean(s, &text);
	printf("                 \"%s\"\n", gp_buf_cstr(&text));
}

/* What Bayes went by, weightiest first. */
static void print_tokens(const struct gp_scan_result *r)
{
	for (size_t i = 0; i < r->bayes.n_evidence; i++) {
		const struct gp_bayes_evidence *e = &r->bayes.evidence[i];
		GP_BUF_AUTO token = GP_BUF_INIT(256);

		gp_token_format(&r->tokens.sources[e->index], &token);
		printf("           %.3f in %u spam, %u ham", e->probability, e->count.spam,
		       e->count.ham);
		if (r->scopes.n > 1)
			printf(" (of the user's own: %u, %u)", e->own.spam, e->own.ham);
		putchar('\n');
		print_evidence(gp_str_n(token.data, token.len));
	}
}

static struct gp_scan_headers headers_of(const struct run *run, const struct verdict *v)
{
	return (struct gp_scan_headers){gp_scanner_rules(run->judge.scanner), v->verdict.mail,
					&v->verdict.result, &v->verdict.decision};
}

/* Rules that were stopped. */
static void print_limited(const struct gp_scan_result *r)
{
	for (size_t i = 0; i < r->n_limited; i++)
		printf("           rule %s (%s:%u) takes too long; it does not hit%s\n",
		       r->limited[i].name, r->limited[i].file, r->limited[i].line,
		       r->limited[i].messages == GP_RULE_LIMITED_MAX ? ", and is off from here on" : "");
}

static json_t *json_limited(const struct gp_scan_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_limited; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:i}", "rule", r->limited[i].name, "file",
						      r->limited[i].file, "line",
						      (int)r->limited[i].line));
	return list;
}

static void print_table(const struct run *run, const struct verdict *v)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[33m",
					      "\033[31m", "\033[31m", "\033[31m"};
	const char *on = run->colour ? colours[v->verdict.decision.action] : "";
	const char *off = run->colour ? "\033[0m" : "";

	printf("%s\n  %s%s%s, score %.2f (%.1f ms)\n", v->file, on,
	       gp_action_name(v->verdict.decision.action), off, v->verdict.result.score, v->time_ms);
	for (size_t i = 0; i < v->verdict.result.symbols.list.len; i++) {
		const struct gp_symbol *s = &v->verdict.result.symbols.list.items[i];

		printf("  %7.2f  %-28s %s\n", s->score, s->name, s->description);
		if (run->o->trace && s->evidence.len)
			print_evidence(s->evidence);
	}
	if (v->verdict.result.bayes.is_usable)
		printf("           Bayes %.4f from %zu of %zu tokens\n",
		       v->verdict.result.bayes.probability, v->verdict.result.bayes.n_used, v->verdict.result.tokens.n);
	if (run->o->trace)
		print_tokens(&v->verdict.result);
	if (*v->verdict.result.missing)
		printf("           missing: %s (the store or the DNS did not answer, or a limit was met)\n",
		       v->verdict.result.missing);
	if (v->verdict.directory_failure)
		printf("           settings of recipients in the directory are missing: %s\n",
		       v->verdict.directory_failure);
	print_limited(&v->verdict.result);
	if (v->verdict.result.refusing.len)
		printf("           block lists that refuse to answer this resolver: %.*s\n",
		       GP_STR_FMT(v->verdict.result.refusing));
	if (run->o->headers) {
		struct gp_scan_headers h = headers_of(run, v);

		gp_scan_headers_print(&h);
	}
	if (v->verdict.decision.decided_by.len)
		printf("           decided by the settings of %.*s\n",
		       GP_STR_FMT(v->verdict.decision.decided_by));
}

static json_t *json_tokens(const struct gp_scan_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->bayes.n_evidence; i++) {
		const struct gp_bayes_evidence *e = &r->bayes.evidence[i];
		GP_BUF_AUTO token = GP_BUF_INIT(256);

		gp_token_format(&r->tokens.sources[e->index], &token);
		json_array_append_new(list, json_pack("{s:o,s:f,s:I,s:I}", "token",
						      gp_json_text(gp_str_n(token.data, token.len)),
						      "probability", e->probability, "spam",
						      (json_int_t)e->count.spam, "ham",
						      (json_int_t)e->count.ham));
	}
	return list;
}

static void print_json(const struct run *run, const struct verdict *v)
{
	bool trace = run->o->trace;
	json_t *symbols = json_array();
	json_t *root = json_object();

	for (size_t i = 0; i < v->verdict.result.symbols.list.len; i++) {
		const struct gp_symbol *s = &v->verdict.result.symbols.list.items[i];
		json_t *o = json_pack("{s:s,s:f,s:o}", "name", s->name, "score", s->score,
				      "description", gp_json_text(gp_str(s->description)));

		if (trace && s->evidence.len)
			json_object_set_new(o, "matched", gp_json_text(s->evidence));
		json_array_append_new(symbols, o);
	}
	json_object_set_new(root, "file", gp_json_text(gp_str(v->file)));
	json_object_set_new(root, "score", json_real(v->verdict.result.score));
	json_object_set_new(root, "action", json_string(gp_action_name(v->verdict.decision.action)));
	json_object_set_new(root, "symbols", symbols);
	json_object_set_new(root, "time_ms", json_real(v->time_ms));
	if (v->verdict.result.bayes.is_usable)
		json_object_set_new(root, "bayes", json_real(v->verdict.result.bayes.probability));
	if (trace)
		json_object_set_new(root, "bayes_tokens", json_tokens(&v->verdict.result));
	if (run->o->headers) {
		struct gp_scan_headers h = headers_of(run, v);

		json_object_set_new(root, "headers", gp_scan_headers(&h));
	}
	if (*v->verdict.result.missing)
		json_object_set_new(root, "missing", json_string(v->verdict.result.missing));
	if (v->verdict.directory_failure)
		json_object_set_new(root, "missing_directory", json_string(v->verdict.directory_failure));
	if (v->verdict.result.n_limited)
		json_object_set_new(root, "limited", json_limited(&v->verdict.result));
	gp_json_print(root);
}

static void judge(struct run *run, struct gp_str bytes, struct verdict *v)
{
	const struct scan_options *o = run->o;
	struct gp_str *rcpts = GP_ARENA_NEW_N(run->arena, o->rcpts.len + 1, struct gp_str);
	struct spam_whole whole = {
		.bytes = bytes,
		.client = run->client,
		.helo = gp_str(o->helo ? o->helo : ""),
		.from = gp_str(o->from),
		.account = gp_str(o->user ? o->user : ""),
		.recipients = rcpts,
		.n_recipients = o->rcpts.len,
		.deadline_ms = gp_clock_mono_ms() + run->judge.conf->deadline_ms,
		.trace = o->trace,
	};

	for (size_t i = 0; i < o->rcpts.len; i++)
		rcpts[i] = gp_str(o->rcpts.items[i]);
	spam_whole_judge(&run->judge, &whole, run->arena, &v->verdict);
}

static int scan_one(void *arg, const char *label, struct gp_str bytes)
{
	struct run *run = arg;
	int64_t began_us = gp_clock_mono_us();
	struct verdict v = {.file = label};

	judge(run, bytes, &v);
	v.time_ms = (double)(gp_clock_mono_us() - began_us) / 1000;
	if (run->o->json)
		print_json(run, &v);
	else if (run->o->quiet)
		printf("%-10s %7.2f  %s\n", gp_action_name(v.verdict.decision.action), v.verdict.result.score,
		       label);
	else
		print_table(run, &v);
	run->severest = GP_MAX(run->severest, v.verdict.decision.action);
	gp_arena_reset(run->arena);
	return GP_OK;
}

static void scan_error(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "gatepost: %s\n", text);
}

static int scan_all(struct run *run, struct gp_opt_list *paths)
{
	static const char *const standard_input[] = {"-"};
	struct gp_input in = {.message = scan_one, .error = scan_error, .arg = run};
	int r;

	if (paths->len == 0)
		r = gp_input_walk(&in, standard_input, 1);
	else
		r = gp_input_walk(&in, paths->items, paths->len);
	if (r)
		return gp_cli_fail(GP_EXIT_SOFTWARE, "scan: %s", gp_err_name(r));
	return in.errors ? GP_EXIT_DATA : (int)run->severest;
}

/* Rules ask the DNS about any message.  Who one is from depends on its client; of one in a file it is known only by --ip. */
static int open_network(const struct gp_snapshot *snap, struct run *run, struct gp_cli_dns *dns)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	struct gp_diag diag;
	int status;

	if ((!rules->network && !run->o->zone) ||
	    (!run->client.family && !gp_rule_set_asks(gp_scanner_rules(run->judge.scanner))))
		return 0;
	status = gp_cli_dns_open(snap, run->o->zone, dns);
	if (status)
		return status;
	run->judge.sources.resolver = dns->resolver;
	if (run->client.family && gp_auth_new(&gp_auth_defaults, &run->auth, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	run->judge.auth = run->auth;
	return 0;
}

/* What recipients and accounts want may stand in the directory. */
static int open_directory(struct gp_snapshot *snap, struct run *run)
{
	struct gp_diag diag;
	GP_CONF_REPORT_AUTO report;

	if (run->o->rcpts.len == 0 && !run->o->user)
		return 0;
	gp_conf_report_init(&report);
	if (spam_directory_setup(snap, &run->directory, &report)) {
		gp_cli_print_report(&report);
		return GP_EXIT_CONFIG;
	}
	if (gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &run->directory.ldap, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	run->judge.directory = &run->directory;
	return 0;
}

static int run_scan(struct gp_cli *cli, int argc, char **argv)
{
	struct scan_options o = {0};
	struct gp_opt_list paths = {0};
	struct gp_snapshot *snap;
	struct run run = {.o = &o};
	GP_CLI_DNS_AUTO dns = {0};
	unsigned ignored;
	int status = gp_cli_options(&gp_cmd_scan, cli, argc, argv, &o, &paths);

	if (status >= 0)
		return status;
	if (o.ip && gp_ip_parse(gp_str(o.ip), &run.client))
		return gp_cli_fail(GP_EXIT_USAGE, "--ip: \"%s\" is not an IP address", o.ip);
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	run.judge.conf = gp_snapshot_get(snap, &spam_table); /* until the rules are there */
	run.judge.networks = gp_snapshot_get(snap, &gp_conf_networks_table);
	run.colour = isatty(STDOUT_FILENO) == 1;
	status = gp_cli_open_scanner(snap, &run.judge.scanner, &ignored);
	if (!status)
		run.judge.conf = spam_conf_with_rules(snap, gp_scanner_rules(run.judge.scanner));
	if (!status)
		status = open_network(snap, &run, &dns);
	if (!status)
		status = open_directory(snap, &run);
	if (!status)
		status = gp_cli_open_store(snap, 0, &run.judge.store);
	if (!status) {
		run.arena = gp_arena_new(1 << 18);
		status = scan_all(&run, &paths);
		gp_arena_free(run.arena);
	}
	gp_auth_free(&run.auth);
	gp_ldap_close(&run.directory.ldap);
	gp_store_close(&run.judge.store);
	gp_scanner_free(run.judge.scanner);
	gp_snapshot_unref(snap);
	return status;
}

const struct gp_command gp_cmd_scan = {
	.name = "scan",
	.operands = "[FILE|DIRECTORY|MBOX|-]...",
	.summary = "judge messages and show why",
	.details = "Exit status: 0 accept, 1 greylist, 2 add header, 3 quarantine, 4 reject, 5 "
		   "discard\n(the severest of all messages); 65 if something could not be read.",
	.options = options,
	.run = run_scan,
};
