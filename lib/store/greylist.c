/*
 * The front of greylisting, and its decision: a pure function of the old record and the
 * clock, which the implementations apply where nobody else changes the record (on LMDB in
 * the transaction; Redis has the same steps in scripts/greylist.lua).
 *
 * A retry is early until delay_s have passed since the first try; a triplet whose first try
 * is older than retry_s begins anew (the record has expired).  Who passed often enough has a
 * record that says so, and leaves no others.
 */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/store/store_int.h"

/* The record: first (8), last (8), tries (4), passed (1); host's order is not
 * used, because hosts may share it. */
#define RECORD_SIZE 21
/* That of who tries: how often it passed (4). */
#define WHO_SIZE 4

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

static struct gp_greylist_state decode(struct gp_str record)
{
	const unsigned char *p = (const unsigned char *)record.ptr;

	return (struct gp_greylist_state){
		.first_s = (int64_t)get(p, 8),
		.last_s = (int64_t)get(p + 8, 8),
		.tries = (uint32_t)get(p + 16, 4),
		.passed = p[20] != 0,
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
	s.is_return = !s.passed && now_s - s.first_s >= rule->delay_s;
	s.passed = s.passed || s.is_return;
	*ret_ttl_s = s.passed ? rule->passed_s : s.first_s + rule->retry_s - now_s;
	*ret_ttl_s = GP_MAX(*ret_ttl_s, (int64_t)1);
	return s;
}

static void write_who(struct gp_greylist_write *w, uint64_t passes, int64_t ttl_s)
{
	put(w->record.data, GP_MIN(passes, (uint64_t)UINT32_MAX), WHO_SIZE);
	w->record.len = WHO_SIZE;
	w->ttl_s = GP_MAX(ttl_s, (int64_t)1);
}

void gp_greylist_step(struct gp_greylist_call *call, const struct gp_str *old,
		      const struct gp_str *who, struct gp_greylist_write *ret,
		      struct gp_greylist_write *ret_who)
{
	const struct gp_greylist_rule *rule = &call->rule;
	uint64_t passes = who && who->len == WHO_SIZE ? get((const void *)who->ptr, WHO_SIZE) : 0;
	struct gp_greylist_state before;
	bool known = old && old->len == RECORD_SIZE;

	ret->ttl_s = ret_who->ttl_s = 0;
	if (rule->allow_after > 0 && passes >= rule->allow_after) {
		call->state = (struct gp_greylist_state){.first_s = call->now_s,
							 .last_s = call->now_s,
							 .passed = true,
							 .is_allowed = true};
		write_who(ret_who, passes, rule->allow_s);
		return;
	}
	if (known)
		before = decode(*old);
	call->state = decide(known ? &before : NULL, rule, call->now_s, &ret->ttl_s);
	encode(&call->state, &ret->record);
	if (call->state.is_return && rule->allow_after > 0)
		write_who(ret_who, passes + 1, rule->allow_s);
}

static void call_destroy(struct gp_job *job)
{
	struct gp_greylist_call *call = (struct gp_greylist_call *)job;

	if (call->free_extra)
		call->free_extra(call->extra);
	free(call);
}

struct gp_greylist_call *gp_store_greylist_begin(struct gp_store *st, struct gp_batch *batch,
						 struct gp_str table, struct gp_str who,
						 struct gp_str key,
						 const struct gp_greylist_rule *rule, int64_t now_s)
{
	struct gp_greylist_call *call = gp_xcalloc(1, sizeof(*call));

	call->store = st;
	call->rule = *rule;
	call->now_s = now_s;
	gp_keys_hash(who, call->who);
	gp_keys_member(who, key, call->hash);
	gp_job_init(&call->job, batch, call_destroy);
	if (!gp_store_table_is_valid(table) || key.len == 0 || who.len == 0 ||
	    !gp_str_copy(call->table, sizeof(call->table), table))
		gp_job_finish(&call->job, GP_EINVAL);
	else if (!gp_store_async_begin(st, GP_STORE_WRITES, gp_batch_deadline(batch), &call->begun_us,
				       &call->deadline_ms))
		gp_job_finish(&call->job, GP_ETEMP);
	else
		st->ops->greylist_start(st, call);
	return call;
}

void gp_store_greylist_done(struct gp_greylist_call *call, int result, const struct gp_diag *why)
{
	gp_store_async_end(call->store, GP_STORE_WRITES, call->begun_us, call->deadline_ms, result, why);
	gp_job_finish(&call->job, result);
}

int gp_store_greylist_finish(struct gp_greylist_call *call, struct gp_greylist_state *ret)
{
	int r = gp_job_wait(&call->job);

	if (r == GP_OK)
		*ret = call->state;
	return r;
}

int gp_store_greylist_try(struct gp_store *st, struct gp_str table, struct gp_str who,
			  struct gp_str key, const struct gp_greylist_rule *rule, int64_t now_s,
			  int64_t deadline_ms, struct gp_greylist_state *ret)
{
	struct gp_batch *batch = gp_batch_new(deadline_ms);
	int r = gp_store_greylist_finish(
		gp_store_greylist_begin(st, batch, table, who, key, rule, now_s), ret);

	gp_batch_free(&batch);
	return r;
}
