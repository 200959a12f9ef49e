/*
 * The skeleton of a program: the phases from arguments to exit.
 *
 * Signals.  libmilter starts a thread that waits for SIGTERM, SIGINT and SIGHUP
 * and stops serving when it gets one, without regard to messages.  The kernel
 * gives a signal of the process to the main thread first if that does not block
 * it; so the main thread has handlers and nothing else to do, and libmilter
 * serves on a thread of its own.  Should its waiting thread win after all,
 * serving ends by itself, which is treated as a stop.
 */
#include "lib/daemon/daemon.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/log.h"
#include "lib/conf/print.h"
#include "lib/conf/shared.h"
#include "lib/daemon/args.h"
#include "lib/daemon/current.h"
#include "lib/daemon/logging.h"
#include "lib/daemon/metrics_http.h"
#include "lib/daemon/notify.h"
#include "lib/daemon/privileges.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/socket.h"

#define PRINT_MAX (16 << 20)

static atomic_bool stop_wanted, reload_wanted, serving_ended, serving_failed;
static bool is_starting; /* the main thread's alone */
static int wake_fd = -1; /* eventfd: something of the above was set */
static char metrics_address[256];

/* Where a leak sanitizer is linked in: _exit() would skip its check. */
extern void __lsan_do_leak_check(void) __attribute__((weak));

bool gp_daemon_starting(void)
{
	return is_starting;
}

bool gp_daemon_stopping(void)
{
	return atomic_load(&stop_wanted);
}

static void wake(void)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(wake_fd, &one, sizeof(one));

	(void)n; /* a full counter wakes as well */
	errno = saved;
}

static void on_signal(int signal_number)
{
	atomic_store(signal_number == SIGUSR1 ? &reload_wanted : &stop_wanted, true);
	wake();
}

static void set_handlers(void)
{
	static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	struct sigaction action = {.sa_handler = on_signal};

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < GP_ARRAY_SIZE(handled); i++)
		sigaction(handled[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Configuration, before anything is started. */

static void print_errors(struct gp_conf_report *report)
{
	gp_conf_report_sort(report);
	for (size_t i = 0; i < report->errors.len; i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(4096);

		gp_conf_error_format(&report->errors.items[i], &text);
		fprintf(stderr, "%s\n", gp_buf_cstr(&text));
	}
}

static int print_and_exit(const struct gp_daemon *d, enum gp_mode mode,
			  const struct gp_snapshot *snap)
{
	GP_BUF_AUTO text = GP_BUF_INIT(PRINT_MAX);

	if (mode == GP_MODE_PRINT_SAMPLE)
		gp_conf_print_sample(d->tables, d->n_tables, &text);
	else if (mode == GP_MODE_PRINT_OPTIONS)
		gp_conf_print_options(d->tables, d->n_tables, &text);
	else
		gp_conf_print(snap, &text);
	fputs(gp_buf_cstr(&text), stdout);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

/* --check, --print-config: as far as they go. */
static int run_check(const struct gp_daemon *d, const struct gp_args *args, const char *file)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = NULL;
	int r;

	gp_conf_report_init(&report);
	/* The values can be shown even where rules or lists are broken. */
	r = args->mode == GP_MODE_CHECK
		    ? gp_current_load(d, file, &snap, &report)
		    : gp_snapshot_load(file, d->tables, d->n_tables, &snap, &report);
	if (r < 0) {
		print_errors(&report);
		return EX_CONFIG;
	}
	if (args->mode == GP_MODE_CHECK)
		printf("%s: no errors\n", file ? file : "defaults");
	r = args->mode == GP_MODE_CHECK ? EX_OK : print_and_exit(d, args->mode, snap);
	gp_snapshot_unref(snap);
	return r;
}

/* Start. */

const struct gp_daemon_conf *gp_daemon_conf_of(const struct gp_daemon *d,
					       const struct gp_snapshot *snap)
{
	const char *values = gp_snapshot_get(snap, d->own);

	return (const struct gp_daemon_conf *)(const void *)(values + d->own_offset);
}

/* The address of metrics: the program's own, else the shared one with its "%p". */
static void find_metrics_address(const struct gp_daemon *d, const struct gp_snapshot *snap)
{
	const struct gp_conf_metrics *shared = gp_snapshot_get(snap, &gp_conf_metrics_table);
	const char *own = gp_daemon_conf_of(d, snap)->metrics;
	const char *text = *own ? own : shared->listen;
	GP_BUF_AUTO out = GP_BUF_INIT(sizeof(metrics_address) - 1);

	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'p') {
			gp_buf_add_cstr(&out, d->name);
			text++;
		} else {
			gp_buf_add_chr(&out, *text);
		}
	}
	gp_str_copy(metrics_address, sizeof(metrics_address), gp_buf_str(&out));
}

