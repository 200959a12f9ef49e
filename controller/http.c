/*
 * The HTTP server of the API: libmicrohttpd's callbacks.
 *
 * libmicrohttpd has a timeout for silence only.  So every connection has a deadline of
 * ours, and a timer in the loop shuts down what is past it: the connection's thread
 * then sees the end of its stream.
 *
 * A refusal is said after the body was taken (and thrown away) if that is small: a
 * client that is still writing would see a broken connection instead of the reason.
 */
#include "controller/http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "controller/http_zstd.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"

/* Bodies that are being received or judged, of all connections together: what the program
 * may take beside its own. */
#define BODIES_MAX ((int64_t)256 << 20)
/* A refused body up to this is read to its end, so that its sender hears why. */
#define DISCARD_MAX (1 << 20)
#define HEADER_MAX ((size_t)128 << 10) /* 1,000 recipients of full length, rspamc's -r */
#define STACK_SIZE ((size_t)512 << 10)
#define REAP_MS 250

struct connection {
	struct connection *next, *previous;
	struct http_server *server;
	int fd;
	int64_t deadline_ms;
	struct http_peer peer;
};

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_limits limits;
	const struct http_handler *handler;
	struct gp_loop *loop;
	struct gp_timer timer;
	bool is_local;
	int quiesced_fd; /* -1: still listening */
	pthread_mutex_t lock; /* guards the list and the deadlines in it */
	struct connection *connections;
};

/* One request on its way. */
struct exchange {
	struct http_server *server;
	struct connection *connection;
	struct http_request rq;
	struct http_reply reply;
	struct gp_buf body;
	int64_t counted; /* of it, in `bodies` */
	bool is_begun, is_refused;
	size_t discarded;
};

static atomic_uint busy;
static _Atomic int64_t bodies;

static struct gp_metric requests[] = {
	GP_COUNTER_L("gatepost_api_requests_total", "result=\"ok\"", "Requests answered."),
	GP_COUNTER_L("gatepost_api_requests_total", "result=\"refused\"", "Requests answered."),
	GP_COUNTER_L("gatepost_api_requests_total", "result=\"failed\"", "Requests answered."),
};
static struct gp_metric cut = GP_COUNTER("gatepost_api_slow_total",
					 "Connections that were cut because they took too long.");
static struct gp_metric open_connections =
	GP_GAUGE("gatepost_api_connections", "Connections of clients of the API.");
static struct gp_metric duration = GP_HISTOGRAM("gatepost_api_seconds", "Time per request.");

void http_register_metrics(void)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(requests); i++)
		gp_metric_register(&requests[i]);
	gp_metric_register(&cut);
	gp_metric_register(&open_connections);
	gp_metric_register(&duration);
}

unsigned http_server_busy(void)
{
	return atomic_load(&busy);
}

int64_t http_server_requests(void)
{
	int64_t n = 0;

	for (size_t i = 0; i < GP_ARRAY_SIZE(requests); i++)
		n += gp_metric_get(&requests[i]);
	return n;
}

/* Connections. */

static void find_peer(int fd, bool is_local, struct http_peer *ret)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	struct ucred cred;
	socklen_t cred_len = sizeof(cred);

	*ret = (struct http_peer){.is_local = is_local, .uid = (uid_t)-1};
	if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
		return;
	ret->is_unix = address.ss_family == AF_UNIX;
	ret->ip = gp_ip_from_sockaddr((struct sockaddr *)&address);
	if (ret->is_unix && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) == 0)
		ret->uid = cred.uid;
}

static struct connection *connection_new(struct http_server *s, struct MHD_Connection *from)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(from, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = gp_xcalloc(1, sizeof(*c));

	c->server = s;
	c->fd = info ? info->connect_fd : -1;
	c->deadline_ms = gp_clock_mono_ms() + s->limits.timeout_ms;
	find_peer(c->fd, s->is_local, &c->peer);
	pthread_mutex_lock(&s->lock);
	c->next = s->connections;
	if (c->next)
		c->next->previous = c;
	s->connections = c;
	pthread_mutex_unlock(&s->lock);
	gp_metric_add(&open_connections, 1);
	return c;
}

static void connection_free(struct connection *c)
{
	struct http_server *s = c->server;

	pthread_mutex_lock(&s->lock);
	*(c->previous ? &c->previous->next : &s->connections) = c->next;
	if (c->next)
		c->next->previous = c->previous;
	pthread_mutex_unlock(&s->lock);
	gp_metric_add(&open_connections, -1);
	free(c);
}

static void on_connection(void *arg, struct MHD_Connection *from, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		*context = connection_new(arg, from);
	else if (*context)
		connection_free(*context);
}

static void set_deadline(struct connection *c, int64_t at_ms)
{
	pthread_mutex_lock(&c->server->lock);
	c->deadline_ms = at_ms;
	pthread_mutex_unlock(&c->server->lock);
}

