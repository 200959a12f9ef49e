/*
 * A queue, the oldest first; see the header.
 */
#include "policyd-ratelimit/limit_retell.h"

#include <stdlib.h>

#include "lib/base/mem.h"

struct request {
	struct request *next;
	size_t size; /* of this block, with its texts */
	int64_t at_ms;
	uint64_t number; /* in the file; 0: it is not there */
	struct gp_limit_call *call; /* while it is told */
	size_t n;
	struct gp_limit_take takes[];
};

struct limit_retell {
	size_t bytes_max, bytes, len, n_told;
	struct limit_kept *kept;
	struct request *first, **tail;
};

static size_t size_of(const struct gp_limit_take *takes, size_t n)
{
	size_t size = sizeof(struct request) + n * sizeof(*takes);

	for (size_t i = 0; i < n; i++)
		size += takes[i].key.len + takes[i].member.len + takes[i].whole.len +
			takes[i].part.len;
	return size;
}

bool limit_retell_fits(const struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		       bool is_unsure)
{
	return q->bytes + size_of(takes, n) <= (is_unsure ? q->bytes_max : q->bytes_max / 2);
}

static void keep(struct gp_str *text, char **at)
{
	if (text->len > 0)
		memcpy(*at, text->ptr, text->len);
	*text = gp_str_n(*at, text->len);
	*at += text->len;
}

void limit_retell_put(struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		      int64_t at_ms, uint64_t number)
{
	size_t size = size_of(takes, n);
	struct request *r = gp_xcalloc(1, size);
	char *at = (char *)&r->takes[n];

	r->size = size;
	r->at_ms = at_ms;
	for (size_t i = 0; i < n; i++) {
		struct gp_limit_take *t = &r->takes[r->n];

		if (takes[i].amount == 0) /* looked at only */
			continue;
		*t = takes[i];
		keep(&t->key, &at);
		keep(&t->member, &at);
		keep(&t->whole, &at);
		keep(&t->part, &at);
		r->n++;
	}
	if (r->n == 0) {
		free(r);
		return;
	}
	r->number = number ? number : limit_kept_add(q->kept, r->takes, r->n, 0);
	*q->tail = r;
	q->tail = &r->next;
	q->bytes += size;
	q->len++;
}

void limit_retell_add(struct limit_retell *q, const struct gp_limit_take *takes, size_t n,
		      int64_t now_ms)
{
	limit_retell_put(q, takes, n, now_ms, 0);
}

size_t limit_retell_keep(struct limit_retell *q, int64_t now_ms)
{
	size_t n = 0;

	for (struct request *r = q->first; r; r = r->next) {
		if (r->number == 0)
			r->number = limit_kept_add(q->kept, r->takes, r->n, now_ms - r->at_ms);
		n += r->number == 0;
	}
	return n;
}

size_t limit_retell_begin(struct limit_retell *q, struct gp_store *store, struct gp_str table,
			  struct gp_batch *batch, int64_t now_ms)
{
	struct request *r = q->first;

	for (q->n_told = 0; r && q->n_told < LIMIT_RETELL_CALLS; r = r->next, q->n_told++) {
		/* What is a window old counts no more. */
		for (size_t i = 0; i < r->n; i++)
			r->takes[i].age_ms = GP_MIN(GP_MAX(now_ms - r->at_ms, (int64_t)0),
						    r->takes[i].limit.window_ms);
		r->call = gp_store_limit_begin(store, batch, table, r->takes, r->n, GP_LIMIT_COUNT, 0);
	}
	return q->n_told;
}

static void drop(struct limit_retell *q, struct request **at)
{
	struct request *r = *at;

	*at = r->next;
	if (!*at)
		q->tail = at;
	q->bytes -= r->size;
	q->len--;
	free(r);
}

bool limit_retell_finish(struct limit_retell *q)
{
	struct request **at = &q->first;
	bool all = true;

	for (; q->n_told > 0; q->n_told--) {
		int r = gp_store_limit_finish((*at)->call, (*at)->takes);

		(*at)->call = NULL;
		/* Refused for good: told again it would be refused again. */
		if (r == GP_OK || r == GP_EINVAL) {
			limit_kept_told(q->kept, (*at)->number);
			drop(q, at);
			continue;
		}
		all = false;
		at = &(*at)->next;
	}
	return all;
}

size_t limit_retell_len(const struct limit_retell *q)
{
	return q->len;
}

struct limit_retell *limit_retell_new(size_t bytes_max, struct limit_kept *kept)
{
	struct limit_retell *q = gp_xcalloc(1, sizeof(*q));

	q->bytes_max = bytes_max;
	q->kept = kept;
	q->tail = &q->first;
	return q;
}

void limit_retell_free(struct limit_retell **q)
{
	struct limit_retell *old = *q;

	if (!old)
		return;
	*q = NULL;
	while (old->first)
		drop(old, &old->first);
	free(old);
}
