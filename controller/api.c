/*
 * What can be asked of the API: one row a path.
 */
#include "controller/api.h"

#include <pthread.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

/* The verbs of rspamc, and what monitoring asks for. */
static const struct http_route routes[] = {
	{"/ping", HTTP_GET, HTTP_OPEN, false, api_ping},
	{"/healthy", HTTP_GET, HTTP_OPEN, false, api_healthy},
	{"/ready", HTTP_GET, HTTP_OPEN, false, api_ready},
	{"/metrics", HTTP_GET, HTTP_READ, false, api_metrics},
	{"/check", HTTP_POST, HTTP_READ, true, api_check},
	{"/checkv2", HTTP_POST, HTTP_READ, true, api_check},
	{"/scan", HTTP_POST, HTTP_READ, true, api_check},
	{"/learnspam", HTTP_POST, HTTP_CHANGE, true, api_learn_spam},
	{"/learnham", HTTP_POST, HTTP_CHANGE, true, api_learn_ham},
	{"/learnclass", HTTP_POST, HTTP_CHANGE, true, api_learn_class},
	{"/symbols", HTTP_GET, HTTP_READ, false, api_symbols},
	{"/actions", HTTP_GET, HTTP_READ, false, api_actions},
	{"/auth", HTTP_GET, HTTP_READ, false, api_auth},
	{"/stat", HTTP_GET, HTTP_READ, false, api_stat},
	{"/statreset", HTTP_GET | HTTP_POST, HTTP_CHANGE, false, api_stat_reset},
	{"/counters", HTTP_GET, HTTP_READ, false, api_counters},
	{"/history", HTTP_GET, HTTP_SECRET, false, api_history},
	{"/errors", HTTP_GET, HTTP_SECRET, false, api_errors},
	{"/fuzzyadd", HTTP_POST, HTTP_OPEN, false, api_no_fuzzy},
	{"/fuzzydel", HTTP_POST, HTTP_OPEN, false, api_no_fuzzy},
	{"/fuzzydelhash", HTTP_GET | HTTP_POST, HTTP_OPEN, false, api_no_fuzzy},
};

const struct http_route *api_route(struct gp_str path)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(routes); i++)
		if (gp_str_eq(path, gp_str(routes[i].path)))
			return &routes[i];
	return NULL;
}

static unsigned method_of(struct gp_str name)
{
	if (gp_str_eq(name, GP_STR("GET")) || gp_str_eq(name, GP_STR("HEAD")))
		return HTTP_GET;
	return gp_str_eq(name, GP_STR("POST")) ? HTTP_POST : 0;
}

/* At most one line a second: a flood of refusals is no flood of the log. */
static void log_refusal(const struct http_request *rq, const struct http_refusal *why)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t next_ms;
	static unsigned untold;
	int64_t now_ms = gp_clock_mono_ms();
	struct gp_str path = gp_str_sub(rq->path, 0, 64);
	char ip[GP_IP_TEXT];
	unsigned more;

	pthread_mutex_lock(&lock);
	if (now_ms < next_ms) {
		untold++;
		pthread_mutex_unlock(&lock);
		return;
	}
	more = untold;
	untold = 0;
	next_ms = now_ms + 1000;
	pthread_mutex_unlock(&lock);
	if (rq->peer.is_unix)
		gp_log_warning("API: refused %.*s to user %u: %s (%u more before)",
			       GP_STR_FMT(path), (unsigned)rq->peer.uid, why->text, more);
	else
		gp_log_warning("API: refused %.*s to %s: %s (%u more before)", GP_STR_FMT(path),
			       gp_ip_format(&rq->peer.ip, ip), why->text, more);
}

static bool begin(struct http_request *rq, struct http_reply *reply)
{
	const struct http_route *route = api_route(rq->path);
	const struct http_refusal *refusal = api_access(route ? route->level : HTTP_OPEN, rq);

	if (refusal) {
		log_refusal(rq, refusal);
		http_reply_error(reply, refusal->status, "%s", refusal->text);
	} else if (!route) {
		http_reply_error(reply, HTTP_NOT_FOUND, "there is no such path");
	} else if (!(method_of(rq->method) & route->methods)) {
		http_reply_error(reply, HTTP_BAD_METHOD, "%s takes %s", route->path,
				 route->methods & HTTP_GET ? "GET" : "POST");
	} else {
		rq->route = route;
	}
	return rq->route != NULL;
}

static void answer(struct http_request *rq, struct http_reply *reply)
{
	if (rq->route->wants_body && !rq->body->len)
		http_reply_error(reply, HTTP_BAD_REQUEST, "the request has no message in its body");
	else
		rq->route->answer(rq, reply);
}

static void end(struct http_request *rq)
{
	(void)rq;
}

const struct http_handler api_handler = {.begin = begin, .answer = answer, .end = end};
