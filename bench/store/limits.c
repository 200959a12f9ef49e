/*
 * Times limits through the store's own interface, asked as policyd-ratelimit asks: on the loop,
 * so many askers at once, each begins anew when it has its answer.
 *
 *	gp-limits-bench URL [SECONDS [ASKERS [WINDOWS]]]
 *
 * Prints calls a second and this process' CPU time per call.  The keys are a hundred accounts,
 * of each so many windows in one call.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/store/store.h"

#define ASKERS_MAX 1000
#define ACCOUNTS 100

struct asker {
	struct gp_batch *batch;
	struct gp_limit_call *call;
	struct gp_call answered;
	struct gp_limit_take takes[8];
	char keys[8][64];
};

static struct gp_loop *loop;
static struct gp_store *store;
static struct asker askers[ASKERS_MAX];
static uint64_t n_askers = 16, n_windows = 2, seconds = 5, calls, next_account;
static bool is_over;

static double cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void begin(struct asker *a)
{
	uint64_t account = next_account++ % ACCOUNTS;

	for (size_t i = 0; i < n_windows; i++) {
		snprintf(a->keys[i], sizeof(a->keys[i]), "out\t%zum\tuser%03u@example.org", i + 1,
			 (unsigned)account);
		a->takes[i] = (struct gp_limit_take){
			.key = gp_str(a->keys[i]), .amount = 1,
			.limit = {.max = 1000000000, .window_ms = (int64_t)(i + 1) * 60000}};
	}
	a->batch = gp_batch_new(gp_clock_mono_ms() + 5000);
	a->call = gp_store_limit_begin(store, a->batch, GP_STR("limit-use"), a->takes, n_windows,
				       GP_LIMIT_TAKE, 0);
	gp_batch_notify(a->batch, loop, &a->answered);
}

static void answered(void *arg)
{
	struct asker *a = arg;

	if (gp_store_limit_finish(a->call, a->takes) < 0 || !a->takes[0].answer.passed) {
		fprintf(stderr, "a call failed\n");
		exit(1);
	}
	gp_batch_free(&a->batch);
	calls++;
	if (!is_over)
		begin(a);
}

static void begin_all(void *arg)
{
	for (size_t i = 0; i < n_askers; i++) {
		askers[i].answered = (struct gp_call){.fn = answered, .arg = &askers[i]};
		begin(&askers[i]);
	}
}

struct reading {
	uint64_t calls;
	int64_t at_us;
	double cpu_us;
};

static void read_now(void *arg)
{
	*(struct reading *)arg = (struct reading){calls, gp_clock_mono_us(), cpu_us()};
}

static void end(void *arg)
{
	is_over = true;
}

int main(int argc, char **argv)
{
	uint64_t *const numbers[] = {&seconds, &n_askers, &n_windows};
	struct reading from, to;
	struct gp_diag diag;

	for (int i = 2; i < argc && i < 5; i++)
		if (gp_num_parse_uint(gp_str(argv[i]), 10, numbers[i - 2]) < 0)
			return 2;
	if (argc < 2 || n_askers > ASKERS_MAX || n_windows > 8)
		return 2;
	if (gp_loop_open(&loop, &diag) < 0 ||
	    gp_store_open(argv[1], &(struct gp_store_options){.writes = GP_STORE_LIMITS, .loop = loop},
			  &store, &diag) < 0) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	usleep(100000);
	gp_loop_run_in(loop, begin_all, NULL);
	usleep(500000);
	gp_loop_run_in(loop, read_now, &from);
	sleep((unsigned)seconds);
	gp_loop_run_in(loop, read_now, &to);
	gp_loop_run_in(loop, end, NULL);
	usleep(200000);
	printf("%.0f calls a second, %.1f us CPU a call\n",
	       (double)(to.calls - from.calls) * 1e6 / (double)(to.at_us - from.at_us),
	       (to.cpu_us - from.cpu_us) / (double)(to.calls - from.calls));
	gp_store_close(&store);
	gp_loop_close(&loop);
	return 0;
}
