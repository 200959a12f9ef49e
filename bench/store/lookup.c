/*
 * Times the store through its own interface: learning until it holds a number
 * of tokens, look-ups of 1,500 tokens cold and warm, one thread and several.
 *
 *	gp-store-bench URL [TOKENS [THREADS]]
 *
 * Two thirds of a look-up's tokens are known, as in mail that was not learned.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/store/store.h"

#define PER_MESSAGE 1500
#define BATCH 200 /* messages of a learning transaction */
#define LOOKUPS 2000

static struct gp_store *store;
static uint64_t n_tokens = 1000000;

/* The i-th token of the vocabulary. */
static uint64_t token(uint64_t i)
{
	return gp_hash64(1, &i, sizeof(i));
}

static int64_t soon(void)
{
	return gp_clock_mono_ms() + 60000;
}

static double cpu_ms(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

static void die(const char *what, int result, const struct gp_diag *diag)
{
	fprintf(stderr, "%s: %s: %s\n", what, gp_err_name(result), diag ? diag->text : "");
	exit(1);
}

/* Messages of 750 tokens of their own and 750 that everybody uses. */
static void learn_all(void)
{
	uint64_t common = n_tokens / 20, own = PER_MESSAGE / 2, n = (n_tokens - common) / own;
	GP_FREE uint64_t *tokens = gp_xmalloc(BATCH * PER_MESSAGE * sizeof(*tokens));
	struct gp_bayes_message m[BATCH];
	int64_t begun = gp_clock_mono_ms();
	double cpu = cpu_ms();
	size_t fill = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t *t = tokens + fill * PER_MESSAGE;
		struct gp_diag diag;
		int r;

		for (uint64_t k = 0; k < PER_MESSAGE; k++)
			t[k] = token(k < own ? common + i * own + k : (i * 37 + k * k) % common);
		m[fill] = (struct gp_bayes_message){.class = i % 2 ? GP_BAYES_HAM : GP_BAYES_SPAM,
						    .tokens = t,
						    .n_tokens = PER_MESSAGE};
		gp_sha256(&i, sizeof(i), m[fill].digest);
		if (++fill < BATCH && i + 1 < n)
			continue;
		r = gp_store_bayes_learn(store, GP_STR(""), m, fill, soon(), &diag);
		if (r < 0)
			die("learn", r, &diag);
		fill = 0;
	}
	printf("learned %llu messages of %d tokens in batches of %d: %.0f messages/s, "
	       "%.2f ms CPU each\n",
	       (unsigned long long)n, PER_MESSAGE, BATCH,
	       1e3 * (double)n / (double)(gp_clock_mono_ms() - begun + 1),
	       (cpu_ms() - cpu) / (double)n);
}

static void look_up(unsigned seed)
{
	struct gp_bayes_count counts[PER_MESSAGE];
	struct gp_bayes_totals totals;
	uint64_t tokens[PER_MESSAGE];
	uint64_t state = seed * UINT64_C(2654435761) + 1;
	int r;

	for (int k = 0; k < PER_MESSAGE; k++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		tokens[k] = k % 3 ? token((state >> 20) % n_tokens) : state;
	}
	r = gp_store_bayes_get(store, GP_STR(""), tokens, PER_MESSAGE, soon(), counts, &totals);
	if (r < 0)
		die("look-up", r, NULL);
}

static void *look_up_many(void *arg)
{
	for (unsigned i = 0; i < LOOKUPS; i++)
		look_up((unsigned)(uintptr_t)arg * LOOKUPS + i);
	return NULL;
}

static void time_lookups(const char *label, int threads)
{
	pthread_t thread[64];
	int64_t begun = gp_clock_mono_us();
	double cpu = cpu_ms(), n = (double)LOOKUPS * threads;

	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, look_up_many, (void *)(uintptr_t)i) != 0)
			exit(1);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("%-22s %2d threads: %7.0f look-ups/s, %.3f ms CPU each (making them included)\n",
	       label, threads, n * 1e6 / (double)(gp_clock_mono_us() - begun),
	       (cpu_ms() - cpu) / n);
}

static int64_t arg_int(const char *text)
{
	int64_t n;

	if (gp_num_parse_int(gp_str(text), &n) < 0 || n < 1) {
		fprintf(stderr, "%s: not a number\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct gp_store_options o = {.writes = GP_STORE_BAYES | GP_STORE_SPAM};
	struct gp_bayes_totals totals;
	struct gp_diag diag;
	int threads, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fprintf(stderr, "usage: gp-store-bench URL [TOKENS [THREADS]]\n");
		return 2;
	}
	n_tokens = argc > 2 ? (uint64_t)arg_int(argv[2]) : n_tokens;
	threads = argc > 3 ? (int)GP_MIN(arg_int(argv[3]), (int64_t)64) : 8;
	for (int cached = 0; cached < 2; cached++) {
		o.cache_off = !cached;
		r = gp_store_open(argv[1], &o, &store, &diag);
		if (r < 0)
			die("open", r, &diag);
		r = gp_store_bayes_totals(store, GP_STR(""), soon(), &totals);
		if (r < 0)
			die("totals", r, NULL);
		if (totals.tokens == 0)
			learn_all();
		time_lookups(cached ? "cache filling" : "no cache", 1);
		time_lookups(cached ? "cache warm" : "no cache", 1);
		time_lookups(cached ? "cache warm" : "no cache", threads);
		gp_store_close(&store);
	}
	return 0;
}
