/*
 * Signs of life: /ping, /healthy, /ready, /metrics; and what is not here: /fuzzy….
 */
#include "controller/api.h"
#include "controller/controller.h"
#include "lib/base/clock.h"
#include "lib/daemon/metrics_http.h"

#define STORE_MS 1000
#define METRICS_MAX (4 << 20)

void api_ping(struct http_request *rq, struct http_reply *reply)
{
	(void)rq;
	http_reply_text(reply, HTTP_OK, "text/plain", GP_STR("pong\r\n"));
}

void api_healthy(struct http_request *rq, struct http_reply *reply)
{
	(void)rq;
	http_reply_json(reply, HTTP_OK, json_pack("{s:b}", "success", 1));
}

/* Could a message be judged, and learned? */
void api_ready(struct http_request *rq, struct http_reply *reply)
{
	(void)rq;
	if (gp_daemon_stopping())
		http_reply_error(reply, HTTP_UNAVAILABLE, "stopping");
	else if (gp_store_ping(controller.store, gp_clock_mono_ms() + STORE_MS, NULL) < 0)
		http_reply_error(reply, HTTP_UNAVAILABLE, "the store does not answer");
	else
		http_reply_json(reply, HTTP_OK, json_pack("{s:b}", "success", 1));
}

void api_metrics(struct http_request *rq, struct http_reply *reply)
{
	GP_BUF_AUTO page = GP_BUF_INIT(METRICS_MAX);

	(void)rq;
	gp_metrics_page("gatepost-controller", &page);
	http_reply_text(reply, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
			gp_buf_str(&page));
}

void api_no_fuzzy(struct http_request *rq, struct http_reply *reply)
{
	(void)rq;
	http_reply_error(reply, HTTP_NOT_FOUND, "there is no fuzzy storage here");
}