/* Under the lock a connection's descriptor is its own: it leaves the list before it is closed. */
static void reap(void *arg)
{
	struct http_server *s = arg;
	int64_t now_ms = gp_clock_mono_ms();

	pthread_mutex_lock(&s->lock);
	for (struct connection *c = s->connections; c; c = c->next) {
		if (c->deadline_ms > now_ms)
			continue;
		gp_metric_add(&cut, 1); /* before the client can know */
		shutdown(c->fd, SHUT_RDWR);
		c->deadline_ms = INT64_MAX;
	}
	pthread_mutex_unlock(&s->lock);
	gp_timer_set(s->loop, &s->timer, now_ms + REAP_MS);
}

/* Requests. */

static enum MHD_Result add_header(void *arg, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	struct exchange *x = arg;
	struct http_fields *to = kind == MHD_GET_ARGUMENT_KIND ? &x->rq.arguments : &x->rq.headers;

	if (http_fields_add(x->rq.arena, to, name, value))
		return MHD_YES;
	x->is_refused = true;
	http_reply_error(&x->reply, HTTP_BAD_REQUEST, "too many header fields");
	return MHD_NO;
}

static struct exchange *exchange_new(struct http_server *s, struct MHD_Connection *from,
				     const char *url, const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(from, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct exchange *x = gp_xcalloc(1, sizeof(*x));

	x->server = s;
	x->connection = info->socket_context;
	x->rq.arena = gp_arena_new(0);
	x->rq.method = gp_arena_str(x->rq.arena, gp_str(method));
	x->rq.path = gp_arena_str(x->rq.arena, gp_str(url));
	x->rq.peer = x->connection->peer;
	x->rq.began_us = gp_clock_mono_us();
	gp_buf_init(&x->body, s->limits.size_max);
	http_reply_init(&x->reply);
	MHD_get_connection_values(from, MHD_HEADER_KIND, add_header, x);
	MHD_get_connection_values(from, MHD_GET_ARGUMENT_KIND, add_header, x);
	atomic_fetch_add(&busy, 1);
	return x;
}

static void on_completed(void *arg, struct MHD_Connection *from, void **state,
			 enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *state;

	(void)arg;
	(void)from;
	(void)why;
	if (!x)
		return;
	*state = NULL;
	if (x->is_begun)
		x->server->handler->end(&x->rq);
	set_deadline(x->connection, gp_clock_mono_ms() + x->server->limits.timeout_ms);
	atomic_fetch_sub(&bodies, x->counted);
	gp_buf_done(&x->body);
	http_reply_done(&x->reply);
	gp_arena_free(x->rq.arena);
	free(x);
	atomic_fetch_sub(&busy, 1);
}

static void refuse(struct exchange *x, unsigned status, const char *text)
{
	x->is_refused = true;
	http_reply_error(&x->reply, status, "%s", text);
}

/* Bytes of body that are announced; -1: not known. */
static int64_t announced(const struct exchange *x)
{
	struct gp_str text = http_field_get(&x->rq.headers, "Content-Length");
	int64_t n;

	return text.len && gp_num_parse_int(text, &n) == GP_OK ? n : -1;
}

/* False: the reply is to go out before the body comes. */
static bool begin(struct exchange *x)
{
	int64_t size = announced(x);

	if (!x->is_refused) {
		x->is_begun = true;
		x->is_refused = !x->server->handler->begin(&x->rq, &x->reply);
	}
	if (!x->is_refused && size > (int64_t)x->server->limits.size_max)
		refuse(x, HTTP_TOO_LARGE, "the body is larger than http.size_max");
	return !x->is_refused ||
	       (size <= DISCARD_MAX && !http_field_count(&x->rq.headers, "Expect"));
}

/* Bytes more in memory; false, and refused, when all requests together have too many. */
static bool count_bytes(struct exchange *x, size_t len)
{
	x->counted += (int64_t)len;
	if (atomic_fetch_add(&bodies, (int64_t)len) + (int64_t)len <= BODIES_MAX)
		return true;
	refuse(x, HTTP_UNAVAILABLE, "too many large requests at once; try again");
	return false;
}

/* False: it must not go on. */
static bool take_body(struct exchange *x, const char *data, size_t len)
{
	if (!x->is_refused && count_bytes(x, len)) {
		gp_buf_add(&x->body, data, len);
		if (gp_buf_error(&x->body))
			refuse(x, HTTP_TOO_LARGE, "the body is larger than http.size_max");
	}
	if (!x->is_refused)
		return true;
	x->discarded += len;
	return x->discarded <= DISCARD_MAX;
}

/* rspamc -z says Compression, others Content-Encoding. */
static void unpack(struct exchange *x)
{
	struct gp_str how = http_field_get(&x->rq.headers, "Compression");
	struct gp_buf plain = GP_BUF_INIT(x->server->limits.size_max);
	int r;

	if (!how.len)
		how = http_field_get(&x->rq.headers, "Content-Encoding");
	if (!how.len || gp_str_ieq(how, GP_STR("identity")))
		return;
	r = gp_str_ieq(how, GP_STR("zstd")) ? http_zstd_unpack(gp_buf_str(&x->body), &plain)
					    : GP_ENOENT;
	if (r == GP_OK && count_bytes(x, plain.len)) {
		gp_buf_done(&x->body);
		x->body = plain;
		return;
	}
	gp_buf_done(&plain);
	if (r == GP_ENOENT)
		refuse(x, HTTP_BAD_TYPE, "this compression is not known here: send the body as it is");
	else if (r == GP_ELIMIT)
		refuse(x, HTTP_TOO_LARGE, "the body is larger than http.size_max when unpacked");
	else if (r)
		refuse(x, HTTP_BAD_REQUEST, "the body cannot be unpacked");
}

static enum MHD_Result send_reply(struct exchange *x, struct MHD_Connection *to)
{
	struct http_reply *r = &x->reply;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		r->body.len, r->body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	set_deadline(x->connection, gp_clock_mono_ms() + x->server->limits.timeout_ms);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (r->status == HTTP_BAD_REQUEST) /* where the next one begins is not to be relied on */
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (r->status == HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Password realm=\"gatepost\"");
	result = MHD_queue_response(to, r->status, response);
	MHD_destroy_response(response);
	gp_metric_add(&requests[r->status < 400 ? 0 : r->status < 500 ? 1 : 2], 1);
	gp_metric_observe_us(&duration, gp_clock_mono_us() - x->rq.began_us);
	return result;
}

static void answer(struct exchange *x)
{
	const struct http_limits *limits = &x->server->limits;

	x->rq.body = &x->body;
	x->rq.deadline_ms = gp_clock_mono_ms() + limits->answer_ms;
	set_deadline(x->connection, INT64_MAX); /* ours now, and it has an end */
	x->server->handler->answer(&x->rq, &x->reply);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *from, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct exchange *x = *state;

	(void)version;
	if (!x) {
		*state = x = exchange_new(arg, from, url, method);
		return begin(x) ? MHD_YES : send_reply(x, from);
	}
	if (*upload_size) {
		bool goes_on = take_body(x, upload, *upload_size);

		*upload_size = 0;
		return goes_on ? MHD_YES : MHD_NO;
	}
	if (!x->is_refused)
		unpack(x);
	if (!x->is_refused)
		answer(x);
	return send_reply(x, from);
}

/* Its own words go to the log's lowest level: what clients do wrong they hear themselves. */
GP_PRINTF(2, 0)
static void on_library_log(void *arg, const char *fmt, va_list args)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), fmt, args);
	gp_log_debug("http: %.*s", GP_STR_FMT(gp_str_trim(gp_str(text))));
}

