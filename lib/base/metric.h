/*
 * Counters, gauges and histograms, and their Prometheus text.
 *
 * A metric is a static object in the file that counts, registered by a table:
 *
 *	static struct gp_metric scanned = GP_COUNTER("gatepost_spam_messages_total",
 *						     "Messages judged.");
 *	gp_metric_register(&scanned);	(once, at start)
 *	gp_metric_add(&scanned, 1);
 *
 * Labels are fixed text given at definition (`action="reject"`): metrics with
 * the same name stand together, whenever they are registered.
 * Updates are atomic and may come from any thread.
 */
#ifndef GP_BASE_METRIC_H
#define GP_BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/base/buf.h"

enum gp_metric_kind { GP_METRIC_COUNTER, GP_METRIC_GAUGE, GP_METRIC_HISTOGRAM };

#define GP_METRIC_BUCKETS 14

struct gp_metric {
	const char *name;
	const char *labels; /* without braces, or NULL */
	const char *help;
	enum gp_metric_kind kind;
	_Atomic int64_t value;			   /* counter, gauge; histogram: sum in µs */
	_Atomic int64_t buckets[GP_METRIC_BUCKETS]; /* histogram */
	struct gp_metric *next;
};

#define GP_COUNTER(name_, help_) {.name = (name_), .help = (help_), .kind = GP_METRIC_COUNTER}
#define GP_COUNTER_L(name_, labels_, help_)                                                        \
	{.name = (name_), .labels = (labels_), .help = (help_), .kind = GP_METRIC_COUNTER}
#define GP_GAUGE(name_, help_) {.name = (name_), .help = (help_), .kind = GP_METRIC_GAUGE}
/* Of durations, in microseconds; printed in seconds. */
#define GP_HISTOGRAM(name_, help_) {.name = (name_), .help = (help_), .kind = GP_METRIC_HISTOGRAM}

/* Registering twice does nothing. */
void gp_metric_register(struct gp_metric *m);
void gp_metric_add(struct gp_metric *m, int64_t n);
void gp_metric_set(struct gp_metric *m, int64_t value);
void gp_metric_observe_us(struct gp_metric *m, int64_t us);
int64_t gp_metric_get(const struct gp_metric *m);

/* Appends all registered metrics in Prometheus' text format 0.0.4. */
void gp_metric_format(struct gp_buf *out);

#endif
