/*
 * Metrics and their Prometheus text.
 */
#include "lib/base/metric.h"

#include <pthread.h>

#include "tests/unit/test.h"

static struct gp_metric good = GP_COUNTER_L("test_total", "result=\"good\"", "Results.");
static struct gp_metric bad = GP_COUNTER_L("test_total", "result=\"bad\"", "Results.");
static struct gp_metric gauge = GP_GAUGE("test_level", "Level.");
static struct gp_metric timing = GP_HISTOGRAM("test_seconds", "Time.");

static void test_format(void **state)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 16);

	(void)state;
	gp_metric_register(&good);
	gp_metric_register(&bad);
	gp_metric_register(&good); /* twice does nothing */
	gp_metric_register(&gauge);
	gp_metric_register(&timing);
	gp_metric_add(&good, 2);
	gp_metric_set(&gauge, -7);
	gp_metric_observe_us(&timing, 200);	/* below the first bound */
	gp_metric_observe_us(&timing, 250);	/* on it: counts as below or equal */
	gp_metric_observe_us(&timing, 3000000); /* between the last two */
	gp_metric_observe_us(&timing, 60000000);
	gp_metric_format(&out);
	assert_true(gp_str_starts(
		gp_buf_str(&out),
		GP_STR("# HELP test_total Results.\n# TYPE test_total counter\n"
		       "test_total{result=\"good\"} 2\ntest_total{result=\"bad\"} 0\n"
		       "# HELP test_level Level.\n# TYPE test_level gauge\ntest_level -7\n"
		       "# HELP test_seconds Time.\n# TYPE test_seconds histogram\n"
		       "test_seconds_bucket{le=\"0.00025\"} 2\n")));
	assert_non_null(strstr(out.data, "test_seconds_bucket{le=\"1\"} 2\n"
					 "test_seconds_bucket{le=\"5\"} 3\n"
					 "test_seconds_bucket{le=\"+Inf\"} 4\n"
					 "test_seconds_sum 63.000450\ntest_seconds_count 4\n"));
}

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000; i++)
		gp_metric_add(&bad, 1);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	gp_metric_set(&bad, 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(gp_metric_get(&bad), 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
