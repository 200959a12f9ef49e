/*
 * gatepost scan: judge messages and show why.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/dns.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/text.h"
#include "lib/auth/auth.h"
#include "lib/base/clock.h"
#include "milter-spam/policy.h"

struct scan_options {
	const char *ip, *helo, *from, *user, *zone;
	struct gp_opt_list rcpts;
	bool json, quiet, trace;
};

/* A run of the command. */
struct run {
	const struct scan_options *o;
	const struct spam_conf *conf;
	const struct gp_conf_networks *networks;
	struct gp_scanner *scanner;
	struct gp_store *store;
	struct gp_auth *auth; /* NULL: who a message is from is not looked up */
	struct gp_auth_sources sources;
	struct gp_arena *arena; /* of the message at hand */
	struct gp_ip client;
	bool colour;
	enum gp_action severest;
};

/* One message judged. */
struct verdict {
	const char *file;
	struct gp_scan_result result;
	struct spam_decision decision;
	double time_ms;
};

static const struct gp_opt options[] = {
	{0, "ip", "ADDRESS", "the client's address", GP_OPT_STRING,
	 offsetof(struct scan_options, ip)},
	{0, "helo", "NAME", "what the client said in HELO", GP_OPT_STRING,
	 offsetof(struct scan_options, helo)},
	{0, "from", "ADDRESS", "the envelope sender", GP_OPT_STRING,
	 offsetof(struct scan_options, from)},
	{0, "rcpt", "ADDRESS", "an envelope recipient (may be repeated)", GP_OPT_LIST,
	 offsetof(struct scan_options, rcpts)},
	{0, "user", "NAME", "the authenticated account", GP_OPT_STRING,
	 offsetof(struct scan_options, user)},
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct scan_options, zone)},
	{0, "json", NULL, "one JSON object a line", GP_OPT_FLAG,
	 offsetof(struct scan_options, json)},
	{0, "rules-trace", NULL, "show what each rule matched and the tokens Bayes went by",
	 GP_OPT_FLAG, offsetof(struct scan_options, trace)},
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
		printf("           %.3f in %u spam, %u ham\n", e->probability, e->count.spam,
		       e->count.ham);
		print_evidence(gp_str_n(token.data, token.len));
	}
}

static void print_table(const struct run *run, const struct verdict *v)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[33m",
					      "\033[31m", "\033[31m", "\033[31m"};
	const char *on = run->colour ? colours[v->decision.action] : "";
	const char *off = run->colour ? "\033[0m" : "";

	printf("%s\n  %s%s%s, score %.2f (%.1f ms)\n", v->file, on,
	       gp_action_name(v->decision.action), off, v->result.score, v->time_ms);
	for (size_t i = 0; i < v->result.symbols.list.len; i++) {
		const struct gp_symbol *s = &v->result.symbols.list.items[i];

		printf("  %7.2f  %-28s %s\n", s->score, s->name, s->description);
		if (run->o->trace && s->evidence.len)
			print_evidence(s->evidence);
	}
	if (v->result.bayes.is_usable)
		printf("           Bayes %.4f from %zu of %zu tokens\n",
		       v->result.bayes.probability, v->result.bayes.n_used, v->result.tokens.n);
	if (run->o->trace)
		print_tokens(&v->result);
	if (*v->result.missing)
		printf("           missing: %s (the store did not answer, or a limit was met)\n",
		       v->result.missing);
	if (v->result.refusing.len)
		printf("           block lists that refuse to answer this resolver: %.*s\n",
		       GP_STR_FMT(v->result.refusing));
	if (v->decision.decided_by.len)
		printf("           decided by the settings of %.*s\n",
		       GP_STR_FMT(v->decision.decided_by));
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

static void print_json(const struct verdict *v, bool trace)
{
	json_t *symbols = json_array();
	json_t *root = json_object();

	for (size_t i = 0; i < v->result.symbols.list.len; i++) {
		const struct gp_symbol *s = &v->result.symbols.list.items[i];
		json_t *o = json_pack("{s:s,s:f,s:o}", "name", s->name, "score", s->score,
				      "description", gp_json_text(gp_str(s->description)));

		if (trace && s->evidence.len)
			json_object_set_new(o, "matched", gp_json_text(s->evidence));
		json_array_append_new(symbols, o);
	}
	json_object_set_new(root, "file", gp_json_text(gp_str(v->file)));
	json_object_set_new(root, "score", json_real(v->result.score));
	json_object_set_new(root, "action", json_string(gp_action_name(v->decision.action)));
	json_object_set_new(root, "symbols", symbols);
	json_object_set_new(root, "time_ms", json_real(v->time_ms));
	if (v->result.bayes.is_usable)
		json_object_set_new(root, "bayes", json_real(v->result.bayes.probability));
	if (trace)
		json_object_set_new(root, "bayes_tokens", json_tokens(&v->result));
	if (*v->result.missing)
		json_object_set_new(root, "missing", json_string(v->result.missing));
	gp_json_print(root);
}

