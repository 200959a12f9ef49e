/*
 * Greylisting as a record that two hosts may change at once: read, decide,
 * swap if it is unchanged, else again.
 *
 * The decision itself is a pure function of the old record and the clock.  A
 * retry is early until delay_s have passed since the first try; a triplet whose
 * first try is older than retry_s begins anew (the record has expired).
 */
#include "lib/store/store.h"

/* Two hosts that see the same triplet at once: one of them wins each round. */
#define ROUNDS_MAX 8

/* The record: first (8), last (8), tries (4), passed (1); host's order is not
 * used, because hosts may share it. */
#define RECORD_SIZE 21

static void put(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static uint64_t get(const unsigned char *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static void encode(const struct gp_greylist_state *s, struct gp_record *ret)
{
	ret->len = RECORD_SIZE;
	put(ret->data, (uint64_t)s->first_s, 8);
	put(ret->data + 8, (uint64_t)s->last_s, 8);
	put(ret->data + 16, s->tries, 4);
	ret->data[20] = s->passed;
}

static struct gp_greylist_state decode(const struct gp_record *r)
{
	return (struct gp_greylist_state){
		.first_s = (int64_t)get(r->data, 8),
		.last_s = (int64_t)get(r->data + 8, 8),
		.tries = (uint32_t)get(r->data + 16, 4),
		.passed = r->data[20],
	};
}

/* old NULL: never seen, or forgotten.  *ret_ttl_s: how long to remember. */
static struct gp_greylist_state decide(const struct gp_greylist_state *old,
				       const struct gp_greylist_rule *rule, int64_t now_s,
				       int64_t *ret_ttl_s)
{
	struct gp_greylist_state s = {.first_s = now_s, .last_s = now_s, .tries = 1};

	if (old) {
		s.first_s = GP_MIN(old->first_s, now_s);
		s.tries = old->tries < UINT32_MAX ? old->tries + 1 : old->tries;
		s.passed = old->passed;
	}
	s.passed = s.passed || now_s - s.first_s >= rule->delay_s;
	*ret_ttl_s = s.passed ? rule->passed_s : s.first_s + rule->retry_s - now_s;
	*ret_ttl_s = GP_MAX(*ret_ttl_s, (int64_t)1);
	return s;
}

int gp_store_greylist_try(struct gp_store *store, struct gp_str key,
			  const struct gp_greylist_rule *rule, int64_t now_s, int64_t deadline_ms,
			  struct gp_greylist_state *ret)
{
	struct gp_str table = GP_STR("greylist");

	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct gp_record old, new;
		struct gp_greylist_state state;
		int64_t ttl_s;
		bool swapped, known;
		int r = gp_store_record_get(store, table, key, deadline_ms, &old);

		if (r < 0 && r != GP_ENOENT)
			return r;
		known = r == GP_OK && old.len == RECORD_SIZE;
		if (known)
			state = decode(&old);
		state = decide(known ? &state : NULL, rule, now_s, &ttl_s);
		encode(&state, &new);
		r = gp_store_record_swap(store, table, key, r == GP_OK ? &old : NULL, &new, ttl_s,
					 deadline_ms, &swapped);
		if (r < 0)
			return r;
		if (swapped) {
			*ret = state;
			return GP_OK;
		}
	}
	return GP_ETEMP;
}
