/*
 * Counts: /stat, /statreset, /counters, /auth.
 *
 * What was judged, and which symbols hit, milter-spam counts in the store; what the API
 * judged itself is added.  A reset changes no count: what they were then is kept beside
 * (api_zero.h), of the store's for good, of the API's own as long as they live.  Rspamd's figures of its memory have no
 * counterpart and are 0.
 */
#include <pthread.h>

#include "config.h"
#include "controller/api.h"
#include "controller/api_zero.h"
#include "controller/controller.h"
#include "controller/scan_json.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/daemon/daemon.h"
#include "lib/store/history.h"

#define STORE_MS 5000
#define TIMES 31 /* as Rspamd */

struct counts {
	int64_t actions[API_ACTIONS]; /* messages */
	int64_t scanned;
	struct gp_bayes_totals bayes;
	bool is_known; /* the store answered */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static int64_t baseline[API_ACTIONS]; /* as it was at the last reset */
static double times_s[TIMES];	  /* of the API's last scans */
static size_t n_times;

void api_note_time(double seconds)
{
	pthread_mutex_lock(&lock);
	times_s[n_times++ % TIMES] = seconds;
	pthread_mutex_unlock(&lock);
}

static json_t *times_json(void)
{
	json_t *list = json_array();

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < TIMES; i++)
		json_array_append_new(list, i < n_times ? json_real(times_s[i]) : json_null());
	pthread_mutex_unlock(&lock);
	return list;
}

static bool add_action(void *arg, const struct gp_history_total *total)
{
	struct counts *c = arg;

	for (unsigned a = 0; total->kind == GP_HISTORY_ACTION && a < API_ACTIONS; a++)
		if (gp_str_eq(total->name, gp_str(gp_action_name((enum gp_action)a))))
			c->actions[a] += total->count;
	return true;
}

/* Without what was before the reset. */
static void subtract(struct counts *c)
{
	pthread_mutex_lock(&lock);
	for (unsigned a = 0; a < API_ACTIONS; a++) {
		if (c->actions[a] < baseline[a])
			baseline[a] = 0; /* the history began anew */
		c->actions[a] -= baseline[a];
		c->scanned += c->actions[a];
	}
	pthread_mutex_unlock(&lock);
}

void api_stat_start(const char *directory)
{
	int64_t counts[API_ACTIONS];

	api_zero_load(directory, counts);
	pthread_mutex_lock(&lock);
	memcpy(baseline, counts, sizeof(baseline));
	pthread_mutex_unlock(&lock);
}

static void count(const struct http_request *rq, struct counts *ret)
{
	int64_t until_ms = GP_MIN(rq->deadline_ms, gp_clock_mono_ms() + STORE_MS), since_s;

	*ret = (struct counts){.is_known = true};
	if (gp_history_totals(controller.store, GP_HISTORY_SPAM, until_ms, add_action, ret,
			      &since_s) < 0 ||
	    gp_store_bayes_totals(controller.store, GP_STR(""), until_ms, &ret->bayes) < 0)
		ret->is_known = false;
	for (unsigned a = 0; a < API_ACTIONS; a++)
		ret->actions[a] += api_scanned(a);
}

static void refuse(struct http_reply *reply)
{
	http_reply_error(reply, HTTP_UNAVAILABLE, "the store does not answer");
}

static json_t *actions_json(const struct counts *c)
{
	static const enum gp_action rare[] = {GP_ACTION_QUARANTINE, GP_ACTION_DISCARD};
	json_t *o = json_pack("{s:I, s:i, s:i, s:I, s:I, s:I}", "reject",
			      (json_int_t)c->actions[GP_ACTION_REJECT], "soft reject", 0,
			      "rewrite subject", 0, "add header",
			      (json_int_t)c->actions[GP_ACTION_ADD_HEADER], "greylist",
			      (json_int_t)c->actions[GP_ACTION_GREYLIST], "no action",
			      (json_int_t)c->actions[GP_ACTION_ACCEPT]);

	for (size_t i = 0; i < GP_ARRAY_SIZE(rare); i++) /* Rspamd has none */
		if (c->actions[rare[i]])
			json_object_set_new(o, scan_action_name(rare[i]),
					    json_integer((json_int_t)c->actions[rare[i]]));
	return o;
}

/* What Bayes knows of one class. */
static json_t *statfile(const char *symbol, uint64_t learned, const struct gp_bayes_totals *totals)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:i, s:i}", "revision",
			 (json_int_t)learned, "used", (json_int_t)totals->tokens, "total",
			 (json_int_t)totals->tokens, "size", (json_int_t)0, "symbol", symbol,
			 "type", gp_store_kind(controller.store), "languages", 0, "users", 1);
}