/* A listening socket for metrics, or -1: without metrics mail is still judged. */
static int bind_metrics(const struct gp_daemon *d, const struct gp_snapshot *snap)
{
	const struct gp_conf_metrics *shared = gp_snapshot_get(snap, &gp_conf_metrics_table);
	struct gp_diag diag = {0};
	int fd = -1;

	find_metrics_address(d, snap);
	if (*metrics_address &&
	    gp_socket_listen(metrics_address, shared->mode, &fd, &diag) < 0)
		gp_log_warning("metrics: %s", diag.text);
	return fd;
}

/* What the shared settings say about files; the program's hook adds its own. */
static void allow_files(const struct gp_daemon *d, const struct gp_snapshot *snap,
			const char *file)
{
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	const struct gp_conf_log *log = gp_snapshot_get(snap, &gp_conf_log_table);
	const char *socket = gp_daemon_conf_of(d, snap)->socket;

	/* Folders, because a reload finds new files under old names. */
	gp_snapshot_each_path(snap, gp_sandbox_read_folder_of);
	gp_sandbox_read_folder_of(file ? file : GP_DEFAULT_FILE); /* it may come later */
	if (gp_str_starts(gp_str(top->store), GP_STR("lmdb:")))
		gp_sandbox_write(top->store + strlen("lmdb:"));
	if (gp_snapshot_has(snap, &gp_conf_rules_table)) {
		const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);

		gp_sandbox_read(rules->cache);
		for (size_t i = 0; i < rules->paths.len; i++)
			gp_sandbox_read(rules->paths.items[i]);
	}
	if (log->target == GP_CONF_LOG_FILE)
		gp_sandbox_write_folder_of(log->file);
	if (gp_str_starts(gp_str(socket), GP_STR("unix:")))
		gp_sandbox_write_folder_of(socket + strlen("unix:"));
	if (gp_str_starts(gp_str(metrics_address), GP_STR("unix:")))
		gp_sandbox_write_folder_of(metrics_address + strlen("unix:"));
	gp_sandbox_read(getenv("CREDENTIALS_DIRECTORY"));
	if (d->sandbox)
		d->sandbox(snap);
}

static void *serve(void *arg)
{
	const struct gp_service *service = arg;
	struct gp_diag diag = {0};

	if (service->serve(&diag) < 0) {
		gp_log_error("%s", diag.text);
		atomic_store(&serving_failed, true);
	}
	atomic_store(&serving_ended, true);
	wake();
	return NULL;
}

/* Gives up what is not needed any more. */
static int confine(const struct gp_daemon *d, const struct gp_snapshot *snap, const char *file,
		   struct gp_diag *diag)
{
	const struct gp_daemon_conf *conf = gp_daemon_conf_of(d, snap);
	const struct gp_conf_log *log = gp_snapshot_get(snap, &gp_conf_log_table);
	int r = GP_OK;

	if (log->target == GP_CONF_LOG_FILE)
		r = gp_privileges_give_file(log->file, conf->user, diag);
	if (r == GP_OK)
		r = gp_privileges_drop(conf->user, diag);
	if (r < 0)
		return r;
	allow_files(d, snap, file);
	return conf->sandbox ? gp_sandbox_enter(diag) : GP_OK;
}

/* From a right configuration to serving; the diag says why not. */
static int start(const struct gp_daemon *d, struct gp_snapshot *snap, const char *file,
		 struct gp_diag *diag)
{
	const struct gp_daemon_conf *conf = gp_daemon_conf_of(d, snap);
	pthread_t thread;
	int metrics_fd, r;

