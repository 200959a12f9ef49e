/*
 * The history's writer: a queue with a ceiling, a thread, and sums by name.
 *
 * Only the thread meets the store, so only it finds out how slow that is.  What could not
 * be written stays at the head of the queue for the next round: a store that is restarted
 * costs nothing but the wait.
 */
#include "lib/daemon/history.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

/* How late an item may be seen: soon enough for `gatepost why` after a rejection. */
#define ROUND_MS 250
/* Of one call to the store: what it takes in some milliseconds. */
#define BATCH_ITEMS 200
/* Different names that are counted: rules and actions. */
#define NAMES_MAX 20000

struct item {
	struct item *next;
	size_t len;
	char text[];
};

/* Sums of one name, not yet in the store. */
struct sum {
	int64_t count, sum;
};

struct gp_history {
	struct gp_store *store;
	struct gp_str table;
	size_t size;
	int64_t timeout_ms;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the following */
	pthread_cond_t wake;
	bool is_stopping;
	struct item *head, **tail;
	size_t waiting; /* bytes */
	struct gp_arena *arena;
	struct gp_map sums; /* name → struct sum */
	/* The thread's. */
	int64_t stop_ms; /* nothing is begun after this; 0: not stopping */
	bool is_failing;
	int64_t dropped_told;
};

static struct gp_metric stored =
	GP_COUNTER("gatepost_history_items_total", "Items of the history stored.");
static struct gp_metric dropped = GP_COUNTER(
	"gatepost_history_dropped_total",
	"Items missing in the history, because the store was slow or down too long.");
static struct gp_metric waiting_bytes =
	GP_GAUGE("gatepost_history_waiting_bytes", "Size of the items not yet stored.");

/* From any thread. */

void gp_history_put(struct gp_history *h, struct gp_str text)
{
	struct item *item;
	bool is_full;

	if (!h)
		return;
	item = gp_xmalloc(sizeof(*item) + text.len);
	item->next = NULL;
	item->len = text.len;
	memcpy(item->text, text.ptr, text.len);
	pthread_mutex_lock(&h->lock);
	is_full = h->waiting + sizeof(*item) + text.len > GP_MAX_HISTORY_WAITING;
	if (!is_full) {
		*h->tail = item;
		h->tail = &item->next;
		h->waiting += sizeof(*item) + text.len;
		gp_metric_add(&waiting_bytes, (int64_t)(sizeof(*item) + text.len));
	}
	pthread_mutex_unlock(&h->lock);
	if (is_full) {
		free(item);
		gp_metric_add(&dropped, 1);
	}
}

void gp_history_count(struct gp_history *h, enum gp_history_kind kind, const char *name,
		      double score)
{
	char buf[GP_TALLY_NAME_MAX];
	struct gp_str key;
	struct sum *sum;

	if (!h)
		return;
	key = gp_history_tally(kind, gp_str(name), buf);
	pthread_mutex_lock(&h->lock);
	sum = gp_map_get(&h->sums, key);
	if (!sum && h->sums.len < NAMES_MAX) {
		sum = GP_ARENA_NEW(h->arena, struct sum);
		(void)gp_map_set(&h->sums, gp_arena_str(h->arena, key), sum);
	}
	if (sum) {
		sum->count++;
		sum->sum += gp_history_tally_sum(score);
	}
	pthread_mutex_unlock(&h->lock);
}

/* The thread. */

static int64_t deadline(const struct gp_history *h)
{
	int64_t ms = gp_clock_mono_ms() + h->timeout_ms;

	return h->stop_ms ? GP_MIN(ms, h->stop_ms) : ms;
}

/* Removes the first n items. */
static void forget(struct gp_history *h, size_t n)
{
	int64_t had;

	pthread_mutex_lock(&h->lock);
	had = (int64_t)h->waiting;
	while (n-- > 0) {
		struct item *item = h->head;

		h->head = item->next;
		if (!h->head)
			h->tail = &h->head;
		h->waiting -= sizeof(*item) + item->len;
		free(item);
	}
	gp_metric_add(&waiting_bytes, (int64_t)h->waiting - had);
	pthread_mutex_unlock(&h->lock);
}

/* Items are only ever removed by this thread, so those it has seen stay. */
static int write_items(struct gp_history *h)
{
	struct gp_str items[BATCH_ITEMS];
	size_t n;
	int r = GP_OK;

	do {
		n = 0;
		pthread_mutex_lock(&h->lock);
		for (struct item *i = h->head; i && n < BATCH_ITEMS; i = i->next)
			items[n++] = gp_str_n(i->text, i->len);
		pthread_mutex_unlock(&h->lock);
		if (n > 0)
			r = gp_store_ring_add(h->store, h->table, items, n,
					      h->size, deadline(h));
		if (r == GP_OK) {
			forget(h, n);
			gp_metric_add(&stored, (int64_t)n);
		}
	} while (r == GP_OK && n == BATCH_ITEMS);
	return r;
}

