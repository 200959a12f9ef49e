/*
 * Alerts; see the header.  Everything belongs to the keeper's thread, but open and close, which
 * come before it and after it.
 */
#include "policyd-ratelimit/alert.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "lib/proto/attrs.h"
#include "policyd-ratelimit/alert_kept.h"
#include "policyd-ratelimit/alerter.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"

/* Of accounts, and as many of others: strangers, of whom there may be very many, do not hide that
 * an account was taken over. */
#define QUEUE_MAX 100
#define BURST 10	  /* at once; then … */
#define SPREAD_MS 30000	  /* … one in this time: nobody reads more */
#define RETRY_MS 10000	  /* the first time, then twice as long each time … */
#define RETRY_MAX_MS 300000
#define GIVE_UP_MS (ALERT_TRIED_S * 1000)
#define ANSWER_MS (2 * ALERT_PART_MS + 30000) /* after so long the alerter is taken for dead */

struct alert {
	struct alert *next;
	struct gp_arena *arena;
	struct contained c;
	struct gp_str kept_name;
	uint64_t id;
	unsigned parts; /* that are still to be done */
	int64_t begun_ms, due_ms, wait_ms;
	bool is_counted; /* in the burst */
	bool is_kept;	 /* in the store */
};

static struct {
	int fd;
	unsigned parts;
	bool is_restored;    /* what waited at the last stop is here */
	int64_t renew_ms;    /* when leases are to be renewed, and others' looked at */
	struct alert *first; /* oldest first */
	size_t n;
	uint64_t n_ids;
	uint64_t asked_id; /* of the order under way; 0: none */
	int64_t asked_ms;
	int64_t free_ms[2]; /* when a whole burst will be free again, as GCRA counts; of accounts: 1 */
} alerts = {.fd = -1};

#define ALERTS(result_)                                                                            \
	GP_COUNTER_L("gatepost_policy_alerts_total", "result=\"" result_ "\"",                     \
		     "Alerts, by what became of them.")
static struct gp_metric sent = ALERTS("sent"), failed = ALERTS("failed"),
			retried = ALERTS("retried"), dropped = ALERTS("dropped");
static struct gp_metric waiting = GP_GAUGE("gatepost_policy_alerts_waiting",
					   "Alerts that are not sent yet.");

void alert_register_metrics(void)
{
	gp_metric_register(&sent);
	gp_metric_register(&failed);
	gp_metric_register(&retried);
	gp_metric_register(&dropped);
	gp_metric_register(&waiting);
}

void alert_open(int fd, unsigned parts)
{
	alerts.fd = fd;
	alerts.parts = parts;
}

static void keep(struct alert *a)
{
	a->is_kept = alert_kept_put(a->kept_name, &a->c) == GP_OK;
}

static void free_alert(struct alert **at)
{
	struct alert *a = *at;

	*at = a->next;
	gp_arena_free(a->arena);
	free(a);
	gp_metric_set(&waiting, (int64_t)--alerts.n);
}

/* It waits no longer. */
static void end(struct alert **at)
{
	if ((*at)->is_kept)
		alert_kept_drop((*at)->kept_name);
	free_alert(at);
}

void alert_close(void)
{
	size_t n = alerts.n, n_kept = 0;
	int r = GP_OK;

	while (alerts.first) {
		n_kept += alerts.first->is_kept;
		if (alerts.first->is_kept && r != GP_ETEMP) /* without the store leases just end */
			r = alert_kept_leave(alerts.first->kept_name);
		free_alert(&alerts.first);
	}
	if (n_kept > 0)
		gp_log_info("%zu alerts wait for the next start", n_kept);
	if (n > n_kept)
		gp_log_warning("%zu alerts are not sent", n - n_kept);
	gp_fd_close(&alerts.fd);
}

static bool is_account(const struct contained *c)
{
	return c->kind == CONTAIN_ACCOUNT;
}

/* NULL: too many are waiting. */
static struct alert *queue(const struct contained *c)
{
	struct alert *a, **at = &alerts.first;
	size_t n = 0;

	for (; *at; at = &(*at)->next)
		n += is_account(&(*at)->c) == is_account(c);
	if (n >= QUEUE_MAX) {
		gp_metric_add(&dropped, 1);
		gp_log_error("no alert about %.*s: %d are waiting", GP_STR_FMT(c->key), QUEUE_MAX);
		return NULL;
	}
	a = gp_xcalloc(1, sizeof(*a));
	a->arena = gp_arena_new(1024);
	a->c = *c;
	a->c.key = gp_arena_str(a->arena, c->key);
	a->c.rule = gp_arena_str(a->arena, c->rule);
	a->c.account = gp_arena_str(a->arena, c->account);
	a->c.host = gp_arena_str(a->arena, c->host);
	a->c.reason = gp_arena_str(a->arena, c->reason);
	a->kept_name = alert_kept_name(c, a->arena);
	a->id = ++alerts.n_ids;
	a->parts = alerts.parts;
	a->begun_ms = gp_clock_mono_ms();
	a->wait_ms = RETRY_MS;
	*at = a;
	gp_metric_set(&waiting, (int64_t)++alerts.n);
	return a;
}

void alert_send(const struct contained *c)
{
	struct alert *a;

	if (alerts.fd < 0) {
		gp_metric_add(&failed, alerts.parts != 0);
		return;
	}
	a = queue(c);
	if (a)
		keep(a);
}

static bool is_queued(const struct contained *c)
{
	const struct alert *a = alerts.first;

	while (a && (a->c.kind != c->kind || !gp_str_eq(a->c.key, c->key)))
		a = a->next;
	return a != NULL;
}

