/*
 * Sums of token changes; see the header.
 */
#include "lib/store/delta.h"

#include <stdlib.h>

#include "lib/base/mem.h"

static int by_digest(const void *a, const void *b, void *arg)
{
	const struct gp_bayes_message *m = arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int c = memcmp(m[i].digest, m[j].digest, sizeof(m[i].digest));

	return c != 0 ? c : (i < j ? -1 : i > j);
}

static enum gp_learned outcome(enum gp_bayes_class old, enum gp_bayes_class new)
{
	if (old == new)
		return new == GP_BAYES_NONE ? GP_LEARNED_UNKNOWN : GP_LEARNED_SAME;
	if (new == GP_BAYES_NONE)
		return GP_LEARNED_REMOVED;
	return old == GP_BAYES_NONE ? GP_LEARNED_NEW : GP_LEARNED_MOVED;
}

/* What each message was before its turn: the stored class, or what an earlier
 * message with the same digest made of it. */
static void find_old(const struct gp_bayes_message *m, size_t n, const unsigned char *known,
		     unsigned char *old)
{
	GP_FREE size_t *order = gp_xmalloc(n * sizeof(*order));

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	/* cast: the comparison only reads */
	qsort_r(order, n, sizeof(*order), by_digest, (struct gp_bayes_message *)(uintptr_t)m);
	for (size_t k = 0; k < n; k++) {
		size_t i = order[k];

		if (k > 0 && memcmp(m[i].digest, m[order[k - 1]].digest, sizeof(m->digest)) == 0)
			old[i] = (unsigned char)m[order[k - 1]].class;
		else
			old[i] = known[i];
	}
}

static int class_sign(enum gp_bayes_class class, enum gp_bayes_class old, enum gp_bayes_class new)
{
	return (new == class) - (old == class);
}

static int by_token(const void *a, const void *b)
{
	uint64_t x = ((const struct gp_delta *)a)->token, y = ((const struct gp_delta *)b)->token;

	return x < y ? -1 : x > y;
}

/* Sorts and sums; the new number. */
static size_t merge(struct gp_delta *d, size_t n)
{
	size_t out = 0;

	qsort(d, n, sizeof(*d), by_token);
	for (size_t i = 0, next; i < n; i = next) {
		struct gp_delta sum = d[i];

		for (next = i + 1; next < n && d[next].token == sum.token; next++) {
			sum.spam += d[next].spam;
			sum.ham += d[next].ham;
		}
		if (sum.spam != 0 || sum.ham != 0)
			d[out++] = sum;
	}
	return out;
}

void gp_delta_build(struct gp_bayes_message *messages, size_t n, const unsigned char *known,
		    struct gp_delta_set *ret)
{
	GP_FREE unsigned char *old = gp_xmalloc(n + 1);
	size_t total = 0, at = 0;

	find_old(messages, n, known, old);
	for (size_t i = 0; i < n; i++)
		total += messages[i].n_tokens;
	*ret = (struct gp_delta_set){.items = gp_xreallocarray(NULL, total + 1, sizeof(*ret->items))};
	for (size_t i = 0; i < n; i++) {
		struct gp_bayes_message *m = &messages[i];
		int spam = class_sign(GP_BAYES_SPAM, old[i], m->class);
		int ham = class_sign(GP_BAYES_HAM, old[i], m->class);

		m->learned = outcome(old[i], m->class);
		ret->spam += spam;
		ret->ham += ham;
		if (spam == 0 && ham == 0)
			continue;
		for (size_t k = 0; k < m->n_tokens; k++)
			ret->items[at++] =
				(struct gp_delta){.token = m->tokens[k], .spam = spam, .ham = ham};
	}
	ret->n = merge(ret->items, at);
}

void gp_delta_done(struct gp_delta_set *set)
{
	gp_freep(&set->items);
	set->n = 0;
}
