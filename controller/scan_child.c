/*
 * A message and its envelope to a verdict.  Runs in a worker.
 *
 * Rules, lists and keys are read before the worker is confined, as milter-spam reads
 * them; what the store and the DNS know is asked of the controller.
 */
#include "controller/scan_child.h"

#include "controller/ask_child.h"
#include "controller/http_request.h"
#include "controller/scan_json.h"
#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/conf/shared.h"
#include "lib/mail/charset.h"

#define KEYS_MAX 1000 /* public keys kept parsed, as milter-spam */

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &spam_table};

static struct spam_judge judge;
static struct gp_arena *arena;
static unsigned score_set; /* network, and Bayes once it knows enough */

/* The first error stands for all: the controller read the same file, and said them. */
static int load(const char *file, struct gp_snapshot **ret, struct gp_diag *diag)
{
	GP_CONF_REPORT_AUTO report;
	int r;

	gp_conf_report_init(&report);
	r = gp_snapshot_load(file, tables, GP_ARRAY_SIZE(tables), ret, &report);
	if (r < 0 && report.errors.len) {
		GP_BUF_AUTO text = GP_BUF_INIT(1000);

		gp_conf_error_format(&report.errors.items[0], &text);
		gp_diag_set(diag, "%s", gp_buf_cstr(&text));
	}
	return r;
}

static int open_network(const struct gp_snapshot *snap, struct gp_resolver *resolver,
			struct gp_diag *diag)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	struct gp_auth *auth;
	int r;

	if (!rules->network)
		return GP_OK;
	r = gp_auth_new(&gp_auth_defaults, &auth, diag);
	if (r < 0)
		return r;
	judge.auth = auth;
	judge.sources.resolver = resolver;
	judge.sources.keys = gp_dkim_keys_new(KEYS_MAX);
	return GP_OK;
}

static int prepare(const char *file, struct gp_diag *diag)
{
	unsigned char digest[GP_SHA256_SIZE];
	struct gp_rule_report problems;
	struct gp_resolver *resolver;
	struct gp_snapshot *snap;
	int r = load(file, &snap, diag);

	if (r < 0)
		return r;
	gp_charset_preload();
	gp_sha256("", 0, digest); /* has the library read its configuration */
	gp_rule_report_init(&problems); /* milter-spam says what is in it */
	r = gp_scanner_new(snap, &problems, &judge.scanner, diag);
	gp_rule_report_done(&problems);
	if (r == GP_OK)
		r = ask_child_open(&judge.store, &resolver, diag);
	if (r == GP_OK)
		r = open_network(snap, resolver, diag);
	judge.conf = r == GP_OK ? spam_conf_with_rules(snap, gp_scanner_rules(judge.scanner))
				: gp_snapshot_get(snap, &spam_table);
	score_set = judge.sources.resolver ? 3 : 2;
	judge.networks = gp_snapshot_get(snap, &gp_conf_networks_table);
	arena = gp_arena_new(1 << 18);
	return r;
}

static int add(const char *data, size_t len, void *arg)
{
	gp_buf_add(arg, data, len);
	return gp_buf_error(arg) ? -1 : 0;
}

/* Takes root over. */
static int report(const struct spam_verdict *v, json_t *root, struct gp_buf *reply)
{
	struct scan_report head = {.json = gp_str("")};
	int r;

	if (v)
		head = (struct scan_report){v->result.score, v->decision.action, gp_str("")};
	scan_report_encode(&head, reply);
	r = json_dump_callback(root, add, reply,
			       JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	json_decref(root);
	return r < 0 ? GP_ELIMIT : GP_OK;
}

static int judge_one(const struct scan_order *order, struct gp_str message, int channel,
		     struct gp_buf *reply)
{
	int64_t began_us = gp_clock_mono_us();
	struct spam_verdict verdict;
	struct spam_whole whole = {
		.bytes = message,
		.helo = order->helo,
		.from = order->from,
		.account = order->user,
		.recipients = order->recipients,
		.n_recipients = order->n_recipients,
		.told = {order->user_words, order->words, order->directory_failure},
		.deadline_ms = gp_clock_mono_ms() + GP_MIN((int64_t)order->left_ms,
							   judge.conf->deadline_ms),
		.trace = true,
	};

	if (channel < 0 || (order->ip.len && gp_ip_parse(order->ip, &whole.client)))
		return GP_EINVAL; /* the controller looked at it */
	ask_child_begin(channel);
	spam_whole_judge(&judge, &whole, arena, &verdict);
	ask_child_end();
	return report(&verdict,
		      scan_json(&verdict, order, (double)(gp_clock_mono_us() - began_us) / 1e6),
		      reply);
}

static int work(struct gp_str params, struct gp_str message, int channel, struct gp_buf *reply)
{
	struct scan_order order;
	struct gp_thresholds thresholds;
	int r = scan_order_decode(params, arena, &order);

	if (r < 0)
		return r;
	switch (order.op) {
	case SCAN_JUDGE:
		r = judge_one(&order, message, channel, reply);
		break;
	case SCAN_RULES:
		r = report(NULL, scan_rules_json(gp_scanner_rules(judge.scanner), score_set), reply);
		break;
	case SCAN_ACTIONS:
		thresholds = spam_thresholds(&judge.conf->thresholds);
		r = report(NULL, scan_actions_json(&thresholds), reply);
		break;
	case SCAN_OPS:
		break;
	}
	gp_arena_reset(arena);
	return r;
}

const struct worker_trade worker_scan = {.prepare = prepare, .work = work};
