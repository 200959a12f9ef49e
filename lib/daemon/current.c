/*
 * The configuration of now.
 */
#include "lib/daemon/current.h"

#include <pthread.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/conf/print.h"
#include "lib/conf/shared.h"
#include "lib/daemon/logging.h"

/* Taking a reference and swapping must not cross: a plain lock, held for a few
 * instructions once per session. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gp_snapshot *current;

static struct gp_metric reloads_ok = GP_COUNTER_L(
	"gatepost_reloads_total", "result=\"ok\"", "Reloads of the configuration.");
static struct gp_metric reloads_failed = GP_COUNTER_L(
	"gatepost_reloads_total", "result=\"failed\"", "Reloads of the configuration.");
static struct gp_metric loaded_at = GP_GAUGE(
	"gatepost_config_loaded_seconds", "When the configuration was loaded, since 1970.");

void gp_current_register_metrics(void)
{
	gp_metric_register(&reloads_ok);
	gp_metric_register(&reloads_failed);
	gp_metric_register(&loaded_at);
}

const char *gp_current_file(const char *given)
{
	if (given)
		return given;
	return access(GP_DEFAULT_FILE, F_OK) == 0 ? GP_DEFAULT_FILE : NULL;
}

int gp_current_load(const struct gp_daemon *d, const char *file, struct gp_snapshot **ret,
		    struct gp_conf_report *report)
{
	struct gp_snapshot *snap;
	size_t before = report->errors.len;
	int r = gp_snapshot_load(file, d->tables, d->n_tables, &snap, report);

	if (r < 0)
		return r;
	if (d->configure)
		r = d->configure(snap, report);
	if (r < 0 && report->errors.len == before)
		gp_conf_report_add(report, file, 0, "%s", gp_err_name(r));
	if (r < 0 || report->errors.len > before) {
		gp_snapshot_unref(snap);
		return GP_EINVAL;
	}
	*ret = snap;
	return GP_OK;
}

void gp_current_set(struct gp_snapshot *snap)
{
	struct gp_snapshot *old;

	pthread_mutex_lock(&lock);
	old = current;
	current = snap;
	pthread_mutex_unlock(&lock);
	gp_snapshot_unref(old);
	gp_metric_set(&loaded_at, gp_clock_real_s());
}

struct gp_snapshot *gp_daemon_snapshot(void)
{
	struct gp_snapshot *snap;

	pthread_mutex_lock(&lock);
	snap = gp_snapshot_ref(current);
	pthread_mutex_unlock(&lock);
	return snap;
}

static void log_errors(struct gp_conf_report *report)
{
	gp_conf_report_sort(report);
	for (size_t i = 0; i < report->errors.len; i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(4096);

		gp_conf_error_format(&report->errors.items[i], &text);
		gp_log_error("reload: %s", gp_buf_cstr(&text));
	}
	gp_log_error("reload: the configuration is not taken; the old one stays in force");
}

/* What was changed and will not be seen before the next start. */
static void log_restart_needed(const struct gp_snapshot *old, const struct gp_snapshot *new)
{
	GP_BUF_AUTO names = GP_BUF_INIT(2048);

	gp_conf_print_restart(old, new, &names);
	if (names.len)
		gp_log_warning("reload: changed, but in force only after a restart: %s",
			       gp_buf_cstr(&names));
}

void gp_current_reload(const struct gp_daemon *d, const char *file)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *old, *new;
	struct gp_diag diag = {0};

	gp_conf_report_init(&report);
	if (gp_current_load(d, file, &new, &report) < 0) {
		gp_metric_add(&reloads_failed, 1);
		log_errors(&report);
		return;
	}
	old = gp_daemon_snapshot();
	log_restart_needed(old, new);
	gp_snapshot_unref(old);
	gp_snapshot_ref(new);
	gp_current_set(new);
	if (gp_logging_setup(d->name, gp_snapshot_get(new, &gp_conf_log_table), &diag) < 0)
		gp_log_error("reload: %s", diag.text);
	if (d->reloaded)
		d->reloaded(new);
	gp_snapshot_unref(new);
	gp_metric_add(&reloads_ok, 1);
	gp_log_info("configuration reloaded from %s", file ? file : "defaults");
}