	r = d->service->bind(d, snap, diag);
	if (r < 0)
		return r;
	metrics_fd = bind_metrics(d, snap);
	r = confine(d, snap, file, diag);
	if (r == GP_OK && d->start)
		r = d->start(snap, diag);
	if (r < 0) {
		gp_socket_unlink(conf->socket);
		gp_socket_unlink(metrics_address);
		return r;
	}
	if (d->service->register_metrics)
		d->service->register_metrics();
	gp_current_register_metrics();
	if (metrics_fd >= 0 && gp_metrics_http_start(metrics_fd, d->name, d->health, diag) < 0)
		gp_log_warning("metrics: %s", diag->text);
	if (!d->service->serve)
		return GP_OK;
	if (pthread_create(&thread, NULL, serve, (void *)(uintptr_t)d->service) != 0)
		return gp_diag_errno(diag, "starting a thread");
	pthread_detach(thread);
	return GP_OK;
}

/* Stop. */

static GP_NORETURN void stop(const struct gp_daemon *d)
{
	struct gp_snapshot *snap = gp_daemon_snapshot();
	int64_t grace_ms = gp_daemon_conf_of(d, snap)->stop_grace_ms;
	int64_t left;
	bool is_right = !atomic_load(&serving_failed) || atomic_load(&stop_wanted);

	atomic_store(&stop_wanted, true);
	gp_notify("STOPPING=1\nSTATUS=Answering what is under way");
	gp_log_info("stopping");
	d->service->stop();
	left = d->service->drain(gp_clock_mono_ms() + grace_ms);
	if (left > 0)
		gp_log_warning("stopped with %lld messages unanswered after %lld s", (long long)left,
			       (long long)grace_ms / 1000);
	gp_metrics_http_stop(); /* health asks what the hook closes */
	if (d->stop)
		d->stop();
	gp_socket_unlink(metrics_address);
	gp_log_info("stopped");
	if (left == 0 && __lsan_do_leak_check) {
		gp_snapshot_unref(snap); /* the current one stays: a connection may still come */
		__lsan_do_leak_check();
	}
	/* Threads of libraries may still run: no destructors. */
	_exit(is_right ? EX_OK : EX_SOFTWARE);
}

static GP_NORETURN void run(const struct gp_daemon *d, const char *file)
{
	uint64_t count;

	for (;;) {
		ssize_t n = read(wake_fd, &count, sizeof(count));

		(void)n; /* EINTR: a signal, and its flag is set */
		if (atomic_load(&stop_wanted) || atomic_load(&serving_ended))
			stop(d);
		if (atomic_exchange(&reload_wanted, false)) {
			gp_notify_reloading();
			gp_current_reload(d, gp_current_file(file));
			gp_notify("READY=1");
		}
	}
}

static int run_daemon(const struct gp_daemon *d, const char *file)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap;
	struct gp_diag diag = {0};
	sigset_t all;

	gp_conf_report_init(&report);
	is_starting = true;
	if (gp_current_load(d, file, &snap, &report) < 0) {
		print_errors(&report);
		return EX_CONFIG;
	}
	is_starting = false;
	if (gp_logging_setup(d->name, gp_snapshot_get(snap, &gp_conf_log_table), &diag) < 0) {
		fprintf(stderr, "%s: %s\n", d->name, diag.text);
		gp_snapshot_unref(snap);
		return EX_CANTCREAT;
	}
	gp_current_set(snap);
	wake_fd = eventfd(0, EFD_CLOEXEC);
	set_handlers();
	/* Threads inherit the mask: only this one takes signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	if (wake_fd < 0 || start(d, snap, file, &diag) < 0) {
		gp_log_error("%s", *diag.text ? diag.text : "cannot start");
		return EX_OSERR;
	}
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	gp_notify("READY=1\nSTATUS=Serving on %s", gp_daemon_conf_of(d, snap)->socket);
	gp_log_info("%s %s serves on %s", d->name, GP_VERSION, gp_daemon_conf_of(d, snap)->socket);
	run(d, file);
}

int gp_daemon_main(const struct gp_daemon *d, int argc, char **argv)
{
	struct gp_args args;
	const char *file;

	gp_args_parse(d->name, d->summary, argc, argv, &args);
	file = gp_current_file(args.file);
	switch (args.mode) {
	case GP_MODE_DONE:
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	case GP_MODE_USAGE:
		return EX_USAGE;
	case GP_MODE_PRINT_SAMPLE:
	case GP_MODE_PRINT_OPTIONS:
		return print_and_exit(d, args.mode, NULL);
	case GP_MODE_CHECK:
	case GP_MODE_PRINT_CONFIG:
		return run_check(d, &args, file);
	case GP_MODE_SERVE:
		break;
	}
	return run_daemon(d, file);
}
