/*
 * The registry is a list in order of registration, guarded by a mutex; the
 * numbers themselves are relaxed atomics.
 */
#include "lib/base/metric.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gp_metric *first;
static struct gp_metric **tail = &first;

/* Upper bounds; the last bucket is +Inf. */
static const int64_t bounds_us[GP_METRIC_BUCKETS - 1] = {
	250,   500,    1000,   2500,   5000,    10000,  25000,
	50000, 100000, 250000, 500000, 1000000, 5000000};

void gp_metric_register(struct gp_metric *m)
{
	struct gp_metric *p, *namesake = NULL;

	pthread_mutex_lock(&lock);
	for (p = first; p; p = p->next) {
		if (p == m)
			goto done;
		if (strcmp(p->name, m->name) == 0)
			namesake = p;
	}
	if (namesake) {
		m->next = namesake->next;
		namesake->next = m;
	} else {
		m->next = NULL;
		*tail = m;
	}
	if (!m->next)
		tail = &m->next;
done:
	pthread_mutex_unlock(&lock);
}

void gp_metric_add(struct gp_metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void gp_metric_set(struct gp_metric *m, int64_t value)
{
	atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

void gp_metric_observe_us(struct gp_metric *m, int64_t us)
{
	size_t i = 0;

	gp_metric_add(m, us);
	while (i < GP_METRIC_BUCKETS - 1 && us > bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
}

int64_t gp_metric_get(const struct gp_metric *m)
{
	return atomic_load_explicit(&m->value, memory_order_relaxed);
}

static void format_histogram(struct gp_buf *out, const struct gp_metric *m)
{
	int64_t total = 0;

	for (size_t i = 0; i < GP_METRIC_BUCKETS; i++) {
		total += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
		if (i < GP_METRIC_BUCKETS - 1)
			gp_buf_printf(out, "%s_bucket{le=\"%g\"} %lld\n", m->name,
				      (double)bounds_us[i] / 1e6, (long long)total);
	}
	gp_buf_printf(out, "%s_bucket{le=\"+Inf\"} %lld\n", m->name, (long long)total);
	gp_buf_printf(out, "%s_sum %.6f\n%s_count %lld\n", m->name,
		      (double)gp_metric_get(m) / 1e6, m->name, (long long)total);
}

static void format_one(struct gp_buf *out, const struct gp_metric *m, bool is_first)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};

	if (is_first)
		gp_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			      kinds[m->kind]);
	if (m->kind == GP_METRIC_HISTOGRAM)
		format_histogram(out, m);
	else if (m->labels)
		gp_buf_printf(out, "%s{%s} %lld\n", m->name, m->labels,
			      (long long)gp_metric_get(m));
	else
		gp_buf_printf(out, "%s %lld\n", m->name, (long long)gp_metric_get(m));
}

void gp_metric_format(struct gp_buf *out)
{
	const char *last = "";

	pthread_mutex_lock(&lock);
	for (const struct gp_metric *m = first; m; m = m->next) {
		format_one(out, m, strcmp(m->name, last) != 0);
		last = m->name;
	}
	pthread_mutex_unlock(&lock);
}