/* As milter-spam finds them when milter-dkim has sealed none; NULL without a client. */
static const struct gp_auth_result *results_of(struct run *run, struct gp_str bytes,
					       int64_t deadline_ms)
{
	struct gp_auth_envelope envelope = {.client = run->client,
					    .helo = gp_str(run->o->helo ? run->o->helo : ""),
					    .mailfrom = gp_str(run->o->from ? run->o->from : ""),
					    .now_s = gp_clock_real_s()};
	struct gp_auth_result *ret;

	if (!run->auth)
		return NULL;
	ret = GP_ARENA_NEW(run->arena, struct gp_auth_result);
	gp_auth_message(run->auth, &run->sources, &envelope, bytes, run->arena, deadline_ms, ret);
	return ret;
}

static void judge(struct run *run, struct gp_str bytes, struct verdict *v)
{
	const struct scan_options *o = run->o;
	struct gp_message_options mail_options = {.body_max = (size_t)run->conf->size_max};
	struct gp_message *mail = gp_message_parse(run->arena, &mail_options, bytes);
	struct gp_str *rcpts = GP_ARENA_NEW_N(run->arena, o->rcpts.len + 1, struct gp_str);
	struct spam_envelope envelope = {
		.sender = {.envelope = gp_str(o->from ? o->from : ""), .client = run->client},
		.recipients = rcpts,
		.n_recipients = o->rcpts.len,
		.account = gp_str(o->user ? o->user : ""),
	};
	struct gp_scan_input input = {
		.message = mail,
		.store = run->store,
		.envelope_from = o->from ? gp_str(o->from) : gp_str(NULL),
		.recipients = rcpts,
		.n_recipients = o->rcpts.len,
		.client_ip = gp_str(o->ip ? o->ip : ""),
		.helo = gp_str(o->helo ? o->helo : ""),
		.resolver = run->sources.resolver,
		.deadline_ms = gp_clock_mono_ms() + run->conf->deadline_ms,
		.trace = o->trace,
	};
	struct gp_scan *scan;

	input.auth = results_of(run, bytes, input.deadline_ms);
	for (size_t i = 0; i < o->rcpts.len; i++)
		rcpts[i] = gp_str(o->rcpts.items[i]);
	scan = gp_scan_begin(run->scanner, &input, run->arena);
	spam_policy_add_symbols(run->conf, &envelope, mail, scan);
	gp_scan_finish(scan, &v->result);
	spam_policy_decide(run->conf, &envelope, spam_policy_origin(run->networks, &envelope),
			   v->result.score, run->arena, &v->decision);
}

static int scan_one(void *arg, const char *label, struct gp_str bytes)
{
	struct run *run = arg;
	int64_t began_us = gp_clock_mono_us();
	struct verdict v = {.file = label};

	judge(run, bytes, &v);
	v.time_ms = (double)(gp_clock_mono_us() - began_us) / 1000;
	if (run->o->json)
		print_json(&v, run->o->trace);
	else if (run->o->quiet)
		printf("%-10s %7.2f  %s\n", gp_action_name(v.decision.action), v.result.score,
		       label);
	else
		print_table(run, &v);
	run->severest = GP_MAX(run->severest, v.decision.action);
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
	    (!run->client.family && !gp_rule_set_asks(gp_scanner_rules(run->scanner))))
		return 0;
	status = gp_cli_dns_open(snap, run->o->zone, dns);
	if (status)
		return status;
	run->sources.resolver = dns->resolver;
	if (run->client.family && gp_auth_new(&gp_auth_defaults, &run->auth, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
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
	run.conf = gp_snapshot_get(snap, &spam_table);
	run.networks = gp_snapshot_get(snap, &gp_conf_networks_table);
	run.colour = isatty(STDOUT_FILENO) == 1;
	status = gp_cli_open_scanner(snap, &run.scanner, &ignored);
	if (!status)
		status = open_network(snap, &run, &dns);
	if (!status)
		status = gp_cli_open_store(snap, 0, &run.store);
	if (!status) {
		run.arena = gp_arena_new(1 << 18);
		status = scan_all(&run, &paths);
		gp_arena_free(run.arena);
	}
	gp_auth_free(&run.auth);
	gp_store_close(&run.store);
	gp_scanner_free(run.scanner);
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