static void take_kept(void *arg, const struct contained *c)
{
	struct alert *a = is_queued(c) ? NULL : queue(c);

	(void)arg;
	if (a)
		a->is_kept = true;
}

/* Those of the last process, and of others of this name that have ended since. */
static void restore(void)
{
	bool rest;
	int r = alert_kept_take(2 * QUEUE_MAX, take_kept, NULL, &rest);

	alerts.is_restored = r != GP_ETEMP && !rest;
}

/* Leases, and the store, which may have been away when one came. */
static void renew(int64_t now_ms)
{
	int r = GP_OK;

	if (now_ms < alerts.renew_ms)
		return;
	alerts.renew_ms = now_ms + ALERT_RENEW_MS;
	for (struct alert *a = alerts.first; a && r != GP_ETEMP; a = a->next) {
		r = a->is_kept ? alert_kept_renew(a->kept_name) : alert_kept_put(a->kept_name, &a->c);
		a->is_kept |= r == GP_OK;
	}
	if (!alerts.is_restored && r != GP_ETEMP)
		restore();
}

/* Answers. */

static struct alert **find(uint64_t id)
{
	struct alert **at = &alerts.first;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void try_again(struct alert **at, const char *why)
{
	struct alert *a = *at;
	int64_t now_ms = gp_clock_mono_ms();

	if (now_ms - a->begun_ms > GIVE_UP_MS) {
		gp_metric_add(&failed, 1);
		gp_log_error("alert about %.*s: %s; given up", GP_STR_FMT(a->c.key), why);
		end(at);
		return;
	}
	gp_metric_add(&retried, 1);
	gp_log_warning("alert about %.*s: %s; again in %lld s", GP_STR_FMT(a->c.key), why,
		       (long long)a->wait_ms / 1000);
	a->due_ms = now_ms + a->wait_ms;
	a->wait_ms = GP_MIN(a->wait_ms * 2, (int64_t)RETRY_MAX_MS);
}

static void take_answer(struct gp_str text)
{
	struct gp_attr id_text = {0}, failed_text = {0}, why = {0};
	uint64_t id, parts;
	struct alert **at;
	char why_text[512];

	if (!gp_attrs_find(text.ptr, text.len, "id", &id_text) ||
	    !gp_attrs_find(text.ptr, text.len, "failed", &failed_text) ||
	    gp_num_parse_uint(gp_str_n(id_text.data, id_text.len), 10, &id) < 0 ||
	    gp_num_parse_uint(gp_str_n(failed_text.data, failed_text.len), 10, &parts) < 0)
		return;
	(void)gp_attrs_find(text.ptr, text.len, "why", &why);
	(void)gp_str_copy(why_text, sizeof(why_text), gp_str_n(why.data, why.len));
	if (id == alerts.asked_id)
		alerts.asked_id = 0;
	at = find(id);
	if (!*at)
		return;
	(*at)->parts = (unsigned)parts;
	if (parts) {
		try_again(at, why_text);
		return;
	}
	gp_metric_add(&sent, 1);
	gp_log_info("alert about %.*s: sent", GP_STR_FMT((*at)->c.key));
	end(at);
}

/* False: the alerter is gone. */
static bool take_answers(void)
{
	char text[ALERT_ORDER_MAX];
	ssize_t n;

	while ((n = recv(alerts.fd, text, sizeof(text), MSG_DONTWAIT)) > 0)
		take_answer(gp_str_n(text, (size_t)n));
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Orders. */

/* The next one, of accounts or of others, that is due, and whose turn has come. */
static struct alert *choose_of(bool of_accounts, int64_t now_ms)
{
	int64_t *free_ms = &alerts.free_ms[of_accounts];

	for (struct alert *a = alerts.first; a; a = a->next) {
		if (is_account(&a->c) != of_accounts || now_ms < a->due_ms)
			continue;
		if (a->is_counted)
			return a;
		if (*free_ms - now_ms > (int64_t)(BURST - 1) * SPREAD_MS)
			continue;
		*free_ms = GP_MAX(*free_ms, now_ms) + SPREAD_MS;
		a->is_counted = true;
		return a;
	}
	return NULL;
}

static struct alert *choose(int64_t now_ms)
{
	struct alert *a = choose_of(true, now_ms);

	return a ? a : choose_of(false, now_ms);
}

static bool order(const struct alert *a)
{
	GP_BUF_AUTO text = GP_BUF_INIT(ALERT_ORDER_MAX);
	struct gp_str name = contained_name(a->arena, a->c.kind, a->c.key);

	gp_buf_printf(&text, "id=%llu\nparts=%u\nname=%.*s\n", (unsigned long long)a->id, a->parts,
		      GP_STR_FMT(name));
	contained_format(&a->c, &text);
	return send(alerts.fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

int alert_work(void)
{
	int64_t now_ms = gp_clock_mono_ms();
	struct alert *a;

	if (alerts.fd < 0)
		return GP_OK;
	if (!take_answers() || (alerts.asked_id && now_ms - alerts.asked_ms > ANSWER_MS)) {
		gp_log_error("the process that sends alerts is gone: there are none until the next start");
		gp_metric_add(&failed, (int64_t)alerts.n);
		alert_close();
		return GP_OK;
	}
	renew(now_ms);
	a = alerts.asked_id ? NULL : choose(now_ms);
	if (a && order(a)) {
		alerts.asked_id = a->id;
		alerts.asked_ms = now_ms;
	}
	return GP_OK;
}