/* Some sums that are not 0, from entry *at on, with names that live as long as the history;
 * they are 0 then. */
static size_t take_sums(struct gp_history *h, size_t *at, struct gp_tally *ret, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (; *at < h->sums.len && n < max; ++*at) {
		struct sum *sum = h->sums.entries[*at].value;

		if (sum->count == 0)
			continue;
		ret[n++] = (struct gp_tally){h->sums.entries[*at].key, sum->count, sum->sum};
		*sum = (struct sum){0};
	}
	pthread_mutex_unlock(&h->lock);
	return n;
}

static void give_back(struct gp_history *h, const struct gp_tally *tallies, size_t n)
{
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < n; i++) {
		struct sum *sum = gp_map_get(&h->sums, tallies[i].name);

		sum->count += tallies[i].count;
		sum->sum += tallies[i].sum;
	}
	pthread_mutex_unlock(&h->lock);
}

/* After a failure the store may have counted all the same (its answer was lost): then some
 * messages count twice, which is better than not at all. */
static int write_sums(struct gp_history *h)
{
	struct gp_tally tallies[BATCH_ITEMS];
	size_t at = 0, n;
	int r = GP_OK;

	while (r == GP_OK && (n = take_sums(h, &at, tallies, BATCH_ITEMS)) > 0) {
		r = gp_store_tally_add(h->store, h->table, tallies, n,
				       deadline(h));
		if (r != GP_OK)
			give_back(h, tallies, n);
	}
	return r;
}

static void tell(struct gp_history *h, int result)
{
	int64_t lost = gp_metric_get(&dropped);
	struct gp_diag why = {""};

	if (result && !h->is_failing) {
		gp_store_last_error(h->store, &why);
		gp_log_warning("history waits for the store: %s",
			       *why.text ? why.text : gp_err_name(result));
	}
	if (!result && h->is_failing)
		gp_log_info("history: the store is back, %lld messages are missing",
			    (long long)(lost - h->dropped_told));
	if (!result)
		h->dropped_told = lost;
	h->is_failing = result != GP_OK;
}

static void write_all(struct gp_history *h)
{
	int r = write_items(h);

	if (r == GP_OK)
		r = write_sums(h);
	tell(h, r);
}

/* Waits for the round's end; false: to be stopped. */
static bool rest(struct gp_history *h)
{
	int64_t until_ms = gp_clock_mono_ms() + ROUND_MS;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	bool is_stopping;
	int e = 0;

	pthread_mutex_lock(&h->lock);
	while (!h->is_stopping && e != ETIMEDOUT)
		e = pthread_cond_timedwait(&h->wake, &h->lock, &until);
	is_stopping = h->is_stopping;
	pthread_mutex_unlock(&h->lock);
	return !is_stopping;
}

static void *thread_main(void *arg)
{
	struct gp_history *h = arg;

	while (rest(h))
		write_all(h);
	h->stop_ms = gp_clock_mono_ms() + h->timeout_ms;
	write_all(h);
	return NULL;
}

/* Life. */

static void release(struct gp_history *h)
{
	while (h->head) {
		struct item *item = h->head;

		h->head = item->next;
		free(item);
	}
	gp_arena_free(h->arena);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static struct gp_history *create(struct gp_store *store, struct gp_str table, size_t size,
				 int64_t timeout_ms)
{
	struct gp_history *h = gp_xcalloc(1, sizeof(*h));
	pthread_condattr_t cond;

	h->store = store;
	h->table = table;
	h->size = size;
	h->timeout_ms = timeout_ms;
	h->tail = &h->head;
	h->arena = gp_arena_new(0);
	gp_map_init(&h->sums, h->arena, false);
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&h->wake, &cond);
	pthread_condattr_destroy(&cond);
	return h;
}

int gp_history_open_ring(struct gp_store *store, struct gp_str table, size_t size,
			 int64_t timeout_ms, struct gp_history **ret, struct gp_diag *diag)
{
	struct gp_history *h = create(store, table, size, timeout_ms);
	sigset_t all, old;

	gp_metric_register(&stored);
	gp_metric_register(&dropped);
	gp_metric_register(&waiting_bytes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&h->thread, NULL, thread_main, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (errno != 0) {
		release(h);
		return gp_diag_errno(diag, "thread for the history");
	}
	*ret = h;
	return GP_OK;
}

int gp_history_open(struct gp_store *store, const struct gp_conf_history *conf,
		    enum gp_history_program program, int64_t timeout_ms, struct gp_history **ret,
		    struct gp_diag *diag)
{
	*ret = NULL;
	if (conf->size == 0)
		return GP_OK;
	return gp_history_open_ring(store, gp_history_table(program), (size_t)conf->size, timeout_ms,
				    ret, diag);
}

void gp_history_close(struct gp_history **history)
{
	struct gp_history *h = *history;

	if (!h)
		return;
	*history = NULL;
	pthread_mutex_lock(&h->lock);
	h->is_stopping = true;
	pthread_cond_signal(&h->wake);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	release(h);
}
