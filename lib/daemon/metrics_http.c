/*
 * /metrics and /healthz over HTTP, by libmicrohttpd.
 *
 * Answers are built per request from atomics, so one thread serves and nothing is
 * locked.  Only GET and HEAD; no keys, no TLS: the socket's mode or the loopback
 * address is the access control.
 */
#include "lib/daemon/metrics_http.h"

#include <dirent.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"

#define PAGE_MAX (4 << 20)
#define CHECKS_MAX 16

static struct MHD_Daemon *server;
static const char *program_name;
static gp_health_check *health_check;
static int64_t started_s;

/* Second field of /proc/self/statm: resident pages. */
static int64_t resident_bytes(void)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4096);
	struct gp_str rest, word;
	int64_t pages = 0;

	if (gp_file_read("/proc/self/statm", &text, NULL) < 0)
		return 0;
	rest = gp_buf_str(&text);
	if (!gp_str_next_word(&rest, &word) || !gp_str_next_word(&rest, &word) ||
	    gp_num_parse_int(word, &pages) < 0)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n > 3 ? n - 3 : 0; /* ".", "..", and the directory's own */
}

static void process_metric(struct gp_buf *out, const char *name, const char *kind,
			   const char *help, double value)
{
	gp_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, kind, name,
		      value);
}

void gp_metrics_page(const char *program, struct gp_buf *out)
{
	struct rusage usage = {0};
	struct rlimit files = {0};
	double cpu_s;

	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &files);
	cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	gp_metric_format(out);
	gp_buf_printf(out,
		      "# HELP gatepost_info Program and version.\n# TYPE gatepost_info gauge\n"
		      "gatepost_info{program=\"%s\",version=\"%s\"} 1\n",
		      program, GP_VERSION);
	process_metric(out, "process_cpu_seconds_total", "counter", "CPU time used.", cpu_s);
	process_metric(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
		       (double)resident_bytes());
	process_metric(out, "process_open_fds", "gauge", "Open file descriptors.",
		       (double)open_fds());
	process_metric(out, "process_max_fds", "gauge", "Most file descriptors allowed.",
		       (double)files.rlim_cur);
	process_metric(out, "process_start_time_seconds", "gauge", "Start, since 1970.",
		       (double)started_s);
}

unsigned gp_health_page(const char *program, gp_health_check *health, struct gp_buf *out)
{
	struct gp_health checks[CHECKS_MAX] = {0};
	size_t n = health ? health(checks, CHECKS_MAX) : 0;
	bool is_ok = true;

	for (size_t i = 0; i < n; i++)
		is_ok &= checks[i].is_ok;
	gp_buf_printf(out, "{\"status\":\"%s\",\"program\":\"%s\",\"version\":\"%s\",\"checks\":[",
		      gp_daemon_stopping() ? "stopping"
		      : is_ok		   ? "ok"
					   : "degraded",
		      program, GP_VERSION);
	for (size_t i = 0; i < n; i++) {
		gp_buf_printf(out, "%s{\"name\":\"%s\",\"ok\":%s,\"detail\":\"", i ? "," : "",
			      checks[i].name, checks[i].is_ok ? "true" : "false");
		gp_log_escape(out, gp_str(checks[i].detail), GP_LOG_JSON);
		gp_buf_add_cstr(out, "\"}");
	}
	gp_buf_add_cstr(out, "]}\n");
	/* Mail is still judged while a dependency is away, but somebody is to look. */
	return is_ok && !gp_daemon_stopping() ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static enum MHD_Result send_page(struct MHD_Connection *connection, unsigned status,
				 const char *type, const struct gp_buf *page)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	response = MHD_create_response_from_buffer(page->len, page->data, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	GP_BUF_AUTO page = GP_BUF_INIT(PAGE_MAX);

	(void)arg;
	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (!gp_str_eq(gp_str(method), GP_STR("GET")) &&
	    !gp_str_eq(gp_str(method), GP_STR("HEAD"))) {
		gp_buf_add_cstr(&page, "GET only\n");
		return send_page(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &page);
	}
	if (gp_str_eq(gp_str(url), GP_STR("/metrics"))) {
		gp_metrics_page(program_name, &page);
		return send_page(connection, MHD_HTTP_OK,
				 "text/plain; version=0.0.4; charset=utf-8", &page);
	}
	if (gp_str_eq(gp_str(url), GP_STR("/healthz"))) {
		unsigned status = gp_health_page(program_name, health_check, &page);

		return send_page(connection, status, "application/json", &page);
	}
	gp_buf_add_cstr(&page, "/metrics or /healthz\n");
	return send_page(connection, MHD_HTTP_NOT_FOUND, "text/plain", &page);
}

int gp_metrics_http_start(int listen_fd, const char *program, gp_health_check *health,
			  struct gp_diag *diag)
{
	program_name = program;
	health_check = health;
	started_s = gp_clock_real_s();
	server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
				  answer, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				  MHD_OPTION_CONNECTION_LIMIT, 64u,
				  MHD_OPTION_CONNECTION_TIMEOUT, 30u,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
				  MHD_OPTION_END);
	if (server)
		return GP_OK;
	gp_fd_close(&listen_fd);
	gp_diag_set(diag, "libmicrohttpd does not serve metrics");
	return GP_ESYS;
}

void gp_metrics_http_stop(void)
{
	if (server)
		MHD_stop_daemon(server);
	server = NULL;
}
