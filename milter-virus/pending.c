/*
 * Layers that are being looked at; see the header.
 *
 * Parties are at most as many as workers, each with a few layers: a list is searched.
 */
#include "milter-virus/pending.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/metric.h"

#define REST_FACTOR 2	  /* times a layer's own time that the rest of its message is waited for */
#define VAIN_MAX 64	  /* layers; the oldest makes place */
#define VAIN_MS 60000

struct vain {
	unsigned char digest[GP_SHA256_SIZE];
	int64_t until_ms; /* 0: empty */
};

struct virus_pending {
	pthread_mutex_t lock;
	struct virus_party *parties; /* those that have a layer, or wait */
	size_t n_waiting;
	struct vain vain[VAIN_MAX];
	size_t next_vain;
};

static struct gp_metric waiting = GP_GAUGE("gatepost_virus_verdict_waiting",
					   "Messages that wait for the verdict of another's worker.");

void virus_pending_register_metrics(void)
{
	gp_metric_register(&waiting);
}

struct virus_pending *virus_pending_new(void)
{
	struct virus_pending *p = gp_xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void virus_pending_free(struct virus_pending **pending)
{
	struct virus_pending *p = *pending;

	if (!p)
		return;
	assert(!p->parties);
	*pending = NULL;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void virus_party_begin(struct virus_party *party, uint32_t generation)
{
	party->generation = generation;
	party->fd = -1;
	party->is_listed = false;
	party->n_layers = 0;
	party->n_waiters = 0;
	party->waits_for = NULL;
}

static bool is_same(const unsigned char *a, const unsigned char *b)
{
	return memcmp(a, b, GP_SHA256_SIZE) == 0;
}

/* When a wait for this layer is not worth it any more. */
static int64_t end_of(const struct virus_pending_layer *l)
{
	return l->done_ms ? l->done_ms + REST_FACTOR * (l->done_ms - l->began_ms) : INT64_MAX;
}

static void wake(const struct virus_party *party)
{
	(void)!eventfd_write(party->fd, 1); /* fails when it is awake a few times over */
}

/* The worker has come to a layer of this level: those that lie beside it, or deeper, are done. */
static void pass(struct virus_pending *p, struct virus_party *party, uint16_t level, int64_t now_ms)
{
	for (size_t i = 0; i < party->n_layers; i++) {
		struct virus_pending_layer *l = &party->layers[i];

		if (l->done_ms || l->level < level)
			continue;
		l->done_ms = now_ms;
		for (struct virus_party *q = p->parties; q && party->n_waiters; q = q->next)
			if (q->waits_for == party && q->waits_at == i)
				wake(q); /* it has an end now */
	}
}

static bool was_in_vain(const struct virus_pending *p, const struct virus_layer *layer, int64_t now_ms)
{
	for (size_t i = 0; i < VAIN_MAX; i++)
		if (p->vain[i].until_ms > now_ms && is_same(p->vain[i].digest, layer->digest))
			return true;
	return false;
}

/* Somebody who looks at the layer, at this depth or deeper, and may be waited for; or NULL. */
static struct virus_party *find(const struct virus_pending *p, const struct virus_party *party,
				const struct virus_layer *layer, int64_t now_ms, size_t *ret_at)
{
	for (struct virus_party *q = p->parties; q; q = q->next) {
		if (q == party || q->waits_for || q->generation != party->generation)
			continue;
		for (size_t i = 0; i < q->n_layers; i++) {
			const struct virus_pending_layer *l = &q->layers[i];

			if (is_same(l->digest, layer->digest) && layer->level <= l->level &&
			    now_ms < end_of(l)) {
				*ret_at = i;
				return q;
			}
		}
	}
	return NULL;
}

static void list(struct virus_pending *p, struct virus_party *party)
{
	if (party->is_listed)
		return;
	party->is_listed = true;
	party->next = p->parties;
	p->parties = party;
}

static void count_waiting(struct virus_pending *p, int more)
{
	p->n_waiting += (size_t)more;
	gp_metric_set(&waiting, (int64_t)p->n_waiting);
}

static bool begin_wait(struct virus_pending *p, struct virus_party *party,
		       const struct virus_layer *layer, int64_t now_ms, int64_t until_ms)
{
	size_t at;
	struct virus_party *other;

	if (party->n_waiters || now_ms >= until_ms)
		return false;
	other = find(p, party, layer, now_ms, &at);
	if (!other || was_in_vain(p, layer, now_ms))
		return false;
	if (party->fd < 0)
		party->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (party->fd < 0)
		return false;
	list(p, party);
	party->waits_for = other;
	party->waits_at = at;
	party->wait_began_ms = now_ms;
	party->wait_until_ms = until_ms;
	other->n_waiters++;
	count_waiting(p, 1);
	return true;
}

static void add_layer(struct virus_pending *p, struct virus_party *party,
		      const struct virus_layer *layer, int64_t now_ms)
{
	struct virus_pending_layer *l;

	if (party->n_layers == VIRUS_PARTY_LAYERS)
		return;
	list(p, party);
	l = &party->layers[party->n_layers++];
	*l = (struct virus_pending_layer){.level = layer->level, .began_ms = now_ms};
	memcpy(l->digest, layer->digest, GP_SHA256_SIZE);
}

bool virus_pending_ask(struct virus_pending *p, struct virus_party *party,
		       const struct virus_layer *layer, int64_t until_ms)
{
	int64_t now_ms = gp_clock_mono_ms();
	bool waits = false;

	if (layer->size < VIRUS_WAIT_MIN && !party->n_layers)
		return false;
	pthread_mutex_lock(&p->lock);
	pass(p, party, layer->level, now_ms);
	if (layer->size >= VIRUS_WAIT_MIN) {
		waits = begin_wait(p, party, layer, now_ms, until_ms);
		if (!waits)
			add_layer(p, party, layer, now_ms);
	}
	pthread_mutex_unlock(&p->lock);
	return waits;
}

/* The time that it waited is not of what it looked at meanwhile. */
static void end_wait(struct virus_pending *p, struct virus_party *party, int64_t now_ms)
{
	party->waits_for->n_waiters--;
	party->waits_for = NULL;
	for (size_t i = 0; i < party->n_layers; i++)
		if (!party->layers[i].done_ms)
			party->layers[i].began_ms += now_ms - party->wait_began_ms;
	count_waiting(p, -1);
}

enum virus_pending_wait virus_pending_look(struct virus_pending *p, struct virus_party *party,
				   int64_t *ret_until_ms)
{
	int64_t now_ms = gp_clock_mono_ms(), until_ms;
	enum virus_pending_wait how = VIRUS_WAIT_OVER;
	eventfd_t ignored;

	(void)!eventfd_read(party->fd, &ignored);
	pthread_mutex_lock(&p->lock);
	if (party->waits_for) {
		until_ms = GP_MIN(party->wait_until_ms,
				  end_of(&party->waits_for->layers[party->waits_at]));
		how = now_ms < until_ms ? VIRUS_WAIT_ON : VIRUS_WAIT_LATE;
		if (how == VIRUS_WAIT_ON)
			*ret_until_ms = until_ms;
		else
			end_wait(p, party, now_ms);
	}
	pthread_mutex_unlock(&p->lock);
	return how;
}

void virus_pending_in_vain(struct virus_pending *p, const struct virus_layer *layer)
{
	int64_t now_ms = gp_clock_mono_ms();

	pthread_mutex_lock(&p->lock);
	if (!was_in_vain(p, layer, now_ms)) {
		struct vain *v = &p->vain[p->next_vain++ % VAIN_MAX];

		v->until_ms = now_ms + VAIN_MS;
		memcpy(v->digest, layer->digest, GP_SHA256_SIZE);
	}
	pthread_mutex_unlock(&p->lock);
}

void virus_pending_leave(struct virus_pending *p, struct virus_party *party)
{
	struct virus_party **at = &p->parties;
	int64_t now_ms = gp_clock_mono_ms();

	if (!party->is_listed)
		return;
	pthread_mutex_lock(&p->lock);
	if (party->waits_for)
		end_wait(p, party, now_ms);
	for (struct virus_party *q = p->parties; q; q = q->next) {
		if (q->waits_for != party)
			continue;
		end_wait(p, q, now_ms);
		wake(q);
	}
	while (*at != party)
		at = &(*at)->next;
	*at = party->next;
	pthread_mutex_unlock(&p->lock);
	party->is_listed = false;
	party->n_layers = 0;
	gp_fd_close(&party->fd);
}

size_t virus_pending_waiting(struct virus_pending *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->n_waiting;
	pthread_mutex_unlock(&p->lock);
	return n;
}