/* Start and stop. */

static void start_timer(void *arg)
{
	reap(arg);
}

static void clear_timer(void *arg)
{
	struct http_server *s = arg;

	gp_timer_clear(s->loop, &s->timer);
}

int http_server_start(int listen_fd, bool is_local, const struct http_limits *limits,
		      const struct http_handler *handler, struct gp_loop *loop,
		      struct http_server **ret, struct gp_diag *diag)
{
	struct http_server *s = gp_xcalloc(1, sizeof(*s));

	*s = (struct http_server){.limits = *limits, .handler = handler, .loop = loop,
				  .is_local = is_local, .quiesced_fd = -1};
	s->timer = (struct gp_timer){.fn = reap, .arg = s};
	pthread_mutex_init(&s->lock, NULL);
	s->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
			MHD_USE_ITC | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
		limits->connections, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_MAX,
		MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
	if (!s->daemon) {
		gp_fd_close(&listen_fd);
		pthread_mutex_destroy(&s->lock);
		free(s);
		gp_diag_set(diag, "libmicrohttpd does not serve the API");
		return GP_ESYS;
	}
	gp_loop_run_in(loop, start_timer, s);
	*ret = s;
	return GP_OK;
}

void http_server_quiesce(struct http_server *s)
{
	if (s->quiesced_fd < 0)
		s->quiesced_fd = MHD_quiesce_daemon(s->daemon);
}

static void cut_all(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	for (struct connection *c = s->connections; c; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
}

void http_server_stop(struct http_server **server)
{
	struct http_server *s = *server;

	*server = NULL;
	if (!s)
		return;
	http_server_quiesce(s);
	gp_loop_run_in(s->loop, clear_timer, s);
	cut_all(s);
	MHD_stop_daemon(s->daemon);
	gp_fd_close(&s->quiesced_fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
