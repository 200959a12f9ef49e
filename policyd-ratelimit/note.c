/*
 * Notes; see the header.
 */
#include "policyd-ratelimit/note.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define WAITING_MAX 2000 /* of a ring, while the store is away: some hundred KB */
#define BATCH 100

static const struct {
	struct gp_str table;
	size_t size;
} rings[NOTE_RINGS] = {
	/* One account that sends much is held thousands of times before somebody looks. */
	[NOTE_HELD] = {{"limit-held", 10}, 20000},
	[NOTE_CHANGE] = {{"limit-changes", 13}, 5000},
	[NOTE_EVENT] = {{"limit-events", 12}, 5000},
};

struct note {
	struct note *next;
	size_t len;
	char text[];
};

static struct {
	pthread_mutex_t lock;
	struct {
		struct note *head, *last;
		size_t n;
	} rings[NOTE_RINGS];
} notes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct gp_metric dropped = GP_COUNTER(
	"gatepost_policy_notes_dropped_total",
	"Notes on accounts that are missing, because the store was away too long.");

void note_register_metrics(void)
{
	gp_metric_register(&dropped);
}

struct gp_str note_table(enum note_ring ring)
{
	return rings[ring].table;
}

static char host[256];

static void find_host(void)
{
	if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
		(void)gp_str_copy(host, sizeof(host), GP_STR("localhost"));
}

const char *note_host(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_host);
	return host;
}

void note_put(struct gp_buf *b, const char *key, struct gp_str value)
{
	if (value.len == 0)
		return;
	gp_buf_printf(b, "%s=", key);
	for (size_t i = 0; i < value.len && i < GP_ENTRY_NAME_MAX; i++)
		gp_buf_add_chr(b, (unsigned char)value.ptr[i] < ' ' ? '?' : value.ptr[i]);
	gp_buf_add_chr(b, '\n');
}

void note_begin(struct gp_buf *b, int64_t time_s, const char *what, struct gp_str name)
{
	gp_buf_printf(b, "time=%lld\nwhat=%s\n", (long long)time_s, what);
	note_put(b, "name", name);
	note_put(b, "host", gp_str(note_host()));
}

void note_add(enum note_ring ring, struct gp_buf *b)
{
	struct note *n;

	gp_buf_add_chr(b, '\n');
	if (gp_buf_error(b))
		return; /* texts that long are no account's */
	n = gp_xmalloc(sizeof(*n) + b->len);
	n->next = NULL;
	n->len = b->len;
	memcpy(n->text, b->data, b->len);
	pthread_mutex_lock(&notes.lock);
	if (notes.rings[ring].n < WAITING_MAX) {
		*(notes.rings[ring].head ? &notes.rings[ring].last->next : &notes.rings[ring].head) = n;
		notes.rings[ring].last = n;
		notes.rings[ring].n++;
		n = NULL;
	}
	pthread_mutex_unlock(&notes.lock);
	if (n)
		gp_metric_add(&dropped, 1);
	free(n);
}

static void forget(enum note_ring ring, size_t n)
{
	pthread_mutex_lock(&notes.lock);
	for (; n > 0; n--) {
		struct note *first = notes.rings[ring].head;

		notes.rings[ring].head = first->next;
		notes.rings[ring].n--;
		free(first);
	}
	pthread_mutex_unlock(&notes.lock);
}

/* Only the keeper removes, so what it has seen stays. */
static size_t peek(enum note_ring ring, struct gp_str *ret)
{
	size_t n = 0;

	pthread_mutex_lock(&notes.lock);
	for (const struct note *i = notes.rings[ring].head; i && n < BATCH; i = i->next)
		ret[n++] = gp_str_n(i->text, i->len);
	pthread_mutex_unlock(&notes.lock);
	return n;
}

int note_flush(struct gp_store *store, int64_t deadline_ms)
{
	struct gp_str items[BATCH];
	int r = GP_OK;

	for (int ring = 0; ring < NOTE_RINGS; ring++) {
		size_t n;

		while (r == GP_OK && (n = peek((enum note_ring)ring, items)) > 0) {
			r = gp_store_ring_add(store, rings[ring].table, items, n, rings[ring].size,
					      deadline_ms);
			if (r == GP_OK)
				forget((enum note_ring)ring, n);
		}
	}
	return r;
}

void note_clear(void)
{
	for (int ring = 0; ring < NOTE_RINGS; ring++)
		forget((enum note_ring)ring, notes.rings[ring].n);
}