static json_t *stat_json(const struct counts *c)
{
	static const char *const unknown[] = {
		"pools_allocated",	 "pools_freed",	 "bytes_allocated",	"chunks_allocated",
		"shared_chunks_allocated", "chunks_freed", "chunks_oversized", "fragmented",
	};
	json_int_t spam = (json_int_t)(c->actions[GP_ACTION_ADD_HEADER] +
				       c->actions[GP_ACTION_QUARANTINE] +
				       c->actions[GP_ACTION_REJECT] + c->actions[GP_ACTION_DISCARD]);
	json_int_t learned = (json_int_t)(c->bayes.spam + c->bayes.ham);
	json_t *root = json_pack(
		"{s:s, s:s, s:I, s:b, s:I, s:I, s:o, s:o, s:I, s:I, s:i, s:I}", "version",
		GP_VERSION, "config_id", "gatepost", "uptime", (json_int_t)api_uptime_s(),
		"read_only", 0, "scanned", (json_int_t)c->scanned, "learned", learned, "actions",
		actions_json(c), "scan_times", times_json(), "spam_count", spam, "ham_count",
		(json_int_t)c->scanned - spam, "connections", 0, "control_connections",
		(json_int_t)http_server_requests());

	for (size_t i = 0; i < GP_ARRAY_SIZE(unknown); i++)
		json_object_set_new(root, unknown[i], json_integer(0));
	json_object_set_new(root, "total_learns", json_integer(learned));
	json_object_set_new(root, "statfiles",
			    json_pack("[o, o]", statfile("BAYES_SPAM", c->bayes.spam, &c->bayes),
				      statfile("BAYES_HAM", c->bayes.ham, &c->bayes)));
	return root;
}

void api_stat(struct http_request *rq, struct http_reply *reply)
{
	struct counts c;

	count(rq, &c);
	subtract(&c);
	if (c.is_known)
		http_reply_json(reply, HTTP_OK, stat_json(&c));
	else
		refuse(reply);
}

/* What the store has counted of it, for the next process; ours begins with none of its own. */
static int save_zero(const struct counts *c, struct gp_diag *diag)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	const struct gp_conf_learn *learn = gp_snapshot_get(snap, &gp_conf_learn_table);
	int64_t stored[API_ACTIONS];
	int r;

	for (unsigned a = 0; a < API_ACTIONS; a++)
		stored[a] = c->actions[a] - api_scanned(a);
	r = api_zero_save(learn->directory, stored, diag);
	gp_snapshot_unref(snap);
	return r;
}

/* Answers with the counts up to now. */
void api_stat_reset(struct http_request *rq, struct http_reply *reply)
{
	struct gp_diag diag = {""};
	struct counts c;
	int64_t now[API_ACTIONS];

	count(rq, &c);
	if (!c.is_known) {
		refuse(reply);
		return;
	}
	if (save_zero(&c, &diag) < 0) {
		gp_log_error("/statreset: %s", diag.text);
		http_reply_error(reply, HTTP_FAILED, "it cannot be written down");
		return;
	}
	memcpy(now, c.actions, sizeof(now));
	subtract(&c);
	pthread_mutex_lock(&lock);
	memcpy(baseline, now, sizeof(baseline));
	pthread_mutex_unlock(&lock);
	http_reply_json(reply, HTTP_OK, stat_json(&c));
}

void api_auth(struct http_request *rq, struct http_reply *reply)
{
	struct counts c;
	json_int_t clean;

	count(rq, &c); /* who asks whether we live need not wait for the store to be right */
	subtract(&c);
	clean = (json_int_t)c.actions[GP_ACTION_ACCEPT];
	http_reply_json(
		reply, HTTP_OK,
		json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:b, s:s}", "version",
			  GP_VERSION, "auth", "ok", "uptime", (json_int_t)api_uptime_s(), "clean",
			  clean, "probable",
			  (json_int_t)(c.actions[GP_ACTION_ADD_HEADER] +
				       c.actions[GP_ACTION_QUARANTINE]),
			  "greylist", (json_int_t)c.actions[GP_ACTION_GREYLIST], "reject",
			  (json_int_t)(c.actions[GP_ACTION_REJECT] + c.actions[GP_ACTION_DISCARD]),
			  "soft_reject", 0, "scanned", (json_int_t)c.scanned, "learned",
			  (json_int_t)(c.bayes.spam + c.bayes.ham), "read_only", 0, "config_id",
			  "gatepost"));
}

/* /counters. */

struct symbols {
	json_t *list;
	int64_t since_s;
};

static bool add_symbol(void *arg, const struct gp_history_total *total)
{
	struct symbols *s = arg;

	if (total->kind == GP_HISTORY_SYMBOL && total->count > 0)
		json_array_append_new(
			s->list,
			json_pack("{s:o, s:f, s:f, s:f, s:I, s:f}", "symbol",
				  http_json_text(total->name, GP_TALLY_NAME_MAX), "weight",
				  total->score / (double)total->count, "frequency", 0.0,
				  "frequency_stddev", 0.0, "hits", (json_int_t)total->count, "time",
				  0.0));
	return true;
}

/* Hits a second since counting began, which is known at the end only. */
static void set_frequencies(json_t *list, int64_t since_s)
{
	double seconds = (double)GP_MAX(gp_clock_real_s() - since_s, (int64_t)1);
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) {
		double hits = (double)json_integer_value(json_object_get(o, "hits"));

		json_real_set(json_object_get(o, "frequency"), hits / seconds);
	}
}

void api_counters(struct http_request *rq, struct http_reply *reply)
{
	struct symbols s = {.list = json_array()};
	int64_t until_ms = GP_MIN(rq->deadline_ms, gp_clock_mono_ms() + STORE_MS);

	if (gp_history_totals(controller.store, GP_HISTORY_SPAM, until_ms, add_symbol, &s,
			      &s.since_s) < 0) {
		json_decref(s.list);
		refuse(reply);
		return;
	}
	set_frequencies(s.list, s.since_s);
	http_reply_json(reply, HTTP_OK, s.list);
}
