/*
 * The resolver's front: questions as jobs, answers copied out, records from the wire.
 *
 * Knows no transport and no cache; those are the implementation's.
 */
#include "lib/dns/dns.h"

#include <stdlib.h>

#include "lib/base/mem.h"

/* Typical answers fit one block. */
#define ANSWER_BLOCK 512

static void destroy(struct gp_job *job)
{
	struct gp_dns_question *q = (struct gp_dns_question *)job;

	gp_arena_free(q->arena);
	free(q);
}

struct gp_dns_question *gp_dns_begin(struct gp_resolver *r, struct gp_batch *batch,
				     struct gp_str name, enum gp_dns_type type)
{
	struct gp_dns_question *q = gp_xcalloc(1, sizeof(*q));

	q->resolver = r;
	q->type = type;
	q->arena = gp_arena_new(ANSWER_BLOCK);
	gp_job_init(&q->job, batch, destroy);
	if (gp_dns_name_fold_escaped(name, q->name) < 0)
		gp_job_finish(&q->job, GP_EINVAL);
	else
		r->ops->ask(r, q);
	return q;
}

void gp_dns_answered(struct gp_dns_question *q, int result)
{
	if (q->front)
		q->front->ops->hear(q->front, q, result);
	gp_job_finish(&q->job, result);
}

void gp_dns_answer_copy(struct gp_arena *arena, const struct gp_dns_answer *from,
			struct gp_dns_answer *ret)
{
	*ret = *from;
	ret->name = gp_arena_str(arena, from->name);
	ret->records = from->n_records ? gp_arena_dup(arena, from->records,
						      from->n_records * sizeof(*from->records))
				       : NULL;
	for (size_t i = 0; i < ret->n_records; i++) {
		ret->records[i].text = gp_arena_str(arena, from->records[i].text);
		if (from->records[i].strings.len)
			ret->records[i].strings = gp_arena_str(arena, from->records[i].strings);
	}
}

bool gp_dns_record_string(const struct gp_dns_record *record, size_t *at, struct gp_str *ret)
{
	struct gp_str s = record->strings;

	if (s.len == 0) {
		*ret = record->text;
		return (*at)++ == 0;
	}
	if (*at >= s.len)
		return false;
	*ret = gp_str_sub(s, *at + 1, (unsigned char)s.ptr[*at]);
	*at += 1 + ret->len;
	return true;
}

int gp_dns_finish(struct gp_dns_question *q, struct gp_arena *arena, struct gp_dns_answer *ret)
{
	int r = gp_job_wait(&q->job);

	if (r < 0)
		return r;
	gp_dns_answer_copy(arena, &q->answer, ret);
	return GP_OK;
}

int gp_dns_get(struct gp_resolver *r, struct gp_str name, enum gp_dns_type type,
	       int64_t deadline_ms, struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct gp_batch *batch = gp_batch_new(deadline_ms);
	int result = gp_dns_finish(gp_dns_begin(r, batch, name, type), arena, ret);

	gp_batch_free(&batch);
	return result;
}

void gp_resolver_close(struct gp_resolver **r)
{
	struct gp_resolver *old = *r;

	*r = NULL;
	if (old)
		old->ops->close(old);
}

/* TXT: one or more strings with their lengths before them, joined (RFC 7208, 3.3). */
static int from_text(struct gp_arena *arena, struct gp_str wire, struct gp_dns_record *ret)
{
	char *to = gp_arena_alloc(arena, wire.len + 1);
	struct gp_str all = wire;
	size_t n = 0;

	while (wire.len) {
		size_t len = (unsigned char)wire.ptr[0];

		if (len > wire.len - 1)
			return GP_EINVAL;
		memcpy(to + n, wire.ptr + 1, len);
		n += len;
		wire = gp_str_sub(wire, 1 + len, wire.len);
	}
	ret->text = gp_str_n(to, n);
	if (all.len > n + 1) /* more than one length */
		ret->strings = gp_arena_str(arena, all);
	return GP_OK;
}

static int from_name(struct gp_arena *arena, struct gp_str wire, struct gp_dns_record *ret)
{
	size_t len;
	int r = gp_dns_name_from_wire(arena, wire, &ret->text, &len);

	return r < 0 ? r : len == wire.len ? GP_OK : GP_EINVAL;
}

static int from_address(struct gp_str wire, uint8_t family, struct gp_dns_record *ret)
{
	if (wire.len != (family == 4 ? 4u : 16u))
		return GP_EINVAL;
	ret->ip.family = family;
	memcpy(ret->ip.bytes, wire.ptr, wire.len);
	return GP_OK;
}

static int from_wire(struct gp_arena *arena, enum gp_dns_type type, struct gp_str wire,
		     struct gp_dns_record *ret)
{
	switch (type) {
	case GP_DNS_A:
		return from_address(wire, 4, ret);
	case GP_DNS_AAAA:
		return from_address(wire, 6, ret);
	case GP_DNS_TXT:
		return from_text(arena, wire, ret);
	case GP_DNS_MX:
		if (wire.len < 3)
			return GP_EINVAL;
		ret->preference =
			(uint16_t)((unsigned char)wire.ptr[0] << 8 | (unsigned char)wire.ptr[1]);
		return from_name(arena, gp_str_sub(wire, 2, wire.len), ret);
	case GP_DNS_NS:
	case GP_DNS_PTR:
	case GP_DNS_CNAME:
		return from_name(arena, wire, ret);
	}
	return GP_EINVAL;
}

/* Room for one more: doubled whenever their number is a power of two. */
static struct gp_dns_record *room(struct gp_arena *arena, const struct gp_dns_answer *a)
{
	size_t size = a->n_records * sizeof(*a->records);

	if (a->n_records & (a->n_records - 1))
		return a->records;
	return gp_arena_grow(arena, a->records, size, size ? 2 * size : sizeof(*a->records));
}

int gp_dns_answer_add(struct gp_dns_question *q, const void *data, size_t len)
{
	struct gp_dns_answer *a = &q->answer;
	struct gp_dns_record record = {0};
	int r;

	if (a->n_records == GP_DNS_RECORDS_MAX)
		return GP_ELIMIT;
	r = from_wire(q->arena, q->type, gp_str_n(data, len), &record);
	if (r < 0)
		return r;
	a->records = room(q->arena, a);
	a->records[a->n_records++] = record;
	return GP_OK;
}
